//! Decodes an image to RGB, strictly: a damaged file is an error and never a half-grey picture.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::budget::{self, Permit};
use super::container::{find, has_end_of_image};
use super::orientation::Orientation;

/// Largest image decoded unless told otherwise: 300 MB of RGB. A file of a few kB may claim 4 gigapixels.
pub const PIXEL_LIMIT: u64 = 100_000_000;

/// Largest file that is read as an image: more than any camera writes. A file may be called `1.jpg` and be a film of 3 GB.
pub const FILE_LIMIT_BYTES: u64 = 256 << 20;

/// What a decoder may hold beside pixels: profiles, texts, palettes.
const BESIDE_PIXELS_BYTES: u64 = 16 << 20;

/// Why an image has no pixels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The file has no bytes.
    #[error("the file is empty")]
    ZeroByte,
    /// The file ends too early.
    #[error("the file is cut short: {detail}")]
    Truncated {
        /// The decoder's words.
        detail: String,
    },
    /// The file is damaged.
    #[error("the image is damaged: {detail}")]
    Corrupt {
        /// The decoder's words.
        detail: String,
    },
    /// The format, or this variant of it, is not read.
    #[error("not readable here: {detail}")]
    Unsupported {
        /// The decoder's words.
        detail: String,
    },
    /// The image is larger than the limit.
    #[error("{width_px} x {height_px} pixels are more than the limit of {limit}")]
    TooManyPixels {
        /// Width the header claims.
        width_px: u64,
        /// Height the header claims.
        height_px: u64,
        /// The limit in pixels.
        limit: u64,
    },
    /// Unpacking it would take more than all images together may.
    #[error("decoding it would take {megabytes} MB of memory, more than the limit of {limit} MB")]
    TooMuchMemory {
        /// What it would take, in millions of bytes.
        megabytes: u64,
        /// The limit, in millions of bytes.
        limit: u64,
    },
}

/// Pixels borrowed from a [`Decoder`]: rows from the top, three bytes a pixel, as stored by [`Decoder::decode`]
/// (the EXIF orientation is not applied), turned by [`Decoder::decode_upright`].
#[derive(Clone, Copy, Debug)]
pub struct RgbImage<'a> {
    /// `3 * width * height` bytes.
    pub pixels: &'a [u8],
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
}

/// Decodes images one after the other into one buffer.
#[derive(Debug)]
pub struct Decoder {
    rgb: Vec<u8>,
    pixel_limit: u64,
    /// Held while a large image is decoded and looked at.
    permit: Option<Permit>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(PIXEL_LIMIT)
    }
}

impl Decoder {
    /// A decoder that refuses images of more than `pixel_limit` pixels before it makes room for them.
    #[must_use]
    pub fn new(pixel_limit: u64) -> Self {
        Self { rgb: Vec::new(), pixel_limit, permit: None }
    }

