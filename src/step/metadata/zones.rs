//! What local times are in the zones of their deployments: offsets to UTC, the hour that comes twice, the hour that never comes.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use rayon::prelude::*;

use super::dating::{Dated, Dating};
use super::deployments::Deployments;
use crate::dataset;
use crate::photo::flags::MetadataFlag;
use crate::table::{Column, Table, civil};

/// What a local time is in its zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hour {
    /// Its zone is not known, or it has one offset.
    #[default]
    Plain,
    /// The clocks of the zone show it twice: first with one offset, then, an hour later, with the other. Both in minutes.
    Repeated {
        /// Before the clocks go back.
        before_min: i16,
        /// After.
        after_min: i16,
    },
}

/// The zone of each set of deployments, and that of all others.
pub struct Zones {
    of_set: Vec<Option<TimeZone>>,
    other: Option<TimeZone>,
}

impl Zones {
    /// Of the sets of `dating`; `timezone` is the data set's.
    pub fn of(dating: &Dating, deployments: Option<&Deployments>, timezone: Option<&str>) -> Self {
        let other = timezone.and_then(dataset::zone);
        let shared = |set: &Vec<u32>| {
            let rows = &deployments?.rows;
            let zone = |row: &u32| rows.get(*row as usize).and_then(|row| row.zone.as_ref());
            let first = zone(set.first()?)?;
            set.iter().all(|row| zone(row) == Some(first)).then(|| first.clone())
        };
        Self { of_set: dating.sets.iter().map(shared).collect(), other }
    }

    fn zone(&self, row: &Dated) -> Option<&TimeZone> {
        match row.set {
            Some(set) => self.of_set.get(set as usize)?.as_ref(),
            None => self.other.as_ref(),
        }
    }

    /// Fills in the offsets of all rows, as far as their zones tell them, and flags what a zone contradicts.
    pub fn fill(&self, rows: &mut [Dated], mapped: &Table) {
        let column = |name: &str| mapped.column(name).map(AsRef::as_ref);
        let (raw, written) = (column("datetime_raw"), column("utc_offset"));
        let offsets: Vec<Option<Offset>> =
            written.into_iter().flat_map(Column::texts).map(|text| dataset::offset(text.trim())).collect();
        rows.par_iter_mut().enumerate().for_each(|(at, row)| {
            let Some((zone, time)) = self.zone(row).zip(row.time.and_then(civil::from_seconds)) else { return };
            place(row, zone, time);
            let code = written.and_then(|column| column.code(at));
            let by_camera = code.and_then(|code| offsets.get(code as usize).copied().flatten());
            let raw = raw.and_then(|column| column.datetime(at));
            if let (Some(by_camera), Some(raw)) = (by_camera, raw)
                && contradicts(row, zone, time, raw, by_camera)
            {
                row.flag(MetadataFlag::OffsetContradictsZone);
            }
        });
    }
}

/// The offset of one time, unless its correction told it.
fn place(row: &mut Dated, zone: &TimeZone, time: DateTime) {
    if row.offset_min.is_some() {
        return;
    }
    match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => row.offset_min = Some(minutes(offset)),
        AmbiguousOffset::Fold { before, after } => {
            row.hour = Hour::Repeated { before_min: minutes(before), after_min: minutes(after) };
        }
        AmbiguousOffset::Gap { .. } => row.flag(MetadataFlag::ImpossibleHour),
    }
}

/// Minutes before or after UTC.
pub fn minutes(offset: Offset) -> i16 {
    i16::try_from(offset.seconds() / 60).unwrap_or_default()
}

/// How far a corrected clock may be from what its own offset says, in seconds: corrections by a few minutes do not make another zone.
const NEAR_S: i64 = 15 * 60;

/// Says whether the offset that the camera wrote is another than its zone's, unless a correction makes up for the difference.
fn contradicts(row: &Dated, zone: &TimeZone, time: DateTime, raw: i64, by_camera: Offset) -> bool {
    let needed = |offset: Offset| i64::from(offset.seconds() - by_camera.seconds());
    let differences = match (row.offset_min, zone.to_ambiguous_timestamp(time).offset()) {
        (Some(minutes), _) => [i64::from(minutes) * 60 - i64::from(by_camera.seconds()); 2],
        (None, AmbiguousOffset::Unambiguous { offset }) => [needed(offset); 2],
        (None, AmbiguousOffset::Fold { before, after } | AmbiguousOffset::Gap { before, after }) => {
            [needed(before), needed(after)]
        }
    };
    let made_up = |difference: i64| {
        let left = (row.time.unwrap_or(raw) - raw - difference).rem_euclid(civil::DAY_S);
        left.min(civil::DAY_S - left) <= NEAR_S
    };
    !differences.iter().any(|difference| *difference == 0 || made_up(*difference))
}
