//! A finished season of the reference programme: imported, merged and compared with its own final file, cell by cell.
//! Skipped, and said so, where `shared/data` is absent.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::TestSpace;
use trapline::run::seasons;
use trapline::table::{CellRef, Table};

/// The classes of the reference's final file.
const FOUR: &str = "[vole, empty, lemming, stoat]";

const FROM_IMAGES: &str = "  images:
    uses: images
    with: { root: archive, path: \"{locality}/{site}/{season}/**/*.jpg\" }
  metadata: { uses: metadata, from: images }
  names:
    uses: rename
    from: metadata
    with: { name: \"{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG\", manifest: names.csv, adopt: reference/metadata }
";

const FROM_FILES: &str = "  names:
    uses: import
    with: { files: reference/metadata, format: bohner, what: images }
";

fn merging(names: &str, from: &str, form: &str) -> String {
    let roots = if names == FROM_IMAGES { "roots: { archive: {} }\n" } else { "" };
    format!(
        "trapline: 1
name: season
taxonomy: taxonomy.csv
{roots}steps:
{names}  predictions:
    uses: import
    {from}
    with: {{ files: reference/automatic_classification, format: bohner, what: predictions }}
  labels:
    uses: import
    {from}
    with: {{ files: [reference/quality_check, reference/manual_classification], format: bohner, what: labels }}
  final:
    uses: merge
    from: {{ images: names, predictions: predictions, labels: labels }}
    with: {{ {form} }}
  table:
    uses: export
    from: final
    with: {{ into: published/final.csv }}
"
    )
}

fn space(data: &Path, pipeline: &str) -> TestSpace {
    let space = TestSpace::new();
    let reference = data.join("varanger");
    for folder in ["metadata", "automatic_classification", "quality_check", "manual_classification", "formatted_data"] {
        support::copy(&reference.join(folder), &space.path("reference").join(folder));
    }
    space.write("taxonomy.csv", support::REFERENCE_TAXONOMY);
    space.write("pipeline.yaml", pipeline);
    if pipeline.contains("archive") {
        let root = serde_json::to_string(&reference.join("raw_images")).unwrap();
        space.write("trapline.local.yaml", format!("roots: {{ archive: {root} }}\n"));
    }
    space
}

fn final_file(data: &Path) -> PathBuf {
    data.join("varanger/formatted_data/image_classification_vestre_jakobselv_2020.txt")
}

/// Rows of the reference's final file; `None` for NA.
fn expected(path: &Path) -> (Vec<String>, Vec<Vec<Option<String>>>) {
    let text = fs::read_to_string(path).unwrap();
    let mut reader = csv::ReaderBuilder::new().delimiter(b' ').from_reader(text.as_bytes());
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let cell = |text: &str| (text != "NA").then(|| text.to_owned());
    (header, reader.records().map(|record| record.unwrap().iter().map(cell).collect()).collect())
}

fn cells(table: &Table) -> (Vec<String>, Vec<Vec<Option<String>>>) {
    let header = table.schema.fields.iter().map(|field| field.name.clone()).collect();
    let cell = |cell: CellRef<'_>| (cell != CellRef::Null).then(|| cell.to_string());
    let row = |row: usize| table.columns.iter().map(|column| cell(column.cell(row))).collect();
    (header, (0..table.rows).map(row).collect())
}

/// Compares with the final file: zeros of `presence_manual` where nobody looked are missing, and nothing else differs.
fn assert_is_reference(table: &Table, data: &Path) {
    let (header, rows) = expected(&final_file(data));
    let (own_header, own) = cells(table);
    assert_eq!(own_header, header);
    assert_eq!((own.len(), rows.len()), (800, 800));
    let (manual, types) = (7, 10);
    assert_eq!((header[manual].as_str(), header[types].as_str()), ("presence_manual", "type_manual_classification"));
    let mut not_reviewed = 0;
    for (at, (own, theirs)) in own.iter().zip(&rows).enumerate() {
        for (column, (own_cell, their_cell)) in own.iter().zip(theirs).enumerate() {
            if column == manual && theirs[types].is_none() {
                assert_eq!((own_cell, their_cell.as_deref()), (&None, Some("0")), "row {at}");
                not_reviewed += 1;
            } else {
                assert_eq!(own_cell, their_cell, "row {at}, {}", header[column]);
            }
        }
    }
    assert_eq!(not_reviewed, 684);
}

#[test]
fn a_season_of_images_merges_into_its_published_table() {
    let Some(data) = support::shared_data() else { return };
    let space = space(&data, &merging(FROM_IMAGES, "from: names", &format!("form: bohner, classes: {FOUR}")));
    let ran = space.run();
    for step in ["predictions", "labels", "final"] {
        assert_eq!(ran.findings(step), [], "{step}");
    }
    assert_is_reference(&space.table("final"), &data);
    // The season is closed: its images, names and labels are there, and a run changes nothing.
    let sealed = trapline::run::seal_season(&space.pipeline(), &space.options, "2020").unwrap();
    assert_eq!((sealed.files, &sealed.pinned), (200, &[("labels".to_owned(), 29)].into()));
    assert_eq!(seasons::read(space.dir.path()).unwrap()["2020"].files.len(), 200);
    assert_eq!(space.run().ran(), []);
    // A label that is another one now is an error that names the image.
    let manual = "reference/manual_classification/vestre_jakobselv/2020/manual_classification_vj_ga_hu_1_2020.txt";
    space.edit(manual, "_2019-07-21_0002.JPG\" \"empty\"", "_2019-07-21_0002.JPG\" \"stoat\"");
    let ran = space.try_run().unwrap();
    let errors = ran.errors().join("\n");
    assert!(errors.contains("labels: ") && errors.contains("stoat") && errors.contains("season reopen 2020"), "{errors}");
}

#[test]
fn the_published_file_is_written_byte_for_byte() {
    let Some(data) = support::shared_data() else { return };
    let pipeline = merging(FROM_FILES, "", &format!("form: bohner, classes: {FOUR}"));
    let export = "{ into: published/final.txt, format: csv, separator: space, missing: NA, quote: text }";
    let space = space(&data, &pipeline.replace("{ into: published/final.csv }", export));
    space.run();
    let theirs = fs::read_to_string(final_file(&data)).unwrap();
    // Where nobody looked, the last fields are: 0, the confidence, and three that are missing.
    let not_reviewed = |line: &str| {
        let mut fields: Vec<&str> = line.split(' ').collect();
        if fields[fields.len() - 3..] == ["NA"; 3] {
            fields[7] = "NA";
        }
        fields.join(" ") + "\n"
    };
    let expected: String = theirs.lines().map(not_reviewed).collect();
    assert_eq!(space.read("published/final.txt"), expected);
    assert_eq!(theirs.lines().zip(expected.lines()).filter(|(a, b)| a != b).count(), 684);
}

#[test]
fn the_files_alone_merge_into_the_same_table() {
    let Some(data) = support::shared_data() else { return };
    let space = space(&data, &merging(FROM_FILES, "", &format!("form: bohner, classes: {FOUR}")));
    space.run();
    assert_is_reference(&space.table("final"), &data);
    let names = space.table("names");
    assert_eq!(
        (names.rows, names.cell(0, "season"), names.cell(0, "locality")),
        (200, CellRef::Text("2020"), CellRef::Text("vestre_jakobselv"))
    );
    assert_eq!(names.cell(2, "datetime").to_string(), "2019-07-09T08:00:00");
    assert_eq!(space.column("predictions", "model")[0], "small_mammal_classification_model_2022");
    // Every class has its row, predicted or not.
    space.edit("pipeline.yaml", &format!(", classes: {FOUR}"), "");
    space.run();
    let table = space.table("final");
    assert_eq!(table.rows, 1600);
    let mut rows: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
    for row in 0..table.rows {
        let counts = rows.entry(table.cell(row, "class_id").to_string()).or_default();
        counts.0 += 1;
        counts.1 += usize::from(table.cell(row, "presence_automatic") == CellRef::Int(1));
        counts.2 += usize::from(table.cell(row, "presence_manual") == CellRef::Int(1));
    }
    let expected = [
        ("aves", (200, 0, 0)),
        ("bad_quality", (200, 0, 0)),
        ("cricetidae", (200, 47, 0)),
        ("empty", (200, 149, 29)),
        ("lem_lem", (200, 0, 0)),
        ("mus_erm", (200, 4, 0)),
        ("mus_niv", (200, 0, 0)),
        ("sor_sp", (200, 0, 0)),
    ];
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), expected.map(|(class, counts)| (class.to_owned(), counts)));
}

