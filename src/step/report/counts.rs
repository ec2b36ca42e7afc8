//! What the images show: classes by group, and days of sites with each class by month.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, heading, source};
use super::inputs::{Input, Named, condition, plain};
use crate::report::figure::{Amount, Axis, Bar, Bars, Series, Tile, Tiles};
use crate::report::page::{Panel, Section, Sheet, Value};
use crate::step::StepError;
use crate::table::civil::{self, DAY_S};
use crate::table::{Column, Table};

/// So many groups stand side by side in one figure.
const SIDE_BY_SIDE: usize = 4;
/// So many figures of localities are open.
const OPEN: usize = 4;
/// So many months are drawn; the table has all.
const MONTHS: usize = 24;

pub(super) fn section(draft: &Draft<'_>) -> Result<Option<Section>, StepError> {
    let Some((input, column)) = draft.inputs.shown() else { return Ok(None) };
    let mut panels = vec![classes(draft, input, column)?];
    if let Some(found) = site_days(draft, input, column)? {
        panels.extend(months(draft, &found)?);
    }
    let lead = match column {
        "final" => "What each image shows in the end: what people said, and what the model said where nobody looked.",
        _ => "What the model says of each image. Nobody has merged it with the answers of people yet.",
    };
    Ok(Some(Section { id: "classes".into(), title: "What the images show".into(), lead: lead.into(), panels }))
}

fn classes(draft: &Draft<'_>, input: Input<'_>, column: &str) -> Result<Panel, StepError> {
    let groups = input.usual_groups();
    let table = input.read(&[&groups[..], &[column]].concat())?;
    let named = Named::of(&table, &groups)?;
    let found = table.require(column)?;
    let names = draft.ordered(found.texts().map(str::to_owned).collect());
    let mut counts = vec![vec![0_u64; names.len() + 1]; named.names.len()];
    let place = places(found, &names);
    for row in 0..table.rows {
        let class = found.code(row).map_or(names.len(), |code| place[code as usize]);
        counts[named.groups.of_row[row] as usize][class] += 1;
    }
    let unknown = counts.iter().any(|group| group[names.len()] > 0);
    let mut sheet = Sheet::new(&[&groups[..], &["images"]].concat());
    sheet.column_places = vec![String::new(); groups.len() + 1];
    for name in &names {
        sheet.columns.push(name.clone());
        sheet.column_places.push(condition(column, name));
    }
    if unknown {
        sheet.columns.push("without a class".into());
        sheet.column_places.push(condition(column, ""));
    }
    let shown = names.len() + usize::from(unknown);
    for (group, counts) in counts.iter().enumerate() {
        let mut cells = named.cells(group);
        cells.push(Value::count(counts.iter().sum()));
        cells.extend(counts[..shown].iter().map(|count| Value::count(*count)));
        sheet.push(cells, named.places[group].clone());
    }
    let latest: Vec<usize> = named.is_latest().iter().enumerate().filter(|(_, last)| **last).map(|(at, _)| at).collect();
    let side = if latest.len() <= SIDE_BY_SIDE { latest } else { Vec::new() };
    let series: Vec<Series> = match &side[..] {
        [] => vec![Series::named("all")],
        side => side.iter().map(|group| Series::named(&named.names[*group])).collect(),
    };
    let amount = |class: usize, group: Option<usize>| {
        let count = group.map_or_else(|| counts.iter().map(|group| group[class]).sum(), |group| counts[group][class]);
        let mut place = group.map(|group| named.places[group].clone()).unwrap_or_default();
        place.push(sheet.column_places[groups.len() + 1 + class].clone());
        Some(Amount::of(crate::stats::interval::number(count)).at(&place.join(" ")))
    };
    let bar = |class: usize| Bar {
        colour: None,
        name: sheet.columns[groups.len() + 1 + class].clone(),
        amounts: if side.is_empty() {
            vec![amount(class, None)]
        } else {
            side.iter().map(|group| amount(class, Some(*group))).collect()
        },
    };
    let figure = Bars {
        heading: heading("images-by-class", "Images by class", "How many images show each class; the axis is logarithmic."),
        category: "class".into(),
        axis: Axis { log: true, ..Axis::counts("images") },
        series,
        bars: (0..shown).map(bar).collect(),
    };
    let of = if side.is_empty() || named.names.len() == side.len() { "" } else { " The figure shows the last season." };
    Ok(Panel {
        id: "images-by-class".into(),
        title: "Images by class".into(),
        note: format!("The axis is logarithmic, so that rare classes can be seen.{of}"),
        figure: Some(draft.drawn(|templates| figure.svg(templates))?),
        sheet: Some(sheet),
        source: Some(source(input)),
        ..Panel::default()
    })
}

