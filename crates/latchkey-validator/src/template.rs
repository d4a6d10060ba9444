//! The name of an upstream credential, of which a part may come from the request: `blockfrost-{network}`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use latchkey_snapshot::{UpstreamCredential, names};

use crate::facts::RequestFacts;
use crate::path::CanonicalPath;
use crate::reads::Read;
use crate::rules::RouteFault;

#[derive(Debug)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Literal(String),
    /// Position among what the route reads.
    Value(usize),
}

impl Template {
    /// Compiles `text`; what stands in braces must be a constraint that the route reads.
    pub(crate) fn compile(text: &str, reads: &[Read]) -> Result<Self, RouteFault> {
        let fault = || RouteFault::Template(text.to_string());
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (literal, after) = rest.split_once('{').unwrap_or((rest, ""));
            if !literal.bytes().all(names::may_stand_in_credential_name) {
                return Err(fault());
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_string()));
            }
            if literal.len() == rest.len() {
                break;
            }
            let (name, after) = after.split_once('}').ok_or_else(fault)?;
            let at = reads.iter().position(|read| read.name == name).ok_or_else(fault)?;
            parts.push(Part::Value(at));
            rest = after;
        }
        if parts.is_empty() { Err(fault()) } else { Ok(Self { parts }) }
    }

    /// Whether the name depends on the request.
    pub(crate) fn has_values(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Value(_)))
    }

    /// The credential that the request needs, if there is one with that name.
    pub(crate) fn find<'s>(
        &self,
        credentials: &'s [UpstreamCredential],
        reads: &[Read],
        facts: &RequestFacts<'_>,
        path: CanonicalPath<'_>,
    ) -> Option<&'s UpstreamCredential> {
        credentials.iter().find(|credential| {
            self.leaves(credential.name.as_bytes(), reads, facts, path).is_some_and(<[u8]>::is_empty)
        })
    }

    /// What is left of `name` behind the template as this request fills it.
    fn leaves<'n>(
        &self,
        name: &'n [u8],
        reads: &[Read],
        facts: &RequestFacts<'_>,
        path: CanonicalPath<'_>,
    ) -> Option<&'n [u8]> {
        self.parts.iter().try_fold(name, |rest, part| match part {
            Part::Literal(literal) => rest.strip_prefix(literal.as_bytes()),
            Part::Value(at) => reads.get(*at)?.value(facts, path).ok().flatten()?.strip_from(rest),
        })
    }
}
