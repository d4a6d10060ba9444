import type { components } from "../api/schema";

type Schemas = components["schemas"];

export type Key = Schemas["KeyView"];
export type KeyInput = Schemas["KeyInput"];
export type KeyPatch = Schemas["KeyPatchInput"];
export type Secret = Schemas["SecretView"];
export type Status = Schemas["Status"];
export type Environment = Schemas["Environment"];
export type Role = Schemas["RoleView"];
export type IpRule = Schemas["IpRuleInput"];
export type RateLimit = Schemas["RateLimitInput"];
export type Refill = Schemas["RefillInput"];
export type Policy = Schemas["PolicyView"];
export type Route = Schemas["RouteView"];
export type RouteAccess = Schemas["RouteAccessView"];
export type Environments = Schemas["EnvironmentsView"];
export type Propagation = Schemas["PropagationView"];
export type Snapshot = Schemas["SnapshotView"];
export type PublishedHead = Schemas["PublishedHeadView"];
export type Sink = Schemas["SinkView"];
export type SinkInput = Schemas["SinkInput"];
export type UpstreamCredential = Schemas["UpstreamCredentialView"];
export type AdminKey = Schemas["AdminKeyView"];
export type Explanation = Schemas["ExplanationView"];
export type Hour = Schemas["HourView"];
export type RequestRow = Schemas["RequestView"];
export type ScopeName = Schemas["ScopeName"];
