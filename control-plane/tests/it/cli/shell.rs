use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::process::{Process, latchkey};

/// A server and a shell whose variables lead to it.
pub(crate) struct Shell {
    pub(crate) process: Process,
    pub(crate) admin_key: String,
    pub(crate) folder: TempDir,
    runs: Arc<Mutex<Vec<Run>>>,
}

/// A command that was run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) arguments: Vec<String>,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Shell {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Process::serve(&folder.path().join("data"));
        let admin_key = process.admin_key();
        Self { process, admin_key, folder, runs: Arc::default() }
    }

    /// Runs a command with nothing on standard input.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, "")
    }

    /// Runs a command with `input` on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Run {
        let variables =
            [("LATCHKEY_URL", self.process.url.as_str()), ("LATCHKEY_ADMIN_KEY", &self.admin_key)];
        let run = run(arguments, &variables, input);
        self.runs.lock().unwrap().push(run.clone());
        run
    }

    /// Runs a command that must succeed, and reads the JSON that it writes.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.json_with(arguments, "")
    }

    pub(crate) fn json_with(&self, arguments: &[&str], input: &str) -> Value {
        let arguments = [arguments, &["--output", "json"]].concat();
        serde_json::from_str(&self.run_with(&arguments, input).ok().stdout).unwrap()
    }

    /// Makes a keyspace and returns its id.
    pub(crate) fn keyspace(&self, more: &[&str]) -> String {
        let arguments = [&["keyspaces", "create", "--name", "Demo", "--prefix", "demo"], more].concat();
        id(&self.json(&arguments))
    }

    /// Makes a key and returns it as the API shows it, with its token.
    pub(crate) fn key(&self, keyspace: &str, more: &[&str]) -> Value {
        self.json(&[&["keys", "create", keyspace], more].concat())
    }

    /// A file in the test's folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn data(&self) -> String {
        self.folder.path().join("data").to_str().unwrap().to_owned()
    }

    /// Everything that was run so far.
    pub(crate) fn runs(&self) -> Vec<Run> {
        self.runs.lock().unwrap().clone()
    }
}

/// Runs `latchkey` with these variables alone.
pub(crate) fn run(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Run {
    let mut child =
        latchkey(arguments).envs(variables.iter().copied()).stdin(Stdio::piped()).spawn().unwrap();
    // A command that does not read its input closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Run {
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        code: status.code().unwrap(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

impl Run {
    /// It succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.ends(0)
    }

    /// It ended with this code, and said why on standard error unless that is 0.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// It wrote or said each of these.
    #[track_caller]
    pub(crate) fn shows(self, wanted: &[&str]) -> Self {
        for text in wanted {
            assert!(self.stdout.contains(text), "{text:?} is not on standard output: {self:?}");
        }
        self
    }

    #[track_caller]
    pub(crate) fn says(self, wanted: &[&str]) -> Self {
        for text in wanted {
            assert!(self.stderr.contains(text), "{text:?} is not on standard error: {self:?}");
        }
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

pub(crate) fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

pub(crate) fn secret(object: &Value) -> String {
    object["secret"].as_str().unwrap().to_owned()
}

/// Lets everybody on the machine read a file or folder.
#[cfg(unix)]
pub(crate) fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
