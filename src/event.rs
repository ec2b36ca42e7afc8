//! Trigger events: which images a camera took for one and the same reason.
//!
//! An event is a site, a season, a trigger mode and the camera's own event number, cut wherever two of its images lie further apart
//! than a gap: counters begin again when batteries are changed. Images without a number (other makes) go by site, trigger and gap
//! alone. Cameras that stand at one site are told apart by their name, or by the serial number that they write; or the site is the unit,
//! and then numbers, which each camera counts by itself, say nothing. Folders say nothing: a burst may lie in several. The raw clock
//! decides, so that correcting a clock renames no event.

use crate::observation::{CAMERA, Key, SERIAL};
use crate::table::{Column, ColumnBuilder, Schema, Table, TableError, Type};

mod places;
mod touched;

use places::Places;
pub use places::{Unit, overlapping_cameras};
pub use touched::{Touched, touched};

/// Seconds that may lie between two images of an event: the longest interval inside a sequence that common cameras offer, and
/// the step of clocks that write no seconds.
pub const GAP_S: i64 = 60;

/// The column that names the event of an image.
pub const EVENT_ID: &str = "event_id";

/// Why the camera took an image; `T` is a time-lapse image.
pub const TRIGGER: &str = "trigger";

/// How time-lapse images are written: by cameras, in the COAT portal's tables, in Camtrap DP.
pub const TIME_LAPSE: &[&str] = &["T", "time_lapse", "timeLapse"];

/// The camera's number of an event.
pub const NUMBER: &str = "event";

/// The place of an image within its event.
pub const SEQUENCE: &str = "sequence_n";

/// What a corrected time is ahead of UTC.
pub const DATETIME_OFFSET: &str = "datetime_offset";

/// Which pass of an hour that the camera's clock shows twice an image belongs to: 1 or 2.
pub const REPEATED_HOUR: &str = "repeated_hour";

/// By how much a clock goes back in autumn.
const BACK_S: i64 = 3600;

/// Times, the surest first.
pub const TIMES: &[&str] = &["datetime_raw", "datetime"];

/// The column of `schema` that holds the times by which its images are ordered.
#[must_use]
pub fn time_column(schema: &Schema) -> Option<&'static str> {
    TIMES.iter().find(|name| schema.field(name).is_some_and(|field| field.ty == Type::DateTime)).copied()
}

/// Says whether the columns of `schema` tell events apart: a time or an event number.
#[must_use]
pub fn is_known(schema: &Schema) -> bool {
    time_column(schema).is_some() || schema.field(NUMBER).is_some_and(|field| field.ty == Type::Int)
}

/// A trigger event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What tells it from all others: place, number and first time.
    id: u64,
    /// What images that come late do not change: place and number, or the day of the first image where it has no number. Events
    /// of one camera may share it.
    pub anchor: u128,
    /// The camera's number.
    pub number: Option<i64>,
    /// The first time, by the clock that orders the images.
    pub first: Option<i64>,
    /// The last time.
    pub last: Option<i64>,
    /// Where its rows start in [`Events::order`].
    start: u32,
    /// Where they end.
    end: u32,
}

impl Event {
    /// The stable name: no spreadsheet reads it as a number, no late season renumbers it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("ev{:016x}", self.id)
    }
}

/// The events of a table, by site, season and trigger, then by time.
#[derive(Debug, Clone, PartialEq)]
pub struct Events {
    /// The events.
    pub list: Vec<Event>,
    /// The event of each row.
    pub of_row: Vec<u32>,
    /// The rows, event by event, those of each in the order in which they were taken.
    pub order: Vec<u32>,
    /// Rows without any time.
    pub without_time: Vec<u32>,
}

impl Events {
    /// Groups the rows of `table` by camera; images further apart than `gap_s` are not of one event. `more` names columns that tell
    /// cameras apart beside site, season and trigger.
    ///
    /// # Errors
    /// [`TableError::NoColumn`] for a name among `more`.
    pub fn of(table: &Table, gap_s: i64, more: &[&str]) -> Result<Self, TableError> {
        Self::by(Unit::Camera, table, gap_s, more)
    }

