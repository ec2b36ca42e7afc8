//! Labels and predictions come back from data packages of Camtrap DP.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use support::{TestSpace, shared_data};

const TAXONOMY: &str = "class,role,scientific_name,taxon_rank
too_bright,bad_quality,,
nothing,empty,,
vole,animal,Arvicolinae,subfamily?
stoat,animal,Mustela erminea,species
person,other,,
";

const DATASET: &str = "dataset:
  created: 2026-06-01
  contributors: { title: Anna }
  project: { title: Tunnels, sampling_design: targeted, capture_method: timeLapse }
";

/// A table exported as a package by one project and imported by another; `with` are parameters of the import.
fn back(csv: &str, what: &str, with: &str) -> (TestSpace, TestSpace) {
    let space = TestSpace::new();
    space.write("taxonomy.csv", TAXONOMY.replace("subfamily?", ""));
    space.write(
        "deployments.csv",
        "site,season,latitude,longitude,from,to,timezone\na,2021,70,28,2020-01-01,2021-12-31,Europe/Oslo\n",
    );
    space.write("in.csv", csv);
    let head = "trapline: 1\nname: test\ntaxonomy: taxonomy.csv\n";
    let steps = "steps:\n  images:\n    uses: import\n    with: { files: in.csv, what: images, rows: multilabel }\n  package:\n    uses: \
                 export\n    from: images\n    with: { into: pkg, form: camtrap_dp }\n";
    space.write("pipeline.yaml", format!("{head}deployments: deployments.csv\n{DATASET}{steps}"));
    space.run();
    let other = TestSpace::new();
    other.write("taxonomy.csv", space.read("taxonomy.csv"));
    for file in ["datapackage.json", "deployments.csv", "media.csv", "observations.csv"] {
        other.write(&format!("got/{file}"), space.read(&format!("pkg/{file}")));
    }
    let step = format!("steps:\n  back:\n    uses: import\n    with: {{ files: got, format: camtrap_dp, what: {what}{with} }}\n");
    other.write("pipeline.yaml", format!("{head}{step}"));
    (space, other)
}

const LABELS: &str = "path,name,site,season,datetime,class,type,reviewer,time,shown,comment
a/1.JPG,n1.JPG,a,2021,2021-07-01T10:00:00,vole,random,anna,2026-05-03T12:00:00Z,blind,
a/2.JPG,n2.JPG,a,2021,2021-07-01T11:00:00,stoat,confidence+corrected,anna+ben,2026-05-03T12:00:00+02:00,model,\"two, \"\"playing\"\"\"
a/3.JPG,n3.JPG,a,2021,2021-07-01T12:00:00,nothing,class,ben,,,
a/4.JPG,n4.JPG,a,2021,2021-07-01T13:00:00,too_bright,other,ben,,,
a/5.JPG,n5.JPG,a,2021,2021-07-01T14:00:00,person,training,ben,,,
a/6.JPG,n6.JPG,a,2021,2021-07-01T15:00:00,stoat,random,ben,,,
a/6.JPG,n6.JPG,a,2021,2021-07-01T15:00:00,vole,random,ben,,,
a/7.JPG,n7.JPG,a,2021,2021-07-01T16:00:00,,,,,,
";

const COLUMNS: [&str; 10] = ["path", "name", "site", "season", "class", "type", "reviewer", "time", "shown", "comment"];

#[test]
fn labels_come_back_the_same() {
    let (space, other) = back(LABELS, "labels", ", rows: multilabel");
    assert_eq!(other.run().findings("back"), []);
    let mut sent = space.rows("images", &COLUMNS);
    // An image without a label brings none back.
    assert_eq!(sent.pop().unwrap(), "a/7.JPG n7.JPG a 2021 - - - - - -");
    assert_eq!(other.rows("back", &COLUMNS), sent);
    assert_eq!(other.column("back", "class"), ["vole", "stoat", "nothing", "too_bright", "person", "stoat", "vole"]);
    assert_eq!(other.rows("back", &["item"])[5..], ["1", "2"]);
    // Without the tags of our own packages the names of the standard say it.
    let tags = other.read("got/observations.csv").replace("class:", "klass:");
    other.write("got/observations.csv", tags);
    other.run();
    assert_eq!(other.rows("back", &COLUMNS), sent);
    // An image of two species needs several rows.
    other.edit("pipeline.yaml", ", rows: multilabel", "");
    let found = other.error();
    assert!(
        found.contains("n6.JPG") && found.contains("`got/observations.csv` line 7 and `got/observations.csv` line 8"),
        "{found}"
    );
    assert!(found.contains("rows: multilabel"), "{found}");
}

