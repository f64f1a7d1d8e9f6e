//! The refresh grant: rotation, reuse, step-up; and revocation.

use std::time::Duration;

use auth0_tenant::{Application, Conduct, Policy, Protocol, Settings, StepUpRefresh, Verdict};
use serde_json::json;

use crate::client::{ADA, BANK, CLIENT_ID, CLIENT_SECRET, Client, SECRET, ada, answer, builder, no_mfa};

const INVALID: (u16, &str, &str) = (403, "invalid_grant", "Unknown or invalid refresh token.");
const TRANSFER: &str = "openid read:accounts transfer:funds";

/// A tenant that asks for MFA for `transfer:funds` alone, and a refresh token of Ada's.
async fn bank() -> (Client, String) {
    let settings = Settings { step_up_scopes: vec!["transfer:funds".to_owned()], ..no_mfa() };
    let client = Client::start(builder().settings(settings).user(ada().otp_secret(SECRET))).await;
    let tokens = client.password().await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
    let refresh_token = tokens.text_of("refresh_token").to_owned();
    (client, refresh_token)
}

#[tokio::test]
async fn a_refresh_gives_new_tokens_and_the_next_refresh_token() {
    let (client, first) = bank().await;
    let answer = client.refresh(&first, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.text_of("scope"), "openid profile email read:accounts offline_access");
    let second = answer.text_of("refresh_token");
    assert_ne!(first, second);
    assert_eq!(client.refresh(second, None).await.status, 200);
}

#[tokio::test]
async fn a_refresh_may_ask_for_less_but_not_for_more() {
    let (client, first) = bank().await;
    let less = client.refresh(&first, Some("openid read:accounts")).await;
    assert_eq!(less.text_of("scope"), "openid read:accounts");
    // The next refresh token has what the first one had.
    let second = less.text_of("refresh_token");
    let more = client.refresh(second, Some("openid email address phone")).await;
    assert_eq!(more.text_of("scope"), "openid email");
}

#[tokio::test]
async fn a_refresh_token_that_is_used_twice_takes_its_family_with_it() {
    let (client, first) = bank().await;
    let second = client.refresh(&first, None).await;
    let second = second.text_of("refresh_token");
    assert_eq!(client.refresh(&first, None).await.error(), INVALID);
    assert_eq!(client.refresh(second, None).await.error(), INVALID);
    assert_eq!(client.tenant.live_refresh_tokens(ADA), 0);
}

#[tokio::test]
async fn another_sign_in_is_another_family() {
    let (client, first) = bank().await;
    let other = client.password().await;
    client.refresh(&first, None).await;
    client.refresh(&first, None).await;
    let answer = client.refresh(other.text_of("refresh_token"), None).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn within_the_leeway_a_refresh_token_may_be_used_again() {
    let (client, _) = bank().await;
    client.tenant.add_application(Application::new(CLIENT_ID, CLIENT_SECRET).rotation_leeway(Duration::from_secs(10)));
    let first = client.password().await;
    let first = first.text_of("refresh_token");
    assert_eq!(client.refresh(first, None).await.status, 200);
    client.advance(9);
    assert_eq!(client.refresh(first, None).await.status, 200);
    client.advance(1);
    assert_eq!(client.refresh(first, None).await.error(), INVALID);
}

#[tokio::test]
async fn without_rotation_a_refresh_token_goes_on() {
    let (client, _) = bank().await;
    client.tenant.add_application(Application::new(CLIENT_ID, CLIENT_SECRET).rotates_refresh_tokens(false));
    let tokens = client.password().await;
    let token = tokens.text_of("refresh_token");
    for _ in 0..3 {
        let answer = client.refresh(token, None).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.get("refresh_token").is_none());
    }
}

#[tokio::test]
async fn a_family_ends_with_its_lifetime() {
    let (client, first) = bank().await;
    client.advance(15 * 86_400);
    let second = client.refresh(&first, None).await;
    client.advance(15 * 86_400);
    assert_eq!(client.refresh(second.text_of("refresh_token"), None).await.error(), INVALID);
}

#[tokio::test]
async fn a_refresh_token_is_its_own_clients() {
    let (client, first) = bank().await;
    client.tenant.add_application(Application::new("other", "other-secret"));
    let answer = client
        .token(&[
            ("client_id", "other"),
            ("client_secret", "other-secret"),
            ("grant_type", "refresh_token"),
            ("refresh_token", &first),
        ])
        .await;
    assert_eq!(answer.error(), INVALID);
    assert_eq!(client.refresh("nonsense", None).await.error(), INVALID);
}

