//! Runs a case.

use engine::input;
use jiff::{Timestamp, civil};
use ledger::CurrencyKey;

use super::{
    Failure, Tried,
    case::{Case, Order, Ordered, Step},
    check,
    rules::Ground,
    world::World,
};

/// When a case begins that does not say so and has no event with a time.
const BEGINS: civil::Date = civil::date(2026, 1, 1);

/// Runs a case. It stops at the first `expect` that does not hold: what follows would only repeat it.
pub(super) fn run(ground: &Ground, case: &Case) -> Tried {
    let mut world = World::new(ground.rules(case), begins(case));
    let mut failures = Vec::new();
    for (at, step) in &case.steps {
        let done = match step {
            Step::Event(sent) => {
                let mut message = sent.message.clone();
                message.source = sent.source;
                world.deliver(message, sent.at)
            }
            Step::Advance(span) => {
                let zone = world.rules.program.settings.time_zone.clone();
                match world.now.to_zoned(zone).checked_add(*span) {
                    Ok(until) => world.advance(until.timestamp()),
                    Err(error) => Err(engine::Fault::new("internal", "clock", error.to_string())),
                }
            }
            Step::Until(until) => world.advance(*until),
            Step::Order(order) => {
                carry_out(&mut world, order);
                Ok(())
            }
            Step::Switch(reactor, on) => {
                if *on {
                    world.rules.switched_off.remove(reactor);
                } else {
                    world.rules.switched_off.insert(reactor.clone());
                }
                world.rules.epoch += 1;
                Ok(())
            }
            Step::Expect(expected) => {
                failures.extend(expected.iter().filter_map(|one| check::check(&world, one)));
                Ok(())
            }
        };
        if let Err(fault) = done {
            failures.push(Failure {
                at: at.clone(),
                what: "the step".into(),
                expected: "to be decided".into(),
                got: fault.to_string(),
                trace: Vec::new(),
            });
        }
        if !failures.is_empty() {
            break;
        }
    }
    Tried {
        name: case.name.clone(),
        file: case.file.clone(),
        line: case.line,
        passed: failures.is_empty(),
        failures,
    }
}

fn begins(case: &Case) -> Timestamp {
    let first = case.steps.iter().find_map(|(_, step)| match step {
        Step::Event(sent) => sent.at,
        _ => None,
    });
    let default =
        || BEGINS.to_zoned(jiff::tz::TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |at| at.timestamp());
    case.begins.or(first).unwrap_or_else(default)
}

fn carry_out(world: &mut World, order: &Order) {
    let Order { member, reason, what } = order;
    let currency = |key: &str| CurrencyKey::from(key);
    match what {
        Ordered::Credit(key, amount) => {
            let order = input::Order::Credit { currency: currency(key), amount: *amount };
            world.order(member, reason, order, "credit");
        }
        Ordered::Debit(key, amount) => {
            let order = input::Order::Debit { currency: currency(key), amount: *amount };
            world.order(member, reason, order, "debit");
        }
        Ordered::Erase => world.order(member, reason, input::Order::Erase, "erase"),
        Ordered::Reverse(event, reactor) => {
            let posted = world.posted(event, reactor.as_deref());
            if posted.is_empty() {
                world.refused.push(format!("reverse: the event `{event}` posted nothing"));
            }
            for (group, original) in posted {
                let order = input::Order::Reverse { group, original: Box::new(original) };
                world.order(member, reason, order, "reverse");
            }
        }
    }
}
