//! Change one thing, expect exactly that to run again, for exactly that reason.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod support;

use support::{TestSpace, jpeg};
use trapline::plan::decision::{Decision, Reason};
use trapline::run::event::Outcome;

fn pairs(list: &[(&str, u64)]) -> Vec<(String, u64)> {
    list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn a_first_run_computes_everything_once_and_a_second_nothing() {
    let space = TestSpace::with_images();
    assert_eq!(space.reasons("images"), [Reason::NeverRan]);
    let ran = space.run();
    assert_eq!(ran.ran(), pairs(&[("images", 0), ("metadata", 3)]));
    assert_eq!(space.column("metadata", "date_raw"), ["2024-06-01", "2024-06-02", "2024-06-03"]);
    assert_eq!(space.decisions(), [("images".to_owned(), "reuse"), ("metadata".to_owned(), "reuse")]);
    let again = space.run();
    assert_eq!(again.reused(), ["images", "metadata"]);
    assert_eq!(again.bytes_read(), 0);
}

#[test]
fn every_image_is_read_once_on_a_first_run() {
    let space = TestSpace::with_images();
    let total: u64 = [1, 2, 3].iter().map(|seed| jpeg(*seed).len() as u64).sum();
    assert_eq!(space.run().bytes_read(), total);
}

#[test]
fn a_new_season_costs_only_its_images() {
    let space = TestSpace::with_images();
    space.run();
    space.image("raw/a/2025/9.jpg", 9);
    let plan = space.plan();
    assert_eq!(plan.steps[0].decision, Decision::Run(vec![Reason::Images { added: 1, removed: 0, changed: 0 }]));
    assert_eq!(plan.steps[1].decision, Decision::Unknown { upstream: "images".into() });
    assert_eq!((plan.steps[1].total, plan.steps[1].cached, plan.steps[1].unhashed), (Some(4), Some(3), 1));
    let ran = space.run();
    assert_eq!(ran.ran(), pairs(&[("images", 0), ("metadata", 1)]));
    assert_eq!(ran.bytes_read(), jpeg(9).len() as u64);
}

#[test]
fn a_renamed_folder_computes_nothing() {
    let space = TestSpace::with_images();
    space.run();
    std::fs::rename(space.path("raw/a"), space.path("raw/c")).unwrap();
    let ran = space.run();
    assert_eq!(ran.ran(), pairs(&[("images", 0), ("metadata", 0)]));
    assert_eq!(space.column("metadata", "site"), ["b", "c", "c"]);
}

#[test]
fn touched_times_stop_at_the_source() {
    let space = TestSpace::with_images();
    space.run();
    space.image("raw/a/2024/1.jpg", 1);
    let ran = space.run();
    assert_eq!(ran.reused(), ["images", "metadata"]);
}

#[test]
fn other_bytes_are_another_image() {
    let space = TestSpace::with_images();
    space.run();
    space.image("raw/a/2024/1.jpg", 7);
    assert_eq!(space.reasons("images"), [Reason::Images { added: 0, removed: 0, changed: 1 }]);
    assert_eq!(space.run().ran(), pairs(&[("images", 0), ("metadata", 1)]));
}

#[test]
fn a_clock_correction_reads_no_image() {
    let space = TestSpace::with_images();
    space.run();
    space.write("clock.csv", "id,site,from,to,kind,value\nc1,a,2024-01-01,2024-12-31,offset,+1h\n");
    space.edit("pipeline.yaml", "    from: images\n", "    from: images\n    with: { corrections: clock.csv }\n");
    let ran = space.run();
    assert_eq!(ran.ran(), pairs(&[("metadata", 0)]));
    assert_eq!(ran.bytes_read(), 0);
    assert_eq!(space.column("metadata", "clock"), ["c1", "c1", ""]);
    space.edit("clock.csv", "+1h", "+2h");
    let reasons = space.reasons("metadata");
    assert!(matches!(reasons.as_slice(), [Reason::Input { name, .. }] if name == "corrections"), "{reasons:?}");
}

#[test]
fn what_does_not_touch_the_result_runs_nothing() {
    let space = TestSpace::with_images();
    space.run();
    space.edit("pipeline.yaml", "classes: [empty, vole]", "classes: [empty, vole, stoat]   # one more");
    assert_eq!(space.run().reused(), ["images", "metadata"]);
}

#[test]
fn an_equal_output_stops_the_propagation_in_the_same_run() {
    let space = TestSpace::with_images();
    space.run();
    // A file that nothing can be read from changes the listing and not the table.
    space.write("raw/a/2024/0.jpg", "");
    let ran = space.run();
    assert_eq!(ran.ran(), pairs(&[("images", 0)]));
    assert_eq!(ran.reused(), ["metadata"]);
    assert_eq!(ran.findings("images"), pairs(&[("zero_byte", 1)]));
}

#[test]
fn forcing_a_step_computes_its_rows_again_and_changes_nothing() {
    let mut space = TestSpace::with_images();
    space.run();
    let before = space.table("metadata").id();
    space.options.force = vec!["metadata".into()];
    assert_eq!(space.reasons("metadata"), [Reason::Forced]);
    let ran = space.run();
    assert_eq!(ran.ran(), pairs(&[("metadata", 3)]));
    assert_eq!(space.table("metadata").id(), before);
}

#[test]
fn a_damaged_image_is_counted_and_the_others_are_not_affected() {
    let space = TestSpace::with_images();
    space.write("raw/b/2024/cut.jpg", &jpeg(5)[..200]);
    let ran = space.run();
    assert_eq!(ran.outcome, Outcome::Complete);
    assert_eq!(space.table("metadata").rows, 4);
}

#[test]
fn identical_bytes_at_one_site_are_one_observation_and_at_two_are_reported() {
    let space = TestSpace::with_images();
    space.image("raw/a/2024/copy of 1.jpg", 1);
    space.image("raw/b/2024/1.jpg", 1);
    let ran = space.run();
    let images = space.table("images");
    assert_eq!(images.rows, 4);
    assert_eq!(space.column("images", "other_paths")[0], "a/2024/copy of 1.jpg");
    assert_eq!(ran.findings("images"), pairs(&[("duplicate_content", 1)]));
    assert_eq!(images.column("copies").unwrap().int(0), Some(2));
}

#[test]
fn an_overridden_parameter_leaves_the_lock_alone() {
    let mut space = TestSpace::with_images();
    space.edit("pipeline.yaml", "name: test\n", "name: test\nparams: { folder: raw }\n");
    space.edit("pipeline.yaml", "root: raw", "root: \"{{ params.folder }}\"");
    space.run();
    let lock = space.read("trapline.lock");
    space.image("other/a/2024/1.jpg", 1);
    space.overrides.set = vec![("folder".into(), "other".into())];
    let ran = space.run();
    assert_eq!(ran.notices(), ["trapline.lock is left as it is: parameters were overridden on the command line"]);
    assert_eq!(space.read("trapline.lock"), lock);
}

#[test]
fn a_partial_run_says_that_it_leaves_the_lock() {
    let mut space = TestSpace::with_images();
    space.options.targets = vec!["images".into()];
    let ran = space.run();
    assert_eq!(ran.ran(), pairs(&[("images", 0)]));
    assert_eq!(ran.notices(), ["trapline.lock is left as it is: only some steps ran"]);
    assert!(!space.path("trapline.lock").exists());
}

#[test]
fn a_step_that_does_not_exist_is_named_with_its_nearest() {
    let mut space = TestSpace::with_images();
    space.options.targets = vec!["metdata".into()];
    let error = space.try_run().unwrap_err();
    assert_eq!(error.to_string(), "the pipeline has no step `metdata`; did you mean `metadata`?");
}

#[test]
fn a_frozen_run_accepts_what_is_locked_and_refuses_what_is_not() {
    let mut space = TestSpace::with_images();
    space.run();
    space.options.frozen = true;
    assert_eq!(space.run().reused(), ["images", "metadata"]);
    space.image("raw/a/2024/4.jpg", 4);
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Failed);
    assert!(ran.errors()[0].starts_with("images: --frozen: listing of step `images` is b3:"), "{:?}", ran.errors());
}

