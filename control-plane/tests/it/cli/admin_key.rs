use super::shell::{Shell, open_to_all, run};

#[test]
fn c1_the_admin_key_comes_from_a_variable_a_file_or_standard_input_and_never_from_an_argument() {
    let shell = Shell::start();
    let url = [("LATCHKEY_URL", shell.process.url.as_str())];
    let whoami = ["admin-keys", "whoami"];
    shell.run(&whoami).ok().shows(&["lkadm_live_"]);

    let file = shell.file("admin.key", format!("{}\n", shell.admin_key));
    let with_file = [&whoami[..], &["--admin-key-file", &file]].concat();
    run(&with_file, &url, "").ok();
    open_to_all(file.as_ref());
    run(&with_file, &url, "").ok().says(&["warning", "chmod 600"]);

    let with_stdin = [&whoami[..], &["--admin-key-file", "-"]].concat();
    run(&with_stdin, &url, &shell.admin_key).ok();
    let both = ["keys", "lookup", "--admin-key-file", "-"];
    run(&both, &url, &shell.admin_key).ends(2).says(&["both"]);

    let argument = run(&[&whoami[..], &[&shell.admin_key]].concat(), &url, "").ends(2);
    assert!(!argument.stderr.contains(&shell.admin_key), "{argument:?}");
    let option = format!("--admin-key={}", shell.admin_key);
    let argument = run(&[&whoami[..], &[&option]].concat(), &url, "").ends(2);
    assert!(!argument.stderr.contains(&shell.admin_key), "{argument:?}");

    run(&whoami, &url, "").ends(2).says(&["an admin key is needed", "LATCHKEY_ADMIN_KEY"]);
    let mistyped = format!("{}x", shell.admin_key);
    let mistyped = run(&whoami, &[url[0], ("LATCHKEY_ADMIN_KEY", &mistyped)], "").ends(2);
    assert!(!mistyped.stderr.contains(&shell.admin_key), "{mistyped:?}");
}

#[test]
fn the_admin_key_does_not_cross_a_network_in_the_clear() {
    let shell = Shell::start();
    let variables =
        [("LATCHKEY_ADMIN_KEY", shell.admin_key.as_str()), ("LATCHKEY_URL", "http://192.0.2.1:7700")];
    run(&["keyspaces", "list"], &variables, "").ends(2).says(&["https://", "--dangerous-plain-http"]);
    for url in ["ftp://127.0.0.1", "http://user:word@127.0.0.1", "nowhere", "http://127.0.0.1/?x=1"] {
        let wrong = run(&["keyspaces", "list", "--url", url], &variables, "").ends(2);
        assert!(!wrong.stderr.contains("word"), "{wrong:?}");
    }
}
