// An old backup of the database is put in place: no key that was revoked since comes back at a gate in real workerd, unless somebody says that it may.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { createKey, eventually } from "../support/processes.mjs";
import { System } from "../support/system.mjs";

const HELLO = "/v1/hello";
const WITHIN_MS = 30_000;
/** Heads are signed so often that an old copy's numbers would soon pass those that the gate knows. */
const ENV = { LATCHKEY_HEARTBEAT_SECONDS: "1" };

let system, listed, unlisted;
before(async () => {
  system = await System.start({ env: ENV });
  [listed, unlisted] = [await system.admittedKey(), await system.admittedKey()];
});
after(() => system?.stop());

const code = async (key) => (await system.gate.decision(HELLO, key.secret)).code;
const propagation = () => system.plane.api("GET", `/v1/keyspaces/${system.keyspace.id}/propagation`);

/** Runs the command line, and returns how it ended and all that it said. */
async function latchkey(...args) {
  const env = { ...process.env, LATCHKEY_URL: system.plane.url, LATCHKEY_ADMIN_KEY: system.plane.adminKey };
  const run = promisify(execFile)(resolve(process.env.LATCHKEY_BIN), args, { env });
  return run.then(({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }), ({ code, stdout, stderr }) => ({ code, said: stdout + stderr }));
}

test("e2 an old backup brings no revoked key back, and says what to do", async () => {
  const [data, backup] = [join(system.folder.path, "control-plane"), join(system.folder.path, "backup")];
  await system.plane.stop();
  await cp(data, backup, { recursive: true });
  await system.startPlane({ env: ENV });
  for (const key of [listed, unlisted]) {
    await system.plane.api("DELETE", `/v1/keys/${key.id}`);
    await eventually("the key is refused", async () => (await code(key)) === "NOT_FOUND", WITHIN_MS);
  }
  await system.plane.stop();

  await rm(data, { recursive: true });
  await cp(backup, data, { recursive: true });
  await system.startPlane({ env: ENV, ready: "/healthz" });
  const { restored } = await eventually("the old copy is found out", async () => {
    const view = await propagation();
    return view.restored && view;
  }, WITHIN_MS);
  assert.equal(restored.place, system.gate.url);
  const ready = await fetch(`${system.plane.url}/readyz`);
  assert.equal(ready.status, 503);
  assert.match((await ready.json()).detail, new RegExp(`latchkey epoch raise ${system.keyspace.id}`));
  assert.match(system.plane.stderr, /old copy/);

  // Several heads would have been signed meanwhile.
  await pause(4_000);
  for (const key of [listed, unlisted]) assert.equal(await code(key), "NOT_FOUND");
});

test("e2 the epoch is raised only by who names the lost revocations or accepts the loss", async () => {
  const raise = ["epoch", "raise", system.keyspace.id, "--reason", "the disk broke"];
  const asked = await latchkey(...raise);
  assert.equal(asked.code, 2, asked.said);
  assert.match(asked.said, /The changes after \d+ up to \d+ are lost.*--yes/s);
  const refused = await latchkey(...raise, "--yes");
  assert.equal(refused.code, 5, refused.said);
  assert.match(refused.said, /LOST_REVOCATIONS/);

  // What is named stays out. What is not comes back: so it would be with every key, were nobody asked.
  const raised = await latchkey(...raise, "--revoke", listed.id, "--yes");
  assert.equal(raised.code, 0, raised.said);
  await eventually("the key that was not named is back", async () => (await code(unlisted)) === "VALID", WITHIN_MS);
  assert.equal(await code(listed), "NOT_FOUND");
  const late = await createKey(system.plane, system.keyspace);
  await eventually("the gate takes news again", async () => (await code(late)) === "VALID", WITHIN_MS);
  assert.equal((await fetch(`${system.plane.url}/readyz`)).status, 200);
  assert.equal((await propagation()).restored, null);
});
