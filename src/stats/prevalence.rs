//! The figures of a data set whose classes occur in known shares, from images checked at other shares.
//!
//! A set of labelled images is often drawn by what they show: as many animals as blanks. Counted as it stands, it tells how often
//! each class is called what, but not how precise a label is where three of four images are blank. Here each true class is a stratum
//! that weighs by its share `s_i` of the data set, with `n_i` checked images:
//!
//! ```text
//! recall_i = C[i][i] / n_i    TP_i = s_i N C[i][i] / n_i    FP_i = sum over j != i of s_j N C[j][i] / n_j
//! ```
//!
//! That is the correction of [`super::metrics`] with true and automatic classes exchanged: recall is not changed by the weights,
//! precision, F1 and accuracy are. So are the bounds; the set stands for very many images, and no correction for a finite population
//! is made.
//!
//! *Source*: Cochran 1977, Sampling Techniques, chapter 5 (strata).

use super::combine::Estimate;
use super::interval::number;
use super::metrics::{ClassQuality, Quality, Stratum, assess};

/// The images that the shares are taken of: so many that nothing is rounded that shows, and few enough for exact arithmetic.
const VERY_MANY: f64 = 1e15;

/// The share of the data set that each class has: those `given`, and what is left for the others in proportion to their checked
/// images.
///
/// *Shapes*: one share, where given, and one count of checked images per class. `None` where something is left and no other class
/// was found.
#[must_use]
pub fn shares(given: &[Option<f64>], checked: &[u64]) -> Option<Vec<f64>> {
    let rest = (1.0 - given.iter().flatten().sum::<f64>()).max(0.0);
    let others: u64 = given.iter().zip(checked).filter(|(share, _)| share.is_none()).map(|(_, checked)| checked).sum();
    if others == 0 && rest > 1e-9 {
        return None;
    }
    let of_rest = |checked: u64| if others == 0 { 0.0 } else { rest * number(checked) / number(others) };
    Some(given.iter().zip(checked).map(|(share, checked)| share.unwrap_or_else(|| of_rest(*checked))).collect())
}

/// Computes all figures of `automatic` images (by automatic class) of which each true class has its share, from `counts` of checked
/// images by manual, then automatic class, with bounds at `z` standard errors.
///
/// A class with a share and without a checked image is unassessed: accuracy is that of the others, and every bound allows for
/// anything. `missed_seen` tells of images *wrongly called* a class, on which precision rests here.
///
/// *Shapes*: `shares` and `automatic` have one number per class, `counts` is square.
#[must_use]
pub fn assess_at(shares: &[f64], counts: &[Vec<u64>], automatic: &[u64], z: f64) -> Quality {
    let classes = counts.len();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share lies within 0 and 1")]
    let size = |share: f64| (share * VERY_MANY).round() as u64;
    let stratum = |at: usize| Stratum { automatic: at, size: size(shares[at]), manual: counts[at].clone() };
    let strata: Vec<Stratum> = (0..classes).map(stratum).filter(|stratum| stratum.size > 0).collect();
    let mirror = assess(classes, &strata, z);
    let images = number(automatic.iter().sum());
    let scale = images / VERY_MANY;
    let called = |class: usize| counts.iter().map(|row| row[class]).sum::<u64>();
    let (right, checked): (u64, u64) =
        (0..classes).map(|at| (counts[at][at], called(at))).fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    let class = |(at, mirrored): (usize, &ClassQuality)| {
        let hits = number(counts[at][at]);
        let (column, row) = (called(at), counts[at].iter().sum::<u64>());
        ClassQuality {
            automatic: automatic[at],
            checked: column,
            manual: row,
            unassessed: mirrored.unassessed,
            borrowed: 0,
            tp: mirrored.tp.map(|value| value * scale),
            fp: mirrored.missed.map(|value| value * scale),
            missed: mirrored.fp.map(|value| value * scale),
            missed_seen: mirrored.missed_seen,
            precision: mirrored.recall,
            recall: mirrored.precision,
            f1: mirrored.f1,
            abundance: Some(known(shares[at] * images)),
            raw_precision: ratio(hits, column),
            raw_recall: ratio(hits, row),
            raw_f1: ratio(2.0 * hits, column + row),
        }
    };
    let cell = |manual: usize, automatic: usize| mirror.corrected[automatic][manual].map(|value| value * scale);
    Quality {
        classes: mirror.classes.iter().enumerate().map(class).collect(),
        accuracy: mirror.accuracy,
        raw_accuracy: ratio(number(right), checked),
        assessed_share: mirror.assessed_share,
        corrected: (0..classes).map(|manual| (0..classes).map(|automatic| cell(manual, automatic)).collect()).collect(),
        counts: counts.to_vec(),
    }
}

/// What is given is not estimated.
fn known(value: f64) -> Estimate {
    Estimate { value, lower: value, upper: value }
}

fn ratio(part: f64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part / number(whole))
}

