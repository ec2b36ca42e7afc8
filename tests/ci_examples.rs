//! The examples for GitHub and pre-commit: their own command lines, against pipelines that can run and pipelines that cannot.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]
#![cfg(unix)]

mod cli;

use std::path::Path;
use std::process::Command;

use cli::{End, Space};
use serde_yaml::Value;

const GOOD: &str = "trapline: 1\nclasses: [empty, vole]\nsteps:\n  images:\n    uses: images\n    with: { root: raw, path: \"{site}/*.jpg\" }\n  table:\n    uses: metadata\n    from: images\n";

fn yaml(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A repository with a pipeline on `main` and `origin/main`.
fn repository() -> Space {
    let space = Space::new();
    space.write("raw/a/1.jpg", "");
    space.write("everyday/pipeline.yaml", &GOOD.replace("root: raw", "root: raw_images"));
    space.write("everyday/raw_images/a/1.jpg", "");
    space.write("notes.yaml", "just: notes\n");
    space.git(&["init", "-q", "-b", "main"]);
    space.git(&["add", "-A"]);
    space.git(&["commit", "-qm", "start"]);
    space.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    space
}

/// A command line as the runner of GitHub or pre-commit gives it to a shell, with the program on the path.
fn shell(space: &Space, line: &str) -> End {
    let program = Path::new(assert_cmd::cargo::cargo_bin!("trapline"));
    let path = std::env::join_paths(
        std::iter::once(program.parent().unwrap().to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let output = Command::new("bash")
        .args(["-e", "-c", line])
        .current_dir(space.path())
        .env("PATH", path.unwrap())
        .env("BASE", "main")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    End { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// The command lines of the workflow that check pipelines, by the event that they are for.
fn of_workflow() -> (String, String) {
    let workflow = yaml("examples/ci/validate.yml");
    assert_eq!(workflow["permissions"]["contents"], "read");
    let steps = workflow["jobs"]["validate"]["steps"].as_sequence().unwrap();
    assert_eq!((&steps[0]["uses"], &steps[0]["with"]["fetch-depth"]), (&"actions/checkout@v4".into(), &0.into()));
    let line = |condition: &str| {
        let step = steps.iter().find(|step| step["if"] == condition).unwrap();
        step["run"].as_str().unwrap().to_owned()
    };
    let pull = steps.iter().find(|step| step["if"] == "github.event_name == 'pull_request'").unwrap();
    assert_eq!(pull["env"]["BASE"], "${{ github.base_ref }}");
    (line("github.event_name == 'pull_request'"), line("github.event_name != 'pull_request'"))
}

#[test]
fn the_workflow_puts_each_mistake_beside_its_line() {
    let (pull, push) = of_workflow();
    let space = repository();
    let end = shell(&space, &pull);
    assert_eq!((end.code, end.out.as_str(), end.err.as_str()), (0, "", "no pipeline is touched by the changes\n"));
    let end = shell(&space, &push);
    assert_eq!((end.code, end.out.as_str(), end.err.as_str()), (0, "", "everyday/pipeline.yaml is valid: 2 steps\n"));

    // A branch with a mistake in a pipeline of its own.
    space.git(&["switch", "-qc", "mine"]);
    space.write("pipeline.yaml", &GOOD.replace("from: images", "from: imagse"));
    space.git(&["add", "-A"]);
    space.git(&["commit", "-qm", "more"]);
    let annotation = "::error file=pipeline.yaml,line=9,col=11,endLine=9,endColumn=17,title=TL0402::";
    for line in [&pull, &push] {
        let end = shell(&space, line);
        assert!(end.code == 2 && end.out.starts_with(annotation) && end.out.contains("imagse"), "{}{}", end.out, end.err);
        assert_eq!(end.out.lines().count(), 1);
    }
    // A mistake in a file that a pipeline reads is one of the pipeline.
    space.write("pipeline.yaml", &GOOD.replace("classes: [empty, vole]", "taxonomy: taxonomy.csv"));
    space.write("taxonomy.csv", "class,role\nvole,animl\n");
    let end = shell(&space, &pull);
    assert!(end.code == 2 && end.out.starts_with("::error file=taxonomy.csv,line=2,col=6,"), "{}", end.out);
}

#[test]
fn the_hooks_check_what_the_commit_may_break() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let hooks = hooks.as_sequence().unwrap();
    let config = yaml("examples/ci/.pre-commit-config.yaml");
    let used = config["repos"][0]["hooks"][0]["id"].as_str().unwrap();
    assert!(hooks.iter().any(|hook| hook["id"] == used), "{used}");
    let languages: Vec<_> = hooks.iter().map(|hook| hook["language"].as_str().unwrap()).collect();
    assert_eq!(languages, ["rust", "system"]);
    for hook in hooks {
        let files = regex::Regex::new(hook["files"].as_str().unwrap()).unwrap();
        for (name, wanted) in [
            ("pipeline.yaml", true),
            ("parts/shared.yml", true),
            ("taxonomy.csv", true),
            ("models.lock", true),
            ("archive/a/1.jpg", false),
            ("README.md", false),
        ] {
            assert_eq!(files.is_match(name), wanted, "{name}");
        }
        assert_eq!(hook["pass_filenames"], false);
        let entry = hook["entry"].as_str().unwrap();
        let space = repository();
        assert_eq!(shell(&space, entry).code, 0);
        space.write("everyday/pipeline.yaml", &GOOD.replace("uses: metadata", "uses: metdata"));
        let end = shell(&space, entry);
        assert!(end.code == 2 && end.out.contains("--> everyday/pipeline.yaml:8:11"), "{}", end.out);
        assert!(end.out.contains("did you mean `metadata`?"), "{}", end.out);
    }
}

#[test]
fn all_pipelines_are_found_before_the_first_commit_too() {
    let space = Space::new();
    assert_eq!(space.run(&["validate", "--all"]).code, 2);
    space.git(&["init", "-q", "-b", "main"]);
    let end = space.run(&["validate", "--all"]);
    assert_eq!((end.code, end.err.as_str()), (0, "there is no pipeline in this folder or below\n"));
    space.write("raw/a/1.jpg", "");
    space.write("pipeline.yaml", GOOD);
    assert_eq!(space.run(&["validate", "--all"]).err, "pipeline.yaml is valid: 2 steps\n");
    assert_eq!(space.run(&["validate", "--all", "pipeline.yaml"]).code, 2);
}
