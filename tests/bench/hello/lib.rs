//! The smallest Worker in Rust, beside which `cargo xtask bench gate` shows the gate.

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
pub async fn fetch(_request: Request, _env: Env, _context: Context) -> Result<Response> {
    Response::ok("hello\n")
}
