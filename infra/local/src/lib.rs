#![doc = include_str!("../README.md")]

pub mod demo;
mod gateway;
mod id;
mod page;
mod secrets;
mod server;
mod stack;
mod table;
mod transfers;

pub use secrets::Secrets;
pub use server::Server;
pub use stack::{Builder, Ports, Stack, StartError, environment, user};
pub use table::Table;

/// The region that everything is in.
const REGION: &str = "eu-central-1";

/// The account in ARNs and events.
const ACCOUNT: &str = "000000000000";
