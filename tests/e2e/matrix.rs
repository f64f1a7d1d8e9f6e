//! The fault matrix: every call that the functions make, times every way in which it can fail.
//!
//! What the page is told depends on the fault alone ([`FAULTS`], [`AWS_FAULTS`]); what is left depends on the
//! call ([`Call`], [`Operation`]). Each call is a test that goes through all faults, and after each one goes on
//! with the same session, to its end.

use std::time::Duration;

use auth0_tenant::{Application, Cut, Endpoint, Fault, Grant, Reply};
use e2e::proxy::{Proxy, Trouble};
use e2e::{Answer, Browser, World};
use local::user::{EMAIL, PASSWORD};
use serde_json::{Value, json};

const SCOPE: &str = "transfer:funds";

/// In every broken answer: no page ever sees it.
const UPSTREAM_TEXT: &str = "words-of-the-upstream";

/// A fault of Auth0's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    ClosedAtOnce,
    CutBeforeBody,
    CutBeforeProcessing,
    AnswerLost,
    CutInReply,
    TooManyRequestsFor(u64),
    TooManyRequests,
    InternalError,
    BadGatewayInHtml,
    BadRequestInHtml,
    OkInHtml,
    Garbage,
    Empty,
    ErrorInside,
    Truncated,
    TooLarge,
    Redirect,
    AnotherContentType,
}

use Kind::{
    AnotherContentType, AnswerLost, BadGatewayInHtml, BadRequestInHtml, ClosedAtOnce, CutBeforeBody,
    CutBeforeProcessing, CutInReply, Empty, ErrorInside, Garbage, InternalError, OkInHtml, Redirect, TooLarge,
    TooManyRequests, TooManyRequestsFor, Truncated,
};

/// Fault, whether Auth0 did what it was asked all the same, status, error, `Retry-After`.
#[rustfmt::skip]
const FAULTS: [(Kind, bool, u16, &str, Option<&str>); 18] = [
    (ClosedAtOnce,          false, 502, "upstream_error",    None),
    (CutBeforeBody,         false, 502, "upstream_error",    None),
    (CutBeforeProcessing,   false, 502, "upstream_error",    None),
    (AnswerLost,            true,  502, "upstream_error",    None),
    (CutInReply,            true,  502, "upstream_error",    None),
    (TooManyRequestsFor(7), false, 429, "too_many_requests", Some("7")),
    (TooManyRequests,       false, 429, "too_many_requests", Some("10")),
    (InternalError,         false, 502, "upstream_error",    None),
    (BadGatewayInHtml,      false, 502, "upstream_error",    None),
    (BadRequestInHtml,      false, 502, "upstream_error",    None),
    (OkInHtml,              false, 502, "upstream_error",    None),
    (Garbage,               false, 502, "upstream_error",    None),
    (Empty,                 false, 502, "upstream_error",    None),
    (ErrorInside,           true,  502, "upstream_error",    None),
    (Truncated,             true,  502, "upstream_error",    None),
    (TooLarge,              false, 502, "upstream_error",    None),
    (Redirect,              false, 502, "upstream_error",    None),
    (AnotherContentType,    true,  502, "upstream_error",    None),
];

impl Kind {
    async fn strike(self, world: &World, endpoint: Endpoint) {
        if let Some(fault) = self.fault(endpoint) {
            world.fault(fault);
        } else {
            // Twice: what was never sent is sent once more.
            world.stack.tenant().close_connections().await;
            world.stack.tenant().refuse_connections(2);
        }
    }

