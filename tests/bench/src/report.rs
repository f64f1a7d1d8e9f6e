//! What was measured, beside what it should be.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use bench::Align;
use serde_json::{Value, json};

use crate::function::{Programs, Who};
use crate::measure::{Asks, Effort, Latencies, SLOW, Starts, Steady};

/// Median and quartiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) median: f64,
    quartiles: Option<(f64, f64)>,
}

impl Sample {
    fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |quarter: usize| values.get(values.len().saturating_sub(1) * quarter / 4).copied();
        Some(Self { median: at(2)?, quartiles: Some((at(1)?, at(3)?)) })
    }

    const fn single(value: f64) -> Self {
        Self { median: value, quartiles: None }
    }

    fn json(self) -> Value {
        let mut json = json!({"median": rounded(self.median)});
        if let (Some(object), Some((low, high))) = (json.as_object_mut(), self.quartiles) {
            object.insert("quartiles".into(), json!([rounded(low), rounded(high)]));
        }
        json
    }
}

fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// A limit of the design.
#[derive(Clone, Copy, Debug)]
enum Budget {
    /// In the row's unit.
    AtMost(f64),
    TimesFloor(f64),
    /// So many times less than the peer.
    BelowPeer(f64),
}

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) key: &'static str,
    name: String,
    unit: &'static str,
    values: BTreeMap<Who, Sample>,
    budgets: Vec<Budget>,
}

impl Row {
    fn new(key: &'static str, name: impl Into<String>, unit: &'static str) -> Self {
        Self { key, name: name.into(), unit, values: BTreeMap::new(), budgets: Vec::new() }
    }

    fn with(mut self, who: Who, sample: Option<Sample>) -> Self {
        self.values.extend(sample.map(|sample| (who, sample)));
        self
    }

    fn of<T>(self, all: &BTreeMap<Who, T>, sample: impl Fn(&T) -> Option<Sample>) -> Self {
        all.iter().fold(self, |row, (who, one)| row.with(*who, sample(one)))
    }

    fn limit(mut self, budget: Budget) -> Self {
        self.budgets.push(budget);
        self
    }

    pub(crate) fn median(&self, who: Who) -> Option<f64> {
        self.values.get(&who).map(|sample| sample.median)
    }

    fn times_floor(&self) -> Option<f64> {
        ratio(self.median(Who::Function)?, self.median(Who::Floor)?)
    }

    fn below_peer(&self) -> Option<f64> {
        ratio(self.median(Who::Peer)?, self.median(Who::Function)?)
    }

    /// `None` where there is no budget.
    fn is_met(&self) -> Option<bool> {
        let met = |budget: &Budget| match *budget {
            Budget::AtMost(limit) => self.median(Who::Function).is_some_and(|value| value <= limit),
            Budget::TimesFloor(limit) => self.times_floor().is_some_and(|ratio| ratio <= limit),
            Budget::BelowPeer(limit) => self.below_peer().is_some_and(|ratio| ratio >= limit),
        };
        (!self.budgets.is_empty()).then(|| self.budgets.iter().all(met))
    }

