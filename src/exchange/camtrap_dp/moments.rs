//! Local times as moments with their offset to UTC.

use std::fmt::Write as _;

use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::observations::Shots;
use super::places::Place;
use crate::dataset;
use crate::exchange::form::Note;
use crate::observation::{EVENT, words};
use crate::table::{Column, Table, civil};

/// How many examples a note shows.
const EXAMPLES: usize = 8;

/// The offsets that a table states beside its times.
pub(super) struct Offsets<'a> {
    column: Option<&'a Column>,
    known: Vec<Option<Offset>>,
}

impl<'a> Offsets<'a> {
    /// Those in the column `name`; none where it is not there.
    pub fn of(table: &'a Table, name: &str) -> Self {
        let column = table.column(name).map(AsRef::as_ref);
        Self { column, known: column.into_iter().flat_map(Column::texts).map(|text| dataset::offset(text.trim())).collect() }
    }

    pub fn at(&self, row: usize) -> Option<Offset> {
        self.known.get(self.column?.code(row)? as usize).copied().flatten()
    }
}

/// Adds a local time as a moment; says whether there is one. Its offset is the one that is known of it, else that of the zone: of two, the
/// first; of a time that the zone's clocks skip, the moment at which a clock on winter time shows it.
pub(super) fn push_moment(seconds: i64, known: Option<Offset>, zone: &TimeZone, buffer: &mut String) -> bool {
    let Some(time) = civil::from_seconds(seconds) else { return false };
    let zoned = match known {
        Some(offset) => time.to_zoned(TimeZone::fixed(offset)),
        None => time.to_zoned(zone.clone()),
    };
    let Ok(zoned) = zoned else { return false };
    let fits = write!(buffer, "{}", zoned.datetime()).is_ok();
    let offset = zoned.offset();
    fits && if offset.is_zero() {
        write!(buffer, "Z").is_ok()
    } else {
        write!(buffer, "{}", dataset::offset_words(offset)).is_ok()
    }
}

/// What a zone says of a local time that is not one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    Twice,
    Never,
}

fn doubt(seconds: i64, zone: &TimeZone) -> Option<Doubt> {
    match zone.to_ambiguous_timestamp(civil::from_seconds(seconds)?).offset() {
        AmbiguousOffset::Unambiguous { .. } => None,
        AmbiguousOffset::Fold { .. } => Some(Doubt::Twice),
        AmbiguousOffset::Gap { .. } => Some(Doubt::Never),
    }
}

/// Times of one kind of row that are not one moment, in words.
#[derive(Default)]
struct Doubts {
    twice: Vec<String>,
    never: Vec<String>,
    counts: [u64; 2],
}

impl Doubts {
    fn add(&mut self, seconds: Option<i64>, known: Option<Offset>, zone: &TimeZone, words: impl FnOnce() -> String) {
        let Some(doubt) = seconds.filter(|_| known.is_none()).and_then(|seconds| doubt(seconds, zone)) else { return };
        let (list, count) = match doubt {
            Doubt::Twice => (&mut self.twice, &mut self.counts[0]),
            Doubt::Never => (&mut self.never, &mut self.counts[1]),
        };
        *count += 1;
        if list.len() < EXAMPLES {
            list.push(words());
        }
    }

    fn notes(self, kinds: [&'static str; 2], said: [&'static str; 2]) -> [Note; 2] {
        let [twice, never] = self.counts;
        [
            Note { kind: kinds[0], count: twice, words: said[0], examples: self.twice },
            Note { kind: kinds[1], count: never, words: said[1], examples: self.never },
        ]
    }
}

