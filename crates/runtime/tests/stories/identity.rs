//! Anonymous to known, two known by alias; a wallet is never lost.

use serde_json::json;

use crate::ground::{SHOP, apply, at, ground, holds, order, points, send, state, track, user};

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
    let mut alias = track("m3", "new", "", json!({}), when);
    alias.kind = engine::MessageKind::Alias;
    alias.event = None;
    alias.previous_id = Some("old".into());
    send(&live, vec![alias]).await;
    assert_eq!(user(&live, "old").await, user(&live, "new").await);
    assert_eq!(points(&live, "new").await, 15);
    send(&live, vec![order("m4", "old", "1", when)]).await;
    assert_eq!(points(&live, "new").await, 16);
    holds(&live).await;
}
