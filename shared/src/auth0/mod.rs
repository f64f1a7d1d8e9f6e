//! Auth0's authentication API, as far as password and MFA sign-in need it.
//!
//! [`Auth0`] speaks the wire and knows nothing of sessions or of what the page is told: its answers are
//! [`Grant`]s and challenges, its errors [`Failure`]s by meaning.
//!
//! Rules that hold for every call:
//!
//! * It ends in time ([`CALL`], and never past the request's own deadline), follows no redirect and reads
//!   at most [`MAX_REPLY`] of a reply.
//! * It is repeated only where the connection failed before the request was sent. A grant that may have
//!   arrived is never sent again: a code is good for one use, and wrong ones cost the user's budget.
//! * With the client secret goes `auth0-forwarded-for`, so that Auth0's attack protection sees the user's
//!   address and not the function's (Auth0 docs, "Avoid Common Issues with Resource Owner Password Flow and
//!   Attack Protection").
//! * Where Auth0 says that the secret is wrong, it is read again, and the call repeated once if it changed.

mod expiry;
mod id_token;
mod refusal;

use std::fmt;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use reqwest::RequestBuilder;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

pub(crate) use expiry::expiry;
pub(crate) use refusal::Refusal;

use crate::clock::Clock;
use crate::config::{Auth0Config, has_scope};
use crate::doctor::Seen;
use crate::http::Http;
use crate::invocation::Invocation;
use crate::opaque::{MfaToken, OobCode, Private, RefreshToken, Token};
use crate::request::{Choice, Enrollment};
use crate::secret::{Credentials, Secret, SecretError};

/// What one call may take, connecting and a second try at that included.
const CALL: Duration = Duration::from_secs(5);

/// The largest reply that is read. Auth0's have a few KiB.
const MAX_REPLY: usize = 64 * 1024;

/// The header that carries the user's address.
const FORWARDED_FOR: &str = "auth0-forwarded-for";

/// The tenant and the application.
#[derive(Debug)]
pub(crate) struct Auth0 {
    http: Http,
    config: Auth0Config,
    /// `iss` of its tokens: the origin and a slash.
    issuer: String,
    secret: Secret,
    clock: Clock,
}

/// What a grant may answer.
#[derive(Debug)]
pub(crate) enum Grant {
    Tokens(Tokens),
    MfaRequired(MfaRequired),
}

/// A second factor is asked for.
#[derive(Debug)]
pub(crate) struct MfaRequired {
    pub(crate) mfa_token: MfaToken,
    /// Its end in epoch seconds, where the token shows it.
    pub(crate) expires_at: Option<u64>,
    /// `mfa_requirements.enroll`, where the tenant sends it: the user has no factor, and may enroll these.
    pub(crate) enroll: Option<Vec<&'static str>>,
}

/// The reply of a grant, its id token checked (RFC 6749, section 5.1).
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access_token: Token,
    pub(crate) id_token: Option<Token>,
    /// The id token's `sub`.
    pub(crate) sub: Option<String>,
    pub(crate) token_type: String,
    /// Seconds.
    pub(crate) expires_in: u64,
    pub(crate) scope: Option<String>,
    pub(crate) refresh_token: Option<RefreshToken>,
    /// After a recovery: the replacement of the code that was used.
    pub(crate) recovery_code: Option<Private>,
}

/// The reply of `/mfa/challenge`.
#[derive(Debug)]
pub(crate) enum Challenged {
    Otp,
    /// A code was sent: `binding_method` is `prompt`.
    Code(OobCode),
    /// A push was sent.
    Push(OobCode),
}

/// An active factor.
#[derive(Debug)]
pub(crate) struct Authenticator {
    pub(crate) id: String,
    /// `otp`, `sms`, `voice`, `email`, `push` or `recovery-code`.
    pub(crate) kind: &'static str,
    /// Masked by Auth0.
    pub(crate) name: Option<String>,
}

