//! What Auth0 refuses, and what the page is told.

use auth0_tenant::{BlockedAnswer, Endpoint, Fault, Grant, Reply, User};
use e2e::World;
use local::user::EMAIL;
use serde_json::json;

/// Each refusal of the password grant that Auth0 is known for, by its own words.
#[tokio::test]
async fn every_refusal_of_the_first_factor_has_its_error() {
    let world = World::start().await;
    let mut page = world.browser();
    let blocked = "Your account has been blocked after multiple consecutive login attempts.";
    for (status, error, description, expected_status, expected) in [
        (403, "invalid_grant", "Wrong email or password.", 401, "invalid_credentials"),
        (403, "invalid_user_password", "Wrong email or password.", 401, "invalid_credentials"),
        (401, "unauthorized", "user is blocked", 403, "account_blocked"),
        (403, "access_denied", "user is blocked", 403, "account_blocked"),
        (401, "password_leaked", "This login attempt has been blocked", 403, "password_leaked"),
        (401, "requires_verification", "Suspicious request requires verification", 403, "verification_required"),
        (403, "access_denied", "Only on weekdays.", 403, "access_denied"),
        (401, "unauthorized", "A rule says no.", 403, "access_denied"),
        (429, "too_many_attempts", blocked, 429, "too_many_attempts"),
        (429, "too_many_requests", "Global limit has been reached", 429, "too_many_requests"),
        (401, "invalid_client", "Client authentication failed.", 500, "server_misconfigured"),
        (401, "access_denied", "Unauthorized", 500, "server_misconfigured"),
        (403, "unauthorized_client", "Grant type 'x' not allowed for the client.", 500, "server_misconfigured"),
        (403, "access_denied", "Service not enabled within domain: https://api", 500, "server_misconfigured"),
        (400, "invalid_request", "the connection was not found", 500, "server_misconfigured"),
        (400, "invalid_scope", "Scope must be an array or a string", 500, "server_misconfigured"),
        (403, "invalid_grant", "Something nobody has seen.", 502, "upstream_error"),
        (400, "invalid_request", "Missing required parameter: realm", 502, "upstream_error"),
        (418, "teapot", "", 502, "upstream_error"),
        (500, "server_error", "Oops.", 502, "upstream_error"),
        (503, "temporarily_unavailable", "", 502, "upstream_error"),
    ] {
        world.fault(Fault::at(Endpoint::Token).reply(Reply::error(status, error, description)));
        let refused = page.begin().await;
        refused.is(expected_status, expected);
        assert_eq!(refused.set_cookie, None, "{error}");
        let shown = refused.body["error_description"].as_str().unwrap();
        assert_eq!(shown == description, expected == "access_denied" || shown == "Wrong email or password.", "{shown}");
    }
    assert!(world.items().is_empty());
}

#[tokio::test]
async fn the_tenants_own_refusals_have_their_errors_too() {
    for (answer, expected) in [
        (BlockedAnswer::ByGrant, "account_blocked"),
        (BlockedAnswer::Unauthorized, "account_blocked"),
        (BlockedAnswer::InvalidGrant, "account_blocked"),
        (BlockedAnswer::AccessDenied, "account_blocked"),
    ] {
        let world = World::start().await;
        world.settings(|settings| settings.blocked_answer = answer);
        world.stack.tenant().set_conduct(EMAIL, auth0_tenant::Conduct::Blocked);
        world.browser().begin().await.is(403, expected);
    }
    let world = World::start().await;
    world.settings(|settings| settings.bot_detection = true);
    world.browser().begin().await.is(403, "verification_required");
}

