//! Reports of rehearsals, and long work while it runs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use runtime::keys::KeyKind;
use serde_json::{Value, json};

use crate::house::{Answer, House, PROGRAM, order, send};

const REHEARSALS: &str = "/environments/live/rehearsals";

fn files(rate: &str) -> Value {
    let text = |text: &str| text.replace("rate: 1", rate);
    let files: Vec<Value> =
        PROGRAM.iter().map(|(name, yaml)| json!({"name": name, "text": text(yaml)})).collect();
    json!({"from": {"files": {"name": "test", "files": files}}})
}

/// Two members with an order each.
async fn shop() -> House {
    let house = House::new().await;
    house.apply("live", &PROGRAM).await;
    let key = house.key("live", KeyKind::Write, &[]).await;
    house.track(&key, json!([order("u-1", "1", "60.75"), order("u-2", "2", "50")])).await;
    house
}

#[tokio::test]
async fn reports_are_kept_where_the_history_is() {
    let house = shop().await;
    let mut ids = Vec::new();
    for rate in ["rate: 2", "rate: 3", "rate: 4"] {
        let done = house.post("/environments/live/rehearse", files(rate)).await.ok();
        let shown = house.get(&format!("{REHEARSALS}/{}", done["id"].as_str().unwrap())).await;
        assert_eq!(shown, done, "it is shown as it was answered");
        assert_eq!(
            (&done["actor"], &done["trusted"], &done["events"]),
            (&json!("Ada"), &json!(true), &json!(2))
        );
        ids.push(done["id"].clone());
    }
    let first = house.get(&format!("{REHEARSALS}?limit=2")).await;
    assert_eq!((&first["data"][0]["id"], &first["data"][1]["id"]), (&ids[2], &ids[1]), "newest first");
    let row = &first["data"][0];
    let whole = house.get(&format!("{REHEARSALS}/{}", ids[2].as_str().unwrap())).await;
    for field in ["at", "actor_id", "actor", "digest", "current", "candidate", "since", "until", "trusted"] {
        assert_eq!(row[field], whole[field], "{field}");
    }
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = house.get(&format!("{REHEARSALS}?limit=2&cursor={cursor}")).await;
    assert_eq!((&rest["data"][0]["id"], &rest["has_more"]), (&ids[0], &json!(false)));
    let elsewhere = format!("/environments/staging/rehearsals?cursor={cursor}");
    house.ask("GET", &elsewhere, None).await.refused(400, "bad_parameter");
    assert_eq!(house.get("/environments/staging/rehearsals").await["data"], json!([]));

    let mut nothing = files("rate: 2");
    nothing["since"] = json!("2025-03-02T00:00:00Z");
    nothing["until"] = json!("2025-03-01T00:00:00Z");
    house.post("/environments/live/rehearse", nothing).await.refused(400, "bad_parameter");
    let missing = house.ask("GET", &format!("{REHEARSALS}/rehearsal_0"), None).await;
    assert_eq!(
        missing.refused(404, "not_found"),
        "Rehearsal `rehearsal_0` does not exist in environment `live`."
    );
    let staging = house.key("staging", KeyKind::Secret, &["read"]).await;
    let bearer = format!("Bearer {staging}");
    let foreign = house.ask_with("GET", REHEARSALS, None, &[("authorization", &bearer)]).await;
    foreign.refused(403, "wrong_environment");
}

#[tokio::test]
async fn a_report_says_nothing_of_who_was_erased() {
    let house = shop().await;
    let done = house.post("/environments/live/rehearse", files("rate: 2")).await.ok();
    let gone = house.profile_of("live", "u-1").await;
    let about = |report: &Value| -> Value {
        let all = report["most_affected"].as_array().unwrap();
        all.iter().find(|member| member["profile"] == json!(gone)).unwrap().clone()
    };
    assert!(about(&done)["event"]["recorded"].is_object(), "{done}");
    let erase = json!({"reason": "asked for"});
    let path = format!("/environments/live/profiles/{gone}/erasure");
    house.ask_with("POST", &path, Some(erase), &[("idempotency-key", "k")]).await.ok();
    let left = house.get(&format!("{REHEARSALS}/{}", done["id"].as_str().unwrap())).await;
    assert_eq!(about(&left), json!({"profile": gone, "points": {}, "event": null, "erased": true}));
    assert_eq!(left["currencies"], done["currencies"]);
}

/// A long history. Two of its orders are known from before.
async fn long_history(house: &House) {
    let auth = format!("Bearer {}", house.token);
    for part in 0..4_u32 {
        let line = |n: u32| {
            let (order, user) = (part * 2_000 + n, n % 300);
            format!(
                r#"{{"type":"track","event":"Order Completed","userId":"u-{user}","timestamp":"1997-01-01T00:00:00Z","properties":{{"order_id":"{order}","total":3.5}}}}"#
            ) + "\n"
        };
        let text: String = (0..2_000).map(line).collect();
        let path = format!(
            "/admin/v1/environments/live/imports/history?first_line={}&last={}",
            part * 2_000 + 1,
            part == 3
        );
        send(&house.app, "POST", &path, &[("authorization", &auth)], text).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_work_is_seen_and_cancelled() {
    let house = Arc::new(shop().await);
    long_history(&house).await;
    let (work, reader) = ("/environments/live/work", house.key("live", KeyKind::Secret, &["read"]).await);
    let bearer = format!("Bearer {reader}");
    for (what, task, unit, body) in [
        ("rehearse", "rehearsal", "records", files("rate: 2")),
        ("verify", "verification", "records", json!({})),
        ("rebuild", "rebuild", "records", json!({})),
        ("backup", "backup", "bytes", json!({})),
    ] {
        assert_eq!(house.get(work).await["data"], json!([]));
        let asking = Arc::clone(&house);
        let asked = tokio::spawn(async move {
            let path = format!("/environments/live/{what}");
            asking.ask_with("POST", &path, Some(body), &[("x-request-id", "my-request")]).await
        });
        let give_up = Instant::now() + Duration::from_secs(30);
        let row = loop {
            assert!(Instant::now() < give_up && !asked.is_finished(), "{what} is not seen at work");
            let row = house.get(work).await["data"][0].clone();
            if row["done"].as_u64().is_some_and(|done| done > 0) {
                break row;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        assert_eq!(
            (&row["id"], &row["task"], &row["actor"]),
            (&json!("my-request"), &json!(task), &json!("Ada"))
        );
        assert_eq!(row["unit"], unit);
        let total = row["total"].as_u64().unwrap();
        assert!(if unit == "records" { total == 8_000 } else { total > 1_000_000 }, "{row}");
        let own = format!("{work}/my-request");
        let by_reader: Answer = house.ask_with("DELETE", &own, None, &[("authorization", &bearer)]).await;
        by_reader.refused(403, "forbidden");
        let cancelled = house.ask("DELETE", &own, None).await.ok();
        assert_eq!(cancelled["task"], task);
        let answer = asked.await.unwrap();
        assert_eq!(answer.refused(409, "cancelled"), format!("The {task} was cancelled."));
        let again = house.ask("DELETE", &own, None).await;
        assert!(again.refused(404, "not_found").contains("`my-request`"), "{}", again.body);
    }
    assert_eq!(house.get(REHEARSALS).await["data"], json!([]), "nothing was kept");
    let verified = house.post("/environments/live/verify", json!({})).await.ok();
    assert_eq!((&verified["passed"], &verified["records"]), (&json!(true), &json!(8_000)));
}
