use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::api::Api;

/// The real binary, serving on a port that the system chose. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    stdout: ChildStdout,
    log: Arc<Mutex<String>>,
    pub(crate) url: String,
}

/// `latchkey` with nothing inherited from the environment that could configure it.
pub(crate) fn latchkey(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LATCHKEY_")) {
        command.env_remove(name);
    }
    command
}

impl Process {
    /// Starts and waits for the line that tells the address.
    pub(crate) fn serve(folder: &Path) -> Self {
        Self::serve_with(folder, &[])
    }

    /// As [`Process::serve`], with settings by variables.
    pub(crate) fn serve_with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let folder = folder.to_str().unwrap();
        let mut command =
            latchkey(&["serve", "--data-dir", folder, "--listen", "127.0.0.1:0", "--log", "debug"]);
        command.envs(settings.iter().copied());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let mut url = None;
        for line in lines.by_ref() {
            let line = line.unwrap();
            *log.lock().unwrap() += &format!("{line}\n");
            if let Some((_, address)) = line.split_once("listening on ") {
                url = Some(address.split_whitespace().next().unwrap().to_owned());
                break;
            }
        }
        let rest = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *rest.lock().unwrap() += &format!("{line}\n");
            }
        });
        let url = url.unwrap_or_else(|| panic!("it did not start: {}", log.lock().unwrap()));
        Self { child, stdout, log, url }
    }

    /// The admin key that the first start prints.
    pub(crate) fn admin_key(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(&mut self.stdout).read_line(&mut line).unwrap();
        line.trim().strip_prefix("admin key: ").expect("the first line is the admin key").to_owned()
    }

    pub(crate) fn api(&self, admin_key: &str) -> Api {
        Api::new(&self.url, Some(admin_key))
    }

    /// Memory that it has in use, as Linux counts it.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// SIGKILL: nothing gets a chance to finish.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM. Returns the exit code and what was left on standard output.
    pub(crate) fn terminate(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (code, rest)
    }
}

/// Purging every second instead of every hour.
pub(crate) const EAGER_PURGE: [(&str, &str); 1] = [("LATCHKEY_PURGE_INTERVAL_SECONDS", "1")];

/// Makes all revocations in a data folder older than any retention time. The schema forbids that, so its rule is taken away.
pub(crate) fn age_revocations(folder: &Path) {
    let database = rusqlite::Connection::open(folder.join("latchkey.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    database
        .execute_batch(
            "DROP TRIGGER IF EXISTS leaked_keys_stay_revoked;
             UPDATE keys SET revoked_at = revoked_at - 4000 * 86400000 WHERE revoked_at > 4000 * 86400000",
        )
        .unwrap();
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
