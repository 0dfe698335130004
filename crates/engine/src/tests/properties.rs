//! Random lives under random programs. The world checks at each step that recording and evolving come to the
//! state decided on; at the end everything is decided again, and the ledger is summed.

use std::collections::BTreeMap;

use ledger::Account;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::world::{World, at};
use crate::{Profile, evolve, input::Order, profile::Standing, record};

/// What a program may vary in.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pending_days: u32,
    expiry: &'static str,
    allow_negative: bool,
    zone: &'static str,
    rolling_days: u16,
    begin: &'static str,
    budget: u32,
    when_short: &'static str,
    window: &'static str,
    threshold: u32,
    react: bool,
}

pub(super) fn shape() -> impl Strategy<Value = Shape> {
    (
        (
            0..20_u32,
            prop::sample::select(vec!["never", "{after_days: 20}", "{after_days: 40, end_of: month}"]),
        ),
        any::<bool>(),
        prop::sample::select(vec!["UTC", "America/Sao_Paulo", "Pacific/Auckland"]),
        (1..40_u16, prop::sample::select(vec!["backfill", "now"])),
        (1..900_u32, prop::sample::select(vec!["part", "nothing"])),
        prop::sample::select(vec!["lifetime", "day", "week", "month", "year"]),
        (1..400_u32, any::<bool>()),
    )
        .prop_map(|(currency, allow_negative, zone, rolling, budget, window, rest)| Shape {
            pending_days: currency.0,
            expiry: currency.1,
            allow_negative,
            zone,
            rolling_days: rolling.0,
            begin: rolling.1,
            budget: budget.0,
            when_short: budget.1,
            window,
            threshold: rest.0,
            react: rest.1,
        })
}

pub(super) fn yaml(shape: &Shape) -> String {
    let Shape { pending_days, expiry, allow_negative, zone, rolling_days, begin, .. } = shape;
    let Shape { budget, when_short, window, threshold, .. } = shape;
    format!(
        r#"
kind: settings
key: program
spec: {{time_zone: {zone}}}
---
kind: event_type
key: order_completed
spec:
  name: Order Completed
  schema: {{type: object, required: [total], properties: {{total: {{type: number}}}}}}
---
kind: event_type
key: rewarded
spec: {{name: Rewarded, schema: {{type: object, properties: {{points: {{type: integer}}}}}}}}
---
kind: currency
key: points
spec: {{name: Points, pending_days: {pending_days}, expiry: {expiry}, allow_negative: {allow_negative}}}
---
kind: currency
key: miles
spec: {{name: Miles}}
---
kind: trait
key: tier
spec: {{type: string, searchable: true}}
---
kind: metric
key: recent
spec: {{event: order_completed, aggregate: sum, of: properties.total, window: {{rolling_days: {rolling_days}}}, begin: {begin}}}
---
kind: metric
key: monthly
spec: {{event: order_completed, aggregate: max, of: properties.total, window: calendar_month}}
---
kind: metric
key: rewards
spec: {{event: rewarded, aggregate: count, window: calendar_year}}
---
kind: metric
key: latest
spec: {{event: order_completed, aggregate: last, of: properties.total, where: "event.properties.total < 300.0"}}
---
kind: audience
key: active
spec: {{condition: "profile.metrics.recent > {threshold}.0"}}
---
kind: audience
key: gold
spec: {{condition: "in_audience('active') && (has(profile.traits.tier) && profile.traits.tier == 'gold')"}}
---
kind: audience
key: poor
spec: {{condition: "profile.balances.points < 10 && profile.metrics.rewards < 3"}}
---
kind: reactor
key: earn
spec:
  trigger: {{event: order_completed}}
  actions: [{{award: {{currency: points, of: properties.total, rate: 0.35, rounding: half_even}}}}]
---
kind: reactor
key: campaign
spec:
  trigger: {{event: order_completed}}
  condition: "event.properties.total > 20.0"
  limits: [{{count: 2, window: {window}}}]
  budget: {{currency: miles, amount: {budget}, when_short: {when_short}}}
  actions:
    - award: {{currency: miles, amount: 70}}
    - emit_event: {{event: rewarded, properties: {{points: 70}}}}
---
kind: reactor
key: promote_member
spec: {{trigger: {{audience_entered: active}}, actions: [{{set_trait: {{trait: tier, value: "'gold'"}}}}]}}
---
kind: reactor
key: spend
spec:
  trigger: {{event: rewarded}}
  actions:
    - deduct: {{currency: points, amount: 25, when_short: {when_short}}}
    - send_message: {{template: spent, channel: email, data: {{left: profile.balances.points}}}}
---
kind: reactor
key: farewell
spec: {{trigger: {{audience_left: gold}}, limits: [{{count: 1}}], actions: [{{award: {{currency: points, amount: 3}}}}]}}
"#
    )
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Order { who: Who, day: i64, cents: i64 },
    Identify { who: Who, day: i64, tier: Option<&'static str> },
    Alias { user: u8, previous: u8, day: i64 },
    Credit { nth: usize, amount: i64 },
    Debit { nth: usize, amount: i64 },
    Reverse { nth: usize, record: usize },
    Erase { nth: usize },
    Wait { days: i64 },
    Promote { which: usize },
}

/// Which ids a message carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    user: Option<u8>,
    anonymous: Option<u8>,
}

