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
use crate::step::label_type;
use crate::step::testing::{NOWHERE, Project, content, params, step, table, text};
use crate::step::{ParamValue, evaluate};
use crate::table::Cell;

const FIELDS: &[(&str, Type)] = &[
    ("content", Type::Content),
    ("path", Type::Text),
    ("site", Type::Text),
    ("season", Type::Text),
    ("trigger", Type::Text),
    ("event", Type::Int),
    ("datetime_raw", Type::DateTime),
    ("class", Type::Text),
];

const CLASSES: [&str; 4] = ["empty", "stoat", "vole", "vole"];

/// Image `number` of a season: three to an event, seven sites; its class follows from its event.
fn image(season: &str, number: i64) -> Vec<Cell> {
    let (event, site) = (number / 3, number / 3 % 7);
    let path = format!("s{site}/{season}/{number}.jpg");
    vec![
        content(&path),
        text(&path),
        text(&format!("s{site}")),
        text(season),
        text("M"),
        Cell::Int(event),
        Cell::DateTime(event * 1000 + number % 3),
        text(CLASSES[(event * 7 % 11 % 4) as usize]),
    ]
}

fn images(season: &str, numbers: impl IntoIterator<Item = i64>) -> Table {
    table(FIELDS, &numbers.into_iter().map(|number| image(season, number)).collect::<Vec<_>>())
}

fn texts(texts: &[Option<&str>]) -> std::sync::Arc<crate::table::Column> {
    let mut column = crate::table::ColumnBuilder::new(Type::Text);
    for text in texts {
        column.push_optional_text(*text);
    }
    column.finish().unwrap().into()
}

fn list(names: &[&str]) -> ParamValue {
    ParamValue::List(names.iter().map(|name| Spanned { value: ParamValue::Text((*name).into()), span: NOWHERE }).collect())
}

fn map(entries: &[(&str, &str)]) -> ParamValue {
    let at = |value: &str| Spanned { value: ParamValue::Text(value.into()), span: NOWHERE };
    ParamValue::Map(entries.iter().map(|(key, value)| (Spanned { value: (*key).into(), span: NOWHERE }, at(value))).collect())
}

