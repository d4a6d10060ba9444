//! A request's facts as the entry wrote them: `edge/js/facts.js` has the other half.
//!
//! Every field is cut at a bound, and a cut must never turn a denial into something that passes: tokens, methods and values that a key can be
//! limited to are shorter than their bounds, a cut path or query is longer than the validator reads, and of a cut list of addresses the first
//! is not read.

use latchkey_snapshot::limits;
use latchkey_validator::RequestFacts;

use super::credential;
use crate::config::ClientAddress;

/// The address header: the last so many bytes of it.
const ADDRESS_BYTES: usize = 512;
/// Three credentials, an address, a method, path and query, and the headers that routes read, each with a byte for its length.
pub(super) const BYTES: usize =
    3 * 512 + ADDRESS_BYTES + 32 + 2_049 + 4_097 + limits::CONSTRAINT_HEADERS * (1 + 65);

/// The length of a header that the request lacks.
const ABSENT: u8 = 0xff;

/// What the entry says of the fields' lengths; -1 for a header that the request lacks.
pub(super) struct Lengths {
    pub(super) authorization: i32,
    pub(super) api_key: i32,
    pub(super) own: i32,
    pub(super) address: i32,
    pub(super) method: i32,
    pub(super) target: i32,
    pub(super) values: i32,
}

/// Reads the facts, and gives them to `then` with whether the Authorization header held the credential.
pub(super) fn read<T>(
    input: &[u8],
    lengths: &Lengths,
    client_address: &ClientAddress,
    then: impl FnOnce(&RequestFacts<'_>, bool) -> T,
) -> T {
    let mut input = Input(input);
    let authorization = input.field(lengths.authorization);
    let others = [input.field(lengths.api_key), input.field(lengths.own)];
    let (credential, in_authorization) = credential::one_of(authorization, others);
    let address = input.field(lengths.address).and_then(|text| address(text, client_address.hops));
    let method = input.field(lengths.method).and_then(|method| std::str::from_utf8(method).ok());
    let target = input.field(lengths.target).unwrap_or_default();
    let mut values = Input(input.field(lengths.values).unwrap_or_default());
    let headers: [_; limits::CONSTRAINT_HEADERS] = std::array::from_fn(|_| values.value());
    let facts = RequestFacts::new(credential, method.unwrap_or_default(), target)
        .with_address_text(address)
        .with_headers_in_order(&headers);
    then(&facts, in_authorization)
}

/// The address that the outermost trusted proxy saw: each of them adds one at the end of the list, and whatever stands before came from
/// the caller.
pub(super) fn address(text: &[u8], hops: usize) -> Option<&[u8]> {
    let mut from_the_end = text.rsplit(|byte| *byte == b',');
    let address = from_the_end.nth(hops - 1)?;
    // The first of a list that was cut may be the tail of another address.
    let may_be_cut = text.len() >= ADDRESS_BYTES && from_the_end.next().is_none();
    (!may_be_cut).then(|| address.trim_ascii())
}

/// What the entry wrote, taken apart from front to back.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// The next field. A length that does not fit cannot come from the entry; an empty field then denies.
    fn field(&mut self, length: i32) -> Option<&'a [u8]> {
        let length = usize::try_from(length).ok()?;
        let (field, rest) = self.0.split_at_checked(length).unwrap_or_default();
        self.0 = rest;
        Some(field)
    }

    /// The next value of a header, behind a byte with its length.
    fn value(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first()?;
        self.0 = rest;
        if *length == ABSENT { None } else { self.field((*length).into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_address_from_the_right_is_the_clients() {
        let list = b"203.0.113.9, 198.51.100.7 ,192.0.2.1";
        assert_eq!(address(list, 1), Some(&b"192.0.2.1"[..]));
        assert_eq!(address(list, 2), Some(&b"198.51.100.7"[..]));
        assert_eq!(address(list, 3), Some(&b"203.0.113.9"[..]));
        assert_eq!(address(list, 4), None);
        assert_eq!(address(b"", 1), Some(&b""[..]));
    }

    #[test]
    fn the_first_address_of_a_list_that_may_be_cut_is_not_read() {
        let mut list = vec![b' '; ADDRESS_BYTES - 10];
        list.extend_from_slice(b"2.0.2.1,::");
        assert_eq!(list.len(), ADDRESS_BYTES);
        assert_eq!(address(&list, 1), Some(&b"::"[..]));
        assert_eq!(address(&list, 2), None);
    }

    #[test]
    fn values_are_read_in_order_and_absent_ones_skipped() {
        let mut values = Input(&[1, b'a', ABSENT, 0, 2, b'b', b'c', 9, b'd']);
        assert_eq!(values.value(), Some(&b"a"[..]));
        assert_eq!(values.value(), None);
        assert_eq!(values.value(), Some(&b""[..]));
        assert_eq!(values.value(), Some(&b"bc"[..]));
        assert_eq!(values.value(), Some(&b""[..]), "a length that does not fit");
        assert_eq!(values.value(), None);
    }
}