#[test]
fn predictions_come_back_bit_by_bit_and_find_their_images() {
    let csv = "path,name,site,season,datetime,label,confidence,model
a/1.JPG,n1.JPG,a,2021,2021-07-01T10:00:00,vole,0.51234573,m@1
a/2.JPG,n2.JPG,a,2021,2021-07-01T11:00:00,nothing,1,m@1
a/3.JPG,n3.JPG,a,2021,2021-07-01T12:00:00,stoat,1e-8,m@2
a/4.JPG,n4.JPG,a,2021,2021-07-01T13:00:00,,,m@1
";
    let (space, other) = back(csv, "predictions", "");
    other.run();
    let columns = ["path", "name", "site", "season", "label", "confidence", "model", "problem"];
    let mut sent = space.rows("images", &columns[..7]);
    sent.pop();
    let sent: Vec<String> = sent.iter().map(|row| format!("{row} -")).collect();
    assert_eq!(other.rows("back", &columns), sent);
    let (there, came) = (space.table("images"), other.table("back"));
    for row in 0..3 {
        assert_eq!(there.cell(row, "confidence"), came.cell(row, "confidence"));
    }
    // Among images they are found by site, season and name.
    let content = |byte: &str| format!("b3:{}", byte.repeat(32));
    other.write(
        "images.csv",
        format!(
            "content,path,name,site,season\n{},a/3.JPG,n3.JPG,a,2021\n{},x/1.JPG,n1.JPG,b,2021\n",
            content("ab"),
            content("cd")
        ),
    );
    let images =
        "steps:\n  images:\n    uses: import\n    with: { files: images.csv, what: images }\n  back:\n    from: images\n";
    other.edit("pipeline.yaml", "steps:\n  back:\n", images);
    assert_eq!(other.run().findings("back"), [("without_result".to_owned(), 1), ("unresolved".to_owned(), 2)]);
    assert_eq!(other.rows("back", &["content"])[2], content("ab"));
}

/// A package by other tools: three media, a label of one event for all of them, and one medium with a label of its own.
fn foreign() -> TestSpace {
    let space = TestSpace::new();
    space.write(
        "pkg/deployments.csv",
        "deploymentID,latitude,longitude,deploymentStart,deploymentEnd\nd,1,2,2021-07-01T00:00:00Z,2021-07-02T00:00:00Z\n",
    );
    space.write(
        "pkg/media.csv",
        "mediaID,deploymentID,timestamp,filePath,filePublic,fileName,fileMediatype,more\n\
         m1,d,2021-07-01T10:00:00+02:00,d/1.jpg,true,1.jpg,image/jpeg,x\n\
         m2,d,2021-07-01T10:00:30+02:00,d/2.jpg,true,2.jpg,image/jpeg,x\n\
         m3,d,2021-07-01T10:01:00+02:00,d/3.jpg,true,2.jpg,image/jpeg,x\n\
         m4,d,2021-07-01T12:00:00+02:00,d/4.jpg,true,4.jpg,image/jpeg,x\n",
    );
    space.write(
        "pkg/observations.csv",
        "observationID,deploymentID,mediaID,eventStart,eventEnd,observationLevel,observationType,scientificName,count,classificationMethod,classifiedBy\n\
         o1,d,,2021-07-01T08:00:00Z,2021-07-01T08:01:00Z,event,animal,Mustela erminea,1,human,anna\n\
         o2,d,m2,2021-07-01T08:00:30Z,2021-07-01T08:00:30Z,media,animal,Mustela nivalis,1,human,ben\n\
         o3,d,m4,2021-07-01T10:00:00Z,2021-07-01T10:00:00Z,media,blank,,,,\n\
         o4,d,m4,2021-07-01T10:00:00Z,2021-07-01T10:00:00Z,media,unclassified,,,machine,m\n",
    );
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: test\nclasses: [empty, stoat]\nsteps:\n  got:\n    uses: import\n    with: { files: pkg/datapackage.json, \
         format: camtrap_dp, what: labels, classes: { Mustela erminea: stoat, Mustela nivalis: stoat } }\n",
    );
    space
}

