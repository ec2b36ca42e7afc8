//! Precision, recall, F1, accuracy and abundance of a complete data set, from images checked in strata.
//!
//! A stratum holds the images of one sampling group that the model gives one class: `N` of them, of which `n` were checked. The
//! random sample and the sample per class, taken together, are a simple random sample within each stratum, though not over all of
//! them; so each checked image stands for `N / n` images of its stratum:
//!
//! ```text
//! TP_i = sum of C[i][i] N_i/n_i    FP_i = N_i - TP_i    FN_i = sum over j != i of C[i][j] N_j/n_j
//! ```
//!
//! where `C[i][j]` counts checked images of manual class i and automatic class j. Precision is not changed by the weights; recall, F1
//! and accuracy are.
//!
//! *A stratum without a checked image* is taken to be like the checked strata of the same automatic class, where there are any. Where there
//! are none, the class is *unassessed*: its own figures are missing; accuracy is that of the share that was assessed, and every
//! bound allows for any truth among the images that nobody looked at.
//!
//! *Bounds* are Wilson's for precision, accuracy and other proportions, and built from Jeffreys' for what is summed over many classes with
//! few hits: recall, F1 and abundance ([`super::combine`]). The strata of one automatic class are put together first ([`super::pooled`]). The choice was made by coverage on a census (`tests/coverage.rs`).
//!
//! *Source*: Böhner et al. 2023, Ecological Informatics 76, 102150 (the correction); Cochran 1977, Sampling Techniques, chapter 5
//! (strata).

use super::combine::{Estimate, Total, ratio};
use super::interval::{jeffreys, number, score, variance};
use super::pooled::{Pooled, pooled};

/// Below this value of [`ClassQuality::missed_seen`], bounds of recall and F1 rest on little. All classes of the census with about a
/// hundred images or fewer lie below it, among them those whose bounds held the truth least often.
pub const FEW_MISSED: f64 = 15.0;

/// The images of one sampling group that the model gives one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stratum {
    /// The class that the model gives.
    pub automatic: usize,
    /// All images, `N`.
    pub size: u64,
    /// Checked images by the class that people give.
    pub manual: Vec<u64>,
}

impl Stratum {
    /// Checked images, `n`.
    #[must_use]
    pub fn checked(&self) -> u64 {
        self.manual.iter().sum()
    }
}

/// What a proportion is estimated from in one stratum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// All images.
    pub size: u64,
    /// Checked images.
    pub checked: u64,
    /// Checked images that have what is asked about.
    pub hits: u64,
}

impl Part {
    fn share(self) -> f64 {
        number(self.hits) / number(self.checked)
    }
}

/// The proportion over several strata. Those without a checked image are taken to be like the others; `None` where none has one.
#[must_use]
pub fn proportion(parts: &[Part], z: f64) -> Option<Estimate> {
    let parts: Vec<(f64, Part)> = parts.iter().map(|part| (number(part.size), *part)).collect();
    let found = pooled(&parts)?;
    let bounds = found.bounds(|p, n| score(p, n, z));
    Some(Estimate { value: found.share, lower: bounds.lower, upper: bounds.upper })
}

/// The figures of one class.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClassQuality {
    /// Images with this automatic class.
    pub automatic: u64,
    /// Those of them that were checked.
    pub checked: u64,
    /// Checked images with this manual class.
    pub manual: u64,
    /// The class cannot be assessed: images have it and none of them was checked.
    pub unassessed: bool,
    /// Images of strata without a checked one, taken to be like others of the class.
    pub borrowed: u64,
    /// Images of this class and found as such.
    pub tp: Option<f64>,
    /// Images of another class, called this one.
    pub fp: Option<f64>,
    /// Images of this class, called another one.
    pub missed: Option<f64>,
    /// The number of equally weighted checked images that would say as much about `missed` as those seen.
    pub missed_seen: f64,
    /// Share of the images called this class that are of it.
    pub precision: Option<Estimate>,
    /// Share of the images of this class that are called it.
    pub recall: Option<Estimate>,
    /// Harmonic mean of both.
    pub f1: Option<Estimate>,
    /// Images of this class in the complete data set.
    pub abundance: Option<Estimate>,
    /// Precision among the checked images as they are.
    pub raw_precision: Option<f64>,
    /// Recall among the checked images as they are.
    pub raw_recall: Option<f64>,
    /// F1 among the checked images as they are.
    pub raw_f1: Option<f64>,
}

