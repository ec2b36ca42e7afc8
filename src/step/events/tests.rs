#![allow(clippy::cast_precision_loss, clippy::float_cmp, reason = "small, exact numbers")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::diagnostic::Spanned;
use crate::step::ParamValue;
use crate::step::testing::{NOWHERE, Project, content, step, table, text};
use crate::table::{Cell, CellRef};
use crate::taxonomy::{Class, Role, Taxonomy};

const FIELDS: &[(&str, Type)] = &[
    ("content", Type::Content),
    ("path", Type::Text),
    ("site", Type::Text),
    ("trigger", Type::Text),
    ("event", Type::Int),
    ("sequence_n", Type::Int),
    ("datetime_raw", Type::DateTime),
    ("label", Type::Text),
    ("confidence", Type::Float32),
    ("class", Type::Text),
];

/// An image of event `event`: what the model says, how sure it is, what a person says.
fn image(event: i64, number: i64, label: &str, sure: f32, class: Option<&str>) -> Vec<Cell> {
    let path = format!("{event}/{number}.jpg");
    vec![
        content(&path),
        text(&path),
        text("a"),
        text("M"),
        Cell::Int(event),
        Cell::Int(number),
        Cell::DateTime(event * 1000 + number),
        if label.is_empty() { Cell::Null } else { text(label) },
        if label.is_empty() { Cell::Null } else { Cell::Float32(sure) },
        class.map_or(Cell::Null, text),
    ]
}

fn project() -> Project {
    let class = |(name, role): (&str, Role)| Class {
        name: Spanned { value: name.to_owned(), span: NOWHERE },
        role,
        key: None,
        colour: None,
        display: None,
        species_id: None,
        taxon: None,
    };
    let roles = [
        ("bad_quality", Role::BadQuality),
        ("empty", Role::Empty),
        ("stoat", Role::Animal),
        ("vole", Role::Animal),
        ("person", Role::Person),
    ];
    let mut project = Project::new();
    project.classes = Taxonomy { classes: roles.into_iter().map(class).collect() };
    project
}

fn run(rule: &str, images: &Table) -> Outputs {
    project().run(&*step(&KIND, &[("rule", ParamValue::Text(rule.into()))]), images).unwrap()
}

/// Label, source and confidence of each event, in the order of their times.
fn labels(rule: &str, rows: &[Vec<Cell>]) -> Vec<String> {
    let out = run(rule, &table(FIELDS, rows));
    let words = |row| ["label", "source", "confidence"].map(|name| out.tables[0].cell(row, name).to_string()).join(" ");
    (0..out.tables[0].rows).map(words).collect()
}

#[test]
fn the_coat_rule_hears_people_first_and_animals_before_nothing() {
    let found = labels(
        "coat",
        &[
            // No person: an animal beats an empty image, however sure the model is of that.
            image(1, 1, "empty", 0.99, None),
            image(1, 2, "vole", 0.4, None),
            // No person, no animal: the higher confidence.
            image(2, 1, "empty", 0.6, None),
            image(2, 2, "bad_quality", 0.7, None),
            // Two animals: the higher confidence.
            image(3, 1, "vole", 0.6, None),
            image(3, 2, "stoat", 0.61, None),
            // A person saw one image, and nothing on it: the model's animal on the other does not count.
            image(4, 1, "vole", 0.9, None),
            image(4, 2, "vole", 0.9, Some("empty")),
            // People: an animal beats bad quality.
            image(5, 1, "empty", 0.9, Some("bad_quality")),
            image(5, 2, "empty", 0.9, Some("stoat")),
            // People, no animal: the first.
            image(6, 1, "vole", 0.9, Some("bad_quality")),
            image(6, 2, "vole", 0.9, Some("empty")),
            // People, two animals: the first.
            image(7, 1, "empty", 0.9, Some("vole")),
            image(7, 2, "empty", 0.9, Some("stoat")),
            // Nobody said anything.
            image(8, 1, "", 0.0, None),
        ],
    );
    let expected = [
        "vole automatic 0.4",
        "bad_quality automatic 0.7",
        "stoat automatic 0.61",
        "empty manual ",
        "stoat manual ",
        "bad_quality manual ",
        "vole manual ",
        "  ",
    ];
    assert_eq!(found, expected);
}

