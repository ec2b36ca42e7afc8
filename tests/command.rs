//! A script of the user's as a step: run again for its text and its inputs alone, never kept when it fails.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use support::TestSpace;
use trapline::run::event::Outcome;

const STEP: &str = "  own:
    uses: command
    from: { tables: [metadata] }
    with:
      run: [sh, scripts/own.sh]
      files: [scripts/own.sh]
      columns: { rows: integer }
  table: { uses: export, from: own, with: { into: published/own.csv } }
";
const COUNT: &str = "n=$(($(wc -l < inputs/1.csv) - 1)); printf 'rows\\n%s\\n' $n > outputs/table.csv\n";

fn space(script: &str) -> TestSpace {
    let space = TestSpace::new();
    space.write("pipeline.yaml", format!("{}{STEP}", support::PIPELINE));
    space.write("scripts/own.sh", script);
    for seed in 1..=3 {
        space.image(&format!("raw/a/2024/{seed}.jpg"), seed);
    }
    space
}

fn ran(space: &TestSpace) -> Vec<String> {
    space.run().ran().into_iter().map(|(step, _)| step).collect()
}

fn published(space: &TestSpace) -> String {
    std::fs::read_to_string(space.path("published/own.csv")).unwrap()
}

#[test]
fn it_runs_again_for_its_inputs_and_its_text_and_for_nothing_else() {
    let space = space(COUNT);
    space.run();
    assert_eq!(published(&space), "rows\n3\n");
    assert_eq!(ran(&space), [""; 0]);
    // How long it may take says nothing about what it yields.
    space.edit("pipeline.yaml", "      columns:", "      timeout_s: 60\n      columns:");
    assert_eq!(ran(&space), [""; 0]);
    space.image("raw/a/2024/4.jpg", 4);
    assert!(ran(&space).contains(&"own".to_owned()));
    assert_eq!(published(&space), "rows\n4\n");
    space.edit("scripts/own.sh", "- 1", "- 2");
    assert_eq!(space.decisions().into_iter().find(|(step, _)| step == "own").unwrap().1, "run");
    assert_eq!(ran(&space), ["own", "table"]);
    assert_eq!(published(&space), "rows\n3\n");
}

#[test]
fn a_failure_is_said_with_the_script_s_last_words_and_never_kept() {
    let space = space("echo cannot find unmarked >&2; exit 1\n");
    for _ in 0..2 {
        let ran = space.try_run().unwrap();
        assert_eq!(ran.outcome, Outcome::Failed);
        assert!(ran.errors()[0].contains("cannot find unmarked"), "{:?}", ran.errors());
    }
    // It broke off in the middle of a row.
    space.write("scripts/own.sh", "printf 'rows\\n3' > outputs/table.csv\n");
    assert_eq!(space.try_run().unwrap().outcome, Outcome::Failed);
    space.write("scripts/own.sh", COUNT);
    space.run();
    assert_eq!(published(&space), "rows\n3\n");
}

#[test]
fn the_ready_script_counts_days_as_its_head_says() {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3");
        return;
    }
    let space = TestSpace::with_model();
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let ready = std::fs::read_to_string(own.join("own_script.yaml")).unwrap();
    let step = &ready[ready.find("  seen_days:").unwrap()..ready.find("  table:").unwrap()];
    let step = step.replace("\"{{ params.certain_at }}\"", "\"0\"");
    let pipeline = std::fs::read_to_string(space.path("pipeline.yaml")).unwrap();
    space.write("pipeline.yaml", format!("{pipeline}{step}"));
    space.write("scripts/seen_days.py", std::fs::read(own.join("scripts/seen_days.py")).unwrap());
    for seed in 1..=4 {
        space.image(&format!("raw/a/2024/{seed}.jpg"), seed);
    }
    space.run();
    let (table, predictions) = (space.table("seen_days"), space.table("predictions"));
    let labels: std::collections::BTreeSet<String> = space.column("predictions", "label").into_iter().collect();
    assert_eq!(space.column("seen_days", "class"), labels.into_iter().collect::<Vec<_>>());
    let days: std::collections::BTreeSet<String> =
        (0..predictions.rows).map(|row| predictions.cell(row, "datetime").to_string()[..10].to_owned()).collect();
    assert_eq!(table.column("days").unwrap().int(0), i64::try_from(days.len()).ok());
}
