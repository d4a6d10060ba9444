//! The web application as `cargo xtask build dashboard` makes it: embedded by a release build, read from its folder by a debug build.

mod answer;

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::Failure;
use answer::Lifetime;

/// Where the application's pages begin.
pub(super) const ROOT: &str = "/dashboard/";
/// Files with the hash of their content in their names.
const HASHED: &str = "assets/";
/// The key preview, which is an application of its own so that it can be served from elsewhere too.
const PREVIEW: &str = "preview";

#[derive(RustEmbed)]
#[folder = "dashboard/dist/"]
#[allow_missing = true]
struct Files;

/// `/dashboard`: addresses in the pages are relative to the folder.
pub(super) async fn folder() -> Redirect {
    Redirect::permanent(ROOT)
}

/// `/dashboard/`.
pub(super) async fn start(headers: HeaderMap) -> Result<Response, Failure> {
    file(Path(String::new()), headers).await
}

/// `/dashboard/…`: a file, or the application, which has pages of its own below any path that is no file's.
pub(super) async fn file(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Failure> {
    if path == PREVIEW {
        return Ok(Redirect::permanent(&format!("{ROOT}{PREVIEW}/")).into_response());
    }
    let name = match path.strip_suffix('/') {
        Some(PREVIEW) => format!("{PREVIEW}/index.html"),
        _ if is_file(&path) => path,
        _ => "index.html".to_owned(),
    };
    match find(&name) {
        Some(found) => {
            let is_hashed = name.contains(HASHED);
            let lifetime = if is_hashed { Lifetime::Forever } else { Lifetime::AskedAnew };
            let squeezed = answer::takes_gzip(&headers).then(|| find(&format!("{name}.gz"))).flatten();
            Ok(answer::of(&name, found, squeezed, lifetime, &headers))
        }
        None if Files::get("index.html").is_none() => Err(Failure::NotReady(MISSING.to_owned())),
        None => Err(Failure::NoSuchPath),
    }
}

const MISSING: &str = "this build of latchkey has no dashboard; `cargo xtask build dashboard` makes it, and a release build has to be made after that";

/// What the build leaves beside what it makes begins with a dot.
fn find(name: &str) -> Option<EmbeddedFile> {
    if name.split('/').any(|part| part.starts_with('.')) { None } else { Files::get(name) }
}

fn is_file(path: &str) -> bool {
    path.starts_with(HASHED) || path.rsplit('/').next().is_some_and(|last| last.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_the_application_are_told_from_files() {
        for file in ["theme.js", "assets/index-abc.js", "assets/none", "preview/assets/x.wasm"] {
            assert!(is_file(file), "{file}");
        }
        for page in ["", "keyspaces/ks_06nd5xbm0q3tz/keys", "admin-keys"] {
            assert!(!is_file(page), "{page}");
        }
        assert!(find(".built-from").is_none() && find("../package.json").is_none());
    }
}
