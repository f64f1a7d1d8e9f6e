//! Every error the tenant answers, with its status and its words.
//!
//! Where the documentation is silent on a status, the choice is listed in the README; any of them
//! can be changed by a [`Rewording`].

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::fault::Reply;
use crate::settings::{BlockedAnswer, BudgetAnswer, PushRefusal, Rewording};

#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) error: Cow<'static, str>,
    pub(crate) description: Cow<'static, str>,
    /// Fields beside `error` and `error_description`.
    pub(crate) more: Map<String, Value>,
    pub(crate) headers: Vec<(String, String)>,
}

type Words = Cow<'static, str>;

impl Refusal {
    pub(crate) fn new(status: u16, error: impl Into<Words>, description: impl Into<Words>) -> Self {
        Self { status, error: error.into(), description: description.into(), more: Map::new(), headers: Vec::new() }
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn into_reply(mut self, rewordings: &[Rewording]) -> Reply {
        for rewording in rewordings {
            let meant = rewording.error == self.error
                && rewording.description.as_ref().is_none_or(|description| *description == self.description);
            if meant {
                self.status = rewording.status.unwrap_or(self.status);
                if let Some(error) = &rewording.to_error {
                    self.error = error.clone().into();
                }
                if let Some(description) = &rewording.to_description {
                    self.description = description.clone().into();
                }
                break;
            }
        }
        let mut body = self.more;
        body.insert("error".to_owned(), json!(self.error));
        body.insert("error_description".to_owned(), json!(self.description));
        let mut reply = Reply::json(self.status, &Value::Object(body));
        reply.headers.extend(self.headers);
        reply
    }

    // The request.

    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new(400, "invalid_request", format!("Missing required parameter: {parameter}"))
    }

    pub(crate) fn invalid_request(description: impl Into<Words>) -> Self {
        Self::new(400, "invalid_request", description)
    }

    pub(crate) fn unsupported_grant_type(grant_type: &str) -> Self {
        Self::new(400, "unsupported_grant_type", format!("Unsupported grant type: {grant_type}"))
    }

    pub(crate) fn scope_form() -> Self {
        Self::new(400, "invalid_scope", "Scope must be an array or a string")
    }

    pub(crate) fn server_error() -> Self {
        Self::new(500, "server_error", "Internal error.")
    }

    // The application.

    /// A wrong secret, an unknown client, a public client that sends a secret.
    pub(crate) fn client() -> Self {
        Self::new(401, "access_denied", "Unauthorized")
    }

    pub(crate) fn grant_not_allowed(urn: &str) -> Self {
        Self::new(403, "unauthorized_client", format!("Grant type '{urn}' not allowed for the client."))
            .with("error_uri", json!("https://auth0.com/docs/clients/client-grant-types"))
    }

    pub(crate) fn audience(audience: &str) -> Self {
        Self::new(403, "access_denied", format!("Service not enabled within domain: {audience}"))
    }

    pub(crate) fn no_default_directory() -> Self {
        Self::new(500, "server_error", "Authorization server not configured with default connection.")
    }

    // The user.

    pub(crate) fn credentials() -> Self {
        Self::new(403, "invalid_grant", "Wrong email or password.")
    }

    pub(crate) fn brute_force() -> Self {
        Self::new(
            429,
            "too_many_attempts",
            "Your account has been blocked after multiple consecutive login attempts. \
             We've sent you a notification via your preferred contact method with instructions on \
             how to unblock it.",
        )
    }

    pub(crate) fn rate_limit(headers: Vec<(String, String)>) -> Self {
        Self { headers, ..Self::new(429, "too_many_requests", "Rate limit exceeded.") }
    }

    pub(crate) fn password_leaked() -> Self {
        Self::new(
            401,
            "password_leaked",
            "This login attempt has been blocked because the password you're using was previously \
             disclosed through a data breach (not in this application).",
        )
    }

    pub(crate) fn requires_verification() -> Self {
        Self::new(401, "requires_verification", "Suspicious request requires verification")
    }

    pub(crate) fn blocked(shape: BlockedAnswer, refresh: bool) -> Self {
        let (status, error) = match (shape, refresh) {
            (BlockedAnswer::Unauthorized, _) | (BlockedAnswer::ByGrant, false) => (401, "unauthorized"),
            (BlockedAnswer::InvalidGrant, _) | (BlockedAnswer::ByGrant, true) => (403, "invalid_grant"),
            (BlockedAnswer::AccessDenied, _) => (403, "access_denied"),
        };
        Self::new(status, error, "user is blocked")
    }

