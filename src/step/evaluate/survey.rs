//! Images and checked images, counted by group, sampling group, class and bin.

use std::collections::BTreeSet;

use super::Evaluate;
use super::cutoffs::STOOD;
use super::labels::{Answers, CLASS, CLASS_PREFIX, CONFIDENCE, RANDOM};
use crate::stats::bins::{bin_of, uppers};
use crate::stats::combine::Estimate;
use crate::stats::metrics::{Part, Quality, Stratum, assess, proportion};
use crate::stats::prevalence;
use crate::step::{Job, StepError};
use crate::table::{Cell, Groups, Schema, Table, Type};

/// Rows between two looks at whether to stop.
const ROWS_PER_CHECK: usize = 65_536;

/// Counts that fit into memory and that a person can look at.
const MOST_COUNTS: usize = 50_000_000;

/// All counts.
pub(super) struct Survey {
    /// All classes, by name: figures do not depend on the order in which classes are shown.
    pub classes: Vec<String>,
    /// Places in `classes`, in the order in which they are shown.
    pub shown: Vec<usize>,
    /// The reported groups, in the order of their values.
    pub groups: Vec<Group>,
    pub bins: u32,
    /// The share that each class has in every group, where it was given; none where the predictions say what labels stand for.
    pub prevalence: Option<Vec<Option<f64>>>,
}

/// A reported group.
pub(super) struct Group {
    /// Its values.
    pub key: Vec<Cell>,
    /// In words; empty where there are no groups.
    pub words: String,
    /// The sampling groups in it.
    pub cells: Vec<Counts>,
}

/// Counts of one sampling group.
pub(super) struct Counts {
    pub unclassified: u64,
    /// One per class.
    pub strata: Vec<Stratum>,
    /// The random sample.
    pub random: Part,
    /// One per bin.
    pub bins: Vec<Part>,
    /// Checked images that the model could not classify.
    pub checked_unclassified: u64,
}

/// What the counts of a group say.
pub(super) struct Assessed {
    pub quality: Quality,
    pub random: Option<Estimate>,
    /// Counts and accuracy of each bin.
    pub bins: Vec<(Part, Option<Estimate>)>,
}

impl Survey {
    /// Counts the rows of `predictions`, the columns that `step` needs of the first input. The columns of `strata` begin with those of
    /// the reported groups.
    pub fn of(
        step: &Evaluate,
        job: &Job<'_>,
        predictions: &Table,
        answers: &Answers<'_>,
        strata: &[&str],
    ) -> Result<Self, StepError> {
        let (classes, shown) = classes(&step.classes(job.context), job.input(0)?.schema(), predictions, answers)?;
        let mut columns = strata.to_vec();
        if predictions.column(STOOD).is_some() {
            // A class is a simple random sample of the images that were labelled so when they were drawn, not of those called so now.
            columns.push(STOOD);
        }
        let cells = Groups::of(predictions, &columns)?;
        if cells.len().saturating_mul(classes.len() * classes.len()) > MOST_COUNTS {
            return Err(StepError::Data(format!(
                "`by` and the groups of the samples make {} groups of {} classes: group by columns with few values, such as `season`",
                cells.len(),
                classes.len()
            )));
        }
        let mut counts: Vec<Counts> = (0..cells.len()).map(|_| Counts::new(classes.len(), step.bins)).collect();
        let rows = Rows::of(predictions, &classes, step.bins)?;
        for row in 0..predictions.rows {
            if row % ROWS_PER_CHECK == 0 {
                job.cancel.check()?;
            }
            counts[cells.of_row[row] as usize].add(rows.class(row), rows.bin(row));
        }
        for (row, answer) in &answers.by_row {
            let row = *row as usize;
            // Every class of an answer is among `classes`.
            let Ok(manual) = classes.binary_search_by(|class| class.as_str().cmp(answer.class)) else { continue };
            let counted = if step.prevalence.is_empty() { RANDOM | CLASS } else { RANDOM };
            counts[cells.of_row[row] as usize].check(rows.class(row), rows.bin(row), manual, answer.samples, counted);
        }
        let share = |class: &String| step.prevalence.iter().find(|(name, _)| name.value == *class).map(|(_, share)| *share);
        let prevalence = (!step.prevalence.is_empty()).then(|| classes.iter().map(share).collect());
        Ok(Self { classes, shown, groups: reported(step.by.len(), cells, counts), bins: step.bins, prevalence })
    }

