//! The swarm as this page knows it, in reactive form.

use leptos::prelude::*;

use super::boot::Boot;
use super::link::{Phase, Return};
use super::meter::{Delays, Meter};
use super::play::{self, Next};
use crate::event::{Event, Timestamp};
use crate::swarm::{SwarmState, Touched};

/// The parts of the state that a view can depend on, in the order of [`Touched`]'s bits.
const PARTS: [Touched; 10] = [
    Touched::AGENTS,
    Touched::TASKS,
    Touched::MESSAGES,
    Touched::MEMORY,
    Touched::TOPOLOGY,
    Touched::PROVIDERS,
    Touched::SELFCHECKS,
    Touched::SESSIONS,
    Touched::TRADES,
    Touched::ACTIVITY,
];

/// How many agents the demo has.
const DEMO_AGENTS: usize = 24;

/// How much of the time in which nobody looked the demo plays after, in milliseconds. More (a machine
/// that slept) is left out: its events would hold the page up. A hidden page is woken once a minute.
const DEMO_CATCHES_UP: i64 = 90_000;

/// Hears each event when it was folded in.
pub type Tap = Box<dyn Fn(&Event) + Send + Sync>;

/// Why the demo plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemoWhy {
    /// There is no server, and nothing real to show.
    NoServer,
    /// A person asked for it.
    Asked,
}

/// What views read: the state, the connection, the clock. Copy; provided once as context.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    world: StoredValue<World>,
    /// Who hears events themselves: a view that needs more than the state tells.
    tap: StoredValue<Option<Tap>>,
    /// What is measured of the connection.
    meter: StoredValue<Meter>,
    /// Raised once a second when there are new measurements.
    pub measured: RwSignal<u64>,
    changed: [RwSignal<u64>; PARTS.len()],
    /// The time that ages and standings are told by. At first the server's at rendering, so that
    /// both sides render alike; the browser's from then on.
    pub now: RwSignal<Timestamp>,
    /// Until when what happened is known, where the server is away; none where it is not.
    heard_until: RwSignal<Option<Timestamp>>,
    /// How far this browser's clock is behind the server's, in milliseconds; 0 where it is near.
    pub behind: RwSignal<i64>,
    /// Whether the page lives: after hydration. What only a browser can say is shown from then on.
    pub awake: RwSignal<bool>,
    /// The place of the past that is shown; none while it is now.
    past: RwSignal<Option<u64>>,
    /// Why a place that was asked for is not shown; empty where nothing is wrong.
    pub past_fault: RwSignal<String>,
    /// The newest event that is known of, whatever is on show.
    pub head: RwSignal<u64>,
    /// How the page stands with its server.
    standing: RwSignal<Standing>,
    /// Raised by a view to ask for a connection at once.
    pub retry: RwSignal<u64>,
    /// Whether the server's own demo swarm is running.
    pub swarm_demo: RwSignal<bool>,
}

/// How the page stands with its server, in one signal: it changes seldom.
#[derive(Debug, Clone, PartialEq)]
struct Standing {
    phase: Phase,
    returned: Option<Return>,
    demo: Option<DemoWhy>,
}

struct World {
    real: SwarmState,
    /// The state as it was, where that is shown.
    past: Option<Box<SwarmState>>,
    /// How many instants of the past were gone to.
    leaps: u64,
    epoch: String,
    address: String,
    drivers: Vec<String>,
    feeds: Vec<String>,
    demo: Option<Box<Play>>,
}

struct Play {
    next: Next,
    /// Its own time: that of its last event.
    at: Timestamp,
    state: SwarmState,
}

impl Live {
    /// What a page begins with.
    pub fn new(boot: Boot) -> Self {
        // A page of the past begins without knowing the present.
        let (real, past) = match boot.at {
            Some(_) => (SwarmState::default(), Some(Box::new(boot.state))),
            None => (boot.state, None),
        };
        Self {
            past: RwSignal::new(boot.at),
            past_fault: RwSignal::new(boot.at_fault),
            head: RwSignal::new(boot.head),
            now: RwSignal::new(boot.now),
            heard_until: RwSignal::new(None),
            behind: RwSignal::new(0),
            swarm_demo: RwSignal::new(boot.demo_running),
            world: StoredValue::new(World {
                real,
                past,
                leaps: 0,
                epoch: boot.epoch,
                address: boot.address,
                drivers: boot.drivers,
                feeds: boot.feeds,
                demo: None,
            }),
            tap: StoredValue::new(None),
            meter: StoredValue::new(Meter::default()),
            measured: RwSignal::new(0),
            changed: std::array::from_fn(|_| RwSignal::new(0)),
            awake: RwSignal::new(false),
            standing: RwSignal::new(Standing { phase: Phase::Connecting, returned: None, demo: None }),
            retry: RwSignal::new(0),
        }
    }

