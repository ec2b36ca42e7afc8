//! The commands around a project: init, help, completions, pictures, and how the program ends.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod cli;

use std::io::Read as _;
use std::process::Stdio;

use cli::Space;

#[test]
fn a_new_project_is_valid_and_says_what_to_do() {
    let space = Space::new();
    let end = space.run(&["init", "varanger"]);
    assert_eq!(end.code, 0, "{}", end.err);
    assert!(end.err.contains("Edit the first three, then: cd varanger, then trapline validate"), "{}", end.err);
    let end = space.run(&["validate", "varanger/pipeline.yaml"]);
    assert_eq!((end.code, end.err.as_str()), (0, "varanger/pipeline.yaml is valid: 4 steps\n"), "{}", end.out);
    assert!(space.read("varanger/.gitignore").contains(".trapline/"));
    assert!(space.read("varanger/.gitattributes").contains("labels/**/*.csv merge=union"));
    assert!(space.read("varanger/trapline.local.yaml").contains(r"'E:\varanger'"));
}

#[test]
fn a_project_is_not_replaced() {
    let space = Space::new();
    space.write("pipeline.yaml", "mine");
    let end = space.run(&["init"]);
    assert_eq!((end.code, space.read("pipeline.yaml").as_str()), (2, "mine"));
    assert!(!space.path().join(".gitignore").exists());
}

#[test]
fn help_explains_kinds_codes_and_commands() {
    let space = Space::new();
    for (topic, words) in [("images", "Parameters (`with:`)"), ("TL0412", "a column is missing"), ("run", "--keep-going")] {
        let end = space.run(&["help", topic]);
        assert!(end.code == 0 && end.out.contains(words), "{topic}: {}{}", end.out, end.err);
    }
    let end = space.run(&["help", "imagse"]);
    assert_eq!(end.code, 2);
    assert!(end.err.contains("did you mean `images`?"), "{}", end.err);
}

#[test]
fn every_command_has_help_with_an_example() {
    let space = Space::new();
    let overview = space.run(&["help"]).out;
    for command in [
        "demo",
        "init",
        "validate",
        "plan",
        "run",
        "status",
        "why",
        "show",
        "graph",
        "verify",
        "diff",
        "season",
        "model",
        "cache",
        "schema",
        "completions",
    ] {
        assert!(overview.contains(&format!("\n  {command}\n")), "{command}");
        let end = space.run(&[command, "--help"]);
        assert!(end.code == 0 && end.out.contains(&format!("trapline {command}")), "{command}: {}", end.out);
    }
}

#[test]
fn a_picture_has_every_step() {
    let space = Space::new();
    space.run(&["init"]);
    for format in ["dot", "mermaid", "svg"] {
        let end = space.run(&["graph", "--format", format]);
        assert_eq!(end.code, 0, "{}", end.err);
        for step in ["images", "metadata", "names", "table"] {
            assert!(end.out.contains(step), "{format} {step}");
        }
    }
}

#[test]
fn wrong_arguments_end_with_2() {
    let space = Space::new();
    assert_eq!(space.run(&["plan", "--no-such-option"]).code, 2);
    assert_eq!(space.run(&["plan", "--set", "novalue"]).code, 2);
    let end = space.run(&["plan"]);
    assert_eq!(end.code, 2);
    assert!(end.err.contains("start one with `trapline init`"), "{}", end.err);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let space = Space::new();
    let mut child = space.command(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn colour_follows_the_wish() {
    let space = Space::new();
    space.write("pipeline.yaml", "trapline: 2\n");
    let coloured = |args: &[&str], no_color: bool| {
        let mut command = space.command(args);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        String::from_utf8(command.output().unwrap().stdout).unwrap().contains('\u{1b}')
    };
    assert!(!coloured(&["validate"], false));
    assert!(coloured(&["validate", "--colour", "always"], false));
    assert!(!coloured(&["validate", "--colour", "auto"], true));
}
