//! What the terminal shows, and how it ends the stack.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use auth0_tenant::{Factor, Login, Message, MessageKind, Protocol, Verdict};
use local::{Stack, demo, user};
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep};

/// How long codes are shown for one sign-in: as long as the functions keep it.
const PATIENCE: Duration = Duration::from_mins(5);

/// `NAME=value` lines that `cargo lambda watch --env-file` and a shell read alike. A value is in single
/// quotes only where it needs them.
pub(crate) fn print_environment(environment: &BTreeMap<String, String>) {
    let mut lines = String::new();
    for (name, value) in environment {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,@+%".contains(&byte);
        let quote = if !value.is_empty() && value.bytes().all(plain) { "" } else { "'" };
        let _ = writeln!(lines, "{name}={quote}{value}{quote}");
    }
    print(&lines);
}

/// Everything that a person needs to sign in.
pub(crate) fn print_welcome(stack: &Stack) {
    let uri = stack.tenant().otp_uri(user::EMAIL).unwrap_or_default();
    let mut welcome = String::from("\n");
    for (name, value) in [
        ("Page", stack.page_url().as_str()),
        ("E-mail", user::EMAIL),
        ("Password", user::PASSWORD),
        ("TOTP secret", user::TOTP_SECRET),
        ("as a link", &uri),
    ] {
        line(&mut welcome, name, value);
    }
    let _ = writeln!(welcome, "\n{}", qr_code(&uri, io::stdout().is_terminal()));
    let _ = writeln!(welcome, "  Scan it with an authenticator app, or take the codes that are shown here:\n");
    let _ = writeln!(welcome, "  Others, with the same password and another second factor:\n");
    for (email, factor) in demo::USERS {
        let _ = writeln!(welcome, "  {email:<18}{factor}");
    }
    let inbox = format!("{}/inbox", stack.page_url());
    let _ = writeln!(welcome, "\n  What is sent to them is shown here and at {inbox}\n");
    line(&mut welcome, "Code", &code(stack, user::EMAIL).unwrap_or_default());
    let _ = writeln!(welcome, "\n  A new one is shown whenever one is asked for. Ctrl-C ends the stack.\n");
    print(&welcome);
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<13}{value}");
}

/// The code that a user's authenticator app shows, if there is one.
fn code(stack: &Stack, email: &str) -> Option<String> {
    let code = stack.tenant().otp_code(email)?;
    let whose = if email == user::EMAIL { String::new() } else { format!(", {email}") };
    Some(format!("{code}  (for {} s{whose})", stack.otp_code().1.as_secs()))
}

/// What the tenant has sent to a user. A push is answered in the inbox.
pub(crate) fn print_message(message: &Message) {
    let (name, what) = match message.kind {
        MessageKind::Sms => ("SMS", message.code.as_deref()),
        MessageKind::Voice => ("Call", message.code.as_deref()),
        MessageKind::Email => ("Mail", message.code.as_deref()),
        MessageKind::Push => ("Push", Some("approve or refuse it in the inbox")),
        MessageKind::PushEnrollment => ("New device", Some("approving it in the inbox stands for the scan")),
    };
    let mut text = String::new();
    line(&mut text, name, &format!("{}  ({})", what.unwrap_or_default(), message.user));
    print(&text);
}

/// The QR code in half blocks, indented.
///
/// In a terminal the colours are said, black on white, so that it scans on a dark background too. What goes
/// elsewhere has no colours; there the light modules are drawn, as it would be read on a dark background.
fn qr_code(content: &str, coloured: bool) -> String {
    let Ok(code) = QrCode::with_error_correction_level(content, EcLevel::L) else {
        return String::new();
    };
    let (dark, light) = if coloured { (Dense1x2::Dark, Dense1x2::Light) } else { (Dense1x2::Light, Dense1x2::Dark) };
    let image = code.render::<Dense1x2>().quiet_zone(true).dark_color(dark).light_color(light).build();
    let (on, off) = if coloured { ("\x1b[38;2;0;0;0;48;2;255;255;255m", "\x1b[0m") } else { ("", "") };
    image.lines().fold(String::new(), |mut drawn, row| {
        let _ = writeln!(drawn, "  {on}{row}{off}");
        drawn
    })
}

/// Standard output may be closed, by `| head` for one; that is no reason to panic.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// What happened at the tenant.
enum Event {
    /// This user's password was right, or a step-up has begun: a code may be wanted.
    Asked(String),
    /// This user's factor was right.
    Passed(String),
}

/// Learns from the tenant when a code is wanted, by whichever way the functions are called.
#[derive(Clone)]
pub(crate) struct Watch(UnboundedSender<Event>);

/// Shows the codes that are wanted.
pub(crate) struct Codes(UnboundedReceiver<Event>);

pub(crate) fn codes() -> (Watch, Codes) {
    let (sender, receiver) = unbounded_channel();
    (Watch(sender), Codes(receiver))
}

impl Watch {
    /// A rule of the tenant that decides nothing.
    pub(crate) fn rule(&self, login: &Login) -> Verdict {
        // A renewal wants no code.
        let wants_scope = login.requested_scopes.iter().any(|scope| scope == demo::STEP_UP_SCOPE);
        if login.protocol == Protocol::RefreshToken && !wants_scope {
            return Verdict::Continue;
        }
        let email = login.email.clone();
        if login.methods.is_empty() {
            // Who has no factor yet may be about to enroll an app.
            if login.enrolled.is_empty() || login.enrolled.contains(&Factor::Otp) {
                let _ = self.0.send(Event::Asked(email));
            }
        } else {
            let _ = self.0.send(Event::Passed(email));
        }
        Verdict::Continue
    }
}

impl Codes {
    /// From a right password on, shows each new code until one was right. The tenant takes a code only
    /// once, so one that is used up is not shown again.
    pub(crate) async fn show(mut self, stack: &Stack) {
        let mut wanted: Option<(String, Instant)> = None;
        let mut used = None;
        loop {
            let (_, left) = stack.otp_code();
            tokio::select! {
                event = self.0.recv() => match event {
                    Some(Event::Asked(email)) => {
                        let current = stack.tenant().otp_code(&email);
                        if current.is_some() && current == used {
                            print_code(&format!("used up; the next one in {} s", left.as_secs()));
                        } else if let Some(shown) = code(stack, &email) {
                            print_code(&shown);
                        }
                        wanted = Some((email, Instant::now() + PATIENCE));
                    }
                    Some(Event::Passed(email)) => {
                        wanted = None;
                        used = stack.tenant().otp_code(&email);
                    }
                    None => return,
                },
                () = sleep(left), if wanted.is_some() => {
                    wanted = wanted.filter(|(_, until)| Instant::now() < *until);
                    if let Some(shown) = wanted.as_ref().and_then(|(email, _)| code(stack, email)) {
                        print_code(&shown);
                    }
                }
            }
        }
    }
}

fn print_code(shown: &str) {
    let mut text = String::new();
    line(&mut text, "Code", shown);
    print(&text);
}

/// Resolves at Ctrl-C and, on Unix, at SIGTERM.
pub(crate) async fn end_requested() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}
