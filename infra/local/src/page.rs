//! The page: three kinds of file, compiled in, under a policy that lets them load nothing else; and what it
//! needs of the stack beside the functions.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use qrcode::render::svg::Color;
use qrcode::{EcLevel, QrCode};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The largest content of a QR code in bytes: what fits at the lowest error correction.
const QR_LIMIT: usize = 2953;

/// The page's routes. `inbox` is where the tenant shows what it has sent.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(inbox: String) -> Router<S> {
    Router::new()
        .route("/", get(async || file(HTML, include_str!("../page/index.html"))))
        .route("/app.js", get(async || file(SCRIPT, include_str!("../page/app.js"))))
        .route("/surface.js", get(async || file(SCRIPT, include_str!("../page/surface.js"))))
        .route("/api.js", get(async || file(SCRIPT, include_str!("../page/api.js"))))
        .route("/text.js", get(async || file(SCRIPT, include_str!("../page/text.js"))))
        .route("/en.js", get(async || file(SCRIPT, include_str!("../page/en.js"))))
        .route("/ja.js", get(async || file(SCRIPT, include_str!("../page/ja.js"))))
        .route("/mfa-client.js", get(async || file(SCRIPT, include_str!("../../client/mfa-client.js"))))
        .route("/style.css", get(async || file(STYLE, include_str!("../page/style.css"))))
        .route("/inbox", get(async move || Redirect::temporary(&inbox)))
        .route("/api/qr-code", post(qr_code).layer(DefaultBodyLimit::max(QR_LIMIT)))
}

/// The request's body as a QR code. It is a secret more often than not, hence a body and not a query.
async fn qr_code(content: String) -> Response {
    let Ok(code) = QrCode::with_error_correction_level(&content, EcLevel::L) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    // Black on white with its margin, whatever the page's colours: that is what a camera expects.
    let image = code.render::<Color>().dark_color(Color("#000")).light_color(Color("#fff")).build();
    file(SVG, image).into_response()
}

fn file(content_type: &'static str, content: impl IntoResponse) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, content)
}
