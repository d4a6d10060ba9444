//! What object stores answer when they refuse: with which status, and when to come back. The crate `object_store` keeps both to itself, so
//! they are read off the answers on their way in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

use super::target::retry_after;

/// The last refusal that no success came after.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Option<Refused>>>);

#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
}

impl Heard {
    pub(super) fn take(&self) -> Option<Refused> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, response: &HttpResponse) {
        let status = response.status();
        // That something is not there is an answer like any other.
        let refused = (!status.is_success() && status.as_u16() != 404).then(|| {
            let header = response.headers().get("retry-after").map(|value| value.as_bytes());
            Refused { status: status.as_u16(), retry_after: retry_after(header) }
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }
}

impl HttpConnector for Heard {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Listening { inner, heard: self.clone() }))
    }
}

#[derive(Debug)]
struct Listening {
    inner: HttpClient,
    heard: Heard,
}

#[async_trait]
impl HttpService for Listening {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.inner.execute(request).await?;
        self.heard.note(&response);
        Ok(response)
    }
}
