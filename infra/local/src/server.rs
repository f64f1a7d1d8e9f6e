//! A server on a loopback port that can go away and come back.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;

/// How long requests under way may take to finish when their server stops.
const GRACE: Duration = Duration::from_secs(1);

/// Resolves when the server is to stop: told so, or dropped.
pub(crate) type Stopped = Pin<Box<dyn Future<Output = ()> + Send>>;

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;
type Serve = dyn Fn(TcpListener, Stopped) -> Serving + Send + Sync;

/// One of the services that the functions depend on, listening on a fixed loopback address.
///
/// [`down`](Self::down) is an outage: the address refuses connections until [`up`](Self::up). What the
/// service holds, items or secrets, is there again afterwards. Dropping it ends it.
pub struct Server {
    name: &'static str,
    address: SocketAddr,
    serve: Arc<Serve>,
    state: Mutex<State>,
}

enum State {
    Up {
        stop: oneshot::Sender<()>,
        task: JoinHandle<()>,
    },
    /// The port is still held, by a socket that does not listen: the system refuses connections to it, and
    /// nobody else can take it meanwhile.
    Down {
        port: TcpSocket,
    },
    /// Between the two, or after a fault that `up` reported.
    Gone,
}

impl Server {
    /// Serves on `listener`, with `serve`, from now on.
    pub(crate) fn start<F>(
        name: &'static str,
        listener: TcpListener,
        serve: impl Fn(TcpListener, Stopped) -> F + Send + Sync + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr()?;
        let serve: Arc<Serve> = Arc::new(move |listener, stopped| Box::pin(serve(listener, stopped)));
        let state = Mutex::new(spawn(&serve, listener));
        Ok(Self { name, address, serve, state })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes the service down: requests under way may finish, connections are closed, and new ones are
    /// refused. Does nothing if it is down already.
    pub async fn down(&self) -> io::Result<()> {
        let mut state = self.state.lock().await;
        match std::mem::replace(&mut *state, State::Gone) {
            State::Up { stop, task } => {
                end(stop, task).await;
                let port = if self.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
                port.set_reuseaddr(true)?;
                port.bind(self.address)?;
                *state = State::Down { port };
            }
            other => *state = other,
        }
        Ok(())
    }

    /// Brings the service back, on the same port. Does nothing if it is up already.
    pub async fn up(&self) -> io::Result<()> {
        let mut state = self.state.lock().await;
        let listener = match std::mem::replace(&mut *state, State::Gone) {
            up @ State::Up { .. } => {
                *state = up;
                return Ok(());
            }
            State::Down { port } => port.listen(BACKLOG)?,
            State::Gone => TcpListener::bind(self.address).await?,
        };
        *state = spawn(&self.serve, listener);
        Ok(())
    }

    /// Ends it for good.
    pub(crate) async fn stop(&self) {
        if let State::Up { stop, task } = std::mem::replace(&mut *self.state.lock().await, State::Gone) {
            end(stop, task).await;
        }
    }
}

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

fn spawn(serve: &Arc<Serve>, listener: TcpListener) -> State {
    let (stop, stopped) = oneshot::channel::<()>();
    // An error is a dropped sender, which means the same.
    let serving = serve(listener, Box::pin(async move { drop(stopped.await) }));
    State::Up { stop, task: tokio::spawn(serving) }
}

async fn end(stop: oneshot::Sender<()>, task: JoinHandle<()>) {
    drop(stop);
    let abort = task.abort_handle();
    if tokio::time::timeout(GRACE, task).await.is_err() {
        abort.abort();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("name", &self.name).field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    async fn hello() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Server::start("hello", listener, |listener, stopped| async move {
            let router = Router::new().route("/", get(|| async { "hello" }));
            axum::serve(listener, router).with_graceful_shutdown(stopped).await.unwrap();
        })
        .unwrap()
    }

    async fn get_over(stream: &mut TcpStream) -> io::Result<String> {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await?;
        let mut reply = vec![0; 1024];
        let read = stream.read(&mut reply).await?;
        Ok(String::from_utf8_lossy(&reply[..read]).into_owned())
    }

    #[tokio::test]
    async fn a_server_that_is_down_refuses_connections_and_is_back_on_the_same_port() {
        let server = hello().await;
        let mut kept = TcpStream::connect(server.address()).await.unwrap();
        assert!(get_over(&mut kept).await.unwrap().ends_with("hello"));

        server.down().await.unwrap();
        let refused = TcpStream::connect(server.address()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert!(get_over(&mut kept).await.map_or(true, |reply| reply.is_empty()), "the old connection is closed");

        server.up().await.unwrap();
        let mut again = TcpStream::connect(server.address()).await.unwrap();
        assert!(get_over(&mut again).await.unwrap().ends_with("hello"));
    }

    #[tokio::test]
    async fn a_dropped_server_is_gone() {
        let server = hello().await;
        let address = server.address();
        drop(server);
        for _ in 0..100 {
            if TcpStream::connect(address).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{address} still accepts connections");
    }
}