/// Where each value of a column of few texts stands among `names`.
fn places(column: &Column, names: &[String]) -> Vec<usize> {
    column.texts().map(|text| names.iter().position(|name| name == text).unwrap_or(names.len())).collect()
}

/// Days of sites with each class, by locality and month.
struct SiteDays<'j> {
    input: Input<'j>,
    /// By locality, class and month: how many days of sites.
    days: BTreeMap<String, BTreeMap<(String, String), u64>>,
    /// Conditions that lead to all of them in the source.
    place: Vec<String>,
    /// The column of the source that says what was seen, and the one that says when.
    columns: [&'static str; 2],
    /// All months, `2020-03`, without a hole.
    months: Vec<String>,
    classes: Vec<String>,
}

/// Counts days of sites: from the days of `summarise` where it stands before the report, else from the images.
fn site_days<'j>(draft: &Draft<'j>, shown: Input<'j>, column: &'static str) -> Result<Option<SiteDays<'j>>, StepError> {
    let localities = localities(draft, shown)?;
    let mut days: BTreeMap<String, BTreeMap<(String, String), u64>> = BTreeMap::new();
    let mut months = BTreeSet::new();
    let mut add = |site: &str, class: &str, month: &str| {
        let locality = localities.get(site).cloned().unwrap_or_default();
        *days.entry(locality).or_default().entry((class.to_owned(), month.to_owned())).or_default() += 1;
        months.insert(month.to_owned());
    };
    let summarised = draft.inputs.of_kind("summarise", "days").next();
    let (input, place, columns) = if let Some(input) = summarised {
        let table = input.read(&["site", "date", "class", "present"])?;
        let (sites, dates) = (table.require("site")?, table.require("date")?);
        let (classes, present) = (table.require("class")?, table.require("present")?);
        for row in (0..table.rows).filter(|row| present.bool(*row) == Some(true)) {
            if let (Some(site), Some(date), Some(class)) = (sites.text(row), dates.text(row), classes.text(row)) {
                add(site, class, date.get(..7).unwrap_or(date));
            }
        }
        (input, vec![condition("present", "true")], ["class", "date"])
    } else if shown.has("site") && shown.has("datetime") {
        for (site, class, day) in seen(&shown.read(&["site", "datetime", column])?, column)? {
            let date = civil::format_day(day);
            add(&site, &class, date.get(..7).unwrap_or(&date));
        }
        (shown, Vec::new(), [column, "datetime"])
    } else {
        return Ok(None);
    };
    if days.is_empty() {
        return Ok(None);
    }
    let found: BTreeSet<String> = days.values().flat_map(BTreeMap::keys).map(|(class, _)| class.clone()).collect();
    let classes = draft.ordered(found).into_iter().filter(|class| draft.is_animal(class)).collect();
    Ok(Some(SiteDays { input, days, place, columns, months: without_holes(&months), classes }))
}

/// The days on which a class was seen at a site: (site, class, day since 1970).
fn seen(table: &Table, column: &str) -> Result<BTreeSet<(String, String, i64)>, StepError> {
    let (sites, times, classes) = (table.require("site")?, table.require("datetime")?, table.require(column)?);
    let mut seen = BTreeSet::new();
    for row in 0..table.rows {
        if let (Some(site), Some(time), Some(class)) = (sites.code(row), times.datetime(row), classes.code(row)) {
            seen.insert((site, class, time.div_euclid(DAY_S)));
        }
    }
    let (sites, classes): (Vec<&str>, Vec<&str>) = (sites.texts().collect(), classes.texts().collect());
    let named = |(site, class, day): (u32, u32, i64)| (sites[site as usize].to_owned(), classes[class as usize].to_owned(), day);
    Ok(seen.into_iter().map(named).collect())
}

