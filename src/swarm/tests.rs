//! What the fold makes of events, seen from outside.

use proptest::prelude::*;
use serde_json::json;

use super::sessions::EntryKind;
use super::tasks::TaskState;
use super::*;
use crate::demo::Scenario;
use crate::event::pack::{pack, unpack};
use crate::event::wire::{At, from_text, to_text};
use crate::event::{Draft, Timestamp};

/// Folds events given as JSON, one a second from `START`.
const START: i64 = 1_769_509_293_000;

fn fold(events: &[serde_json::Value]) -> SwarmState {
    let mut state = SwarmState::default();
    for (index, event) in events.iter().enumerate() {
        let draft = Draft::read(event.clone(), &At::Index(&At::Root("events"), index)).unwrap_or_else(|e| panic!("{e}"));
        let now = Timestamp(START + 1_000 * index as i64);
        state.fold(&draft.into_event(index as u64 + 1, now));
    }
    state
}

fn now_after(state: &SwarmState, seconds: i64) -> Timestamp {
    Timestamp(state.as_of.0 + seconds * 1_000)
}

fn registered(id: &str) -> serde_json::Value {
    json!({"type": "agent.registered", "entity": format!("agent:{id}"), "payload": {"name": id, "agent_type": "worker"}})
}

fn status(id: &str, status: &str) -> serde_json::Value {
    json!({"type": "agent.status_changed", "entity": format!("agent:{id}"), "payload": {"status": status}})
}

fn task(id: &str, action: &str, payload: serde_json::Value) -> serde_json::Value {
    json!({"type": format!("task.{action}"), "entity": format!("task:{id}"), "payload": payload})
}

fn standing(state: &SwarmState, id: &str, seconds: i64) -> (Attention, String) {
    let standing = status::agent(&state.agents.by_id[id], now_after(state, seconds));
    (standing.attention, standing.evidence.kind)
}

#[test]
fn standings_follow_the_events_in_order_of_attention() {
    let ask = json!({"type": "session.permission_requested", "entity": "session:s", "payload":
        {"request_id": "r", "tool_name": "Bash", "command": "rm -rf x", "expires_at": "2026-01-27T11:00:00Z"}});
    let begin = json!({"type": "session.started", "entity": "session:s", "payload": {"agent": "a", "permission_mode": "ask"}});
    let query = json!({"type": "message.sent", "entity": "message:m", "payload":
        {"from": "a", "to": "b", "message_type": "query", "content": "?", "size": 1}});
    let answer = json!({"type": "message.sent", "entity": "message:n", "payload":
        {"from": "b", "to": "a", "message_type": "response", "content": "!", "size": 1}});
    let offline =
        json!({"type": "agent.health_changed", "entity": "agent:a", "payload": {"status": "offline", "previous": "healthy"}});
    let mut events = vec![registered("a"), registered("b")];
    let mut expect = |event: Option<serde_json::Value>, seconds, attention, evidence: &str| {
        events.extend(event);
        assert_eq!(standing(&fold(&events), "a", seconds), (attention, evidence.to_owned()), "{:?}", events.last());
    };
    expect(None, 0, Attention::Idle, "agent.registered");
    expect(Some(query), 0, Attention::Waiting, "message.sent");
    expect(Some(answer), 0, Attention::Idle, "agent.registered");
    expect(Some(status("a", "busy")), 0, Attention::Working, "agent.status_changed");
    expect(None, 121, Attention::Stale, "agent.status_changed");
    expect(Some(offline), 0, Attention::Lost, "agent.health_changed");
    expect(Some(task("t", "started", json!({"agent": "a"}))), 0, Attention::Lost, "agent.health_changed");
    expect(Some(task("t", "failed", json!({"error": "no"}))), 0, Attention::Failing, "task.failed");
    expect(Some(begin), 0, Attention::Failing, "task.failed");
    expect(Some(ask), 0, Attention::NeedsYou, "session.permission_requested");
    let decided = json!({"type": "session.permission_decided", "entity": "session:s", "payload":
        {"request_id": "r", "allowed": true, "always_allow": false, "by": "me"}});
    expect(Some(decided), 0, Attention::Failing, "task.failed");
    expect(Some(status("a", "stopped")), 999, Attention::Done, "agent.status_changed");
}

