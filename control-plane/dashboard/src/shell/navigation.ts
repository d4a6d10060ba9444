import type { IconName } from "../ui/icon";

export interface Entry {
  label: string;
  icon: IconName;
  /** Below `/keyspaces/{id}` for those of a keyspace. */
  path: string;
  /** The scope without which the API refuses what the page shows. */
  scope: string;
}

/** Pages of one keyspace, in the order in which a person meets them. */
export const OF_KEYSPACE: Entry[] = [
  { label: "Keys", icon: "key", path: "/keys", scope: "keys:read" },
  { label: "Requests", icon: "chart", path: "/requests", scope: "usage:read" },
  { label: "Routes", icon: "route", path: "/routes", scope: "policy:read" },
  { label: "Roles", icon: "role", path: "/roles", scope: "roles:read" },
  { label: "Upstream credentials", icon: "vault", path: "/upstream", scope: "policy:read" },
  { label: "Gates", icon: "gate", path: "/gates", scope: "keyspaces:read" },
  { label: "Snapshots", icon: "stack", path: "/snapshots", scope: "keyspaces:read" },
  { label: "Settings", icon: "settings", path: "/settings", scope: "keyspaces:read" },
];

/** Pages of the whole workspace. */
export const OF_WORKSPACE: Entry[] = [
  { label: "Keyspaces", icon: "keys", path: "/", scope: "keyspaces:read" },
  { label: "Admin keys", icon: "lock", path: "/admin-keys", scope: "admin-keys:read" },
  { label: "Webhooks", icon: "hook", path: "/webhooks", scope: "webhooks:read" },
  { label: "Audit log", icon: "book", path: "/audit", scope: "audit:read" },
];
