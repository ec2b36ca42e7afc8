//! Times of cameras and of deployment tables.

use crate::support::TestSpace;
use crate::support::photo::Photo;
use exif::Tag;

const HEAD: &str = "trapline: 1\nname: test\nclasses: [empty, red_fox]\n";

const STEPS: &str = "\
steps:
  images: { uses: images, with: { root: raw, path: \"{site}/{season}/**/*.jpg\" } }
  metadata: { uses: metadata, from: images }
";

const DATASET: &str = "\
dataset:
  title: Test
  created: 2026-01-31
  licences: { data: CC0-1.0, media: CC-BY-4.0 }
  contributors:
    - { title: A Person, role: contact, email: a@example.org }
  project: { title: Test, acronym: T, sampling_design: systematicRandom }
";

const PACKAGE: &str = "  labels: { uses: import, from: metadata, with: { files: labels.csv, what: labels } }
  merged: { uses: merge, from: { images: metadata, labels: labels } }
  passes: { uses: events, from: merged }
  package: { uses: export, from: { table: merged, events: passes }, with: { into: published/dp, form: camtrap_dp } }
";

/// A project with images of `raw/`, each taken at its time.
fn project(head: &str, steps: &str, images: &[(&str, &str)]) -> TestSpace {
    let space = TestSpace::new();
    space.write("pipeline.yaml", format!("{HEAD}{head}{steps}"));
    for (seed, (path, time)) in (1..).zip(images) {
        space.write(&format!("raw/{path}"), Photo::new(seed).taken(time).bytes());
    }
    space
}

/// With a clock file.
fn corrected(clock: &str, images: &[(&str, &str)]) -> TestSpace {
    let steps = STEPS.replace("from: images }", "from: images, with: { corrections: clock.csv } }");
    let space = project("", &steps, images);
    space.write("clock.csv", clock);
    space
}

/// With a deployment table, a label of each image, and a data package.
fn package(clock: &str, images: &[(&str, &str)]) -> TestSpace {
    let mut steps = format!("{STEPS}{PACKAGE}");
    if !clock.is_empty() {
        steps = steps.replace("from: images }", "from: images, with: { corrections: clock.csv } }");
    }
    let head = format!("deployments: deployments.csv\n{DATASET}");
    let space = project(&head, &steps, images);
    space.edit("pipeline.yaml", "classes: [empty, red_fox]", "taxonomy: taxonomy.csv");
    space.write("taxonomy.csv", "class,role,scientific_name\nred_fox,animal,Vulpes vulpes\nempty,empty,\n");
    space.write(
        "deployments.csv",
        "site,season,from,to,latitude,longitude,timezone\ns1,2024,2024-03-01,2024-11-15,70.1,29.1,Europe/Oslo\n",
    );
    space.write("clock.csv", clock);
    let label = |(path, _): &(&str, &str)| format!("s1,2024,{},red_fox\n", path.rsplit('/').next().unwrap());
    space.write("labels.csv", format!("site,season,file,class\n{}", images.iter().map(label).collect::<String>()));
    space
}

/// Some columns of a table of the package.
fn csv(space: &TestSpace, file: &str, columns: &[&str]) -> Vec<String> {
    let text = space.read(&format!("published/dp/{file}"));
    let table = trapline::table::csv::read(text.as_bytes(), &trapline::table::Reading::strict(file)).unwrap();
    let cell = |row: usize, name: &&str| table.column(name).unwrap().text(row).unwrap_or("-").to_owned();
    (0..table.rows).map(|row| columns.iter().map(|name| cell(row, name)).collect::<Vec<_>>().join(" ")).collect()
}

fn flags(space: &TestSpace) -> Vec<String> {
    space.rows("metadata", &["path", "flags"])
}

fn kinds(found: &[(String, u64)]) -> Vec<(&str, u64)> {
    found.iter().map(|(kind, count)| (kind.as_str(), *count)).collect()
}

#[test]
fn deployment_times_with_an_offset_are_local_times_of_their_zone() {
    let images = [
        ("s1/2024/1.jpg", "2024:07:01 10:30:00"),
        ("s1/2024/2.jpg", "2024:07:01 12:30:00"),
        ("s1/2024/3.jpg", "2024:07:10 11:30:00"),
        ("s1/2024/4.jpg", "2024:07:10 12:30:00"),
    ];
    let space = project("deployments: deployments.csv\n", STEPS, &images);
    let expected = [
        "s1/2024/1.jpg - no_deployment",
        "s1/2024/2.jpg s1/2024-07-01 -",
        "s1/2024/3.jpg s1/2024-07-01 -",
        "s1/2024/4.jpg - no_deployment",
    ];
    for (from, to) in [
        ("2024-07-01T10:00:00Z", "2024-07-10T10:00:00Z"),
        ("2024-07-01T12:00:00+02:00", "2024-07-10 05:00-0500"),
        ("2024-07-01 12:00", "2024-07-10T12:00:00"),
    ] {
        space.write("deployments.csv", format!("site,season,from,to,timezone\ns1,2024,{from},{to},Europe/Oslo\n"));
        space.run();
        assert_eq!(space.rows("metadata", &["path", "deployment", "flags"]), expected, "{from}");
    }
    // A camera that keeps winter time, by its offset: 11:00 to 11:00.
    space.write("deployments.csv", "site,season,from,to,timezone\ns1,2024,2024-07-01T10:00:00Z,2024-07-10T10:00:00Z,+01:00\n");
    let ran = space.run();
    assert_eq!(kinds(&ran.findings("metadata")), [("no_deployment", 3)]);
    // Without a zone nobody can tell.
    space.write("deployments.csv", "site,season,from,to\ns1,2024,2024-07-01T10:00:00Z,2024-07-10 10:00:00 PM\n");
    let error = space.error();
    for part in [
        "row 2, column `from`: `2024-07-01T10:00:00Z` has an offset to UTC, and the time zone of the deployment is not known",
        "row 2, column `to`: `2024-07-10 10:00:00 PM` is not a time",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_zone_of_the_data_set_holds_for_deployments_without_one() {
    let head = format!("deployments: deployments.csv\n{DATASET}  timezone: Europe/Oslo\n");
    let space = project(&head, STEPS, &[("s1/2024/1.jpg", "2024:07:01 10:30:00"), ("s1/2024/2.jpg", "2024:07:01 12:30:00")]);
    space.write("deployments.csv", "site,from,to\ns1,2024-07-01T10:00:00Z,2024-07-10\n");
    space.run();
    assert_eq!(space.rows("metadata", &["deployment", "datetime_offset"]), ["- +02:00", "s1/2024-07-01 +02:00"]);
    // Another zone of the data set is another result.
    space.edit("pipeline.yaml", "timezone: Europe/Oslo", "timezone: \"+00:00\"");
    space.run();
    assert_eq!(space.rows("metadata", &["deployment", "datetime_offset"]), ["s1/2024-07-01 +00:00"; 2]);
}

#[test]
fn the_hour_after_the_autumn_change_is_published_with_its_own_offset() {
    let images = [
        ("s1/2024/IMG_0001.jpg", "2024:03:31 01:59:59"),
        ("s1/2024/IMG_0002.jpg", "2024:03:31 02:00:00"),
        ("s1/2024/IMG_0003.jpg", "2024:10:27 00:30:00"),
        ("s1/2024/IMG_0004.jpg", "2024:10:27 01:59:59"),
        ("s1/2024/IMG_0005.jpg", "2024:10:27 02:00:09"),
        ("s1/2024/IMG_0006.jpg", "2024:10:27 02:10:00"),
        ("s1/2024/IMG_0007.jpg", "2024:10:27 03:10:00"),
    ];
    // On winter time all year, put right by the zone's summer time.
    let space = package("id,site,from,to,kind,value\nd1,*,2024-01-01,2024-12-31,dst,Europe/Oslo\n", &images);
    let ran = space.run();
    assert_eq!(kinds(&ran.findings("metadata")), []);
    assert_eq!(kinds(&ran.findings("package")), []);
    let moments = [
        "2024-03-31T01:59:59+01:00",
        "2024-03-31T03:00:00+02:00",
        "2024-10-27T01:30:00+02:00",
        "2024-10-27T02:59:59+02:00",
        "2024-10-27T02:00:09+01:00",
        "2024-10-27T02:10:00+01:00",
        "2024-10-27T03:10:00+01:00",
    ];
    assert_eq!(csv(&space, "media.csv", &["timestamp"]), moments);
    let events = csv(&space, "observations.csv", &["observationLevel", "eventStart", "eventEnd"]);
    let events: Vec<&str> = events.iter().filter_map(|row| row.strip_prefix("event ")).collect();
    let expected = [
        "2024-03-31T01:59:59+01:00 2024-03-31T03:00:00+02:00",
        "2024-10-27T01:30:00+02:00 2024-10-27T01:30:00+02:00",
        // Ten seconds, not an hour.
        "2024-10-27T02:59:59+02:00 2024-10-27T02:00:09+01:00",
        "2024-10-27T02:10:00+01:00 2024-10-27T02:10:00+01:00",
        "2024-10-27T03:10:00+01:00 2024-10-27T03:10:00+01:00",
    ];
    assert_eq!(events, expected);
    let ends = space.rows("passes", &["first", "first_offset", "last", "last_offset"]);
    assert_eq!(ends[2], "2024-10-27T02:59:59 +02:00 2024-10-27T02:00:09 +01:00");
}

#[test]
fn a_camera_that_sets_summer_time_itself_is_known_by_the_order_of_its_files() {
    let images = [
        ("s1/2024/IMG_0001.jpg", "2024:03:31 02:30:00"),
        ("s1/2024/IMG_0002.jpg", "2024:10:27 02:10:00"),
        ("s1/2024/IMG_0003.jpg", "2024:10:27 02:50:00"),
        ("s1/2024/IMG_0004.jpg", "2024:10:27 02:10:30"),
        ("s1/2024/IMG_0005.jpg", "2024:10:27 02:50:20"),
    ];
    let space = package("", &images);
    let ran = space.run();
    assert_eq!(kinds(&ran.findings("metadata")), [("impossible_hour", 1), ("repeated_hour_told", 4)]);
    let expected = ["impossible_hour - -", "- 1 +02:00", "- 1 +02:00", "- 2 +01:00", "- 2 +01:00"];
    assert_eq!(space.rows("metadata", &["flags", "repeated_hour", "datetime_offset"]), expected);
    // Passes an hour apart are four, and not two.
    assert_eq!(space.rows("passes", &["first", "images"]).len(), 5);
    assert_eq!(
        csv(&space, "media.csv", &["timestamp"]),
        [
            // The moment at which a clock on winter time shows 02:30.
            "2024-03-31T03:30:00+02:00",
            "2024-10-27T02:10:00+02:00",
            "2024-10-27T02:50:00+02:00",
            "2024-10-27T02:10:30+01:00",
            "2024-10-27T02:50:20+01:00",
        ]
    );
    assert_eq!(kinds(&ran.findings("package")), [("impossible_hour", 1), ("events_in_impossible_hour", 2)]);
}

#[test]
fn a_time_of_the_repeated_hour_of_which_nothing_tells_the_pass_is_said() {
    let space = package("", &[("s1/2024/IMG_0001.jpg", "2024:10:27 02:10:00"), ("s1/2024/IMG_0002.jpg", "2024:10:27 02:50:00")]);
    let ran = space.run();
    assert_eq!(kinds(&ran.findings("metadata")), [("repeated_hour", 2)]);
    assert_eq!(csv(&space, "media.csv", &["timestamp"]), ["2024-10-27T02:10:00+02:00", "2024-10-27T02:50:00+02:00"]);
    assert_eq!(kinds(&ran.findings("package")), [("repeated_hour", 2), ("events_in_repeated_hour", 4)]);
    // A camera that keeps winter time has no such hour; an offset is a zone wherever one is asked for.
    space.edit("deployments.csv", "Europe/Oslo", "+01:00");
    let ran = space.run();
    assert_eq!((kinds(&ran.findings("metadata")), kinds(&ran.findings("package"))), (vec![], vec![]));
    assert_eq!(csv(&space, "media.csv", &["timestamp"]), ["2024-10-27T02:10:00+01:00", "2024-10-27T02:50:00+01:00"]);
}

#[test]
fn a_camera_on_utc_is_flagged_until_somebody_says_so() {
    let space = project("deployments: deployments.csv\n", STEPS, &[]);
    let offset = |name: &str, seed, time: &str, offset: &str| {
        let photo = Photo::new(seed).taken(time).with(Tag::OffsetTimeOriginal, offset);
        space.write(&format!("raw/s1/2024/{name}"), photo.bytes());
    };
    offset("IMG_0001.jpg", 1, "2024:07:02 22:30:00", "+00:00");
    offset("IMG_0002.jpg", 2, "2024:07:03 22:30:00", "+02:00");
    space.write("deployments.csv", "site,season,from,to,timezone\ns1,2024,2024-07-01,2024-07-31,Europe/Oslo\n");
    let ran = space.run();
    assert_eq!(flags(&space), ["s1/2024/IMG_0001.jpg offset_contradicts_zone", "s1/2024/IMG_0002.jpg -"]);
    assert_eq!(kinds(&ran.findings("metadata")), [("offset_contradicts_zone", 1)]);
    // A correction that makes up for it, and a minute more.
    space.edit("pipeline.yaml", "from: images }", "from: images, with: { corrections: clock.csv } }");
    space.write("clock.csv", "id,site,file_to,kind,value\nutc,s1,IMG_0001.jpg,offset,+2h1m\n");
    assert_eq!(kinds(&space.run().findings("metadata")), []);
    assert_eq!(space.rows("metadata", &["datetime"])[0], "2024-07-03T00:31:00");
    // One that makes it worse.
    space.write("clock.csv", "id,site,file_to,kind,value\nutc,s1,IMG_0001.jpg,offset,-2h\n");
    assert_eq!(kinds(&space.run().findings("metadata")), [("offset_contradicts_zone", 1)]);
}

#[test]
fn a_shift_by_calendar_years_across_a_leap_day_is_said_with_the_offset_that_is_right() {
    // Set on 1 July 2024, a year behind: 2023 and its March know no 29 February.
    let images = [
        ("s1/2024/1.jpg", "2022:07:01 10:00:00"),
        ("s1/2024/2.jpg", "2023:02:28 10:00:00"),
        ("s1/2024/3.jpg", "2023:03:01 10:00:00"),
        ("s1/2024/4.jpg", "2023:03:02 10:00:00"),
    ];
    let space = corrected("id,site,kind,value\nc1,s1,year,+1\n", &images);
    let ran = space.run();
    assert_eq!(kinds(&ran.findings("metadata")), [("leap_day", 2)]);
    let told = finding(&ran, "leap_day");
    assert_eq!(told, ["c1: 2 images from 2023-03-01 on; `offset`, `+365d`"]);
    space.write("clock.csv", "id,site,kind,value\nc1,s1,offset,+365d\n");
    assert_eq!(kinds(&space.run().findings("metadata")), []);
    let days = ["2023-07-01T10:00:00", "2024-02-28T10:00:00", "2024-02-29T10:00:00", "2024-03-01T10:00:00"];
    assert_eq!(space.rows("metadata", &["datetime"]), days);
}

/// The examples of a finding of `metadata`.
fn finding(ran: &crate::support::Ran, kind: &str) -> Vec<String> {
    use trapline::run::event::Event;
    let found = ran.events.iter().find_map(|event| match event {
        Event::StepFinished { step, findings, .. } if step == "metadata" => findings.iter().find(|finding| finding.kind == kind),
        _ => None,
    });
    found.unwrap().examples.clone()
}

#[test]
fn a_correction_holds_for_a_season_a_folder_files_or_events_where_dates_repeat() {
    // The camera began at 1 January 2006 whenever its batteries were changed.
    let images = [
        ("s1/2023/100RECNX/IMG_0001.jpg", "2006:01:01 00:05:00"),
        ("s1/2024/100RECNX/IMG_0001.jpg", "2006:01:01 00:05:00"),
        ("s1/2024/100RECNX/IMG_0010.jpg", "2006:01:02 00:05:00"),
        ("s1/2024/101RECNX/IMG_0001.jpg", "2006:01:01 00:05:00"),
    ];
    let clock = "id,site,season,folder,file_from,file_to,kind,value\n\
        a,s1,2023,,,,offset,+6210d\n\
        b,s1,2024,100RECNX,,IMG_9.jpg,offset,+6575d\n\
        c,s1,2024,100RECNX,IMG_10.jpg,,offset,+6576d\n\
        d,s1,2024,s1\\2024\\101RECNX,,,offset,+6700d\n";
    let space = corrected(clock, &images);
    assert_eq!(kinds(&space.run().findings("metadata")), []);
    let expected = ["a 2023-01-02T00:05:00", "b 2024-01-02T00:05:00", "c 2024-01-04T00:05:00", "d 2024-05-06T00:05:00"];
    assert_eq!(space.rows("metadata", &["clock", "datetime"]), expected);
    // Rows of one kind that meet are an error; so are folders in the name of a file, and an end before its start.
    let clock = "id,site,season,file_from,file_to,event_from,event_to,kind,value\n\
        a,s1,2024,,IMG_0100.jpg,,,offset,+1h\n\
        b,s1,2024,IMG_0100.jpg,,,,offset,+2h\n\
        c,s2,,100RECNX/IMG_1.jpg,,,,offset,+2h\n\
        d,s3,,IMG_10.jpg,IMG_9.jpg,,,offset,+2h\n\
        e,s4,,,,7,6,offset,+2h\n\
        f,s5,,,,x,,offset,+2h\n";
    space.write("clock.csv", clock);
    let error = space.error();
    for part in [
        "row 3, column `from`: `b` and `a` (row 2) are both of kind `offset` and overlap",
        "row 4, column `file_from`: `100RECNX/IMG_1.jpg` holds folders",
        "row 5, column `file_to`: the end lies before the start; exchange `file_from` and `file_to`",
        "row 6, column `event_to`: the end lies before the start",
        "row 7, column `event_from`: `x` is not a whole number",
    ] {
        assert!(error.contains(part), "{error}");
    }
    // What a camera showed has no offset.
    space.write("clock.csv", "id,site,from,kind,value\na,s1,2024-07-01T10:00:00Z,offset,+1h\n");
    let error = space.error();
    assert!(error.contains("`2024-07-01T10:00:00Z` has an offset to UTC, and a camera's clock has none"), "{error}");
}

#[test]
fn raw_times_that_cannot_follow_each_other_are_flagged_without_any_table() {
    let images = [
        // Set back a day in the field.
        ("back/2024/IMG_0001.jpg", "2024:07:02 10:00:00"),
        ("back/2024/IMG_0002.jpg", "2024:07:01 10:00:00"),
        ("back/2024/IMG_0003.jpg", "2024:07:01 11:00:00"),
        // Lost its date, and was set again.
        ("lost/2024/IMG_0001.jpg", "2024:07:02 10:00:00"),
        ("lost/2024/IMG_0002.jpg", "2006:01:01 00:00:10"),
        ("lost/2024/IMG_0003.jpg", "2006:01:02 00:00:10"),
        ("lost/2024/IMG_0004.jpg", "2024:07:09 10:00:00"),
        // Began without a date.
        ("start/2024/100RECNX/IMG_0001.jpg", "2006:01:01 00:00:10"),
        ("start/2024/101RECNX/IMG_0001.jpg", "2024:07:02 10:00:00"),
        // From December to January of the same year.
        ("year/2024/IMG_0001.jpg", "2023:12:31 23:00:00"),
        ("year/2024/IMG_0002.jpg", "2023:01:01 01:00:00"),
        ("year/2024/IMG_0003.jpg", "2023:02:01 01:00:00"),
        // In no year of its season.
        ("wrong/2024/IMG_0001.jpg", "2017:07:02 10:00:00"),
        // The counter went from 9999 to 1, and months and days before the counter.
        ("fine/2024/IMG_0001.jpg", "2024:07:03 10:00:00"),
        ("fine/2024/IMG_9999.jpg", "2024:07:02 10:00:00"),
        ("fine/2024/12310007.jpg", "2023:12:31 10:00:00"),
        ("fine/2024/01010008.jpg", "2024:01:01 10:00:00"),
        ("fine/2024/camA_1.jpg", "2024:08:01 10:00:00"),
        ("fine/2024/camB_1.jpg", "2024:07:01 10:00:00"),
    ];
    let space = project("", STEPS, &images);
    let ran = space.run();
    let expected = [
        "back/2024/IMG_0002.jpg time_runs_backwards",
        "lost/2024/IMG_0002.jpg clock_reset outside_season",
        "lost/2024/IMG_0003.jpg clock_reset outside_season",
        "start/2024/100RECNX/IMG_0001.jpg clock_reset outside_season",
        "wrong/2024/IMG_0001.jpg outside_season",
        "year/2024/IMG_0002.jpg year_not_advanced",
        "year/2024/IMG_0003.jpg year_not_advanced",
    ];
    let flagged: Vec<String> = flags(&space).into_iter().filter(|row| !row.ends_with(" -")).collect();
    assert_eq!(flagged, expected);
    let found = [("clock_reset", 3), ("outside_season", 4), ("time_runs_backwards", 1), ("year_not_advanced", 2)];
    assert_eq!(kinds(&ran.findings("metadata")), found);
    // What is corrected is flagged no more.
    space.edit("pipeline.yaml", "from: images }", "from: images, with: { corrections: clock.csv } }");
    let clock = "id,site,season,folder,file_from,file_to,kind,value\n\
        a,back,2024,,,IMG_0001.jpg,offset,-1d\n\
        b,lost,2024,,IMG_0002.jpg,IMG_0003.jpg,offset,+6758d\n\
        c,start,2024,100RECNX,,,offset,+6757d\n\
        d,year,2024,,IMG_0002.jpg,,year,+1\n\
        e,wrong,2024,,,,year,2024\n";
    space.write("clock.csv", clock);
    assert_eq!(kinds(&space.run().findings("metadata")), []);
}

#[test]
fn a_season_that_the_deployment_table_dates_may_be_called_as_anybody_likes() {
    let space = project("deployments: deployments.csv\n", STEPS, &[("s1/2017/1.jpg", "2024:07:02 10:00:00")]);
    space.write("deployments.csv", "site,season,from,to\ns1,2017,2024-07-01,2024-07-31\n");
    assert_eq!(kinds(&space.run().findings("metadata")), []);
    space.write("deployments.csv", "site,from,to\ns1,2024-07-01,2024-07-31\n");
    assert_eq!(kinds(&space.run().findings("metadata")), [("outside_season", 1)]);
}

#[test]
fn what_lies_outside_the_anchors_of_a_drift_is_said() {
    let images = [
        ("s1/2024/1.jpg", "2024:06:30 10:00:00"),
        ("s1/2024/2.jpg", "2024:07:02 00:00:00"),
        ("s1/2024/3.jpg", "2024:07:12 00:00:00"),
        ("s1/2025/1.jpg", "2025:07:02 00:00:00"),
        ("s2/2024/1.jpg", "2024:07:12 00:00:00"),
    ];
    let head = "id,site,season,from,to,kind,anchor1_raw,anchor1_true,anchor2_raw,anchor2_true\n";
    let anchors = "drift,2024-07-01,2024-07-01,2024-07-11,2024-07-11 00:10:00\n";
    let space = corrected(&format!("{head}d1,s1,,,,{anchors}"), &images);
    let ran = space.run();
    // The camera was set right before the next season: nothing drifts there.
    let expected =
        ["s1/2024/1.jpg outside_drift", "s1/2024/2.jpg -", "s1/2024/3.jpg outside_drift", "s1/2025/1.jpg -", "s2/2024/1.jpg -"];
    assert_eq!(flags(&space), expected);
    assert_eq!(kinds(&ran.findings("metadata")), [("outside_drift", 2)]);
    // The line goes on where somebody says so; it is measured no further for that.
    space.write("clock.csv", format!("{head}d1,s1,2024,2024-06-01,2024-07-31,{anchors}"));
    assert_eq!(kinds(&space.run().findings("metadata")), [("outside_drift", 2)]);
    assert_eq!(space.rows("metadata", &["datetime"])[2], "2024-07-12T00:11:00");
}

#[test]
fn a_folder_of_another_season_or_locality_than_its_deployment_is_flagged() {
    let steps = STEPS.replace("{site}/{season}", "{locality}/{site}/{season}");
    let images = [
        ("north/s1/2024/1.jpg", "2024:07:02 10:00:00"),
        ("north/s1/2025/1.jpg", "2024:07:03 10:00:00"),
        ("south/s2/2024/1.jpg", "2024:07:03 10:00:00"),
        ("south/s3/2025/1.jpg", "2024:07:03 10:00:00"),
    ];
    let space = project("deployments: deployments.csv\n", &steps, &images);
    let table = "site,season,locality,from,to\n\
        s1,2024,north,2024-07-01,2024-07-31\n\
        s1,2025,north,2025-07-01,2025-07-31\n\
        s2,2024,north,2024-07-01,2024-07-31\n\
        s3,,,2024-07-01,2024-07-31\n";
    space.write("deployments.csv", table);
    let ran = space.run();
    let expected = [
        "north/s1/2024/1.jpg s1/2024-07-01 -",
        "north/s1/2025/1.jpg s1/2024-07-01 season_differs",
        "south/s2/2024/1.jpg s2/2024-07-01 locality_differs",
        "south/s3/2025/1.jpg s3/2024-07-01 -",
    ];
    assert_eq!(space.rows("metadata", &["path", "deployment", "flags"]), expected);
    assert_eq!(kinds(&ran.findings("metadata")), [("locality_differs", 1), ("season_differs", 1)]);
}

#[test]
fn an_offset_is_a_zone_wherever_one_is_asked_for() {
    let space = project("deployments: deployments.csv\n", STEPS, &[("s1/2024/1.jpg", "2024:07:02 10:00:00")]);
    for zone in ["+01:00", "-0330", "UTC", "Z", "Europe/Oslo"] {
        space.write("deployments.csv", format!("site,from,to,timezone\ns1,2024-07-01,2024-07-31,{zone}\n"));
        assert_eq!(kinds(&space.run().findings("metadata")), [], "{zone}");
    }
    space.write("deployments.csv", "site,from,to,timezone\ns1,2024-07-01,2024-07-31,Europe/Olso\n");
    assert_eq!(kinds(&space.run().findings("metadata")), [("unknown_timezone", 1)]);
}

#[test]
fn a_time_with_an_offset_in_an_imported_table_is_refused_and_never_cut() {
    let space = TestSpace::new();
    let steps = "steps:\n  images: { uses: import, with: { files: images.csv, what: images } }\n";
    space.write("pipeline.yaml", format!("{HEAD}{steps}"));
    space.write("images.csv", "path,site,season,datetime\na/1.jpg,a,2024,2024-07-01T10:00:00+02:00\n");
    let error = space.error();
    assert!(error.contains("images.csv") && error.contains("datetime") && error.contains("2024-07-01T10:00:00+02:00"), "{error}");
    space.write("images.csv", "path,site,season,datetime\na/1.jpg,a,2024,2024-07-01T10:00:00\n");
    space.run();
}
