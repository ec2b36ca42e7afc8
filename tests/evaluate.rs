//! `evaluate`: published figures, what counts and what does not, groups, and that no order of rows or classes matters.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "small counts")]

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use trapline::diagnostic::{FileId, Report, Span, Spanned};
use trapline::id::ContentId;
use trapline::step::evaluate::KIND;
use trapline::step::{Cancel, Context, InputTable, Job, Outputs, ParamValue, Params, Progress, Step, StepError};
use trapline::table::{CellRef, ColumnBuilder, Schema, Table, Type};
use trapline::taxonomy::{Class, Role, Taxonomy};

const NOWHERE: Span = Span::start_of(FileId(0));

struct InMemory(Table);

impl InputTable for InMemory {
    fn id(&self) -> ContentId {
        self.0.id()
    }
    fn schema(&self) -> &Schema {
        &self.0.schema
    }
    fn read(&self, names: Option<&[&str]>) -> Result<Table, StepError> {
        Ok(names.map_or_else(|| Ok(self.0.clone()), |names| self.0.select(names))?)
    }
}

struct Silent;

impl Progress for Silent {
    fn start(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
}

fn list(words: &[&str]) -> ParamValue {
    let item = |word: &&str| Spanned { value: ParamValue::Text((*word).to_owned()), span: NOWHERE };
    ParamValue::List(words.iter().map(item).collect())
}

fn with_context<T>(work: impl FnOnce(&Context<'_>) -> T) -> T {
    let (classes, models) = (Taxonomy::default(), BTreeMap::new());
    work(&Context {
        project: Path::new("."),
        classes: &classes,
        deployments: None,
        dataset: None,
        models: &models,
        ports: BTreeMap::new(),
        lineage: trapline::step::Lineage::default(),
        span: NOWHERE,
    })
}

fn step(params: &[(&'static str, ParamValue)]) -> Box<dyn Step> {
    let values = params.iter().map(|(name, value)| (*name, Spanned { value: value.clone(), span: NOWHERE })).collect();
    (KIND.read)(&Params { values, span: NOWHERE }, &mut Report::default()).unwrap()
}

fn try_run(params: &[(&'static str, ParamValue)], predictions: &Table, labels: &[Table]) -> Result<Outputs, StepError> {
    let step = step(params);
    let input = |table: &Table| Box::new(InMemory(table.clone())) as Box<dyn InputTable>;
    let outputs = with_context(|context| {
        step.run(&mut Job {
            step: "quality",
            context,
            inputs: vec![vec![input(predictions)], labels.iter().map(input).collect()],
            mapped: None,
            scanned: None,
            files: BTreeMap::new(),
            past: trapline::step::Past::default(),
            locate: &|_, _| None,
            progress: &Silent,
            cancel: &Cancel::default(),
            workers: 1,
            scratch: None,
            dry: false,
        })
    })?;
    // What was declared is what came.
    let schemas = vec![vec![predictions.schema.clone()], labels.iter().map(|table| table.schema.clone()).collect()];
    let declared = with_context(|context| step.columns(&schemas, context, &mut Report::default())).unwrap();
    assert_eq!(outputs.tables.iter().map(|table| table.schema.clone()).collect::<Vec<_>>(), declared);
    for name in outputs.metrics.keys() {
        assert!(KIND.metrics.iter().any(|metric| metric.name == name), "{name} is not declared");
    }
    Ok(outputs)
}

fn run(params: &[(&'static str, ParamValue)], predictions: &Table, labels: &[Table]) -> Outputs {
    try_run(params, predictions, labels).unwrap()
}

/// Builds a table of texts (empty is missing), and of a confidence where a column is called so.
fn texts(names: &[&str], rows: &[Vec<String>]) -> Table {
    let ty = |name: &str| if name == "confidence" || name.starts_with("p_") { Type::Float32 } else { Type::Text };
    let fields: Vec<(&str, Type)> = names.iter().map(|name| (*name, ty(name))).collect();
    let mut builders: Vec<ColumnBuilder> = fields.iter().map(|(_, ty)| ColumnBuilder::with_capacity(*ty, rows.len())).collect();
    for row in rows {
        for (builder, text) in builders.iter_mut().zip(row) {
            match (builder.ty(), text.as_str()) {
                (_, "") => builder.push_null(),
                (Type::Float32, text) => builder.push_float32(text.parse().unwrap()),
                (_, text) => builder.push_text(text),
            }
        }
    }
    Table::from_builders(Schema::of(&fields), builders).unwrap()
}

fn shares(entries: &[(&str, f64)]) -> ParamValue {
    let spanned = |value| Spanned { value, span: NOWHERE };
    ParamValue::Map(
        entries
            .iter()
            .map(|(class, share)| {
                let name = Spanned { value: (*class).to_owned(), span: NOWHERE };
                (name, spanned(ParamValue::Number(*share)))
            })
            .collect(),
    )
}

fn words(row: &[&str]) -> Vec<String> {
    row.iter().map(|text| (*text).to_owned()).collect()
}

const PREDICTED: [&str; 5] = ["site", "season", "name", "label", "confidence"];
const LABELLED: [&str; 6] = ["site", "season", "name", "class", "type", "shown"];

/// `count` images of one site, predicted `label`; names go on from `rows`.
fn predict(rows: &mut Vec<Vec<String>>, site: &str, label: &str, count: usize) {
    for _ in 0..count {
        rows.push(words(&[site, "2024", &format!("{}.jpg", rows.len()), label, "0.95"]));
    }
}

/// Labels of type `kind` for the next unlabelled images predicted `label`.
fn check(
    labels: &mut Vec<Vec<String>>,
    predictions: &[Vec<String>],
    site: &str,
    label: &str,
    class: &str,
    kind: &str,
    count: usize,
) {
    let taken: std::collections::BTreeSet<String> = labels.iter().map(|row| row[2].clone()).collect();
    let free = predictions.iter().filter(|row| row[0] == site && row[3] == label && !taken.contains(&row[2]));
    let rows: Vec<_> = free.take(count).map(|row| words(&[site, "2024", &row[2], class, kind, "blind"])).collect();
    assert_eq!(rows.len(), count);
    labels.extend(rows);
}

/// A data set with `sizes` images per automatic class of which `counts` (by manual class) were checked.
fn matrix(
    predictions: &mut Vec<Vec<String>>,
    labels: &mut Vec<Vec<String>>,
    site: &str,
    classes: &[&str],
    sizes: &[usize],
    counts: &[&[usize]],
) {
    for (automatic, size) in classes.iter().zip(sizes) {
        predict(predictions, site, automatic, *size);
    }
    for (at, automatic) in classes.iter().enumerate() {
        let mut free = predictions.iter().filter(|row| row[0] == site && row[3] == *automatic);
        for (manual, row) in classes.iter().zip(counts) {
            for (number, image) in free.by_ref().take(row[at]).enumerate() {
                let kind = ["random", "class", "class+confidence"][number % 3];
                labels.push(words(&[site, "2024", &image[2], manual, kind, ""]));
            }
        }
    }
}

/// The number in `column` of the row with these texts.
fn number(table: &Table, wanted: &[(&str, &str)], column: &str) -> Option<f64> {
    let fits = |row: &usize| wanted.iter().all(|(name, text)| table.cell(*row, name).to_string() == *text);
    let row = (0..table.rows).find(fits).unwrap_or_else(|| panic!("no row {wanted:?}"));
    match table.cell(row, column) {
        CellRef::Float64(value) => Some(value),
        CellRef::Int(value) => Some(value as f64),
        CellRef::Null => None,
        other => panic!("{other:?}"),
    }
}

fn text(table: &Table, wanted: &[(&str, &str)], column: &str) -> String {
    let fits = |row: &usize| wanted.iter().all(|(name, text)| table.cell(*row, name).to_string() == *text);
    table.cell((0..table.rows).find(fits).unwrap(), column).to_string()
}

fn close(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-6), "{found:?} is not {expected}");
}

fn found(outputs: &Outputs, kind: &str) -> Option<u64> {
    outputs.findings.iter().find(|finding| finding.kind == kind).map(|finding| finding.count)
}

fn small() -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let (mut predictions, mut labels) = (Vec::new(), Vec::new());
    let counts: [&[usize]; 3] = [&[19, 1, 2], &[1, 9, 1], &[0, 0, 7]];
    matrix(&mut predictions, &mut labels, "a", &["empty", "vole", "stoat"], &[200, 40, 12], &counts);
    (predictions, labels)
}

#[test]
fn published_case_of_three_classes() {
    let (mut predictions, mut labels) = (Vec::new(), Vec::new());
    let counts: [&[usize]; 3] = [&[95, 4, 10], &[4, 90, 5], &[1, 1, 35]];
    matrix(&mut predictions, &mut labels, "a", &["empty", "vole", "stoat"], &[9000, 900, 100], &counts);
    let outputs = run(&[], &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels)]);
    let expected = [
        ("empty", [0.95, 0.993_274, 0.971_155]),
        ("vole", [0.947_368, 0.697_374, 0.803_372]),
        ("stoat", [0.7, 0.413_043, 0.519_531]),
    ];
    for (class, figures) in expected {
        for (column, figure) in ["precision", "recall", "f1"].iter().zip(figures) {
            close(number(&outputs.tables[0], &[("class", class)], column), figure);
        }
    }
    close(number(&outputs.tables[1], &[], "accuracy"), 0.947_263);
    close(number(&outputs.tables[1], &[], "raw_accuracy"), 0.897_959);
    close(Some(outputs.metrics["accuracy"]), 0.947_263);
    assert!((outputs.metrics["accuracy_lower"] - 0.947_263).abs() < 0.06 && outputs.metrics["accuracy_lower"] < 0.94);
    let empty_as_vole = [("manual", "empty"), ("automatic", "vole")];
    close(number(&outputs.tables[2], &empty_as_vole, "count"), 4.0);
    close(number(&outputs.tables[2], &empty_as_vole, "percent_of_manual"), 400.0 / 109.0);
    close(number(&outputs.tables[2], &empty_as_vole, "corrected"), 4.0 * 900.0 / 95.0);
    assert_eq!(outputs.tables[4].rows, 245);
}

#[test]
fn published_quality_report_of_two_localities() {
    let classes = ["bad_quality", "bird", "empty", "least_weasel", "lemming", "shrew", "stoat", "vole"];
    let (mut predictions, mut labels) = (Vec::new(), Vec::new());
    let komagdalen: [&[usize]; 8] = [
        &[129, 2, 1, 2, 0, 0, 0, 2],
        &[0, 47, 0, 0, 0, 0, 0, 0],
        &[4, 31, 338, 35, 0, 0, 4, 1],
        &[0, 0, 0, 55, 0, 0, 0, 0],
        &[3, 1, 0, 0, 150, 2, 0, 1],
        &[0, 1, 1, 0, 0, 114, 0, 0],
        &[0, 0, 0, 0, 0, 0, 96, 0],
        &[3, 20, 1, 8, 2, 1, 1, 244],
    ];
    let sizes = [17_518, 1282, 90_967, 357, 23_423, 4071, 588, 50_821];
    matrix(&mut predictions, &mut labels, "komagdalen", &classes, &sizes, &komagdalen);
    let jakobselv: [&[usize]; 8] = [
        &[152, 2, 1, 1, 1, 1, 3, 0],
        &[0, 66, 0, 0, 0, 0, 0, 0],
        &[3, 4, 327, 25, 3, 24, 3, 0],
        &[0, 0, 0, 66, 0, 0, 0, 0],
        &[1, 5, 3, 1, 166, 0, 0, 1],
        &[0, 0, 0, 0, 0, 85, 1, 1],
        &[0, 0, 0, 0, 0, 0, 90, 0],
        &[0, 24, 3, 2, 0, 0, 4, 226],
    ];
    let sizes = [22_178, 359, 82_012, 133, 21_106, 3486, 645, 41_261];
    matrix(&mut predictions, &mut labels, "vestre_jakobselv", &classes, &sizes, &jakobselv);
    let outputs = run(&[("by", list(&["site"]))], &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels)]);
    let published = [
        ("bad_quality", [".93 .96 .94", ".97 .98 .98"]),
        ("bird", [".46 1.00 .63", ".65 1.00 .79"]),
        ("empty", [".99 .99 .99", ".98 .98 .98"]),
        ("least_weasel", [".55 1.00 .71", ".69 1.00 .82"]),
        ("lemming", [".99 .97 .98", ".98 .95 .96"]),
        ("shrew", [".97 .93 .95", ".77 .93 .85"]),
        ("stoat", [".95 1.00 .97", ".89 1.00 .94"]),
        ("vole", [".98 .98 .98", ".99 .98 .99"]),
    ];
    let mut figures = 0;
    for (class, by_site) in published {
        for (site, wanted) in ["komagdalen", "vestre_jakobselv"].into_iter().zip(by_site) {
            let row = [("site", site), ("class", class)];
            let found = ["precision", "recall", "f1"].map(|column| {
                figures += 1;
                format!("{:.2}", number(&outputs.tables[0], &row, column).unwrap())
            });
            assert_eq!(found.map(|figure| figure.trim_start_matches('0').to_owned()).join(" "), wanted, "{site} {class}");
        }
    }
    assert_eq!(figures, 48);
    close(number(&outputs.tables[1], &[("site", "komagdalen")], "accuracy"), 0.977_919);
    close(number(&outputs.tables[1], &[("site", "vestre_jakobselv")], "accuracy"), 0.975_619);
    close(Some(outputs.metrics["accuracy"]), 0.975_619);
    // 95 of 133 weasel images were checked: the interval knows that only 38 are left.
    let weasels = [("site", "vestre_jakobselv"), ("class", "least_weasel")];
    let width = ["precision_upper", "precision_lower"].map(|column| number(&outputs.tables[0], &weasels, column).unwrap());
    assert!(width[0] - width[1] < 0.11, "{width:?}");
}

#[test]
fn only_blind_labels_of_the_right_sample_count() {
    let mut predictions = Vec::new();
    predict(&mut predictions, "a", "vole", 100);
    let mut labels = Vec::new();
    for (class, kind, count) in [
        ("vole", "random", 4),
        ("empty", "class", 3),
        ("empty", "confidence", 2),
        ("vole", "class+confidence", 5),
        ("empty", "corrected", 10),
        ("empty", "other", 10),
    ] {
        check(&mut labels, &predictions, "a", "vole", class, kind, count);
    }
    // A label given with the answer on screen, and one of which nobody knows.
    check(&mut labels, &predictions, "a", "vole", "empty", "random", 1);
    labels.last_mut().unwrap()[5] = "model".into();
    check(&mut labels, &predictions, "a", "vole", "vole", "random", 1);
    labels.last_mut().unwrap()[5] = String::new();
    let outputs = run(&[], &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels)]);
    let class = |column| number(&outputs.tables[0], &[("class", "vole")], column);
    // random 4 + 1, class 3 + 5.
    assert_eq!((class("checked"), class("manual")), (Some(13.0), Some(10.0)));
    close(class("precision"), 10.0 / 13.0);
    let overall = |column| number(&outputs.tables[1], &[], column);
    assert_eq!((overall("random_checked"), overall("random_accuracy")), (Some(5.0), Some(1.0)));
    // random 5, confidence 2 + 5, in the last bin.
    let bin = |column| number(&outputs.tables[3], &[("bin_to", "1")], column);
    assert_eq!((bin("images"), bin("checked"), bin("correct")), (Some(100.0), Some(12.0), Some(10.0)));
    assert_eq!(outputs.metrics["labels_with_model_shown"].to_bits(), 1.0_f64.to_bits());
    assert_eq!((found(&outputs, "labels_with_model_shown"), found(&outputs, "unmatched_labels")), (Some(1), None));
    assert_eq!(outputs.tables[4].rows, 15);
    assert_eq!(text(&outputs.tables[4], &[("type", "class+confidence")], "correct"), "true");
    assert_eq!(text(&outputs.tables[4], &[("type", "confidence")], "correct"), "false");
}

