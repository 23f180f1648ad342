//! Processes in the background: how they are started, found again and ended.
//!
//! A [`Place`] is a folder and a name: `NAME.pid` there says which process it is, `NAME.log` holds
//! what it wrote. A pid alone proves nothing, since systems give them out again; beside it stands
//! when that process began, and both must fit. No process is ever ended for its name.

use std::ffi::OsString;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use clap::ValueEnum;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to get ready. A long log takes its time to be folded.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to end: the server gives requests and streams 8 seconds each.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at another process.
const LOOK: Duration = Duration::from_millis(20);
/// A log larger than this is put aside at the next start, in the place of the one before it, in bytes.
const MAX_LOG: u64 = 8 << 20;
/// How much of the end of a log is shown, in lines and at most in bytes.
const TAIL: (usize, u64) = (20, 16 << 10);

/// What is asked of a process in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Action {
    /// Start it; where it runs already, say so
    Start,
    /// End it and wait until it has
    Stop,
    /// Say whether it runs
    Status,
}

/// The exit code of `status` where nothing runs, as init scripts have it. What `start` finds running
/// and `stop` finds gone is as it was asked for: 0.
pub(super) fn not_running() -> ExitCode {
    ExitCode::from(3)
}

/// Where a process leaves its traces.
#[derive(Debug, Clone)]
pub(super) struct Place {
    folder: PathBuf,
    name: &'static str,
}

/// A process that was started at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// When it began, in the system's words; see [`began`].
    began: String,
    /// Where it can be reached, once that is known.
    pub(super) addresses: Vec<String>,
}

/// What there is at a place.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// A pid file whose process is gone.
    Stale(u32),
    Running(Process),
}

/// What came of [`Place::claim`].
#[derive(Debug)]
pub(super) enum Claim<T> {
    /// It was started now.
    Started(Process, T),
    /// It runs already.
    Runs(Process),
}

impl Place {
    pub(super) fn new(folder: impl Into<PathBuf>, name: &'static str) -> Self {
        Self { folder: folder.into(), name }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn pid_file(&self) -> PathBuf {
        self.folder.join(self.name).with_extension("pid")
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.folder.join(self.name).with_extension("log")
    }

    /// That nothing runs, and where that was looked for.
    pub(super) fn nothing(&self) -> String {
        let folder = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        format!("not running; looked in {}", folder.display())
    }

    /// Whether the process of the pid file still runs.
    pub(super) fn look(&self) -> anyhow::Result<Found> {
        let file = self.pid_file();
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        let mut lines = text.lines().map(str::to_owned);
        let pid = lines.next().and_then(|line| line.parse().ok()).unwrap_or(0);
        let told = lines.next().unwrap_or_default();
        Ok(match began(pid) {
            Some(began) if began == told => Found::Running(Process { pid, began, addresses: lines.collect() }),
            _ => Found::Stale(pid),
        })
    }

    /// Looks, and where nothing runs lets `start` start something and notes its process. One command
    /// at a time: the folder is locked meanwhile.
    pub(super) fn claim<T>(&self, start: impl FnOnce() -> anyhow::Result<(u32, T)>) -> anyhow::Result<Claim<T>> {
        let folder = || format!("cannot use {}", self.folder.display());
        std::fs::create_dir_all(&self.folder).with_context(folder)?;
        let lock = std::fs::File::open(&self.folder).with_context(folder)?;
        lock.lock().with_context(folder)?;
        match self.look()? {
            Found::Running(process) => return Ok(Claim::Runs(process)),
            Found::Stale(pid) => eprintln!("swarmdeck: {} names process {pid}, which is gone", self.pid_file().display()),
            Found::Nothing => {}
        }
        let (pid, started) = start()?;
        // It may have ended already: then nothing fits, and the file counts as stale.
        let process = Process { pid, began: began(pid).unwrap_or_default(), addresses: Vec::new() };
        self.note(&process)?;
        Ok(Claim::Started(process, started))
    }

    /// Writes the pid file: the pid, when it began, and each address, a line each. Whoever looks
    /// meanwhile finds the file as it was or as it is, never a part of it.
    pub(super) fn note(&self, process: &Process) -> anyhow::Result<()> {
        let file = self.pid_file();
        let unfinished = self.folder.join(format!("{}.pid.{}", self.name, std::process::id()));
        let mut text = format!("{}\n{}\n", process.pid, process.began);
        for address in &process.addresses {
            text.push_str(address);
            text.push('\n');
        }
        let written = std::fs::write(&unfinished, text).and_then(|()| std::fs::rename(&unfinished, &file));
        written.with_context(|| format!("cannot write {}", file.display()))
    }

    /// Removes the pid file, unless it is another process's by now.
    pub(super) fn clear(&self, pid: u32) {
        let theirs = matches!(self.look(), Ok(Found::Running(process)) if process.pid != pid);
        if !theirs
            && let Err(error) = std::fs::remove_file(self.pid_file())
            && error.kind() != std::io::ErrorKind::NotFound
        {
            eprintln!("swarmdeck: cannot remove {}: {error}", self.pid_file().display());
        }
    }

    /// Starts this binary in a process group of its own, without a terminal, its output in the log
    /// file; also where in that file it begins.
    pub(super) fn spawn(&self, arguments: &[OsString], environment: &[(&str, &str)]) -> anyhow::Result<(Child, u64)> {
        let path = self.log_file();
        if std::fs::metadata(&path).is_ok_and(|log| log.len() > MAX_LOG) {
            std::fs::rename(&path, path.with_extension("log.1")).with_context(|| format!("cannot rename {}", path.display()))?;
        }
        let name = || format!("cannot write {}", path.display());
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&path).with_context(name)?;
        let begins = log.metadata().with_context(name)?.len();
        let child = Command::new(std::env::current_exe().context("cannot find this program's own file")?)
            .args(arguments)
            // A file has no colours.
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().with_context(name)?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("cannot start a process")?;
        Ok((child, begins))
    }

