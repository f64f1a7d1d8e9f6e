//! `/oauth/token`, `/oauth/revoke`, `/userinfo`: who gets which tokens.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::application::Grant;
use crate::fault;
use crate::limit;
use crate::mfa::{Demand, Transaction};
use crate::opaque::{self, Digest, digest_of};
use crate::refusal::Refusal;
use crate::request::Call;
use crate::rule::{Login, Protocol, Verdict};
use crate::settings::{Policy, StepUpRefresh};
use crate::state::{Client, State};
use crate::user::{Conduct, Factor, Person};

/// An access token that is good for the tenant's own endpoints: `/userinfo` and the MFA API.
pub(crate) struct AccessToken {
    pub(crate) user_id: String,
    pub(crate) client_id: String,
    pub(crate) audience: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires: u64,
    pub(crate) polls: limit::Bucket,
}

/// One refresh token of a family: those that came of one sign-in.
pub(crate) struct RefreshToken {
    pub(crate) family: u64,
    pub(crate) client_id: String,
    pub(crate) user_id: String,
    pub(crate) audience: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) used_at: Option<u64>,
    pub(crate) revoked: bool,
    pub(crate) expires: u64,
}

/// What a flow that succeeds is to give.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) user_id: String,
    pub(crate) client_id: String,
    pub(crate) grant: Grant,
    pub(crate) ip: IpAddr,
    pub(crate) audience: Option<String>,
    /// The scopes that the request named.
    pub(crate) requested: Vec<String>,
    /// The scopes that it gets if the flow succeeds with a second factor.
    pub(crate) scopes: Vec<String>,
    /// The refresh token that the flow began with.
    pub(crate) refresh: Option<Digest>,
}

impl Order {
    fn protocol(&self) -> Protocol {
        match self.grant {
            Grant::RefreshToken => Protocol::RefreshToken,
            _ => Protocol::Password,
        }
    }
}

impl State {
    /// `POST /oauth/token`.
    pub(crate) fn token(&mut self, call: &Call) -> Result<Value, Refusal> {
        let grant_type = call.require("grant_type")?;
        let client = self.client(call)?;
        let grant = Grant::from_urn(grant_type).ok_or_else(|| Refusal::unsupported_grant_type(grant_type))?;
        if !client.grants.contains(&grant) {
            return Err(Refusal::grant_not_allowed(grant_type));
        }
        match grant {
            Grant::Password | Grant::PasswordRealm => self.password(call, &client, grant),
            Grant::RefreshToken => self.refresh(call, &client),
            Grant::MfaOtp => self.mfa_otp(call, &client),
            Grant::MfaOob => self.mfa_oob(call, &client),
            Grant::MfaRecoveryCode => self.mfa_recovery_code(call, &client),
        }
    }

    fn password(&mut self, call: &Call, client: &Client, grant: Grant) -> Result<Value, Refusal> {
        let username = call.require("username")?;
        let password = call.require("password")?;
        let connection = self.connection(call, grant)?;
        let audience = call.get("audience").map(ToOwned::to_owned).or_else(|| self.settings.default_audience.clone());
        let api = self.api(audience.as_deref())?;
        let requested = call.scopes()?;
        if self.settings.bot_detection {
            return Err(Refusal::requires_verification());
        }

        let now = self.now();
        let ip = Self::user_ip(call, client);
        let person = self.people.called(username).find(|person| person.connection == connection);
        let identifier = person.map_or_else(|| username.to_lowercase(), |person| person.id.clone());
        if self.brute_force.is_blocked(ip, &identifier, now) {
            return Err(Refusal::brute_force());
        }
        if self.settings.login_rate
            && !self.logins.entry((ip, identifier.clone())).or_insert_with(limit::logins).take(now)
        {
            return Err(Refusal::rate_limit(Vec::new()));
        }
        let Some(person) = person.filter(|person| person.password == password) else {
            if let Some(threshold) = self.settings.brute_force_threshold {
                self.brute_force.failed(ip, &identifier, threshold, now);
            }
            return Err(Refusal::credentials());
        };
        self.brute_force.succeeded(ip, &identifier);
        self.conduct(person, false)?;

        let offers = api.as_ref().map_or(&[][..], |api| &api.scopes);
        let offline = client.grants.contains(&Grant::RefreshToken) && api.as_ref().is_none_or(|api| api.offline_access);
        let scopes = match &requested {
            // A password is full trust: who asks for nothing gets everything (Auth0, Resource Owner
            // Password Flow), though no refresh token.
            None => ["openid", "profile", "email", "address", "phone"]
                .into_iter()
                .map(ToOwned::to_owned)
                .chain(offers.iter().cloned())
                .collect(),
            Some(requested) => requested
                .iter()
                .filter(|scope| match scope.as_str() {
                    "openid" | "profile" | "email" | "address" | "phone" => true,
                    "offline_access" => offline,
                    _ => offers.contains(scope),
                })
                .cloned()
                .collect(),
        };
        let order = Order {
            user_id: person.id.clone(),
            client_id: client.id.clone(),
            grant,
            ip,
            audience,
            requested: requested.unwrap_or_default(),
            scopes,
            refresh: None,
        };
        self.begin(order, call)
    }

