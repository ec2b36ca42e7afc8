//! `trapline promote` on the command line: what it asks for, and how it refuses.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod cli;

use cli::Space;

#[test]
fn a_refusal_says_why_and_changes_nothing() {
    let space = Space::new();
    let pipeline =
        "trapline: 1\nname: voles\nsteps:\n  images:\n    uses: images\n    with: { root: raw, path: \"{site}/*.jpg\" }\n";
    space.write("pipeline.yaml", pipeline);
    space.write("raw/a/1.jpg", "one");
    let end = space.run(&["promote", "images", "--as", "voles@1", "--because", "tried"]);
    assert_eq!(end.code, 2, "{}", end.err);
    assert!(end.err.contains("step `images` (`images`) has no output of a model"), "{}", end.err);
    let end = space.run(&["promote", "imagse", "--as", "voles@1", "--because", "tried"]);
    assert!(end.code == 2 && end.err.contains("did you mean `images`?"), "{}", end.err);
    assert!(!space.path().join("models").exists() && !space.path().join("models.lock").exists());
}

#[test]
fn a_promotion_wants_a_name_and_a_reason_and_help_says_what_is_held() {
    let space = Space::new();
    assert_eq!(space.run(&["promote", "train"]).code, 2);
    let help = space.run(&["promote", "--help"]).out;
    for words in ["--as <NAME@VERSION>", "--because <REASON>", "gain_lower >= -0.02", "trapline promote train --as"] {
        assert!(help.contains(words), "{words}\n{help}");
    }
}
