//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

const USAGE: &str = "usage: latchkey-bindgen --target worker|web|node --out DIR FILE.wasm";

/// Where the result will run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// workerd: ES modules, the hand-written entry beside them.
    Worker,
    /// A browser: `await init()`, then the exports.
    Web,
    /// Node: an ES module that loads its Wasm from disk.
    Node,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) target: Target,
    pub(crate) out: PathBuf,
    pub(crate) input: PathBuf,
}

impl Args {
    pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let (mut target, mut out, mut input) = (None, None, None);
        let mut words = words;
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--target") => target = Some(parse_target(words.next())?),
                Some("--out") => {
                    out = Some(words.next().map(PathBuf::from).ok_or("--out needs a folder")?);
                }
                Some(flag) if flag.starts_with('-') => return Err(format!("unknown flag {flag}\n{USAGE}")),
                _ if input.is_none() => input = Some(PathBuf::from(word)),
                _ => return Err(format!("more than one input file\n{USAGE}")),
            }
        }
        Ok(Self {
            target: target.ok_or_else(|| format!("--target is missing\n{USAGE}"))?,
            out: out.ok_or_else(|| format!("--out is missing\n{USAGE}"))?,
            input: input.ok_or_else(|| format!("the Wasm file is missing\n{USAGE}"))?,
        })
    }
}

fn parse_target(word: Option<OsString>) -> Result<Target, String> {
    match word.as_ref().and_then(|word| word.to_str()) {
        Some("worker") => Ok(Target::Worker),
        Some("web") => Ok(Target::Web),
        Some("node") => Ok(Target::Node),
        _ => Err(format!("--target must be worker, web or node\n{USAGE}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn takes_target_folder_and_file_in_any_order() {
        let expected = Args { target: Target::Worker, out: "o".into(), input: "a.wasm".into() };
        assert_eq!(parse("--target worker --out o a.wasm"), Ok(expected));
        assert!(parse("a.wasm --out o --target node").is_ok());
    }

    #[test]
    fn names_what_is_missing_or_unknown() {
        assert!(parse("--out o a.wasm").unwrap_err().contains("--target is missing"));
        assert!(parse("--target deno --out o a.wasm").unwrap_err().contains("worker, web or node"));
        assert!(parse("--target web --out o a.wasm b.wasm").unwrap_err().contains("more than one"));
        assert!(parse("--frob --target web --out o a.wasm").unwrap_err().contains("--frob"));
    }
}
