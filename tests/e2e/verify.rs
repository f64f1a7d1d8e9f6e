//! `verify`: the second factor.

use auth0_tenant::{BudgetAnswer, Endpoint, Factor, Fault, Grant, Reply, SpentMfaToken};
use e2e::World;
use local::user::EMAIL;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_wrong_code_costs_one_attempt_and_the_session_goes_on() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    for attempts_left in [4, 3, 2, 1] {
        let refused = page.verify(json!({"otp": world.wrong_otp()})).await;
        refused.is(401, "invalid_code");
        assert_eq!(refused.body["attempts_left"], attempts_left);
        assert_eq!(refused.set_cookie, None);
    }
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
}

#[tokio::test]
async fn the_last_wrong_code_ends_the_session() {
    let world = World::start_with(|stack| stack.set("MAX_ATTEMPTS", "2")).await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    page.verify(json!({"otp": world.wrong_otp()})).await.is(401, "invalid_code");
    let cookie = page.cookie.clone();
    let last = page.verify(json!({"otp": world.wrong_otp()})).await;
    last.is(429, "too_many_attempts");
    assert!(last.set_cookie.as_deref().unwrap().contains("Max-Age=0"));
    assert!(last.body.get("attempts_left").is_none());
    assert!(world.items().is_empty());
    page.cookie = cookie;
    page.verify(json!({"otp": world.otp()})).await.is(401, "session_expired");
}

#[tokio::test]
async fn a_code_that_cannot_be_right_costs_nobody_an_attempt() {
    let world = World::start_with(|stack| stack.set("MAX_ATTEMPTS", "1")).await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    for body in [
        json!({"otp": "12345"}),
        json!({"otp": ""}),
        json!({"otp": 123_456}),
        json!({}),
        json!({"otp": "123456", "push": true}),
        json!({"binding_code": "123456"}),
        json!({"binding_code": ""}),
        json!({"push": true}),
    ] {
        page.verify(body).await.is(400, "invalid_request");
    }
    assert_eq!(world.received_grant(Grant::MfaOtp) + world.received_grant(Grant::MfaOob), 0);
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
}

#[tokio::test]
async fn a_double_click_is_one_attempt_and_an_in_progress() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).delay(Duration::from_millis(300)));
    let code = world.otp();
    let (mut one, mut two) = (page.clone(), page.clone());
    let (first, second) =
        futures_util::future::join(one.verify(json!({"otp": code})), two.verify(json!({"otp": code}))).await;
    let (good, busy) = if first.status == 200 { (first, second) } else { (second, first) };
    good.is_tokens();
    busy.is(409, "in_progress");
    assert_eq!(busy.header("retry-after"), Some("1"));
    assert_eq!(world.received_grant(Grant::MfaOtp), 1);
}

#[tokio::test]
async fn the_lease_of_a_crashed_request_runs_out_after_ten_seconds() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.take_lease(Duration::from_secs(10));
    page.verify(json!({"otp": world.otp()})).await.is(409, "in_progress");
    world.advance(Duration::from_secs(10));
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
}

#[tokio::test]
async fn a_used_code_does_not_open_a_second_session() {
    let world = World::start().await;
    let (mut one, mut two) = (world.browser(), world.browser());
    let code = world.otp();
    one.begin().await.is_otp_challenge();
    one.verify(json!({"otp": code})).await.is_tokens();
    two.begin().await.is_otp_challenge();
    two.verify(json!({"otp": code})).await.is(401, "invalid_code");
}

#[tokio::test]
async fn a_sign_in_waits_for_its_code_five_minutes_and_no_longer() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let mut late = page.clone();
    world.advance(Duration::from_mins(5));
    let refused = late.verify(json!({"otp": world.otp()})).await;
    refused.is(401, "session_expired");
    assert!(refused.set_cookie.as_deref().unwrap().contains("Max-Age=0"));
    assert_eq!(world.received_grant(Grant::MfaOtp), 0, "Auth0 was not asked");
    assert_eq!(world.items().len(), 1, "the item is still there: DynamoDB deletes late");
}

#[tokio::test]
async fn an_mfa_token_that_auth0_no_longer_takes_ends_the_session() {
    for (status, error, description) in [
        (401, "expired_token", "mfa_token is expired"),
        (403, "expired_token", "mfa_token is expired"),
        (403, "invalid_grant", "Malformed mfa_token"),
        (400, "invalid_request", "mfa_token not issued to this client"),
    ] {
        let world = World::start().await;
        let mut page = world.browser();
        page.begin().await.is_otp_challenge();
        world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).reply(Reply::error(status, error, description)));
        let refused = page.verify(json!({"otp": world.otp()})).await;
        refused.is(401, "session_expired");
        assert_eq!(page.cookie, None);
        assert!(world.items().is_empty());
    }
}

