//! `expect:`: gates over the numbers that a step reports and over the columns of its outputs.

use std::collections::BTreeSet;

use super::slips::meant_number;
use super::{Comparison, Expectation, RowFilter, Subject};
use crate::diagnostic::{Diagnostic, Report, Span, Spanned, codes, did_you_mean};
use crate::spec::StepSpec;
use crate::step::{Metric, PortType, StepKind};
use crate::table::{Schema, Type};
use crate::yaml::{Node, Value};

/// What `PORT.rows` bounds; a column of that name cannot be meant.
pub const ROWS: &str = "rows";

/// Columns that hold the name of a class.
const CLASS_COLUMNS: &[&str] = &["class", "label", "manual", "automatic", "candidate", "current"];

/// What names of columns that hold a share end with, bounds of it aside.
const SHARES: &[&str] = &["accuracy", "precision", "recall", "f1", "share", "coverage", "confidence"];

/// Within what the values of a column of this name lie, where the name says it.
fn column_range(name: &str) -> Option<(f64, f64)> {
    let of = name.strip_suffix("_lower").or_else(|| name.strip_suffix("_upper")).unwrap_or(name);
    let is_share = SHARES.iter().any(|share| of == *share || of.strip_suffix(share).is_some_and(|rest| rest.ends_with('_')));
    is_share.then_some((0.0, 1.0))
}

/// Comparisons by their sign, longer signs first.
const SIGNS: &[(&str, Comparison)] = &[
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("==", Comparison::Equal),
    (">", Comparison::Above),
    ("<", Comparison::Below),
];

/// Reads the gates of a step with `outputs`, which are `None` where the step could not be built.
/// `classes` are all that tables can name, where that is known.
pub(super) fn read(
    spec: &StepSpec,
    outputs: Option<&[Schema]>,
    classes: Option<&BTreeSet<String>>,
    report: &mut Report,
) -> Vec<Expectation> {
    let Some(node) = &spec.expect else { return Vec::new() };
    let Value::Map(entries) = &node.value else {
        let message = format!("`expect` is a mapping from metrics to bounds, not {}", node.value.kind());
        report.push(Diagnostic::new(codes::WRONG_TYPE, node.span, message).help("write `expect: { METRIC: \">= 0.93\" }`"));
        return Vec::new();
    };
    let mut reader = Reader { kind: spec.kind, outputs, classes, report };
    let mut gates = Vec::new();
    for entry in entries {
        let subject = reader.subject(&entry.key);
        let Some((comparison, value)) = bound(&entry.value) else {
            let message = format!("the bound of `{}` is not a number with a comparison", entry.key.value);
            let help = "write a number, or `\">= 0.93\"` with one of `>=`, `<=`, `>`, `<`, `==`";
            let signs: &[char] = &['<', '>', '=', ' '];
            let meant = match &entry.value.value {
                Value::Text(text) => meant_number(text.trim_start_matches(signs)),
                _ => None,
            };
            let help = meant.unwrap_or_else(|| help.to_owned());
            reader.report.push(Diagnostic::new(codes::BAD_EXPECTATION, entry.value.span, message).help(help));
            continue;
        };
        if let Some(subject) = subject {
            reader.range(&entry.key, &subject, comparison, value, entry.value.span);
            gates.push(Expectation { metric: entry.key.value.clone(), subject, comparison, value, span: entry.value.span });
        }
    }
    gates
}

struct Reader<'a> {
    kind: &'static StepKind,
    outputs: Option<&'a [Schema]>,
    classes: Option<&'a BTreeSet<String>>,
    report: &'a mut Report,
}

