//! Did you mean?

/// The candidate that is closest to a word, if one is close.
pub(super) fn closest(word: &str, candidates: impl IntoIterator<Item = String>) -> Option<String> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-', ' '], "");
    let wanted = plain(word);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let score = strsim::jaro_winkler(&wanted, &plain(&candidate));
            let near = strsim::damerau_levenshtein(&wanted, &plain(&candidate)) <= 1 + wanted.len() / 4;
            (score >= 0.75 && near || score >= 0.93).then_some((score, candidate))
        })
        // The first of equals, so that the answer does not depend on anything but the names.
        .fold(None, |best: Option<(f64, String)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        })
        .map(|(_, candidate)| candidate)
}

/// `Did you mean …?`, or nothing.
pub(super) fn did_you_mean(word: &str, candidates: impl IntoIterator<Item = String>) -> Option<String> {
    closest(word, candidates).map(|name| format!("Did you mean `{name}`?"))
}
