//! The numbers to remember, at the head of the report.

use std::collections::BTreeSet;

use super::draft::{Draft, param, source};
use super::inputs::{Input, count, number};
use crate::report::page::{Fact, Value};
use crate::step::StepError;

/// Images that a person reviews in an hour, where the pipeline does not say.
const PER_HOUR: f64 = 700.0;

pub(super) fn facts(draft: &Draft<'_>) -> Result<Vec<Fact>, StepError> {
    let mut facts = Vec::new();
    if let Some((input, column)) = draft.inputs.shown() {
        facts.extend(extent(draft, input, column)?);
    }
    facts.extend(accuracy(draft)?);
    facts.extend(work(draft));
    Ok(facts)
}

fn fact(value: &Value, name: &str, note: String, input: Input<'_>) -> Fact {
    Fact { value: value.shown(), name: name.to_owned(), note, source: Some(source(input)) }
}

/// Images, sites and seasons, and how many of the images show an animal.
fn extent(draft: &Draft<'_>, input: Input<'_>, column: &str) -> Result<Vec<Fact>, StepError> {
    let table = input.read(&["site", "season", column])?;
    let distinct = |name: &str| table.column(name).map_or(0, |values| values.distinct() as u64);
    let (sites, seasons) = (distinct("site"), distinct("season"));
    let mut note = Vec::new();
    for (count, one, many) in [(sites, "site", "sites"), (seasons, "season", "seasons")] {
        if count > 0 {
            note.push(format!("{} {}", Value::count(count).shown(), if count == 1 { one } else { many }));
        }
    }
    let classes = table.require(column)?;
    let animal: Vec<bool> = classes.texts().map(|class| draft.is_animal(class)).collect();
    let (mut seen, mut kinds) = (0, BTreeSet::new());
    for code in (0..table.rows).filter_map(|row| classes.code(row)).filter(|code| animal[*code as usize]) {
        seen += 1;
        kinds.insert(code);
    }
    let share = Value::part(seen, table.rows as u64, 1);
    Ok(vec![
        fact(&Value::count(table.rows as u64), "images", note.join(", "), input),
        fact(&Value::count(seen), "images with an animal", format!("{} of all, {} classes", share.shown(), kinds.len()), input),
    ])
}

/// Accuracy over all groups, each weighed by its images, and the interval of the group that is least sure.
fn accuracy(draft: &Draft<'_>) -> Result<Vec<Fact>, StepError> {
    let Some(input) = draft.inputs.of_kind("evaluate", "overall").next() else { return Ok(Vec::new()) };
    let table = input.table.read(None)?;
    let (mut right, mut images, mut checked) = (0.0, 0.0, 0);
    let mut lowest: Option<(f64, f64)> = None;
    for row in 0..table.rows {
        let (Some(accuracy), Some(of)) = (number(&table, row, "accuracy"), number(&table, row, "images")) else { continue };
        right += accuracy * of;
        images += of;
        checked += count(&table, row, "checked");
        if let (Some(lower), Some(upper)) = (number(&table, row, "accuracy_lower"), number(&table, row, "accuracy_upper")) {
            lowest = Some(lowest.filter(|worst| worst.0 <= lower).unwrap_or((lower, upper)));
        }
    }
    if images <= 0.0 {
        return Ok(Vec::new());
    }
    let value = Value::Share(right / images, 1);
    let range = lowest.map(|(lower, upper)| {
        let words = if table.rows == 1 { "" } else { "least sure group: " };
        format!("{words}{} to {}", Value::Share(lower, 1).shown(), Value::Share(upper, 1).shown())
    });
    let note = [range, Some(format!("{} images checked", Value::count(checked).shown()))];
    Ok(vec![fact(&value, "of the model's labels are right", note.into_iter().flatten().collect::<Vec<_>>().join("; "), input)])
}

/// What people need not look at.
fn work(draft: &Draft<'_>) -> Vec<Fact> {
    let Some(input) = draft.inputs.of_kind("threshold", "accepted").next() else { return Vec::new() };
    let Some(step) = draft.step(&input.origin.step) else { return Vec::new() };
    let rows = |output: &str| step.made.iter().find(|made| made.output == output).map_or(0, |made| made.rows);
    let (accepted, review) = (rows("accepted"), rows("to_review"));
    let per_hour = param(step, "images_per_hour").and_then(|value| value.as_f64()).unwrap_or(PER_HOUR);
    let hours = |images: u64| crate::stats::planning::hours(images, per_hour);
    vec![
        fact(
            &Value::part(accepted, accepted + review, 1),
            "of the images need no look",
            format!("{} images to look at, {} hours", Value::count(review).shown(), Value::hours(Some(hours(review))).shown()),
            input,
        ),
        fact(
            &Value::hours(Some(hours(accepted))),
            "hours of review saved",
            format!("at {} images an hour", Value::Number(per_hour, 0).shown()),
            input,
        ),
    ]
}
