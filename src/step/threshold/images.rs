//! The predictions and the checked images as numbers: confidence, class, group.

use std::collections::BTreeMap;

use super::curve::{cell, cut};
use super::estimate::{Cell, Estimate, estimate};
use super::in_force::Chosen;
use super::rules::{Asked, BELOW, UNCLASSIFIED};
use super::{NEAR, Threshold};
use crate::step::sample::bins::confidence;
use crate::step::{Finding, StepError, label_type};
use crate::table::{Column, Groups, Table, TableError};

/// The predictions.
pub(super) struct Images<'a> {
    pub label: &'a Column,
    /// What is compared; `None` where the image has no label or no value.
    pub values: Vec<Option<f32>>,
    /// The group of each row.
    pub groups: Groups,
}

impl<'a> Images<'a> {
    pub fn of(table: &'a Table, step: &Threshold, strata: &[&str]) -> Result<Self, TableError> {
        let (label, value) = (table.require("label")?, table.require(&step.on)?);
        let values = (0..table.rows).map(|row| confidence(value, row).filter(|_| !label.is_null(row))).collect();
        Ok(Self { label, values, groups: Groups::of(table, strata)? })
    }

    /// Classes by the codes of the labels.
    pub fn classes(&self) -> Vec<&'a str> {
        self.label.texts().collect()
    }

    /// Every classified image: its row, class, group and confidence.
    pub fn classified(&self) -> impl Iterator<Item = (usize, usize, u32, f32)> {
        let row =
            |(row, value): (usize, &Option<f32>)| Some((row, self.label.code(row)? as usize, self.groups.of_row[row], (*value)?));
        self.values.iter().enumerate().filter_map(row)
    }

    /// Marks what is below its threshold or not classified. Gives the number of images so near to their threshold that another
    /// machine may decide otherwise.
    pub fn decide(&self, chosen: &Chosen, asked: &mut [Asked]) -> u64 {
        let mut near = 0;
        let cuts = self.cuts(chosen);
        for (row, (value, asked)) in self.values.iter().zip(asked).enumerate() {
            let Some((value, code)) = value.zip(self.label.code(row)) else {
                *asked |= UNCLASSIFIED;
                continue;
            };
            match cuts[code as usize] {
                Some(cut) => {
                    near += u64::from((value - cut).abs() < NEAR);
                    *asked |= if value >= cut { 0 } else { BELOW };
                }
                None => *asked |= BELOW,
            }
        }
        near
    }

    /// The accuracy of the images at or above the thresholds of their classes.
    pub fn above(&self, chosen: &Chosen, checked: &Checked, step: &Threshold) -> Option<Estimate> {
        let cuts = self.cuts(chosen);
        let mut cells = vec![Cell::default(); self.groups.len() * step.bins.len()];
        let is_above = |class: usize, value: f32| cuts[class].is_some_and(|cut| value >= cut);
        for (_, class, group, value) in self.classified() {
            cells[cell(group, &step.bins, value)].images += u64::from(is_above(class, value));
        }
        for one in &checked.rows {
            // Where every class has the same threshold, a checked image of another class says as much.
            let counts = match one.class {
                Some(class) => is_above(class, one.value),
                None => chosen.per_class.is_empty() && chosen.for_all.is_some_and(|value| one.value >= cut(value)),
            };
            let cell = &mut cells[cell(one.group, &step.bins, one.value)];
            cell.checked += u64::from(counts);
            cell.right += u64::from(counts && one.right);
        }
        estimate(&cells, step.bins.len(), step.z)
    }

    /// The threshold of each class, by code, as confidences are stored.
    fn cuts(&self, chosen: &Chosen) -> Vec<Option<f32>> {
        self.label.texts().map(|class| chosen.of(class).map(cut)).collect()
    }
}

/// Images that people checked.
pub(super) struct Checked {
    pub rows: Vec<One>,
}

/// A checked image.
pub(super) struct One {
    pub value: f32,
    pub group: u32,
    /// The code of its predicted class among the predictions.
    pub class: Option<usize>,
    pub right: bool,
}

impl Checked {
    /// Those of the random and the confidence samples.
    pub fn of(
        quality: &Table,
        images: &Images<'_>,
        step: &Threshold,
        strata: &[&str],
        findings: &mut Vec<Finding>,
    ) -> Result<Self, StepError> {
        let (types, right, value) = (quality.require("type")?, quality.require("correct")?, quality.require(&step.on)?);
        let drawn: Vec<bool> = types.texts().map(is_sample).collect();
        let codes: BTreeMap<&str, usize> = images.label.texts().enumerate().map(|(code, class)| (class, code)).collect();
        let label = quality.column("label");
        let classes: Vec<Option<usize>> =
            label.into_iter().flat_map(|label| label.texts()).map(|class| codes.get(class).copied()).collect();
        let theirs = Groups::of(quality, strata)?;
        let ours: BTreeMap<String, u32> =
            (0..).zip(0..images.groups.len()).map(|(at, group)| (images.groups.words(group), at)).collect();
        let places: Vec<Option<u32>> = (0..theirs.len()).map(|group| ours.get(&theirs.words(group)).copied()).collect();
        let mut rows = Vec::new();
        let mut elsewhere = 0_u64;
        for row in 0..quality.rows {
            let Some(((value, right), ty)) = confidence(value, row).zip(right.bool(row)).zip(types.code(row)) else { continue };
            if !drawn[ty as usize] {
                continue;
            }
            let Some(group) = places[theirs.of_row[row] as usize] else {
                elsewhere += 1;
                continue;
            };
            let class = label.and_then(|label| label.code(row)).and_then(|code| classes[code as usize]);
            rows.push(One { value, group, class, right });
        }
        if elsewhere > 0 {
            let message = format!("{elsewhere} checked images belong to groups without predictions, and say nothing here");
            findings.push(Finding { kind: "checked_elsewhere".into(), message, count: elsewhere, examples: Vec::new() });
        }
        if rows.is_empty() {
            let message = "no checked image is of a random or confidence sample: the accuracy cannot be estimated".to_owned();
            findings.push(Finding { kind: "nothing_checked".into(), message, count: 0, examples: Vec::new() });
        }
        Ok(Self { rows })
    }
}

fn is_sample(types: &str) -> bool {
    label_type::holds(types, label_type::RANDOM) || label_type::holds(types, label_type::CONFIDENCE)
}
