//! Messages and inboxes over HTTP.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{PATIENCE, Server, until};

fn deck() -> Server {
    let server = Server::start();
    for id in ["a", "b", "c"] {
        server.ask("POST", "/api/agents", &json!({"id": id}));
    }
    server
}

fn send(server: &Server, to: &str, content: &str) -> Value {
    let body = json!({"from": "a", "to": to, "message_type": "query", "content": content, "correlation_id": "q"});
    let (status, sent) = server.ask("POST", "/api/messages", &body);
    assert_eq!(status, 201, "{sent}");
    sent
}

fn contents(page: &Value) -> Vec<&str> {
    page["messages"].as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap()).collect()
}

#[test]
fn what_is_not_acknowledged_comes_again_also_after_a_crash() {
    let mut server = deck();
    let sent = send(&server, "b", "grüße");
    assert_eq!((&sent["size"], &sent["receivers"]), (&json!(7), &json!(1)));
    let all = send(&server, "*", "to all");
    assert_eq!(all["receivers"], 2);
    let (_, page) = server.get("/api/agents/b/inbox");
    assert_eq!((contents(&page), &page["waiting"]), (vec!["grüße", "to all"], &json!(2)));
    assert_eq!(page["messages"][0]["correlation_id"], "q");
    let (_, rest) = server.get(&format!("/api/agents/b/inbox?after={}", sent["seq"]));
    assert_eq!(contents(&rest), ["to all"]);
    server.kill();
    server.run();
    assert_eq!(contents(&server.get("/api/agents/b/inbox").1), ["grüße", "to all"]);
    let (status, done) = server.ask("POST", "/api/agents/b/inbox/ack", &json!({"messages": [sent["id"]]}));
    assert_eq!((status, done), (200, json!({"acknowledged": 1, "waiting": 1})));
    assert_eq!(
        server.ask("POST", "/api/agents/b/inbox/ack", &json!({"up_to": all["seq"]})).1,
        json!({"acknowledged": 1, "waiting": 0})
    );
    assert_eq!(server.ask("POST", "/api/agents/b/inbox/ack", &json!({})).0, 422);
    assert!(contents(&server.get("/api/agents/b/inbox").1).is_empty());
    assert_eq!(contents(&server.get("/api/agents/c/inbox").1), ["to all"]);
    assert!(contents(&server.get("/api/agents/a/inbox").1).is_empty());
    assert_eq!(server.get("/api/messages").1["total"], 2);
    let delivered = server.log().into_iter().filter(|event| event["type"] == "message.delivered").count();
    assert_eq!(delivered, 2);
}

#[test]
fn an_id_is_its_senders_and_says_one_thing() {
    let mut server = deck();
    let body = |from: &str, to: &str, content: &str| json!({"id": "m1", "from": from, "to": to, "message_type": "query", "content": content});
    let post = |server: &Server, body: &Value| server.ask("POST", "/api/messages", body);
    let (status, first) = post(&server, &body("a", "b", "from a"));
    assert_eq!((status, &first["repeated"]), (201, &json!(false)), "{first}");
    let (status, second) = post(&server, &body("c", "b", "from c"));
    assert_eq!((status, &second["repeated"]), (201, &json!(false)), "another sender's m1 is another message: {second}");
    assert_eq!(contents(&server.get("/api/agents/b/inbox").1), ["from a", "from c"]);

    for other in [
        body("a", "b", "something else"),
        body("a", "c", "from a"),
        body("a", "*", "from a"),
        json!({"id": "m1", "from": "a", "to": "b", "message_type": "task", "content": "from a"}),
        json!({"id": "m1", "from": "a", "to": "b", "message_type": "query", "content": "from a", "correlation_id": "q"}),
    ] {
        let (status, problem) = post(&server, &other);
        let told = format!("id: \"a\" sent another message under \"m1\", at {}", first["seq"]);
        assert_eq!((status, &problem["code"], &problem["detail"]), (409, &json!("conflict"), &json!(told)), "{problem}");
    }

    // An equal one gives the first answer: after a crash, with more agents there, without the receiver.
    let all = json!({"id": "m2", "from": "a", "to": "*", "message_type": "broadcast", "content": "all"});
    let (_, sent) = post(&server, &all);
    assert_eq!(sent["receivers"], 2);
    server.kill();
    server.run();
    server.ask("POST", "/api/agents", &json!({"id": "d"}));
    server.ask("DELETE", "/api/agents/b", &json!({}));
    let repeated = |mut sent: Value| {
        sent["repeated"] = json!(true);
        (201, sent)
    };
    assert_eq!(post(&server, &all), repeated(sent));
    assert_eq!(post(&server, &body("a", "b", "from a")), repeated(first));
    assert_eq!(post(&server, &body("c", "b", "from c")), repeated(second));
    assert_eq!(post(&server, &body("a", "b", "something else")).0, 409);
    assert_eq!(post(&server, &body("d", "b", "from d")).0, 404, "a new one has nobody to go to");
    assert_eq!(server.get("/api/messages").1["total"], 3, "each was sent once");
}

