use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{needs, needs_any_scope, needs_session, needs_within_limit, repeatable};
use super::verbs::with_verbs;
use super::{
    admin_keys, audit, body, dashboard, environments, keys, keyspaces, middleware, permissions, policy,
    problem, roles, session, signing_keys, system, upstream_credentials, usage, webhooks,
};
use crate::app::App;
use crate::domain::Scope;

/// The whole API, ready to serve.
pub fn router(app: App) -> Router {
    let (routes, _) = operations().split_for_parts();
    routes
        .route("/openapi.json", axum::routing::get(system::openapi::openapi))
        .route("/docs", axum::routing::get(system::docs::page))
        .route("/docs/{file}", axum::routing::get(system::docs::part))
        .route("/dashboard", axum::routing::get(dashboard::folder))
        .route("/dashboard/", axum::routing::get(dashboard::start))
        .route("/dashboard/{*path}", axum::routing::get(dashboard::file))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        // From here on the last one sees a request first.
        .layer(DefaultBodyLimit::max(body::LIMIT_BYTES))
        .layer(from_fn_with_state(app.clone(), middleware::around_request))
        .with_state(app)
}

/// Every operation, with its part of the OpenAPI document and what it asks of the admin key.
pub(super) fn operations() -> OpenApiRouter<App> {
    use Scope::{
        AdminKeysRead, AdminKeysWrite, AuditRead, KeysRead, KeysWrite, KeyspacesRead, KeyspacesWrite,
        PolicyRead, PolicyWrite, RolesRead, RolesWrite, SnapshotsRead, UsageRead, UsageWrite, WebhooksRead,
        WebhooksWrite,
    };
    let router = OpenApiRouter::new()
        .routes(needs(KeyspacesWrite, repeatable(routes!(keyspaces::create::create_keyspace))))
        .routes(needs_within_limit(KeyspacesRead, routes!(keyspaces::list::list_keyspaces)))
        .routes(needs(SnapshotsRead, routes!(keyspaces::snapshot::get_snapshot)))
        .routes(needs(SnapshotsRead, routes!(keyspaces::export::export_snapshot)))
        .routes(needs(KeyspacesWrite, routes!(keyspaces::override_guard::override_guard)))
        .routes(needs(KeyspacesWrite, routes!(keyspaces::resume::resume_publishing)))
        .routes(needs(KeyspacesRead, routes!(keyspaces::propagation::get_propagation)))
        .routes(needs(KeyspacesRead, routes!(keyspaces::snapshots::list_snapshots)))
        .routes(needs(KeyspacesRead, routes!(signing_keys::list::list_head_keys)))
        .routes(needs(KeyspacesWrite, repeatable(routes!(signing_keys::rotate::rotate_head_key))))
        .routes(needs(KeyspacesWrite, routes!(signing_keys::complete::complete_head_key_rotation)))
        .routes(needs(KeyspacesWrite, repeatable(routes!(signing_keys::replace::replace_head_key))))
        .routes(needs(KeyspacesRead, routes!(environments::get::get_environments)))
        .routes(needs(KeyspacesWrite, routes!(environments::switch::switch_live)))
        .routes(needs(PolicyRead, routes!(policy::get::get_policy)))
        .routes(needs(PolicyWrite, routes!(policy::put::put_policy)))
        .routes(needs(KeysWrite, repeatable(routes!(keys::create::create_key))))
        .routes(needs(KeysRead, routes!(keys::list::list_keys)))
        .routes(needs_within_limit(KeysRead, routes!(keys::by_token::look_up_key)))
        .routes(needs_within_limit(KeysRead, routes!(keys::verify::verify_key)))
        .routes(needs_within_limit(KeysWrite, routes!(keys::by_token::update_key_of_token)))
        .routes(needs_within_limit(KeysWrite, routes!(keys::leaks::revoke_leaked_keys)))
        .routes(needs(KeysWrite, routes!(keys::import::import_keys)))
        .routes(needs(KeysWrite, routes!(keyspaces::revoke_owner::revoke_owner)))
        .routes(needs(KeysRead, routes!(keys::restrictions::ip_rules::get_ip_rules)))
        .routes(needs(KeysWrite, routes!(keys::restrictions::ip_rules::put_ip_rules)))
        .routes(needs(KeysRead, routes!(keys::restrictions::ip_preview::preview_ip_rules)))
        .routes(needs(KeysRead, routes!(keys::restrictions::ip_preview::preview_new_ip_rules)))
        .routes(needs(KeysWrite, repeatable(routes!(keys::restrictions::signing_keys::add_signing_key))))
        .routes(needs(KeysWrite, routes!(keys::restrictions::signing_keys::delete_signing_key)))
        .routes(routes!(keys::revoke_self::revoke_self))
        .routes(needs(
            PolicyWrite,
            repeatable(routes!(upstream_credentials::create::create_upstream_credential)),
        ))
        .routes(needs(PolicyRead, routes!(upstream_credentials::list::list_upstream_credentials)))
        .routes(needs(PolicyRead, routes!(upstream_credentials::list::get_upstream_credential)))
        .routes(needs(PolicyWrite, routes!(upstream_credentials::update::update_upstream_credential)))
        .routes(needs(PolicyWrite, routes!(upstream_credentials::delete::delete_upstream_credential)))
        .routes(needs(RolesWrite, repeatable(routes!(roles::create::create_role))))
        .routes(needs(RolesRead, routes!(roles::list::list_roles)))
        .routes(needs(RolesRead, routes!(roles::get::get_role)))
        .routes(needs(RolesWrite, routes!(roles::update::update_role)))
        .routes(needs(RolesWrite, routes!(roles::delete::delete_role)))
        .routes(needs(RolesRead, routes!(permissions::list::list_permissions)))
        .routes(needs(RolesRead, routes!(permissions::preview::preview_permissions)))
        .routes(needs(KeysRead, routes!(permissions::of_key::get_key_permissions)))
        .routes(needs(UsageWrite, routes!(usage::report::report_usage)))
        .routes(needs(UsageRead, routes!(usage::of_keyspace::get_keyspace_usage)))
        .routes(needs(UsageRead, routes!(usage::of_key::get_key_usage)))
        .routes(needs(UsageRead, routes!(usage::requests::list_requests)))
        .routes(needs_within_limit(AuditRead, routes!(audit::list::list_audit)))
        .routes(needs(AuditRead, routes!(audit::export::export_audit)))
        .routes(needs(AuditRead, routes!(audit::verify::verify_audit)))
        .routes(needs_within_limit(AdminKeysWrite, repeatable(routes!(admin_keys::create::create_admin_key))))
        .routes(needs_within_limit(AdminKeysRead, routes!(admin_keys::list::list_admin_keys)))
        .routes(needs_within_limit(AdminKeysRead, routes!(admin_keys::get::get_admin_key)))
        .routes(needs_within_limit(AdminKeysWrite, routes!(admin_keys::revoke::revoke_admin_key)))
        .routes(needs_within_limit(WebhooksWrite, repeatable(routes!(webhooks::create::create_webhook))))
        .routes(needs_within_limit(WebhooksRead, routes!(webhooks::list::list_webhooks)))
        .routes(needs_within_limit(WebhooksRead, routes!(webhooks::deliveries::list_deliveries)))
        .routes(needs_any_scope(routes!(system::whoami::whoami)))
        .routes(routes!(session::sign_in::sign_in))
        .routes(needs_session(routes!(session::get::get_session)))
        .routes(needs_session(routes!(session::sign_out::sign_out)))
        .routes(needs_any_scope(routes!(session::end_all::end_all_sessions)))
        .routes(needs_within_limit(SnapshotsRead, routes!(system::metrics::get_metrics)))
        .routes(routes!(system::health::healthz))
        .routes(routes!(system::health::readyz))
        .routes(routes!(system::index::index));
    let of_a_key = [
        needs(KeysRead, routes!(keys::get::get_key)),
        needs(KeysWrite, routes!(keys::update::update_key)),
        needs(KeysWrite, routes!(keys::revoke::revoke_key)),
        needs(KeysWrite, repeatable(routes!(keys::rotate::rotate_key))),
        needs(KeysWrite, routes!(keys::reschedule::reschedule_key)),
        needs(KeysWrite, routes!(keys::restore::restore_key)),
        needs(KeysRead, routes!(keys::explain::explain_key)),
        needs(KeysWrite, repeatable(routes!(keys::restrictions::credits::change_credits))),
    ];
    let router = with_verbs(router, "/v1/keys/{key_id}", of_a_key);
    let of_a_keyspace = [
        needs(KeyspacesRead, routes!(keyspaces::get::get_keyspace)),
        needs(KeyspacesWrite, routes!(keyspaces::update::update_keyspace)),
        needs(KeyspacesWrite, routes!(keyspaces::delete::delete_keyspace)),
        needs(KeyspacesWrite, routes!(keyspaces::kill::kill_keyspace)),
        needs(KeyspacesWrite, routes!(keyspaces::raise_epoch::raise_epoch)),
        needs(KeyspacesWrite, routes!(keyspaces::kill::revive_keyspace)),
    ];
    let router = with_verbs(router, "/v1/keyspaces/{keyspace_id}", of_a_keyspace);
    let of_a_webhook = [
        needs_within_limit(WebhooksRead, routes!(webhooks::list::get_webhook)),
        needs_within_limit(WebhooksWrite, routes!(webhooks::update::update_webhook)),
        needs_within_limit(WebhooksWrite, routes!(webhooks::delete::delete_webhook)),
        needs_within_limit(
            WebhooksWrite,
            repeatable(routes!(webhooks::rotate_secret::rotate_webhook_secret)),
        ),
        needs_within_limit(WebhooksWrite, routes!(webhooks::test::test_webhook)),
        needs_within_limit(WebhooksWrite, routes!(webhooks::resend::resend_failed_deliveries)),
    ];
    let of_a_delivery = [
        needs_within_limit(WebhooksRead, routes!(webhooks::deliveries::get_delivery)),
        needs_within_limit(WebhooksWrite, routes!(webhooks::resend::resend_delivery)),
    ];
    let router = with_verbs(router, "/v1/webhooks/{webhook_id}", of_a_webhook);
    with_verbs(router, "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}", of_a_delivery)
}
