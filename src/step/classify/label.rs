//! The table operation of `classify`: labels by rank, the model of each image, counts and findings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::mapper::Predictor;
use super::{CLASS_PREFIX, LABELS, RANKS, kept_as, output_schema};
use crate::step::{Finding, Job, Outputs, StepError};
use crate::table::{Cell, Column, ColumnBuilder, Table, Type};

/// How many images a finding names.
const EXAMPLES: usize = 5;

/// Rows between two looks at whether to stop.
const ROWS_PER_CHECK: usize = 65_536;

/// Counts while rows pass.
#[derive(Default)]
struct Tally {
    labelled: u64,
    sum: f64,
    above: u64,
    quarantined: u64,
    examples: Vec<String>,
    without_model: u64,
    seasons: BTreeSet<String>,
}

/// Labels the images of the job.
pub(super) fn run(predictor: &Predictor, job: &Job<'_>) -> Result<Outputs, StepError> {
    let input = job.input(0)?.read(None)?;
    let mapped = job.mapped.as_ref().ok_or_else(|| StepError::Data("the images were not classified".to_owned()))?;
    if mapped.rows != input.rows {
        return Err(StepError::Data(format!("{} predictions for {} images", mapped.rows, input.rows)));
    }
    let mut ranked = Ranked::new(input.rows);
    let mut tally = Tally::default();
    let models = Models::new(predictor, &input, mapped)?;
    let problems = mapped.require("problem")?;
    let paths = input.require("path")?;
    for row in 0..input.rows {
        if row % ROWS_PER_CHECK == 0 {
            job.cancel.check()?;
        }
        let Some(place) = models.place(row) else {
            tally.without_model += 1;
            tally.seasons.insert(models.season(row));
            ranked.push(&[], None);
            continue;
        };
        if let Some(problem) = problems.text(row) {
            tally.quarantine(paths.text(row).unwrap_or_default(), problem);
            ranked.push(&[], Some(models.names[place].as_str()));
            continue;
        }
        let best = models.best(place, row);
        if let Some((_, confidence)) = best.first() {
            tally.label(*confidence);
        }
        ranked.push(&best, (!best.is_empty()).then(|| models.names[place].as_str()));
    }
    let class_columns = predictor.class_columns();
    let confidences = class_columns.iter().map(|name| mapped.require(name).cloned()).collect::<Result<_, _>>()?;
    let table = assemble(&input, ranked, Arc::clone(problems), &class_columns, confidences)?;
    Ok(Outputs { tables: vec![table], findings: tally.findings(), metrics: tally.metrics(input.rows), ..Outputs::default() })
}

/// The models by their place among the seasons, with the columns of their classes.
struct Models<'a> {
    predictor: &'a Predictor,
    season: Option<&'a Arc<Column>>,
    /// `name@version`.
    names: Vec<String>,
    /// Class and confidence column, in the model's order.
    classes: Vec<Vec<(&'a str, &'a Column)>>,
}

impl<'a> Models<'a> {
    fn new(predictor: &'a Predictor, input: &'a Table, mapped: &'a Table) -> Result<Self, StepError> {
        let season = match predictor.seasons().chooses_by() {
            Some(column) => Some(input.require(column)?),
            None => None,
        };
        let mut names = Vec::new();
        let mut classes = Vec::new();
        for (place, model) in predictor.seasons().models().enumerate() {
            let mut columns: Vec<(&str, &Column)> = Vec::new();
            for class in predictor.classes(predictor.recipe_of(place)) {
                columns.push((class, mapped.require(&format!("{CLASS_PREFIX}{class}"))?));
            }
            names.push(model.value.clone());
            classes.push(columns);
        }
        Ok(Self { predictor, season, names, classes })
    }

    fn place(&self, row: usize) -> Option<usize> {
        let season: Option<Cell> = self.season.map(|column| column.cell(row).to_cell());
        self.predictor.seasons().choose(season.as_ref())
    }

    fn season(&self, row: usize) -> String {
        self.season.map_or_else(String::new, |column| column.cell(row).to_string())
    }

