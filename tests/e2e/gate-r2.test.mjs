// A gate that reads an R2 bucket by its binding: nobody pushes to it, and it has no relay. Under wrangler, with R2 as it runs locally.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { objectName } from "../support/encode.mjs";
import { bearer, eventually, gateConfig, startUpstream, startWorkers } from "../support/gate.mjs";
import { behind } from "../support/isolates.mjs";
import { Publisher } from "../support/publisher.mjs";

/** The sink's, in the bucket. */
const PREFIX = "shop";

const publisher = new Publisher();
let folder, upstream, workers;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "latchkey-r2-"));
  upstream = await startUpstream();
  workers = await startWorkers(gateConfig({
    dir: behind("bucket-entry.js", join(folder, "gate")),
    vars: { ...publisher.settings, UPSTREAM_URL: upstream.url, LATCHKEY_REFRESH_AFTER_MS: "100", LATCHKEY_R2_PREFIX: `/${PREFIX}/` },
    durable_objects: { bindings: [{ name: "LEDGER", class_name: "Ledger" }] },
    migrations: [{ tag: "v1", new_sqlite_classes: ["Ledger"] }],
    r2_buckets: [{ binding: "LATCHKEY_R2", bucket_name: "snapshots" }],
  }));
});
after(async () => {
  await workers?.close();
  upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

const put = (name, body) => fetch(`${workers.url}/__r2/${PREFIX}/${name}`, { method: "PUT", body });
const status = async (key) => (await fetch(`${workers.url}/v1/hello`, { headers: bearer(key) })).status;

/** As a sink does: bodies, then the head. Returns the head's bytes. */
async function write({ head, bodies } = publisher.next()) {
  for (const body of bodies) await put(objectName(body), body);
  await put(publisher.headName, head);
  return head;
}

test("it admits and refuses by what the sink wrote there", async () => {
  const key = publisher.addKey();
  assert.equal(await status(key), 503);
  await write();
  await eventually(async () => (await status(key)) === 200);
  publisher.revoke(key);
  await write();
  await eventually(async () => (await status(key)) === 401);
});

test("an older head that is put back changes nothing", async () => {
  const key = publisher.addKey();
  const old = await write();
  await eventually(async () => (await status(key)) === 200);
  publisher.revoke(key);
  await write();
  await eventually(async () => (await status(key)) === 401);
  await put(publisher.headName, old);
  // Longer than the gate waits before it asks again.
  for (let i = 0; i < 10; i++) {
    await new Promise((done) => setTimeout(done, 50));
    assert.equal(await status(key), 401);
  }
});

for (const [what, spoil] of [
  ["other bytes of the same length", (body) => Buffer.alloc(body.length, 1)],
  ["more bytes than were promised", (body) => Buffer.concat([body, Buffer.alloc(1)])],
]) {
  test(`a body with ${what} is not believed, and the right one is found later`, async () => {
    const key = publisher.addKey();
    await write();
    await eventually(async () => (await status(key)) === 200);
    const late = publisher.addKey();
    const { head, bodies } = publisher.next();
    const segment = bodies.find((body) => body.subarray(0, 4).toString() === "LKSG" && body.includes(late.tag));
    for (const body of bodies) await put(objectName(body), body === segment ? spoil(body) : body);
    await put(publisher.headName, head);
    for (let i = 0; i < 10; i++) {
      await new Promise((done) => setTimeout(done, 50));
      assert.deepEqual([await status(late), await status(key)], [401, 200]);
    }
    await put(objectName(segment), segment);
    // A bucket that failed is left alone for five seconds.
    await eventually(async () => (await status(late)) === 200);
  });
}
