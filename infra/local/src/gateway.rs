//! The gateway: HTTP in, the event of an API Gateway HTTP API through the function, HTTP out.
//!
//! A function behind it runs as it does on Lambda. The request becomes the JSON of [payload format 2.0],
//! is read back by `lambda_http`, and goes through the same `Adapter` that `lambda_http::run` puts around
//! the handler; the reply is taken from the adapter's JSON as the real gateway does. Nothing of the
//! functions is called by a side door.
//!
//! What is not imitated: authorizers, throttling (what is more than the machine can do at once waits for
//! its turn), CORS configured at the gateway (the functions answer preflight themselves), and limits on
//! headers.
//!
//! [payload format 2.0]: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::lambda_runtime::{Config, Context, LambdaEvent};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Service, service_fn};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

/// The time-out of a function, as it is deployed.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest request body that an HTTP API takes: 10 MB, not adjustable.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// How many invocations of a function there are at once. On Lambda they share no processor; here all share
/// those of one machine, and of thousands at once each would meet its deadlines before it is done. So the
/// others wait for their turn, and an invocation's time begins with it.
const AT_ONCE: usize = 256;

type Outcome = Result<Value, String>;
type Invoke = dyn Fn(LambdaEvent<LambdaRequest>) -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync;

/// A Lambda function that the gateway can call.
#[derive(Clone)]
pub(crate) struct Function {
    name: &'static str,
    invoke: Arc<Invoke>,
    turns: Arc<Semaphore>,
}

impl Function {
    /// A function of this name with `handler` as what `main` would hand to `lambda_http::run`.
    pub(crate) fn new<H, F>(name: &'static str, handler: H) -> Self
    where
        H: Fn(lambda_http::Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = lambda_http::Response<lambda_http::Body>> + Send + 'static,
    {
        let handler = service_fn(move |request| {
            let reply = handler(request);
            async move { Ok::<_, String>(reply.await) }
        });
        let adapter = Adapter::from(handler);
        let invoke = move |event| {
            let reply = adapter.clone().call(event);
            let outcome = async move { serde_json::to_value(reply.await?).map_err(|fault| fault.to_string()) };
            Box::pin(outcome) as Pin<Box<dyn Future<Output = Outcome> + Send>>
        };
        Self { name, invoke: Arc::new(invoke), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The route to it: any method, as `ANY` in an HTTP API.
    pub(crate) fn route<S: Clone + Send + Sync + 'static>(self) -> MethodRouter<S> {
        any(move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| self.serve(peer, request))
    }

    async fn serve(self, peer: SocketAddr, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
            return gateway_error(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        // An error is a closed semaphore, which this one never is.
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let call = Call::now();
        let event = event(&parts, &body, peer, &call).to_string();
        // A function goes on when its caller hangs up, and a panic ends the invocation and not the
        // gateway: hence a task of its own.
        let invocation = tokio::time::timeout(FUNCTION_TIMEOUT, self.invocation(event, call));
        let invocation = tokio::spawn(async move {
            let outcome = invocation.await;
            drop(turn);
            outcome
        });
        let outcome = match invocation.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(format!("Task timed out after {} seconds", FUNCTION_TIMEOUT.as_secs())),
            Err(fault) => Err(format!("Task did not end: {fault}")),
        };
        match outcome.and_then(response) {
            Ok(response) => response,
            Err(fault) => {
                tracing::error!(function = self.name, fault, "the invocation failed");
                gateway_error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
        }
    }

    fn invocation(&self, event: String, call: Call) -> impl Future<Output = Outcome> + Send + use<> {
        let (name, invoke) = (self.name, Arc::clone(&self.invoke));
        async move {
            let payload = serde_json::from_str(&event).map_err(|fault| format!("the event was not read: {fault}"))?;
            invoke(LambdaEvent::new(payload, context(name, &call)?)).await
        }
    }
}

/// What the gateway and Lambda note down about one call.
struct Call {
    request_id: String,
    trace: String,
    time: Duration,
}

impl Call {
    fn now() -> Self {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { request_id: crate::id::uuid(), trace: crate::id::trace(time.as_secs()), time }
    }
}

/// The invocation's context, from the headers that the Runtime API sends along with an event.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
fn context(function: &str, call: &Call) -> Result<Context, String> {
    let deadline = (call.time + FUNCTION_TIMEOUT).as_millis();
    let arn = format!("arn:aws:lambda:{}:{}:function:{function}", crate::REGION, crate::ACCOUNT);
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", arn),
        ("lambda-runtime-trace-id", call.trace.clone()),
    ] {
        headers.insert(name, HeaderValue::try_from(value).map_err(|fault| fault.to_string())?);
    }
    let mut config = Config::default();
    function.clone_into(&mut config.function_name);
    "$LATEST".clone_into(&mut config.version);
    config.memory = 128;
    Context::new(&call.request_id, Arc::new(config), &headers).map_err(|fault| fault.to_string())
}

/// The event, as an HTTP API with payload format 2.0 makes it.
fn event(parts: &Parts, body: &[u8], peer: SocketAddr, call: &Call) -> Value {
    let header = |name: &HeaderName| parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let host = header(&HOST).unwrap_or_default();
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let source_ip = peer.ip().to_canonical().to_string();
    let route_key = format!("ANY {path}");
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&parts.headers, &source_ip, call),
        "requestContext": {
            "accountId": crate::ACCOUNT,
            "apiId": "local",
            "domainName": host.rsplit_once(':').map_or(&*host, |(name, _)| name),
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", parts.version),
                "sourceIp": source_ip,
                "userAgent": header(&USER_AGENT).unwrap_or_default(),
            },
            "requestId": call.request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": common_log_time(call.time),
            "timeEpoch": u64::try_from(call.time.as_millis()).unwrap_or(u64::MAX),
        },
        "isBase64Encoded": false,
    });
    if let Some(event) = event.as_object_mut() {
        let cookies = cookies(&parts.headers);
        if !cookies.is_empty() {
            event.insert("cookies".into(), cookies.into());
        }
        if !query.is_empty() {
            event.insert("queryStringParameters".into(), query_parameters(query));
        }
        if !body.is_empty() {
            let text = std::str::from_utf8(body).ok().filter(|_| is_text(header(&CONTENT_TYPE).as_deref()));
            event.insert("isBase64Encoded".into(), text.is_none().into());
            event.insert("body".into(), text.map_or_else(|| BASE64.encode(body), str::to_owned).into());
        }
    }
    event
}

