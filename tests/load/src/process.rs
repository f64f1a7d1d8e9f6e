//! The second part: one process of each function, which serves 64 invocations at once, as on Lambda Managed Instances.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::book::{Book, Level};
use crate::checks::Checks;
use crate::gateway::all;
use crate::person::Person;
use crate::runtime_api::RuntimeApi;
use crate::sign_in::{self, Caller, Endpoint, Reply, cookie};
use crate::stack::{self, Held, Stack};

/// Invocations that one process is to serve at once, and sign-ins at once.
const CONCURRENCY: u16 = 64;

/// The number of the first user, far from those of the other part.
const FIRST: u64 = 1_000_000;

/// What the resident memory of a process may grow by after the first half, in KiB.
const GROWTH: i64 = 1024;

/// The functions' default, without sessions that outlive the sign-in: nothing is to be left in the table.
const SETTINGS: [&str; 2] = ["AUTH0_SCOPE=openid profile email", "STEP_UP_SCOPES="];

/// A function's process.
struct Running {
    endpoint: Endpoint,
    child: Child,
    api: RuntimeApi,
}

impl Running {
    async fn start(
        endpoint: Endpoint,
        folder: &Path,
        environment: &[(String, String)],
        logs: &Path,
    ) -> Result<Self, String> {
        let api = RuntimeApi::start().await.map_err(|fault| fault.to_string())?;
        let program = program(folder, endpoint);
        let child = Command::new(&program)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .env("AWS_LAMBDA_MAX_CONCURRENCY", CONCURRENCY.to_string())
            .envs([
                ("AWS_LAMBDA_FUNCTION_NAME", endpoint.name()),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/load"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/24/[1]0123456789abcdef0123456789abcdef"),
                ("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stack::log(logs, endpoint.name())?)
            .spawn()
            .map_err(|fault| format!("{}: {fault}", program.display()))?;
        Ok(Self { endpoint, child, api })
    }

    fn resident(&self) -> Result<u64, String> {
        stack::resident(&self.child)
    }

    /// Looks at the process once everything is done.
    fn check(&mut self, half: u64, checks: &mut Checks) -> Result<Process, String> {
        let name = self.endpoint.name();
        let ended = self.child.try_wait().map_err(|fault| fault.to_string())?;
        checks.that(format!("{name}: has ended"), &ended.map(|status| status.to_string()), &None);
        let (most, failures) = (self.api.most_in_flight(), self.api.failures());
        checks.that(format!("{name}: invocations in flight at once"), &most, &usize::from(CONCURRENCY));
        checks.that(format!("{name}: answered by an error"), &failures, &Vec::new());
        let all = self.resident()?;
        let growth = i64::try_from(all).unwrap_or(i64::MAX) - i64::try_from(half).unwrap_or(0);
        checks.below(format!("{name}: KiB grown after the first half"), growth, GROWTH);
        Ok(Process { name, most_in_flight: most, half, all })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // As Lambda ends an environment that is not needed any more.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// As `cargo lambda build` lays programs out, or as `cargo build` does.
fn program(folder: &Path, endpoint: Endpoint) -> PathBuf {
    let bootstrap = folder.join(endpoint.name()).join("bootstrap");
    if bootstrap.exists() { bootstrap } else { folder.join(endpoint.name()) }
}

/// A user of both processes, by the events of an HTTP API.
#[derive(Clone)]
struct Client {
    authenticate: RuntimeApi,
    verify: RuntimeApi,
    events: Rc<Events>,
}

impl Caller for Client {
    async fn call(&mut self, endpoint: Endpoint, held: Option<&str>, body: &Value) -> Result<Reply, String> {
        let api = match endpoint {
            Endpoint::Authenticate => &self.authenticate,
            Endpoint::Verify => &self.verify,
        };
        let answer = api.invoke(&self.events.event(endpoint, held, body)).await?;
        let status = answer.get("statusCode").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
        let body = answer.get("body").and_then(Value::as_str).unwrap_or_default();
        Ok(Reply {
            status: status.ok_or("an answer without a status")?,
            body: serde_json::from_str(body).unwrap_or_default(),
            cookie: answer.pointer("/cookies/0").and_then(Value::as_str).and_then(cookie),
        })
    }
}

/// Events as an HTTP API sends them.
struct Events {
    sign_in: Value,
    verify: Value,
}

impl Events {
    fn new() -> Result<Self, String> {
        let read = |text| serde_json::from_str(text).map_err(|fault: serde_json::Error| fault.to_string());
        Ok(Self {
            sign_in: read(include_str!("../../events/http-api-sign-in.json"))?,
            verify: read(include_str!("../../events/http-api-verify.json"))?,
        })
    }

    fn event(&self, endpoint: Endpoint, cookie: Option<&str>, body: &Value) -> Value {
        let body = body.to_string();
        let mut event = match endpoint {
            Endpoint::Authenticate => self.sign_in.clone(),
            Endpoint::Verify => self.verify.clone(),
        };
        if let Some(headers) = event.get_mut("headers").and_then(Value::as_object_mut) {
            headers.insert("content-length".into(), body.len().to_string().into());
        }
        if let Some(event) = event.as_object_mut() {
            event.insert("body".into(), body.into());
            match cookie {
                Some(cookie) => event.insert("cookies".into(), json!([cookie])),
                None => event.remove("cookies"),
            };
        }
        event
    }
}

/// What was seen of a process.
pub(crate) struct Process {
    pub(crate) name: &'static str,
    pub(crate) most_in_flight: usize,
    /// Resident KiB after half of the sign-ins, and after all.
    pub(crate) half: u64,
    pub(crate) all: u64,
}

/// All that came of it.
pub(crate) struct Seen {
    pub(crate) concurrency: u16,
    pub(crate) time: Duration,
    pub(crate) level: Level,
    pub(crate) processes: [Process; 2],
}

/// At least `count` sign-ins, in rounds of 64: all begin, and once all have begun, all finish. So each process has 64
/// invocations at a time.
pub(crate) async fn run(
    stack: &Stack,
    folder: &Path,
    logs: &Path,
    count: u64,
    checks: &mut Checks,
) -> Result<Seen, String> {
    let environment = stack.environment(&SETTINGS)?;
    let start = |endpoint| Running::start(endpoint, folder, &environment, logs);
    let (mut authenticate, mut verify) = (start(Endpoint::Authenticate).await?, start(Endpoint::Verify).await?);
    let rounds = count.div_ceil(u64::from(CONCURRENCY));
    let people: Vec<_> = (0..rounds * u64::from(CONCURRENCY)).map(|number| Person::new(FIRST + number)).collect();
    stack.add(&people).await?;
    let emails: Vec<_> = people.iter().map(|person| person.email.clone()).collect();
    let erring = people.iter().filter(|person| person.errs()).count();

    let events = Rc::new(Events::new()?);
    let client = Client { authenticate: authenticate.api.clone(), verify: verify.api.clone(), events };
    let clients = vec![client; usize::from(CONCURRENCY)];
    let book = Rc::new(RefCell::new(Book::default()));
    let (half, rest) = people.split_at(clients.len() * usize::try_from(rounds.div_ceil(2)).unwrap_or(usize::MAX));
    let from = Instant::now();
    sign_in_all(&clients, half, &book).await?;
    let half = (authenticate.resident()?, verify.resident()?);
    sign_in_all(&clients, rest, &book).await?;
    let time = from.elapsed();
    let level = book.borrow_mut().close_level();
    let processes = [authenticate.check(half.0, checks)?, verify.check(half.1, checks)?];
    checks.that("processes: sign-ins that ended with tokens", &level.done, &emails.len());
    checks.that("processes: sign-ins that did not", &level.lost, &0);
    checks.that("processes: wrong codes, each refused with 4 attempts left", &level.refused, &erring);
    checks.that("processes: answers that should not have been", &level.fault_count(), &0);
    checks.that("processes: sessions that outlived their sign-in", &level.signed_in.len(), &0);
    checks.that("processes: in the table afterwards", &stack.held().await?, &Held::default());
    checks.totals(&book.borrow());
    stack.remove(emails).await?;
    Ok(Seen { concurrency: CONCURRENCY, time, level, processes })
}

/// Rounds of sign-ins until everyone has signed in.
async fn sign_in_all(clients: &[Client], people: &[Person], book: &Rc<RefCell<Book>>) -> Result<(), String> {
    let (all_begun, all_done) = (Rc::new(Barrier::new(clients.len())), Rc::new(Barrier::new(clients.len())));
    let mut users = JoinSet::new();
    for (client, share) in clients.iter().zip(people.chunks(people.len().div_ceil(clients.len()).max(1))) {
        let (mut client, share, book) = (client.clone(), share.to_vec(), Rc::clone(book));
        let (all_begun, all_done) = (Rc::clone(&all_begun), Rc::clone(&all_done));
        users.spawn_local(async move {
            for person in share {
                let cookie = sign_in::begin(&mut client, &book, &person).await;
                all_begun.wait().await;
                if let Some(cookie) = cookie {
                    sign_in::finish(&mut client, &book, &person, &cookie).await;
                }
                all_done.wait().await;
            }
            Ok(())
        });
    }
    all(users).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_carries_its_own_body_and_cookie() {
        let events = Events::new().unwrap();
        let event = events.event(Endpoint::Verify, Some("mfa_session=a"), &json!({"otp": "123456"}));
        assert_eq!(event["cookies"], json!(["mfa_session=a"]));
        assert_eq!(event["body"], r#"{"otp":"123456"}"#);
        assert_eq!(event["headers"]["content-length"], "16");
        assert_eq!(event["rawPath"], "/api/mfa/verify");
        let event = events.event(Endpoint::Authenticate, None, &json!({}));
        assert_eq!((event.get("cookies"), event["rawPath"].as_str()), (None, Some("/api/mfa/authenticate")));
    }
}
