//! What changed since the season before.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, source};
use super::inputs::{condition, number};
use crate::report::page::{Panel, Section, Sheet, Source, Value};
use crate::step::StepError;

/// What is known of a season.
#[derive(Default)]
struct Season {
    images: u64,
    sites: BTreeSet<u32>,
    classes: BTreeMap<String, u64>,
    confident: u64,
    classified: u64,
}

/// The row of the accuracy, which `evaluate` knows.
const ACCURACY: &str = "labels that are right";
/// A confidence that is high for any model.
const CONFIDENT: f32 = 0.9;

pub(super) fn section(draft: &Draft<'_>) -> Result<Option<Section>, StepError> {
    let Some((input, column)) = draft.inputs.shown().filter(|(input, _)| input.has("season")) else { return Ok(None) };
    let table = input.read(&["season", "site", "confidence", column])?;
    let (seasons, classes) = (table.require("season")?, table.require(column)?);
    let (sites, confidences) = (table.column("site"), table.column("confidence"));
    let mut found: BTreeMap<u32, (Season, BTreeMap<u32, u64>)> = BTreeMap::new();
    for row in 0..table.rows {
        let Some(season) = seasons.code(row) else { continue };
        let (season, counts) = found.entry(season).or_default();
        season.images += 1;
        season.sites.extend(sites.and_then(|sites| sites.code(row)));
        if let Some(confidence) = confidences.and_then(|values| values.float32(row)) {
            season.classified += 1;
            season.confident += u64::from(confidence >= CONFIDENT);
        }
        if let Some(class) = classes.code(row) {
            *counts.entry(class).or_default() += 1;
        }
    }
    let names: Vec<&str> = classes.texts().collect();
    let season_names: Vec<&str> = seasons.texts().collect();
    let mut by_name: BTreeMap<&str, Season> = BTreeMap::new();
    for (code, (mut season, counts)) in found {
        season.classes = counts.into_iter().map(|(class, count)| (names[class as usize].to_owned(), count)).collect();
        by_name.insert(season_names[code as usize], season);
    }
    let mut last_two = by_name.iter().rev();
    let (Some((now, new)), Some((before, old))) = (last_two.next(), last_two.next()) else { return Ok(None) };
    let accuracies = accuracies(draft)?;
    let mut sheet = Sheet::new(&["", before, now, "change"]);
    sheet.column_places = vec![String::new(), condition("season", before), condition("season", now)];
    let mut add = |name: String, old: Value, new: Value, place: Vec<String>| {
        let change = match (&old, &new) {
            (Value::Number(old, decimals), Value::Number(new, _)) => Value::Number(new - old, *decimals),
            (Value::Share(old, decimals), Value::Share(new, _)) => Value::Share(new - old, *decimals),
            _ => Value::Missing,
        };
        sheet.push(vec![Value::Text(name), old, new, change], place);
    };
    let sites = |season: &Season| Value::count(season.sites.len() as u64);
    add("images".into(), Value::count(old.images), Value::count(new.images), Vec::new());
    add("sites".into(), sites(old), sites(new), Vec::new());
    let gone = old.sites.difference(&new.sites).count() as u64;
    add("sites without an image now".into(), Value::Missing, Value::count(gone), Vec::new());
    add("new sites".into(), Value::Missing, Value::count(new.sites.difference(&old.sites).count() as u64), Vec::new());
    let confident = |season: &Season| Value::part(season.confident, season.classified, 1);
    add(format!("confidence {CONFIDENT} and more"), confident(old), confident(new), vec![format!("confidence>={CONFIDENT}")]);
    if let Some(Accuracies { by_season, .. }) = &accuracies {
        let accuracy = |season: &str| Value::share(by_season.get(season).copied(), 1);
        add(ACCURACY.into(), accuracy(before), accuracy(now), Vec::new());
    }
    for class in draft.ordered(old.classes.keys().chain(new.classes.keys()).cloned().collect()) {
        let images = |season: &Season| Value::count(season.classes.get(&class).copied().unwrap_or(0));
        let part = |season: &Season| Value::part(season.classes.get(&class).copied().unwrap_or(0), season.images, 1);
        let place = vec![condition(column, &class)];
        add(class.clone(), images(old), images(new), place.clone());
        add(format!("{class}, share of images"), part(old), part(new), place);
    }
    let of_accuracy = sheet.rows.iter_mut().find(|row| row.cells[0] == Value::text(ACCURACY));
    if let (Some(row), Some(Accuracies { source, .. })) = (of_accuracy, accuracies) {
        row.source = Some(source);
    }
    let panel = Panel {
        id: "seasons".into(),
        title: format!("{now} against {before}"),
        note: "Numbers of images depend on how long cameras stood there: compare shares. Their changes are percentage points."
            .into(),
        sheet: Some(sheet),
        table_first: true,
        source: Some(source(input)),
        ..Panel::default()
    };
    let lead = "The last season beside the one before.";
    Ok(Some(Section { id: "since".into(), title: "Since the last season".into(), lead: lead.into(), panels: vec![panel] }))
}

/// Accuracy by season, and where it comes from.
struct Accuracies {
    source: Source,
    by_season: BTreeMap<String, f64>,
}

/// Accuracy by season, groups weighed by their images, where `evaluate` reports seasons.
fn accuracies(draft: &Draft<'_>) -> Result<Option<Accuracies>, StepError> {
    let Some(input) = draft.inputs.of_kind("evaluate", "overall").find(|input| input.has("season")) else { return Ok(None) };
    let table = input.read(&["season", "images", "accuracy"])?;
    let seasons = table.require("season")?;
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for row in 0..table.rows {
        let (Some(season), Some(images), Some(accuracy)) =
            (seasons.text(row), number(&table, row, "images"), number(&table, row, "accuracy"))
        else {
            continue;
        };
        let (right, all) = sums.entry(season.to_owned()).or_default();
        *right += images * accuracy;
        *all += images;
    }
    let means = sums.into_iter().filter(|(_, (_, all))| *all > 0.0).map(|(season, (right, all))| (season, right / all)).collect();
    Ok(Some(Accuracies { source: source(input), by_season: means }))
}
