//! What each operation of the route table asks of its caller. Declared there and nowhere else: the OpenAPI document and
//! [`Caller`](super::caller::Caller) both read it from here, and an operation that declares nothing lets nobody in.

use std::convert::Infallible;

use axum::Extension;
use axum::middleware::from_fn;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Object, PathItem, Required};
use utoipa_axum::router::{UtoipaMethodRouter, UtoipaMethodRouterExt};

use super::idempotency;
use crate::app::App;
use crate::domain::Scope;

/// The security schemes of the OpenAPI document: an admin key, and the cookie of a session that stands for one.
pub(super) const SCHEME: &str = "admin_key";
pub(super) const SESSION_SCHEME: &str = "session";

/// What an operation asks of the admin key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    /// Absent: any admin key will do.
    pub(super) scope: Option<Scope>,
    pub(super) breadth: Breadth,
}

/// What an admin key that is limited to keyspaces can do with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breadth {
    /// Its path names a keyspace or a key: allowed within the limit. One that names neither is about the whole workspace
    /// and refused.
    ByPath,
    /// The handler itself leaves out what the key does not reach.
    ByHandler,
}

/// Operations of one path.
pub(super) type Routes = UtoipaMethodRouter<App, Infallible>;

/// Operations for admin keys with a scope.
pub(super) fn needs(scope: Scope, routes: Routes) -> Routes {
    guard(Needs { scope: Some(scope), breadth: Breadth::ByPath }, routes)
}

/// As [`needs`], for operations whose handlers honour a limit to keyspaces themselves.
pub(super) fn needs_within_limit(scope: Scope, routes: Routes) -> Routes {
    guard(Needs { scope: Some(scope), breadth: Breadth::ByHandler }, routes)
}

/// Operations for any admin key.
pub(super) fn needs_any_scope(routes: Routes) -> Routes {
    guard(Needs { scope: None, breadth: Breadth::ByHandler }, routes)
}

/// Operations for browsers that are signed in.
pub(super) fn needs_session(routes: Routes) -> Routes {
    let needs = Needs { scope: None, breadth: Breadth::ByHandler };
    let (schemas, paths, router) = secured(vec![by_session()], routes);
    (schemas, paths, router).map(|router| router.route_layer(Extension(needs)))
}

/// Operations that make something: an `Idempotency-Key` makes repeating them harmless.
pub(super) fn repeatable((schemas, mut paths, router): Routes) -> Routes {
    let name = ParameterBuilder::new()
        .name(idempotency::IDEMPOTENCY_KEY.as_str())
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Your name for this request, 1 to 255 visible ASCII characters. Within 24 hours the same request under the same name \
             is not done again: its first answer is repeated, with `Idempotent-Replayed: true`.",
        ))
        .schema(Some(Object::with_type(Type::String)))
        .build();
    for item in paths.paths.values_mut() {
        for operation in operations_of(item) {
            operation.parameters.get_or_insert_default().push(name.clone().into());
        }
    }
    (schemas, paths, router).map(|router| router.route_layer(from_fn(idempotency::once)))
}

fn guard(needs: Needs, routes: Routes) -> Routes {
    let scopes: Vec<_> = needs.scope.iter().map(|scope| scope.as_str()).collect();
    let either = vec![SecurityRequirement::new(SCHEME, scopes), by_session()];
    let (schemas, paths, router) = secured(either, routes);
    (schemas, paths, router).map(|router| router.route_layer(Extension(needs)))
}

fn secured(either: Vec<SecurityRequirement>, (schemas, mut paths, router): Routes) -> Routes {
    for item in paths.paths.values_mut() {
        for operation in operations_of(item) {
            operation.security = Some(either.clone());
        }
    }
    (schemas, paths, router)
}

fn by_session() -> SecurityRequirement {
    SecurityRequirement::new(SESSION_SCHEME, Vec::<String>::new())
}

/// The operations of a path that has any.
pub(super) fn operations_of(
    item: &mut PathItem,
) -> impl Iterator<Item = &mut utoipa::openapi::path::Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}
