//! Images, by what they contain: never by a path.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Desk;
use super::api::Failure;
use crate::review::showing::{Picture, Unshowable, show};

/// The header that says what is wrong with an image that is sent all the same.
const DAMAGE: &str = "trapline-damage";

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
    let Picture { bytes, kind, pixels, damage } = read.map_err(failed)??;
    if let Some(hash) = pixels {
        let mut office = desk.office();
        // Whoever looks at an image answers next: the hash of its pixels is ready by then.
        if office.wants_hash(content) {
            office.keep_hash(content, hash);
        }
    }
    let mut response = (fixed, [(header::CONTENT_TYPE, kind)], bytes).into_response();
    if let Some(damage) = damage {
        // What a header may hold: a decoder may quote bytes of the file.
        let said: String = damage.to_string().chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        response.headers_mut().extend(HeaderValue::from_str(&said).ok().map(|said| (HeaderName::from_static(DAMAGE), said)));
    }
    Ok(response)
}

impl From<Unshowable> for Failure {
    fn from(reason: Unshowable) -> Self {
        let (status, code) = match &reason {
            Unshowable::Absent(..) => (StatusCode::NOT_FOUND, "absent"),
            Unshowable::Changed(_) => (StatusCode::CONFLICT, "changed_image"),
            Unshowable::Damaged(..) => (StatusCode::UNPROCESSABLE_ENTITY, "damaged"),
        };
        Self::new(status, code, reason.to_string())
    }
}
