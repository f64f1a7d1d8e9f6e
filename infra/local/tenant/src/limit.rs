//! Budgets and blocks.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::settings::seconds;

/// A bucket of `capacity` that is refilled by one every `refill`.
#[derive(Debug)]
pub(crate) struct Bucket {
    capacity: u32,
    refill_millis: u64,
    left: u32,
    since: u64,
}

impl Bucket {
    pub(crate) fn new(capacity: u32, refill: Duration) -> Self {
        Self {
            capacity,
            refill_millis: u64::try_from(refill.as_millis()).unwrap_or(u64::MAX).max(1),
            left: capacity,
            since: 0,
        }
    }

    /// How many are left at this time.
    pub(crate) fn left(&mut self, now: u64) -> u32 {
        if self.left < self.capacity {
            let refilled = now.saturating_sub(self.since) / self.refill_millis;
            let missing = u64::from(self.capacity - self.left);
            if refilled >= missing {
                self.left = self.capacity;
            } else {
                self.left += u32::try_from(refilled).unwrap_or(0);
                self.since += refilled * self.refill_millis;
            }
        }
        self.left
    }

    /// Takes one, or says that there is none.
    pub(crate) fn take(&mut self, now: u64) -> bool {
        if self.left(now) == 0 {
            return false;
        }
        if self.left == self.capacity {
            self.since = now;
        }
        self.left -= 1;
        true
    }

    pub(crate) fn fill(&mut self) {
        self.left = self.capacity;
    }
}

/// What one user may still do (Auth0: rate limit policy, MFA; sections "SMS", "email", "push" and
/// "OTP" of the Guardian limits).
#[derive(Debug)]
pub(crate) struct Budgets {
    /// Wrong OTP, SMS, voice and e-mail codes: 10, one more every 6 minutes. Success resets nothing.
    pub(crate) wrong_codes: Bucket,
    /// Wrong recovery codes: 10 an hour.
    pub(crate) wrong_recovery_codes: Bucket,
    /// SMS sent: 10, then one an hour. Voice calls come out of the same bucket.
    pub(crate) sms: Bucket,
    /// E-mails sent: 20, then one a minute.
    pub(crate) email: Bucket,
    /// Push notifications sent: 5 a minute.
    pub(crate) push: Bucket,
}

impl Budgets {
    pub(crate) fn new() -> Self {
        let minutes = Duration::from_mins;
        Self {
            wrong_codes: Bucket::new(10, minutes(6)),
            wrong_recovery_codes: Bucket::new(10, minutes(6)),
            sms: Bucket::new(10, minutes(60)),
            email: Bucket::new(20, minutes(1)),
            push: Bucket::new(5, Duration::from_secs(12)),
        }
    }
}

/// Polls of one `mfa_token`'s push: 12 a minute.
pub(crate) fn polls() -> Bucket {
    Bucket::new(12, Duration::from_secs(5))
}

/// Logins of one user from one IP: 20, then 10 a minute, successes counted (rate limit policy).
pub(crate) fn logins() -> Bucket {
    Bucket::new(20, Duration::from_secs(6))
}

/// Brute-force protection: failures per IP and identifier, and since when the pair is blocked.
#[derive(Debug, Default)]
pub(crate) struct BruteForce {
    pairs: HashMap<(IpAddr, String), Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    count: u32,
    blocked_since: Option<u64>,
}

const BLOCK_MILLIS: u64 = 30 * 24 * 60 * 60 * 1000;

impl BruteForce {
    pub(crate) fn is_blocked(&self, ip: IpAddr, identifier: &str, now: u64) -> bool {
        self.pairs
            .get(&(ip, identifier.to_owned()))
            .and_then(|failures| failures.blocked_since)
            .is_some_and(|since| now.saturating_sub(since) < BLOCK_MILLIS)
    }

