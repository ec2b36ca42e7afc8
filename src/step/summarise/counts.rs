//! The grid of site-days and classes, and what is counted in it.

use std::collections::{BTreeMap, BTreeSet};

use super::Class;
use super::gaps::Gaps;
use super::sites::{Place, Seen};
use crate::event::{TIME_LAPSE, TRIGGER};
use crate::table::{Column, Table};

/// What is known of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// What no event shows was not there, as far as the camera sees.
    Observed,
    /// All time-lapse images are of bad quality.
    BadQuality,
    /// Images, and no label at all.
    Unlabelled,
    /// No image.
    Gap,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Observed, Self::BadQuality, Self::Unlabelled, Self::Gap];

    pub fn word(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::BadQuality => "bad_quality",
            Self::Unlabelled => "unlabelled",
            Self::Gap => "gap",
        }
    }
}

/// A day of a site in a season.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub place: u32,
    /// Days since 1970.
    pub date: i64,
    /// Events that count.
    pub events: u32,
    /// All events that begin on it, and those with a label.
    begun: u32,
    labelled: u32,
    gap: bool,
    bad: bool,
}

impl Day {
    pub fn status(&self) -> Status {
        if self.gap {
            Status::Gap
        } else if self.bad {
            Status::BadQuality
        } else if self.begun > 0 && self.labelled == 0 {
            Status::Unlabelled
        } else {
            Status::Observed
        }
    }
}

/// All site-days.
pub(super) struct Grid {
    /// By site, then season.
    pub places: Vec<Place>,
    /// By place, then date.
    pub days: Vec<Day>,
    /// Day by day, the events of each class.
    counts: Vec<u32>,
    classes: usize,
    /// Events with a site and a time, and no label.
    pub unlabelled: u64,
    /// Events by the code of their label.
    by_label: Vec<u64>,
}

impl Grid {
    pub fn of(events: &Table, seen: &Seen, gaps: &Gaps, classes: &[Class], motion: bool) -> Self {
        let runs = || gaps.list.iter().map(|gap| (gap, true)).chain(gaps.quiet.iter().map(|gap| (gap, false)));
        let places: BTreeSet<&Place> = seen.places.iter().chain(runs().map(|(gap, _)| &gap.place)).collect();
        let places: Vec<Place> = places.into_iter().cloned().collect();
        let number = |place: &Place| places.binary_search(place).ok().and_then(|at| u32::try_from(at).ok()).unwrap_or_default();
        let renumbered: Vec<u32> = seen.places.iter().map(number).collect();
        let day = |place, date, gap| Day { place, date, gap, events: 0, begun: 0, labelled: 0, bad: false };
        let mut days: Vec<Day> = seen.days.iter().map(|(place, date)| day(renumbered[*place as usize], *date, false)).collect();
        days.extend(
            runs().flat_map(|(gap, missing)| (gap.from..=gap.to).map(move |date| day(number(&gap.place), date, missing))),
        );
        days.sort_unstable_by_key(|day| (day.place, day.date));
        let labels = events.column("label").map_or(0, |column| column.distinct());
        let mut grid = Self {
            counts: vec![0; days.len() * classes.len()],
            classes: classes.len(),
            by_label: vec![0; labels],
            unlabelled: 0,
            places,
            days,
        };
        grid.count(events, seen, &renumbered, classes, motion);
        grid
    }

    fn count(&mut self, events: &Table, seen: &Seen, renumbered: &[u32], classes: &[Class], motion: bool) {
        let (Some(labels), Some(missing)) = (events.column("label"), events.column("day_missing")) else { return };
        let of_label = places_of(labels, classes);
        let triggers = events.column(TRIGGER).filter(|_| motion);
        let lapse: Vec<bool> =
            triggers.map(|triggers| triggers.texts().map(|text| TIME_LAPSE.contains(&text)).collect()).unwrap_or_default();
        let mut last = 0;
        for row in 0..events.rows {
            let (Some(place), Some(date)) = (seen.of_row[row], seen.day_of_row[row]) else { continue };
            let key = (renumbered[place as usize], date);
            // Events come by place and time: the day is most often that of the one before.
            if self.days.get(last).is_none_or(|day| (day.place, day.date) != key) {
                let Ok(found) = self.days.binary_search_by_key(&key, |day| (day.place, day.date)) else { continue };
                last = found;
            }
            let day = &mut self.days[last];
            day.begun += 1;
            day.bad |= missing.bool(row) == Some(true);
            let counts = !triggers.and_then(|triggers| triggers.code(row)).is_some_and(|code| lapse[code as usize]);
            day.events += u32::from(counts);
            let Some(code) = labels.code(row) else {
                self.unlabelled += 1;
                continue;
            };
            day.labelled += 1;
            self.by_label[code as usize] += 1;
            for class in of_label[code as usize].iter().filter(|_| counts) {
                self.counts[last * self.classes + *class as usize] += 1;
            }
        }
    }

    /// The events of a class on a day; missing where nothing is known.
    pub fn events(&self, day: usize, class: usize, bad: bool) -> Option<u32> {
        match self.days[day].status() {
            Status::Observed => Some(self.counts[day * self.classes + class]),
            // What was seen of such a day is that nothing could be seen.
            Status::BadQuality if bad => Some(self.days[day].events),
            _ => None,
        }
    }

    /// Events by labels that are neither among `known` nor counted.
    pub fn other_labels(&self, events: &Table, known: &[&str], classes: &[Class]) -> BTreeMap<String, u64> {
        let Some(labels) = events.column("label") else { return BTreeMap::new() };
        let other = |part: &str| !known.contains(&part) && classes.iter().all(|class| class.name != part);
        let mut found = BTreeMap::new();
        for (text, count) in labels.texts().zip(&self.by_label).filter(|(_, count)| **count > 0) {
            for part in text.split('+').filter(|part| other(part)) {
                *found.entry(part.to_owned()).or_default() += count;
            }
        }
        found
    }
}

/// The classes that each label names; several animals are joined by `+`.
fn places_of(labels: &Column, classes: &[Class]) -> Vec<Vec<u16>> {
    let place = |part: &str| classes.iter().position(|class| class.name == part).and_then(|at| u16::try_from(at).ok());
    let of_label = |text: &str| text.split('+').filter_map(place).collect::<BTreeSet<u16>>().into_iter().collect();
    labels.texts().map(of_label).collect()
}
