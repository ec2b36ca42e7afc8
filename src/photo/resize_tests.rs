//! Resizing of images drawn in the test.

use super::*;

fn rule(width_px: u32, height_px: u32, fit: Fit) -> ResizeRule {
    ResizeRule { width_px, height_px, fit, crop_bottom_px: 0 }
}

fn image(pixels: &[u8], width_px: u32, height_px: u32) -> RgbImage<'_> {
    RgbImage { pixels, width_px, height_px }
}

fn flat(width: usize, height: usize, colour: [u8; 3]) -> Vec<u8> {
    std::iter::repeat_n(colour, width * height).flatten().collect()
}

/// The triangle filter, by definition and in f64: what every bilinear convolution must come close to.
#[expect(clippy::cast_precision_loss, reason = "sides of small images")]
fn triangle(pixels: &[u8], (width, height): (usize, usize), (to_width, to_height): (usize, usize)) -> Vec<f64> {
    let weights = |from: usize, to: usize| -> Vec<Vec<(usize, f64)>> {
        let scale = from as f64 / to as f64;
        let reach = scale.max(1.0);
        (0..to)
            .map(|i| {
                let centre = (i as f64 + 0.5) * scale;
                let raw: Vec<(usize, f64)> = (0..from)
                    .map(|j| (j, (1.0 - ((j as f64 + 0.5 - centre) / reach).abs()).max(0.0)))
                    .filter(|(_, weight)| *weight > 0.0)
                    .collect();
                let sum: f64 = raw.iter().map(|(_, weight)| weight).sum();
                raw.into_iter().map(|(j, weight)| (j, weight / sum)).collect()
            })
            .collect()
    };
    let (across, down) = (weights(width, to_width), weights(height, to_height));
    let mut out = Vec::new();
    for rows in &down {
        for columns in &across {
            for channel in 0..3 {
                let sum = rows.iter().flat_map(|(y, wy)| columns.iter().map(move |(x, wx)| (y, x, wx * wy)));
                out.push(sum.map(|(y, x, weight)| weight * f64::from(pixels[3 * (y * width + x) + channel])).sum());
            }
        }
    }
    out
}

#[test]
fn scaling_is_the_triangle_filter_within_one_grey_level() {
    let (width, height) = (97, 61);
    let pixels: Vec<u8> =
        (0..3 * width * height).map(|i| u8::try_from((i * 7 + (i / 97) * 31 + (i * i) % 89) % 256).unwrap()).collect();
    let mut resizer = Resizer::new();
    for (to_width, to_height) in [(32, 32), (224, 224), (97, 61), (10, 100), (1, 1)] {
        let got = resizer.resize(image(&pixels, 97, 61), &rule(to_width, to_height, Fit::Squash)).unwrap();
        let want = triangle(&pixels, (width, height), (to_width as usize, to_height as usize));
        assert_eq!(got.len(), want.len());
        let worst = got.iter().zip(&want).map(|(got, want)| (f64::from(*got) - want).abs()).fold(0.0, f64::max);
        assert!(worst <= 1.01, "{to_width} x {to_height}: {worst}");
    }
}

#[test]
fn a_letterbox_keeps_proportions_and_fills_the_rest() {
    let pixels = flat(40, 20, [200, 100, 50]);
    let mut resizer = Resizer::new();
    let got = resizer.resize(image(&pixels, 40, 20), &rule(10, 10, Fit::Letterbox { pad: [1, 2, 3] })).unwrap();
    let rows: Vec<&[u8]> = got.chunks_exact(30).collect();
    for (y, row) in rows.iter().enumerate() {
        // 10 x 5 in 10 x 10: two rows above, three below.
        let want = if (2..7).contains(&y) { [200, 100, 50] } else { [1, 2, 3] };
        assert!(row.chunks_exact(3).all(|pixel| pixel == want), "row {y}");
    }
    let pixels = flat(20, 40, [9, 9, 9]);
    let got = resizer.resize(image(&pixels, 20, 40), &rule(10, 10, Fit::Letterbox { pad: [0, 0, 0] })).unwrap();
    let filled: Vec<bool> = got[..30].chunks_exact(3).map(|pixel| pixel == [9, 9, 9]).collect();
    assert_eq!(filled, [false, false, true, true, true, true, true, false, false, false]);
}

#[test]
fn cover_cuts_what_sticks_out() {
    // Red, green, red columns of 10 pixels each: the middle square is green.
    let row: Vec<u8> = [[255, 0, 0], [0, 255, 0], [255, 0, 0]].iter().flat_map(|colour| colour.repeat(10)).collect();
    let pixels = row.repeat(10);
    let mut resizer = Resizer::new();
    let got = resizer.resize(image(&pixels, 30, 10), &rule(10, 10, Fit::Cover)).unwrap();
    assert!(got.chunks_exact(3).all(|pixel| pixel == [0, 255, 0]));
}

#[test]
fn the_info_strip_is_cut_before_scaling() {
    let pixels = [flat(16, 12, [10, 20, 30]), flat(16, 4, [255, 255, 255])].concat();
    let rule = ResizeRule { crop_bottom_px: 4, ..rule(8, 8, Fit::Squash) };
    let mut resizer = Resizer::new();
    assert!(resizer.resize(image(&pixels, 16, 16), &rule).unwrap().chunks_exact(3).all(|pixel| pixel == [10, 20, 30]));
    let too_much = ResizeRule { crop_bottom_px: 16, ..rule };
    assert!(matches!(resizer.resize(image(&pixels, 16, 16), &too_much), Err(ResizeError::Empty { crop_bottom_px: 16, .. })));
}

#[test]
fn wrong_sizes_are_errors() {
    let pixels = flat(4, 4, [0, 0, 0]);
    let mut resizer = Resizer::new();
    assert!(matches!(resizer.resize(image(&pixels, 5, 4), &rule(2, 2, Fit::Squash)), Err(ResizeError::WrongLength { .. })));
    assert!(matches!(resizer.resize(image(&pixels, 4, 4), &rule(0, 2, Fit::Squash)), Err(ResizeError::Empty { .. })));
    assert!(matches!(resizer.resize(image(&[], 0, 0), &rule(2, 2, Fit::Squash)), Err(ResizeError::Empty { .. })));
    // A strip of one pixel still has one pixel inside its letterbox.
    let strip = flat(1000, 1, [5, 5, 5]);
    assert!(resizer.resize(image(&strip, 1000, 1), &rule(8, 8, Fit::Letterbox { pad: [0, 0, 0] })).is_ok());
}

#[test]
fn planes_are_normalised_like_the_formula() {
    let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    let rgb: Vec<u8> = (0..=255).flat_map(|value: u8| [value, 255 - value, value / 2]).collect();
    let mut planes = vec![1.0; 7];
    to_tensor_chw(&rgb, mean, std, &mut planes);
    assert_eq!(planes.len(), rgb.len());
    for (i, pixel) in rgb.chunks_exact(3).enumerate() {
        for channel in 0..3 {
            let want = (f32::from(pixel[channel]) / 255.0 - mean[channel]) / std[channel];
            assert_eq!(planes[channel * 256 + i].to_bits(), want.to_bits());
        }
    }
}
