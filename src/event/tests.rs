use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::step::testing::{content, table, text};
use crate::table::Cell;

const FIELDS: &[(&str, Type)] = &[
    ("content", Type::Content),
    ("path", Type::Text),
    ("site", Type::Text),
    ("season", Type::Text),
    ("trigger", Type::Text),
    ("event", Type::Int),
    ("sequence_n", Type::Int),
    ("datetime_raw", Type::DateTime),
];

/// A shot: path, site, trigger, number, place in the sequence, time.
type Row<'a> = (&'a str, &'a str, Option<&'a str>, Option<i64>, Option<i64>, Option<i64>);

fn shots(rows: &[Row<'_>]) -> Table {
    let optional = |value: Option<i64>, cell: fn(i64) -> Cell| value.map_or(Cell::Null, cell);
    let row = |(path, site, trigger, number, sequence, time): &Row<'_>| {
        vec![
            content(path),
            text(path),
            text(site),
            text("2024"),
            trigger.map_or(Cell::Null, text),
            optional(*number, Cell::Int),
            optional(*sequence, Cell::Int),
            optional(*time, Cell::DateTime),
        ]
    };
    table(FIELDS, &rows.iter().map(row).collect::<Vec<_>>())
}

/// The paths of each event, in its order.
fn events(table: &Table) -> Vec<Vec<String>> {
    let events = Events::of(table, GAP_S, &[]).unwrap();
    let paths = |event| events.rows(event).iter().map(|row| table.cell(*row as usize, "path").to_string()).collect();
    (0..events.list.len()).map(paths).collect()
}

/// Path and name of the event of each row.
fn names(table: &Table) -> BTreeMap<String, String> {
    let column = Events::of(table, GAP_S, &[]).unwrap().column().unwrap();
    (0..table.rows).map(|row| (table.cell(row, "path").to_string(), column.text(row).unwrap().to_owned())).collect()
}

#[test]
fn a_burst_over_folders_is_one_event_and_a_number_that_comes_again_is_another() {
    let (m, t) = (Some("M"), Some("T"));
    let burst = shots(&[
        ("100RECNX/2", "a", m, Some(15), Some(2), Some(1000)),
        ("b/3", "a", m, Some(15), Some(3), Some(1001)),
        ("100RECNX/1", "a", m, Some(15), Some(1), Some(1000)),
        ("later", "a", m, Some(15), Some(1), Some(90_000)),
        ("lapse", "a", t, Some(15), None, Some(1000)),
        ("elsewhere", "b", m, Some(15), Some(1), Some(1000)),
    ]);
    let found = events(&burst);
    assert_eq!(found[0], ["100RECNX/1", "100RECNX/2", "b/3"]);
    assert_eq!(found[1..], [["later"], ["lapse"], ["elsewhere"]]);
}

#[test]
fn a_gap_of_exactly_the_limit_is_still_one_event() {
    let at = |second| shots(&[("1", "a", None, None, None, Some(0)), ("2", "a", None, None, None, Some(second))]);
    assert_eq!((events(&at(GAP_S)).len(), events(&at(GAP_S + 1)).len()), (1, 2));
    // Chained: the first and the last may lie further apart.
    let chain = shots(&[
        ("3", "a", None, None, None, Some(100)),
        ("1", "a", None, None, None, Some(0)),
        ("2", "a", None, None, None, Some(50)),
    ]);
    assert_eq!(events(&chain), [["1", "2", "3"]]);
}

#[test]
fn without_numbers_a_sequence_that_begins_again_is_another_event() {
    let m = Some("M");
    let twice = shots(&[
        ("1", "a", m, None, Some(1), Some(0)),
        ("2", "a", m, None, Some(2), Some(1)),
        ("3", "a", m, None, Some(1), Some(20)),
        ("4", "a", m, None, Some(2), Some(20)),
    ]);
    assert_eq!(events(&twice), [["1", "2"], ["3", "4"]]);
}

