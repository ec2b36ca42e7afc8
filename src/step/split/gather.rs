//! Which images are parted: the rows of all inputs with their class, less those that cannot or must not be trained with.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::{EXAMPLES, Split};
use crate::event;
use crate::observation::{ITEM, Key, words};
use crate::stats::interval::number;
use crate::step::{Finding, Job, StepError};
use crate::table::{ColumnBuilder, Schema, Table, Type};
use crate::taxonomy::UNKNOWN;

/// The images that stay.
pub(super) struct Gathered {
    pub table: Table,
    pub findings: Vec<Finding>,
    pub metrics: BTreeMap<&'static str, f64>,
}

/// The columns of all inputs, as far as they agree on their types, then `class`.
pub(super) fn union(schemas: &[&Schema]) -> Schema {
    let mut union = Schema::default();
    for field in schemas.iter().flat_map(|schema| &schema.fields) {
        let agree = schemas.iter().filter_map(|schema| schema.field(&field.name)).all(|other| other.ty == field.ty);
        if agree && union.field(&field.name).is_none() {
            union.set(&field.name, field.ty);
        }
    }
    union.set("class", Type::Text);
    union
}

/// Why an image is left out, in the order in which the reasons are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    NoContent,
    NoPath,
    Contradicting,
    NoClass,
    Ambiguous,
    UnknownClass,
    Repeated,
    Excluded,
}

impl Reason {
    const ALL: [Self; 8] = [
        Self::NoContent,
        Self::NoPath,
        Self::Contradicting,
        Self::NoClass,
        Self::Ambiguous,
        Self::UnknownClass,
        Self::Repeated,
        Self::Excluded,
    ];

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NoContent => ("without_content", "rows are left out: no content says which image they are"),
            Self::NoPath => (
                "without_path",
                "labels are left out: no path says where their images lie, as where a `review` does not ask about them any more; take \
                 all images as `images`, and these as `labels`",
            ),
            Self::Contradicting => {
                ("contradicting", "images are left out: the inputs name different classes; correct one of the labels")
            }
            Self::NoClass => ("without_class", "images are left out: nobody says what they show"),
            Self::Ambiguous => ("ambiguous", "images are left out: their class is one of `ambiguous`, or `unknown`"),
            Self::UnknownClass => (
                "unknown_class",
                "images are left out: the programme declares no such class; declare it, or name it in `ambiguous`",
            ),
            Self::Repeated => ("repeated", "rows are left out: their bytes occur more than once, and one row stands for all"),
            Self::Excluded => ("excluded", "images are left out: `exclude` holds an image of their trigger event"),
        }
    }
}

/// Reads the inputs and leaves out what does not belong.
pub(super) fn gather(step: &Split, job: &Job<'_>) -> Result<Gathered, StepError> {
    let port = |at: usize| job.inputs.get(at).map_or(&[][..], Vec::as_slice);
    let read = |at: usize| port(at).iter().map(|table| table.read(None)).collect::<Result<Vec<_>, _>>();
    let schemas: Vec<&Schema> = port(0).iter().map(|table| table.schema()).collect();
    let schema = union(&schemas);
    let parts: Vec<Table> = read(0)?.iter().map(|table| table.conform(&schema)).collect::<Result<_, _>>()?;
    let all = Table::concat(&parts)?;
    let (labels, exclude) = (read(1)?, read(2)?);
    let labelled = Labelled::of(&all, &labels)?;
    job.cancel.check()?;
    let mut reasons = labelled.reasons(&all, step, job)?;
    let touched = event::touched(&all, &exclude, step.gap_s)?;
    for (reason, touched) in reasons.iter_mut().zip(&touched.rows) {
        if *touched {
            reason.get_or_insert(Reason::Excluded);
        }
    }
    job.cancel.check()?;
    let mut findings = findings(&all, &reasons, &labelled);
    let said = "labels belong to none of the images";
    findings.extend(Finding::counted("unmatched_labels", labelled.unmatched, said, Vec::new()));
    let said = "images of `exclude` are not among the images, and have no column that ties them to an event: their events may have \
                stayed; take samples that carry `datetime_raw` and `event`";
    findings.extend(Finding::counted("exclude_without_event", touched.loose, said, Vec::new()));
    let kept: Vec<u32> = (0..).zip(&reasons).filter(|(_, reason)| reason.is_none()).map(|(row, _)| row).collect();
    let mut classes = ColumnBuilder::with_capacity(Type::Text, kept.len());
    for row in &kept {
        classes.push_optional_text(labelled.classes[*row as usize].text());
    }
    let table = all.take(&kept).with_column("class", Arc::new(classes.finish()?))?;
    let excluded = reasons.iter().filter(|reason| **reason == Some(Reason::Excluded)).count();
    let asked = |reason: &&Option<Reason>| reason.is_some() && !(labelled.apart && **reason == Some(Reason::NoClass));
    let left_out = reasons.iter().filter(asked).count();
    let metrics = [("left_out", number(left_out as u64)), ("excluded", number(excluded as u64))].into_iter().collect();
    Ok(Gathered { table, findings, metrics })
}

