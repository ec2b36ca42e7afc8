//! What other programs read of us, and what comes back from there.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::TestSpace;
use trapline::exchange::megadetector::{self, Class};
use trapline::exchange::predictions::Answers;
use trapline::run::event::Outcome;
use trapline::table::{CellRef, ColumnBuilder, Faults, Schema, Table, TableError, Type};
use trapline::taxonomy::Role;

const CLASSES: &str = "[bad_quality, empty, vole, stoat, person]";

/// A table read from CSV by one step and exported by another, with further steps behind.
fn exporting(what: &str, csv: &str, with: &str, more: &str) -> TestSpace {
    let space = TestSpace::new();
    space.write("in.csv", csv);
    let steps = format!(
        "  table:\n    uses: import\n    with: {{ files: in.csv, what: {what} }}\n  exported:\n    uses: export\n    from: table\n    with: \
         {{ {with} }}\n{more}"
    );
    space.write("pipeline.yaml", format!("trapline: 1\nname: test\nclasses: {CLASSES}\nsteps:\n{steps}"));
    space
}

fn back(space: &TestSpace, format: &str, file: &str, what: &str) -> TestSpace {
    let other = TestSpace::new();
    other.write(file, space.read(file));
    let step = format!("  back:\n    uses: import\n    with: {{ files: {file}, what: {what}, format: {format} }}\n");
    other.write("pipeline.yaml", format!("trapline: 1\nname: test\nclasses: {CLASSES}\nsteps:\n{step}"));
    other
}

fn rows(space: &TestSpace, step: &str, columns: &[&str]) -> Vec<String> {
    let table = space.table(step);
    let cell = |row: usize, name: &&str| match table.cell(row, name) {
        CellRef::Null => "-".to_owned(),
        cell => cell.to_string(),
    };
    (0..table.rows).map(|row| columns.iter().map(|name| cell(row, name)).collect::<Vec<_>>().join(" ")).collect()
}

fn diagnostics(space: &TestSpace) -> String {
    let loaded = trapline::check::load_with(trapline::step::KINDS, &space.path("pipeline.yaml"), &space.overrides);
    let line = |d: &trapline::diagnostic::Diagnostic| format!("{} {}", d.code.id, d.message);
    loaded.report.diagnostics.iter().map(line).collect::<Vec<_>>().join("\n")
}

const PREDICTIONS: &str = "path,label,confidence,model,problem,p_vole,p_empty,p_stoat
a/1.jpg,vole,0.75,m@1,,0.75,0.125,0.125
a/2.jpg,empty,0.9,m@1,,0.05,0.9,0.05
a/3.jpg,,,m@1,cut short,,,
a/4.jpg,person,0.5,m@1,,,,
a/\"\"5\"\".jpg,bad_quality,1,m@1,,0,0,0
";

#[test]
fn predictions_go_out_as_version_1_6_and_come_back_the_same() {
    let space = exporting("predictions", &PREDICTIONS.replace("\"\"", "'"), "into: md.json, form: megadetector", "");
    space.run();
    let file: Value = serde_json::from_str(&space.read("md.json")).unwrap();
    assert_eq!(file["info"], json!({ "format_version": "1.6", "detector": "none: whole images", "classifier": "m@1" }));
    assert_eq!(
        file["detection_categories"],
        json!({ "0": "empty", "1": "animal", "2": "person", "3": "vehicle", "4": "bad_quality" })
    );
    assert_eq!(
        file["classification_categories"],
        json!({ "0": "bad_quality", "1": "empty", "2": "vole", "3": "stoat", "4": "person" })
    );
    let images = file["images"].as_array().unwrap();
    assert_eq!(
        images[0],
        json!({ "file": "a/1.jpg", "detections": [{ "category": "1", "conf": 0.75, "bbox": [0, 0, 1, 1],
            "classifications": [["2", 0.75], ["1", 0.125], ["3", 0.125]] }] })
    );
    assert_eq!(images[1]["detections"][0]["category"], "0");
    assert_eq!(images[2], json!({ "file": "a/3.jpg", "detections": null, "failure": "cut short" }));
    assert_eq!(images[3]["detections"][0]["classifications"], json!([["4", 0.5]]));
    assert_eq!(images[3]["detections"][0]["category"], "2");
    let other = back(&space, "megadetector", "md.json", "predictions");
    assert_eq!(other.run().findings("back"), []);
    let columns = ["path", "label", "confidence", "problem"];
    assert_eq!(rows(&other, "back", &columns), rows(&space, "table", &columns));
    assert_eq!(rows(&other, "back", &["model"])[0], "m@1");
    // What is there already is left alone.
    let before = std::fs::metadata(space.path("md.json")).unwrap().modified().unwrap();
    std::fs::remove_dir_all(space.path(".trapline")).unwrap();
    space.run();
    assert_eq!(std::fs::metadata(space.path("md.json")).unwrap().modified().unwrap(), before);
}

