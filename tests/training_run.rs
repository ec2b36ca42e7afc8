//! `train` as a step: from labelled images to a model that classifies, killed and continued, kept from running in vain.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use std::sync::LazyLock;

use support::TestSpace;
use trapline::demo::write_training_images;

const PIPELINE: &str = "trapline: 1
name: training
classes: [bad_quality, empty, bird, vole, least_weasel, lemming, shrew, stoat]
steps:
  images:
    uses: images
    with: { root: raw, path: \"{class}/*.jpg\" }
  sides:
    uses: split
    from: images
    with: { group: none, validation: 0.25, test: 0.25, stratify: true }
  net:
    uses: train
    from: sides
    with: { preset: small, architecture: resnet8, width: 32, height: 24, crop_bottom_px: 24, epochs: 3, batch: 16, learning_rate: 0.005 }
  predictions:
    uses: classify
    from: { images: sides.test, model: net }
  quality:
    uses: evaluate
    from: { predictions: predictions, labels: sides.test }
";

/// Drawn once: drawing costs more than learning.
static IMAGES: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    write_training_images(folder.path(), 12, 21).unwrap();
    folder
});

fn space() -> TestSpace {
    let space = TestSpace::new();
    space.write("pipeline.yaml", PIPELINE);
    for class in std::fs::read_dir(IMAGES.path()).unwrap() {
        let class = class.unwrap();
        for image in std::fs::read_dir(class.path()).unwrap() {
            let image = image.unwrap();
            let name = format!("raw/{}/{}", class.file_name().display(), image.file_name().display());
            space.write(&name, std::fs::read(image.path()).unwrap());
        }
    }
    space
}

#[cfg(not(feature = "tch"))]
#[test]
fn without_libtorch_a_training_says_how_to_get_it_and_everything_before_it_is_done() {
    use trapline::run::event::Outcome;
    let ran = space().try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Failed);
    let words = ran.errors().remove(0);
    for part in ["cannot train `net@candidate` on 72 images", "built without libtorch", "bash .cargo/libtorch", "--features tch"]
    {
        assert!(words.contains(part), "{words}");
    }
    assert_eq!(ran.ran().iter().map(|(step, _)| step.as_str()).collect::<Vec<_>>(), ["images", "sides"]);
}

#[cfg(feature = "tch")]
mod with_libtorch {
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;
    use trapline::model::packed::unpack;
    use trapline::run::event::Outcome;
    use trapline::store::{Access, ResultManifest, Store};
    use trapline::table::Table;

    fn result(space: &TestSpace, step: &str) -> (Store, ResultManifest) {
        let store = Store::open(&space.path(".trapline"), Access::Read).unwrap();
        let key = store.heads("training").unwrap().steps[step];
        let result = store.get_result(key).unwrap().unwrap();
        (store, result)
    }

    fn packed(space: &TestSpace) -> Vec<u8> {
        let (store, result) = result(space, "net");
        store.get(result.outputs[0].id).unwrap()
    }

    fn texts(table: &Table, column: &str) -> Vec<String> {
        (0..table.rows).map(|row| table.cell(row, column).to_string()).collect()
    }

    #[test]
    fn the_number_of_threads_of_a_run_changes_no_weight() {
        let train = |jobs: usize| {
            let mut space = space();
            space.options.jobs = jobs;
            space.run();
            packed(&space)
        };
        let one = train(1);
        for jobs in [2, 4] {
            assert!(train(jobs) == one, "{jobs} jobs make another model");
        }
    }

