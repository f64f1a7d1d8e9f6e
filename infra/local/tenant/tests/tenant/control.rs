//! The control API and the inbox page.

use serde_json::{Value, json};

use crate::client::{ADA, CLIENT_ID, Client, PASSWORD, PHONE, ada, answer, builder};

impl Client {
    async fn control(&self, method: &str, path: &str, body: Option<Value>) -> crate::client::Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, self.url(path));
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }
}

#[tokio::test]
async fn a_user_with_factors_is_added_and_signs_in() {
    let client = Client::start(builder()).await;
    let user = json!({
        "email": ADA, "password": PASSWORD, "name": "Ada",
        "factors": [{"type": "otp"}, {"type": "sms", "phone_number": PHONE}, {"type": "recovery-code"}],
    });
    let added = client.control("POST", "/_tenant/users", Some(user.clone())).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let again = client.control("POST", "/_tenant/users", Some(user)).await;
    assert_eq!(again.status, 400);

    let mfa_token = client.mfa_token().await;
    let otp = client.control("GET", "/_tenant/users/ada@example.com/otp", None).await;
    assert_eq!(otp.body["seconds_left"], 30);
    let done = client.otp(&mfa_token, otp.text_of("code")).await;
    assert_eq!(done.status, 200);

    let shown = client.control("GET", "/_tenant/users/ada@example.com", None).await;
    assert_eq!(shown.body["id"], added.body["id"]);
    assert_eq!(shown.body["authenticators"].as_array().unwrap().len(), 4);
    assert_eq!(shown.body["live_refresh_tokens"], 1);
    assert!(shown.text_of("otp_uri").starts_with("otpauth://totp/"));

    let change = json!({"conduct": {"denied": "Not today."}});
    let changed = client.control("PATCH", "/_tenant/users/ada@example.com", Some(change)).await;
    assert_eq!(changed.status, 204);
    assert_eq!(client.password().await.error(), (403, "access_denied", "Not today."));
    client.control("DELETE", "/_tenant/users/ada@example.com", None).await;
    assert_eq!(client.password().await.text_of("error"), "invalid_grant");
}

#[tokio::test]
async fn settings_are_patched_and_what_is_no_setting_is_refused() {
    let client = Client::with_otp().await;
    let patch = json!({"policy": "never", "mfa_token_lifetime": 300, "default_audience": "x"});
    let patched = client.control("PATCH", "/_tenant/settings", Some(patch)).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    assert_eq!(client.password().await.status, 200);
    let shown = client.control("GET", "/_tenant/settings", None).await;
    assert_eq!(shown.body["mfa_token_lifetime"], 300);
    assert_eq!(shown.body["default_audience"], "x");
    for wrong in [json!({"polcy": "never"}), json!({"policy": "sometimes"})] {
        let refused = client.control("PATCH", "/_tenant/settings", Some(wrong)).await;
        assert_eq!(refused.status, 400);
    }
    assert_eq!(client.password().await.status, 200);
}

#[tokio::test]
async fn faults_and_the_clock_are_set_from_outside() {
    let client = Client::with_otp().await;
    let fault = json!({"endpoint": "token", "effect": {"kind": "reply", "status": 502, "body": "x"}});
    let added = client.control("POST", "/_tenant/faults", Some(fault)).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let listed = client.control("GET", "/_tenant/faults", None).await;
    assert_eq!(listed.body.as_array().unwrap().len(), 1);
    assert_eq!(client.password().await.status, 502);
    client.control("POST", "/_tenant/faults", Some(json!({"times": null, "effect": {"kind": "truncate"}}))).await;
    client.control("DELETE", "/_tenant/faults", None).await;

    let mfa_token = client.mfa_token().await;
    let moved = json!({"advance_seconds": 600});
    client.control("POST", "/_tenant/clock", Some(moved)).await;
    assert_eq!(client.otp(&mfa_token, &client.code()).await.text_of("error"), "expired_token");

    let received = client.control("GET", "/_tenant/received", None).await;
    assert_eq!(received.body["requests"].as_array().unwrap().len(), 3);
    assert_eq!(received.body["requests"][0]["status"], 502);
    client.control("DELETE", "/_tenant/received", None).await;
    assert!(client.tenant.received().is_empty());

    let broken = json!({"refuse_next": 1, "close_open": false});
    client.control("POST", "/_tenant/connections", Some(broken)).await;
    assert!(crate::client::http().get(client.url("/")).send().await.is_err());
}

