//! Sessions over HTTP: drivers of every kind, permissions, ends of every kind, and a restart.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PATIENCE, Server, until};

/// A server whose `[sessions]` are these lines; `{dir}` in them is a folder with the files.
fn server(settings: &str, files: &[(&str, &str)]) -> (Server, TempDir) {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let settings = settings.replace("{dir}", &folder.path().display().to_string());
    let path = folder.path().join("settings.toml");
    std::fs::write(&path, format!("[sessions]\n{settings}")).unwrap();
    (Server::with(&["--config", path.to_str().unwrap()]), folder)
}

/// A driver that runs a script of agent events.
fn script(name: &str) -> String {
    format!("[[sessions.drivers]]\nname = {name:?}\nkind = \"scripted\"\nfile = \"{{dir}}/{name}\"\n")
}

/// A driver that runs a program of the shell.
fn shell(name: &str) -> String {
    format!("[[sessions.drivers]]\nname = {name:?}\nkind = \"command\"\nprogram = \"sh\"\nargs = [\"{{dir}}/{name}\"]\n")
}

fn call(server: &Server, method: &str, path: &str, body: &str) -> (u16, Value) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build().into();
    let request = ureq::http::Request::builder().method(method).uri(server.url(path)).body(body.to_owned()).unwrap();
    let mut response = agent.run(request).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn create(server: &Server, body: &Value) -> String {
    let (status, session) = call(server, "POST", "/api/sessions", &body.to_string());
    assert_eq!(status, 201, "{session}");
    session["id"].as_str().unwrap().to_owned()
}

fn send(server: &Server, id: &str, message: &str) {
    let (status, answer) =
        call(server, "POST", &format!("/api/sessions/{id}/messages"), &json!({"message": message}).to_string());
    assert_eq!((status, &answer), (202, &json!({"accepted": true})));
}

fn session(server: &Server, id: &str) -> Value {
    server.get(&format!("/api/sessions/{id}")).1
}

/// The events of a session: type without its domain, and payload.
fn events(server: &Server, id: &str) -> Vec<(String, Value)> {
    let mine = |event: &Value| event["entity"] == json!({"kind": "session", "id": id});
    let told = server.log().into_iter().filter(mine);
    told.map(|mut event| {
        let kind = event["type"].as_str().unwrap().strip_prefix("session.").unwrap().to_owned();
        (kind, event["payload"].take())
    })
    .collect()
}

/// Its events once it has had so many ends of turns.
fn ended(server: &Server, id: &str, turns: usize) -> Vec<(String, Value)> {
    until("the turn ends", || {
        let told = events(server, id);
        (told.iter().filter(|(kind, _)| kind == "completed").count() >= turns).then_some(told)
    })
}

/// The request of a session that waits for a person.
fn asked(server: &Server, id: &str) -> String {
    until("a person is asked", || {
        let (_, open) = server.get("/api/approvals");
        let mine = open.as_array().unwrap().iter().find(|request| request["sessionId"] == id)?;
        Some(mine["requestId"].as_str().unwrap().to_owned())
    })
}

fn answer(server: &Server, id: &str, request: &str, body: &Value) -> (u16, Value) {
    call(server, "POST", &format!("/api/sessions/{id}/permissions/{request}"), &body.to_string())
}

fn kinds(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(kind, _)| kind.as_str()).collect()
}

fn text(events: &[(String, Value)]) -> String {
    events.iter().filter(|(kind, _)| kind == "text_delta").map(|(_, payload)| payload["delta"].as_str().unwrap()).collect()
}

fn payload<'a>(events: &'a [(String, Value)], kind: &str) -> &'a Value {
    &events.iter().find(|(told, _)| told == kind).unwrap_or_else(|| panic!("no {kind} in {events:?}")).1
}

fn is_gone(pid: &str) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat.contains(") Z "),
        Err(_) => true,
    }
}

