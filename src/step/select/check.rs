//! What can be said about a selection before any image is read.

use super::{MADE, QUOTAS, Select};
use crate::diagnostic::{Diagnostic, Report, Spanned, codes, did_you_mean};
use crate::observation::Key;
use crate::step::{Context, ParamValue, Params};
use crate::table::{Schema, Type};

/// Something must be wanted, and bounds must not cross.
pub(super) fn quotas(params: &Params, report: &mut Report) -> Option<()> {
    let any = ["per_group", "per_class_n", "rare"].iter().any(|name| params.get(name).is_some());
    if !any {
        let message = "the selection says nowhere how many images to choose";
        report.push(
            Diagnostic::new(codes::MISSING_PARAMETER, params.span, message).help("give `per_group`, `per_class_n` or `rare`"),
        );
        return None;
    }
    if let (Some(from), Some(to)) = (params.number("min_confidence"), params.number("max_confidence"))
        && from > to
    {
        let message = format!("no confidence is at least {from} and at most {to}");
        report.push(
            Diagnostic::new(codes::OUT_OF_RANGE, params.span_of("min_confidence"), message).help("exchange the two bounds"),
        );
        return None;
    }
    Some(())
}

/// The numbers of single classes.
pub(super) fn entries(params: &Params) -> Vec<(Spanned<String>, u64)> {
    let Some(Spanned { value: ParamValue::Map(entries), .. }) = params.get("per_class_n") else { return Vec::new() };
    let whole = |value: &ParamValue| match value {
        ParamValue::Int(n) => u64::try_from(*n).ok(),
        _ => None,
    };
    entries.iter().filter_map(|(class, n)| Some((class.clone(), whole(&n.value)?))).collect()
}

/// Checks the columns that the inputs need.
pub(super) fn columns(step: &Select, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<()> {
    let predictions = inputs.first()?.first()?;
    let mut findings = unknown_classes(step, context);
    let mut refuse = |code, span, message: String, help: &str| findings.push(Diagnostic::new(code, span, message).help(help));
    if Key::shared(&[predictions]).is_none() {
        let message = "no column of the predictions says which image a row is".to_owned();
        refuse(codes::MISSING_COLUMN, context.span, message, "the input needs `content`, `name`, `path` or `file`");
    }
    for table in inputs.get(1).into_iter().flatten().filter(|table| Key::shared(&[predictions, *table]).is_none()) {
        let has: Vec<&str> = table.fields.iter().map(|field| field.name.as_str()).take(12).collect();
        let message =
            "the predictions and a table of `exclude` have no column in common that says which image a row is".to_owned();
        let help = format!("both need `content`, `name`, `path` or `file`; that table has {}", has.join(", "));
        refuse(codes::MISSING_COLUMN, context.span, message, &help);
    }
    if let Some(lacking) = step.order.lacks(predictions) {
        let message = format!("this `order` needs {lacking}, which the predictions do not have");
        refuse(codes::MISSING_COLUMN, context.span, message, "take predictions of `classify`, or `order: random`");
    }
    let is_confidence = predictions.field("confidence").is_some_and(|field| matches!(field.ty, Type::Float32 | Type::Float64));
    if step.is_bounded() && !is_confidence {
        let message = "bounds of confidence need the column `confidence`, which the predictions do not have".to_owned();
        refuse(codes::MISSING_COLUMN, context.span, message, "take predictions of `classify` or `import`");
    }
    if step.background > 0.0 && predictions.field("site").is_none() {
        let message = "backgrounds are those of a site, and the predictions have no column `site`".to_owned();
        refuse(codes::MISSING_COLUMN, context.span, message, "capture `{site}` in the path of the images");
    }
    for name in step.by.iter().filter(|name| MADE.iter().chain(QUOTAS).any(|(made, _)| made == name)) {
        let message = format!("`by` names `{name}`, which `select` makes itself");
        refuse(codes::TAKEN_COLUMN, step.by_span, message, "give the column of the images another name");
    }
    let fine = findings.is_empty();
    for finding in findings {
        report.push(finding);
    }
    let quotas = step.per_group.is_some() || !step.per_class_n.is_empty();
    if quotas && predictions.field("season").is_some() && !step.by.iter().any(|name| name == "season") {
        let message = "images are chosen across seasons: a new one will exchange some of them";
        report.push(Diagnostic::new(codes::SEASON_NOT_IN_BY, step.by_span, message).help("add `season` to `by`"));
    }
    fine.then_some(())
}

/// A programme without a class list takes any.
fn unknown_classes(step: &Select, context: &Context<'_>) -> Vec<Diagnostic> {
    let known: Vec<&str> = context.classes.names().collect();
    let unknown = step.per_class_n.iter().filter(|(class, _)| !known.is_empty() && !known.contains(&class.value.as_str()));
    let finding = |(class, _): &(Spanned<String>, u64)| {
        let mut finding = Diagnostic::new(codes::UNKNOWN_CLASS, class.span, format!("there is no class `{}`", class.value));
        finding.help =
            did_you_mean(&class.value, &known).or_else(|| Some("declare it under `classes:` or in the taxonomy".to_owned()));
        finding
    };
    unknown.map(finding).collect()
}
