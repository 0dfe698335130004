//! Did you mean …?

/// The candidate nearest to `word`, when one is near enough to be meant.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1.max(word.len().max(candidate.len()) / 3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// What to say of a word that is not among those allowed.
pub(crate) fn unknown(what: &str, word: &str, allowed: &[&str]) -> String {
    let list = allowed.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
    match did_you_mean(word, allowed.iter().copied()) {
        Some(meant) => format!("unknown {what} `{word}`; did you mean `{meant}`? Allowed here: {list}"),
        None => format!("unknown {what} `{word}`. Allowed here: {list}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let words = ["balances", "postings", "userId"];
        for (word, expected) in [
            ("balance", Some("balances")),
            ("postigns", Some("postings")),
            ("userid", Some("userId")),
            ("colour", None),
        ] {
            assert_eq!(did_you_mean(word, words), expected, "{word}");
        }
    }
}
