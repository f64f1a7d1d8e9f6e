//! A running tenant, and how one is started.

use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::application::{Api, Application};
use crate::clock::Clock;
use crate::fault::{Fault, Faults};
use crate::inbox::{Answer, Inbox, Message, OnMessage};
use crate::key::TenantKey;
use crate::limit::{BruteForce, Window};
use crate::line::{Door, Lines, Peer};
use crate::opaque;
use crate::people::People;
use crate::record::{MostInFlight, Received, Record};
use crate::rule::{Login, Rule, Verdict};
use crate::server;
use crate::settings::Settings;
use crate::state::State;
use crate::user::{Authenticator, Conduct, Device, Factor, User};

/// Why a tenant did not start, or a user was not taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The signing key could not be made.
    SigningKey,
    /// A user's OTP secret is not base32.
    OtpSecret,
    /// A user with this e-mail address, username or id is there already.
    UserExists,
    /// The address could not be listened on.
    Listen(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SigningKey => f.write_str("the signing key could not be made"),
            Self::OtpSecret => f.write_str("an OTP secret is not base32"),
            Self::UserExists => f.write_str("there is a user of that name already"),
            Self::Listen(error) => write!(f, "cannot listen: {error}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen(error) => Some(error),
            _ => None,
        }
    }
}

/// A tenant to be.
#[derive(Default)]
pub struct Builder {
    users: Vec<User>,
    applications: Vec<Application>,
    apis: Vec<Api>,
    settings: Settings,
    clock: Clock,
    key: Option<TenantKey>,
    domain: Option<String>,
    base_url: Option<String>,
    rule: Option<Rule>,
    on_message: Option<OnMessage>,
    faults: Vec<Fault>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("users", &self.users)
            .field("applications", &self.applications)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// A user.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// An application. Without any, the tenant makes one: [`Application::generate`].
    #[must_use]
    pub fn application(mut self, application: Application) -> Self {
        self.applications.push(application);
        self
    }

    /// An API.
    #[must_use]
    pub fn api(mut self, api: Api) -> Self {
        self.apis.push(api);
        self
    }

    /// The switches, all at once. They can be changed later, too.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Where it takes the time from; the system unless it is said.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Its signing key; the one that the process shares unless it is said.
    #[must_use]
    pub fn key(mut self, key: TenantKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Its domain, such as `dev-example.eu.auth0.com`: with it `https://DOMAIN/mfa/` is the MFA
    /// API's identifier. The host and port it listens on are one as well, always.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.domain = Some(domain.to_owned());
        self
    }

    /// The origin that clients know it by, without a slash at the end, if it is not
    /// `http://ADDRESS:PORT`. Tokens are issued by it.
    #[must_use]
    pub fn base_url(mut self, base_url: &str) -> Self {
        self.base_url = Some(base_url.trim_end_matches('/').to_owned());
        self
    }

    /// What decides about logins beside the policy: see [`Tenant::set_rule`].
    #[must_use]
    pub fn rule(mut self, rule: impl Fn(&Login) -> Verdict + Send + Sync + 'static) -> Self {
        self.rule = Some(Arc::new(rule));
        self
    }

    /// Is called with every SMS, call, e-mail and push. It must not call the tenant.
    #[must_use]
    pub fn on_message(mut self, call: impl Fn(&Message) + Send + Sync + 'static) -> Self {
        self.on_message = Some(Arc::new(call));
        self
    }

