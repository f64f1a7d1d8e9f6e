//! Ways to fail.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::application::Grant;
use crate::record::Endpoint;

/// An exact answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// An answer with this status, content type and body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type".to_owned(), content_type.to_owned())], body: body.into() }
    }

    /// JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// An error as the tenant's endpoints give them.
    pub fn error(status: u16, error: &str, description: &str) -> Self {
        Self::json(status, &json!({"error": error, "error_description": description}))
    }

    /// A gateway's page, such as a 502.
    pub fn html(status: u16) -> Self {
        Self::new(status, "text/html", format!("<html><body><h1>{status}</h1></body></html>"))
    }

    /// 429 `too_many_requests`, with `Retry-After` (seconds) if it is given.
    pub fn too_many_requests(retry_after: Option<u64>) -> Self {
        let reply = Self::error(429, "too_many_requests", "Global limit has been reached");
        match retry_after {
            Some(seconds) => reply.header("retry-after", &seconds.to_string()),
            None => reply,
        }
    }

    /// 200 with a body that is nothing at all.
    pub fn garbage() -> Self {
        Self::new(200, "application/json", b"\xff\xfe{]garbage".to_vec())
    }

    /// 200 with a JSON object of about this many bytes.
    pub fn large(bytes: usize) -> Self {
        Self::json(200, &json!({"padding": "x".repeat(bytes)}))
    }

    /// A redirect (302).
    pub fn redirect(to: &str) -> Self {
        Self::new(302, "text/html", Vec::new()).header("location", to)
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn is_json(&self) -> bool {
        self.headers.iter().any(|(name, value)| name == "content-type" && value.starts_with("application/json"))
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A reply in JSON: `{"status": 502, "headers": {"retry-after": "3"}, "body": "text or JSON"}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyForm {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ReplyForm {
            status: self.status,
            headers: self.headers.iter().cloned().collect(),
            body: Value::String(String::from_utf8_lossy(&self.body).into_owned()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = ReplyForm::deserialize(deserializer)?;
        let body = match &form.body {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        };
        let mut headers: Vec<_> =
            form.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        if !headers.iter().any(|(name, _)| name == "content-type") {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        Ok(Self { status: form.status, headers, body })
    }
}

/// When the connection is cut. The socket is really closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// When the head has been read and the body has not. A fault for one grant cannot do this: the
    /// grant is in the body.
    BeforeBody,
    /// When the request has been read; it is not processed.
    BeforeProcessing,
    /// When the request has been processed; its answer is lost.
    AfterProcessing,
    /// When the request has been processed and half of the answer's body has been sent.
    InReply,
}

/// What is wrong with the answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Effect {
    /// Nothing (only a delay).
    None,
    /// The request is not processed, and answered with this.
    Reply(Reply),
    /// The connection is cut.
    Cut { when: Cut },
    /// The request is processed, and its JSON answer changed by this RFC 7396 merge patch.
    Patch { fields: Value },
    /// The request is processed, with these claims patched into the `id_token`.
    IdToken { claims: Value },
    /// The request is processed, and half the body sent as if it were all.
    Truncate,
    /// The request is processed, and its answer is said to be of this type.
    ContentType { value: String },
}

/// A failure to come, at one endpoint or everywhere, the next time or the next few times or until
/// it is cleared.
///
/// ```
/// use std::time::Duration;
/// use auth0_tenant::{Cut, Endpoint, Fault, Grant, Reply};
///
/// // The next OTP grant is answered 502 in HTML.
/// Fault::at(Endpoint::Token).grant(Grant::MfaOtp).reply(Reply::html(502));
/// // The next three challenges take ten seconds.
/// Fault::at(Endpoint::Challenge).times(3).delay(Duration::from_secs(10));
/// // From now on answers are lost.
/// Fault::anywhere().always().cut(Cut::AfterProcessing);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    #[serde(default)]
    endpoint: Option<Endpoint>,
    #[serde(default)]
    grant: Option<Grant>,
    /// How many more times; nothing means until it is cleared.
    #[serde(default = "once")]
    times: Option<u32>,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    delay_answer_ms: u64,
    #[serde(default = "nothing")]
    effect: Effect,
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn once() -> Option<u32> {
    Some(1)
}

fn nothing() -> Effect {
    Effect::None
}

impl Fault {
    /// A fault at this endpoint, once.
    pub fn at(endpoint: Endpoint) -> Self {
        Self { endpoint: Some(endpoint), ..Self::anywhere() }
    }

    /// A fault at whichever endpoint is asked next, once.
    pub fn anywhere() -> Self {
        Self { endpoint: None, grant: None, times: once(), delay_ms: 0, delay_answer_ms: 0, effect: Effect::None }
    }

    /// Only for this grant of `/oauth/token`.
    #[must_use]
    pub fn grant(mut self, grant: Grant) -> Self {
        self.grant = Some(grant);
        self
    }

    /// For the next `times` requests that it fits.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Until it is cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Waits before the request is processed.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Waits after the request was processed, before it is answered.
    #[must_use]
    pub fn delay_answer(mut self, delay: Duration) -> Self {
        self.delay_answer_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Answers this; the request is not processed.
    #[must_use]
    pub fn reply(mut self, reply: Reply) -> Self {
        self.effect = Effect::Reply(reply);
        self
    }

    /// Cuts the connection.
    #[must_use]
    pub fn cut(mut self, when: Cut) -> Self {
        self.effect = Effect::Cut { when };
        self
    }

    /// Processes the request and changes the fields of its JSON answer: an RFC 7396 merge patch, so
    /// `null` removes a field.
    #[must_use]
    pub fn patch(mut self, fields: Value) -> Self {
        self.effect = Effect::Patch { fields };
        self
    }

    /// Processes the request and changes the claims of the `id_token` in its answer, likewise; the
    /// token is signed all the same.
    #[must_use]
    pub fn id_token_claims(mut self, claims: Value) -> Self {
        self.effect = Effect::IdToken { claims };
        self
    }

    /// Processes the request and sends half of its answer's body as if it were all.
    #[must_use]
    pub fn truncate(mut self) -> Self {
        self.effect = Effect::Truncate;
        self
    }

    /// Processes the request and says that its answer is of this type.
    #[must_use]
    pub fn content_type(mut self, value: &str) -> Self {
        self.effect = Effect::ContentType { value: value.to_owned() };
        self
    }

    fn fits(&self, endpoint: Endpoint, grant: Option<Grant>) -> bool {
        self.endpoint.is_none_or(|at| at == endpoint) && (self.grant.is_none() || self.grant == grant)
    }

    fn is_before_body(&self) -> bool {
        matches!(self.effect, Effect::Cut { when: Cut::BeforeBody })
    }

    pub(crate) fn before_processing(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    pub(crate) fn after_processing(&self) -> Duration {
        Duration::from_millis(self.delay_answer_ms)
    }

    pub(crate) fn cuts(&self) -> Option<Cut> {
        match self.effect {
            Effect::Cut { when } => Some(when),
            _ => None,
        }
    }

    /// The answer without processing, if that is what is wrong.
    pub(crate) fn instead(&self) -> Option<Reply> {
        match &self.effect {
            Effect::Reply(reply) => Some(reply.clone()),
            _ => None,
        }
    }

    pub(crate) fn claims(&self) -> Option<Value> {
        match &self.effect {
            Effect::IdToken { claims } => Some(claims.clone()),
            _ => None,
        }
    }

    /// What becomes of the real answer.
    pub(crate) fn spoil(&self, mut reply: Reply) -> Reply {
        match &self.effect {
            Effect::Patch { fields } => {
                if let Ok(mut body) = serde_json::from_slice(&reply.body) {
                    merge(&mut body, fields);
                    reply.body = body.to_string().into_bytes();
                }
            }
            Effect::Truncate => reply.body.truncate(reply.body.len() / 2),
            Effect::ContentType { value } => {
                reply.headers.retain(|(name, _)| name != "content-type");
                reply = reply.header("content-type", value);
            }
            _ => {}
        }
        reply
    }
}

/// RFC 7396.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    if let Value::Object(target) = target {
        for (name, value) in patch {
            if value.is_null() {
                target.remove(name);
            } else {
                merge(target.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

/// The faults to come, in the order in which they were set.
#[derive(Default)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    /// A fault that acts before the body is read.
    pub(crate) fn before_body(&mut self, endpoint: Endpoint) -> Option<Fault> {
        self.take(|fault| fault.is_before_body() && fault.fits(endpoint, None))
    }

    /// A fault that acts on a request that has been read.
    pub(crate) fn next(&mut self, endpoint: Endpoint, grant: Option<Grant>) -> Option<Fault> {
        self.take(|fault| !fault.is_before_body() && fault.fits(endpoint, grant))
    }

    fn take(&mut self, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        self.0.retain(|fault| fault.times != Some(0));
        let fault = self.0.iter_mut().find(|fault| fits(fault))?;
        let taken = fault.clone();
        if let Some(times) = &mut fault.times {
            *times -= 1;
        }
        self.0.retain(|fault| fault.times != Some(0));
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_as_often_as_it_was_told_to() {
        let mut faults = Faults::default();
        faults.0.push(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).times(2));
        assert!(faults.next(Endpoint::Challenge, None).is_none());
        assert!(faults.next(Endpoint::Token, Some(Grant::Password)).is_none());
        assert!(faults.next(Endpoint::Token, Some(Grant::MfaOtp)).is_some());
        assert!(faults.next(Endpoint::Token, Some(Grant::MfaOtp)).is_some());
        assert!(faults.next(Endpoint::Token, Some(Grant::MfaOtp)).is_none());
    }

    #[test]
    fn a_merge_patch_changes_adds_and_removes() {
        let mut body = json!({"a": 1, "b": 2});
        merge(&mut body, &json!({"a": null, "b": 3, "c": {"d": 4}}));
        assert_eq!(body, json!({"b": 3, "c": {"d": 4}}));
    }

    #[test]
    fn a_fault_in_json_is_the_one_in_code() {
        let fault: Fault = serde_json::from_value(json!({
            "endpoint": "token", "grant": "mfa-otp", "times": null, "delay_ms": 5,
            "effect": {"kind": "reply", "status": 502, "body": "<html>"}
        }))
        .unwrap();
        assert!(fault.times.is_none());
        assert_eq!(fault.before_processing(), Duration::from_millis(5));
        assert_eq!(fault.instead().unwrap().body, b"<html>");
        let once: Fault = serde_json::from_value(json!({"effect": {"kind": "truncate"}})).unwrap();
        assert_eq!(once.times, Some(1));
    }
}
