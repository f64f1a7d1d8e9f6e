//! Every factor: how it is challenged, chosen, sent again, passed and refused.

use std::time::Duration;

use auth0_tenant::{
    Endpoint, Factor, Fault, Grant, MessageKind, PushRefusal, Reply, Rewording, UnknownAuthenticator, User,
};
use e2e::{Answer, Browser, World};
use local::user::EMAIL;
use serde_json::{Value, json};

const BOB: &str = "bob@example.com";
const PASSWORD: &str = "a password of Bob's own";
const PHONE: &str = "+4915123456789";
const RECOVERY_CODE: &str = "BOBSVERYOWNRECOVERYCODE1";

/// A world with a user who has these factors, and that user's browser with the password given.
async fn begun(factors: impl FnOnce(User) -> User) -> (World, Browser, Answer) {
    let world = World::start().await;
    world.add_user(factors(User::new(BOB, PASSWORD)));
    let mut page = world.browser();
    let answer = page.begin_as(BOB, PASSWORD).await;
    (world, page, answer)
}

/// The code that the tenant sent last.
fn sent(world: &World) -> String {
    world.stack.tenant().sent_code(BOB).expect("a code was sent")
}

/// A code of six digits that was not sent.
fn not_sent(world: &World) -> &'static str {
    if sent(world) == "000000" { "000001" } else { "000000" }
}

fn kinds_sent(world: &World) -> Vec<MessageKind> {
    world.stack.tenant().inbox().iter().map(|message| message.kind).collect()
}

fn is_challenge(answer: &Answer, challenge: &Value) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        answer.body,
        json!({"success": true, "mfa_required": true, "challenge": challenge, "expires_in": answer.body["expires_in"]}),
    );
    assert!(answer.body["expires_in"].as_u64().is_some_and(|seconds| (295..=300).contains(&seconds)));
}

fn is_code_challenge(answer: &Answer) {
    is_challenge(answer, &json!({"challenge_type": "oob", "binding_method": "prompt"}));
}

fn is_push_challenge(answer: &Answer) {
    is_challenge(answer, &json!({"challenge_type": "oob"}));
}

fn is_pending(answer: &Answer, retry_after: u64) {
    assert_eq!(
        (answer.status, &answer.body),
        (202, &json!({"success": true, "pending": true, "retry_after": retry_after}))
    );
}

