//! One invalid file per mistake under `tests/invalid`, each with its exact findings beside it.
//!
//! A case is `NAME.yaml`, or `NAME/pipeline.yaml` where it needs other files. A first line `# --set key=value` or `# --params FILE`
//! overrides parameters; `# --without tch` is a case only for a program built so. `UPDATE_EXPECTED=1 cargo test --test invalid_pipelines` writes the expectations anew.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that fails here is right to fail")]

#[path = "support/kinds.rs"]
mod kinds;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use trapline::check::{Loaded, Overrides, load_with, validate_with};
use trapline::diagnostic::{codes, plain};

/// Findings about files that a repository cannot hold (missing, huge, or links), and one of builds without libtorch alone. Tests
/// of this file provoke them, and `tests/field/reading.rs` a folder that cannot be listed.
const GENERATED: &[&str] = &["TL0101", "TL0102", "TL0417", "TL0706", "TL0775"];

fn cases(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(Path::new("tests").join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            found.push(path);
        } else if path.join("pipeline.yaml").is_file() {
            found.push(path.join("pipeline.yaml"));
        }
    }
    found.sort();
    found
}

fn overrides(path: &Path) -> Overrides {
    let mut overrides = Overrides::default();
    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    for line in text.lines() {
        if let Some((key, value)) = line.strip_prefix("# --set ").and_then(|rest| rest.split_once('=')) {
            overrides.set.push((key.to_owned(), value.to_owned()));
        } else if let Some(file) = line.strip_prefix("# --params ") {
            overrides.params.push(path.parent().unwrap().join(file));
        }
    }
    overrides
}

fn load(path: &Path) -> Loaded {
    validate_with(&kinds::kinds(), path, &overrides(path))
}

fn rendered(loaded: &Loaded, folder: &str) -> String {
    let mut text = String::new();
    for finding in &loaded.report.diagnostics {
        let _ = write!(text, "{}", plain(&loaded.sources, finding).replace(&format!("{folder}/"), ""));
    }
    text
}

