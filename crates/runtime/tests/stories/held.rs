//! What members hold cannot be deleted.

use engine::{Command, input::Order};
use program::plan::{BlockerCode, Choices, Plan};
use runtime::{
    Environment, Error,
    configuration::{ApplyRequest, PlanSource},
};

use crate::ground::{SHOP, ada, apply, at, bundle, ground, holds, order, send, user};

const WITH_COINS: &str = "
---
kind: currency
key: coins
spec: {name: Coins, allow_negative: true}
";

fn without_coins() -> (PlanSource, Choices) {
    let source = PlanSource::Directory { bundle: bundle(SHOP), name: "test".into(), pulled: None };
    (source, Choices { allow_delete: true, ..Choices::default() })
}

async fn planned(live: &Environment) -> Plan {
    let (source, choices) = without_coins();
    live.plan(&source, choices).await.expect("it plans").plan
}

async fn by_hand(live: &Environment, name: &str, order: Order) {
    let command = Command { actor: ada().id, reason: "a story".into(), order };
    live.order(user(live, name).await, command, None).await.expect("it is posted");
}

fn coins(amount: i64) -> Order {
    if amount > 0 {
        Order::Credit { currency: "coins".into(), amount }
    } else {
        Order::Debit { currency: "coins".into(), amount: -amount }
    }
}

/// Five coins here and five owed there come to nothing in the sums, but are two members' all the same.
#[tokio::test]
async fn a_currency_goes_only_when_nobody_holds_or_owes_any() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, &format!("{SHOP}{WITH_COINS}")).await;
    let when = at("2025-03-01T10:00:00Z");
    send(&live, vec![order("m1", "u1", "5", when), order("m2", "u2", "5", when)]).await;
    assert_eq!(planned(&live).await.blockers, [], "nobody ever had a coin");

    by_hand(&live, "u1", coins(5)).await;
    by_hand(&live, "u2", coins(-5)).await;
    let plan = planned(&live).await;
    let [blocker] = &plan.blockers[..] else { panic!("one blocker, not {:?}", plan.blockers) };
    assert_eq!((blocker.code, blocker.count), (BlockerCode::Held, Some(2)));
    let (source, choices) = without_coins();
    let request = ApplyRequest { source, choices, expect: None, seen: None, actor: ada(), message: None };
    let refused = live.apply(request).await;
    assert!(
        matches!(&refused, Err(Error::Blocked(why)) if why[0].contains("2 wallets hold or owe")),
        "{refused:?}"
    );

    // The erased hold nothing any more, nor do those who are back at nothing.
    by_hand(&live, "u2", coins(5)).await;
    assert_eq!(planned(&live).await.blockers[0].count, Some(1));
    by_hand(&live, "u1", Order::Erase).await;
    assert_eq!(planned(&live).await.blockers, []);
    holds(&live).await;
    apply(&live, SHOP).await;
}

/// Going back to before there were coins would delete them as well.
#[tokio::test]
async fn no_rollback_takes_away_a_currency_that_somebody_holds() {
    let ground = ground().await;
    let live = ground.live();
    let before = apply(&live, SHOP).await.revision.expect("it moved");
    apply(&live, &format!("{SHOP}{WITH_COINS}")).await;
    send(&live, vec![order("m1", "u1", "5", at("2025-03-01T10:00:00Z"))]).await;
    by_hand(&live, "u1", coins(-5)).await;
    let refused = live.rollback(before, ada(), None, None).await;
    let told = "currency/coins: it would be deleted, but 1 wallet holds or owes any: -5 altogether (";
    assert!(
        matches!(&refused, Err(Error::Blocked(why)) if why.len() == 1 && why[0].starts_with(told)),
        "{refused:?}"
    );
    by_hand(&live, "u1", coins(5)).await;
    // Before the sweep that follows the rollback begins.
    holds(&live).await;
    live.rollback(before, ada(), None, None).await.expect("nobody holds or owes any");
}
