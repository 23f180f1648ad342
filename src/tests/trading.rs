//! The paper-trading engine from outside: a whole run, one that is killed, and what hands may do.

use serde_json::{Value, json};

use crate::support::{Server, until};

fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.post(server.url(path)).send(body.to_string()).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn start(server: &Server, order: &Value) -> Value {
    let (status, answer) = post(server, "/api/trading/start", order);
    assert_eq!(status, 200, "{answer}");
    answer
}

fn status(server: &Server) -> Value {
    let (status, answer) = server.get("/api/trading");
    assert_eq!(status, 200, "{answer}");
    answer
}

fn finished(server: &Server) -> Value {
    until("the run ends", || Some(status(server)).filter(|status| status["running"] == false))
}

fn refused(server: &Server, path: &str, body: &Value, code: u16, detail: &str) {
    let (status, answer) = post(server, path, body);
    assert_eq!(status, code, "{body}: {answer}");
    assert!(answer["detail"].as_str().is_some_and(|text| text.contains(detail)), "{body}: {answer}");
}

/// The engine's events, without what a clock or a place in the log says of them.
fn told(server: &Server) -> Vec<Value> {
    let events = server.log().into_iter().filter(|event| event["type"].as_str().unwrap().starts_with("trade."));
    events.map(|event| json!([event["type"], event["entity"], event["payload"], event["source"]])).collect()
}

/// What two runs that went alike have in common.
fn outcome(status: &Value) -> Value {
    let run = &status["run"];
    json!([status["statistics"], status["positions"], status["breaker"], run["line"], run["at"], run["ended"]])
}

#[test]
fn the_sample_runs_from_beginning_to_end() {
    let server = Server::start();
    let before = status(&server);
    assert_eq!((&before["running"], &before["run"], &before["feeds"]), (&json!(false), &Value::Null, &json!(["sample"])));
    assert_eq!((&before["statistics"]["balance"], &before["statistics"]["winRate"]), (&json!(50.0), &Value::Null));

    let mut socket = server.websocket("types=trade.*&after=0");
    start(&server, &json!({"speed": 1e6, "seed": 7}));
    let after = finished(&server);
    assert_eq!(after["run"]["ended"], "finished");
    assert_eq!(
        (&after["run"]["feed"], &after["run"]["seed"], &after["run"]["skipped"]),
        (&json!("sample"), &json!(7), &json!(0))
    );

    // Over the stream each candidate's events come in order, and the run's around them.
    let mut kinds: Vec<String> = Vec::new();
    while kinds.last().is_none_or(|kind| kind != "run_ended") {
        kinds.push(socket.event()["type"].as_str().unwrap().trim_start_matches("trade.").to_owned());
    }
    assert_eq!(kinds[0], "run_started");
    for (index, _) in kinds.iter().enumerate().filter(|(_, kind)| *kind == "analysis_started") {
        assert_eq!(kinds[index + 1..index + 4], ["safety_checked", "smart_money_checked", "decided"]);
    }
    let count = |wanted: &str| kinds.iter().filter(|kind| *kind == wanted).count();
    assert_eq!((count("breaker_tripped"), count("executed")), (2, 40));
    assert!(count("buyback_triggered") >= 5);
    assert_eq!(after["breaker"]["reason"], "3 losses in a row");

    let statistics = &after["statistics"];
    assert_eq!((&statistics["todayTrades"], &statistics["openPositions"]), (&json!(23), &json!(2)));
    assert_eq!(after["positions"].as_array().unwrap().len(), 2);
    assert!(statistics["unrealizedPnL"].as_f64().unwrap() > 0.0);
    let decisions = after["decisions"].as_array().unwrap();
    assert!(decisions.len() == 20 && decisions.iter().all(|decision| !decision["reasons"].as_array().unwrap().is_empty()));

    let (_, page) = server.get("/api/trading/trades");
    let trades = page["trades"].as_array().unwrap();
    assert_eq!(trades.len(), 20);
    assert!(trades.iter().all(|trade| trade["signature"].as_str().unwrap().starts_with("sim-")));
    assert!(trades.windows(2).all(|pair| pair[0]["seq"].as_u64() > pair[1]["seq"].as_u64()));
    assert_eq!(server.get("/api/trading/trades?limit=3").1["trades"].as_array().unwrap().len(), 3);
    for query in ["limit=0", "limit=101", "limit=x", "limti=3"] {
        assert_eq!(server.get(&format!("/api/trading/trades?{query}")).0, 400, "{query}");
    }

    // The same feed and seed once more: the same payloads.
    let first = told(&server);
    start(&server, &json!({"speed": 1e6, "seed": 7}));
    let again = finished(&server);
    assert_eq!(outcome(&again), outcome(&after));
    let both = told(&server);
    assert_eq!(both.len(), 2 * first.len());
    assert_eq!(both[first.len()..], first);
}

