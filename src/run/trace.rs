//! Trace: what stands behind a number. From some rows of a result back to the images, labels, models and parameters that made them.

use std::collections::BTreeSet;

use crate::check::{Pipeline, Wire};
use crate::recipe::Ingredient;
use crate::step::PortType;
use crate::store::{ResultManifest, Store, StoreError, StoredTable};
use crate::table::{Condition, Schema, Table, TableError};

/// Columns in which tables say what an image shows: what people say, what a model says, what counts in the end.
const CLASSES: [&str; 3] = ["class", "label", "final"];
/// Columns of images that are listed.
const LISTED: &[&str] = &[
    "site",
    "season",
    "name",
    "path",
    "file",
    "content",
    "label",
    "confidence",
    "class",
    "final",
    "type",
    "reviewer",
    "time",
    "shown",
    "comment",
];

/// Why nothing can be traced.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A step before has no result any more.
    #[error("step `{0}` has no result in the store: `trapline run {0}` makes it again")]
    Missing(String),
    /// The step has no such output.
    #[error("step `{step}` has no table `{output}`; it has {known}")]
    Output {
        /// The step.
        step: String,
        /// What was asked for.
        output: String,
        /// What it has.
        known: String,
    },
    /// No table has the column of a condition.
    #[error("neither `{step}` nor a step before it has a column `{column}`; `{step}` has {known}")]
    Column {
        /// The step.
        step: String,
        /// The column.
        column: String,
        /// The columns of the table that was asked about.
        known: String,
    },
}

/// The rows of a result, and what stands behind them.
#[derive(Debug)]
pub struct Traced {
    /// The step, and the table asked about.
    pub own: Layer,
    /// The tables before it, the nearest first.
    pub behind: Vec<Layer>,
    /// Steps whose result is older than what stands before them: the numbers of a run that has not been repeated since.
    pub outdated: Vec<String>,
}

/// A table on the way to a number.
#[derive(Debug)]
pub struct Layer {
    /// The step that yielded it.
    pub step: String,
    /// The step's kind.
    pub kind: &'static str,
    /// The output.
    pub output: String,
    /// Rows that the conditions choose.
    pub matched: u64,
    /// All rows.
    pub of: u64,
    /// Conditions as they were asked of this table: each holds where one of its alternatives does.
    pub asked: Vec<Vec<Condition>>,
    /// Conditions on columns that the table does not have.
    pub ignored: Vec<Condition>,
    /// The chosen rows: all columns of the table asked about; of tables before it what tells images apart and what they show. Without
    /// where a table lists no labels, or is only passed through.
    pub rows: Option<Table>,
    /// Models that the step ran.
    pub models: Vec<Ingredient>,
    /// Parameters of the step.
    pub params: Vec<Ingredient>,
    /// Project files that the step read, with their identities.
    pub files: Vec<Ingredient>,
}

/// Traces the rows of the table `output` (the first where not given) of step `step` that `conditions` choose.
///
/// # Errors
/// [`TraceError`].
pub fn trace(
    pipeline: &Pipeline,
    store: &Store,
    step: usize,
    output: Option<&str>,
    conditions: &[Condition],
) -> Result<Traced, TraceError> {
    let tracer = Tracer { pipeline, store, conditions };
    let own = &pipeline.steps[step];
    let tables = || own.kind.outputs.iter().enumerate().filter(|(_, port)| port.ty == PortType::Table);
    let found = tables().find(|(_, port)| output.is_none_or(|wanted| wanted == port.name));
    let Some((at, _)) = found else {
        let known: Vec<String> = tables().map(|(_, port)| format!("`{}`", port.name)).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let output = output.unwrap_or("first").to_owned();
        return Err(TraceError::Output { step: own.name.value.clone(), output, known });
    };
    let own = tracer.layer(Wire { step, output: at }, true)?;
    let wires = tracer.wires(step);
    let behind = wires.into_iter().map(|wire| tracer.layer(wire, false)).collect::<Result<Vec<_>, _>>()?;
    for condition in conditions {
        let is_asked = |layer: &Layer| !layer.ignored.contains(condition);
        if !is_asked(&own) && !behind.iter().any(is_asked) {
            let known = pipeline.steps[step].outputs[at].fields.iter().map(|field| format!("`{}`", field.name));
            let known = known.collect::<Vec<_>>().join(", ");
            return Err(TraceError::Column { step: own.step, column: condition.column.clone(), known });
        }
    }
    let outdated = tracer.outdated(step)?;
    Ok(Traced { own, behind, outdated })
}

struct Tracer<'a> {
    pipeline: &'a Pipeline,
    store: &'a Store,
    conditions: &'a [Condition],
}