#[test]
fn a_success_ends_a_failure() {
    let state = fold(&[
        registered("a"),
        task("t", "started", json!({"agent": "a"})),
        task("t", "failed", json!({"error": "no"})),
        task("u", "started", json!({"agent": "a"})),
        task("u", "completed", json!({})),
    ]);
    assert_eq!(standing(&state, "a", 0).0, Attention::Idle);
    let agent = &state.agents.by_id["a"];
    assert_eq!((agent.completed, agent.failed, agent.running), (1, 1, 0));
}

#[test]
fn a_task_that_changes_hands_leaves_the_first() {
    let state = fold(&[
        registered("a"),
        registered("b"),
        task("t", "started", json!({"agent": "a"})),
        task("t", "assigned", json!({"agent": "b"})),
        task("t", "started", json!({})),
    ]);
    assert_eq!((state.agents.by_id["a"].running, state.agents.by_id["b"].running), (0, 1));
    assert_eq!(state.agents.by_id["b"].task.as_deref(), Some("t"));
}

#[test]
fn progress_only_grows_and_ends_with_the_task() {
    let state = fold(&[
        task("t", "created", json!({"description": "d"})),
        task("t", "progress", json!({"progress": 60})),
        task("t", "progress", json!({"progress": 40, "message": "late"})),
        task("t", "failed", json!({"error": "x"})),
        task("t", "progress", json!({"progress": 90})),
    ]);
    let task = &state.tasks.by_id["t"];
    assert_eq!((task.state, task.progress, task.error.as_deref()), (TaskState::Failed, Some(60.0), Some("x")));
    assert_eq!(state.tasks.failed, 1);
}

#[test]
fn deltas_join_to_the_exact_text() {
    let delta = |turn: &str, delta: &str| json!({"type": "session.text_delta", "entity": "session:s", "payload": {"turn_id": turn, "delta": delta}});
    let tool = json!({"type": "session.tool_started", "entity": "session:s", "payload": {"tool_use_id": "u", "tool_name": "Read", "input": {"f": 1}}});
    let answer = json!({"type": "session.tool_finished", "entity": "session:s", "payload":
        {"tool_use_id": "u", "tool_name": "Read", "result": "ok", "is_error": false}});
    let whole = json!({"type": "session.text_completed", "entity": "session:s", "payload": {"turn_id": "2", "text": "c d!", "intermediate": false}});
    let state = fold(&[delta("1", "a "), delta("1", "🐝"), tool, delta("2", "c "), answer, delta("2", "d"), whole]);
    let shown: Vec<(EntryKind, &str, bool)> =
        state.sessions.by_id["s"].transcript.iter().map(|entry| (entry.kind, entry.text.as_str(), entry.done)).collect();
    assert_eq!(shown, [(EntryKind::Text, "a 🐝", false), (EntryKind::Tool, "{\"f\":1}", true), (EntryKind::Text, "c d!", true)]);
}

#[test]
fn a_long_text_is_cut_and_says_so() {
    let piece = "é".repeat(3_000);
    let delta = json!({"type": "session.text_delta", "entity": "session:s", "payload": {"delta": piece}});
    let state = fold(&[delta.clone(), delta]);
    let entry = &state.sessions.by_id["s"].transcript[0];
    assert_eq!(entry.text.len() as u64 + entry.cut, 12_000);
    assert!(entry.text.len() <= sessions::MAX_ENTRY);
}

