//! From predictions to the sets that a model is trained with: chosen, looked at by people, parted, and never touched by a quality check.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::TestSpace;
use trapline::run::event::Outcome;
use trapline::table::Table;

/// The values of a column.
fn values(table: &Table, column: &str) -> BTreeSet<String> {
    (0..table.rows).map(|row| table.cell(row, column).to_string()).collect()
}

const JURA: &str = "trapline: 1
name: test
classes: [blaireaux, chamois, chasseur, chat, chevreuil, chien, humain, lievre, lynx, renard, sangliers, vehicule]
roots: { archive: {} }
steps:
  images:
    uses: images
    with: { root: archive, path: \"{fold}/{class}/*.jpg\" }
  metadata: { uses: metadata, from: images }
  theirs:
    uses: split
    from: { images: metadata }
    with: { column: fold, values: { valid: validation }, gap_s: 300, group_pattern: '([^/]+?) \\(' }
  ours:
    uses: split
    from: { images: metadata }
    with: { validation: 0.2, test: 0.1, stratify: true, gap_s: 300, group_pattern: '([^/]+?) \\(' }
";

#[test]
fn a_split_by_images_tears_bursts_apart_and_one_by_events_does_not() {
    let Some(data) = support::shared_data() else { return };
    let space = TestSpace::new();
    space.write("pipeline.yaml", JURA);
    let root = serde_json::to_string(&data.join("train/lynx_jura_640")).unwrap();
    space.write("trapline.local.yaml", format!("roots: {{ archive: {root} }}\n"));
    let ran = space.run();
    // Five minutes: the authors' sides part no burst of a minute, but three visits of one animal.
    let torn = |step: &str| ran.findings(step).into_iter().find(|(kind, _)| kind == "divided_groups").map(|(_, count)| count);
    assert_eq!((torn("theirs"), torn("ours")), (Some(3), None));
    let table = space.table("ours");
    assert_eq!(values(&table, "split").len(), 3);
    assert_eq!(values(&table, "class").len(), 12);
    assert_eq!(values(&table, "group").len(), 396);
    // Each class of three events or more is on each side.
    let strata = space.output("ours", 2);
    let groups = |row: usize| strata.column("groups").unwrap().int(row).unwrap();
    for class in (0..strata.rows).step_by(3) {
        let all: Vec<i64> = (class..class + 3).map(groups).collect();
        assert!(all.iter().sum::<i64>() < 3 || all.iter().all(|n| *n > 0), "{} {all:?}", strata.cell(class, "class"));
    }
}

const RETRAINING: &str = "  qc:
    uses: sample
    from: names
    with: { by: [season], random_per_group: 6, seed: 3 }
  chosen:
    uses: select
    stage: retrain
    from: { predictions: predictions, exclude: qc }
    with: { by: [season, site], per_group: 100, max_per_event: 2, seed: 3 }
  training:
    uses: review
    stage: retrain
    from: { images: chosen }
    with: { labels: labels/training/ }
  sets:
    uses: split
    stage: retrain
    from: { images: names, labels: training, exclude: qc }
    with: { validation: 0.25, test: 0.25, seed: 3 }
    expect: { train: \">= 1\", divided_groups: 0 }
";

/// Two sites; images 1 and 31, 2 and 32 ... of a site are one burst: taken in the same second.
fn retraining() -> TestSpace {
    let mut space = TestSpace::with_model();
    let pipeline = space.read("pipeline.yaml");
    space.write("pipeline.yaml", format!("{pipeline}{RETRAINING}"));
    space.options.stage = Some("retrain".into());
    season(&space, 2024, 1..=20);
    space
}

fn season(space: &TestSpace, year: u32, seeds: std::ops::RangeInclusive<u8>) {
    for seed in seeds {
        for later in [0, 30] {
            let number = seed + later;
            let site = if seed % 2 == 0 { "a" } else { "b" };
            space.image(&format!("raw/{site}/{year}/{number}.jpg"), number + if year == 2024 { 0 } else { 60 });
        }
    }
}

/// Site, season and raw time: what makes an event here.
fn events(table: &Table) -> BTreeSet<String> {
    let words = |row| ["site", "season", "datetime_raw"].map(|name| table.cell(row, name).to_string()).join(" ");
    (0..table.rows).map(words).collect()
}

/// Answers all images that a selection asks about: those of site a are voles.
fn answer(space: &TestSpace) {
    let chosen = space.table("chosen");
    let mut rows = "observation,class\n".to_owned();
    for row in 0..chosen.rows {
        let class = if chosen.cell(row, "site").to_string() == "a" { "vole" } else { "empty" };
        rows.push_str(&format!("{},{class}\n", chosen.cell(row, "content")));
    }
    space.write("labels/training/anna.csv", rows);
}

fn sides(space: &TestSpace) -> BTreeMap<String, String> {
    let table = space.table("sets");
    (0..table.rows).map(|row| (table.cell(row, "content").to_string(), table.cell(row, "split").to_string())).collect()
}

#[test]
fn what_a_quality_check_touches_is_never_trained_with_and_a_new_season_moves_nothing() {
    let space = retraining();
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Waiting, "{:?}", ran.errors());
    answer(&space);
    space.run();
    let (chosen, qc) = (space.table("chosen"), space.table("qc"));
    assert_eq!(qc.rows, 6);
    assert!(chosen.rows > 20 && events(&chosen).is_disjoint(&events(&qc)));
    assert_eq!(values(&chosen, "type"), BTreeSet::from(["training".to_owned()]));
    let sets = space.table("sets");
    assert_eq!((sets.rows, values(&sets, "class").len(), values(&sets, "split").len()), (chosen.rows, 2, 3));
    assert!(events(&sets).is_disjoint(&events(&qc)));
    // Both images of a burst are on one side.
    assert_eq!(values(&sets, "group").len(), events(&sets).len());
    assert!(sets.rows > events(&sets).len());
    let before = sides(&space);
    assert!(space.run().ran().is_empty());
    // The labels of an older selection, and the season that comes.
    season(&space, 2025, 1..=10);
    assert_eq!(space.try_run().unwrap().outcome, Outcome::Waiting);
    answer(&space);
    let ran = space.run();
    assert_eq!(ran.changes("sets"), []);
    let after = sides(&space);
    assert!(after.len() > before.len() && before.iter().all(|(image, side)| after.get(image) == Some(side)));
    assert!(events(&space.table("sets")).is_disjoint(&events(&space.table("qc"))));
}

#[test]
fn an_image_that_a_new_quality_check_draws_leaves_the_training_set() {
    let space = retraining();
    space.try_run().unwrap();
    answer(&space);
    space.run();
    let before = sides(&space);
    // Labels stay where they are, also of images that are not asked about any more.
    space.edit("pipeline.yaml", "random_per_group: 6, seed: 3", "random_per_group: 12, seed: 3");
    let ran = space.run();
    assert!(ran.changes("chosen").iter().any(|(kind, _)| kind == "left_selection"), "{:?}", ran.changes("chosen"));
    let sets = space.table("sets");
    assert!(sets.rows < before.len() && events(&sets).is_disjoint(&events(&space.table("qc"))));
    assert!(ran.findings("sets").iter().any(|(kind, _)| kind == "excluded"), "{:?}", ran.findings("sets"));
    assert!(sides(&space).iter().all(|(image, side)| before.get(image) == Some(side)));
}
