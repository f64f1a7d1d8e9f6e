//! What the tokens hold.

use auth0_tenant::{Api, Application, Grant, Tenant, TenantKey};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use std::time::Duration;

use crate::client::{ADA, BANK, CLIENT_ID, CLIENT_SECRET, Client, ada, answer, builder, no_mfa};

async fn open() -> Client {
    Client::start(builder().settings(no_mfa()).user(ada().name("Ada Lovelace"))).await
}

#[tokio::test]
async fn the_tokens_are_signed_by_the_key_in_the_jwks() {
    let client = Client::with_otp().await;
    let tokens = client.sign_in().await;
    let discovery = answer(client.http.get(client.url("/.well-known/openid-configuration"))).await.body;
    assert_eq!(discovery["issuer"], client.tenant.issuer());
    let jwks_uri = discovery["jwks_uri"].as_str().unwrap();
    let keys: JwkSet = client.http.get(jwks_uri).send().await.unwrap().json().await.unwrap();
    for (field, audience) in [("id_token", CLIENT_ID), ("access_token", BANK)] {
        let token = tokens.text_of(field);
        let header = jsonwebtoken::decode_header(token).unwrap();
        assert_eq!(header.alg, Algorithm::RS256);
        let key = keys.find(&header.kid.unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[client.tenant.issuer()]);
        // The tenant's clock stands in the past.
        validation.validate_exp = false;
        let key = DecodingKey::from_jwk(key).unwrap();
        jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap();
    }
}

#[tokio::test]
async fn the_id_token_says_who_and_for_whom_and_nothing_of_mfa() {
    let client = Client::with_otp().await;
    let claims = client.sign_in().await.claims("id_token");
    let now = client.tenant.clock().now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(claims["iss"], client.tenant.issuer());
    assert_eq!(claims["aud"], CLIENT_ID);
    assert_eq!(claims["sub"], client.tenant.user_id(ADA).unwrap());
    assert!(claims["sub"].as_str().unwrap().starts_with("auth0|"));
    assert_eq!(claims["iat"], now);
    assert_eq!(claims["exp"], now + 36_000);
    assert_eq!(claims["email"], ADA);
    for absent in ["amr", "acr", "auth_time"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn the_access_token_is_for_its_api_and_for_userinfo() {
    let client = Client::with_otp().await;
    let claims = client.sign_in().await.claims("access_token");
    let userinfo = client.url("/userinfo");
    assert_eq!(claims["aud"], json!([BANK, userinfo]));
    assert_eq!(claims["azp"], CLIENT_ID);
    assert_eq!(claims["scope"], "openid profile email read:accounts offline_access");
    let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(lifetime, 86_400);
}

#[tokio::test]
async fn who_asks_for_no_scope_gets_them_all_but_no_refresh_token() {
    let client = open().await;
    let answer = client.password_with(&[("audience", BANK)]).await;
    assert_eq!(answer.text_of("scope"), "openid profile email address phone read:accounts transfer:funds");
    assert!(answer.body.get("id_token").is_some());
    assert!(answer.body.get("refresh_token").is_none());
}

#[tokio::test]
async fn scopes_that_nobody_knows_are_left_out() {
    let client = open().await;
    let some = client.password_with(&[("audience", BANK), ("scope", "openid nonsense read:accounts")]).await;
    assert_eq!(some.text_of("scope"), "openid read:accounts");
    let none = client.password_with(&[("scope", "nonsense")]).await;
    assert_eq!(none.status, 200);
    for absent in ["scope", "id_token", "refresh_token"] {
        assert!(none.body.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn offline_access_needs_the_api_and_the_grant() {
    let client = open().await;
    let ask = async || {
        let scope = ("scope", "openid offline_access");
        client.password_with(&[("audience", BANK), scope]).await
    };
    assert!(ask().await.body.get("refresh_token").is_some());
    client.tenant.add_api(Api::new(BANK, &[]).offline_access(false));
    assert!(ask().await.body.get("refresh_token").is_none());
    client.tenant.add_api(Api::new(BANK, &[]));
    client.tenant.add_application(Application::new(CLIENT_ID, CLIENT_SECRET).without_grant(Grant::RefreshToken));
    assert!(ask().await.body.get("refresh_token").is_none());
}

#[tokio::test]
async fn an_apis_tokens_live_as_long_as_it_says() {
    let client = open().await;
    client.tenant.add_api(Api::new(BANK, &[]).token_lifetime(Duration::from_mins(2)));
    assert_eq!(client.password().await.body["expires_in"], 120);
}

#[tokio::test]
async fn without_an_audience_the_access_token_is_opaque_unless_there_is_a_default() {
    let client = open().await;
    let opaque = client.password_with(&[("scope", "openid")]).await;
    assert_eq!(opaque.text_of("access_token").split('.').count(), 1);
    client.tenant.configure(|settings| settings.default_audience = Some(BANK.to_owned()));
    let signed = client.password_with(&[("scope", "openid")]).await;
    assert_eq!(signed.claims("access_token")["aud"][0], BANK);
}

#[tokio::test]
async fn userinfo_knows_the_user_by_the_access_token() {
    let client = open().await;
    let tokens = client.password().await;
    let answer = client.get("/userinfo", tokens.text_of("access_token")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["sub"], client.tenant.user_id(ADA).unwrap());
    assert_eq!(answer.body["name"], "Ada Lovelace");
    assert_eq!(answer.body["nickname"], "ada");
    assert_eq!(answer.body["email_verified"], true);
    assert_eq!(client.get("/userinfo", "nonsense").await.status, 401);
    client.advance(86_400);
    let late = client.get("/userinfo", tokens.text_of("access_token")).await;
    assert_eq!(late.status, 401);
}

#[tokio::test]
async fn tenants_of_one_process_share_a_key_unless_they_have_their_own() {
    let start = async |builder: auth0_tenant::Builder| builder.start().await.unwrap();
    let (one, two) = (start(Tenant::builder()).await, start(Tenant::builder()).await);
    assert_eq!(one.key().id(), two.key().id());
    let key = TenantKey::generate().unwrap();
    let own = start(Tenant::builder().key(key.clone())).await;
    assert_eq!(own.key().id(), key.id());
    assert_ne!(own.key().id(), one.key().id());
}