#[test]
fn memory_keeps_current_keys() {
    let op = |action: &str, payload: serde_json::Value| json!({"type": format!("memory.{action}"), "payload": payload});
    let state = fold(&[
        op("stored", json!({"namespace": "n", "key": "k", "value": 1, "latency_ms": 2})),
        op("updated", json!({"namespace": "n", "key": "k", "value": {"v": 2}, "latency_ms": 2})),
        op("stored", json!({"namespace": "n", "key": "gone", "value": 1, "latency_ms": 2})),
        op("deleted", json!({"namespace": "n", "key": "gone", "latency_ms": 2})),
        op("retrieved", json!({"namespace": "n", "key": "k", "cache_hit": true, "latency_ms": 1})),
    ]);
    let keys = &state.memory.namespaces["n"].keys;
    assert_eq!(keys.len(), 1);
    assert_eq!((keys["k"].value.as_deref(), keys["k"].writes), (Some("{\"v\":2}"), 2));
    assert_eq!((state.memory.hits, state.memory.latency_ms), (1, 9.0));
}

#[test]
fn an_event_folds_once() {
    let mut state = fold(&[registered("a")]);
    let event = Draft::read(registered("b"), &At::Root("")).unwrap().into_event(1, Timestamp(START));
    let before = hash(&state);
    assert_eq!(state.fold(&event), Touched::NONE);
    assert_eq!(hash(&state), before);
}

#[test]
fn a_clock_far_ahead_does_not_move_the_swarms() {
    let mut event = registered("a");
    event["ts"] = json!("2099-01-01T00:00:00Z");
    let state = fold(&[event, registered("b")]);
    assert_eq!(state.as_of, Timestamp(START + 1_000));
    assert_eq!(state.rates.seconds.len(), 2);
}

#[test]
fn rates_are_means_over_whole_seconds() {
    let events: Vec<_> = (0..30).map(|n| registered(&n.to_string())).collect();
    let state = fold(&events);
    assert_eq!(state.rates.per_second(now_after(&state, 1), 10).events, 1.0);
    assert_eq!(state.rates.per_second(now_after(&state, 300), 10).events, 0.0);
    let series = state.rates.series(now_after(&state, 1), rates::Span::Minute, rates::Measure::Events);
    assert_eq!(series.iter().map(|point| point.unwrap().mean as u64).sum::<u64>(), 30);
    assert_eq!(series[29..31].iter().map(|point| point.unwrap().mean).collect::<Vec<_>>(), [0.0, 1.0]);
}

#[test]
fn a_snapshot_reads_back_and_folds_on_alike() {
    let mut scenario = Scenario::new(7, 40, Timestamp(START));
    let mut whole = SwarmState::default();
    let [mut resumed, mut packed] = [SwarmState::default(), SwarmState::default()];
    for seq in 1..=6_000 {
        let draft = scenario.next_event();
        let now = draft.ts.unwrap();
        let event = draft.into_event(seq, now);
        whole.fold(&event);
        if seq == 2_500 {
            resumed = from_text(&to_text(&whole)).unwrap();
            packed = unpack(&pack(&whole)).unwrap();
            assert_eq!(pack(&packed), pack(&whole));
        }
        resumed.fold(&event);
        packed.fold(&event);
    }
    for folded_on in [resumed, packed] {
        assert_eq!(hash(&folded_on), hash(&whole));
        assert_eq!(folded_on, whole);
    }
}