    /// Reads the state on show, and depends on these parts of it.
    pub fn read<T>(&self, parts: Touched, read: impl FnOnce(&SwarmState) -> T) -> T {
        self.depend(parts);
        self.peek(read)
    }

    fn depend(&self, parts: Touched) {
        for (part, changed) in PARTS.iter().zip(&self.changed) {
            if parts.meets(*part) {
                changed.track();
            }
        }
    }

    /// Reads the state on show once.
    pub fn peek<T>(&self, read: impl FnOnce(&SwarmState) -> T) -> T {
        let (mut read, mut told) = (Some(read), None);
        self.look(&mut |state| told = read.take().map(|read| read(state)));
        told.expect("the state is looked at once")
    }

    /// The part of reading that is the same for all that is read.
    fn look(&self, look: &mut dyn FnMut(&SwarmState)) {
        self.world.with_value(|world| match (&world.past, &world.demo) {
            (Some(past), _) => look(past),
            (None, Some(play)) => look(&play.state),
            (None, None) => look(&world.real),
        });
    }

    /// Until when what happened is known: now, unless the server is away. Standings and rates are as
    /// of then; who is not heard of because the page hears nobody is not silent.
    pub fn known(&self) -> Timestamp {
        let now = self.now.get();
        match self.heard_until.get() {
            Some(until) if until < now && self.past().is_none() && self.demo().is_none() => until,
            _ => now,
        }
    }

    /// The server was heard until then and is away; none where it is not.
    pub fn hear_until(&self, until: Option<Timestamp>) {
        if self.heard_until.get_untracked() != until {
            self.heard_until.set(until);
        }
    }

    /// What runs sessions, by name.
    pub fn drivers(&self) -> Vec<String> {
        self.world.with_value(|world| world.drivers.clone())
    }

    /// The paper engine's feeds, by name.
    pub fn feeds(&self) -> Vec<String> {
        self.world.with_value(|world| world.feeds.clone())
    }

    /// How the connection stands.
    pub fn phase(&self) -> Phase {
        self.standing.with(|standing| standing.phase.clone())
    }

    /// Whether events arrive.
    pub fn is_live(&self) -> bool {
        self.standing.with(|standing| matches!(standing.phase, Phase::Live { .. }))
    }

    /// How the last return went.
    pub fn returned(&self) -> Option<Return> {
        self.standing.with(|standing| standing.returned)
    }

    /// Why the demo plays, while it does.
    pub fn demo(&self) -> Option<DemoWhy> {
        self.standing.with(|standing| standing.demo)
    }

    /// Whether the demo plays, asked once.
    pub fn is_demo(&self) -> bool {
        self.standing.with_untracked(|standing| standing.demo.is_some())
    }

    /// Delays from event to screen.
    pub fn delays(&self) -> Option<Delays> {
        self.meter(Meter::delays)
    }

    /// Takes over how the connection stands.
    pub fn stand(&self, phase: Phase, returned: Option<Return>) {
        self.standing.update(|standing| (standing.phase, standing.returned) = (phase, returned));
    }

    /// The last return was read.
    pub fn dismiss(&self) {
        self.standing.update(|standing| standing.returned = None);
    }

    /// Measures something.
    pub fn measure(&self, measure: impl FnOnce(&mut Meter)) {
        let mut measure = Some(measure);
        self.metered(&mut |meter| {
            if let Some(measure) = measure.take() {
                measure(meter);
            }
        });
    }

    /// The part of measuring that is the same for all that is measured.
    fn metered(&self, look: &mut dyn FnMut(&mut Meter)) {
        self.meter.update_value(|meter| look(meter));
    }

    /// The main thread's work for the newest frame, in milliseconds; none before the first.
    pub fn last_work(&self) -> Option<f64> {
        let mut told = None;
        self.metered(&mut |meter| told = meter.work.newest());
        told
    }

