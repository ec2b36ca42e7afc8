//! Reads separated text into a table, with errors that name file, line, column and the way out.

use std::collections::HashSet;

use super::records::{Records, Separator, Value};
use super::{ColumnBuilder, Faults, Field, Schema, Table, TableError, Type, civil, excerpt};
use crate::merging;

/// How to read a separated text.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// As shown to the user in errors.
    pub file: &'a str,
    /// What stands between fields; `None` looks at the header.
    pub separator: Option<Separator>,
    /// An unquoted `NA` is a missing value, as in R.
    pub na_is_missing: bool,
}

impl<'a> Reading<'a> {
    /// Reads what people and R write: the separator by the header, `NA` as missing.
    #[must_use]
    pub fn tolerant(file: &'a str) -> Self {
        Self { file, separator: None, na_is_missing: true }
    }

    /// Reads what [`super::csv::write`] writes: commas, and `NA` is a text.
    #[must_use]
    pub fn strict(file: &'a str) -> Self {
        Self { file, separator: Some(Separator::Comma), na_is_missing: false }
    }

    fn error(&self, line: Option<u64>, column: Option<&str>, message: String) -> TableError {
        TableError::Text { file: self.file.to_owned(), line, column: column.map(str::to_owned), message }
    }

    /// The text of a file, without its byte order mark.
    ///
    /// # Errors
    /// [`TableError::Text`] for another encoding than UTF-8, with the line.
    pub fn text<'b>(&self, bytes: &'b [u8]) -> Result<&'b str, TableError> {
        if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
            return Err(self.error(None, None, "the file is UTF-16; save it as `CSV UTF-8`".to_owned()));
        }
        let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
        std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count() as u64;
            self.error(Some(line), None, "letters that are not UTF-8; save the file as `CSV UTF-8`".to_owned())
        })
    }

    /// The records of a text, behind the byte order mark, under the separator given or seen.
    ///
    /// # Errors
    /// As [`Reading::text`].
    pub fn records<'b>(&self, bytes: &'b [u8]) -> Result<Records<'b>, TableError>
    where
        'a: 'b,
    {
        let text = self.text(bytes)?;
        if let Some(separator) = self.separator {
            return Ok(Records::new(text, separator, self.file));
        }
        if let Some(line) = merging::first_mark(text) {
            return Err(self.error(Some(line), None, format!("{}; {}", merging::WHAT, merging::WAY_OUT)));
        }
        let (declared, rest) = declared_separator(text);
        let separator = declared.unwrap_or_else(|| Separator::sniff(rest.trim_start()));
        let mut records = Records::new(rest, separator, self.file).from_line(if declared.is_some() { 2 } else { 1 });
        // Spreadsheets leave rows of nothing but separators behind.
        records.skip_empty = true;
        Ok(records)
    }
}

/// What the line `sep=;`, which spreadsheets write above a table, says; and the text behind it.
fn declared_separator(text: &str) -> (Option<Separator>, &str) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let separator = match first.trim_end_matches('\r').strip_prefix("sep=") {
        Some(",") => Separator::Comma,
        Some(";") => Separator::Semicolon,
        Some("\t") => Separator::Tab,
        _ => return (None, text),
    };
    (Some(separator), rest)
}

