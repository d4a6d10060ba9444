use std::net::TcpListener;

use serde_json::json;

use super::shell::{Shell, id};

#[test]
fn w3_a_webhook_is_limited_to_several_keyspaces_and_freed_of_the_limit() {
    let shell = Shell::start();
    let [one, two, three] = [(); 3].map(|()| shell.keyspace(&[]));
    let to = ["--to", "https://hooks.example.com/latchkey"];
    let limits = ["--event", "key.revoked", "--keyspace", &one, "--keyspace", &two];
    let made = shell.json(&[&["webhooks", "create"], &to[..], &limits].concat());
    assert_eq!((&made["keyspaces"], &made["events"]), (&json!([one, two]), &json!(["key.revoked"])));
    let update = ["webhooks", "update", &id(&made)];
    let moved = shell.json(&[&update[..], &["--keyspace", &two, "--keyspace", &three]].concat());
    assert_eq!(moved["keyspaces"], json!([two, three]));
    let freed = shell.json(&[&update[..], &["--unset", "keyspaces"]].concat());
    assert_eq!(freed["keyspaces"], json!(null));
    shell.run(&[&update[..], &["--keyspace", "demo"]].concat()).ends(2);
    shell.run(&[&update[..], &["--keyspace", &one, "--keyspace", &one]].concat()).ends(1).says(&["twice"]);
}

#[test]
fn w1_the_address_of_a_webhook_is_never_taken_for_the_servers() {
    let shell = Shell::start();
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let url = format!("http://{}/hook", stranger.local_addr().unwrap());
    shell.run(&["webhooks", "create", "--url", &url]).ends(2).says(&["--to <URL>"]);
    let made = shell.json(&["webhooks", "create", "--to", "https://hooks.example.com/latchkey"]);
    let moved = ["webhooks", "update", &id(&made), "--url", &url];
    shell.run(&moved).ends(2).says(&["--to is where events are sent"]);
    assert!(stranger.accept().is_err(), "the admin key would have gone there");
}
