//! Users and their factors.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use totp_rs::{Secret, Totp};

use crate::StartError;
use crate::limit::Budgets;
use crate::opaque;
use crate::settings::{DEFAULT_CONNECTION, Policy};

/// A kind of factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Factor {
    /// An authenticator app: RFC 6238 codes.
    Otp,
    /// A code by text message.
    Sms,
    /// A code by telephone call.
    Voice,
    /// A code by e-mail.
    Email,
    /// A notification to approve or refuse (Auth0 Guardian).
    Push,
    /// The recovery code.
    RecoveryCode,
}

impl Factor {
    /// `authenticator_type` on the wire, which is also the challenge type: `otp`, `oob` or
    /// `recovery-code`.
    pub fn authenticator_type(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::RecoveryCode => "recovery-code",
            Self::Sms | Self::Voice | Self::Email | Self::Push => "oob",
        }
    }

    /// `oob_channel` on the wire; a push's is `auth0`.
    pub fn oob_channel(self) -> Option<&'static str> {
        match self {
            Self::Sms => Some("sms"),
            Self::Voice => Some("voice"),
            Self::Email => Some("email"),
            Self::Push => Some("auth0"),
            Self::Otp | Self::RecoveryCode => None,
        }
    }

    pub(crate) fn from_channel(channel: &str) -> Option<Self> {
        [Self::Sms, Self::Voice, Self::Email, Self::Push]
            .into_iter()
            .find(|factor| factor.oob_channel() == Some(channel))
    }

    /// The name in `mfa_requirements` and in an authenticator's `type`.
    pub fn requirement(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Sms | Self::Voice => "phone",
            Self::Email => "email",
            Self::Push => "push-notification",
            Self::RecoveryCode => "recovery-code",
        }
    }

    fn id_prefix(self) -> &'static str {
        match self {
            Self::Otp => "totp",
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Email => "email",
            Self::Push => "push",
            Self::RecoveryCode => "recovery-code",
        }
    }
}

/// A factor that a new user comes with, in the words of the control API.
#[derive(Clone, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
enum NewFactor {
    Otp { secret: Option<String> },
    Sms { phone_number: String },
    Voice { phone_number: String },
    Email { email: Option<String> },
    Push { device: String },
    RecoveryCode { code: Option<String> },
}

/// A user as a test or an operator describes one.
///
/// ```
/// use auth0_tenant::User;
///
/// let ada = User::new("ada@example.com", "correct horse")
///     .otp_secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
///     .sms("+4915123456789")
///     .recovery_code("ABCDEFGHIJKLMNOPQRSTUVWX");
/// ```
///
/// A factor given here is enrolled and confirmed. As on Auth0, a push brings an OTP entry with it
/// and an SMS a voice entry. Where the tenant may choose a factor, it takes the one given first.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    email: String,
    password: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    connection: Option<String>,
    #[serde(default)]
    email_unverified: bool,
    #[serde(default)]
    conduct: Conduct,
    #[serde(default)]
    policy: Option<Policy>,
    #[serde(default)]
    chain: Vec<Vec<Factor>>,
    #[serde(default)]
    factors: Vec<NewFactor>,
}

/// What the tenant has against a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conduct {
    /// Nothing.
    #[default]
    Good,
    /// An administrator has blocked the user ("user is blocked").
    Blocked,
    /// The password is known from a breach (401 `password_leaked`).
    PasswordLeaked,
    /// The login looks like a bot's (401 `requires_verification`).
    RequiresVerification,
    /// An Action denies every login, with this text (403 `access_denied`).
    Denied(String),
    /// A Rule fails every login, with this text (401 `unauthorized`).
    Unauthorized(String),
}

impl User {
    /// A user of the default connection with a verified e-mail address and no factor.
    pub fn new(email: &str, password: &str) -> Self {
        Self {
            email: email.to_owned(),
            password: password.to_owned(),
            id: None,
            username: None,
            name: None,
            connection: None,
            email_unverified: false,
            conduct: Conduct::Good,
            policy: None,
            chain: Vec::new(),
            factors: Vec::new(),
        }
    }

    /// The `sub` of the user's tokens, `auth0|` and 24 hexadecimal digits unless it is said.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// A username, which signs in as well as the e-mail address does.
    #[must_use]
    pub fn username(mut self, username: &str) -> Self {
        self.username = Some(username.to_owned());
        self
    }

    /// The `name` claim.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The database connection (realm), if not the default one.
    #[must_use]
    pub fn connection(mut self, connection: &str) -> Self {
        self.connection = Some(connection.to_owned());
        self
    }