#[test]
fn a_season_that_is_only_its_final_file_gives_the_same_back() {
    let Some(data) = support::shared_data() else { return };
    let pipeline = merging(FROM_FILES, "", &format!("form: bohner, classes: {FOUR}"));
    let from_final = pipeline
        .replace("reference/metadata", "reference/formatted_data")
        .replace("reference/automatic_classification", "reference/formatted_data")
        .replace("[reference/quality_check, reference/manual_classification]", "reference/formatted_data");
    let space = space(&data, &from_final);
    space.run();
    assert_is_reference(&space.table("final"), &data);
    // Where the other files lie beside it, the final file is not read twice.
    space.write("pipeline.yaml", pipeline.replace("reference/automatic_classification", "reference"));
    space.run();
    assert_eq!(space.table("predictions").rows, 200);
    assert_is_reference(&space.table("final"), &data);
}

const QUALITY: &str =
    "reference/quality_check/small_mammal_classification_model_2022/2020/quality_check_vestre_jakobselv_2020.txt";
const MANUAL: &str = "reference/manual_classification/vestre_jakobselv/2020/manual_classification_vj_ga_hu_1_2020.txt";

/// Adds rows to a file, and puts its rows into another order.
fn extend(space: &TestSpace, file: &str, rows: &[&str], step: usize) {
    let text = space.read(file);
    let mut lines: Vec<&str> = text.lines().collect();
    let header = lines.remove(0);
    lines.extend(rows);
    let count = lines.len();
    // A step that shares no factor with the number of rows visits each once.
    let shares = |step: usize, n: usize| step.is_multiple_of(n) && count.is_multiple_of(n);
    let step = (step..step + count).find(|step| !(2..=*step).any(|n| shares(*step, n))).unwrap();
    let shuffled = (0..count).map(|at| lines[at * step % count]);
    let text: Vec<&str> = std::iter::once(header).chain(shuffled).collect();
    space.write(file, text.join("\n") + "\n");
}

