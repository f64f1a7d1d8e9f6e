//! The front: reads a request, lets a fault have its way, asks the endpoint, answers.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::application::Grant;
use crate::control;
use crate::fault::{Cut, Fault, Reply};
use crate::line::Peer;
use crate::opaque::digest_of;
use crate::record::{Endpoint, Received};
use crate::refusal::Refusal;
use crate::request::Call;
use crate::tenant::Shared;

/// The longest body that is read.
const BODY_LIMIT: usize = 1024 * 1024;

pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    control::router().fallback(front).with_state(Arc::clone(shared))
}

/// Where a request goes, with the authenticator's id if the path names one.
fn route(method: &Method, path: &str) -> Result<(Endpoint, Option<String>), StatusCode> {
    let (endpoint, allowed): (_, &[Method]) = match path {
        "/oauth/token" => (Endpoint::Token, &[Method::POST]),
        "/oauth/revoke" => (Endpoint::Revoke, &[Method::POST]),
        "/mfa/challenge" => (Endpoint::Challenge, &[Method::POST]),
        "/mfa/associate" => (Endpoint::Associate, &[Method::POST]),
        "/mfa/authenticators" => (Endpoint::Authenticators, &[Method::GET]),
        "/userinfo" => (Endpoint::Userinfo, &[Method::GET, Method::POST]),
        "/.well-known/jwks.json" => (Endpoint::Jwks, &[Method::GET]),
        "/.well-known/openid-configuration" => (Endpoint::Discovery, &[Method::GET]),
        _ => match path.strip_prefix("/mfa/authenticators/") {
            Some(id) if !id.is_empty() && !id.contains('/') => {
                if method != Method::DELETE {
                    return Err(StatusCode::METHOD_NOT_ALLOWED);
                }
                let id = percent_decode_str(id).decode_utf8_lossy().into_owned();
                return Ok((Endpoint::RemoveAuthenticator, Some(id)));
            }
            _ => return Err(StatusCode::NOT_FOUND),
        },
    };
    if allowed.contains(method) { Ok((endpoint, None)) } else { Err(StatusCode::METHOD_NOT_ALLOWED) }
}

async fn front(State(shared): State<Arc<Shared>>, ConnectInfo(peer): ConnectInfo<Peer>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let (endpoint, authenticator_id) = match route(&head.method, head.uri.path()) {
        Ok(routed) => routed,
        Err(status) => {
            let text = status.canonical_reason().unwrap_or_default();
            return respond(Reply::new(status.as_u16(), "text/plain", text));
        }
    };
    if shared.state().faults.before_body(endpoint).is_some() {
        let refused = Call::new(&head.headers, b"", peer.address.ip()).ok();
        let _entered = shared.record(endpoint, &peer, &head.headers, refused.as_ref());
        peer.switch.cut();
        return Response::new(Body::empty());
    }
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return respond(Reply::error(413, "invalid_request", "Payload too large"));
    };
    let call = Call::new(&head.headers, &body, peer.address.ip()).map(|call| Call { authenticator_id, ..call });
    let in_flight = shared.record(endpoint, &peer, &head.headers, call.as_ref().ok());
    let grant = call
        .as_ref()
        .ok()
        .filter(|_| endpoint == Endpoint::Token)
        .and_then(|call| call.get("grant_type"))
        .and_then(Grant::from_urn);
    let fault = shared.state().faults.next(endpoint, grant);
    let reply = match fault {
        Some(fault) => {
            let reply = answer_with_fault(&shared, &peer, endpoint, call, &fault).await;
            let Some(reply) = reply else {
                return Response::new(Body::empty());
            };
            reply
        }
        None => shared.answer(endpoint, call),
    };
    in_flight.answered(reply.status, error_of(&reply));
    respond(reply)
}