    /// The e-mail address is not verified.
    #[must_use]
    pub fn email_unverified(mut self) -> Self {
        self.email_unverified = true;
        self
    }

    /// What the tenant has against the user.
    #[must_use]
    pub fn conduct(mut self, conduct: Conduct) -> Self {
        self.conduct = conduct;
        self
    }

    /// When this user is asked for a second factor, whatever the tenant's policy.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Asks this user for several factors in turn: any one of each step.
    #[must_use]
    pub fn chain<I, S>(mut self, steps: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: IntoIterator<Item = Factor>,
    {
        self.chain = steps.into_iter().map(|step| step.into_iter().collect()).collect();
        self
    }

    /// An authenticator app with a random secret; ask the tenant for its codes.
    #[must_use]
    pub fn otp(mut self) -> Self {
        self.factors.push(NewFactor::Otp { secret: None });
        self
    }

    /// An authenticator app with this secret (base32).
    #[must_use]
    pub fn otp_secret(mut self, base32: &str) -> Self {
        self.factors.push(NewFactor::Otp { secret: Some(base32.to_owned()) });
        self
    }

    /// A telephone for text messages, and so for calls too.
    #[must_use]
    pub fn sms(mut self, phone_number: &str) -> Self {
        self.factors.push(NewFactor::Sms { phone_number: phone_number.to_owned() });
        self
    }

    /// A telephone for calls alone.
    #[must_use]
    pub fn voice(mut self, phone_number: &str) -> Self {
        self.factors.push(NewFactor::Voice { phone_number: phone_number.to_owned() });
        self
    }

    /// Codes by e-mail, enrolled.
    #[must_use]
    pub fn email_factor(mut self) -> Self {
        self.factors.push(NewFactor::Email { email: None });
        self
    }

    /// A phone with the Guardian app of this name, and so an OTP too.
    #[must_use]
    pub fn push(mut self, device: &str) -> Self {
        self.factors.push(NewFactor::Push { device: device.to_owned() });
        self
    }

    /// A recovery code.
    #[must_use]
    pub fn recovery_code(mut self, code: &str) -> Self {
        self.factors.push(NewFactor::RecoveryCode { code: Some(code.to_owned()) });
        self
    }

    /// The e-mail address.
    pub fn email(&self) -> &str {
        &self.email
    }

    pub(crate) fn into_person(self, now_millis: u64) -> Result<Person, StartError> {
        let mut devices = Vec::new();
        for factor in &self.factors {
            let new = match factor {
                NewFactor::Otp { secret } => Device::otp(match secret {
                    Some(base32) => parse_secret(base32)?,
                    None => Secret::generate(),
                }),
                NewFactor::Sms { phone_number } => Device::sms(phone_number),
                NewFactor::Voice { phone_number } => Device::voice(phone_number),
                NewFactor::Email { email } => Device::email(email.as_deref().unwrap_or(&self.email)),
                NewFactor::Push { device } => Device::push(Some(device.clone())),
                NewFactor::RecoveryCode { code } => {
                    Device::recovery(code.clone().unwrap_or_else(opaque::recovery_code))
                }
            };
            devices.extend(new.into_iter().map(|device| Device { active: true, ..device }));
        }
        if !self.email_unverified {
            devices.extend(Device::email(&self.email).into_iter().map(|device| Device {
                active: true,
                implied: true,
                ..device
            }));
        }
        Ok(Person {
            id: self.id.unwrap_or_else(|| format!("auth0|{}", opaque::hex(&opaque::random(12)))),
            name: self.name.unwrap_or_else(|| self.email.clone()),
            email: self.email,
            email_verified: !self.email_unverified,
            username: self.username,
            password: self.password,
            connection: self.connection.unwrap_or_else(|| DEFAULT_CONNECTION.to_owned()),
            conduct: self.conduct,
            policy: self.policy,
            chain: self.chain,
            devices,
            budgets: Budgets::new(),
            created_millis: now_millis,
        })
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("email", &self.email).finish_non_exhaustive()
    }
}

fn parse_secret(base32: &str) -> Result<Secret, StartError> {
    let secret = Secret::try_from_base32(base32).map_err(|_| StartError::OtpSecret)?;
    if secret.as_bytes().is_empty() {
        return Err(StartError::OtpSecret);
    }
    Ok(secret)
}

/// A user as the tenant keeps one.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) username: Option<String>,
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) connection: String,
    pub(crate) conduct: Conduct,
    pub(crate) policy: Option<Policy>,
    pub(crate) chain: Vec<Vec<Factor>>,
    pub(crate) devices: Vec<Device>,
    pub(crate) budgets: Budgets,
    pub(crate) created_millis: u64,
}

