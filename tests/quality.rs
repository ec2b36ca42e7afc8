//! The quality steps together, through the whole engine: samples that stay put, labels that are used again, gates, the data set.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use support::TestSpace;
use trapline::run::event::Outcome;
use trapline::table::Table;

const PIPELINE: &str = "\
trapline: 1
name: quality
classes: [empty, vole, lemming, stoat]
steps:
  images:
    uses: import
    with: { what: images, format: csv, files: images.csv }
  predictions:
    uses: import
    with: { what: predictions, format: csv, files: predictions.csv }
  qc_random:
    uses: sample
    from: images
    with: { by: [season, locality], random_per_group: 100, seed: 7 }
  qc_strata:
    uses: sample
    from: { images: predictions, exclude: qc_random }
    with: { by: [season, locality], per_class: 20, per_confidence_bin: 20, seed: 7 }
";

const REVIEWED: &str = "  qc_labels:
    uses: review
    from: [qc_random, qc_strata]
    with: { labels: labels, blind: true }
  quality:
    uses: evaluate
    from: { predictions: predictions, labels: qc_labels }
    with: { by: [season, locality] }
    expect: { accuracy: \">= 0.5\", unmatched_labels: 0 }
  accepted:
    uses: threshold
    from: { predictions: predictions, quality: quality.checked }
    with: { accept_at: 0.9, always_review: [stoat] }
  final:
    uses: merge
    from: { images: images, predictions: predictions, labels: qc_labels }
    with: { form: long }
";

const CLASSES: [&str; 4] = ["empty", "vole", "lemming", "stoat"];

/// A number that depends on nothing but `at` and `salt`.
fn chance(at: usize, salt: &str) -> u32 {
    let hash = blake3::hash(format!("{salt} {at}").as_bytes());
    u32::from_le_bytes(hash.as_bytes()[..4].try_into().unwrap())
}

fn class_of(at: usize, salt: &str) -> &'static str {
    match chance(at, salt) % 100 {
        0..60 => CLASSES[0],
        60..85 => CLASSES[1],
        85..98 => CLASSES[2],
        _ => CLASSES[3],
    }
}

/// One image of the archive.
struct Image {
    at: usize,
    locality: &'static str,
    season: u16,
}

impl Image {
    fn name(&self) -> String {
        format!("{}_{}_{:06}.JPG", self.locality, self.season, self.at)
    }

    /// What the model says: the truth, but for one image in twenty.
    fn predicted(&self, model: &str) -> (&'static str, f64) {
        let wrong = chance(self.at, model).is_multiple_of(20);
        let class = if wrong { CLASSES[chance(self.at, "which") as usize % 4] } else { class_of(self.at, "truth") };
        (class, 1.0 - f64::from(chance(self.at, "confidence") % 700) / 1000.0)
    }
}

fn season(season: u16, first: usize, count: usize) -> Vec<Image> {
    (first..first + count).map(|at| Image { at, locality: ["ko", "vj"][at % 2], season }).collect()
}

fn write(space: &TestSpace, images: &[Image], model: &str) {
    let mut table = "locality,site,season,name\n".to_owned();
    let mut predictions = "locality,site,season,name,label,confidence\n".to_owned();
    for image in images {
        let place = format!("{},{}_{},{},{}", image.locality, image.locality, image.at % 7, image.season, image.name());
        let (label, confidence) = image.predicted(model);
        writeln!(table, "{place}").unwrap();
        writeln!(predictions, "{place},{label},{confidence}").unwrap();
    }
    space.write("images.csv", table);
    space.write("predictions.csv", predictions);
}

/// Answers what is missing with the truth, as one person's file.
fn answer(space: &TestSpace, images: &[Image], file: &str) -> usize {
    let truth: BTreeMap<String, &Image> = images.iter().map(|image| (image.name(), image)).collect();
    let missing = space.output("qc_labels", 1);
    let mut rows = "site,season,file,class,reviewer,shown\n".to_owned();
    for row in 0..missing.rows {
        let text = |name: &str| missing.column(name).unwrap().text(row).unwrap().to_owned();
        let class = class_of(truth[&text("name")].at, "truth");
        writeln!(rows, "{},{},{},{class},anna,blind", text("site"), text("season"), text("name")).unwrap();
    }
    space.write(&format!("labels/{file}"), rows);
    missing.rows
}

