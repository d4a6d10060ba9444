//! Where routes read the values from that keys are limited to (spec/decision.md section 10).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;

use latchkey_snapshot::{ConstraintSource, Constraints, Route, Values, limits, names};

use crate::facts::{Headers, RequestFacts};
use crate::path::CanonicalPath;
use crate::pattern::{self, PatternSegment};
use crate::query::{self, Ambiguous};
use crate::rules::RouteFault;
use crate::text::{Encoding, Text};

/// A constraint that a route reads.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) name: String,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Number of the path's segment.
    Path(usize),
    /// Position in the policy's list of headers, and the name.
    Header(usize, String),
    Query(String),
}

/// Compiles what a route reads, ascending by name. Headers that no earlier route has read are added to `headers`.
pub(crate) fn compile(route: &Route, headers: &mut Vec<String>) -> Result<Vec<Read>, RouteFault> {
    let reads = route.constraints.iter().map(|(name, source)| {
        let source = match source {
            ConstraintSource::Path(parameter) => Source::Path(segment_of(&route.path, parameter)?),
            ConstraintSource::Header(header) => Source::Header(position_of(header, headers)?, header.clone()),
            ConstraintSource::Query(parameter) => Source::Query(parameter.clone()),
        };
        Ok(Read { name: name.clone(), source })
    });
    reads.collect()
}

fn segment_of(path: &str, parameter: &str) -> Result<usize, RouteFault> {
    let mut segments = pattern::segments(path).map_err(RouteFault::Pattern)?;
    let at = segments.position(|segment| segment == Ok(PatternSegment::Parameter(parameter)));
    at.ok_or_else(|| RouteFault::NoSuchParameter(parameter.to_string()))
}

fn position_of(header: &str, headers: &mut Vec<String>) -> Result<usize, RouteFault> {
    if !names::is_header_name(header) {
        return Err(RouteFault::Header(header.to_string()));
    }
    if let Some(at) = headers.iter().position(|known| known == header) {
        return Ok(at);
    }
    if headers.len() == limits::CONSTRAINT_HEADERS {
        return Err(RouteFault::TooManyHeaders);
    }
    headers.push(header.to_string());
    Ok(headers.len() - 1)
}

impl Read {
    pub(crate) fn is_query(&self) -> bool {
        matches!(self.source, Source::Query(_))
    }

    /// The one value that the request has for this; `None` if it has none.
    pub(crate) fn value<'a>(
        &self,
        facts: &RequestFacts<'a>,
        path: CanonicalPath<'a>,
    ) -> Result<Option<Text<'a>>, Ambiguous> {
        match &self.source {
            Source::Path(at) => Ok(path.segments().nth(*at).map(|segment| segment.value())),
            Source::Header(at, name) => header(&facts.headers, *at, name),
            Source::Query(name) => query::value(path.query(), name.as_bytes()),
        }
    }

    /// Whether the request has one of the values for this.
    fn keeps_to<'a>(&self, values: Values<'_>, facts: &RequestFacts<'a>, path: CanonicalPath<'a>) -> bool {
        matches!(self.value(facts, path), Ok(Some(text)) if text.is_one_of(values.iter_bytes()))
    }

    /// Where the value comes from, for people.
    pub(crate) fn place(&self) -> String {
        match &self.source {
            Source::Path(at) => alloc::format!("segment {} of the path", at + 1),
            Source::Header(_, name) => alloc::format!("header {name}"),
            Source::Query(name) => alloc::format!("query parameter {name}"),
        }
    }
}

fn header<'a>(headers: &Headers<'a>, at: usize, name: &str) -> Result<Option<Text<'a>>, Ambiguous> {
    let value = match headers {
        Headers::InOrder(values) => values.get(at).copied().flatten(),
        Headers::Named(headers) => {
            let mut values = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            let value = values.next().map(|(_, value)| *value);
            if values.next().is_some() {
                return Err(Ambiguous);
            }
            value
        }
    };
    let Some(value) = value.map(<[u8]>::trim_ascii) else { return Ok(None) };
    // Two headers of one name arrive as one with a comma, and the upstream may take either.
    if value.contains(&b',') { Err(Ambiguous) } else { Ok(Some(Text::new(value, Encoding::Plain))) }
}

/// The first constraint that the request breaks. A constraint that the route does not read restricts nothing; what the
/// route reads and the key is not limited in may have any value.
pub(crate) fn broken<'r>(
    reads: &'r [Read],
    limited_to: &Constraints<'_>,
    facts: &RequestFacts<'_>,
    path: CanonicalPath<'_>,
) -> Option<&'r Read> {
    let mut entries = limited_to.iter_bytes();
    let mut entry = entries.next();
    // Both lists ascend by name.
    reads.iter().find(|read| {
        while let Some((name, values)) = entry {
            match name.cmp(read.name.as_bytes()) {
                Ordering::Less => entry = entries.next(),
                Ordering::Equal => return !read.keeps_to(values, facts, path),
                Ordering::Greater => return false,
            }
        }
        false
    })
}