impl Who {
    fn write(self, json: &mut Json) {
        if let Some(user) = self.user {
            json["userId"] = format!("u{user}").into();
        }
        if let Some(anonymous) = self.anonymous {
            json["anonymousId"] = format!("a{anonymous}").into();
        }
    }
}

fn who() -> impl Strategy<Value = Who> {
    (prop::option::of(0..3_u8), prop::option::of(0..3_u8))
        .prop_filter("a message names somebody", |(user, anonymous)| user.is_some() || anonymous.is_some())
        .prop_map(|(user, anonymous)| Who { user, anonymous })
}

/// Days are offsets from now: mostly forward, sometimes late.
fn day() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0..3_i64, 1 => -60..0_i64]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (who(), day(), -500..50_000_i64).prop_map(|(who, day, cents)| Step::Order { who, day, cents }),
        2 => (who(), day(), prop::option::of(prop::sample::select(vec!["gold", "silver"])))
            .prop_map(|(who, day, tier)| Step::Identify { who, day, tier }),
        1 => (0..3_u8, 0..3_u8, day()).prop_map(|(user, previous, day)| Step::Alias { user, previous, day }),
        1 => (0..4_usize, -5..300_i64).prop_map(|(nth, amount)| Step::Credit { nth, amount }),
        1 => (0..4_usize, -5..300_i64).prop_map(|(nth, amount)| Step::Debit { nth, amount }),
        1 => (0..4_usize, 0..20_usize).prop_map(|(nth, record)| Step::Reverse { nth, record }),
        1 => (0..8_usize).prop_map(|nth| Step::Erase { nth }),
        2 => (1..45_i64).prop_map(|days| Step::Wait { days }),
        1 => (0..2_usize).prop_map(|which| Step::Promote { which }),
    ]
}

