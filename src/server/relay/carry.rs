//! An open WebSocket between a client and the deck.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::TcpStream;
use tokio::net::tcp::WriteHalf;
use tokio_util::sync::CancellationToken;

use super::frames::Frames;
use super::{FAREWELL, PATIENCE};
use crate::dialect::liveops::{self, CLOSE_STOPPING};
use crate::hub::now;
use crate::server::limits::STALL_SECONDS;
use crate::server::websocket::frame;

/// How many bytes go to a client at once.
const CHUNK: usize = 8 << 10;
/// How long a client may take none of them before it is cut off, as by the deck itself.
const STALLED: Duration = Duration::from_secs(STALL_SECONDS);
/// How a client's connection ends where the deck's did without a word.
const CLOSE_GONE: (u16, &str) = (1001, "the deck is gone");

/// Carries bytes until either side ends it; a client whose deck goes without a word, or that is here
/// when this process stops, is told so. `frames` knows what of the deck's was passed on before.
pub(super) async fn carry(
    client: &mut TcpStream,
    upstream: &mut TcpStream,
    mut frames: Frames,
    stopping: &CancellationToken,
) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_deck, mut to_deck) = upstream.split();
    let up = async {
        copy(&mut from_client, &mut to_deck).await?;
        to_deck.shutdown().await
    };
    let down = async {
        let mut bytes = vec![0; CHUNK];
        loop {
            let length = tokio::select! {
                // What breaks a connection ends it.
                read = from_deck.read(&mut bytes) => read.unwrap_or(0),
                () = stopping.cancelled(), if frames.is_between() => {
                    put(&mut to_client, &frame::text(&liveops::shutdown(now()))).await?;
                    put(&mut to_client, &frame::closing(CLOSE_STOPPING.0, CLOSE_STOPPING.1)).await?;
                    return to_client.shutdown().await;
                }
            };
            if length == 0 {
                if frames.is_between() {
                    put(&mut to_client, &frame::closing(CLOSE_GONE.0, CLOSE_GONE.1)).await?;
                }
                return to_client.shutdown().await;
            }
            put(&mut to_client, &bytes[..length]).await?;
            frames.pass(&bytes[..length]);
        }
    };
    tokio::pin!(up, down);
    tokio::select! {
        left = &mut up => {
            left?;
            // The deck answers a close at once; one that does not keeps nobody's place.
            tokio::time::timeout(PATIENCE, down).await.unwrap_or(Ok(()))
        }
        ended = &mut down => {
            ended?;
            // Nor does a client that does not go by itself.
            tokio::time::timeout(FAREWELL, up).await.unwrap_or(Ok(()))
        }
    }
}

async fn put(to: &mut WriteHalf<'_>, bytes: &[u8]) -> io::Result<()> {
    tokio::time::timeout(STALLED, to.write_all(bytes)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
