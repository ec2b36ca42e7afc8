//! Which prediction and which labels belong to which image.

use std::collections::{BTreeMap, BTreeSet};

use crate::observation::{self, Index, Key, Keys};
use crate::step::StepError;
use crate::table::{Schema, Table};

/// The rows that belong together.
pub(super) struct Joined {
    /// The first prediction of each image.
    pub prediction_of: Vec<Option<u32>>,
    /// Further predictions of an image, where it may show several classes.
    pub more_predictions: BTreeMap<u32, Vec<u32>>,
    /// Labels of images: (image, table, row), in this order.
    pub labels: Vec<(u32, u32, u32)>,
    /// Predictions of no image.
    pub lost_predictions: Vec<u32>,
    /// Labels of no image: (table, row).
    pub lost_labels: Vec<(u32, u32)>,
}

/// Joins by observation.
///
/// # Errors
/// When an image occurs twice, when a prediction occurs twice for one image, or when a row could belong to several images.
pub(super) fn join(images: &Table, predictions: Option<&Table>, labels: &[Table], multilabel: bool) -> Result<Joined, StepError> {
    let mut indexes = Indexes { images, known: Vec::new() };
    let own = indexes.of(&shared(&images.schema, &images.schema)?)?;
    if let Some((first, second)) = own.index.repeated.first() {
        return Err(twice("image", images, *first, *second, "remove one, or import the table with `rows: multilabel`"));
    }
    let mut joined = Joined {
        prediction_of: vec![None; images.rows],
        more_predictions: BTreeMap::new(),
        labels: Vec::new(),
        lost_predictions: Vec::new(),
        lost_labels: Vec::new(),
    };
    if let Some(predictions) = predictions {
        indexes.predictions(predictions, multilabel, &mut joined)?;
    }
    for (number, table) in (0_u32..).zip(labels) {
        let mut image_of: Vec<Option<Option<u32>>> = vec![None; table.rows];
        for key in Key::all_shared(&[&images.schema, &table.schema]) {
            let mut unknown = key.of(table)?;
            // A row that has a surer identity goes by that one alone.
            unknown.rows.iter_mut().zip(&image_of).filter(|(_, image)| image.is_some()).for_each(|(key, _)| *key = None);
            if unknown.rows.iter().all(Option::is_none) {
                continue;
            }
            let found = indexes.of(&key)?;
            for (row, key) in (0_u32..).zip(&unknown.rows).filter(|(_, key)| key.is_some()) {
                image_of[row as usize] = Some(found.image(*key, table, row, images)?);
            }
        }
        for (row, image) in (0_u32..).zip(image_of) {
            match image.flatten() {
                Some(image) => joined.labels.push((image, number, row)),
                None => joined.lost_labels.push((number, row)),
            }
        }
    }
    joined.labels.sort_unstable();
    Ok(joined)
}

fn shared(images: &Schema, other: &Schema) -> Result<Key, StepError> {
    // Checking has seen to it.
    Key::shared(&[images, other]).ok_or_else(|| StepError::Data("tables to be merged have no key in common".into()))
}

fn twice(what: &str, table: &Table, first: u32, second: u32, way_out: &str) -> StepError {
    let words = observation::words(table, first as usize);
    StepError::Data(format!("the {what} `{words}` occurs twice, in rows {} and {}: {way_out}", first + 1, second + 1))
}

/// The images by each key that some table shares with them.
struct Indexes<'a> {
    images: &'a Table,
    known: Vec<(Key, Found)>,
}

/// The images by one key.
struct Found {
    keys: Keys,
    index: Index,
    ambiguous: BTreeSet<u128>,
}

impl Found {
    fn image(&self, key: Option<u128>, table: &Table, row: u32, images: &Table) -> Result<Option<u32>, StepError> {
        let Some(image) = self.index.row(key) else { return Ok(None) };
        if key.is_some_and(|key| self.ambiguous.contains(&key)) {
            let words = observation::words(table, row as usize);
            let first = observation::words(images, image as usize);
            let message = format!(
                "row {} (`{words}`) could be several images, `{first}` among them: give site, season and a name that tells them apart",
                row + 1
            );
            return Err(StepError::Data(message));
        }
        Ok(Some(image))
    }
}

impl Indexes<'_> {
    fn of(&mut self, key: &Key) -> Result<&Found, StepError> {
        if let Some(at) = self.known.iter().position(|(known, _)| known == key) {
            return Ok(&self.known[at].1);
        }
        let keys = key.of(self.images)?;
        let index = keys.index();
        let ambiguous = index.repeated.iter().filter_map(|(first, _)| keys.rows[*first as usize]).collect();
        self.known.push((key.clone(), Found { keys, index, ambiguous }));
        Ok(&self.known[self.known.len() - 1].1)
    }

    fn predictions(&mut self, predictions: &Table, multilabel: bool, joined: &mut Joined) -> Result<(), StepError> {
        let images = self.images;
        let key = shared(&images.schema, &predictions.schema)?;
        let aligned = predictions.rows == images.rows && key.columns.iter().all(|name| same(images, predictions, name));
        let found = self.of(&key)?;
        if aligned && found.ambiguous.is_empty() {
            // The columns are the same: so are the rows, and nothing needs looking up.
            for (row, (place, key)) in (0_u32..).zip(joined.prediction_of.iter_mut().zip(&found.keys.rows)) {
                match key {
                    Some(_) => *place = Some(row),
                    None => joined.lost_predictions.push(row),
                }
            }
            return Ok(());
        }
        for (row, key) in (0_u32..).zip(&key.of(predictions)?.rows) {
            let Some(image) = found.image(*key, predictions, row, images)? else {
                joined.lost_predictions.push(row);
                continue;
            };
            match joined.prediction_of[image as usize] {
                None => joined.prediction_of[image as usize] = Some(row),
                Some(_) if multilabel => joined.more_predictions.entry(image).or_default().push(row),
                Some(first) => {
                    let way_out = "remove one, or merge with `rows: multilabel`";
                    return Err(twice("prediction of", predictions, first, row, way_out));
                }
            }
        }
        Ok(())
    }
}

/// Says whether both tables have the same column under `name`.
fn same(a: &Table, b: &Table, name: &str) -> bool {
    a.column(name).zip(b.column(name)).is_some_and(|(a, b)| std::sync::Arc::ptr_eq(a, b) || a.id() == b.id())
}
