//! Where a session stands, how it ends, and what opens none.

use std::time::Duration;

use e2e::World;
use serde_json::{Value, json};

#[tokio::test]
async fn a_reloaded_page_learns_where_its_sign_in_stands() {
    let world = World::start().await;
    let mut page = world.browser();
    assert_eq!(page.status().await.body, json!({"success": true, "state": "none"}));
    page.begin().await.is_otp_challenge();
    page.verify(json!({"otp": world.wrong_otp()})).await.is(401, "invalid_code");
    world.advance(Duration::from_mins(1));
    let standing = page.status().await;
    assert_eq!(standing.status, 200);
    let expires_in = standing.body["expires_in"].as_u64().unwrap();
    assert!((238..=240).contains(&expires_in), "{expires_in}");
    assert_eq!(
        standing.body,
        json!({
            "success": true,
            "state": "pending",
            "purpose": "sign_in",
            "challenge": {"challenge_type": "otp"},
            "attempts_left": 4,
            "expires_in": expires_in,
        })
    );
    assert_eq!(standing.set_cookie, None);
    let asked = world.requests().len();
    page.status().await;
    assert_eq!(world.requests().len(), asked, "Auth0 is asked nothing");
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
    assert_eq!(page.status().await.body, json!({"success": true, "state": "none"}));
}

#[tokio::test]
async fn the_standing_is_shown_while_another_request_is_under_way() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.take_lease(Duration::from_secs(10));
    assert_eq!(page.status().await.body["state"], "pending");
}

#[tokio::test]
async fn a_session_that_is_over_stands_nowhere_although_its_item_is_still_there() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.advance(Duration::from_mins(5));
    assert_eq!(page.status().await.body["state"], "none");
    assert_eq!(world.items().len(), 1);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.stack.table().sweep().unwrap(), 1, "TTL is on expires_at");
}

#[tokio::test]
async fn signing_out_removes_the_item_and_the_cookie_whether_there_was_a_session_or_not() {
    let world = World::start().await;
    let mut page = world.browser();
    for begun in [false, true, false] {
        if begun {
            page.begin().await.is_otp_challenge();
        }
        let out = page.sign_out().await;
        assert_eq!((out.status, &out.body), (204, &Value::Null));
        assert!(out.set_cookie.as_deref().unwrap().contains("Max-Age=0"));
        assert!(world.items().is_empty());
    }
}

#[tokio::test]
async fn signing_out_waits_for_no_lease_and_the_request_under_way_brings_nothing_back() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let fault = auth0_tenant::Fault::at(auth0_tenant::Endpoint::Token).grant(auth0_tenant::Grant::MfaOtp);
    world.fault(fault.delay(Duration::from_millis(500)));
    let (mut verifying, code) = (page.clone(), world.otp());
    let (verified, out) = futures_util::future::join(verifying.verify(json!({"otp": code})), async {
        world.reached(auth0_tenant::Grant::MfaOtp, 1).await;
        page.sign_out().await
    })
    .await;
    assert_eq!(out.status, 204);
    verified.is(401, "session_expired");
    assert!(world.items().is_empty());
}

#[tokio::test]
async fn a_session_begins_with_a_value_of_the_functions_and_never_with_one_that_was_planted() {
    let world = World::start().await;
    let mut page = world.browser();
    let planted = format!("mfa_session={}", "A".repeat(43));
    page.cookie = Some(planted.clone());
    page.begin().await.is_otp_challenge();
    assert_ne!(page.cookie.as_deref(), Some(planted.as_str()));
    let mut attacker = world.browser();
    attacker.cookie = Some(planted);
    attacker.verify(json!({"otp": world.otp()})).await.is(401, "session_expired");
}

#[tokio::test]
async fn an_unknown_or_malformed_cookie_is_session_expired_and_is_cleared() {
    let world = World::start().await;
    for value in ["A".repeat(43), "x".into(), String::new(), "é".into()] {
        let mut page = world.browser();
        page.cookie = Some(format!("mfa_session={value}"));
        let refused = page.verify(json!({"otp": "123456"})).await;
        refused.is(401, "session_expired");
        assert_eq!(page.cookie, None, "{value}");
    }
}

#[tokio::test]
async fn of_two_session_cookies_neither_is_trusted() {
    let world = World::start().await;
    let (mut page, mut other) = (world.browser(), world.browser());
    page.begin().await.is_otp_challenge();
    other.begin().await.is_otp_challenge();
    page.cookie = Some(format!("{}; {}", page.cookie.unwrap(), other.cookie.unwrap()));
    page.verify(json!({"otp": world.otp()})).await.is(401, "session_expired");
    assert_eq!(world.received_grant(auth0_tenant::Grant::MfaOtp), 0);
}

#[tokio::test]
async fn a_row_that_was_changed_does_not_open() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.change_item(|item| {
        let sealed = item["pending"]["B"].as_str().unwrap().to_owned();
        let middle = sealed.len() / 2;
        let other = if &sealed[middle..=middle] == "A" { "B" } else { "A" };
        item["pending"]["B"] = format!("{}{other}{}", &sealed[..middle], &sealed[middle + 1..]).into();
    });
    let refused = page.verify(json!({"otp": world.otp()})).await;
    refused.is(401, "session_expired");
    assert_eq!(page.cookie, None);
    assert!(world.items().is_empty());
    assert_eq!(world.received_grant(auth0_tenant::Grant::MfaOtp), 0);
}

#[tokio::test]
async fn a_sealed_part_moved_to_another_session_does_not_open() {
    let world = World::start().await;
    let (mut victim, mut attacker) = (world.browser(), world.browser());
    victim.begin().await.is_otp_challenge();
    let stolen = world.items().remove(0);
    attacker.begin().await.is_otp_challenge();
    let mut own = world.items().into_iter().find(|item| item["id"] != stolen["id"]).unwrap();
    own["pending"] = stolen["pending"].clone();
    world.put_item(own);
    attacker.verify(json!({"otp": world.otp()})).await.is(401, "session_expired");
}

#[tokio::test]
async fn an_end_moved_in_the_table_prolongs_nothing() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.change_item(|item| {
        item["pending_until"] = json!({"N": "9999999999"});
        item["expires_at"] = json!({"N": "9999999999"});
    });
    world.advance(Duration::from_mins(5));
    assert_eq!(page.status().await.body["state"], "none");
    page.verify(json!({"otp": world.otp()})).await.is(401, "session_expired");
    assert_eq!(world.received_grant(auth0_tenant::Grant::MfaOtp), 0);
}

#[tokio::test]
async fn the_other_actions_need_a_session_too() {
    let world = World::start_with(|stack| {
        stack.set("STEP_UP_SCOPES", "transfer:funds").set("AUTH0_SCOPE", "openid offline_access")
    })
    .await;
    let mut page = world.browser();
    for action in ["challenge", "authenticators"] {
        page.authenticate(json!({"action": action})).await.is(401, "session_expired");
    }
    page.authenticate(json!({"action": "enroll", "type": "otp"})).await.is(401, "session_expired");
    page.authenticate(json!({"action": "renew"})).await.is(401, "login_required");
    page.authenticate(json!({"action": "step_up", "scope": "transfer:funds"})).await.is(401, "login_required");
    page.authenticate(json!({"action": "step_up", "scope": "delete:all"})).await.is(400, "invalid_scope");
}
