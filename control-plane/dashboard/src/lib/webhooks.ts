import { api, take } from "../api/client";
import { type Resource, useResource } from "../api/resource";
import type { components } from "../api/schema";

export type Webhook = components["schemas"]["WebhookView"];
export type EventName = components["schemas"]["EventName"];
export type Delivery = components["schemas"]["DeliveryView"];
export type DeliveryRecord = components["schemas"]["DeliveryRecordView"];

/** Every type of event, by what it is about. */
export const EVENTS: [string, EventName[]][] = [
  ["Keys", ["key.created", "key.updated", "key.rotated", "key.disabled", "key.enabled", "key.revoked", "key.restored", "key.expiring", "key.expired", "key.leaked", "owner.revoked"]],
  ["Credits", ["credits.low", "credits.exhausted", "credits.changed"]],
  ["Keyspaces and gates", ["snapshot.published", "snapshot.held", "gate.refused", "edge.stale", "keyspace.deleted", "keyspace.killed", "keyspace.revived"]],
  ["Webhooks", ["webhook.disabled"]],
];

export function useWebhook(id: string, everyMs?: number): Resource<Webhook> {
  return useResource(`webhook ${id}`, () => take(api.GET("/v1/webhooks/{webhook_id}", ofWebhook(id))), everyMs);
}

export function ofWebhook(id: string) {
  return { params: { path: { webhook_id: id } } };
}

/** How a webhook stands, in words. */
export function stateOf(webhook: Webhook): { tone: "good" | "warn" | "danger" | "plain"; words: string } {
  if (!webhook.enabled && webhook.disabled_reason === "gone") return { tone: "danger", words: "Off: its receiver is gone" };
  if (!webhook.enabled && webhook.disabled_reason === "failing") return { tone: "danger", words: "Off: it failed for days" };
  if (!webhook.enabled) return { tone: "plain", words: "Off" };
  if (webhook.failing_since) return { tone: "warn", words: "Failing" };
  return { tone: "good", words: "On" };
}
