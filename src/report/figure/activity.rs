//! Activity of cameras by site and day: when they took images, when not, and what was wrong.

use jiff::civil::Date;

use serde::Serialize;

use super::draw::{EDGE, Frame, Px, SMALL, Text, Tick, count, empty, place, widest};
use super::text::{clean, number, width};
use super::{Heading, Sheet};
use crate::report::{TemplateError, Templates};

/// A row for each site, a column for each day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Activity {
    /// What the figure is called.
    pub heading: Heading,
    /// The sites, from top to bottom.
    pub sites: Vec<Site>,
    /// The most sites that are drawn, 0 for 200; how many are left out is said in the figure. The table has all.
    pub most: usize,
}

/// A site with what its camera did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// Spans of days; a day in none of them was not asked for.
    pub runs: Vec<Run>,
    /// Where its numbers come from: `site=...`.
    pub place: Option<String>,
}

/// Days on which a camera was in the same state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// The state.
    pub state: State,
}

/// What a camera did on a day. The order is that in which one of several states of a column is shown: the last wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It was there, and took no images.
    NoImages,
    /// It took images: so many in the whole run.
    Active {
        /// Images of the run.
        images: u64,
    },
    /// There is nothing of these days between others.
    Gap,
    /// All images that tell whether the camera saw anything are bad.
    BadQuality,
    /// Its clock contradicts itself or others.
    ClockConflict,
}

impl State {
    /// Its name, as tables have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoImages => "no images",
            Self::Active { .. } => "active",
            Self::Gap => "gap",
            Self::BadQuality => "bad quality",
            Self::ClockConflict => "clock conflict",
        }
    }
}

/// The width of the figure: wider than others, because a day needs its place.
const WIDE: f64 = 760.0;
/// The most columns of a row; beyond, a column is several days. It bounds the size of the figure, and no screen shows more.
const COLUMNS: i64 = 920;
/// The most sites where `most` is 0.
const SITES: usize = 200;

/// A way of drawing days, in the order of [`State`]; activity in three of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Look {
    Quiet,
    Few,
    Some,
    Many,
    Gap,
    Bad,
    Clock,
}

impl Look {
    const ALL: [Self; 7] = [Self::Quiet, Self::Few, Self::Some, Self::Many, Self::Gap, Self::Bad, Self::Clock];

    fn of(run: &Run) -> Self {
        match run.state {
            State::NoImages => Self::Quiet,
            State::Active { images } => {
                let days = u64::try_from(days(run.from, run.to)).unwrap_or(1).max(1);
                match images / days {
                    0..10 => Self::Few,
                    10..100 => Self::Some,
                    _ => Self::Many,
                }
            }
            State::Gap => Self::Gap,
            State::BadQuality => Self::Bad,
            State::ClockConflict => Self::Clock,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Quiet => State::NoImages.name(),
            Self::Few => "1 to 9 a day",
            Self::Some => "10 to 99 a day",
            Self::Many => "100 a day or more",
            Self::Gap => State::Gap.name(),
            Self::Bad => State::BadQuality.name(),
            Self::Clock => State::ClockConflict.name(),
        }
    }
}

/// Days of a run, both ends counted; below 1 where they are in the wrong order.
fn days(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24 + 1
}

#[derive(Serialize)]
struct Layout {
    frame: Frame,
    left: Px,
    right: Px,
    top: Px,
    bottom: Px,
    /// Height of a row.
    row: Px,
    /// Width of a column.
    column: Px4,
    keys: Vec<Key>,
    ticks: Vec<Tick>,
    rows: Vec<Row>,
    notes: Vec<Text>,
}

/// A factor with more decimals than a coordinate: it is taken many times.
#[derive(Serialize)]
struct Px4(f64);

#[derive(Serialize)]
struct Key {
    look: Look,
    x: Px,
    y: Px,
    label: Text,
}

#[derive(Serialize)]
struct Row {
    name: Text,
    y: Px,
    place: Option<String>,
    paths: Vec<Drawn>,
}

#[derive(Serialize)]
struct Drawn {
    look: Look,
    /// Steps along the row after its beginning, in columns.
    path: String,
    told: String,
}