#[test]
fn a_label_without_a_confidence_is_named() {
    let space = exporting("predictions", "path,label,confidence\na/1.jpg,vole,\n", "into: md.json, form: megadetector", "");
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Failed);
    let found = ran.errors().join("");
    assert!(found.contains("`a/1.jpg`, column `confidence`"), "{found}");
    assert!(!space.path("md.json").exists());
}

/// A label with its confidence, and the confidences of three classes.
type Predicted = (Option<(usize, f32)>, [f32; 3]);

fn predictions() -> impl Strategy<Value = Vec<Predicted>> {
    let confidence = || prop_oneof![0.0_f32..=1.0, Just(0.0), Just(1.0), Just(f32::MIN_POSITIVE), 0.0_f32..1e-5];
    let label = prop::option::weighted(0.9, (0_usize..4, confidence()));
    prop::collection::vec((label, [confidence(), confidence(), confidence()]), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn labels_and_confidences_survive_bit_by_bit(rows in predictions()) {
        let names = ["vole", "em\"pty", "stoat", "nowhere declared"];
        let fields = [("path", Type::Text), ("label", Type::Text), ("confidence", Type::Float32), ("p_vole", Type::Float32),
            ("p_em\"pty", Type::Float32), ("p_stoat", Type::Float32)];
        let mut builders: Vec<_> = fields.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
        for (number, (label, others)) in rows.iter().enumerate() {
            builders[0].push_text(&format!("ø/{number}.jpg"));
            builders[1].push_optional_text(label.map(|(class, _)| names[class]));
            builders[2].push(label.map_or(CellRef::Null, |(_, confidence)| CellRef::Float32(confidence)));
            for (builder, value) in builders[3..].iter_mut().zip(others) {
                builder.push_float32(*value);
            }
        }
        let table = Table::from_builders(Schema::of(&fields), builders).unwrap();
        let classes = [("vole", Role::Animal), ("em\"pty", Role::Empty)].map(|(name, role)| Class { name: name.into(), role });
        let mut bytes = Vec::new();
        megadetector::write(&table, &classes, &mut bytes).unwrap();
        let mut answers = Answers::default();
        let mut faults = Faults::default();
        let source = megadetector::read::<TableError>("x.json", &bytes, 0.0, &mut answers, &mut faults, &|| Ok(())).unwrap();
        faults.check().unwrap();
        prop_assert_eq!(source.unwrap().unknown_version, None);
        let read = answers.finish().unwrap();
        for name in ["path", "label", "confidence"] {
            for row in 0..table.rows {
                prop_assert_eq!(read.cell(row, name), table.cell(row, name));
            }
        }
    }
}

const LABELS: &str = "path,site,season,class,type,reviewer,comment
b/2024/2.jpg,b,2024,vole,random,hb,\"near, dark\"
b/2024/1.jpg,b,2024,empty,random,hb,
3.jpg,b,2024,stoat,corrected,,
";

#[test]
fn labels_go_to_timelapse_and_come_back_the_same() {
    let space = exporting("labels", LABELS, "into: t.csv, form: timelapse", "");
    space.run();
    let text = space.read("t.csv");
    assert!(
        text.starts_with("File,RelativePath,class,site,season,type,reviewer,time,shown,comment\n2.jpg,b\\2024,vole,b,"),
        "{text}"
    );
    assert!(text.contains("\n3.jpg,\"\",stoat,"), "{text}");
    let other = back(&space, "timelapse", "t.csv", "labels");
    other.run();
    let columns = ["path", "site", "season", "class", "type", "reviewer", "comment"];
    assert_eq!(rows(&other, "back", &columns), rows(&space, "table", &columns));
    // With a template's own names, as Timelapse itself writes them.
    other.write(
        "t.csv",
        "RootFolder,File,RelativePath,DateTime,DeleteFlag,Species\nroot,1.jpg,b\\2024,2024-06-01 12:00:00,false,vole\nroot,2.jpg,,x,false,stoat\n",
    );
    other.run();
    assert_eq!(rows(&other, "back", &["path", "class", "type"]), ["b/2024/1.jpg vole other", "2.jpg stoat other"]);
    other.edit("pipeline.yaml", "what: labels", "what: images");
    let found = other.try_run().unwrap().errors().join("");
    assert!(found.contains("line 3") && found.contains("`datetime`"), "{found}");
    other.edit("t.csv", "RelativePath", "Path");
    assert!(diagnostics(&other).contains("`File` and `RelativePath`"), "{}", diagnostics(&other));
}

#[test]
fn chosen_columns_and_times_go_to_timelapse() {
    let csv = "path,datetime,label,moon\na\\1.jpg,2024-06-01T12:00:00,vole,3\n";
    let space = exporting("images", csv, "into: t.csv, form: timelapse, columns: [moon, label]", "");
    space.run();
    assert_eq!(space.read("t.csv"), "File,RelativePath,DateTime,moon,label\n1.jpg,a,2024-06-01 12:00:00,3,vole\n");
}

const IMAGES: &str = "path,site,season,datetime,name,final,class,reviewer,confidence,model
a/2.jpg,a,2024,2024-06-01T12:01:30,n2.JPG,vole,,,0.5,m@1
a/1.jpg,a,2024,2024-06-01T12:00:00,n1.JPG,vole,vole,hb,0.25,m@1
a/3.jpg,a,2024,2024-06-03T18:00:00,n3.JPG,vole,,,0.5,m@1
a/4.jpg,a,2024,2024-06-03T18:00:00,n4.JPG,empty,,,0.5,m@1
a/5.jpg,a,2024,,n5.JPG,vole,,,0.5,m@1
b/1.jpg,b,2024,2024-06-01T11:00:00,n6.JPG,vole,,,1,m@1
b/2.jpg,b,2024,2024-06-01T11:00:00,n7.JPG,person,,,1,
b/3.jpg,b,2024,2024-06-01T11:00:00,n8.JPG,,,,,
";

#[test]
fn records_of_camtrapr_are_sorted_with_the_time_since_the_one_before() {
    let space = exporting("images", IMAGES, "into: r.csv, form: camtrapr", "");
    let ran = space.run();
    assert_eq!(
        space.read("r.csv"),
        "Station,Species,DateTimeOriginal,Date,Time,delta.time.secs,delta.time.mins,delta.time.hours,delta.time.days,Directory,FileName
a,vole,2024-06-01 12:00:00,2024-06-01,12:00:00,0,0,0,0,a,1.jpg
a,vole,2024-06-01 12:01:30,2024-06-01,12:01:30,90,1.5,0,0,a,2.jpg
a,vole,2024-06-03 18:00:00,2024-06-03,18:00:00,194310,3238.5,54,2.2,a,3.jpg
b,person,2024-06-01 11:00:00,2024-06-01,11:00:00,0,0,0,0,b,2.jpg
b,vole,2024-06-01 11:00:00,2024-06-01,11:00:00,0,0,0,0,b,1.jpg
"
    );
    assert_eq!(ran.findings("exported"), [("left_out".to_owned(), 2)]);
    // What a person says alone.
    space.edit("pipeline.yaml", "form: camtrapr", "form: camtrapr, class: class");
    space.run();
    assert_eq!(space.read("r.csv").lines().count(), 2);
}

#[test]
fn wildlife_insights_gets_taxa_blanks_and_who_said_it() {
    let with = "into: images.csv, form: wildlife_insights, values: { project_id: \"2001\", license: CC0 }, taxa: { vole: \
                \"id-2;Mammalia;Rodentia;Cricetidae;;;vole family\" }";
    let space = exporting("images", &format!("{IMAGES}c/1.jpg,c,,2024-06-01T11:00:00,n9.JPG,stoat,,,1,m@1\n"), with, "");
    let ran = space.run();
    let text = space.read("images.csv");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "project_id,deployment_id,image_id,filename,location,is_blank,identified_by,wi_taxon_id,class,order,family,genus,species,\
         common_name,uncertainty,timestamp,number_of_objects,age,sex,animal_recognizable,individual_id,individual_animal_notes,\
         behavior,highlighted,markings,cv_confidence,license"
    );
    assert_eq!(
        lines[1],
        "2001,a_2024,n2.JPG,2.jpg,a/2.jpg,0,m@1,id-2,Mammalia,Rodentia,Cricetidae,,,vole family,,2024-06-01 12:01:30,,,,,,,,,,0.5,CC0"
    );
    assert!(lines[2].contains(",0,hb,id-2,"), "{}", lines[2]);
    assert!(lines[4].contains(",1,m@1,f1856211-cfb7-4a5b-9158-c0f72fd09ee6,,,,,,Blank,"), "{}", lines[4]);
    assert!(lines[7].contains(",0,Computer vision,990ae9dd-7a59-4344-afcb-1b7b21368000,Mammalia,"), "{}", lines[7]);
    assert!(lines[8].starts_with("2001,b_2024,n8.JPG,3.jpg,b/3.jpg,,,,,"), "{}", lines[8]);
    assert!(lines[9].starts_with("2001,c,n9.JPG,1.jpg,c/1.jpg,0,m@1,,,,,,,stoat,"), "{}", lines[9]);
    assert_eq!(ran.findings("exported"), [("no_taxon".to_owned(), 1)]);
}

