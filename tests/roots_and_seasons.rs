//! Disks come and go, seasons are sealed: nothing is dropped, drift is named.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod support;

use std::fs;

use support::TestSpace;
use trapline::plan::decision::Decision;
use trapline::run::compare::Verdict;
use trapline::run::event::{Event, Outcome};
use trapline::run::verify::{Level, verify};
use trapline::step::Cancel;

const PIPELINE: &str = "\
trapline: 1
name: test
roots: { archive: { marker: .trapline-root } }
steps:
  images:
    uses: images
    with: { root: archive, path: \"{site}/{season}/*.jpg\" }
  metadata:
    uses: metadata
    from: images
";

/// A project whose images lie on a disk that can be taken away.
fn with_disk() -> (TestSpace, tempfile::TempDir) {
    let space = TestSpace::new();
    let disk = tempfile::tempdir().unwrap();
    space.write("pipeline.yaml", PIPELINE);
    space.write("trapline.local.yaml", format!("roots:\n  archive: '{}'\n", disk.path().join("mount").display()));
    for (path, seed) in [("a/2024/1.jpg", 1), ("a/2024/2.jpg", 2), ("a/2025/3.jpg", 3)] {
        let path = disk.path().join("mount").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, support::jpeg(seed)).unwrap();
    }
    fs::write(disk.path().join("mount/.trapline-root"), "").unwrap();
    (space, disk)
}

fn unplug(disk: &tempfile::TempDir) {
    fs::rename(disk.path().join("mount"), disk.path().join("unplugged")).unwrap();
    fs::create_dir(disk.path().join("mount")).unwrap();
}

fn plug(disk: &tempfile::TempDir) {
    fs::remove_dir(disk.path().join("mount")).unwrap();
    fs::rename(disk.path().join("unplugged"), disk.path().join("mount")).unwrap();
}

#[test]
fn an_absent_root_blocks_and_drops_nothing() {
    let (space, disk) = with_disk();
    space.run();
    let (lock, before) = (space.read("trapline.lock"), space.table("metadata").id());
    unplug(&disk);
    let blocked = Decision::Blocked { root: "archive".into(), images: 3, gone: None };
    assert!(space.plan().steps.iter().all(|step| step.decision == blocked), "{:?}", space.plan());
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Blocked);
    let told = |event: &Event| matches!(event, Event::StepBlocked { root, images: 3, .. } if root == "archive");
    assert!(ran.events.iter().any(told), "{:?}", ran.events);
    assert_eq!(space.read("trapline.lock"), lock);
    assert_eq!(space.table("metadata").id(), before);
    plug(&disk);
    assert_eq!(space.run().reused(), ["images", "metadata"]);
}

#[test]
fn sealed_seasons_are_served_without_their_disk() {
    let (space, disk) = with_disk();
    space.run();
    let before = space.table("metadata").id();
    for season in ["2024", "2025"] {
        trapline::run::seal_season(&space.pipeline(), &space.options, season).unwrap();
    }
    assert_eq!(space.read("seasons/2024.csv").lines().count(), 3);
    unplug(&disk);
    // Another clock file: the tables are made anew from the rows that are there.
    space.write("clock.csv", "id,site,from,to,kind,value\nc1,a,2024-01-01,2024-12-31,offset,+1h\n");
    space.edit("pipeline.yaml", "    from: images\n", "    from: images\n    with: { corrections: clock.csv }\n");
    let ran = space.run();
    assert_eq!(ran.bytes_read(), 0);
    assert_eq!(space.table("metadata").rows, 3);
    assert_ne!(space.table("metadata").id(), before);
}

#[test]
fn an_open_season_waits_while_its_disk_is_away() {
    let (space, disk) = with_disk();
    space.run();
    trapline::run::seal_season(&space.pipeline(), &space.options, "2024").unwrap();
    unplug(&disk);
    let blocked = Decision::Blocked { root: "archive".into(), images: 1, gone: None };
    assert_eq!(space.plan().steps[0].decision, blocked);
}

