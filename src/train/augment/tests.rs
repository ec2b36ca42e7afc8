use super::*;
use crate::model::Resize;
use crate::photo::to_tensor_chw;
use crate::train::chance;

fn input(width: u32, height: u32, margin_px: u32) -> Input {
    let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    Input { width, height, resize: Resize::Squash, crop_bottom_px: 0, upright: false, margin_px, mean, std }
}

/// Numbers of 0-1, so that a test can read them.
fn plain(width: u32, height: u32, margin_px: u32) -> Input {
    Input { mean: [0.0; 3], std: [1.0; 3], ..input(width, height, margin_px) }
}

/// A picture without two equal neighbours.
fn picture(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| u8::try_from((at * 37 + at / 7 * 11) % 256).unwrap()).collect()
}

/// A picture whose every pixel says where it stands: red its column, green its row.
fn places(width: u8, height: u8) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).flat_map(move |x| [x, y, 200])).collect()
}

fn everything() -> Augmentation {
    Augmentation {
        flip: true,
        rotation_deg: 40.0,
        shift: 0.2,
        shear_deg: 15.0,
        zoom: 0.2,
        brightness: 0.3,
        contrast: 0.3,
        night: 0.5,
        random_crop: true,
    }
}

fn prepared(augmenter: &Augmenter, rgb: &[u8], rng: Option<&mut ChaCha8Rng>) -> Vec<f32> {
    let mut out = vec![f32::NAN; augmenter.numbers()];
    augmenter.prepare(rgb, rng, &mut out);
    out
}

/// What `variation` shows of [`places`], as bytes of the source: red, then green.
fn shown(augmenter: &Augmenter, rgb: &[u8], change: impl FnOnce(&mut Variation)) -> (Vec<f32>, Vec<f32>) {
    let mut variation = augmenter.none();
    change(&mut variation);
    let mut out = vec![f32::NAN; augmenter.numbers()];
    augmenter.apply(rgb, &variation, &mut out);
    let bytes = |plane: &[f32]| plane.iter().map(|value| (value * 255.0 * 1000.0).round() / 1000.0).collect();
    let size = out.len() / 3;
    (bytes(&out[..size]), bytes(&out[size..2 * size]))
}

#[test]
fn nothing_to_vary_gives_the_very_numbers_of_classifying() {
    for (width, height, margin) in [(9, 7, 0), (8, 5, 3)] {
        let input = input(width, height, margin);
        let augmenter = Augmenter::new(&everything(), &input);
        let rgb = picture(augmenter.source_bytes());
        let row = 3 * (width + 2 * margin) as usize;
        let (from, to) = (3 * margin as usize, 3 * (margin + width) as usize);
        let centre: Vec<u8> =
            rgb.chunks(row).skip(margin as usize).take(height as usize).flat_map(|row| row[from..to].to_vec()).collect();
        let mut expected = Vec::new();
        to_tensor_chw(&centre, input.mean, input.std, &mut expected);
        assert_eq!(prepared(&augmenter, &rgb, None), expected);
        let off = Augmenter::new(&Augmentation::default(), &input);
        assert_eq!(prepared(&off, &rgb, Some(&mut chance(1, "augmentation", &[]))), expected);
    }
}

#[test]
fn a_flip_mirrors_rows_and_comes_every_other_time() {
    let augmenter = Augmenter::new(&Augmentation { flip: true, ..Augmentation::default() }, &input(5, 4, 0));
    let rgb = picture(augmenter.source_bytes());
    let straight = prepared(&augmenter, &rgb, None);
    let mirrored: Vec<f32> = straight.chunks(5).flat_map(|row| row.iter().rev().copied().collect::<Vec<_>>()).collect();
    let mut flipped = 0;
    for image in 0..1000 {
        let one = prepared(&augmenter, &rgb, Some(&mut chance(1, "augmentation", &[image])));
        flipped += u32::from(one == mirrored);
        assert!(one == mirrored || one == straight);
    }
    assert!((437..=563).contains(&flipped), "four standard deviations about 500: {flipped}");
}