#[tokio::test]
async fn applications_apis_and_secrets_are_set_from_outside() {
    let client = Client::with_otp().await;
    let application = json!({
        "client_id": "other", "client_secret": "s", "grants": ["password-realm"],
        "authentication": "post", "rotation_leeway": 5,
    });
    let added = client.control("POST", "/_tenant/applications", Some(application)).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let api = json!({"identifier": "https://new.example", "scopes": ["a"]});
    assert_eq!(client.control("POST", "/_tenant/apis", Some(api)).await.status, 201);
    let other = [("client_id", "other"), ("client_secret", "s"), ("audience", "https://new.example")];
    assert_eq!(client.password_with(&other).await.text_of("error"), "mfa_required");

    let path = format!("/_tenant/applications/{CLIENT_ID}/rotate-secret");
    let random = client.control("POST", &path, None).await;
    assert_eq!(random.text_of("client_secret").len(), 64);
    assert_eq!(client.password().await.text_of("error"), "access_denied");
    let given = client.control("POST", &path, Some(json!({"client_secret": "given"}))).await;
    assert_eq!(given.text_of("client_secret"), "given");
    let summary = client.control("GET", "/_tenant", None).await;
    assert_eq!(summary.body["applications"], json!([CLIENT_ID, "other"]));
    assert_eq!(summary.body["base_url"], client.tenant.base_url());
}

#[tokio::test]
async fn the_inbox_shows_codes_and_answers_pushes() {
    let client = Client::start(builder().user(ada().push("Ada's phone"))).await;
    let mfa_token = client.mfa_token().await;
    let challenge = client.challenge(&mfa_token, json!({"challenge_type": "oob"})).await;
    let inbox = client.control("GET", "/_tenant/inbox", None).await;
    assert_eq!(inbox.body[0]["kind"], "push");
    assert_eq!(inbox.body[0]["answer"], "waiting");
    let id = inbox.body[0]["id"].as_u64().unwrap();
    let approve = format!("/_tenant/inbox/{id}/approve");
    assert_eq!(client.control("POST", &approve, None).await.status, 204);
    assert_eq!(client.control("POST", &approve, None).await.status, 404);
    let done = client.oob(&mfa_token, challenge.text_of("oob_code"), None).await;
    assert_eq!(done.status, 200);
    client.control("DELETE", "/_tenant/inbox", None).await;
    assert!(client.tenant.inbox().is_empty());
}

#[tokio::test]
async fn the_inbox_page_works_under_a_strict_policy() {
    let client = Client::with_otp().await;
    let page = client.control("GET", "/inbox", None).await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().contains("script-src 'self'"));
    for (i, part) in page.text.split("<script").enumerate().skip(1) {
        assert!(part.starts_with(" src="), "script {i} is inline");
    }
    assert!(!page.text.contains("<style") && !page.text.contains(" style=") && !page.text.contains(" onclick="));
    for (path, kind) in
        [("/inbox/inbox.css", "text/css; charset=utf-8"), ("/inbox/inbox.js", "text/javascript; charset=utf-8")]
    {
        assert!(page.text.contains(path));
        let file = client.control("GET", path, None).await;
        assert_eq!((file.status, file.header("content-type")), (200, Some(kind)));
    }
}

#[tokio::test]
async fn a_page_from_elsewhere_cannot_control_the_tenant() {
    let client = Client::with_otp().await;
    let ask = async |name: &str, value: &str| {
        let request = client.http.get(client.url("/_tenant")).header(name, value);
        answer(request).await.status
    };
    assert_eq!(ask("origin", "https://evil.example").await, 403);
    assert_eq!(ask("origin", client.tenant.base_url()).await, 200);
    assert_eq!(ask("host", "evil.example").await, 403);
    assert_eq!(ask("host", "localhost:1").await, 200);
    assert_eq!(ask("host", "[::1]:1").await, 200);
    assert_eq!(ask("host", "127.0.0.1.evil.example").await, 403);
}
