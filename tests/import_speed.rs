//! A million rows imported, merged and exported through the engine, store included:
//! `cargo test --release --test import_speed -- --ignored --nocapture`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod support;

use std::fmt::Write as _;

use support::TestSpace;
use trapline::run::event::Event;

const CLASSES: [&str; 8] = ["bad_quality", "empty", "bird", "vole", "least_weasel", "lemming", "shrew", "stoat"];

/// `rows` images of 200 sites; one in twenty has a label.
fn write(space: &TestSpace, rows: usize) {
    let mut images = String::from("path,locality,site,season,name,datetime\n");
    let mut predictions = String::from("site,season,name,label,confidence,model\n");
    let mut labels = String::from("site,season,name,class,type,reviewer,comment\n");
    for row in 0..rows {
        let (site, day, minute) = (row % 200, row / 200 % 365, row / 73_000 * 7 % 1440);
        let (month, day) = (day / 31 + 1, day % 28 + 1);
        let name = format!("site_{site:03}_2024-{month:02}-{day:02}_{row:07}.JPG");
        let class = CLASSES[row * 7919 % 64 / 8];
        let time = format!("2024-{month:02}-{day:02}T{:02}:{:02}:00", minute / 60, minute % 60);
        writeln!(images, "l{}/site_{site:03}/2024/{row}.JPG,l{},site_{site:03},2024,{name},{time}", site / 20, site / 20)
            .unwrap();
        writeln!(predictions, "site_{site:03},2024,{name},{class},0.{:06},m@1", row * 104_729 % 1_000_000).unwrap();
        if row % 20 == 0 {
            writeln!(labels, "site_{site:03},2024,{name},{class},random,hb,").unwrap();
        }
    }
    space.write("images.csv", images);
    space.write("predictions.csv", predictions);
    space.write("labels.csv", labels);
}

#[test]
#[ignore = "prints figures; run in release"]
fn a_million_rows() {
    for rows in [100_000, 1_000_000] {
        let space = TestSpace::new();
        write(&space, rows);
        let mut pipeline = format!("trapline: 1\nname: speed\nclasses: [{}]\nsteps:\n", CLASSES.join(", "));
        for what in ["images", "predictions", "labels"] {
            write!(pipeline, "  {what}:\n    uses: import\n    with: {{ files: {what}.csv, what: {what} }}\n").unwrap();
        }
        for form in ["wide", "long"] {
            let from = "{ images: images, predictions: predictions, labels: labels }";
            write!(pipeline, "  {form}:\n    uses: merge\n    from: {from}\n    with: {{ form: {form} }}\n").unwrap();
            for ending in ["csv", "parquet"] {
                let into = format!("published/{form}.{ending}");
                write!(pipeline, "  {form}_{ending}:\n    uses: export\n    from: {form}\n    with: {{ into: {into} }}\n")
                    .unwrap();
            }
        }
        space.write("pipeline.yaml", pipeline);
        let start = std::time::Instant::now();
        let ran = space.run();
        println!("{rows} rows: {:.2} s in all", start.elapsed().as_secs_f64());
        for event in &ran.events {
            if let Event::StepFinished { step, rows, seconds, .. } = event {
                println!("  {step:16} {rows:>8} rows {seconds:6.2} s");
            }
        }
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        println!("  {}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
        assert_eq!((space.table("wide").rows, space.table("long").rows), (rows, rows * CLASSES.len()));
    }
}
