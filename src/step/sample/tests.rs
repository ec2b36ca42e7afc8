#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::float_cmp,
    reason = "small, exact numbers"
)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::diagnostic::Spanned;
use crate::id::ContentId;
use crate::step::testing::{NOWHERE, Project, params, step, table, text};
use crate::step::{ParamValue, label_type};
use crate::table::{Cell, ColumnBuilder};

const CLASSES: [&str; 4] = ["empty", "stoat", "vole", "shrew"];

/// Predictions of `images` of one season; content, class and confidence follow from the number of the image and `model`.
fn predictions(season: &str, images: std::ops::Range<u32>, model: u32) -> Table {
    let schema = Schema::of(&[
        ("content", Type::Content),
        ("path", Type::Text),
        ("site", Type::Text),
        ("season", Type::Text),
        ("label", Type::Text),
        ("confidence", Type::Float32),
    ]);
    let mut builders: Vec<_> = schema.fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
    for image in images {
        let id = ContentId::of(format!("{season} {image}").as_bytes());
        let chance = ContentId::of(format!("{season} {image} {model}").as_bytes());
        let [class, confidence] = [chance.0[0], chance.0[1]];
        let class = CLASSES[if class < 160 { 0 } else { usize::from(class) % 4 }];
        let row = [
            Cell::Content(id),
            text(&format!("s{}/{season}/{image}.jpg", image % 7)),
            text(&format!("s{}", image % 7)),
            text(season),
            text(class),
            Cell::Float32((f32::from(confidence) + 1.0) / 256.0),
        ];
        builders.iter_mut().zip(&row).for_each(|(builder, cell)| builder.push(cell.as_ref()));
    }
    Table::from_builders(schema, builders).unwrap()
}

fn list(names: &[&str]) -> ParamValue {
    ParamValue::List(names.iter().map(|name| Spanned { value: ParamValue::Text((*name).into()), span: NOWHERE }).collect())
}

fn map(entries: &[(&str, ParamValue)]) -> ParamValue {
    let at = |value: &ParamValue| Spanned { value: value.clone(), span: NOWHERE };
    ParamValue::Map(entries.iter().map(|(key, value)| (Spanned { value: (*key).into(), span: NOWHERE }, at(value))).collect())
}

