//! What holds of every parser, whatever it is given: it does not panic, and takes nothing that is not ours.
//!
//! Inputs are of two sorts: anything at all, and what is nearly right. Each property has an oracle that is written
//! another way than the parser.

use http::header::{COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::auth0::parsers::{self, Endpoint, Refusal};
use crate::config::{CookieConfig, SameSite};
use crate::cookie::{self, Presented};
use crate::invocation::forwarded_for;
use crate::origin::{self, Caller};
use crate::request::{Action, Code};
use crate::session::{Pending, SessionId, SignedIn};

const NOW: u64 = 1_764_000_000;

fn header_value() -> impl Strategy<Value = HeaderValue> {
    vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..=0xff, Just(b'\t')], 0..200)
        .prop_filter_map("a header value", |bytes| HeaderValue::from_bytes(&bytes).ok())
}

/// Any JSON, of some depth.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(".{0,12}", inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A body with the fields of this API, of the right type and of others.
fn nearly_a_request() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "action",
        "email",
        "username",
        "password",
        "challenge_type",
        "authenticator_id",
        "type",
        "phone_number",
        "scope",
        "otp",
        "binding_code",
        "recovery_code",
        "push",
        "other",
    ]);
    let values = prop_oneof![
        prop::sample::select(vec![
            "sign_in",
            "challenge",
            "authenticators",
            "enroll",
            "step_up",
            "renew",
            "otp",
            "oob",
            "otp oob",
            "sms",
            "+4915123456789",
            "123456",
            "a@example.com",
            "",
        ])
        .prop_map(Value::from),
        Just(Value::from(true)),
        any_json(),
    ];
    btree_map(names, values, 0..6)
        .prop_map(|map| Value::Object(map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..300),
        any_json().prop_map(|json| json.to_string().into_bytes()),
        nearly_a_request().prop_map(|json| json.to_string().into_bytes()),
    ]
}

