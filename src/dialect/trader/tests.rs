//! Tables of frames.

use super::*;
use crate::event::Draft;
use crate::event::wire::At;

fn fold(events: &[Value]) -> (SwarmState, Vec<Event>) {
    let mut state = SwarmState::default();
    let folded = (1..).zip(events).map(|(seq, event)| {
        let mut event = event.clone();
        event["ts"] = json!(1_000 * seq);
        event["source"] = json!("core");
        let event = Draft::read(event, &At::Root("event")).unwrap().into_event(seq, Timestamp(0));
        state.fold(&event);
        event
    });
    let folded = folded.collect();
    (state, folded)
}

fn told(kind: &str, payload: Value) -> Value {
    json!({ "type": kind, "entity": "trade:M", "payload": payload })
}

fn parse(frames: &[String]) -> Vec<Value> {
    frames.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect()
}

/// The frames of the last event.
fn frames_of(events: &[Value]) -> Vec<Value> {
    let (state, events) = fold(events);
    parse(&frames(events.last().unwrap(), &state))
}

fn bought() -> Value {
    told(
        "trade.executed",
        json!({"mint": "M", "side": "BUY", "signature": "sim-1", "amount": 2, "price": 0.5, "tokens": 4, "balance": 48, "reason": "why"}),
    )
}

fn sold() -> Value {
    told(
        "trade.executed",
        json!({"mint": "M", "side": "SELL", "signature": "sim-2", "amount": 2.8, "price": 0.7, "tokens": 4, "profit": 0.8, "balance": 50.8}),
    )
}

fn run_started() -> Value {
    let run = json!({"feed": "sample", "digest": "0", "seed": 1, "speed": 1, "balance": 50, "lines": 3, "skipped": 0});
    json!({ "type": "trade.run_started", "entity": "trade:paper", "payload": run })
}

#[test]
fn the_steps_of_an_analysis() {
    let result = json!({"is_safe": false, "risks": ["r"], "authorities": {"mint": "A", "freeze": null},
        "extensions": {"transfer_fee_bps": 5}, "holders": {"top_ten_percent": 4}, "liquidity": 30});
    let decision = json!({"should_trade": true, "side": "BUY", "amount": 2, "reasons": ["because"]});
    for (event, expected) in [
        (
            told("trade.analysis_started", json!({"mint": "M"})),
            json!({"type": "ANALYSIS_START", "timestamp": 1000, "data": {"mint": "M"}}),
        ),
        (
            told("trade.safety_checked", json!({"mint": "M", "result": result})),
            json!({"type": "SAFETY_CHECK", "timestamp": 1000, "data": {"mint": "M", "result": {
                "is_safe": false, "isSafe": false, "risks": ["r"], "authorities": {"mint": "A", "freeze": null},
                "extensions": {"transfer_fee_bps": 5, "transferFeeBps": 5},
                "holders": {"top_ten_percent": 4, "topTenPercent": 4}, "liquidity": 30}}}),
        ),
        (
            told("trade.smart_money_checked", json!({"mint": "M", "count": 3})),
            json!({"type": "SMART_MONEY_CHECK", "timestamp": 1000, "data": {"mint": "M", "count": 3}}),
        ),
        (
            told("trade.decided", json!({"mint": "M", "decision": decision, "reasoning": "all in all"})),
            json!({"type": "TRADE_DECISION", "timestamp": 1000, "data": {"mint": "M", "reasoning": "all in all", "decision": {
                "should_trade": true, "shouldTrade": true, "side": "BUY", "amount": 2, "reasons": ["because"]}}}),
        ),
        (
            told("trade.decided", json!({"mint": "M", "decision": {"should_trade": false, "reasons": ["no"]}})),
            json!({"type": "TRADE_DECISION", "timestamp": 1000, "data": {"mint": "M", "decision": {
                "should_trade": false, "shouldTrade": false, "reasons": ["no"]}}}),
        ),
    ] {
        assert_eq!(frames_of(&[event]), [expected]);
    }
}

#[test]
fn trades_and_buybacks_are_followed_by_the_numbers() {
    let stats = |at: i64, values: [f64; 7]| {
        let [today, open, realized, unrealized, daily, win_rate, balance] = values;
        json!({"type": "STATS_UPDATE", "timestamp": at, "data": {"todayTrades": today as u64, "openPositions": open as u64,
            "realizedPnL": realized, "unrealizedPnL": unrealized, "dailyPnL": daily, "winRate": win_rate, "balance": balance}})
    };
    let plain = |frames: Vec<Value>| -> Vec<String> { frames.iter().map(to_text).collect() };
    assert_eq!(
        plain(frames_of(&[run_started(), bought()])),
        plain(vec![
            json!({"type": "TRADE_EXECUTED", "timestamp": 2000, "data": {"mint": "M", "type": "BUY", "signature": "sim-1",
                "amount": 2, "price": 0.5, "tokens": 4, "reason": "why"}}),
            stats(2000, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 48.0]),
        ])
    );
    assert_eq!(
        plain(frames_of(&[run_started(), bought(), sold()])),
        plain(vec![
            json!({"type": "TRADE_EXECUTED", "timestamp": 3000, "data": {"mint": "M", "type": "SELL", "signature": "sim-2",
                "amount": 2.8, "price": 0.7, "tokens": 4, "profit": 0.8}}),
            stats(3000, [2.0, 0.0, 0.8, 0.0, 0.8, 100.0, 50.8]),
        ])
    );
    let buyback = json!({"profit": 0.8, "amount": 0.08, "signature": "sim-3", "balance": 50.72});
    assert_eq!(
        plain(frames_of(&[run_started(), bought(), sold(), told("trade.buyback_triggered", buyback)])),
        plain(vec![
            json!({"type": "BUYBACK_TRIGGERED", "timestamp": 4000, "data": {"profit": 0.8, "amount": 0.08, "signature": "sim-3"}}),
            stats(4000, [2.0, 0.0, 0.8, 0.0, 0.8, 100.0, 50.72]),
        ])
    );
}