    /// The most confident classes of a row, the first in the model's list where they tie.
    fn best(&self, place: usize, row: usize) -> Vec<(&'a str, f32)> {
        let mut best: Vec<(&str, f32)> = Vec::with_capacity(RANKS + 1);
        for (class, column) in &self.classes[place] {
            let Some(confidence) = column.float32(row) else { continue };
            let rank = best.iter().position(|(_, other)| confidence > *other).unwrap_or(best.len());
            best.insert(rank, (class, confidence));
            best.truncate(RANKS);
        }
        best
    }
}

/// The columns that labelling adds, being built.
pub(in crate::step) struct Ranked {
    labels: Vec<(ColumnBuilder, ColumnBuilder)>,
    model: ColumnBuilder,
}

impl Ranked {
    pub fn new(rows: usize) -> Self {
        let pair = || (ColumnBuilder::with_capacity(Type::Text, rows), ColumnBuilder::with_capacity(Type::Float32, rows));
        Self { labels: (0..RANKS).map(|_| pair()).collect(), model: ColumnBuilder::with_capacity(Type::Text, rows) }
    }

    /// Adds an image: its classes, the most confident first, and the model that was asked.
    pub fn push(&mut self, best: &[(&str, f32)], model: Option<&str>) {
        for (rank, (labels, confidences)) in self.labels.iter_mut().enumerate() {
            if let Some((label, confidence)) = best.get(rank) {
                labels.push_text(label);
                confidences.push_float32(*confidence);
            } else {
                labels.push_null();
                confidences.push_null();
            }
        }
        self.model.push_optional_text(model);
    }
}

/// Puts the columns together; those of the images and of the class confidences are shared, not copied.
pub(in crate::step) fn assemble(
    input: &Table,
    ranked: Ranked,
    problem: Arc<Column>,
    class_columns: &[String],
    confidences: Vec<Arc<Column>>,
) -> Result<Table, StepError> {
    let mut columns: Vec<Arc<Column>> = Vec::new();
    for (field, column) in input.schema.fields.iter().zip(&input.columns) {
        if kept_as(&input.schema, field).is_some() {
            columns.push(Arc::clone(column));
        }
    }
    debug_assert_eq!(ranked.labels.len(), LABELS.len());
    for (labels, confidences) in ranked.labels {
        columns.push(Arc::new(labels.finish()?));
        columns.push(Arc::new(confidences.finish()?));
    }
    columns.push(Arc::new(ranked.model.finish()?));
    columns.push(problem);
    columns.extend(confidences);
    Ok(Table::from_columns(output_schema(&input.schema, class_columns), columns)?)
}

impl Tally {
    fn label(&mut self, confidence: f32) {
        self.labelled += 1;
        self.sum += f64::from(confidence);
        self.above += u64::from(confidence > 0.9);
    }

    fn quarantine(&mut self, path: &str, problem: &str) {
        self.quarantined += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(format!("{path}: {problem}"));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of images are far below 2^53")]
    fn metrics(&self, rows: usize) -> BTreeMap<String, f64> {
        let mut metrics = BTreeMap::from([("images", rows as f64), ("quarantined", self.quarantined as f64)]);
        if self.labelled > 0 {
            metrics.insert("mean_confidence", self.sum / self.labelled as f64);
            metrics.insert("share_above_0_9", self.above as f64 / self.labelled as f64);
        }
        metrics.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.quarantined > 0 {
            findings.push(Finding {
                kind: "quarantined".to_owned(),
                message: "images that cannot be classified keep their rows, without a label; the column `problem` says why"
                    .to_owned(),
                count: self.quarantined,
                examples: self.examples.clone(),
            });
        }
        if self.without_model > 0 {
            findings.push(Finding {
                kind: "season_without_model".to_owned(),
                message: "no model is given for these seasons; name one for them, or a `default`, under `model`".to_owned(),
                count: self.without_model,
                examples: self.seasons.iter().take(EXAMPLES).cloned().collect(),
            });
        }
        findings
    }
}
