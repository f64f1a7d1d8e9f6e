//! What the tests across the crates start, and the browser that they drive it with.
//!
//! A test starts a [`World`]: the whole local stack on free ports, with a clock that the test moves. It then
//! calls the functions as a page does, over HTTP through the gateway, with a [`Browser`] that keeps the
//! session cookie. Nothing here knows what is inside the functions.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "only tests use it: what goes wrong here is a failed test"
)]

pub mod contract;
pub mod proxy;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use auth0_tenant::{Endpoint, Fault, Grant, Received, Settings, User};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local::{Builder, Ports, Stack, user};
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, ORIGIN, SET_COOKIE};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something is so that will be soon, and fails where it never is.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waited).await.is_ok(), "{what}: it did not come");
}

/// The local stack with a clock that stands beside the system's by what the test says.
pub struct World {
    /// Everything that is running.
    pub stack: Stack,
    offset: Arc<AtomicU64>,
}

impl World {
    /// A stack as it comes.
    pub async fn start() -> Self {
        Self::start_with(|builder| builder).await
    }

    /// A stack that `change` has changed.
    pub async fn start_with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let offset = Arc::new(AtomicU64::new(0));
        let seconds = Arc::clone(&offset);
        let clock = move || SystemTime::now() + Duration::from_secs(seconds.load(Ordering::Relaxed));
        let builder = Stack::builder().ports(Ports::ANY).clock(mfa_core::Clock::from_fn(clock));
        let stack = change(builder).start().await.expect("the stack starts");
        Self { stack, offset }
    }

    /// Moves the clock of everything in the stack.
    pub fn advance(&self, by: Duration) {
        self.offset.fetch_add(by.as_secs(), Ordering::Relaxed);
    }

    /// A browser with the stack's page open.
    pub fn browser(&self) -> Browser {
        Browser::at(self.stack.url())
    }

    /// A function's address.
    pub fn url(&self, function: &str) -> String {
        format!("{}/api/mfa/{function}", self.stack.url())
    }

    /// The code that the stack's user has on the phone at this moment.
    pub fn otp(&self) -> String {
        self.stack.otp_code().0
    }

    /// A code that was not used before: that of the next step.
    pub fn fresh_otp(&self) -> String {
        self.advance(Duration::from_secs(30));
        self.otp()
    }

    /// A code that is not right, now or within the next step.
    pub fn wrong_otp(&self) -> String {
        let tenant = self.stack.tenant();
        let now = tenant.clock().now();
        let right: Vec<_> = [-60, -30, 0, 30, 60]
            .into_iter()
            .filter_map(|offset: i64| {
                let step = Duration::from_secs(offset.unsigned_abs());
                tenant.otp_code_at(user::EMAIL, if offset < 0 { now - step } else { now + step })
            })
            .collect();
        let wrong = (0..1_000_000).map(|code| format!("{code:06}")).find(|code| !right.contains(code));
        wrong.expect("one of a million")
    }

    /// Makes the tenant fail.
    pub fn fault(&self, fault: Fault) {
        self.stack.tenant().fail(fault);
    }

    /// Changes the tenant's settings.
    pub fn settings(&self, change: impl FnOnce(&mut Settings)) {
        self.stack.tenant().configure(change);
    }

    /// Adds a user to the tenant.
    pub fn add_user(&self, user: User) {
        self.stack.tenant().add_user(user).expect("a user");
    }

    /// Requests to the tenant that a function made to sign somebody in; not those of its init.
    pub fn requests(&self) -> Vec<Received> {
        let all = self.stack.tenant().received();
        all.into_iter().filter(|request| request.endpoint != Endpoint::Discovery).collect()
    }

    /// How often an endpoint of the tenant was asked.
    pub fn received(&self, endpoint: Endpoint) -> usize {
        self.requests().iter().filter(|request| request.endpoint == endpoint).count()
    }

    /// How many requests to an endpoint have been answered.
    pub fn answered(&self, endpoint: Endpoint) -> usize {
        self.requests().iter().filter(|request| request.endpoint == endpoint && request.ended.is_some()).count()
    }

    /// How often a grant was tried.
    pub fn received_grant(&self, grant: Grant) -> usize {
        self.requests().iter().filter(|request| request.grant_type.as_deref() == Some(grant.urn())).count()
    }

    /// Waits until a grant was tried so often.
    pub async fn reached(&self, grant: Grant, times: usize) {
        until("a grant", || self.received_grant(grant) >= times).await;
    }

    /// The table's items as DynamoDB's JSON, binary attributes in base64.
    pub fn items(&self) -> Vec<Value> {
        let items = self.stack.table().items().expect("the table");
        items.iter().map(|item| serde_json::to_value(item).expect("JSON")).collect()
    }

    /// Whatever can be read in the table: the items as JSON, and the bytes of their binary attributes as text.
    pub fn table_text(&self) -> String {
        let items = self.items();
        let binary =
            items.iter().flat_map(|item| item.as_object().expect("an item").values()).filter_map(|attribute| {
                let bytes = STANDARD.decode(attribute["B"].as_str()?).expect("base64");
                Some(String::from_utf8_lossy(&bytes).into_owned())
            });
        let binary: Vec<_> = binary.collect();
        assert!(!binary.is_empty(), "nothing is sealed");
        format!("{}\n{}", json!(items), binary.join("\n"))
    }

    /// Changes the one item of the table behind the functions' back.
    pub fn change_item(&self, change: impl FnOnce(&mut Value)) {
        let mut items = self.items();
        assert_eq!(items.len(), 1, "one item");
        let mut item = items.remove(0);
        change(&mut item);
        self.put_item(item);
    }

    /// Writes an item into the table.
    pub fn put_item(&self, item: Value) {
        self.stack.table().put(serde_json::from_value(item).expect("an item")).expect("written");
    }

    /// Takes the lease of the one session in the table, as a request does that then crashes.
    pub fn take_lease(&self, length: Duration) {
        let end = self.stack.tenant().clock().now() + length;
        let end = end.duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        self.change_item(|item| item["busy_until"] = json!({"N": end.to_string()}));
    }
}

