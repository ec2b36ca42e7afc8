//! What tells of the maker's machine: taken out of records, and looked for in the files that are passed on as they are.

use crate::step::Finding;

/// Shorter texts than this stand everywhere.
const SHORTEST: usize = 4;

/// Paths and names of the maker's machine, with what stands in their place.
#[derive(Debug, Clone, Default)]
pub struct Private {
    words: Vec<(String, String)>,
}

impl Private {
    /// Adds a path or name; what is too short to mean one thing is left out.
    pub fn add(&mut self, word: &str, instead: &str) {
        let word = word.trim_end_matches(['/', '\\']);
        if word.len() < SHORTEST || self.words.iter().any(|(own, _)| own == word) {
            return;
        }
        self.words.push((word.to_owned(), instead.to_owned()));
        // Within longer paths, shorter ones stand too.
        self.words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
    }

    /// Says whether a text holds one of them.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        self.words.iter().any(|(word, _)| find(text, word, 0).is_some())
    }

    /// What people are told, without them.
    pub(super) fn scrub(&self, findings: &mut [Finding]) {
        for finding in findings {
            for text in [&mut finding.message].into_iter().chain(&mut finding.examples) {
                *text = self.scrubbed(text);
            }
        }
    }

    /// A text without them.
    pub(super) fn scrubbed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (word, instead) in &self.words {
            let mut from = 0;
            while let Some(at) = find(&text, word, from) {
                text.replace_range(at..at + word.len(), instead);
                from = at + instead.len();
            }
        }
        text
    }
}

/// The place of `word` behind `from`, where it is no part of a longer name: `/root` is not in `raw/roots`.
fn find(text: &str, word: &str, from: usize) -> Option<usize> {
    let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let mut from = from;
    while let Some(found) = text.get(from..)?.find(word) {
        let at = from + found;
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        if !before.is_some_and(goes_on) && !after.is_some_and(goes_on) {
            return Some(at);
        }
        from = at + text[at..].chars().next().map_or(1, char::len_utf8);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_is_taken_out_first_and_short_words_stay() {
        let mut private = Private::default();
        private.add("/home/anna", "~");
        private.add("/home/anna/season/", ".");
        private.add("/", "ROOT");
        let before = "cannot read `/home/anna/season/a.csv`, `/home/anna/b`, /home/annabel, å/home/anna";
        assert_eq!(private.scrubbed(before), "cannot read `./a.csv`, `~/b`, /home/annabel, å/home/anna");
        assert!(private.is_in(before) && !private.is_in("/x /home/anna_b"));
    }
}
