//! Steps of a case.

use engine::{Message, MessageKind, Source};
use jiff::Timestamp;
use program::{
    Program,
    document::tree::{Node, Tree},
};
use serde_json::{Map, Value as Json};

use super::{
    super::{
        case::{Order, Ordered, Sent, Step},
        fields::{self, Faults, Fields},
    },
    expect,
};
use crate::{commands::span, suggest};

const KINDS: [(&str, MessageKind); 6] = [
    ("track", MessageKind::Track),
    ("identify", MessageKind::Identify),
    ("page", MessageKind::Page),
    ("screen", MessageKind::Screen),
    ("group", MessageKind::Group),
    ("alias", MessageKind::Alias),
];
const SOURCES: [(&str, Source); 3] =
    [("server", Source::Server), ("browser", Source::Browser), ("import", Source::Import)];

/// Reads the `number`th step of a case.
pub(super) fn step(node: &Node, number: usize, program: &Program, faults: &mut Faults<'_>) -> Option<Step> {
    let mut fields = Fields::of(node, "a step", faults)?;
    let step = if let Some(node) = fields.take("clock") {
        clock(node, program, faults)
    } else if let Some(node) = fields.take("expect") {
        Some(Step::Expect(expect::expectations(node, program, faults)))
    } else if let Some(node) = fields.take("switch") {
        switch(node, program, faults)
    } else if let Some(order) = order(&mut fields, program, faults) {
        return order.inspect(|_| fields.finish(faults)).map(Step::Order);
    } else {
        return event(fields, number, program, faults).map(|sent| Step::Event(Box::new(sent)));
    };
    fields.finish(faults);
    step
}

/// `clock: advance 30d`, `clock: until 1997-03-01`, or the same as an object.
fn clock(node: &Node, program: &Program, faults: &mut Faults<'_>) -> Option<Step> {
    let (word, rest) = match &node.tree {
        Tree::String(text) => {
            let (word, rest) = text.value.split_once(' ').unwrap_or((&text.value, ""));
            (word.to_owned(), rest.to_owned())
        }
        Tree::Map(entries) if entries.len() == 1 => {
            let entry = entries.first()?;
            (entry.name.to_string(), fields::text(&entry.value, &entry.name, faults)?)
        }
        _ => (String::new(), String::new()),
    };
    let read = match word.as_str() {
        "advance" => span::span(&rest).map(Step::Advance),
        "until" => span::moment(&rest, &program.settings.time_zone).map(Step::Until),
        _ => Err("write `clock: advance 30d` or `clock: until 1997-03-01`".into()),
    };
    read.map_err(|why| faults.add(node.at, why)).ok()
}

/// `switch: {off: KEY}`
fn switch(node: &Node, program: &Program, faults: &mut Faults<'_>) -> Option<Step> {
    let [entry] = fields::entries(node, "switch", faults) else {
        faults.add(node.at, "write `switch: {off: REACTOR}` or `switch: {on: REACTOR}`");
        return None;
    };
    let on = match &*entry.name {
        "on" => true,
        "off" => false,
        other => {
            faults.add(entry.at, suggest::unknown("switch", other, &["on", "off"]));
            return None;
        }
    };
    let key = fields::text(&entry.value, "switch", faults)?;
    let known: Vec<&str> = program.reactors.iter().map(|(key, _)| key.as_str()).collect();
    let found = program.reactors.iter().find(|(reactor, _)| reactor.as_str() == key);
    if found.is_none() {
        faults.add(entry.value.at, suggest::unknown("reactor", &key, &known));
    }
    found.map(|(reactor, _)| Step::Switch(reactor.clone(), on))
}

/// An order, if the step is one; inside, `None` when it has faults.
#[expect(clippy::option_option, reason = "not an order, or an order with faults")]
fn order(fields: &mut Fields<'_>, program: &Program, faults: &mut Faults<'_>) -> Option<Option<Order>> {
    const WORDS: [&str; 4] = ["credit", "debit", "reverse", "erase"];
    let (word, node) = WORDS.into_iter().find_map(|word| fields.take(word).map(|node| (word, node)))?;
    Some(read_order(word, node, program, faults))
}