#[test]
fn what_has_no_name_has_no_frame() {
    for event in [
        told("trade.price_changed", json!({"mint": "M", "price": 1})),
        told("trade.breaker_tripped", json!({"reason": "3 losses in a row", "until": 5})),
        told("trade.run_ended", json!({"reason": "finished"})),
        json!({"type": "task.created", "entity": "task:a", "payload": {"description": "d"}}),
        json!({"type": "trade.dreamt_of", "entity": "trade:M", "payload": {"mint": "M"}}),
    ] {
        assert_eq!(frames_of(std::slice::from_ref(&event)), Vec::<Value>::new(), "{event}");
    }
    let names: Vec<Value> = frames_of(&[run_started()]).iter().map(|frame| frame["type"].clone()).collect();
    assert_eq!(names, ["POSITIONS_UPDATE", "STATS_UPDATE"]);
}

#[test]
fn a_client_is_greeted_with_all_that_stands() {
    let greeted = parse(&hello(&SwarmState::default(), Timestamp(7)));
    let names: Vec<&Value> = greeted.iter().map(|frame| &frame["type"]).collect();
    assert_eq!(names, ["CONNECTED", "INITIAL_TRADES", "POSITIONS_UPDATE", "STATS_UPDATE"]);
    assert!(greeted.iter().all(|frame| frame["timestamp"] == 7));
    assert!(greeted[0]["data"]["message"].is_string());
    assert_eq!(greeted[1]["data"], json!({"trades": []}));
    assert_eq!(greeted[2]["data"], json!({"positions": []}));
    assert_eq!((&greeted[3]["data"]["balance"], &greeted[3]["data"]["winRate"]), (&json!(0), &json!(0)));

    let mut events = vec![run_started()];
    events.extend(std::iter::repeat_n([bought(), sold()], 15).flatten());
    events.push(bought());
    events.push(told("trade.price_changed", json!({"mint": "M", "price": 0.55})));
    let (state, _) = fold(&events);
    let greeted = parse(&hello(&state, Timestamp(40_000)));
    let trades = greeted[1]["data"]["trades"].as_array().unwrap();
    assert_eq!(trades.len(), MAX_INITIAL_TRADES);
    assert_eq!(
        trades[0],
        json!({"id": "sim-1", "mint": "M", "type": "BUY", "side": "BUY", "amount": 2, "signature": "sim-1", "timestamp": 32_000,
            "price": 0.5, "tokens": 4, "reason": "why"})
    );
    assert_eq!((&trades[1]["type"], &trades[1]["profit"]), (&json!("SELL"), &json!(0.8)));
    assert_eq!(
        greeted[2]["data"]["positions"],
        json!([{"mint": "M", "amount": 2, "tokens": 4, "entryPrice": 0.5, "currentPrice": 0.55, "unrealizedPnL": 0.2,
            "unrealizedPnLPercent": 10, "timestamp": 32_000}])
    );
    assert_eq!(greeted[3]["data"]["todayTrades"], 31);
    let tomorrow = parse(&[stats(&state, Timestamp(86_400_000))]);
    assert_eq!(tomorrow[0]["data"]["todayTrades"], 0, "by the hub's clock a new day has begun");
}

#[test]
fn what_clients_send() {
    let simulate = |action, mint: Option<&str>, amount| Some(Simulate { action, mint: mint.map(str::to_owned), amount });
    for (text, expected) in [
        (r#"{"type":"SIMULATE","action":"scan"}"#, simulate(Action::Scan, None, None)),
        (r#"{"type":"SIMULATE","action":"buy","mint":"M","amount":0.5}"#, simulate(Action::Buy, Some("M"), Some(0.5))),
        (r#"{"type":"SIMULATE","action":"sell","data":{"mint":"M"},"more":1}"#, simulate(Action::Sell, Some("M"), None)),
        (r#"{"type":"SIMULATE","data":{"action":"buyback","amount":1}}"#, simulate(Action::Buyback, None, Some(1.0))),
        (r#"{"type":"SIMULATE","action":"buy","mint":null}"#, simulate(Action::Buy, None, None)),
        (r#"{"type":"SIMULATE","action":"buy","amount":"all"}"#, None),
        (r#"{"type":"SIMULATE","action":"buy","mint":5}"#, None),
        (r#"{"type":"SIMULATE","action":"BUY"}"#, None),
        (r#"{"type":"SIMULATE","action":"rob"}"#, None),
        (r#"{"type":"SIMULATE"}"#, None),
        (r#"{"type":"PING"}"#, None),
        (r#"["SIMULATE"]"#, None),
        ("ping", None),
        ("", None),
    ] {
        assert_eq!(receive(text), expected, "{text}");
    }
    let long = format!(r#"{{"type":"SIMULATE","action":"scan","pad":"{}"}}"#, "x".repeat(MAX_RECEIVED));
    assert_eq!(receive(&long), None);
}

#[test]
fn answers_say_what_came_of_it() {
    let answer = |outcome| serde_json::from_str::<Value>(&ack(Action::Buy, outcome, Timestamp(9))).unwrap();
    assert_eq!(
        answer(Ok("bought M for 2")),
        json!({"type": "SIMULATE_ACK", "timestamp": 9, "action": "buy",
            "data": {"action": "buy", "success": true, "message": "bought M for 2"}})
    );
    assert_eq!(answer(Err("nothing is held"))["data"], json!({"action": "buy", "success": false, "error": "nothing is held"}));
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _any = receive(&text);
    }
}
