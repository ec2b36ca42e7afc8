//! `with:` against the declared parameters: types, ranges, choices. What needs the rest of the pipeline (columns, paths, classes,
//! models, roots) is collected here and checked by those who know it.

use std::collections::BTreeMap;

use super::slips::{decimal_comma, meant_number};
use crate::diagnostic::{Diagnostic, FileId, Report, Span, Spanned, any_of, codes, did_you_mean, nearest};
use crate::seasons::Seasons;
use crate::spec::StepSpec;
use crate::spec::path::project_path;
use crate::step::{Param, ParamType, ParamValue, Params, PathUse, StepKind};
use crate::yaml::{self, Entry, Node, Value};

/// Checked parameters with what is still to be checked about them.
pub(super) struct Checked {
    /// The values; all that could be read.
    pub params: Params,
    /// Nothing is missing or wrong.
    pub complete: bool,
    /// Columns of input ports.
    pub columns: Vec<(&'static str, Spanned<String>)>,
    /// Per-image templates over input ports.
    pub templates: Vec<(&'static str, Spanned<String>)>,
    /// Paths of the project.
    pub paths: Vec<(PathUse, Spanned<String>)>,
    /// Roots.
    pub roots: Vec<Spanned<String>>,
    /// Classes.
    pub classes: Vec<Spanned<String>>,
    /// Models.
    pub models: Vec<Spanned<String>>,
}

/// Checks the parameters of one step.
pub(super) fn check(spec: &StepSpec, report: &mut Report) -> Checked {
    let checked = Checked {
        params: Params { values: BTreeMap::new(), span: spec.with_span },
        complete: !spec.damaged,
        columns: Vec::new(),
        templates: Vec::new(),
        paths: Vec::new(),
        roots: Vec::new(),
        classes: Vec::new(),
        models: Vec::new(),
    };
    let mut reading = Checker { kind: spec.kind, checked, report };
    let known: Vec<&str> = spec.kind.params.iter().map(|param| param.name).collect();
    for entry in &spec.with {
        match spec.kind.params.iter().find(|param| param.name == entry.key.value) {
            Some(param) => {
                let value = reading.value(param.name, &param.ty, &entry.value);
                reading.take(param, value, entry.value.span);
            }
            None => reading.unknown(spec, &entry.key, &known),
        }
    }
    for param in spec.kind.params {
        // Half a `with:` is no reason to say that the other half is missing.
        if !spec.with.iter().any(|entry| entry.key.value == param.name) {
            reading.left_out(spec, param);
        }
    }
    reading.checked
}

struct Checker<'a> {
    kind: &'static StepKind,
    checked: Checked,
    report: &'a mut Report,
}

impl Checker<'_> {
    fn take(&mut self, param: &Param, value: Option<ParamValue>, span: Span) {
        match value {
            Some(value) => {
                self.checked.params.values.insert(param.name, Spanned { value, span });
            }
            None => self.checked.complete = false,
        }
    }

    fn unknown(&mut self, spec: &StepSpec, key: &Spanned<String>, known: &[&str]) {
        let message = format!("`{}` has no parameter `{}`", spec.kind.name, key.value);
        let mut finding = Diagnostic::new(codes::UNKNOWN_PARAMETER, key.span, message);
        let decimal = decimal_comma(&spec.with, &key.value);
        finding.help = match decimal.or_else(|| did_you_mean(&key.value, known)) {
            Some(help) => Some(help),
            None if known.is_empty() => Some(format!("`{}` takes no parameters", spec.kind.name)),
            None => None,
        };
        self.report.push(finding);
    }

    /// Fills in the default, or says that a required parameter is missing.
    fn left_out(&mut self, spec: &StepSpec, param: &'static Param) {
        let span = spec.with_span;
        if let Some(text) = param.default {
            let node = default_node(&param.ty, text, span);
            let value = self.value(param.name, &param.ty, &node);
            self.take(param, value, span);
        } else if param.required && !spec.damaged {
            self.checked.complete = false;
            self.report.push(
                Diagnostic::new(
                    codes::MISSING_PARAMETER,
                    span,
                    format!("`{}` needs the parameter `{}`", spec.kind.name, param.name),
                )
                .help(format!("`{}`: {}", param.name, param.doc)),
            );
        }
    }

