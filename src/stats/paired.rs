//! The difference of two proportions seen on the same images: two models, each right or wrong about each image.
//!
//! Images that both models get right, or both wrong, say nothing about which is better: all that is known lies in the *discordant*
//! images (McNemar), and in how many images there were. An interval of two independent proportions would be far too wide.

use super::combine::{Estimate, edge};
use super::interval::{Interval, number};

/// How often each of two models alone is right, among images that both judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pairs {
    /// Both are right.
    pub both: u64,
    /// Only the first is right.
    pub first: u64,
    /// Only the second is right.
    pub second: u64,
    /// Neither is right.
    pub neither: u64,
}

impl Pairs {
    /// Counts one image.
    pub fn count(&mut self, first: bool, second: bool) {
        match (first, second) {
            (true, true) => self.both += 1,
            (true, false) => self.first += 1,
            (false, true) => self.second += 1,
            (false, false) => self.neither += 1,
        }
    }

    /// All images.
    #[must_use]
    pub fn images(self) -> u64 {
        self.both + self.first + self.second + self.neither
    }

    /// How much more often the first is right than the second, within its bounds; `None` without images.
    #[must_use]
    pub fn difference(self, z: f64) -> Option<Estimate> {
        let bounds = tango(self, z)?;
        let value = (number(self.first) - number(self.second)) / number(self.images());
        Some(Estimate { value, lower: bounds.lower.min(value), upper: bounds.upper.max(value) })
    }
}

/// Tango's score interval of the difference between two paired proportions; `None` without images.
///
/// A difference is within the bounds as long as the discordant images do not speak against it: the difference seen is held against
/// the spread that the hypothesis itself implies, so that no discordant image at all still leaves a width. 0 lies outside exactly
/// where McNemar's test tells the two apart.
///
/// *Source*: Tango 1998, Statistics in Medicine 17, 891-908.
#[must_use]
pub fn tango(pairs: Pairs, z: f64) -> Option<Interval> {
    let images = pairs.images();
    (images > 0).then(|| tango_of(number(pairs.first), number(pairs.second), number(images), z))
}

/// The same of numbers that need not be whole: an effective size, and what it holds.
fn tango_of(first: f64, second: f64, n: f64, z: f64) -> Interval {
    let possible = |difference: f64| {
        // The likeliest share of images that only the second gets right, were this the true difference: the larger root of
        // 2n q^2 + b q + c = 0.
        let b = (2.0 * n - first + second) * difference - first - second;
        let c = -second * difference * (1.0 - difference);
        let share = ((b * b - 8.0 * n * c).max(0.0).sqrt() - b) / (4.0 * n);
        let variance = n * (2.0 * share + difference * (1.0 - difference)).max(0.0);
        let distance = first - second - n * difference;
        distance * distance <= z * z * variance
    };
    let seen = (first - second) / n;
    Interval { lower: edge(-1.0, seen, possible), upper: edge(1.0, seen, possible) }
}

/// How much a stratum is drawn towards all others before its variance is taken, in images.
const PRIOR: f64 = 1.0;

