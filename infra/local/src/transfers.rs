//! `POST /api/transfers`: an API that wants more than a signed-in user.
//!
//! It stands for whatever the access tokens are for. It knows neither the functions nor their sessions, only
//! the tenant's public keys, and it checks a token as any API of the tenant has to: the signature by a key of
//! the tenant, RS256 and nothing else, issuer, audience, expiry; then the scope, which the tenant puts only into
//! a token that was given after a fresh second factor.
//!
//! A token without that scope is answered as RFC 9470 says, which is where the page learns what to ask for.
//! One with it is good for one transfer: the next one is confirmed anew.
//!
//! Not checked, and not needed: `amr` and `acr`, which Auth0 does not put into tokens of the MFA grants. The
//! scope is what proves the second factor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, StatusCode};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use mfa_core::Clock;
use serde::Deserialize;
use serde_json::{Value, json};

/// The scope that a transfer needs.
pub(crate) const SCOPE: &str = "transfer:funds";

/// How far the tenant's clock and this one may differ, in seconds.
const SKEW: u64 = 60;

const BODY_LIMIT: usize = 8 * 1024;

/// Transfers are for these tokens.
pub(crate) struct Transfers {
    issuer: String,
    audience: String,
    keys: Keys,
    clock: Clock,
    /// The signed part of each token that has confirmed a transfer, with the token's end. Without its signature
    /// it is no token any more.
    spent: Mutex<HashMap<String, u64>>,
}

/// What an access token says.
#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
    #[serde(default)]
    scope: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// No token.
    Missing,
    /// A token that is none of ours, or is over.
    Invalid(&'static str),
    /// A good token that a fresh second factor is missing from.
    StepUp(&'static str),
    /// No transfer.
    Malformed(&'static str),
    /// The tenant's keys cannot be had.
    NoKeys,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    to: String,
    /// As a number or as text, with at most two decimals.
    amount: Value,
}

impl Transfers {
    /// Transfers for access tokens of the tenant at `tenant`, issued for `audience`.
    pub(crate) fn new(tenant: &str, audience: &str, clock: Clock) -> Self {
        Self {
            issuer: format!("{tenant}/"),
            audience: audience.to_owned(),
            keys: Keys::of(format!("{tenant}/.well-known/jwks.json")),
            clock,
            spent: Mutex::default(),
        }
    }

    /// The one route.
    pub(crate) fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        Router::new()
            .route("/api/transfers", post(answer).layer(DefaultBodyLimit::max(BODY_LIMIT)))
            .with_state(Arc::new(self))
    }

    async fn transfer(&self, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refused> {
        let token = bearer(headers)?;
        let claims = self.check(token).await?;
        if !claims.scope.split_ascii_whitespace().any(|scope| scope == SCOPE) {
            return Err(Refused::StepUp("A transfer is confirmed with the second factor"));
        }
        let transfer: Transfer = serde_json::from_slice(body)
            .map_err(|_| Refused::Malformed("A transfer is JSON with `to` and `amount`, and nothing else"))?;
        let to = transfer.to.trim();
        if to.is_empty() || to.chars().count() > 100 {
            return Err(Refused::Malformed("`to` has 1 to 100 characters"));
        }
        let amount = amount(&transfer.amount)
            .ok_or(Refused::Malformed("`amount` is more than 0, at most 1000000, with at most two decimals"))?;
        self.spend(token, claims.exp)?;
        Ok(json!({
            "success": true,
            "transfer": {"id": crate::id::uuid(), "by": claims.sub, "to": to, "amount": amount},
        }))
    }

    async fn check(&self, token: &str) -> Result<Claims, Refused> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refused::Invalid("The token is no JWT"))?;
        // Before any key is looked up: what a token says of itself never chooses how it is checked.
        if header.alg != Algorithm::RS256 {
            return Err(Refused::Invalid("The token is not signed with RS256"));
        }
        let kid = header.kid.ok_or(Refused::Invalid("The token names no key"))?;
        let key = self.keys.find(&kid).await?;

        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        // By our own clock, below.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
            .map_err(|_| Refused::Invalid("The token is not signed by this tenant for this API"))?
            .claims;
        if claims.exp.saturating_add(SKEW) <= self.clock.seconds() {
            return Err(Refused::Invalid("The token has expired"));
        }
        Ok(claims)
    }

    /// Marks a token as used, unless it is.
    fn spend(&self, token: &str, ends: u64) -> Result<(), Refused> {
        let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
        let now = self.clock.seconds();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.retain(|_, ends| ends.saturating_add(SKEW) > now);
        match spent.insert(signed.to_owned(), ends) {
            None => Ok(()),
            Some(_) => Err(Refused::StepUp("This token has confirmed a transfer already")),
        }
    }
}

