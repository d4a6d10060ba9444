// What is done to keys, as it shows at a gate in real workerd. Tests begin with the row of the feature list that they hold.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { assertEndsAt } from "../support/expiry.mjs";
import { createKey, eventually } from "../support/processes.mjs";
import { System } from "../support/system.mjs";
import { newToken } from "../support/token.mjs";

const HELLO = "/v1/hello";
/** A change has reached the gate by then, on a slow machine too. */
const WITHIN_MS = 20_000;
const GRACE_SECONDS = 6;

let system, plane, keyspace, gate;
before(async () => {
  system = await System.start();
  ({ plane, keyspace, gate } = system);
  await system.admittedKey();
});
after(() => system?.stop());

const code = async (token, path = HELLO) => (await gate.decision(path, token)).code;
const becomes = (token, wanted) => eventually(`${wanted} at the gate`, async () => (await code(token)) === wanted, WITHIN_MS);
const rotate = (key, body) => plane.api("POST", `/v1/keys/${key.id}:rotate`, body);

async function admittedKey(settings) {
  const key = await createKey(plane, keyspace, settings);
  await becomes(key.secret, "VALID");
  return key;
}

test("k10 after a rotation both tokens pass until the grace time ends, then only the new one", async () => {
  const key = await admittedKey();
  const rotated = await rotate(key, { grace_seconds: GRACE_SECONDS });
  const end = Date.parse(rotated.secrets[0].expires_at);
  assert.equal(rotated.id, key.id);
  await becomes(rotated.secret, "VALID");
  const passed = await assertEndsAt(end, async () => {
    assert.equal(await code(rotated.secret), "VALID");
    return code(key.secret);
  });
  assert(passed > 0, "the grace time was over before anything could be asked");
});

test("k10 a planned switch-over comes at its moment, and a rotation without grace at once", async () => {
  const key = await admittedKey();
  const end = new Date(Math.ceil(Date.now() / 1_000 + 5) * 1_000);
  const second = await rotate(key, { old_expires_at: end.toISOString() });
  assert.equal(second.secrets[0].expires_at, end.toISOString());
  await becomes(second.secret, "VALID");
  await assertEndsAt(end.getTime(), () => code(key.secret));
  const third = await rotate(key, { grace_seconds: 0 });
  await becomes(third.secret, "VALID");
  await becomes(second.secret, "EXPIRED");
});

test("k10 a switch-over that is moved ends the old token sooner", async () => {
  const key = await admittedKey();
  const rotated = await rotate(key, {});
  await becomes(rotated.secret, "VALID");
  assert.equal(await code(key.secret), "VALID");
  await plane.api("POST", `/v1/keys/${key.id}:reschedule`, { grace_seconds: 0 });
  await becomes(key.secret, "EXPIRED");
  assert.equal(await code(rotated.secret), "VALID");
});

test("k7 revoking a key stops all its tokens, restoring it lets them in again", async () => {
  const key = await admittedKey();
  const rotated = await rotate(key, {});
  await becomes(rotated.secret, "VALID");
  await plane.api("DELETE", `/v1/keys/${key.id}`);
  for (const token of [key.secret, rotated.secret]) {
    await eventually("refused", async () => (await code(token)) !== "VALID", WITHIN_MS);
  }
  await plane.api("POST", `/v1/keys/${key.id}:restore`, {});
  for (const token of [key.secret, rotated.secret]) await becomes(token, "VALID");
});

test("k13 a token that is reported as leaked is refused", async () => {
  const key = await admittedKey();
  const { results } = await plane.api("POST", "/v1/keys:revoke-leaked", { tokens: [{ token: key.secret }] });
  assert.equal(results[0].outcome, "revoked");
  await eventually("refused", async () => (await code(key.secret)) !== "VALID", WITHIN_MS);
});

test("k12 a key that was imported by its hash is admitted by its token", async () => {
  const token = newToken();
  const line = { external_id: "17", digest: createHash("sha256").update(token).digest("hex"), permissions: ["hello:read"] };
  const response = await fetch(`${plane.url}/v1/keyspaces/${keyspace.id}/keys:import`, {
    method: "POST",
    headers: { authorization: `Bearer ${plane.adminKey}`, "content-type": "application/x-ndjson" },
    body: `${JSON.stringify(line)}\n`,
  });
  const lines = (await response.text()).trim().split("\n").map((text) => JSON.parse(text));
  assert.equal(lines[0].outcome, "created");
  await becomes(token, "VALID");
});

test("a5 a live key cannot be made before live is on, and a test key never passes a live route", async () => {
  const refused = await plane.call("POST", `/v1/keyspaces/${keyspace.id}/keys`, { environment: "live" });
  assert.deepEqual([refused.status, refused.json.code], [409, "LIVE_NOT_ENABLED"]);
  const path = `/v1/keyspaces/${keyspace.id}/policy`;
  const { routes } = await plane.api("GET", path);
  await plane.api("PUT", path, { default: "deny", routes: [...routes, { method: "GET", path: "/v1/live", environment: "live" }] });
  await plane.api("POST", "/v1/admin-keys", { name: "second", scopes: ["*"] });
  await eventually("live can be turned on", async () => {
    const { status } = await plane.call("PUT", `/v1/keyspaces/${keyspace.id}/environments/live`, { enabled: true });
    return status === 200;
  }, WITHIN_MS);
  const [live, other] = [await admittedKey({ environment: "live" }), await admittedKey()];
  await eventually("the live key passes", async () => (await code(live.secret, "/v1/live")) === "VALID", WITHIN_MS);
  assert.equal(await code(other.secret, "/v1/live"), "ENVIRONMENT_MISMATCH");
});

test("e6 verify says what the gate says", async () => {
  const [key, disabled] = [await admittedKey(), await admittedKey()];
  await plane.api("PATCH", `/v1/keys/${disabled.id}`, { enabled: false });
  await becomes(disabled.secret, "DISABLED");
  for (const [token, path] of [[key.secret, HELLO], [key.secret, "/v1/none"], [disabled.secret, HELLO], [newToken(), HELLO]]) {
    const said = await plane.api("POST", "/v1/keys:verify", { token, method: "GET", path });
    assert.equal(said.code, await code(token, path));
  }
});
