//! A model that one step makes and another uses, without ever being named.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use support::TestSpace;
use support::adopt::ADOPT;
use trapline::check::load_with;
use trapline::run::event::Outcome;
use trapline::step::KINDS;

const NOTES: &str = "models/demo_mammals/1/model.yaml";

fn space() -> TestSpace {
    let mut space = TestSpace::with_model();
    space.kinds = vec![&ADOPT];
    space.edit(
        "pipeline.yaml",
        "    from: names\n    with: { model: demo_mammals@1 }\n",
        "    from: { images: names, model: made }\n  made:\n    uses: adopt\n    with: { notes: models/demo_mammals/1/model.yaml }\n",
    );
    for seed in 1..=6 {
        space.image(&format!("raw/a/2024/{seed}.jpg"), seed);
    }
    space
}

/// Rows computed by `predictions`; `None` where it was reused.
fn computed(space: &TestSpace) -> Option<u64> {
    space.run().ran().into_iter().find(|(step, _)| step == "predictions").map(|(_, computed)| computed)
}

#[test]
fn a_model_through_a_port_predicts_what_the_named_one_does() {
    let space = space();
    assert_eq!(computed(&space), Some(6));
    let (labels, table) = (space.column("predictions", "label"), space.table("predictions"));
    let named = TestSpace::with_model();
    for seed in 1..=6 {
        named.image(&format!("raw/a/2024/{seed}.jpg"), seed);
    }
    named.run();
    assert_eq!(labels, named.column("predictions", "label"));
    assert_eq!(table.column("p_vole").unwrap().id(), named.table("predictions").column("p_vole").unwrap().id());
    assert_eq!(space.column("predictions", "model"), vec!["demo_mammals@1"; 6]);
    assert_eq!(computed(&space), None);
}

#[test]
fn another_model_classifies_anew_and_other_notes_on_the_same_one_do_not() {
    let space = space();
    space.run();
    // Training notes are no part of a model's identity: the step runs, the rows are there.
    space.edit(NOTES, "recipe:", "recipe_in_words:");
    assert_eq!(space.decisions().iter().find(|(step, _)| step == "predictions").unwrap().1, "unknown");
    assert_eq!(computed(&space), Some(0));
    space.edit(NOTES, "crop_bottom_px: ", "crop_bottom_px: 1");
    assert_eq!(computed(&space), Some(6));
}

#[test]
fn a_model_with_foreign_classes_is_refused_when_it_arrives() {
    let space = space();
    space.edit(NOTES, "stoat", "mink");
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Failed);
    assert!(ran.errors()[0].contains("predicts `mink`, which the programme's classes lack"), "{:?}", ran.errors());
}

#[test]
fn a_model_comes_by_name_or_through_the_port() {
    let finding = |space: &TestSpace| {
        let kinds: Vec<_> = KINDS.iter().copied().chain([&ADOPT]).collect();
        let loaded = load_with(&kinds, &space.path("pipeline.yaml"), &space.overrides);
        loaded.report.diagnostics.into_iter().map(|found| (found.code.id, found.message)).collect::<Vec<_>>()
    };
    let both = space();
    both.edit("pipeline.yaml", "model: made }\n", "model: made }\n    with: { model: demo_mammals@1 }\n");
    let words = "the model is named by the parameter `model` and arrives through the port `model` as well";
    assert_eq!(finding(&both), [("TL0407", words.to_owned())]);
    let neither = space();
    neither.edit("pipeline.yaml", ", model: made }", " }");
    assert!(finding(&neither).contains(&("TL0502", "parameter `model` is missing".to_owned())), "{:?}", finding(&neither));
}