/// `authenticators` as a list of (type, name), and the id of each.
async fn listed(page: &mut Browser) -> Vec<(String, Option<String>, String)> {
    let answer = page.authenticate(json!({"action": "authenticators"})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let entries = answer.body["authenticators"].as_array().expect("a list").iter();
    entries.map(|entry| (text(&entry["type"]).unwrap(), text(&entry["name"]), text(&entry["id"]).unwrap())).collect()
}

/// The id of the listed authenticator of this type.
async fn id_of(page: &mut Browser, kind: &str) -> String {
    listed(page).await.into_iter().find(|(listed, ..)| listed == kind).expect("listed").2
}

// --- From the password to tokens.

#[tokio::test]
async fn a_text_message_signs_in() {
    let (world, mut page, begun) = begun(|bob| bob.sms(PHONE)).await;
    is_code_challenge(&begun);
    assert_eq!(kinds_sent(&world), [MessageKind::Sms]);
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
    assert!(world.items().is_empty());
}

#[tokio::test]
async fn a_call_signs_in() {
    let (world, mut page, begun) = begun(|bob| bob.voice(PHONE)).await;
    is_code_challenge(&begun);
    let id = id_of(&mut page, "voice").await;
    world.stack.tenant().clear_inbox();
    is_code_challenge(&page.authenticate(json!({"action": "challenge", "authenticator_id": id})).await);
    assert_eq!(kinds_sent(&world), [MessageKind::Voice]);
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
}

#[tokio::test]
async fn an_email_signs_in() {
    let (world, mut page, begun) = begun(User::email_factor).await;
    is_code_challenge(&begun);
    assert_eq!(kinds_sent(&world), [MessageKind::Email]);
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
}

#[tokio::test]
async fn a_push_signs_in_once_it_is_approved() {
    let (world, mut page, begun) = begun(|bob| bob.push("Bob's phone")).await;
    is_push_challenge(&begun);
    assert_eq!(kinds_sent(&world), [MessageKind::Push]);
    is_pending(&page.verify(json!({"push": true})).await, 5);
    assert!(world.stack.tenant().approve_push(BOB));
    world.advance(Duration::from_secs(5));
    page.verify(json!({"push": true})).await.is_tokens();
}

#[tokio::test]
async fn the_app_of_a_push_device_gives_codes_as_well() {
    let (world, mut page, begun) = begun(|bob| bob.push("Bob's phone")).await;
    is_push_challenge(&begun);
    let code = world.stack.tenant().otp_code(BOB).expect("the device's own codes");
    page.verify(json!({"otp": code})).await.is_tokens();
}

#[tokio::test]
async fn a_recovery_code_signs_in_and_its_replacement_reaches_the_user_once() {
    let (world, mut page, begun) = begun(|bob| bob.sms(PHONE).recovery_code(RECOVERY_CODE)).await;
    is_code_challenge(&begun);
    let tokens = page.verify(json!({"recovery_code": RECOVERY_CODE})).await;
    let replacement = tokens.is_tokens().body["recovery_code"].as_str().expect("a replacement").to_owned();
    assert_ne!(replacement, RECOVERY_CODE);

    let mut again = world.browser();
    is_code_challenge(&again.begin_as(BOB, PASSWORD).await);
    again.verify(json!({"recovery_code": RECOVERY_CODE})).await.is(401, "invalid_code");
    let tokens = again.verify(json!({"recovery_code": replacement})).await;
    assert_ne!(tokens.is_tokens().body["recovery_code"], replacement, "the next one");

    let mut third = world.browser();
    third.begin_as(BOB, PASSWORD).await;
    let tokens = third.verify(json!({"binding_code": sent(&world)})).await;
    assert!(tokens.is_tokens().body.get("recovery_code").is_none(), "only after a recovery");
}

#[tokio::test]
async fn a_chain_of_two_factors_signs_in_after_the_second() {
    let (world, mut page, begun) =
        begun(|bob| bob.sms(PHONE).email_factor().chain([[Factor::Sms], [Factor::Email]])).await;
    is_code_challenge(&begun);
    let cookie = page.cookie.clone();
    let more = page.verify(json!({"binding_code": sent(&world)})).await;
    is_code_challenge(&more);
    assert_eq!(page.cookie, cookie);
    assert_eq!(kinds_sent(&world), [MessageKind::Sms, MessageKind::Email]);
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
}

#[tokio::test]
async fn a_chain_whose_second_challenge_fails_has_the_full_time_for_another_one() {
    let (world, mut page, _) = begun(|bob| bob.sms(PHONE).email_factor().chain([[Factor::Sms], [Factor::Email]])).await;
    world.advance(Duration::from_mins(4));
    world.fault(Fault::at(Endpoint::Challenge).reply(Reply::error(500, "server_error", "Down.")));
    let refused = page.verify(json!({"binding_code": sent(&world)})).await;
    refused.is(502, "upstream_error");
    let cookie = refused.set_cookie.as_deref().expect("the cookie lives as long as the new mfa_token");
    assert!(cookie.contains("Max-Age=300"), "{cookie}");

    world.advance(Duration::from_mins(4));
    assert_eq!(page.status().await.body["attempts_left"], 5, "a factor that passed is no wrong code");
    page.authenticate(json!({"action": "challenge"})).await;
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
}

// --- Choosing.

#[tokio::test]
async fn the_users_active_factors_are_listed_by_kind_and_masked_name() {
    let (_world, mut page, _) =
        begun(|bob| bob.otp().sms(PHONE).email_factor().push("Bob's phone").recovery_code(RECOVERY_CODE)).await;
    let mut kinds: Vec<_> = listed(&mut page).await.into_iter().map(|(kind, name, _)| (kind, name)).collect();
    kinds.sort();
    kinds.dedup();
    let named = |kind: &str, name: &str| (kind.to_owned(), Some(name.to_owned()));
    assert_eq!(
        kinds,
        [
            named("email", "***@exam*******"),
            ("otp".to_owned(), None),
            named("push", "Bob's phone"),
            ("recovery-code".to_owned(), None),
            named("sms", "XXXXXXXXXX6789"),
            named("voice", "XXXXXXXXXX6789"),
        ],
    );
}

#[tokio::test]
async fn a_factor_that_was_never_confirmed_is_not_offered() {
    let (world, mut page, begun) = begun(|bob| bob).await;
    assert_eq!(begun.body["enrollment_required"], true);
    page.authenticate(json!({"action": "enroll", "type": "sms", "phone_number": PHONE})).await;
    assert!(
        world.stack.tenant().authenticators(BOB).iter().any(|authenticator| !authenticator.active),
        "Auth0 lists it, inactive"
    );
    assert_eq!(listed(&mut page).await, []);

    let mut later = world.browser();
    let begun = later.begin_as(BOB, PASSWORD).await;
    assert_eq!(begun.body["enrollment_required"], true, "and it is no factor to sign in with: {}", begun.body);
}

#[tokio::test]
async fn the_page_chooses_the_kind_of_challenge_at_sign_in() {
    let world = World::start().await;
    world.add_user(User::new(BOB, PASSWORD).otp().sms(PHONE));
    for (choice, challenge) in [
        ("otp", json!({"challenge_type": "otp"})),
        ("oob", json!({"challenge_type": "oob", "binding_method": "prompt"})),
    ] {
        let begun = json!({"email": BOB, "password": PASSWORD, "challenge_type": choice});
        is_challenge(&world.browser().authenticate(begun).await, &challenge);
    }
}

#[tokio::test]
async fn the_page_chooses_an_authenticator_at_sign_in() {
    let (world, mut page, _) = begun(|bob| bob.sms(PHONE).email_factor()).await;
    let id = id_of(&mut page, "email").await;
    world.stack.tenant().clear_inbox();
    let begun = json!({"email": BOB, "password": PASSWORD, "authenticator_id": id});
    is_code_challenge(&page.authenticate(begun).await);
    assert_eq!(kinds_sent(&world), [MessageKind::Email]);
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
}

#[tokio::test]
async fn a_code_is_sent_again_without_the_password_and_the_first_one_is_over() {
    let (world, mut page, _) = begun(|bob| bob.sms(PHONE)).await;
    let first = sent(&world);
    let cookie = page.cookie.clone();
    is_code_challenge(&page.authenticate(json!({"action": "challenge"})).await);
    assert_eq!(page.cookie, cookie, "the same session");
    assert_eq!(kinds_sent(&world), [MessageKind::Sms, MessageKind::Sms]);
    assert_ne!(sent(&world), first);
    page.verify(json!({"binding_code": first})).await.is(401, "invalid_code");
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
    assert_eq!(world.received_grant(Grant::PasswordRealm), 1);
}

#[tokio::test]
async fn the_factor_is_switched_without_the_password() {
    let (world, mut page, begun) = begun(|bob| bob.otp().sms(PHONE).push("Bob's phone")).await;
    begun.is_otp_challenge();
    is_push_challenge(&{
        let id = id_of(&mut page, "push").await;
        page.authenticate(json!({"action": "challenge", "authenticator_id": id})).await
    });
    page.verify(json!({"binding_code": "123456"})).await.is(400, "invalid_request");
    is_code_challenge(&{
        let id = id_of(&mut page, "sms").await;
        page.authenticate(json!({"action": "challenge", "authenticator_id": id})).await
    });
    page.verify(json!({"push": true})).await.is(400, "invalid_request");
    page.authenticate(json!({"action": "challenge", "challenge_type": "otp"})).await.is_otp_challenge();
    assert_eq!(page.status().await.body["attempts_left"], 5, "switching is no guess");
    page.verify(json!({"otp": world.stack.tenant().otp_code(BOB)})).await.is_tokens();
    assert_eq!(world.received_grant(Grant::PasswordRealm), 1);
}

#[tokio::test]
async fn a_challenge_reaches_the_page_and_its_oob_code_does_not() {
    let (world, mut page, begun) = begun(|bob| bob.sms(PHONE)).await;
    for answer in [&begun, &page.status().await, &page.authenticate(json!({"action": "challenge"})).await] {
        assert!(!answer.body.to_string().contains("Fe26"), "{}", answer.body);
    }
    assert!(!world.table_text().contains("Fe26"), "nor does the table hold it in clear");
}

// --- Refusals.

#[tokio::test]
async fn a_wrong_text_message_code_costs_one_attempt() {
    let (world, mut page, _) = begun(|bob| bob.sms(PHONE)).await;
    let refused = page.verify(json!({"binding_code": not_sent(&world)})).await;
    refused.is(401, "invalid_code");
    assert_eq!(refused.body["attempts_left"], 4);
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
}

#[tokio::test]
async fn a_code_of_a_challenge_that_is_over_costs_no_attempt_and_a_new_one_is_sent() {
    let (world, mut page, _) = begun(|bob| bob.sms(PHONE)).await;
    world.settings(|settings| settings.code_lifetime = Duration::from_mins(1));
    page.authenticate(json!({"action": "challenge"})).await;
    world.advance(Duration::from_secs(61));
    let refused = page.verify(json!({"binding_code": sent(&world)})).await;
    refused.is(401, "invalid_code");
    assert_eq!(refused.body["attempts_left"], 5, "Auth0 has not looked at it");
    let status = page.status().await;
    assert_eq!(status.body["attempts_left"], 5, "nor is it counted");
    assert!(status.body.get("challenge").is_none(), "no challenge is open any more");
    page.authenticate(json!({"action": "challenge"})).await;
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
}

#[tokio::test]
async fn a_wrong_recovery_code_costs_one_attempt() {
    let (world, mut page, _) = begun(|bob| bob.sms(PHONE).recovery_code(RECOVERY_CODE)).await;
    let refused = page.verify(json!({"recovery_code": "ABCDEFGHIJKLMNOPQRSTUVWX"})).await;
    refused.is(401, "invalid_code");
    assert_eq!(refused.body["attempts_left"], 4);
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
}

#[tokio::test]
async fn a_push_refused_on_the_phone_is_challenge_rejected_whichever_way_auth0_says_it() {
    for answer in [PushRefusal::AccessDenied, PushRefusal::InvalidGrant] {
        let (world, mut page, _) = begun(|bob| bob.push("Bob's phone")).await;
        world.settings(|settings| settings.push_refusal = answer);
        assert!(world.stack.tenant().refuse_push(BOB));
        let refused = page.verify(json!({"push": true})).await;
        refused.is(403, "challenge_rejected");
        assert_eq!(refused.set_cookie, None, "the session stays");
        let status = page.status().await;
        assert_eq!(status.body["attempts_left"], 5, "a refusal is no guess");
        assert!(status.body.get("challenge").is_none(), "it is not waited for any more");
        page.verify(json!({"push": true})).await.is(400, "invalid_request");

        // On from here without the password.
        is_push_challenge(&page.authenticate(json!({"action": "challenge"})).await);
        assert!(world.stack.tenant().approve_push(BOB));
        page.verify(json!({"push": true})).await.is_tokens();
    }
}

#[tokio::test]
async fn auth0_is_asked_about_a_push_twelve_times_a_minute_at_most_however_often_the_page_asks() {
    let (world, mut page, _) = begun(|bob| bob.push("Bob's phone")).await;
    for second in 0..60 {
        let answer = page.verify(json!({"push": true})).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        let retry_after = answer.body["retry_after"].as_u64().unwrap();
        assert!((1..=5).contains(&retry_after), "second {second}: {retry_after}");
        world.advance(Duration::from_secs(1));
    }
    let asked = world.received_grant(Grant::MfaOob);
    assert!((11..=12).contains(&asked), "{asked}");
    assert_eq!(page.status().await.body["attempts_left"], 5, "a poll is no guess");
}

#[tokio::test]
async fn the_page_polls_slower_after_a_slow_down_and_stays_slower() {
    let (world, mut page, _) = begun(|bob| bob.push("Bob's phone")).await;
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOob).reply(Reply::error(400, "slow_down", "")));
    is_pending(&page.verify(json!({"push": true})).await, 10);
    world.advance(Duration::from_secs(5));
    assert_eq!(page.verify(json!({"push": true})).await.body["retry_after"], 5, "half of it is over");
    assert_eq!(world.received_grant(Grant::MfaOob), 1, "and Auth0 was not asked");
    world.advance(Duration::from_secs(6));
    is_pending(&page.verify(json!({"push": true})).await, 10);
    assert_eq!(world.received_grant(Grant::MfaOob), 2);
}

