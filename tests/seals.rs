//! A sealed season holds its samples and labels fast, and `trapline.lock` says what every label file was.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use std::collections::BTreeMap;

use support::TestSpace;
use trapline::run::event::Outcome;
use trapline::run::lockfile::LockFile;
use trapline::run::{SealedSeason, seal_season, seasons};

fn seal(space: &TestSpace, season: &str) -> SealedSeason {
    seal_season(&space.pipeline(), &space.options, season).unwrap()
}

/// With the season 2023 sealed, everything done and locked.
fn sealed() -> TestSpace {
    let space = TestSpace::with_labels();
    space.run();
    seal(&space, "2023");
    space.run();
    space
}

/// Runs, expects that `step` alone fails, and gives the error.
fn refused(space: &TestSpace, step: &str) -> String {
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Failed, "{:#?}", ran.events);
    let errors = ran.errors();
    assert_eq!(errors.len(), 1);
    errors[0].strip_prefix(&format!("{step}: ")).unwrap().to_owned()
}

fn lock(space: &TestSpace) -> LockFile {
    LockFile::read(space.dir.path()).unwrap()
}

#[test]
fn a_seal_holds_the_samples_and_labels_of_its_season_alone() {
    let space = TestSpace::with_labels();
    space.run();
    let made = seal(&space, "2023");
    let pinned = BTreeMap::from([("drawn".to_owned(), 2), ("labelled".to_owned(), 2)]);
    assert_eq!((made.files, made.pinned, made.notes), (2, pinned, vec![]));
    let text = space.read("seasons/2023.csv");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("root,path,content,bytes,step,site,observation,value"));
    let ends: Vec<_> = lines.map(|line| line.rsplit_once(',').unwrap().1).collect();
    assert_eq!(ends, ["", "", "random", "class", "vole", "empty"]);
    assert_eq!(space.run().reused().len(), 5);
}

#[test]
fn an_image_that_leaves_a_sealed_sample_is_named() {
    let space = sealed();
    space.edit("draw.txt", "b/2023/2.jpg class\n", "");
    let error = refused(&space, "drawn");
    assert!(
        error.contains("1 row of sealed seasons differs") && error.contains("b 2023 b/2023/2.jpg left (was class)"),
        "{error}"
    );
    assert!(error.contains("`trapline season reopen 2023 --because"), "{error}");
    // The results are kept, what depends on them does not run, and the next run says it again.
    assert_eq!(space.table("drawn").rows, 2);
    assert_eq!(refused(&space, "drawn"), error);
    space.write("draw.txt", "a/2023/1.jpg random\nb/2023/2.jpg class\na/2024/3.jpg random\n");
    assert_eq!(space.run().reused().len(), 5);
}

#[test]
fn another_class_or_type_is_named_with_both() {
    let space = sealed();
    space.edit("labels/qc.csv", "b/2023/2.jpg,empty", "b/2023/2.jpg,stoat");
    let error = refused(&space, "labelled");
    assert!(error.contains("b 2023 b/2023/2.jpg changed from empty to stoat"), "{error}");
    space.edit("labels/qc.csv", "stoat", "empty");
    space.edit("draw.txt", "a/2023/1.jpg random", "a/2023/1.jpg random+class");
    let error = refused(&space, "drawn");
    assert!(error.contains("a 2023 a/2023/1.jpg changed from random to random+class"), "{error}");
}

#[test]
fn seasons_that_are_open_go_on() {
    let space = sealed();
    space.write("draw.txt", format!("{}a/2024/4.jpg random\n", space.read("draw.txt")));
    space.write("labels/berg.csv", "a/2024/4.jpg,lemming\n");
    space.edit("labels/qc.csv", "a/2024/3.jpg,vole", "a/2024/3.jpg,stoat");
    space.run();
    assert_eq!(space.table("labelled").rows, 4);
}

#[test]
fn a_new_label_in_a_sealed_season_is_a_change() {
    let space = TestSpace::with_labels();
    space.edit("draw.txt", "b/2023/2.jpg class\n", "");
    space.run();
    seal(&space, "2023");
    space.write("draw.txt", format!("{}b/2023/2.jpg class\n", space.read("draw.txt")));
    let error = refused(&space, "drawn");
    assert!(error.contains("b 2023 b/2023/2.jpg entered (class)"), "{error}");
    seasons::reopen(space.dir.path(), "2023", "one more image was asked for", "2026").unwrap();
    space.run();
    assert_eq!(seal(&space, "2023").pinned["labelled"], 2);
}

