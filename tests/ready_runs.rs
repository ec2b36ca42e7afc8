//! The ready pipelines run from end to end, on images and with the model of the demo.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use support::{Ran, TestSpace};
use trapline::run::event::Outcome;

/// A season, drawn once: drawing costs more than all else.
static SEASON: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    trapline::demo::write_season(folder.path(), 2024, 20_240_701).unwrap();
    folder
});

/// What the images of the season show, by path below `raw_images`.
static TRUTH: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let text = fs::read_to_string(SEASON.path().join("truth/2024.csv")).unwrap();
    let row = |line: &str| line.strip_prefix("raw_images/")?.split_once(',').map(|(path, class)| (path.into(), class.into()));
    text.lines().skip(1).filter_map(row).collect()
});

/// What makes the demo's model one that tells animals from nothing; images of bad quality count as `bad`.
fn filter(bad: &str) -> String {
    let animals = "bird: animal, vole: animal, least_weasel: animal, lemming: animal, shrew: animal, stoat: animal";
    format!("taxonomy: {{ bad_quality: {bad}, {animals} }}\n")
}

/// A project with the ready pipeline `name` and the season's images of one site per locality, or of all sites.
fn project(name: &str, all_sites: bool) -> TestSpace {
    let space = TestSpace::new();
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    space.write("pipeline.yaml", fs::read(own.join("pipelines").join(name)).unwrap());
    for file in ["taxonomy.csv", "deployments.csv"] {
        space.write(file, fs::read(SEASON.path().join(file)).unwrap());
    }
    space.write("trapline.local.yaml", "roots: { archive: disk }\n");
    space.write("disk/.trapline-root", "");
    for path in TRUTH.keys().filter(|path| all_sites || path.contains("_hu_1/")) {
        fs::create_dir_all(space.path(&format!("disk/{path}")).parent().unwrap()).unwrap();
        fs::hard_link(SEASON.path().join("raw_images").join(path), space.path(&format!("disk/{path}"))).unwrap();
    }
    space
}

/// Samples that leave images unchecked in a season as small as this one, and gates that so few labels can pass.
fn sample_less(space: &TestSpace) {
    let text = space.read("pipeline.yaml");
    let text = text.replace("random_per_group: 500", "random_per_group: 8").replace("per_class: 100", "per_class: 1");
    space.write("pipeline.yaml", text.replace("accuracy_lower: \">= 0.9\"", "accuracy_lower: \">= 0.3\""));
}

/// Adds the demo's model to the project under another name, with more lines in its description.
fn add_model(space: &TestSpace, name: &str, lines: &str) {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo/models/demo_mammals/1");
    let bundle = tempfile::tempdir().unwrap();
    for file in ["model.onnx", "model.safetensors"] {
        fs::copy(demo.join(file), bundle.path().join(file)).unwrap();
    }
    let notes = fs::read_to_string(demo.join("model.yaml")).unwrap();
    fs::write(bundle.path().join("model.yaml"), notes.replace("name: demo_mammals", &format!("name: {name}")) + lines).unwrap();
    trapline::model::add(space.dir.path(), bundle.path()).unwrap();
}

/// Answers all that the review `step` asks, by what the images show, in the words of `class`.
fn answer(space: &TestSpace, step: &str, folder: &str, shown: &str, class: impl Fn(&str) -> String) -> usize {
    let missing = space.output(step, 1);
    let text = |row: usize, name: &str| missing.cell(row, name).to_string();
    let mut rows = "observation,site,season,class,reviewer,shown\n".to_owned();
    for row in 0..missing.rows {
        let truth = class(TRUTH.get(&text(row, "path")).map_or("bad_quality", String::as_str));
        let place = format!("{},{},{}", text(row, "content"), text(row, "site"), text(row, "season"));
        writeln!(rows, "{place},{truth},anna,{shown}").unwrap();
    }
    space.write(&format!("{folder}/anna.csv"), rows);
    missing.rows
}

fn waits(space: &TestSpace) -> Ran {
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Waiting, "{:#?}", ran.errors());
    ran
}

/// Rows that `step` computed for images.
fn computed(ran: &Ran, step: &str) -> u64 {
    ran.ran().into_iter().find(|(name, _)| name == step).unwrap_or_else(|| panic!("{step} did not run")).1
}

#[test]
fn the_second_stage_computes_no_image_that_the_first_calls_empty_for_certain() {
    let space = project("two_stage.yaml", false);
    space.write("taxonomy.csv", space.read("taxonomy.csv") + "animal,animal,,,Animal,\n");
    // What cannot be judged is for the second model to say.
    add_model(&space, "blank_filter", &filter("animal"));
    add_model(&space, "species", "");
    sample_less(&space);
    let ran = waits(&space);
    let (images, blanks, rest) = (space.table("names").rows, space.table("blanks").rows, space.output("blanks", 1).rows);
    assert!(images > 50 && blanks > 20 && rest > 20 && blanks + rest == images, "{blanks} blanks, {rest} others");
    assert_eq!((computed(&ran, "something"), computed(&ran, "species")), (images as u64, rest as u64));
    // Every image once: blanks with the answer of the first model, the others with that of the second.
    let predictions = space.table("predictions");
    assert_eq!(predictions.rows, images);
    let (mut by_first, mut by_second) = (0, 0);
    for row in 0..images {
        match (predictions.cell(row, "model").to_string().as_str(), predictions.cell(row, "label").to_string().as_str()) {
            ("blank_filter@1", "empty") => by_first += 1,
            ("species@1", label) if label != "animal" => by_second += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((by_first, by_second), (blanks, rest));

    assert!(answer(&space, "qc_labels", "labels/quality_check", "blind", str::to_owned) > 20);
    waits(&space);
    assert!(answer(&space, "corrected", "labels/corrected", "model", str::to_owned) < images);
    space.run();
    let published = space.read("published/observations.csv");
    assert_eq!(published.lines().count(), images + 1);
    let right = |row: &String| row.split_once(' ').is_some_and(|(path, class)| TRUTH[path] == class);
    let rows = space.rows("final", &["path", "final"]);
    assert!(rows.iter().filter(|row| right(row)).count() * 100 >= rows.len() * 97, "{rows:#?}");
    // Another first threshold sends other images to the second model, and only those that it has not seen.
    space.edit("pipeline.yaml", "empty_at: 0.95", "empty_at: 0.99");
    let again = space.try_run().unwrap();
    assert_eq!(computed(&again, "species") as usize, space.output("blanks", 1).rows - rest);
}
