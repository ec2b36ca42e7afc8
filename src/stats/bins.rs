//! Confidence bins `(k / bins, (k + 1) / bins]`.

/// The bounds of bin `at` of `bins`.
#[must_use]
pub fn bounds(at: u32, bins: u32) -> (f64, f64) {
    (f64::from(at) / f64::from(bins), f64::from(at + 1) / f64::from(bins))
}

/// The upper bounds of `bins` bins in the precision of confidences: a model's 0.9 is no more than 0.9, though the nearest number of 32
/// bits lies a little beside it.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the rounding to 32 bits is what is wanted")]
pub fn uppers(bins: u32) -> Vec<f32> {
    (0..bins).map(|at| bounds(at, bins).1 as f32).collect()
}

/// The bin of `confidence` among those that end at `uppers`; what lies outside 0-1 belongs to the nearest.
#[must_use]
pub fn bin_of(confidence: f32, uppers: &[f32]) -> usize {
    uppers.partition_point(|upper| *upper < confidence).min(uppers.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_belongs_to_the_bin_that_it_ends() {
        let uppers = uppers(10);
        for (confidence, bin) in [(0.0, 0), (0.1, 0), (0.100_001, 1), (0.3, 2), (0.7, 6), (0.9, 8), (0.900_001, 9), (1.0, 9)] {
            assert_eq!(bin_of(confidence, &uppers), bin, "{confidence}");
        }
        assert_eq!((bin_of(-1.0, &uppers), bin_of(2.0, &uppers)), (0, 9));
        assert_eq!(bounds(9, 10), (0.9, 1.0));
    }
}
