//! `expect:`: gates over the numbers that a step reports.

use super::{Comparison, Expectation};
use crate::diagnostic::{Diagnostic, Report, codes, did_you_mean};
use crate::spec::StepSpec;
use crate::yaml::{Node, Value};

/// Comparisons by their sign, longer signs first.
const SIGNS: &[(&str, Comparison)] = &[
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("==", Comparison::Equal),
    (">", Comparison::Above),
    ("<", Comparison::Below),
];

/// Reads the gates of a step.
pub(super) fn read(spec: &StepSpec, report: &mut Report) -> Vec<Expectation> {
    let Some(node) = &spec.expect else { return Vec::new() };
    let Value::Map(entries) = &node.value else {
        let message = format!("`expect` is a mapping from metrics to bounds, not {}", node.value.kind());
        report.push(Diagnostic::new(codes::WRONG_TYPE, node.span, message).help("write `expect: { METRIC: \">= 0.93\" }`"));
        return Vec::new();
    };
    let known: Vec<&str> = spec.kind.metrics.iter().map(|metric| metric.name).collect();
    let mut gates = Vec::new();
    for entry in entries {
        if !known.contains(&entry.key.value.as_str()) {
            let message = format!("`{}` reports no metric `{}`", spec.kind.name, entry.key.value);
            let mut finding = Diagnostic::new(codes::UNKNOWN_METRIC, entry.key.span, message);
            finding.help = did_you_mean(&entry.key.value, &known);
            report.push(finding);
            continue;
        }
        let Some((comparison, value)) = bound(&entry.value) else {
            let message = format!("the bound of `{}` is no number with a comparison", entry.key.value);
            let help = "write a number, or `\">= 0.93\"` with one of `>=`, `<=`, `>`, `<`, `==`";
            report.push(Diagnostic::new(codes::BAD_EXPECTATION, entry.value.span, message).help(help));
            continue;
        };
        gates.push(Expectation { metric: entry.key.value.clone(), comparison, value, span: entry.value.span });
    }
    gates
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
