//! Comparisons of a few images, each as small as what it shows.
#![expect(clippy::float_cmp, reason = "counts, and numbers that must be the same bits")]

use super::*;
use crate::step::testing::{Project, content, params, step, table, text};
use crate::step::{ParamValue, label_type};
use crate::table::{Cell, CellRef};

/// What stands about one image: label of the candidate, of the model in use, what a person says, the types of the label.
#[derive(Clone)]
struct Image {
    site: &'static str,
    candidate: &'static str,
    current: &'static str,
    manual: Option<(&'static str, &'static str)>,
}

fn optional(value: &str) -> Cell {
    if value.is_empty() { Cell::Null } else { text(value) }
}

fn image(site: &'static str, candidate: &'static str, current: &'static str, manual: &'static str) -> Image {
    Image { site, candidate, current, manual: Some((manual, label_type::RANDOM)) }
}

/// `both` vole by both models, `first` by the candidate alone, `second` by the model in use alone; people say vole.
fn voles(site: &'static str, both: usize, first: usize, second: usize) -> Vec<Image> {
    let mut images = vec![image(site, "vole", "vole", "vole"); both];
    images.extend(vec![image(site, "vole", "empty", "vole"); first]);
    images.extend(vec![image(site, "empty", "vole", "vole"); second]);
    images
}

const PREDICTIONS: &[(&str, Type)] = &[
    ("content", Type::Content),
    ("path", Type::Text),
    ("site", Type::Text),
    ("event_id", Type::Text),
    ("label", Type::Text),
    ("confidence", Type::Float32),
];

/// Images 2k and 2k + 1 are one trigger event.
fn predictions(images: &[Image], label: impl Fn(&Image) -> &'static str) -> Table {
    let row = |(at, image): (usize, &Image)| {
        let name = format!("{at}.jpg");
        let event = text(&format!("event {}", at / 2));
        let confidence = Cell::Float32(if label(image).is_empty() { 0.0 } else { 0.75 });
        vec![content(&name), text(&name), text(image.site), event, optional(label(image)), confidence]
    };
    table(PREDICTIONS, &images.iter().enumerate().map(row).collect::<Vec<_>>())
}

const LABELS: &[(&str, Type)] =
    &[("content", Type::Content), ("site", Type::Text), ("class", Type::Text), ("type", Type::Text), ("shown", Type::Text)];

fn labels(images: &[Image]) -> Table {
    let row = |(at, image): (usize, &Image)| {
        let (class, types) = image.manual?;
        Some(vec![content(&format!("{at}.jpg")), text(image.site), optional(class), text(types), text("blind")])
    };
    table(LABELS, &images.iter().enumerate().filter_map(row).collect::<Vec<_>>())
}

struct Compared {
    outputs: Outputs,
}

impl Compared {
    fn of(images: &[Image]) -> Self {
        Self::with(images, &[], &[])
    }

    fn with(images: &[Image], by: &[&str], exclude: &[&Table]) -> Self {
        let (candidate, current) = (predictions(images, |image| image.candidate), predictions(images, |image| image.current));
        Self::tables(&candidate, &current, &labels(images), by, exclude)
    }

    fn tables(candidate: &Table, current: &Table, labels: &Table, by: &[&str], exclude: &[&Table]) -> Self {
        let by = by.iter().map(|name| crate::diagnostic::Spanned {
            value: ParamValue::Text((*name).to_owned()),
            span: crate::step::testing::NOWHERE,
        });
        let step = step(&KIND, &[("by", ParamValue::List(by.collect()))]);
        let mut project = Project::new();
        project.classes = crate::taxonomy::Taxonomy::default();
        let outputs = project.run_on(step.as_ref(), &[&[candidate], &[current], &[labels], exclude]).unwrap();
        let exclude = exclude.iter().map(|table| table.schema.clone()).collect();
        let schemas = [vec![candidate.schema.clone()], vec![current.schema.clone()], vec![labels.schema.clone()], exclude];
        let (declared, findings) = project.columns_of(step.as_ref(), &schemas);
        assert_eq!(findings, Vec::<String>::new());
        assert_eq!(outputs.tables.iter().map(|table| table.schema.clone()).collect::<Vec<_>>(), declared.unwrap());
        for name in outputs.metrics.keys() {
            assert!(KIND.metrics.iter().any(|metric| metric.name == name), "{name} is not declared");
        }
        Self { outputs }
    }

    fn metric(&self, name: &str) -> f64 {
        self.outputs.metrics[name]
    }