/// The state stays small whatever comes: 200,000 events over ever new names.
#[test]
fn everything_is_bounded() {
    let mut state = SwarmState::default();
    let kinds = ["agent", "task", "session", "provider", "selfcheck", "trade", "message", "memory"];
    for seq in 1..=200_000_u64 {
        let id = format!("{seq}");
        let event = match kinds[(seq % 8) as usize] {
            "agent" => registered(&id),
            "task" => task(&id, "created", json!({"description": "d"})),
            "session" => {
                json!({"type": "session.text_delta", "entity": {"kind": "session", "id": id}, "payload": {"delta": "x"}})
            }
            "provider" => {
                json!({"type": "provider.status_changed", "entity": {"kind": "provider", "id": id}, "payload": {"state": "READY", "endpoint": "e"}})
            }
            "selfcheck" => json!({"type": "selfcheck.started", "entity": {"kind": "selfcheck", "id": id}}),
            "trade" => json!({"type": "trade.analysis_started", "entity": {"kind": "trade", "id": id}, "payload": {"mint": id}}),
            "message" => json!({"type": "message.sent", "entity": {"kind": "message", "id": id},
                "payload": {"from": id, "to": "*", "message_type": "broadcast", "content": "c", "size": 1}}),
            _ => {
                json!({"type": "memory.stored", "payload": {"namespace": format!("n{}", seq % 400), "key": id, "value": 1, "latency_ms": 0}})
            }
        };
        state.fold(&Draft::read(event, &At::Root("")).unwrap().into_event(seq, Timestamp(START + seq as i64)));
    }
    let slack = |cap: usize| cap + cap / 8;
    assert!(state.agents.by_id.len() <= slack(agents::MAX_AGENTS));
    assert!(state.tasks.by_id.len() <= slack(tasks::MAX_TASKS));
    assert!(state.sessions.by_id.len() <= slack(sessions::MAX_SESSIONS));
    assert!(state.providers.by_id.len() <= slack(providers::MAX_PROVIDERS));
    assert!(state.selfchecks.by_id.len() <= slack(selfchecks::MAX_RUNS));
    assert!(state.trades.tokens.len() <= slack(trades::MAX_TOKENS));
    assert!(state.messages.pairs.len() <= slack(messages::MAX_PAIRS));
    assert!(state.memory.namespaces.len() <= slack(memory::MAX_NAMESPACES));
    assert!(state.memory.namespaces.values().all(|namespace| namespace.keys.len() <= slack(memory::MAX_KEYS)));
    assert_eq!(state.agents.by_id.len() as u64 + state.agents.forgotten, 25_000);
    assert!(to_text(&state).len() < 16 * 1024 * 1024);
}

fn sent(id: &str, source: &str, from: &str, to: &str) -> serde_json::Value {
    json!({"type": "message.sent", "source": source, "entity": {"kind": "message", "id": id},
        "payload": {"from": from, "to": to, "message_type": "query", "content": "c", "size": 1}})
}

#[test]
fn a_task_waits_until_all_it_depends_on_is_completed() {
    let mut events = vec![
        task("a", "created", json!({"description": "a"})),
        task("b", "created", json!({"description": "b"})),
        task("c", "created", json!({"description": "c", "depends_on": ["a", "b", "never heard of"]})),
        task("a", "completed", json!({})),
    ];
    let state = fold(&events);
    assert_eq!(
        (state.tasks.by_id["c"].open.as_slice(), state.tasks.blocked),
        (["b".to_owned(), "never heard of".to_owned()].as_slice(), 1)
    );
    assert_eq!(status::task(&state.tasks.by_id["c"], now_after(&state, 0)).why, "for b");
    events.push(task("b", "failed", json!({"error": "x"})));
    assert!(fold(&events).tasks.by_id["c"].is_blocked(), "what failed is not completed");
    events.extend([task("b", "retried", json!({"attempt": 2})), task("b", "completed", json!({}))]);
    events.push(task("never heard of", "completed", json!({})));
    let state = fold(&events);
    assert!(!state.tasks.by_id["c"].is_blocked());
    assert_eq!((state.tasks.blocked, state.tasks.by_id["b"].attempt), (0, 2));
}

#[test]
fn a_task_that_is_retried_begins_anew() {
    let state = fold(&[
        registered("a"),
        task("t", "created", json!({"description": "d"})),
        task("t", "started", json!({"agent": "a"})),
        task("t", "progress", json!({"progress": 60, "message": "m"})),
        task("t", "failed", json!({"error": "x"})),
        task("t", "retried", json!({"attempt": 2})),
    ]);
    let it = &state.tasks.by_id["t"];
    assert_eq!(
        (it.state, it.attempt, &it.agent, it.progress, &it.error, it.ended),
        (TaskState::Pending, 2, &None, None, &None, None)
    );
    assert_eq!((state.agents.by_id["a"].running, state.agents.by_id["a"].failed), (0, 1));
}

