//! What the page is told, and how: one envelope for every answer, one table of errors.
//!
//! The layers below have errors of their own and know no status codes; they become an [`Error`] of this
//! table once, here and in the two functions. An [`Error`] has what the page may read; what only the log
//! may is its `detail`.

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL,
    CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;

use crate::auth0::{Authenticator, Challenged, Enrolled, Failure, Refusal, Tokens};
use crate::config::CookieConfig;
use crate::cookie::{self, Change};
use crate::opaque::Private;
use crate::origin::Caller;
use crate::request::Malformed;
use crate::secret::SecretError;
use crate::session::{Challenge, ClaimError, OutcomeError, Pending, SealError, StoreError};

/// Every error that a page can meet. The names in the answer are the README's and the OpenAPI document's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    InvalidRequest(String),
    UnsupportedChallengeType,
    InvalidScope,
    InvalidCredentials,
    SessionExpired,
    InvalidCode {
        attempts_left: u32,
    },
    LoginRequired,
    AccountBlocked,
    PasswordLeaked,
    /// With an Action's own message, where there is one.
    AccessDenied(Option<String>),
    VerificationRequired,
    ChallengeRejected,
    MfaNotEnforced,
    OriginNotAllowed,
    MethodNotAllowed {
        allow: &'static str,
    },
    AlreadyEnrolled,
    InProgress,
    PayloadTooLarge,
    UnsupportedMediaType,
    TooManyAttempts {
        retry_after: Option<Duration>,
    },
    TooManyRequests {
        retry_after: Duration,
    },
    Internal {
        detail: String,
    },
    ServerMisconfigured {
        detail: String,
    },
    Upstream {
        detail: String,
    },
    UpstreamTimeout {
        detail: String,
    },
    StoreUnavailable {
        detail: String,
    },
}

/// What a rate limit without a `Retry-After` is answered with.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(10);