#[test]
fn images_without_time_are_events_of_their_own_unless_a_number_says_more() {
    let found = Events::of(
        &shots(&[
            ("1", "a", None, None, None, None),
            ("2", "a", None, None, None, None),
            ("2", "a", None, None, None, None),
            ("3", "a", Some("M"), Some(7), Some(1), None),
            ("4", "a", Some("M"), Some(7), Some(2), None),
            ("5", "a", Some("M"), Some(7), Some(2), Some(5)),
        ]),
        GAP_S,
        &[],
    )
    .unwrap();
    assert_eq!((found.list.len(), found.without_time.len()), (4, 5));
    assert_eq!(found.of_row[1], found.of_row[2], "rows of one image");
    assert_eq!(found.of_row[3], found.of_row[4]);
    assert_ne!(found.of_row[4], found.of_row[5]);
}

#[test]
fn names_stay() {
    let table = shots(&[("1", "a", Some("M"), Some(7), Some(1), Some(0)), ("2", "a", None, None, None, None)]);
    let golden: Vec<_> = names(&table).into_values().collect();
    assert_eq!(golden, ["ev5b6e0e4751b93340", "evc30f1922e61ee8d5"]);
    // Fewer columns, the same event.
    let fewer = table.select(&["content", "path", "site", "season", "trigger", "event", "datetime_raw"]).unwrap();
    assert_eq!(names(&fewer).into_values().collect::<Vec<_>>(), golden);
    assert!(Events::of(&Table::empty(table.schema), GAP_S, &[]).unwrap().list.is_empty());
}

