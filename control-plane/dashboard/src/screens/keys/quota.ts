import { api, take } from "../../api/client";
import { useResource } from "../../api/resource";
import { type Keyspace, pageOf } from "../../lib/keyspaces";

/** Above it a page would have to be read for each hundred keys; there the API's refusal says it in the dialog. */
const MOST_COUNTED = 100;

interface Quota {
  reached: boolean;
  limit: number;
}

/** Whether a keyspace has as many keys as its quota allows. `after` is what changes when keys do. */
export function useQuota(keyspace: Keyspace | undefined, after: unknown): Quota {
  const limit = keyspace?.quotas.keys ?? Infinity;
  const counted = keyspace && limit <= MOST_COUNTED;
  const count = useResource(counted ? `quota ${keyspace.id} ${stamp(after)}` : undefined, async () => {
    const query = pageOf(undefined, MOST_COUNTED);
    const page = await take(api.GET("/v1/keyspaces/{keyspace_id}/keys", { params: { path: { keyspace_id: keyspace?.id ?? "" }, query } }));
    return page.data.length;
  });
  return { reached: count.data !== undefined && count.data >= limit, limit };
}

const stamps = new WeakMap<object, number>();
let last = 0;

/** A number for each object, so that another answer is another name. */
function stamp(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const known = stamps.get(value) ?? ++last;
  stamps.set(value, known);
  return known;
}
