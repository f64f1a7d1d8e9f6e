//! The first part: ever more users at once through the gateway of the local stack.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::book::{Book, Level};
use crate::checks::Checks;
use crate::http::Connection;
use crate::person::Person;
use crate::sign_in::{self, Caller, Endpoint, Reply, cookie};
use crate::stack::{Held, Stack};

/// Sessions that are begun before everything and finished after everything.
const LEFT_OPEN: u64 = 50;

/// How many sign out at once. That is not measured.
const SIGNING_OUT: usize = 16;

/// A level that was run.
pub(crate) struct Row {
    pub(crate) concurrency: usize,
    pub(crate) time: Duration,
    pub(crate) level: Level,
    /// KiB, before and after.
    pub(crate) resident: (u64, u64),
}

/// A browser at the gateway, with a connection of its own.
struct Browser(Connection);

impl Browser {
    /// Opens the connection and sees that it is served, so that nothing of this is in what is measured.
    async fn open(gateway: SocketAddr) -> Result<Self, String> {
        let mut connection = Connection::open(gateway).await?;
        let answer = connection.send("GET", "/api/mfa/authenticate", "", "").await?;
        if answer.status == 200 { Ok(Self(connection)) } else { Err(format!("the gateway answers {}", answer.status)) }
    }

    async fn sign_out(&mut self, cookie: &str) -> Result<(), String> {
        let cookie = format!("cookie: {cookie}\r\n");
        let answer = self.0.send("DELETE", "/api/mfa/authenticate", &cookie, "").await?;
        if answer.status == 204 { Ok(()) } else { Err(format!("sign-out: {} {}", answer.status, answer.json())) }
    }
}

impl Caller for Browser {
    async fn call(&mut self, endpoint: Endpoint, held: Option<&str>, body: &Value) -> Result<Reply, String> {
        let path = format!("/api/mfa/{}", endpoint.name());
        let sent = held.map_or(String::new(), |held| format!("cookie: {held}\r\n"));
        let headers = format!("content-type: application/json\r\n{sent}");
        let answer = self.0.send("POST", &path, &headers, &body.to_string()).await?;
        let cookie = answer.header("set-cookie").and_then(cookie);
        Ok(Reply { status: answer.status, body: answer.json(), cookie })
    }
}

/// Everything of this part.
pub(crate) struct Load {
    stack: Rc<Stack>,
    book: Rc<RefCell<Book>>,
    /// The number of the next user.
    next: u64,
    left_open: Vec<(Person, String)>,
}

impl Load {
    /// Begins the sessions that are left open.
    pub(crate) async fn begin(stack: Rc<Stack>, checks: &mut Checks) -> Result<Self, String> {
        let mut load = Self { stack, book: Rc::default(), next: 1, left_open: Vec::new() };
        let people = load.people(LEFT_OPEN).await?;
        let mut browser = Browser::open(load.stack.gateway()).await?;
        for person in people {
            if let Some(cookie) = sign_in::begin(&mut browser, &load.book, &person).await {
                load.left_open.push((person, cookie));
            }
        }
        load.book.borrow_mut().close_level();
        checks.that("sessions to be left open are begun", &load.left_open.len(), &50);
        Ok(load)
    }

    /// New users.
    async fn people(&mut self, count: u64) -> Result<Vec<Person>, String> {
        let people: Vec<_> = (self.next..self.next + count).map(Person::new).collect();
        self.next += count;
        self.stack.add(&people).await?;
        Ok(people)
    }

