//! A proxy in front of one of the AWS services, that fails as it is told to.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a request. The socket is really closed where it says so.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The head has been read and the body has not; the connection is closed.
    CutBeforeBody,
    /// The request has been read and goes no further; the connection is closed.
    CutBeforeProcessing,
    /// The request is processed, and its answer lost.
    CutAfterProcessing,
    /// The request is processed, and half its answer sent.
    CutInReply,
    /// The request is processed, after this.
    Delay(Duration),
    /// The request is not processed, and this is answered: status, content type, body.
    Reply(u16, &'static str, Vec<u8>),
    /// The request is processed, and half a body sent as if it were all.
    Truncate,
    /// The request is processed, and its answer said to be of another type.
    ContentType(&'static str),
}

/// A request that went through, by the operation's name (`X-Amz-Target`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `PutItem` and the like.
    pub operation: String,
    /// Whether the service itself has processed it.
    pub processed: bool,
}

/// The proxy. It ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    service: OnceLock<SocketAddr>,
    failing: Mutex<Option<Failing>>,
    seen: Mutex<Vec<Seen>>,
}

/// What fails, after how many more that do not, and how often yet.
struct Failing {
    operation: &'static str,
    passing: usize,
    times: usize,
    trouble: Trouble,
}

struct Request {
    head: String,
    body: Vec<u8>,
}

impl Proxy {
    /// A proxy for a service that is [named](Self::to) later: until then all is refused.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                tokio::spawn(async move { shared.serve(stream).await });
            }
        });
        Ok(Self { address, shared, accepting })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says where the service is.
    pub fn to(&self, service: SocketAddr) {
        self.shared.service.get_or_init(|| service);
    }

    /// Makes the next `times` requests for `operation` fail.
    pub fn fail(&self, operation: &'static str, times: usize, trouble: Trouble) {
        self.fail_after(0, operation, times, trouble);
    }

    /// Lets the next `passing` requests for `operation` pass, and makes the `times` after them fail.
    pub fn fail_after(&self, passing: usize, operation: &'static str, times: usize, trouble: Trouble) {
        *lock(&self.shared.failing) = Some(Failing { operation, passing, times, trouble });
    }

    /// No trouble any more, and nothing seen yet.
    pub fn clear(&self) {
        *lock(&self.shared.failing) = None;
        lock(&self.shared.seen).clear();
    }

    /// The requests since the last [`clear`](Self::clear).
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    async fn serve(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        // An error is the client's end of the connection, or ours.
        while matches!(self.exchange(&mut stream).await, Ok(true)) {}
    }

    /// One request and its answer; `false` where the connection is to be closed.
    async fn exchange(&self, stream: &mut BufReader<TcpStream>) -> io::Result<bool> {
        let head = head(stream).await?;
        let operation = header(&head, "x-amz-target").and_then(|target| target.split('.').nth(1)).unwrap_or_default();
        let operation = operation.to_owned();
        let trouble = self.trouble_for(&operation);
        self.note(&operation, false);
        if matches!(trouble, Some(Trouble::CutBeforeBody)) {
            return Ok(false);
        }
        let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut request = Request { head, body: vec![0; length] };
        stream.read_exact(&mut request.body).await?;
        match &trouble {
            Some(Trouble::CutBeforeBody | Trouble::CutBeforeProcessing) => return Ok(false),
            Some(Trouble::Reply(status, content_type, body)) => {
                stream.write_all(&answer(*status, content_type, body)).await?;
                return Ok(true);
            }
            Some(Trouble::Delay(delay)) => tokio::time::sleep(*delay).await,
            _ => {}
        }
        let Some(service) = self.service.get() else {
            stream.write_all(&answer(503, "text/plain", b"not yet")).await?;
            return Ok(true);
        };
        let (status, content_type, body) = forward(*service, &request).await?;
        self.note(&operation, true);
        match trouble {
            Some(Trouble::CutAfterProcessing) => return Ok(false),
            Some(Trouble::CutInReply) => {
                let whole = answer(status, &content_type, &body);
                let half = whole.get(..whole.len() - body.len().div_ceil(2)).unwrap_or_default();
                stream.write_all(half).await?;
                return Ok(false);
            }
            Some(Trouble::Truncate) => {
                let half = body.get(..body.len() / 2).unwrap_or_default();
                stream.write_all(&answer(status, &content_type, half)).await?;
            }
            Some(Trouble::ContentType(other)) => stream.write_all(&answer(status, other, &body)).await?,
            _ => stream.write_all(&answer(status, &content_type, &body)).await?,
        }
        Ok(true)
    }

    fn trouble_for(&self, operation: &str) -> Option<Trouble> {
        let mut failing = lock(&self.failing);
        let failing = failing.as_mut().filter(|failing| failing.operation == operation)?;
        if failing.passing > 0 {
            failing.passing -= 1;
            return None;
        }
        failing.times = failing.times.checked_sub(1)?;
        Some(failing.trouble.clone())
    }

    fn note(&self, operation: &str, processed: bool) {
        let mut seen = lock(&self.seen);
        if processed {
            // The newest of this operation that was not yet.
            if let Some(seen) = seen.iter_mut().rev().find(|seen| seen.operation == operation && !seen.processed) {
                seen.processed = true;
            }
        } else {
            seen.push(Seen { operation: operation.to_owned(), processed: false });
        }
    }
}

/// The request line and the headers, with the empty line after them.
async fn head(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn answer(status: u16, content_type: &str, body: &[u8]) -> Vec<u8> {
    let location = if status == 302 { "location: http://127.0.0.1:9/\r\n" } else { "" };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\n{location}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Sends the request on as it is, on a connection of its own.
async fn forward(service: SocketAddr, request: &Request) -> io::Result<(u16, String, Vec<u8>)> {
    let mut stream = BufReader::new(TcpStream::connect(service).await?);
    stream.write_all(request.head.as_bytes()).await?;
    stream.write_all(&request.body).await?;
    let head = head(&mut stream).await?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(500);
    let mut body = vec![0; header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    Ok((status, header(&head, "content-type").unwrap_or_default().to_owned(), body))
}