/// Accuracy over all classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// Share of right images among those assessed; the bounds hold for all images.
    pub estimate: Estimate,
    /// Standard error of a stratified sample, with finite-population correction.
    pub error: f64,
}

/// The figures of one group of images.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// By class.
    pub classes: Vec<ClassQuality>,
    /// Missing where nothing was assessed.
    pub accuracy: Option<Accuracy>,
    /// Share of right images among those checked.
    pub raw_accuracy: Option<f64>,
    /// Share of the images that were assessed.
    pub assessed_share: Option<f64>,
    /// Checked images by manual, then automatic class.
    pub counts: Vec<Vec<u64>>,
    /// Images of the complete data set by manual, then automatic class; missing where the automatic class is unassessed.
    pub corrected: Vec<Vec<Option<f64>>>,
}

impl Quality {
    /// Mean F1 of the classes that people found; one that the model never names has none, which counts as 0. `None` where nothing
    /// was checked.
    #[must_use]
    pub fn macro_f1(&self) -> Option<f64> {
        let found: Vec<f64> = self
            .classes
            .iter()
            .filter(|class| class.manual > 0)
            .map(|class| class.f1.as_ref().map_or(0.0, |estimate| estimate.value))
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "a programme has some dozens of classes")]
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    }
}

/// Computes all figures of the images in `strata`, for `classes` classes, with bounds at `z` standard errors.
///
/// *Shapes*: each stratum counts `classes` manual classes; several strata may have the same automatic class.
#[must_use]
pub fn assess(classes: usize, strata: &[Stratum], z: f64) -> Quality {
    let weighted = Weighted::of(classes, strata);
    let counts = weighted.counts();
    let class = |at| class_quality(&weighted, &counts, at, z);
    let all: Vec<ClassQuality> = (0..classes).map(class).collect();
    let images: u64 = all.iter().map(|class| class.automatic).sum();
    let checked: u64 = all.iter().map(|class| class.checked).sum();
    let unassessed: u64 = all.iter().filter(|class| class.unassessed).map(|class| class.automatic).sum();
    let right: u64 = (0..classes).map(|at| counts[at][at]).sum();
    Quality {
        accuracy: accuracy(&weighted, images, unassessed, z),
        raw_accuracy: share(number(right), number(checked)),
        assessed_share: share(number(images - unassessed), number(images)),
        corrected: weighted.corrected(),
        classes: all,
        counts,
    }
}

/// Strata with what each proportion in them is multiplied by.
struct Weighted<'a> {
    strata: &'a [Stratum],
    checked: Vec<u64>,
    /// Images that a stratum stands for: its own, and those of strata of its class without a checked image.
    weights: Vec<f64>,
    automatic: Vec<u64>,
    assessed: Vec<u64>,
}

impl<'a> Weighted<'a> {
    fn of(classes: usize, strata: &'a [Stratum]) -> Self {
        let checked: Vec<u64> = strata.iter().map(Stratum::checked).collect();
        let (mut automatic, mut assessed) = (vec![0; classes], vec![0; classes]);
        for (stratum, n) in strata.iter().zip(&checked) {
            automatic[stratum.automatic] += stratum.size;
            assessed[stratum.automatic] += if *n > 0 { stratum.size } else { 0 };
        }
        let weight = |(stratum, n): (&Stratum, &u64)| {
            let (all, some) = (automatic[stratum.automatic], assessed[stratum.automatic]);
            if *n > 0 { number(stratum.size) * (number(all) / number(some)) } else { 0.0 }
        };
        let weights = strata.iter().zip(&checked).map(weight).collect();
        Self { strata, checked, weights, automatic, assessed }
    }

