//! Whether agentos clients are served: protocol v1 in their spelling.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{Checks, Follower, resume};
use crate::cli::client::Client;
use crate::hub::now;

/// Where the open connections are counted.
const STATUS: &str = "/ws/events/status";

pub(super) fn run(client: &Client, checks: &mut Checks) {
    let opened = Follower::open(client, None).map(|follower| (follower, "the stream is open".to_owned()));
    let Some(mut follower) = checks.found("connect", opened) else { return };
    checks.check("ping", follower.ping("ping"));
    // Their clock: microseconds, and an offset in the place of Z.
    let ts = now().to_string().replace('Z', "456+00:00");
    let probe = follower.probe(client, Some(&ts));
    let probe = checks.found("probe", probe.map(|seq| (seq, format!("the event of {ts} came back as {seq}"))));
    match probe {
        Some(seq) => checks.check("resume", resume(client, &follower.hello, seq)),
        None => checks.check("resume", Err(anyhow::anyhow!("without a probe there is nothing to resume"))),
    };
    checks.check("status", status(client));
}

/// The connection above is open while this is asked.
fn status(client: &Client) -> anyhow::Result<String> {
    let (status, body) = client.get(STATUS)?;
    ensure!(status == 200, "GET {STATUS} is answered {status}");
    let body: Value = serde_json::from_str(&body).with_context(|| format!("GET {STATUS} is no JSON"))?;
    let number = |key: &str| body[key].as_u64().with_context(|| format!("GET {STATUS}: {key} is no number: {body}"));
    let (connections, subscribers) = (number("active_connections")?, number("event_bus_subscribers")?);
    ensure!(connections >= 1 && subscribers >= 1, "one connection is open, and it counts {connections} and {subscribers}");
    Ok(format!("{connections} connections, {subscribers} subscribers"))
}
