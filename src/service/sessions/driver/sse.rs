//! Server-Sent Events as a chat endpoint streams them: the `data` of one event after the other.
//!
//! Pure: bytes go in as the network cuts them. Lines end with LF, CR LF or CR.

/// The longest event, in bytes; a longer one ends the stream.
const MAX_EVENT: usize = 1 << 20;

/// An event is over the bound.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {MAX_EVENT} bytes")]
pub(super) struct TooLong;

/// What of a stream is not a whole event yet.
#[derive(Debug, Default)]
pub(super) struct Sse {
    line: Vec<u8>,
    data: Option<String>,
    /// The last byte was a CR, which ended a line; an LF after it belongs to it.
    after_cr: bool,
}

impl Sse {
    /// Takes bytes; gives the data of the events that they complete.
    ///
    /// # Errors
    /// An event is over the bound.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut events = Vec::new();
        for byte in bytes {
            let after_cr = std::mem::replace(&mut self.after_cr, *byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                byte => {
                    self.line.push(*byte);
                    if self.line.len() + self.data.as_ref().map_or(0, String::len) > MAX_EVENT {
                        return Err(TooLong);
                    }
                }
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.data.take();
        }
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        if field == "data" {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: &str = ": hello\r\n\r\nevent: x\r\ndata: {\"a\":\r\ndata: \"é🐝\"}\r\n\r\ndata:[DONE]\n\nid: 7\n\ndata\r\r";
    const EVENTS: [&str; 3] = ["{\"a\":\n\"é🐝\"}", "[DONE]", ""];

    #[test]
    fn a_stream_is_read() {
        assert_eq!(Sse::default().feed(STREAM.as_bytes()).unwrap(), EVENTS);
    }

    #[test]
    fn an_endless_event_is_an_error() {
        let mut sse = Sse::default();
        let line = format!("data: {}\n", "x".repeat(1 << 16));
        let told = (0..17).map(|_| sse.feed(line.as_bytes())).find(Result::is_err);
        assert_eq!(told, Some(Err(TooLong)));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(cuts in proptest::collection::vec(1_usize..7, 1..90)) {
            let mut sse = Sse::default();
            let mut found = Vec::new();
            let mut rest = STREAM.as_bytes();
            for cut in cuts.iter().cycle() {
                let (head, tail) = rest.split_at((*cut).min(rest.len()));
                found.extend(sse.feed(head).unwrap());
                rest = tail;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(found, EVENTS);
        }
    }
}