/// A browser tab on the page's origin, as far as the functions can tell.
#[derive(Clone)]
pub struct Browser {
    client: reqwest::Client,
    origin: String,
    /// `name=value` of the session cookie.
    pub cookie: Option<String>,
}

/// An answer of a function.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; `null` where it is empty.
    pub body: Value,
    /// `Set-Cookie`, whole.
    pub set_cookie: Option<String>,
}

impl Browser {
    fn at(url: &str) -> Self {
        // The test's own client, not the functions': no TLS is used, but reqwest wants a provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { client, origin: url.trim_end_matches('/').to_owned(), cookie: None }
    }

    /// Another tab, without this one's cookie.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { cookie: None, ..self.clone() }
    }

    /// A request as the page's fetch makes it, to be changed before it is [sent](Self::send).
    pub fn request(&self, method: Method, function: &str) -> RequestBuilder {
        let mut request = self
            .client
            .request(method, format!("{}/api/mfa/{function}", self.origin))
            .header(ORIGIN, &self.origin)
            .header("sec-fetch-site", "same-origin");
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, format!("theme=dark; {cookie}"));
        }
        request
    }

    /// Sends `request` and takes over the cookie that the answer sets.
    pub async fn send(&mut self, request: RequestBuilder) -> Answer {
        let answer = Answer::of(request).await;
        if let Some(set) = &answer.set_cookie {
            let pair = set.split(';').next().unwrap_or_default().to_owned();
            self.cookie = (!set.contains("Max-Age=0")).then_some(pair);
        }
        answer
    }

    async fn post(&mut self, function: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, function);
        self.send(request.header(CONTENT_TYPE, "application/json").body(body.to_string())).await
    }

    /// `POST authenticate`.
    pub async fn authenticate(&mut self, body: Value) -> Answer {
        self.post("authenticate", body).await
    }

    /// `POST verify`.
    pub async fn verify(&mut self, body: Value) -> Answer {
        self.post("verify", body).await
    }

    /// `GET authenticate`.
    pub async fn status(&mut self) -> Answer {
        let request = self.request(Method::GET, "authenticate");
        self.send(request).await
    }

    /// `DELETE authenticate`.
    pub async fn sign_out(&mut self) -> Answer {
        let request = self.request(Method::DELETE, "authenticate");
        self.send(request).await
    }

    /// Signs in as far as the challenge, as the stack's own user.
    pub async fn begin(&mut self) -> Answer {
        self.begin_as(user::EMAIL, user::PASSWORD).await
    }

    /// Signs in as far as the challenge.
    pub async fn begin_as(&mut self, email: &str, password: &str) -> Answer {
        self.authenticate(json!({"email": email, "password": password})).await
    }
}

impl Answer {
    async fn of(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.expect("a request");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = client.execute(request).await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") };
        contract::check(&method, &path, status, &headers, &body);
        let set_cookie = headers.get(SET_COOKIE).map(|value| value.to_str().expect("ASCII").to_owned());
        Self { status, headers, body, set_cookie }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// `error`, of those that have one.
    pub fn error(&self) -> Option<&str> {
        self.body["error"].as_str()
    }

    /// Asserts that this is `error` with `status`, in the form that all errors have.
    #[track_caller]
    pub fn is(&self, status: u16, error: &str) -> &Self {
        assert_eq!((self.status, self.error()), (status, Some(error)), "{}", self.body);
        assert_eq!(self.body["success"], false);
        assert!(self.body["error_description"].as_str().is_some_and(|sentence| !sentence.is_empty()));
        assert!(self.body["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{}", self.body);
        self
    }

    /// Asserts that the answer opens an OTP challenge.
    #[track_caller]
    pub fn is_otp_challenge(&self) -> &Self {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.body["success"], true);
        assert_eq!(self.body["mfa_required"], true);
        assert_eq!(self.body["challenge"], json!({"challenge_type": "otp"}));
        self
    }

    /// Asserts that the answer has tokens.
    #[track_caller]
    pub fn is_tokens(&self) -> &Self {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.body["success"], true);
        assert!(self.body["access_token"].is_string(), "{}", self.body);
        assert_eq!(self.body["token_type"], "Bearer");
        assert!(self.body["expires_in"].is_u64());
        self
    }
}
