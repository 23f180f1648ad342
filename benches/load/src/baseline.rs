//! The committed baselines: what moved since they were written.
//!
//! Only what a machine's speed changes little is compared: ratios of costs measured in one run, and
//! instruction counts. A figure that moved is told; nothing fails by it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::report::ratios;
use crate::row::Results;

/// By which share a ratio may differ from run to run without having moved.
const RATIO_TOLERANCE: f64 = 0.25;
/// The same for a count of instructions.
const INSTRUCTION_TOLERANCE: f64 = 0.05;

/// What can be compared of some results.
fn comparable(results: &Results) -> BTreeMap<String, (f64, f64)> {
    let mut all: BTreeMap<_, _> = ratios(results).into_iter().map(|(name, ratio)| (name, (ratio, RATIO_TOLERANCE))).collect();
    for who in results.who("micro") {
        if let Some(count) = results.get("micro", who, "instructions") {
            all.insert(format!("{who}: instructions an event"), (count.median, INSTRUCTION_TOLERANCE));
        }
    }
    all
}

/// Compares with the file and prints what moved; gives how many did.
///
/// # Errors
/// There is no file, or it cannot be read.
pub fn compare(results: &Results, path: &Path) -> io::Result<usize> {
    let text = fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}; write one with WRITE=1", path.display())))?;
    let baselines: Value = serde_json::from_str(&text)?;
    let mut moved = 0;
    for (name, (now, tolerance)) in comparable(results) {
        let Some(before) = baselines["figures"][&name].as_f64() else {
            println!("  new     {name}: {now:.3}");
            continue;
        };
        let change = now / before - 1.0;
        let word = match change {
            change if change.abs() <= tolerance => "same",
            change if change < 0.0 => "better",
            _ => "WORSE",
        };
        moved += usize::from(word != "same");
        println!("  {word:7} {name}: {before:.3} → {now:.3} ({:+.0} %, tolerance {:.0} %)", change * 100.0, tolerance * 100.0);
    }
    Ok(moved)
}

/// Writes the file anew; what was not measured now stays as it was.
///
/// # Errors
/// It cannot be written.
pub fn write(results: &Results, path: &Path) -> io::Result<()> {
    let known = fs::read_to_string(path).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let mut figures = known.and_then(|known| known["figures"].as_object().cloned()).unwrap_or_default();
    for (name, (value, _)) in comparable(results) {
        figures.insert(name, json!((value * 1_000.0).round() / 1_000.0));
    }
    let text = serde_json::to_string_pretty(&json!({"figures": figures}))?;
    fs::write(path, text + "\n")
}
