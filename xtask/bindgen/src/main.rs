//! Turns a Wasm build into the JavaScript modules that workerd, browsers and Node load.
//!
//! `latchkey-bindgen --target worker|web|node --out DIR FILE.wasm`
//!
//! It is a library call rather than the `wasm-bindgen` program, so that Cargo.lock pins the one version that
//! understands what the macro emitted, and so that nothing has to be installed first.

#![forbid(unsafe_code)]

mod args;
mod worker;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

use args::{Args, Target};

fn main() -> ExitCode {
    match Args::parse(std::env::args_os().skip(1)).map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("latchkey-bindgen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    if !args.input.is_file() {
        return Err(
            format!("{} does not exist; build the crate for wasm32 first", args.input.display()).into()
        );
    }
    // A file left over from an earlier build would be shipped: wrangler uploads every module it finds.
    if args.out.exists() {
        std::fs::remove_dir_all(&args.out)?;
    }
    match args.target {
        Target::Worker => worker::build(&args.input, &args.out),
        Target::Web => library(
            &args.input,
            |bindgen| {
                // The library's default differs from the program's: without this `await init()` finds no module.
                bindgen.web(true)?.omit_default_module_path(false);
                Ok(())
            },
            &args.out,
        ),
        Target::Node => library(&args.input, |bindgen| bindgen.nodejs_module(true).map(|_| ()), &args.out),
    }
}

/// The browser and Node forms: typed, named after the crate, usable as they are.
fn library(
    input: &Path,
    choose: impl FnOnce(&mut Bindgen) -> Result<(), anyhow::Error>,
    out: &Path,
) -> Result<(), Box<dyn Error>> {
    let mut bindgen = base(input);
    choose(&mut bindgen)?;
    bindgen.typescript(true).generate(out)?;
    Ok(())
}

/// What every target shares. Function names and tool versions in the module help nobody who runs it.
fn base(input: &Path) -> Bindgen {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).remove_name_section(true).remove_producers_section(true);
    bindgen
}
