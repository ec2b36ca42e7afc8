//! What people did: who answered, how far they agree, and where they said something else than the model.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, source};
use super::inputs::{Input, condition};
use crate::report::page::{Panel, Section, Sheet, Value};
use crate::step::StepError;

pub(super) fn section(draft: &Draft<'_>) -> Result<Option<Section>, StepError> {
    let reviews: Vec<Input<'_>> = draft.inputs.of_kind("review", "answers").collect();
    if reviews.is_empty() {
        return Ok(None);
    }
    let mut panels = vec![agreement(draft, &reviews)];
    for (at, input) in reviews.into_iter().enumerate() {
        panels.push(reviewers(input, at)?);
    }
    let lead = "Agreement is the share of pairs of people's first answers about an image that are the same; kappa is what is left of it beyond \
                chance, 1 at best. It needs images that two people or more have looked at.";
    Ok(Some(Section { id: "people".into(), title: "What people said".into(), lead: lead.into(), panels }))
}

fn agreement(draft: &Draft<'_>, reviews: &[Input<'_>]) -> Panel {
    let mut sheet = Sheet::new(&[
        "step",
        "asked",
        "answered",
        "people",
        "images of two or more",
        "agreement",
        "at least",
        "kappa",
        "at least ",
        "disagreements",
    ]);
    for input in reviews {
        let metrics = draft.step(&input.origin.step).map(|step| step.metrics.clone()).unwrap_or_default();
        let metric = |name: &str| metrics.get(name).copied();
        let count = |name: &str| Value::number(metric(name), 0);
        sheet.push_from(
            vec![
                Value::text(&input.origin.step),
                count("asked"),
                count("answered"),
                count("reviewers"),
                count("agreement_images"),
                Value::share(metric("agreement"), 1),
                Value::share(metric("agreement_lower"), 1),
                Value::number(metric("kappa"), 2),
                Value::number(metric("kappa_lower"), 2),
                count("disagreements"),
            ],
            source(*input),
        );
    }
    Panel {
        id: "agreement".into(),
        title: "Agreement".into(),
        note: "A dash: no image has answers of two people.".into(),
        sheet: Some(sheet),
        table_first: true,
        ..Panel::default()
    }
}

fn reviewers(input: Input<'_>, at: usize) -> Result<Panel, StepError> {
    let table = input.read(&["reviewer", "class", "shown", "time"])?;
    let (names, shown) = (table.require("reviewer")?, table.require("shown")?);
    let times = table.require("time")?;
    let mut found: BTreeMap<&str, (u64, u64, BTreeSet<&str>)> = BTreeMap::new();
    for row in 0..table.rows {
        let (answers, blind, days) = found.entry(names.text(row).unwrap_or_default()).or_default();
        *answers += 1;
        *blind += u64::from(shown.text(row) == Some("blind"));
        days.extend(times.text(row).and_then(|time| time.get(..10)));
    }
    let mut sheet = Sheet::new(&["reviewer", "answers", "of these blind", "first day", "last day"]);
    let day = |day: Option<&&str>| day.map_or(Value::Missing, |day| Value::text(day));
    for (name, (answers, blind, days)) in found {
        let cells = vec![Value::text(name), Value::count(answers), Value::count(blind), day(days.first()), day(days.last())];
        sheet.push(cells, vec![condition("reviewer", name)]);
    }
    Ok(Panel {
        id: format!("reviewers-{}", at + 1),
        title: format!("Answers that stand: {}", input.origin.step),
        note: "Blind: the model's answer was not in sight.".into(),
        sheet: Some(sheet),
        table_first: true,
        source: Some(source(input)),
        ..Panel::default()
    })
}
