//! Images, by what they contain: never by a path.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Desk;
use super::api::Failure;
use crate::photo::decode::Decoder;
use crate::review::pictures::pixel_hash;
use crate::review::showing::{Picture, Unshowable, show};

/// Images are asked for in these widths, so that a browser keeps what it has.
#[derive(Debug, Deserialize)]
pub(super) struct Size {
    width: Option<u32>,
}

/// An image, as it lies on the disk or no wider than asked.
pub(super) async fn image(
    State(desk): State<Desk>,
    name: Result<Path<String>, PathRejection>,
    size: Result<Query<Size>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (Path(name), Query(Size { width })) = (name?, size?);
    let width = width.map(|width| width.clamp(16, 4096));
    let (content, path) = desk.office().file(&name)?;
    let tag = format!("\"{}{}\"", content.hex(), width.map(|width| format!("-{width}")).unwrap_or_default());
    let fixed = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "private, max-age=3600, immutable".to_owned())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    let absent = || {
        let message = "the disk with this image is not there: plug it in, or name its folder in `trapline.local.yaml`";
        Failure::new(StatusCode::NOT_FOUND, "absent", message)
    };
    let path = path.ok_or_else(absent)?;
    let read = tokio::task::spawn_blocking(move || show(&path, content, width)).await;
    let failed = |_| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "the image cannot be read");
    let Picture { bytes, kind, original } = read.map_err(failed)??;
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

impl From<Unshowable> for Failure {
    fn from(reason: Unshowable) -> Self {
        let (status, code) = match &reason {
            Unshowable::Absent(..) => (StatusCode::NOT_FOUND, "absent"),
            Unshowable::Changed(_) => (StatusCode::CONFLICT, "changed_image"),
            Unshowable::Damaged(_) => (StatusCode::UNPROCESSABLE_ENTITY, "damaged"),
        };
        Self::new(status, code, reason.to_string())
    }
}
