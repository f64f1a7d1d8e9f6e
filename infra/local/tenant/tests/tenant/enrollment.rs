//! `/mfa/authenticators` and `/mfa/associate`.

use auth0_tenant::{Factor, MessageKind, Verdict};
use serde_json::{Value, json};

use crate::client::{ADA, BANK, Client, PHONE, SECRET, ada, builder};

async fn unenrolled() -> Client {
    Client::start(builder().user(ada())).await
}

/// An access token of the MFA API, for a user who may have one.
async fn mfa_api_token(client: &Client) -> String {
    let audience = client.tenant.mfa_audience();
    let first = client
        .password_with(&[("audience", &audience), ("scope", "openid enroll read:authenticators remove:authenticators")])
        .await;
    if first.status == 200 {
        return first.text_of("access_token").to_owned();
    }
    let answer = client.otp(first.text_of("mfa_token"), &client.code()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text_of("access_token").to_owned()
}

fn totp(secret: &str, client: &Client) -> String {
    let seconds = client.tenant.clock().now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    totp_rs::Builder::new()
        .with_secret(totp_rs::Secret::try_from_base32(secret).unwrap())
        .build_noncompliant()
        .generate(seconds)
        .to_string()
}

fn entry<'a>(list: &'a Value, prefix: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|entry| entry["id"].as_str().unwrap().starts_with(prefix)).unwrap()
}

#[tokio::test]
async fn the_list_shows_each_factor_in_auth0s_words() {
    let user = ada().otp_secret(SECRET).sms(PHONE).email_factor().push("Ada's phone").recovery_code("R");
    let client = Client::start(builder().user(user)).await;
    let mfa_token = client.mfa_token().await;
    let list = client.get("/mfa/authenticators", &mfa_token).await.body;
    let shape = |entry: &Value| {
        let mut entry = entry.clone();
        let id = entry.as_object_mut().unwrap().remove("id").unwrap();
        let prefix = id.as_str().unwrap().split("dev_").next().unwrap().to_owned();
        (prefix, entry)
    };
    let shapes: Vec<_> = list.as_array().unwrap().iter().map(shape).collect();
    let expected = [
        ("totp|", json!({"authenticator_type": "otp", "active": true})),
        (
            "sms|",
            json!({"authenticator_type": "oob", "active": true, "oob_channel": "sms",
                   "name": "XXXXXXXXXX6789"}),
        ),
        (
            "voice|",
            json!({"authenticator_type": "oob", "active": true, "oob_channel": "voice",
                   "name": "XXXXXXXXXX6789"}),
        ),
        (
            "email|",
            json!({"authenticator_type": "oob", "active": true, "oob_channel": "email",
                   "name": "***@exam*******"}),
        ),
        (
            "push|",
            json!({"authenticator_type": "oob", "active": true, "oob_channel": "auth0",
                   "name": "Ada's phone"}),
        ),
        ("totp|", json!({"authenticator_type": "otp", "active": true})),
        ("recovery-code|", json!({"authenticator_type": "recovery-code", "active": true})),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(prefix, entry)| (prefix.to_owned(), entry)).collect();
    assert_eq!(shapes, expected);

    client.tenant.configure(|settings| settings.customizable_mfa = true);
    let list = client.get("/mfa/authenticators", &mfa_token).await.body;
    assert_eq!(entry(&list, "sms|")["type"], "phone");
    assert_eq!(entry(&list, "push|")["type"], "push-notification");
}

#[tokio::test]
async fn a_verified_address_is_listed_where_the_tenant_takes_it_for_a_factor() {
    let client = Client::start(builder().user(ada().otp())).await;
    client.tenant.configure(|settings| settings.verified_email_is_factor = true);
    let mfa_token = client.mfa_token().await;
    let list = client.get("/mfa/authenticators", &mfa_token).await.body;
    assert_eq!(entry(&list, "email|")["active"], true);
    let challenge = client.challenge(&mfa_token, json!({"challenge_type": "oob"})).await;
    assert_eq!(challenge.text_of("binding_method"), "prompt");
    assert_eq!(client.tenant.inbox()[0].kind, MessageKind::Email);
}

