//! Small readers of nodes: each reports what it does not understand and returns nothing.

use crate::diagnostic::{Diagnostic, Report, codes, did_you_mean};
use crate::yaml::{Entry, Node, Value};

/// The entries of a mapping; nothing at all counts as an empty one.
pub fn mapping<'a>(node: &'a Node, what: &str, report: &mut Report) -> Option<&'a [Entry]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        Value::Null => Some(&[]),
        other => {
            report.push(
                Diagnostic::new(codes::WRONG_TYPE, node.span, format!("{what} is a mapping, not {}", other.kind()))
                    .help("write `key: value` lines"),
            );
            None
        }
    }
}

/// The text of a node.
pub fn text<'a>(node: &'a Node, what: &str, report: &mut Report) -> Option<&'a str> {
    if let Value::Text(text) = &node.value {
        return Some(text);
    }
    let mut finding = Diagnostic::new(codes::WRONG_TYPE, node.span, format!("{what} is text, not {}", node.value.kind()));
    if matches!(node.value, Value::Bool(_) | Value::Int(_) | Value::Float(_)) {
        finding = finding.help("write it in quotes");
    }
    report.push(finding);
    None
}

/// The items of a list; a single value stands for a list of one, nothing for an empty one.
pub fn list(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        Value::Null => &[],
        _ => std::slice::from_ref(node),
    }
}

/// Reports the keys of `entries` that are not among `known`.
pub fn unknown_keys(entries: &[Entry], known: &[&str], of: &str, report: &mut Report) {
    for entry in entries {
        let key = &entry.key;
        if !known.contains(&key.value.as_str()) {
            let mut finding = Diagnostic::new(codes::UNKNOWN_KEY, key.span, format!("{of} has no key `{}`", key.value));
            finding.help = did_you_mean(&key.value, known);
            report.push(finding);
        }
    }
}

/// The value of `key`.
pub fn get<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Node> {
    entries.iter().find(|entry| entry.key.value == key).map(|entry| &entry.value)
}

/// Says why a name cannot be a step, parameter or root.
pub fn bad_name(name: &str) -> bool {
    let mut letters = name.chars();
    !letters.next().is_some_and(|c| c.is_ascii_lowercase())
        || !letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
        || name.len() > 64
}
