//! Names with odd characters, columns of one name, values that two programs read differently.

use std::path::Path;

use trapline::labels::{Appender, Label};
use trapline::run::event::Outcome;

use crate::support::{PIPELINE, TestSpace, jpeg};

const ASKING: &str = "  qc:
    uses: review
    from: metadata
    with: { labels: labels/qc/, blind: true }
  table:
    uses: export
    from: qc
    with: { into: published/labels.csv }
";

/// Adds an answer about an image, as the review page takes it down: with the site as the images have it.
fn answer(space: &TestSpace, reviewer: &str, site: &str, path: &str) {
    let content = trapline::id::ContentId::of(&std::fs::read(space.path(path)).unwrap());
    let label = Label {
        observation: Some(content),
        class: "vole".into(),
        reviewer: reviewer.to_owned().into(),
        time: "2026-01-01T10:00:00Z".into(),
        shown: "blind".into(),
        site: site.to_owned().into(),
        season: "2024".into(),
        file: Path::new(path).file_name().unwrap().to_string_lossy().into_owned().into(),
        ..Label::default()
    };
    Appender::new(&space.path("labels/qc"), reviewer).append(&mut [label]).unwrap();
}

#[test]
#[cfg(unix)]
fn answers_for_sites_whose_names_hold_what_is_not_seen_count() {
    for site in [" s1", "s1 ", "s\t1", "s1\u{2028}", "\u{a0}s1", "s\u{1}1"] {
        let space = TestSpace::new();
        space.write("pipeline.yaml", format!("{PIPELINE}{ASKING}"));
        let path = format!("raw/{site}/2024/1.jpg");
        space.write(&path, jpeg(1));
        assert_eq!(space.try_run().unwrap().outcome, Outcome::Waiting, "{site:?}");
        answer(&space, "anna", site, &path);
        let ran = space.run();
        assert_eq!(ran.findings("qc"), [], "{site:?}");
        assert_eq!(space.column("qc", "site"), space.column("metadata", "site"), "the answer has the site of its image");
        assert_eq!(space.column("qc", "class"), ["vole"]);
        // By file name alone, where a spreadsheet lost the identity.
        let file = space.read("labels/qc/anna.csv");
        let mut lines = file.lines();
        let (header, row) = (lines.next().unwrap(), lines.next().unwrap());
        let observation = row.split(',').nth(1).unwrap();
        space.write("labels/qc/anna.csv", format!("{header}\n{}\n", row.replace(observation, "")));
        // That somebody altered the row is said; it counts all the same.
        assert_eq!(space.run().findings("qc"), [("altered_rows".to_owned(), 1)], "{site:?}");
        assert_eq!(space.column("qc", "class"), ["vole"], "{site:?}");
    }
}

#[test]
fn reviewers_that_only_a_computer_tells_apart_are_said() {
    let space = TestSpace::with_images();
    space.write("pipeline.yaml", format!("{PIPELINE}{ASKING}").replace("blind: true", "blind: true, reviewers_per_image: 2"));
    for (site, path) in [("a", "raw/a/2024/1.jpg"), ("a", "raw/a/2024/2.jpg"), ("b", "raw/b/2024/3.jpg")] {
        answer(&space, "Anna", site, path);
        answer(&space, "anna", site, path);
    }
    let ran = space.run();
    assert_eq!(ran.findings("qc"), [("alike_reviewers".to_owned(), 1)]);
}

