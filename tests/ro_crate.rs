//! A run as an RO-Crate: its graph, its times, what it refuses, and what an independent validator says of it.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

#[path = "support/python.rs"]
mod python;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::TestSpace;
use trapline::check::{Overrides, load};
use trapline::provenance::ro_crate::{self, Options, Written};
use trapline::provenance::{Origin, ProvenanceError, account};
use trapline::run::journal;
use trapline::store::{Access, Store};

const REVIEW: &str = "  qc:
    uses: sample
    from: predictions
    with: { by: [season], random_per_group: 2, seed: \"{{ params.seed }}\" }
  labels:
    uses: review
    from: qc
    with: { labels: labels/qc }
";

/// A project with three images, a model, labels of two people and a published table, run once.
fn project() -> TestSpace {
    let space = TestSpace::with_model();
    let text = space.read("pipeline.yaml");
    let text = text.replace("name: test\n", "name: test\nparams: { seed: 7 }\n");
    space.write("pipeline.yaml", format!("{text}{REVIEW}"));
    for (site, seed) in [("a", 1), ("a", 2), ("b", 3)] {
        space.image(&format!("raw/{site}/2024/{seed}.jpg"), seed);
    }
    space.try_run().unwrap();
    let asked = space.table("qc");
    let contents = asked.column("content").unwrap();
    for (row, reviewer) in [(0, "Anna Berg"), (1, "kåre")] {
        let line = format!("{},vole,{reviewer},2026-01-01T10:00:00Z", contents.content(row).unwrap());
        space.write(&format!("labels/qc/{reviewer}.csv"), format!("observation,class,reviewer,time\n{line}\n"));
    }
    space.run();
    space
}

fn write(space: &TestSpace, run: Option<&str>, folder: &Path) -> Result<Written, ProvenanceError> {
    write_with(space, run, folder, &Options::default())
}

fn write_with(space: &TestSpace, run: Option<&str>, folder: &Path, options: &Options) -> Result<Written, ProvenanceError> {
    let loaded = load(&space.path("pipeline.yaml"), &Overrides::default());
    let pipeline = loaded.pipeline.unwrap();
    let store = Store::open(&space.options.store, Access::Read).unwrap();
    let account = account(&pipeline, &store, run)?;
    ro_crate::write(&pipeline, &store, &account, &loaded.files, folder, options)
}

fn graph(folder: &Path) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(folder.join(ro_crate::METADATA)).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let entities = document["@graph"].as_array().unwrap();
    let found: BTreeMap<_, _> =
        entities.iter().map(|entity| (entity["@id"].as_str().unwrap().to_owned(), entity.clone())).collect();
    assert_eq!(found.len(), entities.len(), "an @id stands twice");
    found
}

/// Every `@id` that stands within another entity.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        Value::Object(map) => {
            if let (1, Some(id)) = (map.len(), map.get("@id").and_then(Value::as_str)) {
                found.insert(id.to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        _ => {}
    }
}

fn of_type<'g>(graph: &'g BTreeMap<String, Value>, name: &'g str) -> impl Iterator<Item = &'g Value> {
    graph.values().filter(move |entity| entity["@type"] == name)
}