#[test]
fn one_of_two_messages_with_one_id_is_taken_out_by_its_place() {
    let server = deck();
    for from in ["a", "c"] {
        let body = json!({"id": "m1", "from": from, "to": "b", "message_type": "query", "content": from});
        assert_eq!(server.ask("POST", "/api/messages", &body).0, 201);
    }
    let ack = |body: Value| server.ask("POST", "/api/agents/b/inbox/ack", &body);
    let (status, problem) = ack(json!({"messages": ["m1"]}));
    assert_eq!(status, 409);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("messages[0]: 2 messages are called \"m1\", at 4, 5"), "{problem}");
    let (_, page) = server.get("/api/agents/b/inbox");
    assert_eq!(contents(&page), ["a", "c"], "nothing is taken out by mistake");
    assert_eq!(ack(json!({"seqs": [page["messages"][0]["seq"], 4_000]})).1, json!({"acknowledged": 1, "waiting": 1}));
    assert_eq!(contents(&server.get("/api/agents/b/inbox").1), ["c"]);
    assert_eq!(ack(json!({"messages": ["m1"]})).1, json!({"acknowledged": 1, "waiting": 0}), "now it is clear which");
    assert_eq!(ack(json!({"messages": ["m1"], "seqs": [1]})).0, 422);
}

#[test]
fn who_waits_is_answered_when_a_message_comes_and_when_the_server_stops() {
    let mut server = deck();
    let waiting = |server: &Server, id: &str| {
        let url = server.url(&format!("/api/agents/{id}/inbox?wait_ms=60000"));
        std::thread::spawn(move || {
            let mut answer = ureq::get(&url).call().unwrap();
            serde_json::from_str::<Value>(&answer.body_mut().read_to_string().unwrap()).unwrap()
        })
    };
    let first = waiting(&server, "b");
    send(&server, "c", "for c");
    send(&server, "b", "for b");
    assert_eq!(contents(&first.join().unwrap()), ["for b"]);
    let subscriptions = || -> u64 {
        let metrics = server.text("/metrics", &[]).1;
        metrics.lines().find_map(|line| line.strip_prefix("swarmdeck_subscriptions ")?.parse().ok()).unwrap()
    };
    let before = subscriptions();
    let second = waiting(&server, "a");
    until("it waits", || (subscriptions() > before).then_some(()));
    let began = Instant::now();
    assert!(server.stop());
    assert!(contents(&second.join().unwrap()).is_empty());
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn an_inbox_is_followed_and_taken_up_where_it_was() {
    let server = deck();
    send(&server, "b", "one");
    let mut stream = server.stream("/api/agents/b/inbox/stream", "");
    assert!(stream.head.contains("text/event-stream"));
    let (_, name, first) = stream.next();
    assert_eq!((name.as_str(), &first["content"]), ("message", &json!("one")));
    send(&server, "c", "not for b");
    send(&server, "*", "two");
    let (cursor, _, second) = stream.next();
    assert_eq!((&second["content"], cursor), (&json!("two"), server.cursor(second["seq"].as_u64().unwrap())));
    drop(stream);
    send(&server, "b", "three");
    let mut resumed = server
        .stream("/api/agents/b/inbox/stream", &format!("Last-Event-ID: {}\r\n", server.cursor(second["seq"].as_u64().unwrap())));
    assert_eq!(resumed.next().2["content"], "three");
    let mut fresh = server.stream("/api/agents/b/inbox/stream", "");
    let again: Vec<Value> = (0..3).map(|_| fresh.next().2["content"].clone()).collect();
    assert_eq!(again, ["one", "two", "three"], "what is not acknowledged is delivered again");
    let (status, problem) = server.get("/api/agents/b/inbox/stream?from=3");
    assert!(status == 400 && problem["detail"].as_str().unwrap().starts_with("from: unknown parameter"), "{problem}");
    assert_eq!(server.get("/api/agents/nobody/inbox/stream").0, 404);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let server = deck();
    let body = |to: &str, kind: &str, content: &str| json!({"from": "a", "to": to, "message_type": kind, "content": content});
    for (body, status, detail) in [
        (body("nobody", "query", "x"), 404, "no agent \"nobody\" is on the register"),
        (body("b", "shout", "x"), 422, "message_type: \"shout\" is not one of task, response, query, broadcast, error"),
        (body("b", "query", &"x".repeat(40_000)), 413, "content: 40000 bytes, over the limit of 32768"),
        (json!({"from": "a"}), 400, "missing field `to`"),
    ] {
        let (got, problem) = server.ask("POST", "/api/messages", &body);
        assert!(got == status && problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    for (query, detail) in [
        ("wait_ms=60001", "wait_ms: 60001 is over 60000"),
        ("limit=0", "limit: 0 is under 1"),
        ("after=zzz", "after: \"zzz\" is no cursor"),
    ] {
        let (status, problem) = server.get(&format!("/api/agents/b/inbox?{query}"));
        assert!(status == 400 && problem["detail"].as_str().unwrap().starts_with(detail), "{problem}");
    }
}