fn read_order(word: &'static str, node: &Node, program: &Program, faults: &mut Faults<'_>) -> Option<Order> {
    let mut fields = Fields::of(node, word, faults)?;
    let member = fields.text("userId", faults);
    if member.is_none() {
        faults.add(node.at, format!("`{word}` needs a `userId`"));
    }
    let reason = fields.text("reason", faults).unwrap_or_else(|| "a test".into());
    let what = match word {
        "credit" | "debit" => {
            let currency = fields.take("currency").and_then(|node| expect::currency(node, program, faults));
            let amount = fields.whole("amount", faults);
            if currency.is_none() || amount.is_none() {
                faults.add(node.at, format!("`{word}` needs a `currency` and an `amount`"));
            }
            let (currency, amount) = (currency?, amount?);
            if word == "credit" {
                Ordered::Credit(currency, amount)
            } else {
                Ordered::Debit(currency, amount)
            }
        }
        "reverse" => {
            let event = fields.text("event", faults);
            if event.is_none() {
                faults.add(
                    node.at,
                    "`reverse` needs the `event`: the messageId of the event whose postings are reversed",
                );
            }
            Ordered::Reverse(event?, fields.text("reactor", faults))
        }
        _ => Ordered::Erase,
    };
    fields.finish(faults);
    Some(Order { member: member?, reason, what })
}

/// One of some words; the default when the field is left out.
fn word<T: Copy>(
    fields: &mut Fields<'_>,
    name: &'static str,
    words: &[(&str, T)],
    default: T,
    faults: &mut Faults<'_>,
) -> Option<T> {
    let Some(node) = fields.take(name) else { return Some(default) };
    let said = fields::text(node, name, faults)?;
    let found = words.iter().find(|(word, _)| *word == said).map(|(_, meant)| *meant);
    if found.is_none() {
        let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        faults.add(node.at, suggest::unknown(name, &said, &allowed));
    }
    found
}

fn event(mut fields: Fields<'_>, number: usize, program: &Program, faults: &mut Faults<'_>) -> Option<Sent> {
    // Named here so that a step of another sort, misspelt, is told what it could be.
    let at = fields.at;
    let kind = word(&mut fields, "type", &KINDS, MessageKind::Track, faults)?;
    let source = word(&mut fields, "from", &SOURCES, Source::Server, faults)?;
    let event = match kind {
        MessageKind::Page | MessageKind::Screen => fields.text("name", faults),
        _ => fields.text("event", faults),
    };
    let when = fields.text("timestamp", faults).and_then(|text| {
        span::moment(&text, &program.settings.time_zone).map_err(|why| faults.add(at, why)).ok()
    });
    let mut object = |name: &'static str, fields: &mut Fields<'_>| match fields
        .take(name)
        .map(|node| (node.to_json(), node.at))
    {
        None => Map::new(),
        Some((Json::Object(object), _)) => object,
        Some((_, at)) => {
            faults.add(at, format!("`{name}` must be an object"));
            Map::new()
        }
    };
    let properties = object("properties", &mut fields);
    let traits = object("traits", &mut fields);
    let context = object("context", &mut fields);
    let message = Message {
        message_id: fields.text("messageId", faults).unwrap_or_else(|| format!("step-{number}")),
        kind,
        user_id: fields.text("userId", faults),
        anonymous_id: fields.text("anonymousId", faults),
        previous_id: fields.text("previousId", faults),
        event,
        properties: properties.into(),
        traits: traits.into(),
        context: context.into(),
        occurred_at: Timestamp::UNIX_EPOCH,
        received_at: Timestamp::UNIX_EPOCH,
        source,
        other: Map::new().into(),
    };
    if message.user_id.is_none() && message.anonymous_id.is_none() {
        faults.add(at, "an event needs a `userId` or an `anonymousId`");
    }
    if kind == MessageKind::Track && message.event.is_none() {
        faults.add(at, "a step is an event (`event`, or `type`), `clock`, `credit`, `debit`, `reverse`, `erase`, `switch` or `expect`");
    }
    fields.finish(faults);
    Some(Sent { message, at: when, source })
}
