//! What `train` yields beside the model: tables, figures and the model's provenance.

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Value};

use super::material::Material;
use super::{CALIBRATION, HISTORY, Train};
use crate::model::OutputKind;
use crate::model::engine::to_probabilities;
use crate::stats::metrics::{Stratum, assess};
use crate::step::classify::CLASS_PREFIX;
use crate::step::classify::label::{Ranked, assemble};
use crate::step::{Job, StepError};
use crate::table::{Column, ColumnBuilder, Schema, Table, Type};
use crate::train::Epoch;
use crate::train::temperature::{BINS, Fit, reliability};
use crate::train::torch::Trained;

/// How a model judges the validation images.
pub(super) struct Judged {
    /// The manual class of each.
    labels: Vec<u32>,
    /// Confidences after the temperature: images x classes.
    calibrated: Vec<f32>,
    classes: usize,
    fit: Option<Fit>,
    /// images x classes, before the softmax.
    logits: Vec<f32>,
}

impl Judged {
    /// From class scores (images x `classes`) and what was fitted on them.
    pub fn of(logits: &[f32], classes: usize, labels: Vec<u32>, fit: Option<Fit>) -> Self {
        let temperature = in_f32(fit.as_ref());
        let mut calibrated = logits.to_vec();
        for scores in calibrated.chunks_exact_mut(classes.max(1)) {
            // Training ends where scores are not finite; nothing else can fail here.
            let _ = to_probabilities(OutputKind::Logits, temperature, scores);
        }
        Self { labels, calibrated, classes, fit, logits: logits.to_vec() }
    }

    /// What class scores are divided by.
    pub fn temperature(&self) -> f32 {
        in_f32(self.fit.as_ref())
    }

    /// Accuracy and mean F1 over the classes that the images have; `None` without images.
    fn quality(&self) -> Option<(f64, f64)> {
        let mut strata: Vec<Stratum> =
            (0..self.classes).map(|automatic| Stratum { automatic, size: 0, manual: vec![0; self.classes] }).collect();
        for (scores, label) in self.calibrated.chunks_exact(self.classes.max(1)).zip(&self.labels) {
            let first = first(scores);
            strata[first].size += 1;
            strata[first].manual[*label as usize] += 1;
        }
        let quality = assess(self.classes, &strata, 1.96);
        Some((quality.raw_accuracy?, quality.macro_f1()?))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "networks compute in 32 bits")]
fn in_f32(fit: Option<&Fit>) -> f32 {
    fit.map_or(1.0, |fit| fit.temperature as f32)
}

/// The most confident class, the first in the list where they tie.
fn first(scores: &[f32]) -> usize {
    let mut best = 0;
    for (at, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = at;
        }
    }
    best
}

#[expect(clippy::cast_precision_loss, reason = "counts of images are far below 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}

/// A row per epoch.
pub(super) fn history(epochs: &[Epoch]) -> Result<Table, StepError> {
    let mut columns: Vec<ColumnBuilder> = HISTORY.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
    for epoch in epochs {
        let [phase, number, images, rate, loss, accuracy, validation_loss, validation_accuracy, best] = &mut columns[..] else {
            return Err(StepError::Data("the history has other columns".into()));
        };
        phase.push_int(i64::from(epoch.phase));
        number.push_int(i64::from(epoch.epoch));
        images.push_int(i64::try_from(epoch.images).unwrap_or(i64::MAX));
        rate.push_float64(epoch.rate);
        loss.push_float64(epoch.training_loss);
        accuracy.push_float64(epoch.training_accuracy);
        for (column, value) in [(validation_loss, epoch.validation_loss), (validation_accuracy, epoch.validation_accuracy)] {
            match value {
                Some(value) => column.push_float64(value),
                None => column.push_null(),
            }
        }
        best.push_bool(epoch.best);
    }
    Ok(Table::from_builders(Schema::of(HISTORY), columns)?)
}

