//! `kill -9` under load: nothing acknowledged is lost, and nothing is there twice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{Server, until};

const SENDERS: u64 = 4;
const KILLS: usize = 20;

#[test]
fn twenty_kills_lose_nothing_and_double_nothing() {
    let mut server = Server::start();
    let url = server.url("/api/events");
    let done = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let places: Arc<Mutex<BTreeMap<String, u64>>> = Arc::default();
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (url, done, acknowledged, places) =
                (url.clone(), Arc::clone(&done), Arc::clone(&acknowledged), Arc::clone(&places));
            std::thread::spawn(move || send(sender, &url, &done, &acknowledged, &places))
        })
        .collect();
    for _ in 0..KILLS {
        let before = acknowledged.load(Ordering::SeqCst);
        until("events are acknowledged", || (acknowledged.load(Ordering::SeqCst) > before + 40).then_some(()));
        server.kill();
        server.run();
    }
    done.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.join().unwrap();
    }
    let log = server.log();
    let seqs: Vec<u64> = log.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=log.len() as u64).collect::<Vec<_>>(), "no gap");
    let mut kept: BTreeMap<String, u64> = BTreeMap::new();
    for event in &log {
        let before = kept.insert(event["id"].as_str().unwrap().to_owned(), event["seq"].as_u64().unwrap());
        assert_eq!(before, None, "{} is there twice", event["id"]);
    }
    let places = places.lock().unwrap();
    assert!(places.len() as u64 >= KILLS as u64 * 40);
    for (id, seq) in places.iter() {
        assert_eq!(kept.get(id), Some(seq), "{id} was acknowledged as {seq}");
    }
    // Every sender's events stand in the order in which it sent them.
    for sender in 0..SENDERS {
        let mine: Vec<u64> =
            log.iter().filter(|e| e["payload"]["sender"] == sender).map(|e| e["payload"]["n"].as_u64().unwrap()).collect();
        assert!(mine.windows(2).all(|pair| pair[0] < pair[1]));
    }
    // What was folded live, before and after crashes, is what a fold of the log amounts to.
    let live = server.get("/api/state").1;
    let head = live["seq"].as_u64().unwrap();
    assert_eq!(server.get(&format!("/api/state?at={head}")).1["hash"], live["hash"]);
}

/// Sends events one after the other, each until it is acknowledged.
fn send(sender: u64, url: &str, done: &AtomicBool, acknowledged: &AtomicU64, places: &Mutex<BTreeMap<String, u64>>) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    for n in 0.. {
        if done.load(Ordering::SeqCst) {
            return;
        }
        let id = format!("{sender}-{n}");
        let event = json!({"type": "test.load", "source": "load", "id": id, "payload": {"sender": sender, "n": n}}).to_string();
        let answer: Value = until("the server comes back", || {
            let mut response = agent.post(url).send(&event).ok()?;
            let text = response.body_mut().read_to_string().ok()?;
            (response.status() == 200).then(|| serde_json::from_str(&text).unwrap())
        });
        places.lock().unwrap().insert(id, answer["last_seq"].as_u64().unwrap());
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
}
