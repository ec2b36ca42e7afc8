//! People's answers in label files: who waits for them, which count, and what is said about the others, by file and line.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeMap;

use support::TestSpace;
use trapline::run::event::{Event, Outcome};
use trapline::step::Finding;
use trapline::store::{Access, Store};
use trapline::table::{Table, csv};

const ASKING: &str = "  qc:
    uses: review
    from: metadata
    with: { labels: labels/qc/, blind: true, extra_classes: [mink, bad_quality] }
  table:
    uses: export
    from: qc
    with: { into: published/labels.csv }
";

/// Three images: `a/2024/1.jpg`, `a/2024/2.jpg`, `b/2024/3.jpg`.
fn space() -> TestSpace {
    let space = TestSpace::with_images();
    space.write("pipeline.yaml", format!("{}{ASKING}", support::PIPELINE));
    space
}

struct Looked {
    outcome: Outcome,
    findings: Vec<Finding>,
    metrics: BTreeMap<String, f64>,
    errors: Vec<String>,
}

fn look(space: &TestSpace) -> Looked {
    let ran = space.try_run().unwrap();
    let findings = |event: &Event| match event {
        Event::StepFinished { step, findings, .. } | Event::StepReused { step, findings, .. } if step == "qc" => {
            Some(findings.clone())
        }
        _ => None,
    };
    let store = Store::open(&space.options.store, Access::Read).unwrap();
    let heads = store.heads("test").unwrap();
    let result = heads.steps.get("qc").and_then(|key| store.get_result(*key).unwrap());
    Looked {
        errors: ran.errors(),
        outcome: ran.outcome,
        findings: ran.events.iter().find_map(findings).unwrap_or_default(),
        metrics: result.map(|result| result.metrics).unwrap_or_default(),
    }
}

impl Looked {
    fn said(&self, kind: &str) -> &[String] {
        self.findings.iter().find(|finding| finding.kind == kind).map_or(&[], |finding| &finding.examples)
    }

    fn kinds(&self) -> Vec<&str> {
        self.findings.iter().map(|finding| finding.kind.as_str()).collect()
    }

    #[expect(clippy::cast_possible_truncation, reason = "counts")]
    fn metric(&self, name: &str) -> i64 {
        self.metrics[name] as i64
    }
}

fn output(space: &TestSpace, port: &str) -> Table {
    let store = Store::open(&space.options.store, Access::Read).unwrap();
    let heads = store.heads("test").unwrap();
    let manifest = store.get_result(heads.steps["qc"]).unwrap().unwrap();
    let output = manifest.outputs.iter().find(|output| output.port == port).unwrap();
    store.open_table(output.id).unwrap().read(None).unwrap()
}