/// The locality of each site, where the images tell.
fn localities(draft: &Draft<'_>, shown: Input<'_>) -> Result<BTreeMap<String, String>, StepError> {
    let knows = |input: &&Input<'_>| input.has("site") && input.has("locality");
    let Some(input) = [shown].iter().chain(&draft.inputs.all).find(knows).copied() else { return Ok(BTreeMap::new()) };
    let named = Named::of(&input.read(&["site", "locality"])?, &["site", "locality"])?;
    let pair = |key: &Vec<crate::table::Cell>| (plain(key[0].as_ref()), plain(key[1].as_ref()));
    Ok(named.groups.keys.iter().map(pair).collect())
}

/// The number of a month `2020-03` since year 0.
fn number(month: &str) -> Option<i32> {
    let (year, month) = month.split_once('-')?;
    Some(year.parse::<i32>().ok()? * 12 + month.parse::<i32>().ok()? - 1)
}

/// A month by its number.
fn named(number: i32) -> String {
    format!("{:04}-{:02}", number.div_euclid(12), number.rem_euclid(12) + 1)
}

/// All months from the first to the last.
pub(super) fn without_holes(months: &BTreeSet<String>) -> Vec<String> {
    match (months.first().and_then(|month| number(month)), months.last().and_then(|month| number(month))) {
        (Some(first), Some(last)) if last - first < 1_200 => (first..=last).map(named).collect(),
        _ => months.iter().cloned().collect(),
    }
}

fn months(draft: &Draft<'_>, found: &SiteDays<'_>) -> Result<Vec<Panel>, StepError> {
    let mut panels = Vec::new();
    let drawn = &found.months[found.months.len().saturating_sub(MONTHS)..];
    let mut note = "A day of a site counts once, however many images of it show the class.".to_owned();
    if drawn.len() < found.months.len() {
        note.push_str(&format!(" The figure shows the last {MONTHS} months, the table all."));
    }
    for (at, (locality, days)) in found.days.iter().enumerate() {
        let count = |class: &String, month: &String| days.get(&(class.clone(), month.clone())).copied().unwrap_or(0);
        let place = |class: &String| {
            let locality = (!locality.is_empty()).then(|| condition("locality", locality));
            found.place.iter().cloned().chain(locality).chain([condition(found.columns[0], class)]).collect::<Vec<_>>()
        };
        let within = |month: &String| {
            let next = number(month).map(|number| named(number + 1)).unwrap_or_default();
            format!("{column}>={month} {column}<{next}", column = found.columns[1])
        };
        let mut sheet = Sheet::new(&["class"]);
        sheet.columns.extend(found.months.iter().cloned());
        sheet.column_places = std::iter::once(String::new()).chain(found.months.iter().map(within)).collect();
        for class in &found.classes {
            let counts = found.months.iter().map(|month| Value::count(count(class, month)));
            sheet.push(std::iter::once(Value::text(class)).chain(counts).collect(), place(class));
        }
        let tile = |class: &String, month: &String| Tile {
            value: Some(crate::stats::interval::number(count(class, month))),
            place: Some(format!("{} {}", place(class).join(" "), within(month))),
        };
        let id = format!("months-{}", at + 1);
        let title = match locality.as_str() {
            "" => "Days of sites with each class".to_owned(),
            locality => format!("Days of sites with each class: {locality}"),
        };
        let figure = Tiles {
            heading: heading(&id, &title, "A day of a site counts once, however many images of it show the class."),
            row_title: "class".into(),
            column_title: "month".into(),
            row_names: found.classes.clone(),
            column_names: drawn.to_vec(),
            axis: Axis::counts("days of sites"),
            numbers: true,
            diagonal: false,
            tiles: found.classes.iter().map(|class| drawn.iter().map(|month| tile(class, month)).collect()).collect(),
        };
        panels.push(Panel {
            id,
            title,
            note: if at == 0 { note.clone() } else { String::new() },
            folded: at >= OPEN,
            figure: Some(draft.drawn(|templates| figure.svg(templates))?),
            sheet: Some(sheet),
            source: Some(source(found.input)),
            ..Panel::default()
        });
    }
    Ok(panels)
}
