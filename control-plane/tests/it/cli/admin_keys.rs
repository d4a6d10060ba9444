use super::shell::{Shell, run};

#[test]
fn g2_an_admin_key_does_what_its_scopes_say_until_it_is_revoked() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let made = shell
        .run(&["admin-keys", "create", "--name", "auditor", "--scope", "keys:read", "--expires", "30d"])
        .ok();
    let token = made.stdout.trim().to_owned();
    latchkey_token::parse(token.as_bytes()).unwrap();
    assert!(!made.stderr.contains(&token));
    let id = made.stderr.split_whitespace().find(|word| word.starts_with("adm_")).unwrap().to_owned();
    shell.run(&["admin-keys", "list"]).ok().shows(&[&id, "auditor", "keys:read", "all"]);
    shell.run(&["admin-keys", "get", &id]).ok().shows(&["auditor"]);

    let variables = [("LATCHKEY_URL", shell.process.url.as_str()), ("LATCHKEY_ADMIN_KEY", &token)];
    run(&["keys", "list", &keyspace], &variables, "").ok();
    run(&["keys", "create", &keyspace], &variables, "").ends(4).says(&["INSUFFICIENT_SCOPE", "keys:write"]);
    shell.run(&["admin-keys", "revoke", &id]).ok().says(&["is revoked"]);
    run(&["keys", "list", &keyspace], &variables, "").ends(4);
    shell.run(&["admin-keys", "create", "--name", "x"]).ends(2).says(&["--scope"]);
}
