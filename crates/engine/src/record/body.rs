//! The body's bytes: format byte, 16 bytes of salt, then postcard of a frozen shape. The salt stands in the
//! body, so that once the body is gone nobody can try guesses at it against the hash in the header. Format 1 holds a
//! message as JSON text, format 2 as [`message`] lays it out.

use std::sync::Arc;

use ledger::{CurrencyKey, GroupId, ProfileId};
use serde::{Deserialize, Serialize};

use super::{
    Undecodable,
    form::{Each, IdentityForm, ObservationForm, bad, micros, put, take, take_front, time, write},
    message,
};
use crate::{Command, Effect, Input, Message, Profile, input::Order, names};

/// What bodies are written in; the other is still read.
pub(super) const FORMAT: u8 = 2;
const FORMAT_JSON: u8 = 1;
const SALT: usize = 16;

#[derive(Serialize, Deserialize)]
enum OrderForm<'a> {
    Credit(&'a str, i64),
    Debit(&'a str, i64),
    /// The group's id, and the group as JSON text (rare; its fields are the ledger's own names).
    Reverse([u8; 16], u64, u16, std::borrow::Cow<'a, str>),
    Erase,
}

/// A message's bytes, as its format has them.
#[derive(Deserialize)]
struct Payload<'a>(#[serde(borrow)] std::borrow::Cow<'a, [u8]>);

impl Serialize for Payload<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

#[derive(Serialize, Deserialize)]
enum InputForm<'a> {
    /// The payload, and the identities that became the profile's by it.
    Message(Payload<'a>, #[serde(borrow)] Vec<IdentityForm<'a>>),
    Timer,
    Upgrade(bool),
    Command(&'a str, &'a str, OrderForm<'a>),
    MergeOut([u8; 16]),
    /// The state stands in the `Absorbed` effect.
    MergeIn([u8; 16]),
}

#[derive(Serialize, Deserialize)]
enum EffectForm<'a> {
    #[serde(borrow)]
    Identity(IdentityForm<'a>),
    Trait(&'a str, Option<&'a str>),
    Observe(&'a str, ObservationForm<'a>),
    Define(&'a str, [u8; 8], u16, Vec<ObservationForm<'a>>),
    Forget(&'a str),
    Entered(&'a str, i64),
    Left(&'a str, i64),
    Fired(&'a str, Vec<(u8, i32)>),
    Emitted(u16, &'a str, &'a str),
    Outbox(&'a str, &'a str, &'a str),
    MergedInto([u8; 16]),
    Absorbed([u8; 16], &'a [u8]),
    Erased,
    Basis([u8; 32]),
    Declared(Vec<[u8; 8]>),
    Searchable(&'a str, bool),
    Due(Option<i64>),
}

/// The effects as they are written, also alone: what `verify` compares besides the header's part.
pub(super) fn effects_form(effects: &[Effect]) -> impl Serialize {
    Each(move || effects.iter().map(effect_form))
}

fn effect_form(effect: &Effect) -> EffectForm<'_> {
    match effect {
        Effect::Identity(identity) => EffectForm::Identity(identity.into()),
        Effect::Trait(key, value) => EffectForm::Trait(key, value.as_deref()),
        Effect::Observe(key, it) => EffectForm::Observe(key, ObservationForm::of(it.day, &it.value)),
        Effect::Define(key, fingerprint, keep_days, observations) => EffectForm::Define(
            key,
            fingerprint.to_be_bytes(),
            *keep_days,
            observations.iter().map(|it| ObservationForm::of(it.day, &it.value)).collect(),
        ),
        Effect::Forget(key) => EffectForm::Forget(key),
        Effect::Entered(key, at) => EffectForm::Entered(key, micros(*at)),
        Effect::Left(key, at) => EffectForm::Left(key, micros(*at)),
        Effect::Fired(key, windows) => EffectForm::Fired(key, windows.clone()),
        Effect::Emitted(step, name, properties) => EffectForm::Emitted(*step, name, properties),
        Effect::Outbox(channel, reactor, payload) => EffectForm::Outbox(channel, reactor, payload),
        Effect::MergedInto(into) => EffectForm::MergedInto(into.0),
        Effect::Absorbed(from, state) => EffectForm::Absorbed(from.0, state),
        Effect::Erased => EffectForm::Erased,
        Effect::Basis(basis) => EffectForm::Basis(*basis),
        Effect::Declared(declared) => {
            EffectForm::Declared(declared.iter().map(|fingerprint| fingerprint.to_be_bytes()).collect())
        }
        Effect::Searchable(key, yes) => EffectForm::Searchable(key, *yes),
        Effect::Due(at) => EffectForm::Due(at.map(micros)),
    }
}

fn read_effect(form: EffectForm<'_>) -> Result<Effect, Undecodable> {
    Ok(match form {
        EffectForm::Identity(identity) => Effect::Identity(identity.into()),
        EffectForm::Trait(key, value) => Effect::Trait(names::shared(key), value.map(Into::into)),
        EffectForm::Observe(key, observation) => Effect::Observe(names::shared(key), observation.read()?),
        EffectForm::Define(key, fingerprint, keep_days, observations) => Effect::Define(
            names::shared(key),
            u64::from_be_bytes(fingerprint),
            keep_days,
            observations.into_iter().map(ObservationForm::read).collect::<Result<_, _>>()?,
        ),
        EffectForm::Forget(key) => Effect::Forget(names::shared(key)),
        EffectForm::Entered(key, at) => Effect::Entered(names::shared(key), time(at)?),
        EffectForm::Left(key, at) => Effect::Left(names::shared(key), time(at)?),
        EffectForm::Fired(key, windows) => Effect::Fired(names::shared(key), windows),
        EffectForm::Emitted(step, name, properties) => {
            Effect::Emitted(step, names::shared(name), properties.into())
        }
        EffectForm::Outbox(channel, reactor, payload) => {
            Effect::Outbox(names::shared(channel), names::shared(reactor), payload.into())
        }
        EffectForm::MergedInto(into) => Effect::MergedInto(ProfileId(into)),
        EffectForm::Absorbed(from, state) => Effect::Absorbed(ProfileId(from), state.into()),
        EffectForm::Erased => Effect::Erased,
        EffectForm::Basis(basis) => Effect::Basis(basis),
        EffectForm::Declared(declared) => {
            Effect::Declared(Arc::new(declared.into_iter().map(u64::from_be_bytes).collect()))
        }
        EffectForm::Searchable(key, yes) => Effect::Searchable(names::shared(key), yes),
        EffectForm::Due(at) => Effect::Due(at.map(time).transpose()?),
    })
}

fn input_form<'a>(input: &'a Input, payload: Option<&'a [u8]>) -> InputForm<'a> {
    match input {
        Input::Message(message, claims) => InputForm::Message(
            Payload(payload.map_or_else(|| message::encode(message).into(), Into::into)),
            claims.iter().map(Into::into).collect(),
        ),
        Input::Timer => InputForm::Timer,
        Input::Upgrade { react, .. } => InputForm::Upgrade(*react),
        Input::Command(command) => {
            let order = match &command.order {
                Order::Credit { currency, amount } => OrderForm::Credit(&currency.0, *amount),
                Order::Debit { currency, amount } => OrderForm::Debit(&currency.0, *amount),
                Order::Reverse { group, original } => OrderForm::Reverse(
                    group.profile.0,
                    group.n,
                    group.index,
                    serde_json::to_string(&**original).unwrap_or_default().into(),
                ),
                Order::Erase => OrderForm::Erase,
            };
            InputForm::Command(&command.actor, &command.reason, order)
        }
        Input::MergeOut { into } => InputForm::MergeOut(into.0),
        Input::MergeIn { from, .. } => InputForm::MergeIn(from.0),
    }
}

fn read_input(format: u8, form: InputForm<'_>, effects: &[u8]) -> Result<Input, Undecodable> {
    Ok(match form {
        InputForm::Message(Payload(payload), claims) => {
            let message: Message = if format == FORMAT_JSON {
                serde_json::from_slice(&payload).map_err(|e| Undecodable(format!("the payload: {e}")))?
            } else {
                message::decode(&payload)?
            };
            Input::Message(Arc::new(message), claims.into_iter().map(Into::into).collect())
        }
        InputForm::Timer => Input::Timer,
        InputForm::Upgrade(react) => Input::Upgrade { react, history: Arc::from([]) },
        InputForm::Command(actor, reason, order) => {
            let currency = |key: &str| CurrencyKey(Arc::from(key));
            let order = match order {
                OrderForm::Credit(key, amount) => Order::Credit { currency: currency(key), amount },
                OrderForm::Debit(key, amount) => Order::Debit { currency: currency(key), amount },
                OrderForm::Reverse(profile, n, index, original) => Order::Reverse {
                    group: GroupId { profile: ProfileId(profile), n, index },
                    original: serde_json::from_str(&original)
                        .map_err(|e| Undecodable(format!("the group to reverse: {e}")))?,
                },
                OrderForm::Erase => Order::Erase,
            };
            Input::Command(Command { actor: actor.into(), reason: reason.into(), order })
        }
        InputForm::MergeOut(into) => Input::MergeOut { into: ProfileId(into) },
        InputForm::MergeIn(from) => {
            let from = ProfileId(from);
            let state = take::<Vec<EffectForm<'_>>>(effects)?.into_iter().find_map(|effect| match effect {
                EffectForm::Absorbed(absorbed, state) if absorbed == from.0 => Some(state),
                _ => None,
            });
            let state = Profile::decode(state.ok_or_else(|| bad("the absorbed state is missing"))?)?;
            Input::MergeIn { from, state: Box::new(state) }
        }
    })
}

pub(super) fn encode(input: &Input, payload: Option<&[u8]>, effects: &[Effect], salt: [u8; SALT]) -> Vec<u8> {
    let mut start = Vec::with_capacity(1024);
    start.push(FORMAT);
    start.extend_from_slice(&salt);
    put(start, &(input_form(input, payload), effects_form(effects)))
}

/// A body, opened: its effects are still in bytes.
pub(super) struct Body<'a> {
    pub(super) input: Input,
    effects: &'a [u8],
}

pub(super) fn open(bytes: &[u8]) -> Result<Body<'_>, Undecodable> {
    let (format, rest) = match bytes.split_first() {
        Some((&format @ (FORMAT | FORMAT_JSON), rest)) => (format, rest),
        Some((other, _)) => return Err(Undecodable(format!("body format {other} is not known"))),
        None => return Err(bad("the body is empty")),
    };
    let rest = rest.get(SALT..).ok_or_else(|| bad("the body is too short"))?;
    let (input, effects) = take_front::<InputForm<'_>>(rest)?;
    Ok(Body { input: read_input(format, input, effects)?, effects })
}

impl Body<'_> {
    pub(super) fn effects(&self) -> Result<Vec<Effect>, Undecodable> {
        take::<Vec<EffectForm<'_>>>(self.effects)?.into_iter().map(read_effect).collect()
    }

    /// Whether these effects are written in its very bytes. `scratch` is written over.
    pub(super) fn has(&self, effects: &[Effect], scratch: &mut Vec<u8>) -> bool {
        write(scratch, &effects_form(effects)) && scratch == self.effects
    }
}
