//! What a checked pipeline holds: order, instances, values, roots, files; and that no text makes the reader fail otherwise.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that fails here is right to fail")]

#[path = "support/kinds.rs"]
mod kinds;

use std::path::Path;

use trapline::check::{Comparison, Loaded, Overrides, Pipeline, load_with};
use trapline::diagnostic::plain;
use trapline::step::ParamValue;

/// A project folder with an empty `photos/`.
struct Project(tempfile::TempDir);

impl Project {
    fn new(text: &str) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(project.0.path().join("photos")).unwrap();
        project.write("p.yaml", text)
    }

    fn write(self, name: &str, text: &str) -> Self {
        std::fs::write(self.0.path().join(name), text).unwrap();
        self
    }

    fn load(&self, overrides: &Overrides) -> Loaded {
        load_with(&kinds::kinds(), &self.0.path().join("p.yaml"), overrides)
    }

    fn pipeline(&self) -> Pipeline {
        let loaded = self.load(&Overrides::default());
        let findings: String = loaded.report.diagnostics.iter().map(|finding| plain(&loaded.sources, finding)).collect();
        loaded.pipeline.unwrap_or_else(|| panic!("{findings}"))
    }
}

const IMAGES: &str = "  images: { uses: images, with: { root: photos, path: \"{site}/{season}/*.jpg\" } }\n";

fn names(pipeline: &Pipeline) -> Vec<&str> {
    pipeline.steps.iter().map(|step| step.name.value.as_str()).collect()
}

fn set(pairs: &[(&str, &str)]) -> Overrides {
    Overrides { set: pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(), params: Vec::new() }
}

#[test]
fn steps_run_behind_their_sources_and_otherwise_as_written() {
    let text = format!(
        "trapline: 1\nsteps:\n  z: {{ uses: pick, from: b }}\n  b: {{ uses: pick, from: images }}\n{IMAGES}  a: {{ uses: pick, from: images }}\n"
    );
    let pipeline = Project::new(&text).pipeline();
    assert_eq!(names(&pipeline), ["images", "b", "z", "a"]);
    for step in &pipeline.steps {
        for wire in step.inputs.iter().flatten() {
            assert!(wire.step < pipeline.step(&step.name.value).unwrap());
        }
    }
    let z = &pipeline.steps[2];
    assert_eq!(pipeline.steps[z.inputs[0][0].step].name.value, "b");
}

#[test]
fn instances_are_gathered_in_the_declared_order() {
    let text = format!(
        "trapline: 1\nparams: {{ archs: [r50, r18] }}\nsteps:\n{IMAGES}  train:\n    uses: fit\n    for_each: {{ arch: \"{{{{ params.archs }}}}\", n: [2, 10] }}\n    from: images\n    with: {{ architecture: \"{{{{ each.arch }}}}_{{{{ each.n }}}}\" }}\n  all_logs: {{ uses: join, from: {{ left: images, right: \"train[*].log\" }} }}\n"
    );
    let pipeline = Project::new(&text).pipeline();
    let gathered: Vec<&str> =
        pipeline.steps.last().unwrap().inputs[1].iter().map(|wire| pipeline.steps[wire.step].name.value.as_str()).collect();
    assert_eq!(gathered, ["train[r50,2]", "train[r50,10]", "train[r18,2]", "train[r18,10]"]);
    assert_eq!(pipeline.steps[pipeline.step("train[r18,2]").unwrap()].params.text("architecture"), Some("r18_2"));
}

#[test]
fn a_string_that_is_one_expression_keeps_its_type() {
    let text = format!(
        "trapline: 1\nparams: {{ n: 7, cols: [site, season], share: 0.25, on: true }}\nsteps:\n{IMAGES}  drawn:\n    uses: pick\n    from: images\n    with: {{ count: \"{{{{ params.n * 2 }}}}\", by: \"{{{{ params.cols }}}}\", share: \"{{{{ params.share }}}}\", keep: \"{{{{ params.on }}}}\", into: \"{{{{ params.n }}}}.csv\" }}\n"
    );
    let pipeline = Project::new(&text).pipeline();
    let params = &pipeline.steps[1].params;
    assert_eq!(params.get("count").unwrap().value, ParamValue::Int(14));
    assert_eq!(params.number("share"), Some(0.25));
    assert!(params.bool("keep"));
    assert_eq!(params.text("into"), Some("7.csv"));
    let by: Vec<String> = params.texts("by").into_iter().map(|text| text.value).collect();
    assert_eq!(by, ["site", "season"]);
}

