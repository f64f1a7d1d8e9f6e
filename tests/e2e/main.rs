//! The functions, the store, the secret and the tenant together, as a page meets them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what a test's helpers cannot do fails the test"
)]

mod attacks;
mod envelope;
mod factors;
mod faults;
mod matrix;
mod refusals;
mod secret;
mod session;
mod sign_in;
mod step_up;
mod verify;
