//! A client's TCP socket, for all who write to it.
//!
//! HTTP reads and writes it through [`Io`]. A WebSocket has it for itself after its handshake. A
//! stream of Server-Sent Events writes to it while HTTP waits for more of the body: then HTTP has
//! nothing of its own to write, which [`Line::all_out`] tells.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::Version;
use axum::http::request::Parts;
use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::coop;
use tokio_util::sync::CancellationToken;

use super::limits::STALL_SECONDS;

/// About how many bytes of what waits for a client go out together.
pub(super) const JOINED: usize = 256 << 10;
/// How many pieces one write takes: what systems allow at least.
pub(super) const MAX_PIECES: usize = 1_024;
/// How long after the server begins to stop a client may still take nothing.
pub(super) const CLOSING: Duration = Duration::from_secs(2);

/// A client's socket.
#[derive(Debug)]
pub struct Line {
    stream: TcpStream,
    /// How often HTTP has found that all it wrote is out.
    flushes: AtomicU64,
    flushed: Notify,
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> Arc<Self> {
        Arc::new(Self { stream, flushes: AtomicU64::new(0), flushed: Notify::new() })
    }

    /// Waits until what HTTP was given before this is out. For the body of the one answer that it
    /// writes now, which gives nothing more meanwhile.
    pub(super) async fn all_out(&self) {
        let before = self.flushes.load(Ordering::Acquire);
        loop {
            let flushed = self.flushed.notified();
            if self.flushes.load(Ordering::Acquire) > before {
                return;
            }
            flushed.await;
        }
    }

    /// Writes it all, for as long as the client takes some of it now and then. Not safe to give up:
    /// a part of it may be out.
    ///
    /// # Errors
    /// The client is gone, or took nothing for [`STALL_SECONDS`].
    pub(super) async fn send(&self, mut bytes: &[u8], stopping: &CancellationToken) -> io::Result<()> {
        // A client that takes everything at once is not the only one.
        coop::consume_budget().await;
        while !bytes.is_empty() {
            let written = self.write(stopping, |stream| stream.try_write(bytes)).await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// The same for pieces that follow each other, in as few writes as the system allows.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(super) async fn send_all(&self, pieces: &[Bytes], stopping: &CancellationToken) -> io::Result<()> {
        for pieces in pieces.chunks(MAX_PIECES) {
            coop::consume_budget().await;
            let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut rest = &mut slices[..];
            // What is empty would look like a socket that takes nothing.
            IoSlice::advance_slices(&mut rest, 0);
            while !rest.is_empty() {
                let written = self.write(stopping, |stream| stream.try_write_vectored(rest)).await?;
                IoSlice::advance_slices(&mut rest, written);
            }
        }
        Ok(())
    }

    /// Writes some of what is not empty, as soon as the client takes any.
    async fn write(&self, stopping: &CancellationToken, write: impl Fn(&TcpStream) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            match write(&self.stream) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.room(stopping).await?,
                written => return written,
            }
        }
    }

    /// Waits until the client takes more, not for ever.
    async fn room(&self, stopping: &CancellationToken) -> io::Result<()> {
        let stalled = Duration::from_secs(STALL_SECONDS);
        tokio::select! {
            ready = tokio::time::timeout(stalled, self.stream.writable()) => ready.map_err(|_| io::ErrorKind::TimedOut)?,
            // A client that takes nothing cannot be told either that the server stops.
            () = stuck(stopping) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Says that nothing more is written.
    pub(super) fn hang_up(&self) -> io::Result<()> {
        SockRef::from(&self.stream).shutdown(Shutdown::Write)
    }
}

impl Deref for Line {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.stream
    }
}

/// Done a little after the server begins to stop.
async fn stuck(stopping: &CancellationToken) {
    stopping.cancelled().await;
    tokio::time::sleep(CLOSING).await;
}

/// The socket of a request, where the answer's body can be written to it in chunks: with HTTP/1.1 alone.
#[derive(Debug)]
pub struct Direct(pub(super) Option<Arc<Line>>);

impl<S: Sync> FromRequestParts<S> for Direct {
    type Rejection = Infallible;

    async fn from_request_parts(request: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let line = request.extensions.get::<Arc<Line>>().filter(|_| request.version == Version::HTTP_11);
        Ok(Self(line.cloned()))
    }
}

/// HTTP's hold on a line.
#[derive(Debug)]
pub(super) struct Io(pub(super) Arc<Line>);

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(drop)),
            }
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Called when everything before it is written: HTTP flushes its own buffer first.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.flushes.fetch_add(1, Ordering::Release);
        self.0.flushed.notify_waiters();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.hang_up())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn pieces_go_out_in_order_however_little_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (mut near, far) = (near.unwrap(), far.unwrap().0);
        SockRef::from(&far).set_send_buffer_size(8_192).unwrap();
        let (line, stopping) = (Line::new(far), CancellationToken::new());
        // More of them than one write takes, some large and some empty.
        let pieces: Vec<Bytes> = (0..3_000_usize).map(|n| vec![n as u8; (n % 7) * (n % 11) * 20].into()).collect();
        let expected = pieces.concat();
        let sending = async {
            line.send_all(&pieces, &stopping).await.unwrap();
            line.send_all(&[Bytes::new(), Bytes::new()], &stopping).await.unwrap();
            line.send(b"end", &stopping).await.unwrap();
        };
        let reading = async {
            let mut bytes = vec![0; expected.len() + 3];
            near.read_exact(&mut bytes).await.unwrap();
            bytes
        };
        let ((), bytes) = tokio::join!(sending, reading);
        assert!(bytes.ends_with(b"end"));
        assert!(bytes[..expected.len()] == expected);
        drop(near);
        while line.send(b"nobody", &stopping).await.is_ok() {}
    }
}