    /// A failure to begin with: see [`Tenant::fail`].
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Starts it on a free port of 127.0.0.1.
    pub async fn start(self) -> Result<Tenant, StartError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(address).await.map_err(StartError::Listen)?;
        self.start_on(listener)
    }

    /// Starts it on this listener. It runs on the current runtime until it is stopped.
    pub fn start_on(mut self, listener: TcpListener) -> Result<Tenant, StartError> {
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let base_url = self.base_url.unwrap_or_else(|| format!("http://{address}"));
        let authority = base_url.split_once("://").map_or(base_url.as_str(), |(_, rest)| rest).to_owned();
        if self.applications.is_empty() {
            self.applications.push(Application::generate());
        }
        let key = match self.key {
            Some(key) => key,
            None => TenantKey::shared()?,
        };
        let state = State {
            domain: self.domain.unwrap_or_else(|| authority.clone()),
            base_url: base_url.clone(),
            authority,
            key,
            clock: self.clock,
            settings: self.settings,
            people: People::default(),
            applications: self.applications,
            apis: self.apis,
            rule: self.rule,
            transactions: HashMap::new(),
            oob: HashMap::new(),
            access_tokens: HashMap::new(),
            refresh_tokens: HashMap::new(),
            next_family: 0,
            brute_force: BruteForce::default(),
            logins: HashMap::new(),
            window: Window::default(),
            inbox: Inbox::new(self.on_message),
            faults: Faults(self.faults),
            issued: 0,
        };
        let lines = Arc::<Lines>::default();
        let shared = Arc::new(Shared {
            base_url,
            address,
            state: Mutex::new(state),
            record: Record::default(),
            lines: Arc::clone(&lines),
            serving: Mutex::new(None),
        });
        let tenant = Tenant { shared };
        for user in self.users {
            tenant.add_user(user)?;
        }
        let router = server::router(&tenant.shared);
        let service = router.into_make_service_with_connect_info::<Peer>();
        let serving = tokio::spawn(async move {
            // It ends only when it is aborted: accepting does not fail for good.
            let _ = axum::serve(Door { listener, lines }, service).await;
        });
        *tenant.shared.serving.lock().unwrap_or_else(PoisonError::into_inner) = Some(serving.abort_handle());
        Ok(tenant)
    }
}

pub(crate) struct Shared {
    base_url: String,
    address: SocketAddr,
    state: Mutex<State>,
    pub(crate) record: Record,
    lines: Arc<Lines>,
    serving: Mutex<Option<AbortHandle>>,
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running tenant. A clone is the same tenant.
///
/// Methods take users by their e-mail address, username or id, and do nothing, or return nothing,
/// for a user who is not there.
#[derive(Clone)]
pub struct Tenant {
    pub(crate) shared: Arc<Shared>,
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant").field("base_url", &self.shared.base_url).finish_non_exhaustive()
    }
}

impl Tenant {
    /// A tenant to be, without users.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Stops listening and closes every connection.
    pub fn stop(&self) {
        let serving = self.shared.serving.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(serving) = serving {
            serving.abort();
        }
        self.shared.lines.cut_all();
    }

    // Who it is.

    /// Its origin, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Its domain: the one that it was given, or else the host and port of the base URL.
    pub fn domain(&self) -> String {
        self.shared.state().domain.clone()
    }

    /// The `iss` of its tokens: the base URL and a slash.
    pub fn issuer(&self) -> String {
        format!("{}/", self.shared.base_url)
    }

    /// The identifier of its MFA API: `https://DOMAIN/mfa/`.
    pub fn mfa_audience(&self) -> String {
        format!("https://{}/mfa/", self.domain())
    }

    /// Its signing key.
    pub fn key(&self) -> TenantKey {
        self.shared.state().key.clone()
    }

    /// Its clock.
    pub fn clock(&self) -> Clock {
        self.shared.state().clock.clone()
    }

    // Settings.

    /// A copy of its switches.
    pub fn settings(&self) -> Settings {
        self.shared.state().settings.clone()
    }

