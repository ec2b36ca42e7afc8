//! Labels joined to predictions: which images were checked, for which sample, and what was left out.

use std::collections::{BTreeMap, HashMap};

use crate::observation::{ITEM, Index, Key, words};
use crate::step::{StepError, label_type};
use crate::table::{Schema, Table};
use crate::taxonomy::UNKNOWN;

/// The samples that a label counts for, as bits.
pub(in crate::step) const RANDOM: u8 = 1;
pub(super) const CLASS: u8 = 2;
pub(super) const CONFIDENCE: u8 = 4;

const SAMPLES: [(u8, &str); 3] = [(RANDOM, label_type::RANDOM), (CLASS, label_type::CLASS), (CONFIDENCE, label_type::CONFIDENCE)];

/// What a column of class confidences starts with.
pub(super) const CLASS_PREFIX: &str = "p_";

/// How many images a finding names.
const EXAMPLES: usize = 6;

/// Samples in the words of the column `type`.
pub(super) fn types(samples: u8) -> String {
    let names: Vec<&str> = SAMPLES.iter().filter(|(bit, _)| samples & bit != 0).map(|(_, name)| *name).collect();
    names.join("+")
}

fn samples(types: &str) -> u8 {
    SAMPLES.iter().filter(|(_, name)| label_type::holds(types, name)).map(|(bit, _)| bit).sum()
}

/// A count with its first images.
#[derive(Debug, Default)]
pub(in crate::step) struct Noted {
    pub count: u64,
    pub examples: Vec<String>,
}

impl Noted {
    pub fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(example());
        }
    }
}

/// What people say about one image.
#[derive(Debug)]
pub(in crate::step) struct Answer<'a> {
    pub class: &'a str,
    /// Samples that drew it.
    pub samples: u8,
}

/// The labels that count, and why others do not. A label of no image is one whatever sample it is of, as in `merge`.
#[derive(Debug, Default)]
pub(in crate::step) struct Answers<'a> {
    /// By row of the predictions.
    pub by_row: BTreeMap<u32, Answer<'a>>,
    pub unmatched: Noted,
    pub contradicting: Noted,
    pub model_shown: Noted,
    pub without_class: Noted,
    /// Labels of images in which nobody can tell what there is.
    pub undecidable: Noted,
    /// Labels of images that were never to be part of a sample, or not any more.
    pub not_sampled: u64,
}

/// Says whether `unknown` is a class like any other: it is among the `classes` declared, or one of the `models` (all columns, and what was
/// read of them) gives it. Else it says that nobody can tell what there is, which makes no label right or wrong.
pub(in crate::step) fn is_unknown_a_class(classes: &[String], models: &[(&Schema, &Table)]) -> bool {
    let confidence = format!("{CLASS_PREFIX}{UNKNOWN}");
    let gives = |(schema, table): &(&Schema, &Table)| {
        let named = table.column("label").is_some_and(|labels| labels.texts().any(|text| text == UNKNOWN));
        named || schema.field(&confidence).is_some()
    };
    classes.iter().any(|class| class == UNKNOWN) || models.iter().any(gives)
}

/// Joins the labels of all tables to the rows of `predictions`; those of `unknown` images are left out unless it is a class.
pub(in crate::step) fn join<'a>(
    predictions: &Table,
    tables: &'a [Table],
    unknown_is_a_class: bool,
) -> Result<Answers<'a>, StepError> {
    let mut answers = Answers::default();
    let mut contradictions: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    let mut indices: HashMap<Vec<&'static str>, Index> = HashMap::new();
    for table in tables {
        let key = Key::shared(&[&predictions.schema, &table.schema]).ok_or_else(|| {
            StepError::Data("predictions and labels have no column in common that says which image it is".into())
        })?;
        if !indices.contains_key(&key.columns) {
            indices.insert(key.columns.clone(), distinct(&key, predictions, "predictions")?);
        }
        let index = &indices[&key.columns];
        if table.schema.field(ITEM).is_some() {
            // Several rows of an image are several things in it. Without such numbers they are answers about one image: for two
            // samples, or by two people.
            distinct(&key, table, "labels")?;
        }
        let (classes, types) = (table.require("class")?, table.require("type")?);
        for (row, digest) in key.of(table)?.rows.into_iter().enumerate() {
            let Some(image) = index.row(digest) else {
                answers.unmatched.add(|| words(table, row));
                continue;
            };
            let samples = samples(types.text(row).unwrap_or_default());
            if samples == 0 {
                answers.not_sampled += 1;
                continue;
            }
            let Some(class) = classes.text(row) else {
                answers.without_class.add(|| words(table, row));
                continue;
            };
            if table.cell(row, "shown") == crate::table::CellRef::Text("model") {
                answers.model_shown.add(|| words(table, row));
                continue;
            }
            if class == UNKNOWN && !unknown_is_a_class {
                answers.undecidable.add(|| words(table, row));
                continue;
            }
            let answer = answers.by_row.entry(image).or_insert(Answer { class, samples: 0 });
            answer.samples |= samples;
            if answer.class != class {
                let named = contradictions.entry(image).or_insert_with(|| vec![answer.class]);
                if !named.contains(&class) {
                    named.push(class);
                }
            }
        }
    }
    for (image, named) in contradictions {
        answers.by_row.remove(&image);
        answers.contradicting.add(|| format!("{}: {}", words(predictions, image as usize), named.join(", ")));
    }
    Ok(answers)
}

/// The rows by key, which must not repeat.
pub(in crate::step) fn distinct(key: &Key, table: &Table, what: &str) -> Result<Index, StepError> {
    let index = key.of(table)?.index();
    match index.repeated.first() {
        None => Ok(index),
        Some((first, _)) => Err(StepError::Data(format!(
            "the {what} have {} rows too many by {}, the first is `{}`: an image can be matched once only; where images have several \
             rows, number them in a column `item` on both sides (`rows: multilabel` of `import`), or add the columns that tell \
             them apart",
            index.repeated.len(),
            key.words(),
            words(table, *first as usize)
        ))),
    }
}
