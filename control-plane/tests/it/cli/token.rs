use super::shell::run;

const TOKEN: &str = "demo_test_XR4rKzVcHFiYVu4vxjCwQWdGxbKX2XbY33Na1J";

#[test]
fn c1_a_token_is_taken_apart_without_a_server_and_without_showing_its_secret_part() {
    let checked = run(&["token", "check"], &[], TOKEN).ok();
    let checked = checked.shows(&["checksum", "right", "demo", "test", "demo_test_XR4r", "digest_start"]);
    assert!(!(checked.stdout + &checked.stderr).contains("demo_test_XR4rK"));

    let json = run(&["token", "check", "--output", "json"], &[], TOKEN).ok().json();
    assert_eq!((&json["environment"], &json["prefix"]), (&"test".into(), &"demo".into()));
    assert_eq!(json["digest_start"].as_str().unwrap().len(), 8);

    let mistyped =
        run(&["token", "check"], &[], &TOKEN.replace("Kz", "kz")).ends(1).shows(&["wrong", "checksum"]);
    assert!(!mistyped.stdout.contains("VcHFiYV"));
    run(&["token", "check"], &[], "s3cr3t-of-another-system").ok().shows(&["foreign"]);
    run(&["token", "check"], &[], "short").ends(1).shows(&["too short"]);
    run(&["token", "check"], &[], "").ends(2);
    let argument = run(&["token", "check", TOKEN], &[], "").ends(2);
    assert!(!argument.stderr.contains(TOKEN), "{argument:?}");
}
