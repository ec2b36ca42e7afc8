//! Exports a table as several files, one for each combination of some of its values: `V_rodents_{locality}_{year}.txt`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::{self, File};
use super::ledger;
use super::table::{Format, render};
use crate::observation::SITE_COLUMNS;
use crate::step::portable::{check_name, fold};
use crate::step::{Finding, Job, StepError};
use crate::table::{Cell, Column, ColumnBuilder, Groups, Schema, Table, Type, civil};

/// How many examples an error shows.
const EXAMPLES: usize = 8;

/// The word for the year of a date.
const YEAR: &str = "year";

/// Columns that hold a year, or a date that begins with one.
const YEARS: [&str; 6] = [YEAR, "t_year", "datetime", "t_date", "date", "first"];

/// A path with columns in braces in its last part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// The folder, without `/` at its end.
    folder: String,
    /// The name of the files.
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Column(String),
}

impl Pattern {
    /// Of a path; `None` where it has no braces.
    ///
    /// # Errors
    /// What is wrong with it, and the way out.
    pub fn of(into: &str) -> Result<Option<Self>, (String, &'static str)> {
        const HELP: &str = "write columns as `{locality}`, in the name of the file";
        let (folder, name) = into.rsplit_once('/').unwrap_or(("", into));
        if folder.contains(['{', '}']) {
            return Err((format!("`{folder}` has braces, and only the name of a file may name columns"), HELP));
        }
        if !name.contains(['{', '}']) {
            return Ok(None);
        }
        let mut parts = Vec::new();
        let mut rest = name;
        while let Some((text, more)) = rest.split_once('{') {
            let closed = more.split_once('}').filter(|(column, _)| !column.is_empty() && !column.contains('{'));
            let Some((column, behind)) = closed.filter(|_| !text.contains('}')) else {
                return Err((format!("the braces of `{name}` do not fit together"), HELP));
            };
            parts.push(Part::Text(text.to_owned()));
            parts.push(Part::Column(column.to_owned()));
            rest = behind;
        }
        if rest.contains('}') {
            return Err((format!("the braces of `{name}` do not fit together"), HELP));
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Some(Self { folder: folder.to_owned(), parts }))
    }

    fn columns(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Column(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The first column that a table does not have.
    pub fn lacks(&self, schema: &Schema) -> Option<&str> {
        self.columns().find(|name| source(name, schema).is_none())
    }

    /// The name of a file from the values of its columns, in their order.
    fn name(&self, values: &[Cell]) -> String {
        let mut values = values.iter();
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Column(_) => values.next().map(|cell| cell.as_ref().to_string()).unwrap_or_default(),
        };
        self.parts.iter().map(part).collect()
    }

    /// The pattern itself, as the name of its ledger.
    fn text(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Column(name) => format!("{{{name}}}"),
        };
        self.parts.iter().map(part).collect()
    }
}

/// The column behind a name of the pattern: itself, the same in the names of the COAT portal or in ours, or where a year stands.
fn source<'s>(name: &'s str, schema: &'s Schema) -> Option<&'s str> {
    let there = |name: &&str| schema.field(name).is_some();
    if name == YEAR {
        return YEARS.into_iter().find(there);
    }
    let pairs = SITE_COLUMNS.iter().chain(&[["sn_site", "site"]]);
    let other = |pair: &[&'static str; 2]| match pair {
        [portal, own] if *own == name => Some(*portal),
        [portal, own] if *portal == name => Some(*own),
        _ => None,
    };
    Some(name).filter(there).or_else(|| pairs.filter_map(other).find(there))
}

/// The values of a name of the pattern.
fn values(name: &str, table: &Table) -> Result<Arc<Column>, StepError> {
    let column = table.require(source(name, &table.schema).unwrap_or(name))?;
    if name != YEAR || column.ty() == Type::Int {
        return Ok(Arc::clone(column));
    }
    let year = |text: &str| text.get(..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit())).map(str::to_owned);
    let years: Vec<Option<String>> = column.texts().map(year).collect();
    let mut builder = ColumnBuilder::with_capacity(Type::Text, column.len());
    for row in 0..column.len() {
        match (column.code(row), column.datetime(row).and_then(civil::from_seconds)) {
            (Some(code), _) => builder.push_optional_text(years[code as usize].as_deref()),
            (None, Some(time)) => builder.push_text(&format!("{:04}", time.year())),
            (None, None) => builder.push_null(),
        }
    }
    Ok(Arc::new(builder.finish()?))
}

