//! What cannot be read is not absent.
//!
//! A folder in the place of a file stands for a file that cannot be read: the tests may run as a person who can read everything.

use std::fs;
use std::path::Path;

use trapline::run::event::Outcome;

use crate::support::{PIPELINE, TestSpace};

const AND_NAME: &str = "  names:
    uses: rename
    from: metadata
    with: { name: \"{{ site }}_{{ counter(4) }}.JPG\", manifest: names.csv }
  table:
    uses: export
    from: names
    with: { into: published/observations.csv }
";

const AND_REVIEW: &str = "  draw:
    uses: sample
    from: metadata
    with: { by: [season], random_per_group: 10, seed: 7 }
  labels:
    uses: review
    from: draw
    with: { labels: labels/qc/ }
  table:
    uses: export
    from: labels
    with: { into: published/labels.csv }
";

fn named() -> TestSpace {
    let space = TestSpace::with_images();
    space.write("pipeline.yaml", format!("{PIPELINE}{AND_NAME}"));
    space.run();
    space
}

/// All images of `AND_REVIEW` are answered by one person.
fn reviewed() -> TestSpace {
    let space = TestSpace::with_images();
    space.write("pipeline.yaml", format!("{PIPELINE}{AND_REVIEW}"));
    assert_eq!(space.try_run().unwrap().outcome, Outcome::Waiting);
    let table = space.table("draw");
    let mut labels = "observation,class,site,season\n".to_owned();
    for row in 0..table.rows {
        let cell = |name: &str| table.cell(row, name).to_string();
        labels += &format!("{},vole,{},{}\n", cell("content"), cell("site"), cell("season"));
    }
    space.write("labels/qc/anna.csv", labels);
    space.run();
    space
}

/// Puts a folder in the place of a file, and gives the file back.
fn hidden<T>(path: &Path, during: impl FnOnce() -> T) -> T {
    let bytes = fs::read(path).unwrap();
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
    let done = during();
    assert!(path.is_dir(), "what could not be read was replaced");
    fs::remove_dir(path).unwrap();
    fs::write(path, bytes).unwrap();
    done
}

/// The error with which a run or a plan ends that cannot begin.
fn refusal(space: &TestSpace) -> String {
    let error = space.try_run().unwrap_err();
    trapline::step::with_causes(&error)
}

/// What stops a run, before it begins or in a step.
fn stopped(space: &TestSpace) -> String {
    match space.try_run() {
        Err(error) => trapline::step::with_causes(&error),
        Ok(ran) => {
            assert_ne!(ran.outcome, Outcome::Complete);
            ran.errors().join("\n")
        }
    }
}

#[test]
fn names_that_cannot_be_read_are_not_given_anew() {
    let space = named();
    let before = ["names.csv", "published/observations.csv", "trapline.lock"].map(|file| space.read(file));
    // A late image, which would take a name that another has.
    space.image("raw/a/2024/0.jpg", 9);
    let error = hidden(&space.path("names.csv"), || {
        let planned = trapline::run::plan(&space.pipeline(), &space.options).err().unwrap();
        assert!(trapline::step::with_causes(&planned).contains("names.csv"));
        space.error()
    });
    assert!(error.contains("cannot read") && error.contains("names.csv"), "{error}");
    assert_eq!(["names.csv", "published/observations.csv", "trapline.lock"].map(|file| space.read(file)), before);
    space.run();
    let after = space.read("names.csv");
    assert!(before[0].lines().all(|line| after.contains(line)), "{after}");
}

#[cfg(unix)]
#[test]
fn a_link_to_a_share_that_is_gone_gives_no_name_anew() {
    let space = named();
    fs::create_dir(space.path("share")).unwrap();
    fs::rename(space.path("names.csv"), space.path("share/names.csv")).unwrap();
    std::os::unix::fs::symlink("share/names.csv", space.path("names.csv")).unwrap();
    space.image("raw/a/2024/0.jpg", 9);
    fs::rename(space.path("share"), space.path("elsewhere")).unwrap();
    let error = space.error();
    assert!(error.contains("names.csv") && error.contains("leads nowhere"), "{error}");
    fs::rename(space.path("elsewhere"), space.path("share")).unwrap();
    space.run();
    assert!(fs::symlink_metadata(space.path("names.csv")).unwrap().is_symlink(), "the link became a file");
    assert_eq!(space.read("share/names.csv").lines().count(), 5);
}

#[test]
fn answers_that_cannot_be_read_stay_in_the_results() {
    let space = reviewed();
    let before = ["published/labels.csv", "trapline.lock"].map(|file| space.read(file));
    space.write("labels/qc/bert.csv", "observation,class\n");
    for file in ["labels/qc/anna.csv", "labels/qc/bert.csv"] {
        let error = hidden(&space.path(file), || stopped(&space));
        assert!(error.contains(&file[10..]), "{error}");
    }
    assert_eq!(["published/labels.csv", "trapline.lock"].map(|file| space.read(file)), before);
    space.run();
    assert_eq!(space.read("published/labels.csv"), before[0]);
}

#[cfg(unix)]
#[test]
fn a_folder_of_answers_that_cannot_be_listed_is_not_an_empty_one() {
    let space = reviewed();
    let before = space.read("trapline.lock");
    fs::rename(space.path("labels"), space.path("share")).unwrap();
    std::os::unix::fs::symlink("/nowhere/labels", space.path("labels")).unwrap();
    let loaded = trapline::check::load(&space.path("pipeline.yaml"), &space.overrides);
    let said: Vec<_> = loaded.report.diagnostics.iter().map(|found| (found.code.id, found.message.clone())).collect();
    assert!(loaded.pipeline.is_none(), "{said:?}");
    assert!(said.iter().any(|(code, message)| *code == "TL0775" && message.contains("labels/qc")), "{said:?}");
    fs::remove_file(space.path("labels")).unwrap();
    fs::rename(space.path("share"), space.path("labels")).unwrap();
    space.run();
    assert_eq!(space.read("trapline.lock"), before);
}

#[test]
fn a_seal_that_cannot_be_read_is_not_an_open_season() {
    let space = TestSpace::with_images();
    space.run();
    trapline::run::seal_season(&space.pipeline(), &space.options, "2024").unwrap();
    space.run();
    let seal = hidden(&space.path("seasons/2024.csv"), || refusal(&space));
    assert!(seal.contains("cannot read") && seal.contains("2024.csv"), "{seal}");
    fs::rename(space.path("seasons"), space.path("aside")).unwrap();
    space.write("seasons", "");
    let folder = refusal(&space);
    assert!(folder.contains("cannot list") && folder.contains("seasons"), "{folder}");
}

#[test]
fn a_lock_that_cannot_be_read_is_not_written_over() {
    let space = named();
    let lock = space.read("trapline.lock");
    let error = hidden(&space.path("trapline.lock"), || refusal(&space));
    assert!(error.contains("cannot read") && error.contains("trapline.lock"), "{error}");
    let torn = format!("<<<<<<< ours\n{lock}");
    space.write("trapline.lock", &torn);
    space.image("raw/a/2024/0.jpg", 9);
    let error = refusal(&space);
    assert!(error.contains("line 1") && error.contains("merge conflict"), "{error}");
    assert_eq!(space.read("trapline.lock"), torn);
    assert_eq!(space.read("names.csv").lines().count(), 4, "a name was given before the run was refused");
}

#[test]
fn clock_corrections_that_cannot_be_read_are_named_with_the_cause() {
    let space = TestSpace::with_images();
    space.edit("pipeline.yaml", "from: images\n", "from: images\n    with: { corrections: clock.csv }\n");
    space.write("clock.csv", "site,from,to,kind,value\n");
    fs::remove_file(space.path("clock.csv")).unwrap();
    fs::create_dir(space.path("clock.csv")).unwrap();
    let error = space.error();
    assert!(error.contains("clock.csv") && !error.contains("not found"), "{error}");
}

#[test]
fn a_model_whose_notes_cannot_be_read_keeps_its_training_in_the_lock() {
    let space = TestSpace::with_model();
    space.image("raw/a/2024/1.jpg", 1);
    space.run();
    let lock = space.read("trapline.lock");
    assert!(lock.lines().any(|line| line.starts_with("model demo_mammals@1 ")), "{lock}");
    let notes = space.path("models/demo_mammals/1/model.yaml");
    let ended = hidden(&notes, || space.try_run().map(|ran| ran.outcome));
    assert!(!matches!(ended, Ok(Outcome::Complete)), "a run that cannot read the notes was complete");
    assert_eq!(space.read("trapline.lock"), lock);
}

#[cfg(unix)]
#[test]
fn what_you_may_not_read_is_not_absent() {
    use std::os::unix::fs::PermissionsExt as _;
    let space = reviewed();
    let before = space.read("trapline.lock");
    for place in ["labels/qc/anna.csv", "labels/qc"] {
        let path = space.path(place);
        let mode = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        // Whoever may read everything meets no such fault.
        let may_read = fs::read_dir(space.path("labels/qc")).is_ok() && fs::read(space.path("labels/qc/anna.csv")).is_ok();
        let pipeline = trapline::check::load(&space.path("pipeline.yaml"), &space.overrides).pipeline;
        let outcome = pipeline.map(|_| space.try_run().unwrap().outcome);
        fs::set_permissions(&path, mode).unwrap();
        assert_eq!(outcome == Some(Outcome::Complete), may_read, "{place}: {outcome:?}");
    }
    assert_eq!(space.read("trapline.lock"), before);
}