#[test]
fn any_animal_of_any_image_counts() {
    let found = labels(
        "any_animal",
        &[
            // The model's animal counts beside a person's empty image.
            image(1, 1, "vole", 0.6, None),
            image(1, 2, "vole", 0.9, Some("empty")),
            // A person's animal before a surer one of the model.
            image(2, 1, "vole", 0.99, None),
            image(2, 2, "empty", 0.9, Some("stoat")),
            // A person walks by: more than nothing, less than an animal.
            image(3, 1, "person", 0.5, None),
            image(3, 2, "empty", 0.9, None),
            image(4, 1, "person", 0.9, None),
            image(4, 2, "vole", 0.5, None),
        ],
    );
    assert_eq!(found, ["vole automatic 0.6", "stoat manual ", "person automatic 0.5", "vole automatic 0.5"]);
}

#[test]
fn an_average_is_the_mean_of_each_class_over_the_classified_images() {
    let fields = [&FIELDS[..7], &[("p_empty", Type::Float32), ("p_vole", Type::Float32)]].concat();
    let row = |event, number, p: Option<(f32, f32)>| {
        let mut row = image(event, number, "", 0.0, None);
        row.truncate(7);
        row.extend([p.map_or(Cell::Null, |p| Cell::Float32(p.0)), p.map_or(Cell::Null, |p| Cell::Float32(p.1))]);
        row
    };
    let images = [
        row(1, 1, Some((0.75, 0.25))),
        row(1, 2, Some((0.125, 0.875))),
        row(1, 3, None),
        row(2, 1, Some((0.5, 0.5))),
        row(3, 1, None),
    ];
    // No taxonomy is needed.
    let rule = [("rule", ParamValue::Text("average".into()))];
    let out = Project::new().run(&*step(&KIND, &rule), &table(&fields, &images)).unwrap();
    let words = |row| {
        ["label", "confidence", "p_empty", "p_vole", "images"].map(|name| out.tables[0].cell(row, name).to_string()).join(" ")
    };
    assert_eq!((0..3).map(words).collect::<Vec<_>>(), ["vole 0.5625 0.4375 0.5625 3", "empty 0.5 0.5 0.5 1", "    1"]);
    assert_eq!((out.metrics["events"], out.metrics["unlabelled"]), (3.0, 1.0));
}

#[test]
fn each_image_has_its_event_and_each_event_its_times_counts_and_agreement() {
    let images = table(
        FIELDS,
        &[
            image(2, 1, "vole", 0.9, None),
            image(1, 1, "vole", 0.9, None),
            image(1, 2, "stoat", 0.8, None),
            image(1, 3, "vole", 0.7, Some("vole")),
            image(1, 4, "", 0.0, None),
        ],
    );
    let out = run("coat", &images);
    let (events, named) = (&out.tables[0], &out.tables[1]);
    assert_eq!((events.rows, named.rows, &named.schema.fields[..10]), (2, 5, &images.schema.fields[..]));
    assert_eq!(named.cell(1, "event_id"), events.cell(0, "event_id"));
    assert_eq!(named.cell(0, "event_id"), events.cell(1, "event_id"));
    let words = ["site", "trigger", "event", "first", "last", "images", "labelled", "agreement", "rule", "day_missing"]
        .map(|name| events.cell(0, name).to_string());
    assert_eq!(words.join(" "), "a M 1 1970-01-01T00:16:41 1970-01-01T00:16:44 4 1 0.6666666666666666 coat ");
    let (schemas, said) = project().columns(&*step(&KIND, &[]), &images.schema);
    assert_eq!((schemas.unwrap(), said), (vec![events.schema.clone(), named.schema.clone()], Vec::new()));
}

