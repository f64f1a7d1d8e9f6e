//! Strings that open something.
//!
//! One type for each kind, so that they cannot be mixed up; none of them shows its content in `Debug` or
//! `Display`, and none can be serialized: where one has to leave the process it is [`expose`]d by name, and
//! a reviewer finds all the places by searching for that word.
//!
//! [`expose`]: MfaToken::expose

use secrecy::{ExposeSecret, SecretString};

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub(crate) struct $name(SecretString);

        impl $name {
            pub(crate) fn expose(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self(value.into())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}

opaque! {
    /// Auth0's `mfa_token`: a passed first factor, and the key to all of `/mfa/`. Never leaves the server.
    MfaToken;
    /// Auth0's `oob_code`: names the message or push that a challenge sent. Never leaves the server.
    OobCode;
    /// Auth0's refresh token. Never leaves the server.
    RefreshToken;
    /// The application's secret.
    ClientSecret;
    /// An access or id token on its way to the page.
    Token;
    /// What a person types or is shown: a password, a code, a recovery code, an enrollment's secret.
    Private;
}
