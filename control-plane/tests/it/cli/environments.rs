use super::shell::Shell;

#[test]
fn a5_live_is_off_until_everything_it_needs_is_there() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    shell.run(&["environments", "get", &keyspace]).ok().shows(&[
        "live.enabled",
        "false",
        "policy",
        "gate",
        "second_admin_key",
    ]);
    let refused = shell.run(&["environments", "enable-live", &keyspace]).ends(5);
    refused.says(&["REQUIREMENTS_NOT_MET"]);
    shell.run(&["keys", "create", &keyspace, "--environment", "live"]).ends(5).says(&["LIVE_NOT_ENABLED"]);
}