#[test]
fn metadata_of_coat_are_in_its_words_and_order() {
    let csv = "path,file,name,locality,site,datetime,trigger,sequence_n,sequence_of,event,temperature_c\n\
               k/k_1/2024/IMG_1.JPG,IMG_1.JPG,k_1_2024-06-01_0001.JPG,k,k_1,2024-06-01T12:00:00,M,1,2,17,-3\n\
               k/k_1/2024/IMG_2.JPG,IMG_2.JPG,k_1_2024-06-01_0002.JPG,k,k_1,2024-06-01T13:00:00,T,,,,\n";
    let space = exporting("images", csv, "into: m.csv, form: coat_metadata, values: { sn_region: varanger }", "");
    space.run();
    assert_eq!(
        space.read("m.csv"),
        "sn_region;sn_locality;sn_section;sc_type_of_sites_ecological;sn_site;t_date;t_time;v_image_name;v_image_name_original;\
         v_trigger_mode;v_sequence;v_event;v_temperature;v_comment\n\
         varanger;k;;;k_1;2024-06-01;12:00:00;k_1_2024-06-01_0001.JPG;IMG_1.JPG;motion_sensor;1 2;17;-3;\n\
         varanger;k;;;k_1;2024-06-01;13:00:00;k_1_2024-06-01_0002.JPG;IMG_2.JPG;time_lapse;;;;\n"
    );
}

