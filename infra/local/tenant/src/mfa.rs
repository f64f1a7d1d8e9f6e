//! `/mfa/*` and the MFA grants.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use totp_rs::Secret;

use crate::application::Grant;
use crate::inbox::{Answer, Message, MessageKind};
use crate::limit::{self, Bucket};
use crate::opaque::{self, Digest, digest_of};
use crate::refusal::Refusal;
use crate::request::Call;
use crate::settings::{NoFactor, SpentMfaToken, UnknownAuthenticator};
use crate::state::{Client, State};
use crate::token::Order;
use crate::user::{self, Device, Factor, Person};

/// Which factor is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Demand {
    /// Any of these; nothing means whichever the user has.
    pub(crate) allowed: Option<Vec<Factor>>,
    /// The factors that may be enrolled; nothing means those of the tenant.
    pub(crate) enroll: Option<Vec<Factor>>,
    /// What is asked for after it.
    pub(crate) rest: Vec<Vec<Factor>>,
}

/// A login between its first factor and its tokens: what an `mfa_token` stands for.
pub(crate) struct Transaction {
    pub(crate) order: Order,
    pub(crate) demand: Demand,
    /// The factors that were passed.
    pub(crate) methods: Vec<Factor>,
    pub(crate) expires: u64,
    spent: bool,
    polls: Bucket,
    /// The replacement of a recovery code, until there are tokens to come with.
    recovery_code: Option<String>,
}

impl Transaction {
    pub(crate) fn new(order: Order, demand: Demand) -> Self {
        Self {
            order,
            demand,
            methods: Vec::new(),
            expires: 0,
            spent: false,
            polls: limit::polls(),
            recovery_code: None,
        }
    }

    fn allows(&self, factor: Factor) -> bool {
        self.demand.allowed.as_ref().is_none_or(|allowed| allowed.contains(&factor))
    }
}

/// A challenge out of band: what an `oob_code` stands for.
pub(crate) struct Oob {
    holder: Digest,
    device_id: String,
    factor: Factor,
    /// The code that was sent; a push has none.
    code: Option<String>,
    answer: Answer,
    pub(crate) expires: u64,
    spent: bool,
}

/// Who holds an `mfa_token`, or an access token of the MFA API in its place.
struct Holder {
    digest: Digest,
    user_id: String,
    client_id: String,
    /// Whether it is an access token, with which a further factor may be enrolled.
    is_access_token: bool,
}

const CODE_GRANTS: [Grant; 3] = [Grant::MfaOtp, Grant::MfaOob, Grant::MfaRecoveryCode];

impl State {
    /// Opens a transaction and answers `mfa_required` with its token.
    pub(crate) fn demand_mfa(&mut self, mut transaction: Transaction) -> Refusal {
        self.sweep();
        let lifetime = u64::try_from(self.settings.mfa_token_lifetime.as_millis()).unwrap_or(u64::MAX);
        transaction.expires = self.now().saturating_add(lifetime);
        let token = opaque::sealed(opaque::MFA_TOKEN_BYTES, transaction.expires);
        let requirements = self.settings.customizable_mfa.then(|| self.requirements(&transaction)).flatten();
        self.transactions.insert(digest_of(&token), transaction);
        Refusal::mfa_required(&token, requirements)
    }

