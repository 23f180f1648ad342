//! The registry's promises, with a real log on disk and real sockets.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::service::testdeck::Deck;
use crate::service::{Reason, ServiceConfig};

fn named(id: &str) -> NewAgent {
    NewAgent { id: Some(id.to_owned()), ..NewAgent::default() }
}

fn quick(offline_after_ms: u64) -> ServiceConfig {
    let health = HealthConfig { interval_ms: 10, offline_after_ms, endpoint_timeout_ms: 2_000, ..HealthConfig::default() };
    ServiceConfig { health, ..ServiceConfig::default() }
}

#[tokio::test]
async fn to_register_again_is_to_update() {
    let deck = Deck::open();
    let registry = Registry::start(&deck.setup);
    let first = registry.register(named("a")).await.unwrap();
    assert_eq!((first.new, first.agent.name.as_str(), first.agent.agent_type.as_deref()), (true, "a", Some("agent")));
    assert!(!registry.register(named("a")).await.unwrap().new);
    assert_eq!(deck.kinds().await, ["agent.registered"], "what changes nothing is not told");
    let again = NewAgent { name: Some("A".into()), version: Some("2".into()), ..named("a") };
    assert_eq!(registry.register(again).await.unwrap().agent.name, "A");
    let changes = AgentChanges { host: Some("atlas".into()), ..AgentChanges::default() };
    assert_eq!(registry.update("a", changes).await.unwrap().version.as_deref(), Some("2"));
    let expected = ["agent.registered", "agent.updated", "agent.trust_changed", "agent.updated", "agent.trust_changed"];
    assert_eq!(deck.kinds().await, expected, "a renewed description earns trust");
    assert_eq!(registry.get("a").unwrap().trust, Some(0.575), "the second within the hour a half of it");
    registry.remove("a", None).await.unwrap();
    assert_eq!(registry.get("a").unwrap_err().reason, Reason::Missing);
    assert_eq!(registry.remove("a", None).await.unwrap_err().reason, Reason::Missing);
    assert!(registry.register_new(named("a")).await.unwrap().new, "it may come back");
    assert_eq!(registry.register_new(named("a")).await.unwrap_err().reason, Reason::Conflict);
    let deck = deck.again().await;
    let registry = Registry::start(&deck.setup);
    assert_eq!(registry.get("a").unwrap().name, "a");
    deck.hub.close().await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name() {
    let deck = Deck::open();
    let registry = Registry::start(&deck.setup);
    for (agent, detail) in [
        (named(""), "id: empty"),
        (named("*"), "id: * means all"),
        (named("a\nb"), "id: a control character"),
        (named(&"x".repeat(257)), "id: 257 bytes, over the limit of 256"),
        (NewAgent { parent: Some("a".into()), ..named("a") }, "parent: nobody starts himself"),
        (NewAgent { name: Some("x".repeat(301)), ..named("a") }, "name: 301 bytes"),
        (NewAgent { capabilities: Some(vec!["x".into(); 33]), ..named("a") }, "capabilities: 33, over"),
        (NewAgent { capabilities: Some(vec![String::new()]), ..named("a") }, "capabilities[0]: empty"),
    ] {
        let refusal = registry.register(agent).await.unwrap_err();
        assert!(refusal.detail.starts_with(detail), "{refusal}");
    }
    assert_eq!(deck.hub.head(), 0);
    deck.hub.close().await;
}

#[tokio::test]
async fn a_heartbeat_publishes_only_a_change() {
    let deck = Deck::open();
    let registry = Registry::start(&deck.setup);
    assert_eq!(registry.heartbeat("a", None).await.unwrap_err().reason, Reason::Missing);
    registry.register(named("a")).await.unwrap();
    for _ in 0..3 {
        let beat = registry.heartbeat("a", None).await.unwrap();
        assert!(beat.status == Health::Healthy && beat.next_check > beat.at);
    }
    assert_eq!(deck.kinds().await, ["agent.registered", "agent.health_changed"]);
    registry.heartbeat("a", Some(Health::Unhealthy)).await.unwrap();
    let report = registry.health("a").unwrap();
    assert_eq!((report.status, report.cause), (Health::Unhealthy, Some(HealthCause::Heartbeat)));
    assert!(report.last_heartbeat.is_some() && deck.hub.head() == 3);
    deck.hub.close().await;
}

#[tokio::test]
async fn the_silent_are_offline_until_they_are_heard_of_again() {
    let deck = Deck::with(quick(80));
    let registry = Registry::start(&deck.setup);
    registry.register(named("a")).await.unwrap();
    registry.register(named("stopped")).await.unwrap();
    deck.send(json!({"type": "agent.status_changed", "entity": "agent:stopped", "payload": {"status": "stopped"}})).await;
    // Counted rather than looked at: under load a state may pass unseen.
    let changes = |state: &SwarmState, count: u64| state.types.get("agent.health_changed").is_some_and(|told| *told >= count);
    deck.until("it falls silent", |state| changes(state, 1)).await;
    deck.send(json!({"type": "agent.status_changed", "entity": "agent:a", "payload": {"status": "busy"}})).await;
    deck.until("it is heard of and falls silent again", |state| changes(state, 3)).await;
    registry.heartbeat("a", None).await.unwrap();
    let told: Vec<(Health, Option<HealthCause>, Option<String>)> = deck.health_changes().await;
    let silent = (Health::Offline, Some(HealthCause::Silence), Some("no sign of life for 0.08 s".to_owned()));
    let heard = (Health::Healthy, Some(HealthCause::Silence), Some("it was heard of again".to_owned()));
    let expected = [silent.clone(), heard, silent, (Health::Healthy, Some(HealthCause::Heartbeat), None)];
    assert_eq!(told[..4], expected);
    assert_eq!(registry.get("stopped").unwrap().health, None, "who has stopped is not missed");
    let deck = deck.again().await;
    deck.hub.close().await;
}

/// Answers every request with a status until it is dropped.
async fn answer(listener: TcpListener, status: &'static str) {
    loop {
        let Ok((mut socket, _)) = listener.accept().await else { return };
        let mut request = [0; 1_024];
        let _ignored = socket.read(&mut request).await;
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let _ignored = socket.write_all(text.as_bytes()).await;
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_makes_unhealthy_and_one_that_answers_well_again() {
    let deck = Deck::with(quick(60_000));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(answer(listener, "404 Not Found"));
    let registry = Registry::start(&deck.setup);
    let endpoint = |port: u16| Some(format!("http://127.0.0.1:{port}/agent"));
    registry.register(NewAgent { endpoint: endpoint(address.port()), ..named("a") }).await.unwrap();
    registry.register(NewAgent { endpoint: Some("file:///etc/hostname".into()), ..named("b") }).await.unwrap();
    // A first check has found it well: any answer under 500 is.
    deck.eventually("it is checked", || registry.health("a").unwrap().endpoint.is_some()).await;
    assert_eq!(registry.get("a").unwrap().health, None);
    serving.abort();
    let _aborted = serving.await;
    deck.until("it fails", |state| state.agents.by_id["a"].health == Some(Health::Unhealthy)).await;
    let report = registry.health("a").unwrap();
    assert_eq!((report.cause, report.reason.as_deref()), (Some(HealthCause::Endpoint), Some("endpoint: no connection")));
    // Its own word counts, and the failure that goes on does not turn it back.
    registry.heartbeat("a", None).await.unwrap();
    let listener = TcpListener::bind(address).await.unwrap();
    let serving = tokio::spawn(answer(listener, "503 Service Unavailable"));
    let failing = |registry: &Registry| registry.health("a").unwrap().endpoint.and_then(|check| check.failure);
    let answered = || failing(&registry).as_deref() == Some("it answers 503 Service Unavailable");
    deck.eventually("the answer is seen", answered).await;
    assert_eq!(registry.get("a").unwrap().health, Some(Health::Healthy));
    registry.heartbeat("a", Some(Health::Unhealthy)).await.unwrap();
    serving.abort();
    assert_eq!(registry.get("b").unwrap().health, None, "only web addresses are asked");
    let deck = deck.again().await;
    deck.hub.close().await;
}

#[tokio::test]
async fn trust_moves_by_reports_of_others_and_fades() {
    let deck = Deck::with(quick(60_000));
    let registry = Registry::start(&deck.setup);
    registry.register(named("a")).await.unwrap();
    assert_eq!(registry.trust("a").unwrap().score, 0.5);
    assert_eq!(registry.report("a", "a", Outcome::Success).await.unwrap_err().reason, Reason::Denied);
    assert_eq!(registry.report("a", "b", Outcome::ProfileUpdate).await.unwrap_err().reason, Reason::Invalid);
    assert_eq!(registry.report("x", "b", Outcome::Success).await.unwrap_err().reason, Reason::Missing);
    let stranger = registry.report("a", "b", Outcome::Failure).await.unwrap_err();
    assert_eq!((stranger.reason, stranger.detail.as_str()), (Reason::Invalid, "by: no agent \"b\" is on the register"));
    registry.register(named("b")).await.unwrap();
    registry.report("a", "b", Outcome::Failure).await.unwrap();
    let report = registry.trust("a").unwrap();
    assert!((report.score - 0.4).abs() < 1e-3);
    assert_eq!((report.events, report.history[0].reason.as_str(), report.history[0].by.as_deref()), (1, "failure", Some("b")));
    assert_eq!((report.availability, report.reliability, report.performance), (0.5, 0.333_333, 0.666_667));
    let at = Timestamp(now().0 - 3_600_000);
    deck.send(json!({"type": "agent.trust_changed", "source": "core", "entity": "agent:a", "ts": at.to_string(),
        "payload": {"score": 0.9, "previous": 0.4, "delta": 0.5, "reason": "success"}}))
        .await;
    let expected = trust::faded(0.9, 3_600_000);
    deck.until("it fades", |state| state.agents.by_id["a"].trust.is_some_and(|score| (score - expected).abs() < 1e-3)).await;
    assert_eq!(registry.get("a").unwrap().trust_history.back().unwrap().reason, "decay");
    let deck = deck.again().await;
    let registry = Registry::start(&deck.setup);
    assert!((registry.trust("a").unwrap().score - expected).abs() < 1e-3, "a restart keeps it");
    let deck = deck.again().await;
    deck.hub.close().await;
}

#[tokio::test]
async fn what_an_agent_does_is_told_once() {
    let deck = Deck::open();
    let registry = Registry::start(&deck.setup);
    registry.register(named("a")).await.unwrap();
    let busy = |cpu: Option<f64>| StatusReport {
        status: "busy".into(),
        task: Some("t".into()),
        reason: None,
        metrics: cpu.map(|cpu| Measured { cpu: Some(cpu), memory: None, message_count: None }),
    };
    let agent = registry.report_status("a", busy(None)).await.unwrap();
    assert_eq!((agent.status, agent.task.as_deref()), (Some(AgentStatus::Busy), Some("t")));
    registry.report_status("a", busy(None)).await.unwrap();
    assert_eq!(deck.hub.head(), 2);
    assert_eq!(registry.report_status("a", busy(Some(12.5))).await.unwrap().cpu, Some(12.5));
    assert_eq!(registry.report_status("a", busy(Some(-1.0))).await.unwrap_err().detail, "metrics.cpu: not between 0 and 100000");
    let wrong = StatusReport { status: "bussy".into(), ..busy(None) };
    assert!(registry.report_status("a", wrong).await.unwrap_err().detail.starts_with("status: \"bussy\" is not one of"));
    deck.hub.close().await;
}