#[test]
fn a_day_without_a_usable_time_lapse_image_is_missing_and_not_empty() {
    const DAY_S: i64 = 86_400;
    let lapse = |site: &str, day: i64, hour: i64, label: &str, class: Option<&str>| {
        let mut row = image(day * 10 + hour, 1, label, 0.9, class);
        row[1] = text(&format!("{site} {day} {hour}"));
        row[0] = content(&format!("{site} {day} {hour}"));
        (row[2], row[3], row[6]) = (text(site), text("T"), Cell::DateTime(day * DAY_S + hour * 3600));
        row
    };
    let motion = |site: &str, day: i64, label: &str| {
        let mut row = lapse(site, day, 5, label, None);
        row[3] = text("M");
        row
    };
    let images = table(
        FIELDS,
        &[
            lapse("a", 0, 8, "bad_quality", None),
            lapse("a", 0, 20, "empty", Some("bad_quality")),
            motion("a", 0, "empty"),
            // A person can still see something.
            lapse("a", 1, 8, "bad_quality", Some("empty")),
            lapse("a", 1, 20, "bad_quality", None),
            motion("a", 1, "bad_quality"),
            // No time-lapse image: nobody knows.
            motion("a", 2, "bad_quality"),
            // One that nobody classified may have been fine.
            lapse("b", 0, 8, "bad_quality", None),
            lapse("b", 0, 20, "", None),
        ],
    );
    let out = run("coat", &images);
    let events = &out.tables[0];
    let mut days: BTreeMap<String, String> = BTreeMap::new();
    for row in 0..events.rows {
        let first = events.cell(row, "first").to_string();
        days.insert(format!("{} {}", events.cell(row, "site"), &first[..10]), events.cell(row, "day_missing").to_string());
    }
    let expected = [("a 1970-01-01", "true"), ("a 1970-01-02", "false"), ("a 1970-01-03", ""), ("b 1970-01-01", "false")];
    assert_eq!(days, expected.map(|(day, missing)| (day.to_owned(), missing.to_owned())).into());
    assert_eq!(out.metrics["missing_days"], 1.0);
    let said = out.findings.iter().find(|found| found.kind == "missing_days").unwrap();
    assert_eq!(said.examples, ["site=a 1970-01-01"]);
}

#[test]
fn unknown_classes_and_contradicting_people_are_said() {
    let images = table(
        FIELDS,
        &[
            image(1, 1, "unicorn", 0.9, Some("vole")),
            image(1, 2, "vole", 0.9, Some("stoat")),
            image(2, 1, "vole", 0.9, Some("stoat+vole")),
        ],
    );
    let out = run("coat", &images);
    let said: Vec<_> = out.findings.iter().map(|found| (found.kind.as_str(), found.count)).collect();
    assert_eq!(said, [("unknown_class", 1), ("several_animals", 1)]);
}

#[test]
fn without_labels_events_are_named_and_with_labels_roles_are_needed() {
    let images = table(FIELDS, &[image(1, 1, "vole", 0.9, None)]);
    let bare = images.select(&["content", "site", "datetime_raw"]).unwrap();
    let out = Project::new().run(&*step(&KIND, &[]), &bare).unwrap();
    assert_eq!((out.tables[0].rows, out.tables[0].cell(0, "label")), (1, CellRef::Null));
    assert_eq!(Project::new().columns(&*step(&KIND, &[]), &bare.schema).1, [""; 0]);
    let said = Project::new().columns(&*step(&KIND, &[]), &images.schema).1;
    assert_eq!(said, ["TL0612 `rule: coat` asks which classes are animals, and nobody declares the classes"]);
    let rule = [("rule", ParamValue::Text("average".into()))];
    let said = project().columns(&*step(&KIND, &rule), &images.schema).1;
    assert_eq!(said, ["TL0412 `rule: average` needs confidences of all classes, and the images have no `p_CLASS`"]);
    let manual = [("manual", ParamValue::Text("event".into()))];
    assert_eq!(
        project().columns(&*step(&KIND, &manual), &images.schema).1,
        ["TL0413 the column `event` holds whole numbers, not classes"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn an_event_has_an_animal_if_any_of_its_images_has(
        shots in prop::collection::vec((0..6_i64, 0..4_usize, 0.0..1.0_f32), 1..30),
        turn in 0..30_usize,
    ) {
        const NAMES: [&str; 4] = ["empty", "bad_quality", "vole", "stoat"];
        let rows: Vec<_> =
            shots.iter().enumerate().map(|(at, (event, class, sure))| image(*event, i64::try_from(at).unwrap(), NAMES[*class], *sure, None)).collect();
        let out = run("coat", &table(FIELDS, &rows));
        let mut turned = rows.clone();
        turned.rotate_left(turn % rows.len());
        prop_assert_eq!(&out.tables[0], &run("coat", &table(FIELDS, &turned)).tables[0]);
        prop_assert_eq!(&out.tables[0], &run("any_animal", &table(FIELDS, &rows)).tables[0].with_column("rule", Arc::clone(out.tables[0].column("rule").unwrap())).unwrap());
        let images: i64 = (0..out.tables[0].rows).filter_map(|row| out.tables[0].column("images").unwrap().int(row)).sum();
        prop_assert_eq!(images, i64::try_from(shots.len()).unwrap());
        for row in 0..out.tables[0].rows {
            let event = out.tables[0].column("event").unwrap().int(row).unwrap();
            let any = shots.iter().any(|(own, class, _)| *own == event && *class > 1);
            let label = out.tables[0].cell(row, "label").to_string();
            prop_assert_eq!(any, label == "vole" || label == "stoat");
        }
    }
}
