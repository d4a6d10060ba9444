use super::shell::{Shell, id, secret};
use crate::support::eventually;

const CHOSEN: &str = "chosen-by-hand-Zq7dR2mXw9Lk4TnB8vYcHs3Gf6Jp1";

#[test]
fn k10_a_rotated_key_has_a_new_token_and_keeps_the_old_one_for_a_while() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let key = shell.key(&keyspace, &[]);
    let (key, first) = (id(&key), secret(&key));

    let rotated = shell.run(&["keys", "rotate", &key, "--grace", "1h"]).ok().says(&["secrets:"]);
    let second = rotated.stdout.strip_suffix('\n').unwrap();
    assert!(second != first && latchkey_token::parse(second.as_bytes()).is_ok());
    for token in [&first, second] {
        assert_eq!(id(&shell.json_with(&["keys", "lookup"], token)), key);
    }
    let rotated = shell.json(&["keys", "rotate", &key, "--grace", "0s"]);
    assert_eq!(id(&rotated), key);
    assert_ne!(secret(&rotated), second);
    let once = ["keys", "rotate", &key, "--idempotency-key", "switch"];
    assert_eq!(secret(&shell.json(&once)), secret(&shell.json(&once)));
    shell.run(&["keys", "rotate", &key, "--grace", "soon"]).ends(2);
    shell.run(&["keys", "rotate", &key, "--old-expires", "never"]).ends(2);
    shell.json(&["keys", "rotate", &key, "--old-expires", "2d"]);
    let moved = shell.json(&["keys", "reschedule", &key, "--old-expires", "2099-01-01T00:00:00Z"]);
    let ends = moved["secrets"].as_array().unwrap().iter().map(|secret| secret["expires_at"].as_str());
    assert!(ends.clone().any(|end| end == Some("2099-01-01T00:00:00.000Z")), "{moved}");
    shell.run(&["keys", "reschedule", &key, "--grace", "0s"]).ok();
    shell.run(&["keys", "reschedule", &key, "--grace", "1h"]).ends(5).says(&["NOT_ROTATING"]);
    shell.run(&["keys", "reschedule", &key]).ends(2);
}

#[test]
fn k9_a_key_is_found_and_changed_by_its_token() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let key = shell.key(&keyspace, &["--permission", "orders:read"]);
    let (key, token) = (id(&key), secret(&key));
    assert_eq!(id(&shell.json_with(&["keys", "lookup"], &token)), key);
    assert_eq!(id(&shell.json_with(&["keys", "get", "-"], &token)), key);
    assert_eq!(shell.json_with(&["keys", "update", "-", "--name", "Found"], &token)["name"], "Found");
    shell.run(&["keys", "permissions", &key]).ok().shows(&["orders:read", "key"]);
}

#[test]
fn k7_k13_a_revocation_is_taken_back_unless_the_key_leaked() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let key = shell.key(&keyspace, &[]);
    let (key, token) = (id(&key), secret(&key));
    shell.run(&["keys", "revoke", &key, "--reason", "holder", "--note", "lost the laptop"]).ok();
    assert_eq!(shell.json(&["keys", "restore", &key])["status"], "active");
    shell.run(&["keys", "restore", &key]).ends(5).says(&["NOT_REVOKED"]);

    let unknown = "demo_test_XR4rKzVcHFiYVu4vxjCwQWdGxbKX2XbY33Na1J";
    let found = format!("{token}\n{{\"token\":\"{unknown}\",\"source\":\"paste\"}}\n");
    let reported = shell.run_with(&["keys", "revoke-leaked", "-"], &found).ok();
    reported.shows(&["LINE", "1     revoked", &key, "2     unknown"]);
    shell.run(&["keys", "restore", &key]).ends(5).says(&["LEAKED_KEY"]);
}

#[test]
fn k10_a_token_of_ones_own_is_read_from_standard_input_and_never_said_back() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&["--foreign-tokens", "true"]);
    let create = ["keys", "create", &keyspace, "--token-stdin"];
    let made = shell.run_with(&create, CHOSEN).ok();
    assert!(!(made.stdout + &made.stderr).contains(CHOSEN));
    shell.run_with(&["keys", "lookup"], CHOSEN).ok().shows(&["chos"]);
    let again = shell.run_with(&create, CHOSEN).ends(5).says(&["TOKEN_ALREADY_USED"]);
    assert!(!again.stderr.contains(CHOSEN));
    shell.run_with(&create, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").ends(1).says(&["/token"]);
}

#[tokio::test]
async fn e6_whether_a_token_would_pass_is_said_and_exited_with() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let key = shell.key(&keyspace, &[]);
    let (key, token) = (id(&key), secret(&key));
    let verify = ["keys", "verify"];
    let passes = eventually("the key is published", async || {
        Some(shell.run_with(&verify, &token)).filter(|run| run.code == 0)
    });
    let passes = passes.await.shows(&["VALID", &key]);
    assert!(!(passes.stdout + &passes.stderr).contains(&token[token.len() - 30..]));
    let asked = ["keys", "verify", "--method", "GET", "--path", "/v1/hello"];
    shell.run_with(&asked, &token).ends(1).shows(&["ROUTE_NOT_FOUND"]);
    shell.run_with(&["keys", "verify", "--address", "::1"], &token).ok();
    let unknown = "demo_test_XR4rKzVcHFiYVu4vxjCwQWdGxbKX2XbY33Na1J";
    shell.run_with(&verify, unknown).ends(1).shows(&["NOT_FOUND"]);
}
