// The main job and its faults: a key made in the control plane gates real requests in real workerd, also when parts are down.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertEndsAt } from "../support/expiry.mjs";
import { createKey, eventually, temporaryFolder } from "../support/processes.mjs";
import { System } from "../support/system.mjs";

const HELLO = "/v1/hello";
/** A change has reached the gate by then, on a slow machine too. */
const WITHIN_MS = 20_000;
/** How often it is measured how long a change takes: a busy machine makes some of them slow. */
const ROUNDS = 5;

/** Milliseconds until `check` holds. */
async function measured(what, check) {
  const started = performance.now();
  await eventually(what, check, WITHIN_MS);
  return performance.now() - started;
}

const median = (times) => times.toSorted((one, other) => one - other)[times.length >> 1];

describe("the main job", () => {
  let system, plane, keyspace, gate;
  before(async () => {
    system = await System.start();
    ({ plane, keyspace, gate } = system);
  });
  after(() => system?.stop());

  const admitted = (key) => async () => (await gate.decision(HELLO, key.secret)).code === "VALID";
  const code = async (key) => (await gate.decision(HELLO, key.secret)).code;

  test("a new key is admitted within a second, a revoked one refused within a second", async () => {
    const first = await createKey(plane, keyspace);
    await eventually("the first key after a cold start is admitted", admitted(first), WITHIN_MS);
    const took = { admitted: [], refused: [] };
    for (let round = 0; round < ROUNDS; round++) {
      const key = await createKey(plane, keyspace);
      took.admitted.push(await measured("the key is admitted", admitted(key)));
      await plane.api("DELETE", `/v1/keys/${key.id}`);
      took.refused.push(await measured("the key is refused", async () => (await code(key)) !== "VALID"));
    }
    for (const times of Object.values(took)) assert(median(times) < 1_000, JSON.stringify(took));
    assert.equal(await code(first), "VALID", "the other key still works");
  });

  test("disabling, enabling and changing permissions reach the gate", async () => {
    const key = await createKey(plane, keyspace);
    await eventually("admitted", admitted(key), WITHIN_MS);
    await plane.api("PATCH", `/v1/keys/${key.id}`, { enabled: false });
    await eventually("disabled", async () => (await code(key)) === "DISABLED", WITHIN_MS);
    await plane.api("PATCH", `/v1/keys/${key.id}`, { enabled: true, permissions: ["other:thing"] });
    await eventually("without permission", async () => (await code(key)) === "INSUFFICIENT_PERMISSIONS", WITHIN_MS);
    await plane.api("PATCH", `/v1/keys/${key.id}`, { permissions: ["hello:*"] });
    await eventually("admitted by a wildcard", admitted(key), WITHIN_MS);
    assert.equal((await gate.decision(HELLO, key.secret, { method: "POST" })).code, "VALID");
  });

  test("a changed policy reaches the gate", async () => {
    const key = await createKey(plane, keyspace);
    await eventually("admitted", admitted(key), WITHIN_MS);
    assert.equal((await gate.decision("/v1/new", key.secret)).code, "ROUTE_NOT_FOUND");
    const path = `/v1/keyspaces/${keyspace.id}/policy`;
    const { headers, ...policy } = await plane.api("GET", path);
    const routes = [...policy.routes, { method: "GET", path: "/v1/new" }];
    await plane.api("PUT", path, { default: policy.default, routes });
    await eventually("the route is there", async () => (await gate.decision("/v1/new", key.secret)).code === "VALID", WITHIN_MS);
  });

  test("a key expires to the second without any push", async () => {
    const expires = new Date(Math.ceil(Date.now() / 1_000 + 4) * 1_000);
    const key = await createKey(plane, keyspace, { expires_at: expires.toISOString() });
    await eventually("admitted", admitted(key), WITHIN_MS);
    await plane.stop();
    await assertEndsAt(expires.getTime(), () => code(key));
    await system.startPlane();
    ({ plane } = system);
  });

  test("the receipt shows that the gate has applied the change", async () => {
    const key = await createKey(plane, keyspace);
    const wanted = Number(key.headers.get("latchkey-change-seq"));
    assert(wanted > 0);
    await eventually("acknowledged", async () => {
      const { gates } = await plane.api("GET", `/v1/keyspaces/${keyspace.id}/propagation`);
      return gates.length === 1 && gates[0].applied_change_seq >= wanted;
    }, WITHIN_MS);
  });

  test("with the control plane down and workerd restarted, valid keys pass and revoked ones do not", async () => {
    const [kept, revoked] = [await createKey(plane, keyspace), await createKey(plane, keyspace)];
    await eventually("admitted", admitted(revoked), WITHIN_MS);
    await plane.api("DELETE", `/v1/keys/${revoked.id}`);
    await eventually("refused", async () => (await code(revoked)) !== "VALID", WITHIN_MS);
    await plane.stop();
    await gate.stop();
    await system.startGate();
    ({ gate } = system);
    await eventually("admitted from what the relay kept", admitted(kept), WITHIN_MS);
    assert.notEqual(await code(revoked), "VALID");
  });

  test("a restarted control plane heals a gate that lost everything", async () => {
    await gate.stop();
    const other = await temporaryFolder();
    try {
      await system.startGate({ folder: other });
      await system.startPlane();
      await system.admittedKey();
    } finally {
      await system.gate.stop();
      await other.remove();
    }
  });
});

describe("past valid_until", () => {
  test("a gate that hears nothing more fails closed", async () => {
    const system = await System.start({ keyspace: { freshness: { fresh_seconds: 5, valid_seconds: 8 } } });
    const { upstream, plane, gate } = system;
    try {
      const key = await system.admittedKey();
      await plane.stop("SIGKILL");
      const reached = upstream.requests.length;
      const last = await eventually("expired", async () => {
        const decision = await gate.decision(HELLO, key.secret);
        return decision.code === "VALID" ? undefined : decision;
      }, WITHIN_MS);
      assert.equal(last.code, "SNAPSHOT_EXPIRED");
      assert.equal(last.status, 503);
      assert(upstream.requests.length > reached, "it was admitted until then");
    } finally {
      await system.stop();
    }
  });
});
