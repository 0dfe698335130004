//! One item of the protocol: from the fields of its object to a message, or to what is wrong with it.

use engine::{Identity, Message, MessageKind, Source, admit::Problem};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    fields::{Field, Fields},
    json::{Broken, Reader},
    time,
};

/// A message id has fewer characters than this.
pub(crate) const MESSAGE_ID_MAX: usize = 100;

/// What was sent, understood or not. Neither kind is ever dropped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// It says what the protocol asks for.
    Message(Box<Message>),
    /// It is an object, but not a call of the protocol: to be put aside.
    Malformed(Malformed),
}

/// An item that is not a call of the protocol.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Malformed {
    /// Its message id, if that part is sound.
    pub(crate) message_id: Option<String>,
    /// The event's name, if that part is sound.
    pub(crate) name: Option<String>,
    /// Whose it is, if that part is sound.
    pub(crate) identity: Option<Identity>,
    /// Everything that is wrong.
    pub(crate) problems: Vec<Problem>,
    /// As it was sent.
    pub(crate) raw: String,
}

/// What an item takes from around it.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    /// The call named by the path; `None` in a batch.
    pub(crate) kind: Option<MessageKind>,
    /// The batch's context.
    pub(crate) context: Option<&'a Map<String, Value>>,
    /// When the batch was sent, as written.
    pub(crate) sent_at: Option<&'a Value>,
    /// When we received it.
    pub(crate) received_at: Timestamp,
    /// By which road.
    pub(crate) source: Source,
    /// Whether clocks are corrected (an import's are not).
    pub(crate) corrects: bool,
}

/// An item as read, before it is known what stands around it (which may come after it in the text).
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    raw: &'a str,
    problems: Vec<Problem>,
    fields: Fields,
}

impl<'a> Draft<'a> {
    /// Reads the object that comes next.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Broken> {
        let from = reader.begin();
        let mut fields = Fields::default();
        reader.object(|reader, key| {
            let value = reader.value()?;
            if !fields.put(key, value) {
                reader.twice();
            }
            Ok(())
        })?;
        let (raw, flaws) = reader.end(from);
        let problems =
            flaws.into_iter().map(|flaw| Problem { pointer: flaw.pointer, detail: flaw.what }).collect();
        Ok(Self { raw, problems, fields })
    }

    /// How many bytes it was written in.
    pub(crate) fn bytes(&self) -> usize {
        self.raw.len()
    }

    /// The write key it carries.
    pub(crate) fn write_key(&self) -> Option<&str> {
        match self.fields.get(Field::WriteKey) {
            Some(Value::String(key)) => Some(key),
            _ => None,
        }
    }

    /// Puts it into its frame. `fresh_id` makes an id for a message that came without.
    pub(crate) fn finish(self, frame: &Frame<'_>, fresh_id: impl FnOnce() -> String) -> Item {
        let Self { raw, mut problems, mut fields } = self;
        let problems_in = &mut problems;

        let kind = kind(&mut fields, frame.kind, problems_in);
        let message_id = message_id(&mut fields, problems_in);
        let user_id = fields.id(Field::UserId, problems_in);
        let anonymous_id = fields.id(Field::AnonymousId, problems_in);
        let previous_id = fields.id(Field::PreviousId, problems_in);
        let event = match kind {
            Some(MessageKind::Track) => fields.text(Field::Event, problems_in),
            Some(MessageKind::Page | MessageKind::Screen) => fields.text(Field::Name, problems_in),
            _ => None,
        };
        let properties = fields.object(Field::Properties, problems_in);
        let mut traits = fields.object(Field::Traits, problems_in);
        let mut context = fields.object(Field::Context, problems_in);
        let said = said(&mut fields, problems_in);
        let sent = sent(&mut fields, frame, problems_in);

        if let Some(kind) = kind {
            required(
                kind,
                user_id.as_ref(),
                anonymous_id.as_ref(),
                previous_id.as_ref(),
                event.as_ref(),
                problems_in,
            );
            if matches!(kind, MessageKind::Identify | MessageKind::Group) && traits.is_empty() {
                traits = traits_in(&mut context, problems_in);
            }
        }

        let (Some(kind), true) = (kind, problems.is_empty()) else {
            let raw = raw.to_owned();
            let identity = user_id.map(Identity::User).or_else(|| anonymous_id.map(Identity::Anonymous));
            return Item::Malformed(Malformed { message_id, name: event, identity, problems, raw });
        };
        for (key, value) in frame.context.into_iter().flatten() {
            if !context.contains_key(key) {
                context.insert(key.clone(), value.clone());
            }
        }
        Item::Message(Box::new(Message {
            message_id: message_id.unwrap_or_else(fresh_id),
            kind,
            user_id,
            anonymous_id,
            previous_id,
            event,
            properties: properties.into(),
            traits: traits.into(),
            context: context.into(),
            occurred_at: time::occurred_at(said, sent.filter(|_| frame.corrects), frame.received_at),
            received_at: frame.received_at,
            source: frame.source,
            other: fields.rest().into(),
        }))
    }
}