#[test]
fn a_season_without_labels_stays_without_them() {
    let space = TestSpace::with_labels();
    space.write("draw.txt", "a/2023/1.jpg random\n");
    space.run();
    assert_eq!(seal(&space, "2024").pinned, BTreeMap::new());
    assert_eq!(space.read("seasons/2024.csv").lines().next(), Some("root,path,content,bytes"));
    // Nothing but files was sealed: a sample may still be drawn from the season.
    space.write("draw.txt", "a/2023/1.jpg random\na/2024/3.jpg random\n");
    space.run();
}

#[test]
fn a_step_that_is_gone_is_told_and_fails_nothing() {
    let space = sealed();
    space.edit("pipeline.yaml", "  labelled:", "  qc:");
    space.edit("pipeline.yaml", "from: labelled", "from: qc");
    let notices = space.run().notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].contains("season 2023") && notices[0].contains("`labelled`"), "{notices:?}");
}

#[test]
fn what_is_not_up_to_date_is_not_sealed() {
    let space = TestSpace::with_labels();
    let refused = |space: &TestSpace| seal_season(&space.pipeline(), &space.options, "2023").unwrap_err().to_string();
    space.run();
    space.edit("labels/qc.csv", "a/2024/3.jpg,vole\n", "");
    // The lock knows the answer: without it, nobody misses it.
    std::fs::remove_file(space.path("trapline.lock")).unwrap();
    assert!(refused(&space).contains("step `labelled` is not up to date: run the pipeline first"), "{}", refused(&space));
    assert_eq!(space.try_run().unwrap().outcome, Outcome::Waiting);
    let notes = seal(&space, "2023").notes;
    assert!(notes.len() == 1 && notes[0].contains("step `labelled` lacks 1 labels"), "{notes:?}");
}

#[test]
fn the_lock_knows_the_heads_of_label_files_and_what_seals_hold() {
    let space = TestSpace::with_labels();
    space.write("labels/berg.csv", "");
    space.run();
    let open = lock(&space);
    let lines: Vec<_> = open.labels.iter().map(|(path, labels)| (path.as_str(), labels.lines)).collect();
    assert_eq!(lines, [("labels/berg.csv", 0), ("labels/qc.csv", 3)]);
    assert!(open.seasons.values().all(|season| season.pins == 0) && open.seasons.len() == 2);
    // Sealing changes the season's manifest and nothing else.
    seal(&space, "2023");
    space.run();
    let mut closed = lock(&space);
    assert_eq!((closed.seasons["2023"].files, closed.seasons["2023"].pins), (2, 4));
    assert_ne!(closed.seasons["2023"].manifest, open.seasons["2023"].manifest);
    closed.seasons.insert("2023".into(), open.seasons["2023"].clone());
    assert_eq!(closed.seals.remove("2023").map(|seal| seal.to_string().starts_with("b3:")), Some(true));
    assert_eq!(closed, open);
    // Reopening it brings the old lock back; a new label moves the head of its file alone.
    seasons::reopen(space.dir.path(), "2023", "a test", "2026").unwrap();
    space.run();
    assert_eq!(lock(&space), open);
    space.write("labels/qc.csv", format!("{}a/2024/4.jpg,vole\n", space.read("labels/qc.csv")));
    space.run();
    let after = lock(&space);
    assert_eq!((after.labels["labels/qc.csv"].lines, &after.labels["labels/berg.csv"]), (4, &open.labels["labels/berg.csv"]));
}

#[test]
fn a_frozen_run_names_the_label_file_that_changed() {
    let mut space = TestSpace::with_labels();
    space.run();
    space.options.frozen = true;
    assert_eq!(space.run().reused().len(), 5);
    let labels = space.read("labels/qc.csv");
    for (write, says) in [(Some("a/2024/4.jpg,vole\n"), "`labels/qc.csv` changed"), (None, "`labels/qc.csv` is gone")] {
        match write {
            Some(line) => space.write("labels/qc.csv", format!("{labels}{line}")),
            None => std::fs::remove_file(space.path("labels/qc.csv")).unwrap(),
        }
        let error = refused(&space, "labelled");
        assert!(error.starts_with("--frozen") && error.contains(says), "{error}");
    }
    space.write("labels/qc.csv", labels);
    space.write("labels/berg.csv", "a/2024/4.jpg,vole\n");
    let error = refused(&space, "labelled");
    assert!(error.contains("`labels/berg.csv` is new"), "{error}");
}

#[test]
fn the_lock_names_what_a_model_was_trained_on() {
    let space = TestSpace::with_model();
    space.image("raw/a/2024/1.jpg", 1);
    space.run();
    let before = lock(&space);
    let id = before.models["demo_mammals@1"].training.clone().unwrap();
    assert!(id.starts_with("b3:"), "{id}");
    space.edit("models/demo_mammals/1/model.yaml", &id, "varanger 2026-01");
    assert_eq!(space.run().ran(), []);
    let after = lock(&space);
    assert_eq!(after.models["demo_mammals@1"].training.as_deref(), Some("varanger 2026-01"));
    assert_eq!(after.models["demo_mammals@1"].id, before.models["demo_mammals@1"].id);
}