impl Reader<'_> {
    /// What a key of `expect:` means.
    fn subject(&mut self, key: &Spanned<String>) -> Option<Subject> {
        if self.kind.metrics.iter().any(|metric| metric.name == key.value) {
            return Some(Subject::Metric);
        }
        if !key.value.contains(['.', '[']) {
            let known: Vec<&str> = self.kind.metrics.iter().map(|metric| metric.name).collect();
            let message = format!("`{}` reports no metric `{}`", self.kind.name, key.value);
            let mut finding = Diagnostic::new(codes::UNKNOWN_METRIC, key.span, message);
            finding.help = did_you_mean(&key.value, &known).or_else(|| self.rows_help());
            self.report.push(finding);
            return None;
        }
        let Some(written) = Written::of(&key.value) else {
            let message = format!("`{}` is neither a metric nor a column of an output", key.value);
            let help = "write `PORT.COLUMN`, `PORT[COLUMN=VALUE].COLUMN` or `PORT.rows`";
            self.report.push(Diagnostic::new(codes::BAD_EXPECTATION, key.span, message).help(help));
            return None;
        };
        self.of_table(key, written)
    }

    fn of_table(&mut self, key: &Spanned<String>, written: Written<'_>) -> Option<Subject> {
        let is_table = |port: &&crate::step::Port| port.ty == PortType::Table;
        let Some(output) = self.kind.outputs.iter().position(|port| port.name == written.port && is_table(&port)) else {
            let ports: Vec<&str> = self.kind.outputs.iter().filter(is_table).map(|port| port.name).collect();
            let message = format!("`{}` yields no table `{}`", self.kind.name, written.port);
            let mut finding = Diagnostic::new(codes::UNKNOWN_METRIC, key.span, message);
            finding.help = did_you_mean(written.port, &ports);
            self.report.push(finding);
            return None;
        };
        let filter = RowFilter { output, equal: written.filter };
        // The columns of a step that could not be built are not known: why is said elsewhere.
        if let Some(schema) = self.outputs.and_then(|outputs| outputs.get(output)) {
            let mut fits = true;
            for (column, value) in &filter.equal {
                fits &= self.filter(key, schema, column, value);
            }
            if written.column != ROWS {
                fits &= self.number(key, schema, written.column);
            }
            if !fits {
                return None;
            }
        }
        let column = written.column.to_owned();
        Some(if column == ROWS { Subject::Rows(filter) } else { Subject::Column(filter, column) })
    }

    /// A bound that no value can reach, or that each one reaches, was written in another unit.
    fn range(&mut self, key: &Spanned<String>, subject: &Subject, comparison: Comparison, value: f64, span: Span) {
        let range = match subject {
            Subject::Metric => self.kind.metrics.iter().find(|metric| metric.name == key.value).and_then(Metric::range),
            Subject::Rows(_) => Some((0.0, f64::INFINITY)),
            Subject::Column(_, column) => column_range(column),
        };
        let Some((low, high)) = range else { return };
        let outside = value < low || value > high;
        let never = comparison == Comparison::Above && value >= high || comparison == Comparison::Below && value <= low;
        if !outside && !never {
            return;
        }
        let whole = if high.is_finite() { format!("lies between {low} and {high}") } else { format!("is never below {low}") };
        let message = format!("`{}` {whole}: a bound of `{} {value}` says nothing about it", key.value, comparison.sign());
        let help = if high.is_finite() && value > high && value <= 100.0 {
            format!("for {value} % write {}", value / 100.0)
        } else {
            format!("`trapline help {}` says what each number means", self.kind.name)
        };
        self.report.push(Diagnostic::new(codes::GATE_RANGE, span, message).help(help));
    }

    /// A class that no table can hold.
    fn class(&mut self, key: &Spanned<String>, column: &str, value: &str) -> bool {
        let Some(classes) = self.classes.filter(|_| CLASS_COLUMNS.contains(&column)) else { return true };
        if classes.contains(value) {
            return true;
        }
        let known: Vec<&str> = classes.iter().map(String::as_str).filter(|class| !class.is_empty()).collect();
        let message = format!("the gate `{}` names `{value}`, which is not a class of this pipeline", key.value);
        let mut finding = Diagnostic::new(codes::UNKNOWN_CLASS, key.span, message);
        finding.help = did_you_mean(value, &known).or_else(|| Some("declare it under `classes:` or in the taxonomy".to_owned()));
        self.report.push(finding);
        false
    }

    /// The bounded column must hold numbers.
    fn number(&mut self, key: &Spanned<String>, schema: &Schema, column: &str) -> bool {
        let is_number = |ty: Type| matches!(ty, Type::Int | Type::Float32 | Type::Float64);
        match schema.field(column) {
            Some(field) if is_number(field.ty) => true,
            Some(field) => {
                let message = format!("the column `{column}` holds {}, which no number bounds", field.ty);
                let help = "bound a column of numbers, or count rows: `PORT[COLUMN=VALUE].rows`";
                self.report.push(Diagnostic::new(codes::EXPECTED_COLUMN, key.span, message).help(help));
                false
            }
            None => {
                let numbers = schema.fields.iter().filter(|field| is_number(field.ty));
                let known: Vec<&str> = numbers.map(|field| field.name.as_str()).chain([ROWS]).collect();
                self.no_column(key, column, &known)
            }
        }
    }

    /// The columns of a filter must be comparable with a text.
    fn filter(&mut self, key: &Spanned<String>, schema: &Schema, column: &str, value: &str) -> bool {
        let comparable = |ty: Type| matches!(ty, Type::Text | Type::Int | Type::Bool);
        let Some(field) = schema.field(column) else {
            let columns = schema.fields.iter().filter(|field| comparable(field.ty));
            let known: Vec<&str> = columns.map(|field| field.name.as_str()).collect();
            return self.no_column(key, column, &known);
        };
        let message = match field.ty {
            Type::Text => return self.class(key, column, value),
            Type::Int if value.is_empty() || value.parse::<i64>().is_ok() => return true,
            Type::Bool if matches!(value, "" | "true" | "false") => return true,
            Type::Int | Type::Bool => format!("the column `{column}` holds {}, never `{value}`", field.ty),
            ty => format!("the column `{column}` holds {ty}: it cannot choose rows"),
        };
        let help = "choose rows by text, whole numbers, or true and false";
        self.report.push(Diagnostic::new(codes::EXPECTED_COLUMN, key.span, message).help(help));
        false
    }

    fn no_column(&mut self, key: &Spanned<String>, column: &str, known: &[&str]) -> bool {
        let message = format!("the output that `{}` speaks of has no column `{column}`", key.value);
        let mut finding = Diagnostic::new(codes::EXPECTED_COLUMN, key.span, message);
        finding.help = did_you_mean(column, known);
        self.report.push(finding);
        false
    }

    /// A kind without metrics may still be bounded by its tables.
    fn rows_help(&self) -> Option<String> {
        let port = self.kind.outputs.iter().find(|port| port.ty == PortType::Table)?;
        Some(format!("`{0}.COLUMN` bounds a column and `{0}.rows` the number of rows", port.name))
    }
}

