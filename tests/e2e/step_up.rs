//! The signed-in session, and what can be had from it: step-up, renewal, and its end.

use std::time::Duration;

use auth0_tenant::{
    Conduct, Cut, Endpoint, Fault, Grant, Login, Policy, Protocol, Reply, StepUpRefresh, User, Verdict,
};
use e2e::{Answer, Browser, World};
use local::user::{EMAIL, PASSWORD};
use serde_json::{Value, json};

const SCOPE: &str = "transfer:funds";

/// A stack with sessions and a step-up scope, and a browser that is signed in.
async fn signed_in() -> (World, Browser) {
    signed_in_with(|stack| stack).await
}

async fn signed_in_with(change: impl FnOnce(local::Builder) -> local::Builder) -> (World, Browser) {
    let world = World::start_with(|stack| change(stack.demo())).await;
    let page = sign_in(&world).await;
    (world, page)
}

async fn sign_in(world: &World) -> Browser {
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    page.verify(json!({"otp": world.fresh_otp()})).await.is_tokens();
    page
}

async fn step_up(page: &mut Browser) -> Answer {
    page.authenticate(json!({"action": "step_up", "scope": SCOPE})).await
}

async fn renew(page: &mut Browser) -> Answer {
    page.authenticate(json!({"action": "renew"})).await
}

fn live(world: &World) -> usize {
    world.stack.tenant().live_refresh_tokens(EMAIL)
}

/// The claims of a token, unchecked.
fn claims(token: &Value) -> Value {
    use base64::Engine as _;
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[track_caller]
fn is_elevated(answer: &Answer) {
    assert!(answer.is_tokens().body["scope"].as_str().unwrap().split(' ').any(|scope| scope == SCOPE));
    let claims = claims(&answer.body["access_token"]);
    assert!(claims["scope"].as_str().unwrap().contains(SCOPE), "{claims}");
    assert!(answer.body.get("refresh_token").is_none());
}

#[track_caller]
fn is_ordinary(answer: &Answer) {
    assert_eq!(answer.is_tokens().body["mfa_required"], false);
    let claims = claims(&answer.body["access_token"]);
    assert!(!claims["scope"].as_str().unwrap().contains(SCOPE), "{claims}");
    assert!(answer.body.get("refresh_token").is_none());
}

/// The session is there, and good for a renewal.
async fn stands(page: &mut Browser) {
    let standing = page.status().await;
    assert_eq!(standing.body["state"], "signed_in", "{}", standing.body);
    is_ordinary(&renew(page).await);
}

/// The session is over: no item, no cookie, nothing to refresh with.
fn is_over(world: &World, page: &Browser, answer: &Answer) {
    assert!(answer.set_cookie.as_deref().is_some_and(|cookie| cookie.contains("Max-Age=0")), "{answer:?}");
    assert_eq!(page.cookie, None);
    assert!(world.items().is_empty());
    assert_eq!(live(world), 0, "the refresh token is revoked");
}

// --- The session.

#[tokio::test]
async fn a_sign_in_with_offline_access_begins_a_session_under_a_new_cookie() {
    let world = World::start_with(local::Builder::demo).await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let before = page.cookie.clone();
    let tokens = page.verify(json!({"otp": world.otp()})).await;
    let members: Vec<_> = tokens.is_tokens().body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["access_token", "expires_in", "id_token", "scope", "success", "token_type"]);
    assert!(page.cookie.is_some() && page.cookie != before);
    assert!(tokens.set_cookie.unwrap().contains("Max-Age=28800"));
    assert_eq!(world.items().len(), 1, "the sign-in's own item is gone");
    let standing = page.status().await.body;
    assert_eq!(standing, json!({"success": true, "state": "signed_in", "expires_in": standing["expires_in"]}));
    assert!(standing["expires_in"].as_u64().is_some_and(|left| (28_795..=28_800).contains(&left)));

    let mut old = world.browser();
    old.cookie = before;
    assert_eq!(old.status().await.body["state"], "none");
    renew(&mut old).await.is(401, "login_required");
}

