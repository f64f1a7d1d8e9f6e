//! A real sign-in, step by step, and how each reply compares with what is known of Auth0's wire.
//!
//! Some of Auth0's wire is not documented; the functions take each reading that was thought of. A walk shows which of
//! them a tenant has. What is said of a reply are its status, its error, the names of its members, lengths and
//! lifetimes: nothing that opens anything, and nothing of the user's.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Seen, Setup};
use crate::auth0::{Auth0, Endpoint};
use crate::clock::Clock;
use crate::config::has_scope;
use crate::invocation::Invocation;

/// What the walk has to be told on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The user's password. Not to be shown while it is typed.
    Password,
    /// The code of the authenticator app.
    Otp,
    /// The code that was sent.
    BindingCode,
    /// Nothing but a sign that the push was answered.
    PushAnswered,
}

/// A sign-in under way.
pub struct Walk<Ask, Say> {
    setup: Setup,
    ask: Ask,
    say: Say,
    probe_wrong_code: bool,
    /// The open points that no reply has settled yet.
    open: Vec<&'static str>,
}

/// What Auth0's documentation leaves open, and a walk can see.
mod open {
    pub(super) const REQUIREMENTS: &str = "mfa_requirements with mfa_required";
    pub(super) const LISTED_TYPE: &str = "type in a listed authenticator";
    pub(super) const SPENT: &str = "the mfa_token is good after success";
    pub(super) const ROTATION: &str = "refresh tokens rotate";
    pub(super) const STEP_UP_LEAVES: &str = "mfa_required leaves a rotating refresh token good";
    pub(super) const STEP_UP_SCOPE: &str = "a step-up scope beyond the first grant is given";
    pub(super) const STEP_UP_REFRESH: &str = "a refresh token comes with a step-up";
    pub(super) const ALL: [&str; 7] =
        [REQUIREMENTS, LISTED_TYPE, SPENT, ROTATION, STEP_UP_LEAVES, STEP_UP_SCOPE, STEP_UP_REFRESH];
}

/// The most factors that one sign-in is walked through.
const LONGEST_CHAIN: usize = 5;

/// What is known of a reply: status, `error`, and the members that it has to have.
struct Known {
    status: &'static [u16],
    error: Option<&'static str>,
    members: &'static [&'static str],
}

