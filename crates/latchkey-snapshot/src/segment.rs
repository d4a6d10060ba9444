//! Segments: sorted changes since the base. `spec/snapshot.md` section 5.

use alloc::collections::{BTreeMap, btree_map};
use alloc::vec::Vec;

use crate::body::{HashedBody, ObjectRef, sha256};
use crate::reader::Reader;
use crate::row::{NewRow, RowView};
use crate::table::{Counts, Table, TableWriter};
use crate::{Refusal, limits};

pub(crate) const MAGIC: [u8; 4] = *b"LKSG";
const VERSION: u8 = 1;
const KEYSPACE_KILL: u8 = 1;
pub(crate) const MARK_BYTES: usize = 12;
const MAX_SEQ_OFFSET: u64 = (1 << 24) - 1;

/// Why a tag or an owner was revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    #[default]
    Unspecified,
    Admin,
    Leaked,
    Holder,
    Rotated,
}

impl Reason {
    const fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::Admin => 1,
            Self::Leaked => 2,
            Self::Holder => 3,
            Self::Rotated => 4,
        }
    }

    /// Numbers of later versions read as unspecified: the reason is for people, the revocation holds all the same.
    const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Admin,
            2 => Self::Leaked,
            3 => Self::Holder,
            4 => Self::Rotated,
            _ => Self::Unspecified,
        }
    }
}

/// Revokes every tag that begins with the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoke {
    /// First 8 bytes of the tag.
    pub prefix: [u8; 8],
    /// Change-log sequence of the revocation.
    pub seq: u64,
    pub reason: Reason,
}

/// Revokes every key of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerKill {
    /// [`owner_tag`] of the owner.
    pub owner: [u8; 8],
    pub seq: u64,
    pub reason: Reason,
}

/// How a segment names an owner: the first 8 bytes of SHA-256 of its text.
pub fn owner_tag(owner: &str) -> [u8; 8] {
    let mut tag = [0; 8];
    tag.copy_from_slice(&sha256(owner.as_bytes())[..8]);
    tag
}

/// What a segment says, to be encoded. Lists may be given in any order, without repeats.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub keyspace_kill: bool,
    pub revokes: Vec<Revoke>,
    pub owner_kills: Vec<OwnerKill>,
    pub upserts: Vec<NewRow>,
}

impl Changes {
    /// Encodes the changes in `(first_seq, last_seq]`.
    ///
    /// # Errors
    /// [`Refusal::NotCanonical`] for repeats or `first_seq > last_seq`, [`Refusal::LimitExceeded`] past the limits of the format.
    pub fn encode(mut self, keyspace: u64, first_seq: u64, last_seq: u64) -> Result<Vec<u8>, Refusal> {
        self.revokes.sort_unstable_by_key(|revoke| revoke.prefix);
        self.owner_kills.sort_unstable_by_key(|kill| kill.owner);
        self.upserts.sort_unstable_by_key(|row| row.tag);
        let repeated = self.revokes.windows(2).any(|two| two[0].prefix == two[1].prefix)
            || self.owner_kills.windows(2).any(|two| two[0].owner == two[1].owner);
        if repeated || first_seq > last_seq {
            return Err(Refusal::NotCanonical);
        }
        let mut table = TableWriter::default();
        // Compiling address rules costs far more than comparing them.
        let mut encoded = BTreeMap::new();
        for row in &self.upserts {
            let profile = match encoded.entry(&row.profile) {
                btree_map::Entry::Occupied(known) => known.into_mut(),
                btree_map::Entry::Vacant(free) => free.insert(row.profile.encoded()?),
            };
            table.push(&row.bare(), profile)?;
        }
        let counts = table.counts();
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, u8::from(self.keyspace_kill) * KEYSPACE_KILL]);
        out.extend_from_slice(&counts.profiles.to_le_bytes());
        for number in [keyspace, first_seq, last_seq] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let marks = [self.revokes.len(), self.owner_kills.len()];
        for count in marks {
            out.extend_from_slice(&u32::try_from(count).map_err(|_| Refusal::LimitExceeded)?.to_le_bytes());
        }
        out.extend_from_slice(&counts.rows.to_le_bytes());
        out.extend_from_slice(&counts.profile_bytes.to_le_bytes());
        for revoke in &self.revokes {
            write_mark(&mut out, revoke.prefix, revoke.seq.saturating_sub(first_seq), revoke.reason);
        }
        for kill in &self.owner_kills {
            write_mark(&mut out, kill.owner, kill.seq.saturating_sub(first_seq), kill.reason);
        }
        table.write(&mut out);
        if out.len() > limits::SEGMENT_BYTES { Err(Refusal::TooLong) } else { Ok(out) }
    }
}

