//! Reads the files into one table, row by row, with the line of each for what is found wrong later.

use std::collections::HashMap;

use super::layout::{self, Filter, Layout, Source};
use crate::id::ContentId;
use crate::step::{Cancel, Finding, StepError};
use crate::table::records::{Records, Value};
use crate::table::{ColumnBuilder, Faults, Schema, Table, TableError, Type, civil, excerpt, misfit};

/// Columns that hold places of files: written with `/`.
const PATHS: &[&str] = &["path", "file"];

/// Rows of several files under one schema.
pub struct Rows<'a> {
    schema: Schema,
    builders: Vec<ColumnBuilder>,
    files: Vec<&'a str>,
    /// File and line of each row.
    lines: Vec<(u32, u64)>,
    /// Words that stand for a missing value.
    missing: &'a [String],
    /// Images of a final file that were looked at, and whether any of their rows says 1.
    asked: HashMap<String, bool>,
}

/// Where a row stands.
#[derive(Debug, Clone)]
pub struct Places<'a> {
    files: Vec<&'a str>,
    lines: Vec<(u32, u64)>,
    /// The list in which rows are counted from 0, where they are not lines.
    list: Option<&'static str>,
    /// When the image of each row was taken, where the file says it beside the columns of the table.
    taken: Vec<Option<i64>>,
}

impl<'a> Places<'a> {
    /// Of items of a list: the number of each, with its file, and when its image was taken.
    pub fn of_items(files: Vec<&'a str>, items: Vec<(u32, u64)>, list: &'static str, taken: Vec<Option<i64>>) -> Self {
        Self { files, lines: items, list: Some(list), taken }
    }

    /// Of lines of files: the file and line of each row.
    pub fn of_lines(files: Vec<&'a str>, lines: Vec<(u32, u64)>) -> Self {
        Self { files, lines, list: None, taken: Vec::new() }
    }

    /// The file of a row.
    pub fn file(&self, row: usize) -> &'a str {
        self.lines.get(row).and_then(|(file, _)| self.files.get(*file as usize)).copied().unwrap_or("the table")
    }

    /// When the image of a row was taken, where the file says it beside the columns of the table.
    pub fn taken(&self, row: usize) -> Option<i64> {
        self.taken.get(row).copied().flatten()
    }

    /// Those of some rows.
    #[must_use]
    pub fn take(mut self, rows: &[u32]) -> Self {
        let lines = rows.iter().filter_map(|row| self.lines.get(*row as usize).copied()).collect();
        if !self.taken.is_empty() {
            self.taken = rows.iter().map(|row| self.taken(*row as usize)).collect();
        }
        Self { lines, ..self }
    }

    /// The files, for messages.
    pub fn files_in_words(&self) -> String {
        match self.files[..] {
            [file] => format!("`{file}`"),
            _ => format!("the {} files", self.files.len()),
        }
    }

    /// File and line of a row.
    pub fn words(&self, row: usize) -> String {
        match (self.lines.get(row), self.list) {
            (Some((file, item)), Some(list)) => format!("`{}` {list}[{item}]", self.files[*file as usize]),
            (Some((file, line)), None) => format!("`{}` line {line}", self.files[*file as usize]),
            (None, _) => "the table".to_owned(),
        }
    }

    /// What is wrong with the value of a column in a row.
    pub fn fault(&self, row: usize, column: &str, message: String) -> TableError {
        let (file, line) = (self.file(row).to_owned(), self.lines.get(row).map(|(_, line)| *line));
        let (line, column) = match (self.list, line) {
            (Some(list), Some(item)) => (None, format!("{list}[{item}]")),
            _ => (line, column.to_owned()),
        };
        TableError::Text { file, line, column: Some(column), message }
    }
}

impl<'a> Rows<'a> {
    /// No rows yet.
    pub fn new(schema: Schema, missing: &'a [String]) -> Self {
        let builders = schema.fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
        Self { schema, builders, files: Vec::new(), lines: Vec::new(), missing, asked: HashMap::new() }
    }

