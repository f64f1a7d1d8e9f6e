//! A function's process: started as Lambda starts it, invoked, and looked at through `/proc`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::runtime_api::{RuntimeApi, Seen};
use crate::upstream::{CLIENT_ID, Upstreams};

/// The unit of the times in `/proc/<pid>/stat` (`USER_HZ`, which Linux never changes for what it shows).
const TICK: Duration = Duration::from_millis(10);

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Floor,
    Function,
    Peer,
}

impl Who {
    pub(crate) const ALL: [Self; 3] = [Self::Floor, Self::Function, Self::Peer];
}

/// Which of the two endpoints. The floor has no notion of them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Endpoint {
    Authenticate,
    Verify,
}

impl Endpoint {
    const fn name(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::Verify => "verify",
        }
    }
}

/// Where everything is that is started.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Programs {
    /// Folder with a folder of each function, with its `bootstrap` and `bootstrap.zip`
    #[arg(long)]
    pub(crate) functions: PathBuf,
    /// Folder of the peer's bundles and their zips
    #[arg(long)]
    peer: Option<PathBuf>,
    /// Node.js's Lambda runtime client, the script that starts it
    #[arg(long)]
    runtime_client: Option<PathBuf>,
}

impl Programs {
    /// What is deployed.
    pub(crate) fn zip(&self, who: Who, name: &str) -> Result<PathBuf, String> {
        Ok(match who {
            Who::Floor => self.functions.join("floor/bootstrap.zip"),
            Who::Function => self.functions.join(name).join("bootstrap.zip"),
            Who::Peer => self.peer()?.join(format!("{name}.zip")),
        })
    }

    fn peer(&self) -> Result<&Path, String> {
        self.peer.as_deref().ok_or_else(|| "--peer is missing".to_owned())
    }

    fn command(&self, who: Who, endpoint: Endpoint) -> Result<Command, String> {
        let name = if who == Who::Floor { "floor" } else { endpoint.name() };
        if who != Who::Peer {
            return Ok(Command::new(self.functions.join(name).join("bootstrap")));
        }
        let client = self.runtime_client.as_deref().ok_or("--runtime-client is missing")?;
        let client = client.canonicalize().map_err(|fault| format!("{}: {fault}", client.display()))?;
        let mut command = Command::new("node");
        command.current_dir(self.peer()?).arg(client).arg(format!("{name}.handler"));
        Ok(command)
    }
}

/// A running function.
pub(crate) struct Running {
    child: Child,
    api: RuntimeApi,
    spawned: Instant,
}

/// What an invocation came to.
pub(crate) struct Outcome {
    pub(crate) latency: Duration,
    at: Instant,
    pub(crate) answer: Value,
}

impl Running {
    /// Starts a process. The time counts from here.
    pub(crate) fn start(
        programs: &Programs,
        who: Who,
        endpoint: Endpoint,
        upstreams: &Upstreams,
    ) -> Result<Self, String> {
        let api = RuntimeApi::start().map_err(|fault| fault.to_string())?;
        let mut command = programs.command(who, endpoint)?;
        command
            .env_clear()
            .envs(["PATH", "LD_LIBRARY_PATH"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .envs(upstreams.environment())
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .envs([
                ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/24/[1]0123456789abcdef0123456789abcdef"),
                ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
                ("AWS_REGION", "eu-central-1"),
                ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLETOKEN"),
                ("AUTH0_DOMAIN", "tenant.eu.auth0.com"),
                ("AUTH0_CLIENT_ID", CLIENT_ID),
                ("AUTH0_CLIENT_SECRET_ID", "auth0"),
                ("AUTH0_AUDIENCE", "https://api.example.com"),
                ("SESSION_TABLE", "sessions"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // The log goes here, a line for each request. Whatever fails is in the answer as well.
            .stderr(Stdio::null());
        let spawned = Instant::now();
        let child = command.spawn().map_err(|fault| format!("{}: {fault}", command.get_program().display()))?;
        Ok(Self { child, api, spawned })
    }

    /// Waits until it asks for an event, and says how long after its start that was.
    pub(crate) fn ready(&self) -> Result<Duration, String> {
        match self.api.next()? {
            Seen::Ready(at) => Ok(at - self.spawned),
            seen => Err(format!("not ready but {seen:?}")),
        }
    }

    /// Has an event for it as soon as it asks.
    pub(crate) fn hand(&self, event: Vec<u8>) {
        self.api.hand(event);
    }

    /// Its answer to what it was handed. Any but a success is an error: what failed is not measured.
    pub(crate) fn answer(&self) -> Result<Outcome, String> {
        let (handed, at, body) = match self.api.next()? {
            Seen::Answered { handed, at, body } => (handed, at, body),
            seen => return Err(format!("no answer but {seen:?}")),
        };
        let answer: Value = serde_json::from_slice(&body).map_err(|fault| fault.to_string())?;
        let is_success = answer.get("statusCode").and_then(Value::as_u64) == Some(200)
            && answer.get("body").and_then(Value::as_str).is_some_and(|body| body.contains(r#""success":true"#));
        if is_success { Ok(Outcome { latency: at - handed, at, answer }) } else { Err(format!("no success: {answer}")) }
    }

    /// Invokes it, and waits until it is ready for more.
    pub(crate) fn invoke(&self, event: Vec<u8>) -> Result<Outcome, String> {
        self.hand(event);
        let outcome = self.answer()?;
        self.ready()?;
        Ok(outcome)
    }

    /// From its start to this.
    pub(crate) fn since_start(&self, outcome: &Outcome) -> Duration {
        outcome.at - self.spawned
    }

    /// Processor time so far, all threads, user and system.
    pub(crate) fn cpu(&self) -> Result<Duration, String> {
        let stat = self.proc("stat")?;
        // The second field is a name in parentheses, with whatever in it. Fields 14 and 15 are the times.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>();
        ticks.map(|ticks| TICK * ticks).map_err(|fault| fault.to_string())
    }

    /// A size of `/proc/<pid>/status` in KiB: `VmRSS` or `VmHWM`, its peak.
    pub(crate) fn memory(&self, name: &str) -> Result<u64, String> {
        bench::memory(self.child.id(), name)
    }

    fn proc(&self, file: &str) -> Result<String, String> {
        let path = Path::new("/proc").join(self.child.id().to_string()).join(file);
        fs::read_to_string(&path).map_err(|fault| format!("{}: {fault}", path.display()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // As Lambda ends an environment that is not needed any more.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The events, as an HTTP API sends them.
pub(crate) struct Events {
    sign_in: Vec<u8>,
    verify: Value,
}

impl Events {
    pub(crate) fn new() -> Result<Self, String> {
        let verify = serde_json::from_str(include_str!("../../events/http-api-verify.json"));
        Ok(Self {
            sign_in: include_bytes!("../../events/http-api-sign-in.json").to_vec(),
            verify: verify.map_err(|fault| fault.to_string())?,
        })
    }

    pub(crate) fn sign_in(&self) -> Vec<u8> {
        self.sign_in.clone()
    }

    /// A code for the session that `sign_in` began.
    pub(crate) fn verify(&self, sign_in: &Outcome) -> Vec<u8> {
        let cookie = sign_in.answer.pointer("/cookies/0").and_then(Value::as_str).unwrap_or_default();
        let cookie = cookie.split(';').next().unwrap_or_default();
        let mut event = self.verify.clone();
        if let Some(event) = event.as_object_mut() {
            event.insert("cookies".into(), vec![cookie].into());
        }
        event.to_string().into_bytes()
    }
}