impl Error {
    /// Status and `error`.
    pub(crate) const fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidRequest(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::UnsupportedChallengeType => (StatusCode::BAD_REQUEST, "unsupported_challenge_type"),
            Self::InvalidScope => (StatusCode::BAD_REQUEST, "invalid_scope"),
            Self::InvalidCredentials => (StatusCode::UNAUTHORIZED, "invalid_credentials"),
            Self::SessionExpired => (StatusCode::UNAUTHORIZED, "session_expired"),
            Self::InvalidCode { .. } => (StatusCode::UNAUTHORIZED, "invalid_code"),
            Self::LoginRequired => (StatusCode::UNAUTHORIZED, "login_required"),
            Self::AccountBlocked => (StatusCode::FORBIDDEN, "account_blocked"),
            Self::PasswordLeaked => (StatusCode::FORBIDDEN, "password_leaked"),
            Self::AccessDenied(_) => (StatusCode::FORBIDDEN, "access_denied"),
            Self::VerificationRequired => (StatusCode::FORBIDDEN, "verification_required"),
            Self::ChallengeRejected => (StatusCode::FORBIDDEN, "challenge_rejected"),
            Self::MfaNotEnforced => (StatusCode::FORBIDDEN, "mfa_not_enforced"),
            Self::OriginNotAllowed => (StatusCode::FORBIDDEN, "origin_not_allowed"),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::AlreadyEnrolled => (StatusCode::CONFLICT, "already_enrolled"),
            Self::InProgress => (StatusCode::CONFLICT, "in_progress"),
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::TooManyAttempts { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"),
            Self::TooManyRequests { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
            Self::Internal { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
            Self::ServerMisconfigured { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "server_misconfigured"),
            Self::Upstream { .. } => (StatusCode::BAD_GATEWAY, "upstream_error"),
            Self::UpstreamTimeout { .. } => (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout"),
            Self::StoreUnavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
        }
    }

    /// One sentence for a person.
    fn description(&self) -> &str {
        match self {
            Self::InvalidRequest(what) => what,
            Self::UnsupportedChallengeType => "This account has no such second factor; choose another.",
            Self::InvalidScope => "This scope cannot be had by step-up.",
            Self::InvalidCredentials => "Wrong email or password.",
            Self::SessionExpired => "The session is over; please sign in again.",
            Self::InvalidCode { .. } => "That code is not right; please try the current one.",
            Self::LoginRequired => "Please sign in first.",
            Self::AccountBlocked => "This account is blocked; please contact support.",
            Self::PasswordLeaked => {
                "This password was found in a data breach elsewhere; please reset it before signing in."
            }
            Self::AccessDenied(Some(message)) => message,
            Self::AccessDenied(None) => "Access was denied.",
            Self::VerificationRequired => "This sign-in needs a check that only the hosted login page can make.",
            Self::ChallengeRejected => "The request was refused on the phone.",
            Self::MfaNotEnforced => "Sign-in without a second factor is not accepted here.",
            Self::OriginNotAllowed => "Requests from this site are not accepted.",
            Self::MethodNotAllowed { .. } => "This method is not supported here.",
            Self::AlreadyEnrolled => "This account has a second factor already; ask for a challenge instead.",
            Self::InProgress => "Another request of this session is still under way; please wait a moment.",
            Self::PayloadTooLarge => "The body is larger than 8 KiB.",
            Self::UnsupportedMediaType => "The content type must be application/json.",
            Self::TooManyAttempts { .. } => "Too many attempts; please wait, or sign in again.",
            Self::TooManyRequests { .. } => "Too many requests; please wait a moment.",
            Self::Internal { .. } => "Something went wrong on our side.",
            Self::ServerMisconfigured { .. } => "The server is not set up correctly; its operator has to mend it.",
            Self::Upstream { .. } => "The identity provider gave no usable answer; please try again.",
            Self::UpstreamTimeout { .. } => "The identity provider did not answer in time; please try again.",
            Self::StoreUnavailable { .. } => "The session store cannot be reached; please try again.",
        }
    }

    /// What the log says besides. Never anything of a person's, never a secret.
    pub(crate) fn detail(&self) -> Option<&str> {
        match self {
            Self::Internal { detail }
            | Self::ServerMisconfigured { detail }
            | Self::Upstream { detail }
            | Self::UpstreamTimeout { detail }
            | Self::StoreUnavailable { detail } => Some(detail),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::InProgress => Some(Duration::from_secs(1)),
            Self::TooManyAttempts { retry_after } => *retry_after,
            Self::TooManyRequests { retry_after } => Some(*retry_after),
            _ => None,
        }
    }
}

impl From<Malformed> for Error {
    fn from(Malformed(what): Malformed) -> Self {
        Self::InvalidRequest(what)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            // A row that does not open is no session; the functions take care of it before it gets here.
            StoreError::Seal(SealError::Tampered) => Self::SessionExpired,
            StoreError::Seal(SealError::Random) => Self::Internal { detail },
            StoreError::DynamoDb { .. } | StoreError::Malformed(_) => Self::StoreUnavailable { detail },
        }
    }
}

impl From<SealError> for Error {
    fn from(error: SealError) -> Self {
        StoreError::from(error).into()
    }
}

impl From<ClaimError> for Error {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Gone { .. } => Self::SessionExpired,
            ClaimError::Busy => Self::InProgress,
            ClaimError::Store(error) => error.into(),
        }
    }
}

impl From<OutcomeError> for Error {
    fn from(error: OutcomeError) -> Self {
        match error {
            OutcomeError::Lost(_) => Self::SessionExpired,
            OutcomeError::Store(error) => error.into(),
        }
    }
}

impl From<SecretError> for Error {
    fn from(error: SecretError) -> Self {
        let detail = error.to_string();
        match error {
            SecretError::Unavailable(_) => Self::StoreUnavailable { detail },
            SecretError::Malformed(_) => Self::ServerMisconfigured { detail },
        }
    }
}