/// The answer that a fault leaves, or nothing if it cut the connection.
async fn answer_with_fault(
    shared: &Shared,
    peer: &Peer,
    endpoint: Endpoint,
    call: Result<Call, Refusal>,
    fault: &Fault,
) -> Option<Reply> {
    tokio::time::sleep(fault.before_processing()).await;
    if fault.cuts() == Some(Cut::BeforeProcessing) {
        peer.switch.cut();
        return None;
    }
    let reply = if let Some(reply) = fault.instead() {
        reply
    } else {
        let call = call.map(|call| Call { id_token_claims: fault.claims(), ..call });
        fault.spoil(shared.answer(endpoint, call))
    };
    tokio::time::sleep(fault.after_processing()).await;
    match fault.cuts() {
        Some(Cut::AfterProcessing) => {
            peer.switch.cut();
            None
        }
        Some(Cut::InReply) => {
            peer.switch.cut_in_reply();
            Some(reply)
        }
        _ => Some(reply),
    }
}

impl Shared {
    /// What Auth0 would answer.
    fn answer(&self, endpoint: Endpoint, call: Result<Call, Refusal>) -> Reply {
        let mut state = self.state();
        let mut rate_headers = Vec::new();
        let limited = !matches!(endpoint, Endpoint::Jwks | Endpoint::Discovery);
        let outcome = call.and_then(|call| {
            if limited && let Some(limit) = state.settings.rate_limit.clone() {
                let now = state.now();
                let rate = state.window.count(&limit, now);
                if rate.exceeded {
                    return Err(Refusal::rate_limit(rate.headers));
                }
                rate_headers = rate.headers;
            }
            let json = |value: Value| Reply::json(200, &value);
            // The recordings show a charset where the MFA API answers, and none at `/oauth/token`.
            let json_utf8 = |value: Value| Reply::new(200, "application/json; charset=utf-8", value.to_string());
            match endpoint {
                Endpoint::Token => state.token(&call).map(json),
                Endpoint::Revoke => state.revoke(&call).map(|()| Reply::new(200, "application/json", Vec::new())),
                Endpoint::Challenge => state.challenge(&call).map(json_utf8),
                Endpoint::Associate => state.associate(&call).map(json_utf8),
                Endpoint::Authenticators => state.authenticators(&call).map(json_utf8),
                Endpoint::RemoveAuthenticator => {
                    state.remove_authenticator(&call).map(|()| Reply::new(204, "application/json", Vec::new()))
                }
                Endpoint::Userinfo => state.userinfo(&call).map(json_utf8),
                Endpoint::Jwks => Ok(json_utf8(state.key.jwks())),
                Endpoint::Discovery => Ok(json_utf8(state.discovery())),
            }
        });
        let mut reply = match outcome {
            Ok(reply) => reply,
            Err(refusal) => refusal.into_reply(&state.settings.rewordings),
        };
        reply.headers.extend(rate_headers);
        if endpoint == Endpoint::Token {
            reply = reply.header("cache-control", "no-store").header("pragma", "no-cache");
        }
        reply
    }

    fn record(
        &self,
        endpoint: Endpoint,
        peer: &Peer,
        headers: &HeaderMap,
        call: Option<&Call>,
    ) -> crate::record::InFlight {
        let field = |name: &str| call.and_then(|call| call.get(name)).map(ToOwned::to_owned);
        let mut fields: Vec<String> = call.map(|call| call.fields.keys().cloned().collect()).unwrap_or_default();
        fields.sort_unstable();
        let mut names: Vec<String> = headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort_unstable();
        let at = self.state().clock.now();
        let mfa_token = match endpoint {
            Endpoint::Authenticators | Endpoint::Associate => call.and_then(|call| call.bearer.clone()),
            _ => field("mfa_token"),
        };
        let received = Received {
            number: 0,
            at,
            began: Instant::now(),
            ended: None,
            endpoint,
            grant_type: field("grant_type"),
            scope: field("scope"),
            audience: field("audience"),
            forwarded_for: call.and_then(|call| call.forwarded_for.clone()),
            peer: peer.address,
            connection: peer.switch.id,
            encoding: call.and_then(|call| call.encoding),
            fields,
            headers: names,
            status: None,
            error: None,
        };
        self.record.enter(
            received,
            field("refresh_token").as_deref().map(digest_of),
            mfa_token.as_deref().map(digest_of),
        )
    }
}

fn error_of(reply: &Reply) -> Option<String> {
    if reply.status < 400 || !reply.is_json() {
        return None;
    }
    let body: Value = serde_json::from_slice(&reply.body).ok()?;
    Some(body.get("error")?.as_str()?.to_owned())
}

pub(crate) fn respond(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(Bytes::from(reply.body)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