/// The reply of `/mfa/associate`.
#[derive(Debug)]
pub(crate) struct Enrolled {
    pub(crate) challenge: Challenged,
    pub(crate) barcode_uri: Option<Private>,
    pub(crate) secret: Option<Private>,
    pub(crate) recovery_codes: Vec<Private>,
}

/// Why a call has no good end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Auth0 said no.
    #[error("Auth0 refused {endpoint}: {} (error {error:?}, status {status})", refusal.name())]
    Refused {
        refusal: Refusal,
        endpoint: Endpoint,
        /// Auth0's `error`, as far as it is a plain word.
        error: String,
        status: u16,
    },
    /// Auth0 did not answer in time.
    #[error("Auth0 did not answer {0} in time")]
    Timeout(Endpoint),
    /// The connection failed.
    #[error("Auth0 could not be asked {0}: {1}")]
    Unreachable(Endpoint, &'static str),
    /// Auth0 answered something that cannot be meant.
    #[error("Auth0's answer to {0} cannot be used: {1}")]
    Nonsense(Endpoint, &'static str),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl Failure {
    /// Auth0's refusal, where it is one.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

/// What is called. Some words of Auth0 mean different things at different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Password,
    Refresh,
    MfaOtp,
    MfaOob,
    MfaRecoveryCode,
    Challenge,
    Authenticators,
    Associate,
    Revoke,
    Discovery,
    Jwks,
}

impl Endpoint {
    #[cfg(any(test, fuzzing))]
    pub(crate) const ALL: [Self; 11] = [
        Self::Password,
        Self::Refresh,
        Self::MfaOtp,
        Self::MfaOob,
        Self::MfaRecoveryCode,
        Self::Challenge,
        Self::Authenticators,
        Self::Associate,
        Self::Revoke,
        Self::Discovery,
        Self::Jwks,
    ];

    const fn path(self) -> &'static str {
        match self {
            Self::Password | Self::Refresh | Self::MfaOtp | Self::MfaOob | Self::MfaRecoveryCode => "/oauth/token",
            Self::Challenge => "/mfa/challenge",
            Self::Authenticators => "/mfa/authenticators",
            Self::Associate => "/mfa/associate",
            Self::Revoke => "/oauth/revoke",
            Self::Discovery => "/.well-known/openid-configuration",
            Self::Jwks => "/.well-known/jwks.json",
        }
    }

    /// `grant_type`, of those that have one.
    const fn grant_type(self) -> Option<&'static str> {
        match self {
            Self::Password => Some("http://auth0.com/oauth/grant-type/password-realm"),
            Self::Refresh => Some("refresh_token"),
            Self::MfaOtp => Some("http://auth0.com/oauth/grant-type/mfa-otp"),
            Self::MfaOob => Some("http://auth0.com/oauth/grant-type/mfa-oob"),
            Self::MfaRecoveryCode => Some("http://auth0.com/oauth/grant-type/mfa-recovery-code"),
            Self::Challenge | Self::Authenticators | Self::Associate | Self::Revoke | Self::Discovery | Self::Jwks => {
                None
            }
        }
    }

    /// Whether a second factor is presented.
    const fn is_code(self) -> bool {
        matches!(self, Self::MfaOtp | Self::MfaOob | Self::MfaRecoveryCode)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())?;
        match self.grant_type() {
            Some(grant_type) => write!(f, " ({})", grant_type.rsplit('/').next().unwrap_or(grant_type)),
            None => Ok(()),
        }
    }
}

