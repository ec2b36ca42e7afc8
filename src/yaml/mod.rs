//! YAML text to a tree of nodes with spans, within budgets of size, depth and aliases.

use crate::diagnostic::{Span, Spanned};

mod allow;
mod read;
mod scalar;
mod syntax;

pub use allow::{Allow, apply as apply_allows};
pub use read::{Document, read};
pub use scalar::scalar;

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting, aliases expanded.
pub const MAX_DEPTH: usize = 64;
/// The most aliases of a file.
pub const MAX_ALIASES: usize = 1_000;
/// The most values that all aliases of a file may copy: what stops a bomb of few aliases.
pub const MAX_COPIED: usize = 100_000;

/// A YAML value with the place where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it holds.
    pub value: Value,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of YAML 1.2 value that a pipeline may hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other finite number.
    Float(f64),
    /// Text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order written.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Spanned<String>,
    /// Its value.
    pub value: Node,
}

impl Value {
    /// What the user would call it, with its article.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// A scalar as plain text; `None` for lists, mappings and nothing.
    #[must_use]
    pub fn plain_text(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            Self::Int(value) => Some(value.to_string()),
            Self::Float(value) => Some(value.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }
}

impl Node {
    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entry called `key` of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key.value == key).map(|entry| &entry.value),
            _ => None,
        }
    }
}

/// A value as canonical text: JSON with sorted keys, a whole number written as 1 or 1.0 the same.
#[must_use]
pub fn canonical(node: &Node) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    match &node.value {
        Value::Null => "null".into(),
        Value::Text(text) => quoted(text),
        // -0 is 0.
        Value::Float(number) => (number + 0.0).to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Map(entries) => {
            let mut parts: Vec<_> =
                entries.iter().map(|entry| format!("{}:{}", quoted(&entry.key.value), canonical(&entry.value))).collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
        Value::Bool(_) | Value::Int(_) => node.value.plain_text().unwrap_or_default(),
    }
}