#[tokio::test]
async fn a_push_that_nobody_answered_is_over_like_a_refused_one() {
    let (world, mut page, _) = begun(|bob| bob.push("Bob's phone")).await;
    world.settings(|settings| settings.code_lifetime = Duration::from_mins(1));
    page.authenticate(json!({"action": "challenge"})).await;
    world.advance(Duration::from_secs(61));
    page.verify(json!({"push": true})).await.is(403, "challenge_rejected");
    let challenged = page.authenticate(json!({"action": "challenge"})).await;
    assert_eq!(challenged.body["challenge"], json!({"challenge_type": "oob"}));
}

#[tokio::test]
async fn an_authenticator_that_auth0_does_not_know_is_invalid_request_and_the_session_stays() {
    for answer in [UnknownAuthenticator::InvalidAuthenticator, UnknownAuthenticator::InvalidAuthenticatorId] {
        let (world, mut page, _) = begun(|bob| bob.sms(PHONE)).await;
        world.settings(|settings| settings.unknown_authenticator = answer);
        let refused = page.authenticate(json!({"action": "challenge", "authenticator_id": "sms|dev_nobodys"})).await;
        refused.is(400, "invalid_request");
        assert!(refused.body["error_description"].as_str().unwrap().contains("authenticator_id"));
        page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
    }
}

