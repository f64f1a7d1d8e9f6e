//! What the functions talk to, on loopback: Auth0, DynamoDB and Secrets Manager, each on a port of its own, over plain
//! HTTP or TLS, at once or after a delay. They count what they are asked and note when.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::http::{Connection, Request};
use crate::table::Table;

pub(crate) const CLIENT_ID: &str = "bench0000000000000000000000000000";
const CLIENT_SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ-";

/// Headers that Auth0 answers with, in number and length as it does.
const AUTH0_HEADERS: &str = "date: Tue, 24 Nov 2026 08:31:57 GMT\r\n\
    content-type: application/json\r\n\
    connection: keep-alive\r\n\
    cf-ray: 9a3b1c2d4e5f6071-FRA\r\n\
    cf-cache-status: DYNAMIC\r\n\
    cache-control: no-store\r\n\
    strict-transport-security: max-age=31536000; includeSubDomains\r\n\
    vary: Accept-Encoding\r\n\
    pragma: no-cache\r\n\
    x-auth0-requestid: 5b2f0c1d9e8a7f6b5c4d\r\n\
    x-content-type-options: nosniff\r\n\
    x-ratelimit-limit: 100\r\n\
    x-ratelimit-remaining: 99\r\n\
    x-ratelimit-reset: 1795509118\r\n\
    server: cloudflare\r\n";
const AWS_HEADERS: &str = "server: Server\r\n\
    date: Tue, 24 Nov 2026 08:31:57 GMT\r\n\
    content-type: application/x-amz-json-1.0\r\n\
    connection: keep-alive\r\n\
    x-amzn-requestid: 4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG\r\n";

/// Who was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upstream {
    Auth0,
    DynamoDb,
    SecretsManager,
}

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) upstream: Upstream,
    from: Instant,
    until: Instant,
}

/// All three, running until the process ends.
pub(crate) struct Upstreams {
    auth0: SocketAddr,
    dynamodb: SocketAddr,
    secrets_manager: SocketAddr,
    /// The file with the authority that their certificates are from; `None` over plain HTTP.
    authority: Option<PathBuf>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    delay_nanos: AtomicU64,
    connections: AtomicU64,
    asked: Mutex<Vec<Asked>>,
}

impl Upstreams {
    /// Over plain HTTP.
    pub(crate) fn plain() -> Result<Self, String> {
        Self::start(None).map_err(|fault| fault.to_string())
    }

    /// Over TLS; the authority's certificate is written to `folder`.
    pub(crate) fn tls(folder: &Path) -> Result<Self, String> {
        let authority = folder.join("authority.pem");
        let config = certify(&authority).map_err(|fault| format!("the certificates: {fault}"))?;
        Self::start(Some((Arc::new(config), authority))).map_err(|fault| fault.to_string())
    }

    fn start(tls: Option<(Arc<ServerConfig>, PathBuf)>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (config, authority) = tls.unzip();
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let serve = |listener: TcpListener, upstream, answer: Arc<dyn Fn(&Request) -> Reply + Send + Sync>| {
            let (shared, config) = (Arc::clone(&shared), config.clone());
            let address = listener.local_addr()?;
            thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    shared.connections.fetch_add(1, Ordering::Relaxed);
                    let (shared, config, answer) = (Arc::clone(&shared), config.clone(), Arc::clone(&answer));
                    // A connection that breaks is the function's loss, and shows in its answer.
                    thread::spawn(move || _ = shared.serve(stream, config, upstream, &*answer));
                }
            });
            Ok::<_, io::Error>(address)
        };
        let listener = listen()?;
        let scheme = if config.is_some() { "https" } else { "http" };
        let tenant = Tenant::new(&format!("{scheme}://{}", listener.local_addr()?));
        let auth0 = serve(listener, Upstream::Auth0, Arc::new(move |request| tenant.answer(request)))?;
        let table = Table::default();
        let dynamodb = serve(
            listen()?,
            Upstream::DynamoDb,
            Arc::new(move |request| {
                let target = request.header("x-amz-target").unwrap_or_default();
                let (status, body) = table.answer(target.rsplit('.').next().unwrap_or_default(), &request.body);
                Reply { status, headers: AWS_HEADERS, body }
            }),
        )?;
        let secrets_manager = serve(listen()?, Upstream::SecretsManager, Arc::new(|_| secret()))?;
        Ok(Self { auth0, dynamodb, secrets_manager, authority, shared })
    }

    /// From now on every reply comes so long after its request.
    pub(crate) fn delay(&self, delay: Duration) {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.shared.delay_nanos.store(nanos, Ordering::Relaxed);
    }

    /// How many connections were ever opened.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// What was asked since this was last called.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A round trip to Auth0 and back as the barest of clients sees it: a request out of memory, over a connection that is
    /// open, on a thread that waits for nothing else. What a round trip costs anybody is in it: the loopback, and the
    /// waking up of both ends.
    pub(crate) fn bare(&self) -> Result<Bare, String> {
        let stream = TcpStream::connect(self.auth0).map_err(|fault| fault.to_string())?;
        stream.set_nodelay(true).map_err(|fault| fault.to_string())?;
        Ok(Bare(stream))
    }

    /// What a function, or the peer, is told of them.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        let url = |address: SocketAddr| format!("{scheme}://{address}");
        let mut environment = vec![
            ("AUTH0_BASE_URL", url(self.auth0)),
            ("AWS_ENDPOINT_URL_DYNAMODB", url(self.dynamodb)),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url(self.secrets_manager)),
        ];
        if let Some(authority) = &self.authority {
            let path = authority.display().to_string();
            environment.extend([("SSL_CERT_FILE", path.clone()), ("NODE_EXTRA_CA_CERTS", path)]);
        }
        environment
    }
}