mod verification {
    use super::{TestSpace, seal, sealed};
    use trapline::run::compare::Verdict;
    use trapline::run::event::{Event, Observer};
    use trapline::run::verify::{Level, Verified, verify};
    use trapline::step::Cancel;

    struct Deaf;

    impl Observer for Deaf {
        fn event(&self, _: &Event) {}
        fn advance(&self, _: u64, _: u64) {}
    }

    fn check(space: &TestSpace, level: Level) -> Vec<Verified> {
        verify(&space.pipeline(), &space.options.store, level, &Deaf, &Cancel::default()).unwrap()
    }

    fn wrong(found: &[Verified]) -> Vec<(String, String)> {
        let wrong = found.iter().filter(|one| one.verdict != Verdict::Exact);
        wrong.map(|one| (one.step.clone(), format!("{}: {}", one.what, one.verdict))).collect()
    }

    #[test]
    fn samples_labels_seals_and_expectations_are_verified_with_and_without_images() {
        let space = TestSpace::with_labels();
        space.edit("pipeline.yaml", "    uses: draw\n", "    uses: draw\n    expect: { sample.rows: \">= 3\" }\n");
        space.edit("pipeline.yaml", "steps:\n", "roots: { archive: { marker: .here } }\nsteps:\n");
        space.edit("pipeline.yaml", "root: raw", "root: archive");
        space.write("trapline.local.yaml", "roots: { archive: raw }\n");
        space.write("raw/.here", "");
        space.run();
        seal(&space, "2023");
        for level in [Level::Tables, Level::Sample(2), Level::All] {
            assert_eq!(wrong(&check(&space, level)), []);
        }
        let found = check(&space, Level::Tables);
        let checked: Vec<_> =
            found.iter().filter(|one| one.step == "drawn").map(|one| (one.what.as_str(), one.checked)).collect();
        assert_eq!(checked, [("output sample", 3), ("expectations", 1), ("sealed rows", 2)]);
        // Without the images, all that does not read them is still verified.
        std::fs::rename(space.path("raw"), space.path("away")).unwrap();
        assert_eq!(wrong(&check(&space, Level::Tables)), []);
        let found = wrong(&check(&space, Level::Sample(2)));
        let steps: Vec<_> = found.iter().map(|(step, _)| step.as_str()).collect();
        assert_eq!(steps, ["images", "metadata"]);
        assert!(found.iter().all(|(_, words)| words.contains("not checkable: images withheld")), "{found:?}");
    }

    #[test]
    fn labels_given_since_are_named_and_the_rest_is_verified() {
        let space = sealed();
        space.write("labels/qc.csv", format!("{}a/2024/4.jpg,vole\n", space.read("labels/qc.csv")));
        space.write("labels/berg.csv", "");
        let found = wrong(&check(&space, Level::Tables));
        let files: Vec<_> = found.iter().map(|(step, words)| (step.as_str(), words.split(':').next().unwrap())).collect();
        assert_eq!(files, [("labelled", "file labels/berg.csv"), ("labelled", "file labels/qc.csv")]);
    }

    #[test]
    fn a_pipeline_that_waits_is_verified_as_it_was_locked() {
        let space = TestSpace::with_labels();
        space.run();
        let exact = check(&space, Level::Tables).len();
        space.write("draw.txt", format!("{}a/2024/4.jpg random\n", space.read("draw.txt")));
        space.try_run().unwrap();
        let found = check(&space, Level::Tables);
        assert_eq!((found.len(), wrong(&found).len()), (exact, 1));
        assert_eq!(wrong(&found)[0].0, "drawn");
    }

    #[test]
    fn an_expectation_or_a_seal_that_does_not_hold_is_a_difference() {
        let space = TestSpace::with_labels();
        space.run();
        space.edit("pipeline.yaml", "    uses: draw\n", "    uses: draw\n    expect: { sample.rows: 4 }\n");
        assert_eq!(
            wrong(&check(&space, Level::Tables)),
            [("drawn".into(), "expectations: differs: `sample.rows` is not == 4".into())]
        );
        seal(&space, "2023");
        space.edit("seasons/2023.csv", ",class\n", ",random\n");
        let found = wrong(&check(&space, Level::Tables));
        assert!(
            found.contains(&(
                "drawn".into(),
                "sealed rows: differs: 1 row of sealed seasons differs from `seasons/2023.csv`".into()
            )),
            "{found:?}"
        );
    }
}
