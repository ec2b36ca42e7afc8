//! How far people who looked at the same images agree, and how much of that is more than chance.
//!
//! *Percent agreement* is the share of pairs of answers that are the same, as a mean over images. *Kappa* sets it against the agreement of
//! people who answer by the frequency of the classes alone: `(P - Pe) / (1 - Pe)`. Two people who answered the same images have Cohen's;
//! more people, or pairs that change from image to image, have Fleiss', for any number of answers per image as Gwet writes it.
//!
//! *Bounds.* Near perfect agreement the usual `kappa +- 1.96 standard errors` holds the truth far too seldom: in 53 % of samples of 20 images
//! and 85 % of samples of 50, where one class makes 85 % of the images and one answer in twelve is a slip. Here the standard error gives
//! the size of the sample that would be as sure of `P`, and Wilson's bounds of `P` for that size become those of kappa: 90 % and 95 % there.
//! A sample without a disagreement has a width too.
//!
//! *Source*: Cohen 1960, Educational and Psychological Measurement 20, 37-46. Fleiss, Cohen and Everitt 1969, Psychological Bulletin 72,
//! 323-327 (standard error). Fleiss 1971, Psychological Bulletin 76, 378-382. Gwet 2008, British Journal of Mathematical and
//! Statistical Psychology 61, 29-48 (standard error, missing answers).

use super::combine::Estimate;
use super::interval::{number, score};

/// What one person says of an image: who and which class, by number.
pub type Answer = (u32, u32);

/// Whose kappa it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KappaKind {
    /// Two people who answered the same images.
    Cohen,
    /// More people, or changing pairs.
    Fleiss,
}

impl KappaKind {
    /// `Cohen's` or `Fleiss'`.
    #[must_use]
    pub const fn owner(self) -> &'static str {
        match self {
            Self::Cohen => "Cohen's",
            Self::Fleiss => "Fleiss'",
        }
    }

    /// `cohen` or `fleiss`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cohen => "cohen",
            Self::Fleiss => "fleiss",
        }
    }
}

/// Agreement beyond chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kappa {
    /// Whose it is.
    pub kind: KappaKind,
    /// Its value and bounds.
    pub estimate: Estimate,
    /// Its large-sample standard error; `None` where one image says nothing about the spread.
    pub standard_error: Option<f64>,
}

/// How far people agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Images with two answers or more.
    pub images: u64,
    /// The share of pairs of answers that are the same, 0-1.
    pub percent: Estimate,
    /// `None` where chance alone would agree always: all answers name one class.
    pub kappa: Option<Kappa>,
}

/// Compares the answers about each image, at most one of each person; images with fewer than two say nothing. `None` where there
/// are no others.
#[must_use]
pub fn agreement(images: &[Vec<Answer>], z: f64) -> Option<Agreement> {
    let images: Vec<&[Answer]> = images.iter().map(Vec::as_slice).filter(|answers| answers.len() > 1).collect();
    if images.is_empty() {
        return None;
    }
    let tally = Tally::of(&images);
    let bounds = score(tally.agreed, tally.images, z);
    let percent = Estimate { value: tally.agreed, lower: bounds.lower, upper: bounds.upper };
    let kappa = match pair(&images) {
        Some(pair) => cohen(&images, pair, &tally, z),
        None => fleiss(&tally, z),
    };
    Some(Agreement { images: images.len() as u64, percent, kappa })
}

/// The two people who answered all images, if there are no others.
fn pair(images: &[&[Answer]]) -> Option<(u32, u32)> {
    let [one, other] = images.first()? else { return None };
    let pair = (one.0.min(other.0), one.0.max(other.0));
    let is_theirs = |answers: &&[Answer]| match answers {
        [one, other] => (one.0.min(other.0), one.0.max(other.0)) == pair,
        _ => false,
    };
    images.iter().all(is_theirs).then_some(pair)
}

/// The classes of each image, counted.
struct Tally {
    /// Images, as a number.
    images: f64,
    /// By image: classes with how many answers name them, and the number of answers.
    counts: Vec<(Vec<(usize, f64)>, f64)>,
    /// By image: share of pairs that agree.
    agreeing: Vec<f64>,
    /// Its mean.
    agreed: f64,
    /// By class: mean share of answers that name it.
    shares: Vec<f64>,
}