    fn fault(self, endpoint: Endpoint) -> Option<Fault> {
        let fault = Fault::at(endpoint);
        let text = |status| Reply::new(status, "text/html", format!("<h1>{UPSTREAM_TEXT}</h1>"));
        let json = |status, error| Reply::error(status, error, UPSTREAM_TEXT);
        Some(match self {
            ClosedAtOnce => return None,
            CutBeforeBody => fault.cut(Cut::BeforeBody),
            CutBeforeProcessing => fault.cut(Cut::BeforeProcessing),
            AnswerLost => fault.cut(Cut::AfterProcessing),
            CutInReply => fault.cut(Cut::InReply),
            TooManyRequestsFor(seconds) => fault.reply(Reply::too_many_requests(Some(seconds))),
            TooManyRequests => fault.reply(Reply::too_many_requests(None)),
            InternalError => fault.reply(json(500, "server_error")),
            BadGatewayInHtml => fault.reply(text(502)),
            BadRequestInHtml => fault.reply(text(400)),
            OkInHtml => fault.reply(text(200)),
            Garbage => fault.reply(Reply::new(200, "application/json", format!("{{\"{UPSTREAM_TEXT}"))),
            Empty => fault.reply(Reply::json(200, &json!({}))),
            ErrorInside => fault.patch(json!({"error": UPSTREAM_TEXT})),
            Truncated => fault.truncate(),
            TooLarge => fault.reply(Reply::large(1024 * 1024)),
            Redirect => fault.reply(Reply::redirect("https://evil.example/")),
            AnotherContentType => fault.content_type("text/plain"),
        })
    }
}

/// A call to Auth0, by what makes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Call {
    Password,
    ChallengeAtSignIn,
    AuthenticatorsAtSignIn,
    Challenge,
    Authenticators,
    Associate,
    Otp,
    BindingCode,
    Push,
    RecoveryCode,
    StepUp,
    ChallengeAtStepUp,
    OtpAtStepUp,
    Renewal,
}

const SAM: &str = "sam@example.com";
const PAT: &str = "pat@example.com";
const RAE: &str = "rae@example.com";
const NIA: &str = "nia@example.com";

impl Call {
    const fn endpoint(self) -> Endpoint {
        match self {
            Self::ChallengeAtSignIn | Self::Challenge | Self::ChallengeAtStepUp => Endpoint::Challenge,
            Self::AuthenticatorsAtSignIn | Self::Authenticators => Endpoint::Authenticators,
            Self::Associate => Endpoint::Associate,
            Self::Password
            | Self::Otp
            | Self::BindingCode
            | Self::Push
            | Self::RecoveryCode
            | Self::StepUp
            | Self::OtpAtStepUp
            | Self::Renewal => Endpoint::Token,
        }
    }

    /// `mfa_required`, which is a refusal by its form: what changes a success does not change it.
    const fn is_answered_by_a_refusal(self) -> bool {
        matches!(self, Self::Password | Self::StepUp)
    }