#[test]
fn a_shift_moves_whole_pixels_and_repeats_the_edge() {
    let augmenter = Augmenter::new(&Augmentation::default(), &plain(5, 4, 0));
    let (columns, lines) = shown(&augmenter, &places(5, 4), |variation| variation.map.shift = (2, -1));
    assert_eq!(columns, [[2.0, 3.0, 4.0, 4.0, 4.0]; 4].concat());
    assert_eq!(lines, [[0.0; 5], [0.0; 5], [1.0; 5], [2.0; 5]].concat());
    let far = |variation: &mut Variation| variation.map.shift = (-100, 100);
    assert_eq!(shown(&augmenter, &places(5, 4), far), (vec![0.0; 20], vec![3.0; 20]));
}

#[test]
fn a_crop_shows_another_part_of_the_margin_before_the_edge_is_repeated() {
    let cropped = Augmenter::new(&Augmentation { random_crop: true, ..Augmentation::default() }, &plain(3, 2, 2));
    let rgb = places(7, 6);
    let mut corners = std::collections::BTreeSet::new();
    for image in 0..400 {
        let one = prepared(&cropped, &rgb, Some(&mut chance(1, "augmentation", &[image])));
        let corner = [0, 6].map(|at: usize| one[at] * 255.0);
        assert!((one[2] * 255.0 - corner[0] - 2.0).abs() < 1e-3, "columns follow each other");
        corners.insert(corner.map(|value| value.round().to_string()));
    }
    assert_eq!(corners.len(), 25, "every place within the margin is drawn");
    let (columns, _) = shown(&cropped, &rgb, |variation| variation.map.shift = (3, 0));
    assert_eq!(columns[..3], [5.0, 6.0, 6.0], "the margin holds two more columns");
}

