//! Providers: real probes of a real HTTP server that comes and goes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::memory::ask;
use crate::support::{Server, until};

/// A model server that says what it is told to say.
pub(crate) struct ModelServer {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    status: AtomicU16,
    /// How long it thinks before it answers, in milliseconds.
    slowness: AtomicU64,
    gone: AtomicBool,
    /// Where it sends whoever asks.
    location: Mutex<String>,
    /// The heads of the requests.
    asked: Mutex<Vec<String>>,
}

impl ModelServer {
    pub(crate) fn start() -> Self {
        Self::at(0)
    }

    /// On a port of one that is gone.
    pub(crate) fn at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { status: AtomicU16::new(200), ..Shared::default() });
        let mine = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if mine.gone.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                let mut head = String::new();
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                while lines.read_line(&mut head).unwrap_or(0) > 2 {}
                mine.asked.lock().unwrap().push(head);
                // It thinks: this is what a slow server does, not a wait of the test.
                std::thread::sleep(Duration::from_millis(mine.slowness.load(Ordering::SeqCst)));
                let body = r#"{"models":[{"name":"a"},{"name":"b"}],"data":[{"id":"a"}]}"#;
                let status = mine.status.load(Ordering::SeqCst);
                let location = mine.location.lock().unwrap().clone();
                let answer =
                    format!("HTTP/1.1 {status} X\r\n{location}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                let _asker_left = stream.write_all(answer.as_bytes());
            }
        });
        Self { port, shared, thread: Some(thread) }
    }

    pub(crate) fn answers(&self, status: u16) {
        self.shared.status.store(status, Ordering::SeqCst);
    }

    fn redirects(&self, to: &str) {
        *self.shared.location.lock().unwrap() = format!("location: {to}\r\n");
        self.answers(302);
    }

    pub(crate) fn thinks(&self, millis: u64) {
        self.shared.slowness.store(millis, Ordering::SeqCst);
    }

    fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.shared.gone.store(true, Ordering::SeqCst);
        let _wakes_it = std::net::TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn provider(server: &Server, name: &str) -> Value {
    let (_, list) = server.get("/api/providers");
    list["providers"].as_array().unwrap().iter().find(|it| it["name"] == name).cloned().unwrap_or_default()
}

fn reaches(server: &Server, name: &str, state: &str) -> Value {
    until(&format!("{name} is {state}"), || Some(provider(server, name)).filter(|it| it["state"] == state))
}

/// The states of the log, in order, of one provider.
fn told(server: &Server, name: &str) -> Vec<String> {
    let log = server.log();
    let about = log.iter().filter(|event| event["entity"]["id"] == name && event["type"] == "provider.status_changed");
    about.map(|event| event["payload"]["state"].as_str().unwrap().to_owned()).collect()
}

fn probe(server: &Server, name: &str) -> Value {
    let (status, answer) = ask(server, "POST", &format!("/api/providers/{name}/probe"), &json!({}));
    assert_eq!(status, 200, "{answer}");
    answer
}

#[test]
fn a_provider_comes_goes_and_comes_back() {
    let server = Server::start();
    let model = ModelServer::start();
    let body = json!({"name": "llm", "kind": "ollama", "url": model.url(), "every_seconds": 1, "source": "me"});
    let (status, added) = ask(&server, "POST", "/api/providers", &body);
    assert_eq!((status, &added["state"], &added["origin"]), (201, &json!("UNKNOWN"), &json!("api")), "{added}");
    let ready = reaches(&server, "llm", "READY");
    assert!(ready["latency_ms"].as_f64().unwrap() > 0.0 && ready["last_error"].is_null(), "{ready}");
    until("a probe was noted", || provider(&server, "llm")["probing"]["newest"]["models"].as_u64().filter(|models| *models == 2));
    assert!(model.asked()[0].starts_with("GET /api/tags HTTP/1.1"), "{:?}", model.asked());
    until("it is asked again and again", || (model.asked().len() > 2).then_some(()));

    let port = model.port;
    drop(model);
    let lost = reaches(&server, "llm", "ERROR");
    assert!(lost["last_error"].as_str().unwrap().starts_with("cannot connect"), "{lost}");
    assert_eq!(lost["latency_ms"], Value::Null);
    until("it fails again", || provider(&server, "llm")["probing"]["failures"].as_u64().filter(|failures| *failures > 1));
    let model = ModelServer::at(port);
    reaches(&server, "llm", "READY");
    probe(&server, "llm");
    probe(&server, "llm");
    assert_eq!(told(&server, "llm"), ["READY", "ERROR", "READY"], "only changes are published");
    drop(model);
}

