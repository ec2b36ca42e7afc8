//! Health of the cameras: on which days they took images, gaps, days of bad quality, clocks, and what is odd about files.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::draft::{Draft, heading, param, source};
use super::inputs::{Input, condition, count, plain};
use crate::report::figure::activity::{Activity, Run, Site, State};
use crate::report::page::{Panel, Section, Sheet, Value};
use crate::step::StepError;
use crate::table::Table;
use crate::table::civil::{DAY_S, format_day};

/// Sites that the figure draws at most; the table has all.
const MOST_SITES: usize = 200;
/// Rows of gaps on the page; the download has all.
const MOST_GAPS: usize = 100;
/// Flags that say that a clock contradicts itself or others.
const CLOCK: &[&str] = &[
    "date_conflict",
    "month_day_swap",
    "time_runs_backwards",
    "year_not_advanced",
    "clock_reset",
    "outside_season",
    "offset_contradicts_zone",
    "impossible_hour",
    "outside_drift",
    "clock_overlap",
    "clock_impossible",
];

/// What is known of a site in the last season.
#[derive(Default)]
struct Health {
    /// By day: images, and how many of them have a clock that contradicts something.
    days: BTreeMap<i64, (u64, u64)>,
    bad: BTreeSet<i64>,
    gaps: Vec<(i64, i64)>,
}

pub(super) fn section(draft: &Draft<'_>) -> Result<Option<Section>, StepError> {
    let Some(images) = draft.inputs.images() else { return Ok(None) };
    let mut panels = vec![activity(draft, images)?];
    for (at, input) in draft.inputs.of_kind("summarise", "gaps").enumerate() {
        panels.push(gaps(draft, input, at)?);
    }
    panels.extend(flags(images)?);
    let lead = "Days on which each camera took images, and days of which nothing is known: those are missing, and no days without animals.";
    Ok(Some(Section { id: "cameras".into(), title: "Health of the cameras".into(), lead: lead.into(), panels }))
}

/// The number of a day `YYYY-MM-DD` since 1970.
fn day_of(text: &str) -> Option<i64> {
    let date: Date = text.get(..10)?.parse().ok()?;
    Some(crate::table::civil::to_seconds(date.at(0, 0, 0, 0)).div_euclid(DAY_S))
}

fn date_of(day: i64) -> Date {
    crate::table::civil::from_seconds(day * DAY_S).map_or(Date::constant(1970, 1, 1), jiff::civil::DateTime::date)
}

/// The last season of a table, if it has seasons.
fn last_season(table: &Table) -> Option<String> {
    table.column("season")?.texts().max().map(str::to_owned)
}

/// Rows of `season`, or all.
fn rows_of(table: &Table, season: Option<&str>) -> Vec<usize> {
    let seasons = table.column("season").filter(|_| season.is_some());
    (0..table.rows).filter(|row| seasons.is_none_or(|column| column.text(*row) == season)).collect()
}

