//! Temperature: one number that makes a network's confidences as high as it is right, and how far they were from it.
//!
//! *Source*: Guo et al. 2017, "On Calibration of Modern Neural Networks", ICML.

use crate::stats::bins::{bin_of, bounds, uppers};

/// Bins of confidence in an expected calibration error, as in the source.
pub const BINS: u32 = 15;

/// Where the temperature is looked for, as its inverse. A network without a single error wants a temperature of 0, one that knows
/// nothing an infinite one.
const INVERSE: (f64, f64) = (0.05, 20.0);

/// What a fitted temperature did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Logits are divided by it before the softmax; .05 to 20.
    pub temperature: f64,
    /// Mean negative log likelihood of the true classes (natural logarithm) at temperature 1.
    pub nll_before: f64,
    /// The same at the fitted temperature.
    pub nll_after: f64,
    /// Expected calibration error at temperature 1, 0-1: distance of confidence and accuracy, averaged over [`BINS`] bins by
    /// their images.
    pub ece_before: f64,
    /// The same at the fitted temperature.
    pub ece_after: f64,
}

/// One bin of confidence: how confident the network was there, and how often right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Lower bound, not included but in the first.
    pub from: f64,
    /// Upper bound, included.
    pub to: f64,
    /// Images whose first label has a confidence within the bounds.
    pub images: u64,
    /// Mean confidence of the first label, 0-1; missing without images.
    pub confidence: Option<f64>,
    /// Share of right first labels, 0-1; missing without images.
    pub accuracy: Option<f64>,
}

/// Fits the temperature under which the true classes are most likely; `None` without images.
///
/// *Shapes*: `logits` holds one row of `classes` numbers per label.
/// *Determinism*: sums in the order of the images, in 64 bits.
///
/// # Panics
/// When there are not `classes` logits per label, or a label is `classes` or more.
#[must_use]
pub fn fit(logits: &[f32], classes: usize, labels: &[u32]) -> Option<Fit> {
    if labels.is_empty() {
        return None;
    }
    let rows = Rows::new(logits, classes, labels);
    let temperature = 1.0 / rows.best_inverse();
    let ece = |temperature| expected_calibration_error(&reliability(logits, classes, labels, temperature, BINS));
    Some(Fit {
        temperature,
        nll_before: rows.nll(1.0),
        nll_after: rows.nll(1.0 / temperature),
        ece_before: ece(1.0),
        ece_after: ece(temperature),
    })
}

/// How confident and how right the first labels are at `temperature`, in `bins` bins of equal width.
///
/// # Panics
/// As [`fit`].
#[must_use]
pub fn reliability(logits: &[f32], classes: usize, labels: &[u32], temperature: f64, bins: u32) -> Vec<Bin> {
    let uppers = uppers(bins);
    let mut sums = vec![(0_u64, 0_u64, 0.0); bins as usize];
    for (row, label) in Rows::new(logits, classes, labels).iter() {
        let (first, top) = first_label(row);
        let confidence = 1.0 / row.iter().map(|logit| ((f64::from(*logit) - top) / temperature).exp()).sum::<f64>();
        #[expect(clippy::cast_possible_truncation, reason = "the precision in which confidences are stored")]
        let (images, right, confidences) = &mut sums[bin_of(confidence as f32, &uppers)];
        *images += 1;
        *right += u64::from(first == label);
        *confidences += confidence;
    }
    (0..)
        .zip(sums)
        .map(|(at, (images, right, confidences))| {
            let ((from, to), any) = (bounds(at, bins), images > 0);
            let [confidence, accuracy] = [confidences, real(right)].map(|sum| any.then(|| sum / real(images)));
            Bin { from, to, images, confidence, accuracy }
        })
        .collect()
}

/// The distance of confidence and accuracy, averaged over the bins by their images; 0 without images.
#[must_use]
pub fn expected_calibration_error(bins: &[Bin]) -> f64 {
    let images: u64 = bins.iter().map(|bin| bin.images).sum();
    let gap = |bin: &Bin| Some(real(bin.images) * (bin.accuracy? - bin.confidence?).abs());
    bins.iter().filter_map(gap).sum::<f64>() / real(images.max(1))
}

