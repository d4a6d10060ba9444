use serde_json::json;

use super::shell::{Shell, id};
use crate::support::api::Api;

#[tokio::test(flavor = "multi_thread")]
async fn l5_requests_and_usage_are_shown_as_gates_reported_them() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let key = id(&shell.key(&keyspace, &[]));
    let now = jiff::Timestamp::now().to_string();
    let report = json!({
        "batch_id": "1", "gate": "gate-1", "requests": [
            { "at": now, "key": key, "code": "VALID", "status": 200, "method": "GET", "path": "/items/7" },
            { "at": now, "code": "MISSING_KEY", "status": 401, "method": "GET", "path": "/\u{202e}txt" },
        ]
    });
    let api = Api::new(&shell.process.url, Some(&shell.admin_key));
    api.post(&format!("/v1/keyspaces/{keyspace}/usage"), report).await.expect(200);

    shell.run(&["requests", "list", &keyspace]).ok().shows(&["CODE", "MISSING_KEY", "/items/7", "\\u{202e}"]);
    let filtered = shell.json(&["requests", "list", &keyspace, "--key", &key, "--since", "2h"]);
    assert_eq!(filtered["data"].as_array().unwrap().len(), 1, "{filtered}");
    assert_eq!(shell.json(&["requests", "list", &keyspace, "--until", "2h"])["data"], json!([]));
    shell.run(&["requests", "count", &keyspace]).ok().shows(&["hours:", "VALID", "MISSING_KEY"]);
    let usage = shell.json(&["keys", "usage", &key, "--from", "1d"]);
    assert_eq!(usage["hours"][0]["requests"], 1, "{usage}");
    shell.run(&["requests", "list", &keyspace, "--key", &keyspace]).ends(2);
    shell.run(&["keys", "usage", &key, "--from", "never"]).ends(2).says(&["span back from now"]);
}