fn parted(given: &[(&'static str, ParamValue)], inputs: &[&[&Table]]) -> Outputs {
    Project::new().run_on(&*step(&KIND, given), inputs).unwrap()
}

/// Side by path.
fn sides(out: &Outputs) -> BTreeMap<String, String> {
    let table = &out.tables[0];
    (0..table.rows).map(|row| (table.cell(row, "path").to_string(), table.cell(row, SPLIT).to_string())).collect()
}

fn kinds(out: &Outputs) -> Vec<(&str, u64)> {
    out.findings.iter().map(|finding| (finding.kind.as_str(), finding.count)).collect()
}

/// Groups with the sides that their images are on.
fn sides_of_groups(out: &Outputs) -> BTreeMap<String, BTreeSet<String>> {
    let table = &out.tables[0];
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in 0..table.rows {
        groups.entry(table.cell(row, GROUP).to_string()).or_default().insert(table.cell(row, SPLIT).to_string());
    }
    groups
}

#[test]
fn each_class_has_its_shares_on_average() {
    let all = images("2024", 0..9000);
    let given = [("validation", ParamValue::Number(0.2)), ("test", ParamValue::Number(0.1))];
    let out = parted(&given, &[&[&all]]);
    // 3000 events: chi-square with two degrees of freedom, 13.8 in one of a thousand seeds.
    let groups = sides_of_groups(&out);
    let counted = |side: &str| groups.values().filter(|sides| sides.contains(side)).count() as f64;
    let chi: f64 = [("train", 2100.0), ("validation", 600.0), ("test", 300.0)]
        .iter()
        .map(|(side, expected)| (counted(side) - expected).powi(2) / expected)
        .sum();
    assert!(chi < 13.8, "{chi}");
    assert_eq!(groups.len(), 3000);
    let strata = &out.tables[2];
    let total: i64 = (0..strata.rows).filter_map(|row| strata.column("images").unwrap().int(row)).sum();
    assert_eq!((strata.rows, total), (9, 9000));
    assert_eq!(out.findings, []);
    assert_eq!(out.metrics["train"] + out.metrics["validation"] + out.metrics["test"], 9000.0);
}

#[test]
fn single_images_are_drawn_alike_over_many_seeds() {
    let all = images("2024", (0..30).map(|number| number * 3));
    let mut test = [0_u32; 30];
    for seed in 0..400 {
        let given = [("group", list(&["none"])), ("test", ParamValue::Number(0.25)), ("seed", ParamValue::Int(seed))];
        for (row, side) in sides(&parted(&given, &[&[&all]])).into_values().enumerate() {
            test[row] += u32::from(side == "test");
        }
    }
    // 400 draws with p = 0.25 each: 30 degrees of freedom, 59.7 in one of a thousand.
    let chi: f64 = test.iter().map(|n| (f64::from(*n) - 100.0).powi(2) / 75.0).sum();
    assert!(chi < 59.7, "{chi} {test:?}");
}

#[test]
fn more_validation_leaves_the_test_alone() {
    let all = images("2024", 0..600);
    let tested = |validation: f64| {
        let out = parted(&[("validation", ParamValue::Number(validation))], &[&[&all]]);
        sides(&out).into_iter().filter(|(_, side)| side == "test").map(|(path, _)| path).collect::<BTreeSet<_>>()
    };
    assert!(tested(0.1).len() > 20);
    assert_eq!(tested(0.1), tested(0.4));
}

#[test]
fn counting_gives_each_class_its_share_and_a_new_season_moves_nothing() {
    let given = [("stratify", ParamValue::Bool(true))];
    let before = images("2024", 0..150);
    let out = parted(&given, &[&[&before]]);
    let strata = &out.tables[2];
    for row in 0..strata.rows {
        let groups = strata.column("groups").unwrap().int(row).unwrap();
        assert!(groups > 0, "{} {}", strata.cell(row, "class"), strata.cell(row, SPLIT));
    }
    assert!(sides_of_groups(&out).values().all(|sides| sides.len() == 1));
    let both = Table::concat(&[images("2025", 0..90), before]).unwrap();
    let (old, new) = (sides(&out), sides(&parted(&given, &[&[&both]])));
    assert!(old.iter().all(|(path, side)| new[path] == *side));
    // Two groups are too few to be parted.
    let two = parted(&given, &[&[&images("2024", 0..6)]]);
    assert!(sides(&two).values().all(|side| side == "train"));
    assert!(kinds(&two).iter().any(|(kind, _)| *kind == "class_lacks_side"));
}

#[test]
fn sides_that_somebody_gave_are_taken_and_torn_groups_are_counted() {
    let all = images("2024", 0..9);
    let folds = ["valid", "train", "train", "train", "train", "train", "test", "test", "test"];
    let all = all.with_column("fold", texts(&folds.map(Some))).unwrap();
    let given = [("column", ParamValue::Text("fold".into())), ("values", map(&[("valid", "validation")]))];
    let out = parted(&given, &[&[&all]]);
    assert_eq!(sides(&out)["s0/2024/0.jpg"], "validation");
    assert_eq!((out.metrics["divided_groups"], out.metrics["test"]), (1.0, 3.0));
    let error = Project::new().run(&*step(&KIND, &given[..1]), &all).unwrap_err();
    assert_eq!(
        error.to_string(),
        "values of `fold` say no side: `valid` (1 images); write what they mean, as in `values: { valid: validation }`"
    );
}

#[test]
fn what_cannot_be_trained_with_is_left_out_and_counted() {
    let mut rows: Vec<_> = (0..30).map(|number| image("2024", number)).collect();
    rows[0][7] = Cell::Null;
    rows[3][7] = text("difficult");
    rows[24][7] = text("unknown");
    rows[6][7] = text("unicorn");
    rows[9][0] = Cell::Null;
    rows[18][1] = Cell::Null;
    // The same bytes at another site: once as the same class, once as another.
    let mut copy = rows[12].clone();
    copy[1] = text("s9/2024/copy.jpg");
    let mut other = rows[15].clone();
    (other[1], other[7]) = (text("s9/2024/other.jpg"), text("mole"));
    rows.extend([copy, other]);
    let mut project = Project::new();
    project.classes = taxonomy(&["empty", "stoat", "vole", "mole", "lynx"]);
    let all = table(FIELDS, &rows);
    let out = project.run(&*step(&KIND, &[("ambiguous", list(&["difficult"]))]), &all).unwrap();
    let expected = [
        ("without_content", 1),
        ("without_path", 1),
        ("contradicting", 2),
        ("without_class", 1),
        ("ambiguous", 2),
        ("unknown_class", 1),
        ("repeated", 1),
    ];
    assert_eq!(kinds(&out)[..7], expected);
    assert!(kinds(&out).contains(&("class_without_images", 2)), "lynx, and the mole that was a contradiction: {:?}", kinds(&out));
    assert_eq!((out.tables[0].rows, out.metrics["left_out"]), (23, 9.0));
    assert!(sides(&out).contains_key("s4/2024/12.jpg"));
}

fn taxonomy(names: &[&str]) -> crate::taxonomy::Taxonomy {
    let class = |name: &&str| crate::taxonomy::Class {
        name: Spanned { value: (*name).to_owned(), span: NOWHERE },
        role: if *name == "empty" { crate::taxonomy::Role::Empty } else { crate::taxonomy::Role::Animal },
        key: None,
        colour: None,
        display: None,
        species_id: None,
        taxon: None,
    };
    crate::taxonomy::Taxonomy { classes: names.iter().map(class).collect() }
}

#[test]
fn labels_count_before_classes_and_inputs_come_together() {
    let (old, new) = (images("2023", 0..6), images("2024", 0..6));
    let bare = new.select(&["content", "path", "site", "season"]).unwrap();
    let mut labels = images("2024", 0..3).select(&["content", "site", "season"]).unwrap();
    labels = labels.with_column("class", texts(&[Some("stoat"); 3])).unwrap();
    let stray = images("2022", 0..2).select(&["content", "site", "season", "class"]).unwrap();
    let out = parted(&[], &[&[&old, &bare], &[&labels, &stray]]);
    // Of an archive most images have no label: that is nothing to be said.
    assert_eq!((out.tables[0].rows, kinds(&out)[0], out.metrics["left_out"]), (9, ("unmatched_labels", 2), 0.0));
    let rows = 0..out.tables[0].rows;
    let classes: Vec<_> = rows.filter(|row| out.tables[0].cell(*row, "season").to_string() == "2024").collect();
    assert!(classes.iter().all(|row| out.tables[0].cell(*row, "class").to_string() == "stoat"));
}

#[test]
fn events_that_a_quality_check_touches_are_on_no_side() {
    let all = images("2024", 0..90);
    // The third image of event 2, which is not among the images; the image of event 5 as a label without times.
    let less = images("2024", (0..90).filter(|number| *number != 8));
    let drawn = images("2024", [8]);
    let label = images("2024", [15]).select(&["content", "site", "season"]).unwrap();
    let out = parted(&[], &[&[&less], &[], &[&drawn, &label]]);
    let found = sides(&out);
    assert_eq!((found.len(), out.metrics["excluded"]), (84, 5.0));
    for number in [6, 7, 15, 16, 17] {
        assert!(!found.keys().any(|path| path.ends_with(&format!("/{number}.jpg"))), "{number}");
    }
    let whole = sides(&parted(&[], &[&[&all]]));
    assert!(found.iter().all(|(path, side)| whole[path] == *side), "the others are where they were");
}

#[test]
fn names_tell_cameras_apart_where_no_folder_does() {
    let row = |name: &str, second: i64| vec![content(name), text(&format!("lynx/{name}")), Cell::DateTime(second), text("lynx")];
    let fields = [("content", Type::Content), ("path", Type::Text), ("datetime_raw", Type::DateTime), ("class", Type::Text)];
    let all = table(&fields, &[row("3.1 D (1).jpg", 0), row("3.1 D (2).jpg", 60), row("8.2 G (1).jpg", 30), row("odd.jpg", 30)]);
    assert_eq!(parted(&[], &[&[&all]]).metrics["groups"], 1.0);
    let pattern = ("group_pattern", ParamValue::Text(r"([^/]+) \(".into()));
    let out = parted(std::slice::from_ref(&pattern), &[&[&all]]);
    assert_eq!((out.metrics["groups"], kinds(&out)[0]), (3.0, ("pattern_unmatched", 1)));
    let cameras = parted(&[pattern, ("group", list(&["none"]))], &[&[&all]]);
    let names: Vec<_> = sides_of_groups(&cameras).into_keys().collect();
    assert_eq!(names, ["group_pattern missing", "group_pattern=3.1 D", "group_pattern=8.2 G"]);
}

#[test]
fn without_times_images_are_parted_one_by_one_and_that_is_said() {
    let all = images("2024", 0..30).select(&["content", "path", "site", "class"]).unwrap();
    let out = parted(&[], &[&[&all]]);
    assert_eq!((kinds(&out)[0], out.metrics["groups"]), (("no_groups", 30), 30.0));
    let (_, said) = Project::new().columns_of(&*step(&KIND, &[("group", list(&["event"]))]), &[vec![all.schema.clone()]]);
    assert_eq!(said, ["TL0412 the images have neither times nor event numbers: their events are not known"]);
    let (_, said) = Project::new().columns_of(&*step(&KIND, &[("group", list(&["sites"]))]), &[vec![all.schema.clone()]]);
    assert_eq!(said, ["TL0508 the images have no column `sites`"]);
    let by_site = parted(&[("group", list(&["site"]))], &[&[&all]]);
    assert_eq!(sides_of_groups(&by_site).len(), 7);
}

#[test]
fn events_named_by_a_column_count_before_times() {
    let all = images("2024", 0..6);
    let ids = texts(&[Some("a"), Some("a"), Some("a"), Some("a"), None, None]);
    let all = all.with_column("event_id", ids).unwrap();
    let groups = sides_of_groups(&parted(&[], &[&[&all]]));
    assert_eq!((groups.len(), groups.contains_key("a")), (2, true));
}

#[test]
fn the_test_is_a_table_of_labels_with_which_a_model_can_be_measured() {
    let all = images("2024", 0..600);
    let out = parted(&[], &[&[&all]]);
    let test = &out.tables[1];
    assert!(test.rows > 0 && (0..test.rows).all(|row| test.cell(row, "type").to_string() == label_type::RANDOM));
    for (name, ty) in LABEL_COLUMNS {
        assert_eq!(test.column(name).unwrap().ty(), *ty);
    }
    // A model that is always right.
    let label = std::sync::Arc::clone(test.column("class").unwrap());
    let sure = crate::table::Column::repeated(Type::Float32, crate::table::CellRef::Float32(0.9), test.rows).unwrap();
    let predictions = test.with_column("label", label).unwrap().with_column("confidence", sure.into()).unwrap();
    let measured = Project::new().run_on(&*step(&evaluate::KIND, &[]), &[&[&predictions], &[test]]).unwrap();
    assert_eq!(measured.metrics["accuracy"], 1.0);
}

#[test]
fn mistakes_are_said_before_the_run() {
    let read = |given: &[(&'static str, ParamValue)]| {
        let mut report = Report::default();
        assert!((KIND.read)(&params(&KIND, given), &mut report).is_none());
        report.diagnostics.into_iter().map(|found| format!("{} {}", found.code.id, found.message)).collect::<Vec<_>>()
    };
    let number = ParamValue::Number;
    assert_eq!(
        read(&[("validation", number(0.5)), ("test", number(0.5))]),
        ["TL0504 validation (0.5) and test (0.5) leave nothing to train with"]
    );
    assert_eq!(
        read(&[("group", list(&["event", "site"]))]),
        ["TL0505 `event` stands alone: it is no column to be joined with others"]
    );
    assert_eq!(
        read(&[("group_pattern", ParamValue::Text("(".into()))]),
        ["TL0509 `group_pattern` is no regular expression: unclosed group"]
    );
    assert_eq!(
        read(&[("column", ParamValue::Text("fold".into())), ("values", map(&[("valid", "valid")]))]),
        ["TL0505 `valid` is no side"]
    );
    assert_eq!(
        read(&[("values", map(&[("valid", "test")]))]),
        ["TL0502 `values` says what the values of a column mean, and no `column` is named"]
    );
}

#[test]
fn who_changed_sides_is_said() {
    let all = images("2024", 0..300);
    let splitter = step(&KIND, &[]);
    let project = Project::new();
    let before = project.run(&*splitter, &all).unwrap().tables.remove(0);
    let more = project.run(&*splitter, &Table::concat(&[images("2023", 0..300), all.clone()]).unwrap()).unwrap().tables.remove(0);
    assert!(splitter.tells_changes() && splitter.changes(&before, &more).is_empty());
    let after = project.run(&*step(&KIND, &[("seed", ParamValue::Int(2))]), &all).unwrap().tables.remove(0);
    let said = splitter.changes(&before, &after);
    assert_eq!((said.len(), said[0].kind.as_str()), (1, "changed_side"));
    assert!(said[0].count > 10 && said[0].message.contains("from train to test"), "{}", said[0].message);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn more_images_and_seasons_move_none_and_no_group_is_torn(
        first in prop::collection::btree_set(0..120_i64, 1..60),
        more in prop::collection::btree_set(0..120_i64, 0..60),
        season in prop::collection::btree_set(0..120_i64, 0..30),
        group in prop::sample::select(vec!["event", "site", "none"]),
        seed in -3..3_i64,
    ) {
        let given = [("group", list(&[group])), ("seed", ParamValue::Int(seed)), ("validation", ParamValue::Number(0.3))];
        let before = sides(&parted(&given, &[&[&images("2024", first.iter().copied())]]));
        let all: BTreeSet<i64> = first.union(&more).copied().collect();
        // In another order, in several tables.
        let out = parted(&given, &[&[&images("2025", season), &images("2024", all.into_iter().rev())]]);
        let after = sides(&out);
        for (path, side) in &before {
            prop_assert_eq!(&after[path], side);
        }
        prop_assert!(sides_of_groups(&out).values().all(|sides| sides.len() == 1));
    }
}
