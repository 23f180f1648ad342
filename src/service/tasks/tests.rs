//! The state machine, claims and dependencies, with a real log on disk.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::service::Reason;
use crate::service::testdeck::Deck;

async fn agents(deck: &Deck, ids: &[&str]) {
    for id in ids {
        let payload = json!({"name": id, "agent_type": "worker"});
        deck.send(json!({"type": "agent.registered", "entity": {"kind": "agent", "id": id}, "payload": payload})).await;
    }
}

fn named(id: &str) -> NewTask {
    NewTask { id: Some(id.to_owned()), ..NewTask::new(id) }
}

/// Brings a new task into a state.
async fn bring(tasks: &Tasks, id: &str, state: TaskState) {
    tasks.create(named(id)).await.unwrap();
    if state == TaskState::Pending {
        return;
    }
    if state == TaskState::Cancelled {
        tasks.cancel(id, None).await.unwrap();
        return;
    }
    tasks.assign(id, "a").await.unwrap();
    if state == TaskState::Assigned {
        return;
    }
    tasks.start_task(id, None, None).await.unwrap();
    match state {
        TaskState::Completed => tasks.complete(id, None, Completion::default()).await.map(|_| ()).unwrap(),
        TaskState::Failed => tasks.fail(id, None, "x".into()).await.map(|_| ()).unwrap(),
        _ => {}
    }
}

#[tokio::test]
async fn a_task_goes_its_way_and_no_other() {
    use TaskState::{Assigned, Cancelled, Completed, Failed, Pending, Running};
    let deck = Deck::open();
    agents(&deck, &["a"]).await;
    let tasks = Tasks::start(&deck.setup);
    let ways: &[(&str, &[TaskState], TaskState)] = &[
        ("assign", &[Pending], Assigned),
        ("claim", &[Pending], Assigned),
        ("start", &[Assigned], Running),
        ("progress", &[Running], Running),
        ("complete", &[Running], Completed),
        ("fail", &[Running], Failed),
        ("cancel", &[Pending, Assigned, Running], Cancelled),
        ("retry", &[Failed, Cancelled], Pending),
    ];
    for (command, from, to) in ways {
        for state in TaskState::ALL {
            let id = format!("{command}-{state}");
            bring(&tasks, &id, *state).await;
            let before = deck.hub.head();
            let moved = match *command {
                "assign" => tasks.assign(&id, "a").await,
                "claim" => tasks.claim(&id, "a").await,
                "start" => tasks.start_task(&id, None, None).await,
                "progress" => tasks.progress(&id, None, 10.0, None).await,
                "complete" => tasks.complete(&id, None, Completion::default()).await,
                "fail" => tasks.fail(&id, None, "x".into()).await,
                "cancel" => tasks.cancel(&id, None).await,
                _ => tasks.retry(&id, None).await,
            };
            if from.contains(state) {
                assert_eq!(moved.unwrap().state, *to, "{id}");
            } else {
                let refusal = moved.unwrap_err();
                assert_eq!((refusal.reason, deck.hub.head()), (Reason::Conflict, before), "{id}");
                assert!(
                    refusal.detail.contains(&format!("is {state}")) && refusal.detail.ends_with(&format!("become {to}")),
                    "{refusal}"
                );
            }
        }
    }
    deck.hub.close().await;
}