    /// A value of type `ty`, or nothing and a finding.
    fn value(&mut self, name: &str, ty: &'static ParamType, node: &Node) -> Option<ParamValue> {
        match (ty, &node.value) {
            (ParamType::Bool, Value::Bool(value)) => Some(ParamValue::Bool(*value)),
            (ParamType::Int(low, high), Value::Int(value)) => {
                if value < low || value > high {
                    let bounds =
                        bounds((*low != i64::MIN).then(|| low.to_string()), (*high != i64::MAX).then(|| high.to_string()));
                    return self.out_of_range(name, &value.to_string(), &bounds, node);
                }
                Some(ParamValue::Int(*value))
            }
            (ParamType::Number(low, high), Value::Int(_) | Value::Float(_)) => {
                let value = match node.value {
                    #[expect(clippy::cast_precision_loss, reason = "a parameter written as a whole number is small")]
                    Value::Int(value) => value as f64,
                    Value::Float(value) => value,
                    _ => return None,
                };
                if value < *low || value > *high {
                    let bounds = bounds(low.is_finite().then(|| low.to_string()), high.is_finite().then(|| high.to_string()));
                    return self.out_of_range(name, &value.to_string(), &bounds, node);
                }
                Some(ParamValue::Number(value))
            }
            (ParamType::Choice(words), Value::Text(word)) => {
                if words.contains(&word.as_str()) {
                    return Some(ParamValue::Text(word.clone()));
                }
                let message = format!("`{word}` is not among the choices for `{name}`");
                let mut finding = Diagnostic::new(codes::NOT_A_CHOICE, node.span, message);
                let takes = |param: &&Param| matches!(param.ty, ParamType::Choice(words) if words.contains(&word.as_str()));
                finding.help = match self.kind.params.iter().find(takes) {
                    Some(other) => Some(format!("`{word}` belongs to another parameter: write `{}: {word}`", other.name)),
                    None => did_you_mean(word, words),
                };
                self.report.push(finding);
                None
            }
            (ParamType::List(inner), Value::List(items)) => self.list(name, inner, items),
            (ParamType::List(inner), Value::Text(_) | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Map(_)) => {
                self.list(name, inner, std::slice::from_ref(node))
            }
            (ParamType::Map(inner) | ParamType::ByFile(inner), Value::Map(entries)) => self.map(name, inner, entries),
            (ParamType::BySeason(inner), Value::Map(entries)) => self.by_season(name, inner, entries, node.span),
            (ParamType::ByEpoch(inner), Value::Map(entries)) => self.by_epoch(name, inner, entries, node.span),
            (ParamType::BySeason(inner) | ParamType::ByEpoch(inner) | ParamType::ByFile(inner), _) => {
                let value = self.value(name, inner, node)?;
                let key = match ty {
                    ParamType::BySeason(_) => "default",
                    ParamType::ByFile(_) => "*",
                    _ => "1",
                };
                let key = Spanned { value: key.to_owned(), span: node.span };
                Some(ParamValue::Map(vec![(key, Spanned { value, span: node.span })]))
            }
            (ParamType::ModelOr(word), Value::Text(text)) if text == word => Some(ParamValue::Text(text.clone())),
            (
                ParamType::Text
                | ParamType::Path(_)
                | ParamType::Root
                | ParamType::Pattern
                | ParamType::Column(_)
                | ParamType::Class
                | ParamType::Model
                | ParamType::ModelOr(_)
                | ParamType::Template(_),
                Value::Text(text),
            ) => self.text(ty, Spanned { value: text.clone(), span: node.span }),
            _ => self.wrong_type(name, ty, node),
        }
    }

