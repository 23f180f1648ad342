//! Frames of the past, read from the log for a client that asks for them.
//!
//! What one replay may cost is bounded in frames, bytes, pages and time, and how many go on at once
//! for all clients together; a client has its answer before its next text is read. Frames are made
//! on a thread for blocking work, from a state that nobody waits for.

use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::dialect::liveops::{self, Channel, Client, Frame, MAX_REPLAY, REPLAY_LAST, Replay};
use crate::event::{Event, Filter, wire};
use crate::hub::{Hub, LogError, Page, Read};
use crate::server::limits::MAX_PAGE;

/// How many pages of the log one replay reads at most.
const MAX_PAGES: usize = 20;
/// How long one replay goes on to a further page.
const MAX_TIME: Duration = Duration::from_millis(500);
/// How many bytes of frames one replay holds; the frame that comes to it is the last.
const MAX_BYTES: usize = 4 << 20;
/// How many replays go on at once, of all clients; further ones wait for their turn.
static TURNS: Semaphore = Semaphore::const_new(2);

/// What a replay found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The frames that the client wants, oldest first.
    pub(super) frames: Vec<Frame>,
    /// Where the log goes on, where it was not read to its end: the place of the last event that was
    /// looked at.
    pub(super) more: Option<u64>,
}

/// Reads what a client asks for, as far as the bounds let it.
pub(super) async fn read(hub: &Hub, client: &Client, asked: Replay) -> Result<Found, LogError> {
    // Nobody closes it: there is always a turn.
    let _turn = TURNS.acquire().await;
    match (asked.after, asked.since) {
        (Some(place), _) => oldest(hub, client, place).await,
        (None, Some(since)) => oldest(hub, client, hub.place_before(since).await?).await,
        (None, None) => newest(hub, client).await,
    }
}

/// The frames of what comes after a place.
async fn oldest(hub: &Hub, client: &Client, mut after: u64) -> Result<Found, LogError> {
    let (filter, began) = (wanted(client), Instant::now());
    let mut found = Found::default();
    let mut bytes = 0;
    for _ in 0..MAX_PAGES {
        let page = hub.read(Read { after, limit: MAX_PAGE, filter: filter.clone(), ..Read::default() }).await?;
        let room = Room { frames: MAX_REPLAY - found.frames.len(), bytes: MAX_BYTES - bytes };
        let made = make(hub, client, page, room, false).await;
        bytes += made.frames.iter().map(|frame| frame.json.len()).sum::<usize>();
        found.frames.extend(made.frames);
        found.more = made.more;
        let Some(reached) = made.more else { break };
        after = reached;
        if found.frames.len() >= MAX_REPLAY || bytes >= MAX_BYTES || began.elapsed() >= MAX_TIME {
            break;
        }
    }
    Ok(found)
}

/// The newest frames. That there are older ones is no news.
async fn newest(hub: &Hub, client: &Client) -> Result<Found, LogError> {
    let (filter, began) = (wanted(client), Instant::now());
    let (mut frames, mut bytes, mut before) = (Vec::new(), 0, u64::MAX);
    for _ in 0..MAX_PAGES {
        let page = hub.read(Read { before, limit: MAX_PAGE, newest: true, filter: filter.clone(), ..Read::default() }).await?;
        let room = Room { frames: REPLAY_LAST - frames.len(), bytes: MAX_BYTES - bytes };
        let made = make(hub, client, page, room, true).await;
        bytes += made.frames.iter().map(|frame| frame.json.len()).sum::<usize>();
        frames.extend(made.frames);
        let Some(reached) = made.more else { break };
        before = reached;
        if frames.len() >= REPLAY_LAST || bytes >= MAX_BYTES || began.elapsed() >= MAX_TIME {
            break;
        }
    }
    frames.reverse();
    Ok(Found { frames, more: None })
}

/// What a replay still may hold.
#[derive(Debug, Clone, Copy)]
struct Room {
    frames: usize,
    bytes: usize,
}

/// Makes the frames of a page until there is no more room, in its order or from its end on.
async fn make(hub: &Hub, client: &Client, page: Page, room: Room, from_the_end: bool) -> Found {
    let (state, client) = (hub.state(), client.clone());
    let made = spawn_blocking(move || {
        let mut found = Found { frames: Vec::new(), more: (!page.exhausted).then_some(page.reached) };
        let (mut bytes, count) = (0, page.events.len());
        for step in 0..count {
            let stored = &page.events[if from_the_end { count - 1 - step } else { step }];
            // What the hub wrote can be read; if not, the dialect has no frame for it.
            let event = wire::from_text::<Event>(&stored.json).ok();
            let frame = event.and_then(|event| liveops::frames(&event, &state));
            let Some(frame) = frame.filter(|frame| client.wants(frame.channel)) else { continue };
            bytes += frame.json.len();
            found.frames.push(frame);
            if found.frames.len() >= room.frames || bytes >= room.bytes {
                if step + 1 < count {
                    found.more = Some(stored.seq);
                }
                break;
            }
        }
        found
    });
    match made.await {
        Ok(found) => found,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The events that this dialect has a frame for on the client's channels, and publishers' own, whose
/// channel only their payload tells.
fn wanted(client: &Client) -> Filter {
    let domains = [
        (Channel::Agents, "agent.*"),
        (Channel::Tasks, "task.*"),
        (Channel::Messages, "message.*"),
        (Channel::Memory, "memory.*"),
        (Channel::Topology, "topology.*"),
    ];
    let types = domains.into_iter().filter(|(channel, _)| client.wants(*channel)).map(|(_, types)| types);
    let mut filter = Filter::everything();
    for types in types.chain(["liveops.*"]) {
        let _these_fit = filter.add("types", types);
    }
    filter
}