fn drawn(given: &[(&'static str, ParamValue)], inputs: &[&[&Table]]) -> Outputs {
    Project::new().run_on(&*step(&KIND, given), inputs).unwrap()
}

fn contents(table: &Table) -> BTreeSet<String> {
    (0..table.rows).map(|row| table.cell(row, "content").to_string()).collect()
}

/// Rows by the value of a column.
fn counted(table: &Table, column: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    (0..table.rows).for_each(|row| *counts.entry(table.cell(row, column).to_string()).or_default() += 1);
    counts
}

fn holding(table: &Table, kind: &str) -> Table {
    let types = table.column("type").unwrap();
    let rows: Vec<u32> =
        (0..table.rows as u32).filter(|row| label_type::holds(types.text(*row as usize).unwrap(), kind)).collect();
    table.take(&rows)
}

fn shuffled(table: &Table) -> Table {
    let mut rows: Vec<u32> = (0..table.rows as u32).collect();
    rows.sort_by_key(|row| ContentId::of(&row.to_le_bytes()).0);
    table.take(&rows)
}

const N: fn(i64) -> ParamValue = ParamValue::Int;

#[test]
fn every_group_gives_as_many_as_wanted_or_all_it_has() {
    let images = Table::concat(&[predictions("2023", 0..300, 1), predictions("2024", 0..40, 1)]).unwrap();
    let out = drawn(&[("by", list(&["season"])), ("random_per_group", N(100))], &[&[&images]]);
    assert_eq!(counted(&out.tables[0], "season"), [("2023".into(), 100), ("2024".into(), 40)].into());
    assert_eq!(counted(&out.tables[0], "type"), [("random".into(), 140)].into());
    assert_eq!((out.metrics["drawn"], out.metrics["strata"], out.metrics["short_strata"]), (140.0, 2.0, 1.0));
    assert_eq!(out.findings[0].examples, ["random season=2024: 40 of 100"]);
    let first = |name| out.tables[0].cell(0, name).to_string();
    assert_eq!((first("stratum").as_str(), first("stratum_size").as_str()), ("random season=2023", "300"));
    assert_eq!(first("why"), format!("random season=2023: {} of 100 drawn among 300 images", first("rank")));
    let ranks: BTreeSet<_> = (0..100).map(|row| out.tables[0].column("rank").unwrap().int(row).unwrap()).collect();
    assert_eq!((ranks.first(), ranks.last(), ranks.len()), (Some(&1), Some(&100), 100));
}

#[test]
fn classes_and_bins_each_give_their_number_and_share_images() {
    let images = predictions("2024", 0..3000, 1);
    let given = [("per_class", N(50)), ("per_confidence_bin", N(60)), ("by", list(&["season"]))];
    let out = drawn(&given, &[&[&images]]);
    let sample = &out.tables[0];
    assert_eq!(counted(&holding(sample, "class"), "label"), CLASSES.iter().map(|class| ((*class).to_owned(), 50)).collect());
    assert_eq!(holding(sample, "confidence").rows, 600);
    let both = counted(sample, "type")["class+confidence"];
    assert_eq!(sample.rows, 800 - both);
    // Drawn independently: the expected overlap is the sum of products of the two rates, about 38.
    assert!((15..70).contains(&both), "{both}");
    let row = (0..sample.rows).find(|row| sample.cell(*row, "type").to_string() == "class+confidence").unwrap();
    let stratum = sample.cell(row, "stratum").to_string();
    let confidence = sample.column("confidence").unwrap().float32(row).unwrap();
    let words = format!("class={} season=2024 + confidence={} season=2024", sample.cell(row, "label"), {
        bins::Bins::new(10).words(bins::Bins::new(10).of(confidence))
    });
    assert_eq!(stratum, words);
    let strata = &out.tables[1];
    assert_eq!(counted(strata, "type"), [("class".into(), 4), ("confidence".into(), 10)].into());
    let total = |kind: &str| -> i64 {
        let rows = (0..strata.rows).filter(|row| strata.cell(*row, "type").to_string() == kind);
        rows.map(|row| strata.column("images").unwrap().int(row).unwrap()).sum()
    };
    assert_eq!((total("class"), total("confidence")), (3000, 3000));
}

#[test]
fn single_classes_may_have_numbers_of_their_own() {
    let images = predictions("2024", 0..1000, 1);
    let numbers = map(&[("stoat", N(7)), ("lynx", N(5)), ("empty", N(0))]);
    let out = drawn(&[("per_class_n", numbers.clone())], &[&[&images]]);
    assert_eq!(counted(&out.tables[0], "label"), [("stoat".into(), 7)].into());
    assert_eq!(counted(&out.tables[1], "class"), [("stoat", 1), ("lynx", 1), ("empty", 1)].map(|(c, n)| (c.into(), n)).into());
    // A class that was asked for and never predicted is short; one of which none is wanted is not.
    assert_eq!(out.metrics["short_strata"], 1.0);
    let out = drawn(&[("per_class_n", numbers), ("per_class", N(3))], &[&[&images]]);
    assert_eq!(counted(&out.tables[0], "label"), [("stoat", 7), ("vole", 3), ("shrew", 3)].map(|(c, n)| (c.into(), n)).into());
}

#[test]
fn images_without_a_label_are_drawn_at_random_only() {
    let fields = [("name", Type::Text), ("label", Type::Text), ("confidence", Type::Float32)];
    let rows = [("a", Some("vole"), Some(0.9)), ("b", None, None), ("c", None, Some(0.9)), ("d", Some("vole"), Some(0.95))];
    let cells = |(name, label, confidence): &(&str, Option<&str>, Option<f32>)| {
        vec![text(name), label.map_or(Cell::Null, text), confidence.map_or(Cell::Null, Cell::Float32)]
    };
    let images = table(&fields, &rows.iter().map(cells).collect::<Vec<_>>());
    let all = [("random_per_group", N(9)), ("per_class", N(9)), ("per_confidence_bin", N(9))];
    let out = drawn(&all, &[&[&images]]);
    let types: Vec<String> = (0..4).map(|row| out.tables[0].cell(row, "type").to_string()).collect();
    assert_eq!(types, ["random+class+confidence", "random", "random", "random+class+confidence"]);
    // 0.9 lies in (0.8,0.9], 0.95 above.
    assert!(out.tables[0].cell(0, "stratum").to_string().ends_with("confidence=(0.8,0.9]"));
    assert!(out.tables[0].cell(3, "stratum").to_string().ends_with("confidence=(0.9,1]"));
    // Empty bins are there, and no lack: random, vole and the two top bins are short.
    assert_eq!((out.tables[1].rows, out.metrics["short_strata"]), (12, 4.0));
}

#[test]
fn a_planned_size_follows_the_size_of_each_group() {
    let images = Table::concat(&[predictions("2023", 0..1000, 1), predictions("2024", 0..10, 1)]).unwrap();
    let plan = map(&[("half_width", ParamValue::Number(0.02)), ("expected", ParamValue::Number(0.95))]);
    let out = drawn(&[("by", list(&["season"])), ("plan_size", plan)], &[&[&images]]);
    assert_eq!(counted(&out.tables[0], "season"), [("2023".into(), 314), ("2024".into(), 10)].into());
    assert_eq!(out.metrics["short_strata"], 0.0);
}

#[test]
fn neither_order_nor_path_nor_model_moves_the_random_sample() {
    let images = predictions("2024", 0..2000, 1);
    let given = [("by", list(&["season"])), ("random_per_group", N(100))];
    let first = contents(&drawn(&given, &[&[&images]]).tables[0]);
    assert_eq!(contents(&drawn(&given, &[&[&shuffled(&images)]]).tables[0]), first);
    let mut moved = images.clone();
    let path = crate::table::Column::repeated(Type::Text, crate::table::CellRef::Text("elsewhere"), images.rows).unwrap();
    moved = moved.with_column("path", path.into()).unwrap();
    assert_eq!(contents(&drawn(&given, &[&[&moved]]).tables[0]), first);
    assert_eq!(contents(&drawn(&given, &[&[&predictions("2024", 0..2000, 2)]]).tables[0]), first);
    let before_classify = images.select(&["season", "content", "path", "site"]).unwrap();
    assert_eq!(contents(&drawn(&given, &[&[&before_classify]]).tables[0]), first);
    let other_seed = [("seed", N(2)), given[0].clone(), given[1].clone()];
    let second = contents(&drawn(&other_seed, &[&[&images]]).tables[0]);
    // Two independent samples of 100 of 2000 share about 5.
    assert!(first.intersection(&second).count() < 20);
}

#[test]
fn a_new_model_redraws_classes_and_bins_and_says_who_left() {
    let given = [("by", list(&["season"])), ("per_class", N(50)), ("per_confidence_bin", N(50))];
    let before = drawn(&given, &[&[&predictions("2024", 0..2000, 1)]]).tables.remove(0);
    let after = drawn(&given, &[&[&predictions("2024", 0..2000, 2)]]).tables.remove(0);
    assert_ne!(contents(&before), contents(&after));
    let findings = step(&KIND, &given).changes(&before, &after);
    assert_eq!(findings.iter().map(|finding| finding.kind.as_str()).collect::<Vec<_>>(), ["left_sample", "entered_sample"]);
    assert!(findings.iter().all(|finding| finding.count > 100 && finding.examples.len() == EXAMPLES));
}

#[test]
fn changes_are_counted_by_stratum_and_nothing_is_said_of_none() {
    let given = [("by", list(&["season"])), ("random_per_group", N(20))];
    let sampler = step(&KIND, &given);
    let before = drawn(&given, &[&[&predictions("2024", 0..100, 1)]]).tables.remove(0);
    assert_eq!(sampler.changes(&before, &shuffled(&before)), []);
    let grown = drawn(&given, &[&[&predictions("2024", 0..140, 1)]]).tables.remove(0);
    let findings = sampler.changes(&before, &grown);
    let left = contents(&before).difference(&contents(&grown)).count();
    assert!(left > 0);
    assert_eq!((findings[0].count, findings[1].count), (left as u64, left as u64));
    let words = format!("random season=2024 ({left} of 20)");
    assert!(findings[0].message.ends_with(&words), "{}", findings[0].message);
    let both = Table::concat(&[before.clone(), drawn(&given, &[&[&predictions("2025", 0..90, 1)]]).tables.remove(0)]).unwrap();
    let findings = sampler.changes(&before, &both);
    assert_eq!(
        findings.iter().map(|finding| (finding.kind.as_str(), finding.count)).collect::<Vec<_>>(),
        [("entered_sample", 20)]
    );
}

#[test]
fn a_sixth_season_leaves_the_samples_of_five_as_they_were() {
    let seasons: Vec<Table> = (2020..2026).map(|year| predictions(&year.to_string(), 0..20_000, 1)).collect();
    let by = ("by", list(&["season", "site"]));
    let given = [by, ("random_per_group", N(30)), ("per_class", N(5)), ("per_confidence_bin", N(5))];
    let five = Table::concat(&seasons[..5]).unwrap();
    let six = Table::concat(&seasons).unwrap();
    let before = drawn(&given, &[&[&five]]).tables.remove(0);
    let after = drawn(&given, &[&[&six]]).tables.remove(0);
    let old: Vec<u32> = (0..after.rows as u32).filter(|row| after.cell(*row as usize, "season").to_string() != "2025").collect();
    assert_eq!(after.take(&old), before);
    assert!(after.rows > before.rows);
}

#[test]
fn growth_inside_a_stratum_keeps_the_smallest() {
    // Of n = 500 drawn of N, growing to N + M keeps 500 N / (N + M) on average: the share of the smallest that are old ones.
    let given = [("random_per_group", N(500))];
    let sample = |images| contents(&drawn(&given, &[&[&predictions("2024", 0..images, 1)]]).tables[0]);
    let (small, quarter, double) = (sample(4000), sample(5000), sample(8000));
    let (after_quarter, after_double) = (small.intersection(&quarter).count(), small.intersection(&double).count());
    assert!((375..=425).contains(&after_quarter) && (215..=285).contains(&after_double), "{after_quarter} {after_double}");
    // Nobody who left comes back.
    assert!(small.intersection(&double).all(|id| quarter.contains(id)));
}

#[test]
fn what_others_hold_is_not_drawn() {
    let images = predictions("2024", 0..500, 1);
    let random = drawn(&[("random_per_group", N(100))], &[&[&images]]).tables.remove(0);
    let given = [("per_class", N(1000)), ("per_confidence_bin", N(1000))];
    // The other table has its own columns and order, and rows of elsewhere.
    let held = shuffled(
        &Table::concat(&[
            random.clone(),
            drawn(&[("random_per_group", N(9))], &[&[&predictions("1999", 0..9, 1)]]).tables.remove(0),
        ])
        .unwrap(),
    )
    .select(&["season", "content", "site"])
    .unwrap();
    let out = drawn(&given, &[&[&images], &[&held]]);
    assert_eq!(out.tables[0].rows, 400);
    assert!(contents(&out.tables[0]).is_disjoint(&contents(&random)));
    assert_eq!(out.metrics["excluded"], 100.0);
    let strata = &out.tables[1];
    let sum = |name: &str| -> i64 { (0..strata.rows).map(|row| strata.column(name).unwrap().int(row).unwrap()).sum() };
    // Each image is in a class and in a bin; the size of a stratum does not depend on what was taken out.
    assert_eq!((sum("images"), sum("excluded"), sum("drawn")), (1000, 200, 800));
}

#[test]
fn what_others_hold_is_part_of_the_sample_and_counts() {
    let images = predictions("2024", 0..500, 1);
    let first = drawn(&[("random_per_group", N(60))], &[&[&images]]).tables.remove(0);
    let out = drawn(&[("random_per_group", N(100)), ("seed", N(7))], &[&[&images], &[], &[&first]]);
    let sample = &out.tables[0];
    assert_eq!(sample.rows, 100);
    assert!(contents(&first).is_subset(&contents(sample)));
    assert_eq!(counted(sample, "type"), [("random".into(), 100)].into());
    assert_eq!(sample.column("rank").unwrap().null_count(), 60);
    let strata = &out.tables[1];
    assert_eq!((strata.cell(0, "included").to_string(), strata.cell(0, "drawn").to_string()), ("60".into(), "40".into()));
    // With the same seed a larger sample holds the smaller one anyway: the reasons are kept.
    let out = drawn(&[("random_per_group", N(100))], &[&[&images], &[], &[&first]]);
    let alone = drawn(&[("random_per_group", N(100))], &[&[&images]]);
    assert_eq!(contents(&out.tables[0]), contents(&alone.tables[0]));
    assert!(out.tables[0].column("why").unwrap().texts().filter(|why| why.contains("of 60 drawn among 500")).count() == 60);
}

#[test]
fn what_was_included_counts_only_where_chance_drew_it() {
    let fields = [("name", Type::Text), ("label", Type::Text)];
    let images = table(&fields, &[vec![text("a"), text("x")], vec![text("b"), text("x")], vec![text("c"), text("x")]]);
    let typed = |ty: Cell| table(&[("name", Type::Text), ("type", Type::Text)], &[vec![text("a"), ty]]);
    let sizes = |other: &Table| {
        let out = drawn(&[("random_per_group", N(1)), ("per_class", N(1))], &[&[&images], &[], &[other]]);
        let strata = &out.tables[1];
        let included: Vec<i64> = (0..2).map(|row| strata.column("included").unwrap().int(row).unwrap()).collect();
        let held = out.tables[0].clone();
        let at = (0..held.rows).find(|row| held.cell(*row, "name").to_string() == "a").unwrap();
        let own = held.cell(at, "type").to_string();
        (included, own.split('+').map(str::to_owned).collect::<BTreeSet<_>>())
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(sizes(&typed(text("random"))), (vec![1, 1], words(&["random"])));
    let (included, types) = sizes(&typed(text("class")));
    assert!(included == [0, 1] && types.contains("class"));
    let (included, types) = sizes(&typed(text("corrected")));
    assert!(included == [0, 0] && types.contains("corrected"));
    assert_eq!(sizes(&typed(Cell::Null)).0, [0, 0]);
    assert_eq!(sizes(&table(&[("name", Type::Text)], &[vec![text("a")]])), (vec![1, 1], words(&["random", "class"])));
    let strange = table(&[("name", Type::Text)], &[vec![text("a")], vec![text("z")]]);
    let out = drawn(&[("random_per_group", N(1))], &[&[&images], &[], &[&strange]]);
    assert_eq!(out.findings.iter().map(|f| (f.kind.as_str(), f.count)).collect::<Vec<_>>(), [("included_unknown", 1)]);
}

#[test]
fn one_observation_with_several_paths_is_drawn_once() {
    let fields = [("content", Type::Content), ("path", Type::Text)];
    let id = |seed: &str| Cell::Content(ContentId::of(seed.as_bytes()));
    let rows = [vec![id("x"), text("b")], vec![id("y"), text("c")], vec![id("x"), text("a")], vec![Cell::Null, text("d")]];
    let images = table(&fields, &rows);
    let out = drawn(&[("random_per_group", N(9))], &[&[&images]]);
    assert_eq!(counted(&out.tables[0], "path"), [("a".into(), 1), ("c".into(), 1)].into());
    let kinds: Vec<_> = out.findings.iter().map(|finding| (finding.kind.as_str(), finding.count)).collect();
    assert_eq!(kinds, [("unidentified", 1), ("repeated", 1), ("short_stratum", 1)]);
    assert_eq!(out.tables[1].cell(0, "images").to_string(), "2");
}

#[test]
fn no_image_is_drawn_more_often_than_another() {
    // 60 images, 6 of each group of 20 drawn with each of 600 seeds: every image is expected 180 times.
    let images = Table::concat(&[predictions("2022", 0..20, 1), predictions("2023", 0..20, 1), predictions("2024", 0..20, 1)]);
    let images = images.unwrap();
    let seeds = 600;
    for (kind, name) in [("random_per_group", "random"), ("per_confidence_bin", "confidence")] {
        let mut counts: BTreeMap<String, f64> = contents(&images).into_iter().map(|id| (id, 0.0)).collect();
        for seed in 0..seeds {
            // One bin holds all: the sample is then one of six of twenty, as the random one.
            let given = [("by", list(&["season"])), (kind, N(6)), ("seed", N(seed)), ("bins", N(1))];
            for id in contents(&holding(&drawn(&given, &[&[&images]]).tables[0], name)) {
                *counts.get_mut(&id).unwrap() += 1.0;
            }
        }
        let expected = seeds as f64 * 6.0 / 20.0;
        let spread = expected * (1.0 - 6.0 / 20.0);
        // 60 counts with three sums fixed: chi-square with 57 degrees of freedom, whose 0.1 % and 99.9 % points are 29.6 and 97.0.
        let chi: f64 = counts.values().map(|count| (count - expected).powi(2) / spread).sum::<f64>() * 19.0 / 20.0;
        assert!((29.6..97.0).contains(&chi), "{name}: {chi}");
    }
}

#[test]
fn pairs_are_drawn_together_as_often_as_chance_has_it() {
    // 12 images, 4 drawn: each of 66 pairs has the chance 4/12 * 3/11 = 1/11.
    let images = predictions("2024", 0..12, 1);
    let ids: Vec<String> = contents(&images).into_iter().collect();
    let mut pairs = BTreeMap::new();
    let seeds = 1100;
    for seed in 0..seeds {
        let held = contents(&drawn(&[("random_per_group", N(4)), ("seed", N(seed))], &[&[&images]]).tables[0]);
        for (at, first) in ids.iter().enumerate().filter(|(_, id)| held.contains(*id)) {
            for second in ids[at + 1..].iter().filter(|id| held.contains(*id)) {
                *pairs.entry((first, second)).or_insert(0) += 1;
            }
        }
    }
    // Expected 100 each, standard deviation about 9.5: five of them either way.
    assert_eq!(pairs.len(), 66);
    assert!(pairs.values().all(|count| (52..=148).contains(count)), "{pairs:?}");
}

#[test]
fn what_is_missing_is_said_before_any_image_is_read() {
    let project = Project::new();
    let check = |given: &[(&'static str, ParamValue)], inputs: &[Vec<Schema>]| project.columns_of(&*step(&KIND, given), inputs);
    let images = Schema::of(&[("name", Type::Text), ("season", Type::Text)]);
    let (schemas, found) = check(&[("random_per_group", N(1)), ("by", list(&["season"]))], &[vec![images.clone()]]);
    assert_eq!(found, [""; 0]);
    let names: Vec<_> = schemas.unwrap()[1].fields.iter().map(|field| field.name.clone()).collect();
    assert_eq!(names[..3], ["season", "type", "class"]);
    let (schemas, found) = check(&[("random_per_group", N(1))], &[vec![images.clone()]]);
    assert!(schemas.is_some());
    assert_eq!(found, ["TL0521 the sample is drawn across seasons: a new one will move it"]);
    let by = ("by", list(&["season"]));
    let (schemas, found) = check(&[("per_class", N(1)), by.clone()], &[vec![images.clone()]]);
    assert!(schemas.is_none());
    assert_eq!(found, ["TL0412 a sample per predicted class needs predictions, and the images have no `label`"]);
    let held = Schema::of(&[("class", Type::Text)]);
    let (_, found) = check(&[("random_per_group", N(1)), by], &[vec![images], vec![held.clone()], vec![held]]);
    assert_eq!(found.len(), 2);
    let (_, found) = check(&[("random_per_group", N(1))], &[vec![Schema::of(&[("season", Type::Text)])]]);
    assert!(found[0].starts_with("TL0412 no column of the images says which image a row is"), "{found:?}");
}

#[test]
fn a_sample_of_nothing_and_impossible_plans_are_refused() {
    let findings = |given: &[(&'static str, ParamValue)]| {
        let mut report = Report::default();
        assert!(read(&params(&KIND, given), &mut report).is_none());
        report.sorted().into_iter().map(|found| format!("{} {}", found.code.id, found.message)).collect::<Vec<_>>()
    };
    assert_eq!(findings(&[]), ["TL0502 the sample says nowhere how many images to draw"]);
    let plan = |entries: &[(&str, f64)]| {
        let entries: Vec<_> = entries.iter().map(|(key, value)| (*key, ParamValue::Number(*value))).collect();
        ("plan_size", map(&entries))
    };
    assert_eq!(findings(&[plan(&[("expected", 0.5)])]), ["TL0502 `plan_size` needs the `half_width` wanted"]);
    assert_eq!(findings(&[plan(&[("half_width", 0.0)])]), ["TL0504 `half_width` of `plan_size` cannot be 0"]);
    assert_eq!(findings(&[plan(&[("half_width", 0.1), ("width", 0.1)])]), ["TL0501 `plan_size` has no entry `width`"]);
    assert_eq!(findings(&[plan(&[("half_width", 0.1)]), ("random_per_group", N(3))]).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_larger_sample_holds_the_smaller_one(images in 1_u32..80, small in 1_i64..40, more in 0_i64..40, seed in any::<i64>()) {
        let images = predictions("2024", 0..images, 1);
        for kind in ["random_per_group", "per_class", "per_confidence_bin"] {
            let sample = |n| drawn(&[(kind, N(n)), ("seed", N(seed))], &[&[&images]]).tables.remove(0);
            let (few, many) = (sample(small), sample(small + more));
            prop_assert!(contents(&few).is_subset(&contents(&many)));
        }
    }

    #[test]
    fn strata_account_for_every_image(images in 0_u32..120, n in 1_i64..30, bins in 1_i64..12) {
        let images = shuffled(&predictions("2024", 0..images, 1));
        let given = [("by", list(&["site"])), ("per_class", N(n)), ("per_confidence_bin", N(n)), ("bins", N(bins)), ("random_per_group", N(n))];
        let out = drawn(&given, &[&[&images]]);
        let strata = &out.tables[1];
        let int = |row: usize, name: &str| strata.column(name).unwrap().int(row).unwrap();
        for kind in ["random", "class", "confidence"] {
            let rows = || (0..strata.rows).filter(|row| strata.cell(*row, "type").to_string() == kind);
            prop_assert_eq!(rows().map(|row| int(row, "images")).sum::<i64>(), images.rows as i64);
            prop_assert_eq!(rows().map(|row| int(row, "drawn")).sum::<i64>(), holding(&out.tables[0], kind).rows as i64);
            prop_assert!(rows().all(|row| int(row, "drawn") == int(row, "images").min(n)));
        }
    }
}