#[tokio::test]
async fn without_offline_access_there_is_no_session() {
    let world = World::start_with(|stack| stack.demo().set("AUTH0_SCOPE", "openid").set("STEP_UP_SCOPES", "")).await;
    let page = sign_in(&world).await;
    assert_eq!(page.cookie, None);
    assert!(world.items().is_empty());
}

#[tokio::test]
async fn a_session_lives_as_long_as_it_is_set_to_and_no_longer() {
    let (world, mut page) = signed_in_with(|stack| stack.set("SESSION_TTL_SECONDS", "600")).await;
    world.advance(Duration::from_secs(590));
    is_ordinary(&renew(&mut page).await);
    world.advance(Duration::from_secs(10));
    assert_eq!(page.status().await.body["state"], "none");
    renew(&mut page).await.is(401, "login_required");
    step_up(&mut page).await.is(401, "login_required");
    assert_eq!(world.items().len(), 1, "its item may be there still");
    world.advance(Duration::from_secs(1));
    assert_eq!(world.stack.table().sweep().unwrap(), 1, "until TTL takes it");
}

#[tokio::test]
async fn a_session_cannot_be_prolonged_in_the_table() {
    let (world, mut page) = signed_in_with(|stack| stack.set("SESSION_TTL_SECONDS", "600")).await;
    world.change_item(|item| item["expires_at"] = json!({"N": "9999999999"}));
    world.advance(Duration::from_mins(10));
    let refused = renew(&mut page).await;
    refused.is(401, "login_required");
    assert_eq!(page.cookie, None);
    assert_eq!(world.received_grant(Grant::RefreshToken), 0);
}

#[tokio::test]
async fn a_new_sign_in_replaces_the_session_and_revokes_its_refresh_token() {
    let (world, mut page) = signed_in().await;
    let before = page.cookie.clone();
    page.begin().await.is_otp_challenge();
    assert_eq!(live(&world), 0);
    page.verify(json!({"otp": world.fresh_otp()})).await.is_tokens();
    assert_ne!(page.cookie, before);
    assert_eq!((world.items().len(), live(&world)), (1, 1));
}

#[tokio::test]
async fn a_failed_sign_in_leaves_the_session_that_there_is() {
    let (world, mut page) = signed_in().await;
    page.begin_as(EMAIL, "wrong").await.is(401, "invalid_credentials");
    stands(&mut page).await;
    assert_eq!(live(&world), 1);
}

#[tokio::test]
async fn a_stolen_table_has_nothing_to_refresh_with() {
    let world = World::start_with(local::Builder::demo).await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let refresh_token = "v1.the-refresh-token-that-everybody-looks-for";
    let patch = json!({"refresh_token": refresh_token});
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).patch(patch));
    page.verify(json!({"otp": world.otp()})).await.is_tokens();
    let stolen = world.items();
    let sealed = stolen[0]["signed_in"]["B"].as_str().expect("a sealed part").to_owned();
    let text = world.table_text();
    let cookie = page.cookie.as_deref().and_then(|cookie| cookie.split_once('=')).unwrap().1.to_owned();
    for secret in [refresh_token, cookie.as_str(), EMAIL, "auth0|"] {
        assert!(!text.contains(secret), "{secret} is in the table");
    }

    // Nor is it of use under another cookie: with the row copied to where a thief's own session is.
    let mut thief = world.browser();
    world.add_user(User::new("eve@example.com", PASSWORD).otp());
    thief.begin_as("eve@example.com", PASSWORD).await.is_otp_challenge();
    thief.verify(json!({"otp": world.stack.tenant().otp_code("eve@example.com")})).await.is_tokens();
    let mut row = world.items().into_iter().find(|item| item["id"] != stolen[0]["id"]).expect("the thief's own");
    row["signed_in"] = json!({"B": sealed});
    world.put_item(row);
    renew(&mut thief).await.is(401, "login_required");
    assert_eq!(world.received_grant(Grant::RefreshToken), 0, "Auth0 was not asked");
}

