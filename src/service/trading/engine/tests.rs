//! Whole runs, folded as the hub folds them: the same each time, cut off anywhere, within all bounds.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::super::ended;
use super::*;
use crate::event::trade::TradeRunStarted;
use crate::event::wire::{from_text, to_text};
use crate::event::{Body, Event};
use crate::swarm::{SwarmState, hash};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Folds what follows from a decision; its payloads.
fn store(state: &mut SwarmState, events: Vec<TradeEvent>) -> Vec<String> {
    let mut payloads = Vec::new();
    for draft in drafts(events) {
        let event = draft.into_event(state.seq + 1, NOW);
        // As it comes back from the log.
        let event: Event = from_text(&event.to_json()).unwrap();
        let mut text = format!("{} {} ", event.kind(), event.entity_id());
        event.body.write(&mut text);
        payloads.push(text);
        state.fold(&event);
    }
    payloads
}

fn start(state: &mut SwarmState, feed: &Feed, seed: u64) -> Vec<String> {
    let started = TradeRunStarted {
        feed: feed.name.clone(),
        digest: feed.digest.clone(),
        seed,
        speed: 1.0,
        balance: TradingConfig::default().start_balance,
        lines: feed.lines.len() as u64,
        skipped: feed.skipped,
        faults: feed.faults.clone(),
        extra: Map::new(),
    };
    store(state, vec![TradeEvent::RunStarted(started)])
}

/// Works off the lines after what is folded, `most` of them; their payloads.
fn work_off(state: &mut SwarmState, feed: &Feed, most: usize) -> Vec<String> {
    let config = TradingConfig::default();
    let run = state.trades.run.clone().unwrap();
    let mut payloads = Vec::new();
    for line in feed.lines.iter().skip(feed.index_after(run.line)).take(most) {
        let events = step(&state.trades.account, &config, run.seed, feed, line);
        payloads.extend(store(state, events));
        check(state, &config);
    }
    payloads
}

/// What holds at any time.
fn check(state: &SwarmState, config: &TradingConfig) {
    let account = &state.trades.account;
    let balance = account.balance.unwrap();
    assert!(balance >= 0.0);
    assert!(account.positions.len() as u64 <= rules::MAX_OPEN);
    let cost: f64 = account.positions.values().map(|position| position.cost).sum();
    let spent = config.start_balance + account.realized - state.trades.bought_back - cost;
    assert!((balance - spent).abs() < 1e-6, "{balance} is not {spent}");
}

fn play(feed: &Feed, seed: u64) -> (SwarmState, Vec<String>) {
    let mut state = SwarmState::default();
    let mut payloads = start(&mut state, feed, seed);
    payloads.extend(work_off(&mut state, feed, usize::MAX));
    (state, payloads)
}

#[test]
fn the_sample_shows_everything() {
    let (state, payloads) = play(&Feed::sample(), 1);
    let all = payloads.join("\n");
    for words in [
        "the mint authority is active",
        "the freeze authority is active",
        "a permanent delegate may move",
        "a transfer hook runs",
        "the transfer fee of 250 bps is over 100 bps",
        "the top holder's share of 45.5 % is over 30 %",
        "the top ten holders' share of 62.4 % is over 50 %",
        "the only risk is minor, which makes the size × 0.8",
        "which makes the size × 1.1",
        "which makes the size × 1.25",
        "the size of 3 is cut to the cap of 2.5",
        "the liquidity of 8.5 is under the minimum of 20",
        "it is held already",
        "5 positions are open, and 5 is the most",
        "20 trades were made today, and 20 is the most",
        "the circuit breaker stops buying until 2026-01-28T00:00:00.000Z: a loss of 5.18",
        "the circuit breaker stops buying until 2026-01-29T00:00:00.000Z: 3 losses in a row",
        "% under the entry, and the stop is at 10 %",
        "% over the entry, and the target is at 30 %",
        "trade.buyback_triggered",
        "trade.price_changed",
    ] {
        assert!(all.contains(words), "nothing says {words:?}");
    }
    let statistics = state.trades.statistics(NOW);
    assert_eq!((statistics.today_trades, statistics.open_positions), (23, 2));
    assert_eq!((state.trades.account.wins, state.trades.account.losses), (10, 9));
    assert!(statistics.unrealized > 0.0 && statistics.realized < 0.0 && statistics.daily > 0.0);
    let signatures: BTreeSet<&str> = payloads.iter().filter_map(|it| it.split("\"sim-").nth(1)?.get(..32)).collect();
    assert_eq!(signatures.len() as u64, state.trades.account.sequence);
}

#[test]
fn the_events_of_a_candidate_and_of_a_sale_come_in_order() {
    let (_, payloads) = play(&Feed::sample(), 1);
    let kinds: Vec<(&str, &str)> =
        payloads.iter().map(|text| (text.split(' ').next().unwrap(), text.split(' ').nth(1).unwrap())).collect();
    for (index, (kind, mint)) in kinds.iter().enumerate() {
        let next = |ahead: usize| kinds.get(index + ahead).copied();
        match *kind {
            "trade.analysis_started" => {
                assert_eq!(next(1), Some(("trade.safety_checked", *mint)));
                assert_eq!(next(2), Some(("trade.smart_money_checked", *mint)));
                assert_eq!(next(3), Some(("trade.decided", *mint)));
                let trades = payloads[index + 3].contains("\"should_trade\":true");
                assert_eq!(next(4) == Some(("trade.executed", *mint)), trades);
            }
            "trade.buyback_triggered" => assert_eq!(kinds[index - 1], ("trade.executed", *mint)),
            "trade.executed" => assert_eq!(kinds[index - 1], ("trade.decided", *mint)),
            _ => {}
        }
    }
}

