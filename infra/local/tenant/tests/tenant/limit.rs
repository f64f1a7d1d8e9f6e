//! Brute-force protection and rate limits.

use std::time::Duration;

use auth0_tenant::{Application, RateLimit};

use crate::client::{ADA, CLIENT_ID, CLIENT_SECRET, Client, PASSWORD, REALM, REALM_GRANT, answer};

const BLOCKED: &str = "too_many_attempts";

/// A password from this address.
async fn from(client: &Client, ip: &str, password: &str) -> u16 {
    let request = client
        .form(
            "/oauth/token",
            &[("grant_type", REALM_GRANT), ("realm", REALM), ("username", ADA), ("password", password)],
        )
        .header("auth0-forwarded-for", ip);
    let answer = answer(request).await;
    if answer.status == 429 {
        assert_eq!(answer.text_of("error"), BLOCKED);
        assert!(
            answer
                .text_of("error_description")
                .starts_with("Your account has been blocked after multiple consecutive login attempts")
        );
    }
    answer.status
}

async fn trusting() -> Client {
    let client = Client::with_otp().await;
    client.tenant.add_application(Application::new(CLIENT_ID, CLIENT_SECRET).trusts_forwarded_for(true));
    client
}

#[tokio::test]
async fn the_tenth_wrong_password_is_still_answered_and_the_next_request_is_blocked() {
    let client = Client::with_otp().await;
    for _ in 0..10 {
        let answer = client.password_with(&[("password", "wrong")]).await;
        assert_eq!(answer.text_of("error"), "invalid_grant");
    }
    let right = client.password().await;
    assert_eq!((right.status, right.text_of("error")), (429, BLOCKED));
    client.advance(30 * 86_400 - 1);
    assert_eq!(client.password().await.status, 429);
    client.advance(1);
    assert_eq!(client.password().await.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn a_right_password_begins_the_count_anew() {
    let client = Client::with_otp().await;
    for _ in 0..3 {
        for _ in 0..9 {
            client.password_with(&[("password", "wrong")]).await;
        }
        assert_eq!(client.password().await.text_of("error"), "mfa_required");
    }
}

#[tokio::test]
async fn a_block_ends_when_it_is_lifted_or_the_password_changes() {
    let client = Client::with_otp().await;
    let block = async || {
        for _ in 0..10 {
            client.password_with(&[("password", "wrong")]).await;
        }
        assert_eq!(client.password().await.status, 429);
    };
    block().await;
    client.tenant.unblock(ADA);
    assert_eq!(client.password().await.text_of("error"), "mfa_required");
    block().await;
    client.tenant.set_password(ADA, PASSWORD);
    assert_eq!(client.password().await.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn an_unknown_user_is_blocked_as_well() {
    let client = Client::with_otp().await;
    let ask = async || client.password_with(&[("username", "nobody@example.com")]).await;
    for _ in 0..10 {
        assert_eq!(ask().await.status, 403);
    }
    assert_eq!(ask().await.status, 429);
    assert_eq!(client.password().await.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn the_threshold_is_a_setting_and_may_be_off() {
    let client = Client::with_otp().await;
    client.tenant.configure(|settings| settings.brute_force_threshold = Some(2));
    for _ in 0..2 {
        client.password_with(&[("password", "wrong")]).await;
    }
    assert_eq!(client.password().await.status, 429);
    client.tenant.unblock(ADA);
    client.tenant.configure(|settings| settings.brute_force_threshold = None);
    for _ in 0..20 {
        assert_eq!(client.password_with(&[("password", "wrong")]).await.status, 403);
    }
}

#[tokio::test]
async fn a_trusted_forwarded_address_is_the_one_that_is_blocked() {
    let client = trusting().await;
    for _ in 0..10 {
        assert_eq!(from(&client, "192.0.2.1", "wrong").await, 403);
    }
    assert_eq!(from(&client, "192.0.2.1", PASSWORD).await, 429);
    assert_eq!(from(&client, "192.0.2.2", PASSWORD).await, 403, "mfa_required");
    assert_eq!(from(&client, "2001:db8::1", PASSWORD).await, 403, "mfa_required");
    assert_eq!(client.password().await.text_of("error"), "mfa_required");
    let received = client.tenant.received();
    assert_eq!(received[0].forwarded_for.as_deref(), Some("192.0.2.1"));
}

#[tokio::test]
async fn a_forwarded_address_counts_for_nothing_if_the_application_does_not_trust_it() {
    let client = Client::with_otp().await;
    for last in 0..10 {
        from(&client, &format!("192.0.2.{last}"), "wrong").await;
    }
    assert_eq!(from(&client, "192.0.2.99", PASSWORD).await, 429);
}

#[tokio::test]
async fn what_is_not_one_address_is_ignored() {
    let client = trusting().await;
    for header in ["192.0.2.1, 192.0.2.2", "example.com", "192.0.2.1:80", "", "unknown"] {
        for _ in 0..2 {
            from(&client, header, "wrong").await;
        }
    }
    assert_eq!(client.password().await.status, 429, "all ten were the peer's");
}

#[tokio::test]
async fn a_rate_limit_says_how_much_is_left_and_when_it_ends() {
    let client = Client::with_otp().await;
    client.tenant.configure(|settings| {
        settings.rate_limit = Some(RateLimit { requests: 2, window: Duration::from_secs(10), retry_after: false });
    });
    let now = client.tenant.clock().now();
    let reset = now + Duration::from_secs(10);
    let reset = reset.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().to_string();
    for left in ["1", "0"] {
        let answer = client.password().await;
        assert_eq!(answer.text_of("error"), "mfa_required");
        assert_eq!(answer.header("x-ratelimit-limit"), Some("2"));
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(left));
        assert_eq!(answer.header("x-ratelimit-reset"), Some(reset.as_str()));
    }
    let over = client.password().await;
    assert_eq!(over.error(), (429, "too_many_requests", "Rate limit exceeded."));
    assert_eq!(over.header("retry-after"), None);

    client.advance(4);
    client.tenant.configure(|settings| {
        settings.rate_limit.as_mut().unwrap().retry_after = true;
    });
    assert_eq!(client.password().await.header("retry-after"), Some("6"));
    client.advance(6);
    assert_eq!(client.password().await.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn one_users_logins_can_be_limited_to_twenty_and_then_ten_a_minute() {
    let client = Client::with_otp().await;
    client.tenant.configure(|settings| settings.login_rate = true);
    for _ in 0..20 {
        assert_eq!(client.password().await.text_of("error"), "mfa_required");
    }
    assert_eq!(client.password().await.text_of("error"), "too_many_requests");
    client.advance(6);
    assert_eq!(client.password().await.text_of("error"), "mfa_required");
    assert_eq!(client.password().await.text_of("error"), "too_many_requests");
}