    /// Reads what was measured; it is read anew once a second.
    pub fn meter<T>(&self, read: impl FnOnce(&Meter) -> T) -> T {
        self.measured.track();
        let (mut read, mut told) = (Some(read), None);
        self.metered(&mut |meter| told = read.take().map(|read| read(meter)));
        told.expect("it is looked at once")
    }

    /// A second is over: what was measured in it counts.
    pub fn beat(&self, now: f64) {
        self.measure(|meter| meter.second(now));
        self.measured.update(|count| *count += 1);
    }

    /// Has events heard as they are folded in, by nobody else any more.
    pub fn listen(&self, tap: Option<Tap>) {
        self.tap.set_value(tap);
    }

    fn tell(&self, events: &[Event]) {
        self.tap.with_value(|tap| tap.iter().for_each(|tap| events.iter().for_each(tap)));
    }

    /// The address by which the page was asked for.
    pub fn address(&self) -> String {
        self.world.with_value(|world| world.address.clone())
    }

    /// Whether the real log has told this page anything.
    pub fn has_data(&self) -> bool {
        self.world.with_value(|world| !world.real.is_empty() || world.past.is_some())
    }

    /// The place of the past that is shown; none while it is now.
    pub fn past(&self) -> Option<u64> {
        self.past.get()
    }

    /// Whether the past is shown, asked once.
    pub fn is_past(&self) -> bool {
        self.past.with_untracked(Option::is_some)
    }

    /// How many instants of the past were gone to, asked once: between two of them nothing goes on.
    pub fn leaps(&self) -> u64 {
        self.world.with_value(|world| world.leaps)
    }

    /// Shows the state as it was. What arrives meanwhile is folded and not shown. Gives the past that was
    /// on show before: letting go of it takes as long as drawing.
    pub fn show_past(&self, state: SwarmState) -> Option<Box<SwarmState>> {
        let (seq, then) = (state.seq, state.as_of);
        let former = self.world.try_update_value(|world| {
            world.leaps += 1;
            world.past.replace(Box::new(state))
        });
        self.past.set(Some(seq));
        self.past_fault.set(String::new());
        self.now.set(then);
        self.notify(Touched::ALL);
        former.flatten()
    }

    /// Shows what is now.
    pub fn leave_past(&self, now: Timestamp) {
        if !self.is_past() {
            return;
        }
        self.world.update_value(|world| world.past = None);
        self.past.set(None);
        self.now.set(now);
        self.show(Touched::ALL);
    }

    /// Changes the state of the past that is shown, in place: for going on in it.
    pub fn go_on(&self, events: &[Event]) {
        let touched = self.world.try_update_value(|world| {
            let past = world.past.as_mut()?;
            let touched = events.iter().fold(Touched::NONE, |touched, event| touched.and(past.fold(event)));
            Some((touched, past.seq, past.as_of))
        });
        let Some(Some((touched, seq, then))) = touched else { return };
        self.past.set(Some(seq));
        self.now.set(then);
        self.tell(events);
        self.notify(touched);
    }

    /// The last real event's seq, and the log it is of.
    pub fn position(&self) -> (String, u64) {
        self.world.with_value(|world| (world.epoch.clone(), world.real.seq))
    }

    /// Folds real events in. The first ends the demo: real and made-up data never mix.
    pub fn fold(&self, events: &[Event]) {
        let touched = self
            .world
            .try_update_value(|world| events.iter().fold(Touched::NONE, |touched, event| touched.and(world.real.fold(event))));
        if let Some(newest) = events.last() {
            self.end_demo();
            self.head.set(newest.seq);
        }
        // In the past nothing of this is on show: whoever listens hears of what is.
        if !self.is_past() {
            self.tell(events);
        }
        self.show(touched.unwrap_or(Touched::NONE));
    }

    /// Takes a snapshot in place of what was known.
    pub fn replace(&self, epoch: String, state: SwarmState) {
        let empty = state.is_empty();
        self.head.set(state.seq);
        self.world.update_value(|world| {
            world.real = state;
            world.epoch = epoch;
        });
        if !empty {
            self.end_demo();
        }
        self.show(Touched::ALL);
    }