#[test]
fn the_seed_is_in_the_signatures_only() {
    let without = |payloads: Vec<String>| -> Vec<String> {
        payloads.iter().skip(1).map(|text| text.split("\"sim-").map(|part| part.get(32..).unwrap_or(part)).collect()).collect()
    };
    let (one, two) = (play(&Feed::sample(), 1).1, play(&Feed::sample(), 2).1);
    assert_ne!(one, two);
    assert_eq!(without(one), without(two));
}

#[test]
fn the_breaker_and_the_counters_of_a_day_end_with_it() {
    let (mut state, feed) = (SwarmState::default(), Feed::sample());
    start(&mut state, &feed, 1);
    let midnight = Timestamp::parse("2026-01-28T00:00:00Z").unwrap();
    let before = feed.lines.iter().filter(|line| feed.place(line).at < midnight).count();
    work_off(&mut state, &feed, before);
    let account = &state.trades.account;
    assert_eq!(account.breaker.as_ref().map(|breaker| breaker.until), Some(midnight));
    assert!(account.breaker(Timestamp(midnight.0 - 1), true).is_some() && account.breaker(midnight, true).is_none());
    assert_eq!(account.today(midnight, true), Today::default());
    // The last lines of the day, which nothing came of, are worked off again: nothing comes of them.
    let next = feed.lines.iter().skip(before).position(|line| matches!(line.fact, Fact::Candidate(_))).unwrap() + before;
    let first = next + 1 - feed.index_after(state.trades.run.as_ref().unwrap().line);
    let payloads = work_off(&mut state, &feed, first);
    assert!(payloads.iter().any(|text| text.starts_with("trade.executed") && text.contains("\"BUY\"")), "{payloads:?}");
    assert_eq!(state.trades.account.breaker, None);
}

#[test]
fn a_run_ends_once_and_the_next_begins_anew() {
    let (mut state, _) = play(&Feed::sample(), 1);
    assert!(state.trades.running().is_some());
    store(&mut state, vec![ended("finished")]);
    store(&mut state, vec![ended("stopped")]);
    assert_eq!(state.trades.run.as_ref().unwrap().ended.as_deref(), Some("finished"));
    assert_eq!(state.trades.account.positions.len(), 2, "the account stays");
    start(&mut state, &Feed::sample(), 1);
    let fresh = Account { balance: Some(50.0), ..Account::default() };
    assert_eq!(state.trades.account, fresh);
    assert!(state.trades.executed.len() == 40, "what was traded stays told");
}

/// What other agents report does not touch run and account.
#[test]
fn foreign_trades_are_listed_only() {
    let (mut state, _) = play(&Feed::sample(), 1);
    let (account, run) = (state.trades.account.clone(), state.trades.run.clone());
    for mut draft in drafts(vec![ended("by somebody")]) {
        "demo".clone_into(&mut draft.source);
        state.fold(&draft.into_event(state.seq + 1, NOW));
    }
    let foreign = json!({"type": "trade.executed", "entity": "trade:X",
        "payload": {"mint": "X", "side": "SELL", "signature": "real", "amount": 9, "profit": -9, "balance": 1}});
    let draft = Draft::read(foreign, &crate::event::wire::At::Root("event")).unwrap();
    assert!(matches!(draft.body, Body::Trade(_)));
    state.fold(&draft.into_event(state.seq + 1, NOW));
    assert_eq!((&state.trades.account, &state.trades.run), (&account, &run));
    assert_eq!(state.trades.executed.back().unwrap().signature, "real");
}

/// A line of a made-up feed: how much later, whether a candidate, which token, how much of its
/// price, and what is wrong with it.
type Made = (u64, bool, u8, u16, u8);

fn feed_of(made: &[Made]) -> Feed {
    let mut at_ms = 0;
    let lines = made.iter().map(|(later, candidate, token, share, wrong)| {
        at_ms += later;
        let (mint, price) = (format!("M{token}"), f64::from(*share) / 1_000.0);
        if !candidate {
            return json!({"type": "price", "at_ms": at_ms, "mint": mint, "price": price}).to_string();
        }
        let wallet = json!({"address": "W", "trades": 60, "win_rate": 70, "profit": 60, "return_percent": 110});
        json!({"type": "candidate", "at_ms": at_ms, "mint": mint, "price": price,
            "liquidity": if *wrong == 1 { 5 } else { 50 },
            "extensions": {"mutable_metadata": *wrong == 2, "transfer_hook": *wrong == 3},
            "holders": {"top_percent": 10, "top_ten_percent": 20},
            "wallets": vec![wallet; usize::from(*wrong)]})
        .to_string()
    });
    let text: Vec<String> = lines.collect();
    Feed::read("made", &text.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// One feed and one seed give the same payloads, also where a run is cut off after any line and
    /// goes on from a state that was written and read back.
    #[test]
    fn runs_are_repeatable_and_may_be_cut_off_anywhere(
        made in proptest::collection::vec((0_u64..4_000_000, prop::bool::weighted(0.35), 0_u8..9, 500_u16..1_600, 0_u8..7), 1..160),
        seed in any::<u64>(),
        cut in 0_usize..160,
    ) {
        let feed = feed_of(&made);
        prop_assert_eq!(feed.skipped, 0);
        let (whole, payloads) = play(&feed, seed);
        prop_assert_eq!(&play(&feed, seed).1, &payloads);

        let mut state = SwarmState::default();
        let mut pieces = start(&mut state, &feed, seed);
        pieces.extend(work_off(&mut state, &feed, cut));
        let mut state: SwarmState = from_text(&to_text(&state)).unwrap();
        pieces.extend(work_off(&mut state, &feed, usize::MAX));
        prop_assert_eq!(pieces, payloads);
        prop_assert_eq!(hash(&state), hash(&whole));
    }
}
