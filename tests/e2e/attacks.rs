//! Attacks, one test each, named for the attack. The threat model in `shared/README.md` says who could want what,
//! and which of these shows that they do not get it.

use std::collections::BTreeSet;
use std::time::Duration;

use auth0_tenant::{Endpoint, Fault, Grant, Login, SpentMfaToken, User, Verdict};
use e2e::proxy::{Proxy, Trouble};
use e2e::{Answer, Browser, World};
use local::user::{EMAIL, PASSWORD};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use serde_json::{Value, json};

const SCOPE: &str = "transfer:funds";
const EVE: &str = "eve@example.com";

async fn world() -> World {
    let world = World::start_with(local::Builder::demo).await;
    world.add_user(User::new(EVE, PASSWORD).otp());
    world
}

async fn signed_in(world: &World) -> Browser {
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    page.verify(json!({"otp": world.fresh_otp()})).await.is_tokens();
    page
}

async fn state(page: &mut Browser) -> Value {
    page.status().await.body["state"].clone()
}

fn row_of<'a>(items: &'a [Value], other: &[Value]) -> &'a Value {
    items.iter().find(|item| other.iter().all(|other| other["id"] != item["id"])).expect("a row")
}

// --- The cookie.

/// The attacker signs in as far as a challenge, plants that cookie in the victim's browser, and hopes that the
/// victim's sign-in makes it a signed-in session.
#[tokio::test]
async fn session_fixation() {
    let world = world().await;
    let mut attacker = world.browser();
    attacker.begin_as(EVE, PASSWORD).await.is_otp_challenge();
    let planted = attacker.cookie.clone();

    let mut victim = world.browser();
    victim.cookie.clone_from(&planted);
    victim.begin().await.is_otp_challenge();
    assert_ne!(victim.cookie, planted);
    let pending = victim.cookie.clone();
    victim.verify(json!({"otp": world.fresh_otp()})).await.is_tokens();
    assert_ne!(victim.cookie, pending, "and anew when the sign-in becomes a session");

    for cookie in [planted, pending] {
        attacker.cookie = cookie;
        assert_eq!(state(&mut attacker).await, "none");
        attacker.authenticate(json!({"action": "renew"})).await.is(401, "login_required");
    }
}

/// The victim's pending sign-in, whose cookie was stolen, and the attacker's own phone.
#[tokio::test]
async fn a_cookie_of_another_user() {
    let world = world().await;
    let mut victim = world.browser();
    victim.begin().await.is_otp_challenge();
    let mut attacker = world.browser();
    attacker.cookie.clone_from(&victim.cookie);
    let own = world.stack.tenant().otp_code(EVE).unwrap();
    attacker.verify(json!({"otp": own})).await.is(401, "invalid_code");
}

/// A signed-in session whose cookie was stolen: a handful of guesses in all, over however many step-ups, and
/// then there is neither a session nor a refresh token any more.
#[tokio::test]
async fn guessing_the_code_with_a_stolen_cookie() {
    let world = world().await;
    let victim = signed_in(&world).await;
    let mut attacker = world.browser();
    attacker.cookie = victim.cookie;
    let (mut guesses, tried) = (0, world.received_grant(Grant::MfaOtp));
    loop {
        let begun = attacker.authenticate(json!({"action": "step_up", "scope": SCOPE})).await;
        if begun.status != 200 {
            begun.is(401, "login_required");
            break;
        }
        let guess = attacker.verify(json!({"otp": world.wrong_otp()})).await;
        guesses += 1;
        if guess.error() == Some("too_many_attempts") {
            break;
        }
        // On to the next one, when this one is over.
        world.advance(Duration::from_mins(6));
        assert!(guesses < 100, "without end");
    }
    assert_eq!(guesses, 5);
    assert_eq!(world.received_grant(Grant::MfaOtp) - tried, 5);
    assert!(world.items().is_empty());
    assert_eq!(world.stack.tenant().live_refresh_tokens(EMAIL), 0);
}

// --- The table.

/// Whoever can write the table puts the victim's row where the attacker's own is.
#[tokio::test]
async fn a_row_swapped() {
    let world = world().await;
    let _victim = signed_in(&world).await;
    let before = world.items();
    let mut attacker = world.browser();
    attacker.begin_as(EVE, PASSWORD).await.is_otp_challenge();
    attacker.verify(json!({"otp": world.stack.tenant().otp_code(EVE)})).await.is_tokens();
    let items = world.items();
    let mut row = row_of(&items, &before).clone();
    row["signed_in"] = before[0]["signed_in"].clone();
    world.put_item(row);
    assert_eq!(state(&mut attacker).await, "none");
    attacker.authenticate(json!({"action": "renew"})).await.is(401, "login_required");
    assert_eq!(world.received_grant(Grant::RefreshToken), 0);
}