#[test]
fn a_class_cannot_hold_the_sign_between_classes() {
    let space = TestSpace::with_images();
    space.edit("pipeline.yaml", "[empty, vole]", "[empty, vole, lemming, vole+lemming]");
    let loaded = trapline::check::load(&space.path("pipeline.yaml"), &space.overrides);
    let told: Vec<_> = loaded.report.diagnostics.iter().map(|d| (d.code.id, d.message.clone())).collect();
    assert_eq!(told, [("TL0209", "`vole+lemming` cannot be the name of a class".to_owned())]);
    space.write("taxonomy.csv", "class,role,display\nempty,empty,\nvole+lemming,animal,Vole or lemming\n");
    space.edit("pipeline.yaml", "classes: [empty, vole, lemming, vole+lemming]", "taxonomy: taxonomy.csv");
    let loaded = trapline::check::load(&space.path("pipeline.yaml"), &space.overrides);
    assert_eq!(loaded.report.diagnostics[0].code.id, "TL0209");
    // What people may answer beside the classes is a class too.
    space
        .write("pipeline.yaml", format!("{PIPELINE}{ASKING}").replace("blind: true", "blind: true, extra_classes: [mink+stoat]"));
    let loaded = trapline::check::load(&space.path("pipeline.yaml"), &space.overrides);
    let told: Vec<_> = loaded.report.diagnostics.iter().map(|d| (d.code.id, d.message.clone())).collect();
    assert_eq!(told, [("TL0209", "`mink+stoat` cannot be the name of a class".to_owned())]);
    // A sign within what people see is nobody's business.
    space.write("pipeline.yaml", PIPELINE.replace("classes: [empty, vole]", "taxonomy: taxonomy.csv"));
    space.write("taxonomy.csv", "class,role,display\nempty,empty,\nvole_or_lemming,animal,vole+lemming\n");
    space.run();
}

#[test]
fn what_the_camera_wrote_as_its_model_stays_beside_who_classified() {
    let space = TestSpace::with_model();
    space.write("raw/a/2024/1.jpg", jpeg(1));
    let more = "  again: { uses: classify, from: predictions, with: { model: demo_mammals@1 } }
  final: { uses: merge, from: { images: names, predictions: predictions } }
  both: { uses: export, from: final, with: { into: published/final.csv } }
  twice: { uses: export, from: again, with: { into: published/again.csv } }
";
    let pipeline = space.read("pipeline.yaml");
    space.write("pipeline.yaml", pipeline + more);
    space.run();
    assert_eq!(space.column("names", "model"), ["TEST"]);
    for step in ["predictions", "again", "final"] {
        assert_eq!(space.rows(step, &["model_raw", "model"]), ["TEST demo_mammals@1"], "{step}");
    }
}

#[test]
fn columns_of_imported_predictions_can_be_grouped_by() {
    let space = TestSpace::new();
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: x\nclasses: [empty, vole]\nsteps:\n  got:\n    uses: import\n    with: { files: p.csv, what: predictions }\n  drawn:\n    \
         uses: sample\n    from: got\n    with: { by: [season, habitat], random_per_group: 1, seed: 1 }\n  out: { uses: export, from: drawn, with: { \
         into: published/drawn.csv } }\n",
    );
    space.write(
        "p.csv",
        "site,season,name,label,confidence,habitat,datetime,final\na,2024,1.jpg,vole,0.9,snowbed,sometime,x\na,2024,2.jpg,vole,0.9,snowbed,,\nb,2024,3.jpg,empty,0.9,hummock,,\n",
    );
    space.run();
    assert_eq!(space.rows("got", &["name", "habitat"]), ["1.jpg snowbed", "2.jpg snowbed", "3.jpg hummock"]);
    assert_eq!(space.table("drawn").rows, 2);
    let names: Vec<String> = space.table("got").schema.fields.iter().map(|field| field.name.clone()).collect();
    assert!(!names.contains(&"datetime".to_owned()) && !names.contains(&"final".to_owned()), "{names:?}");
}

#[test]
fn a_file_for_spreadsheets_holds_nothing_that_they_compute() {
    let space = TestSpace::new();
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: x\nsteps:\n  got: { uses: import, with: { files: in.csv, what: images } }\n  plain: { uses: export, from: got, with: { into: \
         published/plain.csv } }\n  safe: { uses: export, from: got, with: { into: published/safe.csv, spreadsheet_safe: true } }\n",
    );
    let rows = "file,comment\n1.jpg,\"=HYPERLINK(\"\"http://x\"\")\"\n2.jpg,+1 vole\n3.jpg,-3.5\n4.jpg,@SUM(A1)\n5.jpg,a = b\n";
    space.write("in.csv", rows);
    space.run();
    assert_eq!(space.read("published/plain.csv"), rows);
    let safe =
        "file,comment\n1.jpg,\"'=HYPERLINK(\"\"http://x\"\")\"\n2.jpg,'+1 vole\n3.jpg,-3.5\n4.jpg,'@SUM(A1)\n5.jpg,a = b\n";
    assert_eq!(space.read("published/safe.csv"), safe);
}

