//! The session cookie: the one place that reads and writes it.
//!
//! `__Host-` (RFC 6265bis, section 4.1.3.2) ties it to this host alone, over TLS, for the whole site: no
//! sibling subdomain can set or overwrite it. Without a prefix (`COOKIE_INSECURE`) it is for plain HTTP on
//! loopback.

use http::HeaderMap;
use http::header::COOKIE;

use crate::config::{CookieConfig, SameSite};
use crate::session::SessionId;

/// What a request says of its session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Presented {
    /// No session cookie.
    Nothing,
    /// One cookie with a value that can be a session's.
    Session(SessionId),
    /// A value that cannot be one, or several cookies: which of them is the browser's own is not known,
    /// so none is trusted.
    Unusable,
}

/// What an answer does with the cookie.
#[derive(Debug)]
pub(crate) enum Change {
    /// Leaves it.
    Keep,
    /// Sets it, for so many seconds.
    Set { id: SessionId, max_age: u64 },
    /// Takes it away.
    Clear,
}

const fn name(config: CookieConfig) -> &'static str {
    if config.insecure { "mfa_session" } else { "__Host-mfa_session" }
}

/// Reads the session cookie from however many `Cookie` headers there are.
pub(crate) fn read(config: CookieConfig, headers: &HeaderMap) -> Presented {
    let mut values = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| {
            let pair = pair.trim_ascii();
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            let (name, value) = pair.split_at_checked(equals)?;
            Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
        })
        .filter_map(|(found, value)| (found == name(config).as_bytes()).then_some(value));
    let Some(value) = values.next() else { return Presented::Nothing };
    if values.next().is_some() {
        return Presented::Unusable;
    }
    std::str::from_utf8(value).ok().and_then(SessionId::parse).map_or(Presented::Unusable, Presented::Session)
}

/// The value of `Set-Cookie`, where there is something to set.
pub(crate) fn write(config: CookieConfig, change: &Change) -> Option<String> {
    let (value, max_age) = match change {
        Change::Keep => return None,
        Change::Set { id, max_age } => (id.cookie_value(), *max_age),
        Change::Clear => (String::new(), 0),
    };
    let name = name(config);
    let secure = if config.insecure { "" } else { "; Secure" };
    let same_site = match config.same_site {
        SameSite::Strict => "Strict",
        SameSite::Lax => "Lax",
        SameSite::None => "None",
    };
    Some(format!("{name}={value}; Path=/; HttpOnly{secure}; SameSite={same_site}; Max-Age={max_age}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECURE: CookieConfig = CookieConfig { same_site: SameSite::Strict, insecure: false };

    fn headers(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|cookie| (COOKIE, cookie.parse().unwrap())).collect()
    }

    fn session() -> (SessionId, String) {
        let id = SessionId::random().unwrap();
        let pair = format!("__Host-mfa_session={}", id.cookie_value());
        (id, pair)
    }

    #[test]
    fn the_session_is_found_among_other_cookies_in_one_header_or_several() {
        let (id, pair) = session();
        let joined = format!("a=b; {pair};c=\"d;e\"");
        for cookies in [&[pair.as_str()][..], &[joined.as_str()], &["a=b", pair.as_str()], &["=; ;", pair.as_str()]] {
            assert_eq!(read(SECURE, &headers(cookies)), Presented::Session(id.clone()), "{cookies:?}");
        }
    }

    #[test]
    fn of_several_session_cookies_none_is_trusted() {
        let (_, one) = session();
        let (_, other) = session();
        assert_eq!(read(SECURE, &headers(&[&one, &other])), Presented::Unusable);
        assert_eq!(read(SECURE, &headers(&[&format!("{one}; {other}")])), Presented::Unusable);
        assert_eq!(read(SECURE, &headers(&[&format!("{one}; __Host-mfa_session=")])), Presented::Unusable);
    }

    #[test]
    fn another_name_is_another_cookie() {
        let (id, pair) = session();
        for cookie in [
            format!("mfa_session={}", id.cookie_value()),
            format!("__host-mfa_session={}", id.cookie_value()),
            format!("x{pair}"),
            String::new(),
            "__Host-mfa_session".into(),
        ] {
            assert_eq!(read(SECURE, &headers(&[&cookie])), Presented::Nothing, "{cookie}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_a_session_is_unusable() {
        for value in ["", "x", "\"quoted\"", &"A".repeat(44)] {
            let cookie = format!("__Host-mfa_session={value}");
            assert_eq!(read(SECURE, &headers(&[&cookie])), Presented::Unusable, "{cookie}");
        }
    }

    #[test]
    fn it_is_set_and_cleared_with_the_same_attributes() {
        let id = SessionId::random().unwrap();
        let set = write(SECURE, &Change::Set { id: id.clone(), max_age: 300 }).unwrap();
        let value = id.cookie_value();
        let attributes = "Path=/; HttpOnly; Secure; SameSite=Strict";
        assert_eq!(set, format!("__Host-mfa_session={value}; {attributes}; Max-Age=300"));
        let clear = write(SECURE, &Change::Clear).unwrap();
        assert_eq!(clear, format!("__Host-mfa_session=; {attributes}; Max-Age=0"));
        assert_eq!(write(SECURE, &Change::Keep), None);
    }

    #[test]
    fn an_insecure_cookie_has_neither_the_prefix_nor_secure() {
        let config = CookieConfig { same_site: SameSite::Lax, insecure: true };
        let clear = write(config, &Change::Clear).unwrap();
        assert_eq!(clear, "mfa_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
