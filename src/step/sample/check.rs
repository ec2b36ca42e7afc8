//! What can be said about a sample before any image is read.

use super::bins::Bins;
use super::draw::{Quotas, Random};
use super::size::Plan;
use super::{MADE, STRATA, Sample};
use crate::diagnostic::{Diagnostic, Report, Spanned, codes, did_you_mean};
use crate::observation::Key;
use crate::step::{Context, ParamValue, Params};
use crate::table::{Schema, Type};

/// Reads how many images are wanted; none at all is a mistake.
pub(super) fn quotas(params: &Params, report: &mut Report) -> Option<Quotas> {
    let count = |name: &str| params.int(name).and_then(|n| u64::try_from(n).ok());
    let planned = match params.get("plan_size") {
        Some(given) => Some(plan(given, report)?),
        None => None,
    };
    let random = match (count("random_per_group"), planned) {
        (Some(_), Some(_)) => {
            let message = "`random_per_group` and `plan_size` both say how large the random sample is";
            let finding = Diagnostic::new(codes::UNKNOWN_PARAMETER, params.span_of("plan_size"), message);
            report.push(finding.related(params.span_of("random_per_group"), "the other one").help("keep one of them"));
            return None;
        }
        (Some(n), None) => Some(Random::Fixed(n)),
        (None, planned) => planned.map(Random::Planned),
    };
    let quotas = Quotas {
        random,
        per_class: count("per_class"),
        per_class_n: entries(params, "per_class_n"),
        per_bin: count("per_confidence_bin"),
        bins: Bins::new(count("bins").and_then(|n| u32::try_from(n).ok()).unwrap_or(10)),
        seed: params.int("seed").unwrap_or(1),
    };
    let any = quotas.random.is_some() || quotas.per_class.is_some() || !quotas.per_class_n.is_empty() || quotas.per_bin.is_some();
    if !any {
        report.push(
            Diagnostic::new(codes::MISSING_PARAMETER, params.span, "the sample says nowhere how many images to draw")
                .help("give `random_per_group`, `plan_size`, `per_class`, `per_class_n` or `per_confidence_bin`"),
        );
        return None;
    }
    Some(quotas)
}

/// The classes of `per_class_n`, where they stand.
pub(super) fn class_names(params: &Params) -> Vec<Spanned<String>> {
    match params.get("per_class_n").map(|given| &given.value) {
        Some(ParamValue::Map(entries)) => entries.iter().map(|(class, _)| class.clone()).collect(),
        _ => Vec::new(),
    }
}

fn entries(params: &Params, name: &str) -> Vec<(String, u64)> {
    let Some(Spanned { value: ParamValue::Map(entries), .. }) = params.get(name) else { return Vec::new() };
    let whole = |value: &ParamValue| match value {
        ParamValue::Int(n) => u64::try_from(*n).ok(),
        _ => None,
    };
    entries.iter().filter_map(|(class, n)| Some((class.value.clone(), whole(&n.value)?))).collect()
}

const PLANNED: [&str; 3] = ["half_width", "expected", "level"];

fn plan(given: &Spanned<ParamValue>, report: &mut Report) -> Option<Plan> {
    let ParamValue::Map(entries) = &given.value else { return None };
    let mut plan = Plan { half_width: 0.0, expected: 0.5, level: 0.95 };
    let mut fine = true;
    for (key, value) in entries {
        let ParamValue::Number(number) = value.value else { continue };
        match key.value.as_str() {
            "half_width" => plan.half_width = number,
            "expected" => plan.expected = number,
            "level" => plan.level = number,
            other => {
                let mut finding =
                    Diagnostic::new(codes::UNKNOWN_PARAMETER, key.span, format!("`plan_size` has no entry `{other}`"));
                finding.help =
                    did_you_mean(other, &PLANNED).or_else(|| Some("it has `half_width`, `expected` and `level`".to_owned()));
                report.push(finding);
                fine = false;
                continue;
            }
        }
        // At the ends no interval has a width, or none has the level.
        if number <= 0.0 || number >= 1.0 {
            let message = format!("`{}` of `plan_size` cannot be {number}", key.value);
            report.push(Diagnostic::new(codes::OUT_OF_RANGE, value.span, message).help("choose a value between 0 and 1"));
            fine = false;
        }
    }
    if !entries.iter().any(|(key, _)| key.value == "half_width") {
        let finding = Diagnostic::new(codes::MISSING_PARAMETER, given.span, "`plan_size` needs the `half_width` wanted");
        report.push(finding.help("write `plan_size: { half_width: 0.02, expected: 0.95 }`"));
        fine = false;
    }
    fine.then_some(plan)
}