impl Tally {
    fn of(images: &[&[Answer]]) -> Self {
        let total = number(images.len() as u64);
        let classes = classes(images);
        let (mut counts, mut agreeing) = (Vec::with_capacity(images.len()), Vec::with_capacity(images.len()));
        let mut shares = vec![0.0; classes.len()];
        for answers in images {
            let mut places: Vec<usize> =
                answers.iter().map(|(_, class)| classes.partition_point(|other| other < class)).collect();
            places.sort_unstable();
            let of_image: Vec<(usize, f64)> =
                places.chunk_by(|a, b| a == b).map(|same| (same[0], number(same.len() as u64))).collect();
            let n = number(answers.len() as u64);
            agreeing.push(of_image.iter().map(|(_, count)| count * (count - 1.0)).sum::<f64>() / (n * (n - 1.0)));
            for (class, count) in &of_image {
                shares[*class] += count / n;
            }
            counts.push((of_image, n));
        }
        for share in &mut shares {
            *share /= total;
        }
        let agreed = agreeing.iter().sum::<f64>() / total;
        Self { images: total, counts, agreeing, agreed, shares }
    }
}

/// All classes that are named, sorted.
fn classes(images: &[&[Answer]]) -> Vec<u32> {
    let mut classes: Vec<u32> = images.iter().flat_map(|answers| answers.iter().map(|(_, class)| *class)).collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// Cohen's kappa of the two people in `pair`, with the standard error of Fleiss, Cohen and Everitt.
fn cohen(images: &[&[Answer]], pair: (u32, u32), tally: &Tally, z: f64) -> Option<Kappa> {
    let classes = classes(images);
    let place = |wanted: u32, answers: &[Answer]| {
        let class = answers.iter().find(|(who, _)| *who == wanted).map_or(0, |(_, class)| *class);
        classes.partition_point(|other| *other < class)
    };
    let cells: Vec<(usize, usize)> = images.iter().map(|answers| (place(pair.0, answers), place(pair.1, answers))).collect();
    let (mut rows, mut columns) = (vec![0.0; classes.len()], vec![0.0; classes.len()]);
    for (row, column) in &cells {
        rows[*row] += 1.0 / tally.images;
        columns[*column] += 1.0 / tally.images;
    }
    let expected: f64 = rows.iter().zip(&columns).map(|(row, column)| row * column).sum();
    let (beyond, missed) = (1.0 - expected, 1.0 - tally.agreed);
    // Each image adds what its cell of the table adds: the table itself may be far larger than the sample.
    let sum: f64 = cells
        .iter()
        .map(|(row, column)| {
            if row == column {
                let term = beyond - (columns[*row] + rows[*row]) * missed;
                term * term
            } else {
                let term = (columns[*row] + rows[*column]) * missed;
                term * term
            }
        })
        .sum();
    let mean = tally.agreed * expected - 2.0 * expected + tally.agreed;
    let variance = (sum / tally.images - mean * mean).max(0.0) / (tally.images * beyond.powi(4));
    kappa(KappaKind::Cohen, tally, expected, Some(variance), z)
}

/// Fleiss' kappa, with Gwet's standard error: how much each image moves the whole.
fn fleiss(tally: &Tally, z: f64) -> Option<Kappa> {
    let expected: f64 = tally.shares.iter().map(|share| share * share).sum();
    let beyond = 1.0 - expected;
    let value = (tally.agreed - expected) / beyond;
    let moved = tally.agreeing.iter().zip(&tally.counts).map(|(agreeing, (counts, n))| {
        let by_chance: f64 = counts.iter().map(|(class, count)| tally.shares[*class] * count / n).sum();
        (agreeing - expected) / beyond - 2.0 * (1.0 - value) * (by_chance - expected) / beyond - value
    });
    let sum: f64 = moved.map(|distance| distance * distance).sum();
    let variance = (tally.images > 1.0).then(|| sum / (tally.images * (tally.images - 1.0)));
    kappa(KappaKind::Fleiss, tally, expected, variance, z)
}

/// The kappa of an agreement where chance gives `expected`.
fn kappa(kind: KappaKind, tally: &Tally, expected: f64, variance: Option<f64>, z: f64) -> Option<Kappa> {
    let beyond = 1.0 - expected;
    if beyond < 1e-9 {
        return None;
    }
    let spread = tally.agreed * (1.0 - tally.agreed);
    // Images that would be as sure of the agreement; where all are alike, rounding is all that is left of the error.
    let size = variance.map(|variance| spread / (variance * beyond * beyond)).filter(|_| spread > 1e-9);
    let size = size.filter(|size| size.is_finite() && *size < 1e9).unwrap_or(tally.images);
    let bounds = score(tally.agreed, size, z);
    let beyond_chance = |share: f64| ((share - expected) / beyond).clamp(-1.0, 1.0);
    let estimate =
        Estimate { value: beyond_chance(tally.agreed), lower: beyond_chance(bounds.lower), upper: beyond_chance(bounds.upper) };
    Some(Kappa { kind, estimate, standard_error: variance.map(f64::sqrt) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const Z: f64 = 1.959_963_984_540_054;

    /// The images of a table: rows are the classes of the first person, columns those of the second.
    fn table(counts: &[&[usize]]) -> Vec<Vec<Answer>> {
        let cells =
            (0_u32..).zip(counts).flat_map(|(row, counts)| (0_u32..).zip(*counts).map(move |(column, n)| (row, column, *n)));
        cells.flat_map(|(row, column, n)| vec![vec![(0, row), (1, column)]; n]).collect()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-8, "{found} is not {expected}");
    }

    fn bounds(found: &Estimate) -> [f64; 2] {
        [found.lower, found.upper]
    }

    /// Fleiss, Cohen and Everitt print kappa .429 and variance .002885 for their example of 200 diagnoses.
    #[test]
    fn the_published_standard_error() {
        let kappa = agreement(&table(&[&[106, 10, 4], &[22, 28, 10], &[2, 12, 6]]), Z).unwrap().kappa.unwrap();
        assert_eq!(kappa.kind, KappaKind::Cohen);
        let variance = kappa.standard_error.unwrap().powi(2);
        assert_eq!((format!("{:.3}", kappa.estimate.value), format!("{variance:.6}")), ("0.429".into(), "0.002885".into()));
    }

    /// Computed once by an implementation of the same formulas in another language; the first is the example of Cohen 1960 (.492).
    #[test]
    fn figures_of_two_people_computed_elsewhere() {
        for (counts, value, error, lower, upper) in COMPUTED {
            let found = agreement(&table(counts), Z).unwrap().kappa.unwrap();
            close(found.estimate.value, value);
            close(found.standard_error.unwrap(), error);
            close(found.estimate.lower, lower);
            close(found.estimate.upper, upper);
        }
    }

    type Computed<'a> = (&'a [&'a [usize]], f64, f64, f64, f64);

    const COMPUTED: [Computed<'_>; 2] = [
        (&[&[88, 14, 18], &[10, 40, 10], &[2, 6, 12]], 0.491_525_423_7, 0.051_001_815_6, 0.386_704_424, 0.585_299_899),
        (&[&[20, 5], &[10, 15]], 0.4, 0.126_996_062_9, 0.130_750_874, 0.614_297_343),
    ];

    /// Ten subjects, fourteen raters, five categories: kappa is printed as .210.
    #[test]
    fn fleiss_of_many_people() {
        let counts = [
            [0, 0, 0, 0, 14],
            [0, 2, 6, 4, 2],
            [0, 0, 3, 5, 6],
            [0, 3, 9, 2, 0],
            [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0],
            [3, 2, 6, 3, 0],
            [2, 5, 3, 2, 2],
            [6, 5, 2, 1, 0],
            [0, 2, 2, 3, 7],
        ];
        let image = |counts: &[usize; 5]| -> Vec<Answer> {
            let classes = (0_u32..).zip(counts).flat_map(|(class, n)| std::iter::repeat_n(class, *n));
            (0_u32..).zip(classes).collect()
        };
        let found = agreement(&counts.iter().map(image).collect::<Vec<_>>(), Z).unwrap();
        let kappa = found.kappa.unwrap();
        assert_eq!((kappa.kind, found.images), (KappaKind::Fleiss, 10));
        close(found.percent.value, 0.378_021_978);
        close(kappa.estimate.value, 0.209_930_704_4);
        close(kappa.standard_error.unwrap(), 0.092_371_111_6);
        close(kappa.estimate.lower, 0.048_120_041_1);
        close(kappa.estimate.upper, 0.396_385_272);
    }

    #[test]
    fn pairs_that_change_and_images_with_more_answers_are_compared_too() {
        let counts: [&[u32]; 8] = [&[0, 0], &[0, 0, 1], &[1, 1], &[1, 2], &[2, 2, 2], &[0, 1], &[0, 0, 0], &[1, 1]];
        let mut images: Vec<Vec<Answer>> =
            (0_u32..).zip(counts).map(|(at, classes)| (at..).zip(classes.iter().copied()).collect()).collect();
        // Images with one answer or none say nothing.
        images.extend([vec![(0, 2)], Vec::new()]);
        let found = agreement(&images, Z).unwrap();
        let kappa = found.kappa.unwrap();
        assert_eq!((kappa.kind, found.images), (KappaKind::Fleiss, 8));
        close(found.percent.value, 2.0 / 3.0);
        close(kappa.estimate.value, 0.474_692_202_5);
        close(kappa.standard_error.unwrap(), 0.267_294_505_9);
        // Two people who each time answer with a third are no pair.
        let third = [vec![(0, 0), (1, 0)], vec![(0, 1), (2, 1)]];
        assert_eq!(agreement(&third, Z).unwrap().kappa.unwrap().kind, KappaKind::Fleiss);
    }

    #[test]
    fn perfect_agreement_is_1_with_a_width_and_one_class_alone_has_no_kappa() {
        let found = agreement(&table(&[&[10, 0], &[0, 5]]), Z).unwrap();
        let kappa = found.kappa.unwrap();
        assert_eq!((found.percent.value, kappa.estimate.value, kappa.estimate.upper), (1.0, 1.0, 1.0));
        // Wilson's bound of 15 of 15, beyond a chance of (10/15)^2 + (5/15)^2.
        let lower = 15.0 / (15.0 + Z * Z);
        close(found.percent.lower, lower);
        close(kappa.estimate.lower, (lower - 5.0 / 9.0) / (4.0 / 9.0));
        let same = agreement(&table(&[&[12]]), Z).unwrap();
        assert_eq!((same.percent.value, same.kappa), (1.0, None));
        assert_eq!(agreement(&[vec![(0, 1)], Vec::new()], Z), None);
        // One image, two answers that differ: next to nothing is known.
        let one = agreement(&[vec![(0, 1), (1, 2)]], Z).unwrap();
        assert!(one.percent.upper > 0.75 && one.kappa.unwrap().estimate.upper > 0.5, "{one:?}");
    }

    proptest! {
        #[test]
        fn neither_names_of_classes_nor_the_order_of_people_and_images_matter(
            answers in proptest::collection::vec(proptest::collection::vec(0_u32..4, 2..4), 2..40),
            names in Just([7_u32, 2, 9, 0]).prop_shuffle(),
        ) {
            let plain: Vec<Vec<Answer>> = answers.iter().map(|classes| (0..).zip(classes.iter().copied()).collect()).collect();
            let other = |answers: &Vec<Answer>| -> Vec<Answer> {
                answers.iter().rev().map(|(who, class)| (9 - who, names[*class as usize])).collect()
            };
            let renamed: Vec<Vec<Answer>> = plain.iter().rev().map(other).collect();
            let (one, two) = (agreement(&plain, Z).unwrap(), agreement(&renamed, Z).unwrap());
            prop_assert!((one.percent.value - two.percent.value).abs() < 1e-9);
            prop_assert_eq!(one.kappa.is_some(), two.kappa.is_some());
            prop_assert!(0.0 <= one.percent.lower && one.percent.lower <= one.percent.value);
            if let (Some(one), Some(two)) = (one.kappa, two.kappa) {
                prop_assert_eq!(one.kind, two.kind);
                prop_assert!((one.estimate.value - two.estimate.value).abs() < 1e-9);
                let (own, other) = (bounds(&one.estimate), bounds(&two.estimate));
                prop_assert!((own[0] - other[0]).abs() < 1e-6 && (own[1] - other[1]).abs() < 1e-6, "{own:?} {other:?}");
                prop_assert!(own[0] <= one.estimate.value + 1e-12 && one.estimate.value <= own[1] + 1e-12);
            }
        }
    }
}
