//! Parameters: declared in order, each seeing those before it, then overridden by `--params` files and `--set`.

use std::path::Path;

use crate::diagnostic::{Diagnostic, Report, Sources, Span, Spanned, codes, did_you_mean};
use crate::yaml::{self, Node, Value};

use super::template::{Renderer, Scope};
use super::{Files, Reading};

/// The declared parameters with their final values, and whether an override changed one.
pub(super) fn params(
    declared: &[(Spanned<String>, Node)],
    reading: &Reading<'_>,
    renderer: &mut Renderer,
    files: &mut Files,
    report: &mut Report,
) -> (Vec<(Spanned<String>, Node)>, bool) {
    let overrides = overrides(declared, reading, files, report);
    let mut overridden = false;
    let mut values: Vec<(Spanned<String>, Node)> = Vec::new();
    for (name, written) in declared {
        let own = render(written, &values, renderer, &files.sources, report);
        // The last one wins: `--set` comes after `--params`.
        let value = match overrides.iter().rev().find(|(key, _)| *key == name.value) {
            Some((_, value)) => {
                overridden |= own.as_ref().is_none_or(|own| !same(own, value));
                Some(value.clone())
            }
            None => own,
        };
        // A damaged value stays as it is written: the damage is said once.
        values.push((name.clone(), value.unwrap_or(Node { value: Value::Null, span: written.span })));
    }
    (values, overridden)
}

fn render(
    node: &Node,
    before: &[(Spanned<String>, Node)],
    renderer: &mut Renderer,
    sources: &Sources,
    report: &mut Report,
) -> Option<Node> {
    if !holds_template(node) {
        return Some(node.clone());
    }
    let scope = Scope::default().with("params", before.iter().map(|(name, node)| (name.value.as_str(), node)));
    renderer.node(node, &scope, sources, report)
}

fn holds_template(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => super::template::is_template(text),
        Value::List(items) => items.iter().any(holds_template),
        Value::Map(entries) => entries.iter().any(|entry| holds_template(&entry.value)),
        _ => false,
    }
}

/// All overrides in the order in which they apply.
fn overrides(
    declared: &[(Spanned<String>, Node)],
    reading: &Reading<'_>,
    files: &mut Files,
    report: &mut Report,
) -> Vec<(String, Node)> {
    let names: Vec<&str> = declared.iter().map(|(name, _)| name.value.as_str()).collect();
    let mut found: Vec<(Spanned<String>, Node)> = Vec::new();
    for path in reading.params {
        let Some((_, document)) = files.yaml(path, None, report) else { continue };
        match document.root.value {
            Value::Map(entries) => found.extend(entries.into_iter().map(|entry| (entry.key, entry.value))),
            Value::Null => {}
            other => report.push(
                Diagnostic::new(
                    codes::BAD_OVERRIDE,
                    document.root.span,
                    format!("a file of parameters is a mapping, not {}", other.kind()),
                )
                .help("write `key: value` lines"),
            ),
        }
    }
    for (key, value) in reading.set {
        // Shown as it was typed; the value is read at its place behind the key.
        let file = files.sources.add(Path::new("--set"), format!("{key}={value}"));
        let end = u32::try_from(key.len()).unwrap_or(0);
        let span = Span { file, start: 0, end };
        if key.is_empty() {
            report.push(Diagnostic::new(codes::BAD_OVERRIDE, span, "`--set` without a key").help("write `--set key=value`"));
            continue;
        }
        let padded = format!("{}{value}", " ".repeat(key.len() + 1));
        if let Some(document) = yaml::read(file, &padded, report) {
            found.push((Spanned { value: key.clone(), span }, document.root));
        }
    }
    found.retain(|(key, _)| {
        let known = names.contains(&key.value.as_str());
        if !known {
            let mut finding =
                Diagnostic::new(codes::UNKNOWN_OVERRIDE, key.span, format!("the pipeline declares no parameter `{}`", key.value));
            finding.help = did_you_mean(&key.value, &names).or_else(|| Some(format!("declare `{}` under `params:`", key.value)));
            report.push(finding);
        }
        known
    });
    found.into_iter().map(|(key, value)| (key.value, value)).collect()
}

/// Says whether two values are the same, wherever they stand.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key.value == b.key.value && same(&a.value, &b.value))
        }
        (a, b) => a == b,
    }
}