/// What an image shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class<'a> {
    Missing,
    Named(&'a str),
    /// Several are named.
    Several,
}

impl<'a> Class<'a> {
    fn of(text: Option<&'a str>) -> Self {
        text.map_or(Self::Missing, Self::Named)
    }

    fn text(self) -> Option<&'a str> {
        match self {
            Self::Named(text) => Some(text),
            _ => None,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Missing, class) | (class, Self::Missing) => class,
            (one, other) if one == other => one,
            _ => Self::Several,
        }
    }
}

/// Gives `rows` of `labels` to the images with their keys, and says which rows belong to none.
fn join<'a>(key: &Key, all: &Table, labels: &'a Table, rows: &[usize], given: &mut [Class<'a>]) -> Result<Vec<usize>, StepError> {
    let classes = labels.require("class")?;
    let keys = key.of(labels)?.rows;
    let mut by_key: HashMap<u128, Class<'a>> = HashMap::with_capacity(rows.len());
    for row in rows {
        if let Some(key) = keys[*row] {
            let held = by_key.entry(key).or_insert(Class::Missing);
            *held = held.and(Class::of(classes.text(*row)));
        }
    }
    let mut met = HashSet::with_capacity(by_key.len());
    for (class, key) in given.iter_mut().zip(key.of(all)?.rows) {
        if let Some((key, label)) = key.and_then(|key| Some((key, by_key.get(&key)?))) {
            *class = class.and(*label);
            met.insert(key);
        }
    }
    Ok(rows.iter().copied().filter(|row| keys[*row].is_none_or(|key| !met.contains(&key))).collect())
}

/// The class of each row.
struct Labelled<'a> {
    classes: Vec<Class<'a>>,
    /// Labels come through a port of their own: images without one are those that nobody asked about.
    apart: bool,
    /// Labels of no image.
    unmatched: u64,
}

impl<'a> Labelled<'a> {
    /// Labels count before the images' own classes.
    fn of(all: &'a Table, labels: &'a [Table]) -> Result<Self, StepError> {
        let mut given: Vec<Class<'a>> = vec![Class::Missing; all.rows];
        let mut unmatched = 0;
        for table in labels {
            let mut key = Key::shared(&[&all.schema, &table.schema]).ok_or_else(|| {
                StepError::Data("images and labels have no column in common that says which image it is".into())
            })?;
            key.columns.retain(|name| *name != ITEM);
            // A label may say which image it is about, and not where it was taken.
            let content = (key.identity() == "content").then(|| Key { columns: vec!["content"] });
            let mut rest: Vec<usize> = (0..table.rows).collect();
            for key in [key].into_iter().chain(content) {
                rest = join(&key, all, table, &rest, &mut given)?;
            }
            unmatched += rest.len() as u64;
        }
        let own = all.require("class")?;
        for (row, class) in given.iter_mut().enumerate() {
            if *class == Class::Missing {
                *class = Class::of(own.text(row));
            }
        }
        Ok(Self { classes: given, apart: !labels.is_empty(), unmatched })
    }

