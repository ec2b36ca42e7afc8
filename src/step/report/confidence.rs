//! How sure the model is.

use super::draft::{Draft, heading, source};
use super::inputs::{Input, Named};
use crate::report::figure::{Axis, Bin, Histogram, Mark};
use crate::report::page::{Panel, Section, Sheet, Value};
use crate::stats::bins;
use crate::step::StepError;

/// Bins of confidence in the histogram.
const BINS: u32 = 20;
/// Thresholds of the table.
const STEPS: [f32; 5] = [0.5, 0.8, 0.9, 0.95, 0.99];

pub(super) fn section(draft: &Draft<'_>) -> Result<Option<Section>, StepError> {
    let mut panels = Vec::new();
    for (at, input) in draft.inputs.predictions().into_iter().enumerate() {
        // Labels of another tool may come without confidences.
        let Some(histogram) = histogram(draft, input, at)? else { continue };
        panels.push(histogram);
        panels.push(shares(input, at)?);
    }
    let lead = "The model gives each image a label and a confidence between 0 and 1. A confidence is not a probability until it has been \
                compared with what people see: that is the section on accuracy.";
    let section = Section { id: "confidence".into(), title: "How sure the model is".into(), lead: lead.into(), panels };
    Ok((!section.panels.is_empty()).then_some(section))
}

fn histogram(draft: &Draft<'_>, input: Input<'_>, at: usize) -> Result<Option<Panel>, StepError> {
    let table = input.read(&["confidence"])?;
    let values = table.require("confidence")?;
    let uppers = bins::uppers(BINS);
    let mut counts = vec![0_u64; BINS as usize];
    (0..table.rows).filter_map(|row| values.float32(row)).for_each(|value| counts[bins::bin_of(value, &uppers)] += 1);
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return Ok(None);
    }
    let mut sheet = Sheet::new(&["above", "up to", "images", "share", "share up to here"]);
    let mut below = 0;
    let mut drawn = Vec::new();
    for (bin, count) in (0..BINS).zip(&counts) {
        below += count;
        let (from, to) = bins::bounds(bin, BINS);
        let share = |part: u64| Value::part(part, total, 1);
        let cells = vec![Value::Number(from, 2), Value::Number(to, 2), Value::count(*count), share(*count), share(below)];
        // Both ends, as `explain` compares numbers.
        let place = vec![format!("confidence>{from}"), format!("confidence<={to}")];
        drawn.push(Bin { from, to, count: *count, place: Some(place.join(" ")) });
        sheet.push(cells, place);
    }
    let id = format!("confidence-{}", at + 1);
    let threshold = super::thresholds::of_confidence(draft)?;
    let figure = Histogram {
        heading: heading(
            &id,
            "Confidence of the model",
            "How many images have which confidence, and the share of images up to it.",
        ),
        x: Axis::unit("confidence", 1),
        counts: Axis::counts("images"),
        bins: drawn,
        marks: threshold.into_iter().map(|at| Mark { at, label: format!("accepted from {at}") }).collect(),
    };
    Ok(Some(Panel {
        id,
        title: format!("Confidence of {}", input.origin.step),
        note: "Bars: images by confidence. Line: share of images with this confidence or less.".into(),
        figure: Some(draft.drawn(|templates| figure.svg(templates))?),
        sheet: Some(sheet),
        source: Some(source(input)),
        ..Panel::default()
    }))
}

fn shares(input: Input<'_>, at: usize) -> Result<Panel, StepError> {
    let groups = input.usual_groups();
    let table = input.read(&[&groups[..], &["confidence"]].concat())?;
    let values = table.require("confidence")?;
    let named = Named::of(&table, &groups)?;
    let mut counts = vec![[0_u64; STEPS.len() + 1]; named.names.len()];
    for row in 0..table.rows {
        if let Some(value) = values.float32(row) {
            let group = &mut counts[named.groups.of_row[row] as usize];
            group[STEPS.len()] += 1;
            STEPS.iter().zip(group).filter(|(step, _)| value >= **step).for_each(|(_, count)| *count += 1);
        }
    }
    let mut sheet = Sheet::new(&groups);
    sheet.columns.push("images".into());
    sheet.columns.extend(STEPS.iter().map(|step| format!("{step} and more")));
    sheet.column_places = vec![String::new(); groups.len() + 1];
    sheet.column_places.extend(STEPS.iter().map(|step| format!("confidence>={step}")));
    for (group, counts) in counts.iter().enumerate() {
        let total = counts[STEPS.len()];
        let mut cells = named.cells(group);
        cells.push(Value::count(total));
        cells.extend(counts[..STEPS.len()].iter().map(|part| Value::part(*part, total, 1)));
        sheet.push(cells, named.places[group].clone());
    }
    Ok(Panel {
        id: format!("confidence-shares-{}", at + 1),
        title: "Share of images by confidence".into(),
        note: "Of the images that could be classified.".into(),
        sheet: Some(sheet),
        table_first: true,
        source: Some(source(input)),
        ..Panel::default()
    })
}
