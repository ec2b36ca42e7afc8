//! Clock corrections: what a wrong camera clock needs, as data beside the images, which are never touched.
//!
//! | kind | value | what it does |
//! |---|---|---|
//! | `month_day_swap` | empty | month and day change places |
//! | `am_pm` | empty, `+12h` or `-12h` | empty: 3 o'clock becomes 15 o'clock of the same day and back; else a shift by half a day |
//! | `year` | `+1`, `-1` or `2016` | signed: a shift of calendar years (29 February becomes the 28th); four digits: that year |
//! | `offset` | `+2h`, `-1d2h30m`, `-00:30:00`, `+366d` | a shift by that much |
//! | `drift` | empty | a straight line through two anchors: at a raw time the true time was so much |
//! | `dst` | `+1h`, or `Europe/Oslo` | a shift between `from` and `to`; or summer time wherever that zone has it, for a camera left on winter time |
//!
//! Several corrections that match one image are applied in the order of this table, whatever their order in the file.
//! Validity (`from`, `to`, both included) always means the raw time. Raw times may repeat (a camera that shows 2006 in two years), so a
//! correction can also hold for one season, one folder, or a range of files or event numbers. Two corrections of one kind must not
//! overlap. A drift states the true time by itself, so only `dst` may stand beside it.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, ToSpan};

mod apply;
mod reach;
mod read;
#[cfg(test)]
mod tests;
mod written;

pub use apply::{apply, apply_one};
pub use reach::{Reach, Subject, by_number};
pub use read::{ClockError, HEADER, read};
pub use written::{Written, read_time};

/// The kinds of corrections, in the order in which they are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CorrectionKind {
    /// Month and day were mistaken for each other.
    MonthDaySwap,
    /// Morning and afternoon were.
    AmPm,
    /// The year was set wrong.
    Year,
    /// The clock ran late or early by a constant.
    Offset,
    /// The clock gained or lost steadily.
    Drift,
    /// Summer time.
    Dst,
}

impl CorrectionKind {
    /// All kinds, in the order of application.
    pub const ALL: [Self; 6] = [Self::MonthDaySwap, Self::AmPm, Self::Year, Self::Offset, Self::Drift, Self::Dst];

    /// The word used in the `kind` column.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::MonthDaySwap => "month_day_swap",
            Self::AmPm => "am_pm",
            Self::Year => "year",
            Self::Offset => "offset",
            Self::Dst => "dst",
            Self::Drift => "drift",
        }
    }
}

impl fmt::Display for CorrectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What one correction does to a time.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Swaps month and day.
    SwapMonthDay,
    /// Flips the half of the day.
    FlipHalfDay,
    /// Adds calendar years.
    ShiftYears(i16),
    /// Sets the year.
    SetYear(i16),
    /// Adds seconds.
    ShiftSeconds(i64),
    /// Adds what the zone adds in summer; the raw time is the zone's winter time.
    SummerTime(TimeZone),
    /// Lays a straight line through two (raw, true) pairs.
    Line([(DateTime, DateTime); 2]),
}

/// One row of a clock file.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// Unique id; it stands beside every time it changed.
    pub id: String,
    /// The images it holds for.
    pub reach: Reach,
    /// Its kind.
    pub kind: CorrectionKind,
    /// What it does.
    pub change: Change,
    /// The author's remark.
    pub comment: Option<String>,
    /// Row in the file, the header being row 1.
    pub row: u64,
}

/// Why a matching correction was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClockProblem {
    /// Two corrections of one kind (or a drift beside another kind) match: neither was applied.
    Overlap {
        /// Ids of the corrections left out.
        ids: Vec<String>,
    },
    /// The change leads to no time of the calendar.
    Impossible {
        /// Id of the correction left out.
        id: String,
    },
}

/// A raw time after its corrections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrected {
    /// The corrected time; the raw time where nothing matched.
    pub time: DateTime,
    /// What the corrected time is ahead of UTC, where a correction by a zone's summer time says it.
    pub offset: Option<Offset>,
    /// Ids of the corrections applied, in order of application.
    pub ids: Vec<String>,
    /// What could not be applied.
    pub problems: Vec<ClockProblem>,
}

fn seconds(seconds: i64) -> Option<Span> {
    0.seconds().try_seconds(seconds).ok()
}
