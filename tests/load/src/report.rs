//! What was seen, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use bench::{Align, markdown};
use serde_json::{Value, json};

use crate::book::{Level, Percentiles};
use crate::gateway::Row;
use crate::process::{Process, Seen};

fn real(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// KiB as MiB.
fn mebibytes(kibibytes: u64) -> f64 {
    u32::try_from(kibibytes).map_or(f64::INFINITY, f64::from) / 1024.0
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn rounded(value: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (value * unit).round() / unit
}

fn a_second(count: usize, time: Duration) -> f64 {
    real(count) / time.as_secs_f64()
}

/// KiB that each sign-in of a level left behind in the process of the stack.
fn left_by_each(row: &Row) -> f64 {
    (mebibytes(row.resident.1) - mebibytes(row.resident.0)) * 1024.0 / real(row.level.done)
}

fn percentiles(times: &[Duration]) -> String {
    let of = Percentiles::of(times);
    let [p50, p95, p99, max] = [of.p50, of.p95, of.p99, of.max].map(|time| {
        let time = millis(time);
        if time < 10.0 { format!("{time:.1}") } else { format!("{time:.0}") }
    });
    format!("{p50} / {p95} / {p99} / {max}")
}

/// The levels at the gateway.
pub(crate) fn gateway_table(rows: &[Row]) -> String {
    let head = [
        "at once",
        "open",
        "sign-ins",
        "s",
        "a second",
        "sign_in ms: p50 / p95 / p99 / max",
        "verify ms: p50 / p95 / p99 / max",
        "faults",
        "stack MiB",
        "KiB each",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| {
        vec![
            row.concurrency.to_string(),
            row.level.most_open.to_string(),
            row.level.done.to_string(),
            format!("{:.1}", row.time.as_secs_f64()),
            format!("{:.0}", a_second(row.level.done, row.time)),
            percentiles(&row.level.sign_in),
            percentiles(&row.level.verify),
            row.level.fault_count().to_string(),
            format!("{:.1}", mebibytes(row.resident.1)),
            format!("{:.1}", left_by_each(row)),
        ]
    }));
    markdown(&lines, Align::Right) + &faults(rows.iter().map(|row| &row.level))
}

/// The two processes.
pub(crate) fn process_table(seen: &Seen) -> String {
    let head = ["process", "in flight", "ms: p50 / p95 / p99 / max", "MiB after half", "MiB after all", "KiB grown"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    let times = [&seen.level.sign_in, &seen.level.verify];
    lines.extend(seen.processes.iter().zip(times).map(|(process, times)| {
        vec![
            process.name.to_owned(),
            process.most_in_flight.to_string(),
            percentiles(times),
            format!("{:.2}", mebibytes(process.half)),
            format!("{:.2}", mebibytes(process.all)),
            format!("{:.0}", grown(process)),
        ]
    }));
    let (done, time) = (seen.level.done, seen.time);
    let summary = format!(
        "{done} sign-ins, {} at once, in {:.1} s: {:.0} a second\n\n",
        seen.concurrency,
        time.as_secs_f64(),
        a_second(done, time)
    );
    summary + &markdown(&lines, Align::Right) + &faults([&seen.level])
}

fn grown(process: &Process) -> f64 {
    (mebibytes(process.all) - mebibytes(process.half)) * 1024.0
}

/// What was answered that should not have been, a line each.
fn faults<'a>(levels: impl IntoIterator<Item = &'a Level>) -> String {
    let mut text = String::new();
    for level in levels {
        for (kind, count) in &level.faults {
            _ = writeln!(text, "{count} × {kind} (of {} open at once)", level.most_open);
        }
    }
    text
}

fn level_json(level: &Level, time: Duration) -> Value {
    let times = |times: &[Duration]| {
        let of = Percentiles::of(times);
        let [p50, p95, p99, max] = [of.p50, of.p95, of.p99, of.max].map(|time| rounded(millis(time), 2));
        json!({"p50": p50, "p95": p95, "p99": p99, "max": max})
    };
    json!({
        "sign_ins": level.done,
        "not_finished": level.lost,
        "wrong_codes": level.refused,
        "most_open": level.most_open,
        "seconds": rounded(time.as_secs_f64(), 2),
        "a_second": rounded(a_second(level.done, time), 1),
        "sign_in_ms": times(&level.sign_in),
        "verify_ms": times(&level.verify),
        "faults": level.faults,
    })
}

fn with(mut json: Value, more: Value) -> Value {
    if let (Some(json), Value::Object(more)) = (json.as_object_mut(), more) {
        json.extend(more);
    }
    json
}

/// The levels at the gateway, for programs.
pub(crate) fn gateway_json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let own = json!({
            "concurrency": row.concurrency,
            "stack_mib": rounded(mebibytes(row.resident.1), 1),
            "stack_kib_a_sign_in": rounded(left_by_each(row), 1),
        });
        with(own, level_json(&row.level, row.time))
    };
    rows.iter().map(row).collect()
}

/// The two processes, for programs.
pub(crate) fn process_json(seen: &Seen) -> Value {
    let process = |process: &Process| {
        json!({
            "name": process.name,
            "most_in_flight": process.most_in_flight,
            "mib_after_half": rounded(mebibytes(process.half), 2),
            "mib_after_all": rounded(mebibytes(process.all), 2),
            "kib_grown": rounded(grown(process), 0),
        })
    };
    let processes: Value = seen.processes.iter().map(process).collect();
    with(json!({"concurrency": seen.concurrency, "processes": processes}), level_json(&seen.level, seen.time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sign_in_leaves_is_the_growth_over_the_sign_ins() {
        let level = Level { done: 1000, ..Level::default() };
        let row = Row { concurrency: 1, time: Duration::from_secs(2), level, resident: (10_000, 14_000) };
        assert!((left_by_each(&row) - 4.0).abs() < 1e-9);
        assert!((a_second(row.level.done, row.time) - 500.0).abs() < 1e-9);
        assert_eq!(gateway_json(&[row])[0]["stack_kib_a_sign_in"], 4.0);
    }
}
