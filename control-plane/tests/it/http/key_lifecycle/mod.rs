//! What happens to keys after they were made. Tests begin with the row of the feature list that they hold.

mod by_token;
mod changes;
mod explain;
mod import;
mod leaks;
mod lists;
mod purge;
mod quotas;
mod restore;
mod revoke_self;
mod rotation;
mod verify;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, IF_MATCH};
use serde_json::Value;

use crate::support::api::{Answer, Api, read};

fn path(key: &Value) -> String {
    format!("/v1/keys/{}", key["id"].as_str().unwrap())
}

/// Sends a request that expects the object to have this tag.
async fn if_match(api: &Api, method: Method, path: &str, tag: &str, body: Option<Value>) -> Answer {
    let request = api.request(method, path).header(IF_MATCH, tag);
    let request = match body {
        Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.to_string()),
        None => request,
    };
    read(request.send().await.unwrap()).await
}
