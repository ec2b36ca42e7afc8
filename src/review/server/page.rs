//! The page, its script and its style sheet: nothing in them is secret.

use axum::http::header;
use axum::response::{Html, IntoResponse};

use crate::review::page::{HTML, SCRIPT, STYLE};

pub(super) async fn index() -> Html<&'static str> {
    Html(HTML)
}

pub(super) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT)
}

pub(super) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}
