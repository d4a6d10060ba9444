use super::shell::{Shell, run};
use crate::support::process::Process;

#[test]
fn g3_a_further_workspace_is_made_while_no_server_runs_and_sees_nothing_of_the_first() {
    let mut shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let data = shell.data();
    let create = ["workspaces", "create", "Other tenant", "--data-dir", &data];
    run(&create, &[], "").ends(1).says(&["in use by another latchkey"]);
    shell.process.kill();

    let made = run(&create, &[], "").ok().shows(&["workspace: ws_", "admin key: lkadm_live_"]);
    let token = made.stdout.lines().find_map(|line| line.strip_prefix("admin key: ")).expect("a token");
    shell.process = Process::serve(data.as_ref());
    let own = [("LATCHKEY_URL", shell.process.url.as_str()), ("LATCHKEY_ADMIN_KEY", token)];
    run(&["keyspaces", "get", &keyspace], &own, "").ends(3);
    run(&["keyspaces", "create", "--name", "Theirs", "--prefix", "theirs"], &own, "").ok();
    let ours = shell.run(&["keyspaces", "list"]).ok().shows(&[&keyspace]);
    assert!(!ours.stdout.contains("theirs"), "{ours:?}");
    run(&["workspaces", "create", " "], &[], "").ends(2);
}
