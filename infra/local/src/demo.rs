//! What `cargo dev` has beyond the functions' defaults: users with every kind of factor, sessions, step-up.

use auth0_tenant::{Factor, Policy, Settings, User};

use crate::stack::{TENANT_NAME, user};
use crate::transfers;

/// The scope that only a fresh second factor gives.
pub const STEP_UP_SCOPE: &str = transfers::SCOPE;

/// The functions' settings: a session that outlives the sign-in, and a step-up for transfers.
pub const SETTINGS: [(&str, &str); 2] =
    [("AUTH0_SCOPE", "openid profile email offline_access"), ("STEP_UP_SCOPES", STEP_UP_SCOPE)];

/// Users besides [`user`], each with the second factor that is to be tried with it. All have its password.
pub const USERS: [(&str, &str); 6] = [
    ("sam@example.com", "text message, or a call"),
    ("mel@example.com", "e-mail"),
    ("pat@example.com", "push, or the app’s code"),
    ("rae@example.com", "text message, e-mail, or the recovery code RAEFRANKLINSRECOVERY2024"),
    ("cleo@example.com", "text message, and then e-mail"),
    ("nia@example.com", "none yet: one is enrolled"),
];

/// The tenant with these users; it asks for a second factor with every password and for [`STEP_UP_SCOPE`].
pub(crate) fn tenant(tenant: auth0_tenant::Builder) -> auth0_tenant::Builder {
    let [sam, mel, pat, rae, cleo, nia] = USERS.map(|(email, _)| User::new(email, user::PASSWORD));
    tenant
        .settings(Settings {
            tenant_name: TENANT_NAME.to_owned(),
            policy: Policy::AlwaysExceptRefresh,
            step_up_scopes: vec![STEP_UP_SCOPE.to_owned()],
            ..Settings::default()
        })
        .user(sam.name("Sam Hopper").sms("+4915123456701"))
        .user(mel.name("Mel Turing").email_factor())
        .user(pat.name("Pat Noether").push("Pat’s phone"))
        .user(rae.name("Rae Franklin").sms("+4915123456704").email_factor().recovery_code("RAEFRANKLINSRECOVERY2024"))
        .user(cleo.name("Cleo Bell").sms("+4915123456705").email_factor().chain([[Factor::Sms], [Factor::Email]]))
        .user(nia.name("Nia Curie"))
}
