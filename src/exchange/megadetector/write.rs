//! Writes predictions as a result file of version 1.6: a classifier of whole images gives one box, the frame, with its classes.

use std::collections::HashMap;
use std::io::Write;

use serde_json::json;

use super::VERSION;
use crate::exchange::shape::Files;
use crate::table::{Column, Table, TableError};
use crate::taxonomy::Role;

/// A class that the file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// What it stands for: the category of the box.
    pub role: Role,
}

/// Categories that every file names, by id: 0 is kept for what is empty.
const CATEGORIES: [(&str, &str); 4] = [("0", "empty"), ("1", "animal"), ("2", "person"), ("3", "vehicle")];

/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 16;

/// One class with its confidences: a column `p_CLASS`, or one rank.
struct Given<'t> {
    label: Label<'t>,
    confidence: &'t Column,
}

enum Label<'t> {
    /// The same in all rows.
    Class(usize),
    /// By code of the texts of a column.
    Column(&'t Column, Vec<usize>),
}

impl Given<'_> {
    fn of(&self, row: usize) -> Option<(usize, f32)> {
        let class = match &self.label {
            Label::Class(class) => *class,
            Label::Column(column, classes) => classes[column.code(row)? as usize],
        };
        Some((class, self.confidence.float32(row)?))
    }
}

/// The classes of a file in the order of their ids.
struct Classes {
    all: Vec<Class>,
    by_name: HashMap<String, usize>,
}

impl Classes {
    fn of(known: &[Class]) -> Self {
        let by_name = known.iter().enumerate().map(|(at, class)| (class.name.clone(), at)).collect();
        Self { all: known.to_vec(), by_name }
    }

    fn id(&mut self, name: &str) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        self.all.push(Class { name: name.to_owned(), role: Role::of_name(name) });
        self.by_name.insert(name.to_owned(), self.all.len() - 1);
        self.all.len() - 1
    }

    /// The classes of a column's texts, by code.
    fn of_column(&mut self, column: &Column) -> Vec<usize> {
        column.texts().map(|text| self.id(text)).collect()
    }
}

/// Writes one image per row: its label first, then all other classes that are no surer, by `p_CLASS` or else by rank. Rows without
/// a label are failures with their `problem`. Classes have the ids of their places in `classes`; others come behind.
///
/// # Errors
/// A column that is not there; a label without a confidence, with its image; what the writer reports.
pub fn write(table: &Table, classes: &[Class], out: &mut dyn Write) -> Result<(), TableError> {
    let files = Files::of(table);
    let mut known = Classes::of(classes);
    let label = table.require("label")?;
    let first = Given { label: Label::Column(label, known.of_column(label)), confidence: table.require("confidence")? };
    let others = others(table, &mut known);
    let (boxes, categories) = categories(&known.all);
    let mut buffer = head(table, &known.all, &categories)?;
    let (problem, mut list) = (table.column("problem"), Vec::new());
    for row in 0..table.rows {
        let file = files.path(row);
        let file = file.ok_or_else(|| fault(&format!("row {row}"), "path", "nothing says which file the image is"))?;
        buffer.extend_from_slice(if row > 0 { b",\n{\"file\":" } else { b"\n{\"file\":" });
        quoted(file, &mut buffer)?;
        if label.is_null(row) {
            buffer.extend_from_slice(b",\"detections\":null,\"failure\":");
            let problem = problem.and_then(|problem| problem.text(row)).unwrap_or("not classified");
            quoted(problem, &mut buffer)?;
            buffer.push(b'}');
        } else {
            let Some((class, confidence)) = first.of(row) else {
                let message = "the image has a label and no confidence, which the format needs; export CSV instead";
                return Err(fault(file, "confidence", message));
            };
            list.clear();
            list.extend(others.iter().filter_map(|other| other.of(row)));
            list.retain(|(other, value)| *other != class && *value <= confidence);
            list.sort_by(|a, b| b.1.total_cmp(&a.1));
            list.insert(0, (class, confidence));
            let number = |value: f32| f64::from(value.clamp(0.0, 1.0));
            write!(
                buffer,
                ",\"detections\":[{{\"category\":\"{}\",\"conf\":{},\"bbox\":[0,0,1,1],\"classifications\":[",
                boxes[class],
                number(confidence)
            )?;
            for (place, (class, confidence)) in list.iter().enumerate() {
                write!(buffer, "{}[\"{class}\",{}]", if place > 0 { "," } else { "" }, number(*confidence))?;
            }
            buffer.extend_from_slice(b"]}]}");
        }
        if buffer.len() >= BUFFER {
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    buffer.extend_from_slice(b"\n]}\n");
    Ok(out.write_all(&buffer)?)
}

fn fault(image: &str, column: &str, message: &str) -> TableError {
    TableError::Text { file: image.to_owned(), line: None, column: Some(column.to_owned()), message: message.to_owned() }
}

/// The confidences of all classes where the table has them, else the labels behind the first.
fn others<'t>(table: &'t Table, classes: &mut Classes) -> Vec<Given<'t>> {
    let mut all = Vec::new();
    for (field, column) in table.schema.fields.iter().zip(&table.columns) {
        if let Some(class) = field.name.strip_prefix("p_").filter(|_| field.ty == crate::table::Type::Float32) {
            all.push(Given { label: Label::Class(classes.id(class)), confidence: column });
        }
    }
    if all.is_empty() {
        for rank in 2..=crate::exchange::predictions::RANKS {
            let columns = (table.column(&format!("label_{rank}")), table.column(&format!("confidence_{rank}")));
            if let (Some(label), Some(confidence)) = columns {
                all.push(Given { label: Label::Column(label, classes.of_column(label)), confidence });
            }
        }
    }
    all
}

