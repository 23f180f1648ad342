//! Deck and event server in the background: started, found again, ended.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{BIN, Server, ports, until};

/// What a command says.
struct Said {
    code: i32,
    out: String,
    err: String,
}

/// A folder in which commands are typed; what runs there in the background is ended with it.
struct Here {
    folder: TempDir,
    /// The deck, liveops, and the bridge after it.
    deck: u16,
    liveops: u16,
}

impl Here {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), deck: ports(1), liveops: ports(2) }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(BIN);
        command.args(line.split_whitespace()).current_dir(self.path()).env("SWARMDECK_LOG", "info");
        command
    }

    fn run(&self, line: &str) -> Said {
        let output = self.command(line).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    fn start(&self, more: &str) -> Said {
        self.run(&format!("daemon start --data data --addr 127.0.0.1:{} {more}", self.deck))
    }

    fn pid_file(&self) -> PathBuf {
        self.path().join("data/daemon.pid")
    }

    fn pid(&self) -> u32 {
        first_line(&self.pid_file())
    }

    /// The deck's log of events, over HTTP.
    fn events(&self) -> Value {
        let url = format!("http://127.0.0.1:{}/api/events?after=0", self.deck);
        serde_json::from_str(&ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap()).unwrap()
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        for line in ["daemon stop --data data", "event-server stop"] {
            let _ended = self.command(line).output();
        }
    }
}

fn first_line(file: &Path) -> u32 {
    std::fs::read_to_string(file).unwrap().lines().next().unwrap().parse().unwrap()
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

/// Whether a process is at work: one that ended and that nobody waited for is not.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

#[test]
fn a_daemon_starts_tells_its_status_keeps_its_events_and_stops() {
    let here = Here::new();
    let nothing = format!("not running; looked in {}\n", here.path().canonicalize().unwrap().join("data").display());
    let said = here.run("daemon status --data data");
    assert_eq!((said.code, &said.out), (3, &nothing));
    let said = here.run("daemon stop --data data");
    assert_eq!((said.code, &said.out), (0, &nothing));

    let said = here.start("-- --heartbeat 7");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let pid = here.pid();
    let url = format!("http://localhost:{}", here.deck);
    for part in [&format!("process {pid}"), &url, "data/daemon.log"] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    let log = std::fs::read_to_string(here.path().join("data/daemon.log")).unwrap();
    assert!(log.contains("Swarmdeck listens at") && log.contains("heartbeat_s=7") && !log.contains('\u{1b}'), "{log}");

    let said = here.run("daemon status --data data");
    assert_eq!((said.code, said.out), (0, format!("running: process {pid} at {url}, ready\n")));
    let said = here.start("");
    assert_eq!((said.code, said.out), (0, format!("runs already: process {pid} at {url}\n")));
    assert_eq!(here.pid(), pid);

    let said = here.run(&format!("emit test.probe --url {url}"));
    assert_eq!((said.code, said.out.trim()), (0, "1"), "{}", said.err);
    let said = here.run("daemon stop --data data");
    assert!(said.code == 0 && said.out.starts_with(&format!("stopped process {pid} ")), "{}{}", said.out, said.err);
    assert!(!lives(pid) && !here.pid_file().exists());
    assert_eq!(here.run("daemon status --data data").code, 3);

    assert_eq!(here.start("").code, 0);
    assert_ne!(here.pid(), pid);
    assert_eq!(here.events()["events"][0]["type"], "test.probe", "what was kept is there again");
}

#[test]
fn the_folder_of_the_settings_counts() {
    let here = Here::new();
    std::fs::write(here.path().join("swarmdeck.toml"), format!("data = \"data\"\naddr = \"127.0.0.1:{}\"\n", here.deck)).unwrap();
    let said = here.run("daemon start");
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(here.run("daemon status").code, 0);
    assert_eq!(here.run("daemon status --data data").code, 0);
    assert!(here.run("daemon stop").out.starts_with("stopped process"));
}

#[test]
fn a_daemon_serves_liveops_beside_the_deck() {
    let here = Here::new();
    let said = here.start(&format!("--with-event-server --port {}", here.liveops));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains(&format!("http://localhost:{}, ws://127.0.0.1:{}", here.deck, here.liveops)), "{}", said.out);
    for port in [here.liveops, here.liveops + 1] {
        assert!(TcpListener::bind(("127.0.0.1", port)).is_err(), "{port} is open");
    }
    assert_eq!(here.run("daemon stop --data data").code, 0);
    for port in [here.liveops, here.liveops + 1] {
        TcpListener::bind(("127.0.0.1", port)).unwrap();
    }
}

