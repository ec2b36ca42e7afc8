//! What `trapline.lock` knows of people's files: seals and answers that are gone stop a run before it publishes without them.

use std::fs;

use trapline::run::kept::Lost;
use trapline::run::{RunError, seal_season, seasons};

use super::cli::Space;
use super::support::TestSpace;

/// With everything done and locked.
fn done() -> TestSpace {
    let space = TestSpace::with_labels();
    space.run();
    space
}

/// What a run that cannot begin says is lost.
fn lost(space: &TestSpace) -> Vec<Lost> {
    let planned = trapline::run::plan(&space.pipeline(), &space.options).unwrap().lost;
    match space.try_run() {
        Err(RunError::Lost(lost)) => {
            assert_eq!(lost, planned, "plan and run agree");
            lost
        }
        other => panic!("the run began: {other:?}"),
    }
}

#[test]
fn a_label_file_that_is_gone_or_lost_lines_stops_the_run() {
    let space = done();
    let (lock, labels) = (space.read("trapline.lock"), space.read("labels/qc.csv"));
    fs::remove_file(space.path("labels/qc.csv")).unwrap();
    assert_eq!(lost(&space), [Lost::LabelFile { path: "labels/qc.csv".into(), lines: 3 }]);
    space.write("labels/qc.csv", labels.lines().take(2).map(|line| format!("{line}\n")).collect::<String>());
    assert_eq!(lost(&space), [Lost::LabelLines { path: "labels/qc.csv".into(), then: 3, now: 2 }]);
    assert_eq!(space.read("trapline.lock"), lock);
    // Under another name all is there; and what grew only grew.
    space.write("labels/quality.csv", format!("{labels}a/2024/4.jpg,vole\n"));
    fs::remove_file(space.path("labels/qc.csv")).unwrap();
    assert_eq!(space.run().notices(), Vec::<String>::new());
    // Lines that are no longer in the lock may go.
    fs::remove_file(space.path("labels/quality.csv")).unwrap();
    let lock = space.read("trapline.lock");
    space.write(
        "trapline.lock",
        lock.lines().filter(|line| !line.starts_with("labels ")).map(|line| format!("{line}\n")).collect::<String>(),
    );
    space.try_run().unwrap();
}

#[test]
fn a_label_changed_in_place_is_said() {
    let space = done();
    space.edit("labels/qc.csv", "a/2024/3.jpg,vole", "a/2024/3.jpg,stoat");
    let notices = space.run().notices();
    assert!(notices[0].starts_with("`labels/qc.csv` does not go on from what the last complete run read"), "{notices:?}");
    assert_eq!(space.run().notices(), Vec::<String>::new(), "the lock knows it now");
}

