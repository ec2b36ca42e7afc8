//! What can be said about thresholds and rules before any image is read.

use super::rules::Where;
use super::{Choice, Target, Threshold};
use crate::diagnostic::{Diagnostic, Report, Spanned, codes, did_you_mean, nearest};
use crate::step::{Context, ParamValue, Params};
use crate::table::{Schema, Type};

/// Reads where the threshold comes from: a number, or a target.
pub(super) fn choice(params: &Params, report: &mut Report) -> Option<Choice> {
    let mut wrong = |code, name: &str, message: &str, help: &str| {
        report.push(Diagnostic::new(code, params.span_of(name), message).help(help));
        None
    };
    match (params.number("accept_at"), params.number("target_accuracy")) {
        (Some(_), Some(_)) => wrong(
            codes::UNKNOWN_PARAMETER,
            "target_accuracy",
            "`accept_at` and `target_accuracy` both say where the threshold is",
            "keep one of them",
        ),
        (None, None) => wrong(
            codes::MISSING_PARAMETER,
            "with",
            "`threshold` needs `accept_at` or `target_accuracy`",
            "write `accept_at: 0.9`; with `accept_at: 0` only the other rules send images to review",
        ),
        (Some(_), None) if params.bool("choose_per_class") => wrong(
            codes::UNKNOWN_PARAMETER,
            "choose_per_class",
            "`choose_per_class` chooses thresholds for a target, and there is none",
            "give `target_accuracy` instead of `accept_at`, or thresholds under `per_class`",
        ),
        (Some(at), None) if at <= 0.0 && !other_rules(params) => wrong(
            codes::ACCEPTS_ALL,
            "accept_at",
            "`accept_at: 0` without another rule accepts every label, whatever its confidence",
            "write a threshold such as `accept_at: 0.9`, or say what people look at: `always_review`, `always_review_where`",
        ),
        (Some(value), None) => Some(Choice::Fixed(value)),
        (None, Some(accuracy)) => Some(Choice::Target(Target {
            accuracy,
            by_point: params.text("target_by") == Some("point"),
            per_class: params.bool("choose_per_class"),
        })),
    }
}

/// Says whether a rule other than the threshold for all sends images to review.
fn other_rules(params: &Params) -> bool {
    ["per_class", "always_review", "always_review_where"].iter().any(|name| match params.get(name).map(|given| &given.value) {
        Some(ParamValue::List(items)) => !items.is_empty(),
        Some(ParamValue::Map(entries)) => !entries.is_empty(),
        _ => false,
    })
}

/// Thresholds of single classes, in the order of their names.
pub(super) fn per_class(params: &Params) -> Vec<(Spanned<String>, f64)> {
    let Some(Spanned { value: ParamValue::Map(entries), .. }) = params.get("per_class") else { return Vec::new() };
    let number = |value: &ParamValue| match value {
        ParamValue::Number(number) => Some(*number),
        _ => None,
    };
    let mut found: Vec<_> = entries.iter().filter_map(|(class, value)| Some((class.clone(), number(&value.value)?))).collect();
    found.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
    found
}