    /// What the counts say, by group.
    pub fn assess(&self, z: f64) -> Result<Vec<Assessed>, StepError> {
        let assessed = |group: &Group| match &self.prevalence {
            Some(given) => group.assess_at(given, self.bins, z),
            None => Ok(group.assess(self.classes.len(), self.bins, z)),
        };
        self.groups.iter().map(assessed).collect()
    }
}

impl Group {
    fn assess(&self, classes: usize, bins: u32, z: f64) -> Assessed {
        let strata: Vec<Stratum> =
            self.cells.iter().flat_map(|cell| &cell.strata).filter(|stratum| stratum.size > 0).cloned().collect();
        let random: Vec<Part> = self.cells.iter().map(|cell| cell.random).collect();
        let bin = |at: usize| {
            let parts: Vec<Part> = self.cells.iter().map(|cell| cell.bins[at]).collect();
            (sum(&parts), proportion(&parts, z))
        };
        Assessed {
            quality: assess(classes, &strata, z),
            random: proportion(&random, z),
            bins: (0..bins as usize).map(bin).collect(),
        }
    }

    /// The figures where each class has its share, whatever the proportions among the labelled images.
    fn assess_at(&self, given: &[Option<f64>], bins: u32, z: f64) -> Result<Assessed, StepError> {
        let classes = given.len();
        let (mut counts, mut automatic) = (vec![vec![0; classes]; classes], vec![0; classes]);
        for stratum in self.cells.iter().flat_map(|cell| &cell.strata) {
            automatic[stratum.automatic] += stratum.size;
            for (row, count) in counts.iter_mut().zip(&stratum.manual) {
                row[stratum.automatic] += count;
            }
        }
        let checked: Vec<u64> = counts.iter().map(|row: &Vec<u64>| row.iter().sum()).collect();
        let shares = prevalence::shares(given, &checked);
        let none = checked.iter().sum::<u64>() == 0;
        // A group without any label is unassessed; in others each share needs a class.
        let shares = match shares {
            Some(shares) => shares,
            None if none => given.iter().map(|share| share.unwrap_or(0.0)).collect(),
            None => {
                let place = if self.words.is_empty() { String::new() } else { format!("{}: ", self.words) };
                let rest = 100.0 * (1.0 - given.iter().flatten().sum::<f64>());
                return Err(StepError::Data(format!(
                    "{place}`prevalence` leaves {rest:.1} % of the images to other classes, and no random label names one: give all \
                     classes a share, or label images of the others"
                )));
            }
        };
        let quality = prevalence::assess_at(&shares, &counts, &automatic, z);
        // By confidence, and for all of them together, nothing but the shares of the labelled images themselves is known.
        let bin = |at: usize| {
            let parts: Vec<Part> = self.cells.iter().map(|cell| cell.bins[at]).collect();
            (sum(&parts), None)
        };
        let random = quality.accuracy.map(|accuracy| accuracy.estimate);
        Ok(Assessed { quality, random, bins: (0..bins as usize).map(bin).collect() })
    }

    /// The random sample over all sampling groups.
    pub fn random(&self) -> Part {
        let parts: Vec<Part> = self.cells.iter().map(|cell| cell.random).collect();
        sum(&parts)
    }

    /// Sampling groups without a random label, where others have some.
    pub fn without_random(&self) -> usize {
        let without = self.cells.iter().filter(|cell| cell.random.size > 0 && cell.random.checked == 0).count();
        if self.random().checked > 0 { without } else { 0 }
    }
}

fn sum(parts: &[Part]) -> Part {
    parts.iter().fold(Part::default(), |sum, part| Part {
        size: sum.size + part.size,
        checked: sum.checked + part.checked,
        hits: sum.hits + part.hits,
    })
}

impl Counts {
    fn new(classes: usize, bins: u32) -> Self {
        let stratum = |automatic| Stratum { automatic, size: 0, manual: vec![0; classes] };
        Self {
            unclassified: 0,
            strata: (0..classes).map(stratum).collect(),
            random: Part::default(),
            bins: vec![Part::default(); bins as usize],
            checked_unclassified: 0,
        }
    }