#[tokio::test]
async fn an_unknown_authenticator_at_sign_in_leaves_no_session() {
    let world = World::start().await;
    world.add_user(User::new(BOB, PASSWORD).sms(PHONE));
    let begun = json!({"email": BOB, "password": PASSWORD, "authenticator_id": "sms|dev_nobodys"});
    let refused = world.browser().authenticate(begun).await;
    refused.is(400, "invalid_request");
    assert_eq!(refused.set_cookie, None);
    assert!(world.items().is_empty());
}

#[tokio::test]
async fn a_kind_that_the_user_does_not_have_is_refused_and_another_goes_on_without_the_password() {
    let world = World::start().await;
    world.add_user(User::new(BOB, PASSWORD).sms(PHONE));
    let mut page = world.browser();
    let refused = page.authenticate(json!({"email": BOB, "password": PASSWORD, "challenge_type": "otp"})).await;
    refused.is(400, "unsupported_challenge_type");
    assert!(refused.set_cookie.is_some(), "the sign-in goes on from here");
    assert_eq!(listed(&mut page).await.iter().filter(|(kind, ..)| kind == "sms").count(), 1);
    is_code_challenge(&page.authenticate(json!({"action": "challenge", "challenge_type": "oob"})).await);
    page.authenticate(json!({"action": "challenge", "challenge_type": "otp"}))
        .await
        .is(400, "unsupported_challenge_type");
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
    assert_eq!(world.received_grant(Grant::PasswordRealm), 1);
}

