//! A project from the first plan to a sealed season, through the program.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod cli;

use cli::Space;
use serde_json::Value;

const PIPELINE: &str = "trapline: 1
name: voles
roots: { archive: { marker: .here } }
steps:
  images:
    uses: images
    with: { root: archive, path: \"{site}/{season}/*.jpg\" }
  metadata: { uses: metadata, from: images }
";

fn space() -> Space {
    let space = Space::new();
    space.write("pipeline.yaml", PIPELINE);
    space.write("trapline.local.yaml", "roots: { archive: disk }\n");
    space.write("disk/.here", "");
    for (path, text) in [("a/2024/1.jpg", "one"), ("a/2025/1.jpg", "two"), ("b/2025/1.jpg", "three")] {
        space.write(&format!("disk/{path}"), text);
    }
    space.settle();
    space
}

fn json(space: &Space, args: &[&str]) -> Value {
    let end = space.run(args);
    assert_eq!(end.code, 0, "{}", end.err);
    serde_json::from_str(&end.out).unwrap()
}

fn decisions(plan: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    plan["steps"].as_array().unwrap().iter().map(|step| (text(&step["name"]), text(&step["decision"]))).collect()
}

#[test]
fn a_plan_has_the_documented_form() {
    let space = space();
    let plan = json(&space, &["plan", "--format", "json"]);
    assert_eq!(plan["format"], 1);
    let first = plan["steps"][0].as_object().unwrap();
    for key in ["name", "uses", "decision", "reasons", "total", "cached", "to_compute", "unhashed"] {
        assert!(first.contains_key(key), "{key}");
    }
    assert_eq!((&first["unhashed"], &first["reasons"][0]["reason"]), (&3.into(), &"never_ran".into()));
    assert!(!space.path().join(".trapline").exists(), "a plan writes nothing");
}

#[test]
fn a_second_run_reuses_and_a_new_image_is_the_only_work() {
    let space = space();
    let end = space.run(&["run"]);
    assert_eq!(end.code, 0, "{}", end.err);
    assert!(end.err.contains("Complete after"), "{}", end.err);
    assert!(end.out.is_empty() && !end.err.contains('\u{1b}'), "a log has no colour");
    let plan = json(&space, &["plan", "--format", "json"]);
    assert!(decisions(&plan).iter().all(|(_, decision)| decision == "reuse"), "{plan}");
    assert!(space.run(&["status"]).out.contains("everything is up to date"));

    space.write("disk/b/2025/2.jpg", "four");
    space.settle();
    let plan = json(&space, &["plan", "--format", "json"]);
    assert_eq!((&plan["steps"][0]["unhashed"], &plan["steps"][0]["reasons"][0]["added"]), (&1.into(), &1.into()));
    let end = space.run(&["run"]);
    assert!(end.err.contains("metadata: done, 4 rows (1 computed, 3 cached)"), "{}", end.err);
}

#[test]
fn tables_come_in_every_format() {
    let space = space();
    assert_eq!(space.run(&["show", "images"]).code, 2, "nothing has run");
    space.run(&["run"]);
    let csv = space.run(&["show", "images", "--format", "csv"]).out;
    assert_eq!(csv.lines().count(), 4);
    let lines = space.run(&["show", "images.images", "--format", "json", "--limit", "2"]).out;
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.iter().map(|row| row["season"].as_str().unwrap()).collect::<Vec<_>>(), ["2024", "2025"]);
    let parquet = space.command(&["show", "images", "--format", "parquet"]).output().unwrap().stdout;
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let end = space.run(&["show", "images.maps"]);
    assert!(end.code == 2 && end.err.contains("it has `images`"), "{}", end.err);
}

#[test]
fn why_names_what_changed_and_finds_an_image() {
    let space = space();
    space.run(&["run"]);
    let why = json(&space, &["why", "metadata", "--image", "a/2024/1.jpg", "--format", "json"]);
    assert_eq!((why["decision"].as_str(), why["image"]["rows"][0]["season"].as_str()), (Some("reuse"), Some("2024")));
    assert!(why["ingredients"].as_array().unwrap().iter().any(|part| part["name"] == "input images"));
    let text = space.run(&["why", "metadata"]).out;
    assert!(text.contains("The key is made of:") && text.contains(why["key"].as_str().unwrap()), "{text}");
    let end = space.run(&["why", "metdata"]);
    assert!(end.code == 2 && end.err.contains("did you mean `metadata`?"), "{}", end.err);
}