#[test]
fn what_a_form_cannot_have_is_said_before_anything_runs() {
    let images = "path,label,confidence\n1.jpg,vole,1\n";
    for (with, words) in [
        ("into: a.json, form: megadetector, separator: tab", "TL0501 `separator` is for tables, and `megadetector` is JSON"),
        ("into: a.csv, form: camtrapr, columns: [path]", "TL0501 the columns of `camtrapr` are fixed"),
        ("into: a.csv, form: timelapse, taxa: { vole: x }", "TL0501 `timelapse` has no taxa"),
        ("into: a.csv, class: label", "TL0501 `class` is for the forms of other programs"),
        ("into: a.csv, form: timelapse, values: { x: y }", "TL0501 `timelapse` has no columns to fill"),
        ("into: a.csv, form: camtrapr", "TL0412 the form `camtrapr` needs a column `datetime`"),
        ("into: a.csv, form: camtrapr", "TL0412 the form `camtrapr` needs a column `site`"),
        ("into: a.csv, form: wildlife_insights", "TL0502 nothing says which project"),
        (
            "into: a.csv, form: wildlife_insights, values: { projectid: x }",
            "TL0508 the form `wildlife_insights` has no column `projectid`",
        ),
        ("into: a.csv, form: wildlife_insights, taxa: { voles: a }", "TL0604 `voles` is no class"),
        ("into: a.csv, form: wildlife_insights, taxa: { vole: a }", "TL0503 the taxon of `vole` has 1 parts"),
        ("into: a, images: copy, form: camtrapr", "TL0501 `form` is for tables"),
        ("into: a, form: camtrapr", "TL0502"),
    ] {
        let space = exporting("images", images, with, "");
        let found = diagnostics(&space);
        assert!(found.contains(words), "{with}: {found}");
    }
    let space = exporting("images", "path\n1.jpg\n", "into: a.json, form: megadetector", "");
    assert!(diagnostics(&space).contains("TL0412 the form `megadetector` needs a column `label`"), "{}", diagnostics(&space));
}
