// kill -9 of the control plane at random moments under load: every event is delivered at least once, and none is invented.
// LATCHKEY_WEBHOOK_KILLS: how often, in place of the few that are enough for every day.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../support/ports.mjs";
import { ControlPlane, eventually, temporaryFolder } from "../support/processes.mjs";
import { Receiver } from "../support/receiver.mjs";

const KILLS = Number(process.env.LATCHKEY_WEBHOOK_KILLS ?? "12");
const WRITERS = 4;
const KEYS_BEFORE_A_KILL = 6;
const env = { LATCHKEY_ALLOW_HTTP_LOOPBACK: "true", LATCHKEY_LOG: "error" };

/** What each kind of change of a key is told as. */
const TOLD_AS = {
  "key.created": "key.created",
  "key.rotated": "key.rotated",
  "key.revoked": "key.revoked",
  "key.restored": "key.restored",
};

/** Makes keys and does things to them until the control plane is gone. `written` is called with every key. */
async function writeUntilItDies(plane, keyspace, written) {
  try {
    for (;;) {
      const { id } = await plane.api("POST", `/v1/keyspaces/${keyspace.id}/keys`, {});
      written();
      if (randomInt(2)) await plane.api("POST", `/v1/keys/${id}:rotate`, {});
      if (randomInt(2)) await plane.api("DELETE", `/v1/keys/${id}`);
      if (randomInt(2)) await plane.call("POST", `/v1/keys/${id}:restore`, {});
    }
  } catch {
    // What was on its way may have happened or not: the change log decides.
  }
}

/** The changes of keys in the database of a control plane. */
function changesOfKeys(folder) {
  const database = new DatabaseSync(join(folder, "control-plane/latchkey.db"), { readOnly: true });
  const rows = database.prepare("SELECT seq, kind FROM changes WHERE key_id IS NOT NULL ORDER BY seq").all();
  database.close();
  return rows.map(({ seq, kind }) => `${seq} ${TOLD_AS[kind]}`);
}

test(`w1_after_${KILLS}_kills_every_change_was_told_and_nothing_else`, async () => {
  const folder = await temporaryFolder();
  const receiver = await Receiver.start();
  const port = await freePort();
  let plane = await ControlPlane.start({ folder: folder.path, port, env });
  const { adminKey } = plane;
  try {
    const keyspace = await plane.api("POST", "/v1/keyspaces", { name: "Crash" });
    const webhook = await plane.api("POST", "/v1/webhooks", { url: receiver.url, events: Object.values(TOLD_AS) });
    for (let kill = 0; kill < KILLS; kill++) {
      let keys = 0;
      const writers = Array.from({ length: WRITERS }, () => writeUntilItDies(plane, keyspace, () => (keys += 1)));
      await eventually("the writers have written", () => keys >= KEYS_BEFORE_A_KILL, 60_000);
      await pause(randomInt(20, 400));
      await plane.stop("SIGKILL");
      await Promise.all(writers);
      plane = await ControlPlane.start({ folder: folder.path, port, env, adminKey });
    }
    const saidOf = ({ event }) => `${event.data.change_seq} ${event.type}`;
    await eventually("all of it is told and noted", async () => {
      const told = new Set(receiver.received.map(saidOf));
      if (!changesOfKeys(folder.path).every((change) => told.has(change))) return false;
      const { data } = await plane.api("GET", `/v1/webhooks/${webhook.id}/deliveries?status=pending&limit=1`);
      return data.length === 0;
    }, 120_000, 500);
    // Something that was invented could come behind the rest.
    await pause(1_500);
    await plane.stop();

    const changes = changesOfKeys(folder.path);
    const told = receiver.received.map(saidOf);
    const distinct = new Set(told);
    assert.ok(changes.length >= KILLS * KEYS_BEFORE_A_KILL, `the writers hardly wrote: ${changes.length} changes`);
    assert.deepEqual(changes.filter((change) => !distinct.has(change)), [], "lost");
    const known = new Set(changes);
    assert.deepEqual([...distinct].filter((one) => !known.has(one)), [], "invented");
    const ids = new Set(receiver.received.map(({ id }) => id));
    assert.equal(ids.size, changes.length, "what is sent again has the same id");
    console.log(`${KILLS} kills, ${changes.length} changes, ${told.length} deliveries, ${told.length - changes.length} of them repeats`);
  } finally {
    await plane.stop("SIGKILL");
    await receiver.stop();
    await folder.remove();
  }
});
