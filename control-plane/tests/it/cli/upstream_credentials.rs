use super::shell::{Shell, id};

#[test]
fn u1_credentials_are_kept_from_the_command_line_and_their_values_come_from_standard_input() {
    let shell = Shell::start();
    let pair = shell.run(&["gate-key"]).ok().says(&["--gate-encryption-key", "LATCHKEY_GATE_KEY"]);
    let private_key = pair.stdout.trim().to_owned();
    assert!(private_key.len() == 43 && !pair.stderr.contains(&private_key));
    let public_key = pair.stderr.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
    let keyspace = shell.keyspace(&["--gate-encryption-key", &public_key]);

    let create = ["upstream-credentials", "create", &keyspace, "--name", "payments"];
    let made = shell.json_with(&create, "s3cret-A\n");
    assert_eq!((&made["header"], &made["prefix"]), (&"authorization".into(), &"Bearer ".into()));
    let own = id(&made);
    shell.run_with(&create, "s3cret-A\n").ends(5);
    shell.run(&["upstream-credentials", "list", &keyspace]).ok().shows(&[&own, "payments"]);
    let update = [
        "upstream-credentials",
        "update",
        &keyspace,
        &own,
        "--header",
        "x-key",
        "--unset",
        "prefix",
        "--value-stdin",
    ];
    assert_eq!(shell.json_with(&update, "s3cret-B")["prefix"], "");
    shell.run(&["upstream-credentials", "get", &keyspace, &own]).ok().shows(&["x-key"]);
    shell.run(&["keyspaces", "update", &keyspace, "--unset", "gate_encryption_key"]).ends(5);
    shell.run(&["upstream-credentials", "delete", &keyspace, &own]).ok();
    shell.run(&["upstream-credentials", "get", &keyspace, &own]).ends(3);
    for run in shell.runs() {
        assert!(!run.stdout.contains("s3cret") && !run.stderr.contains("s3cret"), "{run:?}");
    }
    assert!(!shell.process.log().contains("s3cret"));

    let key = id(&shell.key(&keyspace, &[]));
    let explanation =
        shell.json(&["keys", "explain", &key, "--path", "/x", "--address", "::1", "--header", "a: b"]);
    assert_eq!(explanation["allowed"], false);
}

#[test]
fn u1_a_public_key_that_begins_with_a_hyphen_is_no_option() {
    let shell = Shell::start();
    let public_key = "-BQhNfrySKWovCEiVtETXBQmuWHMRz-5WIIyl5eTEEw";
    shell.keyspace(&["--gate-encryption-key", public_key]);
}
