//! A client of a tenant, and the tenant.

use std::time::{Duration, SystemTime};

use auth0_tenant::{Api, Application, Builder, Clock, Policy, Settings, Tenant, User};
use serde_json::{Map, Value, json};

pub(crate) const ADA: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
pub(crate) const PHONE: &str = "+4915123456789";
pub(crate) const REALM: &str = "Username-Password-Authentication";
pub(crate) const BANK: &str = "https://bank.example/api";
pub(crate) const CLIENT_ID: &str = "the-client";
pub(crate) const CLIENT_SECRET: &str = "the-client-secret";

pub(crate) const REALM_GRANT: &str = "http://auth0.com/oauth/grant-type/password-realm";
pub(crate) const OTP_GRANT: &str = "http://auth0.com/oauth/grant-type/mfa-otp";
pub(crate) const OOB_GRANT: &str = "http://auth0.com/oauth/grant-type/mfa-oob";
pub(crate) const RECOVERY_GRANT: &str = "http://auth0.com/oauth/grant-type/mfa-recovery-code";

pub(crate) fn ada() -> User {
    User::new(ADA, PASSWORD)
}

/// A tenant with an application, an API and a clock that stands still.
pub(crate) fn builder() -> Builder {
    // The beginning of a 30 second step: tests count on it.
    let start = SystemTime::UNIX_EPOCH + Duration::from_mins(29_166_667);
    Tenant::builder()
        .clock(Clock::manual(start))
        .domain("tenant.example.auth0.com")
        .application(Application::new(CLIENT_ID, CLIENT_SECRET))
        .api(Api::new(BANK, &["read:accounts", "transfer:funds"]))
}

pub(crate) struct Client {
    pub(crate) tenant: Tenant,
    pub(crate) http: reqwest::Client,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn error(&self) -> (u16, &str, &str) {
        (self.status, self.text_of("error"), self.text_of("error_description"))
    }

    pub(crate) fn text_of(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or("")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The claims of a JWT in this field.
    pub(crate) fn claims(&self, field: &str) -> Value {
        claims_of(self.text_of(field))
    }
}

pub(crate) fn claims_of(token: &str) -> Value {
    jsonwebtoken::dangerous::insecure_decode::<Value>(token).unwrap().claims
}

pub(crate) fn http() -> reqwest::Client {
    // A test before this one may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, text, body }
}

impl Client {
    pub(crate) async fn start(builder: Builder) -> Self {
        Self { tenant: builder.start().await.unwrap(), http: http() }
    }

    /// With Ada, who has an authenticator app.
    pub(crate) async fn with_otp() -> Self {
        Self::start(builder().user(ada().otp_secret(SECRET))).await
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.tenant.clock().advance(Duration::from_secs(seconds));
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.tenant.base_url())
    }

    /// A form with the client's id and secret.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let mut all = vec![("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        all.extend_from_slice(fields);
        self.http.post(self.url(path)).form(&all)
    }

    /// JSON with the client's id and secret.
    pub(crate) fn json(&self, path: &str, fields: &Value) -> reqwest::RequestBuilder {
        let mut all = Map::new();
        all.insert("client_id".to_owned(), json!(CLIENT_ID));
        all.insert("client_secret".to_owned(), json!(CLIENT_SECRET));
        all.extend(fields.as_object().unwrap().clone());
        self.http.post(self.url(path)).json(&all)
    }

    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        answer(self.form("/oauth/token", fields)).await
    }

    /// A password, with these fields besides.
    pub(crate) async fn password_with(&self, more: &[(&str, &str)]) -> Answer {
        let mut fields = vec![("grant_type", REALM_GRANT), ("realm", REALM), ("username", ADA), ("password", PASSWORD)];
        for (name, value) in more {
            fields.retain(|(old, _)| old != name);
            fields.push((name, value));
        }
        self.token(&fields).await
    }

    /// Ada's password, for a token of the bank's.
    pub(crate) async fn password(&self) -> Answer {
        self.password_with(&[("audience", BANK), ("scope", "openid profile email read:accounts offline_access")]).await
    }

    pub(crate) async fn mfa_token(&self) -> String {
        let answer = self.password().await;
        assert_eq!(answer.error(), (403, "mfa_required", "Multifactor authentication required"));
        answer.text_of("mfa_token").to_owned()
    }

    pub(crate) async fn challenge(&self, mfa_token: &str, more: Value) -> Answer {
        let mut fields = json!({"mfa_token": mfa_token});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        answer(self.json("/mfa/challenge", &fields)).await
    }

    pub(crate) async fn otp(&self, mfa_token: &str, code: &str) -> Answer {
        self.token(&[("grant_type", OTP_GRANT), ("mfa_token", mfa_token), ("otp", code)]).await
    }

    pub(crate) async fn oob(&self, mfa_token: &str, oob_code: &str, code: Option<&str>) -> Answer {
        let mut fields = vec![("grant_type", OOB_GRANT), ("mfa_token", mfa_token), ("oob_code", oob_code)];
        fields.extend(code.map(|code| ("binding_code", code)));
        self.token(&fields).await
    }

    pub(crate) async fn recover(&self, mfa_token: &str, code: &str) -> Answer {
        self.token(&[("grant_type", RECOVERY_GRANT), ("mfa_token", mfa_token), ("recovery_code", code)]).await
    }

    pub(crate) async fn refresh(&self, refresh_token: &str, scope: Option<&str>) -> Answer {
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        fields.extend(scope.map(|scope| ("scope", scope)));
        self.token(&fields).await
    }

    /// The right code, even if this moment's has been used.
    pub(crate) fn code(&self) -> String {
        self.tenant.fresh_otp_code(ADA).unwrap()
    }

    /// A whole sign-in with an OTP.
    pub(crate) async fn sign_in(&self) -> Answer {
        let mfa_token = self.mfa_token().await;
        let answer = self.otp(&mfa_token, &self.code()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
    }

    pub(crate) async fn get(&self, path: &str, bearer: &str) -> Answer {
        answer(self.http.get(self.url(path)).bearer_auth(bearer)).await
    }

    pub(crate) async fn delete(&self, path: &str, bearer: &str) -> Answer {
        answer(self.http.delete(self.url(path)).bearer_auth(bearer)).await
    }

    pub(crate) async fn associate(&self, bearer: &str, fields: Value) -> Answer {
        answer(self.http.post(self.url("/mfa/associate")).bearer_auth(bearer).json(&fields)).await
    }
}

/// Settings without MFA.
pub(crate) fn no_mfa() -> Settings {
    Settings { policy: Policy::Never, ..Settings::default() }
}
