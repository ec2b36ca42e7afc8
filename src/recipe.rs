//! Recipes: everything that may change a result, written in one traversal that is either hashed or explained.
//!
//! | ingredient | `RowKey` | `RecipeKey` | `ResultKey` |
//! |---|---|---|---|
//! | key format | yes | yes | through the recipe |
//! | kind, revision | yes | yes | through the recipe |
//! | parameters that touch a row | yes | yes | through the recipe |
//! | all other parameters | no | yes | through the recipe |
//! | model | one | all, through the row keys | through the recipe |
//! | numerics epoch | yes | through the row keys | through the recipe |
//! | contents of inputs and of project files read | no | no | yes |
//! | class list | no | of steps that compare with it (`Step::declarations`) | through the recipe |
//! | machine paths, times, thread counts, host | no | no | no |

use crate::id::{ContentId, RecipeKey, ResultKey, RowKey};

/// The version of the bytes that enter a key. Raising it recomputes every archive: a release note.
pub const KEY_FORMAT: u32 = 1;

/// Receives the ingredients of a key, in order.
pub trait KeySink {
    /// A named ingredient with its canonical text.
    fn ingredient(&mut self, name: &str, value: &str);
}

/// Hashes ingredients, each name and value behind its length.
struct HashSink(blake3::Hasher);

impl KeySink for HashSink {
    fn ingredient(&mut self, name: &str, value: &str) {
        for part in [name, value] {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part.as_bytes());
        }
    }
}

/// One named part of a key, as `why` prints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Ingredient {
    /// What it is: `param accept_at`, `model`, `input images`.
    pub name: String,
    /// Its canonical text.
    pub value: String,
}

impl KeySink for Vec<Ingredient> {
    fn ingredient(&mut self, name: &str, value: &str) {
        self.push(Ingredient { name: name.to_owned(), value: value.to_owned() });
    }
}

/// An engine's name and an epoch raised only when its outputs change beyond the stated tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numerics {
    /// `rten`, `tch`, `exif`.
    pub engine: &'static str,
    /// Raised by us.
    pub epoch: u32,
}

/// Everything that may change a computed row or a step's work; stored beside the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Name of the step kind.
    pub kind: &'static str,
    /// Revision of its algorithm.
    pub revision: u32,
    /// Canonical texts of the parameters, sorted by name.
    pub params: Vec<(String, String)>,
    /// The model, for a row recipe that runs one.
    pub model: Option<ContentId>,
    /// The engine, for a row recipe that computes with floats.
    pub numerics: Option<Numerics>,
    /// The row recipes that a step holds (a model per season), in order.
    pub rows: Vec<RowKey>,
}

impl Recipe {
    /// Writes every ingredient into `sink`: the one traversal behind both key and explanation.
    pub fn write_into(&self, sink: &mut dyn KeySink) {
        sink.ingredient("format", &KEY_FORMAT.to_string());
        sink.ingredient("kind", self.kind);
        sink.ingredient("revision", &self.revision.to_string());
        for (name, value) in &self.params {
            sink.ingredient(&format!("param {name}"), value);
        }
        if let Some(model) = self.model {
            sink.ingredient("model", &model.to_string());
        }
        if let Some(numerics) = self.numerics {
            sink.ingredient("numerics", &format!("{}/{}", numerics.engine, numerics.epoch));
        }
        for (place, row) in self.rows.iter().enumerate() {
            sink.ingredient(&format!("rows {place}"), &row.to_string());
        }
    }

    /// The ingredients, as hashed.
    #[must_use]
    pub fn explain(&self) -> Vec<Ingredient> {
        let mut list = Vec::new();
        self.write_into(&mut list);
        list
    }

    fn hash(&self, domain: &str) -> [u8; 32] {
        let mut sink = HashSink(blake3::Hasher::new());
        sink.ingredient("key", domain);
        self.write_into(&mut sink);
        *sink.0.finalize().as_bytes()
    }

    /// The identity of a step's work.
    #[must_use]
    pub fn key(&self) -> RecipeKey {
        RecipeKey(self.hash("recipe"))
    }

    /// The identity of one image's row under this recipe.
    #[must_use]
    pub fn row_key(&self) -> RowKey {
        RowKey(self.hash("row"))
    }

    /// The identity of the result of this recipe on `inputs`: named identities in port order.
    #[must_use]
    pub fn result_key(&self, inputs: &[Ingredient]) -> ResultKey {
        let mut sink = HashSink(blake3::Hasher::new());
        sink.ingredient("key", "result");
        self.write_into(&mut sink);
        for input in inputs {
            sink.ingredient(&input.name, &input.value);
        }
        ResultKey(*sink.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        Recipe {
            kind: "metadata",
            revision: 1,
            params: vec![("corrections".into(), "\"clock.csv\"".into())],
            model: None,
            numerics: Some(Numerics { engine: "exif", epoch: 1 }),
            rows: Vec::new(),
        }
    }

    #[test]
    fn golden_keys_stay() {
        assert_eq!(recipe().key().to_string(), "b3:cd0be49b9f5a08bfea10be09300dafcf69a8f816810b6b4a46d825832396dbde");
        assert_eq!(recipe().row_key().to_string(), "b3:aff5eb6db30da4ffd29c6f8e5f8029862d68ab0af770dd2ad08736b036581258");
        let input = Ingredient { name: "input images".into(), value: ContentId::of(b"images").to_string() };
        assert_eq!(
            recipe().result_key(&[input]).to_string(),
            "b3:9070988b3c8fd8fc26810b6b611bf9ca213be07539b195cc8acca03c325d2207"
        );
    }

    #[test]
    fn lengths_keep_neighbouring_ingredients_apart() {
        let with = |name: &str, value: &str| Recipe { params: vec![(name.into(), value.into())], ..recipe() }.key();
        assert_ne!(with("ab", "c"), with("a", "bc"));
    }
}
