//! What can be wrong with a table.

use super::Type;

/// A table that cannot be built, read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Two columns of one name.
    #[error("two columns are called `{0}`")]
    DuplicateColumn(String),
    /// No such column.
    #[error("no column `{name}`: there are {}", listed(.columns))]
    NoColumn {
        /// What was asked for.
        name: String,
        /// What is there.
        columns: Vec<String>,
    },
    /// A column of another type than its schema says.
    #[error("column `{column}` holds {found}, expected {expected}")]
    ColumnType {
        /// Its name.
        column: String,
        /// As declared.
        expected: Type,
        /// As found.
        found: Type,
    },
    /// Columns of different lengths, or fewer columns than names.
    #[error("column `{column}` has {found} rows, expected {expected}")]
    Length {
        /// Its name.
        column: String,
        /// Rows of the table.
        expected: usize,
        /// Rows of the column.
        found: usize,
    },
    /// Tables of different columns cannot be put below one another.
    #[error("tables with different columns cannot be joined end to end: {0}")]
    SchemaMismatch(String),
    /// A value of another type than its column.
    #[error("row {row}: {found} in a column of {expected}")]
    CellType {
        /// 0-based.
        row: usize,
        /// The column's type.
        expected: Type,
        /// What was pushed.
        found: &'static str,
    },
    /// A number that is not one.
    #[error("row {row}: not a number (NaN) cannot be stored; mark it as missing")]
    NotANumber {
        /// 0-based.
        row: usize,
    },
    /// A date outside the calendar.
    #[error("row {row}: {seconds} s since 1970 lies outside the years -9999 to 9999")]
    DateTime {
        /// 0-based.
        row: usize,
        /// As pushed.
        seconds: i64,
    },
    /// More rows or text than one column can number.
    #[error("a column holds at most 2^32 - 2 rows and 4 GiB of distinct text")]
    TooLarge,
    /// Bytes that are no column, header or row of ours.
    #[error("damaged {what}: {reason}")]
    Damaged {
        /// `column`, `table header`, `row`.
        what: &'static str,
        /// What does not fit.
        reason: &'static str,
    },
    /// A text file that does not hold what was expected: file, row, column and the way out.
    #[error("`{file}`{}: {message}", place(*.line, .column.as_deref()))]
    Text {
        /// As shown to the user.
        file: String,
        /// 1-based line, where known.
        line: Option<u64>,
        /// The column's name, where one is meant.
        column: Option<String>,
        /// What is wrong and the way out.
        message: String,
    },
    /// Several of them, found in one go.
    #[error("{}", super::faults::listed(.first, *.count))]
    Several {
        /// The first.
        first: Vec<TableError>,
        /// All.
        count: u64,
    },
    /// A file or pipe could not be read or written.
    #[error("cannot read or write the table")]
    Io(#[from] std::io::Error),
    /// The Parquet writer or reader failed.
    #[cfg(feature = "parquet")]
    #[error("cannot write or read Parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("`, `")) }
}

fn place(line: Option<u64>, column: Option<&str>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!(", line {line}, column `{column}`"),
        (Some(line), None) => format!(", line {line}"),
        (None, Some(column)) => format!(", column `{column}`"),
        (None, None) => String::new(),
    }
}
