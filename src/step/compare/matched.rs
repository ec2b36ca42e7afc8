//! The images of both models, row by row, and which of them were used in training.

use crate::observation::{Key, words};
use crate::step::StepError;
use crate::step::evaluate::labels::{Noted, distinct};
use crate::table::{Column, Table};

/// The word in the column `split` for images that no model was trained on.
const TEST: &str = "test";

/// The rows of the candidate's predictions, with those of the model in use.
pub(super) struct Matched<'a> {
    pub candidate: &'a Table,
    pub current: &'a Table,
    /// Their columns `label`.
    labels: (&'a Column, &'a Column),
    /// The row of `current`, by row of `candidate`.
    pub rows: Vec<Option<u32>>,
    /// Whether a model was trained on the image, or on one of its trigger event.
    pub trained: Vec<bool>,
    /// Images that only the candidate classified.
    pub alone: Noted,
    /// Images that only the model in use classified.
    pub left_over: u64,
}

impl<'a> Matched<'a> {
    pub fn of(candidate: &'a Table, current: &'a Table, excluded: &[Table]) -> Result<Self, StepError> {
        let key = shared(candidate, current)?;
        distinct(&key, candidate, "predictions of the candidate")?;
        let index = distinct(&key, current, "predictions of the model in use")?;
        let rows: Vec<_> = key.of(candidate)?.rows.into_iter().map(|key| index.row(key)).collect();
        let mut alone = Noted::default();
        for (row, _) in rows.iter().enumerate().filter(|(_, other)| other.is_none()) {
            alone.add(|| words(candidate, row));
        }
        let left_over = (current.rows + usize::try_from(alone.count).unwrap_or(usize::MAX)).saturating_sub(candidate.rows) as u64;
        let mut trained = vec![false; candidate.rows];
        for table in excluded {
            mark(candidate, table, &mut trained)?;
        }
        let labels = (candidate.require("label")?.as_ref(), current.require("label")?.as_ref());
        Ok(Self { candidate, current, labels, rows, trained, alone, left_over })
    }

    /// The label codes of both models at a row of the candidate; `None` where one of them has none.
    pub fn labels(&self, row: usize) -> Option<(u32, u32)> {
        Some((self.labels.0.code(row)?, self.labels.1.code(self.rows[row]? as usize)?))
    }
}

fn shared(candidate: &Table, other: &Table) -> Result<Key, StepError> {
    Key::shared(&[&candidate.schema, &other.schema])
        .ok_or_else(|| StepError::Data("the tables have no column in common that says which image it is".into()))
}

/// Marks the images of `table` that a model saw in training, and all images of their trigger events.
fn mark(candidate: &Table, table: &Table, trained: &mut [bool]) -> Result<(), StepError> {
    let mut key = shared(candidate, table)?;
    // The same bytes are the same picture, wherever they lie: a network that knows it knows it at every site.
    if key.identity() == "content" {
        key.columns = vec!["content"];
    }
    let splits = table.column("split");
    let seen = |row: usize| splits.is_none_or(|splits| splits.text(row) != Some(TEST));
    for key in [Some(key), Key::of_events(&[&candidate.schema, &table.schema])].into_iter().flatten() {
        let digests = key.of(table)?.rows;
        let kept = digests.into_iter().enumerate().filter(|(row, _)| seen(*row)).map(|(_, digest)| digest).collect();
        let index = crate::observation::Keys { rows: kept }.index();
        for (row, digest) in key.of(candidate)?.rows.into_iter().enumerate() {
            trained[row] |= index.row(digest).is_some();
        }
    }
    Ok(())
}
