#![doc = include_str!("../README.md")]

mod application;
mod clock;
mod control;
mod fault;
mod inbox;
mod key;
mod limit;
mod line;
mod mfa;
mod opaque;
mod people;
mod record;
mod refusal;
mod request;
mod rule;
mod server;
mod settings;
mod state;
mod tenant;
mod token;
mod user;

pub use application::{Api, Application, ClientAuthentication, Grant};
pub use clock::Clock;
pub use fault::{Cut, Fault, Reply};
pub use inbox::{Answer, Message, MessageKind, OnMessage};
pub use key::TenantKey;
pub use limit::RateLimit;
pub use record::{Endpoint, MostInFlight, Received};
pub use request::Encoding;
pub use rule::{Login, Protocol, Rule, Verdict};
pub use settings::{
    BlockedAnswer, BudgetAnswer, NoFactor, Policy, PushRefusal, Rewording, Settings, SpentMfaToken, StepUpRefresh,
    UnknownAuthenticator,
};
pub use tenant::{Builder, StartError, Tenant};
pub use user::{Authenticator, Conduct, Factor, User};
