//! Thousands of sign-ins at once: `README.md` beside this crate says what is done, what is checked, and how to read it.
//! `run` beside it builds what is needed and starts this.

mod book;
mod checks;
mod gateway;
mod http;
mod person;
mod process;
mod report;
mod runtime_api;
mod sign_in;
mod stack;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};
use tokio::task::LocalSet;

use checks::Checks;
use gateway::{Load, Row};
use stack::Stack;

/// Thousands of sign-ins at once.
#[derive(Parser)]
struct Arguments {
    /// Only one of the two parts
    #[arg(long)]
    part: Option<Part>,
    /// How many sign in at once through the gateway, level by level
    #[arg(long, value_delimiter = ',', default_value = "1,4,16,64,256,1024,4096,64", value_parser = level)]
    levels: Vec<usize>,
    /// Sign-ins of each level; twice as many as sign in at once, where that is more
    #[arg(long, default_value_t = 2000)]
    sign_ins: u64,
    /// Sign-ins in the two processes, in whole rounds of 64
    #[arg(long, default_value_t = 5000)]
    process_sign_ins: u64,
    /// The program that `cargo dev` runs
    #[arg(long)]
    stack: PathBuf,
    /// Folder with both functions, as `cargo build` or as `cargo lambda build` leaves them
    #[arg(long)]
    functions: PathBuf,
    /// Folder for what the processes log
    #[arg(long)]
    logs: PathBuf,
    /// Where the results go
    #[arg(long)]
    out: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Gateway,
    Process,
}

fn level(argument: &str) -> Result<usize, String> {
    argument.parse().ok().filter(|level| *level > 0).ok_or_else(|| "a level is a number, at least 1".to_owned())
}

// One thread: what it takes is taken from the stack.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match LocalSet::new().run_until(run(&arguments)).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<bool, String> {
    let machine = bench::machine();
    println!("{}\n", in_words(&machine));
    let mut checks = Checks::default();
    let stack = Rc::new(Stack::start(&arguments.stack, &arguments.logs).await?);
    let mut results = json!({"machine": machine});
    let mut note = |name: &str, value: Value| {
        if let Some(results) = results.as_object_mut() {
            results.insert(name.to_owned(), value);
        }
    };
    if arguments.part != Some(Part::Process) {
        let rows = at_the_gateway(arguments, &stack, &mut checks).await?;
        println!("{}", report::gateway_table(&rows));
        note("gateway", report::gateway_json(&rows));
    }
    if arguments.part != Some(Part::Gateway) {
        let count = arguments.process_sign_ins;
        let seen = process::run(&stack, &arguments.functions, &arguments.logs, count, &mut checks).await?;
        println!("{}", report::process_table(&seen));
        note("process", report::process_json(&seen));
    }
    note("checks", checks.json());
    write(&arguments.out, &results)?;
    for failed in checks.failed() {
        println!("FAILED: {failed}");
    }
    println!("{}", checks.summary());
    Ok(checks.failed().is_empty())
}

async fn at_the_gateway(arguments: &Arguments, stack: &Rc<Stack>, checks: &mut Checks) -> Result<Vec<Row>, String> {
    let mut load = Load::begin(Rc::clone(stack), checks).await?;
    let mut rows = Vec::new();
    for &concurrency in &arguments.levels {
        let count = arguments.sign_ins.max(2 * u64::try_from(concurrency).unwrap_or(u64::MAX));
        eprintln!("{count} sign-ins, {concurrency} at once");
        rows.push(load.level(concurrency, count, checks).await?);
    }
    load.end(checks).await?;
    Ok(rows)
}

fn write(path: &Path, results: &Value) -> Result<(), String> {
    fs::write(path, format!("{results:#}\n")).map_err(|fault| format!("{}: {fault}", path.display()))
}

fn in_words(machine: &Value) -> String {
    let word = |name: &str| machine.get(name).and_then(Value::as_str).unwrap_or_default();
    let cores = machine.get("cores").and_then(Value::as_u64).unwrap_or_default();
    format!("{} · {cores} cores · {} · {}", word("processor"), word("system"), word("rust"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_from_one_argument() {
        let others = ["load", "--stack", "a", "--functions", "b", "--logs", "c", "--out", "d"];
        let levels = |levels: &str| {
            let arguments = others.into_iter().chain(["--levels", levels]);
            Arguments::try_parse_from(arguments).map(|arguments| arguments.levels).ok()
        };
        assert_eq!(levels("1,64,64"), Some(vec![1, 64, 64]));
        assert_eq!(levels("0"), None);
        assert_eq!(levels("many"), None);
        assert_eq!(Arguments::try_parse_from(others).unwrap().levels.first(), Some(&1));
    }
}
