//! Gates: `expect:` held against the numbers and tables that a step yielded.

use std::collections::BTreeMap;

use super::event::GateRows;
use crate::check::{CheckedStep, Comparison, Expectation, RowFilter, Subject};
use crate::id::ContentId;
use crate::observation;
use crate::store::{Store, StoreError, StoredTable};
use crate::table::{CellRef, Condition, Table, Type};

/// How many failing rows are named.
const EXAMPLES: usize = 5;

/// How many columns say which row is meant.
const NAMING_COLUMNS: usize = 5;

/// A gate that failed.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct FailedGate {
    /// What is bounded, as written.
    pub metric: String,
    /// The bound, as text.
    pub expected: String,
    /// What was found, of several values the worst.
    pub found: Option<f64>,
    /// The rows behind it, for a gate on a table.
    pub rows: Option<GateRows>,
}

/// The gates of `step` that its results do not pass: `metrics` as reported, `outputs` by port. Reads only the columns that are needed.
///
/// # Errors
/// When a table cannot be read.
pub fn failed_gates(
    step: &CheckedStep,
    metrics: &BTreeMap<String, f64>,
    outputs: &[ContentId],
    store: &Store,
) -> Result<Vec<FailedGate>, StoreError> {
    let mut failed = Vec::new();
    for gate in &step.expect {
        let open = |filter: &RowFilter| outputs.get(filter.output).map(|id| store.open_table(*id)).transpose();
        let number = match &gate.subject {
            Subject::Metric => metrics.get(&gate.metric).copied(),
            Subject::Rows(filter) => open(filter)?.map(|table| count(&table, filter)).transpose()?,
            Subject::Column(..) => None,
        };
        let (found, rows) = match &gate.subject {
            Subject::Column(filter, column) => match open(filter)? {
                None => (None, None),
                Some(table) => match column_fails(gate, &table, filter, column, &|_| true)? {
                    None => continue,
                    Some((found, rows)) => (found, Some(rows)),
                },
            },
            _ if number.is_some_and(|number| holds(gate, number)) => continue,
            Subject::Metric => (number, behind(step, gate, number, &open)?),
            Subject::Rows(_) => (number, None),
        };
        let expected = format!("{} {}", gate.comparison.sign(), gate.value);
        failed.push(FailedGate { metric: gate.metric.clone(), expected, found, rows });
    }
    Ok(failed)
}

/// The rows that make a metric fail, where it is the worst value of a column.
fn behind<'a>(
    step: &CheckedStep,
    gate: &Expectation,
    found: Option<f64>,
    open: &dyn Fn(&RowFilter) -> Result<Option<StoredTable<'a>>, StoreError>,
) -> Result<Option<GateRows>, StoreError> {
    let Some((behind, found)) = step.step.behind(&gate.metric).zip(found) else { return Ok(None) };
    let filter = RowFilter { output: behind.output, equal: Vec::new() };
    let Some(table) = open(&filter)? else { return Ok(None) };
    let counts = |value: Option<f64>| match value {
        // What is worse than the metric was left out of it, such as the recall of classes that the model lacks.
        Some(value) => excess(gate, value) <= excess(gate, found),
        None => behind.missing_is_worst,
    };
    Ok(column_fails(gate, &table, &filter, behind.column, &counts)?.map(|(_, rows)| rows))
}

fn holds(gate: &Expectation, found: f64) -> bool {
    match gate.comparison {
        Comparison::AtLeast => found >= gate.value,
        Comparison::AtMost => found <= gate.value,
        Comparison::Above => found > gate.value,
        Comparison::Below => found < gate.value,
        Comparison::Equal => (found - gate.value).abs() <= f64::EPSILON * gate.value.abs().max(1.0),
    }
}

