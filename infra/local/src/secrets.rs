//! Secrets Manager: the operations that the functions call, and those that an operator calls on the
//! functions' behalf (create, put, describe).
//!
//! The protocol is AWS JSON 1.1: `POST /`, the operation in `X-Amz-Target`, errors with `__type`. Crates
//! that serve more of Secrets Manager exist and bring a whole cloud's worth of others with them; four
//! operations on a map do not need that. Signatures are not checked, only that a request has one.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html>

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use mfa_core::Clock;
use serde_json::{Map, Value, json};

const TARGET: &str = "secretsmanager.";
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// The secrets of a region. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Secrets {
    secrets: Arc<Mutex<BTreeMap<String, Secret>>>,
    clock: Clock,
}

struct Secret {
    created: f64,
    /// By version id.
    versions: HashMap<String, Version>,
    /// Stage to version id: `AWSCURRENT`, and `AWSPREVIOUS` after a rotation.
    stages: BTreeMap<String, String>,
}

struct Version {
    value: String,
    created: f64,
}

/// What the service answers instead of a result: the `__type` and the message.
#[derive(Debug, PartialEq, Eq)]
struct Refusal(&'static str, String);

impl Refusal {
    fn not_found(what: &str) -> Self {
        Self("ResourceNotFoundException", format!("Secrets Manager can't find the specified {what}."))
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self("InvalidParameterException", message.into())
    }
}

impl Secrets {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { secrets: Arc::default(), clock }
    }

    /// Gives the secret `name` a new value, creating it where there is none. The value before becomes
    /// `AWSPREVIOUS`, as in a rotation.
    pub fn put(&self, name: &str, value: &str) {
        let now = self.now();
        let mut secrets = self.lock();
        let secret = secrets.entry(name.to_owned()).or_insert_with(|| Secret::new(now));
        secret.put(crate::id::uuid(), value.to_owned(), now);
    }

    /// Deletes the secret `name`. Says whether there was one.
    pub fn delete(&self, name: &str) -> bool {
        self.lock().remove(name).is_some()
    }

    /// The service's HTTP interface.
    pub(crate) fn router(&self) -> Router {
        Router::new().route("/", post(serve)).with_state(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since the epoch, as the protocol writes times.
    fn now(&self) -> f64 {
        std::time::Duration::from_millis(self.clock.millis()).as_secs_f64()
    }

    fn call(&self, operation: &str, request: &Value) -> Result<Value, Refusal> {
        match operation {
            "GetSecretValue" => self.get_secret_value(request),
            "PutSecretValue" => self.put_secret_value(request),
            "CreateSecret" => self.create_secret(request),
            "DescribeSecret" => self.describe_secret(request),
            _ => Err(Refusal("UnknownOperationException", String::new())),
        }
    }

    fn get_secret_value(&self, request: &Value) -> Result<Value, Refusal> {
        let secrets = self.lock();
        let name = find(&secrets, required(request, "SecretId")?)?;
        let secret = secrets.get(name).ok_or_else(|| Refusal::not_found("secret"))?;
        let stage = request["VersionStage"].as_str().unwrap_or(CURRENT);
        let id = match request["VersionId"].as_str() {
            Some(id) => id,
            None => secret.stages.get(stage).ok_or_else(|| {
                let message =
                    format!("Secrets Manager can't find the specified secret value for staging label: {stage}");
                Refusal("ResourceNotFoundException", message)
            })?,
        };
        let version = secret.versions.get(id).ok_or_else(|| {
            let message = format!("Secrets Manager can't find the specified secret value for VersionId: {id}");
            Refusal("ResourceNotFoundException", message)
        })?;
        Ok(json!({
            "ARN": arn(name),
            "Name": name,
            "VersionId": id,
            "VersionStages": secret.stages_of(id),
            "SecretString": version.value,
            "CreatedDate": version.created,
        }))
    }

    fn put_secret_value(&self, request: &Value) -> Result<Value, Refusal> {
        let now = self.now();
        let mut secrets = self.lock();
        let name = find(&secrets, required(request, "SecretId")?)?.to_owned();
        let secret = secrets.get_mut(&name).ok_or_else(|| Refusal::not_found("secret"))?;
        let id = secret.put(version_id(request)?, required(request, "SecretString")?.to_owned(), now);
        Ok(json!({ "ARN": arn(&name), "Name": name, "VersionId": id, "VersionStages": secret.stages_of(&id) }))
    }

    fn create_secret(&self, request: &Value) -> Result<Value, Refusal> {
        let now = self.now();
        let name = required(request, "Name")?;
        let value = required(request, "SecretString")?.to_owned();
        let mut secrets = self.lock();
        if secrets.contains_key(name) {
            let message = format!("The operation failed because the secret {name} already exists.");
            return Err(Refusal("ResourceExistsException", message));
        }
        let secret = secrets.entry(name.to_owned()).or_insert_with(|| Secret::new(now));
        let id = secret.put(version_id(request)?, value, now);
        Ok(json!({ "ARN": arn(name), "Name": name, "VersionId": id }))
    }

    fn describe_secret(&self, request: &Value) -> Result<Value, Refusal> {
        let secrets = self.lock();
        let name = find(&secrets, required(request, "SecretId")?)?;
        let secret = secrets.get(name).ok_or_else(|| Refusal::not_found("secret"))?;
        let stages: Map<String, Value> =
            secret.versions.keys().map(|id| (id.clone(), secret.stages_of(id).into())).collect();
        Ok(json!({
            "ARN": arn(name),
            "Name": name,
            "CreatedDate": secret.created,
            "VersionIdsToStages": stages,
        }))
    }
}

impl Secret {
    fn new(created: f64) -> Self {
        Self { created, versions: HashMap::new(), stages: BTreeMap::new() }
    }

    /// Makes `value` the current version, and what was current the previous one.
    fn put(&mut self, id: String, value: String, created: f64) -> String {
        self.versions.insert(id.clone(), Version { value, created });
        if let Some(before) = self.stages.insert(CURRENT.to_owned(), id.clone())
            && before != id
        {
            self.stages.insert(PREVIOUS.to_owned(), before);
        }
        id
    }

    fn stages_of(&self, id: &str) -> Vec<&str> {
        self.stages.iter().filter(|(_, version)| *version == id).map(|(stage, _)| stage.as_str()).collect()
    }
}

/// The name of the secret that `id` means: a name, an ARN, or an ARN without its last seven characters.
fn find<'a>(secrets: &'a BTreeMap<String, Secret>, id: &str) -> Result<&'a str, Refusal> {
    let names = secrets.keys().map(String::as_str);
    let mut fitting = names.filter(|name| *name == id || arn(name) == id || partial_arn(name) == id);
    fitting.next().ok_or_else(|| Refusal::not_found("secret"))
}

