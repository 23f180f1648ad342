//! A subprocess: lines out, lines in, and an end that reaches everything it started.
//!
//! It leads a process group of its own, so that stopping it stops its children too. A group's number
//! is given out again once its leader was waited for and the group is empty; so the leader's end is
//! only looked at, and it is waited for after the last signal to its group. Where the server itself
//! is killed, nobody stops it; it sees the end of its standard input.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::signal::unix::{self, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::events::{self, Line};
use super::lines::Lines;
use super::{AgentEvent, Said, claude};
use crate::service::sessions::settings::{CommandConfig, Format};

/// How many lines wait to be written to the program; one that reads none of them has failed.
const MAX_INPUT: usize = 64;
/// How much of the standard error is kept: the newest bytes.
const MAX_ERRORS: usize = 8 << 10;
/// How many of its lines are told.
const TOLD_ERRORS: usize = 8;
/// How long after the program's end its output is read, where something else holds it open.
const LINGER: Duration = Duration::from_millis(500);
/// How long a program that closed its output may go on.
const CLOSED: Duration = Duration::from_secs(2);

/// A running program.
pub(in crate::service::sessions) struct Subprocess {
    name: String,
    child: Child,
    /// Its pid, which is its group's too.
    group: Pid,
    /// Tells that a child of this process ended, whichever it was.
    ends: unix::Signal,
    lines: Lines<ChildStdout>,
    /// To its standard input; none once that is closed.
    input: Option<mpsc::Sender<String>>,
    _writer: AbortOnDropHandle<()>,
    errors: Arc<Mutex<Vec<u8>>>,
    errors_read: AbortOnDropHandle<()>,
    format: Speech,
    queue: VecDeque<AgentEvent>,
    /// Its output ended.
    ended: bool,
    status: Option<Status>,
    /// When waiting for the rest of its end is over.
    until: Option<Instant>,
    passed_over: u64,
}

enum Speech {
    Events,
    Claude(Box<claude::Reader>),
}

