//! `sign_in`: the first factor.

use auth0_tenant::{Endpoint, Fault, Policy, Reply};
use e2e::World;
use local::user::{EMAIL, PASSWORD};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_password_and_a_code_give_tokens() {
    let world = World::start().await;
    let mut page = world.browser();

    let begun = page.begin().await;
    begun.is_otp_challenge();
    assert_eq!(
        begun.body,
        json!({
            "success": true, "mfa_required": true, "challenge": {"challenge_type": "otp"}, "expires_in": 300,
        })
    );

    let tokens = page.verify(json!({"otp": world.otp()})).await;
    tokens.is_tokens();
    assert_eq!(tokens.body["scope"], "openid profile email");
    assert!(tokens.body["id_token"].is_string());
    let members: Vec<_> = tokens.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["access_token", "expires_in", "id_token", "scope", "success", "token_type"]);

    assert!(tokens.set_cookie.as_deref().unwrap().contains("Max-Age=0"), "the session is over");
    assert!(world.items().is_empty(), "and its item gone");
}

#[tokio::test]
async fn the_cookie_is_43_characters_for_this_host_alone_and_for_as_long_as_the_code_is_awaited() {
    let world = World::start_with(|stack| stack.set("COOKIE_INSECURE", "false")).await;
    let begun = world.browser().begin().await;
    let cookie = begun.set_cookie.unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(pair.strip_prefix("__Host-mfa_session=").unwrap().len(), 43);
    assert_eq!(attributes, "Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=300");
}

#[tokio::test]
async fn a_user_name_does_as_well_as_an_email_address() {
    let world = World::start().await;
    let begun = world.browser().authenticate(json!({"username": EMAIL, "password": PASSWORD})).await;
    begun.is_otp_challenge();
}

#[tokio::test]
async fn the_table_never_holds_a_token_in_clear_nor_the_cookies_value() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let table = world.table_text();
    let cookie = page.cookie.unwrap();
    let value = cookie.split_once('=').unwrap().1;
    assert!(table.contains("pending_until"), "the item is there: {table}");
    for secret in ["Fe26.2", EMAIL, PASSWORD, value] {
        assert!(!table.contains(secret), "{secret} is in the table: {table}");
    }
}

#[tokio::test]
async fn a_wrong_password_leaves_neither_a_cookie_nor_an_item() {
    let world = World::start().await;
    let mut page = world.browser();
    let refused = page.begin_as(EMAIL, "wrong").await;
    refused.is(401, "invalid_credentials");
    assert_eq!(refused.set_cookie, None);
    assert!(world.items().is_empty());
}

#[tokio::test]
async fn a_wrong_email_is_answered_as_a_wrong_password_is() {
    let world = World::start().await;
    let mut page = world.browser();
    let mut wrong_password = page.begin_as(EMAIL, "wrong").await;
    let mut wrong_email = page.begin_as("nobody@example.com", PASSWORD).await;
    for answer in [&mut wrong_password, &mut wrong_email] {
        answer.body["request_id"] = json!("");
    }
    assert_eq!(wrong_email.status, wrong_password.status);
    assert_eq!(wrong_email.body, wrong_password.body);
}

#[tokio::test]
async fn a_new_sign_in_has_a_new_cookie_and_the_old_item_goes() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let first = page.cookie.clone();
    page.begin().await.is_otp_challenge();
    assert_ne!(page.cookie, first);
    assert_eq!(world.items().len(), 1);
    let mut old = page.clone();
    old.cookie = first;
    old.verify(json!({"otp": world.otp()})).await.is(401, "session_expired");
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
}

#[tokio::test]
async fn a_failed_sign_in_leaves_the_session_before_it_usable() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    page.begin_as(EMAIL, "wrong").await.is(401, "invalid_credentials");
    world.fault(Fault::at(Endpoint::Challenge).reply(Reply::html(502)));
    page.begin().await.is(502, "upstream_error");
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
}

