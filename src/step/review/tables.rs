//! The outputs: labels, what is missing, and every answer that stands.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::asked::is_prediction;
use super::rows::Row;
use super::weighed::{Weighed, is_shown};
use crate::labels::{Answers, Label, Verdict, kept, shown};
use crate::observation::Key;
use crate::step::{LABEL_COLUMNS, StepError, label_type};
use crate::table::{Column, ColumnBuilder, Field, Schema, Table, Type};

/// The column that says how the class of an image came about.
const METHOD: &str = "method";

/// The schemas of the outputs, from the columns that the images carry.
pub(super) fn schemas(carried: &[Field], key: &Key, blind: bool) -> Vec<Schema> {
    let plain = |field: &&Field| !is_prediction(&field.name);
    let mut labels = Schema { fields: carried.iter().filter(plain).cloned().collect() };
    for (name, ty) in LABEL_COLUMNS {
        labels.set(name, *ty);
    }
    labels.set(METHOD, Type::Text);
    let mut missing = Schema { fields: carried.iter().filter(|field| !blind || plain(field)).cloned().collect() };
    for (name, ty) in [("type", Type::Text), ("status", Type::Text), ("answers", Type::Int)] {
        missing.set(name, ty);
    }
    let mut answers = Schema::default();
    for name in &key.columns {
        answers.set(name, carried.iter().find(|field| field.name == *name).map_or(Type::Text, |field| field.ty));
    }
    for (name, ty) in LABEL_COLUMNS {
        answers.set(name, *ty);
    }
    for (name, ty) in [("asked", Type::Bool), ("label_id", Type::Text), ("source", Type::Text)] {
        answers.set(name, ty);
    }
    vec![labels, missing, answers]
}

/// Makes the outputs. `unblinded` are images whose only answers may have been given with the model's answer in sight.
pub(super) fn make(weighed: &Weighed<'_>, unblinded: &HashSet<u32>, blind: bool) -> Result<Vec<Table>, StepError> {
    let fields = &weighed.asked.table.schema.fields;
    let carried: Vec<Field> = fields.iter().filter(|field| field.name != "type").cloned().collect();
    let schemas = schemas(&carried, &weighed.asked.key, blind);
    let [labels_schema, missing_schema, answers_schema] = &schemas[..] else {
        return Err(StepError::Data("an output has no columns".into()));
    };
    Ok(vec![labels(weighed, labels_schema)?, missing(weighed, unblinded, missing_schema)?, answers(weighed, answers_schema)?])
}

/// Adds the value of a key column as a label has it.
pub(super) fn push_key(builder: &mut ColumnBuilder, name: &str, label: &Label<'_>) {
    let text = |text: &str| (!text.is_empty()).then(|| kept(text).into_owned());
    match (name, label.observation) {
        ("content", Some(content)) => builder.push_content(content),
        ("content", None) => builder.push_null(),
        ("site", _) => builder.push_optional_text(text(&label.site).as_deref()),
        ("season", _) => builder.push_optional_text(text(&label.season).as_deref()),
        _ => builder.push_optional_text(text(&label.file).as_deref()),
    }
}

fn labels(weighed: &Weighed<'_>, schema: &Schema) -> Result<Table, StepError> {
    let agreed = |answers: &&Answers| matches!(answers.verdict, Verdict::Agreed(_));
    let (asked, mut others): (Vec<&Answers>, Vec<&Answers>) =
        weighed.standings.answers.iter().filter(agreed).partition(|answers| weighed.asked_row(answers.observation).is_some());
    // The order of files and rows is nobody's statement: what is not asked about comes by site, season and image.
    others.sort_by_key(|answers| {
        weighed.other(answers.observation).map(|row| (&row.label.site, &row.label.season, row.label.observation, &row.label.file))
    });
    let rows: Vec<u32> = asked.iter().map(|answers| answers.observation).collect();
    let own: Vec<&str> = LABEL_COLUMNS.iter().map(|(name, _)| *name).chain([METHOD]).collect();
    let mut columns = Vec::with_capacity(schema.fields.len());
    for field in schema.fields.iter().filter(|field| !own.contains(&field.name.as_str())) {
        let first = weighed.asked.table.require(&field.name)?.take(&rows);
        let mut rest = ColumnBuilder::with_capacity(field.ty, others.len());
        for answers in &others {
            match weighed.other(answers.observation) {
                Some(row) => push_carried(&mut rest, field, weighed, row),
                None => rest.push_null(),
            }
        }
        columns.push(Arc::new(Column::concat(&[&first, &rest.finish()?])?));
    }
    let (mut cells, mut methods) = (LabelCells::new(), ColumnBuilder::new(Type::Text));
    for answers in asked.iter().chain(&others) {
        if let Verdict::Agreed(row) = answers.verdict {
            cells.agreed(weighed, answers, row);
            methods.push_text(method(weighed, answers));
        }
    }
    columns.extend(cells.finish()?);
    columns.push(Arc::new(methods.finish()?));
    Ok(Table::from_columns(schema.clone(), columns)?)
}