// --- Step-up.

#[tokio::test]
async fn a_step_up_asks_for_the_code_alone_and_gives_the_elevated_scope() {
    let (world, mut page) = signed_in().await;
    let cookie = page.cookie.clone();
    for _ in 0..2 {
        let challenged = step_up(&mut page).await;
        challenged.is_otp_challenge();
        let standing = page.status().await.body;
        assert_eq!((&standing["state"], &standing["purpose"]), (&json!("pending"), &json!("step_up")));
        is_elevated(&page.verify(json!({"otp": world.fresh_otp()})).await);
        assert_eq!(page.cookie, cookie, "the same session");
    }
    assert_eq!(world.received_grant(Grant::PasswordRealm), 1);
    assert_eq!(live(&world), 1, "rotation leaves one");
    stands(&mut page).await;
}

#[tokio::test]
async fn a_step_up_works_whichever_way_auth0_treats_the_refresh_token_that_it_is_asked_with() {
    for reading in [StepUpRefresh::RotatedAtSuccess, StepUpRefresh::Kept, StepUpRefresh::ConsumedAtOnce] {
        let (world, mut page) = signed_in().await;
        world.settings(|settings| settings.step_up_refresh = reading);
        for _ in 0..2 {
            step_up(&mut page).await.is_otp_challenge();
            is_elevated(&page.verify(json!({"otp": world.fresh_otp()})).await);
            is_ordinary(&renew(&mut page).await);
        }
        // A dialog that was closed and opened again, and a code mistyped.
        step_up(&mut page).await.is_otp_challenge();
        step_up(&mut page).await.is_otp_challenge();
        page.verify(json!({"otp": world.wrong_otp()})).await.is(401, "invalid_code");
        is_elevated(&page.verify(json!({"otp": world.fresh_otp()})).await);
        is_ordinary(&renew(&mut page).await);
        assert_eq!(live(&world), 1, "{reading:?}");
    }
}

#[tokio::test]
async fn where_auth0_consumes_the_token_at_once_an_abandoned_step_up_costs_the_sign_in_and_says_so() {
    let (world, mut page) = signed_in().await;
    world.settings(|settings| settings.step_up_refresh = StepUpRefresh::ConsumedAtOnce);
    step_up(&mut page).await.is_otp_challenge();
    world.advance(Duration::from_mins(11));
    let refused = renew(&mut page).await;
    refused.is(401, "login_required");
    is_over(&world, &page, &refused);
}

#[tokio::test]
async fn an_abandoned_step_up_leaves_the_session_as_it_was() {
    let (world, mut page) = signed_in().await;
    step_up(&mut page).await.is_otp_challenge();
    world.advance(Duration::from_mins(5));
    stands(&mut page).await;
    let refused = page.verify(json!({"otp": world.otp()})).await;
    refused.is(401, "session_expired");
    assert_eq!(refused.set_cookie, None);
    step_up(&mut page).await.is_otp_challenge();
    is_elevated(&page.verify(json!({"otp": world.fresh_otp()})).await);
}

#[tokio::test]
async fn a_renewal_goes_on_while_a_step_up_is_open() {
    let (world, mut page) = signed_in().await;
    step_up(&mut page).await.is_otp_challenge();
    is_ordinary(&renew(&mut page).await);
    is_elevated(&page.verify(json!({"otp": world.fresh_otp()})).await);
}