    fn findings(&self) -> Vec<(&str, u64)> {
        self.outputs.findings.iter().map(|finding| (finding.kind.as_str(), finding.count)).collect()
    }

    /// The values of some columns of an output, row by row.
    fn rows(&self, port: usize, names: &[&str]) -> Vec<String> {
        let table = &self.outputs.tables[port];
        let cell = |row: usize, name: &str| match table.cell(row, name) {
            CellRef::Float64(value) => format!("{value:.4}"),
            cell => cell.to_string(),
        };
        (0..table.rows).map(|row| names.iter().map(|name| cell(row, name)).collect::<Vec<_>>().join(" ")).collect()
    }
}

#[test]
fn the_gain_comes_from_the_images_that_one_model_alone_gets_right() {
    let mut images = voles("a", 460, 20, 10);
    images.extend(vec![image("a", "empty", "empty", "vole"); 10]);
    let found = Compared::of(&images);
    let names = ["images", "accuracy_candidate", "accuracy_current", "disagreements", "leaked"];
    assert_eq!(names.map(|name| found.metric(name)), [500.0, 0.96, 0.94, 30.0, 0.0]);
    assert!((found.metric("gain") - 0.02).abs() < 1e-12);
    // The bounds of 20 against 10 of 500, as computed elsewhere.
    assert!((found.metric("gain_lower") + 0.001_563_318_2).abs() < 1e-9, "{}", found.metric("gain_lower"));
    assert!((found.metric("gain_upper") - 0.043_408_235_3).abs() < 1e-9);
    assert!((found.metric("min_recall_gain") - 0.02).abs() < 1e-12);
    let counts = ["scope", "compared", "both_right", "only_candidate_right", "only_current_right", "both_wrong"];
    assert_eq!(found.rows(0, &counts), ["all 500 460 20 10 10"]);
    let classes = ["class", "compared", "called_by_candidate", "called_by_current", "recall_gain", "precision_candidate"];
    assert_eq!(found.rows(1, &classes), ["empty 0 20 30  0.0000", "vole 500 480 470 0.0200 1.0000"]);
    assert_eq!(found.findings(), []);
}

#[test]
fn an_image_in_which_nobody_can_tell_what_there_is_is_left_out_and_counted() {
    let mut images = voles("a", 40, 5, 2);
    let without = Compared::of(&images);
    images.extend(vec![image("a", "vole", "empty", "unknown"); 3]);
    let found = Compared::of(&images);
    assert_eq!(["images", "gain", "undecidable_labels"].map(|name| found.metric(name)), [47.0, without.metric("gain"), 3.0]);
    assert_eq!(found.findings(), [("undecidable_labels", 3)]);
    assert!(found.rows(1, &["class"]).iter().all(|class| class != "unknown"));
    // A model that gives the class is asked about it.
    images.push(image("a", "unknown", "vole", "vole"));
    assert_eq!(["images", "undecidable_labels"].map(|name| Compared::of(&images).metric(name)), [51.0, 0.0]);
}

#[test]
fn only_blind_labels_of_the_random_sample_count() {
    let mut images = voles("a", 20, 4, 2);
    images.extend(voles("a", 0, 3, 0).into_iter().map(|image| Image { manual: Some(("vole", "class+confidence")), ..image }));
    images.extend(voles("a", 0, 2, 0).into_iter().map(|image| Image { manual: Some(("vole", "corrected")), ..image }));
    images.extend(voles("a", 0, 1, 0).into_iter().map(|image| Image { manual: Some(("vole", "random+class")), ..image }));
    images.extend(voles("a", 0, 1, 0).into_iter().map(|image| Image { manual: Some(("", "random")), ..image }));
    images.extend(voles("a", 0, 7, 0).into_iter().map(|image| Image { manual: None, ..image }));
    let found = Compared::of(&images);
    assert_eq!(found.rows(0, &["images", "compared", "only_candidate_right", "only_current_right"]), ["40 27 5 2"]);
    assert_eq!(found.metric("other_labels"), 5.0);
    assert_eq!(found.findings(), [("labels_without_class", 1)]);

    let shown = table(LABELS, &[vec![content("0.jpg"), text("a"), text("vole"), text("random"), text("model")]]);
    let (candidate, current) = (predictions(&images, |image| image.candidate), predictions(&images, |image| image.current));
    let found = Compared::tables(&candidate, &current, &shown, &[], &[]);
    assert_eq!((found.metric("labels_with_model_shown"), found.metric("images")), (1.0, 0.0));
    // Nothing was compared: no gate on a bound may pass.
    assert_eq!((found.metric("gain_lower"), found.metric("gain_upper"), found.metric("worst_gain_lower")), (-1.0, 1.0, -1.0));
    assert!(!found.outputs.metrics.contains_key("gain"));
    assert_eq!(found.findings().last(), Some(&("nothing_compared", 0)));
}

