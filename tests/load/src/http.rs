//! The client's side of HTTP/1.1: one connection for each virtual user, opened before time counts, and nothing that is
//! tried again unseen.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything here answers: what takes so long is not slow but lost.
const PATIENCE: Duration = Duration::from_mins(1);

/// An open connection, for one request at a time.
pub(crate) struct Connection {
    address: SocketAddr,
    /// Nothing after a fault, until the next request opens it anew.
    stream: Option<TcpStream>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The body; `null` where it is empty or no JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, String> {
        let stream = connect(address).await.map_err(|fault| format!("connecting: {fault}"))?;
        Ok(Self { address, stream: Some(stream) })
    }

    /// Sends a request and reads its answer. `headers` are whole lines.
    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Result<Answer, String> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address).await.map_err(|fault| format!("connecting: {fault}"))?,
        };
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n{headers}", self.address);
        // Writing to a string does not fail.
        _ = write!(request, "content-length: {}\r\n\r\n{body}", body.len());
        let exchange = async {
            stream.write_all(request.as_bytes()).await?;
            answer(&mut stream).await
        };
        let answer = timeout(PATIENCE, exchange).await;
        let answer = answer.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?;
        let answer = answer.map_err(|fault| fault.to_string())?;
        self.stream = Some(stream);
        Ok(answer)
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn answer(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut read = Vec::with_capacity(8 * 1024);
    let end = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, &mut read).await?;
    };
    let mut body = read.split_off(end);
    let head = String::from_utf8(read).map_err(io::Error::other)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("no status line"))?;
    let length = match header(&head, "content-length") {
        Some(length) => length.parse().map_err(io::Error::other)?,
        None if status == 204 => 0,
        None => return Err(io::Error::other("an answer without a length")),
    };
    while body.len() < length {
        more(stream, &mut body).await?;
    }
    Ok(Answer { status, head, body })
}

async fn more(stream: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<()> {
    if stream.read_buf(read).await? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A server that answers every request on one connection with these bytes, in two pieces.
    async fn answers(bytes: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            while stream.read(&mut request).await.unwrap() > 0 {
                let (first, second) = bytes.split_at(bytes.len() / 2);
                stream.write_all(first).await.unwrap();
                tokio::task::yield_now().await;
                stream.write_all(second).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_end_and_the_connection_used_again() {
        let address =
            answers(b"HTTP/1.1 401 \r\nSet-Cookie: a=b; Path=/\r\ncontent-length: 9\r\n\r\n{\"a\":\"b\"}").await;
        let mut connection = Connection::open(address).await.unwrap();
        for _ in 0..2 {
            let answer = connection.send("POST", "/", "", "{}").await.unwrap();
            assert_eq!(answer.status, 401);
            assert_eq!(answer.header("set-cookie"), Some("a=b; Path=/"));
            assert_eq!(answer.json()["a"], "b");
        }
    }

    #[tokio::test]
    async fn an_answer_without_a_body_needs_no_length() {
        let address = answers(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        let answer = Connection::open(address).await.unwrap().send("DELETE", "/", "", "").await.unwrap();
        assert_eq!((answer.status, answer.json()), (204, Value::Null));
    }
}
