use serde_json::json;

use super::path;
use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_key_has_several_named_windows() {
    let server = Server::start().await;
    let keyspace = server.api.keyspace(json!({ "name": "Demo" })).await;
    let limits = json!([
        { "name": "burst", "limit": 100, "window_seconds": 60 },
        { "name": "month", "limit": 1_000_000, "window_seconds": 2_592_000, "mode": "exact" },
    ]);
    let key = server.api.key(&keyspace, json!({ "rate_limits": limits })).await;
    let wanted = json!([
        { "name": "burst", "limit": 100, "window_seconds": 60, "mode": "local" },
        { "name": "month", "limit": 1_000_000, "window_seconds": 2_592_000, "mode": "exact" },
    ]);
    assert_eq!(key["rate_limits"], wanted);
    assert_eq!(server.api.get(&path(&key)).await.expect(200)["rate_limits"], wanted);
    let changed = server.api.patch(&path(&key), json!({ "rate_limits": [limits[0]] })).await.expect(200);
    assert_eq!(changed["rate_limits"], json!([wanted[0]]));
    let bad = json!([
        { "name": "a", "limit": 1, "window_seconds": 1 },
        { "name": "a", "limit": 0, "window_seconds": 2_592_001, "mode": "some" },
    ]);
    assert_eq!(
        server
            .api
            .patch(&path(&key), json!({ "rate_limits": bad }))
            .await
            .wrong_fields(422, "INVALID_FIELDS"),
        ["/rate_limits/1/limit", "/rate_limits/1/window_seconds", "/rate_limits/1/mode"]
    );
    let twice = json!([limits[0], limits[0]]);
    assert_eq!(
        server
            .api
            .patch(&path(&key), json!({ "rate_limits": twice }))
            .await
            .wrong_fields(422, "INVALID_FIELDS"),
        ["/rate_limits/1/name"]
    );
}
