use runtime::keys::KeyKind;
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

/// `docs/api.md` has a row for every operation, and says truly which scope it needs: a key that has every
/// other one is refused.
#[tokio::test]
async fn the_documentation_names_every_operation_and_its_scope() {
    let text = include_str!("../../../../docs/api.md");
    let rows: Vec<(String, String, String)> = text
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let path = cells.get(2)?.strip_prefix('`')?.strip_suffix('`')?;
            let path = match path.strip_prefix('E') {
                Some(rest) => format!("/admin/v1/environments/{{environment}}{rest}"),
                None => path.to_owned(),
            };
            Some((path, cells[1].to_lowercase(), cells[3].trim_matches('`').to_owned()))
        })
        .collect();
    let mut documented: Vec<_> = rows.iter().map(|(path, method, _)| (path, method)).collect();
    let all = operations();
    let mut described: Vec<_> = all.iter().map(|(path, method, _)| (path, method)).collect();
    documented.sort();
    described.sort();
    assert_eq!(documented, described);

    let house = House::new().await;
    let scopes = ["read", "members", "configure", "promote", "operate"];
    for (path, method, needs) in &rows {
        if !scopes.contains(&needs.as_str()) {
            continue;
        }
        let others: Vec<&str> = scopes.into_iter().filter(|scope| scope != needs).collect();
        let key = house.key("live", KeyKind::Secret, &others).await;
        let auth = format!("Bearer {key}");
        let headers = [("authorization", &*auth)];
        let answer = send(&house.app, &method.to_uppercase(), &filled(path), &headers, "").await;
        assert!(answer.refused(403, "forbidden").contains(&format!("`{needs}`")), "{method} {path}");
    }
}

fn filled(path: &str) -> String {
    path.replace("{environment}", "live")
        .replace("{profile}", "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60")
        .replace("{revision}", &"0".repeat(64))
        .replace(['{', '}'], "")
}

#[tokio::test]
async fn nobody_gets_in_without_a_credential() {
    let house = House::new().await;
    let mut asked = 0;
    for (path, method, _) in operations() {
        let path = filled(&path);
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
