//! Data packages of Camtrap DP: what we write is valid by our rules and by those of others, and comes back as it was.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

#[path = "support/python.rs"]
mod python;
mod support;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::{TestSpace, shared_data};
use trapline::exchange::camtrap_dp::check_folder;

const TAXONOMY: &str = "class,role,scientific_name,taxon_rank,taxon_id
bad_quality,bad_quality,,,
empty,empty,,,
vole,animal,Arvicolinae,,
stoat,animal,Mustela erminea,species,https://www.checklistbank.org/dataset/COL2023/taxon/74R45
bird,animal,Aves,class,
person,other,,,
vehicle,other,,,
";

const DEPLOYMENTS: &str = "site,season,latitude,longitude,from,to,timezone,camera,camera_height,habitat
a,2021,70.1,28.5,2020-09-01,2021-07-08,Europe/Oslo,C1,0.4,snowbed
b,2021,70.25,29.125,2020-09-01,2021-07-09,+01:00,C2,,\"hummock, dry\"
";

/// Two images of one event, one that people changed, one that nobody classified, one of bad quality, one with two labels.
const IMAGES: &str = "path,name,site,season,datetime,trigger,temperature_c,event_id,label,confidence,model,class,type,reviewer,time,shown,comment,final
kom/a/1.JPG,a_2020-12-01_0001.JPG,a,2021,2020-12-01T10:00:00,M,-3,e1,vole,0.97,m@1,,,,,,,vole
kom/a/2.JPG,a_2020-12-01_0002.JPG,a,2021,2020-12-01T10:00:01,M,-3,e1,empty,0.5123457,m@1,stoat,random+corrected,anna,2026-05-03T12:00:00Z,blind,\"a \"\"white\"\" one, I think\",stoat
kom/a/3.JPG,a_2021-07-01_0001.JPG,a,2021,2021-07-01T23:59:59,T,12,e2,empty,1,m@1,empty,random,ben,,,,empty
kom/b/1.JPG,b_2021-07-01_0001.JPG,b,2021,2021-07-01T08:00:00,T,,e3,bad_quality,0.8,m@1,,,,,,,bad_quality
kom/b/2.JPG,b_2021-07-01_0002.JPG,b,2021,2021-07-01T09:00:00,M,,e4,,,m@1,,,,,,,
kom/b/3.JPG,b_2021-07-02_0001.JPG,b,2021,2021-07-02T09:00:00,M,,e5,vole,0.4,m@1,vole+stoat,class,anna,2026-05-03 12:00:00,,,vole+stoat
kom/b/4.JPG,b_2021-07-03_0001.JPG,b,2021,2021-07-03T09:00:00,M,,e6,person,0.9,m@1,person,class,anna,2026-05-03T12:00:00+02:00,model,,person
kom/c/1.JPG,c_2021-07-03_0001.JPG,c,2021,2021-07-03T09:00:00,M,,e7,vole,0.9,m@1,,,,,,,vole
kom/b/5.JPG,b_0002.JPG,b,2021,,M,,e8,vole,0.9,m@1,,,,,,,vole
";