#[tokio::test]
async fn auth0s_budget_for_messages_is_too_many_attempts_and_the_code_sent_last_is_good_still() {
    for (factor, budget) in [("sms", 10), ("email", 20), ("push", 5)] {
        let (world, mut page, _) = begun(|bob| match factor {
            "sms" => bob.sms(PHONE),
            "email" => bob.email_factor(),
            _ => bob.push("Bob's phone"),
        })
        .await;
        for _ in 1..budget {
            assert_eq!(page.authenticate(json!({"action": "challenge"})).await.status, 200, "{factor}");
        }
        let refused = page.authenticate(json!({"action": "challenge"})).await;
        refused.is(429, "too_many_attempts");
        assert_eq!(refused.set_cookie, None, "the session stays");
        assert_eq!(kinds_sent(&world).len(), budget, "{factor}");
        if factor == "push" {
            world.stack.tenant().approve_push(BOB);
            page.verify(json!({"push": true})).await.is_tokens();
        } else {
            page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
        }
    }
}

#[tokio::test]
async fn auth0s_limit_on_polls_is_waited_out() {
    let (world, mut page, _) = begun(|bob| bob.push("Bob's phone")).await;
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOob).reply(Reply::too_many_requests(Some(7))));
    let refused = page.verify(json!({"push": true})).await;
    refused.is(429, "too_many_requests");
    assert_eq!(refused.header("retry-after"), Some("7"));
    world.stack.tenant().approve_push(BOB);
    page.verify(json!({"push": true})).await.is_tokens();
}

