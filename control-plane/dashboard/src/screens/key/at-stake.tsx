import { api, take } from "../../api/client";
import { useResource } from "../../api/resource";
import { useSession } from "../../api/session";
import { counted } from "../../lib/time";
import { totalOf } from "../../lib/usage";
import { Callout } from "../../ui/callout";

/** What would stop if this key did: the requests that it made in the last day. */
export function AtStake({ keyId, verb }: { keyId: string; verb: string }) {
  const { may } = useSession();
  const usage = useResource(may("usage:read") ? `usage of a day ${keyId}` : undefined, () => take(api.GET("/v1/keys/{key_id}/usage", { params: { path: { key_id: keyId } } })));
  if (!may("usage:read")) return <Callout tone="warn">Whatever uses this key stops working within seconds of {verb} it.</Callout>;
  if (usage.error !== undefined) return <Callout tone="warn">How much it was used cannot be told now. Whatever uses it stops working within seconds.</Callout>;
  if (!usage.data) return <Callout tone="info">Looking up who uses it…</Callout>;
  const requests = totalOf(usage.data.hours, (code) => code === "VALID");
  if (requests === 0) return <Callout tone="good">No gate let a request of this key through in the last 24 hours.</Callout>;
  return (
    <Callout tone="warn">
      <span>
        <strong>{counted(requests, "request")}</strong> of this key {requests === 1 ? "was" : "were"} let through in the last 24 hours
        {usage.data.last_used?.address && (
          <>
            , the last from <code>{usage.data.last_used.address}</code>
          </>
        )}
        . Whatever makes them stops working within seconds.
      </span>
    </Callout>
  );
}
