//! From an image's bytes to a network's input: decode, cut, resize, cut the margin, normalise, in buffers that are kept.

use super::bundle::{Input, Resize};
use crate::photo::{DecodeError, Decoder, Fit, ResizeError, ResizeRule, Resizer, RgbImage, to_tensor_chw};

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
    centre: Vec<u8>,
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
        let decoded = decoded(&mut self.decoder, input, image)?;
        let mut rgb = self.resizer.resize(decoded, &rule(input))?;
        self.decoder.release();
        if input.margin_px > 0 {
            cut_margin(rgb, input, &mut self.centre);
            rgb = &self.centre;
        }
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
        let decoded = decoded(&mut self.decoder, input, image)?;
        let resized = self.resizer.resize(decoded, &rule(input));
        self.decoder.release();
        Ok(resized?)
    }
}

/// The pixels as the network is to see them: as stored, or upright.
fn decoded<'d>(decoder: &'d mut Decoder, input: &Input, image: &[u8]) -> Result<RgbImage<'d>, DecodeError> {
    if input.upright { decoder.decode_upright(image) } else { decoder.decode(image) }
}

fn rule(input: &Input) -> ResizeRule {
    let fit = match input.resize {
        Resize::Squash => Fit::Squash,
        Resize::Letterbox => Fit::Letterbox { pad: PAD },
        Resize::Crop => Fit::Cover,
    };
    let (width_px, height_px) = input.prepared_px();
    ResizeRule { width_px, height_px, fit, crop_bottom_px: input.crop_bottom_px }
}

/// The middle of `rgb` without the margin of `input`, as the rows of a smaller image.
fn cut_margin(rgb: &[u8], input: &Input, centre: &mut Vec<u8>) {
    let [width, margin] = [input.width, input.margin_px].map(|side| 3 * side as usize);
    centre.clear();
    let rows = rgb.chunks_exact(width + 2 * margin).skip(input.margin_px as usize).take(input.height as usize);
    centre.extend(rows.flat_map(|row| &row[margin..margin + width]));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PNG whose pixels say where they lie: red is the column, green the row.
    fn image(width: u8, height: u8) -> Vec<u8> {
        let pixels: Vec<u8> = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x, y, 7])).collect();
        let mut bytes = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        image::ImageEncoder::write_image(encoder, &pixels, width.into(), height.into(), image::ColorType::Rgb8.into()).unwrap();
        bytes
    }

    fn input(width: u32, height: u32, margin_px: u32) -> Input {
        let (mean, std) = ([0.0; 3], [1.0 / 255.0; 3]);
        Input { width, height, resize: Resize::Squash, crop_bottom_px: 0, upright: false, margin_px, mean, std }
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "places are small")]
    fn the_margin_is_cut_off_on_each_side() {
        let mut preprocessor = Preprocessor::default();
        // The image has the size with margins already: what is left is its middle, pixel by pixel.
        let tensor = preprocessor.prepare(&input(5, 3, 2), &image(9, 7)).unwrap();
        let (red, rest) = tensor.split_at(15);
        for (at, (column, row)) in red.iter().zip(&rest[..15]).enumerate() {
            let expected = ((2 + at % 5) as f32, (2 + at / 5) as f32);
            assert!((column - expected.0).abs() < 1e-3 && (row - expected.1).abs() < 1e-3, "{at}: {column} {row}");
        }
        assert_eq!(tensor.len(), 45);
    }

    #[test]
    fn without_a_margin_the_whole_image_is_seen_again_after_one_with() {
        let mut preprocessor = Preprocessor::default();
        let whole = preprocessor.prepare(&input(9, 7, 0), &image(9, 7)).unwrap().to_vec();
        preprocessor.prepare(&input(5, 3, 2), &image(9, 7)).unwrap();
        assert_eq!(preprocessor.prepare(&input(9, 7, 0), &image(9, 7)).unwrap(), whole);
        assert!((whole[8] - 8.0).abs() < 1e-3 && (whole[62] - 8.0).abs() < 1e-3, "{whole:?}");
    }

    /// A JPEG that is stored turned: 16 x 8 pixels, to be shown 8 x 16.
    fn turned() -> Vec<u8> {
        let pixels =
            image::RgbImage::from_fn(16, 8, |x, y| image::Rgb([u8::try_from(8 * x).unwrap(), u8::try_from(16 * y).unwrap(), 7]));
        let mut plain = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut plain, 90).encode_image(&pixels).unwrap();
        // A little-endian TIFF with one entry: orientation, one short, 6.
        let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        [&plain[..2], &[0xFF, 0xE1], &length, exif, &plain[2..]].concat()
    }

    #[test]
    fn a_network_sees_images_upright_where_it_is_said_to_and_else_as_they_are_stored() {
        let file = turned();
        let mut decoder = Decoder::default();
        let shown = decoder.decode_upright(&file).unwrap();
        assert_eq!((shown.width_px, shown.height_px), (8, 16));
        let mut png = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut png);
        image::ImageEncoder::write_image(encoder, shown.pixels, 8, 16, image::ColorType::Rgb8.into()).unwrap();
        let mut preprocessor = Preprocessor::default();
        let (stored, upright) = (input(8, 8, 0), Input { upright: true, ..input(8, 8, 0) });
        let expected = preprocessor.prepare(&stored, &png).unwrap().to_vec();
        assert_eq!(preprocessor.prepare(&upright, &file).unwrap(), expected);
        assert_ne!(preprocessor.prepare(&stored, &file).unwrap(), expected);
        let pixels = preprocessor.pixels(&upright, &file).unwrap().to_vec();
        assert_eq!(preprocessor.pixels(&stored, &png).unwrap(), pixels);
        // An image that is stored upright is the same either way.
        assert_eq!(preprocessor.prepare(&upright, &png).unwrap(), expected);
    }

    #[test]
    fn a_letterboxed_image_loses_its_margin_too() {
        let input = Input { resize: Resize::Letterbox, ..input(4, 4, 1) };
        // 6 x 6 with three rows of image in the middle of grey: one row of grey is cut above, and one column on each side.
        let mut preprocessor = Preprocessor::default();
        let red = preprocessor.prepare(&input, &image(6, 3)).unwrap()[..16].to_vec();
        let rows = [[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], [114.0; 4]];
        for (found, expected) in red.iter().zip(rows.as_flattened()) {
            assert!((found - expected).abs() < 1e-3, "{red:?}");
        }
    }
}
