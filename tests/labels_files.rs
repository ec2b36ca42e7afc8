//! Label files at rest: whatever cuts, doubles, merges or re-saves them, no row is lost and none runs into another.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, clippy::cast_precision_loss, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use trapline::id::ContentId;
use trapline::labels::{self, Appender, COLUMNS, Label};
use trapline::moves::Moves;
use trapline::step::review::{Question, review};
use trapline::table::{ColumnBuilder, Schema, Table, Type};
use trapline::taxonomy::Taxonomy;

fn label(image: u64, class: &str, reviewer: &str, comment: &str) -> Label<'static> {
    Label {
        observation: Some(ContentId::of(&image.to_le_bytes())),
        class: class.to_owned().into(),
        reviewer: reviewer.to_owned().into(),
        time: format!("2026-11-21T10:00:{:02}.{:03}Z", image / 1000 % 60, image % 1000).into(),
        question: "class".into(),
        shown: "blind".into(),
        site: "kå_1".into(),
        season: "2024".into(),
        file: format!("IMG_{image:04}.JPG").into(),
        comment: comment.to_owned().into(),
        ..Label::default()
    }
}

/// The comments of the rows of a file with their lines, and the lines that cannot be read.
fn comments(path: &Path) -> (Vec<String>, Vec<u64>) {
    let bytes = fs::read(path).unwrap();
    let text = labels::decode("x.csv", &bytes).unwrap();
    let read = labels::read("x.csv", "x", &text).unwrap();
    let rows = read.labels.iter().map(|label| label.comment.to_string()).collect();
    (rows, read.faults.iter().map(|fault| fault.line).collect())
}

const COMMENTS: [&str; 4] = ["plain", "with, a \"quote\"; and å", "a \"\"", "\""];

#[test]
fn wherever_a_kill_cuts_the_file_all_other_rows_stand_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anna.csv");
    let mut rows: Vec<Label<'_>> = COMMENTS.iter().zip(0..).map(|(comment, at)| label(at, "vole", "anna", comment)).collect();
    Appender::new(folder.path(), "anna").append(&mut rows).unwrap();
    let whole = fs::read(&path).unwrap();
    let ends: Vec<usize> = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    assert_eq!(ends.len(), 5);
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        // Rows whose last letter is there: the line break may be missing.
        let complete = ends.iter().skip(1).filter(|end| **end <= cut).count();
        let (before, faults) = comments(&path);
        assert_eq!(before[..complete], COMMENTS[..complete], "cut at {cut}");
        // At most the row that was cut, perhaps with less of its comment.
        assert!(before.len() + faults.len() <= complete + 1, "cut at {cut}: {before:?} {faults:?}");
        let mut appender = Appender::new(folder.path(), "anna");
        for comment in ["next, \"quoted\"", "last"] {
            appender.append(&mut [label(9, "stoat", "anna", comment)]).unwrap();
        }
        let (after, faults) = comments(&path);
        assert_eq!(after[..complete], COMMENTS[..complete], "cut at {cut}");
        assert_eq!(after[after.len() - 2..], ["next, \"quoted\"", "last"], "cut at {cut}");
        assert!(after.len() + faults.len() <= complete + 3, "cut at {cut}: {after:?} {faults:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn several_writers_on_one_file_lose_and_double_nothing() {
    const WRITERS: u64 = 4;
    const ROWS: u64 = 60;
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let folder = folder.path();
            scope.spawn(move || {
                let mut appender = Appender::new(folder, "anna");
                for row in 0..ROWS {
                    appender.append(&mut [label(writer * ROWS + row, "vole", "anna", &format!("{writer}, {row}"))]).unwrap();
                }
            });
        }
    });
    let (rows, faults) = comments(&folder.path().join("anna.csv"));
    assert!(faults.is_empty());
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for row in rows {
        *counts.entry(row).or_default() += 1;
    }
    assert_eq!(counts.len() as u64, WRITERS * ROWS);
    assert!(counts.values().all(|count| *count == 1));
}

#[test]
fn a_file_of_a_spreadsheet_goes_on_in_its_own_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anna.csv");
    let mut columns: Vec<&str> = COLUMNS.iter().rev().copied().collect();
    columns.insert(3, "my notes");
    let saved = format!("\u{feff}{}\r\nfirst;x.jpg;2024;mine;a{}vole{}", columns.join(";"), ";".repeat(7), ";;");
    fs::write(&path, &saved).unwrap();
    Appender::new(folder.path(), "anna").append(&mut [label(1, "vole", "anna", "a; b")]).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let added = text.strip_prefix(&saved).unwrap().strip_prefix("\r\n").unwrap();
    assert!(added.starts_with("\"a; b\";IMG_0001.JPG;2024;;kå_1;") && added.ends_with("\r\n"), "{added:?}");
    assert_eq!(comments(&path), (vec!["first".to_owned(), "a; b".to_owned()], vec![]));
}

