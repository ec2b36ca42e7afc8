//! Days as pieces of a row: what each column shows, what is said of it, and the months below.

use jiff::civil::Date;
use serde::Serialize;

use super::{Run, Site, State, WIDE};
use crate::report::figure::draw::{EDGE, Px, SMALL, Text, Tick};
use crate::report::figure::text::{clean, number, width};

/// A way of drawing days, in the order of [`State`]; activity in three of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    Quiet,
    Few,
    Some,
    Many,
    Gap,
    Bad,
    Clock,
}

impl Look {
    pub const ALL: [Self; 7] = [Self::Quiet, Self::Few, Self::Some, Self::Many, Self::Gap, Self::Bad, Self::Clock];

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

    pub fn name(self) -> &'static str {
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
pub fn days(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24 + 1
}

#[derive(Serialize)]
pub struct Key {
    pub look: Look,
    pub x: Px,
    pub y: Px,
    pub label: Text,
}

#[derive(Serialize)]
pub struct Drawn {
    pub look: Look,
    /// Steps along the row after its beginning, in columns.
    pub path: String,
    pub told: String,
}

/// Says whether any site has days of a look.
pub fn shown(sites: &[Site], look: Look) -> bool {
    sites.iter().flat_map(|site| &site.runs).any(|run| run.from <= run.to && Look::of(run) == look)
}

#[expect(clippy::cast_precision_loss, reason = "days of a calendar")]
pub fn length(days: i64) -> f64 {
    days as f64
}

/// The legend, and its height.
pub fn keys(looks: &[Look]) -> (Vec<Key>, f64) {
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
pub fn paths(site: &Site, first: Date, each: i64, columns: usize) -> Vec<Drawn> {
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
pub fn ticks(first: Date, last: Date, left: f64, day: f64, bottom: f64) -> Vec<Tick> {
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
            // One at the very end would be pushed into the one before.
            if !ticks.is_empty() && x + room / 2.0 > WIDE {
                break;
            }
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
