//! What can be said about a split before any image is read.

use super::groups::{By, Grouping, knows_events};
use super::side::{Given, Shares, Side};
use super::{GROUP, SPLIT, Split, gather};
use crate::diagnostic::{Diagnostic, Report, Spanned, codes, nearest};
use crate::event::EVENT_ID;
use crate::observation::Key;
use crate::step::{Context, ParamValue, Params};
use crate::table::{Schema, Type};

/// Reads what makes a group.
pub(super) fn grouping(params: &Params, report: &mut Report) -> Option<Grouping> {
    let words = params.texts("group");
    let names: Vec<&str> = words.iter().map(|word| word.value.as_str()).collect();
    let by = match &names[..] {
        [] => By::Default,
        ["event"] => By::Event,
        ["none"] => By::Image,
        names => {
            if let Some(word) = words.iter().find(|word| matches!(word.value.as_str(), "event" | "none")) {
                let message = format!("`{}` stands alone: it is no column to be joined with others", word.value);
                report.push(
                    Diagnostic::new(codes::NOT_A_CHOICE, word.span, message).help("write `group: event`, or a list of columns"),
                );
                return None;
            }
            By::Columns(names.iter().map(|name| (*name).to_owned()).collect())
        }
    };
    let pattern = match params.text("group_pattern").map(regex::Regex::new) {
        None => None,
        Some(Ok(pattern)) => Some(pattern),
        Some(Err(error)) => {
            let text = error.to_string();
            let cause = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            report.push(
                Diagnostic::new(
                    codes::BAD_PATTERN,
                    params.span_of("group_pattern"),
                    format!("`group_pattern` is no regular expression: {cause}"),
                )
                .help("write it in single quotes, as in '([^/]+) \\('"),
            );
            return None;
        }
    };
    Some(Grouping { by, pattern })
}

/// Reads the shares: something must be left to train with.
pub(super) fn shares(params: &Params, report: &mut Report) -> Option<Shares> {
    let share = |name: &str| params.number(name).unwrap_or(0.1);
    let (validation, test) = (share("validation"), share("test"));
    if validation + test >= 1.0 {
        let message = format!("validation ({validation}) and test ({test}) leave nothing to train with");
        report
            .push(Diagnostic::new(codes::OUT_OF_RANGE, params.span_of("validation"), message).help("their sum must be below 1"));
        return None;
    }
    Some(Shares { validation, test, stratify: params.bool("stratify"), seed: params.int("seed").unwrap_or(1) })
}

/// Reads the sides that a column gives.
#[expect(clippy::option_option, reason = "a mistake is another thing than none")]
pub(super) fn given(params: &Params, report: &mut Report) -> Option<Option<Given>> {
    let values = match params.get("values").map(|given| &given.value) {
        Some(ParamValue::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    let Some(column) = params.text("column") else {
        if values.is_empty() {
            return Some(None);
        }
        let message = "`values` says what the values of a column mean, and no `column` is named";
        report.push(
            Diagnostic::new(codes::MISSING_PARAMETER, params.span_of("values"), message)
                .help("add `column: NAME`, or leave it out"),
        );
        return None;
    };
    let mut sides = Vec::new();
    for (value, word) in values {
        let ParamValue::Text(text) = &word.value else { continue };
        let Some(side) = Side::of(text) else {
            let message = format!("`{text}` is no side");
            let help = match nearest(text, Side::ALL.iter().map(|side| side.word())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write `train`, `validation` or `test`".to_owned(),
            };
            report.push(Diagnostic::new(codes::NOT_A_CHOICE, word.span, message).help(help));
            return None;
        };
        sides.push((value.value.clone(), side));
    }
    Some(Some(Given { column: Spanned { value: column.to_owned(), span: params.span_of("column") }, values: sides }))
}

/// Checks the columns of the inputs, and gives those of all images together.
pub(super) fn columns(step: &Split, inputs: &[Vec<Schema>], context: &Context<'_>, report: &mut Report) -> Option<Schema> {
    let tables: Vec<&Schema> = inputs.first()?.iter().collect();
    let labels: Vec<&Schema> = inputs.get(1).into_iter().flatten().collect();
    let images = gather::union(&tables);
    let mut findings = Vec::new();
    let mut refuse = |code, span, message: String, help: &str| findings.push(Diagnostic::new(code, span, message).help(help));
    for name in ["site", "season", "class", "trigger", "event", EVENT_ID, "root"] {
        let mut types = tables.iter().filter_map(|schema| schema.field(name)).map(|field| field.ty);
        let first = types.next();
        if let Some(other) = types.find(|ty| Some(*ty) != first) {
            let first = first.map_or_else(String::new, |ty| ty.to_string());
            let message = format!("the column `{name}` holds {first} in one table of images and {other} in another");
            refuse(codes::COLUMN_TYPE, context.span, message, "make them alike before they come together");
        }
    }
    let has_class = |schema: &&Schema| schema.field("class").is_some_and(|field| field.ty == Type::Text);
    if labels.is_empty() && !tables.iter().any(has_class) {
        let message = "the images have no column `class`, and no labels say what they show".to_owned();
        let help = "take the labels of a `review`, capture `{class}` in the path, or wire `labels`";
        refuse(codes::MISSING_COLUMN, context.span, message, help);
    }
    for schema in &labels {
        if Key::shared(&[&images, schema]).is_none() {
            let message = "images and labels have no column in common that says which image it is".to_owned();
            refuse(codes::MISSING_COLUMN, context.span, message, "both need `content`, `name` or `path`");
        }
    }
    match &step.grouping.by {
        By::Event if !knows_events(&images) => {
            let message = "the images have neither times nor event numbers: their events are not known".to_owned();
            refuse(
                codes::MISSING_COLUMN,
                step.group_span,
                message,
                "read them with a `metadata` step, or group by other columns",
            );
        }
        By::Columns(names) => {
            for name in names.iter().filter(|name| images.field(name).is_none()) {
                let known: Vec<&str> = images.fields.iter().map(|field| field.name.as_str()).collect();
                let help = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        format!("`event`, `none`, or one of {}", known.iter().take(12).copied().collect::<Vec<_>>().join(", "))
                    }
                };
                refuse(codes::UNKNOWN_COLUMN, step.group_span, format!("the images have no column `{name}`"), &help);
            }
            if names.iter().any(|name| [SPLIT, GROUP].contains(&name.as_str())) {
                let message = "a column that `split` makes itself cannot make its groups".to_owned();
                refuse(codes::TAKEN_COLUMN, step.group_span, message, "give the column of the images another name");
            }
        }
        _ => {}
    }
    let fine = findings.is_empty();
    for finding in findings {
        report.push(finding);
    }
    fine.then_some(images)
}