    /// Decodes a file to RGB. JPEG goes through zune-jpeg in strict mode, PNG and TIFF through `image`; alpha is dropped.
    ///
    /// A large image waits for memory that other threads hold (one budget for all): a thread that keeps its decoder says by
    /// [`Decoder::release`] when it has seen the pixels.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(&mut self, bytes: &[u8]) -> Result<RgbImage<'_>, DecodeError> {
        self.release();
        if bytes.is_empty() {
            return Err(DecodeError::ZeroByte);
        }
        // A decoder's panic on one damaged file must not end a run over a million.
        let decoded = catch_unwind(AssertUnwindSafe(|| {
            if bytes.starts_with(&[0xFF, 0xD8]) { self.decode_jpeg(bytes) } else { self.decode_other(bytes) }
        }));
        let decoded = decoded.unwrap_or_else(|_| Err(DecodeError::Corrupt { detail: "the decoder gave up".to_owned() }));
        if decoded.is_err() {
            self.release();
        }
        let (width_px, height_px) = decoded?;
        Ok(RgbImage { pixels: &self.rgb, width_px, height_px })
    }

    /// Decodes a file to RGB, turned as its EXIF orientation says.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn decode_upright(&mut self, bytes: &[u8]) -> Result<RgbImage<'_>, DecodeError> {
        let RgbImage { width_px, height_px, .. } = self.decode(bytes)?;
        let (width_px, height_px) = Orientation::of(bytes).turn(&mut self.rgb, width_px, height_px);
        Ok(RgbImage { pixels: &self.rgb, width_px, height_px })
    }

    /// Gives the memory of a large image back. The buffer of ordinary ones is kept for the next.
    pub fn release(&mut self) {
        if self.permit.is_some() {
            self.rgb = Vec::new();
            self.permit = None;
        }
    }

    /// BLAKE3 of the decoded pixels and their dimensions: finds an image again after its tags were edited.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn pixel_hash(&mut self, bytes: &[u8]) -> Result<[u8; 32], DecodeError> {
        let image = self.decode(bytes)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"trapline pixels rgb8 1\n");
        hasher.update(&image.width_px.to_le_bytes());
        hasher.update(&image.height_px.to_le_bytes());
        hasher.update(image.pixels);
        self.release();
        Ok(*hasher.finalize().as_bytes())
    }

    fn check_size(&self, width_px: u64, height_px: u64) -> Result<(), DecodeError> {
        if width_px.saturating_mul(height_px) > self.pixel_limit {
            return Err(DecodeError::TooManyPixels { width_px, height_px, limit: self.pixel_limit });
        }
        Ok(())
    }

    fn decode_jpeg(&mut self, bytes: &[u8]) -> Result<(u32, u32), DecodeError> {
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(usize::from(u16::MAX))
            .set_max_height(usize::from(u16::MAX))
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let failed = |error: DecodeErrors| jpeg_error(&error, bytes);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder.decode_headers().map_err(failed)?;
        let (Some(info), Some(size)) = (decoder.info(), decoder.output_buffer_size()) else {
            return Err(DecodeError::Corrupt { detail: "the header states no size".to_owned() });
        };
        let (width_px, height_px) = (u64::from(info.width), u64::from(info.height));
        self.check_size(width_px, height_px)?;
        // A progressive file keeps the coefficients of all components, two bytes each, until its last scan.
        let bytes_per_pixel = if info.sof.is_sequential_dct() { 3 } else { 3 + 2 * u64::from(info.components) };
        self.permit = budget::take(width_px.saturating_mul(height_px).saturating_mul(bytes_per_pixel))?;
        self.rgb.resize(size, 0);
        decoder.decode_into(&mut self.rgb).map_err(failed)?;
        Ok((info.width.into(), info.height.into()))
    }

    fn decode_other(&mut self, bytes: &[u8]) -> Result<(u32, u32), DecodeError> {
        let format = image::guess_format(bytes).ok().filter(|format| matches!(format, ImageFormat::Png | ImageFormat::Tiff));
        let Some(format) = format else {
            return Err(DecodeError::Unsupported { detail: "neither JPEG, PNG nor TIFF by its first bytes".to_owned() });
        };
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::default();
        // A colour profile or a text of a small picture may unpack to gigabytes: what is beside the pixels has a bound of its own.
        let parts = find(bytes);
        let (width_px, height_px) = parts.width_px.zip(parts.height_px).unwrap_or_default();
        let pixels = (u64::from(width_px) * u64::from(height_px)).min(self.pixel_limit);
        limits.max_alloc = Some(budget::BUDGET_BYTES.min(pixels.saturating_mul(16).saturating_add(BESIDE_PIXELS_BYTES)));
        reader.limits(limits);
        let decoder = reader.into_decoder().map_err(other_error)?;
        let (width_px, height_px) = decoder.dimensions();
        self.check_size(width_px.into(), height_px.into())?;
        // The decoder's own pixels, those in 8 bits, and our copy.
        self.permit = budget::take(decoder.total_bytes().saturating_add(6 * u64::from(width_px) * u64::from(height_px)))?;
        let image = image::DynamicImage::from_decoder(decoder).map_err(other_error)?;
        self.rgb.clear();
        self.rgb.extend_from_slice(image.into_rgb8().as_raw());
        Ok((width_px, height_px))
    }
}

/// [`Decoder::pixel_hash`] with a buffer of its own.
///
/// # Errors
/// As [`Decoder::decode`].
pub fn pixel_hash(bytes: &[u8]) -> Result<[u8; 32], DecodeError> {
    Decoder::default().pixel_hash(bytes)
}

fn jpeg_error(error: &DecodeErrors, bytes: &[u8]) -> DecodeError {
    let detail = error.to_string();
    match error {
        DecodeErrors::Unsupported(_) => DecodeError::Unsupported { detail },
        DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(_) => DecodeError::Truncated { detail },
        _ if !has_end_of_image(bytes) => DecodeError::Truncated { detail },
        _ => DecodeError::Corrupt { detail },
    }
}

fn other_error(error: ImageError) -> DecodeError {
    let detail = error.to_string();
    match error {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => DecodeError::Truncated { detail },
        ImageError::Unsupported(_) | ImageError::Limits(_) => DecodeError::Unsupported { detail },
        _ => DecodeError::Corrupt { detail },
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