/// Logits of images with their true classes.
struct Rows<'a> {
    logits: &'a [f32],
    classes: usize,
    labels: &'a [u32],
}

impl<'a> Rows<'a> {
    fn new(logits: &'a [f32], classes: usize, labels: &'a [u32]) -> Self {
        assert_eq!(logits.len(), classes * labels.len(), "logits of {} images and {classes} classes", labels.len());
        Self { logits, classes, labels }
    }

    fn iter(&self) -> impl Iterator<Item = (&'a [f32], usize)> {
        self.logits.chunks_exact(self.classes.max(1)).zip(self.labels.iter().map(|label| *label as usize))
    }

    /// Mean negative log likelihood at an inverse temperature.
    fn nll(&self, inverse: f64) -> f64 {
        let of_row = |(row, label): (&[f32], usize)| {
            let (_, top) = first_label(row);
            let sum: f64 = row.iter().map(|logit| (inverse * (f64::from(*logit) - top)).exp()).sum();
            sum.ln() - inverse * (f64::from(row[label]) - top)
        };
        self.iter().map(of_row).sum::<f64>() / real(self.labels.len() as u64)
    }

    /// First and second derivative of the sum of negative log likelihoods by the inverse temperature: how far the expected logit
    /// lies above the true one, and the variance of the logits.
    fn slopes(&self, inverse: f64) -> (f64, f64) {
        let (mut slope, mut curvature) = (0.0, 0.0);
        for (row, label) in self.iter() {
            let (_, top) = first_label(row);
            let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
            for logit in row {
                let logit = f64::from(*logit) - top;
                let weight = (inverse * logit).exp();
                sum += weight;
                first += weight * logit;
                second += weight * logit * logit;
            }
            let mean = first / sum;
            slope += mean - (f64::from(row[label]) - top);
            curvature += (second / sum - mean * mean).max(0.0);
        }
        (slope, curvature)
    }

    /// Where the likelihood, which is concave in the inverse temperature, is highest: Newton's steps within a bracket that halves
    /// where a step would leave it.
    fn best_inverse(&self) -> f64 {
        let (mut low, mut high) = INVERSE;
        if self.slopes(low).0 > 0.0 {
            return low;
        }
        if self.slopes(high).0 < 0.0 {
            return high;
        }
        let mut inverse = 1.0;
        for _ in 0..100 {
            let (slope, curvature) = self.slopes(inverse);
            if slope > 0.0 {
                high = inverse;
            } else {
                low = inverse;
            }
            let newton = inverse - slope / curvature;
            let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
            if (next - inverse).abs() <= 1e-12 * inverse || slope == 0.0 {
                break;
            }
            inverse = next;
        }
        inverse
    }
}

