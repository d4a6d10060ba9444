//! What a run tells: `up.json` for scripts, and lines to paste for people.

use super::demo::Demo;
use super::options::Ports;
use super::state::{State, write_private};
use crate::error::Result;
use crate::json::Json;
use crate::paths;

pub(crate) struct Facts {
    pub(crate) ports: Ports,
    pub(crate) admin_key: String,
    pub(crate) demo: Demo,
}

pub(crate) fn write_file(facts: &Facts, state: &State) -> Result<()> {
    let Facts { ports, admin_key, demo } = facts;
    let json = Json::object([
        ("control_plane_url", Json::text(url(ports.control_plane))),
        ("gate_url", Json::text(url(ports.gate))),
        ("upstream_url", Json::text(url(ports.upstream))),
        ("admin_key", Json::text(admin_key)),
        ("keyspace_id", Json::text(&demo.keyspace_id)),
        ("key_id", Json::text(&demo.key_id)),
        ("key_secret", Json::text(&demo.key_secret)),
    ]);
    write_private(&state.facts(), &json.to_string())
}

pub(crate) fn print(facts: &Facts, state: &State) {
    let Facts { ports, admin_key, demo } = facts;
    let Demo { key_id, key_secret, .. } = demo;
    let (control_plane, gate, upstream) = (url(ports.control_plane), url(ports.gate), url(ports.upstream));
    let file = paths::shown(&state.facts());
    println!(
        "
Latchkey is up. For scripts: {file}

  control plane   {control_plane}   (API: {control_plane}/openapi.json)
  dashboard       {control_plane}/dashboard/   (sign in with {admin_key})
  gate            {gate}
  upstream        {upstream}

Allowed: the key may read.
  curl -i {gate}/v1/hello -H 'Authorization: Bearer {key_secret}'

Denied (403): the same key may not write.
  curl -i {gate}/echo -H 'Authorization: Bearer {key_secret}' -d hello

Revoke the key …
  curl -i -X DELETE {control_plane}/v1/keys/{key_id} -H 'Authorization: Bearer {admin_key}'

… and within a second it is denied (401).
  curl -i {gate}/v1/hello -H 'Authorization: Bearer {key_secret}'

Ctrl-C stops everything."
    );
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