#[test]
fn the_same_images_give_the_same_lock_elsewhere_with_other_threads() {
    let mut first = TestSpace::with_images();
    first.options.jobs = 1;
    first.run();
    let mut second = TestSpace::new();
    second.options.jobs = 4;
    second.write("pipeline.yaml", support::PIPELINE);
    // Made in another order, with other times.
    for (site, seed) in [("b", 3), ("a", 2), ("a", 1)] {
        second.write(&format!("raw/{site}/2024/{seed}.jpg"), jpeg(seed));
    }
    second.run();
    assert_eq!(first.read("trapline.lock"), second.read("trapline.lock"));
}

const NAMED: &str = "  names:
    uses: rename
    from: metadata
    with: { name: \"{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG\", manifest: names.csv }
  table:
    uses: export
    from: names
    with: { into: published/images.csv }
";

fn with_names() -> TestSpace {
    let space = TestSpace::with_images();
    space.write("pipeline.yaml", format!("{}{NAMED}", support::PIPELINE));
    space
}

#[test]
fn a_written_file_that_was_deleted_is_written_again_and_nothing_else_runs() {
    let space = with_names();
    space.run();
    let table = space.read("published/images.csv");
    assert_eq!(table.lines().count(), 4);
    std::fs::remove_file(space.path("published/images.csv")).unwrap();
    assert_eq!(space.reasons("table"), [Reason::Written { path: "published/images.csv".into() }]);
    assert_eq!(space.run().ran(), pairs(&[("table", 0)]));
    assert_eq!(space.read("published/images.csv"), table);
}

#[test]
fn names_once_given_stay_when_images_arrive_late_and_clocks_are_corrected() {
    let space = with_names();
    space.image("raw/a/2024/5.jpg", 31);
    space.run();
    let before = space.read("names.csv");
    assert!(before.contains("a_2024-06-01_0001.JPG") && before.contains("a_2024-06-01_0002.JPG"), "{before}");
    // One more image of that site and day, first in the order of files; and the clock was wrong all along.
    space.image("raw/a/2024/0.jpg", 61);
    space.write("clock.csv", "id,site,from,to,kind,value\nc1,a,2024-01-01,2024-12-31,offset,+30h\n");
    space.edit("pipeline.yaml", "    from: images\n", "    from: images\n    with: { corrections: clock.csv }\n");
    space.run();
    let after = space.read("names.csv");
    for line in before.lines() {
        assert!(after.lines().any(|now| now == line), "`{line}` is gone from\n{after}");
    }
    assert!(after.contains("a_2024-06-01_0003.JPG"), "{after}");
    assert_eq!(space.run().reused(), ["images", "metadata", "names", "table"]);
}

#[test]
fn a_lost_manifest_is_made_again_and_nothing_is_renamed_by_it() {
    let space = with_names();
    space.run();
    let names = space.read("names.csv");
    std::fs::remove_file(space.path("names.csv")).unwrap();
    let ran = space.run();
    assert_eq!(ran.ran(), pairs(&[("names", 0)]));
    assert_eq!(ran.reused(), ["images", "metadata", "table"]);
    assert_eq!(space.read("names.csv"), names);
}

#[test]
fn a_failed_gate_fails_the_run_and_keeps_the_results() {
    let space = TestSpace::with_images();
    space.edit("pipeline.yaml", "/**/*.jpg\" }\n", "/**/*.jpg\" }\n    expect: { images: \">= 4\", zero_byte: 0 }\n");
    let ran = space.try_run().unwrap();
    assert_eq!(ran.outcome, Outcome::Failed);
    let gate = ran.events.iter().find_map(|event| match event {
        trapline::run::event::Event::GateFailed { metric, expected, found, .. } => {
            Some((metric.clone(), expected.clone(), *found))
        }
        _ => None,
    });
    assert_eq!(gate, Some(("images".into(), ">= 4".into(), Some(3.0))));
    assert_eq!(space.table("images").rows, 3);
    assert!(!space.path("trapline.lock").exists());
    // One image more, and the gate opens.
    space.image("raw/a/2024/4.jpg", 4);
    assert_eq!(space.run().ran(), pairs(&[("images", 0), ("metadata", 1)]));
}

#[test]
fn a_step_of_another_stage_runs_only_when_asked() {
    let mut space = with_names();
    space.edit("pipeline.yaml", "  table:\n    uses: export\n", "  table:\n    uses: export\n    stage: publish\n");
    let ran = space.run();
    assert_eq!(ran.ran().len(), 3);
    assert!(!space.path("published/images.csv").exists());
    assert!(space.path("trapline.lock").exists());
    space.options.stage = Some("publish".into());
    assert_eq!(space.run().ran(), pairs(&[("table", 0)]));
    space.options.stage = Some("retrain".into());
    assert_eq!(space.try_run().unwrap_err().to_string(), "the pipeline has no stage `retrain`; its stages: publish");
}
