//! The control API and the inbox, for loopback alone.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::Json;
use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::application::{Api, Application};
use crate::fault::{Fault, Reply, merge};
use crate::inbox::{Answer, Message};
use crate::line::Peer;
use crate::record::Received;
use crate::server::respond;
use crate::settings::Settings;
use crate::tenant::{Shared, Tenant, new_client_secret};
use crate::user::{Authenticator, Conduct, Factor, User};

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_tenant", get(summary))
        .route("/_tenant/users", post(add_user))
        .route("/_tenant/users/{user}", get(show_user).patch(change_user).delete(remove_user))
        .route("/_tenant/users/{user}/otp", get(otp))
        .route("/_tenant/users/{user}/unblock", post(unblock))
        .route("/_tenant/users/{user}/refill", post(refill))
        .route("/_tenant/applications", post(add_application))
        .route("/_tenant/applications/{client_id}/rotate-secret", post(rotate_secret))
        .route("/_tenant/apis", post(add_api))
        .route("/_tenant/settings", get(settings).patch(change_settings))
        .route("/_tenant/clock", get(clock).post(move_clock))
        .route("/_tenant/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/_tenant/connections", get(connections).post(break_connections))
        .route("/_tenant/received", get(received).delete(clear_received))
        .route("/_tenant/inbox", get(inbox).delete(clear_inbox))
        .route("/_tenant/inbox/{id}/approve", post(approve))
        .route("/_tenant/inbox/{id}/refuse", post(refuse))
        .route("/inbox", get(inbox_page))
        .route("/inbox/inbox.css", get(inbox_style))
        .route("/inbox/inbox.js", get(inbox_script))
        .route_layer(middleware::from_fn(loopback_only))
}

type Of = State<Arc<Shared>>;

/// Refuses who is not on this machine, and a web page that is somewhere else.
async fn loopback_only(ConnectInfo(peer): ConnectInfo<Peer>, request: Request, next: Next) -> Response {
    let is_local = peer.address.ip().to_canonical().is_loopback();
    if is_local && is_addressed_here(request.headers()) {
        next.run(request).await
    } else {
        respond(Reply::error(403, "forbidden", "The control API is for this machine alone."))
    }
}

/// The host must be a loopback name, so that no foreign name can be pointed here, and an `Origin`
/// must be this very one.
fn is_addressed_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let origin_is_foreign =
        text(header::ORIGIN).is_some_and(|origin| origin.split_once("://").is_none_or(|(_, of)| of != host));
    is_loopback_name(host) && !origin_is_foreign
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn of(shared: Arc<Shared>) -> Tenant {
    Tenant { shared }
}

fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn missing() -> Response {
    respond(Reply::error(404, "not_found", "There is no such thing."))
}

fn wrong(description: &str) -> Response {
    respond(Reply::error(400, "invalid_request", description))
}

async fn summary(State(shared): Of) -> Json<Value> {
    let state = shared.state();
    let users: Vec<_> = state.people.iter().map(|person| json!({"id": person.id, "email": person.email})).collect();
    let applications: Vec<_> = state.applications.iter().map(|a| &a.client_id).collect();
    let apis: Vec<_> = state.apis.iter().map(|api| &api.identifier).collect();
    Json(json!({
        "base_url": state.base_url,
        "domain": state.domain,
        "mfa_audience": format!("https://{}/mfa/", state.domain),
        "users": users,
        "applications": applications,
        "apis": apis,
    }))
}

async fn add_user(State(shared): Of, Json(user): Json<User>) -> Response {
    match of(shared).add_user(user) {
        Ok(id) => (StatusCode::CREATED, Json(json!({"id": id}))).into_response(),
        Err(error) => wrong(&error.to_string()),
    }
}