#[tokio::test]
async fn auth0s_own_code_budget_is_too_many_attempts_and_costs_none_here() {
    for answer in [BudgetAnswer::InvalidRequest, BudgetAnswer::TooManyAttempts] {
        let world = World::start_with(|stack| stack.set("MAX_ATTEMPTS", "11")).await;
        world.settings(|settings| settings.budget_answer = answer);
        let mut page = world.browser();
        page.begin().await.is_otp_challenge();
        let code = world.wrong_otp();
        for _ in 0..10 {
            page.verify(json!({"otp": code})).await.is(401, "invalid_code");
        }
        for _ in 0..3 {
            let refused = page.verify(json!({"otp": code})).await;
            refused.is(429, "too_many_attempts");
            assert_eq!(refused.header("retry-after"), Some("360"));
            assert_eq!(refused.set_cookie, None, "the session stays");
        }
        world.advance(Duration::from_secs(6 * 60 - 80));
        assert_eq!(page.status().await.body["attempts_left"], 1, "each refusal gave its attempt back");
    }
}

#[tokio::test]
async fn a_chain_goes_on_with_a_fresh_challenge_and_the_passed_factor_costs_nothing() {
    let world = World::start().await;
    world.stack.tenant().set_chain(EMAIL, vec![vec![Factor::Otp], vec![Factor::Otp]]);
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    page.verify(json!({"otp": world.wrong_otp()})).await.is(401, "invalid_code");
    let cookie = page.cookie.clone();
    let more = page.verify(json!({"otp": world.otp()})).await;
    more.is_otp_challenge();
    assert_eq!(page.cookie, cookie, "the session goes on");
    let standing = page.status().await;
    assert_eq!(standing.body["state"], "pending");
    assert_eq!(standing.body["attempts_left"], 4, "the wrong code before still counts, the right one does not");
    world.advance(Duration::from_secs(30));
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
}

#[tokio::test]
async fn a_chain_whose_challenge_fails_keeps_the_new_mfa_token() {
    let world = World::start().await;
    world.stack.tenant().set_chain(EMAIL, vec![vec![Factor::Otp], vec![Factor::Otp]]);
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.fault(Fault::at(Endpoint::Challenge).reply(Reply::html(503)));
    page.verify(json!({"otp": world.otp()})).await.is(502, "upstream_error");
    world.advance(Duration::from_secs(30));
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
}

#[tokio::test]
async fn a_success_is_not_followed_by_a_second_one() {
    let world = World::start().await;
    world.settings(|settings| settings.spent_mfa_token = SpentMfaToken::StillGood);
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let cookie = page.cookie.clone();
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
    page.cookie = cookie;
    world.advance(Duration::from_secs(30));
    page.verify(json!({"otp": world.otp()})).await.is(401, "session_expired");
}

#[tokio::test]
async fn without_a_session_there_is_nothing_to_verify() {
    let world = World::start().await;
    let mut page = world.browser();
    let refused = page.verify(json!({"otp": "123456"})).await;
    refused.is(401, "session_expired");
    assert_eq!(refused.set_cookie, None);
}

#[tokio::test]
async fn an_id_token_that_does_not_fit_is_refused_and_the_session_stays() {
    for claims in [
        json!({"iss": "https://evil.example/"}),
        json!({"aud": "another"}),
        json!({"aud": ["another", "third"]}),
        json!({"exp": 1}),
        json!({"iat": 99_999_999_999_u64}),
        json!({"sub": null}),
    ] {
        let world = World::start().await;
        let mut page = world.browser();
        page.begin().await.is_otp_challenge();
        world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).id_token_claims(claims.clone()));
        let refused = page.verify(json!({"otp": world.otp()})).await;
        assert_eq!(refused.error(), Some("upstream_error"), "{claims}");
        assert_eq!(page.status().await.body["attempts_left"], 5, "{claims}");
    }
}

#[tokio::test]
async fn where_openid_was_asked_for_there_must_be_an_id_token() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).patch(json!({"id_token": null})));
    page.verify(json!({"otp": world.otp()})).await.is(502, "upstream_error");

    let world = World::start_with(|stack| stack.set("AUTH0_SCOPE", "read:all")).await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let tokens = page.verify(json!({"otp": world.otp()})).await;
    assert!(tokens.is_tokens().body.get("id_token").is_none());
}
