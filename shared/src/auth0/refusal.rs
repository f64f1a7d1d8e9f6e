//! What Auth0 means by its error replies.
//!
//! Decided by `error` and `error_description` together, for one `error` (`invalid_grant`, `access_denied`)
//! stands for a wrong password, a wrong code, a spent token, a blocked user and a misconfigured
//! application alike. The HTTP status is a hint only: Auth0's documentation, its SDKs' tests and recorded
//! replies disagree on it (`mfa_required` alone is found under 400, 401 and 403). What is not known here is
//! [`Refusal::Unknown`]: a failure, never a success and never the user's fault.

use std::time::Duration;

use super::Endpoint;

/// A reply that says no, by meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Wrong e-mail or password; Auth0 does not say which.
    WrongCredentials,
    /// Wrong, expired or used OTP or binding code. The `mfa_token` stays usable.
    WrongCode,
    /// `MFA Authorization rejected.`: a push refused on the phone, or a wrong recovery code.
    Rejected,
    /// The push has not been answered yet.
    Pending,
    /// Polled too fast.
    SlowDown,
    /// The `mfa_token` is expired, spent or was never one: back to the first factor.
    MfaTokenGone,
    /// The `oob_code` is: a new challenge is needed, the `mfa_token` stays usable.
    OobCodeGone,
    /// No active factor of the wanted type, or no factor at all.
    NoSuchFactor,
    /// Auth0 does not know the `authenticator_id`.
    UnknownAuthenticator,
    /// Enrollment of a user who has a factor.
    AlreadyEnrolled,
    /// Auth0 does not take the phone number.
    BadPhoneNumber,
    /// Brute-force protection: the account is closed to this address.
    TooManyLogins,
    /// The user's budget of codes, or of messages, is used up for the time being.
    TooManyCodes { retry_after: Option<Duration> },
    /// The tenant's rate limit.
    RateLimited { retry_after: Option<Duration> },
    /// An administrator blocked the user.
    Blocked,
    /// The password was found in a breach.
    PasswordLeaked,
    /// Bot detection wants a captcha.
    VerificationRequired,
    /// An Action or a rule said no, in these words.
    Denied(Message),
    /// Auth0 does not take the refresh token (any more).
    RefreshTokenGone,
    /// Wrong client id or secret.
    WrongClient,
    /// The application, connection or API is not set up for this; what to fix, and where.
    Misconfigured(&'static str),
    /// Nothing that is known here.
    Unknown,
}

/// What an Action or a rule wants the user to read. It is somebody else's text about a user, so `Debug`, and
/// with it the log, shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Message(String);

impl Message {
    /// The text: one line, of limited length.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// The members of an error reply that meaning is read from.
pub(super) struct ErrorReply<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) status: u16,
    pub(super) error: &'a str,
    pub(super) description: &'a str,
    pub(super) retry_after: Option<Duration>,
}

/// Longest text of an Action that is passed on, in characters.
const MAX_MESSAGE: usize = 300;

/// One code comes back every six minutes (Auth0 docs, "Rate Limit Policy", MFA limits).
const CODE_REFILL: Duration = Duration::from_mins(6);