/// What a failed call to Auth0 means where nothing more is known than that it failed. Refusals that only
/// the caller can judge (a wrong code, a missing factor) are judged there, before this.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let detail = failure.to_string();
        match failure {
            Failure::Timeout(_) => Self::UpstreamTimeout { detail },
            Failure::Unreachable(..) | Failure::Nonsense(..) => Self::Upstream { detail },
            Failure::Secret(error) => error.into(),
            Failure::Refused { refusal, .. } => match refusal {
                Refusal::WrongCredentials => Self::InvalidCredentials,
                Refusal::MfaTokenGone | Refusal::OobCodeGone => Self::SessionExpired,
                Refusal::NoSuchFactor => Self::UnsupportedChallengeType,
                Refusal::UnknownAuthenticator => {
                    Self::InvalidRequest("`authenticator_id` is not one of this user's".into())
                }
                Refusal::AlreadyEnrolled => Self::AlreadyEnrolled,
                Refusal::BadPhoneNumber => {
                    Self::InvalidRequest("`phone_number` is not accepted by the identity provider".into())
                }
                Refusal::TooManyLogins => Self::TooManyAttempts { retry_after: None },
                Refusal::TooManyCodes { retry_after } => Self::TooManyAttempts { retry_after },
                Refusal::RateLimited { retry_after } => {
                    Self::TooManyRequests { retry_after: retry_after.unwrap_or(DEFAULT_RETRY_AFTER) }
                }
                Refusal::Blocked => Self::AccountBlocked,
                Refusal::PasswordLeaked => Self::PasswordLeaked,
                Refusal::VerificationRequired => Self::VerificationRequired,
                Refusal::Denied(message) => Self::AccessDenied(Some(message.text().to_owned())),
                Refusal::RefreshTokenGone => Self::LoginRequired,
                Refusal::WrongClient => Self::ServerMisconfigured {
                    detail: format!(
                        "{detail}: put the application's current Client Secret into the secret of \
                         AUTH0_CLIENT_SECRET_ID, check AUTH0_CLIENT_ID, and that Credentials > Authentication \
                         Method is Client Secret (Post)"
                    ),
                },
                Refusal::Misconfigured(fix) => Self::ServerMisconfigured { detail: format!("{detail}: {fix}") },
                Refusal::WrongCode | Refusal::Rejected | Refusal::Pending | Refusal::SlowDown | Refusal::Unknown => {
                    Self::Upstream { detail }
                }
            },
        }
    }
}

/// An error and what becomes of the cookie with it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: Error,
    pub(crate) cookie: Change,
}

impl Refused {
    /// The session is over: its cookie goes.
    pub(crate) fn ended(error: impl Into<Error>) -> Self {
        Self { error: error.into(), cookie: Change::Clear }
    }
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self { error: error.into(), cookie: Change::Keep }
    }
}

/// A good answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) content: Content,
    pub(crate) cookie: Change,
}

impl Answer {
    /// An answer that leaves the cookie as it is.
    pub(crate) fn keeping(content: Content) -> Self {
        Self { content, cookie: Change::Keep }
    }
}