    fn unassessed(&self, class: usize) -> bool {
        self.automatic[class] > 0 && self.assessed[class] == 0
    }

    /// Checked strata with their weights.
    fn parts(&self, manual: impl Fn(&Stratum) -> usize) -> impl Iterator<Item = (&Stratum, f64, Part)> {
        let all = self.strata.iter().zip(&self.weights).zip(&self.checked);
        all.filter(|(_, checked)| **checked > 0).map(move |((stratum, weight), checked)| {
            let part = Part { size: stratum.size, checked: *checked, hits: stratum.manual[manual(stratum)] };
            (stratum, *weight, part)
        })
    }

    /// The share of `manual` among the images of each automatic class, all its strata together.
    fn pooled(&self, manual: impl Fn(&Stratum) -> usize) -> Vec<(usize, Pooled)> {
        let mut parts: Vec<Vec<(f64, Part)>> = vec![Vec::new(); self.automatic.len()];
        for (stratum, weight, part) in self.parts(manual) {
            parts[stratum.automatic].push((weight, part));
        }
        parts.iter().enumerate().filter_map(|(automatic, parts)| Some((automatic, pooled(parts)?))).collect()
    }

    /// By manual, then automatic class.
    fn counts(&self) -> Vec<Vec<u64>> {
        let classes = self.automatic.len();
        let mut counts = vec![vec![0; classes]; classes];
        for stratum in self.strata {
            for (manual, count) in stratum.manual.iter().enumerate() {
                counts[manual][stratum.automatic] += count;
            }
        }
        counts
    }

    fn corrected(&self) -> Vec<Vec<Option<f64>>> {
        let classes = self.automatic.len();
        let empty: Vec<_> = (0..classes).map(|class| (!self.unassessed(class)).then_some(0.0)).collect();
        let mut corrected = vec![empty; classes];
        for (manual, row) in corrected.iter_mut().enumerate() {
            for (stratum, weight, part) in self.parts(|_| manual) {
                if let Some(sum) = &mut row[stratum.automatic] {
                    *sum += weight * part.share();
                }
            }
        }
        corrected
    }
}

fn class_quality(weighted: &Weighted<'_>, counts: &[Vec<u64>], class: usize, z: f64) -> ClassQuality {
    let column = |automatic: usize| counts.iter().map(|row| row[automatic]).sum::<u64>();
    let (hits, checked, manual) = (counts[class][class], column(class), counts[class].iter().sum::<u64>());
    let raw = |of: u64| share(number(hits), number(of));
    let (automatic, unassessed) = (weighted.automatic[class], weighted.unassessed(class));
    let counted = ClassQuality {
        automatic,
        checked,
        manual,
        unassessed,
        borrowed: if unassessed { 0 } else { automatic - weighted.assessed[class] },
        raw_precision: raw(checked),
        raw_recall: raw(manual),
        raw_f1: share(2.0 * number(hits), number(checked + manual)),
        ..ClassQuality::default()
    };
    if unassessed {
        return counted;
    }
    let (mut right, mut found, mut missed, mut squares) = (Total::default(), Total::default(), Total::default(), 0.0);
    for (of, share) in weighted.pooled(|_| class) {
        let bounds = share.bounds(|p, n| jeffreys(p, n, z));
        if of == class {
            right.add(share.weight, share.share, share.bounds(|p, n| score(p, n, z)));
            found.add(share.weight, share.share, bounds);
        } else {
            missed.add(share.weight, share.share, bounds);
        }
    }
    for (_, weight, part) in weighted.parts(|_| class).filter(|(stratum, ..)| stratum.automatic != class) {
        let stands_for = weight / number(part.checked);
        squares += stands_for * stands_for * number(part.hits);
    }
    let unknown = (0..weighted.automatic.len()).filter(|other| weighted.unassessed(*other));
    missed.add_unknown(unknown.map(|other| number(weighted.automatic[other])).sum());
    let images = number(weighted.automatic.iter().sum());
    let others = number(weighted.checked.iter().sum::<u64>() - manual);
    ClassQuality {
        tp: Some(found.value),
        fp: Some((number(automatic) - found.value).max(0.0)),
        missed: Some(missed.value),
        missed_seen: share(missed.value * missed.value, squares).unwrap_or(0.0),
        precision: (automatic > 0).then(|| right.estimate(0.0, number(automatic)).times(1.0 / number(automatic))),
        recall: ratio(1.0, found, missed, 0.0),
        f1: ratio(2.0, found, missed, number(automatic)),
        abundance: Some(found.plus(missed).estimate(number(manual), images - others)),
        ..counted
    }
}

