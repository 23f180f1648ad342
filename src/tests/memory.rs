//! Shared memory over HTTP: what is kept, found, refused, and what survives.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::{Server, probe, until};

/// A request with a body.
pub(crate) fn ask(server: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = server.url(path);
    let mut response = match method {
        "PUT" => agent.put(&url).send(body.to_string()).unwrap(),
        "POST" => agent.post(&url).send(body.to_string()).unwrap(),
        "DELETE" => agent.delete(&url).call().unwrap(),
        other => panic!("{other}"),
    };
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Every byte that could mean something in an address, encoded.
fn encode(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn place(namespace: &str, key: &str) -> String {
    format!("/api/memory/{}/{}", encode(namespace), encode(key))
}

fn put(server: &Server, namespace: &str, key: &str, value: &Value) -> u64 {
    let (status, answer) = ask(server, "PUT", &place(namespace, key), &json!({"value": value}));
    assert!(status == 200 || status == 201, "{status} {answer}");
    answer["version"].as_u64().unwrap()
}

fn found(server: &Server, query: &str) -> Vec<String> {
    let (status, answer) = ask(server, "POST", "/api/memory/search", &json!({"query": query, "limit": 100}));
    assert_eq!(status, 200, "{query:?}: {answer}");
    answer["results"].as_array().unwrap().iter().map(|hit| hit["key"].as_str().unwrap().to_owned()).collect()
}

/// The operations of the log, once it has so many.
fn operations(server: &Server, count: usize) -> Vec<Value> {
    until("the operations are in the log", || {
        let log = server.log();
        let found: Vec<Value> = log.into_iter().filter(|event| event["type"].as_str().unwrap().starts_with("memory.")).collect();
        (found.len() >= count).then_some(found)
    })
}

#[test]
fn a_value_is_stored_read_found_and_deleted_and_each_is_an_event() {
    let server = Server::start();
    let value = json!({"title": "Migration plan", "steps": ["dump", "restore"]});
    let body = json!({"value": value, "source": "planner"});
    let (status, stored) = ask(&server, "PUT", &place("plans", "db"), &body);
    assert_eq!((status, &stored["created"]), (201, &json!(true)));
    let (status, updated) = ask(&server, "PUT", &place("plans", "db"), &body);
    assert_eq!((status, &updated["created"]), (200, &json!(false)));
    let (status, read) = server.get(&format!("{}?source=worker", place("plans", "db")));
    assert_eq!(status, 200);
    assert_eq!((&read["value"], &read["version"], &read["writes"]), (&value, &updated["version"], &json!(2)));
    assert_eq!((&read["source"], &read["cut"]), (&json!("planner"), &json!(false)));
    let (_, hits) = ask(&server, "POST", "/api/memory/search", &json!({"query": "MIGRATION rest*", "namespace": "plans"}));
    let hit = &hits["results"][0];
    assert!(hit["snippet"].as_str().unwrap().contains("[Migration]") && hit["rank"].is_number(), "{hits}");
    assert_eq!(server.get("/api/memory/plans?q=migration").1["keys"][0]["key"], "db");
    assert_eq!(ask(&server, "DELETE", &place("plans", "db"), &Value::Null).0, 200);
    assert_eq!(server.get(&place("plans", "db")).0, 404);
    assert!(found(&server, "migration").is_empty());

    let log = operations(&server, 8);
    let kinds: Vec<&str> = log.iter().map(|event| event["type"].as_str().unwrap().trim_start_matches("memory.")).collect();
    assert_eq!(kinds, ["stored", "updated", "retrieved", "searched", "searched", "deleted", "retrieved", "searched"]);
    assert!(log.iter().all(|event| event["payload"]["latency_ms"].as_f64().unwrap() > 0.0), "{log:?}");
    assert_eq!((&log[0]["source"], &log[2]["source"], &log[5]["source"]), (&json!("planner"), &json!("worker"), &json!("api")));
    assert_eq!(log[0]["entity"], json!({"kind": "memory", "id": "plans"}));
    assert_eq!((&log[2]["payload"]["cache_hit"], &log[6]["payload"]["result_count"]), (&json!(true), &json!(0)));
    assert_eq!((&log[3]["payload"]["query"], &log[3]["payload"]["result_count"]), (&json!("MIGRATION rest*"), &json!(1)));
    assert_eq!((&log[7]["payload"]["namespace"], &log[7]["payload"]["query"]), (&json!("*"), &json!("migration")));

    let (_, spaces) = server.get("/api/memory");
    assert_eq!((&spaces["namespaces"][0]["name"], &spaces["namespaces"][0]["keys"]), (&json!("plans"), &json!(0)));
    assert_eq!(spaces["namespaces"][0]["operations"], 7, "the search through all is no one's");
    let (_, history) = server.get(&format!("{}/history?limit=2", place("plans", "db")));
    let told: Vec<&str> = history["writes"].as_array().unwrap().iter().map(|write| write["type"].as_str().unwrap()).collect();
    assert_eq!(told, ["memory.deleted", "memory.updated"]);
    let (_, rest) = server.get(&format!("{}/history?before={}", place("plans", "db"), history["next"]));
    assert_eq!((&rest["writes"][0]["type"], &rest["writes"][0]["value"]), (&json!("memory.stored"), &value));
    assert_eq!((rest["writes"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
}

#[test]
fn values_and_search_survive_a_stop_a_kill_and_the_loss_of_the_index() {
    let mut server = Server::start();
    for n in 0..40 {
        put(&server, "notes", &format!("n{n:02}"), &json!(format!("about number {n} of the swarm")));
    }
    let kept = |server: &Server, hit: bool| {
        let (_, read) = server.get(&place("notes", "n07"));
        assert_eq!((&read["value"], &read["cache_hit"]), (&json!("about number 7 of the swarm"), &json!(hit)), "{read}");
        assert_eq!(found(server, "number 39"), ["n39"]);
        assert_eq!(found(server, "swarm").len(), 40);
    };
    kept(&server, true);
    assert!(server.stop());
    server.run();
    kept(&server, false);
    put(&server, "notes", "last", &json!("before the kill"));
    server.kill();
    server.run();
    kept(&server, false);
    kept(&server, true);
    assert_eq!(found(&server, "before kill"), ["last"]);
    assert!(server.stop());
    for suffix in ["", "-wal", "-shm"] {
        let _not_there = std::fs::remove_file(server.path().join(format!("data/memory.db{suffix}")));
    }
    server.run();
    // What was built anew just now is in the cache.
    kept(&server, true);
    assert_eq!(found(&server, "before kill"), ["last"]);
    assert_eq!(server.get("/api/memory").1["totals"]["keys"], 41);
}

#[test]
fn living_values_outlive_their_events_and_the_index() {
    let mut server = Server::with(&["--retain-days", "0", "--durability", "crash"]);
    put(&server, "plans", "early", &json!("written once, long ago"));
    put(&server, "plans", "twice", &json!(1));
    let twice = put(&server, "plans", "twice", &json!({"text": "the second value"}));
    put(&server, "plans", "gone", &json!("not for long"));
    assert_eq!(ask(&server, "DELETE", &place("plans", "gone"), &Value::Null).0, 200);
    for batch in 0..21 {
        server.send(&(0..500).map(|n| probe(batch * 500 + n)).collect());
    }
    let snapshots = server.path().join("data/snapshots");
    until("a snapshot is there", || {
        let mut files = std::fs::read_dir(&snapshots).unwrap().filter_map(Result::ok);
        files.any(|file| file.file_name().to_string_lossy().ends_with(".state")).then_some(())
    });
    assert!(server.stop());
    // Everything that a snapshot covers goes at the start.
    server.run();
    let first = || server.get("/api/events?after=0&limit=1").1["events"][0]["seq"].as_u64().unwrap();
    until("retention has taken the writes", || (first() > 1_000).then_some(()));
    put(&server, "plans", "late", &json!("still in the log"));
    assert!(server.stop());
    for damaged in [None, Some("no database at all, but long enough to look at".repeat(40))] {
        for suffix in ["", "-wal", "-shm"] {
            let _not_there = std::fs::remove_file(server.path().join(format!("data/memory.db{suffix}")));
        }
        if let Some(text) = damaged {
            std::fs::write(server.path().join("data/memory.db"), text).unwrap();
        }
        server.run();
        let value = |key: &str| server.get(&place("plans", key)).1["value"].clone();
        assert_eq!((value("early"), value("late")), (json!("written once, long ago"), json!("still in the log")));
        let (_, read) = server.get(&place("plans", "twice"));
        assert_eq!(
            (&read["value"]["text"], &read["version"], &read["writes"]),
            (&json!("the second value"), &json!(twice), &json!(2))
        );
        assert_eq!(server.get(&place("plans", "gone")).0, 404);
        assert_eq!(found(&server, "long ago"), ["early"]);
        assert_eq!(server.get("/api/memory").1["totals"]["keys"], 3);
        assert!(server.stop());
    }
    server.run();
    let body = json!({"value": 3, "if_version": twice});
    assert_eq!(ask(&server, "PUT", &place("plans", "twice"), &body).0, 200, "conditions hold on");
}

#[test]
fn a_kill_in_the_middle_of_writes_leaves_what_was_acknowledged() {
    let mut server = Server::start();
    let (url, done) = (server.url("/api/memory/load/"), AtomicBool::new(false));
    let acknowledged: Mutex<BTreeMap<String, u64>> = Mutex::default();
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let (url, done, acknowledged) = (&url, &done, &acknowledged);
            scope.spawn(move || {
                let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
                for n in (0..).take_while(|_| !done.load(Ordering::SeqCst)) {
                    // Every key is written several times.
                    let key = format!("{writer}-{}", n / 3);
                    let Ok(mut answer) = agent.put(format!("{url}{key}")).send(json!({"value": n}).to_string()) else { continue };
                    let Ok(text) = answer.body_mut().read_to_string() else { continue };
                    let version = serde_json::from_str::<Value>(&text).unwrap()["version"].as_u64();
                    acknowledged.lock().unwrap().insert(key, version.unwrap_or_else(|| panic!("{text}")));
                }
            });
        }
        for _ in 0..5 {
            let before = acknowledged.lock().unwrap().len();
            until("keys are written", || (acknowledged.lock().unwrap().len() > before + 5).then_some(()));
            server.kill();
            server.run();
        }
        done.store(true, Ordering::SeqCst);
    });
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for event in server.log() {
        last.insert(event["payload"]["key"].as_str().unwrap().to_owned(), event["seq"].as_u64().unwrap());
    }
    for (key, version) in acknowledged.lock().unwrap().iter() {
        assert!(last[key] >= *version, "{key} was acknowledged as {version}");
    }
    for (key, version) in &last {
        assert_eq!(server.get(&place("load", key)).1["version"], json!(version), "{key}");
    }
    assert_eq!(server.get("/api/memory").1["totals"]["keys"], json!(last.len()));
}

#[test]
fn what_others_report_counts_at_once() {
    let server = Server::start();
    let operation = |action: &str, key: &str, value: Option<&str>| {
        let mut payload = json!({"namespace": "mesh", "key": key, "latency_ms": 3.5});
        if let Some(value) = value {
            payload["value"] = json!(value);
        }
        json!({"type": format!("memory.{action}"), "source": "mesh", "payload": payload})
    };
    for n in 0..50 {
        let key = format!("k{n}");
        let version = server.send(&operation("stored", &key, Some("from elsewhere")));
        let (status, read) = server.get(&place("mesh", &key));
        assert_eq!((status, &read["value"], &read["version"]), (200, &json!("from elsewhere"), &json!(version)));
    }
    server.send(&json!([operation("deleted", "k1", None), operation("updated", "k2", None)]));
    assert_eq!(server.get(&place("mesh", "k1")).0, 404);
    assert_eq!(server.get(&place("mesh", "k2")).1.get("value"), None, "what nobody told is not shown");
    assert_eq!(ask(&server, "PUT", &place("mesh", "k1"), &json!({"value": 1})).0, 201);
    server.send(&json!([
        {"type": "memory.stored", "payload": {"namespace": "mesh", "value": 1, "latency_ms": 0}},
        {"type": "memory.stored", "payload": {"namespace": "n".repeat(200), "key": "k", "value": 1, "latency_ms": 0}},
    ]));
    assert_eq!(
        server.get("/api/memory").1["totals"],
        json!({"namespaces": 1, "keys": 50, "operations": 105,
        "bytes": server.get("/api/memory").1["totals"]["bytes"], "passed_over": 2})
    );
}

#[test]
fn any_key_is_only_a_key() {
    let server = Server::start();
    let keys = [
        "../../etc/passwd",
        "..",
        ".",
        "a/b/c",
        "'; DROP TABLE entries; --",
        "\"quoted\"",
        "AND OR NOT NEAR(",
        "*",
        "^x:y-z",
        "key with spaces",
        "🐝 größe",
        "%2F",
        "<script>alert(1)</script>",
        "new\nline",
        "nul\0inside",
        "history",
        "search",
    ];
    for (n, key) in keys.iter().enumerate() {
        put(&server, "host'ile\"/..", key, &json!({"n": n, "text": key}));
    }
    for (n, key) in keys.iter().enumerate() {
        let (status, read) = server.get(&place("host'ile\"/..", key));
        assert_eq!((status, &read["value"]["n"], &read["key"]), (200, &json!(n), &json!(key)), "{key:?}");
        let (status, history) = server.get(&format!("{}/history", place("host'ile\"/..", key)));
        assert_eq!((status, history["writes"].as_array().map(Vec::len)), (200, Some(1)), "{key:?}: {history}");
        let (status, answer) = ask(&server, "POST", "/api/memory/search", &json!({"query": key}));
        assert!(status == 200 || answer["detail"] == "query: there is no word in it", "{key:?}: {answer}");
    }
    for query in ["\"", "\"\"\"", "a AND", "NOT a", "NEAR(a b", "key:", "a* *", "{key} : x", "a^2", "x\0y", "-", "(((((", "\\"] {
        let (status, answer) = ask(&server, "POST", "/api/memory/search", &json!({"query": query}));
        assert!(status == 200 || answer["detail"] == "query: there is no word in it", "{query:?}: {answer}");
    }
    assert_eq!(found(&server, "drop table"), ["'; DROP TABLE entries; --"]);
    // A namespace may be called as an address is.
    put(&server, "search", "k", &json!(1));
    assert_eq!(server.get("/api/memory/search").1["keys"][0]["key"], "k");
    assert_eq!(server.get("/api/memory/search/k").1["value"], 1);
    assert_eq!(server.get("/api/memory").1["totals"]["keys"], keys.len() + 1);
}

#[test]
fn bounds_and_conditions_are_kept() {
    let server = Server::start();
    let refused = |method: &str, path: &str, body: Value, status: u16, words: &str| {
        let (got, answer) = ask(&server, method, path, &body);
        assert_eq!(got, status, "{method} {path}: {answer}");
        assert!(answer["detail"].as_str().is_some_and(|text| text.contains(words)), "{method} {path}: {answer}");
    };
    let one = place("n", "k");
    refused("PUT", &one, json!({"value": "x".repeat(48 << 10)}), 413, "value: 49154 bytes of JSON, over the limit of 49152");
    refused("PUT", &place("n", &"k".repeat(257)), json!({"value": 1}), 422, "key: 257 bytes");
    refused("PUT", &place(&"n".repeat(129), "k"), json!({"value": 1}), 422, "namespace: 129 bytes");
    refused("PUT", &place("*", "k"), json!({"value": 1}), 422, "namespace: *");
    refused("PUT", &one, json!({}), 400, "missing field `value`");
    refused("PUT", &one, json!({"value": 1, "ttl": 3}), 400, "ttl: unknown field");
    refused("PUT", &one, json!({"value": 1, "if_absent": true, "if_version": 1}), 400, "at most one");
    refused("PUT", &one, json!({"value": 1, "source": ""}), 422, "source: empty");
    refused("PUT", &one, json!({"value": 1, "if_present": true}), 404, "there is no \"k\" in \"n\"");
    refused("PUT", &one, json!({"value": 1, "if_version": 1}), 404, "there is no \"k\" in \"n\"");
    refused("DELETE", &one, Value::Null, 404, "there is no \"k\" in \"n\"");
    refused("POST", "/api/memory/search", json!({"query": " "}), 422, "query: there is no word");
    refused("POST", "/api/memory/search", json!({"query": "x", "limit": 101}), 400, "limit: 101");
    for (path, status, words) in [
        ("/api/memory?limt=1", 400, "limt: unknown parameter"),
        ("/api/memory/none", 404, "there is no namespace \"none\""),
        ("/api/memory/n/k?x=1", 400, "x: unknown parameter"),
        ("/api/memory/n/k/history", 404, "nothing ever wrote"),
        ("/api/memory/n/%ff", 400, "UTF-8"),
    ] {
        let (got, answer) = server.get(path);
        assert_eq!(got, status, "{path}: {answer}");
        assert!(answer["detail"].as_str().is_some_and(|text| text.contains(words)), "{path}: {answer}");
    }
    assert!(server.log().iter().all(|event| event["type"] == "memory.retrieved"), "nothing was written");

    let version = put(&server, "n", "k", &json!("x".repeat((48 << 10) - 2)));
    refused("PUT", &one, json!({"value": 1, "if_absent": true}), 409, &format!("of version {version}"));
    refused("PUT", &one, json!({"value": 1, "if_version": version + 1}), 409, &format!("has version {version}, not"));
    refused("DELETE", &format!("{one}?if_version=1000"), Value::Null, 409, "has version");
    let (_, page) = server.get("/api/memory/n");
    let shown = &page["keys"][0];
    assert_eq!((&shown["cut"], &shown["bytes"]), (&json!(true), &json!(48 << 10)));
    assert!(shown["value"].as_str().unwrap().len() < (16 << 10) + 8);
    assert_eq!(server.get(&one).1["value"].as_str().unwrap().len(), (48 << 10) - 2, "one gives all");
    let (status, next) = ask(&server, "PUT", &one, &json!({"value": 2, "if_version": version}));
    assert_eq!(status, 200);
    assert_eq!(ask(&server, "DELETE", &format!("{one}?if_version={}", next["version"]), &Value::Null).0, 200);

    for n in 0..25 {
        put(&server, "pages", &format!("{n:02}"), &json!(n));
    }
    let keys = |page: &Value| {
        page["keys"].as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (_, first) = server.get("/api/memory/pages");
    let (_, rest) = server.get(&format!("/api/memory/pages?after={}", first["next"].as_str().unwrap()));
    let all: Vec<String> = (0..25).map(|n| format!("{n:02}")).collect();
    assert_eq!([keys(&first), keys(&rest)].concat(), all);
    assert_eq!(rest["next"], Value::Null);
}

#[test]
fn of_many_that_want_the_same_key_one_comes_first() {
    let server = Server::start();
    std::thread::scope(|scope| {
        for round in 0..5 {
            let place = place("locks", &format!("lock{round}"));
            let answers: Vec<_> = (0..16)
                .map(|n| {
                    let (server, place) = (&server, place.clone());
                    scope.spawn(move || ask(server, "PUT", &place, &json!({"value": n, "if_absent": true})).0)
                })
                .collect();
            let mut statuses: Vec<u16> = answers.into_iter().map(|answer| answer.join().unwrap()).collect();
            statuses.sort_unstable();
            assert_eq!((statuses[0], statuses[1], statuses[15]), (201, 409, 409), "{statuses:?}");
        }
        // A counter that everybody raises by what he read.
        let counter = place("locks", "counter");
        put(&server, "locks", "counter", &json!(0));
        let raise = |_| {
            let (server, counter) = (&server, counter.clone());
            scope.spawn(move || {
                for _ in 0..10 {
                    until("it is my turn", || {
                        let (_, read) = server.get(&counter);
                        let body = json!({"value": read["value"].as_u64().unwrap() + 1, "if_version": read["version"]});
                        (ask(server, "PUT", &counter, &body).0 == 200).then_some(())
                    });
                }
            })
        };
        let raisers: Vec<_> = (0..4).map(raise).collect();
        raisers.into_iter().for_each(|raiser| raiser.join().unwrap());
        assert_eq!(server.get(&counter).1["value"], 40);
    });
    let stored = server.log().iter().filter(|event| event["type"] == "memory.stored").count();
    assert_eq!(stored, 6);
}
