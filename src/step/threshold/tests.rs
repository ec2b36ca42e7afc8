#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::float_cmp,
    reason = "small, exact numbers"
)]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::estimate::{Cell as Share, estimate};
use super::*;
use crate::step::testing::{NOWHERE, Project, params, step, table, text};
use crate::step::{Outputs, ParamValue};
use crate::table::Cell;

const FIELDS: &[(&str, Type)] =
    &[("name", Type::Text), ("site", Type::Text), ("label", Type::Text), ("confidence", Type::Float32)];

/// Predictions from (site, label, confidence); an empty label is a missing one.
fn predictions(rows: &[(&str, &str, f32)]) -> Table {
    let cells = |(at, (site, label, value)): (usize, &(&str, &str, f32))| {
        let label = if label.is_empty() { Cell::Null } else { text(label) };
        vec![text(&format!("{at:06}")), text(site), label, Cell::Float32(*value)]
    };
    table(FIELDS, &rows.iter().enumerate().map(cells).collect::<Vec<_>>())
}

/// Checked images from (type, label, confidence, correct).
fn checked(rows: &[(&str, &str, f32, bool)]) -> Table {
    let fields = [
        ("type", Type::Text),
        ("label", Type::Text),
        ("confidence", Type::Float32),
        ("correct", Type::Bool),
        ("site", Type::Text),
    ];
    let cells = |(ty, label, value, right): &(&str, &str, f32, bool)| {
        vec![text(ty), text(label), Cell::Float32(*value), Cell::Bool(*right), text("a")]
    };
    table(&fields, &rows.iter().map(cells).collect::<Vec<_>>())
}

fn texts(words: &[&str]) -> ParamValue {
    ParamValue::List(words.iter().map(|word| Spanned { value: ParamValue::Text((*word).into()), span: NOWHERE }).collect())
}

fn map(entries: &[(&str, ParamValue)]) -> ParamValue {
    let at = |value: &ParamValue| Spanned { value: value.clone(), span: NOWHERE };
    ParamValue::Map(entries.iter().map(|(key, value)| (Spanned { value: (*key).into(), span: NOWHERE }, at(value))).collect())
}

const N: fn(f64) -> ParamValue = ParamValue::Number;