#[test]
fn bins_without_images_are_rows_without_accuracy() {
    let (predictions, labels) = small();
    let outputs = run(&[("bins", ParamValue::Int(4))], &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels)]);
    let bins = &outputs.tables[3];
    assert_eq!(bins.rows, 4);
    assert_eq!(number(bins, &[("bin_from", "0")], "images"), Some(0.0));
    assert_eq!(number(bins, &[("bin_from", "0")], "accuracy"), None);
    assert_eq!(number(bins, &[("bin_from", "0.75")], "images"), Some(252.0));
}

#[test]
fn labels_that_agree_are_one_and_those_that_differ_are_left_out_and_named() {
    let (predictions, mut labels) = small();
    let (mut second, mut third) = (vec![labels[0].clone()], vec![labels[1].clone()]);
    second[0][4] = "confidence".into();
    third[0][3] = "mink".into();
    let own = labels[0][4].clone();
    labels.push(words(&["a", "2024", "elsewhere.jpg", "vole", "random", "blind"]));
    let tables = [texts(&LABELLED, &labels), texts(&LABELLED, &second), texts(&LABELLED, &third)];
    let outputs = run(&[], &texts(&PREDICTED, &predictions), &tables);
    assert_eq!((found(&outputs, "contradicting_labels"), found(&outputs, "unmatched_labels")), (Some(1), Some(1)));
    let named = outputs.findings.iter().find(|finding| finding.kind == "contradicting_labels").unwrap();
    assert_eq!(named.examples, ["a 2024 1.jpg: empty, mink"]);
    assert_eq!(text(&outputs.tables[4], &[("name", "0.jpg")], "type"), format!("{own}+confidence"));
    // The contradiction is gone from counts, not from the images.
    assert_eq!(number(&outputs.tables[0], &[("class", "empty")], "checked"), Some(19.0));
    assert_eq!(number(&outputs.tables[0], &[("class", "empty")], "automatic"), Some(200.0));
    // Whoever corrects an image later does not take its blind label away.
    third[0][4] = "corrected".into();
    let outputs = run(&[], &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels), texts(&LABELLED, &third)]);
    assert_eq!(number(&outputs.tables[0], &[("class", "empty")], "checked"), Some(20.0));
}