#[tokio::test]
async fn a_step_up_whose_pending_part_was_prolonged_in_the_table_is_over_and_the_session_is_not() {
    let (world, mut page) = signed_in().await;
    step_up(&mut page).await.is_otp_challenge();
    world.change_item(|item| item["pending_until"] = json!({"N": "9999999999"}));
    world.advance(Duration::from_mins(5));
    let refused = page.verify(json!({"otp": world.otp()})).await;
    refused.is(401, "session_expired");
    assert_eq!(refused.set_cookie, None);
    assert_eq!(world.items()[0]["attempts"], json!({"N": "0"}), "no attempt is spent");
    assert_eq!(world.received_grant(Grant::MfaOtp), 1, "that of the sign-in");
    stands(&mut page).await;
}

#[tokio::test]
async fn a_pending_part_that_was_changed_in_the_table_ends_the_session() {
    let (world, mut page) = signed_in().await;
    step_up(&mut page).await.is_otp_challenge();
    world.change_item(|item| item["pending"] = item["signed_in"].clone());
    let refused = page.verify(json!({"otp": world.otp()})).await;
    refused.is(401, "session_expired");
    is_over(&world, &page, &refused);
}

#[tokio::test]
async fn a_step_up_does_not_outlive_the_session() {
    let (world, mut page) = signed_in_with(|stack| stack.set("SESSION_TTL_SECONDS", "120")).await;
    let challenged = step_up(&mut page).await;
    let expires_in = challenged.is_otp_challenge().body["expires_in"].as_u64().unwrap();
    assert!((115..=120).contains(&expires_in), "{expires_in}");
    world.advance(Duration::from_mins(2));
    page.verify(json!({"otp": world.otp()})).await.is(401, "session_expired");
}

#[tokio::test]
async fn a_scope_outside_the_list_never_reaches_auth0() {
    let (world, mut page) = signed_in().await;
    for scope in ["delete:everything", "transfer:funds delete:everything", "openid", "offline_access", "TRANSFER:FUNDS"]
    {
        page.authenticate(json!({"action": "step_up", "scope": scope})).await.is(400, "invalid_scope");
    }
    for body in [
        json!({"action": "step_up"}),
        json!({"action": "step_up", "scope": ""}),
        json!({"action": "step_up", "scope": 7}),
    ] {
        let refused = page.authenticate(body).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
    }
    assert_eq!(world.received_grant(Grant::RefreshToken), 0);

    let off = World::start_with(|stack| stack.demo().set("STEP_UP_SCOPES", "")).await;
    let mut page = sign_in(&off).await;
    step_up(&mut page).await.is(400, "invalid_scope");
    assert_eq!(off.received_grant(Grant::RefreshToken), 0);
}

#[tokio::test]
async fn only_the_scope_that_was_asked_for_reaches_auth0() {
    let (world, mut page) = signed_in().await;
    step_up(&mut page).await.is_otp_challenge();
    is_ordinary(&renew(&mut page).await);
    let scopes: Vec<_> = world
        .requests()
        .into_iter()
        .filter(|request| request.grant_type.as_deref() == Some(Grant::RefreshToken.urn()))
        .map(|request| request.scope.unwrap_or_default())
        .collect();
    assert_eq!(scopes, ["openid transfer:funds", "openid profile email offline_access"]);
}

#[tokio::test]
async fn step_up_and_renewal_need_a_signed_in_session_and_say_so_with_one_word() {
    let world = World::start_with(local::Builder::demo).await;
    let mut pending = world.browser();
    pending.begin().await.is_otp_challenge();
    let mut unknown = world.browser();
    unknown.cookie = Some(format!("mfa_session={}", "A".repeat(43)));
    let mut malformed = world.browser();
    malformed.cookie = Some("mfa_session=x".into());
    for page in [&mut world.browser(), &mut pending, &mut unknown, &mut malformed] {
        step_up(page).await.is(401, "login_required");
        renew(page).await.is(401, "login_required");
    }
    assert_eq!(world.received_grant(Grant::RefreshToken), 0);
    pending.verify(json!({"otp": world.otp()})).await.is_tokens();
}

