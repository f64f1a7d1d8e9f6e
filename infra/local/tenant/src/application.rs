//! Applications (clients) and APIs (audiences).

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::opaque;
use crate::settings::seconds;

/// A grant of `/oauth/token`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Grant {
    /// `password`, with or without `realm`.
    #[serde(rename = "password")]
    Password,
    /// `http://auth0.com/oauth/grant-type/password-realm`.
    #[serde(rename = "password-realm", alias = "http://auth0.com/oauth/grant-type/password-realm")]
    PasswordRealm,
    /// `http://auth0.com/oauth/grant-type/mfa-otp`.
    #[serde(rename = "mfa-otp", alias = "http://auth0.com/oauth/grant-type/mfa-otp")]
    MfaOtp,
    /// `http://auth0.com/oauth/grant-type/mfa-oob`.
    #[serde(rename = "mfa-oob", alias = "http://auth0.com/oauth/grant-type/mfa-oob")]
    MfaOob,
    /// `http://auth0.com/oauth/grant-type/mfa-recovery-code`.
    #[serde(rename = "mfa-recovery-code", alias = "http://auth0.com/oauth/grant-type/mfa-recovery-code")]
    MfaRecoveryCode,
    /// `refresh_token`.
    #[serde(rename = "refresh_token")]
    RefreshToken,
}

impl Grant {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Password, Self::PasswordRealm, Self::MfaOtp, Self::MfaOob, Self::MfaRecoveryCode, Self::RefreshToken];

    /// The `grant_type` on the wire.
    pub fn urn(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordRealm => "http://auth0.com/oauth/grant-type/password-realm",
            Self::MfaOtp => "http://auth0.com/oauth/grant-type/mfa-otp",
            Self::MfaOob => "http://auth0.com/oauth/grant-type/mfa-oob",
            Self::MfaRecoveryCode => "http://auth0.com/oauth/grant-type/mfa-recovery-code",
            Self::RefreshToken => "refresh_token",
        }
    }

    pub(crate) fn from_urn(urn: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.urn() == urn)
    }
}

/// How an application proves at the token endpoint who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// With its secret, in the body (Auth0's "Post") or as `Authorization: Basic`.
    #[default]
    Secret,
    /// With its secret in the body only.
    Post,
    /// With its secret as `Authorization: Basic` only.
    Basic,
    /// Not at all (a public client). A secret that is sent is refused.
    None,
}

/// An application of the tenant: a client.
///
/// ```
/// use auth0_tenant::{Application, Grant};
///
/// let application = Application::new("my-client", "its-secret")
///     .trusts_forwarded_for(true)
///     .without_grant(Grant::MfaOob);
/// ```
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    #[serde(default)]
    pub(crate) authentication: ClientAuthentication,
    #[serde(default = "all_grants")]
    pub(crate) grants: Vec<Grant>,
    #[serde(default)]
    pub(crate) trusts_forwarded_for: bool,
    #[serde(default = "yes")]
    pub(crate) rotates_refresh_tokens: bool,
    /// How long a rotated refresh token is taken once more.
    #[serde(default, with = "seconds")]
    pub(crate) rotation_leeway: Duration,
    /// How long a family of refresh tokens lives.
    #[serde(default = "thirty_days", with = "seconds")]
    pub(crate) refresh_token_lifetime: Duration,
}

fn all_grants() -> Vec<Grant> {
    Grant::ALL.to_vec()
}

fn yes() -> bool {
    true
}

fn thirty_days() -> Duration {
    Duration::from_hours(30 * 24)
}

impl Application {
    /// A confidential application with every grant, rotating refresh tokens without leeway, that
    /// does not trust `auth0-forwarded-for`.
    pub fn new(client_id: &str, client_secret: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            authentication: ClientAuthentication::default(),
            grants: all_grants(),
            trusts_forwarded_for: false,
            rotates_refresh_tokens: true,
            rotation_leeway: Duration::ZERO,
            refresh_token_lifetime: thirty_days(),
        }
    }

    /// The same, with a random id and secret of the lengths that Auth0's have (32 and 64).
    pub fn generate() -> Self {
        Self::new(&opaque::alphanumeric(32), &opaque::alphanumeric(64))
    }

    /// How it proves who it is.
    #[must_use]
    pub fn authentication(mut self, authentication: ClientAuthentication) -> Self {
        self.authentication = authentication;
        self
    }

    /// Only these grants are enabled.
    #[must_use]
    pub fn grants(mut self, grants: impl IntoIterator<Item = Grant>) -> Self {
        self.grants = grants.into_iter().collect();
        self
    }

    /// This grant is not enabled.
    #[must_use]
    pub fn without_grant(mut self, grant: Grant) -> Self {
        self.grants.retain(|enabled| *enabled != grant);
        self
    }

    /// "Trust Token Endpoint IP Header" in its advanced settings: whether `auth0-forwarded-for`
    /// counts.
    #[must_use]
    pub fn trusts_forwarded_for(mut self, trusts: bool) -> Self {
        self.trusts_forwarded_for = trusts;
        self
    }

    /// Whether a refresh gives a new refresh token and uses up the old one.
    #[must_use]
    pub fn rotates_refresh_tokens(mut self, rotates: bool) -> Self {
        self.rotates_refresh_tokens = rotates;
        self
    }

    /// How long a refresh token that was rotated may still be used ("Rotation Overlap Period").
    #[must_use]
    pub fn rotation_leeway(mut self, leeway: Duration) -> Self {
        self.rotation_leeway = leeway;
        self
    }

    /// How long a family of refresh tokens lives, from the sign-in on: 30 days unless it is said.
    #[must_use]
    pub fn refresh_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.refresh_token_lifetime = lifetime;
        self
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("client_id", &self.client_id)
            .field("grants", &self.grants)
            .finish_non_exhaustive()
    }
}

/// An API of the tenant (a resource server): an audience and its scopes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    pub(crate) identifier: String,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    #[serde(default = "one_day", with = "seconds")]
    pub(crate) token_lifetime: Duration,
    #[serde(default = "yes")]
    pub(crate) offline_access: bool,
}

fn one_day() -> Duration {
    Duration::from_hours(24)
}

impl Api {
    /// An API whose tokens live a day, with offline access allowed.
    pub fn new(identifier: &str, scopes: &[&str]) -> Self {
        Self {
            identifier: identifier.to_owned(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            token_lifetime: one_day(),
            offline_access: true,
        }
    }

    /// How long its access tokens live.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// Whether `offline_access` gets a refresh token for it.
    #[must_use]
    pub fn offline_access(mut self, allowed: bool) -> Self {
        self.offline_access = allowed;
        self
    }
}