fn activity(draft: &Draft<'_>, images: Input<'_>) -> Result<Panel, StepError> {
    let table = images.read(&["site", "season", "datetime", "flags"])?;
    let season = last_season(&table);
    let mut sites = taken(&table, season.as_deref())?;
    if let Some(input) = draft.inputs.of_kind("summarise", "gaps").next() {
        let gaps = input.table.read(None)?;
        for row in rows_of(&gaps, season.as_deref()) {
            let ends = ["from", "to"].map(|name| day_of(&plain(gaps.cell(row, name))));
            if let [Some(from), Some(to)] = ends {
                sites.entry(plain(gaps.cell(row, "site"))).or_default().gaps.push((from, to));
            }
        }
    }
    if let Some(input) = draft.inputs.of_kind("summarise", "days").next() {
        let days = input.read(&["site", "season", "date", "status"])?;
        let statuses = days.require("status")?;
        for row in rows_of(&days, season.as_deref()) {
            if statuses.text(row) == Some("bad_quality")
                && let Some(day) = day_of(&plain(days.cell(row, "date")))
            {
                sites.entry(plain(days.cell(row, "site"))).or_default().bad.insert(day);
            }
        }
    }
    let mut sheet = Sheet::new(&[
        "site",
        "first day",
        "last day",
        "days with images",
        "images",
        "days without",
        "days of bad quality",
        "images with a doubtful time",
    ]);
    let mut drawn = Vec::new();
    for (site, health) in &sites {
        let place = vec![condition("site", site)];
        let place = season.iter().map(|season| condition("season", season)).chain(place).collect::<Vec<_>>();
        let day = |day: Option<&i64>| day.map_or(Value::Missing, |day| Value::Text(format_day(*day)));
        let gap_days: i64 = health.gaps.iter().map(|(from, to)| to - from + 1).sum();
        sheet.push(
            vec![
                Value::text(site),
                day(health.days.keys().next()),
                day(health.days.keys().next_back()),
                Value::count(health.days.len() as u64),
                Value::count(health.days.values().map(|(images, _)| images).sum()),
                Value::count(gap_days.unsigned_abs()),
                Value::count(health.bad.len() as u64),
                Value::count(health.days.values().map(|(_, doubtful)| doubtful).sum()),
            ],
            place.clone(),
        );
        drawn.push(Site { name: site.clone(), runs: runs(health), place: Some(place.join(" ")) });
    }
    let of = season.as_ref().map_or(String::new(), |season| format!(", season {season}"));
    let title = format!("Activity by site and day{of}");
    let figure = Activity {
        heading: heading("activity", &title, "A row per site, a column per day: images, gaps, bad quality, doubtful clocks."),
        sites: drawn,
        most: MOST_SITES,
    };
    Ok(Panel {
        id: "activity".into(),
        title,
        note:
            "A doubtful time: EXIF and the camera's own note differ, a correction cannot be carried out or ends too early, the clock runs backwards, \
             begins again or contradicts the season or the time zone."
                .into(),
        figure: Some(draft.drawn(|templates| figure.svg(templates))?),
        sheet: Some(sheet),
        source: Some(source(images)),
        ..Panel::default()
    })
}

/// Images by site and day.
fn taken(table: &Table, season: Option<&str>) -> Result<BTreeMap<String, Health>, StepError> {
    let (sites, times) = (table.require("site")?, table.require("datetime")?);
    let flags = table.column("flags");
    let doubtful: Vec<bool> = flags.map(|flags| flags.texts().map(has_clock_flag).collect()).unwrap_or_default();
    let mut found: BTreeMap<u32, Health> = BTreeMap::new();
    for row in rows_of(table, season) {
        let (Some(site), Some(time)) = (sites.code(row), times.datetime(row)) else { continue };
        let day = found.entry(site).or_default().days.entry(time.div_euclid(DAY_S)).or_default();
        day.0 += 1;
        day.1 += u64::from(flags.and_then(|flags| flags.code(row)).is_some_and(|code| doubtful[code as usize]));
    }
    let names: Vec<&str> = sites.texts().collect();
    Ok(found.into_iter().map(|(site, health)| (names[site as usize].to_owned(), health)).collect())
}

fn has_clock_flag(flags: &str) -> bool {
    flags.split(' ').any(|flag| CLOCK.contains(&flag.split('=').next().unwrap_or(flag)))
}

/// Days in a row that are alike.
fn runs(health: &Health) -> Vec<Run> {
    let gap = |(from, to): &(i64, i64)| Run { from: date_of(*from), to: date_of(*to), state: State::Gap };
    let mut runs: Vec<Run> = health.gaps.iter().map(gap).collect();
    let mut last: Option<i64> = None;
    for (day, (images, doubtful)) in &health.days {
        let state = if *doubtful > 0 {
            State::ClockConflict
        } else if health.bad.contains(day) {
            State::BadQuality
        } else {
            State::Active { images: *images }
        };
        let date = date_of(*day);
        match (runs.last_mut().filter(|_| last == Some(day - 1)), state) {
            (Some(Run { to, state: State::Active { images }, .. }), State::Active { images: more }) => {
                *images += more;
                *to = date;
            }
            (Some(Run { to, state: before, .. }), state) if *before == state => *to = date,
            _ => runs.push(Run { from: date, to: date, state }),
        }
        last = Some(*day);
    }
    runs
}