#[test]
fn each_outcome_has_its_state() {
    let server = Server::start();
    let model = ModelServer::start();
    let add = |name: &str, kind: &str, rest: Value| {
        let mut body = json!({"name": name, "kind": kind, "url": model.url(), "every_seconds": 3_600});
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let (status, answer) = ask(&server, "POST", "/api/providers", &body);
        assert_eq!(status, 201, "{answer}");
    };
    add("a", "openai", json!({}));
    let state = |name: &str, status: u16| {
        model.answers(status);
        let answer = probe(&server, name);
        let newest = &answer["probing"]["newest"];
        assert_eq!(newest["state"], answer["state"], "{answer}");
        (answer["state"].as_str().unwrap().to_owned(), newest["error"].as_str().unwrap_or_default().to_owned())
    };
    for (status, wanted) in
        [(200, "READY"), (503, "DEGRADED"), (204, "ERROR"), (429, "DEGRADED"), (401, "ERROR"), (404, "ERROR"), (500, "DEGRADED")]
    {
        let (found, error) = state("a", status);
        assert_eq!(found, wanted, "{status}: {error}");
        assert!(status == 200 || error.starts_with(&format!("answered {status}")), "{error}");
    }
    model.answers(200);
    add("slow", "http", json!({"slow_ms": 20}));
    add("dead", "http", json!({"timeout_ms": 50}));
    model.thinks(120);
    assert!(matches!(state("slow", 200), (found, error) if found == "DEGRADED" && error.contains("over 20 ms")));
    assert!(matches!(state("dead", 200), (found, error) if found == "ERROR" && error == "no answer within 50 ms"));
}

#[test]
fn those_added_by_api_survive_and_can_be_removed() {
    let mut server = Server::start();
    let model = ModelServer::start();
    let body = json!({"name": "llm", "kind": "openai", "url": model.url(), "every_seconds": 1});
    assert_eq!(ask(&server, "POST", "/api/providers", &body).0, 201);
    reaches(&server, "llm", "READY");
    server.kill();
    model.answers(404);
    server.run();
    reaches(&server, "llm", "ERROR");
    assert_eq!(ask(&server, "DELETE", "/api/providers/llm", &Value::Null).0, 204);
    assert_eq!(provider(&server, "llm"), Value::Null);
    assert_eq!(told(&server, "llm"), ["READY", "ERROR", "STOPPED"]);
    let count = model.asked().len();
    server.kill();
    server.run();
    assert_eq!(provider(&server, "llm"), Value::Null);
    // What is probed now shows that nothing else is.
    assert_eq!(ask(&server, "POST", "/api/providers", &json!({"name": "x", "kind": "http", "url": model.url()})).0, 201);
    reaches(&server, "x", "ERROR");
    assert!(model.asked()[count..].iter().all(|head| head.starts_with("GET / ")), "{:?}", model.asked());
}