impl<Ask, Say> Walk<Ask, Say>
where
    Ask: FnMut(Question) -> Option<String>,
    Say: FnMut(&str),
{
    /// Sets out. `ask` answers questions, or `None` to end; `say` gets a line at a time. With `probe_wrong_code`
    /// a wrong code is tried first, which costs the user one of ten an hour. What is wrong with the environment is
    /// the error.
    pub async fn begin(
        var: impl Fn(&str) -> Option<String>,
        clock: Clock,
        ask: Ask,
        say: Say,
        probe_wrong_code: bool,
    ) -> Result<Self, Vec<String>> {
        Ok(Self { setup: Setup::from_env(&var, clock).await?, ask, say, probe_wrong_code, open: open::ALL.to_vec() })
    }

    /// Goes all the way with this user. Says whether it ended with tokens.
    pub async fn go(&mut self, username: &str) -> bool {
        let arrived = self.sign_in(username).await;
        for what in std::mem::take(&mut self.open) {
            self.line(&format!("open point: {what}: not seen in this run"));
        }
        arrived
    }

    async fn sign_in(&mut self, username: &str) -> bool {
        let Some(password) = (self.ask)(Question::Password) else { return false };
        let config = self.setup.config.auth0.clone();
        let fields = [
            ("username", username),
            ("password", password.as_str()),
            ("realm", config.connection.as_str()),
            ("audience", config.audience.as_str()),
            ("scope", config.scope.as_str()),
        ];
        let Some(first) = self.post("password", Endpoint::Password, &fields).await else { return false };
        drop(password);
        let Some(mfa_token) = text(&first, "mfa_token").map(str::to_owned) else {
            if text(&first, "access_token").is_some() {
                self.line("no MFA was demanded: sign-ins would end as mfa_not_enforced with MFA_POLICY=required");
                self.revoke(&first).await;
            }
            return false;
        };
        self.open_point(open::REQUIREMENTS, first.get("mfa_requirements").is_some());
        self.lifetime("mfa_token", &mfa_token);

        self.list(&mfa_token).await;
        let unknown = [("mfa_token", mfa_token.as_str()), ("authenticator_id", "totp|dev_0000000000000000")];
        self.reply("unknown authenticator_id (open point)", Endpoint::Challenge, &unknown).await;
        let Some((tokens, mfa_token)) = self.factors(mfa_token).await else { return false };
        self.tokens(&tokens);
        self.list_again(&mfa_token).await;
        self.refreshes(tokens).await;
        true
    }

    /// One factor after the other, for as long as another is demanded: the tokens, and the `mfa_token` that they were
    /// given for.
    async fn factors(&mut self, mut mfa_token: String) -> Option<(Value, String)> {
        for _ in 0..LONGEST_CHAIN {
            let wanted = [("mfa_token", mfa_token.as_str()), ("challenge_type", "otp oob")];
            let challenge = self.post("challenge", Endpoint::Challenge, &wanted).await?;
            if std::mem::take(&mut self.probe_wrong_code) {
                let wrong = [("mfa_token", mfa_token.as_str()), ("otp", "000000")];
                self.reply("wrong code (open point: status)", Endpoint::MfaOtp, &wrong).await;
            }
            let reply = self.second_factor(&mfa_token, &challenge).await?;
            match text(&reply, "mfa_token") {
                Some(next) => {
                    self.line("  another factor is demanded");
                    next.clone_into(&mut mfa_token);
                }
                None => return text(&reply, "access_token").is_some().then_some((reply, mfa_token)),
            }
        }
        None
    }

    async fn second_factor(&mut self, mfa_token: &str, challenge: &Value) -> Option<Value> {
        let oob_code = text(challenge, "oob_code").map(str::to_owned);
        if let Some(oob_code) = &oob_code {
            self.lifetime("oob_code", oob_code);
        }
        let prompt = text(challenge, "binding_method") == Some("prompt");
        match oob_code {
            None => {
                let otp = (self.ask)(Question::Otp)?;
                self.post("mfa-otp grant", Endpoint::MfaOtp, &[("mfa_token", mfa_token), ("otp", &otp)]).await
            }
            Some(oob_code) if prompt => {
                let code = (self.ask)(Question::BindingCode)?;
                let fields = [("mfa_token", mfa_token), ("oob_code", &oob_code), ("binding_code", &code)];
                self.post("mfa-oob grant", Endpoint::MfaOob, &fields).await
            }
            Some(oob_code) => {
                let fields = [("mfa_token", mfa_token), ("oob_code", oob_code.as_str())];
                self.reply("push that waits", Endpoint::MfaOob, &fields).await;
                (self.ask)(Question::PushAnswered)?;
                self.post("mfa-oob grant", Endpoint::MfaOob, &fields).await
            }
        }
    }

    /// What the tokens are, by the names of their claims.
    fn tokens(&mut self, tokens: &Value) {
        for name in ["id_token", "access_token"] {
            let claims = text(tokens, name).and_then(claims);
            let line = match &claims {
                Some(claims) => format!("  {name}: a JWT with {}", names(claims)),
                None if text(tokens, name).is_some() => format!("  {name}: no JWT"),
                None => format!("  {name}: none"),
            };
            self.line(&line);
            for claim in ["amr", "acr", "auth_time", "gty"] {
                if claims.as_ref().is_some_and(|claims| claims.get(claim).is_some()) {
                    self.line(&format!("    {claim} is there (known: amr is not; of the others nothing)"));
                }
            }
        }
    }

    async fn list(&mut self, mfa_token: &str) {
        let Ok(seen) = self.setup.auth0.list(&Invocation::init(), mfa_token).await else {
            self.line("authenticators: no answer");
            return;
        };
        let entries: Vec<Value> = serde_json::from_slice(&seen.body).unwrap_or_default();
        let active = entries.iter().filter(|entry| entry.get("active") == Some(&Value::Bool(true))).count();
        self.line(&format!(
            "authenticators: {} (known: 200), {} listed, {active} active",
            seen.status.as_u16(),
            entries.len()
        ));
        self.open_point(open::LISTED_TYPE, entries.iter().any(|entry| entry.get("type").is_some()));
        for entry in &entries {
            self.line(&format!("  one with {}", names(entry)));
        }
    }

    async fn list_again(&mut self, mfa_token: &str) {
        if let Ok(seen) = self.setup.auth0.list(&Invocation::init(), mfa_token).await {
            self.open_point(open::SPENT, seen.status.is_success());
        }
    }

    /// Refresh, step-up, and what becomes of the refresh token; then all of it is revoked.
    async fn refreshes(&mut self, tokens: Value) {
        let config = self.setup.config.clone();
        let Some(mut token) = text(&tokens, "refresh_token").map(str::to_owned) else {
            if has_scope(&config.auth0.scope, "offline_access") {
                self.line(
                    "no refresh token, though offline_access was asked for: Applications > APIs > Allow Offline Access",
                );
            }
            return;
        };
        let ordinary = [("refresh_token", token.as_str()), ("scope", config.auth0.scope.as_str())];
        if let Some(reply) = self.post("refresh", Endpoint::Refresh, &ordinary).await {
            self.open_point(open::ROTATION, text(&reply, "refresh_token").is_some());
            if let Some(rotated) = text(&reply, "refresh_token") {
                rotated.clone_into(&mut token);
            }
        }
        if !config.step_up_scopes.is_empty() {
            token = self.step_up(token, &config.step_up_scopes).await;
        }
        self.revoke(&serde_json::json!({"refresh_token": token})).await;
    }

    /// A refresh that asks for the step-up scopes, and the factor that it demands. Returns the refresh token that is
    /// good afterwards.
    async fn step_up(&mut self, token: String, scopes: &[String]) -> String {
        let scope = format!("openid {}", scopes.join(" "));
        let elevated = [("refresh_token", token.as_str()), ("scope", scope.as_str())];
        let reply =
            self.post("refresh with the step-up scopes", Endpoint::Refresh, &elevated).await.unwrap_or_default();
        if text(&reply, "mfa_token").is_none() {
            if text(&reply, "access_token").is_some() {
                self.line("  no MFA was demanded: step-ups would end as mfa_not_enforced. Is the Action deployed?");
            }
            return text(&reply, "refresh_token").map_or(token, str::to_owned);
        }
        // The same once more: does the demand use it up?
        let again = self.reply("the same refresh token again", Endpoint::Refresh, &elevated).await;
        let mfa_token = again.and_then(|(_, reply)| text(&reply, "mfa_token").map(str::to_owned));
        self.open_point(open::STEP_UP_LEAVES, mfa_token.is_some());
        let Some(mfa_token) = mfa_token else {
            // Presented twice, its whole family is revoked.
            self.line("  so the step-up cannot be finished here");
            return token;
        };
        self.line("now the step-up's factor. A code is good once: wait for the next");
        let Some((tokens, _)) = self.factors(mfa_token).await else { return token };
        let granted = text(&tokens, "scope").unwrap_or_default();
        let is_given = scopes.iter().all(|scope| has_scope(granted, scope));
        self.open_point(open::STEP_UP_SCOPE, is_given);
        self.open_point(open::STEP_UP_REFRESH, text(&tokens, "refresh_token").is_some());
        text(&tokens, "refresh_token").map_or(token, str::to_owned)
    }

    async fn revoke(&mut self, tokens: &Value) {
        if let Some(token) = text(tokens, "refresh_token") {
            self.reply("revoke", Endpoint::Revoke, &[("token", token)]).await;
        }
    }

    /// A call with the client secret; its reply is said beside what is known of it, and returned.
    async fn post(&mut self, what: &str, endpoint: Endpoint, fields: &[(&str, &str)]) -> Option<Value> {
        let (seen, reply) = self.reply(what, endpoint, fields).await?;
        let error = text(&reply, "error");
        let knowns = known(endpoint);
        let fits = knowns.iter().any(|known| {
            known.status.contains(&seen.status.as_u16())
                && known.error == error
                && known.members.iter().all(|member| reply.get(member).is_some())
        });
        self.line(if fits { "  as known" } else { "  OTHER THAN KNOWN" });
        (error.is_none() || error == Some("mfa_required")).then_some(reply)
    }

    async fn reply(&mut self, what: &str, endpoint: Endpoint, fields: &[(&str, &str)]) -> Option<(Seen, Value)> {
        let seen = match self.setup.auth0.raw(&Invocation::init(), endpoint, fields).await {
            Ok(seen) => seen,
            Err(failure) => {
                self.line(&format!("{what}: {failure}"));
                return None;
            }
        };
        let reply: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        let mut line = format!("{what}: {}", seen.status.as_u16());
        if let Some(error) = text(&reply, "error") {
            let is_known = Auth0::is_known(seen.endpoint, seen.status, &reply);
            let words = if is_known { "in words that are known" } else { "IN WORDS THAT ARE NOT KNOWN" };
            let _ = write!(line, " {}, {words}", word(error));
        }
        if let Value::Object(_) = &reply {
            let _ = write!(line, ", with {}", names(&reply));
        }
        self.line(&line);
        Some((seen, reply))
    }

    fn lifetime(&mut self, what: &str, token: &str) {
        let now = self.setup.clock.seconds();
        let line = match crate::auth0::expiry(token) {
            Some(end) => format!("  {what}: {} characters, its end in {} s", token.len(), end.saturating_sub(now)),
            None => format!("  {what}: {} characters, its end not to be seen", token.len()),
        };
        self.line(&line);
    }

    fn open_point(&mut self, what: &'static str, seen: bool) {
        self.open.retain(|open| *open != what);
        self.line(&format!("  open point: {what}: {}", if seen { "yes" } else { "no" }));
    }

    fn line(&mut self, line: &str) {
        (self.say)(line);
    }
}