#[tokio::test]
async fn two_step_ups_at_once_never_present_one_refresh_token_twice() {
    let (world, page) = signed_in().await;
    world.fault(Fault::at(Endpoint::Token).grant(Grant::RefreshToken).always().delay(Duration::from_millis(100)));
    let tabs = (0..8).map(|number| {
        let mut page = page.clone();
        async move {
            // Renewals among them: they present the same token.
            if number % 2 == 0 { step_up(&mut page).await } else { renew(&mut page).await }
        }
    });
    let answers = futures_util::future::join_all(tabs).await;
    let (good, busy): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert!(!good.is_empty());
    for answer in &busy {
        answer.is(409, "in_progress");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert!(!busy.is_empty(), "they did meet");
    assert_eq!(world.stack.tenant().most_in_flight().of_one_refresh_token, 1);
    assert_eq!(live(&world), 1, "Auth0 saw no reuse");
    is_ordinary(&renew(&mut page.clone()).await);
}

#[tokio::test]
async fn a_step_up_with_any_factor() {
    let world = World::start_with(local::Builder::demo).await;
    world.add_user(
        User::new("bob@example.com", PASSWORD)
            .sms("+4915123456789")
            .push("phone")
            .recovery_code("ABCDEFGHIJKLMNOPQRSTUVWX"),
    );
    let tenant = world.stack.tenant();
    let mut page = world.browser();
    let oob = |id: &str| json!({"action": "step_up", "scope": SCOPE, "challenge_type": "oob", "authenticator_id": id});
    let id = |kind: &str| {
        let all = tenant.authenticators("bob@example.com");
        all.into_iter().find(|authenticator| authenticator.id.starts_with(kind)).expect("one").id
    };
    page.authenticate(json!({"email": "bob@example.com", "password": PASSWORD, "authenticator_id": id("sms")})).await;
    page.verify(json!({"binding_code": tenant.sent_code("bob@example.com")})).await.is_tokens();

    page.authenticate(oob(&id("sms"))).await;
    is_elevated(&page.verify(json!({"binding_code": tenant.sent_code("bob@example.com")})).await);

    let challenged = page.authenticate(oob(&id("push"))).await;
    assert_eq!(challenged.body["challenge"], json!({"challenge_type": "oob"}));
    assert_eq!(page.verify(json!({"push": true})).await.status, 202);
    assert!(tenant.approve_push("bob@example.com"));
    world.advance(Duration::from_secs(5));
    is_elevated(&page.verify(json!({"push": true})).await);

    page.authenticate(oob(&id("sms"))).await;
    let tokens = page.verify(json!({"recovery_code": "ABCDEFGHIJKLMNOPQRSTUVWX"})).await;
    is_elevated(&tokens);
    assert!(tokens.body["recovery_code"].is_string(), "the replacement");
}

#[tokio::test]
async fn the_factor_of_a_step_up_is_switched_and_its_code_sent_again() {
    let world = World::start_with(local::Builder::demo).await;
    world.add_user(User::new("bob@example.com", PASSWORD).otp().sms("+4915123456789"));
    let tenant = world.stack.tenant();
    let mut page = world.browser();
    page.begin_as("bob@example.com", PASSWORD).await.is_otp_challenge();
    page.verify(json!({"otp": tenant.otp_code("bob@example.com")})).await.is_tokens();
    step_up(&mut page).await.is_otp_challenge();
    for _ in 0..2 {
        page.authenticate(json!({"action": "challenge", "challenge_type": "oob"})).await;
    }
    assert_eq!(tenant.inbox().len(), 2);
    is_elevated(&page.verify(json!({"binding_code": tenant.sent_code("bob@example.com")})).await);
    let factor =
        json!({"action": "step_up", "scope": SCOPE, "challenge_type": "otp", "authenticator_id": "totp|dev_none"});
    page.authenticate(factor).await.is(400, "invalid_request");
    stands(&mut page).await;
}

#[tokio::test]
async fn a_step_up_of_a_kind_that_the_user_does_not_have_goes_on_with_another() {
    let (world, mut page) = signed_in().await;
    let oob = json!({"action": "step_up", "scope": SCOPE, "challenge_type": "oob"});
    page.authenticate(oob).await.is(400, "unsupported_challenge_type");
    assert_eq!(page.status().await.body["state"], "pending");
    page.authenticate(json!({"action": "challenge"})).await.is_otp_challenge();
    is_elevated(&page.verify(json!({"otp": world.fresh_otp()})).await);
}

#[tokio::test]
async fn a_chain_within_a_step_up_gives_the_tokens_after_the_second_factor() {
    let (world, mut page) = signed_in_with(|stack| stack.set("SESSION_TTL_SECONDS", "200")).await;
    world.stack.tenant().set_chain(EMAIL, vec![vec![auth0_tenant::Factor::Otp], vec![auth0_tenant::Factor::Otp]]);
    step_up(&mut page).await.is_otp_challenge();
    let cookie = page.cookie.clone();
    let more = page.verify(json!({"otp": world.fresh_otp()})).await;
    more.is_otp_challenge();
    assert!(more.body["expires_in"].as_u64().unwrap() <= 170, "not beyond the session's own end: {}", more.body);
    assert_eq!(page.cookie, cookie);
    assert_eq!(more.set_cookie, None);
    is_elevated(&page.verify(json!({"otp": world.fresh_otp()})).await);
}

#[tokio::test]
async fn tokens_given_to_a_step_up_without_mfa_are_dropped_whatever_the_policy() {
    for policy in ["required", "optional"] {
        let (world, mut page) = signed_in_with(|stack| stack.set("MFA_POLICY", policy)).await;
        world.stack.tenant().set_rule(|_: &Login| Verdict::NoMfa);
        let refused = step_up(&mut page).await;
        refused.is(403, "mfa_not_enforced");
        assert!(!refused.body.to_string().contains("token"), "{}", refused.body);
        assert_eq!(refused.set_cookie, None);
        assert_eq!(live(&world), 1, "the rotated refresh token is the session's now");
        stands(&mut page).await;
    }
}

#[tokio::test]
async fn a_step_up_that_comes_back_for_somebody_else_ends_the_session() {
    let (world, mut page) = signed_in().await;
    step_up(&mut page).await.is_otp_challenge();
    let other = json!({"sub": "auth0|somebody-else"});
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).id_token_claims(other));
    let refused = page.verify(json!({"otp": world.fresh_otp()})).await;
    refused.is(403, "access_denied");
    is_over(&world, &page, &refused);
}