#[test]
fn all_faults_of_an_import_are_told_at_once() {
    let space = TestSpace::new();
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: x\nclasses: [empty, vole]\nsteps:\n  got: { uses: import, with: { files: [a.csv, b.csv], what: predictions } }\n  out: { uses: \
         export, from: got, with: { into: published/x.csv } }\n",
    );
    space.write("a.csv", "name,label,confidence\n1.jpg,mink,0.5\n2.jpg,vole,97\n3.jpg,vole\n4.jpg,mink,0.5\n");
    let long = "x".repeat(5000);
    space.write("b.csv", format!("name,label,confidence\n5.jpg,{long},0.5\n6.jpg,vole,{long}\n"));
    let error = space.error();
    assert!(error.starts_with("got: 5 faults:\n"), "{error}");
    for words in [
        "`a.csv`, line 2, column `label`: `mink` (2 rows) is not a class",
        "line 3, column `confidence`: `97`",
        "line 4: 2 fields",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    // A long value is not repeated in full.
    assert!(error.contains("`b.csv`, line 3, column `confidence`") && error.len() < 2000, "{error}");
    // Beyond the first they are counted.
    let rows: Vec<String> = (0..30).map(|row| format!("{row}.jpg,vole,{}", row + 2)).collect();
    space.write("a.csv", format!("name,label,confidence\n{}\n", rows.join("\n")));
    space.write("b.csv", "name,label,confidence\n");
    let error = space.error();
    assert!(error.starts_with("got: 30 faults:\n") && error.ends_with("\n  and 10 more"), "{error}");
}

#[test]
fn a_table_of_more_columns_than_any_persons_is_refused_at_once() {
    let space = TestSpace::new();
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: x\nsteps:\n  got: { uses: import, with: { files: wide.csv, what: images } }\n  out: { uses: export, from: got, with: { into: \
         published/x.csv } }\n",
    );
    let header: Vec<String> = (0..100_000).map(|column| column.to_string()).collect();
    // A few columns more than are read, within what is read of a file before the run.
    space.write("wide.csv", format!("file,{}\n", header[..6_000].join(",")));
    let loaded = trapline::check::load(&space.path("pipeline.yaml"), &space.overrides);
    let told = &loaded.report.diagnostics[0].message;
    assert!(told.contains("`wide.csv`") && told.contains("6001 columns") && told.contains("up to 5000"), "{told}");
    let reading = trapline::table::Reading::tolerant("wide.csv");
    let error = trapline::table::csv::read(header.join(",").as_bytes(), &reading).unwrap_err().to_string();
    assert!(error.contains("100000 columns"), "{error}");
}

#[test]
fn who_answered_for_several_tables_is_one_reviewer() {
    let space = TestSpace::with_images();
    let labels =
        |step: &str| format!("  {step}: {{ uses: import, from: metadata, with: {{ files: {step}.csv, what: labels }} }}\n");
    space.write(
        "pipeline.yaml",
        format!(
            "{PIPELINE}{}{}  final: {{ uses: merge, from: {{ images: metadata, labels: [one, two] }} }}\n  out: {{ uses: export, from: final, with: {{ into: \
             published/x.csv }} }}\n",
            labels("one"),
            labels("two")
        ),
    );
    space.write("one.csv", "site,season,file,class,type,reviewer\na,2024,1.jpg,vole,random,anna+ben\n");
    space.write("two.csv", "site,season,file,class,type,reviewer\na,2024,1.jpg,vole,random,anna\n");
    space.run();
    assert_eq!(space.rows("final", &["file", "class", "reviewer"])[0], "1.jpg vole anna+ben");
}
