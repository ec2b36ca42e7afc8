#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "small, exact numbers"
)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::diagnostic::Spanned;
use crate::id::ContentId;
use crate::step::testing::{NOWHERE, Project, content, params, step, table, text};
use crate::step::{ParamValue, evaluate, label_type, review};
use crate::table::{Cell, Column};

const FIELDS: &[(&str, Type)] = &[
    ("content", Type::Content),
    ("path", Type::Text),
    ("site", Type::Text),
    ("season", Type::Text),
    ("trigger", Type::Text),
    ("event", Type::Int),
    ("datetime_raw", Type::DateTime),
    ("label", Type::Text),
    ("confidence", Type::Float32),
    ("p_empty", Type::Float32),
    ("p_stoat", Type::Float32),
    ("p_vole", Type::Float32),
];

const CLASSES: [&str; 3] = ["empty", "stoat", "vole"];

/// Image `number` of a season: three to an event, five sites, ten events a day; its prediction follows from a hash of it.
fn image(season: &str, number: i64) -> Vec<Cell> {
    let (event, site) = (number / 3, number / 3 % 5);
    let path = format!("s{site}/{season}/{number}.jpg");
    let chance = ContentId::of(path.as_bytes());
    let class = match chance.0[0] {
        0..=149 => 0,
        150..=245 => 2,
        _ => 1,
    };
    let sure = 0.4 + f32::from(chance.0[1]) / 512.0;
    let mut row = vec![
        content(&path),
        text(&path),
        text(&format!("s{site}")),
        text(season),
        text("M"),
        Cell::Int(event),
        Cell::DateTime(event * 8640 + number % 3),
        text(CLASSES[class]),
        Cell::Float32(sure),
    ];
    let rest = (1.0 - sure) * f32::from(chance.0[2]) / 255.0;
    let others = [rest, 1.0 - sure - rest];
    let mut others = others.iter();
    row.extend((0..3).map(|at| Cell::Float32(if at == class { sure } else { *others.next().unwrap() })));
    row
}

fn images(season: &str, numbers: impl IntoIterator<Item = i64>) -> Table {
    table(FIELDS, &numbers.into_iter().map(|number| image(season, number)).collect::<Vec<_>>())
}

fn list(names: &[&str]) -> ParamValue {
    ParamValue::List(names.iter().map(|name| Spanned { value: ParamValue::Text((*name).into()), span: NOWHERE }).collect())
}

fn word(text: &str) -> ParamValue {
    ParamValue::Text(text.into())
}

