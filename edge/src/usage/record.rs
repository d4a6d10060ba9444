use std::net::IpAddr;

use latchkey_validator::{Code, Credential, Decision};

use super::Seen;
use super::path;

/// Text of at most `N` bytes in place; what is longer is cut.
#[derive(Clone, Copy)]
pub(super) struct Text<const N: usize> {
    bytes: [u8; N],
    length: u8,
}

impl<const N: usize> Text<N> {
    pub(super) const EMPTY: Self = {
        assert!(N <= u8::MAX as usize);
        Self { bytes: [0; N], length: 0 }
    };

    pub(super) fn set(&mut self, text: &[u8]) {
        let length = text.len().min(N);
        self.bytes[..length].copy_from_slice(&text[..length]);
        self.length = length as u8;
    }

    /// Whatever was cut or is not UTF-8 shows as a replacement character.
    pub(super) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes[..usize::from(self.length)])
    }

    pub(super) fn optional(&self) -> Option<std::borrow::Cow<'_, str>> {
        (self.length > 0).then(|| self.text())
    }
}

/// How far a record has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The request was not answered yet.
    Open,
    Answered,
    /// It is in the report that is under way, or was in one.
    Copied,
}

/// One request, in about 400 bytes.
#[derive(Clone, Copy)]
pub(super) struct Record {
    pub(super) state: State,
    pub(super) at_ms: f64,
    pub(super) key: Option<u64>,
    pub(super) tag: Option<[u8; 8]>,
    pub(super) code: u8,
    /// 0: unknown.
    pub(super) status: u16,
    pub(super) seq: u64,
    pub(super) address: Option<IpAddr>,
    pub(super) method: Text<16>,
    pub(super) path: Text<160>,
    pub(super) route: Text<96>,
    pub(super) request_id: Text<64>,
}

impl Record {
    pub(super) const EMPTY: Self = Self {
        state: State::Open,
        at_ms: 0.0,
        key: None,
        tag: None,
        code: 0,
        status: 0,
        seq: 0,
        address: None,
        method: Text::EMPTY,
        path: Text::EMPTY,
        route: Text::EMPTY,
        request_id: Text::EMPTY,
    };

    /// Notes a decision. The fields are written one by one: an assignment would copy the whole record.
    pub(super) fn begin(&mut self, seen: &Seen<'_>, decision: &Decision<'_>) {
        self.state = State::Open;
        self.at_ms = seen.now_ms;
        self.key = decision.key.map(|key| key.number());
        self.tag = decision.tag.map(|tag| tag.0.first_chunk().copied().unwrap_or_default());
        self.code = decision.code.number();
        self.status = 0;
        self.seq = seen.seq;
        self.address = seen.address;
        self.method.set(seen.method.as_bytes());
        self.path.set(if path::holds(seen.path, presented(&seen.credential)) {
            path::HIDDEN
        } else {
            seen.path
        });
        self.route.set(seen.route.unwrap_or_default().as_bytes());
        self.request_id.set(b"");
    }

    pub(super) fn finish(&mut self, code: u8, status: u16, request_id: &[u8]) {
        if self.state == State::Open {
            self.state = State::Answered;
            // A number that is no code is a failure of the gate's own; what was noted first stands for it.
            if Code::from_number(code).is_some() {
                self.code = code;
            }
            self.status = status;
            self.request_id.set(request_id);
        }
    }
}

fn presented<'a>(credential: &Credential<'a>) -> &'a [u8] {
    match credential {
        Credential::Token(token) => token,
        Credential::Authorization(value) => latchkey_token::credential::bearer(value).unwrap_or_default(),
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_its_bound_and_never_breaks() {
        let mut text = Text::<4>::EMPTY;
        text.set("abcdef".as_bytes());
        assert_eq!(text.text(), "abcd");
        text.set("abcé".as_bytes());
        assert_eq!(text.text(), "abc\u{fffd}");
        text.set(b"");
        assert_eq!(text.optional(), None);
    }
}
