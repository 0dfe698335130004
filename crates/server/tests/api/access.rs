use runtime::keys::KeyKind;
use serde_json::json;
use server::{Environments, ListenerConfig};

use crate::house::{House, send};

#[tokio::test]
async fn a_key_reaches_its_own_environment_and_no_other() {
    let house = House::new().await;
    let key = house.key("staging", KeyKind::Secret, &["*"]).await;
    let auth = format!("Bearer {key}");
    let ask = |method: &'static str, path: &'static str, body: &'static str| {
        let (app, auth) = (house.app.clone(), auth.clone());
        async move { send(&app, method, path, &[("authorization", &auth)], body).await }
    };
    ask("GET", "/admin/v1/environments/staging", "").await.ok();
    // The same words for one that exists and one that does not.
    for path in ["/admin/v1/environments/live", "/admin/v1/environments/nowhere"] {
        let answer = ask("GET", path, "").await;
        let detail = answer.refused(403, "wrong_environment");
        let asked = path.rsplit('/').next().unwrap();
        assert!(detail.contains("`staging`") && detail.contains(&format!("`{asked}`")), "{detail}");
    }
    // Nor as the source of a plan.
    let body = r#"{"from": {"environment": "live"}}"#;
    ask("POST", "/admin/v1/environments/staging/plan", body).await.refused(403, "wrong_environment");
    // Nor may it make environments.
    ask("POST", "/admin/v1/environments", r#"{"name": "x"}"#).await.refused(403, "forbidden");
    ask("POST", "/admin/v1/environments/staging/restore", r#"{"name": "x"}"#).await.refused(403, "forbidden");
    let list = ask("GET", "/admin/v1/environments", "").await.ok();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn scopes_bound_what_a_key_may_do() {
    let house = House::new().await;
    let reads = format!("Bearer {}", house.key("staging", KeyKind::Secret, &["read"]).await);
    let operates = format!("Bearer {}", house.key("staging", KeyKind::Secret, &["read", "operate"]).await);
    let writes = format!("Bearer {}", house.key("staging", KeyKind::Write, &[]).await);
    let at = "/environments/staging";
    let ask = async |auth: &str, method: &str, path: &str, body: serde_json::Value| {
        house.ask_with(method, &format!("{at}{path}"), Some(body), &[("authorization", auth)]).await
    };
    ask(&reads, "GET", "/objects", json!(null)).await.ok();
    for (method, path, scope) in [
        ("POST", "/apply", "promote"),
        ("POST", "/rollback", "promote"),
        ("PUT", "/constants/x", "configure"),
        ("PUT", "/secrets/x", "configure"),
        ("PUT", "/switches/x", "configure"),
        ("POST", "/profiles/6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60/adjustments", "members"),
        ("POST", "/profiles/6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60/erasure", "members"),
        ("POST", "/quarantine/replay", "members"),
        ("POST", "/keys", "operate"),
        ("POST", "/clock/advance", "operate"),
        ("POST", "/imports/x", "operate"),
        ("POST", "/events", "operate"),
        ("POST", "/backup", "operate"),
        ("POST", "/verify", "operate"),
        ("POST", "/rebuild", "operate"),
    ] {
        let answer = ask(&reads, method, path, json!({})).await;
        let detail = answer.refused(403, "forbidden");
        assert!(detail.contains(&format!("`{scope}`")), "{path}: {detail}");
    }
    // A key makes no key that may do more than itself.
    let more = json!({"kind": "sk", "name": "more", "scopes": ["read", "promote"]});
    ask(&operates, "POST", "/keys", more).await.refused(403, "forbidden");
    let less = json!({"kind": "sk", "name": "less", "scopes": ["read"]});
    ask(&operates, "POST", "/keys", less).await.ok();
    // Keys for events are for events.
    assert!(ask(&writes, "GET", "/objects", json!(null)).await.refused(403, "forbidden").contains("sk_"));
}

#[tokio::test]
async fn keys_end() {
    let house = House::new().await;
    let made = house
        .post("/environments/staging/keys", json!({"kind": "sk", "name": "ci", "scopes": ["read"]}))
        .await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    let (id, token) = (made["key"]["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert!(token.starts_with("sk_test_") && token.ends_with(made["key"]["hint"].as_str().unwrap()));
    let auth = format!("Bearer {token}");
    let headers = [("authorization", &*auth)];
    let list = || house.ask_with("GET", "/environments/staging/keys", None, &headers);
    let listed = list().await.ok();
    assert!(!listed.to_string().contains(token), "a key is shown once");
    house.ask("DELETE", &format!("/environments/staging/keys/{id}"), None).await.ok();
    assert!(list().await.refused(401, "unauthorized").contains("revoked"));
    house.ask("DELETE", "/environments/staging/keys/key_none", None).await.refused(404, "not_found");
    for (wrong, status) in [
        (json!({"kind": "zk", "name": "x"}), 400),
        (json!({"kind": "wk", "name": " "}), 400),
        (json!({"kind": "wk", "name": "x", "scopes": ["read"]}), 422),
        (json!({"kind": "sk", "name": "x", "scopes": ["everything"]}), 422),
        (json!({"kind": "sk", "name": "x", "scopes": []}), 422),
        (json!({"kind": "wk", "name": "x", "expires_at": "2001-01-01T00:00:00Z"}), 422),
        (json!({"kind": "wk", "nmae": "x"}), 400),
    ] {
        let answer = house.post("/environments/staging/keys", wrong.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{wrong}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_listener_administers_only_what_it_serves() {
    let house = House::new().await;
    let config =
        ListenerConfig { environments: Environments::Named(vec!["staging".into()]), ..Default::default() };
    let app = house.listener(config);
    let auth = format!("Bearer {}", house.token);
    let ask = async |path: &str| send(&app, "GET", path, &[("authorization", &auth)], "").await;
    ask("/admin/v1/environments/staging").await.ok();
    let answer = ask("/admin/v1/environments/live").await;
    assert!(answer.refused(403, "wrong_listener").contains("staging"));
    assert_eq!(ask("/admin/v1/environments").await.ok()["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn administrators_are_made_and_revoked_by_administrators() {
    let house = House::new().await;
    let made = house.ask("POST", "/administrators", Some(json!({"name": "Grace"}))).await;
    assert_eq!(made.status, 201);
    let (id, token) = (&made.body["administrator"]["id"], made.body["token"].as_str().unwrap());
    let bearer = format!("Bearer {token}");
    let listed =
        send(&house.app, "GET", "/admin/v1/administrators", &[("authorization", &bearer)], "").await.ok();
    let names: Vec<_> = listed["data"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["Grace", "Ada"]);
    assert!(!listed.to_string().contains(token), "a token is seen once");
    let ada = listed["data"][1]["id"].as_str().unwrap();

    let key = house.key("staging", KeyKind::Secret, &["*"]).await;
    let of_key = format!("Bearer {key}");
    let asked = send(&house.app, "GET", "/admin/v1/administrators", &[("authorization", &of_key)], "").await;
    assert!(asked.refused(403, "forbidden").contains("whole install"));

    let revoked = house.ask("DELETE", &format!("/administrators/{}", id.as_str().unwrap()), None).await.ok();
    assert!(revoked["revoked_at"].is_string());
    let asked = send(&house.app, "GET", "/admin/v1/administrators", &[("authorization", &bearer)], "").await;
    assert!(asked.refused(401, "unauthorized").contains("revoked"));
    let last = house.ask("DELETE", &format!("/administrators/{ada}"), None).await;
    assert!(last.refused(422, "refused").contains("only administrator"));
    house.ask("DELETE", "/administrators/admin_0", None).await.refused(404, "not_found");
    house.ask("POST", "/administrators", Some(json!({"name": " "}))).await.refused(400, "bad_parameter");
}