    fn list(&mut self, name: &str, inner: &'static ParamType, items: &[Node]) -> Option<ParamValue> {
        let values: Vec<_> =
            items.iter().map(|item| Some(Spanned { value: self.value(name, inner, item)?, span: item.span })).collect();
        let values: Vec<Spanned<ParamValue>> = values.into_iter().collect::<Option<_>>()?;
        if matches!(inner, ParamType::Column(_)) {
            for (at, value) in values.iter().enumerate() {
                if let (ParamValue::Text(column), true) =
                    (&value.value, values[..at].iter().any(|before| before.value == value.value))
                {
                    let message = format!("`{name}` names `{column}` twice");
                    let finding = Diagnostic::new(codes::REPEATED_COLUMN, value.span, message);
                    self.report.push(finding.help("remove one, or name the column that was meant"));
                    return None;
                }
            }
        }
        Some(ParamValue::List(values))
    }

    fn map(&mut self, name: &str, inner: &'static ParamType, entries: &[Entry]) -> Option<ParamValue> {
        let values: Vec<_> = entries
            .iter()
            .map(|entry| {
                let value = self.value(name, inner, &entry.value)?;
                Some((entry.key.clone(), Spanned { value, span: entry.value.span }))
            })
            .collect();
        Some(ParamValue::Map(values.into_iter().collect::<Option<_>>()?))
    }

    fn by_season(&mut self, name: &str, inner: &'static ParamType, entries: &[Entry], span: Span) -> Option<ParamValue> {
        let help = "write `2021`, `\"2014..2025\"` or `default`";
        if entries.is_empty() {
            self.report.push(Diagnostic::new(codes::BAD_SEASONS, span, format!("`{name}` names no season")).help(help));
            return None;
        }
        let mut fine = true;
        let mut seen: Vec<(Seasons, Span)> = Vec::new();
        let mut values = Vec::new();
        for entry in entries {
            let key = &entry.key;
            match Seasons::parse(&key.value) {
                Err(why) => {
                    fine = false;
                    let finding = Diagnostic::new(codes::BAD_SEASONS, key.span, format!("`{}` {why}", key.value));
                    self.report.push(finding.help(help));
                }
                Ok(seasons) => {
                    let overlap = seen.iter().find_map(|(other, at)| Some((seasons.overlap(*other)?, *other, *at)));
                    if let Some(((first, last), other, at)) = overlap {
                        fine = false;
                        let message = format!("`{seasons}` and `{other}` both hold {}", Seasons::Range(first, last));
                        self.report.push(
                            Diagnostic::new(codes::OVERLAPPING_SEASONS, key.span, message)
                                .related(at, "the other range")
                                .help("both ends of a range are included: let one end where the next has not begun"),
                        );
                    }
                    seen.push((seasons, key.span));
                    let value = self.value(name, inner, &entry.value);
                    fine &= value.is_some();
                    let key = Spanned { value: seasons.to_string(), span: key.span };
                    values.extend(value.map(|value| (key, Spanned { value, span: entry.value.span })));
                }
            }
        }
        fine.then_some(ParamValue::Map(values))
    }

    /// Values by epoch, in the order of the epochs.
    fn by_epoch(&mut self, name: &str, inner: &'static ParamType, entries: &[Entry], span: Span) -> Option<ParamValue> {
        let help = "count epochs from 1: `{ 1: 0.01, 19: 0.005 }`";
        let (mut fine, mut values) = (true, Vec::new());
        for Entry { key, value } in entries {
            let epoch = key.value.parse().ok().filter(|epoch: &u32| *epoch > 0 && epoch.to_string() == key.value);
            if epoch.is_none() {
                let message = format!("`{}` is not an epoch", key.value);
                self.report.push(Diagnostic::new(codes::PARAMETER_TYPE, key.span, message).help(help));
            }
            let read = self.value(name, inner, value).map(|read| Spanned { value: read, span: value.span });
            fine &= epoch.is_some() && read.is_some();
            values.extend(epoch.zip(read).map(|(epoch, read)| (epoch, key.clone(), read)));
        }
        if entries.is_empty() {
            let message = format!("`{name}` does not name an epoch");
            self.report.push(Diagnostic::new(codes::PARAMETER_TYPE, span, message).help(help));
            fine = false;
        }
        values.sort_by_key(|(epoch, ..)| *epoch);
        fine.then(|| ParamValue::Map(values.into_iter().map(|(_, key, value)| (key, value)).collect()))
    }