fn chosen(given: &[(&'static str, ParamValue)], inputs: &[&[&Table]]) -> Outputs {
    Project::new().run_on(&*step(&KIND, given), inputs).unwrap()
}

fn paths(table: &Table) -> BTreeSet<String> {
    (0..table.rows).map(|row| table.cell(row, "path").to_string()).collect()
}

/// Rows by the value of a column.
fn counted(table: &Table, column: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    (0..table.rows).for_each(|row| *counts.entry(table.cell(row, column).to_string()).or_default() += 1);
    counts
}

fn quotas(n: i64) -> Vec<(&'static str, ParamValue)> {
    vec![("by", list(&["season", "site"])), ("per_group", ParamValue::Int(n))]
}

#[test]
fn each_class_of_each_site_gives_its_quota_and_each_event_one_image() {
    let all = images("2024", 0..900);
    let out = chosen(&quotas(4), &[&[&all]]);
    let selection = &out.tables[0];
    for (why, count) in counted(selection, "why") {
        assert!(why.starts_with("quota: class=") && (count == 4 || why.contains("stoat")), "{why}: {count}");
    }
    assert_eq!(counted(selection, "why").len(), 15);
    assert!(counted(selection, "event").values().all(|count| *count == 1));
    assert_eq!(counted(selection, "type"), [(label_type::TRAINING.to_owned(), selection.rows)].into());
    let table = &out.tables[1];
    let sum = |name: &str| (0..table.rows).filter_map(|row| table.column(name).unwrap().int(row)).sum::<i64>() as usize;
    assert_eq!((sum("taken"), sum("available"), sum("wanted")), (selection.rows, 900, 60));
    // Two images of an event, where asked for.
    let twice = [quotas(30), vec![("max_per_event", ParamValue::Int(2))]].concat();
    assert_eq!(counted(&chosen(&twice, &[&[&all]]).tables[0], "event").into_values().max(), Some(2));
}

#[test]
fn rare_classes_are_taken_whole_or_up_to_a_number_of_each_season() {
    let all = Table::concat(&[images("2023", 0..900), images("2024", 0..900)]).unwrap();
    let events_of = |season: &str| {
        let rows = (0..all.rows).filter(|row| all.cell(*row, "season") == crate::table::CellRef::Text(season));
        let stoats = rows.filter(|row| all.cell(*row, "label").to_string() == "stoat");
        stoats.map(|row| all.cell(row, "event").to_string()).collect::<BTreeSet<_>>().len()
    };
    let given = [quotas(1), vec![("rare", list(&["stoat"]))]].concat();
    let out = chosen(&given, &[&[&all]]);
    let why = counted(&out.tables[0], "why");
    assert_eq!(why["rare: class=stoat season=2024"], events_of("2024"));
    assert_eq!(why["rare: class=stoat season=2023"], events_of("2023"));
    assert!(!why.keys().any(|why| why.starts_with("quota: class=stoat")));
    let up_to = [given, vec![("rare_max", ParamValue::Int(3))]].concat();
    let out = chosen(&up_to, &[&[&all]]);
    assert_eq!((counted(&out.tables[0], "why")["rare: class=stoat season=2024"], out.metrics["rare"]), (3, 6.0));
}

#[test]
fn where_one_class_gave_many_others_of_the_same_days_are_added() {
    let all = images("2024", 0..900);
    let given = [
        ("by", list(&["season", "site"])),
        (
            "per_class_n",
            ParamValue::Map(vec![(
                Spanned { value: "vole".into(), span: NOWHERE },
                Spanned { value: ParamValue::Int(8), span: NOWHERE },
            )]),
        ),
        ("background", ParamValue::Number(0.5)),
        ("background_from", ParamValue::Int(8)),
    ];
    let mut project = Project::new();
    project.classes = classes();
    let out = project.run(&*step(&KIND, &given), &all).unwrap();
    let selection = &out.tables[0];
    let why = counted(selection, "why");
    for site in 0..5 {
        assert_eq!(why[&format!("quota: class=vole season=2024 site=s{site}")], 8);
        // Empty and stoat in turn.
        assert_eq!(why[&format!("background: class=vole site=s{site} season=2024")], 4);
    }
    let added = (0..selection.rows).filter(|row| selection.cell(*row, "why").to_string().starts_with("background"));
    let mut labels: BTreeMap<String, usize> = BTreeMap::new();
    for row in added {
        *labels.entry(selection.cell(row, "label").to_string()).or_default() += 1;
    }
    // One site has a single stoat in those days.
    assert_eq!(labels, [("empty".to_owned(), 11), ("stoat".to_owned(), 9)].into());
    assert!(counted(selection, "event").values().all(|count| *count == 1));
    // Days: nothing from before the first or after the last vole.
    for site in 0..5 {
        let rows = (0..selection.rows).filter(|row| selection.cell(*row, "site").to_string() == format!("s{site}"));
        let (mut voles, mut others) = (Vec::new(), Vec::new());
        for row in rows {
            let day = selection.column("datetime_raw").unwrap().datetime(row).unwrap() / 86_400;
            if selection.cell(row, "label").to_string() == "vole" { voles.push(day) } else { others.push(day) }
        }
        let (from, to) = (*voles.iter().min().unwrap(), *voles.iter().max().unwrap());
        assert!(others.iter().all(|day| (from..=to).contains(day)));
    }
}

fn classes() -> crate::taxonomy::Taxonomy {
    let class = |name: &&str| crate::taxonomy::Class {
        name: Spanned { value: (*name).to_owned(), span: NOWHERE },
        role: if *name == "empty" { crate::taxonomy::Role::Empty } else { crate::taxonomy::Role::Animal },
        key: None,
        colour: None,
        display: None,
        species_id: None,
        taxon: None,
    };
    crate::taxonomy::Taxonomy { classes: CLASSES.iter().map(class).collect() }
}

#[test]
fn no_image_of_an_event_that_a_quality_check_touches_is_chosen() {
    let all = images("2024", 0..300);
    let drawn: Vec<i64> = (0..300).step_by(7).collect();
    let sample = images("2024", drawn.iter().copied());
    // Labels of the sample as a review gives them, without times.
    let labels = sample.select(&["content", "site", "season"]).unwrap();
    let everything = [quotas(1000), vec![("background", ParamValue::Number(1.0))]].concat();
    for exclude in [&sample, &labels] {
        let out = chosen(&everything, &[&[&all], &[exclude]]);
        let touched: BTreeSet<String> = drawn.iter().map(|number| (number / 3).to_string()).collect();
        let events = counted(&out.tables[0], "event");
        assert!(events.keys().all(|event| !touched.contains(event)));
        assert_eq!(events.len(), 100 - touched.len());
        assert_eq!(out.metrics["excluded"], (touched.len() * 3) as f64);
        assert!(out.findings.iter().any(|found| found.kind == "excluded" && found.count == touched.len() as u64 * 3));
    }
}

#[test]
fn bounds_and_orders_say_which_come_first() {
    let all = images("2024", 0..900);
    let confidences = |table: &Table| -> Vec<f32> {
        (0..table.rows).map(|row| table.column("confidence").unwrap().float32(row).unwrap()).collect()
    };
    let bounded =
        [quotas(3), vec![("min_confidence", ParamValue::Number(0.5)), ("max_confidence", ParamValue::Number(0.6))]].concat();
    let out = chosen(&bounded, &[&[&all]]);
    assert!(confidences(&out.tables[0]).iter().all(|p| (0.5..=0.6).contains(p)) && out.tables[0].rows > 20);
    let least = chosen(&[quotas(3), vec![("order", word("least_confidence"))]].concat(), &[&[&all]]);
    let random = chosen(&quotas(3), &[&[&all]]);
    let mean = |table: &Table| confidences(table).iter().sum::<f32>() / table.rows as f32;
    assert!(
        mean(&least.tables[0]) < 0.5 && mean(&random.tables[0]) > 0.55,
        "{} {}",
        mean(&least.tables[0]),
        mean(&random.tables[0])
    );
    // Within a group, rank follows the order.
    let table = &least.tables[0];
    let mut of_group: Vec<(i64, f32)> = (0..table.rows)
        .filter(|row| table.cell(*row, "why").to_string() == "quota: class=empty season=2024 site=s1")
        .map(|row| (table.column("rank").unwrap().int(row).unwrap(), table.column("confidence").unwrap().float32(row).unwrap()))
        .collect();
    of_group.sort_by_key(|one| one.0);
    assert_eq!(of_group.iter().map(|one| one.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(of_group.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{of_group:?}");
    for order in ["margin", "entropy", "diversity"] {
        let out = chosen(&[quotas(3), vec![("order", word(order))]].concat(), &[&[&all]]);
        assert_eq!(out.tables[0].rows, least.tables[0].rows, "{order}");
        assert!(counted(&out.tables[0], "event").values().all(|count| *count == 1));
    }
}

#[test]
fn images_far_apart_are_chosen_by_diversity() {
    // Forty images in two heaps: by chance three of four draws of two come from one heap or have both; k-center always has both.
    let fields = [("path", Type::Text), ("label", Type::Text), ("f_0", Type::Float32), ("f_1", Type::Float32)];
    let point = |at: usize| {
        let heap = if at < 38 { 0.0 } else { 50.0 };
        vec![text(&at.to_string()), text("vole"), Cell::Float32(heap + at as f32 / 100.0), Cell::Float32(0.0)]
    };
    let all = table(&fields, &(0..40).map(point).collect::<Vec<_>>());
    for seed in 0..20 {
        let given = [("per_group", ParamValue::Int(2)), ("order", word("diversity")), ("seed", ParamValue::Int(seed))];
        let names = paths(&chosen(&given, &[&[&all]]).tables[0]);
        let far = names.iter().filter(|name| name.parse::<usize>().unwrap() >= 38).count();
        assert_eq!((names.len(), far), (2, 1), "{names:?}");
    }
    // The pool bounds what is compared, never what is taken.
    let wanted = |given: &[(&'static str, ParamValue)]| {
        let given = [given, &[("order", word("diversity")), ("pool", ParamValue::Int(3))]].concat();
        chosen(&given, &[&[&all]]).tables[0].rows
    };
    assert_eq!((wanted(&[("rare", list(&["vole"]))]), wanted(&[("per_group", ParamValue::Int(7))])), (40, 7));
}

#[test]
fn labels_of_a_selection_enter_no_estimate() {
    let all = images("2024", 0..300);
    let selection = chosen(&quotas(3), &[&[&all]]).tables.remove(0);
    let mut project = Project::new();
    project.classes = classes();
    let mut rows = "observation,class\n".to_owned();
    for row in 0..selection.rows {
        rows.push_str(&format!("{},stoat\n", selection.cell(row, "content")));
    }
    project.write("labels/training/anna.csv", rows);
    let reviewed = project.run(&*step(&review::KIND, &[("labels", word("labels/training"))]), &selection).unwrap();
    let labels = &reviewed.tables[0];
    assert_eq!(
        (labels.rows, counted(labels, "type")),
        (selection.rows, [(label_type::TRAINING.to_owned(), selection.rows)].into())
    );
    assert_eq!(reviewed.metrics["missing_labels"], 0.0);
    // What an image is passes through; what a model said does not.
    for name in ["content", "path", "site", "season", "trigger", "event", "datetime_raw"] {
        assert!(labels.column(name).is_some(), "{name}");
    }
    let measured = project.run_on(&*step(&evaluate::KIND, &[]), &[&[&all], &[labels]]).unwrap();
    assert_eq!(measured.tables[4].rows, 0, "no checked image");
    assert!(!measured.metrics.contains_key("accuracy"), "{:?}", measured.metrics);
}

#[test]
fn who_left_and_entered_is_said() {
    let select = step(&KIND, &quotas(3));
    let before = chosen(&quotas(3), &[&[&images("2024", 0..300)]]).tables.remove(0);
    let grown = chosen(&quotas(3), &[&[&images("2024", 0..450)]]).tables.remove(0);
    let both = Table::concat(&[images("2025", 0..300), images("2024", 0..300)]).unwrap();
    let both = chosen(&quotas(3), &[&[&both]]).tables.remove(0);
    assert!(select.tells_changes() && select.changes(&before, &before).is_empty());
    let kinds = |after: &Table| select.changes(&before, after).into_iter().map(|found| found.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&grown), ["left_selection", "entered_selection"]);
    assert_eq!(kinds(&both), ["entered_selection"], "a new season moves nothing");
}

#[test]
fn mistakes_are_said_before_the_run() {
    let mut report = Report::default();
    assert!((KIND.read)(&params(&KIND, &[]), &mut report).is_none());
    assert_eq!(report.diagnostics[0].message, "the selection says nowhere how many images to choose");
    let less = images("2024", 0..3).select(&["content", "season", "label"]).unwrap().schema;
    let said = |given: &[(&'static str, ParamValue)]| Project::new().columns_of(&*step(&KIND, given), &[vec![less.clone()]]).1;
    let n = ("per_group", ParamValue::Int(1));
    assert_eq!(
        said(&[
            n.clone(),
            ("order", word("margin")),
            ("background", ParamValue::Number(1.0)),
            ("max_confidence", ParamValue::Number(0.5))
        ]),
        [
            "TL0412 backgrounds are those of a site, and the predictions have no column `site`",
            "TL0412 bounds of confidence need the column `confidence`, which the predictions do not have",
            "TL0412 this `order` needs `confidence` and `confidence_2`, or `p_CLASS`, which the predictions do not have",
            "TL0521 images are chosen across seasons: a new one will exchange some of them"
        ]
    );
    assert_eq!(said(&[n, ("by", list(&["season", "class"]))]), ["TL0511 `by` names `class`, which `select` makes itself"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn a_new_season_and_the_order_of_rows_move_nothing(
        numbers in prop::collection::btree_set(0..300_i64, 1..120),
        later in prop::collection::btree_set(0..300_i64, 0..120),
        order in prop::sample::select(Order::WORDS),
        n in 1..4_i64,
    ) {
        let given = [
            quotas(n),
            vec![
                ("order", word(order)),
                ("rare", list(&["stoat"])),
                ("rare_max", ParamValue::Int(2)),
                ("background", ParamValue::Number(0.5)),
                ("background_from", ParamValue::Int(2)),
            ],
        ]
        .concat();
        let before = paths(&chosen(&given, &[&[&images("2024", numbers.iter().copied())]]).tables[0]);
        let both = Table::concat(&[images("2025", later), images("2024", numbers.into_iter().rev())]).unwrap();
        let after = paths(&chosen(&given, &[&[&both]]).tables[0]);
        let kept: BTreeSet<String> = after.into_iter().filter(|path| path.contains("/2024/")).collect();
        prop_assert_eq!(before, kept);
    }
}

#[test]
fn images_of_a_group_are_chosen_alike_over_many_seeds() {
    let all = images("2024", (0..60).map(|number| number * 3));
    let one = Column::repeated(Type::Text, crate::table::CellRef::Text("vole"), all.rows).unwrap();
    let all = all.with_column("label", one.into()).unwrap();
    let mut hits: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..300 {
        let given = [("per_group", ParamValue::Int(12)), ("seed", ParamValue::Int(seed))];
        for path in paths(&chosen(&given, &[&[&all]]).tables[0]) {
            *hits.entry(path).or_default() += 1;
        }
    }
    // 300 draws with p = 0.2 each: 59 degrees of freedom, 98.3 in one of a thousand.
    let chi: f64 = hits.values().map(|n| (f64::from(*n) - 60.0).powi(2) / 60.0).sum::<f64>() + (60 - hits.len()) as f64 * 60.0;
    assert!(chi < 98.3, "{chi}");
}
