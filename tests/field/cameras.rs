//! Two cameras at one place, and cameras that take no daily time-lapse image.

use crate::support::photo::Photo;
use crate::support::{Ran, TestSpace};
use exif::Tag;
use trapline::table::Table;

const PIPELINE: &str = "\
trapline: 1
name: test
classes: [empty, red_fox]
steps:
  images: { uses: images, with: { root: raw, path: \"{site}/{season}/**/*.jpg\" } }
  metadata: { uses: metadata, from: images }
  passes: { uses: events, from: metadata }
  days: { uses: summarise, from: passes, with: { classes: [red_fox] } }
";

fn kinds(found: &[(String, u64)]) -> Vec<(&str, u64)> {
    found.iter().map(|(kind, count)| (kind.as_str(), *count)).collect()
}

fn lines(table: &Table, columns: &[&str]) -> Vec<String> {
    let line = |row| columns.iter().map(|name| table.cell(row, name).to_string()).collect::<Vec<_>>().join(" ");
    (0..table.rows).map(line).collect()
}

/// The note of a camera that counts its events: an event number, the place in a burst of three, July 5 2024 at 10:00:`second`.
fn note(event: u16, place: u16, second: u16) -> Vec<u8> {
    let mut note = vec![0; 0x6C];
    note[..4].copy_from_slice(&[0x01, 0xF1, 0x03, 0x00]);
    note[0x0C] = b'M';
    for (at, word) in [(0x0E, place), (0x10, 3), (0x14, event), (0x16, second), (0x1A, 10), (0x1C, 7), (0x1E, 5), (0x20, 2024)] {
        note[at..at + 2].copy_from_slice(&word.to_le_bytes());
    }
    note
}

/// A station with two cameras, each with one burst of three images, 20 seconds apart, which count their events as told.
fn station(numbers: [u16; 2], serials: [&str; 2]) -> TestSpace {
    let space = TestSpace::new();
    space.write("pipeline.yaml", PIPELINE);
    for (camera, (number, serial)) in (0..).zip(numbers.into_iter().zip(serials)) {
        for place in 1..=3_u16 {
            let second = camera * 20 + 2 * (place - 1);
            let photo = Photo::new(u8::try_from(camera * 10 + place).unwrap()).taken(&format!("2024:07:05 10:00:{second:02}"));
            let photo = photo.with_maker_note(note(number, place, second));
            let photo = if serial.is_empty() { photo } else { photo.with(Tag::BodySerialNumber, serial) };
            space.write(&format!("raw/s1/2024/cam{camera}/IMG_000{place}.jpg"), photo.bytes());
        }
    }
    space
}

#[test]
fn two_cameras_of_a_station_make_the_same_events_whatever_they_count() {
    for (numbers, serials) in [([7, 7], ["A", "B"]), ([7, 9], ["A", "B"]), ([7, 9], ["A", "A"])] {
        let space = station(numbers, serials);
        space.run();
        assert_eq!(space.rows("passes", &["images"]), ["3", "3"], "{numbers:?} {serials:?}");
    }
    // Without anything that tells them apart, one number is one event.
    let space = station([7, 7], ["", ""]);
    space.run();
    assert_eq!(space.rows("passes", &["images"]), ["6"]);
}

#[test]
fn a_capture_tells_cameras_apart_that_write_no_serial_number() {
    let space = station([7, 7], ["", ""]);
    space.edit("pipeline.yaml", "{site}/{season}/**", "{site}/{season}/{camera}");
    space.run();
    assert_eq!(space.rows("passes", &["camera", "images"]), ["cam0 3", "cam1 3"]);
}

#[test]
fn whoever_wants_the_station_as_the_unit_says_so() {
    for numbers in [[7, 7], [7, 9]] {
        let space = station(numbers, ["A", "B"]);
        space.edit("pipeline.yaml", "uses: events, from: metadata", "uses: events, from: metadata, with: { unit: site }");
        let ran = space.run();
        assert_eq!(space.rows("passes", &["images"]), ["6"], "{numbers:?}");
        assert_eq!(kinds(&ran.findings("passes")), []);
    }
}

#[test]
fn events_of_one_camera_keep_their_names_when_another_comes() {
    let names = |space: &TestSpace| space.rows("passes", &["event_id"]);
    let space = station([7, 7], ["A", "B"]);
    std::fs::remove_dir_all(space.path("raw/s1/2024/cam1")).unwrap();
    space.run();
    let alone = names(&space);
    // Of a camera without a serial number they are the same.
    let other = station([7, 7], ["", ""]);
    std::fs::remove_dir_all(other.path("raw/s1/2024/cam1")).unwrap();
    other.run();
    assert_eq!(names(&other), alone);
    let both = station([7, 7], ["A", "B"]);
    both.run();
    let both = names(&both);
    assert!(both.contains(&alone[0]) && both.len() == 2 && both[0] != both[1], "{both:?} {alone:?}");
}

#[test]
fn two_cameras_that_begin_an_event_in_one_second_have_events_of_two_names() {
    let space = station([7, 7], ["A", "B"]);
    for place in 1..=3_u16 {
        let second = 2 * (place - 1);
        let photo = Photo::new(u8::try_from(20 + place).unwrap()).taken(&format!("2024:07:05 10:00:{second:02}"));
        let photo = photo.with_maker_note(note(7, place, second)).with(Tag::BodySerialNumber, "B");
        space.write(&format!("raw/s1/2024/cam1/IMG_000{place}.jpg"), photo.bytes());
    }
    let ran = space.run();
    let names = space.rows("passes", &["event_id", "images"]);
    assert_eq!(names.iter().filter(|row| row.ends_with(" 3")).count(), 2);
    assert_ne!(names[0], names[1]);
    // The days of such a station are counted for the site, which is said.
    assert_eq!(kinds(&ran.findings("passes")), [("several_cameras", 1)]);
    assert_eq!(lines(&space.output("days", 0), &["site", "date"]), ["s1 2024-07-05"]);
}

/// Two cameras at a station, without event numbers and serial numbers, named in the deployment table.
fn deployed(path: &str, folders: [&str; 2], names: [&str; 2]) -> TestSpace {
    let space = TestSpace::new();
    let pipeline = PIPELINE.replace("{site}/{season}/**", path);
    space.write("pipeline.yaml", pipeline.replace("steps:", "deployments: deployments.csv\nsteps:"));
    for (camera, folder) in (0_u8..).zip(folders) {
        for (place, second) in (1..=3_u8).zip([0, 10, 20]) {
            let photo = Photo::new(camera * 10 + place).taken(&format!("2024:07:05 10:00:{:02}", second + 5 * camera));
            let photo = photo.with(Tag::BodySerialNumber, ["S-1", "S-2"][usize::from(camera)]);
            space.write(&format!("raw/s1/2024/{folder}/IMG_000{place}.jpg"), photo.bytes());
        }
    }
    let row = |name: &&str| format!("s1,2024,{name},2024-07-01,2024-07-31\n");
    space.write("deployments.csv", format!("site,season,camera,from,to\n{}", names.iter().map(row).collect::<String>()));
    space
}

#[test]
fn an_image_gets_the_deployment_of_its_own_camera_or_none() {
    let columns = ["deployment", "camera", "flags"];
    let of = |a: &'static str, b: &'static str| [[a; 3], [b; 3]].concat();
    // The path names the camera.
    let space = deployed("{site}/{season}/{camera}", ["A", "B"], ["A", "B"]);
    space.run();
    assert_eq!(space.rows("metadata", &columns), of("s1/2024-07-01/A A -", "s1/2024-07-01/B B -"));
    assert_eq!(space.rows("passes", &["camera", "images"]), ["A 3", "B 3"]);
    // The serial number does.
    let space = deployed("{site}/{season}/**", ["camA", "camB"], ["S-1", "S-2"]);
    space.run();
    assert_eq!(space.rows("metadata", &columns), of("s1/2024-07-01/S-1 S-1 -", "s1/2024-07-01/S-2 S-2 -"));
    // Nothing does: no image is given to the camera of another.
    let space = deployed("{site}/{season}/**", ["camA", "camB"], ["A", "B"]);
    let ran = space.run();
    assert_eq!(space.rows("metadata", &columns), of("- - several_cameras", "- - several_cameras"));
    assert_eq!(kinds(&ran.findings("metadata")), [("several_cameras", 6)]);
    // The table does not know one of them.
    let space = deployed("{site}/{season}/{camera}", ["A", "C"], ["A", "B"]);
    let ran = space.run();
    assert_eq!(space.rows("metadata", &columns), of("s1/2024-07-01/A A -", "- C unknown_camera"));
    assert_eq!(kinds(&ran.findings("metadata")), [("unknown_camera", 3)]);
}

#[test]
fn days_and_gaps_go_by_camera_unless_the_site_is_the_unit() {
    let space = deployed("{site}/{season}/{camera}", ["A", "B"], ["A", "B"]);
    space.write(
        "deployments.csv",
        "site,season,camera,from,to\ns1,2024,A,2024-07-04,2024-07-06\ns1,2024,B,2024-07-05,2024-07-05\n",
    );
    space.edit("pipeline.yaml", "classes: [red_fox] }", "classes: [red_fox], alive: images }");
    space.run();
    let gaps = |space: &TestSpace| lines(&space.output("days", 1), &["site", "season", "from", "to", "why", "camera"]);
    let expected = ["s1 2024 2024-07-04 2024-07-04 before_first_image A", "s1 2024 2024-07-06 2024-07-06 after_last_image A"];
    assert_eq!(gaps(&space), expected);
    let days = lines(&space.output("days", 0), &["date", "status", "camera"]);
    let expected = ["2024-07-04 gap A", "2024-07-05 unlabelled A", "2024-07-06 gap A", "2024-07-05 unlabelled B"];
    assert_eq!(days, expected);
    // The second camera fails a day earlier: the site was observed on it, the camera was not.
    space.write(
        "deployments.csv",
        "site,season,camera,from,to\ns1,2024,A,2024-07-05,2024-07-05\ns1,2024,B,2024-07-05,2024-07-06\n",
    );
    space.run();
    assert_eq!(gaps(&space), ["s1 2024 2024-07-06 2024-07-06 after_last_image B"]);
    space.edit("pipeline.yaml", "alive: images }", "alive: images, unit: site }");
    space.run();
    let gaps = lines(&space.output("days", 1), &["site", "from", "to", "why"]);
    assert_eq!(gaps, ["s1 2024-07-06 2024-07-06 after_last_image"]);
    assert!(space.output("days", 0).column("camera").is_none());
}

#[test]
fn a_camera_that_follows_another_leaves_no_day_unsaid() {
    let space = TestSpace::new();
    space.write("pipeline.yaml", PIPELINE.replace("{site}/{season}/**", "{site}/{season}/{camera}"));
    for (seed, (folder, day)) in (1..).zip([("A", 1), ("A", 3), ("B", 6), ("B", 7)]) {
        let photo = Photo::new(seed).taken(&format!("2024:07:{day:02} 10:00:00"));
        space.write(&format!("raw/s1/2024/{folder}/{day}.jpg"), photo.bytes());
    }
    space.run();
    let expected = ["2024-07-04 2024-07-05 ", "2024-07-02 2024-07-02 A"];
    assert_eq!(lines(&space.output("days", 1), &["from", "to", "camera"]), expected);
}

/// A camera without time-lapse, deployed for 14 days, with an image on four of them: a fox on two.
fn waiting(alive: &str) -> (TestSpace, Ran) {
    let space = TestSpace::new();
    let pipeline = "\
trapline: 1
name: test
classes: [empty, red_fox]
deployments: deployments.csv
steps:
  images: { uses: images, with: { root: raw, path: \"{site}/{season}/**/*.jpg\" } }
  metadata: { uses: metadata, from: images }
  labels: { uses: import, from: metadata, with: { files: labels.csv, what: labels } }
  merged: { uses: merge, from: { images: metadata, labels: labels } }
  passes: { uses: events, from: merged }
  days: { uses: summarise, from: passes, with: { classes: [red_fox]ALIVE } }
  page: { uses: report, from: [merged, passes, days], with: { into: report.html } }
";
    space.write("pipeline.yaml", pipeline.replace("ALIVE", alive));
    space.write("deployments.csv", "site,season,from,to\na,2024,2024-07-01,2024-07-14\nb,2024,2024-07-01,2024-07-14\n");
    let mut labels = "site,season,file,class\n".to_owned();
    for (seed, (day, class)) in (1..).zip([(1, "empty"), (4, "red_fox"), (9, "red_fox"), (14, "empty")]) {
        let photo = Photo::new(seed).taken(&format!("2024:07:{day:02} 10:00:00"));
        space.write(&format!("raw/a/2024/IMG_{day:04}.jpg"), photo.bytes());
        labels.push_str(&format!("a,2024,IMG_{day:04}.jpg,{class}\n"));
    }
    space.write("labels.csv", labels);
    let ran = space.run();
    (space, ran)
}

#[test]
fn a_camera_without_time_lapse_is_asked_about_and_lives_as_somebody_says() {
    let of = |space: &TestSpace, site: &str| {
        let days = lines(&space.output("days", 0), &["site", "status", "events"]);
        let count = |wanted: String| days.iter().filter(|line| **line == wanted).count();
        ["observed 0", "observed 1", "gap "].map(|status| count(format!("{site} {status}")))
    };
    let weeks = |space: &TestSpace| lines(&space.output("days", 2), &["sn_site", "t_week", "v_abundance"]);
    // Nobody said: as before, and the question.
    let (space, ran) = waiting("");
    assert_eq!(of(&space, "a"), [2, 2, 10]);
    assert_eq!(kinds(&ran.findings("days")), [("gaps", 4), ("no_time_lapse", 1)]);
    // By its deployment: a fox on 2 of 14 days, and one in each week. A deployment without any image is no proof of a camera that worked.
    let (space, ran) = waiting(", alive: deployment");
    assert_eq!((of(&space, "a"), of(&space, "b")), ([12, 2, 0], [0, 0, 14]));
    assert_eq!(weeks(&space), ["a 27 1", "a 28 1", "b 27 ", "b 28 "]);
    assert_eq!(kinds(&ran.findings("days")), [("gaps", 1), ("quiet_days", 10)]);
    assert!(space.read("report.html").contains("a day without an image is a day without animals"));
    // By its images, which somebody chose: nothing is asked.
    let (space, ran) = waiting(", alive: images");
    assert_eq!(of(&space, "a"), [2, 2, 10]);
    assert_eq!(kinds(&ran.findings("days")), [("gaps", 4)]);
    assert!(
        space.read("report.html").contains("other days are missing (<code>alive: images</code>)")
            || space.read("report.html").contains("other days are missing (`alive: images`)")
    );
}