#[test]
fn the_tour_goes_without_any_settings() {
    let server = Server::start();
    let id = create(&server, &json!({"workspaceId": "w1", "title": "First steps"}));
    let made = session(&server, &id);
    assert_eq!(
        (&made["driver"], &made["state"], &made["workspaceId"], &made["permissionMode"]),
        (&json!("tour"), &json!("idle"), &json!("w1"), &json!("ask"))
    );
    send(&server, &id, "Show me");
    let request = asked(&server, &id);
    let (_, open) = server.get("/api/approvals");
    assert_eq!((&open[0]["toolName"], &open[0]["sessionTitle"]), (&json!("Remove"), &json!("First steps")));
    assert_eq!(answer(&server, &id, &request, &json!({"allowed": true, "by": "anna"})), (200, json!({"success": true})));
    let told = ended(&server, &id, 1);
    assert!(text(&told).ends_with("You allowed it, so I went on. That is the whole tour. 🐝"), "{told:?}");
    assert_eq!(payload(&told, "prompted"), &json!({"text": "Show me", "by": "api"}));
    assert_eq!(payload(&told, "permission_decided")["by"], "anna");
    // Pieces came together: the log has fewer than the script.
    let deltas = told.iter().filter(|(kind, _)| kind == "text_delta").count();
    assert!(deltas < 17, "{deltas}");
    let whole = session(&server, &id);
    let shown: Vec<&str> = whole["transcript"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert_eq!(shown, ["prompt", "text", "tool", "text", "permission", "tool", "text"]);
    assert_eq!(whole["state"], "completed");
}

#[test]
fn pieces_come_together_and_before_anything_else() {
    let word = |n: usize| format!("é{n}🐝");
    let words = |range: std::ops::Range<usize>| range.map(word).collect::<Vec<_>>().concat();
    let piece = |n: usize| json!({"type": "text_delta", "delta": word(n), "turnId": "t"}).to_string();
    let pieces = |from: usize| (from..from + 400).map(piece).collect::<Vec<_>>().join("\n");
    let tool = r#"{"type":"tool_start","toolUseId":"u","toolName":"Read","toolInput":{}}"#;
    let lines = format!("{}\n{tool}\n{}\n{{\"type\":\"complete\"}}\n", pieces(0), pieces(400));
    let (server, _folder) = server(&script("fast"), &[("fast", &lines)]);
    let id = create(&server, &json!({}));
    send(&server, &id, "go");
    let told = ended(&server, &id, 1);
    assert_eq!(text(&told), words(0..800));
    let place = told.iter().position(|(kind, _)| kind == "tool_started").unwrap();
    assert_eq!(text(&told[..place]), words(0..400));
    assert!(told.len() < 60, "{} events", told.len());
}

const ASKS: &str = r#"
{"type":"permission_request","requestId":"r1","toolName":"Bash","command":"rm a"}
{"type":"text_delta","delta":"yes ","if":"allowed"}
{"type":"text_delta","delta":"no ","if":"denied"}
{"type":"permission_request","requestId":"r1","toolName":"Bash","command":"rm b"}
{"type":"text_delta","delta":"yes","if":"allowed"}
{"type":"text_delta","delta":"no","if":"denied"}
{"type":"complete"}
"#;

#[test]
fn a_request_lapses() {
    let (server, _folder) = server(&format!("permission_timeout = 0.3\n{}", script("asks")), &[("asks", ASKS)]);
    let id = create(&server, &json!({}));
    send(&server, &id, "go");
    let told = ended(&server, &id, 1);
    assert_eq!(text(&told), "no no");
    assert_eq!(told.iter().filter(|(kind, _)| kind == "permission_expired").count(), 2);
    let request = payload(&told, "permission_requested")["request_id"].as_str().unwrap();
    let (status, problem) = answer(&server, &id, request, &json!({"allowed": true}));
    assert_eq!(status, 409);
    assert!(problem["error"].as_str().unwrap().ends_with("is already closed: expired"), "{problem}");
    assert_eq!(server.get("/api/approvals").1, json!([]));
}

#[test]
fn the_first_answer_counts() {
    let (server, _folder) = server(&script("asks"), &[("asks", ASKS)]);
    let id = create(&server, &json!({}));
    send(&server, &id, "go");
    let request = asked(&server, &id);
    let told: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let people: Vec<_> = (0..8)
            .map(|n| {
                let (server, id, request) = (&server, &id, &request);
                scope.spawn(move || answer(server, id, request, &json!({"allowed": n % 2 == 0, "by": format!("person-{n}")})))
            })
            .collect();
        people.into_iter().map(|person| person.join().unwrap()).collect()
    });
    let first: Vec<usize> = (0..8).filter(|n| told[*n].0 == 200).collect();
    assert_eq!(first.len(), 1, "{told:?}");
    let words = format!("is already decided by person-{}: ", first[0]);
    for (status, problem) in told.iter().filter(|(status, _)| *status != 200) {
        assert_eq!(*status, 409);
        assert!(problem["detail"].as_str().unwrap().contains(&words), "{problem}");
    }
    answer(&server, &id, &asked(&server, &id), &json!({"allowed": true}));
    let told = ended(&server, &id, 1);
    assert_eq!(text(&told), if first[0].is_multiple_of(2) { "yes yes" } else { "no yes" });
}