/// A gate on a table, as written.
struct Written<'a> {
    port: &'a str,
    filter: Vec<(String, String)>,
    column: &'a str,
}

impl<'a> Written<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (port, rest) = text.split_at(text.find(['.', '['])?);
        let (filter, rest) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (inside, rest) = rest.split_once(']')?;
                let pair = |part: &str| {
                    let (column, value) = part.split_once('=')?;
                    let (column, value) = (column.trim(), value.trim());
                    (!column.is_empty()).then(|| (column.to_owned(), value.to_owned()))
                };
                (inside.split(',').map(pair).collect::<Option<_>>()?, rest)
            }
            None => (Vec::new(), rest),
        };
        let column = rest.strip_prefix('.')?.trim();
        (!port.is_empty() && !column.is_empty()).then(|| Self { port: port.trim(), filter, column })
    }
}

fn bound(node: &Node) -> Option<(Comparison, f64)> {
    match &node.value {
        #[expect(clippy::cast_precision_loss, reason = "a bound written by hand is small")]
        Value::Int(value) => Some((Comparison::Equal, *value as f64)),
        Value::Float(value) => Some((Comparison::Equal, *value)),
        Value::Text(text) => {
            let text = text.trim();
            let (sign, comparison) = SIGNS.iter().find(|(sign, _)| text.starts_with(sign))?;
            let value = text[sign.len()..].trim().parse::<f64>().ok().filter(|value| value.is_finite())?;
            Some((*comparison, value))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts<'a> = (&'a str, Vec<(String, String)>, &'a str);

    fn parts(text: &str) -> Option<Parts<'_>> {
        Written::of(text).map(|written| (written.port, written.filter, written.column))
    }

    #[test]
    fn a_gate_on_a_table_names_port_rows_and_column() {
        let pair = |column: &str, value: &str| (column.to_owned(), value.to_owned());
        assert_eq!(parts("classes.precision"), Some(("classes", vec![], "precision")));
        assert_eq!(parts("classes[class=stoat].rows"), Some(("classes", vec![pair("class", "stoat")], "rows")));
        assert_eq!(
            parts("classes[class=least weasel, season=2024, site=].n"),
            Some(("classes", vec![pair("class", "least weasel"), pair("season", "2024"), pair("site", "")], "n"))
        );
        for bad in
            ["classes", "classes.", ".n", "classes[class=stoat]", "classes[class].n", "classes[class=stoat.n", "classes[].n"]
        {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }
}
