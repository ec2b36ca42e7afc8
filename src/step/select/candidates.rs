//! Which images may be chosen, and in which order they come.

use super::order::Scores;
use super::{EXAMPLES, Select};
use crate::event::{Events, touched};
use crate::observation::{ITEM, Key, words};
use crate::step::sample::bins::confidence;
use crate::step::{Finding, StepError};
use crate::table::{Table, Type};

/// The images as candidates.
pub(super) struct Candidates {
    /// The place of each row in the order of the seed; `None` for rows that stand for no image of their own, or have no label.
    pub hash: Vec<Option<u128>>,
    /// Rows of events that `exclude` touches.
    pub excluded: Vec<bool>,
    /// Rows within the bounds of confidence.
    pub bounded: Vec<bool>,
    /// The trigger event of each row.
    pub event: Vec<u32>,
    /// What orders the rows, ascending, before their hash; the same bits order as the numbers.
    pub score: Vec<u64>,
}

impl Candidates {
    pub fn of(step: &Select, images: &Table, exclude: &[Table], findings: &mut Vec<Finding>) -> Result<Self, StepError> {
        let touched = touched(images, exclude, step.gap_s)?;
        let said = "images of `exclude` are not among the predictions, and have no column that ties them to an event: their events may \
                    be chosen; take samples that carry `datetime_raw` and `event`";
        findings.extend(Finding::counted("exclude_without_event", touched.loose, said, Vec::new()));
        let hash = hashes(step.seed, images, findings)?;
        let scores = Scores::of(step.order, images)?;
        let score: Vec<u64> = (0..images.rows).map(|row| scores.bits(row)).collect();
        let lacking: Vec<usize> = (0..images.rows).filter(|row| hash[*row].is_some() && !scores.has(*row)).collect();
        let examples = lacking.iter().take(EXAMPLES).map(|row| words(images, *row)).collect();
        let said = "images lack the confidences by which they are ordered, and come last";
        findings.extend(Finding::counted("without_score", lacking.len() as u64, said, examples));
        let candidates = Self {
            bounded: bounded(step, images),
            event: Events::numbers(images, step.gap_s)?,
            excluded: touched.rows,
            hash,
            score,
        };
        let count = candidates.excluded_count();
        let excluded = (0..images.rows).filter(|row| candidates.excluded[*row] && candidates.hash[*row].is_some());
        let examples = excluded.take(EXAMPLES).map(|row| words(images, row)).collect();
        let said = "images cannot be chosen: `exclude` holds an image of their trigger event";
        findings.extend(Finding::counted("excluded", count, said, examples));
        Ok(candidates)
    }

    /// Says whether a row may be chosen.
    pub fn may(&self, row: usize) -> bool {
        self.hash[row].is_some() && !self.excluded[row]
    }

    /// Images that cannot be chosen because `exclude` touches their event.
    pub fn excluded_count(&self) -> u64 {
        self.excluded.iter().zip(&self.hash).filter(|(excluded, hash)| **excluded && hash.is_some()).count() as u64
    }
}

/// A keyed hash of each image; the rows of one observation count once.
fn hashes(seed: i64, images: &Table, findings: &mut Vec<Finding>) -> Result<Vec<Option<u128>>, StepError> {
    let mut key = Key::shared(&[&images.schema])
        .ok_or_else(|| StepError::Data("no column says which image a row is; see `trapline help select`".into()))?;
    key.columns.retain(|name| *name != ITEM);
    let keys = key.of(images)?;
    let labels = images.require("label")?;
    let seeded = blake3::derive_key("trapline 2026 order of images to train with", &seed.to_le_bytes());
    let hash = |key: u128| {
        let mut half = [0; 16];
        half.copy_from_slice(&blake3::keyed_hash(&seeded, &key.to_le_bytes()).as_bytes()[..16]);
        u128::from_le_bytes(half)
    };
    let mut hashes: Vec<Option<u128>> =
        (0..images.rows).map(|row| keys.rows[row].filter(|_| !labels.is_null(row)).map(hash)).collect();
    let mut sorted: Vec<(u128, u32)> = (0..).zip(&hashes).filter_map(|(row, hash)| Some(((*hash)?, row))).collect();
    sorted.sort_unstable();
    let mut repeating: Vec<u32> = Vec::new();
    for same in sorted.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
        // The order of rows is nobody's statement: the first label and path stays.
        let place = |row: u32| ["path", "name", "label"].map(|name| images.cell(row as usize, name).to_string());
        let stays = same.iter().map(|(_, row)| *row).min_by_key(|row| (place(*row), *row));
        repeating.extend(same.iter().map(|(_, row)| *row).filter(|row| Some(*row) != stays));
    }
    repeating.sort_unstable();
    for row in &repeating {
        hashes[*row as usize] = None;
    }
    let named = |rows: &[u32]| rows.iter().take(EXAMPLES).map(|row| words(images, *row as usize)).collect();
    let said = format!("rows repeat the {} of another and count as one image with it", key.words());
    findings.extend(Finding::counted("repeated", repeating.len() as u64, &said, named(&repeating)));
    let of = |wanted: &dyn Fn(usize) -> bool| (0..).take(images.rows).filter(|row| wanted(*row as usize)).collect::<Vec<u32>>();
    let nameless = of(&|row| keys.rows[row].is_none());
    let said = format!("rows have no `{}`, belong to no observation and cannot be chosen", key.identity());
    findings.extend(Finding::counted("unidentified", nameless.len() as u64, &said, named(&nameless)));
    let unclassified = of(&|row| labels.is_null(row));
    let said = "images were not classified and cannot be chosen";
    findings.extend(Finding::counted("unclassified", unclassified.len() as u64, said, named(&unclassified)));
    Ok(hashes)
}

/// Rows within the bounds of confidence; those without one are not.
fn bounded(step: &Select, images: &Table) -> Vec<bool> {
    let column = images.column("confidence").filter(|column| matches!(column.ty(), Type::Float32 | Type::Float64));
    #[expect(clippy::cast_possible_truncation, reason = "bounds are compared in the precision of a confidence")]
    let (from, to) = (step.confidence.0.map(|from| from as f32), step.confidence.1.map(|to| to as f32));
    let within = |row: usize| {
        let Some(value) = column.and_then(|column| confidence(column, row)) else { return !step.is_bounded() };
        from.is_none_or(|from| value >= from) && to.is_none_or(|to| value <= to)
    };
    (0..images.rows).map(within).collect()
}