/// `NAME.yaml` and `NAME/pipeline.yaml` have `NAME.expected` and `NAME/pipeline.expected`.
#[test]
fn invalid_pipelines_give_exactly_the_expected_findings() {
    let mut wrong = String::new();
    let cases = cases("invalid");
    assert!(cases.len() >= 60, "{} cases", cases.len());
    for path in cases {
        if cfg!(feature = "tch") && std::fs::read(&path).unwrap().starts_with(b"# --without tch") {
            continue;
        }
        let loaded = load(&path);
        let found = rendered(&loaded, "tests/invalid");
        let expected_path = path.with_extension("expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&expected_path, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&expected_path).unwrap_or_default().replace("\r\n", "\n");
        if found.is_empty() || found != expected {
            let _ = writeln!(wrong, "== {}\n-- expected\n{expected}-- found\n{found}", path.display());
        }
        assert_eq!(loaded.pipeline.is_none(), loaded.report.has_errors(), "{}", path.display());
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_code_has_a_file_that_provokes_it() {
    let mut seen = BTreeSet::new();
    for path in cases("invalid") {
        seen.extend(load(&path).report.diagnostics.iter().map(|finding| finding.code.id));
    }
    let missing: Vec<_> = codes::CODES
        .iter()
        .map(|explained| explained.code.id)
        .filter(|id| !seen.contains(id) && !GENERATED.contains(id))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn valid_pipelines_have_no_findings() {
    let cases = cases("valid");
    assert!(!cases.is_empty());
    for path in cases {
        let loaded = load(&path);
        assert_eq!(rendered(&loaded, "tests/valid"), "", "{}", path.display());
        assert!(loaded.pipeline.is_some());
    }
}

#[test]
fn files_that_cannot_be_committed() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().display().to_string().replace('\\', "/");
    let missing = folder.path().join("missing.yaml");
    let text = |path: &Path| rendered(&load_with(&kinds::kinds(), path, &Overrides::default()), &shown);
    insta::assert_snapshot!(text(&missing), @r"
    TL0101 missing.yaml:1:1-1:1 error: `missing.yaml` does not exist
      help: check the name and the folder
    ");
    let large = folder.path().join("large.yaml");
    std::fs::write(&large, "# long\n".repeat(200_000)).unwrap();
    insta::assert_snapshot!(text(&large), @r"
    TL0102 large.yaml:1:1-1:1 error: `large.yaml` has 1400000 bytes
      help: the limit is 1 MiB; put data into CSV files and shared parts into fragments
    ");
}

#[test]
fn a_build_without_libtorch_warns_of_what_it_cannot_run() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("photos")).unwrap();
    let file = folder.path().join("p.yaml");
    // What only runs when asked for is not warned of each day.
    for (stage, warnings) in [("", usize::from(!cfg!(feature = "tch"))), (" stage: retrain,", 0)] {
        let text = format!(
            "trapline: 1\nclasses: [vole]\nsteps:\n  images:\n    uses: images\n    with: {{ root: photos, path: '{{class}}/{{split}}/*.jpg' }}\n  \
             t: {{ uses: train,{stage} from: images }}\n"
        );
        std::fs::write(&file, text).unwrap();
        let loaded = load_with(&kinds::kinds(), &file, &Overrides::default());
        assert!(loaded.pipeline.is_some(), "it is checked all the same");
        let found = loaded.report.diagnostics.iter().filter(|finding| finding.code.id == "TL0417").count();
        assert_eq!(found, warnings, "{stage}");
    }
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_project() {
    let outside = tempfile::tempdir().unwrap();
    let project = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("part.yaml"), "params: {}\n").unwrap();
    std::os::unix::fs::symlink(outside.path(), project.path().join("away")).unwrap();
    let file = project.path().join("p.yaml");
    let text = "trapline: 1\ninclude: away/part.yaml\nsteps:\n  images:\n    uses: images\n    with: { root: away, path: '*.jpg' }\n  \
                drawn: { uses: pick, from: images, with: { into: away/x.csv } }\n";
    std::fs::write(&file, text).unwrap();
    let shown = project.path().display().to_string();
    let loaded = load_with(&kinds::kinds(), &file, &Overrides::default());
    insta::assert_snapshot!(rendered(&loaded, &shown), @r"
    TL0216 p.yaml:2:10-2:24 error: `away/part.yaml` is a link that leaves the project
      help: fragments lie in the pipeline's folder or below
    TL0706 p.yaml:6:19-6:23 error: `away` goes through a link that leaves the project
      help: declare the place as a root
    TL0706 p.yaml:7:52-7:62 error: `away/x.csv` goes through a link that leaves the project
      help: declare the place as a root
    ");
}

/// `validate` runs in a pre-commit hook: twenty steps take under 20 ms; an unoptimised build gets ten times that.
#[test]
fn twenty_steps_are_checked_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("photos")).unwrap();
    let mut text = String::from("trapline: 1\nparams: { count: 10, ext: jpg }\nclasses: [empty, vole]\nsteps:\n");
    text += "  images:\n    uses: images\n    with: { root: photos, path: \"{locality}/{site}/{season}/*.{{ params.ext }}\" }\n";
    text += "  step1: { uses: metadata, from: images }\n";
    for step in 2..20 {
        let from = step - 1;
        let _ = write!(
            text,
            "  step{step}:\n    uses: pick\n    from: step{from}\n    with:\n      by: [season, locality]\n      count: \"{{{{ params.count * {step} }}}}\"\n      always: [vole]\n      into: \"out/{{{{ params.ext }}}}_{step}.csv\"\n",
        );
    }
    let file = folder.path().join("p.yaml");
    std::fs::write(&file, text).unwrap();
    let started = std::time::Instant::now();
    let runs = 10;
    for _ in 0..runs {
        let loaded = load_with(&kinds::kinds(), &file, &Overrides::default());
        assert_eq!(rendered(&loaded, ""), "");
        assert_eq!(loaded.pipeline.unwrap().steps.len(), 20);
    }
    let each = started.elapsed() / runs;
    eprintln!("twenty steps: {each:?}");
    assert!(each.as_millis() < if cfg!(debug_assertions) { 200 } else { 20 }, "{each:?}");
}
