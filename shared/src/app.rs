//! A function from request to response: what is the same for both, around what each does.

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::FutureExt as _;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use lambda_http::{Body, Request, Response};

use crate::auth0::{self, Auth0};
use crate::aws::Aws;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::cookie::{self, Presented};
use crate::http::{Http, HttpError};
use crate::invocation::Invocation;
use crate::metrics::{Flow, Measured, Metrics};
use crate::origin::{self, Caller};
use crate::reply::{self, Answer, Error, Refused};
use crate::request::{Action, Code, MAX_BODY};
use crate::secret::Secret;
use crate::session::Store;

/// Both functions, set up: settings, clients, and the connections that init has opened.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) auth0: Auth0,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    metrics: Option<Metrics>,
    /// Until the first request.
    cold: AtomicBool,
}

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The environment is not complete.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// The settings, and the client for AWS and for Auth0 alike.
pub(crate) fn settings(var: &impl Fn(&str) -> Option<String>) -> Result<(Config, Http), StartError> {
    let config = Config::from_env(var)?;
    let http = Http::new(var("SSL_CERT_FILE").filter(|path| !path.is_empty()).as_deref())?;
    Ok((config, http))
}

/// Which of the two.
#[derive(Clone, Copy, Debug)]
enum Function {
    Authenticate,
    Verify,
}

impl Function {
    /// As the metrics name it.
    const fn name(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::Verify => "verify",
        }
    }

    const fn route(self) -> &'static str {
        match self {
            Self::Authenticate => "/api/mfa/authenticate",
            Self::Verify => "/api/mfa/verify",
        }
    }

    /// `Allow` (RFC 9110, section 10.2.1).
    const fn allow(self) -> &'static str {
        match self {
            Self::Authenticate => "GET, POST, DELETE, OPTIONS",
            Self::Verify => "POST, OPTIONS",
        }
    }
}

/// One request on its way through a function.
pub(crate) struct Call<'a> {
    pub(crate) invocation: &'a Invocation,
    pub(crate) session: Presented,
}

impl Call<'_> {
    /// Says what the request is part of, for the metrics.
    pub(crate) fn is_part_of(&self, flow: Flow) {
        _ = self.invocation.flow.set(flow);
    }
}

impl App {
    /// Sets everything up from the environment, read through `var`: the README's variables, and AWS's own.
    ///
    /// Opens the connections to Auth0 and DynamoDB and reads the client secret, all at once. What cannot be
    /// reached now is no error: it is tried again when a request needs it, and that request's answer says so.
    pub async fn from_env(var: impl Fn(&str) -> Option<String>, clock: Clock) -> Result<Self, StartError> {
        let (config, http) = settings(&var)?;
        let aws = Aws::from_env(&var, &http);
        let invocation = Invocation::init();
        let session = &config.session;
        // Each is begun before the next one's client is made. Auth0 is the farthest, and first.
        let (auth0_connected, (secret, secret_read), dynamodb_connected, store) = futures_util::future::join4(
            auth0::connect(&http, &config.auth0, &invocation),
            async {
                let secret = Secret::of(&config.auth0, aws.secrets_manager(), clock.clone());
                let read = secret.get().await;
                (secret, read)
            },
            aws.connect_to_dynamodb(&http),
            async { Store::new(aws.dynamodb(), session.table.clone(), session.max_attempts, clock.clone()) },
        )
        .await;
        for fault in [
            secret_read.err().map(|fault| fault.to_string()),
            auth0_connected.err().map(|fault| fault.to_string()),
            dynamodb_connected.err().map(|fault| fault.to_string()),
        ]
        .into_iter()
        .flatten()
        {
            tracing::warn!(detail = fault, "not ready at init; it is tried again when a request needs it");
        }
        let auth0 = Auth0::new(http, config.auth0.clone(), secret, clock.clone());
        Ok(Self { config, auth0, store, clock, metrics: None, cold: AtomicBool::new(true) })
    }

    /// Writes a line of metrics for each request to `writer`: on Lambda, standard output.
    #[must_use]
    pub fn with_metrics(mut self, writer: impl Write + Send + 'static) -> Self {
        self.metrics = Some(Metrics::new(writer));
        self
    }

    /// `/api/mfa/authenticate`.
    pub async fn authenticate(&self, request: Request) -> Response<Body> {
        self.answer(Function::Authenticate, request).await
    }

    /// `/api/mfa/verify`.
    pub async fn verify(&self, request: Request) -> Response<Body> {
        self.answer(Function::Verify, request).await
    }

