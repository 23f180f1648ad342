//! Connections of HTTP: taken, served, and ended in time.
//!
//! It owns how long a client may hold a connection without asking for anything, and what becomes of
//! connections when the server stops. What is asked for is the router's; what a WebSocket does after
//! its handshake is its own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::GRACE;
use super::limits::{HEAD_SECONDS, IDLE_SECONDS};
use super::line::{Io, Line};

/// Between two tries where the system gives no further connection.
const OUT_OF_CONNECTIONS: Duration = Duration::from_millis(50);
/// How long an HTTP/2 client may be silent before it is asked for a sign of life, and then to give it.
const SILENT: Duration = Duration::from_secs(30);

/// How long clients may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// From the connection to the end of the first request's head.
    head: Duration,
    /// From an answer to the end of the next request's head.
    idle: Duration,
    /// From the stop to the end of what is going on.
    grace: Duration,
}

const PATIENCE: Patience =
    Patience { head: Duration::from_secs(HEAD_SECONDS), idle: Duration::from_secs(IDLE_SECONDS), grace: GRACE };

/// The next connection, its options set. What breaks one does not break the listener.
pub(super) async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = prepare(&stream) {
                    tracing::debug!(%error, "server.accept.options");
                }
                return (stream, peer);
            }
            // The client's trouble.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            // Out of descriptors, mostly.
            Err(error) => {
                tracing::warn!(%error, "server.accept");
                tokio::time::sleep(OUT_OF_CONNECTIONS).await;
            }
        }
    }
}

/// Small frames go out at once; a peer that vanished is noticed within two minutes.
fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let keepalive = socket2::TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    socket2::SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

/// Serves a listener until `stopping` is cancelled, and then what is going on, for a while.
pub(super) async fn serve(listener: TcpListener, router: Router, stopping: &CancellationToken) {
    serve_within(PATIENCE, listener, router, stopping).await;
}

async fn serve_within(patience: Patience, listener: TcpListener, router: Router, stopping: &CancellationToken) {
    // Put together once, not for each connection.
    let router = router.with_state::<()>(());
    let (open, cut_off) = (TaskTracker::new(), CancellationToken::new());
    loop {
        let (stream, peer) = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = next(&listener) => accepted,
        };
        let serving = converse(patience, stream, peer, router.clone(), stopping.clone());
        let cut_off = cut_off.clone();
        open.spawn(async move { cut_off.run_until_cancelled(serving).await });
    }
    drop(listener);
    open.close();
    if tokio::time::timeout(patience.grace, open.wait()).await.is_err() {
        tracing::warn!(
            open = open.len(),
            grace_ms = patience.grace.as_millis() as u64,
            "server.stop.cut_off: some requests did not end in time"
        );
        cut_off.cancel();
    }
}

/// One connection, to its end or to its handing over to a WebSocket.
async fn converse(patience: Patience, stream: TcpStream, peer: SocketAddr, router: Router, stopping: CancellationToken) {
    let asked = Arc::new(AtomicBool::new(false));
    let line = Line::new(stream);
    let io = TokioIo::new(Io(Arc::clone(&line)));
    let service = {
        let (asked, router) = (Arc::clone(&asked), TowerToHyperService::new(router));
        service_fn(move |mut request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(Arc::clone(&line));
            router.call(request)
        })
    };
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience.idle);
    builder.http2().timer(TokioTimer::new()).enable_connect_protocol().keep_alive_interval(SILENT).keep_alive_timeout(SILENT);
    let connection = builder.serve_connection_with_upgrades(io, service);
    // Which protocol a client speaks is read before either of them counts the time.
    let silent = async {
        tokio::time::sleep(patience.head).await;
        if asked.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::pin!(connection, silent);
    let mut ending = false;
    loop {
        tokio::select! {
            served = connection.as_mut() => {
                if let Err(error) = served {
                    tracing::debug!(%error, %peer, "server.connection");
                }
                return;
            }
            () = silent.as_mut() => return tracing::debug!(%peer, "server.connection.silent"),
            () = stopping.cancelled(), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const SHORT: Duration = Duration::from_millis(150);
    const LONG: Duration = Duration::from_secs(60);

    /// A server with this patience: its address, its stop, its end.
    async fn served(patience: Patience) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, stopping) = (listener.local_addr().unwrap(), CancellationToken::new());
        let stop = stopping.clone();
        let router = Router::new()
            .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }))
            .route("/never", get(std::future::pending::<()>));
        let serving = tokio::spawn(async move { serve_within(patience, listener, router, &stop).await });
        (addr, stopping, serving)
    }

    async fn ask(stream: &mut TcpStream, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = [0; 1_024];
        let length = stream.read(&mut bytes).await.unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    /// Everything up to the end of the connection.
    async fn rest(stream: &mut TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        let reading = stream.read_to_end(&mut bytes);
        let _cut_off_is_an_end = tokio::time::timeout(LONG / 4, reading).await.expect("the connection is kept open");
        bytes
    }

    #[tokio::test]
    async fn a_first_request_comes_in_time() {
        let (addr, ..) = served(Patience { head: SHORT, idle: LONG, grace: LONG }).await;
        for said in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"] {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            assert_eq!(rest(&mut stream).await, b"", "{said:?}");
        }
        // Who asked once may take his time.
        let mut stream = TcpStream::connect(addr).await.unwrap();
        assert!(ask(&mut stream, "/").await.ends_with("127.0.0.1"), "the peer is known");
        let mut silent = TcpStream::connect(addr).await.unwrap();
        assert_eq!(rest(&mut silent).await, b"", "later than the first");
        assert!(ask(&mut stream, "/").await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn an_idle_connection_is_closed() {
        let (addr, ..) = served(Patience { head: LONG, idle: SHORT, grace: LONG }).await;
        for said in ["", "GET / HTTP/1.1\r\n"] {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            assert!(ask(&mut stream, "/").await.starts_with("HTTP/1.1 200"));
            stream.write_all(said.as_bytes()).await.unwrap();
            assert_eq!(rest(&mut stream).await, b"", "{said:?}");
        }
    }

    #[tokio::test]
    async fn at_the_end_nobody_is_waited_for_longer_than_the_grace() {
        let (addr, stopping, serving) = served(Patience { head: LONG, idle: LONG, grace: SHORT }).await;
        let mut silent = TcpStream::connect(addr).await.unwrap();
        let mut idle = TcpStream::connect(addr).await.unwrap();
        assert!(ask(&mut idle, "/").await.starts_with("HTTP/1.1 200"));
        let mut busy = TcpStream::connect(addr).await.unwrap();
        busy.write_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        stopping.cancel();
        for stream in [&mut silent, &mut idle, &mut busy] {
            assert_eq!(rest(stream).await, b"");
        }
        tokio::time::timeout(LONG / 4, serving).await.unwrap().unwrap();
        assert!(TcpStream::connect(addr).await.is_err(), "and nobody is let in");
    }
}
