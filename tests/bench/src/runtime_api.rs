//! Lambda's side of the Runtime API (AWS Lambda Developer Guide, "Using the Lambda runtime API"): it hands events to
//! one function process and notes when what happens.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::http::Connection;

/// What the function has of an invocation's time.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the function did.
#[derive(Debug)]
pub(crate) enum Seen {
    /// It asks for an event.
    Ready(Instant),
    /// It was handed one at `handed`, and its answer had come in whole at `at`.
    Answered { handed: Instant, at: Instant, body: Vec<u8> },
    /// It says that it cannot start, or that an invocation failed.
    Failed(String),
}

/// A Runtime API for one process. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    events: Sender<Vec<u8>>,
    seen: Receiver<Seen>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    events: Mutex<Receiver<Vec<u8>>>,
    seen: Mutex<Sender<Seen>>,
    handed: Mutex<Instant>,
    count: AtomicU64,
    closed: AtomicBool,
}

impl RuntimeApi {
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (events, to_hand) = channel();
        let (saw, seen) = channel();
        let shared = Arc::new(Shared {
            events: Mutex::new(to_hand),
            seen: Mutex::new(saw),
            handed: Mutex::new(Instant::now()),
            count: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.closed.load(Ordering::Relaxed) {
                    break;
                }
                let shared = Arc::clone(&serving);
                thread::spawn(move || shared.serve(stream));
            }
        });
        Ok(Self { address, events, seen, shared })
    }

    /// `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has an event for the function, now or when it asks.
    pub(crate) fn hand(&self, event: Vec<u8>) {
        // Whether anybody takes it shows in what is seen next.
        _ = self.events.send(event);
    }

    /// What the function does next; an error if that is nothing.
    pub(crate) fn next(&self) -> Result<Seen, String> {
        match self.seen.recv_timeout(TIMEOUT) {
            Ok(Seen::Failed(fault)) => Err(fault),
            Ok(seen) => Ok(seen),
            Err(_) => Err(format!("the function did nothing for {} seconds", TIMEOUT.as_secs())),
        }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn saw(&self, seen: Seen) {
        _ = self.seen.lock().unwrap_or_else(PoisonError::into_inner).send(seen);
    }

    /// Until the process is gone, or the driver has no more events.
    fn serve(&self, stream: TcpStream) {
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let mut connection = Connection::new(stream);
        while let Ok(Some(request)) = connection.request() {
            let served = if request.path.ends_with("/invocation/next") {
                self.saw(Seen::Ready(Instant::now()));
                let Ok(event) = self.events.lock().unwrap_or_else(PoisonError::into_inner).recv() else { break };
                let headers = self.headers();
                *self.handed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                connection.answer(200, &headers, &event)
            } else {
                let at = Instant::now();
                let served = connection.answer(202, "content-type: application/json\r\n", b"{\"status\":\"OK\"}");
                self.saw(if request.path.ends_with("/response") {
                    let handed = *self.handed.lock().unwrap_or_else(PoisonError::into_inner);
                    Seen::Answered { handed, at, body: request.body }
                } else {
                    Seen::Failed(format!("{} {}", request.path, String::from_utf8_lossy(&request.body)))
                });
                served
            };
            if served.is_err() {
                break;
            }
        }
    }

    fn headers(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + TIMEOUT;
        format!(
            "content-type: application/json\r\n\
             lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-{count:012x}\r\n\
             lambda-runtime-deadline-ms: {}\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:123456789012:function:bench\r\n\
             lambda-runtime-trace-id: Root=1-6924169d-1f3b8a5c4e0d72965b6f8a31;Sampled=0\r\n",
            deadline.as_millis()
        )
    }
}
