//! What a function is told by its environment.
//!
//! Everything is read once, at init, by [`Config::from_env`]; nothing else in this crate looks at the
//! environment. All that is missing or malformed is reported together, so that a first deployment is
//! corrected in one round and not in seven.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

/// The settings of both functions. Their names, defaults and meanings are the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) auth0: Auth0Config,
    pub(crate) session: SessionConfig,
    pub(crate) cookie: CookieConfig,
    /// `ALLOWED_ORIGINS`: what `Origin` may be, besides the functions' own.
    pub(crate) allowed_origins: Vec<String>,
    /// `CLIENT_IP_SOURCE`.
    pub(crate) client_ip_source: ClientIpSource,
    /// `MFA_POLICY`.
    pub(crate) mfa_policy: MfaPolicy,
    /// `STEP_UP_SCOPES`; empty when step-up is off.
    pub(crate) step_up_scopes: Vec<String>,
}

/// The tenant and the application in it.
#[derive(Clone, Debug)]
pub(crate) struct Auth0Config {
    /// Scheme, host and port, without a slash at the end: `https://tenant.eu.auth0.com`.
    pub(crate) origin: String,
    pub(crate) client_id: String,
    /// `AUTH0_CLIENT_SECRET_ID`: name or ARN of the secret in Secrets Manager.
    pub(crate) client_secret_id: String,
    pub(crate) secret_cache: Duration,
    /// `AUTH0_CONNECTION`: the realm of the password-realm grant.
    pub(crate) connection: String,
    pub(crate) audience: String,
    pub(crate) scope: String,
}

/// `SESSION_TABLE` and the limits of a session.
#[derive(Clone, Debug)]
pub(crate) struct SessionConfig {
    pub(crate) table: String,
    pub(crate) pending_ttl: Duration,
    pub(crate) signed_in_ttl: Duration,
    /// Wrong codes that a session may cost, the last one ending it.
    pub(crate) max_attempts: u32,
}

/// How the session cookie is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CookieConfig {
    pub(crate) same_site: SameSite,
    /// `COOKIE_INSECURE`: no `__Host-` prefix and no `Secure`, for plain HTTP on loopback.
    pub(crate) insecure: bool,
}

/// `COOKIE_SAME_SITE` (RFC 6265bis, section 4.1.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SameSite {
    Strict,
    Lax,
    None,
}

/// `MFA_POLICY`: what to do with tokens that Auth0 gives to a sign-in without asking for a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MfaPolicy {
    /// Drop them and answer `mfa_not_enforced`.
    Required,
    /// Pass them on.
    Optional,
}

/// `CLIENT_IP_SOURCE`: where the address for `auth0-forwarded-for` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientIpSource {
    /// The source IP that API Gateway saw.
    RequestContext,
    /// The Nth entry of `X-Forwarded-For`, counted from the right and from 1: what a proxy that the
    /// operator trusts has written there.
    ForwardedFor(usize),
}

/// Everything that is wrong with the environment, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<String>,
}

impl ConfigError {
    /// Each fault as a sentence.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment is not usable: {}", self.faults.join("; "))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the settings through `var`, which returns the value of an environment variable.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut vars = Vars { var, faults: Vec::new() };

        let domain = vars.required("AUTH0_DOMAIN").map(|domain| domain.to_ascii_lowercase());
        if let Some(domain) = &domain
            && !is_bare_host(domain)
        {
            vars.fault("AUTH0_DOMAIN must be a bare host like tenant.eu.auth0.com, without scheme, port or path");
        }
        let domain = domain.unwrap_or_default();
        let origin = match vars.text("AUTH0_BASE_URL") {
            None => format!("https://{domain}"),
            Some(base_url) => base_origin(&base_url).unwrap_or_else(|fault| {
                vars.fault(fault);
                String::new()
            }),
        };
        let auth0 = Auth0Config {
            client_id: vars.required("AUTH0_CLIENT_ID").unwrap_or_default(),
            client_secret_id: vars.required("AUTH0_CLIENT_SECRET_ID").unwrap_or_default(),
            secret_cache: Duration::from_secs(vars.number("SECRET_CACHE_SECONDS", 300, 0..=86_400)),
            connection: vars.text("AUTH0_CONNECTION").unwrap_or_else(|| "Username-Password-Authentication".into()),
            audience: vars.text("AUTH0_AUDIENCE").unwrap_or_else(|| format!("https://{domain}/mfa/")),
            scope: normal_scope(&vars.text("AUTH0_SCOPE").unwrap_or_else(|| "openid profile email".into())),
            origin,
        };

