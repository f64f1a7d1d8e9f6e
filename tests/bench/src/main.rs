//! Measures the two functions, beside a bare one (the floor) and one in Node.js (the peer): `README.md` beside this
//! crate says what, how, and how to read it. `run` beside it builds all that is needed and starts this.

mod function;
mod http;
mod measure;
mod picture;
mod report;
mod runtime_api;
mod table;
mod upstream;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use serde_json::Value;

use function::{Events, Programs, Who};
use measure::{Asks, Effort};
use report::Measured;
use upstream::Upstreams;

/// How fast the two functions are.
#[derive(Parser)]
enum Task {
    /// Measures everything, and writes result.json and result.svg
    Run {
        #[command(flatten)]
        programs: Programs,
        /// Fewer repetitions
        #[arg(long)]
        quick: bool,
        /// Fails where a budget is not met
        #[arg(long)]
        check: bool,
        /// Where the results go
        #[arg(long)]
        out: PathBuf,
    },
    /// Counts requests, round trips and connections, which take no quiet machine, and fails where there are too many
    Count {
        #[command(flatten)]
        programs: Programs,
    },
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Run { programs, quick, check, out } => {
            run(&programs, if quick { Effort::QUICK } else { Effort::FULL }, check, &out)
        }
        Task::Count { programs } => count(&programs),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(programs: &Programs, effort: Effort, check: bool, out: &Path) -> Result<bool, String> {
    let events = Events::new()?;
    let (plain, tls) = (Upstreams::plain()?, Upstreams::tls(&std::env::temp_dir())?);
    eprintln!("counting");
    let asks = [Who::Function, Who::Peer]
        .into_iter()
        .map(|who| Ok((who, measure::asks(programs, &events, &plain, who, 1)?)))
        .collect::<Result<_, String>>()?;
    eprintln!("cold starts");
    let cold = measure::starts(programs, &events, &plain, effort)?;
    eprintln!("cold starts over TLS");
    let cold_tls = measure::starts(programs, &events, &tls, effort)?;
    eprintln!("{} warm requests of each", effort.turns * effort.in_a_turn);
    let steady = measure::steady(programs, &events, &plain, effort)?;

    let measured = Measured { plain: cold, tls: cold_tls, steady, asks };
    let rows = measured.rows(programs, effort)?;
    let mut machine = bench::machine();
    if let Some(machine) = machine.as_object_mut() {
        machine.insert("node".into(), format!("Node.js {}", bench::said("node", "--version")).into());
    }
    println!("{}", report::table(&rows));
    let missed = report::missed(&rows);
    for missed in &missed {
        println!("not met: {missed}");
    }
    let write = |name: &str, text: String| {
        fs::write(out.join(name), text).map_err(|fault| format!("{}: {fault}", out.join(name).display()))
    };
    write("result.json", format!("{:#}\n", report::json(&rows, &machine, effort)))?;
    let words = ["processor", "cores", "system", "node"].map(|name| match machine.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(cores)) => format!("{cores} cores"),
        _ => String::new(),
    });
    write("result.svg", picture::picture(&rows, &words.join(" · ")))?;
    Ok(!check || missed.is_empty())
}

fn count(programs: &Programs) -> Result<bool, String> {
    let (sign_in, verify) = measure::asks(programs, &Events::new()?, &Upstreams::plain()?, Who::Function, 0)?;
    let mut is_met = true;
    for (name, asks, auth0, dynamodb, sequential) in [("sign_in", sign_in, 2, 1, 2), ("verify", verify, 1, 2, 3)] {
        let expected = Asks { auth0, dynamodb, secrets_manager: 0, sequential, connections: 0 };
        if asks == expected {
            println!("{name}: {asks:?}");
        } else {
            println!("{name}: {asks:?}, and should be {expected:?}");
            is_met = false;
        }
    }
    Ok(is_met)
}
