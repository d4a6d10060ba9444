// How gates learn what is new, what they ask for that, and what they do when nobody answers. Under wrangler: several Workers, KV, one relay.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bearer, eventually, gateAt, gateConfig, startUpstream, startWorkers } from "../support/gate.mjs";
import { Publisher } from "../support/publisher.mjs";

const WORKERS = join(import.meta.dirname, "../support/workers");
const script = (name, file, rest) => ({
  name, main: join(WORKERS, file), compatibility_date: "2026-07-15", no_bundle: true, ...rest,
});

const publisher = new Publisher();
const key = publisher.addKey();
let workers, upstream, first, second, backstage;

/** Like the deployed gate, but with the counting relay and the counting KV. */
const behindBackstage = (name, vars) =>
  gateConfig({
    name, kv: false, vars,
    durable_objects: { bindings: [{ name: "RELAY", class_name: "RelayProxy", script_name: "backstage" }] },
    migrations: undefined,
    services: [{ binding: "LATCHKEY_KV", service: "backstage", entrypoint: "Kv" }],
  });

before(async () => {
  upstream = await startUpstream();
  const vars = { ...publisher.settings, UPSTREAM_URL: upstream.url };
  workers = await startWorkers(
    // Warm for as long as a test lasts, so that what is counted is what requests ask for.
    behindBackstage("first", { ...vars, LATCHKEY_REFRESH_AFTER_MS: "60000" }),
    behindBackstage("second", { ...vars, LATCHKEY_REFRESH_AFTER_MS: "300" }),
    script("backstage", "backstage.js", {
      durable_objects: { bindings: [{ name: "REAL", class_name: "Relay", script_name: "owner" }, { name: "PROXY", class_name: "RelayProxy" }] },
      migrations: [{ tag: "v1", new_sqlite_classes: ["RelayProxy"] }],
    }),
    // Owns the relay, whose KV is the counting one too.
    gateConfig({ name: "owner", vars, kv: false, services: [{ binding: "LATCHKEY_KV", service: "backstage", entrypoint: "Kv" }] }),
    script("stranger", "stranger.js", {
      services: [{ binding: "GATE", service: "first" }],
      durable_objects: { bindings: [{ name: "RELAY", class_name: "Relay", script_name: "owner" }] },
    }),
  );
  const at = (name) => {
    const worker = workers.harness.getWorker(name);
    const gate = gateAt(workers.url, publisher);
    const fetch = (path, init) => worker.fetch(`http://gate${path}`, { redirect: "manual", ...init });
    return { ...gate, fetch, status: async () => (await fetch("/.well-known/latchkey/status")).json() };
  };
  first = at("first");
  second = at("second");
  const worker = workers.harness.getWorker("backstage");
  const ask = async (path, body) =>
    (await worker.fetch(`http://backstage${path}`, body ? { method: "POST", body: JSON.stringify(body) } : {})).json();
  backstage = {
    counts: async () => (await ask("/counts")).counts,
    break: (which) => ask("/break", which),
    kv: () => ask("/kv"),
    putKv: (name, bytes) => ask("/kv", { name, base64: Buffer.from(bytes).toString("base64") }),
    stranger: async (body) =>
      (await workers.harness.getWorker("stranger").fetch("http://x/", { method: "POST", body: JSON.stringify(body) })).json(),
  };
  await first.publish();
});
beforeEach(() => backstage.break({ relay: false, kv: false }));
after(async () => {
  await workers?.close();
  upstream?.close();
});

const admits = async (gate, who) => (await gate.fetch("/v1/hello", { headers: bearer(who) })).status === 200;

test("a warm allowed request asks nobody but the upstream", async () => {
  assert.ok(await admits(first, key));
  const before = await backstage.counts();
  const reached = upstream.requests.length;
  for (let i = 0; i < 50; i++) assert.ok(await admits(first, key));
  assert.deepEqual(await backstage.counts(), before);
  assert.equal(upstream.requests.length, reached + 50);
});

test("a warm denial asks nobody at all, a flood of unknown keys the relay at most once a second", async () => {
  const reached = upstream.requests.length;
  const before = await backstage.counts();
  for (let i = 0; i < 20; i++) assert.ok(!(await admits(first, publisher.addKey.bind(new Publisher())({ grants: [] }))));
  const started = Date.now();
  const { sync } = await backstage.counts();
  assert.ok(sync - before.sync <= 2 + (Date.now() - started) / 1_000, `${sync - before.sync} syncs`);
  const settled = await backstage.counts();
  for (let i = 0; i < 20; i++) assert.equal((await first.fetch("/v1/hello")).status, 401);
  assert.deepEqual(await backstage.counts(), settled);
  assert.equal(upstream.requests.length, reached);
});

