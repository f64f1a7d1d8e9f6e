//! What the live service was recorded to answer, fact by fact, and the tenant's answer to the same.
//!
//! The facts are taken from the recordings in `auth0/go-auth0`,
//! `test/data/recordings/authentication/`, and are told here in our own words: the status, the
//! content type, the names of the body's fields, and the values that are not random.

use serde_json::{Value, json};

use crate::client::{ADA, Answer, Client, PHONE, SECRET, ada, builder, no_mfa};

struct Fact {
    /// The recording's name.
    recording: &'static str,
    status: u16,
    content_type: &'static str,
    fields: &'static [&'static str],
    /// Fields with exactly this value.
    values: Value,
}

impl Fact {
    fn check(&self, answer: &Answer) {
        let name = self.recording;
        assert_eq!(answer.status, self.status, "{name}: {}", answer.text);
        assert_eq!(answer.header("content-type"), Some(self.content_type), "{name}");
        let mut fields: Vec<&str> = match &answer.body {
            Value::Object(body) => body.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        fields.sort_unstable();
        let mut expected = self.fields.to_vec();
        expected.sort_unstable();
        assert_eq!(fields, expected, "{name}");
        for (field, value) in self.values.as_object().unwrap() {
            assert_eq!(&answer.body[field], value, "{name}: {field}");
        }
    }
}

const JSON: &str = "application/json";
const JSON_UTF8: &str = "application/json; charset=utf-8";

async fn push_user() -> Client {
    let user = ada().push("Ada's phone").recovery_code("M67LWV6ZJGNDUGH43BADW46N");
    Client::start(builder().user(user)).await
}

/// A pending push: the `mfa_token` and the `oob_code`.
async fn pushed(client: &Client) -> (String, String) {
    // Without offline_access and e-mail, as in the recordings.
    let answer = client.password_with(&[("scope", "openid profile")]).await;
    let mfa_token = answer.text_of("mfa_token").to_owned();
    let challenge = client.challenge(&mfa_token, json!({"challenge_type": "oob"})).await;
    (mfa_token, challenge.text_of("oob_code").to_owned())
}

#[tokio::test]
async fn a_push_challenge() {
    let client = push_user().await;
    let mfa_token = client.mfa_token().await;
    let push = client.tenant.authenticators(ADA)[0].id.clone();
    let answer = client.challenge(&mfa_token, json!({"challenge_type": "oob", "authenticator_id": push})).await;
    Fact {
        recording: "TestMFAChallenge/Should_make_a_challenge_request_using_OOB",
        status: 200,
        content_type: JSON_UTF8,
        fields: &["challenge_type", "oob_code"],
        values: json!({"challenge_type": "oob"}),
    }
    .check(&answer);
}

#[tokio::test]
async fn an_otp_challenge() {
    let client = Client::with_otp().await;
    let mfa_token = client.mfa_token().await;
    let totp = client.tenant.authenticators(ADA)[0].id.clone();
    let answer = client.challenge(&mfa_token, json!({"challenge_type": "otp", "authenticator_id": totp})).await;
    let fact = Fact {
        recording: "TestMFAChallenge/Should_make_a_challenge_request_using_OTP",
        status: 200,
        content_type: JSON_UTF8,
        fields: &["challenge_type"],
        values: json!({"challenge_type": "otp"}),
    };
    fact.check(&answer);
    assert_eq!(answer.text.len(), 24, "{}", fact.recording);
}

#[tokio::test]
async fn a_challenge_request_has_the_size_of_the_recorded_one() {
    let client = Client::with_otp().await;
    let mfa_token = client.mfa_token().await;
    let body = json!({
        "authenticator_id": "push|dev_ADbB4Y2ozSOwynKu", "challenge_type": "oob",
        "client_id": "c".repeat(32), "client_secret": "s".repeat(64), "mfa_token": mfa_token,
    });
    let size = body.to_string().len();
    assert!(size.abs_diff(2203) < 8, "{size} bytes, recorded 2203");
}

#[tokio::test]
async fn a_push_that_waits_is_refused_or_is_approved() {
    let client = push_user().await;
    let (mfa_token, oob_code) = pushed(&client).await;
    Fact {
        recording: "TestMFAVerifyWithOOB/Should_return_an_error_when_requesting_before_authorizing",
        status: 400,
        content_type: JSON,
        fields: &["error", "error_description"],
        values: json!({
            "error": "authorization_pending",
            "error_description": "Authorization pending: please repeat the request in a few seconds.",
        }),
    }
    .check(&client.oob(&mfa_token, &oob_code, None).await);

    client.tenant.refuse_push(ADA);
    Fact {
        recording: "TestMFAVerifyWithOOB/…_when_authorization_has_been_denied",
        status: 400,
        content_type: JSON,
        fields: &["error", "error_description"],
        values: json!({
            "error": "access_denied",
            "error_description": "MFA Authorization rejected.",
        }),
    }
    .check(&client.oob(&mfa_token, &oob_code, None).await);

    let (mfa_token, oob_code) = pushed(&client).await;
    client.tenant.approve_push(ADA);
    Fact {
        recording: "TestMFAVerifyWithOOB/Should_return_tokens_when_authorization_is_approved",
        status: 200,
        content_type: JSON,
        // The recordings were made without their id_token, which the scope says there was.
        fields: &["access_token", "expires_in", "id_token", "scope", "token_type"],
        values: json!({"expires_in": 86400, "scope": "openid profile", "token_type": "Bearer"}),
    }
    .check(&client.oob(&mfa_token, &oob_code, None).await);
}

#[tokio::test]
async fn an_otp_that_is_right() {
    let client = Client::with_otp().await;
    let answer = client.password_with(&[("scope", "openid profile")]).await;
    let done = client.otp(answer.text_of("mfa_token"), &client.code()).await;
    Fact {
        recording: "TestMFAVerifyWithOTP/Should_return_tokens_for_a_valid_request",
        status: 200,
        content_type: JSON,
        fields: &["access_token", "expires_in", "id_token", "scope", "token_type"],
        values: json!({"expires_in": 86400, "scope": "openid profile", "token_type": "Bearer"}),
    }
    .check(&done);
}

#[tokio::test]
async fn a_recovery_code_that_is_right() {
    let client = push_user().await;
    let answer = client.password_with(&[("scope", "openid profile")]).await;
    let done = client.recover(answer.text_of("mfa_token"), "M67LWV6ZJGNDUGH43BADW46N").await;
    Fact {
        recording: "TestMFAVerifyWithRecoveryCode/Should_return_tokens_for_a_valid_request",
        status: 200,
        content_type: JSON,
        fields: &["access_token", "expires_in", "id_token", "recovery_code", "scope", "token_type"],
        values: json!({"expires_in": 86400, "scope": "openid profile", "token_type": "Bearer"}),
    }
    .check(&done);
    // The recorded replacement has 24 characters.
    assert_eq!(done.text_of("recovery_code").len(), 24);
}

#[tokio::test]
async fn associations() {
    let table = [
        (
            json!({"authenticator_types": ["oob"], "oob_channels": ["auth0"]}),
            Fact {
                recording: "TestMFAAddAuthenticator/Should_return_response_for_OOB_(Auth0_channel)",
                status: 200,
                content_type: JSON_UTF8,
                fields: &["authenticator_type", "barcode_uri", "oob_channel", "oob_code"],
                values: json!({"authenticator_type": "oob", "oob_channel": "auth0"}),
            },
        ),
        (
            json!({"authenticator_types": ["oob"], "oob_channels": ["sms"], "phone_number": PHONE}),
            Fact {
                recording: "TestMFAAddAuthenticator/Should_return_response_for_OOB_(SMS_channel)",
                status: 200,
                content_type: JSON_UTF8,
                fields: &["authenticator_type", "binding_method", "oob_channel", "oob_code", "recovery_codes"],
                values: json!({
                    "authenticator_type": "oob", "binding_method": "prompt", "oob_channel": "sms",
                }),
            },
        ),
        (
            json!({"authenticator_types": ["otp"]}),
            Fact {
                recording: "TestMFAAddAuthenticator/Should_return_response_for_OTP",
                status: 200,
                content_type: JSON_UTF8,
                fields: &["authenticator_type", "barcode_uri", "secret"],
                values: json!({"authenticator_type": "otp"}),
            },
        ),
    ];
    for (fields, fact) in table {
        let client = Client::start(builder().user(ada())).await;
        // Two of the three were recorded of a user who had been given recovery codes before.
        let with_codes = fact.fields.contains(&"recovery_codes");
        client.tenant.configure(|settings| settings.recovery_codes = with_codes);
        let mfa_token = client.mfa_token().await;
        let answer = client.associate(&mfa_token, fields).await;
        fact.check(&answer);
        if fact.fields.contains(&"secret") {
            assert_eq!(answer.text_of("secret").len(), 32, "160 bits in base32");
        }
        if fact.fields.contains(&"oob_code") {
            assert_eq!(answer.text_of("oob_code").split('*').count(), 8);
            let size = answer.text_of("oob_code").len();
            assert!((550..750).contains(&size), "{size}");
        }
    }
}

#[tokio::test]
async fn the_list_of_authenticators_and_a_removal() {
    let client = Client::start(builder().user(ada().otp_secret(SECRET))).await;
    let audience = client.tenant.mfa_audience();
    let first = client.password_with(&[("audience", &audience)]).await;
    let tokens = client.otp(first.text_of("mfa_token"), &client.code()).await;
    let token = tokens.text_of("access_token");
    let list = client.get("/mfa/authenticators", token).await;
    Fact {
        recording: "TestMFAListAuthenticators",
        status: 200,
        content_type: JSON_UTF8,
        fields: &[],
        values: json!({}),
    }
    .check(&list);
    let entries = list.body.as_array().unwrap();
    let id = entries[0]["id"].as_str().unwrap();
    // The recorded id: the factor, a bar, `dev_` and sixteen letters or digits.
    assert_eq!(id.len(), "totp|dev_WzMZ2sZbUw1wbC2F".len());

    let removed = client.delete(&format!("/mfa/authenticators/{}", id.replace('|', "%7C")), token).await;
    Fact { recording: "TestMFADeleteAuthenticator", status: 204, content_type: JSON, fields: &[], values: json!({}) }
        .check(&removed);
    assert_eq!(removed.text, "");
}

#[tokio::test]
async fn a_listed_authenticator_has_the_fields_of_its_kind() {
    let user = ada().otp().sms(PHONE).email_factor().push("Ada's phone").recovery_code("M67LWV6ZJGNDUGH43BADW46N");
    let client = Client::start(builder().user(user)).await;
    let mfa_token = client.mfa_token().await;
    let list = client.get("/mfa/authenticators", &mfa_token).await;
    let entry = |prefix: &str| {
        let entries = list.body.as_array().unwrap().iter();
        entries.filter(|entry| entry["id"].as_str().unwrap().starts_with(prefix)).collect::<Vec<_>>()
    };
    let bare = &["active", "authenticator_type", "id"][..];
    let named = &["active", "authenticator_type", "id", "name", "oob_channel"][..];
    for (prefix, kind, channel, fields) in [
        ("totp|", "otp", None, bare),
        ("recovery-code|", "recovery-code", None, bare),
        ("sms|", "oob", Some("sms"), named),
        ("email|", "oob", Some("email"), named),
        ("push|", "oob", Some("auth0"), named),
    ] {
        let found = entry(prefix);
        assert!(!found.is_empty(), "{prefix}: {}", list.text);
        for entry in found {
            let mut fields_seen: Vec<_> = entry.as_object().unwrap().keys().map(String::as_str).collect();
            fields_seen.sort_unstable();
            assert_eq!(fields_seen, fields, "{prefix}");
            assert_eq!(entry["authenticator_type"], kind);
            assert_eq!(entry.get("oob_channel").and_then(Value::as_str), channel, "singular, and a string");
            assert_eq!(entry["active"], true);
        }
    }
    // Masked as recorded: all but the last four digits, all but the first four letters of the domain.
    let name = |prefix: &str| entry(prefix)[0]["name"].as_str().unwrap().to_owned();
    assert!(name("sms|").starts_with("XXXX") && PHONE.ends_with(name("sms|").trim_start_matches('X')));
    let (user, domain) = name("email|").split_once('@').map(|(u, d)| (u.to_owned(), d.to_owned())).unwrap();
    assert!(user.bytes().all(|byte| byte == b'*') && domain.starts_with("exam*"), "{user}@{domain}");
}

#[tokio::test]
async fn the_uris_of_an_enrollment_have_the_recorded_form() {
    let client = Client::start(builder().user(ada())).await;
    let mfa_token = client.mfa_token().await;
    let answer = client.associate(&mfa_token, json!({"authenticator_types": ["otp"]})).await;
    let uri = answer.text_of("barcode_uri");
    let (label, query) = uri.split_once('?').unwrap();
    assert!(label.starts_with("otpauth://totp/") && label.ends_with(":ada%40example.com"), "{uri}");
    let names: Vec<_> = query.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
    assert_eq!(names, ["secret", "issuer", "algorithm", "digits", "period"]);
    assert!(query.starts_with(&format!("secret={}&", answer.text_of("secret"))));
    assert!(query.ends_with("&algorithm=SHA1&digits=6&period=30"));

    let push = json!({"authenticator_types": ["oob"], "oob_channels": ["auth0"]});
    let answer = client.associate(&mfa_token, push).await;
    let uri = answer.text_of("barcode_uri");
    let (label, query) = uri.split_once('?').unwrap();
    assert!(label.starts_with("otpauth://totp/") && label.ends_with(":ada%40example.com"), "{uri}");
    let (transaction, base_url) = query.split_once('&').unwrap();
    assert_eq!(transaction.strip_prefix("enrollment_tx_id=").map(str::len), Some(32));
    assert!(base_url.starts_with("base_url=http"));
}

#[tokio::test]
async fn the_grants_have_the_size_of_the_recorded_ones() {
    let client = push_user().await;
    let (mfa_token, oob_code) = pushed(&client).await;
    // Recorded with a real client's id and secret, which are 32 and 64 characters, in a form.
    let size = |grant: &str, rest: &[(&str, &str)]| {
        let common = [
            ("client_id", "c".repeat(32)),
            ("client_secret", "s".repeat(64)),
            ("grant_type", format!("http://auth0.com/oauth/grant-type/{grant}")),
            ("mfa_token", mfa_token.clone()),
        ];
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(common.iter().map(|(name, value)| (*name, value.as_str()))).extend_pairs(rest);
        form.finish().len()
    };
    for (grant, rest, recorded) in [
        ("mfa-otp", vec![("otp", "123456")], 2208),
        ("mfa-oob", vec![("oob_code", oob_code.as_str())], 2841),
        ("mfa-recovery-code", vec![("recovery_code", "M67LWV6ZJGNDUGH43BADW46N")], 2246),
    ] {
        let size = size(grant, &rest);
        assert!(size.abs_diff(recorded) < 40, "{grant}: {size} bytes, recorded {recorded}");
    }
}

#[tokio::test]
async fn a_password_without_and_with_a_scope() {
    let client = Client::start(builder().settings(no_mfa()).user(ada())).await;
    Fact {
        recording: "TestOAuthLoginWithPassword/Should_return_tokens",
        status: 200,
        content_type: JSON,
        fields: &["access_token", "expires_in", "id_token", "scope", "token_type"],
        values: json!({
            "expires_in": 86400, "scope": "openid profile email address phone",
            "token_type": "Bearer",
        }),
    }
    .check(&client.password_with(&[]).await);
    Fact {
        recording: "TestOAuthLoginWithPassword/Should_support_passing_extra_options",
        status: 200,
        content_type: JSON,
        fields: &["access_token", "expires_in", "token_type"],
        values: json!({"expires_in": 86400, "token_type": "Bearer"}),
    }
    .check(&client.password_with(&[("extra", "value"), ("scope", "extra-scope")]).await);
}

#[tokio::test]
async fn a_refresh_with_and_without_fewer_scopes_and_a_revocation() {
    let client = Client::start(builder().settings(no_mfa()).user(ada())).await;
    let scope = "openid profile email offline_access";
    let tokens = client.password_with(&[("scope", scope)]).await;
    let fields = &["access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"];
    let whole = client.refresh(tokens.text_of("refresh_token"), None).await;
    Fact {
        recording: "TestRefreshToken/Should_return_tokens",
        status: 200,
        content_type: JSON,
        fields,
        values: json!({"expires_in": 86400, "scope": scope, "token_type": "Bearer"}),
    }
    .check(&whole);
    let scope = "openid profile offline_access";
    let less = client.refresh(whole.text_of("refresh_token"), Some(scope)).await;
    Fact {
        recording: "TestRefreshToken/Should_return_tokens_with_reduced_scopes",
        status: 200,
        content_type: JSON,
        fields,
        values: json!({"expires_in": 86400, "scope": scope, "token_type": "Bearer"}),
    }
    .check(&less);
    let token = json!({"token": less.text_of("refresh_token")});
    let revoked = crate::client::answer(client.json("/oauth/revoke", &token)).await;
    Fact {
        recording: "TestRevokeRefreshToken/Should_support_passing_a_ClientID_and_ClientSecret",
        status: 200,
        content_type: JSON,
        fields: &[],
        values: json!({}),
    }
    .check(&revoked);
}