#[test]
fn every_reference_leads_somewhere_and_every_step_has_its_action() {
    let space = project();
    let folder = space.path("crate");
    let written = write(&space, None, &folder).unwrap();
    assert_eq!((written.steps, written.images, written.people, written.undone.len()), (7, 3, 2, 0));
    let graph = graph(&folder);
    let mut referenced = BTreeSet::new();
    for entity in graph.values() {
        references(entity, &mut referenced);
    }
    let elsewhere = |id: &&String| id.starts_with("https://") && !id.contains("wfrun");
    let lost: Vec<_> = referenced.iter().filter(|id| !graph.contains_key(*id)).filter(|id| !elsewhere(id)).collect();
    assert_eq!(lost, Vec::<&String>::new());
    for (id, entity) in &graph {
        let is_file =
            entity["@type"] == "File" || entity["@type"].as_array().is_some_and(|types| types.iter().any(|ty| ty == "File"));
        if is_file {
            let path = folder.join(id.replace("%20", " ").replace("%C3%A5", "å"));
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(entity["identifier"], trapline::id::ContentId::of(&bytes).to_string(), "{id}");
            assert_eq!(entity["contentSize"], bytes.len().to_string());
        }
    }
    let steps: BTreeSet<_> = of_type(&graph, "HowToStep").map(|step| step["@id"].clone().to_string()).collect();
    let controls: Vec<_> = of_type(&graph, "ControlAction").collect();
    let controlled: BTreeSet<_> = controls.iter().map(|control| control["instrument"]["@id"].to_string()).collect();
    assert_eq!(steps, controlled);
    assert_eq!(controls.len(), 7);
    for control in controls {
        let action = &graph[control["object"]["@id"].as_str().unwrap()];
        assert!(action["@type"] == "CreateAction" && !action["result"].is_null(), "{action}");
        let times =
            [&action["startTime"], &action["endTime"]].map(|time| time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
        assert!(times[0] <= times[1], "{action}");
    }
    let organised = of_type(&graph, "OrganizeAction").next().unwrap();
    assert_eq!(organised["result"]["@id"], "#run");
    assert_eq!(graph["#run"]["instrument"]["@id"], "pipeline.yaml");
    assert_eq!(graph["#run"]["result"], serde_json::json!([{ "@id": "names.csv" }, { "@id": "published/observations.csv" }]));
    // Nobody's disk is told of, and no image has an entity of its own.
    let text = std::fs::read_to_string(folder.join(ro_crate::METADATA)).unwrap();
    assert!(!text.contains(space.dir.path().to_str().unwrap()) && !text.contains(".jpg"));
}

#[test]
fn a_label_s_people_a_model_and_a_parameter_are_named() {
    let space = project();
    let folder = space.path("crate");
    write(&space, None, &folder).unwrap();
    let graph = graph(&folder);
    let people: Vec<_> = of_type(&graph, "Person").map(|person| person["name"].as_str().unwrap()).collect();
    assert_eq!(people, ["Anna Berg", "kåre"]);
    let agents = graph["#action-labels"]["agent"].as_array().unwrap();
    assert!(agents.len() == 2 && agents.iter().all(|agent| agent["@id"].as_str().unwrap().starts_with("#person-")));
    assert_eq!(graph["#action-images"]["agent"]["@id"], "#trapline-test");
    let used = graph["#action-predictions"]["object"].to_string();
    assert!(used.contains("#model-demo_mammals%401"), "{used}");
    assert_eq!(graph["#value-seed"]["value"], "7");
    let inputs = std::fs::read_to_string(folder.join("inputs.csv")).unwrap();
    assert!(inputs.starts_with("source,content,root,path,site,season\nimages,b3:") && inputs.lines().count() == 4, "{inputs}");
}

#[test]
fn what_an_earlier_run_made_carries_that_run_s_name() {
    let space = project();
    let store = Store::open(&space.options.store, Access::Read).unwrap();
    let pipeline = space.pipeline();
    let account = account(&pipeline, &store, None).unwrap();
    let runs = journal::runs(store.root()).unwrap();
    let origin = |name: &str| {
        let record = account.steps.iter().find(|record| pipeline.steps[record.index].name.value == name).unwrap();
        record.origin.clone()
    };
    assert_eq!(account.run, runs[1].0);
    assert_eq!(origin("predictions"), Origin::Run(runs[0].0.clone()));
    assert_eq!(origin("labels"), Origin::ThisRun);
    // A run that changed nothing is told of as any other.
    space.run();
    let third = journal::runs(store.root()).unwrap()[2].0.clone();
    assert_eq!(origin_of_predictions(&pipeline, &store, &third), Origin::Run(runs[0].0.clone()));
    // A journal that was thrown away leaves the result's own times, and is said to be missing.
    std::fs::remove_dir_all(runs[0].1.parent().unwrap()).unwrap();
    let folder = space.path("crate");
    let written = write(&space, None, &folder).unwrap();
    assert!(written.reused >= 5);
    let words = graph(&folder)["#action-predictions"]["description"].to_string();
    assert!(words.contains("no journal tells of it"), "{words}");
}

/// Who made the predictions, by the account of a run.
fn origin_of_predictions(pipeline: &trapline::check::Pipeline, store: &Store, run: &str) -> Origin {
    let account = account(pipeline, store, Some(run)).unwrap();
    let record = account.steps.iter().find(|record| pipeline.steps[record.index].name.value == "predictions").unwrap();
    record.origin.clone()
}

#[test]
fn a_crate_is_written_anew_and_nothing_else_is_overwritten() {
    let space = project();
    let folder = space.path("crate");
    write(&space, None, &folder).unwrap();
    let first = std::fs::read(folder.join(ro_crate::METADATA)).unwrap();
    std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    write(&space, None, &folder).unwrap();
    assert_eq!(std::fs::read(folder.join(ro_crate::METADATA)).unwrap(), first, "the same run, the same bytes");
    assert_eq!(std::fs::read_to_string(folder.join("notes.txt")).unwrap(), "mine");
    for foreign in ["{\"@graph\": []}", "no json"] {
        let folder = space.path("foreign");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(ro_crate::METADATA), foreign).unwrap();
        assert!(matches!(write(&space, None, &folder), Err(ProvenanceError::Occupied(_))));
        assert_eq!(std::fs::read_to_string(folder.join(ro_crate::METADATA)).unwrap(), foreign);
    }
}