    /// The realm of a password grant. Auth0's JavaScript client sends one with `password`, too.
    fn connection(&self, call: &Call, grant: Grant) -> Result<String, Refusal> {
        let realm = match grant {
            Grant::PasswordRealm => Some(call.require("realm")?),
            _ => call.get("realm"),
        };
        let Some(realm) = realm.or(self.settings.default_directory.as_deref()) else {
            return Err(Refusal::no_default_directory());
        };
        let listed = |list: &[String]| list.iter().any(|name| name == realm);
        if listed(&self.settings.disabled_connections) {
            return Err(Refusal::invalid_request("the connection was disabled"));
        }
        if !listed(&self.settings.connections) {
            return Err(Refusal::invalid_request("the connection was not found"));
        }
        Ok(realm.to_owned())
    }

    /// Refuses a user whom the tenant has something against.
    fn conduct(&self, person: &Person, refresh: bool) -> Result<(), Refusal> {
        match &person.conduct {
            Conduct::Blocked => Err(Refusal::blocked(self.settings.blocked_answer, refresh)),
            Conduct::PasswordLeaked if !refresh => Err(Refusal::password_leaked()),
            Conduct::RequiresVerification if !refresh => Err(Refusal::requires_verification()),
            // A refresh shows no password and no bot.
            Conduct::Good | Conduct::PasswordLeaked | Conduct::RequiresVerification => Ok(()),
            Conduct::Denied(text) => Err(Refusal::denied(text.clone())),
            Conduct::Unauthorized(text) => Err(Refusal::unauthorized(text.clone())),
        }
    }

    fn refresh(&mut self, call: &Call, client: &Client) -> Result<Value, Refusal> {
        let digest = digest_of(call.require("refresh_token")?);
        let requested = call.scopes()?;
        let now = self.now();
        let token = self
            .refresh_tokens
            .get(&digest)
            .filter(|token| token.client_id == client.id && !token.revoked && token.expires > now)
            .ok_or_else(Refusal::refresh_token)?;
        let application = self.application(&client.id).ok_or_else(Refusal::client)?;
        let leeway = u64::try_from(application.rotation_leeway.as_millis()).unwrap_or(u64::MAX);
        if token.used_at.is_some_and(|used_at| now.saturating_sub(used_at) >= leeway) {
            // Reuse: somebody has a token that they should not have, so nobody keeps the family.
            let family = token.family;
            self.revoke_family(family);
            return Err(Refusal::refresh_token());
        }
        let person = self.person(&token.user_id).ok_or_else(Refusal::refresh_token)?;
        self.conduct(person, true)?;

        let api = self.api(token.audience.as_deref())?;
        let offers = api.as_ref().map_or(&[][..], |api| &api.scopes);
        let scopes = match &requested {
            None => token.scopes.clone(),
            Some(requested) => requested
                .iter()
                .filter(|scope| {
                    token.scopes.contains(scope)
                        || (self.settings.step_up_scopes.contains(scope) && offers.contains(scope))
                })
                .cloned()
                .collect(),
        };
        let order = Order {
            user_id: token.user_id.clone(),
            client_id: client.id.clone(),
            grant: Grant::RefreshToken,
            ip: Self::user_ip(call, client),
            audience: token.audience.clone(),
            requested: requested.unwrap_or_default(),
            scopes,
            refresh: Some(digest),
        };
        self.begin(order, call)
    }

