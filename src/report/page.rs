//! A report as data: sections of panels, each with its figure, the table behind it and where its numbers come from.

use std::fmt::Write as _;

use serde::Serialize;

use super::figure::written;
use crate::stats::interval::number;

/// A whole report, as the template `report.html` gets it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page {
    /// The heading.
    pub title: String,
    /// The pipeline's name.
    pub programme: String,
    /// The version of Trapline that wrote it.
    pub version: String,
    /// The numbers to remember.
    pub facts: Vec<Fact>,
    /// What follows, in order.
    pub sections: Vec<Section>,
}

impl Page {
    /// Makes what follows from the rest: the tables that are saved from within the page.
    pub fn finish(&mut self) {
        for panel in self.sections.iter_mut().flat_map(|section| &mut section.panels) {
            panel.download = panel.sheet.as_ref().map(Sheet::download);
        }
    }
}

/// One number to remember.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    /// The number, with its unit.
    pub value: String,
    /// What it counts.
    pub name: String,
    /// Its interval, or what it is a share of.
    pub note: String,
    /// Where it comes from.
    pub source: Option<Source>,
}

/// Where numbers come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The step.
    pub step: String,
    /// The output of the step.
    pub output: String,
}

/// A part of the report under one heading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// For links.
    pub id: String,
    /// The heading.
    pub title: String,
    /// What the section says, and how its numbers are to be read.
    pub lead: String,
    /// Its figures and tables.
    pub panels: Vec<Panel>,
}

/// A figure with the table behind it, or one of both, or pictures.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Panel {
    /// For links and file names; unique in the report.
    pub id: String,
    /// The heading.
    pub title: String,
    /// How to read it.
    pub note: String,
    /// Closed until somebody opens it.
    pub folded: bool,
    /// The figure, SVG.
    pub figure: Option<String>,
    /// The table.
    pub sheet: Option<Sheet>,
    /// The table as an address that a browser saves as a file; [`Page::finish`] makes it.
    pub download: Option<String>,
    /// The table is what the panel is about, and not only what stands behind the figure.
    pub table_first: bool,
    /// Pictures of images.
    pub pictures: Vec<Picture>,
    /// Where the numbers come from.
    pub source: Option<Source>,
}

/// A table as people read it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sheet {
    /// Headings.
    pub columns: Vec<String>,
    /// By column, a condition that leads to it in the source, `class=vole`; empty where there is none. Shorter where there are no more.
    pub column_places: Vec<String>,
    /// One cell per column.
    pub rows: Vec<SheetRow>,
    /// Rows that are in the download and not on the page.
    pub hidden: usize,
}

/// A row with the place where its numbers stand in the source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SheetRow {
    /// One per column.
    pub cells: Vec<Value>,
    /// Conditions on the source's columns, `COLUMN=VALUE`, that lead to the row; empty where it is about all rows.
    pub place: Vec<String>,
    /// Where the row comes from, where that is another source than the panel's.
    pub source: Option<Source>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nobody knows.
    Missing,
    /// Words.
    Text(String),
    /// A number, shown with so many decimals.
    Number(f64, usize),
    /// A share, 0-1, shown in percent with so many decimals.
    Share(f64, usize),
}

impl Value {
    /// A count.
    #[must_use]
    pub fn count(count: u64) -> Self {
        Self::Number(number(count), 0)
    }

    /// Words, or nothing.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// A number with so many decimals, where there is one.
    #[must_use]
    pub fn number(value: Option<f64>, decimals: usize) -> Self {
        value.filter(|value| value.is_finite()).map_or(Self::Missing, |value| Self::Number(value, decimals))
    }

    /// Hours of work, where they are known: the fewer, the more decimals.
    #[must_use]
    pub fn hours(hours: Option<f64>) -> Self {
        Self::number(hours, if hours.is_some_and(|hours| hours < 10.0) { 2 } else { 1 })
    }

    /// A share with so many decimals of a percent, where there is one.
    #[must_use]
    pub fn share(value: Option<f64>, decimals: usize) -> Self {
        value.filter(|value| value.is_finite()).map_or(Self::Missing, |value| Self::Share(value, decimals))
    }

    /// So many of so many; nothing where there are none.
    #[must_use]
    pub fn part(part: u64, whole: u64, decimals: usize) -> Self {
        Self::share((whole > 0).then(|| number(part) / number(whole)), decimals)
    }