/// Writes one file for each combination of values, with all columns or those `chosen`; gives what a person should know, and the files.
pub(super) fn write(
    job: &Job<'_>,
    table: &Table,
    chosen: Option<&[&str]>,
    pattern: &Pattern,
    format: &Format,
) -> Result<(Vec<Finding>, Vec<PathBuf>), StepError> {
    let mut named = Table { schema: Schema::default(), columns: Vec::new(), rows: table.rows };
    let mut names: Vec<String> = Vec::new();
    for (at, name) in pattern.columns().enumerate() {
        let own = format!("{at} {name}");
        named = named.with_column(&own, values(name, table)?)?;
        names.push(own);
    }
    let groups = Groups::of(&named, &names)?;
    let files = files(pattern, &groups)?;
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); groups.len()];
    for (row, group) in (0_u32..).zip(&groups.of_row) {
        rows[*group as usize].push(row);
    }
    let whole = chosen.map_or_else(|| Ok(table.clone()), |names| table.select(names))?;
    let whole = &whole;
    let make = |(name, rows): (&String, Vec<u32>)| File {
        name: name.clone(),
        write: Box::new(move |out| render(&whole.take(&rows), format, out)),
    };
    let files: Vec<File<'_>> = files.iter().zip(rows).map(make).collect();
    let folder = job.context.project.join(&pattern.folder);
    // Several exports may share a folder: each has a ledger of its own.
    let ledger_path = ledger::beside(&folder.join(pattern.text()));
    let findings = folder::write(job, &folder, &ledger_path, &files)?;
    let written = files.iter().map(|file| Path::new(&pattern.folder).join(&file.name)).collect();
    Ok((findings, written))
}

/// The name of the file of each group.
fn files(pattern: &Pattern, groups: &Groups) -> Result<Vec<String>, StepError> {
    let (mut names, mut faults) = (Vec::with_capacity(groups.len()), Vec::new());
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (group, key) in groups.keys.iter().enumerate() {
        let name = pattern.name(key);
        let missing = pattern.columns().zip(key).find(|(_, cell)| **cell == Cell::Null);
        if let Some((column, _)) = missing {
            let rows = groups.of_row.iter().filter(|of| **of as usize == group).count();
            faults.push(format!("{rows} rows have no `{column}`, which names their file; fill it in, or leave it out of `into`"));
        } else if let Err(fault) = check_name(&name) {
            faults.push(format!("`{name}`: {fault}"));
        } else if let Some(other) = seen.insert(fold(&name), name.clone()) {
            faults.push(format!("`{name}` and `{other}` are one file on Windows and macOS"));
        }
        names.push(name);
    }
    if faults.is_empty() {
        return Ok(names);
    }
    let more = faults.len().saturating_sub(EXAMPLES);
    let mut shown = faults.into_iter().take(EXAMPLES).collect::<Vec<_>>();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    let text = pattern.text();
    Err(StepError::Data(format!("the files of `{text}` cannot be named, nothing was written:\n  {}", shown.join("\n  "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_name_columns_in_the_name_of_a_file_only() {
        let pattern = Pattern::of("out/V_{locality}_{year}.txt").unwrap().unwrap();
        assert_eq!((pattern.folder.as_str(), pattern.text().as_str()), ("out", "V_{locality}_{year}.txt"));
        assert_eq!(pattern.name(&[Cell::Text("komag".into()), Cell::Int(2021)]), "V_komag_2021.txt");
        assert_eq!(Pattern::of("out/a.csv"), Ok(None));
        for wrong in ["{year}/a.csv", "a_{year.csv", "a_year}.csv", "a_{}.csv", "{a{b}}.csv", "}{a}.csv"] {
            assert!(Pattern::of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_of_the_portal_and_ours_are_one_and_a_year_is_found_in_dates() {
        let schema = Schema::of(&[("sn_locality", Type::Text), ("t_date", Type::Text)]);
        assert_eq!(source("locality", &schema), Some("sn_locality"));
        assert_eq!((source("year", &schema), source("season", &schema)), (Some("t_date"), None));
        let ours = Schema::of(&[("locality", Type::Text)]);
        assert_eq!((source("sn_locality", &ours), source("year", &ours)), (Some("locality"), None));
    }
}
