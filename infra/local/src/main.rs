//! `cargo dev`: the local stack in a terminal.

use std::process::ExitCode;

use clap::Parser;
use local::{Ports, Stack, StartError, demo};

mod terminal;

/// Everything on one machine: both functions, DynamoDB, Secrets Manager, an Auth0 tenant and a page.
#[derive(Parser)]
#[command(name = "cargo dev", bin_name = "cargo dev", version)]
struct Arguments {
    /// The page's port. The tenant, DynamoDB and Secrets Manager have the three that follow.
    #[arg(long, default_value_t = 3000, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_532))]
    port: u16,

    /// A setting of the functions, such as `MAX_ATTEMPTS=2`. Can be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,

    /// Prints the environment for the functions against a stack on this port, and starts nothing.
    ///
    /// For `cargo lambda watch --env-file`, and for a shell.
    #[arg(long)]
    env: bool,
}

fn setting(argument: &str) -> Result<(String, String), String> {
    let (name, value) = argument.split_once('=').ok_or("it has the form NAME=VALUE")?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_') {
        return Err("a name is of capital letters, digits and underscores".to_owned());
    }
    if value.contains(['\'', '\n']) {
        return Err("a value has no line ends and no single quotes".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Some(ports) = Ports::from(arguments.port) else { return ExitCode::FAILURE };
    if arguments.env {
        let demo = demo::SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        terminal::print_environment(&local::environment(ports, demo.into_iter().chain(arguments.set)));
        return ExitCode::SUCCESS;
    }
    // The functions' lines, as on Lambda.
    mfa_core::log::init(std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().as_deref());
    // A signal is an orderly end from the very beginning on.
    tokio::select! {
        () = terminal::end_requested() => {
            eprintln!("\nending");
            ExitCode::SUCCESS
        }
        Err(fault) = run(ports, arguments.set) => {
            eprintln!("error: {fault}");
            if let StartError::PortTaken { .. } = fault {
                eprintln!("The stack needs four ports in a row. Choose others: cargo dev --port 3100");
            }
            ExitCode::FAILURE
        }
    }
}

/// Starts the stack, and then shows what its user needs for as long as it runs. Dropping the future ends it.
async fn run(ports: Ports, settings: Vec<(String, String)>) -> Result<std::convert::Infallible, StartError> {
    let (watch, codes) = terminal::codes();
    let mut stack = Stack::builder()
        .ports(ports)
        .demo()
        .tenant(|tenant| tenant.rule(move |login| watch.rule(login)).on_message(terminal::print_message))
        .progress(|what| eprintln!("starting {what}"));
    for (name, value) in settings {
        stack = stack.set(name, value);
    }
    let stack = stack.start().await?;
    terminal::print_welcome(&stack);
    codes.show(&stack).await;
    std::future::pending().await
}