    const fn user(self) -> &'static str {
        match self {
            Self::AuthenticatorsAtSignIn | Self::BindingCode => SAM,
            Self::Push => PAT,
            Self::RecoveryCode => RAE,
            Self::Associate => NIA,
            _ => EMAIL,
        }
    }

    /// Goes as far as the call.
    async fn begin(self, world: &World) -> Browser {
        let tenant = world.stack.tenant();
        tenant.refill_budgets(self.user());
        let mut page = world.browser();
        match self {
            Self::Password | Self::ChallengeAtSignIn | Self::AuthenticatorsAtSignIn => {}
            Self::Challenge
            | Self::Authenticators
            | Self::Otp
            | Self::BindingCode
            | Self::RecoveryCode
            | Self::Associate => assert_eq!(page.begin_as(self.user(), PASSWORD).await.status, 200),
            Self::Push => {
                assert_eq!(page.begin_as(PAT, PASSWORD).await.status, 200);
                tenant.approve_push(PAT);
            }
            Self::StepUp | Self::ChallengeAtStepUp | Self::OtpAtStepUp | Self::Renewal => {
                page.begin().await.is_otp_challenge();
                page.verify(json!({"otp": world.fresh_otp()})).await.is_tokens();
                if self == Self::OtpAtStepUp {
                    step_up(&mut page).await.is_otp_challenge();
                }
            }
        }
        if self == Self::Associate {
            assert_eq!(page.status().await.body["enrollment_required"], true);
        }
        page
    }

    async fn make(self, world: &World, page: &mut Browser) -> Answer {
        let tenant = world.stack.tenant();
        match self {
            Self::Password | Self::ChallengeAtSignIn => page.begin().await,
            Self::AuthenticatorsAtSignIn => {
                page.authenticate(json!({"email": SAM, "password": PASSWORD, "challenge_type": "otp"})).await
            }
            Self::Challenge => page.authenticate(json!({"action": "challenge"})).await,
            Self::Authenticators => page.authenticate(json!({"action": "authenticators"})).await,
            Self::Associate => page.authenticate(json!({"action": "enroll", "type": "otp"})).await,
            Self::Otp | Self::OtpAtStepUp => page.verify(json!({"otp": world.fresh_otp()})).await,
            Self::BindingCode => page.verify(json!({"binding_code": tenant.sent_code(SAM)})).await,
            Self::Push => page.verify(json!({"push": true})).await,
            Self::RecoveryCode => page.verify(json!({"recovery_code": tenant.recovery_code(RAE)})).await,
            Self::StepUp | Self::ChallengeAtStepUp => step_up(page).await,
            Self::Renewal => page.authenticate(json!({"action": "renew"})).await,
        }
    }

    /// What is left after a failure, before anything else is tried.
    async fn is_left(self, world: &World, page: &mut Browser, items: &[Value], what: &str) {
        let standing = page.status().await.body;
        match self {
            Self::Password | Self::ChallengeAtSignIn | Self::AuthenticatorsAtSignIn => {
                assert_eq!(standing["state"], "none", "{what}");
                assert_eq!(world.items(), items, "{what}: nothing is left in the table");
            }
            Self::StepUp | Self::ChallengeAtStepUp | Self::Renewal => {
                assert_eq!(standing["state"], "signed_in", "{what}");
            }
            _ => {
                assert_eq!(standing["state"], "pending", "{what}");
                assert_eq!(standing["attempts_left"], 5, "{what}: no attempt is spent");
                assert_eq!(standing["enrollment_required"] == true, self == Self::Associate, "{what}");
            }
        }
    }

    /// Goes on where the failure was. `spent`: Auth0 has taken the code, though nobody was told.
    async fn go_on(self, world: &World, page: &mut Browser, spent: bool, what: &str) {
        let tenant = world.stack.tenant();
        match self {
            Self::Otp | Self::BindingCode | Self::Push | Self::RecoveryCode | Self::OtpAtStepUp if spent => {
                // Auth0 takes the mfa_token no more: the sign-in begins anew, the signed-in session stays.
                let refused = self.make(world, page).await;
                assert_eq!((refused.status, refused.error()), (401, Some("session_expired")), "{what}");
                if self == Self::OtpAtStepUp {
                    assert_eq!(page.authenticate(json!({"action": "renew"})).await.status, 200, "{what}");
                }
                return;
            }
            _ => {}
        }
        let answer = self.make(world, page).await;
        match self {
            Self::AuthenticatorsAtSignIn => {
                assert_eq!(answer.error(), Some("unsupported_challenge_type"), "{what}");
            }
            _ => assert_eq!(answer.status, 200, "{what}: {}", answer.body),
        }
        // And from there to the end.
        match self {
            Self::Password
            | Self::ChallengeAtSignIn
            | Self::Challenge
            | Self::Authenticators
            | Self::StepUp
            | Self::ChallengeAtStepUp => {
                page.verify(json!({"otp": world.fresh_otp()})).await.is_tokens();
            }
            Self::AuthenticatorsAtSignIn => {
                assert_eq!(page.authenticate(json!({"action": "challenge"})).await.status, 200, "{what}");
                page.verify(json!({"binding_code": tenant.sent_code(SAM)})).await.is_tokens();
            }
            Self::Associate => {
                assert_eq!(page.status().await.body["challenge"], json!({"challenge_type": "otp"}), "{what}");
            }
            _ => _ = answer.is_tokens(),
        }
    }
}

async fn step_up(page: &mut Browser) -> Answer {
    page.authenticate(json!({"action": "step_up", "scope": SCOPE})).await
}

/// A stack in which a refresh token whose answer was lost is good for another minute, as `infra/auth0` sets it.
async fn world() -> World {
    let world = World::start_with(local::Builder::demo).await;
    set_overlap(&world);
    world
}

fn set_overlap(world: &World) {
    let tenant = world.stack.tenant();
    let application = Application::new(&tenant.client_id(), &tenant.client_secret());
    tenant.add_application(application.trusts_forwarded_for(true).rotation_leeway(Duration::from_mins(1)));
}

