//! Finding the route of a request (spec/decision.md section 3.3).
//!
//! The patterns of a policy form a tree, one level for each segment. A request goes down the literal child if there is one,
//! else the parameter child, else it stops at the wildcard; where a branch ends without a route, the next choice above is
//! tried. A tree node is reached by one way only, so a request visits each at most once: the work is bounded by
//! the number of pattern segments times the length of the path, whatever the patterns are.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::path::{CanonicalPath, Segments, hash};
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
    /// Ascending by hash.
    literals: Vec<Literal>,
    parameter: Option<u32>,
    /// Routes whose pattern ends at this node.
    here: Vec<(Box<str>, RouteIndex)>,
    /// Routes whose pattern ends in `*` below this node.
    subtree: Vec<(Box<str>, RouteIndex)>,
}

/// A literal segment and where it leads.
#[derive(Debug)]
struct Literal {
    /// Literals of one node tend to begin alike, so that comparing their texts takes long; the texts of one hash are compared.
    hash: u32,
    text: Box<str>,
    child: u32,
}

impl Node {
    /// The child behind the literal that `is_it` says yes to, of those with this hash.
    fn child(&self, hash: u32, is_it: impl Fn(&str) -> bool) -> Option<u32> {
        let at = self.literals.partition_point(|literal| literal.hash < hash);
        let same = self.literals.get(at..)?.iter().take_while(|literal| literal.hash == hash);
        same.filter(|literal| is_it(&literal.text)).map(|literal| literal.child).next()
    }
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
        let hash = hash(text.bytes());
        let node = &mut self.nodes[node as usize];
        if let Some(child) = node.child(hash, |literal| literal == text) {
            return child;
        }
        let at = node.literals.partition_point(|literal| literal.hash < hash);
        node.literals.insert(at, Literal { hash, text: text.into(), child: new });
        self.nodes.push(Node::default());
        new
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
        let literal = || {
            let is_it = |literal: &str| segment.equals(literal.as_bytes());
            if node.literals.is_empty() { None } else { node.child(segment.hash(), is_it) }
        };
        literal()
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

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn tree(routes: &[(&str, &str)]) -> RouteTree {
        let mut tree = RouteTree::new();
        for (index, (method, pattern)) in (0..).zip(routes) {
            tree.insert(method, pattern, index).expect("a valid route");
        }
        tree
    }

    fn find(tree: &RouteTree, method: &str, path: &str) -> Option<RouteIndex> {
        tree.find(method, CanonicalPath::new(path.as_bytes())?)
    }

