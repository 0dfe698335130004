//! An install with some of everything: two environments, and what must be found again after a move.

use std::sync::Arc;

use engine::{Command, Message, MessageKind, input::Order};
use jiff::Timestamp;
use program::plan::{Choices, Side};
use runtime::{
    Environment, Greenroom,
    clock::SystemClock,
    configuration::{ApplyRequest, PlanSource},
    environment::Options,
    history::RehearsalRequest,
    ingest::ItemOutcome,
    keys::KeyKind,
    work::Progress,
};
use serde_json::{Map, Value, json};
use store::{Backend, Carried, OutsideChange, VIEWS};

use crate::ground::{MASTER_KEY, ada, at, bundle, send, track};

/// Stands in what an erased person sent.
pub(crate) const MARKER: &str = "MARKER-OF-A-PERSON";

const SHOP: &str = r"
kind: event_type
key: order_completed
spec:
  name: Order Completed
  unique_by: properties.order_id
  schema:
    type: object
    required: [total]
    properties: {order_id: {type: string}, total: {type: number}, note: {type: string}}
---
kind: trait
key: email
spec: {type: string, searchable: true}
---
kind: currency
key: points
spec: {name: Points, pending_days: 3, expiry: {after_days: 30}}
---
kind: constant
key: generous
spec: {type: decimal}
---
kind: secret
key: hook
spec: {}
---
kind: metric
key: spend_7d
spec: {event: order_completed, aggregate: sum, of: properties.total, window: {rolling_days: 7}}
---
kind: audience
key: active
spec: {condition: profile.metrics.spend_7d > constants.generous}
---
kind: reactor
key: points_for_orders
spec:
  trigger: {event: order_completed}
  schedule: {until: '2031-01-01T00:00:00Z'}
  budget: {currency: points, amount: 150, when_short: part}
  actions: [{award: {currency: points, of: properties.total}}]
---
kind: reactor
key: hello
spec:
  trigger: {audience_entered: active}
  actions:
    - call_webhook: {url: 'https://hooks.example.com/active', secret: hook, data: {spent: profile.metrics.spend_7d}}
    - send_message: {template: hello, channel: email, data: {points: profile.balances.points}}
";

fn choices() -> Choices {
    let order = "event_type/order_completed".parse().expect("an address");
    let take = [(order, Side::Source)].into_iter().collect();
    Choices { take, allow_delete: true, ..Choices::default() }
}

fn request(source: PlanSource) -> ApplyRequest {
    let choices = choices();
    ApplyRequest { source, choices, expect: None, seen: None, actor: ada(), message: Some("a move".into()) }
}

async fn apply(environment: &Environment, yaml: &str) {
    let source = PlanSource::Directory { bundle: bundle(yaml), name: "test".into(), pulled: None };
    environment.apply(request(source)).await.expect("it applies");
}

/// An order with any properties.
pub(crate) fn order(id: &str, user: &str, properties: Value, when: Timestamp) -> Message {
    track(id, user, "Order Completed", properties, when)
}

fn called(kind: MessageKind, message: Message) -> Message {
    Message { kind, event: None, properties: Map::new().into(), ..message }
}

pub(crate) async fn open(backend: Arc<dyn Backend>) -> runtime::Result<Arc<Greenroom>> {
    Greenroom::open(backend, MASTER_KEY, Arc::new(SystemClock), Options::default()).await
}

pub(crate) fn early() -> Timestamp {
    at("2030-01-01T12:00:00Z")
}

fn late() -> Timestamp {
    at("2030-01-05T00:00:00Z")
}

/// A wider program: what was put aside for its schema fits.
fn wider() -> String {
    SHOP.replace("    required: [total]\n", "")
}

/// Two people, one who is merged, one who is erased; quarantine in every state; bindings. The wider program comes
/// from a file, or from another environment.
async fn people(environment: &Environment, promoted_from: Option<Arc<Environment>>) {
    let now = environment.now();
    let key = |text: &str| program::Key::new(text).expect("a key");
    environment.set_constant(ada(), key("generous"), Some(json!("20.5")), None).await.expect("it is bound");
    environment.set_secret(ada(), key("hook"), Some("hush")).await.expect("it is set");
    apply(environment, SHOP).await;
    let bad = ["q1", "q2"].map(|id| order(id, "ann", json!({"order_id": id}), now));
    send(environment, bad.to_vec()).await;
    match promoted_from {
        None => apply(environment, &wider()).await,
        Some(other) => {
            environment.apply(request(PlanSource::Environment(other))).await.expect("it is promoted");
        }
    }
    let waiting = environment.store().quarantine(None, 10).await.expect("it reads").rows;
    assert_eq!(waiting.len(), 2);
    environment.release(vec![waiting[0].message]).await.expect("it is released");
    let identify = Message {
        traits: Map::from_iter([("email".to_owned(), json!("ann@example.org"))]).into(),
        ..called(MessageKind::Identify, order("i1", "ann", json!({}), now))
    };
    let total = |id: &str, total: f64| json!({"order_id": format!("o-{id}"), "total": total});
    let orders = [("m1", "ann", 59.5), ("m2", "bob", 80.0), ("m3", "old", 9.0), ("m4", "gone", 33.0)];
    let orders = orders.map(|(id, user, worth)| {
        let mut properties = total(id, worth);
        if user == "gone" {
            properties["note"] = json!(MARKER);
        }
        order(id, user, properties, now)
    });
    send(environment, [vec![identify], orders.to_vec()].concat()).await;
    let mut alias = called(MessageKind::Alias, order("a1", "bob", json!({}), now));
    alias.previous_id = Some("old".into());
    let bad_of_gone = order("q3", "gone", json!({"total": "much", "note": MARKER}), now);
    send(environment, vec![alias, bad_of_gone]).await;
    let command = |order| Command { actor: ada().to_string(), reason: "goodwill".into(), order };
    let find = |name: &str| engine::Identity::User(name.into());
    let ann = environment.find_profile(&find("ann")).await.expect("it reads").expect("she is there");
    let credit = Order::Credit { currency: "points".into(), amount: 5 };
    environment.order(ann, command(credit), Some("k1".into())).await.expect("it credits");
    if !environment.is_live() {
        environment.advance_clock(ada(), late()).await.expect("the clock moves");
    }
    let gone = environment.find_profile(&find("gone")).await.expect("it reads").expect("still there");
    rehearse(environment).await;
    environment.order(gone, command(Order::Erase), None).await.expect("it erases");
    let waiting = environment.store().quarantine(None, 10).await.expect("it reads").rows;
    assert_eq!(waiting.len(), 1, "what the erased sent is gone");
    environment.make_key(ada(), KeyKind::Secret, "ci", vec!["read".into()], None).await.expect("it is made");
    let checkpoint = OutsideChange::PutCheckpoint("orders.ndjson".to_owned(), "7".to_owned());
    environment.store().outside(checkpoint).await.expect("it is noted");
}