#[test]
fn explain_lists_what_stands_behind_a_number() {
    let space = Space::new();
    space.write(
        "images.csv",
        "site,season,file,label,confidence\na,2024,1.jpg,vole,0.9\na,2024,2.jpg,stoat,0.6\nb,2024,3.jpg,stoat,0.8\n",
    );
    space.write(
        "labels.csv",
        "site,season,file,class,type,reviewer,shown\na,2024,2.jpg,vole,random,ada,blind\nb,2024,3.jpg,stoat,random,ada,blind\n",
    );
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: explained\nclasses: [empty, vole, stoat]\nsteps:\n  predictions: { uses: import, with: { files: images.csv, what: \
         predictions } }\n  labels: { uses: import, with: { files: labels.csv, what: labels } }\n  quality: { uses: evaluate, from: { predictions: \
         predictions, labels: labels }, with: { sampled_by: [] } }\n",
    );
    let end = space.run(&["explain", "quality"]);
    assert!(end.code == 2 && end.err.contains("has not run yet"), "{}", end.err);
    assert_eq!(space.run(&["run"]).code, 0);
    let end = space.run(&["explain", "quality", "--where", "class=stot"]);
    assert_eq!(end.err, "no row has `class=stot`: did you mean `class=stoat`?\n");
    let end = space.run(&["explain", "quality", "--where", "class=stoat"]);
    assert_eq!(end.code, 0, "{}", end.err);
    for words in [
        "quality.classes: 1 of 3 rows with class=stoat",
        "labels.table (import): 1 of 2 rows",
        "predictions.table (import): 2 of 3 rows",
    ] {
        assert!(end.out.contains(words), "{words}: {}", end.out);
    }
    let csv = space.run(&["explain", "quality", "--where", "class=stoat", "--format", "csv"]).out;
    assert!(csv.starts_with("step,table,site,season,file,"), "{csv}");
    assert_eq!(csv.lines().filter(|line| line.starts_with("predictions,")).count(), 2);
    let found = json(
        &space,
        &["explain", "quality.confusion", "--where", "manual=vole", "--where", "automatic=stoat", "--format", "json"],
    );
    assert_eq!((found["format"].as_i64(), found["result"]["rows"][0]["count"].as_i64()), (Some(1), Some(1)));
    assert!(found["result"]["params"].as_array().unwrap().iter().any(|param| param["name"] == "level"));
    let end = space.run(&["explain", "quality", "--where", "stoat"]);
    assert!(end.code == 2 && end.err.contains("COLUMN=VALUE"), "{}", end.err);
    let end = space.run(&["explain", "qualty"]);
    assert!(end.code == 2 && end.err.contains("did you mean `quality`?"), "{}", end.err);
}

#[test]
fn an_absent_root_ends_with_5_and_drops_nothing() {
    let space = space();
    space.run(&["run"]);
    std::fs::rename(space.path().join("disk"), space.path().join("away")).unwrap();
    let end = space.run(&["run"]);
    assert_eq!(end.code, 5, "{}", end.err);
    assert!(end.err.contains("root `archive` is absent (3 images last seen there)"), "{}", end.err);
    let plan = json(&space, &["plan", "--format", "json"]);
    assert_eq!(plan["steps"][0]["reasons"][0]["root"], "archive");
    assert_eq!(space.run(&["season", "seal", "2024"]).code, 5);
    std::fs::rename(space.path().join("away"), space.path().join("disk")).unwrap();
    let plan = json(&space, &["plan", "--format", "json"]);
    assert!(decisions(&plan).iter().all(|(_, decision)| decision == "reuse"), "{plan}");
}

#[test]
fn a_sealed_season_may_not_drift() {
    let space = space();
    space.run(&["run"]);
    let end = space.run(&["season", "seal", "2024"]);
    assert_eq!(end.code, 0, "{}", end.err);
    assert_eq!(space.read("seasons/2024.csv").lines().count(), 2);
    space.write("disk/a/2024/1.jpg", "other bytes");
    let end = space.run(&["run"]);
    assert!(end.code == 1 && end.err.contains("a/2024/1.jpg"), "{}", end.err);
    assert_eq!(space.run(&["season", "reopen", "2024", "--because", " "]).code, 2);
    let end = space.run(&["season", "reopen", "2024", "--because", "a card was found"]);
    assert_eq!(end.code, 0, "{}", end.err);
    assert!(space.read("seasons/reopened.log").contains("a card was found"));
    assert_eq!(space.run(&["run"]).code, 0);
}

