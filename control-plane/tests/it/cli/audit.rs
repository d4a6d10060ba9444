use super::shell::{Shell, id, run};

#[test]
fn g1_the_audit_log_of_a_database_is_verified_while_no_server_runs_on_it() {
    let mut shell = Shell::start();
    shell.keyspace(&[]);
    let data = shell.data();
    let verify = ["audit", "verify", "--data-dir", &data];
    run(&verify, &[], "").ends(1).says(&["in use by another latchkey"]);
    shell.process.kill();
    run(&verify, &[], "").ok().shows(&["ws_", "2 rows, unbroken"]);
    let as_json = run(&[&verify[..], &["--output", "json"]].concat(), &[], "").ok().json();
    assert_eq!((&as_json["ok"], &as_json["rows"]), (&true.into(), &2.into()));
}

#[test]
fn g1_the_audit_log_is_listed_verified_and_exported_by_the_server() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let key = id(&shell.key(&keyspace, &[]));
    shell.run(&["audit", "list"]).ok().shows(&["ACTION", "key.created", &key]);
    shell.run(&["audit", "list", "--object", &keyspace]).ok().shows(&["keyspace.created"]);
    let of_key = shell.json(&["audit", "list", "--object", &key]);
    assert_eq!(of_key["data"].as_array().unwrap().len(), 1);
    shell.run(&["audit", "verify"]).ok().shows(&["ok ", "true", "rows"]);
    let exported = shell.run(&["audit", "export"]).ok();
    let rows: Vec<serde_json::Value> =
        exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() >= 3, "{rows:?}");
    shell.run(&["audit", "list", "--actor", "somebody"]).ends(2);
}
