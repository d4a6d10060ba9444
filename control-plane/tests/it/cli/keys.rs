use serde_json::Value;

use super::shell::{Shell, id, secret};

#[test]
fn k1_k5_k6_k7_a_key_is_made_shown_changed_and_revoked() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let fields = shell.file("key.json", r#"{"metadata":{"plan":"pro"},"owner":"nobody"}"#);
    let key = shell.key(
        &keyspace,
        &[
            "--name",
            "CI",
            "--owner",
            "acme",
            "--tag",
            "a",
            "--tag",
            "b",
            "--permission",
            "hello:read",
            "--expires",
            "never",
            "--json",
            &fields,
        ],
    );
    assert_eq!(
        (&key["owner"], &key["metadata"]["plan"], &key["tags"][1]),
        (&"acme".into(), &"pro".into(), &"b".into())
    );
    assert!(key["expires_at"].is_null());
    let key = id(&key);

    shell.run(&["keys", "get", &key]).ok().shows(&["name ", "CI", "hello:read", "START", "demo_test_"]);
    let changed = shell.json(&["keys", "update", &key, "--disable", "--unset", "owner", "--expires", "12h"]);
    assert_eq!((&changed["status"], changed["owner"].is_null()), (&"disabled".into(), true));
    assert!(changed["expires_at"].is_string());
    assert_eq!(shell.json(&["keys", "update", &key, "--enable"])["status"], "active");

    shell.run(&["keys", "revoke", &key, "--reason", "admin"]).ok().shows(&["revoked"]);
    shell.run(&["keys", "list", &keyspace, "--status", "revoked"]).ok().shows(&[&key]);
    assert_eq!(shell.json(&["keys", "list", &keyspace])["data"].as_array().unwrap().len(), 0);
}

#[test]
fn k2_a_new_token_stands_alone_on_standard_output() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let made =
        shell.run(&["keys", "create", &keyspace, "--name", "CI"]).ok().says(&["name ", "CI", "only time"]);
    let token = made.stdout.strip_suffix('\n').unwrap();
    latchkey_token::parse(token.as_bytes()).unwrap();
    assert!(!made.stderr.contains(token));

    let as_json = shell.run(&["keys", "create", &keyspace, "--output", "json"]).ok();
    assert_eq!(as_json.stderr, "");
    latchkey_token::parse(secret(&as_json.json()).as_bytes()).unwrap();
}

#[test]
fn k8_lists_are_shown_a_page_at_a_time_or_whole() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let made: Vec<String> = (0..5).map(|_| id(&shell.key(&keyspace, &[]))).collect();

    let page = shell.run(&["keys", "list", &keyspace, "--limit", "2"]).ok().says(&["--cursor "]);
    assert_eq!(page.stdout.lines().count(), 3);
    let cursor = page.stderr.split("--cursor ").nth(1).unwrap().trim().to_owned();
    shell
        .run(&["keys", "list", &keyspace, "--limit", "2", "--cursor", &cursor])
        .ok()
        .shows(&[&made[2], &made[1]]);

    let page = shell.json(&["keys", "list", &keyspace, "--limit", "2"]);
    assert_eq!((page["data"].as_array().unwrap().len(), &page["has_more"]), (2, &true.into()));

    for limit in ["2", "5", "100"] {
        let all = shell.json(&["keys", "list", &keyspace, "--all", "--limit", limit]);
        let ids: Vec<_> = all["data"].as_array().unwrap().iter().rev().map(id).collect();
        assert_eq!(
            (ids, &all["has_more"], all["next_cursor"].is_null()),
            (made.clone(), &false.into(), true)
        );
    }
    let empty = shell.json(&["keys", "list", &keyspace, "--all", "--status", "revoked"]);
    assert_eq!(empty["data"], serde_json::json!([]));
    let table = shell.run(&["keys", "list", &keyspace, "--all", "--limit", "2"]).ok();
    assert_eq!(table.stdout.lines().count(), 6, "one heading for all pages");
}

#[test]
fn k4_a_key_ends_when_its_maker_says_and_that_can_be_changed() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let days = |key: &Value| {
        let end = key["expires_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        (end.as_second() - jiff::Timestamp::now().as_second() + 60) / 86_400
    };
    let key = shell.key(&keyspace, &[]);
    assert_eq!(days(&key), 90, "the default");
    assert_eq!(days(&shell.key(&keyspace, &["--expires", "7d"])), 7);
    let key = id(&key);
    assert!(shell.json(&["keys", "update", &key, "--expires", "never"])["expires_at"].is_null());
    assert_eq!(days(&shell.json(&["keys", "update", &key, "--expires", "30d"])), 30);
    assert!(shell.key(&keyspace, &["--expires", "never"])["expires_at"].is_null());
}
