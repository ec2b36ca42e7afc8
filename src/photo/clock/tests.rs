//! Clock files as people write them, and the times they give.

use insta::assert_snapshot;
use jiff::civil::{DateTime, date};
use proptest::prelude::*;

use super::*;

/// Corrects the time of an image of which only the site, and maybe the deployment, matters.
fn apply(corrections: &[Correction], site: &str, deployment: Option<&str>, raw: DateTime) -> Corrected {
    super::apply(corrections, &Subject { site, deployment, ..Subject::default() }, raw)
}

fn at(text: &str) -> DateTime {
    text.replace(' ', "T").parse().unwrap()
}

fn one(kind: &str, value: &str) -> Vec<Correction> {
    read("clock.csv", format!("id,site,from,to,kind,value\na,s1,2000-01-01,2100-01-01,{kind},{value}\n").as_bytes()).unwrap()
}

fn corrected(kind: &str, value: &str, raw: &str) -> String {
    apply(&one(kind, value), "s1", None, at(raw)).time.to_string().replace('T', " ")
}

fn errors(text: &str) -> String {
    let errors = read("clock.csv", text.as_bytes()).unwrap_err();
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn offsets_are_read_in_every_usual_spelling() {
    for (value, expected) in [
        ("-2h", "2016-03-01 08:00:00"),
        ("\u{2212}2h", "2016-03-01 08:00:00"),
        ("+1d 2h 30m", "2016-03-02 12:30:00"),
        ("90m", "2016-03-01 11:30:00"),
        ("-00:30:15", "2016-03-01 09:29:45"),
        ("-12:00", "2016-02-29 22:00:00"),
        ("+86400s", "2016-03-02 10:00:00"),
    ] {
        assert_eq!(corrected("offset", value, "2016-03-01 10:00:00"), expected, "{value}");
    }
}

#[test]
fn a_year_shift_knows_the_calendar() {
    // 366 days lie between both: a shift by 365 days would be a day off after February.
    assert_eq!(corrected("year", "-1", "2017-03-05 10:00:00"), "2016-03-05 10:00:00");
    assert_eq!(corrected("year", "+1", "2016-02-29 10:00:00"), "2017-02-28 10:00:00");
    assert_eq!(corrected("year", "2016", "2006-09-26 04:14:00"), "2016-09-26 04:14:00");
}

#[test]
fn the_half_of_the_day_is_flipped_or_shifted() {
    assert_eq!(corrected("am_pm", "", "2016-03-01 03:10:00"), "2016-03-01 15:10:00");
    assert_eq!(corrected("am_pm", "", "2016-03-01 15:10:00"), "2016-03-01 03:10:00");
    assert_eq!(corrected("am_pm", "+12h", "2016-03-01 15:10:00"), "2016-03-02 03:10:00");
}

#[test]
fn month_and_day_are_swapped_where_they_can_be() {
    assert_eq!(corrected("month_day_swap", "", "2016-05-07 03:10:00"), "2016-07-05 03:10:00");
    let done = apply(&one("month_day_swap", ""), "s1", None, at("2016-05-25 03:10:00"));
    assert_eq!(done.time, at("2016-05-25 03:10:00"));
    assert_eq!((done.ids.len(), done.problems), (0, vec![ClockProblem::Impossible { id: "a".to_owned() }]));
}

#[test]
fn summer_time_is_a_shift_or_a_zone() {
    assert_eq!(corrected("dst", "+1h", "2016-07-01 12:00:00"), "2016-07-01 13:00:00");
    // Norway changed on 27 March 2016 at 02:00 and on 30 October at 03:00 legal time, which is 02:00 winter time.
    for (raw, expected) in [
        ("2016-03-27 01:59:59", "2016-03-27 01:59:59"),
        ("2016-03-27 02:00:00", "2016-03-27 03:00:00"),
        ("2016-10-30 01:59:59", "2016-10-30 02:59:59"),
        ("2016-10-30 02:00:00", "2016-10-30 02:00:00"),
        ("2016-12-31 23:30:00", "2016-12-31 23:30:00"),
    ] {
        assert_eq!(corrected("dst", "Europe/Oslo", raw), expected);
    }
    // In the south the summer lies across the new year.
    assert_eq!(corrected("dst", "Australia/Sydney", "2016-01-15 12:00:00"), "2016-01-15 13:00:00");
    assert_eq!(corrected("dst", "Australia/Sydney", "2016-07-15 12:00:00"), "2016-07-15 12:00:00");
}

const DRIFT: &str = "id;deployment;kind;anchor1_raw;anchor1_true;anchor2_raw;anchor2_true\n\
    slow;d1;drift;2020-01-01 00:00:00;2020-01-01 00:00:00;2020-01-11 00:00:00;2020-01-11 00:10:00\n";

#[test]
fn drift_is_a_straight_line_between_its_anchors() {
    let line = read("clock.csv", DRIFT.as_bytes()).unwrap();
    let time = |raw| apply(&line, "any", Some("d1"), at(raw)).time;
    assert_eq!(time("2020-01-01 00:00:00"), at("2020-01-01 00:00:00"));
    assert_eq!(time("2020-01-06 00:00:00"), at("2020-01-06 00:05:00"));
    assert_eq!(time("2020-01-11 00:00:00"), at("2020-01-11 00:10:00"));
    // 720 raw seconds make half a second, which is rounded up.
    assert_eq!(time("2020-01-01 00:11:59"), at("2020-01-01 00:11:59"));
    assert_eq!(time("2020-01-01 00:12:00"), at("2020-01-01 00:12:01"));
    // Outside its anchors it does not hold unless `from` and `to` say so.
    assert_eq!(time("2020-01-11 00:00:01"), at("2020-01-11 00:00:01"));
    assert_eq!(apply(&line, "any", None, at("2020-01-06 00:00:00")).time, at("2020-01-06 00:00:00"));
}

#[test]
fn both_ends_are_included_and_a_date_means_its_whole_day() {
    let corrections = read("clock.csv", b"id,site,from,to,kind,value\na,s1,2016-03-01,2016-03-31,offset,+1h\n").unwrap();
    let changed = |raw: &str| !apply(&corrections, "s1", None, at(raw)).ids.is_empty();
    assert!(changed("2016-03-01 00:00:00") && changed("2016-03-31 23:59:59"));
    assert!(!changed("2016-02-29 23:59:59") && !changed("2016-04-01 00:00:00"));
    assert!(apply(&corrections, "s1b", None, at("2016-03-02 00:00:00")).ids.is_empty(), "site ids match whole");
}

#[test]
fn spreadsheets_may_write_it_their_way() {
    let plain = "id,site,from,to,kind,value,comment\r\na,s1,2016-03-01 10:00,,offset,+1h,said the warden\r\n";
    let expected = read("clock.csv", plain.as_bytes()).unwrap();
    assert_eq!(expected[0].reach.from, Some(at("2016-03-01 10:00:00")));
    assert_eq!(expected[0].comment.as_deref(), Some("said the warden"));
    for separator in [";", "\t"] {
        let text = format!("\u{FEFF}{}", plain.replace(',', separator).replacen("id", "ID", 1));
        assert_eq!(read("clock.csv", text.as_bytes()).unwrap(), expected, "{separator:?}");
    }
    assert_eq!(read("clock.csv", b"").unwrap(), []);
    assert_eq!(read("clock.csv", b"id,kind,site\n,,\n\n").unwrap(), []);
}

#[test]
fn corrections_of_several_kinds_follow_a_fixed_order() {
    let rows = ["o,s1,offset,+20h", "y,s1,year,-1", "d,s1,dst,Europe/Oslo", "m,s1,month_day_swap,"];
    let expected = "2016-08-02 02:00:00";
    for turn in 0..4 {
        let mut rows = rows.to_vec();
        rows.rotate_left(turn);
        let corrections = read("clock.csv", format!("id,site,kind,value\n{}\n", rows.join("\n")).as_bytes()).unwrap();
        // 1 August 2017 written as 8 January; a year back; twenty hours on; in summer.
        let done = apply(&corrections, "s1", None, at("2017-01-08 05:00:00"));
        assert_eq!(done.ids, ["m", "y", "o", "d"]);
        assert_eq!(done.time.to_string().replace('T', " "), expected);
        assert_eq!(done.problems, []);
    }
}

#[test]
fn a_clash_that_only_an_image_shows_changes_nothing_and_is_named() {
    let corrections = read("clock.csv", b"id,site,deployment,kind,value\na,s1,,offset,+1h\nb,,d1,offset,+2h\n").unwrap();
    assert_eq!(apply(&corrections, "s1", Some("d2"), at("2016-03-01 00:00:00")).ids, ["a"]);
    let done = apply(&corrections, "s1", Some("d1"), at("2016-03-01 00:00:00"));
    assert_eq!(done.time, at("2016-03-01 00:00:00"));
    assert_eq!(done.problems, [ClockProblem::Overlap { ids: vec!["a".to_owned(), "b".to_owned()] }]);
}

#[test]
fn every_mistake_names_its_place_and_the_way_out() {
    let text = "id,site,from,to,kind,value\n\
        a,s1,2016-13-01,,offset,+1h\n\
        ,s1,,,offset,+1h\n\
        c,,,,offset,+1h\n\
        d,s2,2016-02-01,2016-01-01,offset,+1h\n\
        e,s3,,,shift,+1h\n\
        f,s4,,,offset,1\n\
        g,s5,,,year,16\n\
        h,s6,,,dst,+1h\n\
        i,s7,,,month_day_swap,yes\n\
        j,s8,,,am_pm,+11h\n\
        k,s9,,,drift,\n\
        l,s10,,,offset,\n";
    assert_snapshot!(errors(text), @r"
    `clock.csv` row 2, column `from`: `2016-13-01` is not a time; write YYYY-MM-DD or YYYY-MM-DD hh:mm:ss
    `clock.csv` row 3, column `id`: the correction has no id; give it a short name of its own
    `clock.csv` row 4, column `site`: neither a site nor a deployment is named; name one, or write `*` for every site
    `clock.csv` row 5, column `to`: the end lies before the start; exchange `from` and `to`
    `clock.csv` row 6, column `kind`: `shift` is not a kind of correction; write one of month_day_swap, am_pm, year, offset, drift, dst
    `clock.csv` row 7, column `value`: `1` is not a value of kind `offset`; write a shift such as `+2h`, `-1d2h30m` or `-00:30:00`
    `clock.csv` row 8, column `value`: `16` is not a value of kind `year`; write `+1` or `-1` to shift, or a year such as `2016` to set it
    `clock.csv` row 9, column `from`: a summer-time shift without a start and an end; fill in `from` and `to`, or write a time zone as value
    `clock.csv` row 10, column `value`: `yes` is not a value of kind `month_day_swap`; leave the value empty
    `clock.csv` row 11, column `value`: `+11h` is not a value of kind `am_pm`; leave the value empty, or write `+12h` or `-12h`
    `clock.csv` row 12, column `anchor1_raw`: a drift needs both anchors; write what the camera showed and what the time really was, twice
    `clock.csv` row 12, column `anchor1_true`: a drift needs both anchors; write what the camera showed and what the time really was, twice
    `clock.csv` row 12, column `anchor2_raw`: a drift needs both anchors; write what the camera showed and what the time really was, twice
    `clock.csv` row 12, column `anchor2_true`: a drift needs both anchors; write what the camera showed and what the time really was, twice
    `clock.csv` row 13, column `value`: a correction of kind `offset` needs a value; write a shift such as `+2h`, `-1d2h30m` or `-00:30:00`
    ");
}

#[test]
fn overlaps_and_repeated_ids_are_mistakes() {
    let text = "id,site,from,to,kind,value,anchor1_raw,anchor1_true,anchor2_raw,anchor2_true\n\
        a,s1,2016-01-01,2016-06-30,offset,+1h,,,,\n\
        b,s1,2016-06-30,2016-12-31,offset,+2h,,,,\n\
        c,s1b,,,offset,+2h,,,,\n\
        a,s3,,,offset,+2h,,,,\n\
        d,*,2016-02-01,2016-02-02,offset,+3h,,,,\n\
        e,s4,,,year,+1,,,,\n\
        f,s4,,,drift,,2016-01-01,2016-01-01,2016-02-01,2016-02-02\n\
        g,s4,,,dst,Europe/Oslo,,,,\n";
    assert_snapshot!(errors(text), @r"
    `clock.csv` row 3, column `from`: `b` and `a` (row 2) are both of kind `offset` and overlap; end one before the other starts, limit them to seasons, folders, files or events, or join them into one
    `clock.csv` row 5, column `id`: `a` stands in row 2 too; give each correction an id of its own
    `clock.csv` row 6, column `from`: `d` and `a` (row 2) are both of kind `offset` and overlap; end one before the other starts, limit them to seasons, folders, files or events, or join them into one
    `clock.csv` row 6, column `from`: `d` and `c` (row 4) are both of kind `offset` and overlap; end one before the other starts, limit them to seasons, folders, files or events, or join them into one
    `clock.csv` row 6, column `from`: `d` and `a` (row 5) are both of kind `offset` and overlap; end one before the other starts, limit them to seasons, folders, files or events, or join them into one
    `clock.csv` row 8, column `from`: `f` (drift) overlaps `d` (offset, row 6), and a drift states the true time by itself; put the whole correction into the drift's anchors
    `clock.csv` row 8, column `from`: `f` (drift) overlaps `e` (year, row 7), and a drift states the true time by itself; put the whole correction into the drift's anchors
    ");
}

#[test]
fn a_header_is_checked_before_its_rows() {
    assert_snapshot!(errors("id,site,kind,valeu\na,s1,offset,+1h\n"), @r"`clock.csv` row 1, column `valeu`: this is not a column of a clock file; did you mean `value`?");
    assert_snapshot!(errors("station;offset\ns1;2\n"), @r"
    `clock.csv` row 1, column `station`: this is not a column of a clock file; the columns are id, site, deployment, season, folder, from, to, file_from, file_to, event_from, event_to, kind, value, anchor1_raw, anchor1_true, anchor2_raw, anchor2_true, comment
    `clock.csv` row 1, column `offset`: this is not a column of a clock file; the columns are id, site, deployment, season, folder, from, to, file_from, file_to, event_from, event_to, kind, value, anchor1_raw, anchor1_true, anchor2_raw, anchor2_true, comment
    `clock.csv` row 1, column `id`: the column is missing; the columns are id, site, deployment, season, folder, from, to, file_from, file_to, event_from, event_to, kind, value, anchor1_raw, anchor1_true, anchor2_raw, anchor2_true, comment
    `clock.csv` row 1, column `kind`: the column is missing; the columns are id, site, deployment, season, folder, from, to, file_from, file_to, event_from, event_to, kind, value, anchor1_raw, anchor1_true, anchor2_raw, anchor2_true, comment
    ");
    assert_snapshot!(read("clock.csv", b"id,site,kind\na,s\xf8r,offset\n").unwrap_err()[0].to_string(), @r"`clock.csv` row 2, column `1`: letters that are not UTF-8; save the file as `CSV UTF-8`");
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "(id|kind|site|value|,|;|\n|\"|[+-]?[0-9]{1,6}[dhms:]?|drift|offset|year|[a-z\u{e9}]{0,4}){0,40}") {
        let _ = read("clock.csv", text.as_bytes());
    }

    #[test]
    fn an_offset_and_its_opposite_give_the_raw_time(shift in 1i64..10_000_000, second in 0i64..86_400 * 3_000) {
        let raw = date(2015, 1, 1).at(0, 0, 0, 0).checked_add(seconds(second).unwrap()).unwrap();
        let there = apply(&one("offset", &format!("+{shift}s")), "s1", None, raw).time;
        prop_assert_eq!(apply(&one("offset", &format!("-{shift}s")), "s1", None, there).time, raw);
    }
}