/// How often the endpoint was asked the very thing.
fn asked(world: &World, call: Call) -> usize {
    let grant = |grant| world.received_grant(grant);
    match call {
        Call::Password => grant(Grant::PasswordRealm),
        Call::Otp | Call::OtpAtStepUp => grant(Grant::MfaOtp),
        Call::BindingCode | Call::Push => grant(Grant::MfaOob),
        Call::RecoveryCode => grant(Grant::MfaRecoveryCode),
        Call::StepUp | Call::Renewal => grant(Grant::RefreshToken),
        _ => world.received(call.endpoint()),
    }
}

/// One row of the matrix.
async fn every_fault_of(call: Call) {
    let world = world().await;
    for (kind, processed, status, error, retry_after) in FAULTS {
        if call.is_answered_by_a_refusal() && matches!(kind, ErrorInside | AnotherContentType) {
            continue;
        }
        // A list is an array: nothing can be patched into it.
        if call.endpoint() == Endpoint::Authenticators && kind == ErrorInside {
            continue;
        }
        let what = format!("{call:?}, {kind:?}");
        let mut page = call.begin(&world).await;
        let items = world.items();
        let before = asked(&world, call);
        kind.strike(&world, call.endpoint()).await;
        let failed = call.make(&world, &mut page).await;
        assert_eq!((failed.status, failed.error()), (status, Some(error)), "{what}: {}", failed.body);
        assert_eq!(failed.header("retry-after"), retry_after, "{what}");
        assert_eq!(failed.set_cookie, None, "{what}");
        let told = format!("{} {:?}", failed.body, failed.headers);
        assert!(!told.contains(UPSTREAM_TEXT) && !told.contains("evil.example"), "{what}: {told}");
        assert!(asked(&world, call) <= before + 1, "{what}: nothing is sent twice");

        world.stack.tenant().clear_faults();
        call.is_left(&world, &mut page, &items, &what).await;
        call.go_on(&world, &mut page, processed, &what).await;
        if call == Call::Associate {
            // Without a factor again for the next one.
            world.stack.tenant().remove_user(NIA);
            world.add_user(auth0_tenant::User::new(NIA, PASSWORD));
        }
    }
}

macro_rules! rows {
    ($($name:ident: $call:ident,)*) => {$(
        #[tokio::test]
        async fn $name() {
            every_fault_of(Call::$call).await;
        }
    )*};
}

rows! {
    auth0_fails_at_the_password: Password,
    auth0_fails_at_the_challenge_of_a_sign_in: ChallengeAtSignIn,
    auth0_fails_at_the_list_of_authenticators_of_a_sign_in: AuthenticatorsAtSignIn,
    auth0_fails_at_a_new_challenge: Challenge,
    auth0_fails_at_the_list_of_authenticators: Authenticators,
    auth0_fails_at_an_enrollment: Associate,
    auth0_fails_at_an_otp: Otp,
    auth0_fails_at_a_binding_code: BindingCode,
    auth0_fails_at_a_push: Push,
    auth0_fails_at_a_recovery_code: RecoveryCode,
    auth0_fails_at_the_refresh_of_a_step_up: StepUp,
    auth0_fails_at_the_challenge_of_a_step_up: ChallengeAtStepUp,
    auth0_fails_at_the_otp_of_a_step_up: OtpAtStepUp,
    auth0_fails_at_a_renewal: Renewal,
}

#[tokio::test]
async fn auth0_is_slow_at_any_call() {
    // All at once: each of them waits five real seconds.
    let calls = [
        Call::Password,
        Call::ChallengeAtSignIn,
        Call::AuthenticatorsAtSignIn,
        Call::Challenge,
        Call::Authenticators,
        Call::Associate,
        Call::Otp,
        Call::BindingCode,
        Call::Push,
        Call::RecoveryCode,
        Call::StepUp,
        Call::ChallengeAtStepUp,
        Call::OtpAtStepUp,
        Call::Renewal,
    ];
    let row = calls.map(|call| tokio::spawn(slow(call)));
    for cell in row {
        cell.await.unwrap();
    }
}

