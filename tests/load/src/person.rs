//! The users who sign in: each with an authenticator app of their own, and each only once, since a code is good once.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use totp_rs::{Secret, Totp};

/// The same for all: what is tested is not passwords.
pub(crate) const PASSWORD: &str = "a-password-for-load";

/// The length of a TOTP step in seconds.
const STEP: u64 = 30;

/// A user of the tenant.
#[derive(Clone)]
pub(crate) struct Person {
    number: u64,
    pub(crate) email: String,
    /// The `sub` of the user's tokens.
    id: String,
    secret: Secret,
}

impl Person {
    /// The user of this number, the same at every call.
    pub(crate) fn new(number: u64) -> Self {
        Self {
            number,
            email: format!("load-{number}@example.com"),
            id: format!("auth0|{number:024x}"),
            secret: Secret::new(format!("{number:020}").into_bytes().into_boxed_slice()),
        }
    }

    /// As the tenant's control API takes a user.
    pub(crate) fn for_tenant(&self) -> Value {
        json!({
            "email": self.email,
            "password": PASSWORD,
            "id": self.id,
            "factors": [{"type": "otp", "secret": self.secret.to_base32()}],
        })
    }

    /// Whether this one types a wrong code first.
    pub(crate) fn errs(&self) -> bool {
        self.number.is_multiple_of(10)
    }

    /// The code of this moment.
    pub(crate) fn code(&self) -> String {
        code(&self.totp(), now())
    }

    /// A code that is not right now, just before or soon.
    pub(crate) fn wrong_code(&self) -> String {
        let (totp, now) = (self.totp(), now());
        let right = [now.saturating_sub(STEP), now, now + STEP].map(|seconds| code(&totp, seconds));
        // There are three right ones, so one of these is wrong.
        let candidates = ["000000", "111111", "222222", "333333"];
        candidates.into_iter().find(|candidate| !right.iter().any(|code| code == candidate)).unwrap_or_default().into()
    }

    fn totp(&self) -> Totp {
        totp_rs::Builder::new().with_secret(self.secret.clone()).build_noncompliant()
    }

    /// Whether the tokens of an answer are this user's: both name the `sub`, and the id token the e-mail address.
    pub(crate) fn owns(&self, tokens: &Value) -> bool {
        let claims = |name: &str| tokens.get(name).and_then(Value::as_str).and_then(payload).unwrap_or_default();
        let (id_token, access_token) = (claims("id_token"), claims("access_token"));
        let is = |claims: &Value, name: &str, value: &str| claims.get(name).and_then(Value::as_str) == Some(value);
        is(&id_token, "sub", &self.id) && is(&id_token, "email", &self.email) && is(&access_token, "sub", &self.id)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn code(totp: &Totp, seconds: u64) -> String {
    totp.generate(seconds).to_string()
}

/// The claims of a JWT; whose they are is asked, not whether the tenant signed them.
fn payload(token: &str) -> Option<Value> {
    let part = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &Value) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn a_payload_is_the_middle_of_a_token() {
        assert_eq!(payload(&token(&json!({"sub": "auth0|1"}))), Some(json!({"sub": "auth0|1"})));
        for wrong in ["", "e30", "e30.%%.c2ln", "e30.c2ln.c2ln"] {
            assert_eq!(payload(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn tokens_are_a_users_own_only_if_both_say_so() {
        let (ada, bob) = (Person::new(1), Person::new(2));
        let tokens = |id: &Person, email: &Person, access: &Person| {
            json!({
                "id_token": token(&json!({"sub": id.id, "email": email.email})),
                "access_token": token(&json!({"sub": access.id})),
            })
        };
        assert!(ada.owns(&tokens(&ada, &ada, &ada)));
        assert!(!ada.owns(&tokens(&bob, &ada, &ada)));
        assert!(!ada.owns(&tokens(&ada, &bob, &ada)));
        assert!(!ada.owns(&tokens(&ada, &ada, &bob)));
        assert!(!ada.owns(&json!({"success": true})));
    }

    #[test]
    fn users_differ_in_their_codes_and_a_wrong_code_is_none_of_them() {
        let (ada, bob) = (Person::new(1), Person::new(2));
        let codes = |person: &Person| (0..5).map(|step| code(&person.totp(), step * STEP)).collect::<Vec<_>>();
        assert_ne!(codes(&ada), codes(&bob));
        assert_eq!(codes(&ada), codes(&Person::new(1)), "the same at every call");
        assert_ne!(ada.wrong_code(), ada.code());
        assert_eq!(ada.wrong_code().len(), 6);
    }
}
