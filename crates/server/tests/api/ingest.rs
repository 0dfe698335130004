use std::io::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use runtime::{environment::Options, keys::KeyKind};
use serde_json::{Value, json};
use server::{Environments, ListenerConfig};

use crate::house::{Answer, House, PROGRAM, order, send};

fn basic(key: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{key}:")))
}

async fn batch(house: &House, key: &str, body: &Value) -> Answer {
    send(&house.app, "POST", "/v1/batch", &[("authorization", &basic(key))], body.to_string()).await
}

#[tokio::test]
async fn every_path_and_label_that_clients_use() {
    let house = House::new().await;
    let key = house.key("live", KeyKind::Write, &[]).await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(json!({"batch": [order("u", "gz", "1")]}).to_string().as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();

    let one = |kind: &str, id: &str| {
        json!({"type": kind, "userId": "u", "previousId": "a", "event": "E", "messageId": id}).to_string()
    };
    let auth = basic(&key);
    let json_type = [("authorization", &*auth), ("content-type", "application/json")];
    let mut seen = 0;
    for (path, kind) in [
        ("track", "track"),
        ("identify", "identify"),
        ("page", "page"),
        ("screen", "screen"),
        ("group", "group"),
        ("alias", "alias"),
        ("t", "track"),
        ("i", "identify"),
        ("p", "page"),
        ("s", "screen"),
        ("g", "group"),
        ("a", "alias"),
    ] {
        for slash in ["", "/"] {
            let body = one(kind, &format!("{path}{slash}"));
            let answer = send(&house.app, "POST", &format!("/v1/{path}{slash}"), &json_type, body).await;
            assert_eq!(
                (answer.status.as_u16(), answer.body),
                (200, json!({"success": true})),
                "{path}{slash}"
            );
            seen += 1;
        }
    }
    for (path, label, body) in [
        ("/v1/batch", "application/x-www-form-urlencoded", gzip),
        ("/v1/batch/", "text/plain", json!({"batch": [order("u", "1", "1")]}).to_string().into_bytes()),
        ("/v1/b", "nonsense", json!({"batch": [order("u", "2", "1")]}).to_string().into_bytes()),
        ("/v1/import", "", json!({"batch": [order("u", "3", "1")]}).to_string().into_bytes()),
    ] {
        let headers = [("authorization", &*auth), ("content-type", label)];
        let answer = send(&house.app, "POST", path, &headers, body).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, json!({"success": true})), "{path}");
        seen += 1;
    }
    // Keys come in three ways.
    let body = json!({"batch": [order("u", "4", "1")], "writeKey": key});
    let answer = send(&house.app, "POST", "/v1/batch", &[], body.to_string()).await;
    assert_eq!(answer.ok(), json!({"success": true}));
    let mut event = order("u", "5", "1");
    event["writeKey"] = key.clone().into();
    let answer =
        send(&house.app, "POST", "/v1/t", &[("content-type", "text/plain")], event.to_string()).await;
    assert_eq!(answer.ok(), json!({"success": true}));
    seen += 2;

    assert_eq!(house.environment("live").store().record_count().await.unwrap(), seen);
    // A library's numbers about itself are taken and forgotten.
    assert_eq!(
        send(&house.app, "POST", "/v1/m", &[], "{\"series\":[]}").await.ok(),
        json!({"success": true})
    );
}

#[tokio::test]
async fn the_report_tells_what_became_of_each_item() {
    let house = House::new().await;
    house.apply("staging", &PROGRAM).await;
    let key = house.key("staging", KeyKind::Write, &[]).await;
    let mut again = order("u-1", "1001", "10");
    again["messageId"] = "another".into();
    let items = house
        .track(
            &key,
            json!([
                order("u-1", "1001", "59.90"),
                order("u-1", "1001", "59.90"),
                again,
                order("u-1", "1002", "\"a lot\""),
                {"type": "track", "event": "Nobody Declared", "userId": "u-1", "messageId": "m-9"},
                {"type": "track", "event": "Order Completed", "messageId": "m-10"},
            ]),
        )
        .await;
    assert_eq!(items[0]["outcome"], "decided");
    assert_eq!((&items[0]["message_id"], &items[0]["n"]), (&json!("m-1001"), &json!(1)));
    assert_eq!(items[0]["points"], json!([["points", 59]]));
    assert_eq!(items[0]["fired"], json!(["points_for_orders"]));
    assert_eq!(items[1]["outcome"], "duplicate");
    assert_eq!(items[2]["outcome"], "duplicate", "one order earns once, whatever its message id");
    assert_eq!((&items[3]["outcome"], &items[3]["code"]), (&json!("quarantined"), &json!("schema")));
    assert_eq!(items[3]["problems"][0]["pointer"], "/properties/total");
    assert_eq!((&items[4]["outcome"], &items[4]["code"]), (&json!("quarantined"), &json!("unknown_event")));
    assert_eq!((&items[5]["outcome"], &items[5]["code"]), (&json!("quarantined"), &json!("malformed")));
    assert_eq!(items[5]["problems"][0]["pointer"], "/userId");
}

