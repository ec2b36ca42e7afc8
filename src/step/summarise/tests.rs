//! Tests of site-days, gaps and weeks.
#![allow(clippy::float_cmp, reason = "small, exact numbers")]

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::diagnostic::Spanned;
use crate::step::testing::{NOWHERE, Project, step, table, text};
use crate::step::{Deployments, ParamValue};
use crate::table::{Cell, Table};
use crate::taxonomy::{Class as Declared, Taxonomy};

mod standing;

const FIELDS: &[(&str, Type)] = &[
    ("site", Type::Text),
    ("season", Type::Text),
    ("locality", Type::Text),
    ("trigger", Type::Text),
    ("first", Type::DateTime),
    ("last", Type::DateTime),
    ("label", Type::Text),
    ("day_missing", Type::Bool),
];

/// An event of site and season (`a 2024`), at a time (`2024-07-01 12:00`), with a label; time-lapse (`T`) or not (`M`).
fn event(place: &str, time: &str, label: &str, trigger: &str) -> Vec<Cell> {
    let (site, season) = place.split_once(' ').unwrap();
    let time = Cell::DateTime(civil::parse(time).unwrap());
    let label = if label.is_empty() { Cell::Null } else { text(label) };
    vec![text(site), text(season), text("ko"), text(trigger), time.clone(), time, label, Cell::Null]
}

/// A time-lapse event on a day of which all time-lapse images are of bad quality.
fn bad(place: &str, time: &str) -> Vec<Cell> {
    let mut row = event(place, time, "bad_quality", "T");
    row[7] = Cell::Bool(true);
    row
}

fn lapse(place: &str, day: &str) -> Vec<Cell> {
    event(place, &format!("{day} 12:00"), "empty", "T")
}

fn project(deployments: &str) -> Project {
    let class = |(name, role, id): (&str, Role, Option<&str>)| Declared {
        name: Spanned { value: name.to_owned(), span: NOWHERE },
        role,
        key: None,
        colour: None,
        display: None,
        species_id: id.map(str::to_owned),
        taxon: None,
    };
    let mut project = Project::new();
    let classes = [
        ("bad_quality", Role::BadQuality, None),
        ("empty", Role::Empty, None),
        ("vole", Role::Animal, Some("cricetidae")),
        ("stoat", Role::Animal, None),
    ];
    project.classes = Taxonomy { classes: classes.into_iter().map(class).collect() };
    if !deployments.is_empty() {
        project.write("deployments.csv", deployments);
        let columns = deployments.lines().next().unwrap().split(',').map(str::to_owned).collect();
        project.deployments = Some(Deployments { path: PathBuf::from("deployments.csv"), columns });
    }
    project
}

