//! The books: what was begun, what came of it, and how long it took.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// Everything that a run keeps account of.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// Every session cookie that was ever given.
    given: HashSet<String>,
    /// Those that were given twice.
    twice: usize,
    /// Answers with tokens of another user, or without.
    foreign: usize,
    /// Since [`Book::close_level`].
    level: Level,
}

/// What happened at one level of concurrency.
#[derive(Debug, Default)]
pub(crate) struct Level {
    pub(crate) sign_in: Vec<Duration>,
    pub(crate) verify: Vec<Duration>,
    /// Sign-ins that ended with tokens.
    pub(crate) done: usize,
    /// Sign-ins that ended without.
    pub(crate) lost: usize,
    /// Wrong codes that were refused as they should be.
    pub(crate) refused: usize,
    /// Sessions that were begun and have not ended.
    pub(crate) open: usize,
    pub(crate) most_open: usize,
    /// What was answered that should not have been, and how often.
    pub(crate) faults: BTreeMap<String, usize>,
    /// The cookies of signed-in sessions.
    pub(crate) signed_in: Vec<String>,
}

impl Book {
    /// A session was begun.
    pub(crate) fn begun(&mut self, cookie: &str) {
        self.give(cookie);
        self.level.open += 1;
        self.level.most_open = self.level.most_open.max(self.level.open);
    }

    /// A session ended with tokens, and became a signed-in one if there is a cookie.
    pub(crate) fn done(&mut self, is_own: bool, cookie: Option<String>) {
        self.level.open = self.level.open.saturating_sub(1);
        self.level.done += 1;
        self.foreign += usize::from(!is_own);
        if let Some(cookie) = cookie {
            self.give(&cookie);
            self.level.signed_in.push(cookie);
        }
    }

    /// A sign-in ended without tokens.
    pub(crate) fn lost(&mut self, was_begun: bool) {
        self.level.open = self.level.open.saturating_sub(usize::from(was_begun));
        self.level.lost += 1;
    }

    /// A wrong code was refused as it should be.
    pub(crate) fn refused(&mut self) {
        self.level.refused += 1;
    }

    /// Something was answered that should not have been.
    pub(crate) fn fault(&mut self, kind: String) {
        *self.level.faults.entry(kind).or_default() += 1;
    }

    pub(crate) fn took_sign_in(&mut self, time: Duration) {
        self.level.sign_in.push(time);
    }

    pub(crate) fn took_verify(&mut self, time: Duration) {
        self.level.verify.push(time);
    }

    /// What happened since this was last called.
    pub(crate) fn close_level(&mut self) -> Level {
        std::mem::take(&mut self.level)
    }

    /// How many cookies were given, how many of them twice, and how many sign-ins ended with another user's tokens.
    pub(crate) fn totals(&self) -> (usize, usize, usize) {
        (self.given.len(), self.twice, self.foreign)
    }

    fn give(&mut self, cookie: &str) {
        if !self.given.insert(cookie.to_owned()) {
            self.twice += 1;
        }
    }
}

impl Level {
    pub(crate) fn fault_count(&self) -> usize {
        self.faults.values().sum()
    }
}

/// Percentiles by the nearest rank: the smallest value that so many of a hundred do not exceed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Percentiles {
    pub(crate) p50: Duration,
    pub(crate) p95: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
}

impl Percentiles {
    pub(crate) fn of(times: &[Duration]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(rank).copied().unwrap_or_default()
        };
        Self { p50: at(50), p95: at(95), p99: at(99), max: at(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_seen() {
        let millis = |values: &[u64]| values.iter().copied().map(Duration::from_millis).collect::<Vec<_>>();
        let hundred: Vec<u64> = (1..=100).rev().collect();
        let of = Percentiles::of(&millis(&hundred));
        let expected = [50, 95, 99, 100].map(Duration::from_millis);
        assert_eq!([of.p50, of.p95, of.p99, of.max], expected);
        let two = Percentiles::of(&millis(&[10, 20]));
        assert_eq!([two.p50, two.p95, two.max], [10, 20, 20].map(Duration::from_millis));
        assert_eq!(Percentiles::of(&[]), Percentiles::default());
    }

    #[test]
    fn a_cookie_that_is_given_twice_is_noticed_across_levels() {
        let mut book = Book::default();
        book.begun("a");
        book.done(true, Some("b".to_owned()));
        assert_eq!(book.close_level().signed_in, ["b"]);
        book.begun("b");
        book.done(false, None);
        assert_eq!(book.totals(), (2, 1, 1));
    }

    #[test]
    fn the_most_that_were_open_at_once_are_counted() {
        let mut book = Book::default();
        for cookie in ["a", "b"] {
            book.begun(cookie);
        }
        book.done(true, None);
        book.begun("c");
        book.lost(true);
        book.lost(false);
        book.begun("d");
        let level = book.close_level();
        assert_eq!((level.most_open, level.open, level.done, level.lost), (2, 2, 1, 2));
    }
}
