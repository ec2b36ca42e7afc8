//! A row of a label file as it is weighed, and the moment that it names.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::Label;

/// A row as the question sees it.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The row.
    pub label: &'a Label<'a>,
    /// The observation that it is about, by number; `None` where it is about none.
    pub observation: Option<u32>,
    /// The class that counts as an answer; `None` where the row is none.
    pub class: Option<&'a str>,
}

/// A moment that can be compared: `2026-11-21T10:00:00Z`, `2026-11-21 10:00:00`, `2026-11-21`; civil times are taken as UTC. What a
/// spreadsheet made of a time otherwise is no moment: day and month may have changed places.
#[must_use]
pub fn moment(text: &str) -> Option<i128> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let civil = |time: DateTime| time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let stamp = (text.parse::<Timestamp>().ok())
        .or_else(|| text.parse::<DateTime>().ok().and_then(civil))
        .or_else(|| text.parse::<Date>().ok().and_then(|date| civil(date.at(0, 0, 0, 0))));
    stamp.map(Timestamp::as_nanosecond)
}
