// Address rules and constraints from the admin API to a gate in real workerd, what `:explain` says beside what the gate does, and holders who
// end their keys. Credits and rate limits are in spending.test.mjs, signatures in signed-keys.test.mjs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createKey, eventually } from "../support/processes.mjs";
import { System } from "../support/system.mjs";

/** A change has reached the gate by then, on a slow machine too. */
const WITHIN_MS = 20_000;
const ADDRESS = "x-client-address";

const reads = (place, name) => ({ network: { in: place, name } });
const POLICY = {
  default: "deny",
  routes: [
    { method: "GET", path: "/v1/free" },
    { method: "GET", path: "/v1/{net}/tip", constraints: reads("path", "net") },
    { method: "GET", path: "/v1/header", constraints: reads("header", "x-network") },
    { method: "GET", path: "/v1/query", constraints: reads("query", "network") },
  ],
};

let system, upstream, plane, keyspace, gate;
before(async () => {
  system = await System.start({ policy: POLICY, vars: { LATCHKEY_CLIENT_ADDRESS_HEADER: ADDRESS } });
  ({ upstream, plane, keyspace, gate } = system);
  await system.admittedKey("/v1/free");
});
after(() => system?.stop());

const code = async (key, path, { address, headers = {} } = {}) =>
  (await gate.decision(path, key.secret, { headers: { ...headers, ...(address && { [ADDRESS]: address }) } })).code;
const becomes = (wanted, key, path, options) =>
  eventually(`${wanted} at the gate`, async () => (await code(key, path, options)) === wanted, WITHIN_MS);
const explained = (key, path, { address, headers } = {}) =>
  plane.api("POST", `/v1/keys/${key.id}:explain`, { path, address, headers });

test("a6 rules that are put are enforced, and preview and explanation say the same", async () => {
  const key = await createKey(plane, keyspace);
  await becomes("VALID", key, "/v1/free", { address: "198.51.100.1" });
  const rules = [{ action: "deny", cidr: "10.1.0.0/16" }, { action: "allow", cidr: "10.0.0.0/8" }, { action: "allow", cidr: "2001:db8::/32" }];
  const { default: rest } = await plane.api("PUT", `/v1/keys/${key.id}/ip-rules`, { rules });
  assert.equal(rest, "deny");
  await becomes("IP_DENIED", key, "/v1/free", { address: "198.51.100.1" });
  for (const [address, allowed] of [
    ["10.0.0.1", true], ["10.1.2.3", false], ["::ffff:10.0.0.1", true], ["::ffff:10.1.2.3", false], ["2001:db8::7", true], ["2001:db9::", false],
  ]) {
    const wanted = allowed ? "VALID" : "IP_DENIED";
    assert.equal(await code(key, "/v1/free", { address }), wanted, address);
    assert.equal((await plane.api("POST", `/v1/keys/${key.id}/ip-rules:preview`, { address })).allowed, allowed, address);
    assert.equal((await explained(key, "/v1/free", { address })).code, wanted, address);
  }
  assert.equal(await code(key, "/v1/free"), "IP_DENIED", "no address");
  await plane.api("PATCH", `/v1/keys/${key.id}`, { ip_rules: null });
  await becomes("VALID", key, "/v1/free", { address: "198.51.100.1" });
});

test("a4 a key passes only with the values that it has, wherever a route reads them", async () => {
  const key = await createKey(plane, keyspace, { constraints: { network: ["Mainnet", "Preprod"] } });
  const free = await createKey(plane, keyspace);
  await becomes("VALID", key, "/v1/Mainnet/tip");
  await becomes("VALID", free, "/v1/Preview/tip");
  for (const [path, headers, wanted] of [
    ["/v1/Preprod/tip", {}, "VALID"],
    ["/v1/Preview/tip", {}, "CONSTRAINT_DENIED"],
    ["/v1/mainnet/tip", {}, "CONSTRAINT_DENIED"],
    ["/v1/header", { "x-network": "Mainnet" }, "VALID"],
    ["/v1/header", { "x-network": "Preview" }, "CONSTRAINT_DENIED"],
    ["/v1/header", {}, "CONSTRAINT_DENIED"],
    ["/v1/query?network=Mainnet", {}, "VALID"],
    ["/v1/query?network=Mainnet&network=Preview", {}, "CONSTRAINT_DENIED"],
    ["/v1/query?network=%4Dainnet", {}, "VALID"],
    ["/v1/query", {}, "CONSTRAINT_DENIED"],
    ["/v1/free", {}, "VALID"],
  ]) {
    assert.equal(await code(key, path, { headers }), wanted, path);
    assert.equal((await explained(key, path, { headers })).code, wanted, path);
    assert.equal(await code(free, path, { headers }), "VALID", path);
  }
  await plane.api("PATCH", `/v1/keys/${key.id}`, { constraints: { network: ["Preview"] } });
  await becomes("VALID", key, "/v1/Preview/tip");
  assert.equal(await code(key, "/v1/Mainnet/tip"), "CONSTRAINT_DENIED");
});

test("e6 an explanation names the check that failed, what it looked at, and the head that it was made from", async () => {
  const key = await createKey(plane, keyspace, { constraints: { network: ["Mainnet"] } });
  await becomes("CONSTRAINT_DENIED", key, "/v1/Preview/tip");
  const explanation = await explained(key, "/v1/Preview/tip");
  const last = explanation.checks.at(-1);
  assert.deepEqual([last.name, last.passed, explanation.allowed], ["constraints", false, false]);
  assert.match(last.input, /Preview/);
  assert.ok(explanation.seq > 0 && !JSON.stringify(explanation).includes(key.secret));
});

test("k14 whoever has a key can end it, and it is refused at the gate", async () => {
  const key = await createKey(plane, keyspace);
  await becomes("VALID", key, "/v1/free");
  const revoke = () => fetch(`${plane.url}/v1/keys:revoke-self`, { method: "POST", headers: { authorization: `Bearer ${key.secret}` } });
  const answer = await revoke();
  assert.deepEqual([answer.status, (await answer.json()).key_id], [200, key.id]);
  await eventually("refused at the gate", async () => (await code(key, "/v1/free")) !== "VALID", WITHIN_MS);
  assert.equal((await revoke()).status, 200, "again changes nothing");
  assert.equal((await plane.api("GET", `/v1/keys/${key.id}`)).revoked_reason, "holder");
});
