//! Connections that can be cut.
//!
//! A fault that "cuts the connection" really closes the socket. That has to happen below HTTP, so
//! every accepted stream is wrapped in a [`Line`], whose [`Switch`] the request handlers hold: once
//! it is cut, reading and writing fail, hyper drops the stream, and the peer sees its end.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

const WHOLE: u8 = 0;
const CUT: u8 = 1;
const CUT_IN_REPLY: u8 = 2;

pub(crate) struct Switch {
    pub(crate) id: u64,
    state: AtomicU8,
    reader: Mutex<Option<Waker>>,
}

impl Switch {
    /// Closes the connection: what is written from now on does not arrive.
    pub(crate) fn cut(&self) {
        self.state.store(CUT, Ordering::SeqCst);
        let waker = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Closes the connection halfway through the body of the next reply.
    pub(crate) fn cut_in_reply(&self) {
        self.state.store(CUT_IN_REPLY, Ordering::SeqCst);
    }

    fn error(&self) -> Option<io::Error> {
        (self.state.load(Ordering::SeqCst) == CUT).then(|| io::Error::from(io::ErrorKind::ConnectionReset))
    }
}

/// The connections of a tenant.
#[derive(Default)]
pub(crate) struct Lines {
    accepted: AtomicU64,
    refuse: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Switch>>>,
}

impl Lines {
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(crate) fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Closes every open connection, and says which those are.
    pub(crate) fn cut_all(&self) -> Vec<u64> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for switch in open.values() {
            switch.cut();
        }
        open.keys().copied().collect()
    }

    /// Whether any of these is still open.
    pub(crate) fn any_open(&self, ids: &[u64]) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        ids.iter().any(|id| open.contains_key(id))
    }

    /// Closes the next `count` connections as soon as they are made.
    pub(crate) fn refuse(&self, count: u64) {
        self.refuse.store(count, Ordering::SeqCst);
    }

    fn refuses_one(&self) -> bool {
        self.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

/// A listener whose connections can be cut.
pub(crate) struct Door {
    pub(crate) listener: TcpListener,
    pub(crate) lines: Arc<Lines>,
}

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            let Ok((stream, peer)) = self.listener.accept().await else {
                // Too many open files, most likely: some may be closed soon.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let id = self.lines.accepted.fetch_add(1, Ordering::SeqCst) + 1;
            if self.lines.refuses_one() {
                continue;
            }
            // Small answers must not wait for the peer's delayed acknowledgement.
            let _ = stream.set_nodelay(true);
            let switch = Arc::new(Switch { id, state: AtomicU8::new(WHOLE), reader: Mutex::new(None) });
            self.lines.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&switch));
            let line = Line { stream, switch, lines: Arc::clone(&self.lines) };
            return (line, peer);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that can be cut.
pub(crate) struct Line {
    stream: TcpStream,
    switch: Arc<Switch>,
    lines: Arc<Lines>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.lines.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.switch.id);
    }
}

/// Who a request came from, and the switch of its connection.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) switch: Arc<Switch>,
}

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self { address: *stream.remote_addr(), switch: Arc::clone(&stream.io().switch) }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        *self.switch.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        if let Some(error) = self.switch.error() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(error) = self.switch.error() {
            return Poll::Ready(Err(error));
        }
        if self.switch.state.load(Ordering::SeqCst) != CUT_IN_REPLY {
            return Pin::new(&mut self.stream).poll_write(context, buffer);
        }
        let head = buffer.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |place| place + 4);
        let part = head + (buffer.len() - head) / 2;
        let part = buffer.get(..part).unwrap_or(buffer);
        let written = Pin::new(&mut self.stream).poll_write(context, part);
        if let Poll::Ready(Ok(_)) = &written {
            self.switch.cut();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
