// Two gates in real workerd, and the question that people ask after a revocation: is it refused everywhere, and since when?
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { freePort } from "../support/ports.mjs";
import { Gate, createKey, eventually } from "../support/processes.mjs";
import { System } from "../support/system.mjs";

const HELLO = "/v1/hello";
const WITHIN_MS = 20_000;

let system, second;
before(async () => {
  system = await System.start();
  const port = await freePort();
  const gates = [system.gate.url, `http://127.0.0.1:${port}`].map((url) => ({ url }));
  await system.plane.api("PATCH", `/v1/keyspaces/${system.keyspace.id}`, { gates });
  const folder = join(system.folder.path, "second");
  await mkdir(folder);
  second = await Gate.start({ folder, port, vars: system.vars });
});
after(async () => {
  await second?.stop();
  await system?.stop();
});

const view = (query) => system.plane.call("GET", `/v1/keyspaces/${system.keyspace.id}/propagation?${query}`);

/** Runs `latchkey propagation watch`, and returns how it ended and all that it said. */
async function watch(key, ...args) {
  const env = { ...process.env, LATCHKEY_URL: system.plane.url, LATCHKEY_ADMIN_KEY: system.plane.adminKey };
  const run = promisify(execFile)(resolve(process.env.LATCHKEY_BIN), ["propagation", "watch", key.id, ...args], { env });
  return run.then(({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }), ({ code, stdout, stderr }) => ({ code, said: stdout + stderr }));
}

async function admittedEverywhere() {
  const key = await createKey(system.plane, system.keyspace);
  for (const gate of [system.gate, second]) {
    await eventually("the key is admitted", async () => (await gate.decision(HELLO, key.secret)).code === "VALID", WITHIN_MS);
  }
  return key;
}

test("e1 a watched revocation ends with every gate refusing, and what it says is so", async () => {
  const key = await admittedEverywhere();
  const known = await watch(key);
  assert.match(known.said, /^known as it is now at 2 of 2 gates after \d+\.\d s, since 20/, known.said);
  await system.plane.api("DELETE", `/v1/keys/${key.id}`);
  const refused = await watch(key);
  assert.equal(refused.code, 0, refused.said);
  assert.match(refused.said, /^refused at 2 of 2 gates after \d+\.\d s, since 20/);
  // Nothing is waited for: it was said that they refuse.
  for (const gate of [system.gate, second]) assert.equal((await gate.decision(HELLO, key.secret)).code, "NOT_FOUND");
});

test("e1 each gate and each isolate says whether it has the key's last change, and since when", async () => {
  const key = await admittedEverywhere();
  const { headers } = await system.plane.api("DELETE", `/v1/keys/${key.id}`);
  const seen = await eventually("both gates and their isolates have it", async () => {
    const { json } = await view(`key_id=${key.id}`);
    return json.key.gates_applied === 2 && json.gates.every(({ isolates }) => isolates.some(({ applied }) => applied)) && json;
  }, WITHIN_MS);
  assert.equal(seen.key.change_seq, Number(headers.get("latchkey-change-seq")));
  assert.equal(seen.key.gates_seen, 2);
  for (const gate of seen.gates) {
    assert.deepEqual([gate.applied, gate.seen, gate.refusal], [true, true, null]);
    assert.ok(Math.abs(Date.parse(gate.applied_since) - Date.now()) < 60_000);
    assert.ok(gate.revoked_through >= seen.key.change_seq);
    const [isolate] = gate.isolates.filter(({ applied }) => applied);
    assert.ok(Date.parse(isolate.applied_since) <= Date.parse(isolate.seen_at));
    assert.equal(isolate.refused, null);
  }
  const without = await view("");
  assert.deepEqual([without.json.key, without.json.gates[0].applied], [null, null]);
});

test("e1 keys that are not of the keyspace, and questions that make no sense, are refused by name", async () => {
  const other = await system.plane.api("POST", "/v1/keyspaces", { name: "other" });
  const foreign = await createKey(system.plane, other);
  const key = await createKey(system.plane, system.keyspace);
  for (const id of [foreign.id, "key_0000000000001"]) assert.equal((await view(`key_id=${id}`)).status, 404);
  for (const query of ["key_id=nonsense", `key_id=${key.id}&seen_within=0`, `key_id=${key.id}&seen_within=86401`, "keys=1"]) {
    assert.equal((await view(query)).status, 400, query);
  }
  const unknown = await system.plane.call("GET", `/v1/keyspaces/ks_0000000000001/propagation?key_id=${key.id}`);
  assert.equal(unknown.status, 404);
});

test("e1 a gate that is down is named, and what the others have is counted", async () => {
  const key = await admittedEverywhere();
  await second.stop();
  await system.plane.api("DELETE", `/v1/keys/${key.id}`);
  await eventually("the one that is up has it", async () => (await view(`key_id=${key.id}`)).json.key.gates_applied === 1, WITHIN_MS);
  const late = await watch(key, "--timeout", "3s");
  assert.equal(late.code, 1, late.said);
  assert.match(late.said, /1 of 2 gates/);
  assert.ok(late.said.includes(second.url), late.said);
});
