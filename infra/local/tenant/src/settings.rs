//! The tenant's switches.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limit::RateLimit;
use crate::user::Factor;

/// When the tenant asks for a second factor, if no rule and no user says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Never.
    Never,
    /// At every login, and at every refresh too (which is why Auth0's documentation advises against
    /// it for applications that refresh).
    #[default]
    Always,
    /// At every login with a password, and not at a refresh: "Always" with the Action that Auth0's
    /// documentation gives for it ("Bypass MFA for refresh token requests"). A step-up scope asks
    /// for a factor all the same.
    AlwaysExceptRefresh,
}

/// What a spent `mfa_token` is answered with; Auth0's documentation does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpentMfaToken {
    /// `expired_token`, "`mfa_token` is expired".
    #[default]
    Expired,
    /// `invalid_grant`, "Malformed `mfa_token`".
    Malformed,
    /// It goes on working until it expires.
    StillGood,
}

/// What `/mfa/challenge` answers a user who has no factor; the documentation names both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoFactor {
    /// 401 `unsupported_challenge_type`, as a live tenant was seen to answer.
    #[default]
    UnsupportedChallengeType,
    /// 401 `association_required`.
    AssociationRequired,
}

/// How a user's exhausted code budget is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetAnswer {
    /// 400 `invalid_request`, "Too many failed codes. Wait for some minutes before retrying."
    #[default]
    InvalidRequest,
    /// 429 `too_many_attempts`, the same words.
    TooManyAttempts,
}

/// How a user whom an administrator has blocked is answered. All three have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockedAnswer {
    /// What was seen of each grant: `unauthorized` of a password, `invalid_grant` of a refresh.
    #[default]
    ByGrant,
    /// 401 `unauthorized`, "user is blocked".
    Unauthorized,
    /// 403 `invalid_grant`, "user is blocked".
    InvalidGrant,
    /// 403 `access_denied`, "user is blocked".
    AccessDenied,
}

/// How a push that was refused on the phone is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushRefusal {
    /// 400 `access_denied`, "MFA Authorization rejected.", as the live service was recorded.
    #[default]
    AccessDenied,
    /// 403 `invalid_grant`, the same words, as the documentation says.
    InvalidGrant,
}

/// What becomes of a rotating refresh token whose grant is answered with `mfa_required`; Auth0's
/// documentation does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepUpRefresh {
    /// It stays good until the MFA grant succeeds, which gives the next one.
    #[default]
    RotatedAtSuccess,
    /// It stays good, and the MFA grant gives no refresh token.
    Kept,
    /// `mfa_required` uses it up; the next one comes with the MFA grant, or never.
    ConsumedAtOnce,
}

/// What an unknown or inactive `authenticator_id` is answered with; only names are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownAuthenticator {
    /// 404 `invalid_authenticator`.
    #[default]
    InvalidAuthenticator,
    /// 400 `invalid_authenticator_id`.
    InvalidAuthenticatorId,
}

/// Changes one of the tenant's refusals on its way out.
///
/// The documentation leaves the status of many refusals open, and sometimes the words. Whoever
/// wants to know how a client takes the other reading says so here:
///
/// ```
/// # use auth0_tenant::{Rewording, Settings};
/// let settings = Settings {
///     rewordings: vec![Rewording::of("expired_token").status(403)],
///     ..Settings::default()
/// };
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rewording {
    /// The `error` to change.
    pub error: String,
    /// If given, only where the `error_description` is exactly this.
    pub description: Option<String>,
    /// The status to answer instead.
    pub status: Option<u16>,
    /// The `error` to answer instead.
    pub to_error: Option<String>,
    /// The `error_description` to answer instead.
    pub to_description: Option<String>,
}

impl Rewording {
    /// A rewording of every refusal with this `error`; it changes nothing yet.
    pub fn of(error: &str) -> Self {
        Self { error: error.to_owned(), ..Self::default() }
    }

    /// Only where the `error_description` is exactly this.
    #[must_use]
    pub fn saying(mut self, description: &str) -> Self {
        self.description = Some(description.to_owned());
        self
    }

    /// The status to answer instead.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The `error` to answer instead.
    #[must_use]
    pub fn to_error(mut self, error: &str) -> Self {
        self.to_error = Some(error.to_owned());
        self
    }

    /// The `error_description` to answer instead.
    #[must_use]
    pub fn to_description(mut self, description: &str) -> Self {
        self.to_description = Some(description.to_owned());
        self
    }
}

