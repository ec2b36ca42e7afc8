//! Material: the images of a training with their classes and sides, from the table that `split` makes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::id::ContentId;
use crate::step::{Finding, Job, StepError};
use crate::table::Table;
use crate::train::{Set, Source};

/// How many examples a finding names.
#[cfg(feature = "tch")]
const EXAMPLES: usize = 5;

/// The words of the column `split`.
pub(super) const TRAINING: &str = "train";
pub(super) const VALIDATION: &str = "validation";
pub(super) const TEST: &str = "test";

/// What is trained on.
#[cfg_attr(not(feature = "tch"), expect(dead_code, reason = "without libtorch it is only counted"))]
pub(super) struct Material {
    /// The classes, in the programme's order: those with images to learn from, and those of the model to start from.
    pub classes: Vec<String>,
    /// Images used, training and validation.
    pub set: Set,
    /// Where they lie.
    pub sources: Vec<Source>,
    /// The row of each in the input.
    pub rows: Vec<u32>,
    /// Identifies images, classes and sides: equal where the same is learned.
    pub id: ContentId,
    /// Images per class and side.
    pub counts: Vec<(String, [u64; 3])>,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

impl Material {
    /// Reads the first input of `job`; `kept` are classes that the model knows already.
    pub fn read(job: &Job<'_>, kept: &[&str]) -> Result<(Self, Table), StepError> {
        let table = job.input(0)?.read(None)?;
        let material = Self::of(&table, job, kept)?;
        Ok((material, table))
    }

    fn of(table: &Table, job: &Job<'_>, kept: &[&str]) -> Result<Self, StepError> {
        let (contents, classes, splits) = (table.require("content")?, table.require("class")?, table.require("split")?);
        let mut counts: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
        let mut findings = Findings::default();
        let mut wanted = Vec::new();
        for row in 0..table.rows {
            let (Some(class), Some(split)) = (classes.text(row), splits.text(row)) else {
                findings.unlabelled += 1;
                continue;
            };
            let side = match split {
                TRAINING => 0,
                VALIDATION => 1,
                TEST => 2,
                other => {
                    let words = format!("column `split` holds `{other}`: expected `train`, `validation` or `test`");
                    return Err(StepError::Data(words));
                }
            };
            if job.context.classes.class(class).is_none() {
                findings.foreign(class);
                continue;
            }
            counts.entry(class).or_default()[side] += 1;
            if let (Some(content), true) = (contents.content(row), side < 2) {
                wanted.push((row, class, side, content));
            }
        }
        let is_learned = |name: &&str| counts.get(name).is_some_and(|sides| sides[0] > 0);
        let known: Vec<&str> = job.context.classes.names().filter(|name| is_learned(name) || kept.contains(name)).collect();
        findings.kept = known.iter().filter(|name| !is_learned(name)).map(|name| (*name).to_owned()).collect();
        if known.iter().filter(|name| is_learned(name)).count() < 2 {
            let known: Vec<&str> = known.into_iter().filter(is_learned).collect();
            let found = if known.is_empty() { "none".to_owned() } else { format!("`{}` alone", known.join("`, `")) };
            let words = "a network needs images of at least two classes to learn from";
            return Err(StepError::Data(format!("{words}; the rows whose `split` is `train` have {found}")));
        }
        let place: BTreeMap<&str, u32> = (0..).zip(&known).map(|(place, class)| (*class, place)).collect();
        let mut set = Set { labels: Vec::new(), classes: known.len(), training: Vec::new(), validation: Vec::new() };
        let (mut sources, mut rows) = (Vec::new(), Vec::new());
        let mut identity = blake3::Hasher::new();
        for (row, class, side, content) in wanted {
            let Some(label) = place.get(class) else {
                findings.unlearned(class);
                continue;
            };
            let image = u32::try_from(sources.len()).map_err(|_| StepError::Data("more than 4 billion images".into()))?;
            let sides = if side == 0 { &mut set.training } else { &mut set.validation };
            sides.push(image);
            set.labels.push(*label);
            sources.push(Source { path: locate(table, row, job)?, content });
            rows.push(u32::try_from(row).unwrap_or(u32::MAX));
            identity.update(content.bytes());
            identity.update(&[u8::from(side == 0)]);
            identity.update(&label.to_le_bytes());
        }
        for class in &known {
            identity.update(class.as_bytes());
            identity.update(&[0]);
        }
        let counts = job.context.classes.names().filter_map(|name| Some((name.to_owned(), *counts.get(name)?))).collect();
        Ok(Self {
            classes: known.into_iter().map(str::to_owned).collect(),
            set,
            sources,
            rows,
            id: ContentId(*identity.finalize().as_bytes()),
            counts,
            findings: findings.list(),
        })
    }

    /// Leaves out images that cannot be read; the others keep their numbers.
    #[cfg(feature = "tch")]
    pub fn leave_out(&mut self, unusable: &[crate::train::Unusable], table: &Table) -> Result<(), StepError> {
        let is_usable = |image: &u32| unusable.binary_search_by_key(image, |one| one.image).is_err();
        self.set.training.retain(is_usable);
        self.set.validation.retain(is_usable);
        let paths = table.require("path")?;
        let example = |one: &crate::train::Unusable| {
            let row = self.rows[one.image as usize] as usize;
            format!("{}: {}", paths.text(row).unwrap_or_default(), one.reason)
        };
        let examples = unusable.iter().take(EXAMPLES).map(example).collect();
        let words = "images cannot be read and were left out";
        self.findings.extend(Finding::counted("unreadable", unusable.len() as u64, words, examples));
        if self.set.training.is_empty() {
            return Err(StepError::Data("none of the images to learn from can be read".into()));
        }
        Ok(())
    }
}

fn locate(table: &Table, row: usize, job: &Job<'_>) -> Result<PathBuf, StepError> {
    let (root, path) = (table.require("root")?.text(row), table.require("path")?.text(row));
    let (root, path) = (root.unwrap_or_default(), path.unwrap_or_default());
    (job.locate)(root, path).ok_or_else(|| {
        StepError::Data(format!(
            "`{path}` cannot be read: its root `{root}` is not there; plug the disk in, or see `trapline.local.yaml`"
        ))
    })
}

#[derive(Default)]
struct Findings {
    unlabelled: u64,
    foreign: BTreeMap<String, u64>,
    unlearned: BTreeMap<String, u64>,
    /// Classes of the model to start from without an image to learn from.
    kept: Vec<String>,
}

impl Findings {
    fn foreign(&mut self, class: &str) {
        *self.foreign.entry(class.to_owned()).or_default() += 1;
    }

    fn unlearned(&mut self, class: &str) {
        *self.unlearned.entry(class.to_owned()).or_default() += 1;
    }

    fn list(self) -> Vec<Finding> {
        let unlabelled = "rows have no class or no side and were left out";
        let foreign = "images show what is not a class of the programme and were left out; declare it to have it learned";
        let kept = "classes that the model to start from knows have no image to learn from: it may come to forget them";
        let unlearned = "validation images are of classes without an image to learn from; they judge nothing";
        [
            Finding::counted("unlabelled", self.unlabelled, unlabelled, Vec::new()),
            Finding::grouped("foreign_class", &self.foreign, foreign),
            Finding::counted("class_not_shown", self.kept.len() as u64, kept, self.kept.clone()),
            Finding::grouped("class_not_learned", &self.unlearned, unlearned),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