#[test]
fn an_image_that_is_there_twice_is_an_error_that_names_it() {
    let (mut predictions, mut labels) = small();
    let fine = texts(&LABELLED, &labels);
    let once = run(&[], &texts(&PREDICTED, &predictions), std::slice::from_ref(&fine));
    // A label that is there twice is one label.
    labels.push(labels[3].clone());
    let twice = run(&[], &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels)]);
    assert_eq!(twice.tables, once.tables);
    predictions.push(predictions[7].clone());
    let error = try_run(&[], &texts(&PREDICTED, &predictions), &[fine]).unwrap_err().to_string();
    assert!(error.contains("the predictions have 1 rows too many") && error.contains("`a 2024 7.jpg`"), "{error}");
}

#[test]
fn a_class_without_a_checked_image_is_missing_with_a_warning() {
    let (mut predictions, labels) = small();
    predict(&mut predictions, "a", "bird", 28);
    let outputs = run(&[], &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels)]);
    let row = [("class", "bird")];
    assert_eq!(number(&outputs.tables[0], &row, "automatic"), Some(28.0));
    for column in ["precision", "recall", "f1", "abundance", "tp"] {
        assert_eq!(number(&outputs.tables[0], &row, column), None);
    }
    assert_eq!(text(&outputs.tables[0], &row, "warning"), "none of 28 images called so was checked: cannot be assessed");
    assert_eq!(outputs.metrics["unassessed_classes"].to_bits(), 1.0_f64.to_bits());
    close(outputs.metrics.get("assessed_share").copied(), 252.0 / 280.0);
    // All 28 may be wrong.
    let before = run(&[], &texts(&PREDICTED, &small().0), &[texts(&LABELLED, &labels)]);
    close(outputs.metrics.get("accuracy").copied(), before.metrics["accuracy"]);
    close(outputs.metrics.get("accuracy_lower").copied(), before.metrics["accuracy_lower"] * 0.9);
}