#[test]
fn a_tool_is_always_allowed_once_somebody_says_so() {
    let (server, _folder) = server(&script("asks"), &[("asks", ASKS)]);
    let id = create(&server, &json!({}));
    send(&server, &id, "go");
    answer(&server, &id, &asked(&server, &id), &json!({"allowed": true, "alwaysAllow": true, "reason": "it is safe"}));
    let told = ended(&server, &id, 1);
    assert_eq!(text(&told), "yes yes");
    let decided: Vec<_> = told.iter().filter(|(kind, _)| kind == "permission_decided").map(|(_, it)| it).collect();
    assert_eq!((&decided[0]["by"], &decided[0]["reason"]), (&json!("api"), &json!("it is safe")));
    assert_eq!((&decided[1]["by"], &decided[1]["allowed"]), (&json!("always-allow"), &json!(true)));
    assert_eq!(session(&server, &id)["alwaysAllowed"], json!(["Bash"]));
    // It is of this session only.
    let other = create(&server, &json!({}));
    send(&server, &other, "go");
    asked(&server, &other);
}

#[test]
fn a_decision_counts_whoever_appends_it() {
    let (server, _folder) = server(&script("asks"), &[("asks", ASKS)]);
    let id = create(&server, &json!({}));
    send(&server, &id, "go");
    for allowed in [true, false] {
        let decided = json!({"request_id": asked(&server, &id), "allowed": allowed, "always_allow": false, "by": "other"});
        server.send(&json!({"type": "session.permission_decided", "entity": {"kind": "session", "id": id}, "payload": decided}));
    }
    assert_eq!(text(&ended(&server, &id, 1)), "yes no");
}

#[test]
fn a_request_that_is_withdrawn_lapses() {
    let withdraws = "read line\necho '{\"type\":\"permission_request\",\"requestId\":\"r\",\"toolName\":\"Bash\"}'\n\
                     echo '{\"type\":\"permission_cancel\",\"requestId\":\"r\"}'\necho '{\"type\":\"complete\"}'\nread line\n";
    let (server, _folder) = server(&shell("withdraws"), &[("withdraws", withdraws)]);
    let id = create(&server, &json!({}));
    send(&server, &id, "go");
    assert_eq!(kinds(&ended(&server, &id, 1))[2..], ["permission_requested", "permission_expired", "completed"]);
}

