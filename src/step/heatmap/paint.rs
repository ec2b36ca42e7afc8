//! The picture: the image, and over it the colour of the evidence.

use super::cam::Map;
use super::view::View;
use crate::photo::{Fit, Orientation, ResizeError, ResizeRule, Resizer, RgbImage};

/// The longest side of a picture, pixels; smaller images stay as they are.
const LONGEST_PX: u32 = 640;

/// How much of the image the colour hides where the evidence is strongest.
const OPACITY: f32 = 0.65;

const QUALITY: u8 = 88;

/// Nine steps of the perceptually uniform colour map "inferno" (van der Walt and Smith 2015, public domain).
const INFERNO: [[u8; 3]; 9] = [
    [0x00, 0x00, 0x04],
    [0x21, 0x0C, 0x4A],
    [0x56, 0x10, 0x6E],
    [0x89, 0x22, 0x6A],
    [0xBB, 0x37, 0x54],
    [0xE3, 0x59, 0x32],
    [0xF9, 0x8C, 0x0A],
    [0xF9, 0xC9, 0x32],
    [0xFC, 0xFF, 0xA4],
];

/// The colour of a number 0-1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place among nine")]
pub(super) fn colour(value: f32) -> [f32; 3] {
    let last = INFERNO.len() - 1;
    let at = value.clamp(0.0, 1.0) * last as f32;
    let low = (at.floor() as usize).min(last - 1);
    let part = at - low as f32;
    std::array::from_fn(|channel| {
        let (from, to) = (f32::from(INFERNO[low][channel]), f32::from(INFERNO[low + 1][channel]));
        from + (to - from) * part
    })
}

/// Size of the picture of an image, pixels: its proportions, and no side above [`LONGEST_PX`].
pub(super) fn size(width_px: u32, height_px: u32) -> (u32, u32) {
    let longest = width_px.max(height_px).max(1);
    if longest <= LONGEST_PX {
        return (width_px.max(1), height_px.max(1));
    }
    let side = |px: u32| {
        let scaled = (u64::from(px) * u64::from(LONGEST_PX) * 2 + u64::from(longest)) / (2 * u64::from(longest));
        u32::try_from(scaled).unwrap_or(LONGEST_PX).max(1)
    };
    (side(width_px), side(height_px))
}

/// The JPEG of an image without its strip, the evidence over it; both are turned in the end.
pub(super) fn picture(
    resizer: &mut Resizer,
    image: RgbImage<'_>,
    crop_bottom_px: u32,
    turn: Orientation,
    view: View,
    map: &Map,
) -> Result<Vec<u8>, String> {
    let (width_px, height_px) = size(image.width_px, image.height_px.saturating_sub(crop_bottom_px));
    let rule = ResizeRule { width_px, height_px, fit: Fit::Squash, crop_bottom_px };
    let mut pixels = resizer.resize(image, &rule).map_err(|error: ResizeError| error.to_string())?.to_vec();
    let largest = map.values.iter().copied().fold(0.0_f32, f32::max);
    if largest > 0.0 {
        for (row, line) in (0_u32..).zip(pixels.chunks_exact_mut(3 * width_px as usize)) {
            for (column, pixel) in (0_u32..).zip(line.chunks_exact_mut(3)) {
                let place = |at: u32, side: u32| (f64::from(at) + 0.5) / f64::from(side);
                let Some(value) = view.value(map, place(column, width_px), place(row, height_px)) else { continue };
                tint(pixel, value / largest);
            }
        }
    }
    let (width_px, height_px) = turn.turn(&mut pixels, width_px, height_px);
    let mut jpeg = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    encoder.encode(&pixels, width_px, height_px, image::ExtendedColorType::Rgb8).map_err(|error| error.to_string())?;
    Ok(jpeg)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of two bytes")]
fn tint(pixel: &mut [u8], heat: f32) {
    let opacity = OPACITY * heat;
    for (value, colour) in pixel.iter_mut().zip(colour(heat)) {
        *value = (f32::from(*value) * (1.0 - opacity) + colour * opacity).round().clamp(0.0, 255.0) as u8;
    }
}
