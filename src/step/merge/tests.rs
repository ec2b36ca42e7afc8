//! Tests of the data set's making.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::diagnostic::Spanned;
use crate::step::ParamValue;
use crate::step::testing::{self, NOWHERE, Project, content, text};
use crate::table::{Cell, Table};
use crate::taxonomy::{Class, Role, Taxonomy};

const IMAGES: &[(&str, Type)] = &[
    ("content", Type::Content),
    ("locality", Type::Text),
    ("site", Type::Text),
    ("season", Type::Text),
    ("name", Type::Text),
    ("datetime", Type::DateTime),
];
const PREDICTIONS: &[(&str, Type)] = &[
    ("content", Type::Content),
    ("site", Type::Text),
    ("season", Type::Text),
    ("label", Type::Text),
    ("confidence", Type::Float32),
];
const LABELS: &[(&str, Type)] = &[
    ("site", Type::Text),
    ("season", Type::Text),
    ("name", Type::Text),
    ("class", Type::Text),
    ("type", Type::Text),
    ("reviewer", Type::Text),
    ("comment", Type::Text),
];

fn project() -> Project {
    let class = |(name, species): &(&str, Option<&str>)| Class {
        name: Spanned { value: (*name).to_owned(), span: NOWHERE },
        role: Role::Animal,
        key: None,
        colour: None,
        display: None,
        species_id: species.map(str::to_owned),
        taxon: None,
    };
    let mut project = Project::new();
    project.classes = Taxonomy {
        classes: [("empty", None), ("vole", Some("cricetidae")), ("stoat", Some("mus_erm"))].iter().map(class).collect(),
    };
    project
}

fn image(seed: &str) -> Vec<Cell> {
    let site = &seed[..1];
    vec![content(seed), text("ko"), text(site), text("2024"), text(&format!("{seed}.JPG")), Cell::DateTime(86_400 + 3_661)]
}

fn prediction(seed: &str, label: &str, confidence: f32) -> Vec<Cell> {
    let label = if label.is_empty() { Cell::Null } else { text(label) };
    let confidence = if label == Cell::Null { Cell::Null } else { Cell::Float32(confidence) };
    vec![content(seed), text(&seed[..1]), text("2024"), label, confidence]
}

fn label(seed: &str, class: &str, kind: &str, reviewer: &str, comment: &str) -> Vec<Cell> {
    let comment = if comment.is_empty() { Cell::Null } else { text(comment) };
    vec![text(&seed[..1]), text("2024"), text(&format!("{seed}.JPG")), text(class), text(kind), text(reviewer), comment]
}

fn words(list: &[&str]) -> ParamValue {
    ParamValue::List(list.iter().map(|word| Spanned { value: ParamValue::Text((*word).to_owned()), span: NOWHERE }).collect())
}

fn word(text: &str) -> ParamValue {
    ParamValue::Text(text.to_owned())
}

