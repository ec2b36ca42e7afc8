//! How often do intervals of corrected metrics hold the truth? Measured on a census: 9 058 images of which a person labelled every one.
//!
//! Each trial draws what a quality check would draw (500 at random, 100 more per predicted class), estimates, and looks whether the
//! bounds enclose what the whole census says. `TRAPLINE_TRIALS=1000 cargo test --release --test coverage -- --nocapture` prints the
//! tables that the page of `evaluate` sums up; without it a few trials see to it that nothing is far off.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_precision_loss, clippy::print_stdout, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of a small census")]

mod support;

use std::collections::BTreeSet;

use trapline::stats::combine::{Estimate, Total, ratio};
use trapline::stats::interval::{wilson_finite, z_of};
use trapline::stats::metrics::{ClassQuality, FEW_MISSED, Quality, Stratum, assess};

const RANDOM: usize = 500;
const PER_CLASS: usize = 100;
/// Draws of the methods that draw.
const DRAWS: usize = 400;

/// Images by human and predicted class.
struct Census {
    classes: Vec<String>,
    images: Vec<(usize, usize)>,
}

impl Census {
    fn read() -> Option<Self> {
        let file = support::shared_data()?.join("tables/lynx_ain/human_vs_predicted.csv");
        let mut reader = csv::Reader::from_path(file).unwrap();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let names: BTreeSet<&str> = rows.iter().flat_map(|row| [&row[0], &row[1]]).collect();
        let place = |name: &str| names.iter().position(|class| *class == name).unwrap();
        let images = rows.iter().map(|row| (place(&row[0]), place(&row[1]))).collect();
        Some(Self { classes: names.iter().map(|name| (*name).to_owned()).collect(), images })
    }

    /// The strata with the images at `checked` checked.
    fn strata(&self, checked: &[usize]) -> Vec<Stratum> {
        let k = self.classes.len();
        let mut strata: Vec<_> = (0..k).map(|automatic| Stratum { automatic, size: 0, manual: vec![0; k] }).collect();
        self.images.iter().for_each(|(_, automatic)| strata[*automatic].size += 1);
        for at in checked {
            let (manual, automatic) = self.images[*at];
            strata[automatic].manual[manual] += 1;
        }
        strata
    }

    fn draw(&self, chance: &mut Chance) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.images.len()).collect();
        chance.shuffle(&mut order);
        let mut more = vec![0; self.classes.len()];
        let rest = order.split_off(RANDOM);
        order.extend(rest.into_iter().filter(|at| {
            let count = &mut more[self.images[*at].1];
            *count += 1;
            *count <= PER_CLASS
        }));
        order
    }
}

/// `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    fn shuffle(&mut self, items: &mut [usize]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Marsaglia and Tsang 2000.
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * self.unit().powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.unit().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

/// Recall and F1 of each class, by one method.
type Bounds = Vec<[Option<(f64, f64)>; 2]>;

/// The crate's own.
fn square_and_add(quality: &Quality) -> Bounds {
    let both = |estimate: Option<Estimate>| estimate.map(|found| (found.lower, found.upper));
    quality.classes.iter().map(|class| [both(class.recall), both(class.f1)]).collect()
}

/// The crate's own way with Wilson's bounds of the parts.
fn with_wilson(strata: &[Stratum], z: f64) -> Bounds {
    let bounds = |class: usize| {
        let (mut found, mut missed) = (Total::default(), Total::default());
        for stratum in strata.iter().filter(|stratum| stratum.size > 0 && stratum.checked() > 0) {
            let (hits, checked) = (stratum.manual[class], stratum.checked());
            let total = if stratum.automatic == class { &mut found } else { &mut missed };
            let share = hits as f64 / checked as f64;
            total.add(stratum.size as f64, share, wilson_finite(hits, checked, stratum.size, z).unwrap());
        }
        let known = strata[class].size as f64;
        [ratio(1.0, found, missed, 0.0), ratio(2.0, found, missed, known)].map(|e| e.map(|e| (e.lower, e.upper)))
    };
    (0..strata.len()).map(bounds).collect()
}

