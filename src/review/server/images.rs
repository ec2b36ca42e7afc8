//! Images, by what they contain: never by a path.

use std::io::Cursor;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use image::ImageFormat;
use serde::Deserialize;

use super::Desk;
use super::api::Failure;
use crate::id::ContentId;
use crate::photo::decode::Decoder;
use crate::review::pictures::pixel_hash;

/// Images are asked for in these widths, so that a browser keeps what it has.
#[derive(Debug, Deserialize)]
pub(super) struct Size {
    width: Option<u32>,
}

/// The quality of images that are made smaller.
const QUALITY: u8 = 82;

/// An image, as it lies on the disk or no wider than asked.
pub(super) async fn image(
    State(desk): State<Desk>,
    name: Result<Path<String>, PathRejection>,
    size: Result<Query<Size>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (Path(name), Query(Size { width })) = (name?, size?);
    let width = width.map(|width| width.clamp(16, 4096));
    let tag = format!("\"{name}{}\"", width.map(|width| format!("-{width}")).unwrap_or_default());
    let content = desk.office().file(&name)?;
    let fixed = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "private, max-age=3600, immutable".to_owned())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    let (content, path) = content;
    let absent = || {
        let message = "the disk with this image is not there: plug it in, or name its folder in `trapline.local.yaml`";
        Failure::new(StatusCode::NOT_FOUND, "absent", message)
    };
    let path = path.ok_or_else(absent)?;
    let read = tokio::task::spawn_blocking(move || load(&path, content, width)).await;
    let (bytes, kind, original) =
        read.map_err(|_| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "the image cannot be read"))??;
    if desk.office().wants_hash(content) {
        // Whoever looks at an image answers next: the hash of its pixels is ready by then.
        tokio::task::spawn_blocking(move || {
            if let Some(hash) = pixel_hash(&original, &mut Decoder::default()) {
                desk.office().keep_hash(content, hash);
            }
        });
    }
    Ok((fixed, [(header::CONTENT_TYPE, kind)], bytes).into_response())
}

type Loaded = (Vec<u8>, &'static str, Vec<u8>);

/// The bytes to send, their type, and the file's own.
fn load(path: &std::path::Path, content: ContentId, width: Option<u32>) -> Result<Loaded, Failure> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let original = std::fs::read(path).map_err(|error| {
        let code = if error.kind() == std::io::ErrorKind::NotFound { "absent" } else { "unreadable" };
        Failure::new(StatusCode::NOT_FOUND, code, format!("cannot read `{name}`: {error}"))
    })?;
    if ContentId::of(&original) != content {
        let message = format!("`{name}` is another image than the one asked about: `trapline run` looks again");
        return Err(Failure::new(StatusCode::CONFLICT, "changed_image", message));
    }
    let format = image::guess_format(&original).ok();
    let kind = match format {
        Some(ImageFormat::Jpeg) => Some("image/jpeg"),
        Some(ImageFormat::Png) => Some("image/png"),
        _ => None,
    };
    match (kind, width) {
        (Some(kind), None) => Ok((original.clone(), kind, original)),
        (_, width) => {
            let small = smaller(&original, width).ok_or_else(|| {
                Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "damaged", format!("`{name}` is damaged and cannot be shown"))
            })?;
            Ok((small, "image/jpeg", original))
        }
    }
}

/// The image as JPEG, no wider than `width`.
fn smaller(bytes: &[u8], width: Option<u32>) -> Option<Vec<u8>> {
    let mut decoder = Decoder::default();
    let decoded = decoder.decode(bytes).ok()?;
    let whole = image::RgbImage::from_raw(decoded.width_px, decoded.height_px, decoded.pixels.to_vec())?;
    let width = width.unwrap_or(whole.width()).min(whole.width());
    let height = u32::try_from(u64::from(whole.height()) * u64::from(width) / u64::from(whole.width().max(1))).ok()?.max(1);
    let small = if width == whole.width() { whole } else { image::imageops::thumbnail(&whole, width, height) };
    let mut jpeg = Cursor::new(Vec::new());
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&small).ok()?;
    Some(jpeg.into_inner())
}
