//! `trapline labels`: what is still asked, answers added and acknowledged, kills in between, images whose bytes changed.
//!
//! `TRAPLINE_TRIALS=200 cargo test --release --test labels_commands -- --nocapture` runs the long trial of kills.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::TestSpace;
use trapline::labels;

const ASKING: &str = "  qc:
    uses: review
    from: metadata
    with: { labels: labels/qc/, blind: true }
  table:
    uses: export
    from: qc
    with: { into: published/labels.csv }
";

fn space() -> TestSpace {
    let space = TestSpace::with_images();
    space.write("pipeline.yaml", format!("{}{ASKING}", support::PIPELINE));
    assert_eq!(run(&space, &["run"]).code, 4);
    space
}

struct End {
    code: i32,
    out: String,
    err: String,
}

fn trapline(space: &TestSpace, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.args(arguments).current_dir(space.dir.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(space: &TestSpace, arguments: &[&str]) -> End {
    // A file written within a tick of the scan is looked at again.
    std::thread::sleep(Duration::from_millis(30));
    ended(trapline(space, arguments).spawn().unwrap())
}

fn tell(space: &TestSpace, arguments: &[&str], input: &str) -> End {
    let mut child = trapline(space, arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    ended(child)
}

fn ended(child: Child) -> End {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    End { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

const ADD: [&str; 5] = ["labels", "add", "qc", "--reviewer", "anna"];

fn json(space: &TestSpace, arguments: &[&str]) -> serde_json::Value {
    let end = run(space, arguments);
    assert_eq!(end.code, 0, "{}", end.err);
    serde_json::from_str(&end.out).unwrap()
}

#[test]
fn a_sheet_goes_out_comes_back_and_the_run_goes_on() {
    let space = space();
    let end = run(&space, &["labels", "todo", "qc", "--reviewer", "anna", "-o", "todo.csv"]);
    assert_eq!((end.code, end.out.as_str()), (0, ""), "{}", end.err);
    assert!(end.err.contains("3 images in `todo.csv`"), "{}", end.err);
    let sheet = space.read("todo.csv");
    let lines: Vec<&str> = sheet.lines().collect();
    assert_eq!(lines[0], format!("{},path", labels::COLUMNS.join(",")));
    assert!(
        lines[1].contains(",anna,,class,blind,,b3:") && lines[1].ends_with(",a,2024,1.jpg,,raw/a/2024/1.jpg"),
        "{}",
        lines[1]
    );
    // A file with answers is never written over.
    let again = run(&space, &["labels", "todo", "qc", "-o", "todo.csv"]);
    assert!(again.code == 2 && again.err.contains("is there already"), "{}", again.err);
    // Filled in by a spreadsheet that likes semicolons; one row is left out, one is wrong.
    let filled: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| {
            let mut cells: Vec<&str> = line.split(',').collect();
            cells[2] = match at {
                0 => cells[2],
                1 => "vole",
                2 => "Empty",
                _ => "wolf",
            };
            cells.join(";") + "\r\n"
        })
        .collect();
    space.write("todo.csv", format!("\u{feff}{}", filled.concat()));
    let end = run(&space, &[&ADD[..], &["todo.csv"]].concat());
    assert_eq!(end.code, 2);
    assert_eq!(
        end.err,
        "todo.csv line 4: `wolf` is no class; expected `empty`, `vole` or `unknown`\n2 answers added to `labels/qc/anna.csv`, 1 refused\n"
    );
    let acknowledged: Vec<Vec<&str>> = end.out.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(
        acknowledged.iter().map(|line| line[1..].join(" ")).collect::<Vec<_>>(),
        ["vole a 2024 1.jpg", "empty a 2024 2.jpg"]
    );
    assert!(space.read("labels/qc/anna.csv").contains(acknowledged[0][0]));
    // The sheet once more: nothing is doubled.
    let before = space.read("labels/qc/anna.csv");
    let end = run(&space, &[&ADD[..], &["todo.csv"]].concat());
    assert!(end.err.contains("0 answers added") && end.err.contains("2 stood already"), "{}", end.err);
    assert_eq!(space.read("labels/qc/anna.csv"), before);
    let left = run(&space, &["labels", "todo", "qc"]);
    assert_eq!(left.out.lines().count(), 2, "{}", left.out);
    assert!(left.err.contains("1 image to answer"), "{}", left.err);
    let end = tell(&space, &ADD, "file;site;class;comment\n3.jpg;b;vole;\"late; at last\"\n");
    assert_eq!((end.code, end.out.lines().count()), (0, 1), "{}", end.err);
    let end = run(&space, &["run"]);
    assert_eq!(end.code, 0, "{}", end.err);
    assert!(space.read("published/labels.csv").contains("late; at last"));
    // A changed mind supersedes, whatever the clock says.
    let end = tell(&space, &ADD, "file,site,class\n3.jpg,b,empty\n");
    assert_eq!(end.code, 0, "{}", end.err);
    assert_eq!(run(&space, &["run"]).code, 0);
    assert_eq!(space.column("qc", "class"), ["vole", "empty", "empty"]);
}

#[test]
fn a_sheet_among_the_labels_counts_where_it_stands() {
    let space = space();
    assert!(!space.path("labels/qc").exists());
    let end = run(&space, &["labels", "todo", "qc", "--reviewer", "anna", "-o", "labels/qc/anna.csv"]);
    assert!(end.code == 0 && end.err.ends_with("then: trapline run\n"), "{}", end.err);
    let sheet = space.read("labels/qc/anna.csv");
    space.write("labels/qc/anna.csv", sheet.replace(",,anna,", ",vole,anna,"));
    // Its answers are there: adding it to itself would only repeat them.
    let end = run(&space, &[&ADD[..], &["labels/qc/anna.csv"]].concat());
    assert!(end.code == 2 && end.err.contains("count as they stand"), "{}", end.err);
    let end = run(&space, &["run"]);
    assert_eq!(end.code, 0, "{}", end.err);
}

#[test]
fn a_status_counts_by_reviewer_and_type_and_says_what_is_wrong() {
    let space = space();
    tell(&space, &ADD, "file,site,class\n3.jpg,b,empty\n1.jpg,a,vole\n");
    space.write("labels/qc/ben.csv", "file,site,class\n1.jpg,a,empty\n2.jpg,a,wolf\n");
    let status = json(&space, &["labels", "status", "qc", "--format", "json"]);
    assert_eq!((&status["asked"], &status["answered"], &status["missing"]), (&3.into(), &1.into(), &2.into()));
    assert_eq!(status["missing_by_status"], serde_json::json!({ "disagreement": 1, "unanswered": 1 }));
    assert_eq!(status["reviewers"][0], serde_json::json!({ "name": "anna", "answers": 2, "by_type": { "corrected": 2 } }));
    let page = run(&space, &["labels", "status", "qc"]).out;
    assert!(page.contains("1 of 3 images answered; missing: 1 disagreement, 1 unanswered."), "{page}");
    assert!(page.contains("labels/qc/ben.csv line 3: `wolf` is no class"), "{page}");
    assert!(
        page.contains("\nagreement 0.0 % (0 to 79) of 1 image with two answers or more, Cohen's kappa 0.00 (0.00 to 0.79)\n"),
        "{page}"
    );
    assert_eq!((&status["agreement"]["images"], &status["agreement"]["kappa"]["kind"]), (&1.into(), &"cohen".into()));
    assert_eq!(status["agreement"]["reviewers"], serde_json::json!(["anna", "ben"]));
    // A sheet for the disagreement names what an answer would settle.
    let sheet = run(&space, &["labels", "todo", "qc", "--reviewer", "carla", "--adjudicate"]).out;
    let settles: Vec<&str> = sheet.lines().filter(|line| line.matches("lb:").count() == 2).collect();
    assert_eq!(settles.len(), 1, "{sheet}");
    // Before it is filled in it is no answer, and takes none back.
    let unfilled = format!("{}\n{}\n", sheet.lines().next().unwrap(), settles[0]);
    let end = tell(&space, &["labels", "add", "qc", "--reviewer", "carla"], &unfilled);
    assert_eq!((end.code, end.out.as_str()), (0, ""), "{}", end.err);
    let answer = format!("{}\n{}\n", sheet.lines().next().unwrap(), settles[0].replacen(",,carla", ",vole,carla", 1));
    let end = tell(&space, &["labels", "add", "qc", "--reviewer", "carla"], &answer);
    assert_eq!((end.code, end.out.lines().count()), (0, 1), "{}", end.err);
    let status = json(&space, &["labels", "status", "qc", "--format", "json"]);
    assert_eq!(status["missing_by_status"], serde_json::json!({ "unanswered": 1 }));
}

#[test]
fn wrong_arguments_are_said_with_the_way_out() {
    let space = space();
    let end = run(&space, &["labels", "status", "metadata"]);
    assert!(end.code == 2 && end.err.contains("step `metadata` is not a review: name `qc`"), "{}", end.err);
    let end = run(&space, &["labels", "add", "qc", "--reviewer", " "]);
    assert!(end.code == 2 && end.err.contains("--reviewer: a reviewer's name has 1 to 60 characters"), "{}", end.err);
    let end = tell(&space, &ADD, "image,what\n1,2\n");
    assert!(end.code == 2 && end.err.contains("must name the columns `class`"), "{}", end.err);
    let end = tell(&space, &ADD, "file,class,shown\n1.jpg,vole,model\n9.jpg,vole,\n2.jpg\n\n3.jpg,vole,blind");
    let said: Vec<&str> = end.err.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(said[..3], ["standard input line 2", "standard input line 3", "standard input line 4"], "{}", end.err);
    assert_eq!((end.code, end.out.lines().count()), (2, 1), "{}", end.err);
}

/// Rows of a reviewer's file by label id, and the lines that cannot be read.
fn rows(path: &Path) -> (BTreeMap<String, u32>, usize) {
    let bytes = fs::read(path).unwrap_or_default();
    let text = labels::decode("anna.csv", &bytes).unwrap();
    let read = labels::read("anna.csv", "anna", &text).unwrap();
    let mut counts = BTreeMap::new();
    for label in &read.labels {
        *counts.entry(label.id.to_string()).or_default() += 1;
    }
    (counts, read.faults.len())
}

#[test]
fn no_kill_loses_or_doubles_an_acknowledged_answer() {
    let trials: u32 = std::env::var("TRAPLINE_TRIALS").ok().and_then(|text| text.parse().ok()).unwrap_or(15);
    let space = space();
    let images = [("a", 1), ("a", 2), ("b", 3)];
    let mut acknowledged: Vec<String> = Vec::new();
    let (mut killed_midway, mut torn) = (0, 0);
    for trial in 0..trials {
        let mut child = trapline(&space, &ADD).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let feeder = std::thread::spawn(move || {
            // Until the reader is gone.
            let _ = input.write_all(b"site,file,class,comment\n");
            for answer in 0_usize.. {
                let (site, image) = images[answer % 3];
                let class = if (answer / 3).is_multiple_of(2) { "vole" } else { "empty" };
                if writeln!(input, "{site},{image}.jpg,{class},\"answer {trial}, {answer}\"").is_err() {
                    break;
                }
            }
        });
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        // The kill falls into the stream of answers, at a moment without pattern.
        let wanted = usize::try_from(trial.wrapping_mul(0x9E37_79B1) >> 28).unwrap();
        let mut heard = 0;
        while heard <= wanted && output.read_line(&mut line).unwrap() > 0 {
            heard += 1;
        }
        let wait = u64::from(trial.wrapping_mul(0x85EB_CA6B) >> 21);
        std::thread::sleep(Duration::from_micros(wait * 2));
        killed_midway += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        while output.read_line(&mut line).unwrap() > 0 {}
        child.wait().unwrap();
        feeder.join().unwrap();
        // A line without its end was not heard.
        let heard = line.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        acknowledged.extend(heard.map(|line| line.split('\t').next().unwrap().to_owned()));
        let (counts, faults) = rows(&space.path("labels/qc/anna.csv"));
        for id in &acknowledged {
            assert_eq!(counts.get(id), Some(&1), "trial {trial}: {id}");
        }
        assert!(counts.values().all(|count| *count == 1), "trial {trial}");
        torn = faults;
        if trial % 10 == 0 {
            let status = json(&space, &["labels", "status", "qc", "--format", "json"]);
            assert_eq!(status["metrics"]["conflicts"], 0.0, "trial {trial}");
        }
    }
    println!("{killed_midway} of {trials} killed in the stream, {} answers acknowledged, {torn} rows torn", acknowledged.len());
    assert!(killed_midway > trials * 9 / 10);
    assert_eq!(run(&space, &["run"]).code, 0);
    assert_eq!(space.table("qc").rows, 3);
}

#[test]
fn two_programs_on_one_file_lose_and_double_nothing() {
    let space = space();
    let stream = |who: &str| {
        let answer = |at: usize| {
            format!("a,{}.jpg,{},{who} {at}\n", at % 2 + 1, if (at / 2).is_multiple_of(2) { "vole" } else { "empty" })
        };
        format!("site,file,class,comment\n{}", (0..40).map(answer).collect::<String>())
    };
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| tell(&space, &ADD, &stream("one")));
        let two = scope.spawn(|| tell(&space, &ADD, &stream("two")));
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_eq!((one.code, two.code), (0, 0), "{}{}", one.err, two.err);
    let (counts, faults) = rows(&space.path("labels/qc/anna.csv"));
    let acknowledged: Vec<&str> = one.out.lines().chain(two.out.lines()).map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!((acknowledged.len(), counts.len(), faults), (80, 80, 0));
    assert!(acknowledged.iter().all(|id| counts[*id] == 1));
}

/// The same JPEG, pixel for pixel, with a comment more in its header.
fn tagged(bytes: &[u8]) -> Vec<u8> {
    let mut tagged = bytes[..2].to_vec();
    tagged.extend([0xFF, 0xFE, 0, 8]);
    tagged.extend(b"edited");
    tagged.extend(&bytes[2..]);
    tagged
}

#[test]
fn a_label_finds_an_image_whose_bytes_changed_by_its_pixels() {
    let space = space();
    assert_eq!(tell(&space, &ADD, "site,file,class,comment\na,1.jpg,vole,dear\na,2.jpg,empty,\nb,3.jpg,vole,\n").code, 0);
    assert_eq!(run(&space, &["run"]).code, 0);
    let before = space.read("labels/qc/anna.csv");
    let bytes = fs::read(space.path("raw/a/2024/1.jpg")).unwrap();
    space.write("raw/a/2024/1.jpg", tagged(&bytes));
    // Another picture took the place of the third: its label stays where it is.
    space.image("raw/b/2024/3.jpg", 9);
    let end = run(&space, &["run"]);
    assert_eq!(end.code, 4, "{}", end.err);
    assert!(end.err.contains("labels relink") || end.out.contains("labels relink"), "{}{}", end.out, end.err);
    let dry = json(&space, &["labels", "relink", "qc", "--dry-run", "--format", "json"]);
    assert_eq!(space.read("labels/qc/anna.csv"), before);
    let outcomes: Vec<(bool, &str)> = dry["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|label| (label["now"].is_string(), label["file"].as_str().unwrap()))
        .collect();
    assert_eq!(outcomes, [(true, "1.jpg"), (false, "3.jpg")]);
    let end = run(&space, &["labels", "relink", "qc"]);
    assert_eq!(end.code, 0, "{}", end.err);
    assert!(
        end.err.contains("1 label linked again, 1 not found") && end.out.contains("no image there has these pixels"),
        "{}",
        end.err
    );
    let after = space.read("labels/qc/anna.csv");
    assert!(after.starts_with(&before) && after.lines().count() == before.lines().count() + 1);
    assert_eq!(run(&space, &["run"]).code, 4);
    let status = json(&space, &["labels", "status", "qc", "--format", "json"]);
    assert_eq!((&status["answered"], &status["metrics"]["not_asked"]), (&2.into(), &1.0.into()));
    assert_eq!(space.column("qc", "comment")[0], "dear");
    // Nothing more to do: the old label is superseded.
    let again = json(&space, &["labels", "relink", "qc", "--format", "json"]);
    assert_eq!(again["labels"].as_array().unwrap().len(), 1);
    assert_eq!(space.read("labels/qc/anna.csv"), after);
}

#[test]
fn a_sheet_of_a_review_that_is_not_blind_says_what_the_model_says() {
    let space = TestSpace::with_model();
    space.image("raw/a/2024/1.jpg", 1);
    let asking = |blind: bool| {
        let step = "  qc: { uses: review, from: predictions, with: { labels: labels/qc/, blind: BLIND } }\n";
        step.replace("BLIND", &blind.to_string())
    };
    let pipeline = space.read("pipeline.yaml");
    space.write("pipeline.yaml", format!("{pipeline}{}", asking(false)));
    let end = run(&space, &["run"]);
    assert!(end.code == 0 || end.code == 4, "{}", end.err);
    let sheet = run(&space, &["labels", "todo", "qc"]).out;
    let lines: Vec<Vec<&str>> = sheet.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((lines.len(), lines[0][13], lines[1][6]), (2, "model_label", "model"), "{sheet}");
    assert_eq!(lines[1][13], space.column("predictions", "label")[0]);
    // Images have names here: that is what people call them by.
    assert_eq!(lines[1][11], space.column("names", "name")[0]);
    // What was seen with the model's answer is not taken by a blind review, and no blind sheet shows it.
    space.write("pipeline.yaml", format!("{pipeline}{}", asking(true)));
    let end = tell(&space, &ADD, &sheet.replacen(",,,,class", ",vole,,,class", 1));
    assert!(end.code == 2 && end.err.contains("with the model's answer in sight"), "{}", end.err);
    let sheet = run(&space, &["labels", "todo", "qc"]).out;
    assert!(!sheet.contains("model") && sheet.contains(",blind,"), "{sheet}");
}