#[tokio::test]
async fn a_renewal_that_comes_back_for_somebody_else_ends_the_session() {
    let (world, mut page) = signed_in().await;
    let other = json!({"sub": "auth0|somebody-else"});
    world.fault(Fault::at(Endpoint::Token).grant(Grant::RefreshToken).id_token_claims(other));
    let refused = renew(&mut page).await;
    refused.is(403, "access_denied");
    is_over(&world, &page, &refused);
}

#[tokio::test]
async fn wrong_codes_count_across_step_ups_and_the_last_ends_the_session() {
    let (world, mut page) = signed_in_with(|stack| stack.set("MAX_ATTEMPTS", "3")).await;
    for attempts_left in [2, 1] {
        step_up(&mut page).await.is_otp_challenge();
        let refused = page.verify(json!({"otp": world.wrong_otp()})).await;
        refused.is(401, "invalid_code");
        assert_eq!(refused.body["attempts_left"], attempts_left);
        world.advance(Duration::from_mins(5));
        is_ordinary(&renew(&mut page).await);
    }
    step_up(&mut page).await.is_otp_challenge();
    let refused = page.verify(json!({"otp": world.wrong_otp()})).await;
    refused.is(429, "too_many_attempts");
    is_over(&world, &page, &refused);
}

#[tokio::test]
async fn a_successful_step_up_begins_the_count_of_wrong_codes_anew() {
    let (world, mut page) = signed_in_with(|stack| stack.set("MAX_ATTEMPTS", "2")).await;
    for _ in 0..3 {
        step_up(&mut page).await.is_otp_challenge();
        page.verify(json!({"otp": world.wrong_otp()})).await.is(401, "invalid_code");
        is_elevated(&page.verify(json!({"otp": world.fresh_otp()})).await);
    }
}

