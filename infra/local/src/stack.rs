//! The stack: everything together.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use auth0_tenant::{Api, Application, Settings, Tenant, User};
use axum::Router;
use http::StatusCode;
use mfa_core::{App, Clock};
use tokio::net::TcpListener;

use crate::demo;
use crate::gateway::{Function, gateway_error};
use crate::secrets::Secrets;
use crate::server::Server;
use crate::table::Table;
use crate::transfers::Transfers;

/// The user that every stack has, whose sign-in the page and the events in `tests/events` are about.
pub mod user {
    /// The user's e-mail address.
    pub const EMAIL: &str = "ada@example.com";
    /// The user's password.
    pub const PASSWORD: &str = "correct-horse-battery-staple";
    /// The secret of the user's authenticator app, in base32. It is the same at every start, so that what
    /// was scanned once goes on fitting.
    pub const TOTP_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
}

/// The tenant's name, as an authenticator app shows it.
pub(crate) const TENANT_NAME: &str = "Local stack";
const DOMAIN: &str = "tenant.example";
const CLIENT_ID: &str = "local-stack-client";
const CLIENT_SECRET: &str = "local-stack-client-secret-that-protects-nothing-and-is-64-long--";
const AUDIENCE: &str = "https://api.tenant.example";
const TABLE: &str = "mfa-sessions";
const SECRET: &str = "local/auth0-client-secret";

/// The length of a step of the authenticator app.
const STEP: u64 = 30;

const PAGE: &str = "the page";
const TENANT: &str = "the Auth0 tenant";
const DYNAMODB: &str = "DynamoDB";
const SECRETS_MANAGER: &str = "Secrets Manager";

/// The ports of a stack. `0` is any free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The page, and the gateway with both functions.
    pub page: u16,
    /// The Auth0 tenant.
    pub tenant: u16,
    /// DynamoDB.
    pub dynamodb: u16,
    /// Secrets Manager.
    pub secrets_manager: u16,
}

impl Ports {
    /// Free ones, for tests.
    pub const ANY: Self = Self { page: 0, tenant: 0, dynamodb: 0, secrets_manager: 0 };

    /// Four in a row, the page's first. `None` if there are not four from there on.
    pub fn from(first: u16) -> Option<Self> {
        let page = (first > 0).then_some(first)?;
        let port = |offset| page.checked_add(offset);
        Some(Self { page, tenant: port(1)?, dynamodb: port(2)?, secrets_manager: port(3)? })
    }
}

/// What the functions find in their environment in a stack on these ports. `settings` goes over it.
///
/// The cookie is for plain HTTP: not everything takes a `Secure` one from `http://localhost`.
pub fn environment(ports: Ports, settings: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let url = |port: u16| format!("http://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let mut environment: BTreeMap<String, String> = [
        ("AUTH0_DOMAIN", DOMAIN.to_owned()),
        ("AUTH0_BASE_URL", url(ports.tenant)),
        ("AUTH0_CLIENT_ID", CLIENT_ID.to_owned()),
        ("AUTH0_CLIENT_SECRET_ID", SECRET.to_owned()),
        ("AUTH0_AUDIENCE", AUDIENCE.to_owned()),
        ("SESSION_TABLE", TABLE.to_owned()),
        ("COOKIE_INSECURE", "true".to_owned()),
        ("AWS_REGION", crate::REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", "local".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", url(ports.dynamodb)),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url(ports.secrets_manager)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    environment.extend(settings);
    environment
}

/// Why a stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens on a port that the stack needs.
    #[error("port {port}, for {what}, is taken by another program")]
    PortTaken {
        /// What was to listen there.
        what: &'static str,
        /// The port.
        port: u16,
    },
    /// A port cannot be listened on for another reason.
    #[error("cannot listen on port {port}, for {what}: {fault}")]
    Listen {
        /// What was to listen there.
        what: &'static str,
        /// The port.
        port: u16,
        /// What the system says.
        fault: io::Error,
    },
    /// The embedded database refuses to make the table.
    #[error("the table cannot be created: {0}")]
    Table(String),
    /// The tenant does not take what it was given.
    #[error("the Auth0 tenant does not start: {0}")]
    Tenant(auth0_tenant::StartError),
    /// The functions do not start in the environment that they are given.
    #[error("the functions do not start: {0}")]
    Functions(mfa_core::StartError),
}

type ConfigureTenant = dyn FnOnce(auth0_tenant::Builder) -> auth0_tenant::Builder + Send;

