//! The id token's claims (OpenID Connect Core 1.0, section 3.1.3.7).
//!
//! The token comes straight from the token endpoint over TLS, so its signature need not be checked
//! (point 6 there), and no key is fetched on the way of a sign-in. What is checked is that it is ours, of
//! now, and where it matters whose.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// How far Auth0's clock and ours may be apart, in seconds.
const SKEW: u64 = 60;

/// What the claims are compared with.
pub(super) struct Expected<'a> {
    /// The tenant's origin and a slash.
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    /// Epoch seconds.
    pub(super) now: u64,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    azp: Option<String>,
    sub: String,
    exp: f64,
    iat: f64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The token's `sub`, if all else fits; otherwise which claim does not.
pub(super) fn subject(id_token: &str, expected: &Expected<'_>) -> Result<String, &'static str> {
    let parts: Vec<&str> = id_token.split('.').collect();
    let [_, claims, _] = parts.as_slice() else { return Err("the id_token is not a JWT") };
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| "the id_token is not a JWT")?;
    let claims: Claims = serde_json::from_slice(&claims).map_err(|_| "the id_token lacks iss, aud, sub, exp or iat")?;
    if claims.iss != expected.issuer {
        return Err("the id_token's iss is another");
    }
    let ours = match &claims.aud {
        Audience::One(one) => one == expected.client_id,
        Audience::Many(many) => {
            many.iter().any(|one| one == expected.client_id)
                && (many.len() == 1 || claims.azp.as_deref() == Some(expected.client_id))
        }
    };
    if !ours {
        return Err("the id_token's aud is another");
    }
    // Seconds since the epoch are far below 2^52: exact as f64. RFC 7519 allows fractions.
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    let (earliest, latest) = (expected.now.saturating_sub(SKEW) as f64, (expected.now + SKEW) as f64);
    if claims.exp <= earliest {
        return Err("the id_token is expired (or this machine's clock is wrong)");
    }
    if claims.iat > latest {
        return Err("the id_token's iat is in the future (or this machine's clock is wrong)");
    }
    if claims.sub.is_empty() {
        return Err("the id_token's sub is empty");
    }
    Ok(claims.sub)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: u64 = 1_764_000_000;

    fn claims(change: impl FnOnce(&mut Value)) -> Result<String, &'static str> {
        let mut claims = json!({
            "iss": "https://t.auth0.com/", "aud": "client", "sub": "auth0|1", "exp": NOW + 36_000, "iat": NOW,
        });
        change(&mut claims);
        let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()));
        subject(&token, &Expected { issuer: "https://t.auth0.com/", client_id: "client", now: NOW })
    }

    #[test]
    fn a_token_of_ours_and_of_now_gives_its_subject() {
        assert_eq!(claims(|_| ()), Ok("auth0|1".into()));
        assert_eq!(claims(|c| c["aud"] = json!(["client"])), Ok("auth0|1".into()));
        assert_eq!(
            claims(|c| {
                c["aud"] = json!(["client", "other"]);
                c["azp"] = json!("client");
            }),
            Ok("auth0|1".into())
        );
        assert_eq!(claims(|c| c["exp"] = json!(NOW - 59)), Ok("auth0|1".into()), "within the skew");
        assert_eq!(claims(|c| c["iat"] = json!(NOW + 60)), Ok("auth0|1".into()), "within the skew");
    }

    #[test]
    fn a_claim_that_does_not_fit_is_named() {
        for (claim, value, named) in [
            ("iss", json!("https://t.auth0.com"), "iss"),
            ("iss", json!("https://evil.example/"), "iss"),
            ("aud", json!("other"), "aud"),
            ("aud", json!([]), "aud"),
            ("aud", json!(["client", "other"]), "aud"),
            ("exp", json!(NOW - 60), "expired"),
            ("iat", json!(NOW + 61), "iat"),
            ("sub", json!(""), "sub"),
            ("sub", json!(1), "sub"),
            ("exp", json!("never"), "exp"),
            ("iat", Value::Null, "iat"),
        ] {
            let fault = claims(|claims| claims[claim] = value.clone()).expect_err(claim);
            assert!(fault.contains(named), "{claim}={value}: {fault}");
        }
    }

    #[test]
    fn what_is_no_jwt_is_refused() {
        let expected = Expected { issuer: "https://t.auth0.com/", client_id: "client", now: NOW };
        for token in ["", "a.b", "a.b.c.d", "a.!.c", "a.e30.c", "a.bnVsbA.c"] {
            assert!(subject(token, &expected).is_err(), "{token}");
        }
    }
}
