//! How many images a sample needs, and how sharp a sample of some size is.

use crate::stats::interval::{number, z_of};
use crate::stats::planning::plan_size;

/// What `plan_size` asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plan {
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
        plan_size(self.expected, self.half_width, z_of(self.level), Some(images)).unwrap_or(0)
    }
}

/// Half the width of the normal interval of a proportion around `expected` from `drawn` of `images`, at `z` standard errors; `None`
/// without a sample.
pub(super) fn half_width(drawn: u64, images: u64, expected: f64, z: f64) -> Option<f64> {
    if drawn == 0 || images == 0 {
        return None;
    }
    let correction = if images > 1 { number(images.saturating_sub(drawn)) / number(images - 1) } else { 0.0 };
    Some(z * (expected * (1.0 - expected) / number(drawn) * correction).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { half_width: 0.02, expected: 0.95, level: 0.95 };

    #[test]
    fn the_planned_size_is_the_smallest_that_is_sharp_enough() {
        let z = z_of(0.95);
        for images in [20, 133, 1000, 50_000] {
            let n = PLAN.size(images);
            assert!(half_width(n, images, 0.95, z).unwrap() <= 0.02 + 1e-9, "{images}");
            assert!(half_width(n - 1, images, 0.95, z).unwrap() > 0.02, "{images}");
        }
        assert_eq!((PLAN.size(1_000_000_000), PLAN.size(1), PLAN.size(0)), (457, 1, 0));
        assert_eq!((half_width(0, 10, 0.5, z), half_width(10, 10, 0.5, z)), (None, Some(0.0)));
    }
}
