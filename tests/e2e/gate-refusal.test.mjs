// A gate in real workerd that refuses what was published: everything but revocations waits for an operator, who is told, and nothing that the gate has is lost.
// What it gets is damaged on its way, so it is right to refuse; the control plane sees nothing wrong with what it has sent.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { startDamage } from "../support/damage.mjs";
import { createKey, eventually } from "../support/processes.mjs";
import { Receiver } from "../support/receiver.mjs";
import { System } from "../support/system.mjs";

const HELLO = "/v1/hello";
/** Time for a slow machine. */
const WITHIN_MS = 30_000;

let system, way, receiver, leaked, kept, waiting;
before(async () => {
  receiver = await Receiver.start();
  system = await System.start({ env: { LATCHKEY_ALLOW_HTTP_LOOPBACK: "true" } });
  way = await startDamage(system.gate.url);
  await system.plane.api("PATCH", `/v1/keyspaces/${system.keyspace.id}`, { gates: [{ url: way.url }] });
  await system.plane.api("POST", "/v1/webhooks", { url: receiver.url, events: ["gate.refused", "snapshot.held"] });
  [leaked, kept] = [await system.admittedKey(), await system.admittedKey()];
});
after(async () => {
  await way?.close();
  await system?.stop();
  await receiver?.stop();
});

const code = async (key) => (await system.gate.decision(HELLO, key.secret)).code;
const until = (key, wanted) => eventually(`${wanted}`, async () => (await code(key)) === wanted, WITHIN_MS, 50);
const propagation = () => system.plane.api("GET", `/v1/keyspaces/${system.keyspace.id}/propagation`);
const told = (type) => eventually(type, () => receiver.received.find(({ event }) => event.type === type)?.event, WITHIN_MS);

/** Runs the program as an operator does. */
function latchkey(...args) {
  const env = { ...process.env, LATCHKEY_URL: system.plane.url, LATCHKEY_ADMIN_KEY: system.plane.adminKey };
  return promisify(execFile)(resolve(process.env.LATCHKEY_BIN), args, { env });
}

test("e1 what the gate refuses pauses publishing, with the gate's own reason, and people are told", async () => {
  way.damages = (body) => body.subarray(0, 4).toString() === "LKPO";
  await system.plane.api("PUT", `/v1/keyspaces/${system.keyspace.id}/policy`, {
    default: "deny",
    routes: [{ method: "GET", path: HELLO, permission: "hello:read" }, { method: "GET", path: "/v1/new", permission: "hello:read" }],
  });
  const seen = await eventually("publishing is paused", async () => {
    const seen = await propagation();
    return seen.paused && seen;
  }, WITHIN_MS);
  assert.ok(way.count >= 2, "it was tried again before that counted");
  assert.deepEqual([seen.paused.code, seen.paused.confirmed, seen.held], ["BODY_HASH_MISMATCH", false, null]);
  assert.deepEqual([seen.gates[0].url, seen.gates[0].refusal.code], [way.url, "BODY_HASH_MISMATCH"]);

  const refused = await told("gate.refused");
  assert.deepEqual([refused.data.gate, refused.data.refused_with], [way.url, "BODY_HASH_MISMATCH"], JSON.stringify(refused));
  assert.equal((await told("snapshot.held")).data.hold_reason, "refused");
  for (const event of ["gate.refused", "snapshot.held"]) assert.ok((system.plane.stdout + system.plane.stderr).includes(event), event);
  for (const key of [leaked, kept]) assert.equal(await code(key), "VALID", "it goes on by what it has");
});

test("e1 a revocation reaches the gate all the same, and nothing else does", async () => {
  waiting = await createKey(system.plane, system.keyspace);
  await system.plane.api("DELETE", `/v1/keys/${leaked.id}`);
  await until(leaked, "NOT_FOUND");
  assert.deepEqual([await code(kept), await code(waiting)], ["VALID", "NOT_FOUND"]);
  assert.ok((await propagation()).paused);
});

test("e1 resumed while it is still refused, it is paused again", async () => {
  const { seq } = (await propagation()).paused;
  await latchkey("snapshot", "resume", system.keyspace.id, "--reason", "too soon");
  await eventually("it is paused again", async () => (await propagation()).paused?.seq > seq, WITHIN_MS);
  assert.deepEqual([await code(kept), await code(waiting)], ["VALID", "NOT_FOUND"]);
});

test("e1 resumed once the way is mended, everything that waited arrives", async () => {
  way.damages = () => false;
  await latchkey("snapshot", "resume", system.keyspace.id, "--reason", "the way is mended");
  await until(waiting, "VALID");
  assert.deepEqual([await code(leaked), await code(kept)], ["NOT_FOUND", "VALID"]);
  assert.equal((await system.gate.decision("/v1/new", kept.secret)).code, "VALID");
  await eventually("nothing is held against the gate", async () => {
    const { paused, gates } = await propagation();
    return paused === null && gates[0].refusal === null;
  }, WITHIN_MS);
});
