//! What the tenant was asked: for tests to look at.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::opaque::Digest;
use crate::request::Encoding;

/// An endpoint of Auth0's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `POST /oauth/token`.
    Token,
    /// `POST /oauth/revoke`.
    Revoke,
    /// `POST /mfa/challenge`.
    Challenge,
    /// `POST /mfa/associate`.
    Associate,
    /// `GET /mfa/authenticators`.
    Authenticators,
    /// `DELETE /mfa/authenticators/{id}`.
    RemoveAuthenticator,
    /// `GET` or `POST /userinfo`.
    Userinfo,
    /// `GET /.well-known/jwks.json`.
    Jwks,
    /// `GET /.well-known/openid-configuration`.
    Discovery,
}

/// A request that the tenant received. It holds no password, code, secret or token.
#[derive(Debug, Clone, Serialize)]
pub struct Received {
    /// Its number, from 0 on in the order of arrival.
    pub number: u64,
    /// The time by the tenant's clock.
    #[serde(skip)]
    pub at: SystemTime,
    /// When it had been read, by the machine's clock.
    #[serde(skip)]
    pub began: Instant,
    /// When it was answered, given up or cut off; nothing while it is in flight.
    #[serde(skip)]
    pub ended: Option<Instant>,
    /// Where it went.
    pub endpoint: Endpoint,
    /// The `grant_type`, as it was sent.
    pub grant_type: Option<String>,
    /// `scope`, as it was sent.
    pub scope: Option<String>,
    /// `audience`, as it was sent.
    pub audience: Option<String>,
    /// The `auth0-forwarded-for` header, as it was sent, whether it counts or not.
    pub forwarded_for: Option<String>,
    /// Who connected.
    pub peer: SocketAddr,
    /// The number of the connection it came on, from 1 on.
    pub connection: u64,
    /// How the body was encoded, if it was one of the two ways.
    pub encoding: Option<Encoding>,
    /// The names of its fields, sorted.
    pub fields: Vec<String>,
    /// The names of its headers, lower case, sorted.
    pub headers: Vec<String>,
    /// The status of the answer, unless the connection was cut.
    pub status: Option<u16>,
    /// The `error` of the answer.
    pub error: Option<String>,
}

/// The most requests that are remembered; older ones go.
const KEPT: usize = 10_000;

#[derive(Default)]
struct Inner {
    next: u64,
    requests: VecDeque<Received>,
    in_flight: usize,
    most_in_flight: usize,
    by_token: HashMap<Digest, usize>,
    most_by_refresh_token: usize,
    most_by_mfa_token: usize,
}

/// The requests, in order of arrival, and how many overlapped.
#[derive(Clone, Default)]
pub(crate) struct Record(Arc<Mutex<Inner>>);

/// The most requests that were in flight at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MostInFlight {
    /// In all.
    pub requests: usize,
    /// With one and the same refresh token.
    pub of_one_refresh_token: usize,
    /// With one and the same `mfa_token`, in a body or as the bearer.
    pub of_one_mfa_token: usize,
}

/// A request under way: when it is dropped, the request has ended.
pub(crate) struct InFlight {
    record: Record,
    number: u64,
    tokens: Vec<Digest>,
}

impl Record {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(
        &self,
        mut request: Received,
        refresh_token: Option<Digest>,
        mfa_token: Option<Digest>,
    ) -> InFlight {
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        request.number = number;
        if inner.requests.len() == KEPT {
            inner.requests.pop_front();
        }
        inner.requests.push_back(request);
        inner.in_flight += 1;
        inner.most_in_flight = inner.most_in_flight.max(inner.in_flight);
        let mut count = |token: Option<Digest>| {
            token.map_or(0, |token| {
                let count = inner.by_token.entry(token).or_default();
                *count += 1;
                *count
            })
        };
        let of_refresh_token = count(refresh_token);
        let of_mfa_token = count(mfa_token);
        inner.most_by_refresh_token = inner.most_by_refresh_token.max(of_refresh_token);
        inner.most_by_mfa_token = inner.most_by_mfa_token.max(of_mfa_token);
        InFlight { record: self.clone(), number, tokens: refresh_token.into_iter().chain(mfa_token).collect() }
    }

    pub(crate) fn all(&self) -> Vec<Received> {
        self.lock().requests.iter().cloned().collect()
    }

    pub(crate) fn most_in_flight(&self) -> MostInFlight {
        let inner = self.lock();
        MostInFlight {
            requests: inner.most_in_flight,
            of_one_refresh_token: inner.most_by_refresh_token,
            of_one_mfa_token: inner.most_by_mfa_token,
        }
    }

    pub(crate) fn clear(&self) {
        let mut inner = self.lock();
        inner.requests.clear();
        inner.most_in_flight = inner.in_flight;
        inner.most_by_refresh_token = 0;
        inner.most_by_mfa_token = 0;
    }
}

impl InFlight {
    pub(crate) fn answered(&self, status: u16, error: Option<String>) {
        self.update(|request| {
            request.status = Some(status);
            request.error = error;
        });
    }

    fn update(&self, change: impl FnOnce(&mut Received)) {
        let mut inner = self.record.lock();
        // Numbers are consecutive, so the place follows from the first one.
        let first = inner.requests.front().map_or(0, |request| request.number);
        let place = self.number.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        if let Some(request) = place.and_then(|place| inner.requests.get_mut(place)) {
            change(request);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.update(|request| request.ended = Some(Instant::now()));
        let mut inner = self.record.lock();
        inner.in_flight -= 1;
        for token in &self.tokens {
            if let Some(count) = inner.by_token.get_mut(token) {
                *count -= 1;
                if *count == 0 {
                    inner.by_token.remove(token);
                }
            }
        }
    }
}
