//! Images as a browser can show them.

use std::io::Cursor;
use std::path::Path;

use image::ImageFormat;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::thumbnail;

use super::pictures::hash_text;
use crate::id::ContentId;
use crate::photo::{DecodeError, Decoder, Orientation};

/// The quality of images that are made smaller.
const QUALITY: u8 = 82;

/// An image to show.
#[derive(Debug)]
pub struct Picture {
    /// What is sent.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub kind: &'static str,
    /// The hash of the image's pixels, as it stands in label files; `None` where the file is damaged.
    pub pixels: Option<String>,
    /// What is wrong with the file. Browsers show the part of a damaged image that they can make out, without a word.
    pub damage: Option<DecodeError>,
}

/// Why an image cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Unshowable {
    /// It cannot be read.
    #[error("cannot read `{0}`: {1}")]
    Absent(String, std::io::Error),
    /// The file holds something else.
    #[error("`{0}` is another image than the one asked about: `trapline run` looks again")]
    Changed(String),
    /// It cannot be decoded.
    #[error("`{0}` cannot be shown: {1}")]
    Damaged(String, DecodeError),
}

/// The image in a file that must hold `content`: its own bytes where browsers know its format and turn it upright by themselves, else,
/// and where it is wider than `width`, a JPEG that is upright.
///
/// The file is decoded in any case: who looks at an image is told whether it is whole, and answers next, with the hash of its pixels.
///
/// # Errors
/// [`Unshowable`].
pub fn show(path: &Path, content: ContentId, width: Option<u32>) -> Result<Picture, Unshowable> {
    let name = || path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let original = std::fs::read(path).map_err(|error| Unshowable::Absent(name(), error))?;
    if ContentId::of(&original) != content {
        return Err(Unshowable::Changed(name()));
    }
    let own_kind = match image::guess_format(&original) {
        Ok(ImageFormat::Jpeg) => Some("image/jpeg"),
        // Not all browsers turn these.
        Ok(ImageFormat::Png) if Orientation::of(&original).is_upright() => Some("image/png"),
        _ => None,
    };
    let mut decoder = Decoder::default();
    match (own_kind, width) {
        (Some(kind), None) => {
            let hash = decoder.pixel_hash(&original);
            let (pixels, damage) = (hash.as_ref().ok().map(hash_text), hash.err());
            Ok(Picture { bytes: original, kind, pixels, damage })
        }
        (_, width) => {
            let damaged = |error: DecodeError| Unshowable::Damaged(name(), error);
            let bytes = jpeg(&mut decoder, &original, width).map_err(damaged)?;
            Ok(Picture { bytes, kind: "image/jpeg", pixels: None, damage: None })
        }
    }
}

/// The image upright as JPEG, no wider than `width`.
fn jpeg(decoder: &mut Decoder, bytes: &[u8], width: Option<u32>) -> Result<Vec<u8>, DecodeError> {
    let decoded = decoder.decode_upright(bytes)?;
    let unfit = |detail: &str| DecodeError::Corrupt { detail: detail.to_owned() };
    let whole = image::RgbImage::from_raw(decoded.width_px, decoded.height_px, decoded.pixels.to_vec());
    let whole = whole.ok_or_else(|| unfit("its size and its pixels disagree"))?;
    let width = width.unwrap_or(whole.width()).min(whole.width());
    let height = u64::from(whole.height()) * u64::from(width) / u64::from(whole.width().max(1));
    let height = u32::try_from(height).map_err(|_| unfit("it is too high to be shown"))?.max(1);
    let small = if width == whole.width() { whole } else { thumbnail(&whole, width, height) };
    let mut jpeg = Cursor::new(Vec::new());
    let written = JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&small);
    written.map_err(|error| unfit(&error.to_string()))?;
    Ok(jpeg.into_inner())
}