fn problem(pointer: impl Into<String>, detail: impl Into<String>) -> Problem {
    Problem { pointer: pointer.into(), detail: detail.into() }
}

/// The call: from the path, or from `type`; when both say it, they must agree.
fn kind(fields: &mut Fields, path: Option<MessageKind>, problems: &mut Vec<Problem>) -> Option<MessageKind> {
    const CALLS: &str = "expected one of track, identify, page, screen, group, alias";
    let before = problems.len();
    let Some(word) = fields.text(Field::Type, problems) else {
        if path.is_none() && problems.len() == before {
            problems.push(problem("/type", format!("is missing; {CALLS}")));
        }
        return path;
    };
    let kind = match word.as_str() {
        "track" => MessageKind::Track,
        "identify" => MessageKind::Identify,
        "page" => MessageKind::Page,
        "screen" => MessageKind::Screen,
        "group" => MessageKind::Group,
        "alias" => MessageKind::Alias,
        _ => {
            problems.push(problem("/type", format!("`{}` is not a call; {CALLS}", shortened(&word))));
            return path;
        }
    };
    if path.is_some_and(|path| path != kind) {
        problems.push(problem("/type", format!("`{word}` was sent to the path of another call")));
    }
    Some(kind)
}

fn message_id(fields: &mut Fields, problems: &mut Vec<Problem>) -> Option<String> {
    let id = fields.id(Field::MessageId, problems)?;
    // Counting characters is only needed when there are that many bytes.
    if id.len() >= MESSAGE_ID_MAX && id.chars().count() >= MESSAGE_ID_MAX {
        let detail = format!("has {} characters; fewer than {MESSAGE_ID_MAX} fit", id.chars().count());
        problems.push(problem("/messageId", detail));
        return None;
    }
    Some(id)
}

/// The client's clock when it happened: `originalTimestamp`, or `timestamp`, which is what clients send.
fn said(fields: &mut Fields, problems: &mut Vec<Problem>) -> Option<Timestamp> {
    let plain = fields.time(Field::Timestamp, problems);
    fields.time(Field::OriginalTimestamp, problems).or(plain)
}

/// The client's clock when it was sent: the item's own, or the batch's.
fn sent(fields: &mut Fields, frame: &Frame<'_>, problems: &mut Vec<Problem>) -> Option<Timestamp> {
    if let Some(own) = fields.time(Field::SentAt, problems) {
        return Some(own);
    }
    match frame.sent_at? {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) if time::parse(text).is_some() => time::parse(text),
        _ => {
            problems.push(problem("/sentAt", format!("the batch's `sentAt` is not {}", time::READ)));
            None
        }
    }
}

fn required(
    kind: MessageKind,
    user: Option<&String>,
    anonymous: Option<&String>,
    previous: Option<&String>,
    event: Option<&String>,
    problems: &mut Vec<Problem>,
) {
    // A field that is there but wrong has been reported already.
    let mut missing = |pointer: &str, detail: &str| {
        if !problems.iter().any(|problem| problem.pointer == pointer) {
            problems.push(problem(pointer, detail));
        }
    };
    if kind == MessageKind::Alias {
        if user.is_none() {
            missing("/userId", "is missing; an alias says which user id `previousId` belongs to");
        }
        if previous.is_none() {
            missing("/previousId", "is missing; an alias says which id is also this user");
        }
    } else if user.is_none() && anonymous.is_none() {
        missing("/userId", "is missing, and so is `anonymousId`; one of them must say whose event it is");
    }
    if kind == MessageKind::Track && event.is_none() {
        missing("/event", "is missing; a track call names what happened");
    }
}

/// Some clients put an identify's traits into the context.
fn traits_in(context: &mut Map<String, Value>, problems: &mut Vec<Problem>) -> Map<String, Value> {
    match context.remove("traits") {
        Some(Value::Object(traits)) => traits,
        None | Some(Value::Null) => Map::new(),
        Some(_) => {
            problems.push(problem("/context/traits", "expected an object"));
            Map::new()
        }
    }
}

/// What was sent, short enough to be shown in a message.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
