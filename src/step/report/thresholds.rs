//! What people look at: coverage against accuracy, the rules in force, the hours saved.

use super::draft::{Draft, heading, param, source};
use super::inputs::{Input, condition, count, number, plain};
use crate::report::figure::{Axis, Chosen, Curve, Line, Point};
use crate::report::page::{Panel, Section, Sheet, Value};
use crate::step::StepError;
use crate::table::Table;

pub(super) fn section(draft: &Draft<'_>) -> Result<Option<Section>, StepError> {
    let mut panels = Vec::new();
    for (at, input) in draft.inputs.of_kind("threshold", "curve").enumerate() {
        panels.push(curve(draft, input, at)?);
    }
    for (at, input) in draft.inputs.of_kind("threshold", "rules").enumerate() {
        panels.push(rules(input, at)?);
    }
    let lead = "Labels of a high confidence are accepted without a look, the others are looked at by people, and so are classes and places that \
                the pipeline never leaves to the model.";
    let section = Section { id: "threshold".into(), title: "What people look at".into(), lead: lead.into(), panels };
    Ok((!section.panels.is_empty()).then_some(section))
}

/// The rows of a curve for all classes together.
fn for_all(table: &Table) -> Vec<usize> {
    let classes = table.column("class");
    (0..table.rows).filter(|row| classes.is_none_or(|column| column.is_null(*row))).collect()
}

/// The threshold of a step: as given, else the first that reaches its target.
fn chosen(draft: &Draft<'_>, curve: Input<'_>) -> Result<Option<f64>, StepError> {
    let Some(step) = draft.step(&curve.origin.step) else { return Ok(None) };
    if let Some(given) = param(step, "accept_at").and_then(|value| value.as_f64()) {
        return Ok(Some(given));
    }
    let Some(target) = param(step, "target_accuracy").and_then(|value| value.as_f64()) else { return Ok(None) };
    let by = if param(step, "target_by").is_some_and(|value| value == "point") { "accuracy" } else { "lower" };
    let table = curve.read(&["class", "threshold", "accuracy", "lower"])?;
    let reaches = |row: &usize| number(&table, *row, by).is_some_and(|reached| reached >= target);
    Ok(for_all(&table).into_iter().find(reaches).and_then(|row| number(&table, row, "threshold")))
}

/// The threshold of confidence at which labels of all classes are accepted. One on another column is no place among confidences.
pub(super) fn of_confidence(draft: &Draft<'_>) -> Result<Option<f64>, StepError> {
    let compares = |curve: &Input<'_>| {
        draft.step(&curve.origin.step).and_then(|step| param(step, "on")).is_some_and(|on| on == "confidence")
    };
    draft.inputs.of_kind("threshold", "curve").find(compares).map_or(Ok(None), |curve| chosen(draft, curve))
}

fn curve(draft: &Draft<'_>, input: Input<'_>, at: usize) -> Result<Panel, StepError> {
    let table = input.table.read(None)?;
    let chosen = chosen(draft, input)?;
    let mut sheet = Sheet::new(&["threshold", "images", "coverage", "to review", "hours", "checked", "accuracy", "from", "to"]);
    let mut points = Vec::new();
    let mut marked = None;
    for row in for_all(&table) {
        let value = |column: &str| number(&table, row, column);
        let threshold = value("threshold").unwrap_or_default();
        let place = vec![condition("threshold", &threshold.to_string())];
        sheet.push(
            vec![
                Value::Number(threshold, 3),
                Value::count(count(&table, row, "images")),
                Value::share(value("coverage"), 1),
                Value::count(count(&table, row, "images_to_review")),
                Value::hours(value("hours")),
                Value::count(count(&table, row, "checked")),
                Value::share(value("accuracy"), 2),
                Value::share(value("lower"), 2),
                Value::share(value("upper"), 2),
            ],
            place.clone(),
        );
        let (Some(x), Some(y)) = (value("coverage"), value("accuracy")) else { continue };
        points.push(Point { x, y, band: value("lower").zip(value("upper")), place: Some(place.join(" ")) });
        if marked.is_none() && chosen.is_some_and(|chosen| threshold >= chosen - 1e-9) {
            let label = format!("threshold {}", chosen.unwrap_or(threshold));
            marked = Some(Chosen { x, y: Some(y), label, place: Some(place.join(" ")) });
        }
    }
    let id = format!("coverage-{}", at + 1);
    let least = points.iter().map(|point| point.band.map_or(point.y, |band| band.0)).fold(1.0_f64, f64::min);
    let floor = ((least - 0.02) * 20.0).floor() / 20.0;
    let figure = Curve {
        heading: heading(
            &id,
            "Coverage against accuracy",
            "The higher the threshold, the fewer images it accepts, and the more of them are right.",
        ),
        x: Axis { decimals: 0, ..Axis::share("images at or above the threshold") },
        y: Axis { range: Some((floor.clamp(0.0, 0.95), 1.0)), ..Axis::share("accuracy among them") },
        lines: vec![Line { name: "accuracy".into(), colour: None, points }],
        chosen: marked,
    };
    Ok(Panel {
        id,
        title: format!("Coverage against accuracy: {}", input.origin.step),
        note: "Each point is a threshold: the share of images that reach it, and how many of these are right, with the interval."
            .into(),
        figure: Some(draft.drawn(|templates| figure.svg(templates))?),
        sheet: Some(sheet),
        source: Some(source(input)),
        ..Panel::default()
    })
}

fn rules(input: Input<'_>, at: usize) -> Result<Panel, StepError> {
    let table = input.table.read(None)?;
    let mut sheet = Sheet::new(&["rule", "images", "by this rule alone", "share", "hours"]);
    for row in 0..table.rows {
        let rule = plain(table.cell(row, "rule"));
        let cells = vec![
            Value::text(&rule),
            Value::count(count(&table, row, "images")),
            Value::count(count(&table, row, "only_by_this_rule")),
            Value::share(number(&table, row, "share"), 1),
            Value::hours(number(&table, row, "hours")),
        ];
        sheet.push(cells, vec![condition("rule", &rule)]);
    }
    Ok(Panel {
        id: format!("rules-{}", at + 1),
        title: format!("Why people look: {}", input.origin.step),
        note: "An image may be looked at for several reasons.".into(),
        sheet: Some(sheet),
        table_first: true,
        source: Some(source(input)),
        ..Panel::default()
    })
}
