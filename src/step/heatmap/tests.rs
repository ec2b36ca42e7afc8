//! Places, colours and files; `tests/heatmap.rs` has the network.
#![expect(clippy::float_cmp, reason = "numbers that must be the same bits")]

use std::collections::BTreeMap;

use super::cam::Map;
use super::view::View;
use super::*;
use crate::model::{Input, Resize};

fn input(width: u32, height: u32) -> Input {
    Input {
        width,
        height,
        resize: Resize::Squash,
        crop_bottom_px: 0,
        upright: false,
        margin_px: 0,
        mean: [0.0; 3],
        std: [1.0; 3],
    }
}

/// 4 x 2 places, all cold but one.
fn spot(at: usize) -> Map {
    let mut values = vec![0.0; 8];
    values[at] = 2.0;
    Map { width: 4, height: 2, values }
}

#[test]
fn a_place_of_the_map_is_a_place_of_the_image() {
    // The second column of four, the lower row of two.
    let focus = View::of(&input(8, 4), 80, 40).focus(&spot(5)).unwrap();
    assert_eq!((focus.x, focus.y, focus.share), (0.375, 0.75, 0.125));
    let view = View::of(&input(8, 4), 80, 40);
    assert_eq!((view.value(&spot(5), 0.375, 0.75), view.value(&spot(5), 0.5, 0.75)), (Some(2.0), Some(1.0)));
    assert_eq!(view.focus(&Map { width: 4, height: 2, values: vec![0.0; 8] }), None);
    let even = view.focus(&Map { width: 4, height: 2, values: vec![3.0; 8] }).unwrap();
    assert_eq!((even.x, even.y, even.share), (0.5, 0.5, 0.5));
}

#[test]
fn a_strip_that_was_cut_off_is_part_of_the_stored_image() {
    let view = View::of(&Input { crop_bottom_px: 20, ..input(8, 4) }, 80, 100);
    let focus = view.focus(&spot(5)).unwrap();
    assert!((focus.y - 0.75 * 0.8).abs() < 1e-12 && focus.x == 0.375);
}

#[test]
fn a_margin_is_not_seen() {
    // The network sees the middle half of each side.
    let view = View::of(&Input { margin_px: 4, ..input(8, 8) }, 64, 64);
    let focus = view.focus(&spot(0)).unwrap();
    assert!((focus.x - (0.25 + 0.125 * 0.5)).abs() < 1e-12 && (focus.y - 0.375).abs() < 1e-12, "{focus:?}");
    assert_eq!(view.value(&spot(0), 0.2, 0.5), None);
    assert!(view.value(&spot(0), 0.3, 0.3).is_some());
}

#[test]
fn grey_beside_a_letterboxed_image_is_no_place_of_it() {
    // 80 x 40 in 8 x 8: rows 2 to 5 hold the image.
    let view = View::of(&Input { resize: Resize::Letterbox, ..input(8, 8) }, 80, 40);
    let mut values = vec![0.0; 16];
    (values[0], values[4]) = (9.0, 1.0);
    let map = Map { width: 4, height: 4, values };
    let focus = view.focus(&map).unwrap();
    assert_eq!((focus.x, focus.y, focus.share), (0.125, 0.25, 0.125));
    assert_eq!(view.value(&map, 0.125, 0.25), Some(1.0));
}

#[test]
fn colours_grow_brighter_step_by_step() {
    let brightness = |value: f32| {
        let [red, green, blue] = paint::colour(value);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let steps: Vec<f32> = (0..=32_u8).map(|step| brightness(f32::from(step) / 32.0)).collect();
    assert!(steps.is_sorted() && steps[0] < 1.0 && steps[32] > 240.0, "{steps:?}");
    assert_eq!(paint::colour(0.5), [187.0, 55.0, 84.0]);
}

#[test]
fn pictures_keep_their_proportions_and_small_images_their_size() {
    assert_eq!([paint::size(2048, 1536), paint::size(1080, 1920), paint::size(48, 36)], [(640, 480), (360, 640), (48, 36)]);
    assert_eq!(paint::size(5000, 1), (640, 1));
}

#[test]
fn only_pictures_of_ours_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let there = |name: &str| folder.path().join(name).exists();
    let set = |names: &[&'static str]| names.iter().map(|name| ((*name).to_owned(), name.as_bytes())).collect::<BTreeMap<_, _>>();
    assert_eq!(files::write(folder.path(), &set(&["a.jpg", "b.jpg", "c.jpg"])).unwrap(), []);
    std::fs::write(folder.path().join("own.jpg"), "a person's").unwrap();
    std::fs::write(folder.path().join("b.jpg"), "painted over").unwrap();
    let kept = files::write(folder.path(), &set(&["a.jpg", "d.jpg"])).unwrap();
    assert_eq!((kept[0].kind.as_str(), kept[0].examples.clone()), ("kept", vec!["b.jpg".to_owned()]));
    assert!(there("a.jpg") && there("b.jpg") && !there("c.jpg") && there("d.jpg") && there("own.jpg"));
    // What a person made is in the way: nothing is written at all.
    let error = files::write(folder.path(), &set(&["own.jpg", "e.jpg"])).unwrap_err().to_string();
    assert!(error.contains("`own.jpg`") && !there("e.jpg") && there("a.jpg"), "{error}");
}

#[test]
fn images_are_looked_at_beside_each_other_and_stay_in_their_order() {
    // Each thread waits for a pool of its own, as a session does: on a shared pool the waiting would pile up.
    let worker = || rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    thread_local!(static DEPTH: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });
    let one = |pool: &mut rayon::ThreadPool, item: usize| {
        DEPTH.set(DEPTH.get() + 1);
        let twice = pool.install(|| 2 * item);
        assert_eq!(DEPTH.replace(DEPTH.get() - 1), 1, "one image was begun within another");
        Ok(twice)
    };
    assert_eq!(in_threads(3, 500, worker, one).unwrap(), (0..500).map(|item| 2 * item).collect::<Vec<_>>());
    assert_eq!(in_threads(2, 0, worker, one).unwrap(), Vec::<usize>::new());
    let fails = |_: &mut rayon::ThreadPool, item: usize| {
        if item == 7 { Err(StepError::Data("seven".into())) } else { Ok(item) }
    };
    assert_eq!(in_threads(2, 100, worker, fails).unwrap_err().to_string(), "seven");
}
