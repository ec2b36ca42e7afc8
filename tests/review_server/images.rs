//! Which images are shown, and what is said where one cannot be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use trapline::id::ContentId;

use crate::support::TestSpace;
use crate::support::http::Server;
use crate::support::photo::Photo;
use crate::{answered, ask, serve, space};

/// Twelve images of one camera, two of them each day; some are asked about.
fn bursts() -> TestSpace {
    let space = TestSpace::new();
    space.write("pipeline.yaml", crate::support::PIPELINE);
    for day in 1..=6 {
        space.image(&format!("raw/a/2024/{day}_1.jpg"), day);
        space.image(&format!("raw/a/2024/{day}_2.jpg"), day + 30);
    }
    let drawn = "  drawn: { uses: sample, from: metadata, with: { by: [site], random_per_group: 2, seed: 3 } }\n";
    space.write("pipeline.yaml", space.read("pipeline.yaml") + drawn);
    ask(&space, "drawn", "blind: true");
    space
}

fn status(server: &Server, image: &str) -> u16 {
    server.ask("GET", &format!("/api/image/{image}")).send().status
}

#[test]
fn images_are_shown_that_are_asked_about_of_their_event_and_just_before() {
    let space = bursts();
    let server = serve(&space, &[]);
    let hex =
        |day: u8, shot: u8| ContentId::of(&std::fs::read(space.path(&format!("raw/a/2024/{day}_{shot}.jpg"))).unwrap()).hex();
    let days: BTreeMap<String, (u8, u8)> =
        (1..=6).flat_map(|day| [1, 2].map(|shot| (day, shot))).map(|(day, shot)| (hex(day, shot), (day, shot))).collect();
    let asked = server.images("anna");
    assert_eq!(asked.len(), 2);
    let mut allowed: BTreeSet<String> = asked.iter().cloned().collect();
    for image in &asked {
        let frames = server.get(&format!("/api/frames/{image}?reviewer=anna"));
        let event: Vec<&str> = frames["event"].as_array().unwrap().iter().map(|frame| frame["image"].as_str().unwrap()).collect();
        let (day, _) = days[image];
        assert_eq!(event.iter().map(|image| days[*image]).collect::<Vec<_>>(), [(day, 1), (day, 2)]);
        let place = |frame: &Value| frame["asked_at"].as_u64().map(|at| asked[usize::try_from(at).unwrap()].clone());
        assert!(frames["event"].as_array().unwrap().iter().any(|frame| place(frame).as_ref() == Some(image)), "{frames}");
        allowed.extend(event.iter().map(|image| (*image).to_owned()));
        if let Some(previous) = frames["previous"].as_str() {
            assert!(days[previous] < days[image] && days[previous].0 + 1 >= day, "{frames}");
            allowed.insert(previous.to_owned());
        }
    }
    let shown: BTreeSet<String> = days.keys().filter(|image| status(&server, image) == 200).cloned().collect();
    assert_eq!(shown, allowed);
    assert!(allowed.len() < days.len());
    // Frames are told of for images asked about only.
    for image in days.keys().filter(|image| !asked.contains(image)) {
        server.ask("GET", &format!("/api/frames/{image}")).refused(404, "no_image");
    }
    let bytes = |path: &str| server.ask("GET", &format!("/api/image/{}{path}", asked[0])).send().body;
    let (day, shot) = days[&asked[0]];
    let original = std::fs::read(space.path(&format!("raw/a/2024/{day}_{shot}.jpg"))).unwrap();
    assert_eq!(bytes(""), original);
    let small = image::load_from_memory(&bytes("?width=24")).unwrap();
    assert_eq!((small.width(), small.height()), (24, 18));
    // Neither nothing nor the memory of the machine.
    assert_eq!(image::load_from_memory(&bytes("?width=0")).unwrap().width(), 16);
    assert_eq!(image::load_from_memory(&bytes("?width=4000000000")).unwrap().width(), 48);
}