    #[test]
    fn a_training_yields_a_model_its_history_and_what_it_says_of_images() {
        let space = space();
        space.run();
        let unpacked = unpack(&packed(&space)).unwrap();
        let notes = &unpacked.notes;
        assert_eq!(unpacked.bundle.model(), "net@candidate");
        assert_eq!(unpacked.bundle.classes.len(), 8);
        for part in
            ["architecture: resnet8", "train: 6", "validation: 3", "test: 3", "seed: 1", "epochs: 3", "made_with: Trapline"]
        {
            assert!(notes.contains(part), "{part}: {notes}");
        }
        let history = space.output("net", 1);
        assert_eq!((history.rows, texts(&history, "epoch")), (3, vec!["1".into(), "2".into(), "3".into()]));
        assert_eq!(texts(&history, "images"), ["48"; 3]);
        let validation = space.output("net", 2);
        assert_eq!(validation.rows, 24);
        assert!(texts(&validation, "split").iter().all(|side| side == "validation"));
        assert_eq!(texts(&validation, "model"), ["net@candidate"; 24]);
        // The embedded engine says of the validation images what libtorch said.
        space.edit("pipeline.yaml", "images: sides.test", "images: net.validation");
        space.edit(
            "pipeline.yaml",
            "  quality:\n    uses: evaluate\n    from: { predictions: predictions, labels: sides.test }\n",
            "",
        );
        space.run();
        let again = space.table("predictions");
        assert_eq!(texts(&again, "label"), texts(&validation, "label"));
        for row in 0..24 {
            let of = |table: &Table| table.column("confidence").unwrap().float32(row).unwrap();
            assert!((of(&again) - of(&validation)).abs() < 1e-4, "{row}");
        }
        assert!(space.output("net", 3).rows >= 10);
    }

    #[test]
    fn the_same_training_is_not_repeated_and_another_recipe_is_another_training() {
        let space = space();
        space.run();
        let first = packed(&space);
        assert!(space.run().ran().is_empty());
        std::fs::remove_dir_all(space.path(".trapline")).unwrap();
        space.run();
        assert_eq!(first, packed(&space));
        space.edit("pipeline.yaml", "epochs: 3", "epochs: 3, seed: 2");
        let ran: Vec<_> = space.run().ran().into_iter().map(|(step, _)| step).collect();
        assert_eq!(ran, ["net", "predictions", "quality"]);
        assert_ne!(first, packed(&space));
    }