#[test]
fn images_of_training_are_left_out_wherever_they_lie_and_their_events_too() {
    let images = voles("a", 8, 2, 2);
    let fields = [("content", Type::Content), ("path", Type::Text), ("site", Type::Text), ("split", Type::Text)];
    let used = |at: usize, site: &str, split: &str| {
        let name = format!("{at}.jpg");
        vec![content(&name), text("elsewhere.jpg"), text(site), text(split)]
    };
    // Without events: two images leak, one of them from another site; that of the test set does not.
    let rows = [used(0, "a", "train"), used(8, "b", "validation"), used(10, "a", "test")];
    let found = Compared::with(&images, &[], &[&table(&fields, &rows)]);
    assert_eq!((found.metric("leaked"), found.metric("images")), (2.0, 10.0));
    assert_eq!(found.rows(0, &["images", "leaked", "both_right", "only_candidate_right"]), ["10 2 7 1"]);
    assert_eq!(found.findings(), [("leaked", 2)]);
    assert_eq!(found.rows(2, &["path", "trained"]), ["8.jpg true", "9.jpg false", "10.jpg false", "11.jpg false"]);

    // With events: their other images leak as well, but an event of this name at another site is another event.
    let fields = [fields.as_slice(), &[("event_id", Type::Text)]].concat();
    let row = |at: usize, site: &str| [used(at, site, "train"), vec![text(&format!("event {}", at / 2))]].concat();
    let found = Compared::with(&images, &[], &[&table(&fields, &[row(0, "a"), row(5, "b")])]);
    assert_eq!((found.metric("leaked"), found.metric("images")), (3.0, 9.0));
    let leaked = found.outputs.findings[0].examples.clone();
    assert_eq!(leaked, ["a 0.jpg", "a 1.jpg", "a 5.jpg"]);
}

#[test]
fn groups_stand_behind_all_images_which_weigh_them_by_their_images() {
    let mut images = voles("b", 90, 2, 8);
    images.extend(voles("a", 80, 18, 2));
    // 200 more images of site a that nobody looked at: it weighs 300 of 400.
    images.extend(voles("a", 200, 0, 0).into_iter().map(|image| Image { manual: None, ..image }));
    let found = Compared::with(&images, &["site"], &[]);
    let names = ["site", "scope", "images", "compared", "gain"];
    assert_eq!(found.rows(0, &names), [" all 400 200 0.1050", "a group 300 100 0.1600", "b group 100 100 -0.0600"]);
    let bounds = |row: usize| {
        let table = &found.outputs.tables[0];
        let value = |name: &str| table.column(name).unwrap().float64(row).unwrap();
        (value("gain"), value("gain_lower"), value("gain_upper"))
    };
    let (all, a, b) = (bounds(0), bounds(1), bounds(2));
    // About what the distances to the bounds of both groups add up to, in squares.
    let expected = all.0 - ((0.75 * (a.0 - a.1)).powi(2) + (0.25 * (b.0 - b.1)).powi(2)).sqrt();
    assert!((all.1 - expected).abs() < 0.01 && all.2 > all.0, "{all:?} {expected}");
    assert_eq!(found.metric("worst_gain_lower"), b.1);
    let table = &found.outputs.tables[0];
    assert!((table.column("accuracy_candidate").unwrap().float64(0).unwrap() - (0.75 * 0.98 + 0.25 * 0.92)).abs() < 1e-12);
}

#[test]
fn a_group_without_labels_is_taken_to_be_like_the_others_and_named() {
    let mut images = voles("a", 20, 5, 0);
    images.extend(voles("b", 30, 0, 0).into_iter().map(|image| Image { manual: None, ..image }));
    let found = Compared::with(&images, &["site"], &[]);
    assert_eq!(found.rows(0, &["site", "gain"]), [" 0.2000", "a 0.2000", "b "]);
    assert_eq!((found.findings(), found.metric("worst_gain_lower")), (vec![("groups_without_random_sample", 1)], -1.0));
}