#[test]
fn what_cannot_take_a_whole_row_is_left_alone_and_a_second_file_begins() {
    let conflict = format!("{}\n<<<<<<< HEAD\n", COLUMNS.join(","));
    let utf16: Vec<u8> = "\u{feff}class;file\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for odd in [b"file,class\n1.jpg,vole\n".to_vec(), utf16, conflict.into_bytes(), b"nothing of ours\n".to_vec()] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("anna.csv"), &odd).unwrap();
        let mut appender = Appender::new(folder.path(), "anna");
        for image in 0..3 {
            appender.append(&mut [label(image, "vole", "anna", "")]).unwrap();
        }
        assert_eq!(fs::read(folder.path().join("anna.csv")).unwrap(), odd);
        assert_eq!(comments(&folder.path().join("anna-2.csv")), (vec![String::new(); 3], vec![]));
        assert_eq!(appender.path(), folder.path().join("anna-2.csv"));
    }
}

#[test]
fn a_file_put_in_the_place_of_an_open_one_gets_the_next_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anna.csv");
    let mut appender = Appender::new(folder.path(), "anna");
    appender.append(&mut [label(1, "vole", "anna", "one")]).unwrap();
    // As spreadsheets and git save: aside, then renamed.
    let text = fs::read_to_string(&path).unwrap().replace(',', ";");
    fs::write(folder.path().join("aside"), text).unwrap();
    fs::rename(folder.path().join("aside"), &path).unwrap();
    appender.append(&mut [label(2, "vole", "anna", "two")]).unwrap();
    assert_eq!(comments(&path), (vec!["one".to_owned(), "two".to_owned()], vec![]));
}

#[test]
fn names_of_reviewers_become_names_of_files() {
    let stems = ["anna", "Anna Lind", "../../etc", "con", "a:b", "", ".hidden", "Åsa."].map(labels::file_stem);
    assert_eq!(stems, ["anna", "Anna_Lind", "_.._.._etc", "_con", "a_b", "_", "_.hidden", "Åsa"]);
}

fn git(folder: &Path, arguments: &[&str]) -> Option<bool> {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "core.autocrlf=false", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").current_dir(folder).args(identity).args(arguments).output().ok()?;
    Some(output.status.success())
}

fn table(images: u64) -> Table {
    let [mut content, mut site, mut season, mut file] =
        [Type::Content, Type::Text, Type::Text, Type::Text].map(ColumnBuilder::new);
    for image in 0..images {
        content.push_content(ContentId::of(&image.to_le_bytes()));
        site.push_text("kå_1");
        season.push_text("2024");
        file.push_text(&format!("IMG_{image:04}.JPG"));
    }
    let schema = Schema::of(&[("content", Type::Content), ("site", Type::Text), ("season", Type::Text), ("file", Type::Text)]);
    Table::from_builders(schema, vec![content, site, season, file]).unwrap()
}

fn question() -> Question {
    Question { folder: "labels".into(), blind: true, reviewers: 1, question: "class".into(), extra_classes: Vec::new() }
}

#[test]
fn a_git_merge_of_two_folders_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let Some(true) = git(path, &["init", "-q"]) else {
        eprintln!("skipped: no git here");
        return;
    };
    let commit =
        |message: &str| assert_eq!(git(path, &["add", "-A"]).zip(git(path, &["commit", "-qm", message])), Some((true, true)));
    let add = |reviewer: &str, images: std::ops::Range<u64>, class: &str| {
        let mut rows: Vec<_> = images.map(|image| label(image, class, reviewer, "")).collect();
        Appender::new(&path.join("labels"), reviewer).append(&mut rows).unwrap();
    };
    fs::write(path.join(".gitattributes"), "labels/**/*.csv merge=union\n").unwrap();
    add("anna", 0..5, "vole");
    commit("start");
    assert_eq!(git(path, &["checkout", "-q", "-b", "other"]), Some(true));
    // Both sides add to the same file, some rows the same, and a file of their own.
    add("anna", 5..20, "vole");
    add("ben", 0..10, "vole");
    commit("theirs");
    assert_eq!(git(path, &["checkout", "-q", "main"]), Some(true));
    add("anna", 15..30, "vole");
    add("carla", 20..40, "vole");
    commit("ours");
    assert_eq!(git(path, &["merge", "-q", "-m", "merge", "other"]), Some(true));
    let names = ["anna.csv", "ben.csv", "carla.csv"];
    let texts = names.map(|name| fs::read(path.join("labels").join(name)).unwrap());
    let files: Vec<(&str, &[u8])> = names.iter().zip(&texts).map(|(name, text)| (*name, text.as_slice())).collect();
    let reviewed = review(&question(), &Taxonomy::default(), &[table(40)], &[], &Moves::default(), &files).unwrap();
    assert!(reviewed.outputs.findings.is_empty(), "{:?}", reviewed.outputs.findings);
    assert_eq!(reviewed.outputs.tables[1].rows, 0);
    let by = |reviewer: &str| {
        let column = reviewed.outputs.tables[2].column("reviewer").unwrap();
        (0..column.len()).filter(|row| column.text(*row) == Some(reviewer)).count()
    };
    assert_eq!([by("anna"), by("ben"), by("carla")], [30, 10, 20]);
    // Without the attribute git leaves its marks: named by file and line, nothing is guessed.
    fs::remove_file(path.join(".gitattributes")).unwrap();
    commit("no attribute");
    assert_eq!(git(path, &["checkout", "-q", "-b", "third"]), Some(true));
    add("anna", 30..32, "vole");
    commit("third");
    assert_eq!(git(path, &["checkout", "-q", "main"]), Some(true));
    add("anna", 32..34, "vole");
    commit("main");
    assert_eq!(git(path, &["merge", "-q", "-m", "merge", "third"]), Some(false));
    let text = fs::read(path.join("labels/anna.csv")).unwrap();
    let line = text.split(|byte| *byte == b'\n').position(|line| line.starts_with(b"<<<<<<<")).unwrap() + 1;
    let error =
        review(&question(), &Taxonomy::default(), &[table(40)], &[], &Moves::default(), &[("anna.csv", &text)]).unwrap_err();
    assert!(error.to_string().contains(&format!("`labels/anna.csv` line {line}: holds the mark of a merge")), "{error}");
}

