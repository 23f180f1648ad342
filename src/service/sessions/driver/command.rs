//! A subprocess: lines out, lines in, and an end that reaches everything it started.
//!
//! It leads a process group of its own, so that stopping it stops its children too. Where the
//! server itself is killed, nobody stops it; it sees the end of its standard input.

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
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
    group: u32,
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
    status: Option<ExitStatus>,
    /// When waiting for the rest of its end is over.
    until: Option<Instant>,
    passed_over: u64,
}

enum Speech {
    Events,
    Claude(Box<claude::Reader>),
}

impl Subprocess {
    /// # Errors
    /// The program cannot be started.
    pub(super) fn start(config: &CommandConfig, session: &str, workspace: Option<&str>) -> Result<Self, String> {
        let mut command = Command::new(&config.program);
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
        let mut child = command.spawn().map_err(|error| {
            let place = config.cwd.as_ref().map_or(String::new(), |cwd| format!(" in {}", cwd.display()));
            format!("cannot start {}{place}: {error}", config.program)
        })?;
        let (Some(stdin), Some(stdout), Some(stderr), Some(group)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take(), child.id())
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
            self.status = self.child.try_wait().ok().flatten();
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
                return Said::End(if status.success() { Ok(()) } else { Err(self.obituary(&ended_how(status))) });
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
                status = self.child.wait(), if self.status.is_none() => match status {
                    Ok(status) => {
                        self.status = Some(status);
                        self.until = Some(Instant::now() + LINGER);
                    }
                    Err(error) => return Said::End(Err(format!("{}: {error}", self.name))),
                },
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
            signal(self.group, "TERM").await;
            if timeout(grace, self.child.wait()).await.is_err() {
                tracing::info!(program = self.name, grace_ms = grace.as_millis() as u64, "sessions.command.forced");
            }
        }
        // What it started may have stayed behind.
        signal(self.group, "KILL").await;
        let _already_over = self.child.start_kill();
        let _gone_or_stuck_in_the_system = timeout(CLOSED, self.child.wait()).await;
    }
}

fn ended_how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// Signals a process group. The standard library signals single processes only; a shell's `kill`
/// reaches a group without unsafe code.
async fn signal(group: u32, name: &str) {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "kill -s \"$1\" -- \"-$2\"", "sh", name, &group.to_string()]);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    if let Ok(Err(error)) = timeout(CLOSED, shell.status()).await {
        tracing::warn!(%error, "sessions.command.signal: /bin/sh cannot be run; only the program itself is ended");
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
            format: Format::Events,
        };
        Subprocess::start(&config, "ses_1", Some("w")).unwrap()
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
        let gone = std::process::Command::new("/bin/sh").args(["-c", &format!("kill -0 {child} 2>/dev/null")]).status().unwrap();
        let zombie = std::fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        assert!(!gone.success() || zombie, "its child goes on");
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
            format: Format::Events,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let told = runtime.block_on(async { Subprocess::start(&config, "s", None).err().unwrap() });
        assert!(told.starts_with("cannot start /none/such: "), "{told}");
    }
}
