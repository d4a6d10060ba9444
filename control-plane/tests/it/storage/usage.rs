//! What every backend promises of the usage that gates report.

use std::sync::Arc;

use latchkey_control_plane::domain::{
    CreditReport, Hour, KeyId, LoggedRequest, PageRequest, RequestReport, UsageReport,
};
use latchkey_control_plane::storage::{RequestFilter, Taken};
use latchkey_validator::Code;

use super::contract::{Fixture, NOW, digest};

const REPORTS: usize = 32;

pub(super) async fn reports_count_once_and_only_for_their_own_keyspace(f: Fixture) {
    let (ours, theirs) = (f.keyspace().await, f.keyspace().await);
    let (our_key, their_key) = (f.key(ours, digest(1, 0)).await, f.key(theirs, digest(2, 0)).await);
    let mut report = report("b", vec![request(our_key, 1), request(their_key, 2), request(our_key, 1)]);
    report.credits = vec![credits(our_key, 7), credits(their_key, 9)];
    let workspace = f.actor.workspace_id;
    for wanted in [Taken::Now, Taken::Before] {
        assert_eq!(f.store.record_usage(workspace, ours, report.clone(), NOW).await.unwrap(), wanted);
    }
    let hours = (Hour::of(NOW), Hour(Hour::of(NOW).0 + 1));
    let of = async |key| f.store.key_usage(workspace, key, hours.0, hours.1).await.unwrap();
    let used = of(our_key).await;
    assert_eq!((used.hours[0].requests, used.last_used.map(|last| last.at)), (2, Some(NOW)));
    assert_eq!((of(their_key).await.hours, of(their_key).await.last_used), (vec![], None));
    assert_eq!(f.store.reported_credits(workspace, our_key).await.unwrap(), [credits(our_key, 7)]);
    assert_eq!(f.store.reported_credits(workspace, their_key).await.unwrap(), []);
    let page = PageRequest { limit: 100, before: None };
    let log = f.store.requests(workspace, ours, RequestFilter::default(), page).await.unwrap();
    assert_eq!(log.items.len(), 3, "requests of one moment are all kept");
    let of_ours = |logged: &&LoggedRequest| logged.request.key == Some(our_key);
    assert_eq!(log.items.iter().filter(of_ours).count(), 2);
    // Totals only rise: reports of several gates come in any order.
    let mut late = self::report("c", vec![]);
    late.credits = vec![credits(our_key, 3)];
    f.store.record_usage(workspace, ours, late, NOW).await.unwrap();
    assert_eq!(f.store.reported_credits(workspace, our_key).await.unwrap(), [credits(our_key, 7)]);
}

/// Many gates report at once, and then a key is made: it waits for a report or two, not for all of them.
pub(super) async fn reports_do_not_hold_up_mutations(f: Fixture) {
    let keyspace = f.keyspace().await;
    let key = f.key(keyspace, digest(1, 0)).await;
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let tasks: Vec<_> = (0..REPORTS)
        .map(|number| {
            let report = report(&format!("b{number}"), vec![request(key, 1); 2_000]);
            let (store, workspace) = (Arc::clone(&f.store), f.actor.workspace_id);
            let started = started.clone();
            tokio::spawn(async move {
                let work = store.record_usage(workspace, keyspace, report, NOW);
                started.send(()).unwrap();
                work.await.unwrap();
            })
        })
        .collect();
    for _ in 0..REPORTS {
        starts.recv().await.unwrap();
    }
    f.key(keyspace, digest(2, 0)).await;
    let before = tasks.iter().filter(|task| task.is_finished()).count();
    assert!(before < REPORTS / 2, "{before} of {REPORTS} reports went first");
    for task in tasks {
        task.await.unwrap();
    }
}

fn report(batch: &str, requests: Vec<RequestReport>) -> UsageReport {
    UsageReport { batch_id: batch.into(), gate: "gate".into(), dropped: 0, requests, credits: vec![] }
}

fn request(key: KeyId, first_of_tag: u8) -> RequestReport {
    RequestReport {
        at: NOW,
        tag: Some([first_of_tag, 0, 0, 0, 0, 0, 0, 0]),
        key: Some(key),
        code: Code::Valid,
        status: Some(200),
        method: "GET".into(),
        path: "/items/7".into(),
        route: Some("/items/{id}".into()),
        address: Some([192, 0, 2, 7].into()),
        colo: Some("FRA".into()),
        seq: 1,
        request_id: Some("req_1".into()),
    }
}

fn credits(key: KeyId, consumed: u64) -> CreditReport {
    CreditReport { key, unit: "requests".into(), consumed, written_off: 0 }
}
