use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::event::wire::At;
use crate::event::{Draft, Event};
use crate::hub::{Kept, LogError, Remains};
use crate::service::memory::{MAX_HISTORY, text};

const LOG: Epoch = Epoch(7);

fn event(seq: u64, action: &str, namespace: &str, key: Option<&str>, value: Option<Value>) -> Event {
    let mut payload = json!({"namespace": namespace, "latency_ms": 1});
    if let Some(key) = key {
        payload["key"] = json!(key);
    }
    if let Some(value) = value {
        payload["value"] = value;
    }
    let event = json!({"type": format!("memory.{action}"), "source": "test", "payload": payload});
    Draft::read(event, &At::Root("")).unwrap().into_event(seq, Timestamp(1_000 * seq as i64))
}

fn stored(seq: u64, key: &str, value: Value) -> Event {
    event(seq, "stored", "n", Some(key), Some(value))
}

fn open(folder: &TempDir, epoch: Epoch, head: u64) -> Index {
    Index::open(&folder.path().join("memory.db"), epoch, head).unwrap()
}

#[test]
fn operations_amount_to_keys_values_and_sizes() {
    let folder = TempDir::new().unwrap();
    let index = open(&folder, LOG, 0);
    let events = [
        stored(1, "a", json!("one")),
        stored(2, "b", json!({"plan": "two"})),
        event(3, "updated", "n", Some("a"), Some(json!("three"))),
        event(4, "deleted", "n", Some("b"), None),
        event(5, "deleted", "n", Some("never"), None),
        event(6, "retrieved", "m", Some("x"), None),
        event(7, "searched", "*", None, None),
        event(8, "stored", "n", None, Some(json!(1))),
        event(9, "stored", "n", Some(&"k".repeat(257)), Some(json!(1))),
        event(10, "stored", "n", Some("untold"), None),
    ];
    assert_eq!(index.apply(&events, 10).unwrap().len(), 6);
    let a = index.get("n", "a").unwrap().unwrap();
    assert_eq!((a.value.as_deref(), a.version, a.writes, a.bytes), (Some("\"three\""), 3, 2, 7));
    assert_eq!((a.created, a.updated), (Timestamp(1_000), Timestamp(3_000)));
    assert_eq!(index.get("n", "untold").unwrap().unwrap().value, None);
    assert!(index.get("n", "b").unwrap().is_none());
    let spaces = index.namespaces("", 10).unwrap();
    let sizes: Vec<_> = spaces.iter().map(|it| (it.name.as_str(), it.keys, it.bytes, it.operations)).collect();
    assert_eq!(sizes, [("m", 0, 0, 1), ("n", 2, 7, 6)]);
    let totals = index.totals().unwrap();
    assert_eq!((totals.namespaces, totals.keys, totals.operations, totals.passed_over), (2, 2, 7, 2));
    assert_eq!(index.writes("n", "b", u64::MAX, 10).unwrap(), [4, 2]);
    assert!(index.search("\"two\"", None, 10).unwrap().is_empty(), "what is deleted is not found");
    assert!(index.search("\"one\"", None, 10).unwrap().is_empty(), "what is overwritten is not found");
    assert_eq!(index.search("\"three\"", Some("n"), 10).unwrap()[0].0.key, "a");
}

#[test]
fn an_index_goes_on_where_it_was_and_is_built_anew_for_another_log() {
    let folder = TempDir::new().unwrap();
    open(&folder, LOG, 0).apply(&[stored(1, "a", json!(1))], 4).unwrap();
    let again = open(&folder, LOG, 9);
    assert_eq!((again.built(), again.totals().unwrap().keys), (4, 1));
    drop(again);
    assert_eq!(open(&folder, LOG, 3).built(), 0, "the log lost its tail");
    open(&folder, LOG, 9).apply(&[stored(1, "a", json!(1))], 4).unwrap();
    let other = open(&folder, Epoch(8), 9);
    assert_eq!((other.built(), other.totals().unwrap().keys), (0, 0));
    drop(other);
    std::fs::write(folder.path().join("memory.db"), "no database at all, but long enough to look at".repeat(40)).unwrap();
    assert_eq!(open(&folder, LOG, 9).built(), 0);
}

