//! Site-days at the size of an archive: `cargo test --release --lib a_million_events -- --ignored --nocapture`.
#![allow(clippy::print_stderr, reason = "figures for people")]

use std::time::Instant;

use super::*;
use crate::step::testing::{Project, step};
use crate::step::{Deployments, ParamValue};
use crate::table::{ColumnBuilder, Table};
use crate::taxonomy::Taxonomy;

const LABELS: [&str; 8] = ["empty", "vole", "empty", "lemming", "bad_quality", "shrew", "empty", "stoat"];

/// 164 sites, five seasons, 1 219 events in each: two time-lapse images a day and what passes by.
fn archive(rows: u32) -> Table {
    let fields = [
        ("site", Type::Text),
        ("season", Type::Text),
        ("locality", Type::Text),
        ("trigger", Type::Text),
        ("first", Type::DateTime),
        ("last", Type::DateTime),
        ("label", Type::Text),
        ("day_missing", Type::Bool),
    ];
    let mut builders: Vec<_> = fields.iter().map(|(_, ty)| ColumnBuilder::with_capacity(*ty, rows as usize)).collect();
    let each = rows / (164 * 5) + 1;
    for row in 0..rows {
        let (place, at) = (row / each, i64::from(row % each));
        let (site, season) = (place / 5, place % 5);
        let time = 1_467_331_200 + i64::from(season) * 31_536_000 + at * 31_000_000 / i64::from(each);
        builders[0].push_text(&format!("site_{site:03}"));
        builders[1].push_text(&(2017 + season).to_string());
        builders[2].push_text("ko");
        builders[3].push_text(if row % 2 == 0 { "T" } else { "M" });
        builders[4].push_datetime(time);
        builders[5].push_datetime(time + 2);
        builders[6].push_text(LABELS[(row.wrapping_mul(2_654_435_761) >> 29) as usize]);
        builders[7].push_bool(row % 97 == 0);
    }
    Table::from_builders(Schema::of(&fields), builders).unwrap()
}

#[test]
#[ignore = "a measurement"]
fn a_million_events_in_site_days() {
    let events = archive(1_000_000);
    let mut project = Project::new();
    project.classes = Taxonomy::default();
    let mut table = "site,from,to\n".to_owned();
    (0..164).for_each(|site| table.push_str(&format!("site_{site:03},2016-07-01,2021-07-31\n")));
    project.write("deployments.csv", table);
    let columns = ["site", "from", "to"].map(str::to_owned).to_vec();
    project.deployments = Some(Deployments { path: "deployments.csv".into(), columns });
    let word =
        |word: &str| crate::diagnostic::Spanned { value: ParamValue::Text(word.into()), span: crate::step::testing::NOWHERE };
    let classes = ["vole", "lemming", "shrew", "stoat", "bird", "least_weasel"].map(word).to_vec();
    let step = step(&KIND, &[("classes", ParamValue::List(classes))]);
    let start = Instant::now();
    let outputs = project.run(&*step, &events).unwrap();
    let rows: Vec<usize> = outputs.tables.iter().map(|table| table.rows).collect();
    eprintln!("1 000 000 events: {rows:?} rows of days, gaps and weeks in {:.2} s", start.elapsed().as_secs_f64());
    assert!(rows[0] > 1_000_000);
}