    /// Runs one level: `count` sign-ins, `concurrency` at a time.
    pub(crate) async fn level(&mut self, concurrency: usize, count: u64, checks: &mut Checks) -> Result<Row, String> {
        let before = self.stack.resident()?;
        let people = self.people(count).await?;
        let emails: Vec<_> = people.iter().map(|person| person.email.clone()).collect();
        let erring = people.iter().filter(|person| person.errs()).count();
        let (time, together) = self.run(concurrency, people).await?;
        let level = self.book.borrow_mut().close_level();

        let name = |what: &str| format!("{concurrency} at once: {what}");
        let open = self.left_open.len();
        checks.that(name("sessions open at once"), &level.most_open, &concurrency);
        let expected = Held { pending: open + concurrency, ..Held::default() };
        checks.that(name("in the table while all were open"), &together, &expected);
        checks.that(name("sign-ins that ended with tokens"), &level.done, &emails.len());
        checks.that(name("sign-ins that did not"), &level.lost, &0);
        checks.that(name("wrong codes, each refused with 4 attempts left"), &level.refused, &erring);
        checks.that(name("answers that should not have been"), &level.fault_count(), &0);
        let expected = Held { pending: open, signed_in: level.signed_in.len(), other: 0 };
        checks.that(name("in the table afterwards"), &self.stack.held().await?, &expected);
        checks.that(name("signed-in sessions"), &level.signed_in.len(), &level.done);
        self.sign_out(&level.signed_in).await?;
        let expected = Held { pending: open, ..Held::default() };
        checks.that(name("in the table after all have signed out"), &self.stack.held().await?, &expected);
        self.stack.remove(emails).await?;
        Ok(Row { concurrency, time, level, resident: (before, self.stack.resident()?) })
    }

    /// Has everyone sign in. In the first round nobody goes on before all have begun: so many sessions are then open, and
    /// the table is looked at. Returns how long it took, without that look, and what was seen.
    async fn run(&self, concurrency: usize, people: Vec<Person>) -> Result<(Duration, Held), String> {
        let mut browsers = Vec::with_capacity(concurrency);
        for _ in 0..concurrency {
            browsers.push(Browser::open(self.stack.gateway()).await?);
        }
        let queue = Rc::new(RefCell::new(people.into_iter()));
        let all_begun = Rc::new(Barrier::new(concurrency));
        let look = Rc::new(Cell::new((Duration::ZERO, Held::default())));
        let mut users = JoinSet::new();
        let from = Instant::now();
        for mut browser in browsers {
            let (queue, all_begun, look) = (Rc::clone(&queue), Rc::clone(&all_begun), Rc::clone(&look));
            let (stack, book) = (Rc::clone(&self.stack), Rc::clone(&self.book));
            users.spawn_local(async move {
                let mut is_first = true;
                loop {
                    // A statement of its own: the queue must not stay borrowed.
                    let person = queue.borrow_mut().next();
                    let Some(person) = person else { return Ok(()) };
                    let cookie = sign_in::begin(&mut browser, &book, &person).await;
                    if std::mem::take(&mut is_first) {
                        if all_begun.wait().await.is_leader() {
                            let from = Instant::now();
                            let held = stack.held().await?;
                            look.set((from.elapsed(), held));
                        }
                        all_begun.wait().await;
                    }
                    if let Some(cookie) = cookie {
                        sign_in::finish(&mut browser, &book, &person, &cookie).await;
                    }
                }
            });
        }
        all(users).await?;
        let (looked, held) = look.get();
        Ok((from.elapsed().saturating_sub(looked), held))
    }

    /// Ends signed-in sessions, as their users do.
    async fn sign_out(&self, sessions: &[String]) -> Result<(), String> {
        let mut users = JoinSet::new();
        for share in sessions.chunks(sessions.len().div_ceil(SIGNING_OUT).max(1)) {
            let (gateway, share) = (self.stack.gateway(), share.to_vec());
            users.spawn_local(async move {
                let mut browser = Browser::open(gateway).await?;
                for cookie in share {
                    browser.sign_out(&cookie).await?;
                }
                Ok(())
            });
        }
        all(users).await
    }

    /// Finishes what was left open, and looks at what is left then.
    pub(crate) async fn end(self, checks: &mut Checks) -> Result<(), String> {
        let mut browser = Browser::open(self.stack.gateway()).await?;
        for (person, cookie) in &self.left_open {
            sign_in::finish(&mut browser, &self.book, person, cookie).await;
        }
        let level = self.book.borrow_mut().close_level();
        checks.that("sessions left open that were finished in the end", &level.done, &self.left_open.len());
        checks.that("answers to them that should not have been", &level.fault_count(), &0);
        self.sign_out(&level.signed_in).await?;
        checks.that("in the table in the end", &self.stack.held().await?, &Held::default());
        checks.totals(&self.book.borrow());
        self.stack.remove(self.left_open.into_iter().map(|(person, _)| person.email)).await
    }
}

/// Waits for all of them; an error of one is an error of all.
pub(crate) async fn all(mut tasks: JoinSet<Result<(), String>>) -> Result<(), String> {
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|fault| fault.to_string())??;
    }
    Ok(())
}