#[tokio::test]
async fn bad_requests_are_refused_whole_and_say_why() {
    let house = House::new().await;
    let key = house.key("live", KeyKind::Write, &[]).await;
    let good = order("u", "1", "1").to_string();
    let large =
        json!({"type": "track", "event": "E", "userId": "u", "properties": {"a": "x".repeat(33_000)}});
    let many = vec!["{}"; 2_501].join(",");
    for (body, code, expected) in [
        (format!("{{\"batch\":[{good},{{\"type\":\"tra"), "bad_json", "(item 1 of the batch)"),
        ("not json".into(), "bad_json", "line 1, column 1"),
        ("{}".into(), "bad_json", "`batch`"),
        (format!("{{\"batch\":[{good},{large}]}}"), "event_too_large", "item 1 of the batch has 33"),
        (format!("{{\"batch\":[{many}]}}"), "batch_too_large", "2500 items"),
        (
            format!("{{\"batch\":[{good}],\"pad\":\"{}\"}}", "x".repeat(512_000)),
            "batch_too_large",
            "512000 bytes",
        ),
        (format!("{{\"batch\":[{good}],\"writeKey\":\"wk_live_other\"}}"), "keys_disagree", "differ"),
    ] {
        let answer = send(&house.app, "POST", "/v1/batch", &[("authorization", &basic(&key))], body).await;
        let detail = answer.refused(400, code);
        assert!(detail.contains(expected), "{detail}");
        // The libraries read `message`.
        assert_eq!(answer.body["message"], answer.body["detail"]);
        assert!(answer.body["request_id"].as_str().is_some_and(|id| id.len() >= 8));
    }
    assert_eq!(house.environment("live").store().record_count().await.unwrap(), 0);
}

#[tokio::test]
async fn keys_decide_where_events_go_and_wrong_ones_are_told_so() {
    let house = House::new().await;
    let live = house.key("live", KeyKind::Write, &[]).await;
    let test = house.key("staging", KeyKind::Public, &[]).await;
    let secret = house.key("live", KeyKind::Secret, &["*"]).await;
    let body = json!({"batch": [order("u", "1", "1")]});

    let none = send(&house.app, "POST", "/v1/batch", &[], body.to_string()).await;
    assert!(none.refused(401, "unauthorized").contains("write key"));
    let mut unknown = live.clone();
    unknown.replace_range(10..11, if &live[10..11] == "a" { "b" } else { "a" });
    batch(&house, &unknown, &body).await.refused(401, "unauthorized");
    assert!(batch(&house, &secret, &body).await.refused(403, "forbidden").contains("wk_"));
    assert!(batch(&house, &house.token, &body).await.refused(403, "forbidden").contains("wk_"));

    let only_live = house.listener(ListenerConfig { environments: Environments::Live, ..Default::default() });
    let answer =
        send(&only_live, "POST", "/v1/batch", &[("authorization", &basic(&test))], body.to_string()).await;
    let detail = answer.refused(403, "wrong_listener");
    assert!(detail.contains("`staging`") && detail.contains("live environments"), "{detail}");
    let only_test = house.listener(ListenerConfig { environments: Environments::Test, ..Default::default() });
    let answer =
        send(&only_test, "POST", "/v1/batch", &[("authorization", &basic(&live))], body.to_string()).await;
    let detail = answer.refused(403, "wrong_listener");
    assert!(detail.contains("`live`") && detail.contains("test environments"), "{detail}");

    batch(&house, &live, &body).await.ok();
    assert_eq!(house.environment("live").store().record_count().await.unwrap(), 1);
    assert_eq!(house.environment("staging").store().record_count().await.unwrap(), 0);
}

