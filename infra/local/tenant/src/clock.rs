//! The one source of time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the tenant takes the time from.
///
/// Everything that expires, refills or is stamped asks this clock, so a test moves time instead of
/// sleeping. A clone is the same clock: keep one and [`advance`](Self::advance) it.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use auth0_tenant::Clock;
///
/// let clock = Clock::manual(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
/// let before = clock.now();
/// clock.advance(Duration::from_secs(30));
/// assert_eq!(clock.now(), before + Duration::from_secs(30));
/// ```
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    offset_millis: Arc<AtomicI64>,
}

impl Clock {
    /// The system's time, plus whatever it is advanced by.
    pub fn system() -> Self {
        Self::from_source(Arc::new(SystemTime::now))
    }

    /// A clock that stands at `at` until it is moved.
    pub fn manual(at: SystemTime) -> Self {
        Self::from_source(Arc::new(move || at))
    }

    /// A clock that somebody else owns, shared with code that knows nothing of this crate.
    ///
    /// [`advance`](Self::advance) and the like work on top of it, for this tenant alone.
    pub fn from_source(source: Arc<dyn Fn() -> SystemTime + Send + Sync>) -> Self {
        Self { source, offset_millis: Arc::default() }
    }

    /// The time now.
    pub fn now(&self) -> SystemTime {
        let offset = self.offset_millis.load(Ordering::SeqCst);
        let by = Duration::from_millis(offset.unsigned_abs());
        let source = (self.source)();
        let moved = if offset < 0 { source.checked_sub(by) } else { source.checked_add(by) };
        moved.unwrap_or(UNIX_EPOCH)
    }

    /// Moves the time forward. Precise to the millisecond.
    pub fn advance(&self, by: Duration) {
        self.offset_millis.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Moves the time back. Precise to the millisecond.
    pub fn rewind(&self, by: Duration) {
        self.offset_millis.fetch_sub(millis(by), Ordering::SeqCst);
    }

    /// Moves the time so that it is `to` now.
    pub fn set(&self, to: SystemTime) {
        let offset = match to.duration_since((self.source)()) {
            Ok(ahead) => millis(ahead),
            Err(behind) => -millis(behind.duration()),
        };
        self.offset_millis.store(offset, Ordering::SeqCst);
    }

    /// Milliseconds since the epoch.
    pub(crate) fn millis(&self) -> u64 {
        let since = self.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