/// What a good answer says.
#[derive(Debug)]
pub(crate) enum Content {
    /// A code is awaited.
    Challenge { challenge: ChallengeView, expires_in: u64 },
    /// The user has no factor and must enroll one.
    EnrollmentRequired { factors: Option<Vec<&'static str>>, expires_in: u64 },
    /// A factor is enrolled, its first code awaited.
    Enrollment { kind: &'static str, enrolled: Enrolled, expires_in: u64 },
    /// The user's factors.
    Authenticators(Vec<Authenticator>),
    /// Tokens after MFA.
    Tokens(Tokens),
    /// Tokens of a request that was not asked for MFA.
    TokensWithoutMfa(Tokens),
    /// The push is not answered yet; ask again in so many seconds.
    PushPending { retry_after: u64 },
    /// Where the session stands.
    Standing(Standing),
    /// Nothing to say: 204.
    Nothing,
}

impl Content {
    /// How the metrics count it.
    pub(crate) const fn outcome(&self) -> &'static str {
        match self {
            Self::Challenge { .. } | Self::EnrollmentRequired { .. } | Self::Enrollment { .. } => "challenge",
            Self::PushPending { .. } => "pending",
            Self::Authenticators(_)
            | Self::Tokens(_)
            | Self::TokensWithoutMfa(_)
            | Self::Standing(_)
            | Self::Nothing => "ok",
        }
    }
}

/// `GET`'s answer.
#[derive(Debug)]
pub(crate) enum Standing {
    None,
    SignedIn { expires_in: u64 },
    Pending { pending: Pending, attempts_left: u32, expires_in: u64 },
}

/// What the page may know of an open challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ChallengeView {
    challenge_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding_method: Option<&'static str>,
}

impl ChallengeView {
    const OTP: Self = Self { challenge_type: "otp", binding_method: None };
    const CODE: Self = Self { challenge_type: "oob", binding_method: Some("prompt") };
    const PUSH: Self = Self { challenge_type: "oob", binding_method: None };
}

impl From<&Challenge> for ChallengeView {
    fn from(challenge: &Challenge) -> Self {
        match challenge {
            Challenge::Otp => Self::OTP,
            Challenge::Code { .. } => Self::CODE,
            Challenge::Push { .. } => Self::PUSH,
        }
    }
}

impl From<&Challenged> for ChallengeView {
    fn from(challenged: &Challenged) -> Self {
        match challenged {
            Challenged::Otp => Self::OTP,
            Challenged::Code(_) => Self::CODE,
            Challenged::Push(_) => Self::PUSH,
        }
    }
}

/// Every member that an answer can have, in the order in which they are written.
#[derive(Default, Serialize)]
struct Members<'a> {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_left: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrollment_required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    factors: Option<&'a [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<ChallengeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrollment: Option<EnrollmentMembers<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authenticators: Option<Vec<AuthenticatorMembers<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_code: Option<&'a str>,
}

#[derive(Serialize)]
struct EnrollmentMembers<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    barcode_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovery_codes: Vec<&'a str>,
}

#[derive(Serialize)]
struct AuthenticatorMembers<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

impl Content {
    fn status(&self) -> StatusCode {
        match self {
            Self::PushPending { .. } => StatusCode::ACCEPTED,
            Self::Nothing => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        }
    }

    fn members(&self) -> Members<'_> {
        let members = Members { success: true, ..Members::default() };
        let awaiting = |expires_in: u64| Members {
            success: true,
            mfa_required: Some(true),
            expires_in: Some(expires_in),
            ..Members::default()
        };
        match self {
            Self::Challenge { challenge, expires_in } => {
                Members { challenge: Some(*challenge), ..awaiting(*expires_in) }
            }
            Self::EnrollmentRequired { factors, expires_in } => {
                Members { enrollment_required: Some(true), factors: factors.as_deref(), ..awaiting(*expires_in) }
            }
            Self::Enrollment { kind, enrolled, expires_in } => {
                let enrollment = EnrollmentMembers {
                    kind,
                    barcode_uri: enrolled.barcode_uri.as_ref().map(Private::expose),
                    secret: enrolled.secret.as_ref().map(Private::expose),
                    recovery_codes: enrolled.recovery_codes.iter().map(Private::expose).collect(),
                };
                Members { enrollment: Some(enrollment), ..awaiting(*expires_in) }
            }
            Self::Authenticators(authenticators) => {
                let list = authenticators.iter().map(|authenticator| AuthenticatorMembers {
                    id: &authenticator.id,
                    kind: authenticator.kind,
                    name: authenticator.name.as_deref(),
                });
                Members { authenticators: Some(list.collect()), ..members }
            }
            Self::Tokens(tokens) => token_members(tokens),
            Self::TokensWithoutMfa(tokens) => Members { mfa_required: Some(false), ..token_members(tokens) },
            Self::PushPending { retry_after } => {
                Members { pending: Some(true), retry_after: Some(*retry_after), ..members }
            }
            Self::Standing(Standing::None) => Members { state: Some("none"), ..members },
            Self::Standing(Standing::SignedIn { expires_in }) => {
                Members { state: Some("signed_in"), expires_in: Some(*expires_in), ..members }
            }
            Self::Standing(Standing::Pending { pending, attempts_left, expires_in }) => Members {
                state: Some("pending"),
                purpose: Some(pending.purpose.name()),
                challenge: pending.challenge.as_ref().map(ChallengeView::from),
                enrollment_required: pending.enrollment_required.then_some(true),
                attempts_left: Some(*attempts_left),
                expires_in: Some(*expires_in),
                ..members
            },
            Self::Nothing => members,
        }
    }
}