#[test]
fn a_row_changed_under_the_id_that_was_made_of_it_is_named_by_its_line() {
    let space = Space::new();
    space.write(
        "pipeline.yaml",
        &format!(
            "{}  qc:\n    uses: review\n    from: metadata\n    with: {{ labels: labels/qc/, blind: true }}\n",
            super::support::PIPELINE
        ),
    );
    for seed in 1..=2 {
        let path = space.path().join(format!("raw/a/2024/{seed}.jpg"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, super::support::jpeg(seed)).unwrap();
    }
    space.run(&["run"]);
    space.write("answers.csv", "site,season,file,class,comment\na,2024,1.jpg,vole, a tail \na,2024,2.jpg,empty,\n");
    let added = space.run(&["labels", "add", "qc", "--reviewer", "anna", "answers.csv"]);
    assert_eq!(added.code, 0, "{}", added.err);
    let end = space.run(&["run"]);
    assert!(end.code == 0 && !end.err.contains("changed in place"), "{}", end.err);
    let file = "labels/qc/anna.csv";
    space.write(file, &space.read(file).replace(",empty,", ",vole,"));
    let end = space.run(&["run"]);
    assert!(end.err.contains("1 rows were changed in place after they were written"), "{}", end.err);
    assert!(end.err.contains("labels/qc/anna.csv line 3"), "{}", end.err);
}

#[test]
fn a_seal_that_somebody_deleted_stops_the_run_and_reopening_lets_it_go_on() {
    for frozen in [false, true] {
        let mut space = done();
        seal_season(&space.pipeline(), &space.options, "2023").unwrap();
        space.run();
        space.options.frozen = frozen;
        let (lock, seal) = (space.read("trapline.lock"), space.read("seasons/2023.csv"));
        assert!(lock.contains("\nseal 2023 b3:"), "{lock}");
        fs::remove_file(space.path("seasons/2023.csv")).unwrap();
        assert_eq!(lost(&space), [Lost::Seal { season: "2023".into() }]);
        space.write("seasons/2023.csv", seal.replace(",class\n", ",random\n"));
        assert_eq!(lost(&space), [Lost::OtherSeal { season: "2023".into() }]);
        fs::remove_file(space.path("seasons/2023.csv")).unwrap();
        assert_eq!(space.read("trapline.lock"), lock);
        let words = trapline::run::kept::words(&lost(&space));
        assert!(words.contains("trapline season reopen 2023 --because"), "{words}");
        seasons::reopen(space.dir.path(), "2023", "it was a trial", "2026").unwrap();
        if frozen {
            continue;
        }
        space.run();
        assert!(!space.read("trapline.lock").contains("\nseal "));
        // Sealed again and deleted again: what was written about the first seal does not speak of the second.
        space.write("draw.txt", format!("{}a/2024/4.jpg random\n", space.read("draw.txt")));
        space.write("labels/qc.csv", format!("{}a/2024/4.jpg,vole\n", space.read("labels/qc.csv")));
        space.run();
        seal_season(&space.pipeline(), &space.options, "2024").unwrap();
        space.run();
        fs::remove_file(space.path("seasons/2024.csv")).unwrap();
        assert_eq!(lost(&space), [Lost::Seal { season: "2024".into() }]);
    }
}

#[test]
fn a_lock_of_an_earlier_version_knows_its_seals_by_their_rows() {
    let space = done();
    seal_season(&space.pipeline(), &space.options, "2023").unwrap();
    space.run();
    let lock = space.read("trapline.lock");
    space.write(
        "trapline.lock",
        lock.lines().filter(|line| !line.starts_with("seal ")).map(|line| format!("{line}\n")).collect::<String>(),
    );
    fs::remove_file(space.path("seasons/2023.csv")).unwrap();
    assert_eq!(lost(&space), [Lost::Seal { season: "2023".into() }]);
}

#[test]
fn the_command_line_names_what_is_lost_and_the_ways_on() {
    let space = Space::new();
    space.write("pipeline.yaml", &super::support::PIPELINE.replace("root: raw", "root: photos"));
    let path = space.path().join("photos/a/2024/1.jpg");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, super::support::jpeg(1)).unwrap();
    assert_eq!(space.run(&["run"]).code, 0);
    assert_eq!(space.run(&["season", "seal", "2024"]).code, 0);
    assert_eq!(space.run(&["run"]).code, 0);
    let seal = space.read("seasons/2024.csv");
    fs::remove_file(space.path().join("seasons/2024.csv")).unwrap();
    for (command, code) in [(&["run"][..], 1), (&["plan"], 0), (&["status"], 0), (&["verify"], 1)] {
        let end = space.run(command);
        let page = end.out + &end.err;
        assert!(
            page.contains("`seasons/2024.csv` is gone: season 2024 was sealed, and nobody reopened it"),
            "{command:?}: {page}"
        );
        assert_eq!(end.code, code, "{command:?}: {page}");
    }
    fs::write(space.path().join("seasons/2024.csv"), [seal.as_bytes(), b"photos,k\xE5.jpg,b3:00,7\n"].concat()).unwrap();
    let end = space.run(&["run"]);
    assert!(end.code == 2 && end.err.contains("line 3: the byte E5 is not UTF-8"), "{}", end.err);
}

#[test]
fn a_root_says_what_is_wrong_with_each_of_its_places() {
    let space = Space::new();
    let pipeline = super::support::PIPELINE.replace("root: raw", "root: archive");
    space.write("pipeline.yaml", &pipeline.replace("steps:\n", "roots: { archive: { marker: .trapline-root } }\nsteps:\n"));
    space.write("disk/a/2024/1.txt", "x");
    space.write("trapline.local.yaml", "roots: { archive: [nowhere, disk] }\n");
    for command in [&["run"][..], &["plan"], &["status"], &["season", "seal", "2024"]] {
        let end = space.run(command);
        let page = end.out + &end.err;
        assert!(page.contains("nowhere: does not exist"), "{command:?}: {page}");
        assert!(
            page.contains("disk: is there and holds no `.trapline-root`: if it is the right disk, create"),
            "{command:?}: {page}"
        );
    }
    space.write("trapline.local.yaml", "roots: { archive: ~/disk }\n");
    let end = space.run(&["run"]);
    assert!(end.code == 2 && end.err.contains("`~` of the place `~/disk` is not replaced by anything"), "{}", end.err);
}