/// Linearised: recall and F1 as functions of independent sums, normal, with finite-population correction.
fn linearised(strata: &[Stratum], quality: &Quality, z: f64, logit: bool) -> Bounds {
    let bounds = |at: usize, class: &ClassQuality| {
        let (found, missed) = (class.tp?, class.missed?);
        let variance = |stratum: &Stratum| {
            let (n, size) = (stratum.checked() as f64, stratum.size as f64);
            let p = stratum.manual[at] as f64 / n;
            if n > 1.0 { size * size * p * (1.0 - p) / (n - 1.0) * (1.0 - n / size) } else { 0.0 }
        };
        let of_found = variance(&strata[at]);
        let of_missed: f64 = strata.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, s)| variance(s)).sum();
        let limits = |scale: f64, known: f64| {
            let whole = found + missed + known;
            (whole > 0.0).then(|| {
                let value = scale * found / whole;
                let (by_found, by_missed) = (scale * (missed + known) / whole / whole, scale * found / whole / whole);
                let error = (by_found * by_found * of_found + by_missed * by_missed * of_missed).sqrt();
                if logit && value > 0.0 && value < 1.0 {
                    let (middle, half) = ((value / (1.0 - value)).ln(), z * error / value / (1.0 - value));
                    let back = |x: f64| 1.0 / (1.0 + (-x).exp());
                    (back(middle - half), back(middle + half))
                } else {
                    (value - z * error, value + z * error)
                }
            })
        };
        Some([limits(1.0, 0.0), limits(2.0, class.automatic as f64)])
    };
    quality.classes.iter().enumerate().map(|(at, class)| bounds(at, class).unwrap_or([None, None])).collect()
}

/// Percentiles of `DRAWS` compositions of the strata, each a list of images by manual class.
fn drawn(strata: &[Stratum], chance: &mut Chance, compose: impl Fn(&Stratum, &mut Chance) -> Vec<f64>) -> Bounds {
    let k = strata.len();
    let mut recall = vec![Vec::with_capacity(DRAWS); k];
    let mut f1 = vec![Vec::with_capacity(DRAWS); k];
    for _ in 0..DRAWS {
        let (mut all, mut found) = (vec![0.0; k], vec![0.0; k]);
        for stratum in strata.iter().filter(|stratum| stratum.size > 0 && stratum.checked() > 0) {
            let composed = compose(stratum, chance);
            found[stratum.automatic] = composed[stratum.automatic];
            composed.iter().enumerate().for_each(|(manual, images)| all[manual] += images);
        }
        for class in 0..k {
            recall[class].push(if all[class] > 0.0 { found[class] / all[class] } else { 1.0 });
            let whole = all[class] + strata[class].size as f64;
            f1[class].push(if whole > 0.0 { 2.0 * found[class] / whole } else { 1.0 });
        }
    }
    let percentiles = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        Some((values[DRAWS * 25 / 1000], values[DRAWS * 975 / 1000 - 1]))
    };
    recall.iter_mut().zip(&mut f1).map(|(recall, f1)| [percentiles(recall), percentiles(f1)]).collect()
}

/// Draws from each stratum's Dirichlet posterior; what was checked stays as it is.
fn posterior(prior: f64) -> impl Fn(&Stratum, &mut Chance) -> Vec<f64> {
    move |stratum, chance| {
        let shares: Vec<f64> = stratum.manual.iter().map(|seen| chance.gamma(*seen as f64 + prior)).collect();
        let (sum, unseen): (f64, f64) = (shares.iter().sum(), (stratum.size - stratum.checked()) as f64);
        // The unseen images are as many draws as there are: their shares spread less the fewer are left.
        stratum.manual.iter().zip(&shares).map(|(seen, share)| *seen as f64 + unseen * share / sum).collect()
    }
}

/// Resamples each stratum from its counts and a prior of one image spread over all classes.
fn bootstrap(stratum: &Stratum, chance: &mut Chance) -> Vec<f64> {
    let (k, n) = (stratum.manual.len(), stratum.checked());
    let mut upto = 0.0;
    let cumulated: Vec<f64> = stratum
        .manual
        .iter()
        .map(|seen| {
            upto += *seen as f64 + 1.0 / k as f64;
            upto
        })
        .collect();
    let mut counts = vec![0.0; k];
    for _ in 0..n {
        let at = chance.unit() * upto;
        counts[cumulated.partition_point(|end| *end < at).min(k - 1)] += 1.0;
    }
    counts.iter().map(|count| count / n as f64 * stratum.size as f64).collect()
}

