//! Estimates from samples that were drawn in strata: how they were drawn follows from the pipeline, and labels count in one way.

#[path = "estimates/simulation.rs"]
mod simulation;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use trapline::check::load;
use trapline::diagnostic::plain;
use trapline::run::event::{Event, Outcome};
use trapline::step::{Context, Drawn, Lineage};

use super::support::TestSpace;

/// Images of two sites: all 90 of the large one are called wrongly, all 10 of the small one rightly.
const PREDICTED: &str = "trapline: 1
name: strata
classes: [empty, vole]
steps:
  predictions: { uses: import, with: { what: predictions, files: predictions.csv } }
";

/// Five images of each site are checked.
const SAMPLED: &str = "  drawn: { uses: sample, from: predictions, with: { by: [season, site], random_per_group: 5 } }
  labels: { uses: review, from: drawn, with: { labels: labels, blind: true } }
  quality: { uses: evaluate, from: { predictions: predictions, labels: labels } }
";

fn space(steps: &str) -> TestSpace {
    let space = TestSpace::new();
    space.write("pipeline.yaml", format!("{PREDICTED}{steps}"));
    let (mut predictions, mut labels) =
        ("season,site,file,label,confidence\n".to_owned(), "season,site,file,class,reviewer,shown\n".to_owned());
    for (site, images, truth) in [("large", 90, "vole"), ("small", 10, "empty")] {
        for at in 0..images {
            writeln!(predictions, "2024,{site},{site}_{at}.jpg,empty,0.9").unwrap();
            writeln!(labels, "2024,{site},{site}_{at}.jpg,{truth},anna,blind").unwrap();
        }
    }
    space.write("predictions.csv", predictions);
    space.write("labels/anna.csv", labels);
    space
}

fn number(space: &TestSpace, step: &str, port: usize, column: &str, row: usize) -> f64 {
    space.output(step, port).cell(row, column).to_string().parse().unwrap()
}

fn metrics(space: &TestSpace, step: &str) -> BTreeMap<String, f64> {
    use trapline::store::{Access, Store};
    let store = Store::open(&space.options.store, Access::Read).unwrap();
    let heads = store.heads(&space.pipeline().name).unwrap();
    store.get_result(heads.steps[step]).unwrap().unwrap().metrics
}