    #[test]
    fn literal_comes_before_parameter_before_wildcard() {
        let tree = tree(&[("*", "/*"), ("*", "/a/*"), ("*", "/a/{x}"), ("*", "/a/b"), ("*", "/{y}/b/c")]);
        for (path, expected) in [
            ("/a/b", 3),
            ("/a/b/", 3),
            ("/a/z", 2),
            ("/a/z/z", 1),
            ("/a/b/c", 1),
            ("/a", 1),
            ("/z/b/c", 4),
            ("/z/b", 0),
            ("/", 0),
        ] {
            assert_eq!(find(&tree, "GET", path), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_wildcard_covers_its_own_path_and_everything_below() {
        let tree = tree(&[("GET", "/files/*")]);
        for path in ["/files", "/files/", "/files/a", "/files/a/b/c"] {
            assert_eq!(find(&tree, "GET", path), Some(0), "{path}");
        }
        assert_eq!(find(&tree, "GET", "/filesystem"), None);
        assert_eq!(find(&tree, "GET", "/"), None);
    }

    #[test]
    fn the_own_method_comes_before_any_method_and_head_is_read_as_get() {
        let tree = tree(&[("*", "/a"), ("GET", "/a"), ("HEAD", "/b"), ("GET", "/b"), ("GET", "/c")]);
        assert_eq!(find(&tree, "GET", "/a"), Some(1));
        assert_eq!(find(&tree, "HEAD", "/a"), Some(1));
        assert_eq!(find(&tree, "POST", "/a"), Some(0));
        assert_eq!(find(&tree, "HEAD", "/b"), Some(2));
        assert_eq!(find(&tree, "HEAD", "/c"), Some(4));
        assert_eq!(find(&tree, "POST", "/c"), None);
        assert_eq!(find(&tree, "get", "/c"), None);
        assert_eq!(find(&tree, "*", "/c"), None);
    }

    #[test]
    fn a_less_specific_route_is_taken_when_the_method_rules_the_specific_one_out() {
        let tree = tree(&[("GET", "/items/special"), ("*", "/items/{id}")]);
        assert_eq!(find(&tree, "POST", "/items/special"), Some(1));
    }

    #[test]
    fn a_route_that_could_never_be_reached_is_refused() {
        let mut tree = tree(&[("GET", "/a/{x}"), ("GET", "/a/*")]);
        assert_eq!(tree.insert("GET", "/a/{y}", 2), Err(RouteFault::Repeats { first: 0 }));
        assert_eq!(tree.insert("GET", "/a/*", 2), Err(RouteFault::Repeats { first: 1 }));
        assert_eq!(tree.insert("PUT", "/a/{y}", 2), Ok(()));
        for method in ["", "get", "GET ", "ABCDEFGHIJKLMNOPQ"] {
            assert_eq!(tree.insert(method, "/b", 3), Err(RouteFault::Method(method.into())), "{method:?}");
        }
    }

    #[test]
    fn many_ambiguous_patterns_do_not_multiply_the_work() {
        // Both choices at each of 12 levels: 4,096 patterns that all but match. Every tree node is visited at most once.
        let mut tree = RouteTree::new();
        for bits in 0..4_096_u16 {
            let pattern: String = (0..12)
                .map(|level| if bits >> level & 1 == 1 { "/a".into() } else { format!("/{{p{level}}}") })
                .collect();
            tree.insert("GET", &format!("{pattern}/end"), bits).expect("a valid route");
        }
        assert_eq!(tree.nodes.len(), (1 << 13) - 1 + 4_096);
        assert_eq!(find(&tree, "GET", &format!("{}/other", "/a".repeat(12))), None);
        assert_eq!(find(&tree, "GET", &format!("{}/end", "/a".repeat(12))), Some(4_095));
    }

    /// What spec/decision.md section 3.3 says, looking at each route by itself.
    fn reference(routes: &[(String, String)], method: &str, path: &str) -> Option<RouteIndex> {
        let path: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let ranked = (0..).zip(routes).filter_map(|(index, (wanted, pattern))| {
            let by_method = match wanted.as_str() {
                wanted if wanted == method => 0,
                "GET" if method == "HEAD" => 1,
                "*" => 2,
                _ => return None,
            };
            Some(((rank(pattern, &path)?, by_method), index))
        });
        ranked.min().map(|(_, index)| index)
    }

    /// One number a segment, smaller = more specific; `None` if the pattern does not match.
    fn rank(pattern: &str, path: &[&str]) -> Option<Vec<u8>> {
        let pattern: Vec<&str> = pattern.split('/').filter(|segment| !segment.is_empty()).collect();
        let (pattern, is_subtree) = match pattern.split_last() {
            Some((&"*", rest)) => (rest, true),
            _ => (&pattern[..], false),
        };
        if path.len() < pattern.len() || (path.len() > pattern.len() && !is_subtree) {
            return None;
        }
        let mut rank = Vec::new();
        for (pattern, segment) in pattern.iter().zip(path) {
            match pattern.starts_with('{') {
                true => rank.push(1),
                false if pattern == segment => rank.push(0),
                false => return None,
            }
        }
        rank.push(if is_subtree { 2 } else { 0 });
        Some(rank)
    }

    proptest! {
        #[test]
        fn finds_what_looking_at_each_route_by_itself_finds(
            routes in proptest::collection::vec(
                ("(GET|POST|HEAD|\\*)", "(/(a|b|ab|\\{x\\}|\\{y\\})){0,4}(/\\*)?"), 0..40,
            ),
            method in "(GET|POST|HEAD|PUT)",
            path in "(/(a|b|ab|c)){0,5}/?",
        ) {
            let mut tree = RouteTree::new();
            let mut kept: Vec<(String, String)> = Vec::new();
            for (method, pattern) in routes {
                let pattern = if pattern.is_empty() { "/".into() } else { pattern };
                if tree.insert(&method, &pattern, kept.len() as u16).is_ok() {
                    kept.push((method, pattern));
                }
            }
            let path = if path.is_empty() { "/" } else { &path };
            prop_assert_eq!(find(&tree, &method, path), reference(&kept, &method, path));
        }

        #[test]
        fn no_path_makes_the_search_panic(path in proptest::collection::vec(any::<u8>(), 0..100)) {
            let tree = tree(&[("*", "/*"), ("*", "/{a}/b"), ("GET", "/a/{b}")]);
            let _ = CanonicalPath::new(&path).map(|path| tree.find("GET", path));
        }
    }
}