/// See [`Upstreams::bare`].
pub(crate) struct Bare(TcpStream);

impl Bare {
    pub(crate) fn trip(&mut self) -> Result<Duration, String> {
        const REQUEST: &[u8] = b"POST /mfa/challenge HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
        let from = Instant::now();
        let mut answer = [0; 4096];
        let fault = |fault: io::Error| fault.to_string();
        self.0.write_all(REQUEST).map_err(fault)?;
        // The stub answers in one write, and much less than this.
        let length = self.0.read(&mut answer).map_err(fault)?;
        let until = Instant::now();
        let is_whole = answer.get(..length).is_some_and(|answer| answer.ends_with(b"}"));
        if is_whole { Ok(until - from) } else { Err("a bare round trip: the answer is not whole".to_owned()) }
    }
}

/// How many of these had to wait for another one to be answered first, one after the other.
pub(crate) fn sequential(asked: &[Asked]) -> usize {
    let mut by_time = asked.to_vec();
    by_time.sort_by_key(|one| one.from);
    let mut chains: Vec<(Instant, usize)> = Vec::new();
    for one in by_time {
        let before = chains.iter().filter(|(until, _)| *until <= one.from).map(|(_, length)| *length).max();
        chains.push((one.until, before.unwrap_or(0) + 1));
    }
    chains.iter().map(|(_, length)| *length).max().unwrap_or(0)
}

impl Shared {
    fn serve(
        &self,
        stream: TcpStream,
        tls: Option<Arc<ServerConfig>>,
        upstream: Upstream,
        answer: &dyn Fn(&Request) -> Reply,
    ) -> io::Result<()> {
        stream.set_nodelay(true)?;
        match tls {
            None => self.answer_all(stream, upstream, answer),
            Some(config) => {
                let connection = ServerConnection::new(config).map_err(io::Error::other)?;
                self.answer_all(StreamOwned::new(connection, stream), upstream, answer)
            }
        }
    }

    fn answer_all(
        &self,
        stream: impl Read + Write,
        upstream: Upstream,
        answer: &dyn Fn(&Request) -> Reply,
    ) -> io::Result<()> {
        let mut connection = Connection::new(stream);
        while let Some(request) = connection.request()? {
            let from = Instant::now();
            let reply = answer(&request);
            let delay = Duration::from_nanos(self.delay_nanos.load(Ordering::Relaxed));
            thread::sleep(delay.saturating_sub(from.elapsed()));
            let asked = Asked { upstream, from, until: Instant::now() };
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
            connection.answer(reply.status, reply.headers, reply.body.as_bytes())?;
        }
        Ok(())
    }
}

struct Reply {
    status: u16,
    headers: &'static str,
    body: String,
}

/// Auth0's answers to a sign-in that succeeds, made once.
struct Tenant {
    mfa_required: String,
    tokens: String,
    discovery: String,
}

