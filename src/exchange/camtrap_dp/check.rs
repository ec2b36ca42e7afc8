//! Checks the tables of a package against their rules, without a network.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde_json::Value;

use super::DESCRIPTION;
use super::rules::{Field, MISSING, Rules, TABLES};
use crate::table::{Column, Reading, Table, TableError, Type, csv};

/// How many faults are kept; all are counted.
const KEPT: usize = 50;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The row, the header being the first; `None` where the whole file is meant.
    pub row: Option<usize>,
    /// The column, or the path of a field in the description.
    pub column: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.file)?;
        if let Some(row) = self.row {
            write!(f, " row {row}")?;
        }
        if let Some(column) = &self.column {
            write!(f, "{} column `{column}`", if self.row.is_some() { "," } else { "" })?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The faults of a package.
#[derive(Debug, Default)]
pub struct Faults {
    /// The first of them.
    pub first: Vec<Fault>,
    /// All of them.
    pub count: usize,
}

impl Faults {
    fn push(&mut self, file: &str, row: Option<usize>, column: Option<&str>, message: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < KEPT {
            let (file, column) = (file.to_owned(), column.map(str::to_owned));
            self.first.push(Fault { file, row: row.map(|row| row + 2), column, message: message() });
        }
    }
}

/// How strictly a table is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// As a package that is published: every column, in order, and no other.
    Package,
    /// As one that is read: columns that must have values are there, and those that are have the right ones.
    Reading,
}

/// Tables checked one after another, in the order of [`TABLES`].
#[derive(Default)]
pub struct Checker<'t> {
    /// The ids of each table so far.
    ids: Vec<(&'static str, HashSet<&'t str>)>,
    /// What was found.
    pub faults: Faults,
}

impl<'t> Checker<'t> {
    /// Checks a table of texts; `file` is named in faults.
    pub fn check(&mut self, rules: &'static Rules, table: &'t Table, file: &str, strictness: Strictness) {
        self.header(rules, table, file, strictness);
        for field in rules.fields {
            if let Some(column) = table.column(field.name) {
                self.values(field, column, file);
            }
        }
        for (name, other) in rules.refers {
            self.references(name, other, table, file);
        }
        let first = rules.fields.first().and_then(|field| table.column(field.name));
        self.ids.push((rules.name, first.map(|column| column.texts().collect()).unwrap_or_default()));
    }

    fn header(&mut self, rules: &Rules, table: &Table, file: &str, strictness: Strictness) {
        let found: Vec<&str> = table.schema.fields.iter().map(|field| field.name.as_str()).collect();
        let before = self.faults.count;
        for field in rules.fields {
            if !found.contains(&field.name) && (field.required || strictness == Strictness::Package) {
                self.faults.push(file, None, Some(field.name), || "the column is missing".to_owned());
            }
        }
        if strictness == Strictness::Reading {
            return;
        }
        for name in found.iter().filter(|name| rules.fields.iter().all(|field| field.name != **name)) {
            self.faults.push(file, None, Some(name), || format!("`{}` has no such column", rules.name));
        }
        let misplaced = rules.fields.iter().zip(&found).find(|(field, name)| field.name != **name);
        if let Some((field, name)) = misplaced.filter(|_| self.faults.count == before) {
            self.faults.push(file, None, Some(name), || format!("`{}` stands in its place in the order of columns", field.name));
        }
    }

    fn values(&mut self, field: &Field, column: &Column, file: &str) {
        // Each distinct text is judged once.
        let wrong: Vec<Option<String>> =
            column.texts().map(|text| if is_missing(text) { None } else { field.kind.check(text).err() }).collect();
        let missing: Vec<bool> = column.texts().map(is_missing).collect();
        let none = wrong.iter().all(Option::is_none);
        let mut seen = vec![None; if field.unique { column.distinct() } else { 0 }];
        if none && !field.required && !field.unique {
            return;
        }
        for row in 0..column.len() {
            let Some(code) = column.code(row).map(|code| code as usize).filter(|code| !missing[*code]) else {
                if field.required {
                    self.faults.push(file, Some(row), Some(field.name), || "a value is missing".to_owned());
                }
                continue;
            };
            let text = || column.text(row).unwrap_or_default();
            if let Some(expected) = &wrong[code] {
                self.faults.push(file, Some(row), Some(field.name), || format!("`{}` is not {expected}", text()));
            }
            if let Some(first) = seen.get_mut(code) {
                match first {
                    None => *first = Some(row),
                    Some(first) => {
                        let first = *first + 2;
                        self.faults
                            .push(file, Some(row), Some(field.name), || format!("`{}` is also that of row {first}", text()));
                    }
                }
            }
        }
    }

