// How gates learn what is new, what they ask for that, and what they do when nobody answers. Under wrangler: several Workers, KV, one relay.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bearer, edgeDir, eventually, gateAt, gateConfig, startUpstream, startWorkers } from "../support/gate.mjs";
import { Publisher } from "../support/publisher.mjs";
import { newToken } from "../support/token.mjs";

const WORKERS = join(import.meta.dirname, "../support/workers");
/** Milliseconds after which the second gate asks for news. */
const INTERVAL = 300;

const publisher = new Publisher();
const key = publisher.addKey();
const objectsOfFirst = ["Relay", "Ledger"].map((name) => ({ name: name.toUpperCase(), class_name: name, script_name: "first" }));
let dir, workers, upstream, first, second, kv;

/** The gate's modules with the counting entry in front. */
function counting() {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-counting-"));
  cpSync(edgeDir, folder, { recursive: true });
  renameSync(join(folder, "entry.js"), join(folder, "gate-entry.js"));
  cpSync(join(WORKERS, "counting-entry.js"), join(folder, "entry.js"));
  return folder;
}

before(async () => {
  upstream = await startUpstream();
  dir = counting();
  const vars = { ...publisher.settings, UPSTREAM_URL: upstream.url };
  workers = await startWorkers(
    // Warm for as long as a test lasts, so that what is counted is what requests ask for.
    gateConfig({ name: "first", dir, vars: { ...vars, LATCHKEY_REFRESH_AFTER_MS: "60000" } }),
    // Another isolate: its own Worker, with the first one's relay.
    gateConfig({
      name: "second", dir, vars: { ...vars, LATCHKEY_REFRESH_AFTER_MS: String(INTERVAL) },
      durable_objects: { bindings: objectsOfFirst },
      migrations: undefined,
    }),
    {
      name: "stranger", main: join(WORKERS, "stranger.js"), compatibility_date: "2026-07-15", no_bundle: true,
      services: [{ binding: "GATE", service: "first" }],
      durable_objects: { bindings: objectsOfFirst },
    },
  );
  first = gateOf("first");
  second = gateOf("second");
  await openKv();
  await first.publish();
});
beforeEach(() => breakDown({ relay: false, kv: false }));
after(async () => {
  await workers?.close();
  upstream?.close();
  if (dir !== undefined) rmSync(dir, { recursive: true });
});

function gateOf(name) {
  const fetch = (path, init) => workers.harness.getWorker(name).fetch(`http://gate${path}`, { redirect: "manual", ...init });
  const json = async (path, body) => (await fetch(path, body && { method: "POST", body: JSON.stringify(body) })).json();
  return {
    ...gateAt(workers.url, publisher),
    fetch,
    status: () => json("/.well-known/latchkey/status"),
    counts: () => json("/__counts"),
    break: (which) => json("/__break", which),
  };
}

const breakDown = (which) => Promise.all([first.break(which), second.break(which)]);
const admits = async (gate, who) => (await gate.fetch("/v1/hello", { headers: bearer(who) })).status === 200;

test("a warm allowed request asks nobody but the upstream", async () => {
  assert.ok(await admits(first, key));
  const before = await first.counts();
  const reached = upstream.requests.length;
  for (let i = 0; i < 50; i++) assert.ok(await admits(first, key));
  assert.deepEqual(await first.counts(), before);
  assert.equal(upstream.requests.length, reached + 50);
});

test("a denial asks nobody, a flood of unknown keys the relay once a second at most", async () => {
  const reached = upstream.requests.length;
  const before = await first.counts();
  for (let i = 0; i < 30; i++) assert.equal((await first.fetch("/v1/hello")).status, 401);
  assert.deepEqual(await first.counts(), before);
  const started = Date.now();
  for (let i = 0; i < 60; i++) assert.ok(!(await admits(first, { token: newToken() })));
  const asked = (await first.counts()).relay - before.relay;
  assert.ok(asked <= 1 + (Date.now() - started) / 1_000, `asked ${asked} times`);
  assert.equal(upstream.requests.length, reached);
});

test("another isolate learns of a revocation by asking the relay, and says so", async () => {
  const doomed = publisher.addKey();
  await first.publish();
  await eventually(() => admits(second, doomed), { within: 1_500 });
  publisher.revoke(doomed);
  await first.publish();
  await eventually(async () => !(await admits(second, doomed)), { within: 1_500 });
  const { isolate } = await second.status();
  const ack = await eventually(async () => {
    const { relay } = await first.status();
    return relay.isolates.find(({ id, seq }) => id === isolate && seq === publisher.seq);
  });
  assert.equal(ack.change_seq, publisher.changeSeq);
  assert.ok(Math.abs(Date.parse(ack.seen_at) - Date.now()) < 60_000);
});

test("the isolate that was pushed to acknowledges too", async () => {
  await first.publish();
  const { isolate } = await first.status();
  await eventually(async () => (await first.status()).relay.isolates.some(({ id, seq }) => id === isolate && seq === publisher.seq));
});

test("a new key is admitted by an isolate that has never heard of it", async () => {
  assert.ok(await admits(second, key));
  const fresh = publisher.addKey();
  await first.publish();
  // The unknown key itself makes the isolate ask; a miss a moment ago may hold that back for a second.
  await eventually(() => admits(second, fresh), { within: 1_500 });
});

