//! Parameters: declared once, then checked, explained, hashed and published as JSON Schema.

use std::collections::BTreeMap;

use crate::diagnostic::{Span, Spanned};

/// How a step uses a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathUse {
    /// A file that must be there before the run.
    Read,
    /// A file that may be there.
    ReadOptional,
    /// A file or folder that the step writes.
    Write,
    /// A folder of files that people write, and that may be there.
    Labels,
}

/// The type of a parameter.
#[derive(Debug)]
pub enum ParamType {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds, both included.
    Int(i64, i64),
    /// A number within bounds, both included.
    Number(f64, f64),
    /// Text.
    Text,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A path relative to the project, inside it.
    Path(PathUse),
    /// A declared root, or a folder of the project.
    Root,
    /// A path pattern with captures, globs and choices.
    Pattern,
    /// A column of the named input port.
    Column(&'static str),
    /// A class of the programme.
    Class,
    /// `name@version` of a model.
    Model,
    /// `name@version` of a model, or this word.
    ModelOr(&'static str),
    /// A template over the columns of the named input port, rendered once per image.
    Template(&'static str),
    /// A list; a single value stands for a list of one.
    List(&'static ParamType),
    /// A mapping from any key.
    Map(&'static ParamType),
    /// A value, or one per range of seasons (`"2014..2025"`, `default`).
    BySeason(&'static ParamType),
    /// A value, or one from each of some epochs on (`{ 1: 0.01, 19: 0.005 }`), counted from 1.
    ByEpoch(&'static ParamType),
    /// A value, or one per file that the step reads (`results/s1.json`, a folder, a name with `*`).
    ByFile(&'static ParamType),
}

/// A parameter of `with:`, as declared by a step kind.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: ParamType,
    /// It must be given.
    pub required: bool,
    /// The value where it is not given, as YAML text (`"0.9"`); `None` leaves it missing.
    pub default: Option<&'static str>,
    /// It enters the recipe. What only says where or how fast does not.
    pub keyed: bool,
    /// One sentence, with the unit.
    pub doc: &'static str,
}

/// A checked value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamValue {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Number(f64),
    /// Text of any textual type.
    Text(String),
    /// A list.
    List(Vec<Spanned<ParamValue>>),
    /// A mapping or the ranges of a [`ParamType::BySeason`], in the order written; a plain value there is under `default`. The
    /// values of
    /// a [`ParamType::ByEpoch`] are in the order of the epochs, a plain one under `1`;
    /// that of a [`ParamType::ByFile`] under `*`.
    Map(Vec<(Spanned<String>, Spanned<ParamValue>)>),
}

impl ParamValue {
    /// The canonical text that enters a key: JSON with sorted keys, numbers by their bits' shortest form.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            // A whole number written as 1 or 1.0 is the same number.
            Self::Number(value) => format!("{}", if *value == 0.0 { 0.0 } else { *value }),
            Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| item.value.canonical()).collect();
                format!("[{}]", items.join(","))
            }
            Self::Map(entries) => {
                let mut parts: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| format!("{}:{}", serde_json::Value::from(key.value.as_str()), value.value.canonical()))
                    .collect();
                parts.sort();
                format!("{{{}}}", parts.join(","))
            }
        }
    }
}

/// The checked parameters of one step, defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// By name.
    pub values: BTreeMap<&'static str, Spanned<ParamValue>>,
    /// Where `with:` (or the step) stands.
    pub span: Span,
}

impl Params {
    /// The value of `name` with its place.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Spanned<ParamValue>> {
        self.values.get(name)
    }

    /// The text of `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match &self.get(name)?.value {
            ParamValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth of `name`; false where missing.
    #[must_use]
    pub fn bool(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Spanned { value: ParamValue::Bool(true), .. }))
    }

    /// The whole number of `name`.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)?.value {
            ParamValue::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The number of `name`.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)?.value {
            ParamValue::Number(value) => Some(value),
            #[expect(clippy::cast_precision_loss, reason = "a parameter written as a whole number is small")]
            ParamValue::Int(value) => Some(value as f64),
            _ => None,
        }
    }

    /// The texts of a list `name`, each with its place; empty where missing.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<Spanned<String>> {
        let Some(Spanned { value: ParamValue::List(items), .. }) = self.get(name) else { return Vec::new() };
        items
            .iter()
            .filter_map(|item| match &item.value {
                ParamValue::Text(text) => Some(Spanned { value: text.clone(), span: item.span }),
                _ => None,
            })
            .collect()
    }

    /// The place of `name`, or of the whole.
    #[must_use]
    pub fn span_of(&self, name: &str) -> Span {
        self.get(name).map_or(self.span, |value| value.span)
    }
}
