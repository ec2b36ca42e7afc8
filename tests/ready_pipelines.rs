//! Every pipeline in `pipelines/` is valid as it stands, beside the files that its head names.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use trapline::check::{Overrides, load};

const DEPLOYMENTS: &str =
    "site,season,locality,habitat,camera_type,from,to,latitude,longitude,timezone\na,2024,vj,hummock,sm750,,,70,29,Etc/GMT-1\n";

/// Those in which every line that a coordinator may edit says so.
const EDITED: [&str; 5] =
    ["blank_filter.yaml", "import_quality_report.yaml", "retraining_loop.yaml", "small_mammals.yaml", "two_stage.yaml"];

/// The models that pipelines name.
const MODELS: [&str; 4] = ["blank_filter@1", "my_model@1", "small_mammals@1", "species@1"];
const LOCK: &str = include_str!("../examples/demo/models.lock");

/// Results of `MegaDetector` without images.
const RESULTS: &str = r#"{"info": {"format_version": "1.4"}, "detection_categories": {"1": "animal"}, "images": []}"#;

/// Files of the reference workflow without rows.
const REFERENCE: [(&str, &str); 4] = [
    ("metadata/metadata_a_2024.txt", "SourceFile\tFileName\tDateTimeOriginal\tNewFileName\n"),
    ("automatic_classification/classification_m_a_2024.txt", "site year filename guess1 confidence1\n"),
    ("quality_check/quality_check_vj_2024.txt", "site year filename class_id type guess1 confidence1 observer comment\n"),
    (
        "manual_classification/manual_classification_a_2024.txt",
        "site year filename class_id guess1 confidence1 observer comment\n",
    ),
];

#[test]
fn every_ready_pipeline_is_valid() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let demo = own.join("examples/demo");
    let mut seen = 0;
    for entry in fs::read_dir(own.join("pipelines")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let project = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(project.path().join(name), text).unwrap();
        write("pipeline.yaml", &text);
        write("taxonomy.csv", &(fs::read_to_string(demo.join("taxonomy.csv")).unwrap() + "animal,animal,,,Animal,\n"));
        write("deployments.csv", DEPLOYMENTS);
        write("results.json", RESULTS);
        fs::create_dir_all(project.path().join("raw_images")).unwrap();
        for (name, header) in REFERENCE {
            let path = project.path().join("reference").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, header).unwrap();
        }
        // The models that it names, with the classes of the demo's, or those of a blank filter.
        let (head, entry) = LOCK.split_once("- model").unwrap();
        let (before, after) = entry.split_once("  classes:\n").unwrap();
        let filter = format!("{before}  classes:\n  - empty\n  - animal\n{}", &after[after.find("  width").unwrap()..]);
        let named = |name: &&&str| text.contains(&format!("model: {name}")) || text.contains(&format!("start: {name}"));
        let entry = |name: &&str| {
            let entry = if name.starts_with("blank") { &filter } else { entry };
            format!("- model{}", entry.replace("demo_mammals@1", name))
        };
        let models: Vec<String> = MODELS.iter().filter(named).map(entry).collect();
        if !models.is_empty() {
            write("models.lock", &(head.to_owned() + &models.concat()));
        }
        fs::create_dir_all(project.path().join("scripts")).unwrap();
        for script in fs::read_dir(own.join("pipelines/scripts")).unwrap() {
            let script = script.unwrap();
            fs::copy(script.path(), project.path().join("scripts").join(script.file_name())).unwrap();
        }
        let mut loaded = load(&project.path().join("pipeline.yaml"), &Overrides::default());
        if !cfg!(feature = "tch") {
            // A build that cannot train says so.
            loaded.report.diagnostics.retain(|finding| finding.code.id != "TL0417");
        }
        assert_eq!(loaded.report.diagnostics, [], "{}", file.display());
        assert!(loaded.pipeline.is_some(), "{}", file.display());
        seen += 1;
    }
    assert!(seen >= 3, "{seen} pipelines");
}

#[test]
fn every_line_that_may_be_edited_says_so() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts = EDITED.map(|name| fs::read_to_string(own.join("pipelines").join(name)).unwrap());
    // Parameters of a step stand six columns in, without a deeper one behind them.
    let silent: Vec<&str> = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| line.starts_with("      ") && !line.contains('#') && line.contains(": "))
        .filter(|line| {
            ["by:", "per_", "random_per_group", "model:", "path:", "name:", "form:", "accept_at:"]
                .iter()
                .any(|key| line.trim().starts_with(key))
        })
        .filter(|line| !line.contains("{{ params."))
        .collect();
    assert_eq!(silent, [""; 0]);
}