#[tokio::test]
async fn a_code_for_a_challenge_of_another_sign_in_is_a_new_challenge_away() {
    let (world, mut page, _) = begun(|bob| bob.sms(PHONE)).await;
    let answer = "The oob_code doesn't match the mfa_token";
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOob).reply(Reply::error(400, "invalid_request", answer)));
    let refused = page.verify(json!({"binding_code": sent(&world)})).await;
    refused.is(401, "invalid_code");
    assert_eq!(refused.body["attempts_left"], 5);
    is_code_challenge(&page.authenticate(json!({"action": "challenge"})).await);
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
}

#[tokio::test]
async fn an_mfa_token_that_is_over_ends_the_sign_in_at_every_action() {
    for action in [json!({"action": "challenge"}), json!({"action": "enroll", "type": "otp"})] {
        for status in [401, 403] {
            let (world, mut page, _) = begun(|bob| bob.sms(PHONE)).await;
            world.settings(|settings| settings.rewordings = vec![Rewording::of("expired_token").status(status)]);
            world.stack.tenant().forget_mfa_tokens();
            page.authenticate(action.clone()).await.is(401, "session_expired");
            assert_eq!(page.cookie, None, "{action}");
            assert!(world.items().is_empty());
        }
    }
}

#[tokio::test]
async fn the_actions_of_a_pending_sign_in_need_one() {
    let world = World::start().await;
    for action in [
        json!({"action": "challenge"}),
        json!({"action": "authenticators"}),
        json!({"action": "enroll", "type": "otp"}),
    ] {
        world.browser().authenticate(action.clone()).await.is(401, "session_expired");
        let mut page = world.browser();
        page.cookie = Some(format!("mfa_session={}", "A".repeat(43)));
        page.authenticate(action).await.is(401, "session_expired");
    }
    assert_eq!(world.requests().len(), 0, "Auth0 is asked nothing");
}

// --- Enrollment.

/// What the page gets to enroll a factor with.
fn enrollment(answer: &Answer) -> &Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!((&answer.body["success"], &answer.body["mfa_required"]), (&json!(true), &json!(true)));
    let enrollment = &answer.body["enrollment"];
    let codes = enrollment["recovery_codes"].as_array().expect("recovery codes");
    assert_eq!(codes.len(), 1);
    assert_eq!(codes[0].as_str().map(str::len), Some(24));
    enrollment
}

#[tokio::test]
async fn a_user_without_a_factor_enrolls_an_authenticator_app() {
    let (world, mut page, begun) = begun(|bob| bob).await;
    assert_eq!(
        begun.body,
        json!({"success": true, "mfa_required": true, "enrollment_required": true, "expires_in": begun.body["expires_in"]})
    );
    assert_eq!(page.status().await.body["enrollment_required"], true);

    let enrolled = page.authenticate(json!({"action": "enroll", "type": "otp"})).await;
    let enrollment = enrollment(&enrolled);
    assert_eq!(enrollment["type"], "otp");
    let secret = enrollment["secret"].as_str().unwrap();
    let uri = enrollment["barcode_uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/") && uri.contains(&format!("secret={secret}")), "{uri}");
    let standing = page.status().await.body;
    assert_eq!(standing["challenge"], json!({"challenge_type": "otp"}));
    assert!(standing.get("enrollment_required").is_none(), "{standing}");

    page.verify(json!({"otp": world.stack.tenant().otp_code(BOB)})).await.is_tokens();
    let mut again = world.browser();
    again.begin_as(BOB, PASSWORD).await.is_otp_challenge();
}