impl Refusal {
    /// Its name for the log. What to fix, where it is that, stands beside it there.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Misconfigured(_) => "Misconfigured".to_owned(),
            other => format!("{other:?}"),
        }
    }

    pub(super) fn read(reply: &ErrorReply<'_>) -> Self {
        // The words that carry meaning, without the differences that do not.
        let words = reply.description.trim().trim_end_matches('.').to_ascii_lowercase();
        let says = |text: &str| words.contains(text);

        // Words that mean one thing wherever they stand.
        if says("too many failed codes") {
            return Self::TooManyCodes { retry_after: reply.retry_after.or(Some(CODE_REFILL)) };
        }
        if says("too many sms") || says("too many emails") || says("too many push") || says("too many calls") {
            return Self::TooManyCodes { retry_after: reply.retry_after };
        }
        if words == "mfa authorization rejected" {
            return Self::Rejected;
        }
        if words == "user is blocked" {
            return Self::Blocked;
        }
        if says("oob_code") && (says("expired") || says("malformed") || says("doesn't match")) {
            return Self::OobCodeGone;
        }
        if words == "malformed mfa_token"
            || words == "mfa_token not issued to this client"
            || says("mfa_token provided is invalid")
        {
            return Self::MfaTokenGone;
        }

        match reply.error {
            "invalid_grant" | "invalid_user_password" => Self::invalid_grant(reply.endpoint, &words),
            "expired_token" => Self::MfaTokenGone,
            "authorization_pending" => Self::Pending,
            "slow_down" => Self::SlowDown,
            "unsupported_challenge_type" | "association_required" => Self::NoSuchFactor,
            "invalid_authenticator" | "invalid_authenticator_id" => Self::UnknownAuthenticator,
            "access_denied" | "unauthorized" => Self::denied(reply, &words),
            "invalid_client" => Self::WrongClient,
            "too_many_attempts" if reply.endpoint.is_code() => {
                Self::TooManyCodes { retry_after: reply.retry_after.or(Some(CODE_REFILL)) }
            }
            "too_many_attempts" | "too_many_logins" => Self::TooManyLogins,
            "too_many_requests" => Self::RateLimited { retry_after: reply.retry_after },
            "password_leaked" => Self::PasswordLeaked,
            "requires_verification" | "requires_validation" => Self::VerificationRequired,
            "unauthorized_client" | "unsupported_grant_type" => Self::Misconfigured(
                "enable the grants Password, MFA and Refresh Token: Applications > the application > Settings > \
                 Advanced Settings > Grant Types",
            ),
            "invalid_scope" => Self::Misconfigured("AUTH0_SCOPE has a scope that Auth0 does not take"),
            "endpoint_disabled" => Self::Misconfigured("the tenant has this endpoint switched off"),
            "server_error" if says("default connection") => Self::Misconfigured(
                "set the tenant's Default Directory (Settings > General), or AUTH0_CONNECTION to a realm",
            ),
            "invalid_request" if says("connection was disabled") || says("connection was not found") => {
                Self::Misconfigured(
                    "AUTH0_CONNECTION is not a database connection that is enabled for the application: \
                     Authentication > Database > the connection > Applications",
                )
            }
            "invalid_request" if says("phone number") => Self::BadPhoneNumber,
            "invalid_request" if says("authenticator") => Self::UnknownAuthenticator,
            _ if says("phone number is invalid") => Self::BadPhoneNumber,
            _ if reply.status == 429 => Self::RateLimited { retry_after: reply.retry_after },
            _ => Self::Unknown,
        }
    }

    fn invalid_grant(endpoint: Endpoint, words: &str) -> Self {
        match endpoint {
            Endpoint::Password if words.starts_with("wrong ") => Self::WrongCredentials,
            Endpoint::MfaOtp | Endpoint::MfaOob | Endpoint::MfaRecoveryCode
                if words.starts_with("invalid otp_code") || words.starts_with("invalid binding_code") =>
            {
                Self::WrongCode
            }
            // Whatever the words: "Unknown or invalid refresh token." is one of several.
            Endpoint::Refresh => Self::RefreshTokenGone,
            _ => Self::Unknown,
        }
    }

    fn denied(reply: &ErrorReply<'_>, words: &str) -> Self {
        if words == "user is already enrolled" {
            return Self::AlreadyEnrolled;
        }
        // An Action can say "Unauthorized" as well, but then the status is 403.
        if reply.status == 401 && words == "unauthorized" {
            return Self::WrongClient;
        }
        if words.starts_with("service not enabled within domain") {
            return Self::Misconfigured(
                "AUTH0_AUDIENCE is not the identifier of an API of this tenant: Applications > APIs",
            );
        }
        if words.starts_with("client ") && words.contains("is not authorized to access resource server") {
            return Self::Misconfigured(
                "the application is not authorized for the API of AUTH0_AUDIENCE: Applications > APIs",
            );
        }
        let message: String =
            reply.description.chars().filter(|character| !character.is_control()).take(MAX_MESSAGE).collect();
        Self::Denied(Message(if message.trim().is_empty() { "Access was denied.".into() } else { message }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(endpoint: Endpoint, status: u16, error: &str, description: &str) -> Refusal {
        Refusal::read(&ErrorReply { endpoint, status, error, description, retry_after: None })
    }

    /// The rows of Auth0's documentation, SDK tests, recordings and users' reports.
    #[test]
    fn every_known_reply_has_its_meaning() {
        use Endpoint::{Associate, Authenticators, Challenge, MfaOob, MfaOtp, MfaRecoveryCode, Password, Refresh};
        let denied = |message: &str| Refusal::Denied(Message(message.to_owned()));
        let budget = Refusal::TooManyCodes { retry_after: Some(CODE_REFILL) };
        let sends = Refusal::TooManyCodes { retry_after: None };
        let limited = Refusal::RateLimited { retry_after: None };
        let wait = "Too many failed codes. Wait for some minutes before retrying.";
        let sms = "Too many SMS sent by the user. Wait for some minutes before retrying.";
        let token = "The mfa_token provided is invalid. Try getting a new token.";
        for (endpoint, status, error, description, expected) in [
            (Password, 403, "invalid_grant", "Wrong email or password.", Refusal::WrongCredentials),
            (Password, 403, "invalid_user_password", "Wrong email or password.", Refusal::WrongCredentials),
            (Password, 401, "access_denied", "Unauthorized", Refusal::WrongClient),
            (Password, 403, "access_denied", "Unauthorized", denied("Unauthorized")),
            (Password, 401, "invalid_client", "", Refusal::WrongClient),
            (Password, 403, "access_denied", "Not on Sundays.", denied("Not on Sundays.")),
            (Password, 401, "unauthorized", "Rule says no", denied("Rule says no")),
            (Password, 401, "unauthorized", "user is blocked", Refusal::Blocked),
            (Refresh, 403, "invalid_grant", "user is blocked", Refusal::Blocked),
            (Password, 403, "access_denied", "user is blocked", Refusal::Blocked),
            (Password, 429, "too_many_attempts", "Your account has been blocked", Refusal::TooManyLogins),
            (Password, 429, "too_many_logins", "", Refusal::TooManyLogins),
            (Password, 429, "too_many_requests", "Global limit has been reached", limited.clone()),
            (Password, 429, "", "", limited),
            (Password, 401, "password_leaked", "This login attempt has been blocked", Refusal::PasswordLeaked),
            (Password, 401, "requires_verification", "Suspicious request", Refusal::VerificationRequired),
            (Password, 401, "requires_validation", "Suspicious request", Refusal::VerificationRequired),
            (Challenge, 401, "unsupported_challenge_type", "User does not have any", Refusal::NoSuchFactor),
            (Challenge, 401, "association_required", "", Refusal::NoSuchFactor),
            (Challenge, 401, "expired_token", "mfa_token is expired", Refusal::MfaTokenGone),
            (Challenge, 403, "invalid_grant", "Malformed mfa_token", Refusal::MfaTokenGone),
            (Challenge, 400, "invalid_request", "mfa_token not issued to this client", Refusal::MfaTokenGone),
            (Challenge, 404, "invalid_authenticator", "", Refusal::UnknownAuthenticator),
            (Challenge, 400, "invalid_authenticator_id", "", Refusal::UnknownAuthenticator),
            (Challenge, 400, "invalid_request", sms, sends),
            (Authenticators, 401, "invalid_grant", token, Refusal::MfaTokenGone),
            (Associate, 403, "access_denied", "User is already enrolled.", Refusal::AlreadyEnrolled),
            (Associate, 400, "invalid_request", "The phone number is invalid.", Refusal::BadPhoneNumber),
            (MfaOtp, 403, "invalid_grant", "Invalid otp_code.", Refusal::WrongCode),
            (MfaOob, 403, "invalid_grant", "Invalid binding_code.", Refusal::WrongCode),
            (MfaOob, 400, "access_denied", "MFA Authorization rejected.", Refusal::Rejected),
            (MfaOob, 403, "invalid_grant", "MFA Authorization rejected.", Refusal::Rejected),
            (MfaRecoveryCode, 403, "invalid_grant", "MFA Authorization rejected.", Refusal::Rejected),
            (MfaOob, 400, "authorization_pending", "Authorization pending", Refusal::Pending),
            (MfaOob, 400, "slow_down", "", Refusal::SlowDown),
            (MfaOob, 401, "expired_token", "oob_code is expired", Refusal::OobCodeGone),
            (MfaOob, 400, "invalid_request", "The oob_code doesn't match the mfa_token", Refusal::OobCodeGone),
            (MfaOtp, 400, "invalid_request", wait, budget.clone()),
            (MfaOtp, 429, "too_many_attempts", "", budget),
            (Refresh, 403, "invalid_grant", "Unknown or invalid refresh token.", Refusal::RefreshTokenGone),
        ] {
            assert_eq!(refusal(endpoint, status, error, description), expected, "{status} {error} {description}");
        }
    }

    #[test]
    fn what_an_operator_must_fix_is_said() {
        for (status, error, description, fix) in [
            (403, "unauthorized_client", "Grant type 'x' not allowed for the client.", "Grant Types"),
            (403, "access_denied", "Service not enabled within domain: https://api", "AUTH0_AUDIENCE"),
            (403, "access_denied", "Client \"x\" is not authorized to access resource server \"y\".", "AUTH0_AUDIENCE"),
            (400, "invalid_request", "the connection was not found", "AUTH0_CONNECTION"),
            (400, "invalid_request", "the connection was disabled", "AUTH0_CONNECTION"),
            (400, "invalid_scope", "Scope must be an array or a string", "AUTH0_SCOPE"),
            (500, "server_error", "Authorization server not configured with default connection.", "AUTH0_CONNECTION"),
        ] {
            let Refusal::Misconfigured(what) = refusal(Endpoint::Password, status, error, description) else {
                panic!("{error} {description} is not taken as a misconfiguration")
            };
            assert!(what.contains(fix), "{error} {description}: {what}");
        }
    }

    #[test]
    fn the_unknown_is_a_failure_and_nobodys_fault() {
        for (error, description) in [
            ("invalid_grant", "Something new"),
            ("invalid_request", "Missing required parameter: realm"),
            ("brand_new_error", "Wrong email or password."),
            ("", ""),
            ("server_error", "oops"),
        ] {
            assert_eq!(refusal(Endpoint::Password, 403, error, description), Refusal::Unknown, "{error}");
            assert_eq!(refusal(Endpoint::MfaOtp, 403, error, description), Refusal::Unknown, "{error}");
        }
    }

    #[test]
    fn an_actions_message_is_cut_and_cannot_break_a_line() {
        let text = format!("No.\r\nSet-Cookie: a=b{}", "x".repeat(1000));
        let Refusal::Denied(Message(message)) = refusal(Endpoint::Password, 403, "access_denied", &text) else {
            panic!("not denied")
        };
        assert!(message.starts_with("No.Set-Cookie") && message.chars().count() == MAX_MESSAGE);
    }
}
