//! Servers that are measured: started, waited for, asked what they use, stopped.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::{SECOND, now, seconds};

/// Ticks of a second in `/proc/PID/stat`: fixed on Linux.
const TICKS: f64 = 100.0;
/// How long a server may take to listen, and to stop.
const PATIENCE: u64 = 60 * SECOND;

/// Seconds of processor time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cpu {
    /// In the program.
    pub user: f64,
    /// In the system on its behalf.
    pub system: f64,
}

impl Cpu {
    /// Both together.
    pub fn total(self) -> f64 {
        self.user + self.system
    }

    /// What was used since an earlier reading.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, system: self.system - earlier.system }
    }
}

/// A server that this process started.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: std::path::PathBuf,
}

impl Server {
    /// Starts a command, with what it says written to `log`, and waits until its port takes connections.
    ///
    /// # Errors
    /// It cannot be started, ends at once, or does not listen in time.
    pub fn start(command: &mut Command, log: &Path, port: u16) -> io::Result<Self> {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Err(io::Error::other(format!("port {port} is taken by another program")));
        }
        let mut server = Self::spawn(command, log)?;
        let began = now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            server.check(began)?;
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(server)
    }

    /// Starts a command without waiting for anything.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(command: &mut Command, log: &Path) -> io::Result<Self> {
        let output = File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", command.get_program().to_string_lossy())))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Fails where the server has ended or takes too long.
    ///
    /// # Errors
    /// With the last lines that it wrote.
    pub fn check(&mut self, began: u64) -> io::Result<()> {
        let ended = self.child.try_wait()?;
        if ended.is_none() && now() < began + PATIENCE {
            return Ok(());
        }
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<&str> = text.lines().rev().take(3).collect();
        Err(io::Error::other(match ended {
            Some(status) => format!("the server ended ({status}): {}", last.join(" | ")),
            None => format!("the server did not listen in {:.0} s: {}", seconds(0, PATIENCE), last.join(" | ")),
        }))
    }

    /// Processor time of it and its children so far.
    pub fn cpu(&self) -> Cpu {
        self.family()
            .into_iter()
            .filter_map(cpu)
            .fold(Cpu::default(), |sum, one| Cpu { user: sum.user + one.user, system: sum.system + one.system })
    }

    /// Resident memory of it and its children, in bytes; pages that they share count once.
    pub fn resident(&self) -> u64 {
        self.family().into_iter().filter_map(resident).sum()
    }

    /// It and what descends from it.
    fn family(&self) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            if let Some(parent) = stat(pid).and_then(|fields| fields.get(1)?.parse().ok()) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut family = vec![self.child.id()];
        let mut next = 0;
        while next < family.len() {
            family.extend(children.remove(&family[next]).unwrap_or_default());
            next += 1;
        }
        family
    }

    /// Asks it to end, and ends it where it does not.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            let _gone = kill_process(pid, Signal::TERM);
        }
        let began = now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if now() > began + 15 * SECOND {
                let _gone = self.child.kill();
                let _gone = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Processor time, in seconds, of the whole machine, and of this process with the children that it
/// has waited for.
///
/// # Errors
/// The system does not tell.
pub fn machine() -> io::Result<(f64, f64)> {
    let text = fs::read_to_string("/proc/stat")?;
    let ticks: Vec<f64> =
        text.lines().next().into_iter().flat_map(str::split_whitespace).filter_map(|tick| tick.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal
    let busy: f64 = ticks.iter().take(8).sum::<f64>() - ticks.get(3..5).map_or(0.0, |idle| idle.iter().sum());
    let own = stat(std::process::id()).unwrap_or_default();
    let own: f64 = own.iter().skip(11).take(4).filter_map(|tick| tick.parse::<f64>().ok()).sum();
    Ok((busy / TICKS, own / TICKS))
}

/// The fields of `/proc/PID/stat` after the name.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn cpu(pid: u32) -> Option<Cpu> {
    let fields = stat(pid)?;
    let field = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some(Cpu { user: field(11)? / TICKS, system: field(12)? / TICKS })
}

fn resident(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}