#[test]
fn what_a_dead_daemon_left_is_recognised() {
    let here = Here::new();
    assert_eq!(here.start("").code, 0);
    let pid = here.pid();
    signal(pid, "-KILL");
    until("the daemon is gone", || (!lives(pid)).then_some(()));
    let said = here.run("daemon status --data data");
    assert_eq!(said.code, 3);
    assert!(said.out.contains(&format!("daemon.pid names process {pid}, which is gone")), "{}", said.out);
    let said = here.start("");
    assert!(said.code == 0 && said.err.contains(&format!("names process {pid}, which is gone")), "{}{}", said.out, said.err);
    assert_eq!(here.run("daemon stop --data data").code, 0);

    // The pid now belongs to another program, which must not be touched.
    let mut other = Command::new("sleep").arg("1000").spawn().unwrap();
    std::fs::write(here.pid_file(), format!("{}\n1 another-boot\nhttp://localhost:1\n", other.id())).unwrap();
    let said = here.run("daemon status --data data");
    assert!(said.code == 3 && said.out.contains("which is gone"), "{}", said.out);
    let said = here.run("daemon stop --data data");
    assert!(said.code == 0 && said.out.starts_with("not running"), "{}", said.out);
    assert!(lives(other.id()) && !here.pid_file().exists());
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn a_daemon_that_cannot_start_shows_the_end_of_its_log() {
    let here = Here::new();
    let taken = TcpListener::bind(("127.0.0.1", here.deck)).unwrap();
    let said = here.start("");
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("daemon.log")
            && said.err.contains(&format!("port {0} is taken: the deck cannot listen on 127.0.0.1:{0}", here.deck))
            && said.err.contains("--addr chooses another"),
        "{}",
        said.err
    );
    assert!(!here.pid_file().exists());
    drop(taken);

    let taken = TcpListener::bind(("127.0.0.1", here.liveops + 1)).unwrap();
    let said = here.start(&format!("--with-event-server --port {}", here.liveops));
    assert_eq!(said.code, 1);
    assert!(said.err.contains(&format!("port {} is taken", here.liveops + 1)), "{}", said.err);
    drop(taken);

    let mut server = Server::start();
    let said = here.run(&format!("daemon start --addr 127.0.0.1:0 --data {}", server.path().join("data").display()));
    assert!(said.code == 1 && said.err.contains("in use by another swarmdeck"), "{}", said.err);
    assert!(server.stop());
}

#[test]
fn a_port_for_liveops_without_liveops_is_an_error() {
    let here = Here::new();
    let said = here.start(&format!("--port {}", here.liveops));
    assert!(said.code == 2 && said.err.contains("--with-event-server"), "{}{}", said.out, said.err);
    assert!(!here.pid_file().exists());
}

/// An event server in the foreground, and its first line.
fn foreground(here: &Here, more: &str) -> (Child, String) {
    use std::io::{BufRead as _, BufReader};
    let mut child = here
        .command(&format!("event-server start --port {} {more}", here.liveops))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line)
}

#[test]
fn an_event_server_runs_alone_in_the_foreground() {
    let here = Here::new();
    let (mut child, line) = foreground(&here, "");
    assert_eq!(
        line,
        format!("event server at ws://localhost:{}, its HTTP bridge at http://localhost:{}\n", here.liveops, here.liveops + 1)
    );
    let folder = here.path().join("swarmdeck-data/event-server");
    assert_eq!(first_line(&folder.join("event-server.pid")), child.id());
    until("it listens", || std::net::TcpStream::connect(("127.0.0.1", here.liveops)).ok());
    assert!(folder.join("log.db").exists(), "it has a log of its own");
    let said = here.run("event-server status");
    assert!(
        said.code == 0 && said.out.starts_with(&format!("running: process {} at ws://localhost:{}", child.id(), here.liveops)),
        "{}",
        said.out
    );
    let said = here.run(&format!("event-server start --port {}", here.liveops));
    assert!(said.code == 0 && said.out.starts_with("runs already: process "), "{}{}", said.out, said.err);
    // Ctrl-C.
    signal(child.id(), "-INT");
    assert!(child.wait().unwrap().success());
    assert!(!folder.join("event-server.pid").exists());
    let status = format!("event-server status --port {}", here.liveops);
    let nothing = format!("not running; looked in {}", folder.canonicalize().unwrap().display());
    let said = here.run(&status);
    assert_eq!((said.code, said.out), (3, format!("{nothing}\n")));
    let _other = TcpListener::bind(("127.0.0.1", here.liveops)).unwrap();
    let said = here.run(&status);
    let told = format!("{nothing}; something else answers at port {}\n", here.liveops);
    assert_eq!((said.code, said.out), (3, told));
}

