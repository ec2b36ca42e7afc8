//! How many images a sample needs, and how sharp a sample of some size is.

/// What `plan_size` asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::step) struct Plan {
    /// Half the width of the interval that is wanted.
    pub half_width: f64,
    /// The proportion that is expected; 0.5 asks for most images.
    pub expected: f64,
    /// Coverage of the interval.
    pub level: f64,
}

impl Plan {
    /// The smallest sample of `images` whose normal interval around the expected proportion is no wider than wanted, with
    /// finite-population correction.
    pub fn size(&self, images: u64) -> u64 {
        if images == 0 {
            return 0;
        }
        let endless = z(self.level).powi(2) * self.expected * (1.0 - self.expected) / self.half_width.powi(2);
        let size = endless / (1.0 + (endless - 1.0) / as_number(images));
        // Rounding of the last bit must not ask for one more image; no sample at all would estimate nothing.
        let whole = (size - 1e-9).ceil().max(1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the number of images")]
        let whole = whole.min(as_number(images)) as u64;
        whole
    }
}

/// Half the width of the normal interval of a proportion around `expected` from `drawn` of `images`; `None` without a sample.
pub(in crate::step) fn half_width(drawn: u64, images: u64, expected: f64, level: f64) -> Option<f64> {
    if drawn == 0 || images == 0 {
        return None;
    }
    let correction = if images > 1 { as_number(images.saturating_sub(drawn)) / as_number(images - 1) } else { 0.0 };
    Some(z(level) * (expected * (1.0 - expected) / as_number(drawn) * correction).sqrt())
}

/// The number of standard deviations that a two-sided normal interval of `level` reaches to each side: 1.959964 for 0.95.
pub(in crate::step) fn z(level: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 9.0_f64);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if within(middle) < level { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The share of a normal distribution within `x` standard deviations: twice the density times x + x^3/3 + x^5/15 + ...
fn within(x: f64) -> f64 {
    let (mut term, mut sum, mut odd) = (x, x, 1.0);
    while term > sum * 1e-17 && odd < 500.0 {
        odd += 2.0;
        term *= x * x / odd;
        sum += term;
    }
    sum * (-x * x / 2.0).exp() * (2.0 / std::f64::consts::PI).sqrt()
}

#[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
pub(in crate::step) fn as_number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { half_width: 0.02, expected: 0.95, level: 0.95 };

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (level, expected) in [(0.5, 0.674_489_750), (0.9, 1.644_853_627), (0.95, 1.959_963_985), (0.99, 2.575_829_304)] {
            assert!((z(level) - expected).abs() < 1e-8, "{level}: {}", z(level));
        }
        assert!((z(0.999_999) - 4.891_638_475).abs() < 1e-6);
    }

    #[test]
    fn a_half_width_of_two_percent_at_ninety_five_needs_457_of_very_many() {
        assert_eq!(PLAN.size(1_000_000_000), 457);
        // 456.17 / (1 + 455.17 / 1000) = 313.5
        assert_eq!(PLAN.size(1000), 314);
        assert_eq!((PLAN.size(0), PLAN.size(1), PLAN.size(10)), (0, 1, 10));
        assert_eq!(Plan { expected: 0.5, half_width: 0.05, ..PLAN }.size(u64::from(u32::MAX)), 385);
    }

    #[test]
    fn the_planned_size_is_the_smallest_that_is_sharp_enough() {
        for images in [20, 133, 1000, 50_000] {
            let n = PLAN.size(images);
            assert!(half_width(n, images, 0.95, 0.95).unwrap() <= 0.02 + 1e-9, "{images}");
            assert!(half_width(n - 1, images, 0.95, 0.95).unwrap() > 0.02, "{images}");
        }
        assert_eq!(half_width(0, 10, 0.5, 0.95), None);
        assert_eq!(half_width(10, 10, 0.5, 0.95), Some(0.0));
    }
}