fn write_mark(out: &mut Vec<u8>, name: [u8; 8], seq_offset: u64, reason: Reason) {
    out.extend_from_slice(&name);
    out.extend_from_slice(&seq_offset.min(MAX_SEQ_OFFSET).to_le_bytes()[..3]);
    out.push(reason.number());
}

/// A segment that is the one its head names, in canonical form.
#[derive(Clone, Debug)]
pub struct VerifiedSegment {
    bytes: Vec<u8>,
    sha256: [u8; 32],
    keyspace_kill: bool,
    first_seq: u64,
    last_seq: u64,
    revokes_at: usize,
    kills_at: usize,
    table_at: usize,
    table: Table,
}

impl VerifiedSegment {
    /// Verifies `body` as the segment that `object` promises for this keyspace.
    ///
    /// # Errors
    /// A [`Refusal`] about hash, length, form, order or keyspace.
    pub fn verify(object: &ObjectRef, body: HashedBody, keyspace: u64) -> Result<Self, Refusal> {
        object.admit(&body)?;
        let HashedBody { bytes, sha256 } = body;
        if bytes.len() > limits::SEGMENT_BYTES {
            return Err(Refusal::TooLong);
        }
        let mut reader = Reader::new(&bytes);
        reader.header(MAGIC, VERSION)?;
        let flags = reader.u8()?;
        let profiles = reader.u16()?;
        if reader.u64()? != keyspace {
            return Err(Refusal::KeyspaceMismatch);
        }
        let (first_seq, last_seq) = (reader.u64()?, reader.u64()?);
        if flags & !KEYSPACE_KILL != 0 || first_seq > last_seq {
            return Err(Refusal::NotCanonical);
        }
        let (revokes, kills) = (reader.u32()? as usize, reader.u32()? as usize);
        let counts = Counts { rows: reader.u32()?, profiles, profile_bytes: reader.u32()? };
        let revokes_at = bytes.len() - reader.remaining();
        check_marks(&mut reader, revokes)?;
        let kills_at = bytes.len() - reader.remaining();
        check_marks(&mut reader, kills)?;
        let table_at = bytes.len() - reader.remaining();
        let table = Table::verify(reader, &counts)?;
        let keyspace_kill = flags & KEYSPACE_KILL != 0;
        Ok(Self { keyspace_kill, first_seq, last_seq, revokes_at, kills_at, table_at, table, sha256, bytes })
    }

    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    pub fn has_keyspace_kill(&self) -> bool {
        self.keyspace_kill
    }

    pub fn revokes(&self) -> impl Iterator<Item = Revoke> + '_ {
        self.marks(self.revokes_at, self.kills_at).map(|(prefix, seq, reason)| Revoke { prefix, seq, reason })
    }

    pub fn owner_kills(&self) -> impl Iterator<Item = OwnerKill> + '_ {
        self.marks(self.kills_at, self.table_at).map(|(owner, seq, reason)| OwnerKill { owner, seq, reason })
    }

    fn marks(&self, from: usize, to: usize) -> impl Iterator<Item = ([u8; 8], u64, Reason)> + '_ {
        let (marks, _) = self.bytes.get(from..to).unwrap_or(&[]).as_chunks::<MARK_BYTES>();
        marks.iter().map(|mark| {
            let offset = u64::from(u32::from_le_bytes([mark[8], mark[9], mark[10], 0]));
            (mark_name(mark), self.first_seq + offset, Reason::from_number(mark[11]))
        })
    }

    pub fn upsert_count(&self) -> usize {
        self.table.len()
    }

    /// The upsert at `index`, in tag order.
    pub fn upsert(&self, index: usize) -> Option<RowView<'_>> {
        self.table.row(index)
    }
}

fn mark_name(mark: &[u8; MARK_BYTES]) -> [u8; 8] {
    *mark.first_chunk().expect("a mark is longer than its name")
}

fn check_marks(reader: &mut Reader<'_>, count: usize) -> Result<(), Refusal> {
    let bytes = reader.take(count.checked_mul(MARK_BYTES).ok_or(Refusal::Truncated)?)?;
    let (marks, _) = bytes.as_chunks::<MARK_BYTES>();
    let ascending = marks.windows(2).all(|two| mark_name(&two[0]) < mark_name(&two[1]));
    if ascending { Ok(()) } else { Err(Refusal::NotCanonical) }
}