    /// Answers a request, whatever happens: in time, with the headers that every answer has, and one line in
    /// the log.
    async fn answer(&self, function: Function, request: Request) -> Response<Body> {
        let started = Instant::now();
        let cold_start = self.cold.swap(false, Ordering::Relaxed);
        let invocation = Invocation::of(&request, self.config.client_ip_source);
        let caller = origin::judge(&self.config.allowed_origins, request.headers());

        let result = if caller == Caller::Foreign {
            Err(Error::OriginNotAllowed.into())
        } else if request.method() == Method::OPTIONS {
            return reply::preflight(function.allow(), &caller);
        } else {
            // A bug must not take the process down, nor leave the page without an answer.
            let handled = AssertUnwindSafe(Box::pin(self.handle(function, &invocation, &request))).catch_unwind();
            match tokio::time::timeout_at(invocation.deadline.instant(), handled).await {
                Ok(Ok(result)) => result,
                Ok(Err(_panic)) => Err(Error::Internal { detail: "a panic; the line before says where".into() }.into()),
                Err(_elapsed) => Err(Error::UpstreamTimeout { detail: "the request took too long".into() }.into()),
            }
        };

        let response = reply::respond(&result, &invocation.request_id, self.config.cookie, &caller);
        let outcome = result.as_ref().map_or_else(|refused| refused.error.code().1, |_| "ok");
        crate::log::request(&crate::log::Line {
            invocation: &invocation,
            route: function.route(),
            outcome,
            status: response.status().as_u16(),
            duration: started.elapsed(),
            cold_start,
            detail: result.as_ref().err().and_then(|refused| refused.error.detail()),
        });
        if let Some(metrics) = &self.metrics {
            metrics.record(&Measured {
                function: function.name(),
                outcome: result.as_ref().map_or(outcome, |answer| answer.content.outcome()),
                flow: invocation.flow.get().copied(),
                auth0: invocation.auth0_time(),
                clock: &self.clock,
            });
        }
        response
    }

    async fn handle(&self, function: Function, invocation: &Invocation, request: &Request) -> Result<Answer, Refused> {
        let call = Call { invocation, session: cookie::read(self.config.cookie, request.headers()) };
        let named = |action: &'static str| _ = invocation.action.set(action);
        match (function, request.method()) {
            (Function::Authenticate, &Method::GET) => {
                named("status");
                self.status(&call).await
            }
            (Function::Authenticate, &Method::DELETE) => {
                named("sign_out");
                self.sign_out(&call).await
            }
            (Function::Authenticate, &Method::POST) => {
                let action = Action::parse(body(request)?).map_err(Error::from)?;
                named(action.name());
                self.act(&call, action).await
            }
            (Function::Verify, &Method::POST) => {
                let code = Code::parse(body(request)?).map_err(Error::from)?;
                named(code.name());
                self.check(&call, code).await
            }
            _ => Err(Error::MethodNotAllowed { allow: function.allow() }.into()),
        }
    }
}

/// The body, if it is JSON by its type and not too large.
fn body(request: &Request) -> Result<&[u8], Error> {
    if !is_json(request.headers()) {
        return Err(Error::UnsupportedMediaType);
    }
    let body: &[u8] = request.body().as_ref();
    if body.len() > MAX_BODY { Err(Error::PayloadTooLarge) } else { Ok(body) }
}

/// Exactly one content type, `application/json`, with whatever parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else { return false };
    let essence = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ClientIpSource, CookieConfig, SameSite};

    fn event(json: &str) -> Request {
        lambda_http::request::from_str(json).unwrap()
    }

    /// Sign-ins as the gateways deliver them: HTTP API, REST API, Function URL.
    #[test]
    fn a_sign_in_reads_the_same_whichever_gateway_it_comes_through() {
        for json in [
            include_str!("../../tests/events/http-api-sign-in.json"),
            include_str!("../../tests/events/http-api-sign-in-base64.json"),
            include_str!("../../tests/events/rest-api-sign-in.json"),
            include_str!("../../tests/events/function-url-sign-in.json"),
        ] {
            let request = event(json);
            let Ok(Action::SignIn(sign_in)) = Action::parse(body(&request).unwrap()) else {
                panic!("no sign-in: {json}")
            };
            assert_eq!(sign_in.username.expose(), "ada@example.com");
            let invocation = Invocation::of(&request, ClientIpSource::RequestContext);
            assert_eq!(invocation.client_ip, Some("203.0.113.24".parse().unwrap()));
            assert_eq!(origin::judge(&[], request.headers()), Caller::SameOrigin);
            assert_eq!(request.method(), Method::POST);
        }
    }

    #[test]
    fn the_session_is_found_in_an_event_with_cookies_joined_or_apart() {
        let json = include_str!("../../tests/events/http-api-verify.json");
        let config = CookieConfig { same_site: SameSite::Strict, insecure: false };
        let read = |json: &str| cookie::read(config, event(json).headers());
        assert!(matches!(read(json), Presented::Session(_)));
        // A Function URL repeats them as a header; REST has nothing but the header, in whatever case.
        let mut event: serde_json::Value = serde_json::from_str(json).unwrap();
        event["headers"]["cookie"] = event["cookies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c.as_str().unwrap())
            .collect::<Vec<_>>()
            .join("; ")
            .into();
        assert!(matches!(read(&event.to_string()), Presented::Session(_)));
        let mut rest: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/events/rest-api-sign-in.json")).unwrap();
        let cookie = event["headers"]["cookie"].clone();
        rest["headers"]["Cookie"] = cookie.clone();
        rest["multiValueHeaders"]["Cookie"] = serde_json::json!([cookie]);
        assert!(matches!(read(&rest.to_string()), Presented::Session(_)));
    }

    #[test]
    fn only_one_json_content_type_counts_as_json() {
        let judge = |types: &[&str]| is_json(&types.iter().map(|t| (CONTENT_TYPE, t.parse().unwrap())).collect());
        assert!(judge(&["application/json"]));
        assert!(judge(&["Application/JSON; charset=utf-8"]));
        for types in [
            &[][..],
            &["text/plain"],
            &["application/x-www-form-urlencoded"],
            &["multipart/form-data; boundary=application/json"],
            &["text/plain; application/json"],
            &["application/json, text/plain"],
            &["application/jsonp"],
            &["application/json", "text/plain"],
        ] {
            assert!(!judge(types), "{types:?}");
        }
    }
}