#[tokio::test]
async fn a_step_up_that_auth0_fails_leaves_the_session_as_it_was() {
    let faults = |fault: fn(Fault) -> Fault| {
        [Fault::at(Endpoint::Token).grant(Grant::RefreshToken), Fault::at(Endpoint::Challenge)].map(fault)
    };
    for (faults, status, error) in [
        (faults(|fault| fault.reply(Reply::html(502))), 502, "upstream_error"),
        (faults(|fault| fault.reply(Reply::garbage())), 502, "upstream_error"),
        (faults(|fault| fault.reply(Reply::too_many_requests(Some(3)))), 429, "too_many_requests"),
        (faults(|fault| fault.cut(Cut::BeforeProcessing)), 502, "upstream_error"),
    ] {
        for fault in faults {
            let (world, mut page) = signed_in().await;
            world.fault(fault);
            step_up(&mut page).await.is(status, error);
            stands(&mut page).await;
            step_up(&mut page).await.is_otp_challenge();
            is_elevated(&page.verify(json!({"otp": world.fresh_otp()})).await);
        }
    }
}

#[tokio::test]
async fn an_action_that_denies_a_step_up_is_passed_on_and_the_session_stays() {
    let (world, mut page) = signed_in().await;
    world.stack.tenant().set_rule(|login: &Login| {
        let wants =
            login.protocol == Protocol::RefreshToken && login.requested_scopes.iter().any(|scope| scope == SCOPE);
        if wants { Verdict::Deny("Transfers are closed on Sundays.".into()) } else { Verdict::Continue }
    });
    let refused = step_up(&mut page).await;
    refused.is(403, "access_denied");
    assert_eq!(refused.body["error_description"], "Transfers are closed on Sundays.");
    stands(&mut page).await;
}

#[tokio::test]
async fn a_blocked_user_loses_the_session_at_the_next_step_up_or_renewal() {
    for action in [json!({"action": "renew"}), json!({"action": "step_up", "scope": SCOPE})] {
        let (world, mut page) = signed_in().await;
        world.stack.tenant().set_conduct(EMAIL, Conduct::Blocked);
        let refused = page.authenticate(action).await;
        refused.is(403, "account_blocked");
        is_over(&world, &page, &refused);
    }
}

#[tokio::test]
async fn a_refresh_token_that_auth0_no_longer_takes_ends_the_session() {
    for action in [json!({"action": "renew"}), json!({"action": "step_up", "scope": SCOPE})] {
        let (world, mut page) = signed_in().await;
        world.stack.tenant().revoke_refresh_tokens(EMAIL);
        let refused = page.authenticate(action).await;
        refused.is(401, "login_required");
        is_over(&world, &page, &refused);
    }
}

// --- Renewal.

#[tokio::test]
async fn a_renewal_never_brings_an_elevated_scope_along() {
    let (world, mut page) = signed_in().await;
    world.settings(|settings| settings.step_up_scope_stays = true);
    step_up(&mut page).await.is_otp_challenge();
    is_elevated(&page.verify(json!({"otp": world.fresh_otp()})).await);
    for _ in 0..3 {
        is_ordinary(&renew(&mut page).await);
    }
    assert_eq!(live(&world), 1);
}

