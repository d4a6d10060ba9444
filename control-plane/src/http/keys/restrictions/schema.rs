//! The bodies of requests, for the OpenAPI document; `Fields` reads them.
#![expect(dead_code, reason = "describes bodies; `Fields` reads them")]

use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, Object, ObjectBuilder, Schema, SchemaType, Type};

/// What can be set of a new key to narrow it.
#[derive(ToSchema)]
pub(in crate::http) struct RestrictionsInput {
    /// From which addresses the key may be used. The first rule that matches decides; an address that none matches may use it, unless
    /// there is a rule that allows.
    #[schema(max_items = 256)]
    ip_rules: Option<Vec<IpRuleInput>>,
    /// Allowed values of what routes read from requests, by the names that the policy gives them. Names and values have at most 4,096
    /// bytes together.
    #[schema(schema_with = constraints)]
    constraints: Option<()>,
    /// How often the key may be used.
    #[schema(max_items = 8)]
    rate_limits: Option<Vec<RateLimitInput>>,
    /// How much the key may use; `null` or absent: as much as it likes.
    #[schema(max_items = 16)]
    credits: Option<Vec<GrantInput>>,
    /// What the calendar gives the key, one refill for each unit; only with `credits`.
    #[schema(max_items = 16)]
    refills: Option<Vec<RefillInput>>,
    /// Of what how much is left when webhooks are told `credits.low`; only with `credits`.
    #[schema(max_items = 16)]
    credits_low_at: Option<Vec<GrantInput>>,
    /// Whether each request has to be signed by one of the key's signing keys; default false.
    #[schema(example = false)]
    signature_required: Option<bool>,
}

/// What can be changed of a key to narrow it.
#[derive(ToSchema)]
pub(in crate::http) struct RestrictionsPatchInput {
    /// The whole list.
    #[schema(max_items = 256)]
    ip_rules: Option<Vec<IpRuleInput>>,
    /// The whole object: it is not merged into the old one.
    #[schema(schema_with = constraints)]
    constraints: Option<()>,
    /// The whole list.
    #[schema(max_items = 8)]
    rate_limits: Option<Vec<RateLimitInput>>,
    /// `null`: the key may use as much as it likes, and is refilled no more. Amounts are changed by `:credits`.
    #[schema(schema_with = only_null)]
    credits: Option<()>,
    /// The whole list; only for keys with `credits`.
    #[schema(max_items = 16, example = json!([]))]
    refills: Option<Vec<RefillInput>>,
    /// The whole list; only for keys with `credits`.
    #[schema(max_items = 16, example = json!([]))]
    credits_low_at: Option<Vec<GrantInput>>,
    /// See creation.
    #[schema(example = false)]
    signature_required: Option<bool>,
}

/// What an import can say to narrow a key.
#[derive(ToSchema)]
pub(in crate::http) struct ImportableRestrictionsInput {
    /// See creation.
    #[schema(max_items = 256)]
    ip_rules: Option<Vec<IpRuleInput>>,
    /// See creation.
    #[schema(schema_with = constraints)]
    constraints: Option<()>,
    /// See creation.
    #[schema(max_items = 8)]
    rate_limits: Option<Vec<RateLimitInput>>,
}

/// A rule about addresses.
#[derive(ToSchema)]
pub(in crate::http) struct IpRuleInput {
    /// What happens to requests from there.
    action: IpActionName,
    /// A network, or one address. IPv4 addresses that are mapped into IPv6 are IPv4. Each may stand in the list once.
    #[schema(example = "127.0.0.0/8", pattern = "^[0-9a-fA-F:.]{2,45}(/[0-9]{1,3})?$")]
    cidr: String,
    /// Why.
    #[schema(example = "the office", max_length = 1_000)]
    note: Option<String>,
}

/// What happens to a request.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase", example = "allow")]
pub(in crate::http) enum IpActionName {
    Allow,
    Deny,
}

/// How often a key may be used in a window of time. Windows begin at whole multiples of their length.
#[derive(ToSchema)]
pub(in crate::http) struct RateLimitInput {
    /// What answers call it by; unique in the list.
    #[schema(example = "burst", pattern = "^[a-z][a-z0-9_.-]{0,31}$")]
    name: String,
    /// Requests, or what routes count them as, in a window.
    #[schema(example = 100, minimum = 1, maximum = 1_000_000_000)]
    limit: u32,
    /// How long a window is.
    #[schema(example = 60, minimum = 1, maximum = 2_592_000)]
    window_seconds: u32,
    /// `local`, the default: each location counts by itself. `exact`: one place counts for all, which every request has to ask.
    mode: Option<RateModeName>,
}

/// Who counts.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase", example = "local")]
pub(in crate::http) enum RateModeName {
    Local,
    Exact,
}

/// How much of something.
#[derive(ToSchema)]
pub(in crate::http) struct GrantInput {
    /// What is counted, as routes name it; each may stand in the list once.
    #[schema(example = "requests", pattern = "^[a-z][a-z0-9_.-]{0,31}$")]
    unit: String,
    #[schema(example = 1000, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    amount: u64,
}

/// More or less of something.
#[derive(ToSchema)]
pub(in crate::http) struct DeltaInput {
    /// What is counted, as routes name it; each may stand in the list once.
    #[schema(example = "requests", pattern = "^[a-z][a-z0-9_.-]{0,31}$")]
    unit: String,
    /// More, or less if it is negative; not 0.
    #[schema(example = 500, minimum = -9_007_199_254_740_991_i64, maximum = 9_007_199_254_740_991_i64)]
    amount: i64,
}

/// What the calendar gives, in UTC.
#[derive(ToSchema)]
pub(in crate::http) struct RefillInput {
    /// Of what; each may stand in the list once.
    #[schema(example = "requests", pattern = "^[a-z][a-z0-9_.-]{0,31}$")]
    unit: String,
    /// How much each time.
    #[schema(example = 100, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    amount: u64,
    /// At 00:00 UTC of every day, of every Monday, or of the first of every month.
    every: EveryName,
    /// Only as much as brings what is left up to this.
    #[schema(example = 1000, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    up_to: Option<u64>,
}

/// How often.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase", example = "day")]
pub(in crate::http) enum EveryName {
    Day,
    Week,
    Month,
}

fn constraints() -> Object {
    let text = |pattern: &str| ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build();
    let value = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(64));
    let values = ArrayBuilder::new().items(value).min_items(Some(1)).max_items(Some(64)).unique_items(true);
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .property_names(Some(text("^[a-z][a-z0-9_]{0,31}$")))
        .additional_properties(Some(Schema::Array(values.build())))
        .max_properties(Some(16))
        .examples([serde_json::json!({ "network": ["Mainnet"] })])
        .build()
}

fn only_null() -> Object {
    ObjectBuilder::new().schema_type(Type::Null).examples([serde_json::Value::Null]).build()
}