/// One sealed part of a row in the place of the other.
#[tokio::test]
async fn a_part_swapped_within_its_row() {
    let world = world().await;
    let mut page = signed_in(&world).await;
    page.authenticate(json!({"action": "step_up", "scope": SCOPE})).await.is_otp_challenge();
    world.change_item(|item| {
        let (pending, signed_in) = (item["pending"].clone(), item["signed_in"].clone());
        (item["pending"], item["signed_in"]) = (signed_in, pending);
    });
    let refused = page.verify(json!({"otp": world.fresh_otp()})).await;
    refused.is(401, "session_expired");
    assert!(world.items().is_empty());
}

/// A row of before is written back once it has served: even where Auth0 takes its `mfa_token` twice, the code
/// is good once.
#[tokio::test]
async fn a_row_replayed() {
    let world = World::start().await;
    world.settings(|settings| settings.spent_mfa_token = SpentMfaToken::StillGood);
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let (row, cookie, code) = (world.items().remove(0), page.cookie.clone(), world.otp());
    page.verify(json!({"otp": code})).await.is_tokens();
    world.put_item(row);
    page.cookie = cookie;
    page.verify(json!({"otp": code})).await.is(401, "invalid_code");
}

/// The count of wrong codes set back in the table: Auth0's own budget is behind it.
#[tokio::test]
async fn the_count_of_attempts_set_back() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let mut wrong = 0;
    let last = loop {
        let answer = page.verify(json!({"otp": world.wrong_otp()})).await;
        if answer.error() != Some("invalid_code") {
            break answer;
        }
        wrong += 1;
        world.change_item(|item| item["attempts"] = json!({"N": "0"}));
    };
    last.is(429, "too_many_attempts");
    assert_eq!(wrong, 10);
}

/// The ends in clear moved: what counts is sealed.
#[tokio::test]
async fn an_expiry_moved() {
    let world = world().await;
    let mut page = signed_in(&world).await;
    page.authenticate(json!({"action": "step_up", "scope": SCOPE})).await.is_otp_challenge();
    world.change_item(|item| {
        item["pending_until"] = json!({"N": "9999999999"});
        item["expires_at"] = json!({"N": "9999999999"});
    });
    let asked = world.requests().len();
    world.advance(Duration::from_mins(5));
    page.verify(json!({"otp": world.otp()})).await.is(401, "session_expired");
    world.advance(Duration::from_hours(8));
    assert_eq!(state(&mut page).await, "none");
    page.authenticate(json!({"action": "renew"})).await.is(401, "login_required");
    let grants = world.requests().into_iter().skip(asked).filter(|request| request.endpoint == Endpoint::Token);
    assert_eq!(grants.count(), 0, "Auth0 was given nothing");
}

/// Everything that the table holds, in the hands of somebody who has nothing else.
#[tokio::test]
async fn a_stolen_table() {
    let world = world().await;
    let page = signed_in(&world).await;
    let mut pending = world.browser();
    pending.begin_as(EVE, PASSWORD).await.is_otp_challenge();
    let (stolen, text) = (world.items(), world.table_text());
    let value = |page: &Browser| page.cookie.as_deref().unwrap().split_once('=').unwrap().1.to_owned();
    for secret in [&value(&page), &value(&pending), "Fe26", "refresh_token", EMAIL, EVE, "auth0|", SCOPE] {
        assert!(!text.contains(secret), "{secret} is in clear");
    }
    // The key of a row is no cookie.
    for item in stolen {
        let mut attacker = world.browser();
        attacker.cookie = Some(format!("mfa_session={}", item["id"]["S"].as_str().unwrap()));
        assert_eq!(state(&mut attacker).await, "none");
    }
}

// --- Guessing.

/// A code has a million values: from many sockets at once, each as fast as it can, no more of them are tried than one
/// after the other.
#[tokio::test]
async fn guessing_in_parallel_from_many_sockets() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    // Each guess stays at Auth0 for a moment, so that they would overlap.
    world.fault(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).always().delay(Duration::from_millis(20)));
    let wrong = world.wrong_otp();
    let sockets = 24;
    let guesses = (0..sockets).map(|_| {
        let mut socket = world.browser();
        socket.cookie.clone_from(&page.cookie);
        let wrong = wrong.clone();
        async move {
            loop {
                let answer = socket.verify(json!({"otp": wrong})).await;
                if answer.error() != Some("in_progress") {
                    return answer;
                }
                assert_eq!(answer.header("retry-after"), Some("1"));
            }
        }
    });
    let answers = futures_util::future::join_all(guesses).await;
    let count = |error| answers.iter().filter(|answer| answer.error() == Some(error)).count();
    assert_eq!((count("invalid_code"), count("too_many_attempts")), (4, 1));
    assert_eq!(count("session_expired"), sockets - 5);
    assert_eq!(world.received_grant(Grant::MfaOtp), 5, "no more guesses reached Auth0");
    assert_eq!(world.stack.tenant().most_in_flight().of_one_mfa_token, 1, "and never two at once");
}