impl Person {
    /// What the user may type as a name, in lower case.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        let names = [Some(&self.email), self.username.as_ref()].into_iter().flatten();
        names.map(|name| name.to_ascii_lowercase())
    }

    /// The factors that are enrolled and confirmed, in the order of enrollment. A verified e-mail
    /// address that nobody enrolled comes last, if the tenant takes it for a factor at all.
    pub(crate) fn active(&self, email_is_factor: bool) -> impl Iterator<Item = &Device> {
        let enrolled = self.devices.iter().filter(|d| d.active && !d.implied);
        let implied = self.devices.iter().filter(move |d| d.active && d.implied && email_is_factor);
        enrolled.chain(implied)
    }

    /// Whether the user has enrolled and confirmed any factor other than the recovery code.
    pub(crate) fn is_enrolled(&self) -> bool {
        self.devices.iter().any(|d| d.active && !d.implied && d.factor != Factor::RecoveryCode)
    }

    /// Confirms a device, the one that came with it, and the recovery code.
    pub(crate) fn confirm(&mut self, device_id: &str) {
        let pair = self.devices.iter().find(|device| device.id == device_id).and_then(|device| device.pair.clone());
        for device in &mut self.devices {
            if device.id == device_id || Some(&device.id) == pair.as_ref() || device.factor == Factor::RecoveryCode {
                device.active = true;
            }
        }
    }
}

/// One authenticator of a user.
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) factor: Factor,
    pub(crate) active: bool,
    /// A verified e-mail address, listed without ever having been enrolled.
    pub(crate) implied: bool,
    /// The id of the entry that came with it and goes with it.
    pub(crate) pair: Option<String>,
    /// Where codes go; for a push the device's name.
    pub(crate) target: Option<String>,
    /// The TOTP secret.
    pub(crate) secret: Option<Secret>,
    /// The recovery code.
    pub(crate) code: Option<String>,
    /// The 30 second steps whose codes have been used.
    pub(crate) used_steps: Vec<u64>,
}

/// The length of a TOTP step in seconds.
pub(crate) const STEP: u64 = 30;

impl Device {
    fn new(factor: Factor) -> Self {
        Self {
            id: format!("{}|dev_{}", factor.id_prefix(), opaque::alphanumeric(16)),
            factor,
            active: false,
            implied: false,
            pair: None,
            target: None,
            secret: None,
            code: None,
            used_steps: Vec::new(),
        }
    }

    pub(crate) fn otp(secret: Secret) -> Vec<Self> {
        vec![Self { secret: Some(secret), ..Self::new(Factor::Otp) }]
    }

    pub(crate) fn sms(phone_number: &str) -> Vec<Self> {
        let sms = Self { target: Some(phone_number.to_owned()), ..Self::new(Factor::Sms) };
        Self::paired(sms, Self::voice(phone_number))
    }

    pub(crate) fn voice(phone_number: &str) -> Vec<Self> {
        vec![Self { target: Some(phone_number.to_owned()), ..Self::new(Factor::Voice) }]
    }

    pub(crate) fn email(email: &str) -> Vec<Self> {
        vec![Self { target: Some(email.to_owned()), ..Self::new(Factor::Email) }]
    }

    pub(crate) fn push(name: Option<String>) -> Vec<Self> {
        let push = Self { target: name, ..Self::new(Factor::Push) };
        Self::paired(push, Self::otp(Secret::generate()))
    }

    pub(crate) fn recovery(code: String) -> Vec<Self> {
        vec![Self { code: Some(code), ..Self::new(Factor::RecoveryCode) }]
    }

    fn paired(mut one: Self, others: Vec<Self>) -> Vec<Self> {
        let mut pair = Vec::new();
        for mut other in others {
            one.pair = Some(other.id.clone());
            other.pair = Some(one.id.clone());
            pair.push(other);
        }
        pair.insert(0, one);
        pair
    }

    /// The name in the list of authenticators: a telephone number but for its last four digits, an
    /// address but for the first four letters of its domain (both as the live service was recorded
    /// to mask them), a push device's name as it is.
    pub(crate) fn masked_name(&self) -> Option<String> {
        let target = self.target.as_ref()?;
        Some(match self.factor {
            Factor::Sms | Factor::Voice => {
                let hidden = target.chars().count().saturating_sub(4);
                let seen: String = target.chars().skip(hidden).collect();
                format!("{}{seen}", "X".repeat(hidden))
            }
            Factor::Email => {
                let (local, domain) = target.split_once('@').unwrap_or((target, ""));
                let seen: String = domain.chars().take(4).collect();
                format!(
                    "{}@{seen}{}",
                    "*".repeat(local.chars().count()),
                    "*".repeat(domain.chars().count().saturating_sub(4))
                )
            }
            Factor::Otp | Factor::Push | Factor::RecoveryCode => target.clone(),
        })
    }