    fn run(folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
        command.args(["run", "--jobs", "1"]).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    #[test]
    fn a_killed_training_goes_on_from_its_last_epoch_and_ends_in_the_same_model() {
        let space = space();
        space.edit("pipeline.yaml", "epochs: 3", "epochs: 6");
        assert!(run(space.dir.path()).status().unwrap().success());
        let whole = packed(&space);
        std::fs::remove_dir_all(space.path(".trapline")).unwrap();
        let scratch = space.path(".trapline/scratch");
        let checkpoint = || {
            let folder = std::fs::read_dir(&scratch).ok()?.next()?.ok()?.path();
            std::fs::read(folder.join("checkpoint")).ok()
        };
        let mut seen: Vec<Vec<u8>> = Vec::new();
        for _ in 0..2 {
            let mut child = run(space.dir.path()).spawn().unwrap();
            let began = Instant::now();
            // Killed as soon as it is one epoch further than the run before.
            let further = loop {
                assert!(began.elapsed() < Duration::from_mins(2), "no checkpoint was written");
                match checkpoint() {
                    Some(bytes) if !seen.contains(&bytes) => break bytes,
                    _ => std::thread::sleep(Duration::from_millis(5)),
                }
            };
            child.kill().unwrap();
            child.wait().unwrap();
            seen.push(further);
        }
        assert!(run(space.dir.path()).status().unwrap().success());
        assert!(packed(&space) == whole, "another model");
        assert!(!scratch.exists() || std::fs::read_dir(&scratch).unwrap().next().is_none(), "unfinished work was left behind");
    }

    #[test]
    fn a_damaged_image_is_left_out_and_named() {
        let space = space();
        for number in 0..4 {
            let path = space.path(&format!("raw/vole/{number:05}.jpg"));
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() / 3]).unwrap();
        }
        let ran = space.run();
        // Those of the test are nobody's concern here.
        let sides = space.table("sides");
        let damaged = |row: &usize| {
            let path = sides.cell(*row, "path").to_string();
            (0..4).any(|number| path == format!("vole/{number:05}.jpg")) && sides.cell(*row, "split").to_string() != "test"
        };
        let expected = (0..sides.rows).filter(damaged).count() as u64;
        assert!(expected > 0 && ran.findings("net").contains(&("unreadable".into(), expected)), "{:?}", ran.findings("net"));
    }

    #[test]
    fn one_class_is_nothing_to_learn() {
        let space = space();
        for class in ["empty", "bird", "vole", "least_weasel", "lemming", "shrew", "stoat"] {
            std::fs::remove_dir_all(space.path(&format!("raw/{class}"))).unwrap();
        }
        let ran = space.try_run().unwrap();
        assert_eq!(ran.outcome, Outcome::Failed);
        assert!(ran.errors()[0].contains("at least two classes to learn from"), "{:?}", ran.errors());
    }

    #[test]
    fn going_on_from_a_model_of_another_architecture_names_the_way_out() {
        let space = space();
        let second = "  more:
    uses: train
    from: { images: sides, model: net }
    with: { preset: small, architecture: resnet20, width: 32, height: 24, epochs: 1, batch: 16 }
";
        space.write("pipeline.yaml", format!("{PIPELINE}{second}"));
        let ran = space.try_run().unwrap();
        let words = ran.errors().remove(0);
        assert!(words.contains("cannot start from model `net@candidate`") && words.contains("set `architecture`"), "{words}");
        space.edit("pipeline.yaml", "resnet20", "resnet8");
        space.run();
        let (store, more) = result(&space, "more");
        let unpacked = unpack(&store.get(more.outputs[0].id).unwrap()).unwrap();
        assert!(unpacked.notes.contains("from: net@candidate"), "{}", unpacked.notes);
    }

    #[test]
    fn a_model_to_start_from_is_the_one_that_is_listed_and_its_weights_are_those_of_its_network() {
        let space = TestSpace::with_model();
        let images = super::space();
        std::fs::rename(images.path("raw"), space.path("raw")).unwrap();
        let options = "preset: small, architecture: resnet10_narrow, width: 32, height: 24, epochs: 1, batch: 16";
        let start = format!("preset: small, start: demo_mammals@1{}", options.trim_start_matches("preset: small"));
        let net = &PIPELINE[..PIPELINE.find("  predictions:").unwrap()];
        let old = &net[net.find("preset: small").unwrap()..net.rfind(" }").unwrap()];
        space.write("pipeline.yaml", net.replace(old, &start));
        let weights = space.path("models/demo_mammals/1/model.safetensors");
        let right = std::fs::read(&weights).unwrap();
        let mut wrong = right.clone();
        // Many numbers, by up to a half: still a file of weights, and those of another network.
        let half = wrong.len() / 8 * 4;
        wrong[half..].iter_mut().skip(2).step_by(4).for_each(|byte| *byte ^= 0x40);
        std::fs::write(&weights, wrong).unwrap();
        let words = space.try_run().unwrap().errors().remove(0);
        assert!(words.contains("are not those that `models.lock` lists"), "{words}");
        std::fs::write(&weights, right).unwrap();
        let notes = "models/demo_mammals/1/model.yaml";
        space.edit(notes, "crop_bottom_px: ", "crop_bottom_px: 1");
        let words = space.try_run().unwrap().errors().remove(0);
        assert!(words.contains("`demo_mammals@1` is not the one that `models.lock` lists"), "{words}");
        space.edit(notes, "crop_bottom_px: 1", "crop_bottom_px: ");
        space.run();
        let (store, result) = result(&space, "net");
        let made = unpack(&store.get(result.outputs[0].id).unwrap()).unwrap();
        assert!(made.notes.contains("from: demo_mammals@1"), "{}", made.notes);
    }
}