#[test]
fn classes_that_the_model_lacks_have_recall_0_and_those_asked_for_a_row() {
    let (predictions, mut labels) = small();
    for row in labels.iter_mut().filter(|row| row[3] == "vole").take(2) {
        row[3] = "mink".into();
    }
    let asked = [("classes", list(&["stoat", "lemming"]))];
    let outputs = run(&asked, &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels)]);
    let classes = &outputs.tables[0];
    let order: Vec<String> = (0..classes.rows).map(|row| classes.cell(row, "class").to_string()).collect();
    assert_eq!(order, ["stoat", "lemming", "empty", "mink", "vole"]);
    let mink = [("class", "mink")];
    assert_eq!((number(classes, &mink, "recall"), number(classes, &mink, "precision")), (Some(0.0), None));
    assert!(number(classes, &mink, "abundance").unwrap() >= 2.0);
    assert!(text(classes, &mink, "warning").starts_with("the model calls no image so"));
    assert_eq!(number(classes, &[("class", "lemming")], "recall"), None);
}

#[test]
fn an_image_in_which_nobody_can_tell_what_there_is_counts_neither_as_right_nor_as_wrong() {
    let (predictions, mut labels) = small();
    let before = run(&[], &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels)]);
    check(&mut labels, &predictions, "a", "vole", "unknown", "random", 3);
    let outputs = run(&[], &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels)]);
    assert_eq!((outputs.metrics["undecidable_labels"], found(&outputs, "undecidable_labels")), (3.0, Some(3)));
    let same = ["accuracy", "accuracy_lower", "random_accuracy", "min_precision", "checked"];
    assert_eq!(same.map(|name| outputs.metrics[name].to_bits()), same.map(|name| before.metrics[name].to_bits()));
    assert_eq!(outputs.tables[4].rows, before.tables[4].rows);
    // Of a programme or a model that has the class it is an answer like any other.
    let mut called = predictions.clone();
    called.push(words(&["a", "2024", "dark.jpg", "unknown", "0.5"]));
    let as_class = run(&[], &texts(&PREDICTED, &called), &[texts(&LABELLED, &labels)]);
    assert_eq!((as_class.metrics["undecidable_labels"], as_class.metrics["checked"]), (0.0, before.metrics["checked"] + 3.0));
    let asked = run(&[("classes", list(&["unknown"]))], &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels)]);
    assert_eq!(asked.metrics["checked"].to_bits(), (before.metrics["checked"] + 3.0).to_bits());
}