/// Everything about the tenant that is a choice: what an administrator of a real one sets, and what
/// Auth0's documentation leaves open.
///
/// In JSON (`PATCH /_tenant/settings`, the binary's `--config`) durations are whole seconds and
/// enums are `snake_case`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, independent of the others")]
pub struct Settings {
    /// The tenant's friendly name: the issuer that an authenticator app shows.
    pub tenant_name: String,
    /// When a second factor is asked for.
    pub policy: Policy,
    /// The factors that users may enroll.
    pub factors: Vec<Factor>,
    /// Whether a first enrollment hands out recovery codes.
    pub recovery_codes: bool,
    /// Whether every verified e-mail address is a factor, enrolled or not, as the documentation has
    /// it of tenants with the e-mail factor on.
    pub verified_email_is_factor: bool,
    /// Customizable MFA (Early Access): `mfa_required` says `mfa_requirements`, and a listed
    /// authenticator says its `type`.
    pub customizable_mfa: bool,
    /// The database connections that there are.
    pub connections: Vec<String>,
    /// Those of them that are disabled.
    pub disabled_connections: Vec<String>,
    /// The tenant's Default Directory: what a `password` grant without `realm` needs.
    pub default_directory: Option<String>,
    /// The tenant's Default Audience.
    pub default_audience: Option<String>,
    /// Scopes that a token only holds after a second factor in the very same flow. Whoever asks for
    /// one, by password or by refresh, gets `mfa_required`. This is what a post-login Action does
    /// for step-up.
    pub step_up_scopes: Vec<String>,
    /// What becomes of the refresh token in a step-up.
    pub step_up_refresh: StepUpRefresh,
    /// Whether a refresh that names no scope, after a step-up, gets the elevated scope again.
    pub step_up_scope_stays: bool,
    /// How long an `mfa_token` lives: 10 minutes by the documentation of the MFA API, 5 by support
    /// articles.
    #[serde(with = "seconds")]
    pub mfa_token_lifetime: Duration,
    /// How long a code that was sent, and a push, can be answered: 5 minutes.
    #[serde(with = "seconds")]
    pub code_lifetime: Duration,
    /// How long an `id_token` lives: 10 hours.
    #[serde(with = "seconds")]
    pub id_token_lifetime: Duration,
    /// Whether success spends the `mfa_token`, and how that is said.
    pub spent_mfa_token: SpentMfaToken,
    /// What a user without a factor is answered at `/mfa/challenge`.
    pub no_factor: NoFactor,
    /// What an unknown `authenticator_id` is answered with.
    pub unknown_authenticator: UnknownAuthenticator,
    /// How an exhausted code budget is answered.
    pub budget_answer: BudgetAnswer,
    /// How a blocked user is answered.
    pub blocked_answer: BlockedAnswer,
    /// How a refused push is answered.
    pub push_refusal: PushRefusal,
    /// Whether the password call asks for a captcha, which it cannot be given: 401
    /// `requires_verification` for everybody.
    pub bot_detection: bool,
    /// Wrong passwords of one user from one IP until the pair is blocked. `None`: never.
    pub brute_force_threshold: Option<u32>,
    /// Whether one user's logins from one IP are limited to 20 and then 10 a minute. Off by
    /// default: load tests use one user.
    pub login_rate: bool,
    /// A limit on all requests, off by default.
    pub rate_limit: Option<RateLimit>,
    /// Refusals to answer differently.
    pub rewordings: Vec<Rewording>,
}

/// The connection that Auth0 makes for every tenant.
pub(crate) const DEFAULT_CONNECTION: &str = "Username-Password-Authentication";

impl Default for Settings {
    fn default() -> Self {
        Self {
            tenant_name: "Simulated tenant".to_owned(),
            policy: Policy::default(),
            factors: vec![Factor::Otp, Factor::Sms, Factor::Voice, Factor::Email, Factor::Push],
            recovery_codes: true,
            verified_email_is_factor: false,
            customizable_mfa: false,
            connections: vec![DEFAULT_CONNECTION.to_owned()],
            disabled_connections: Vec::new(),
            default_directory: None,
            default_audience: None,
            step_up_scopes: Vec::new(),
            step_up_refresh: StepUpRefresh::default(),
            step_up_scope_stays: false,
            mfa_token_lifetime: Duration::from_mins(10),
            code_lifetime: Duration::from_mins(5),
            id_token_lifetime: Duration::from_hours(10),
            spent_mfa_token: SpentMfaToken::default(),
            no_factor: NoFactor::default(),
            unknown_authenticator: UnknownAuthenticator::default(),
            budget_answer: BudgetAnswer::default(),
            blocked_answer: BlockedAnswer::default(),
            push_refusal: PushRefusal::default(),
            bot_detection: false,
            brute_force_threshold: Some(10),
            login_rate: false,
            rate_limit: None,
            rewordings: Vec::new(),
        }
    }
}

/// A duration as whole seconds.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_secs())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}