#[test]
fn what_only_an_event_names_is_shown_and_not_asked() {
    let mut server = Server::start();
    let model = ModelServer::start();
    let configured = |path: &str| json!({"kind": "http", "endpoint": format!("{}{path}", model.url()), "every_seconds": 1});
    server.send(&json!({"type": "provider.configured", "entity": "provider:sneaky", "payload": configured("/admin")}));
    let add = |server: &Server, name: &str, path: &str| {
        let body = json!({"name": name, "kind": "http", "url": format!("{}{path}", model.url()), "every_seconds": 1});
        ask(server, "POST", "/api/providers", &body).0
    };
    assert_eq!(add(&server, "ours", "/ours"), 201);
    for restart in [false, true] {
        if restart {
            server.kill();
            server.run();
        }
        let count = model.asked().len();
        until("ours is asked again and again", || (model.asked().len() > count + 2).then_some(()));
        assert!(model.asked().iter().all(|head| head.starts_with("GET /ours ")), "{:?}", model.asked());
        let shown = provider(&server, "sneaky");
        assert_eq!((&shown["state"], &shown["origin"], &shown["probing"]), (&json!("UNKNOWN"), &Value::Null, &Value::Null));
        assert_eq!(ask(&server, "POST", "/api/providers/sneaky/probe", &json!({})).0, 409);
    }
    assert_eq!(add(&server, "sneaky", "/wanted"), 201, "a person may");
    reaches(&server, "sneaky", "READY");
    assert!(model.asked().iter().all(|head| !head.starts_with("GET /admin")), "{:?}", model.asked());
}

#[test]
fn what_others_say_of_a_provider_that_is_set_up_changes_nothing() {
    let server = Server::start();
    let (model, other) = (ModelServer::start(), ModelServer::start());
    let body = json!({"name": "llm", "kind": "ollama", "url": model.url(), "every_seconds": 1});
    assert_eq!(ask(&server, "POST", "/api/providers", &body).0, 201);
    reaches(&server, "llm", "READY");
    let says = |action: &str, payload: Value| {
        server.send(&json!({"type": format!("provider.{action}"), "entity": "provider:llm", "payload": payload}))
    };
    let again = |after: u64| {
        until("the log is told again", || {
            let told = |event: &&Value| event["type"] == "provider.configured" && event["seq"].as_u64() > Some(after);
            server.log().iter().find(told).map(|event| event["payload"]["endpoint"].clone())
        })
    };
    assert_eq!(again(says("configured", json!({"kind": "http", "endpoint": other.url()}))), json!(model.url()));
    assert_eq!(again(says("removed", json!({}))), json!(model.url()));
    assert_eq!(reaches(&server, "llm", "READY")["origin"], "api");
    assert_eq!(other.asked(), [""; 0]);
    assert_eq!(ask(&server, "DELETE", "/api/providers/llm", &Value::Null).0, 204);
    assert_eq!(provider(&server, "llm"), Value::Null);
}

#[test]
fn a_redirect_is_not_followed() {
    let server = Server::start();
    let (model, inside) = (ModelServer::start(), ModelServer::start());
    model.redirects(&format!("{}/latest/meta-data", inside.url()));
    let body = json!({"name": "a", "kind": "http", "url": model.url()});
    assert_eq!(ask(&server, "POST", "/api/providers", &body).0, 201);
    let found = reaches(&server, "a", "ERROR");
    assert!(found["last_error"].as_str().unwrap().contains("redirects are not followed"), "{found}");
    assert_eq!(inside.asked(), [""; 0]);
}

