//! The requests of the page that are answered with JSON.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::Desk;
use crate::photo::decode::Decoder;
use crate::review::office::{Office, OfficeError, Wanted};
use crate::review::pictures::hash_of;
use crate::review::wire::{
    Answers, AnswersTaken, Changes, ClassGiven, ClassTaken, FramesShown, Progress, QueuePart, Selection, Session,
};
use crate::step::with_causes;

/// A request that was refused.
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Failure {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        (self.status, Json(body)).into_response()
    }
}

impl From<OfficeError> for Failure {
    fn from(error: OfficeError) -> Self {
        let (status, code) = match &error {
            OfficeError::Bad(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            OfficeError::NoImage(_) => (StatusCode::NOT_FOUND, "no_image"),
            OfficeError::Disk(_) | OfficeError::Desk(_) => (StatusCode::CONFLICT, "changed_file"),
            OfficeError::Step(_) | OfficeError::Table(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        };
        Self::new(status, code, with_causes(&error))
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        let (status, code) = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type"),
            _ => (StatusCode::BAD_REQUEST, "bad_request"),
        };
        Self::new(status, code, rejection.body_text())
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), "bad_request", rejection.body_text())
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "bad_request", rejection.body_text())
    }
}

/// Work on the office, away from the thread that listens.
async fn work<T: Send + 'static>(
    desk: Desk,
    work: impl FnOnce(&mut Office) -> Result<T, OfficeError> + Send + 'static,
) -> Result<Json<T>, Failure>
where
    Json<T>: IntoResponse,
{
    aside(move || work(&mut desk.office())).await
}

/// Work away from the thread that listens.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, OfficeError> + Send + 'static) -> Result<Json<T>, Failure>
where
    Json<T>: IntoResponse,
{
    let done = tokio::task::spawn_blocking(work).await;
    let done =
        done.map_err(|_| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "the request failed; nothing was written"))?;
    Ok(Json(done?))
}

/// Who asks.
#[derive(Debug, Deserialize)]
pub(super) struct Who {
    #[serde(default)]
    reviewer: String,
}

/// Which part of a queue.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    reviewer: String,
    #[serde(default)]
    from: usize,
    count: Option<usize>,
}

/// Since which state.
#[derive(Debug, Deserialize)]
pub(super) struct Since {
    reviewer: String,
    #[serde(default)]
    since: u64,
}

type Reply<T> = Result<Json<T>, Failure>;

pub(super) async fn session(State(desk): State<Desk>) -> Reply<Session> {
    work(desk, |office| Ok(office.session())).await
}

pub(super) async fn queue(State(desk): State<Desk>, part: Result<Query<Part>, QueryRejection>) -> Reply<QueuePart> {
    let Query(Part { reviewer, from, count }) = part?;
    work(desk, move |office| office.queue(&reviewer, from, count.unwrap_or(200))).await
}

pub(super) async fn frames(
    State(desk): State<Desk>,
    image: Result<Path<String>, PathRejection>,
    who: Result<Query<Who>, QueryRejection>,
) -> Reply<FramesShown> {
    let (Path(image), Query(Who { reviewer })) = (image?, who?);
    work(desk, move |office| office.frames(&image, &reviewer)).await
}

pub(super) async fn changes(State(desk): State<Desk>, since: Result<Query<Since>, QueryRejection>) -> Reply<Changes> {
    let Query(Since { reviewer, since }) = since?;
    work(desk, move |office| office.changes(&reviewer, since)).await
}

pub(super) async fn select(
    State(desk): State<Desk>,
    who: Result<Query<Who>, QueryRejection>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Reply<Selection> {
    let (Query(Who { reviewer }), Query(wanted)) = (who?, wanted?);
    work(desk, move |office| office.select(&reviewer, &wanted)).await
}

pub(super) async fn progress(State(desk): State<Desk>, who: Result<Query<Who>, QueryRejection>) -> Reply<Progress> {
    let Query(Who { reviewer }) = who?;
    work(desk, move |office| office.progress(&reviewer)).await
}

pub(super) async fn answers(State(desk): State<Desk>, given: Result<Json<Answers>, JsonRejection>) -> Reply<AnswersTaken> {
    let (Json(given), now) = (given?, (desk.now)());
    aside(move || {
        // A sheet of images that nobody looked at takes a while to decode: meanwhile others go on.
        let wanted = desk.office().unhashed(&given);
        let hashed: Vec<_> = wanted
            .into_par_iter()
            .map_init(Decoder::default, |decoder, (content, path)| Some((content, hash_of(&path, content, decoder)?)))
            .flatten()
            .collect();
        let mut office = desk.office();
        for (content, hash) in hashed {
            office.keep_hash(content, hash);
        }
        office.answer(&given, &now)
    })
    .await
}

pub(super) async fn classes(State(desk): State<Desk>, given: Result<Json<ClassGiven>, JsonRejection>) -> Reply<ClassTaken> {
    let Json(ClassGiven { reviewer, name }) = given?;
    work(desk, move |office| office.add_class(&reviewer, &name)).await
}

pub(super) async fn no_method() -> Failure {
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this address is not asked in that way")
}

pub(super) async fn nothing() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "no_page", "there is no such page")
}
