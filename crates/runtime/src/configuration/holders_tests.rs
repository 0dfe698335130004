//! Somebody comes to hold a currency between the count of its wallets and the step that deletes it.

use std::sync::Arc;

use engine::{Command, Fields, Message, MessageKind, Source, input::Order};
use program::{Bundle, plan::Choices};
use testing::Store;

use super::{ApplyRequest, PlanSource, rollback::GoBack};
use crate::{
    Environment, Error, Greenroom, Result, clock::SystemClock, control::Actor, environment::Options,
    ingest::Incoming,
};

const POINTS: &str = "kind: currency\nkey: points\nspec: {name: Points}\n";
const COINS: &str = "---\nkind: currency\nkey: coins\nspec: {name: Coins, decimals: 2}\n";

fn bundle(yaml: &str) -> Bundle {
    let files = [("program.yaml".to_owned(), yaml.to_owned())];
    program::document::load(&files).expect("a program").bundle
}

fn ada() -> Actor {
    Actor { id: "admin_1".into(), name: "Ada".into() }
}

fn request(bundle: Bundle) -> ApplyRequest {
    ApplyRequest {
        source: PlanSource::Directory { bundle, name: "test".into(), pulled: None },
        choices: Choices { allow_delete: true, ..Choices::default() },
        expect: None,
        seen: None,
        actor: ada(),
        message: None,
    }
}

/// Somebody, without a coin.
async fn arrives(live: &Environment) {
    let at = live.now();
    let message = Message {
        message_id: "m1".into(),
        kind: MessageKind::Identify,
        user_id: Some("u1".into()),
        anonymous_id: None,
        previous_id: None,
        event: None,
        properties: Fields::default(),
        traits: Fields::default(),
        context: Fields::default(),
        occurred_at: at,
        received_at: at,
        source: Source::Server,
        other: Fields::default(),
    };
    live.ingest(vec![Incoming::Message(Box::new(message))], 100).await.expect("it is taken");
}

async fn coins(live: &Environment, order: fn(i64) -> Order, amount: i64) {
    let identity = engine::Identity::User("u1".into());
    let profile = live.find_profile(&identity).await.expect("it reads").expect("there is such a user");
    let command = Command { actor: ada().id, reason: "a test".into(), order: order(amount) };
    live.order(profile, command, None).await.expect("it is posted");
}

fn given(amount: i64) -> Order {
    Order::Credit { currency: "coins".into(), amount }
}

fn taken(amount: i64) -> Order {
    Order::Debit { currency: "coins".into(), amount }
}

fn blocked<T: std::fmt::Debug>(moved: &Result<T>) {
    let told = "currency/coins: it would be deleted, but 1 wallet holds or owes any: 8.40 altogether (";
    assert!(
        matches!(moved, Err(Error::Blocked(why)) if why.len() == 1 && why[0].starts_with(told)),
        "{moved:?}"
    );
}

#[tokio::test]
async fn whoever_comes_to_hold_what_is_being_deleted_keeps_it_from_being_deleted() {
    let store = Store::make().await;
    let backend = store.backend().await;
    let greenroom =
        Greenroom::open(backend, [7; 32], Arc::new(SystemClock), Options::default()).await.expect("it opens");
    let live = greenroom.environment("live").expect("live is there from the start");
    let before = live.apply(request(bundle(POINTS))).await.expect("it applies").revision.expect("it moved");
    let with_coins = bundle(&format!("{POINTS}{COINS}"));
    live.apply(request(with_coins.clone())).await.expect("it applies");
    arrives(&live).await;

    let away = request(bundle(POINTS));
    let back = || GoBack {
        to: before,
        bundle: bundle(POINTS),
        here: with_coins.clone(),
        actor: ada(),
        message: None,
    };
    let state = live.as_seen(None).await.expect("it reads");
    let planned = live.applicable(&state, &away).await.expect("nobody holds a coin");
    coins(&live, given, 840).await;
    blocked(&live.carry_out(&state, planned, &away).await);
    blocked(&live.go_back(&state, back()).await);

    coins(&live, taken, 840).await;
    let planned = live.applicable(&state, &away).await.expect("nobody holds a coin any more");
    live.carry_out(&state, planned, &away).await.expect("it is deleted");
    live.apply(request(with_coins.clone())).await.expect("it is made again");
    let state = live.as_seen(None).await.expect("it reads");
    live.go_back(&state, back()).await.expect("it is deleted");
}
