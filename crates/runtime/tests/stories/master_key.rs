//! Another master key: what is sealed stays readable, and nothing of what was decided changes.

use std::sync::Arc;

use program::Key;
use runtime::{
    Greenroom,
    clock::SystemClock,
    environment::Options,
    master_key::{Changed, MasterKeyChange},
    seal::Seal,
    work::Progress,
};
use serde_json::json;
use testing::Store;

use crate::ground::{Ground, MASTER_KEY, ada, apply, at, ground, order, points, send};

const SECOND: [u8; 32] = [8; 32];
const THIRD: [u8; 32] = [9; 32];

/// Points that a constant multiplies.
const BOOSTED: &str = r"
kind: constant
key: factor
spec: {type: int, default: 1}
---
kind: event_type
key: order_completed
spec:
  name: Order Completed
  schema:
    type: object
    properties: {order_id: {type: string}, total: {type: number}}
---
kind: currency
key: points
spec: {name: Points}
---
kind: reactor
key: per_order
spec:
  trigger: {event: order_completed}
  actions:
    - award: {currency: points, amount: 'constants.factor * 10'}
";

async fn open(store: &Store, key: [u8; 32]) -> runtime::Result<Arc<Greenroom>> {
    Greenroom::open(store.backend().await, key, Arc::new(SystemClock), Options::default()).await
}

async fn change(store: &Store, before: [u8; 32], after: [u8; 32]) -> runtime::Result<Vec<Changed>> {
    let backend = store.backend().await;
    MasterKeyChange::new(before, after, Arc::new(SystemClock), ada()).run(&*backend).await
}

fn changed(environment: &str, secrets: Option<usize>) -> Changed {
    Changed { environment: environment.to_owned(), secrets }
}

#[tokio::test]
async fn what_is_sealed_stays_readable_under_another_master_key() {
    let ground = ground().await;
    let staging = ground.greenroom.create_environment("staging", ada()).await.expect("it is made");
    let live = ground.live();
    apply(&live, BOOSTED).await;
    let [factor, hook] = ["factor", "hook"].map(|key| Key::new(key).expect("a key"));
    let bind = async |live: &runtime::Environment, value: i64| {
        live.set_constant(ada(), factor.clone(), Some(json!(value)), None).await.expect("it is bound");
    };
    let when = at("2025-03-01T10:00:00Z");
    bind(&live, 2).await;
    send(&live, vec![order("m1", "u1", "5", when)]).await;
    live.set_secret(ada(), hook, Some("hush")).await.expect("it is set");
    // A member of one environment is no other's business; there is nothing sealed in this one but its check.
    assert_eq!(staging.secrets().await.expect("they read"), []);
    drop((live, staging));
    ground.greenroom.stop().await.expect("it stops");
    let Ground { greenroom, store } = ground;
    drop(greenroom);

    let told = change(&store, SECOND, THIRD).await.expect_err("it is not the key of now").to_string();
    assert!(told.contains("another master key"), "{told}");
    let told = change(&store, MASTER_KEY, SECOND).await.expect("it is changed");
    assert_eq!(told, [changed("live", Some(1)), changed("staging", Some(0))]);
    let again = change(&store, MASTER_KEY, SECOND).await.expect("as after being broken off");
    assert_eq!(again, [changed("live", None), changed("staging", None)]);
    open(&store, MASTER_KEY).await.err().expect("the key before opens nothing any more");

    // The journal holds constants under all three keys in the end.
    for (key, after) in [(SECOND, Some(THIRD)), (THIRD, None)] {
        let greenroom = open(&store, key).await.expect("it opens");
        let live = greenroom.environment("live").expect("well");
        let n = live.constants().expect("they open")[0].value.clone().and_then(|value| value.as_i64());
        let n = n.expect("it is bound");
        bind(&live, n + 1).await;
        send(&live, vec![order(&format!("m{}", n + 1), "u1", "5", when)]).await;
        let rows = live.store().secrets().await.expect("they read");
        let hook = rows.iter().find(|row| row.key == "hook").expect("it is there");
        let value = Seal::new(&key, live.id()).open("secret `hook`", &hook.sealed).expect("it opens");
        assert_eq!(value, b"hush");
        assert_eq!(live.secrets().await.expect("they read").len(), 1, "keys are no secrets of the program");
        let report = live.verify(&Progress::default()).await.expect("it verifies");
        assert!(report.passed(), "what was decided under other keys too: {report:?}");
        assert!(report.redecided >= 2, "{report:?}");
        drop(live);
        if store.is_shared()
            && let Some(after) = after
        {
            let told = change(&store, key, after).await.expect_err("somebody serves it").to_string();
            assert!(told.contains("is being served, by `"), "{told}");
        }
        greenroom.stop().await.expect("it stops");
        drop(greenroom);
        if let Some(after) = after {
            change(&store, key, after).await.expect("it is changed");
        }
    }
    let greenroom = open(&store, THIRD).await.expect("it opens");
    let live = greenroom.environment("live").expect("well");
    assert_eq!(points(&live, "u1").await, 20 + 30 + 40);
    greenroom.stop().await.expect("it stops");
}