async fn slow(call: Call) {
    let what = format!("{call:?}, slow");
    let world = world().await;
    let mut page = call.begin(&world).await;
    let items = world.items();
    let before = asked(&world, call);
    world.fault(Fault::at(call.endpoint()).delay(Duration::from_mins(1)));
    call.make(&world, &mut page).await.is(504, "upstream_timeout");
    assert_eq!(asked(&world, call), before + 1, "{what}: nothing is sent twice");
    world.stack.tenant().clear_faults();
    call.is_left(&world, &mut page, &items, &what).await;
    call.go_on(&world, &mut page, false, &what).await;
}

#[tokio::test]
async fn auth0_fails_at_a_revocation_and_the_session_ends_here_all_the_same() {
    let world = world().await;
    for (kind, ..) in FAULTS {
        let mut page = Call::Renewal.begin(&world).await;
        kind.strike(&world, Endpoint::Revoke).await;
        let out = page.sign_out().await;
        assert_eq!((out.status, page.cookie), (204, None), "{kind:?}");
        assert!(world.items().is_empty(), "{kind:?}");
        world.stack.tenant().clear_faults();
    }
}

#[tokio::test]
async fn auth0_fails_at_the_discovery_of_init_and_the_first_sign_in_does_not_notice() {
    for (kind, ..) in FAULTS {
        // There is a test of its own for an Auth0 that refuses connections.
        let Some(fault) = kind.fault(Endpoint::Discovery) else { continue };
        let world = World::start_with(|stack| stack.tenant(|tenant| tenant.fault(fault))).await;
        assert_eq!(world.stack.tenant().faults().len(), 0, "{kind:?} has struck");
        world.browser().begin().await.is_otp_challenge();
    }
}

#[tokio::test]
async fn idle_connections_that_were_dropped_are_not_noticed() {
    let world = world().await;
    let mut page = world.browser();
    for _ in 0..3 {
        world.stack.tenant().close_connections().await;
        world.stack.dynamodb().down().await.unwrap();
        world.stack.dynamodb().up().await.unwrap();
        page.begin().await.is_otp_challenge();
        world.stack.tenant().close_connections().await;
        page.verify(json!({"otp": world.fresh_otp()})).await.is_tokens();
    }
}

// --- DynamoDB

/// Trouble with one of the AWS services, and whether it processed the request all the same.
fn aws_faults() -> Vec<(&'static str, Trouble, bool)> {
    let text = |status| Trouble::Reply(status, "text/html", UPSTREAM_TEXT.into());
    let error = |status, kind: &str| {
        let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": UPSTREAM_TEXT});
        Trouble::Reply(status, "application/x-amz-json-1.0", body.to_string().into_bytes())
    };
    vec![
        ("cut before the body", Trouble::CutBeforeBody, false),
        ("cut before it is processed", Trouble::CutBeforeProcessing, false),
        ("the answer lost", Trouble::CutAfterProcessing, true),
        ("cut in the reply", Trouble::CutInReply, true),
        ("throttled", error(400, "ProvisionedThroughputExceededException"), false),
        ("500", error(500, "InternalServerError"), false),
        ("502 in HTML", text(502), false),
        ("503", error(503, "ServiceUnavailable"), false),
        ("access denied", error(400, "AccessDeniedException"), false),
        ("no such table", error(400, "ResourceNotFoundException"), false),
        ("a redirect", text(302), false),
        // The last: what was given up may still be written afterwards.
        ("slow", Trouble::Delay(Duration::from_millis(1500)), true),
    ]
}

/// A write or a read of the functions, by what makes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operation {
    /// `GetItem`: where the session stands.
    Status,
    /// `PutItem`: the item of a sign-in.
    Begin,
    /// `UpdateItem`: the claim of an attempt.
    Claim,
    /// `UpdateItem`, after a claim: a wrong code.
    Release,
    /// `DeleteItem`: a sign-in that is finished, without a session.
    Finish,
    /// `PutItem`: the signed-in session.
    SignIn,
    /// `UpdateItem`, after a claim: the rotated refresh token of a renewal.
    Rotate,
    /// `DeleteItem`: signing out.
    SignOut,
}

impl Operation {
    const fn name(self) -> &'static str {
        match self {
            Self::Status => "GetItem",
            Self::Begin | Self::SignIn => "PutItem",
            Self::Claim | Self::Release | Self::Rotate => "UpdateItem",
            Self::Finish | Self::SignOut => "DeleteItem",
        }
    }
}

