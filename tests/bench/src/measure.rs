//! The measurements. Who is measured takes turns in everything, so that whatever else the machine does meets all alike.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use crate::function::{Endpoint, Events, Outcome, Programs, Running, Who};
use crate::upstream::{Asked, Upstream, Upstreams, sequential};

/// How often everything is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Processes started, of each.
    pub(crate) starts: usize,
    /// Turns of sign-ins and verifies, of each,
    pub(crate) turns: usize,
    /// and how many of both are in one.
    pub(crate) in_a_turn: usize,
    /// Sign-ins with slow upstreams, of each.
    pub(crate) slow: usize,
}

impl Effort {
    pub(crate) const FULL: Self = Self { starts: 60, turns: 20, in_a_turn: 500, slow: 100 };
    pub(crate) const QUICK: Self = Self { starts: 15, turns: 5, in_a_turn: 100, slow: 10 };
}

/// How long each reply of a slow upstream takes.
pub(crate) const SLOW: Duration = Duration::from_millis(20);

/// Long enough that requests that are sent together overlap for sure.
const HELD: Duration = Duration::from_millis(200);

/// Sign-ins that come before what is measured in a turn, so that connections are open and caches warm.
const LEAD_IN: usize = 5;

/// Times of processes that were started, invoked once, and ended.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    pub(crate) ready: Vec<Duration>,
    pub(crate) answered: Vec<Duration>,
    /// KiB.
    pub(crate) peak: Vec<u64>,
    /// Opened between the first event and its answer.
    pub(crate) connections: Vec<u64>,
}

/// Cold starts: a process is spawned, a sign-in is there already, and once it is answered the process goes.
pub(crate) fn starts(
    programs: &Programs,
    events: &Events,
    upstreams: &Upstreams,
    effort: Effort,
) -> Result<BTreeMap<Who, Starts>, String> {
    let mut measured: BTreeMap<Who, Starts> = BTreeMap::new();
    for turn in 0..=effort.starts {
        for who in Who::ALL {
            let running = Running::start(programs, who, Endpoint::Authenticate, upstreams)?;
            let ready = running.ready()?;
            let connections = upstreams.connections();
            running.hand(events.sign_in());
            let outcome = running.answer()?;
            // The first of each reads its program from the disk.
            if turn == 0 {
                continue;
            }
            let starts = measured.entry(who).or_default();
            starts.ready.push(ready);
            starts.answered.push(running.since_start(&outcome));
            starts.peak.push(running.memory("VmHWM")?);
            starts.connections.push(upstreams.connections() - connections);
        }
    }
    Ok(measured)
}

/// Latencies, at the Runtime API.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    pub(crate) sign_in: Vec<Duration>,
    pub(crate) verify: Vec<Duration>,
}

/// What many requests cost.
#[derive(Debug, Default)]
pub(crate) struct Steady {
    pub(crate) fast: Latencies,
    pub(crate) slow: Latencies,
    /// Round trips to a slow upstream, as a [bare client](Upstreams::bare) sees them.
    pub(crate) trips: Vec<Duration>,
    /// The floor's latencies where each of its requests comes after a [slow](SLOW) reply's time without any.
    pub(crate) rested: Vec<Duration>,
    pub(crate) sign_in_cpu: Duration,
    pub(crate) verify_cpu: Duration,
    /// Resident KiB of the process that signs in, after a tenth of the requests and after all.
    pub(crate) resident: (u64, u64),
}

/// A pair of processes, both endpoints of one implementation. The floor's are the same twice: a process that takes
/// turns with another finds its caches colder than one that has the machine to itself.
struct Pair {
    authenticate: Running,
    verify: Running,
}

impl Pair {
    fn start(programs: &Programs, who: Who, upstreams: &Upstreams) -> Result<Self, String> {
        let start = |endpoint| {
            let running = Running::start(programs, who, endpoint, upstreams)?;
            running.ready()?;
            Ok::<_, String>(running)
        };
        Ok(Self { authenticate: start(Endpoint::Authenticate)?, verify: start(Endpoint::Verify)? })
    }

    /// One sign-in, finished.
    fn sign_in(&self, events: &Events, latencies: &mut Latencies) -> Result<(), String> {
        let begun = self.authenticate.invoke(events.sign_in())?;
        latencies.verify.push(self.verify.invoke(events.verify(&begun))?.latency);
        latencies.sign_in.push(begun.latency);
        Ok(())
    }

    fn turn(&self, events: &Events, count: usize, latencies: &mut Latencies) -> Result<(), String> {
        for _ in 0..LEAD_IN {
            self.sign_in(events, &mut Latencies::default())?;
        }
        for _ in 0..count {
            self.sign_in(events, latencies)?;
        }
        Ok(())
    }

