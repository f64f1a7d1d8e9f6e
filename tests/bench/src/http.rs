//! The server's side of HTTP/1.1, blocking, as far as Lambda's runtime clients and the HTTP clients of the functions
//! need it. Every connection has a thread of its own: on two cores nothing answers sooner.

use std::io::{self, Read, Write};

/// More than any request here has.
const MAX_HEAD: usize = 32 * 1024;

/// A request, read to its end.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// An open connection, and what of the next request was read already.
pub(crate) struct Connection<S> {
    stream: S,
    read: Vec<u8>,
}

impl<S: Read + Write> Connection<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// The next request; `None` once the peer has closed.
    pub(crate) fn request(&mut self) -> io::Result<Option<Request>> {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if self.read.len() > MAX_HEAD {
                return Err(io::Error::other("a request's head is too long"));
            }
            if self.more()? == 0 {
                return Ok(None);
            }
        };
        let body = self.read.split_off(end);
        let head = String::from_utf8(std::mem::replace(&mut self.read, body)).map_err(io::Error::other)?;
        let mut words = head.split(' ');
        let Some(path) = words.nth(1) else {
            return Err(io::Error::other("no request line"));
        };
        let mut request = Request { path: path.to_owned(), head: head.clone(), body: Vec::new() };
        if request.header("transfer-encoding").is_some() {
            return Err(io::Error::other("chunked requests are not expected here"));
        }
        if request.header("expect").is_some() {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            self.stream.flush()?;
        }
        let length = request.header("content-length").map_or(Ok(0), str::parse).map_err(io::Error::other)?;
        while self.read.len() < length {
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let next = self.read.split_off(length);
        request.body = std::mem::replace(&mut self.read, next);
        Ok(Some(request))
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16 * 1024];
        let count = self.stream.read(&mut chunk)?;
        self.read.extend_from_slice(chunk.get(..count).unwrap_or_default());
        Ok(count)
    }

    /// Answers in one write. `headers` are whole lines.
    pub(crate) fn answer(&mut self, status: u16, headers: &str, body: &[u8]) -> io::Result<()> {
        let mut answer = Vec::with_capacity(256 + headers.len() + body.len());
        // The reason phrase carries no meaning (RFC 9112, section 4).
        write!(answer, "HTTP/1.1 {status} \r\n{headers}content-length: {}\r\n\r\n", body.len())?;
        answer.extend_from_slice(body);
        self.stream.write_all(&answer)?;
        self.stream.flush()
    }
}
