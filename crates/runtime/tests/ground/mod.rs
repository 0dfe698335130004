//! What every story stands on: an install on a store of its own, programs as text, events in a line.

#![allow(dead_code, reason = "each test binary uses what it needs")]

use std::sync::Arc;

use engine::{Fields, Message, MessageKind, Source};
use jiff::Timestamp;
use ledger::ProfileId;
use program::plan::Choices;
use runtime::{
    Environment, Greenroom,
    clock::SystemClock,
    configuration::{Applied, ApplyRequest, PlanSource},
    control::Actor,
    environment::Options,
    ingest::{Incoming, ItemOutcome},
    work::Progress,
};
use serde_json::{Value, json};
use testing::Store;

pub(crate) const MASTER_KEY: [u8; 32] = [7; 32];

pub(crate) struct Ground {
    pub(crate) greenroom: Arc<Greenroom>,
    pub(crate) store: Store,
}

pub(crate) async fn ground() -> Ground {
    ground_with(Options::default()).await
}

pub(crate) async fn ground_with(options: Options) -> Ground {
    let store = Store::make().await;
    let greenroom = open(&store, options).await;
    Ground { greenroom, store }
}

pub(crate) async fn open(store: &Store, options: Options) -> Arc<Greenroom> {
    let backend = store.backend().await;
    Greenroom::open(backend, MASTER_KEY, Arc::new(SystemClock), options).await.expect("it opens")
}

impl Ground {
    pub(crate) fn live(&self) -> Arc<Environment> {
        self.greenroom.environment("live").expect("live is there from the start")
    }

    /// Stops everything and opens it again.
    pub(crate) async fn reopen(self) -> Self {
        self.greenroom.stop().await.expect("it stops");
        drop(self.greenroom);
        let greenroom = open(&self.store, Options::default()).await;
        Self { greenroom, store: self.store }
    }
}

pub(crate) fn ada() -> Actor {
    Actor { id: "admin_1".into(), name: "Ada".into() }
}

/// A program from YAML.
pub(crate) fn bundle(yaml: &str) -> program::Bundle {
    let files = [("program.yaml".to_owned(), yaml.to_owned())];
    match program::document::load(&files) {
        Ok(loaded) => loaded.bundle,
        Err(faults) => panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// Applies a program; deletes what it does not hold.
pub(crate) async fn apply(environment: &Environment, yaml: &str) -> Applied {
    environment
        .apply(ApplyRequest {
            source: PlanSource::Directory { bundle: bundle(yaml), name: "test".into(), pulled: None },
            choices: Choices { allow_delete: true, ..Choices::default() },
            expect: None,
            seen: None,
            actor: ada(),
            message: Some("a story".into()),
        })
        .await
        .expect("it applies")
}

/// The record shop in short: a point for a whole dollar.
pub(crate) const SHOP: &str = r"
kind: event_type
key: order_completed
spec:
  name: Order Completed
  unique_by: properties.order_id
  schema:
    type: object
    required: [total]
    properties:
      order_id: {type: string}
      total: {type: number}
---
kind: currency
key: points
spec: {name: Points}
---
kind: metric
key: orders
spec: {event: order_completed, aggregate: count}
---
kind: metric
key: lifetime_spend
spec: {event: order_completed, aggregate: sum, of: properties.total}
---
kind: audience
key: big_spenders
spec: {condition: profile.metrics.lifetime_spend > 100.0}
---
kind: reactor
key: points_for_orders
spec:
  trigger: {event: order_completed}
  actions:
    - award: {currency: points, of: properties.total}
";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// A track call.
pub(crate) fn track(id: &str, user: &str, event: &str, properties: Value, when: Timestamp) -> Message {
    let Value::Object(properties) = properties else { panic!("properties are an object") };
    Message {
        message_id: id.into(),
        kind: MessageKind::Track,
        user_id: Some(user.into()),
        anonymous_id: None,
        previous_id: None,
        event: Some(event.into()),
        properties: properties.into(),
        traits: Fields::default(),
        context: Fields::default(),
        occurred_at: when,
        received_at: when,
        source: Source::Server,
        other: Fields::default(),
    }
}

/// An order.
pub(crate) fn order(id: &str, user: &str, total: &str, when: Timestamp) -> Message {
    let total: Value = serde_json::from_str(total).expect("a number");
    track(id, user, "Order Completed", json!({"order_id": format!("o-{id}"), "total": total}), when)
}

/// The same message with one more property (or another value of it).
pub(crate) fn with(message: Message, name: &str, value: Value) -> Message {
    let mut properties = serde_json::Map::clone(&message.properties);
    properties.insert(name.into(), value);
    Message { properties: properties.into(), ..message }
}

pub(crate) async fn send(environment: &Environment, messages: Vec<Message>) -> Vec<ItemOutcome> {
    let items = messages.into_iter().map(|message| Incoming::Message(Box::new(message))).collect();
    environment.ingest(items, 1_000).await.expect("it is taken")
}

pub(crate) async fn user(environment: &Environment, user: &str) -> ProfileId {
    let identity = engine::Identity::User(user.into());
    environment.find_profile(&identity).await.expect("it reads").expect("there is such a user")
}

pub(crate) async fn state(environment: &Environment, name: &str) -> engine::Profile {
    let id = user(environment, name).await;
    environment.profile(id).await.expect("it reads").expect("there is such a profile")
}

pub(crate) async fn points(environment: &Environment, name: &str) -> i64 {
    let state = state(environment, name).await;
    state.wallets.0.get(&"points".into()).map_or(0, ledger::Wallet::available)
}

/// Every view's export, by name.
pub(crate) async fn exports(environment: &Environment) -> Vec<(&'static str, Vec<String>)> {
    let mut all = Vec::new();
    for view in store::VIEWS {
        all.push((view, environment.store().export_view(view).await.expect("it exports")));
    }
    all
}

/// Everything must hold: decisions reproduce, sums balance, views are what the journal says; and a rebuild
/// changes nothing.
pub(crate) async fn holds(environment: &Environment) {
    let verified = environment.verify(&Progress::default()).await.expect("it verifies");
    assert!(verified.passed(), "{:#?}", verified.findings);
    let before = exports(environment).await;
    environment.rebuild(&Progress::default()).await.expect("it rebuilds");
    for ((view, before), (_, after)) in before.into_iter().zip(exports(environment).await) {
        assert_eq!(before, after, "view {view} after a rebuild");
    }
}