#[tokio::test]
async fn browsers_may_ask_and_send() {
    let house = House::new().await;
    let key = house.key("live", KeyKind::Public, &[]).await;
    let asks = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let answer = send(&house.app, "OPTIONS", "/v1/t", &asks, "").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let allowed = answer.header("access-control-allow-headers").unwrap();
    for header in ["authorization", "content-type", "x-retry-count"] {
        assert!(allowed.contains(header), "{allowed}");
    }
    // Refusals can be read too, and when to try again.
    let refused = send(&house.app, "POST", "/v1/t", &[], "{").await;
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
    assert!(refused.header("access-control-expose-headers").unwrap().contains("retry-after"));

    let path = format!("/v1/projects/{key}/settings");
    let settings = send(&house.app, "GET", &path, &[("host", "events.example:8080")], "").await.ok();
    assert_eq!(settings["integrations"]["Segment.io"]["apiHost"], "events.example:8080/v1");
    assert_eq!(settings["integrations"]["Segment.io"]["apiKey"], key);
    assert_eq!(settings["integrations"]["Segment.io"]["protocol"], "http");
    assert_eq!(settings["metrics"]["sampleRate"], 0);
    send(&house.app, "GET", "/v1/projects/pk_live_x/settings", &[], "").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_again() {
    fn slow(
        rules: &engine::Rules,
        profile: &engine::Profile,
        input: &engine::Input,
        times: engine::Times,
    ) -> Result<engine::Proposal, engine::Fault> {
        std::thread::sleep(std::time::Duration::from_millis(200));
        engine::decide(rules, profile, input, times)
    }
    let house = House::with(Options { queue_items_max: 1, decide: slow, ..Options::default() }).await;
    let key = house.key("live", KeyKind::Write, &[]).await;
    let mut answers = tokio::task::JoinSet::new();
    for n in 0..6 {
        let (app, auth) = (house.app.clone(), basic(&key));
        let body = json!({"batch": [order("u", &n.to_string(), "1"), order("u", &format!("{n}b"), "1")]});
        answers.spawn(async move {
            send(&app, "POST", "/v1/batch", &[("authorization", &auth)], body.to_string()).await
        });
    }
    let answers = answers.join_all().await;
    let (taken, full): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert!(!taken.is_empty() && !full.is_empty(), "{} taken, {} refused", taken.len(), full.len());
    for answer in full {
        answer.refused(429, "overloaded");
        let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=300).contains(&seconds));
    }
    let records = house.environment("live").store().record_count().await.unwrap();
    assert_eq!(records, taken.len() as u64 * 2, "what was refused left nothing");
}

#[tokio::test]
async fn health_and_metrics() {
    let house = House::new().await;
    assert_eq!(send(&house.app, "GET", "/livez", &[], "").await.ok()["status"], "ok");
    let ready = send(&house.app, "GET", "/readyz", &[], "").await.ok();
    assert_eq!(ready["environments"][0]["name"], "live");
    let public = ListenerConfig {
        serves: server::Serves { collector: true, admin: false },
        ..ListenerConfig::default()
    };
    let public = house.listener(public);
    let ready = send(&public, "GET", "/readyz", &[], "").await.ok();
    assert!(ready.get("environments").is_none(), "names of environments are nobody's business there");
    send(&public, "GET", "/metrics", &[], "").await.refused(404, "not_found");
    send(&public, "GET", "/admin/v1/environments", &[], "").await.refused(404, "not_found");

    send(&house.app, "GET", "/metrics", &[], "").await.refused(401, "unauthorized");
    let key = house.key("live", KeyKind::Write, &[]).await;
    batch(&house, &key, &json!({"batch": [order("secret-user", "1", "1")]})).await.ok();
    let bearer = format!("Bearer {}", house.token);
    let answer = send(&house.app, "GET", "/metrics", &[("authorization", &bearer)], "").await;
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = answer.ok();
    let text = text.as_str().unwrap();
    for line in [
        "greenroom_queue_depth{environment=\"live\"} 0",
        "greenroom_quarantine{environment=\"live\"} 0",
        "greenroom_nodes{environment=\"live\"} 1",
        "greenroom_ingest_seconds_count{environment=\"live\"} 1",
        "# EOF",
    ] {
        assert!(text.lines().any(|got| got == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("greenroom_events_ingested_total{environment=\"live\","), "{text}");
    assert!(!text.contains("secret-user"));
    // A secret key sees its own environment and no other.
    let secret = house.key("staging", KeyKind::Secret, &["read"]).await;
    let bearer = format!("Bearer {secret}");
    let text = send(&house.app, "GET", "/metrics", &[("authorization", &bearer)], "").await.ok();
    assert!(!text.as_str().unwrap().contains("environment=\"live\""));

    house.greenroom.leave();
    let stopping = send(&house.app, "GET", "/readyz", &[], "").await;
    assert_eq!((stopping.status.as_u16(), &stopping.body["status"]), (503, &json!("stopping")));
    assert_eq!(send(&house.app, "GET", "/livez", &[], "").await.ok()["status"], "ok");
    batch(&house, &key, &json!({"batch": [order("secret-user", "2", "1")]})).await.ok();
}

#[tokio::test]
async fn a_test_environment_that_fails_takes_nobody_away_from_live() {
    let house = House::new().await;
    house.environment("staging").stop().await.unwrap();
    let ready = send(&house.app, "GET", "/readyz", &[], "").await.ok();
    assert_eq!(ready["status"], "partly ready");
    let states = ready["environments"].as_array().unwrap();
    let told: Vec<_> = states.iter().map(|state| (&state["name"], &state["ready"])).collect();
    assert_eq!(told, [(&json!("live"), &json!(true)), (&json!("staging"), &json!(false))]);
    assert!(states[1]["why"].as_str().unwrap().contains("staging"), "{ready}");
    let tests = ListenerConfig { environments: server::Environments::Test, ..ListenerConfig::default() };
    let only_tests = send(&house.listener(tests), "GET", "/readyz", &[], "").await;
    assert_eq!((only_tests.status.as_u16(), &only_tests.body["status"]), (503, &json!("not ready")));
    house.environment("live").stop().await.unwrap();
    assert_eq!(send(&house.app, "GET", "/readyz", &[], "").await.status.as_u16(), 503);
}
