//! The end of an `mfa_token`, as far as it can be read from the token itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

#[derive(Deserialize)]
struct Claims {
    exp: u64,
}

/// Epoch seconds; `None` where the token does not show its end.
///
/// Auth0's tokens are sealed by Iron: eight fields between asterisks, of which the sixth is the expiry in
/// epoch milliseconds, in clear (`Fe26.2*key id*salt*iv*ciphertext*expiry*salt*mac`). Older tenants issue
/// JWTs, with the claim `exp` in epoch seconds (RFC 7519, section 4.1.4).
///
/// Never a proof of anything: a pending sign-in is made shorter by it, not longer.
pub(crate) fn expiry(mfa_token: &str) -> Option<u64> {
    if let Some(sealed) = mfa_token.strip_prefix("Fe26.2*") {
        let fields: Vec<&str> = sealed.split('*').collect();
        let [_, _, _, _, expiry, _, _] = fields.as_slice() else { return None };
        return expiry.parse::<u64>().ok().map(|millis| millis / 1000);
    }
    let mut parts = mfa_token.split('.');
    let (_, claims) = (parts.next()?, parts.next()?);
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice::<Claims>(&claims).ok().map(|claims| claims.exp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_field_of_an_iron_token_is_its_end_in_milliseconds() {
        assert_eq!(expiry("Fe26.2*SERVER_1767928705*salt*iv*text*1767929305999*salt*mac"), Some(1_767_929_305));
    }

    #[test]
    fn a_jwt_has_its_end_in_exp() {
        let claims = URL_SAFE_NO_PAD.encode(br#"{"exp":1767929305,"sub":"x"}"#);
        assert_eq!(expiry(&format!("eyJh.{claims}.sig")), Some(1_767_929_305));
    }

    #[test]
    fn anything_else_shows_no_end() {
        for token in [
            "",
            "opaque",
            "Fe26.2*",
            "Fe26.2*a*b*c*d**e*f",
            "Fe26.2*a*b*c*d*soon*e*f",
            "Fe26.2*a*b*c*d*-1*e*f",
            "Fe26.2*a*b*c*d*99999999999999999999999*e*f",
            "Fe26.2*a*b*c*d*1767929305999*e*f*g",
            "eyJh.!!!.sig",
            "eyJh.e30.sig",
            ".",
        ] {
            assert_eq!(expiry(token), None, "{token}");
        }
    }
}