    /// As [`Events::of`], by camera or by site.
    ///
    /// # Errors
    /// As [`Events::of`].
    pub fn by(unit: Unit, table: &Table, gap_s: i64, more: &[&str]) -> Result<Self, TableError> {
        let places = Places::of(unit, table, more)?;
        let shots = Shots::of(table, &places)?;
        let mut sorted: Vec<Shot> = shots.rows;
        sorted.sort_unstable_by_key(Shot::key);
        order_passes(&mut sorted);
        let mut list: Vec<Event> = Vec::new();
        for (at, shot) in (0_u32..).zip(&sorted) {
            let before = at.checked_sub(1).map(|before| &sorted[before as usize]);
            match list.last_mut() {
                Some(event) if before.is_some_and(|before| shot.follows(before, gap_s)) => {
                    event.last = shot.time;
                    event.end = at + 1;
                }
                _ => list.push(places.begin(shot, at)),
            }
        }
        places.tell_apart(&sorted, &mut list);
        Ok(Self::in_order(&sorted, list, shots.without_time))
    }

    /// The event of each row as a number: as the column `event_id` names it where it does, else as [`Events::of`] finds it.
    ///
    /// # Errors
    /// As [`Events::of`].
    pub fn numbers(table: &Table, gap_s: i64) -> Result<Vec<u32>, TableError> {
        let found = Self::of(table, gap_s, &[])?;
        let Some(named) = table.column(EVENT_ID).filter(|column| column.ty() == Type::Text) else { return Ok(found.of_row) };
        let first = u32::try_from(found.list.len()).unwrap_or(u32::MAX);
        Ok((0..table.rows).map(|row| named.code(row).map_or(found.of_row[row], |code| first + code)).collect())
    }

    /// Puts the events of each place in the order of their times.
    fn in_order(sorted: &[Shot], mut list: Vec<Event>, without_time: Vec<u32>) -> Self {
        let place = |event: &Event| sorted[event.start as usize].place;
        list.sort_by_key(|event| (place(event), event.first, event.number, event.id));
        let (mut of_row, mut order) = (vec![0; sorted.len()], Vec::with_capacity(sorted.len()));
        for (number, event) in (0_u32..).zip(&mut list) {
            let start = u32::try_from(order.len()).unwrap_or(u32::MAX);
            for shot in &sorted[event.start as usize..event.end as usize] {
                of_row[shot.row as usize] = number;
                order.push(shot.row);
            }
            (event.start, event.end) = (start, start + event.end - event.start);
        }
        Self { list, of_row, order, without_time }
    }

    /// The rows of an event, in the order in which they were taken.
    #[must_use]
    pub fn rows(&self, event: usize) -> &[u32] {
        &self.order[self.list[event].start as usize..self.list[event].end as usize]
    }

    /// The name of each row's event.
    ///
    /// # Errors
    /// [`TableError::TooLarge`].
    pub fn column(&self) -> Result<Column, TableError> {
        let mut builder = ColumnBuilder::with_capacity(Type::Text, self.of_row.len());
        let mut last: Option<(u32, String)> = None;
        for event in &self.of_row {
            if last.as_ref().is_none_or(|(known, _)| known != event) {
                last = Some((*event, self.list[*event as usize].name()));
            }
            builder.push_optional_text(last.as_ref().map(|(_, name)| name.as_str()));
        }
        builder.finish()
    }
}

/// An image as far as its event goes.
#[derive(Debug, Clone, Copy)]
struct Shot {
    place: u32,
    number: Option<i64>,
    time: Option<i64>,
    sequence: i64,
    /// Of an hour that the clock shows twice: 1 or 2; else 0.
    pass: u8,
    /// The observation, where neither time nor number says anything.
    own: u128,
    row: u32,
}

impl Shot {
    fn key(&self) -> (u32, Option<i64>, Option<i64>, u128, i64, u32) {
        (self.place, self.number, self.time, self.own, self.sequence, self.row)
    }

