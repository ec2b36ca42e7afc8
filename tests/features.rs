//! Features of images: cached by content, from a named model or one through a port, the same as the network computes.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, clippy::float_cmp, reason = "tests")]

mod support;

use support::TestSpace;
use support::adopt::ADOPT;
use trapline::model::Bundle;
use trapline::model::preprocess::Preprocessor;
use trapline::model::rten::Network;
use trapline::run::event::Outcome;

fn space(with: &str) -> TestSpace {
    let space = TestSpace::with_model();
    let pipeline = space.read("pipeline.yaml");
    space.write("pipeline.yaml", format!("{pipeline}  looks:\n    uses: features\n{with}"));
    for seed in 1..=4 {
        space.image(&format!("raw/a/2024/{seed}.jpg"), seed);
    }
    space
}

const NAMED: &str = "    from: names\n    with: { model: demo_mammals@1, dimensions: 512 }\n";

fn numbers(space: &TestSpace, row: usize, count: usize) -> Vec<f32> {
    let table = space.table("looks");
    (1..=count).map(|number| table.column(&format!("f_{number}")).unwrap().float32(row).unwrap()).collect()
}

#[test]
fn the_numbers_are_those_of_the_network_and_are_computed_once() {
    let space = space(NAMED);
    let computed = |space: &TestSpace| space.run().ran().into_iter().find(|(step, _)| step == "looks").map(|(_, n)| n);
    assert_eq!(computed(&space), Some(4));
    let bundle = Bundle::open(space.dir.path(), "demo_mammals@1").unwrap();
    let network = Network::load(&bundle, bundle.network().unwrap()).unwrap();
    let mut preprocessor = Preprocessor::default();
    let paths = space.column("looks", "path");
    for (row, path) in paths.iter().enumerate() {
        let image = std::fs::read(space.path(&format!("raw/{path}"))).unwrap();
        let input = preprocessor.prepare(&bundle.input, &image).unwrap();
        let (_, mut expected) = network.session().unwrap().look(input, "features").unwrap();
        assert!(expected.len() < 512 && expected.iter().any(|value| *value > 0.0));
        // Fewer than asked for stay as they are, and nothing stands behind them.
        expected.resize(512, 0.0);
        assert_eq!(numbers(&space, row, 512), expected);
    }
    // A renamed image is the same image.
    std::fs::rename(space.path("raw/a/2024/1.jpg"), space.path("raw/a/2024/9.jpg")).unwrap();
    assert_eq!(computed(&space), Some(0));
}

#[test]
fn a_model_through_the_port_sees_the_same_and_short_rows_are_projected() {
    let mut wired = space("    from: { images: names, model: made }\n    with: { dimensions: 3 }\n");
    wired.kinds = vec![&ADOPT];
    let pipeline = wired.read("pipeline.yaml");
    let notes = "    with: { notes: models/demo_mammals/1/model.yaml }\n";
    wired.write("pipeline.yaml", format!("{pipeline}  made:\n    uses: adopt\n{notes}"));
    wired.run();
    let named = space(&NAMED.replace("512", "3"));
    named.run();
    let rows = |space: &TestSpace| (0..4).map(|row| numbers(space, row, 3)).collect::<Vec<_>>();
    assert_eq!(rows(&wired), rows(&named));
    assert!(named.table("looks").column("f_4").is_none());
}

#[test]
fn a_damaged_image_keeps_its_row_and_a_wrong_name_is_told_before_any_image() {
    let space = space(NAMED);
    space.write("raw/a/2024/7.jpg", b"no image");
    let ran = space.run();
    assert_eq!(ran.findings("looks"), [("quarantined".to_owned(), 1)]);
    let table = space.table("looks");
    let missing = (0..table.rows).filter(|row| table.column("f_1").unwrap().is_null(*row)).count();
    assert_eq!((table.rows, missing), (5, 1));
    space.edit("pipeline.yaml", "dimensions: 512", "node: nowhere");
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Failed);
    assert!(
        ran.errors()[0].contains("cannot be looked into: the network computes nothing called `nowhere`"),
        "{:?}",
        ran.errors()
    );
}
