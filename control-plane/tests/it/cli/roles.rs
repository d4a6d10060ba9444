use super::shell::{Shell, id, secret};
use crate::support::eventually;

#[test]
fn a1_a2_a_role_is_made_previewed_changed_and_deleted() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let policy = r#"{"routes":[{"method":"GET","path":"/orders","permission":"orders:read"}]}"#;
    shell.run_with(&["policy", "put", &keyspace, "-"], policy).ok();
    let role = id(&shell.json(&["roles", "create", &keyspace, "--name", "reader", "--grant", "orders:read"]));
    shell.run(&["roles", "list", &keyspace]).ok().shows(&["GRANTS", &role, "reader", "orders:read"]);
    shell.run(&["permissions", "list", &keyspace]).ok().shows(&["orders:read"]);
    let preview = shell.json(&["permissions", "preview", &keyspace, "--role", "reader"]);
    assert_eq!(
        (&preview["grants"][0]["grant"], &preview["routes"][0]["allowed"]),
        (&"orders:read".into(), &true.into())
    );
    shell
        .run(&["permissions", "preview", &keyspace, "--permission", "orders:*"])
        .ok()
        .shows(&["orders:*", "/orders"]);

    shell.run(&["roles", "update", &keyspace, &role, "--grant", "orders:*", "--description", "reads"]).ok();
    assert_eq!(shell.json(&["roles", "get", &keyspace, &role])["grants"][0], "orders:*");

    let key = shell.key(&keyspace, &["--role", "reader"]);
    shell.run(&["keys", "permissions", &id(&key)]).ok().shows(&["orders:*", "role reader"]);
    shell.run(&["roles", "delete", &keyspace, &role]).ends(5).says(&["ROLE_IN_USE", &id(&key)]);
    shell.run(&["roles", "delete", &keyspace, &role, "--force"]).ok();
    shell.run(&["roles", "get", &keyspace, &role]).ends(3);
    shell.run(&["roles", "get", &keyspace, "reader"]).ends(2).says(&["no role id"]);
}

#[test]
fn a1_a_keyspace_can_begin_with_a_set_of_roles() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&["--preset", "read-pay-admin"]);
    shell.run(&["roles", "list", &keyspace]).ok().shows(&["Read", "ReadAndPay", "Admin"]);
}

#[tokio::test]
async fn a3_a_key_without_a_role_can_do_nothing_until_it_is_given_one() {
    let shell = Shell::start();
    let keyspace = shell.keyspace(&[]);
    let policy = r#"{"routes":[{"method":"GET","path":"/orders","permission":"orders:read"}]}"#;
    shell.run_with(&["policy", "put", &keyspace, "-"], policy).ok();
    shell.run(&["roles", "create", &keyspace, "--name", "reader", "--grant", "orders:read"]).ok();
    let key = shell.key(&keyspace, &[]);
    let says = async |code: &str, exit: i32| {
        eventually(code, async || {
            let run = shell.run_with(&["keys", "verify", "--path", "/orders"], &secret(&key));
            (run.code == exit && run.stdout.contains(code)).then_some(())
        })
        .await;
    };
    says("INSUFFICIENT_PERMISSIONS", 1).await;
    shell.run(&["keys", "update", &id(&key), "--role", "reader"]).ok();
    says("VALID", 0).await;
}
