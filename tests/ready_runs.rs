//! The ready pipelines run from end to end, on images and with the model of the demo.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
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
    assert_eq!(computed(&again, "species"), (space.output("blanks", 1).rows - rest) as u64);
}

/// What a blank filter calls an image: an animal, or nothing.
fn animal_or_empty(class: &str) -> String {
    if ["empty", "bad_quality"].contains(&class) { "empty".into() } else { "animal".into() }
}

/// The number in `column` of the row of `class` in an output of `evaluate`.
fn figure(space: &TestSpace, step: &str, class: &str, column: &str) -> f64 {
    let table = space.table(step);
    let row = (0..table.rows).find(|row| table.cell(*row, "class").to_string() == class).unwrap();
    table.cell(row, column).to_string().parse().unwrap_or_else(|_| panic!("{step}: no {column} of {class}"))
}

#[test]
fn a_blank_filter_shows_people_what_may_be_an_animal_and_keeps_the_rest() {
    let mut space = project("blank_filter.yaml", false);
    add_model(&space, "blank_filter", &filter("empty"));
    sample_less(&space);
    space.edit("pipeline.yaml", "per_class: 200", "per_class: 6");
    waits(&space);
    let images = space.table("names").rows;
    let (blanks, seen) = (space.column("blanks", "path"), space.output("blanks", 1));
    assert!(blanks.len() > 30 && seen.rows > 15 && blanks.len() + seen.rows == images);
    let p = |table: &trapline::table::Table, row: usize| table.column("p_animal").unwrap().float32(row);
    let accepted = space.table("blanks");
    assert!((0..accepted.rows).all(|row| p(&accepted, row).unwrap() <= 0.25));
    assert!((0..seen.rows).all(|row| p(&seen, row).is_none_or(|p| p > 0.25)), "what cannot be read is looked at");
    let listed = space.read("published/to_look_at.csv");
    assert_eq!(listed.lines().count(), seen.rows + 1);

    answer(&space, "qc_labels", "labels/quality_check", "blind", animal_or_empty);
    waits(&space);
    // Nobody is asked about a blank, nor about what the quality check has answered.
    let (asked, sampled) = (space.output("looked_at", 1), space.table("qc_labels").rows);
    assert!(asked.rows > 5 && asked.rows <= seen.rows && sampled < images);
    let left_out: BTreeSet<&str> = blanks.iter().map(String::as_str).collect();
    assert!((0..asked.rows).all(|row| !left_out.contains(asked.cell(row, "path").to_string().as_str())));
    answer(&space, "looked_at", "labels/looked_at", "model", animal_or_empty);
    space.run();
    // Every image is in the data set, and on the disk.
    assert_eq!(space.read("published/observations.csv").lines().count(), images + 1);
    assert!(TRUTH.keys().filter(|path| path.contains("_hu_1/")).all(|path| space.path(&format!("disk/{path}")).exists()));
    let rows = space.rows("final", &["path", "final"]);
    let right = |row: &&String| row.split_once(' ').is_some_and(|(path, class)| animal_or_empty(&TRUTH[path]) == class);
    assert!(rows.iter().filter(right).count() * 100 >= images * 97);
    // Another cutoff shows other images, and classifies none of them again.
    space.edit("pipeline.yaml", "cutoff: 0.25", "cutoff: 0.01");
    let ran = space.try_run().unwrap();
    assert!(ran.reused().contains(&"predictions".to_owned()) && space.output("blanks", 1).rows > seen.rows);

    // The trial, on labelled images of other sites.
    space.write("trapline.local.yaml", "roots: { archive: disk, labelled: set }\n");
    space.write("set/.trapline-root", "");
    for (path, class) in TRUTH.iter().filter(|(path, _)| !path.contains("_hu_1/")) {
        let name = format!("set/{}/{}", animal_or_empty(class), path.replace('/', "_"));
        fs::create_dir_all(space.path(&name).parent().unwrap()).unwrap();
        fs::hard_link(SEASON.path().join("raw_images").join(path), space.path(&name)).unwrap();
    }
    space.options.stage = Some("trial".into());
    space.run();
    let recall = ["0.5", "0.25", "0.1"].map(|cutoff| figure(&space, &format!("trial[{cutoff}]"), "animal", "recall"));
    assert!(recall[0] > 0.8 && recall.is_sorted(), "{recall:?}");
    let of = |class, column| figure(&space, "trial[0.25]", class, column);
    let set = space.table("test_set").rows;
    let blank = 0.75 * f64::from(u32::try_from(set).unwrap());
    assert!(set > 100 && (of("empty", "abundance") - blank).abs() < 1e-6 && of("empty", "tp") <= blank + 1e-6);
    assert!((of("animal", "recall") - of("animal", "raw_recall")).abs() < 1e-9);
    assert!((of("empty", "tp") - of("empty", "raw_recall") * blank).abs() < 1e-6);
    assert!(space.read("published/trial_0.25.csv").contains("animal"));
}

