//! The password grants.

use auth0_tenant::{Application, BlockedAnswer, ClientAuthentication, Conduct, Grant, Policy, Settings, User, Verdict};
use serde_json::json;

use crate::client::{
    ADA, BANK, CLIENT_ID, CLIENT_SECRET, Client, PASSWORD, REALM, REALM_GRANT, ada, answer, builder, no_mfa,
};

#[tokio::test]
async fn a_right_password_asks_for_the_second_factor() {
    let client = Client::with_otp().await;
    let answer = client.password().await;
    assert_eq!(answer.error(), (403, "mfa_required", "Multifactor authentication required"));
    assert!(answer.body.get("mfa_requirements").is_none());
    assert!(answer.body.get("access_token").is_none());
}

#[tokio::test]
async fn form_and_json_bodies_are_both_taken() {
    let client = Client::with_otp().await;
    let fields = json!({
        "grant_type": REALM_GRANT, "realm": REALM, "username": ADA, "password": PASSWORD,
    });
    let by_json = answer(client.json("/oauth/token", &fields)).await;
    assert_eq!(by_json.text_of("error"), "mfa_required");
    assert_eq!(client.password().await.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn the_client_may_authenticate_by_basic() {
    let client = Client::with_otp().await;
    let request = client.http.post(client.url("/oauth/token")).basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).form(&[
        ("grant_type", REALM_GRANT),
        ("realm", REALM),
        ("username", ADA),
        ("password", PASSWORD),
    ]);
    assert_eq!(answer(request).await.text_of("error"), "mfa_required");
    let wrong = client
        .http
        .post(client.url("/oauth/token"))
        .basic_auth(CLIENT_ID, Some("no"))
        .form(&[("grant_type", "password")]);
    assert_eq!(answer(wrong).await.error(), (401, "access_denied", "Unauthorized"));
}

#[tokio::test]
async fn an_application_authenticates_in_its_own_way_only() {
    use ClientAuthentication::{Basic, None, Post, Secret};
    let client = Client::with_otp().await;
    // How it is set up, and whether a secret in the body, by Basic, or none is right.
    let table = [
        (Secret, [true, true, false]),
        (Post, [true, false, false]),
        (Basic, [false, true, false]),
        (None, [false, false, true]),
    ];
    for (way, right) in table {
        client.tenant.add_application(Application::new(CLIENT_ID, CLIENT_SECRET).authentication(way));
        let url = client.url("/oauth/token");
        let fields = [
            ("client_id", CLIENT_ID),
            ("grant_type", REALM_GRANT),
            ("realm", REALM),
            ("username", ADA),
            ("password", PASSWORD),
        ];
        let mut with_secret = fields.to_vec();
        with_secret.push(("client_secret", CLIENT_SECRET));
        let requests = [
            client.http.post(&url).form(&with_secret),
            client.http.post(&url).basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).form(&fields),
            client.http.post(&url).form(&fields),
        ];
        for (request, right) in requests.into_iter().zip(right) {
            let answer = answer(request).await;
            if right {
                assert_eq!(answer.text_of("error"), "mfa_required", "{way:?}");
            } else {
                assert_eq!(answer.error(), (401, "access_denied", "Unauthorized"), "{way:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_client_and_a_wrong_secret_are_answered_alike() {
    let client = Client::with_otp().await;
    for (id, secret) in [("nobody", CLIENT_SECRET), (CLIENT_ID, "no")] {
        let answer = client.token(&[("client_id", id), ("client_secret", secret), ("grant_type", "password")]).await;
        assert_eq!(answer.error(), (401, "access_denied", "Unauthorized"));
    }
}

#[tokio::test]
async fn a_rotated_secret_is_the_only_one_that_is_taken() {
    let client = Client::with_otp().await;
    assert!(client.tenant.rotate_client_secret(CLIENT_ID, "the-next"));
    assert_eq!(client.password().await.error(), (401, "access_denied", "Unauthorized"));
    let answer = client.password_with(&[("client_secret", "the-next")]).await;
    assert_eq!(answer.text_of("error"), "mfa_required");
    assert!(!client.tenant.rotate_client_secret("nobody", "x"));
}

#[tokio::test]
async fn a_grant_that_is_off_is_refused_with_its_urn() {
    let client = Client::with_otp().await;
    client.tenant.add_application(Application::new(CLIENT_ID, CLIENT_SECRET).without_grant(Grant::PasswordRealm));
    let answer = client.password().await;
    assert_eq!(
        answer.error(),
        (
            403,
            "unauthorized_client",
            "Grant type 'http://auth0.com/oauth/grant-type/password-realm' not allowed for the client."
        )
    );
    assert_eq!(answer.text_of("error_uri"), "https://auth0.com/docs/clients/client-grant-types");
    let plain = client.password_with(&[("grant_type", "password")]).await;
    assert_eq!(plain.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn a_grant_that_nobody_has_heard_of_is_unsupported() {
    let client = Client::with_otp().await;
    let answer = client.token(&[("grant_type", "telepathy")]).await;
    assert_eq!((answer.status, answer.text_of("error")), (400, "unsupported_grant_type"));
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let client = Client::with_otp().await;
    for name in ["grant_type", "username", "password", "realm"] {
        let answer = client.password_with(&[(name, "")]).await;
        let description = format!("Missing required parameter: {name}");
        assert_eq!(answer.error(), (400, "invalid_request", description.as_str()));
    }
}

#[tokio::test]
async fn an_unknown_and_a_disabled_connection_are_told_apart() {
    let client = Client::with_otp().await;
    let unknown = client.password_with(&[("realm", "nowhere")]).await;
    assert_eq!(unknown.error(), (400, "invalid_request", "the connection was not found"));
    client.tenant.configure(|settings| settings.disabled_connections = vec![REALM.to_owned()]);
    assert_eq!(client.password().await.error(), (400, "invalid_request", "the connection was disabled"));
}

#[tokio::test]
async fn a_user_of_another_connection_is_not_this_realms() {
    let settings = Settings { connections: vec![REALM.to_owned(), "staff".to_owned()], ..Settings::default() };
    let grace = User::new("grace@example.com", PASSWORD).otp().connection("staff");
    let client = Client::start(builder().settings(settings).user(grace)).await;
    let of = async |realm| client.password_with(&[("username", "grace@example.com"), ("realm", realm)]).await;
    assert_eq!(of(REALM).await.error(), (403, "invalid_grant", "Wrong email or password."));
    assert_eq!(of("staff").await.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn the_plain_password_grant_takes_a_realm_or_needs_a_default_directory() {
    let client = Client::with_otp().await;
    let fields = [("grant_type", "password"), ("username", ADA), ("password", PASSWORD)];
    let without = client.token(&fields).await;
    assert_eq!(without.error(), (500, "server_error", "Authorization server not configured with default connection."));
    let mut with_realm = fields.to_vec();
    with_realm.push(("realm", REALM));
    assert_eq!(client.token(&with_realm).await.text_of("error"), "mfa_required");
    client.tenant.configure(|settings| settings.default_directory = Some(REALM.to_owned()));
    assert_eq!(client.token(&fields).await.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn an_audience_that_the_tenant_does_not_know_is_not_enabled() {
    let client = Client::with_otp().await;
    let answer = client.password_with(&[("audience", "https://else.example")]).await;
    assert_eq!(answer.error(), (403, "access_denied", "Service not enabled within domain: https://else.example"));
}

#[tokio::test]
async fn the_mfa_api_is_known_by_the_domain_and_by_the_base_url() {
    let client = Client::with_otp().await;
    let address = client.tenant.address();
    for audience in [
        "https://tenant.example.auth0.com/mfa/".to_owned(),
        format!("http://{address}/mfa/"),
        format!("https://{address}/mfa/"),
    ] {
        let answer = client.password_with(&[("audience", &audience)]).await;
        assert_eq!(answer.text_of("error"), "mfa_required", "{audience}");
    }
    // The slash at the end is part of the identifier.
    let answer = client.password_with(&[("audience", "https://tenant.example.auth0.com/mfa")]).await;
    assert_eq!(answer.text_of("error"), "access_denied");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_answered_alike() {
    let client = Client::with_otp().await;
    for fields in [[("password", "wrong")], [("username", "nobody@example.com")]] {
        let answer = client.password_with(&fields).await;
        assert_eq!(answer.error(), (403, "invalid_grant", "Wrong email or password."));
    }
}

#[tokio::test]
async fn a_username_signs_in_as_the_address_does_and_case_does_not_matter() {
    let client = Client::start(builder().user(ada().username("Ada").otp())).await;
    for name in ["ada", "ADA", "Ada@Example.com"] {
        let answer = client.password_with(&[("username", name)]).await;
        assert_eq!(answer.text_of("error"), "mfa_required", "{name}");
    }
}

#[tokio::test]
async fn with_the_policy_never_a_password_is_enough() {
    let client = Client::start(builder().settings(no_mfa()).user(ada().otp())).await;
    let answer = client.password().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text_of("token_type"), "Bearer");
}

#[tokio::test]
async fn a_users_own_policy_goes_before_the_tenants() {
    let client = Client::start(builder().settings(no_mfa()).user(ada().otp().policy(Policy::Always))).await;
    assert_eq!(client.password().await.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn a_user_without_a_real_factor_gets_an_mfa_api_token_unchallenged_and_no_other() {
    for (user, challenged) in [
        (ada(), false),
        (ada().email_factor(), false),
        (ada().recovery_code("ABCDEFGHIJKLMNOPQRSTUVWX"), false),
        (ada().sms("+4915123456789"), true),
    ] {
        let client = Client::start(builder().user(user)).await;
        let audience = client.tenant.mfa_audience();
        let answer = client.password_with(&[("audience", &audience)]).await;
        if challenged {
            assert_eq!(answer.text_of("error"), "mfa_required");
        } else {
            assert_eq!(answer.status, 200);
            assert_eq!(answer.body["expires_in"], 600);
        }
        let other = client.password_with(&[("audience", BANK)]).await;
        assert_eq!(other.text_of("error"), "mfa_required");
    }
}

#[tokio::test]
async fn what_the_tenant_has_against_a_user_is_said_after_a_right_password_only() {
    let client = Client::with_otp().await;
    let leaked = "This login attempt has been blocked because the password you're using was \
                  previously disclosed through a data breach (not in this application).";
    let table = [
        (Conduct::Blocked, (401, "unauthorized", "user is blocked")),
        (Conduct::PasswordLeaked, (401, "password_leaked", leaked)),
        (Conduct::RequiresVerification, (401, "requires_verification", "Suspicious request requires verification")),
        (Conduct::Denied("Not on a Sunday.".to_owned()), (403, "access_denied", "Not on a Sunday.")),
        (Conduct::Unauthorized("The rule broke.".to_owned()), (401, "unauthorized", "The rule broke.")),
    ];
    for (conduct, expected) in table {
        client.tenant.set_conduct(ADA, conduct);
        assert_eq!(client.password().await.error(), expected);
        let wrong = client.password_with(&[("password", "wrong")]).await;
        assert_eq!(wrong.text_of("error"), "invalid_grant");
    }
}

#[tokio::test]
async fn a_blocked_user_can_be_told_in_each_of_the_three_ways() {
    let client = Client::start(builder().user(ada().conduct(Conduct::Blocked))).await;
    for (shape, status, error) in [
        (BlockedAnswer::Unauthorized, 401, "unauthorized"),
        (BlockedAnswer::InvalidGrant, 403, "invalid_grant"),
        (BlockedAnswer::AccessDenied, 403, "access_denied"),
    ] {
        client.tenant.configure(|settings| settings.blocked_answer = shape);
        assert_eq!(client.password().await.error(), (status, error, "user is blocked"));
    }
}

#[tokio::test]
async fn bot_detection_asks_everybody_for_a_captcha_before_the_password() {
    let client = Client::with_otp().await;
    client.tenant.configure(|settings| settings.bot_detection = true);
    let answer = client.password_with(&[("password", "wrong")]).await;
    assert_eq!(answer.error(), (401, "requires_verification", "Suspicious request requires verification"));
}

#[tokio::test]
async fn a_rule_sees_the_login_and_decides() {
    let client = Client::start(builder().settings(no_mfa()).user(ada().otp())).await;
    client.tenant.set_rule(|login| {
        assert_eq!(login.email, ADA);
        match login.audience.as_deref() {
            Some(BANK) => Verdict::Mfa,
            Some(_) => Verdict::Continue,
            None => Verdict::Deny("Name an audience.".to_owned()),
        }
    });
    assert_eq!(client.password().await.text_of("error"), "mfa_required");
    assert_eq!(client.password_with(&[]).await.error(), (403, "access_denied", "Name an audience."));
    client.tenant.configure(|settings| settings.policy = Policy::Always);
    client.tenant.set_rule(|_| Verdict::NoMfa);
    assert_eq!(client.password().await.status, 200);
    client.tenant.set_rule(|_| Verdict::Unauthorized("The rule broke.".to_owned()));
    assert_eq!(client.password().await.error(), (401, "unauthorized", "The rule broke."));
    client.tenant.clear_rule();
    assert_eq!(client.password().await.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn a_scope_must_be_a_string_or_a_list() {
    let client = Client::start(builder().settings(no_mfa()).user(ada())).await;
    let fields = |scope| {
        json!({
            "grant_type": REALM_GRANT, "realm": REALM, "username": ADA, "password": PASSWORD,
            "scope": scope,
        })
    };
    let wrong = answer(client.json("/oauth/token", &fields(json!({"a": 1})))).await;
    assert_eq!(wrong.error(), (400, "invalid_scope", "Scope must be an array or a string"));
    let list = answer(client.json("/oauth/token", &fields(json!(["openid", "email"])))).await;
    assert_eq!(list.text_of("scope"), "openid email");
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_an_invalid_request() {
    let client = Client::with_otp().await;
    for body in ["{", "[]", "\"text\""] {
        let request =
            client.http.post(client.url("/oauth/token")).header("content-type", "application/json").body(body);
        let answer = answer(request).await;
        assert_eq!((answer.status, answer.text_of("error")), (400, "invalid_request"));
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_not_there() {
    let client = Client::with_otp().await;
    let get = answer(client.http.get(client.url("/oauth/token"))).await;
    assert_eq!(get.status, 405);
    let elsewhere = answer(client.http.post(client.url("/oauth/elsewhere"))).await;
    assert_eq!(elsewhere.status, 404);
}
