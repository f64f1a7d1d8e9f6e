//! Nothing secret in the log, at the highest level there is, over a run in which everything happens.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auth0_tenant::{Endpoint, Fault, Grant, Reply};
use e2e::World;
use local::user::{EMAIL, PASSWORD, TOTP_SECRET};
use serde_json::{Value, json};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_in_the_log_of_a_run_at_trace_level() {
    let log = Log::default();
    let writer = log.clone();
    mfa_core::log::init_with(Some("TRACE"), move || writer.clone());
    let mut secrets = vec![EMAIL.to_owned(), PASSWORD.to_owned(), TOTP_SECRET.to_owned(), "Fe26.2".to_owned()];

    let world = World::start_with(local::Builder::demo).await;
    secrets.push(world.stack.tenant().client_secret());
    let mut page = world.browser();
    page.begin_as(EMAIL, "a-wrong-password").await;
    secrets.push("a-wrong-password".into());
    page.authenticate(json!({"email": EMAIL, "password": PASSWORD, "an-odd-field": 1})).await;
    page.authenticate(json!({"email": EMAIL, "password": {"nested": "a-nested-password"}})).await;
    secrets.push("a-nested-password".into());

    let begun = page.begin().await;
    begun.is_otp_challenge();
    secrets.push(page.cookie.as_deref().unwrap().split_once('=').unwrap().1.to_owned());
    page.verify(json!({"otp": world.wrong_otp()})).await.is(401, "invalid_code");
    secrets.push(world.wrong_otp());
    page.verify(json!({"otp": "77-not-six"})).await.is(400, "invalid_request");
    secrets.push("77-not-six".into());
    page.authenticate(json!({"action": "enroll", "type": "sms", "phone_number": "+4917655500199"})).await;
    secrets.push("+4917655500199".into());
    for fault in
        [Reply::html(502), Reply::garbage(), Reply::error(403, "access_denied", "Action says: ada@example.com")]
    {
        world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).reply(fault));
        page.verify(json!({"otp": world.otp()})).await;
    }
    let odd = Reply::error(400, "an error with ada@example.com in it", "");
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).reply(odd));
    page.verify(json!({"otp": world.otp()})).await.is(502, "upstream_error");
    world.stack.dynamodb().down().await.unwrap();
    page.verify(json!({"otp": world.otp()})).await.is(503, "store_unavailable");
    world.stack.dynamodb().up().await.unwrap();
    world.stack.rotate_secret("a-rotated-secret");
    secrets.push("a-rotated-secret".into());
    page.authenticate(json!({"action": "challenge"})).await.is_otp_challenge();
    secrets.push(world.otp());
    let refresh_token = "v1.a-refresh-token-to-look-for";
    secrets.push(refresh_token.into());
    let patch = Fault::at(Endpoint::Token).grant(Grant::MfaOtp).patch(json!({"refresh_token": refresh_token}));
    world.fault(patch);
    let tokens = page.verify(json!({"otp": world.otp()})).await;
    tokens.is_tokens();
    for token in ["access_token", "id_token"] {
        secrets.push(tokens.body[token].as_str().unwrap().to_owned());
    }
    secrets.push(page.cookie.as_deref().unwrap().split_once('=').unwrap().1.to_owned());
    // The tenant never gave that refresh token, so the session ends; and another begins, with a step-up.
    page.authenticate(json!({"action": "renew"})).await.is(401, "login_required");
    world.advance(Duration::from_mins(1));
    page.begin().await.is_otp_challenge();
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
    page.authenticate(json!({"action": "step_up", "scope": "transfer:funds"})).await.is_otp_challenge();
    world.advance(Duration::from_mins(1));
    secrets.push(world.otp());
    let elevated = page.verify(json!({"otp": world.otp()})).await;
    secrets.push(elevated.is_tokens().body["access_token"].as_str().unwrap().to_owned());
    page.sign_out().await;

    // A first factor enrolled, a code sent, a recovery code.
    page.begin_as("nia@example.com", PASSWORD).await;
    let phone = "+4917655500188";
    let enrolled = page.authenticate(json!({"action": "enroll", "type": "sms", "phone_number": phone})).await;
    let code = world.stack.tenant().sent_code("nia@example.com").unwrap();
    page.verify(json!({"binding_code": code})).await.is_tokens();
    let recovery_code = enrolled.body["enrollment"]["recovery_codes"][0].as_str().unwrap();
    secrets.extend([phone.to_owned(), "nia@example.com".to_owned(), code, recovery_code.to_owned()]);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let requests: Vec<&Value> = lines.iter().filter(|line| line["message"] == "request").collect();
    assert_eq!(requests.len(), 23, "one line per request: {log}");
    for request in &requests {
        for field in ["request_id", "trace_id", "route", "outcome", "status", "duration_ms", "auth0_ms", "cold_start"] {
            assert!(!request[field].is_null(), "{field} is missing: {request}");
        }
    }
    assert_eq!(requests.iter().filter(|request| request["cold_start"] == true).count(), 1);
    for secret in secrets {
        let found = lines.iter().find(|line| line.to_string().contains(&secret));
        assert!(found.is_none(), "{secret} is in the log: {}", found.unwrap());
    }
}