#[tokio::test]
async fn a_user_who_was_blocked_denied_or_removed_cannot_refresh() {
    let (client, first) = bank().await;
    client.tenant.set_conduct(ADA, Conduct::Blocked);
    assert_eq!(client.refresh(&first, None).await.error(), (403, "invalid_grant", "user is blocked"));
    client.tenant.set_conduct(ADA, Conduct::Denied("No.".to_owned()));
    assert_eq!(client.refresh(&first, None).await.error(), (403, "access_denied", "No."));
    // None of that has used it up.
    client.tenant.set_conduct(ADA, Conduct::PasswordLeaked);
    let second = client.refresh(&first, None).await;
    assert_eq!(second.status, 200);
    client.tenant.remove_user(ADA);
    assert_eq!(client.refresh(second.text_of("refresh_token"), None).await.error(), INVALID);
}

#[tokio::test]
async fn revocation_ends_the_family_and_does_not_say_whether_there_was_one() {
    let (client, first) = bank().await;
    let second = client.refresh(&first, None).await;
    let second = second.text_of("refresh_token");
    let revoke = async |token: &str| answer(client.json("/oauth/revoke", &json!({"token": token}))).await;
    let done = revoke(second).await;
    assert_eq!((done.status, done.text.as_str()), (200, ""));
    assert_eq!(revoke("nonsense").await.status, 200);
    assert_eq!(client.refresh(second, None).await.error(), INVALID);
    let missing = answer(client.form("/oauth/revoke", &[])).await;
    assert_eq!(missing.text_of("error"), "invalid_request");
    let stranger = answer(client.form("/oauth/revoke", &[("client_secret", "no")])).await;
    assert_eq!(stranger.status, 401);
}

