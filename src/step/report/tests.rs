//! Tests of the parts of a report; the whole is tested by `tests/report.rs`.

use std::collections::BTreeSet;

use super::cameras;
use super::counts::without_holes;
use super::inputs::Named;
use super::methods::readable;
use crate::step::testing::{table, text};
use crate::table::{Cell, Type};

#[test]
fn months_without_images_are_columns_too() {
    let months = |list: &[&str]| without_holes(&list.iter().map(|&month| month.to_owned()).collect::<BTreeSet<_>>());
    assert_eq!(months(&["2023-11", "2024-02"]), ["2023-11", "2023-12", "2024-01", "2024-02"]);
    assert_eq!(months(&["2023-11"]), ["2023-11"]);
    assert_eq!(months(&[]), Vec::<String>::new());
}

#[test]
fn the_last_season_is_open_and_a_missing_one_is_none() {
    let rows = [["2023", "a"], ["2024", "a"], ["2024", "b"]].map(|row| row.map(text).to_vec());
    let mut rows = rows.to_vec();
    rows.push(vec![Cell::Null, text("a")]);
    let images = table(&[("season", Type::Text), ("locality", Type::Text)], &rows);
    let named = Named::of(&images, &["season", "locality"]).unwrap();
    assert_eq!(named.names, ["missing a", "2023 a", "2024 a", "2024 b"]);
    assert_eq!(named.is_latest(), [false, false, true, true]);
    assert_eq!(named.newest_first(), [2, 3, 1, 0]);
    assert_eq!(named.places[1], ["season=2023", "locality=a"]);
    let all = Named::of(&images, &[] as &[&str]).unwrap();
    assert_eq!((all.rows(0), all.names), (vec![0, 1, 2, 3], vec!["all images".to_owned()]));
}

#[test]
fn parameters_are_read_as_people_write_them() {
    assert_eq!(readable(r#"["season","locality"]"#), "[season, locality]");
    assert_eq!(readable(r#"{"2014..2025":"a@1","default":"a@2"}"#), "2014..2025 a@1, default a@2");
    assert_eq!((readable("\"wide\""), readable("0.9"), readable("true")), ("wide".into(), "0.9".into(), "true".into()));
}

#[test]
fn days_in_a_row_are_one_run_and_doubt_about_a_clock_outweighs_the_rest() {
    let seconds = |day: i64| Cell::DateTime(day * 86_400 + 3_600);
    let image = |day: i64, flags: Option<&str>| vec![text("a"), seconds(day), flags.map_or(Cell::Null, text)];
    let rows = [image(0, None), image(0, None), image(1, None), image(2, Some("truncated date_conflict")), image(5, None)];
    let images = table(&[("site", Type::Text), ("datetime", Type::DateTime), ("flags", Type::Text)], &rows);
    assert_eq!(
        cameras::told(&images, &[(3, 4)], &[1]),
        [
            "1970-01-04 1970-01-05 Gap",
            "1970-01-01 1970-01-01 Active { images: 2 }",
            "1970-01-02 1970-01-02 BadQuality",
            "1970-01-03 1970-01-03 ClockConflict",
            "1970-01-06 1970-01-06 Active { images: 1 }"
        ]
    );
    assert_eq!(cameras::told(&images, &[], &[])[0], "1970-01-01 1970-01-02 Active { images: 3 }");
}
