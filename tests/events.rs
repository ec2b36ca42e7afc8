//! Trigger events of real images. Skipped, and said so, where `shared/data` is absent.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use support::TestSpace;
use trapline::event::{Events, GAP_S};
use trapline::table::{CellRef, Table};

/// The images of a folder with what their cameras wrote.
fn metadata(folder: &Path, pattern: &str) -> Table {
    let space = TestSpace::new();
    let steps = format!(
        "steps:\n  images: {{ uses: images, with: {{ root: archive, path: \"{pattern}\" }} }}\n  metadata: {{ uses: metadata, from: images }}\n"
    );
    space.write("pipeline.yaml", format!("trapline: 1\nname: test\nclasses: [empty]\nroots: {{ archive: {{}} }}\n{steps}"));
    let root = serde_json::to_string(folder).unwrap();
    space.write("trapline.local.yaml", format!("roots: {{ archive: {root} }}\n"));
    space.run();
    space.table("metadata")
}

/// Events by their number of images.
fn sizes(events: &Events, table: &Table, trigger: &str) -> BTreeMap<usize, usize> {
    let mut sizes = BTreeMap::new();
    for event in 0..events.list.len() {
        let rows = events.rows(event);
        if table.cell(rows[0] as usize, "trigger") == CellRef::Text(trigger) {
            *sizes.entry(rows.len()).or_default() += 1;
        }
    }
    sizes
}

#[test]
fn the_motion_images_of_two_sites_are_44_events() {
    let Some(data) = support::shared_data() else { return };
    let table = metadata(&data.join("varanger/raw_images"), "{locality}/{site}/{season}/**/*.jpg");
    let events = Events::of(&table, GAP_S, &[]).unwrap();
    assert_eq!(sizes(&events, &table, "M"), [(1, 1), (2, 43)].into());
    // Time-lapse images have numbers of their own: each is its own event.
    assert_eq!(sizes(&events, &table, "T"), [(1, 113)].into());
    assert!(events.without_time.is_empty());
}

#[test]
fn bursts_over_folders_and_of_other_models_are_one_event() {
    let Some(data) = support::shared_data() else { return };
    let table = metadata(&data.join("jpeg/safe_hc500"), "**/*.jpg");
    assert_eq!(sizes(&Events::of(&table, GAP_S, &[]).unwrap(), &table, "M"), [(3, 1)].into());
    let table = metadata(&data.join("jpeg/reconyx_hf2_burst"), "**/*.jpg");
    assert_eq!(sizes(&Events::of(&table, GAP_S, &[]).unwrap(), &table, "M"), [(5, 1)].into());
}

#[test]
fn a_step_names_the_event_of_each_image() {
    let Some(data) = support::shared_data() else { return };
    let space = TestSpace::new();
    let steps = "steps:
  images: { uses: images, with: { root: archive, path: \"{locality}/{site}/{season}/**/*.jpg\" } }
  metadata: { uses: metadata, from: images }
  events: { uses: events, from: metadata }
  again: { uses: events, from: events.images }
";
    space.write("pipeline.yaml", format!("trapline: 1\nname: test\nroots: {{ archive: {{}} }}\n{steps}"));
    let root = serde_json::to_string(&data.join("varanger/raw_images")).unwrap();
    space.write("trapline.local.yaml", format!("roots: {{ archive: {root} }}\n"));
    space.run();
    let events = space.table("events");
    assert_eq!((events.rows, space.output("events", 1).rows), (44 + 113, 200));
    let images: i64 = (0..events.rows).filter_map(|row| events.column("images").unwrap().int(row)).sum();
    assert_eq!(images, 200);
    assert_eq!(space.table("again"), events);
}
