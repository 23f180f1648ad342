//! Lines of bytes from a pipe, each of bounded length.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest line of a subprocess, in bytes. A longer one ends its driver: what it says can no
/// longer be told apart.
pub(super) const MAX_LINE: usize = 1 << 20;
/// How much is read at once at least.
const CHUNK: usize = 16 << 10;

/// Why there is no next line.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("a line is longer than {MAX_LINE} bytes")]
    TooLong,
    #[error("cannot read: {0}")]
    Pipe(#[from] std::io::Error),
}

/// The lines of a pipe; holds at most one line and a chunk.
#[derive(Debug)]
pub(super) struct Lines<R> {
    pipe: R,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no line break.
    looked: usize,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(pipe: R) -> Self {
        Self { pipe, buffer: BytesMut::new(), looked: 0, ended: false }
    }

    /// The next line without its break, or nothing at the end; what follows the last break is a
    /// line too. Safe to give up and to ask again.
    pub(super) async fn next(&mut self) -> Result<Option<BytesMut>, LineError> {
        loop {
            if let Some(place) = self.buffer[self.looked..].iter().position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(self.looked + place + 1);
                self.looked = 0;
                line.truncate(line.len() - 1);
                if line.last() == Some(&b'\r') {
                    line.truncate(line.len() - 1);
                }
                if line.len() > MAX_LINE {
                    return Err(LineError::TooLong);
                }
                return Ok(Some(line));
            }
            self.looked = self.buffer.len();
            if self.looked > MAX_LINE {
                return Err(LineError::TooLong);
            }
            if self.ended {
                self.looked = 0;
                return Ok(Some(self.buffer.split()).filter(|line| !line.is_empty()));
            }
            self.buffer.reserve(CHUNK);
            self.ended = self.pipe.read_buf(&mut self.buffer).await? == 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt as _;

    async fn all(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(bytes);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push(line.to_vec());
        }
        found
    }

    #[tokio::test]
    async fn breaks_of_both_kinds_and_a_last_line_without_one() {
        assert_eq!(all(b"a\r\n\nb\nc").await, [b"a".to_vec(), b"".to_vec(), b"b".to_vec(), b"c".to_vec()]);
        assert!(all(b"").await.is_empty());
    }

    #[tokio::test]
    async fn a_line_over_the_bound_is_an_error() {
        let mut just = vec![b'x'; MAX_LINE];
        just.push(b'\n');
        assert_eq!(all(&just).await[0].len(), MAX_LINE);
        let long = vec![b'x'; MAX_LINE + CHUNK * 2];
        let told = Lines::new(long.as_slice()).next().await.unwrap_err().to_string();
        assert_eq!(told, "a line is longer than 1048576 bytes");
    }

    proptest! {
        /// However the pipe cuts them, and however often the reading is given up.
        #[test]
        fn cuts_do_not_matter(lines in proptest::collection::vec("[a-zé🐝]{0,40}", 1..20), cut in 1_usize..9) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let whole = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let found = runtime.block_on(async {
                let (mut into, from) = tokio::io::duplex(cut);
                let writer = tokio::spawn(async move { into.write_all(whole.as_bytes()).await.unwrap() });
                let mut reader = Lines::new(from);
                let mut found = Vec::new();
                loop {
                    let given_up = async { tokio::task::yield_now().await };
                    tokio::select! {
                        biased;
                        () = given_up => {}
                        line = reader.next() => match line.unwrap() {
                            Some(line) => found.push(String::from_utf8(line.to_vec()).unwrap()),
                            None => break,
                        },
                    }
                }
                writer.await.unwrap();
                found
            });
            prop_assert_eq!(found, lines);
        }
    }
}
