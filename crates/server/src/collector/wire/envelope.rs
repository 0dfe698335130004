//! A request's body: one item, or a batch of them with what they share.

use engine::{MessageKind, Source};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    EVENT_BYTES_MAX, ITEMS_MAX, Refused,
    item::{Draft, Frame, Item},
    json::{Broken, Reader, place},
};

/// What a path of the protocol takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// `/v1/batch`: any calls.
    Batch,
    /// `/v1/import`: any calls, whose times are believed.
    Import,
    /// `/v1/track` and its like.
    One(MessageKind),
    /// `/v1/m`: numbers that a library sends about itself; nothing is read.
    Forget,
}

/// A body as read.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    call: Call,
    items: Vec<Draft<'a>>,
    context: Option<Map<String, Value>>,
    sent_at: Option<Value>,
    write_key: Option<String>,
}

impl<'a> Envelope<'a> {
    /// Reads a body. A refusal takes nothing of it.
    pub(crate) fn read(call: Call, text: &'a str) -> Result<Self, Refused> {
        let mut reader = Reader::new(text);
        let mut envelope = Self { call, items: Vec::new(), context: None, sent_at: None, write_key: None };
        let read = match call {
            Call::One(_) => envelope.one(&mut reader),
            Call::Batch | Call::Import => envelope.batch(&mut reader),
            Call::Forget => return Ok(envelope),
        };
        read.and_then(|()| reader.finish().map_err(Into::into)).map_err(|fault| match fault {
            Fault::Refused(refused) => refused,
            Fault::Broken { broken, item } => {
                let (line, column) = place(text, broken.offset);
                Refused::Json { line, column, item, what: broken.what }
            }
        })?;
        Ok(envelope)
    }

    fn one(&mut self, reader: &mut Reader<'a>) -> Result<(), Fault> {
        let draft = Draft::read(reader)?;
        if draft.bytes() > EVENT_BYTES_MAX {
            return Err(Refused::EventTooLarge { item: None, bytes: draft.bytes() }.into());
        }
        self.items.push(draft);
        Ok(())
    }

    fn batch(&mut self, reader: &mut Reader<'a>) -> Result<(), Fault> {
        let mut seen = Vec::new();
        let mut fault = None;
        // The reader's callbacks know only one sort of failure; ours is put aside and the reading stopped.
        let read = reader.object(|reader, key| {
            let known = ["batch", "context", "sentAt", "writeKey"].into_iter().find(|known| *known == key);
            if known.is_some_and(|known| seen.contains(&known)) {
                return Err(broken(reader, format!("`{key}` is there twice")));
            }
            seen.extend(known);
            match known {
                Some("batch") => self.batch_items(reader, &mut fault),
                Some("context") => match reader.value()? {
                    Value::Object(map) => {
                        self.context = Some(map);
                        Ok(())
                    }
                    Value::Null => Ok(()),
                    _ => Err(broken(reader, "expected the batch's `context` to be an object".into())),
                },
                Some("sentAt") => {
                    self.sent_at = Some(reader.value()?);
                    Ok(())
                }
                Some("writeKey") => match reader.value()? {
                    Value::String(key) => {
                        self.write_key = Some(key);
                        Ok(())
                    }
                    Value::Null => Ok(()),
                    _ => Err(broken(reader, "expected `writeKey` to be a string".into())),
                },
                _ => reader.value().map(drop),
            }
        });
        match (fault, read) {
            (Some(fault), _) => Err(fault),
            (None, Err(broken)) => Err(broken.into()),
            (None, Ok(())) if seen.contains(&"batch") => Ok(()),
            (None, Ok(())) => Err(Refused::NoBatch.into()),
        }
    }

    fn batch_items(&mut self, reader: &mut Reader<'a>, fault: &mut Option<Fault>) -> Result<(), Broken> {
        reader.array(|reader, index| {
            let stop = |reader: &Reader<'a>| broken(reader, String::new());
            if index >= ITEMS_MAX {
                *fault = Some(Refused::TooMany.into());
                return Err(stop(reader));
            }
            let kind = reader.peek_kind();
            let draft = Draft::read(reader).map_err(|at| {
                let broken = match kind {
                    "an object" => at,
                    _ => Broken { what: format!("expected an object, found {kind}"), ..at },
                };
                *fault = Some(Fault::Broken { broken: broken.clone(), item: Some(index) });
                broken
            })?;
            if draft.bytes() > EVENT_BYTES_MAX {
                *fault = Some(Refused::EventTooLarge { item: Some(index), bytes: draft.bytes() }.into());
                return Err(stop(reader));
            }
            self.items.push(draft);
            Ok(())
        })
    }

    /// The write key in the body; refused when there are several and they differ.
    pub(crate) fn write_key(&self) -> Result<Option<&str>, Refused> {
        let mut keys =
            self.write_key.as_deref().into_iter().chain(self.items.iter().filter_map(Draft::write_key));
        let first = keys.next().filter(|key| !key.is_empty());
        if keys.any(|key| Some(key) != first) { Err(Refused::KeysDisagree) } else { Ok(first) }
    }

    /// The items, each in its frame.
    pub(crate) fn items(
        self,
        source: Source,
        received_at: Timestamp,
        mut fresh_id: impl FnMut() -> String,
    ) -> Vec<Item> {
        let frame = Frame {
            kind: match self.call {
                Call::One(kind) => Some(kind),
                Call::Batch | Call::Import | Call::Forget => None,
            },
            context: self.context.as_ref(),
            sent_at: self.sent_at.as_ref(),
            received_at,
            source,
            corrects: self.call != Call::Import && source != Source::Import,
        };
        self.items.into_iter().map(|draft| draft.finish(&frame, &mut fresh_id)).collect()
    }
}

fn broken(reader: &Reader<'_>, what: String) -> Broken {
    Broken { offset: reader.offset(), what }
}

enum Fault {
    Broken { broken: Broken, item: Option<usize> },
    Refused(Refused),
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        Self::Broken { broken, item: None }
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}