/// The table fails just when the last wrong code ends the session: what is left in it takes no code any more.
#[tokio::test]
async fn guessing_on_in_a_session_whose_end_could_not_be_written() {
    let proxy = Proxy::start().await.unwrap();
    let world = World::start_with(|stack| stack.set("AWS_ENDPOINT_URL_DYNAMODB", proxy.url())).await;
    proxy.to(world.stack.dynamodb().address());
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    let cookie = page.cookie.clone();
    for _ in 0..4 {
        page.verify(json!({"otp": world.wrong_otp()})).await.is(401, "invalid_code");
    }
    proxy.fail("DeleteItem", 2, Trouble::CutBeforeProcessing);
    page.verify(json!({"otp": world.wrong_otp()})).await.is(429, "too_many_attempts");
    assert_eq!(world.items().len(), 1, "it was not removed");

    page.cookie = cookie;
    world.advance(Duration::from_secs(11)); // past its lease
    page.verify(json!({"otp": world.otp()})).await.is(401, "session_expired");
    assert_eq!(world.received_grant(Grant::MfaOtp), 5);
}

/// "Sign in again for five more": ends at Auth0's budget, ten an hour for a user.
#[tokio::test]
async fn guessing_across_sessions() {
    let world = World::start().await;
    let mut tried = 0;
    for _ in 0..5 {
        let mut page = world.browser();
        page.begin().await.is_otp_challenge();
        for _ in 0..5 {
            let answer = page.verify(json!({"otp": world.wrong_otp()})).await;
            assert!(matches!(answer.error(), Some("invalid_code" | "too_many_attempts")), "{}", answer.body);
            tried += usize::from(answer.error() == Some("invalid_code"));
        }
    }
    assert!(tried <= 10, "{tried}");
    assert_eq!(world.stack.tenant().wrong_codes_left(EMAIL), Some(0));
}

/// A code that was seen over a shoulder, after its owner has used it.
#[tokio::test]
async fn a_code_replayed() {
    let world = World::start().await;
    let (mut victim, mut attacker) = (world.browser(), world.browser());
    let code = world.otp();
    victim.begin().await.is_otp_challenge();
    attacker.begin().await.is_otp_challenge();
    victim.verify(json!({"otp": code})).await.is_tokens();
    attacker.verify(json!({"otp": code})).await.is(401, "invalid_code");
}

// --- Other sites.

/// A request as another site can make a browser send it, with the victim's cookie.
async fn forged(world: &World, page: &Browser, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = reqwest::Client::new().post(world.url("authenticate"));
    request = request.header(COOKIE, page.cookie.clone().unwrap());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut other = page.fresh();
    other.send(request.body(body.to_owned())).await
}

/// A form that posts itself (`enctype` can be one of three types, none of them JSON).
#[tokio::test]
async fn csrf_by_a_form() {
    let world = world().await;
    let mut page = signed_in(&world).await;
    let body = "action=renew";
    for content_type in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        forged(&world, &page, &[("content-type", content_type)], body).await.is(415, "unsupported_media_type");
    }
    assert_eq!(state(&mut page).await, "signed_in");
}