/// The refresh token is not among them: it stays in the session.
fn token_members(tokens: &Tokens) -> Members<'_> {
    Members {
        success: true,
        access_token: Some(tokens.access_token.expose()),
        id_token: tokens.id_token.as_ref().map(crate::opaque::Token::expose),
        token_type: Some(&tokens.token_type),
        expires_in: Some(tokens.expires_in),
        scope: tokens.scope.as_deref(),
        recovery_code: tokens.recovery_code.as_ref().map(Private::expose),
        ..Members::default()
    }
}

/// Writes an answer down: status, headers, cookie, body.
pub(crate) fn respond(
    result: &Result<Answer, Refused>,
    request_id: &str,
    cookie: CookieConfig,
    caller: &Caller,
) -> Response<Body> {
    let mut headers = HeaderMap::new();
    let (status, members, change) = match result {
        Ok(answer) => (answer.content.status(), answer.content.members(), &answer.cookie),
        Err(Refused { error, cookie }) => {
            let (status, code) = error.code();
            let members = Members {
                success: false,
                error: Some(code),
                error_description: Some(error.description()),
                attempts_left: match error {
                    Error::InvalidCode { attempts_left } => Some(*attempts_left),
                    _ => None,
                },
                request_id: Some(request_id).filter(|id| !id.is_empty()),
                ..Members::default()
            };
            if let Some(retry_after) = error.retry_after() {
                headers.insert(RETRY_AFTER, retry_after.as_secs().into());
            }
            if let Error::MethodNotAllowed { allow } = error {
                headers.insert(ALLOW, HeaderValue::from_static(allow));
            }
            (status, members, cookie)
        }
    };
    if let Ok(Answer { content: Content::PushPending { retry_after }, .. }) = result {
        headers.insert(RETRY_AFTER, (*retry_after).into());
    }
    if let Some(set) = cookie::write(cookie, change).and_then(|set| HeaderValue::try_from(set).ok()) {
        headers.insert(SET_COOKIE, set);
    }
    let body = if status == StatusCode::NO_CONTENT {
        Body::Empty
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Strings and numbers: this cannot fail, and if it did the page would have an empty answer.
        Body::Text(serde_json::to_string(&members).unwrap_or_default())
    };
    finish(status, headers, body, caller)
}

/// The answer to a preflight (Fetch standard, "CORS-preflight request").
pub(crate) fn preflight(allow: &'static str, caller: &Caller) -> Response<Body> {
    let mut headers = HeaderMap::new();
    headers.insert(ALLOW, HeaderValue::from_static(allow));
    if let Caller::Allowed(_) = caller {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(allow));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    finish(StatusCode::NO_CONTENT, headers, Body::Empty, caller)
}