        let session = SessionConfig {
            table: vars.required("SESSION_TABLE").unwrap_or_default(),
            pending_ttl: Duration::from_secs(vars.number("PENDING_TTL_SECONDS", 300, 1..=3_600)),
            signed_in_ttl: Duration::from_secs(vars.number("SESSION_TTL_SECONDS", 28_800, 1..=2_592_000)),
            max_attempts: u32::try_from(vars.number("MAX_ATTEMPTS", 5, 1..=100)).unwrap_or(5),
        };

        let cookie = CookieConfig {
            same_site: vars
                .choice(
                    "COOKIE_SAME_SITE",
                    &[("Strict", SameSite::Strict), ("Lax", SameSite::Lax), ("None", SameSite::None)],
                )
                .unwrap_or(SameSite::Strict),
            insecure: vars.choice("COOKIE_INSECURE", &[("true", true), ("false", false)]).unwrap_or(false),
        };
        if cookie.insecure && !is_loopback_url(&auth0.origin) {
            vars.fault("COOKIE_INSECURE=true is for local work: it needs an AUTH0_BASE_URL on a loopback address");
        }
        if cookie.insecure && cookie.same_site == SameSite::None {
            vars.fault("COOKIE_SAME_SITE=None needs a Secure cookie: browsers drop it with COOKIE_INSECURE=true");
        }

        let mut allowed_origins = Vec::new();
        for origin in vars.text("ALLOWED_ORIGINS").unwrap_or_default().split(',').map(str::trim) {
            match origin {
                "" => {}
                origin if is_origin(origin) => allowed_origins.push(origin.to_owned()),
                _ => vars.fault(
                    "ALLOWED_ORIGINS must be exact origins like https://app.example.com, separated by commas, \
                     in lower case and without a slash at the end",
                ),
            }
        }

        let client_ip_source = vars.parsed("CLIENT_IP_SOURCE").unwrap_or(ClientIpSource::RequestContext);
        let mfa_policy = vars
            .choice("MFA_POLICY", &[("required", MfaPolicy::Required), ("optional", MfaPolicy::Optional)])
            .unwrap_or(MfaPolicy::Required);

        let step_up_scopes: Vec<String> =
            vars.text("STEP_UP_SCOPES").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
        if !step_up_scopes.is_empty() {
            for needed in ["openid", "offline_access"] {
                if !has_scope(&auth0.scope, needed) {
                    vars.fault(format!("STEP_UP_SCOPES needs {needed} in AUTH0_SCOPE"));
                }
            }
        }

        if vars.faults.is_empty() {
            Ok(Self { auth0, session, cookie, allowed_origins, client_ip_source, mfa_policy, step_up_scopes })
        } else {
            Err(ConfigError { faults: vars.faults })
        }
    }
}

/// Whether the space-separated `scope` (RFC 6749, section 3.3) contains `wanted`.
pub(crate) fn has_scope(scope: &str, wanted: &str) -> bool {
    scope.split_ascii_whitespace().any(|one| one == wanted)
}

fn normal_scope(scope: &str) -> String {
    scope.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads variables and remembers what was wrong with them.
struct Vars<F> {
    var: F,
    faults: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Vars<F> {
    fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    /// The trimmed value; an empty one counts as absent, as deployment templates like to set them.
    fn text(&self, name: &str) -> Option<String> {
        (self.var)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn required(&mut self, name: &str) -> Option<String> {
        let value = self.text(name);
        if value.is_none() {
            self.fault(format!("{name} is missing"));
        }
        value
    }

    fn number(&mut self, name: &str, default: u64, range: std::ops::RangeInclusive<u64>) -> u64 {
        let Some(value) = self.text(name) else { return default };
        match value.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.fault(format!("{name} must be a whole number from {} to {}", range.start(), range.end()));
                default
            }
        }
    }

    fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let value = self.text(name)?;
        let found = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(&value)).map(|(_, choice)| *choice);
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(format!("{name} must be one of: {}", words.join(", ")));
        }
        found
    }

    fn parsed<T: FromStr<Err = String>>(&mut self, name: &str) -> Option<T> {
        match self.text(name)?.parse() {
            Ok(value) => Some(value),
            Err(fault) => {
                self.fault(fault);
                None
            }
        }
    }
}

