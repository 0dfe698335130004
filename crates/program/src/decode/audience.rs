//! `audience/KEY`.

use super::{Reader, View};
use crate::{
    check::{Declarations, EventContext},
    expression::ValueType,
    kinds::audience::Audience,
};

pub(crate) const FIELDS: &[&str] = &["description", "condition"];

pub(crate) fn decode(reader: &Reader<'_>, spec: &View<'_>, declared: &Declarations) -> Option<Audience> {
    let fields = spec.fields(reader, "an audience", FIELDS)?;
    let condition = fields.read("condition", |view| {
        view.expression(reader, &declared.scope(EventContext::None), Some(&ValueType::Bool))
    });
    let description = fields.description();
    fields.all_known()?;
    Some(Audience { condition: condition?, description: description? })
}
