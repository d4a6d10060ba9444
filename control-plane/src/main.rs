//! The `latchkey` command; everything is in the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    latchkey_control_plane::cli::main()
}