test("another isolate learns of a revocation by asking the relay, and says so", async () => {
  const doomed = publisher.addKey();
  await first.publish();
  assert.ok(await admits(second, doomed));
  publisher.revoke(doomed);
  await first.publish();
  await eventually(async () => !(await admits(second, doomed)), { within: 2_000 });
  const acks = await eventually(async () => {
    const { relay } = await first.status();
    const both = relay.isolates.filter(({ seq }) => seq === publisher.seq);
    return both.length > 0 && both;
  });
  assert.ok(acks.every(({ id, seen_at, change_seq }) => /^[0-9a-f]{16}$/.test(id) && Date.parse(seen_at) && change_seq === publisher.changeSeq));
});

test("a key is admitted at once by an isolate that has never heard of it", async () => {
  assert.ok(await admits(second, key));
  await sleep(260);
  const fresh = publisher.addKey();
  await first.publish();
  // The unknown key itself makes the isolate ask; a miss a moment ago may hold that back for a second.
  await eventually(() => admits(second, fresh), { within: 1_500 });
});

test("the relay copies bodies to KV, and then the head", async () => {
  await first.publish();
  const names = await eventually(async () => {
    const held = Object.keys(await backstage.kv());
    return held.some((name) => name.startsWith("head/")) && held;
  });
  assert.ok(names.includes(`head/${publisher.keyspaceId}/any`));
  assert.ok(names.filter((name) => /^obj\/[0-9a-f]{64}$/.test(name)).length >= 4);
});

test("heads are copied to KV at most once a second, the last one always", async () => {
  const { kv_put: before } = await backstage.counts();
  const started = Date.now();
  for (let i = 0; i < 10; i++) await first.publish();
  const { seq } = publisher;
  await sleep(1_500);
  const puts = (await backstage.counts()).kv_put - before;
  assert.ok(puts <= 1 + (Date.now() - started) / 1_000, `${puts} writes`);
  assert.equal((await first.status()).relay.seq, seq);
});

test("with the relay down, a cold isolate starts from KV and still refuses revoked keys", async () => {
  const doomed = publisher.addKey();
  publisher.revoke(doomed);
  await first.publish();
  // Until KV has the newest head.
  await sleep(1_300);
  await backstage.break({ relay: true });
  await workers.harness.update((options) => ({ ...options, workers: options.workers.map(restarted("second")) }));
  await backstage.break({ relay: true });
  await eventually(() => admits(second, key), { within: 5_000 });
  assert.ok(!(await admits(second, doomed)));
  assert.equal((await second.status()).relay, null);
});

test("with relay and KV down, a gate decides from what it has", async () => {
  assert.ok(await admits(second, key));
  await backstage.break({ relay: true, kv: true });
  await sleep(700);
  for (let i = 0; i < 10; i++) {
    assert.ok(await admits(second, key));
    await sleep(50);
  }
});

test("KV cannot feed a gate anything that is not signed", async () => {
  await backstage.break({ relay: true });
  const stranger = new Publisher();
  stranger.keyspace = publisher.keyspace;
  stranger.seq = 1_000_000;
  const planted = stranger.addKey();
  const { head, bodies } = stranger.next();
  await backstage.putKv(`head/${publisher.keyspaceId}/any`, head);
  const { createHash } = await import("node:crypto");
  for (const body of bodies) await backstage.putKv(`obj/${createHash("sha256").update(body).digest("hex")}`, body);
  await sleep(700);
  for (let i = 0; i < 5; i++) {
    assert.ok(!(await admits(second, planted)));
    assert.ok(await admits(second, key));
    await sleep(100);
  }
});

test("no export of the Worker can be called by another Worker", async () => {
  const exports = [
    "decide", "configure", "denial", "refresh", "load_needed", "wasm_memory", "input_at", "output_at", "warm_up", "credential_header",
    "upstream_origin", "__wbg_reset_state", "__worker_init_state", "Relay",
  ];
  for (const method of exports) {
    const answer = await backstage.stranger({ target: "gate", method });
    assert.equal(answer.called, false, `gate.${method} gave ${answer.result}`);
  }
  for (const method of ["ingest", "sync", "status", "free", "alarm", "storage", "new"]) {
    const answer = await backstage.stranger({ target: "relay", method });
    assert.equal(answer.called, false, `relay.${method} gave ${answer.result}`);
  }
});

/** A setting that the Worker does not know: enough for a new isolate. */
function restarted(name) {
  return ({ config }) => ({ config: config.name === name ? { ...config, vars: { ...config.vars, RESTART: String(Date.now()) } } : config });
}
