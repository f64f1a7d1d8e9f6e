//! Is everything that the functions need there, and as they need it?
//!
//! [`examine`] asks, with the functions' own environment and their own client for Auth0, what can be asked without a
//! user's password. Grants are tried in a way that cannot succeed, for what Auth0 refuses first tells how far it got:
//! a wrong client secret is refused before a grant that is not enabled, and that before a user who does not exist.
//!
//! [`Walk`] goes through a real sign-in and compares each reply with what is known of Auth0's wire.
//!
//! It runs with the operator's credentials and not with the functions' role: what IAM allows them it cannot tell.

mod walk;

use aws_sdk_dynamodb::types::{KeyType, ScalarAttributeType, TableStatus, TimeToLiveStatus};
use http::StatusCode;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;

pub use walk::{Question, Walk};

use crate::app::{StartError, settings};
use crate::auth0::{Auth0, Endpoint, Failure, Grant, Refusal};
use crate::aws::Aws;
use crate::clock::Clock;
use crate::config::{Config, MfaPolicy, SameSite, has_scope};
use crate::invocation::Invocation;
use crate::opaque::{MfaToken, OobCode, Private, RefreshToken};
use crate::reply::Error;
use crate::secret::{Secret, SecretError};

/// The address that the trials are made in the name of: one that is nobody's (RFC 5737), so that Auth0's attack
/// protection counts them for nobody.
const NOBODYS_ADDRESS: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it is.
    pub verdict: Verdict,
}

/// How a thing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it has to be.
    Well(String),
    /// It works, and may not be what is meant.
    Odd(String),
    /// It does not work: what was seen, what to mend, and where.
    Wrong(String),
    /// Not looked at, because of what is wrong before it.
    Skipped(&'static str),
}

impl Verdict {
    /// Whether something has to be mended.
    pub fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong(_))
    }
}

/// The functions' clients, set up as in the functions but for where AWS's credentials come from.
struct Setup {
    config: Config,
    auth0: Auth0,
    aws: Aws,
    clock: Clock,
}

impl Setup {
    async fn from_env(var: &impl Fn(&str) -> Option<String>, clock: Clock) -> Result<Self, Vec<String>> {
        let (config, http) = settings(var).map_err(|error| match error {
            StartError::Config(error) => error.faults().to_vec(),
            StartError::Http(error) => vec![error.to_string()],
        })?;
        let aws = Aws::from_default_chain(var, &http).await;
        let secret = Secret::of(&config.auth0, aws.secrets_manager(), clock.clone());
        let auth0 = Auth0::new(http, config.auth0.clone(), secret, clock.clone());
        Ok(Self { config, auth0, aws, clock })
    }
}

fn invocation() -> Invocation {
    let mut invocation = Invocation::init();
    invocation.client_ip = Some(NOBODYS_ADDRESS);
    invocation
}

/// Looks at everything. `var` reads the functions' environment.
pub async fn examine(var: impl Fn(&str) -> Option<String>, clock: Clock) -> Vec<Check> {
    let setup = match Setup::from_env(&var, clock).await {
        Ok(setup) => setup,
        Err(faults) => {
            return faults
                .into_iter()
                .map(|fault| Check { name: "environment", verdict: Verdict::Wrong(fault) })
                .collect();
        }
    };
    let mut checks = vec![Check { name: "environment", verdict: Verdict::Well("complete".to_owned()) }];
    checks.extend(odd_settings(&setup.config));
    let ((domain, trust), table) = futures_util::future::join(setup.auth0_side(), setup.table()).await;
    checks.push(Check { name: "Auth0 domain", verdict: domain });
    checks.extend(trust);
    checks.extend(table);
    checks
}

