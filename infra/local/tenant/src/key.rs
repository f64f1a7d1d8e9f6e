//! The tenant's signing key, and what is made from it: RS256 tokens and the JWKS.

use std::fmt;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

use crate::StartError;

/// The RSA key, 2048 bits, with which a tenant signs its tokens (RS256).
///
/// Making one takes a noticeable part of a second, so tenants of one process share
/// [`TenantKey::shared`] unless they are given their own. A clone is the same key.
#[derive(Clone)]
pub struct TenantKey(Arc<Inner>);

struct Inner {
    pair: RsaKeyPair,
    modulus: String,
    exponent: String,
    id: String,
}

impl TenantKey {
    /// A fresh key.
    pub fn generate() -> Result<Self, StartError> {
        let private = rsa::RsaPrivateKey::new(&mut OsRng, 2048).map_err(|_| StartError::SigningKey)?;
        let der = private.to_pkcs1_der().map_err(|_| StartError::SigningKey)?;
        let pair = RsaKeyPair::from_der(der.as_bytes()).map_err(|_| StartError::SigningKey)?;
        let modulus = URL_SAFE_NO_PAD.encode(private.n().to_bytes_be());
        let exponent = URL_SAFE_NO_PAD.encode(private.e().to_bytes_be());
        // RFC 7638: the thumbprint of a key is a name for it that nobody has to choose.
        let canonical = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        Ok(Self(Arc::new(Inner { pair, modulus, exponent, id })))
    }

    /// The key that all tenants of this process share, made when it is first asked for.
    pub fn shared() -> Result<Self, StartError> {
        static SHARED: OnceLock<TenantKey> = OnceLock::new();
        if let Some(key) = SHARED.get() {
            return Ok(key.clone());
        }
        let key = Self::generate()?;
        Ok(SHARED.get_or_init(|| key).clone())
    }

    /// The key's id, as in a token's `kid` and in the JWKS.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The public half as a JSON Web Key Set (RFC 7517), as `/.well-known/jwks.json` serves it.
    pub fn jwks(&self) -> Value {
        json!({"keys": [{
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.0.id,
            "n": self.0.modulus,
            "e": self.0.exponent,
        }]})
    }

    /// A signed JWT (RFC 7515, compact) with these claims, or nothing if the key fails to sign.
    pub(crate) fn sign(&self, claims: &Value) -> Option<String> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.0.id});
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
        let mut signature = vec![0; self.0.pair.public().modulus_len()];
        self.0.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature).ok()?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Some(token)
    }
}

impl fmt::Debug for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TenantKey").field(&self.0.id).finish()
    }
}
