// Credits and rate limits from the admin API to a gate in real workerd. What becomes of them when isolates die and ledgers fail is in credits.test.mjs and limits.test.mjs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createKey, eventually } from "../support/processes.mjs";
import { System, reporting } from "../support/system.mjs";

const DAY = 86_400;
/** A change has reached the gate by then, on a slow machine too. */
const WITHIN_MS = 20_000;
/** Leases are given back after seconds, and then what was spent is reported. */
const TOLD_WITHIN_MS = 60_000;

const POLICY = {
  default: "deny",
  routes: [
    { method: "GET", path: "/v1/free", rate_cost: 0 },
    { method: "GET", path: "/v1/hello", cost: [{ unit: "request", amount: 1 }] },
    { method: "GET", path: "/v1/image", cost: [{ unit: "image", amount: 2 }, { unit: "request", amount: 1 }], rate_cost: 2 },
  ],
};

let system, plane, keyspace, gate;
before(async () => {
  system = await System.start({ policy: POLICY, vars: reporting });
  ({ plane, keyspace, gate } = system);
  await system.admittedKey("/v1/free");
});
after(() => system?.stop());

const decision = (key, path = "/v1/hello") => gate.decision(path, key.secret);
const code = async (key, path) => (await decision(key, path)).code;
const codes = async (count, key, path) => {
  const list = [];
  for (let i = 0; i < count; i++) list.push(await code(key, path));
  return list;
};
/** A key that the gate knows of, seen by a request that costs nothing. */
async function knownKey(settings) {
  const key = await createKey(plane, keyspace, settings);
  await eventually("the key is known", async () => (await code(key, "/v1/free")) === "VALID", WITHIN_MS);
  return key;
}
const becomes = (wanted, key, path) => eventually(`${wanted} at the gate`, async () => (await code(key, path)) === wanted, WITHIN_MS);
const addCredits = (key, ...deltas) => plane.api("POST", `/v1/keys/${key.id}:credits`, { deltas });

test("l1_credits_from_the_api_are_spent_at_the_gate_to_the_last_one_and_added_ones_count", async () => {
  const key = await knownKey({ credits: [{ unit: "request", amount: 3 }] });
  assert.deepEqual(await codes(4, key), ["VALID", "VALID", "VALID", "CREDITS_EXHAUSTED"]);
  const denied = await decision(key);
  assert.equal(denied.status, 402);
  assert.match(denied.body.detail, /`request`/);
  await addCredits(key, { unit: "request", amount: 2 });
  await becomes("VALID", key);
  assert.deepEqual(await codes(2, key), ["VALID", "CREDITS_EXHAUSTED"]);
});

test("l1_several_units_are_asked_for_together", async () => {
  const key = await knownKey({ credits: [{ unit: "request", amount: 100 }, { unit: "image", amount: 5 }] });
  assert.deepEqual(await codes(3, key, "/v1/image"), ["VALID", "VALID", "CREDITS_EXHAUSTED"]);
  assert.match((await decision(key, "/v1/image")).body.detail, /`image`/);
  assert.equal(await code(key), "VALID");
});

test("l1_a_key_whose_limit_is_lifted_spends_freely_and_one_without_never_asks", async () => {
  const key = await knownKey({ credits: [{ unit: "request", amount: 1 }] });
  assert.deepEqual(await codes(2, key), ["VALID", "CREDITS_EXHAUSTED"]);
  await plane.api("PATCH", `/v1/keys/${key.id}`, { credits: null });
  await becomes("VALID", key, "/v1/image");
  assert.deepEqual(await codes(3, await knownKey()), ["VALID", "VALID", "VALID"]);
});

test("l1_the_api_shows_what_was_spent_also_when_no_request_comes_after_it", async () => {
  const key = await knownKey({ credits: [{ unit: "request", amount: 100 }] });
  assert.deepEqual(await codes(4, key), ["VALID", "VALID", "VALID", "VALID"]);
  const unit = async () => (await plane.api("GET", `/v1/keys/${key.id}`)).credits[0];
  await eventually("what was spent is known", async () => (await unit()).consumed === 4, TOLD_WITHIN_MS, 200);
  const { granted, remaining } = await unit();
  assert.deepEqual([granted, remaining], [100, 96]);
  await assert.rejects(addCredits(key, { unit: "request", amount: -97 }), /CREDITS_BELOW_ZERO/);
});

test("l3_rate_limits_from_the_api_are_counted_at_the_gate_and_told", async () => {
  for (const mode of ["local", "exact"]) {
    const key = await knownKey({ rate_limits: [{ name: "day", limit: 3, window_seconds: DAY, mode }] });
    const passed = await decision(key);
    assert.equal(passed.headers.get("ratelimit-policy"), '"day";q=3;w=86400');
    assert.match(passed.headers.get("ratelimit"), /^"day";r=2;t=\d+$/);
    assert.deepEqual(await codes(3, key, "/v1/image"), ["VALID", "RATE_LIMITED", "RATE_LIMITED"]);
    const denied = await decision(key);
    assert.equal(denied.status, 429);
    assert.ok(Number(denied.headers.get("retry-after")) > 0);
    assert.equal(await code(key, "/v1/free"), "VALID");
    await plane.api("PATCH", `/v1/keys/${key.id}`, { rate_limits: [{ name: "day", limit: 5, window_seconds: DAY, mode }] });
    await becomes("VALID", key);
  }
});
