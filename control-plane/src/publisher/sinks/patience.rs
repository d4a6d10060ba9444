//! What object stores say of when to come back. The crate `object_store` keeps that to itself, so it is read off their answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

use super::target::retry_after;

/// The last `Retry-After` that was not taken yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(Arc<Mutex<Option<Duration>>>);

impl Asked {
    pub(super) fn take(&self) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, pause: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(pause);
    }
}

impl HttpConnector for Asked {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Listening { inner, asked: self.clone() }))
    }
}

#[derive(Debug)]
struct Listening {
    inner: HttpClient,
    asked: Asked,
}

#[async_trait]
impl HttpService for Listening {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.inner.execute(request).await?;
        if matches!(response.status().as_u16(), 429 | 503) {
            let header = response.headers().get("retry-after").map(|value| value.as_bytes());
            if let Some(pause) = retry_after(header) {
                self.asked.note(pause);
            }
        }
        Ok(response)
    }
}
