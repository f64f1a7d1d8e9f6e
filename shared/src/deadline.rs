//! How long a request may go on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// What a whole request may take. The lease of its session ([`crate::session::LEASE`]) outlives it.
const REQUEST: Duration = Duration::from_secs(9);

/// How much earlier than Lambda's own deadline a request ends: enough to answer.
const MARGIN: Duration = Duration::from_millis(500);

/// What calls to Auth0 leave of the request's time, so that their outcome can still be written down.
const WRITE_RESERVE: Duration = Duration::from_secs(1);

/// The moment by which a request is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// Nine seconds from now, and never past `invocation`: Lambda's deadline in milliseconds since the
    /// epoch, 0 where there is none.
    ///
    /// No invocation begins a day after its deadline. Such a value is not a moment but a length of time,
    /// which is what `cargo lambda watch` (1.9) sends in that place: 600000, always.
    pub(crate) fn for_invocation(invocation: u64) -> Self {
        // Lambda's deadline is a moment of real time, whatever the injected clock shows.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let invocation = Duration::from_millis(invocation);
        let left = if invocation + Duration::from_hours(24) < now {
            REQUEST
        } else {
            invocation.saturating_sub(now).saturating_sub(MARGIN)
        };
        Self(Instant::now() + left.min(REQUEST))
    }

    /// What a call to Auth0 may take: at most `limit`, and no more than leaves time for a write.
    pub(crate) fn for_call(self, limit: Duration) -> Instant {
        let reserved = self.0.checked_sub(WRITE_RESERVE).unwrap_or(self.0);
        reserved.min(Instant::now() + limit)
    }

    /// The moment itself.
    pub(crate) fn instant(self) -> Instant {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(deadline: Deadline) -> Duration {
        deadline.instant() - Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_has_nine_seconds_or_what_the_invocation_has_less_half_a_second() {
        let in_secs = |secs| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            u64::try_from((now + Duration::from_secs(secs)).as_millis()).unwrap()
        };
        assert_eq!(left(Deadline::for_invocation(0)), Duration::from_secs(9));
        assert_eq!(left(Deadline::for_invocation(in_secs(30))), Duration::from_secs(9));
        let short = left(Deadline::for_invocation(in_secs(3)));
        assert!(short > Duration::from_secs(2) && short <= Duration::from_millis(2500), "{short:?}");
        let past = in_secs(0) - 1000;
        assert_eq!(left(Deadline::for_invocation(past)), Duration::ZERO);
        let cargo_lambda = 600_000;
        assert_eq!(left(Deadline::for_invocation(cargo_lambda)), Duration::from_secs(9));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_leaves_time_for_the_write() {
        let deadline = Deadline::for_invocation(0);
        assert_eq!(deadline.for_call(Duration::from_secs(5)) - Instant::now(), Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(deadline.for_call(Duration::from_secs(5)) - Instant::now(), Duration::from_secs(2));
    }
}