/// The ARN of a secret ends in six characters that Secrets Manager adds, so that a name used again has
/// another ARN. Here they follow from the name.
fn arn(name: &str) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let mut rest = hasher.finish();
    let mut suffix = || {
        let index = usize::try_from(rest % 62).unwrap_or_default();
        rest /= 62;
        ALPHABET.get(index).map_or('A', |letter| char::from(*letter))
    };
    let suffix: String = std::iter::repeat_with(&mut suffix).take(6).collect();
    format!("{}-{suffix}", partial_arn(name))
}

fn partial_arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:{}:{}:secret:{name}", crate::REGION, crate::ACCOUNT)
}

fn required<'a>(request: &'a Value, field: &str) -> Result<&'a str, Refusal> {
    let given = request[field].as_str().filter(|value| !value.is_empty());
    given.ok_or_else(|| Refusal::invalid(format!("You must provide a value for the {field} parameter.")))
}

/// The id of a new version is the request's idempotency token, which the SDKs send by themselves.
fn version_id(request: &Value) -> Result<String, Refusal> {
    match request["ClientRequestToken"].as_str() {
        None => Ok(crate::id::uuid()),
        Some(token) if (32..=64).contains(&token.len()) => Ok(token.to_owned()),
        Some(_) => Err(Refusal::invalid("ClientRequestToken must be between 32 and 64 characters long.")),
    }
}

async fn serve(State(secrets): State<Secrets>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let answer = if headers.contains_key(AUTHORIZATION) {
        match (target.and_then(|target| target.strip_prefix(TARGET)), serde_json::from_slice(&body)) {
            (None, _) => Err(Refusal("UnknownOperationException", String::new())),
            (_, Err(_)) => Err(Refusal("SerializationException", String::new())),
            (Some(operation), Ok(request)) => secrets.call(operation, &request),
        }
    } else {
        Err(Refusal("MissingAuthenticationTokenException", "Missing Authentication Token".to_owned()))
    };
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(Refusal(kind, message)) => {
            tracing::debug!(operation = target, kind, "refused");
            (StatusCode::BAD_REQUEST, json!({ "__type": kind, "Message": message }))
        }
    };
    let headers = [(CONTENT_TYPE, "application/x-amz-json-1.1".to_owned()), (REQUEST_ID, crate::id::uuid())];
    (status, headers, body.to_string()).into_response()
}

