//! A WebSocket after its handshake: frames in, bytes out, and the end of it.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::frame::{self, Message, Parser, Violation};
use crate::server::line::{CLOSING, Line};

/// How many bytes one read takes from a client; more comes with the next.
const READ: usize = 1_024;

/// Why a connection ends.
#[derive(Debug)]
pub(crate) enum End {
    /// It must be told a code and why.
    Close(u16, &'static str),
    /// The client closed, with this code.
    Closed(u16),
    /// The socket is gone or stuck.
    Gone,
}

impl End {
    /// This end, once what goes before it is out; nothing is told where that fails or takes too long.
    pub(crate) async fn behind(self, rest: impl Future<Output = Result<(), Self>>) -> Self {
        if matches!(self, Self::Gone) {
            return self;
        }
        match tokio::time::timeout(CLOSING, rest).await {
            Ok(Ok(())) => self,
            Ok(Err(gone)) => gone,
            Err(_late) => Self::Gone,
        }
    }
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<Violation> for End {
    fn from(violation: Violation) -> Self {
        Self::Close(violation.code, violation.reason)
    }
}

/// The server's side of an open WebSocket.
#[derive(Debug)]
pub(crate) struct Socket {
    parser: Parser,
    line: Arc<Line>,
    stopping: CancellationToken,
}

impl Socket {
    /// A socket after its handshake; `early` is what the client sent right behind it.
    pub(crate) fn new(line: Arc<Line>, early: &[u8], stopping: CancellationToken) -> Self {
        let mut parser = Parser::default();
        parser.feed(early);
        Self { parser, line, stopping }
    }

    /// The socket itself, for a [lane](crate::server::lane).
    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.line
    }

    /// The client's next message. Safe to give up and to ask again: nothing is lost between.
    pub(crate) async fn hear(&mut self) -> Result<Message, End> {
        loop {
            if let Some(message) = self.parser.message()? {
                return Ok(message);
            }
            self.readable().await?;
            // Behind the wait: a connection that says nothing keeps no buffer.
            let mut bytes = [0; READ];
            match self.line.try_read(&mut bytes) {
                Ok(0) => return Err(End::Gone),
                Ok(length) => self.parser.feed(&bytes[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until there is something to read. It takes the one place for that on the socket, in which
    /// the task that served HTTP would be remembered, and kept in memory, for as long as the socket.
    async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| self.line.poll_read_ready(context)).await
    }

    /// Writes it all; see [`Line::send`].
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), End> {
        Ok(self.line.send(bytes, &self.stopping).await?)
    }

    /// Writes pieces that follow each other; see [`Line::send_all`].
    pub(crate) async fn send_all(&mut self, pieces: &[Bytes]) -> Result<(), End> {
        Ok(self.line.send_all(pieces, &self.stopping).await?)
    }

    /// Closes in good order, as far as the client plays along.
    pub(crate) async fn close(mut self, end: End) {
        let (code, reason) = match end {
            End::Close(code, reason) => (code, reason),
            End::Closed(code) => (code, ""),
            End::Gone => return,
        };
        let goodbye = async {
            self.send(&frame::closing(code, reason)).await?;
            self.line.hang_up()?;
            // The client's own close, or the end of its socket: a reset would lose what is on its way.
            loop {
                self.readable().await?;
                match self.line.try_read(&mut [0; READ]) {
                    Ok(0) => break,
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error.into()),
                    _ => {}
                }
            }
            Ok::<(), End>(())
        };
        let _late_or_gone = tokio::time::timeout(CLOSING, goodbye).await;
    }
}