#[test]
fn late_images_of_an_event_keep_its_anchor() {
    let anchor =
        |rows: &[Row<'_>]| Events::of(&shots(rows), GAP_S, &[]).unwrap().list.iter().map(|e| e.anchor).collect::<Vec<_>>();
    let second = ("2", "a", Some("M"), Some(7), Some(2), Some(100));
    let first = ("1", "a", Some("M"), Some(7), Some(1), Some(99));
    assert_eq!(anchor(&[second]), anchor(&[first, second]));
    let plain = |path, time| (path, "a", None, None, None, Some(time));
    // Two groups of the same day that an image joins.
    let apart = anchor(&[plain("1", 0), plain("3", 100)]);
    assert_eq!((apart[0], apart.len()), (apart[1], 2));
    assert_eq!(anchor(&[plain("1", 0), plain("2", 50), plain("3", 100)]), apart[..1]);
    assert_ne!(anchor(&[plain("1", 90_000)]), apart[..1]);
}

#[test]
fn a_sample_touches_whole_events_by_image_by_bytes_by_id_and_by_columns() {
    let m = Some("M");
    let images = shots(&[
        ("1", "a", m, Some(1), Some(1), Some(0)),
        ("2", "a", m, Some(1), Some(2), Some(1)),
        ("3", "a", m, Some(2), Some(1), Some(100)),
        ("4", "a", m, Some(3), Some(1), Some(200)),
        ("5", "b", m, Some(3), Some(1), Some(200)),
    ]);
    let rows = |others: &[Table]| {
        let touched = touched(&images, others, GAP_S).unwrap();
        (touched.rows.iter().map(|yes| u8::from(*yes)).collect::<Vec<_>>(), touched.loose)
    };
    assert_eq!(rows(&[]), (vec![0; 5], 0));
    // By image alone: a table of labels without any time.
    let labels = images.take(&[1]).select(&["content", "site", "season"]).unwrap();
    assert_eq!(rows(&[labels]), (vec![1, 1, 0, 0, 0], 0));
    // By the same bytes at another site.
    let elsewhere = images.take(&[3]).select(&["content"]).unwrap();
    assert_eq!(rows(&[elsewhere]), (vec![0, 0, 0, 1, 0], 0));
    // Another image of event 2, which is not among the images.
    let other = shots(&[("x", "a", m, Some(2), Some(2), Some(101)), ("y", "b", m, Some(2), Some(2), Some(101))]);
    assert_eq!(rows(std::slice::from_ref(&other)), (vec![0, 0, 1, 0, 0], 0));
    // What nothing ties to an event is counted.
    assert_eq!(rows(&[shots(&[("z", "a", m, None, None, None)])]), (vec![0; 5], 1));
    assert_eq!(rows(&[other.select(&["content", "site"]).unwrap()]), (vec![0; 5], 2));
    let id = Column::repeated(Type::Text, crate::table::CellRef::Text("e"), 5).unwrap();
    let named = images.with_column(EVENT_ID, id.into()).unwrap();
    let other = other.with_column(EVENT_ID, Column::repeated(Type::Text, crate::table::CellRef::Text("e"), 2).unwrap().into());
    let other = other.unwrap().select(&["content", EVENT_ID]).unwrap();
    assert_eq!(touched(&named, &[other], GAP_S).unwrap(), Touched { rows: vec![true; 5], loose: 0 });
}

prop_compose! {
    /// Images of two sites: a few numbers, a few minutes.
    fn some()(rows in prop::collection::vec((0..2_usize, 0..3_i64, 0..4_i64, 0..600_i64, 0..8_u8), 1..40)) -> Vec<(String, usize, i64, i64, i64, u8)> {
        let path = |(at, (site, number, sequence, time, odd)): (usize, (usize, i64, i64, i64, u8))| (at.to_string(), site, number, sequence, time, odd);
        rows.into_iter().enumerate().map(path).collect()
    }
}

fn of(rows: &[(String, usize, i64, i64, i64, u8)]) -> Table {
    let row = |(path, site, number, sequence, time, odd): &'_ (String, usize, i64, i64, i64, u8)| -> Row<'_> {
        let number = (*number > 0).then_some(*number);
        (
            Box::leak(path.clone().into_boxed_str()),
            ["a", "b"][*site],
            Some("M"),
            number,
            Some(*sequence),
            (*odd > 0).then_some(*time),
        )
    };
    shots(&rows.iter().map(row).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_image_is_in_one_event_whatever_the_order_of_rows(rows in some(), turn in 0..40_usize) {
        let mut turned = rows.clone();
        turned.rotate_left(turn % rows.len());
        prop_assert_eq!(names(&of(&rows)), names(&of(&turned)));
        let table = of(&rows);
        let found = Events::of(&table, GAP_S, &[]).unwrap();
        let mut order = found.order.clone();
        order.sort_unstable();
        prop_assert_eq!(order, (0..u32::try_from(rows.len()).unwrap()).collect::<Vec<_>>());
        let mut ids: Vec<_> = found.list.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), found.list.len());
        for (number, event) in found.list.iter().enumerate() {
            let times: Vec<_> = found.rows(number).iter().map(|row| table.cell(*row as usize, "datetime_raw")).collect();
            prop_assert!(found.rows(number).iter().all(|row| found.of_row[*row as usize] as usize == number));
            prop_assert_eq!(times.first().copied(), Some(event.first.map_or(crate::table::CellRef::Null, crate::table::CellRef::DateTime)));
        }
    }

    #[test]
    fn another_season_renames_nothing(rows in some(), more in some()) {
        let before = of(&rows);
        let later = of(&more);
        let season = Column::repeated(Type::Text, crate::table::CellRef::Text("2025"), later.rows).unwrap();
        let both = Table::concat(&[later.with_column("season", season.into()).unwrap(), before.clone()]).unwrap();
        let events = Events::of(&both, GAP_S, &[]).unwrap().column().unwrap();
        let own = Events::of(&before, GAP_S, &[]).unwrap().column().unwrap();
        prop_assert!((0..before.rows).all(|row| own.text(row) == events.text(row + later.rows)));
    }
}