/// Settings that are possible, and seldom meant.
fn odd_settings(config: &Config) -> Vec<Check> {
    let mut odd = Vec::new();
    let mut say = |name, what: &str| odd.push(Check { name, verdict: Verdict::Odd(what.to_owned()) });
    let auth0 = &config.auth0;
    if auth0.audience.ends_with("/mfa/") {
        say(
            "AUTH0_AUDIENCE",
            "is the MFA API: the page's access token can enroll and remove the user's factors. Set it to your own \
             API's identifier (Applications > APIs)",
        );
    }
    if config.mfa_policy == MfaPolicy::Optional {
        say("MFA_POLICY", "is optional: a user without a second factor is signed in without one");
    }
    if config.cookie.insecure {
        say("COOKIE_INSECURE", "is true: for local work only");
    }
    if config.cookie.same_site == SameSite::None {
        say("COOKIE_SAME_SITE", "is None: browsers that refuse third-party cookies will not keep a session");
    }
    if config.cookie.same_site != SameSite::None && !config.allowed_origins.is_empty() {
        say(
            "ALLOWED_ORIGINS",
            "has origins, and COOKIE_SAME_SITE is not None: the cookie goes along only if their site (the registrable \
             domain) is the API's own",
        );
    }
    if !config.step_up_scopes.is_empty() && auth0.audience.ends_with("/mfa/") {
        say("STEP_UP_SCOPES", "are scopes of your own API, and AUTH0_AUDIENCE is the MFA API, which has none of them");
    }
    if config.step_up_scopes.iter().any(|scope| has_scope(&auth0.scope, scope)) {
        say("STEP_UP_SCOPES", "has a scope that AUTH0_SCOPE asks for as well: every sign-in would have it");
    }
    odd
}

impl Setup {
    /// The domain; and, if it is one, the secret and the grants.
    async fn auth0_side(&self) -> (Verdict, Vec<Check>) {
        let (domain, secret) = futures_util::future::join(self.domain(), self.secret()).await;
        let mut checks = vec![Check { name: "client secret in Secrets Manager", verdict: secret }];
        let reason = if domain.is_wrong() {
            Some("Auth0 cannot be asked")
        } else if checks.iter().any(|check| check.verdict.is_wrong()) {
            Some("there is no secret to ask with")
        } else {
            None
        };
        if let Some(reason) = reason {
            let skipped = |name| Check { name, verdict: Verdict::Skipped(reason) };
            checks.extend([PASSWORD, MFA].map(skipped));
            return (domain, checks);
        }
        let password = self.password_grant().await;
        let stop = password.is_wrong();
        checks.push(Check { name: PASSWORD, verdict: password });
        if stop {
            checks.push(Check { name: MFA, verdict: Verdict::Skipped("the grant before it is refused") });
            return (domain, checks);
        }
        checks.push(Check { name: MFA, verdict: self.mfa_grants().await });
        if has_scope(&self.config.auth0.scope, "offline_access") {
            checks.push(Check { name: "refresh token grant", verdict: self.refresh_grant().await });
        }
        (domain, checks)
    }

