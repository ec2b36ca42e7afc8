//! The page itself: one document, one script, one style sheet, all within the program.

use axum::http::header;
use axum::response::{Html, IntoResponse};

/// The document.
const INDEX: &str = include_str!("../page/index.html");

/// All scripts, in the order in which they build on each other.
pub const SCRIPT: &str = concat!(include_str!("../page/base.js"),);

/// The style sheet.
pub const STYLE: &str = include_str!("../page/style.css");

/// The languages that the page speaks, by their codes.
pub const LANGUAGES: [(&str, &str); 2] =
    [("en", include_str!("../page/lang/en.json")), ("nb", include_str!("../page/lang/nb.json"))];

/// The document, for the server or for a folder that is sent to somebody.
#[must_use]
pub const fn document() -> &'static str {
    INDEX
}

pub(super) async fn index() -> Html<&'static str> {
    Html(INDEX)
}

pub(super) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT)
}

pub(super) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}
