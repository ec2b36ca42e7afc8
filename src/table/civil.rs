//! Civil dates and times without zone: seconds since 1970-01-01T00:00:00 to text and back.

use jiff::SignedDuration;
use jiff::civil::DateTime;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
/// -9999-01-01T00:00:00 and 9999-12-31T23:59:59.
const RANGE: std::ops::RangeInclusive<i64> = -377_705_116_800..=253_402_300_799;

/// Seconds of a day: civil days have no other length.
pub const DAY_S: i64 = 86_400;

/// Says whether `seconds` lies within the years -9999 to 9999.
#[must_use]
pub fn in_range(seconds: i64) -> bool {
    RANGE.contains(&seconds)
}

/// The civil time `seconds` after 1970; `None` out of range.
#[must_use]
pub fn from_seconds(seconds: i64) -> Option<DateTime> {
    EPOCH.checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// Whole seconds from 1970 to `time`.
#[must_use]
pub fn to_seconds(time: DateTime) -> i64 {
    time.duration_since(EPOCH).as_secs()
}

/// `YYYY-MM-DDThh:mm:ss`; empty out of range, which no column holds.
#[must_use]
pub fn format(seconds: i64) -> String {
    from_seconds(seconds).map(|time| time.to_string()).unwrap_or_default()
}

/// `YYYY-MM-DD`: the date `day` days after 1970-01-01; empty out of range.
#[must_use]
pub fn format_day(day: i64) -> String {
    day.checked_mul(DAY_S).and_then(from_seconds).map(|time| time.date().to_string()).unwrap_or_default()
}

/// Reads `YYYY-MM-DDThh:mm:ss`, with a space instead of `T`, without seconds or without time, and EXIF's `YYYY:MM:DD hh:mm:ss`; `None` for
/// a time with an offset, which is a moment.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let exif;
    let text = if bytes.len() >= 10 && bytes[4] == b':' && bytes[7] == b':' && text.is_char_boundary(10) {
        exif = format!("{}{}", text[..10].replace(':', "-"), &text[10..]);
        exif.as_str()
    } else {
        text
    };
    // The parser would drop an offset without a word: such a text is a moment, and no civil time.
    let clock = text.get(10..)?;
    if clock.contains(['+', '-', '\u{2212}', 'Z', 'z', '[']) {
        return None;
    }
    let time = text.parse::<DateTime>().ok()?;
    (time.subsec_nanosecond() == 0).then(|| to_seconds(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_that_of_the_calendar() {
        assert_eq!(from_seconds(*RANGE.start()), Some(DateTime::constant(-9999, 1, 1, 0, 0, 0, 0)));
        assert_eq!(from_seconds(*RANGE.end()), Some(DateTime::constant(9999, 12, 31, 23, 59, 59, 0)));
        assert_eq!(from_seconds(*RANGE.end() + 1), None);
        assert_eq!(from_seconds(*RANGE.start() - 1), None);
    }

    #[test]
    fn usual_spellings_are_one_time() {
        let expected = Some(1_562_572_800);
        for text in ["2019-07-08T08:00:00", "2019-07-08 08:00:00", "2019:07:08 08:00:00", "2019-07-08T08:00"] {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(format(1_562_572_800), "2019-07-08T08:00:00");
        assert_eq!(
            (format_day(18_085), format_day(-1), format_day(i64::MAX)),
            ("2019-07-08".into(), "1969-12-31".into(), String::new())
        );
        assert_eq!(parse("2019-07-08"), Some(1_562_544_000));
        assert_eq!(parse("2019-13-08T08:00:00"), None);
        for moment in ["2019-07-08T08:00:00Z", "2019-07-08T08:00:00+02:00", "2019-07-08 08:00-02:00", "2019-07-08T08:00:00[UTC]"]
        {
            assert_eq!(parse(moment), None, "{moment} is not a civil time");
        }
        assert_eq!(parse("2019:07:0é 08:00"), None);
    }
}
