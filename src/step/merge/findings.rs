//! What a person should know about a merge: labels that differ, rows of no image, classes without a column.

use std::collections::BTreeSet;

use super::decide::Decided;
use super::forms::Data;
use super::join::Joined;
use crate::observation;
use crate::step::{Finding, Outputs, StepError};
use crate::table::{ColumnBuilder, Schema, Table, Type};

/// How many rows a finding names.
const EXAMPLES: usize = 8;

/// The images' columns that say which image a disagreement is about.
const NAMED: &[&str] = &["locality", "site", "season", "name", "path", "file", "content", "item"];

const DIFFERING: &[&str] = &["class", "type", "reviewer", "other_class", "other_type", "other_reviewer", "other_comment"];

/// The columns of the output `disagreements`.
pub(super) fn disagreements_schema(images: &Schema) -> Schema {
    let mut schema =
        Schema { fields: images.fields.iter().filter(|field| NAMED.contains(&field.name.as_str())).cloned().collect() };
    for name in DIFFERING {
        schema.set(name, Type::Text);
    }
    schema
}

/// Labels that differ from the one that counts; `class` is missing where none does.
pub(super) fn disagreements(images: &Table, labels: &[Table], decided: &Decided) -> Result<Table, StepError> {
    let schema = disagreements_schema(&images.schema);
    let rows: Vec<u32> = decided.overruled.iter().map(|other| decided.decisions[other.decision].image).collect();
    let mut columns = Vec::new();
    for field in schema.fields.iter().filter(|field| !DIFFERING.contains(&field.name.as_str())) {
        columns.push(std::sync::Arc::new(images.require(&field.name)?.take(&rows)));
    }
    let mut builders: Vec<_> = DIFFERING.iter().map(|_| ColumnBuilder::with_capacity(Type::Text, rows.len())).collect();
    for other in &decided.overruled {
        let decision = &decided.decisions[other.decision];
        let of_other = |name: &str| {
            labels[other.table as usize].column(name).and_then(|column| column.text(other.row as usize)).map(str::to_owned)
        };
        let class = (!decision.classes.is_empty()).then(|| decision.classes.join("+"));
        let cells = [
            class,
            decision.types.clone(),
            decision.reviewer.clone(),
            of_other("class"),
            of_other("type"),
            of_other("reviewer"),
            of_other("comment"),
        ];
        builders.iter_mut().zip(cells).for_each(|(builder, cell)| builder.push_optional_text(cell.as_deref()));
    }
    for builder in builders {
        columns.push(std::sync::Arc::new(builder.finish()?));
    }
    Ok(Table::from_columns(schema, columns)?)
}

/// The columns of the output `unmatched`.
pub(super) fn unmatched_schema() -> Schema {
    Schema::of(&[
        ("what", Type::Text),
        ("row", Type::Int),
        ("observation", Type::Text),
        ("class", Type::Text),
        ("reviewer", Type::Text),
    ])
}

/// Labels and predictions of no image, with their row in the table that they come from.
pub(super) fn unmatched(predictions: Option<&Table>, labels: &[Table], joined: &Joined) -> Result<Table, StepError> {
    let schema = unmatched_schema();
    let mut builders: Vec<_> = schema.fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
    let mut push = |what: &str, table: &Table, row: u32, class: &str| {
        let text = |name: &str| table.column(name).and_then(|column| column.text(row as usize));
        builders[0].push_text(what);
        builders[1].push_int(i64::from(row) + 1);
        builders[2].push_text(&observation::words(table, row as usize));
        builders[3].push_optional_text(text(class));
        builders[4].push_optional_text(text("reviewer"));
    };
    for (table, row) in &joined.lost_labels {
        push("label", &labels[*table as usize], *row, "class");
    }
    for row in &joined.lost_predictions {
        if let Some(predictions) = predictions {
            push("prediction", predictions, *row, "label");
        }
    }
    Ok(Table::from_builders(schema, builders)?)
}

