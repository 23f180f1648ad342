//! Goes through the past: to a place, a step on, or playing. Knows no view.

use leptos::prelude::*;

use super::stretch::{Found, Stretch, read};
use crate::app::route::{Address, encode};
use crate::client::{Live, browser_now};
use crate::event::Timestamp;

/// How often a play goes on, in milliseconds.
const BEAT_MS: u64 = 50;
/// How long a play waits where nothing happened, in milliseconds of the reader; what is longer is skipped.
const LONGEST_WAIT_MS: f64 = 1_500.0;
/// How often the address follows a play, in beats.
const ADDRESS_EVERY: u32 = 10;
/// How many stretches are kept that were left: going back there asks nobody. Each is a packed state, of
/// some megabytes at most, and its events.
const MOST_LEFT: usize = 4;
/// How many events are fetched past what is extended: going on is a fold at once.
const AHEAD: u64 = 500;
/// When the state that was on show before is let go.
const LET_GO: std::time::Duration = std::time::Duration::from_millis(60);
/// How many events one beat folds at most; a faster play falls behind and says so by its clock.
const MOST_A_BEAT: u64 = 5_000;

/// The way through the past. Copy; made once.
#[derive(Clone, Copy)]
pub struct Player {
    live: Live,
    address: Address,
    held: StoredValue<Option<Stretch>>,
    /// Stretches that were left, the newest last.
    left: StoredValue<Vec<Stretch>>,
    /// The place that is wanted next, while another is fetched.
    wanted: StoredValue<Option<u64>>,
    /// Where a seek that is under way leads; none when it is there, or given up.
    aim: RwSignal<Option<u64>>,
    busy: StoredValue<bool>,
    /// Whether a play runs.
    pub playing: RwSignal<bool>,
    /// How fast it runs: 1 as it was.
    pub speed: RwSignal<f64>,
    /// The play's own time, in unix milliseconds.
    clock: StoredValue<f64>,
    beats: StoredValue<u32>,
    /// What went wrong; empty where nothing did.
    pub fault: RwSignal<String>,
    /// How long the last seek took, in milliseconds; nothing before the first.
    pub took: RwSignal<Option<f64>>,
}

impl Player {
    /// A player that stands still.
    pub fn new(live: Live, address: Address) -> Self {
        Self {
            live,
            address,
            held: StoredValue::new(None),
            left: StoredValue::new(Vec::new()),
            wanted: StoredValue::new(None),
            aim: RwSignal::new(None),
            busy: StoredValue::new(false),
            playing: RwSignal::new(false),
            speed: RwSignal::new(1.0),
            clock: StoredValue::new(0.0),
            beats: StoredValue::new(0),
            fault: RwSignal::new(String::new()),
            took: RwSignal::new(None),
        }
    }

    /// The place on show, or the one that is about to be.
    pub fn place(self) -> u64 {
        self.aim.get().or_else(|| self.live.past()).unwrap_or_else(|| self.live.head.get())
    }

    /// The same, for what need not tell of each event: what is now is told once a second.
    pub fn calm_place(self) -> u64 {
        let now = || {
            self.live.now.track();
            self.live.head.get_untracked()
        };
        self.aim.get().or_else(|| self.live.past()).unwrap_or_else(now)
    }

    /// Whether what is on show is now.
    pub fn here_is_now(self) -> bool {
        self.live.past().is_none()
    }

    /// Whether the past is on show.
    pub fn live_is_past(self) -> bool {
        self.live.past().is_some()
    }

    fn here(self) -> u64 {
        untrack(|| self.place())
    }

    /// Goes to a place; the newest that is wanted counts, whatever is under way.
    pub fn seek(self, seq: u64) {
        self.playing.set(false);
        self.want(seq.max(1));
    }

    /// Goes so many events on, or back.
    pub fn step(self, by: i64) {
        let to = self.here().saturating_add_signed(by).max(1);
        if to > self.live.head.get_untracked() { self.now() } else { self.seek(to) }
    }

    /// Shows what is now.
    pub fn now(self) {
        self.playing.set(false);
        self.give_up();
        if self.live.is_past() || untrack(|| self.address.at()).is_some() {
            self.live.leave_past(browser_now());
            self.address.go(&untrack(|| self.address.with_at(None)));
        }
    }

