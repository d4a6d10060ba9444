use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;

use super::eventually;

/// Takes webhooks, in this process.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    received: Vec<Received>,
    /// What the next deliveries are answered with; 200 once none is left.
    answers: VecDeque<StatusCode>,
    always: Option<StatusCode>,
    is_silent: bool,
}

/// A delivery.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) id: String,
    pub(crate) signature: String,
    pub(crate) body: Value,
    pub(crate) answered: StatusCode,
}

impl Received {
    pub(crate) fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap()
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Self { url, inner: Arc::default() };
        let router = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    /// Answers the next deliveries with these, and the rest with 200.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        let statuses = statuses.iter().map(|status| StatusCode::from_u16(*status).unwrap());
        self.inner.lock().unwrap().answers.extend(statuses);
    }

    /// Answers everything with this.
    pub(crate) fn always_answer(&self, status: Option<u16>) {
        self.inner.lock().unwrap().always = status.map(|status| StatusCode::from_u16(status).unwrap());
    }

    /// Takes connections and answers none.
    pub(crate) fn fall_silent(&self) {
        self.inner.lock().unwrap().is_silent = true;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.inner.lock().unwrap().received.clone()
    }

    /// Those that it took, and that are about this key.
    pub(crate) fn taken_of(&self, key: &str) -> Vec<String> {
        let received = self.received().into_iter();
        let taken = received.filter(|one| one.answered.is_success() && one.body["data"]["key_id"] == key);
        taken.map(|one| one.kind().to_owned()).collect()
    }

    /// Waits until there are as many deliveries.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually(&format!("{count} deliveries have come"), async || {
            let received = self.received();
            (received.len() >= count).then_some(received)
        })
        .await
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (status, is_silent) = {
        let mut inner = receiver.inner.lock().unwrap();
        let status = inner.answers.pop_front().or(inner.always).unwrap_or(StatusCode::OK);
        inner.received.push(Received {
            id: header("webhook-id"),
            signature: header("webhook-signature"),
            body: serde_json::from_slice(&body).unwrap(),
            answered: status,
        });
        (status, inner.is_silent)
    };
    if is_silent {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
    }
    (status, "thanks").into_response()
}
