//! What hands may do, and what they are told.

use super::super::engine::drafts;
use super::super::{DEFAULT_SEED, TradingConfig};
use super::*;
use crate::event::Timestamp;
use crate::service::Reason;
use crate::swarm::SwarmState;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

#[derive(Default)]
struct Room {
    state: SwarmState,
    config: TradingConfig,
    moved: i64,
}

impl Room {
    fn ask(&mut self, action: Action, mint: Option<&str>, amount: Option<f64>) -> Result<String, Refusal> {
        let trades = &self.state.trades;
        let at = Timestamp(NOW.0 + self.moved);
        let desk = Desk { account: &trades.account, config: &self.config, seed: DEFAULT_SEED, place: None, at };
        let feed = Feed::sample();
        let hands = Hands { trades, desk, feed: &feed, line: 0 };
        let (events, message) = hands.perform(&Simulate { action, mint: mint.map(str::to_owned), amount })?;
        for draft in drafts(events) {
            let event = draft.into_event(self.state.seq + 1, at);
            self.state.fold(&event);
        }
        Ok(message)
    }

    fn refused(&mut self, action: Action, mint: Option<&str>, amount: Option<f64>) -> (Reason, String) {
        let refusal = self.ask(action, mint, amount).unwrap_err();
        (refusal.reason, refusal.detail)
    }
}

fn mint(index: usize) -> String {
    Feed::sample().candidates().nth(index).unwrap().mint.clone()
}

#[test]
fn scans_take_each_token_in_turn_and_buy_nothing() {
    let mut room = Room::default();
    assert!(room.ask(Action::Scan, None, None).unwrap().starts_with(&format!("{} would be bought", mint(0))));
    assert!(room.ask(Action::Scan, None, None).unwrap().contains("would not be bought: the mint authority is active"));
    assert!(room.ask(Action::Scan, Some(&mint(9)), None).unwrap().starts_with(&mint(9)));
    let count = Feed::sample().candidates().count();
    for _ in 3..count {
        room.ask(Action::Scan, None, None).unwrap();
    }
    assert_eq!(room.state.trades.tokens.len(), count);
    assert!(room.ask(Action::Scan, None, None).unwrap().starts_with(&mint(0)), "then from the beginning");
    assert_eq!(room.state.trades.account, crate::swarm::trades::Account::default());
}

#[test]
fn buys_and_sales_move_the_account() {
    let mut room = Room::default();
    assert_eq!(room.ask(Action::Buy, Some(&mint(0)), Some(1.5)).unwrap(), format!("bought {} for 1.5", mint(0)));
    assert_eq!(room.state.trades.account.balance, Some(48.5));
    let price = Feed::sample().candidate(&mint(0)).unwrap().price;
    assert_eq!(room.state.trades.account.positions[&mint(0)].entry, price);
    assert_eq!(room.ask(Action::Sell, None, Some(0.5)).unwrap(), format!("sold {} for 0.5", mint(0)));
    let account = &room.state.trades.account;
    assert_eq!((account.balance, account.positions[&mint(0)].cost, account.realized), (Some(49.0), 1.0, 0.0));
    assert_eq!(room.refused(Action::Sell, Some(&mint(1)), None), (Reason::Conflict, format!("{} is not held", mint(1))));
    assert!(room.refused(Action::Sell, None, Some(1.5)).1.contains("is worth 1, less than the 1.5 asked for"));
    room.ask(Action::Sell, Some(&mint(0)), None).unwrap();
    assert_eq!((room.state.trades.account.balance, room.state.trades.account.positions.len()), (Some(50.0), 0));
    assert_eq!(room.refused(Action::Sell, None, None), (Reason::Conflict, "nothing is held".to_owned()));
    // Without a name it takes a safe token, for the size of the rules.
    assert_eq!(room.ask(Action::Buy, None, None).unwrap(), format!("bought {} for 1.6", mint(2)));
}

#[test]
fn the_limits_of_the_account_hold_for_hands_too() {
    let mut room = Room::default();
    assert_eq!(room.refused(Action::Buy, None, Some(2.6)).1, "the size of 2.6 is over the cap of 2.5");
    assert_eq!(
        room.refused(Action::Buy, Some("nobody"), None),
        (Reason::Missing, "the feed sample says nothing of nobody".to_owned())
    );
    for amount in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-12] {
        assert_eq!(room.refused(Action::Buy, None, Some(amount)).0, Reason::Invalid, "{amount}");
    }
    for _ in 0..5 {
        room.ask(Action::Buy, None, None).unwrap();
    }
    assert_eq!(room.refused(Action::Buy, None, None).1, "5 positions are open, and 5 is the most");
    let held = room.state.trades.account.positions.keys().next().unwrap().clone();
    room.ask(Action::Sell, None, None).unwrap();
    let held = if room.state.trades.account.positions.contains_key(&held) {
        held
    } else {
        room.state.trades.account.positions.keys().next().unwrap().clone()
    };
    assert_eq!(room.refused(Action::Buy, Some(&held), None).1, "it is held already");
    for _ in 0..7 {
        room.ask(Action::Buy, None, None).unwrap();
        room.ask(Action::Sell, None, None).unwrap();
    }
    assert_eq!(room.refused(Action::Buy, None, None).1, "20 trades were made today, and 20 is the most");
    room.moved = crate::swarm::trades::DAY_MS;
    room.ask(Action::Buy, None, None).unwrap();
}

#[test]
fn buybacks_by_hand_stay_within_their_bounds() {
    let mut room = Room::default();
    assert_eq!(room.refused(Action::Buyback, None, None).1, "the realised profit of 0 is too little to buy back from");
    assert_eq!(room.refused(Action::Buyback, None, Some(0.0009)).1, "a buyback of 0.0009 is under the least of 0.001");
    assert_eq!(room.refused(Action::Buyback, None, Some(25.1)).1, "a buyback of 25.1 is over half the balance of 50");
    assert_eq!(room.ask(Action::Buyback, None, Some(20.0)).unwrap(), "bought back for 20");
    assert_eq!((room.state.trades.account.balance, room.state.trades.bought_back), (Some(30.0), 20.0));
    room.state.trades.account.realized = 2.0;
    assert_eq!(room.ask(Action::Buyback, None, None).unwrap(), "bought back for 0.2");
}
