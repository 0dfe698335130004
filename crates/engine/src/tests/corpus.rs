//! The corpus of golden decisions. When a line changes, outcomes have changed: raise `DECISION_VERSION`, and
//! say in the changelog what is decided differently.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{stories::SHOP, world::World};
use crate::{input::Order, record};

const CAMPAIGN: &str = r#"
kind: settings
key: program
spec: {time_zone: Europe/Zurich}
---
kind: constant
key: generous
spec: {type: decimal, default: 99.5}
---
kind: trait
key: birthday_month
spec: {type: int, searchable: true}
---
kind: event_type
key: thanked
spec: {name: Thanked, schema: {type: object, properties: {note: {type: string}}}}
---
kind: metric
key: recent
spec: {event: order_completed, aggregate: sum, of: properties.total, window: {rolling_days: 30}}
---
kind: metric
key: largest
spec: {event: order_completed, aggregate: max, of: properties.total, window: calendar_year}
---
kind: metric
key: thanks
spec: {event: thanked, aggregate: count, window: calendar_month}
---
kind: audience
key: active
spec: {condition: "profile.metrics.recent > constants.generous"}
---
kind: audience
key: april_children
spec: {condition: "has(profile.traits.birthday_month) && profile.traits.birthday_month == 4"}
---
kind: reactor
key: spring
spec:
  priority: 5
  trigger: {event: order_completed}
  schedule: {from: 1997-03-01T00:00:00Z, until: 1997-06-01T00:00:00Z}
  condition: "event.properties.total >= 10.0"
  limits: [{count: 2, window: week}]
  budget: {currency: points, amount: 120, when_short: part}
  actions:
    - award: {currency: points, of: properties.total, rate: 2.5, rounding: half_up}
    - emit_event: {event: thanked, properties: {note: "'for ' + string(profile.metrics.orders)"}}
---
kind: reactor
key: hello
spec:
  trigger: {audience_entered: active}
  actions:
    - call_webhook: {url: "https://hooks.example.com/active", data: {recent: profile.metrics.recent}}
    - send_message: {template: hello, channel: email, data: {points: profile.balances.points}}
---
kind: reactor
key: goodbye
spec:
  trigger: {audience_left: active}
  actions: [{deduct: {currency: points, amount: 10, when_short: part}}]
"#;

fn shop(world: &mut World) {
    for (day, total) in [(1, "19.99"), (5, "0.01"), (9, "120"), (20, "360.005"), (21, "3"), (40, "7.50")] {
        let when = format!("1997-{:02}-{:02}", 1 + day / 31, 1 + day % 31);
        world.order("ann", &when, total);
    }
    world.order("ann", "1997-01-03", "11");
}

fn campaign(world: &mut World) {
    let visit = json!({"event": "Order Completed", "anonymousId": "cookie", "properties": {"total": 12.5}});
    world.send("1997-03-02T23:30:00Z", visit);
    world.order("bob", "1997-03-03", "44.44");
    let traits = json!({"birthday_month": 4, "shoe": {"size": 42.50}});
    world.send(
        "1997-03-04",
        json!({"type": "identify", "userId": "bob", "anonymousId": "cookie", "traits": traits}),
    );
    world.order("bob", "1997-03-05", "55");
    world.order("cay", "1997-03-05", "60");
    world.order("cay", "1997-03-06", "0.4");
    world.send("1997-03-06", json!({"type": "page", "event": "Home", "userId": "cay"}));
    world.advance("1997-06-01");
    let id = world.order("bob", "1997-06-02", "200");
    let credit = Order::Credit { currency: "points".into(), amount: 77 };
    world.command(id, "1997-06-03", credit).expect("it is decided");
    world.send("1997-06-04", json!({"type": "alias", "userId": "bob", "previousId": "cay"}));
    world.promote(
        &format!("{SHOP}---\n{}", CAMPAIGN.replace("rolling_days: 30", "rolling_days: 90")),
        "1997-06-05",
    );
    world.advance("1997-09-01");
    world.command(id, "1997-09-02", Order::Erase).expect("it is decided");
}

type Story = fn(&mut World);

#[test]
fn decisions_come_out_as_they_did() {
    let mut lines = Vec::new();
    let expiring = SHOP.replace("expiry: never", "expiry: {after_days: 14, end_of: month}, pending_days: 3");
    let stories: [(&str, String, Story); 3] = [
        ("shop", SHOP.to_owned(), shop),
        ("expiring_shop", expiring, shop),
        ("campaign", format!("{SHOP}---\n{CAMPAIGN}"), campaign),
    ];
    for (name, program, story) in stories {
        let mut world = World::new(&program);
        story(&mut world);
        world.verify();
        for (id, records) in &world.journal {
            for encoded in records {
                let recorded = record::decode(&encoded.header, Some(&encoded.body)).expect("it reads back");
                // The manifest is the program crate's to keep stable, not part of what is compared here.
                let mut decision = recorded.decision;
                decision.effects.retain(|effect| !matches!(effect, crate::Effect::Basis(_)));
                let hash = Sha256::digest(record::decision_bytes(&decision));
                let hash =
                    hash.iter().take(12).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
                let posted: Vec<String> =
                    decision.groups.iter().map(|group| format!("{} {}", group.reason, group.net())).collect();
                let fired: Vec<&str> = decision
                    .outcomes
                    .iter()
                    .filter(|outcome| outcome.stopped.is_none())
                    .map(|outcome| &*outcome.reactor)
                    .collect();
                lines.push(format!(
                    "{name} {id}/{} {} {hash} [{}] [{}]",
                    recorded.n,
                    recorded.kind,
                    posted.join(", "),
                    fired.join(", ")
                ));
            }
        }
    }
    let written = lines.join("\n") + "\n";
    let golden = include_str!("golden/decisions.txt");
    assert!(written == golden, "decisions have changed; now they are:\n{written}");
}
