//! Images as hours of looking at them.

use crate::step::sample::size::as_number;

/// The hours that `images` take at `per_hour` images an hour.
pub(super) fn hours(images: u64, per_hour: f64) -> f64 {
    as_number(images) / per_hour
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_saved_is_that_of_the_references() {
        // 60 000 images a season, of which 10 000 are looked at, by somebody who manages 700 an hour: about 70 hours.
        assert_eq!(format!("{:.1}", hours(60_000 - 10_000, 700.0)), "71.4");
        // A blank filter that finds 101 892 blanks, at 500 images an hour, in hours and in weeks of 40 hours.
        let blanks = hours(101_892, 500.0);
        assert_eq!((format!("{blanks:.1}"), format!("{:.2}", blanks / 40.0)), ("203.8".into(), "5.09".into()));
    }
}
