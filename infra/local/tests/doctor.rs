//! The doctor, with the local stack for a patient.

#![expect(clippy::unwrap_used, reason = "what a test's helpers cannot do fails the test")]

use std::collections::BTreeMap;

use auth0_tenant::{Application, Endpoint, Fault, Grant, Reply, StepUpRefresh};
use local::{Stack, user};
use mfa_core::Clock;
use mfa_core::doctor::{Check, Question, Verdict, Walk, examine};
use serde_json::json;

async fn stack() -> Stack {
    Stack::builder().demo().start().await.unwrap()
}

async fn look_at(stack: &Stack, changes: &[(&str, &str)]) -> Vec<Check> {
    let mut env: BTreeMap<String, String> = stack.env().clone();
    env.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    examine(|name| env.get(name).cloned(), Clock::system()).await
}

fn wrong(checks: &[Check]) -> Vec<(&'static str, String)> {
    let wrong = checks.iter().filter_map(|check| match &check.verdict {
        Verdict::Wrong(what) => Some((check.name, what.clone())),
        _ => None,
    });
    wrong.collect()
}

/// Asserts that `name` is the one thing that is wrong, and that what is said of it has these words.
#[track_caller]
fn is_wrong_alone(checks: &[Check], name: &str, words: &[&str]) {
    let wrong = wrong(checks);
    assert_eq!(wrong.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [name], "{checks:#?}");
    let said = &wrong.first().unwrap().1;
    for word in words {
        assert!(said.contains(word), "{said:?} does not say {word:?}");
    }
}

/// The stack's application, with a change.
fn application(stack: &Stack, change: impl FnOnce(Application) -> Application) {
    let tenant = stack.tenant();
    let application = Application::new(&tenant.client_id(), &tenant.client_secret()).trusts_forwarded_for(true);
    tenant.add_application(change(application));
}

#[tokio::test]
async fn all_is_well_with_the_local_stack() {
    let stack = stack().await;
    let checks = look_at(&stack, &[]).await;
    assert_eq!(wrong(&checks), []);
    let names: Vec<_> =
        checks.iter().filter(|check| matches!(check.verdict, Verdict::Well(_))).map(|check| check.name).collect();
    assert_eq!(
        names,
        [
            "environment",
            "Auth0 domain",
            "client secret in Secrets Manager",
            "password grant",
            "MFA grants",
            "refresh token grant",
            "session table",
            "its time to live",
        ]
    );
    let odd: Vec<_> = checks.iter().filter(|check| matches!(check.verdict, Verdict::Odd(_))).map(|c| c.name).collect();
    assert_eq!(odd, ["COOKIE_INSECURE"]);
    assert!(stack.table().items().unwrap().is_empty(), "nothing is left behind");
}

#[tokio::test]
async fn a_variable_that_is_missing_is_named_and_so_is_every_other() {
    let stack = stack().await;
    let checks = look_at(&stack, &[("SESSION_TABLE", ""), ("MFA_POLICY", "maybe")]).await;
    let said: Vec<_> = wrong(&checks).into_iter().map(|(_, what)| what).collect();
    assert_eq!(said, ["SESSION_TABLE is missing", "MFA_POLICY must be one of: required, optional"]);
}

#[tokio::test]
async fn a_wrong_client_secret() {
    let stack = stack().await;
    stack.secrets().put(stack.secret_name(), "another");
    is_wrong_alone(&look_at(&stack, &[]).await, "password grant", &["Client Secret", "AUTH0_CLIENT_SECRET_ID", "Post"]);
}

#[tokio::test]
async fn a_secret_that_is_missing() {
    let stack = stack().await;
    stack.secrets().delete(stack.secret_name());
    let words = ["ResourceNotFoundException", "AUTH0_CLIENT_SECRET_ID"];
    is_wrong_alone(&look_at(&stack, &[]).await, "client secret in Secrets Manager", &words);
}

#[tokio::test]
async fn a_secret_that_is_empty() {
    let stack = stack().await;
    stack.secrets().put(stack.secret_name(), " \n");
    is_wrong_alone(&look_at(&stack, &[]).await, "client secret in Secrets Manager", &["empty"]);
}

#[tokio::test]
async fn a_grant_that_is_not_enabled() {
    for (grant, name) in [
        (Grant::PasswordRealm, "password grant"),
        (Grant::MfaOtp, "MFA grants"),
        (Grant::MfaOob, "MFA grants"),
        (Grant::MfaRecoveryCode, "MFA grants"),
        (Grant::RefreshToken, "refresh token grant"),
    ] {
        let stack = stack().await;
        application(&stack, |application| application.without_grant(grant));
        is_wrong_alone(&look_at(&stack, &[]).await, name, &["Grant Types", "Password, MFA and Refresh Token"]);
    }
}

