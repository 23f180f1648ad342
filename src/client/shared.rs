//! One connection for all tabs of a browser: who answers what, which frames follow, who rides.
//! Decided here, without a browser.
//!
//! One tab *carries*: its socket is the real one, and it posts what it hears on a channel. The others
//! *ride*: they join with their place in the log, are told what followed it, and hear the channel from
//! then on. A tab that gets no answer has a socket of its own. Nothing here is trusted to be complete:
//! the runner still closes what has a hole, and its cursor asks for the rest.

mod word;

use std::collections::VecDeque;

pub use self::word::{Hello, PART, Word, word};

/// How many of the newest events the carrier keeps for who joins; one whose place is before them is
/// sent to the server.
const EVENTS: u64 = 4_096;
/// How many bytes of them, as the browser counts characters.
const BYTES: usize = 4 << 20;
/// How long a rider waits for an answer before it opens a socket of its own, in milliseconds.
const ANSWER_MS: f64 = 400.0;
/// How often a rider says that it is here, in milliseconds. Said when a frame comes: timers of a tab
/// that nobody sees are slow, and heartbeats come to it all the same.
const HERE_MS: f64 = 20_000.0;
/// A rider that said nothing for so long is gone, in milliseconds.
const GONE_MS: f64 = 180_000.0;

/// How the carrier's own connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It brings the events of this log.
    Live(&'a str),
    /// It is being made.
    Opening,
    /// There is none, and why.
    Away(&'a str),
}

/// What the carrier knows of its riders, and the newest events; `T` is the text of some that came
/// together, wherever that is.
#[derive(Debug)]
pub struct Carrier<T> {
    /// Without a hole: the last event of each text, its bytes, and the text.
    kept: VecDeque<(u64, usize, T)>,
    /// The event before the first of them.
    before: u64,
    newest: u64,
    bytes: usize,
    /// Who rides, and when each was heard last.
    riders: Vec<(String, f64)>,
}

impl<T> Carrier<T> {
    /// A tab that has everything up to this event begins to carry.
    pub fn new(newest: u64) -> Self {
        Self { kept: VecDeque::new(), before: newest, newest, bytes: 0, riders: Vec::new() }
    }

    /// Events were heard, from one to another.
    pub fn hear(&mut self, (first, last): (u64, u64), bytes: usize, text: T) {
        if last <= self.newest {
            // They come twice where a connection was made anew.
            return;
        }
        if first > self.newest + 1 {
            self.begin(first - 1);
        }
        self.newest = last;
        self.kept.push_back((last, bytes, text));
        self.bytes += bytes;
        while self.newest - self.before > EVENTS || self.bytes > BYTES {
            let Some((last, bytes, _)) = self.kept.pop_front() else { break };
            self.bytes -= bytes;
            self.before = last;
        }
    }

    /// The whole state is known anew, at this event: what came before leads nowhere.
    pub fn begin(&mut self, newest: u64) {
        self.kept.clear();
        (self.before, self.newest, self.bytes) = (newest, newest, 0);
    }

    /// Answers one that wants to join at a place: with a word, or, where there is none, with a hello and
    /// the [`frames`](Self::frames) after the place.
    pub fn answer(&mut self, now: f64, standing: Standing<'_>, id: &str, epoch: &str, seq: u64) -> Option<String> {
        Some(match standing {
            Standing::Live(own) if own == epoch && seq >= self.before => {
                self.riders.push((id.to_owned(), now));
                return None;
            }
            Standing::Live(_) => word(&["far", id]),
            Standing::Opening => word(&["wait", id]),
            Standing::Away(cause) => word(&["away", cause]),
        })
    }

    /// The texts of what came after a place that was not answered with a word. None, for one that is
    /// ahead. The first may tell of events before it, too.
    pub fn frames(&self, seq: u64) -> impl Iterator<Item = &T> {
        self.kept.iter().skip_while(move |(last, ..)| *last <= seq).map(|(.., text)| text)
    }

    /// A rider said that it is there.
    pub fn here(&mut self, now: f64, id: &str) {
        self.riders.iter_mut().filter(|(rider, _)| rider == id).for_each(|(_, heard)| *heard = now);
    }

    /// A rider goes.
    pub fn leave(&mut self, id: &str) {
        self.riders.retain(|(rider, _)| rider != id);
    }

    /// All riders were sent off: those that are there join again.
    pub fn send_off(&mut self) {
        self.riders.clear();
    }

    /// Whether anybody hears what is posted. Who was not heard for long is not counted any more.
    pub fn carries(&mut self, now: f64) -> bool {
        self.riders.retain(|(_, heard)| now - heard < GONE_MS);
        !self.riders.is_empty()
    }
}

/// How a tab that does not carry hears the stream.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ride {
    /// Not at all.
    Not,
    /// It joined at this time and has no answer.
    Asked(f64),
    /// It joined, and the carrier is connecting.
    Waits,
    /// Through the carrier.
    Rides,
    /// Through a socket of its own.
    Own,
}