    /// Changes its switches.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        // On a copy, so that the closure may ask the tenant something.
        let mut settings = self.settings();
        change(&mut settings);
        self.shared.state().settings = settings;
    }

    /// Sets what decides about logins beside the policy, as a post-login Action does. It is called
    /// when a password or a refresh token was right, and again after every factor. It must not call
    /// the tenant.
    pub fn set_rule(&self, rule: impl Fn(&Login) -> Verdict + Send + Sync + 'static) {
        self.shared.state().rule = Some(Arc::new(rule));
    }

    /// Takes the rule away.
    pub fn clear_rule(&self) {
        self.shared.state().rule = None;
    }

    // Applications and APIs.

    /// Adds an application, or replaces the one with its id.
    pub fn add_application(&self, application: Application) {
        let mut state = self.shared.state();
        state.applications.retain(|old| old.client_id != application.client_id);
        state.applications.push(application);
    }

    /// Adds an API, or replaces the one with its identifier.
    pub fn add_api(&self, api: Api) {
        let mut state = self.shared.state();
        state.apis.retain(|old| old.identifier != api.identifier);
        state.apis.push(api);
    }

    /// The id of the first application.
    pub fn client_id(&self) -> String {
        let state = self.shared.state();
        state.applications.first().map(|application| application.client_id.clone()).unwrap_or_default()
    }

    /// The secret of the first application.
    pub fn client_secret(&self) -> String {
        let state = self.shared.state();
        state.applications.first().map(|application| application.client_secret.clone()).unwrap_or_default()
    }

    /// Gives an application a new secret; the old one is refused at once. Returns whether there is
    /// such an application.
    pub fn rotate_client_secret(&self, client_id: &str, new_secret: &str) -> bool {
        let mut state = self.shared.state();
        let application = state.applications.iter_mut().find(|application| application.client_id == client_id);
        match application {
            Some(application) => {
                new_secret.clone_into(&mut application.client_secret);
                true
            }
            None => false,
        }
    }

    // Users.

    /// Adds a user and returns the id.
    pub fn add_user(&self, user: User) -> Result<String, StartError> {
        let mut state = self.shared.state();
        let person = user.into_person(state.now())?;
        let id = person.id.clone();
        if state.people.add(person) { Ok(id) } else { Err(StartError::UserExists) }
    }

    /// Removes a user; the user's tokens are worth nothing from then on.
    pub fn remove_user(&self, user: &str) {
        let mut state = self.shared.state();
        state.people.remove(user);
    }

    /// The e-mail addresses of all users, in the order in which they were added.
    pub fn users(&self) -> Vec<String> {
        let state = self.shared.state();
        state.people.iter().map(|person| person.email.clone()).collect()
    }

    /// The user's password, for a page or a terminal that shows a demo user.
    pub fn password(&self, user: &str) -> Option<String> {
        self.shared.state().find(user).map(|person| person.password.clone())
    }

    /// The user's id: the `sub` of the tokens.
    pub fn user_id(&self, user: &str) -> Option<String> {
        self.shared.state().find(user).map(|person| person.id.clone())
    }

    /// Changes the user's password; what brute-force protection blocked is unblocked by it.
    pub fn set_password(&self, user: &str, password: &str) {
        if let Some(person) = self.shared.state().find_mut(user) {
            password.clone_into(&mut person.password);
        }
        self.unblock(user);
    }

    /// Changes what the tenant has against the user.
    pub fn set_conduct(&self, user: &str, conduct: Conduct) {
        if let Some(person) = self.shared.state().find_mut(user) {
            person.conduct = conduct;
        }
    }

    /// Changes the factors that the user is asked for in turn: any one of each step.
    pub fn set_chain(&self, user: &str, steps: Vec<Vec<Factor>>) {
        if let Some(person) = self.shared.state().find_mut(user) {
            person.chain = steps;
        }
    }

    /// Lifts brute-force protection's block of the user, for every IP address.
    pub fn unblock(&self, user: &str) {
        let mut state = self.shared.state();
        let id = state.find(user).map(|person| person.id.clone());
        let identifier = id.unwrap_or_else(|| user.to_lowercase());
        state.brute_force.unblock(&identifier);
    }

    /// Fills all budgets of the user: codes, messages.
    pub fn refill_budgets(&self, user: &str) {
        if let Some(person) = self.shared.state().find_mut(user) {
            let budgets = &mut person.budgets;
            for bucket in [
                &mut budgets.wrong_codes,
                &mut budgets.wrong_recovery_codes,
                &mut budgets.sms,
                &mut budgets.email,
                &mut budgets.push,
            ] {
                bucket.fill();
            }
        }
    }

    /// How many wrong codes the user has left, of 10.
    pub fn wrong_codes_left(&self, user: &str) -> Option<u32> {
        let mut state = self.shared.state();
        let now = state.now();
        let person = state.find_mut(user)?;
        Some(person.budgets.wrong_codes.left(now))
    }

    // Factors.

    /// The user's authenticators, the inactive ones too.
    pub fn authenticators(&self, user: &str) -> Vec<Authenticator> {
        let state = self.shared.state();
        let listed = state.settings.verified_email_is_factor;
        state
            .find(user)
            .map(|person| {
                person.devices.iter().filter(|device| !device.implied || listed).map(Authenticator::from).collect()
            })
            .unwrap_or_default()
    }

    /// The OTP code of this moment: of the user's first authenticator app, one that is active if
    /// there is one.
    pub fn otp_code(&self, user: &str) -> Option<String> {
        let now = self.clock().now();
        self.otp_code_at(user, now)
    }

    /// The OTP code of another moment.
    pub fn otp_code_at(&self, user: &str, at: SystemTime) -> Option<String> {
        let seconds = at.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let state = self.shared.state();
        state.otp_device(user)?.otp_code(seconds)
    }

    /// The next OTP code that the tenant will take: this moment's, or, if that has been used, the
    /// next step's with the clock moved there. For tests that sign in again and again. Only
    /// this tenant's [`Clock`] moves: what a clock [from a source](Clock::from_source) is shared with
    /// stays where it is.
    pub fn fresh_otp_code(&self, user: &str) -> Option<String> {
        let clock = self.clock();
        let seconds = clock.millis() / 1000;
        let step = seconds / crate::user::STEP;
        let is_spent = {
            let state = self.shared.state();
            state.otp_device(user)?.used_steps.contains(&step)
        };
        if is_spent {
            clock.advance(Duration::from_secs((step + 1) * crate::user::STEP - seconds));
        }
        self.otp_code(user)
    }

    /// The user's OTP secret in base32.
    pub fn otp_secret(&self, user: &str) -> Option<String> {
        let state = self.shared.state();
        Some(state.otp_device(user)?.secret.as_ref()?.to_base32())
    }

    /// The same as an `otpauth://` URI, for a QR code.
    pub fn otp_uri(&self, user: &str) -> Option<String> {
        let secret = self.otp_secret(user)?;
        let state = self.shared.state();
        let person = state.find(user)?;
        Some(crate::user::otpauth_uri(&state.settings.tenant_name, &person.email, &secret))
    }

    /// The user's recovery code.
    pub fn recovery_code(&self, user: &str) -> Option<String> {
        let state = self.shared.state();
        let person = state.find(user)?;
        person.devices.iter().find_map(|device| device.code.clone())
    }

    // The inbox.

    /// The messages sent so far, oldest first; the last 200.
    pub fn inbox(&self) -> Vec<Message> {
        self.shared.state().inbox.all()
    }

    /// The newest code sent to the user, by whichever way.
    pub fn sent_code(&self, user: &str) -> Option<String> {
        let state = self.shared.state();
        let email = state.find(user)?.email.clone();
        let messages = state.inbox.all();
        messages.into_iter().rev().filter(|message| message.user == email).find_map(|message| message.code)
    }

    /// Approves the user's newest push that waits, or scans the code of a push device that is being
    /// enrolled. Returns whether there was one.
    pub fn approve_push(&self, user: &str) -> bool {
        self.answer_push(user, Answer::Approved)
    }

    /// Refuses the user's newest push that waits. Returns whether there was one.
    pub fn refuse_push(&self, user: &str) -> bool {
        self.answer_push(user, Answer::Refused)
    }

    fn answer_push(&self, user: &str, answer: Answer) -> bool {
        let mut state = self.shared.state();
        let Some(email) = state.find(user).map(|person| person.email.clone()) else {
            return false;
        };
        match state.inbox.waiting(&email) {
            Some(message) => state.answer_push(message, answer),
            None => false,
        }
    }

    /// Forgets the messages.
    pub fn clear_inbox(&self) {
        self.shared.state().inbox.clear();
    }

    // Faults and the record.

    /// Sets a fault. Of several that fit a request, the one set first strikes.
    pub fn fail(&self, fault: Fault) {
        self.shared.state().faults.0.push(fault);
    }

    /// The faults that have not struck yet, or not often enough.
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.state().faults.0.clone()
    }

    /// Clears all faults, and what [`refuse_connections`](Self::refuse_connections) left.
    pub fn clear_faults(&self) {
        self.shared.state().faults.0.clear();
        self.shared.lines.refuse(0);
    }

    /// Closes the next `count` connections as soon as they are made. Connections that are open stay
    /// open: see [`close_connections`](Self::close_connections).
    pub fn refuse_connections(&self, count: u64) {
        self.shared.lines.refuse(count);
    }

    /// Closes every open connection, whatever is in flight on it, and waits until they are closed.
    pub async fn close_connections(&self) {
        let cut = self.shared.lines.cut_all();
        loop {
            // A moment more than it takes, so that a peer on this machine has seen it too.
            tokio::time::sleep(Duration::from_millis(5)).await;
            if !self.shared.lines.any_open(&cut) {
                return;
            }
        }
    }

    /// How many TCP connections were accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.lines.accepted()
    }

    /// How many TCP connections are open.
    pub fn open_connections(&self) -> usize {
        self.shared.lines.open()
    }

    /// The requests to Auth0's endpoints, in the order of arrival; the last 10,000.
    pub fn received(&self) -> Vec<Received> {
        self.shared.record.all()
    }

    /// The most requests that were in flight at once.
    pub fn most_in_flight(&self) -> MostInFlight {
        self.shared.record.most_in_flight()
    }

    /// Forgets the requests and how many overlapped.
    pub fn clear_received(&self) {
        self.shared.record.clear();
    }

    /// Gives every `mfa_token` up, as if Auth0 had lost them: `invalid_grant`, "Malformed `mfa_token`".
    pub fn forget_mfa_tokens(&self) {
        let mut state = self.shared.state();
        state.transactions.clear();
        state.oob.clear();
    }

    /// Revokes every refresh token of the user.
    pub fn revoke_refresh_tokens(&self, user: &str) {
        let mut state = self.shared.state();
        let Some(id) = state.find(user).map(|person| person.id.clone()) else {
            return;
        };
        for token in state.refresh_tokens.values_mut() {
            if token.user_id == id {
                token.revoked = true;
            }
        }
    }

    /// How many refresh tokens the tenant would take now, of the user.
    pub fn live_refresh_tokens(&self, user: &str) -> usize {
        let state = self.shared.state();
        let now = state.now();
        let Some(id) = state.find(user).map(|person| &person.id) else {
            return 0;
        };
        state
            .refresh_tokens
            .values()
            .filter(|token| token.user_id == *id && !token.revoked && token.used_at.is_none() && token.expires > now)
            .count()
    }
}

impl State {
    pub(crate) fn find(&self, user: &str) -> Option<&crate::user::Person> {
        self.person(user).or_else(|| self.person_called(user))
    }

    pub(crate) fn find_mut(&mut self, user: &str) -> Option<&mut crate::user::Person> {
        let id = self.find(user)?.id.clone();
        self.person_mut(&id)
    }

    fn otp_device(&self, user: &str) -> Option<&Device> {
        let devices = &self.find(user)?.devices;
        let otp = |device: &&Device| device.factor == Factor::Otp;
        devices.iter().filter(otp).find(|device| device.active).or_else(|| devices.iter().rfind(otp))
    }
}

/// A secret of the length of Auth0's.
pub(crate) fn new_client_secret() -> String {
    opaque::alphanumeric(64)
}
