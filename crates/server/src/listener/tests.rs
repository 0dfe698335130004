use std::{
    fmt::Debug,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Extension, Router,
    extract::Request,
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
};
use tracing::{Event, Metadata, field::Field, span};

use super::*;
use crate::{
    body,
    problem::{Code, Problem},
};

struct Served {
    address: SocketAddr,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn served(limits: Limits) -> Served {
    let config =
        ListenerConfig { address: SocketAddr::from(([127, 0, 0, 1], 0)), limits, ..Default::default() };
    let listener = Listener::bind(config).await.expect("a free port");
    let address = listener.address().expect("it is bound");
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "slow"
    };
    let read = move |request: Request| async move {
        body::read(request.into_body(), 10, limits.body_timeout).await.map(|bytes| bytes.len().to_string())
    };
    let app = Router::new()
        .route("/fast", get(|| async { "fast" }))
        .route("/slow", get(slow))
        .route("/of-live", get(|| async { (Extension(Environment("live".into())), "live") }))
        .route("/read", post(read))
        .route("/panic", get(|| async { bug() }))
        .route(
            "/own404",
            get(|| async { Problem::new(Code::NotFound, "No such thing.").at("/id", "unknown") }),
        )
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(middleware::from_fn(around));
    let (end, ended) = watch::channel(false);
    let task = tokio::spawn(serve(listener, app, ended));
    Served { address, end, task }
}

fn bug() -> Response {
    let number: u8 = "none".parse().expect("a bug");
    number.to_string().into_response()
}

/// Sends bytes and reads until the other side closes.
async fn exchange(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(bytes.as_bytes()).await.expect("it takes them");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

fn get_closing(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
}

fn json(answer: &str) -> serde_json::Value {
    let (_, body) = answer.split_once("\r\n\r\n").expect("a header");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[tokio::test]
async fn refusals_are_problems_with_the_requests_id() {
    let served = served(Limits::default()).await;
    for (request, status, code) in [
        (get_closing("/nothing"), "404", "not_found"),
        (get_closing("/own404"), "404", "not_found"),
        (get_closing("/read"), "405", "method_not_allowed"),
        (get_closing("/panic"), "500", "internal"),
    ] {
        let request = request.replace("host: x", "host: x\r\nx-request-id: trace-0123");
        let answer = exchange(served.address, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("content-type: application/problem+json"), "{answer}");
        assert!(answer.contains("x-request-id: trace-0123"), "{answer}");
        let body = json(&answer);
        assert_eq!((&body["code"], &body["request_id"]), (&code.into(), &"trace-0123".into()));
        assert_eq!(body["type"], format!("https://greenroom.dev/docs/errors/{code}"));
        assert!(body.get("message").is_none());
    }
    let body = json(&exchange(served.address, &get_closing("/own404")).await);
    assert_eq!(body["errors"], serde_json::json!([{"pointer": "/id", "detail": "unknown"}]));
    // It lives on after the panic.
    assert!(exchange(served.address, &get_closing("/fast")).await.ends_with("fast"));
}

#[tokio::test]
async fn requests_in_flight_are_answered_at_the_end() {
    let served = served(Limits::default()).await;
    let address = served.address;
    let slow = tokio::spawn(async move { exchange(address, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    served.end.send(true).expect("it listens");
    assert!(slow.await.expect("no panic").ends_with("slow"));
    served.task.await.expect("it ends");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let served = served(Limits::default()).await;
    let mut idle = TcpStream::connect(served.address).await.expect("it listens");
    idle.write_all(b"GET /fast HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it takes them");
    let mut some = [0; 64];
    assert!(idle.read(&mut some).await.expect("an answer") > 0);
    served.end.send(true).expect("it listens");
    tokio::time::timeout(Duration::from_secs(5), served.task).await.expect("in time").expect("no panic");
}

#[tokio::test]
async fn what_never_arrives_is_not_waited_for() {
    let limits = Limits {
        header_timeout: Duration::from_millis(200),
        body_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let served = served(limits).await;
    let header = exchange(served.address, "GET /fast HTTP/1.1\r\nhost:");
    let header = tokio::time::timeout(Duration::from_secs(5), header).await.expect("it is cut");
    assert!(header.is_empty() || header.starts_with("HTTP/1.1 408"), "{header}");
    let body = exchange(served.address, "POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n12");
    let body = tokio::time::timeout(Duration::from_secs(5), body).await.expect("it is cut");
    assert!(body.starts_with("HTTP/1.1 408 "), "{body}");
    assert_eq!(json(&body)["code"], "request_timeout");
}

#[tokio::test]
async fn bodies_are_bounded() {
    let served = served(Limits::default()).await;
    for (length, status) in [(10, "200"), (11, "413")] {
        let body = "x".repeat(length);
        let request = format!(
            "POST /read HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let answer = exchange(served.address, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[tokio::test]
async fn no_more_connections_than_allowed() {
    let served = served(Limits { connections_max: 1, ..Limits::default() }).await;
    let first = TcpStream::connect(served.address).await.expect("it listens");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut second = tokio::spawn(exchange_owned(served.address, get_closing("/fast")));
    let waits = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
    assert!(waits.is_err(), "the second was answered beside the first");
    drop(first);
    assert!(second.await.expect("no panic").ends_with("fast"));
}

async fn exchange_owned(address: SocketAddr, bytes: String) -> String {
    exchange(address, &bytes).await
}

/// The fields of each line of the access log.
#[derive(Clone, Default)]
struct AccessLog(Arc<Mutex<Vec<Vec<String>>>>);

impl AccessLog {
    fn lines(&self) -> MutexGuard<'_, Vec<Vec<String>>> {
        self.0.lock().expect("no panic while it was held")
    }
}

impl tracing::Subscriber for AccessLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "access"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Vec::new();
        event.record(&mut |field: &Field, value: &dyn Debug| fields.push(format!("{field}={value:?}")));
        self.lines().push(fields);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn the_access_log_names_an_environment_only_where_there_is_one() {
    let log = AccessLog::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let served = served(Limits::default()).await;
    for path in ["/fast", "/of-live"] {
        exchange(served.address, &get_closing(path)).await;
    }
    let lines = log.lines();
    let environments: Vec<Vec<&String>> = lines
        .iter()
        .map(|fields| fields.iter().filter(|field| field.starts_with("environment=")).collect())
        .collect();
    assert_eq!(environments, [vec![], vec!["environment=\"live\""]], "{lines:?}");
}