/// The category of each class's box, and all categories.
fn categories(classes: &[Class]) -> (Vec<usize>, Vec<String>) {
    let mut names: Vec<String> = CATEGORIES.iter().map(|(_, name)| (*name).to_owned()).collect();
    let of_class = |class: &Class| {
        let name = match class.role {
            Role::Animal => "animal",
            Role::Empty => "empty",
            Role::Person => "person",
            Role::Vehicle => "vehicle",
            Role::BadQuality | Role::Other => class.name.as_str(),
        };
        names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        })
    };
    let boxes = classes.iter().map(of_class).collect();
    (boxes, names)
}

/// All that stands before the images.
fn head(table: &Table, classes: &[Class], categories: &[String]) -> Result<Vec<u8>, TableError> {
    let models: Vec<&str> = table.column("model").map(|column| column.texts().collect()).unwrap_or_default();
    let mut info = json!({ "format_version": VERSION, "detector": "none: whole images" });
    if !models.is_empty() {
        info["classifier"] = models.join("+").into();
    }
    let mut buffer = Vec::with_capacity(BUFFER + BUFFER / 4);
    write!(buffer, "{{\"info\":{info},\n\"detection_categories\":")?;
    named(categories.iter().map(String::as_str), &mut buffer)?;
    buffer.extend_from_slice(b",\n\"classification_categories\":");
    named(classes.iter().map(|class| class.name.as_str()), &mut buffer)?;
    buffer.extend_from_slice(b",\n\"images\":[");
    Ok(buffer)
}

/// Names by their number, in its order.
fn named<'n>(names: impl Iterator<Item = &'n str>, buffer: &mut Vec<u8>) -> Result<(), TableError> {
    for (id, name) in names.enumerate() {
        write!(buffer, "{}\"{id}\":", if id > 0 { "," } else { "{" })?;
        quoted(name, buffer)?;
    }
    if buffer.ends_with(b":") {
        buffer.push(b'{');
    }
    buffer.push(b'}');
    Ok(())
}

fn quoted(text: &str, buffer: &mut Vec<u8>) -> Result<(), TableError> {
    serde_json::to_writer(buffer, text).map_err(|error| std::io::Error::from(error).into())
}