#[tokio::test]
async fn a_user_without_a_factor_enrolls_a_phone_or_an_address() {
    for (body, kind) in [
        (json!({"action": "enroll", "type": "sms", "phone_number": PHONE}), MessageKind::Sms),
        (json!({"action": "enroll", "type": "voice", "phone_number": PHONE}), MessageKind::Voice),
        (json!({"action": "enroll", "type": "email", "email": "bob@work.example"}), MessageKind::Email),
    ] {
        let (world, mut page, _) = begun(|bob| bob).await;
        let enrolled = page.authenticate(body.clone()).await;
        let enrollment = enrollment(&enrolled);
        assert_eq!(enrollment["type"], body["type"]);
        let members: Vec<_> = enrollment.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["recovery_codes", "type"]);
        let inbox = world.stack.tenant().inbox();
        let to = body["phone_number"].as_str().or(body["email"].as_str()).unwrap();
        assert_eq!(inbox.iter().map(|m| (m.kind, m.to.as_str())).collect::<Vec<_>>(), [(kind, to)]);
        page.verify(json!({"binding_code": not_sent(&world)})).await.is(401, "invalid_code");
        page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();

        let mut again = world.browser();
        is_code_challenge(&again.begin_as(BOB, PASSWORD).await);
    }
}

#[tokio::test]
async fn a_user_without_a_factor_enrolls_a_push_device_by_its_qr_code() {
    let (world, mut page, _) = begun(|bob| bob).await;
    let enrolled = page.authenticate(json!({"action": "enroll", "type": "push"})).await;
    let enrollment = enrollment(&enrolled);
    assert!(enrollment["barcode_uri"].as_str().unwrap().contains("enrollment_tx_id="));
    is_pending(&page.verify(json!({"push": true})).await, 5);
    assert!(world.stack.tenant().approve_push(BOB), "scanned");
    world.advance(Duration::from_secs(5));
    page.verify(json!({"push": true})).await.is_tokens();

    let mut again = world.browser();
    is_push_challenge(&again.begin_as(BOB, PASSWORD).await);
}

#[tokio::test]
async fn the_recovery_code_of_an_enrollment_signs_in() {
    let (world, mut page, _) = begun(|bob| bob).await;
    let enrolled = page.authenticate(json!({"action": "enroll", "type": "otp"})).await;
    let recovery_code = enrollment(&enrolled)["recovery_codes"][0].clone();
    page.verify(json!({"otp": world.stack.tenant().otp_code(BOB)})).await.is_tokens();
    let mut again = world.browser();
    again.begin_as(BOB, PASSWORD).await.is_otp_challenge();
    again.verify(json!({"recovery_code": recovery_code})).await.is_tokens();
}

#[tokio::test]
async fn another_factor_can_be_enrolled_as_long_as_none_is_confirmed() {
    let (world, mut page, _) = begun(|bob| bob).await;
    page.authenticate(json!({"action": "enroll", "type": "sms", "phone_number": PHONE})).await;
    let enrolled = page.authenticate(json!({"action": "enroll", "type": "email", "email": BOB})).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.body);
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
    let kinds: Vec<_> = world.stack.tenant().authenticators(BOB).into_iter().filter(|a| a.active).collect();
    assert!(kinds.iter().any(|authenticator| authenticator.id.starts_with("email|")), "{kinds:?}");
    assert!(!kinds.iter().any(|authenticator| authenticator.id.starts_with("sms|")), "{kinds:?}");
}

