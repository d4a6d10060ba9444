//! `POST /.well-known/latchkey/revoke`: whoever holds a key can end it, from wherever. The control plane does it; the gate only hands the
//! key on, in a header and to the one address that is configured.

use latchkey_validator::Code;
use serde_json::json;
use worker::{Env, Request, Response};

use super::credential::Presented;
use crate::control_plane::Bearer;
use crate::isolate;
use crate::problem::Problem;

const PATH: &str = "/v1/keys:revoke-self";

pub(crate) async fn handle(request: &Request, env: &Env) -> Result<Response, Problem> {
    let config = isolate::config(env).map_err(|error| Problem::misconfigured(&error.to_string()))?;
    let control_plane = config.control_plane.as_ref().ok_or_else(Problem::no_control_plane)?;
    let presented = Presented::of(request, &config);
    let Some(token) = presented.token() else {
        return Err(Problem::denial(if presented.is_missing() {
            Code::MissingKey
        } else {
            Code::MalformedKey
        }));
    };
    // What no key looks like is not worth a call.
    if latchkey_token::parse_presented(token.as_bytes(), latchkey_token::TokenShapes::AlsoForeign).is_err() {
        return Err(Problem::denial(Code::MalformedKey));
    }
    let answer = control_plane.post(PATH, &Bearer::new(token.to_owned()), None).await;
    match answer {
        Ok(200..=299) => {
            let response = Response::from_json(&json!({ "revoked": true })).and_then(|mut response| {
                response.headers_mut().set("cache-control", "no-store")?;
                Ok(response)
            });
            response.map_err(|_| Problem::control_plane_unavailable())
        }
        Ok(401) => Err(Problem::denial(Code::NotFound)),
        _ => Err(Problem::control_plane_unavailable()),
    }
}
