//! One attempt: a POST to an address that somebody else chose. It must reach nothing that only we can reach, and a receiver must neither
//! hold us for long nor fill our memory.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, redirect};

use super::resolver::{AddressRefused, Allows, GuardedResolver, Lookup, SystemLookup};
use crate::domain::webhook::{LoopbackRule, Outcome, WebhookUrl};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(15);
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read; then the connection is closed.
const READ_BYTES: usize = 64 << 10;
/// Bytes of an answer that are kept.
const KEPT_BYTES: usize = 1_024;

/// What is sent.
pub(super) struct Message {
    pub(super) id: String,
    /// In seconds.
    pub(super) timestamp: u64,
    /// Entries of `webhook-signature`.
    pub(super) signatures: Vec<String>,
    pub(super) body: String,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
    pub(super) error: Option<String>,
    pub(super) body: String,
}

#[derive(Clone)]
pub(super) struct WebhookClient {
    http: Client,
    allows: Allows,
}

impl WebhookClient {
    pub(super) fn new(loopback: LoopbackRule) -> reqwest::Result<Self> {
        Self::build(SystemLookup, Arc::new(move |address| loopback.allows(address)), TIMEOUT)
    }

    fn build(lookup: impl Lookup, allows: Allows, timeout: Duration) -> reqwest::Result<Self> {
        // Fails only if another part of the program was faster, with the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resolver = Arc::new(GuardedResolver { lookup: Arc::new(lookup), allows: Arc::clone(&allows) });
        let settings = || {
            Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(timeout)
                .pool_idle_timeout(IDLE_TIMEOUT)
                // One could lead to an address that nobody checked.
                .redirect(redirect::Policy::none())
                // A proxy would look names up by itself.
                .no_proxy()
                .dns_resolver(Arc::clone(&resolver))
                .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION"), " (webhooks)"))
        };
        let http = settings().build().or_else(|error| {
            tracing::warn!(%error, "webhooks cannot be delivered; install root certificates (package ca-certificates)");
            settings().tls_certs_only([]).build()
        });
        Ok(Self { http: http?, allows })
    }

    /// Sends a message, and says what came of it whatever that is.
    pub(super) async fn deliver(&self, url: &WebhookUrl, message: Message) -> Answer {
        // What is written in digits is never looked up.
        if url.literal_address().is_some_and(|address| !(self.allows)(address)) {
            return failed(format!("ADDRESS_REFUSED: {AddressRefused}"));
        }
        let request = self
            .http
            .post(url.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.timestamp.to_string())
            .header("webhook-signature", message.signatures.join(" "))
            .body(message.body);
        match request.send().await {
            Ok(response) => answered(response).await,
            Err(error) => failed(describe(&error)),
        }
    }
}

async fn answered(response: Response) -> Answer {
    let status = response.status();
    let (outcome, error) = match status.as_u16() {
        200..=299 => (Outcome::Delivered, None),
        410 => (Outcome::Gone, Some("GONE: the receiver wants no more events".to_owned())),
        300..=399 => (Outcome::Failed, Some("REDIRECT: redirects are not followed".to_owned())),
        _ => (Outcome::Failed, Some(format!("STATUS: the receiver answered {}", status.as_u16()))),
    };
    // Once the status says that it was taken, what becomes of the rest of the answer changes nothing.
    let body = start_of_body(response).await;
    Answer { outcome, status: Some(status.as_u16()), error, body }
}

async fn start_of_body(mut response: Response) -> String {
    let (mut kept, mut read) = (Vec::new(), 0);
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = KEPT_BYTES - kept.len();
        kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
        read += chunk.len();
        if read > READ_BYTES {
            break;
        }
    }
    let text = String::from_utf8_lossy(&kept);
    // People look at it in terminals.
    text.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect()
}

fn failed(error: String) -> Answer {
    Answer { outcome: Outcome::Failed, status: None, error: Some(error), body: String::new() }
}

