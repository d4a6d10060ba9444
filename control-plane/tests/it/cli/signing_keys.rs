use super::shell::Shell;

#[test]
fn e2_each_step_of_a_rotation_says_what_it_will_do_and_does_it_only_with_yes() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let states = || {
        let keys = shell.json(&["signing-keys", "list", &keyspace]);
        let keys = keys["keys"].as_array().unwrap().iter();
        keys.map(|key| key["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let replace = ["signing-keys", "replace", &keyspace, "--reason", "leaked"];
    shell.run(&["signing-keys", "rotate", &keyspace]).ends(2).says(&["trusted_keys", "--yes"]);
    shell.run(&["signing-keys", "complete", &keyspace]).ends(2).says(&["for good", "--yes"]);
    shell.run(&replace).ends(2).says(&["revocations included", "--yes"]);
    assert_eq!(states(), ["current"]);

    let rotate = ["signing-keys", "rotate", &keyspace, "--overlap-days", "3", "--yes"];
    shell.run(&rotate).ok().shows(&[";not_after=", ";not_before="]);
    assert_eq!(states(), ["current", "next"]);
    shell.run(&rotate).ends(5).says(&["ROTATION_UNDER_WAY"]);
    shell.run(&["signing-keys", "complete", &keyspace, "--yes"]).ok();
    assert_eq!(states(), ["current", "retired"]);
    shell.run(&[&replace[..], &["--yes"]].concat()).ok();
    assert_eq!(states(), ["current", "retired", "retired"]);
}