#[test]
fn overrides_are_typed_and_the_last_one_wins() {
    let text = format!(
        "trapline: 1\nparams: {{ n: 1, how: first }}\nsteps:\n{IMAGES}  drawn: {{ uses: pick, from: images, with: {{ count: \"{{{{ params.n }}}}\", how: \"{{{{ params.how }}}}\" }} }}\n"
    );
    let project = Project::new(&text).write("more.yaml", "n: 2\nhow: last\n");
    let load = |overrides: &Overrides| project.load(overrides).pipeline.unwrap();
    let more = vec![project.0.path().join("more.yaml")];

    let plain = load(&Overrides::default());
    assert!(!plain.overridden);
    let both = load(&Overrides { params: more.clone(), ..set(&[("n", "3"), ("n", "4")]) });
    assert!(both.overridden);
    assert_eq!(both.params.get("n").map(String::as_str), Some("4"));
    assert_eq!(both.params.get("how").map(String::as_str), Some("\"last\""));
    // An override that says what is written changes nothing.
    assert!(!load(&set(&[("n", "1")])).overridden);
    assert!(load(&set(&[("n", "0o17")])).params["n"] == "15");
}

#[test]
fn gates_are_read_with_their_comparison() {
    let text = format!(
        "trapline: 1\nsteps:\n{IMAGES}  drawn: {{ uses: pick, from: images, expect: {{ drawn: \">= 0.93\", left_over: 0 }} }}\n"
    );
    let pipeline = Project::new(&text).pipeline();
    let gates: Vec<_> = pipeline.steps[1].expect.iter().map(|gate| (gate.metric.as_str(), gate.comparison, gate.value)).collect();
    assert_eq!(gates, [("drawn", Comparison::AtLeast, 0.93), ("left_over", Comparison::Equal, 0.0)]);
}

