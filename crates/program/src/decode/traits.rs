//! `trait/KEY`.

use super::{Reader, View};
use crate::{Key, kinds::profile_trait::Trait};

pub(crate) const FIELDS: &[&str] = &["description", "type", "from", "searchable"];

pub(crate) fn decode(reader: &Reader<'_>, spec: &View<'_>, key: &Key) -> Option<Trait> {
    let fields = spec.fields(reader, "a trait", FIELDS)?;
    let of_type = fields.read("type", |view| view.type_word(reader));
    let from =
        fields.or("from", key.as_str().to_owned(), |view| view.short_text(reader, 200).map(str::to_owned));
    let searchable = fields.or("searchable", false, |view| view.boolean(reader));
    let description = fields.description();
    fields.all_known()?;
    Some(Trait { of_type: of_type?, from: from?, searchable: searchable?, description: description? })
}
