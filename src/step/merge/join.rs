//! Which prediction and which labels belong to which image.

use super::{EXAMPLES, Labels};
use crate::observation::{self, IDENTITY, ITEM, Index, Key, Keys, PLACE};
use crate::step::{Finding, StepError};
use crate::table::{Table, Type};

/// The columns that may say which image a row is of.
pub const KEYS: &[&str] = &["site", "season", "content", "name", "path", "file", ITEM];

/// Observations of the data set, with what belongs to them.
#[derive(Debug, Default)]
pub struct Joined {
    /// The image of each observation.
    pub images: Vec<u32>,
    /// Its number among several of the image, where they are numbered here.
    pub items: Option<Vec<Option<i64>>>,
    /// Its prediction.
    pub predictions: Vec<Option<u32>>,
    /// Observation of each label.
    pub labels: Vec<Option<u32>>,
    /// Predictions of no image.
    pub unmatched_predictions: usize,
    /// Labels of no image.
    pub unmatched_labels: usize,
}

impl Joined {
    /// Every image is one observation, in order.
    pub fn is_whole(&self, images: &Table) -> bool {
        self.items.is_none() && self.images.len() == images.rows
    }
}

/// Joins predictions and labels to the images.
///
/// # Errors
/// Where an image is there twice, or has several predictions, with both rows.
pub fn join(
    images: &Table,
    predictions: Option<&Table>,
    labels: &Labels,
    multilabel: bool,
    findings: &mut Vec<Finding>,
) -> Result<Joined, StepError> {
    let mut by_key = Indexed::new(images);
    let predicted = match predictions {
        // The images' own column: nothing to be found.
        Some(table) if is_same(table, images) => (0..images.rows).map(|row| u32::try_from(row).ok()).collect(),
        Some(table) => by_key.rows_of(table, "prediction")?,
        None => Vec::new(),
    };
    let mut labelled = Vec::with_capacity(labels.table.rows);
    for table in &labels.parts {
        labelled.extend(by_key.rows_of(table, "label")?);
    }
    let mut joined = Joined {
        unmatched_predictions: predicted.iter().filter(|image| image.is_none()).count(),
        unmatched_labels: labelled.iter().filter(|image| image.is_none()).count(),
        ..Joined::default()
    };
    if let Some(table) = predictions {
        findings.extend(unmatched(table, &predicted, "unmatched_predictions", "predictions"));
    }
    findings.extend(unmatched(&labels.table, &labelled, "unmatched_labels", "labels"));
    if multilabel && images.column(ITEM).is_none() {
        joined.expand(images, predictions, &predicted, &labels.table, &labelled)?;
    } else {
        joined.images = (0..images.rows).filter_map(|row| u32::try_from(row).ok()).collect();
        joined.labels = labelled;
        joined.predictions = vec![None; images.rows];
        for (row, image) in (0_u32..).zip(&predicted) {
            let Some(image) = image else { continue };
            if let Some(first) = joined.predictions[*image as usize].replace(row) {
                return Err(twice(predictions, first, row));
            }
        }
    }
    Ok(joined)
}

fn is_same(a: &Table, b: &Table) -> bool {
    a.rows == b.rows && a.columns.len() == b.columns.len() && a.columns.iter().zip(&b.columns).all(|(a, b)| std::sync::Arc::ptr_eq(a, b))
}

fn twice(predictions: Option<&Table>, first: u32, second: u32) -> StepError {
    let words = predictions.map(|table| observation::words(table, first as usize)).unwrap_or_default();
    StepError::Data(format!(
        "`{words}` has two predictions: rows {} and {} of the predictions; keep one of them, or say `rows: multilabel` where an image may \
         have several",
        u64::from(first) + 1,
        u64::from(second) + 1
    ))
}

