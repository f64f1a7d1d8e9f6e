//! `/api/mfa/authenticate`, as a Lambda function.

use std::sync::Arc;

use lambda_http::{Error, service_fn};
use mfa_core::{App, Clock};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = Arc::new(App::from_env(|name| std::env::var(name).ok(), Clock::system()).await?);
    lambda_http::run(service_fn(move |request| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Error>(app.authenticate(request).await) }
    }))
    .await
}