/// A reply as it came, within its limits.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Auth0 {
    pub(crate) fn new(http: Http, config: Auth0Config, secret: Secret, clock: Clock) -> Self {
        let issuer = format!("{}/", config.origin);
        Self { http, config, issuer, secret, clock }
    }

    /// First factor: the password-realm grant (Auth0 docs, "Resource Owner Password Flow").
    pub(crate) async fn password(
        &self,
        invocation: &Invocation,
        username: &Private,
        password: &Private,
    ) -> Result<Grant, Failure> {
        let fields = [
            ("username", username.expose()),
            ("password", password.expose()),
            ("realm", &self.config.connection),
            ("audience", &self.config.audience),
            ("scope", &self.config.scope),
        ];
        self.grant(invocation, Endpoint::Password, &fields, &self.config.scope).await
    }

    /// A refresh token in exchange for tokens of `scope`, or for a demand for MFA where an Action makes one
    /// (Auth0 docs, "Use Refresh Tokens").
    pub(crate) async fn refresh(
        &self,
        invocation: &Invocation,
        refresh_token: &RefreshToken,
        scope: &str,
    ) -> Result<Grant, Failure> {
        let fields = [("refresh_token", refresh_token.expose()), ("scope", scope)];
        self.grant(invocation, Endpoint::Refresh, &fields, scope).await
    }

    /// Second factor: a code of the authenticator app. `scope` is what the tokens were first asked for.
    pub(crate) async fn mfa_otp(
        &self,
        invocation: &Invocation,
        mfa_token: &MfaToken,
        otp: &Private,
        scope: &str,
    ) -> Result<Grant, Failure> {
        let fields = [("mfa_token", mfa_token.expose()), ("otp", otp.expose())];
        self.grant(invocation, Endpoint::MfaOtp, &fields, scope).await
    }

    /// Second factor: a code that was sent, or, without `binding_code`, one look whether a push was answered.
    pub(crate) async fn mfa_oob(
        &self,
        invocation: &Invocation,
        mfa_token: &MfaToken,
        oob_code: &OobCode,
        binding_code: Option<&Private>,
        scope: &str,
    ) -> Result<Grant, Failure> {
        let mut fields = vec![("mfa_token", mfa_token.expose()), ("oob_code", oob_code.expose())];
        fields.extend(binding_code.map(|code| ("binding_code", code.expose())));
        self.grant(invocation, Endpoint::MfaOob, &fields, scope).await
    }

    /// Second factor: a recovery code.
    pub(crate) async fn mfa_recovery_code(
        &self,
        invocation: &Invocation,
        mfa_token: &MfaToken,
        recovery_code: &Private,
        scope: &str,
    ) -> Result<Grant, Failure> {
        let fields = [("mfa_token", mfa_token.expose()), ("recovery_code", recovery_code.expose())];
        self.grant(invocation, Endpoint::MfaRecoveryCode, &fields, scope).await
    }

    async fn grant(
        &self,
        invocation: &Invocation,
        endpoint: Endpoint,
        fields: &[(&str, &str)],
        scope: &str,
    ) -> Result<Grant, Failure> {
        let (reply, credentials) = self.confidential(invocation, endpoint, fields).await?;
        if let Some(error) = ErrorBody::of(&reply).filter(|error| error.error == "mfa_required") {
            return error.mfa_required(endpoint).map(Grant::MfaRequired);
        }
        let body: TokenBody = self.success(endpoint, &reply)?;
        let (sub, id_token) = match body.id_token {
            Some(id_token) => {
                let expected = id_token::Expected {
                    issuer: &self.issuer,
                    client_id: self.client_id(&credentials),
                    now: self.clock.seconds(),
                };
                let sub =
                    id_token::subject(&id_token, &expected).map_err(|fault| Failure::Nonsense(endpoint, fault))?;
                (Some(sub), Some(Token::from(id_token)))
            }
            None if has_scope(scope, "openid") => {
                return Err(Failure::Nonsense(endpoint, "openid was asked for and there is no id_token"));
            }
            None => (None, None),
        };
        Ok(Grant::Tokens(Tokens {
            access_token: body.access_token.into(),
            id_token,
            sub,
            token_type: body.token_type,
            expires_in: body.expires_in,
            scope: body.scope,
            refresh_token: body.refresh_token.map(RefreshToken::from),
            recovery_code: body.recovery_code.map(Private::from),
        }))
    }

    /// Asks for a challenge (Auth0 docs, "Request MFA Challenge"). For an OTP this sends nothing to anybody,
    /// but proves that the user has one.
    pub(crate) async fn challenge(
        &self,
        invocation: &Invocation,
        mfa_token: &MfaToken,
        choice: &Choice,
    ) -> Result<Challenged, Failure> {
        #[derive(Deserialize)]
        struct Body {
            challenge_type: String,
            oob_code: Option<String>,
            binding_method: Option<String>,
        }
        let mut fields = vec![("mfa_token", mfa_token.expose()), ("challenge_type", choice.challenge_type.as_str())];
        fields.extend(choice.authenticator_id.as_deref().map(|id| ("authenticator_id", id)));
        let (reply, _) = self.confidential(invocation, Endpoint::Challenge, &fields).await?;
        let body: Body = self.success(Endpoint::Challenge, &reply)?;
        match (body.challenge_type.as_str(), body.oob_code) {
            ("otp", _) => Ok(Challenged::Otp),
            ("oob", Some(oob_code)) => challenged(oob_code, body.binding_method.as_deref())
                .map_err(|fault| Failure::Nonsense(Endpoint::Challenge, fault)),
            _ => Err(Failure::Nonsense(Endpoint::Challenge, "an unknown challenge_type, or oob without oob_code")),
        }
    }

    /// The user's active factors (Auth0 docs, "List Authenticators"). Inactive ones were never confirmed.
    pub(crate) async fn authenticators(
        &self,
        invocation: &Invocation,
        mfa_token: &MfaToken,
    ) -> Result<Vec<Authenticator>, Failure> {
        #[derive(Deserialize)]
        struct Entry {
            id: String,
            authenticator_type: String,
            #[serde(default)]
            active: bool,
            oob_channel: Option<String>,
            name: Option<String>,
        }
        let endpoint = Endpoint::Authenticators;
        let reply = self.listed(invocation, mfa_token.expose()).await?;
        let entries: Vec<Entry> = self.success(endpoint, &reply)?;
        let active = entries.into_iter().filter(|entry| entry.active).filter_map(|entry| {
            let kind = match (entry.authenticator_type.as_str(), entry.oob_channel.as_deref()) {
                ("otp", _) => "otp",
                ("recovery-code", _) => "recovery-code",
                ("oob", Some("sms")) => "sms",
                ("oob", Some("voice")) => "voice",
                ("oob", Some("email")) => "email",
                ("oob", Some("auth0")) => "push",
                // Duo, WebAuthn and what may come: cannot be used here.
                _ => return None,
            };
            Some(Authenticator { id: entry.id, kind, name: entry.name })
        });
        Ok(active.collect())
    }

    /// Enrolls a factor for a user without one (Auth0 docs, "Enroll and Challenge …"). It becomes active when
    /// its first code is verified.
    pub(crate) async fn associate(
        &self,
        invocation: &Invocation,
        mfa_token: &MfaToken,
        enrollment: &Enrollment,
    ) -> Result<Enrolled, Failure> {
        #[derive(Deserialize)]
        struct Body {
            authenticator_type: String,
            oob_code: Option<String>,
            binding_method: Option<String>,
            barcode_uri: Option<String>,
            secret: Option<String>,
            #[serde(default)]
            recovery_codes: Vec<String>,
        }
        let channel = |channel: &str| serde_json::json!({"authenticator_types": ["oob"], "oob_channels": [channel]});
        let request = match enrollment {
            Enrollment::Otp => serde_json::json!({"authenticator_types": ["otp"]}),
            Enrollment::Sms { phone_number } => with(channel("sms"), "phone_number", Some(phone_number)),
            Enrollment::Voice { phone_number } => with(channel("voice"), "phone_number", Some(phone_number)),
            Enrollment::Email { email } => with(channel("email"), "email", email.as_ref()),
            Enrollment::Push => channel("auth0"),
        };
        let endpoint = Endpoint::Associate;
        let reply = send(invocation, endpoint, || {
            self.http.client().post(self.url(endpoint)).bearer_auth(mfa_token.expose()).json(&request)
        })
        .await?;
        let body: Body = self.success(endpoint, &reply)?;
        let challenge = match (body.authenticator_type.as_str(), body.oob_code) {
            ("otp", _) if body.barcode_uri.is_some() && body.secret.is_some() => Challenged::Otp,
            ("oob", Some(oob_code)) => challenged(oob_code, body.binding_method.as_deref())
                .map_err(|fault| Failure::Nonsense(endpoint, fault))?,
            _ => return Err(Failure::Nonsense(endpoint, "an unknown authenticator_type, or members are missing")),
        };
        Ok(Enrolled {
            challenge,
            barcode_uri: body.barcode_uri.map(Private::from),
            secret: body.secret.map(Private::from),
            recovery_codes: body.recovery_codes.into_iter().map(Private::from).collect(),
        })
    }

    /// Makes a refresh token worthless, and with it the family that it was rotated from (RFC 7009).
    pub(crate) async fn revoke(&self, invocation: &Invocation, refresh_token: &RefreshToken) -> Result<(), Failure> {
        let endpoint = Endpoint::Revoke;
        let (reply, _) = self.confidential(invocation, endpoint, &[("token", refresh_token.expose())]).await?;
        if reply.status.is_success() {
            Ok(())
        } else {
            self.success::<serde::de::IgnoredAny>(endpoint, &reply).map(drop)
        }
    }

    /// The tenant's metadata (OpenID Connect Discovery 1.0, section 4), as it came.
    pub(crate) async fn discovery(&self, invocation: &Invocation) -> Result<Seen, Failure> {
        self.document(invocation, Endpoint::Discovery).await
    }

    /// The keys that its tokens are signed with (RFC 7517, section 5), as they came.
    pub(crate) async fn jwks(&self, invocation: &Invocation) -> Result<Seen, Failure> {
        self.document(invocation, Endpoint::Jwks).await
    }

    async fn document(&self, invocation: &Invocation, endpoint: Endpoint) -> Result<Seen, Failure> {
        let reply = send(invocation, endpoint, || self.http.client().get(self.url(endpoint))).await?;
        Ok(reply.seen(endpoint))
    }

    /// The reply to any call with the client secret, as it came.
    pub(crate) async fn raw(
        &self,
        invocation: &Invocation,
        endpoint: Endpoint,
        fields: &[(&str, &str)],
    ) -> Result<Seen, Failure> {
        Ok(self.confidential(invocation, endpoint, fields).await?.0.seen(endpoint))
    }

    /// The list of authenticators, as it came.
    pub(crate) async fn list(&self, invocation: &Invocation, mfa_token: &str) -> Result<Seen, Failure> {
        Ok(self.listed(invocation, mfa_token).await?.seen(Endpoint::Authenticators))
    }

    async fn listed(&self, invocation: &Invocation, mfa_token: &str) -> Result<Reply, Failure> {
        let endpoint = Endpoint::Authenticators;
        send(invocation, endpoint, || self.http.client().get(self.url(endpoint)).bearer_auth(mfa_token)).await
    }

    /// Whether an error reply has a meaning here.
    pub(crate) fn is_known(endpoint: Endpoint, status: StatusCode, body: &serde_json::Value) -> bool {
        let text = |name: &str| body.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        let refusal = Refusal::read(&refusal::ErrorReply {
            endpoint,
            status: status.as_u16(),
            error: text("error"),
            description: text("error_description"),
            retry_after: None,
        });
        refusal != Refusal::Unknown || text("error") == "mfa_required"
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.secret
    }

    fn url(&self, endpoint: Endpoint) -> String {
        url(&self.config, endpoint)
    }

    fn client_id<'a>(&'a self, credentials: &'a Credentials) -> &'a str {
        credentials.client_id.as_deref().unwrap_or(&self.config.client_id)
    }

    /// A call with the client secret. Returns the credentials that Auth0 took or, if it took none, the last.
    async fn confidential(
        &self,
        invocation: &Invocation,
        endpoint: Endpoint,
        fields: &[(&str, &str)],
    ) -> Result<(Reply, Credentials), Failure> {
        let credentials = self.secret.get().await?;
        let reply = self.confidential_once(invocation, endpoint, fields, &credentials).await?;
        if !self.refuses_client(endpoint, &reply) {
            return Ok((reply, credentials));
        }
        match self.secret.changed_since(&credentials).await {
            Ok(Some(changed)) => {
                tracing::info!("Auth0 refused the client secret; a new one was found and is used from now on");
                let reply = self.confidential_once(invocation, endpoint, fields, &changed).await?;
                Ok((reply, changed))
            }
            Ok(None) => Ok((reply, credentials)),
            Err(fault) => {
                tracing::warn!(detail = %fault, "Auth0 refused the client secret, and it could not be read again");
                Ok((reply, credentials))
            }
        }
    }

    async fn confidential_once(
        &self,
        invocation: &Invocation,
        endpoint: Endpoint,
        fields: &[(&str, &str)],
        credentials: &Credentials,
    ) -> Result<Reply, Failure> {
        let mut form = Vec::with_capacity(fields.len() + 3);
        form.extend(endpoint.grant_type().map(|grant_type| ("grant_type", grant_type)));
        form.push(("client_id", self.client_id(credentials)));
        form.push(("client_secret", credentials.client_secret.expose()));
        form.extend_from_slice(fields);
        send(invocation, endpoint, || {
            let request = self.http.client().post(self.url(endpoint)).form(&form);
            match invocation.client_ip {
                Some(ip) => request.header(FORWARDED_FOR, ip.to_string()),
                None => request,
            }
        })
        .await
    }

    fn refuses_client(&self, endpoint: Endpoint, reply: &Reply) -> bool {
        let refusal = ErrorBody::of(reply).map(|error| self.refusal(endpoint, reply, &error));
        !reply.status.is_success() && refusal == Some(Refusal::WrongClient)
    }

    /// The content of a good reply; anything else is a [`Failure`].
    fn success<T: for<'de> Deserialize<'de>>(&self, endpoint: Endpoint, reply: &Reply) -> Result<T, Failure> {
        let error = ErrorBody::of(reply);
        if let Some(content) = success_of(endpoint, reply, error.as_ref()) {
            return content;
        }
        let error = error.unwrap_or_default();
        if error.error.is_empty() && reply.status != StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Nonsense(
                endpoint,
                if reply.status.is_redirection() {
                    "a redirect"
                } else if reply.status.is_server_error() {
                    "a 5xx without an error in it"
                } else {
                    "a refusal without an error in it"
                },
            ));
        }
        Err(Failure::Refused {
            refusal: self.refusal(endpoint, reply, &error),
            endpoint,
            error: error.word(),
            status: reply.status.as_u16(),
        })
    }

    fn refusal(&self, endpoint: Endpoint, reply: &Reply, error: &ErrorBody) -> Refusal {
        Refusal::read(&refusal::ErrorReply {
            endpoint,
            status: reply.status.as_u16(),
            error: &error.error,
            description: &error.error_description,
            retry_after: reply.retry_after(self.clock.seconds()),
        })
    }
}