impl Tracer<'_> {
    /// The tables on which a step rests, the nearest first.
    fn wires(&self, step: usize) -> Vec<Wire> {
        let mut seen: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut open = vec![step];
        while let Some(at) = open.pop() {
            let step = &self.pipeline.steps[at];
            for (port, wires) in step.kind.inputs.iter().zip(&step.inputs) {
                let is_table = matches!(port.ty, PortType::Table | PortType::Step);
                let new = wires.iter().filter(|wire| seen.insert((wire.step, if is_table { wire.output } else { 0 })));
                open.extend(new.map(|wire| wire.step));
            }
        }
        seen.into_iter().rev().map(|(step, output)| Wire { step, output }).collect()
    }

    fn result(&self, step: usize) -> Result<ResultManifest, TraceError> {
        let name = &self.pipeline.steps[step].name.value;
        let heads = self.store.heads(&self.pipeline.name)?;
        let key = heads.steps.get(name).ok_or_else(|| TraceError::Missing(name.clone()))?;
        self.store.get_result(*key)?.ok_or_else(|| TraceError::Missing(name.clone()))
    }

    fn layer(&self, wire: Wire, own: bool) -> Result<Layer, TraceError> {
        let step = &self.pipeline.steps[wire.step];
        let result = self.result(wire.step)?;
        let port = &step.kind.outputs[wire.output];
        let named = |prefix: &str, from: &[Ingredient]| -> Vec<Ingredient> {
            let part = |part: &Ingredient| {
                let name = part.name.strip_prefix(prefix)?.to_owned();
                Some(Ingredient { name, value: part.value.clone() })
            };
            from.iter().filter_map(part).collect()
        };
        let is_model =
            |part: &&Ingredient| part.name == "model" || part.name.starts_with("row ") && part.name.ends_with(" model");
        let mut layer = Layer {
            step: step.name.value.clone(),
            kind: step.kind.name,
            output: port.name.to_owned(),
            matched: 0,
            of: 0,
            asked: Vec::new(),
            ignored: Vec::new(),
            rows: None,
            models: result.recipe.iter().filter(is_model).cloned().collect(),
            params: named("param ", &result.recipe),
            files: named("file ", &result.inputs),
        };
        let stored = result.outputs.iter().find(|output| output.port == port.name && port.ty == PortType::Table);
        let Some(stored) = stored else {
            layer.ignored = self.conditions.to_vec();
            return Ok(layer);
        };
        self.choose(&self.store.open_table(stored.id)?, own, &mut layer)?;
        Ok(layer)
    }

    /// Finds the rows of a table that the conditions choose.
    fn choose(&self, table: &StoredTable<'_>, own: bool, layer: &mut Layer) -> Result<(), TraceError> {
        let schema = table.schema();
        layer.of = table.rows();
        for condition in self.conditions {
            match meant(schema, condition, own) {
                alternatives if alternatives.is_empty() => layer.ignored.push(condition.clone()),
                alternatives => layer.asked.push(alternatives),
            }
        }
        let listed = |name: &&str| schema.field(name).is_some();
        let mut names: Vec<&str> = layer.asked.iter().flatten().map(|condition| condition.column.as_str()).collect();
        if own {
            names = schema.fields.iter().map(|field| field.name.as_str()).collect();
        } else {
            names.extend(LISTED.iter().copied().filter(listed));
        }
        names.sort_unstable();
        names.dedup();
        let read = table.read(Some(&names))?;
        let mut rows: Vec<usize> = (0..read.rows).collect();
        for alternatives in &layer.asked {
            let tests: Vec<_> = alternatives.iter().filter_map(|one| Some(one.on(read.column(&one.column)?))).collect();
            rows.retain(|row| tests.iter().any(|holds| holds(*row)));
        }
        layer.matched = rows.len() as u64;
        let rows: Vec<u32> = rows.into_iter().map(|row| u32::try_from(row).unwrap_or(u32::MAX)).collect();
        let shows = CLASSES.iter().any(|name| schema.field(name).is_some()) && is_of_images(schema);
        if own {
            let order: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
            layer.rows = Some(read.select(&order)?.take(&rows));
        } else if shows && layer.ignored.is_empty() {
            let order: Vec<&str> = LISTED.iter().copied().filter(listed).collect();
            layer.rows = Some(read.select(&order)?.take(&rows));
        }
        Ok(())
    }

    /// Steps on the way whose inputs have changed since they ran.
    fn outdated(&self, step: usize) -> Result<Vec<String>, TraceError> {
        let mut found = Vec::new();
        for at in self.pipeline.ancestors(step).into_iter().chain([step]) {
            let checked = &self.pipeline.steps[at];
            let taken = self.result(at)?.inputs.into_iter().filter(|part| part.name.starts_with("input ")).map(|part| part.value);
            let mut now = Vec::new();
            for wire in checked.inputs.iter().flatten() {
                let port = self.pipeline.steps[wire.step].kind.outputs[wire.output].name;
                let result = self.result(wire.step)?;
                now.extend(result.outputs.iter().find(|output| output.port == port).map(|output| output.id.to_string()));
            }
            if !taken.eq(now) {
                found.push(checked.name.value.clone());
            }
        }
        Ok(found)
    }
}

/// A row is an image.
fn is_of_images(schema: &Schema) -> bool {
    ["content", "path", "file"].iter().any(|name| schema.field(name).is_some())
}

/// What a condition means for a table with these columns: it holds where one of the answers does. In tables of results a column is what
/// it is; in tables of images `class=stoat` is every image that is a stoat for somebody, `manual` what people say, `automatic` what the
/// model says, and bins and thresholds are confidences.
fn meant(schema: &Schema, condition: &Condition, own: bool) -> Vec<Condition> {
    let has = |name: &&str| schema.field(name).is_some();
    let on = |name: &str| Condition { column: name.to_owned(), ..condition.clone() };
    if !is_of_images(schema) || own && has(&condition.column.as_str()) {
        return if has(&condition.column.as_str()) { vec![condition.clone()] } else { Vec::new() };
    }
    let first = |names: &[&str]| names.iter().copied().find(|name| has(name)).map(on).into_iter().collect();
    match condition.column.as_str() {
        "class" => CLASSES.iter().copied().filter(has).map(on).collect(),
        "manual" => first(&["class", "manual"]),
        "automatic" => first(&["label", "automatic"]),
        "final" => first(&["final", "class", "label"]),
        "label" => first(&["label"]),
        "bin_from" if has(&"confidence") => vec![Condition { relation: crate::table::Relation::Above, ..on("confidence") }],
        "bin_to" if has(&"confidence") => vec![Condition { relation: crate::table::Relation::AtMost, ..on("confidence") }],
        "threshold" if has(&"confidence") => vec![Condition { relation: crate::table::Relation::AtLeast, ..on("confidence") }],
        name => first(&[name]),
    }
}