/// How a stack is to be; see [`Stack::builder`].
#[must_use]
pub struct Builder {
    ports: Ports,
    clock: Clock,
    settings: BTreeMap<String, String>,
    tenant: Box<ConfigureTenant>,
    progress: Box<dyn Fn(&str) + Send>,
}

impl Builder {
    /// The ports; free ones unless this is said.
    pub fn ports(mut self, ports: Ports) -> Self {
        self.ports = ports;
        self
    }

    /// The clock of the functions, the tenant, DynamoDB's TTL and Secrets Manager; the system's unless this
    /// is said. Deadlines are not by it: they are in time that really passes.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets a variable in the functions' environment, over what the stack itself says there.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.insert(name.into(), value.into());
        self
    }

    /// Changes the tenant, which has the stack's user, application and API, before it starts.
    pub fn tenant(
        mut self,
        change: impl FnOnce(auth0_tenant::Builder) -> auth0_tenant::Builder + Send + 'static,
    ) -> Self {
        let before = self.tenant;
        self.tenant = Box::new(|tenant| change(before(tenant)));
        self
    }

    /// Adds what `cargo dev` shows: [users](demo::USERS) with every kind of factor, signed-in sessions and
    /// step-up. What was [set](Self::set) before or is set afterwards goes over its [settings](demo::SETTINGS).
    pub fn demo(mut self) -> Self {
        for (name, value) in demo::SETTINGS {
            self.settings.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        self.tenant(demo::tenant)
    }

    /// Is told what is being started.
    pub fn progress(mut self, progress: impl Fn(&str) + Send + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Starts it. On an error nothing is left running.
    pub async fn start(self) -> Result<Stack, StartError> {
        let Self { ports, clock, settings, tenant, progress } = self;
        // All ports first: what is taken is said before anything has begun.
        let page = listen_for_page(ports.page).await?;
        let on_tenant = listen(TENANT, ports.tenant).await?;
        let on_dynamodb = listen(DYNAMODB, ports.dynamodb).await?;
        let on_secrets_manager = listen(SECRETS_MANAGER, ports.secrets_manager).await?;

        progress(DYNAMODB);
        let table = Table::create(TABLE, clock.clone()).map_err(|fault| StartError::Table(fault.to_string()))?;
        let served = table.clone();
        let dynamodb = serve(DYNAMODB, on_dynamodb, move |listener, stopped| served.clone().serve(listener, stopped))?;

        progress(SECRETS_MANAGER);
        let secrets = Secrets::new(clock.clone());
        secrets.put(SECRET, CLIENT_SECRET);
        let secrets_manager = serve_router(SECRETS_MANAGER, on_secrets_manager, secrets.router())?;

        progress(TENANT);
        let tenant = Stopping(tenant(tenant_builder(&clock)).start_on(on_tenant).map_err(StartError::Tenant)?);

        progress("the functions");
        let ports = Ports {
            page: page.first().and_then(|listener| listener.local_addr().ok()).map_or(0, |address| address.port()),
            tenant: tenant.0.address().port(),
            dynamodb: dynamodb.address().port(),
            secrets_manager: secrets_manager.address().port(),
        };
        let env = environment(ports, settings);
        let app = App::from_env(|name| env.get(name).cloned(), clock.clone()).await;
        let app = Arc::new(app.map_err(StartError::Functions)?);

        progress(PAGE);
        let router = front(&app, &env, &clock);
        let page = page.into_iter().map(|listener| serve_router(PAGE, listener, router.clone()));
        let page = page.collect::<Result<Vec<_>, _>>()?;
        let url = format!("http://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, ports.page)));
        Ok(Stack { url, app, clock, env, table, secrets, tenant, page, dynamodb, secrets_manager })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("ports", &self.ports).field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The local stack, running. It ends when it is dropped, or with [`stop`](Self::stop).
#[derive(Debug)]
pub struct Stack {
    url: String,
    app: Arc<App>,
    clock: Clock,
    env: BTreeMap<String, String>,
    table: Table,
    secrets: Secrets,
    tenant: Stopping,
    page: Vec<Server>,
    dynamodb: Server,
    secrets_manager: Server,
}

impl Stack {
    /// A stack to be: on free ports, by the system's clock, with the functions' default settings.
    pub fn builder() -> Builder {
        Builder {
            ports: Ports::ANY,
            clock: Clock::system(),
            settings: BTreeMap::new(),
            tenant: Box::new(|tenant| tenant),
            progress: Box::new(|_| {}),
        }
    }

    /// Where the page and both functions are: `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same by the name of `localhost`, for people.
    pub fn page_url(&self) -> String {
        self.url.replace("127.0.0.1", "localhost")
    }

    /// The environment that the functions were given.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// Both functions, without the gateway.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The Auth0 tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant.0
    }

    /// The sessions' table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// What is in Secrets Manager.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// DynamoDB's server, to take down and bring back.
    pub fn dynamodb(&self) -> &Server {
        &self.dynamodb
    }

    /// Secrets Manager's server, to take down and bring back.
    pub fn secrets_manager(&self) -> &Server {
        &self.secrets_manager
    }

    /// The name of the secret that holds the client secret.
    pub fn secret_name(&self) -> &str {
        SECRET
    }

    /// Gives the application a new client secret, as an administrator would: at Auth0 and in Secrets Manager.
    /// The functions are told nothing.
    pub fn rotate_secret(&self, value: &str) {
        self.tenant.0.rotate_client_secret(CLIENT_ID, value);
        self.secrets.put(SECRET, value);
    }

    /// The code that the [user](user)'s authenticator app shows now, and for how much longer.
    pub fn otp_code(&self) -> (String, Duration) {
        let code = self.tenant.0.otp_code(user::EMAIL).unwrap_or_default();
        (code, Duration::from_secs(STEP - self.clock.seconds() % STEP))
    }

    /// Ends it: requests under way may finish, then every port is free.
    pub async fn stop(self) {
        for server in self.page.iter().chain([&self.dynamodb, &self.secrets_manager]) {
            server.stop().await;
        }
    }
}

/// A tenant that stops with its owner. A [`Tenant`] alone runs on, whoever has a clone.
#[derive(Debug)]
struct Stopping(Tenant);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn tenant_builder(clock: &Clock) -> auth0_tenant::Builder {
    let clock = clock.clone();
    let clock = auth0_tenant::Clock::from_source(Arc::new(move || UNIX_EPOCH + Duration::from_millis(clock.millis())));
    Tenant::builder()
        .domain(DOMAIN)
        .clock(clock)
        .settings(Settings { tenant_name: TENANT_NAME.to_owned(), ..Settings::default() })
        .application(Application::new(CLIENT_ID, CLIENT_SECRET).trusts_forwarded_for(true))
        .api(Api::new(AUDIENCE, &["read:accounts", "transfer:funds"]))
        .user(User::new(user::EMAIL, user::PASSWORD).name("Ada Lovelace").otp_secret(user::TOTP_SECRET))
}

/// What the gateway's routes lead to, and the page with the API that it uses.
fn front(app: &Arc<App>, env: &BTreeMap<String, String>, clock: &Clock) -> Router {
    let value = |name| env.get(name).map(String::as_str).unwrap_or_default();
    let tenant = value("AUTH0_BASE_URL").trim_end_matches('/');
    let transfers = Transfers::new(tenant, value("AUTH0_AUDIENCE"), clock.clone());
    let (authenticate, verify) = (Arc::clone(app), Arc::clone(app));
    let authenticate = Function::new("authenticate", move |request| {
        let app = Arc::clone(&authenticate);
        async move { app.authenticate(request).await }
    });
    let verify = Function::new("verify", move |request| {
        let app = Arc::clone(&verify);
        async move { app.verify(request).await }
    });
    crate::page::router(format!("{tenant}/inbox"))
        .merge(transfers.router())
        .route("/api/mfa/authenticate", authenticate.route())
        .route("/api/mfa/verify", verify.route())
        .fallback(|| async { gateway_error(StatusCode::NOT_FOUND, "Not Found") })
}

/// On both loopback addresses, since `localhost` can be either. Where there is no IPv6, on one.
async fn listen_for_page(port: u16) -> Result<Vec<TcpListener>, StartError> {
    let mut listeners = vec![listen(PAGE, port).await?];
    if port != 0 {
        match listen_on(PAGE, Ipv6Addr::LOCALHOST.into(), port).await {
            Ok(listener) => listeners.push(listener),
            Err(taken @ StartError::PortTaken { .. }) => return Err(taken),
            Err(_) => {}
        }
    }
    Ok(listeners)
}

async fn listen(what: &'static str, port: u16) -> Result<TcpListener, StartError> {
    listen_on(what, Ipv4Addr::LOCALHOST.into(), port).await
}

async fn listen_on(what: &'static str, address: IpAddr, port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind((address, port)).await.map_err(|fault| match fault.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken { what, port },
        _ => StartError::Listen { what, port, fault },
    })
}

fn serve<F>(
    what: &'static str,
    listener: TcpListener,
    serve: impl Fn(TcpListener, crate::server::Stopped) -> F + Send + Sync + 'static,
) -> Result<Server, StartError>
where
    F: Future<Output = ()> + Send + 'static,
{
    Server::start(what, listener, serve).map_err(|fault| StartError::Listen { what, port: 0, fault })
}

fn serve_router(what: &'static str, listener: TcpListener, router: Router) -> Result<Server, StartError> {
    serve(what, listener, move |listener, stopped| {
        let service = router.clone().into_make_service_with_connect_info::<SocketAddr>();
        async move {
            if let Err(fault) = axum::serve(listener, service).with_graceful_shutdown(stopped).await {
                tracing::error!(server = what, %fault, "ended");
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    /// What a request to `address` is answered, as it comes over the wire.
    async fn ask(address: &str, head: &str, body: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        let length = body.len();
        let request =
            format!("{head} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n");
        stream.write_all(format!("{request}content-type: application/json\r\n\r\n{body}").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    async fn sign_in(stack: &Stack) -> String {
        let body = format!(r#"{{"email":"{}","password":"{}"}}"#, user::EMAIL, user::PASSWORD);
        let address = stack.url().trim_start_matches("http://");
        ask(address, "POST /api/mfa/authenticate", &body).await.unwrap()
    }

    #[tokio::test]
    async fn a_sign_in_goes_through_every_part() {
        let stack = Stack::builder().start().await.unwrap();
        let answer = sign_in(&stack).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            answer.contains(r#""challenge_type":"otp""#) && answer.contains("set-cookie: mfa_session="),
            "{answer}"
        );
        assert_eq!(stack.table().items().unwrap().len(), 1);
        assert!(stack.tenant().received().iter().any(|request| request.forwarded_for.is_some()));
    }

    #[tokio::test]
    async fn dynamodb_can_go_away_and_come_back_with_what_it_held() {
        let stack = Stack::builder().start().await.unwrap();
        sign_in(&stack).await;
        stack.dynamodb().down().await.unwrap();
        assert!(sign_in(&stack).await.contains("store_unavailable"));
        stack.dynamodb().up().await.unwrap();
        assert!(sign_in(&stack).await.contains(r#""success":true"#));
        assert_eq!(stack.table().items().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_rotated_secret_is_the_one_at_auth0_and_in_secrets_manager() {
        let stack = Stack::builder().start().await.unwrap();
        stack.rotate_secret("another");
        assert_eq!(stack.tenant().client_secret(), "another");
        assert!(sign_in(&stack).await.contains(r#""success":true"#), "the functions find it");
    }

    #[tokio::test]
    async fn the_functions_have_the_environment_that_is_printed() {
        let stack = Stack::builder().set("MAX_ATTEMPTS", "2").start().await.unwrap();
        assert_eq!(stack.env()["AUTH0_BASE_URL"], stack.tenant().base_url());
        assert_eq!(stack.env()["AWS_ENDPOINT_URL_DYNAMODB"], stack.dynamodb().url());
        assert_eq!(stack.env()["MAX_ATTEMPTS"], "2");
        let other = environment(Ports::from(3000).unwrap(), [("MAX_ATTEMPTS".to_owned(), "2".to_owned())]);
        assert!(stack.env().keys().eq(other.keys()));
        assert_eq!(other["AWS_ENDPOINT_URL_SECRETS_MANAGER"], "http://127.0.0.1:3003");
    }

    #[tokio::test]
    async fn a_setting_that_the_functions_refuse_is_said() {
        let refused = Stack::builder().set("MAX_ATTEMPTS", "none").start().await.unwrap_err();
        assert!(refused.to_string().contains("MAX_ATTEMPTS"), "{refused}");
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let refused = Stack::builder().ports(Ports { dynamodb: port, ..Ports::ANY }).start().await.unwrap_err();
        assert_eq!(refused.to_string(), format!("port {port}, for DynamoDB, is taken by another program"));
    }

    #[test]
    fn there_are_four_ports_or_none() {
        assert_eq!(Ports::from(0), None);
        assert_eq!(Ports::from(65_533), None);
        assert_eq!(Ports::from(65_532).unwrap().secrets_manager, 65_535);
    }

    #[tokio::test]
    async fn after_its_end_all_ports_are_free() {
        for drops in [false, true] {
            let stack = Stack::builder().start().await.unwrap();
            let addresses = [
                stack.url().trim_start_matches("http://").parse().unwrap(),
                stack.tenant().address(),
                stack.dynamodb().address(),
                stack.secrets_manager().address(),
            ];
            if drops {
                drop(stack);
            } else {
                stack.stop().await;
            }
            for address in addresses {
                let mut tries = 0;
                while TcpListener::bind(address).await.is_err() {
                    tries += 1;
                    assert!(tries < 100, "{address} is still taken");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    #[tokio::test]
    async fn the_page_may_load_only_what_it_is_made_of() {
        let stack = Stack::builder().start().await.unwrap();
        let address = stack.url().trim_start_matches("http://");
        for (path, content_type) in [
            ("/", "text/html"),
            ("/app.js", "text/javascript"),
            ("/surface.js", "text/javascript"),
            ("/api.js", "text/javascript"),
            ("/text.js", "text/javascript"),
            ("/style.css", "text/css"),
        ] {
            let answer = ask(address, &format!("GET {path}"), "").await.unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 200 OK") && !body.is_empty(), "{path}: {head}");
            assert!(head.contains(&format!("content-type: {content_type}; charset=utf-8")), "{path}: {head}");
            assert!(head.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{path}: {head}");
            assert!(head.contains("x-content-type-options: nosniff"), "{path}: {head}");
        }
        assert!(ask(address, "GET /other", "").await.unwrap().contains("Not Found"));
    }

    #[tokio::test]
    async fn the_demo_has_users_sessions_and_a_step_up_and_gives_way_to_what_is_set() {
        let stack = Stack::builder().set("STEP_UP_SCOPES", "").demo().set("MAX_ATTEMPTS", "2").start().await.unwrap();
        assert_eq!(stack.env()["AUTH0_SCOPE"], "openid profile email offline_access");
        assert_eq!(stack.env()["STEP_UP_SCOPES"], "", "said before");
        assert_eq!(stack.env()["MAX_ATTEMPTS"], "2", "said afterwards");
        assert_eq!(stack.tenant().settings().step_up_scopes, [demo::STEP_UP_SCOPE]);
        assert_eq!(stack.tenant().password(user::EMAIL).as_deref(), Some(user::PASSWORD));
        for (email, _) in demo::USERS {
            assert_eq!(stack.tenant().password(email).as_deref(), Some(user::PASSWORD), "{email}");
        }
        let factors = |email| stack.tenant().authenticators(email).len();
        assert!(factors("pat@example.com") > factors("nia@example.com"));
    }

    #[tokio::test]
    async fn a_stack_as_it_comes_has_the_functions_own_defaults() {
        let stack = Stack::builder().start().await.unwrap();
        assert!(!stack.env().contains_key("AUTH0_SCOPE") && !stack.env().contains_key("STEP_UP_SCOPES"));
        assert_eq!(stack.tenant().users(), [user::EMAIL]);
    }

    #[tokio::test]
    async fn a_transfer_wants_a_token() {
        let stack = Stack::builder().start().await.unwrap();
        let address = stack.url().trim_start_matches("http://");
        let answer = ask(address, "POST /api/transfers", r#"{"to":"Grace","amount":1}"#).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("\r\nwww-authenticate: Bearer\r\n"), "{answer}");
        assert!(answer.contains("\r\ncache-control: no-store\r\n"), "{answer}");
        assert!(ask(address, "GET /api/transfers", "").await.unwrap().starts_with("HTTP/1.1 405 "));
    }

    #[tokio::test]
    async fn a_qr_code_is_drawn_of_a_body_and_no_more_than_it_holds() {
        let stack = Stack::builder().start().await.unwrap();
        let address = stack.url().trim_start_matches("http://");
        let of = async |content: &str| ask(address, "POST /api/qr-code", content).await.unwrap();
        let drawn = of("otpauth://totp/a?secret=ABC").await;
        assert!(drawn.starts_with("HTTP/1.1 200 ") && drawn.contains("content-type: image/svg+xml"), "{drawn}");
        assert!(drawn.contains("cache-control: no-store") && drawn.contains("<svg"), "{drawn}");
        assert_ne!(drawn, of("otpauth://totp/a?secret=ABD").await);
        assert!(of(&"x".repeat(2954)).await.starts_with("HTTP/1.1 413 "));
        assert!(ask(address, "GET /api/qr-code?secret=ABC", "").await.unwrap().starts_with("HTTP/1.1 405 "));
    }

    #[tokio::test]
    async fn the_inbox_is_the_tenants() {
        let stack = Stack::builder().start().await.unwrap();
        let answer = ask(stack.url().trim_start_matches("http://"), "GET /inbox", "").await.unwrap();
        assert!(answer.contains(&format!("\r\nlocation: {}/inbox\r\n", stack.tenant().base_url())), "{answer}");
    }
}