pub(super) fn live(shapes: &[Shape; 2], steps: Vec<Step>) -> World {
    let mut world = World::new(&yaml(&shapes[0]));
    let mut today = 0_i64;
    let when = |day: i64| {
        let start = at("1999-12-20T00:00:00Z").as_second();
        jiff::Timestamp::from_second(start + day * 86_400 + day.rem_euclid(24) * 3600)
            .expect("in range")
            .to_string()
    };
    for step in steps {
        let nth = |world: &World, nth: usize| world.profiles.keys().nth(nth).copied();
        match step {
            Step::Order { who, day, cents } => {
                let total: Json = serde_json::from_str(&format!("{}.{:02}", cents / 100, cents.abs() % 100))
                    .expect("a number");
                let mut json = json!({"event": "Order Completed", "properties": {"total": total}});
                who.write(&mut json);
                let message = world.message(&when(today + day), json);
                let _ = world.deliver(message);
            }
            Step::Identify { who, day, tier } => {
                let mut json = json!({"type": "identify", "traits": {"tier": tier, "other": day}});
                who.write(&mut json);
                let message = world.message(&when(today + day), json);
                let _ = world.deliver(message);
            }
            Step::Alias { user, previous, day } => {
                let json = json!({"type": "alias", "userId": format!("u{user}"), "previousId": format!("u{previous}")});
                let message = world.message(&when(today + day), json);
                let _ = world.deliver(message);
            }
            Step::Credit { nth: n, amount } => {
                if let Some(id) = nth(&world, n) {
                    let _ =
                        world.command(id, &when(today), Order::Credit { currency: "points".into(), amount });
                }
            }
            Step::Debit { nth: n, amount } => {
                if let Some(id) = nth(&world, n) {
                    let _ =
                        world.command(id, &when(today), Order::Debit { currency: "points".into(), amount });
                }
            }
            Step::Reverse { nth: n, record } => {
                let Some(id) = nth(&world, n) else { continue };
                let Some(encoded) = world.journal[&id].get(record) else { continue };
                let recorded = record::decode(&encoded.header, None).expect("it reads back");
                if let Some(original) = recorded.decision.groups.first() {
                    let group = ledger::GroupId { profile: id, n: recorded.n, index: 0 };
                    let order = Order::Reverse { group, original: Box::new(original.clone()) };
                    let _ = world.command(id, &when(today), order);
                }
            }
            Step::Erase { nth: n } => {
                if let Some(id) = nth(&world, n)
                    && world.profile(id).is_active()
                {
                    world.command(id, &when(today), Order::Erase).expect("anybody can be erased");
                    let profiles = &world.profiles;
                    let mut identities = std::mem::take(&mut world.identities);
                    identities.retain(|_, owner| lives_on(profiles, *owner) != Standing::Erased);
                    world.identities = identities;
                }
            }
            Step::Wait { days } => {
                today += days;
                world.advance(&when(today));
            }
            Step::Promote { which } => {
                let react = shapes[which].react;
                world.promote(&yaml(&shapes[which]), &when(today));
                world.rules.react_on_upgrade = react;
                let rules = world.rules.clone();
                world.change(rules);
            }
        }
    }
    world
}

/// The standing of the profile in which this one lives on.
fn lives_on(profiles: &BTreeMap<ledger::ProfileId, Profile>, mut id: ledger::ProfileId) -> Standing {
    while let Standing::MergedInto(into) = profiles[&id].standing {
        id = into;
    }
    profiles[&id].standing
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_recorded_is_what_was_decided(
        one in shape(),
        two in shape(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let world = live(&[one, two], steps);
        world.verify();

        let mut sums: BTreeMap<(String, Account), i64> = BTreeMap::new();
        for (id, records) in &world.journal {
            let mut bare = Profile::new(*id);
            for encoded in records {
                let recorded = record::decode(&encoded.header, None).expect("headers read back");
                for group in &recorded.decision.groups {
                    for posting in &group.postings {
                        *sums.entry((group.currency.to_string(), posting.account)).or_default() += posting.amount;
                    }
                }
                evolve(&mut bare, &recorded);
            }
            // Headers alone carry the ledger.
            prop_assert_eq!(&bare.wallets, &world.profile(*id).wallets);
            prop_assert_eq!(bare.tail, world.profile(*id).tail);
        }
        for currency in ["points", "miles"] {
            let of = |account| sums.get(&(currency.to_owned(), account)).copied().unwrap_or(0);
            let everything: i64 = sums.iter().filter(|((name, _), _)| name == currency).map(|(_, sum)| sum).sum();
            prop_assert_eq!(everything, 0, "{} balance", currency);
            prop_assert_eq!(of(Account::Clearing), 0, "what leaves one profile arrives in another");
            let wallets = world.profiles.values().map(|profile| profile.wallets.wallet(&currency.into()).clone());
            let (available, pending) = wallets.fold((0, 0), |(available, pending), wallet| {
                (available + wallet.available(), pending + wallet.pending())
            });
            prop_assert_eq!((of(Account::Available), of(Account::Pending)), (available, pending));
        }
        for (counter, (used, _)) in &world.counters {
            prop_assert!(*used <= 900, "{} is within its ceiling", counter);
        }
    }
}
