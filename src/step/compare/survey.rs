//! Images on which both models are compared, counted by group, sampling group and class.

use std::collections::{BTreeMap, BTreeSet};

use super::Compare;
use super::matched::Matched;
use crate::observation::words;
use crate::stats::combine::Estimate;
use crate::stats::interval::{number, score};
use crate::stats::metrics::Part;
use crate::stats::paired::{Pairs, difference};
use crate::stats::pooled::pooled;
use crate::step::evaluate::labels::{Answers, Noted, RANDOM};
use crate::step::{Context, StepError};
use crate::table::{Cell, Groups, Table};

/// Each image stands for so many to come, of which no sample is a large part.
const VERY_MANY: u64 = 1_000_000_000;

/// Counts that fit into memory and that a person can look at.
const MOST_COUNTS: usize = 50_000_000;

/// All counts.
pub(super) struct Survey {
    /// All classes, in the order in which they are shown.
    pub classes: Vec<String>,
    /// All images, then the groups of `by` in the order of their values, where there are any.
    pub groups: Vec<Group>,
    /// Checked images that were used in training.
    pub leaked: Noted,
    /// Checked images that a model could not classify.
    pub unclassified: Noted,
    /// Checked images that the model in use did not classify.
    pub unpaired: Noted,
    /// Labels of samples other than the random one.
    pub other_samples: u64,
}

/// A reported group.
pub(super) struct Group {
    /// Its values; all missing for all images.
    pub key: Vec<Cell>,
    /// In words; empty for all images.
    pub words: String,
    /// The sampling groups in it.
    pub cells: Vec<Counts>,
}

/// Counts of one sampling group.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// Images that both models classified and none was trained on.
    pub images: u64,
    /// Checked images that were left out because of training.
    pub leaked: u64,
    /// Compared images.
    pub pairs: Pairs,
    /// By place in [`Survey::classes`].
    pub classes: BTreeMap<usize, ClassCounts>,
}

/// Compared images of one class.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ClassCounts {
    /// Those that people say are of the class.
    pub pairs: Pairs,
    /// Those that the candidate calls so, and rightly.
    pub candidate: (u64, u64),
    /// Those that the model in use calls so, and rightly.
    pub current: (u64, u64),
}

impl ClassCounts {
    fn add(&mut self, other: &Self) {
        let sum = |a: (u64, u64), b: (u64, u64)| (a.0 + b.0, a.1 + b.1);
        self.pairs = plus(self.pairs, other.pairs);
        self.candidate = sum(self.candidate, other.candidate);
        self.current = sum(self.current, other.current);
    }
}

fn plus(a: Pairs, b: Pairs) -> Pairs {
    Pairs { both: a.both + b.both, first: a.first + b.first, second: a.second + b.second, neither: a.neither + b.neither }
}

/// What the counts of a group say.
pub(super) struct Judged {
    pub candidate: Option<Estimate>,
    pub current: Option<Estimate>,
    pub gain: Option<Estimate>,
    /// Counts and difference in recall, by class.
    pub classes: BTreeMap<usize, (ClassCounts, Option<Estimate>)>,
    /// For shares of single classes.
    pub z: f64,
}

impl Survey {
    /// Counts the images; the columns of `strata` begin with those of the reported groups.
    pub fn of(
        step: &Compare,
        context: &Context<'_>,
        matched: &Matched<'_>,
        answers: &Answers<'_>,
        strata: &[&str],
    ) -> Result<Self, StepError> {
        let table = matched.candidate;
        let classes = classes(context, matched, answers)?;
        let cells = Groups::of(table, strata)?;
        if cells.len().saturating_mul(classes.len()) > MOST_COUNTS {
            return Err(StepError::Data(format!(
                "`by` and the groups of the samples make {} groups of {} classes: group by columns with few values, such as `season`",
                cells.len(),
                classes.len()
            )));
        }
        let mut counts = vec![Counts::default(); cells.len()];
        for row in 0..table.rows {
            if matched.labels(row).is_some() && !matched.trained[row] {
                counts[cells.of_row[row] as usize].images += 1;
            }
        }
        let mut survey = Self {
            classes,
            groups: Vec::new(),
            leaked: Noted::default(),
            unclassified: Noted::default(),
            unpaired: Noted::default(),
            other_samples: 0,
        };
        survey.count(matched, answers, &cells, &mut counts)?;
        survey.groups = reported(step.by.len(), &cells, counts);
        Ok(survey)
    }

    fn count(
        &mut self,
        matched: &Matched<'_>,
        answers: &Answers<'_>,
        cells: &Groups,
        counts: &mut [Counts],
    ) -> Result<(), StepError> {
        let table = matched.candidate;
        let (candidate, current) = (places(table, &self.classes)?, places(matched.current, &self.classes)?);
        let names: BTreeMap<&str, usize> = self.classes.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        for (row, answer) in &answers.by_row {
            let row = *row as usize;
            let cell = &mut counts[cells.of_row[row] as usize];
            if answer.samples & RANDOM == 0 {
                self.other_samples += 1;
            } else if matched.rows[row].is_none() {
                self.unpaired.add(|| words(table, row));
            } else if matched.trained[row] {
                cell.leaked += 1;
                self.leaked.add(|| words(table, row));
            } else if let (Some((one, other)), Some(manual)) = (matched.labels(row), names.get(answer.class)) {
                cell.compare(candidate[one as usize], current[other as usize], *manual);
            } else {
                self.unclassified.add(|| words(table, row));
            }
        }
        Ok(())
    }

