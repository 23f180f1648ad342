//! A WebSocket after its handshake: frames in, bytes out, and the end of it.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_util::sync::CancellationToken;

use super::frame::{self, Message, Parser, Violation};
use crate::server::limits::STALL_SECONDS;

/// How many bytes one read takes from a client; more comes with the next.
const READ: usize = 1_024;
/// How long a client has to answer a close.
const CLOSING: Duration = Duration::from_secs(2);

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
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    stopping: CancellationToken,
}

impl Socket {
    /// A socket after its handshake; `early` is what the client sent right behind it.
    pub(crate) fn new(stream: TcpStream, early: &[u8], stopping: CancellationToken) -> Self {
        let (reader, writer) = stream.into_split();
        let mut parser = Parser::default();
        parser.feed(early);
        Self { parser, reader, writer, stopping }
    }

    /// The client's next message. Safe to give up and to ask again: nothing is lost between.
    pub(crate) async fn hear(&mut self) -> Result<Message, End> {
        let mut bytes = [0; READ];
        loop {
            if let Some(message) = self.parser.message()? {
                return Ok(message);
            }
            match read(&self.reader, &mut bytes).await? {
                0 => return Err(End::Gone),
                length => self.parser.feed(&bytes[..length]),
            }
        }
    }

    /// Writes it all, for as long as the client takes some of it now and then. Not safe to give up:
    /// a part of a frame may be out.
    pub(crate) async fn send(&mut self, mut bytes: &[u8]) -> Result<(), End> {
        while !bytes.is_empty() {
            let stalled = Duration::from_secs(STALL_SECONDS);
            let written = tokio::select! {
                written = tokio::time::timeout(stalled, self.writer.write(bytes)) => written.map_err(|_| End::Gone)??,
                // A client that takes nothing cannot be told either that the server stops.
                () = stuck(&self.stopping) => return Err(End::Gone),
            };
            if written == 0 {
                return Err(End::Gone);
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Closes in good order, as far as the client plays along.
    pub(crate) async fn close(mut self, end: End) {
        let (code, reason) = match end {
            End::Close(code, reason) => (code, reason),
            End::Closed(code) => (code, ""),
            End::Gone => return,
        };
        let goodbye = async {
            self.writer.write_all(&frame::closing(code, reason)).await?;
            self.writer.shutdown().await?;
            // The client's own close, or the end of its socket: a reset would lose what is on its way.
            let mut rest = [0; READ];
            while read(&self.reader, &mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        let _late_or_gone = tokio::time::timeout(CLOSING, goodbye).await;
    }
}

/// Done a little after the server begins to stop.
async fn stuck(stopping: &CancellationToken) {
    stopping.cancelled().await;
    tokio::time::sleep(CLOSING).await;
}

/// Reads what is there without keeping a buffer while nothing is.
async fn read(reader: &OwnedReadHalf, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        reader.readable().await?;
        match reader.try_read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
    }
}
