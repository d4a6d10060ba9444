use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::app::App;
use crate::domain::{Keyspace, PageRequest};
use crate::http::caller::Caller;
use crate::http::metrics::{describe, label, line};
use crate::http::problem::Failure;

const PAGE: u32 = 100;

/// Show counters and gauges in the text format of Prometheus.
///
/// Requests are those of the whole process; keyspaces and gates are those that the admin key reaches.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "system",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain"))
)]
pub(in crate::http) async fn get_metrics(
    caller: Caller,
    State(app): State<App>,
) -> Result<impl IntoResponse, Failure> {
    let keyspaces = keyspaces(&app, &caller).await?;
    let mut out = String::new();
    describe(&mut out, "latchkey_publisher_running", "gauge", "Whether the publisher runs.");
    line(&mut out, "latchkey_publisher_running", "", f64::from(u8::from(app.is_publishing())));
    app.metrics.write(&mut out);
    describe(&mut out, "latchkey_publisher_lag_changes", "gauge", "Changes that no published head has yet.");
    for keyspace in &keyspaces {
        let published = app.store.publication(keyspace.id).await?.map_or(0, |published| published.change_seq);
        let lag = keyspace.change_seq.saturating_sub(published);
        line(
            &mut out,
            "latchkey_publisher_lag_changes",
            &format!("keyspace=\"{}\"", keyspace.id),
            lag as f64,
        );
    }
    describe(
        &mut out,
        "latchkey_publisher_held",
        "gauge",
        "Whether publishing is held back: by the guard, or because no gate takes what was published.",
    );
    for keyspace in &keyspaces {
        let is_paused = app.store.holds(keyspace.id).await?.pause.is_some();
        for (reason, is_held) in
            [("guard", app.propagation.held(keyspace.id).is_some()), ("refused", is_paused)]
        {
            let labels = format!("keyspace=\"{}\",reason=\"{reason}\"", keyspace.id);
            line(&mut out, "latchkey_publisher_held", &labels, f64::from(u8::from(is_held)));
        }
    }
    write_gates(&app, &keyspaces, &mut out);
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], out))
}

async fn keyspaces(app: &App, caller: &Caller) -> Result<Vec<Keyspace>, Failure> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = app.store.keyspaces(caller.workspace(), PageRequest { limit: PAGE, before }).await?;
        before = page.items.last().map(|last| last.id.0);
        all.extend(page.items.into_iter().filter(|keyspace| caller.admin_key().reaches(keyspace.id)));
        if !page.has_more {
            return Ok(all);
        }
    }
}

fn write_gates(app: &App, keyspaces: &[Keyspace], out: &mut String) {
    let gates: Vec<_> = keyspaces
        .iter()
        .flat_map(|keyspace| keyspace.gates.iter().map(move |gate| (keyspace, gate)))
        .map(|(keyspace, gate)| {
            let labels = format!("keyspace=\"{}\",gate=\"{}\"", keyspace.id, label(gate.as_str()));
            (labels, keyspace.change_seq, app.propagation.of(keyspace.id, gate))
        })
        .collect();
    describe(out, "latchkey_gate_lag_changes", "gauge", "Changes that the gate has not acknowledged.");
    for (labels, change_seq, state) in &gates {
        let lag = change_seq.saturating_sub(state.applied_change_seq.unwrap_or(0));
        line(out, "latchkey_gate_lag_changes", labels, lag as f64);
    }
    describe(
        out,
        "latchkey_gate_acked_seconds",
        "gauge",
        "When the gate last acknowledged, in seconds since 1970; 0: never.",
    );
    for (labels, _, state) in &gates {
        line(
            out,
            "latchkey_gate_acked_seconds",
            labels,
            state.acked_at.map_or(0, |at| at.as_seconds()) as f64,
        );
    }
    describe(out, "latchkey_gate_refusing", "gauge", "Whether the gate says that what was published is bad.");
    for (labels, _, state) in &gates {
        line(out, "latchkey_gate_refusing", labels, f64::from(u8::from(state.refusal.is_some())));
    }
    describe(out, "latchkey_gate_failing", "gauge", "Whether the last push to the gate failed.");
    for (labels, _, state) in &gates {
        line(out, "latchkey_gate_failing", labels, f64::from(u8::from(state.last_error.is_some())));
    }
}
