//! Finding the route of a request (spec/decision.md section 3.3).
//!
//! The patterns of a policy form a tree, one level for each segment. A request goes down the literal child if there is one,
//! else the parameter child, else it stops at the wildcard; where a branch ends without a route, the next choice above is
//! tried. A tree node is reached by one way only, so a request visits each at most once: the work is bounded by
//! the number of pattern segments times the length of the path, whatever the patterns are.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::path::{CanonicalPath, Segments};
use crate::pattern::{self, PatternSegment};
use crate::rules::RouteFault;

/// Position of a route in its policy.
pub(crate) type RouteIndex = u16;

const ANY_METHOD: &str = "*";
const ROOT: u32 = 0;

/// The routes of a policy, ready to be matched.
#[derive(Debug)]
pub(crate) struct RouteTree {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Ascending by text.
    literals: Vec<(Box<str>, u32)>,
    parameter: Option<u32>,
    /// Routes whose pattern ends at this node.
    here: Vec<(Box<str>, RouteIndex)>,
    /// Routes whose pattern ends in `*` below this node.
    subtree: Vec<(Box<str>, RouteIndex)>,
}

impl RouteTree {
    pub(crate) fn new() -> Self {
        Self { nodes: Vec::from([Node::default()]) }
    }

    /// Adds the route that stands at `index` of the policy.
    pub(crate) fn insert(
        &mut self,
        method: &str,
        pattern: &str,
        index: RouteIndex,
    ) -> Result<(), RouteFault> {
        check_method(method)?;
        pattern::check_pattern(pattern).map_err(RouteFault::Pattern)?;
        let mut node = ROOT;
        let mut is_subtree = false;
        for segment in pattern::segments(pattern).map_err(RouteFault::Pattern)? {
            match segment.map_err(RouteFault::Pattern)? {
                PatternSegment::Literal(text) => node = self.literal_child(node, text),
                PatternSegment::Parameter(_) => node = self.parameter_child(node),
                PatternSegment::Wildcard => is_subtree = true,
            }
        }
        let node = &mut self.nodes[node as usize];
        let routes = if is_subtree { &mut node.subtree } else { &mut node.here };
        if let Some((_, first)) = routes.iter().find(|(other, _)| **other == *method) {
            return Err(RouteFault::Repeats { first: *first });
        }
        routes.push((method.into(), index));
        Ok(())
    }

    fn literal_child(&mut self, node: u32, text: &str) -> u32 {
        let new = self.nodes.len() as u32;
        let literals = &mut self.nodes[node as usize].literals;
        match literals.binary_search_by(|(literal, _)| (**literal).cmp(text)) {
            Ok(at) => literals[at].1,
            Err(at) => {
                literals.insert(at, (text.into(), new));
                self.nodes.push(Node::default());
                new
            }
        }
    }

    fn parameter_child(&mut self, node: u32) -> u32 {
        let new = self.nodes.len() as u32;
        let child = *self.nodes[node as usize].parameter.get_or_insert(new);
        if child == new {
            self.nodes.push(Node::default());
        }
        child
    }

    /// The route of a request, if one matches.
    pub(crate) fn find(&self, method: &str, path: CanonicalPath<'_>) -> Option<RouteIndex> {
        self.find_below(ROOT, method, path.segments())
    }

    /// Goes as deep as the deepest pattern, 32 levels, not as deep as the path.
    fn find_below(&self, node: u32, method: &str, mut rest: Segments<'_>) -> Option<RouteIndex> {
        let node = self.nodes.get(node as usize)?;
        let subtree = || for_method(&node.subtree, method);
        let Some(segment) = rest.next() else {
            return for_method(&node.here, method).or_else(subtree);
        };
        let literal = node.literals.binary_search_by(|(text, _)| segment.cmp_to(text.as_bytes()).reverse());
        let literal = literal.ok().and_then(|at| node.literals.get(at)).map(|(_, child)| *child);
        literal
            .and_then(|child| self.find_below(child, method, rest))
            .or_else(|| node.parameter.and_then(|child| self.find_below(child, method, rest)))
            .or_else(subtree)
    }
}

/// The method's own route, else for HEAD that of GET (it is a GET whose body is left away), else that of any method.
fn for_method(routes: &[(Box<str>, RouteIndex)], method: &str) -> Option<RouteIndex> {
    let of = |wanted: &str| routes.iter().find(|(method, _)| **method == *wanted).map(|(_, index)| *index);
    let as_get = || (method == "HEAD").then(|| of("GET")).flatten();
    of(method).or_else(as_get).or_else(|| of(ANY_METHOD))
}

fn check_method(method: &str) -> Result<(), RouteFault> {
    let is_name = (1..=16).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_name || method == ANY_METHOD { Ok(()) } else { Err(RouteFault::Method(String::from(method))) }
}