#[test]
fn a_lock_is_verified_and_a_store_looked_after() {
    let space = space();
    assert_eq!(space.run(&["verify"]).code, 2, "there is no lock yet");
    space.run(&["run"]);
    let verified = json(&space, &["verify", "--level", "all", "--format", "json"]);
    let verdicts = verified["verified"].as_array().unwrap();
    assert!(!verdicts.is_empty() && verdicts.iter().all(|one| one["verdict"]["verdict"] == "exact"), "{verified}");
    assert_eq!(space.run(&["cache", "verify"]).code, 0);
    let collected = json(&space, &["cache", "gc", "--older-than", "0", "--format", "json"]);
    assert_eq!(collected["report"]["results"]["files"], 0);
    let stats = json(&space, &["cache", "stats", "--format", "json"]);
    assert_eq!(stats["stats"]["results"]["files"], 2);

    let objects = space.path().join(".trapline/objects");
    let folder = std::fs::read_dir(objects).unwrap().next().unwrap().unwrap().path();
    let object = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&object).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&object, bytes).unwrap();
    let end = space.run(&["cache", "verify"]);
    assert!(end.code == 3 && end.out.contains("damaged:"), "{}", end.out);
}

#[test]
fn a_store_in_use_is_named_and_left_alone() {
    let space = space();
    space.run(&["run"]);
    let lock = std::fs::File::options().write(true).open(space.path().join(".trapline/lock")).unwrap();
    lock.lock().unwrap();
    let end = space.run(&["run", "--no-wait"]);
    assert!(end.code == 3 && end.err.contains("in use by"), "{} {}", end.code, end.err);
    assert_eq!(space.run(&["plan"]).code, 0, "readers are never blocked");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_a_waiting_run_with_130() {
    use std::io::{BufRead as _, BufReader};
    let space = space();
    space.run(&["run"]);
    let lock = std::fs::File::options().write(true).open(space.path().join(".trapline/lock")).unwrap();
    lock.lock().unwrap();
    let mut child = space.command(&["run"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = said.next().unwrap().unwrap();
    assert!(first.contains("waiting for the store"), "{first}");
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert!(said.next().unwrap().unwrap().starts_with("Stopping after the batches in flight"));
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_difference_names_the_new_image_and_nothing_else() {
    let space = space();
    assert_eq!(space.run(&["run"]).code, 0);
    space.write("old.lock", &space.read("trapline.lock"));
    assert!(space.run(&["diff", "old.lock"]).out.starts_with("no difference: 2 steps"));
    space.write("disk/b/2025/2.jpg", "four");
    space.settle();
    assert_eq!(space.run(&["run"]).code, 0);
    let page = space.run(&["diff", "old.lock"]).out;
    for words in
        ["season 2025: 2 files -> 3 files\n", "only in the new: b 2025 b/2025/2.jpg\n", "3 rows -> 4 rows; 1 only in the new\n"]
    {
        assert!(page.contains(words), "{page}");
    }
    assert!(!page.contains("2024") && !page.contains("recipe"), "{page}");
    let found = json(&space, &["diff", "old.lock", "--format", "json"]);
    assert_eq!((&found["format"], &found["with_store"]), (&1.into(), &true.into()));
    assert_eq!(found["difference"]["steps"][1]["outputs"][0]["table"]["only_new"], 1);
    let found = json(&space, &["diff", "old.lock", "trapline.lock", "--store", "elsewhere", "--format", "json"]);
    assert_eq!((&found["with_store"], &found["difference"]["steps"][1]["outputs"][0]["table"]), (&false.into(), &Value::Null));
    let end = space.run(&["diff", "no.lock"]);
    assert!(end.code != 0 && end.err.contains("cannot read `no.lock`"), "{}", end.err);
}

#[test]
fn an_expectation_about_rows_fails_the_run_and_status_says_so() {
    let space = space();
    space.write(
        "pipeline.yaml",
        &PIPELINE.replace("  metadata:", "    expect: { \"images[site=b].bytes\": \"< 4\", images.rows: 3 }\n  metadata:"),
    );
    let end = space.run(&["run"]);
    assert_eq!(end.code, 1, "{}", end.err);
    let words = "expectation failed: `images[site=b].bytes` of step `images`: 1 of 1 row is not < 4 (the results are kept)";
    assert!(end.err.contains(words) && end.err.contains("b 2025 b/2025/1.jpg: 5"), "{}", end.err);
    let page = space.run(&["status"]).out;
    assert!(page.contains(words) && page.contains("b 2025 b/2025/1.jpg: 5"), "{page}");
    let status = json(&space, &["status", "--format", "json"]);
    let gate = &status["steps"][0]["failed_expectations"][0];
    assert_eq!((&gate["metric"], &gate["rows"]["failing"]), (&"images[site=b].bytes".into(), &1.into()));
    assert_eq!(status["steps"][1]["failed_expectations"], serde_json::json!([]));
}