/// The headers that every answer has.
fn finish(status: StatusCode, mut headers: HeaderMap, body: Body, caller: &Caller) -> Response<Body> {
    let fixed: [(HeaderName, &str); 3] =
        [(CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (VARY, "Origin")];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if let Caller::Allowed(origin) = caller {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if headers.contains_key(RETRY_AFTER) {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
        }
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SameSite;
    use crate::opaque::{RefreshToken, Token};
    use crate::session::{Purpose, SessionId};

    const COOKIE: CookieConfig = CookieConfig { same_site: SameSite::Strict, insecure: false };

    fn response(result: &Result<Answer, Refused>) -> Response<Body> {
        respond(result, "req-1", COOKIE, &Caller::Unstated)
    }

    fn text(response: &Response<Body>) -> &str {
        match response.body() {
            Body::Text(text) => text,
            Body::Empty => "",
            other => panic!("{other:?}"),
        }
    }

    fn answer(content: Content) -> (u16, String) {
        let response = response(&Ok(Answer::keeping(content)));
        (response.status().as_u16(), text(&response).to_owned())
    }

    fn private(text: &str) -> Private {
        text.to_owned().into()
    }

    fn tokens() -> Tokens {
        Tokens {
            access_token: Token::from("at".to_owned()),
            id_token: Some(Token::from("it".to_owned())),
            sub: Some("auth0|1".into()),
            token_type: "Bearer".into(),
            expires_in: 86_400,
            scope: Some("openid".into()),
            refresh_token: Some(RefreshToken::from("rt-never-shown".to_owned())),
            recovery_code: None,
        }
    }

    #[test]
    fn each_answer_has_the_members_of_the_contract_and_no_other() {
        let pending = Pending {
            mfa_token: "mt-never-shown".to_owned().into(),
            purpose: Purpose::SignIn,
            challenge: Some(Challenge::Code { oob_code: "oc-never-shown".to_owned().into() }),
            enrollment_required: false,
            ends_at: 7,
        };
        let enrolled = Enrolled {
            challenge: Challenged::Otp,
            barcode_uri: Some(private("otpauth://totp/x")),
            secret: Some(private("BASE32")),
            recovery_codes: vec![private("RC")],
        };
        let authenticator =
            |name: Option<&str>| Authenticator { id: "sms|dev_1".into(), kind: "sms", name: name.map(str::to_owned) };
        for (content, status, expected) in [
            (
                Content::Challenge { challenge: ChallengeView::OTP, expires_in: 300 },
                200,
                r#"{"success":true,"mfa_required":true,"challenge":{"challenge_type":"otp"},"expires_in":300}"#,
            ),
            (
                Content::Challenge { challenge: (&Challenged::Code("oc".to_owned().into())).into(), expires_in: 300 },
                200,
                r#"{"success":true,"mfa_required":true,"challenge":{"challenge_type":"oob","binding_method":"prompt"},"expires_in":300}"#,
            ),
            (
                Content::Challenge { challenge: (&Challenged::Push("oc".to_owned().into())).into(), expires_in: 300 },
                200,
                r#"{"success":true,"mfa_required":true,"challenge":{"challenge_type":"oob"},"expires_in":300}"#,
            ),
            (
                Content::EnrollmentRequired { factors: Some(vec!["otp", "sms"]), expires_in: 300 },
                200,
                r#"{"success":true,"mfa_required":true,"enrollment_required":true,"factors":["otp","sms"],"expires_in":300}"#,
            ),
            (
                Content::EnrollmentRequired { factors: None, expires_in: 300 },
                200,
                r#"{"success":true,"mfa_required":true,"enrollment_required":true,"expires_in":300}"#,
            ),
            (
                Content::Enrollment { kind: "otp", enrolled, expires_in: 300 },
                200,
                r#"{"success":true,"mfa_required":true,"enrollment":{"type":"otp","barcode_uri":"otpauth://totp/x","secret":"BASE32","recovery_codes":["RC"]},"expires_in":300}"#,
            ),
            (
                Content::Authenticators(vec![authenticator(Some("XXX67")), authenticator(None)]),
                200,
                r#"{"success":true,"authenticators":[{"id":"sms|dev_1","type":"sms","name":"XXX67"},{"id":"sms|dev_1","type":"sms"}]}"#,
            ),
            (
                Content::Tokens(tokens()),
                200,
                r#"{"success":true,"access_token":"at","id_token":"it","token_type":"Bearer","expires_in":86400,"scope":"openid"}"#,
            ),
            (
                Content::TokensWithoutMfa(tokens()),
                200,
                r#"{"success":true,"mfa_required":false,"access_token":"at","id_token":"it","token_type":"Bearer","expires_in":86400,"scope":"openid"}"#,
            ),
            (
                Content::Tokens(Tokens {
                    recovery_code: Some(private("NEW")),
                    id_token: None,
                    scope: None,
                    ..tokens()
                }),
                200,
                r#"{"success":true,"access_token":"at","token_type":"Bearer","expires_in":86400,"recovery_code":"NEW"}"#,
            ),
            (Content::PushPending { retry_after: 5 }, 202, r#"{"success":true,"pending":true,"retry_after":5}"#),
            (Content::Standing(Standing::None), 200, r#"{"success":true,"state":"none"}"#),
            (
                Content::Standing(Standing::SignedIn { expires_in: 9 }),
                200,
                r#"{"success":true,"state":"signed_in","expires_in":9}"#,
            ),
            (
                Content::Standing(Standing::Pending { pending, attempts_left: 4, expires_in: 7 }),
                200,
                r#"{"success":true,"attempts_left":4,"state":"pending","purpose":"sign_in","challenge":{"challenge_type":"oob","binding_method":"prompt"},"expires_in":7}"#,
            ),
            (Content::Nothing, 204, ""),
        ] {
            assert_eq!(answer(content), (status, expected.to_owned()));
        }
    }

    #[test]
    fn every_error_has_its_status_its_word_a_sentence_and_the_request_id() {
        let detail = || "only for the log".to_owned();
        for (error, status, word) in [
            (Error::InvalidRequest("`otp` must be six digits".into()), 400, "invalid_request"),
            (Error::UnsupportedChallengeType, 400, "unsupported_challenge_type"),
            (Error::InvalidScope, 400, "invalid_scope"),
            (Error::InvalidCredentials, 401, "invalid_credentials"),
            (Error::SessionExpired, 401, "session_expired"),
            (Error::LoginRequired, 401, "login_required"),
            (Error::AccountBlocked, 403, "account_blocked"),
            (Error::PasswordLeaked, 403, "password_leaked"),
            (Error::AccessDenied(Some("Not on Sundays.".into())), 403, "access_denied"),
            (Error::AccessDenied(None), 403, "access_denied"),
            (Error::VerificationRequired, 403, "verification_required"),
            (Error::ChallengeRejected, 403, "challenge_rejected"),
            (Error::MfaNotEnforced, 403, "mfa_not_enforced"),
            (Error::OriginNotAllowed, 403, "origin_not_allowed"),
            (Error::MethodNotAllowed { allow: "POST, OPTIONS" }, 405, "method_not_allowed"),
            (Error::AlreadyEnrolled, 409, "already_enrolled"),
            (Error::InProgress, 409, "in_progress"),
            (Error::PayloadTooLarge, 413, "payload_too_large"),
            (Error::UnsupportedMediaType, 415, "unsupported_media_type"),
            (Error::TooManyAttempts { retry_after: None }, 429, "too_many_attempts"),
            (Error::TooManyRequests { retry_after: DEFAULT_RETRY_AFTER }, 429, "too_many_requests"),
            (Error::Internal { detail: detail() }, 500, "internal_error"),
            (Error::ServerMisconfigured { detail: detail() }, 500, "server_misconfigured"),
            (Error::Upstream { detail: detail() }, 502, "upstream_error"),
            (Error::UpstreamTimeout { detail: detail() }, 504, "upstream_timeout"),
            (Error::StoreUnavailable { detail: detail() }, 503, "store_unavailable"),
        ] {
            let response = response(&Err(error.into()));
            let body: serde_json::Value = serde_json::from_str(text(&response)).unwrap();
            assert_eq!((response.status().as_u16(), body["error"].as_str()), (status, Some(word)));
            assert_eq!(body["success"], false);
            assert_eq!(body["request_id"], "req-1");
            assert!(body["error_description"].as_str().is_some_and(|sentence| sentence.len() > 10), "{body}");
            assert_eq!(body.as_object().unwrap().len(), 4, "{body}");
            assert!(!text(&response).contains("only for the log"));
        }
        let response = response(&Err(Error::InvalidCode { attempts_left: 4 }.into()));
        assert_eq!(response.status(), 401);
        assert_eq!(
            text(&response),
            r#"{"success":false,"error":"invalid_code","error_description":"That code is not right; please try the current one.","attempts_left":4,"request_id":"req-1"}"#
        );
    }

    #[test]
    fn waiting_times_and_allowed_methods_are_headers() {
        let header = |error: Error, name: HeaderName| {
            response(&Err(error.into())).headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        let minute = Some(Duration::from_mins(1));
        assert_eq!(header(Error::InProgress, RETRY_AFTER).as_deref(), Some("1"));
        assert_eq!(header(Error::TooManyAttempts { retry_after: minute }, RETRY_AFTER).as_deref(), Some("60"));
        assert_eq!(header(Error::TooManyAttempts { retry_after: None }, RETRY_AFTER), None);
        assert_eq!(header(Error::MethodNotAllowed { allow: "POST, OPTIONS" }, ALLOW).as_deref(), Some("POST, OPTIONS"));
    }

    #[test]
    fn every_answer_forbids_caching_and_sniffing_and_varies_by_origin() {
        let good = response(&Ok(Answer::keeping(Content::Nothing)));
        let bad = response(&Err(Error::InvalidScope.into()));
        let preflight = preflight("POST, OPTIONS", &Caller::Unstated);
        for response in [good, bad, preflight] {
            let header = |name: HeaderName| response.headers().get(name).unwrap().to_str().unwrap();
            assert_eq!(header(CACHE_CONTROL), "no-store");
            assert_eq!(header(X_CONTENT_TYPE_OPTIONS), "nosniff");
            assert_eq!(header(VARY), "Origin");
            assert!(response.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).is_none());
        }
    }

    #[test]
    fn an_allowed_origin_is_answered_with_credentials_and_never_with_a_star() {
        let caller = Caller::Allowed(HeaderValue::from_static("https://app.example.com"));
        let answer = respond(&Err(Error::SessionExpired.into()), "", COOKIE, &caller);
        for response in [answer, preflight("POST, OPTIONS", &caller)] {
            let header = |name: HeaderName| response.headers().get(name).unwrap().to_str().unwrap();
            assert_eq!(header(ACCESS_CONTROL_ALLOW_ORIGIN), "https://app.example.com");
            assert_eq!(header(ACCESS_CONTROL_ALLOW_CREDENTIALS), "true");
        }
        let preflight = preflight("POST, OPTIONS", &caller);
        assert_eq!(preflight.status(), 204);
        assert_eq!(preflight.headers()[ACCESS_CONTROL_ALLOW_METHODS], "POST, OPTIONS");
        assert_eq!(preflight.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "content-type");
    }

    #[test]
    fn debug_of_an_answer_shows_no_token() {
        let id = SessionId::random().unwrap();
        let answer = Answer { content: Content::Tokens(tokens()), cookie: Change::Set { id: id.clone(), max_age: 1 } };
        let shown = format!("{answer:?}");
        for secret in ["\"at\"", "\"it\"", "rt-never-shown", &id.cookie_value()] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
