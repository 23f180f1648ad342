//! Who else is measured: the floor, and servers that people use for the same.
//!
//! `scripts/bench-peers` installs them and writes down which it could get and in what version; here
//! stands how each is started and spoken to. Their configurations are in `benches/peers`.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::client::{Dial, Speech};
use crate::frame;
use crate::process::Server;
use crate::publisher::Entrance;
use crate::scene::Plan;

/// Where peers listen; senders come to the next port where the peer has one for them.
pub const PORT: u16 = 7420;
/// The floor, one frame a write.
pub const FLOOR: &str = "floor";
/// The floor, ten frames a write.
pub const FLOOR_TEN: &str = "floor, ten a write";

/// One peer.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its name in the tables, and in the installer's list.
    pub who: String,
    /// Its version; or why it is not here.
    pub found: Result<String, String>,
}

/// The peers that the installer wrote down, the floor not among them.
pub fn found(plan: &Plan) -> Vec<Peer> {
    let text = fs::read_to_string(plan.work.join("peers.tsv")).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let (who, state, told) = (fields.next()?, fields.next()?, fields.next()?);
            let found = if state == "ok" { Ok(told.to_owned()) } else { Err(told.to_owned()) };
            Some(Peer { who: who.to_owned(), found })
        })
        .collect()
}

/// A peer that runs.
#[derive(Debug)]
pub struct Running {
    /// Its process.
    pub server: Server,
    /// How subscribers come to it.
    pub dial: Dial,
    /// How events come to it.
    pub entrance: Entrance,
    /// Where.
    pub port: u16,
}

/// Starts the floor; `group` lines that are there together go as one write.
///
/// # Errors
/// It does not start.
pub fn floor(plan: &Plan, group: u64) -> io::Result<Running> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["floor", &PORT.to_string(), &group.to_string()]);
    let server = Server::start(&mut command, &plan.work.join("floor.log"), PORT)?;
    Ok(Running { server, dial: Dial::websocket(PORT, "/"), entrance: Entrance::Lines, port: PORT + 1 })
}

/// Starts a peer by its name.
///
/// # Errors
/// It does not start, or the name is unknown.
pub fn start(plan: &Plan, who: &str) -> io::Result<Running> {
    let (scripts, tools) = (plan.root.join("benches/peers"), plan.root.join(".tools/peers"));
    let script = |program: &Path, file: &str| {
        let mut command = Command::new(program);
        command.arg(scripts.join(file)).arg(PORT.to_string()).env("NODE_PATH", tools.join("node_modules"));
        command
    };
    let (mut command, dial, entrance) = match who {
        "nginx nchan" => {
            let mut command = Command::new(tools.join("nginx/usr/sbin/nginx"));
            command.arg("-p").arg(nginx_folder(plan, &scripts, &tools)?).args(["-c", "nginx.conf"]);
            (command, Dial::websocket(PORT, "/subscribe"), Entrance::Nchan)
        }
        "nats-server" => {
            let mut command = Command::new(tools.join("python/bin/nats-server"));
            command.arg("-c").arg(scripts.join("nats.conf"));
            let greeting = frame::masked(2, b"CONNECT {\"verbose\":false}\r\nSUB load 1\r\nPING\r\n");
            let dial = Dial { speech: Speech::Nats, greeting, ..Dial::websocket(PORT, "/").greeted() };
            (command, dial, Entrance::Nats)
        }
        "Node ws" => (script(Path::new("node"), "ws.cjs"), Dial::websocket(PORT, "/"), Entrance::Lines),
        "socket.io" => {
            let path = "/socket.io/?EIO=4&transport=websocket";
            let dial = Dial { speech: Speech::SocketIo, ..Dial::websocket(PORT, path).greeted() };
            (script(Path::new("node"), "socketio.cjs"), dial, Entrance::Lines)
        }
        "Bun" => {
            let bun = tools.join("node_modules/@oven/bun-linux-x64/bin/bun");
            (script(&bun, "bun.js"), Dial::websocket(PORT, "/"), Entrance::Lines)
        }
        "FastAPI" => (script(&tools.join("python/bin/python"), "fastapi_sse.py"), Dial::sse(PORT, "/events"), Entrance::Lines),
        other => return Err(io::Error::other(format!("no peer is called {other}"))),
    };
    let port = if entrance == Entrance::Nchan { PORT } else { PORT + 1 };
    let server = Server::start(&mut command, &plan.work.join("peer.log"), PORT)?;
    Ok(Running { server, dial, entrance, port })
}

/// A folder for nginx to run in, with its configuration.
fn nginx_folder(plan: &Plan, scripts: &Path, tools: &Path) -> io::Result<std::path::PathBuf> {
    let folder = plan.work.join("nginx");
    fs::create_dir_all(folder.join("logs"))?;
    let configuration = fs::read_to_string(scripts.join("nginx.conf"))?;
    let module = tools.join("nginx/usr/lib/nginx/modules/ngx_nchan_module.so");
    fs::write(folder.join("nginx.conf"), configuration.replace("@MODULE@", &module.to_string_lossy()))?;
    Ok(folder)
}