/// What a rider does at a word.
#[derive(Debug, Clone)]
pub enum Do<'a> {
    /// Nothing.
    Nothing,
    /// Take the frame.
    Hear,
    /// Begin to ride.
    Ride(Hello<'a>),
    /// Open a socket of its own.
    Open,
    /// The connection is over, and why.
    Close(&'a str),
    /// Join, now.
    Join,
    /// End the wait for the next attempt.
    Retry,
}

/// The decisions of a tab that does not carry.
#[derive(Debug)]
pub struct Rider {
    /// Its name, which no other tab has.
    tab: String,
    /// Counts joinings, so that a late answer to a former one is passed over.
    joins: u64,
    ride: Ride,
    /// When it said last that it is here.
    said: f64,
}

impl Rider {
    /// A tab of this name.
    pub fn new(tab: String) -> Self {
        Self { tab, joins: 0, ride: Ride::Not, said: 0.0 }
    }

    fn id(&self) -> String {
        [&self.tab, ".", &self.joins.to_string()].concat()
    }

    /// Whether it rides or waits for that.
    pub fn has_joined(&self) -> bool {
        matches!(self.ride, Ride::Asked(_) | Ride::Waits | Ride::Rides)
    }

    /// It joins at this place: the word. One with a socket of its own keeps that until it is answered.
    pub fn join(&mut self, now: f64, epoch: &str, seq: u64) -> String {
        if self.ride != Ride::Own {
            self.ride = Ride::Asked(now);
        }
        self.joins += 1;
        word(&["join", &self.id(), epoch, &seq.to_string()])
    }

    /// It rides no more; it may have a socket of its own from now on. The word that says so, where
    /// somebody may think otherwise.
    pub fn leave(&mut self, own: bool) -> Option<String> {
        let word = self.has_joined().then(|| word(&["leave", &self.id()]));
        self.ride = if own { Ride::Own } else { Ride::Not };
        // An answer that is on its way is too late.
        self.joins += 1;
        word
    }

    /// Whether nobody answered in time.
    pub fn is_late(&self, now: f64) -> bool {
        matches!(self.ride, Ride::Asked(since) if now - since > ANSWER_MS)
    }

    /// A frame came: the word that says that it is here, where it is time for that.
    pub fn sign(&mut self, now: f64) -> Option<String> {
        (self.ride == Ride::Rides && now - self.said > HERE_MS).then(|| {
            self.said = now;
            word(&["here", &self.id()])
        })
    }

    /// What it does at a word.
    pub fn hear<'a>(&mut self, now: f64, word: Word<'a>) -> Do<'a> {
        match (word, self.ride) {
            (Word::Frame, Ride::Rides) => Do::Hear,
            (Word::Hello(hello), Ride::Asked(_) | Ride::Waits | Ride::Own) if hello.id == self.id() => {
                self.ride = Ride::Rides;
                self.said = now;
                Do::Ride(hello)
            }
            (Word::Far(id), Ride::Asked(_) | Ride::Waits) if id == self.id() => Do::Open,
            (Word::Wait(id), Ride::Asked(_)) if id == self.id() => {
                self.ride = Ride::Waits;
                Do::Nothing
            }
            (Word::Away(cause), Ride::Asked(_) | Ride::Waits | Ride::Rides) => Do::Close(cause),
            (Word::Live, Ride::Not) => Do::Retry,
            (Word::Live, _) => Do::Join,
            _ => Do::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a rider hears of a carrier's answer, as the glue puts it together.
    fn answered(carrier: &mut Carrier<String>, now: f64, standing: Standing<'_>, said: &str) -> String {
        let Some(Word::Join { id, epoch, seq }) = Word::read(said) else { panic!("{said} joins") };
        carrier.answer(now, standing, id, epoch, seq).unwrap_or_else(|| {
            let behind = (-7i64 as u64).to_string();
            let mut parts = vec!["hello", id, "900", "15000", &behind];
            parts.extend(carrier.frames(seq).map(String::as_str));
            word(&parts)
        })
    }

    fn did(rider: &mut Rider, now: f64, said: &str) -> String {
        match rider.hear(now, Word::read(said).unwrap()) {
            Do::Ride(hello) => hello.frames.collect::<Vec<_>>().join(" "),
            it => format!("{it:?}"),
        }
    }

    fn frame(seq: u64) -> String {
        format!("{{{seq}}}")
    }

    fn carrying(events: std::ops::RangeInclusive<u64>) -> Carrier<String> {
        let mut carrier = Carrier::new(events.start() - 1);
        events.for_each(|seq| carrier.hear((seq, seq), 100, frame(seq)));
        carrier
    }

    #[test]
    fn a_rider_is_told_what_followed_its_place() {
        let mut carrier = carrying(11..=20);
        let mut rider = Rider::new("r".to_owned());
        for (seq, expected) in
            [(17, "{18} {19} {20}"), (20, ""), (25, ""), (10, "{11} {12} {13} {14} {15} {16} {17} {18} {19} {20}")]
        {
            let asked = rider.join(0.0, "e", seq);
            let said = answered(&mut carrier, 0.0, Standing::Live("e"), &asked);
            assert_eq!(did(&mut rider, 0.0, &said), expected);
        }
        assert!(carrier.carries(0.0));
    }

    #[test]
    fn one_from_afar_goes_to_the_server() {
        let mut carrier = carrying(11..=20);
        let mut rider = Rider::new("r".to_owned());
        for (epoch, seq) in [("e", 9), ("another", 20)] {
            let asked = rider.join(0.0, epoch, seq);
            let said = answered(&mut carrier, 0.0, Standing::Live("e"), &asked);
            assert_eq!(did(&mut rider, 0.0, &said), "Open");
        }
        assert!(!carrier.carries(0.0), "nobody is taken in");
    }

    #[test]
    fn only_the_newest_is_kept() {
        let mut carrier = carrying(1..=EVENTS + 100);
        assert_eq!(carrier.frames(100).count() as u64, EVENTS);
        assert!(carrier.answer(0.0, Standing::Live("e"), "r", "e", 99).is_some());
        // Large ones push out many.
        let newest = EVENTS + 101;
        carrier.hear((newest, newest), BYTES, frame(newest));
        assert_eq!(carrier.frames(newest - 1).collect::<Vec<_>>(), [&frame(newest)]);
        carrier.hear((newest + 1, newest + 1), BYTES + 1, frame(newest + 1));
        assert_eq!(carrier.frames(newest + 1).count(), 0, "one that is too large is not kept at all");
        assert!(carrier.answer(0.0, Standing::Live("e"), "r", "e", newest).is_some());
        carrier.hear((newest + 2, newest + 2), 1, frame(newest + 2));
        assert_eq!(carrier.frames(newest + 1).count(), 1);
    }

    #[test]
    fn what_comes_twice_is_kept_once_and_a_hole_begins_anew() {
        let mut carrier = carrying(1..=5);
        (3..=7).for_each(|seq| carrier.hear((seq, seq), 1, frame(seq)));
        assert_eq!(carrier.frames(4).collect::<Vec<_>>(), [&frame(5), &frame(6), &frame(7)]);
        carrier.hear((20, 20), 1, frame(20));
        assert!(carrier.answer(0.0, Standing::Live("e"), "r", "e", 7).is_some());
        assert_eq!(carrier.frames(19).count(), 1);
        carrier.hear((21, 24), 1, frame(24));
        assert_eq!(carrier.frames(22).collect::<Vec<_>>(), [&frame(24)], "a text is kept whole");
        carrier.begin(40);
        assert!(carrier.answer(0.0, Standing::Live("e"), "r", "e", 20).is_some());
        assert!(carrier.answer(0.0, Standing::Live("e"), "r", "e", 40).is_none());
    }

    #[test]
    fn whoever_joins_whenever_has_each_event_once() {
        let mut carrier = Carrier::new(0);
        // What is on the channel, in its order; each rider hears it from where it joined.
        let mut channel: Vec<String> = Vec::new();
        let mut riders: Vec<(Rider, u64, usize, usize)> = Vec::new();
        // One to five events come together.
        let mut next = 1;
        while next <= 300u64 {
            let (seq, last) = (next, (next + next % 5).min(300));
            next = last + 1;
            if seq % 3 == 0 && seq < 290 {
                // Rendered a moment ago, up to an event that the carrier may not have heard yet.
                let place = (seq + 3).saturating_sub(seq % 11);
                let mut rider = Rider::new(seq.to_string());
                let asked = rider.join(0.0, "e", place);
                // It hears frames for others before it is answered.
                channel.push(answered(&mut carrier, 0.0, Standing::Live("e"), &asked));
                riders.push((rider, place, channel.len() - 1, 0));
            }
            let text = (seq..=last).map(frame).collect::<Vec<_>>().join("\n");
            carrier.hear((seq, last), 10, text.clone());
            if carrier.carries(0.0) {
                channel.push(text);
            }
        }
        assert!(riders.len() > 20);
        for (rider, newest, from, heard) in &mut riders {
            let mut hear = |text: &str| {
                for line in text.split('\n') {
                    let seq: u64 = line[1..line.len() - 1].parse().unwrap();
                    assert!(seq <= *newest + 1, "a hole before {seq}");
                    if seq == *newest + 1 {
                        (*newest, *heard) = (seq, *heard + 1);
                    }
                }
            };
            for said in &channel[*from..] {
                match rider.hear(0.0, Word::read(said).unwrap()) {
                    Do::Ride(hello) => hello.frames.for_each(&mut hear),
                    Do::Hear => hear(said),
                    Do::Nothing => {}
                    it => panic!("{it:?}"),
                }
            }
            assert_eq!(*newest, 300);
            assert!(*heard > 0);
        }
    }

    #[test]
    fn a_rider_that_is_silent_is_not_counted() {
        let mut carrier = carrying(1..=1);
        for id in ["a", "b"] {
            assert!(carrier.answer(0.0, Standing::Live("e"), id, "e", 1).is_none());
        }
        carrier.here(100_000.0, "b");
        assert!(carrier.carries(200_000.0));
        carrier.here(200_000.0, "a");
        assert!(!carrier.carries(GONE_MS + 100_000.0), "the other was gone already");
        assert!(carrier.answer(0.0, Standing::Live("e"), "c", "e", 1).is_none());
        carrier.leave("c");
        assert!(!carrier.carries(0.0));
    }

    #[test]
    fn a_rider_says_that_it_is_there_now_and_then() {
        let mut rider = Rider::new("r".to_owned());
        assert_eq!(rider.sign(90_000.0), None, "it does not ride");
        let asked = rider.join(100_000.0, "e", 1);
        did(&mut rider, 100_000.0, &answered(&mut carrying(1..=1), 0.0, Standing::Live("e"), &asked));
        assert_eq!(rider.sign(110_000.0), None);
        assert_eq!(rider.sign(121_000.0), Some(word(&["here", "r.1"])));
        assert_eq!(rider.sign(122_000.0), None);
    }

    #[test]
    fn without_an_answer_it_opens_its_own() {
        let mut rider = Rider::new("r".to_owned());
        assert!(!rider.is_late(1_000.0));
        let asked = rider.join(1_000.0, "e", 1);
        assert!(!rider.is_late(1_300.0));
        assert!(rider.is_late(1_401.0));
        assert!(rider.leave(true).is_some(), "an answer that is under way takes nobody in");
        assert!(!rider.is_late(9_000.0));
        let late = answered(&mut carrying(1..=1), 0.0, Standing::Live("e"), &asked);
        assert_eq!(did(&mut rider, 1_500.0, &late), "Nothing");
        assert_eq!(did(&mut rider, 1_500.0, "{1}"), "Nothing", "its own socket brings it");
        assert_eq!(did(&mut rider, 1_500.0, &word(&["away", "gone"])), "Nothing");
    }

    #[test]
    fn one_with_its_own_may_ride_later() {
        let mut rider = Rider::new("r".to_owned());
        rider.leave(true);
        let asked = rider.join(5_000.0, "e", 2);
        assert!(!rider.has_joined() && !rider.is_late(9_000.0), "it has its own until it is answered");
        let far = answered(&mut carrying(10..=10), 0.0, Standing::Live("e"), &asked);
        assert_eq!(did(&mut rider, 5_000.0, &far), "Nothing");
        let asked = rider.join(20_000.0, "e", 2);
        assert_eq!(did(&mut rider, 20_000.0, &answered(&mut carrying(1..=3), 0.0, Standing::Live("e"), &asked)), "{3}");
        assert!(rider.has_joined());
    }

    #[test]
    fn while_the_carrier_has_no_connection_its_riders_have_none() {
        let mut carrier = carrying(1..=3);
        let mut rider = Rider::new("r".to_owned());
        let asked = rider.join(0.0, "e", 3);
        assert_eq!(did(&mut rider, 0.0, &answered(&mut carrier, 0.0, Standing::Opening, &asked)), "Nothing");
        assert!(!rider.is_late(5_000.0), "it knows that somebody is at it");
        assert_eq!(did(&mut rider, 5_000.0, "live"), "Join");
        let asked = rider.join(5_000.0, "e", 3);
        assert_eq!(
            did(&mut rider, 5_000.0, &answered(&mut carrier, 0.0, Standing::Away("it is gone"), &asked)),
            "Close(\"it is gone\")"
        );
        assert!(rider.leave(false).is_some());
        assert_eq!(did(&mut rider, 5_000.0, &word(&["away", "it is gone"])), "Nothing", "it was told");
        assert_eq!(did(&mut rider, 5_000.0, "live"), "Retry");
        let asked = rider.join(6_000.0, "e", 3);
        assert_eq!(did(&mut rider, 6_000.0, &answered(&mut carrier, 0.0, Standing::Live("e"), &asked)), "");
        carrier.send_off();
        assert!(!carrier.carries(0.0));
        assert_eq!(did(&mut rider, 6_000.0, "live"), "Join", "another tab carries from now on");
    }

    #[test]
    fn words_for_others_are_passed_over() {
        let mut rider = Rider::new("r".to_owned());
        rider.join(0.0, "e", 1);
        for said in
            ["far\u{1e}s.1", "wait\u{1e}s.1", "hello\u{1e}r.2\u{1e}1\u{1e}1\u{1e}0", "{1}", "here\u{1e}s.1", "leave\u{1e}s.1"]
        {
            assert_eq!(did(&mut rider, 0.0, said), "Nothing", "{said:?}");
        }
        assert!(rider.is_late(500.0));
    }
}