/// How the class on which reviewers agree came about.
fn method(weighed: &Weighed<'_>, answers: &Answers) -> &'static str {
    let mut classes = answers.current.iter().map(|row| weighed.standing[*row as usize].class);
    let first = classes.next();
    if answers.adjudicated {
        "adjudicated"
    } else if answers.current.len() == 1 {
        "single"
    } else if classes.all(|class| Some(class) == first) {
        "unanimous"
    } else {
        "majority"
    }
}

/// A value of an image that is not asked about, as far as its label tells.
fn push_carried(builder: &mut ColumnBuilder, field: &Field, weighed: &Weighed<'_>, row: &Row<'_>) {
    let is_key = weighed.asked.key.columns.contains(&field.name.as_str());
    let told = match (field.name.as_str(), field.ty) {
        ("content", Type::Content) | ("site" | "season" | "name", Type::Text) => true,
        // What a label calls `file` is the name, where the images have names.
        ("file", Type::Text) => weighed.asked.table.column("name").is_none(),
        _ => false,
    };
    if is_key || told { push_key(builder, &field.name, &row.label) } else { builder.push_null() }
}

fn missing(weighed: &Weighed<'_>, unblinded: &HashSet<u32>, schema: &Schema) -> Result<Table, StepError> {
    let mut by_row: Vec<Option<&Answers>> = vec![None; weighed.asked.len()];
    for answers in &weighed.standings.answers {
        if let Some(row) = weighed.asked_row(answers.observation) {
            by_row[row as usize] = Some(answers);
        }
    }
    let (mut rows, mut status, mut count) = (Vec::new(), ColumnBuilder::new(Type::Text), ColumnBuilder::new(Type::Int));
    for (row, answers) in (0_u32..).zip(by_row) {
        status.push_text(match answers.map(|answers| &answers.verdict) {
            Some(Verdict::Agreed(_)) => continue,
            Some(Verdict::TooFew) => "needs another reviewer",
            Some(Verdict::Disagreement) => "disagreement",
            Some(Verdict::Conflict(_)) => "conflict",
            Some(Verdict::Unanswered) | None if unblinded.contains(&row) => "not blind",
            Some(Verdict::Unanswered) | None => "unanswered",
        });
        rows.push(row);
        count.push_int(i64::try_from(answers.map_or(0, |answers| answers.current.len())).unwrap_or(i64::MAX));
    }
    let taken = weighed.asked.table.take(&rows);
    let taken = taken.with_column("status", Arc::new(status.finish()?))?.with_column("answers", Arc::new(count.finish()?))?;
    let names: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
    Ok(taken.select(&names)?)
}

fn answers(weighed: &Weighed<'_>, schema: &Schema) -> Result<Table, StepError> {
    let key = &weighed.asked.key.columns;
    let mut keys: Vec<ColumnBuilder> = schema.fields[..key.len()].iter().map(|field| ColumnBuilder::new(field.ty)).collect();
    let mut cells = LabelCells::new();
    let [mut asked, mut ids, mut sources] = [Type::Bool, Type::Text, Type::Text].map(ColumnBuilder::new);
    for answers in &weighed.standings.answers {
        let asked_row = weighed.asked_row(answers.observation);
        for at in &answers.current {
            let row = &weighed.rows[*at as usize];
            for (builder, name) in keys.iter_mut().zip(key) {
                match asked_row {
                    Some(asked) => builder.push(weighed.asked.table.cell(asked as usize, name)),
                    None => push_key(builder, name, &row.label),
                }
            }
            cells.push(weighed, answers.observation, &[*at], *at);
            asked.push_bool(asked_row.is_some());
            ids.push_text(&row.label.id);
            sources.push_text(&row.place());
        }
    }
    let builders = keys.into_iter().chain(cells.builders).chain([asked, ids, sources]).collect();
    Ok(Table::from_builders(schema.clone(), builders)?)
}

/// The columns of [`LABEL_COLUMNS`].
struct LabelCells {
    builders: Vec<ColumnBuilder>,
}

impl LabelCells {
    fn new() -> Self {
        Self { builders: LABEL_COLUMNS.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect() }
    }

    /// What the reviewers of an image agree on, as `row` says it; comments of those who do not agree are kept too.
    fn agreed(&mut self, weighed: &Weighed<'_>, answers: &Answers, row: u32) {
        self.push(weighed, answers.observation, &answers.current, row);
    }

    fn push(&mut self, weighed: &Weighed<'_>, observation: u32, current: &[u32], row: u32) {
        let class = weighed.standing[row as usize].class;
        let agreeing: Vec<&Row<'_>> = (current.iter().filter(|at| weighed.standing[**at as usize].class == class))
            .map(|at| &weighed.rows[*at as usize])
            .collect();
        let reviewers: BTreeSet<&str> = agreeing.iter().map(|row| row.label.reviewer.as_ref()).collect();
        let mut comments: Vec<&str> = Vec::new();
        for at in current {
            let comment = weighed.rows[*at as usize].label.comment.as_ref();
            if !comment.is_empty() && !comments.contains(&comment) {
                comments.push(comment);
            }
        }
        let sight = if agreeing.iter().any(|row| is_shown(row)) {
            Some(shown::MODEL)
        } else {
            agreeing.iter().all(|row| row.label.shown == shown::BLIND).then_some(shown::BLIND)
        };
        let ty = match weighed.asked_row(observation) {
            Some(asked) => weighed.asked.table.column("type").and_then(|types| types.text(asked as usize)),
            None => Some(label_type::OTHER),
        };
        let reviewers = reviewers.into_iter().collect::<Vec<_>>().join("+");
        let comment = comments.join(" | ");
        let time = weighed.rows[row as usize].label.time.as_ref();
        let some = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
        let values = [
            class.map(str::to_owned),
            ty.map(str::to_owned),
            some(&reviewers),
            some(time),
            sight.map(str::to_owned),
            some(&comment),
        ];
        for (builder, value) in self.builders.iter_mut().zip(values) {
            builder.push_optional_text(value.as_deref());
        }
    }

    fn finish(self) -> Result<Vec<Arc<Column>>, StepError> {
        self.builders.into_iter().map(|builder| Ok(Arc::new(builder.finish()?))).collect()
    }
}
