//! The binary.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::client::{Answer, answer, http};

struct Program {
    child: Child,
    base_url: String,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it, and reads what it says of itself up to and including the line of the inbox.
fn start(arguments: &[&str]) -> (Program, Vec<String>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_auth0-tenant"))
        .args(["--port", "0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while said.last().is_none_or(|line: &String| !line.starts_with("Inbox")) {
        said.push(lines.next().unwrap().unwrap());
    }
    let base_url = word(&said, "Base URL").to_owned();
    (Program { child, base_url, lines }, said)
}

fn word<'a>(said: &'a [String], what: &str) -> &'a str {
    let line = said.iter().find(|line| line.trim_start().starts_with(what)).unwrap();
    line.trim_start().strip_prefix(what).unwrap().trim()
}

async fn password(program: &Program, username: &str, password: &str) -> Answer {
    let fields = [
        ("client_id", "demo-client"),
        ("client_secret", "demo-secret"),
        ("grant_type", crate::client::REALM_GRANT),
        ("realm", crate::client::REALM),
        ("username", username),
        ("password", password),
    ];
    answer(http().post(format!("{}/oauth/token", program.base_url)).form(&fields)).await
}

#[tokio::test]
async fn it_tells_of_a_demo_user_who_can_sign_in() {
    let (program, said) = start(&[]);
    assert_eq!(word(&said, "OTP secret").len(), 32);
    let answer = password(&program, word(&said, "User"), word(&said, "password")).await;
    assert_eq!(answer.text_of("error"), "mfa_required");
}

#[tokio::test]
async fn it_takes_users_and_everything_else_from_flags_and_a_file() {
    let file = std::env::temp_dir().join(format!("auth0-tenant-{}.json", std::process::id()));
    let config = json!({
        "settings": {"policy": "always", "customizable_mfa": true},
        "apis": [{"identifier": "https://api.example", "scopes": ["a"]}],
        "users": [{"email": "sms@example.com", "password": "p",
                   "factors": [{"type": "sms", "phone_number": "+4915123456789"}]}],
    });
    std::fs::write(&file, config.to_string()).unwrap();
    let (mut program, said) = start(&[
        "--config",
        file.to_str().unwrap(),
        "--domain",
        "demo.example",
        "--user",
        "otp@example.com:secret:JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    ]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(word(&said, "MFA audience"), "https://demo.example/mfa/");
    let otp = password(&program, "otp@example.com", "secret").await;
    assert_eq!(otp.body["mfa_requirements"], json!({"challenge": [{"type": "otp"}]}));

    // A code that is sent is shown.
    let sms = password(&program, "sms@example.com", "p").await;
    let challenge = http().post(format!("{}/mfa/challenge", program.base_url)).json(&json!({
        "client_id": "demo-client", "client_secret": "demo-secret",
        "mfa_token": sms.text_of("mfa_token"), "challenge_type": "oob",
    }));
    assert_eq!(answer(challenge).await.status, 200);
    let shown = program.lines.next().unwrap().unwrap();
    assert!(shown.starts_with("Sms for sms@example.com: "), "{shown}");
}

#[test]
fn what_it_cannot_read_it_refuses() {
    for arguments in [["--user", "nobody"], ["--user", "a@b:p:not base32!"], ["--config", "/no/such/file"]] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_auth0-tenant")).args(["--port", "0"]).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}
