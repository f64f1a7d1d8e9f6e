//! `cargo doctor`: is everything that the functions need there, and as they need it?

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use mfa_core::Clock;
use mfa_core::doctor::{Check, Question, Verdict, Walk, examine};

/// Checks the functions' environment, the Auth0 tenant, the client secret and the session table.
///
/// It reads the functions' environment variables and asks with your own AWS credentials. Auth0 is asked for the
/// sign-in of a user who cannot exist: nobody's password is needed, and nobody is locked out.
#[derive(Parser)]
#[command(name = "cargo doctor", bin_name = "cargo doctor", version)]
struct Arguments {
    /// A file with NAME=VALUE lines, as `cargo dev --env` prints them, over the environment.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,

    /// Prints the checks as one JSON array.
    #[arg(long, conflicts_with = "user")]
    json: bool,

    /// Walks a real sign-in with this user, and compares each of Auth0's replies with what is known.
    ///
    /// The password and the code are asked for. Nothing is shown that opens anything.
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,

    /// In the walk, tries a wrong code first. It costs the user one of ten an hour.
    #[arg(long, requires = "user")]
    probe_wrong_code: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let file = match arguments.env_file.as_deref().map(read).transpose() {
        Ok(file) => file.unwrap_or_default(),
        Err(fault) => {
            eprintln!("error: {fault}");
            return ExitCode::from(2);
        }
    };
    let var = |name: &str| file.get(name).cloned().or_else(|| std::env::var(name).ok());
    let checks = examine(var, Clock::system()).await;
    if arguments.json {
        print_json(&checks);
    } else {
        print(&checks);
    }
    if checks.iter().any(|check| check.verdict.is_wrong()) {
        return ExitCode::FAILURE;
    }
    let Some(user) = arguments.user else { return ExitCode::SUCCESS };

    println!("\nA sign-in, step by step");
    let say = |line: &str| println!("  {line}");
    match Walk::begin(var, Clock::system(), ask, say, arguments.probe_wrong_code).await {
        Ok(mut walk) => {
            if walk.go(&user).await {
                return ExitCode::SUCCESS;
            }
            println!("  It did not come to tokens.");
            ExitCode::FAILURE
        }
        Err(faults) => {
            eprintln!("error: {}", faults.join("; "));
            ExitCode::FAILURE
        }
    }
}

fn print(checks: &[Check]) {
    for Check { name, verdict } in checks {
        let (word, what) = words(verdict);
        let mark = match verdict {
            Verdict::Well(_) => '✓',
            Verdict::Wrong(_) => '✗',
            Verdict::Odd(_) | Verdict::Skipped(_) => '-',
        };
        println!("{mark} {word:7}  {name}: {what}");
    }
    let asked = |name| checks.iter().any(|check| check.name == name && !matches!(check.verdict, Verdict::Skipped(_)));
    if asked("session table") {
        println!("\nAWS was asked with your credentials: what the functions' role may do is not seen here.");
    }
    if asked("password grant") {
        println!("Auth0 was asked in the name of 192.0.2.1, an address that is nobody's (RFC 5737).");
    }
}

fn print_json(checks: &[Check]) {
    let checks: Vec<_> = checks
        .iter()
        .map(|Check { name, verdict }| {
            let (verdict, what) = words(verdict);
            serde_json::json!({"name": name, "verdict": verdict.to_ascii_lowercase(), "what": what})
        })
        .collect();
    println!("{}", serde_json::Value::from(checks));
}

fn words(verdict: &Verdict) -> (&'static str, &str) {
    match verdict {
        Verdict::Well(what) => ("ok", what),
        Verdict::Odd(what) => ("odd", what),
        Verdict::Wrong(what) => ("WRONG", what),
        Verdict::Skipped(why) => ("skipped", why),
    }
}

/// The lines of an environment file: `NAME=VALUE`, the value perhaps in single or double quotes.
fn read(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let text = std::fs::read_to_string(path).map_err(|fault| format!("{}: {fault}", path.display()))?;
    let mut environment = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim().trim_start_matches("export ");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(format!("{}, line {}: it has the form NAME=VALUE", path.display(), number + 1));
        };
        let quoted = |quote: char| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
        let value = quoted('\'').or_else(|| quoted('"')).unwrap_or(value);
        environment.insert(name.to_owned(), value.to_owned());
    }
    Ok(environment)
}

fn ask(question: Question) -> Option<String> {
    let prompt = match question {
        Question::Password => return rpassword::prompt_password("  Password: ").ok().filter(|text| !text.is_empty()),
        Question::Otp => "  Code of the authenticator app: ",
        Question::BindingCode => "  Code that was sent: ",
        Question::PushAnswered => "  Answer the push on the phone, then press Enter: ",
    };
    print!("{prompt}");
    io::stdout().flush().ok()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).ok().filter(|read| *read > 0)?;
    Some(line.trim().to_owned()).filter(|line| question == Question::PushAnswered || !line.is_empty())
}