/// Columns with the values that are always reviewed.
pub(super) fn wheres(params: &Params) -> (Vec<Where>, Vec<Spanned<String>>) {
    let Some(Spanned { value: ParamValue::Map(entries), .. }) = params.get("always_review_where") else {
        return (Vec::new(), Vec::new());
    };
    let texts = |value: &ParamValue| match value {
        ParamValue::List(items) => items
            .iter()
            .filter_map(|item| match &item.value {
                ParamValue::Text(text) => Some(text.clone()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let rule = |(column, values): &(Spanned<String>, Spanned<ParamValue>)| Where {
        column: column.value.clone(),
        values: texts(&values.value),
    };
    (entries.iter().map(rule).collect(), entries.iter().map(|(column, _)| column.clone()).collect())
}

/// Checks the columns that the inputs need.
pub(super) fn columns(step: &Threshold, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<()> {
    let predictions = inputs.first()?.first()?;
    let quality = inputs.get(1).and_then(|tables| tables.first());
    let mut findings = unknown_classes(step, context);
    if predictions.field(&step.on).is_some_and(|field| !is_confidence(field.ty)) {
        let message = format!("a threshold on `{}` needs numbers, and it holds {}", step.on, words(predictions, &step.on));
        findings.push(
            Diagnostic::new(codes::COLUMN_TYPE, context.span, message).help("name a column such as `confidence` or `p_CLASS`"),
        );
    }
    let known: Vec<&str> = predictions.fields.iter().map(|field| field.name.as_str()).collect();
    for column in step.where_columns.iter().filter(|column| !known.contains(&column.value.as_str())) {
        let message = format!("the input `predictions` has no column `{}`", column.value);
        let mut finding = Diagnostic::new(codes::UNKNOWN_COLUMN, column.span, message);
        finding.help = match nearest(&column.value, known.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None => Some(format!("it has {}", known.iter().take(12).copied().collect::<Vec<_>>().join(", "))),
        };
        findings.push(finding);
    }
    match (&step.choice, quality) {
        (Choice::Target(_), None) => findings.push(
            Diagnostic::new(codes::MISSING_INPUT, step.choice_span, "a target needs checked images to be reached by")
                .help("wire them: `from: { predictions: predictions, quality: quality.checked }`"),
        ),
        (_, Some(quality)) => {
            let drawn = step.strata().drawn(context);
            findings.extend(quality_columns(step, quality, &step.strata().columns(&drawn), context));
        }
        (Choice::Fixed(_), None) => {}
    }
    let mut fine = findings.is_empty();
    if quality.is_some() {
        fine &= step.strata().check(predictions, context, report);
    }
    for finding in findings {
        report.push(finding);
    }
    fine.then_some(())
}

/// The columns that checked images need: the value compared, the groups, and the class where thresholds are chosen by class.
fn quality_columns(step: &Threshold, quality: &Schema, strata: &[&str], context: &Context<'_>) -> Vec<Diagnostic> {
    let by_class = matches!(step.choice, Choice::Target(Target { per_class: true, .. })) || !step.per_class.is_empty();
    let needed = strata.iter().copied().chain([step.on.as_str()]).chain(by_class.then_some("label"));
    let help = "wire the output `checked` of an `evaluate` step";
    let mut findings = Vec::new();
    for name in needed {
        if quality.field(name).is_none() {
            let message = format!("the input `quality` has no column `{name}`");
            findings.push(Diagnostic::new(codes::MISSING_COLUMN, context.span, message).help(help));
        } else if name == step.on && !quality.field(name).is_some_and(|field| is_confidence(field.ty)) {
            let message = format!("the column `{name}` of `quality` holds {}, not confidences", words(quality, name));
            findings.push(Diagnostic::new(codes::COLUMN_TYPE, context.span, message).help(help));
        }
    }
    findings
}

fn is_confidence(ty: Type) -> bool {
    matches!(ty, Type::Float32 | Type::Float64)
}

fn words(schema: &Schema, name: &str) -> String {
    schema.field(name).map_or_else(String::new, |field| field.ty.to_string())
}

/// A programme without a class list takes any.
fn unknown_classes(step: &Threshold, context: &Context<'_>) -> Vec<Diagnostic> {
    let known: Vec<&str> = context.classes.names().collect();
    let unknown = step.per_class.iter().filter(|(class, _)| !known.is_empty() && !known.contains(&class.value.as_str()));
    let finding = |(class, _): &(Spanned<String>, f64)| {
        let mut finding = Diagnostic::new(codes::UNKNOWN_CLASS, class.span, format!("there is no class `{}`", class.value));
        finding.help =
            did_you_mean(&class.value, &known).or_else(|| Some("declare it under `classes:` or in the taxonomy".to_owned()));
        finding
    };
    unknown.map(finding).collect()
}