const METHODS: [&str; 7] = [
    "square-and-add, Jeffreys (chosen)",
    "square-and-add, Wilson",
    "linearised normal",
    "linearised logit",
    "Dirichlet 1/K",
    "Dirichlet 1/2",
    "bootstrap, prior 1/K",
];

#[derive(Default, Clone)]
struct Tally {
    trials: f64,
    covered: f64,
    width: f64,
}

impl Tally {
    fn add(&mut self, bounds: Option<(f64, f64)>, truth: f64) {
        let Some((lower, upper)) = bounds else { return };
        self.trials += 1.0;
        self.covered += f64::from(lower <= truth + 1e-9 && truth <= upper + 1e-9);
        self.width += upper.min(1.0) - lower.max(0.0);
    }

    fn coverage(&self) -> f64 {
        self.covered / self.trials
    }

    fn words(&self) -> String {
        format!("{:.1} ({:.3})", 100.0 * self.coverage(), self.width / self.trials)
    }
}

#[derive(Default, Clone)]
struct ClassTally {
    /// Recall and F1 of each method, then precision.
    recall: [Tally; METHODS.len()],
    f1: [Tally; METHODS.len()],
    precision: Tally,
    abundance: Tally,
    /// Sums of errors: recall, F1, raw recall, raw F1.
    errors: [f64; 4],
    estimated: f64,
    few: f64,
}

struct Study {
    truth: Quality,
    classes: Vec<ClassTally>,
    /// Of accuracy: stratified normal, square-and-add.
    accuracy: [Tally; 2],
    errors: Vec<f64>,
}

fn study(census: &Census, trials: u64) -> Study {
    let z = z_of(0.95);
    let k = census.classes.len();
    let all: Vec<usize> = (0..census.images.len()).collect();
    let truth = assess(k, &census.strata(&all), z);
    let true_accuracy = truth.accuracy.unwrap().estimate.value;
    let mut study = Study { truth, classes: vec![ClassTally::default(); k], accuracy: Default::default(), errors: Vec::new() };
    for trial in 0..trials {
        let mut chance = Chance(0x7EA9 + trial * 0x1_0000_0001);
        let strata = census.strata(&census.draw(&mut chance));
        let quality = assess(k, &strata, z);
        let accuracy = quality.accuracy.unwrap();
        study.errors.push(accuracy.estimate.value - true_accuracy);
        let half = z * accuracy.error;
        study.accuracy[0].add(Some((accuracy.estimate.value - half, accuracy.estimate.value + half)), true_accuracy);
        study.accuracy[1].add(Some((accuracy.estimate.lower, accuracy.estimate.upper)), true_accuracy);
        let methods = [
            square_and_add(&quality),
            with_wilson(&strata, z),
            linearised(&strata, &quality, z, false),
            linearised(&strata, &quality, z, true),
            drawn(&strata, &mut chance, posterior(1.0 / k as f64)),
            drawn(&strata, &mut chance, posterior(0.5)),
            drawn(&strata, &mut chance, bootstrap),
        ];
        for (at, found) in quality.classes.iter().enumerate() {
            let (truth, tally) = (&study.truth.classes[at], &mut study.classes[at]);
            if let (Some(precision), Some(true_precision)) = (found.precision, truth.precision) {
                tally.precision.add(Some((precision.lower, precision.upper)), true_precision.value);
            }
            if let (Some(abundance), Some(images)) = (found.abundance, truth.abundance) {
                tally.abundance.add(Some((abundance.lower / images.value, abundance.upper / images.value)), 1.0);
            }
            let (Some(recall), Some(f1)) = (truth.recall, truth.f1) else { continue };
            for (method, bounds) in methods.iter().enumerate() {
                // A method that says nothing where the class was not seen is not asked.
                if found.recall.is_some() {
                    tally.recall[method].add(bounds[at][0], recall.value);
                    tally.f1[method].add(bounds[at][1], f1.value);
                }
            }
            if let (Some(own_recall), Some(own_f1)) = (found.recall, found.f1) {
                tally.estimated += 1.0;
                tally.few += f64::from(found.missed_seen < FEW_MISSED);
                tally.errors[0] += own_recall.value - recall.value;
                tally.errors[1] += own_f1.value - f1.value;
                tally.errors[2] += found.raw_recall.unwrap_or(0.0) - recall.value;
                tally.errors[3] += found.raw_f1.unwrap_or(0.0) - f1.value;
            }
        }
    }
    study
}

