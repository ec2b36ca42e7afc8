//! Brings decoded pixels to a model's input: bilinear convolution, then numbers in the order a network wants them.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer as Engine};

use super::decode::RgbImage;

/// How an image of another shape meets the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Stretched to fill it: proportions change, nothing is lost.
    Squash,
    /// Scaled to lie within it, centred, the rest filled with a colour.
    Letterbox {
        /// The colour beside the image.
        pad: [u8; 3],
    },
    /// Scaled to cover it, centred, what sticks out is cut off.
    Cover,
}

/// The whole way from decoded pixels to the model's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResizeRule {
    /// Target width in pixels.
    pub width_px: u32,
    /// Target height in pixels.
    pub height_px: u32,
    /// What happens to the proportions.
    pub fit: Fit,
    /// Rows cut off at the bottom of the original, where cameras print their info strip.
    pub crop_bottom_px: u32,
}

/// Why an image was not resized.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResizeError {
    /// Nothing is left of the image, or nothing is asked for.
    #[error(
        "an image of {width_px} x {height_px} pixels cannot become {target_width_px} x {target_height_px} after cutting {crop_bottom_px} rows"
    )]
    Empty {
        /// Width of the image.
        width_px: u32,
        /// Height of the image.
        height_px: u32,
        /// Width asked for.
        target_width_px: u32,
        /// Height asked for.
        target_height_px: u32,
        /// Rows to cut off.
        crop_bottom_px: u32,
    },
    /// The pixel buffer does not have the size it claims.
    #[error("{bytes} bytes are not {width_px} x {height_px} pixels")]
    WrongLength {
        /// Bytes given.
        bytes: usize,
        /// Width claimed.
        width_px: u32,
        /// Height claimed.
        height_px: u32,
    },
    /// The resizer refused.
    #[error("the resizer refused: {detail}")]
    Refused {
        /// Its words.
        detail: String,
    },
}

/// Resizes images one after the other into buffers that are kept.
#[derive(Debug, Default)]
pub struct Resizer {
    engine: Engine,
    scaled: Vec<u8>,
    framed: Vec<u8>,
}

impl Resizer {
    /// A resizer with empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the image at the rule's size.
    ///
    /// *Shapes*: `3 * width * height` bytes, rows from the top, RGB.
    ///
    /// # Errors
    /// See [`ResizeError`].
    pub fn resize(&mut self, image: RgbImage<'_>, rule: &ResizeRule) -> Result<&[u8], ResizeError> {
        let ResizeRule { width_px, height_px, fit, crop_bottom_px } = *rule;
        let height_left_px = image.height_px.saturating_sub(crop_bottom_px);
        if [image.width_px, height_left_px, width_px, height_px].contains(&0) {
            return Err(ResizeError::Empty {
                width_px: image.width_px,
                height_px: image.height_px,
                target_width_px: width_px,
                target_height_px: height_px,
                crop_bottom_px,
            });
        }
        let length = |width: u32, height: u32| 3 * width as usize * height as usize;
        let wrong = ResizeError::WrongLength { bytes: image.pixels.len(), width_px: image.width_px, height_px: image.height_px };
        if image.pixels.len() != length(image.width_px, image.height_px) {
            return Err(wrong);
        }
        let pixels = image.pixels.get(..length(image.width_px, height_left_px)).ok_or(wrong)?;
        let kept = RgbImage { pixels, width_px: image.width_px, height_px: height_left_px };
        let Fit::Letterbox { pad } = fit else {
            let cover = fit == Fit::Cover;
            self.scale(kept, width_px, height_px, cover)?;
            return Ok(&self.scaled);
        };
        let (inner_width_px, inner_height_px) = inside(kept.width_px, kept.height_px, width_px, height_px);
        self.scale(kept, inner_width_px, inner_height_px, false)?;
        self.frame(inner_width_px, inner_height_px, width_px, height_px, pad);
        Ok(&self.framed)
    }

    fn scale(&mut self, image: RgbImage<'_>, width_px: u32, height_px: u32, cover: bool) -> Result<(), ResizeError> {
        let refused = |error: &dyn std::error::Error| ResizeError::Refused { detail: error.to_string() };
        self.scaled.resize(3 * width_px as usize * height_px as usize, 0);
        let source =
            TypedImageRef::<U8x3>::from_buffer(image.width_px, image.height_px, image.pixels).map_err(|error| refused(&error))?;
        let mut target =
            TypedImage::<U8x3>::from_buffer(width_px, height_px, &mut self.scaled).map_err(|error| refused(&error))?;
        let mut options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
        if cover {
            options = options.fit_into_destination(None);
        }
        self.engine.resize_typed(&source, &mut target, &options).map_err(|error| refused(&error))
    }

    /// Lays the scaled image into the middle; an odd rest goes to the right and the bottom.
    fn frame(&mut self, inner_width_px: u32, inner_height_px: u32, width_px: u32, height_px: u32, pad: [u8; 3]) {
        let (left, top) = (((width_px - inner_width_px) / 2) as usize, ((height_px - inner_height_px) / 2) as usize);
        self.framed.clear();
        self.framed.extend(std::iter::repeat_n(pad, width_px as usize * height_px as usize).flatten());
        let rows = self.scaled.chunks_exact(3 * inner_width_px as usize);
        for (target, row) in self.framed.chunks_exact_mut(3 * width_px as usize).skip(top).zip(rows) {
            target[3 * left..3 * left + row.len()].copy_from_slice(row);
        }
    }
}

/// The largest size of the same proportions that lies within the target; each side rounded to the nearest pixel, at least one.
fn inside(width: u32, height: u32, target_width: u32, target_height: u32) -> (u32, u32) {
    let scaled = |side: u32, numerator: u32, denominator: u32| -> u32 {
        let (side, numerator, denominator) = (u64::from(side), u64::from(numerator), u64::from(denominator));
        u32::try_from(((2 * side * numerator + denominator) / (2 * denominator)).max(1)).unwrap_or(u32::MAX)
    };
    if u64::from(target_width) * u64::from(height) <= u64::from(target_height) * u64::from(width) {
        (target_width, scaled(height, target_width, width).min(target_height))
    } else {
        (scaled(width, target_height, height).min(target_width), target_height)
    }
}

/// Writes RGB bytes as normalised planes: all red, all green, all blue.
///
/// *Shapes*: `width * height` pixels in, `3 * width * height` numbers out (`out` is cleared first). *Units*: `(value / 255 - mean) / std`, computed
/// in f32 in that order.
pub fn to_tensor_chw(rgb: &[u8], mean: [f32; 3], std: [f32; 3], out: &mut Vec<f32>) {
    out.clear();
    out.reserve(rgb.len());
    for channel in 0..3 {
        // 256 values a channel: one division each instead of one a pixel, and the very same bits.
        let table: [f32; 256] = std::array::from_fn(|value| {
            let value = f32::from(u8::try_from(value).unwrap_or(u8::MAX)) / 255.0;
            (value - mean[channel]) / std[channel]
        });
        out.extend(rgb.chunks_exact(3).map(|pixel| table[usize::from(pixel[channel])]));
    }
}

#[cfg(test)]
#[path = "resize_tests.rs"]
mod tests;