    /// Begins the demo, from a seed.
    pub fn begin_demo(&self, why: DemoWhy, seed: u64, now: Timestamp) {
        if self.is_demo() {
            return;
        }
        // The play begins a little ago, so that there is something to see at once.
        let at = Timestamp(now.0 - 45_000);
        let Some(next) = play::begin(seed, DEMO_AGENTS, at) else {
            let live = *self;
            return leptos::task::spawn_local(async move {
                if play::fetch().await {
                    live.begin_demo(why, seed, now);
                }
            });
        };
        self.world.update_value(|world| world.demo = Some(Box::new(Play { next, at, state: SwarmState::default() })));
        self.standing.update(|standing| standing.demo = Some(why));
        self.play(now);
        self.notify(Touched::ALL);
    }

    /// Plays the demo up to `now`. Where the clock leapt, on or back, the demo leaps with it.
    pub fn play(&self, now: Timestamp) {
        let mut told = Vec::new();
        let touched = self.world.try_update_value(|world| {
            let Some(play) = &mut world.demo else { return Touched::NONE };
            let mut touched = Touched::NONE;
            let leapt = (now.0 - play.at.0).abs() > DEMO_CATCHES_UP;
            let mut leap = leapt.then_some(now);
            while leap.is_some() || play.at < now {
                let draft = (play.next)(leap.take());
                play.at = draft.ts.unwrap_or(now);
                let event = draft.into_event(play.state.seq + 1, now);
                touched = touched.and(play.state.fold(&event));
                told.push(event);
            }
            touched
        });
        self.tell(&told);
        self.notify(touched.unwrap_or(Touched::NONE));
    }

    /// Ends the demo and shows what is real.
    pub fn end_demo(&self) {
        if !self.is_demo() {
            return;
        }
        self.world.update_value(|world| world.demo = None);
        self.standing.update(|standing| standing.demo = None);
        self.notify(Touched::ALL);
    }

    /// Says what changed now, where that is on show.
    fn show(&self, touched: Touched) {
        if !self.is_past() {
            self.notify(touched);
        }
    }

    fn notify(&self, touched: Touched) {
        for (part, changed) in PARTS.iter().zip(&self.changed) {
            if touched.meets(*part) {
                changed.update(|count| *count += 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playing(at: Timestamp) -> Live {
        let live = Live::new(Boot { now: at, ..Boot::empty() });
        live.begin_demo(DemoWhy::Asked, 1, at);
        live
    }

    #[test]
    fn while_the_server_is_away_nothing_is_known_anew() {
        let owner = Owner::new();
        owner.set();
        let live = Live::new(Boot { now: Timestamp(50_000), ..Boot::empty() });
        assert_eq!(live.known(), Timestamp(50_000));
        live.hear_until(Some(Timestamp(40_000)));
        assert_eq!(live.known(), Timestamp(40_000));
        let _none = live.show_past(SwarmState { as_of: Timestamp(70_000), ..SwarmState::default() });
        assert_eq!(live.known(), Timestamp(70_000), "the past is known");
        live.leave_past(Timestamp(90_000));
        assert_eq!(live.known(), Timestamp(40_000));
        live.hear_until(None);
        assert_eq!(live.known(), Timestamp(90_000));
    }

    #[test]
    fn the_demo_leaps_where_the_clock_leapt() {
        let owner = Owner::new();
        owner.set();
        let mut now = Timestamp(1_769_509_293_000);
        let live = playing(now);
        let told = || live.peek(|state| state.seq);
        let begun = told();
        assert!(begun > 100);
        now.0 += 60_000;
        live.play(now);
        let minute = told() - begun;
        assert!(minute > 1_000, "a minute unseen is played after: {minute}");
        // The machine slept for eight hours.
        now.0 += 8 * 3_600_000;
        let before = told();
        live.play(now);
        assert!(told() - before < 10, "a night is not");
        now.0 += 1_000;
        let before = told();
        live.play(now);
        assert!((10..200).contains(&(told() - before)), "it goes on at its own pace");
        assert!((now.0 - live.peek(|state| state.as_of).0).abs() < 200);
        // The clock was set back.
        now.0 -= 24 * 3_600_000;
        live.play(now);
        now.0 += 1_000;
        let before = told();
        live.play(now);
        assert!((10..200).contains(&(told() - before)), "it does not stand still");
    }
}
