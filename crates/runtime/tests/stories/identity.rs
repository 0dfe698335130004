//! Anonymous to known, two known by alias; a wallet is never lost.

use engine::{Command, input::Order};
use jiff::Timestamp;
use serde_json::json;

use crate::ground::{SHOP, ada, apply, at, ground, holds, order, points, send, state, track, user};

#[tokio::test]
async fn an_anonymous_wallet_moves_to_the_known_person() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let mut anonymous = order("m1", "", "20", when);
    anonymous.user_id = None;
    anonymous.anonymous_id = Some("a1".into());
    send(&live, vec![anonymous, order("m2", "u1", "5", when)]).await;
    let mut link = order("m3", "u1", "1", when);
    link.anonymous_id = Some("a1".into());
    send(&live, vec![link]).await;
    assert_eq!(points(&live, "u1").await, 26);
    let by_anonymous = live
        .find_profile(&engine::Identity::Anonymous("a1".into()))
        .await
        .expect("it reads")
        .expect("it leads somewhere");
    assert_eq!(by_anonymous, user(&live, "u1").await);
    let metrics = state(&live, "u1").await;
    assert!(metrics.metrics.contains_key("lifetime_spend"));
    holds(&live).await;
}

#[tokio::test]
async fn a_shared_device_merges_nobody() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    for (id, name) in [("m1", "u1"), ("m2", "u2")] {
        let mut message = order(id, name, "10", when);
        message.anonymous_id = Some("tablet".into());
        send(&live, vec![message]).await;
    }
    assert_eq!(points(&live, "u1").await, 10);
    assert_eq!(points(&live, "u2").await, 10);
    assert_ne!(user(&live, "u1").await, user(&live, "u2").await);
    holds(&live).await;
}

#[tokio::test]
async fn alias_makes_two_known_people_one() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    send(&live, vec![order("m1", "old", "10", when), order("m2", "new", "5", when)]).await;
    send(&live, vec![alias("m3", "old", "new", when)]).await;
    assert_eq!(user(&live, "old").await, user(&live, "new").await);
    assert_eq!(points(&live, "new").await, 15);
    send(&live, vec![order("m4", "old", "1", when)]).await;
    assert_eq!(points(&live, "new").await, 16);
    holds(&live).await;
}

/// Those who are merged are known by more than the message says.
#[tokio::test]
async fn who_is_known_by_several_names_is_merged_with_all_of_them() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let both = |id: &str, user: &str, anonymous: &str| {
        let mut incoming = order(id, user, "10", when);
        incoming.anonymous_id = Some(anonymous.to_owned());
        incoming
    };
    // Each in a batch of its own, and what they are known by has been forgotten when they are merged.
    for (id, user, anonymous) in [("m1", "old", "phone"), ("m2", "new", "laptop"), ("m3", "newest", "watch")]
    {
        send(&live, vec![both(id, user, anonymous)]).await;
    }
    send(&live, vec![alias("a1", "old", "new", when)]).await;
    // By what the first was known by besides; a merged one is merged on, with all who were merged into it.
    send(&live, vec![alias("a2", "laptop", "newest", when), order("m4", "other", "1", when)]).await;
    let newest = user(&live, "newest").await;
    for name in ["old", "new"] {
        assert_eq!(user(&live, name).await, newest, "{name}");
    }
    for name in ["phone", "laptop", "watch"] {
        let found = live.find_profile(&engine::Identity::Anonymous(name.into())).await.expect("it reads");
        assert_eq!(found, Some(newest), "{name}");
    }
    assert_eq!(points(&live, "newest").await, 30);
    assert_eq!(points(&live, "other").await, 1);
    holds(&live).await;
}

#[tokio::test]
async fn who_was_merged_is_erased_along() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    send(&live, vec![order("m1", "old", "10", when), order("m2", "new", "5", when)]).await;
    let (old, new) = (user(&live, "old").await, user(&live, "new").await);
    send(&live, vec![alias("m3", "old", "new", when)]).await;
    // By the id of either: they are one person.
    live.order(old, erasure(), None).await.expect("it erases");
    for name in ["old", "new"] {
        let found = live.find_profile(&engine::Identity::User(name.into())).await.expect("it reads");
        assert_eq!(found, None, "{name}");
    }
    for id in [old, new] {
        let state = live.profile(id).await.expect("it reads").expect("its headers stay");
        assert_eq!(state.standing, engine::profile::Standing::Erased);
    }
    holds(&live).await;
    assert!(live.order(old, erasure(), None).await.is_err(), "there is nobody left to erase");
    assert!(live.order(new, erasure(), None).await.is_err());
    holds(&live).await;
}

#[tokio::test]
async fn the_erased_stay_erased_when_a_backup_is_restored() {
    let ground = ground().await;
    let live = ground.live();
    apply(&live, SHOP).await;
    let when = at("2025-03-01T10:00:00Z");
    let first = ["one", "two", "three"].map(|name| order(&format!("of {name}"), name, "10", when));
    send(&live, first.to_vec()).await;
    let (one, two) = (user(&live, "one").await, user(&live, "two").await);
    // Before the backup already: somebody is erased, and two become one, who is erased after it.
    let early = ["five", "six", "seven"].map(|name| order(&format!("of {name}"), name, "10", when));
    send(&live, early.to_vec()).await;
    live.order(user(&live, "five").await, erasure(), None).await.expect("it erases");
    send(&live, vec![alias("b", "six", "seven", when)]).await;
    let place = ground.store.folder().join("copy");
    live.store().backup(&place).await.expect("it is copied");
    // After the backup: two become one and are erased, somebody comes and is erased.
    send(&live, vec![alias("a", "one", "two", when), order("of four", "four", "7", when)]).await;
    let four = user(&live, "four").await;
    live.order(two, erasure(), None).await.expect("it erases");
    live.order(four, erasure(), None).await.expect("it erases");
    live.order(user(&live, "seven").await, erasure(), None).await.expect("it erases");
    drop(live);
    let restored = ground.greenroom.restore_environment("live", &place, ada()).await.expect("it is restored");
    assert!(restored.store().erasures_pending().await.expect("it reads").is_empty(), "at once");
    drop(restored);
    let ground = ground.reopen().await;
    let live = ground.live();
    for name in ["one", "two", "four", "five", "six", "seven"] {
        let found = live.find_profile(&engine::Identity::User(name.into())).await.expect("it reads");
        assert_eq!(found, None, "{name}");
    }
    for id in [one, two] {
        let state = live.profile(id).await.expect("it reads").expect("its headers stay");
        assert_eq!(state.standing, engine::profile::Standing::Erased);
    }
    assert!(live.store().erasures_pending().await.expect("it reads").is_empty());
    assert_eq!(points(&live, "three").await, 10);
    holds(&live).await;
}

fn erasure() -> Command {
    Command { actor: ada().to_string(), reason: "they asked for it".into(), order: Order::Erase }
}

fn alias(id: &str, previous: &str, name: &str, when: Timestamp) -> engine::Message {
    let mut alias = track(id, name, "", json!({}), when);
    alias.kind = engine::MessageKind::Alias;
    alias.event = None;
    alias.previous_id = Some(previous.into());
    alias
}
