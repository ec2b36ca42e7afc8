//! What each threshold would mean: images counted once, then summed from the top for every candidate.

use super::estimate::{Cell, Estimate, estimate};
use crate::stats::interval::number;
use crate::stats::planning::hours;
use crate::step::sample::bins::Bins;
use crate::table::{ColumnBuilder, Schema, Table, TableError, Type};

/// The columns of the curve.
pub(super) const CURVE: &[(&str, Type)] = &[
    ("class", Type::Text),
    ("threshold", Type::Float64),
    ("images", Type::Int),
    ("coverage", Type::Float64),
    ("images_to_review", Type::Int),
    ("hours", Type::Float64),
    ("checked", Type::Int),
    ("accuracy", Type::Float64),
    ("lower", Type::Float64),
    ("upper", Type::Float64),
];

/// Thresholds to compare, rising.
#[derive(Debug, Clone)]
pub(super) struct Candidates {
    pub values: Vec<f64>,
    /// As confidences are stored.
    cuts: Vec<f32>,
}

impl Candidates {
    /// 0.00 to 0.99 by 0.01, 0.995, 0.999, and those that are in use.
    pub fn with(more: impl Iterator<Item = f64>) -> Self {
        let steps = (0_u8..100).map(|percent| f64::from(percent) / 100.0);
        let mut values: Vec<f64> = steps.chain([0.995, 0.999]).chain(more).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let cuts = values.iter().map(|value| cut(*value)).collect();
        Self { values, cuts }
    }

    /// How many candidates `confidence` reaches.
    pub fn reached(&self, confidence: f32) -> usize {
        self.cuts.partition_point(|cut| *cut <= confidence)
    }

    /// The place of a threshold that is one of them.
    pub fn place(&self, value: f64) -> Option<usize> {
        self.values.iter().position(|candidate| candidate.total_cmp(&value).is_eq())
    }
}

/// A threshold in the precision of a confidence: 0.9 as a model stores it reaches 0.9 as a person writes it.
#[expect(clippy::cast_possible_truncation, reason = "rounding to the precision of a confidence is the point")]
pub(super) fn cut(threshold: f64) -> f32 {
    threshold as f32
}

/// Images by group, bin and the candidates they reach.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Reaching at least `place + 1` candidates, once [`Tally::sum`] ran: by cell, then place.
    cells: Vec<Cell>,
    bins: usize,
    steps: usize,
    /// Images that only the threshold can send to review, by the candidates they reach.
    free: Vec<u64>,
    /// Images that are accepted whatever the threshold.
    accepted: u64,
    /// All images.
    images: u64,
}

impl Tally {
    /// An empty tally of `groups` times `bins` cells.
    pub fn new(groups: usize, bins: usize, candidates: &Candidates) -> Self {
        let steps = candidates.values.len() + 1;
        Self { cells: vec![Cell::default(); groups * bins * steps], bins, steps, free: vec![0; steps], accepted: 0, images: 0 }
    }

    /// Counts images that have no confidence.
    pub fn add_unclassified(&mut self, images: u64) {
        self.images += images;
    }

    /// Counts an image of a cell; `is_free` where nothing but this threshold can send it to review.
    pub fn add(&mut self, cell: usize, reached: usize, is_free: bool) {
        self.images += 1;
        self.cells[cell * self.steps + reached].images += 1;
        self.free[reached] += u64::from(is_free);
    }

    /// Counts an image that is accepted or not whatever this threshold is.
    pub fn add_decided(&mut self, cell: usize, reached: usize, is_accepted: bool) {
        self.add(cell, reached, false);
        self.accepted += u64::from(is_accepted);
    }

    /// Counts a checked image.
    pub fn add_checked(&mut self, cell: usize, reached: usize, right: bool) {
        let cell = &mut self.cells[cell * self.steps + reached];
        cell.checked += 1;
        cell.right += u64::from(right);
    }

    /// Sums from the top.
    pub fn sum(&mut self) {
        for cell in self.cells.chunks_mut(self.steps) {
            for at in (1..cell.len()).rev() {
                let Cell { images, checked, right } = cell[at];
                cell[at - 1].images += images;
                cell[at - 1].checked += checked;
                cell[at - 1].right += right;
            }
        }
        for at in (1..self.steps).rev() {
            self.free[at - 1] += self.free[at];
        }
    }

    /// The images of each cell at or above the candidate at `place`.
    fn above(&self, place: usize) -> Vec<Cell> {
        self.cells.chunks(self.steps).map(|cell| cell[place + 1]).collect()
    }

    /// What the candidate at `place` would mean.
    pub fn point(&self, place: usize, z: f64) -> Point {
        let above = self.above(place);
        Point {
            images: above.iter().map(|cell| cell.images).sum(),
            to_review: self.images - self.accepted - self.free[place + 1],
            all: self.images,
            estimate: estimate(&above, self.bins, z),
        }
    }
}

/// What a threshold means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// At or above it.
    pub images: u64,
    /// What people would look at, all rules together.
    pub to_review: u64,
    /// Of how many.
    pub all: u64,
    /// How many of the images at or above it are right.
    pub estimate: Option<Estimate>,
}

/// The cell of an image in a tally.
pub(super) fn cell(group: u32, bins: &Bins, confidence: f32) -> usize {
    group as usize * bins.len() + bins.of(confidence)
}

/// The table of all points, scope by scope: all images without `class`, then single classes.
pub(super) fn table(scopes: &[(Option<&str>, Vec<Point>)], candidates: &Candidates, per_hour: f64) -> Result<Table, TableError> {
    let mut builders: Vec<_> = CURVE.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
    for (class, points) in scopes {
        for (value, point) in candidates.values.iter().zip(points) {
            let [name, threshold, images, coverage, review, time, checked, accuracy, lower, upper] = &mut builders[..] else {
                continue;
            };
            name.push_optional_text(*class);
            threshold.push_float64(*value);
            push_count(images, point.images);
            push(coverage, (point.all > 0).then(|| number(point.images) / number(point.all)));
            push_count(review, point.to_review);
            time.push_float64(hours(point.to_review, per_hour));
            match &point.estimate {
                Some(estimate) => push_count(checked, estimate.checked),
                None => checked.push_int(0),
            }
            push(accuracy, point.estimate.map(|found| found.accuracy));
            push(lower, point.estimate.map(|found| found.lower));
            push(upper, point.estimate.map(|found| found.upper));
        }
    }
    Table::from_builders(Schema::of(CURVE), builders)
}

pub(super) fn push(column: &mut ColumnBuilder, value: Option<f64>) {
    match value {
        Some(value) => column.push_float64(value),
        None => column.push_null(),
    }
}

pub(super) fn push_count(column: &mut ColumnBuilder, count: u64) {
    column.push_int(i64::try_from(count).unwrap_or(i64::MAX));
}
