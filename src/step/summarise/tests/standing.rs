//! Which days a camera stood there: deployments, first and last images, gaps.

use super::*;

#[test]
fn the_edges_of_a_deployment_are_gaps_where_it_covers_the_whole_day() {
    let rows = [lapse("a 2024", "2024-07-03"), lapse("b 2024", "2024-07-03"), lapse("b 2024", "2024-07-01")];
    let table = "site,season,from,to\na,2024,2024-07-02,2024-07-04\nb,2024,2024-07-01 14:00,2024-07-04 09:30\n";
    let outputs = run(&[], table, &rows);
    let expected = [
        "a 2024 2024-07-02 2024-07-02 1 before_first_image",
        "a 2024 2024-07-04 2024-07-04 1 after_last_image",
        // The first day of `b` is known by its image, the last, of which the camera stood there for some hours, is no row.
        "b 2024 2024-07-02 2024-07-02 1 between_images",
    ];
    assert_eq!(gaps(&outputs), expected);
    assert_eq!(days(&outputs, "vole").iter().filter(|line| line.starts_with("b ")).count(), 3);
}

#[test]
fn a_deployment_without_any_image_is_one_gap_and_a_season_that_has_none_is_not_there_yet() {
    let table = "site,season,from,to,habitat
a,2024,2024-07-01,2024-07-01,heath
a,2025,2024-07-02,2025-07-01,heath
quiet,2024,2024-07-01,2024-07-03,snowbed
endless,2024,2024-07-01,,heath
";
    let outputs = run(&[], table, &[lapse("a 2024", "2024-07-01")]);
    assert_eq!(gaps(&outputs), ["quiet 2024 2024-07-01 2024-07-03 3 no_images"]);
    assert_eq!(said(&outputs), [("gaps", 1), ("seasons_without_images", 1), ("open_deployments", 1)]);
    let described =
        lines(&outputs.tables[2], &["sn_region", "sn_locality", "sc_type_of_sites_ecological", "sn_site", "v_abundance"]);
    // By class: cricetidae, stoat. What the events do not tell says the deployment table.
    assert_eq!(described, [" ko heath a 0", " ko heath a 0", "  snowbed quiet ", "  snowbed quiet "]);
}

#[test]
fn open_ends_reach_as_far_as_there_are_images() {
    let rows = [lapse("a 2024", "2024-07-02"), lapse("a 2024", "2024-07-04"), lapse("a 2024", "2024-07-09")];
    let table = "site,from,to\na,,2024-07-05\na,2024-07-08,\n";
    let expected = [
        "a 2024 2024-07-03 2024-07-03 1 between_images",
        "a 2024 2024-07-05 2024-07-05 1 after_last_image",
        "a 2024 2024-07-08 2024-07-08 1 before_first_image",
    ];
    // Without a season in the table, that of the images.
    assert_eq!(gaps(&run(&[], table, &rows)), expected);
    // An open end reaches no further than the next deployment.
    let table = "site,from,to\na,2024-07-01,\na,2024-07-06,2024-07-09\n";
    let outputs = run(&[], table, &rows);
    assert_eq!(gaps(&outputs).last().unwrap(), "a 2024 2024-07-06 2024-07-08 3 before_first_image");
    assert_eq!(outputs.metrics["gap_days"], 5.0);
}

#[test]
fn a_day_with_an_image_of_another_season_is_no_gap_of_a_dead_camera() {
    let rows = [lapse("a 2024", "2024-06-29"), lapse("a 2025", "2024-07-01"), lapse("a 2025", "2024-07-02")];
    let table = "site,season,from,to\na,2024,2024-06-28,2024-07-01\na,2025,2024-07-01,2024-07-02\n";
    let expected = ["a 2024 2024-06-28 2024-06-28 1 before_first_image", "a 2024 2024-06-30 2024-06-30 1 between_images"];
    assert_eq!(gaps(&run(&[], table, &rows)), expected);
}

#[test]
fn a_clock_that_began_again_makes_no_gap_of_decades() {
    let outputs = run(&[], "", &[lapse("a 2024", "1999-12-31"), lapse("a 2024", "2024-07-01")]);
    assert_eq!((gaps(&outputs).len(), said(&outputs), days(&outputs, "vole").len()), (0, vec![("far_apart", 1)], 2));
    assert_eq!(outputs.findings[0].examples, ["a 2024 2000-01-01 to 2024-06-30 (between_images)"]);
    // A year of silence, from visit to visit, is one.
    let year = run(&[], "", &[lapse("a 2024", "2023-07-01"), lapse("a 2024", "2024-07-01")]);
    assert_eq!(gaps(&year), ["a 2024 2023-07-02 2024-06-30 365 between_images"]);
    // In the deployment table it is an error that names the row.
    let failed = project("site,from,to\na,1924-07-01,2924-07-01\n")
        .run(&*step(&KIND, &[]), &table(FIELDS, &[lapse("a 2024", "2024-07-01")]));
    let error = failed.unwrap_err().to_string();
    assert!(error.starts_with("`deployments.csv` row 2: the deployment `a/1924-07-01` lasts more than 100 years"), "{error}");
}

#[test]
fn days_without_images_between_the_first_and_the_last_are_gaps() {
    let rows = [lapse("a 2024", "2024-07-01"), lapse("a 2024", "2024-07-05"), lapse("b 2024", "2024-07-09")];
    let outputs = run(&[], "", &rows);
    assert_eq!(gaps(&outputs), ["a 2024 2024-07-02 2024-07-04 3 between_images"]);
    let expected = [
        "a 2024 2024-07-01 0 false observed",
        "a 2024 2024-07-02   gap",
        "a 2024 2024-07-03   gap",
        "a 2024 2024-07-04   gap",
        "a 2024 2024-07-05 0 false observed",
        "b 2024 2024-07-09 0 false observed",
    ];
    assert_eq!(days(&outputs, "stoat"), expected);
    assert_eq!((outputs.metrics["gap_days"], outputs.metrics["missing_days"], outputs.metrics["site_days"]), (3.0, 3.0, 6.0));
}

#[test]
fn an_event_over_midnight_is_counted_once_and_leaves_no_gap() {
    let mut row = event("a 2024", "2024-07-01 23:59", "vole", "M");
    row[5] = Cell::DateTime(civil::parse("2024-07-02 00:00:30").unwrap());
    let outputs = run(&[], "", &[row, lapse("a 2024", "2024-07-03")]);
    let expected =
        ["a 2024 2024-07-01 1 true observed", "a 2024 2024-07-02 0 false observed", "a 2024 2024-07-03 0 false observed"];
    assert_eq!(days(&outputs, "vole"), expected);
}
