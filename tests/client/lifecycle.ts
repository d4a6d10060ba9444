// The life of a key, in the types that openapi-typescript makes of the control plane's own document. Says on stdout what it saw.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

// All of Node that this uses; a browser's client would use none of it.
declare const process: { argv: string[]; env: Record<string, string | undefined> };

type Key = components["schemas"]["KeyView"];

const [url] = process.argv.slice(2);
const adminKey = process.env.LATCHKEY_ADMIN_KEY;
if (!url || !adminKey) throw new Error("usage: LATCHKEY_ADMIN_KEY=… lifecycle.js <url of the control plane>");

const client = createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${adminKey}` } });

const keyspace = given(await client.POST("/v1/keyspaces", { body: { name: "stories", prefix: "story" } }));
const inKeyspace = { path: { keyspace_id: keyspace.id } };

const made = given(
  await client.POST("/v1/keyspaces/{keyspace_id}/keys", {
    params: inKeyspace,
    body: { name: "reader", owner: "team-ci", permissions: ["items:read"], metadata: { plan: "free" } },
  }),
);
const ofKey = { path: { key_id: made.id } };

const page = given(await client.GET("/v1/keyspaces/{keyspace_id}/keys", { params: { ...inKeyspace, query: { owner: "team-ci", limit: 5 } } }));
const listed: string[] = page.data.map((key: Key) => key.id);

const rotated = given(await client.POST("/v1/keys/{key_id}:rotate", { params: ofKey, body: { grace_seconds: 60 } }));
const revoked = given(await client.DELETE("/v1/keys/{key_id}", { params: ofKey, body: { reason: "admin", note: "no longer used" } }));

const refused = await client.GET("/v1/keys/{key_id}", { params: { path: { key_id: "key_0000000000000" } } });

console.log(
  JSON.stringify({
    id: made.id,
    listed,
    tokens: [made.secret != null, rotated.secret != null, rotated.secret !== made.secret],
    liveTokens: rotated.secrets.length,
    status: [made.status, revoked.status],
    reason: revoked.revoked_reason,
    refused: refused.error?.code,
  }),
);

/** The success of a call, or an end that says what the server found wrong. */
function given<T>({ data, error }: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (data === undefined) throw new Error(error ? `${error.code}: ${error.detail}` : "an empty answer");
  return data;
}
