//! Lists of keys: filters as conditions of one query, newest first.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::rows::{self, KEY_COLUMNS, number};
use crate::domain::{Key, KeyId, KeyStatus, KeyspaceId, Page, PageRequest, Timestamp};
use crate::storage::{KeyFilter, StatusFilter, StoreError};

pub(super) fn list(
    connection: &Connection,
    keyspace: KeyspaceId,
    filter: &KeyFilter,
    page: PageRequest,
    now: Timestamp,
) -> Result<Page<Key>, StoreError> {
    let mut query = Query::default();
    query.add("k.keyspace_id = ?", [number(keyspace.0).into()]);
    if let Some(before) = page.before {
        query.add("k.id < ?", [number(before).into()]);
    }
    query.add_status(filter.status, now);
    if let Some(environment) = filter.environment {
        query.add("k.environment = ?", [environment.as_str().to_owned().into()]);
    }
    if let Some(owner) = &filter.owner {
        query.add("ifnull(k.owner, '') = ?", [owner.clone().into()]);
    }
    if let Some(tag) = &filter.tag {
        query.add("EXISTS (SELECT 1 FROM json_each(k.tags) WHERE value = ?)", [tag.clone().into()]);
    }
    if let Some(search) = &filter.search {
        query.add_search(search);
    }
    let sql = format!(
        "SELECT {KEY_COLUMNS} FROM keys AS k WHERE {} ORDER BY k.id DESC LIMIT {}",
        query.conditions.join(" AND "),
        page.limit + 1
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let keys = statement.query_map(params_from_iter(query.values), rows::read_key)?;
    let page = Page::from_overfull(keys.collect::<Result<Vec<_>, _>>()?, page.limit);
    let items =
        page.items.into_iter().map(|key| rows::with_secrets(connection, key)).collect::<Result<_, _>>()?;
    Ok(Page { items, has_more: page.has_more })
}

#[derive(Default)]
struct Query {
    conditions: Vec<&'static str>,
    values: Vec<Value>,
}

impl Query {
    fn add<const N: usize>(&mut self, condition: &'static str, values: [Value; N]) {
        self.conditions.push(condition);
        self.values.extend(values);
    }

    /// The order of the conditions is that of `Key::status`.
    fn add_status(&mut self, status: StatusFilter, now: Timestamp) {
        match status {
            StatusFilter::All => {}
            StatusFilter::NotRevoked => self.add("k.revoked_at IS NULL", []),
            StatusFilter::Only(KeyStatus::Revoked) => self.add("k.revoked_at IS NOT NULL", []),
            StatusFilter::Only(KeyStatus::Disabled) => self.add("k.revoked_at IS NULL AND NOT k.enabled", []),
            StatusFilter::Only(KeyStatus::Expired) => {
                self.add("k.revoked_at IS NULL AND k.enabled AND k.expires_at <= ?", [now.0.into()])
            }
            StatusFilter::Only(KeyStatus::Active) => self.add(
                "k.revoked_at IS NULL AND k.enabled AND (k.expires_at IS NULL OR k.expires_at > ?)",
                [now.0.into()],
            ),
        }
    }

    fn add_search(&mut self, search: &str) {
        let escaped = search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let pattern = Value::from(format!("%{escaped}%"));
        let (first, last) = ids_that_begin_with(search).unwrap_or((1, 0));
        self.add(
            "(k.name LIKE ? ESCAPE '\\' OR k.description LIKE ? ESCAPE '\\' OR k.id BETWEEN ? AND ? \
             OR EXISTS (SELECT 1 FROM secrets AS t WHERE t.key_id = k.id AND t.start LIKE ? ESCAPE '\\'))",
            [pattern.clone(), pattern.clone(), first.into(), last.into(), pattern],
        );
    }
}

/// The ids of which `text` is the beginning, as numbers: ids sort as their numbers do.
fn ids_that_begin_with(text: &str) -> Option<(i64, i64)> {
    const LENGTH: usize = "key_0000000000000".len();
    if !text.starts_with("key_") || text.len() > LENGTH || !text.is_ascii() {
        return None;
    }
    let filled = |with: &str| format!("{text}{}", with.repeat(LENGTH - text.len()));
    let first: KeyId = filled("0").parse().ok()?;
    let last = filled("z").parse().map_or(i64::MAX, |last: KeyId| number(last.0));
    Some((number(first.0), last))
}
