//! `constant/KEY`.

use serde_json::Value;

use super::{Reader, View, scalars::TYPES};
use crate::{document::number, expression::ValueType, kinds::constant::Constant};

pub(crate) const FIELDS: &[&str] = &["description", "type", "default"];

pub(crate) fn decode(reader: &Reader<'_>, spec: &View<'_>) -> Option<Constant> {
    let fields = spec.fields(reader, "a constant", FIELDS)?;
    let of_type = fields.read("type", |view| view.type_word(reader));
    // Without a type, the default cannot be judged.
    let default = match &of_type {
        Some(of_type) => fields.optional("default", |view| literal(reader, view, of_type)),
        None => Some(None),
    };
    let description = fields.description();
    fields.all_known()?;
    Some(Constant { of_type: of_type?, default: default?, description: description? })
}

/// A literal of a type, in the one form in which it is kept.
fn literal(reader: &Reader<'_>, view: &View<'_>, of_type: &ValueType) -> Option<Value> {
    Some(match of_type {
        ValueType::Bool => view.boolean(reader)?.into(),
        ValueType::Int => view.int(reader, i64::MIN..=i64::MAX)?.into(),
        ValueType::Decimal => {
            let decimal = view.decimal(reader)?;
            number::to_json(&number::amount(&decimal.to_string()).ok()?)
        }
        ValueType::Timestamp => view.moment(reader)?.to_string().into(),
        _ => view.text(reader)?.into(),
    })
}

/// The word for a type.
pub(crate) fn type_word(of_type: &ValueType) -> &'static str {
    TYPES.iter().find(|(_, known)| known == of_type).map_or("string", |(word, _)| word)
}
