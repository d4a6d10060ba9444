use std::net::TcpListener;
use std::path::Path;

use crate::support::process::{Process, latchkey};

/// Runs a command that must fail, and returns its exit code and what it says.
fn fails(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let output = latchkey(arguments).envs(variables.iter().copied()).output().unwrap();
    assert!(!output.status.success(), "it should fail: {arguments:?}");
    assert!(output.stdout.is_empty(), "failures go to standard error");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn serve_fails(folder: &Path, variables: &[(&str, &str)]) -> (i32, String) {
    fails(&["serve", "--listen", "127.0.0.1:0", "--data-dir", folder.to_str().unwrap()], variables)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_prints_the_admin_key_and_no_later_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Process::serve(folder.path());
    let admin_key = first.admin_key();
    first.api(&admin_key).get("/v1/whoami").await.expect(200);
    let (code, rest) = first.terminate();
    assert_eq!((code, rest.as_str()), (Some(0), ""), "one line on standard output and a clean end");
    let second = Process::serve(folder.path());
    second.api(&admin_key).get("/v1/whoami").await.expect(200);
    assert_eq!(second.terminate(), (Some(0), String::new()));
}

#[test]
fn a_second_process_on_the_same_data_is_told_about_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let first = Process::serve(folder.path());
    let (code, message) = serve_fails(folder.path(), &[]);
    assert_eq!(code, 1);
    assert!(message.contains("in use by another latchkey") && message.contains("--data-dir"), "{message}");
    drop(first);
}

#[test]
fn a_busy_port_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, message) =
        fails(&["serve", "--listen", &address, "--data-dir", folder.path().to_str().unwrap()], &[]);
    assert_eq!(code, 1);
    assert!(message.contains(&address) && message.contains("--listen"), "{message}");
    // Nothing half-done: the admin key was not used up by a start that failed.
    let mut process = Process::serve(folder.path());
    assert!(process.admin_key().starts_with("lkadm_live_"));
}

#[test]
fn another_or_missing_or_malformed_master_key_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    drop(Process::serve(folder.path()));
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let (_, message) = serve_fails(folder.path(), &[("LATCHKEY_MASTER_KEY", other)]);
    assert!(message.contains("LATCHKEY_MASTER_KEY is not the one"), "{message}");
    assert!(!message.contains(other));
    let (_, message) = serve_fails(folder.path(), &[("LATCHKEY_MASTER_KEY", "short")]);
    assert!(message.contains("32 bytes in base64"), "{message}");
    let file = folder.path().join("master.key");
    let kept = std::fs::read(&file).unwrap();
    std::fs::write(&file, other).unwrap();
    let (_, message) = serve_fails(folder.path(), &[]);
    assert!(message.contains("master.key is not the one"), "{message}");
    std::fs::remove_file(&file).unwrap();
    let (_, message) = serve_fails(folder.path(), &[]);
    assert!(message.contains("master.key does not exist"), "{message}");
    assert!(!file.exists(), "no other key is made");
    std::fs::write(&file, kept).unwrap();
    drop(Process::serve(folder.path()));
}

#[test]
fn a_wrong_setting_is_named_and_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let (code, message) = serve_fails(folder.path(), &[("LATCHKEY_HEARTBEAT_SECONDS", "0")]);
    assert_eq!(code, 2);
    assert!(message.contains("heartbeat_seconds is wrong: must be 1 to 3600"), "{message}");
    let file = folder.path().join("latchkey.toml");
    std::fs::write(&file, "[publisher]\nheartbeat = 3\n").unwrap();
    let (code, message) = fails(&["serve", "--config", file.to_str().unwrap()], &[]);
    assert_eq!(code, 2);
    assert!(message.contains("latchkey.toml") && message.contains("heartbeat"), "{message}");
    let (code, _) = fails(&["serve", "--no-such-flag"], &[]);
    assert_eq!(code, 2);
}

#[test]
fn the_printed_configuration_is_one_that_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let printed = latchkey(&["config"]).output().unwrap();
    let file = folder.path().join("latchkey.toml");
    std::fs::write(&file, printed.stdout).unwrap();
    let verified = latchkey(&["audit", "verify", "--config", file.to_str().unwrap()])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert!(folder.path().join("latchkey-data/latchkey.db").exists());
}