#[test]
fn the_retraining_loop_goes_from_a_choice_of_images_to_a_verdict() {
    let mut space = project("retraining_loop.yaml", true);
    add_model(&space, "small_mammals", "");
    sample_less(&space);
    waits(&space);
    answer(&space, "qc_labels", "labels/quality_check", "blind", str::to_owned);
    let everyday = space.run();
    assert!(space.read("published/quality.csv").contains("stoat") && !everyday.ran().iter().any(|(step, _)| step == "to_learn"));

    space.options.stage = Some("retrain".into());
    waits(&space);
    let chosen = answer(&space, "training_labels", "labels/training", "model", str::to_owned);
    let checked: BTreeSet<String> = space.column("qc_random", "path").into_iter().collect();
    assert!(chosen > 40 && space.column("to_learn", "path").iter().all(|path| !checked.contains(path)), "{chosen}");
    if cfg!(feature = "tch") {
        // The demo's network is not the one of the preset.
        let network =
            "preset: small, architecture: resnet10_narrow, width: 128, height: 96, crop_bottom_px: 24, free_parts: 1, epochs: 1";
        let keys = network.replace(", ", "\n      ");
        space.edit("pipeline.yaml", "preset: bohner_transfer", &format!("{keys}\n     "));
    } else {
        let failed = space.try_run().unwrap();
        assert!(failed.errors()[0].contains("built without libtorch"), "{:?}", failed.errors());
        // Another model in the candidate's place: the demo's, that does not cut off the camera's strip.
        add_model(&space, "candidate", "");
        space.edit("pipeline.yaml", "from: { images: names, model: retrained }", "from: names\n    with: { model: candidate@1 }");
        space.options.targets = vec!["verdict_table".into()];
    }
    space.edit("pipeline.yaml", "gain_lower: \">= -0.01\"", "gain_lower: \">= -0.5\"");
    space.run();
    let verdict = space.table("verdict");
    let compared: i64 = verdict.cell(0, "compared").to_string().parse().unwrap();
    assert_eq!((compared > 10, verdict.cell(0, "leaked").to_string().as_str()), (true, "0"));
    assert!(space.read("published/comparison.csv").contains("gain_lower"));
}

/// What another program has results of, with what it shows. (A file that lies twice in a site and season is one image.)
fn judged() -> impl Iterator<Item = (&'static String, &'static String)> {
    TRUTH.iter().filter(|(path, _)| path.contains("_hu_1/") && !path.contains("copied_twice"))
}

/// Results of `MegaDetector` of the season: most animals found, a few of them hardly, and shadows that it hardly believes in.
fn detections() -> String {
    let image = |(at, (path, class)): (usize, (&String, &String))| {
        let confidence = match (animal_or_empty(class).as_str(), at % 20) {
            ("animal", 0) => 0.05,
            ("animal", step) => 0.6 + 0.02 * f64::from(u32::try_from(step).unwrap()),
            (_, 3) => 0.5,
            (_, step) => 0.005 * f64::from(u32::try_from(step).unwrap()),
        };
        format!(
            r#"{{"file": "{path}", "detections": [{{"category": "1", "conf": {confidence}, "bbox": [0.1, 0.1, 0.5, 0.5]}}]}}"#
        )
    };
    let images: Vec<String> = judged().enumerate().map(image).collect();
    let head = r#""info": {"format_version": "1.4", "detector": "md_v5a.0.0.pt"}, "detection_categories": {"1": "animal", "2": "person"}"#;
    format!("{{{head}, \"images\": [{}]}}", images.join(",\n"))
}

/// Results of `SpeciesNet` of the same images.
fn species() -> String {
    let image = |(path, class): (&String, &String)| {
        let found = match animal_or_empty(class).as_str() {
            "empty" => "f1856211-cfb7-4a5b-9158-c0f72fd09ee6;;;;;;blank",
            _ => "1f689929-883d-4dae-958c-3d57ab5b6c16;;;;;;animal",
        };
        format!(r#"{{"filepath": "{path}", "prediction": "{found}", "prediction_score": 0.875, "model_version": "4.0.0a"}}"#)
    };
    let images: Vec<String> = judged().map(image).collect();
    format!("{{\"predictions\": [{}]}}", images.join(",\n"))
}

#[test]
fn results_of_another_program_are_checked_and_become_tables() {
    let space = project("import_quality_report.yaml", false);
    space.write("results.json", detections());
    sample_less(&space);
    space.edit("pipeline.yaml", "per_confidence_bin: 100", "per_confidence_bin: 5");
    waits(&space);
    let results = space.table("detected").rows;
    assert_eq!(results, judged().count());
    answer(&space, "qc_labels", "labels/quality_check", "blind", animal_or_empty);
    space.run();
    assert!(figure(&space, "quality", "animal", "recall") > 0.8);
    for (file, word) in [
        ("quality", "recall_lower"),
        ("accuracy", "accuracy_lower"),
        ("confusion", "corrected_percent"),
        ("accuracy_by_confidence", "bin_from"),
        ("thresholds", "coverage"),
        ("to_look_at", "why"),
    ] {
        let text = space.read(&format!("published/{file}.csv"));
        assert!(text.lines().next().unwrap().contains(word), "{file}: {text}");
    }
    // SpeciesNet in its place: the same pipeline, but for two lines.
    space.write("results.json", species());
    space.edit("pipeline.yaml", "format: megadetector ", "format: speciesnet ");
    space.edit("pipeline.yaml", "      detection_threshold: 0.2", "      # detection_threshold: 0.2");
    waits(&space);
    assert_eq!(space.column("detected", "model")[0], "speciesnet@4.0.0a");
    let labels = space.read("labels/quality_check/anna.csv");
    answer(&space, "qc_labels", "labels/quality_check", "blind", animal_or_empty);
    let more = space.read("labels/quality_check/anna.csv");
    space.write("labels/quality_check/anna.csv", labels + more.split_once('\n').unwrap().1);
    space.run();
    assert!((figure(&space, "quality", "animal", "recall") - 1.0).abs() < 1e-9);
}
