//! Identifiers: one type per kind of object, so that a key's id can never be passed for a keyspace's.

use std::sync::Mutex;

use latchkey_snapshot::id as text;
use rand::Rng;

use super::Timestamp;

macro_rules! id_type {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// What stands before the underscore.
            pub const KIND: &'static str = $kind;
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                text::Id::new(Self::KIND, self.0).fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = MalformedId;

            fn from_str(id: &str) -> Result<Self, MalformedId> {
                text::parse(Self::KIND, id)
                    .filter(|number| i64::try_from(*number).is_ok())
                    .map(Self)
                    .ok_or(MalformedId { kind: Self::KIND })
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self(number)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

id_type! {
    /// A tenant.
    WorkspaceId = "ws";
    /// The keys that one gate enforces together.
    KeyspaceId = "ks";
    /// A key. Its number is the `key_number` of the key's rows in a snapshot.
    KeyId = "key";
    /// One token of a key.
    SecretId = "sec";
    /// A pair of keys by which requests of a key are signed.
    SigningKeyId = "sk";
    /// A credential that gates add to requests.
    UpstreamCredentialId = "uc";
    /// A role of a keyspace.
    RoleId = "role";
    /// A key to the admin API.
    AdminKeyId = "adm";
    /// A browser that is signed in.
    SessionId = "ses";
    /// One request to the admin API.
    RequestId = "req";
    /// An address that is told of events.
    WebhookId = "whk";
    /// Something that webhooks tell of.
    EventId = "evt";
    /// An event on its way to one webhook.
    DeliveryId = "dlv";
}

/// A text that is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `{kind}_` followed by 13 of the characters 0123456789abcdefghjkmnpqrstvwxyz")]
pub struct MalformedId {
    kind: &'static str,
}

/// 2020-01-01T00:00:00Z in milliseconds: numbers that start here keep ids short of 63 bits until 2089.
const EPOCH_MILLISECONDS: i64 = 1_577_836_800_000;
const RANDOM_BITS: u32 = 22;

/// The smallest number that an id made at this moment, or later, can have. Moments before 2020 have 0.
pub fn first_number_at(at: Timestamp) -> u64 {
    let since_epoch = u64::try_from(at.0.saturating_sub(EPOCH_MILLISECONDS)).unwrap_or(0);
    since_epoch.min((1 << (63 - RANDOM_BITS)) - 1) << RANDOM_BITS
}

/// The moment at which an id of this number was made.
pub fn time_of_number(number: u64) -> Timestamp {
    // 42 bits at most, so it fits.
    Timestamp((number >> RANDOM_BITS) as i64 + EPOCH_MILLISECONDS)
}

/// Makes numbers that rise with time and are unique within the process; randomness keeps processes apart.
#[derive(Debug, Default)]
pub struct IdSource {
    last: Mutex<u64>,
}

impl IdSource {
    /// The next identifier, of whatever kind the caller asks for.
    pub fn next<T: From<u64>>(&self, now: Timestamp) -> T {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *last = next_number(*last, now);
        T::from(*last)
    }
}

/// A number above `last` that tells the time, unless the clock went back.
pub fn next_number(last: u64, now: Timestamp) -> u64 {
    let random = rand::rng().next_u64() & ((1 << RANDOM_BITS) - 1);
    (first_number_at(now) | random).max(last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_even_when_the_clock_stands_still_or_goes_back() {
        let ids = IdSource::default();
        let now = Timestamp(EPOCH_MILLISECONDS + 1_000);
        let mut last: KeyId = ids.next(now);
        for step in 0..1_000 {
            let next: KeyId = ids.next(Timestamp(now.0 - step % 3));
            assert!(next > last && next.to_string() > last.to_string());
            last = next;
        }
    }

    #[test]
    fn a_number_tells_its_time_and_times_are_kept_within_what_a_database_integer_holds() {
        let at = Timestamp(EPOCH_MILLISECONDS + 123_456_789);
        assert_eq!(time_of_number(first_number_at(at) | 77), at);
        assert_eq!(first_number_at(Timestamp(0)), 0);
        assert!(i64::try_from(first_number_at(Timestamp(i64::MAX))).is_ok());
    }

    #[test]
    fn ids_of_another_kind_are_refused() {
        let id = KeyId(77).to_string();
        assert_eq!(id.parse(), Ok(KeyId(77)));
        assert!(id.parse::<KeyspaceId>().is_err());
        assert!("key_fffffffffffff".parse::<KeyId>().is_err(), "more than a database integer holds");
    }
}
