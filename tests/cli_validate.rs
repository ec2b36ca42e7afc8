//! `trapline validate` from outside: formats, exit codes, what a change touches.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod cli;

use cli::Space;

const GOOD: &str = "trapline: 1\nsteps:\n  images:\n    uses: images\n    with: { root: raw, path: \"{site}/{season}/*.jpg\" }\n  table:\n    uses: metadata\n    from: images\n";
const BAD: &str = "trapline: 1\nsteps:\n  images:\n    uses: imagse\n    wiht: {}\n";

fn space() -> Space {
    let space = Space::new();
    space.write("raw/a/2025/1.jpg", "");
    space
}

#[test]
fn a_good_pipeline_is_said_to_be_valid() {
    let space = space();
    space.write("pipeline.yaml", GOOD);
    let end = space.run(&["validate", "pipeline.yaml"]);
    assert_eq!((end.code, end.out.as_str(), end.err.as_str()), (0, "", "pipeline.yaml is valid: 2 steps\n"));
}

#[test]
fn all_mistakes_of_all_files_come_at_once_in_source_order() {
    let space = space();
    space.write("a.yaml", BAD);
    space.write("b.yaml", GOOD);
    space.write("c.yaml", &BAD.replace("wiht", "form"));
    let end = space.run(&["validate", "a.yaml", "b.yaml", "c.yaml"]);
    assert_eq!(end.code, 2);
    let places: Vec<_> = end.out.lines().filter_map(|line| line.trim_start().strip_prefix("--> ")).collect();
    assert_eq!(places, ["a.yaml:4:11", "a.yaml:5:5", "c.yaml:4:11", "c.yaml:5:5"]);
    assert!(!end.out.contains('\u{1b}'), "a pipe gets no colour");
    assert_eq!(end.err, "4 errors in 3 files\n");
}

#[test]
fn json_has_the_documented_form() {
    let space = space();
    space.write("pipeline.yaml", BAD);
    let end = space.run(&["validate", "--format", "json"]);
    let answer: serde_json::Value = serde_json::from_str(&end.out).unwrap();
    assert_eq!(answer["format"], 1);
    let first = &answer["diagnostics"][0];
    assert_eq!(
        (&first["code"], &first["line"], &first["column"], &first["end_column"]),
        (&"TL0213".into(), &4.into(), &11.into(), &17.into())
    );
    assert_eq!((end.code, first["file"].as_str()), (2, Some("pipeline.yaml")));
}

#[test]
fn sarif_and_github_name_the_same_findings() {
    let space = space();
    space.write("pipeline.yaml", BAD);
    let sarif: serde_json::Value = serde_json::from_str(&space.run(&["validate", "--format", "sarif"]).out).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(rules[index]["help"]["text"].as_str().unwrap().contains("trapline help TL"));
    }
    let github = space.run(&["validate", "--format", "github"]).out;
    assert_eq!(github.lines().count(), results.len());
    assert!(github.starts_with("::error file=pipeline.yaml,line=4,col=11,endLine=4,endColumn=17,title=TL0213::"), "{github}");
}

#[test]
fn only_what_a_change_touches_is_checked() {
    let space = space();
    space.write("a.yaml", &format!("include: shared.yaml\n{GOOD}"));
    space.write("shared.yaml", "params: {}\n");
    space.write("b.yaml", BAD);
    space.git(&["init", "-q", "-b", "main"]);
    space.git(&["add", "-A"]);
    space.git(&["commit", "-qm", "start"]);
    let end = space.run(&["validate", "--changed-since", "main"]);
    assert_eq!((end.code, end.err.as_str()), (0, "no pipeline is touched by the changes\n"));
    space.write("shared.yaml", "params: { x: }\nsteps: 3\n");
    let end = space.run(&["validate", "--changed-since", "main"]);
    assert_eq!(end.code, 2);
    assert!(end.out.contains("shared.yaml:2") && !end.out.contains("b.yaml"), "{}", end.out);
}

#[test]
fn a_change_without_git_is_refused() {
    let space = space();
    space.write("pipeline.yaml", GOOD);
    let end = space.run(&["validate", "--changed-since", "main"]);
    assert_eq!(end.code, 2);
    assert!(end.err.starts_with("error: only a git repository knows which files to check"), "{}", end.err);
}