#[test]
fn what_is_kept_of_events_that_are_gone_puts_the_index_right() {
    let kept = |event: &Event, writes| Kept { json: event.to_json(), writes, created: Timestamp(9) };
    let restored = |from: u64| {
        let folder = TempDir::new().unwrap();
        let index = open(&folder, LOG, 0);
        let known = [stored(1, "a", json!("one")), stored(2, "b", json!("two")), stored(3, "same", json!("three"))];
        index.apply(&known, 3).unwrap();
        // Gone with the events 4 to 10: a was written anew, b deleted, c stored.
        let remains = [kept(&event(5, "updated", "n", Some("a"), Some(json!("five"))), 2), kept(&stored(7, "c", json!(7)), 1)];
        let same = kept(&known[2], 1);
        let read = |take: &mut dyn FnMut(Kept) -> bool| {
            assert!(remains.into_iter().chain([same]).all(take));
            Ok(Remains { from, upto: 10 })
        };
        assert_eq!(index.restore(read).unwrap(), 10);
        (index, folder)
    };
    let (index, folder) = restored(0);
    let a = index.get("n", "a").unwrap().unwrap();
    assert_eq!((a.value.as_deref(), a.version, a.writes, a.created), (Some("\"five\""), 5, 2, Timestamp(9)));
    assert!(index.get("n", "b").unwrap().is_none() && index.search("\"two\"", None, 9).unwrap().is_empty());
    let same = index.get("n", "same").unwrap().unwrap();
    assert_eq!((same.writes, same.created), (1, Timestamp(3_000)));
    assert_eq!(index.search("\"five\"", None, 9).unwrap()[0].0.key, "a");
    let n = index.namespace("n").unwrap().unwrap();
    assert_eq!((n.keys, n.bytes, n.operations), (3, 6 + 1 + 7, 4));
    drop(index);
    assert_eq!(open(&folder, LOG, 10).built(), 10);
    // What went before anything was kept may stand here only.
    let (index, _folder) = restored(3);
    assert_eq!(index.get("n", "b").unwrap().unwrap().version, 2);
    let fault = index.restore(|_| Err(LogError::Form("not now".into()))).unwrap_err();
    assert!(fault.contains("not now") && index.get("n", "a").unwrap().is_some());
}

#[test]
fn words_are_found_ranked_and_shown_in_place() {
    let folder = TempDir::new().unwrap();
    let index = open(&folder, LOG, 0);
    let long = format!("{} größe matters {}", "before ".repeat(40), "after ".repeat(40));
    index
        .apply(&[stored(1, "note", json!(long)), stored(2, "größe", json!(1)), stored(3, "c", json!({"deep": ["swarmdeck"]}))], 3)
        .unwrap();
    let search = |query: &str| index.search(&text::expression(query).unwrap(), None, 10).unwrap();
    let found = search("GROSSE grosse*");
    assert!(found.is_empty(), "ß is no ss");
    let found = search("Größe");
    let keys: Vec<&str> = found.iter().map(|(entry, ..)| entry.key.as_str()).collect();
    assert_eq!(keys, ["größe", "note"], "a word in the key weighs more");
    assert!(found[0].1 > found[1].1);
    assert!(found[1].2.contains("[größe] matters") && found[1].2.len() < 300, "{}", found[1].2);
    assert_eq!(search("grö* matt*").len(), 1);
    assert_eq!(search("deep swarmdeck")[0].0.key, "c");
    assert!(search("swarm").is_empty());
}

#[test]
fn the_writes_of_a_key_are_bounded() {
    let folder = TempDir::new().unwrap();
    let index = open(&folder, LOG, 0);
    let most = MAX_HISTORY as u64;
    let events: Vec<Event> = (1..=most + 10).map(|seq| stored(seq, "k", json!(seq))).collect();
    index.apply(&events, most + 10).unwrap();
    let writes = index.writes("n", "k", u64::MAX, 10_000).unwrap();
    assert_eq!((writes.len() as u64, writes[0], *writes.last().unwrap()), (most, most + 10, 11));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// No text of a person is a syntax error.
    #[test]
    fn any_query_can_be_asked(query in "(\\PC|[\\x00-\\x20\"*^:(){}+-]|AND|OR|NOT|NEAR| ){0,40}") {
        thread_local! {
            static INDEX: (TempDir, Index) = {
                let folder = TempDir::new().unwrap();
                let index = open(&folder, LOG, 0);
                index.apply(&[stored(1, "a", json!("and or not near"))], 1).unwrap();
                (folder, index)
            };
        }
        if let Ok(expression) = text::expression(&query) {
            let asked = INDEX.with(|(_, index)| index.search(&expression, None, 5).map(|_| ()));
            prop_assert!(asked.is_ok(), "{expression}: {asked:?}");
        }
    }
}