    fn references(&mut self, name: &str, other: &str, table: &Table, file: &str) {
        let Some(column) = table.column(name) else { return };
        let Some((_, ids)) = self.ids.iter().find(|(table, _)| *table == other) else { return };
        let unknown: Vec<bool> = column.texts().map(|text| !is_missing(text) && !ids.contains(text)).collect();
        if unknown.iter().all(|unknown| !unknown) {
            return;
        }
        for row in 0..column.len() {
            if column.code(row).is_some_and(|code| unknown[code as usize]) {
                let text = column.text(row).unwrap_or_default();
                self.faults.push(file, Some(row), Some(name), || format!("`{text}` is not in `{other}.csv`"));
            }
        }
    }
}

/// Says whether a text stands for a missing value.
#[must_use]
pub fn is_missing(text: &str) -> bool {
    MISSING.contains(&text)
}

/// Reads a table of texts as packages write it.
///
/// # Errors
/// Of its text, with file, line and column.
pub fn read_table(file: &str, bytes: &[u8]) -> Result<Table, TableError> {
    csv::read(bytes, &Reading::strict(file))
}

/// Checks the package in `folder`: its description and its three tables.
///
/// # Errors
/// When a file cannot be read.
pub fn check_folder(folder: &Path) -> std::io::Result<Faults> {
    let mut faults = Faults::default();
    let bytes = std::fs::read(folder.join(DESCRIPTION))?;
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(description) => check_description(&description, &mut faults),
        Err(error) => faults.push(DESCRIPTION, None, None, || format!("it is no JSON: {error}")),
    }
    let mut tables: Vec<(&'static Rules, Table)> = Vec::new();
    for rules in TABLES {
        let bytes = std::fs::read(folder.join(rules.file()))?;
        match read_table(&rules.file(), &bytes) {
            Ok(table) => tables.push((rules, table)),
            Err(error) => faults.push(&rules.file(), None, None, || error.to_string()),
        }
    }
    let mut checker = Checker { ids: Vec::new(), faults };
    for (rules, table) in &tables {
        checker.check(rules, table, &rules.file(), Strictness::Package);
    }
    Ok(checker.faults)
}

/// Checks what the profile asks of a description.
pub fn check_description(description: &Value, faults: &mut Faults) {
    let mut lacks = |path: &str, message: &str| faults.push(DESCRIPTION, None, Some(path), || message.to_owned());
    for name in ["profile", "created", "contributors", "project", "spatial", "temporal", "taxonomic"] {
        if description.get(name).is_none_or(Value::is_null) {
            lacks(name, "it is missing");
        }
    }
    let resources = description.get("resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for rules in TABLES {
        let named = |resource: &&Value| resource.get("name").and_then(Value::as_str) == Some(rules.name);
        match resources.iter().find(named) {
            None => lacks("resources", &format!("there is none called `{}`", rules.name)),
            Some(resource) => {
                for name in ["path", "profile", "schema"] {
                    if resource.get(name).is_none() {
                        lacks("resources", &format!("`{}` has no `{name}`", rules.name));
                    }
                }
            }
        }
    }
    if let Some(licences) = description.get("licenses").and_then(Value::as_array) {
        let scope = |wanted: &str| licences.iter().any(|one| one.get("scope").and_then(Value::as_str) == Some(wanted));
        if !scope("data") || !scope("media") {
            lacks("licenses", "one is of scope `data` and one of scope `media`");
        }
    }
    let project = description.get("project");
    for name in ["title", "samplingDesign", "captureMethod", "individualAnimals", "observationLevel"] {
        if project.and_then(|project| project.get(name)).is_none_or(Value::is_null) {
            lacks(&format!("project.{name}"), "it is missing");
        }
    }
}

/// All columns of a table as texts, in the order of the rules; missing where it has none.
pub(super) fn complete(rules: &Rules, rows: usize, mut made: Vec<super::observations::Made>) -> Result<Table, TableError> {
    let mut columns = Vec::with_capacity(rules.fields.len());
    for field in rules.fields {
        let at = made.iter().position(|(name, _)| *name == field.name);
        let column = at.map(|at| made.swap_remove(at).1);
        columns.push((field.name, column.unwrap_or_else(|| std::sync::Arc::new(Column::nulls(Type::Text, rows)))));
    }
    let mut table = crate::exchange::shape::table(columns)?;
    table.rows = rows;
    Ok(table)
}