/// Checks the columns that the inputs need.
pub(super) fn columns(sample: &Sample, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<()> {
    let images = inputs.first()?.first()?;
    let mut findings = Vec::new();
    if Key::shared(&[images]).is_none() {
        let message = "no column of the images says which image a row is";
        findings.push(
            Diagnostic::new(codes::MISSING_COLUMN, context.span, message)
                .help("the input needs `content`, `name`, `path` or `file`"),
        );
    }
    for (port, tables) in [("exclude", inputs.get(1)), ("include", inputs.get(2))] {
        for table in tables.into_iter().flatten().filter(|table| Key::shared(&[images, *table]).is_none()) {
            let has: Vec<&str> = table.fields.iter().map(|field| field.name.as_str()).take(12).collect();
            let message = format!("the images and a table of `{port}` have no column in common that says which image a row is");
            findings.push(
                Diagnostic::new(codes::MISSING_COLUMN, context.span, message)
                    .help(format!("both need `content`, `name`, `path` or `file`; that table has {}", has.join(", "))),
            );
        }
        if let Some(table) = tables.into_iter().flatten().find(|table| port == "include" && has_other_type(table)) {
            let ty = table.field("type").map_or(Type::Text, |field| field.ty);
            let message = format!("the column `type` of a table of `include` holds {ty} instead of text");
            findings.push(Diagnostic::new(codes::COLUMN_TYPE, context.span, message).help("take the table from another step"));
        }
    }
    findings.extend(predictions(sample, images, context));
    for name in &sample.by {
        if MADE.iter().chain(STRATA).any(|(made, _)| made == name) {
            let message = format!("`by` names `{name}`, which the sample makes itself");
            findings.push(
                Diagnostic::new(codes::TAKEN_COLUMN, sample.by_span, message).help("give the column of the images another name"),
            );
        }
    }
    findings.extend(unknown_classes(sample, context));
    let fine = findings.is_empty();
    for finding in findings {
        report.push(finding);
    }
    if images.field("season").is_some() && !sample.by.iter().any(|name| name == "season") {
        report.push(
            Diagnostic::new(
                codes::SEASON_NOT_IN_BY,
                sample.by_span,
                "the sample is drawn across seasons: a new one will move it",
            )
            .help("add `season` to `by`"),
        );
    }
    fine.then_some(())
}

fn has_other_type(table: &Schema) -> bool {
    table.field("type").is_some_and(|field| field.ty != Type::Text)
}

/// Samples per class and per confidence need predictions.
fn predictions(sample: &Sample, images: &Schema, context: &Context<'_>) -> Vec<Diagnostic> {
    let quotas = &sample.quotas;
    let by_class = quotas.per_class.is_some() || !quotas.per_class_n.is_empty();
    let mut needed: Vec<(&str, &[Type])> = Vec::new();
    if by_class || quotas.per_bin.is_some() {
        needed.push(("label", &[Type::Text]));
    }
    if quotas.per_bin.is_some() {
        needed.push(("confidence", &[Type::Float32, Type::Float64]));
    }
    let what = if by_class { "predicted class" } else { "confidence bin" };
    let wrong = |(name, types): (&str, &[Type])| {
        let (code, message) = match images.field(name) {
            Some(field) if types.contains(&field.ty) => return None,
            Some(field) => {
                (codes::COLUMN_TYPE, format!("a sample per {what} needs a prediction in `{name}`, which holds {}", field.ty))
            }
            None => (codes::MISSING_COLUMN, format!("a sample per {what} needs predictions, and the images have no `{name}`")),
        };
        Some(Diagnostic::new(code, context.span, message).help("draw from the predictions of a `classify` or `import` step"))
    };
    needed.into_iter().filter_map(wrong).collect()
}

/// A programme without a class list takes any.
fn unknown_classes(sample: &Sample, context: &Context<'_>) -> Vec<Diagnostic> {
    let known: Vec<&str> = context.classes.names().collect();
    let unknown = |class: &&Spanned<String>| !known.is_empty() && !known.contains(&class.value.as_str());
    let finding = |class: &Spanned<String>| {
        let mut finding = Diagnostic::new(codes::UNKNOWN_CLASS, class.span, format!("there is no class `{}`", class.value));
        finding.help =
            did_you_mean(&class.value, &known).or_else(|| Some("declare it under `classes:` or in the taxonomy".to_owned()));
        finding
    };
    sample.class_names.iter().filter(unknown).map(finding).collect()
}