impl Tenant {
    fn new(origin: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let end = now + 36_000;
        let noise = |length: usize| -> String { "mB3x-9Qz_kP7".chars().cycle().take(length).collect() };
        // A sealed token is about 2 kB long, and so much larger than all else in the item.
        let (salt, iv, text, mac) = (noise(64), noise(22), noise(1_750), noise(43));
        let mfa_token = format!("Fe26.2*SERVER_{now}*{salt}*{iv}*{text}*{end}000*{salt}*{mac}");
        let jwt = |claims: Value| {
            let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
            let header = json!({"alg": "RS256", "typ": "JWT", "kid": noise(21)});
            format!("{}.{}.{}", part(header), part(claims), noise(342))
        };
        let (issuer, subject) = (format!("{origin}/"), "auth0|6924169d1f3b8a5c4e0d7296");
        let scope = "openid profile email";
        let id_token = jwt(json!({
            "nickname": "ada", "name": "ada@example.com", "picture": format!("https://s.gravatar.com/avatar/{}", noise(60)),
            "updated_at": "2026-11-24T08:31:57.000Z", "email": "ada@example.com", "email_verified": true,
            "iss": issuer, "aud": CLIENT_ID, "sub": subject, "iat": now, "exp": end, "sid": noise(32),
        }));
        let access_token = jwt(json!({
            "iss": issuer, "sub": subject, "aud": ["https://api.example.com", format!("{origin}/userinfo")],
            "iat": now, "exp": end, "scope": scope, "azp": CLIENT_ID,
        }));
        let url = |path: &str| format!("{origin}{path}");
        Self {
            mfa_required: json!({
                "error": "mfa_required", "error_description": "Multifactor authentication required", "mfa_token": mfa_token,
            })
            .to_string(),
            tokens: json!({
                "access_token": access_token, "id_token": id_token, "scope": scope, "expires_in": 86_400,
                "token_type": "Bearer",
            })
            .to_string(),
            discovery: json!({
                "issuer": issuer, "authorization_endpoint": url("/authorize"), "token_endpoint": url("/oauth/token"),
                "device_authorization_endpoint": url("/oauth/device/code"), "userinfo_endpoint": url("/userinfo"),
                "mfa_challenge_endpoint": url("/mfa/challenge"), "jwks_uri": url("/.well-known/jwks.json"),
                "registration_endpoint": url("/oidc/register"), "revocation_endpoint": url("/oauth/revoke"),
                "scopes_supported": ["openid", "profile", "offline_access", "name", "email", "address", "phone"],
                "response_types_supported": ["code", "token", "id_token", "code token", "code id_token"],
                "claims_supported": ["aud", "auth_time", "created_at", "email", "exp", "iat", "iss", "name", "sub"],
            })
            .to_string(),
        }
    }

    fn answer(&self, request: &Request) -> Reply {
        let form = String::from_utf8_lossy(&request.body);
        let (status, body) = match request.path.as_str() {
            "/oauth/token" if !form.contains(CLIENT_SECRET) => (401, r#"{"error":"access_denied"}"#),
            "/oauth/token" if form.contains("password-realm") => (403, self.mfa_required.as_str()),
            "/oauth/token" if form.contains("mfa-otp") => (200, self.tokens.as_str()),
            "/mfa/challenge" => (200, r#"{"challenge_type":"otp"}"#),
            "/.well-known/openid-configuration" => (200, self.discovery.as_str()),
            _ => (404, r#"{"error":"not_found"}"#),
        };
        Reply { status, headers: AUTH0_HEADERS, body: body.to_owned() }
    }
}

fn secret() -> Reply {
    let body = json!({
        "ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:auth0-AbCdEf", "Name": "auth0",
        "VersionId": "5048F57E-4A0C-4E5F-9F4B-6D4E2B1B3C0A", "SecretString": CLIENT_SECRET,
        "VersionStages": ["AWSCURRENT"], "CreatedDate": 1_795_509_117.042,
    });
    Reply { status: 200, headers: AWS_HEADERS, body: body.to_string() }
}

/// An authority, written to `path`, and a server's certificate from it for the loopback address.
fn certify(path: &Path) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let authority_key = rcgen::KeyPair::generate()?;
    let mut authority = rcgen::CertificateParams::new(Vec::new())?;
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    // A name of its own: a certificate whose issuer has its own name counts as self-signed with OpenSSL.
    authority.distinguished_name.push(rcgen::DnType::CommonName, "bench authority");
    let certificate = authority.self_signed(&authority_key)?;
    std::fs::write(path, certificate.pem())?;
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate()?;
    let server = rcgen::CertificateParams::new(vec![Ipv4Addr::LOCALHOST.to_string()])?.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![server.der().clone()], key)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_overlap_are_one_round_trip() {
        let start = Instant::now();
        let asked = |from, until| Asked {
            upstream: Upstream::Auth0,
            from: start + Duration::from_millis(from),
            until: start + Duration::from_millis(until),
        };
        assert_eq!(sequential(&[]), 0);
        assert_eq!(sequential(&[asked(0, 20), asked(21, 41), asked(22, 42)]), 2);
        assert_eq!(sequential(&[asked(21, 41), asked(0, 20), asked(41, 61)]), 3);
    }
}
