//! The demo: drawn, run, and a season more.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod cli;

use cli::Space;

/// Rows computed and cached by the classification, as the log tells.
fn classified(log: &str) -> (u64, u64) {
    let line = log.lines().find(|line| line.starts_with("predictions: done")).unwrap();
    let numbers: Vec<u64> = line.split(['(', ')']).nth(1).unwrap().split(' ').filter_map(|word| word.parse().ok()).collect();
    (numbers[0], numbers[1])
}

#[test]
fn a_season_more_computes_only_what_is_new() {
    let space = Space::new();
    assert_eq!(space.run(&["demo", "here", "--add-season"]).code, 2, "there is nothing to add to");
    let first = space.run(&["demo", "here"]);
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(first.out.contains("images are right") && first.err.contains("trapline demo here --add-season"), "{}", first.out);
    for step in ["qc_labels", "corrected"] {
        assert!(first.err.contains(&format!("`{step}` asks people about")), "{}", first.err);
    }
    let (computed, cached) = classified(&first.err);
    assert!(computed > 200 && cached == 0, "{}", first.err);
    let published = space.read("here/published/observations.csv");
    let shown = space.run(&["show", "final", "-p", "here/pipeline.yaml", "--format", "csv"]).out;
    assert!(published.lines().count() > 200 && published.lines().count() == shown.lines().count());

    let (labels, sampled) = (
        space.read("here/labels/quality_check/generator.csv"),
        space.run(&["show", "qc_random", "-p", "here/pipeline.yaml", "--format", "csv"]).out,
    );

    let second = space.run(&["demo", "here", "--add-season"]);
    assert_eq!(second.code, 0, "{}", second.err);
    let (more, kept) = classified(&second.err);
    assert!(more > 200 && (computed - kept) <= 2, "{more} computed, {kept} cached");
    // The samples of the first season are as they were, and its answers stand where they stood.
    let after = space.run(&["show", "qc_random", "-p", "here/pipeline.yaml", "--format", "csv"]).out;
    assert!(sampled.lines().count() > 40 && sampled.lines().all(|line| after.contains(line)));
    assert!(space.read("here/labels/quality_check/generator.csv").starts_with(&labels));
    let again = space.run(&["demo", "here"]);
    assert!(again.code == 0 && !again.err.contains(": done,"), "{}", again.err);
    assert_eq!(space.run(&["verify", "-p", "here/pipeline.yaml", "--level", "sample", "--sample", "20"]).code, 0);
}
