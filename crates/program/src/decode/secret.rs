//! `secret/KEY`.

use super::{Reader, View};
use crate::kinds::secret::Secret;

pub(crate) const FIELDS: &[&str] = &["description"];

pub(crate) fn decode(reader: &Reader<'_>, spec: &View<'_>) -> Option<Secret> {
    let fields = spec.fields(reader, "a secret", FIELDS)?;
    let description = fields.description();
    fields.all_known()?;
    Some(Secret { description: description? })
}