#[test]
fn what_changed_since_the_run_is_refused_by_its_name() {
    let space = project();
    let folder = space.path("crate");
    let refused = |what: &str| {
        let error = write(&space, None, &folder).unwrap_err().to_string();
        assert!(error.contains(what) && error.contains("run the pipeline again"), "{error}");
        assert!(!folder.join(ro_crate::METADATA).exists());
    };
    let labels = "labels/qc/Anna Berg.csv";
    let before = space.read(labels);
    space.write(labels, before.replace("vole", "stoat"));
    refused("`file labels/Anna Berg.csv` changed since");
    space.write(labels, before);
    let published = space.read("published/observations.csv");
    space.edit("published/observations.csv", "2024", "2025");
    refused("`published/observations.csv` was edited");
    space.write("published/observations.csv", published);
    space.edit("pipeline.yaml", "counter(4)", "counter(5)");
    refused("step `names` cannot be recorded: its parameters");
    let error = write(&space, Some("nosuch"), &folder).unwrap_err().to_string();
    assert!(error.contains("there is no run `nosuch`"), "{error}");
}

#[test]
fn the_crate_satisfies_the_profile() {
    let Some(python) = python::python("validator of RO-Crates") else { return };
    let known = Command::new(&python).args(["-c", "import rocrate_validator, rocrate"]).output().unwrap();
    if !known.status.success() {
        eprintln!("skipped: this Python has no rocrate_validator; `bash tests/tools/python` installs it");
        return;
    }
    let space = project();
    let folder = space.path("crate");
    write(&space, None, &folder).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/check_crate.py");
    let check = |folder: &Path| {
        let output = Command::new(&python).arg(&script).arg(folder).arg("provenance-run-crate-0.5").output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
    };
    let (valid, words) = check(&folder);
    assert!(valid && words.contains("entities against provenance-run-crate-0.5"), "{words}");
    let licensed = space.path("licensed");
    let options = Options { license: Some("https://creativecommons.org/licenses/by/4.0/".into()) };
    write_with(&space, None, &licensed, &options).unwrap();
    let (valid, words) = check(&licensed);
    assert!(valid, "{words}");
    // The validator does look: a step without its instrument is found.
    let metadata = folder.join(ro_crate::METADATA);
    let text = std::fs::read_to_string(&metadata).unwrap();
    std::fs::write(&metadata, text.replace("\"HowToStep\"", "\"Thing\"")).unwrap();
    assert!(!check(&folder).0);
}
