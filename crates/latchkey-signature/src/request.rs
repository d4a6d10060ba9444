//! A request as the verifier sees it.

use std::borrow::Cow;

/// Looks up header fields.
pub trait Fields {
    /// The value of the field with this lower-case name, without white space around it; of several lines, their values in order with `", "` between
    /// them (RFC 9421 section 2.1). `None` if the request has no such field.
    fn get(&self, name: &str) -> Option<Cow<'_, str>>;
}

/// Lower-case names and values, one for each line of the request.
impl Fields for &[(&str, &str)] {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut lines = self.iter().filter(|(known, _)| *known == name).map(|(_, value)| trim(value));
        let first = lines.next()?;
        let rest: Vec<&str> = lines.collect();
        if rest.is_empty() {
            return Some(first.into());
        }
        Some(format!("{first}, {}", rest.join(", ")).into())
    }
}

fn trim(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

/// Whether a request has a body. An empty one is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none.
    Absent,
    /// There is one.
    Present,
}

/// A request, as it will be forwarded. Not printable: covered fields may hold credentials.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method, as it was sent: methods are case-sensitive.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host, and port if it is not the scheme's own.
    pub authority: &'a str,
    /// Path and query, beginning with `/`.
    pub target: &'a str,
    /// The header fields.
    pub fields: &'a dyn Fields,
    /// Whether there is a body.
    pub body: Body,
}

impl<'a> Request<'a> {
    pub(crate) fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// What stands behind the `?`, if there is one.
    pub(crate) fn query(&self) -> Option<&'a str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// The host in lower case, without the scheme's own port (RFC 9421 section 2.2.3).
    pub(crate) fn normalized_authority(&self) -> String {
        let lower = self.authority.to_ascii_lowercase();
        let own_port = if self.scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        lower.strip_suffix(own_port).map(str::to_owned).unwrap_or(lower)
    }
}
