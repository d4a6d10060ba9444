use std::path::Path;

use super::exit::Failure;
use super::input::{self, Secret};

const VARIABLE: &str = "LATCHKEY_ADMIN_KEY";

/// Where a command has used standard input up, which holds one thing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stdin {
    Free,
    HoldsAdminKey,
}

/// Takes the admin key from `file` (`-`: standard input), else from the variable. There is no third way: an argument would be
/// seen by every user of the machine.
pub(super) fn find(file: Option<&Path>) -> Result<(Secret, Stdin), Failure> {
    let (text, origin, stdin) = match file {
        Some(path) if path == Path::new("-") => {
            (input::secret_from_stdin("the admin key")?, "standard input".to_owned(), Stdin::HoldsAdminKey)
        }
        Some(path) => (from_file(path)?, path.display().to_string(), Stdin::Free),
        None => (from_variable()?, VARIABLE.to_owned(), Stdin::Free),
    };
    match latchkey_token::parse(text.expose().as_bytes()) {
        Ok(_) => Ok((text, stdin)),
        Err(error) => Err(Failure::usage(format!("{origin} does not hold an admin key: {error}"))),
    }
}

fn from_variable() -> Result<Secret, Failure> {
    let value = std::env::var(VARIABLE).ok().map(Secret::trimmed).filter(|value| !value.expose().is_empty());
    value.ok_or_else(|| {
        Failure::usage(format!(
            "an admin key is needed: put it into {VARIABLE}, or into a file for --admin-key-file (`-`: standard input). \
             The first start of `latchkey serve` printed one"
        ))
    })
}

fn from_file(path: &Path) -> Result<Secret, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read the admin key file {shown}: {error}")))?;
    #[cfg(unix)]
    if let Ok(meta) = std::fs::metadata(path) {
        use std::os::unix::fs::PermissionsExt;
        if meta.permissions().mode() & 0o077 != 0 {
            super::output::remark(&format!("warning: other users can read {shown}; run: chmod 600 {shown}"));
        }
    }
    Ok(Secret::trimmed(text))
}
