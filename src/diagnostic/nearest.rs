//! "Did you mean": the nearest of some names.

/// The candidate nearest to `name`, if it is near enough to be a typing mistake.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    // A third of the letters may differ, and one of two in the shortest names.
    let limit = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean `x`?`, else what there is: ``expected `a`, `b` or `c` ``.
#[must_use]
pub fn did_you_mean(name: &str, candidates: &[&str]) -> Option<String> {
    match nearest(name, candidates.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if candidates.is_empty() => None,
        // A longer list is no help.
        None if candidates.len() > 24 => None,
        None => Some(format!("expected {}", any_of(candidates))),
    }
}

/// `` `a`, `b` or `c` ``.
#[must_use]
pub fn any_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_finds_its_word() {
        assert_eq!(nearest("metdata", ["images", "metadata"]), Some("metadata"));
        assert_eq!(nearest("Steps", ["steps"]), Some("steps"));
        assert_eq!(nearest("by", ["seed"]), None);
    }

    #[test]
    fn without_a_near_word_all_are_listed() {
        assert_eq!(did_you_mean("zzz", &["aa", "bb", "cc"]).as_deref(), Some("expected `aa`, `bb` or `cc`"));
    }
}
