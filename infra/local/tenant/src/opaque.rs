//! Random strings in the shapes that Auth0 gives them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use rsa::rand_core::{OsRng, RngCore as _};

/// What the state keeps of a token: enough to know it again, useless to whoever reads it.
pub(crate) type Digest = [u8; 32];

pub(crate) fn digest_of(token: &str) -> Digest {
    let mut out = [0; 32];
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    for (to, from) in out.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    out
}

/// Bytes of ciphertext in an `mfa_token`. In go-auth0's recordings a challenge's body has 2203
/// bytes, of which about 1986 are the token.
pub(crate) const MFA_TOKEN_BYTES: usize = 1312;
/// Bytes of ciphertext in an `oob_code`, likewise: about 0.6 kB in all.
pub(crate) const OOB_CODE_BYTES: usize = 288;

/// A string of the Iron sealed form that Auth0's `mfa_token` and `oob_code` have:
/// `Fe26.2*key id*salt*iv*ciphertext*expiry in epoch milliseconds*salt*mac`. Only the expiry means
/// anything; the rest is random.
pub(crate) fn sealed(bytes: usize, expires_millis: u64) -> String {
    format!(
        "Fe26.2*SERVER_1767928705*{}*{}*{}*{expires_millis}*{}*{}",
        hex(&random(32)),
        URL_SAFE_NO_PAD.encode(random(16)),
        URL_SAFE_NO_PAD.encode(random(bytes)),
        hex(&random(32)),
        URL_SAFE_NO_PAD.encode(random(32)),
    )
}

pub(crate) fn random(bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    OsRng.fill_bytes(&mut out);
    out
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// `length` characters that are letters or digits.
pub(crate) fn alphanumeric(length: usize) -> String {
    const SET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    from_set(SET, length)
}

/// A recovery code: 24 upper-case letters and digits (request-mfa-challenge and verify pages'
/// samples, go-auth0's recordings).
pub(crate) fn recovery_code() -> String {
    from_set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 24)
}

/// A code as it is sent by SMS, voice or e-mail: 6 digits.
pub(crate) fn six_digits() -> String {
    from_set(b"0123456789", 6)
}

fn from_set(set: &[u8], length: usize) -> String {
    let mut out = String::with_capacity(length);
    while out.len() < length {
        for byte in random(length) {
            // Bytes past the largest multiple of the set's size would favour its first characters.
            let fair = 256 - 256 % set.len();
            let byte = usize::from(byte);
            if byte < fair
                && out.len() < length
                && let Some(character) = set.get(byte % set.len())
            {
                out.push(char::from(*character));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mfa_token_has_eight_fields_its_true_size_and_its_expiry_in_clear() {
        let token = sealed(MFA_TOKEN_BYTES, 1_726_830_032_592);
        let fields: Vec<_> = token.split('*').collect();
        assert_eq!(fields.len(), 8);
        assert_eq!(fields[0], "Fe26.2");
        assert_eq!(fields[5], "1726830032592");
        assert_eq!(token.len(), 1986);
        assert_ne!(token, sealed(MFA_TOKEN_BYTES, 1_726_830_032_592));
    }

    #[test]
    fn codes_have_the_length_and_characters_of_their_kind() {
        assert!(six_digits().bytes().all(|b| b.is_ascii_digit()));
        assert_eq!(six_digits().len(), 6);
        let code = recovery_code();
        assert_eq!(code.len(), 24);
        assert!(code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    }
}