#[test]
fn many_labels_at_once_all_stand() {
    const LABELS: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let mut rows: Vec<_> = (0..LABELS).map(|image| label(image, "vole", "anna", "a comment, quoted")).collect();
    Appender::new(folder.path(), "anna").append(&mut rows).unwrap();
    let text = fs::read(folder.path().join("anna.csv")).unwrap();
    let reviewed =
        review(&question(), &Taxonomy::default(), &[table(LABELS)], &[], &Moves::default(), &[("anna.csv", &text)]).unwrap();
    assert_eq!((reviewed.outputs.tables[0].rows as u64, reviewed.outputs.tables[1].rows), (LABELS, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn whatever_people_type_comes_back(texts in proptest::collection::vec("[ -~åø\"\\\\',;|\t]{0,12}", 6), separator in 0_usize..3) {
        let folder = tempfile::tempdir().unwrap();
        let header = COLUMNS.join([",", ";", "\t"][separator]);
        fs::write(folder.path().join("anna.csv"), header + "\n").unwrap();
        let clean = |at: usize| texts[at].replace('\t', " ").trim().to_owned();
        let mut rows = [Label { class: format!("c{}", clean(0)).into(), reviewer: "anna".into(), file: format!("f{}", clean(1)).into(),
            comment: clean(2).into(), site: clean(3).into(), time: clean(4).into(), pixels: clean(5).into(), ..Label::default() },
            label(1, "vole", "anna", "after")];
        Appender::new(folder.path(), "anna").append(&mut rows).unwrap();
        let bytes = fs::read(folder.path().join("anna.csv")).unwrap();
        let read = labels::read("anna.csv", "anna", &bytes).unwrap();
        prop_assert_eq!(&read.faults, &[]);
        let mut read = read.labels;
        for label in &mut read {
            label.line = 0;
        }
        prop_assert_eq!(&read[..], &rows[..]);
    }

    #[test]
    fn no_bytes_make_reading_fail_badly(bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\n'), Just(b','), any::<u8>()], 0..200)) {
        let text = [b"file,class,comment\na,vole,\n".to_vec(), bytes].concat();
        if let Ok(read) = labels::read("anna.csv", "anna", &text) {
            prop_assert_eq!(read.labels[0].file.as_ref(), "a");
        }
    }

    #[test]
    fn the_order_of_rows_is_nobody_s_statement(
        rows in proptest::collection::vec((0_u64..4, 0_usize..4, 0_usize..3, 0_u64..3, proptest::option::of(0_usize..12)), 1..24),
        order in Just((0..24_usize).collect::<Vec<_>>()).prop_shuffle(),
        reviewers in 1_usize..3,
    ) {
        let given: Vec<Label<'_>> = rows.iter().enumerate().map(|(at, (image, class, reviewer, time, superseded))| Label {
            id: format!("l{at}").into(),
            // Two of four answers carry no time at all.
            time: if *time == 0 { "".into() } else { format!("2026-01-0{time}").into() },
            supersedes: superseded.map(|other| format!("l{other}")).unwrap_or_default().into(),
            // Without a class an answer is taken back, or nobody has filled in the row.
            ..label(*image, ["vole", "empty", "stoat", ""][*class], ["anna", "ben", "carla"][*reviewer], "")
        }).collect();
        let weigh = |rows: &[Label<'_>]| {
            let folder = tempfile::tempdir().unwrap();
            Appender::new(folder.path(), "x").append(&mut rows.to_vec()).unwrap();
            let text = fs::read(folder.path().join("x.csv")).unwrap();
            let question = Question { reviewers, ..question() };
            let outputs = review(&question, &Taxonomy::default(), &[table(4)], &[], &Moves::default(), &[("x.csv", &text)]).unwrap().outputs;
            let labels = outputs.tables[0].select(&["content", "class", "reviewer", "shown", "method"]).unwrap();
            (labels, outputs.tables[1].clone(), outputs.metrics)
        };
        let shuffled: Vec<Label<'_>> = order.iter().filter_map(|at| given.get(*at).cloned()).collect();
        prop_assert_eq!(weigh(&given), weigh(&shuffled));
    }
}