impl Subprocess {
    /// Starts the program; it does not get the environment variables `keys`, unless it is to.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(super) fn start(config: &CommandConfig, session: &str, workspace: Option<&str>, keys: &[String]) -> Result<Self, String> {
        let mut command = Command::new(&config.program);
        for key in keys.iter().filter(|key| !config.pass_env.contains(key)) {
            command.env_remove(key);
        }
        command
            .args(&config.args)
            .envs(&config.env)
            .env("SWARMDECK_SESSION", session)
            .env_remove("SWARMDECK_TOKEN")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(workspace) = workspace {
            command.env("SWARMDECK_WORKSPACE", workspace);
        }
        if let Some(cwd) = &config.cwd {
            command.current_dir(cwd);
        }
        // Before the child is there: its end is not missed.
        let ends = signal(SignalKind::child()).map_err(|error| format!("cannot start {}: {error}", config.program))?;
        let mut child = command.spawn().map_err(|error| {
            let place = config.cwd.as_ref().map_or(String::new(), |cwd| format!(" in {}", cwd.display()));
            format!("cannot start {}{place}: {error}", config.program)
        })?;
        let (Some(stdin), Some(stdout), Some(stderr), Some(group)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take(), pid(&child))
        else {
            return Err(format!("cannot start {}: it has no pipes", config.program));
        };
        let (input, waiting) = mpsc::channel(MAX_INPUT);
        let errors = Arc::new(Mutex::new(Vec::new()));
        let name = Path::new(&config.program).file_name().map_or(config.program.clone(), |name| name.to_string_lossy().into());
        Ok(Self {
            name,
            child,
            group,
            ends,
            lines: Lines::new(stdout),
            input: Some(input),
            _writer: AbortOnDropHandle::new(tokio::spawn(write(stdin, waiting))),
            errors_read: AbortOnDropHandle::new(tokio::spawn(keep_tail(stderr, Arc::clone(&errors)))),
            errors,
            format: match config.format {
                Format::Events => Speech::Events,
                Format::Claude => Speech::Claude(Box::default()),
            },
            queue: VecDeque::new(),
            ended: false,
            status: None,
            until: None,
            passed_over: 0,
        })
    }

    pub(super) fn is_over(&mut self) -> bool {
        if self.status.is_none() {
            self.status = look(self.group);
        }
        self.status.is_some()
    }

    pub(super) fn message(&mut self, text: &str) -> Result<(), String> {
        let line = match &self.format {
            Speech::Events => events::message(text),
            Speech::Claude(_) => claude::message(text),
        };
        self.write(line)
    }

    pub(super) fn answer(&mut self, request: &str, allowed: bool, always: bool, reason: Option<&str>) -> Result<(), String> {
        let line = match &mut self.format {
            Speech::Events => events::answer(request, allowed, always),
            Speech::Claude(reader) => reader.answer(request, allowed, reason),
        };
        self.write(line)
    }

    fn write(&self, line: String) -> Result<(), String> {
        let taken = self.input.as_ref().is_some_and(|input| input.try_send(line).is_ok());
        if taken { Ok(()) } else { Err(format!("{} reads nothing from its standard input", self.name)) }
    }

    pub(super) async fn next(&mut self) -> Said {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Said::Event(event);
            }
            if self.ended
                && let Some(status) = self.status
            {
                let _late = timeout(LINGER, &mut self.errors_read).await;
                return Said::End(if status == Status::Code(0) { Ok(()) } else { Err(self.obituary(&ended_how(status))) });
            }
            let until = self.until;
            // Output comes first: a program that ended has said what is still in the pipe.
            tokio::select! {
                biased;
                line = self.lines.next(), if !self.ended => match line {
                    Ok(Some(line)) => self.read(&line),
                    Ok(None) => {
                        self.ended = true;
                        self.until = Some(Instant::now() + CLOSED);
                    }
                    Err(error) => return Said::End(Err(format!("{}: {error}", self.name))),
                },
                status = end(self.group, &mut self.ends), if self.status.is_none() => {
                    self.status = Some(status);
                    self.until = Some(Instant::now() + LINGER);
                }
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                    if self.status.is_none() {
                        return Said::End(Err(self.obituary("closed its output and went on")));
                    }
                    self.ended = true;
                }
            }
        }
    }

    fn read(&mut self, line: &[u8]) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let passed_over = match &mut self.format {
            Speech::Events => match events::read(line) {
                Line::Event(event) => {
                    self.queue.push_back(event);
                    None
                }
                other => Some(other),
            },
            Speech::Claude(reader) => {
                let read = reader.read(line);
                self.queue.extend(read.events);
                if let Some(Err(problem)) = read.reply.map(|reply| self.write(reply)) {
                    self.queue.push_back(AgentEvent::Error(problem));
                }
                read.passed_over
            }
        };
        if let Some(what) = passed_over {
            self.passed_over += 1;
            if self.passed_over.is_power_of_two() {
                tracing::warn!(program = self.name, lines = self.passed_over, ?what, "sessions.command.passed_over");
            }
        }
    }

    /// How it ended, with its last words.
    fn obituary(&self, how: &str) -> String {
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&errors);
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let last = &lines[lines.len().saturating_sub(TOLD_ERRORS)..];
        if last.is_empty() { format!("{} {how}", self.name) } else { format!("{} {how}: {}", self.name, last.join("\n")) }
    }

    /// Ends the program and all that it started: it is asked first, and forced after `grace`.
    pub(super) async fn stop(&mut self, grace: Duration) {
        self.input = None;
        if !self.is_over() {
            self.signal(Signal::TERM);
            if timeout(grace, end(self.group, &mut self.ends)).await.is_err() {
                tracing::info!(program = self.name, grace_ms = grace.as_millis() as u64, "sessions.command.forced");
            }
        }
        // What it started may have stayed behind.
        self.signal(Signal::KILL);
        let _gone_or_stuck_in_the_system = timeout(CLOSED, self.child.wait()).await;
        self.is_over();
    }

    /// Signals the program's group, as long as its number is its own.
    fn signal(&self, signal: Signal) {
        let was_waited_for = self.child.id().is_none();
        if was_waited_for {
            return;
        }
        match kill_process_group(self.group, signal) {
            // On some systems a group of which only the ended leader is left cannot be signalled.
            Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
            Err(error) => tracing::warn!(program = self.name, %error, "sessions.command.signal"),
        }
    }
}

