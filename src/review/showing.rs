//! Images as a browser can show them.

use std::io::Cursor;
use std::path::Path;

use image::ImageFormat;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::thumbnail;

use crate::id::ContentId;
use crate::photo::decode::Decoder;

/// The quality of images that are made smaller.
const QUALITY: u8 = 82;

/// An image to show.
#[derive(Debug)]
pub struct Picture {
    /// What is sent.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub kind: &'static str,
    /// The file's own bytes.
    pub original: Vec<u8>,
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
    #[error("`{0}` is damaged and cannot be shown")]
    Damaged(String),
}

/// The image in a file that must hold `content`: its own bytes where browsers know its format, else, and where it is wider than
/// `width`, a JPEG.
///
/// # Errors
/// [`Unshowable`].
pub fn show(path: &Path, content: ContentId, width: Option<u32>) -> Result<Picture, Unshowable> {
    let name = || path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let original = std::fs::read(path).map_err(|error| Unshowable::Absent(name(), error))?;
    if ContentId::of(&original) != content {
        return Err(Unshowable::Changed(name()));
    }
    let kind = match image::guess_format(&original) {
        Ok(ImageFormat::Jpeg) => Some("image/jpeg"),
        Ok(ImageFormat::Png) => Some("image/png"),
        _ => None,
    };
    match (kind, width) {
        (Some(kind), None) => Ok(Picture { bytes: original.clone(), kind, original }),
        (_, width) => {
            let bytes = jpeg(&original, width).ok_or_else(|| Unshowable::Damaged(name()))?;
            Ok(Picture { bytes, kind: "image/jpeg", original })
        }
    }
}

/// The image as JPEG, no wider than `width`.
fn jpeg(bytes: &[u8], width: Option<u32>) -> Option<Vec<u8>> {
    let mut decoder = Decoder::default();
    let decoded = decoder.decode(bytes).ok()?;
    let whole = image::RgbImage::from_raw(decoded.width_px, decoded.height_px, decoded.pixels.to_vec())?;
    let width = width.unwrap_or(whole.width()).min(whole.width());
    let height = u64::from(whole.height()) * u64::from(width) / u64::from(whole.width().max(1));
    let height = u32::try_from(height).ok()?.max(1);
    let small = if width == whole.width() { whole } else { thumbnail(&whole, width, height) };
    let mut jpeg = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&small).ok()?;
    Some(jpeg.into_inner())
}