/// The difference over several strata of `size` images each, of which the pairs are a random sample. Those without a pair are taken
/// to be like the others; `None` where none has one.
///
/// Strata are put together first, and the bounds are those of a simple random sample with the variance of the stratified one
/// ([`super::pooled`] says why).
#[must_use]
pub fn difference(strata: &[(u64, Pairs)], z: f64) -> Option<Estimate> {
    let judged: Vec<&(u64, Pairs)> = strata.iter().filter(|(size, pairs)| *size > 0 && pairs.images() > 0).collect();
    if let [(_, pairs)] = judged[..] {
        return pairs.difference(z);
    }
    let whole: f64 = judged.iter().map(|(size, _)| number(*size)).sum();
    let all: f64 = judged.iter().map(|(_, pairs)| number(pairs.images())).sum();
    let sum = |of: fn(&Pairs) -> u64| judged.iter().map(|(_, pairs)| number(of(pairs))).sum::<f64>();
    let (mean_first, mean_second) = ((sum(|p| p.first) + 0.25) / (all + 1.0), (sum(|p| p.second) + 0.25) / (all + 1.0));
    let spread = |first: f64, second: f64| first + second - (first - second) * (first - second);
    let (mut first, mut second, mut near_first, mut near_second, mut variance) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (size, pairs) in &judged {
        let (weight, n) = (number(*size) / whole, number(pairs.images()));
        let near = |k: u64, mean: f64| (number(k) + PRIOR * mean) / (n + PRIOR);
        let (p, q) = (near(pairs.first, mean_first), near(pairs.second, mean_second));
        first += weight * number(pairs.first) / n;
        second += weight * number(pairs.second) / n;
        near_first += weight * p;
        near_second += weight * q;
        variance += weight * weight * spread(p, q) / n;
    }
    let size = spread(near_first, near_second) / variance;
    let value = first - second;
    let bounds = (whole > 0.0).then(|| tango_of(first * size, second * size, size, z))?;
    Some(Estimate { value, lower: bounds.lower.min(value), upper: bounds.upper.max(value) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const Z: f64 = 1.959_963_984_540_054;

    fn pairs(first: u64, second: u64, images: u64) -> Pairs {
        Pairs { both: images - first - second, first, second, neither: 0 }
    }

    /// Airway reactivity before and after a transplantation (Fagerland, Lydersen and Laake 2014, Statistics in Medicine 33, 2850-2875):
    /// 1 child in 21 reacts before only, 7 after only; the interval printed there is -0.517 to -0.026.
    #[test]
    fn the_published_interval() {
        let found = pairs(1, 7, 21).difference(Z).unwrap();
        let printed = [found.value, found.lower, found.upper].map(|value| format!("{value:.3}"));
        assert_eq!(printed, ["-0.286", "-0.517", "-0.026"]);
    }

    /// Computed once by an implementation of the same formulas in another language.
    #[test]
    fn the_interval_computed_elsewhere() {
        for (first, second, images, lower, upper) in [
            (12, 2, 50, 0.061_112_406_2, 0.344_708_748_2),
            (0, 1, 44, -0.118_077_097_0, 0.059_393_231_1),
            (20, 10, 500, -0.001_563_318_2, 0.043_408_235_3),
            (41, 8, 105, 0.193_980_630_6, 0.427_270_658_7),
            (30, 0, 30, 0.772_973_213_7, 1.0),
        ] {
            let found = tango(pairs(first, second, images), Z).unwrap();
            assert!((found.lower - lower).abs() < 1e-9 && (found.upper - upper).abs() < 1e-9, "{first} {second} {found:?}");
        }
        assert_eq!(tango(Pairs::default(), Z), None);
    }

    /// Without a discordant image the bounds are those of Wilson's interval of 0 hits: z^2 / (n + z^2).
    #[test]
    fn no_discordant_image_still_leaves_a_width() {
        let found = tango(pairs(0, 0, 50), Z).unwrap();
        let expected = Z * Z / (50.0 + Z * Z);
        assert!((found.upper - expected).abs() < 1e-12 && (found.lower + expected).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn strata_weigh_by_their_images_and_one_stratum_is_itself() {
        let (gains, loses) = (pairs(20, 2, 100), pairs(1, 11, 100));
        let alone = difference(&[(7000, gains)], Z).unwrap();
        let itself = gains.difference(Z).unwrap();
        assert!((alone.lower - itself.lower).abs() < 1e-12 && (alone.upper - itself.upper).abs() < 1e-12);
        let both = difference(&[(9000, gains), (1000, loses), (500, Pairs::default())], Z).unwrap();
        assert!((both.value - (0.9 * 0.18 - 0.1 * 0.10)).abs() < 1e-12);
        // The large stratum says nearly all of it.
        let widths = (0.9 * (itself.upper - itself.lower), both.upper - both.lower);
        assert!(widths.1 > widths.0 * 0.98 && widths.1 < widths.0 * 1.15, "{widths:?}");
        assert!(both.lower < both.value && both.value < both.upper);
        // Cut into equal strata, a sample says what the whole says.
        let cut: Vec<(u64, Pairs)> = (0..20).map(|_| (500, pairs(1, 0, 10))).collect();
        let (cut, whole) = (difference(&cut, Z).unwrap(), pairs(20, 0, 200).difference(Z).unwrap());
        assert!((cut.lower - whole.lower).abs() < 3e-3 && (cut.upper - whole.upper).abs() < 3e-3, "{cut:?} {whole:?}");
        assert_eq!(difference(&[(500, Pairs::default()), (0, gains)], Z), None);
    }

    /// The chance that the interval of 200 images holds the truth, over all that can be seen: exact, not simulated.
    #[test]
    fn the_truth_lies_within_as_often_as_promised() {
        let images = 200_u64;
        for (first, second) in [(0.03_f64, 0.01_f64), (0.05, 0.02), (0.06, 0.06), (0.01, 0.01)] {
            let log_factorial: Vec<f64> = std::iter::once(0.0)
                .chain((1..=images).scan(0.0, |sum, k| {
                    *sum += number(k).ln();
                    Some(*sum)
                }))
                .collect();
            let at = |k: u64| log_factorial[usize::try_from(k).unwrap()];
            let (mut held, mut all) = (0.0, 0.0);
            for b in 0..=30 {
                for c in 0..=30 {
                    let rest = images - b - c;
                    let log = at(images) - at(b) - at(c) - at(rest)
                        + number(b) * first.ln()
                        + number(c) * second.ln()
                        + number(rest) * (1.0 - first - second).ln();
                    let bounds = tango(pairs(b, c, images), Z).unwrap();
                    all += log.exp();
                    held += if bounds.lower <= first - second && first - second <= bounds.upper { log.exp() } else { 0.0 };
                }
            }
            assert!(all > 0.999 && (0.935..0.97).contains(&held), "{first} {second}: {held}");
        }
    }

    proptest! {
        #[test]
        fn exchanging_the_models_mirrors_the_bounds(first in 0_u64..80, second in 0_u64..80, more in 1_u64..400) {
            let images = first + second + more;
            let (one, other) = (tango(pairs(first, second, images), Z).unwrap(), tango(pairs(second, first, images), Z).unwrap());
            prop_assert!((one.lower + other.upper).abs() < 1e-9 && (one.upper + other.lower).abs() < 1e-9);
        }

        #[test]
        fn zero_is_outside_where_mcnemar_tells_the_models_apart(first in 0_u64..60, second in 0_u64..60, more in 1_u64..400) {
            let found = pairs(first, second, first + second + more).difference(Z).unwrap();
            let (b, c) = (number(first), number(second));
            let statistic = (b - c) * (b - c) - Z * Z * (b + c);
            prop_assume!(statistic.abs() > 1e-6);
            prop_assert_eq!(found.lower > 0.0 || found.upper < 0.0, statistic > 0.0);
            prop_assert!(found.lower <= found.value && found.value <= found.upper);
        }
    }
}