    /// `mfa_requirements`: the factors to be challenged, or, of a user without any, enrolled.
    fn requirements(&self, transaction: &Transaction) -> Option<Value> {
        let person = self.person(&transaction.order.user_id)?;
        let names = |factors: &mut dyn Iterator<Item = Factor>| {
            let mut names: Vec<Value> = Vec::new();
            for factor in factors {
                let name = json!({"type": factor.requirement()});
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            names
        };
        if person.is_enrolled() {
            let mut active = person
                .active(self.settings.verified_email_is_factor)
                .map(|device| device.factor)
                .filter(|factor| transaction.allows(*factor));
            Some(json!({"challenge": names(&mut active)}))
        } else {
            let enroll = transaction.demand.enroll.as_ref().unwrap_or(&self.settings.factors);
            Some(json!({"enroll": names(&mut enroll.iter().copied())}))
        }
    }

    /// The holder of the `mfa_token` in a body, for this client.
    fn holder(&self, call: &Call, client: &Client) -> Result<Holder, Refusal> {
        let digest = digest_of(call.require("mfa_token")?);
        let now = self.now();
        if let Some(transaction) = self.transactions.get(&digest) {
            if transaction.order.client_id != client.id {
                return Err(Refusal::mfa_token_of_another_client());
            }
            if transaction.expires <= now {
                return Err(Refusal::mfa_token_expired());
            }
            if transaction.spent {
                match self.settings.spent_mfa_token {
                    SpentMfaToken::Expired => return Err(Refusal::mfa_token_expired()),
                    SpentMfaToken::Malformed => return Err(Refusal::mfa_token_malformed()),
                    SpentMfaToken::StillGood => {}
                }
            }
            return Ok(Holder {
                digest,
                user_id: transaction.order.user_id.clone(),
                client_id: client.id.clone(),
                is_access_token: false,
            });
        }
        // A factor that was associated with an access token is confirmed with that access token in
        // the place of the mfa_token.
        let holder = self.access_token_holder(digest, "enroll").map_err(|_| Refusal::mfa_token_malformed())?;
        if holder.client_id != client.id {
            return Err(Refusal::mfa_token_of_another_client());
        }
        Ok(holder)
    }

    /// The holder of the token in `Authorization`: an `mfa_token`, or an access token of the MFA
    /// API with this scope.
    fn bearer(&self, call: &Call, scope: &str) -> Result<Holder, Refusal> {
        let bearer = call.bearer.as_deref().ok_or_else(Refusal::bearer_missing)?;
        let digest = digest_of(bearer);
        let Some(transaction) = self.transactions.get(&digest) else {
            return self.access_token_holder(digest, scope);
        };
        if transaction.expires <= self.now() {
            return Err(Refusal::mfa_token_expired());
        }
        if transaction.spent && self.settings.spent_mfa_token != SpentMfaToken::StillGood {
            return Err(Refusal::mfa_token_invalid());
        }
        Ok(Holder {
            digest,
            user_id: transaction.order.user_id.clone(),
            client_id: transaction.order.client_id.clone(),
            is_access_token: false,
        })
    }

    fn access_token_holder(&self, digest: Digest, scope: &str) -> Result<Holder, Refusal> {
        let token = self
            .access_tokens
            .get(&digest)
            .filter(|token| token.expires > self.now())
            .filter(|token| token.audience.as_deref().is_some_and(|audience| self.is_mfa_audience(audience)))
            .ok_or_else(Refusal::mfa_token_invalid)?;
        if !token.scopes.iter().any(|granted| granted == scope) {
            return Err(Refusal::bearer_scope(scope));
        }
        Ok(Holder { digest, user_id: token.user_id.clone(), client_id: token.client_id.clone(), is_access_token: true })
    }

    /// `POST /mfa/challenge`.
    pub(crate) fn challenge(&mut self, call: &Call) -> Result<Value, Refusal> {
        let client = self.client(call)?;
        if !CODE_GRANTS.iter().any(|grant| client.grants.contains(grant)) {
            return Err(Refusal::grant_not_allowed(Grant::MfaOtp.urn()));
        }
        let holder = self.holder(call, &client)?;
        let types = call.get("challenge_type").unwrap_or("otp oob");
        let accepted: Vec<&str> = types.split_ascii_whitespace().collect();
        let email_is_factor = self.settings.verified_email_is_factor;
        let person = self.person(&holder.user_id).ok_or_else(Refusal::mfa_token_malformed)?;
        let transaction = self.transactions.get(&holder.digest);
        let fits = |device: &&Device| {
            accepted.contains(&device.factor.authenticator_type())
                && device.factor != Factor::RecoveryCode
                && transaction.is_none_or(|transaction| transaction.allows(device.factor))
        };

        let device = if let Some(id) = call.get("authenticator_id") {
            let device = person.active(email_is_factor).find(|device| device.id == id).ok_or_else(|| {
                match self.settings.unknown_authenticator {
                    UnknownAuthenticator::InvalidAuthenticator => {
                        Refusal::new(404, "invalid_authenticator", "The authenticator was not found.")
                    }
                    UnknownAuthenticator::InvalidAuthenticatorId => {
                        Refusal::new(400, "invalid_authenticator_id", "The authenticator was not found.")
                    }
                }
            })?;
            Some(device).filter(fits)
        } else {
            person.active(email_is_factor).find(fits)
        };
        let Some(device) = device else {
            let has_any = person.active(email_is_factor).any(|device| device.factor != Factor::RecoveryCode);
            return Err(match self.settings.no_factor {
                NoFactor::AssociationRequired if !has_any => Refusal::association_required(),
                _ => Refusal::unsupported_challenge_type(types),
            });
        };
        if device.factor == Factor::Otp {
            return Ok(json!({"challenge_type": "otp"}));
        }
        let (id, factor) = (device.id.clone(), device.factor);
        let oob_code = self.send(&holder, &id, factor, false)?;
        Ok(if factor == Factor::Push {
            json!({"challenge_type": "oob", "oob_code": oob_code})
        } else {
            json!({"challenge_type": "oob", "oob_code": oob_code, "binding_method": "prompt"})
        })
    }

    /// Sends a code or a push, and opens the challenge that it answers.
    fn send(&mut self, holder: &Holder, device_id: &str, factor: Factor, enrollment: bool) -> Result<String, Refusal> {
        let now = self.now();
        let lifetime = u64::try_from(self.settings.code_lifetime.as_millis()).unwrap_or(u64::MAX);
        let person = self.person_mut(&holder.user_id).ok_or_else(Refusal::server_error)?;
        let (bucket, what, kind) = match factor {
            Factor::Voice => (&mut person.budgets.sms, "SMS", MessageKind::Voice),
            Factor::Email => (&mut person.budgets.email, "emails", MessageKind::Email),
            Factor::Push if enrollment => (&mut person.budgets.push, "push notifications", MessageKind::PushEnrollment),
            Factor::Push => (&mut person.budgets.push, "push notifications", MessageKind::Push),
            Factor::Sms | Factor::Otp | Factor::RecoveryCode => (&mut person.budgets.sms, "SMS", MessageKind::Sms),
        };
        if !bucket.take(now) {
            return Err(Refusal::too_many_sent(what));
        }
        let user = person.email.clone();
        let to = person
            .devices
            .iter()
            .find(|device| device.id == device_id)
            .and_then(|device| device.target.clone())
            .unwrap_or_default();
        let is_push = factor == Factor::Push;
        let expires = now.saturating_add(lifetime);
        let oob_code = opaque::sealed(opaque::OOB_CODE_BYTES, expires);
        let digest = digest_of(&oob_code);
        let code = (!is_push).then(opaque::six_digits);
        self.oob.insert(
            digest,
            Oob {
                holder: holder.digest,
                device_id: device_id.to_owned(),
                factor,
                code: code.clone(),
                answer: Answer::Waiting,
                expires,
                spent: false,
            },
        );
        self.inbox.send(
            Message {
                id: 0,
                at: UNIX_EPOCH + Duration::from_millis(now),
                expires: UNIX_EPOCH + Duration::from_millis(expires),
                user,
                kind,
                to,
                code,
                answer: is_push.then_some(Answer::Waiting),
            },
            digest,
        );
        Ok(oob_code)
    }

    /// The user's answer to a push.
    pub(crate) fn answer_push(&mut self, message: u64, answer: Answer) -> bool {
        let Some(challenge) = self.inbox.answer(message, answer) else {
            return false;
        };
        if let Some(oob) = self.oob.get_mut(&challenge) {
            oob.answer = answer;
        }
        true
    }

    /// Grant `mfa-otp`.
    pub(crate) fn mfa_otp(&mut self, call: &Call, client: &Client) -> Result<Value, Refusal> {
        let holder = self.holder(call, client)?;
        let code = call.require("otp")?;
        self.check_allowed(&holder, Factor::Otp)?;
        let now = self.now();
        let budget_answer = self.settings.budget_answer;
        let person = self.person_mut(&holder.user_id).ok_or_else(Refusal::mfa_token_malformed)?;
        if person.budgets.wrong_codes.left(now) == 0 {
            return Err(Refusal::too_many_codes(budget_answer));
        }
        // Who has no factor yet confirms the one that was just associated; who has one confirms a
        // further one with an access token only.
        let confirms = holder.is_access_token || !person.is_enrolled();
        let device = person
            .devices
            .iter_mut()
            .filter(|device| device.factor == Factor::Otp && device.active != confirms)
            .find_map(|device| device.take_otp(code, now / 1000).then(|| device.id.clone()));
        let Some(device) = device else {
            person.budgets.wrong_codes.take(now);
            return Err(Refusal::otp());
        };
        person.confirm(&device);
        self.passed(&holder, Factor::Otp, None, call)
    }

    /// Grant `mfa-oob`.
    pub(crate) fn mfa_oob(&mut self, call: &Call, client: &Client) -> Result<Value, Refusal> {
        let holder = self.holder(call, client)?;
        let digest = digest_of(call.require("oob_code")?);
        let now = self.now();
        let oob = self.oob.get(&digest).filter(|oob| !oob.spent).ok_or_else(Refusal::oob_code_malformed)?;
        if oob.holder != holder.digest {
            return Err(Refusal::oob_code_of_another_token());
        }
        if oob.expires <= now {
            return Err(Refusal::oob_code_expired());
        }
        let (device, factor, answer) = (oob.device_id.clone(), oob.factor, oob.answer);
        let sent = oob.code.clone();
        if factor == Factor::Push {
            let polls = match self.transactions.get_mut(&holder.digest) {
                Some(transaction) => Some(&mut transaction.polls),
                None => self.access_tokens.get_mut(&holder.digest).map(|token| &mut token.polls),
            };
            if polls.is_some_and(|polls| !polls.take(now)) {
                return Err(Refusal::slow_down());
            }
            match answer {
                Answer::Waiting => return Err(Refusal::authorization_pending()),
                Answer::Refused => return Err(Refusal::push(self.settings.push_refusal)),
                Answer::Approved => {}
            }
        } else {
            let code = call.require("binding_code")?;
            let budget_answer = self.settings.budget_answer;
            let person = self.person_mut(&holder.user_id).ok_or_else(Refusal::mfa_token_malformed)?;
            if person.budgets.wrong_codes.left(now) == 0 {
                return Err(Refusal::too_many_codes(budget_answer));
            }
            if sent.as_deref() != Some(code) {
                person.budgets.wrong_codes.take(now);
                return Err(Refusal::binding_code());
            }
        }
        if let Some(oob) = self.oob.get_mut(&digest) {
            oob.spent = true;
        }
        if let Some(person) = self.person_mut(&holder.user_id) {
            person.confirm(&device);
        }
        self.passed(&holder, factor, None, call)
    }

    /// Grant `mfa-recovery-code`.
    pub(crate) fn mfa_recovery_code(&mut self, call: &Call, client: &Client) -> Result<Value, Refusal> {
        let holder = self.holder(call, client)?;
        let code = call.require("recovery_code")?;
        self.check_allowed(&holder, Factor::RecoveryCode)?;
        let now = self.now();
        let budget_answer = self.settings.budget_answer;
        let person = self.person_mut(&holder.user_id).ok_or_else(Refusal::mfa_token_malformed)?;
        if person.budgets.wrong_recovery_codes.left(now) == 0 {
            return Err(Refusal::too_many_codes(budget_answer));
        }
        let device = person
            .devices
            .iter_mut()
            .find(|device| device.active && device.code.as_deref().is_some_and(|right| right == code));
        let Some(device) = device else {
            person.budgets.wrong_recovery_codes.take(now);
            return Err(Refusal::recovery_code());
        };
        let replacement = opaque::recovery_code();
        device.code = Some(replacement.clone());
        self.passed(&holder, Factor::RecoveryCode, Some(replacement), call)
    }

    /// Refuses a factor that this step does not ask for, unless it is the user's first.
    fn check_allowed(&self, holder: &Holder, factor: Factor) -> Result<(), Refusal> {
        let enrolled = self.person(&holder.user_id).is_some_and(Person::is_enrolled);
        match self.transactions.get(&holder.digest) {
            Some(transaction) if enrolled && !transaction.allows(factor) => {
                Err(Refusal::unsupported_challenge_type(factor.authenticator_type()))
            }
            _ => Ok(()),
        }
    }

    /// A factor was passed: tokens, or the demand of one more.
    fn passed(
        &mut self,
        holder: &Holder,
        factor: Factor,
        recovery_code: Option<String>,
        call: &Call,
    ) -> Result<Value, Refusal> {
        let Some(transaction) = self.transactions.get_mut(&holder.digest) else {
            return self.confirmed(holder, factor, call);
        };
        transaction.spent = true;
        transaction.methods.push(factor);
        if recovery_code.is_some() {
            transaction.recovery_code = recovery_code;
        }
        let order = transaction.order.clone();
        let methods = transaction.methods.clone();
        let recovery_code = transaction.recovery_code.clone();
        let again = match self.transactions.get(&holder.digest) {
            Some(transaction) => self.demand_again(transaction)?,
            None => None,
        };
        if let Some(demand) = again {
            return Err(self.demand_mfa(Transaction { methods, recovery_code, ..Transaction::new(order, demand) }));
        }
        let mut body = self.give(&order, &methods, call)?;
        if let (Some(code), Value::Object(body)) = (recovery_code, &mut body) {
            body.insert("recovery_code".to_owned(), json!(code));
        }
        Ok(body)
    }

    /// A further factor was confirmed with an access token.
    fn confirmed(&mut self, holder: &Holder, factor: Factor, call: &Call) -> Result<Value, Refusal> {
        let token = self.access_tokens.get(&holder.digest).ok_or_else(Refusal::mfa_token_malformed)?;
        let order = Order {
            user_id: token.user_id.clone(),
            client_id: token.client_id.clone(),
            grant: Grant::MfaOtp,
            ip: call.peer,
            audience: token.audience.clone(),
            requested: Vec::new(),
            scopes: token.scopes.iter().filter(|scope| *scope != "offline_access").cloned().collect(),
            refresh: None,
        };
        self.give(&order, &[factor], call)
    }

    /// `GET /mfa/authenticators`.
    pub(crate) fn authenticators(&self, call: &Call) -> Result<Value, Refusal> {
        let holder = self.bearer(call, "read:authenticators")?;
        let person = self.person(&holder.user_id).ok_or_else(Refusal::mfa_token_invalid)?;
        let listed =
            person.devices.iter().filter(|device| !device.implied || self.settings.verified_email_is_factor).map(
                |device| {
                    let mut entry = json!({
                        "id": device.id,
                        "authenticator_type": device.factor.authenticator_type(),
                        "active": device.active,
                    });
                    if let Value::Object(entry) = &mut entry {
                        if let Some(channel) = device.factor.oob_channel() {
                            entry.insert("oob_channel".to_owned(), json!(channel));
                        }
                        if let Some(name) = device.masked_name() {
                            entry.insert("name".to_owned(), json!(name));
                        }
                        if self.settings.customizable_mfa {
                            entry.insert("type".to_owned(), json!(device.factor.requirement()));
                        }
                    }
                    entry
                },
            );
        Ok(Value::Array(listed.collect()))
    }

    /// `DELETE /mfa/authenticators/{id}`: with an access token, never with an `mfa_token`. One of a
    /// pair takes the other with it.
    pub(crate) fn remove_authenticator(&mut self, call: &Call) -> Result<(), Refusal> {
        let bearer = call.bearer.as_deref().ok_or_else(Refusal::bearer_missing)?;
        let holder = self.access_token_holder(digest_of(bearer), "remove:authenticators")?;
        let id = call.authenticator_id.clone().unwrap_or_default();
        let person = self.person_mut(&holder.user_id).ok_or_else(Refusal::mfa_token_invalid)?;
        let before = person.devices.len();
        person.devices.retain(|device| device.implied || (device.id != id && device.pair.as_ref() != Some(&id)));
        if person.devices.len() == before {
            return Err(Refusal::new(404, "not_found", "The authenticator was not found."));
        }
        // A recovery code is no factor by itself: the next first factor brings a new one.
        if !person.is_enrolled() {
            person.devices.retain(|device| device.factor != Factor::RecoveryCode);
        }
        Ok(())
    }

    /// `POST /mfa/associate`.
    pub(crate) fn associate(&mut self, call: &Call) -> Result<Value, Refusal> {
        let holder = self.bearer(call, "enroll")?;
        self.check_associating_client(call, &holder)?;
        let person = self.person(&holder.user_id).ok_or_else(Refusal::mfa_token_invalid)?;
        let is_first = !person.is_enrolled();
        if !is_first && !holder.is_access_token {
            return Err(Refusal::already_enrolled());
        }
        let factor = self.associated_factor(call, &holder)?;
        let person_email = person.email.clone();
        let devices = match factor {
            Factor::Sms | Factor::Voice => {
                let number = call.require("phone_number")?;
                if !user::is_phone_number(number) {
                    return Err(Refusal::phone_number());
                }
                if factor == Factor::Sms { Device::sms(number) } else { Device::voice(number) }
            }
            Factor::Email => Device::email(call.get("email").unwrap_or(&person_email)),
            Factor::Push => Device::push(None),
            Factor::Otp | Factor::RecoveryCode => Device::otp(Secret::generate()),
        };
        let Some(first) = devices.first() else {
            return Err(Refusal::server_error());
        };
        let (device_id, secret) = (first.id.clone(), first.secret.as_ref().map(Secret::to_base32));
        let recovery_code = (is_first && self.settings.recovery_codes).then(opaque::recovery_code);
        let person = self.person_mut(&holder.user_id).ok_or_else(Refusal::mfa_token_invalid)?;
        person.devices.extend(devices);

        let mut body = json!({"authenticator_type": factor.authenticator_type()});
        let mut put = |name: &str, value: Value| {
            if let Value::Object(body) = &mut body {
                body.insert(name.to_owned(), value);
            }
        };
        if let Some(secret) = secret {
            let uri = user::otpauth_uri(&self.settings.tenant_name, &person_email, &secret);
            put("barcode_uri", json!(uri));
            put("secret", json!(secret));
        }
        if let Some(channel) = factor.oob_channel() {
            let sent = self.send(&holder, &device_id, factor, true);
            if sent.is_err()
                && let Some(person) = self.person_mut(&holder.user_id)
            {
                person.devices.retain(|device| device.id != device_id && device.pair.as_ref() != Some(&device_id));
            }
            put("oob_code", json!(sent?));
            put("oob_channel", json!(channel));
            if factor == Factor::Push {
                let uri = format!(
                    "otpauth://totp/{}:{}?enrollment_tx_id={}&base_url={}",
                    user::encode(&self.settings.tenant_name),
                    user::encode(&person_email),
                    opaque::alphanumeric(32),
                    user::encode(&self.base_url),
                );
                put("barcode_uri", json!(uri));
            } else {
                put("binding_method", json!("prompt"));
            }
        }
        if let Some(code) = recovery_code {
            put("recovery_codes", json!([code]));
            if let Some(person) = self.person_mut(&holder.user_id) {
                replace_recovery_code(person, code);
            }
        }
        Ok(body)
    }

    /// `client_id` and `client_secret` are optional here, but must be right if they are sent.
    fn check_associating_client(&self, call: &Call, holder: &Holder) -> Result<(), Refusal> {
        let named = call.basic.as_ref().map(|(id, _)| id.as_str()).or_else(|| call.get("client_id"));
        match named {
            Some(id) if id != holder.client_id => Err(Refusal::mfa_token_of_another_client()),
            Some(_) if call.basic.is_some() || call.get("client_secret").is_some() => self.client(call).map(|_| ()),
            _ => Ok(()),
        }
    }

    fn associated_factor(&self, call: &Call, holder: &Holder) -> Result<Factor, Refusal> {
        let types = call.list("authenticator_types");
        let factor = match types.first() {
            None => return Err(Refusal::missing("authenticator_types")),
            Some(&"otp") => Factor::Otp,
            Some(&"oob") => {
                let channels = call.list("oob_channels");
                let channel = channels.first().ok_or_else(|| Refusal::missing("oob_channels"))?;
                Factor::from_channel(channel).ok_or_else(|| Refusal::invalid_request("Unsupported oob channel"))?
            }
            Some(_) => return Err(Refusal::invalid_request("Unsupported authenticator type")),
        };
        let enabled = self
            .transactions
            .get(&holder.digest)
            .and_then(|transaction| transaction.demand.enroll.as_ref())
            .unwrap_or(&self.settings.factors);
        if enabled.contains(&factor) && self.settings.factors.contains(&factor) {
            Ok(factor)
        } else {
            Err(Refusal::invalid_request("The factor is not enabled."))
        }
    }
}

/// A first factor that was never confirmed may be associated anew; the last recovery code that was
/// handed out is the one that counts.
fn replace_recovery_code(person: &mut Person, code: String) {
    person.devices.retain(|device| device.factor != Factor::RecoveryCode);
    person.devices.extend(Device::recovery(code));
}
