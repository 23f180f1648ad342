//! Whether liveops clients are served: their channels, and the HTTP bridge where there is one.

use std::time::Instant;

use anyhow::{bail, ensure};
use serde_json::{Value, json};

use super::Checks;
use crate::cli::client::Client;
use crate::cli::dialect::{Talk, bridge, brief, fresh};
use crate::hub::now;

/// The channel that the probes go over.
const CHANNEL: &str = "messages";

pub(super) fn run(client: &Client, checks: &mut Checks) {
    let hears = Talk::liveops(client).map(|(talk, id)| (talk, format!("welcome, client {id}")));
    let Some(mut hears) = checks.found("connect", hears) else { return };
    checks.check("ping", ping(&mut hears));
    if !checks.check("subscribe", subscribe(&mut hears)) {
        return;
    }
    let speaks = Talk::liveops(client).map(|(talk, id)| (talk, format!("welcome, client {id}")));
    let Some(mut speaks) = checks.found("second connection", speaks) else { return };
    let probe = probe(&mut speaks, &mut hears);
    if let Some((id, since)) = checks.found("probe", probe) {
        checks.check("replay", replay(&mut hears, &id, since));
    }
    checks.check("errors", errors(&mut speaks));
    over_the_bridge(client, &mut hears, checks);
    checks.check("unsubscribe", unsubscribe(&mut hears));
}

fn ping(talk: &mut Talk) -> anyhow::Result<String> {
    let began = Instant::now();
    talk.say(&json!({"type": "ping"}).to_string())?;
    let pong = talk.hear_type("pong")?;
    ensure!(pong["timestamp"].is_number(), "the pong has no timestamp: {pong}");
    Ok(format!("pong after {:.1} ms", began.elapsed().as_secs_f64() * 1e3))
}

/// To one channel, and to one that does not exist.
fn subscribe(talk: &mut Talk) -> anyhow::Result<String> {
    talk.say(&json!({"type": "subscribe", "channels": [CHANNEL, "no-such-channel"]}).to_string())?;
    let answer = talk.hear_type("subscribed")?;
    ensure!(answer["channels"] == json!([CHANNEL]), "subscribed to {}, not to {CHANNEL} alone", answer["channels"]);
    Ok(format!("{CHANNEL}; an unknown channel is left out"))
}

fn unsubscribe(talk: &mut Talk) -> anyhow::Result<String> {
    talk.say(&json!({"type": "unsubscribe", "channel": CHANNEL}).to_string())?;
    let answer = talk.hear_type("unsubscribed")?;
    ensure!(answer["channels"] == json!([]), "still subscribed to {}", answer["channels"]);
    Ok("no channel is left".to_owned())
}

/// A message with this id, as a client publishes it.
fn message(id: &str) -> Value {
    let words = "swarmdeck validate";
    json!({"type": "message:sent", "messageId": id, "source": "validate", "target": "*", "messageType": "broadcast",
           "payload": words, "size": words.len(), "timestamp": now().0})
}

/// Waits for the message. Both generations of clients must find their fields in it.
fn arrives(talk: &mut Talk, id: &str) -> anyhow::Result<Value> {
    let frame = talk.hear_until("published message", |frame| {
        if frame.to_string().contains("no-subscriber") {
            bail!("an event of a channel not subscribed to arrived: {}", brief(frame));
        }
        Ok(frame["type"] == "message:sent" && frame.to_string().contains(id))
    })?;
    ensure!(frame["messageId"] == id && frame["payload"].is_string(), "the flat fields are not there: {}", brief(&frame));
    ensure!(frame["data"]["id"] == id && frame["data"]["content"].is_string(), "data lacks its fields: {}", brief(&frame));
    ensure!(
        frame["timestamp"].is_number() && frame["channel"] == CHANNEL,
        "timestamp or channel are not there: {}",
        brief(&frame)
    );
    Ok(frame)
}