    /// What the counts say, by group.
    pub fn judge(&self, z: f64) -> Vec<Judged> {
        self.groups.iter().map(|group| group.judge(z)).collect()
    }
}

impl Counts {
    fn compare(&mut self, candidate: usize, current: usize, manual: usize) {
        let (first, second) = (candidate == manual, current == manual);
        self.pairs.count(first, second);
        self.classes.entry(manual).or_default().pairs.count(first, second);
        let called = |counts: &mut (u64, u64), right: bool| *counts = (counts.0 + 1, counts.1 + u64::from(right));
        called(&mut self.classes.entry(candidate).or_default().candidate, first);
        called(&mut self.classes.entry(current).or_default().current, second);
    }
}

impl Group {
    /// Sums over the sampling groups.
    pub fn sum(&self, of: impl Fn(&Counts) -> u64) -> u64 {
        self.cells.iter().map(of).sum()
    }

    /// All compared images.
    pub fn pairs(&self) -> Pairs {
        self.cells.iter().fold(Pairs::default(), |sum, cell| plus(sum, cell.pairs))
    }

    /// Sampling groups without a compared image, where others have some.
    pub fn without(&self) -> usize {
        let without = self.cells.iter().filter(|cell| cell.images > 0 && cell.pairs.images() == 0).count();
        if self.pairs().images() > 0 { without } else { 0 }
    }

    fn judge(&self, z: f64) -> Judged {
        let strata: Vec<(u64, Pairs)> = self.cells.iter().map(|cell| (cell.images, cell.pairs)).collect();
        let mut classes: BTreeMap<usize, ClassCounts> = BTreeMap::new();
        for (at, counts) in self.cells.iter().flat_map(|cell| &cell.classes) {
            classes.entry(*at).or_default().add(counts);
        }
        Judged {
            candidate: accuracy(&strata, |pairs| pairs.both + pairs.first, z),
            current: accuracy(&strata, |pairs| pairs.both + pairs.second, z),
            gain: difference(&strata, z),
            classes: classes.into_iter().map(|(at, counts)| (at, (counts, counts.pairs.difference(z)))).collect(),
            z,
        }
    }
}

/// The share of right labels over the sampling groups. The question is about images to come: a large sample of few images is not taken
/// for the whole of them.
fn accuracy(strata: &[(u64, Pairs)], right: impl Fn(Pairs) -> u64, z: f64) -> Option<Estimate> {
    let part = |(size, pairs): &(u64, Pairs)| {
        let many = VERY_MANY.saturating_mul(*size);
        (number(many), Part { size: many, checked: pairs.images(), hits: right(*pairs) })
    };
    let parts: Vec<(f64, Part)> = strata.iter().map(part).collect();
    let found = pooled(&parts)?;
    let bounds = found.bounds(|p, n| score(p, n, z));
    Some(Estimate { value: found.share, lower: bounds.lower, upper: bounds.upper })
}

/// All classes: the programme's as declared, then those that a model or a person names, by name.
fn classes(context: &Context<'_>, matched: &Matched<'_>, answers: &Answers<'_>) -> Result<Vec<String>, StepError> {
    let declared: Vec<&str> = context.classes.names().collect();
    let named = matched.candidate.require("label")?.texts().chain(matched.current.require("label")?.texts());
    let others: BTreeSet<&str> = named.chain(answers.by_row.values().map(|answer| answer.class)).collect();
    let others = others.into_iter().filter(|name| !declared.contains(name));
    Ok(declared.iter().copied().chain(others).map(str::to_owned).collect())
}

/// The place of each label in `classes`, by code.
fn places(table: &Table, classes: &[String]) -> Result<Vec<usize>, StepError> {
    let place = |text: &str| classes.iter().position(|class| class == text).unwrap_or(classes.len());
    Ok(table.require("label")?.texts().map(place).collect())
}

/// All images, then the sampling groups under the groups to report, which their first `columns` columns make.
fn reported(columns: usize, cells: &Groups, counts: Vec<Counts>) -> Vec<Group> {
    let all = Group { key: vec![Cell::Null; columns], words: String::new(), cells: counts.clone() };
    let mut groups = vec![all];
    if columns == 0 {
        return groups;
    }
    for (key, counts) in cells.keys.iter().zip(counts) {
        match groups.last_mut() {
            Some(group) if !group.words.is_empty() && group.key[..] == key[..columns] => group.cells.push(counts),
            _ => {
                let key = key[..columns].to_vec();
                let one = Groups { columns: cells.columns[..columns].to_vec(), keys: vec![key.clone()], of_row: Vec::new() };
                groups.push(Group { words: one.words(0), key, cells: vec![counts] });
            }
        }
    }
    groups
}