impl Activity {
    /// The figure.
    ///
    /// # Errors
    /// When a template that the user replaced fails.
    pub fn svg(&self, templates: &Templates) -> Result<String, TemplateError> {
        let drawn = &self.sites[..self.sites.len().min(if self.most == 0 { SITES } else { self.most })];
        let runs = || drawn.iter().flat_map(|site| &site.runs).filter(|run| run.from <= run.to);
        let ends = runs().map(|run| run.from).min().zip(runs().map(|run| run.to).max());
        match ends {
            Some((first, last)) => templates.render("figures/activity.svg", self.layout(drawn, first, last)),
            None => empty(&self.heading, templates),
        }
    }

    fn layout(&self, drawn: &[Site], first: Date, last: Date) -> Layout {
        let all = days(first, last);
        let each = (all + COLUMNS - 1) / COLUMNS;
        let columns = usize::try_from((all + each - 1) / each).unwrap_or(1);
        let (row, size) = if drawn.len() <= 40 { (16.0, SMALL) } else { (11.0, 9.0) };
        let left = widest(drawn.iter().map(|site| site.name.as_str()), size).min(150.0) + 2.0 * EDGE + 4.0;
        let right = WIDE - EDGE - 6.0;
        let column = (right - left) / count(columns);
        let looks: Vec<Look> = Look::ALL.into_iter().filter(|look| shown(drawn, *look)).collect();
        let (keys, used) = keys(&looks);
        let top = EDGE + used + 6.0;
        let bottom = top + row * count(drawn.len());
        let rows = drawn.iter().enumerate().map(|(line, site)| {
            let y = top + row * count(line);
            let name = Text::new(&site.name, left - 8.0, y + row / 2.0 + size * 0.35, size, left - 8.0 - EDGE).end();
            Row { name, y: Px(y), place: place(site.place.as_ref()), paths: paths(site, first, each, columns) }
        });
        let rows = rows.collect();
        let mut notes = Vec::new();
        if each > 1 {
            notes.push(format!("A column is {each} days. It shows the most serious of them: clock, quality, gap, images, none."));
        }
        if drawn.len() < self.sites.len() {
            let (left_out, all) = (self.sites.len() - drawn.len(), self.sites.len());
            notes.push(format!("{left_out} of {all} sites are not drawn; the table behind the figure has all of them."));
        }
        let mut frame = Frame::new(&self.heading, WIDE, bottom + 24.0 + 16.0 * count(notes.len()));
        for note in &notes {
            frame.about = format!("{} {note}", if frame.about.is_empty() { &frame.title } else { &frame.about });
        }
        let lines = notes.iter().enumerate();
        let lines =
            lines.map(|(line, note)| Text::new(note, left, bottom + 34.0 + 16.0 * count(line), SMALL, WIDE - left - EDGE).soft());
        Layout {
            notes: lines.collect(),
            frame,
            left: Px(left),
            right: Px(right),
            top: Px(top),
            bottom: Px(bottom),
            row: Px(row),
            column: Px4((column * 10_000.0).round() / 10_000.0),
            keys,
            ticks: ticks(first, last, left, (right - left) / length(all), bottom),
            rows,
        }
    }

    /// The table behind the figure: a row for each run of each site.
    #[must_use]
    pub fn rows(&self) -> Sheet {
        let mut sheet = Sheet::new(&["site", "from", "to", "state", "images"]);
        for site in &self.sites {
            for run in &site.runs {
                let images = match run.state {
                    State::Active { images } => images.to_string(),
                    _ => String::new(),
                };
                let (from, to) = (run.from.to_string(), run.to.to_string());
                sheet.rows.push(vec![site.name.clone(), from, to, run.state.name().to_owned(), images]);
            }
        }
        sheet
    }
}

/// Says whether any site has days of a look.
fn shown(sites: &[Site], look: Look) -> bool {
    sites.iter().flat_map(|site| &site.runs).any(|run| run.from <= run.to && Look::of(run) == look)
}

#[expect(clippy::cast_precision_loss, reason = "days of a calendar")]
fn length(days: i64) -> f64 {
    days as f64
}

