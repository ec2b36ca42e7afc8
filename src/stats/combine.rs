//! Sums and ratios of independent proportions, with bounds recovered from those of the parts.
//!
//! A linearised normal interval has no width where nothing was seen, and covers too little where little was seen. Here the distance
//! from each part's estimate to each of its own bounds stands for a spread of its own on that side, and spreads add in squares ("method
//! of variance estimates recovery", also "square and add"). A ratio is bounded where the difference of its two sides stops being
//! distinguishable from 0.
//!
//! *Source*: Zou and Donner 2008, Statistics in Medicine 27, 1693-1702; Donner and Zou 2012, Statistical Methods in Medical
//! Research 21, 347-359.

use super::interval::Interval;

/// An estimate within its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its lower bound.
    pub lower: f64,
    /// Its upper bound.
    pub upper: f64,
}

impl Estimate {
    /// The estimate in another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, lower: self.lower * factor, upper: self.upper * factor }
    }
}

/// A sum of independent parts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Total {
    /// The estimated sum.
    pub value: f64,
    /// Squared distance to the lower bound.
    below: f64,
    /// Squared distance to the upper bound.
    above: f64,
    /// What may come on top, about which nothing is known.
    unknown: f64,
}

impl Total {
    /// Adds `weight` times a proportion with its bounds.
    pub fn add(&mut self, weight: f64, share: f64, bounds: Interval) {
        let square = |distance: f64| (weight * distance) * (weight * distance);
        self.value += weight * share;
        self.below += square(share - bounds.lower);
        self.above += square(bounds.upper - share);
    }

    /// Adds a part of which only its largest value is known. Its whole width counts: it averages out with nothing.
    pub fn add_unknown(&mut self, most: f64) {
        self.unknown += most;
    }

    /// The sum of two independent sums.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            below: self.below + other.below,
            above: self.above + other.above,
            unknown: self.unknown + other.unknown,
        }
    }

    /// The sum within its bounds, which stay within `least` and `most`.
    #[must_use]
    pub fn estimate(self, least: f64, most: f64) -> Estimate {
        // A sum of shares may round to a little more than the whole.
        let value = self.value.max(least).min(most);
        Estimate {
            value,
            lower: (value - self.below.sqrt()).max(least).min(value),
            upper: (value + self.above.sqrt() + self.unknown).min(most).max(value),
        }
    }
}

/// `scale * a / (a + b + known)`, bounded within 0-1: recall (`scale` 1, `known` 0, `a` found and `b` missed), F1 (`scale` 2, `known` the
/// predicted). `None` for 0 of 0.
#[must_use]
pub fn ratio(scale: f64, a: Total, b: Total, known: f64) -> Option<Estimate> {
    let whole = a.value + b.value + known;
    if whole <= 0.0 {
        return None;
    }
    let value = (scale * a.value / whole).clamp(0.0, 1.0);
    // At the true ratio both sides are equal: the bounds lie where their difference is as far from 0 as its own bound.
    let difference = |at: f64| (scale - at) * a.value - at * (b.value + known);
    let spread = |at: f64, of_a: f64, of_b: f64| ((scale - at) * (scale - at) * of_a + at * at * of_b).sqrt();
    let surely_above = |at: f64| difference(at) - spread(at, a.below, b.above) - at * b.unknown > 0.0;
    let surely_below = |at: f64| difference(at) + spread(at, a.above, b.below) + (scale - at) * a.unknown < 0.0;
    Some(Estimate {
        value,
        lower: edge(0.0, value, |at| !surely_above(at)),
        upper: if surely_below(1.0) { edge(1.0, value, |at| !surely_below(at)) } else { 1.0 },
    })
}

/// Where `possible` begins, on the way from `outside` to `inside`.
pub(super) fn edge(outside: f64, inside: f64, possible: impl Fn(f64) -> bool) -> f64 {
    if possible(outside) {
        return outside;
    }
    let (mut out, mut within) = (outside, inside);
    for _ in 0..52 {
        let middle = f64::midpoint(out, within);
        if possible(middle) { within = middle } else { out = middle }
    }
    within
}

#[cfg(test)]
mod tests {
    use super::super::interval::{score, wilson};
    use super::*;
    use proptest::prelude::*;

    const Z: f64 = 1.959_963_984_540_054;

    fn part(weight: f64, hits: u64, n: u64) -> Total {
        let mut total = Total::default();
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        total.add(weight, hits as f64 / n as f64, wilson(hits, n, Z).unwrap());
        total
    }

    #[test]
    fn one_part_keeps_its_own_bounds() {
        let found = part(1.0, 98, 100).estimate(0.0, 1.0);
        assert!((found.lower - 0.929_988).abs() < 1e-6 && (found.upper - 0.994_498).abs() < 1e-6);
    }

    #[test]
    fn the_difference_of_two_proportions_agrees_with_newcombes() {
        // 56/70 - 48/80 = .2 (.0524, .3339): Newcombe 1998, method 10. A sum with 1 - p stands for the difference.
        let mut total = part(1.0, 56, 70);
        let other = score(48.0 / 80.0, 80.0, Z);
        total.add(1.0, 1.0 - 0.6, Interval { lower: 1.0 - other.upper, upper: 1.0 - other.lower });
        let found = total.estimate(0.0, 2.0);
        assert!((found.lower - 1.0524).abs() < 5e-5 && (found.upper - 1.3339).abs() < 5e-5, "{found:?}");
    }

    #[test]
    fn nothing_missed_in_a_sample_bounds_recall_from_below_only() {
        let found = ratio(1.0, part(1000.0, 50, 50), part(10_000.0, 0, 100), 0.0).unwrap();
        assert!((found.value, found.upper) == (1.0, 1.0) && found.lower > 0.6 && found.lower < 0.8, "{found:?}");
    }

    #[test]
    fn what_nobody_checked_widens_by_all_of_it() {
        let (a, mut b) = (part(1000.0, 50, 50), Total::default());
        b.add_unknown(1000.0);
        let found = ratio(1.0, a, b, 0.0).unwrap();
        assert!(found.lower < 0.5 && found.lower > 0.4, "{found:?}");
        let nothing = Total::default();
        assert_eq!(ratio(1.0, nothing, nothing, 0.0), None);
    }

    proptest! {
        #[test]
        fn a_ratio_lies_within_its_bounds_and_more_missed_never_raises_it(
            found in 0_u64..=50, missed in 0_u64..50, weight in 1.0..1e5_f64, scale in 1.0..=2.0_f64,
        ) {
            let known = if scale > 1.0 { 1000.0 } else { 0.0 };
            let at = |missed| ratio(scale, part(1000.0, found, 50), part(weight, missed, 50), known);
            if let (Some(few), Some(more)) = (at(missed), at(missed + 1)) {
                prop_assert!(0.0 <= few.lower && few.lower <= few.value && few.value <= few.upper && few.upper <= 1.0);
                prop_assert!(more.value <= few.value && more.lower <= few.lower + 1e-9 && more.upper <= few.upper + 1e-9);
            }
        }
    }
}
