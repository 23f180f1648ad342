//! Whether trader clients are served: the four frames of the beginning, and the engine's answer.

use anyhow::ensure;
use serde_json::{Value, json};

use super::Checks;
use crate::cli::client::Client;
use crate::cli::dialect::{Talk, brief};

/// The frames of the beginning in their order, each with the fields that it must have.
const BEGINNING: [(&str, &[&str]); 4] = [
    ("CONNECTED", &["message"]),
    ("INITIAL_TRADES", &["trades"]),
    ("POSITIONS_UPDATE", &["positions"]),
    ("STATS_UPDATE", &["todayTrades", "openPositions", "realizedPnL", "unrealizedPnL", "dailyPnL", "winRate", "balance"]),
];
/// Most trades that are told at the beginning.
const TRADES: usize = 20;

pub(super) fn run(client: &Client, checks: &mut Checks) {
    let opened = Talk::open(client, "/ws/trader").map(|talk| (talk, "open".to_owned()));
    let Some(mut talk) = checks.found("connect", opened) else { return };
    for (name, fields) in BEGINNING {
        if !checks.check(name, begins(&mut talk, name, fields)) {
            return;
        }
    }
    checks.check("SIMULATE_ACK", simulate(&mut talk));
}

/// A field of a frame: in `data`, or beside the type.
fn field<'a>(frame: &'a Value, key: &str) -> Option<&'a Value> {
    frame["data"].get(key).or_else(|| frame.get(key))
}

fn begins(talk: &mut Talk, name: &str, fields: &[&str]) -> anyhow::Result<String> {
    let frame = talk.hear(name)?;
    ensure!(frame["type"] == name, "in its place came {}", brief(&frame));
    if let Some(missing) = fields.iter().find(|key| field(&frame, key).is_none()) {
        anyhow::bail!("{missing} is missing: {}", brief(&frame));
    }
    let told = match field(&frame, "trades").or_else(|| field(&frame, "positions")) {
        Some(list) => {
            let many = list.as_array().map(Vec::len);
            ensure!(
                many.is_some_and(|many| name != "INITIAL_TRADES" || many <= TRADES),
                "it is no list of at most {TRADES}: {}",
                brief(&frame)
            );
            format!("{} of them", many.unwrap_or_default())
        }
        None => field(&frame, "message").or_else(|| field(&frame, "balance")).map(brief).unwrap_or_default(),
    };
    Ok(told)
}

/// What is not known is passed over, and a look at a token is acknowledged. It trades nothing.
fn simulate(talk: &mut Talk) -> anyhow::Result<String> {
    talk.say("no json")?;
    talk.say(&json!({"type": "SWARMDECK_NO_SUCH_TYPE"}).to_string())?;
    talk.say(&json!({"type": "SIMULATE", "action": "scan"}).to_string())?;
    let ack = talk.hear_type("SIMULATE_ACK")?;
    Ok(brief(&ack))
}
