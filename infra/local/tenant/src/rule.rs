//! What a post-login Action decides.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::application::Grant;
use crate::user::Factor;

/// What a login is, as a post-login Action sees one (`event`).
#[derive(Debug, Clone)]
pub struct Login {
    /// The user's e-mail address.
    pub email: String,
    /// The user's id.
    pub user_id: String,
    /// The application.
    pub client_id: String,
    /// `event.transaction.protocol`.
    pub protocol: Protocol,
    /// The grant that began it.
    pub grant: Grant,
    /// The scopes that the request named (`event.request.body.scope`); empty if it named none.
    pub requested_scopes: Vec<String>,
    /// The audience of the access token to come.
    pub audience: Option<String>,
    /// The IP address that the login is taken to come from.
    pub ip: IpAddr,
    /// The factors that were passed in this flow so far (`event.authentication.methods`). A rule is
    /// asked once more after each.
    pub methods: Vec<Factor>,
    /// The factors that the user has.
    pub enrolled: Vec<Factor>,
}

/// The protocol of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Protocol {
    /// A password.
    #[serde(rename = "oauth2-password")]
    Password,
    /// A refresh token.
    #[serde(rename = "oauth2-refresh-token")]
    RefreshToken,
}

/// What a rule decides of a login.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Verdict {
    /// Nothing: the tenant's policy, the user's and the step-up scopes decide.
    #[default]
    Continue,
    /// A second factor, whichever (`api.multifactor.enable('any')`).
    Mfa,
    /// One of these factors (`api.authentication.challengeWithAny`). After a factor was passed,
    /// this asks for one more unless one of these was it.
    MfaWith(Vec<Factor>),
    /// The enrollment of one of these factors, for a user who has none
    /// (`api.authentication.enrollWithAny`).
    EnrollWith(Vec<Factor>),
    /// No second factor, whatever the policy (`api.multifactor.enable('none')`).
    NoMfa,
    /// No login, with this text (`api.access.deny`): 403 `access_denied`.
    Deny(String),
    /// No login, with this text, as a failing Rule says it: 401 `unauthorized`.
    Unauthorized(String),
}

/// A rule: called while the tenant answers, so it must not call the tenant.
pub type Rule = Arc<dyn Fn(&Login) -> Verdict + Send + Sync>;