#[test]
fn hand_offs_are_counted_with_what_came_of_them() {
    let mut events = vec![
        task("whole", "started", json!({"agent": "a"})),
        task("part", "created", json!({"description": "d", "parent": "whole"})),
        task("part", "assigned", json!({"agent": "b"})),
        task("part", "started", json!({})),
        task("part", "failed", json!({"error": "x"})),
        task("part", "retried", json!({"attempt": 2})),
        task("part", "assigned", json!({"agent": "c"})),
        task("part", "started", json!({})),
        task("part", "completed", json!({})),
    ];
    let handed = |events: &[serde_json::Value]| -> Vec<(String, String, u64, u64, u64)> {
        let state = fold(events);
        state.topology.handoffs.values().map(|p| (p.from.clone(), p.to.clone(), p.count, p.recent, p.recent_errors)).collect()
    };
    let row = |from: &str, to: &str, recent, failures| (from.to_owned(), to.to_owned(), 1, recent, failures);
    assert_eq!(handed(&events), [row("a", "b", 1, 1), row("b", "c", 1, 0)]);
    events.push(task("part", "assigned", json!({"agent": "c"})));
    assert_eq!(handed(&events).len(), 2, "to the same again is no hand-off");
}

#[test]
fn only_what_the_deck_was_given_waits_in_inboxes() {
    let mut events =
        vec![registered("a"), registered("b"), registered("c"), sent("m1", "core", "a", "b"), sent("m2", "agent", "a", "b")];
    events.extend([sent("m3", "core", "a", "*"), sent("m4", "core", "a", "unknown")]);
    let inbox = |state: &SwarmState, id: &str| {
        state.messages.inboxes.get(id).map(|inbox| inbox.waiting.iter().copied().collect::<Vec<_>>())
    };
    let state = fold(&events);
    assert_eq!((inbox(&state, "a"), inbox(&state, "b"), inbox(&state, "c")), (None, Some(vec![4, 6]), Some(vec![6])));
    let delivered =
        |seq: u64| json!({"type": "message.delivered", "entity": "message:m1", "payload": {"agent": "b", "sent_seq": seq}});
    events.extend([delivered(4), delivered(4), delivered(5)]);
    events.push(json!({"type": "agent.removed", "entity": "agent:c"}));
    let state = fold(&events);
    assert_eq!((inbox(&state, "b"), inbox(&state, "c")), (Some(vec![6]), None));
    assert_eq!((state.messages.inboxes.get("b").unwrap().delivered, state.messages.total), (1, 4));
}

#[test]
fn an_inbox_is_bounded_and_counts_what_it_drops() {
    let mut events = vec![registered("b")];
    events.extend((0..1_100).map(|n| sent(&format!("m{n}"), "core", "a", "b")));
    let state = fold(&events);
    let inbox = state.messages.inboxes.get("b").unwrap();
    assert_eq!((inbox.waiting.len(), inbox.waiting[0], inbox.dropped), (messages::MAX_WAITING, 102, 100));
    let pair = &state.messages.pairs["a\u{1f}b"];
    assert!(pair.count == 1_100 && pair.recent < messages::RECENT);
}

#[test]
fn trust_has_a_bounded_history_and_nobody_sets_his_own() {
    let trust = |source: &str, score: f64| {
        json!({"type": "agent.trust_changed", "source": source, "entity": "agent:a",
        "payload": {"score": score, "previous": 0.5, "delta": 0.01, "reason": "success", "by": "b"}})
    };
    let mut events = vec![registered("a"), trust("a", 1.0)];
    assert_eq!(fold(&events).agents.by_id["a"].trust, None);
    events.extend((0..60).map(|n| trust("core", f64::from(n) / 100.0)));
    let state = fold(&events);
    let agent = &state.agents.by_id["a"];
    assert_eq!((agent.trust, agent.trust_changes, agent.trust_history.len()), (Some(0.59), 60, agents::MAX_TRUST_HISTORY));
    assert_eq!((agent.trust_history[0].score, agent.trust_history[0].by.as_deref()), (0.1, Some("b")));
    assert_eq!((agent.spoke, agent.heard.seq), (1, 62), "what others say of it is no sign of life");
}