/// How far a value is on the wrong side, to find the worst one.
fn excess(gate: &Expectation, found: f64) -> f64 {
    match gate.comparison {
        Comparison::AtLeast | Comparison::Above => gate.value - found,
        Comparison::AtMost | Comparison::Below => found - gate.value,
        Comparison::Equal => (found - gate.value).abs(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
fn count(stored: &StoredTable<'_>, filter: &RowFilter) -> Result<f64, StoreError> {
    if filter.equal.is_empty() {
        return Ok(stored.rows() as f64);
    }
    let names: Vec<&str> = filter.equal.iter().map(|(name, _)| name.as_str()).collect();
    Ok(chosen(&stored.read(Some(&names))?, filter).len() as f64)
}

/// The rows of `table` that pass the filter.
fn chosen(table: &Table, filter: &RowFilter) -> Vec<usize> {
    let conditions: Vec<_> = filter.equal.iter().map(|(name, value)| Condition::equal(name, value)).collect();
    Condition::rows(table, &conditions)
}

#[expect(clippy::cast_precision_loss, reason = "a bound needs no more than 53 bits")]
fn number(cell: CellRef<'_>) -> Option<f64> {
    match cell {
        CellRef::Int(value) => Some(value as f64),
        cell => super::compare::number(cell),
    }
}

/// The worst value and the rows that fail, among those whose value `counts`. A gate that finds no row fails: it was written for something that is not there.
fn column_fails(
    gate: &Expectation,
    stored: &StoredTable<'_>,
    filter: &RowFilter,
    name: &str,
    counts: &dyn Fn(Option<f64>) -> bool,
) -> Result<Option<(Option<f64>, GateRows)>, StoreError> {
    let mut names: Vec<&str> = filter.equal.iter().map(|(name, _)| name.as_str()).collect();
    if !names.contains(&name) {
        names.push(name);
    }
    let table = stored.read(Some(&names))?;
    let Some(column) = table.column(name) else { return Ok(Some((None, GateRows::default()))) };
    let rows: Vec<usize> = chosen(&table, filter).into_iter().filter(|row| counts(number(column.cell(*row)))).collect();
    let mut found = GateRows { checked: rows.len() as u64, ..GateRows::default() };
    let mut worst: Option<f64> = None;
    let mut first = Vec::new();
    for row in rows {
        let value = number(column.cell(row));
        if value.is_some_and(|value| holds(gate, value)) {
            continue;
        }
        found.failing += 1;
        found.missing += u64::from(value.is_none());
        if let Some(value) = value
            && worst.is_none_or(|worst| excess(gate, value) > excess(gate, worst))
        {
            worst = Some(value);
        }
        if first.len() < EXAMPLES {
            first.push(row);
        }
    }
    if found.checked > 0 && found.failing == 0 {
        return Ok(None);
    }
    let names = naming(stored, filter, name)?;
    for row in first {
        let value = match column.cell(row) {
            CellRef::Null => "missing".to_owned(),
            cell => cell.to_string(),
        };
        let words = names.words(row);
        found.examples.push(if words.is_empty() { value } else { format!("{words}: {value}") });
    }
    Ok(Some((worst, found)))
}

/// What tells the rows of a table apart, for people.
struct Naming {
    table: Table,
    is_image: bool,
}

/// Reads the columns that name a row: those of an observation, else the first texts that the filter leaves open.
fn naming(stored: &StoredTable<'_>, filter: &RowFilter, bounded: &str) -> Result<Naming, StoreError> {
    let schema = stored.schema();
    let is_image = observation::IDENTITY.iter().any(|name| schema.field(name).is_some());
    let of_image = |name: &str| observation::PLACE.contains(&name) || observation::IDENTITY.contains(&name);
    let open = |name: &str| name != bounded && !filter.equal.iter().any(|(own, _)| own == name);
    let fields = schema
        .fields
        .iter()
        .filter(|field| if is_image { of_image(&field.name) } else { field.ty == Type::Text && open(&field.name) });
    let names: Vec<&str> = fields.take(NAMING_COLUMNS).map(|field| field.name.as_str()).collect();
    Ok(Naming { table: stored.read(Some(&names))?, is_image })
}

impl Naming {
    fn words(&self, row: usize) -> String {
        if self.is_image {
            return observation::words(&self.table, row);
        }
        let fields = self.table.schema.fields.iter().zip(&self.table.columns);
        let parts = fields
            .filter(|(_, column)| !column.is_null(row))
            .map(|(field, column)| format!("{}={}", field.name, column.cell(row)));
        parts.collect::<Vec<_>>().join(" ")
    }
}