#[test]
fn a_run_that_is_killed_ends_as_one_that_is_not() {
    // Ten minutes of feed in about three seconds.
    let order = json!({"speed": 200, "seed": 3});
    let whole = Server::start();
    start(&whole, &order);
    let mut killed = Server::start();
    start(&killed, &order);
    for share in [60, 130] {
        until("a part is worked off", || (status(&killed)["run"]["line"].as_u64()? >= share).then_some(()));
        killed.kill();
        killed.run();
        assert_eq!(status(&killed)["running"], true, "it was cut off in the middle");
    }
    assert_eq!(outcome(&finished(&killed)), outcome(&finished(&whole)));
    assert_eq!(told(&killed), told(&whole));
    // A stop in good order ends no run either.
    start(&killed, &json!({"speed": 1}));
    assert!(killed.stop());
    killed.run();
    assert_eq!(status(&killed)["running"], true);
}

#[test]
fn runs_start_and_stop_by_request() {
    let server = Server::start();
    refused(&server, "/api/trading/stop", &json!({}), 409, "no run goes on");
    for (order, code, detail) in [
        (json!({"feed": "../etc/passwd"}), 404, "no feed is named \"../etc/passwd\"; there are sample"),
        (json!({"speed": 0}), 422, "speed: 0 is outside 0.01 to 1000000"),
        (json!({"seed": 9_007_199_254_740_992_u64}), 422, "seed: 9007199254740992 is over 9007199254740991"),
        (json!({"seed": -1}), 400, "seed: invalid value: integer `-1`"),
        (json!({"path": "/etc/passwd"}), 400, "path: unknown field `path`"),
    ] {
        refused(&server, "/api/trading/start", &order, code, detail);
    }
    assert_eq!(server.log(), Vec::<Value>::new(), "what is refused leaves nothing");
    assert_eq!(start(&server, &json!({}))["running"], true);
    refused(&server, "/api/trading/start", &json!({}), 409, "a run on the feed sample goes on already");
    let (status_, stopped) = post(&server, "/api/trading/stop", &json!({}));
    assert_eq!((status_, &stopped["running"], &stopped["run"]["ended"]), (200, &json!(false), &json!("stopped")));
    start(&server, &json!({"speed": 1e6}));
    assert_eq!(finished(&server)["run"]["ended"], "finished");
}

#[test]
fn hands_trade_within_the_limits() {
    let server = Server::start();
    let simulate = |body: Value| {
        let (status, answer) = post(&server, "/api/trading/simulate", &body);
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let scan = simulate(json!({"action": "scan"}));
    assert_eq!((&scan["action"], scan["seqs"].as_array().unwrap().len()), (&json!("scan"), 4));
    let bought = simulate(json!({"action": "buy", "amount": 1}));
    assert!(bought["message"].as_str().unwrap().ends_with(" for 1"), "{bought}");
    let held = status(&server);
    assert_eq!((&held["statistics"]["balance"], &held["statistics"]["openPositions"]), (&json!(49.0), &json!(1)));
    let mint = held["positions"][0]["mint"].clone();
    refused(&server, "/api/trading/simulate", &json!({"action": "buy", "mint": mint}), 409, "it is held already");
    refused(&server, "/api/trading/simulate", &json!({"action": "buy", "mint": "x"}), 404, "says nothing of x");
    refused(&server, "/api/trading/simulate", &json!({"action": "buy", "amount": 0}), 422, "amount: 0 is no amount over 0");
    refused(&server, "/api/trading/simulate", &json!({"action": "rob"}), 400, "action: unknown variant `rob`");
    refused(&server, "/api/trading/simulate", &json!({"action": "buyback"}), 409, "too little to buy back from");
    simulate(json!({"action": "sell", "mint": mint}));
    simulate(json!({"action": "buyback", "amount": 0.5}));
    let after = status(&server);
    assert_eq!((&after["statistics"]["balance"], &after["statistics"]["todayTrades"]), (&json!(49.5), &json!(2)));

    // In the middle of a run it is at the run's place, and the run goes on.
    start(&server, &json!({"speed": 0.01}));
    simulate(json!({"action": "buy", "mint": mint}));
    let running = status(&server);
    assert_eq!((&running["running"], &running["run"]["at"]), (&json!(true), &json!("2026-01-27T23:54:00.000Z")));
    assert_eq!(running["statistics"]["todayTrades"], 1);
}
