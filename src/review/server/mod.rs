//! The web server behind the review page: one process, one review, this machine alone unless told otherwise.
//!
//! ```text
//! request -> guard (host, token, origin, content type, size) -> api, images -> Office -> label files
//! ```
//!
//! Connections are limited in number, and closed where they are silent. One thread answers; whatever touches the disk runs beside it, one request at a time behind the office's lock.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tokio::net::TcpListener;

use super::office::Office;
use connections::{Guarded, LIMITS};

mod api;
mod connections;
mod guard;
mod images;
mod page;

pub use guard::{Hosts, Token};

/// The largest request, bytes: a thousand answers with words to each.
const BODY_LIMIT: usize = 512 * 1024;

/// How many requests are worked on at once: each thread keeps memory for itself once it read all label files.
const HANDS: usize = 8;

/// What every request sees.
#[derive(Clone)]
struct Desk {
    office: Arc<Mutex<Office>>,
    token: Token,
    hosts: Hosts,
    now: fn() -> String,
}

impl Desk {
    fn office(&self) -> MutexGuard<'_, Office> {
        // A request that panicked left no answer half written: rows are appended whole.
        self.office.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server that listens and does not answer yet.
pub struct Server {
    runtime: tokio::runtime::Runtime,
    listener: TcpListener,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Listens at `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken, or the address is none of this machine.
    pub fn listen(address: SocketAddr) -> std::io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().max_blocking_threads(HANDS).enable_io().enable_time().build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        Ok(Self { runtime, listener, address })
    }

    /// Serves `office` to whoever has `token`, until the process ends. `now` tells the time of answers.
    ///
    /// # Errors
    /// When the network fails.
    pub fn serve(self, office: Office, token: Token, hosts: Hosts, now: fn() -> String) -> std::io::Result<()> {
        let desk = Desk { office: Arc::new(Mutex::new(office)), token, hosts, now };
        let service = router(desk).into_make_service();
        self.runtime.block_on(async { axum::serve(Guarded::new(self.listener, LIMITS), service).await })
    }
}

fn router(desk: Desk) -> Router {
    let api = Router::new()
        .route("/session", get(api::session))
        .route("/queue", get(api::queue))
        .route("/frames/{image}", get(api::frames))
        .route("/image/{image}", get(images::image))
        .route("/changes", get(api::changes))
        .route("/select", get(api::select))
        .route("/progress", get(api::progress))
        .route("/answers", post(api::answers))
        .route("/classes", post(api::classes))
        .fallback(api::nothing)
        .method_not_allowed_fallback(api::no_method)
        .layer(from_fn_with_state(desk.clone(), guard::authorised));
    Router::new()
        .route("/", get(page::index))
        .route("/app.js", get(page::script))
        .route("/style.css", get(page::style))
        .nest("/api", api)
        .fallback(api::nothing)
        .method_not_allowed_fallback(api::no_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(desk.clone(), guard::from_here))
        .layer(from_fn(guard::sealed))
        .with_state(desk)
}