#[tokio::test]
async fn a_hundred_agents_claim_a_thousand_tasks_and_each_has_one_owner() {
    let deck = Deck::open();
    let names: Vec<String> = (0..100).map(|n| format!("agent-{n}")).collect();
    agents(&deck, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let tasks = Tasks::start(&deck.setup);
    for n in 0..1_000 {
        deck.send(
            json!({"type": "task.created", "entity": format!("task:t{n}"), "payload": {"description": "d", "priority": n % 3}}),
        )
        .await;
    }
    let claims: Vec<_> = names
        .iter()
        .map(|name| {
            let (tasks, name) = (tasks.clone(), name.clone());
            tokio::spawn(async move {
                let mut mine = Vec::new();
                while let Some(task) = tasks.claim_next(&name).await.unwrap() {
                    assert_eq!(task.agent.as_ref(), Some(&name));
                    mine.push(task.id);
                }
                (name, mine)
            })
        })
        .collect();
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for claim in claims {
        let (name, mine) = claim.await.unwrap();
        for task in mine {
            assert_eq!(owners.insert(task.clone(), name.clone()), None, "{task} has two owners");
        }
    }
    assert_eq!(owners.len(), 1_000);
    let deck = deck.again().await;
    let state = deck.hub.state();
    assert!(owners.iter().all(|(task, name)| state.tasks.by_id[task].agent.as_ref() == Some(name)), "also after a restart");
    assert_eq!(state.types["task.assigned"], 1_000);
    deck.hub.close().await;
}

#[tokio::test]
async fn of_all_who_claim_one_task_one_has_it() {
    let deck = Deck::open();
    let names: Vec<String> = (0..30).map(|n| format!("agent-{n}")).collect();
    agents(&deck, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let tasks = Tasks::start(&deck.setup);
    tasks.create(named("t")).await.unwrap();
    let claims: Vec<_> = names
        .into_iter()
        .map(|name| {
            let tasks = tasks.clone();
            tokio::spawn(async move { tasks.claim("t", &name).await.map(|task| (task, name)) })
        })
        .collect();
    let mut won = Vec::new();
    for claim in claims {
        match claim.await.unwrap() {
            Ok((_, name)) => won.push(name),
            Err(refusal) => assert!(refusal.detail.starts_with("task \"t\" is assigned to \"agent-"), "{refusal}"),
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(tasks.get("t").unwrap().agent.as_ref(), won.first());
    deck.hub.close().await;
}

#[tokio::test]
async fn the_most_urgent_comes_first_then_the_oldest() {
    let deck = Deck::open();
    agents(&deck, &["a"]).await;
    let tasks = Tasks::start(&deck.setup);
    for (id, priority) in [("z", None), ("b", Some(1)), ("a", Some(1)), ("low", Some(-1))] {
        tasks.create(NewTask { priority, ..named(id) }).await.unwrap();
    }
    tasks.cancel("b", None).await.unwrap();
    tasks.retry("b", Some("after all".into())).await.unwrap();
    let mut order = Vec::new();
    while let Some(task) = tasks.claim_next("a").await.unwrap() {
        order.push(task.id);
    }
    assert_eq!(order, ["a", "b", "z", "low"]);
    assert_eq!(tasks.get("b").unwrap().attempt, 2);
    deck.hub.close().await;
}

#[tokio::test]
async fn a_task_waits_for_what_it_depends_on() {
    let deck = Deck::open();
    agents(&deck, &["a"]).await;
    let tasks = Tasks::start(&deck.setup);
    tasks.create(named("first")).await.unwrap();
    let after = |id: &str, on: &[&str]| NewTask { depends_on: on.iter().map(|on| (*on).to_owned()).collect(), ..named(id) };
    let second = tasks.create(after("second", &["first"])).await.unwrap();
    assert!(second.is_blocked());
    for (task, reason, detail) in [
        (after("x", &["first", "nothing"]), Reason::Missing, "depends_on[1]: no task \"nothing\""),
        (after("x", &["x"]), Reason::Invalid, "depends_on[0]: a task cannot wait for itself"),
        (after("x", &["first", "first"]), Reason::Invalid, "depends_on[1]: \"first\" is named twice"),
        (
            NewTask { agent: Some("a".into()), ..after("x", &["first"]) },
            Reason::Conflict,
            "task \"x\" is blocked: it depends on \"first\", which is pending",
        ),
        (named("first"), Reason::Conflict, "task \"first\" is there already and is pending"),
        (NewTask { agent: Some("nobody".into()), ..named("x") }, Reason::Missing, "no agent \"nobody\" is on the register"),
        (NewTask { description: String::new(), ..named("x") }, Reason::Invalid, "description: empty"),
    ] {
        let refusal = tasks.create(task).await.unwrap_err();
        assert_eq!((refusal.reason, refusal.detail.as_str()), (reason, detail));
    }
    let refusal = tasks.claim("second", "a").await.unwrap_err();
    assert_eq!(refusal.detail, "task \"second\" is blocked: it depends on \"first\", which is pending");
    assert_eq!(tasks.claim_next("a").await.unwrap().unwrap().id, "first");
    assert_eq!(tasks.claim_next("a").await.unwrap(), None, "what waits cannot be had");
    let blocked = TaskQuery { blocked: Some(true), ..TaskQuery::default() };
    assert_eq!(tasks.list(&blocked).total, 1);
    tasks.start_task("first", Some("a"), None).await.unwrap();
    tasks.complete("first", None, Completion::default()).await.unwrap();
    assert_eq!(tasks.claim_next("a").await.unwrap().unwrap().id, "second");
    deck.hub.close().await;
}

#[tokio::test]
async fn only_who_has_a_task_moves_it_and_progress_only_grows() {
    let deck = Deck::open();
    agents(&deck, &["a", "b"]).await;
    let tasks = Tasks::start(&deck.setup);
    tasks.create(NewTask { agent: Some("a".into()), ..named("t") }).await.unwrap();
    let refusal = tasks.start_task("t", Some("b"), None).await.unwrap_err();
    assert_eq!((refusal.reason, refusal.detail.as_str()), (Reason::Conflict, "task \"t\" is \"a\"'s, not \"b\"'s"));
    tasks.start_task("t", Some("a"), Some("Title".into())).await.unwrap();
    assert_eq!(tasks.progress("t", None, 60.0, None).await.unwrap().progress, Some(60.0));
    let before = deck.hub.head();
    assert_eq!(tasks.progress("t", None, 40.0, None).await.unwrap().progress, Some(60.0));
    assert_eq!(deck.hub.head(), before, "a late report is not told");
    assert_eq!(tasks.progress("t", None, 101.0, None).await.unwrap_err().reason, Reason::Invalid);
    let done = Completion { result: Some(json!({"ok": true})), ..Completion::default() };
    let task = tasks.complete("t", Some("a"), done).await.unwrap();
    assert!(task.duration_ms.is_some() && task.result.as_deref() == Some("{\"ok\":true}"));
    let large = Completion { result: Some("x".repeat(25_000).into()), ..Completion::default() };
    assert_eq!(tasks.complete("t", None, large).await.unwrap_err().reason, Reason::TooLarge);
    deck.send(json!({"type": "agent.status_changed", "entity": "agent:b", "payload": {"status": "stopped"}})).await;
    tasks.create(named("u")).await.unwrap();
    let refusal = tasks.assign("u", "b").await.unwrap_err();
    assert_eq!((refusal.reason, refusal.detail.as_str()), (Reason::Conflict, "agent \"b\" has stopped"));
    deck.hub.close().await;
}