#[test]
fn a_silent_agent_is_told_with_what_it_had_open() {
    let begin = json!({"type": "session.started", "entity": "session:s", "payload": {"agent": "a", "permission_mode": "ask"}});
    let tool = |action: &str, more: serde_json::Value| {
        let mut payload = json!({"tool_use_id": "u", "tool_name": "Bash"});
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"type": format!("session.tool_{action}"), "entity": "session:s", "payload": payload})
    };
    let mut events = vec![registered("a"), begin, tool("started", json!({"input": {}}))];
    let why = |events: &[serde_json::Value], seconds| {
        let state = fold(events);
        status::agent(&state.agents.by_id["a"], now_after(&state, seconds)).why
    };
    assert_eq!(why(&events, 1), "Bash is open");
    assert_eq!(standing(&fold(&events), "a", 1).1, "session.tool_started");
    assert_eq!(why(&events, 245), "no event for 4 m while Bash is open");
    events.push(tool("finished", json!({"result": "", "is_error": false})));
    assert_eq!(standing(&fold(&events), "a", 245).0, Attention::Idle);
}

#[test]
fn how_long_an_agent_waited_for_a_person_is_kept() {
    let begin = json!({"type": "session.started", "entity": "session:s", "payload": {"agent": "a", "permission_mode": "ask"}});
    let ask = |id: &str| {
        json!({"type": "session.permission_requested", "entity": "session:s", "payload":
        {"request_id": id, "tool_name": "Bash", "expires_at": "2026-01-27T11:00:00Z"}})
    };
    let decided = |id: &str| {
        json!({"type": "session.permission_decided", "entity": "session:s", "payload":
        {"request_id": id, "allowed": true, "always_allow": false, "by": "me"}})
    };
    let mut events = vec![registered("a"), begin, ask("r"), ask("q"), decided("r"), decided("q"), ask("p")];
    let waits = |events: &[serde_json::Value]| -> Vec<(i64, Option<i64>)> {
        let second = |at: Timestamp| (at.0 - START) / 1_000;
        fold(events).agents.by_id["a"].waits.iter().map(|wait| (second(wait.from), wait.to.map(second))).collect()
    };
    assert_eq!(waits(&events), [(2, Some(5)), (6, None)]);
    events.push(json!({"type": "agent.removed", "entity": "agent:a"}));
    assert_eq!(waits(&events), [(2, Some(5)), (6, Some(7))]);
}

#[test]
fn what_a_task_took_before_is_kept() {
    let state = fold(&[
        task("t", "created", json!({"description": "d"})),
        task("t", "started", json!({"agent": "a"})),
        task("t", "failed", json!({"error": "no"})),
        task("t", "retried", json!({"attempt": 2})),
        task("t", "started", json!({"agent": "b"})),
        task("t", "assigned", json!({"agent": "c"})),
        task("t", "started", json!({})),
        task("t", "completed", json!({})),
    ]);
    let second = |at: Timestamp| (at.0 - START) / 1_000;
    let runs: Vec<_> = state.tasks.by_id["t"]
        .runs_until(now_after(&state, 0))
        .map(|run| (run.agent.unwrap(), second(run.from), second(run.to), run.state))
        .collect();
    let run = |agent: &str, from, to, state| (agent.to_owned(), from, to, state);
    assert_eq!(
        runs,
        [run("a", 1, 2, TaskState::Failed), run("b", 4, 5, TaskState::Assigned), run("c", 6, 7, TaskState::Completed)]
    );
    let events: Vec<_> =
        (0..40).map(|n| task("u", if n % 2 == 0 { "started" } else { "failed" }, json!({"error": "x"}))).collect();
    assert_eq!(fold(&events).tasks.by_id["u"].runs.len(), tasks::MAX_RUNS);
}

/// The hash of a seeded fold, for the test that folds the same in the browser.
#[test]
fn the_hash_of_a_seeded_swarm_is_stable_within_a_build() {
    assert_eq!(crate::demo::hash_of(1, 3_000), crate::demo::hash_of(1, 3_000));
    assert_ne!(crate::demo::hash_of(1, 3_000), crate::demo::hash_of(2, 3_000));
}

proptest! {
    /// Whatever stands there, it ends.
    #[test]
    fn what_is_no_packed_state_is_refused_or_read(bytes: Vec<u8>) {
        let _either = unpack::<SwarmState>(&bytes);
    }
}
