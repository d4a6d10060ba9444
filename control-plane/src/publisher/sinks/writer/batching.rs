use super::super::target::{Batch, Outgoing};

/// Bodies that wait until there are enough of them.
pub(super) struct Batching {
    limit: Batch,
    bytes: usize,
    waiting: Vec<Outgoing>,
}

impl Batching {
    pub(super) fn new(limit: Batch) -> Self {
        Self { limit, bytes: 0, waiting: Vec::new() }
    }

    pub(super) fn add(&mut self, body: Outgoing) {
        self.bytes += body.bytes.len();
        self.waiting.push(body);
    }

    /// Whether nothing should be added any more. One body goes past the limit in bytes, and a leaf's page past that in bodies; both
    /// limits are far below those of the services.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= self.limit.bodies - 1 || self.bytes >= self.limit.bytes
    }

    pub(super) fn take(&mut self) -> Vec<Outgoing> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }
}