    fn add(&mut self, class: Option<usize>, bin: Option<usize>) {
        let Some(class) = class else {
            self.unclassified += 1;
            return;
        };
        self.strata[class].size += 1;
        self.random.size += 1;
        if let Some(bin) = bin {
            self.bins[bin].size += 1;
        }
    }

    fn check(&mut self, class: Option<usize>, bin: Option<usize>, manual: usize, samples: u8, counted: u8) {
        let Some(class) = class else {
            self.checked_unclassified += 1;
            return;
        };
        // Within a predicted class the random sample and the one per class are one simple random sample, within a bin the random
        // sample and the one per bin; no other two are. Within a true class only the random sample is one.
        if samples & counted != 0 {
            self.strata[class].manual[manual] += 1;
        }
        let count = |part: &mut Part| {
            part.checked += 1;
            part.hits += u64::from(class == manual);
        };
        if samples & RANDOM != 0 {
            count(&mut self.random);
        }
        if let Some(bin) = bin.filter(|_| samples & (RANDOM | CONFIDENCE) != 0) {
            count(&mut self.bins[bin]);
        }
    }
}

/// All classes by name, and their places in the order to show: those `asked` for, those of the model, then others by name.
fn classes(
    asked: &[String],
    schema: &Schema,
    predictions: &Table,
    answers: &Answers<'_>,
) -> Result<(Vec<String>, Vec<usize>), StepError> {
    let labels = predictions.require("label")?;
    let confidences = schema.fields.iter().filter(|field| field.ty == Type::Float32);
    let model: Vec<&str> = confidences.filter_map(|field| field.name.strip_prefix(CLASS_PREFIX)).collect();
    let first: Vec<&str> = asked.iter().map(String::as_str).chain(model).collect();
    let answered = answers.by_row.values().map(|answer| answer.class);
    let all: BTreeSet<&str> = first.iter().copied().chain(labels.texts()).chain(answered).collect();
    let place = |name: &&str| first.iter().position(|other| other == name).unwrap_or(first.len());
    let mut shown: Vec<usize> = (0..all.len()).collect();
    let names: Vec<&str> = all.into_iter().collect();
    shown.sort_by_key(|at| place(&names[*at]));
    Ok((names.into_iter().map(str::to_owned).collect(), shown))
}

/// Class and bin of each row.
struct Rows<'a> {
    predictions: &'a Table,
    label: usize,
    confidence: Option<usize>,
    /// Classes by code of the label column.
    by_code: Vec<usize>,
    uppers: Vec<f32>,
}

impl<'a> Rows<'a> {
    fn of(predictions: &'a Table, classes: &[String], bins: u32) -> Result<Self, StepError> {
        let by_code = predictions.require("label")?.texts();
        let by_code = by_code.map(|text| classes.partition_point(|class| class.as_str() < text)).collect();
        let (label, confidence) = (predictions.schema.index("label"), predictions.schema.index("confidence"));
        Ok(Self { predictions, label: label.unwrap_or_default(), confidence, by_code, uppers: uppers(bins) })
    }

    /// `None` for an image that could not be classified.
    fn class(&self, row: usize) -> Option<usize> {
        let code = self.predictions.columns[self.label].code(row)?;
        self.by_code.get(code as usize).copied()
    }

    fn bin(&self, row: usize) -> Option<usize> {
        let confidence = self.predictions.columns[self.confidence?].float32(row)?;
        Some(bin_of(confidence, &self.uppers))
    }
}

/// Puts the sampling groups under the groups to report, which their first `columns` columns make.
fn reported(columns: usize, cells: Groups, counts: Vec<Counts>) -> Vec<Group> {
    let names = cells.columns[..columns].to_vec();
    let mut groups: Vec<Group> = Vec::new();
    for (key, counts) in cells.keys.into_iter().zip(counts) {
        match groups.last_mut() {
            Some(group) if group.key[..] == key[..columns] => group.cells.push(counts),
            _ => {
                let key = key[..columns].to_vec();
                let one = Groups { columns: names.clone(), keys: vec![key.clone()], of_row: Vec::new() };
                groups.push(Group { words: one.words(0), key, cells: vec![counts] });
            }
        }
    }
    groups
}