#[test]
fn a_file_that_is_cut_off_says_so_with_the_part_of_it_that_a_browser_shows() {
    let space = TestSpace::new();
    space.write("pipeline.yaml", crate::support::PIPELINE);
    space.image("raw/a/2024/1.jpg", 1);
    let whole = crate::support::jpeg(2);
    let cut = &whole[..whole.len() - 400];
    space.write("raw/a/2024/2.jpg", cut);
    ask(&space, "metadata", "blind: true");
    let server = serve(&space, &[]);
    let [sound, damaged] = [crate::support::jpeg(1), cut.to_vec()].map(|bytes| ContentId::of(&bytes).hex());
    let asked = |path: &str| server.ask("GET", &format!("/api/image/{path}")).send();
    assert_eq!(asked(&sound).header("trapline-damage"), None);
    let shown = asked(&damaged);
    assert_eq!((shown.status, &shown.body[..]), (200, cut));
    assert!(shown.header("trapline-damage").unwrap().starts_with("the file is cut short"));
    // Half a picture made small would look whole.
    server.ask("GET", &format!("/api/image/{damaged}?width=24")).refused(422, "damaged");
}

#[test]
fn an_image_that_is_stored_turned_is_upright_however_it_is_asked_for() {
    let space = TestSpace::new();
    space.write("pipeline.yaml", crate::support::PIPELINE);
    let bytes = Photo::new(1).taken("2024:06:01 12:00:00").turned(6).bytes();
    space.write("raw/a/2024/1.jpg", &bytes);
    ask(&space, "metadata", "blind: true");
    let server = serve(&space, &[]);
    let image = ContentId::of(&bytes).hex();
    // Browsers turn the file's own bytes by themselves.
    assert_eq!(server.ask("GET", &format!("/api/image/{image}")).send().body, bytes);
    let small =
        image::load_from_memory(&server.ask("GET", &format!("/api/image/{image}?width=24")).send().body).unwrap().to_rgb8();
    assert_eq!(small.dimensions(), (24, 32));
    let stored = image::load_from_memory(&bytes).unwrap().to_rgb8();
    let near = |one: &image::Rgb<u8>, other: &image::Rgb<u8>| one.0.iter().zip(other.0).all(|(a, b)| a.abs_diff(b) < 24);
    // The lower left corner of what is stored is the upper left one of what is seen.
    assert!(near(small.get_pixel(0, 0), stored.get_pixel(0, 35)), "{:?} {:?}", small.get_pixel(0, 0), stored.get_pixel(0, 35));
    assert!(!near(small.get_pixel(0, 0), stored.get_pixel(0, 0)));
}

#[test]
fn images_without_a_time_come_in_the_order_of_their_files() {
    let space = TestSpace::new();
    space.write("pipeline.yaml", crate::support::PIPELINE);
    for seed in 1..=9 {
        space.write(&format!("raw/a/2024/IMG_{:04}.jpg", 40 - seed), Photo::new(seed).bytes());
    }
    ask(&space, "metadata", "blind: true");
    let server = serve(&space, &[]);
    let queue = server.queue("anna");
    let names: Vec<&str> = queue.iter().map(|item| item["file"].as_str().unwrap()).collect();
    let expected: Vec<String> = (31..=39).map(|number| format!("IMG_{number:04}.jpg")).collect();
    assert_eq!(names, expected);
    assert!(queue.iter().all(|item| item["time"].is_null()));
}

#[test]
fn an_image_is_no_path_and_no_other_name() {
    let space = space();
    space.write("secret.jpg", crate::support::jpeg(77));
    let server = serve(&space, &[]);
    let image = server.images("anna").swap_remove(0);
    let other = ContentId::of(&crate::support::jpeg(77)).hex();
    let hex = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let names = [
        "a%2F2024%2F1.jpg".to_owned(),
        "1.jpg".to_owned(),
        "..%2F..%2Fsecret.jpg".to_owned(),
        "..%2Fsecret.jpg".to_owned(),
        hex(&space.path("secret.jpg").display().to_string()),
        "raw%2fa%2f2024%2f1.jpg".to_owned(),
        format!("b3:{image}"),
        format!("{image}.jpg"),
        format!("{image}%00"),
        format!("{image}%0d%0aSet-Cookie:%20a=b"),
        format!("{image}-2"),
        format!("{image}-0"),
        format!("{image}-x"),
        format!("{image}-..%2F"),
        image[..63].to_owned(),
        format!("{image}0"),
        other,
        "0".repeat(64),
        "g".repeat(64),
        "-1".to_owned(),
        "%F0%9F%A6%A6".to_owned(),
    ];
    for name in &names {
        for path in ["image", "frames"] {
            server.ask("GET", &format!("/api/{path}/{name}")).refused(404, "no_image");
        }
    }
    for path in ["/api/image/", "/api/image", "/api/image/../session", "/api/image/a/2024/1.jpg"] {
        server.ask("GET", path).refused(404, "no_page");
    }
    server.ask("GET", "/api/image/%ff").refused(400, "bad_request");
    server.ask("GET", &format!("/api/image/{image}?width=x")).refused(400, "bad_request");
}

