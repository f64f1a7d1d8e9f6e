//! What measurements have in common: what they were made on, how memory is read, and how a table is written.

use std::fmt::Write as _;
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

/// A size of `/proc/<pid>/status` in KiB: `VmRSS`, or `VmHWM`, its peak.
pub fn memory(pid: u32, name: &str) -> Result<u64, String> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|fault| format!("{path}: {fault}"))?;
    size(&status, name).ok_or_else(|| format!("{path}: no {name}"))
}

fn size(status: &str, name: &str) -> Option<u64> {
    let size = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.strip_suffix("kB"));
    size?.trim().parse().ok()
}

/// On which side the cells of a table stand.
#[derive(Clone, Copy, Debug)]
pub enum Align {
    /// As words do.
    Left,
    /// As numbers do.
    Right,
}

/// Lines of cells as Markdown, the first of them the head.
pub fn markdown(lines: &[Vec<String>], align: Align) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            _ = match align {
                Align::Left => write!(text, "| {cell:width$} "),
                Align::Right => write!(text, "| {cell:>width$} "),
            };
        }
        text.push_str("|\n");
        if index == 0 {
            let end = match align {
                Align::Left => "-",
                Align::Right => ":",
            };
            for width in &widths {
                _ = write!(text, "|{end:->0$}", width + 2);
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_kib() {
        assert_eq!(size("VmPeak:\t 9 kB\nVmRSS:\t   20560 kB\nThreads:\t2\n", "VmRSS"), Some(20_560));
        assert_eq!(size("Threads:\t2\n", "VmRSS"), None);
    }

    #[test]
    fn a_table_is_as_wide_as_its_widest_cells() {
        let lines = [["a", "long"], ["1234", "5"]].map(|line| line.map(str::to_owned).to_vec());
        assert_eq!(markdown(&lines, Align::Right), "|    a | long |\n|-----:|-----:|\n| 1234 |    5 |\n");
        assert_eq!(markdown(&lines, Align::Left), "| a    | long |\n|------|------|\n| 1234 | 5    |\n");
    }
}