/// The replies that are documented or were recorded.
fn known(endpoint: Endpoint) -> &'static [Known] {
    const TOKENS: Known = Known { status: &[200], error: None, members: &["access_token", "expires_in", "token_type"] };
    const DEMAND: Known =
        Known { status: &[403], error: Some("mfa_required"), members: &["error_description", "mfa_token"] };
    match endpoint {
        Endpoint::Challenge => &[
            Known { status: &[200], error: None, members: &["challenge_type"] },
            Known { status: &[401], error: Some("unsupported_challenge_type"), members: &["error_description"] },
        ],
        _ => &[TOKENS, DEMAND],
    }
}

/// A member that is a text.
fn text<'a>(reply: &'a Value, member: &str) -> Option<&'a str> {
    reply.get(member).and_then(Value::as_str)
}

/// The names of the members, if they are words.
fn names(value: &Value) -> String {
    let members = value.as_object().into_iter().flatten().map(|(name, _)| word(name));
    members.collect::<Vec<_>>().join(", ")
}

/// A name of the protocol's; anything else may be somebody's data.
fn word(text: &str) -> &str {
    let plain = text.len() <= 60 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if plain { text } else { "?" }
}

fn claims(token: &str) -> Option<Value> {
    use base64::Engine as _;
    let claims = token.split('.').nth(1)?;
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}