impl Study {
    fn print(&self, census: &Census) {
        let images = |at: &usize| self.truth.classes[*at].manual;
        let mut order: Vec<usize> = (0..census.classes.len()).filter(|at| images(at) > 0).collect();
        order.sort_by_key(|at| std::cmp::Reverse(images(at)));
        println!("\n| class | images | recall | bias | raw bias | F1 | bias | raw bias | precision % | abundance % | warned % |");
        println!("|---|---|---|---|---|---|---|---|---|---|---|");
        for at in &order {
            let (truth, tally) = (&self.truth.classes[*at], &self.classes[*at]);
            let bias = |which: usize| tally.errors[which] / tally.estimated;
            println!(
                "| {} | {} | {:.3} | {:+.3} | {:+.3} | {:.3} | {:+.3} | {:+.3} | {} | {} | {:.0} |",
                census.classes[*at],
                truth.manual,
                truth.recall.map_or(f64::NAN, |found| found.value),
                bias(0),
                bias(2),
                truth.f1.map_or(f64::NAN, |found| found.value),
                bias(1),
                bias(3),
                tally.precision.words(),
                tally.abundance.words(),
                100.0 * tally.few / tally.estimated,
            );
        }
        for (name, pick) in [("recall", 0), ("F1", 1)] {
            println!("\n{name}: coverage % (mean width)\n| class | images | {} |", METHODS.join(" | "));
            println!("|---|---|{}", "---|".repeat(METHODS.len()));
            for at in &order {
                let tally = &self.classes[*at];
                let tallies = if pick == 0 { &tally.recall } else { &tally.f1 };
                let cells: Vec<String> = tallies.iter().map(Tally::words).collect();
                println!("| {} | {} | {} |", census.classes[*at], images(at), cells.join(" | "));
            }
        }
        let (mean, error) = self.accuracy_bias();
        let [normal, own] = &self.accuracy;
        println!(
            "\naccuracy: bias {mean:+.5} (standard error {error:.5}); stratified normal {}, square-and-add {}",
            normal.words(),
            own.words()
        );
    }

    /// Mean error of accuracy and its standard error.
    fn accuracy_bias(&self) -> (f64, f64) {
        let n = self.errors.len() as f64;
        let mean = self.errors.iter().sum::<f64>() / n;
        let spread = self.errors.iter().map(|error| (error - mean) * (error - mean)).sum::<f64>() / (n - 1.0);
        (mean, (spread / n).sqrt())
    }
}

#[test]
fn bounds_hold_the_truth_as_often_as_they_say() {
    let Some(census) = Census::read() else { return };
    let trials = std::env::var("TRAPLINE_TRIALS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let study = study(&census, trials);
    study.print(&census);
    let (bias, error) = study.accuracy_bias();
    assert!(bias.abs() < 3.0 * error, "accuracy is biased by {bias}, standard error {error}");
    // Few trials see to it that nothing is far off; a thousand, that the promise is kept.
    let chance = |share: f64| if trials < 1000 { 3.0 * (share * (1.0 - share) / trials as f64).sqrt() } else { 0.0 };
    for accuracy in &study.accuracy {
        let coverage = accuracy.coverage();
        assert!(coverage >= 0.93 - chance(0.95) && coverage <= 0.97 + chance(0.95), "accuracy is covered in {coverage}");
    }
    for (at, tally) in study.classes.iter().enumerate() {
        let (class, images) = (&census.classes[at], study.truth.classes[at].manual);
        if images >= 300 {
            for (what, tally) in [("precision", &tally.precision), ("recall", &tally.recall[0]), ("F1", &tally.f1[0])] {
                let coverage = tally.coverage();
                assert!(coverage >= 0.92 - chance(0.92), "{what} of {class} is covered in {coverage}");
            }
        } else if images <= 101 && tally.estimated > 0.0 {
            assert!(tally.few / tally.estimated > 0.9, "{class} has {images} images and is rarely warned of");
        }
    }
}