async fn store(settings: &[(&'static str, &'static str)]) -> (World, Proxy) {
    let proxy = Proxy::start().await.unwrap();
    let url = proxy.url();
    let world = World::start_with(|stack| {
        let stack = stack.demo().set("AWS_ENDPOINT_URL_DYNAMODB", url);
        settings.iter().fold(stack, |stack, (name, value)| stack.set(*name, *value))
    })
    .await;
    proxy.to(world.stack.dynamodb().address());
    set_overlap(&world);
    (world, proxy)
}

async fn every_store_fault_of(operation: Operation) {
    let without_session = [("AUTH0_SCOPE", "openid"), ("STEP_UP_SCOPES", "")];
    let (world, proxy) = store(if operation == Operation::Finish { &without_session } else { &[] }).await;
    for (name, trouble, processed) in aws_faults() {
        let what = format!("{operation:?}, {name}");
        let mut page = world.browser();
        world.stack.tenant().refill_budgets(EMAIL);
        if operation != Operation::Begin {
            page.begin().await.is_otp_challenge();
        }
        if matches!(operation, Operation::Rotate) {
            page.verify(json!({"otp": world.fresh_otp()})).await.is_tokens();
        }
        let cookie = page.cookie.clone();
        let (asked, items) = (world.requests().len(), world.items().len());
        proxy.clear();
        // Both tries of the SDK. Where a claim comes first, it is let through.
        let before = usize::from(matches!(operation, Operation::Release | Operation::Rotate));
        proxy.fail_after(before, operation.name(), 2, trouble);
        let answer = make(operation, &world, &mut page).await;
        is_told(operation, &answer, &what);
        let seen = proxy.seen();
        let count = seen.iter().filter(|seen| seen.operation == operation.name()).count();
        assert!((before + 1..=before + 2).contains(&count), "{what}: {seen:?}");
        proxy.clear();

        match operation {
            Operation::Begin => {
                assert_eq!(page.cookie, None, "{what}");
                let left = world.items().len() - items;
                assert!(left == 0 || processed, "{what}: an item is left that was never written");
            }
            Operation::Claim => {
                assert_eq!(world.requests().len(), asked, "{what}: Auth0 was not asked");
                // A claim that was written and never acknowledged stays counted, and its lease runs out.
                world.advance(Duration::from_secs(11));
                assert_eq!(page.status().await.body["attempts_left"], if processed { 4 } else { 5 }, "{what}");
                page.verify(json!({"otp": world.fresh_otp()})).await.is_tokens();
            }
            Operation::Release => {
                world.advance(Duration::from_secs(11));
                assert_eq!(page.status().await.body["attempts_left"], 4, "{what}");
                page.verify(json!({"otp": world.fresh_otp()})).await.is_tokens();
            }
            Operation::Status => {
                page.verify(json!({"otp": world.fresh_otp()})).await.is_tokens();
            }
            Operation::Finish | Operation::SignIn => {
                assert_eq!(page.cookie, None, "{what}");
                page.cookie = cookie;
                world.advance(Duration::from_secs(11));
                let again = page.verify(json!({"otp": world.fresh_otp()})).await;
                assert_eq!(again.error(), Some("session_expired"), "{what}: one sign-in, one success");
            }
            Operation::Rotate => {
                world.advance(Duration::from_secs(11));
                let renewed = page.authenticate(json!({"action": "renew"})).await;
                assert_eq!(renewed.status, 200, "{what}: within the overlap period: {}", renewed.body);
            }
            Operation::SignOut => {
                assert_eq!(page.cookie, None, "{what}");
                assert_eq!(world.items().len(), items - usize::from(processed), "{what}");
            }
        }
        for item in world.items() {
            world.stack.table().delete(item["id"]["S"].as_str().unwrap()).unwrap();
        }
    }
}

async fn make(operation: Operation, world: &World, page: &mut Browser) -> Answer {
    match operation {
        Operation::Status => page.status().await,
        Operation::Begin => page.begin().await,
        Operation::Claim | Operation::Finish | Operation::SignIn => {
            page.verify(json!({"otp": world.fresh_otp()})).await
        }
        Operation::Release => page.verify(json!({"otp": world.wrong_otp()})).await,
        Operation::Rotate => page.authenticate(json!({"action": "renew"})).await,
        Operation::SignOut => page.sign_out().await,
    }
}

