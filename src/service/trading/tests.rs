//! The engine in process: feeds of the settings, and what becomes of a run whose feed changes.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::event::Filter;
use crate::hub::{HubConfig, Lag, Start};
use crate::service::Reason;

const LINES: &str = r#"{"type":"candidate","at_ms":0,"mint":"M","price":1,"liquidity":30,"holders":{"top_percent":1,"top_ten_percent":2}}
{"type":"price","at_ms":0,"mint":"M"}
{"type":"price","at_ms":3600000,"mint":"M","price":2}
"#;

struct Deck {
    trading: Trading,
    hub: Hub,
    stopping: CancellationToken,
    tracker: TaskTracker,
}

impl Deck {
    fn open(folder: &Path) -> Self {
        let hub = Hub::open(&HubConfig::at(folder.join("data"))).unwrap();
        let source = |name: &str| FeedSource { name: name.to_owned(), path: folder.join(name) };
        let config = TradingConfig { feeds: ["night", "empty", "gone"].map(source).to_vec(), ..TradingConfig::default() };
        let (stopping, tracker) = (CancellationToken::new(), TaskTracker::new());
        let setup = Setup {
            hub: hub.clone(),
            data: folder.join("data"),
            config: Arc::new(ServiceConfig { trading: config, ..ServiceConfig::default() }),
            stopping: stopping.clone(),
            tracker: tracker.clone(),
        };
        Self { trading: Trading::start(&setup), hub, stopping, tracker }
    }

    async fn close(self) {
        self.stopping.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        self.hub.close().await;
    }

    /// Waits until the state shows something.
    async fn until(&self, shows: impl Fn(&TradingStatus) -> bool) -> TradingStatus {
        let wait = async {
            let mut events = self.hub.subscribe(Start::Now, Filter::everything(), Lag::Log);
            loop {
                let status = self.trading.status();
                if shows(&status) {
                    return status;
                }
                events.next().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap()
    }
}

fn order(feed: &str) -> Order {
    Order { feed: feed.to_owned(), ..Order::default() }
}

#[tokio::test]
async fn feeds_of_the_settings_run_and_bad_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("night"), LINES).unwrap();
    std::fs::write(folder.path().join("empty"), "nothing\n").unwrap();
    let deck = Deck::open(folder.path());
    assert_eq!(deck.trading.status().feeds, ["sample", "night", "empty", "gone"]);
    for (feed, reason, detail) in [
        ("day", Reason::Missing, "no feed is named \"day\"; there are sample, night, empty, gone"),
        ("empty", Reason::Invalid, "the feed empty has no line that can be read: line 1: expected ident"),
        ("gone", Reason::Unavailable, "the feed gone cannot be read: No such file"),
    ] {
        let refusal = deck.trading.start_run(order(feed)).await.unwrap_err();
        assert!(refusal.reason == reason && refusal.detail.starts_with(detail), "{refusal:?}");
    }
    let started = deck.trading.start_run(order("night")).await.unwrap();
    let run = started.run.unwrap();
    assert_eq!((run.lines, run.skipped, run.faults), (2, 1, vec!["line 2: missing field `price`".to_owned()]));
    deck.until(|status| status.statistics.open_positions == 1).await;
    // The next line is an hour away: a stop does not wait for it.
    let stopped = deck.trading.stop_run().await.unwrap();
    assert_eq!((stopped.running, stopped.statistics.open_positions), (false, 1));
    deck.tracker.close();
    tokio::time::timeout(Duration::from_secs(20), deck.tracker.wait()).await.unwrap();
    deck.close().await;
}

#[tokio::test]
async fn a_run_goes_on_over_the_same_text_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("night");
    std::fs::write(&path, LINES).unwrap();
    let deck = Deck::open(folder.path());
    deck.trading.start_run(order("night")).await.unwrap();
    let before = deck.until(|status| status.statistics.open_positions == 1).await;
    deck.close().await;

    let deck = Deck::open(folder.path());
    assert_eq!(deck.trading.status(), before, "the same state after a restart");
    deck.close().await;

    std::fs::write(&path, LINES.replace("\"price\":2", "\"price\":3")).unwrap();
    let deck = Deck::open(folder.path());
    let after = deck.until(|status| !status.running).await;
    assert_eq!(after.run.unwrap().ended.as_deref(), Some("the feed is not what it was when the run began"));
    assert_eq!(after.positions, before.positions);
    deck.close().await;
}