#[test]
fn a_quarter_turn_puts_what_was_below_to_the_right() {
    let augmenter = Augmenter::new(&Augmentation::default(), &plain(3, 3, 0));
    let turned =
        |degrees| shown(&augmenter, &places(3, 3), |variation| variation.map.linear = Linear::new(degrees, 0.0, (1.0, 1.0)));
    // Counter-clockwise: the right column becomes the top row.
    let (columns, lines) = turned(90.0);
    assert_eq!(columns, [2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(lines, [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0]);
    let (columns, lines) = turned(180.0);
    assert_eq!(columns, [2.0, 1.0, 0.0, 2.0, 1.0, 0.0, 2.0, 1.0, 0.0]);
    assert_eq!(lines, [2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    let (all, mirrored) = (turned(360.0), shown(&augmenter, &places(3, 3), |variation| variation.map.shift = (0, 0)));
    assert_eq!(all, mirrored, "a whole turn is none");
}

#[test]
fn a_zoom_reads_between_the_pixels() {
    let augmenter = Augmenter::new(&Augmentation::default(), &plain(5, 5, 0));
    let zoomed = |zoom| shown(&augmenter, &places(5, 5), |variation| variation.map.linear = Linear::new(0.0, 0.0, zoom));
    let (columns, lines) = zoomed((0.5, 1.0));
    assert_eq!(columns[..5], [1.0, 1.5, 2.0, 2.5, 3.0], "half of the width, drawn at twice the size");
    assert_eq!(lines[..10], [[0.0; 5], [1.0; 5]].concat());
    let (columns, _) = zoomed((2.0, 2.0));
    assert_eq!(columns[..5], [0.0, 0.0, 2.0, 4.0, 4.0], "twice the width: the edge is repeated");
}

/// The map as a book writes it, in floating point and channel by channel.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the image")]
fn reference(
    variation: &Variation,
    angles: (f64, f64),
    zoom: (f64, f64),
    rgb: &[u8],
    width: usize,
    height: usize,
    margin: usize,
) -> Vec<f64> {
    let (wide, high) = (width + 2 * margin, height + 2 * margin);
    let centre = ((real(width) - 1.0) / 2.0, (real(height) - 1.0) / 2.0);
    let (angle, shear) = (angles.0.to_radians(), angles.1.to_radians());
    let mut out = vec![0.0; 3 * width * height];
    for y in 0..height {
        for x in 0..width {
            let column = if variation.map.flip { width - 1 - x } else { x };
            let (px, py) = (zoom.0 * (real(column) - centre.0), zoom.1 * (real(y) - centre.1));
            let (px, py) = (shear.cos() * px, py - shear.sin() * px);
            let (px, py) = (px + real(variation.map.shift.0), py + real(variation.map.shift.1));
            let (px, py) = (angle.cos() * px - angle.sin() * py, angle.sin() * px + angle.cos() * py);
            let px = (px + centre.0 + real(variation.map.left)).clamp(0.0, real(wide) - 1.0);
            let py = (py + centre.1 + real(variation.map.top)).clamp(0.0, real(high) - 1.0);
            for channel in 0..3 {
                let at = |x: f64, y: f64| {
                    let (x, y) = (x.clamp(0.0, real(wide) - 1.0) as usize, y.clamp(0.0, real(high) - 1.0) as usize);
                    f64::from(rgb[3 * (y * wide + x) + channel])
                };
                let (fx, fy) = (px.fract(), py.fract());
                let upper = at(px.floor(), py.floor()) * (1.0 - fx) + at(px.floor() + 1.0, py.floor()) * fx;
                let lower = at(px.floor(), py.floor() + 1.0) * (1.0 - fx) + at(px.floor() + 1.0, py.floor() + 1.0) * fx;
                out[(channel * height + y) * width + x] = (upper * (1.0 - fy) + lower * fy) / 255.0;
            }
        }
    }
    out
}

fn real(count: impl TryInto<i32, Error: std::fmt::Debug>) -> f64 {
    f64::from(count.try_into().unwrap())
}

#[test]
fn fixed_point_agrees_with_floating_point() {
    let (width, height, margin) = (31, 23, 4);
    let augmenter = Augmenter::new(&everything(), &plain(31, 23, 4));
    // Neighbours differ by at most 24 levels, so that half of a 64th of a pixel is less than .4 levels in both directions
    // together.
    let rgb: Vec<u8> = (0..height + 2 * margin)
        .flat_map(|y| {
            (0..width + 2 * margin)
                .flat_map(move |x| [x * 5, y * 6, (x + y) * 3].map(|value: usize| u8::try_from(value).unwrap()))
        })
        .collect();
    for (angles, zoom, shift, flip) in [
        ((40.0, 0.0), (1.0, 1.0), (0, 0), false),
        ((0.0, 15.0), (1.0, 1.0), (0, 0), false),
        ((-23.0, 11.0), (0.8, 1.2), (5, -3), false),
        ((-23.0, 11.0), (0.8, 1.2), (5, -3), true),
    ] {
        let mut variation = augmenter.none();
        variation.map = Map { left: 1, top: 7, flip, shift, linear: Linear::new(angles.0, angles.1, zoom) };
        let mut out = vec![f32::NAN; augmenter.numbers()];
        augmenter.apply(&rgb, &variation, &mut out);
        let expected = reference(&variation, angles, zoom, &rgb, width, height, margin);
        let off = out.iter().zip(&expected).map(|(one, other)| (f64::from(*one) - other).abs()).fold(0.0, f64::max);
        assert!(off < 0.1 / 255.0, "{angles:?} {zoom:?}: {} levels", off * 255.0);
    }
}

#[test]
fn brightness_and_contrast_change_values_about_the_mean_and_stay_within_bounds() {
    let augmenter = Augmenter::new(&Augmentation::default(), &plain(2, 1, 0));
    let rgb = [40, 40, 40, 120, 120, 120];
    let lit =
        |gain: f32, contrast: f32| shown(&augmenter, &rgb, |variation| variation.light = Light { gain, contrast, night: None }).0;
    assert_eq!(lit(1.5, 1.0), [60.0, 180.0]);
    assert_eq!(lit(1.0, 0.5), [60.0, 100.0]);
    assert_eq!(lit(1.5, 0.5), [90.0, 150.0], "about the mean of what is brighter already");
    assert_eq!(lit(9.0, 1.0), [255.0, 255.0]);
    assert_eq!(lit(1.0, 9.0), [0.0, 255.0]);
}

#[test]
fn a_night_is_grey_dark_and_noisy() {
    let augmenter = Augmenter::new(&Augmentation { night: 1.0, ..Augmentation::default() }, &plain(64, 48, 0));
    let rgb: Vec<u8> = [180, 120, 60].repeat(64 * 48);
    let mut gains = std::collections::BTreeSet::new();
    for image in 0..20 {
        let one = prepared(&augmenter, &rgb, Some(&mut chance(1, "augmentation", &[image])));
        let size = one.len() / 3;
        assert_eq!(one[..size], one[size..2 * size]);
        assert_eq!(one[..size], one[2 * size..]);
        let mean = one.iter().sum::<f32>() / 9216.0;
        assert!((0.03..0.58).contains(&mean), "luma of .52, darkened: {mean}");
        assert!(one[..size].windows(2).any(|two| two[0].to_bits() != two[1].to_bits()), "noise");
        gains.insert(mean.to_bits());
    }
    assert_eq!(gains.len(), 20, "every night is another");
}

#[test]
fn noise_has_the_deviation_it_is_drawn_with() {
    let augmenter = Augmenter::new(&Augmentation::default(), &plain(100, 80, 0));
    let night = Night { gain: 1.0, gamma: 1.0, noise: 0.05, seed: 9 };
    let mut variation = augmenter.none();
    variation.light.night = Some(night);
    let mut out = vec![f32::NAN; augmenter.numbers()];
    augmenter.apply(&vec![128; 3 * 8000], &variation, &mut out);
    let values: Vec<f64> = out[..8000].iter().map(|value| f64::from(*value)).collect();
    let mean = values.iter().sum::<f64>() / 8000.0;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 8000.0).sqrt();
    assert!((mean - 128.0 / 255.0).abs() < 0.0025 && (deviation - 0.05).abs() < 0.002, "{mean} {deviation}");
}

#[test]
fn the_same_stream_gives_the_same_image_and_another_another() {
    let augmenter = Augmenter::new(&everything(), &input(24, 16, 4));
    let rgb = picture(augmenter.source_bytes());
    let one = |image| prepared(&augmenter, &rgb, Some(&mut chance(1, "augmentation", &[0, 0, image])));
    assert_eq!(one(3), one(3));
    assert_ne!(one(3), one(4));
}

#[test]
fn every_number_is_within_what_bytes_can_be() {
    let input = input(24, 16, 4);
    let augmenter = Augmenter::new(&everything(), &input);
    let rgb = picture(augmenter.source_bytes());
    for image in 0..200 {
        let one = prepared(&augmenter, &rgb, Some(&mut chance(2, "augmentation", &[image])));
        for (channel, plane) in one.chunks(24 * 16).enumerate() {
            let bound = |value: f32| (value - input.mean[channel]) / input.std[channel];
            assert!(plane.iter().all(|value| (bound(0.0) - 1e-5..=bound(1.0) + 1e-5).contains(value)), "image {image}");
        }
    }
}

#[test]
fn drawn_variations_fill_their_ranges() {
    let augmenter = Augmenter::new(&everything(), &input(100, 50, 0));
    let mut rng = chance(1, "augmentation", &[]);
    let drawn: Vec<Variation> = (0..2000).map(|_| augmenter.draw(&mut rng)).collect();
    let reach = |value: &dyn Fn(&Variation) -> f64| {
        let values = drawn.iter().map(value);
        (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max))
    };
    assert_eq!(reach(&|one| real(one.map.shift.0)), (-20.0, 20.0));
    assert_eq!(reach(&|one| real(one.map.shift.1)), (-10.0, 10.0));
    for ends in [reach(&|one| f64::from(one.light.gain)), reach(&|one| f64::from(one.light.contrast))] {
        assert!((0.7..0.71).contains(&ends.0) && (1.29..=1.3).contains(&ends.1), "{ends:?}");
    }
    let nights = drawn.iter().filter(|one| one.light.night.is_some()).count();
    assert!((910..=1090).contains(&nights), "half of them: {nights}");
}