/// A form whose only field is JSON in disguise.
#[tokio::test]
async fn csrf_by_text_plain() {
    let world = world().await;
    let page = signed_in(&world).await;
    let asked = world.requests().len();
    for headers in [&[("content-type", "text/plain")][..], &[]] {
        forged(&world, &page, headers, r#"{"action":"renew"}"#).await.is(415, "unsupported_media_type");
    }
    assert_eq!(world.requests().len(), asked);
}

/// Another site's script, with JSON, and a browser that tells where it comes from.
#[tokio::test]
async fn csrf_by_a_foreign_origin() {
    let world = world().await;
    let page = signed_in(&world).await;
    let asked = world.requests().len();
    for origin in
        ["https://evil.example", "null", "http://localhost.evil.example", "https://localhost:3000@evil.example"]
    {
        let headers = [("content-type", "application/json"), ("origin", origin)];
        let refused = forged(&world, &page, &headers, r#"{"action":"renew"}"#).await;
        refused.is(403, "origin_not_allowed");
        assert_eq!(refused.header("access-control-allow-origin"), None);
    }
    let cross_site = [("content-type", "application/json"), ("sec-fetch-site", "cross-site")];
    forged(&world, &page, &cross_site, r#"{"action":"renew"}"#).await.is(403, "origin_not_allowed");
    assert_eq!(world.requests().len(), asked);
}

/// A sibling is the same site to `SameSite`, so the cookie comes along: its origin gives it away.
#[tokio::test]
async fn csrf_by_a_sibling_subdomain() {
    let world = World::start_with(|stack| stack.demo().set("ALLOWED_ORIGINS", "https://app.example.com")).await;
    let page = signed_in(&world).await;
    for origin in
        ["https://blog.example.com", "https://example.com", "http://app.example.com", "https://app.example.com:8443"]
    {
        let headers = [("content-type", "application/json"), ("origin", origin), ("sec-fetch-site", "same-site")];
        forged(&world, &page, &headers, r#"{"action":"renew"}"#).await.is(403, "origin_not_allowed");
    }
}

/// A sibling can set a cookie for the whole domain. It cannot set one with the prefix `__Host-`, and of two
/// cookies of one name neither is believed.
#[tokio::test]
async fn a_cookie_tossed_by_a_sibling_subdomain() {
    let world = world().await;
    let victim = signed_in(&world).await;
    let mut attacker = world.browser();
    attacker.begin_as(EVE, PASSWORD).await.is_otp_challenge();
    let mut both = victim.fresh();
    both.cookie = Some(format!("{}; {}", attacker.cookie.unwrap(), victim.cookie.unwrap()));
    assert_eq!(state(&mut both).await, "none");

    let deployed = World::start_with(|stack| stack.set("COOKIE_INSECURE", "false")).await;
    let set = deployed.browser().begin().await.set_cookie.unwrap();
    assert!(set.starts_with("__Host-") && set.contains("; Path=/;") && set.contains("; Secure"), "{set}");
    assert!(!set.to_ascii_lowercase().contains("domain="), "{set}");
}

/// A forged `Host` that fits a forged `Origin`: a browser does not let a page choose either.
#[tokio::test]
async fn dns_rebinding_to_plain_http() {
    let world = world().await;
    let mut page = world.browser();
    let request = reqwest::Client::new()
        .post(world.url("authenticate"))
        .header(HOST, "evil.example")
        .header(ORIGIN, "http://evil.example")
        .header(CONTENT_TYPE, "application/json")
        .body(json!({"email": EMAIL, "password": PASSWORD}).to_string());
    page.send(request).await.is(403, "origin_not_allowed");
}

// --- What Auth0 is told, and what it tells.

/// To get around Auth0's protection against password guessing, or to have another address blocked.
#[tokio::test]
async fn a_forged_x_forwarded_for() {
    let world = World::start().await;
    let mut page = world.browser();
    for header in ["x-forwarded-for", "auth0-forwarded-for", "forwarded", "x-real-ip", "true-client-ip"] {
        let request = page.request(Method::POST, "authenticate").header(CONTENT_TYPE, "application/json");
        let request = request.header(header, "203.0.113.66, 198.51.100.7");
        page.send(request.body(json!({"email": EMAIL, "password": PASSWORD}).to_string())).await.is_otp_challenge();
    }
    let told: BTreeSet<_> = world.requests().into_iter().filter_map(|request| request.forwarded_for).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told.iter().all(|ip| ip == "127.0.0.1"), "what the gateway saw: {told:?}");
}

/// By the answer, its headers, or the number of calls that it takes: the same whether there is such a user.
#[tokio::test]
async fn enumeration_of_users() {
    let world = World::start().await;
    let mut seen = Vec::new();
    for email in [EMAIL, "nobody@example.com", "also-nobody@example.com"] {
        let before = world.requests().len();
        let mut answer = world.browser().begin_as(email, "a wrong password").await;
        answer.is(401, "invalid_credentials");
        answer.body["request_id"] = Value::Null;
        let headers: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| *name != "date")
            .map(|(name, value)| format!("{name}: {value:?}"))
            .map(|line| if line.contains("request") { line.split(':').next().unwrap().to_owned() } else { line })
            .collect();
        seen.push((answer.status, answer.body, headers, world.requests().len() - before, world.items().len()));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
}

/// A tenant where nothing asks for MFA gives the elevated scope to the refresh token alone.
#[tokio::test]
async fn a_step_up_token_obtained_without_mfa() {
    for policy in ["required", "optional"] {
        let world = World::start_with(|stack| stack.demo().set("MFA_POLICY", policy)).await;
        let mut page = signed_in(&world).await;
        world.stack.tenant().set_rule(|_: &Login| Verdict::NoMfa);
        let refused = page.authenticate(json!({"action": "step_up", "scope": SCOPE})).await;
        refused.is(403, "mfa_not_enforced");
        assert!(refused.body.get("access_token").is_none());

        // Nor by renewal, nor by signing in.
        let renewed = page.authenticate(json!({"action": "renew"})).await;
        assert!(!renewed.body["scope"].as_str().unwrap().contains(SCOPE));
        for body in [
            json!({"action": "renew", "scope": SCOPE}),
            json!({"email": EMAIL, "password": PASSWORD, "scope": SCOPE}),
            json!({"action": "challenge", "scope": SCOPE}),
        ] {
            page.authenticate(body).await.is(400, "invalid_request");
        }
        assert!(world.requests().iter().all(|request| {
            request.grant_type.as_deref() != Some(Grant::PasswordRealm.urn())
                || !request.scope.clone().unwrap_or_default().contains(SCOPE)
        }));
    }
}

/// A pending sign-in is not a step-up: its code gives the ordinary scope.
#[tokio::test]
async fn a_scope_smuggled_into_a_sign_in() {
    let world = world().await;
    let mut page = signed_in(&world).await;
    page.authenticate(json!({"action": "step_up", "scope": SCOPE})).await.is_otp_challenge();
    page.begin().await.is_otp_challenge();
    let tokens = page.verify(json!({"otp": world.fresh_otp()})).await;
    assert!(!tokens.is_tokens().body["scope"].as_str().unwrap().contains(SCOPE));
}

/// An Action's text ends up in an answer: as JSON, in the body, and nowhere else.
#[tokio::test]
async fn response_splitting_through_auth0s_text() {
    let world = World::start().await;
    let text = "No.\r\nSet-Cookie: mfa_session=planted\r\n\r\n<script>alert(1)</script>\u{1b}[2J";
    world.stack.tenant().set_rule(move |_: &Login| Verdict::Deny(text.to_owned()));
    let refused = world.browser().begin().await;
    refused.is(403, "access_denied");
    assert_eq!(refused.set_cookie, None);
    assert_eq!(refused.header("content-type"), Some("application/json"));
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
    let description = refused.body["error_description"].as_str().unwrap();
    assert!(!description.chars().any(char::is_control), "{description:?}");
}

// --- JSON.

async fn send(page: &mut Browser, body: impl Into<reqwest::Body>) -> Answer {
    let request = page.request(Method::POST, "authenticate").header(CONTENT_TYPE, "application/json");
    page.send(request.body(body)).await
}

#[tokio::test]
async fn oversized_json() {
    let world = World::start().await;
    let mut page = world.browser();
    let body = json!({"email": EMAIL, "password": "x".repeat(1024 * 1024)}).to_string();
    send(&mut page, body).await.is(413, "payload_too_large");
    assert!(world.requests().is_empty());
    page.begin().await.is_otp_challenge();
}

#[tokio::test]
async fn deeply_nested_json() {
    let world = World::start().await;
    let mut page = world.browser();
    for body in [
        format!("{}{}", "[".repeat(4000), "]".repeat(4000)),
        format!("{{\"email\":{}{}}}", "[".repeat(4000), "]".repeat(4000)),
        format!("{}1{}", "{\"a\":".repeat(1300), "}".repeat(1300)),
    ] {
        send(&mut page, body).await.is(400, "invalid_request");
    }
    assert!(world.requests().is_empty());
    page.begin().await.is_otp_challenge();
}

/// Two keys of one name, which a filter in front and the functions might read differently.
#[tokio::test]
async fn duplicated_json_keys() {
    let world = World::start().await;
    let mut page = world.browser();
    let body = format!(r#"{{"email":"{EVE}","password":"{PASSWORD}","email":"{EMAIL}"}}"#);
    send(&mut page, body).await.is(400, "invalid_request");
    let body = format!(r#"{{"action":"renew","action":"sign_in","email":"{EMAIL}","password":"{PASSWORD}"}}"#);
    send(&mut page, body).await.is(400, "invalid_request");
    assert!(world.requests().is_empty());

    page.begin().await.is_otp_challenge();
    let request = page.request(Method::POST, "verify").header(CONTENT_TYPE, "application/json");
    let body = format!(r#"{{"otp":"{}","otp":"{}"}}"#, world.wrong_otp(), world.otp());
    page.send(request.body(body)).await.is(400, "invalid_request");
    assert_eq!(world.received_grant(Grant::MfaOtp), 0);
}