async fn show_user(State(shared): Of, Path(user): Path<String>) -> Response {
    let tenant = of(shared);
    let Some(id) = tenant.user_id(&user) else {
        return missing();
    };
    let authenticators: Vec<Authenticator> = tenant.authenticators(&user);
    Json(json!({
        "id": id,
        "authenticators": authenticators,
        "otp_uri": tenant.otp_uri(&user),
        "recovery_code": tenant.recovery_code(&user),
        "wrong_codes_left": tenant.wrong_codes_left(&user),
        "live_refresh_tokens": tenant.live_refresh_tokens(&user),
    }))
    .into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserChange {
    password: Option<String>,
    conduct: Option<Conduct>,
    chain: Option<Vec<Vec<Factor>>>,
}

async fn change_user(State(shared): Of, Path(user): Path<String>, Json(change): Json<UserChange>) -> Response {
    let tenant = of(shared);
    if tenant.user_id(&user).is_none() {
        return missing();
    }
    if let Some(password) = change.password {
        tenant.set_password(&user, &password);
    }
    if let Some(conduct) = change.conduct {
        tenant.set_conduct(&user, conduct);
    }
    if let Some(chain) = change.chain {
        tenant.set_chain(&user, chain);
    }
    done()
}

async fn remove_user(State(shared): Of, Path(user): Path<String>) -> Response {
    of(shared).remove_user(&user);
    done()
}

async fn otp(State(shared): Of, Path(user): Path<String>) -> Response {
    let tenant = of(shared);
    let seconds = tenant.clock().millis() / 1000;
    match tenant.otp_code(&user) {
        Some(code) => Json(json!({
            "code": code,
            "seconds_left": crate::user::STEP - seconds % crate::user::STEP,
        }))
        .into_response(),
        None => missing(),
    }
}

async fn unblock(State(shared): Of, Path(user): Path<String>) -> Response {
    of(shared).unblock(&user);
    done()
}

async fn refill(State(shared): Of, Path(user): Path<String>) -> Response {
    of(shared).refill_budgets(&user);
    done()
}

async fn add_application(State(shared): Of, Json(application): Json<Application>) -> Response {
    of(shared).add_application(application);
    StatusCode::CREATED.into_response()
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct NewSecret {
    client_secret: Option<String>,
}

async fn rotate_secret(State(shared): Of, Path(client_id): Path<String>, new: Option<Json<NewSecret>>) -> Response {
    let secret = new.and_then(|Json(new)| new.client_secret).unwrap_or_else(new_client_secret);
    if of(shared).rotate_client_secret(&client_id, &secret) {
        Json(json!({"client_secret": secret})).into_response()
    } else {
        missing()
    }
}

async fn add_api(State(shared): Of, Json(api): Json<Api>) -> Response {
    of(shared).add_api(api);
    StatusCode::CREATED.into_response()
}

async fn settings(State(shared): Of) -> Json<Settings> {
    Json(of(shared).settings())
}

async fn change_settings(State(shared): Of, Json(patch): Json<Value>) -> Response {
    let tenant = of(shared);
    let Ok(mut merged) = serde_json::to_value(tenant.settings()) else {
        return wrong("The settings cannot be written as JSON");
    };
    merge(&mut merged, &patch);
    match serde_json::from_value::<Settings>(merged) {
        Ok(settings) => {
            tenant.configure(|old| *old = settings);
            Json(tenant.settings()).into_response()
        }
        Err(error) => wrong(&error.to_string()),
    }
}

async fn clock(State(shared): Of) -> Json<Value> {
    Json(json!({"epoch_millis": of(shared).clock().millis()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockMove {
    advance_seconds: Option<u64>,
    rewind_seconds: Option<u64>,
    epoch_millis: Option<u64>,
}

async fn move_clock(State(shared): Of, Json(to): Json<ClockMove>) -> Json<Value> {
    let clock = of(Arc::clone(&shared)).clock();
    if let Some(millis) = to.epoch_millis {
        clock.set(UNIX_EPOCH + Duration::from_millis(millis));
    }
    if let Some(seconds) = to.advance_seconds {
        clock.advance(Duration::from_secs(seconds));
    }
    if let Some(seconds) = to.rewind_seconds {
        clock.rewind(Duration::from_secs(seconds));
    }
    Json(json!({"epoch_millis": clock.millis()}))
}

async fn faults(State(shared): Of) -> Json<Vec<Fault>> {
    Json(of(shared).faults())
}

async fn add_fault(State(shared): Of, Json(fault): Json<Fault>) -> Response {
    of(shared).fail(fault);
    StatusCode::CREATED.into_response()
}

async fn clear_faults(State(shared): Of) -> Response {
    of(shared).clear_faults();
    done()
}

async fn connections(State(shared): Of) -> Json<Value> {
    let tenant = of(shared);
    Json(json!({"accepted": tenant.connections(), "open": tenant.open_connections()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Breakage {
    #[serde(default)]
    refuse_next: u64,
    #[serde(default)]
    close_open: bool,
}

async fn break_connections(State(shared): Of, Json(breakage): Json<Breakage>) -> Response {
    let tenant = of(shared);
    tenant.refuse_connections(breakage.refuse_next);
    if breakage.close_open {
        tenant.close_connections().await;
    }
    done()
}

async fn received(State(shared): Of) -> Json<Value> {
    let tenant = of(shared);
    let requests: Vec<Received> = tenant.received();
    Json(json!({"requests": requests, "most_in_flight": tenant.most_in_flight()}))
}

async fn clear_received(State(shared): Of) -> Response {
    of(shared).clear_received();
    done()
}

async fn inbox(State(shared): Of) -> Json<Vec<Message>> {
    Json(of(shared).inbox())
}

async fn clear_inbox(State(shared): Of) -> Response {
    of(shared).clear_inbox();
    done()
}

async fn approve(State(shared): Of, Path(id): Path<u64>) -> Response {
    answer(&shared, id, Answer::Approved)
}

async fn refuse(State(shared): Of, Path(id): Path<u64>) -> Response {
    answer(&shared, id, Answer::Refused)
}

fn answer(shared: &Shared, id: u64, answer: Answer) -> Response {
    if shared.state().answer_push(id, answer) { done() } else { missing() }
}

async fn inbox_page() -> Response {
    file("text/html; charset=utf-8", include_str!("../inbox/inbox.html"))
}

async fn inbox_style() -> Response {
    file("text/css; charset=utf-8", include_str!("../inbox/inbox.css"))
}

async fn inbox_script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("../inbox/inbox.js"))
}

fn file(content_type: &'static str, text: &'static str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        header::HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    );
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    (headers, text).into_response()
}
