//! Results: one manifest per [`ResultKey`], and per pipeline the results that its steps yielded last.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Store, StoreError, sealed};
use crate::id::{ContentId, RecipeKey, ResultKey, RowKey};
use crate::recipe::Ingredient;
use crate::step::Finding;

/// The version of [`ResultManifest`].
pub const RESULT_FORMAT: u32 = 1;

/// One output of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRef {
    /// The name of the port.
    pub port: String,
    /// The table, model or report.
    pub id: ContentId,
    /// Number of rows, for a table.
    pub rows: Option<u64>,
}

/// A project file that a step wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// Relative to the project, as [`crate::path::to_text`] writes it.
    pub path: String,
    /// What it held then.
    pub id: ContentId,
}

/// One result: what it was made of, what came out. The truth about a step's work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultManifest {
    /// [`RESULT_FORMAT`].
    pub format: u32,
    /// The recipe and the inputs, hashed.
    pub key: ResultKey,
    /// The step that made it first.
    pub step: String,
    /// The step's kind.
    pub kind: String,
    /// The recipe, hashed.
    pub recipe_key: RecipeKey,
    /// The recipe, as `why` prints it.
    pub recipe: Vec<Ingredient>,
    /// The identities of the inputs, as they entered the key.
    pub inputs: Vec<Ingredient>,
    /// The row packs that it was made of.
    pub rows: Vec<RowKey>,
    /// The outputs in port order.
    pub outputs: Vec<OutputRef>,
    /// What a person should know.
    pub findings: Vec<Finding>,
    /// Numbers for `expect:`; written as text, which keeps every bit.
    #[serde(with = "exact")]
    pub metrics: BTreeMap<String, f64>,
    /// Project files written.
    pub files: Vec<FileRef>,
    /// When the work started: RFC 3339, as the caller read it.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
    /// Trapline, crates, CPU: what may matter when outputs differ.
    pub versions: BTreeMap<String, String>,
}

/// Numbers as their shortest exact text: JSON has no NaN, and its usual reader is off by one bit now and then.
mod exact {
    use std::collections::BTreeMap;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(numbers: &BTreeMap<String, f64>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(numbers.iter().map(|(name, number)| (name, number.to_string())))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, f64>, D::Error> {
        let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
        let parse = |(name, text): (String, String)| Ok((name, text.parse().map_err(serde::de::Error::custom)?));
        texts.into_iter().map(parse).collect()
    }
}

/// The results that the steps of one pipeline yielded last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads {
    /// By the step's name.
    pub steps: BTreeMap<String, ResultKey>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct HeadsFile {
    pub pipeline: String,
    #[serde(rename = "heads")]
    pub heads: Heads,
}

/// Results that `gc` keeps because a person asked.
#[derive(Default, Serialize, Deserialize)]
struct PinsFile {
    results: BTreeSet<ResultKey>,
}

impl Store {
    pub(super) fn result_path(&self, key: ResultKey) -> PathBuf {
        let hex = key.hex();
        self.root.join("results").join(&hex[..2]).join(format!("{}.json", &hex[2..]))
    }

    /// Says whether a result is there, without reading it.
    pub fn has_result(&self, key: ResultKey) -> bool {
        self.result_path(key).is_file()
    }

    /// Reads a result; `None` where this work was never done.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: the work must be done again.
    pub fn get_result(&self, key: ResultKey) -> Result<Option<ResultManifest>, StoreError> {
        let path = self.result_path(key);
        let Some(found) = self.read_sealed::<ResultManifest>(&path)? else { return Ok(None) };
        if found.format > RESULT_FORMAT {
            return Err(StoreError::Format { path, found: found.format, known: RESULT_FORMAT });
        }
        if found.key != key {
            return Err(self.damage(&path, "it holds another result"));
        }
        Ok(Some(found))
    }

    /// Records a result, after everything it names is stored.
    pub fn put_result(&self, manifest: &ResultManifest) -> Result<(), StoreError> {
        self.write_sealed(&self.result_path(manifest.key), manifest)
    }

