use serde_json::Value;

use super::report::Report;
use crate::cli::api::ApiArgs;
use crate::cli::client::{Call, Client};
use crate::cli::exit::Failure;
use crate::domain::{Clock, SystemClock, Timestamp};

/// Gates refuse heads that were issued further ahead than this.
const MOST_SKEW_MILLIS: i64 = (latchkey_snapshot::limits::CLOCK_SKEW_SECONDS * 1_000) as i64;
/// A difference that the network does not explain.
const NOTABLE_SKEW_MILLIS: i64 = 5_000;

/// Asks the server how it is, and with an admin key, how its gates are.
pub(super) async fn check(api: &ApiArgs, report: &mut Report) {
    if !check_alive(api, report).await {
        return;
    }
    let session = match api.session() {
        Ok(session) => session,
        Err(error) => {
            report.warning(
                "admin key",
                error.to_string(),
                "with an admin key, keyspaces and gates are looked at as well",
            );
            return;
        }
    };
    match session.client.send(Call::get("/v1/whoami")).await.and_then(|reply| reply.json()) {
        Ok(answer) => report.ok("admin key", format!("{} is known", text(&answer, "/admin_key/start"))),
        Err(error) => {
            report.problem("admin key", error.to_string(), "use an admin key of this server");
            return;
        }
    }
    if let Err(error) = check_keyspaces(&session.client, report).await {
        report.problem(
            "keyspaces",
            error.to_string(),
            "give the admin key the scopes keyspaces:read and snapshots:read",
        );
    }
}

async fn check_alive(api: &ApiArgs, report: &mut Report) -> bool {
    let client = match api.client(None) {
        Ok(client) => client,
        Err(error) => {
            report.problem("server", error.to_string(), "correct --url or LATCHKEY_URL");
            return false;
        }
    };
    let reply = match client.send(Call::get("/healthz")).await {
        Ok(reply) => reply,
        Err(error) => {
            report.problem(
                "server",
                error.to_string(),
                "start it with `latchkey serve`, or correct --url or LATCHKEY_URL",
            );
            return false;
        }
    };
    report.ok("server", format!("{} answers", client.base()));
    if let Some(theirs) = reply.date.as_deref().and_then(http_date) {
        check_skew(theirs, SystemClock.now(), report);
    }
    match client.send(Call::get("/readyz")).await {
        Ok(_) => report.ok("readiness", "the database takes writes and the publisher runs"),
        Err(Failure::Refused(problem)) => {
            report.problem(
                "readiness",
                problem.detail(),
                "see the server's log; free disk space and the master key are the usual causes",
            );
        }
        Err(error) => report.problem("readiness", error.to_string(), "see the server's log"),
    }
    true
}

fn http_date(text: &str) -> Option<Timestamp> {
    let moment = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp(moment.timestamp().as_millisecond()))
}

fn check_skew(theirs: Timestamp, ours: Timestamp, report: &mut Report) {
    let skew = (theirs.0 - ours.0).abs();
    let found = format!("the server's and this machine's differ by {} s", skew / 1_000);
    let fix = "let both machines follow network time (timedatectl set-ntp true)";
    match skew {
        MOST_SKEW_MILLIS.. => report.problem("clocks", found + "; gates would refuse snapshots", fix),
        NOTABLE_SKEW_MILLIS.. => report.warning("clocks", found, fix),
        _ => report.ok("clocks", "the server's and this machine's agree"),
    }
}