#[tokio::test]
async fn the_policy_always_breaks_ordinary_refreshes() {
    let (client, first) = bank().await;
    client.tenant.configure(|settings| settings.policy = Policy::Always);
    assert_eq!(client.refresh(&first, None).await.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn a_policy_that_excepts_refreshes_asks_at_passwords_and_at_step_ups() {
    let (client, _) = bank().await;
    client.tenant.configure(|settings| settings.policy = Policy::AlwaysExceptRefresh);
    let tokens = client.sign_in().await;
    let refreshed = client.refresh(tokens.text_of("refresh_token"), None).await;
    assert_eq!(refreshed.status, 200);
    let asked = client.refresh(refreshed.text_of("refresh_token"), Some(TRANSFER)).await;
    assert_eq!(asked.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn a_step_up_scope_is_given_after_mfa_only() {
    let (client, first) = bank().await;
    let asked = client.refresh(&first, Some(TRANSFER)).await;
    assert_eq!(asked.error(), (403, "mfa_required", "Multifactor authentication required"));
    let mfa_token = asked.text_of("mfa_token");
    let challenge = client.challenge(mfa_token, json!({"challenge_type": "otp"})).await;
    assert_eq!(challenge.status, 200);
    let done = client.otp(mfa_token, &client.code()).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(done.text_of("scope"), TRANSFER);
    assert_eq!(done.claims("access_token")["scope"], TRANSFER);
    assert_eq!(done.claims("id_token")["sub"], client.tenant.user_id(ADA).unwrap());

    // The next one, named or not, is without it.
    let plain = client.refresh(done.text_of("refresh_token"), None).await;
    assert!(!plain.text_of("scope").contains("transfer:funds"));
    let again = client.refresh(plain.text_of("refresh_token"), Some(TRANSFER)).await;
    assert_eq!(again.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn a_password_asks_for_mfa_for_a_step_up_scope_too_and_gets_none_by_silence() {
    let (client, _) = bank().await;
    let asked = client.password_with(&[("audience", BANK), ("scope", TRANSFER)]).await;
    assert_eq!(asked.text_of("error"), "mfa_required");
    let silent = client.password_with(&[("audience", BANK)]).await;
    assert_eq!(silent.status, 200);
    assert!(!silent.text_of("scope").contains("transfer:funds"));
}

#[tokio::test]
async fn the_elevated_scope_may_stay_with_the_refresh_token_if_the_tenant_is_told_so() {
    let (client, first) = bank().await;
    client.tenant.configure(|settings| settings.step_up_scope_stays = true);
    let asked = client.refresh(&first, Some(TRANSFER)).await;
    let done = client.otp(asked.text_of("mfa_token"), &client.code()).await;
    let silent = client.refresh(done.text_of("refresh_token"), None).await;
    assert!(silent.text_of("scope").contains("transfer:funds"));
    let named = client.refresh(silent.text_of("refresh_token"), Some("openid read:accounts")).await;
    assert_eq!(named.text_of("scope"), "openid read:accounts");
}

#[tokio::test]
async fn mfa_required_leaves_the_refresh_token_good_until_the_factor_is_passed() {
    let (client, first) = bank().await;
    let asked = client.refresh(&first, Some(TRANSFER)).await;
    assert_eq!(client.tenant.live_refresh_tokens(ADA), 1);
    let done = client.otp(asked.text_of("mfa_token"), &client.code()).await;
    assert!(done.body.get("refresh_token").is_some());
    assert_eq!(client.refresh(&first, None).await.error(), INVALID);
}

#[tokio::test]
async fn a_step_up_that_is_given_up_costs_nothing_unless_the_token_is_consumed_at_once() {
    let (client, first) = bank().await;
    client.refresh(&first, Some(TRANSFER)).await;
    let second = client.refresh(&first, None).await;
    assert_eq!(second.status, 200);

    client.tenant.configure(|s| s.step_up_refresh = StepUpRefresh::ConsumedAtOnce);
    let second = second.text_of("refresh_token");
    let asked = client.refresh(second, Some(TRANSFER)).await;
    assert_eq!(asked.text_of("error"), "mfa_required");
    assert_eq!(client.tenant.live_refresh_tokens(ADA), 0);
    let done = client.otp(asked.text_of("mfa_token"), &client.code()).await;
    let third = done.text_of("refresh_token");
    let asked = client.refresh(third, Some(TRANSFER)).await;
    assert_eq!(asked.text_of("error"), "mfa_required");
    assert_eq!(client.refresh(third, None).await.error(), INVALID);
    // And with the family gone, the step-up under way comes to nothing.
    let late = client.otp(asked.text_of("mfa_token"), &client.code()).await;
    assert_eq!(late.error(), INVALID);
}

#[tokio::test]
async fn the_refresh_token_may_outlive_the_step_up() {
    let (client, first) = bank().await;
    client.tenant.configure(|s| s.step_up_refresh = StepUpRefresh::Kept);
    let asked = client.refresh(&first, Some(TRANSFER)).await;
    let done = client.otp(asked.text_of("mfa_token"), &client.code()).await;
    assert_eq!(done.status, 200);
    assert!(done.body.get("refresh_token").is_none());
    assert_eq!(client.refresh(&first, None).await.status, 200);
}

#[tokio::test]
async fn a_rule_sees_the_protocol_and_the_scopes_that_were_asked_for() {
    let (client, first) = bank().await;
    client.tenant.set_rule(|login| {
        let wanted = login.requested_scopes.iter().any(|s| s == "read:accounts");
        match login.protocol {
            Protocol::RefreshToken if wanted && login.methods.is_empty() => Verdict::Mfa,
            _ => Verdict::Continue,
        }
    });
    assert_eq!(client.password().await.status, 200);
    let asked = client.refresh(&first, Some("openid read:accounts")).await;
    assert_eq!(asked.text_of("error"), "mfa_required");
    assert_eq!(client.refresh(&first, Some("openid")).await.status, 200);
}

#[tokio::test]
async fn overlapping_uses_of_one_refresh_token_are_counted() {
    let (client, first) = bank().await;
    client
        .tenant
        .fail(auth0_tenant::Fault::at(auth0_tenant::Endpoint::Token).times(2).delay(Duration::from_millis(100)));
    let (one, two) = tokio::join!(client.refresh(&first, None), client.refresh(&first, None));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
    assert_eq!(client.tenant.most_in_flight().of_one_refresh_token, 2);
    client.tenant.clear_received();
    client.password().await;
    assert_eq!(client.tenant.most_in_flight().of_one_refresh_token, 0);
}

#[tokio::test]
async fn an_administrator_may_revoke_all_of_a_users_refresh_tokens() {
    let (client, first) = bank().await;
    client.password().await;
    assert_eq!(client.tenant.live_refresh_tokens(ADA), 2);
    client.tenant.revoke_refresh_tokens(ADA);
    assert_eq!(client.tenant.live_refresh_tokens(ADA), 0);
    assert_eq!(client.refresh(&first, None).await.error(), INVALID);
}
