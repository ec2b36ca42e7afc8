//! Intervals of one proportion: Wilson's and Jeffreys', also for a sample that is a large part of its population.

/// Bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower one.
    pub lower: f64,
    /// The upper one.
    pub upper: f64,
}

/// The quantile of the standard normal distribution that leaves `(1 - level) / 2` above it: 1.96 for .95.
///
/// A level outside `(0, 1)` is taken as the nearest within; beyond 8 standard deviations nothing is told apart.
#[must_use]
pub fn z_of(level: f64) -> f64 {
    let wanted = level.clamp(0.0, 1.0) / 2.0;
    let (mut low, mut high) = (0.0, 8.0);
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if above_zero(middle) < wanted { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The normal probability between 0 and `x`, by its series in odd powers of `x`: a library's exponential differs between systems
/// in the last bit.
fn above_zero(x: f64) -> f64 {
    let half_square = x * x / 2.0;
    let (mut power, mut growth) = (1.0, 1.0);
    let (mut odd, mut sum) = (x, x);
    for k in 1..160 {
        let k = f64::from(k);
        power *= half_square / k;
        growth += power;
        odd *= x * x / (2.0 * k + 1.0);
        sum += odd;
    }
    // `growth` is exp(x^2 / 2).
    sum / growth / std::f64::consts::TAU.sqrt()
}

/// A count as a number; counts of images lie far below 2^53.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a table has fewer than 2^32 rows")]
pub const fn number(count: u64) -> f64 {
    count as f64
}

/// Wilson's score interval of a proportion `p` seen in `n` trials. `n` need not be whole: it may be an effective size.
///
/// *Source*: Wilson 1927, Journal of the American Statistical Association 22, 209-212.
#[must_use]
pub fn score(p: f64, n: f64, z: f64) -> Interval {
    let spread = z * z / n;
    let centre = (p + spread / 2.0) / (1.0 + spread);
    let half = z / (1.0 + spread) * (p * (1.0 - p) / n + spread / n / 4.0).sqrt();
    // The bounds at 0 and 1 are exact; rounding must not move them.
    Interval {
        lower: if p <= 0.0 { 0.0 } else { (centre - half).clamp(0.0, p) },
        upper: if p >= 1.0 { 1.0 } else { (centre + half).clamp(p, 1.0) },
    }
}

/// Wilson's interval of `hits` of `n`; `None` for 0 of 0.
#[must_use]
pub fn wilson(hits: u64, n: u64, z: f64) -> Option<Interval> {
    (n > 0).then(|| score(number(hits) / number(n), number(n), z))
}

/// Jeffreys' interval of a proportion `p` seen in `n` trials, `n` not necessarily whole: quantiles of Beta(hits + 1/2, misses + 1/2) in
/// the closed form that follows from Paulson's approximation of the F distribution, right to 2 % of the distance from `p`
/// even for a single hit.
///
/// Around few hits its bounds lie nearer to 0 than Wilson's: a single hit proves less, no hit hides less. That is what a sum over
/// many strata with few hits needs.
///
/// *Source*: Brown et al. 2001, Statistical Science 16, 101-133; Paulson 1942, Annals of Mathematical Statistics 13,
/// 233-235.
#[must_use]
pub fn jeffreys(p: f64, n: f64, z: f64) -> Interval {
    let odds = Odds::of(p * n + 0.5, (1.0 - p) * n + 0.5, z);
    let share = |odds: f64| odds / (1.0 + odds);
    Interval {
        lower: if p <= 0.0 { 0.0 } else { odds.lower().map_or(0.0, share).clamp(0.0, p) },
        upper: if p >= 1.0 { 1.0 } else { odds.upper().map_or(1.0, share).clamp(p, 1.0) },
    }
}

/// The odds of a Beta(a, b) variable: the ratio of two gamma variables, whose cube roots are nearly normal. Bounds of the ratio `w` of
/// the roots are where `(w mean_b - mean_a)^2 = z^2 (w^2 var_b + var_a)`.
struct Odds {
    ratio: f64,
    of_b: f64,
    of_a: f64,
    cross: f64,
    root: f64,
}

impl Odds {
    fn of(a: f64, b: f64, z: f64) -> Self {
        let (var_a, var_b) = (1.0 / (9.0 * a), 1.0 / (9.0 * b));
        let (mean_a, mean_b) = (1.0 - var_a, 1.0 - var_b);
        let (of_a, of_b) = (mean_a * mean_a - z * z * var_a, mean_b * mean_b - z * z * var_b);
        let cross = mean_a * mean_b;
        Self { ratio: a / b, of_b, of_a, cross, root: (cross * cross - of_a * of_b).max(0.0).sqrt() }
    }

    /// `None` where it cannot be told from 0.
    fn lower(&self) -> Option<f64> {
        let w = self.of_a / (self.cross + self.root);
        (self.of_a > 0.0).then_some(self.ratio * w * w * w)
    }

    /// `None` where there is no bound.
    fn upper(&self) -> Option<f64> {
        let w = (self.cross + self.root) / self.of_b;
        (self.of_b > 0.0).then_some(self.ratio * w * w * w)
    }
}

/// The interval that `bounds` gives for a proportion and a size, of `hits` of `n` drawn without replacement from `population`; `None`
/// for 0 of 0.
///
/// The sample counts as `n (N - 1) / (N - n)` images (finite-population correction). What was seen is certain: the bounds never leave
/// `hits / N` and `1 - (n - hits) / N`. A complete population has no width.
#[must_use]
pub fn finite(hits: u64, n: u64, population: u64, bounds: impl Fn(f64, f64) -> Interval) -> Option<Interval> {
    if n == 0 {
        return None;
    }
    let p = number(hits) / number(n);
    if n >= population {
        return Some(Interval { lower: p, upper: p });
    }
    let unseen = number(population - n);
    let bounds = bounds(p, number(n) * number(population - 1) / unseen);
    let (least, most) = (number(hits) / number(population), (number(hits) + unseen) / number(population));
    Some(Interval { lower: bounds.lower.max(least), upper: bounds.upper.min(most) })
}

/// Wilson's interval of `hits` of `n` drawn without replacement from `population`; see [`finite`].
#[must_use]
pub fn wilson_finite(hits: u64, n: u64, population: u64, z: f64) -> Option<Interval> {
    finite(hits, n, population, |p, n| score(p, n, z))
}

/// Jeffreys' interval of `hits` of `n` drawn without replacement from `population`; see [`finite`].
#[must_use]
pub fn jeffreys_finite(hits: u64, n: u64, population: u64, z: f64) -> Option<Interval> {
    finite(hits, n, population, |p, n| jeffreys(p, n, z))
}

/// Variance of a proportion `hits` of `n` from `population`, as estimated from a simple random sample, with finite-population
/// correction; `None` where one image says nothing about the spread.
#[must_use]
pub fn variance(hits: u64, n: u64, population: u64) -> Option<f64> {
    if n >= population && n > 0 {
        return Some(0.0);
    }
    let p = number(hits) / number(n);
    (n > 1).then(|| p * (1.0 - p) / number(n - 1) * (1.0 - number(n) / number(population)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const Z: f64 = 1.959_963_984_540_054;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn quantiles_of_the_usual_levels() {
        for (level, z) in [(0.5, 0.674_489_750_196), (0.8, 1.281_551_565_545), (0.9, 1.644_853_626_951), (0.95, Z)] {
            assert!((z_of(level) - z).abs() < 1e-11, "{level}");
        }
        assert!((z_of(0.99) - 2.575_829_303_549).abs() < 1e-11 && (z_of(0.999) - 3.290_526_731_492).abs() < 1e-10);
        assert!(z_of(0.0) < 1e-9);
    }

    #[test]
    fn published_wilson_intervals() {
        let cases = [
            (490, 500, 0.963_580, 0.989_101),
            (485, 500, 0.951_096, 0.981_737),
            (98, 100, 0.929_988, 0.994_498),
            (47, 47, 0.924_442, 1.0),
            (55, 100, 0.452_446, 0.643_855),
        ];
        for (hits, n, lower, upper) in cases {
            let found = wilson(hits, n, z_of(0.95)).unwrap();
            close(found.lower, lower);
            close(found.upper, upper);
        }
        assert_eq!(wilson(0, 0, Z), None);
    }

    #[test]
    fn a_large_part_of_the_population_narrows_the_interval_and_all_of_it_closes_it() {
        let width = |bounds: Interval| bounds.upper - bounds.lower;
        let free = wilson(67, 95, Z).unwrap();
        let weasels = wilson_finite(67, 95, 133, Z).unwrap();
        // sqrt(1 - 95/133) = .53 of the width.
        assert!((width(weasels) / width(free) - 0.53).abs() < 0.02);
        assert_eq!(wilson_finite(67, 95, 95, Z).map(width), Some(0.0));
        close(wilson_finite(490, 500, 1 << 40, Z).unwrap().lower, 0.963_580);
    }

    #[test]
    fn jeffreys_agrees_with_exact_beta_quantiles() {
        // Quantiles .025 and .975 of Beta(x + .5, 100 - x + .5).
        for (hits, lower, upper) in [(1.0, 0.001_081, 0.045_779), (10.0, 0.052_585, 0.170_124), (50.0, 0.403_174, 0.596_826)] {
            let found = jeffreys(hits / 100.0, 100.0, Z);
            let near = |found: f64, exact: f64| (found - exact).abs() < 0.02 * (exact - hits / 100.0).abs();
            assert!(near(found.lower, lower) && near(found.upper, upper), "{hits} {found:?}");
        }
        assert_eq!((jeffreys(0.0, 9.0, Z).lower, jeffreys(1.0, 9.0, Z).upper), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn bounds_mirror_each_other(hits in 0_u32..=60, more in 0_u32..60) {
            let n = f64::from(hits + more).max(1.0);
            let (p, q) = (f64::from(hits).min(n) / n, 1.0 - f64::from(hits).min(n) / n);
            for bounds in [score, jeffreys] {
                let (here, there) = (bounds(p, n, Z), bounds(q, n, Z));
                prop_assert!((here.lower + there.upper - 1.0).abs() < 1e-9 && (here.upper + there.lower - 1.0).abs() < 1e-9);
            }
        }

        #[test]
        fn bounds_enclose_the_estimate_and_what_is_certain(n in 1_u64..400, extra in 0_u64..4000, share in 0.0..=1.0_f64) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small count")]
            let hits = (share * number(n)) as u64;
            let population = n + extra;
            let found = wilson_finite(hits, n, population, Z).unwrap();
            let p = number(hits) / number(n);
            prop_assert!(0.0 <= found.lower && found.lower <= p && p <= found.upper && found.upper <= 1.0);
            prop_assert!(found.lower * number(population) >= number(hits) - 1e-6);
            prop_assert!((1.0 - found.upper) * number(population) >= number(n - hits) - 1e-6);
        }
    }
}