fn run(given: &[(&'static str, ParamValue)], inputs: &[&Table]) -> Outputs {
    let ports: Vec<Vec<&Table>> = inputs.iter().map(|table| vec![*table]).collect();
    let ports: Vec<&[&Table]> = ports.iter().map(Vec::as_slice).collect();
    Project::new().run_on(&*step(&KIND, given), &ports).unwrap()
}

fn column(table: &Table, name: &str) -> Vec<String> {
    (0..table.rows).map(|row| table.cell(row, name).to_string()).collect()
}

/// The row of the curve for a class (empty: all images) at a threshold.
fn point(out: &Outputs, class: &str, threshold: f64) -> usize {
    let curve = &out.tables[2];
    let is_it = |row: &usize| {
        curve.cell(*row, "class").to_string() == class && curve.column("threshold").unwrap().float64(*row) == Some(threshold)
    };
    (0..curve.rows).find(is_it).unwrap()
}

#[test]
fn a_confidence_equal_to_the_threshold_is_accepted() {
    for percent in 1..=99_u8 {
        let value = f64::from(percent) / 100.0;
        let at = value as f32;
        let images = predictions(&[("a", "vole", at.next_down()), ("a", "vole", at), ("a", "vole", at.next_up())]);
        let out = run(&[("accept_at", N(value))], &[&images]);
        assert_eq!(column(&out.tables[0], "name"), ["000001", "000002"], "{value}");
        assert_eq!(column(&out.tables[1], "why"), ["below threshold"]);
        // The curve counts by the same rule.
        assert_eq!(out.tables[2].cell(point(&out, "", value), "images").to_string(), "2");
    }
    let ends = predictions(&[("a", "vole", 0.0), ("a", "vole", 1.0)]);
    assert_eq!(run(&[("accept_at", N(0.0)), ("always_review", texts(&["stoat"]))], &[&ends]).tables[0].rows, 2);
    assert_eq!(run(&[("accept_at", N(1.0))], &[&ends]).tables[0].rows, 1);
}

#[test]
fn rules_are_a_union_and_each_says_that_it_asked() {
    let images = predictions(&[
        ("a", "vole", 0.95),
        ("a", "vole", 0.5),
        ("a", "stoat", 0.95),
        ("b", "stoat", 0.5),
        ("b", "vole", 0.95),
        ("a", "", 0.0),
    ]);
    let sites = map(&[("site", texts(&["b", "x"]))]);
    let given = [("accept_at", N(0.9)), ("always_review", texts(&["stoat"])), ("always_review_where", sites)];
    let out = run(&given, &[&images]);
    assert_eq!(column(&out.tables[0], "name"), ["000000"]);
    let why = [
        "below threshold",
        "always_review",
        "below threshold+always_review+always_review_where site",
        "always_review_where site",
        "not classified",
    ];
    assert_eq!(column(&out.tables[1], "why"), why);
    assert_eq!(
        column(&out.tables[3], "rule"),
        ["below threshold", "always_review", "not classified", "always_review_where site"]
    );
    assert_eq!(column(&out.tables[3], "images"), ["2", "2", "1", "2"]);
    assert_eq!(column(&out.tables[3], "only_by_this_rule"), ["1", "1", "1", "1"]);
    assert_eq!((out.metrics["accepted"], out.metrics["to_review"]), (1.0, 5.0));
    assert!((out.metrics["coverage"] - 1.0 / 6.0).abs() < 1e-12 && out.metrics["threshold"] == 0.9);
    let findings: Vec<_> = out.findings.iter().map(|found| (found.kind.as_str(), found.examples.clone())).collect();
    assert_eq!(findings, [("unknown_value", vec!["site=x".to_owned()])]);
    // What the curve says of the threshold in force is what happened.
    let at = point(&out, "", 0.9);
    assert_eq!(out.tables[2].cell(at, "images_to_review").to_string(), "5");
    assert_eq!(out.tables[2].cell(at, "images").to_string(), "3");
}

#[test]
fn classes_may_have_thresholds_of_their_own() {
    let images = predictions(&[("a", "vole", 0.85), ("a", "vole", 0.75), ("a", "stoat", 0.95), ("a", "bird", 0.95)]);
    let out = run(&[("accept_at", N(0.9)), ("per_class", map(&[("vole", N(0.8)), ("stoat", N(0.99))]))], &[&images]);
    assert_eq!(column(&out.tables[0], "name"), ["000000", "000003"]);
    // The threshold for the others moves, theirs do not.
    let at = |value| out.tables[2].cell(point(&out, "", value), "images_to_review").to_string();
    assert_eq!((at(0.9), at(0.0), at(0.97)), ("2".into(), "2".into(), "3".into()));
}

#[test]
fn work_is_given_in_hours() {
    let rows: Vec<_> = (0..6000).map(|at| ("a", "vole", if at < 1000 { 0.5 } else { 0.95 })).collect();
    let out = run(&[("accept_at", N(0.9)), ("images_per_hour", N(70.0))], &[&predictions(&rows)]);
    // A tenth of a season of 60 000 images, of which 10 000 are reviewed, at a tenth of the pace.
    assert!((out.metrics["hours_saved"] - 71.428_571).abs() < 1e-6);
    assert!((out.metrics["hours_to_review"] - 14.285_714).abs() < 1e-6);
    assert_eq!(out.tables[2].rows, 102);
}

#[test]
fn a_blank_filter_compares_the_confidence_of_one_class() {
    let fields = [("label", Type::Text), ("confidence", Type::Float32), ("p_animal", Type::Float32)];
    let rows = [("empty", 0.7, Some(0.3)), ("empty", 0.8, Some(0.2)), ("animal", 0.9, Some(0.9)), ("animal", 0.9, None)];
    let cells = |(label, confidence, p): &(&str, f32, Option<f32>)| {
        vec![text(label), Cell::Float32(*confidence), p.map_or(Cell::Null, Cell::Float32)]
    };
    let images = table(&fields, &rows.iter().map(cells).collect::<Vec<_>>());
    let out = run(&[("on", ParamValue::Text("p_animal".into())), ("accept_at", N(0.25))], &[&images]);
    assert_eq!(column(&out.tables[0], "p_animal"), ["0.3", "0.9"]);
    assert_eq!(column(&out.tables[1], "why"), ["below threshold", "not classified"]);
}

/// Images of two bins: 1000 with confidence 0.75 of which 6 in 10 are right, 3000 with 0.95 of which all are.
fn two_bins() -> (Table, Table) {
    let rows: Vec<_> = (0..4000).map(|at| ("a", "vole", if at < 1000 { 0.75 } else { 0.95 })).collect();
    let mut seen: Vec<_> = (0..100).map(|at| ("confidence", "vole", 0.75, at % 10 < 6)).collect();
    seen.extend((0..300).map(|_| ("random", "vole", 0.95, true)));
    // Labels that were given for other reasons say nothing here.
    seen.extend((0..500).map(|_| ("corrected", "vole", 0.95, false)));
    seen.extend((0..500).map(|_| ("class", "vole", 0.95, false)));
    (predictions(&rows), checked(&seen))
}

#[test]
fn accuracy_is_weighted_by_the_images_of_each_bin() {
    let (images, seen) = two_bins();
    let out = run(&[("accept_at", N(0.9))], &[&images, &seen]);
    let value = |row: usize, name: &str| out.tables[2].column(name).unwrap().float64(row).unwrap();
    let (all, top) = (point(&out, "", 0.0), point(&out, "", 0.9));
    assert!((value(all, "accuracy") - 0.9).abs() < 1e-12, "{}", value(all, "accuracy"));
    assert!(value(all, "lower") > 0.85 && value(all, "upper") < 0.94);
    assert_eq!((value(top, "accuracy"), value(top, "upper"), value(top, "coverage")), (1.0, 1.0, 0.75));
    assert_eq!(column(&out.tables[2], "checked")[all], "400");
    assert_eq!((out.metrics["accuracy_above"], out.metrics["accuracy_above_lower"]), (1.0, value(top, "lower")));
    // Above all images nothing is known.
    assert_eq!(out.tables[2].cell(point(&out, "", 0.99), "accuracy"), crate::table::CellRef::Null);
}

#[test]
fn the_smallest_threshold_that_reaches_the_target_is_chosen() {
    let (images, seen) = two_bins();
    let at = |given: &[(&'static str, ParamValue)]| run(given, &[&images, &seen]).metrics.get("threshold").copied();
    let point = ("target_by", ParamValue::Text("point".into()));
    assert_eq!(at(&[("target_accuracy", N(0.9)), point.clone()]), Some(0.0));
    assert_eq!(at(&[("target_accuracy", N(0.9))]), Some(0.76));
    assert_eq!(at(&[("target_accuracy", N(0.97)), point]), Some(0.76));
}

#[test]
fn a_target_that_nothing_reaches_sends_all_to_review_and_says_so() {
    let (images, seen) = two_bins();
    let out = run(&[("target_accuracy", N(0.9999))], &[&images, &seen]);
    assert_eq!((out.tables[0].rows, out.tables[1].rows), (0, 4000));
    assert!(!out.metrics.contains_key("threshold") && !out.metrics.contains_key("accuracy_above"));
    assert_eq!(out.findings[0].kind, "target_not_reached");
    assert!(out.findings[0].examples[0].starts_with("all images: 0.98"), "{:?}", out.findings[0].examples);
    let out = run(&[("target_accuracy", N(0.5))], &[&images, &checked(&[])]);
    let kinds: Vec<_> = out.findings.iter().map(|found| found.kind.as_str()).collect();
    assert_eq!((kinds, out.tables[1].rows), (vec!["nothing_checked", "target_not_reached"], 4000));
}

#[test]
fn each_class_may_get_the_threshold_that_it_needs() {
    let mut rows: Vec<_> = (0..100).map(|at| ("a", "vole", at as f32 / 100.0)).collect();
    rows.extend((0..100).map(|at| ("a", "stoat", at as f32 / 100.0)));
    rows.extend((0..10).map(|_| ("a", "lynx", 0.9)));
    rows.extend((0..10).map(|_| ("a", "bird", 0.2)));
    // Voles are right from 0.3 on, stoats from 0.7 on; nobody looked at a lynx.
    let mut seen = Vec::new();
    for at in 0..100_u8 {
        let value = f32::from(at) / 100.0;
        seen.push(("random", "vole", value, at >= 30));
        seen.push(("random+confidence", "stoat", value, at >= 70));
    }
    let given = [
        ("target_accuracy", N(0.999)),
        ("target_by", ParamValue::Text("point".into())),
        ("choose_per_class", ParamValue::Bool(true)),
        ("per_class", map(&[("bird", N(0.1))])),
    ];
    let out = run(&given, &[&predictions(&rows), &checked(&seen)]);
    let accepted = &out.tables[0];
    let of = |class: &str| {
        let rows = (0..accepted.rows).filter(|row| accepted.cell(*row, "label").to_string() == class);
        rows.map(|row| accepted.column("confidence").unwrap().float32(row).unwrap())
            .fold((0, 2.0_f32), |(n, low), value| (n + 1, low.min(value)))
    };
    assert_eq!((of("vole"), of("stoat"), of("bird").0, of("lynx").0), ((70, 0.3), (30, 0.7), 10, 0));
    assert!(!out.metrics.contains_key("threshold"));
    assert_eq!(
        (out.findings[0].kind.as_str(), out.findings[0].examples[0].as_str()),
        ("target_not_reached", "lynx: nothing checked")
    );
    let classes: BTreeSet<String> = column(&out.tables[2], "class").into_iter().collect();
    assert_eq!(classes, ["", "bird", "lynx", "stoat", "vole"].map(str::to_owned).into());
}

#[test]
fn groups_are_estimated_apart_and_matched_by_their_values() {
    // At `a` nearly all are wrong, at `b` all are right; `a` has far more images than were checked, and comes second here.
    let rows: Vec<_> = (0..1000).map(|at| (if at < 100 { "b" } else { "a" }, "vole", 0.95)).collect();
    let fields = [("type", Type::Text), ("confidence", Type::Float32), ("correct", Type::Bool), ("site", Type::Text)];
    let one = |site: &str, right: bool| vec![text("random"), Cell::Float32(0.95), Cell::Bool(right), text(site)];
    let mut seen: Vec<_> = (0..50).map(|at| one("a", at % 10 == 0)).collect();
    seen.extend((0..50).map(|_| one("b", true)));
    seen.extend((0..7).map(|_| one("elsewhere", false)));
    let seen = table(&fields, &seen);
    let out = run(&[("accept_at", N(0.9)), ("by", texts(&["site"]))], &[&predictions(&rows), &seen]);
    assert!((out.metrics["accuracy_above"] - (0.9 * 0.1 + 0.1)).abs() < 1e-12);
    assert_eq!(
        out.findings.iter().map(|found| (found.kind.as_str(), found.count)).collect::<Vec<_>>(),
        [("checked_elsewhere", 7)]
    );
    let few = seen.take(&(50..100).collect::<Vec<u32>>());
    let out = run(&[("accept_at", N(0.9)), ("by", texts(&["site"]))], &[&predictions(&rows), &few]);
    assert_eq!(
        out.findings.iter().map(|found| (found.kind.as_str(), found.count)).collect::<Vec<_>>(),
        [("unchecked_groups", 900)]
    );
}

#[test]
fn what_cannot_work_is_said_before_any_image_is_read() {
    let findings = |given: &[(&'static str, ParamValue)]| {
        let mut report = Report::default();
        assert!(read(&params(&KIND, given), &mut report).is_none());
        report.sorted().into_iter().map(|found| format!("{} {}", found.code.id, found.message)).collect::<Vec<_>>()
    };
    assert_eq!(findings(&[]), ["TL0502 `threshold` needs `accept_at` or `target_accuracy`"]);
    assert_eq!(findings(&[("accept_at", N(0.5)), ("target_accuracy", N(0.5))]).len(), 1);
    let all = "TL0531 `accept_at: 0` without another rule accepts every label, whatever its confidence";
    assert_eq!(findings(&[("accept_at", N(0.0))]), [all]);
    assert_eq!(findings(&[("accept_at", N(0.5)), ("choose_per_class", ParamValue::Bool(true))]).len(), 1);
    let project = Project::new();
    let check = |given: &[(&'static str, ParamValue)], inputs: &[Vec<Schema>]| project.columns_of(&*step(&KIND, given), inputs);
    let images = Schema::of(FIELDS);
    let (schemas, found) = check(&[("accept_at", N(0.5))], &[vec![images.clone()], vec![]]);
    assert_eq!((schemas.unwrap().len(), found.len()), (4, 0));
    let (_, found) = check(&[("target_accuracy", N(0.5))], &[vec![images.clone()], vec![]]);
    assert_eq!(found, ["TL0405 a target needs checked images to be reached by"]);
    let sites = map(&[("sit", texts(&["b"]))]);
    let (_, found) = check(&[("accept_at", N(0.5)), ("always_review_where", sites)], &[vec![images.clone()], vec![]]);
    assert_eq!(found, ["TL0508 the input `predictions` has no column `sit`"]);
    let bare = Schema::of(&[("type", Type::Text), ("correct", Type::Bool)]);
    let (_, found) = check(&[("accept_at", N(0.5))], &[vec![images.clone()], vec![bare]]);
    assert_eq!(found, ["TL0412 the input `quality` has no column `confidence`"]);
    let (_, found) = check(&[("accept_at", N(0.5)), ("on", ParamValue::Text("site".into()))], &[vec![images], vec![]]);
    assert_eq!(found, ["TL0413 a threshold on `site` needs numbers, and it holds text"]);
}

/// Numbers that look random and are the same on every machine.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Moves `count` of `items`, drawn without replacement, to the front.
    fn draw(&mut self, items: &mut [usize], count: usize) {
        for at in 0..count.min(items.len()) {
            let other = at + (self.next() % (items.len() - at) as u64) as usize;
            items.swap(at, other);
        }
    }
}

/// How often the interval holds the truth, and how far the estimate is off on average: 20 000 images, `random` of them drawn at
/// random and then `per_bin` of the rest of each bin, for each of `cuts`.
fn coverage(random: usize, per_bin: usize, worst: f64, cuts: &[f64], draws: usize) -> Vec<(f64, f64)> {
    let mut chance = Chance(7);
    let (bins, z) = (Bins::new(10), z_of(0.95));
    // Most images are confident and right; `worst` is the share of errors at confidence 0, and errors get fewer towards 1.
    let images: Vec<(f32, bool)> = (0..20_000)
        .map(|_| {
            let confidence = 1.0 - chance.share().powi(3);
            (confidence as f32, chance.share() > worst * (1.0 - confidence).powf(0.8) + 0.004)
        })
        .collect();
    let above = |cut: f64| images.iter().filter(move |(value, _)| f64::from(*value) >= cut);
    let cells = |cut: f64| {
        let mut cells = vec![Share::default(); 10];
        above(cut).for_each(|(value, _)| cells[bins.of(*value)].images += 1);
        cells
    };
    let bases: Vec<Vec<Share>> = cuts.iter().map(|cut| cells(*cut)).collect();
    let truths: Vec<f64> =
        cuts.iter().map(|cut| above(*cut).filter(|(_, right)| *right).count() as f64 / above(*cut).count() as f64).collect();
    let mut results = vec![(0.0, 0.0); cuts.len()];
    let mut order: Vec<usize> = (0..images.len()).collect();
    for _ in 0..draws {
        chance.draw(&mut order, random);
        let mut drawn = order[..random].to_vec();
        let mut rest: Vec<Vec<usize>> = vec![Vec::new(); 10];
        order[random..].iter().for_each(|image| rest[bins.of(images[*image].0)].push(*image));
        for bin in &mut rest {
            chance.draw(bin, per_bin);
            drawn.extend(bin.iter().take(per_bin));
        }
        for ((cut, base), (truth, result)) in cuts.iter().zip(&bases).zip(truths.iter().zip(&mut results)) {
            let mut cells = base.clone();
            for (value, right) in drawn.iter().map(|image| images[*image]).filter(|(value, _)| f64::from(*value) >= *cut) {
                let cell = &mut cells[bins.of(value)];
                cell.checked += 1;
                cell.right += u64::from(right);
            }
            let found = estimate(&cells, 10, z).unwrap();
            result.0 += f64::from(u8::from(found.lower <= *truth && *truth <= found.upper)) / draws as f64;
            result.1 += (found.accuracy - truth) / draws as f64;
        }
    }
    results
}

#[test]
fn the_interval_holds_the_truth_as_often_as_it_says_and_the_estimate_is_unbiased() {
    let cuts = [0.0, 0.35, 0.5, 0.75, 0.9, 0.95];
    for (random, per_bin, worst) in [(500, 100, 0.6), (300, 30, 0.9), (0, 100, 0.6), (200, 0, 0.3)] {
        let results = coverage(random, per_bin, worst, &cuts, 300);
        for (cut, (held, bias)) in cuts.iter().zip(results) {
            assert!(held >= 0.915, "{held} of the intervals at {cut} with {random} + {per_bin} per bin hold the truth");
            assert!(bias.abs() < 0.004, "{bias} at {cut} with {random} + {per_bin} per bin");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_image_is_in_one_of_the_two_tables_and_the_curve_agrees(
        rows in prop::collection::vec((0_usize..2, 0_usize..3, 0_u16..=1000), 0..60),
        place in 0_usize..100,
    ) {
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(site, label, value)| (["a", "b"][site], ["vole", "stoat", ""][label], f32::from(value) / 1000.0))
            .collect();
        let images = predictions(&rows);
        let value = place as f64 / 100.0;
        let given = [("accept_at", N(value)), ("always_review", texts(&["stoat"])), ("always_review_where", map(&[("site", texts(&["b"]))]))];
        let out = run(&given, &[&images]);
        let mut names: Vec<String> = column(&out.tables[0], "name").into_iter().chain(column(&out.tables[1], "name")).collect();
        names.sort();
        prop_assert_eq!(names, column(&images, "name"));
        let why = column(&out.tables[1], "why");
        prop_assert!(why.iter().all(|why| !why.is_empty()));
        let at = point(&out, "", value);
        prop_assert_eq!(out.tables[2].column("images_to_review").unwrap().int(at), Some(out.tables[1].rows as i64));
        let accepted: BTreeSet<String> = column(&out.tables[0], "name").into_iter().collect();
        for (row, (site, label, confidence)) in rows.iter().enumerate() {
            let expected = *site == "a" && *label == "vole" && *confidence >= value as f32;
            prop_assert_eq!(accepted.contains(&format!("{row:06}")), expected);
        }
    }
}
