//! `/api/mfa/authenticate`, as a Lambda function: set up once, then answer. What it does is in `mfa_core`.

use std::sync::Arc;

use lambda_http::{Error, service_fn};
use mfa_core::{App, Clock};

// One thread is what Lambda's smaller sizes have; on Lambda Managed Instances its requests still overlap,
// since they wait for the network nearly all of the time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let var = |name: &str| std::env::var(name).ok();
    mfa_core::log::init(var("AWS_LAMBDA_LOG_LEVEL").as_deref());
    // Work that waits is done in tasks: to wake one costs nothing on one thread, to wake `main` a system call.
    let app = tokio::spawn(App::from_env(var, Clock::system())).await?.inspect_err(mfa_core::log::not_started)?;
    let app = Arc::new(app.with_metrics(std::io::stdout()));
    lambda_http::run_concurrent(service_fn(move |request| {
        let app = Arc::clone(&app);
        async move { tokio::spawn(async move { app.authenticate(request).await }).await.map_err(Error::from) }
    }))
    .await
}
