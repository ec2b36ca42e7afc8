//! Who may ask: somebody who reached this machine by a name that is its own, with the token, from this very page.
//!
//! A page from elsewhere that runs in the same browser can send requests to this machine. It cannot read the token, cannot set the
//! header that carries it without asking first, and its requests name another origin. A name that was pointed at this machine later
//! (DNS rebinding) is another host.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Desk;
use super::api::Failure;

/// Names that mean this machine on this machine.
const OWN_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What the browser lets the page do: its own files, and nothing from anywhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The secret that the page's address carries behind `#`, where no server and no log sees it.
#[derive(Clone)]
pub struct Token(blake3::Hash);

impl Token {
    /// A new token, as text for the address and as what is compared.
    ///
    /// # Errors
    /// When the system has no source of chance.
    pub fn new() -> Result<(String, Self), getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        let text = format!("{:032x}", u128::from_le_bytes(bytes));
        let token = Self::of(&text);
        Ok((text, token))
    }

    /// The token that `text` is.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(blake3::hash(text.as_bytes()))
    }

    /// Compares in constant time, as hashes do.
    fn is(&self, text: &str) -> bool {
        self.0 == blake3::hash(text.as_bytes())
    }
}

/// The names by which a browser may call this machine.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// Those of every machine for itself, and `more`.
    #[must_use]
    pub fn own_and(more: &[String]) -> Self {
        Self(OWN_HOSTS.into_iter().map(str::to_owned).chain(more.iter().map(|name| name.to_ascii_lowercase())).collect())
    }

    /// Says whether a `Host` header names this machine; the port is that of a tunnel, or ours.
    fn holds(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        self.0.iter().any(|own| name.eq_ignore_ascii_case(own))
    }
}

/// The one `Host` of a request.
fn host(headers: &HeaderMap) -> Option<&str> {
    only(headers, &header::HOST)
}

/// A header that stands there once, as text.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Lets requests through that name this machine, and no page from elsewhere sent.
pub(super) async fn from_here(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let Some(host) = host(headers).filter(|host| desk.hosts.holds(host)) else {
        let way_out = "open the address that `trapline review` printed, or name this host with `--allow-host`";
        return Failure::new(StatusCode::FORBIDDEN, "host", format!("this page is not served under that name: {way_out}"))
            .into_response();
    };
    let is_own = |origin: &HeaderValue| origin.to_str().is_ok_and(|origin| origin == format!("http://{host}"));
    let is_asking = *request.method() == Method::GET;
    let same_site = |value: &HeaderValue| matches!(value.as_bytes(), b"same-origin" | b"none");
    let foreign_origin = headers.get_all(header::ORIGIN).iter().any(|origin| !is_own(origin));
    let foreign_fetch = headers.get_all("sec-fetch-site").iter().any(|site| !same_site(site));
    let is_navigation = is_asking && headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    if foreign_origin || (foreign_fetch && !is_navigation) {
        let message = "another page asks in this one's name; only the page that `trapline review` printed may";
        return Failure::new(StatusCode::FORBIDDEN, "origin", message).into_response();
    }
    if *request.method() == Method::POST {
        let essence = only(headers, &header::CONTENT_TYPE).map(|kind| kind.split(';').next().unwrap_or(kind).trim());
        if !essence.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
            let message = "answers come as `Content-Type: application/json`";
            return Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", message).into_response();
        }
    }
    next.run(request).await
}

/// Lets requests through that carry the token.
pub(super) async fn authorised(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let given = only(request.headers(), &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    if !given.is_some_and(|token| desk.token.is(token)) {
        let message = "the address lacks its token: open the one that `trapline review` printed, with all that stands behind `#`";
        return Failure::new(StatusCode::UNAUTHORIZED, "token", message).into_response();
    }
    next.run(request).await
}

/// Tells the browser to keep page and answers to itself.
pub(super) async fn sealed(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_of_our_names_with_any_port() {
        let hosts = Hosts::own_and(&["Camera-Lab".to_owned()]);
        for own in ["localhost", "LOCALHOST:9000", "127.0.0.1:80", "[::1]:1", "[::1]", "camera-lab:7117"] {
            assert!(hosts.holds(own), "{own}");
        }
        let foreign = [
            "",
            "localhost.evil.org",
            "evil.org:7117",
            "127.0.0.1.evil.org",
            "localhost:80@evil.org",
            "localhost:",
            "::1",
            "127.0.0.2",
        ];
        for other in foreign {
            assert!(!hosts.holds(other), "{other}");
        }
    }

    #[test]
    fn a_token_is_its_own_text_and_another_each_time() {
        let (text, token) = Token::new().unwrap();
        assert!(text.len() == 32 && token.is(&text));
        assert!(!token.is("") && !token.is(&text[1..]) && Token::new().unwrap().0 != text);
    }
}
