//! The Cloudflare Worker: gate and relay.
use worker::*;

#[event(fetch)]
pub async fn fetch(_request: Request, _env: Env, _context: Context) -> Result<Response> {
    Response::ok("hello")
}