#[tokio::test]
async fn where_the_tenant_wants_mfa_at_every_refresh_a_renewal_is_a_challenge() {
    let (world, mut page) = signed_in().await;
    world.settings(|settings| settings.policy = Policy::Always);
    renew(&mut page).await.is_otp_challenge();
    assert_eq!(page.status().await.body["purpose"], "renew");
    let tokens = page.verify(json!({"otp": world.fresh_otp()})).await;
    assert!(!tokens.is_tokens().body["scope"].as_str().unwrap().contains(SCOPE));
    assert_eq!(page.status().await.body["state"], "signed_in");
}

#[tokio::test]
async fn a_renewal_whose_answer_is_lost_is_tried_once_and_no_more() {
    let (world, mut page) = signed_in().await;
    world.fault(Fault::at(Endpoint::Token).grant(Grant::RefreshToken).cut(Cut::AfterProcessing));
    renew(&mut page).await.is(502, "upstream_error");
    assert_eq!(world.received_grant(Grant::RefreshToken), 1);
}

#[tokio::test]
async fn a_rotated_refresh_token_that_cannot_be_stored_is_no_success() {
    let (world, mut page) = signed_in().await;
    world.fault(Fault::at(Endpoint::Token).grant(Grant::RefreshToken).delay_answer(Duration::from_millis(300)));
    let mut renewing = page.clone();
    let (refused, ()) = futures_util::future::join(renew(&mut renewing), async {
        world.reached(Grant::RefreshToken, 1).await;
        world.stack.dynamodb().down().await.unwrap();
    })
    .await;
    refused.is(503, "store_unavailable");
    assert!(!refused.body.to_string().contains("access_token"));
    world.stack.dynamodb().up().await.unwrap();
    renew(&mut page).await.is(409, "in_progress");
}

// --- The end.

#[tokio::test]
async fn signing_out_kills_the_refresh_token_at_the_tenant() {
    let (world, mut page) = signed_in().await;
    assert_eq!(live(&world), 1);
    let out = page.sign_out().await;
    assert_eq!(out.status, 204);
    is_over(&world, &page, &out);
    assert_eq!(world.received(Endpoint::Revoke), 1);
    assert_eq!(page.sign_out().await.status, 204, "and once more is no error");
    assert_eq!(world.received(Endpoint::Revoke), 1);
}

#[tokio::test]
async fn signing_out_ends_the_session_here_when_auth0_cannot_be_asked() {
    for fault in [
        Fault::at(Endpoint::Revoke).reply(Reply::html(503)),
        Fault::at(Endpoint::Revoke).cut(Cut::BeforeBody),
        Fault::at(Endpoint::Revoke).reply(Reply::error(401, "invalid_client", "")),
    ] {
        let (world, mut page) = signed_in().await;
        world.fault(fault.always());
        let cookie = page.cookie.clone();
        let out = page.sign_out().await;
        assert_eq!(out.status, 204);
        assert!(out.set_cookie.unwrap().contains("Max-Age=0"));
        assert!(world.items().is_empty());
        page.cookie = cookie;
        renew(&mut page).await.is(401, "login_required");
    }
}

#[tokio::test]
async fn signing_out_while_a_step_up_is_under_way_brings_nothing_back() {
    let (world, mut page) = signed_in().await;
    step_up(&mut page).await.is_otp_challenge();
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).delay(Duration::from_millis(300)));
    let (mut verifying, code) = (page.clone(), world.fresh_otp());
    let asked = world.received_grant(Grant::MfaOtp);
    let (verified, out) = futures_util::future::join(verifying.verify(json!({"otp": code})), async {
        world.reached(Grant::MfaOtp, asked + 1).await;
        page.sign_out().await
    })
    .await;
    assert_eq!(out.status, 204);
    verified.is(401, "session_expired");
    assert!(world.items().is_empty());
    assert_eq!(live(&world), 0);
}

#[tokio::test]
async fn a_session_is_a_cookie_and_nothing_of_another_browser() {
    let (world, mut page) = signed_in().await;
    let mut other = sign_in(&world).await;
    assert_ne!(page.cookie, other.cookie);
    other.sign_out().await;
    stands(&mut page).await;
}
