use std::rc::Rc;

use latchkey_validator::Credential;
use worker::{Headers, Request};

use crate::config::Config;
use crate::gate;

/// The headers that may carry a credential, and the client's address. Not `Debug`: a token may be in it.
pub(super) struct Presented {
    authorization: Option<String>,
    others: [Option<String>; 2],
    address: Option<String>,
    config: Rc<Config>,
}

impl Presented {
    pub(super) fn of(request: &Request, config: &Rc<Config>) -> Self {
        let headers = request.headers();
        let own = config.credential_header.as_deref().and_then(|name| value(headers, name));
        Self {
            authorization: value(headers, "authorization"),
            others: [value(headers, "x-api-key"), own],
            address: value(headers, &config.client_address.header),
            config: Rc::clone(config),
        }
    }

    pub(super) fn credential(&self) -> Credential<'_> {
        let authorization = self.authorization.as_deref().map(str::as_bytes);
        gate::credential(authorization, self.others.each_ref().map(|text| text.as_deref().map(str::as_bytes)))
    }

    /// The token alone, if there is exactly one.
    pub(super) fn token(&self) -> Option<&str> {
        match self.credential() {
            Credential::Token(token) => std::str::from_utf8(token).ok(),
            _ => None,
        }
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self.credential(), Credential::Missing)
    }

    pub(super) fn address(&self) -> Option<&[u8]> {
        gate::client_address(self.address.as_deref()?.as_bytes(), &self.config.client_address)
    }
}

fn value(headers: &Headers, name: &str) -> Option<String> {
    headers.get(name).ok().flatten()
}
