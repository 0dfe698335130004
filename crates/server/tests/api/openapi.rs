use serde_json::Value;

use crate::house::{House, send};

/// The description is kept beside the tests: whoever changes the API sees it as a difference.
#[test]
fn the_description_is_the_one_that_was_reviewed() {
    let document = serde_json::to_value(server::document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    insta::assert_json_snapshot!("openapi", document);
}

#[test]
fn every_operation_is_described() {
    for (path, method, operation) in operations() {
        let at = format!("{method} {path}");
        for field in ["operationId", "summary", "tags"] {
            assert!(operation.get(field).is_some(), "{at} has no {field}");
        }
        assert!(operation["responses"].get("default").is_some(), "{at} does not say how it refuses");
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_credential() {
    let house = House::new().await;
    let mut asked = 0;
    for (path, method, _) in operations() {
        let path = path
            .replace("{environment}", "live")
            .replace("{profile}", "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60")
            .replace("{revision}", &"0".repeat(64));
        let path = path.replace(['{', '}'], "");
        for headers in [&[][..], &[("authorization", "Bearer nonsense")][..]] {
            let answer = send(&house.app, &method.to_uppercase(), &path, headers, "").await;
            answer.refused(401, "unauthorized");
            assert!(answer.headers.contains_key("www-authenticate"), "{method} {path}");
        }
        asked += 1;
    }
    assert!(asked > 40, "only {asked} operations");
}

fn operations() -> Vec<(String, String, Value)> {
    let document = serde_json::to_value(server::document()).unwrap();
    let paths = document["paths"].as_object().unwrap().clone();
    let mut all = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            if ["get", "put", "post", "delete", "patch"].contains(&method.as_str()) {
                all.push((path.clone(), method.clone(), operation.clone()));
            }
        }
    }
    all
}