/// Every text in `json`, keys apart.
fn texts<'a>(json: &'a Value, found: &mut Vec<&'a str>) {
    match json {
        Value::String(text) => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(members) => members.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_cookie_is_a_session_only_if_it_is_the_only_one_and_has_the_form_of_one(
        headers in vec(header_value(), 0..3),
        own in proptest::option::of("[A-Za-z0-9_=-]{0,50}"),
        insecure in any::<bool>(),
    ) {
        let config = CookieConfig { same_site: SameSite::Strict, insecure };
        let name = if insecure { "mfa_session" } else { "__Host-mfa_session" };
        let mut map: HeaderMap = headers.into_iter().map(|value| (COOKIE, value)).collect();
        if let Some(value) = &own {
            map.append(COOKIE, format!("{name}={value}").parse().unwrap());
        }
        if let Presented::Session(id) = cookie::read(config, &map) {
            let value = own.expect("nothing else can be a session's");
            prop_assert_eq!(id.cookie_value(), value.clone());
            prop_assert!(value.len() == 43 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        }
    }

    #[test]
    fn an_origin_is_ours_only_if_it_is_listed_or_names_this_very_host(
        origin in prop_oneof![
            "(https|http|HTTPS|ftp)?(://)?(localhost|127\\.0\\.0\\.1|\\[::1\\]|api\\.example\\.com|evil\\.example)(:[0-9]{1,5})?(/|\\.|@)?",
            "\\PC{0,60}",
        ],
        host in "(localhost|127\\.0\\.0\\.1|api\\.example\\.com)(:[0-9]{1,5})?",
        site in proptest::option::of("(same-origin|same-site|cross-site|none)"),
    ) {
        let Ok(value) = HeaderValue::from_str(&origin) else { return Ok(()) };
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, value);
        headers.insert(HOST, host.parse().unwrap());
        if let Some(site) = &site {
            headers.insert(HeaderName::from_static("sec-fetch-site"), site.parse().unwrap());
        }
        let allowed = vec!["https://app.example.com".to_owned()];
        let name = host.split(':').next().unwrap();
        let expected = if origin == "https://app.example.com" {
            "allowed"
        } else if site.as_deref() != Some("cross-site")
            && (origin.eq_ignore_ascii_case(&format!("https://{host}")) && origin.starts_with("https")
                || matches!(name, "localhost" | "127.0.0.1")
                    && origin.eq_ignore_ascii_case(&format!("http://{host}"))
                    && origin.starts_with("http://"))
        {
            "own"
        } else {
            "foreign"
        };
        let judged = match origin::judge(&allowed, &headers) {
            Caller::Allowed(_) => "allowed",
            Caller::SameOrigin => "own",
            Caller::Foreign => "foreign",
            Caller::Unstated => "unstated",
        };
        prop_assert_eq!(judged, expected, "{} at {} ({:?})", origin, host, site);
    }

    #[test]
    fn an_address_is_one_that_stands_at_its_place_in_x_forwarded_for(
        entries in vec("([0-9]{1,3}\\.){3}[0-9]{1,3}|[0-9a-f:]{2,20}|\\PC{0,20}", 0..6),
        n in 0_usize..7,
    ) {
        let text = entries.join(",");
        let Ok(value) = HeaderValue::from_str(&text) else { return Ok(()) };
        let headers: HeaderMap = [(HeaderName::from_static("x-forwarded-for"), value)].into_iter().collect();
        if let Some(address) = forwarded_for(&headers, n) {
            let all: Vec<&str> = text.split(',').collect();
            prop_assert!(n >= 1 && n <= all.len());
            prop_assert!(all[all.len() - n].contains(&address.to_string()) || address.is_ipv6());
        }
    }

    #[test]
    fn a_body_is_read_or_refused_by_name_and_no_value_is_repeated(bytes in body()) {
        for refused in [Action::parse(&bytes).err(), Code::parse(&bytes).err()].into_iter().flatten() {
            let Ok(json) = serde_json::from_slice::<Value>(&bytes) else { continue };
            let mut values = Vec::new();
            texts(&json, &mut values);
            for value in values {
                // Words that the sentence has of itself.
                let own = ["sign_in", "challenge", "authenticators", "enroll", "step_up", "renew", "otp", "oob", "sms"];
                if value.chars().count() > 5 && !own.iter().any(|word| value.contains(word)) {
                    prop_assert!(!refused.0.contains(value), "{:?} repeats {:?}", refused.0, value);
                }
            }
        }
    }

    #[test]
    fn a_code_is_taken_only_in_its_form(json in nearly_a_request()) {
        if let Ok(code) = Code::parse(json.to_string().as_bytes()) {
            let object = json.as_object().unwrap();
            prop_assert_eq!(object.len(), 1, "exactly one");
            match code {
                Code::Otp(_) => {
                    let otp = json["otp"].as_str().unwrap();
                    prop_assert!(otp.len() == 6 && otp.bytes().all(|byte| byte.is_ascii_digit()));
                }
                Code::Push => prop_assert_eq!(&json["push"], true),
                Code::Binding(_) => prop_assert!(!json["binding_code"].as_str().unwrap().is_empty()),
                Code::Recovery(_) => prop_assert!(!json["recovery_code"].as_str().unwrap().is_empty()),
            }
        }
    }

    #[test]
    fn a_phone_number_is_taken_only_as_e164(number in prop_oneof!["\\+?[0-9]{0,18}", "\\PC{0,20}"]) {
        let body = json!({"action": "enroll", "type": "sms", "phone_number": number}).to_string();
        let is_e164 = number.strip_prefix('+').is_some_and(|digits| {
            (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
        });
        let taken = Action::parse(body.as_bytes()).is_ok();
        // Shorter numbers than seven digits exist on paper; whether they are taken is not laid down here.
        prop_assert!(taken == is_e164 || number.len() < 8, "{}: {}", number, taken);
    }

    #[test]
    fn the_end_of_an_mfa_token_is_read_only_from_where_it_stands(
        token in prop_oneof!["\\PC{0,80}", "Fe26\\.2(\\*[A-Za-z0-9_-]{0,12}){0,9}", "[A-Za-z0-9_-]{0,20}\\.[A-Za-z0-9_-]{0,40}\\.x"],
        millis in any::<u64>(),
    ) {
        if let Some(end) = parsers::expiry(&token) {
            prop_assert!(token.starts_with("Fe26.2*") || token.contains('.'), "{} ends at {}", token, end);
        }
        let sealed = format!("Fe26.2*key*salt*iv*text*{millis}*salt*mac");
        prop_assert_eq!(parsers::expiry(&sealed), Some(millis / 1000));
    }

    #[test]
    fn an_id_token_is_taken_only_if_every_claim_fits(
        iss in prop_oneof![Just(json!("https://tenant.example/")), any_json()],
        aud in prop_oneof![Just(json!("client")), Just(json!(["client"])), Just(json!(["client", "other"])), any_json()],
        azp in proptest::option::of(prop_oneof![Just(json!("client")), any_json()]),
        sub in prop_oneof![Just(json!("auth0|1")), any_json()],
        exp in prop_oneof![(NOW - 200..NOW + 200).prop_map(Value::from), any_json()],
        iat in prop_oneof![(NOW - 200..NOW + 200).prop_map(Value::from), any_json()],
    ) {
        use base64::Engine as _;
        let mut claims = json!({"iss": iss, "aud": aud, "sub": sub, "exp": exp, "iat": iat});
        if let Some(azp) = &azp {
            claims["azp"] = azp.clone();
        }
        let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.signature", encode(r#"{"alg":"RS256"}"#), encode(&claims.to_string()));
        let taken = parsers::subject(&token, "https://tenant.example/", "client", NOW);
        let seconds = |value: &Value| value.as_f64();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let now = NOW as f64;
        let audience = match &aud {
            Value::String(one) => one == "client",
            Value::Array(many) => {
                many.iter().all(Value::is_string)
                    && many.contains(&json!("client"))
                    && (many.len() == 1 || azp == Some(json!("client")))
            }
            _ => false,
        };
        let fits = iss == "https://tenant.example/"
            && audience
            && azp.as_ref().is_none_or(|azp| azp.is_string() || azp.is_null())
            && sub.as_str().is_some_and(|sub| !sub.is_empty())
            && seconds(&exp).is_some_and(|exp| exp > now - 60.0)
            && seconds(&iat).is_some_and(|iat| iat <= now + 60.0);
        prop_assert_eq!(taken.is_ok(), fits, "{}", claims);
        if let Ok(subject) = taken {
            prop_assert_eq!(json!(subject), sub);
        }
    }

    #[test]
    fn what_is_no_jwt_is_no_id_token(token in prop_oneof!["\\PC{0,200}", "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,80}){0,4}"]) {
        prop_assert!(parsers::subject(&token, "https://tenant.example/", "client", NOW).is_err());
    }

    #[test]
    fn a_reply_of_auth0s_is_a_success_only_with_all_that_belongs_to_it(
        status in prop::sample::select(vec![200_u16, 201, 204, 301, 400, 401, 403, 404, 429, 500, 503]),
        json_type in any::<bool>(),
        bytes in prop_oneof![
            vec(any::<u8>(), 0..200),
            any_json().prop_map(|json| json.to_string().into_bytes()),
            (any_json(), any_json(), any_json(), proptest::option::of(any_json())).prop_map(|(token, kind, expires, error)| {
                let mut body = json!({"access_token": token, "token_type": kind, "expires_in": expires});
                if let Some(error) = error { body["error"] = error; }
                body.to_string().into_bytes()
            }),
        ],
    ) {
        if parsers::is_success(status, json_type, &bytes) {
            let body: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert!((200..300).contains(&status) && json_type);
            prop_assert!(body["access_token"].is_string() && body["token_type"].is_string() && body["expires_in"].is_u64());
            prop_assert!(!body["error"].is_string());
        }
    }

    #[test]
    fn an_unknown_error_is_never_taken_for_a_known_one(
        endpoint in prop::sample::select(Endpoint::ALL.to_vec()),
        status in prop::sample::select(vec![400_u16, 401, 403, 404, 500]),
        error in "[a-z]{3}_zz_[a-z]{0,10}",
        description in "\\PC{0,80}",
    ) {
        let refusal = parsers::refusal(endpoint, status, &error, &description);
        prop_assert!(matches!(refusal, Refusal::Unknown | Refusal::BadPhoneNumber), "{:?}", refusal);
    }

    #[test]
    fn nothing_opens_but_what_was_sealed(
        bytes in vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..=255,
    ) {
        let (id, other) = (SessionId::random().unwrap(), SessionId::random().unwrap());
        prop_assert!(Pending::open(&id, &bytes).is_err());
        prop_assert!(SignedIn::open(&id, &bytes).is_err());
        let signed_in = SignedIn { refresh_token: "token".to_owned().into(), sub: "auth0|1".into(), ends_at: 1 };
        let mut sealed = signed_in.seal(&id).unwrap();
        prop_assert!(SignedIn::open(&id, &sealed).is_ok());
        prop_assert!(SignedIn::open(&other, &sealed).is_err());
        prop_assert!(Pending::open(&id, &sealed).is_err());
        let at = at.index(sealed.len());
        sealed[at] ^= flip;
        prop_assert!(SignedIn::open(&id, &sealed).is_err(), "byte {} changed", at);
        sealed.truncate(at);
        prop_assert!(SignedIn::open(&id, &sealed).is_err(), "cut at {}", at);
    }
}
