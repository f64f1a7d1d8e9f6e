//! What must be so.

use std::fmt::Debug;

use serde_json::{Value, json};

use crate::book::Book;

/// Everything that was checked, and what of it is not so.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    passed: usize,
    failed: Vec<String>,
}

impl Checks {
    /// Checks that something is as it must be.
    pub(crate) fn that<T: PartialEq + Debug>(&mut self, what: impl Into<String>, found: &T, expected: &T) {
        if found == expected {
            self.passed += 1;
        } else {
            self.failed.push(format!("{}: {found:?}, and should be {expected:?}", what.into()));
        }
    }

    /// Checks that something is below its limit.
    pub(crate) fn below(&mut self, what: impl Into<String>, found: i64, limit: i64) {
        if found < limit {
            self.passed += 1;
        } else {
            self.failed.push(format!("{}: {found}, and should be below {limit}", what.into()));
        }
    }

    /// Checks that no cookie was given twice, and no token to anybody else.
    pub(crate) fn totals(&mut self, book: &Book) {
        let (given, twice, foreign) = book.totals();
        self.that(format!("cookies given twice, of {given}"), &twice, &0);
        self.that("sign-ins that ended without tokens of the user who began them", &foreign, &0);
    }

    pub(crate) fn failed(&self) -> &[String] {
        &self.failed
    }

    pub(crate) fn summary(&self) -> String {
        format!("{} checks passed, {} failed", self.passed, self.failed.len())
    }

    pub(crate) fn json(&self) -> Value {
        json!({"passed": self.passed, "failed": self.failed})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_says_what_it_found() {
        let mut checks = Checks::default();
        checks.that("items", &0, &0);
        checks.that("items", &1, &0);
        checks.below("growth", 10, 10);
        assert_eq!(checks.failed(), ["items: 1, and should be 0", "growth: 10, and should be below 10"]);
        assert_eq!(checks.json()["passed"], 1);
    }
}
