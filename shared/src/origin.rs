//! Who may call: `Origin`, Fetch metadata, CORS.
//!
//! Every browser sends `Origin` with a POST or DELETE, of its own page too. It must be the functions' own
//! origin or one of `ALLOWED_ORIGINS`. Together with the JSON content type, which no form can send, and the
//! cookie's `SameSite`, this is the defence against cross-site request forgery. The functions answer
//! preflights themselves, so they behave alike behind an HTTP API, a REST API and a Function URL.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderValue};

/// Where a request comes from, as far as a browser says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// No `Origin`, and nothing else that speaks of another site: not a browser, or its own page's GET.
    Unstated,
    /// The functions' own origin.
    SameOrigin,
    /// One of `ALLOWED_ORIGINS`. Answers say so (Fetch standard, "CORS protocol").
    Allowed(HeaderValue),
    /// Anything else.
    Foreign,
}

/// Judges a request by its headers.
pub(crate) fn judge(allowed: &[String], headers: &HeaderMap) -> Caller {
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin = origins.next();
    if origins.next().is_some() {
        return Caller::Foreign;
    }
    let Some(origin) = origin else {
        let cross_site = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
        return if cross_site { Caller::Foreign } else { Caller::Unstated };
    };
    if allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
        return Caller::Allowed(origin.clone());
    }
    let own = headers.get(HOST).is_some_and(|host| is_own(origin.as_bytes(), host.as_bytes()));
    let cross_site = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if own && !cross_site { Caller::SameOrigin } else { Caller::Foreign }
}

/// Whether `origin` is `https://host`, or on loopback `http://host`.
fn is_own(origin: &[u8], host: &[u8]) -> bool {
    if let Some(rest) = origin.strip_prefix(b"https://") {
        return rest.eq_ignore_ascii_case(host);
    }
    origin.strip_prefix(b"http://").is_some_and(|rest| rest.eq_ignore_ascii_case(host) && is_loopback(host))
}

fn is_loopback(host: &[u8]) -> bool {
    let name = match host.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !host.ends_with(b"]") => host.get(..colon).unwrap_or(host),
        _ => host,
    };
    matches!(name, b"localhost" | b"127.0.0.1" | b"[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(headers: &[(&str, &str)]) -> Caller {
        let allowed = ["https://app.example.com".to_owned()];
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        judge(&allowed, &headers)
    }

    #[test]
    fn the_functions_own_origin_needs_no_listing() {
        for (origin, host) in [
            ("https://api.example.com", "api.example.com"),
            ("https://api.example.com:8443", "api.example.com:8443"),
            ("http://localhost:3000", "localhost:3000"),
            ("http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("http://[::1]:3000", "[::1]:3000"),
        ] {
            assert_eq!(caller(&[("origin", origin), ("host", host)]), Caller::SameOrigin, "{origin}");
        }
    }

    #[test]
    fn an_origin_of_the_list_is_allowed_whatever_the_host() {
        let allowed = caller(&[
            ("origin", "https://app.example.com"),
            ("host", "api.example.com"),
            ("sec-fetch-site", "cross-site"),
        ]);
        assert_eq!(allowed, Caller::Allowed(HeaderValue::from_static("https://app.example.com")));
    }

    #[test]
    fn everything_else_is_foreign() {
        let host = ("host", "api.example.com");
        for origin in [
            "https://evil.example",
            "https://api.example.com.evil.example",
            "https://sibling.example.com",
            "https://app.example.com.evil.example",
            "https://app.example.com/",
            "http://app.example.com",
            "http://api.example.com",
            "https://api.example.com:444",
            "null",
            "",
        ] {
            assert_eq!(caller(&[("origin", origin), host]), Caller::Foreign, "{origin}");
        }
        assert_eq!(caller(&[("origin", "https://api.example.com")]), Caller::Foreign, "no Host to compare with");
    }

    #[test]
    fn several_origins_are_foreign_even_if_one_is_allowed() {
        let headers = [("origin", "https://app.example.com"), ("origin", "https://app.example.com")];
        assert_eq!(caller(&headers), Caller::Foreign);
    }

    #[test]
    fn without_an_origin_the_fetch_metadata_decide() {
        assert_eq!(caller(&[]), Caller::Unstated);
        assert_eq!(caller(&[("sec-fetch-site", "same-origin")]), Caller::Unstated);
        assert_eq!(caller(&[("sec-fetch-site", "cross-site")]), Caller::Foreign);
    }

    #[test]
    fn a_host_that_claims_to_be_another_sites_does_not_help_against_fetch_metadata() {
        let headers = [("origin", "https://evil.example"), ("host", "evil.example"), ("sec-fetch-site", "cross-site")];
        assert_eq!(caller(&headers), Caller::Foreign);
    }
}
