//! The Worker target: `index.js` + `index_bg.wasm` from wasm-bindgen, and the hand-written entry beside them.
//!
//! Not `worker-build`: its generated entry makes every exported function callable on the entrypoint by RPC, and
//! it downloads tools. The two edits made here to generated text fail loudly when the text is not as expected.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use crate::base;

/// What wasm-bindgen writes, and what workerd can load: it has no source phase imports, a plain import of a Wasm
/// module already gives a compiled `WebAssembly.Module`.
const SOURCE_IMPORT: &str = "import source wasmModule from \"./index_bg.wasm\";";
const PLAIN_IMPORT: &str = "import wasmModule from \"./index_bg.wasm\";";

/// The function with which the entry builds a fresh instance after a panic.
const RESET_EXPORT: &str = "__wbg_reset_state";

pub(crate) fn build(input: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut bindgen = base(input);
    bindgen.module(true)?.reset_state_function(true).typescript(false);
    let bytes = fs::read(input)?;
    bindgen.input_bytes("index", bytes).generate(out)?;

    let index = out.join("index.js");
    fs::write(&index, loadable_by_workerd(&fs::read_to_string(&index)?)?)?;
    copy_entry(out)
}

fn loadable_by_workerd(generated: &str) -> Result<String, String> {
    if generated.matches(SOURCE_IMPORT).count() != 1 {
        return Err(format!(
            "index.js should contain `{SOURCE_IMPORT}` once; wasm-bindgen's output has changed"
        ));
    }
    if !generated.contains(RESET_EXPORT) {
        return Err(format!("index.js has no {RESET_EXPORT}: a panic could not be recovered from"));
    }
    Ok(generated.replace(SOURCE_IMPORT, PLAIN_IMPORT))
}

/// The entry is copied, not bundled: what is reviewed in `edge/js` is what runs.
fn copy_entry(out: &Path) -> Result<(), Box<dyn Error>> {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../edge/js");
    let mut copied = 0;
    for file in fs::read_dir(&source).map_err(|error| format!("cannot read edge/js: {error}"))? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "js") {
            let name = path.file_name().ok_or("a file in edge/js has no name")?;
            fs::copy(&path, out.join(name))?;
            copied += 1;
        }
    }
    if copied == 0 {
        return Err("edge/js holds no JavaScript: the Worker would have no entry".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewrites_the_source_import_and_nothing_else() {
        let generated = format!("{SOURCE_IMPORT}\nexport function __wbg_reset_state() {{}}\n");
        let rewritten = loadable_by_workerd(&generated).unwrap();
        assert_eq!(rewritten, format!("{PLAIN_IMPORT}\nexport function __wbg_reset_state() {{}}\n"));
    }

    #[test]
    fn refuses_output_that_it_does_not_recognise() {
        assert!(loadable_by_workerd("export function __wbg_reset_state() {}").is_err());
        assert!(loadable_by_workerd(SOURCE_IMPORT).is_err());
    }
}