impl Drop for Subprocess {
    /// Where nobody stopped it, nothing of it stays behind either.
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Code(i32),
    Signal(i32),
    /// Nobody can tell any more.
    Unknown,
}

fn ended_how(status: Status) -> String {
    match status {
        Status::Code(code) => format!("exited with code {code}"),
        Status::Signal(signal) => format!("was ended by signal {signal}"),
        Status::Unknown => "ended".to_owned(),
    }
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()?).ok()?)
}

/// Whether a child ended, and how; it is not waited for, so its number stays its own.
fn look(pid: Pid) -> Option<Status> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match waitid(WaitId::Pid(pid), options) {
        Ok(ended) => ended.map(|status| match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Status::Code(code),
            (None, Some(signal)) => Status::Signal(signal),
            (None, None) => Status::Unknown,
        }),
        Err(Errno::INTR) => None,
        Err(_it_was_waited_for) => Some(Status::Unknown),
    }
}

/// Waits until a child ended. Safe to give up and to ask again.
async fn end(pid: Pid, ends: &mut unix::Signal) -> Status {
    loop {
        if let Some(status) = look(pid) {
            return status;
        }
        let _some_child_ended = ends.recv().await;
    }
}

/// Writes lines until nobody has any left to write, then closes the pipe.
async fn write(mut stdin: ChildStdin, mut lines: mpsc::Receiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        if stdin.write_all(line.as_bytes()).await.is_err() || stdin.flush().await.is_err() {
            // The program closed its input; that it ended is seen elsewhere.
            return;
        }
    }
}