#[cfg(test)]
mod tests {
    use super::super::interval::z_of;
    use super::super::planning::hours;
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
    }

    fn value(found: Option<Estimate>) -> f64 {
        found.unwrap().value
    }

    /// Blanks and animals, 10 000 of each, at the cutoffs 0.5 and 0.25 of P(animal).
    const AT_HALF: [[u64; 2]; 2] = [[9340, 660], [1430, 8570]];
    const AT_QUARTER: [[u64; 2]; 2] = [[8491, 1509], [900, 9100]];

    fn blanks(counts: [[u64; 2]; 2], share: f64) -> Quality {
        let shares = shares(&[Some(share), None], &[10_000, 10_000]).unwrap();
        assess_at(&shares, &counts.map(|row| row.to_vec()), &[100_000, 60_000], z_of(0.95))
    }

    #[test]
    fn a_blank_filter_at_the_share_of_blanks_in_the_field() {
        let (half, quarter) = (blanks(AT_HALF, 0.75), blanks(AT_QUARTER, 0.75));
        // Recall of animals does not depend on how many there are, nor do its bounds.
        close(value(half.classes[1].recall), 0.857);
        close(value(quarter.classes[1].recall), 0.91);
        let (here, there) = (quarter.classes[1].recall.unwrap(), blanks(AT_QUARTER, 0.2).classes[1].recall.unwrap());
        close(here.lower, there.lower);
        close(here.upper, there.upper);
        // Of 160 000 images three quarters are blank: so many of them nobody has to look at.
        let found = quarter.classes[0].tp.unwrap();
        close(found, 101_892.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let hours = hours(found.round() as u64, 500.0);
        assert_eq!((format!("{hours:.1}"), format!("{:.2}", hours / 40.0)), ("203.8".into(), "5.09".into()));
        // 40 000 animals, of which 9 % are lost among them.
        close(quarter.classes[0].fp.unwrap(), 3600.0);
        close(value(quarter.classes[0].precision), 101_892.0 / 105_492.0);
        close(value(quarter.classes[1].precision), 36_400.0 / (36_400.0 + 18_108.0));
        close(quarter.accuracy.unwrap().estimate.value, 0.75 * 0.8491 + 0.25 * 0.91);
        close(quarter.raw_accuracy.unwrap(), f64::midpoint(0.8491, 0.91));
        assert_eq!(quarter.classes[0].abundance, Some(known(120_000.0)));
        close(quarter.corrected[1][0].unwrap(), 3600.0);
    }

    #[test]
    fn at_its_own_shares_a_set_is_as_it_is_counted() {
        let counts = vec![vec![95, 4, 10], vec![4, 90, 5], vec![1, 1, 35]];
        let rows: Vec<u64> = counts.iter().map(|row| row.iter().sum()).collect();
        let quality = assess_at(&shares(&[None; 3], &rows).unwrap(), &counts, &[100, 95, 50], 1.96);
        for class in &quality.classes {
            close(value(class.precision), class.raw_precision.unwrap());
            close(value(class.recall), class.raw_recall.unwrap());
            close(value(class.f1), class.raw_f1.unwrap());
            close(class.tp.unwrap() + class.missed.unwrap(), value(class.abundance));
        }
        close(quality.accuracy.unwrap().estimate.value, quality.raw_accuracy.unwrap());
        close(quality.corrected[0][2].unwrap(), 10.0);
    }

    #[test]
    fn it_is_the_correction_of_strata_with_both_kinds_of_class_exchanged() {
        let counts = [[95, 4, 10], [4, 90, 5], [1, 1, 35]];
        let mirror = (0..3).map(|at| counts.map(|row| row[at]).to_vec()).collect::<Vec<_>>();
        let quality = assess_at(&[0.9, 0.09, 0.01], &mirror, &[5000, 4000, 1000], z_of(0.95));
        let published = [(0.95, 0.993_274, 0.971_155), (0.947_368, 0.697_374, 0.803_372), (0.7, 0.413_043, 0.519_531)];
        for (class, (recall, precision, f1)) in quality.classes.iter().zip(published) {
            for (found, expected) in [(class.recall, recall), (class.precision, precision), (class.f1, f1)] {
                assert!((value(found) - expected).abs() < 1e-6);
                assert!(found.unwrap().lower < expected && found.unwrap().upper > expected);
            }
        }
        let accuracy = quality.accuracy.unwrap();
        // The published standard error without a correction for the population.
        assert!((accuracy.estimate.value - 0.947_263).abs() < 1e-6 && (accuracy.error - 0.019_833).abs() < 1e-6);
    }

    #[test]
    fn what_is_left_goes_to_the_other_classes_as_they_were_found() {
        assert_eq!(shares(&[Some(0.75), None, None], &[10, 30, 10]), Some(vec![0.75, 0.1875, 0.0625]));
        assert_eq!(shares(&[Some(0.75), Some(0.25), None], &[10, 30, 0]), Some(vec![0.75, 0.25, 0.0]));
        assert_eq!(shares(&[Some(0.75), None], &[10, 0]), None);
    }

    #[test]
    fn a_class_with_a_share_and_no_label_widens_all_others() {
        let quality = assess_at(&[0.75, 0.25], &[vec![9, 1], vec![0, 0]], &[90, 10], 1.96);
        let (blank, animal) = (&quality.classes[0], &quality.classes[1]);
        assert!(animal.unassessed && animal.recall.is_none() && animal.precision.is_none());
        close(quality.assessed_share.unwrap(), 0.75);
        let accuracy = quality.accuracy.unwrap().estimate;
        assert!(accuracy.upper > 0.9 && accuracy.lower < 0.6);
        // The other class may be called blank, all of it.
        assert!(blank.precision.unwrap().lower < 0.75);
    }
}