/// What a reply with a good status holds, or why it cannot be used; `None` for any other status.
fn success_of<T: for<'de> Deserialize<'de>>(
    endpoint: Endpoint,
    reply: &Reply,
    error: Option<&ErrorBody>,
) -> Option<Result<T, Failure>> {
    if !reply.status.is_success() {
        return None;
    }
    if error.is_some() {
        return Some(Err(Failure::Nonsense(endpoint, "a success with an error in it")));
    }
    if !reply.is_json() {
        return Some(Err(Failure::Nonsense(endpoint, "a success that is not JSON")));
    }
    // serde's words would hold values of the reply.
    let content = serde_json::from_slice(&reply.body);
    Some(content.map_err(|_| Failure::Nonsense(endpoint, "a success without what belongs to it")))
}

/// `/oauth/token`, 200.
#[derive(Deserialize)]
struct TokenBody {
    access_token: String,
    token_type: String,
    expires_in: u64,
    id_token: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
    recovery_code: Option<String>,
}

/// Any endpoint, not 200 (RFC 6749, section 5.2, and Auth0's additions).
#[derive(Default, Deserialize)]
struct ErrorBody {
    error: String,
    #[serde(default)]
    error_description: String,
    mfa_token: Option<String>,
    mfa_requirements: Option<serde_json::Value>,
}