    async fn domain(&self) -> Verdict {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
        }
        let origin = &self.config.auth0.origin;
        let reply = match self.auth0.discovery(&invocation()).await {
            Ok(reply) => reply,
            Err(failure) => {
                return Verdict::Wrong(format!(
                    "{origin} does not answer ({failure}). Check AUTH0_DOMAIN, and that this machine reaches it"
                ));
            }
        };
        let Ok(discovery) = serde_json::from_slice::<Discovery>(&reply.body) else {
            return Verdict::Wrong(format!(
                "{origin} answers {} to /.well-known/openid-configuration, without an issuer: it is no Auth0 tenant. \
                 Check AUTH0_DOMAIN (Settings > General, or Branding > Custom Domains)",
                reply.status.as_u16()
            ));
        };
        let expected = format!("{origin}/");
        if discovery.issuer != expected {
            return Verdict::Wrong(format!(
                "{origin} issues tokens as {}, and the functions take those of {expected}. With a custom domain, \
                 AUTH0_DOMAIN has to be that one (Branding > Custom Domains)",
                discovery.issuer
            ));
        }
        if !self.shows_keys().await {
            return Verdict::Wrong(format!(
                "{origin} does not show its keys at /.well-known/jwks.json: no API could check its tokens"
            ));
        }
        Verdict::Well(format!("{origin} issues tokens as {expected}, and shows its keys"))
    }

    async fn shows_keys(&self) -> bool {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<serde::de::IgnoredAny>,
        }
        let Ok(reply) = self.auth0.jwks(&invocation()).await else { return false };
        serde_json::from_slice::<Jwks>(&reply.body).is_ok_and(|jwks| !jwks.keys.is_empty())
    }

    async fn secret(&self) -> Verdict {
        match self.auth0.secret().get().await {
            Ok(credentials) => {
                let client = match credentials.client_id {
                    Some(_) => "with a client_id of its own, which goes before AUTH0_CLIENT_ID",
                    None => "plain",
                };
                Verdict::Well(format!("read, {client}"))
            }
            Err(fault) => {
                let put = "Put the application's Client Secret (Applications > the application > Settings) into the \
                           secret that AUTH0_CLIENT_SECRET_ID names";
                let fix = match &fault {
                    SecretError::Malformed(_) => put,
                    SecretError::Unavailable(why) => aws_fix(why, put),
                };
                Verdict::Wrong(format!("{fault}. {fix}"))
            }
        }
    }

    /// A sign-in of somebody who cannot exist.
    async fn password_grant(&self) -> Verdict {
        let (Some(name), Some(password)) = (random(), random()) else {
            return Verdict::Wrong("this machine has no random numbers".to_owned());
        };
        let username = Private::from(format!("doctor-{name}@example.invalid"));
        match self.auth0.password(&invocation(), &username, &Private::from(password)).await {
            Err(failure) if failure.refusal() == Some(&Refusal::WrongCredentials) => Verdict::Well(
                "the client secret is taken; the grant, the connection and the audience are there: nobody's password \
                 is a wrong one"
                    .to_owned(),
            ),
            Err(failure) if failure.refusal() == Some(&Refusal::VerificationRequired) => Verdict::Odd(
                "bot detection wants a captcha of somebody unknown, which a sign-in by password cannot solve: users \
                 may meet verification_required (Security > Attack Protection > Bot Detection). Whether the rest is \
                 right cannot be seen"
                    .to_owned(),
            ),
            Err(failure) => wrong(failure),
            Ok(Grant::Tokens(_) | Grant::MfaRequired(_)) => Verdict::Wrong(
                "a user who cannot exist was let in: is AUTH0_CONNECTION a database connection?".to_owned(),
            ),
        }
    }

    /// The three grants, each with an `mfa_token` that is none.
    async fn mfa_grants(&self) -> Verdict {
        let (mfa_token, code) = (MfaToken::from("none".to_owned()), Private::from("000000".to_owned()));
        let oob_code = OobCode::from("none".to_owned());
        let invocation = invocation();
        let otp = self.auth0.mfa_otp(&invocation, &mfa_token, &code, "").await;
        let oob = self.auth0.mfa_oob(&invocation, &mfa_token, &oob_code, Some(&code), "").await;
        let recovery = self.auth0.mfa_recovery_code(&invocation, &mfa_token, &code, "").await;
        for result in [otp, oob, recovery] {
            match result {
                // A grant that is not enabled is refused as such; which of its fields an enabled one looks at first
                // is not documented.
                Err(failure)
                    if matches!(
                        failure.refusal(),
                        Some(Refusal::MfaTokenGone | Refusal::OobCodeGone | Refusal::WrongCode | Refusal::Rejected)
                    ) => {}
                Err(failure) => return wrong(failure),
                Ok(_) => return Verdict::Wrong("an mfa_token that is none was taken".to_owned()),
            }
        }
        Verdict::Well(
            "mfa-otp, mfa-oob and mfa-recovery-code are enabled: what they are given is what is refused".to_owned(),
        )
    }

    async fn refresh_grant(&self) -> Verdict {
        match self.auth0.refresh(&invocation(), &RefreshToken::from("none".to_owned()), "openid").await {
            Err(failure) if failure.refusal() == Some(&Refusal::RefreshTokenGone) => {
                Verdict::Well("enabled: the refresh token is what is refused".to_owned())
            }
            Err(failure) => wrong(failure),
            Ok(_) => Verdict::Wrong("a refresh token that is none was taken".to_owned()),
        }
    }

    async fn table(&self) -> Vec<Check> {
        let name = &self.config.session.table;
        let described = self.aws.dynamodb().describe_table().table_name(name).send().await;
        let table = match described {
            Ok(described) => described.table,
            Err(error) => {
                let fault = crate::aws::fault(&error);
                let fix = aws_fix(&fault, "Check SESSION_TABLE and AWS_REGION; infra/template.yaml makes the table");
                let verdict = Verdict::Wrong(format!("{name} cannot be described: {fault}. {fix}"));
                return vec![
                    Check { name: TABLE, verdict },
                    Check { name: TTL, verdict: Verdict::Skipped("no table") },
                ];
            }
        };
        let Some(table) = table else {
            let verdict = Verdict::Wrong(format!("{name}: DynamoDB describes nothing"));
            return vec![Check { name: TABLE, verdict }];
        };
        let is_active = table.table_status == Some(TableStatus::Active);
        let key: Vec<_> = table.key_schema().iter().map(|key| (key.attribute_name(), key.key_type().clone())).collect();
        let is_text = table.attribute_definitions().iter().any(|attribute| {
            attribute.attribute_name() == "id" && *attribute.attribute_type() == ScalarAttributeType::S
        });
        let verdict = if key != [("id", KeyType::Hash)] || !is_text {
            let keys: Vec<_> = key.iter().map(|(name, kind)| format!("{name} ({kind:?})")).collect();
            Verdict::Wrong(format!(
                "{name} has the key {}; it has to be the partition key id, of type S, alone. A key cannot be changed: \
                 make another table",
                keys.join(", ")
            ))
        } else if is_active {
            Verdict::Well(format!("{name} is active, with the partition key id"))
        } else {
            Verdict::Wrong(format!("{name} is not active yet: {:?}. Wait, and ask again", table.table_status))
        };
        vec![Check { name: TABLE, verdict }, Check { name: TTL, verdict: self.time_to_live().await }]
    }

    async fn time_to_live(&self) -> Verdict {
        let name = &self.config.session.table;
        let fix = "DynamoDB > Tables > the table > Additional settings > Time to Live, attribute expires_at";
        match self.aws.dynamodb().describe_time_to_live().table_name(name).send().await {
            Err(error) => {
                let fault = crate::aws::fault(&error);
                Verdict::Wrong(format!("cannot be described: {fault}. {}", aws_fix(&fault, fix)))
            }
            Ok(described) => {
                let ttl = described.time_to_live_description;
                let status = ttl.as_ref().and_then(|ttl| ttl.time_to_live_status.clone());
                let attribute = ttl.as_ref().and_then(|ttl| ttl.attribute_name.clone());
                match (status, attribute.as_deref()) {
                    (Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling), Some("expires_at")) => {
                        Verdict::Well("on, by expires_at".to_owned())
                    }
                    (Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling), Some(other)) => {
                        Verdict::Wrong(format!("is on by the attribute {other}, which no item has. Mend it: {fix}"))
                    }
                    _ => Verdict::Wrong(format!("is off: sessions that are over would stay for ever. Mend it: {fix}")),
                }
            }
        }
    }
}

const PASSWORD: &str = "password grant";
const MFA: &str = "MFA grants";
const TABLE: &str = "session table";
const TTL: &str = "its time to live";

/// What to mend where AWS did not do as it was asked. `missing` is for what is not there.
fn aws_fix<'a>(fault: &str, missing: &'a str) -> &'a str {
    if fault.contains("ResourceNotFoundException") {
        missing
    } else if fault.contains("AccessDenied") {
        "AWS is asked with your own credentials, not with the functions' role: they need \
         secretsmanager:GetSecretValue, dynamodb:DescribeTable and dynamodb:DescribeTimeToLive"
    } else {
        "Check your AWS credentials, AWS_REGION, and that this machine reaches AWS"
    }
}

/// A failure in the words that the functions' log has for it, which say what to mend and where.
fn wrong(failure: Failure) -> Verdict {
    let error = Error::from(failure);
    Verdict::Wrong(match error.detail() {
        Some(detail) => detail.to_owned(),
        None => format!("refused with what would be {} to a user", error.code().1),
    })
}

fn random() -> Option<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_le_bytes(bytes)))
}

/// The reply of a call, as the doctor looks at it.
pub(crate) struct Seen {
    pub(crate) endpoint: Endpoint,
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}