const REQUEST_ID: http::HeaderName = http::HeaderName::from_static("x-amzn-requestid");

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::tower::ServiceExt as _;

    const NAME: &str = "local/auth0";

    fn with_secret() -> Secrets {
        let secrets = Secrets::new(Clock::system());
        secrets.put(NAME, "first");
        secrets
    }

    fn get(secrets: &Secrets, request: &Value) -> Result<Value, Refusal> {
        secrets.call("GetSecretValue", request)
    }

    #[test]
    fn a_secret_is_found_by_name_by_arn_and_by_partial_arn() {
        let secrets = with_secret();
        for id in [NAME.to_owned(), arn(NAME), partial_arn(NAME)] {
            let found = get(&secrets, &json!({ "SecretId": id })).unwrap();
            assert_eq!(found["SecretString"], "first", "{id}");
            assert_eq!(found["ARN"], arn(NAME));
            assert_eq!(found["VersionStages"], json!([CURRENT]));
        }
        let unknown = get(&secrets, &json!({ "SecretId": "another" })).unwrap_err();
        let message = "Secrets Manager can't find the specified secret.".to_owned();
        assert_eq!(unknown, Refusal("ResourceNotFoundException", message));
    }

    #[test]
    fn a_rotation_keeps_the_value_before_as_previous() {
        let secrets = with_secret();
        let first = get(&secrets, &json!({ "SecretId": NAME })).unwrap();
        secrets.call("PutSecretValue", &json!({ "SecretId": NAME, "SecretString": "second" })).unwrap();
        let current = get(&secrets, &json!({ "SecretId": NAME })).unwrap();
        assert_eq!(current["SecretString"], "second");
        let previous = get(&secrets, &json!({ "SecretId": NAME, "VersionStage": PREVIOUS })).unwrap();
        assert_eq!(previous["SecretString"], "first");
        let by_id = get(&secrets, &json!({ "SecretId": NAME, "VersionId": first["VersionId"] })).unwrap();
        assert_eq!(by_id["SecretString"], "first");
        let described = secrets.call("DescribeSecret", &json!({ "SecretId": NAME })).unwrap();
        assert_eq!(described["VersionIdsToStages"].as_object().unwrap().len(), 2);
    }

    #[test]
    fn a_secret_is_created_once() {
        let secrets = Secrets::new(Clock::system());
        let create = json!({ "Name": NAME, "SecretString": "first" });
        let created = secrets.call("CreateSecret", &create).unwrap();
        assert!(created["ARN"].as_str().unwrap().starts_with(&partial_arn(NAME)));
        assert_eq!(secrets.call("CreateSecret", &create).unwrap_err().0, "ResourceExistsException");
        assert!(secrets.delete(NAME) && !secrets.delete(NAME));
    }

    #[tokio::test]
    async fn errors_have_the_form_that_the_sdk_reads() {
        let ask = |target: &str, signed: bool, body: &str| {
            let request = http::Request::post("/").header("x-amz-target", target);
            let request = if signed { request.header(AUTHORIZATION, "AWS4-HMAC-SHA256 …") } else { request };
            let request = request.body(axum::body::Body::from(body.to_owned())).unwrap();
            let router = with_secret().router();
            async move {
                let response = router.oneshot(request).await.unwrap();
                let status = response.status();
                let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
                (status, serde_json::from_slice::<Value>(&body).unwrap())
            }
        };
        let known = r#"{"SecretId":"local/auth0"}"#;
        let get = "secretsmanager.GetSecretValue";
        let (status, body) = ask(get, true, known).await;
        assert_eq!((status, &body["Name"]), (StatusCode::OK, &json!(NAME)));
        for (target, signed, body, kind) in [
            (get, true, r#"{"SecretId":"unknown"}"#, "ResourceNotFoundException"),
            (get, true, "{}", "InvalidParameterException"),
            (get, true, "not json", "SerializationException"),
            (get, false, known, "MissingAuthenticationTokenException"),
            ("secretsmanager.RotateSecret", true, known, "UnknownOperationException"),
            ("DynamoDB_20120810.GetItem", true, known, "UnknownOperationException"),
        ] {
            let (status, body) = ask(target, signed, body).await;
            assert_eq!((status, &body["__type"]), (StatusCode::BAD_REQUEST, &json!(kind)), "{target} {body}");
        }
    }
}