#[tokio::test]
async fn ten_wrong_passwords_close_the_account_to_the_address() {
    let world = World::start().await;
    let mut page = world.browser();
    for _ in 0..10 {
        page.begin_as(EMAIL, "wrong").await.is(401, "invalid_credentials");
    }
    let refused = page.begin().await;
    refused.is(429, "too_many_attempts");
    assert_eq!(refused.header("retry-after"), None, "nobody knows until when");
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait() {
    let world = World::start().await;
    let mut page = world.browser();
    world.fault(Fault::at(Endpoint::Token).reply(Reply::too_many_requests(Some(7))));
    assert_eq!(page.begin().await.is(429, "too_many_requests").header("retry-after"), Some("7"));
    world.fault(Fault::at(Endpoint::Token).reply(Reply::too_many_requests(None)));
    assert_eq!(page.begin().await.is(429, "too_many_requests").header("retry-after"), Some("10"));
    world.fault(Fault::at(Endpoint::Token).reply(Reply::html(429)));
    page.begin().await.is(429, "too_many_requests");
}

#[tokio::test]
async fn a_rate_limited_code_is_no_attempt() {
    let world = World::start_with(|stack| stack.set("MAX_ATTEMPTS", "1")).await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    for _ in 0..3 {
        world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).reply(Reply::too_many_requests(Some(1))));
        page.verify(json!({"otp": world.otp()})).await.is(429, "too_many_requests");
    }
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
}

#[tokio::test]
async fn a_misconfigured_application_is_named_in_the_log_and_not_to_the_page() {
    for (name, value) in [
        ("AUTH0_CONNECTION", "No-Such-Connection"),
        ("AUTH0_AUDIENCE", "https://no-such-api.example.com"),
        ("AUTH0_CLIENT_ID", "no-such-client"),
    ] {
        let world = World::start_with(|stack| stack.set(name, value)).await;
        let refused = world.browser().begin().await;
        refused.is(500, "server_misconfigured");
        assert!(!refused.body.to_string().contains(value) && !refused.body.to_string().contains("AUTH0"));
    }
}

#[tokio::test]
async fn mfa_required_is_understood_under_every_status_that_it_has_been_seen_with() {
    for status in [400, 401, 403] {
        let world = World::start().await;
        let rewording = auth0_tenant::Rewording::of("mfa_required").status(status);
        world.settings(|settings| settings.rewordings = vec![rewording]);
        world.browser().begin().await.is_otp_challenge();
    }
}

#[tokio::test]
async fn an_action_that_denies_after_the_code_leaves_the_session_and_its_words() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let denied = Reply::error(403, "access_denied", "Not from this country.\r\nX-Evil: 1");
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).reply(denied));
    let refused = page.verify(json!({"otp": world.otp()})).await;
    refused.is(403, "access_denied");
    assert_eq!(refused.body["error_description"], "Not from this country.X-Evil: 1");
    assert_eq!(refused.header("x-evil"), None);
    assert_eq!(page.status().await.body["attempts_left"], 5);
}

#[tokio::test]
async fn a_user_without_a_factor_is_told_to_enroll_one() {
    let world = World::start().await;
    world.add_user(User::new("new@example.com", "password"));
    let mut page = world.browser();
    let begun = page.begin_as("new@example.com", "password").await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    assert_eq!(begun.body["enrollment_required"], true);
    assert_eq!(begun.body.get("challenge"), None);
    assert_eq!(page.status().await.body["enrollment_required"], true);
}

#[tokio::test]
async fn a_user_without_the_wanted_factor_keeps_the_session_to_choose_another() {
    let world = World::start().await;
    let mut page = world.browser();
    let sign_in = json!({"email": EMAIL, "password": local::user::PASSWORD, "challenge_type": "oob"});
    let refused = page.authenticate(sign_in).await;
    refused.is(400, "unsupported_challenge_type");
    assert!(page.cookie.is_some());
    page.authenticate(json!({"action": "challenge", "challenge_type": "oob"}))
        .await
        .is(400, "unsupported_challenge_type");
    page.authenticate(json!({"action": "challenge", "challenge_type": "otp"})).await.is_otp_challenge();
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
}
