//! An item of a batch, with what can be worked out of it beforehand: on the task of its own request, beside the
//! others, so that the one task that decides has less to do.

use std::{borrow::Cow, sync::Arc};

use engine::{Identity, Message, Rules, admit::Admission};

use crate::{
    hashed::Hasher,
    ingest::{Incoming, Malformed},
};

/// An item, shared so that deciding again costs no copy.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Message(Arc<Prepared>),
    Malformed(Arc<Malformed>, [u8; 16]),
}

/// A message, prepared.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) message: Arc<Message>,
    /// Its id, as the directory has it.
    pub(crate) key: [u8; 16],
    /// As its record keeps it.
    pub(crate) payload: Vec<u8>,
    /// The identities it names, as the directory is asked for them.
    pub(crate) named: Vec<(Identity, [u8; 16])>,
    judged: Judged,
}

/// What a program says of a message before anything is decided.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// Under which epoch.
    epoch: u64,
    pub(crate) admission: Admission,
    /// The event's unique value, as the directory has it.
    pub(crate) unique: Option<[u8; 16]>,
}

impl Item {
    pub(crate) fn prepare(incoming: Incoming, hasher: &Hasher, rules: &Rules) -> Self {
        match incoming {
            Incoming::Message(message) => Self::Message(Arc::new(Prepared::new(message, hasher, rules))),
            Incoming::Malformed(malformed) => {
                let key = hasher.message(&malformed.message_id);
                Self::Malformed(Arc::new(malformed), key)
            }
        }
    }

    pub(crate) fn message_id(&self) -> &str {
        match self {
            Self::Message(prepared) => &prepared.message.message_id,
            Self::Malformed(malformed, _) => &malformed.message_id,
        }
    }

    /// Its message id, as the directory has it.
    pub(crate) fn key(&self) -> [u8; 16] {
        match self {
            Self::Message(prepared) => prepared.key,
            Self::Malformed(_, key) => *key,
        }
    }

    /// As it came in.
    pub(crate) fn incoming(&self) -> Incoming {
        match self {
            Self::Message(prepared) => Incoming::Message(Box::new(Message::clone(&prepared.message))),
            Self::Malformed(malformed, _) => Incoming::Malformed(Malformed::clone(malformed)),
        }
    }
}

impl Prepared {
    fn new(message: Box<Message>, hasher: &Hasher, rules: &Rules) -> Self {
        let message: Arc<Message> = message.into();
        let named =
            identities(&message).into_iter().map(|identity| (identity.clone(), hasher.identity(&identity)));
        Self {
            key: hasher.message(&message.message_id),
            payload: engine::record::payload(&message),
            named: named.collect(),
            judged: Judged::new(&message, hasher, rules),
            message,
        }
    }

    /// What these rules say of it: known already, unless they changed since it came in.
    pub(crate) fn judged(&self, hasher: &Hasher, rules: &Rules) -> Cow<'_, Judged> {
        if self.judged.epoch == rules.epoch {
            Cow::Borrowed(&self.judged)
        } else {
            Cow::Owned(Judged::new(&self.message, hasher, rules))
        }
    }

    /// One of its identities, as the directory has it.
    pub(crate) fn identity(&self, hasher: &Hasher, identity: &Identity) -> [u8; 16] {
        let named = self.named.iter().find(|(named, _)| named == identity);
        named.map_or_else(|| hasher.identity(identity), |(_, key)| *key)
    }
}

impl Judged {
    fn new(message: &Message, hasher: &Hasher, rules: &Rules) -> Self {
        let unique = engine::admit::unique_value(rules, message);
        Self {
            epoch: rules.epoch,
            admission: engine::admit(rules, message),
            unique: unique.map(|(event_type, value)| hasher.unique(event_type.as_str(), &value)),
        }
    }
}

fn identities(message: &Message) -> Vec<Identity> {
    let mut found = Vec::with_capacity(2);
    found.extend(message.user_id.clone().map(Identity::User));
    found.extend(message.anonymous_id.clone().map(Identity::Anonymous));
    if let Some(previous) = &message.previous_id {
        found.push(Identity::User(previous.clone()));
        found.push(Identity::Anonymous(previous.clone()));
    }
    found
}