#[tokio::test]
async fn the_list_takes_an_access_token_of_the_mfa_api_with_its_scope() {
    let client = Client::with_otp().await;
    let token = mfa_api_token(&client).await;
    assert_eq!(client.get("/mfa/authenticators", &token).await.status, 200);

    // Of another API, without the scope, none at all.
    let bank = client.sign_in().await;
    let invalid = "The mfa_token provided is invalid. Try getting a new token.";
    assert_eq!(
        client.get("/mfa/authenticators", bank.text_of("access_token")).await.error(),
        (401, "invalid_grant", invalid)
    );
    client.tenant.set_rule(|_| Verdict::NoMfa);
    let audience = client.tenant.mfa_audience();
    let narrow = client.password_with(&[("audience", &audience), ("scope", "openid enroll")]).await;
    let answer = client.get("/mfa/authenticators", narrow.text_of("access_token")).await;
    assert_eq!((answer.status, answer.text_of("error")), (403, "insufficient_scope"));
    let none = crate::client::answer(client.http.get(client.url("/mfa/authenticators"))).await;
    assert_eq!(none.status, 401);

    client.advance(600);
    assert_eq!(client.get("/mfa/authenticators", &token).await.status, 401);
}

#[tokio::test]
async fn an_authenticator_app_is_enrolled_by_its_first_code() {
    let client = unenrolled().await;
    let mfa_token = client.mfa_token().await;
    let answer = client.associate(&mfa_token, json!({"authenticator_types": ["otp"]})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let secret = answer.text_of("secret").to_owned();
    assert_eq!(secret.len(), 32);
    assert_eq!(
        answer.text_of("barcode_uri"),
        format!(
            "otpauth://totp/Simulated%20tenant:ada%40example.com?secret={secret}&issuer=Simulated%20tenant\
             &algorithm=SHA1&digits=6&period=30"
        )
    );
    let recovery = answer.body["recovery_codes"][0].as_str().unwrap().to_owned();
    assert_eq!(recovery.len(), 24);
    let list = client.get("/mfa/authenticators", &mfa_token).await.body;
    assert_eq!(entry(&list, "totp|")["active"], false);
    assert_eq!(entry(&list, "recovery-code|")["active"], false);

    // What was not confirmed is no factor, and its recovery code opens nothing.
    let challenge = client.challenge(&mfa_token, json!({})).await;
    assert_eq!(challenge.text_of("error"), "unsupported_challenge_type");
    assert_eq!(client.recover(&mfa_token, &recovery).await.status, 403);

    assert_eq!(client.otp(&mfa_token, "000000").await.text_of("error"), "invalid_grant");
    let done = client.otp(&mfa_token, &totp(&secret, &client)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(done.body.get("id_token").is_some());
    assert!(client.tenant.authenticators(ADA).iter().all(|a| a.active));

    let mfa_token = client.mfa_token().await;
    assert_eq!(client.recover(&mfa_token, &recovery).await.status, 200);
}

#[tokio::test]
async fn a_phone_an_address_and_a_push_device_are_enrolled_too() {
    for (fields, factors) in [
        (
            json!({"authenticator_types": ["oob"], "oob_channels": ["sms"], "phone_number": PHONE}),
            vec![Factor::Sms, Factor::Voice],
        ),
        (
            json!({"authenticator_types": ["oob"], "oob_channels": ["voice"], "phone_number": PHONE}),
            vec![Factor::Voice],
        ),
        (
            json!({"authenticator_types": ["oob"], "oob_channels": ["email"],
                   "email": "else@example.com"}),
            vec![Factor::Email],
        ),
        (json!({"authenticator_types": ["oob"], "oob_channels": ["auth0"]}), vec![Factor::Push, Factor::Otp]),
    ] {
        let client = unenrolled().await;
        let mfa_token = client.mfa_token().await;
        let answer = client.associate(&mfa_token, fields.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.text_of("authenticator_type"), "oob");
        assert_eq!(answer.body["oob_channel"], fields["oob_channels"][0]);
        assert_eq!(answer.body["recovery_codes"].as_array().unwrap().len(), 1);
        let oob_code = answer.text_of("oob_code");
        let done = if factors[0] == Factor::Push {
            assert!(answer.text_of("barcode_uri").contains("?enrollment_tx_id="));
            assert!(answer.body.get("binding_method").is_none());
            let pending = client.oob(&mfa_token, oob_code, None).await;
            assert_eq!(pending.text_of("error"), "authorization_pending");
            assert!(client.tenant.approve_push(ADA), "scanned");
            client.oob(&mfa_token, oob_code, None).await
        } else {
            assert_eq!(answer.text_of("binding_method"), "prompt");
            let code = client.tenant.sent_code(ADA).unwrap();
            client.oob(&mfa_token, oob_code, Some(&code)).await
        };
        assert_eq!(done.status, 200, "{}", done.text);
        let active: Vec<_> = client
            .tenant
            .authenticators(ADA)
            .into_iter()
            .filter(|a| a.active && a.factor != Factor::RecoveryCode)
            .map(|a| a.factor)
            .collect();
        assert_eq!(active, factors);
        assert_eq!(client.password().await.text_of("error"), "mfa_required");
    }
}

#[tokio::test]
async fn who_has_a_factor_cannot_enroll_with_an_mfa_token() {
    let client = Client::with_otp().await;
    let mfa_token = client.mfa_token().await;
    let answer = client.associate(&mfa_token, json!({"authenticator_types": ["otp"]})).await;
    assert_eq!(answer.error(), (403, "access_denied", "User is already enrolled."));
}

#[tokio::test]
async fn a_further_factor_is_enrolled_and_confirmed_with_an_access_token() {
    let client = Client::with_otp().await;
    let token = mfa_api_token(&client).await;
    let fields = json!({"authenticator_types": ["oob"], "oob_channels": ["sms"],
                        "phone_number": PHONE});
    let answer = client.associate(&token, fields).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.body.get("recovery_codes").is_none());
    let code = client.tenant.sent_code(ADA).unwrap();
    let done = client.oob(&token, answer.text_of("oob_code"), Some(&code)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(client.tenant.authenticators(ADA).iter().any(|a| a.active && a.factor == Factor::Sms));
}

#[tokio::test]
async fn what_cannot_be_enrolled_is_refused() {
    let client = unenrolled().await;
    let mfa_token = client.mfa_token().await;
    let oob = |channel: &str| json!({"authenticator_types": ["oob"], "oob_channels": [channel]});
    let mut bad_phone = oob("sms");
    bad_phone["phone_number"] = json!("0151 2345");
    let table = [
        (json!({}), "Missing required parameter: authenticator_types"),
        (json!({"authenticator_types": ["oob"]}), "Missing required parameter: oob_channels"),
        (json!({"authenticator_types": ["webauthn"]}), "Unsupported authenticator type"),
        (oob("pigeon"), "Unsupported oob channel"),
        (oob("sms"), "Missing required parameter: phone_number"),
        (bad_phone, "The phone number is invalid."),
    ];
    for (fields, description) in table {
        let answer = client.associate(&mfa_token, fields).await;
        assert_eq!(answer.error(), (400, "invalid_request", description));
    }
    client.tenant.configure(|settings| settings.factors = vec![Factor::Otp]);
    assert_eq!(client.associate(&mfa_token, oob("auth0")).await.status, 400);
    let invalid = client.associate("nonsense", json!({"authenticator_types": ["otp"]})).await;
    assert_eq!(invalid.error(), (401, "invalid_grant", "The mfa_token provided is invalid. Try getting a new token."));
    assert!(client.tenant.authenticators(ADA).is_empty());
}

#[tokio::test]
async fn the_client_need_not_be_named_in_an_association_but_must_be_right_if_it_is() {
    let client = unenrolled().await;
    let mfa_token = client.mfa_token().await;
    let mut fields = json!({"authenticator_types": ["otp"], "client_id": "other"});
    let other = client.associate(&mfa_token, fields.clone()).await;
    assert_eq!(other.text_of("error"), "invalid_request");
    fields["client_id"] = json!(crate::client::CLIENT_ID);
    fields["client_secret"] = json!("no");
    let wrong = client.associate(&mfa_token, fields.clone()).await;
    assert_eq!(wrong.error(), (401, "access_denied", "Unauthorized"));
    fields["client_secret"] = json!(crate::client::CLIENT_SECRET);
    assert_eq!(client.associate(&mfa_token, fields).await.status, 200);
}

#[tokio::test]
async fn of_two_associations_the_last_recovery_code_counts() {
    let client = unenrolled().await;
    let mfa_token = client.mfa_token().await;
    let associate = async || client.associate(&mfa_token, json!({"authenticator_types": ["otp"]})).await;
    let first = associate().await;
    let second = associate().await;
    assert_ne!(first.text_of("secret"), second.text_of("secret"));
    let code = totp(second.text_of("secret"), &client);
    assert_eq!(client.otp(&mfa_token, &code).await.status, 200);
    let list = client.tenant.authenticators(ADA);
    assert_eq!(list.iter().filter(|a| a.factor == Factor::Otp).count(), 2);
    assert_eq!(list.iter().filter(|a| a.factor == Factor::Otp && a.active).count(), 1);
    assert_eq!(client.tenant.recovery_code(ADA).as_deref(), second.body["recovery_codes"][0].as_str());
}

#[tokio::test]
async fn recovery_codes_can_be_off() {
    let client = unenrolled().await;
    client.tenant.configure(|settings| settings.recovery_codes = false);
    let mfa_token = client.mfa_token().await;
    let answer = client.associate(&mfa_token, json!({"authenticator_types": ["otp"]})).await;
    assert!(answer.body.get("recovery_codes").is_none());
}

#[tokio::test]
async fn removing_needs_an_access_token_and_takes_the_pair() {
    let client = Client::start(builder().user(ada().otp_secret(SECRET).sms(PHONE))).await;
    let list = client.tenant.authenticators(ADA);
    let sms = &list.iter().find(|a| a.factor == Factor::Sms).unwrap().id;
    let path = format!("/mfa/authenticators/{}", sms.replace('|', "%7C"));

    let mfa_token = client.mfa_token().await;
    assert_eq!(client.delete(&path, &mfa_token).await.status, 401);
    let token = mfa_api_token(&client).await;
    let done = client.delete(&path, &token).await;
    assert_eq!((done.status, done.text.as_str()), (204, ""));
    let left: Vec<_> = client.tenant.authenticators(ADA).iter().map(|a| a.factor).collect();
    assert_eq!(left, [Factor::Otp]);
    let again = client.delete(&path, &token).await;
    assert_eq!((again.status, again.text_of("error")), (404, "not_found"));
}

#[tokio::test]
async fn without_a_factor_the_next_sign_in_has_to_enroll_again() {
    let client = Client::start(builder().user(ada().otp_secret(SECRET).recovery_code("R"))).await;
    let token = mfa_api_token(&client).await;
    let id = client.tenant.authenticators(ADA)[0].id.replace('|', "%7C");
    client.delete(&format!("/mfa/authenticators/{id}"), &token).await;
    assert!(client.tenant.authenticators(ADA).is_empty());
    let answer = client.password_with(&[("audience", BANK)]).await;
    let challenge = client.challenge(answer.text_of("mfa_token"), json!({})).await;
    assert_eq!(challenge.text_of("error"), "unsupported_challenge_type");
}
