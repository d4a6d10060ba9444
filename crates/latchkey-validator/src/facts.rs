use core::net::IpAddr;

/// What a caller presented as its key.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Credential<'a> {
    /// Nothing.
    Missing,
    /// The value of an `Authorization` header.
    Authorization(&'a [u8]),
    /// A token by itself, as from a header of its own.
    Token(&'a [u8]),
    /// SHA-256 of a token, for those who explain decisions and do not have the token. Which shape it has, and which environment is
    /// written in it, is then not checked.
    Digest(&'a [u8; 32]),
    /// Different tokens in different headers. Choosing one of them would let two readers choose differently.
    Conflicting,
}

/// What a gate knows of a request. Borrowed: making one copies nothing.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RequestFacts<'a> {
    /// The key.
    pub credential: Credential<'a>,
    /// The method as it came, case included.
    pub method: &'a str,
    /// Path and query as they are forwarded: not decoded, not tidied up.
    pub target: &'a [u8],
    pub(crate) address: Address<'a>,
    pub(crate) headers: Headers<'a>,
}

/// Whence the request comes.
#[derive(Clone, Copy)]
pub(crate) enum Address<'a> {
    Unknown,
    Known(IpAddr),
    /// Read only for keys that have address rules.
    Text(&'a [u8]),
}

/// The headers that routes read constraints from.
#[derive(Clone, Copy)]
pub(crate) enum Headers<'a> {
    Named(&'a [(&'a str, &'a [u8])]),
    /// In the order of [`crate::Rules::headers`].
    InOrder(&'a [Option<&'a [u8]>]),
}

impl<'a> RequestFacts<'a> {
    /// The facts that every request has. Without an address, keys with address rules are denied; without headers, those that a route
    /// limits by a header.
    pub fn new(credential: Credential<'a>, method: &'a str, target: &'a [u8]) -> Self {
        let (address, headers) = (Address::Unknown, Headers::Named(&[]));
        Self { credential, method, target, address, headers }
    }

    /// The client's address, as the gate trusts it to be.
    #[must_use]
    pub fn with_address(mut self, address: Option<IpAddr>) -> Self {
        self.address = address.map_or(Address::Unknown, Address::Known);
        self
    }

    /// The client's address as text, which is only read if a key has address rules. Text that is no address counts as none.
    #[must_use]
    pub fn with_address_text(mut self, text: Option<&'a [u8]>) -> Self {
        self.address = text.map_or(Address::Unknown, Address::Text);
        self
    }

    /// Headers by name, in any case and order; a name that comes twice has two values.
    #[must_use]
    pub fn with_headers(mut self, headers: &'a [(&'a str, &'a [u8])]) -> Self {
        self.headers = Headers::Named(headers);
        self
    }

    /// The values of the headers that [`crate::Rules::headers`] lists, in its order; `None` for one that the request lacks.
    #[must_use]
    pub fn with_headers_in_order(mut self, values: &'a [Option<&'a [u8]>]) -> Self {
        self.headers = Headers::InOrder(values);
        self
    }

    /// The client's address, if it is known and is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self.address {
            Address::Unknown => None,
            Address::Known(address) => Some(address),
            Address::Text(text) => core::str::from_utf8(text.trim_ascii()).ok()?.parse().ok(),
        }
    }
}
