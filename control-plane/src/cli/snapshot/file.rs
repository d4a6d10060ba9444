use latchkey_snapshot::Refusal;
use latchkey_snapshot::bundle::{Intent, UnverifiedBundle};

const BUNDLE_MAGIC: &[u8] = b"LKBU";

/// A head with the bodies that came along; nothing in it is verified.
pub(super) struct SnapshotFile<'a> {
    /// `None` for a head that came alone.
    pub(super) intent: Option<Intent>,
    pub(super) head: &'a [u8],
    pub(super) bodies: Vec<&'a [u8]>,
}

impl<'a> SnapshotFile<'a> {
    /// Tells a bundle from a head by its first bytes.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if !bytes.starts_with(BUNDLE_MAGIC) {
            return Ok(Self { intent: None, head: bytes, bodies: Vec::new() });
        }
        let UnverifiedBundle { intent, head, bodies } = UnverifiedBundle::parse(bytes)?;
        Ok(Self { intent: Some(intent), head, bodies })
    }
}
