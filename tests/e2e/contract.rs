//! `infra/openapi.yaml`, and whether an answer is one that it describes.

#![expect(clippy::panic, reason = "only tests use it: an answer outside the document is a failed test")]

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_saphyr::from_str(include_str!("../../infra/openapi.yaml")).expect("infra/openapi.yaml is YAML")
});

/// The validators of the answers that were met so far, by where they stand in the document.
static VALIDATORS: LazyLock<Mutex<HashMap<String, &'static Validator>>> = LazyLock::new(Mutex::default);

/// Headers that have a meaning to the page. HTTP's own (`Date`, `Content-Length`) go without saying.
const OF_THE_API: [&str; 11] = [
    "allow",
    "cache-control",
    "retry-after",
    "set-cookie",
    "vary",
    "x-content-type-options",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
];

/// Asserts that the document describes this answer to `method` at `path`.
#[track_caller]
pub fn check(method: &Method, path: &str, status: u16, headers: &HeaderMap, body: &Value) {
    let place = format!("{method} {path} {status}");
    let operation = &DOCUMENT["paths"][path][method.as_str().to_ascii_lowercase()];
    if operation.is_null() {
        assert!(status == 405, "{place}: the document has no such operation");
        return;
    }
    let response = resolve(&operation["responses"][status.to_string()]);
    assert!(!response.is_null(), "{place} is not in the document: {body}");

    let described = |name: &str| {
        let headers = response["headers"].as_object().into_iter().flatten();
        headers.into_iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, header)| resolve(header))
    };
    for name in OF_THE_API {
        let (sent, described) = (headers.contains_key(name), described(name));
        assert!(!sent || described.is_some(), "{place}: the document does not have the header {name}");
        let required = described.is_some_and(|header| header["required"] == true);
        assert!(sent || !required, "{place}: the header {name} is missing");
    }

    let content = &response["content"];
    if content.is_null() {
        assert!(body.is_null(), "{place}: the document has no body here: {body}");
        return;
    }
    assert_eq!(
        headers.get(CONTENT_TYPE).map(reqwest::header::HeaderValue::as_bytes),
        Some(&b"application/json"[..]),
        "{place}"
    );
    let schema = &content["application/json"]["schema"];
    if let Err(fault) = validator(&place, schema).validate(body) {
        panic!("{place} does not fit the document at {}: {fault}", fault.instance_path());
    }
}

fn validator(place: &str, schema: &Value) -> &'static Validator {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    validators.entry(place.to_owned()).or_insert_with(|| {
        // References in it point into the document.
        let whole = json!({"allOf": [schema], "components": DOCUMENT["components"]});
        Box::leak(Box::new(jsonschema::draft202012::new(&whole).expect("a schema")))
    })
}

/// What a `$ref` points to.
fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => DOCUMENT.pointer(pointer).expect("what is referred to"),
        None => value,
    }
}
