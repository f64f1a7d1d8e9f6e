//! What breaks, and what is left: the session stays, no attempt is spent, nothing is sent twice.

use std::time::Duration;

use auth0_tenant::{Cut, Endpoint, Fault, Grant, Reply};
use e2e::World;
use serde_json::json;

/// Every way in which Auth0 can fail to answer, and the error that it is.
fn failures() -> Vec<(&'static str, Fault, u16, &'static str)> {
    let grant = || Fault::at(Endpoint::Token);
    vec![
        ("500", grant().reply(Reply::error(500, "server_error", "Oops.")), 502, "upstream_error"),
        ("502 in HTML", grant().reply(Reply::html(502)), 502, "upstream_error"),
        ("400 in HTML", grant().reply(Reply::html(400)), 502, "upstream_error"),
        ("200 in HTML", grant().reply(Reply::html(200)), 502, "upstream_error"),
        ("garbage", grant().reply(Reply::garbage()), 502, "upstream_error"),
        ("too large", grant().reply(Reply::large(1024 * 1024)), 502, "upstream_error"),
        ("a redirect", grant().reply(Reply::redirect("https://evil.example/")), 502, "upstream_error"),
        ("200 without tokens", grant().reply(Reply::json(200, &json!({}))), 502, "upstream_error"),
        ("200 with an error", grant().patch(json!({"error": "invalid_grant"})), 502, "upstream_error"),
        ("another content type", grant().content_type("text/plain"), 502, "upstream_error"),
        ("truncated", grant().truncate(), 502, "upstream_error"),
        ("cut before it is processed", grant().cut(Cut::BeforeProcessing), 502, "upstream_error"),
        ("cut in the reply", grant().cut(Cut::InReply), 502, "upstream_error"),
        ("the answer lost", grant().cut(Cut::AfterProcessing), 502, "upstream_error"),
    ]
}

#[tokio::test]
async fn a_first_factor_that_fails_leaves_nothing_behind() {
    for (name, fault, status, error) in failures() {
        let world = World::start().await;
        // mfa_required is a refusal in form: what patches a success or its type does not apply to it.
        if matches!(name, "200 with an error" | "another content type") {
            continue;
        }
        world.fault(fault.grant(Grant::PasswordRealm));
        let failed = world.browser().begin().await;
        assert_eq!((failed.status, failed.error()), (status, Some(error)), "{name}: {}", failed.body);
        assert_eq!(failed.set_cookie, None, "{name}");
        assert!(world.items().is_empty(), "{name}");
        assert_eq!(world.received_grant(Grant::PasswordRealm), 1, "{name}: sent once");
        assert!(!failed.body.to_string().contains("Oops"), "{name}");
    }
}

#[tokio::test]
async fn a_code_that_auth0_never_answered_is_no_attempt_and_is_sent_once() {
    for (name, fault, status, error) in failures() {
        let world = World::start_with(|stack| stack.set("MAX_ATTEMPTS", "1")).await;
        let mut page = world.browser();
        page.begin().await.is_otp_challenge();
        world.fault(fault.grant(Grant::MfaOtp));
        let failed = page.verify(json!({"otp": world.otp()})).await;
        assert_eq!((failed.status, failed.error()), (status, Some(error)), "{name}: {}", failed.body);
        assert_eq!(world.received_grant(Grant::MfaOtp), 1, "{name}: sent once");
        let standing = page.status().await;
        assert_eq!(standing.body["state"], "pending", "{name}");
        assert_eq!(standing.body["attempts_left"], 1, "{name}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_a_timeout_after_five_seconds() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).delay(Duration::from_secs(30)));
    let asked = std::time::Instant::now();
    page.verify(json!({"otp": world.otp()})).await.is(504, "upstream_timeout");
    assert!(asked.elapsed() < Duration::from_secs(9), "within the request's own deadline");
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
}

#[tokio::test]
async fn an_auth0_that_is_down_is_an_upstream_error() {
    let world = World::start_with(|stack| stack.set("AUTH0_BASE_URL", "http://127.0.0.1:9")).await;
    world.browser().begin().await.is(502, "upstream_error");
}

#[tokio::test]
async fn without_dynamodb_a_sign_in_is_refused_and_a_pending_one_waits() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.stack.dynamodb().down().await.unwrap();
    let mut other = world.browser();
    let refused = other.begin().await;
    refused.is(503, "store_unavailable");
    assert_eq!(refused.set_cookie, None);
    page.verify(json!({"otp": world.otp()})).await.is(503, "store_unavailable");
    page.status().await.is(503, "store_unavailable");
    assert_eq!(world.received_grant(Grant::MfaOtp), 0, "a code that cannot be counted is not tried");
    world.stack.dynamodb().up().await.unwrap();
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
}

#[tokio::test]
async fn signing_out_without_dynamodb_clears_the_cookie_all_the_same() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.stack.dynamodb().down().await.unwrap();
    let refused = page.sign_out().await;
    refused.is(503, "store_unavailable");
    assert!(refused.set_cookie.as_deref().unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn tokens_are_not_withheld_because_the_item_could_not_be_removed() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).delay(Duration::from_millis(500)));
    let (mut verifying, code) = (page.clone(), world.otp());
    let verified = tokio::spawn(async move { verifying.verify(json!({"otp": code})).await });
    world.reached(Grant::MfaOtp, 1).await;
    world.stack.dynamodb().down().await.unwrap();
    verified.await.unwrap().is_tokens();
}
