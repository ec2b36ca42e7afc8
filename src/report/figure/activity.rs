//! Activity of cameras by site and day: when they took images, when not, and what was wrong.

use jiff::civil::Date;
use serde::Serialize;

use super::Heading;
use super::draw::{EDGE, Frame, Px, SMALL, Text, Tick, count, empty, place, widest};
use crate::report::{TemplateError, Templates};

mod raster;
use raster::{Drawn, Key, Look, days, keys, length, paths, shown, ticks};

/// A row for each site, a column for each day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Activity {
    /// What the figure is called.
    pub heading: Heading,
    /// The sites, from top to bottom.
    pub sites: Vec<Site>,
    /// The most sites that are drawn, 0 for 200; how many are left out is said in the figure.
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
struct Row {
    name: Text,
    y: Px,
    place: Option<String>,
    paths: Vec<Drawn>,
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
        let left = widest(drawn.iter().map(|site| site.name.as_str()), size).min(150.0) + 2.0 * EDGE + 5.0;
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
}