/// Tries a program whose condition reads what people wrote.
async fn rehearse(environment: &Environment) {
    let reads =
        "  condition: \"has(event.properties.note) && event.properties.note != 'x'\"\n  schedule: {until";
    let bundle = bundle(&wider().replace("  schedule: {until", reads));
    let source = PlanSource::Directory { bundle, name: "test".into(), pulled: None };
    let request = RehearsalRequest { source, choices: choices(), since: None, until: None };
    let done = environment.rehearse(request, &ada(), &Progress::default()).await.expect("it rehearses");
    let told = serde_json::to_string(&done.report).expect("it is JSON");
    assert!(told.contains(MARKER), "it speaks of who is erased later: {told}");
}

/// What must be found again.
pub(crate) struct Estate {
    pub(crate) administrator: String,
    pub(crate) key: String,
}

/// Makes it, and leaves it at rest.
pub(crate) async fn furnish(backend: Arc<dyn Backend>) -> Estate {
    let greenroom = open(backend).await.expect("it opens");
    let (_, administrator) = greenroom.make_administrator("Ada").await.expect("she is made");
    let live = greenroom.environment("live").expect("it is there from the start");
    people(&live, None).await;
    let key = live.make_key(ada(), KeyKind::Write, "shop", Vec::new(), None).await.expect("it is made").token;
    let staging = greenroom.create_environment("staging", ada()).await.expect("it is made");
    staging.advance_clock(ada(), early()).await.expect("the clock moves");
    people(&staging, Some(Arc::clone(&live))).await;
    drop((live, staging));
    greenroom.stop().await.expect("it stops");
    Estate { administrator, key }
}

/// Everything that a store has of an environment.
#[derive(Debug, PartialEq)]
pub(crate) struct Whole {
    identity: store::Identity,
    rows: Vec<Carried>,
    views: Vec<Vec<String>>,
    members: Vec<(Arc<str>, u64)>,
    behind: (u64, u64),
}

impl Whole {
    pub(crate) async fn of(backend: &Arc<dyn Backend>, name: &str) -> Self {
        let environment = backend.open(name).await.expect("it opens");
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = environment.carry(after, 100).await.expect("it reads");
            rows.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut views = Vec::new();
        for view in VIEWS {
            let lines = environment.export_view(view).await.expect("it exports");
            assert!(!lines.is_empty(), "{name}: nothing in {view}");
            views.push(lines);
        }
        let identity = environment.identity().clone();
        let members = environment.member_counts().await.expect("it reads");
        let behind = environment.behind_count([0; 32]).await.expect("it reads");
        environment.close().await.expect("it closes");
        Self { identity, rows, views, members, behind }
    }
}

/// It goes on as if nothing had been: who is known is known, nothing has its effect twice, and all of it holds.
pub(crate) async fn goes_on(backend: Arc<dyn Backend>, estate: &Estate) {
    let greenroom = open(backend).await.expect("it opens");
    for token in [&estate.administrator, &estate.key] {
        assert!(greenroom.authenticate(token).is_ok(), "who was let in is let in");
    }
    let staging = greenroom.environment("staging").expect("it is there");
    assert_eq!(staging.now(), late(), "its own clock");
    drop(staging);
    for environment in greenroom.environments() {
        let constants = environment.constants().expect("they open");
        assert_eq!(constants[0].value, Some(json!("20.5")));
        assert_eq!(environment.secrets().await.expect("they read").len(), 1);
        let now = environment.now();
        let again = order("m1", "ann", json!({"order_id": "o-m1", "total": 59.5}), now);
        let of_gone = order("m4", "gone", json!({"order_id": "o-m4", "total": 33.0}), now);
        let new = order("m9", "ann", json!({"order_id": "o-m9", "total": 1.0}), now);
        let outcomes = send(&environment, vec![again, of_gone, new]).await;
        let duplicate = ItemOutcome::Duplicate { by: "message_id".into() };
        assert_eq!(outcomes[..2], [duplicate.clone(), duplicate]);
        assert!(matches!(outcomes[2], ItemOutcome::Decided(_)), "{outcomes:?}");
        let verified = environment.verify(&Progress::default()).await.expect("it verifies");
        assert!(verified.passed(), "{:#?}", verified.findings);
    }
    greenroom.stop().await.expect("it stops");
}
