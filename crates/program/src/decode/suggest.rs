//! Did you mean …?

/// The candidate nearest to `word`, when one is near enough to be meant.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = strsim::damerau_levenshtein(&lower, candidate);
            let longest = lower.chars().count().max(candidate.chars().count());
            let contained = lower.len() >= 4 && (candidate.contains(&lower) || lower.contains(candidate));
            (distance <= 1.max(longest / 3) || contained).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// A help text: the suggestion if there is one, then what is allowed.
pub(crate) fn help(word: &str, allowed: &[&str]) -> String {
    let list = allowed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match did_you_mean(word, allowed.iter().copied()) {
        Some(meant) => format!("Did you mean `{meant}`? Allowed here: {list}."),
        None => format!("Allowed here: {list}."),
    }
}

/// Names in quotes, not too many of them.
pub(crate) fn listing<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN_MAX: usize = 10;
    let mut shown: Vec<String> =
        names.iter().take(SHOWN_MAX).map(|name| format!("`{}`", name.as_ref())).collect();
    if names.len() > SHOWN_MAX {
        shown.push(format!("and {} more", names.len() - SHOWN_MAX));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let fields = ["trigger", "condition", "actions", "priority"];
        assert_eq!(did_you_mean("triger", fields), Some("trigger"));
        assert_eq!(did_you_mean("Action", fields), Some("actions"));
        assert_eq!(did_you_mean("conditions", fields), Some("condition"));
        assert_eq!(did_you_mean("colour", fields), None);
    }
}
