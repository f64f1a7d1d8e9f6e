//! The local stack, as `cargo dev` starts it, in a process of its own: its tenant's users, its table, its memory.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Answer, Connection};
use crate::person::Person;

/// How long sessions that are begun may be left open. The functions' own 300 s are less than a run takes.
const PENDING_TTL_SECONDS: u32 = 3600;

/// How long the stack may take to start.
const STARTS_WITHIN: Duration = Duration::from_mins(1);

/// A running stack. Dropping it ends it.
pub(crate) struct Stack {
    program: PathBuf,
    child: Child,
    port: u16,
}

/// What is in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Sessions that wait for a code.
    pub(crate) pending: usize,
    /// Sessions that are signed in.
    pub(crate) signed_in: usize,
    /// Anything else: there should be nothing.
    pub(crate) other: usize,
}

impl Stack {
    /// Starts one on free ports and waits until its page answers. Its log goes to a file in `logs`.
    pub(crate) async fn start(program: &Path, logs: &Path) -> Result<Self, String> {
        let port = free_ports().ok_or("there are no four free ports in a row")?;
        let child = Command::new(program)
            .args(arguments(port))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log(logs, "stack")?)
            .spawn()
            .map_err(|fault| format!("{}: {fault}", program.display()))?;
        let mut stack = Self { program: program.to_owned(), child, port };
        let ready = async {
            while Connection::open(stack.gateway()).await.is_err() {
                if let Ok(Some(status)) = stack.child.try_wait() {
                    return Err(format!("the stack does not start: {status}"));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(())
        };
        tokio::time::timeout(STARTS_WITHIN, ready).await.map_err(|_| "the stack does not start")??;
        // A tenant's `mfa_token` lives ten minutes, which is less than a run takes.
        let longer = json!({"mfa_token_lifetime": PENDING_TTL_SECONDS});
        expect(&stack.tenant("PATCH", "/_tenant/settings", &longer).await?, 200)?;
        Ok(stack)
    }

    /// Where the page and both functions are.
    pub(crate) fn gateway(&self) -> SocketAddr {
        self.at(0)
    }

    fn at(&self, offset: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port.saturating_add(offset)).into()
    }

