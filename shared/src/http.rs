//! The one HTTP stack: a single client, for Auth0 and for AWS alike.
//!
//! The AWS SDK takes its HTTP client as a parameter, and [`Http`] is one. So there is one connection
//! pool, one TLS configuration and one set of roots in the process, loaded once; an SDK with its own
//! stack would double all of that, in memory and in the time of a cold start.
//!
//! The roots are compiled in (Mozilla's, through `webpki-roots`): reading the machine's store costs
//! milliseconds at every cold start and the store on Lambda is no better. `SSL_CERT_FILE` replaces them,
//! for an operator whose traffic passes a private CA.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// How long opening a connection may take, TLS included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an unused connection is kept. Shorter than what load balancers do on their side, so that a
/// request does not meet a connection that was closed a moment before.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// A shared HTTP client: cheap to clone, all clones use one pool.
#[derive(Clone)]
pub(crate) struct Http(reqwest::Client);

/// `SSL_CERT_FILE` cannot be used, or the TLS library refuses the configuration.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The file is not there, not readable, or not PEM.
    #[error("SSL_CERT_FILE {path} cannot be read as PEM certificates: {fault}")]
    Roots {
        /// The value of the variable.
        path: String,
        /// What the reader says.
        fault: String,
    },
    /// Not to be expected: a bug in the combination of crates.
    #[error("the HTTP client cannot be built: {0}")]
    Client(String),
}

impl Http {
    /// Builds the client. `ssl_cert_file` is the value of `SSL_CERT_FILE`, if set.
    pub(crate) fn new(ssl_cert_file: Option<&str>) -> Result<Self, HttpError> {
        let client_fault = |fault: &dyn fmt::Display| HttpError::Client(fault.to_string());
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|fault| client_fault(&fault))?
            .with_root_certificates(roots(ssl_cert_file)?)
            .with_no_client_auth();
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .tcp_nodelay(true)
            .build()
            .map(Self)
            .map_err(|fault| client_fault(&fault))
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.0
    }
}

fn roots(ssl_cert_file: Option<&str>) -> Result<RootCertStore, HttpError> {
    let Some(path) = ssl_cert_file else {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    };
    let fault = |fault: &dyn fmt::Display| HttpError::Roots { path: path.to_owned(), fault: fault.to_string() };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fault(&error))? {
        store.add(certificate.map_err(|error| fault(&error))?).map_err(|error| fault(&error))?;
    }
    if store.is_empty() { Err(fault(&"it holds no certificate")) } else { Ok(store) }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl HttpClient for Http {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            // The operations used here have their whole body in memory; a streaming one has no bytes.
            let (parts, body) = request.into_parts();
            let body = body.bytes().ok_or_else(|| ConnectorError::user("streaming bodies are not supported".into()))?;
            let request = http::Request::from_parts(parts, body.to_vec());
            let request = reqwest::Request::try_from(request).map_err(|error| ConnectorError::user(error.into()))?;

            let response = client.execute(request).await.map_err(connector_error)?;
            let mut reply = http::Response::builder().status(response.status());
            if let Some(headers) = reply.headers_mut() {
                headers.clone_from(response.headers());
            }
            let body = response.bytes().await.map_err(connector_error)?;
            let reply = reply.body(SdkBody::from(body)).map_err(|error| ConnectorError::other(error.into(), None))?;
            HttpResponse::try_from(reply).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn connector_error(error: reqwest::Error) -> ConnectorError {
    let never_connected = error.is_connect();
    // The URL is the operator's own endpoint; still, nothing is said that need not be.
    let error = error.without_url();
    let error =
        if error.is_timeout() { ConnectorError::timeout(error.into()) } else { ConnectorError::io(error.into()) };
    if never_connected { error.never_connected() } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_roots_make_a_client() {
        assert!(Http::new(None).is_ok());
    }

    #[test]
    fn a_certificate_file_that_is_missing_or_holds_none_is_named() {
        let missing = Http::new(Some("/nonexistent/ca.pem")).unwrap_err().to_string();
        assert!(missing.contains("/nonexistent/ca.pem"), "{missing}");
        let none = Http::new(Some(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))).unwrap_err().to_string();
        assert!(none.contains("no certificate"), "{none}");
    }
}