impl ErrorBody {
    fn of(reply: &Reply) -> Option<Self> {
        serde_json::from_slice(&reply.body).ok()
    }

    fn mfa_required(self, endpoint: Endpoint) -> Result<MfaRequired, Failure> {
        let mfa_token = self
            .mfa_token
            .filter(|token| !token.is_empty())
            .ok_or(Failure::Nonsense(endpoint, "mfa_required without an mfa_token"))?;
        Ok(MfaRequired {
            expires_at: expiry(&mfa_token),
            mfa_token: mfa_token.into(),
            enroll: self.mfa_requirements.as_ref().and_then(enrollable),
        })
    }

    /// `error`, if it is a word and not somebody's data.
    fn word(&self) -> String {
        let is_word =
            self.error.len() <= 60 && self.error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if is_word { self.error.clone() } else { "?".to_owned() }
    }
}

/// The factors of `mfa_requirements.enroll` in the words of the `enroll` action. Read leniently: it is sent
/// by some tenants only, and printed in two shapes.
fn enrollable(requirements: &serde_json::Value) -> Option<Vec<&'static str>> {
    let mut factors = Vec::new();
    for factor in requirements.get("enroll")?.as_array()? {
        let names: &[&'static str] = match factor.get("type").and_then(serde_json::Value::as_str) {
            Some("otp" | "totp") => &["otp"],
            Some("phone") => &["sms", "voice"],
            Some("sms") => &["sms"],
            Some("voice") => &["voice"],
            Some("email") => &["email"],
            Some("push-notification" | "push" | "auth0") => &["push"],
            _ => &[],
        };
        for name in names {
            if !factors.contains(name) {
                factors.push(*name);
            }
        }
    }
    Some(factors)
}

