//! From predictions to the sets that a model is trained with: chosen, looked at by people, parted, and never touched by a quality check.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use std::collections::BTreeSet;

use support::TestSpace;
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
