//! Times as people write them in tables, with or without an offset to UTC.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use crate::dataset;
use crate::photo::exif::WrittenTime;

/// A time of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// What a clock at the place shows.
    Local(DateTime),
    /// A moment, written with its offset: `2024-07-01T10:00:00Z`.
    Moment(Timestamp),
}

/// Reads a date, or a date with hours, minutes and maybe seconds; a date as an end includes its whole day. What stands behind the time
/// must be an offset (`Z`, `+02:00`) or a fraction of a second, which is cut off.
#[must_use]
pub fn read_time(text: &str, end_of_day: bool) -> Option<Written> {
    let text = text.trim();
    if text.len() == 10 {
        let date: Date = text.replace([':', '/', '.'], "-").parse().ok()?;
        let time = if end_of_day { Time::new(23, 59, 59, 0).ok()? } else { Time::midnight() };
        return Some(Written::Local(date.to_datetime(time)));
    }
    let (minutes, rest) = text.split_at_checked(16)?;
    let (seconds, rest) = match rest.as_bytes() {
        [b':', _, _, ..] => rest.split_at_checked(3)?,
        _ => (":00", rest),
    };
    let time = WrittenTime::parse(&format!("{minutes}{seconds}")).time?;
    match without_fraction(rest)?.trim_start() {
        "" => Some(Written::Local(time)),
        rest => Some(Written::Moment(offset(rest)?.to_timestamp(time).ok()?)),
    }
}

/// Cuts `.000` off.
fn without_fraction(text: &str) -> Option<&str> {
    let Some(fraction) = text.strip_prefix(['.', ',']) else { return Some(text) };
    let rest = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
    (rest.len() < fraction.len()).then_some(rest)
}

/// `Z`, `UTC`, `+02:00`, `-0330`, `+02`.
fn offset(text: &str) -> Option<Offset> {
    let text = text.replace('\u{2212}', "-");
    match text.trim_end() {
        "Z" | "z" | "UTC" | "GMT" => Some(Offset::UTC),
        short if short.len() == 3 => dataset::offset(&format!("{short}:00")),
        text if text.starts_with(['+', '-']) => dataset::offset(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_local_or_has_an_offset_and_nothing_else_follows_it() {
        let local = |text: &str| Some(Written::Local(text.parse().unwrap()));
        let moment = |text: &str| Some(Written::Moment(text.parse().unwrap()));
        for (text, expected) in [
            ("2024-07-01", local("2024-07-01T23:59:59")),
            ("2024-07-01 10:00", local("2024-07-01T10:00:00")),
            ("2024:07:01 10:00:05", local("2024-07-01T10:00:05")),
            ("2024-07-01T10:00:05.000", local("2024-07-01T10:00:05")),
            ("2024-07-01T10:00Z", moment("2024-07-01T10:00:00Z")),
            ("2024-07-01T10:00:00Z", moment("2024-07-01T10:00:00Z")),
            ("2024-07-01T10:00:00.5Z", moment("2024-07-01T10:00:00Z")),
            ("2024-07-01 12:00:00 +02:00", moment("2024-07-01T10:00:00Z")),
            ("2024-07-01T12:00:00+0200", moment("2024-07-01T10:00:00Z")),
            ("2024-07-01T12:00+02", moment("2024-07-01T10:00:00Z")),
            ("2024-07-01T06:30:00\u{2212}03:30", moment("2024-07-01T10:00:00Z")),
            ("2024-07-01 10:00:00 PM", None),
            ("2024-07-01 10:00:00+", None),
            ("2024-07-01 10:00:00.", None),
            ("2024-07-01T10", None),
            ("31.12.2006", None),
        ] {
            assert_eq!(read_time(text, true), expected, "{text}");
        }
    }
}