    /// A textual value; what it names is checked later.
    fn text(&mut self, ty: &ParamType, text: Spanned<String>) -> Option<ParamValue> {
        match ty {
            ParamType::Path(usage) => match project_path(&text.value) {
                Ok(path) => {
                    self.checked.paths.push((*usage, Spanned { value: path.clone(), span: text.span }));
                    return Some(ParamValue::Text(path));
                }
                Err(bad) => {
                    self.report.push(Diagnostic::new(bad.code, text.span, bad.message).help(bad.help));
                    return None;
                }
            },
            ParamType::Model | ParamType::ModelOr(_) => {
                if let Err(why) = model_name(&text.value) {
                    let example = "write `name@version`, as in `small_mammals@2026.1`";
                    let help = match ty {
                        ParamType::ModelOr(word) => format!("{example}, or `{word}`"),
                        _ => example.to_owned(),
                    };
                    let finding = Diagnostic::new(codes::BAD_MODEL_NAME, text.span, format!("`{}` {why}", text.value));
                    self.report.push(finding.help(help));
                    return None;
                }
                self.checked.models.push(text.clone());
            }
            ParamType::Root => self.checked.roots.push(text.clone()),
            ParamType::Class => self.checked.classes.push(text.clone()),
            ParamType::Column(port) => self.checked.columns.push((port, text.clone())),
            ParamType::Template(port) => self.checked.templates.push((port, text.clone())),
            _ => {}
        }
        Some(ParamValue::Text(text.value))
    }

    fn out_of_range(&mut self, name: &str, value: &str, bounds: &str, node: &Node) -> Option<ParamValue> {
        let message = format!("`{name}` cannot be {value}");
        self.report.push(Diagnostic::new(codes::OUT_OF_RANGE, node.span, message).help(format!("choose a value {bounds}")));
        None
    }

    fn wrong_type(&mut self, name: &str, ty: &ParamType, node: &Node) -> Option<ParamValue> {
        let wanted = wanted(ty);
        let mut finding =
            Diagnostic::new(codes::PARAMETER_TYPE, node.span, format!("`{name}` takes {wanted}, not {}", node.value.kind()));
        finding.help = match (ty, &node.value) {
            (ParamType::Bool, Value::Text(word)) => match word.to_lowercase().as_str() {
                "yes" | "on" | "y" => Some("write `true`".into()),
                "no" | "off" | "n" => Some("write `false`".into()),
                _ => None,
            },
            (ParamType::Int(..) | ParamType::Number(..), Value::Text(text)) => match yaml::scalar(text) {
                Ok(Value::Int(_) | Value::Float(_)) => Some("leave the quotes out".into()),
                _ => meant_number(text),
            },
            (ParamType::Int(..), Value::Float(_)) => Some("write it without a decimal point".into()),
            (ParamType::Choice(words), _) => Some(format!("choose {}", any_of(words))),
            (ParamType::Bool | ParamType::Int(..) | ParamType::Number(..), _) => None,
            (ParamType::Map(_), _) => Some("write `{ key: value }`".into()),
            (_, Value::Bool(_) | Value::Int(_) | Value::Float(_)) => Some("write it in quotes".into()),
            _ => None,
        };
        self.report.push(finding);
        None
    }
}