fn merge(given: &[(&'static str, ParamValue)], images: &Table, predictions: &Table, labels: &[&Table]) -> Outputs {
    try_merge(given, images, predictions, labels).unwrap()
}

fn try_merge(
    given: &[(&'static str, ParamValue)],
    images: &Table,
    predictions: &Table,
    labels: &[&Table],
) -> Result<Outputs, StepError> {
    let project = project();
    let step = testing::step(&KIND, given);
    let schemas: Vec<Vec<Schema>> = [&[images][..], &[predictions], labels]
        .iter()
        .map(|port| port.iter().map(|table| table.schema.clone()).collect())
        .collect();
    let (declared, errors) = project.columns_of(step.as_ref(), &schemas);
    assert_eq!(errors, [""; 0]);
    let outputs = project.run_on(step.as_ref(), &[&[images], &[predictions], labels])?;
    let yielded: Vec<Schema> = outputs.tables.iter().map(|table| table.schema.clone()).collect();
    assert_eq!(declared.unwrap(), yielded, "what was declared is what came");
    Ok(outputs)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
fn metric(outputs: &Outputs, name: &str) -> usize {
    outputs.metrics[name] as usize
}

fn small() -> (Table, Table) {
    let images = testing::table(IMAGES, &["a1", "a2", "b1"].map(image));
    let predictions =
        testing::table(PREDICTIONS, &[prediction("b1", "stoat", 0.7), prediction("a1", "vole", 0.9), prediction("a2", "", 0.0)]);
    (images, predictions)
}

fn texts(table: &Table, name: &str) -> Vec<String> {
    (0..table.rows).map(|row| table.cell(row, name).to_string()).collect()
}

#[test]
fn the_kind_that_stands_first_counts_and_the_others_are_listed() {
    let (images, predictions) = small();
    let quality = testing::table(
        LABELS,
        &[
            label("a1", "empty", "class", "anna", ""),
            label("a1", "stoat", "random", "bert", "tail seen"),
            label("b1", "stoat", "confidence", "anna", ""),
        ],
    );
    let corrected = testing::table(
        LABELS,
        &[label("a1", "stoat", "corrected", "cleo", "again"), label("b1", "vole", "corrected", "cleo", "")],
    );
    let outputs = merge(
        &[("priority", words(&["random", "confidence", "class", "corrected"]))],
        &images,
        &predictions,
        &[&quality, &corrected],
    );
    let data = &outputs.tables[0];
    assert_eq!(texts(data, "class"), ["stoat", "", "stoat"]);
    assert_eq!(texts(data, "type"), ["random", "", "confidence"]);
    assert_eq!(texts(data, "reviewer"), ["bert", "", "anna"]);
    assert_eq!(texts(data, "comment"), ["tail seen; again", "", ""], "comments of labels that agree are kept");
    assert_eq!(texts(data, "final"), ["stoat", "", "stoat"]);
    assert_eq!(texts(data, "species_id"), ["mus_erm", "", "mus_erm"]);
    let other = &outputs.tables[1];
    assert_eq!(
        (texts(other, "other_class"), texts(other, "other_reviewer")),
        (vec!["empty".into(), "vole".into()], vec!["anna".into(), "cleo".into()])
    );
    assert_eq!((outputs.metrics["disagreements"], outputs.metrics["overruled"], outputs.metrics["reviewed"]), (2.0, 1.0, 2.0));
    // Another order, another label.
    let outputs = merge(&[("priority", words(&["corrected"]))], &images, &predictions, &[&quality, &corrected]);
    assert_eq!(texts(&outputs.tables[0], "class"), ["stoat", "", "vole"]);
}

#[test]
fn every_class_has_its_column_and_not_reviewed_is_missing() {
    let (images, predictions) = small();
    let labels = testing::table(LABELS, &[label("a1", "empty", "random", "anna", "")]);
    let data = &merge(&[], &images, &predictions, &[&labels]).tables[0];
    assert_eq!(texts(data, "manual_empty"), ["true", "", ""]);
    assert_eq!(texts(data, "manual_stoat"), ["false", "", ""]);
    assert_eq!(texts(data, "automatic_vole"), ["true", "", "false"]);
    assert_eq!(texts(data, "automatic_empty"), ["false", "", "false"], "never predicted, and there all the same");
}

#[test]
fn two_labels_of_one_kind_that_differ_decide_nothing() {
    let (images, predictions) = small();
    let anna = testing::table(LABELS, &[label("a1", "vole", "random", "anna", "")]);
    let bert = testing::table(LABELS, &[label("a1", "stoat", "random", "bert", "")]);
    for labels in [[&anna, &bert], [&bert, &anna]] {
        let outputs = merge(&[], &images, &predictions, &labels);
        assert_eq!((texts(&outputs.tables[0], "class")[0].as_str(), texts(&outputs.tables[0], "final")[0].as_str()), ("", ""));
        assert_eq!(
            (outputs.metrics["undecided"], outputs.metrics["disagreements"], outputs.metrics["reviewed"]),
            (1.0, 2.0, 0.0)
        );
        let both = merge(&[("rows", word("multilabel"))], &images, &predictions, &labels);
        assert_eq!(texts(&both.tables[0], "class")[0], "stoat+vole");
        assert_eq!((both.metrics["undecided"], texts(&both.tables[0], "manual_vole")[0].as_str()), (0.0, "true"));
    }
}

#[test]
fn the_long_form_has_one_row_per_image_and_class() {
    let (images, predictions) = small();
    let labels = testing::table(LABELS, &[label("a1", "empty", "class+confidence", "anna", "odd")]);
    let data = &merge(&[("form", word("long"))], &images, &predictions, &[&labels]).tables[0];
    assert_eq!(data.rows, 9);
    assert_eq!(texts(data, "class")[..3], ["empty", "vole", "stoat"]);
    assert_eq!(texts(data, "presence_manual"), ["1", "0", "0", "", "", "", "", "", ""]);
    assert_eq!(texts(data, "presence_automatic"), ["0", "1", "0", "", "", "", "0", "0", "1"]);
    assert_eq!(texts(data, "confidence_automatic"), ["", "0.9", "", "", "", "", "", "", "0.7"]);
    assert_eq!(texts(data, "type_manual_classification")[..4], ["class+confidence", "class+confidence", "class+confidence", ""]);
}

#[test]
fn the_final_formats_have_their_columns_words_and_order() {
    let (images, predictions) = small();
    let images = images.take(&[2, 1, 0]);
    let labels = testing::table(LABELS, &[label("a1", "empty", "class+confidence", "anna", "odd")]);
    let bohner =
        &merge(&[("form", word("bohner")), ("classes", words(&["vole", "empty"]))], &images, &predictions, &[&labels]).tables[0];
    let names: Vec<_> = bohner.schema.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(
        names.join(" "),
        "locality site date time image_name class_id presence_automatic presence_manual confidence_automatic observer_manual type_manual_classification comment"
    );
    assert_eq!(texts(bohner, "class_id"), ["cricetidae", "empty", "cricetidae", "empty", "cricetidae", "empty"]);
    assert_eq!(texts(bohner, "image_name")[..3], ["a1.JPG", "a1.JPG", "a2.JPG"]);
    assert_eq!((texts(bohner, "date")[0].as_str(), texts(bohner, "time")[0].as_str()), ("1970-01-02", "01:01:01"));
    assert_eq!(texts(bohner, "type_manual_classification")[0], "quality_check_confidence_level");
    let coat = &merge(&[("form", word("coat"))], &images, &predictions, &[&labels]).tables[0];
    assert_eq!((coat.rows, coat.schema.fields.len()), (9, 15));
    assert_eq!((texts(coat, "sn_site")[0].as_str(), texts(coat, "sn_region")[0].as_str()), ("a", ""));
}

#[test]
fn rows_of_no_image_are_listed_and_rows_of_two_are_errors() {
    let (images, predictions) = small();
    let labels = testing::table(LABELS, &[label("c9", "vole", "random", "anna", "")]);
    let outputs = merge(&[], &images, &predictions, &[&labels]);
    assert_eq!((outputs.metrics["unmatched_labels"], outputs.tables[2].rows), (1.0, 1));
    assert_eq!(texts(&outputs.tables[2], "observation"), ["c 2024 c9.JPG"]);
    assert!(
        outputs.findings.iter().any(|finding| finding.kind == "unmatched_labels" && finding.examples == ["c 2024 c9.JPG vole"])
    );

    let twice = testing::table(PREDICTIONS, &[prediction("a1", "vole", 0.9), prediction("a1", "stoat", 0.9)]);
    let error = try_merge(&[], &images, &twice, &[]).unwrap_err().to_string();
    assert!(error.contains("occurs twice, in rows 1 and 2"), "{error}");
    let error = try_merge(&[], &images.take(&[0, 1, 0]), &predictions, &[]).unwrap_err().to_string();
    assert!(error.contains("`a 2024 a1.JPG` occurs twice, in rows 1 and 3"), "{error}");

    // Two images of one name: a label by name could mean either.
    let mut double = vec![image("a1"), image("a2")];
    double[1][4] = text("a1.JPG");
    let labels = testing::table(LABELS, &[label("a1", "vole", "random", "anna", "")]);
    let error = try_merge(&[], &testing::table(IMAGES, &double), &predictions, &[&labels]).unwrap_err().to_string();
    assert!(error.contains("could be several images"), "{error}");
}

#[test]
fn a_label_without_content_goes_by_its_name() {
    let (images, predictions) = small();
    let mut fields = LABELS.to_vec();
    fields.insert(0, ("content", Type::Content));
    let with = |content: Cell, row: Vec<Cell>| std::iter::once(content).chain(row).collect::<Vec<_>>();
    let rows = [
        with(Cell::Null, label("a1", "vole", "random", "anna", "")),
        with(content("b1"), label("a2", "stoat", "random", "anna", "")),
        with(content("a9"), label("a2", "stoat", "random", "anna", "")),
    ];
    let outputs = merge(&[], &images, &predictions, &[&testing::table(&fields, &rows)]);
    // The second lies at another site than its content, and the third has a content that no image has: neither goes by its name.
    assert_eq!(texts(&outputs.tables[0], "class"), ["vole", "", ""]);
    assert_eq!(metric(&outputs, "unmatched_labels"), 2);
}

#[test]
fn a_class_beyond_those_asked_for_is_said_and_kept_in_the_wide_form() {
    let (images, predictions) = small();
    let labels = testing::table(LABELS, &[label("a1", "mink", "random", "anna", "")]);
    let outputs = merge(&[], &images, &predictions, &[&labels]);
    assert_eq!((outputs.metrics["other_classes"], texts(&outputs.tables[0], "final")[0].as_str()), (1.0, "mink"));
    assert_eq!(texts(&outputs.tables[0], "manual_vole")[0], "false");
}

#[test]
fn where_nobody_can_tell_what_there_is_nothing_is_absent() {
    let (images, predictions) = small();
    let labels =
        testing::table(LABELS, &[label("a1", "unknown", "random", "anna", ""), label("a2", "vole", "random", "anna", "")]);
    let outputs = merge(&[], &images, &predictions, &[&labels]);
    assert_eq!(
        (texts(&outputs.tables[0], "class")[0].as_str(), texts(&outputs.tables[0], "final")[0].as_str()),
        ("unknown", "unknown")
    );
    assert_eq!(texts(&outputs.tables[0], "manual_stoat"), ["", "false", ""]);
    let long = &merge(&[("form", word("long"))], &images, &predictions, &[&labels]).tables[0];
    assert_eq!(texts(long, "presence_manual"), ["", "", "", "0", "1", "0", "", "", ""]);
    assert_eq!(texts(long, "observer_manual")[0], "anna", "somebody has looked");
}

#[test]
fn tables_without_a_key_and_forms_without_their_columns_are_found_before_the_run() {
    let project = project();
    let (images, _) = small();
    let step = testing::step(&KIND, &[("form", word("coat"))]);
    let bare = Schema::of(&[("content", Type::Content), ("site", Type::Text)]);
    let (_, errors) = project.columns_of(step.as_ref(), &[vec![bare], vec![], vec![]]);
    assert_eq!(errors.len(), 3, "{errors:?}");
    let foreign = Schema::of(&[("number", Type::Int), ("class", Type::Text)]);
    let (_, errors) = project.columns_of(step.as_ref(), &[vec![images.schema], vec![], vec![foreign]]);
    assert!(errors.len() == 1 && errors[0].contains("no column in common"), "{errors:?}");
}

/// Images, those of them that are predicted, and labels (image, class, kind).
type Rows = (Vec<usize>, Vec<usize>, Vec<(usize, usize, usize)>);

/// Some images, predicted and labelled in an order of their own; some labels belong to no image.
fn rows() -> impl Strategy<Value = Rows> {
    (1_usize..12).prop_flat_map(|images| {
        let order = Just((0..images).collect::<Vec<_>>()).prop_shuffle();
        let predicted = proptest::sample::subsequence((0..images).collect::<Vec<_>>(), 0..=images).prop_shuffle();
        let labelled = proptest::collection::vec((0..images + 2, 0_usize..3, 0_usize..4), 0..20);
        (order, predicted, labelled)
    })
}

proptest! {
    /// Every image is there once, with the same answer whatever the order of rows; every label is used, differs or is unmatched.
    #[test]
    fn a_merge_never_loses_or_invents_an_observation((order, predicted, labelled) in rows()) {
        const CLASSES: [&str; 3] = ["empty", "vole", "stoat"];
        const KINDS: [&str; 4] = ["random", "class", "confidence", "corrected"];
        let seed = |at: &usize| format!("{}{at}", ["a", "b"][at % 2]);
        let images = testing::table(IMAGES, &order.iter().map(|at| image(&seed(at))).collect::<Vec<_>>());
        let predictions = testing::table(
            PREDICTIONS,
            &predicted.iter().map(|at| prediction(&seed(at), CLASSES[at % 3], 0.5)).collect::<Vec<_>>(),
        );
        let mut rows: Vec<_> = labelled.iter().map(|(at, class, kind)| label(&seed(at), CLASSES[*class], KINDS[*kind], "anna", "")).collect();
        let labels = testing::table(LABELS, &rows);
        let outputs = merge(&[], &images, &predictions, &[&labels]);
        let answers = |table: &Table| -> BTreeMap<String, Vec<String>> {
            (0..table.rows)
                .map(|row| (table.cell(row, "name").to_string(), ["label", "class", "type", "final"].map(|name| table.cell(row, name).to_string()).to_vec()))
                .collect()
        };
        let found = answers(&outputs.tables[0]);
        prop_assert_eq!((outputs.tables[0].rows, found.len()), (order.len(), order.len()));
        let all_there = predicted.iter().all(|at| found[&format!("{}.JPG", seed(at))][0] == CLASSES[at % 3]);
        prop_assert!(all_there);
        prop_assert_eq!(metric(&outputs, "classified"), predicted.len());
        let lost = labelled.iter().filter(|(at, ..)| *at >= order.len()).count();
        prop_assert_eq!(metric(&outputs, "unmatched_labels"), lost);
        // A label either agrees with the class of its image, or stands among the disagreements.
        let agreeing = labelled.iter().filter(|(at, class, _)| *at < order.len() && found[&format!("{}.JPG", seed(at))][1] == CLASSES[*class]).count();
        prop_assert_eq!(agreeing + outputs.tables[1].rows + lost, labelled.len());

        rows.reverse();
        let (turned, images) = (testing::table(LABELS, &rows), images.take(&(0..u32::try_from(images.rows).unwrap()).rev().collect::<Vec<_>>()));
        let again = merge(&[], &images, &predictions, &[&turned]);
        prop_assert_eq!(answers(&again.tables[0]), found);
        prop_assert_eq!(again.tables[1].rows, outputs.tables[1].rows);
    }
}
