use super::shell::{Shell, run};

#[test]
fn the_audit_log_of_a_database_is_verified_while_no_server_runs_on_it() {
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