#[test]
fn roots_keep_their_candidates_in_order_and_folders_have_themselves() {
    let text = "trapline: 1\nroots: { archive: { marker: .trapline-root } }\nsteps:\n  a: { uses: images, with: { root: archive, path: '*.jpg' } }\n  b: { uses: images, with: { root: photos, path: '*.jpg' } }\n  c: { uses: join, from: { left: a, right: b } }\n";
    let local = "roots:\n  archive: ['E:\\varanger', '\\\\nas\\varanger', disks/one]\n";
    let project = Project::new(text).write("trapline.local.yaml", local);
    let pipeline = project.pipeline();
    let shown = |name: &str| {
        let root = pipeline.roots.iter().find(|root| root.name == name).unwrap();
        root.candidates.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    let inside = |path: &str| pipeline.project.join(path).display().to_string();
    assert_eq!(shown("archive"), ["E:\\varanger".to_owned(), "\\\\nas\\varanger".to_owned(), inside("disks/one")]);
    assert_eq!(shown("photos"), [inside("photos")]);
    assert!(pipeline.project.is_absolute());
}

#[test]
fn every_file_asked_for_is_listed() {
    let text = format!("trapline: 1\ninclude: part.yaml\ntaxonomy: t.csv\ndeployments: d.csv\nsteps:\n{IMAGES}");
    let project = Project::new(&text).write("part.yaml", "params: {}\n").write("t.csv", "class,role\nvole,animal\n");
    let loaded = project.load(&Overrides::default());
    let files: Vec<_> = loaded.files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(files, ["d.csv", "models.lock", "p.yaml", "part.yaml", "t.csv"]);
    // The deployments are missing, which is an error, and all else is still read.
    assert!(loaded.pipeline.is_none());
}

#[test]
fn defaults_are_filled_in() {
    let text = format!("trapline: 1\nsteps:\n{IMAGES}  drawn: {{ uses: pick, from: images }}\n");
    let pipeline = Project::new(&text).pipeline();
    assert_eq!(pipeline.steps[1].params.int("count"), Some(100));
    assert_eq!(pipeline.steps[1].params.text("how"), Some("random"));
    assert!(pipeline.steps[1].params.get("share").is_none());
    assert_eq!(pipeline.name, "p");
}

#[test]
fn per_image_templates_keep_columns_and_take_in_parameters() {
    let text = format!(
        "trapline: 1\nparams: {{ prefix: va }}\nsteps:\n{IMAGES}  named: {{ uses: rename, from: images, with: {{ name: \"{{{{ params.prefix }}}}_{{{{ site }}}}_{{{{ counter(4) }}}}.JPG\" }} }}\n"
    );
    let pipeline = Project::new(&text).pipeline();
    assert_eq!(pipeline.steps[1].params.text("name"), Some("va_{{ site }}_{{ counter(4) }}.JPG"));
}

#[test]
fn crlf_and_a_byte_order_mark_change_nothing() {
    let text = format!("\u{feff}trapline: 1\nsteps:\n{IMAGES}  drawn: {{ uses: pick, from: imags }}\n");
    let unix = Project::new(&text).load(&Overrides::default());
    let windows = Project::new(&text.replace('\n', "\r\n")).load(&Overrides::default());
    let place = |loaded: &Loaded| {
        let finding = &loaded.report.diagnostics[0];
        (finding.code.id, loaded.sources.line_column(finding.span.file, finding.span.start))
    };
    assert_eq!(place(&unix), ("TL0402", (4, 30)));
    assert_eq!(place(&unix), place(&windows));
}

/// Checks a mangled text and that every place lies within its file.
fn survives(text: &str) {
    let loaded = Project::new(text).load(&Overrides::default());
    for finding in &loaded.report.diagnostics {
        for span in std::iter::once(finding.span).chain(finding.related.iter().map(|(span, _)| *span)) {
            let length = loaded.sources.get(span.file).unwrap().text.len();
            assert!(span.start <= span.end && span.end as usize <= length, "{finding:?}\n{text}");
        }
        let _ = plain(&loaded.sources, finding);
    }
    assert_eq!(loaded.pipeline.is_none(), loaded.report.has_errors(), "{text}");
}

const WHOLE: &str = include_str!("valid/whole/pipeline.yaml");
const FEATURES: &str = include_str!("valid/yaml_features.yaml");

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, ..Default::default() })]

    #[test]
    fn no_mangled_pipeline_panics(
        which in 0..2usize,
        edits in proptest::collection::vec((0..2_000usize, 0..6usize, "[ \\-:\\[\\]{}&*!|>'\"%@#,?\t\r\na-z0.{}]{0,4}"), 1..6),
    ) {
        let mut text = [WHOLE, FEATURES][which].to_owned();
        for (at, remove, insert) in edits {
            let mut start = at % (text.len() + 1);
            while !text.is_char_boundary(start) { start -= 1; }
            let mut end = (start + remove).min(text.len());
            while !text.is_char_boundary(end) { end -= 1; }
            text.replace_range(start..end.max(start), &insert);
        }
        survives(&text);
    }

    #[test]
    fn no_pipeline_with_lines_moved_panics(moves in proptest::collection::vec((0..60usize, 0..60usize), 1..4)) {
        let mut lines: Vec<&str> = WHOLE.lines().collect();
        for (from, to) in moves {
            let line = lines.remove(from % lines.len());
            lines.insert(to % (lines.len() + 1), line);
        }
        survives(&lines.join("\n"));
    }
}

#[test]
fn a_project_may_be_given_by_a_bare_file_name() {
    let loaded = load_with(&kinds::kinds(), Path::new("tests/valid/smallest.yaml"), &Overrides::default());
    let pipeline = loaded.pipeline.unwrap();
    assert!(pipeline.project.is_absolute() && pipeline.project.ends_with("tests/valid"));
}