/// The legend, and its height.
fn keys(looks: &[Look]) -> (Vec<Key>, f64) {
    let (mut x, mut y, mut keys) = (EDGE, EDGE, Vec::new());
    for look in looks {
        let wide = 24.0 + width(look.name(), SMALL);
        if x > EDGE && x + wide > WIDE - EDGE {
            (x, y) = (EDGE, y + 18.0);
        }
        let label = Text::new(look.name(), x + 24.0, y + 11.0, SMALL, f64::INFINITY).soft();
        keys.push(Key { look: *look, x: Px(x), y: Px(y), label });
        x += wide + 14.0;
    }
    (keys, y - EDGE + 18.0)
}

/// One path for each look of a site: what overlaps or shares a column is drawn as its last look.
fn paths(site: &Site, first: Date, each: i64, columns: usize) -> Vec<Drawn> {
    let mut cells: Vec<Option<Look>> = vec![None; columns];
    let mut totals = [(0u64, 0u64); Look::ALL.len()];
    for run in site.runs.iter().filter(|run| run.from <= run.to) {
        let look = Look::of(run);
        let column = |date: Date| usize::try_from((days(first, date) - 1) / each).unwrap_or(0);
        for cell in cells.iter_mut().take(column(run.to) + 1).skip(column(run.from)) {
            *cell = (*cell).max(Some(look));
        }
        let total = &mut totals[look as usize];
        total.0 += u64::try_from(days(run.from, run.to)).unwrap_or(0);
        if let State::Active { images } = run.state {
            total.1 = total.1.saturating_add(images);
        }
    }
    let mut texts: [(String, usize); Look::ALL.len()] = Default::default();
    let mut start = 0;
    for run in cells.chunk_by(|a, b| a == b) {
        if let Some(look) = run[0] {
            let (text, end) = &mut texts[look as usize];
            // From the end of the last piece to the start of this one.
            text.push_str(&format!("m{} 0h{}", start - *end, run.len()));
            *end = start + run.len();
        }
        start += run.len();
    }
    let drawn = Look::ALL.into_iter().filter_map(|look| {
        let path = std::mem::take(&mut texts[look as usize].0);
        let (days, images) = totals[look as usize];
        let counted = if images > 0 { format!(", {} images", number(integer(images), 0)) } else { String::new() };
        let told = format!("{}: {}: {} days{counted}", clean(&site.name), look.name(), number(integer(days), 0));
        (!path.is_empty()).then_some(Drawn { look, path, told })
    });
    drawn.collect()
}

#[expect(clippy::cast_precision_loss, reason = "fewer than 2^53")]
fn integer(count: u64) -> f64 {
    count as f64
}

/// Months below the rows, as many as have room.
fn ticks(first: Date, last: Date, left: f64, day: f64, bottom: f64) -> Vec<Tick> {
    let month = day * 30.4;
    let room = width("2020-01", SMALL) + 10.0;
    let step = [1i32, 2, 3, 6].into_iter().find(|step| f64::from(*step) * month >= room);
    let step = step.unwrap_or_else(|| {
        let years = (room / (month * 12.0)).ceil().clamp(1.0, 10_000.0);
        #[expect(clippy::cast_possible_truncation, reason = "between 1 and 10 000")]
        let years = years as i32;
        years * 12
    });
    let months = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month()) - 1;
    let mut at = months(first).div_euclid(step) * step;
    let mut ticks = Vec::new();
    while at <= months(last) {
        let date = i16::try_from(at.div_euclid(12)).ok().zip(i8::try_from(at.rem_euclid(12) + 1).ok());
        if let Some(date) =
            date.and_then(|(year, month)| Date::new(year, month, 1).ok()).filter(|date| (first..=last).contains(date))
        {
            let x = left + length(days(first, date) - 1) * day;
            let text = date.strftime(if step % 12 == 0 { "%Y" } else { "%Y-%m" }).to_string();
            let label = Text::new(&text, x, bottom + 17.0, SMALL, f64::INFINITY).middle().soft().within(EDGE, WIDE - EDGE);
            ticks.push(Tick { at: Px(x), label });
        }
        at += step;
    }
    if ticks.is_empty() {
        let label = Text::new(&first.to_string(), left, bottom + 17.0, SMALL, f64::INFINITY).soft();
        ticks.push(Tick { at: Px(left), label });
    }
    ticks
}