fn accuracy(weighted: &Weighted<'_>, images: u64, unassessed: u64, z: f64) -> Option<Accuracy> {
    let assessed = number(images - unassessed);
    let (mut total, mut spread) = (Total::default(), 0.0);
    for (_, found) in weighted.pooled(|stratum| stratum.automatic) {
        total.add(found.weight / assessed, found.share, found.bounds(|p, n| score(p, n, z)));
    }
    for (_, weight, part) in weighted.parts(|stratum| stratum.automatic) {
        let weight = weight / assessed;
        // One image says nothing about the spread: the largest there can be.
        spread += weight * weight * variance(part.hits, part.checked, part.size).unwrap_or(0.25);
    }
    let within = (assessed > 0.0).then(|| total.estimate(0.0, 1.0))?;
    let known = assessed / number(images);
    let estimate = Estimate { value: within.value, lower: within.lower * known, upper: within.upper * known + (1.0 - known) };
    Some(Accuracy { estimate, error: spread.sqrt() })
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[cfg(test)]
mod tests {
    use super::super::interval::z_of;
    use super::*;

    /// Strata by automatic class, from rows of `counts` by manual class.
    fn strata(sizes: &[u64], counts: &[&[u64]]) -> Vec<Stratum> {
        let column = |at: usize| counts.iter().map(|row| row[at]).collect();
        sizes.iter().enumerate().map(|(at, size)| Stratum { automatic: at, size: *size, manual: column(at) }).collect()
    }

    fn case_a() -> Vec<Stratum> {
        strata(&[9000, 900, 100], &[&[95, 4, 10], &[4, 90, 5], &[1, 1, 35]])
    }

    fn close(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 1e-6, "{found:?} is not {expected}");
    }

    fn value(estimate: Option<Estimate>) -> Option<f64> {
        estimate.map(|estimate| estimate.value)
    }

    #[test]
    fn published_case_of_three_classes() {
        let quality = assess(3, &case_a(), z_of(0.95));
        close(quality.macro_f1(), (0.971_155 + 0.803_372 + 0.519_531) / 3.0);
        let expected = [(0.95, 0.993_274, 0.971_155), (0.947_368, 0.697_374, 0.803_372), (0.7, 0.413_043, 0.519_531)];
        for (class, (precision, recall, f1)) in quality.classes.iter().zip(expected) {
            close(value(class.precision), precision);
            close(class.raw_precision, precision);
            close(value(class.recall), recall);
            close(value(class.f1), f1);
        }
        close(quality.accuracy.map(|accuracy| accuracy.estimate.value), 0.947_263);
        close(quality.raw_accuracy, 0.897_959);
        assert_eq!(quality.assessed_share, Some(1.0));
        let images: f64 = quality.classes.iter().filter_map(|class| value(class.abundance)).sum();
        close(Some(images), 10_000.0);
    }

    #[test]
    fn published_standard_error_without_correction_for_the_population() {
        // A thousand million times the images: the correction vanishes, the shares stay.
        let many: Vec<Stratum> =
            case_a().into_iter().map(|stratum| Stratum { size: stratum.size * 1_000_000_000, ..stratum }).collect();
        let accuracy = assess(3, &many, z_of(0.95)).accuracy.unwrap();
        close(Some(accuracy.error), 0.019_833);
        assert!(assess(3, &case_a(), z_of(0.95)).accuracy.unwrap().error < accuracy.error);
    }

    #[test]
    fn a_census_has_no_width() {
        let sizes = [100, 95, 50];
        let quality = assess(3, &strata(&sizes, &[&[95, 4, 10], &[4, 90, 5], &[1, 1, 35]]), 1.96);
        for class in &quality.classes {
            for found in [class.precision, class.recall, class.f1, class.abundance].into_iter().flatten() {
                assert!(found.upper - found.lower < 1e-9, "{found:?}");
            }
            close(value(class.recall), class.raw_recall.unwrap());
        }
        assert!(quality.accuracy.unwrap().error < 1e-12);
    }

    #[test]
    fn a_class_without_a_checked_image_is_missing_and_widens_all_others() {
        let quality = assess(3, &strata(&[9000, 900, 100], &[&[95, 4, 0], &[4, 90, 0], &[1, 1, 0]]), 1.96);
        let stoat = &quality.classes[2];
        assert!(stoat.unassessed && stoat.manual == 2);
        assert_eq!((stoat.tp, stoat.precision, stoat.recall, stoat.f1, stoat.abundance), (None, None, None, None, None));
        assert_eq!(quality.corrected[0][2], None);
        close(quality.assessed_share, 0.99);
        let accuracy = quality.accuracy.unwrap().estimate;
        close(Some(accuracy.value), (0.95 * 9000.0 + 900.0 * 90.0 / 95.0) / 9900.0);
        // Even if all 100 images nobody looked at are wrong, or right.
        let assessed = assess(2, &strata(&[9000, 900], &[&[95, 4], &[5, 91]]), 1.96).accuracy.unwrap().estimate;
        assert!(accuracy.lower < assessed.lower && accuracy.upper >= 0.01);
        let vole = quality.classes[1].recall.unwrap();
        assert!(vole.lower < vole.value && vole.upper > vole.value);
    }

    #[test]
    fn a_stratum_without_a_checked_image_borrows_from_the_same_class() {
        let stratum = |size, right, wrong| Stratum { automatic: 0, size, manual: vec![right, wrong] };
        let quality = assess(2, &[stratum(100, 9, 1), stratum(50, 0, 0)], 1.96);
        assert_eq!((quality.classes[0].borrowed, quality.classes[0].unassessed), (50, false));
        close(quality.classes[0].tp, 135.0);
        close(quality.assessed_share, 1.0);
        // Groups count by their images, not by how many of them were checked.
        let quality = assess(2, &[stratum(100, 10, 0), stratum(300, 20, 20)], 1.96);
        close(quality.classes[0].tp, 250.0);
    }

    #[test]
    fn a_class_that_the_model_lacks_has_recall_0() {
        let quality = assess(2, &[Stratum { automatic: 0, size: 100, manual: vec![8, 2] }], 1.96);
        let mink = &quality.classes[1];
        assert_eq!((value(mink.recall), value(mink.f1), mink.precision), (Some(0.0), Some(0.0), None));
        close(value(mink.abundance), 20.0);
        assert!(mink.abundance.unwrap().lower >= 2.0 && !mink.unassessed);
    }

    #[test]
    fn nothing_checked_says_nothing() {
        let quality = assess(1, &[Stratum { automatic: 0, size: 5, manual: vec![0] }], 1.96);
        assert_eq!((quality.accuracy, quality.raw_accuracy, quality.assessed_share), (None, None, Some(0.0)));
        assert_eq!(assess(1, &[], 1.96).assessed_share, None);
        assert_eq!(proportion(&[Part { size: 5, ..Part::default() }], 1.96), None);
    }
}
