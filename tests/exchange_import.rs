//! Results of `MegaDetector` and `SpeciesNet` become predictions; what does not fit is named by file, image and field.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use support::TestSpace;

fn importing(classes: &str, with: &str) -> TestSpace {
    let space = TestSpace::new();
    space.write(
        "pipeline.yaml",
        format!(
            "trapline: 1\nname: test\nclasses: {classes}\nsteps:\n  imported:\n    uses: import\n    with: {{ files: r.json, what: \
             predictions, {with} }}\n"
        ),
    );
    space
}

fn diagnostics(space: &TestSpace) -> String {
    let loaded = trapline::check::load_with(trapline::step::KINDS, &space.path("pipeline.yaml"), &space.overrides);
    let lines: Vec<_> = loaded.report.diagnostics.iter().map(|d| format!("{} {}", d.code.id, d.message)).collect();
    lines.join("\n")
}

/// A result file with these images, by a detector with a classifier behind it.
fn detections(images: &str) -> String {
    format!(
        r#"{{"info": {{"format_version": "1.6", "detector": "md_v5a.0.0.pt", "classifier": "small_mammals@1",
             "detector_metadata": {{"typical_detection_threshold": 0.2}}}},
            "detection_categories": {{"1": "animal", "2": "person", "3": "vehicle"}},
            "images": [{images}],
            "classification_categories": {{"0": "stoat", "1": "vole", "7": "wolf"}}}}"#
    )
}

const CLASSES: &str = "[blank, animal, person, vehicle, stoat, vole]";

#[test]
fn the_surest_detection_gives_the_class_and_a_failure_is_a_problem() {
    let space = importing(CLASSES, "format: megadetector, values: { season: \"2024\" }");
    space.write(
        "r.json",
        detections(
            r#"{"file": "a\\1.jpg", "detections": [{"category": "1", "conf": 0.4, "bbox": [0, 0, 1, 1]},
                  {"category": "2", "conf": 0.9, "bbox": [0, 0, 1, 1], "other": {"unknown": []}}], "width": 5},
               {"file": "a/2.jpg", "detections": []},
               {"file": "a/3.jpg", "failure": "Failure image access", "detections": null},
               {"file": "a/4.jpg", "detections": [{"category": "1", "conf": 0.5, "bbox": [0, 0, 1, 1],
                  "classifications": [["1", 0.75], ["7", 0.2], ["0", 0.125]]}], "failure": null},
               {"file": "a/6.mp4", "frame_rate": 20, "frames_processed": [0, 9],
                  "detections": [{"category": "1", "conf": 0.1, "bbox": [0, 0, 1, 1], "frame_number": 9}]}"#,
        ),
    );
    let ran = space.run();
    let columns =
        ["season", "path", "label", "confidence", "label_2", "confidence_2", "label_3", "confidence_3", "model", "problem"];
    assert_eq!(
        space.rows("imported", &columns),
        [
            "2024 a/1.jpg person 0.9 animal 0.4 - - md_v5a.0.0.pt -",
            "2024 a/2.jpg blank 1 - - - - md_v5a.0.0.pt -",
            "2024 a/3.jpg - - - - - - md_v5a.0.0.pt Failure image access",
            // No class of the programme is a wolf: it leaves a gap, and its confidence with it.
            "2024 a/4.jpg vole 0.75 - - stoat 0.125 small_mammals@1 -",
            "2024 a/6.mp4 animal 0.1 - - - - md_v5a.0.0.pt -",
        ]
    );
    assert_eq!(ran.findings("imported"), [("unsure_detections".to_owned(), 1)]);
    space.edit("pipeline.yaml", "format: megadetector,", "format: megadetector, detection_threshold: 0.5,");
    let ran = space.run();
    assert_eq!(space.rows("imported", &["label", "confidence"])[4..], ["blank 0.9"]);
    assert_eq!(space.rows("imported", &["label", "label_2"])[0], "person -");
    assert_eq!(ran.findings("imported"), []);
}

