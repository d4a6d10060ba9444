// The key that signs heads is replaced, in its time and in an emergency: what a gate in real workerd takes from whom.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createKey, eventually, gateVars } from "../support/processes.mjs";
import { System } from "../support/system.mjs";

const HELLO = "/v1/hello";
/** A push that a gate refused has been repeated by then. */
const WITHIN_MS = 30_000;

let system;
before(async () => {
  system = await System.start();
  await system.admittedKey();
});
after(() => system?.stop());

const call = (verb, body) => system.plane.api("POST", `/v1/keyspaces/${system.keyspace.id}/signing-keys:${verb}`, body);
const status = async () => (await fetch(`${system.gate.url}/.well-known/latchkey/status`)).json();
const code = async (key) => (await system.gate.decision(HELLO, key.secret)).code;

/** A key that is made now is admitted: the gate takes news. */
async function takesNews() {
  const key = await createKey(system.plane, system.keyspace);
  await eventually("the new key is admitted", async () => (await code(key)) === "VALID", WITHIN_MS);
}

/** A key that is made now is not admitted, and the control plane knows why. */
async function refuses(wanted) {
  const key = await createKey(system.plane, system.keyspace);
  await eventually(wanted, async () => {
    const { gates } = await system.plane.api("GET", `/v1/keyspaces/${system.keyspace.id}/propagation`);
    return gates[0].last_error?.code === wanted;
  }, WITHIN_MS);
  assert.equal(await code(key), "NOT_FOUND");
}

/** The operator gives the gate what the control plane says it is to trust. */
async function setUpGate() {
  await system.gate.stop();
  system.vars = { ...system.vars, ...(await gateVars(system.plane, system.keyspace, system.upstream)) };
  await system.startGate();
  return (await status()).trusted_keys;
}

test("e2 a rotation costs the gate nothing, whichever of the keys it trusts, until it is completed", async () => {
  const { keys: [old, next] } = await call("rotate", { overlap_days: 7 });
  assert.deepEqual((await status()).trusted_keys, [old.key_id]);
  await takesNews();
  assert.deepEqual(await setUpGate(), [old.key_id, next.key_id]);
  await takesNews();
  await call("complete");
  await takesNews();
  assert.deepEqual(await setUpGate(), [next.key_id]);
  await takesNews();
});

test("e2 after an emergency replacement the gate takes nothing new until it trusts the new key alone", async () => {
  const known = await system.admittedKey();
  const { keys: [current] } = await call("replace", { confirm: system.keyspace.id, reason: "the old key leaked" });
  await refuses("KEY_NOT_TRUSTED");
  assert.equal(await code(known), "VALID", "what the gate has stays good meanwhile");
  assert.deepEqual(await setUpGate(), [current.key_id]);
  await takesNews();
});

test("e2 a gate whose key was not yet good, or is no longer, when a head was signed takes nothing", async () => {
  const { trusted_keys: [line] } = await system.plane.api("GET", `/v1/keyspaces/${system.keyspace.id}/signing-keys`);
  const key = line.split(";")[0];
  const now = Math.floor(Date.now() / 1_000);
  for (const limits of [`;not_before=${now + 3_600}`, `;not_after=${now - 1}`]) {
    await system.gate.stop();
    system.vars.LATCHKEY_TRUSTED_KEYS = key + limits;
    await system.startGate();
    const late = await createKey(system.plane, system.keyspace);
    await eventually("the refusal is shown", async () => {
      const { gates } = await system.plane.api("GET", `/v1/keyspaces/${system.keyspace.id}/propagation`);
      return gates[0].last_error?.code === "KEY_NOT_TRUSTED";
    }, WITHIN_MS);
    // Not even what its own relay has: that was signed at the wrong time too.
    assert.equal((await system.gate.decision(HELLO, late.secret)).code, "SNAPSHOT_UNAVAILABLE");
  }
  await setUpGate();
  await takesNews();
});
