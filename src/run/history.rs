//! History: what the store knows of the past, as planning asks for it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::id::{ContentId, ResultKey, RowKey};
use crate::plan::planner::{Capture, ImageSet, Known, KnownOutput, KnownResult, Unusable};
use crate::recipe::Ingredient;
use crate::step::export::published;
use crate::step::{MISSING_LABELS, StepError};
use crate::store::{Heads, OutputRef, ResultManifest, Store, StoreError};
use crate::table::Table;

/// The store of one pipeline, seen as its past.
pub struct History<'a> {
    store: &'a Store,
    project: PathBuf,
    heads: Heads,
    rows: RefCell<BTreeMap<RowKey, Arc<Vec<ContentId>>>>,
    models: RefCell<BTreeMap<ContentId, Arc<Vec<u8>>>>,
}

impl<'a> History<'a> {
    /// Reads what the steps of `pipeline` yielded last. Damaged heads are an empty past: results are still found by their keys.
    pub fn of(store: &'a Store, pipeline: &str, project: &Path) -> Self {
        let heads = store.heads(pipeline).unwrap_or_default();
        Self { store, project: project.to_owned(), heads, rows: RefCell::default(), models: RefCell::default() }
    }

    /// The last results by step.
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// The manifest of the last result of `step`.
    pub fn last_result(&self, step: &str) -> Option<ResultManifest> {
        self.store.get_result(*self.heads.steps.get(step)?).ok().flatten()
    }

    /// Forgets cached key lists, after rows were written.
    pub fn forget_rows(&self) {
        self.rows.borrow_mut().clear();
    }
}

impl Known for History<'_> {
    fn result(&self, key: &ResultKey) -> Result<KnownResult, Unusable> {
        let manifest = match self.store.get_result(*key) {
            Ok(Some(manifest)) => manifest,
            Ok(None) => return Err(Unusable::Unknown),
            Err(_) => return Err(Unusable::Damaged(ContentId(*key.bytes()))),
        };
        for output in &manifest.outputs {
            // Only tables have rows.
            let there = if output.rows.is_some() { self.store.has_table(output.id) } else { self.store.has(output.id) };
            if !there {
                return Err(Unusable::Missing(output.id));
            }
        }
        // Whoever unpacked a bundle has the record of exported images, and not those.
        let is_bundle = self.project.join(super::packed::IMAGES_FILE).exists();
        for file in &manifest.files {
            // One that cannot be read is not the one that was written; whoever writes it again meets the cause.
            let there = self.file(&self.project.join(crate::path::from_text(&file.path)));
            if !there.is_ok_and(|there| there == Some(file.id)) {
                return Err(Unusable::Written(file.path.clone()));
            }
            // Files that are gone come back; one that somebody changed is left to `verify`, which says so.
            if published::is_ledger(&file.path) && !is_bundle {
                let looked = published::look(&self.project.join(crate::path::from_text(&file.path)), false);
                if !looked.is_ok_and(|looked| looked.faults.iter().all(|(_, fault)| !fault.is_loss())) {
                    return Err(Unusable::Written(file.path.clone()));
                }
            }
        }
        let known = |output: &OutputRef| KnownOutput { id: output.id, rows: output.rows.unwrap_or(0) };
        let missing_labels = missing_labels(&manifest.metrics);
        Ok(KnownResult { outputs: manifest.outputs.iter().map(known).collect(), missing_labels, metrics: manifest.metrics })
    }

    fn last(&self, step: &str) -> Option<Vec<Ingredient>> {
        let manifest = self.last_result(step)?;
        Some(manifest.recipe.into_iter().chain(manifest.inputs).collect())
    }

    fn rows(&self, key: &RowKey) -> Arc<Vec<ContentId>> {
        let cached = self.rows.borrow().get(key).cloned();
        cached.unwrap_or_else(|| {
            let rows = Arc::new(self.store.row_contents(*key).unwrap_or_default());
            self.rows.borrow_mut().insert(*key, Arc::clone(&rows));
            rows
        })
    }

    fn images(&self, table: &ContentId, chooses_by: Option<&str>) -> Option<ImageSet> {
        let stored = self.store.open_table(*table).ok()?;
        let mut names = vec!["content"];
        names.extend(chooses_by.filter(|name| stored.schema().field(name).is_some()));
        image_set(&stored.read(Some(&names)).ok()?, chooses_by)
    }

    fn model(&self, id: &ContentId) -> Option<Arc<Vec<u8>>> {
        let cached = self.models.borrow().get(id).cloned();
        cached.or_else(|| {
            let bytes = Arc::new(self.store.get(*id).ok()?);
            self.models.borrow_mut().insert(*id, Arc::clone(&bytes));
            Some(bytes)
        })
    }

    fn file(&self, path: &Path) -> Result<Option<ContentId>, StepError> {
        crate::file::reading::content(path).map_err(StepError::file("read", path))
    }
}

/// How many answers of people the metrics of a result say it lacks.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of images")]
pub fn missing_labels(metrics: &BTreeMap<String, f64>) -> u64 {
    metrics.get(MISSING_LABELS).map_or(0, |labels| *labels as u64)
}

/// The images of a table, with the texts of one more column.
pub fn image_set(table: &Table, chooses_by: Option<&str>) -> Option<ImageSet> {
    let content = table.column("content")?;
    let contents = (0..table.rows).map(|row| content.content(row)).collect();
    let column = chooses_by.and_then(|name| Some((name, table.column(name)?)));
    let captures = column.map(|(name, column)| {
        let mut values: Vec<String> = column.texts().map(str::to_owned).collect();
        // A missing value chooses nothing: an empty text does neither.
        let missing = u32::try_from(values.len()).unwrap_or(u32::MAX);
        values.push(String::new());
        let codes = (0..table.rows).map(|row| column.code(row).unwrap_or(missing)).collect();
        Capture { name: name.to_owned(), codes, values }
    });
    Some(ImageSet { contents, captures: captures.into_iter().collect() })
}

/// A store error as a step's failure.
pub fn step_error(error: StoreError) -> StepError {
    StepError::Store(Box::new(error))
}