/// Counts over the images.
pub(super) struct Counts {
    observations: usize,
    classified: usize,
    reviewed: usize,
    undecided: usize,
    overruled: usize,
    /// Images with a class that has no row or column, and those classes.
    others: (usize, BTreeSet<String>),
}

impl Counts {
    /// Counts.
    pub fn of(data: &Data<'_>) -> Self {
        let known: BTreeSet<&str> = data.classes.iter().map(|class| class.name.as_str()).collect();
        let mut counts = Self {
            observations: data.images.rows,
            classified: 0,
            reviewed: 0,
            undecided: 0,
            overruled: 0,
            others: (0, BTreeSet::new()),
        };
        for image in 0..data.images.rows {
            let label = data.automatic.label(image);
            counts.classified += usize::from(label.is_some());
            let mut others: Vec<&str> = label.into_iter().filter(|label| !known.contains(label)).collect();
            if let Some(decision) = data.decision(image) {
                let decides = !decision.classes.is_empty();
                counts.reviewed += usize::from(decides);
                counts.undecided += usize::from(!decides);
                counts.overruled +=
                    usize::from(decides && label.is_some_and(|label| !decision.classes.iter().any(|c| c == label)));
                others.extend(decision.classes.iter().map(String::as_str).filter(|class| !known.contains(class)));
            }
            counts.others.0 += usize::from(!others.is_empty());
            counts.others.1.extend(others.into_iter().map(str::to_owned));
        }
        counts
    }

    /// Metrics and findings.
    #[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
    pub fn outputs(&self, joined: &Joined, disagreements: &Table, unmatched: &Table) -> Outputs {
        let metrics = [
            ("observations", self.observations),
            ("classified", self.classified),
            ("reviewed", self.reviewed),
            ("disagreements", disagreements.rows),
            ("undecided", self.undecided),
            ("overruled", self.overruled),
            ("unmatched_labels", joined.lost_labels.len()),
            ("unmatched_predictions", joined.lost_predictions.len()),
            ("other_classes", self.others.0),
        ];
        let of = |table: &Table, what: Option<&str>, words: &dyn Fn(usize) -> String| -> Vec<String> {
            (0..table.rows)
                .filter(|row| what.is_none_or(|what| table.cell(*row, "what").to_string() == what))
                .take(EXAMPLES)
                .map(words)
                .collect()
        };
        let lost = |row: usize| format!("{} {}", unmatched.cell(row, "observation"), unmatched.cell(row, "class"));
        let differs = |row: usize| {
            let text = |name: &str| match disagreements.cell(row, name).to_string() {
                text if text.is_empty() => "nothing".to_owned(),
                text => text,
            };
            format!(
                "{}: {} ({}) against {} ({})",
                observation::words(disagreements, row),
                text("class"),
                text("type"),
                text("other_class"),
                text("other_type")
            )
        };
        let findings = [
            Finding::counted(
                "unmatched_labels",
                joined.lost_labels.len() as u64,
                "labels of no image; they stand in the output `unmatched`",
                of(unmatched, Some("label"), &lost),
            ),
            Finding::counted(
                "unmatched_predictions",
                joined.lost_predictions.len() as u64,
                "predictions of no image; they stand in the output `unmatched`",
                of(unmatched, Some("prediction"), &lost),
            ),
            Finding::counted(
                "disagreements",
                disagreements.rows as u64,
                "labels differ from the one that counts; the output `disagreements` lists them",
                of(disagreements, None, &differs),
            ),
            Finding::counted(
                "other_classes",
                self.others.0 as u64,
                "images show a class that is not among `classes`: it has no row or column of its own",
                self.others.1.iter().take(EXAMPLES).cloned().collect(),
            ),
        ];
        Outputs {
            findings: findings.into_iter().flatten().collect(),
            metrics: metrics.into_iter().map(|(name, count)| (name.to_owned(), count as f64)).collect(),
            ..Outputs::default()
        }
    }
}
