import type { Keyspace } from "../../lib/keyspaces";
import { listed } from "../../lib/rows";
import type { Environment, IpRule, KeyInput, RateLimit, Refill } from "../../lib/types";
import { type About, metadataOf } from "./fields/about";
import { type ConstraintRow, constraintsOf } from "./fields/constraints";
import type { CreditRow } from "./fields/credits";
import { type ExpiryChoice, expiryOf } from "./fields/expiry";
import { ipRulesOf } from "./fields/ip-rules";

/** A key as the dialog has it. */
export interface Draft extends About {
  name: string;
  environment: Environment;
  owner: string;
  expiry: ExpiryChoice;
  roles: string[];
  permissions: string;
  constraints: ConstraintRow[];
  ipRules: IpRule[];
  rateLimits: RateLimit[];
  credits: CreditRow[] | undefined;
  refills: Refill[];
  signatureRequired: boolean;
  /** Of the caller's own making; left empty, Latchkey draws one. */
  token: string;
}

export function newDraft(keyspace: Keyspace): Draft {
  return {
    name: defaultName(new Date()),
    environment: keyspace.environment === "live" ? "live" : "test",
    owner: "",
    expiry: { choice: "default", date: "" },
    roles: [],
    permissions: "",
    constraints: [],
    ipRules: [],
    rateLimits: [],
    credits: undefined,
    refills: [],
    signatureRequired: false,
    token: "",
    description: "",
    tags: "",
    metadata: "",
  };
}

/** A name that is free and says something: names are unique among an owner's keys. */
function defaultName(now: Date): string {
  return `Key of ${now.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" })}`;
}

/** For the request. What was left alone is left out, so that the API's own defaults hold. */
export function inputOf(draft: Draft): KeyInput {
  const expires_at = expiryOf(draft.expiry);
  const permissions = listed(draft.permissions);
  const tags = listed(draft.tags);
  const metadata = metadataOf(draft.metadata) ?? {};
  const constraints = constraintsOf(draft.constraints);
  const ip_rules = ipRulesOf(draft.ipRules);
  return {
    environment: draft.environment,
    ...(draft.name.trim() && { name: draft.name.trim() }),
    ...(expires_at !== undefined && { expires_at }),
    ...(draft.owner.trim() && { owner: draft.owner.trim() }),
    ...(draft.description.trim() && { description: draft.description.trim() }),
    ...(draft.roles.length > 0 && { roles: draft.roles }),
    ...(permissions.length > 0 && { permissions }),
    ...(tags.length > 0 && { tags }),
    ...(Object.keys(metadata).length > 0 && { metadata: metadata as NonNullable<KeyInput["metadata"]> }),
    ...(Object.keys(constraints).length > 0 && { constraints }),
    ...(ip_rules.length > 0 && { ip_rules }),
    ...(draft.rateLimits.length > 0 && { rate_limits: draft.rateLimits }),
    ...(draft.credits && { credits: draft.credits.map(({ unit, amount }) => ({ unit: unit.trim(), amount: Number(amount) })) }),
    ...(draft.credits && draft.refills.length > 0 && { refills: draft.refills }),
    ...(draft.token.trim() && { token: draft.token.trim() }),
    ...(draft.signatureRequired && { signature_required: true }),
  };
}