#[test]
fn labels_of_events_count_for_media_without_their_own() {
    let space = foreign();
    assert_eq!(space.run().findings("got"), [("no_method".to_owned(), 1)]);
    assert_eq!(
        space.rows("got", &["path", "name", "class", "type", "reviewer"]),
        ["d/1.jpg - stoat other anna", "d/3.jpg - stoat other anna", "d/2.jpg - stoat other ben", "d/4.jpg - empty other -"]
    );
    assert!(space.table("got").column("site").is_none());
}

#[test]
fn a_wrong_field_is_named_by_file_row_and_column() {
    for (file, from, to, place, words) in [
        ("observations.csv", "o2,d,m2,", "o2,d,m9,", "`pkg/observations.csv`, line 3, column `mediaID`", "not in `media.csv`"),
        ("observations.csv", "Mustela nivalis,1,", "Mustela nivalis,one,", "line 3, column `count`", "whole number"),
        ("observations.csv", ",human,ben", ",person,ben", "line 3, column `classificationMethod`", "one of `human`, `machine`"),
        (
            "media.csv",
            "2021-07-01T10:00:30+02:00",
            "2021-07-01 10:00:30",
            "`pkg/media.csv`, line 3, column `timestamp`",
            "offset",
        ),
        ("media.csv", "filePath", "file", "`pkg/media.csv`, column `filePath`", "missing"),
        ("deployments.csv", "\nd,1,", "\nd,100,", "`pkg/deployments.csv`, line 2, column `latitude`", "-90"),
        (
            "observations.csv",
            "Mustela nivalis,",
            "Martes martes,",
            "`pkg/observations.csv`, line 3, column `class`",
            "`Martes martes;animal` is not a class",
        ),
    ] {
        let space = foreign();
        space.edit(&format!("pkg/{file}"), from, to);
        let found = space.error();
        assert!(found.contains(place) && found.contains(words), "{from}: {found}");
    }
    let space = foreign();
    std::fs::remove_file(space.path("pkg/media.csv")).unwrap();
    let loaded = trapline::check::load_with(trapline::step::KINDS, &space.path("pipeline.yaml"), &space.overrides);
    assert_eq!(loaded.report.diagnostics[0].message, "the package has no `pkg/media.csv`");
    let space = foreign();
    space.edit("pipeline.yaml", "what: labels,", "what: images, columns: { a: b },");
    let loaded = trapline::check::load_with(trapline::step::KINDS, &space.path("pipeline.yaml"), &space.overrides);
    assert_eq!(loaded.report.diagnostics[0].message, "`columns` is for CSV; the columns of a package are known");
}

#[test]
fn the_example_of_the_standard_is_read() {
    let Some(data) = shared_data() else { return };
    let space = TestSpace::new();
    for file in ["deployments.csv", "media.csv", "observations.csv"] {
        space.write(&format!("pkg/{file}"), std::fs::read(data.join("formats/camtrapdp_1.0.2_example").join(file)).unwrap());
    }
    space.write(
        "pipeline.yaml",
        "trapline: 1\nname: test\nsteps:\n  got:\n    uses: import\n    with: { files: pkg, format: camtrap_dp, what: labels, rows: multilabel }\n",
    );
    let ran = space.run();
    let table = space.table("got");
    let classes = table.column("class").unwrap();
    let of = |name: &str| (0..table.rows).filter(|row| classes.text(*row) == Some(name)).count();
    // Counted with another program: distinct pairs of a medium and what a person saw in it.
    assert_eq!((table.rows, of("Anas platyrhynchos"), of("blank")), (443, 157, 112));
    assert_eq!(ran.findings("got"), []);
}