/// Publishes on a channel that nobody subscribed to, then on ours; what comes of it, and when.
fn probe(speaks: &mut Talk, hears: &mut Talk) -> anyhow::Result<((String, i64), String)> {
    let id = fresh("validate-")?;
    let unheard = json!({"type": "swarmdeck:probe", "note": "no-subscriber"});
    speaks.say(&json!({"type": "event", "channel": "metrics", "event": unheard}).to_string())?;
    speaks.say(&json!({"type": "event", "channel": CHANNEL, "event": message(&id)}).to_string())?;
    speaks.settle()?;
    let began = Instant::now();
    let frame = arrives(hears, &id)?;
    let words = format!(
        "{id} arrived at the other connection after {:.1} ms, and nothing of other channels",
        began.elapsed().as_secs_f64() * 1e3
    );
    Ok(((id, frame["timestamp"].as_i64().unwrap_or_default()), words))
}

fn replay(talk: &mut Talk, id: &str, since: i64) -> anyhow::Result<String> {
    talk.say(&json!({"type": "replay", "since": since}).to_string())?;
    let answer = talk.hear_type("replay")?;
    let Value::Array(events) = &answer["events"] else { bail!("events is no list: {}", brief(&answer)) };
    ensure!(
        events.iter().any(|event| event["messageId"] == id),
        "{} events since {since}, and {id} is not among them",
        events.len()
    );
    Ok(format!("{} events since {since}, {id} among them", events.len()))
}

/// Bad input is told, and the connection stays.
fn errors(talk: &mut Talk) -> anyhow::Result<String> {
    for (said, told) in [
        (r#"{"type":"swarmdeck-no-such-type"}"#, "Unknown message type: swarmdeck-no-such-type"),
        ("no json", "Invalid message format: "),
        (r#"{"type":"event","channel":"tasks"}"#, "Invalid event message: missing event or channel"),
    ] {
        talk.say(said)?;
        let answer = talk.hear_type("error")?;
        let error = answer["error"].as_str().unwrap_or_default();
        ensure!(error.starts_with(told), "{said} is answered {error:?}, not {told:?}");
    }
    talk.settle()?;
    Ok("three are told, and the connection goes on".to_owned())
}

/// An incomplete request shows whether the next port is a bridge at all: every bridge has its own
/// words for that.
fn over_the_bridge(client: &Client, hears: &mut Talk, checks: &mut Checks) {
    let outcome = bridge(client).and_then(|bridge| bridge.ask("POST", "/event", Some("{}")).map(|answer| (bridge, answer)));
    let bridge = match outcome {
        Ok((bridge, (400, answer))) if answer == json!({"error": "Missing channel or type"}) => bridge,
        Ok((bridge, (status, _))) => {
            let why = format!("{} is none (it answers {status}); it stands beside a liveops listener", bridge.url());
            return checks.skip("HTTP bridge", &why);
        }
        Err(error) => return checks.skip("HTTP bridge", &format!("none on the next port: {error:#}")),
    };
    let mut post = || -> anyhow::Result<String> {
        let id = fresh("validate-")?;
        let body = json!({"channel": CHANNEL, "type": "message:sent", "event": message(&id)});
        let (status, answer) = bridge.ask("POST", "/event", Some(&body.to_string()))?;
        ensure!(status == 200 && answer == json!({"success": true}), "an event is answered {status} {answer}");
        arrives(hears, &id)?;
        let (status, answer) = bridge.ask("POST", "/event", Some("no json"))?;
        ensure!(status == 400 && answer == json!({"error": "Invalid JSON"}), "no JSON is answered {status} {answer}");
        let (status, answer) = bridge.ask("GET", "/event", None)?;
        ensure!(status == 404 && answer == json!({"error": "Not found. POST to /event"}), "GET is answered {status} {answer}");
        Ok(format!("{id} arrived over {}", bridge.url()))
    };
    checks.check("HTTP bridge", post());
}
