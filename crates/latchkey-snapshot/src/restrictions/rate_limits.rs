use alloc::string::String;
use alloc::vec::Vec;

use crate::names::{Ascending, is_unit_name, require};
use crate::profile::encode_texts;
use crate::reader::Reader;
use crate::{Refusal, limits};

/// Where the requests of a window are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RateLimitMode {
    /// Where they come in: no waiting, and each place allows the limit by itself.
    #[default]
    Local = 0,
    /// In one place for all gates: one call more for each request.
    Exact = 1,
}

/// A named limit of requests a window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RateLimit {
    pub name: String,
    /// Units of cost a window, at least 1.
    pub limit: u32,
    /// 1 to 2,592,000.
    pub window_seconds: u32,
    pub mode: RateLimitMode,
}

/// Entries (name, limit, window, mode), ascending by name.
pub(crate) fn encode(rate_limits: &[RateLimit]) -> Result<Vec<u8>, Refusal> {
    let mut sorted: Vec<&RateLimit> = rate_limits.iter().collect();
    sorted.sort_unstable_by_key(|limit| &limit.name);
    let mut out = Vec::new();
    for limit in sorted {
        out.extend_from_slice(&encode_texts(&[&limit.name])?);
        out.extend_from_slice(&limit.limit.to_le_bytes());
        out.extend_from_slice(&limit.window_seconds.to_le_bytes());
        out.push(limit.mode as u8);
    }
    RateLimits::verify(&out)?;
    Ok(out)
}

/// The rate limits of a key, borrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits<'a> {
    bytes: &'a [u8],
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitView<'a> {
    pub name: &'a str,
    /// Units of cost a window, at least 1.
    pub limit: u32,
    pub window_seconds: u32,
    pub mode: RateLimitMode,
}

impl<'a> RateLimits<'a> {
    pub(crate) fn verify(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(bytes);
        let mut names = Ascending::default();
        while reader.remaining() > 0 {
            let limit = entry(&mut reader)?;
            require(is_unit_name(limit.name))?;
            names.take(limit.name, limits::RATE_LIMITS)?;
            let window = 1..=limits::WINDOW_SECONDS;
            if limit.limit == 0 || !window.contains(&limit.window_seconds) {
                return Err(Refusal::LimitExceeded);
            }
        }
        require(!bytes.is_empty())?;
        Ok(Self { bytes })
    }

    /// For bytes that [`RateLimits::verify`] has accepted before.
    pub(crate) fn of_verified(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Ascending by name.
    pub fn iter(&self) -> impl Iterator<Item = RateLimitView<'a>> + Clone + use<'a> {
        let mut reader = Reader::new(self.bytes);
        core::iter::from_fn(move || entry(&mut reader).ok())
    }

    /// Whether the key has none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

fn entry<'a>(reader: &mut Reader<'a>) -> Result<RateLimitView<'a>, Refusal> {
    Ok(RateLimitView {
        name: reader.short_text()?,
        limit: reader.u32()?,
        window_seconds: reader.u32()?,
        mode: match reader.u8()? {
            0 => RateLimitMode::Local,
            1 => RateLimitMode::Exact,
            _ => return Err(Refusal::NotCanonical),
        },
    })
}