#[test]
fn a_wrong_field_is_named_by_file_image_and_path() {
    let space = importing(CLASSES, "format: megadetector");
    let fine = r#"{"file": "0.jpg", "detections": []},"#;
    let one = |detection: &str| format!(r#"{{"file": "1.jpg", "detections": [{{"category": "1", "conf": 1}}, {detection}]}}"#);
    for (image, place, words) in [
        ("5".to_owned(), "`images[1]`", "is not an object"),
        (r#"{"detections": []}"#.to_owned(), "`images[1].file`", "which image"),
        (r#"{"file": "x", "detections": {}}"#.to_owned(), "`images[1].detections`", "is not a list"),
        (r#"{"file": "x", "failure": 1}"#.to_owned(), "`images[1].failure`", "is not a text"),
        (one(r#"{"category": "1"}"#), "`images[1].detections[1].conf`", "is missing"),
        (one(r#"{"category": "1", "conf": 97.5}"#), "`images[1].detections[1].conf`", "`97.5` is not a confidence"),
        (one(r#"{"category": "1", "conf": "0.9"}"#), "`images[1].detections[1].conf`", "is not a confidence"),
        (one(r#"{"category": [1], "conf": 0.9}"#), "`images[1].detections[1].category`", "not the id"),
        (one(r#"{"category": "1", "conf": 0.9, "bbox": [1, 2]}"#), "`images[1].detections[1].bbox`", "four numbers"),
        (
            one(r#"{"category": "1", "conf": 0.9, "classifications": [["0", 1], ["5", 0]]}"#),
            "`images[1].detections[1].classifications[1][0]`",
            "not among",
        ),
        (
            one(r#"{"category": "1", "conf": 0.9, "classifications": [["0", 1.5]]}"#),
            "`images[1].detections[1].classifications[0][1]`",
            "0 to 1",
        ),
        (
            r#"{"file": "x", "detections": [{"category": "1", "conf": 1, "classifications": [["7", 1]]}]}"#.to_owned(),
            "`images[1]`",
            "`wolf` is not a class",
        ),
        (r#"{"file": "0.jpg", "detections": []}"#.to_owned(), "images[1]", "is there twice"),
        (r#"{"file": "x", "detections": [NaN]}"#.to_owned(), "`images[1]`", "line 4"),
    ] {
        space.write("r.json", detections(&format!("{fine}{image}")));
        let found = space.error();
        assert!(found.contains("r.json") && found.contains(place) && found.contains(words), "{image}: {found}");
    }
    let whole = detections(fine.trim_end_matches(','));
    for (text, words) in [
        (whole.replace("detection_categories", "categories"), "`detection_categories`: is missing"),
        (whole.replace(r#""1": "animal""#, r#""1": """#), "`detection_categories.1`"),
        (whole.replace("images", "pictures"), "no list `images`"),
        (whole[..whole.len() / 2].to_owned(), "ends in the middle"),
        (whole.replace(r#""images": ["#, r#""images": [], "images": ["#), "second list"),
        ("[]".to_owned(), "expected an object with the list `images`"),
        (format!("{whole}}}"), "trailing"),
    ] {
        space.write("r.json", text);
        let found = space.error();
        assert!(found.contains("r.json") && found.contains(words), "{words}: {found}");
    }
}

#[test]
fn parameters_of_other_formats_are_refused_before_anything_runs() {
    for (with, words) in [
        ("format: megadetector, columns: { label: x }", "TL0501 `columns` is for CSV"),
        ("format: speciesnet, separator: tab", "TL0501 `separator` is for CSV"),
        ("detection_threshold: 0.2", "TL0501 `detection_threshold` is for results of detectors"),
        ("format: megadetector, detection_threshold: 1.5", "TL0504"),
    ] {
        let space = importing(CLASSES, with);
        space.write("r.json", detections(""));
        assert!(diagnostics(&space).contains(words), "{with}: {}", diagnostics(&space));
    }
    let space = importing(CLASSES, "format: megadetector");
    assert!(diagnostics(&space).contains("TL0705"), "{}", diagnostics(&space));
    space.write("r.json", detections(""));
    assert_eq!(diagnostics(&space), "");
    space.edit("pipeline.yaml", "predictions", "labels");
    assert!(diagnostics(&space).contains("TL0505 this format holds predictions and no labels"), "{}", diagnostics(&space));
}

#[test]
fn a_version_that_nobody_knows_is_said_and_read() {
    let space = importing(CLASSES, "format: megadetector");
    for (version, known) in [("\"1.2\"", true), ("1.5", true), ("\"3.0\"", false), ("null", false)] {
        space.write("r.json", detections(r#"{"file": "1.jpg", "detections": []}"#).replace("\"1.6\"", version));
        let expected = if known { vec![] } else { vec![("format_version".to_owned(), 1)] };
        assert_eq!(space.run().findings("imported"), expected, "{version}");
        assert_eq!(space.rows("imported", &["path"]), ["1.jpg"]);
    }
}

#[test]
fn detections_are_found_among_the_images() {
    let space = TestSpace::with_images();
    let import = "  imported:\n    uses: import\n    from: images\n    with: { files: r.json, what: predictions, format: megadetector, carry: [site] }\n";
    space.write("pipeline.yaml", format!("{}{import}", support::PIPELINE.replace("[empty, vole]", "[empty, animal]")));
    space.write(
        "r.json",
        detections(
            r#"{"file": "b\\2024\\3.jpg", "detections": []},
               {"file": "elsewhere/9.jpg", "detections": []},
               {"file": "a/2024/1.jpg", "detections": [{"category": "1", "conf": 0.5, "bbox": [0, 0, 1, 1]}]}"#,
        ),
    );
    assert_eq!(space.run().findings("imported"), [("without_result".to_owned(), 1), ("unresolved".to_owned(), 1)]);
    assert_eq!(space.rows("imported", &["site", "label"]), ["b empty", "- empty", "a animal"]);
    let content = trapline::id::ContentId::of(&std::fs::read(space.path("raw/a/2024/1.jpg")).unwrap());
    assert_eq!(space.rows("imported", &["content"])[1..], ["-".to_owned(), content.to_string()]);
}

const ELEPHANT: &str =
    "55631055-3e0e-4b7a-9612-dedebe9f78b0;mammalia;proboscidea;elephantidae;loxodonta;africana;african elephant";
const STOAT: &str = "id-1;mammalia;carnivora;mustelidae;mustela;erminea;stoat";
const BANK_VOLE: &str = "id-2;mammalia;rodentia;cricetidae;myodes;glareolus;bank vole";
const BLANK: &str = "f1856211-cfb7-4a5b-9158-c0f72fd09ee6;;;;;;blank";

#[test]
fn an_ensemble_gives_classes_by_their_most_exact_known_rank() {
    let space = importing(
        "[empty, stoat, vole, bird]",
        "format: speciesnet, classes: { cricetidae: vole, aves: bird, mustela erminea: stoat }",
    );
    let one = |rest: &str| format!(r#"{{"filepath": "a/1.jpg", "model_version": "4.0.0a", {rest}}}"#);
    let with = |items: &[String]| space.write("r.json", format!(r#"{{"predictions": [{}]}}"#, items.join(",")));
    with(&[
        one(&format!(
            r#""classifications": {{"classes": ["{BANK_VOLE}", "{ELEPHANT}", "{STOAT}"], "scores": [0.5, 0.25, 0.125]}},
               "prediction": "{STOAT}", "prediction_score": 0.75, "detections": []"#
        )),
        one(&format!(r#""prediction": "{BLANK}", "prediction_score": 1"#)).replace("a/1", "a/2"),
        one(&format!(r#""classifications": {{"classes": ["{STOAT}", "{BANK_VOLE}"], "scores": [0.25, 0.5]}}"#)).replace("a/1", "a/3"),
        one(r#""detections": [], "failures": []"#).replace("a/1", "a/4"),
        one(r#""failures": ["CLASSIFIER", "DETECTOR"]"#).replace("a/1", "a/5"),
        one(r#""prediction": "f2efdae9-efb8-48fb-8a91-eccf79ab4ffb;no cv result;no cv result;no cv result;no cv result;no cv result;no cv result", "prediction_score": 0"#)
            .replace("a/1", "a/6"),
        one(r#""prediction": "id-9;aves;;;;;bird", "prediction_score": 0.5"#).replace("a/1", "a/7"),
    ]);
    space.run();
    assert_eq!(
        space.rows("imported", &["path", "label", "confidence", "label_2", "label_3", "model", "problem"]),
        [
            "a/1.jpg stoat 0.75 vole - speciesnet@4.0.0a -",
            "a/2.jpg empty 1 - - speciesnet@4.0.0a -",
            "a/3.jpg vole 0.5 stoat - speciesnet@4.0.0a -",
            "a/4.jpg empty 1 - - speciesnet@4.0.0a -",
            "a/5.jpg - - - - speciesnet@4.0.0a failed: CLASSIFIER, DETECTOR",
            "a/6.jpg - - - - speciesnet@4.0.0a no cv result",
            "a/7.jpg bird 0.5 - - speciesnet@4.0.0a -",
        ]
    );
    for (rest, place) in [
        (r#""prediction": "x""#, "`predictions[0].prediction_score`"),
        (r#""classifications": {"classes": ["x"], "scores": []}"#, "`predictions[0].classifications.scores`"),
        (r#""classifications": {"classes": [1], "scores": [1]}"#, "`predictions[0].classifications.classes[0]`"),
        (r#""classifications": {"classes": ["x"], "scores": [2]}"#, "`predictions[0].classifications.scores[0]`"),
        (r#""detections": [{"conf": 1}]"#, "`predictions[0].detections[0].label`"),
        (&format!(r#""prediction": "{ELEPHANT}", "prediction_score": 1"#), "`predictions[0]`: `55631055"),
    ] {
        with(&[one(rest)]);
        let found = space.error();
        assert!(found.contains("r.json") && found.contains(place), "{rest}: {found}");
    }
}

#[test]
fn real_files_are_read() {
    let Some(data) = support::shared_data() else { return };
    let formats = data.join("formats");
    let space = importing("[test, empty, animal, person, vehicle]", "format: megadetector");
    space.write("r.json", std::fs::read(formats.join("megadetector/md_gt.json")).unwrap());
    // The classifier of this file says `test` of everything.
    assert_eq!(space.run().findings("imported"), [("format_version".to_owned(), 1)]);
    let read = space.rows("imported", &["path", "label", "confidence", "model"]);
    assert!(read.len() == 1 && read[0].ends_with("/Southwest/IMAG1065_cougar.JPG test 1 Animl"), "{read:?}");
    let expected = ["african_elephants.jpg elephant 0.9922402", "bear.jpg bear 0.99389815"];
    for (file, model) in [("output_ensemble.json", "speciesnet@4.0.0a"), ("output_classifier.json", "-")] {
        let space =
            importing("[empty, elephant, bear]", "format: speciesnet, classes: { elephantidae: elephant, ursidae: bear }");
        space.write("r.json", std::fs::read(formats.join("speciesnet").join(file)).unwrap());
        space.run();
        assert_eq!(space.rows("imported", &["path", "label", "confidence"]), expected);
        assert_eq!(space.rows("imported", &["model"])[0], model, "{file}");
    }
}

#[test]
fn an_image_of_several_classes_has_a_row_for_each() {
    let space = importing(CLASSES, "format: megadetector, rows: multilabel, detection_threshold: 0.3");
    space.write(
        "r.json",
        detections(
            r#"{"file": "a/0.jpg", "detections": []},
               {"file": "a/1.jpg", "detections": [
                  {"category": "1", "conf": 0.9, "bbox": [0, 0, 1, 1], "classifications": [["1", 0.75], ["0", 0.125]]},
                  {"category": "1", "conf": 0.8, "bbox": [0, 0, 1, 1], "classifications": [["0", 0.5]]},
                  {"category": "1", "conf": 0.7, "bbox": [0, 0, 1, 1], "classifications": [["1", 0.875]]},
                  {"category": "2", "conf": 0.6, "bbox": [0, 0, 1, 1]},
                  {"category": "3", "conf": 0.2, "bbox": [0, 0, 1, 1]}]},
               {"file": "a/2.jpg", "failure": "broken", "detections": null}"#,
        ),
    );
    space.run();
    assert_eq!(
        space.rows("imported", &["path", "item", "label", "confidence", "label_2", "model", "problem"]),
        [
            "a/0.jpg 1 blank 1 - md_v5a.0.0.pt -",
            "a/1.jpg 1 vole 0.875 - small_mammals@1 -",
            "a/1.jpg 2 stoat 0.5 - small_mammals@1 -",
            "a/1.jpg 3 person 0.6 - md_v5a.0.0.pt -",
            "a/2.jpg 1 - - - md_v5a.0.0.pt broken",
        ]
    );
    // The image of a wrong class is counted as the file counts it.
    space.write(
        "r.json",
        detections(
            r#"{"file": "1.jpg", "detections": [{"category": "1", "conf": 0.9}, {"category": "2", "conf": 0.9}]},
           {"file": "2.jpg", "detections": [{"category": "1", "conf": 1, "classifications": [["7", 1]]}]}"#,
        ),
    );
    let found = space.error();
    assert!(found.contains("`images[1]`: `wolf` is not a class"), "{found}");
}

#[test]
fn detections_of_speciesnet_are_several_and_its_classes_exclude_one_another() {
    let space = importing(CLASSES, "format: speciesnet, rows: multilabel");
    space.write(
        "r.json",
        r#"{"predictions": [
             {"filepath": "a/1.jpg", "detections": [{"label": "animal", "conf": 0.9}, {"label": "person", "conf": 0.8}, {"label": "animal", "conf": 0.5}]},
             {"filepath": "a/2.jpg", "classifications": {"classes": ["stoat", "vole"], "scores": [0.75, 0.25]}}]}"#,
    );
    space.run();
    assert_eq!(
        space.rows("imported", &["path", "item", "label", "confidence"]),
        ["a/1.jpg 1 animal 0.9", "a/1.jpg 2 person 0.8", "a/2.jpg 1 stoat 0.75"]
    );
}