    /// The first factor, or a refresh token, was right: tokens, or `mfa_required`.
    fn begin(&mut self, order: Order, call: &Call) -> Result<Value, Refusal> {
        match self.demand(&order)? {
            Some(demand) => {
                if self.settings.step_up_refresh == StepUpRefresh::ConsumedAtOnce {
                    self.use_up(order.refresh);
                }
                Err(self.demand_mfa(Transaction::new(order, demand)))
            }
            None => self.give(&order, &[], call),
        }
    }

    /// Whether this login needs a second factor, and which.
    fn demand(&self, order: &Order) -> Result<Option<Demand>, Refusal> {
        let person = self.person(&order.user_id).ok_or_else(Refusal::server_error)?;
        let wants_step_up = order.requested.iter().any(|scope| self.settings.step_up_scopes.contains(scope));
        let policy = person.policy.unwrap_or(self.settings.policy);
        // "Always" lets a user without a factor, or with e-mail alone, have a token for the MFA API,
        // for how else could they enroll.
        let may_enroll = order.audience.as_deref().is_some_and(|audience| self.is_mfa_audience(audience))
            && !person.devices.iter().any(|d| d.active && !matches!(d.factor, Factor::Email | Factor::RecoveryCode));
        let by_policy = !may_enroll
            && match policy {
                Policy::Never => false,
                Policy::Always => true,
                Policy::AlwaysExceptRefresh => order.protocol() == Protocol::Password,
            };
        let mut steps = person.chain.iter().cloned();
        let any = Demand { allowed: steps.next(), enroll: None, rest: steps.collect() };
        match self.verdict(order, &[]) {
            Verdict::Continue => Ok((wants_step_up || by_policy).then_some(any)),
            Verdict::Mfa => Ok(Some(any)),
            Verdict::MfaWith(factors) => Ok(Some(Demand { allowed: Some(factors), ..Demand::default() })),
            Verdict::EnrollWith(factors) => Ok(Some(Demand { enroll: Some(factors), ..Demand::default() })),
            Verdict::NoMfa => Ok(None),
            Verdict::Deny(text) => Err(Refusal::denied(text)),
            Verdict::Unauthorized(text) => Err(Refusal::unauthorized(text)),
        }
    }

    /// A factor was passed: whether one more is needed.
    pub(crate) fn demand_again(&self, transaction: &Transaction) -> Result<Option<Demand>, Refusal> {
        let mut rest = transaction.demand.rest.iter().cloned();
        if let Some(step) = rest.next() {
            return Ok(Some(Demand { allowed: Some(step), enroll: None, rest: rest.collect() }));
        }
        match self.verdict(&transaction.order, &transaction.methods) {
            Verdict::MfaWith(factors) if !factors.iter().any(|f| transaction.methods.contains(f)) => {
                Ok(Some(Demand { allowed: Some(factors), ..Demand::default() }))
            }
            Verdict::Deny(text) => Err(Refusal::denied(text)),
            Verdict::Unauthorized(text) => Err(Refusal::unauthorized(text)),
            _ => Ok(None),
        }
    }

    fn verdict(&self, order: &Order, methods: &[Factor]) -> Verdict {
        let (Some(rule), Some(person)) = (&self.rule, self.person(&order.user_id)) else {
            return Verdict::Continue;
        };
        rule(&Login {
            email: person.email.clone(),
            user_id: person.id.clone(),
            client_id: order.client_id.clone(),
            protocol: order.protocol(),
            grant: order.grant,
            requested_scopes: order.requested.clone(),
            audience: order.audience.clone(),
            ip: order.ip,
            methods: methods.to_vec(),
            enrolled: person.active(self.settings.verified_email_is_factor).map(|device| device.factor).collect(),
        })
    }