#[tokio::test]
async fn an_unknown_connection() {
    let stack = stack().await;
    let checks = look_at(&stack, &[("AUTH0_CONNECTION", "Staff")]).await;
    is_wrong_alone(&checks, "password grant", &["AUTH0_CONNECTION", "Authentication > Database"]);
}

#[tokio::test]
async fn an_unknown_audience() {
    let stack = stack().await;
    let checks = look_at(&stack, &[("AUTH0_AUDIENCE", "https://nobodys.example")]).await;
    is_wrong_alone(&checks, "password grant", &["AUTH0_AUDIENCE", "Applications > APIs"]);
}

#[tokio::test]
async fn bot_detection_is_odd_and_says_so() {
    let stack = stack().await;
    stack.tenant().configure(|settings| settings.bot_detection = true);
    let checks = look_at(&stack, &[]).await;
    assert_eq!(wrong(&checks), []);
    let odd = checks.iter().find(|check| check.name == "password grant").unwrap();
    assert!(matches!(&odd.verdict, Verdict::Odd(what) if what.contains("Bot Detection")), "{odd:?}");
}

#[tokio::test]
async fn a_domain_that_does_not_answer() {
    let stack = stack().await;
    let checks = look_at(&stack, &[("AUTH0_BASE_URL", "http://127.0.0.1:9")]).await;
    is_wrong_alone(&checks, "Auth0 domain", &["does not answer", "AUTH0_DOMAIN"]);
    assert!(checks.iter().any(|check| matches!(check.verdict, Verdict::Skipped("Auth0 cannot be asked"))));
}

#[tokio::test]
async fn a_domain_that_is_no_tenant_or_issues_under_another_name() {
    for (reply, words) in [
        (Reply::html(200), ["no Auth0 tenant", "AUTH0_DOMAIN"]),
        (Reply::json(200, &json!({"issuer": "https://login.example.com/"})), ["login.example.com", "Custom Domains"]),
    ] {
        let stack = stack().await;
        stack.tenant().fail(Fault::at(Endpoint::Discovery).reply(reply));
        is_wrong_alone(&look_at(&stack, &[]).await, "Auth0 domain", &words);
    }
}

