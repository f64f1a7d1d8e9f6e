//! The two AWS clients.
//!
//! On Lambda the region and the credentials stand in the environment, so that is all that is looked at:
//! no profile files, no metadata service, nothing that costs a cold start anything. Elsewhere, where they
//! do not stand there, the SDK's default chain finds them.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::sdk_config::Builder;

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

/// The clients that a function needs.
#[derive(Clone, Debug)]
pub(crate) struct Aws {
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) secrets_manager: aws_sdk_secretsmanager::Client,
}

impl Aws {
    /// Builds both from the SDK's own environment variables, read through `var`.
    pub(crate) async fn from_env(var: &impl Fn(&str) -> Option<String>, http: &Http) -> Self {
        let retry = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(BACKOFF);
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
        let shared = if let Some(shared) = environment(var) {
            shared.http_client(http.clone()).retry_config(retry).timeout_config(timeouts).build()
        } else {
            // The chain reads the process's environment; `var` may know better.
            let mut defaults = aws_config::defaults(BehaviorVersion::latest())
                .http_client(http.clone())
                .retry_config(retry)
                .timeout_config(timeouts);
            if let Some(region) = region(var) {
                defaults = defaults.region(Region::new(region));
            }
            if let Some(url) = set(var, "AWS_ENDPOINT_URL") {
                defaults = defaults.endpoint_url(url);
            }
            defaults.load().await
        };
        let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(&shared);
        if let Some(url) = set(var, "AWS_ENDPOINT_URL_DYNAMODB") {
            dynamodb = dynamodb.endpoint_url(url);
        }
        let mut secrets_manager = aws_sdk_secretsmanager::config::Builder::from(&shared);
        if let Some(url) = set(var, "AWS_ENDPOINT_URL_SECRETS_MANAGER") {
            secrets_manager = secrets_manager.endpoint_url(url);
        }
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            secrets_manager: aws_sdk_secretsmanager::Client::from_conf(secrets_manager.build()),
        }
    }
}

/// Region, keys and endpoint, where the environment has the first two.
fn environment(var: &impl Fn(&str) -> Option<String>) -> Option<Builder> {
    let set = |name| set(var, name);
    let region = region(var)?;
    let credentials = Credentials::new(
        set("AWS_ACCESS_KEY_ID")?,
        set("AWS_SECRET_ACCESS_KEY")?,
        set("AWS_SESSION_TOKEN"),
        None,
        "Environment",
    );
    let truth = |name| set(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mut shared = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .use_fips(truth("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(truth("AWS_USE_DUALSTACK_ENDPOINT"));
    shared.set_endpoint_url(set("AWS_ENDPOINT_URL"));
    Some(shared)
}

fn region(var: &impl Fn(&str) -> Option<String>) -> Option<String> {
    set(var, "AWS_REGION").or_else(|| set(var, "AWS_DEFAULT_REGION"))
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
        SdkError::DispatchFailure(_) => "the request could not be sent (no region, or no credentials?)".to_owned(),
        SdkError::ResponseError(_) => "the answer is not one of the service's".to_owned(),
        SdkError::ConstructionFailure(_) => "the request could not be built (no credentials?)".to_owned(),
        SdkError::ServiceError(failure) => {
            let error = failure.err();
            format!("{}: {}", error.code().unwrap_or("unknown error"), error.message().unwrap_or("no message"))
        }
        _ => "unknown failure".to_owned(),
    }
}
