//! Site-days and weeks of real images, from the images to the tables. Skipped, and said so, where `shared/data` is absent.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use support::TestSpace;
use trapline::table::Table;

const STEPS: &str = "steps:
  images: { uses: images, with: { root: archive, path: \"{locality}/{site}/{season}/**/*.jpg\" } }
  metadata: { uses: metadata, from: images }
  names:
    uses: rename
    from: metadata
    with: { name: \"{{ site }}_{{ date_raw }}_{{ counter(4) }}.JPG\", manifest: names.csv, adopt: reference/metadata }
  predictions:
    uses: import
    from: names
    with: { files: reference/automatic_classification, format: bohner, what: predictions }
  labels:
    uses: import
    from: names
    with: { files: [reference/quality_check, reference/manual_classification], format: bohner, what: labels }
  per_image: { uses: merge, from: { images: names, predictions: predictions, labels: labels } }
  passes: { uses: events, from: per_image }
  site_days: { uses: summarise, from: passes, with: { weeks: WEEKS, count: COUNT } }
  weeks:
    uses: export
    from: site_days.weeks
    with: { into: published/weeks.txt, format: csv, separator: semicolon, missing: NA, quote: text }
";

fn space(data: &Path, weeks: &str, count: &str, deployments: &str) -> TestSpace {
    let space = TestSpace::new();
    for folder in ["metadata", "automatic_classification", "quality_check", "manual_classification"] {
        support::copy(&data.join("varanger").join(folder), &space.path("reference").join(folder));
    }
    space.write("taxonomy.csv", support::REFERENCE_TAXONOMY);
    let mut head = "trapline: 1\nname: test\nroots: { archive: {} }\ntaxonomy: taxonomy.csv\n".to_owned();
    if !deployments.is_empty() {
        space.write("deployments.csv", deployments);
        head.push_str("deployments: deployments.csv\n");
    }
    space.write("pipeline.yaml", head + &STEPS.replace("WEEKS", weeks).replace("COUNT", count));
    let root = serde_json::to_string(&data.join("varanger/raw_images")).unwrap();
    space.write("trapline.local.yaml", format!("roots: {{ archive: {root} }}\n"));
    space.run();
    space
}

/// Rows with at least one event, under some columns.
fn seen(table: &Table, count: &str, names: &[&str]) -> Vec<String> {
    let rows = (0..table.rows).filter(|row| table.column(count).unwrap().int(*row) > Some(0));
    rows.map(|row| names.iter().map(|name| table.cell(row, name).to_string()).collect::<Vec<_>>().join(" ")).collect()
}

fn statuses(table: &Table) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    (0..table.rows).for_each(|row| *counts.entry(table.cell(row, "status").to_string()).or_default() += 1);
    counts
}

#[test]
fn the_season_of_two_sites_in_site_days_and_weeks() {
    let Some(data) = support::shared_data() else { return };
    let space = space(&data, "coat", "all", "");
    let days = space.table("site_days");
    // 39 and 18 days of six animals; the cameras never failed.
    assert_eq!(statuses(&days), [("observed".to_owned(), (39 + 18) * 6)].into());
    assert_eq!(space.output("site_days", 1).rows, 0);
    let expected = [
        "vj_ga_hu_1 2020 2019-08-03 vole 3",
        "vj_ga_hu_2 2020 2019-07-10 vole 9",
        "vj_ga_hu_2 2020 2019-07-11 vole 5",
        "vj_ga_hu_2 2020 2019-07-12 stoat 1",
        "vj_ga_hu_2 2020 2019-07-13 stoat 1",
        "vj_ga_hu_2 2020 2019-07-16 vole 1",
        "vj_ga_hu_2 2020 2019-07-18 vole 2",
        "vj_ga_hu_2 2020 2019-07-20 vole 1",
        "vj_ga_hu_2 2020 2019-07-23 vole 2",
        "vj_ga_hu_2 2020 2019-07-25 vole 1",
    ];
    assert_eq!(seen(&days, "events", &["site", "season", "date", "class", "events"]), expected);
    // 2019 began on a Tuesday: so do COAT's weeks of that year.
    let weeks = space.output("site_days", 2);
    let names = ["sn_locality", "sn_site", "t_year", "t_week", "v_class_id", "v_abundance"];
    let expected = [
        "vestre_jakobselv vj_ga_hu_1 2019 31 cricetidae 3",
        "vestre_jakobselv vj_ga_hu_2 2019 28 cricetidae 14",
        "vestre_jakobselv vj_ga_hu_2 2019 28 mus_erm 2",
        "vestre_jakobselv vj_ga_hu_2 2019 29 cricetidae 4",
        "vestre_jakobselv vj_ga_hu_2 2019 30 cricetidae 3",
    ];
    assert_eq!(seen(&weeks, "v_abundance", &names), expected);
    let file = space.read("published/weeks.txt");
    let head = "\"sn_region\";\"sn_locality\";\"sc_type_of_sites_ecological\";\"sn_site\";\"t_year\";\"t_week\";\"v_class_id\";\"v_abundance\"\n\
                NA;\"vestre_jakobselv\";NA;\"vj_ga_hu_1\";2019;27;\"aves\";0\n";
    assert!(file.starts_with(head), "{}", &file[..300]);
}

#[test]
fn the_44_motion_events_in_weeks_of_iso_and_a_camera_that_stood_longer() {
    let Some(data) = support::shared_data() else { return };
    let table = "site,from,to,region,habitat\nvj_ga_hu_1,2019-07-08,2019-08-15,varanger,hummock\nvj_ga_hu_2,2019-07-07,2019-07-31,varanger,hummock\n";
    let space = space(&data, "iso", "motion", table);
    let days = space.table("site_days");
    assert_eq!(statuses(&days), [("gap".to_owned(), 7 * 6), ("observed".to_owned(), (39 + 18) * 6)].into());
    let gaps = space.output("site_days", 1);
    let cells = |row| (0..6).map(|at| gaps.columns[at].cell(row).to_string()).collect::<Vec<_>>().join(" ");
    let expected = [
        "vj_ga_hu_2 2020 2019-07-07 2019-07-07 1 before_first_image",
        "vj_ga_hu_2 2020 2019-07-26 2019-07-31 6 after_last_image",
    ];
    assert_eq!((0..gaps.rows).map(cells).collect::<Vec<_>>(), expected);
    let passes = space.table("passes");
    assert_eq!((0..passes.rows).filter(|row| passes.cell(*row, "trigger").to_string() == "M").count(), 44);
    // All animals were seen by the sensor: 24 voles and 2 stoats of 44 events, the others empty.
    assert_eq!(seen(&days, "events", &["site"]).len(), 10);
    let weeks = space.output("site_days", 2);
    let names = ["sn_region", "sc_type_of_sites_ecological", "sn_site", "t_year", "t_week", "v_class_id", "v_abundance"];
    let expected = [
        "varanger hummock vj_ga_hu_1 2019 31 cricetidae 3",
        "varanger hummock vj_ga_hu_2 2019 28 cricetidae 14",
        "varanger hummock vj_ga_hu_2 2019 28 mus_erm 2",
        "varanger hummock vj_ga_hu_2 2019 29 cricetidae 4",
    ];
    assert_eq!(seen(&weeks, "v_abundance", &names), expected);
    // The week that the camera did not see to its end is missing, with three voles on the days that it saw.
    let missing = (0..weeks.rows).filter(|row| weeks.column("v_abundance").unwrap().is_null(*row));
    let missing: Vec<_> = missing.map(|row| format!("{} {}", weeks.cell(row, "sn_site"), weeks.cell(row, "t_week"))).collect();
    let expected: Vec<_> =
        ["27", "30", "31"].iter().flat_map(|week| std::iter::repeat_n(format!("vj_ga_hu_2 {week}"), 6)).collect();
    assert_eq!(missing, expected);
}
