#![doc = include_str!("../README.md")]

mod app;
mod auth0;
mod authenticate;
mod aws;
mod clock;
mod config;
mod cookie;
mod deadline;
pub mod doctor;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http;
mod invocation;
pub mod log;
mod metrics;
mod opaque;
mod origin;
#[cfg(test)]
mod properties;
mod reply;
mod request;
mod secret;
mod session;
mod verify;

pub use app::{App, StartError};
pub use clock::Clock;
pub use config::{Config, ConfigError};
pub use http::HttpError;