    /// Goes to the next mark of a kind, or the one before.
    pub fn mark(self, kind: &'static str, on: bool) {
        let way = if on { "&after=" } else { "&before=" };
        let path = ["/api/seek?next=", kind, way, &self.here().to_string()].concat();
        self.find(path, if on { "there is none after this" } else { "there is none before this" });
    }

    /// Goes to a time, or to an event by its number, as a person types it.
    pub fn typed(self, text: &str) {
        let text = text.trim();
        if let Ok(seq) = text.parse::<u64>() {
            return self.seek(seq.min(self.live.head.get_untracked()));
        }
        // A time of day is one of the day on show.
        let day = untrack(|| self.live.now.get()).to_string();
        let full = if text.contains('-') { text.to_owned() } else { [day.get(..11).unwrap_or_default(), text].concat() };
        let full = if full.ends_with('Z') || !full.contains('T') { full } else { [&full, "Z"].concat() };
        self.find(["/api/seek?time=", &encode(&full)].concat(), "nothing had happened then");
    }

    fn find(self, path: String, none: &'static str) {
        leptos::task::spawn_local(async move {
            match read::<Found>(&path).await {
                Ok(Found { seq: Some(seq), .. }) => self.seek(seq),
                Ok(_) => self.fault.set(none.to_owned()),
                Err(fault) => self.fault.set(fault),
            }
        });
    }

    /// Shows what the address asks for.
    pub fn follow(self) {
        let Some(at) = self.address.at() else { return self.give_up() };
        // What has not happened is not asked for: the server said so when it rendered the page.
        if untrack(|| self.live.past()) != Some(at) && at <= self.live.head.get_untracked() {
            self.want(at);
        }
    }

    /// What is under way is not wanted any more.
    fn give_up(self) {
        self.wanted.set_value(None);
        self.aim.set(None);
    }

    fn want(self, seq: u64) {
        self.wanted.set_value(Some(seq));
        self.aim.set(Some(seq));
        if self.busy.get_value() {
            return;
        }
        self.busy.set_value(true);
        leptos::task::spawn_local(async move {
            while let Some(seq) = self.wanted.try_update_value(Option::take).flatten() {
                let began = browser_now();
                match self.show(seq).await {
                    Ok(()) => {
                        self.fault.set(String::new());
                        self.took.set(Some(browser_now().since(began) as f64));
                    }
                    Err(fault) => {
                        // What cannot be shown is not asked for any more.
                        self.live.past_fault.set(fault.clone());
                        self.fault.set(fault);
                        self.address.replace(&untrack(|| self.address.with_at(self.live.past())));
                    }
                }
            }
            self.busy.set_value(false);
            self.aim.set(None);
        });
    }

    async fn show(self, seq: u64) -> Result<(), String> {
        self.hold(seq).await?;
        // Somebody who went back to now meanwhile stays there.
        if self.aim.get_untracked().is_none() {
            return Ok(());
        }
        let from = untrack(|| self.live.past());
        self.held.with_value(|held| {
            let Some(held) = held else { return Ok(()) };
            match from {
                Some(from) if from <= seq && held.holds(from) && seq - from < 500 => self.live.go_on(held.between(from, seq)),
                _ => {
                    let former = self.live.show_past(held.state_at(seq)?);
                    // When the frame is drawn.
                    set_timeout(move || drop(former), LET_GO);
                }
            }
            Ok::<(), String>(())
        })?;
        // One that is overtaken already is not worth an address.
        if from.is_some() && self.wanted.with_value(Option::is_some) {
            return Ok(());
        }
        let to = untrack(|| self.address.with_at(Some(seq)));
        // The first step into the past can be gone back; those within it are one.
        if from.is_none() && untrack(|| self.address.at()).is_none() {
            self.address.push(&to);
        } else {
            self.address.replace(&to);
        }
        Ok(())
    }