/// `from 0 to 1`, `at least 1`.
fn bounds(low: Option<String>, high: Option<String>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("from {low} to {high}"),
        (Some(low), None) => format!("at least {low}"),
        (None, Some(high)) => format!("at most {high}"),
        (None, None) => "a number".into(),
    }
}

/// What a type takes, with its article.
fn wanted(ty: &ParamType) -> String {
    match ty {
        ParamType::Bool => "`true` or `false`".into(),
        ParamType::Int(..) => "a whole number".into(),
        ParamType::Number(..) => "a number".into(),
        ParamType::Text => "text".into(),
        ParamType::Choice(_) => "a word".into(),
        ParamType::Path(_) => "a path".into(),
        ParamType::Root => "a root or folder".into(),
        ParamType::Pattern => "a path pattern".into(),
        ParamType::Column(_) => "a column".into(),
        ParamType::Class => "a class".into(),
        ParamType::Model => "a model".into(),
        ParamType::Template(_) => "a template".into(),
        ParamType::List(_) => "a list".into(),
        ParamType::Map(_) => "a mapping".into(),
        ParamType::ModelOr(word) => format!("a model or `{word}`"),
        ParamType::BySeason(inner) | ParamType::ByEpoch(inner) | ParamType::ByFile(inner) => wanted(inner),
    }
}

/// Checks `name@version`.
fn model_name(text: &str) -> Result<(), &'static str> {
    let Some((name, version)) = text.split_once('@') else { return Err("has no version") };
    let plain = |part: &str, more: &[char]| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(&c)) && !part.starts_with(['.', '-'])
    };
    if !plain(name, &['_', '-']) {
        return Err("has a name with other characters than letters, digits, `_` and `-`");
    }
    if !plain(version, &['_', '-', '.']) || version.ends_with('.') || version.contains("..") {
        return Err("has a version with other characters than letters, digits, `_`, `-` and `.`");
    }
    Ok(())
}

/// The default of a parameter as a node at `span`.
fn default_node(ty: &ParamType, text: &str, span: Span) -> Node {
    let textual = !matches!(
        ty,
        ParamType::Bool
            | ParamType::Int(..)
            | ParamType::Number(..)
            | ParamType::List(_)
            | ParamType::Map(_)
            | ParamType::BySeason(_)
            | ParamType::ByEpoch(_)
            | ParamType::ByFile(_)
    );
    let value = if textual {
        Value::Text(text.to_owned())
    } else if text.contains(['[', '{', ':', '"', '\'']) {
        let read = yaml::read(FileId(u32::MAX), text, &mut Report::default());
        read.map_or(Value::Null, |document| document.root.value)
    } else {
        yaml::scalar(text).unwrap_or(Value::Null)
    };
    at(&Node { value, span }, span)
}

/// A copy of `node` with every part at `span`.
fn at(node: &Node, span: Span) -> Node {
    let value = match &node.value {
        Value::List(items) => Value::List(items.iter().map(|item| at(item, span)).collect()),
        Value::Map(entries) => Value::Map(
            entries
                .iter()
                .map(|entry| Entry { key: Spanned { value: entry.key.value.clone(), span }, value: at(&entry.value, span) })
                .collect(),
        ),
        other => other.clone(),
    };
    Node { value, span }
}

/// Reports names that are not among `known`.
pub(super) fn check_names(
    names: &[Spanned<String>],
    known: &[&str],
    code: crate::diagnostic::Code,
    what: &str,
    otherwise: &str,
    report: &mut Report,
) -> bool {
    let mut fine = true;
    for name in names.iter().filter(|name| !known.contains(&name.value.as_str())) {
        fine = false;
        let mut finding = Diagnostic::new(code, name.span, format!("there is no {what} `{}`", name.value));
        finding.help = match nearest(&name.value, known.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if !known.is_empty() && known.len() <= 12 => Some(format!("expected {}; or {otherwise}", any_of(known))),
            None => Some(otherwise.to_owned()),
        };
        report.push(finding);
    }
    fine
}
