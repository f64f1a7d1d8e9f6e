//! The functions, the store, the secret and the tenant together, as a page meets them.

mod envelope;
mod factors;
mod faults;
mod refusals;
mod secret;
mod session;
mod sign_in;
mod verify;