impl FromStr for ClientIpSource {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        if value == "request-context" {
            return Ok(Self::RequestContext);
        }
        match value.strip_prefix("x-forwarded-for:").map(str::parse) {
            Some(Ok(n)) if n > 0 => Ok(Self::ForwardedFor(n)),
            _ => Err("CLIENT_IP_SOURCE must be request-context or x-forwarded-for:N, N counted from the right \
                      and from 1"
                .to_owned()),
        }
    }
}

fn is_bare_host(host: &str) -> bool {
    Url::parse(&format!("https://{host}/"))
        .is_ok_and(|url| url.host_str() == Some(host) && url.port().is_none() && url.path() == "/")
        && !host.contains(['/', '?', '#', '@', ':'])
}

/// `AUTH0_BASE_URL` as an origin: https, or http on a loopback address; no path, query or user.
fn base_origin(base_url: &str) -> Result<String, String> {
    let fault = |what: &str| Err(format!("AUTH0_BASE_URL {what}"));
    let Ok(url) = Url::parse(base_url) else {
        return fault("must be an origin like https://tenant.eu.auth0.com");
    };
    if url.host_str().is_none_or(str::is_empty)
        || !matches!(url.path(), "" | "/")
        || url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return fault("must be an origin: scheme, host and port, without path, query or user");
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        _ => return fault("must be https; http is for loopback addresses alone"),
    }
    Ok(url.origin().ascii_serialization())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

fn is_loopback_url(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| is_loopback(&url))
}