    fn budget(&self) -> String {
        let words = self.budgets.iter().map(|budget| match *budget {
            Budget::AtMost(limit) => format!("≤ {limit} {}", self.unit).trim_end().to_owned(),
            Budget::TimesFloor(limit) => format!("≤ {limit} × floor"),
            Budget::BelowPeer(limit) => format!("≥ {limit} × below peer"),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn cell(&self, who: Who) -> String {
        self.median(who).map_or(String::new(), |value| format!("{} {}", number(value), self.unit).trim_end().to_owned())
    }
}

fn ratio(of: f64, to: f64) -> Option<f64> {
    (to > 0.0).then(|| of / to)
}

/// Three digits that mean something.
fn number(value: f64) -> String {
    match value {
        value if value.fract() == 0.0 => format!("{value:.0}"),
        value if value < 0.1 => format!("{value:.3}"),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

fn millis(times: &[Duration]) -> Option<Sample> {
    Sample::of(times.iter().map(|time| time.as_secs_f64() * 1e3))
}

#[expect(clippy::cast_precision_loss, reason = "counts and sizes far below 2^52")]
const fn real(count: u64) -> f64 {
    count as f64
}

fn mebibytes(kibibytes: u64) -> f64 {
    real(kibibytes) / 1024.0
}

/// All that was measured.
pub(crate) struct Measured {
    pub(crate) plain: BTreeMap<Who, Starts>,
    pub(crate) tls: BTreeMap<Who, Starts>,
    pub(crate) steady: BTreeMap<Who, Steady>,
    pub(crate) asks: BTreeMap<Who, (Asks, Asks)>,
}

impl Measured {
    /// As rows, in the order in which a request and its cost are thought of.
    pub(crate) fn rows(&self, programs: &Programs, effort: Effort) -> Result<Vec<Row>, String> {
        let mut rows = self.start_rows();
        rows.extend(self.ask_rows());
        rows.extend(self.latency_rows());
        rows.extend(self.cost_rows(effort));
        rows.extend(zip_rows(programs)?);
        Ok(rows)
    }

    fn start_rows(&self) -> Vec<Row> {
        let row = |key, what: &str, starts, times: fn(&Starts) -> &[Duration]| {
            Row::new(key, format!("cold start, spawn to {what}"), "ms").of(starts, |starts| millis(times(starts)))
        };
        vec![
            row("ready", "ready", &self.plain, |starts| &starts.ready),
            row("answered", "first answered sign_in", &self.plain, |starts| &starts.answered)
                .limit(Budget::TimesFloor(2.5))
                .limit(Budget::BelowPeer(20.0)),
            row("ready_tls", "ready, upstreams over TLS", &self.tls, |starts| &starts.ready),
            row("answered_tls", "first answered sign_in, over TLS", &self.tls, |starts| &starts.answered)
                .limit(Budget::TimesFloor(5.0))
                .limit(Budget::BelowPeer(20.0)),
            Row::new("connections", "connections opened by the first sign_in", "")
                .of(&self.plain, |starts| Sample::of(starts.connections.iter().map(|count| real(*count))))
                .limit(Budget::AtMost(0.0)),
        ]
    }

    fn ask_rows(&self) -> Vec<Row> {
        let row = |key, name, count: fn(&(Asks, Asks)) -> usize| {
            Row::new(key, name, "").of(&self.asks, |asks| Some(Sample::single(real(count(asks) as u64))))
        };
        vec![
            row("sign_in_auth0", "requests to Auth0, sign_in", |(sign_in, _)| sign_in.auth0),
            row("sign_in_dynamodb", "requests to DynamoDB, sign_in", |(sign_in, _)| sign_in.dynamodb),
            row("verify_auth0", "requests to Auth0, verify", |(_, verify)| verify.auth0),
            row("verify_dynamodb", "requests to DynamoDB, verify", |(_, verify)| verify.dynamodb),
            row("sign_in_round_trips", "round trips one after the other, sign_in", |(sign_in, _)| sign_in.sequential)
                .limit(Budget::AtMost(2.0)),
            row("verify_round_trips", "round trips one after the other, verify", |(_, verify)| verify.sequential)
                .limit(Budget::AtMost(3.0)),
        ]
    }

    fn latency_rows(&self) -> Vec<Row> {
        let slow = SLOW.as_secs_f64() * 1e3;
        let trip = |steady: &Steady| Some(millis(&steady.trips)?.median);
        let row = |key, name: String, unit, sample: &dyn Fn(&Steady) -> Option<Sample>| {
            // The floor has no upstreams to wait for.
            let two = self.steady.iter().filter(|(who, _)| **who != Who::Floor);
            two.fold(Row::new(key, name, unit), |row, (who, steady)| row.with(*who, sample(steady)))
        };
        let of = |steady: &Steady, times: fn(&Latencies) -> &[Duration]| {
            Some((millis(times(&steady.fast))?.median, millis(times(&steady.slow))?.median))
        };
        let rows = |name: &str, keys: [&'static str; 4], times: fn(&Latencies) -> &[Duration]| {
            let trips = move |steady: &Steady| {
                let (fast, delayed) = of(steady, times)?;
                Some((delayed - fast) / trip(steady)?)
            };
            let above = move |steady: &Steady| {
                let (_, delayed) = of(steady, times)?;
                Some(delayed - trips(steady)?.round() * trip(steady)?)
            };
            [
                Row::new(keys[0], format!("warm latency, {name}"), "ms")
                    .of(&self.steady, |steady| millis(times(&steady.fast))),
                row(keys[1], format!("warm latency, {name}, replies after {slow} ms"), "ms", &|steady| {
                    millis(times(&steady.slow))
                }),
                row(keys[2], format!("the round trips in that, {name}"), "", &|steady| {
                    trips(steady).map(Sample::single)
                }),
                row(keys[3], format!("and what is above them, {name}"), "ms", &|steady| {
                    above(steady).map(Sample::single)
                })
                .limit(Budget::AtMost(1.0)),
            ]
        };
        let bare = Row::new("trip", format!("a round trip, replies after {slow} ms, bare client"), "ms")
            .with(Who::Floor, self.steady.get(&Who::Floor).and_then(|steady| millis(&steady.trips)));
        let rested = Row::new("rested", format!("warm latency after {slow} ms without a request"), "ms")
            .with(Who::Floor, self.steady.get(&Who::Floor).and_then(|steady| millis(&steady.rested)));
        let mut all = vec![bare, rested];
        all.extend(rows("sign_in", ["sign_in", "sign_in_slow", "sign_in_trips", "sign_in_above"], |one| &one.sign_in));
        all.extend(rows("verify", ["verify", "verify_slow", "verify_trips", "verify_above"], |one| &one.verify));
        all
    }

    fn cost_rows(&self, effort: Effort) -> Vec<Row> {
        let requests = effort.turns * effort.in_a_turn;
        let cpu = |time: Duration| Some(Sample::single(time.as_secs_f64() * 1e3));
        vec![
            Row::new("sign_in_cpu", "processor time of a sign_in", "ms")
                .of(&self.steady, |steady| cpu(steady.sign_in_cpu))
                .limit(Budget::TimesFloor(5.0))
                .limit(Budget::BelowPeer(6.0)),
            Row::new("verify_cpu", "processor time of a verify", "ms")
                .of(&self.steady, |steady| cpu(steady.verify_cpu)),
            Row::new("peak", "peak memory, first sign_in answered", "MiB")
                .of(&self.plain, |starts| Sample::of(starts.peak.iter().map(|peak| mebibytes(*peak))))
                .limit(Budget::TimesFloor(2.5))
                .limit(Budget::BelowPeer(6.0)),
            Row::new("resident", format!("memory after {requests} sign_ins"), "MiB")
                .of(&self.steady, |steady| Some(Sample::single(mebibytes(steady.resident.1)))),
            // Flat, but for what an allocator does.
            Row::new("growth", format!("growth, from {} of them on", requests / 10), "MiB")
                .of(&self.steady, |steady| {
                    Some(Sample::single(mebibytes(steady.resident.1) - mebibytes(steady.resident.0)))
                })
                .limit(Budget::AtMost(0.5)),
        ]
    }
}

fn zip_rows(programs: &Programs) -> Result<Vec<Row>, String> {
    let row = |(key, name): (&'static str, &str)| {
        Who::ALL.into_iter().try_fold(Row::new(key, format!("zip, {name}"), "MB"), |row, who| {
            let path = programs.zip(who, name)?;
            let size = fs::metadata(&path).map_err(|fault| format!("{}: {fault}", path.display()))?.len();
            Ok::<_, String>(row.with(who, Some(Sample::single(real(size) / 1e6))))
        })
    };
    let zips = [("authenticate_zip", "authenticate"), ("verify_zip", "verify")];
    zips.into_iter().map(|zip| Ok(row(zip)?.limit(Budget::AtMost(3.2)))).collect()
}

/// As Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = ["", "floor", "function", "peer", "function / floor", "peer / function", "budget", "met"];
    let times = |ratio: Option<f64>| ratio.map_or(String::new(), |ratio| format!("{} ×", number(ratio)));
    let mut lines: Vec<Vec<String>> = vec![head.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| {
        let mut line = vec![row.name.clone()];
        line.extend(Who::ALL.map(|who| row.cell(who)));
        line.extend([times(row.times_floor()), times(row.below_peer()), row.budget()]);
        line.push(row.is_met().map_or(String::new(), |met| if met { "yes" } else { "NO" }.to_owned()));
        line
    }));
    bench::markdown(&lines, Align::Left)
}

/// The budgets that are not met.
pub(crate) fn missed(rows: &[Row]) -> Vec<String> {
    let missed = rows.iter().filter(|row| row.is_met() == Some(false));
    missed.map(|row| format!("{}: {} (budget {})", row.name, row.cell(Who::Function), row.budget())).collect()
}

/// For programs.
pub(crate) fn json(rows: &[Row], machine: &Value, effort: Effort) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let value = |who| row.values.get(&who).map(|sample| sample.json());
            json!({
                "key": row.key, "name": row.name, "unit": row.unit,
                "floor": value(Who::Floor), "function": value(Who::Function), "peer": value(Who::Peer),
                "function_to_floor": row.times_floor().map(rounded), "peer_to_function": row.below_peer().map(rounded),
                "budget": (!row.budgets.is_empty()).then(|| row.budget()), "met": row.is_met(),
            })
        })
        .collect();
    let requests = effort.turns * effort.in_a_turn;
    json!({"machine": machine, "starts": effort.starts, "requests": requests, "rows": rows})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(function: f64, budget: Budget) -> Row {
        Row::new("", "", "ms")
            .with(Who::Floor, Some(Sample::single(2.0)))
            .with(Who::Function, Some(Sample::single(function)))
            .with(Who::Peer, Some(Sample::single(100.0)))
            .limit(budget)
    }

    #[test]
    fn a_budget_is_met_up_to_its_limit() {
        for (budget, limit) in
            [(Budget::AtMost(4.0), 4.0), (Budget::TimesFloor(2.5), 5.0), (Budget::BelowPeer(20.0), 5.0)]
        {
            assert_eq!(row(limit, budget).is_met(), Some(true), "{budget:?}");
            assert_eq!(row(limit + 0.1, budget).is_met(), Some(false), "{budget:?}");
        }
    }

    #[test]
    fn a_median_is_the_middle_one() {
        let sample = Sample::of([5.0, 1.0, 9.0, 3.0, 7.0]).unwrap();
        assert_eq!(sample, Sample { median: 5.0, quartiles: Some((3.0, 7.0)) });
        assert_eq!(Sample::of([]), None);
    }
}
