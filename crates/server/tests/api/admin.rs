use std::sync::Arc;

use runtime::keys::KeyKind;
use serde_json::{Value, json};

use crate::house::{House, PROGRAM, order, send};

/// A member with two orders of 60 and 50 dollars in `staging`.
async fn with_member() -> (House, String, String) {
    let house = House::new().await;
    house.apply("staging", &PROGRAM).await;
    let key = house.key("staging", KeyKind::Write, &[]).await;
    house
        .track(
            &key,
            json!([
                {"type": "identify", "userId": "u-1", "messageId": "i-1", "traits": {"email": "Ada@Example.com", "colour": "red"}},
                order("u-1", "1", "60.75"),
                order("u-1", "2", "50"),
            ]),
        )
        .await;
    let profile = house.profile_of("staging", "u-1").await;
    (house, profile, key)
}

#[tokio::test]
async fn who_serves_an_environment() {
    let house = House::new().await;
    let nodes = house.get("/environments/staging/nodes").await;
    let node = &nodes["data"][0];
    assert_eq!((&nodes["data"].as_array().map(Vec::len), &node["epoch"]), (&Some(1), &json!(1)));
    assert_eq!(node["duties"], json!(["recomputation", "timers"]), "nobody else is there to do it");
    assert_eq!(node["holds_timers"], false);
}

