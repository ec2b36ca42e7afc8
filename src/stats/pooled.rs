//! One proportion over several strata, with bounds at the size of a simple random sample that would say as much.
//!
//! Bounds of each stratum cannot be added up where strata are many and small: of ten checked images of which all are right, Wilson's upper
//! bound lies at 1 and has no distance, its lower one lies far off, and the sum of many such is far too short above and too long below.
//! So the strata are put together first: the share is the weighted one, its variance that of a stratified sample, and the bounds are those
//! of a simple random sample with that variance (*effective size*). One stratum is the plain interval.
//!
//! *Source*: Franco, Little, Louis and Slud 2019, Journal of Survey Statistics and Methodology 7, 334-364 (intervals of shares from complex
//! samples); Cochran 1977, Sampling Techniques, chapter 5 (strata).

use super::interval::{Interval, finite, number};
use super::metrics::Part;

/// How much a stratum is drawn towards all others before its variance is taken, in images: one of few images that are all right says
/// little about its spread.
const PRIOR: f64 = 1.0;

/// A proportion over strata.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pooled {
    /// The images that it stands for.
    pub weight: f64,
    /// The weighted share.
    pub share: f64,
    one: Option<Part>,
    /// The effective size; `None` where every image was checked.
    size: Option<f64>,
    least: f64,
    most: f64,
}

/// Puts strata together, each with the number of images that it stands for: its own, and those of others that are taken to be like it.
/// Strata without a checked image say nothing; `None` where none has one.
#[must_use]
pub fn pooled(parts: &[(f64, Part)]) -> Option<Pooled> {
    let checked: Vec<&(f64, Part)> = parts.iter().filter(|(weight, part)| *weight > 0.0 && part.checked > 0).collect();
    let weight: f64 = checked.iter().map(|(weight, _)| weight).sum();
    if let [(_, part)] = checked[..] {
        let share = number(part.hits) / number(part.checked);
        return Some(Pooled { weight, share, one: Some(*part), size: None, least: 0.0, most: 1.0 });
    }
    if checked.is_empty() {
        return None;
    }
    let (hits, all): (u64, u64) = checked.iter().fold((0, 0), |(hits, all), (_, part)| (hits + part.hits, all + part.checked));
    let mean = (number(hits) + 0.5) / (number(all) + 1.0);
    let (mut share, mut smooth, mut variance) = (0.0, 0.0, 0.0);
    for (own, part) in &checked {
        let (of_all, n, k) = (own / weight, number(part.checked), number(part.hits));
        let near = (k + PRIOR * mean) / (n + PRIOR);
        // Checked images of another data set may be more than there are here.
        let left = if n > *own { 1.0 } else { (own - n) / (own - 1.0).max(1.0) };
        share += of_all * k / n;
        smooth += of_all * near;
        variance += of_all * of_all * near * (1.0 - near) / n * left;
    }
    let size = (variance > 0.0).then(|| smooth * (1.0 - smooth) / variance);
    let least = number(hits) / weight;
    let most = 1.0 - number(all - hits) / weight;
    Some(Pooled { weight, share: share.clamp(0.0, 1.0), one: None, size, least, most })
}

impl Pooled {
    /// The bounds that `bounds` gives for a share and a size. What was seen is certain: they never leave it.
    #[must_use]
    pub fn bounds(&self, bounds: impl Fn(f64, f64) -> Interval) -> Interval {
        let point = Interval { lower: self.share, upper: self.share };
        match (self.one, self.size) {
            (Some(part), _) if part.checked > part.size => bounds(self.share, number(part.checked)),
            (Some(part), _) => finite(part.hits, part.checked, part.size, bounds).unwrap_or(point),
            (None, None) => point,
            (None, Some(size)) => {
                let found = bounds(self.share, size);
                Interval { lower: found.lower.max(self.least).min(self.share), upper: found.upper.min(self.most).max(self.share) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::interval::{score, wilson, wilson_finite, z_of};
    use super::*;

    fn part(size: u64, checked: u64, hits: u64) -> (f64, Part) {
        (number(size), Part { size, checked, hits })
    }

    fn wilson_of(parts: &[(f64, Part)]) -> (f64, Interval) {
        let found = pooled(parts).unwrap();
        (found.share, found.bounds(|p, n| score(p, n, z_of(0.95))))
    }

    #[test]
    fn one_stratum_is_the_plain_interval() {
        let (share, bounds) = wilson_of(&[part(700, 100, 98), part(50, 0, 0)]);
        assert_eq!((share, Some(bounds)), (0.98, wilson_finite(98, 100, 700, z_of(0.95))));
        assert_eq!(pooled(&[part(700, 0, 0)]), None);
    }

    /// A sample cut into equal strata says what the whole says.
    #[test]
    fn many_small_strata_are_as_wide_as_one_sample_and_not_one_sided() {
        let strata: Vec<_> = (0..50).map(|at| part(1 << 40, 10, if at % 2 == 0 { 10 } else { 9 })).collect();
        let (share, bounds) = wilson_of(&strata);
        let whole = wilson(475, 500, z_of(0.95)).unwrap();
        assert!((share - 0.95).abs() < 1e-12);
        assert!((bounds.lower - whole.lower).abs() < 2e-3 && (bounds.upper - whole.upper).abs() < 2e-3, "{bounds:?} {whole:?}");
    }

    #[test]
    fn a_complete_population_has_no_width_and_what_was_seen_stays_within() {
        let (share, bounds) = wilson_of(&[part(10, 10, 9), part(30, 30, 30)]);
        assert_eq!((share, bounds), (0.975, Interval { lower: 0.975, upper: 0.975 }));
        let (_, bounds) = wilson_of(&[part(10, 10, 9), part(30, 29, 29)]);
        assert!(bounds.lower >= 38.0 / 40.0 && bounds.upper <= 39.0 / 40.0, "{bounds:?}");
    }
}