    /// As people read it: thousands apart, percent signs, a dash where nobody knows.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Missing => "\u{2013}".to_owned(),
            Self::Text(text) => text.clone(),
            Self::Number(value, decimals) => written(*value, *decimals),
            Self::Share(value, decimals) => format!("{}\u{a0}%", written(100.0 * value, *decimals)),
        }
    }

    /// As a program reads it: all digits, no unit, empty where nobody knows.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(value, _) | Self::Share(value, _) => format!("{}", if *value == 0.0 { 0.0 } else { *value }),
        }
    }

    /// The number, where it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(value, _) | Self::Share(value, _) => Some(*value),
            Self::Missing | Self::Text(_) => None,
        }
    }
}

impl Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut cell = serializer.serialize_struct("Value", 2)?;
        cell.serialize_field("shown", &self.shown())?;
        cell.serialize_field("number", &!matches!(self, Self::Text(_)))?;
        cell.end()
    }
}

impl Sheet {
    /// An empty table with these headings.
    #[must_use]
    pub fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(|&name| name.to_owned()).collect(), ..Self::default() }
    }

    /// Adds a row that stands at `place` in the source.
    pub fn push(&mut self, cells: Vec<Value>, place: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a row has a cell per column");
        self.rows.push(SheetRow { cells, place, source: None });
    }

    /// Adds a row about all of another source than the panel's.
    pub fn push_from(&mut self, cells: Vec<Value>, source: Source) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a row has a cell per column");
        self.rows.push(SheetRow { cells, place: Vec::new(), source: Some(source) });
    }

    /// All rows as CSV, numbers with all their digits.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut bytes = Vec::new();
        let mut line = |cells: &mut dyn Iterator<Item = String>| {
            for (at, cell) in cells.enumerate() {
                if at > 0 {
                    bytes.push(b',');
                }
                // An empty field is a missing value.
                if !cell.is_empty() {
                    crate::table::csv::write_text(&cell, &mut bytes);
                }
            }
            bytes.push(b'\n');
        };
        line(&mut self.columns.iter().cloned());
        for row in &self.rows {
            line(&mut row.cells.iter().map(Value::plain));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The CSV as an address that a browser saves as a file.
    #[must_use]
    pub fn download(&self) -> String {
        let mut address = "data:text/csv;charset=utf-8,".to_owned();
        for byte in self.csv().bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b',') {
                address.push(char::from(byte));
            } else {
                let _ = write!(address, "%{byte:02X}");
            }
        }
        address
    }
}

/// A picture of an image, small enough to travel within the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// The image, as an address that holds it; `None` where it could not be opened.
    pub image: Option<String>,
    /// Where the model looked, likewise.
    pub heatmap: Option<String>,
    /// What people saw.
    pub class: String,
    /// What the model said.
    pub label: String,
    /// How sure it was, in words.
    pub confidence: String,
    /// Where the image lies, for people.
    pub file: String,
    /// Conditions that lead to its row in the source.
    pub place: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_for_people_and_written_for_programs() {
        let shown = |value: Value| (value.shown(), value.plain());
        assert_eq!(shown(Value::count(1_234_567)), ("1\u{202f}234\u{202f}567".into(), "1234567".into()));
        assert_eq!(shown(Value::count(9_999)), ("9999".into(), "9999".into()));
        assert_eq!(shown(Value::share(Some(0.977_919), 1)), ("97.8\u{a0}%".into(), "0.977919".into()));
        assert_eq!(shown(Value::number(Some(-12_345.678), 1)), ("\u{2212}12\u{202f}345.7".into(), "-12345.678".into()));
        assert_eq!(shown(Value::number(Some(-0.000_01), 2)), ("0.00".into(), "-0.00001".into()));
        assert_eq!(shown(Value::number(Some(f64::NAN), 2)), ("\u{2013}".into(), String::new()));
    }

    #[test]
    fn a_table_is_downloaded_with_all_digits_and_quoted_where_needed() {
        let mut sheet = Sheet::new(&["class", "share"]);
        sheet.push(vec![Value::text("a, \"b\""), Value::Share(1.0 / 3.0, 1)], vec!["class=a".into()]);
        sheet.push(vec![Value::text("røyskatt"), Value::Missing], Vec::new());
        assert_eq!(sheet.csv(), "class,share\n\"a, \"\"b\"\"\",0.3333333333333333\nrøyskatt,\n");
        assert!(sheet.download().starts_with("data:text/csv;charset=utf-8,class,share%0A%22a,%20%22%22b"));
        assert!(sheet.download().is_ascii());
    }
}
