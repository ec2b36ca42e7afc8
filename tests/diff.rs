//! Two locks of one project: what changed is told, and nothing else.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use support::TestSpace;
use trapline::plan::decision::Reason;
use trapline::run::difference::{Difference, difference};
use trapline::run::lockfile::LockFile;
use trapline::run::{seal_season, seasons};
use trapline::store::{Access, Store};

fn lock(space: &TestSpace) -> LockFile {
    LockFile::read(space.dir.path()).unwrap()
}

/// Runs, changes something, runs, and compares the locks.
fn after(space: &TestSpace, change: impl FnOnce()) -> Difference {
    space.run();
    let before = lock(space);
    change();
    space.run();
    let store = Store::open(&space.options.store, Access::Read).unwrap();
    difference(&before, &lock(space), Some(&store))
}

fn steps(found: &Difference) -> Vec<&str> {
    found.steps.iter().map(|step| step.step.as_str()).collect()
}

#[test]
fn equal_locks_do_not_differ() {
    let space = TestSpace::with_labels();
    let found = after(&space, || ());
    assert!(found.is_empty());
    assert_eq!(found.same, ["drawn", "images", "labelled", "metadata", "table"]);
}

#[test]
fn another_class_is_one_changed_row_with_old_and_new_class() {
    let space = TestSpace::with_labels();
    let found = after(&space, || space.edit("labels/qc.csv", "a/2024/3.jpg,vole", "a/2024/3.jpg,stoat"));
    assert_eq!(steps(&found), ["labelled", "table"]);
    assert_eq!(found.labels[0].name, "labels/qc.csv");
    assert!(found.seasons.is_empty() && found.models.is_empty() && found.facts.is_empty());
    let labelled = &found.steps[0];
    assert!(!labelled.recipe_changed && labelled.metrics.is_empty());
    assert_eq!(labelled.inputs[0].name, "file labels/qc.csv");
    let table = labelled.outputs[0].table.as_ref().unwrap();
    assert_eq!((table.only_old, table.only_new, table.changed, table.same), (0, 0, 1, 2));
    assert_eq!((table.columns[0].column.as_str(), table.columns[0].rows), ("class", 1));
    assert!(table.changed_examples[0].ends_with("class vole -> stoat"), "{:?}", table.changed_examples);
}

#[test]
fn who_left_and_entered_a_sample_stands_in_its_table() {
    let space = TestSpace::with_labels();
    let found = after(&space, || {
        space.edit("draw.txt", "b/2023/2.jpg class\n", "a/2024/4.jpg class\n");
        space.write("labels/qc.csv", format!("{}a/2024/4.jpg,lemming\n", space.read("labels/qc.csv")));
    });
    assert_eq!(steps(&found), ["drawn", "labelled", "table"]);
    let table = found.steps[0].outputs[0].table.as_ref().unwrap();
    assert_eq!(
        (&table.old_examples[..], &table.new_examples[..]),
        (&["b 2023 b/2023/2.jpg".to_owned()][..], &["a 2024 a/2024/4.jpg".to_owned()][..])
    );
    let change = &found.steps[0].outputs[0].change;
    assert_eq!((change.old.as_ref().unwrap().rows, change.new.as_ref().unwrap().rows), (3, 3));
}

#[test]
fn a_changed_parameter_is_the_reason_of_a_changed_recipe() {
    let space = TestSpace::with_images();
    let names = "  names:
    uses: rename
    from: metadata
    with: { name: \"{{ site }}_{{ counter(4) }}.JPG\", manifest: names.csv }
";
    space.write("pipeline.yaml", format!("{}{names}", support::PIPELINE));
    let found = after(&space, || space.edit("pipeline.yaml", "counter(4)", "counter(5)"));
    // Names once given are kept: the recipe is another one, the names are not.
    assert_eq!(steps(&found), ["names"]);
    let is_name = |reason: &Reason| matches!(reason, Reason::Param { name, .. } if name == "name");
    let step = &found.steps[0];
    assert!(step.recipe_changed && step.reasons.iter().all(is_name) && step.reasons.len() == 1, "{:?}", step.reasons);
    assert_eq!((step.inputs.len(), step.outputs.len()), (0, 0));
}

#[test]
fn seasons_models_and_steps_that_come_and_go_are_told() {
    let space = TestSpace::with_labels();
    space.run();
    let before = lock(&space);
    seal_season(&space.pipeline(), &space.options, "2023").unwrap();
    space.image("raw/a/2025/5.jpg", 5);
    space.edit("pipeline.yaml", "  table:\n", "  published:\n");
    space.run();
    let found = difference(&before, &lock(&space), None);
    let seasons: Vec<_> = found.seasons.iter().map(|season| (season.name.as_str(), season.old.is_some())).collect();
    assert_eq!(seasons, [("2023", true), ("2025", false)]);
    let there: Vec<_> = found.steps.iter().map(|step| (step.step.as_str(), step.in_old, step.in_new)).collect();
    assert!(there.contains(&("table", true, false)) && there.contains(&("published", false, true)), "{there:?}");
    // Without a store identities are all there is.
    let images = found.steps.iter().find(|step| step.step == "images").unwrap();
    assert!(images.outputs[0].table.is_none());
    assert_eq!(
        (images.outputs[0].change.old.as_ref().unwrap().rows, images.outputs[0].change.new.as_ref().unwrap().rows),
        (4, 5)
    );
    seasons::reopen(space.dir.path(), "2023", "a test", "2026").unwrap();
}