    /// The code of the step that `seconds` (since the epoch) falls in.
    pub(crate) fn otp_code(&self, seconds: u64) -> Option<String> {
        let secret = self.secret.clone()?;
        Some(totp(secret).generate(seconds).to_string())
    }

    /// Takes a code if it is the current step's or the one's before, and has not been used
    /// (RFC 6238, section 5.2).
    pub(crate) fn take_otp(&mut self, code: &str, seconds: u64) -> bool {
        let Some(secret) = self.secret.clone() else {
            return false;
        };
        let totp = totp(secret);
        let step = seconds / STEP;
        let matched =
            [step, step.saturating_sub(1)].into_iter().find(|step| totp.generate(step * STEP).to_string() == code);
        let Some(matched) = matched else {
            return false;
        };
        if self.used_steps.contains(&matched) {
            return false;
        }
        self.used_steps.retain(|used| used + 2 > step);
        self.used_steps.push(matched);
        true
    }
}

/// SHA-1, 6 digits, 30 seconds: what Auth0's `barcode_uri` says. A secret under 128 bits, as many
/// examples have, is taken too.
fn totp(secret: Secret) -> Totp {
    totp_rs::Builder::new().with_secret(secret).build_noncompliant()
}

/// `otpauth://totp/<tenant>:<user>?secret=…&issuer=…&algorithm=SHA1&digits=6&period=30`.
pub(crate) fn otpauth_uri(tenant: &str, user: &str, secret: &str) -> String {
    let tenant = encode(tenant);
    format!(
        "otpauth://totp/{tenant}:{}?secret={secret}&issuer={tenant}&algorithm=SHA1&digits=6&period={STEP}",
        encode(user)
    )
}

pub(crate) fn encode(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}

/// An authenticator of a user, as a test may look at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Authenticator {
    /// Its id, such as `totp|dev_…`.
    pub id: String,
    /// Its kind.
    pub factor: Factor,
    /// Whether its enrollment was confirmed.
    pub active: bool,
    /// Its masked name.
    pub name: Option<String>,
}

impl From<&Device> for Authenticator {
    fn from(device: &Device) -> Self {
        Self { id: device.id.clone(), factor: device.factor, active: device.active, name: device.masked_name() }
    }
}

/// Whether this is an E.164 number: a plus sign and 8 to 15 digits, the first not 0.
pub(crate) fn is_phone_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_masked_as_the_live_service_masks_them() {
        let sms = &Device::sms("+911234569167")[0];
        assert_eq!(sms.masked_name().unwrap(), "XXXXXXXXX9167");
        let email = &Device::email("user@example.com")[0];
        assert_eq!(email.masked_name().unwrap(), "****@exam*******");
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // RFC 6238, appendix B, truncated to six digits.
        let secret = Secret::new(Box::from(*b"12345678901234567890"));
        let device = &Device::otp(secret)[0];
        assert_eq!(device.otp_code(59).unwrap(), "287082");
        assert_eq!(device.otp_code(1_111_111_109).unwrap(), "081804");
        assert_eq!(device.otp_code(20_000_000_000).unwrap(), "353130");
    }

    #[test]
    fn a_code_is_good_in_its_own_step_and_the_next_and_once() {
        let secret = Secret::new(Box::from(*b"12345678901234567890"));
        let code = Device::otp(secret.clone())[0].otp_code(600).unwrap();
        let fresh = || Device::otp(secret.clone()).remove(0);
        assert!(!fresh().take_otp(&code, 599));
        assert!(fresh().take_otp(&code, 600));
        assert!(fresh().take_otp(&code, 659));
        assert!(!fresh().take_otp(&code, 660));
        let mut device = fresh();
        assert!(device.take_otp(&code, 629));
        assert!(!device.take_otp(&code, 629));
        assert!(!device.take_otp(&code, 659));
    }

    #[test]
    fn only_e164_is_a_phone_number() {
        assert!(is_phone_number("+4915123456789"));
        for wrong in ["", "+", "4915123456789", "+0151234567", "+49 151 2345", "+1234567"] {
            assert!(!is_phone_number(wrong), "{wrong}");
        }
    }
}