    /// Counts a wrong password. The one that reaches the threshold is answered as any other; it is
    /// the next that finds the pair blocked.
    pub(crate) fn failed(&mut self, ip: IpAddr, identifier: &str, threshold: u32, now: u64) {
        let failures = self.pairs.entry((ip, identifier.to_owned())).or_default();
        if failures.blocked_since.is_some_and(|since| now.saturating_sub(since) >= BLOCK_MILLIS) {
            *failures = Failures::default();
        }
        failures.count += 1;
        if failures.count >= threshold {
            failures.blocked_since = Some(now);
        }
    }

    pub(crate) fn succeeded(&mut self, ip: IpAddr, identifier: &str) {
        self.pairs.remove(&(ip, identifier.to_owned()));
    }

    pub(crate) fn unblock(&mut self, identifier: &str) {
        self.pairs.retain(|(_, of), _| of != identifier);
    }
}

/// A rate limit on the whole tenant, off by default.
///
/// With it every answer of a limited endpoint carries `x-ratelimit-limit`,
/// `x-ratelimit-remaining` and `x-ratelimit-reset` (unix seconds); over it the answer is 429
/// `too_many_requests` (Auth0: "Rate limit use cases").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests in one window.
    pub requests: u32,
    /// The window's length, in seconds in JSON.
    #[serde(with = "seconds")]
    pub window: Duration,
    /// Whether the 429 says `Retry-After` (seconds), as Auth0's custom rate limit policies do.
    #[serde(default)]
    pub retry_after: bool,
}

/// The window that is open.
#[derive(Debug, Default)]
pub(crate) struct Window {
    began: u64,
    count: u32,
}

pub(crate) struct Rate {
    pub(crate) exceeded: bool,
    pub(crate) headers: Vec<(String, String)>,
}

impl Window {
    pub(crate) fn count(&mut self, limit: &RateLimit, now: u64) -> Rate {
        let length = u64::try_from(limit.window.as_millis()).unwrap_or(u64::MAX).max(1);
        if self.count == 0 || now.saturating_sub(self.began) >= length {
            self.began = now;
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        let ends = self.began.saturating_add(length);
        let exceeded = self.count > limit.requests;
        let mut headers = vec![
            ("x-ratelimit-limit".to_owned(), limit.requests.to_string()),
            ("x-ratelimit-remaining".to_owned(), limit.requests.saturating_sub(self.count).to_string()),
            ("x-ratelimit-reset".to_owned(), ends.div_ceil(1000).to_string()),
        ];
        if exceeded && limit.retry_after {
            let wait = ends.saturating_sub(now).div_ceil(1000);
            headers.push(("retry-after".to_owned(), wait.to_string()));
        }
        Rate { exceeded, headers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_capacity_and_then_one_per_refill() {
        let mut bucket = Bucket::new(10, Duration::from_mins(6));
        let start = 1_000_000;
        assert!((0..10).all(|_| bucket.take(start)));
        assert!(!bucket.take(start + 359_999));
        assert!(bucket.take(start + 360_000));
        assert!(!bucket.take(start + 360_001));
        assert_eq!(bucket.left(start + 10 * 360_000), 9);
        assert_eq!(bucket.left(start + 11 * 360_000), 10);
    }

    #[test]
    fn only_the_pair_that_failed_is_blocked_and_for_thirty_days() {
        let mut brute = BruteForce::default();
        let ip = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..9 {
            brute.failed(ip, "ada", 10, 0);
        }
        assert!(!brute.is_blocked(ip, "ada", 0));
        brute.failed(ip, "ada", 10, 0);
        assert!(brute.is_blocked(ip, "ada", BLOCK_MILLIS - 1));
        assert!(!brute.is_blocked(ip, "ada", BLOCK_MILLIS));
        assert!(!brute.is_blocked(IpAddr::from([192, 0, 2, 2]), "ada", 0));
        assert!(!brute.is_blocked(ip, "grace", 0));
    }
}