    /// The environment for functions of their own against this stack, by `cargo dev --env`, with `settings` over it.
    pub(crate) fn environment(&self, settings: &[&str]) -> Result<Vec<(String, String)>, String> {
        let mut command = Command::new(&self.program);
        command.args(arguments(self.port)).arg("--env");
        for setting in settings {
            command.args(["--set", setting]);
        }
        let output = command.output().map_err(|fault| format!("{}: {fault}", self.program.display()))?;
        if !output.status.success() {
            return Err(format!("--env: {}", String::from_utf8_lossy(&output.stderr)));
        }
        Ok(environment(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Makes these users known to the tenant.
    pub(crate) async fn add(&self, people: &[Person]) -> Result<(), String> {
        let mut tenant = Connection::open(self.at(1)).await?;
        for person in people {
            let body = person.for_tenant().to_string();
            expect(&tenant.send("POST", "/_tenant/users", JSON, &body).await?, 201)?;
        }
        Ok(())
    }

    /// Makes the tenant forget these users.
    pub(crate) async fn remove(&self, people: impl IntoIterator<Item = String>) -> Result<(), String> {
        let mut tenant = Connection::open(self.at(1)).await?;
        for email in people {
            expect(&tenant.send("DELETE", &format!("/_tenant/users/{email}"), "", "").await?, 204)?;
        }
        Ok(())
    }

    async fn tenant(&self, method: &str, path: &str, body: &Value) -> Result<Answer, String> {
        Connection::open(self.at(1)).await?.send(method, path, JSON, &body.to_string()).await
    }

    /// Counts what is in the table, by DynamoDB's own API, page by page.
    pub(crate) async fn held(&self) -> Result<Held, String> {
        let mut dynamodb = Connection::open(self.at(2)).await?;
        let mut held = Held::default();
        let mut start = Value::Null;
        loop {
            let mut scan = json!({"TableName": "mfa-sessions", "ConsistentRead": true});
            if let (Some(scan), false) = (scan.as_object_mut(), start.is_null()) {
                scan.insert("ExclusiveStartKey".to_owned(), start);
            }
            let answer = dynamodb.send("POST", "/", SCAN, &scan.to_string()).await?;
            expect(&answer, 200)?;
            let mut page = answer.json();
            held.count(&page);
            start = page.get_mut("LastEvaluatedKey").map(Value::take).unwrap_or_default();
            if start.is_null() {
                return Ok(held);
            }
        }
    }

    /// Resident memory of the stack's process, in KiB.
    pub(crate) fn resident(&self) -> Result<u64, String> {
        resident(&self.child)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // It keeps nothing, so there is nothing to end in order.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Held {
    fn count(&mut self, page: &Value) {
        for item in page.get("Items").and_then(Value::as_array).into_iter().flatten() {
            match (item.get("pending").is_some(), item.get("signed_in").is_some()) {
                (true, false) => self.pending += 1,
                (false, true) => self.signed_in += 1,
                _ => self.other += 1,
            }
        }
    }
}

const JSON: &str = "content-type: application/json\r\n";

/// A local DynamoDB wants credentials to be there, and looks at no signature.
const SCAN: &str = "content-type: application/x-amz-json-1.0\r\n\
    x-amz-target: DynamoDB_20120810.Scan\r\n\
    x-amz-date: 20261124T083157Z\r\n\
    authorization: AWS4-HMAC-SHA256 Credential=local/20261124/eu-central-1/dynamodb/aws4_request, \
    SignedHeaders=host;x-amz-date;x-amz-target, Signature=0000\r\n";

fn arguments(port: u16) -> Vec<String> {
    let ttl = format!("PENDING_TTL_SECONDS={PENDING_TTL_SECONDS}");
    ["--port", &port.to_string(), "--set", &ttl].map(str::to_owned).to_vec()
}

/// A file for what a process writes to its standard error.
pub(crate) fn log(folder: &Path, name: &str) -> Result<File, String> {
    let path = folder.join(format!("{name}.log"));
    fs::create_dir_all(folder)
        .and_then(|()| File::create(&path))
        .map_err(|fault| format!("{}: {fault}", path.display()))
}

/// Resident memory of a process, in KiB.
pub(crate) fn resident(child: &Child) -> Result<u64, String> {
    bench::memory(child.id(), "VmRSS")
}

/// `NAME=value` lines, where a value may be in single quotes.
fn environment(lines: &str) -> Vec<(String, String)> {
    let pairs = lines.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect()
}

fn expect(answer: &Answer, status: u16) -> Result<(), String> {
    if answer.status == status {
        return Ok(());
    }
    Err(format!("the stack answers {} in place of {status}: {}", answer.status, answer.json()))
}

/// The first of four ports in a row that nobody listens on.
fn free_ports() -> Option<u16> {
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    // Below the range that the system hands out to connections.
    (20_000..30_000).step_by(4).find(|first| (*first..first + 4).all(is_free))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_with_and_without_quotes() {
        let read = environment("A=b\nSCOPE='openid email'\nURL=http://127.0.0.1:3000/?a=b\nEMPTY=''\n");
        let expected = [("A", "b"), ("SCOPE", "openid email"), ("URL", "http://127.0.0.1:3000/?a=b"), ("EMPTY", "")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn an_item_is_pending_or_signed_in_or_should_not_be_there() {
        let mut held = Held::default();
        held.count(&json!({"Items": [{"pending": {}}, {"signed_in": {}}, {"pending": {}, "signed_in": {}}, {}]}));
        assert_eq!(held, Held { pending: 1, signed_in: 1, other: 2 });
    }
}
