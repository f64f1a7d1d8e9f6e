//! The grant `mfa-otp`, and challenges of it.

use auth0_tenant::{Application, BudgetAnswer, Factor, Grant, NoFactor, Verdict};
use serde_json::json;

use crate::client::{ADA, CLIENT_ID, CLIENT_SECRET, Client, PHONE, SECRET, ada, answer, builder};

#[tokio::test]
async fn an_otp_brings_the_tokens_that_the_password_call_asked_for() {
    let client = Client::with_otp().await;
    let answer = client.sign_in().await;
    assert_eq!(answer.text_of("scope"), "openid profile email read:accounts offline_access");
    for field in ["access_token", "id_token", "refresh_token"] {
        assert!(!answer.text_of(field).is_empty(), "{field}");
    }
    assert_eq!(answer.body["expires_in"], 86_400);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_challenge_of_an_otp_says_so_and_nothing_else() {
    let client = Client::with_otp().await;
    let mfa_token = client.mfa_token().await;
    for more in [json!({}), json!({"challenge_type": "otp"}), json!({"challenge_type": "oob otp"})] {
        let answer = client.challenge(&mfa_token, more).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"challenge_type":"otp"}"#));
    }
    let by_form = answer(client.form("/mfa/challenge", &[("mfa_token", &mfa_token), ("challenge_type", "otp")])).await;
    assert_eq!(by_form.text, r#"{"challenge_type":"otp"}"#);
}

#[tokio::test]
async fn an_otp_needs_no_challenge_before_it() {
    let client = Client::with_otp().await;
    let mfa_token = client.mfa_token().await;
    assert_eq!(client.otp(&mfa_token, &client.code()).await.status, 200);
    assert_eq!(client.tenant.received().len(), 2);
}

#[tokio::test]
async fn a_challenge_that_no_factor_fits_is_unsupported() {
    let client = Client::with_otp().await;
    let mfa_token = client.mfa_token().await;
    let answer = client.challenge(&mfa_token, json!({"challenge_type": "oob"})).await;
    assert_eq!(
        answer.error(),
        (
            401,
            "unsupported_challenge_type",
            "User does not have any enrolled authenticator with the supported challenge type (oob)"
        )
    );
}

#[tokio::test]
async fn a_user_without_a_factor_has_to_enroll_one_in_either_way_of_saying_so() {
    let client = Client::start(builder().user(ada())).await;
    let mfa_token = client.mfa_token().await;
    let ask = async || client.challenge(&mfa_token, json!({"challenge_type": "otp oob"})).await;
    assert_eq!(ask().await.text_of("error"), "unsupported_challenge_type");
    client.tenant.configure(|settings| settings.no_factor = NoFactor::AssociationRequired);
    let answer = ask().await;
    assert_eq!((answer.status, answer.text_of("error")), (401, "association_required"));
}

#[tokio::test]
async fn a_challenge_proves_the_client() {
    let client = Client::with_otp().await;
    let mfa_token = client.mfa_token().await;
    let wrong = client.challenge(&mfa_token, json!({"client_secret": "no"})).await;
    assert_eq!(wrong.error(), (401, "access_denied", "Unauthorized"));
}

#[tokio::test]
async fn without_any_mfa_grant_there_is_no_challenge_and_no_code() {
    let client = Client::with_otp().await;
    let mfa_token = client.mfa_token().await;
    client.tenant.add_application(Application::new(CLIENT_ID, CLIENT_SECRET).grants([
        Grant::Password,
        Grant::PasswordRealm,
        Grant::RefreshToken,
    ]));
    for answer in [client.challenge(&mfa_token, json!({})).await, client.otp(&mfa_token, &client.code()).await] {
        assert_eq!(
            answer.error(),
            (
                403,
                "unauthorized_client",
                "Grant type 'http://auth0.com/oauth/grant-type/mfa-otp' not allowed for the client."
            )
        );
    }
}

#[tokio::test]
async fn a_wrong_otp_is_refused_and_the_mfa_token_stays_good() {
    let client = Client::with_otp().await;
    let mfa_token = client.mfa_token().await;
    for wrong in ["000000", "12345", "abcdef", "1234567"] {
        let answer = client.otp(&mfa_token, wrong).await;
        assert_eq!(answer.error(), (403, "invalid_grant", "Invalid otp_code."));
    }
    assert_eq!(client.otp(&mfa_token, &client.code()).await.status, 200);
}

#[tokio::test]
async fn the_code_of_the_step_before_is_taken_and_the_one_before_that_is_not() {
    let client = Client::with_otp().await;
    let code = client.code();
    let mfa_token = client.mfa_token().await;
    // The clock starts at the beginning of a step.
    client.advance(59);
    assert_eq!(client.otp(&mfa_token, &code).await.status, 200);

    client.advance(31);
    let code = client.code();
    let mfa_token = client.mfa_token().await;
    client.advance(60);
    assert_eq!(client.otp(&mfa_token, &code).await.error(), (403, "invalid_grant", "Invalid otp_code."));
}

#[tokio::test]
async fn a_code_of_the_future_is_refused() {
    let client = Client::with_otp().await;
    let mfa_token = client.mfa_token().await;
    let at = client.tenant.clock().now() + std::time::Duration::from_secs(30);
    let code = client.tenant.otp_code_at(ADA, at).unwrap();
    assert_eq!(client.otp(&mfa_token, &code).await.status, 403);
}

#[tokio::test]
async fn a_used_otp_is_refused_the_second_time() {
    let client = Client::with_otp().await;
    let code = client.tenant.otp_code(ADA).unwrap();
    let first = client.mfa_token().await;
    assert_eq!(client.otp(&first, &code).await.status, 200);
    let second = client.mfa_token().await;
    assert_eq!(client.otp(&second, &code).await.error(), (403, "invalid_grant", "Invalid otp_code."));
    client.advance(30);
    assert_eq!(client.otp(&second, &code).await.status, 403);
    assert_eq!(client.otp(&second, &client.code()).await.status, 200);
}

#[tokio::test]
async fn ten_wrong_codes_use_up_the_users_budget_and_six_minutes_give_one_back() {
    let client = Client::with_otp().await;
    client.tenant.configure(|settings| settings.mfa_token_lifetime = std::time::Duration::from_hours(2));
    let mfa_token = client.mfa_token().await;
    for _ in 0..10 {
        assert_eq!(client.otp(&mfa_token, "000000").await.status, 403);
    }
    let spent = (400, "invalid_request", "Too many failed codes. Wait for some minutes before retrying.");
    // Even the right one, and with a new mfa_token: the budget is the user's.
    let another = client.mfa_token().await;
    assert_eq!(client.otp(&another, &client.code()).await.error(), spent);
    client.advance(359);
    assert_eq!(client.otp(&mfa_token, &client.code()).await.error(), spent);
    client.advance(1);
    assert_eq!(client.otp(&mfa_token, "000000").await.text_of("error"), "invalid_grant");
    assert_eq!(client.otp(&mfa_token, &client.code()).await.error(), spent);
    client.tenant.configure(|settings| settings.budget_answer = BudgetAnswer::TooManyAttempts);
    let answer = client.otp(&mfa_token, &client.code()).await;
    assert_eq!(answer.error(), (429, "too_many_attempts", spent.2));
}

#[tokio::test]
async fn a_success_gives_no_wrong_code_back() {
    let client = Client::with_otp().await;
    let mfa_token = client.mfa_token().await;
    for _ in 0..4 {
        client.otp(&mfa_token, "000000").await;
    }
    assert_eq!(client.otp(&mfa_token, &client.code()).await.status, 200);
    assert_eq!(client.tenant.wrong_codes_left(ADA), Some(6));
    client.tenant.refill_budgets(ADA);
    assert_eq!(client.tenant.wrong_codes_left(ADA), Some(10));
}

#[tokio::test]
async fn a_chain_asks_for_one_factor_after_the_other_with_a_new_mfa_token_each() {
    let user = ada().otp_secret(SECRET).sms(PHONE).chain([[Factor::Otp], [Factor::Sms]]);
    let client = Client::start(builder().user(user)).await;
    let first = client.mfa_token().await;

    // The first step takes an OTP only.
    let sms = client.challenge(&first, json!({"challenge_type": "oob"})).await;
    assert_eq!(sms.text_of("error"), "unsupported_challenge_type");
    let answer = client.otp(&first, &client.code()).await;
    assert_eq!(answer.error(), (403, "mfa_required", "Multifactor authentication required"));
    let second = answer.text_of("mfa_token").to_owned();
    assert_ne!(first, second);
    assert_eq!(client.otp(&first, &client.code()).await.text_of("error"), "expired_token");

    // The second step takes an SMS only.
    let otp = client.otp(&second, &client.code()).await;
    assert_eq!(otp.text_of("error"), "unsupported_challenge_type");
    let challenge = client.challenge(&second, json!({"challenge_type": "oob"})).await;
    let code = client.tenant.sent_code(ADA).unwrap();
    let done = client.oob(&second, challenge.text_of("oob_code"), Some(&code)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(done.body.get("refresh_token").is_some());
}

#[tokio::test]
async fn a_rule_that_is_not_content_with_the_factor_asks_for_another() {
    let client = Client::start(builder().user(ada().otp_secret(SECRET).sms(PHONE))).await;
    client.tenant.set_rule(
        |login| {
            if login.methods.is_empty() { Verdict::Mfa } else { Verdict::MfaWith(vec![Factor::Sms]) }
        },
    );
    let first = client.mfa_token().await;
    let answer = client.otp(&first, &client.code()).await;
    assert_eq!(answer.text_of("error"), "mfa_required");
    let second = answer.text_of("mfa_token").to_owned();
    let challenge = client.challenge(&second, json!({})).await;
    let code = client.tenant.sent_code(ADA).unwrap();
    let done = client.oob(&second, challenge.text_of("oob_code"), Some(&code)).await;
    assert_eq!(done.status, 200);
}

#[tokio::test]
async fn a_rule_may_deny_after_the_factor() {
    let client = Client::with_otp().await;
    client.tenant.set_rule(|login| {
        if login.methods == [Factor::Otp] { Verdict::Deny("Too late.".to_owned()) } else { Verdict::Continue }
    });
    let mfa_token = client.mfa_token().await;
    let answer = client.otp(&mfa_token, &client.code()).await;
    assert_eq!(answer.error(), (403, "access_denied", "Too late."));
}

#[tokio::test]
async fn of_two_uses_of_one_code_at_once_one_is_refused() {
    let client = Client::with_otp().await;
    let (one, two) = (client.mfa_token().await, client.mfa_token().await);
    let code = client.code();
    let (one, two) = tokio::join!(client.otp(&one, &code), client.otp(&two, &code));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
    assert_eq!(client.tenant.most_in_flight().of_one_mfa_token, 1);
}

#[tokio::test]
async fn tokens_go_on_working_when_many_logins_have_been_forgotten() {
    let client = Client::with_otp().await;
    let first = client.sign_in().await;
    // Every so often the tenant forgets what has been over for an hour.
    for _ in 0..600 {
        client.password().await;
        client.advance(60);
    }
    let answer = client.refresh(first.text_of("refresh_token"), None).await;
    assert_eq!(answer.text_of("error"), "mfa_required");
    let expired = client.mfa_token().await;
    client.advance(600);
    assert_eq!(client.otp(&expired, &client.code()).await.text_of("error"), "expired_token");
    assert_eq!(client.sign_in().await.status, 200);
}
