use super::shell::Shell;

#[test]
fn a7_a_keyspace_and_its_policy_are_made_shown_changed_and_deleted() {
    let shell = Shell::start();
    let id = shell.keyspace(&[
        "--gate",
        "https://a.example",
        "--gate",
        "https://b.example",
        "--fresh-seconds",
        "30",
    ]);
    let shown = shell.json(&["keyspaces", "get", &id]);
    assert_eq!(shown["gates"][1]["url"], "https://b.example");
    assert_eq!(shown["freshness"]["fresh_seconds"], 30);
    shell.run(&["keyspaces", "list"]).ok().shows(&["ID ", "PREFIX", &id, "demo"]);

    shell.run(&["keyspaces", "update", &id, "--name", "Shop"]).ok().shows(&["name ", "Shop"]);
    let unset = shell.json(&["keyspaces", "update", &id, "--unset", "gates", "--unset", "freshness"]);
    assert_eq!(
        (unset["gates"].as_array().unwrap().len(), &unset["freshness"]["fresh_seconds"]),
        (0, &90.into())
    );
    shell.run(&["keyspaces", "propagation", &id]).ok().shows(&["change_seq"]);

    let policy = shell.file(
        "policy.json",
        r#"{"default":"deny","routes":[{"method":"GET","path":"/v1/hello","permission":"hello:read"}]}"#,
    );
    shell.run(&["policy", "put", &id, &policy]).ok().shows(&["METHOD", "/v1/hello", "hello:read"]);
    let read_back = shell.json(&["policy", "get", &id]);
    assert_eq!(read_back["routes"][0]["path"], "/v1/hello");

    let from_stdin = shell.json_with(&["policy", "put", &id, "-"], r#"{"default":"allow"}"#);
    assert_eq!(from_stdin["default"], "allow");
    shell.run_with(&["policy", "put", &id, "-"], "[1]").ends(2).says(&["must hold a JSON object"]);

    shell.key(&id, &[]);
    shell.run(&["keyspaces", "delete", &id]).ends(5).says(&["KEYSPACE_IN_USE"]);
    let deleted = shell.run(&["keyspaces", "delete", &id, "--force"]).ok().says(&["is deleted"]);
    assert_eq!(deleted.stdout, "");
    shell.run(&["keyspaces", "get", &id]).ends(3);
}

#[test]
fn e3_a_keyspace_is_killed_and_revived_and_an_owner_revoked_only_if_that_is_confirmed() {
    let shell = Shell::start();
    let id = shell.keyspace(&[]);
    let key = shell.key(&id, &["--owner", "acme"])["id"].as_str().unwrap().to_owned();
    let kill = ["keyspaces", "kill", &id, "--reason", "a drill"];
    shell.run(&kill).ends(2).says(&["--yes"]);
    let killed = shell.json(&[&kill[..], &["--yes"]].concat());
    assert_eq!(killed["killed"]["reason"], "a drill");
    assert!(shell.json(&["keyspaces", "revive", &id, "--reason", "over"])["killed"].is_null());

    let revoke = ["keyspaces", "revoke-owner", &id, "acme", "--reason", "gone"];
    shell.run(&revoke).ends(2).says(&["--yes"]);
    assert_eq!(shell.json(&[&revoke[..], &["--yes"]].concat())["keys_revoked"], 1);
    let shown = shell.json(&["keys", "get", &key]);
    assert_eq!((&shown["status"], &shown["revoked_note"]), (&"revoked".into(), &"gone".into()));
}

#[test]
fn e3_watching_a_key_ends_with_what_keeps_gates_from_its_last_change() {
    let shell = Shell::start();
    let alone = shell.keyspace(&[]);
    let key = shell.key(&alone, &[])["id"].as_str().unwrap().to_owned();
    shell.run(&["propagation", "watch", &key]).ends(1).says(&["no gates"]);
    let gated = shell.keyspace(&["--gate", "http://127.0.0.1:9"]);
    let key = shell.key(&gated, &[])["id"].as_str().unwrap().to_owned();
    let watched = shell.run(&["propagation", "watch", &key, "--timeout", "2s"]).ends(1);
    watched.says(&["0 of 1 gates", "http://127.0.0.1:9"]);
    shell.run(&["propagation", "watch", &key, "--timeout", "soon"]).ends(2);
}

#[test]
fn k3_k4_a_keyspace_says_how_it_treats_its_keys() {
    let shell = Shell::start();
    let settings = [
        "--quota-keys",
        "7",
        "--leak-policy",
        "notify",
        "--retention-days",
        "5",
        "--default-expiry-days",
        "never",
    ];
    let id = shell.keyspace(&settings);
    let shown =
        shell.json(&["keyspaces", "update", &id, "--quota-keys-per-owner", "2", "--foreign-tokens", "true"]);
    assert_eq!((&shown["quotas"]["keys"], &shown["quotas"]["keys_per_owner"]), (&7.into(), &2.into()));
    assert_eq!((&shown["leak_policy"], &shown["retention_days"]), (&"notify".into(), &5.into()));
    assert_eq!((shown["default_expiry_days"].is_null(), &shown["foreign_tokens"]), (true, &true.into()));
    assert!(shell.key(&id, &[])["expires_at"].is_null());
    shell.run(&["keyspaces", "create", "--name", "x", "--default-expiry-days", "long"]).ends(2);
}
