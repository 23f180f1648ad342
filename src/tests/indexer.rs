//! The example: a small swarm that works, and reports as it goes.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::Server;

#[test]
fn the_indexer_works_and_everything_it_reports_arrives() {
    let server = Server::start();
    let input = server.path().join("input");
    std::fs::create_dir_all(input.join("deep")).unwrap();
    for n in 0..45 {
        std::fs::write(input.join(format!("file-{n}.txt")), format!("alpha beta gamma number{n} alpha")).unwrap();
    }
    std::fs::write(input.join("deep/notes.md"), "alpha and omega").unwrap();
    std::fs::write(input.join("picture.bin"), [0xff, 0xfe, 0x00, 0x80]).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/indexer.py");
    let run = Command::new("python3")
        .arg(script)
        .arg(&input)
        .args(["--url", &server.url(""), "--workers", "3", "--pace", "0", "--out", "index.json"])
        .current_dir(server.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");

    let index: Value = serde_json::from_str(&std::fs::read_to_string(server.path().join("index.json")).unwrap()).unwrap();
    assert!(index.to_string().contains("omega"), "{index}");

    let state = server.get("/api/state").1["state"].clone();
    let agents = state["agents"]["by_id"].as_object().unwrap();
    assert_eq!(agents.len(), 4);
    assert!(agents.values().all(|agent| agent["status"] == "stopped"), "{agents:?}");
    let failed: Vec<&Value> =
        state["tasks"]["by_id"].as_object().unwrap().values().filter(|task| task["state"] == "failed").collect();
    assert!(failed.iter().any(|task| task["description"].as_str().unwrap_or_default().contains("picture.bin")), "{failed:?}");
    assert!(state["tasks"]["completed"].as_u64().unwrap() >= 3);
    assert!(state["messages"]["total"].as_u64().unwrap() > 0);
    assert!(state["memory"]["namespaces"].as_object().is_some_and(|namespaces| !namespaces.is_empty()));
    assert_eq!(state["topology"]["kind"], "hierarchical");
    let seqs: Vec<u64> = server.log().iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}
