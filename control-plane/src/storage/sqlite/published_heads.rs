//! The history of a keyspace's heads.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{number, unsigned};
use crate::domain::{KeyspaceId, Page, PageRequest, Timestamp};
use crate::storage::{HISTORY_ROWS, HeadKind, HeadOutline, Publication, PublishedHead, StoreError};

const COLUMNS: &str = "number, epoch, first_seq, last_seq, change_seq, kind, first_issued_at, last_issued_at, row_count, \
                       segment_count, bytes, signers, consented";

/// The newest row, as far as the next head is compared with it.
struct Newest {
    number: u64,
    epoch: u32,
    change_seq: u64,
    base: [u8; 32],
    segments: [u8; 32],
    signers: String,
}

/// Notes a head: one that brings nothing is counted with the last that did.
pub(super) fn note(
    connection: &Connection,
    publication: &Publication,
    outline: &HeadOutline,
) -> Result<(), StoreError> {
    let id = number(publication.keyspace_id.0);
    let newest = newest(connection, id)?;
    let kind = newest.as_ref().map_or(Some(HeadKind::Base), |newest| brought(newest, publication, outline));
    let Some(kind) = kind else {
        connection
            .prepare_cached(
                "UPDATE published_heads SET last_seq = ?3, last_issued_at = ?4 WHERE keyspace_id = ?1 AND number = ?2",
            )?
            .execute(params![
                id,
                number(newest.map_or(0, |newest| newest.number)),
                number(publication.seq),
                publication.issued_at.0,
            ])?;
        return Ok(());
    };
    let row = newest.map_or(1, |newest| newest.number + 1);
    connection
        .prepare_cached(
            "INSERT INTO published_heads (keyspace_id, number, epoch, first_seq, last_seq, change_seq, kind, first_issued_at, \
             last_issued_at, row_count, segment_count, bytes, signers, consented, base, segments) \
             VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            id,
            number(row),
            publication.epoch,
            number(publication.seq),
            number(publication.change_seq),
            kind.as_str(),
            publication.issued_at.0,
            number(outline.row_count),
            outline.segment_count,
            number(outline.bytes),
            outline.signers.join(","),
            outline.consented,
            outline.base,
            outline.segments,
        ])?;
    connection
        .prepare_cached("DELETE FROM published_heads WHERE keyspace_id = ?1 AND number <= ?2")?
        .execute(params![id, number(row.saturating_sub(HISTORY_ROWS))])?;
    Ok(())
}

fn newest(connection: &Connection, id: i64) -> Result<Option<Newest>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT number, epoch, change_seq, base, segments, signers FROM published_heads WHERE keyspace_id = ?1 \
         ORDER BY number DESC LIMIT 1",
    )?;
    let newest = statement.query_row([id], |row| {
        Ok(Newest {
            number: unsigned(row.get(0)?),
            epoch: row.get(1)?,
            change_seq: unsigned(row.get(2)?),
            base: row.get(3)?,
            segments: row.get(4)?,
            signers: row.get(5)?,
        })
    });
    Ok(newest.optional()?)
}

fn brought(newest: &Newest, publication: &Publication, outline: &HeadOutline) -> Option<HeadKind> {
    if newest.base != outline.base || newest.epoch != publication.epoch {
        Some(HeadKind::Base)
    } else if newest.segments != outline.segments {
        Some(HeadKind::Segment)
    } else if newest.change_seq != publication.change_seq {
        Some(HeadKind::Settings)
    } else if newest.signers != outline.signers.join(",") {
        Some(HeadKind::Signature)
    } else {
        None
    }
}

pub(super) fn page(
    connection: &Connection,
    id: KeyspaceId,
    page: PageRequest,
) -> Result<Page<PublishedHead>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM published_heads WHERE keyspace_id = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let before = page.before.map_or(i64::MAX, number);
    let heads = statement.query_map(params![number(id.0), before, page.limit + 1], read)?;
    Ok(Page::from_overfull(heads.collect::<Result<_, _>>()?, page.limit))
}

fn read(row: &Row<'_>) -> Result<PublishedHead, rusqlite::Error> {
    let (kind, signers): (String, String) = (row.get(5)?, row.get(11)?);
    Ok(PublishedHead {
        number: unsigned(row.get(0)?),
        epoch: row.get(1)?,
        first_seq: unsigned(row.get(2)?),
        last_seq: unsigned(row.get(3)?),
        change_seq: unsigned(row.get(4)?),
        // A later version's kind brought something too.
        kind: HeadKind::from_stored(&kind).unwrap_or(HeadKind::Settings),
        first_issued_at: Timestamp(row.get(6)?),
        last_issued_at: Timestamp(row.get(7)?),
        row_count: unsigned(row.get(8)?),
        segment_count: row.get(9)?,
        bytes: unsigned(row.get(10)?),
        signers: signers.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        consented: row.get(12)?,
    })
}