/// Keeps the newest bytes of a pipe.
async fn keep_tail(mut pipe: impl AsyncRead + Unpin, tail: Arc<Mutex<Vec<u8>>>) {
    let mut chunk = [0; 4_096];
    while let Ok(read @ 1..) = pipe.read(&mut chunk).await {
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(&chunk[..read]);
        let surplus = tail.len().saturating_sub(MAX_ERRORS);
        tail.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Subprocess {
        let config = CommandConfig {
            name: "test".into(),
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            cwd: None,
            env: [("WORD".to_owned(), "hello".to_owned())].into(),
            pass_env: vec!["CARGO_PKG_NAME".into()],
            format: Format::Events,
        };
        // What cargo tells its tests stands for keys of others.
        let keys = ["CARGO_PKG_NAME", "CARGO_PKG_VERSION"].map(str::to_owned);
        Subprocess::start(&config, "ses_1", Some("w"), &keys).unwrap()
    }

    fn delta(text: &str) -> Said {
        Said::Event(AgentEvent::TextDelta { turn: None, text: text.into() })
    }

    #[tokio::test]
    async fn lines_in_lines_out_and_a_good_end() {
        let mut program = shell(
            r#"read line; echo "{\"type\":\"text_delta\",\"delta\":\"$WORD $SWARMDECK_SESSION $SWARMDECK_WORKSPACE $SWARMDECK_TOKEN\"}"; echo noise; echo '{"type":"complete"}'"#,
        );
        program.message("x").unwrap();
        assert_eq!(program.next().await, delta("hello ses_1 w "));
        assert_eq!(program.next().await, Said::Event(AgentEvent::Complete));
        assert_eq!(program.next().await, Said::End(Ok(())));
        assert_eq!(program.passed_over, 1);
    }

    #[tokio::test]
    async fn keys_of_others_are_not_handed_on() {
        assert!(std::env::var("CARGO_PKG_NAME").is_ok() && std::env::var("CARGO_PKG_VERSION").is_ok(), "cargo runs the tests");
        let mut program = shell(r#"echo "{\"type\":\"text_delta\",\"delta\":\"$CARGO_PKG_NAME ${CARGO_PKG_VERSION:-none}\"}""#);
        assert_eq!(program.next().await, delta("swarmdeck none"));
        program.stop(Duration::ZERO).await;
    }

    #[tokio::test]
    async fn its_number_is_its_own_until_its_group_was_signalled() {
        let state = |pid: Pid| {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
            stat.rsplit_once(") ")?.1.chars().next()
        };
        let mut program = shell("sleep 300 & echo \"{\\\"type\\\":\\\"text_delta\\\",\\\"delta\\\":\\\"$!\\\"}\"; exit 0");
        let Said::Event(AgentEvent::TextDelta { text: child, .. }) = program.next().await else { panic!("no pid") };
        assert_eq!(program.next().await, Said::End(Ok(())));
        assert!(program.is_over());
        let group = program.group;
        assert_eq!(state(group), Some('Z'), "it ended, and nobody else can have its number");
        program.stop(Duration::ZERO).await;
        assert_eq!(state(group), None);
        let child = Pid::from_raw(child.parse().unwrap()).unwrap();
        let began = Instant::now();
        while !matches!(state(child), None | Some('Z')) {
            assert!(began.elapsed() < Duration::from_secs(10), "its child goes on");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_bad_end_tells_code_and_last_words() {
        let mut program = shell("echo one >&2; echo two >&2; exit 3");
        assert_eq!(program.next().await, Said::End(Err("sh exited with code 3: one\ntwo".into())));
    }

    #[tokio::test]
    async fn a_child_that_holds_the_output_open_does_not_hold_up_the_end() {
        let mut program = shell("sleep 300 & echo '{\"type\":\"complete\"}'; exit 0");
        assert_eq!(program.next().await, Said::Event(AgentEvent::Complete));
        assert_eq!(program.next().await, Said::End(Ok(())));
        program.stop(Duration::ZERO).await;
    }

    #[tokio::test]
    async fn a_program_that_does_not_listen_is_forced() {
        let mut program = shell(
            "trap '' TERM; sleep 300 & echo \"{\\\"type\\\":\\\"text_delta\\\",\\\"delta\\\":\\\"$!\\\"}\"; wait; wait; sleep 300",
        );
        let Said::Event(AgentEvent::TextDelta { text: child, .. }) = program.next().await else { panic!("no pid") };
        program.stop(Duration::from_millis(50)).await;
        assert!(program.is_over());
        // The signal was sent; the system may take a moment to end who got it.
        let alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            let running = std::process::Command::new("/bin/sh").args(["-c", &format!("kill -0 {child} 2>/dev/null")]).status();
            running.unwrap().success() && !stat.contains(") Z ")
        };
        let began = Instant::now();
        while alive() {
            assert!(began.elapsed() < Duration::from_secs(10), "its child goes on");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn an_endless_line_is_an_error() {
        let mut program = shell("head -c 1100000 /dev/zero | tr '\\0' x");
        assert_eq!(program.next().await, Said::End(Err("sh: a line is longer than 1048576 bytes".into())));
        program.stop(Duration::ZERO).await;
    }

    #[test]
    fn a_missing_program_is_named() {
        let config = CommandConfig {
            name: "test".into(),
            program: "/none/such".into(),
            args: Vec::new(),
            cwd: None,
            env: Default::default(),
            pass_env: Vec::new(),
            format: Format::Events,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let told = runtime.block_on(async { Subprocess::start(&config, "s", None, &[]).err().unwrap() });
        assert!(told.starts_with("cannot start /none/such: "), "{told}");
    }
}