/// The innermost cause is the one that people can act on. It never holds the URL, which may have a secret of the receiver's in it.
fn describe(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    let mut refused = false;
    while let Some(inner) = cause.source() {
        cause = inner;
        refused |= cause.is::<AddressRefused>();
    }
    let code = match () {
        () if refused => "ADDRESS_REFUSED",
        () if error.is_timeout() => "TIMEOUT",
        () if error.is_connect() => "UNREACHABLE",
        () => "BROKEN",
    };
    let cause: String = cause.to_string().chars().filter(|letter| !letter.is_control()).take(200).collect();
    format!("{code}: {cause}")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};
    use std::pin::Pin;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const OPEN: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    const CLOSED: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));

    /// A name whose owner lets it lead to another address with each look-up.
    #[derive(Clone)]
    struct Rebinding(Arc<Mutex<Vec<IpAddr>>>);

    impl Rebinding {
        fn to(addresses: &[IpAddr]) -> Self {
            Self(Arc::new(Mutex::new(addresses.iter().rev().copied().collect())))
        }

        fn next(&self) -> IpAddr {
            self.0.lock().unwrap().pop().unwrap()
        }
    }

    impl Lookup for Rebinding {
        fn look_up(&self, _: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> {
            let address = SocketAddr::new(self.next(), 0);
            Box::pin(async move { Ok(vec![address]) })
        }
    }

    /// Counts connections and gives each the same answer.
    async fn receiver(address: IpAddr, port: u16, answer: &'static str) -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind((address, port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 4_096]).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        (port, count)
    }

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

    fn client(lookup: impl Lookup) -> WebhookClient {
        let allows = Arc::new(|address| address == OPEN);
        WebhookClient::build(lookup, allows, Duration::from_secs(2)).unwrap()
    }

    fn message() -> Message {
        Message { id: "evt_1".into(), timestamp: 1, signatures: vec!["v1,x".into()], body: "{}".into() }
    }

    async fn deliver(client: &WebhookClient, url: &str) -> Answer {
        client.deliver(&WebhookUrl::from_stored(url.to_owned()), message()).await
    }

    /// What not to do: ask where a name leads, check that, and then connect by the name.
    async fn check_and_then_connect(name: &Rebinding, port: u16) -> bool {
        if name.next() != OPEN {
            return false;
        }
        let mut stream = TcpStream::connect((name.next(), port)).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
        stream.read(&mut [0; 64]).await.is_ok_and(|read| read > 0)
    }

    #[tokio::test]
    async fn w1_a_name_that_leads_elsewhere_after_its_check_reaches_nothing() {
        let (port, closed) = receiver(CLOSED, 0, OK).await;
        let (_, open) = receiver(OPEN, port, OK).await;
        let counts = || (open.load(Ordering::SeqCst), closed.load(Ordering::SeqCst));
        assert!(check_and_then_connect(&Rebinding::to(&[OPEN, CLOSED]), port).await, "the attack works");
        assert_eq!(counts(), (0, 1));

        let client = client(Rebinding::to(&[OPEN, CLOSED, OPEN]));
        let url = format!("http://rebinding.example:{port}/");
        assert_eq!(deliver(&client, &url).await.outcome, Outcome::Delivered);
        let refused = deliver(&client, &url).await;
        assert!(refused.error.unwrap().starts_with("ADDRESS_REFUSED"));
        assert_eq!(deliver(&client, &url).await.outcome, Outcome::Delivered);
        assert_eq!(counts(), (2, 1), "each connection went where its own look-up led, and that was checked");
    }

    #[tokio::test]
    async fn w1_an_address_in_digits_is_checked_too() {
        let (port, closed) = receiver(CLOSED, 0, OK).await;
        let client = client(Rebinding::to(&[]));
        for host in ["127.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]"] {
            let refused = deliver(&client, &format!("http://{host}:{port}/")).await;
            assert!(refused.error.unwrap().starts_with("ADDRESS_REFUSED"), "{host}");
        }
        assert_eq!(closed.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn w1_a_redirect_is_not_followed() {
        let (port, closed) = receiver(CLOSED, 0, OK).await;
        let location =
            format!("HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n");
        let (open_port, _) = receiver(OPEN, 0, location.leak()).await;
        let answer =
            deliver(&client(Rebinding::to(&[OPEN])), &format!("http://a.example:{open_port}/")).await;
        assert_eq!((answer.outcome, answer.status), (Outcome::Failed, Some(307)));
        assert_eq!(closed.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn w1_of_an_answer_without_end_only_the_start_is_read() {
        let endless = format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{}", "a".repeat(200_000));
        let (port, _) = receiver(OPEN, 0, endless.leak()).await;
        let answer = deliver(&client(Rebinding::to(&[OPEN])), &format!("http://a.example:{port}/")).await;
        assert_eq!((answer.outcome, answer.body.len()), (Outcome::Delivered, KEPT_BYTES));
    }

    #[tokio::test]
    async fn w1_a_receiver_that_does_not_answer_is_left_after_a_while() {
        let listener = TcpListener::bind((OPEN, 0)).await.unwrap();
        let url = format!("http://a.example:{}/", listener.local_addr().unwrap().port());
        let answer = deliver(&client(Rebinding::to(&[OPEN])), &url).await;
        assert!(answer.error.unwrap().starts_with("TIMEOUT"));
    }
}
