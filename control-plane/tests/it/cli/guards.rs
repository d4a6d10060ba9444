use super::shell::{Shell, id};

#[test]
fn k5_repeats_and_lost_updates_are_guarded_against() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let create = ["keys", "create", &keyspace, "--idempotency-key", "once", "--name", "CI"];
    let (first, again) = (shell.json(&create), shell.json(&create));
    assert_eq!(id(&first), id(&again));
    let other = ["keys", "create", &keyspace, "--idempotency-key", "once", "--name", "other"];
    shell.run(&other).ends(1).says(&["IDEMPOTENCY_KEY_REUSED"]);

    let (key, seq) = (id(&first), first["change_seq"].to_string());
    shell.run(&["keys", "update", &key, "--name", "A", "--if-match", &seq]).ok();
    shell
        .run(&["keys", "update", &key, "--name", "B", "--if-match", &seq])
        .ends(5)
        .says(&["PRECONDITION_FAILED"]);
    shell.run(&["keys", "revoke", &key, "--if-match", &seq]).ends(5);
}

#[test]
fn k8_lists_are_filtered() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let acme = id(&shell.key(&keyspace, &["--owner", "acme", "--tag", "ci", "--name", "Builder"]));
    let other = id(&shell.key(&keyspace, &["--owner", "globex", "--disabled"]));
    let list = |filter: [&str; 2]| {
        let listed = shell.json(&[&["keys", "list", &keyspace][..], &filter].concat());
        listed["data"].as_array().unwrap().iter().map(id).collect::<Vec<_>>()
    };
    for filter in [["--owner", "acme"], ["--tag", "ci"], ["--search", "uild"], ["--status", "active"]] {
        assert_eq!(list(filter), [acme.as_str()], "{filter:?}");
    }
    assert_eq!(list(["--status", "disabled"]), [other.as_str()]);
    assert_eq!(list(["--environment", "live"]), [""; 0]);
}

#[test]
fn k3_a_quota_is_a_conflict_that_names_itself() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&["--quota-keys", "1"]);
    shell.key(&keyspace, &[]);
    shell.run(&["keys", "create", &keyspace]).ends(5).says(&["KEY_QUOTA_REACHED"]);
    shell.run(&["keyspaces", "update", &keyspace, "--unset", "quotas"]).ok();
    shell.key(&keyspace, &[]);
}