impl Reply {
    fn seen(self, endpoint: Endpoint) -> Seen {
        Seen { endpoint, status: self.status, body: self.body }
    }

    fn is_json(&self) -> bool {
        let content_type = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
    }

    /// `Retry-After` in seconds, or the moment of `x-ratelimit-reset` (Auth0 docs, "Rate Limit Use Cases").
    fn retry_after(&self, now: u64) -> Option<Duration> {
        let number = |name: &str| self.headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let seconds = number(RETRY_AFTER.as_str())
            .or_else(|| number("x-ratelimit-reset").map(|reset| reset.saturating_sub(now)))?;
        Some(Duration::from_secs(seconds.clamp(1, 86_400)))
    }
}

fn challenged(oob_code: String, binding_method: Option<&str>) -> Result<Challenged, &'static str> {
    match binding_method {
        Some("prompt") => Ok(Challenged::Code(oob_code.into())),
        None | Some("none") => Ok(Challenged::Push(oob_code.into())),
        Some(_) => Err("an unknown binding_method"),
    }
}

fn with(mut request: serde_json::Value, name: &str, value: Option<&Private>) -> serde_json::Value {
    if let (Some(object), Some(value)) = (request.as_object_mut(), value) {
        object.insert(name.to_owned(), value.expose().into());
    }
    request
}