impl Joined {
    /// Observations are images by item: those that predictions or labels have, and one for each image that has none.
    fn expand(
        &mut self,
        images: &Table,
        predictions: Option<&Table>,
        predicted: &[Option<u32>],
        labels: &Table,
        labelled: &[Option<u32>],
    ) -> Result<(), StepError> {
        let item = |table: &Table, row: usize| table.column(ITEM).and_then(|column| column.int(row)).unwrap_or(1);
        let pairs = |table: &Table, found: &[Option<u32>]| -> Vec<Option<(u32, i64)>> {
            found.iter().enumerate().map(|(row, image)| image.map(|image| (image, item(table, row)))).collect()
        };
        let of_predictions = predictions.map(|table| pairs(table, predicted)).unwrap_or_default();
        let of_labels = pairs(labels, labelled);
        let mut all: Vec<(u32, i64)> = of_predictions.iter().chain(&of_labels).flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        let mut with: Vec<bool> = vec![false; images.rows];
        all.iter().for_each(|(image, _)| with[*image as usize] = true);
        let without = (0_u32..).zip(&with).filter(|(_, with)| !**with).map(|(image, _)| (image, None));
        let mut observations: Vec<(u32, Option<i64>)> = all.iter().map(|(image, item)| (*image, Some(*item))).chain(without).collect();
        observations.sort_unstable();
        let place = |pair: &Option<(u32, i64)>| {
            let (image, item) = (*pair)?;
            observations.binary_search(&(image, Some(item))).ok().and_then(|at| u32::try_from(at).ok())
        };
        self.labels = of_labels.iter().map(place).collect();
        self.predictions = vec![None; observations.len()];
        for (row, at) in (0_u32..).zip(of_predictions.iter().map(place)) {
            let Some(at) = at else { continue };
            if let Some(first) = self.predictions[at as usize].replace(row) {
                return Err(twice(predictions, first, row));
            }
        }
        let (rows, items) = observations.into_iter().unzip();
        (self.images, self.items) = (rows, Some(items));
        Ok(())
    }
}

fn unmatched(table: &Table, found: &[Option<u32>], kind: &str, what: &str) -> Option<Finding> {
    let missed: Vec<usize> = found.iter().enumerate().filter(|(_, image)| image.is_none()).map(|(row, _)| row).collect();
    (!missed.is_empty()).then(|| Finding {
        kind: kind.to_owned(),
        message: format!("{what} belong to no image here and are not in the data set: check their sites, seasons and names"),
        count: missed.len() as u64,
        examples: missed.iter().take(EXAMPLES).map(|row| observation::words(table, *row)).collect(),
    })
}

/// The images, by the keys that the tables share with them.
struct Indexed<'t> {
    images: &'t Table,
    made: Vec<(Key, Keys, Index)>,
}

impl<'t> Indexed<'t> {
    fn new(images: &'t Table) -> Self {
        Self { images, made: Vec::new() }
    }

    /// The image of each row of `table`: by the surest identity that the row has and the images know.
    fn rows_of(&mut self, table: &Table, what: &str) -> Result<Vec<Option<u32>>, StepError> {
        let mut found: Vec<Option<u32>> = vec![None; table.rows];
        // Rows whose surer identities are all missing.
        let mut open: Vec<usize> = (0..table.rows).collect();
        for key in shared(self.images, table) {
            if open.is_empty() {
                break;
            }
            let identity = key.identity();
            let keys = key.of(table)?;
            let index = self.index(&key, what)?;
            open.retain(|row| match keys.rows[*row] {
                None => true,
                digest => {
                    found[*row] = index.row(digest);
                    false
                }
            });
            debug_assert!(table.column(identity).is_some(), "a shared key has its columns");
        }
        Ok(found)
    }

    fn index(&mut self, key: &Key, what: &str) -> Result<&Index, StepError> {
        let at = match self.made.iter().position(|(made, ..)| made == key) {
            Some(at) => at,
            None => {
                let keys = key.of(self.images)?;
                let index = keys.index();
                if let Some((first, second)) = index.repeated.first() {
                    return Err(StepError::Data(format!(
                        "`{}` is there twice among the images (rows {} and {}): a {what} by {} cannot tell which it means; make that unique, or \
                         join by content",
                        observation::words(self.images, *first as usize),
                        u64::from(*first) + 1,
                        u64::from(*second) + 1,
                        key.words()
                    )));
                }
                self.made.push((key.clone(), keys, index));
                self.made.len() - 1
            }
        };
        Ok(&self.made[at].2)
    }
}

/// The keys that two tables share, the surest first.
fn shared(images: &Table, table: &Table) -> Vec<Key> {
    let same = |name: &&&'static str| {
        let ty = |table: &Table| table.schema.field(name).map(|field| field.ty);
        ty(images).is_some() && ty(images) == ty(table)
    };
    let item = (images.column(ITEM).is_some_and(|c| c.ty() == Type::Int) && table.column(ITEM).is_some()).then_some(ITEM);
    let place: Vec<&'static str> = PLACE.iter().filter(same).copied().collect();
    let key = |identity: &&'static str| Key { columns: place.iter().copied().chain([*identity]).chain(item).collect() };
    IDENTITY.iter().filter(same).map(|identity| key(&identity)).collect()
}