    /// Adds the rows of a file, whose header is read already and has `width` fields. Damaged lines and values that are not of their
    /// column's type go to `faults`, with file, line and column.
    ///
    /// # Errors
    /// When the person stops it.
    pub fn add(
        &mut self,
        file: &'a str,
        mut records: Records<'_>,
        width: usize,
        layout: &Layout,
        faults: &mut Faults,
        cancel: &Cancel,
    ) -> Result<(), StepError> {
        let sources: Vec<Option<&Source>> = self.schema.fields.iter().map(|field| layout.source(&field.name)).collect();
        let number = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.push(file);
        self.asked.clear();
        let mut fields = Vec::with_capacity(width);
        loop {
            let line = match records.next(&mut fields) {
                Ok(Some(line)) => line,
                Ok(None) => break,
                // A quote that is never closed takes the rest of the file with it.
                Err(error) => {
                    faults.push(|| error);
                    break;
                }
            };
            let fault = |column: Option<&str>, message: String| TableError::Text {
                file: file.to_owned(),
                line: Some(line),
                column: column.map(str::to_owned),
                message,
            };
            if fields.len() != width {
                faults.push(|| fault(None, misfit(fields.len(), width)));
                continue;
            }
            if !self.counts(&layout.filter, &fields) {
                continue;
            }
            let missing = |value: &Value<'_>| is_missing(value, self.missing);
            for ((field, builder), source) in self.schema.fields.iter().zip(&mut self.builders).zip(&sources) {
                let value = source.and_then(|source| layout::value(source, &fields, &missing));
                let Some(text) = value.as_deref() else {
                    builder.push_null();
                    continue;
                };
                if let Err(expected) = push(builder, &field.name, text) {
                    faults.push(|| fault(Some(&field.name), format!("`{}` is not {expected}", excerpt(text))));
                    builder.push_null();
                }
            }
            self.lines.push((number, line));
            if self.lines.len().is_multiple_of(1 << 16) {
                cancel.check()?;
            }
        }
        Ok(())
    }

    /// Says whether a row counts, and notes which images were looked at.
    fn counts(&mut self, filter: &Filter, fields: &[Value<'_>]) -> bool {
        let text = |at: usize| fields.get(at).filter(|value| !is_missing(value, self.missing)).map(|value| value.text.trim());
        let (Filter::One { image, .. } | Filter::First { image }) = filter else { return true };
        let Some(name) = text(*image) else { return false };
        match filter {
            Filter::One { at, asked, .. } => {
                if text(*asked).is_none() {
                    return false;
                }
                let one = text(*at) == Some("1");
                match self.asked.get_mut(name) {
                    Some(found) => *found |= one,
                    None => drop(self.asked.insert(name.to_owned(), one)),
                }
                one
            }
            _ => self.asked.insert(name.to_owned(), true).is_none(),
        }
    }

    /// Images of the file just added that were looked at and for which no class is 1.
    pub fn lost(&self, file: &str) -> Option<Finding> {
        let mut names: Vec<&str> = self.asked.iter().filter(|(_, found)| !**found).map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        (!names.is_empty()).then(|| Finding {
            kind: "class_not_listed".into(),
            message: format!(
                "`{file}` has images of which no class is present: theirs is not among the classes of the file; import them from the \
                 files that it was made of"
            ),
            count: names.len() as u64,
            examples: names.iter().take(super::EXAMPLES).map(|name| (*name).to_owned()).collect(),
        })
    }

    /// The table, and where its rows stand.
    ///
    /// # Errors
    /// When it is too large.
    pub fn finish(self) -> Result<(Table, Places<'a>), TableError> {
        let table = Table::from_builders(self.schema, self.builders)?;
        Ok((table, Places::of_lines(self.files, self.lines)))
    }
}

fn is_missing(value: &Value<'_>, words: &[String]) -> bool {
    let text = value.text.trim();
    text.is_empty() || (!value.quoted && text == "NA") || words.iter().any(|word| word == text)
}

/// Adds a value; the error says what was expected.
pub fn push(builder: &mut ColumnBuilder, column: &str, text: &str) -> Result<(), &'static str> {
    match builder.ty() {
        Type::Text if PATHS.contains(&column) && text.contains('\\') => builder.push_text(&text.replace('\\', "/")),
        Type::Text | Type::Bool => builder.push_text(text),
        Type::Int => builder.push_int(text.parse().map_err(|_| "a whole number")?),
        Type::Float32 => {
            let value: f32 = text.parse().map_err(|_| "a number; write a decimal point")?;
            if !(0.0..=1.0).contains(&value) {
                return Err("a confidence: a number from 0 to 1");
            }
            builder.push_float32(value);
        }
        Type::Float64 => builder.push_float64(text.parse().ok().filter(|v: &f64| v.is_finite()).ok_or("a number")?),
        Type::Content => {
            builder.push_content(text.parse::<ContentId>().map_err(|_| "an identity: `b3:` and 64 hexadecimal digits")?);
        }
        Type::DateTime => builder.push_datetime(civil::parse(text).ok_or("a date and time: `2021-07-01T14:30:00`")?),
    }
    Ok(())
}
