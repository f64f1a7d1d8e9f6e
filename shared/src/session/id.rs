//! The value of the session cookie, and what the table knows of it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SecureRandom;
use ring::{digest, hkdf};

use super::seal::SealError;

/// 256 bits.
const BYTES: usize = 32;

/// What [`SessionId::key`] hashes in front of the value. It makes the hash useless for anything else.
const KEY_LABEL: &[u8] = b"auth0-mfa session key v1\0";

/// A session's name, as the cookie carries it: 43 base64url characters, 256 random bits.
///
/// It exists in the browser and, for the time of a request, here. The table holds its hash
/// ([`SessionId::key`]) and content sealed under a key derived from it, so that a copy of the table opens
/// nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SessionId([u8; BYTES]);

impl SessionId {
    /// A new one, from the system's random generator.
    pub(crate) fn random() -> Result<Self, SealError> {
        let mut bytes = [0; BYTES];
        ring::rand::SystemRandom::new().fill(&mut bytes).map_err(|_| SealError::Random)?;
        Ok(Self(bytes))
    }

    /// The one that a cookie's value stands for; `None` where it cannot be one.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The cookie's value.
    pub(crate) fn cookie_value(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The item's `id` in the table: base64url SHA-256.
    pub(crate) fn key(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(KEY_LABEL);
        context.update(&self.0);
        URL_SAFE_NO_PAD.encode(context.finish())
    }

    /// The pseudorandom key that sealing keys are expanded from (HKDF-Extract, RFC 5869, section 2.2).
    pub(super) fn extract(&self, salt: &[u8]) -> hkdf::Prk {
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_43_characters_and_comes_back() {
        let id = SessionId::random().unwrap();
        assert_eq!(id.cookie_value().len(), 43);
        assert_eq!(SessionId::parse(&id.cookie_value()), Some(id));
    }

    #[test]
    fn what_cannot_be_a_value_is_none() {
        let good = SessionId([255; BYTES]).cookie_value();
        assert!(SessionId::parse(&good).is_some());
        let padded = format!("{good}=");
        let long = format!("{good}A");
        // The last character carries two bits too many; "9" would decode to the same bytes if they were ignored.
        let loose = format!("{}9", &good[..42]);
        for value in ["", "abc", &good[..42], &padded, &long, &loose, &good.replace('_', "/"), "\u{e9}"] {
            assert_eq!(SessionId::parse(value), None, "{value}");
        }
    }

    #[test]
    fn the_tables_key_is_not_the_value_and_differs_between_sessions() {
        let (one, other) = (SessionId([1; BYTES]), SessionId([2; BYTES]));
        assert_ne!(one.key(), one.cookie_value());
        assert_ne!(one.key(), other.key());
        assert_eq!(one.key(), SessionId([1; BYTES]).key());
    }

    #[test]
    fn debug_shows_nothing() {
        let id = SessionId::random().unwrap();
        assert_eq!(format!("{id:?}"), "SessionId(…)");
    }
}
