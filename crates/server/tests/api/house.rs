//! A whole install on a store of its own, asked without a socket.

use std::{path::Path, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use runtime::{
    Environment, Greenroom, clock::SystemClock, control::Actor, environment::Options, keys::KeyKind,
};
use serde_json::{Value, json};
use server::{Here, ListenerConfig, Traffic};
use testing::Store;
use tokio::sync::watch;
use tower::ServiceExt;

pub(crate) struct House {
    pub(crate) greenroom: Arc<Greenroom>,
    pub(crate) app: Router,
    /// An administrator's token.
    pub(crate) token: String,
    end: watch::Sender<bool>,
    store: Store,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, self.body);
        self.body
    }

    /// The code of a refusal.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> &str {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        self.body["detail"].as_str().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl House {
    /// With `live`, `staging`, and an administrator.
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let store = Store::make().await;
        let backend = store.backend().await;
        let greenroom = Greenroom::open(backend, [7; 32], Arc::new(SystemClock), options).await.unwrap();
        greenroom.create_environment("staging", Actor::system()).await.unwrap();
        let (_, token) = greenroom.make_administrator("Ada").await.unwrap();
        let (end, ended) = watch::channel(false);
        let here =
            Here::new(Arc::clone(&greenroom), ListenerConfig::default(), Arc::new(Traffic::default()), ended)
                .with_backups(store.folder().join("backups"));
        Self { greenroom, app: server::app(here), token, end, store }
    }

    /// The routes of another listener.
    pub(crate) fn listener(&self, config: ListenerConfig) -> Router {
        let traffic = Arc::new(Traffic::default());
        server::app(Here::new(Arc::clone(&self.greenroom), config, traffic, self.end.subscribe()))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.store.folder()
    }

    pub(crate) fn environment(&self, name: &str) -> Arc<Environment> {
        self.greenroom.environment(name).unwrap()
    }

    pub(crate) async fn key(&self, environment: &str, kind: KeyKind, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(ToString::to_string).collect();
        let environment = self.environment(environment);
        environment.make_key(Actor::system(), kind, "a key", scopes, None).await.unwrap().token
    }

    /// A request to the admin API by the administrator.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask_with(method, path, body, &[]).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ask("GET", path, None).await.ok()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, Some(body)).await
    }

    pub(crate) async fn ask_with(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = headers.to_vec();
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            headers.push(("authorization", &bearer));
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        send(&self.app, method, &format!("/admin/v1{path}"), &headers, body).await
    }

    /// Applies a program's files to an environment.
    pub(crate) async fn apply(&self, environment: &str, files: &[(&str, &str)]) -> Value {
        let files: Vec<Value> =
            files.iter().map(|(name, text)| json!({"name": name, "text": text})).collect();
        let body = json!({"from": {"files": {"name": "test", "files": files}}});
        let path = format!("/environments/{environment}/apply");
        self.ask_with("POST", &path, Some(body), &[("if-match", "*")]).await.ok()
    }

    /// Sends a batch by a write key, and gives what became of each item.
    pub(crate) async fn track(&self, key: &str, items: Value) -> Vec<Value> {
        let headers = [("authorization", &*format!("Bearer {key}")), ("greenroom-report", "1")];
        let body = json!({"batch": items}).to_string();
        let answer = send(&self.app, "POST", "/v1/batch", &headers, body).await.ok();
        answer["items"].as_array().unwrap().clone()
    }

    /// The id of the profile of a user.
    pub(crate) async fn profile_of(&self, environment: &str, user: &str) -> String {
        let found = self.get(&format!("/environments/{environment}/profiles?user_id={user}")).await;
        found["data"][0]["id"].as_str().unwrap().to_owned()
    }
}

/// Asks a router.
pub(crate) async fn send(
    app: &Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let json = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.to_str().unwrap();
        kind.contains("json") && !kind.contains("ndjson")
    });
    let body = if json {
        serde_json::from_slice(&bytes).unwrap()
    } else {
        Value::String(String::from_utf8(bytes.to_vec()).unwrap())
    };
    Answer { status: parts.status, headers: parts.headers, body }
}

/// One point a whole dollar, big spenders from 100 dollars on.
pub(crate) const PROGRAM: [(&str, &str); 6] = [
    (
        "order_completed.yaml",
        "kind: event_type\nkey: order_completed\nspec:\n  name: Order Completed\n  unique_by: properties.order_id\n  schema:\n    type: object\n    required: [order_id, total]\n    properties:\n      order_id: {type: string}\n      total: {type: number, minimum: 0}\n",
    ),
    ("points.yaml", "kind: currency\nkey: points\nspec:\n  name: Points\n"),
    (
        "spend.yaml",
        "kind: metric\nkey: spend\nspec:\n  event: order_completed\n  aggregate: sum\n  of: properties.total\n",
    ),
    (
        "big_spenders.yaml",
        "kind: audience\nkey: big_spenders\nspec:\n  condition: profile.metrics.spend > 100.0\n",
    ),
    (
        "points_for_orders.yaml",
        "kind: reactor\nkey: points_for_orders\nspec:\n  trigger: {event: order_completed}\n  actions:\n    - award: {currency: points, of: properties.total, rate: 1, rounding: floor}\n",
    ),
    ("email.yaml", "kind: trait\nkey: email\nspec:\n  type: string\n  searchable: true\n"),
];

/// An order of the program above.
pub(crate) fn order(user: &str, id: &str, total: &str) -> Value {
    let text = format!(
        r#"{{"type":"track","event":"Order Completed","userId":"{user}","messageId":"m-{id}","properties":{{"order_id":"{id}","total":{total}}}}}"#
    );
    serde_json::from_str(&text).unwrap()
}