const DATASET: &str = "dataset:
  name: small-mammals
  title: Small mammals of two sites
  created: 2026-06-01
  keywords: [camera trap, tundra]
  licences: { data: CC0-1.0, media: https://creativecommons.org/licenses/by/4.0/ }
  contributors:
    - { title: Anna, email: anna@example.org, role: principalInvestigator, organization: A university }
    - { title: A university, role: publisher }
  project: { title: Tunnels, acronym: TU, sampling_design: systematicRandom }
";

const STEPS: &str = "steps:
  images:
    uses: import
    with: { files: images.csv, what: images }
  events:
    uses: events
    from: images
  package:
    uses: export
    from: { table: images, events: events }
    with: { into: published/camtrap_dp, form: camtrap_dp }
";

fn project() -> TestSpace {
    let space = TestSpace::new();
    space.write("taxonomy.csv", TAXONOMY);
    space.write("deployments.csv", DEPLOYMENTS);
    space.write("images.csv", IMAGES);
    let head = "trapline: 1\nname: test\ntaxonomy: taxonomy.csv\ndeployments: deployments.csv\n";
    space.write("pipeline.yaml", format!("{head}{DATASET}{STEPS}"));
    space
}

const PACKAGE: &str = "published/camtrap_dp";

fn faults(folder: &Path) -> Vec<String> {
    check_folder(folder).unwrap().first.iter().map(ToString::to_string).collect()
}

/// Some columns of a CSV of the package, row by row.
fn csv(space: &TestSpace, file: &str, columns: &[&str]) -> Vec<String> {
    let text = space.read(&format!("{PACKAGE}/{file}"));
    let reading = trapline::table::Reading::strict(file);
    let table = trapline::table::csv::read(text.as_bytes(), &reading).unwrap();
    let cell = |row: usize, name: &&str| table.column(name).unwrap().text(row).unwrap_or("-").to_owned();
    (0..table.rows).map(|row| columns.iter().map(|name| cell(row, name)).collect::<Vec<_>>().join(" ")).collect()
}

fn diagnostics(space: &TestSpace) -> Vec<String> {
    let loaded = trapline::check::load_with(trapline::step::KINDS, &space.path("pipeline.yaml"), &space.overrides);
    loaded.report.diagnostics.iter().map(|d| format!("{} {}", d.code.id, d.message)).collect()
}

#[test]
fn a_package_has_deployments_media_and_observations_of_images_and_events() {
    let space = project();
    let ran = space.run();
    assert_eq!(
        ran.findings("package"),
        [("without_deployment", 1), ("without_time", 1), ("events_left_out", 2), ("naive_time", 2)]
            .map(|(kind, n)| (kind.to_owned(), n))
    );
    assert_eq!(
        csv(
            &space,
            "deployments.csv",
            &[
                "deploymentID",
                "locationID",
                "latitude",
                "longitude",
                "deploymentStart",
                "deploymentEnd",
                "cameraID",
                "cameraHeight",
                "habitat",
                "deploymentGroups"
            ]
        ),
        [
            "a/2020-09-01 a 70.1 28.5 2020-09-01T00:00:00+02:00 2021-07-08T23:59:59+02:00 C1 0.4 snowbed site:a | season:2021",
            "b/2020-09-01 b 70.25 29.125 2020-09-01T00:00:00+01:00 2021-07-09T23:59:59+01:00 C2 - hummock, dry site:b | season:2021",
        ]
    );
    assert_eq!(
        csv(
            &space,
            "media.csv",
            &["mediaID", "deploymentID", "captureMethod", "timestamp", "filePath", "filePublic", "fileMediatype", "exifData"]
        ),
        [
            r#"a_2020-12-01_0001.JPG a/2020-09-01 activityDetection 2020-12-01T10:00:00+01:00 kom/a/1.JPG false image/jpeg {"TriggerMode":"M","AmbientTemperature":-3}"#,
            r#"a_2020-12-01_0002.JPG a/2020-09-01 activityDetection 2020-12-01T10:00:01+01:00 kom/a/2.JPG false image/jpeg {"TriggerMode":"M","AmbientTemperature":-3}"#,
            r#"a_2021-07-01_0001.JPG a/2020-09-01 timeLapse 2021-07-01T23:59:59+02:00 kom/a/3.JPG false image/jpeg {"TriggerMode":"T","AmbientTemperature":12}"#,
            r#"b_2021-07-01_0001.JPG b/2020-09-01 timeLapse 2021-07-01T08:00:00+01:00 kom/b/1.JPG false image/jpeg {"TriggerMode":"T"}"#,
            r#"b_2021-07-01_0002.JPG b/2020-09-01 activityDetection 2021-07-01T09:00:00+01:00 kom/b/2.JPG false image/jpeg {"TriggerMode":"M"}"#,
            r#"b_2021-07-02_0001.JPG b/2020-09-01 activityDetection 2021-07-02T09:00:00+01:00 kom/b/3.JPG false image/jpeg {"TriggerMode":"M"}"#,
            r#"b_2021-07-03_0001.JPG b/2020-09-01 activityDetection 2021-07-03T09:00:00+01:00 kom/b/4.JPG false image/jpeg {"TriggerMode":"M"}"#,
        ]
    );
    let columns = [
        "observationID",
        "observationType",
        "scientificName",
        "classificationMethod",
        "classifiedBy",
        "classificationTimestamp",
        "classificationProbability",
        "observationTags",
    ];
    let rows = csv(&space, "observations.csv", &columns);
    assert_eq!(
        rows[..8],
        [
            "a_2020-12-01_0001.JPG_1 animal Arvicolinae machine m@1 - 0.97 class:vole",
            "a_2020-12-01_0002.JPG_1 animal Mustela erminea human anna 2026-05-03T12:00:00Z - class:stoat | type:random+corrected | shown:blind",
            "a_2021-07-01_0001.JPG_1 blank - human ben - - class:empty | type:random",
            "b_2021-07-01_0001.JPG_1 unknown - machine m@1 - 0.8 quality:bad | class:bad_quality",
            "b_2021-07-01_0002.JPG_1 unclassified - - - - - -",
            "b_2021-07-02_0001.JPG_1 animal Arvicolinae human anna - - class:vole | type:class",
            "b_2021-07-02_0001.JPG_2 animal Mustela erminea human anna - - class:stoat | type:class",
            "b_2021-07-03_0001.JPG_1 human - human anna 2026-05-03T12:00:00+02:00 - class:person | type:class | shown:model",
        ]
    );
    // The labels of people decide the event of two images.
    let events = csv(
        &space,
        "observations.csv",
        &["observationLevel", "mediaID", "eventStart", "eventEnd", "observationType", "classificationMethod", "observationTags"],
    );
    assert_eq!(events.len(), 14);
    assert_eq!(events[8], "event - 2020-12-01T10:00:00+01:00 2020-12-01T10:00:01+01:00 animal human class:stoat | rule:coat");
    assert!(events[..8].iter().all(|row| row.starts_with("media ")) && events[8..].iter().all(|row| row.starts_with("event - ")));
    let package: Value = serde_json::from_str(&space.read(&format!("{PACKAGE}/datapackage.json"))).unwrap();
    assert_eq!(package["temporal"], json!({ "start": "2020-09-01", "end": "2021-07-09" }));
    assert_eq!(package["spatial"]["type"], "Polygon");
    assert_eq!(package["spatial"]["coordinates"][0][2], json!([29.125, 70.25]));
    assert_eq!(
        package["taxonomic"],
        json!([
            { "scientificName": "Arvicolinae" },
            { "scientificName": "Mustela erminea", "taxonRank": "species",
              "taxonID": "https://www.checklistbank.org/dataset/COL2023/taxon/74R45" }
        ])
    );
    assert_eq!(
        package["project"],
        json!({ "title": "Tunnels", "acronym": "TU", "samplingDesign": "systematicRandom", "captureMethod":
            ["activityDetection", "timeLapse"], "individualAnimals": false, "observationLevel": ["media", "event"] })
    );
    assert_eq!(package["created"], "2026-06-01T00:00:00Z");
    assert_eq!(package["licenses"][0], json!({ "name": "CC0-1.0", "scope": "data" }));
    assert_eq!(faults(&space.path(PACKAGE)), [""; 0]);
    // Nothing is done twice, and a change of the description is a reason to write anew.
    assert_eq!(space.decisions().last().unwrap().1, "reuse");
    space.edit("pipeline.yaml", "acronym: TU", "acronym: TUN");
    assert_eq!(space.run().ran().len(), 1);
    assert!(space.read(&format!("{PACKAGE}/datapackage.json")).contains("TUN"));
}

/// What frictionless says of a package.
fn frictionless(python: &Path, folder: &Path, schemas: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/frictionless_package.py");
    let ran = Command::new(python).arg(script).arg(folder).arg(schemas).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

fn schemas() -> Option<std::path::PathBuf> {
    Some(shared_data()?.join("formats/camtrapdp_1.0.2_schemas"))
}

#[test]
fn frictionless_finds_our_packages_valid_and_the_same_faults_as_we() {
    let Some(schemas) = schemas() else { return };
    let Some(python) = python::python("frictionless to compare with") else { return };
    let space = project();
    space.run();
    let folder = space.path(PACKAGE);
    assert_eq!(frictionless(&python, &folder, &schemas), "");
    let whole = space.read(&format!("{PACKAGE}/observations.csv"));
    space.write(&format!("{PACKAGE}/observations.csv"), whole.replacen(",animal,", ",beast,", 1));
    let found = frictionless(&python, &folder, &schemas);
    assert!(found.starts_with("row 2, observationType: constraint-error"), "{found}");
    assert!(faults(&folder)[0].starts_with("`observations.csv` row 2, column `observationType`: `beast` is not one of"));
}

#[test]
fn the_description_fits_the_profile() {
    let Some(schemas) = schemas() else { return };
    let space = project();
    space.run();
    let profile: Value = serde_json::from_slice(&std::fs::read(schemas.join("camtrap-dp-profile.json")).unwrap()).unwrap();
    // The first part and the shape of GeoJSON are references to the network.
    let mut own = profile["allOf"][1].clone();
    own["properties"]["spatial"].as_object_mut().unwrap().remove("$ref");
    own["$schema"] = profile["$schema"].clone();
    own["$defs"] = profile["$defs"].clone();
    let package: Value = serde_json::from_str(&space.read(&format!("{PACKAGE}/datapackage.json"))).unwrap();
    let validator = jsonschema::validator_for(&own).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&package).map(|error| error.to_string()).collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn the_example_of_the_standard_is_valid_and_mutated_copies_are_named_by_file_row_and_column() {
    let Some(data) = shared_data() else { return };
    let example = data.join("formats/camtrapdp_1.0.2_example");
    assert_eq!(faults(&example), [""; 0]);
    let space = TestSpace::new();
    let files = ["datapackage.json", "deployments.csv", "media.csv", "observations.csv"];
    let whole = |file: &str| String::from_utf8(std::fs::read(example.join(file)).unwrap()).unwrap();
    for (file, from, to, place, words) in [
        ("deployments.csv", "\n00a2c20d,", "\n,", "`deployments.csv` row 2, column `deploymentID`", "missing"),
        ("deployments.csv", "\n29b7d356,", "\n00a2c20d,", "`deployments.csv` row 3, column `deploymentID`", "also that of row 2"),
        ("deployments.csv", ",51.496,", ",91.5,", "`deployments.csv` row 2, column `latitude`", "from -90 to 90"),
        ("deployments.csv", ",51.496,", ",NaN,", "`deployments.csv` row 2, column `latitude`", "missing"),
        ("deployments.csv", "2020-05-30T04:57:37+02:00", "2020-05-30T04:57:37", "row 2, column `deploymentStart`", "offset"),
        ("deployments.csv", ",false,false,", ",no,false,", "row 2, column `timestampIssues`", "`true` or `false`"),
        ("deployments.csv", "trailGame", "pond", "row 2, column `featureType`", "one of"),
        ("deployments.csv", ",latitude,", ",lat,", "`deployments.csv` column `latitude`", "is missing"),
        ("deployments.csv", "latitude,longitude", "longitude,latitude", "`deployments.csv` column `longitude`", "order"),
        (
            "media.csv",
            "\n07840dcc,00a2c20d,",
            "\n07840dcc,nowhere,",
            "`media.csv` row 2, column `deploymentID`",
            "not in `deployments.csv`",
        ),
        ("media.csv", "https://multimedia", "../multimedia", "`media.csv` row 2, column `filePath`", "relative path"),
        ("media.csv", ",image/jpeg,", ",jpeg,", "`media.csv` row 2, column `fileMediatype`", "media type"),
        ("observations.csv", ",event,animal,", ",day,animal,", "`observations.csv` row 2, column `observationLevel`", "one of"),
        (
            "observations.csv",
            "\n07840dcc_1,00a2c20d,07840dcc,",
            "\n07840dcc_1,00a2c20d,x,",
            "`observations.csv` row 3, column `mediaID`",
            "not in `media.csv`",
        ),
        (
            "observations.csv",
            ",Anas platyrhynchos,1,",
            ",Anas platyrhynchos,0,",
            "`observations.csv` row 2, column `count`",
            "at least 1",
        ),
        (
            "observations.csv",
            ",Anas platyrhynchos,1,",
            ",Anas platyrhynchos,1.5,",
            "`observations.csv` row 2, column `count`",
            "whole number",
        ),
        ("datapackage.json", "\"captureMethod\"", "\"capture\"", "`datapackage.json` column `project.captureMethod`", "missing"),
        ("datapackage.json", "\"scope\": \"media\"", "\"scope\": \"data\"", "`datapackage.json` column `licenses`", "scope"),
    ] {
        for file in files {
            space.write(file, whole(file));
        }
        let text = whole(file);
        assert!(text.contains(from), "{file}: {from}");
        space.write(file, text.replacen(from, to, 1));
        let found = faults(space.dir.path());
        assert!(found.iter().any(|fault| fault.contains(place) && fault.contains(words)), "{file} {from}: {found:#?}");
    }
}

#[test]
fn what_makes_no_package_is_an_error_that_names_the_place_and_nothing_is_written() {
    for (file, from, to, words) in [
        (
            "deployments.csv",
            ",Europe/Oslo,",
            ",,",
            "`deployments.csv` row 2, column `timezone`: the deployment `a/2020-09-01` has no time zone",
        ),
        ("deployments.csv", ",Europe/Oslo,", ",Oslo,", "`Oslo` of the deployment `a/2020-09-01` is not a time zone"),
        ("deployments.csv", ",70.1,", ",,", "`deployments.csv` row 2, column `latitude`: a value is missing"),
        (
            "deployments.csv",
            ",70.1,",
            ",701,",
            "`deployments.csv` row 2, column `latitude`: `701` is not a number from -90 to 90",
        ),
        ("images.csv", "kom/a/2.JPG", "../a/2.JPG", "`media.csv` row 3, column `filePath`: `../a/2.JPG` is not"),
        ("images.csv", "b_2021-07-02_0001.JPG", "a_2020-12-01_0001.JPG", "two images are called `a_2020-12-01_0001.JPG`"),
    ] {
        let space = project();
        space.edit(file, from, to);
        let found = space.error();
        assert!(found.contains(words), "{words}: {found}");
        assert!(!space.path(PACKAGE).exists(), "{words}");
    }
    // One zone for all is enough.
    let space = project();
    space.edit("deployments.csv", ",Europe/Oslo,", ",,");
    space.edit("pipeline.yaml", "  title: Small", "  timezone: UTC\n  title: Small");
    space.run();
    assert!(space.read(&format!("{PACKAGE}/media.csv")).contains("2020-12-01T10:00:00Z"));
}

#[test]
fn what_the_pipeline_does_not_say_is_found_before_it_runs() {
    let space = project();
    space.edit("pipeline.yaml", "  created: 2026-06-01\n", "");
    space.edit("pipeline.yaml", ", sampling_design: systematicRandom", "");
    assert_eq!(
        diagnostics(&space),
        [
            "TL0621 `dataset` lacks `created`, which the form `camtrap_dp` needs",
            "TL0621 `dataset` lacks `project.sampling_design`, which the form `camtrap_dp` needs",
        ]
    );
    let space = project();
    space.edit("pipeline.yaml", DATASET, "");
    space.edit("deployments.csv", "timezone", "zone");
    space.edit("deployments.csv", "latitude", "north");
    space.edit("pipeline.yaml", "form: camtrap_dp }", "form: camtrap_dp, separator: tab }");
    assert_eq!(diagnostics(&space), ["TL0501 `separator` is for tables, and `camtrap_dp` is a folder of fixed files"]);
    space.edit("pipeline.yaml", ", separator: tab", "");
    assert_eq!(
        diagnostics(&space),
        [
            "TL0412 the form `camtrap_dp` needs the column `latitude` of `deployments.csv`",
            "TL0621 nothing says in which time zone the cameras of `deployments.csv` are",
            "TL0621 the form `camtrap_dp` describes the data set, and the pipeline does not",
        ]
    );
    let space = project();
    space.edit("pipeline.yaml", "into: published/camtrap_dp, form: camtrap_dp", "into: published/table.csv");
    assert_eq!(diagnostics(&space), ["TL0404 only the form `camtrap_dp` takes events beside the images"]);
}

#[test]
fn names_under_taxa_stand_above_the_taxonomy_and_open_ends_are_those_of_the_images() {
    let space = project();
    space.edit(
        "pipeline.yaml",
        "form: camtrap_dp }",
        "form: camtrap_dp, taxa: { vole: Microtus }, values: { filePublic: \"true\" } }",
    );
    space.edit("deployments.csv", "2020-09-01,2021-07-09", ",");
    space.edit("taxonomy.csv", "Mustela erminea,species,https://www.checklistbank.org/dataset/COL2023/taxon/74R45", ",,");
    let ran = space.run();
    let found = ran.findings("package");
    assert!(found.contains(&("open_deployment".into(), 1)) && found.contains(&("no_taxon".into(), 2)), "{found:?}");
    let deployments = csv(&space, "deployments.csv", &["deploymentID", "deploymentStart", "deploymentEnd"]);
    assert_eq!(deployments[1], "b 2021-07-01T08:00:00+01:00 2021-07-03T09:00:00+01:00");
    assert!(csv(&space, "observations.csv", &["scientificName"])[0] == "Microtus");
    assert!(csv(&space, "media.csv", &["filePublic"]).iter().all(|public| public == "true"));
    assert_eq!(faults(&space.path(PACKAGE)), [""; 0]);
}

#[test]
fn an_image_that_no_deployment_covers_is_left_out_also_where_the_site_has_one_only() {
    let space = project();
    let images = space.read("images.csv");
    // A week after the camera at `a` was taken down.
    space.write("images.csv", images.replace("2021-07-01T23:59:59", "2021-07-15T23:59:59"));
    let ran = space.run();
    let found: Vec<_> = ran.findings("package").into_iter().filter(|(kind, _)| kind == "without_deployment").collect();
    assert_eq!(found, [("without_deployment".to_owned(), 2)], "the one of site `c`, and this one");
    assert!(!csv(&space, "media.csv", &["filePath"]).contains(&"kom/a/3.JPG".to_owned()));
}

#[test]
fn labels_say_when_people_answered() {
    let space = project();
    let images = IMAGES.replace("reviewer,time,shown,", "reviewer,");
    let images =
        images.replace(",2026-05-03T12:00:00Z,blind,", ",").replace("ben,,,,", "ben,,").replace(",2026-05-03 12:00:00,,,", ",,");
    let images = images.replace(",2026-05-03T12:00:00+02:00,model,,", ",,").replace("m@1,,,,,,,", "m@1,,,,,");
    space.write("images.csv", images);
    space.write(
        "labels.csv",
        "site,season,name,class,type,reviewer,time,shown\n\
         a,2021,a_2020-12-01_0002.JPG,stoat,random,anna,2026-05-03T12:00:00Z,blind\n\
         a,2021,a_2020-12-01_0002.JPG,stoat,corrected,anna,2026-05-04T12:00:00Z,model\n\
         a,2021,a_2020-12-01_0002.JPG,vole,other,anna,2026-05-05T12:00:00Z,\n\
         b,2021,a_2021-07-01_0001.JPG,empty,random,ben,2026-05-06T12:00:00Z,\n\
         b,2021,b_2021-07-02_0001.JPG,stoat,class,anna,2026-05-07T12:00:00Z,\n",
    );
    let labels = "  labels:\n    uses: import\n    with: { files: labels.csv, what: labels }\n  package:";
    space.edit("pipeline.yaml", "  package:", labels);
    space.edit("pipeline.yaml", "{ table: images, events: events }", "{ table: images, events: events, labels: labels }");
    space.run();
    let rows = csv(&space, "observations.csv", &["observationID", "classificationTimestamp"]);
    assert_eq!(
        rows[1..7],
        [
            "a_2020-12-01_0002.JPG_1 2026-05-04T12:00:00Z",
            // A label of another site is another image's.
            "a_2021-07-01_0001.JPG_1 -",
            "b_2021-07-01_0001.JPG_1 -",
            "b_2021-07-01_0002.JPG_1 -",
            "b_2021-07-02_0001.JPG_1 2026-05-07T12:00:00Z",
            "b_2021-07-02_0001.JPG_2 2026-05-07T12:00:00Z",
        ]
    );
    assert_eq!(faults(&space.path(PACKAGE)), [""; 0]);
}