    /// Why each row is left out.
    fn reasons(&self, all: &Table, step: &Split, job: &Job<'_>) -> Result<Vec<Option<Reason>>, StepError> {
        let taxonomy = job.context.classes;
        let (ambiguous, declared) = (&step.ambiguous, |name: &str| taxonomy.classes.is_empty() || taxonomy.class(name).is_some());
        // Few classes, many rows: each class is looked up once.
        let mut known: HashMap<&str, Option<Reason>> = HashMap::new();
        let judge = |name: &str| {
            // An image in which nobody can tell what there is teaches nothing.
            let is_unknown = name == UNKNOWN && taxonomy.class(UNKNOWN).is_none();
            if is_unknown || ambiguous.iter().any(|other| other == name) {
                Some(Reason::Ambiguous)
            } else {
                (!declared(name)).then_some(Reason::UnknownClass)
            }
        };
        let (content, path) = (all.require("content")?, all.require("path")?);
        let mut reasons = Vec::with_capacity(all.rows);
        for (row, class) in self.classes.iter().enumerate() {
            reasons.push(match class {
                _ if content.is_null(row) => Some(Reason::NoContent),
                _ if path.is_null(row) => Some(Reason::NoPath),
                Class::Several => Some(Reason::Contradicting),
                Class::Missing => Some(Reason::NoClass),
                Class::Named(name) => *known.entry(name).or_insert_with(|| judge(name)),
            });
        }
        self.leave_one(all, &mut reasons)?;
        Ok(reasons)
    }

    /// Bytes that occur in several rows stay once, and not at all where they have several classes.
    fn leave_one(&self, all: &Table, reasons: &mut [Option<Reason>]) -> Result<(), StepError> {
        let content = all.require("content")?;
        let id = |row: u32| content.content(row as usize).map(|id| id.0);
        let mut rows: Vec<u32> = (0..u32::try_from(all.rows).unwrap_or(u32::MAX)).filter(|row| id(*row).is_some()).collect();
        rows.sort_unstable_by_key(|row| (id(*row), *row));
        for same in rows.chunk_by(|a, b| id(*a) == id(*b)).filter(|same| same.len() > 1) {
            let class = same.iter().fold(Class::Missing, |class, row| class.and(self.classes[*row as usize]));
            let labelled = |row: &&u32| reasons[**row as usize].is_none();
            // The order of inputs and rows is nobody's statement: the first place and path stays.
            let place = |row: &&u32| ["site", "season", "path"].map(|name| all.cell(**row as usize, name).to_string());
            let stays = same.iter().filter(labelled).min_by_key(place).copied();
            for row in same {
                let reason = &mut reasons[*row as usize];
                match class {
                    Class::Several => *reason = Some(Reason::Contradicting),
                    _ if Some(*row) != stays => *reason = Some(Reason::Repeated),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn findings(all: &Table, reasons: &[Option<Reason>], labelled: &Labelled<'_>) -> Vec<Finding> {
    let mut counts: BTreeMap<Reason, (u64, Vec<String>)> = BTreeMap::new();
    let mut unknown: BTreeMap<&str, u64> = BTreeMap::new();
    for (row, reason) in reasons.iter().enumerate() {
        let Some(reason) = reason else { continue };
        let (count, examples) = counts.entry(*reason).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(words(all, row));
        }
        if *reason == Reason::UnknownClass {
            *unknown.entry(labelled.classes[row].text().unwrap_or_default()).or_default() += 1;
        }
    }
    let finding = |reason: Reason| {
        let (count, mut examples) = counts.remove(&reason).filter(|_| reason != Reason::NoClass || !labelled.apart)?;
        if reason == Reason::UnknownClass {
            examples = unknown.iter().take(EXAMPLES).map(|(class, count)| format!("`{class}` ({count} images)")).collect();
        }
        let (kind, said) = reason.words();
        Finding::counted(kind, count, said, examples)
    };
    Reason::ALL.into_iter().filter_map(finding).collect()
}