    /// Has the stretch around a place held: it is, it was, it begins a little before, or it is fetched.
    async fn hold(self, seq: u64) -> Result<(), String> {
        let stretch = match self.held.try_update_value(Option::take).flatten() {
            Some(held) if held.holds(seq) => held,
            Some(mut held) if held.is_shortly_before(seq) => {
                held.extend(seq + AHEAD).await?;
                held
            }
            held => match self.left.try_update_value(|left| change(left, held, seq)).flatten() {
                Some(left) => left,
                None => Stretch::around(seq).await?,
            },
        };
        if !stretch.holds(seq) {
            return Err(["event ", &seq.to_string(), " is not in the log"].concat());
        }
        self.held.set_value(Some(stretch));
        Ok(())
    }

    /// Plays, or stops playing.
    pub fn toggle(self) {
        if self.playing.get_untracked() {
            return self.playing.set(false);
        }
        if !self.live.is_past() {
            return self.fault.set("this is now: choose an instant to play from".to_owned());
        }
        self.clock.set_value(self.live.now.get_untracked().0 as f64);
        self.playing.set(true);
    }

    /// Begins to beat; for as long as its owner lives.
    pub fn run(self) {
        let beat = set_interval_with_handle(
            move || {
                if self.playing.try_get_untracked() == Some(true) {
                    self.beat();
                }
            },
            std::time::Duration::from_millis(BEAT_MS),
        );
        on_cleanup(move || {
            if let Ok(beat) = beat {
                beat.clear();
            }
        });
    }

    fn beat(self) {
        let Some(from) = untrack(|| self.live.past()) else { return self.playing.set(false) };
        let speed = self.speed.get_untracked();
        let mut clock = self.clock.get_value() + BEAT_MS as f64 * speed;
        let (mut upto, mut short) = (from, false);
        self.held.with_value(|held| {
            let Some(held) = held.as_ref().filter(|held| held.holds(from)) else { return short = true };
            let next = held.between(from, from + MOST_A_BEAT);
            if let Some(first) = next.first() {
                clock = clock.max(first.ts.0 as f64 - LONGEST_WAIT_MS * speed);
            }
            let due = next.iter().take_while(|event| event.ts.0 as f64 <= clock).count() as u64;
            upto = from + due;
            short = upto == held.end();
        });
        if upto > from {
            self.held.with_value(|held| {
                if let Some(held) = held {
                    self.live.go_on(held.between(from, upto));
                }
            });
        }
        self.clock.set_value(clock);
        if short {
            self.fetch_on(upto);
        }
        let beats = self.beats.get_value().wrapping_add(1);
        self.beats.set_value(beats);
        if beats.is_multiple_of(ADDRESS_EVERY) && upto > from {
            self.address.replace(&untrack(|| self.address.with_at(Some(upto))));
        }
    }

    /// Fetches what comes after the stretch that is held; at its end the past has become now.
    fn fetch_on(self, seq: u64) {
        if self.busy.get_value() {
            return;
        }
        if seq >= self.live.head.get_untracked() {
            return self.now();
        }
        self.busy.set_value(true);
        leptos::task::spawn_local(async move {
            let held = self.held.try_update_value(Option::take).flatten();
            let fetched = match held {
                Some(mut held) if held.holds(seq) && !held.is_long() => match held.extend(held.end() + 5_000).await {
                    Ok(()) => Ok(held),
                    Err(fault) => Err(fault),
                },
                _ => Stretch::around(seq).await,
            };
            match fetched {
                Ok(stretch) => self.held.set_value(Some(stretch)),
                Err(fault) => {
                    self.playing.set(false);
                    self.fault.set(fault);
                }
            }
            self.busy.set_value(false);
        });
    }
}

/// Leaves a stretch, and takes the one that holds a place, where that is among those that were left.
fn change(left: &mut Vec<Stretch>, held: Option<Stretch>, seq: u64) -> Option<Stretch> {
    left.extend(held);
    if let Some(place) = left.iter().position(|stretch| stretch.holds(seq)) {
        return Some(left.remove(place));
    }
    if left.len() > MOST_LEFT {
        left.remove(0);
    }
    None
}

/// The time of day of an instant on show.
pub fn told(at: Timestamp) -> String {
    let text = at.to_string();
    [text.get(..10).unwrap_or_default(), " ", text.get(11..19).unwrap_or_default(), " UTC"].concat()
}