fn findings(space: &TestSpace) -> String {
    let loaded = load(&space.path("pipeline.yaml"), &space.overrides);
    loaded.report.diagnostics.iter().map(|finding| plain(&loaded.sources, finding)).collect()
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[test]
fn strata_follow_from_the_samples_behind_the_labels() {
    let space = space(&format!(
        "{SAMPLED}  accepted: {{ uses: threshold, from: {{ predictions: predictions, quality: quality.checked }}, with: {{ target_accuracy: 0.05, \
         target_by: point }} }}\n  verdict: {{ uses: compare, from: {{ candidate: predictions, current: predictions, labels: labels }} }}\n"
    ));
    space.run();
    // As many of either site were checked, and nine of ten images are of the bad one.
    assert_eq!(number(&space, "quality", 1, "checked", 0) as u64, 10);
    close(number(&space, "quality", 1, "accuracy", 0), 0.1);
    close(number(&space, "quality", 1, "random_accuracy", 0), 0.1);
    close(number(&space, "quality", 0, "precision", 0), 0.1);
    close(number(&space, "accepted", 2, "accuracy", 0), 0.1);
    close(metrics(&space, "accepted")["accuracy_above"], 0.1);
    close(metrics(&space, "verdict")["accuracy_candidate"], 0.1);
}

#[test]
fn a_coarser_or_finer_report_rests_on_the_same_strata() {
    let space = space(&SAMPLED.replace("labels: labels } }", "labels: labels }, with: { by: [season] } }"));
    space.run();
    close(number(&space, "quality", 1, "accuracy", 0), 0.1);
    space.edit("pipeline.yaml", "by: [season] }", "by: [season, site] }");
    space.run();
    close(number(&space, "quality", 1, "accuracy", 0), 0.0);
    close(number(&space, "quality", 1, "accuracy", 1), 1.0);
}

#[test]
fn samples_of_different_groups_are_put_together_in_the_groups_of_both() {
    let more = "  more: { uses: sample, from: { images: predictions, exclude: drawn }, with: { by: season, per_class: 2 } }\n";
    let steps = SAMPLED.replace("from: drawn,", "from: [drawn, more],");
    let space = space(&format!("{more}{steps}"));
    space.run();
    close(number(&space, "quality", 1, "accuracy", 0), 0.1);
    assert_eq!(space.pipeline().steps.iter().find(|step| step.name.value == "labels").unwrap().drawn.by.len(), 2);
}

#[test]
fn changing_the_groups_of_a_sample_makes_the_estimates_anew() {
    let space = space(&SAMPLED.replace("random_per_group: 5", "random_per_group: 100"));
    space.run();
    let ran = |space: &TestSpace| space.run().ran().into_iter().map(|(step, _)| step).collect::<Vec<_>>();
    assert_eq!(ran(&space), Vec::<String>::new());
    // All images are drawn either way: the labels stay the same, and what they stand for may not.
    space.edit("pipeline.yaml", "by: [season, site], random", "by: [season], random");
    let ran = ran(&space);
    assert!(ran.contains(&"quality".to_owned()) && !ran.contains(&"predictions".to_owned()), "{ran:?}");
}

#[test]
fn labels_from_elsewhere_must_say_how_they_were_drawn() {
    let imported = "  labels: { uses: import, with: { what: labels, files: quality.csv } }
  quality: { uses: evaluate, from: { predictions: predictions, labels: labels }, with: { by: [season] } }
";
    let space = space(imported);
    space.write(
        "quality.csv",
        "season,site,file,class,type\n2024,large,large_1.jpg,vole,random\n2024,large,large_2.jpg,vole,random\n\
         2024,small,small_1.jpg,empty,random\n2024,small,small_2.jpg,empty,random\n",
    );
    let said = findings(&space);
    assert!(said.contains("TL0430") && said.contains("the labels from `labels`") && said.contains("sampled_by: []"), "{said}");
    space.edit("pipeline.yaml", "by: [season] }", "by: [season], sampled_by: [site] }");
    space.run();
    close(number(&space, "quality", 1, "accuracy", 0), 0.1);
    // Among all images at once: then four labels are four labels.
    space.edit("pipeline.yaml", "sampled_by: [site]", "sampled_by: []");
    space.run();
    close(number(&space, "quality", 1, "accuracy", 0), 0.5);
}

#[test]
fn predictions_without_a_column_of_the_strata_are_refused() {
    let steps = SAMPLED.replace("from: predictions, with: { by: [season, site]", "from: images, with: { by: [season, habitat]");
    let images = "  images: { uses: import, with: { what: images, files: images.csv } }\n";
    let space = space(&format!("{images}{steps}"));
    space.write("images.csv", "season,site,file,habitat\n2024,large,large_1.jpg,heath\n");
    let said = findings(&space);
    assert!(said.contains("TL0412") && said.contains("drawn by `habitat`, a column that the predictions lack"), "{said}");
}

#[test]
fn a_review_that_shows_the_models_answer_judges_no_model() {
    let space = space(&SAMPLED.replace(", blind: true", ""));
    let said = findings(&space);
    assert!(said.contains("TL0431") && said.contains("from `labels`, where people see what the model says"), "{said}");
    // A review of images that no sample drew never counts, so that it may be wired beside the blind one.
    let corrected = "  accepted: { uses: threshold, from: predictions, with: { accept_at: 0.95 } }
  corrected: { uses: review, from: accepted.to_review, with: { labels: corrected } }
";
    let both = SAMPLED.replace("labels: labels } }", "labels: [labels, corrected] } }");
    space.write("pipeline.yaml", format!("{PREDICTED}{corrected}{both}"));
    assert_eq!(findings(&space), "");
}

#[test]
fn labels_of_one_image_for_two_samples_are_one_answer() {
    let imported = "  labels: { uses: import, with: { what: labels, files: quality.csv } }
  quality: { uses: evaluate, from: { predictions: predictions, labels: labels }, with: { sampled_by: [site] } }
  verdict: { uses: compare, from: { candidate: predictions, current: predictions, labels: labels }, with: { sampled_by: [site] } }
";
    let space = space(imported);
    space.write(
        "quality.csv",
        "season,site,file,class,type\n2024,large,large_1.jpg,vole,random\n2024,large,large_1.jpg,vole,confidence\n\
         2024,small,small_1.jpg,empty,class\n2024,small,small_1.jpg,empty,corrected\n\
         2024,small,small_2.jpg,empty,random\n2024,small,small_2.jpg,vole,class\n",
    );
    space.run();
    let checked = space.output("quality", 4);
    let types: Vec<String> = (0..checked.rows).map(|row| checked.cell(row, "type").to_string()).collect();
    assert_eq!(types, ["random+confidence", "class"]);
    // Two classes for one image decide nothing, in either step.
    for step in ["quality", "verdict"] {
        assert_eq!(metrics(&space, step)["contradicting_labels"] as u64, 1, "{step}");
    }
}

#[test]
fn labels_of_no_image_are_counted_in_one_way() {
    let steps = "  labels: { uses: import, with: { what: labels, files: quality.csv } }
  quality: { uses: evaluate, from: { predictions: predictions, labels: labels }, with: { sampled_by: [site] } }
  verdict: { uses: compare, from: { candidate: predictions, current: predictions, labels: labels }, with: { sampled_by: [site] } }
  final: { uses: merge, from: { images: predictions, labels: labels } }
";
    let space = space(steps);
    let mut labels = "season,site,file,class,type,shown\n2024,large,large_1.jpg,vole,random,blind\n".to_owned();
    for (at, (class, ty, shown)) in
        [("vole", "random", "blind"), ("vole", "corrected", "model"), ("vole", "class", "model"), ("empty", "other", "blind")]
            .iter()
            .enumerate()
    {
        writeln!(labels, "2024,large,gone_{at}.jpg,{class},{ty},{shown}").unwrap();
    }
    space.write("quality.csv", labels);
    space.run();
    for step in ["quality", "verdict", "final"] {
        assert_eq!(metrics(&space, step)["unmatched_labels"] as u64, 4, "{step}");
    }
}

#[test]
fn a_gate_that_fails_names_its_group() {
    let gate = "labels: labels }, with: { by: [site] }, expect: { accuracy: \">= 0.6\", min_precision: \">= 0.6\", unassessed_classes: 0 } }";
    let space = space(&SAMPLED.replace("labels: labels } }", gate));
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Failed, "{:?}", ran.events);
    let failed: Vec<(String, Vec<String>)> = ran
        .events
        .iter()
        .filter_map(|event| match event {
            Event::GateFailed { metric, rows, .. } => Some((metric.clone(), rows.as_ref().unwrap().examples.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert_eq!(failed[0], ("accuracy".to_owned(), vec!["site=large: 0".to_owned()]));
    assert!(failed[1].1.len() == 1 && failed[1].1[0].starts_with("site=large class=empty"), "{failed:?}");
}

/// What a step sees of a sample drawn by these columns, at the port of its labels.
fn drawn_by(columns: &[&str], port: usize) -> Lineage {
    let by = columns.iter().map(|name| (*name).to_owned()).collect();
    let mut drawn = vec![Vec::new(); port];
    drawn.push(vec![Drawn { by_chance: true, by, ..Drawn::default() }]);
    Lineage { drawn, ..Lineage::default() }
}

fn with_lineage<T>(lineage: Lineage, work: impl FnOnce(&Context<'_>) -> T) -> T {
    use trapline::diagnostic::{FileId, Span};
    let (classes, models) = (trapline::taxonomy::Taxonomy::default(), BTreeMap::new());
    work(&Context {
        project: std::path::Path::new("."),
        classes: &classes,
        deployments: None,
        dataset: None,
        models: &models,
        ports: BTreeMap::new(),
        lineage,
        span: Span::start_of(FileId(0)),
    })
}
