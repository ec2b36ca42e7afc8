//! How models were trained, and whether a new one is better.

use super::draft::{Draft, heading};
use super::inputs::{Input, number};
use super::listing::listing;
use crate::report::figure::{Axis, Curve, Line, Point};
use crate::report::page::{Panel, Section};
use crate::step::StepError;

pub(super) fn section(draft: &Draft<'_>) -> Result<Option<Section>, StepError> {
    let mut panels = Vec::new();
    for (at, input) in draft.inputs.of_kind("train", "history").enumerate() {
        panels.push(history(draft, input, at)?);
    }
    for (at, input) in draft.inputs.of_kind("train", "calibration").enumerate() {
        let title = "Confidence before and after the temperature";
        panels.push(Panel { folded: true, ..listing(input, &format!("calibration-{}", at + 1), title, usize::MAX)? });
    }
    for (at, input) in draft.inputs.of_kind("compare", "comparison").enumerate() {
        panels.push(listing(input, &format!("comparison-{}", at + 1), "The candidate against the model in use", usize::MAX)?);
    }
    for (at, input) in draft.inputs.of_kind("compare", "classes").enumerate() {
        panels.push(Panel {
            folded: true,
            ..listing(input, &format!("comparison-classes-{}", at + 1), "The same by class", usize::MAX)?
        });
    }
    let lead = "A model learns from labelled images, epoch by epoch; loss is what training lowers. A candidate is compared with the model in use \
                on the random sample that people labelled blindly, without images that either has learned from.";
    let section = Section { id: "training".into(), title: "Models".into(), lead: lead.into(), panels };
    Ok((!section.panels.is_empty()).then_some(section))
}

fn history(draft: &Draft<'_>, input: Input<'_>, at: usize) -> Result<Panel, StepError> {
    let table = input.table.read(None)?;
    let id = format!("training-{}", at + 1);
    let losses: Vec<&str> = super::inputs::names(&table.schema).into_iter().filter(|name| name.ends_with("loss")).collect();
    let point = |row: usize, column: &str| {
        let (x, y) = (number(&table, row, "epoch")?, number(&table, row, column)?);
        Some(Point { x, y, band: None, place: Some(format!("epoch={x}")) })
    };
    let line = |column: &&str| Line {
        name: column.replace('_', " "),
        colour: None,
        points: (0..table.rows).filter_map(|row| point(row, column)).collect(),
    };
    let title = format!("Training of {}", input.origin.step);
    let figure = Curve {
        heading: heading(&id, &title, "Loss on the training and on the validation images, by epoch."),
        x: Axis::counts("epoch"),
        y: Axis { decimals: 2, ..Axis::counts("loss") },
        lines: losses.iter().map(line).collect(),
        chosen: None,
    };
    let figure = draft.drawn(|templates| figure.svg(templates))?;
    let table = listing(input, &id, &title, usize::MAX)?;
    Ok(Panel { figure: Some(figure), table_first: false, ..table })
}
