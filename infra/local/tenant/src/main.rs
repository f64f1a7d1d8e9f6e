//! A simulated Auth0 tenant as a program of its own: see the library's documentation.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;

use auth0_tenant::{Api, Application, Message, Settings, StartError, Tenant, User};
use clap::Parser;
use serde::Deserialize;
use tokio::net::TcpListener;

/// A simulated Auth0 tenant with real MFA.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 4010)]
    port: u16,
    /// The address to listen on. The control API answers loopback alone, whatever this is.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// The domain in `https://DOMAIN/mfa/`, if not the host and port.
    #[arg(long)]
    domain: Option<String>,
    /// The origin that clients know it by, if not `http://ADDRESS:PORT`.
    #[arg(long)]
    base_url: Option<String>,
    /// A user: EMAIL:PASSWORD, or EMAIL:PASSWORD:SECRET with an OTP secret in base32. May be
    /// repeated. Without any, and without users in the file, there is a demo user.
    #[arg(long = "user", value_parser = parse_user)]
    users: Vec<User>,
    /// The application's id.
    #[arg(long, default_value = "demo-client")]
    client_id: String,
    /// The application's secret.
    #[arg(long, default_value = "demo-secret")]
    client_secret: String,
    /// A JSON file with `settings`, `applications`, `apis` and `users`, each optional.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Config {
    settings: Settings,
    applications: Vec<Application>,
    apis: Vec<Api>,
    users: Vec<User>,
}

const DEMO_EMAIL: &str = "ada@example.com";
const DEMO_PASSWORD: &str = "correct horse battery staple";
const DEMO_SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

fn parse_user(text: &str) -> Result<User, String> {
    let mut parts = text.split(':');
    let (Some(email), Some(password)) = (parts.next(), parts.next()) else {
        return Err("expected EMAIL:PASSWORD or EMAIL:PASSWORD:SECRET".to_owned());
    };
    let user = User::new(email, password);
    match (parts.next(), parts.next()) {
        (None, _) => Ok(user),
        (Some(secret), None) => Ok(user.otp_secret(secret)),
        _ => Err("a password with a colon in it goes into the file".to_owned()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let listen = (arguments.listen, arguments.port);
    let tenant = match start(arguments).await {
        Ok(tenant) => tenant,
        Err(error) => {
            eprintln!("auth0-tenant on {}:{}: {error}", listen.0, listen.1);
            return ExitCode::FAILURE;
        }
    };
    introduce(&tenant);
    stopped().await;
    tenant.stop();
    ExitCode::SUCCESS
}

async fn start(arguments: Arguments) -> Result<Tenant, String> {
    let config = match &arguments.config {
        None => Config::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?
        }
    };
    let mut users = config.users;
    users.extend(arguments.users);
    if users.is_empty() {
        users.push(User::new(DEMO_EMAIL, DEMO_PASSWORD).otp_secret(DEMO_SECRET));
    }
    let mut applications = config.applications;
    if applications.is_empty() {
        let application = Application::new(&arguments.client_id, &arguments.client_secret);
        applications.push(application.trusts_forwarded_for(true));
    }

    let mut builder = Tenant::builder().settings(config.settings).on_message(show);
    for application in applications {
        builder = builder.application(application);
    }
    for api in config.apis {
        builder = builder.api(api);
    }
    for user in users {
        builder = builder.user(user);
    }
    if let Some(domain) = &arguments.domain {
        builder = builder.domain(domain);
    }
    if let Some(base_url) = &arguments.base_url {
        builder = builder.base_url(base_url);
    }
    let listener = TcpListener::bind((arguments.listen, arguments.port))
        .await
        .map_err(|error| StartError::Listen(error).to_string())?;
    builder.start_on(listener).map_err(|error| error.to_string())
}

fn introduce(tenant: &Tenant) {
    println!("Base URL       {}", tenant.base_url());
    println!("MFA audience   {}", tenant.mfa_audience());
    println!("Client id      {}", tenant.client_id());
    println!("Client secret  {}", tenant.client_secret());
    for email in tenant.users() {
        println!("User           {email}");
        if let Some(password) = tenant.password(&email) {
            println!("  password     {password}");
        }
        if let Some(secret) = tenant.otp_secret(&email) {
            println!("  OTP secret   {secret}");
        }
        if let Some(code) = tenant.otp_code(&email) {
            println!("  code now     {code}");
        }
    }
    println!("Inbox          http://{}/inbox", tenant.address());
}

fn show(message: &Message) {
    let what = message.code.as_deref().unwrap_or("to be answered in the inbox");
    println!("{:?} for {}: {what}", message.kind, message.user);
}

/// Waits for an interrupt (Ctrl-C) or, as container runtimes send it, a termination.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}
