//! Every rule by table, at its number, just under and just over it.

use super::super::feed::{Fact, Feed};
use super::*;

fn candidate(change: impl FnOnce(&mut Candidate)) -> Candidate {
    let text =
        r#"{"type":"candidate","at_ms":5,"mint":"M","price":1,"liquidity":30,"holders":{"top_percent":30,"top_ten_percent":50}}"#;
    let Fact::Candidate(candidate) = Feed::read("test", text).lines.remove(0).fact else { panic!("a candidate") };
    let mut candidate = *candidate;
    change(&mut candidate);
    candidate
}

#[test]
fn each_risk_is_found_at_its_number() {
    let active = || Some("A".to_owned());
    for (token, found) in [
        (candidate(|_| {}), vec![]),
        (candidate(|it| it.authorities.mint = active()), vec![Risk::MintAuthority]),
        (candidate(|it| it.authorities.freeze = active()), vec![Risk::FreezeAuthority]),
        (candidate(|it| it.extensions.permanent_delegate = true), vec![Risk::PermanentDelegate]),
        (candidate(|it| it.extensions.transfer_hook = true), vec![Risk::TransferHook]),
        (candidate(|it| it.extensions.transfer_fee_bps = 100), vec![]),
        (candidate(|it| it.extensions.transfer_fee_bps = 101), vec![Risk::TransferFee(101)]),
        (candidate(|it| it.holders.top_percent = 30.1), vec![Risk::TopHolder(30.1)]),
        (candidate(|it| it.holders.top_ten_percent = 50.1), vec![Risk::TopTen(50.1)]),
        (candidate(|it| it.extensions.mutable_metadata = true), vec![Risk::MutableMetadata]),
    ] {
        assert_eq!(risks(&token), found);
        assert_eq!(is_safe(&found), found.is_empty() || found == [Risk::MutableMetadata], "{found:?}");
    }
    let both = candidate(|it| (it.extensions.transfer_hook, it.extensions.mutable_metadata) = (true, true));
    assert_eq!(risks(&both), [Risk::TransferHook, Risk::MutableMetadata]);
    assert!(!is_safe(&risks(&both)));
}

#[test]
fn a_record_is_scored_by_four_marks_from_ten_trades() {
    for (trades, win_rate, profit, return_percent, expected) in [
        (9, 100.0, 1_000.0, 1_000.0, 0),
        (10, 65.0, 50.0, 100.0, 75),
        (49, 65.0, 50.0, 100.0, 75),
        (50, 65.0, 50.0, 100.0, 100),
        (50, 64.9, 50.0, 100.0, 75),
        (50, 65.0, 49.9, 100.0, 75),
        (50, 65.0, 50.0, 99.9, 75),
        (49, 64.9, 50.0, 100.0, 50),
        (10, 0.0, -5.0, 0.0, 0),
    ] {
        let wallet = Wallet { address: "W".into(), trades, win_rate, profit, return_percent };
        assert_eq!(score(&wallet), expected, "{wallet:?}");
        assert_eq!(smart_wallets(&[wallet]), u64::from(expected >= 75));
    }
}

fn findings(risks: &[Risk], smart: u64) -> Findings {
    Findings { risks: risks.to_vec(), smart, liquidity: 30.0 }
}

#[test]
fn the_size_follows_risk_and_smart_money_up_to_the_cap() {
    let config = TradingConfig { base_size: 1.0, max_size: 1.45, ..TradingConfig::default() };
    for (risks, smart, expected) in [
        (&[][..], 0, 1.0),
        (&[], 1, 1.1),
        (&[], 2, 1.1),
        (&[], 3, 1.25),
        (&[], 4, 1.25),
        (&[], 5, 1.45),
        (&[Risk::MutableMetadata], 0, 0.8),
        (&[Risk::MutableMetadata], 1, 0.88),
        (&[Risk::MutableMetadata], 5, 1.2),
    ] {
        let (amount, reasons) = size(&config, &findings(risks, smart));
        assert_eq!(amount, expected, "{risks:?} {smart}");
        assert_eq!(reasons.len(), if smart == 5 && risks.is_empty() { 3 } else { 2 }, "{reasons:?}");
    }
    let (_, reasons) = size(&config, &findings(&[], 5));
    assert_eq!(
        reasons,
        ["no risk was found", "5 smart wallets hold it, which makes the size × 1.5", "the size of 1.5 is cut to the cap of 1.45"]
    );
}

fn standing(change: impl FnOnce(&mut Standing)) -> Standing {
    let mut standing = Standing { balance: 50.0, open: 0, held: false, today: Today::default(), breaker: None };
    change(&mut standing);
    standing
}

