//! What a report is made of: the tables of the steps that it takes, found by what yielded them.

use crate::observation::IDENTITY;
use crate::report::page::Value;
use crate::step::{InputTable, Job, Origin, StepError};
use crate::table::{CellRef, Groups, Schema, Table};

/// Columns that name the groups of a monitoring programme, in the order in which people read them.
pub(super) const GROUPS: &[&str] = &["season", "locality"];

/// A table and where it comes from.
#[derive(Clone, Copy)]
pub(super) struct Input<'j> {
    pub origin: &'j Origin,
    pub table: &'j dyn InputTable,
}

/// All tables of a report, in the order in which the pipeline names them.
pub(super) struct Inputs<'j> {
    pub all: Vec<Input<'j>>,
}

impl<'j> Inputs<'j> {
    pub fn of(job: &'j Job<'_>) -> Self {
        let tables = job.inputs.first().into_iter().flatten();
        let all = job.context.lineage.tables.iter().zip(tables);
        Self { all: all.map(|(origin, table)| Input { origin, table: table.as_ref() }).collect() }
    }

    /// The outputs called `output` of steps of `kind`.
    pub fn of_kind<'s>(&'s self, kind: &'s str, output: &'s str) -> impl Iterator<Item = Input<'j>> + 's {
        self.all.iter().copied().filter(move |input| input.origin.kind == kind && input.origin.output == output)
    }

    /// Tables of images with a model's answer, in order.
    pub fn predictions(&self) -> Vec<Input<'j>> {
        let kinds = ["classify", "import", "ensemble"];
        let is_one = |input: &Input<'_>| kinds.contains(&input.origin.kind) && input.has("label") && input.has("confidence");
        self.all.iter().copied().filter(is_one).collect()
    }

    /// Data sets with a row per image.
    pub fn data_sets(&self) -> Vec<Input<'j>> {
        self.of_kind("merge", "merged").filter(|input| input.has("final")).collect()
    }

    /// The table that says best what the images show, and the column in which it says so: a data set, else what a model says.
    pub fn shown(&self) -> Option<(Input<'j>, &'static str)> {
        let data_set = self.data_sets().first().map(|input| (*input, "final"));
        data_set.or_else(|| self.predictions().first().map(|input| (*input, "label")))
    }

    /// The table that knows when and where images were taken.
    pub fn images(&self) -> Option<Input<'j>> {
        let knows =
            |input: &&Input<'_>| input.has("site") && input.has("datetime") && IDENTITY.iter().any(|name| input.has(name));
        let first = |kinds: &[&str]| self.all.iter().filter(|input| kinds.contains(&input.origin.kind)).find(knows).copied();
        first(&["metadata", "rename"]).or_else(|| self.all.iter().find(knows).copied())
    }
}

impl Input<'_> {
    pub fn has(&self, column: &str) -> bool {
        self.table.schema().field(column).is_some()
    }

    /// Reads those of `names` that are there.
    pub fn read(&self, names: &[&str]) -> Result<Table, StepError> {
        let names: Vec<&str> = names.iter().copied().filter(|name| self.has(name)).collect();
        self.table.read(Some(&names))
    }

    /// The columns before the one called `first`: those of the groups of a table of results.
    pub fn groups(&self, first: &str) -> Vec<String> {
        let fields = &self.table.schema().fields;
        fields.iter().map(|field| field.name.clone()).take_while(|name| name != first).collect()
    }

    /// Which of the usual groups the table knows.
    pub fn usual_groups(&self) -> Vec<&'static str> {
        GROUPS.iter().copied().filter(|name| self.has(name)).collect()
    }
}

/// The groups of a table's rows, and what people call them.
pub(super) struct Named {
    pub groups: Groups,
    /// By group: `2024 elvedal`; `all images` where there are no groups.
    pub names: Vec<String>,
    /// By group: `season=2024`, `locality=elvedal`.
    pub places: Vec<Vec<String>>,
}

impl Named {
    pub fn of<S: AsRef<str>>(table: &Table, columns: &[S]) -> Result<Self, StepError> {
        let groups = Groups::of(table, columns)?;
        let name = |key: &Vec<crate::table::Cell>| {
            let words: Vec<String> = key.iter().map(|cell| words(cell.as_ref())).collect();
            if words.is_empty() { "all images".to_owned() } else { words.join(" ") }
        };
        let place = |key: &Vec<crate::table::Cell>| {
            groups.columns.iter().zip(key).map(|(column, cell)| condition(column, &plain(cell.as_ref()))).collect()
        };
        Ok(Self { names: groups.keys.iter().map(name).collect(), places: groups.keys.iter().map(place).collect(), groups })
    }

    /// The values of a group, as cells of a table.
    pub fn cells(&self, group: usize) -> Vec<Value> {
        self.groups.keys[group].iter().map(|cell| Value::Text(words(cell.as_ref()))).collect()
    }

    /// The rows of one group, in order.
    pub fn rows(&self, group: usize) -> Vec<usize> {
        (0..self.groups.of_row.len()).filter(|row| self.groups.of_row[*row] as usize == group).collect()
    }

    /// The groups, those of the last season first.
    pub fn newest_first(&self) -> Vec<usize> {
        let season = self.groups.columns.iter().position(|name| name == "season");
        let of = |group: &usize| season.map(|season| plain(self.groups.keys[*group][season].as_ref()));
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_by_cached_key(|group| (std::cmp::Reverse(of(group)), *group));
        order
    }

    /// Says by group whether it belongs to the last season, or to the only one.
    pub fn is_latest(&self) -> Vec<bool> {
        let Some(season) = self.groups.columns.iter().position(|name| name == "season") else {
            return vec![true; self.names.len()];
        };
        let last = self.groups.keys.iter().map(|key| &key[season]).max_by_key(|cell| plain(cell.as_ref()));
        self.groups.keys.iter().map(|key| Some(&key[season]) == last).collect()
    }
}

/// `COLUMN=VALUE`, as `explain` takes it.
pub(super) fn condition(column: &str, value: &str) -> String {
    format!("{column}={value}")
}

/// A cell as it stands in a condition; empty where it is missing.
pub(super) fn plain(cell: CellRef<'_>) -> String {
    match cell {
        CellRef::Null => String::new(),
        cell => cell.to_string(),
    }
}

/// A cell in words.
fn words(cell: CellRef<'_>) -> String {
    match cell {
        CellRef::Null => "missing".to_owned(),
        cell => cell.to_string(),
    }
}

/// A number of any type.
pub(super) fn number(table: &Table, row: usize, column: &str) -> Option<f64> {
    match table.column(column)?.cell(row) {
        CellRef::Float64(value) => Some(value),
        CellRef::Float32(value) => Some(f64::from(value)),
        #[expect(clippy::cast_precision_loss, reason = "counts of images are far below 2^53")]
        CellRef::Int(value) => Some(value as f64),
        _ => None,
    }
}

/// A whole number.
pub(super) fn count(table: &Table, row: usize, column: &str) -> u64 {
    table.column(column).and_then(|values| values.int(row)).and_then(|value| u64::try_from(value).ok()).unwrap_or_default()
}

/// The names of a table's columns.
pub(super) fn names(schema: &Schema) -> Vec<&str> {
    schema.fields.iter().map(|field| field.name.as_str()).collect()
}
