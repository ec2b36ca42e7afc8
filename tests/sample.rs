//! Samples in a pipeline: they stay put when images are added, and say who comes and goes.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use support::TestSpace;
use trapline::table::Table;

const SAMPLED: &str = "  qc:
    uses: sample
    from: metadata
    with: { by: [season], random_per_group: 3, seed: 7 }
    expect: { drawn: \">= 3\" }
  more:
    uses: sample
    from: { images: metadata, exclude: qc }
    with: { by: [season], random_per_group: 2, seed: 7 }
  list: { uses: export, from: more, with: { into: published/more.csv } }
";

fn space() -> TestSpace {
    let space = TestSpace::new();
    space.write("pipeline.yaml", format!("{}{SAMPLED}", support::PIPELINE));
    for seed in 1..=8 {
        space.image(&format!("raw/{}/2024/{seed}.jpg", if seed % 2 == 0 { "a" } else { "b" }), seed);
    }
    space
}

fn contents(table: &Table, season: &str) -> Vec<String> {
    let rows = (0..table.rows).filter(|row| table.cell(*row, "season").to_string() == season);
    let mut found: Vec<String> = rows.map(|row| table.cell(row, "content").to_string()).collect();
    found.sort();
    found
}

#[test]
fn a_new_season_and_a_moved_folder_leave_the_sample_as_it_was() {
    let space = space();
    space.run();
    let (qc, more) = (contents(&space.table("qc"), "2024"), contents(&space.table("more"), "2024"));
    assert_eq!((qc.len(), more.len()), (3, 2));
    assert!(qc.iter().all(|id| !more.contains(id)));
    for seed in 9..=14 {
        space.image(&format!("raw/a/2025/{seed}.jpg"), seed);
    }
    std::fs::create_dir_all(space.path("raw/a/2024/card2")).unwrap();
    std::fs::rename(space.path("raw/a/2024/2.jpg"), space.path("raw/a/2024/card2/IMG_1.jpg")).unwrap();
    space.run();
    assert_eq!((contents(&space.table("qc"), "2024"), contents(&space.table("more"), "2024")), (qc, more));
    assert_eq!(contents(&space.table("qc"), "2025").len(), 3);
    // A reader of the export sees why each image was drawn.
    assert!(space.read("published/more.csv").lines().skip(1).all(|line| line.contains("of 2 drawn among")));
}

#[test]
fn another_seed_draws_again_and_nothing_else_does() {
    let space = space();
    space.run();
    assert!(space.run().ran().is_empty());
    space.edit("pipeline.yaml", "random_per_group: 3, seed: 7", "random_per_group: 3, seed: 8");
    let ran: Vec<String> = space.run().ran().into_iter().map(|(step, _)| step).collect();
    assert_eq!(ran[0], "qc");
}