#[test]
fn the_programmes_classes_make_rows_and_therefore_enter_the_key() {
    let name = |name: &str| Spanned { value: name.to_owned(), span: NOWHERE };
    let class = |text: &str| Class {
        name: name(text),
        role: Role::Animal,
        key: None,
        colour: None,
        display: None,
        species_id: None,
        taxon: None,
    };
    let declared = |params: &[(&'static str, ParamValue)]| {
        let programme = Taxonomy { classes: vec![class("mink"), class("bird")] };
        with_context(|context| {
            step(params).declarations(&Context {
                classes: &programme,
                ports: BTreeMap::new(),
                lineage: context.lineage.clone(),
                ..*context
            })
        })
    };
    assert_eq!(declared(&[])[0].1, r#"["mink","bird"]"#);
    assert_eq!(declared(&[("classes", list(&["stoat"]))])[0].1, r#"["stoat"]"#);
}

#[test]
fn images_that_the_model_could_not_classify_are_outside() {
    let (mut predictions, mut labels) = small();
    predictions.push(words(&["a", "2024", "damaged.jpg", "", ""]));
    labels.push(words(&["a", "2024", "damaged.jpg", "vole", "random", "blind"]));
    let outputs = run(&[], &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels)]);
    let overall = |column| number(&outputs.tables[1], &[], column);
    assert_eq!((overall("images"), overall("unclassified"), overall("checked")), (Some(253.0), Some(1.0), Some(40.0)));
    assert_eq!(found(&outputs, "unclassified_labels"), Some(1));
    let automatic: f64 =
        ["empty", "vole", "stoat"].iter().filter_map(|class| number(&outputs.tables[0], &[("class", class)], "automatic")).sum();
    close(Some(automatic), 252.0);
}

#[test]
fn a_coarser_group_weighs_the_groups_that_samples_were_drawn_in() {
    let (mut predictions, mut labels) = (Vec::new(), Vec::new());
    // The large site is worse, and no more of it was checked.
    matrix(&mut predictions, &mut labels, "large", &["vole", "empty"], &[900, 0], &[&[5, 0], &[5, 0]]);
    matrix(&mut predictions, &mut labels, "small", &["vole", "empty"], &[100, 0], &[&[10, 0], &[0, 0]]);
    let (predictions, labels) = (texts(&PREDICTED, &predictions), [texts(&LABELLED, &labels)]);
    let row = [("class", "vole")];
    let pooled = run(&[], &predictions, &labels);
    close(number(&pooled.tables[0], &row, "precision"), 0.75);
    let weighted = run(&[("sampled_by", list(&["site"]))], &predictions, &labels);
    close(number(&weighted.tables[0], &row, "precision"), 0.55);
    close(number(&weighted.tables[1], &[], "accuracy"), 0.55);
    // Two of four random labels are right at the large site, four of four at the small one.
    close(number(&weighted.tables[1], &[], "random_accuracy"), 0.55);
    close(number(&pooled.tables[1], &[], "random_accuracy"), 0.75);
    let bin = number(&weighted.tables[3], &[("bin_to", "1")], "accuracy").unwrap();
    assert!(bin > 0.5 && bin < 0.8, "{bin}");
    let by = run(&[("by", list(&["site"]))], &predictions, &labels);
    close(number(&by.tables[0], &[("site", "large"), ("class", "vole")], "precision"), 0.5);
    close(by.metrics.get("accuracy").copied(), 0.5);
}

#[test]
fn a_group_that_nobody_checked_fails_every_gate() {
    let (mut predictions, labels) = small();
    predict(&mut predictions, "b", "vole", 10);
    let outputs = run(&[("by", list(&["site"]))], &texts(&PREDICTED, &predictions), &[texts(&LABELLED, &labels)]);
    assert_eq!(number(&outputs.tables[1], &[("site", "b")], "accuracy"), None);
    for name in ["accuracy_lower", "random_accuracy_lower", "assessed_share"] {
        assert_eq!(outputs.metrics[name].to_bits(), 0.0_f64.to_bits(), "{name}");
    }
    assert_eq!(outputs.metrics["unassessed_classes"].to_bits(), 1.0_f64.to_bits());
}

#[test]
fn no_predictions_make_empty_tables() {
    let outputs = run(&[], &texts(&PREDICTED, &[]), &[texts(&LABELLED, &[])]);
    assert!(outputs.tables.iter().all(|table| table.rows == 0));
    assert_eq!(outputs.metrics.get("accuracy"), None);
}

fn refused(params: &[(&'static str, ParamValue)], predictions: &Schema, labels: &Schema) -> Vec<&'static str> {
    let mut report = Report::default();
    let inputs = [vec![predictions.clone()], vec![labels.clone()]];
    let schemas = with_context(|context| step(params).columns(&inputs, context, &mut report));
    assert!(schemas.is_none());
    report.diagnostics.iter().map(|found| found.code.id).collect()
}

#[test]
fn what_cannot_be_joined_or_grouped_is_said_before_the_run() {
    let labels = texts(&LABELLED, &[]).schema;
    let predictions = texts(&PREDICTED, &[]).schema;
    assert_eq!(refused(&[("by", list(&["label"]))], &predictions, &labels), ["TL0511"]);
    assert_eq!(refused(&[], &Schema::of(&[("content", Type::Content), ("label", Type::Text)]), &labels), ["TL0412"]);
    let mut numbers = predictions;
    numbers.set("confidence", Type::Float64);
    assert_eq!(refused(&[], &numbers, &labels), ["TL0413"]);
}

/// The numbers of a row, by its texts.
fn figures(table: &Table, rename: &BTreeMap<String, String>) -> BTreeMap<Vec<String>, Vec<Option<f64>>> {
    let place = |row: usize| {
        let texts = table.columns.iter().zip(&table.schema.fields).filter(|(_, field)| field.name != "warning");
        let texts = texts.filter_map(|(column, _)| column.text(row)).map(str::to_owned);
        texts.map(|text| rename.get(&text).cloned().unwrap_or(text)).collect()
    };
    let numbers = |row: usize| {
        let number = |cell| match cell {
            CellRef::Float64(value) => Some(value),
            CellRef::Int(value) => Some(value as f64),
            _ => None,
        };
        table.columns.iter().filter(|column| column.ty() != Type::Text).map(|column| number(column.cell(row))).collect()
    };
    (0..table.rows).map(|row| (place(row), numbers(row))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn neither_the_order_of_rows_nor_that_of_classes_matters(
        drawn in proptest::collection::vec((0_usize..2, 0_usize..4, 0_usize..5, 0_usize..4), 1..120),
        order in any::<u64>(),
    ) {
        let classes = ["bird", "empty", "stoat", "vole", "mink"];
        let renamed = ["z", "y", "x", "w", "v"];
        let kinds = ["", "random", "class", "confidence"];
        let images = |names: [&str; 5], shuffled: bool| {
            let mut rows: Vec<_> = drawn.iter().enumerate().collect();
            if shuffled {
                rows.sort_by_key(|(at, _)| order.wrapping_mul(2 * *at as u64 + 1).rotate_left(17));
            }
            let (mut predictions, mut labels) = (Vec::new(), Vec::new());
            for (at, (site, automatic, manual, kind)) in rows {
                let (site, name) = (["a", "b"][*site], at.to_string());
                predictions.push(words(&[site, "2024", &name, names[*automatic], "0.5"]));
                if *kind > 0 {
                    labels.push(words(&[site, "2024", &name, names[*manual], kinds[*kind], ""]));
                }
            }
            (texts(&PREDICTED, &predictions), [texts(&LABELLED, &labels)])
        };
        let params = [("by", list(&["site"]))];
        let (predictions, labels) = images(classes, false);
        let one = run(&params, &predictions, &labels);
        let (predictions, labels) = images(classes, true);
        let two = run(&params, &predictions, &labels);
        prop_assert_eq!(&one.tables[..4], &two.tables[..4]);
        prop_assert_eq!(&one.metrics, &two.metrics);
        // Names in the opposite order.
        let (predictions, labels) = images(renamed, false);
        let three = run(&params, &predictions, &labels);
        let back = renamed.iter().zip(classes).map(|(new, old)| ((*new).to_owned(), old.to_owned())).collect();
        for (at, table) in one.tables[..3].iter().enumerate() {
            let (left, right) = (figures(table, &BTreeMap::new()), figures(&three.tables[at], &back));
            prop_assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
            for (left, right) in left.values().flatten().zip(right.values().flatten()) {
                let same = match (left, right) {
                    (Some(left), Some(right)) => (left - right).abs() < 1e-9 * (1.0 + left.abs()),
                    (left, right) => left == right,
                };
                prop_assert!(same, "{:?} {:?}", left, right);
            }
        }
    }
}

/// A balanced set of blanks and animals by what they show and by confidences in an animal, each so often.
fn filtered(blanks: &[(&str, usize)], animals: &[(&str, usize)]) -> (Table, Table) {
    let (mut predictions, mut labels) = (Vec::new(), Vec::new());
    for (class, found) in [("empty", blanks), ("animal", animals)] {
        for (animal, count) in found {
            for _ in 0..*count {
                let name = format!("{}.jpg", predictions.len());
                let p: f32 = animal.parse().unwrap();
                let (label, best) = if p > 0.5 { ("animal", p) } else { ("empty", 1.0 - p) };
                let (best, empty) = (best.to_string(), (1.0 - p).to_string());
                predictions.push(words(&["a", "2024", &name, label, &best, &empty, animal]));
                labels.push(words(&["a", "2024", &name, class, "random", "blind"]));
            }
        }
    }
    let columns = ["site", "season", "name", "label", "confidence", "p_empty", "p_animal"];
    (texts(&columns, &predictions), texts(&LABELLED, &labels))
}

#[test]
fn a_lower_cutoff_finds_more_animals_and_prevalence_says_what_that_saves() {
    let blanks = [("0.125", 8491), ("0.25", 349), ("0.375", 500), ("0.75", 660)];
    let animals = [("0.125", 900), ("0.375", 530), ("0.75", 8570)];
    let (predictions, labels) = filtered(&blanks, &animals);
    let at = |cutoff: f64, more: &[(&'static str, ParamValue)]| {
        let mut params = vec![("prevalence", shares(&[("empty", 0.75)])), ("cutoffs", shares(&[("animal", cutoff)]))];
        params.extend(more.iter().cloned());
        run(&params, &predictions, std::slice::from_ref(&labels))
    };
    let of = |outputs: &Outputs, class: &str, column: &str| number(&outputs.tables[0], &[("class", class)], column);
    let (half, quarter) = (at(0.5, &[]), at(0.25, &[]));
    close(of(&half, "animal", "recall"), 0.857);
    close(of(&quarter, "animal", "recall"), 0.91);
    // A confidence of exactly the cutoff is called an animal.
    assert_eq!(of(&quarter, "animal", "automatic"), Some(349.0 + 500.0 + 660.0 + 530.0 + 8570.0));
    // Of 20 000 images; of the 160 000 of a season: 101 892 blanks found, 203.8 hours at 500 an hour.
    let found = of(&quarter, "empty", "tp").unwrap();
    close(Some(found * 8.0), 101_892.0);
    assert_eq!(format!("{:.1}", found * 8.0 / 500.0), "203.8");
    close(of(&quarter, "empty", "abundance"), 15_000.0);
    close(Some(quarter.metrics["accuracy"]), 0.75 * 0.8491 + 0.25 * 0.91);
    close(Some(quarter.metrics["random_accuracy"]), 0.75 * 0.8491 + 0.25 * 0.91);
    close(number(&quarter.tables[1], &[], "raw_accuracy"), f64::midpoint(0.8491, 0.91));
    close(number(&quarter.tables[2], &[("manual", "animal"), ("automatic", "empty")], "corrected"), 450.0);
    assert_eq!(number(&quarter.tables[3], &[("bin_to", "0.8")], "accuracy"), None);
    // The set is no random sample, and no later step takes it for one.
    assert_eq!(text(&quarter.tables[4], &[("name", "0.jpg")], "type"), "class");
    assert_eq!(text(&quarter.tables[4], &[("name", "8491.jpg")], "label"), "animal");
    // At the shares of the set itself, and as if it were a sample of the field: the same.
    let own = [
        at(0.25, &[("prevalence", shares(&[("empty", 0.5)]))]),
        run(&[("cutoffs", shares(&[("animal", 0.25)]))], &predictions, std::slice::from_ref(&labels)),
    ];
    for column in ["precision", "recall", "f1", "tp", "fp", "fn"] {
        close(of(&own[0], "animal", column), of(&own[1], "animal", column).unwrap());
    }
}

#[test]
fn under_a_cutoff_images_still_count_by_the_class_that_they_were_drawn_by() {
    // Called an animal below one half: 100 images, of which few were checked; above: 100, of which most were.
    let (predictions, labels) = filtered(&[("0.375", 50)], &[("0.375", 50), ("0.75", 100)]);
    let keep: Vec<u32> = (0..5).chain(50..55).chain(100..190).collect();
    let outputs = run(&[("cutoffs", shares(&[("animal", 0.25)]))], &predictions, &[labels.take(&keep)]);
    // Half of the first hundred and all of the others are animals; a plain count of the checked ones would say 95 %.
    close(number(&outputs.tables[0], &[("class", "animal")], "precision"), 0.75);
    close(number(&outputs.tables[0], &[("class", "animal")], "raw_precision"), 0.95);
}

#[test]
fn only_random_labels_of_known_shares_count_by_prevalence() {
    let (predictions, labels) = small();
    let table = texts(&PREDICTED, &predictions);
    let all = [("empty", 0.7), ("vole", 0.2), ("stoat", 0.1)];
    let outputs = run(&[("prevalence", shares(&all))], &table, &[texts(&LABELLED, &labels)]);
    let random = labels.iter().filter(|row| row[4] == "random").count();
    assert_eq!(outputs.metrics["checked"].to_bits(), (random as f64).to_bits());
    assert_eq!(number(&outputs.tables[1], &[], "images"), Some(252.0));
    let warning = text(&outputs.tables[0], &[("class", "stoat")], "warning");
    assert!(warning.starts_with("only 3 labelled images are of it"), "{warning}");
    // A class that has a share and no label cannot be assessed; what is left must belong to somebody.
    let outputs = run(&[("prevalence", shares(&[("empty", 0.7), ("mink", 0.1)]))], &table, &[texts(&LABELLED, &labels)]);
    assert_eq!(
        (found(&outputs, "unlabelled_classes"), number(&outputs.tables[0], &[("class", "mink")], "recall")),
        (Some(1), None)
    );
    close(number(&outputs.tables[1], &[], "assessed_share"), 0.9);
    let few = [("empty", 0.5), ("vole", 0.2), ("stoat", 0.1)];
    let error = try_run(&[("prevalence", shares(&few))], &table, &[texts(&LABELLED, &labels)]).unwrap_err().to_string();
    assert!(error.contains("`prevalence` leaves 20.0 % of the images to other classes"), "{error}");
}

#[test]
fn cutoffs_and_shares_that_cannot_be_are_said_before_the_run() {
    let read = |params: &[(&'static str, ParamValue)]| {
        let values = params.iter().map(|(name, value)| (*name, Spanned { value: value.clone(), span: NOWHERE })).collect();
        let mut report = Report::default();
        let step = (KIND.read)(&Params { values, span: NOWHERE }, &mut report);
        if let Some(step) = step {
            let fields = [("name", Type::Text), ("label", Type::Text), ("p_empty", Type::Float32), ("p_animal", Type::Float32)];
            let labels = Schema::of(&[("name", Type::Text), ("class", Type::Text), ("type", Type::Text)]);
            with_context(|context| step.columns(&[vec![Schema::of(&fields)], vec![labels]], context, &mut report));
        }
        report.diagnostics.iter().map(|found| found.message.clone()).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(read(&[("cutoffs", shares(&[("animal", 0.25)])), ("prevalence", shares(&[("empty", 0.75)]))]), "");
    assert!(read(&[("cutoffs", shares(&[("vole", 0.25)]))]).contains("needs the column `p_vole`"));
    assert!(read(&[("cutoffs", shares(&[("animal", 0.25), ("empty", 0.5)]))]).contains("every class of the model has a cutoff"));
    assert!(read(&[("prevalence", shares(&[("empty", 0.75), ("animal", 0.5)]))]).contains("more than 1 together"));
    assert!(read(&[("prevalence", shares(&[("empty", 0.75)])), ("sampled_by", list(&["name"]))]).contains("both say"));
}
