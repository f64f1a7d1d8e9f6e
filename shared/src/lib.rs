//! Password and MFA sign-in on Auth0: what the two Lambda functions have in common.
#![allow(missing_docs, dead_code)]
mod clock;
pub use clock::Clock;
use lambda_http::{Body, Request, Response};

pub struct App {}

#[derive(Debug, thiserror::Error)]
#[error("not written yet")]
pub struct StartError;

impl App {
    pub async fn from_env(_var: impl Fn(&str) -> Option<String>, _clock: Clock) -> Result<Self, StartError> {
        Ok(Self {})
    }
    pub async fn authenticate(&self, _request: Request) -> Response<Body> {
        Response::new(Body::Empty)
    }
    pub async fn verify(&self, _request: Request) -> Response<Body> {
        Response::new(Body::Empty)
    }
}
