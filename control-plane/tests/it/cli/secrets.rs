use super::shell::{Shell, id, secret};

/// Everything a person does with one key, well and badly. What was typed, shown and said is looked through afterwards.
#[test]
fn c1_no_secret_is_in_arguments_or_standard_error_or_in_any_output_but_the_creating_one() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let key = shell.key(&keyspace, &["--name", "CI"]);
    let shown_once = shell.run(&["keys", "create", &keyspace]).ok().stdout.trim().to_owned();
    let (key, token) = (id(&key), secret(&key));
    let rotated = shell.run(&["keys", "rotate", &key]).ok().stdout.trim().to_owned();
    let limited = shell.run(&["admin-keys", "create", "--name", "x", "--scope", "keys:read"]).ok().stdout;
    let limited = limited.trim().to_owned();

    for arguments in [
        &["keys", "get", &key][..],
        &["keys", "list", &keyspace],
        &["keys", "list", &keyspace, "--all", "--output", "json"],
        &["keys", "update", &key, "--name", "renamed", "--output", "json"],
        &["snapshot", "get", &keyspace],
        &["admin-keys", "whoami"],
        &["doctor", "--only", "server"],
    ] {
        shell.run(arguments);
    }
    for arguments in [
        &["token", "check"][..],
        &["keys", "lookup"],
        &["keys", "get", "-"],
        &["keys", "verify", "--method", "GET", "--path", "/v1/hello"],
        &["keys", "update", "-", "--name", "again"],
        &["keys", "create", &keyspace, "--token-stdin"],
        &["keys", "revoke-leaked", "-"],
        &["policy", "put", &keyspace, "-"],
        &["keys", "import", &keyspace, "-"],
    ] {
        shell.run_with(arguments, &token);
    }
    shell.run(&["keys", "revoke", &key]).ok();

    for secret in [token, shown_once, rotated, limited, shell.admin_key.clone()] {
        let secret_part = &secret[secret.rfind('_').unwrap() + 5..];
        let holding = |text: &str| text.contains(secret_part);
        let runs = shell.runs();
        assert!(!runs.iter().any(|run| run.arguments.iter().any(|argument| holding(argument))));
        for run in runs.iter().filter(|run| holding(&run.stderr) || holding(&run.stdout)) {
            assert!(!holding(&run.stderr), "{run:?}");
            let creates = [["keys", "create"], ["keys", "rotate"], ["admin-keys", "create"]];
            assert!(creates.iter().any(|creating| run.arguments[..2] == *creating), "{run:?}");
            assert!(!run.arguments.contains(&"--token-stdin".to_owned()), "{run:?}");
        }
        let showing = runs.iter().filter(|run| holding(&run.stdout)).count();
        assert_eq!(
            showing,
            usize::from(secret != shell.admin_key),
            "shown once, the admin key by no command"
        );
        assert!(!holding(&shell.process.log()), "nor in the server's log");
    }
}
