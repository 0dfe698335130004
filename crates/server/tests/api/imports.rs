use axum::http::StatusCode;
use serde_json::json;

use crate::house::{Answer, House, PROGRAM, send};

fn lines(from: u64, to: u64) -> String {
    (from..=to)
        .map(|n| {
            // Two equal lines are two events.
            let total = n / 2;
            format!(
                r#"{{"type":"track","event":"Order Placed","userId":"u-{}","timestamp":"1997-01-0{}T00:00:00Z","properties":{{"total":{total}.25}}}}"#,
                total % 3,
                total % 9 + 1,
            ) + "\n"
        })
        .collect()
}

async fn part(house: &House, query: &str, body: String) -> Answer {
    let auth = format!("Bearer {}", house.token);
    let path = format!("/admin/v1/environments/live/imports/history?{query}");
    send(&house.app, "POST", &path, &[("authorization", &auth)], body).await
}

#[tokio::test]
async fn history_comes_in_parts_and_twice_is_once() {
    let house = House::new().await;
    let first = part(&house, "first_line=1", lines(1, 40)).await.ok();
    assert_eq!((&first["decided"], &first["next_line"]), (&json!(40), &json!(41)));
    let imports = house.get("/environments/live/imports").await;
    assert_eq!(
        imports["data"],
        json!([{"name": "history", "next_line": 41, "prefix": null, "file": null, "finished": false}])
    );
    // The connection broke before the answer came: the part is sent again.
    let again = part(&house, "first_line=1", lines(1, 40)).await.ok();
    assert_eq!((&again["decided"], &again["duplicate"]), (&json!(0), &json!(40)));
    let last = part(&house, "first_line=41&last=true", lines(41, 50)).await.ok();
    assert_eq!((&last["decided"], &last["next_line"]), (&json!(10), &json!(51)));
    let explained = house.get("/environments/live/events/history:50").await;
    assert_eq!(explained["record"]["occurred_at"], "1997-01-08T00:00:00Z");
    assert_eq!(house.environment("live").store().record_count().await.unwrap(), 50);
}

#[tokio::test]
async fn a_broken_line_stops_its_part_and_is_named() {
    let house = House::new().await;
    let text = lines(1, 5) + "{\"type\": \n" + &lines(7, 8);
    let answer = part(&house, "first_line=101", text).await;
    assert!(answer.refused(400, "bad_json").contains("line 106, column 10"), "{}", answer.body);
    assert_eq!(house.environment("live").store().record_count().await.unwrap(), 0);
    for query in ["", "first_line=0", "first_line=x", "first_line=1&lsat=true"] {
        assert_eq!(part(&house, query, lines(1, 1)).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn events_can_be_sent_by_hand() {
    let house = House::new().await;
    house.apply("staging", &PROGRAM).await;
    let batch = json!({"batch": [crate::house::order("u-1", "7", "12.5")]});
    let report = house.post("/environments/staging/events", batch).await.ok();
    assert_eq!(report["items"][0]["points"], json!([["points", 12]]));
}
