//! Days on which a camera saw nothing: all its time-lapse images are of bad quality.

use std::collections::BTreeMap;

use super::times;
use super::votes::Votes;
use crate::event::{TIME_LAPSE, TRIGGER};
use crate::observation::PLACE;
use crate::table::civil::{self, DAY_S};
use crate::table::{Column, Groups, Table, TableError};

/// The days of sites with time-lapse images.
pub(super) struct Days<'a> {
    places: Groups,
    times: Option<&'a Column>,
    /// By place and day: whether all time-lapse images are of bad quality.
    seen: BTreeMap<(u32, i64), bool>,
    /// Those on which nothing was seen, in words.
    pub missing: Vec<String>,
}

impl<'a> Days<'a> {
    pub fn of(images: &'a Table, votes: &Votes<'_>) -> Result<Self, TableError> {
        let names: Vec<&str> = PLACE.iter().copied().filter(|name| images.column(name).is_some()).collect();
        let mut days =
            Self { places: Groups::of(images, &names)?, times: times(images), seen: BTreeMap::new(), missing: Vec::new() };
        let Some(triggers) = images.column(TRIGGER) else { return Ok(days) };
        let is_lapse: Vec<bool> = triggers.texts().map(|text| TIME_LAPSE.contains(&text)).collect();
        for row in 0..u32::try_from(images.rows).unwrap_or(u32::MAX) {
            let lapse = triggers.code(row as usize).is_some_and(|code| is_lapse[code as usize]);
            let Some(day) = days.day(row).filter(|_| lapse) else { continue };
            // An image that nobody labelled may have been fine.
            *days.seen.entry(day).or_insert(true) &= votes.is_bad(row).unwrap_or(false);
        }
        let missing = days.seen.iter().filter(|(_, bad)| **bad).map(|((place, day), _)| {
            format!("{} {}", days.places.words(*place as usize), civil::format_day(*day)).trim_start().to_owned()
        });
        days.missing = missing.collect();
        Ok(days)
    }

    /// Place and day of an image.
    fn day(&self, row: u32) -> Option<(u32, i64)> {
        let time = self.times?.datetime(row as usize)?;
        Some((self.places.of_row[row as usize], time.div_euclid(DAY_S)))
    }

    /// Says whether nothing was seen on the day of an image; `None` where no time-lapse image tells.
    pub fn is_missing(&self, row: u32) -> Option<bool> {
        self.seen.get(&self.day(row)?).copied()
    }
}
