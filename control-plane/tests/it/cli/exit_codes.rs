use std::net::TcpListener;

use latchkey_token::{Environment, Prefix, generate};

use super::shell::{Shell, run};

#[test]
fn c1_each_kind_of_failure_has_its_exit_code_and_says_why() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    shell.run(&["keyspaces", "list"]).ends(0);

    let wrong = shell.run(&["keys", "create", &keyspace, "--environment", "moon", "--tag", ""]).ends(1);
    wrong.says(&["INVALID_FIELDS", "/environment", "/tags/0", "request req_"]);

    shell.run(&["keyspaces", "juggle"]).ends(2);
    shell.run(&["keys", "get", "key_1"]).ends(2).says(&["no key id"]);
    shell.run(&["keys", "create", &keyspace, "--expires", "soon"]).ends(2).says(&["90d"]);
    shell.run(&["keys", "create", &keyspace, "--metadata", "5"]).ends(2).says(&["JSON object"]);
    shell.run(&["policy", "put", &keyspace, "/nonexistent"]).ends(2).says(&["/nonexistent"]);

    shell.run(&["keys", "get", "key_0000000000000"]).ends(3).says(&["NOT_FOUND", "request req_"]);

    let stranger = stranger();
    let url = shell.process.url.as_str();
    let variables = [("LATCHKEY_URL", url), ("LATCHKEY_ADMIN_KEY", &stranger)];
    run(&["keyspaces", "list"], &variables, "").ends(4).says(&["UNAUTHORIZED"]);

    shell.run(&["keys", "create", &keyspace, "--name", "CI"]).ends(0);
    shell.run(&["keys", "create", &keyspace, "--name", "CI"]).ends(5).says(&["NAME_TAKEN"]);

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    shell
        .run(&["keyspaces", "list", "--url", &format!("http://{free}")])
        .ends(6)
        .says(&["cannot reach", "--url"]);
}

#[test]
fn c1_help_lists_the_exit_codes() {
    let help = run(&["--help"], &[], "").ok().shows(&["Exit codes:", "6  the server cannot be reached"]);
    assert!(!help.stdout.contains("LATCHKEY_ADMIN_KEY="));
}

/// A well-formed admin key that nobody was given.
fn stranger() -> String {
    let prefix = Prefix::new("lkadm").unwrap();
    generate(&prefix, Environment::Live, &mut rand::rng()).expose().to_owned()
}
