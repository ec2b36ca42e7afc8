//! Bins of confidence, `(k/n, (k+1)/n]`.

use crate::stats::bins::{bin_of, bounds, uppers};
use crate::table::{CellRef, Column};

/// Bins of equal width over 0-1, open below and closed above.
///
/// A confidence is stored in 32 bits, a boundary is a decimal fraction: each boundary is rounded to 32 bits before they are
/// compared, so that a confidence of 0.3 lies in (0.2, 0.3] although its 32 bits stand for a number above 0.3. A confidence
/// of 0 belongs to the first bin, and sums of confidences that are a rounding above 1 to the last.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::step) struct Bins {
    /// The upper boundary of each bin.
    upper: Vec<f32>,
}

impl Bins {
    /// `count` bins; at least one.
    pub fn new(count: u32) -> Self {
        Self { upper: uppers(count.max(1)) }
    }

    /// Number of bins.
    pub fn len(&self) -> usize {
        self.upper.len()
    }

    /// The bin of a confidence.
    pub fn of(&self, confidence: f32) -> usize {
        bin_of(confidence, &self.upper)
    }

    /// The bin of a value of a column of confidences; `None` where it is missing.
    pub fn of_row(&self, column: &Column, row: usize) -> Option<usize> {
        confidence(column, row).map(|value| self.of(value))
    }

    /// The decimal boundaries of a bin.
    pub fn bounds(&self, bin: usize) -> (f64, f64) {
        let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX - 1);
        bounds(number(bin), number(self.len()))
    }

    /// A bin in words: `(0.8,0.9]`.
    pub fn words(&self, bin: usize) -> String {
        let (from, to) = self.bounds(bin);
        format!("({},{}]", short(from), short(to))
    }
}

/// A confidence in the precision in which confidences are stored.
pub(in crate::step) fn confidence(column: &Column, row: usize) -> Option<f32> {
    match column.cell(row) {
        CellRef::Float32(value) => Some(value),
        #[expect(clippy::cast_possible_truncation, reason = "rounding to the precision of a confidence is the point")]
        CellRef::Float64(value) => Some(value as f32),
        _ => None,
    }
}

/// At most six decimals, none that say nothing.
fn short(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decimal_boundary_belongs_to_the_bin_below_it() {
        for count in [1, 2, 3, 7, 10, 20, 100] {
            let bins = Bins::new(count);
            let count = bins.len();
            for bin in 0..count {
                #[expect(clippy::cast_possible_truncation, reason = "as a model stores it")]
                let upper = bins.bounds(bin).1 as f32;
                assert_eq!(bins.of(upper), bin, "{upper} of {count}");
                assert_eq!(bins.of(upper.next_up()), (bin + 1).min(count - 1), "above {upper} of {count}");
            }
        }
        assert_eq!(Bins::new(10).of(0.9), 8);
        assert_eq!(Bins::new(10).of(0.3), 2);
    }

    #[test]
    fn what_lies_at_or_beyond_the_ends_is_in_the_end_bins() {
        let bins = Bins::new(10);
        assert_eq!((bins.of(0.0), bins.of(f32::MIN_POSITIVE), bins.of(1.0), bins.of(1.000_000_1)), (0, 0, 9, 9));
    }

    #[test]
    fn bins_are_named_by_their_boundaries() {
        assert_eq!((Bins::new(10).words(8), Bins::new(3).words(0)), ("(0.8,0.9]".into(), "(0,0.333333]".into()));
        assert_eq!(Bins::new(10).words(9), "(0.9,1]");
    }
}