fn is_told(operation: Operation, answer: &Answer, what: &str) {
    let expected = match operation {
        // The code was tried, and was wrong, whatever the table makes of it.
        Operation::Release => (401, Some("invalid_code")),
        // The code is used up, and the tokens are good: they are not withheld.
        Operation::Finish | Operation::SignIn => (200, None),
        _ => (503, Some("store_unavailable")),
    };
    assert_eq!((answer.status, answer.error()), expected, "{what}: {}", answer.body);
    assert!(!format!("{} {:?}", answer.body, answer.headers).contains(UPSTREAM_TEXT), "{what}");
}

macro_rules! store_rows {
    ($($name:ident: $operation:ident,)*) => {$(
        #[tokio::test]
        async fn $name() {
            every_store_fault_of(Operation::$operation).await;
        }
    )*};
}

store_rows! {
    dynamodb_fails_at_the_standing: Status,
    dynamodb_fails_at_the_item_of_a_sign_in: Begin,
    dynamodb_fails_at_the_claim_of_an_attempt: Claim,
    dynamodb_fails_at_the_release_after_a_wrong_code: Release,
    dynamodb_fails_at_the_removal_of_a_finished_sign_in: Finish,
    dynamodb_fails_at_the_item_of_a_session: SignIn,
    dynamodb_fails_at_the_rotated_refresh_token: Rotate,
    dynamodb_fails_at_signing_out: SignOut,
}

#[tokio::test]
async fn one_failure_of_dynamodb_is_made_good_by_the_second_try() {
    let (world, proxy) = store(&[]).await;
    for (name, trouble, _) in aws_faults() {
        if matches!(name, "access denied" | "no such table" | "a redirect" | "slow") {
            continue; // said to last; and the slow one would only take time
        }
        for operation in ["PutItem", "UpdateItem", "DeleteItem"] {
            let mut page = world.browser();
            world.stack.tenant().refill_budgets(EMAIL);
            proxy.fail(operation, 1, trouble.clone());
            page.begin().await.is_otp_challenge();
            page.verify(json!({"otp": world.wrong_otp()})).await.is(401, "invalid_code");
            page.verify(json!({"otp": world.fresh_otp()})).await.is_tokens();
            let standing = page.status().await.body;
            assert_eq!(standing["state"], "signed_in", "{operation}, {name}: {standing}");
            assert_eq!(page.sign_out().await.status, 204, "{operation}, {name}");
            assert!(world.items().is_empty(), "{operation}, {name}");
        }
    }
}

// --- Secrets Manager

#[tokio::test]
async fn secrets_manager_fails_before_the_secret_was_ever_read() {
    let proxy = Proxy::start().await.unwrap();
    let url = proxy.url();
    // The proxy knows no service yet, so init has no secret.
    let world = World::start_with(|stack| stack.set("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)).await;
    proxy.to(world.stack.secrets_manager().address());
    for (name, trouble, _) in aws_faults() {
        proxy.fail("GetSecretValue", 2, trouble);
        let refused = world.browser().begin().await;
        assert_eq!((refused.status, refused.error()), (503, Some("store_unavailable")), "{name}: {}", refused.body);
        assert!(!refused.body.to_string().contains(UPSTREAM_TEXT), "{name}");
        assert!(world.items().is_empty(), "{name}");
        assert_eq!(world.requests().len(), 0, "{name}: Auth0 is asked nothing without a secret");
    }
    proxy.clear();
    world.browser().begin().await.is_otp_challenge();
}

#[tokio::test]
async fn secrets_manager_fails_and_the_secret_that_was_read_goes_on_serving() {
    let proxy = Proxy::start().await.unwrap();
    let url = proxy.url();
    let world = World::start_with(|stack| stack.set("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)).await;
    proxy.to(world.stack.secrets_manager().address());
    world.browser().begin().await.is_otp_challenge();
    for (_, trouble, _) in aws_faults() {
        world.advance(Duration::from_secs(301));
        proxy.fail("GetSecretValue", 2, trouble);
        world.browser().begin().await.is_otp_challenge();
    }
}