#[test]
fn drift_in_a_sealed_season_is_an_error_that_names_the_files() {
    let (space, disk) = with_disk();
    space.run();
    trapline::run::seal_season(&space.pipeline(), &space.options, "2024").unwrap();
    let season = disk.path().join("mount/a/2024");
    fs::remove_file(season.join("1.jpg")).unwrap();
    fs::write(season.join("2.jpg"), support::jpeg(8)).unwrap();
    fs::write(season.join("9.jpg"), support::jpeg(9)).unwrap();
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Failed);
    let error = &ran.errors()[0];
    for words in ["a/2024/1.jpg is gone", "a/2024/2.jpg has other bytes", "a/2024/9.jpg is new", "season reopen"] {
        assert!(error.contains(words), "{error}");
    }
    // The next run says it again: a file that was looked at once is no less wrong.
    assert_eq!(space.try_run().unwrap().outcome, Outcome::Failed);
    trapline::run::seasons::reopen(&space.pipeline().project, "2024", "a card was found", "2026").unwrap();
    assert_eq!(space.try_run().unwrap().outcome, Outcome::Blocked, "an image is gone");
    space.forget_what_is_gone();
    space.run();
}

#[test]
fn a_season_is_sealed_only_after_its_files_were_hashed() {
    let (space, disk) = with_disk();
    let refused = trapline::run::seal_season(&space.pipeline(), &space.options, "2024").unwrap_err();
    assert!(refused.to_string().contains("run the pipeline first"), "{refused}");
    space.run();
    unplug(&disk);
    let refused = trapline::run::seal_season(&space.pipeline(), &space.options, "2024").unwrap_err();
    assert!(refused.to_string().contains("not connected"), "{refused}");
}

#[test]
fn a_verified_run_is_exact_and_a_changed_image_is_found() {
    struct Deaf;
    impl trapline::run::event::Observer for Deaf {
        fn event(&self, _: &Event) {}
        fn advance(&self, _: u64, _: u64) {}
    }
    let (space, disk) = with_disk();
    space.run();
    let check = |level| verify(&space.pipeline(), &space.options.store, level, &Deaf, &Cancel::default()).unwrap();
    for level in [Level::Tables, Level::Sample(2), Level::All] {
        let verdicts = check(level);
        assert!(verdicts.iter().all(|found| found.verdict == Verdict::Exact), "{verdicts:?}");
    }
    assert_eq!(check(Level::Sample(2)).iter().filter(|found| found.what == "rows").map(|f| f.checked).sum::<u64>(), 2);
    unplug(&disk);
    assert!(check(Level::Tables).iter().all(|found| found.verdict == Verdict::Exact));
    assert!(check(Level::All).iter().any(|f| f.verdict.to_string().contains("images withheld")), "{:?}", check(Level::All));
    plug(&disk);
    fs::write(disk.path().join("mount/a/2024/1.jpg"), support::jpeg(9)).unwrap();
    let differs = |found: &trapline::run::verify::Verified| matches!(found.verdict, Verdict::Differs { .. });
    assert!(check(Level::All).iter().any(|found| found.what == "images" && differs(found)));
    assert!(check(Level::Tables).iter().all(|found| found.verdict == Verdict::Exact));
}

#[test]
fn rows_that_are_lost_while_their_disk_is_away_are_named_and_come_back_with_it() {
    let (space, disk) = with_disk();
    space.run();
    let (lock, table) = (space.read("trapline.lock"), space.table("metadata").id());
    for season in ["2024", "2025"] {
        trapline::run::seal_season(&space.pipeline(), &space.options, season).unwrap();
    }
    unplug(&disk);
    for tree in ["rows", "objects", "results"] {
        fs::remove_dir_all(space.path(".trapline").join(tree)).unwrap();
    }
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Blocked);
    let lost = |event: &Event| matches!(event, Event::StepBlocked { step, root, images: 3, .. } if step == "metadata" && root == "archive");
    assert!(ran.events.iter().any(lost), "{:?}", ran.events);
    plug(&disk);
    space.run();
    // The lock was written before the seasons were sealed.
    let now: String = space.read("trapline.lock").split_inclusive('\n').filter(|line| !line.starts_with("seal ")).collect();
    assert_eq!((now, space.table("metadata").id()), (lock, table));
}
