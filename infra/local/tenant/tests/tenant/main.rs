//! The tenant through real HTTP, as a stranger meets it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test's helpers cannot do fails the test")]

mod client;

mod connection;
mod control;
mod enrollment;
mod fact;
mod limit;
mod mfa_token;
mod oob;
mod otp;
mod password;
mod program;
mod refresh;
mod token;