/// Names in lower case, values of a repeated header joined by a comma. `Cookie` has a field of its own.
fn headers(received: &HeaderMap, source_ip: &str, call: &Call) -> Map<String, Value> {
    let joined = |name: &HeaderName| {
        let values = received.get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect::<Vec<_>>().join(",")
    };
    let mut headers: Map<String, Value> =
        received.keys().filter(|name| *name != COOKIE).map(|name| (name.to_string(), joined(name).into())).collect();
    // The gateway's own. It adds the caller's address to what the caller claims.
    let claimed = joined(&HeaderName::from_static("x-forwarded-for"));
    let forwarded = if claimed.is_empty() { source_ip.to_owned() } else { format!("{claimed}, {source_ip}") };
    let host = joined(&HOST);
    let port = host.rsplit_once(':').map_or("80", |(_, port)| port);
    headers.insert("x-forwarded-for".into(), forwarded.into());
    headers.insert("x-forwarded-port".into(), port.into());
    headers.insert("x-forwarded-proto".into(), "http".into());
    headers.insert("x-amzn-trace-id".into(), call.trace.clone().into());
    headers
}

fn cookies(received: &HeaderMap) -> Vec<String> {
    let values = received.get_all(COOKIE).iter();
    values
        .flat_map(|value| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            value.split(';').map(|cookie| cookie.trim().to_owned()).collect::<Vec<_>>()
        })
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// Values of a repeated parameter joined by a comma, still percent-encoded. `lambda_http` reads the raw
/// query string and not this.
fn query_parameters(query: &str) -> Value {
    let mut parameters: Map<String, Value> = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let joined = match parameters.get(name).and_then(Value::as_str) {
            Some(before) => format!("{before},{value}"),
            None => value.to_owned(),
        };
        parameters.insert(name.to_owned(), joined.into());
    }
    parameters.into()
}