/// Whether `origin` is what a browser would send in `Origin` (RFC 6454, section 6.1).
fn is_origin(origin: &str) -> bool {
    Url::parse(origin)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == origin)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A complete environment; a test adds what it is about, and takes out what is `""`.
    pub(crate) fn config(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let needed = [
            ("AUTH0_DOMAIN", "tenant.eu.auth0.com"),
            ("AUTH0_CLIENT_ID", "client"),
            ("AUTH0_CLIENT_SECRET_ID", "auth0"),
            ("SESSION_TABLE", "sessions"),
        ];
        Config::from_env(|name| {
            let change = changes.iter().find(|(variable, _)| *variable == name);
            change.or_else(|| needed.iter().find(|(known, _)| *known == name)).map(|(_, value)| (*value).to_owned())
        })
    }

    fn faults(changes: &[(&str, &str)]) -> Vec<String> {
        config(changes).expect_err("refused").faults
    }

    #[test]
    fn four_variables_are_enough_and_the_rest_has_the_documented_defaults() {
        let config = config(&[]).unwrap();
        assert_eq!(config.auth0.origin, "https://tenant.eu.auth0.com");
        assert_eq!(config.auth0.connection, "Username-Password-Authentication");
        assert_eq!(config.auth0.audience, "https://tenant.eu.auth0.com/mfa/");
        assert_eq!(config.auth0.scope, "openid profile email");
        assert_eq!(config.auth0.secret_cache, Duration::from_mins(5));
        assert_eq!(config.session.pending_ttl, Duration::from_mins(5));
        assert_eq!(config.session.signed_in_ttl, Duration::from_hours(8));
        assert_eq!(config.session.max_attempts, 5);
        assert_eq!(config.cookie.same_site, SameSite::Strict);
        assert!(!config.cookie.insecure);
        assert_eq!(config.allowed_origins, Vec::<String>::new());
        assert_eq!(config.client_ip_source, ClientIpSource::RequestContext);
        assert_eq!(config.mfa_policy, MfaPolicy::Required);
        assert_eq!(config.step_up_scopes, Vec::<String>::new());
    }

    #[test]
    fn all_that_is_missing_or_wrong_is_named_at_once() {
        let error = Config::from_env(|name| (name == "MAX_ATTEMPTS").then(|| "many".into())).unwrap_err().to_string();
        for name in ["AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET_ID", "SESSION_TABLE", "MAX_ATTEMPTS"] {
            assert!(error.contains(name), "{name} is not in: {error}");
        }
    }

    #[test]
    fn an_empty_value_counts_as_absent() {
        assert_eq!(config(&[("AUTH0_CONNECTION", " ")]).unwrap().auth0.connection, "Username-Password-Authentication");
        assert_eq!(faults(&[("SESSION_TABLE", "")]), ["SESSION_TABLE is missing"]);
    }

    #[test]
    fn the_domain_is_a_bare_host() {
        for domain in ["https://t.auth0.com", "t.auth0.com/", "t.auth0.com:443", "user@t.auth0.com", "t auth0"] {
            assert_eq!(faults(&[("AUTH0_DOMAIN", domain)]).len(), 1, "{domain}");
        }
        assert_eq!(config(&[("AUTH0_DOMAIN", "T.Auth0.com")]).unwrap().auth0.origin, "https://t.auth0.com");
    }

    #[test]
    fn the_base_url_is_https_unless_it_is_loopback() {
        let origin = |base: &str| config(&[("AUTH0_BASE_URL", base)]).map(|config| config.auth0.origin);
        assert_eq!(origin("https://login.example.com/").unwrap(), "https://login.example.com");
        assert_eq!(origin("http://127.0.0.1:3001").unwrap(), "http://127.0.0.1:3001");
        assert_eq!(origin("http://localhost:3001").unwrap(), "http://localhost:3001");
        assert_eq!(origin("http://[::1]:3001").unwrap(), "http://[::1]:3001");
        for base in [
            "http://example.com",
            "http://10.0.0.1",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://example.com/base",
            "https://user@example.com",
            "https://example.com/?q",
            "example.com",
        ] {
            assert!(origin(base).is_err(), "{base}");
        }
    }

    #[test]
    fn an_insecure_cookie_is_refused_unless_auth0_is_on_loopback() {
        assert_eq!(faults(&[("COOKIE_INSECURE", "true")]).len(), 1);
        let local = ("AUTH0_BASE_URL", "http://127.0.0.1:3001");
        assert!(config(&[("COOKIE_INSECURE", "true"), local]).unwrap().cookie.insecure);
        assert_eq!(faults(&[("COOKIE_INSECURE", "true"), ("COOKIE_SAME_SITE", "None"), local]).len(), 1);
    }

    #[test]
    fn allowed_origins_are_exact() {
        let allowed = |origins: &str| config(&[("ALLOWED_ORIGINS", origins)]).map(|config| config.allowed_origins);
        assert_eq!(
            allowed("https://app.example.com, http://localhost:5173").unwrap(),
            ["https://app.example.com", "http://localhost:5173"]
        );
        for origins in ["*", "https://app.example.com/", "app.example.com", "https://App.example.com", "null"] {
            assert!(allowed(origins).is_err(), "{origins}");
        }
    }

    #[test]
    fn the_client_ip_source_is_the_request_context_or_a_place_from_the_right() {
        let source = |source: &str| config(&[("CLIENT_IP_SOURCE", source)]).map(|config| config.client_ip_source);
        assert_eq!(source("x-forwarded-for:2").unwrap(), ClientIpSource::ForwardedFor(2));
        for wrong in ["x-forwarded-for", "x-forwarded-for:0", "x-forwarded-for:-1", "x-real-ip"] {
            assert!(source(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn step_up_needs_openid_and_offline_access() {
        let scopes = ("STEP_UP_SCOPES", "transfer:funds");
        assert_eq!(faults(&[scopes, ("AUTH0_SCOPE", "profile")]).len(), 2);
        assert_eq!(
            config(&[scopes, ("AUTH0_SCOPE", "openid  offline_access")]).unwrap().auth0.scope,
            "openid offline_access"
        );
    }

    #[test]
    fn numbers_have_bounds() {
        for (name, value) in [
            ("MAX_ATTEMPTS", "0"),
            ("PENDING_TTL_SECONDS", "0"),
            ("SESSION_TTL_SECONDS", "-1"),
            ("MAX_ATTEMPTS", "1e3"),
        ] {
            assert_eq!(faults(&[(name, value)]).len(), 1, "{name}={value}");
        }
    }
}
