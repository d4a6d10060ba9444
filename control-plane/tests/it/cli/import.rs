use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::shell::{Run, Shell, run};

const ADMIN_KEY_PREFIX: &str = "lkadm";
const KEYSPACE: &str = "ks_06nd5xbm0q3tz";

#[test]
fn a_server_that_stops_in_the_middle_is_noticed() {
    let url = serve_once("{\"line\":1,\"outcome\":\"created\"}\n{\"line\":2,\"outcome\":\"created\"}\n");
    let stopped = import(&url).ends(1).shows(&["\"line\":2"]);
    stopped.says(&["stopped after 2 lines", "run it again"]);
}

#[test]
fn results_are_passed_on_and_failed_lines_make_the_command_fail() {
    let fine = "{\"line\":1,\"outcome\":\"created\"}\n{\"done\":true,\"created\":1,\"unchanged\":0,\"updated\":0,\"errors\":0}\n";
    let passed = import(&serve_once(fine)).ok().says(&["1 created, 0 updated, 0 unchanged, 0 errors"]);
    assert_eq!(passed.stdout, fine);
    assert!(!passed.stderr.contains('\r'), "no progress bar where nobody sees it");
    let failed = "{\"line\":1,\"outcome\":\"error\"}\n{\"done\":true,\"created\":0,\"unchanged\":0,\"updated\":0,\"errors\":1}\n";
    import(&serve_once(failed)).ends(1).shows(&[failed]).says(&["1 errors"]);
}

fn import(url: &str) -> Run {
    let prefix = latchkey_token::Prefix::new(ADMIN_KEY_PREFIX).unwrap();
    let key = latchkey_token::generate(&prefix, latchkey_token::Environment::Live, &mut rand::rng());
    let variables = [("LATCHKEY_URL", url), ("LATCHKEY_ADMIN_KEY", key.expose())];
    run(&["keys", "import", KEYSPACE, "-"], &variables, "{\"external_id\":\"1\"}\n{\"external_id\":\"2\"}\n")
}

/// A server that knows every keyspace and answers an import with these lines, whatever it holds.
fn serve_once(lines: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        answer(listener.accept().unwrap().0, "{}");
        answer(listener.accept().unwrap().0, lines);
    });
    url
}

fn answer(stream: TcpStream, body: &str) {
    let mut reader = BufReader::new(stream);
    let mut is_upload = false;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        is_upload |= line.starts_with("POST ");
        if line.trim().is_empty() {
            break;
        }
    }
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/x-ndjson\r\n\r\n";
    reader.get_mut().write_all(format!("{head}{body}").as_bytes()).unwrap();
    if is_upload {
        // The end of a chunked body.
        let mut read = Vec::new();
        while !read.ends_with(b"0\r\n\r\n") {
            let mut byte = [0];
            reader.read_exact(&mut byte).unwrap();
            read.push(byte[0]);
        }
    }
}

#[test]
fn k12_keys_are_imported_by_hash_and_a_bad_line_does_not_stop_the_rest() {
    const LINES: usize = 3_000;
    let shell = Shell::start();
    let keyspace = shell.keyspace(&["--foreign-tokens", "true"]);
    let token = |number: usize| format!("imported-token-number-{number:08}");
    let mut input = String::new();
    for number in 0..LINES {
        let digest = latchkey_snapshot::sha256(token(number).as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        input += &format!("{{\"external_id\":\"{number}\",\"digest\":\"{digest}\",\"owner\":\"acme\"}}\n");
    }
    input += "{\"external_id\":\"bad\",\"digest\":\"short\"}\nno json\n";
    let file = shell.file("keys.ndjson", &input);

    let first = shell.run(&["keys", "import", &keyspace, &file]).ends(1);
    let first = first.says(&["3000 created, 0 updated, 0 unchanged, 2 errors"]);
    assert_eq!(first.stdout.lines().count(), LINES + 3);
    let again = shell.run_with(
        &["keys", "import", &keyspace, "-"],
        input.split("{\"external_id\":\"bad\"").next().unwrap(),
    );
    again.ok().says(&["0 created, 0 updated, 3000 unchanged, 0 errors"]);
    shell.run_with(&["keys", "lookup"], &token(17)).ok().shows(&["acme"]);
    shell.run(&["keys", "import", "ks_0000000000000", &file]).ends(3);
}
