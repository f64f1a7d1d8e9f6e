//! The client secret, from Secrets Manager.
//!
//! Read at init and kept for `SECRET_CACHE_SECONDS`. While Secrets Manager cannot be reached the last value
//! goes on serving. And when Auth0 says that the secret is wrong, it is read again at once: a rotation
//! needs no deployment and fails no sign-in.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use serde::Deserialize;

use crate::clock::Clock;
use crate::config::Auth0Config;
use crate::opaque::ClientSecret;

/// How long a value that could not be refreshed is served before the next try.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// What the secret holds.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    /// `client_id`, where the secret has one: rotated together with the secret, it counts more than
    /// `AUTH0_CLIENT_ID`.
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: ClientSecret,
}

/// The secret cannot be had. For the log.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("Secrets Manager GetSecretValue failed: {0}")]
    Unavailable(String),
    #[error(
        "the secret of AUTH0_CLIENT_SECRET_ID must be the client secret itself, or JSON with the text \
         client_secret: {0}"
    )]
    Malformed(&'static str),
}

/// A secret in Secrets Manager, and its last known value.
#[derive(Debug)]
pub(crate) struct Secret {
    client: Client,
    /// A name or an ARN.
    id: String,
    keep: Duration,
    clock: Clock,
    last: Mutex<Option<Read>>,
    /// One refresh at a time; the others wait for its result.
    refreshing: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Read {
    credentials: Credentials,
    /// Epoch milliseconds.
    fresh_until: u64,
}

impl Secret {
    /// The secret that `config` names.
    pub(crate) fn of(config: &Auth0Config, client: Client, clock: Clock) -> Self {
        Self {
            client,
            id: config.client_secret_id.clone(),
            keep: config.secret_cache,
            clock,
            last: Mutex::new(None),
            refreshing: tokio::sync::Mutex::new(()),
        }
    }

    /// The value: from memory while it is fresh, or while Secrets Manager cannot be asked.
    pub(crate) async fn get(&self) -> Result<Credentials, SecretError> {
        match self.fresh() {
            Some(credentials) => Ok(credentials),
            // In a box: every request's future has room for this one, and hardly any comes to it.
            None => Box::pin(self.refresh()).await,
        }
    }

    async fn refresh(&self) -> Result<Credentials, SecretError> {
        let _one_at_a_time = self.refreshing.lock().await;
        if let Some(credentials) = self.fresh() {
            return Ok(credentials);
        }
        match self.read().await {
            Ok(credentials) => {
                self.keep(credentials.clone(), self.keep);
                Ok(credentials)
            }
            Err(fault) => {
                let Some(stale) = self.last() else { return Err(fault) };
                tracing::warn!(detail = %fault, "the last known client secret goes on serving");
                self.keep(stale.credentials.clone(), RETRY_AFTER);
                Ok(stale.credentials)
            }
        }
    }

    /// Reads the value again because Auth0 refused `used`. `Some` where it is another by now.
    pub(crate) async fn changed_since(&self, used: &Credentials) -> Result<Option<Credentials>, SecretError> {
        let differs = |credentials: &Credentials| {
            credentials.client_secret.expose() != used.client_secret.expose() || credentials.client_id != used.client_id
        };
        let _one_at_a_time = self.refreshing.lock().await;
        // Another request may have met the same refusal and read the new value meanwhile.
        if let Some(last) = self.last().filter(|last| differs(&last.credentials)) {
            return Ok(Some(last.credentials));
        }
        let credentials = Box::pin(self.read()).await?;
        self.keep(credentials.clone(), self.keep);
        Ok(Some(credentials).filter(differs))
    }

    fn last(&self) -> Option<Read> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fresh(&self) -> Option<Credentials> {
        self.last().filter(|last| last.fresh_until > self.clock.millis()).map(|last| last.credentials)
    }

    fn keep(&self, credentials: Credentials, keep: Duration) {
        let fresh_until = self.clock.millis() + u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Read { credentials, fresh_until });
    }

    async fn read(&self) -> Result<Credentials, SecretError> {
        let output = self.client.get_secret_value().secret_id(&self.id).send().await.map_err(|error| {
            let hint = match error.as_service_error().and_then(ProvideErrorMetadata::code) {
                Some("ResourceNotFoundException") => " (AUTH0_CLIENT_SECRET_ID names no secret with a value)",
                Some("AccessDeniedException") => " (the function's role lacks secretsmanager:GetSecretValue on it)",
                _ => "",
            };
            SecretError::Unavailable(format!("{}{hint}", crate::aws::fault(&error)))
        })?;
        match (output.secret_string, output.secret_binary) {
            (Some(text), _) => parse(&text),
            (None, Some(bytes)) => {
                parse(std::str::from_utf8(bytes.as_ref()).map_err(|_| SecretError::Malformed("it is not text"))?)
            }
            (None, None) => Err(SecretError::Malformed("it is empty")),
        }
    }
}

fn parse(value: &str) -> Result<Credentials, SecretError> {
    #[derive(Deserialize)]
    struct Json {
        client_id: Option<String>,
        client_secret: String,
    }
    // A file put in with the AWS command line ends with a line break.
    let value = value.trim();
    let (client_id, client_secret) = if value.starts_with('{') {
        let json: Json = serde_json::from_str(value)
            .map_err(|_| SecretError::Malformed("it looks like JSON, but has no such member"))?;
        (json.client_id.filter(|id| !id.is_empty()), json.client_secret)
    } else {
        (None, value.to_owned())
    };
    if client_secret.is_empty() {
        return Err(SecretError::Malformed("it is empty"));
    }
    Ok(Credentials { client_id, client_secret: client_secret.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_plain_text_or_json() {
        let plain = parse("s3cret\n").unwrap();
        assert_eq!((plain.client_id, plain.client_secret.expose()), (None, "s3cret"));
        let json = parse(r#" {"client_id":"id","client_secret":"s3cret","other":1} "#).unwrap();
        assert_eq!((json.client_id.as_deref(), json.client_secret.expose()), (Some("id"), "s3cret"));
    }

    #[test]
    fn a_malformed_secret_is_refused_without_being_shown() {
        for value in
            ["", " \n", "{}", r#"{"client_secret":""}"#, r#"{"client_secret":7}"#, r#"{"client-secret":"s3cret"}"#]
        {
            let fault = parse(value).unwrap_err().to_string();
            assert!(fault.contains("client_secret") && !fault.contains("s3cret"), "{fault}");
        }
    }
}
