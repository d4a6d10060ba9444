use super::shell::Shell;

const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn sinks_are_set_one_by_one_and_their_secrets_come_from_standard_input() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    // Nothing listens there.
    let place = ["--account-id", ACCOUNT, "--namespace-id", ACCOUNT, "--api-base", "http://127.0.0.1:9"];
    let set = ["sinks", "set", keyspace.as_str()];
    let edge = [&set[..], &["--type", "kv", "--name", "edge"], &place].concat();
    shell.json_with(&edge, "cf-S3CRET\n");
    let disk = [&set[..], &["--type", "folder", "--name", "disk", "--path", "/nowhere"]].concat();
    let both = shell.json(&disk);
    let names = |view: &serde_json::Value| {
        let sinks = view["sinks"].as_array().unwrap().iter();
        sinks.map(|sink| sink["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&both), ["edge", "disk"]);
    let kept = [&edge[..], &["--keep-secret"]].concat();
    assert_eq!(names(&shell.json(&kept)), ["edge", "disk"], "set again, it stays in its place");
    // With a secret that was given for another address it would go to that.
    let moved: Vec<_> = kept.iter().map(|text| text.replace(":9", ":10")).collect();
    let moved: Vec<_> = moved.iter().map(String::as_str).collect();
    shell.run(&moved).ends(1);
    shell.run(&["sinks", "list", &keyspace]).ok().shows(&["edge", "disk"]);
    shell.run(&["sinks", "remove", &keyspace, "edge"]).ok();
    shell.run(&["sinks", "remove", &keyspace, "edge"]).ends(2);
    assert_eq!(names(&shell.json(&["keyspaces", "get", &keyspace])), ["disk"]);
    for run in shell.runs() {
        assert!(!run.stdout.contains("S3CRET") && !run.stderr.contains("S3CRET"), "{run:?}");
    }
    assert!(!shell.process.log().contains("S3CRET"));
}
