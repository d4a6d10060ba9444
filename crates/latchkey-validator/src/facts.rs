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
    /// The request target's path as it is forwarded: not decoded, not tidied up. A query behind it is cut off.
    pub path: &'a [u8],
}

impl<'a> RequestFacts<'a> {
    /// The facts that every request has.
    pub fn new(credential: Credential<'a>, method: &'a str, path: &'a [u8]) -> Self {
        Self { credential, method, path }
    }
}