    /// Says whether it belongs to the event of the shot before it.
    fn follows(&self, before: &Self, gap_s: i64) -> bool {
        if (self.place, self.number) != (before.place, before.number) {
            return false;
        }
        match (before.time, self.time) {
            (Some(then), Some(now)) => {
                // Without a number, a sequence that begins again is another event.
                let again = self.number.is_none() && self.sequence > 0 && self.sequence <= before.sequence;
                // An hour lies between the two passes of one that comes twice, whatever the clock shows.
                let back = before.pass != 2 && self.pass == 2 || before.pass == 1 && self.pass == 0;
                let passed = now - then + if back { BACK_S } else { 0 };
                passed <= gap_s && !(again && passed > 0)
            }
            // Rows of one image are of one event; so are images of one number, when no clock says more.
            (None, None) => self.number.is_some() || self.own == before.own,
            _ => false,
        }
    }
}

struct Shots {
    rows: Vec<Shot>,
    without_time: Vec<u32>,
}

impl Shots {
    fn of(table: &Table, places: &Places) -> Result<Self, TableError> {
        let times = time_column(&table.schema).and_then(|name| table.column(name));
        let numbers = table.column(NUMBER).filter(|column| column.ty() == Type::Int);
        let sequence = table.column(SEQUENCE).filter(|column| column.ty() == Type::Int);
        let passes = table.column(REPEATED_HOUR).filter(|column| column.ty() == Type::Int);
        let mut without_time = Vec::new();
        let mut rows = Vec::with_capacity(table.rows);
        for (row, place) in (0_u32..).zip(&places.groups.of_row) {
            let at = row as usize;
            let time = times.and_then(|column| column.datetime(at));
            if time.is_none() {
                without_time.push(row);
            }
            // Each camera counts by itself.
            let counts = !places.mixed(*place);
            let number = numbers.and_then(|column| column.int(at)).filter(|_| counts);
            let sequence = sequence.and_then(|column| column.int(at)).filter(|_| counts).unwrap_or(0);
            let pass = passes.and_then(|column| column.int(at)).and_then(|pass| u8::try_from(pass).ok()).unwrap_or(0);
            rows.push(Shot { place: *place, number, time, sequence, pass, own: 0, row });
        }
        let nameless: Vec<u32> = without_time.iter().copied().filter(|row| rows[*row as usize].number.is_none()).collect();
        for (row, own) in nameless.iter().zip(observations(table, &nameless)?) {
            rows[*row as usize].own = own;
        }
        Ok(Self { rows, without_time })
    }
}

/// What tells images apart of which neither time nor number is known: the observation, else the row.
fn observations(table: &Table, rows: &[u32]) -> Result<Vec<u128>, TableError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let keys = match Key::shared(&[&table.schema]) {
        Some(mut key) => {
            key.columns.retain(|name| *name != crate::observation::ITEM);
            key.of(&table.take(rows))?.rows
        }
        None => vec![None; rows.len()],
    };
    Ok(rows.iter().zip(keys).map(|(row, key)| key.unwrap_or(u128::from(*row) + 1)).collect())
}

/// Puts the images of the second pass of an hour behind those of the first. The rows come by place, number and time.
fn order_passes(sorted: &mut [Shot]) {
    let mut start = 0;
    while start < sorted.len() {
        let first = sorted[start];
        let same = |shot: &Shot| {
            (shot.place, shot.number) == (first.place, first.number)
                && shot.pass > 0
                && shot.time.zip(first.time).is_some_and(|(time, first)| time - first < 2 * BACK_S)
        };
        let count = sorted[start..].iter().take_while(|shot| same(shot)).count();
        sorted[start..start + count].sort_by_key(|shot| shot.pass);
        start += count.max(1);
    }
}

fn digest(hasher: &blake3::Hasher) -> u128 {
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(half)
}

/// Name and value behind their lengths: no two events give the same bytes.
fn feed(hasher: &mut blake3::Hasher, name: &str, value: &str) {
    for part in [name, value] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
}

#[cfg(test)]
mod tests;