/// The class with the largest logit, the first of several, and that logit.
fn first_label(row: &[f32]) -> (usize, f64) {
    let mut first = 0;
    for (class, logit) in row.iter().enumerate() {
        if *logit > row[first] {
            first = class;
        }
    }
    (first, f64::from(row[first]))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of images stay far below 2^53")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::RngExt;

    use super::super::chance;
    use super::*;

    /// Logits whose softmax at temperature `true_temperature` is the chance of the class that was then drawn.
    fn drawn(images: usize, classes: usize, true_temperature: f64, seed: u64) -> (Vec<f32>, Vec<u32>) {
        let mut rng = chance(seed, "test", &[]);
        let mut labels = Vec::new();
        let mut logits: Vec<f32> = Vec::new();
        for _ in 0..images {
            let row: Vec<f32> = (0..classes).map(|_| 12.0 * (rng.random::<f32>() - 0.5)).collect();
            let weights: Vec<f64> = row.iter().map(|logit| (f64::from(*logit) / true_temperature).exp()).collect();
            let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
            let class = weights.iter().position(|weight| {
                left -= weight;
                left < 0.0
            });
            labels.push(u32::try_from(class.unwrap_or(classes - 1)).unwrap());
            logits.extend(row);
        }
        (logits, labels)
    }

    #[test]
    fn a_known_temperature_is_found() {
        for (true_temperature, classes, seed) in [(0.5, 4, 1), (1.0, 4, 2), (1.3, 8, 3), (2.5, 52, 4), (6.0, 3, 5)] {
            let (logits, labels) = drawn(8000, classes, true_temperature, seed);
            let fit = fit(&logits, classes, &labels).unwrap();
            assert!((fit.temperature / true_temperature - 1.0).abs() < 0.06, "{true_temperature}: {fit:?}");
            assert!(fit.nll_after <= fit.nll_before && fit.ece_after < 0.02, "{fit:?}");
            assert!((true_temperature - 1.0).abs() < 0.1 || fit.ece_after < fit.ece_before / 2.0, "{fit:?}");
        }
    }

    #[test]
    fn golden_numbers_of_two_classes_by_hand() {
        // Logits (ln 9, 0) say .9; three of four are right. The best temperature makes .9 into .75: ln 9 / T = ln 3.
        let logits = [9.0_f32.ln(), 0.0].repeat(4);
        let fit = fit(&logits, 2, &[0, 0, 0, 1]).unwrap();
        assert!((fit.temperature - 2.0).abs() < 1e-6, "{fit:?}");
        let nll = |right: f64| -(3.0 * right.ln() + (1.0 - right).ln()) / 4.0;
        assert!((fit.nll_before - nll(0.9)).abs() < 1e-6 && (fit.nll_after - nll(0.75)).abs() < 1e-6, "{fit:?}");
        assert!((fit.ece_before - 0.15).abs() < 1e-6 && fit.ece_after < 1e-6, "{fit:?}");
        let bins = reliability(&logits, 2, &[0, 0, 0, 1], 1.0, 10);
        assert_eq!(
            bins.iter().map(|bin| bin.images).collect::<Vec<_>>(),
            [0, 0, 0, 0, 0, 0, 0, 0, 4, 0],
            "ln 9 in 32 bits says .9"
        );
        assert_eq!((bins[8].accuracy, bins[0].accuracy, bins[0].confidence), (Some(0.75), None, None));
    }

    #[test]
    fn what_has_no_best_temperature_ends_at_a_bound() {
        let without_error = [5.0_f32, 0.0, 0.0, 5.0];
        assert!((fit(&without_error, 2, &[0, 1]).unwrap().temperature - 0.05).abs() < 1e-12);
        let always_wrong = [5.0_f32, 0.0, 0.0, 5.0];
        assert!((fit(&always_wrong, 2, &[1, 0]).unwrap().temperature - 20.0).abs() < 1e-12);
        let says_nothing = [0.0_f32; 4];
        assert!((fit(&says_nothing, 2, &[1, 0]).unwrap().temperature - 1.0).abs() < 1e-12, "every temperature is as good");
        assert_eq!(fit(&[], 2, &[]), None);
    }

    #[test]
    fn enormous_logits_overflow_nothing() {
        let fit = fit(&[3e38, -3e38, -3e38, 3e38, 10.0, 0.0], 2, &[0, 1, 1]).unwrap();
        for value in [fit.temperature, fit.nll_before, fit.nll_after, fit.ece_before, fit.ece_after] {
            assert!(value.is_finite(), "{fit:?}");
        }
    }

    proptest! {
        #[test]
        fn no_other_temperature_is_better(images in 1_usize..60, classes in 2_usize..6, true_temperature in 0.3..4.0, seed in 0_u64..1000) {
            let (logits, labels) = drawn(images, classes, true_temperature, seed);
            let fit = fit(&logits, classes, &labels).unwrap();
            let rows = Rows::new(&logits, classes, &labels);
            for other in [0.06, 0.2, 0.5, 0.9, 1.0, 1.1, 2.0, 5.0, 19.0, fit.temperature * 1.01, fit.temperature * 0.99] {
                let within = (0.05..=20.0).contains(&other);
                prop_assert!(!within || fit.nll_after <= rows.nll(1.0 / other) + 1e-12, "{} is better than {:?}", other, fit);
            }
        }
    }
}