/// Some columns of an output, as text.
fn shown(space: &TestSpace, port: &str, columns: &[&str]) -> Vec<String> {
    let mut bytes = Vec::new();
    csv::write(&output(space, port).select(columns).unwrap(), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap().lines().skip(1).map(str::to_owned).collect()
}

fn content(space: &TestSpace, file: &str) -> String {
    trapline::id::ContentId::of(&std::fs::read(space.path(file)).unwrap()).to_string()
}

#[test]
fn what_depends_on_labels_waits_and_goes_on_when_they_are_there() {
    let space = space();
    let looked = look(&space);
    assert_eq!((looked.outcome, looked.metric("missing_labels")), (Outcome::Waiting, 3));
    assert_eq!(shown(&space, "missing", &["path", "type", "status", "answers"])[0], "a/2024/1.jpg,corrected,unanswered,0");
    // By content, by place and file, and with the file's name for the reviewer.
    let first = content(&space, "raw/a/2024/1.jpg");
    space.write("labels/qc/anna.csv", format!("observation,class,comment\n{first},vole,\"two, or three\"\n"));
    assert_eq!(look(&space).metric("missing_labels"), 2);
    space.write(
        "labels/qc/ben.csv",
        "site,season,file,class,reviewer,time\na,2024,2.jpg,empty,Ben,2026-01-02\nb,2024,3.jpg,mink,Ben,\n",
    );
    let looked = look(&space);
    assert_eq!((looked.outcome, looked.findings), (Outcome::Complete, Vec::new()));
    assert_eq!(
        shown(&space, "labels", &["path", "class", "type", "reviewer", "time", "shown", "comment"]),
        [
            "a/2024/1.jpg,vole,corrected,anna,,,\"two, or three\"",
            "a/2024/2.jpg,empty,corrected,Ben,2026-01-02,,",
            "b/2024/3.jpg,mink,corrected,Ben,,,"
        ]
    );
    assert!(space.path("published/labels.csv").exists());
    assert_eq!(space.run().reused(), ["images", "metadata", "qc", "table"]);
}

#[test]
fn a_file_that_a_spreadsheet_saved_reads_the_same() {
    let space = space();
    let first = content(&space, "raw/a/2024/1.jpg");
    let excel = format!(
        "\u{feff}class;Observation;File;season;Site;time;comment;my notes;\r\n\
         vole;{first};;;;21.11.2026 10:05;\"a \"\"big\"\" one\nsecond line\";x;\r\n\
         Bad Quality;;2.jpg;2024;a;;;;\r\n\
         ;;3.jpg;2024;b;;;;\r\n;;;;;;;;\r\n"
    );
    space.write("labels/qc/anna.csv", &excel);
    let looked = look(&space);
    assert_eq!(looked.kinds(), ["class_spelling"]);
    assert_eq!(looked.said("class_spelling"), ["labels/qc/anna.csv line 4: `Bad Quality` is taken as `bad_quality`"]);
    assert_eq!(looked.metric("answered"), 2);
    let read = shown(&space, "answers", &["site", "class", "reviewer", "time", "comment", "source"]);
    assert_eq!(read.len(), 3, "{read:?}"); // one comment has two lines
    assert!(read[0].starts_with("a,vole,anna,21.11.2026 10:05,\"a \"\"big\"\" one"), "{read:?}");
    assert_eq!(read[2], "a,bad_quality,anna,,,labels/qc/anna.csv line 4");
    // The same as UTF-16 with its mark, which spreadsheets call Unicode text.
    let before = output(&space, "labels");
    let utf16: Vec<u8> = excel.encode_utf16().flat_map(u16::to_le_bytes).collect();
    space.write("labels/qc/anna.csv", utf16);
    assert_eq!(look(&space).metric("answered"), 2);
    assert_eq!(output(&space, "labels"), before);
    space.write("labels/qc/anna.csv", format!("sep=;\r\n{}", excel.trim_start_matches('\u{feff}')));
    assert_eq!(look(&space).metric("answered"), 2);
    assert_eq!(output(&space, "labels"), before);
}

#[test]
fn every_fault_is_named_by_file_and_line_and_the_others_count() {
    let space = space();
    let first = content(&space, "raw/a/2024/1.jpg");
    let mut file = format!(
        "site,season,file,class,observation,shown,supersedes,comment\n\
         a,2024,1.jpg,voel,,,,\n\
         a,2024,9.jpg,vole,,,,\n\
         a,2024,2.jpg,vole\n\
         a,2024,2.jpg,vole,b3:12,,,\n\
         a,2024,2.jpg,vole,,model,,\n\
         ,,,vole,,,,\n\
         a,2024,2.jpg,vole,,,,\"never closed\n\
         b,2024,3.jpg,empty,,,lb:nowhere,\n\
         a,2024,1.jpg,vole,{first},,,k"
    )
    .into_bytes();
    file.extend(b"\xe5 in Latin-1\n");
    space.write("labels/qc/anna.csv", file);
    let looked = look(&space);
    let bad: Vec<&str> = looked.said("bad_rows").iter().map(|text| text.split(": ").next().unwrap()).collect();
    assert_eq!(bad, [4, 5, 7, 8, 10].map(|line| format!("labels/qc/anna.csv line {line}")));
    assert!(looked.said("bad_rows")[0].contains("4 fields under a header of 8"), "{:?}", looked.said("bad_rows"));
    assert_eq!(looked.said("unknown_labels"), ["labels/qc/anna.csv line 2: `voel` is no class; did you mean `vole`?"]);
    assert_eq!(looked.said("unknown_images"), ["labels/qc/anna.csv line 3: a 2024 9.jpg"]);
    assert_eq!(looked.said("not_blind"), ["labels/qc/anna.csv line 6: vole"]);
    assert_eq!(looked.said("unknown_superseded"), ["labels/qc/anna.csv line 9: `lb:nowhere`"]);
    assert_eq!(["asked", "answered", "missing_labels"].map(|name| looked.metric(name)), [3, 1, 2]);
    assert_eq!((looked.metric("unknown_labels"), looked.metric("unknown_images")), (1, 1));
    assert_eq!(shown(&space, "missing", &["path", "status"]), ["a/2024/1.jpg,unanswered", "a/2024/2.jpg,not blind"]);
}

#[test]
fn a_file_in_the_middle_of_a_merge_or_without_columns_stops_the_step() {
    let space = space();
    space.write("labels/qc/anna.csv", "file,class\n<<<<<<< HEAD\n1.jpg,vole\n=======\n1.jpg,empty\n>>>>>>> theirs\n");
    space.write("labels/qc/ben.csv", "1.jpg,vole\n");
    let looked = look(&space);
    assert_eq!(looked.outcome, Outcome::Failed);
    let errors = looked.errors.join("\n");
    assert!(errors.contains("`labels/qc/anna.csv` line 2: holds the mark of a merge"), "{errors}");
    assert!(errors.contains("`labels/qc/ben.csv` line 1: must name the columns `class`"), "{errors}");
}

#[test]
fn a_class_declared_later_makes_its_answers_count() {
    let space = space();
    space.write("labels/qc/anna.csv", "site,file,class\na,1.jpg,lemming\na,2.jpg,vole\nb,3.jpg,vole\n");
    let looked = look(&space);
    assert_eq!((looked.metric("missing_labels"), looked.metric("unknown_labels")), (1, 1));
    space.edit("pipeline.yaml", "classes: [empty, vole]", "classes: [empty, vole, lemming]");
    assert_eq!(look(&space).outcome, Outcome::Complete);
    // What never looks at the classes is not made again.
    space.edit("pipeline.yaml", "classes: [empty, vole, lemming]", "classes: [empty, vole, lemming, stoat]");
    assert_eq!(space.run().reused(), ["images", "metadata", "table"]);
}

#[test]
fn conflicts_and_disagreements_are_missing_until_a_row_supersedes() {
    let space = space();
    space.edit("pipeline.yaml", "blind: true", "blind: true, reviewers_per_image: 2");
    space.write("labels/qc/anna.csv", "label,site,file,class,time\nx1,a,1.jpg,vole,\nx2,a,1.jpg,empty,\nx3,a,2.jpg,vole,2026-01-01\nx4,a,2.jpg,empty,2026-01-02\n");
    space.write("labels/qc/ben.csv", "label,site,file,class\ny1,a,1.jpg,vole\ny2,a,2.jpg,vole\n");
    let looked = look(&space);
    assert_eq!(
        looked.said("conflicts"),
        ["a 2024 a/2024/1.jpg: labels/qc/anna.csv line 2 (vole), labels/qc/anna.csv line 3 (empty)"]
    );
    assert_eq!(
        looked.said("disagreements"),
        ["a 2024 a/2024/2.jpg: labels/qc/anna.csv line 5 (empty), labels/qc/ben.csv line 3 (vole)"]
    );
    assert_eq!(looked.said("changed_mind"), ["labels/qc/anna.csv line 4 (vole), then labels/qc/anna.csv line 5 (empty)"]);
    assert_eq!(
        shown(&space, "missing", &["path", "status", "answers"]),
        ["a/2024/1.jpg,conflict,3", "a/2024/2.jpg,disagreement,2", "b/2024/3.jpg,unanswered,0"]
    );
    space.write(
        "labels/qc/carla.csv",
        "site,file,class,supersedes,comment\na,1.jpg,vole,x1 x2,clear\na,2.jpg,mink,x3 x4 y2,\nb,3.jpg,vole,,\n",
    );
    let looked = look(&space);
    assert_eq!(shown(&space, "missing", &["path", "status"]), ["b/2024/3.jpg,needs another reviewer"]);
    assert_eq!(
        shown(&space, "labels", &["path", "class", "reviewer", "comment", "method"]),
        ["a/2024/1.jpg,vole,ben+carla,clear,adjudicated", "a/2024/2.jpg,mink,carla,,adjudicated"]
    );
    assert_eq!((looked.metric("conflicts"), looked.metric("disagreements"), looked.metric("reviewers")), (0, 0, 2));
}

#[test]
fn an_answer_taken_back_was_never_given() {
    let space = space();
    space.edit("pipeline.yaml", "blind: true", "blind: true, reviewers_per_image: 2");
    let header = "label,site,file,class,time,supersedes\n";
    space.write("labels/qc/ben.csv", "site,file,class\na,1.jpg,vole\na,2.jpg,vole\n");
    let answers = "x1,a,1.jpg,vole,2026-01-01,\nx2,a,2.jpg,voel,2026-01-01,\n";
    // Twice, as a merge leaves it, and one time as a spreadsheet writes it.
    let back = "w1,a,1.jpg,,2026-01-02T10:00:00Z,x1\nw1,a,1.jpg,,02.01.2026 11:00,x1\nw2,a,2.jpg,,2026-01-02,x2\n";
    space.write("labels/qc/anna.csv", format!("{header}{answers}{back}"));
    let looked = look(&space);
    assert_eq!(looked.kinds(), Vec::<&str>::new(), "a class misspelt and taken back is nobody's concern");
    assert_eq!(looked.metric("reviewers"), 1);
    assert_eq!(
        shown(&space, "missing", &["path", "status", "answers"]),
        ["a/2024/1.jpg,needs another reviewer,1", "a/2024/2.jpg,needs another reviewer,1", "b/2024/3.jpg,unanswered,0"]
    );
    assert_eq!(shown(&space, "answers", &["class", "reviewer"]), ["vole,ben", "vole,ben"]);
    // The same answer once more, and a row of a sheet that nobody has filled in: no time, so it takes nothing back.
    let again = "x3,a,1.jpg,vole,2026-01-03,w1\n,a,1.jpg,,,x3\n";
    space.write("labels/qc/anna.csv", format!("{header}{answers}{back}{again}"));
    look(&space);
    assert_eq!(shown(&space, "labels", &["path", "class", "reviewer"]), ["a/2024/1.jpg,vole,anna+ben"]);
    // An arbiter who takes the answer back leaves the disagreement open.
    space.write("labels/qc/anna.csv", format!("{header}x1,a,1.jpg,empty,2026-01-01,\n"));
    let settled = "label,site,file,class,time,supersedes\nc1,a,1.jpg,mink,2026-01-04,x1\n";
    space.write("labels/qc/carla.csv", settled);
    space.edit("labels/qc/ben.csv", "site,file,class\na,1.jpg,vole", "label,site,file,class\ny1,a,1.jpg,vole");
    space.edit("labels/qc/ben.csv", "\na,2", "\ny2,a,2");
    space.edit("labels/qc/carla.csv", "x1", "x1 y1");
    look(&space);
    assert_eq!(shown(&space, "labels", &["path", "class", "reviewer"]), ["a/2024/1.jpg,mink,carla"]);
    space.write("labels/qc/carla.csv", format!("{}c2,a,1.jpg,,2026-01-05,c1\n", space.read("labels/qc/carla.csv")));
    let looked = look(&space);
    assert_eq!((looked.metric("disagreements"), looked.kinds()), (1, vec!["disagreements"]));
}

#[test]
fn first_answers_say_how_far_people_agree_and_each_label_how_it_came_about() {
    let space = space();
    let header = "label,site,file,class,supersedes\n";
    space.write("labels/qc/anna.csv", format!("{header}a1,a,1.jpg,vole,\na2,a,2.jpg,vole,\na3,b,3.jpg,vole,\n"));
    assert_eq!(look(&space).metric("agreement_images"), 0);
    assert_eq!(shown(&space, "labels", &["class", "method"]), ["vole,single"; 3]);
    space.write("labels/qc/ben.csv", format!("{header}b1,a,1.jpg,vole,\nb2,a,2.jpg,empty,\nb3,b,3.jpg,vole,\n"));
    let looked = look(&space);
    assert_eq!(shown(&space, "labels", &["path", "method"]), ["a/2024/1.jpg,unanimous", "b/2024/3.jpg,unanimous"]);
    assert!((looked.metrics["agreement"] - 2.0 / 3.0).abs() < 1e-12 && looked.metrics["kappa"].abs() < 1e-12);
    assert!(looked.metrics["agreement_lower"] < 0.3 && looked.metrics["kappa_lower"] < 0.0);
    // Carla's is a third opinion about one image, and settles another: what she says there is not independent.
    space.write("labels/qc/carla.csv", format!("{header}c1,a,1.jpg,empty,\nc2,a,2.jpg,vole,a2 b2\n"));
    let looked = look(&space);
    let methods = ["a/2024/1.jpg,vole,majority", "a/2024/2.jpg,vole,adjudicated", "b/2024/3.jpg,vole,unanimous"];
    assert_eq!(shown(&space, "labels", &["path", "class", "method"]), methods);
    assert_eq!(looked.metric("agreement_images"), 3);
    // Pairs that agree: one of three, none of one, one of one.
    assert!((looked.metrics["agreement"] - 4.0 / 9.0).abs() < 1e-12, "{:?}", looked.metrics);
}

#[test]
fn whoever_cannot_tell_may_say_so_without_declaring_it() {
    let space = space();
    space.write("labels/qc/anna.csv", "site,file,class\na,1.jpg,unknown\na,2.jpg,Unknown\nb,3.jpg,unclear\n");
    let looked = look(&space);
    assert_eq!((looked.kinds(), looked.metric("answered")), (vec!["unknown_labels", "class_spelling"], 2));
    assert_eq!(shown(&space, "labels", &["path", "class"]), ["a/2024/1.jpg,unknown", "a/2024/2.jpg,unknown"]);
}

#[test]
fn labels_outlive_the_question_and_what_others_gave_is_not_asked_again() {
    let space = space();
    space.write("labels/qc/anna.csv", "site,file,class\na,1.jpg,vole\na,2.jpg,vole\nb,3.jpg,vole\n");
    let ids: Vec<String> = ["a/2024/1", "b/2024/3"].iter().map(|file| content(&space, &format!("raw/{file}.jpg"))).collect();
    space.write(
        "labels/qc/ben.csv",
        format!("observation,site,season,file,class\n{},a,2024,1.jpg,vole\n{},b,2024,3.jpg,empty\n", ids[0], ids[1]),
    );
    space.write("labels/other/anna.csv", "site,file,class\na,1.jpg,vole\n");
    assert_eq!(look(&space).outcome, Outcome::Waiting);
    let other = "  known:
    uses: review
    from: metadata
    with: { labels: labels/other }
  qc:
    uses: review
    from: { images: metadata, known: known.answers }
    with: { labels: labels/qc }
";
    space.write("pipeline.yaml", format!("{}{other}", support::PIPELINE));
    let looked = look(&space);
    // `known` itself waits for two, and so does what depends on it.
    assert_eq!(looked.outcome, Outcome::Waiting);
    space.write("labels/other/anna.csv", "site,file,class\na,1.jpg,vole\na,2.jpg,vole\nb,3.jpg,vole\n");
    let looked = look(&space);
    assert_eq!((looked.outcome, looked.metric("asked"), looked.metric("not_asked")), (Outcome::Complete, 0, 5));
    // Those that name no content stay known by their names: the data set finds them.
    assert_eq!(
        shown(&space, "labels", &["site", "season", "file", "class", "type", "reviewer"]),
        [
            "a,,1.jpg,vole,other,anna",
            "a,,2.jpg,vole,other,anna",
            "a,2024,1.jpg,vole,other,ben",
            "b,,3.jpg,vole,other,anna",
            "b,2024,3.jpg,empty,other,ben"
        ]
    );
}

#[test]
fn what_cannot_be_asked_is_said_before_the_run() {
    let space = space();
    let messages = |pipeline: &str| -> Vec<String> {
        space.write("pipeline.yaml", format!("{}{pipeline}", support::PIPELINE));
        let loaded = trapline::check::load(&space.path("pipeline.yaml"), &trapline::check::Overrides::default());
        loaded.report.sorted().into_iter().map(|found| format!("{} {}", found.code.id, found.message)).collect()
    };
    assert_eq!(messages(ASKING), Vec::<String>::new());
    let file = messages(&ASKING.replace("labels/qc/", "pipeline.yaml"));
    assert_eq!(file, ["TL0705 `pipeline.yaml` is a file, and `labels` names a folder of label files"]);
    let zero = messages(&ASKING.replace("blind: true", "reviewers_per_image: 0"));
    assert_eq!(zero.len(), 1, "{zero:?}");
}
