//! Names and answers stay with their images, whatever people do to folders and tables.

use std::fs;
use std::process::{Command, Stdio};

use trapline::labels::{Appender, Label};
use trapline::run::event::{Event, Outcome};
use trapline::step::Finding;

use crate::support::photo::Photo;
use crate::support::{PIPELINE, Ran, TestSpace};

/// Names behind `PIPELINE`, and a table of them.
const NAMES: &str = "  names:
    uses: rename
    from: metadata
    with: { name: \"{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG\", manifest: names.csv }
  table:
    uses: export
    from: names
    with: { into: published/images.csv }
";

/// A review of all images with a name.
const REVIEW: &str = "  names:
    uses: rename
    from: metadata
    with: { name: \"{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG\", manifest: names.csv }
  qc:
    uses: review
    from: names
    with: { labels: labels/qc }
  merged:
    uses: merge
    from: { images: names, labels: qc }
  table:
    uses: export
    from: merged
    with: { into: published/merged.csv, columns: [site, path, name, class] }
";

/// Three images at site `01` in 2024 of one day, with the steps `behind`.
fn space(behind: &str) -> TestSpace {
    let space = TestSpace::new();
    space.write("pipeline.yaml", format!("{PIPELINE}{behind}"));
    for at in 1..=3 {
        space.write(&format!("raw/01/2024/IMG_000{at}.jpg"), photo(at));
    }
    space
}

fn photo(at: u8) -> Vec<u8> {
    Photo::new(at).taken(&format!("2024:07:01 1{at}:00:00")).bytes()
}

struct End {
    code: i32,
    out: String,
    err: String,
}

fn trapline(space: &TestSpace, arguments: &[&str]) -> End {
    let output = command(space, arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    End { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn command(space: &TestSpace, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.args(arguments).current_dir(space.dir.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Path and name of each image.
fn named(space: &TestSpace) -> Vec<String> {
    space.rows("names", &["path", "name"])
}

fn found(ran: &Ran, name: &str, kind: &str) -> Option<Finding> {
    let of = |event: &Event| match event {
        Event::StepFinished { step, findings, .. } | Event::StepReused { step, findings, .. } if step == name => {
            findings.iter().find(|finding| finding.kind == kind).cloned()
        }
        _ => None,
    };
    ran.events.iter().find_map(of)
}

/// A run that may wait for people.
fn run(space: &TestSpace) -> Ran {
    let ran = space.try_run().unwrap();
    assert!(matches!(ran.outcome, Outcome::Complete | Outcome::Waiting), "{:#?}", ran.errors());
    ran
}

/// Three images of which the first came last, so that names follow no order.
fn late(behind: &str) -> TestSpace {
    let space = space(behind);
    fs::create_dir(space.path("aside")).unwrap();
    fs::rename(space.path("raw/01/2024/IMG_0001.jpg"), space.path("aside/1.jpg")).unwrap();
    run(&space);
    fs::rename(space.path("aside/1.jpg"), space.path("raw/01/2024/IMG_0001.jpg")).unwrap();
    run(&space);
    assert_eq!(
        named(&space),
        [
            "01/2024/IMG_0001.jpg 01_2024-07-01_0003.JPG",
            "01/2024/IMG_0002.jpg 01_2024-07-01_0001.JPG",
            "01/2024/IMG_0003.jpg 01_2024-07-01_0002.JPG"
        ]
    );
    space
}

#[test]
fn names_of_a_manifest_that_was_lost_come_back_from_the_last_run() {
    let space = late(NAMES);
    let (manifest, names) = (space.read("names.csv"), named(&space));
    // Lost, emptied, and without some of its lines.
    let some: Vec<&str> = manifest.lines().take(2).collect();
    for damage in [None, Some(String::new()), Some(some.join("\n") + "\n")] {
        match &damage {
            None => fs::remove_file(space.path("names.csv")).unwrap(),
            Some(text) => space.write("names.csv", text),
        }
        let ran = space.run();
        assert_eq!((space.read("names.csv"), named(&space)), (manifest.clone(), names.clone()));
        let lost = if damage.is_some_and(|text| !text.is_empty()) { 2 } else { 3 };
        let finding = found(&ran, "names", "names_put_back").unwrap();
        assert_eq!(finding.count, lost);
    }
}

#[test]
fn names_that_neither_manifest_nor_store_knows_stop_the_run() {
    let space = late(NAMES);
    fs::remove_file(space.path("names.csv")).unwrap();
    fs::remove_dir_all(space.path(".trapline")).unwrap();
    let error = space.error();
    assert!(
        error.contains("`names.csv` has lost names: `trapline.lock` counts 3 images, 3 more than the file now names"),
        "{error}"
    );
    assert!(error.contains("`trapline run --force names`") && !space.path("names.csv").exists(), "{error}");
    let mut space = space;
    space.options.force.push("names".into());
    space.run();
    assert_eq!(space.column("names", "name")[0], "01_2024-07-01_0001.JPG");
}

#[test]
fn a_manifest_that_a_spreadsheet_saved_keeps_its_names() {
    let space = late(NAMES);
    let (manifest, names) = (space.read("names.csv"), named(&space));
    // Zeros before numbers are gone, semicolons stand between the columns, lines are sorted by name and filled up.
    let mut lines: Vec<String> = manifest.lines().map(|line| line.replace(",01,", ",1,").replace(',', ";")).collect();
    lines[1..].reverse();
    let text = format!("\u{feff}{}\r\n;;;;\r\n", lines.join("\r\n"));
    for with_store in [true, false] {
        space.write("names.csv", &text);
        if !with_store {
            fs::remove_dir_all(space.path(".trapline")).unwrap();
        }
        let ran = space.run();
        assert_eq!((named(&space), space.read("names.csv")), (names.clone(), manifest.clone()));
        assert_eq!(found(&ran, "names", "names_healed").unwrap().count, 3, "with the store: {with_store}");
    }
}

#[test]
fn one_damaged_digit_gives_no_image_another_name() {
    let space = late(NAMES);
    let (manifest, names) = (space.read("names.csv"), named(&space));
    let at = manifest.find("b3:").unwrap() + 3;
    let digit = if manifest.as_bytes()[at] == b'0' { "1" } else { "0" };
    let damaged = [&manifest[..at], digit, &manifest[at + 1..]].concat();
    for with_store in [true, false] {
        space.write("names.csv", &damaged);
        if !with_store {
            fs::remove_dir_all(space.path(".trapline")).unwrap();
        }
        let ran = space.run();
        assert_eq!((named(&space), space.read("names.csv")), (names.clone(), manifest.clone()));
        let kind = if with_store { "names_healed" } else { "names_rewritten" };
        assert_eq!(found(&ran, "names", kind).unwrap().count, 1);
    }
    // A digit of a name: nobody can tell a slip from a wish.
    let slip = manifest.replace("_0001.JPG", "_0007.JPG");
    space.write("names.csv", &slip);
    let error = space.error();
    assert!(
        error.contains("01/2024/IMG_0002.jpg is `01_2024-07-01_0007.JPG` in `names.csv`, and was `01_2024-07-01_0001.JPG`"),
        "{error}"
    );
    assert!(error.contains("nothing was written") && error.contains("--force"), "{error}");
    assert_eq!(space.read("names.csv"), slip);
    // Whoever means it says so.
    let mut space = space;
    space.options.force.push("names".into());
    space.run();
    assert_eq!(space.column("names", "name")[1], "01_2024-07-01_0007.JPG");
    space.options.force.clear();
    space.run();
    assert_eq!(space.column("names", "name")[1], "01_2024-07-01_0007.JPG");
}

#[test]
fn an_emptied_name_is_given_anew_and_no_other() {
    let space = late(NAMES);
    space.edit("names.csv", "01_2024-07-01_0001.JPG", "");
    space.run();
    let names = space.column("names", "name");
    assert_eq!(names, ["01_2024-07-01_0003.JPG", "01_2024-07-01_0004.JPG", "01_2024-07-01_0002.JPG"]);
}

/// Answers of `anna` about all images of `step`, through a sheet.
fn answer(space: &TestSpace, step: &str, class: &str) {
    let sheet = trapline(space, &["labels", "todo", step, "--reviewer", "anna"]).out;
    let filled = sheet.replace(",,anna,", &format!(",{class},anna,"));
    space.write("sheet.csv", filled);
    let end = trapline(space, &["labels", "add", step, "--reviewer", "anna", "sheet.csv"]);
    assert_eq!(end.code, 0, "{}", end.err);
}

#[test]
fn names_and_answers_follow_a_corrected_folder() {
    let space = space(REVIEW);
    run(&space);
    answer(&space, "qc", "vole");
    space.run();
    let labels = space.read("labels/qc/anna.csv");
    let names = space.column("names", "name");
    fs::rename(space.path("raw/01"), space.path("raw/s1")).unwrap();
    let ran = space.run();
    assert_eq!(space.column("names", "name"), names);
    assert_eq!(space.rows("merged", &["site", "class"]), ["s1 vole", "s1 vole", "s1 vole"]);
    assert_eq!(space.read("labels/qc/anna.csv"), labels, "labels are only added to");
    let notices = ran.notices().join("\n");
    assert!(notices.contains("3 images of `01` lie in `s1` now") && notices.contains("`moves.csv`"), "{notices}");
    let followed = found(&ran, "qc", "moved_answers").unwrap();
    assert_eq!((followed.count, followed.examples), (3, vec!["3 answers of `01` follow to `s1`".to_owned()]));
    assert_eq!(found(&ran, "names", "names_moved").unwrap().count, 3);
    // Another correction after it, of the season.
    fs::rename(space.path("raw/s1/2024"), space.path("raw/s1/2023")).unwrap();
    space.run();
    assert_eq!(space.column("names", "name"), names);
    assert_eq!(space.rows("merged", &["site", "class"]), ["s1 vole", "s1 vole", "s1 vole"]);
    assert_eq!(space.read("moves.csv").lines().count(), 7);
    // And back again: nothing is asked, nothing named.
    fs::create_dir(space.path("raw/01")).unwrap();
    fs::rename(space.path("raw/s1/2023"), space.path("raw/01/2024")).unwrap();
    space.run();
    assert_eq!(space.column("names", "name"), names);
    assert_eq!(space.rows("merged", &["site", "class"]), ["01 vole", "01 vole", "01 vole"]);
    assert!(space.decisions().iter().all(|(_, word)| *word == "reuse"), "{:?}", space.decisions());
}

#[test]
fn answers_about_images_that_are_not_asked_any_more_follow_too() {
    let space = space(REVIEW);
    run(&space);
    answer(&space, "qc", "vole");
    space.run();
    // Only images of another site are asked about now.
    space.edit("pipeline.yaml", "    from: names\n    with: { labels", "    from: asked\n    with: { labels");
    space.edit("pipeline.yaml", "  qc:\n", "  asked: { uses: sample, from: late, with: { random_per_group: 5 } }\n  qc:\n");
    space.edit("pipeline.yaml", "  metadata:\n", "  others: { uses: images, with: { root: more, path: \"{site}/{season}/*.jpg\" } }\n  late: { uses: metadata, from: others }\n  metadata:\n");
    space.write("more/09/2024/IMG_0009.jpg", photo(9));
    space.write("labels/qc/ben.csv", "site,season,file,class\n09,2024,IMG_0009.jpg,empty\n");
    fs::rename(space.path("raw/01"), space.path("raw/s1")).unwrap();
    space.run();
    assert_eq!(space.rows("merged", &["site", "class"]), ["s1 vole", "s1 vole", "s1 vole"]);
}

#[test]
fn a_folder_name_in_another_unicode_form_costs_nothing() {
    let space = TestSpace::new();
    space.write("pipeline.yaml", format!("{PIPELINE}{REVIEW}"));
    space.write("raw/Bj\u{f6}rn/2024/IMG_0001.jpg", photo(1));
    run(&space);
    answer(&space, "qc", "vole");
    space.run();
    let names = space.column("names", "name");
    fs::rename(space.path("raw/Bj\u{f6}rn"), space.path("raw/Bjo\u{308}rn")).unwrap();
    space.run();
    assert_eq!((space.column("names", "name"), space.column("merged", "class")), (names, vec!["vole".to_owned()]));
}

#[test]
fn the_same_bytes_at_two_sites_that_are_both_there_are_a_copy() {
    let space = space(NAMES);
    space.run();
    space.write("raw/02/2024/IMG_0001.jpg", photo(1));
    let ran = space.run();
    assert!(ran.notices().is_empty() && !space.path("moves.csv").exists(), "{:?}", ran.notices());
    let names = named(&space);
    assert_eq!(names[3], "02/2024/IMG_0001.jpg 02_2024-07-01_0001.JPG");
    // The copy was known when the first one went: it keeps its own name.
    fs::remove_file(space.path("raw/01/2024/IMG_0001.jpg")).unwrap();
    let _ = space.try_run().unwrap();
    assert!(!space.path("moves.csv").exists());
}

/// A season that is drawn from, at three sites.
const SAMPLE: &str = "  drawn:
    uses: sample
    from: metadata
    with: { by: [season], random_per_group: 6, seed: 3 }
";

#[test]
fn a_sample_keeps_its_images_when_their_folder_is_corrected() {
    let space = TestSpace::new();
    space.write("pipeline.yaml", format!("{PIPELINE}{SAMPLE}"));
    for at in 1..=24 {
        space.write(&format!("raw/s{}/2024/IMG_{at:04}.jpg", at % 3), Photo::new(at).taken("2024:07:01 10:00:00").bytes());
    }
    space.run();
    let drawn = |space: &TestSpace| {
        let mut drawn: Vec<String> = space.rows("drawn", &["file", "rank"]);
        drawn.sort();
        drawn
    };
    let before = drawn(&space);
    for (from, to) in [("s1", "s01"), ("s2", "s02"), ("s01", "s001")] {
        fs::rename(space.path(&format!("raw/{from}")), space.path(&format!("raw/{to}"))).unwrap();
        let ran = space.run();
        assert_eq!(drawn(&space), before, "{from} is {to}");
        assert!(ran.changes("drawn").is_empty(), "nobody left and nobody entered");
    }
}

/// A comment behind the start of an image, as a tag program writes it.
fn tagged(bytes: &[u8]) -> Vec<u8> {
    [&bytes[..2], b"\xff\xfe\x00\x09red fox", &bytes[2..]].concat()
}

#[test]
fn an_image_with_a_tag_written_into_it_keeps_its_name_and_the_run_says_how_its_answer_is_found() {
    let space = space(REVIEW);
    run(&space);
    answer(&space, "qc", "vole");
    space.run();
    let names = named(&space);
    let path = "raw/01/2024/IMG_0001.jpg";
    space.write(path, tagged(&fs::read(space.path(path)).unwrap()));
    let end = trapline(&space, &["run"]);
    assert_eq!(end.code, 4, "{}{}", end.out, end.err);
    assert!(format!("{}{}", end.out, end.err).contains("trapline labels relink qc"), "{}{}", end.out, end.err);
    assert_eq!(named(&space), names);
    assert_eq!(space.read("names.csv").lines().count(), 4);
    let end = trapline(&space, &["labels", "relink", "qc"]);
    assert!(end.err.contains("1 label linked again"), "{}", end.err);
    space.run();
    // Another picture in the place of one gets a name of its own, and it is said.
    space.write(path, Photo::new(9).taken("2024:08:09 10:00:00").bytes());
    let ran = run(&space);
    assert_eq!(named(&space)[0], "01/2024/IMG_0001.jpg 01_2024-08-09_0001.JPG");
    assert_eq!(found(&ran, "names", "names_replaced").unwrap().count, 1);
}

/// Answers asked of a sample.
const ASKED: &str = "  asked:
    uses: sample
    from: metadata
    with: { by: [season], random_per_group: 10, seed: 1 }
  qc:
    uses: review
    from: asked
    with: { labels: labels/qc }
  merged:
    uses: merge
    from: { images: metadata, labels: qc }
  table:
    uses: export
    from: merged
    with: { into: published/merged.csv, columns: [site, path, class, reviewer, comment, final] }
";

#[test]
fn answers_that_went_through_a_spreadsheet_are_taken_by_their_observation() {
    let space = space(ASKED);
    run(&space);
    let end = trapline(&space, &["labels", "todo", "qc", "--reviewer", "anna", "-o", "todo.csv"]);
    assert_eq!(end.code, 0, "{}", end.err);
    let sheet = space.read("todo.csv");
    // The sheet says where each image lies.
    let header: Vec<&str> = sheet.lines().next().unwrap().split(',').collect();
    let path = header.iter().position(|name| *name == "path").unwrap();
    for line in sheet.lines().skip(1) {
        let path = line.split(',').nth(path).unwrap();
        assert!(space.path(path).is_file(), "{path}");
    }
    // Zeros are gone, the season became a date, semicolons stand between the columns.
    let excel = sheet.replace(",,anna,", ",vole,anna,").replace(",01,2024,", ",1,01.01.2024,").replace(',', ";");
    space.write("excel.csv", excel);
    let end = trapline(&space, &["labels", "add", "qc", "--reviewer", "anna", "excel.csv"]);
    assert_eq!((end.code, end.out.lines().count()), (0, 3), "{}", end.err);
    assert!(end.err.contains("excel.csv line 2: `1 01.01.2024` is taken as `01 2024`"), "{}", end.err);
    space.run();
    // The label file itself, saved that way.
    space.edit("labels/qc/anna.csv", ",01,2024,", ",1,2024,");
    let ran = space.run();
    assert_eq!(space.rows("merged", &["site", "class"]), ["01 vole", "01 vole", "01 vole"]);
    let finding = found(&ran, "qc", "other_place").unwrap();
    assert_eq!(finding.count, 3);
    assert!(finding.examples[0].contains("labels/qc/anna.csv line 2: `1` is `01`"), "{:?}", finding.examples);
    let status = trapline(&space, &["labels", "status", "qc"]).out;
    assert!(status.contains("3 of 3 images answered."), "{status}");
}

#[test]
fn an_answer_about_a_copy_at_another_site_stays_there() {
    let space = space(ASKED);
    space.write("raw/02/2024/IMG_0001.jpg", photo(1));
    space.write("raw/02/2024/IMG_0002.jpg", photo(7));
    run(&space);
    let sheet = trapline(&space, &["labels", "todo", "qc", "--reviewer", "anna"]).out;
    let header = sheet.lines().next().unwrap();
    let line = sheet.lines().find(|line| line.contains(",02,2024,IMG_0001.jpg,")).unwrap();
    space.write("labels/qc/anna.csv", format!("{header}\n{}\n", line.replace(",,anna,", ",vole,anna,")));
    run(&space);
    assert_eq!(space.rows("qc", &["site", "class"]), ["02 vole"]);
}

#[test]
fn nobody_decides_a_dispute_in_which_they_have_a_part() {
    let space = space(ASKED);
    run(&space);
    let says = |who: &str, class: &str| {
        space.write(&format!("labels/qc/{who}.csv"), format!("site,season,file,class\n01,2024,IMG_0001.jpg,{class}\n"));
    };
    says("anna", "vole");
    says("ben", "empty");
    let rows = |sheet: &str| sheet.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let todo = |arguments: &[&str]| trapline(&space, &[&["labels", "todo", "qc"], arguments].concat());
    let end = todo(&["--reviewer", "anna"]);
    assert!(rows(&end.out).len() == 2 && !end.out.contains("lb:"), "{}", end.out);
    assert!(end.err.contains("1 image on which reviewers disagree waits") && end.err.contains("--adjudicate"), "{}", end.err);
    // Nor do they, or a third person who only answers, come upon it as one image among others.
    assert_eq!(rows(&todo(&["--reviewer", "ben", "--adjudicate"]).out).len(), 0);
    assert!(!todo(&["--reviewer", "carla"]).out.contains("lb:"));
    let sheet = todo(&["--reviewer", "carla", "--adjudicate"]).out;
    assert_eq!((rows(&sheet).len(), rows(&sheet)[0].matches("lb:").count()), (1, 2), "{sheet}");
    // Everybody is told where it leads.
    let status = trapline(&space, &["labels", "status", "qc"]).out;
    assert!(status.contains("qc --adjudicate --reviewer NAME"), "{status}");
    let end = trapline(&space, &["run"]);
    let said = format!("{}{}", end.out, end.err);
    assert!(end.code == 4 && said.contains("qc --adjudicate --reviewer NAME"), "{said}");
    space.write("decided.csv", sheet.replace(",,carla,", ",vole,carla,"));
    assert_eq!(trapline(&space, &["labels", "add", "qc", "--reviewer", "carla", "decided.csv"]).code, 0);
    run(&space);
    assert_eq!(space.rows("qc", &["class", "method"]), ["vole adjudicated"]);
}

#[test]
fn a_sheet_that_broke_off_can_be_written_again() {
    let space = space(ASKED);
    run(&space);
    // What a killed command leaves: the part beside the sheet, never a part of the sheet.
    space.write(".todo.csv.trapline-part", "label,obs");
    let end = trapline(&space, &["labels", "todo", "qc", "-o", "todo.csv"]);
    assert!(end.code == 0 && space.read("todo.csv").lines().count() == 4, "{}", end.err);
    assert!(!space.path(".todo.csv.trapline-part").exists());
    let end = trapline(&space, &["labels", "todo", "qc", "-o", "todo.csv"]);
    assert!(end.code != 0 && end.err.contains("is there already"), "{}", end.err);
    let end = trapline(&space, &["labels", "todo", "qc", "-o", "nowhere/todo.csv"]);
    assert!(end.code != 0 && !space.path("nowhere").exists(), "{}", end.err);
}

#[test]
fn two_who_add_the_same_sheet_at_once_write_no_row_twice() {
    let space = space(ASKED);
    run(&space);
    let sheet = trapline(&space, &["labels", "todo", "qc", "--reviewer", "anna"]).out;
    space.write("sheet.csv", sheet.replace(",,anna,", ",vole,anna,"));
    let add = ["labels", "add", "qc", "--reviewer", "anna", "sheet.csv"];
    let children: Vec<_> = (0..4).map(|_| command(&space, &add).spawn().unwrap()).collect();
    for child in children {
        let end = child.wait_with_output().unwrap();
        assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
    }
    let labels = space.read("labels/qc/anna.csv");
    assert_eq!(labels.lines().count(), 4, "{labels}");
}

#[test]
fn a_row_that_was_decided_upon_by_an_older_state_of_the_file_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let row = |class: &'static str| Label { class: class.into(), file: "1.jpg".into(), ..Label::default() };
    let (mut one, mut other) = (Appender::new(folder.path(), "anna"), Appender::new(folder.path(), "anna"));
    assert!(one.append_to(&mut [row("vole")], |_, length| length == 0).unwrap());
    let written = fs::read(one.path()).unwrap();
    assert!(!other.append_to(&mut [row("vole")], |_, length| length == 0).unwrap());
    assert_eq!(fs::read(one.path()).unwrap(), written);
    // Who has looked again adds a whole row, and no second header.
    assert!(other.append_to(&mut [row("empty")], |_, length| length == written.len() as u64).unwrap());
    assert_eq!(fs::read_to_string(one.path()).unwrap().lines().count(), 3);
}
