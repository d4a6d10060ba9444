use super::shell::{Shell, id};

#[test]
fn a6_l1_l2_l3_a4_a8_a_key_is_narrowed_from_the_command_line() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let key = shell.key(
        &keyspace,
        &[
            "--allow-ip",
            "10.0.0.0/8",
            "--deny-ip",
            "10.1.0.0/16",
            "--constraint",
            "network=Mainnet,Preprod",
            "--rate-limit",
            "burst=100/1m",
            "--rate-limit",
            "month=1000/30d:exact",
            "--credits",
            "requests=100",
            "--credits-low-at",
            "requests=10",
            "--refill",
            "requests=10/day:50",
            "--signature-required",
            "true",
        ],
    );
    let key_id = id(&key);
    assert_eq!(
        (&key["ip_rules"][0]["action"], &key["constraints"]["network"][1], &key["rate_limits"][1]["mode"]),
        (&"deny".into(), &"Preprod".into(), &"exact".into())
    );
    assert_eq!((&key["refills"][0]["up_to"], &key["signature_required"]), (&50.into(), &true.into()));

    let low_at = |key: &serde_json::Value| key["credits_low_at"].to_string();
    assert_eq!(low_at(&key), r#"[{"amount":10,"unit":"requests"}]"#);
    let more = ["--credits-low-at", "requests=20", "--credits-low-at", "ada=1"];
    let lower = shell.json(&[&["keys", "update", key_id.as_str()], &more[..]].concat());
    assert_eq!(low_at(&lower), r#"[{"amount":1,"unit":"ada"},{"amount":20,"unit":"requests"}]"#);
    let wrong = ["keys", "update", &key_id, "--credits-low-at", "requests"];
    shell.run(&wrong).ends(2).says(&["--credits-low-at must be"]);

    let preview = |address: &str| shell.json(&["keys", "ip-rules", "preview", &key_id, address]);
    assert_eq!(preview("10.1.2.3")["allowed"], false);
    assert_eq!(preview("10.2.2.3")["matched"]["cidr"], "10.0.0.0/8");
    let rules = shell.run(&["keys", "ip-rules", "get", &key_id, "--output", "json"]).ok().stdout;
    shell.json(&["keys", "ip-rules", "put", &key_id, "--deny-ip", "192.0.2.1"]);
    assert_eq!(preview("10.1.2.3")["allowed"], true);
    shell.run_with(&["keys", "ip-rules", "put", &key_id, "-"], &rules).ok().shows(&["10.1.0.0/16"]);
    shell.run(&["keys", "ip-rules", "put", &key_id]).ends(2);

    let after = shell.json(&[
        "keys",
        "credits",
        &key_id,
        "--give",
        "ada=5",
        "--take",
        "requests=40",
        "--note",
        "why",
    ]);
    assert_eq!((&after["credits"][0]["granted"], &after["credits"][1]["remaining"]), (&5.into(), &60.into()));
    shell.run(&["keys", "credits", &key_id, "--take", "ada=6"]).ends(5).says(&["5 of ada"]);
    shell.run(&["keys", "credits", &key_id, "--give", "ada"]).ends(2).says(&["--give must be"]);
    let lifted = shell.json(&["keys", "update", &key_id, "--unset", "credits", "--unset", "constraints"]);
    assert!(lifted["credits"].is_null() && lifted["constraints"].as_object().unwrap().is_empty());
    shell.run(&["keys", "update", &key_id, "--rate-limit", "burst"]).ends(2).says(&["burst=100/60s"]);

    let made = shell.run(&["keys", "signing-keys", "add", &key_id]).ok().says(&["sk_", "only time"]);
    assert!(made.stdout.starts_with("-----BEGIN PRIVATE KEY-----\n") && !made.stderr.contains("PRIVATE"));
    let pair = id(&shell.json(&["keys", "get", &key_id])["signing_keys"][0]);
    shell.run(&["keys", "signing-keys", "delete", &key_id, &pair]).ok();
    shell.run(&["keys", "signing-keys", "delete", &key_id, &pair]).ends(3);
}
