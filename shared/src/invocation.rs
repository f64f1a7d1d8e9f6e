//! One request, apart from what it asks for: what every step of it may need.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderMap;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

use crate::config::ClientIpSource;
use crate::deadline::Deadline;
use crate::metrics::Flow;

/// A request's identity, its deadline, and its time account.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// Lambda's request id, in the log line and in error bodies.
    pub(crate) request_id: String,
    /// X-Ray's trace id.
    pub(crate) trace_id: Option<String>,
    pub(crate) deadline: Deadline,
    /// The user's address, for Auth0's attack protection.
    pub(crate) client_ip: Option<IpAddr>,
    /// What is done, as the log line names it; set as soon as it is known.
    pub(crate) action: OnceLock<&'static str>,
    /// What it is part of; set as soon as it is known.
    pub(crate) flow: OnceLock<Flow>,
    auth0_micros: AtomicU64,
}

impl Invocation {
    pub(crate) fn of(request: &Request, source: ClientIpSource) -> Self {
        let context = request.lambda_context_ref();
        Self {
            request_id: context.map(|context| context.request_id.clone()).unwrap_or_default(),
            trace_id: context.and_then(|context| context.xray_trace_id.clone()),
            deadline: Deadline::for_invocation(context.map_or(0, |context| context.deadline)),
            client_ip: client_ip(request, source),
            action: OnceLock::new(),
            flow: OnceLock::new(),
            auth0_micros: AtomicU64::new(0),
        }
    }

    /// What happens before the first request.
    pub(crate) fn init() -> Self {
        Self {
            request_id: String::new(),
            trace_id: None,
            deadline: Deadline::for_invocation(0),
            client_ip: None,
            action: OnceLock::new(),
            flow: OnceLock::new(),
            auth0_micros: AtomicU64::new(0),
        }
    }

    /// Puts `spent` on the account of waiting for Auth0.
    pub(crate) fn spent_at_auth0(&self, spent: Duration) {
        let micros = u64::try_from(spent.as_micros()).unwrap_or(u64::MAX);
        self.auth0_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What has been spent waiting for Auth0, all calls together.
    pub(crate) fn auth0_time(&self) -> Duration {
        Duration::from_micros(self.auth0_micros.load(Ordering::Relaxed))
    }
}

/// The user's address, as `CLIENT_IP_SOURCE` says where to find it. What a client itself writes into a
/// header is never looked at: entries of `X-Forwarded-For` are counted from the right, where the proxies
/// that the operator trusts append what they see.
fn client_ip(request: &Request, source: ClientIpSource) -> Option<IpAddr> {
    match source {
        ClientIpSource::RequestContext => match request.request_context_ref()? {
            RequestContext::ApiGatewayV1(context) => context.identity.source_ip.as_deref()?.parse().ok(),
            RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
            _ => None,
        },
        ClientIpSource::ForwardedFor(n) => forwarded_for(request.headers(), n),
    }
}

pub(crate) fn forwarded_for(headers: &HeaderMap, n: usize) -> Option<IpAddr> {
    let mut entries = Vec::new();
    for header in headers.get_all("x-forwarded-for") {
        entries.extend(header.to_str().ok()?.split(','));
    }
    let entry = entries.iter().rev().nth(n.checked_sub(1)?)?.trim();
    entry.parse().ok().or_else(|| entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn third_from_right(value: &str) -> Option<IpAddr> {
        let headers = [(http::HeaderName::from_static("x-forwarded-for"), value.parse().unwrap())];
        forwarded_for(&headers.into_iter().collect(), 3)
    }

    #[test]
    fn an_entry_of_x_forwarded_for_is_counted_from_the_right() {
        let address = Some("203.0.113.7".parse().unwrap());
        assert_eq!(third_from_right("203.0.113.7, 10.0.0.1, 10.0.0.2"), address);
        assert_eq!(
            third_from_right("6.6.6.6,203.0.113.7,10.0.0.1,10.0.0.2"),
            address,
            "what a client adds on the left"
        );
        assert_eq!(third_from_right("203.0.113.7:4711, 10.0.0.1, 10.0.0.2"), address, "with a port");
        assert_eq!(third_from_right("[2001:db8::1]:4711, a, b"), Some("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn where_there_is_no_such_entry_or_no_address_in_it_there_is_none() {
        for value in ["", "203.0.113.7", "203.0.113.7, 10.0.0.1", "unknown, 10.0.0.1, 10.0.0.2", ",,"] {
            assert_eq!(third_from_right(value), None, "{value}");
        }
    }
}