#[test]
fn a_mode_decides_and_says_so() {
    let (server, _folder) = server(&script("asks"), &[("asks", ASKS)]);
    let id = create(&server, &json!({"permission_mode": "allow"}));
    send(&server, &id, "go");
    let told = ended(&server, &id, 1);
    assert_eq!(text(&told), "yes yes");
    assert_eq!(payload(&told, "permission_decided")["by"], "permission-mode");
    let (status, changed) = call(&server, "PATCH", &format!("/api/sessions/{id}"), r#"{"permissionMode":"deny","title":"T"}"#);
    assert_eq!((status, &changed["permissionMode"], &changed["title"]), (200, &json!("deny"), &json!("T")));
    send(&server, &id, "again");
    let told = ended(&server, &id, 2);
    assert!(text(&told).ends_with("yes yesno no"));
}

#[test]
fn a_program_talks_over_many_turns() {
    let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/sessions/agent.py");
    let driver = format!(
        "[[sessions.drivers]]\nname = \"agent\"\nkind = \"command\"\nprogram = \"python3\"\nargs = [{:?}]\n",
        agent.to_str().unwrap()
    );
    let (server, _folder) = server(&driver, &[]);
    let id = create(&server, &json!({"driver": "agent"}));
    send(&server, &id, "héllo 🐝");
    assert_eq!(text(&ended(&server, &id, 1)), "You said: héllo 🐝 ");
    send(&server, &id, "run ls");
    let (status, problem) = call(&server, "POST", &format!("/api/sessions/{id}/messages"), r#"{"message":"and?"}"#);
    assert_eq!(status, 409, "{problem}");
    let request = asked(&server, &id);
    assert_eq!(server.get("/api/approvals").1[0]["command"], "ls");
    answer(&server, &id, &request, &json!({"allowed": true}));
    let told = ended(&server, &id, 2);
    assert_eq!(
        payload(&told, "tool_finished"),
        &json!({"tool_use_id": "use-2", "tool_name": "Shell", "result": "not really run",
        "is_error": false, "turn_id": "2"}),
        "the program is the same in the second turn"
    );
    assert_eq!(session(&server, &id)["state"], "completed");
}

#[test]
fn a_program_may_end_with_each_turn() {
    let once = "read line\necho '{\"type\":\"text_delta\",\"delta\":\"once \"}'\necho '{\"type\":\"complete\"}'\n";
    let (server, _folder) = server(&shell("once"), &[("once", once)]);
    let id = create(&server, &json!({}));
    for turn in 1..=4 {
        send(&server, &id, "go");
        let told = ended(&server, &id, turn);
        assert_eq!(text(&told), "once ".repeat(turn));
        assert!(!kinds(&told).contains(&"failed"), "{told:?}");
    }
}

#[test]
fn a_crash_is_an_error_and_then_the_end() {
    let crash = "read line\necho '{\"type\":\"text_delta\",\"delta\":\"so far\"}'\necho no such model >&2\nexit 7\n";
    let missing = "[[sessions.drivers]]\nname = \"missing\"\nkind = \"command\"\nprogram = \"/none/such\"\n";
    let (server, _folder) = server(&(shell("crash") + missing), &[("crash", crash)]);
    let id = create(&server, &json!({"agent": "a"}));
    send(&server, &id, "go");
    let told = ended(&server, &id, 1);
    assert_eq!(kinds(&told), ["started", "prompted", "text_delta", "failed", "completed"]);
    assert_eq!(payload(&told, "failed")["error"], "sh exited with code 7: no such model");
    let shown = session(&server, &id);
    assert_eq!((&shown["state"], &shown["error"]), (&json!("failed"), &json!("sh exited with code 7: no such model")));
    send(&server, &id, "again");
    assert_eq!(kinds(&ended(&server, &id, 2))[5..], ["prompted", "text_delta", "failed", "completed"]);

    let id = create(&server, &json!({"driver": "missing"}));
    send(&server, &id, "go");
    let told = ended(&server, &id, 1);
    assert!(payload(&told, "failed")["error"].as_str().unwrap().starts_with("cannot start /none/such: "), "{told:?}");
}

/// Tells its own process and one that it started, and then hears nothing.
const DEAF: &str = "trap '' TERM\nread line\nsleep 600 &\necho \"{\\\"type\\\":\\\"text_delta\\\",\\\"delta\\\":\\\"$$ $!\\\"}\"\nsleep 600\nsleep 600\n";

fn pids(server: &Server, id: &str) -> Vec<String> {
    let told = until("the program tells its processes", || Some(text(&events(server, id))).filter(|text| !text.is_empty()));
    told.split(' ').map(str::to_owned).collect()
}

#[test]
fn an_abort_stops_the_program_and_its_children() {
    let (server, _folder) = server(&format!("stop_grace = 0.2\n{}", shell("deaf")), &[("deaf", DEAF)]);
    let id = create(&server, &json!({}));
    send(&server, &id, "go");
    let pids = pids(&server, &id);
    assert_eq!(pids.len(), 2);
    assert!(pids.iter().all(|pid| !is_gone(pid)));
    assert_eq!(call(&server, "POST", &format!("/api/sessions/{id}/abort"), ""), (200, json!({"success": true})));
    let told = events(&server, &id);
    assert_eq!(kinds(&told), ["started", "prompted", "text_delta", "aborted", "completed"]);
    assert_eq!(payload(&told, "aborted")["by"], "api");
    assert_eq!(session(&server, &id)["state"], "aborted");
    until("its processes are gone", || pids.iter().all(|pid| is_gone(pid)).then_some(()));
    assert_eq!(call(&server, "POST", &format!("/api/sessions/{id}/abort"), "").0, 200, "again is no harm");
    assert_eq!(events(&server, &id).len(), 5);
}

#[test]
fn a_server_that_stops_takes_its_programs_along() {
    let (mut server, _folder) = server(&format!("stop_grace = 0.2\n{}", shell("deaf")), &[("deaf", DEAF)]);
    let id = create(&server, &json!({}));
    send(&server, &id, "go");
    let pids = pids(&server, &id);
    assert!(server.stop());
    assert!(pids.iter().all(|pid| is_gone(pid)));
    server.run();
    assert_eq!(kinds(&events(&server, &id)), ["started", "prompted", "text_delta", "aborted", "completed"]);
}

#[test]
fn many_sessions_at_once() {
    let (server, _folder) = server(&script("asks"), &[("asks", ASKS)]);
    let ids: Vec<String> = (0..20).map(|_| create(&server, &json!({}))).collect();
    for id in &ids {
        send(&server, id, "go");
    }
    for _ in 0..2 {
        for id in &ids {
            answer(&server, id, &asked(&server, id), &json!({"allowed": true}));
        }
    }
    for id in &ids {
        assert_eq!(text(&ended(&server, id, 1)), "yes yes");
    }
}

#[test]
fn at_most_sixty_four_work_at_once() {
    let (server, _folder) = server(&script("asks"), &[("asks", ASKS)]);
    let ids: Vec<String> = (0..65).map(|_| create(&server, &json!({}))).collect();
    for id in &ids[..64] {
        send(&server, id, "go");
    }
    let refused = || call(&server, "POST", &format!("/api/sessions/{}/messages", ids[64]), r#"{"message":"go"}"#);
    assert_eq!(refused().0, 503);
    assert_eq!(call(&server, "POST", &format!("/api/sessions/{}/abort", ids[0]), "").0, 200);
    assert_eq!(refused().0, 202);
    asked(&server, &ids[64]);
    // The one that rested made room; it begins anew all the same.
    call(&server, "POST", &format!("/api/sessions/{}/abort", ids[1]), "");
    send(&server, &ids[0], "go");
    asked(&server, &ids[0]);
}

#[test]
fn a_kill_ends_what_was_running_here_and_nothing_else() {
    let (mut server, _folder) = server(&script("asks"), &[("asks", ASKS)]);
    let id = create(&server, &json!({"agent": "a"}));
    send(&server, &id, "go");
    asked(&server, &id);
    let outside = "session:outside";
    server.send(&json!([
        {"type": "session.started", "entity": outside, "payload": {"permission_mode": "ask"}},
        {"type": "session.permission_requested", "entity": outside, "payload":
            {"request_id": "theirs", "tool_name": "Bash", "expires_at": "2099-01-01T00:00:00Z"}},
    ]));
    server.kill();
    server.run();
    let told = ended(&server, &id, 1);
    assert_eq!(kinds(&told)[3..], ["permission_expired", "failed", "completed"]);
    assert_eq!(payload(&told, "failed")["error"], "the server was restarted");
    assert_eq!(session(&server, &id)["state"], "failed");
    assert_eq!(session(&server, "outside")["state"], "running");
    let (_, open) = server.get("/api/approvals");
    assert_eq!((open.as_array().unwrap().len(), &open[0]["requestId"]), (1, &json!("theirs")));
    assert_eq!(answer(&server, "outside", "theirs", &json!({"allowed": true})).0, 200);
    send(&server, &id, "again");
    asked(&server, &id);
}

#[test]
fn what_others_report_is_answered_here_and_run_there() {
    let server = Server::start();
    let of = |action: &str, payload: Value| json!({"type": format!("session.{action}"), "entity": "session:theirs", "source": "other", "payload": payload});
    let ask = |request: &str| {
        of(
            "permission_requested",
            json!({"request_id": request, "tool_name": "Bash", "command": "ls", "expires_at": "2099-01-01T00:00:00Z"}),
        )
    };
    server.send(&json!([of("started", json!({"permission_mode": "ask", "title": "T"})), ask("r1"), ask("r2")]));
    let mut stream = server.sse("types=session.permission_decided", "");
    assert_eq!(answer(&server, "theirs", "r1", &json!({"allowed": false, "by": "anna", "reason": "no"})).0, 200);
    let (_, decided) = stream.event();
    assert_eq!(
        decided["payload"],
        json!({"request_id": "r1", "allowed": false, "always_allow": false, "by": "anna", "reason": "no"})
    );
    let (status, problem) = answer(&server, "theirs", "r1", &json!({"allowed": true}));
    assert_eq!((status, problem["detail"].as_str().unwrap()), (409, "request r1 is already decided by anna: denied"));
    for (path, body) in [("messages", r#"{"message":"hi"}"#), ("abort", "")] {
        let (status, problem) = call(&server, "POST", &format!("/api/sessions/theirs/{path}"), body);
        assert_eq!((status, &problem["error"]), (409, &json!("session theirs is run by the program that reports it")));
    }
    let list = server.get("/api/sessions?state=running").1;
    assert_eq!((&list[0]["id"], list[0].get("driver")), (&json!("theirs"), None));
    assert_eq!(call(&server, "DELETE", "/api/sessions/theirs", ""), (200, json!({"success": true})));
    assert_eq!(server.get("/api/sessions").1, json!([]));
    assert_eq!(server.get("/api/approvals").1, json!([]));
}

#[test]
fn a_program_gets_no_keys_of_others() {
    // Variables that cargo sets stand for keys.
    let say = r#"echo "{\"type\":\"text_complete\",\"text\":\"${CARGO_PKG_NAME:-none} ${CARGO_PKG_VERSION:-none} ${SWARMDECK_TOKEN:-none}\"}"; echo '{"type":"complete"}'"#;
    let settings = [
        shell("plain"),
        format!("{}pass_env = [\"CARGO_PKG_NAME\"]\n", shell("trusted")),
        "[[sessions.drivers]]\nname = \"chat\"\nkind = \"openai\"\nurl = \"http://127.0.0.1:9\"\nmodel = \"m\"\nkey_env = \"CARGO_PKG_NAME\"\n".into(),
        "[[providers]]\nname = \"p\"\nkind = \"http\"\nurl = \"http://127.0.0.1:9\"\nbearer_env = \"CARGO_PKG_VERSION\"\n".into(),
    ]
    .concat();
    let (server, _folder) = server(&settings, &[("plain", say), ("trusted", say)]);
    for (driver, told) in [("plain", "none none none"), ("trusted", "swarmdeck none none")] {
        let id = create(&server, &json!({"driver": driver}));
        send(&server, &id, "go");
        let events = ended(&server, &id, 1);
        let text = events.iter().find(|(kind, _)| kind == "text_completed").map(|(_, payload)| payload["text"].clone());
        assert_eq!(text, Some(json!(told)), "{driver}: {events:?}");
    }
}

#[test]
fn a_removed_session_ends_first() {
    let (server, _folder) = server(&format!("stop_grace = 0.2\n{}", shell("deaf")), &[("deaf", DEAF)]);
    let id = create(&server, &json!({}));
    send(&server, &id, "go");
    let pids = pids(&server, &id);
    assert_eq!(call(&server, "DELETE", &format!("/api/sessions/{id}"), ""), (200, json!({"success": true})));
    assert_eq!(kinds(&events(&server, &id))[3..], ["aborted", "completed", "removed"]);
    until("its processes are gone", || pids.iter().all(|pid| is_gone(pid)).then_some(()));
    assert_eq!(server.get(&format!("/api/sessions/{id}")).0, 404);
}

#[test]
fn errors_are_in_the_words_of_the_dialect() {
    let server = Server::start();
    let id = create(&server, &json!({}));
    for (method, path, body) in [
        ("GET", "/api/sessions/none".to_owned(), ""),
        ("PATCH", "/api/sessions/none".to_owned(), r#"{"title":"t"}"#),
        ("DELETE", "/api/sessions/none".to_owned(), ""),
        ("POST", "/api/sessions/none/messages".to_owned(), r#"{"message":"m"}"#),
        ("POST", "/api/sessions/none/abort".to_owned(), ""),
        ("POST", "/api/sessions/none/permissions/r".to_owned(), r#"{"allowed":true}"#),
    ] {
        let (status, problem) = call(&server, method, &path, body);
        assert_eq!((status, &problem["error"]), (404, &json!("Session not found")), "{method} {path}: {problem}");
    }
    let refused = |status: u16, method: &str, path: &str, body: &str, detail: &str| {
        let (got, problem) = call(&server, method, path, body);
        assert_eq!(got, status, "{method} {path} {body}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{method} {path} {body}: {problem}");
        problem["error"].as_str().unwrap().to_owned()
    };
    // What cannot be read is the dialect's bad request.
    for (method, path, body, detail) in [
        ("POST", "/api/sessions".to_owned(), "{", "EOF"),
        ("POST", "/api/sessions".to_owned(), r#"{"workspaceId":7}"#, "workspaceId: invalid type"),
        ("POST", "/api/sessions".to_owned(), r#"{"program":"sh"}"#, "unknown field `program`"),
        ("POST", format!("/api/sessions/{id}/messages"), "{}", "missing field `message`"),
        ("POST", format!("/api/sessions/{id}/permissions/r"), "{}", "missing field `allowed`"),
        ("GET", "/api/sessions?state=busy".to_owned(), "", "state: \"busy\" is not one of"),
        ("GET", "/api/approvals?x=1".to_owned(), "", "x: unknown parameter"),
    ] {
        assert_eq!(refused(400, method, &path, body, detail), "Bad Request", "{method} {path} {body}");
    }
    // What can be read and does not fit is 422, as everywhere.
    for (method, path, body, detail) in [
        ("POST", "/api/sessions".to_owned(), r#"{"driver":"sh"}"#, "driver: there is no \"sh\"; there are tour"),
        ("POST", "/api/sessions".to_owned(), r#"{"title":"a\u0000"}"#, "title: empty, or with control characters"),
        ("POST", format!("/api/sessions/{id}/messages"), r#"{"message":" "}"#, "message: empty"),
        ("PATCH", format!("/api/sessions/{id}"), "{}", "nothing to change"),
    ] {
        assert!(refused(422, method, &path, body, detail).contains(detail), "{method} {path} {body}");
    }
    let (status, problem) = answer(&server, &id, "r", &json!({"allowed": true}));
    assert_eq!((status, &problem["error"]), (404, &json!("no request r is open")));
    let long = json!({"message": "x".repeat(65_537)}).to_string();
    assert_eq!(call(&server, "POST", &format!("/api/sessions/{id}/messages"), &long).0, 413);
    assert_eq!(server.get("/api/sessions/drivers").1, json!([{"name": "tour", "kind": "scripted", "default": true}]));
}

/// Claude Code's part, played by a program of the shell.
const CLAUDE: &str = r#"
read line
echo '{"type":"system","subtype":"init","session_id":"s","tools":[],"model":"m"}'
echo '{"type":"stream_event","event":{"type":"message_start","message":{"id":"m1"}},"parent_tool_use_id":null}'
echo '{"type":"stream_event","event":{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"I look."}},"parent_tool_use_id":null}'
echo '{"type":"assistant","message":{"id":"m1","content":[{"type":"text","text":"I look."}]},"parent_tool_use_id":null}'
echo '{"type":"assistant","message":{"id":"m1","content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls"}}]},"parent_tool_use_id":null}'
echo '{"type":"control_request","request_id":"c1","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{"command":"ls"}}}'
read answer
case "$answer" in
  *'"behavior":"allow"'*'"updatedInput":{"command":"ls"}'*) said=allowed ;;
  *) said=denied ;;
esac
echo '{"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"a.txt","is_error":false}]}}'
echo "{\"type\":\"assistant\",\"message\":{\"id\":\"m2\",\"content\":[{\"type\":\"text\",\"text\":\"$said\"}]},\"parent_tool_use_id\":null}"
echo '{"type":"result","subtype":"success","is_error":false,"result":"done"}'
"#;

#[test]
fn claude_codes_stream_is_spoken() {
    let (server, _folder) = server(&(shell("claude") + "format = \"claude\"\n"), &[("claude", CLAUDE)]);
    let id = create(&server, &json!({}));
    send(&server, &id, "go");
    assert_eq!(answer(&server, &id, &asked(&server, &id), &json!({"allowed": true})).0, 200);
    let told = ended(&server, &id, 1);
    assert_eq!(
        kinds(&told)[2..],
        [
            "text_delta",
            "text_completed",
            "tool_started",
            "permission_requested",
            "permission_decided",
            "tool_finished",
            "text_completed",
            "completed"
        ]
    );
    assert_eq!(payload(&told, "text_completed"), &json!({"turn_id": "m1", "text": "I look.", "intermediate": true}));
    assert_eq!(told[told.len() - 2].1, json!({"turn_id": "m2", "text": "allowed", "intermediate": false}));
}

/// A chat endpoint: answers each request with the next of the streams given, cut into pieces.
struct Endpoint {
    url: String,
    /// The requests, one after the other: header and body.
    requests: Receiver<(String, Value)>,
}

fn endpoint(answers: Vec<Vec<Vec<u8>>>) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (tell, requests) = sync_channel(16);
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            serve(stream, &answer, &tell);
        }
    });
    Endpoint { url, requests }
}

fn serve(mut stream: TcpStream, answer: &[Vec<u8>], tell: &SyncSender<(String, Value)>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    tell.send((head, serde_json::from_slice(&body).unwrap())).unwrap();
    for piece in answer {
        if stream.write_all(piece).is_err() {
            return;
        }
    }
    if answer.last().is_some_and(|last| last.is_empty()) {
        // It goes on until the other side has had enough.
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let end = stream.read(&mut [0; 1]).unwrap_or(usize::MAX);
        tell.send(("ended".to_owned(), json!(end))).unwrap();
    }
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

/// A streamed answer, its bytes cut in the middle of anything.
fn streamed(words: &[&str], end: &str) -> Vec<Vec<u8>> {
    let chunk = |word: &&str| {
        format!("data: {}\r\n\r\n", json!({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": null}]}))
    };
    let text = words.iter().map(chunk).collect::<String>() + end;
    let mut pieces = vec![HEAD.to_vec()];
    pieces.extend(text.as_bytes().chunks(7).map(<[u8]>::to_vec));
    pieces
}

#[test]
fn a_chat_endpoint_streams_and_is_told_the_conversation() {
    let done = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let mut endless = streamed(&["It begins"], "");
    endless.push(Vec::new());
    let endpoint = endpoint(vec![
        streamed(&["Hé", "llo ", "🐝", "."], done),
        streamed(&["Again."], done),
        endless,
        vec![b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 9\r\nConnection: close\r\n\r\nslow down".to_vec()],
        streamed(&["cut"], ""),
    ]);
    let driver = format!(
        "[[sessions.drivers]]\nname = \"chat\"\nkind = \"openai\"\nurl = \"{}\"\nmodel = \"m1\"\nsystem = \"Be brief.\"\nkey_env = \"PATH\"\n",
        endpoint.url
    );
    let (mut server, _folder) = server(&driver, &[]);
    let id = create(&server, &json!({}));
    send(&server, &id, "Who?");
    let told = ended(&server, &id, 1);
    assert_eq!(text(&told), "Héllo 🐝.");
    assert_eq!(payload(&told, "text_completed")["text"], "Héllo 🐝.");
    let (head, body) = endpoint.requests.recv_timeout(PATIENCE).unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("authorization: bearer "), "{head}");
    let system = json!({"role": "system", "content": "Be brief."});
    assert_eq!(body, json!({"model": "m1", "stream": true, "messages": [system, {"role": "user", "content": "Who?"}]}));

    // The conversation is the log's: a kill loses none of it.
    server.kill();
    server.run();
    send(&server, &id, "And?");
    assert_eq!(text(&ended(&server, &id, 2)), "Héllo 🐝.Again.");
    let (_, body) = endpoint.requests.recv_timeout(PATIENCE).unwrap();
    let said = [json!({"role": "user", "content": "Who?"}), json!({"role": "assistant", "content": "Héllo 🐝."})];
    assert_eq!(body["messages"], json!([system, said[0], said[1], {"role": "user", "content": "And?"}]));

    // An abort ends the request.
    send(&server, &id, "Go on");
    until("it begins", || text(&events(&server, &id)).ends_with("It begins").then_some(()));
    endpoint.requests.recv_timeout(PATIENCE).unwrap();
    assert_eq!(call(&server, "POST", &format!("/api/sessions/{id}/abort"), "").0, 200);
    let (ended_by, read) = endpoint.requests.recv_timeout(PATIENCE).unwrap();
    assert_eq!((ended_by.as_str(), read), ("ended", json!(0)), "the connection is closed");

    for (turns, error) in [(4, "answered 429 Too Many Requests: slow down"), (5, "the endpoint ended its answer early")] {
        send(&server, &id, "And now?");
        let told = ended(&server, &id, turns);
        assert_eq!(kinds(&told)[told.len() - 2..], ["failed", "completed"]);
        assert!(told[told.len() - 2].1["error"].as_str().unwrap().ends_with(error), "{told:?}");
    }
}

#[test]
fn a_setting_that_does_not_fit_is_told_at_start() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("swarmdeck.toml");
    for (text, problem) in [
        ("[sessions]\npermission_timeout = 0\n", "sessions.permission_timeout: 0 is not between"),
        ("[[sessions.drivers]]\nname = \"a\"\nkind = \"command\"\nprogram = \"x\"\nshell = true\n", "unknown field `shell`"),
        ("[sesions]\n", "sesions"),
    ] {
        std::fs::write(&path, text).unwrap();
        let told = std::process::Command::new(crate::support::BIN)
            .args(["serve", "--addr", "127.0.0.1:0"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(!told.status.success());
        let words = String::from_utf8_lossy(&told.stderr);
        assert!(words.contains(problem), "{text}: {words}");
    }
}