/// Makes a table in the stack's database, with this partition key, and time to live by this attribute.
fn make_table(stack: &Stack, name: &str, key: (&str, &str), ttl: Option<&str>) {
    let database = stack.table().database();
    let create = json!({
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": key.0, "AttributeType": key.1}],
        "KeySchema": [{"AttributeName": key.0, "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    database.create_table(serde_json::from_value(create).unwrap()).unwrap();
    if let Some(attribute) = ttl {
        let ttl = json!({
            "TableName": name, "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": true},
        });
        database.update_time_to_live(serde_json::from_value(ttl).unwrap()).unwrap();
    }
}

#[tokio::test]
async fn a_table_that_is_missing() {
    let stack = stack().await;
    let checks = look_at(&stack, &[("SESSION_TABLE", "nobodys")]).await;
    is_wrong_alone(&checks, "session table", &["nobodys", "ResourceNotFoundException", "SESSION_TABLE", "AWS_REGION"]);
}

#[tokio::test]
async fn a_table_with_another_key() {
    let stack = stack().await;
    make_table(&stack, "other", ("session", "S"), Some("expires_at"));
    let checks = look_at(&stack, &[("SESSION_TABLE", "other")]).await;
    is_wrong_alone(&checks, "session table", &["session", "partition key id"]);
    make_table(&stack, "number", ("id", "N"), Some("expires_at"));
    let checks = look_at(&stack, &[("SESSION_TABLE", "number")]).await;
    is_wrong_alone(&checks, "session table", &["of type S"]);
}

#[tokio::test]
async fn time_to_live_that_is_off_or_by_another_attribute() {
    let stack = stack().await;
    make_table(&stack, "off", ("id", "S"), None);
    let checks = look_at(&stack, &[("SESSION_TABLE", "off")]).await;
    is_wrong_alone(&checks, "its time to live", &["is off", "expires_at", "Time to Live"]);
    make_table(&stack, "other", ("id", "S"), Some("ttl"));
    let checks = look_at(&stack, &[("SESSION_TABLE", "other")]).await;
    is_wrong_alone(&checks, "its time to live", &["ttl", "expires_at"]);
}

#[tokio::test]
async fn dynamodb_that_is_down() {
    let stack = stack().await;
    stack.dynamodb().down().await.unwrap();
    is_wrong_alone(&look_at(&stack, &[]).await, "session table", &["the connection failed"]);
}

// --- The walk.

/// Walks with the stack's own user, and returns what was said.
async fn walk(stack: &Stack, probe_wrong_code: bool) -> (bool, String) {
    walk_with(stack, user::EMAIL, probe_wrong_code).await
}

/// Walks with a user of the stack's, whose codes come from the app or the inbox, and returns what was said. Whatever
/// was typed in is not in it.
async fn walk_with(stack: &Stack, email: &str, probe_wrong_code: bool) -> (bool, String) {
    let (mut said, mut typed) = (String::new(), vec![email.to_owned()]);
    let ask = |question| {
        let answer = match question {
            Question::Password => Some(user::PASSWORD.to_owned()),
            Question::Otp => stack.tenant().fresh_otp_code(email),
            Question::BindingCode => stack.tenant().sent_code(email),
            Question::PushAnswered => return stack.tenant().approve_push(email).then(String::new),
        };
        typed.extend(answer.clone());
        answer
    };
    let say = |line: &str| {
        said.push_str(line);
        said.push('\n');
    };
    let var = |name: &str| stack.env().get(name).cloned();
    let mut walk = Walk::begin(var, Clock::system(), ask, say, probe_wrong_code).await.unwrap();
    let arrived = walk.go(email).await;
    drop(walk);
    for private in typed {
        assert!(!said.contains(&private), "{private} is in:\n{said}");
    }
    (arrived, said)
}

#[tokio::test]
async fn a_walk_says_of_each_reply_whether_it_is_known_and_settles_the_open_points() {
    for (reading, says, finished) in
        [(StepUpRefresh::RotatedAtSuccess, "yes", "yes"), (StepUpRefresh::ConsumedAtOnce, "no", "not seen in this run")]
    {
        let stack = stack().await;
        stack.tenant().configure(|settings| settings.step_up_refresh = reading);
        let (arrived, said) = walk(&stack, true).await;
        assert!(arrived, "{said}");
        assert!(!said.contains("OTHER THAN KNOWN") && !said.contains("NOT KNOWN"), "{said}");
        for line in [
            "password: 403 mfa_required, in words that are known, with error, error_description, mfa_token",
            "authenticators: 200 (known: 200), 1 listed, 1 active",
            "unknown authenticator_id (open point): 404 invalid_authenticator",
            "challenge: 200, with challenge_type",
            "wrong code (open point: status): 403 invalid_grant, in words that are known",
            "mfa-otp grant: 200, with access_token, expires_in, id_token, refresh_token, scope, token_type",
            "open point: the mfa_token is good after success: no",
            "open point: refresh tokens rotate: yes",
            &format!("open point: mfa_required leaves a rotating refresh token good: {says}"),
            &format!("open point: a step-up scope beyond the first grant is given: {finished}"),
            &format!("open point: a refresh token comes with a step-up: {finished}"),
            "revoke: 200",
        ] {
            assert!(said.contains(line), "{line:?} is not in:\n{said}");
        }
        assert_eq!(stack.tenant().live_refresh_tokens(user::EMAIL), 0, "all is revoked");
    }
}

#[tokio::test]
async fn a_walk_shows_nothing_that_opens_anything_and_nothing_of_the_users() {
    let stack = stack().await;
    let code = stack.otp_code().0;
    let (_, said) = walk(&stack, false).await;
    let secret = stack.tenant().client_secret();
    for private in
        [user::EMAIL, user::PASSWORD, user::TOTP_SECRET, &code, &secret, "Fe26", "eyJ", "v1.", "auth0|", "Ada"]
    {
        assert!(!said.contains(private), "{private} is in:\n{said}");
    }
}

#[tokio::test]
async fn a_walk_shouts_at_what_is_not_known() {
    let stack = stack().await;
    let odd = Reply::error(418, "teapot", "short and stout");
    stack.tenant().fail(Fault::at(Endpoint::Challenge).times(2).reply(odd));
    let (arrived, said) = walk(&stack, false).await;
    assert!(!arrived);
    assert!(said.contains("challenge: 418 teapot, IN WORDS THAT ARE NOT KNOWN"), "{said}");
    assert!(said.contains("OTHER THAN KNOWN"), "{said}");
    assert!(!said.contains("stout"), "somebody's words are not shown: {said}");
}

#[tokio::test]
async fn a_walk_without_mfa_says_what_that_means_and_revokes_what_it_got() {
    let stack = stack().await;
    stack.tenant().configure(|settings| settings.policy = auth0_tenant::Policy::Never);
    let (arrived, said) = walk(&stack, false).await;
    assert!(!arrived && said.contains("mfa_not_enforced"), "{said}");
    assert_eq!(stack.tenant().live_refresh_tokens(user::EMAIL), 0);
}

// --- What tenants may do otherwise.

#[tokio::test]
async fn an_mfa_grant_that_refuses_the_code_before_the_token_is_enabled_all_the_same() {
    for (grant, status, error, description) in [
        (Grant::MfaOob, 403, "invalid_grant", "Malformed oob_code"),
        (Grant::MfaOob, 401, "expired_token", "oob_code is expired"),
        (Grant::MfaRecoveryCode, 403, "invalid_grant", "MFA Authorization rejected."),
        (Grant::MfaOtp, 403, "invalid_grant", "Invalid otp_code."),
        (Grant::MfaOtp, 401, "expired_token", "mfa_token is expired"),
    ] {
        let stack = stack().await;
        stack.tenant().fail(Fault::at(Endpoint::Token).grant(grant).reply(Reply::error(status, error, description)));
        let checks = look_at(&stack, &[]).await;
        assert_eq!(wrong(&checks), [], "{description}");
    }
}

#[tokio::test]
async fn secrets_manager_that_is_down_is_not_a_secret_to_be_put_right() {
    let stack = stack().await;
    stack.secrets_manager().down().await.unwrap();
    let checks = look_at(&stack, &[]).await;
    is_wrong_alone(&checks, "client secret in Secrets Manager", &["the connection failed", "AWS_REGION"]);
    assert!(!wrong(&checks).first().unwrap().1.contains("Put the"), "{checks:#?}");
}

#[tokio::test]
async fn a_walk_goes_through_a_chain_of_factors() {
    let stack = stack().await;
    let (arrived, said) = walk_with(&stack, "cleo@example.com", false).await;
    assert!(arrived && said.contains("mfa-oob grant: 200"), "{said}");
    assert!(!said.contains("Allow Offline Access"), "{said}");
    assert_eq!(stack.tenant().live_refresh_tokens("cleo@example.com"), 0);
}

#[tokio::test]
async fn a_walk_that_ends_within_a_chain_did_not_arrive() {
    let stack = stack().await;
    let demand = json!({"error": "mfa_required", "error_description": "Multifactor authentication required",
        "mfa_token": "none"});
    stack.tenant().fail(Fault::at(Endpoint::Token).grant(Grant::MfaOtp).times(2).reply(Reply::json(403, &demand)));
    let (arrived, said) = walk(&stack, false).await;
    assert!(!arrived && said.contains("another factor is demanded"), "{said}");
    assert!(said.contains("open point: refresh tokens rotate: not seen in this run"), "{said}");
}

#[tokio::test]
async fn a_tenant_that_does_not_show_its_keys() {
    for reply in [Reply::html(404), Reply::json(200, &json!({"keys": []}))] {
        let stack = stack().await;
        stack.tenant().fail(Fault::at(Endpoint::Jwks).reply(reply));
        is_wrong_alone(&look_at(&stack, &[]).await, "Auth0 domain", &["jwks.json"]);
    }
}

#[tokio::test]
async fn settings_that_do_not_go_together_are_odd() {
    let stack = stack().await;
    let mfa = stack.tenant().mfa_audience();
    let checks = look_at(&stack, &[("AUTH0_AUDIENCE", &mfa), ("ALLOWED_ORIGINS", "https://app.example.com")]).await;
    let odd = |name| checks.iter().any(|check| check.name == name && matches!(check.verdict, Verdict::Odd(_)));
    assert!(odd("AUTH0_AUDIENCE") && odd("ALLOWED_ORIGINS") && odd("STEP_UP_SCOPES"), "{checks:#?}");
    assert!(!wrong(&checks).iter().any(|(name, _)| *name == "environment"));
}

/// An AWS endpoint that allows nothing.
async fn forbidden() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = r#"{"__type":"AccessDeniedException","message":"not authorized"}"#;
    let answer = move || async move { (http::StatusCode::BAD_REQUEST, body) };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    url
}

#[tokio::test]
async fn credentials_that_may_not_look_are_the_operators_own() {
    let stack = stack().await;
    let url = forbidden().await;
    let checks = look_at(&stack, &[("AWS_ENDPOINT_URL_DYNAMODB", &url)]).await;
    is_wrong_alone(&checks, "session table", &["your own credentials", "dynamodb:DescribeTable"]);
    let checks = look_at(&stack, &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &url)]).await;
    let words = ["your own credentials", "secretsmanager:GetSecretValue"];
    is_wrong_alone(&checks, "client secret in Secrets Manager", &words);
}