/// Images, events and deployments with times that their zone shows twice or never: how they are written.
pub(super) fn notes(
    shots: &Shots<'_>,
    (images, place_of): (&Table, &[Option<u32>]),
    events: Option<(&Table, &[Option<u32>])>,
    places: &[Place],
) -> Vec<Note> {
    let zone = |place: Option<u32>| places.get(place? as usize).map(|place| &place.zone);
    let mut of_images = Doubts::default();
    for row in &shots.rows {
        let Some(zone) = zone(place_of[*row]) else { continue };
        of_images.add(shots.times.datetime(*row), shots.offsets.at(*row), zone, || words(images, *row));
    }
    let mut of_events = Doubts::default();
    if let Some((events, place_of)) = events {
        for (name, offsets) in [("first", Offsets::of(events, "first_offset")), ("last", Offsets::of(events, "last_offset"))] {
            let Some(times) = events.column(name) else { continue };
            for (row, place) in place_of.iter().enumerate() {
                let Some(zone) = zone(*place) else { continue };
                of_events.add(times.datetime(row), offsets.at(row), zone, || format!("{} ({name})", events.cell(row, EVENT)));
            }
        }
    }
    let mut of_places = Doubts::default();
    for place in places {
        for time in [place.start, place.end] {
            of_places.add(time, None, &place.zone, || place.id.clone());
        }
    }
    let mut notes = Vec::new();
    notes.extend(of_images.notes(
        ["repeated_hour", "impossible_hour"],
        [
            "images were taken in the hour that the clocks of their zone show twice in autumn; they are written as of the first: correct a \
             camera on winter time by `dst`, or write `+01:00` as its `timezone`",
            "images have times that the clocks of their zone skip in spring: the camera was not on that zone's time; they are written as a \
             clock on winter time shows them: correct it by `dst`, or write `+01:00` as its `timezone`",
        ],
    ));
    notes.extend(of_events.notes(
        ["events_in_repeated_hour", "events_in_impossible_hour"],
        [
            "starts or ends of events lie in the hour that the clocks of their zone show twice; they are written as of the first",
            "starts or ends of events lie in the hour that the clocks of their zone skip; they are written as of winter time",
        ],
    ));
    notes.extend(of_places.notes(
        ["deployments_in_repeated_hour", "deployments_in_impossible_hour"],
        [
            "deployments start or end in the hour that the clocks of their zone show twice; they are written as of the first",
            "deployments start or end in the hour that the clocks of their zone skip; they are written as of winter time",
        ],
    ));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_civil_time_gets_the_offset_that_its_zone_had() {
        let moment = |text: &str, known: Option<&str>, zone: &str| {
            let mut buffer = String::new();
            let known = known.map(|text| dataset::offset(text).unwrap());
            assert!(push_moment(civil::parse(text).unwrap(), known, &dataset::zone(zone).unwrap(), &mut buffer));
            buffer
        };
        assert_eq!(moment("2021-07-01T10:00:00", None, "Europe/Oslo"), "2021-07-01T10:00:00+02:00");
        assert_eq!(moment("2021-12-01T10:00:00", None, "Europe/Oslo"), "2021-12-01T10:00:00+01:00");
        assert_eq!(moment("2021-07-01T10:00:00", None, "+01:00"), "2021-07-01T10:00:00+01:00");
        assert_eq!(moment("2021-07-01T10:00:00", None, "-03:30"), "2021-07-01T10:00:00-03:30");
        assert_eq!(moment("2021-07-01T10:00:00", None, "UTC"), "2021-07-01T10:00:00Z");
        // An hour that the clocks of the zone left out, and one that they showed twice.
        assert_eq!(moment("2021-03-28T02:30:00", None, "Europe/Oslo"), "2021-03-28T03:30:00+02:00");
        assert_eq!(moment("2021-10-31T02:30:00", None, "Europe/Oslo"), "2021-10-31T02:30:00+02:00");
        assert_eq!(moment("2021-10-31T02:30:00", Some("+01:00"), "Europe/Oslo"), "2021-10-31T02:30:00+01:00");
        let oslo = dataset::zone("Europe/Oslo").unwrap();
        let doubt = |text: &str| doubt(civil::parse(text).unwrap(), &oslo);
        assert_eq!(doubt("2021-03-28T02:30:00"), Some(Doubt::Never));
        assert_eq!(doubt("2021-10-31T02:30:00"), Some(Doubt::Twice));
        assert_eq!(doubt("2021-10-31T03:00:00"), None);
    }
}
