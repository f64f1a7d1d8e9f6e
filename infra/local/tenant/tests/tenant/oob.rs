//! SMS, calls, e-mails, pushes and the recovery code.

use auth0_tenant::{Answer, Factor, MessageKind, PushRefusal, UnknownAuthenticator, User};
use serde_json::json;

use crate::client::{self, ADA, Client, PHONE, SECRET, ada, builder};

async fn start(user: User) -> Client {
    Client::start(builder().user(user)).await
}

/// An out-of-band challenge: the `mfa_token` and the challenge's answer.
async fn challenged(client: &Client) -> (String, client::Answer) {
    let mfa_token = client.mfa_token().await;
    let answer = client.challenge(&mfa_token, json!({"challenge_type": "oob"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    (mfa_token, answer)
}

fn id_of(client: &Client, factor: Factor) -> String {
    let mut all = client.tenant.authenticators(ADA).into_iter();
    all.find(|a| a.factor == factor).unwrap().id
}

#[tokio::test]
async fn a_code_by_sms_voice_or_email_is_asked_for_by_a_prompt_and_lets_in() {
    for (user, kind, to) in [
        (ada().sms(PHONE), MessageKind::Sms, PHONE),
        (ada().voice(PHONE), MessageKind::Voice, PHONE),
        (ada().email_factor(), MessageKind::Email, ADA),
    ] {
        let client = start(user).await;
        let (mfa_token, challenge) = challenged(&client).await;
        assert_eq!(challenge.text_of("challenge_type"), "oob");
        assert_eq!(challenge.text_of("binding_method"), "prompt");
        let oob_code = challenge.text_of("oob_code");
        assert!(oob_code.starts_with("Fe26.2*SERVER_"));
        assert!((550..700).contains(&oob_code.len()), "{}", oob_code.len());

        let message = client.tenant.inbox().pop().unwrap();
        assert_eq!((message.kind, message.to.as_str()), (kind, to));
        let code = message.code.unwrap();
        let done = client.oob(&mfa_token, oob_code, Some(&code)).await;
        assert_eq!(done.status, 200, "{}", done.text);
    }
}

#[tokio::test]
async fn a_wrong_binding_code_is_refused_and_the_challenge_stays_good() {
    let client = start(ada().sms(PHONE)).await;
    let (mfa_token, challenge) = challenged(&client).await;
    let oob_code = challenge.text_of("oob_code");
    assert_eq!(
        client.oob(&mfa_token, oob_code, Some("wrong")).await.error(),
        (403, "invalid_grant", "Invalid binding_code.")
    );
    assert_eq!(
        client.oob(&mfa_token, oob_code, None).await.error(),
        (400, "invalid_request", "Missing required parameter: binding_code")
    );
    assert_eq!(client.tenant.wrong_codes_left(ADA), Some(9));
    let code = client.tenant.sent_code(ADA).unwrap();
    assert_eq!(client.oob(&mfa_token, oob_code, Some(&code)).await.status, 200);
}

#[tokio::test]
async fn a_sent_code_is_good_for_one_use() {
    let client = start(ada().sms(PHONE)).await;
    client.tenant.configure(|s| s.spent_mfa_token = auth0_tenant::SpentMfaToken::StillGood);
    let (mfa_token, challenge) = challenged(&client).await;
    let oob_code = challenge.text_of("oob_code");
    let code = client.tenant.sent_code(ADA).unwrap();
    assert_eq!(client.oob(&mfa_token, oob_code, Some(&code)).await.status, 200);
    assert_eq!(client.oob(&mfa_token, oob_code, Some(&code)).await.status, 403);
}

#[tokio::test]
async fn a_sent_code_lives_five_minutes() {
    let client = start(ada().sms(PHONE)).await;
    let (mfa_token, challenge) = challenged(&client).await;
    let code = client.tenant.sent_code(ADA).unwrap();
    client.advance(300);
    let late = client.oob(&mfa_token, challenge.text_of("oob_code"), Some(&code)).await;
    assert_eq!(late.error(), (401, "expired_token", "oob_code is expired"));
}

#[tokio::test]
async fn an_oob_code_belongs_to_its_mfa_token_and_must_be_whole() {
    let client = start(ada().sms(PHONE)).await;
    let (_, challenge) = challenged(&client).await;
    let code = client.tenant.sent_code(ADA).unwrap();
    let another = client.mfa_token().await;
    assert_eq!(
        client.oob(&another, challenge.text_of("oob_code"), Some(&code)).await.error(),
        (400, "invalid_request", "The oob_code doesn't match the mfa_token")
    );
    assert_eq!(
        client.oob(&another, "nonsense", Some(&code)).await.error(),
        (403, "invalid_grant", "Malformed oob_code")
    );
}

#[tokio::test]
async fn a_second_challenge_sends_a_second_code_and_each_has_its_own() {
    let client = start(ada().sms(PHONE)).await;
    let (mfa_token, first) = challenged(&client).await;
    let first_code = client.tenant.sent_code(ADA).unwrap();
    let second = client.challenge(&mfa_token, json!({"challenge_type": "oob"})).await;
    let second_code = client.tenant.sent_code(ADA).unwrap();
    if first_code != second_code {
        let crossed = client.oob(&mfa_token, second.text_of("oob_code"), Some(&first_code)).await;
        assert_eq!(crossed.text_of("error"), "invalid_grant");
    }
    let done = client.oob(&mfa_token, first.text_of("oob_code"), Some(&first_code)).await;
    assert_eq!(done.status, 200);
}

#[tokio::test]
async fn the_tenant_chooses_the_factor_that_was_enrolled_first_or_the_one_that_is_named() {
    let client = start(ada().otp_secret(SECRET).sms(PHONE).email_factor()).await;
    let mfa_token = client.mfa_token().await;
    let any = client.challenge(&mfa_token, json!({})).await;
    assert_eq!(any.text, r#"{"challenge_type":"otp"}"#);
    let oob = client.challenge(&mfa_token, json!({"challenge_type": "oob"})).await;
    assert_eq!(oob.status, 200);
    assert_eq!(client.tenant.inbox().pop().unwrap().kind, MessageKind::Sms);
    let email = id_of(&client, Factor::Email);
    let named = client.challenge(&mfa_token, json!({"challenge_type": "oob", "authenticator_id": email})).await;
    assert_eq!(named.status, 200);
    assert_eq!(client.tenant.inbox().pop().unwrap().kind, MessageKind::Email);
}

#[tokio::test]
async fn an_authenticator_must_be_known_and_of_the_type_that_is_asked_for() {
    let client = start(ada().otp_secret(SECRET).sms(PHONE).recovery_code("R")).await;
    let mfa_token = client.mfa_token().await;
    let ask = async |id: &str, kind: &str| {
        client.challenge(&mfa_token, json!({"challenge_type": kind, "authenticator_id": id})).await
    };
    let unknown = ask("sms|dev_0000000000000000", "oob").await;
    assert_eq!((unknown.status, unknown.text_of("error")), (404, "invalid_authenticator"));
    let sms = id_of(&client, Factor::Sms);
    assert_eq!(ask(&sms, "otp").await.text_of("error"), "unsupported_challenge_type");
    let recovery = id_of(&client, Factor::RecoveryCode);
    assert_eq!(ask(&recovery, "otp oob").await.text_of("error"), "unsupported_challenge_type");
    client.tenant.configure(|settings| {
        settings.unknown_authenticator = UnknownAuthenticator::InvalidAuthenticatorId;
    });
    let unknown = ask("sms|dev_0000000000000000", "oob").await;
    assert_eq!((unknown.status, unknown.text_of("error")), (400, "invalid_authenticator_id"));
}

#[tokio::test]
async fn a_push_is_pending_until_it_is_approved() {
    let client = start(ada().push("Ada's phone")).await;
    let (mfa_token, challenge) = challenged(&client).await;
    assert_eq!(challenge.text_of("challenge_type"), "oob");
    assert!(challenge.body.get("binding_method").is_none());
    let oob_code = challenge.text_of("oob_code");
    assert_eq!(
        client.oob(&mfa_token, oob_code, None).await.error(),
        (400, "authorization_pending", "Authorization pending: please repeat the request in a few seconds.")
    );
    assert!(client.tenant.approve_push(ADA));
    assert!(!client.tenant.approve_push(ADA), "nothing waits any more");
    assert_eq!(client.tenant.inbox()[0].answer, Some(Answer::Approved));
    assert_eq!(client.oob(&mfa_token, oob_code, None).await.status, 200);
}

#[tokio::test]
async fn a_refused_push_is_said_in_either_way() {
    let client = start(ada().push("Ada's phone")).await;
    for (shape, expected) in [
        (PushRefusal::AccessDenied, (400, "access_denied", "MFA Authorization rejected.")),
        (PushRefusal::InvalidGrant, (403, "invalid_grant", "MFA Authorization rejected.")),
    ] {
        client.tenant.configure(|settings| settings.push_refusal = shape);
        let (mfa_token, challenge) = challenged(&client).await;
        assert!(client.tenant.refuse_push(ADA));
        let answer = client.oob(&mfa_token, challenge.text_of("oob_code"), None).await;
        assert_eq!(answer.error(), expected);
        // After a refusal another push may be asked for with the same mfa_token.
        let again = client.challenge(&mfa_token, json!({"challenge_type": "oob"})).await;
        assert!(client.tenant.approve_push(ADA));
        assert_eq!(client.oob(&mfa_token, again.text_of("oob_code"), None).await.status, 200);
    }
}

#[tokio::test]
async fn polling_more_than_twelve_times_a_minute_is_too_fast() {
    let client = start(ada().push("Ada's phone")).await;
    let (mfa_token, challenge) = challenged(&client).await;
    let oob_code = challenge.text_of("oob_code");
    for _ in 0..12 {
        let answer = client.oob(&mfa_token, oob_code, None).await;
        assert_eq!(answer.text_of("error"), "authorization_pending");
    }
    let fast = client.oob(&mfa_token, oob_code, None).await;
    assert_eq!((fast.status, fast.text_of("error")), (400, "slow_down"));
    client.advance(5);
    let answer = client.oob(&mfa_token, oob_code, None).await;
    assert_eq!(answer.text_of("error"), "authorization_pending");
}

#[tokio::test]
async fn a_push_phone_is_an_otp_too() {
    let client = start(ada().push("Ada's phone")).await;
    let mfa_token = client.mfa_token().await;
    let otp = client.challenge(&mfa_token, json!({"challenge_type": "otp"})).await;
    assert_eq!(otp.status, 200);
    assert_eq!(client.otp(&mfa_token, &client.code()).await.status, 200);
}

#[tokio::test]
async fn each_way_of_sending_has_its_own_limit() {
    let sms = "Too many SMS sent by the user. Wait for some minutes before retrying.";
    for (user, limit, wait, text) in [
        (ada().sms(PHONE), 10, 3600, Some(sms)),
        (ada().email_factor(), 20, 60, None),
        (ada().push("Ada's phone"), 5, 12, None),
    ] {
        let client = start(user).await;
        client.tenant.configure(|s| s.mfa_token_lifetime = std::time::Duration::from_hours(2));
        let mfa_token = client.mfa_token().await;
        let ask = async || client.challenge(&mfa_token, json!({"challenge_type": "oob"})).await;
        for _ in 0..limit {
            assert_eq!(ask().await.status, 200);
        }
        let answer = ask().await;
        assert_eq!((answer.status, answer.text_of("error")), (400, "invalid_request"));
        if let Some(text) = text {
            assert_eq!(answer.text_of("error_description"), text);
        }
        client.advance(wait);
        assert_eq!(ask().await.status, 200);
        assert_eq!(ask().await.status, 400);
    }
}

#[tokio::test]
async fn a_recovery_code_lets_in_once_and_brings_its_replacement() {
    let code = "ABCDEFGHIJKLMNOPQRSTUVWX";
    let client = start(ada().otp().recovery_code(code)).await;
    let mfa_token = client.mfa_token().await;
    let answer = client.recover(&mfa_token, code).await;
    assert_eq!(answer.status, 200);
    let next = answer.text_of("recovery_code").to_owned();
    assert_eq!(next.len(), 24);
    assert_eq!(client.tenant.recovery_code(ADA).as_deref(), Some(next.as_str()));

    let mfa_token = client.mfa_token().await;
    assert_eq!(client.recover(&mfa_token, code).await.error(), (403, "invalid_grant", "MFA Authorization rejected."));
    assert_eq!(client.recover(&mfa_token, &next).await.status, 200);
}

#[tokio::test]
async fn ten_wrong_recovery_codes_use_up_a_budget_of_their_own() {
    let code = "ABCDEFGHIJKLMNOPQRSTUVWX";
    let client = start(ada().otp().recovery_code(code)).await;
    let mfa_token = client.mfa_token().await;
    for _ in 0..10 {
        assert_eq!(client.recover(&mfa_token, "wrong").await.status, 403);
    }
    assert_eq!(client.recover(&mfa_token, code).await.text_of("error"), "invalid_request");
    assert_eq!(client.otp(&mfa_token, &client.code()).await.status, 200);
}

#[tokio::test]
async fn every_message_is_told_as_it_is_sent() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let client = Client::start(
        builder().user(ada().sms(PHONE)).on_message(move |message| sender.send(message.clone()).unwrap()),
    )
    .await;
    challenged(&client).await;
    let message = receiver.try_recv().unwrap();
    assert_eq!(message.to, PHONE);
    let code = message.code.clone().unwrap();
    assert!(!format!("{message:?}").contains(&code));
}