/// Whether a body of this type travels as it is. All others travel as base64.
fn is_text(content_type: Option<&str>) -> bool {
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&media_type.as_str())
}

/// `24/Nov/2026:08:31:57 +0000`: the HTTP date in another order.
fn common_log_time(since_epoch: Duration) -> String {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    let date = DateTime::from_secs(seconds).fmt(Format::HttpDate).unwrap_or_default();
    match date.split_whitespace().collect::<Vec<_>>().as_slice() {
        [_, day, month, year, time, _] => format!("{day}/{month}/{year}:{time} +0000"),
        _ => date,
    }
}

/// The function's reply as HTTP.
fn response(reply: Value) -> Result<Response, String> {
    let reply: ApiGatewayV2httpResponse =
        serde_json::from_value(reply).map_err(|fault| format!("the reply is not one for a gateway: {fault}"))?;
    let status = u16::try_from(reply.status_code).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| format!("the reply has the status {}", reply.status_code))?;
    let body = match reply.body {
        Some(body) if reply.is_base64_encoded => {
            let decoded = BASE64.decode(body).map_err(|fault| format!("the reply's body is not base64: {fault}"))?;
            Body::from(decoded)
        }
        Some(body) => Body::from(body.to_vec()),
        None => Body::empty(),
    };
    let mut response = (status, body).into_response();
    *response.headers_mut() = reply.headers;
    for (name, value) in &reply.multi_value_headers {
        response.headers_mut().append(name, value.clone());
    }
    for cookie in reply.cookies {
        let value = HeaderValue::try_from(cookie).map_err(|_| "the reply sets a cookie that is no header value")?;
        response.headers_mut().append(SET_COOKIE, value);
    }
    Ok(response)
}