/// Opens the connection before the first request needs it. Any answer will do.
pub(crate) async fn connect(http: &Http, config: &Auth0Config, invocation: &Invocation) -> Result<(), Failure> {
    let endpoint = Endpoint::Discovery;
    send(invocation, endpoint, || http.client().get(url(config, endpoint))).await.map(drop)
}

fn url(config: &Auth0Config, endpoint: Endpoint) -> String {
    format!("{}{}", config.origin, endpoint.path())
}

/// Sends what `request` builds, and reads the reply within its limits.
async fn send(
    invocation: &Invocation,
    endpoint: Endpoint,
    request: impl Fn() -> RequestBuilder,
) -> Result<Reply, Failure> {
    let started = Instant::now();
    let until = invocation.deadline.for_call(CALL);
    let result = timeout_at(until, async {
        let response = match request().send().await {
            // Nothing was sent yet: once more is safe, whatever it is.
            Err(error) if error.is_connect() => request().send().await,
            result => result,
        };
        read(endpoint, response.map_err(|error| unreachable(endpoint, &error))?).await
    })
    .await;
    invocation.spent_at_auth0(started.elapsed());
    result.unwrap_or(Err(Failure::Timeout(endpoint)))
}

async fn read(endpoint: Endpoint, mut response: reqwest::Response) -> Result<Reply, Failure> {
    const TOO_LARGE: &str = "it is too large";
    let limit = u64::try_from(MAX_REPLY).unwrap_or(u64::MAX);
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(Failure::Nonsense(endpoint, TOO_LARGE));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(endpoint, &error))? {
        if body.len() + chunk.len() > MAX_REPLY {
            return Err(Failure::Nonsense(endpoint, TOO_LARGE));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status: response.status(), headers: std::mem::take(response.headers_mut()), body })
}