    /// The keys of all results, sorted.
    pub fn results(&self) -> Result<Vec<ResultKey>, StoreError> {
        let mut keys: Vec<_> = self.sharded("results", result_key_of)?.into_iter().map(|(_, key)| key).collect();
        keys.sort_unstable();
        Ok(keys)
    }

    /// The files below `folder` that lie in folders of two digits, with what their names stand for; stray files are left out.
    pub(super) fn sharded<T>(&self, folder: &str, parse: fn(&str) -> Option<T>) -> Result<Vec<(PathBuf, T)>, StoreError> {
        let mut found = Vec::new();
        for shard in Self::list(&self.root.join(folder))? {
            found.extend(Self::shard(&shard, parse)?);
        }
        Ok(found)
    }

    /// Those of one folder of two digits.
    pub(super) fn shard<T>(shard: &Path, parse: fn(&str) -> Option<T>) -> Result<Vec<(PathBuf, T)>, StoreError> {
        let Some(front) = shard.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for path in Self::list(shard)? {
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|back| parse(&format!("{front}{back}")));
            found.extend(name.map(|name| (path, name)));
        }
        Ok(found)
    }

    pub(super) fn heads_path(&self, pipeline: &str) -> PathBuf {
        self.root.join("heads").join(format!("{}.json", sealed::file_stem(pipeline)))
    }

    /// What the steps of `pipeline` yielded last; empty before the first run.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: the results are still found by their keys, only `why` cannot say what changed.
    pub fn heads(&self, pipeline: &str) -> Result<Heads, StoreError> {
        Ok(self.read_sealed::<HeadsFile>(&self.heads_path(pipeline))?.map(|file| file.heads).unwrap_or_default())
    }

    /// Replaces what the steps of `pipeline` yielded last.
    pub fn put_heads(&self, pipeline: &str, heads: &Heads) -> Result<(), StoreError> {
        let file = HeadsFile { pipeline: pipeline.to_owned(), heads: heads.clone() };
        self.write_sealed(&self.heads_path(pipeline), &file)
    }

    /// The heads of every pipeline that ran in this store, by the pipeline's name. Damage is left in place, so that `gc` goes on
    /// refusing until the next run has written the heads anew.
    pub fn all_heads(&self) -> Result<BTreeMap<String, Heads>, StoreError> {
        let mut all = BTreeMap::new();
        for path in Self::list(&self.root.join("heads"))? {
            if let Some(file) = sealed::read::<HeadsFile>(&path)? {
                all.insert(file.pipeline, file.heads);
            }
        }
        Ok(all)
    }

    /// The results pinned under `name`.
    pub fn pins(&self, name: &str) -> Result<BTreeSet<ResultKey>, StoreError> {
        Ok(sealed::read::<PinsFile>(&self.pins_path(name))?.unwrap_or_default().results)
    }

    /// Pins results under `name`; an empty set unpins.
    pub fn put_pins(&self, name: &str, results: &BTreeSet<ResultKey>) -> Result<(), StoreError> {
        let path = self.pins_path(name);
        if results.is_empty() {
            self.writable(&path)?;
            return super::disk::remove(&path);
        }
        self.write_sealed(&path, &PinsFile { results: results.clone() })
    }

    /// All pinned results.
    pub fn all_pins(&self) -> Result<BTreeSet<ResultKey>, StoreError> {
        let mut all = BTreeSet::new();
        for path in Self::list(&self.root.join("pins"))? {
            all.extend(sealed::read::<PinsFile>(&path)?.unwrap_or_default().results);
        }
        Ok(all)
    }

    fn pins_path(&self, name: &str) -> PathBuf {
        self.root.join("pins").join(format!("{}.json", sealed::file_stem(name)))
    }
}

/// The result whose manifest has this name.
pub(super) fn result_key_of(name: &str) -> Option<ResultKey> {
    name.strip_suffix(".json")?.parse().ok()
}

/// The object that has this name.
pub(super) fn object_id_of(name: &str) -> Option<ContentId> {
    name.parse().ok()
}
