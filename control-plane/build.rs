//! A release build embeds the dashboard, so it has to notice when that was built anew, and say so if it was not built at all. A debug
//! build reads it from its folder while it runs.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    println!("cargo:rerun-if-changed=dashboard/dist");
    if !Path::new("dashboard/dist/index.html").exists() {
        println!(
            "cargo:warning=this latchkey will have no dashboard: `cargo xtask build dashboard` makes it, then build again"
        );
    }
}
