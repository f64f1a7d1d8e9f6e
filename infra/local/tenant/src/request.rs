//! A request as the endpoints read it: its fields, whatever they were encoded in.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// A parsed request. There is no `Debug`: it holds passwords, codes and tokens.
pub(crate) struct Call {
    pub(crate) fields: Map<String, Value>,
    pub(crate) encoding: Option<Encoding>,
    /// `Authorization: Bearer`.
    pub(crate) bearer: Option<String>,
    /// `Authorization: Basic`: client id and secret.
    pub(crate) basic: Option<(String, String)>,
    pub(crate) forwarded_for: Option<String>,
    pub(crate) peer: IpAddr,
    /// The authenticator's id in the path, decoded.
    pub(crate) authenticator_id: Option<String>,
    /// Claims to put into the next `id_token`, for a fault.
    pub(crate) id_token_claims: Option<Value>,
}

/// How a body was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`.
    Json,
}

impl Call {
    pub(crate) fn new(headers: &HeaderMap, body: &[u8], peer: IpAddr) -> Result<Self, Refusal> {
        let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
        let media_type = text(header::CONTENT_TYPE)
            .and_then(|value| value.split(';').next())
            .map(|value| value.trim().to_ascii_lowercase());
        let encoding = match media_type.as_deref() {
            Some("application/json") => Some(Encoding::Json),
            Some("application/x-www-form-urlencoded") => Some(Encoding::Form),
            _ => None,
        };
        let fields = match encoding {
            Some(Encoding::Json) if !body.is_empty() => match serde_json::from_slice(body) {
                Ok(Value::Object(fields)) => fields,
                _ => return Err(Refusal::invalid_request("The body is not a JSON object")),
            },
            Some(Encoding::Form) => url::form_urlencoded::parse(body)
                .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
                .collect(),
            _ => Map::new(),
        };
        let authorization = text(header::AUTHORIZATION)
            .and_then(|value| value.split_once(' '))
            .map(|(scheme, value)| (scheme.to_ascii_lowercase(), value.trim().to_owned()));
        let (mut bearer, mut basic) = (None, None);
        match authorization {
            Some((scheme, value)) if scheme == "bearer" => bearer = Some(value),
            Some((scheme, value)) if scheme == "basic" => {
                basic = Some(parse_basic(&value).ok_or_else(Refusal::client)?);
            }
            _ => {}
        }
        Ok(Self {
            fields,
            encoding,
            bearer,
            basic,
            forwarded_for: headers
                .get("auth0-forwarded-for")
                .and_then(|value| value.to_str().ok())
                .map(ToOwned::to_owned),
            peer,
            authenticator_id: None,
            id_token_claims: None,
        })
    }

    /// A field that is a string and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn require(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::missing(name))
    }

    /// The scopes asked for, or nothing if none were: a string with spaces, or a list in JSON.
    pub(crate) fn scopes(&self) -> Result<Option<Vec<String>>, Refusal> {
        let words = |text: &str| -> Vec<String> { text.split_ascii_whitespace().map(ToOwned::to_owned).collect() };
        let scopes = match self.fields.get("scope") {
            None => return Ok(None),
            Some(Value::String(text)) => words(text),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(ToOwned::to_owned))
                .collect::<Option<_>>()
                .ok_or_else(Refusal::scope_form)?,
            Some(_) => return Err(Refusal::scope_form()),
        };
        Ok(Some(scopes).filter(|scopes| !scopes.is_empty()))
    }

    /// A list of strings, as `/mfa/associate` has them.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        match self.fields.get(name) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(item)) => vec![item],
            _ => Vec::new(),
        }
    }
}

fn parse_basic(value: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    // RFC 6749, section 2.3.1: both are form-encoded first.
    let decode = |text: &str| {
        let pair = format!("v={text}");
        url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((decode(id)?, decode(secret)?))
}
