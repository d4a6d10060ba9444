// What a relay keeps of large bases: all of the current one, whatever else is uploaded or comes to nothing, and for a while what the one before had. Without KV,
// so that the relay is the only place that has a shard.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import * as encode from "../support/encode.mjs";
import { bearer, gateAt, startUpstream } from "../support/gate.mjs";
import { behind } from "../support/isolates.mjs";
import { Publisher } from "../support/publisher.mjs";
import { startWorkerd } from "../support/workerd.mjs";

/** Past what isolates load at once. */
const SHARD_BITS = 6;
const HOUR_MS = 3_600_000;

let folder, upstream, workerd, publisher, keys, gate, idle;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "latchkey-bases-"));
  upstream = await startUpstream();
  publisher = new Publisher();
  publisher.shardBits = SHARD_BITS;
  publisher.validSeconds = 7 * 24 * 3_600;
  keys = Array.from({ length: 200 }, () => publisher.addKey());
  const dir = behind("clock-entry.js", join(folder, "gate"));
  // The second isolate has nothing but what it asks the relay for, which it does once.
  const bindings = { ...publisher.settings, UPSTREAM_URL: upstream.url, LATCHKEY_REFRESH_AFTER_MS: "60000" };
  workerd = await startWorkerd([{ name: "gate", dir, bindings, relay: true }, { name: "idle", dir, bindings, relay: "gate" }]);
  gate = gateAt(workerd.url("gate"), publisher);
  idle = gateAt(workerd.url("idle"), publisher);
});
afterEach(async () => {
  await workerd?.close();
  upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function assertTaken(bytes) {
  const answer = await gate.push(bytes);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

/** That of the relay, and of the isolate that lives with it. */
const moveClock = (ahead_ms) => fetch(`${gate.url}/__clock`, { method: "POST", body: JSON.stringify({ ahead_ms }) });

/** Which keys a gate does not admit. */
async function refusedBy({ url }, some) {
  const answers = await Promise.all(some.map(async (key) => (await fetch(`${url}/v1/hello`, { headers: bearer(key) })).status));
  return answers.filter((status) => status !== 200);
}

/** A head over the base that an earlier one named, without segments. */
function signedAnew({ fields }) {
  const now = Math.floor(Date.now() / 1_000);
  return encode.head({ ...fields, segments: [], seq: ++publisher.seq, issuedAt: now }, [publisher.signer]);
}

test("an upload that comes to nothing takes no shard from the current base, however long ago it was", async () => {
  const current = publisher.next();
  await assertTaken(encode.bundle(current.head, current.bodies));
  publisher.addKey();
  publisher.compact();
  const next = publisher.next();
  assert.ok(next.bodies.filter((body) => current.bodies.some((other) => other.equals(body))).length > 2 ** SHARD_BITS / 2, "they share shards");
  await assertTaken(encode.bundle(next.head, next.bodies, { commit: false }));
  await moveClock(2 * HOUR_MS);
  await assertTaken(encode.bundle(signedAnew(current), []));
  assert.deepEqual(await refusedBy(idle, keys), []);
  // Only what nobody needs is gone: the upload's own page.
  const answer = await gate.push(encode.bundle(signedAnew(next), []));
  assert.equal(answer.body.code, "BODY_MISSING");
});

test("the base before is kept for the isolates that still decide by it, and then goes", async () => {
  await assertTaken(publisher.bundle());
  assert.deepEqual(await refusedBy(idle, keys.slice(0, 1)), []);
  const before = publisher.next();
  await moveClock(2 * HOUR_MS);
  for (const key of keys.slice(0, 150)) publisher.change(key, { grants: ["hello:read"] });
  publisher.compact();
  await assertTaken(publisher.bundle());
  await assertTaken(publisher.bundle());
  assert.deepEqual(await refusedBy(idle, keys), [], "it has not heard of the new base");
  await moveClock(3 * HOUR_MS + 60_000);
  await assertTaken(publisher.bundle());
  assert.deepEqual(await refusedBy(gate, keys), []);
  const answer = await gate.push(encode.bundle(signedAnew(before), []));
  assert.equal(answer.body.code, "BODY_MISSING");
});

test("a base is refused while a single shard of it is missing, whichever bundle should have brought it", async () => {
  const { head, bodies } = publisher.next();
  // Policy, root and leaf come first.
  for (const missing of [3, bodies.length - 1]) {
    const rest = bodies.toSpliced(missing, 1);
    await assertTaken(encode.bundle(head, rest, { commit: false }));
    for (const own of [[], bodies.slice(0, 3), rest]) {
      assert.equal((await gate.push(encode.bundle(head, own))).body.code, "BODY_MISSING");
    }
    // Another gate's relay starts from nothing.
    if (missing === 3) await restartEmpty();
  }
  await assertTaken(encode.bundle(head, [...bodies.slice(0, 3), bodies.at(-1)]));
  assert.deepEqual(await refusedBy(gate, keys), []);
});

async function restartEmpty() {
  for (const name of readdirSync(workerd.storage)) rmSync(join(workerd.storage, name), { recursive: true });
  await workerd.restart();
}
