//! What CloudWatch counts: one line per request in its Embedded Metric Format, on standard output. No call to
//! CloudWatch is made; it takes the metrics from the log.
//!
//! Namespace [`NAMESPACE`]:
//!
//! | metric | unit | dimensions | |
//! |---|---|---|---|
//! | `Requests` | count | `function`, `outcome` | every request but preflights |
//! | `SignIn` | count | `outcome` | requests of a sign-in: `challenge` is one that began, `ok` one that ended with tokens |
//! | `StepUp` | count | `outcome` | the same of step-ups |
//! | `Auth0Latency` | milliseconds | `function` | the time of a request that was spent waiting for Auth0, if it was asked |
//!
//! An outcome is an error code, `challenge` (a code is awaited), `pending` (a push is not answered yet) or `ok`.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrique_writer_core::format::Format as _;
use metrique_writer_core::unit::{NegativeScale, Unit};
use metrique_writer_core::{Entry, EntryWriter};
use metrique_writer_format_emf::{Emf, MetricDefinition, MetricDirective, NoMetric};

use crate::clock::Clock;
use crate::session::Purpose;

/// What the template's alarms and its dashboard look for.
const NAMESPACE: &str = "Auth0Mfa";

/// Writes metrics to where Lambda collects them.
pub(crate) struct Metrics(Mutex<Sink>);

struct Sink {
    emf: Emf,
    writer: Box<dyn Write + Send>,
    /// A line is put together before it is written, and written at once.
    line: Vec<u8>,
}

/// A request that is over.
pub(crate) struct Measured<'a> {
    /// The function's name.
    pub(crate) function: &'static str,
    pub(crate) outcome: &'static str,
    /// What flow it belongs to, as far as it came to that.
    pub(crate) flow: Option<Flow>,
    pub(crate) auth0: Duration,
    pub(crate) clock: &'a Clock,
}

/// What a request is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    SignIn,
    StepUp,
    Renewal,
}

impl From<&Purpose> for Flow {
    fn from(purpose: &Purpose) -> Self {
        match purpose {
            Purpose::SignIn => Self::SignIn,
            Purpose::StepUp { .. } => Self::StepUp,
            Purpose::Renew => Self::Renewal,
        }
    }
}

impl Metrics {
    pub(crate) fn new(writer: impl Write + Send + 'static) -> Self {
        let directive = |dimension, name, unit| MetricDirective {
            dimensions: vec![vec![dimension]],
            metrics: vec![MetricDefinition { name, unit, storage_resolution: None }],
            namespace: NAMESPACE,
        };
        // A directive for a metric that a line does not have is passed over.
        let emf = Emf::builder(NAMESPACE.to_owned(), vec![vec!["function".to_owned(), "outcome".to_owned()]])
            .directive(directive("outcome", "SignIn", Unit::Count))
            .directive(directive("outcome", "StepUp", Unit::Count))
            .directive(directive("function", "Auth0Latency", Unit::Second(NegativeScale::Milli)))
            .build();
        Self(Mutex::new(Sink { emf, writer: Box::new(writer), line: Vec::new() }))
    }

    pub(crate) fn record(&self, measured: &Measured<'_>) {
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Sink { emf, writer, line } = &mut *sink;
        line.clear();
        if emf.format(measured, line).is_err() || writer.write_all(line).and_then(|()| writer.flush()).is_err() {
            // Nobody is answered differently for this.
            tracing::warn!("a metric was not written");
        }
    }
}

impl Entry for Measured<'_> {
    fn write<'a>(&'a self, writer: &mut impl EntryWriter<'a>) {
        writer.timestamp(self.clock.now());
        writer.value("function", self.function);
        writer.value("outcome", self.outcome);
        writer.value("Requests", &1_u64);
        match self.flow {
            Some(Flow::SignIn) => writer.value("SignIn", &NoMetric::from(1_u64)),
            Some(Flow::StepUp) => writer.value("StepUp", &NoMetric::from(1_u64)),
            Some(Flow::Renewal) | None => {}
        }
        if !self.auth0.is_zero() {
            writer.value("Auth0Latency", &NoMetric::from(self.auth0));
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(measured: &[(Option<Flow>, &'static str, u64)]) -> Vec<Value> {
        let output = Output::default();
        let metrics = Metrics::new(output.clone());
        let clock = Clock::from_fn(|| std::time::UNIX_EPOCH + Duration::from_hours(490_000));
        for (flow, outcome, auth0) in measured {
            metrics.record(&Measured {
                function: "verify",
                outcome,
                flow: *flow,
                auth0: Duration::from_millis(*auth0),
                clock: &clock,
            });
        }
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_request_of_a_sign_in_is_one_line_in_the_embedded_metric_format() {
        let lines = lines(&[(Some(Flow::SignIn), "invalid_code", 40)]);
        let metric = |name: &str, unit: &str| json!({"Name": name, "Unit": unit});
        let directive = |dimensions: Value, metric: Value| json!({"Namespace": "Auth0Mfa", "Dimensions": [dimensions], "Metrics": [metric]});
        assert_eq!(
            lines,
            [json!({
                "_aws": {
                    "CloudWatchMetrics": [
                        directive(json!(["function", "outcome"]), json!({"Name": "Requests"})),
                        directive(json!(["outcome"]), metric("SignIn", "Count")),
                        directive(json!(["outcome"]), metric("StepUp", "Count")),
                        directive(json!(["function"]), metric("Auth0Latency", "Milliseconds")),
                    ],
                    "Timestamp": 1_764_000_000_000_u64,
                },
                "function": "verify",
                "outcome": "invalid_code",
                "Requests": 1,
                "SignIn": 1,
                "Auth0Latency": 40,
            })]
        );
    }

    #[test]
    fn a_line_has_the_metrics_of_its_own_request_alone() {
        let lines = lines(&[
            (Some(Flow::SignIn), "ok", 1),
            (Some(Flow::StepUp), "ok", 1),
            (Some(Flow::Renewal), "ok", 0),
            (None, "session_expired", 0),
        ]);
        let has = |name: &str| lines.iter().map(|line| line.get(name).is_some()).collect::<Vec<_>>();
        assert_eq!(has("Requests"), [true, true, true, true]);
        assert_eq!(has("SignIn"), [true, false, false, false]);
        assert_eq!(has("StepUp"), [false, true, false, false]);
        assert_eq!(has("Auth0Latency"), [true, true, false, false]);
    }
}