/// How days without an image are taken.
fn alive(draft: &Draft<'_>, input: Input<'_>) -> &'static str {
    let said = draft.step(&input.origin.step).and_then(|step| param(step, "alive"));
    match said.as_ref().and_then(|value| value.as_str()) {
        Some("deployment") => {
            "Cameras are taken to work from the start to the end of their deployments: a day without an image is a day without animals \
             (`alive: deployment`). Gaps are deployments without any image."
        }
        Some(_) => "A camera is taken to work on days of which it has images; other days are missing (`alive: images`).",
        None => "A camera is taken to work on days of which it has images; other days are missing.",
    }
}

fn gaps(draft: &Draft<'_>, input: Input<'_>, at: usize) -> Result<Panel, StepError> {
    let table = input.table.read(None)?;
    let columns = super::inputs::names(&table.schema);
    let mut sheet = Sheet::new(&columns);
    for row in 0..table.rows {
        let cell = |name: &&str| match *name {
            "days" => Value::count(count(&table, row, "days")),
            name => Value::Text(plain(table.cell(row, name))),
        };
        let place = ["site", "from"].iter().map(|name| condition(name, &plain(table.cell(row, name)))).collect();
        sheet.push(columns.iter().map(cell).collect(), place);
    }
    sheet.hidden = sheet.rows.len().saturating_sub(MOST_GAPS);
    Ok(Panel {
        id: format!("gaps-{}", at + 1),
        title: "Gaps".into(),
        note: alive(draft, input).into(),
        folded: true,
        sheet: Some(sheet),
        table_first: true,
        source: Some(source(input)),
        ..Panel::default()
    })
}

/// What is odd about files, and at how many sites.
fn flags(images: Input<'_>) -> Result<Option<Panel>, StepError> {
    if !images.has("flags") {
        return Ok(None);
    }
    let table = images.read(&["site", "flags"])?;
    let (flags, sites) = (table.require("flags")?, table.require("site")?);
    let mut found: BTreeMap<&str, (u64, BTreeSet<u32>)> = BTreeMap::new();
    for row in 0..table.rows {
        for flag in flags.text(row).into_iter().flat_map(|flags| flags.split(' ')).filter(|flag| !flag.is_empty()) {
            let (images, at) = found.entry(flag.split('=').next().unwrap_or(flag)).or_default();
            *images += 1;
            at.extend(sites.code(row));
        }
    }
    let mut sheet = Sheet::new(&["what", "images", "sites"]);
    for (flag, (images, at)) in &found {
        let cells = vec![Value::Text(flag.replace('_', " ")), Value::count(*images), Value::count(at.len() as u64)];
        sheet.push(cells, vec![condition("flags", flag)]);
    }
    let panel = Panel {
        id: "files".into(),
        title: "What is odd about files".into(),
        note: "`trapline help metadata` says what each means.".into(),
        sheet: Some(sheet),
        table_first: true,
        source: Some(source(images)),
        ..Panel::default()
    };
    Ok((!found.is_empty()).then_some(panel))
}

/// The runs of the first site of a table, in words; `gaps` and days of bad quality are days since 1970.
#[cfg(test)]
pub(super) fn told(images: &Table, gaps: &[(i64, i64)], bad: &[i64]) -> Vec<String> {
    let mut health = taken(images, None).unwrap().into_values().next().unwrap();
    health.gaps = gaps.to_vec();
    health.bad = bad.iter().copied().collect();
    runs(&health).into_iter().map(|run| format!("{} {} {:?}", run.from, run.to, run.state)).collect()
}
