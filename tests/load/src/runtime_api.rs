//! Lambda's side of the Runtime API (AWS Lambda Developer Guide, "Using the Lambda runtime API") for a process that
//! serves many invocations at once, as on Lambda Managed Instances: each of its workers waits for an event of its own.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// What the function has of an invocation's time.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer is waited for: longer than a function may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Runtime API for one process.
#[derive(Clone)]
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    events: mpsc::UnboundedSender<Invocation>,
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    state: Mutex<Invocations>,
}

struct Invocation {
    event: Vec<u8>,
    answer: oneshot::Sender<Bytes>,
}

#[derive(Default)]
struct Invocations {
    count: u64,
    in_flight: HashMap<String, oneshot::Sender<Bytes>>,
    most_in_flight: usize,
    failures: Vec<String>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (events, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { events, waiting: tokio::sync::Mutex::new(waiting), state: Mutex::default() });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(invocation_error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        // Until the program ends.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, shared })
    }

    /// `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has an event for the next worker that asks, and waits for its answer.
    pub(crate) async fn invoke(&self, event: &Value) -> Result<Value, String> {
        let (answer, answered) = oneshot::channel();
        let event = event.to_string().into_bytes();
        self.shared.events.send(Invocation { event, answer }).map_err(|_| "the Runtime API has ended")?;
        let answer = tokio::time::timeout(PATIENCE, answered).await;
        let answer = answer.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?;
        // Its end is dropped without an answer where the function says that it failed.
        let answer = answer.map_err(|_| "the invocation failed")?;
        serde_json::from_slice(&answer).map_err(|fault| fault.to_string())
    }

    /// The most invocations that were handed out and not answered.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.shared.state().most_in_flight
    }

    /// What the process said in place of an answer.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.shared.state().failures.clone()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, Invocations> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Result<Response<Body>, StatusCode> {
    let invocation = shared.waiting.lock().await.recv().await.ok_or(StatusCode::GONE)?;
    let mut state = shared.state();
    state.count += 1;
    let id = format!("8476a536-e9f4-11e8-9739-{:012x}", state.count);
    state.in_flight.insert(id.clone(), invocation.answer);
    state.most_in_flight = state.most_in_flight.max(state.in_flight.len());
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + TIMEOUT;
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", id)
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:123456789012:function:load")
        .header("lambda-runtime-trace-id", "Root=1-6924169d-1f3b8a5c4e0d72965b6f8a31;Sampled=0")
        .body(Body::from(invocation.event))
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn response(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    let Some(answer) = shared.state().in_flight.remove(&id) else {
        shared.state().failures.push(format!("an answer to {id}, which is not in flight"));
        return StatusCode::BAD_REQUEST;
    };
    // Who asked may have given up.
    _ = answer.send(body);
    StatusCode::ACCEPTED
}

async fn invocation_error(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    let mut state = shared.state();
    state.in_flight.remove(&id);
    state.failures.push(format!("invocation error: {}", String::from_utf8_lossy(&body)));
    StatusCode::ACCEPTED
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    shared.state().failures.push(format!("init error: {}", String::from_utf8_lossy(&body)));
    StatusCode::ACCEPTED
}