/// The season with overrides, all four kinds of label, comments, and rows in another order.
fn mutated(data: &Path, step: usize) -> TestSpace {
    let space = space(data, &merging(FROM_FILES, "", "form: bohner"));
    let quality = [
        // Random counts before confidence: the image stays empty.
        r#""vj_ga_hu_1" 2020 "vj_ga_hu_1_2019-07-08_0001.JPG" "bad quality" "confidence" "empty" 0.999557554721832 "xx" "fog on the lens""#,
        // Class counts before corrected: the image is a vole.
        r#""vj_ga_hu_1" 2020 "vj_ga_hu_1_2019-07-13_0002.JPG" "vole" "class" "empty" 0.99 "yy" NA"#,
        // Two images of one second: each has its own label.
        r#""vj_ga_hu_2" 2020 "vj_ga_hu_2_2019-07-08_0002.JPG" "stoat" "confidence" "empty" 0.99 "xx" "white tail, says ""hb""""#,
        r#""vj_ga_hu_2" 2020 "vj_ga_hu_2_2019-07-08_0003.JPG" "aves" "random" "empty" 0.99 "xx" NA"#,
        // A site that only begins like another one.
        r#""vj_ga_hu_2b" 2020 "vj_ga_hu_2_2019-07-08_0001.JPG" "stoat" "random" "empty" 0.99 "xx" NA"#,
    ];
    extend(&space, QUALITY, &quality, step);
    space.edit(
        MANUAL,
        "_2019-07-13_0002.JPG\" \"empty\" \"empty\" 0.999689221382141 \"hb\" NA",
        "_2019-07-13_0002.JPG\" \"bad quality\" \"empty\" 0.999689221382141 \"hb\" \"snow\"",
    );
    let manual = [r#""vj_ga_hu_2" 2020 "vj_ga_hu_2_2019-07-08_0001.JPG" 5 "empty" 0.99 "zz" "brown; quick""#];
    extend(&space, MANUAL, &manual, step);
    for file in ["1", "2"] {
        let site = format!("vj_ga_hu_{file}_2020.txt");
        extend(&space, &format!("reference/metadata/vestre_jakobselv/2020/metadata_{site}"), &[], step);
        let model = "small_mammal_classification_model_2022";
        let folder = format!("reference/automatic_classification/{model}/vestre_jakobselv/2020");
        extend(&space, &format!("{folder}/classification_{model}_{site}"), &[], step);
    }
    space
}

/// What people say of an image: the class that is present, observer, type, comment.
fn manual(table: &Table, name: &str) -> Vec<String> {
    let of_image = (0..table.rows).filter(|row| table.cell(*row, "image_name") == CellRef::Text(name));
    let present = of_image.filter(|row| table.cell(*row, "presence_manual") == CellRef::Int(1));
    let columns = ["class_id", "observer_manual", "type_manual_classification", "comment"];
    let said = |row: usize| columns.map(|column| table.cell(row, column).to_string()).join(" | ");
    present.map(said).collect()
}

#[test]
fn overrides_count_by_priority_and_no_row_moves_to_another_image() {
    let Some(data) = support::shared_data() else { return };
    let space = mutated(&data, 7);
    let ran = space.run();
    assert_eq!(ran.findings("labels"), []);
    let table = space.table("final");
    assert_eq!(table.rows, 1600);
    let said = |name: &str| manual(&table, name).join(" & ");
    assert_eq!(said("vj_ga_hu_1_2019-07-08_0001.JPG"), "empty | hb | quality_check_random | ");
    assert_eq!(said("vj_ga_hu_1_2019-07-13_0002.JPG"), "cricetidae | yy | quality_check_classes | ");
    assert_eq!(said("vj_ga_hu_2_2019-07-08_0002.JPG"), "mus_erm | xx | quality_check_confidence_level | white tail, says \"hb\"");
    assert_eq!(said("vj_ga_hu_2_2019-07-08_0003.JPG"), "aves | xx | quality_check_random | ");
    assert_eq!(said("vj_ga_hu_2_2019-07-08_0001.JPG"), "lem_lem | zz | corrected_image_label | brown; quick");
    assert_eq!(said("vj_ga_hu_1_2019-07-18_0001.JPG"), "empty | hb | corrected_image_label | ");
    // Images of one second keep their own date, time and prediction.
    let second = |row: &usize| {
        table.cell(*row, "date") == CellRef::Text("2019-07-08") && table.cell(*row, "time") == CellRef::Text("13:16:55")
    };
    let names: std::collections::BTreeSet<String> =
        (0..table.rows).filter(second).map(|row| table.cell(row, "image_name").to_string()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["vj_ga_hu_2_2019-07-08_0002.JPG", "vj_ga_hu_2_2019-07-08_0003.JPG"]);
    // The label of the other site is no label of this one.
    assert!(ran.findings("final").contains(&("unmatched_labels".to_owned(), 1)), "{:?}", ran.findings("final"));
    assert!(ran.findings("final").contains(&("disagreements".to_owned(), 2)), "{:?}", ran.findings("final"));
    // Another order of rows in every file is the same data set.
    let other = mutated(&data, 17);
    other.run();
    assert_eq!(other.table("final"), table);
    assert!(other.read(QUALITY) != space.read(QUALITY));
}

#[test]
fn the_ready_pipeline_adopts_a_finished_season() {
    let Some(data) = support::shared_data() else { return };
    let ready = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/adopt_season.yaml");
    // The example's images lie on a read-only share without a marker.
    let pipeline = fs::read_to_string(ready).unwrap().replace("{ marker: .trapline-root }", "{}");
    let space = space(&data, &pipeline);
    let ran = space.run();
    assert_eq!((space.table("names").rows, space.table("predictions").rows, space.table("labels").rows), (200, 200, 29));
    assert_eq!(space.table("final").rows, 8 * 200);
    assert!(ran.errors().is_empty(), "{:?}", ran.errors());
    // The 17 images of the random quality check: all empty, and all found to be empty.
    let overall = space.output("quality", 1);
    let number = |name: &str| overall.column(name).unwrap().float64(0);
    assert_eq!((overall.cell(0, "images"), overall.cell(0, "random_checked")), (CellRef::Int(200), CellRef::Int(17)));
    assert_eq!((number("random_accuracy"), number("raw_accuracy")), (Some(1.0), Some(1.0)));
    assert_eq!(overall.cell(0, "unassessed_classes"), CellRef::Int(2), "nobody checked what the model calls vole or stoat");
}

#[test]
fn the_coat_portal_gets_its_table_with_semicolons() {
    let Some(data) = support::shared_data() else { return };
    let space = space(
        &data,
        &merging(FROM_FILES, "", "form: coat").replace("published/final.csv", "published/final.csv, separator: semicolon"),
    );
    // The metadata files say no locality; the portal needs one.
    space.edit("pipeline.yaml", "what: images }", "what: images, values: { locality: vestre_jakobselv } }");
    space.run();
    let text = space.read("published/final.csv");
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some(
            "sn_region;sn_locality;sn_section;sc_type_of_sites_ecological;sn_site;t_date;t_time;v_image_name;v_class_id;v_presence_automatic;v_presence_manual;v_confidence_automatic;v_observer_manual;v_type_manual_classification;v_comment"
        )
    );
    assert_eq!(
        lines.next(),
        Some(
            ";vestre_jakobselv;;;vj_ga_hu_1;2019-07-08;08:00:00;vj_ga_hu_1_2019-07-08_0001.JPG;aves;0;0;;hb;quality_check_random;"
        )
    );
    assert_eq!(lines.count() + 1, 8 * 200);
}
