//! Faults, connections, and the record of requests.

use std::time::{Duration, Instant};

use auth0_tenant::{Cut, Endpoint, Fault, Grant, Reply};
use serde_json::json;

use crate::client::{ADA, CLIENT_SECRET, Client, OTP_GRANT, PASSWORD, answer, http};

async fn fails(client: &Client) -> bool {
    let request = client.form("/oauth/token", &[("grant_type", "password")]);
    match request.send().await {
        Err(_) => true,
        Ok(response) => response.bytes().await.is_err(),
    }
}

#[tokio::test]
async fn a_fault_strikes_its_endpoint_and_grant_and_no_other() {
    let client = Client::with_otp().await;
    client.tenant.fail(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).reply(Reply::html(502)));
    let mfa_token = client.mfa_token().await;
    assert_eq!(client.challenge(&mfa_token, json!({})).await.status, 200);
    let code = client.tenant.otp_code(ADA).unwrap();
    let answer = client.otp(&mfa_token, &code).await;
    assert_eq!(answer.status, 502);
    assert_eq!(answer.header("content-type"), Some("text/html"));
    // It was not processed, and it strikes once.
    assert_eq!(client.otp(&mfa_token, &code).await.status, 200);
}

#[tokio::test]
async fn a_fault_may_strike_until_it_is_cleared() {
    let client = Client::with_otp().await;
    client.tenant.fail(Fault::anywhere().always().reply(Reply::error(503, "temporarily_unavailable", "")));
    for _ in 0..5 {
        assert_eq!(client.password().await.status, 503);
    }
    client.tenant.clear_faults();
    assert_eq!(client.password().await.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn of_two_faults_the_first_strikes_first() {
    let client = Client::with_otp().await;
    client.tenant.fail(Fault::at(Endpoint::Token).reply(Reply::html(500)));
    client.tenant.fail(Fault::anywhere().reply(Reply::html(502)));
    assert_eq!(client.tenant.faults().len(), 2);
    assert_eq!(client.password().await.status, 500);
    assert_eq!(client.password().await.status, 502);
    assert!(client.tenant.faults().is_empty());
}

#[tokio::test]
async fn every_kind_of_bad_answer_can_be_given() {
    let client = Client::with_otp().await;
    let next = async |reply: Reply| {
        client.tenant.fail(Fault::at(Endpoint::Token).reply(reply));
        client.form("/oauth/token", &[]).send().await.unwrap()
    };
    let limited = next(Reply::too_many_requests(Some(7))).await;
    assert_eq!(limited.status(), 429);
    assert_eq!(limited.headers()["retry-after"], "7");
    let limited = next(Reply::too_many_requests(None)).await;
    assert!(limited.headers().get("retry-after").is_none());
    let garbage = next(Reply::garbage()).await;
    assert_eq!(garbage.status(), 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&garbage.bytes().await.unwrap()).is_err());
    let large = next(Reply::large(1024 * 1024)).await;
    assert!(large.bytes().await.unwrap().len() > 1024 * 1024);
    let redirect = next(Reply::redirect("https://else.example/")).await;
    assert_eq!(redirect.status(), 302);
    assert_eq!(redirect.headers()["location"], "https://else.example/");
    let exact = next(Reply::new(299, "text/plain", "as told").header("x-extra", "yes")).await;
    assert_eq!(exact.status(), 299);
    assert_eq!(exact.headers()["x-extra"], "yes");
    assert_eq!(exact.text().await.unwrap(), "as told");
}

#[tokio::test]
async fn a_real_answer_can_be_spoilt() {
    let client = Client::with_otp().await;
    client.tenant.fail(Fault::at(Endpoint::Token).truncate());
    let cut_short = client.password().await;
    assert_eq!(cut_short.status, 403);
    assert!(cut_short.text.starts_with('{') && cut_short.body.is_null());

    client.tenant.fail(Fault::at(Endpoint::Token).content_type("text/html"));
    let mistyped = client.password().await;
    assert_eq!(mistyped.header("content-type"), Some("text/html"));
    assert_eq!(mistyped.text_of("error"), "mfa_required");

    client.tenant.fail(Fault::at(Endpoint::Token).patch(json!({"mfa_token": null, "extra": 1})));
    let patched = client.password().await;
    assert!(patched.body.get("mfa_token").is_none());
    assert_eq!(patched.body["extra"], 1);

    client.tenant.fail(
        Fault::at(Endpoint::Token)
            .grant(Grant::MfaOtp)
            .id_token_claims(json!({"sub": "auth0|somebody-else", "email": null})),
    );
    let claims = client.sign_in().await.claims("id_token");
    assert_eq!(claims["sub"], "auth0|somebody-else");
    assert!(claims.get("email").is_none());
    client.advance(30);
    assert_eq!(client.sign_in().await.claims("id_token")["sub"], client.tenant.user_id(ADA).unwrap());
}

#[tokio::test]
async fn a_delay_comes_before_the_request_is_processed_or_after_it() {
    let client = Client::with_otp().await;
    let delay = Duration::from_millis(150);
    let patient = |fault: Fault| {
        client.tenant.fail(fault);
        client.form("/oauth/token", &[("grant_type", "password"), ("username", ADA), ("password", PASSWORD)]).send()
    };
    let began = Instant::now();
    patient(Fault::anywhere().delay(delay)).await.unwrap();
    assert!(began.elapsed() >= delay);

    // Whoever gives up on a delayed answer does not know whether the code was taken: it was.
    let mfa_token = client.mfa_token().await;
    let code = client.tenant.otp_code(ADA).unwrap();
    client.tenant.fail(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).delay_answer(Duration::from_secs(30)));
    let request = client.form("/oauth/token", &[("grant_type", OTP_GRANT), ("mfa_token", &mfa_token), ("otp", &code)]);
    let given_up = request.timeout(Duration::from_millis(200)).send().await;
    assert!(given_up.unwrap_err().is_timeout());
    assert_eq!(client.otp(&mfa_token, &code).await.text_of("error"), "expired_token");
}

