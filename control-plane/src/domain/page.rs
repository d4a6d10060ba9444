/// Which part of a list is wanted: newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// At most this many, 1..=100.
    pub limit: u32,
    /// Only objects whose number is below this one: where the page before ended.
    pub before: Option<u64>,
}

/// Part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Whether older ones follow.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Cuts a list that was read with one item more than the limit.
    pub fn from_overfull(mut items: Vec<T>, limit: u32) -> Self {
        let limit = limit as usize;
        let has_more = items.len() > limit;
        items.truncate(limit);
        Self { items, has_more }
    }
}
