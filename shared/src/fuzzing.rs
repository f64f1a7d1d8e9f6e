//! What the fuzz targets of `tests/fuzz` call: each gives a parser whatever bytes there are, and panics where it takes
//! something that it must not. Compiled under `cfg(fuzzing)` alone.
//!
//! Events are read by `lambda_http`, which panics over some that no gateway sends (a body that is not in the base64 that
//! it says, an address that is none); the runtime makes a failed invocation of that, as `tests/lambda` shows.

use http::HeaderMap;
use http::header::{COOKIE, HOST, HeaderValue, ORIGIN};
use serde_json::Value;

use crate::auth0::parsers::{self, Endpoint};
use crate::config::{CookieConfig, SameSite};
use crate::cookie::{self, Presented};
use crate::invocation::forwarded_for;
use crate::origin::{self, Caller};
use crate::request::{Action, Code};
use crate::session::{Pending, SessionId, SignedIn};

const COOKIE_CONFIG: CookieConfig = CookieConfig { same_site: SameSite::Strict, insecure: false };
const ISSUER: &str = "https://tenant.example/";
const CLIENT_ID: &str = "client";

/// A request's body.
pub fn body(bytes: &[u8]) {
    let action = Action::parse(bytes);
    let code = Code::parse(bytes);
    let Ok(Value::Object(members)) = serde_json::from_slice(bytes) else {
        assert!(action.is_err() && code.is_err(), "what is no JSON object is no request");
        return;
    };
    if code.is_ok() {
        assert_eq!(members.len(), 1, "exactly one code");
    }
    if action.is_ok() {
        assert!(members.get("action").is_some_and(Value::is_string) || members.contains_key("password"));
    }
}

/// Lines of headers: `Cookie`, `Origin`, `Host` and `X-Forwarded-For` in turns.
pub fn headers(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    let names = [COOKIE, ORIGIN, HOST, http::HeaderName::from_static("x-forwarded-for")];
    for (name, value) in names.iter().cycle().zip(bytes.split(|byte| *byte == b'\n')) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    if let Presented::Session(id) = cookie::read(COOKIE_CONFIG, &headers) {
        let is_space = |c: char| c.is_ascii_whitespace();
        let lines: Vec<_> =
            headers.get_all(COOKIE).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        let named: Vec<&str> = lines
            .iter()
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim_matches(is_space).strip_prefix("__Host-mfa_session"))
            .filter_map(|rest| rest.trim_start_matches(is_space).strip_prefix('='))
            .collect();
        assert_eq!(named.len(), 1, "of two cookies none is the session");
        assert_eq!(named[0].trim_matches(is_space), id.cookie_value());
        assert_eq!(id.cookie_value().len(), 43);
    }
    let allowed = ["https://app.example.com".to_owned()];
    match origin::judge(&allowed, &headers) {
        Caller::Allowed(origin) => assert_eq!(origin, "https://app.example.com"),
        Caller::SameOrigin => assert_eq!(headers.get_all(ORIGIN).iter().count(), 1),
        Caller::Foreign | Caller::Unstated => {}
    }
    for n in 0..4 {
        assert!(n > 0 || forwarded_for(&headers, n).is_none());
    }
}

/// A reply of Auth0's: two bytes for the endpoint and the status, and the body.
pub fn auth0_reply(bytes: &[u8]) {
    let [endpoint, status, body @ ..] = bytes else { return };
    let endpoint = Endpoint::ALL[usize::from(*endpoint) % Endpoint::ALL.len()];
    let status = [200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 503][usize::from(*status) % 11];
    if parsers::is_success(status, true, body) {
        assert!((200..300).contains(&status));
        // What is not looked at (other members) may be what serde_json's `Value` would not take.
        if let Ok(body) = serde_json::from_slice::<Value>(body) {
            assert!(body["access_token"].is_string() && !body["error"].is_string());
        }
    }
    if let Ok(text) = std::str::from_utf8(body) {
        let (error, description) = text.split_once('\n').unwrap_or((text, ""));
        _ = parsers::refusal(endpoint, status, error, description);
    }
}

/// An `mfa_token`, and an `id_token`.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if parsers::expiry(text).is_some() {
        assert!(text.starts_with("Fe26.2*") || text.contains('.'));
    }
    if let Ok(subject) = parsers::subject(text, ISSUER, CLIENT_ID, 1_764_000_000) {
        assert!(!subject.is_empty() && text.split('.').count() == 3);
    }
}

/// An attribute of the table, opened with a cookie that is not the one it was sealed for.
pub fn sealed(bytes: &[u8]) {
    let id = SessionId::random().expect("random bytes");
    assert!(Pending::open(&id, bytes).is_err() && SignedIn::open(&id, bytes).is_err());
}