#[tokio::test]
async fn the_item_is_written_while_the_challenge_is_under_way() {
    let world = World::start().await;
    world.fault(Fault::at(Endpoint::Challenge).delay(Duration::from_secs(2)));
    let mut page = world.browser();
    let (begun, items) = futures_util::future::join(page.begin(), async {
        // The tenant holds the challenge back; the item appears without it.
        e2e::until("an item", || !world.items().is_empty()).await;
        (world.items().len(), world.answered(Endpoint::Challenge))
    })
    .await;
    begun.is_otp_challenge();
    assert_eq!(items, (1, 0), "one item, before the challenge was answered");
}

#[tokio::test]
async fn a_challenge_that_fails_takes_the_item_with_it() {
    let world = World::start().await;
    world.fault(Fault::at(Endpoint::Challenge).reply(Reply::html(500)));
    let mut page = world.browser();
    let failed = page.begin().await;
    failed.is(502, "upstream_error");
    assert_eq!(failed.set_cookie, None);
    assert!(world.items().is_empty());
}

#[tokio::test]
async fn tokens_without_a_second_factor_are_dropped() {
    let world = World::start().await;
    world.settings(|settings| settings.policy = Policy::Never);
    let mut page = world.browser();
    let refused = page.begin().await;
    refused.is(403, "mfa_not_enforced");
    assert_eq!(refused.set_cookie, None);
    assert!(refused.body.get("access_token").is_none());
}

#[tokio::test]
async fn tokens_without_a_second_factor_are_passed_on_where_the_operator_says_so() {
    let world = World::start_with(|stack| stack.set("MFA_POLICY", "optional")).await;
    world.settings(|settings| settings.policy = Policy::Never);
    let mut page = world.browser();
    let tokens = page.begin().await;
    tokens.is_tokens();
    assert_eq!(tokens.body["mfa_required"], false);
    assert_eq!(page.cookie, None);
}

#[tokio::test]
async fn a_pending_sign_in_never_outlives_its_mfa_token() {
    let world = World::start().await;
    world.settings(|settings| settings.mfa_token_lifetime = Duration::from_mins(1));
    let mut page = world.browser();
    let begun = page.begin().await;
    begun.is_otp_challenge();
    let expires_in = begun.body["expires_in"].as_u64().unwrap();
    assert!((58..=60).contains(&expires_in), "{expires_in}");
    world.advance(Duration::from_mins(1));
    page.verify(json!({"otp": world.otp()})).await.is(401, "session_expired");
    assert_eq!(world.received(Endpoint::Token), 1, "Auth0 was not asked about the code");
}

#[tokio::test]
async fn the_users_address_is_what_the_gateway_saw_and_not_what_a_header_says() {
    let world = World::start().await;
    let mut page = world.browser();
    let request = page
        .request(reqwest::Method::POST, "authenticate")
        .header("content-type", "application/json")
        .header("x-forwarded-for", "6.6.6.6")
        .header("auth0-forwarded-for", "6.6.6.6")
        .body(json!({"email": EMAIL, "password": PASSWORD}).to_string());
    page.send(request).await.is_otp_challenge();
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
    for request in world.requests() {
        let with_secret = request.fields.iter().any(|field| field == "client_secret");
        let expected = with_secret.then_some("127.0.0.1");
        assert_eq!(request.forwarded_for.as_deref(), expected, "{:?}", request.endpoint);
    }
}

#[tokio::test]
async fn behind_a_proxy_the_users_address_is_counted_from_the_right() {
    let world = World::start_with(|stack| stack.set("CLIENT_IP_SOURCE", "x-forwarded-for:3")).await;
    let mut page = world.browser();
    let request = page
        .request(reqwest::Method::POST, "authenticate")
        .header("content-type", "application/json")
        .header("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.0.0.1")
        .body(json!({"email": EMAIL, "password": PASSWORD}).to_string());
    page.send(request).await.is_otp_challenge();
    let password = world.requests().into_iter().find(|request| request.endpoint == Endpoint::Token).unwrap();
    assert_eq!(password.forwarded_for.as_deref(), Some("203.0.113.7"));
}

#[tokio::test]
async fn a_sign_in_asks_for_what_the_environment_says() {
    let world = World::start_with(|stack| stack.set("AUTH0_SCOPE", "openid email")).await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let tokens = page.verify(json!({"otp": world.otp()})).await;
    assert_eq!(tokens.is_tokens().body["scope"], "openid email");
}
