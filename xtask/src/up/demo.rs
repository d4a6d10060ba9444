//! The demo: one keyspace with three routes and one key that may do one of two things.

use super::api::{Api, text};
use super::options::Ports;
use crate::error::{Result, fail};
use crate::json::Json;

pub(crate) struct Demo {
    pub(crate) keyspace_id: String,
    pub(crate) key_id: String,
    pub(crate) key_secret: String,
    /// Whose heads the gate is to accept, as the gate's configuration writes them.
    pub(crate) trusted_keys: Vec<String>,
}

/// Creates the demo, or finds that of `last_run` in a kept database. A key that was revoked meanwhile is replaced.
pub(crate) fn prepare(api: &Api, ports: Ports, last_run: Option<&Json>) -> Result<Demo> {
    let keyspace_id = match find_keyspace(api, ports, last_run)? {
        Some(id) => id,
        None => create_keyspace(api, ports)?,
    };
    api.call("PUT", &format!("/v1/keyspaces/{keyspace_id}/policy"), Some(&policy()))?;
    let (key_id, key_secret) = match find_key(api, &keyspace_id, last_run)? {
        Some(key) => key,
        None => create_key(api, &keyspace_id)?,
    };
    let trusted_keys = trusted_keys(api, &keyspace_id)?;
    Ok(Demo { keyspace_id, key_id, key_secret, trusted_keys })
}

fn create_keyspace(api: &Api, ports: Ports) -> Result<String> {
    let body =
        Json::object([("name", Json::text("demo")), ("prefix", Json::text("demo")), ("gates", gates(ports))]);
    text(&api.call("POST", "/v1/keyspaces", Some(&body))?, "id")
}

fn find_keyspace(api: &Api, ports: Ports, last_run: Option<&Json>) -> Result<Option<String>> {
    let Some(id) = last_run.and_then(|facts| facts.member("keyspace_id")?.as_text()) else { return Ok(None) };
    let path = format!("/v1/keyspaces/{id}");
    if api.find(&path)?.is_none() {
        return Ok(None);
    }
    // The gate may listen on another port than last time.
    api.patch(&path, &Json::object([("gates", gates(ports))]))?;
    Ok(Some(id.to_owned()))
}

fn create_key(api: &Api, keyspace_id: &str) -> Result<(String, String)> {
    let permissions = Json::List(vec![Json::text("hello:read")]);
    let body = Json::object([("name", Json::text("demo key")), ("permissions", permissions)]);
    let created = api.call("POST", &format!("/v1/keyspaces/{keyspace_id}/keys"), Some(&body))?;
    Ok((text(&created, "id")?, text(&created, "secret")?))
}

fn find_key(api: &Api, keyspace_id: &str, last_run: Option<&Json>) -> Result<Option<(String, String)>> {
    let fact = |name| last_run.and_then(|facts| facts.member(name)?.as_text());
    let (Some(last_keyspace), Some(id), Some(secret)) =
        (fact("keyspace_id"), fact("key_id"), fact("key_secret"))
    else {
        return Ok(None);
    };
    if last_keyspace != keyspace_id {
        return Ok(None);
    }
    let key = api.find(&format!("/v1/keys/{id}"))?;
    let active = key.is_some_and(|key| key.member("status").and_then(Json::as_text) == Some("active"));
    Ok(active.then(|| (id.to_owned(), secret.to_owned())))
}

fn trusted_keys(api: &Api, keyspace_id: &str) -> Result<Vec<String>> {
    let snapshot = api.call("GET", &format!("/v1/keyspaces/{keyspace_id}/snapshot"), None)?;
    let keys = snapshot.member("trusted_keys").and_then(Json::as_list).unwrap_or_default();
    let keys: Vec<String> = keys.iter().filter_map(|key| key.as_text().map(str::to_owned)).collect();
    if keys.is_empty() {
        fail("the control plane names no trusted keys for the demo keyspace")
    } else {
        Ok(keys)
    }
}

fn gates(ports: Ports) -> Json {
    Json::List(vec![Json::object([("url", Json::text(format!("http://127.0.0.1:{}", ports.gate)))])])
}

fn policy() -> Json {
    let route = |method: &str, path: &str| {
        vec![("method".to_owned(), Json::text(method)), ("path".to_owned(), Json::text(path))]
    };
    let guarded = |method, path, permission: &str| {
        let mut members = route(method, path);
        members.push(("permission".to_owned(), Json::text(permission)));
        Json::Object(members)
    };
    let routes = vec![
        guarded("GET", "/v1/hello", "hello:read"),
        guarded("POST", "/echo", "hello:write"),
        Json::Object(route("GET", "/public/*")),
    ];
    Json::object([("default", Json::text("deny")), ("routes", Json::List(routes))])
}