    /// Sign-ins with a pause before each, as long as a slow upstream takes to reply.
    fn rested(&self, events: &Events, count: usize, latencies: &mut Vec<Duration>) -> Result<(), String> {
        for _ in 0..count {
            thread::sleep(SLOW);
            latencies.push(self.authenticate.invoke(events.sign_in())?.latency);
        }
        Ok(())
    }

    fn cpu(&self) -> Result<(Duration, Duration), String> {
        Ok((self.authenticate.cpu()?, self.verify.cpu()?))
    }
}

/// Sign-ins and their second factors, thousands in the same processes, and some over slow upstreams.
pub(crate) fn steady(
    programs: &Programs,
    events: &Events,
    upstreams: &Upstreams,
    effort: Effort,
) -> Result<BTreeMap<Who, Steady>, String> {
    let mut pairs = Vec::new();
    for who in Who::ALL {
        let pair = Pair::start(programs, who, upstreams)?;
        // Node.js compiles what runs often; what comes before that is not what a warm function costs.
        pair.turn(events, effort.in_a_turn, &mut Latencies::default())?;
        let cpu = pair.cpu()?;
        pairs.push((who, pair, cpu, Steady::default()));
    }
    for turn in 1..=effort.turns {
        for (_, pair, _, steady) in &mut pairs {
            pair.turn(events, effort.in_a_turn, &mut steady.fast)?;
            if turn == effort.turns.div_ceil(10) {
                steady.resident.0 = pair.authenticate.memory("VmRSS")?;
            }
        }
    }
    for (_, pair, cpu, steady) in &mut pairs {
        steady.resident.1 = pair.authenticate.memory("VmRSS")?;
        let after = pair.cpu()?;
        let count = u32::try_from(effort.turns * (effort.in_a_turn + LEAD_IN)).unwrap_or(u32::MAX);
        steady.sign_in_cpu = after.0.saturating_sub(cpu.0) / count;
        steady.verify_cpu = after.1.saturating_sub(cpu.1) / count;
    }
    let mut bare = upstreams.bare()?;
    let mut trips = Vec::new();
    upstreams.delay(SLOW);
    for _ in 0..effort.slow.div_ceil(10) {
        for (who, pair, _, steady) in &mut pairs {
            pair.turn(events, 10, &mut steady.slow)?;
            if *who == Who::Floor {
                pair.rested(events, 10, &mut steady.rested)?;
            }
        }
        for _ in 0..10 {
            trips.push(bare.trip()?);
        }
    }
    upstreams.delay(Duration::ZERO);
    Ok(pairs.into_iter().map(|(who, _, _, steady)| (who, Steady { trips: trips.clone(), ..steady })).collect())
}

/// What one request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asks {
    pub(crate) auth0: usize,
    pub(crate) dynamodb: usize,
    pub(crate) secrets_manager: usize,
    pub(crate) sequential: usize,
    pub(crate) connections: u64,
}

impl Asks {
    fn of(asked: &[Asked], connections: u64) -> Self {
        let count = |upstream| asked.iter().filter(|one| one.upstream == upstream).count();
        Self {
            auth0: count(Upstream::Auth0),
            dynamodb: count(Upstream::DynamoDb),
            secrets_manager: count(Upstream::SecretsManager),
            sequential: sequential(asked),
            connections,
        }
    }
}

/// What a sign-in in one process, and its second factor in another, ask for, when each has done `before` already.
/// Nothing here is timed.
pub(crate) fn asks(
    programs: &Programs,
    events: &Events,
    upstreams: &Upstreams,
    who: Who,
    before: usize,
) -> Result<(Asks, Asks), String> {
    let start = |endpoint| Running::start(programs, who, endpoint, upstreams);
    let (authenticate, verify) = (start(Endpoint::Authenticate)?, start(Endpoint::Verify)?);
    authenticate.ready()?;
    verify.ready()?;
    for _ in 0..before {
        verify.invoke(events.verify(&authenticate.invoke(events.sign_in())?))?;
    }
    let watched = |running: &Running, event| -> Result<(Asks, Outcome), String> {
        upstreams.asked();
        let connections = upstreams.connections();
        upstreams.delay(HELD);
        let outcome = running.invoke(event);
        upstreams.delay(Duration::ZERO);
        Ok((Asks::of(&upstreams.asked(), upstreams.connections() - connections), outcome?))
    };
    let (sign_in, begun) = watched(&authenticate, events.sign_in())?;
    let (verified, _) = watched(&verify, events.verify(&begun))?;
    Ok((sign_in, verified))
}