    pub(crate) fn denied(message: String) -> Self {
        Self::new(403, "access_denied", message)
    }

    pub(crate) fn unauthorized(message: String) -> Self {
        Self::new(401, "unauthorized", message)
    }

    // Tokens.

    pub(crate) fn refresh_token() -> Self {
        Self::new(403, "invalid_grant", "Unknown or invalid refresh token.")
    }

    pub(crate) fn bearer_missing() -> Self {
        Self::new(401, "unauthorized", "Missing access token")
    }

    pub(crate) fn bearer_scope(scope: &str) -> Self {
        Self::new(403, "insufficient_scope", format!("Insufficient scope, expected: {scope}"))
    }

    // MFA.

    pub(crate) fn mfa_required(mfa_token: &str, requirements: Option<Value>) -> Self {
        let refusal =
            Self::new(403, "mfa_required", "Multifactor authentication required").with("mfa_token", json!(mfa_token));
        match requirements {
            Some(requirements) => refusal.with("mfa_requirements", requirements),
            None => refusal,
        }
    }

    pub(crate) fn mfa_token_expired() -> Self {
        Self::new(401, "expired_token", "mfa_token is expired")
    }

    pub(crate) fn mfa_token_malformed() -> Self {
        Self::new(403, "invalid_grant", "Malformed mfa_token")
    }

    pub(crate) fn mfa_token_of_another_client() -> Self {
        Self::invalid_request("mfa_token not issued to this client")
    }

    /// As `/mfa/authenticators` and `/mfa/associate` say it.
    pub(crate) fn mfa_token_invalid() -> Self {
        Self::new(401, "invalid_grant", "The mfa_token provided is invalid. Try getting a new token.")
    }

    pub(crate) fn unsupported_challenge_type(types: &str) -> Self {
        Self::new(
            401,
            "unsupported_challenge_type",
            format!(
                "User does not have any enrolled authenticator with the supported challenge type \
                 ({types})"
            ),
        )
    }

    pub(crate) fn association_required() -> Self {
        Self::new(401, "association_required", "User is not enrolled. An authenticator must be associated first.")
    }

    pub(crate) fn already_enrolled() -> Self {
        Self::new(403, "access_denied", "User is already enrolled.")
    }

    pub(crate) fn otp() -> Self {
        Self::new(403, "invalid_grant", "Invalid otp_code.")
    }

    pub(crate) fn binding_code() -> Self {
        Self::new(403, "invalid_grant", "Invalid binding_code.")
    }

    pub(crate) fn recovery_code() -> Self {
        Self::new(403, "invalid_grant", "MFA Authorization rejected.")
    }

    pub(crate) fn push(shape: PushRefusal) -> Self {
        let (status, error) = match shape {
            PushRefusal::AccessDenied => (400, "access_denied"),
            PushRefusal::InvalidGrant => (403, "invalid_grant"),
        };
        Self::new(status, error, "MFA Authorization rejected.")
    }

    pub(crate) fn authorization_pending() -> Self {
        Self::new(400, "authorization_pending", "Authorization pending: please repeat the request in a few seconds.")
    }

    pub(crate) fn slow_down() -> Self {
        Self::new(400, "slow_down", "You are polling faster than allowed. Try again in a few seconds.")
    }

    pub(crate) fn oob_code_malformed() -> Self {
        Self::new(403, "invalid_grant", "Malformed oob_code")
    }

    pub(crate) fn oob_code_expired() -> Self {
        Self::new(401, "expired_token", "oob_code is expired")
    }

    pub(crate) fn oob_code_of_another_token() -> Self {
        Self::invalid_request("The oob_code doesn't match the mfa_token")
    }

    pub(crate) fn too_many_codes(shape: BudgetAnswer) -> Self {
        let (status, error) = match shape {
            BudgetAnswer::InvalidRequest => (400, "invalid_request"),
            BudgetAnswer::TooManyAttempts => (429, "too_many_attempts"),
        };
        Self::new(status, error, "Too many failed codes. Wait for some minutes before retrying.")
    }

    /// `what`: "SMS", "emails", "push notifications". Only the first is Auth0's known wording.
    pub(crate) fn too_many_sent(what: &str) -> Self {
        Self::invalid_request(format!("Too many {what} sent by the user. Wait for some minutes before retrying."))
    }

    pub(crate) fn phone_number() -> Self {
        Self::invalid_request("The phone number is invalid.")
    }
}