#[tokio::test]
async fn a_connection_can_be_cut_at_every_stage() {
    let client = Client::with_otp().await;
    for when in [Cut::BeforeBody, Cut::BeforeProcessing, Cut::AfterProcessing, Cut::InReply] {
        client.tenant.fail(Fault::at(Endpoint::Token).cut(when));
        assert!(fails(&client).await, "{when:?}");
        assert!(!fails(&client).await, "{when:?} strikes once");
    }
}

#[tokio::test]
async fn a_cut_before_processing_leaves_the_code_good_and_a_lost_answer_does_not() {
    let client = Client::with_otp().await;
    let mfa_token = client.mfa_token().await;
    let code = client.tenant.otp_code(ADA).unwrap();
    let send = async || {
        client
            .form("/oauth/token", &[("grant_type", OTP_GRANT), ("mfa_token", &mfa_token), ("otp", &code)])
            .send()
            .await
    };
    client.tenant.fail(Fault::at(Endpoint::Token).cut(Cut::BeforeProcessing));
    assert!(send().await.is_err());
    assert_eq!(client.otp(&mfa_token, &code).await.status, 200);

    client.advance(30);
    let mfa_token = client.mfa_token().await;
    let code = client.tenant.otp_code(ADA).unwrap();
    client.tenant.fail(Fault::at(Endpoint::Token).cut(Cut::AfterProcessing));
    let lost = client
        .form("/oauth/token", &[("grant_type", OTP_GRANT), ("mfa_token", &mfa_token), ("otp", &code)])
        .send()
        .await;
    assert!(lost.is_err());
    assert_eq!(client.otp(&mfa_token, &code).await.text_of("error"), "expired_token");
}

#[tokio::test]
async fn a_cut_in_the_reply_comes_after_its_head() {
    let client = Client::with_otp().await;
    client.tenant.fail(Fault::at(Endpoint::Token).cut(Cut::InReply));
    let response = client.form("/oauth/token", &[]).send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn new_connections_can_be_refused_and_open_ones_closed() {
    let client = Client::with_otp().await;
    client.password().await;
    assert_eq!(client.tenant.connections(), 1);
    assert_eq!(client.tenant.open_connections(), 1);
    client.password().await;
    assert_eq!(client.tenant.connections(), 1, "it is kept alive");

    client.tenant.close_connections().await;
    client.password().await;
    assert_eq!(client.tenant.connections(), 2);

    client.tenant.refuse_connections(1);
    let stranger = http();
    let refused = stranger.get(client.url("/.well-known/jwks.json")).send().await;
    assert!(refused.is_err());
    let taken = answer(stranger.get(client.url("/.well-known/jwks.json"))).await;
    assert_eq!(taken.status, 200);
}

#[tokio::test]
async fn a_tenant_that_was_stopped_answers_nobody() {
    let client = Client::with_otp().await;
    client.password().await;
    client.tenant.stop();
    let gone = client.form("/oauth/token", &[]).send().await;
    assert!(gone.is_err());
}

#[tokio::test]
async fn what_was_asked_is_remembered_without_any_secret() {
    let client = Client::with_otp().await;
    let tokens = client.sign_in().await;
    let received = client.tenant.received();
    assert_eq!(received.len(), 2);
    let first = &received[0];
    assert_eq!(first.number, 0);
    assert_eq!(first.endpoint, Endpoint::Token);
    assert_eq!(first.audience.as_deref(), Some("https://bank.example/api"));
    assert_eq!(
        first.fields,
        ["audience", "client_id", "client_secret", "grant_type", "password", "realm", "scope", "username",]
    );
    assert!(first.headers.contains(&"content-type".to_owned()));
    assert_eq!(first.status, Some(403));
    assert_eq!(first.error.as_deref(), Some("mfa_required"));
    let second = &received[1];
    assert_eq!(second.grant_type.as_deref(), Some(OTP_GRANT));
    assert_eq!(second.status, Some(200));
    assert_eq!(second.connection, first.connection);
    assert!(second.began >= first.ended.unwrap());

    let printed = format!("{received:?} {}", serde_json::to_string(&received).unwrap());
    let code = client.tenant.otp_code(ADA).unwrap();
    for secret in [
        PASSWORD,
        CLIENT_SECRET,
        code.as_str(),
        ADA,
        tokens.text_of("access_token"),
        tokens.text_of("refresh_token"),
        "Fe26.2",
    ] {
        assert!(!printed.contains(secret), "{secret}");
    }
    client.tenant.clear_received();
    assert!(client.tenant.received().is_empty());
}

#[tokio::test]
async fn a_request_that_was_cut_off_is_remembered_without_a_status() {
    let client = Client::with_otp().await;
    client.tenant.fail(Fault::at(Endpoint::Token).cut(Cut::BeforeProcessing));
    assert!(fails(&client).await);
    let received = client.tenant.received();
    assert_eq!(received[0].status, None);
    assert!(received[0].ended.is_some());
}

#[tokio::test]
async fn overlapping_requests_are_counted() {
    let client = Client::with_otp().await;
    client.tenant.fail(Fault::anywhere().times(3).delay(Duration::from_millis(100)));
    tokio::join!(client.password(), client.password(), client.password());
    assert_eq!(client.tenant.most_in_flight().requests, 3);
}