    /// The flow has succeeded: its tokens, with what is in `methods` as its second factors.
    pub(crate) fn give(&mut self, order: &Order, methods: &[Factor], call: &Call) -> Result<Value, Refusal> {
        self.sweep();
        let now = self.now();
        let step_up_may_stay =
            self.settings.step_up_scope_stays && order.refresh.is_some() && order.requested.is_empty();
        let scopes: Vec<String> = order
            .scopes
            .iter()
            .filter(|scope| !methods.is_empty() || step_up_may_stay || !self.settings.step_up_scopes.contains(scope))
            .cloned()
            .collect();
        let refresh_token = self.next_refresh_token(order, &scopes, !methods.is_empty(), now)?;
        let person = self.person(&order.user_id).ok_or_else(Refusal::server_error)?;
        let api = self.api(order.audience.as_deref())?;
        let lifetime = api.as_ref().map_or(86_400, |api| api.token_lifetime.as_secs());
        let has = |scope: &str| scopes.iter().any(|granted| granted == scope);
        let scope = scopes.join(" ");
        let seconds = now / 1000;

        let access_token = match &order.audience {
            // Without an audience the token is for `/userinfo` alone, and opaque.
            None => opaque::alphanumeric(32),
            Some(audience) => {
                let userinfo = format!("{}/userinfo", self.base_url);
                let aud = if has("openid") { json!([audience, userinfo]) } else { json!(audience) };
                let claims = json!({
                    "iss": format!("{}/", self.base_url),
                    "sub": person.id,
                    "aud": aud,
                    "iat": seconds,
                    "exp": seconds + lifetime,
                    "scope": scope,
                    "azp": order.client_id,
                    // Two tokens of one second are two tokens.
                    "jti": opaque::alphanumeric(22),
                });
                self.key.sign(&claims).ok_or_else(Refusal::server_error)?
            }
        };
        let mut body = Map::new();
        if has("openid") {
            let claims = self.id_token_claims(person, order, &scopes, seconds, call);
            let id_token = self.key.sign(&claims).ok_or_else(Refusal::server_error)?;
            body.insert("id_token".to_owned(), json!(id_token));
        }
        body.insert("token_type".to_owned(), json!("Bearer"));
        body.insert("expires_in".to_owned(), json!(lifetime));
        body.insert("access_token".to_owned(), json!(access_token));
        if !scope.is_empty() {
            body.insert("scope".to_owned(), json!(scope));
        }
        if let Some(refresh_token) = refresh_token {
            body.insert("refresh_token".to_owned(), json!(refresh_token));
        }
        self.access_tokens.insert(
            digest_of(&access_token),
            AccessToken {
                user_id: order.user_id.clone(),
                client_id: order.client_id.clone(),
                audience: order.audience.clone(),
                scopes,
                expires: now + lifetime * 1000,
                polls: limit::polls(),
            },
        );
        Ok(Value::Object(body))
    }

    /// No `amr`, no `acr`: tokens of the MFA API carry none (Auth0, "Configure Step-up
    /// Authentication for Web Apps").
    fn id_token_claims(&self, person: &Person, order: &Order, scopes: &[String], seconds: u64, call: &Call) -> Value {
        let mut claims = json!({
            "iss": format!("{}/", self.base_url),
            "sub": person.id,
            "aud": order.client_id,
            "iat": seconds,
            "exp": seconds + self.settings.id_token_lifetime.as_secs(),
        });
        fault::merge(&mut claims, &profile(person, scopes));
        if let Some(patch) = &call.id_token_claims {
            fault::merge(&mut claims, patch);
        }
        claims
    }