#[test]
fn a_file_that_changed_is_not_shown_as_the_image_asked_about() {
    let space = space();
    let server = serve(&space, &[]);
    let image = ContentId::of(&crate::support::jpeg(1)).hex();
    assert_eq!(status(&server, &image), 200);
    space.image("raw/a/2024/1.jpg", 9);
    server.ask("GET", &format!("/api/image/{image}")).refused(409, "changed_image");
    server.ask("GET", &format!("/api/image/{image}?width=64")).refused(409, "changed_image");
    // Somebody who saw it before may still say what it was; the pixels of another image are not written beside the answer.
    server.answer("anna", &[(&image, Some("vole"))]);
    std::fs::remove_file(space.path("raw/a/2024/2.jpg")).unwrap();
    server.ask("GET", &format!("/api/image/{}", ContentId::of(&crate::support::jpeg(2)).hex())).refused(404, "absent");
}

#[test]
fn a_disk_that_is_not_there_is_said_and_takes_no_answer_away() {
    let space = space();
    let server = serve(&space, &[]);
    let images = server.images("anna");
    std::fs::rename(space.path("raw"), space.path("unplugged")).unwrap();
    server.ask("GET", &format!("/api/image/{}", images[0])).refused(404, "absent");
    server.answer("anna", &[(&images[0], Some("vole"))]);
    assert_eq!(answered(&server, "anna")[&images[0]], "vole");
    std::fs::rename(space.path("unplugged"), space.path("raw")).unwrap();
    assert_eq!(status(&server, &images[0]), 200);
    // One that is declared to be elsewhere need not be there when the page is opened.
    drop(server);
    let disk = tempfile::tempdir().unwrap();
    let mount = disk.path().join("mount");
    std::fs::rename(space.path("raw"), &mount).unwrap();
    std::fs::write(mount.join(".trapline-root"), "").unwrap();
    space.edit("pipeline.yaml", "root: raw", "root: archive");
    space.edit("pipeline.yaml", "steps:\n", "roots: { archive: { marker: .trapline-root } }\nsteps:\n");
    space.write("trapline.local.yaml", format!("roots:\n  archive: '{}'\n", mount.display()));
    space.try_run().unwrap();
    std::fs::rename(&mount, disk.path().join("unplugged")).unwrap();
    let server = serve(&space, &[]);
    assert_eq!(answered(&server, "anna")[&images[0]], "vole");
    server.ask("GET", &format!("/api/image/{}", images[1])).refused(404, "absent");
    server.answer("anna", &[(&images[1], Some("empty"))]);
}

#[test]
fn an_answer_carries_the_hash_of_the_pixels_that_were_seen() {
    let space = space();
    let server = serve(&space, &[]);
    let images = server.images("anna");
    let seen = server.ask("GET", &format!("/api/image/{}", images[0])).send();
    assert_eq!(seen.status, 200);
    let both: Vec<(&str, Option<&str>)> = images.iter().take(2).map(|image| (&image[..], Some("vole"))).collect();
    server.answer("anna", &both);
    server.answer("anna", &[(&images[0], Some("empty"))]);
    let rows = crate::rows(&space).0;
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.pixels.starts_with("b3:") && row.pixels.len() == 67), "{rows:?}");
    assert_eq!(rows[0].pixels, rows[2].pixels);
    assert_ne!(rows[0].pixels, rows[1].pixels);
}