#[tokio::test]
async fn where_auth0_names_the_factors_to_enroll_the_page_learns_them_in_the_words_of_enroll() {
    let world = World::start().await;
    world.settings(|settings| settings.customizable_mfa = true);
    world.add_user(User::new(BOB, PASSWORD));
    let begun = world.browser().begin_as(BOB, PASSWORD).await;
    assert_eq!(begun.body["enrollment_required"], true);
    let mut factors: Vec<_> = begun.body["factors"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    factors.sort_unstable();
    assert_eq!(factors, ["email", "otp", "push", "sms", "voice"]);
    assert_eq!(world.received(Endpoint::Challenge), 0, "no call is needed to find that out");
}

#[tokio::test]
async fn a_user_who_has_a_factor_enrolls_no_other() {
    for body in [
        json!({"action": "enroll", "type": "otp"}),
        json!({"action": "enroll", "type": "sms", "phone_number": PHONE}),
        json!({"action": "enroll", "type": "push"}),
    ] {
        let (world, mut page, _) = begun(|bob| bob.sms(PHONE)).await;
        page.authenticate(body).await.is(409, "already_enrolled");
        page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
    }
}

#[tokio::test]
async fn a_phone_number_that_is_none_never_reaches_auth0() {
    let (world, mut page, _) = begun(|bob| bob).await;
    for number in ["4915123456789", "+49 151 2345", "+0151234567", "+4", "+1234567890123456", "", "+49151x345678"] {
        let refused = page.authenticate(json!({"action": "enroll", "type": "sms", "phone_number": number})).await;
        refused.is(400, "invalid_request");
        let description = refused.body["error_description"].as_str().unwrap();
        assert!(description.contains("phone_number"), "{description}");
        assert!(number.len() < 3 || !description.contains(number), "the number is not repeated: {description}");
    }
    assert_eq!(world.received(Endpoint::Associate), 0);
    page.authenticate(json!({"action": "enroll", "type": "sms"})).await.is(400, "invalid_request");
    page.authenticate(json!({"action": "enroll", "type": "otp", "phone_number": PHONE}))
        .await
        .is(400, "invalid_request");
    page.authenticate(json!({"action": "enroll", "type": "duo"})).await.is(400, "invalid_request");
}

#[tokio::test]
async fn a_phone_number_that_auth0_does_not_take_is_the_pages_to_correct() {
    let (world, mut page, _) = begun(|bob| bob).await;
    let answer = Reply::error(400, "invalid_request", "The phone number is invalid.");
    world.fault(Fault::at(Endpoint::Associate).reply(answer));
    let body = json!({"action": "enroll", "type": "sms", "phone_number": PHONE});
    let refused = page.authenticate(body.clone()).await;
    refused.is(400, "invalid_request");
    assert!(refused.body["error_description"].as_str().unwrap().contains("phone_number"));
    assert_eq!(page.status().await.body["enrollment_required"], true, "and enrolling goes on");
    enrollment(&page.authenticate(body).await);
    page.verify(json!({"binding_code": sent(&world)})).await.is_tokens();
}

#[tokio::test]
async fn an_otp_and_a_recovery_code_are_taken_whatever_was_challenged() {
    let world = World::start().await;
    world.add_user(User::new(BOB, PASSWORD).otp().sms(PHONE).recovery_code(RECOVERY_CODE));
    let oob = json!({"email": BOB, "password": PASSWORD, "challenge_type": "oob"});
    let mut page = world.browser();
    is_code_challenge(&page.authenticate(oob.clone()).await);
    page.verify(json!({"otp": world.stack.tenant().otp_code(BOB)})).await.is_tokens();
    let mut page = world.browser();
    is_code_challenge(&page.authenticate(oob).await);
    page.verify(json!({"recovery_code": RECOVERY_CODE})).await.is_tokens();
}

#[tokio::test]
async fn the_stacks_own_user_is_not_touched_by_what_others_do() {
    let (world, _, _) = begun(|bob| bob.sms(PHONE)).await;
    let mut ada = world.browser();
    ada.begin().await.is_otp_challenge();
    ada.verify(json!({"otp": world.otp()})).await.is_tokens();
    assert!(world.stack.tenant().inbox().iter().all(|message| message.user != EMAIL));
}