/// An answer of the gateway itself.
pub(crate) fn gateway_error(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(json!({ "message": message }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use lambda_http::tower::ServiceExt as _;
    use lambda_http::{RequestExt, Response as Reply};

    /// Sends `request` through the gateway to `handler`.
    async fn through<F>(
        handler: impl Fn(lambda_http::Request) -> F + Clone + Send + Sync + 'static,
        mut request: Request,
    ) -> Response
    where
        F: Future<Output = Reply<lambda_http::Body>> + Send + 'static,
    {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, 7], 40_000))));
        let router: Router = Router::new().route("/api/echo", Function::new("echo", handler).route());
        router.oneshot(request).await.unwrap()
    }

    async fn text(response: Response) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn post(content_type: &str, body: impl Into<Body>) -> Request {
        let request = Request::post("/api/echo").header("host", "localhost:3000").header("content-type", content_type);
        request.body(body.into()).unwrap()
    }

    #[tokio::test]
    async fn the_function_sees_what_api_gateway_would_show_it() {
        let handler = |request: lambda_http::Request| async move {
            let context = request.request_context();
            let lambda_http::request::RequestContext::ApiGatewayV2(gateway) = context else { panic!("{context:?}") };
            let lambda = request.lambda_context();
            let seen = json!({
                "method": request.method().as_str(),
                "uri": request.uri().to_string(),
                "ip": gateway.http.source_ip,
                "stage": gateway.stage,
                "cookie": request.headers()["cookie"].to_str().unwrap(),
                "accept": request.headers()["accept"].to_str().unwrap(),
                "forwarded": request.headers()["x-forwarded-for"].to_str().unwrap(),
                "traced": request.headers()["x-amzn-trace-id"] == lambda.xray_trace_id.as_deref().unwrap(),
                "same_id": gateway.request_id.as_deref() == Some(lambda.request_id.as_str()),
                "left": lambda.deadline().duration_since(SystemTime::now()).unwrap().as_secs(),
                "function": lambda.env_config.function_name,
            });
            Reply::new(seen.to_string().into())
        };
        let request = Request::put("/api/echo?a=1&a=2")
            .header("Host", "localhost:3000")
            .header("Cookie", "one=1; two=2")
            .header("Accept", "text/html")
            .header("Accept", "*/*")
            .header("X-Forwarded-For", "198.51.100.1")
            .body(Body::empty())
            .unwrap();
        let seen: Value = serde_json::from_str(&text(through(handler, request).await).await).unwrap();
        let expected = json!({
            "method": "PUT",
            "uri": "http://localhost:3000/api/echo?a=1&a=2",
            "ip": "203.0.113.7",
            "stage": "$default",
            "cookie": "one=1; two=2",
            "accept": "text/html,*/*",
            "forwarded": "198.51.100.1, 203.0.113.7",
            "traced": true,
            "same_id": true,
            "left": 9,
            "function": "echo",
        });
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn json_arrives_as_text_and_other_bodies_as_bytes() {
        let kind = |request: lambda_http::Request| async move {
            let (kind, body) = match request.into_body() {
                lambda_http::Body::Empty => ("empty", Vec::new()),
                lambda_http::Body::Text(text) => ("text", text.into_bytes()),
                lambda_http::Body::Binary(bytes) => ("bytes", bytes),
                other => panic!("{other:?}"),
            };
            Reply::new(format!("{kind} {}", String::from_utf8_lossy(&body)).into())
        };
        for (content_type, body, seen) in [
            ("application/json; charset=utf-8", "{}", "text {}"),
            ("TEXT/plain", "a", "text a"),
            ("application/x-www-form-urlencoded", "a=b", "bytes a=b"),
            ("application/json", "", "empty "),
        ] {
            assert_eq!(text(through(kind, post(content_type, body)).await).await, seen, "{content_type}");
        }
        let not_utf8 = through(kind, post("application/json", vec![0xff])).await;
        assert_eq!(text(not_utf8).await, "bytes \u{fffd}");
    }

    #[tokio::test]
    async fn status_headers_cookies_and_bytes_of_the_reply_come_out() {
        let handler = |_| async {
            let reply = Reply::builder()
                .status(201)
                .header("content-type", "application/octet-stream")
                .header("set-cookie", "one=1; Path=/")
                .header("set-cookie", "two=2");
            reply.body(lambda_http::Body::Binary(vec![0, 159, 146, 150])).unwrap()
        };
        let response = through(handler, post("application/json", "{}")).await;
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["content-type"], "application/octet-stream");
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["one=1; Path=/", "two=2"]);
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(body.as_ref(), [0, 159, 146, 150]);
    }

    #[tokio::test]
    async fn a_function_that_panics_is_the_gateways_500() {
        let handler = |_| async { panic!("boom") };
        let response = through(handler, post("application/json", "{}")).await;
        assert_eq!(response.status(), 500);
        assert_eq!(text(response).await, r#"{"message":"Internal Server Error"}"#);
    }

    #[tokio::test]
    async fn more_invocations_than_there_are_turns_wait_and_all_are_answered() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&most);
        // Nobody goes on before as many are there as there are turns.
        let all_turns_taken = Arc::new(tokio::sync::Barrier::new(AT_ONCE));
        let handler = move |_| {
            let (running, most, all_turns_taken) =
                (Arc::clone(&running), Arc::clone(&most), Arc::clone(&all_turns_taken));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                all_turns_taken.wait().await;
                running.fetch_sub(1, Ordering::SeqCst);
                Reply::new(lambda_http::Body::Empty)
            }
        };
        let router: Router = Router::new().route("/api/echo", Function::new("echo", handler).route());
        let mut answers = tokio::task::JoinSet::new();
        for _ in 0..3 * AT_ONCE {
            let mut request = post("application/json", "{}");
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, 7], 40_000))));
            answers.spawn(router.clone().oneshot(request));
        }
        while let Some(answer) = answers.join_next().await {
            assert_eq!(answer.unwrap().unwrap().status(), 200);
        }
        assert_eq!(seen.load(Ordering::SeqCst), AT_ONCE);
    }

    #[tokio::test]
    async fn a_body_over_ten_megabytes_does_not_reach_the_function() {
        let handler = |_| async { Reply::new(lambda_http::Body::Empty) };
        let response = through(handler, post("text/plain", vec![b'a'; BODY_LIMIT + 1])).await;
        assert_eq!(response.status(), 413);
    }

    #[test]
    fn the_time_has_the_form_of_an_access_log() {
        assert_eq!(common_log_time(Duration::from_secs(1_583_348_638)), "04/Mar/2020:19:03:58 +0000");
    }
}