async fn check_keyspaces(client: &Client, report: &mut Report) -> Result<(), Failure> {
    let mut cursor: Option<String> = None;
    let mut seen = 0;
    loop {
        let page = client
            .send(Call::get("/v1/keyspaces").query("limit", Some(100)).query("cursor", cursor))
            .await?
            .json()?;
        for keyspace in page["data"].as_array().into_iter().flatten() {
            seen += 1;
            check_keyspace(client, keyspace, report).await?;
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if seen == 0 {
        report.ok("keyspaces", "there are none yet");
    }
    Ok(())
}

async fn check_keyspace(client: &Client, keyspace: &Value, report: &mut Report) -> Result<(), Failure> {
    let id = text(keyspace, "/id");
    let path = format!("/v1/keyspaces/{id}");
    let snapshot = client.send(Call::get(format!("{path}/snapshot"))).await?.json()?;
    check_snapshot(&id, &snapshot, report);
    let propagation = client.send(Call::get(format!("{path}/propagation"))).await?.json()?;
    let gates = propagation["gates"].as_array().map(Vec::as_slice).unwrap_or_default();
    if gates.is_empty() {
        let fix = format!("latchkey keyspaces update {id} --gate https://…");
        report.warning(format!("gates of {id}"), "it has none, so nothing enforces its keys", fix);
    }
    check_holds(&id, &propagation, report);
    for gate in gates {
        check_gate(gate, propagation["change_seq"].as_u64().unwrap_or(0), report);
    }
    Ok(())
}

/// What keeps the keyspace from being published in full.
fn check_holds(id: &str, propagation: &Value, report: &mut Report) {
    let check = format!("publishing of {id}");
    if let Some(paused) = propagation.get("paused").filter(|paused| paused.is_object()) {
        let (gate, code) = (text(paused, "/gate"), text(paused, "/code"));
        let found = format!(
            "only revocations go out since {gate} refused what was published: {code}: {}",
            text(paused, "/message")
        );
        let fix = format!(
            "mend what the gate says, by another policy or a newer gate, then latchkey snapshot resume {id} --reason …"
        );
        report.problem(check, found, fix);
    } else if let Some(held) = propagation.get("held").filter(|held| held.is_object()) {
        let found = format!(
            "a base with {} rows instead of {} is held back",
            held["rows_after"], held["rows_before"]
        );
        report.problem(
            check,
            found,
            format!("if that was meant, latchkey snapshot override {id} --reason …"),
        );
    }
}

fn check_snapshot(id: &str, snapshot: &Value, report: &mut Report) {
    let check = format!("snapshot of {id}");
    let time = |name: &str| snapshot[name].as_str().and_then(|text| Timestamp::parse(text).ok());
    let (Some(fresh_until), Some(valid_until)) = (time("fresh_until"), time("valid_until")) else {
        report.problem(
            check,
            "nothing was published yet",
            "see the server's log for what keeps the publisher",
        );
        return;
    };
    let now = SystemClock.now();
    let fix =
        "see the server's log for what keeps the publisher; heads are signed anew every heartbeat_seconds";
    if now > valid_until {
        report.problem(check, format!("expired at {valid_until}: gates apply on_expired"), fix);
    } else if now > fresh_until {
        report.problem(check, format!("stale since {fresh_until}; it expires at {valid_until}"), fix);
    } else {
        report.ok(check, format!("seq {}, fresh until {fresh_until}", snapshot["seq"]));
    }
}

fn check_gate(gate: &Value, change_seq: u64, report: &mut Report) {
    let check = format!("gate {}", text(gate, "/url"));
    let applied = gate["applied_change_seq"].as_u64();
    if let Some(error) = gate["last_error"].as_object() {
        let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        report.problem(
            check,
            format!("the last push failed: {}: {}", part("code"), part("message")),
            advice(part("code")),
        );
    } else {
        match applied {
            Some(applied) if applied >= change_seq => {
                report.ok(check, format!("has every change up to {applied}"))
            }
            Some(applied) => {
                let found = format!("has changes up to {applied} of {change_seq}");
                report.warning(
                    check,
                    found,
                    "run this again: pushes take a moment; if it stays, see the server's log",
                );
            }
            None => report.warning(
                check,
                "has confirmed nothing yet",
                "run this again: the first push takes a moment",
            ),
        }
    }
}

/// What usually helps, by the code of a failed push.
fn advice(code: &str) -> &'static str {
    match code {
        "UNREACHABLE" | "TIMEOUT" => {
            "check the gate's URL, its deployment, and the network from the server to it"
        }
        "AUDIENCE_MISMATCH" => "give the gate the audience that `latchkey snapshot get` shows",
        "KEY_NOT_TRUSTED" | "SIGNATURE_INVALID" => {
            "give the gate the trusted_keys that `latchkey snapshot get` shows"
        }
        "UNKNOWN_VERSION" | "UNKNOWN_CRITICAL" | "POLICY_INVALID" | "NOT_CANONICAL" => {
            "the gate cannot take what is published: deploy a newer one, or put a policy that it can enforce"
        }
        "ISSUED_IN_FUTURE" => "set the server's clock (timedatectl set-ntp true)",
        "NOT_NEWER" => "the gate has seen a later snapshot; was the database restored from an older backup?",
        "BAD_ANSWER" => "something that is no gate answers at this URL; check the gate's URL and its routes",
        _ => "see the gate's status page and the server's log",
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
