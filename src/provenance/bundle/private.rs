//! What tells of the maker's machine: taken out of records, and looked for in the files that are passed on as they are.

use serde::Serialize;
use serde::de::DeserializeOwned;

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
        self.words.iter().any(|(word, _)| text.contains(word.as_str()))
    }

    /// The value without them, text by text.
    ///
    /// # Errors
    /// When the value does not survive its own JSON.
    pub fn scrub<T: Serialize + DeserializeOwned>(&self, value: &T) -> serde_json::Result<T> {
        let mut document = serde_json::to_value(value)?;
        self.scrub_value(&mut document);
        serde_json::from_value(document)
    }

    fn scrub_value(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                for (word, instead) in &self.words {
                    if text.contains(word.as_str()) {
                        *text = text.replace(word.as_str(), instead);
                    }
                }
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(|value| self.scrub_value(value)),
            serde_json::Value::Object(map) => map.values_mut().for_each(|value| self.scrub_value(value)),
            _ => {}
        }
    }
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
        let before = vec!["cannot read `/home/anna/season/a.csv`, `/home/anna/b`".to_owned()];
        assert_eq!(private.scrub(&before).unwrap(), ["cannot read `./a.csv`, `~/b`"]);
        assert!(private.is_in(&before[0]) && !private.is_in("/x"));
    }
}