/// Names by season, with the type of the sample.
fn drawn(sample: &Table) -> BTreeMap<String, BTreeSet<(String, String)>> {
    let text = |row: usize, name: &str| sample.column(name).unwrap().text(row).unwrap().to_owned();
    let mut drawn = BTreeMap::<_, BTreeSet<_>>::new();
    for row in 0..sample.rows {
        drawn.entry(text(row, "season")).or_default().insert((text(row, "name"), text(row, "type")));
    }
    drawn
}

#[test]
fn a_sixth_season_leaves_the_samples_of_five_as_they_were() {
    let space = TestSpace::new();
    space.write("pipeline.yaml", PIPELINE);
    let mut images: Vec<Image> = (0..5).flat_map(|n| season(2020 + n, usize::from(n) * 20_000, 20_000)).collect();
    write(&space, &images, "first");
    space.run();
    let before = ["qc_random", "qc_strata"].map(|step| drawn(&space.table(step)));
    assert_eq!(before[0].values().map(BTreeSet::len).collect::<Vec<_>>(), [200; 5], "100 in each of two localities");
    images.extend(season(2025, 100_000, 20_000));
    write(&space, &images, "first");
    let ran = space.run();
    let after = ["qc_random", "qc_strata"].map(|step| drawn(&space.table(step)));
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(after.len(), 6);
        assert!(before.iter().all(|(season, drawn)| after[season] == *drawn));
    }
    assert_eq!(ran.changes("qc_random"), [("entered_sample".to_owned(), 200)], "nobody left");
}

#[test]
fn a_stratum_that_grows_names_who_leaves_and_who_enters() {
    let space = TestSpace::new();
    space.write("pipeline.yaml", PIPELINE);
    let mut images: Vec<Image> = (0..2).flat_map(|n| season(2020 + n, usize::from(n) * 2_000, 2_000)).collect();
    write(&space, &images, "first");
    space.run();
    let before = drawn(&space.table("qc_random"));
    // A card found late: a quarter more images of one season at one locality.
    images.extend((10_000..10_250).map(|at| Image { at, locality: "ko", season: 2021 }));
    write(&space, &images, "first");
    let ran = space.run();
    let after = drawn(&space.table("qc_random"));
    assert_eq!(before["2020"], after["2020"]);
    let left: Vec<_> = before["2021"].difference(&after["2021"]).collect();
    let entered: Vec<_> = after["2021"].difference(&before["2021"]).collect();
    assert!(left.len() == entered.len() && (8..35).contains(&left.len()), "{} of 100 left", left.len());
    assert!(left.iter().chain(&entered).all(|(name, _)| name.starts_with("ko_2021")));
    assert_eq!(
        ran.changes("qc_random"),
        [("left_sample".to_owned(), left.len() as u64), ("entered_sample".to_owned(), entered.len() as u64)]
    );
}

#[test]
fn a_new_model_keeps_the_random_sample_and_every_label() {
    let space = TestSpace::new();
    space.write("pipeline.yaml", format!("{PIPELINE}{REVIEWED}"));
    let images = season(2024, 0, 4_000);
    write(&space, &images, "first");
    assert_eq!(space.try_run().unwrap().outcome, Outcome::Waiting);
    let asked = answer(&space, &images, "anna.csv");
    space.run();
    let (random, strata) = (drawn(&space.table("qc_random")), drawn(&space.table("qc_strata")));
    assert_eq!(space.table("final").rows, images.len() * CLASSES.len());

    write(&space, &images, "second");
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Waiting);
    assert_eq!(drawn(&space.table("qc_random")), random);
    let redrawn = drawn(&space.table("qc_strata"));
    let new: BTreeSet<_> = redrawn["2024"].iter().map(|(name, _)| name).collect();
    let known: BTreeSet<_> = strata["2024"].iter().map(|(name, _)| name).collect();
    let missing = space.output("qc_labels", 1).rows;
    assert_eq!(missing, new.difference(&known).count(), "only images that nobody has seen are asked about");
    assert!(missing > 0 && missing < asked / 4, "{missing} of {asked}");
    // Labels that are not asked for any more are kept for the data set.
    let kept = space.output("qc_labels", 0);
    let types = kept.column("type").unwrap();
    let other = (0..kept.rows).filter(|row| types.text(*row) == Some("other")).count();
    assert_eq!((kept.rows, other), (asked, known.difference(&new).count()));
    answer(&space, &images, "bert.csv");
    space.run();
}