fn unreachable(endpoint: Endpoint, error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::Timeout(endpoint);
    }
    // reqwest's own words hold the URL; these say as much as is needed.
    Failure::Unreachable(
        endpoint,
        if error.is_connect() {
            "no connection (name, address, TLS)"
        } else {
            "the connection broke before the answer was complete"
        },
    )
}

/// The parsers by themselves, for `properties` and `fuzzing`.
#[cfg(any(test, fuzzing))]
pub(crate) mod parsers {
    pub(crate) use super::{Endpoint, Refusal};
    use super::{ErrorBody, Failure, Reply, TokenBody, id_token, success_of};

    pub(crate) fn expiry(mfa_token: &str) -> Option<u64> {
        super::expiry(mfa_token)
    }

    pub(crate) fn subject(id_token: &str, issuer: &str, client_id: &str, now: u64) -> Result<String, &'static str> {
        id_token::subject(id_token, &id_token::Expected { issuer, client_id, now })
    }

    pub(crate) fn refusal(endpoint: Endpoint, status: u16, error: &str, description: &str) -> Refusal {
        Refusal::read(&super::refusal::ErrorReply { endpoint, status, error, description, retry_after: None })
    }

    pub(crate) fn is_success(status: u16, json_type: bool, body: &[u8]) -> bool {
        let Ok(status) = http::StatusCode::from_u16(status) else { return false };
        let content_type = http::HeaderValue::from_static(if json_type { "application/json" } else { "text/html" });
        let reply = Reply {
            status,
            headers: [(http::header::CONTENT_TYPE, content_type)].into_iter().collect(),
            body: body.to_vec(),
        };
        let unread = ErrorBody::of(&reply);
        success_of::<TokenBody>(Endpoint::Password, &reply, unread.as_ref())
            .is_some_and(|body: Result<_, Failure>| body.is_ok())
    }
}