#[tokio::test]
async fn what_is_known_of_a_member() {
    let (house, id, _) = with_member().await;
    let at = format!("/environments/staging/profiles/{id}");
    let profile = house.get(&at).await;
    assert_eq!(profile["standing"], "known");
    assert_eq!(profile["identities"], json!([{"type": "user_id", "value": "u-1"}]));
    assert_eq!(profile["traits"], json!({"email": "Ada@Example.com"}));
    assert_eq!(profile["other_traits"], json!({"colour": "red"}));
    assert_eq!(profile["balances"], json!({"points": {"available": 110, "pending": 0}}));
    assert_eq!(profile["audiences"], json!(["big_spenders"]));

    for query in ["user_id=u-1", "trait=email&value=ada@example.com"] {
        let found = house.get(&format!("/environments/staging/profiles?{query}")).await;
        assert_eq!(found["data"][0]["id"], id, "{query}");
    }
    for (key, said) in [("colour", "declares no trait `colour`"), ("plan", "declares no trait `plan`")] {
        let path = format!("/environments/staging/profiles?trait={key}&value=x");
        let answer = house.ask("GET", &path, None).await;
        answer.refused(400, "bad_parameter");
        let told = answer.body["errors"][0]["detail"].as_str().unwrap();
        assert!(told.contains(said) && told.contains("`email`"), "{told}");
    }
    let nobody = house.get("/environments/staging/profiles?user_id=u-2").await;
    assert_eq!(nobody, json!({"data": [], "has_more": false, "next_cursor": null}));
    assert_eq!(house.get("/environments/live/profiles?user_id=u-1").await["data"], json!([]));

    let wallet = house.get(&format!("{at}/wallet")).await;
    assert_eq!(
        (&wallet["data"][0]["currency"], &wallet["data"][0]["available"]),
        (&json!("points"), &json!(110))
    );
    assert_eq!(
        wallet["data"][0]["lots"].as_array().map(Vec::len),
        Some(1),
        "points that never end stand together"
    );

    let ledger = house.get(&format!("{at}/ledger")).await;
    let newest = &ledger["data"][0]["groups"][0];
    assert_eq!((&newest["reason"], &newest["reactor"]), (&json!("award"), &json!("points_for_orders")));
    let sum: i64 = newest["postings"].as_array().unwrap().iter().map(|p| p["amount"].as_i64().unwrap()).sum();
    assert_eq!(sum, 0);
    let export = house.get(&format!("{at}/ledger/export")).await;
    let lines: Vec<Value> =
        export.as_str().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{export}");
    assert_eq!(lines[1]["id"], newest["id"], "oldest first");
    assert!(lines[0].get("decided_at").is_none() && lines[0]["postings"].is_array(), "{export}");

    let audiences = house.get(&format!("{at}/audiences")).await;
    assert_eq!(audiences["data"][0]["member"], true);
    assert_eq!(audiences["data"][0]["condition"], "profile.metrics.spend > 100.0");
    assert!(audiences["data"][0]["reads"].to_string().contains("110.75"), "{audiences}");
    let metrics = house.get(&format!("{at}/metrics")).await;
    assert_eq!(metrics["data"][0]["metric"], "spend");
    assert_eq!(metrics["data"][0]["value"].to_string(), "110.75");

    // Paging: newest first, each once.
    let mut seen = Vec::new();
    let mut path = format!("{at}/timeline?limit=1");
    loop {
        let page = house.get(&path).await;
        seen.extend(page["data"].as_array().unwrap().iter().map(|record| record["n"].as_u64().unwrap()));
        if page["has_more"] == false {
            break;
        }
        path = format!("{at}/timeline?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    }
    assert_eq!(seen, [3, 2, 1]);

    let members = house.get("/environments/staging/audiences/big_spenders/members").await;
    assert_eq!(members["data"][0]["profile"], id);
    let audiences = house.get("/environments/staging/audiences").await;
    assert_eq!(audiences["data"][0]["members"], 1);
    let shown = house.get("/environments/staging").await;
    assert_eq!((&shown["profiles"], &shown["accounts"]["points"]["available"]), (&json!(1), &json!(110)));
    assert_eq!(shown["accounts"]["points"]["issued"], json!(-110));

    let missing = "/environments/staging/profiles/00000000-0000-0000-0000-000000000000";
    house.ask("GET", missing, None).await.refused(404, "not_found");
    house.ask("GET", "/environments/staging/profiles/x", None).await.refused(400, "bad_parameter");
    house.ask("GET", "/environments/staging/profiles?limit=500", None).await.refused(400, "bad_parameter");
    house.ask("GET", "/environments/staging/profiles?cursor=x", None).await.refused(400, "bad_parameter");
    house.ask("GET", "/environments/staging/profiles?usr=x", None).await.refused(400, "bad_parameter");
    house.ask("GET", "/environments/staging/audiences/none/members", None).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_event_is_explained() {
    let (house, id, _) = with_member().await;
    let explained = house.get("/environments/staging/events/m-2").await;
    assert_eq!((&explained["place"], &explained["record"]["profile"]), (&json!("decided"), &json!(id)));
    assert_eq!(explained["message"]["properties"]["order_id"], "2");
    assert_eq!(explained["record"]["entered"], json!(["big_spenders"]));
    let considered = &explained["trace"]["considered"][0];
    assert_eq!(considered["reactor"], "points_for_orders");
    assert!(considered["did"][0].as_str().unwrap().contains("50"), "{considered}");
    assert!(explained["revision"].is_string());
    let unknown = house.ask("GET", "/environments/staging/events/none", None).await;
    assert!(unknown.refused(404, "not_found").contains("explain --unique"), "{}", unknown.body);
    let unique = house.get("/environments/staging/unique/Order%20Completed/2").await;
    assert_eq!((&unique["record"]["message_id"], &unique["place"]), (&json!("m-2"), &json!("decided")));
    for wrong in ["Order%20Completed/9", "Order/2"] {
        let path = format!("/environments/staging/unique/{wrong}");
        house.ask("GET", &path, None).await.refused(404, "not_found");
    }
    house.ask("GET", "/environments/live/events/m-2", None).await.refused(404, "not_found");
    let list = house.get("/environments/staging/events?limit=2").await;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn orders_have_one_effect_a_key() {
    let (house, id, _) = with_member().await;
    let at = format!("/environments/staging/profiles/{id}");
    let give = json!({"currency": "points", "amount": 40, "reason": "late parcel"});
    let path = format!("{at}/adjustments");
    let ask = async |body: &Value, key: &str| {
        house.ask_with("POST", &path, Some(body.clone()), &[("idempotency-key", key)]).await
    };
    house.post(&path, give.clone()).await.refused(400, "bad_parameter");
    let first = ask(&give, "k1").await;
    assert_eq!(first.header("idempotent-replayed"), Some("false"));
    let again = ask(&give, "k1").await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.ok(), again.ok());
    let other = json!({"currency": "points", "amount": 41, "reason": "late parcel"});
    ask(&other, "k1").await.refused(422, "key_reused");
    for (wrong, status, code) in [
        (json!({"currency": "gold", "amount": 1, "reason": "x"}), 404, "not_found"),
        (json!({"currency": "points", "amount": 0, "reason": "x"}), 422, "refused"),
        (json!({"currency": "points", "amount": 1, "reason": " "}), 400, "bad_parameter"),
        (json!({"currency": "points", "amount": 1.5, "reason": "x"}), 400, "bad_json"),
    ] {
        ask(&wrong, "k2").await.refused(status, code);
    }
    let balance = async || house.get(&at).await["balances"]["points"]["available"].as_i64().unwrap();
    assert_eq!(balance().await, 150);

    let take = async |amount: i64, key: &str| {
        let body = json!({"currency": "points", "amount": amount, "reason": "spent in the shop"});
        house.ask_with("POST", &format!("{at}/deductions"), Some(body), &[("idempotency-key", key)]).await
    };
    take(1_000, "k3").await.refused(422, "refused");
    let taken = take(30, "k4").await.ok();
    assert_eq!(balance().await, 120);
    let reverse = async |key: &str| {
        let body = json!({"group": taken["groups"][0]["id"], "reason": "brought back"});
        house.ask_with("POST", &format!("{at}/reversals"), Some(body), &[("idempotency-key", key)]).await
    };
    let reversed = reverse("k5").await.ok();
    assert_eq!(reversed["groups"][0]["cites"], taken["groups"][0]["id"]);
    assert_eq!(balance().await, 150);
    reverse("k6").await.refused(422, "refused");
    assert_eq!(reversed["not_reversed"], 0);
    // 30 of the 40 given by hand are spent: what is missing is said, and taken when there is something to take.
    let given = ask(&give, "k1").await.ok()["groups"][0]["id"].clone();
    take(140, "k7").await.ok();
    let reverse = async |key: &str| {
        let body = json!({"group": given, "reason": "by mistake"});
        house.ask_with("POST", &format!("{at}/reversals"), Some(body), &[("idempotency-key", key)]).await
    };
    assert_eq!(reverse("k8").await.ok()["not_reversed"], 30);
    assert_eq!(balance().await, 0);
    assert_eq!(house.post("/environments/staging/verify", json!({})).await.ok()["passed"], true);
}

#[tokio::test]
async fn erasing_a_person_leaves_the_books_balanced() {
    let (house, id, _) = with_member().await;
    let at = format!("/environments/staging/profiles/{id}");
    let body = json!({"reason": "request 4711"});
    house.ask_with("POST", &format!("{at}/erasure"), Some(body), &[("idempotency-key", "e1")]).await.ok();
    let profile = house.get(&at).await;
    assert_eq!(profile["standing"], "erased");
    assert!(!profile.to_string().contains("Ada") && !profile.to_string().contains("u-1"), "{profile}");
    assert_eq!(house.get("/environments/staging/profiles?user_id=u-1").await["data"], json!([]));
    let timeline = house.get(&format!("{at}/timeline")).await;
    assert!(timeline["data"].as_array().unwrap().iter().all(|record| record["event"].is_null()));
    let verified = house.post("/environments/staging/verify", json!({})).await.ok();
    assert_eq!(verified["passed"], true, "{verified}");
    assert_eq!(house.get("/environments/staging").await["accounts"]["points"]["available"], 0);
}

#[tokio::test]
async fn quarantine_is_seen_and_replayed_after_the_mend() {
    let house = House::new().await;
    house.apply("staging", &PROGRAM).await;
    let key = house.key("staging", KeyKind::Write, &[]).await;
    house.track(&key, json!([order("u-1", "1", "\"12\""), {"type": "track", "event": "Order Completed", "messageId": "bad"}])).await;
    let list = house.get("/environments/staging/quarantine").await;
    let rows = list["data"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{list}");
    let row = rows.iter().find(|row| row["code"] == "schema").unwrap();
    assert_eq!(row["errors"][0]["pointer"], "/properties/total");
    let shown = house.get(&format!("/environments/staging/quarantine/{}", row["id"].as_str().unwrap())).await;
    assert_eq!(shown["item"]["properties"]["total"], "12");
    let explained = house.get("/environments/staging/events/m-1").await;
    assert_eq!((&explained["place"], &explained["quarantined"]["id"]), (&json!("quarantined"), &row["id"]));

    // Before the mend nothing changes.
    let replay = async |body: Value| house.post("/environments/staging/quarantine/replay", body).await;
    let same = replay(json!({"ids": [row["id"]]})).await.ok();
    assert_eq!((&same["quarantined"], &same["decided"]), (&json!(1), &json!(0)));
    // Shops send money as text; the mended schema says so.
    let mended = PROGRAM[0].1.replace("{type: number, minimum: 0}", "{type: string, format: decimal}");
    let mut files = PROGRAM;
    files[0].1 = &mended;
    house.apply("staging", &files).await;
    let all = replay(json!({"all": true})).await.ok();
    assert_eq!((&all["decided"], &all["quarantined"]), (&json!(1), &json!(1)), "{all}");
    let id = house.profile_of("staging", "u-1").await;
    let profile = house.get(&format!("/environments/staging/profiles/{id}")).await;
    assert_eq!(profile["balances"]["points"]["available"], 12);
    assert_eq!(house.get("/environments/staging/quarantine").await["data"].as_array().map(Vec::len), Some(1));

    // Another waits, and is counted under another id before it is released.
    let broken = json!({"type": "track", "event": "Order Completed", "userId": "u-1", "messageId": "m-9",
        "properties": {"order_id": "7", "total": 12}});
    house.track(&key, json!([broken, order("u-1", "7", "\"30\"")])).await;
    let row = house.get("/environments/staging/quarantine?limit=1").await["data"][0].clone();
    house.apply("staging", &PROGRAM).await;
    let nobody = "00000000000000000000000000000000";
    let released = replay(json!({"ids": [nobody, row["id"]]})).await.ok();
    assert_eq!((&released["absent"], &released["duplicate"]), (&json!(1), &json!(1)), "{released}");
    assert_eq!(
        (&released["items"][0]["id"], &released["items"][0]["outcome"], &released["items"][1]["id"]),
        (&json!(nobody), &json!("absent"), &row["id"])
    );
    let explained = house.get("/environments/staging/events/m-9").await;
    let of = format!("{id}/{}", explained["record"]["n"]);
    assert_eq!(
        (&explained["place"], &explained["duplicate"]["by"], &explained["duplicate"]["of"]),
        (&json!("duplicate"), &json!("properties.order_id"), &json!(of))
    );
    assert_eq!(explained["record"]["message_id"], "m-7");
    let shown = house.get(&format!("/environments/staging/quarantine/{}", row["id"].as_str().unwrap())).await;
    assert_eq!(shown["released_at"], explained["duplicate"]["released_at"], "{shown}");
    replay(json!({})).await.refused(400, "bad_parameter");
    replay(json!({"ids": ["x"]})).await.refused(400, "bad_parameter");
}

#[tokio::test]
async fn configuration_goes_from_files_to_staging_to_live_and_back() {
    let house = House::new().await;
    house.apply("staging", &PROGRAM).await;
    let objects = house.ask("GET", "/environments/staging/objects?kind=reactor", None).await;
    assert!(objects.header("etag").is_some());
    assert_eq!(objects.ok()["data"][0]["address"], "reactor/points_for_orders");
    let object = house.get("/environments/staging/objects/reactor/points_for_orders").await;
    assert_eq!(object["spec"]["trigger"]["event"], "order_completed");
    house.ask("GET", "/environments/staging/objects/reactor/none", None).await.refused(404, "not_found");

    // What is pulled and planned again is nothing to do.
    let files = house.get("/environments/staging/files").await["files"].clone();
    let body = json!({"from": {"files": {"name": "pulled", "files": files}}});
    let plan = house.post("/environments/staging/plan", body).await.ok();
    assert_eq!(plan["actions"], json!([]), "{plan}");

    // Staging to live, by a plan file.
    let plan = house.post("/environments/live/plan", json!({"from": {"environment": "staging"}})).await.ok();
    assert_eq!(plan["actions"].as_array().map(Vec::len), Some(6), "{plan}");
    let body = json!({"from": {"environment": "staging"}});
    house.post("/environments/live/apply", body.clone()).await.refused(428, "precondition_required");
    let wrong = json!({"from": {"environment": "staging"}, "expect": "0".repeat(64)});
    house.post("/environments/live/apply", wrong).await.refused(412, "stale");
    let mut edited = plan.clone();
    edited["choices"]["allow_delete"] = true.into();
    house.post("/environments/live/apply", json!({"from": {"plan": edited}})).await.refused(400, "bad_json");
    let applied = house.post("/environments/live/apply", json!({"from": {"plan": plan}})).await.ok();
    assert_eq!(house.get("/environments/live").await["environment"]["head"], applied["revision"]);
    house.post("/environments/live/apply", json!({"from": {"plan": plan}})).await.refused(412, "stale");

    let promotions = house.get("/environments/live/promotions").await;
    assert_eq!(promotions["data"][0]["digest"], plan["digest"]);
    let revisions = house.get("/environments/live/revisions").await;
    assert_eq!(
        (&revisions["data"][0]["id"], &revisions["data"][0]["head"]),
        (&applied["revision"], &json!(true))
    );
    let revision =
        house.get(&format!("/environments/live/revisions/{}", applied["revision"].as_str().unwrap())).await;
    assert_eq!(revision["objects"].as_object().map(serde_json::Map::len), Some(6));

    // A change, and back again.
    let doubled = PROGRAM[4].1.replace("rate: 1", "rate: 2");
    let mut files = PROGRAM;
    files[4].1 = &doubled;
    house.apply("staging", &files).await;
    let rehearsal = json!({"from": {"environment": "staging"}});
    assert_eq!(house.post("/environments/live/rehearse", rehearsal).await.ok()["trusted"], true);
    let path = "/environments/live/apply";
    house.ask_with("POST", path, Some(body), &[("if-match", "*")]).await.ok();
    let back = json!({"to": applied["revision"], "message": "too generous"});
    house.post("/environments/live/rollback", back.clone()).await.refused(428, "precondition_required");
    house.ask_with("POST", "/environments/live/rollback", Some(back), &[("if-match", "*")]).await.ok();
    let object = house.get("/environments/live/objects/reactor/points_for_orders").await;
    assert!(
        !object["spec"].to_string().contains("\"rate\":\"2\"")
            && !object["spec"].to_string().contains("\"rate\":2")
    );
    let audit = house.get("/environments/live/audit").await;
    assert_eq!(
        (&audit["data"][0]["what"]["by"], &audit["data"][0]["actor"]),
        (&json!("rollback"), &json!("Ada"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_name_one_etag_one_applies() {
    let house = Arc::new(House::new().await);
    house.apply("live", &PROGRAM).await;
    for round in 0..8 {
        let tag = house.ask("GET", "/environments/live/objects", None).await;
        let tag = tag.header("etag").unwrap().to_owned();
        let mut asking = tokio::task::JoinSet::new();
        for no in 0..6 {
            let (house, tag) = (Arc::clone(&house), tag.clone());
            asking.spawn(async move {
                let reactor = PROGRAM[4].1.replace("rate: 1", &format!("rate: 1{round}{no}"));
                let mut files = PROGRAM;
                files[4].1 = &reactor;
                let files = files.map(|(name, text)| json!({"name": name, "text": text}));
                let body = json!({"from": {"files": {"name": "test", "files": files}}});
                let headers = [("if-match", &*tag)];
                house.ask_with("POST", "/environments/live/apply", Some(body), &headers).await
            });
        }
        let answers = asking.join_all().await;
        let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        for answer in refused {
            answer.refused(412, "stale");
        }
        assert_eq!(done.len(), 1, "round {round}: {answers:?}");
        let head = &house.get("/environments/live").await["environment"]["head"];
        assert_eq!(head, &done[0].body["revision"]);
    }
}

#[tokio::test]
async fn faults_of_a_program_are_told_with_their_places() {
    let house = House::new().await;
    let text = "kind: reactor\nkey: bonus\nspec:\n  trigger: {event: nothing}\n  acitons: []\n";
    let body =
        json!({"from": {"files": {"name": "x", "files": [{"name": "reactors/bonus.yaml", "text": text}]}}});
    let answer = house.post("/environments/staging/plan", body).await;
    answer.refused(422, "invalid_program");
    let errors = answer.body["errors"].to_string();
    assert!(errors.contains("reactors/bonus.yaml:5:3") && errors.contains("actions"), "{errors}");
}

#[tokio::test]
async fn bindings_say_which_state_they_start_from() {
    let house = House::new().await;
    let mut files = PROGRAM.to_vec();
    files.push(("factor.yaml", "kind: constant\nkey: factor\nspec:\n  type: int\n"));
    files.push(("hook.yaml", "kind: secret\nkey: hook\n"));
    let list: Vec<Value> = files.iter().map(|(name, text)| json!({"name": name, "text": text})).collect();
    let body = json!({"from": {"files": {"name": "test", "files": list}}});
    let any = [("if-match", "*")];
    let blocked = house.ask_with("POST", "/environments/staging/apply", Some(body), &any).await;
    blocked.refused(422, "plan_blocked");
    assert_eq!(blocked.body["errors"].as_array().map(Vec::len), Some(2), "{}", blocked.body);

    let put = async |path: &str, body: Value, headers: &[(&str, &str)]| {
        house.ask_with("PUT", &format!("/environments/staging/{path}"), Some(body), headers).await
    };
    put("constants/factor", json!({"value": 2}), &[]).await.refused(428, "precondition_required");
    let tag = house.ask("GET", "/environments/staging/constants", None).await;
    let tag = tag.header("etag").unwrap().to_owned();
    put("constants/factor", json!({"value": 2}), &[("if-match", &tag)]).await.ok();
    put("constants/factor", json!({"value": 3}), &[("if-match", &tag)]).await.refused(412, "stale");
    put("secrets/hook", json!({"value": "whsec_very_secret"}), &[]).await.ok();
    house.apply("staging", &files).await;
    let constants = house.get("/environments/staging/constants").await;
    assert_eq!(constants["data"], json!([{"key": "factor", "value": 2, "default": null, "declared": true}]));
    let secrets = house.get("/environments/staging/secrets").await;
    assert_eq!((&secrets["data"][0]["key"], &secrets["data"][0]["declared"]), (&json!("hook"), &json!(true)));
    for path in ["secrets", "audit", "objects", "constants"] {
        let text = house.get(&format!("/environments/staging/{path}")).await.to_string();
        assert!(!text.contains("very_secret"), "{path}");
    }
    put("constants/factor", json!({"value": "two"}), &any).await.refused(422, "refused");
    put("constants/Factor", json!({"value": 1}), &any).await.refused(400, "bad_parameter");

    put("switches/points_for_orders", json!({"on": false}), &any).await.ok();
    let switches = house.get("/environments/staging/switches").await;
    assert_eq!(switches["data"], json!([{"reactor": "points_for_orders", "on": false}]));
    put("switches/none", json!({"on": false}), &any).await.refused(404, "not_found");
    let key = house.key("staging", KeyKind::Write, &[]).await;
    let items = house.track(&key, json!([order("u", "1", "9")])).await;
    assert_eq!((&items[0]["outcome"], &items[0]["points"]), (&json!("decided"), &json!([])));
}

#[tokio::test]
async fn environments_are_made_and_their_clocks_moved() {
    let house = House::new().await;
    house.apply("live", &PROGRAM).await;
    let made = house.post("/environments", json!({"name": "uat", "from": "live"})).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert_eq!((&made["blockers"], &made["environment"]["kind"]), (&json!([]), &json!("test")));
    let live = house.get("/environments/live").await;
    assert_eq!(made["environment"]["manifest"], live["environment"]["manifest"]);
    house.post("/environments", json!({"name": "uat"})).await.refused(409, "exists");
    house.post("/environments", json!({"name": "U A T"})).await.refused(422, "refused");
    house.post("/environments", json!({"name": "x", "from": "none"})).await.refused(404, "not_found");

    let clock = house.get("/environments/uat/clock").await;
    assert_eq!(clock["setting"], "system");
    let moved = house.post("/environments/uat/clock/advance", json!({"by": "30 days"})).await.ok();
    assert_eq!(moved["setting"], "manual");
    let back = json!({"to": "2001-01-01T00:00:00Z"});
    house.post("/environments/uat/clock/advance", back).await.refused(422, "refused");
    house.post("/environments/live/clock/advance", json!({"by": "1 day"})).await.refused(403, "test_only");
}

#[tokio::test]
async fn backups_are_made_while_serving_and_put_back() {
    let (house, id, key) = with_member().await;
    let backup = house.post("/environments/staging/backup", json!({})).await;
    assert_eq!(backup.status, 201);
    let backup = backup.ok();
    assert!(house.folder().join("backups").join(backup["name"].as_str().unwrap()).exists());
    house.track(&key, json!([order("u-1", "3", "5")])).await;
    let balance = async || {
        house.get(&format!("/environments/staging/profiles/{id}")).await["balances"]["points"]["available"]
            .clone()
    };
    assert_eq!(balance().await, 115);
    for (wrong, status) in [("../x", 400), ("none", 404)] {
        let answer = house.post("/environments/staging/restore", json!({"name": wrong})).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    }
    house.post("/environments/staging/restore", json!({"name": backup["name"]})).await.ok();
    assert_eq!(balance().await, 110);
    // Keys are in the backup, and it takes events again.
    house.track(&key, json!([order("u-1", "4", "7")])).await;
    assert_eq!(balance().await, 117);
    let rebuilt = house.post("/environments/staging/rebuild", json!({})).await.ok();
    assert_eq!(rebuilt["profiles"], 1);
    assert_eq!(house.post("/environments/staging/verify", json!({})).await.ok()["passed"], true);
}

/// What came with no message id is explained by its address, and a message names the merges that it led to.
#[tokio::test]
async fn every_record_is_explained_by_its_address() {
    let (house, id, key) = with_member().await;
    house.track(&key, json!([order("u-0", "0", "5")])).await;
    let old = house.profile_of("staging", "u-0").await;
    let alias = json!({"type": "alias", "userId": "u-1", "previousId": "u-0", "messageId": "a-1"});
    house.track(&key, json!([alias])).await;
    let by_hand = json!({"currency": "points", "amount": 5, "reason": "late"});
    let path = format!("/environments/staging/profiles/{id}/adjustments");
    house.ask_with("POST", &path, Some(by_hand), &[("idempotency-key", "k1")]).await.ok();

    let explain =
        async |id: &str| house.get(&format!("/environments/staging/events/{}", id.replace('/', "%2F"))).await;
    let merges = explain("a-1").await["merges"].clone();
    assert_eq!(merges, json!([{"out": format!("{old}/2"), "taken_in": format!("{id}/4")}]));
    for (address, kind) in [
        (format!("{old}/1"), "track"),
        (format!("{old}/2"), "merge_out"),
        (format!("{id}/4"), "merge_in"),
        (format!("{id}/5"), "alias"),
        (format!("{id}/6"), "credit"),
    ] {
        let explained = explain(&address).await;
        let record = &explained["record"];
        assert_eq!(
            (record["kind"].as_str(), record["erased"].as_bool()),
            (Some(kind), Some(false)),
            "{record}"
        );
        assert!(explained["trace"].is_object(), "{kind}: {}", explained["no_trace"]);
        assert_eq!(explained["merges"] == merges, matches!(kind, "merge_in" | "alias"), "{kind}");
        let order = record["order"].as_str().is_some_and(|order| order.ends_with(": late"));
        assert_eq!(order, kind == "credit", "{record}");
    }
    for unknown in [format!("{id}/7"), "u-1/1".into()] {
        let path = format!("/environments/staging/events/{}", unknown.replace('/', "%2F"));
        house.ask("GET", &path, None).await.refused(404, "not_found");
    }
}

/// Conditions read the nearest double; what is shown is what was counted.
#[tokio::test]
async fn a_metric_is_shown_to_the_last_digit() {
    let (house, _, key) = with_member().await;
    let order = |id: &str, total: &str| order("u-2", id, total);
    house.track(&key, json!([order("7", "1234567890123456.78"), order("8", "0.01")])).await;
    let id = house.profile_of("staging", "u-2").await;
    let metrics = house.get(&format!("/environments/staging/profiles/{id}/metrics")).await;
    assert_eq!(metrics["data"][0]["value"].to_string(), "1234567890123456.79");
}

/// Refused by a look at it, in words and without a path of the server's machine; nothing was stopped for it.
#[tokio::test]
async fn a_backup_of_another_environment_is_refused_while_this_one_serves_on() {
    let house = House::new().await;
    house.post("/environments", json!({"name": "staging"})).await;
    let backup = house.post("/environments/staging/backup", json!({})).await.ok();
    let before = house.environment("live");
    let refuse = async |name: &Value| {
        let answer = house.post("/environments/live/restore", json!({"name": name})).await;
        let detail = answer.refused(422, "refused").to_owned();
        assert!(!detail.contains(house.folder().to_str().unwrap()), "{detail}");
        assert!(std::sync::Arc::ptr_eq(&before, &house.environment("live")), "it was stopped");
        detail
    };
    let detail = refuse(&backup["name"]).await;
    assert!(detail.contains("environment `staging`") && detail.contains("not of this `live`"), "{detail}");
    std::fs::create_dir(house.folder().join("backups/empty")).unwrap();
    let detail = refuse(&json!("empty")).await;
    assert!(detail.contains("no manifest.json"), "{detail}");
}

/// Clients give up an event that is answered with 401, and send it again after a 503.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_taken_for_a_stranger_while_a_restore_runs() {
    let house = House::new().await;
    house.apply("live", &PROGRAM).await;
    let key = house.key("live", KeyKind::Write, &[]).await;
    let backup = house.post("/environments/live/backup", json!({})).await.ok();
    let spoilt = house.folder().join("backups/spoilt");
    std::fs::create_dir_all(&spoilt).unwrap();
    std::fs::write(spoilt.join("manifest.json"), "{}").unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let bearer = format!("Bearer {key}");
    let ask = async |no: usize| {
        let body = json!({"batch": [order("u", &format!("n{no}"), "1")]}).to_string();
        let sent = send(&house.app, "POST", "/v1/batch", &[("authorization", &*bearer)], body).await;
        let ready = send(&house.app, "GET", "/readyz", &[], "").await;
        let live = ready.body["environments"].as_array().unwrap().iter().find(|one| one["name"] == "live");
        let well = live.expect("it is never missing")["ready"] == true;
        assert_eq!(ready.status.as_u16(), if well { 200 } else { 503 }, "{}", ready.body);
        sent.status.as_u16()
    };
    let done = std::cell::Cell::new(false);
    let restores = async {
        for name in [&backup["name"], &json!("spoilt"), &backup["name"]] {
            let restored = house.post("/environments/live/restore", json!({"name": name})).await;
            assert_eq!(restored.status.is_success(), name != "spoilt", "{}", restored.body);
        }
        done.set(true);
    };
    let clients = async {
        for no in 0.. {
            seen.insert(ask(no).await);
            if done.get() {
                break;
            }
        }
    };
    tokio::join!(restores, clients);
    assert!(seen.iter().all(|status| matches!(status, 200 | 503)) && seen.contains(&503), "{seen:?}");
    assert_eq!(ask(usize::MAX).await, 200, "and it is taken afterwards");
}

#[tokio::test]
async fn the_live_log_shows_what_happens() {
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    let (house, id, key) = with_member().await;
    let request = axum::http::Request::get("/admin/v1/environments/staging/tail")
        .header("authorization", format!("Bearer {}", house.token))
        .body(axum::body::Body::empty())
        .unwrap();
    let mut body = house.app.clone().oneshot(request).await.unwrap().into_body();
    house.track(&key, json!([order("u-1", "9", "5")])).await;
    let frame = tokio::time::timeout(std::time::Duration::from_secs(5), body.frame()).await.unwrap();
    let text = String::from_utf8(frame.unwrap().unwrap().into_data().unwrap().to_vec()).unwrap();
    assert!(text.starts_with("event: line\ndata: {"), "{text}");
    assert!(text.contains(&id) && text.contains("\"points\":[[\"points\",5]]"), "{text}");
}