#[test]
fn disagreements_show_both_labels_and_who_is_right() {
    let mut images = vec![
        image("a", "vole", "empty", "vole"),
        image("a", "vole", "stoat", "stoat"),
        image("a", "vole", "stoat", "shrew"),
        image("a", "vole", "vole", "stoat"),
        image("a", "", "vole", "vole"),
    ];
    images.push(Image { manual: None, ..image("a", "shrew", "empty", "") });
    let found = Compared::of(&images);
    let names = ["path", "candidate", "candidate_confidence", "current", "class", "right"];
    let expected = [
        "0.jpg vole 0.75 empty vole candidate",
        "1.jpg vole 0.75 stoat stoat current",
        "2.jpg vole 0.75 stoat shrew neither",
        "5.jpg shrew 0.75 empty  ",
    ];
    assert_eq!(found.rows(2, &names), expected);
    let columns: Vec<_> = found.outputs.tables[2].schema.fields.iter().map(|field| field.name.as_str()).collect();
    assert!(columns.starts_with(&["content", "path", "site", "event_id", "candidate"]) && !columns.contains(&"label"));
    assert_eq!(found.findings(), [("unclassified_labels", 1)]);
}

#[test]
fn the_order_of_rows_does_not_matter_and_images_of_one_model_are_counted() {
    let images = voles("a", 30, 6, 3);
    let (candidate, current) = (predictions(&images, |image| image.candidate), predictions(&images, |image| image.current));
    let labels = labels(&images);
    let one = Compared::tables(&candidate, &current, &labels, &[], &[]);
    let backwards: Vec<u32> = (0..39).rev().collect();
    let other = Compared::tables(&candidate, &current.take(&backwards), &labels.take(&backwards), &[], &[]);
    assert_eq!(one.outputs.tables, other.outputs.tables);
    let fewer = Compared::tables(&candidate.take(&backwards[..38]), &current.take(&backwards[1..]), &labels, &[], &[]);
    assert_eq!((fewer.metric("images"), fewer.metric("unmatched_labels"), fewer.metric("unpaired_labels")), (37.0, 1.0, 1.0));
    let findings = [("images_of_one_model", 1), ("unpaired_labels", 1), ("unmatched_labels", 1), ("images_left_over", 1)];
    assert_eq!(fewer.findings(), findings);
}

#[test]
fn tables_that_cannot_be_compared_are_refused_before_anything_runs() {
    let schema = Schema::of(PREDICTIONS);
    let foreign = Schema::of(&[("sheet", Type::Text), ("label", Type::Text), ("class", Type::Text), ("type", Type::Text)]);
    let step = (KIND.read)(&params(&KIND, &[]), &mut Report::default()).unwrap();
    let inputs = [vec![schema.clone()], vec![foreign.clone()], vec![foreign], Vec::new()];
    let (columns, findings) = Project::new().columns_of(step.as_ref(), &inputs);
    assert!(columns.is_none());
    let words = findings.join("\n");
    assert!(words.contains("`candidate` and `current` have no column in common") && words.contains("`candidate` and `labels`"));
    let mut wrong = schema.clone();
    wrong.set("confidence", Type::Text);
    let (_, findings) = Project::new().columns_of(step.as_ref(), &[vec![schema], vec![wrong], Vec::new(), Vec::new()]);
    assert!(findings[0].contains("the column `confidence` of `current` holds text"), "{findings:?}");
}

/// A programme of many years: a million images, 2 000 labels, half a million images of training in events.
#[test]
#[ignore = "prints how long a million images take"]
fn a_million_images_are_compared_in_seconds() {
    let site = |at: usize| ["a", "b", "c", "d"][at % 4];
    let images: Vec<Image> = (0..1_000_000)
        .map(|at| {
            let label = |salt: usize| if (at + salt).is_multiple_of(23) { "stoat" } else { "vole" };
            let manual = at.is_multiple_of(500).then_some(("vole", label_type::RANDOM));
            Image { site: site(at / 2), candidate: label(0), current: label(7), manual }
        })
        .collect();
    let (candidate, current) = (predictions(&images, |image| image.candidate), predictions(&images, |image| image.current));
    let labels = labels(&images);
    let half: Vec<u32> = (0..500_000).map(|row| 2 * row + 1).collect();
    let exclude = candidate.take(&half[..250_000]);
    let began = std::time::Instant::now();
    let found = Compared::tables(&candidate, &current, &labels, &["site"], &[&exclude]);
    println!("{} images compared, {:.1} s", found.metric("images"), began.elapsed().as_secs_f64());
    assert_eq!(found.metric("images") + found.metric("leaked"), 2000.0);
}