/// Reads a table; `type_of` gives the type of a column by its name.
pub(super) fn read(bytes: &[u8], reading: &Reading<'_>, type_of: impl Fn(&str) -> Type) -> Result<Table, TableError> {
    let mut records = reading.records(bytes)?;
    let mut fields = Vec::new();
    let Some(line) = records.next(&mut fields)? else {
        return Err(reading.error(None, None, "the file is empty; its first line must name the columns".to_owned()));
    };
    if let Some(message) = too_wide(fields.len()) {
        return Err(reading.error(Some(line), None, message));
    }
    let mut faults = Faults::default();
    let schema = header(&fields, type_of, &mut |name, what| {
        let name = Some(excerpt(name)).filter(|name| !name.is_empty());
        faults.push(|| reading.error(Some(line), name.as_deref(), format!("{what}; name each once")));
    });
    faults.check()?;
    let mut builders: Vec<_> = schema.fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
    // In a table of one column an empty line is a missing value.
    records.keep_blank = builders.len() == 1;
    while let Some(line) = records.next(&mut fields)? {
        if fields.len() != builders.len() {
            faults.push(|| reading.error(Some(line), None, misfit(fields.len(), builders.len())));
            continue;
        }
        for ((field, builder), value) in schema.fields.iter().zip(&mut builders).zip(&fields) {
            if let Err(expected) = push(builder, value, reading.na_is_missing) {
                let message = || format!("`{}` is not {expected}", excerpt(&value.text));
                faults.push(|| reading.error(Some(line), Some(&field.name), message()));
                builder.push_null();
            }
        }
    }
    faults.check()?;
    Table::from_builders(schema, builders)
}

/// The columns that a header names; `wrong` hears of those without a name of their own.
fn header(fields: &[Value<'_>], type_of: impl Fn(&str) -> Type, wrong: &mut dyn FnMut(&str, &str)) -> Schema {
    let mut schema = Schema { fields: Vec::with_capacity(fields.len()) };
    // Not by looking through the names so far: a damaged file may have any number of them.
    let mut seen = HashSet::with_capacity(fields.len());
    for field in fields {
        let name = field.text.trim();
        if name.is_empty() {
            wrong(name, "a column without a name");
        } else if seen.insert(name) {
            schema.fields.push(Field { name: name.to_owned(), ty: type_of(name) });
        } else {
            wrong(name, "two columns of one name");
        }
    }
    schema
}

/// Columns that a table may have: nobody writes more by hand, and every step looks its columns up by their names.
const WIDEST: usize = 5_000;

/// What is said of a header of more columns than any table of a person.
#[must_use]
pub fn too_wide(columns: usize) -> Option<String> {
    (columns > WIDEST).then(|| {
        format!("the header names {columns} columns, and tables of up to {WIDEST} are read; is the separator right, and rows and columns not swapped?")
    })
}

/// What is said of a row of another width than its header.
#[must_use]
pub fn misfit(fields: usize, width: usize) -> String {
    let count = if fields == 1 { "1 field".to_owned() } else { format!("{fields} fields") };
    format!("{count} under a header of {width}; quote a field that holds a separator")
}

/// Adds one field to a column; the error says what was expected.
fn push(builder: &mut ColumnBuilder, value: &Value<'_>, na_is_missing: bool) -> Result<(), &'static str> {
    let text = value.text.as_ref();
    let missing = !value.quoted && (text.is_empty() || na_is_missing && text == "NA");
    let number = text.trim();
    if missing || builder.ty() != Type::Text && number.is_empty() {
        builder.push_null();
        return Ok(());
    }
    match builder.ty() {
        Type::Text => builder.push_text(text),
        Type::Int => builder.push_int(number.parse().map_err(|_| "a whole number")?),
        Type::Float32 => builder.push_float32(number.parse().ok().filter(|v: &f32| !v.is_nan()).ok_or(NUMBER)?),
        Type::Float64 => builder.push_float64(number.parse().ok().filter(|v: &f64| !v.is_nan()).ok_or(NUMBER)?),
        Type::Bool => builder.push_bool(match number.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => true,
            "false" | "f" | "0" => false,
            _ => return Err("`true` or `false`"),
        }),
        Type::Content => builder.push_content(number.parse().map_err(|_| "an identity: `b3:` and 64 hexadecimal digits")?),
        Type::DateTime => builder.push_datetime(civil::parse(number).ok_or("a date and time: `2021-07-01T14:30:00`")?),
    }
    Ok(())
}

const NUMBER: &str = "a number; write a decimal point, and leave a missing value empty";
