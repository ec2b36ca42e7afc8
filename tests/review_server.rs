//! `trapline review` as a server: whoever should not ask is refused, and no acknowledged answer is lost, whatever happens to the
//! server or its files.
//!
//! `TRAPLINE_TRIALS=200 cargo test --release --test review_server kill -- --nocapture` runs the long trial of kills.
#![cfg(feature = "review")]
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::format_collect, reason = "tests")]

mod support;

#[path = "review_server/attacks.rs"]
mod attacks;
#[path = "review_server/edits.rs"]
mod edits;
#[path = "review_server/export.rs"]
mod export;
#[path = "review_server/images.rs"]
mod images;
#[path = "review_server/kills.rs"]
mod kills;
#[path = "review_server/people.rs"]
mod people;
#[path = "review_server/restarts.rs"]
mod restarts;
#[path = "review_server/roles.rs"]
mod roles;
#[path = "review_server/selections.rs"]
mod selections;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::TestSpace;
use support::http::Server;
use trapline::labels;
use trapline::run::event::Outcome;

/// Three images, two at one site, and a blind review of them all.
fn space() -> TestSpace {
    asking("blind: true")
}

/// Three images and a review of them with these parameters.
fn asking(with: &str) -> TestSpace {
    let space = TestSpace::with_images();
    ask(&space, "metadata", with);
    space
}

/// Adds a review of what a step yields, and runs up to it.
fn ask(space: &TestSpace, from: &str, with: &str) {
    let step = format!("  qc:\n    uses: review\n    from: {from}\n    with: {{ labels: labels/qc, {with} }}\n");
    space.write("pipeline.yaml", space.read("pipeline.yaml") + &step);
    assert_eq!(space.try_run().unwrap().outcome, Outcome::Waiting);
}

fn serve(space: &TestSpace, more: &[&str]) -> Server {
    Server::start(space.dir.path(), more)
}

/// How the program ended: its code, what it printed, what it said.
fn trapline(space: &TestSpace, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    let output = command.args(arguments).current_dir(space.dir.path()).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What the label files come to, as the program reads them without any server.
fn status(space: &TestSpace) -> Value {
    let (code, out, err) = trapline(space, &["labels", "status", "qc", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

/// A label file of the review.
fn file(name: &str) -> String {
    format!("labels/qc/{name}.csv")
}

/// All rows of all label files, and how many lines of them cannot be read.
fn rows(space: &TestSpace) -> (Vec<labels::Label<'static>>, usize) {
    let (mut rows, mut faults) = (Vec::new(), 0);
    let mut paths: Vec<_> =
        std::fs::read_dir(space.path("labels/qc")).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let bytes = std::fs::read(&path).unwrap();
        let text = labels::decode("labels", &bytes).unwrap();
        let read = labels::read("labels", &stem, &text).unwrap();
        faults += read.faults.len();
        rows.extend(read.labels.into_iter().map(labels::Label::into_owned));
    }
    (rows, faults)
}

/// How often each label id stands in the files.
fn ids(space: &TestSpace) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for row in rows(space).0 {
        *counts.entry(row.id.into_owned()).or_default() += 1;
    }
    counts
}

/// The answers in a queue: class by image, empty where there is none.
fn answered(server: &Server, reviewer: &str) -> BTreeMap<String, String> {
    let class = |item: &Value| item["answer"]["class"].as_str().unwrap_or_default().to_owned();
    let queue = server.queue(reviewer);
    queue.iter().map(|item| (item["image"].as_str().unwrap().to_owned(), class(item))).collect()
}

/// The id of the row that acknowledges the only answer of a request.
fn label(reply: &Value) -> String {
    reply["answers"][0]["answer"]["label"].as_str().unwrap().to_owned()
}