async fn answer(State(transfers): State<Arc<Transfers>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut response = match transfers.transfer(&headers, &body).await {
        Ok(done) => Json(done).into_response(),
        Err(refused) => refused.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Refused> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    match value.trim_start().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && values.next().is_none() => Ok(token.trim()),
        _ => Err(Refused::Missing),
    }
}

/// An amount of money as text with two decimals. Money is never a floating-point number.
fn amount(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, "0"));
    let digits =
        |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole, 7) || !digits(decimals, 2) {
        return None;
    }
    let cents = format!("{whole}{decimals:0<2}").parse::<u32>().ok()?;
    (1..=100_000_000).contains(&cents).then(|| format!("{}.{:02}", cents / 100, cents % 100))
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, error, description) = match self {
            Self::Missing => (StatusCode::UNAUTHORIZED, "invalid_token", "An access token is missing"),
            Self::Invalid(description) => (StatusCode::UNAUTHORIZED, "invalid_token", description),
            Self::StepUp(description) => (StatusCode::UNAUTHORIZED, "insufficient_user_authentication", description),
            Self::Malformed(description) => (StatusCode::BAD_REQUEST, "invalid_request", description),
            Self::NoKeys => (StatusCode::SERVICE_UNAVAILABLE, "keys_unavailable", "The token cannot be checked now"),
        };
        // RFC 6750, section 3: who shows no token is told no error code. RFC 9470, section 3: who is to
        // authenticate again is told for what.
        let challenge = match self {
            Self::Missing => Some("Bearer".to_owned()),
            Self::Invalid(_) => Some(format!(r#"Bearer error="{error}", error_description="{description}""#)),
            Self::StepUp(_) => {
                Some(format!(r#"Bearer error="{error}", error_description="{description}", scope="{SCOPE}""#))
            }
            Self::Malformed(_) | Self::NoKeys => None,
        };
        let body = Json(json!({"success": false, "error": error, "error_description": description}));
        let mut response = (status, body).into_response();
        if let Some(challenge) = challenge.and_then(|challenge| HeaderValue::try_from(challenge).ok()) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The tenant's public keys, fetched when they are first needed.
struct Keys {
    url: String,
    http: Option<reqwest::Client>,
    cached: tokio::sync::Mutex<Cached>,
}

struct Cached {
    keys: JwkSet,
    asked: Option<Instant>,
}

/// How long keys are good without asking again.
const KEYS_MAX_AGE: Duration = Duration::from_mins(10);

/// How long an unknown key is simply unknown: made-up key ids are not to be turned into requests.
const KEYS_MIN_AGE: Duration = Duration::from_secs(10);

const KEYS_TIMEOUT: Duration = Duration::from_secs(5);

impl Keys {
    fn of(url: String) -> Self {
        // The tenant is on this machine and speaks plain HTTP, but the client wants a TLS provider.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(KEYS_TIMEOUT)
            .build()
            .inspect_err(|fault| tracing::error!(%fault, "no client for the tenant's keys"));
        let cached = tokio::sync::Mutex::new(Cached { keys: JwkSet { keys: Vec::new() }, asked: None });
        Self { url, http: http.ok(), cached }
    }

    async fn find(&self, kid: &str) -> Result<DecodingKey, Refused> {
        let mut cached = self.cached.lock().await;
        let age = cached.asked.map(|asked| asked.elapsed());
        let is_known = cached.keys.find(kid).is_some();
        let good_for = if is_known { KEYS_MAX_AGE } else { KEYS_MIN_AGE };
        if age.is_none_or(|age| age >= good_for) {
            match self.fetch().await {
                Ok(keys) => *cached = Cached { keys, asked: Some(Instant::now()) },
                // A key that was good goes on being good while the tenant is away.
                Err(fault) if is_known => tracing::warn!(%fault, "the tenant's keys were not fetched again"),
                Err(fault) => {
                    tracing::warn!(%fault, "the tenant's keys were not fetched");
                    return Err(Refused::NoKeys);
                }
            }
        }
        let key = cached.keys.find(kid).ok_or(Refused::Invalid("The token is signed by no key of this tenant"))?;
        DecodingKey::from_jwk(key).map_err(|_| Refused::NoKeys)
    }

    async fn fetch(&self) -> Result<JwkSet, String> {
        let http = self.http.as_ref().ok_or("there is no client")?;
        let answer = http.get(&self.url).send().await.map_err(|fault| fault.to_string())?;
        let answer = answer.error_for_status().map_err(|fault| fault.to_string())?;
        answer.json().await.map_err(|fault| fault.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};

    use axum::routing::get;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{EncodingKey, Header};
    use rsa::pkcs1::EncodeRsaPrivateKey as _;
    use rsa::traits::PublicKeyParts as _;
    use tokio::net::TcpListener;

    use super::*;

    const AUDIENCE: &str = "https://api.example";
    const NOW: u64 = 1_800_000_000;
    const TRANSFER: &str = r#"{"to":"Grace Hopper","amount":"25.50"}"#;

    /// A key, and its public half as a tenant's key set has it.
    struct Key {
        signing: EncodingKey,
        public: Value,
    }

    impl Key {
        fn new(kid: &str) -> Self {
            let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
            let part = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
            Self {
                signing: EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes()),
                public: json!({
                    "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": part(key.n()), "e": part(key.e()),
                }),
            }
        }

        fn sign(&self, header: &Header, claims: &Value) -> String {
            jsonwebtoken::encode(header, claims, &self.signing).unwrap()
        }
    }

    /// The tenant's key.
    fn key() -> &'static Key {
        static KEY: OnceLock<Key> = OnceLock::new();
        KEY.get_or_init(|| Key::new("one"))
    }

    fn header(kid: &str) -> Header {
        Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) }
    }

    /// An API whose tenant serves its keys and counts how often it is asked.
    struct Api {
        transfers: Transfers,
        issuer: String,
        asked: Arc<AtomicUsize>,
    }

    impl Api {
        async fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let tenant = format!("http://{}", listener.local_addr().unwrap());
            let asked = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&asked);
            let keys = move || {
                count.fetch_add(1, Ordering::Relaxed);
                async { Json(json!({"keys": [key().public]})) }
            };
            let router = Router::new().route("/.well-known/jwks.json", get(keys));
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
            let clock = Clock::from_fn(|| UNIX_EPOCH + Duration::from_secs(NOW));
            Self { transfers: Transfers::new(&tenant, AUDIENCE, clock), issuer: format!("{tenant}/"), asked }
        }

        /// What the tenant puts into a token after a step-up.
        fn claims(&self) -> Value {
            json!({
                "iss": self.issuer,
                "sub": "auth0|1",
                "aud": [AUDIENCE, "https://tenant.example/userinfo"],
                "iat": NOW - 10,
                "exp": NOW + 3600,
                "scope": "openid transfer:funds",
            })
        }

        fn token(&self) -> String {
            key().sign(&header("one"), &self.claims())
        }

        /// A token with these claims instead; `null` takes one out.
        fn token_with(&self, changes: &Value) -> String {
            let mut claims = self.claims();
            for (name, value) in changes.as_object().unwrap() {
                claims[name] = value.clone();
            }
            claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            key().sign(&header("one"), &claims)
        }

        async fn ask(&self, token: &str) -> Result<Value, Refused> {
            self.ask_with(token, TRANSFER).await
        }

        async fn ask_with(&self, token: &str, body: &str) -> Result<Value, Refused> {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            self.transfers.transfer(&headers, body.as_bytes()).await
        }
    }

    fn is_invalid(outcome: &Result<Value, Refused>) -> bool {
        matches!(outcome, Err(Refused::Invalid(_)))
    }

    #[tokio::test]
    async fn a_token_with_the_scope_is_good_for_one_transfer() {
        let api = Api::start().await;
        let token = api.token();
        let done = api.ask(&token).await.unwrap();
        assert_eq!(done["transfer"]["to"], "Grace Hopper");
        assert_eq!(done["transfer"]["amount"], "25.50");
        assert_eq!(done["transfer"]["by"], "auth0|1");
        assert!(matches!(api.ask(&token).await, Err(Refused::StepUp(_))), "the same token again");
        let other = api.token_with(&json!({"iat": NOW - 9}));
        assert!(api.ask(&other).await.is_ok(), "another one");
    }

    #[tokio::test]
    async fn of_two_transfers_at_once_with_one_token_one_is_made() {
        let api = Api::start().await;
        let token = api.token();
        let (one, other) = tokio::join!(api.ask(&token), api.ask(&token));
        assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
    }

    #[tokio::test]
    async fn a_transfer_that_is_refused_uses_no_token_up() {
        let api = Api::start().await;
        let token = api.token();
        assert!(matches!(api.ask_with(&token, r#"{"to":"","amount":1}"#).await, Err(Refused::Malformed(_))));
        assert!(api.ask(&token).await.is_ok());
    }

    #[tokio::test]
    async fn a_signed_in_user_without_the_scope_is_asked_to_authenticate_again() {
        let api = Api::start().await;
        for scope in [json!("openid profile"), json!(""), json!("transfer:funds:all untransfer:funds"), Value::Null] {
            let outcome = api.ask(&api.token_with(&json!({"scope": scope}))).await;
            assert!(matches!(outcome, Err(Refused::StepUp(_))), "{scope}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_token_of_another_issuer_audience_or_time_is_refused() {
        let api = Api::start().await;
        for changes in [
            json!({"iss": "https://elsewhere.example/"}),
            json!({"iss": null}),
            json!({"aud": "local-stack-client"}),
            json!({"aud": null}),
            json!({"exp": NOW - SKEW}),
            json!({"exp": null}),
            json!({"sub": null}),
        ] {
            let outcome = api.ask(&api.token_with(&changes)).await;
            assert!(is_invalid(&outcome), "{changes}: {outcome:?}");
        }
        let late = api.token_with(&json!({"exp": NOW - SKEW + 1}));
        assert!(api.ask(&late).await.is_ok(), "clocks may differ a little");
    }

    #[tokio::test]
    async fn a_token_that_the_tenant_did_not_sign_is_refused() {
        let api = Api::start().await;
        let claims = api.claims();
        let forger = Key::new("one");
        assert!(is_invalid(&api.ask(&forger.sign(&header("one"), &claims)).await), "another key of the same name");
        assert!(is_invalid(&api.ask(&key().sign(&header("two"), &claims)).await), "an unknown key");
        assert!(is_invalid(&api.ask(&key().sign(&Header::new(Algorithm::RS256), &claims)).await), "no key");
        let mut token = api.token();
        token.truncate(token.len() - 4);
        assert!(is_invalid(&api.ask(&token).await), "half a signature");
        for token in ["", "x", "a.b.c", "opaque-token"] {
            assert!(is_invalid(&api.ask(token).await), "{token}");
        }
    }

    #[tokio::test]
    async fn a_token_does_not_choose_its_algorithm() {
        let api = Api::start().await;
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let unsigned = format!("{}.{}.", part(&json!({"alg": "none", "kid": "one"})), part(&api.claims()));
        assert!(is_invalid(&api.ask(&unsigned).await));
        // The public key as the secret of a symmetric signature: everybody has it.
        let public = EncodingKey::from_secret(key().public["n"].as_str().unwrap().as_bytes());
        let symmetric = Header { alg: Algorithm::HS256, ..header("one") };
        assert!(is_invalid(&api.ask(&jsonwebtoken::encode(&symmetric, &api.claims(), &public).unwrap()).await));
        let other = key().sign(&Header { alg: Algorithm::RS512, ..header("one") }, &api.claims());
        assert!(is_invalid(&api.ask(&other).await));
        assert_eq!(api.asked.load(Ordering::Relaxed), 0, "no key was looked up");
    }

    #[tokio::test]
    async fn the_keys_are_fetched_once_and_not_again_for_keys_that_are_made_up() {
        let api = Api::start().await;
        for seconds in 0..5 {
            assert!(api.ask(&api.token_with(&json!({"iat": seconds}))).await.is_ok());
            let made_up = key().sign(&header(&format!("made-up-{seconds}")), &api.claims());
            assert!(is_invalid(&api.ask(&made_up).await));
        }
        assert_eq!(api.asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn without_the_tenants_keys_nothing_is_transferred() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tenant = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let clock = Clock::from_fn(|| UNIX_EPOCH + Duration::from_secs(NOW));
        let api = Api {
            transfers: Transfers::new(&tenant, AUDIENCE, clock),
            issuer: format!("{tenant}/"),
            asked: Arc::default(),
        };
        assert_eq!(api.ask(&api.token()).await, Err(Refused::NoKeys));
    }

    #[tokio::test]
    async fn a_transfer_has_a_receiver_and_an_amount_and_nothing_else() {
        let api = Api::start().await;
        let token = api.token();
        for body in [
            "",
            "to=Grace",
            "{}",
            r#"{"to":"Grace"}"#,
            r#"{"to":"  ","amount":1}"#,
            r#"{"to":"Grace","amount":1,"from":"Alan"}"#,
            r#"{"to":"Grace","amount":0}"#,
            r#"{"to":"Grace","amount":-1}"#,
            r#"{"to":"Grace","amount":"1.005"}"#,
            r#"{"to":"Grace","amount":"1e3"}"#,
            r#"{"to":"Grace","amount":"1000000.01"}"#,
            r#"{"to":"Grace","amount":null}"#,
        ] {
            let outcome = api.ask_with(&token, body).await;
            assert!(matches!(outcome, Err(Refused::Malformed(_))), "{body}: {outcome:?}");
        }
    }

    #[test]
    fn an_amount_is_exact() {
        for (given, amount_of) in [
            (json!(25), "25.00"),
            (json!(0.1), "0.10"),
            (json!("25.5"), "25.50"),
            (json!("0.01"), "0.01"),
            (json!("1000000"), "1000000.00"),
        ] {
            assert_eq!(amount(&given).as_deref(), Some(amount_of), "{given}");
        }
    }

    #[test]
    fn a_bearer_token_is_found_in_its_header_alone() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(of(&["Bearer abc"]), Ok("abc".to_owned()));
        assert_eq!(of(&["bearer  abc "]), Ok("abc".to_owned()));
        for none in [&[][..], &["abc"], &["Basic abc"], &["Bearer abc", "Bearer def"]] {
            assert_eq!(of(none), Err(Refused::Missing), "{none:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_needed_as_the_rfcs_have_it() {
        let challenge = |refused: Refused| {
            let response = refused.into_response();
            let header = response.headers().get(WWW_AUTHENTICATE);
            (response.status().as_u16(), header.map(|value| value.to_str().unwrap().to_owned()))
        };
        assert_eq!(challenge(Refused::Missing), (401, Some("Bearer".to_owned())));
        assert_eq!(
            challenge(Refused::Invalid("The token has expired")),
            (401, Some(r#"Bearer error="invalid_token", error_description="The token has expired""#.to_owned()))
        );
        assert_eq!(
            challenge(Refused::StepUp("Once more")),
            (
                401,
                Some(
                    r#"Bearer error="insufficient_user_authentication", error_description="Once more", scope="transfer:funds""#
                        .to_owned()
                )
            )
        );
        assert_eq!(challenge(Refused::Malformed("`to`")), (400, None));
        assert_eq!(challenge(Refused::NoKeys), (503, None));
    }

    #[tokio::test]
    async fn by_the_systems_clock_a_token_of_now_is_good() {
        let mut api = Api::start().await;
        api.transfers.clock = Clock::system();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!(api.ask(&api.token_with(&json!({"exp": now + 10}))).await.is_ok());
        assert!(is_invalid(&api.ask(&api.token_with(&json!({"exp": now - SKEW - 1}))).await));
    }
}
