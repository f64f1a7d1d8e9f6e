//! The two AWS clients.
//!
//! On Lambda the region and the credentials stand in the environment, or (with `SnapStart`) credentials are had from an
//! address that does. So that is all that the functions look at. The SDK's default chain would look at profile files, at
//! single sign-on and at a machine's metadata as well, none of which is on Lambda: a third of a megabyte of program, and
//! half a megabyte of memory, for nothing. Who runs a function elsewhere hands it credentials as Lambda does
//! (`aws configure export-credentials --format env`). The doctor, which runs where its operator works, has the whole
//! chain.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, ResolveEndpoint as _};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::http::Http;

/// What one attempt may take, and how many there are: DynamoDB answers in single-digit milliseconds or
/// something is wrong.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 2;
/// Most of the wait before a second attempt. The SDK picks a random part of it.
const BACKOFF: Duration = Duration::from_millis(50);

/// What both clients have in common, and where each finds its service. To make a client takes as long as to send a
/// request with it (it reads the table of all of AWS's regions), so each is made when it is needed.
#[derive(Clone, Debug)]
pub(crate) struct Aws {
    shared: SdkConfig,
    dynamodb_url: Option<String>,
    secrets_manager_url: Option<String>,
}

/// No connection to DynamoDB, or nowhere to look for it. For the log.
#[derive(Debug, thiserror::Error)]
#[error("DynamoDB cannot be reached: {0}")]
pub(crate) struct DynamoDbUnreachable(String);

impl Aws {
    /// With the region and the credentials of the environment, read through `var`.
    pub(crate) fn from_env(var: &impl Fn(&str) -> Option<String>, http: &Http) -> Self {
        let truth = |name| set(var, name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let mut shared = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region(var))
            .credentials_provider(credentials(var).unwrap_or_else(|| container_credentials(http)))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .use_fips(truth("AWS_USE_FIPS_ENDPOINT"))
            .use_dual_stack(truth("AWS_USE_DUALSTACK_ENDPOINT"))
            .http_client(http.clone())
            .retry_config(retries())
            .timeout_config(timeouts());
        shared.set_endpoint_url(set(var, "AWS_ENDPOINT_URL"));
        Self::new(shared.build(), var)
    }

    /// With the SDK's default chain, as its tools have it: for the doctor. What `var` has comes first: it may know more
    /// than the process's own environment, which is what the chain reads.
    pub(crate) async fn from_default_chain(var: &impl Fn(&str) -> Option<String>, http: &Http) -> Self {
        let mut shared = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .retry_config(retries())
            .timeout_config(timeouts());
        if let Some(credentials) = credentials(var) {
            shared = shared.credentials_provider(credentials);
        }
        if let Some(region) = region(var) {
            shared = shared.region(region);
        }
        if let Some(url) = set(var, "AWS_ENDPOINT_URL") {
            shared = shared.endpoint_url(url);
        }
        Self::new(shared.load().await, var)
    }

    fn new(shared: SdkConfig, var: &impl Fn(&str) -> Option<String>) -> Self {
        Self {
            shared,
            dynamodb_url: set(var, "AWS_ENDPOINT_URL_DYNAMODB"),
            secrets_manager_url: set(var, "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
        }
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.shared);
        if let Some(url) = &self.dynamodb_url {
            config = config.endpoint_url(url);
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// Opens the connection to DynamoDB before the first request needs it, by asking for its health (`GET /`, "healthy:
    /// dynamodb…"). Any answer will do. An operation would open it as well, for 4 % more of a cold start and a permission.
    pub(crate) async fn connect_to_dynamodb(&self, http: &Http) -> Result<(), DynamoDbUnreachable> {
        let params = aws_sdk_dynamodb::config::endpoint::Params::builder()
            .set_region(self.shared.region().map(ToString::to_string))
            .set_use_fips(self.shared.use_fips())
            .set_use_dual_stack(self.shared.use_dual_stack())
            .set_endpoint(self.dynamodb_url.clone().or_else(|| self.shared.endpoint_url().map(str::to_owned)))
            .build()
            .map_err(|fault| DynamoDbUnreachable(fault.to_string()))?;
        let endpoint = DefaultResolver::new().resolve_endpoint(&params).await;
        let endpoint = endpoint.map_err(|fault| DynamoDbUnreachable(fault.to_string()))?;
        let request = http.client().get(endpoint.url()).timeout(ATTEMPT_TIMEOUT);
        let answer = async { request.send().await?.bytes().await }.await;
        answer.map(drop).map_err(|fault| DynamoDbUnreachable(fault.without_url().to_string()))
    }

    pub(crate) fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        let mut config = aws_sdk_secretsmanager::config::Builder::from(&self.shared);
        if let Some(url) = &self.secrets_manager_url {
            config = config.endpoint_url(url);
        }
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(BACKOFF)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build()
}

/// The keys, where both are set.
fn credentials(var: &impl Fn(&str) -> Option<String>) -> Option<SharedCredentialsProvider> {
    let set = |name| set(var, name);
    let (id, key) = (set("AWS_ACCESS_KEY_ID")?, set("AWS_SECRET_ACCESS_KEY")?);
    let credentials = Credentials::new(id, key, set("AWS_SESSION_TOKEN"), None, "Environment");
    Some(SharedCredentialsProvider::new(credentials))
}

/// `AWS_CONTAINER_CREDENTIALS_FULL_URI` (AWS SDKs and Tools Reference Guide, "Container credential provider"), which is
/// in the environment in place of the keys where Lambda restores a function from a snapshot.
fn container_credentials(http: &Http) -> SharedCredentialsProvider {
    let config = ProviderConfig::empty().with_http_client(http.clone()).with_sleep_impl(TokioSleep::new());
    SharedCredentialsProvider::new(EcsCredentialsProvider::builder().configure(&config).build())
}

fn region(var: &impl Fn(&str) -> Option<String>) -> Option<Region> {
    set(var, "AWS_REGION").or_else(|| set(var, "AWS_DEFAULT_REGION")).map(Region::new)
}

/// A variable's value, if it has one.
fn set(var: &impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    var(name).filter(|value| !value.is_empty())
}

/// What the log says of a failed operation: AWS's code and message, or why it did not come to an answer.
/// Neither holds any of the request's content.
pub(crate) fn fault<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no connection in time".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_io() => "the connection failed".to_owned(),
        SdkError::DispatchFailure(_) => {
            "the request could not be sent (no region, or no credentials in the environment?)".to_owned()
        }
        SdkError::ResponseError(_) => "the answer is not one of the service's".to_owned(),
        SdkError::ConstructionFailure(_) => {
            "the request could not be built (no credentials in the environment?)".to_owned()
        }
        SdkError::ServiceError(failure) => {
            let error = failure.err();
            format!("{}: {}", error.code().unwrap_or("unknown error"), error.message().unwrap_or("no message"))
        }
        _ => "unknown failure".to_owned(),
    }
}
