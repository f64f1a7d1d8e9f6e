//! The `mfa_token`'s form and life.

use std::time::{Duration, UNIX_EPOCH};

use auth0_tenant::{Application, Factor, Rewording, SpentMfaToken, Verdict};
use serde_json::json;

use crate::client::{Client, PHONE, SECRET, ada, builder};

#[tokio::test]
async fn an_mfa_token_looks_like_the_real_one_and_shows_its_expiry() {
    let client = Client::with_otp().await;
    let token = client.mfa_token().await;
    let fields: Vec<&str> = token.split('*').collect();
    assert_eq!(fields.len(), 8);
    assert_eq!(fields[0], "Fe26.2");
    assert!(fields[1].starts_with("SERVER_"));
    assert!((1900..2100).contains(&token.len()), "{}", token.len());
    let expires = client.tenant.clock().now() + Duration::from_mins(10);
    let millis = expires.duration_since(UNIX_EPOCH).unwrap().as_millis();
    assert_eq!(fields[5], millis.to_string());
}

#[tokio::test]
async fn an_mfa_token_expires_everywhere_at_its_end() {
    let client = Client::with_otp().await;
    let token = client.mfa_token().await;
    client.advance(599);
    assert_eq!(client.challenge(&token, json!({})).await.status, 200);
    client.advance(1);
    let expired = (401, "expired_token", "mfa_token is expired");
    assert_eq!(client.challenge(&token, json!({})).await.error(), expired);
    assert_eq!(client.otp(&token, &client.code()).await.error(), expired);
    assert_eq!(client.get("/mfa/authenticators", &token).await.error(), expired);
}

#[tokio::test]
async fn its_life_is_a_setting() {
    let client = Client::with_otp().await;
    client.tenant.configure(|settings| settings.mfa_token_lifetime = Duration::from_mins(5));
    let token = client.mfa_token().await;
    client.advance(300);
    assert_eq!(client.otp(&token, &client.code()).await.text_of("error"), "expired_token");
}

#[tokio::test]
async fn a_garbled_mfa_token_is_malformed() {
    let client = Client::with_otp().await;
    let mut token = client.mfa_token().await;
    token.pop();
    let malformed = (403, "invalid_grant", "Malformed mfa_token");
    for garbled in [token.as_str(), "nonsense"] {
        assert_eq!(client.challenge(garbled, json!({})).await.error(), malformed);
        assert_eq!(client.otp(garbled, &client.code()).await.error(), malformed);
        assert_eq!(
            client.get("/mfa/authenticators", garbled).await.error(),
            (401, "invalid_grant", "The mfa_token provided is invalid. Try getting a new token.")
        );
    }
}

#[tokio::test]
async fn an_mfa_token_is_its_own_clients() {
    let client = Client::with_otp().await;
    client.tenant.add_application(Application::new("other", "other-secret"));
    let token = client.mfa_token().await;
    let answer = client.challenge(&token, json!({"client_id": "other", "client_secret": "other-secret"})).await;
    assert_eq!(answer.error(), (400, "invalid_request", "mfa_token not issued to this client"));
}

#[tokio::test]
async fn a_spent_mfa_token_is_refused_as_the_setting_says() {
    let client = Client::with_otp().await;
    for (spent, expected) in [
        (SpentMfaToken::Expired, (401, "expired_token")),
        (SpentMfaToken::Malformed, (403, "invalid_grant")),
        (SpentMfaToken::StillGood, (200, "")),
    ] {
        client.tenant.configure(|settings| settings.spent_mfa_token = spent);
        let token = client.mfa_token().await;
        assert_eq!(client.otp(&token, &client.code()).await.status, 200);
        let answer = client.otp(&token, &client.code()).await;
        assert_eq!((answer.status, answer.text_of("error")), expected, "{spent:?}");
        client.advance(30);
    }
}

#[tokio::test]
async fn two_mfa_tokens_of_one_user_live_side_by_side() {
    let client = Client::with_otp().await;
    let (one, two) = (client.mfa_token().await, client.mfa_token().await);
    assert_ne!(one, two);
    assert_eq!(client.otp(&two, &client.code()).await.status, 200);
    assert_eq!(client.otp(&one, &client.code()).await.status, 200);
}

#[tokio::test]
async fn a_lost_mfa_token_is_malformed() {
    let client = Client::with_otp().await;
    let token = client.mfa_token().await;
    client.tenant.forget_mfa_tokens();
    let answer = client.otp(&token, &client.code()).await;
    assert_eq!(answer.error(), (403, "invalid_grant", "Malformed mfa_token"));
}

#[tokio::test]
async fn customizable_mfa_names_what_to_challenge_or_enroll() {
    let client = Client::start(builder().user(ada().otp_secret(SECRET).sms(PHONE))).await;
    client.tenant.configure(|settings| settings.customizable_mfa = true);
    assert_eq!(
        client.password().await.body["mfa_requirements"],
        json!({"challenge": [{"type": "otp"}, {"type": "phone"}]})
    );
    client.tenant.set_rule(|_| Verdict::MfaWith(vec![Factor::Sms]));
    assert_eq!(client.password().await.body["mfa_requirements"], json!({"challenge": [{"type": "phone"}]}));

    let client = Client::start(builder().user(ada())).await;
    client.tenant.configure(|settings| settings.customizable_mfa = true);
    assert_eq!(
        client.password().await.body["mfa_requirements"],
        json!({"enroll": [
            {"type": "otp"}, {"type": "phone"}, {"type": "email"}, {"type": "push-notification"},
        ]})
    );
    client.tenant.set_rule(|_| Verdict::EnrollWith(vec![Factor::Otp]));
    let answer = client.password().await;
    assert_eq!(answer.body["mfa_requirements"], json!({"enroll": [{"type": "otp"}]}));
    let mfa_token = answer.text_of("mfa_token");
    let push = client.associate(mfa_token, json!({"authenticator_types": ["oob"], "oob_channels": ["auth0"]})).await;
    assert_eq!(push.status, 400);
    let otp = client.associate(mfa_token, json!({"authenticator_types": ["otp"]})).await;
    assert_eq!(otp.status, 200);
}

#[tokio::test]
async fn a_rewording_changes_one_refusal_and_no_other() {
    let client = Client::with_otp().await;
    client.tenant.configure(|settings| {
        settings.rewordings = vec![
            Rewording::of("expired_token").status(403),
            Rewording::of("invalid_grant")
                .saying("Invalid otp_code.")
                .status(400)
                .to_error("invalid_otp")
                .to_description("Nope."),
        ];
    });
    let token = client.mfa_token().await;
    assert_eq!(client.otp(&token, "000000").await.error(), (400, "invalid_otp", "Nope."));
    assert_eq!(client.otp("nonsense", "000000").await.error(), (403, "invalid_grant", "Malformed mfa_token"));
    client.advance(600);
    assert_eq!(client.otp(&token, "000000").await.error(), (403, "expired_token", "mfa_token is expired"));
}