/// The validation images in the form of `classify`.
pub(super) fn validation(
    table: &Table,
    material: &Material,
    judged: &Judged,
    model: &str,
    job: &Job<'_>,
) -> Result<Table, StepError> {
    let rows: Vec<u32> = material.set.validation.iter().map(|image| material.rows[*image as usize]).collect();
    let names: Vec<&str> = table.schema.fields.iter().map(|field| field.name.as_str()).filter(|name| *name != "model").collect();
    let input = table.select(&names)?.take(&rows);
    let mut ranked = Ranked::new(rows.len());
    let mut learned: Vec<ColumnBuilder> =
        material.classes.iter().map(|_| ColumnBuilder::with_capacity(Type::Float32, rows.len())).collect();
    for scores in judged.calibrated.chunks_exact(judged.classes.max(1)) {
        let mut best: Vec<(&str, f32)> = material.classes.iter().map(String::as_str).zip(scores.iter().copied()).collect();
        // Stable: of equal confidences the first in the list comes first.
        best.sort_by(|one, other| other.1.total_cmp(&one.1));
        ranked.push(&best, Some(model));
        for (column, score) in learned.iter_mut().zip(scores) {
            column.push_float32(*score);
        }
    }
    let mut by_class: BTreeMap<&str, Column> = BTreeMap::new();
    for (class, column) in material.classes.iter().zip(learned) {
        by_class.insert(class, column.finish()?);
    }
    let names: Vec<&str> = job.context.classes.names().collect();
    let columns: Vec<String> = names.iter().map(|class| format!("{CLASS_PREFIX}{class}")).collect();
    let confidences = names
        .iter()
        .map(|class| by_class.remove(class).unwrap_or_else(|| Column::nulls(Type::Float32, rows.len())).into())
        .collect();
    assemble(&input, ranked, Column::nulls(Type::Text, rows.len()).into(), &columns, confidences)
}

/// How often labels of a confidence are right.
pub(super) fn calibration(judged: &Judged) -> Result<Table, StepError> {
    let mut columns: Vec<ColumnBuilder> = CALIBRATION.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
    let after = judged.fit.as_ref().map(|fit| ("by temperature", fit.temperature));
    for (words, temperature) in std::iter::once(("as learned", 1.0)).chain(after) {
        for bin in reliability(&judged.logits, judged.classes, &judged.labels, temperature, BINS) {
            let [scores, from, to, images, confidence, accuracy] = &mut columns[..] else {
                return Err(StepError::Data("the calibration has other columns".into()));
            };
            scores.push_text(words);
            from.push_float64(bin.from);
            to.push_float64(bin.to);
            images.push_int(i64::try_from(bin.images).unwrap_or(i64::MAX));
            for (column, value) in [(confidence, bin.confidence), (accuracy, bin.accuracy)] {
                match value {
                    Some(value) => column.push_float64(value),
                    None => column.push_null(),
                }
            }
        }
    }
    Ok(Table::from_builders(Schema::of(CALIBRATION), columns)?)
}

/// Numbers for `expect:`.
pub(super) fn metrics(material: &Material, trained: &Trained, judged: &Judged) -> BTreeMap<String, f64> {
    let last = trained.history.last();
    let quality = judged.quality();
    let list = [
        ("training_images", Some(number(material.set.training.len()))),
        ("validation_images", Some(number(material.set.validation.len()))),
        ("epochs", Some(number(trained.history.len()))),
        ("learned_parameters", Some(number(trained.learned))),
        ("training_loss", last.map(|epoch| epoch.training_loss)),
        ("validation_loss", trained.validation_loss),
        ("validation_accuracy", quality.map(|quality| quality.0)),
        ("validation_macro_f1", quality.map(|quality| quality.1)),
        ("temperature", judged.fit.is_some().then(|| f64::from(judged.temperature()))),
    ];
    list.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Where the model comes from, for its `model.yaml`. No time and no path: the same training gives the same notes.
pub(super) fn provenance(
    train: &Train,
    material: &Material,
    trained: &Trained,
    judged: &Judged,
    from: Option<String>,
    library: &str,
) -> Mapping {
    let mut notes = Mapping::new();
    let mut set = |name: &str, value: Value| notes.insert(name.into(), value);
    set("id", material.id.to_string().into());
    if let Some(from) = from {
        set("from", from.into());
    }
    let mut counts = Mapping::new();
    for (class, [training, validation, test]) in &material.counts {
        let sides = [("train", training), ("validation", validation), ("test", test)];
        let sides: Mapping = sides.into_iter().map(|(side, count)| (side.into(), (*count).into())).collect();
        counts.insert(class.as_str().into(), sides.into());
    }
    set("images", counts.into());
    set("recipe", serde_yaml::to_value(&train.options).unwrap_or_default());
    set("seed", train.options.seed.into());
    set("threads", train.threads.into());
    set("epochs", trained.history.len().into());
    let mut figures = Mapping::new();
    for (name, value) in metrics(material, trained, judged) {
        if name.starts_with("validation_") && name != "validation_images" || name == "training_loss" {
            // Four decimals are what a person compares; the tables have all of them.
            figures.insert(name.into(), ((value * 1e4).round() / 1e4).into());
        }
    }
    set("metrics", figures.into());
    set("made_with", format!("Trapline {}, {library}", env!("CARGO_PKG_VERSION")).into());
    notes
}
