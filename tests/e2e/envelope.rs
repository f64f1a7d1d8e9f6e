//! HTTP: methods, content types, sizes, origins, headers.

use auth0_tenant::{Endpoint, Fault, Reply};
use e2e::{Answer, Browser, World};
use reqwest::Method;
use serde_json::{Value, json};

fn sign_in() -> String {
    json!({"email": local::user::EMAIL, "password": local::user::PASSWORD}).to_string()
}

async fn post(page: &mut Browser, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
    let mut request = page.request(Method::POST, "authenticate");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    page.send(request.body(body)).await
}

#[tokio::test]
async fn every_answer_forbids_caching_and_sniffing() {
    let world = World::start().await;
    let mut page = world.browser();
    for answer in [page.begin().await, page.status().await, page.verify(json!({})).await, page.sign_out().await] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_not() {
    let world = World::start().await;
    let mut page = world.browser();
    for (method, function, allow) in [
        (Method::PUT, "authenticate", "GET, POST, DELETE, OPTIONS"),
        (Method::PATCH, "authenticate", "GET, POST, DELETE, OPTIONS"),
        (Method::GET, "verify", "POST, OPTIONS"),
        (Method::DELETE, "verify", "POST, OPTIONS"),
    ] {
        let request = page.request(method, function);
        let refused = page.send(request).await;
        refused.is(405, "method_not_allowed");
        assert_eq!(refused.header("allow"), Some(allow));
    }
}

#[tokio::test]
async fn only_json_is_taken() {
    let world = World::start().await;
    let mut page = world.browser();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        post(&mut page, &[("content-type", content_type)], sign_in()).await.is(415, "unsupported_media_type");
    }
    post(&mut page, &[], sign_in()).await.is(415, "unsupported_media_type");
    let json = [("content-type", "Application/JSON; charset=UTF-8")];
    post(&mut page, &json, sign_in()).await.is_otp_challenge();
}

#[tokio::test]
async fn a_body_may_have_8_kib_and_not_a_byte_more() {
    let world = World::start().await;
    let mut page = world.browser();
    let json = [("content-type", "application/json")];
    let padded = |size: usize| format!("{}{}", sign_in(), " ".repeat(size - sign_in().len()));
    post(&mut page, &json, padded(8192)).await.is_otp_challenge();
    post(&mut page, &json, padded(8193)).await.is(413, "payload_too_large");
    post(&mut page, &json, vec![0xff; 9000]).await.is(413, "payload_too_large");
}

#[tokio::test]
async fn a_malformed_body_is_refused_by_the_name_of_the_field() {
    let world = World::start().await;
    let mut page = world.browser();
    for (body, named) in [
        (json!({"email": "a@example.com"}), "password"),
        (json!({"email": "a@example.com", "password": "p", "remember": true}), "remember"),
        (json!({"action": "sing_in"}), "action"),
        (json!([]), "object"),
        (Value::Null, "object"),
    ] {
        let refused = page.authenticate(body).await;
        refused.is(400, "invalid_request");
        let description = refused.body["error_description"].as_str().unwrap();
        assert!(description.contains(named), "{description}");
    }
    for body in [&b"{\"email\":"[..], b"", b"\xff\xfe", b"email=a&password=b"] {
        post(&mut page, &[("content-type", "application/json")], body).await.is(400, "invalid_request");
    }
    assert!(world.requests().is_empty(), "none of these reached Auth0");
}

#[tokio::test]
async fn a_foreign_origin_is_refused_whatever_it_asks() {
    let world = World::start_with(|stack| stack.set("ALLOWED_ORIGINS", "https://app.example.com")).await;
    let mut page = world.browser();
    let client = reqwest::Client::new();
    for (origin, site) in [
        (Some("https://evil.example"), None),
        (Some("null"), None),
        (Some("https://app.example.com.evil.example"), Some("cross-site")),
        (Some("https://sibling.example.com"), Some("same-site")),
        (None, Some("cross-site")),
    ] {
        for (method, function) in [
            (Method::POST, "authenticate"),
            (Method::GET, "authenticate"),
            (Method::DELETE, "authenticate"),
            (Method::POST, "verify"),
            (Method::OPTIONS, "verify"),
        ] {
            let mut request = client.request(method.clone(), world.url(function)).body(sign_in());
            request = request.header("content-type", "application/json");
            request = origin.iter().fold(request, |request, origin| request.header("origin", *origin));
            request = site.iter().fold(request, |request, site| request.header("sec-fetch-site", *site));
            let refused = page.send(request).await;
            refused.is(403, "origin_not_allowed");
            assert_eq!(refused.header("access-control-allow-origin"), None, "{origin:?} {method}");
        }
    }
    assert!(world.requests().is_empty());
}

#[tokio::test]
async fn an_allowed_origin_is_answered_with_credentials() {
    let world = World::start_with(|stack| stack.set("ALLOWED_ORIGINS", "https://app.example.com")).await;
    let mut page = world.browser();
    let client = reqwest::Client::new();
    let from_app =
        |method: Method| client.request(method, world.url("authenticate")).header("origin", "https://app.example.com");

    let preflight = from_app(Method::OPTIONS).header("access-control-request-method", "POST");
    let preflight = page.send(preflight.header("access-control-request-headers", "content-type")).await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, POST, DELETE, OPTIONS"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("content-type"));

    let begun = page.send(from_app(Method::POST).header("content-type", "application/json").body(sign_in())).await;
    begun.is_otp_challenge();
    for answer in [&preflight, &begun] {
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.com"));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    let error = page.send(from_app(Method::POST).body("{}")).await;
    error.is(415, "unsupported_media_type");
    assert_eq!(error.header("access-control-allow-origin"), Some("https://app.example.com"));

    // A header beyond the few that a script on another origin may read.
    world.fault(Fault::at(Endpoint::Token).reply(Reply::too_many_requests(Some(7))));
    let limited = page.send(from_app(Method::POST).header("content-type", "application/json").body(sign_in())).await;
    limited.is(429, "too_many_requests");
    assert_eq!(limited.header("access-control-expose-headers"), Some("retry-after"));
    assert_eq!(begun.header("access-control-expose-headers"), None);
}

#[tokio::test]
async fn without_an_origin_it_is_no_browser_and_is_answered() {
    let world = World::start().await;
    let mut page = world.browser();
    let request = reqwest::Client::new().post(world.url("authenticate")).header("content-type", "application/json");
    let begun = page.send(request.body(sign_in())).await;
    begun.is_otp_challenge();
    assert_eq!(begun.header("access-control-allow-origin"), None);
}
