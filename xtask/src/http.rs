//! A small HTTP/1.1 client for servers on this machine: one request a connection, whole bodies in memory.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::{Context, Result, fail};
use crate::json::Json;

/// A server that does not answer within this is treated as absent.
const PATIENCE: Duration = Duration::from_secs(10);
/// Larger answers are cut: nothing here expects more, and a runaway server must not fill the memory.
const LARGEST_ANSWER: u64 = 16 << 20;

/// A request under construction.
pub(crate) struct Request<'a> {
    method: &'a str,
    port: u16,
    path: &'a str,
    headers: Vec<(&'a str, String)>,
    body: Option<String>,
}

/// What came back.
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl<'a> Request<'a> {
    pub(crate) fn new(method: &'a str, port: u16, path: &'a str) -> Self {
        Self { method, port, path, headers: Vec::new(), body: None }
    }

    pub(crate) fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn json(mut self, body: &Json) -> Self {
        self.body = Some(body.to_string());
        self.header("content-type", "application/json")
    }

    /// Sends it to 127.0.0.1 and waits for the whole answer.
    ///
    /// # Errors
    /// When nothing listens, the connection breaks, or what comes back is not HTTP.
    pub(crate) fn send(self) -> Result<Response> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let doing = || format!("{} http://{address}{}", self.method, self.path);
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).context(doing)?;
        stream.set_read_timeout(Some(PATIENCE)).context(doing)?;
        stream.write_all(self.text(address).as_bytes()).context(doing)?;
        let mut bytes = Vec::new();
        stream.take(LARGEST_ANSWER).read_to_end(&mut bytes).context(doing)?;
        match Response::parse(&bytes) {
            Some(response) => Ok(response),
            None => fail(format!("{}: the answer is not HTTP", doing())),
        }
    }

    fn text(&self, address: SocketAddr) -> String {
        let body = self.body.as_deref().unwrap_or_default();
        let mut text =
            format!("{} {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("content-length: {}\r\n\r\n{body}", body.len());
        text
    }
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, if it is.
    pub(crate) fn json(&self) -> Option<Json> {
        Json::parse(&self.body)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = &bytes[end + 4..];
        let body = if chunked { join_chunks(body)? } else { body.to_vec() };
        Some(Self { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

fn join_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::Response;

    #[test]
    fn joins_chunked_bodies() {
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nlatc\r\n3;x=1\r\nhke\r\n1\r\ny\r\n0\r\n\r\n";
        let response = Response::parse(answer).unwrap();
        assert_eq!((response.status, response.body.as_str()), (200, "latchkey"));
    }

    #[test]
    fn refuses_truncated_answers() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\n"[..],
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nab",
        ] {
            assert!(Response::parse(answer).is_none());
        }
    }
}
