//! What the log says.
//!
//! One JSON line per request, and a line wherever something went on in spite of a failure. Never in it, at
//! any level: passwords, codes, tokens, cookies, the client secret, e-mail addresses, phone numbers, and
//! texts that others wrote (an Action's message, a value of a refused field).
//!
//! The level is Lambda's own setting (`AWS_LAMBDA_LOG_LEVEL`). It holds for this crate; the HTTP and AWS
//! crates, which print whole requests at `trace`, say nothing below a warning whatever it is. (In a release build what
//! is below `info` is not compiled at all.)

use std::panic::PanicHookInfo;
use std::time::Duration;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::app::StartError;
use crate::invocation::Invocation;

/// What a request's line says.
pub(crate) struct Line<'a> {
    pub(crate) invocation: &'a Invocation,
    pub(crate) route: &'static str,
    /// `ok` or the error's code.
    pub(crate) outcome: &'static str,
    pub(crate) status: u16,
    pub(crate) duration: Duration,
    pub(crate) cold_start: bool,
    /// What to know of an error, apart from what the page was told.
    pub(crate) detail: Option<&'a str>,
}

/// Starts logging, as JSON on standard error. `level` is the value of `AWS_LAMBDA_LOG_LEVEL`, if set.
/// Does nothing where logging has been set up already.
pub fn init(level: Option<&str>) {
    init_with(level, std::io::stderr);
}

/// The same, to wherever `writer` writes.
pub fn init_with<W>(level: Option<&str>, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = match level.map(str::to_ascii_uppercase).as_deref() {
        Some("TRACE") => LevelFilter::TRACE,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some("WARN") => LevelFilter::WARN,
        Some("ERROR" | "FATAL") => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    };
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(writer);
    let targets = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("mfa_core", level);
    if tracing_subscriber::registry().with(lines).with(targets).try_init().is_ok() {
        std::panic::set_hook(Box::new(panicked));
    }
}

/// Says why a function does not start: for an operator, the one thing to read.
pub fn not_started(error: &StartError) {
    tracing::error!(detail = %error, "the function does not start");
}

/// Says where a panic was, and not what: its message may hold anything.
fn panicked(info: &PanicHookInfo<'_>) {
    let place = info.location().map(|place| format!("{}:{}:{}", place.file(), place.line(), place.column()));
    tracing::error!(place = place.as_deref().unwrap_or("unknown"), "panic");
}

/// Writes a request's line: an error where an operator has to act, a warning where something outside
/// failed, otherwise plain information.
pub(crate) fn request(line: &Line<'_>) {
    let level = match line.outcome {
        "internal_error" | "server_misconfigured" => Level::ERROR,
        _ if line.status >= 500 => Level::WARN,
        _ => Level::INFO,
    };
    macro_rules! write_line {
        ($level:ident) => {
            tracing::$level!(
                request_id = line.invocation.request_id,
                trace_id = line.invocation.trace_id,
                route = line.route,
                action = line.invocation.action.get(),
                outcome = line.outcome,
                status = line.status,
                duration_ms = millis(line.duration),
                auth0_ms = millis(line.invocation.auth0_time()),
                cold_start = line.cold_start,
                detail = line.detail,
                "request"
            )
        };
    }
    match level {
        Level::ERROR => write_line!(error),
        Level::WARN => write_line!(warn),
        _ => write_line!(info),
    }
}

/// Milliseconds to two places.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}
