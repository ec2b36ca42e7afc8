//! Training sets at the size of an archive: `cargo test --release --lib a_million_rows -- --ignored --nocapture`.
#![allow(clippy::print_stderr, clippy::cast_precision_loss, reason = "figures for people")]

use std::sync::Arc;
use std::time::Instant;

use crate::diagnostic::Spanned;
use crate::event::{Events, GAP_S};
use crate::id::ContentId;
use crate::step::testing::{NOWHERE, Project, step};
use crate::step::{ParamValue, events, select, split};
use crate::table::{ColumnBuilder, Schema, Table, Type};

const CLASSES: [&str; 5] = ["empty", "vole", "lemming", "bad_quality", "stoat"];

/// Three images to an event, 164 sites, four seasons.
fn archive(rows: u32) -> Table {
    let mut fields = vec![
        ("content", Type::Content),
        ("path", Type::Text),
        ("site", Type::Text),
        ("season", Type::Text),
        ("trigger", Type::Text),
        ("event", Type::Int),
        ("sequence_n", Type::Int),
        ("datetime_raw", Type::DateTime),
        ("label", Type::Text),
        ("confidence", Type::Float32),
    ];
    fields.extend(["p_empty", "p_vole", "p_lemming", "p_bad_quality", "p_stoat"].map(|name| (name, Type::Float32)));
    let mut builders: Vec<_> = fields.iter().map(|(_, ty)| ColumnBuilder::with_capacity(*ty, rows as usize)).collect();
    for row in 0..rows {
        let (event, site, season) = (i64::from(row / 3), row / 6000 % 164, 2021 + row / 250_000);
        let id = ContentId::of(&row.to_le_bytes());
        let class = CLASSES[if id.0[0] < 250 { usize::from(id.0[0] % 4) } else { 4 }];
        let sure = 0.5 + f32::from(id.0[1]) / 512.0;
        builders[0].push_content(id);
        builders[1].push_text(&format!("locality/site_{site}/{season}/100RECNX/IMG_{row:07}.JPG"));
        builders[2].push_text(&format!("site_{site}"));
        builders[3].push_text(&season.to_string());
        builders[4].push_text("M");
        builders[5].push_int(event % 9999);
        builders[6].push_int(i64::from(row % 3) + 1);
        builders[7].push_datetime(1_600_000_000 + event * 400 + i64::from(row % 3));
        builders[8].push_text(class);
        builders[9].push_float32(sure);
        for (name, builder) in CLASSES.iter().zip(&mut builders[10..]) {
            builder.push_float32(if *name == class { sure } else { (1.0 - sure) / 4.0 });
        }
    }
    Table::from_builders(Schema::of(&fields), builders).unwrap()
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    eprintln!("{what}: {:.2} s", start.elapsed().as_secs_f64());
    done
}

fn list(names: &[&str]) -> ParamValue {
    ParamValue::List(names.iter().map(|name| Spanned { value: ParamValue::Text((*name).into()), span: NOWHERE }).collect())
}

#[test]
#[ignore = "a million rows: run it in release"]
fn a_million_rows() {
    let images = timed("make 1 000 000 rows", || archive(1_000_000));
    let found = timed("events of 1 000 000 rows", || Events::of(&images, GAP_S, &[]).unwrap());
    assert!(found.list.len() > 333_000);
    let project = Project::new();
    let average = [("rule", ParamValue::Text("average".into()))];
    let out = timed("`events`, average", || project.run(&*step(&events::KIND, &average), &images).unwrap());
    assert_eq!(out.tables[0].rows, found.list.len());
    let qc = images.take(&(0..1_000_000).step_by(50).collect::<Vec<_>>());
    for order in ["random", "entropy", "diversity"] {
        let given = [
            ("by", list(&["season", "site"])),
            ("per_group", ParamValue::Int(10)),
            ("rare", list(&["stoat"])),
            ("background", ParamValue::Number(0.5)),
            ("order", ParamValue::Text(order.into())),
        ];
        let run = || project.run_on(&*step(&select::KIND, &given), &[&[&images], &[&qc]]).unwrap();
        let out = timed(&format!("`select`, {order}, beside a sample of 20 000"), run);
        eprintln!("  {} of 1 000 000 chosen", out.tables[0].rows);
    }
    let labelled = images.with_column("class", Arc::clone(images.column("label").unwrap())).unwrap();
    for (stratify, words) in [(false, "by hash"), (true, "stratified")] {
        let given = [("stratify", ParamValue::Bool(stratify))];
        let run = || project.run_on(&*step(&split::KIND, &given), &[&[&labelled], &[], &[&qc]]).unwrap();
        let out = timed(&format!("`split`, {words}, beside a sample of 20 000"), run);
        assert!((out.metrics["test"] / out.tables[0].rows as f64 - 0.1).abs() < 0.01);
    }
}
