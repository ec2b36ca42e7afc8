//! The published JSON Schema: as the program makes it, and accepting our own pipelines.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod cli;

use std::path::{Path, PathBuf};

use cli::Space;

/// The places where the schema is published: the newest, and by version of the language.
const PUBLISHED: [&str; 2] = ["schemas/pipeline.schema.json", "schemas/v1/pipeline.schema.json"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn made() -> String {
    let end = Space::new().run(&["schema"]);
    assert_eq!(end.code, 0, "{}", end.err);
    end.out
}

#[test]
fn the_published_schema_is_what_the_program_makes() {
    let made = made();
    for path in PUBLISHED {
        let published = std::fs::read_to_string(root().join(path)).unwrap_or_default().replace("\r\n", "\n");
        assert!(published == made, "`{path}` has drifted: `cargo run -- schema > {path}`");
    }
}

#[test]
fn our_own_pipelines_are_accepted() {
    let schema: serde_json::Value = serde_json::from_str(&made()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let mut files = Vec::new();
    for folder in ["pipelines", "examples", "src/cli/init"] {
        collect(&root().join(folder), &mut files);
    }
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
    }
}

#[test]
fn mistakes_are_refused() {
    let schema: serde_json::Value = serde_json::from_str(&made()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let valid = |text: &str| validator.is_valid(&serde_yaml::from_str(text).unwrap());
    assert!(valid("{trapline: 1, steps: {images: {uses: images, with: {root: raw, path: '{site}/*.jpg'}}}}"));
    for text in [
        "{trapline: 2, steps: {}}",
        "{trapline: 1}",
        "{trapline: 1, stepps: {}, steps: {}}",
        "{trapline: 1, steps: {images: {uses: imagse}}}",
        "{trapline: 1, steps: {Images: {uses: images, with: {root: raw, path: x}}}}",
        "{trapline: 1, steps: {images: {uses: images, with: {root: raw, path: x, rooot: y}}}}",
        "{trapline: 1, steps: {images: {uses: images, from: other, with: {root: raw, path: x}}}}",
        "{trapline: 1, steps: {images: {uses: images, with: {root: raw}}}}",
        "{trapline: 1, steps: {classes: {uses: classify, from: images, with: {model: no_version}}}}",
    ] {
        assert!(!valid(text), "{text}");
    }
}

/// Pipelines: YAML files that begin with the version of the language.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "yaml")
            && std::fs::read_to_string(&path).unwrap().lines().any(|line| line.starts_with("trapline:"))
        {
            files.push(path);
        }
    }
    files.sort();
}