test("the relay copies bodies to KV, and then the head", async () => {
  const { head, bodies } = publisher.next();
  const { bundle } = await import("../support/encode.mjs");
  await first.push(bundle(head, bodies));
  await eventually(async () => (await kvBytes(headName()))?.equals(head));
  for (const body of bodies) assert.ok((await kvBytes(`obj/${sha256(body)}`)).equals(body));
});

test("heads are copied to KV at most once a second, the last one always", async () => {
  const { kv_put: before } = await first.counts();
  const started = Date.now();
  for (let i = 0; i < 12; i++) await first.publish();
  await eventually(async () => (await kvBytes(headName())).readBigUInt64LE(20) === BigInt(publisher.seq));
  const puts = (await first.counts()).kv_put - before;
  assert.ok(puts <= 2 + (Date.now() - started) / 1_000, `${puts} writes`);
});

test("with the relay down, a cold isolate starts from KV and refuses revoked keys", async () => {
  const doomed = publisher.addKey();
  publisher.revoke(doomed);
  await first.publish();
  await eventually(async () => (await kvBytes(headName())).readBigUInt64LE(20) === BigInt(publisher.seq));
  const { isolate } = await second.status();
  await restart("second");
  await second.break({ relay: true });
  await eventually(() => admits(second, key), { within: 5_000 });
  assert.ok(!(await admits(second, doomed)));
  const status = await second.status();
  assert.equal(status.relay, null);
  assert.notEqual(status.isolate, isolate);
});

test("with relay and KV down, a gate decides from what it has", async () => {
  await eventually(() => admits(second, key));
  await breakDown({ relay: true, kv: true });
  const until = Date.now() + 5 * INTERVAL;
  while (Date.now() < until) assert.ok(await admits(second, key));
  await breakDown({ relay: false, kv: false });
  await sleep(INTERVAL);
  await eventually(async () => (await admits(second, key)) && (await second.status()).refreshed_seconds_ago < 1);
});

test("with relay and KV hanging, requests do not wait for them", async () => {
  await eventually(() => admits(second, key));
  await breakDown({ relay: "hangs", kv: "hangs" });
  // The first refresh has to find out, for as long as its own limits say.
  await eventually(async () => {
    assert.ok(await admits(second, key));
    return (await second.counts()).kv_get > 0 && (await second.status()).refreshed_seconds_ago > 3.5;
  });
  const until = Date.now() + 5 * INTERVAL;
  while (Date.now() < until) {
    const started = Date.now();
    assert.ok(await admits(second, key));
    assert.ok(Date.now() - started < 1_000);
  }
});

test("KV cannot feed a gate anything that is not signed", async () => {
  await eventually(() => admits(second, key));
  const stranger = new Publisher();
  stranger.keyspace = publisher.keyspace;
  stranger.seq = 1_000_000;
  const planted = stranger.addKey();
  const { head, bodies } = stranger.next();
  await kv.put(headName(), head);
  for (const body of bodies) await kv.put(`obj/${sha256(body)}`, body);
  await second.break({ relay: true });
  const before = (await second.counts()).kv_get;
  await eventually(async () => {
    assert.ok(!(await admits(second, planted)));
    assert.ok(await admits(second, key));
    return (await second.counts()).kv_get > before + 1;
  });
  // The relay hears of the refusal once it can be reached, and its next head replaces the planted one.
  await breakDown({ relay: false });
  await first.publish();
  await eventually(async () => (await kvBytes(headName())).readBigUInt64LE(20) === BigInt(publisher.seq));
});

test("no export of the Worker can be called by another Worker", async () => {
  const exports = [
    "decide", "configure", "denial", "refresh", "load_needed", "wasm_memory", "input_at", "output_at", "warm_up", "credential_header",
    "upstream_origin", "__wbg_reset_state", "__worker_init_state", "Relay", "Ledger",
  ];
  const ask = async (body) =>
    (await workers.harness.getWorker("stranger").fetch("http://stranger/", { method: "POST", body: JSON.stringify(body) })).json();
  for (const method of exports) {
    const answer = await ask({ target: "gate", method });
    assert.equal(answer.called, false, `gate.${method} gave ${answer.result}`);
  }
  for (const target of ["relay", "ledger"]) {
    for (const method of ["ingest", "sync", "take", "status", "free", "alarm", "storage", "new"]) {
      const answer = await ask({ target, method });
      assert.equal(answer.called, false, `${target}.${method} gave ${answer.result}`);
    }
  }
});

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const headName = () => `head/${publisher.keyspaceId}/any`;

async function kvBytes(name) {
  const value = await kv.get(name, "arrayBuffer");
  return value === null ? null : Buffer.from(value);
}

// A restart of any Worker makes earlier handles useless.
async function openKv() {
  kv = (await workers.harness.getWorker("first").getEnv()).LATCHKEY_KV;
}

/** A setting that the Worker does not know makes for a new isolate. */
async function restart(name) {
  await workers.harness.update((options) => ({
    ...options,
    workers: options.workers.map(({ config }) => ({
      config: config.name === name ? { ...config, vars: { ...config.vars, RESTARTED: String(Date.now()) } } : config,
    })),
  }));
  await openKv();
}
