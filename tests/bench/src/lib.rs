//! What measurements have in common: what they were made on.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

/// The machine, for those who compare.
pub fn machine() -> Value {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!({
        "processor": processor.map_or("unknown processor", |(_, name)| name),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "system": format!("Linux {}", said("uname", "-r")),
        "rust": said("rustc", "--version"),
    })
}

/// What a program says of itself; nothing, if it is not there.
pub fn said(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output().ok();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