    /// What the process wrote to its log since `from`.
    pub(super) fn written(&self, from: u64) -> String {
        let read = || -> std::io::Result<String> {
            let mut log = std::fs::File::open(self.log_file())?;
            let end = log.metadata()?.len();
            log.seek(SeekFrom::Start(from.max(end.saturating_sub(TAIL.1))))?;
            let mut bytes = Vec::new();
            log.take(TAIL.1).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_default()
    }

    /// Waits until a started process is `ready`.
    ///
    /// # Errors
    /// It ended: the end of its log is in the error, and the pid file is gone. Or it takes too long;
    /// then it goes on.
    pub(super) fn wait<T>(&self, child: &mut Child, begins: u64, mut ready: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
        let asked = Instant::now();
        loop {
            if let Some(ready) = ready() {
                return Ok(ready);
            }
            if let Some(status) = child.try_wait().context("cannot wait for the process")? {
                self.clear(child.id());
                let written = self.written(begins);
                let lines: Vec<&str> = written.lines().collect();
                let end = lines[lines.len().saturating_sub(TAIL.0)..].join("\n  ");
                bail!("it ended at once ({status}); the end of {}:\n  {end}", self.log_file().display());
            }
            if asked.elapsed() > START_PATIENCE {
                let log = self.log_file();
                bail!("process {} is not ready after {START_PATIENCE:?} and goes on; its log is {}", child.id(), log.display());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Asks the process to end and waits until it has; says what came of it.
    ///
    /// # Errors
    /// It may not be signalled, or does not end; it is left alone then.
    pub(super) fn stop(&self) -> anyhow::Result<()> {
        let process = match self.look()? {
            Found::Nothing => {
                println!("{}", self.nothing());
                return Ok(());
            }
            Found::Stale(pid) => {
                println!("not running; {} named process {pid}, which is gone", self.pid_file().display());
                self.clear(pid);
                return Ok(());
            }
            Found::Running(process) => process,
        };
        match process.terminate() {
            // Gone between the look and the signal.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot signal process {}", process.pid)),
        }
        let asked = Instant::now();
        while began(process.pid).is_some_and(|began| began == process.began) {
            if asked.elapsed() > STOP_PATIENCE {
                let log = self.log_file();
                bail!(
                    "process {} has not ended {STOP_PATIENCE:?} after SIGTERM and is left alone; its log may say why: {}",
                    process.pid,
                    log.display()
                );
            }
            std::thread::sleep(LOOK);
        }
        self.clear(process.pid);
        println!("stopped process {} after {:.1} s", process.pid, asked.elapsed().as_secs_f64());
        Ok(())
    }
}

impl Process {
    /// Asks the process to end: it, and nobody who was given its number since. `SRCH` where it is gone.
    fn terminate(&self) -> Result<(), Errno> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
        // A handle stays with whoever has the number now; that it is the right one is seen after.
        #[cfg(target_os = "linux")]
        let handle = match rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
            Ok(handle) => Some(handle),
            // A system from before there were handles, or a sandbox that has none.
            Err(Errno::NOSYS | Errno::PERM) => None,
            Err(error) => return Err(error),
        };
        if began(self.pid).is_none_or(|began| began != self.began) {
            return Err(Errno::SRCH);
        }
        #[cfg(target_os = "linux")]
        if let Some(handle) = handle {
            return rustix::process::pidfd_send_signal(handle, Signal::TERM);
        }
        kill_process(pid, Signal::TERM)
    }
}

/// When a process began, in words that no other process of this machine shares with its pid: the
/// system's ticks at its start, and the boot they count from. `None` where there is no such process,
/// or only what is left of one that nobody waited for.
///
/// The form is proc_pid_stat(5)'s: state is field 3, starttime field 22.
fn began(pid: u32) -> Option<String> {
    if !Path::new("/proc/self/stat").exists() {
        return began_by_ps(pid);
    }
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Field 2 is the program's name in parentheses, which may hold blanks and parentheses itself.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let ticks = fields.nth(18)?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(format!("{ticks} {}", boot.trim()))
}

/// The same where there is no `/proc`.
fn began_by_ps(pid: u32) -> Option<String> {
    let output = Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (state, began) = text.trim().split_once(char::is_whitespace)?;
    (!state.starts_with('Z')).then(|| began.trim().to_owned())
}

/// Fails where a port cannot be listened on, and says which and how to choose another. Whoever keeps
/// what it returns finds that two want the same port, too.
pub(super) fn check_free(addr: SocketAddr, what: &str, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).map_err(|error| not_free(error, addr, what, flag))
}

/// Why a port cannot be listened on, with how to choose another.
pub(super) fn not_free(error: std::io::Error, addr: SocketAddr, what: &str, flag: &str) -> anyhow::Error {
    let port = addr.port();
    if error.kind() == std::io::ErrorKind::AddrInUse {
        anyhow!("port {port} is taken: {what} cannot listen on {addr}; {flag} chooses another")
    } else {
        anyhow::Error::new(error).context(format!("port {port}: {what} cannot listen on {addr}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, Place) {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path(), "thing");
        (folder, place)
    }

    #[test]
    fn a_process_is_known_by_its_pid_and_its_beginning() {
        let (_folder, place) = place();
        assert!(matches!(place.look().unwrap(), Found::Nothing));
        let Claim::Started(mut noted, ()) = place.claim(|| Ok((std::process::id(), ()))).unwrap() else { panic!("nothing ran") };
        noted.addresses.push("http://localhost:1".into());
        place.note(&noted).unwrap();
        assert!(matches!(place.look().unwrap(), Found::Running(found) if found == noted));
        let again = place.claim(|| -> anyhow::Result<(u32, ())> { unreachable!("it runs") }).unwrap();
        assert!(matches!(again, Claim::Runs(process) if process.pid == std::process::id()));
        // The same pid, given to another.
        place.note(&Process { began: "1 another boot".into(), ..noted }).unwrap();
        assert!(matches!(place.look().unwrap(), Found::Stale(pid) if pid == std::process::id()));
        place.stop().unwrap();
        assert!(!place.pid_file().exists(), "nobody is signalled, and the file goes");
        std::fs::write(place.pid_file(), "no number").unwrap();
        assert!(matches!(place.look().unwrap(), Found::Stale(0)));
    }

    #[test]
    fn who_looks_while_it_is_noted_finds_it_whole() {
        let (_folder, place) = place();
        let me = std::process::id();
        let noted = Process { pid: me, began: began(me).unwrap(), addresses: vec!["http://localhost:1".into()] };
        place.note(&noted).unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    place.note(&noted).unwrap();
                }
                done.store(true, std::sync::atomic::Ordering::SeqCst);
            });
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                let found = place.look().unwrap();
                assert!(matches!(&found, Found::Running(process) if *process == noted), "{found:?}");
            }
        });
        assert_eq!(std::fs::read_dir(place.folder()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn only_the_process_that_began_then_is_signalled() {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let right = Process { pid: child.id(), began: began(child.id()).unwrap(), addresses: Vec::new() };
        // The number was given to another since the file was read.
        let wrong = Process { began: "1 another boot".into(), ..right.clone() };
        assert_eq!(wrong.terminate(), Err(Errno::SRCH));
        assert!(child.try_wait().unwrap().is_none(), "it was not signalled");
        right.terminate().unwrap();
        assert!(!child.wait().unwrap().success());
        assert_eq!(right.terminate(), Err(Errno::SRCH));
    }

    #[test]
    fn who_ended_and_was_not_waited_for_is_gone() {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let pid = child.id();
        assert!(began(pid).is_some() && began(pid) == began(pid));
        assert_ne!(began(pid), began(std::process::id()));
        child.kill().unwrap();
        // Killed and not yet waited for: it turns into what counts as gone.
        let asked = Instant::now();
        while began(pid).is_some() {
            assert!(asked.elapsed() < Duration::from_secs(10), "a killed process counts as running");
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(began(pid), None);
    }

    #[test]
    fn a_taken_port_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = taken.local_addr().unwrap();
        let error = check_free(addr, "liveops", "--port").unwrap_err().to_string();
        assert_eq!(error, format!("port {0} is taken: liveops cannot listen on {addr}; --port chooses another", addr.port()));
        drop(taken);
        check_free(addr, "liveops", "--port").unwrap();
    }
}