#[test]
fn a_proxy_is_for_what_is_beyond_this_machine() {
    let mut server = Server::start();
    let (model, proxy) = (ModelServer::start(), ModelServer::start());
    server.kill();
    let addr = format!("127.0.0.1:{}", server.port);
    let mut serve = server.command(&["serve", "--addr", &addr, "--data", "data"]);
    for name in ["HTTP_PROXY", "http_proxy"] {
        serve.env(name, proxy.url());
    }
    let child = serve.env_remove("NO_PROXY").env_remove("no_proxy").stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _ends_with_the_test = Ended(child.unwrap());
    until("it listens", || std::net::TcpStream::connect(&addr).ok());
    let add = |name: &str, url: &str| {
        assert_eq!(ask(&server, "POST", "/api/providers", &json!({"name": name, "kind": "http", "url": url})).0, 201);
        reaches(&server, name, "READY");
    };
    add("near", &model.url());
    add("named", &format!("http://localhost:{}/", model.port));
    assert_eq!((proxy.asked().len(), model.asked().len()), (0, 2));
    add("far", "http://192.0.2.1/far");
    assert!(proxy.asked()[0].starts_with("GET http://192.0.2.1/far"), "{:?}", proxy.asked());
    // The commands talk to this machine without it too.
    let mut emit = server.command(&["emit", "x.y"]);
    let said = emit.env("HTTP_PROXY", "http://127.0.0.1:9").env("http_proxy", "http://127.0.0.1:9").output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

/// A process that is ended with the test, however that ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let server = Server::start();
    let refused = |body: Value, status: u16, words: &str| {
        let (got, answer) = ask(&server, "POST", "/api/providers", &body);
        assert_eq!(got, status, "{body}: {answer}");
        assert!(answer["detail"].as_str().is_some_and(|text| text.contains(words)), "{body}: {answer}");
    };
    let url = "http://127.0.0.1:9";
    refused(json!({"name": "a", "kind": "http", "url": "http://user:word@127.0.0.1/"}), 422, "url: it has a name or a password");
    refused(json!({"name": "a", "kind": "http", "url": "ftp://127.0.0.1/"}), 422, "url: only http");
    refused(json!({"name": "a", "kind": "grpc", "url": url}), 422, "kind: \"grpc\" is not one of");
    refused(json!({"name": "a b", "kind": "http", "url": url}), 422, "name: ");
    refused(json!({"name": "a", "kind": "http", "url": url, "every_seconds": 0}), 422, "every_seconds: 0");
    refused(json!({"name": "a", "kind": "http", "url": url, "bearer_env": "HOME"}), 400, "bearer_env: unknown field");
    refused(json!({"name": "a", "kind": "http"}), 400, "url");
    assert_eq!(server.log().len(), 0);
    let body = json!({"name": "a", "kind": "http", "url": url});
    assert_eq!(ask(&server, "POST", "/api/providers", &body).0, 201);
    refused(body, 409, "\"a\" is set up already, by API");
    server.send(
        &json!({"type": "provider.status_changed", "entity": "provider:theirs", "payload": {"state": "READY", "endpoint": "e"}}),
    );
    assert_eq!(ask(&server, "POST", "/api/providers/theirs/probe", &json!({})).0, 409);
    assert_eq!(ask(&server, "POST", "/api/providers/none/probe", &json!({})).0, 404);
    assert_eq!(ask(&server, "DELETE", "/api/providers/none", &Value::Null).0, 404);
    assert_eq!(ask(&server, "DELETE", "/api/providers/theirs", &Value::Null).0, 204);
    assert_eq!(provider(&server, "theirs"), Value::Null);
}

#[test]
fn the_file_sets_providers_up_and_takes_them_away() {
    let mut server = Server::start();
    let model = ModelServer::start();
    let file = server.path().join("swarmdeck.toml");
    server.kill();
    let table =
        |name: &str, rest: &str| format!("[[providers]]\nname = '{name}'\nkind = 'http'\nurl = '{}/x'\n{rest}\n", model.url());
    let secret = "bearer_env = 'SWARMDECK_URL'";
    std::fs::write(&file, [table("a", "every_seconds = 1"), table("off", "enabled = false"), table("b", secret)].concat())
        .unwrap();
    server.run();
    let ready = reaches(&server, "a", "READY");
    assert_eq!(ready["origin"], "file");
    assert_eq!(provider(&server, "off")["state"], "STOPPED");
    // The variable is not there, and the fault says which.
    assert!(reaches(&server, "b", "ERROR")["last_error"].as_str().unwrap().contains("SWARMDECK_URL"));
    let (status, answer) = ask(&server, "DELETE", "/api/providers/a", &Value::Null);
    assert!(status == 409 && answer["detail"].as_str().unwrap().contains("remove it there"), "{answer}");
    assert_eq!(ask(&server, "POST", "/api/providers", &json!({"name": "a", "kind": "http", "url": model.url()})).0, 409);
    std::fs::write(&file, table("off", "every_seconds = 1")).unwrap();
    reaches(&server, "off", "READY");
    until("a is gone", || (provider(&server, "a") == Value::Null).then_some(()));
    assert_eq!(told(&server, "a"), ["READY", "STOPPED"]);
    server.kill();
    std::fs::remove_file(&file).unwrap();
    server.run();
    until("off is gone", || (provider(&server, "off") == Value::Null).then_some(()));
    assert_eq!(told(&server, "off"), ["STOPPED", "READY", "STOPPED"]);
}
