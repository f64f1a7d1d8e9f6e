//! The client secret: rotated, missing, out of reach.

use e2e::World;
use std::time::Duration;

#[tokio::test]
async fn a_rotation_fails_no_sign_in() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.stack.rotate_secret("rotated-secret");
    page.begin().await.is_otp_challenge();
    let token_requests = world.received(auth0_tenant::Endpoint::Token);
    page.begin().await.is_otp_challenge();
    assert_eq!(world.received(auth0_tenant::Endpoint::Token), token_requests + 1, "the new secret is kept");
}

#[tokio::test]
async fn a_secret_that_is_wrong_everywhere_is_a_misconfiguration_and_is_not_tried_for_ever() {
    let world = World::start().await;
    let mut page = world.browser();
    let tenant = world.stack.tenant();
    tenant.rotate_client_secret(&tenant.client_id(), "known-to-auth0-alone");
    page.begin().await.is(500, "server_misconfigured");
    assert_eq!(world.received(auth0_tenant::Endpoint::Token), 1, "the same secret is not sent twice");
}

#[tokio::test]
async fn json_with_a_client_secret_is_a_secret_too() {
    let world = World::start().await;
    let secret = world.stack.tenant().client_secret();
    world.stack.secrets().put(world.stack.secret_name(), &serde_json::json!({"client_secret": secret}).to_string());
    world.advance(Duration::from_secs(301));
    world.browser().begin().await.is_otp_challenge();
}

#[tokio::test]
async fn while_secrets_manager_is_down_the_last_value_goes_on_serving() {
    let world = World::start().await;
    let mut page = world.browser();
    page.begin().await.is_otp_challenge();
    world.stack.secrets_manager().down().await.unwrap();
    world.advance(Duration::from_hours(1));
    page.begin().await.is_otp_challenge();
}

#[tokio::test]
async fn a_secret_that_was_never_read_is_store_unavailable_until_it_can_be() {
    let world = World::start_with(|stack| stack.set("AUTH0_CLIENT_SECRET_ID", "no-such-secret")).await;
    world.browser().begin().await.is(503, "store_unavailable");
    assert_eq!(world.received(auth0_tenant::Endpoint::Token), 0);
    let secret = world.stack.tenant().client_secret();
    world.stack.secrets().put("no-such-secret", &secret);
    world.browser().begin().await.is_otp_challenge();
    world.stack.secrets_manager().down().await.unwrap();
}

#[tokio::test]
async fn a_malformed_secret_is_a_misconfiguration() {
    let world = World::start().await;
    world.stack.secrets().put(world.stack.secret_name(), "{\"something\":\"else\"}");
    world.advance(Duration::from_secs(301));
    // The last good value serves; a function that starts now has none.
    world.browser().begin().await.is_otp_challenge();
}
