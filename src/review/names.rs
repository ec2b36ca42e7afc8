//! The order of images that no clock orders: that of their files' names, as a folder lists them.

use std::collections::BTreeMap;

use super::pictures::text_of;
use crate::event::Events;
use crate::table::Table;

/// The places of images without a time among each other, by path. Images with a time all have the same place.
#[derive(Debug, Default)]
pub struct NameOrder {
    rows: BTreeMap<u32, u32>,
    events: BTreeMap<u32, u32>,
}

impl NameOrder {
    /// Orders the images of `table` that have no time.
    #[must_use]
    pub fn of(table: &Table, events: &Events) -> Self {
        let path = ["path", "file", "name"].into_iter().find(|name| table.column(name).is_some()).unwrap_or("path");
        let mut untimed = events.without_time.clone();
        untimed.sort_by_key(|row| (text_of(table, path, *row as usize), *row));
        let mut order = Self::default();
        for (place, row) in (1_u32..).zip(untimed) {
            order.rows.insert(row, place);
            // The first comes first: an event is where its first image is.
            order.events.entry(events.of_row[row as usize]).or_insert(place);
        }
        order
    }

    /// The place of an image; 0 where a clock orders it.
    #[must_use]
    pub fn of_row(&self, row: u32) -> u32 {
        self.rows.get(&row).copied().unwrap_or(0)
    }

    /// The place of an event; 0 where a clock orders it.
    #[must_use]
    pub fn of_event(&self, event: u32) -> u32 {
        self.events.get(&event).copied().unwrap_or(0)
    }
}
