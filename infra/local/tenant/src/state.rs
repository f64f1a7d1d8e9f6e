//! All that a tenant knows, behind one lock.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::application::{Api, Application, ClientAuthentication, Grant};
use crate::clock::Clock;
use crate::fault::Faults;
use crate::inbox::Inbox;
use crate::key::TenantKey;
use crate::limit::{BruteForce, Bucket, Window};
use crate::mfa::{Oob, Transaction};
use crate::opaque::Digest;
use crate::people::People;
use crate::refusal::Refusal;
use crate::request::Call;
use crate::rule::Rule;
use crate::settings::Settings;
use crate::token::{AccessToken, RefreshToken};
use crate::user::Person;

pub(crate) struct State {
    pub(crate) base_url: String,
    /// `host:port` of the base URL.
    pub(crate) authority: String,
    pub(crate) domain: String,
    pub(crate) key: TenantKey,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) people: People,
    pub(crate) applications: Vec<Application>,
    pub(crate) apis: Vec<Api>,
    pub(crate) rule: Option<Rule>,
    pub(crate) transactions: HashMap<Digest, Transaction>,
    pub(crate) oob: HashMap<Digest, Oob>,
    pub(crate) access_tokens: HashMap<Digest, AccessToken>,
    pub(crate) refresh_tokens: HashMap<Digest, RefreshToken>,
    pub(crate) next_family: u64,
    pub(crate) brute_force: BruteForce,
    pub(crate) logins: HashMap<(IpAddr, String), Bucket>,
    pub(crate) window: Window,
    pub(crate) inbox: Inbox,
    pub(crate) faults: Faults,
    pub(crate) issued: u64,
}

/// An application that has said who it is.
pub(crate) struct Client {
    pub(crate) id: String,
    /// Whether it proved it with its secret.
    pub(crate) with_secret: bool,
    pub(crate) trusts_forwarded_for: bool,
    pub(crate) grants: Vec<Grant>,
}

impl State {
    pub(crate) fn now(&self) -> u64 {
        self.clock.millis()
    }

    pub(crate) fn person(&self, id: &str) -> Option<&Person> {
        self.people.get(id)
    }

    pub(crate) fn person_mut(&mut self, id: &str) -> Option<&mut Person> {
        self.people.get_mut(id)
    }

    pub(crate) fn person_called(&self, identifier: &str) -> Option<&Person> {
        self.people.called(identifier).next()
    }

    pub(crate) fn application(&self, client_id: &str) -> Option<&Application> {
        self.applications.iter().find(|application| application.client_id == client_id)
    }

    /// Whether this is the identifier of the MFA API: `https://DOMAIN/mfa/`, with the domain, or
    /// the same under the base URL.
    pub(crate) fn is_mfa_audience(&self, audience: &str) -> bool {
        let Some(origin) = audience.strip_suffix("/mfa/") else {
            return false;
        };
        origin == self.base_url
            || origin.strip_prefix("https://").is_some_and(|host| host == self.domain || host == self.authority)
    }

    /// The API of an audience, or the refusal of one that the tenant does not know.
    pub(crate) fn api(&self, audience: Option<&str>) -> Result<Option<Api>, Refusal> {
        let Some(audience) = audience else {
            return Ok(None);
        };
        if self.is_mfa_audience(audience) {
            return Ok(Some(
                Api::new(audience, &["enroll", "read:authenticators", "remove:authenticators"])
                    .token_lifetime(Duration::from_mins(10)),
            ));
        }
        self.apis
            .iter()
            .find(|api| api.identifier == audience)
            .cloned()
            .map(Some)
            .ok_or_else(|| Refusal::audience(audience))
    }

    /// Finds out which application calls, by the body or `Authorization: Basic`, and refuses one
    /// that does not prove it as it has to.
    pub(crate) fn client(&self, call: &Call) -> Result<Client, Refusal> {
        let (id, secret, by_basic) = match &call.basic {
            Some((id, secret)) => (id.as_str(), Some(secret.as_str()), true),
            None => (call.require("client_id")?, call.get("client_secret"), false),
        };
        let application = self.application(id).ok_or_else(Refusal::client)?;
        let right = match (application.authentication, secret) {
            (ClientAuthentication::None, secret) => secret.is_none(),
            (ClientAuthentication::Post, _) if by_basic => false,
            (ClientAuthentication::Basic, _) if !by_basic => false,
            (_, secret) => secret == Some(application.client_secret.as_str()),
        };
        if !right {
            return Err(Refusal::client());
        }
        Ok(Client {
            id: application.client_id.clone(),
            with_secret: secret.is_some(),
            trusts_forwarded_for: application.trusts_forwarded_for,
            grants: application.grants.clone(),
        })
    }

    /// The IP address that a call is taken to come from. `auth0-forwarded-for` counts only if the
    /// application trusts it, proved who it is with its secret, and it is one IP address.
    pub(crate) fn user_ip(call: &Call, client: &Client) -> IpAddr {
        call.forwarded_for
            .as_deref()
            .filter(|_| client.with_secret && client.trusts_forwarded_for)
            .and_then(|value| value.trim().parse().ok())
            .unwrap_or(call.peer)
    }

    /// Forgets what has been over for an hour, now and then.
    pub(crate) fn sweep(&mut self) {
        self.issued += 1;
        if !self.issued.is_multiple_of(500) {
            return;
        }
        let gone = self.now().saturating_sub(60 * 60 * 1000);
        self.transactions.retain(|_, t| t.expires > gone);
        self.oob.retain(|_, oob| oob.expires > gone);
        self.access_tokens.retain(|_, token| token.expires > gone);
        self.refresh_tokens.retain(|_, token| token.expires > gone);
    }

    pub(crate) fn discovery(&self) -> Value {
        let base = &self.base_url;
        json!({
            "issuer": format!("{base}/"),
            "token_endpoint": format!("{base}/oauth/token"),
            "revocation_endpoint": format!("{base}/oauth/revoke"),
            "userinfo_endpoint": format!("{base}/userinfo"),
            "mfa_challenge_endpoint": format!("{base}/mfa/challenge"),
            "jwks_uri": format!("{base}/.well-known/jwks.json"),
            "authorization_endpoint": format!("{base}/authorize"),
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "claims_supported": [
                "aud", "email", "email_verified", "exp", "iat", "iss", "name", "nickname", "sub",
            ],
        })
    }
}
