//! Sealing: what the table holds of a session is readable with its cookie alone.
//!
//! AES-256-GCM under a key that HKDF-SHA256 derives from the cookie's value. The item's `id` and the
//! attribute's name are associated data, so a sealed part moved to another item or attribute does not
//! open. What opens has been written by one of the functions for this very session; its own end, inside
//! the seal, is what counts, whatever the attributes in clear say.
//!
//! Why not KMS or the AWS database encryption client: both need a key that the functions, and so whoever
//! can become them, can use at any time, and a round trip. Here the key is with the user.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

use super::id::SessionId;

/// The first byte of everything sealed. Another way of sealing will have another.
const VERSION: u8 = 1;

/// HKDF's salt and info (RFC 5869, section 3). Fixed: the input is 256 random bits already.
const SALT: &[u8] = b"auth0-mfa session seal v1";
const INFO: &[u8] = b"aes-256-gcm";

/// An attribute that is sealed. Its name is part of what the seal covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Pending,
    SignedIn,
}

impl Part {
    /// The attribute's name in the table.
    pub(crate) const fn attribute(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::SignedIn => "signed_in",
        }
    }
}

/// Sealing or opening failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealError {
    /// The system has no random bytes, or a cryptographic primitive refuses its input: never expected.
    #[error("the system's random generator or a cryptographic primitive failed")]
    Random,
    /// It was not sealed for this session and attribute, or was changed since.
    #[error("the item does not open with this cookie: it was changed, or moved from another session")]
    Tampered,
}

/// Seals `plain` as the attribute `part` of session `id`: version byte, nonce, ciphertext, tag.
pub(crate) fn seal(id: &SessionId, part: Part, plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::Random)?;
    let mut sealed = plain.to_vec();
    key(id)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(id, part), &mut sealed)
        .map_err(|_| SealError::Random)?;
    let mut bytes = Vec::with_capacity(1 + NONCE_LEN + sealed.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&nonce);
    bytes.append(&mut sealed);
    Ok(bytes)
}

/// Opens what [`seal`] made of the same session and attribute.
pub(crate) fn open(id: &SessionId, part: Part, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (&[version, ref nonce @ ..], sealed) =
        sealed.split_first_chunk::<{ 1 + NONCE_LEN }>().ok_or(SealError::Tampered)?;
    if version != VERSION {
        return Err(SealError::Tampered);
    }
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Tampered)?;
    let mut bytes = sealed.to_vec();
    let length = key(id)?.open_in_place(nonce, aad(id, part), &mut bytes).map_err(|_| SealError::Tampered)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

fn key(id: &SessionId) -> Result<LessSafeKey, SealError> {
    let (extracted, info) = (id.extract(SALT), [INFO]);
    let key = extracted.expand(&info, &AES_256_GCM).map_err(|_| SealError::Random)?;
    Ok(LessSafeKey::new(UnboundKey::from(key)))
}

/// The `id` has a fixed length, so nothing needs to stand between the two.
fn aad(id: &SessionId, part: Part) -> Aad<Vec<u8>> {
    let mut aad = vec![VERSION];
    aad.extend_from_slice(id.key().as_bytes());
    aad.extend_from_slice(part.attribute().as_bytes());
    Aad::from(aad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_again_and_shows_nothing_of_itself() {
        let id = SessionId::random().unwrap();
        let sealed = seal(&id, Part::Pending, b"mfa_token").unwrap();
        assert_eq!(open(&id, Part::Pending, &sealed).unwrap(), b"mfa_token");
        assert!(!sealed.windows(4).any(|window| window == b"mfa_"));
    }

    #[test]
    fn the_same_content_is_sealed_differently_each_time() {
        let id = SessionId::random().unwrap();
        assert_ne!(seal(&id, Part::Pending, b"same").unwrap(), seal(&id, Part::Pending, b"same").unwrap());
    }

    #[test]
    fn another_session_or_attribute_does_not_open_it() {
        let (id, other) = (SessionId::random().unwrap(), SessionId::random().unwrap());
        let sealed = seal(&id, Part::Pending, b"content").unwrap();
        assert_eq!(open(&other, Part::Pending, &sealed), Err(SealError::Tampered));
        assert_eq!(open(&id, Part::SignedIn, &sealed), Err(SealError::Tampered));
    }

    #[test]
    fn a_change_anywhere_is_noticed() {
        let id = SessionId::random().unwrap();
        let sealed = seal(&id, Part::Pending, b"content").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&id, Part::Pending, &changed), Err(SealError::Tampered), "byte {at}");
            assert_eq!(open(&id, Part::Pending, &sealed[..at]), Err(SealError::Tampered), "cut at {at}");
        }
    }
}