#[test]
fn an_event_server_runs_in_the_background_until_it_is_stopped() {
    let here = Here::new();
    let said = here.run(&format!("event-server start --background --port {} --max-connections 7", here.liveops));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let folder = here.path().join("swarmdeck-data/event-server");
    let pid = first_line(&folder.join("event-server.pid"));
    assert!(said.out.contains(&format!("process {pid} at ws://localhost:{}", here.liveops)), "{}", said.out);
    assert!(std::fs::read_to_string(folder.join("event-server.log")).unwrap().contains("event_server.alone"));
    let said = here.run("event-server status");
    assert!(said.code == 0 && said.out.contains("connections"), "{}", said.out);
    let said = here.run(&format!("event-server stop --port {}", here.liveops + 2));
    assert!(said.code == 1 && said.err.contains(&format!("not on port {}", here.liveops + 2)) && lives(pid), "{}", said.err);
    let said = here.run("event-server stop");
    assert!(said.code == 0 && said.out.starts_with(&format!("stopped process {pid} ")), "{}{}", said.out, said.err);
    assert!(!lives(pid) && !folder.join("event-server.pid").exists());
    assert_eq!(here.run("event-server status").code, 3);
}

#[test]
fn an_event_server_is_attached_to_a_deck() {
    let here = Here::new();
    let mut deck = Server::start();
    let (mut child, _) = foreground(&here, &format!("--deck {}", deck.url("")));
    until("it listens", || std::net::TcpStream::connect(("127.0.0.1", here.liveops)).ok());
    assert!(!here.path().join("swarmdeck-data/event-server/log.db").exists(), "the deck keeps the log");
    assert_eq!(here.run("event-server stop").code, 0);
    assert!(child.wait().unwrap().success());

    let start = format!("event-server start --port {} --deck {}", here.liveops, deck.url(""));
    deck.kill();
    let said = here.run(&start);
    assert!(said.code == 1 && said.err.contains("--deck") && said.err.contains(&deck.url("")), "{}", said.err);
    let locked = Server::with(&["--token", "secret-token"]);
    let said = here.run(&format!("event-server start --port {} --deck {}", here.liveops, locked.url("")));
    assert!(said.code == 1 && said.err.contains("wants a token"), "{}", said.err);
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let here = Here::new();
    for (port, owner) in [(here.liveops, "liveops"), (here.liveops + 1, "the HTTP bridge")] {
        let _taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
        for how in ["", "--background"] {
            let said = here.run(&format!("event-server start --port {} {how}", here.liveops));
            assert_eq!(said.code, 1);
            let told = format!("port {port} is taken: {owner}");
            assert!(said.err.contains(&told) && said.err.contains("--port chooses another"), "{}", said.err);
        }
        let said = here.run(&format!("serve --addr 127.0.0.1:0 --liveops-port {}", here.liveops));
        assert!(said.code == 1 && said.err.contains(&format!("port {port} is taken")), "{}", said.err);
    }
    let said = here.run(&format!("serve --addr 127.0.0.1:0 --liveops-port {} --trader-port {}", here.liveops, here.liveops + 1));
    let told = format!("port {} is taken: trader", here.liveops + 1);
    assert!(said.code == 1 && said.err.contains(&told), "two of ours want the same: {}", said.err);
    let _taken = TcpListener::bind(("127.0.0.1", here.liveops)).unwrap();
    let serve = |name: &str, text: &str| {
        let output = here.command("serve --addr 127.0.0.1:0").env(name, text).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let told = format!("port {} is taken: trader", here.liveops);
    assert!(serve("WEBSOCKET_PORT", &here.liveops.to_string()).contains(&told));
    assert!(serve("SWARMDECK_TRADER_PORT", &here.liveops.to_string()).contains(&told));
    assert!(serve("WEBSOCKET_PORT", "many").contains("--trader-port many: it is a port from 1"));
    let both = here
        .command("serve --addr 127.0.0.1:0")
        .env("WEBSOCKET_PORT", "0")
        .env("SWARMDECK_TRADER_PORT", here.liveops.to_string())
        .output()
        .unwrap();
    assert!(String::from_utf8(both.stderr).unwrap().contains(&told), "our own name counts first");
    let said = here.run("event-server start --host 0.0.0.0 --port 3001");
    assert!(said.code == 1 && said.err.contains("set --token"), "{}", said.err);
}

#[test]
fn both_show_an_example() {
    let here = Here::new();
    for command in ["daemon", "event-server"] {
        let said = here.run(&format!("{command} --help"));
        assert!(said.code == 0 && said.out.contains(&format!("Examples:\n  swarmdeck {command} start")), "{}", said.out);
    }
}
