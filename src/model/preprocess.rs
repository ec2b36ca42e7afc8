//! From an image's bytes to a network's input: decode, cut, resize, normalise, in buffers that are kept.

use super::bundle::{Input, Resize};
use crate::photo::{DecodeError, Decoder, Fit, ResizeError, ResizeRule, Resizer, to_tensor_chw};

/// The grey beside a letterboxed image, the colour that detectors are commonly trained with.
const PAD: [u8; 3] = [114; 3];

/// Why an image is not classified. It is set aside with this as its reason; the others are not affected.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PreprocessError {
    /// It has no pixels.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It does not reach the size that the network wants.
    #[error(transparent)]
    Resize(#[from] ResizeError),
}

/// Prepares one image after the other on one thread.
#[derive(Default)]
pub struct Preprocessor {
    decoder: Decoder,
    resizer: Resizer,
    tensor: Vec<f32>,
}

impl Preprocessor {
    /// The network's input made of `image`.
    ///
    /// *Shapes*: channels (red, green, blue) x height x width. *Units*: `(value / 255 - mean) / std`.
    ///
    /// # Errors
    /// When the image is empty, cut short, damaged, not readable, or smaller than the strip that is cut off.
    pub fn prepare(&mut self, input: &Input, image: &[u8]) -> Result<&[f32], PreprocessError> {
        let decoded = self.decoder.decode(image)?;
        let rgb = self.resizer.resize(decoded, &rule(input))?;
        to_tensor_chw(rgb, input.mean, input.std, &mut self.tensor);
        Ok(&self.tensor)
    }

    /// The pixels of `image` at the network's size with the margin around it: what training varies and crops.
    ///
    /// *Shapes*: rows from the top, three bytes (red, green, blue) a pixel; [`Input::prepared_bytes`] in all.
    ///
    /// # Errors
    /// As [`Preprocessor::prepare`].
    pub fn pixels(&mut self, input: &Input, image: &[u8]) -> Result<&[u8], PreprocessError> {
        let decoded = self.decoder.decode(image)?;
        Ok(self.resizer.resize(decoded, &rule(input))?)
    }
}

fn rule(input: &Input) -> ResizeRule {
    let fit = match input.resize {
        Resize::Squash => Fit::Squash,
        Resize::Letterbox => Fit::Letterbox { pad: PAD },
    };
    let (width_px, height_px) = input.prepared_px();
    ResizeRule { width_px, height_px, fit, crop_bottom_px: input.crop_bottom_px }
}