    /// The refresh token that comes with a flow's success, if any.
    fn next_refresh_token(
        &mut self,
        order: &Order,
        scopes: &[String],
        after_mfa: bool,
        now: u64,
    ) -> Result<Option<String>, Refusal> {
        let application = self.application(&order.client_id).ok_or_else(Refusal::client)?;
        let rotates = application.rotates_refresh_tokens;
        let lifetime = u64::try_from(application.refresh_token_lifetime.as_millis()).unwrap_or(u64::MAX);
        let step_up_stays = self.settings.step_up_scope_stays;
        let next = match order.refresh {
            None => {
                if !scopes.iter().any(|scope| scope == "offline_access") {
                    return Ok(None);
                }
                self.next_family += 1;
                RefreshToken {
                    family: self.next_family,
                    client_id: order.client_id.clone(),
                    user_id: order.user_id.clone(),
                    audience: order.audience.clone(),
                    scopes: scopes
                        .iter()
                        .filter(|scope| step_up_stays || !self.settings.step_up_scopes.contains(scope))
                        .cloned()
                        .collect(),
                    used_at: None,
                    revoked: false,
                    expires: now.saturating_add(lifetime),
                }
            }
            Some(digest) => {
                let old =
                    self.refresh_tokens.get(&digest).filter(|old| !old.revoked).ok_or_else(Refusal::refresh_token)?;
                let kept = after_mfa && self.settings.step_up_refresh == StepUpRefresh::Kept;
                if !rotates || kept {
                    return Ok(None);
                }
                let mut held = old.scopes.clone();
                if step_up_stays {
                    let new: Vec<_> = scopes.iter().filter(|s| !held.contains(s)).collect();
                    let new: Vec<_> = new.into_iter().cloned().collect();
                    held.extend(new);
                }
                let next = RefreshToken {
                    family: old.family,
                    client_id: old.client_id.clone(),
                    user_id: old.user_id.clone(),
                    audience: old.audience.clone(),
                    scopes: held,
                    used_at: None,
                    revoked: false,
                    expires: old.expires,
                };
                self.use_up(Some(digest));
                next
            }
        };
        let token = format!("v1.{}", opaque::alphanumeric(46));
        self.refresh_tokens.insert(digest_of(&token), next);
        Ok(Some(token))
    }

    /// Marks a rotating refresh token as used. A second use within the leeway moves nothing.
    fn use_up(&mut self, digest: Option<Digest>) {
        let now = self.now();
        let Some(digest) = digest else { return };
        let rotates = self
            .refresh_tokens
            .get(&digest)
            .and_then(|token| self.application(&token.client_id))
            .is_some_and(|application| application.rotates_refresh_tokens);
        if let Some(token) = self.refresh_tokens.get_mut(&digest)
            && rotates
        {
            token.used_at.get_or_insert(now);
        }
    }

    fn revoke_family(&mut self, family: u64) {
        for token in self.refresh_tokens.values_mut() {
            if token.family == family {
                token.revoked = true;
            }
        }
    }

    /// `POST /oauth/revoke` (RFC 7009): an unknown token is as good as revoked. One token takes its
    /// family with it.
    pub(crate) fn revoke(&mut self, call: &Call) -> Result<(), Refusal> {
        let client = self.client(call)?;
        let digest = digest_of(call.require("token")?);
        if let Some(token) = self.refresh_tokens.get(&digest)
            && token.client_id == client.id
        {
            let family = token.family;
            self.revoke_family(family);
        }
        Ok(())
    }

    /// `/userinfo`, for an access token with `openid`.
    pub(crate) fn userinfo(&self, call: &Call) -> Result<Value, Refusal> {
        let bearer = call.bearer.as_deref().ok_or_else(Refusal::bearer_missing)?;
        let now = self.now();
        let token = self
            .access_tokens
            .get(&digest_of(bearer))
            .filter(|token| token.expires > now && token.scopes.iter().any(|s| s == "openid"))
            .ok_or_else(Refusal::client)?;
        let person = self.person(&token.user_id).ok_or_else(Refusal::client)?;
        let mut body = json!({"sub": person.id});
        fault::merge(&mut body, &profile(person, &token.scopes));
        Ok(body)
    }
}

/// The claims that `profile` and `email` open.
fn profile(person: &Person, scopes: &[String]) -> Value {
    let has = |scope: &str| scopes.iter().any(|granted| granted == scope);
    let mut claims = json!({});
    if has("profile") {
        let nickname = person.username.as_deref().or_else(|| person.email.split('@').next());
        fault::merge(
            &mut claims,
            &json!({
                "name": person.name,
                "nickname": nickname,
                "updated_at": rfc3339(person.created_millis / 1000),
            }),
        );
    }
    if has("email") {
        fault::merge(&mut claims, &json!({"email": person.email, "email_verified": person.email_verified}));
    }
    claims
}

/// `2023-06-14T21:36:26.000Z`. The days are counted as in Howard Hinnant's `civil_from_days`.
fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.000Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn a_time_is_written_as_a_date() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(rfc3339(1_686_778_586), "2023-06-14T21:36:26.000Z");
    }
}