#[test]
fn every_refusal_says_why() {
    let config = TradingConfig::default();
    let until = Timestamp::parse("2026-01-28T00:00:00Z").unwrap();
    let fine = findings(&[], 0);
    for (findings, standing, reasons) in [
        (
            findings(&[Risk::MintAuthority, Risk::TransferFee(250), Risk::MutableMetadata], 0),
            standing(|_| {}),
            vec!["the mint authority is active", "the transfer fee of 250 bps is over 100 bps"],
        ),
        (findings(&[Risk::TopHolder(45.5)], 0), standing(|_| {}), vec!["the top holder's share of 45.5 % is over 30 %"]),
        (
            Findings { liquidity: 19.9, ..fine.clone() },
            standing(|_| {}),
            vec!["the liquidity of 19.9 is under the minimum of 20"],
        ),
        (fine.clone(), standing(|it| it.open = 5), vec!["5 positions are open, and 5 is the most"]),
        (fine.clone(), standing(|it| it.today.trades = 20), vec!["20 trades were made today, and 20 is the most"]),
        (fine.clone(), standing(|it| it.held = true), vec!["it is held already"]),
        (fine.clone(), standing(|it| it.balance = 1.5), vec!["the balance of 1.5 does not cover the size of 2"]),
        (
            fine.clone(),
            standing(|it| (it.open, it.breaker) = (5, Some(("3 losses in a row".to_owned(), until)))),
            vec![
                "the circuit breaker stops buying until 2026-01-28T00:00:00.000Z: 3 losses in a row",
                "5 positions are open, and 5 is the most",
            ],
        ),
    ] {
        let decision = judge(&config, &findings, &standing);
        assert_eq!((decision.should_trade, decision.side, decision.amount), (false, None, None), "{reasons:?}");
        assert_eq!(decision.reasons, reasons);
    }
    let at_the_bounds = standing(|it| (it.open, it.today.trades, it.balance) = (4, 19, 2.0));
    let decision = judge(&config, &Findings { liquidity: 20.0, ..fine }, &at_the_bounds);
    assert_eq!((decision.should_trade, decision.side, decision.amount), (true, Some(Side::Buy), Some(2.0)));
}

#[test]
fn exits_and_steps_at_their_shares() {
    for (entry, price, sold) in [
        (1.0, 0.9, true),
        (1.0, 0.9001, false),
        (0.3, 0.27, true),
        (1.0, 1.3, true),
        (1.0, 1.2999, false),
        (0.7, 0.91, true),
        (1.0, 1.0, false),
    ] {
        assert_eq!(exit(entry, price).is_some(), sold, "{entry} {price}");
    }
    assert_eq!(exit(1.0, 0.875).unwrap(), "the price is 12.5 % under the entry, and the stop is at 10 %");
    assert_eq!(exit(2.0, 2.7).unwrap(), "the price is 35 % over the entry, and the target is at 30 %");
    for (told, price, step) in [(1.0, 1.01, true), (1.0, 1.0099, false), (1.0, 0.99, true), (3.0, 3.02, false)] {
        assert_eq!(is_step(told, price), step, "{told} {price}");
    }
}

#[test]
fn buybacks_within_their_bounds() {
    for (profit, balance, expected) in [
        (1.0, 50.0, Some(0.1)),
        (0.01, 50.0, Some(0.001)),
        (0.0099, 50.0, None),
        (1.0, 0.1, Some(0.05)),
        (1.0, 0.0, None),
        (0.0, 50.0, None),
        (-1.0, 50.0, None),
    ] {
        assert_eq!(buyback(profit, balance), expected, "{profit} {balance}");
    }
}

#[test]
fn the_breaker_trips_at_its_numbers_and_ends_with_the_day() {
    for (losses_in_row, profit, expected) in
        [(2, -4.999, None), (3, -0.1, Some("3 losses in a row")), (1, -5.0, Some("a loss of 5 in a day")), (0, 9.0, None)]
    {
        assert_eq!(trips(Today { trades: 4, profit, losses_in_row }).as_deref(), expected);
    }
    let at = |text| Timestamp::parse(text).unwrap();
    assert_eq!(next_day(at("2026-01-27T23:59:59.999Z")), at("2026-01-28T00:00:00Z"));
    assert_eq!(next_day(at("2026-01-28T00:00:00Z")), at("2026-01-29T00:00:00Z"));
}

#[test]
fn signatures_are_marked_repeatable_and_their_own() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in [0, 1, u64::MAX] {
        for sequence in 0..200 {
            let made = signature(seed, sequence);
            assert!(made.starts_with("sim-") && made.len() == 36, "{made}");
            assert_eq!(made, signature(seed, sequence));
            assert!(seen.insert(made));
        }
    }
}

#[test]
fn counts_are_said_in_words() {
    assert_eq!(
        [count(1, "trade"), count(2, "trade"), count(1, "loss"), count(3, "loss")],
        ["1 trade", "2 trades", "1 loss", "3 losses"]
    );
}
