//! A sign-in, as a page makes it, and the books kept of it.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::book::Book;
use crate::person::{PASSWORD, Person};

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Authenticate,
    Verify,
}

impl Endpoint {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::Verify => "verify",
        }
    }
}

/// A function's answer, whichever way it was asked.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// `name=value` of the cookie that it sets; nothing if it sets none or clears it.
    pub(crate) cookie: Option<String>,
}

impl Reply {
    fn error(&self) -> Option<&str> {
        self.body.get("error").and_then(Value::as_str)
    }

    fn is_otp_challenge(&self) -> bool {
        self.status == 200 && self.body.pointer("/challenge/challenge_type").is_some_and(|kind| kind == "otp")
    }

    fn is_wrong_code(&self) -> bool {
        self.status == 401
            && self.error() == Some("invalid_code")
            && self.body.get("attempts_left").and_then(Value::as_u64) == Some(4)
    }

    fn is_success(&self) -> bool {
        self.status == 200 && self.body.get("access_token").is_some()
    }

    /// Whether the documentation tells the page to try the same again.
    fn may_be_tried_again(&self) -> bool {
        self.status >= 500 || self.status == 409 || self.status == 429
    }

    /// What it was, for the list of what it should not have been.
    fn kind(&self, endpoint: Endpoint) -> String {
        let message = self.body.get("message").and_then(Value::as_str);
        let what = self.error().or(message).unwrap_or("not as expected");
        format!("{}: {} {what}", endpoint.name(), self.status)
    }
}

/// `name=value` of a `Set-Cookie`; nothing if it clears the cookie.
pub(crate) fn cookie(set_cookie: &str) -> Option<String> {
    let (pair, attributes) = set_cookie.split_once(';').unwrap_or((set_cookie, ""));
    let is_cleared = attributes.split(';').any(|attribute| attribute.trim().eq_ignore_ascii_case("max-age=0"));
    (!is_cleared).then(|| pair.trim().to_owned())
}

/// A way to the functions.
pub(crate) trait Caller {
    /// Sends a body to a function. The error is what went wrong on the way.
    async fn call(&mut self, endpoint: Endpoint, cookie: Option<&str>, body: &Value) -> Result<Reply, String>;
}

/// How often one request is made at most, and the pause before it is made again.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// Sends a body until it is answered as `wanted`; nothing if that never happens. Whatever else is answered goes into
/// the books as a fault.
async fn ask(
    caller: &mut impl Caller,
    book: &RefCell<Book>,
    (endpoint, cookie, body): (Endpoint, Option<&str>, &Value),
    wanted: impl Fn(&Reply) -> bool,
) -> Option<Reply> {
    for _ in 0..TRIES {
        let from = Instant::now();
        let reply = caller.call(endpoint, cookie, body).await;
        let time = from.elapsed();
        match endpoint {
            Endpoint::Authenticate => book.borrow_mut().took_sign_in(time),
            Endpoint::Verify => book.borrow_mut().took_verify(time),
        }
        match reply {
            Ok(reply) if wanted(&reply) => return Some(reply),
            Ok(reply) => {
                book.borrow_mut().fault(reply.kind(endpoint));
                if !reply.may_be_tried_again() {
                    return None;
                }
            }
            Err(fault) => book.borrow_mut().fault(format!("{}: {fault}", endpoint.name())),
        }
        tokio::time::sleep(PAUSE).await;
    }
    None
}

/// The first half: the password. Returns the cookie of the session that it began.
pub(crate) async fn begin(caller: &mut impl Caller, book: &RefCell<Book>, person: &Person) -> Option<String> {
    let body = json!({"email": person.email, "password": PASSWORD});
    let begun = ask(caller, book, (Endpoint::Authenticate, None, &body), Reply::is_otp_challenge).await;
    let cookie = begun.and_then(|reply| reply.cookie);
    match &cookie {
        Some(cookie) => book.borrow_mut().begun(cookie),
        None => book.borrow_mut().lost(false),
    }
    cookie
}

/// The second half: the code, for some a wrong one before it.
pub(crate) async fn finish(caller: &mut impl Caller, book: &RefCell<Book>, person: &Person, cookie: &str) {
    if person.errs() {
        let body = json!({"otp": person.wrong_code()});
        if ask(caller, book, (Endpoint::Verify, Some(cookie), &body), Reply::is_wrong_code).await.is_none() {
            book.borrow_mut().lost(true);
            return;
        }
        book.borrow_mut().refused();
    }
    let body = json!({"otp": person.code()});
    match ask(caller, book, (Endpoint::Verify, Some(cookie), &body), Reply::is_success).await {
        Some(reply) => {
            let is_own = person.owns(&reply.body);
            book.borrow_mut().done(is_own, reply.cookie);
        }
        None => book.borrow_mut().lost(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cleared_cookie_is_none() {
        assert_eq!(cookie("mfa_session=abc; Path=/; Max-Age=300").as_deref(), Some("mfa_session=abc"));
        assert_eq!(cookie("mfa_session=; Path=/; Max-Age=0"), None);
        assert_eq!(cookie("a=b").as_deref(), Some("a=b"));
    }

    #[test]
    fn only_the_intended_answers_are_intended() {
        let reply = |status, body| Reply { status, body, cookie: None };
        assert!(reply(401, json!({"error": "invalid_code", "attempts_left": 4})).is_wrong_code());
        for (status, body) in [
            (401, json!({"error": "invalid_code", "attempts_left": 3})),
            (401, json!({"error": "session_expired"})),
            (504, json!({"error": "upstream_timeout"})),
        ] {
            assert!(!reply(status, body).is_wrong_code());
        }
        assert!(!reply(401, json!({})).may_be_tried_again());
        assert!(reply(503, json!({})).may_be_tried_again());
        let kind = |status, body| reply(status, body).kind(Endpoint::Verify);
        assert_eq!(kind(503, json!({"error": "store_unavailable"})), "verify: 503 store_unavailable");
        assert_eq!(kind(500, json!({"message": "Internal Server Error"})), "verify: 500 Internal Server Error");
        assert_eq!(kind(200, json!({"success": true})), "verify: 200 not as expected");
    }

    /// Answers in turn, and counts.
    struct Scripted(Vec<Reply>);

    impl Caller for Scripted {
        async fn call(&mut self, _: Endpoint, _: Option<&str>, _: &Value) -> Result<Reply, String> {
            if self.0.is_empty() { Err("nothing more".to_owned()) } else { Ok(self.0.remove(0)) }
        }
    }

    #[tokio::test]
    async fn a_refusal_is_not_tried_again_and_is_in_the_books() {
        let book = RefCell::default();
        let refusal = Reply { status: 401, body: json!({"error": "invalid_credentials"}), cookie: None };
        assert_eq!(begin(&mut Scripted(vec![refusal]), &book, &Person::new(1)).await, None);
        let level = book.borrow_mut().close_level();
        assert_eq!(level.faults.into_iter().collect::<Vec<_>>(), [("authenticate: 401 invalid_credentials".into(), 1)]);
        assert_eq!((level.lost, level.sign_in.len()), (1, 1));
    }
}