fn run(given: &[(&'static str, ParamValue)], deployments: &str, rows: &[Vec<Cell>]) -> Outputs {
    project(deployments).run(&*step(&KIND, given), &table(FIELDS, rows)).unwrap()
}

fn lines(table: &Table, names: &[&str]) -> Vec<String> {
    let line = |row| names.iter().map(|name| table.cell(row, name).to_string()).collect::<Vec<_>>().join(" ");
    (0..table.rows).map(line).collect()
}

/// The days of one class.
fn days(outputs: &Outputs, class: &str) -> Vec<String> {
    let all = lines(&outputs.tables[0], &["class", "site", "season", "date", "events", "present", "status"]);
    all.into_iter().filter_map(|line| line.strip_prefix(&format!("{class} ")).map(str::to_owned)).collect()
}

fn gaps(outputs: &Outputs) -> Vec<String> {
    lines(&outputs.tables[1], &["site", "season", "from", "to", "days", "why"])
}

/// The weeks of one class: year, week, abundance.
fn weeks(outputs: &Outputs, class: &str) -> Vec<String> {
    let all = lines(&outputs.tables[2], &["v_class_id", "sn_site", "t_year", "t_week", "v_abundance"]);
    all.into_iter().filter_map(|line| line.strip_prefix(&format!("{class} ")).map(str::to_owned)).collect()
}

fn said(outputs: &Outputs) -> Vec<(&str, u64)> {
    outputs.findings.iter().map(|finding| (finding.kind.as_str(), finding.count)).collect()
}

#[test]
fn a_day_counts_its_events_and_a_day_without_any_of_a_class_is_a_zero() {
    let rows = [
        event("a 2024", "2024-07-01 23:59", "vole", "M"),
        event("a 2024", "2024-07-01 10:00", "vole+stoat", "M"),
        event("a 2024", "2024-07-01 12:00", "vole", "T"),
        event("a 2024", "2024-07-02 00:00", "empty", "M"),
    ];
    let outputs = run(&[], "", &rows);
    assert_eq!(days(&outputs, "vole"), ["a 2024 2024-07-01 3 true observed", "a 2024 2024-07-02 0 false observed"]);
    assert_eq!(days(&outputs, "stoat"), ["a 2024 2024-07-01 1 true observed", "a 2024 2024-07-02 0 false observed"]);
    assert_eq!((outputs.tables[0].rows, outputs.tables[1].rows), (4, 0), "animals only; no gap");
    let motion = run(&[("count", ParamValue::Text("motion".into()))], "", &rows);
    assert_eq!(days(&motion, "vole")[0], "a 2024 2024-07-01 2 true observed");
    assert_eq!((motion.metrics["events"], outputs.metrics["events"]), (3.0, 4.0));
}

#[test]
fn a_day_with_time_lapse_images_of_bad_quality_alone_is_missing_and_so_is_its_week() {
    let rows = [
        lapse("a 2024", "2024-07-01"),
        bad("a 2024", "2024-07-02 08:00"),
        // What the sensor saw on that day is not believed either.
        event("a 2024", "2024-07-02 09:00", "vole", "M"),
        event("a 2024", "2024-07-03 09:00", "vole", "M"),
    ];
    let outputs = run(&[], "", &rows);
    let expected = ["a 2024 2024-07-01 0 false observed", "a 2024 2024-07-02   bad_quality", "a 2024 2024-07-03 1 true observed"];
    assert_eq!(days(&outputs, "vole"), expected);
    assert_eq!(weeks(&outputs, "cricetidae"), ["a 2024 27 "]);
    let bearing = run(&[("missing_days", ParamValue::Int(1))], "", &rows);
    assert_eq!(weeks(&bearing, "cricetidae"), ["a 2024 27 1"]);
    assert_eq!(said(&outputs), [("bad_quality_days", 1)]);
    // The class of bad quality itself is known.
    let word = |word: &str| Spanned { value: ParamValue::Text(word.into()), span: NOWHERE };
    let listed = run(&[("classes", ParamValue::List(vec![word("bad_quality"), word("vole")]))], "", &rows);
    assert_eq!(days(&listed, "bad_quality")[1], "a 2024 2024-07-02 2 true bad_quality");
    assert_eq!(
        (weeks(&listed, "bad_quality"), weeks(&listed, "cricetidae")),
        (vec!["a 2024 27 2".into()], vec!["a 2024 27 ".into()])
    );
}

#[test]
fn two_seasons_of_a_site_share_the_day_on_which_the_cards_are_changed() {
    let rows = [
        lapse("a 2024", "2024-06-30"),
        event("a 2024", "2024-07-01 09:00", "vole", "M"),
        event("a 2025", "2024-07-01 15:00", "vole", "M"),
        lapse("a 2025", "2024-07-03"),
        event("b 2024", "2024-06-28 15:00", "vole", "M"),
        event("b 2025", "2024-07-01 15:00", "vole", "M"),
    ];
    let outputs = run(&[], "", &rows);
    assert_eq!(gaps(&outputs), ["a 2025 2024-07-02 2024-07-02 1 between_images"]);
    let expected = [
        "a 2024 2024-06-30 0 false observed",
        "a 2024 2024-07-01 1 true observed",
        "a 2025 2024-07-01 1 true observed",
        "a 2025 2024-07-02   gap",
        "a 2025 2024-07-03 0 false observed",
        "b 2024 2024-06-28 1 true observed",
        "b 2025 2024-07-01 1 true observed",
    ];
    assert_eq!(days(&outputs, "vole"), expected);
    assert_eq!(weeks(&outputs, "cricetidae"), ["a 2024 26 0", "a 2024 27 ", "b 2024 26 1", "b 2024 27 1"]);
    // A week knows no seasons: a passing before the change and one behind it.
    let bearing = run(&[("missing_days", ParamValue::Int(1))], "", &rows);
    assert_eq!(weeks(&bearing, "cricetidae")[1], "a 2024 27 2");
    // A camera that stays from season to season has a gap between them, of the season that ends.
    let staying = run(&[("between_seasons", ParamValue::Bool(true))], "", &rows);
    assert_eq!(gaps(&staying)[1], "b 2024 2024-06-29 2024-06-30 2 between_images");
}

#[test]
fn weeks_over_new_year() {
    let day = |date: &str| civil::parse(date).unwrap() / 86_400;
    // Date, COAT's year and week, those of ISO 8601.
    let expected = [
        ("2019-01-01", (2019, 1), (2019, 1)),
        ("2019-01-07", (2019, 1), (2019, 2)),
        ("2019-01-08", (2019, 2), (2019, 2)),
        ("2019-12-29", (2019, 52), (2019, 52)),
        ("2019-12-30", (2019, 52), (2020, 1)),
        ("2019-12-31", (2019, 53), (2020, 1)),
        ("2020-12-30", (2020, 53), (2020, 53)),
        ("2020-12-31", (2020, 53), (2020, 53)),
        ("2021-01-03", (2021, 1), (2020, 53)),
        ("2021-01-04", (2021, 1), (2021, 1)),
        ("1969-12-31", (1969, 53), (1970, 1)),
    ];
    for (date, coat, iso) in expected {
        assert_eq!((weeks::week(day(date), false), weeks::week(day(date), true)), (Some(coat), Some(iso)), "{date}");
    }
    let rows: Vec<_> = (29..=31)
        .map(|day| format!("2019-12-{day}"))
        .chain((1..=6).map(|day| format!("2020-01-0{day}")))
        .map(|date| event("a 2020", &format!("{date} 12:00"), "vole", "M"))
        .collect();
    let iso = run(&[("weeks", ParamValue::Text("iso".into()))], "", &rows);
    assert_eq!(weeks(&iso, "cricetidae"), ["a 2019 52 1", "a 2020 1 7", "a 2020 2 1"]);
    assert_eq!(weeks(&run(&[], "", &rows), "cricetidae"), ["a 2019 52 2", "a 2019 53 1", "a 2020 1 6"]);
}

#[test]
fn what_nobody_labelled_is_missing_and_what_is_no_class_is_said() {
    let mut timeless = event("a 2024", "2024-07-01 12:00", "vole", "M");
    timeless[4] = Cell::Null;
    let mut homeless = lapse("a 2024", "2024-07-01");
    homeless[0] = Cell::Null;
    let rows = [
        event("a 2024", "2024-07-01 12:00", "", "M"),
        event("a 2024", "2024-07-02 12:00", "", "M"),
        event("a 2024", "2024-07-02 13:00", "mink", "M"),
        timeless,
        homeless,
    ];
    let outputs = run(&[], "", &rows);
    assert_eq!(days(&outputs, "vole"), ["a 2024 2024-07-01   unlabelled", "a 2024 2024-07-02 0 false observed"]);
    let expected = [("unlabelled_days", 1), ("unlabelled", 2), ("other_labels", 1), ("without_time", 1), ("without_site", 1)];
    assert_eq!(said(&outputs), expected);
}

#[test]
fn without_classes_seasons_or_triggers() {
    let events =
        Schema::of(&[("site", Type::Text), ("first", Type::DateTime), ("label", Type::Text), ("day_missing", Type::Bool)]);
    let (columns, said) = Project::new().columns(&*step(&KIND, &[]), &events);
    assert_eq!((columns, said.len()), (None, 1));
    assert!(said[0].starts_with("TL0502"), "{said:?}");
    let motion = step(&KIND, &[("count", ParamValue::Text("motion".into()))]);
    assert!(project("").columns(&*motion, &events).1[0].starts_with("TL0412"));
    let (columns, _) = project("").columns(&*step(&KIND, &[]), &events);
    let row = vec![text("a"), Cell::DateTime(0), text("vole"), Cell::Null];
    let table =
        table(&[("site", Type::Text), ("first", Type::DateTime), ("label", Type::Text), ("day_missing", Type::Bool)], &[row]);
    let outputs = project("site,season,from,to\na,x,1970-01-01,1970-01-02\n").run(&*step(&KIND, &[]), &table).unwrap();
    for (schema, table) in columns.unwrap().iter().zip(&outputs.tables) {
        assert_eq!(*schema, table.schema);
    }
    assert_eq!(lines(&outputs.tables[1], &["site", "from", "to"]), ["a 1970-01-02 1970-01-02"]);
    assert_eq!(project("").run(&*step(&KIND, &[]), &table.take(&[])).unwrap().tables[2].rows, 0);
}

proptest! {
    /// Every event is on one day; every day from the first to the last is there once; order of rows does not matter.
    #[test]
    fn days_are_complete_and_sums_agree(
        events in prop::collection::vec((0..3_usize, 0..60_i64, 0..3_usize, any::<bool>()), 1..40),
        turn in 0..40_usize,
    ) {
        let row = |(site, day, label, is_bad): &(usize, i64, usize, bool)| {
            let time = civil::format((20_000 + day) * 86_400).replace('T', " ");
            let place = ["a 1", "b 1", "b 2"][*site];
            if *is_bad { bad(place, &time) } else { event(place, &time, ["vole", "stoat", "empty"][*label], "M") }
        };
        let mut rows: Vec<_> = events.iter().map(row).collect();
        let outputs = run(&[("missing_days", ParamValue::Int(6))], "", &rows);
        let days = &outputs.tables[0];
        let total = |table: &Table, name: &str| (0..table.rows).filter_map(|row| table.column(name).unwrap().int(row)).sum::<i64>();
        let missing: Vec<_> = events.iter().filter(|event| event.3).map(|event| (event.0, event.1)).collect();
        let expected = events.iter().filter(|event| event.2 < 2 && !missing.contains(&(event.0, event.1))).count();
        prop_assert_eq!(total(days, "events"), i64::try_from(expected).unwrap());
        prop_assert!(total(&outputs.tables[2], "v_abundance") <= total(days, "events"));
        for row in 0..days.rows {
            let known = days.cell(row, "status").to_string() == "observed";
            prop_assert_eq!(days.column("events").unwrap().int(row).is_some(), known);
            prop_assert_eq!(days.column("present").unwrap().bool(row), days.column("events").unwrap().int(row).map(|count| count > 0));
        }
        let mut seen: Vec<String> = lines(days, &["site", "season", "date", "class"]);
        prop_assert!(seen.is_sorted_by(|a, b| a.rsplit_once(' ').unwrap().0 <= b.rsplit_once(' ').unwrap().0));
        seen.sort();
        seen.dedup();
        prop_assert_eq!(seen.len(), days.rows);
        let length = rows.len();
        rows.rotate_left(turn % length);
        prop_assert_eq!(&run(&[("missing_days", ParamValue::Int(6))], "", &rows).tables, &outputs.tables);
    }
}
