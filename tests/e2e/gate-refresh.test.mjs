// How gates learn what is new, what they ask for that, and what they do when nobody answers. Under wrangler: several Workers, KV, one relay.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bundle, objectName } from "../support/encode.mjs";
import { eventually } from "../support/gate.mjs";
import { Pair } from "../support/pair.mjs";
import { Publisher } from "../support/publisher.mjs";
import { newToken } from "../support/token.mjs";

/** Milliseconds after which the second gate asks for news. */
const INTERVAL = 300;
/** So long a gate waits for a relay that hangs. */
const RELAY_LIMIT_MS = 1_500;

const publisher = new Publisher();
const key = publisher.addKey();
let pair, first, second, upstream;

before(async () => {
  pair = await Pair.start(publisher, INTERVAL);
  ({ first, second, upstream } = pair);
  await first.publish();
});
beforeEach(() => pair.breakDown({ relay: false, kv: false }));
after(() => pair?.close());

test("a warm allowed request asks nobody but the upstream", async () => {
  assert.ok(await first.admits(key));
  const before = await first.counts();
  const reached = upstream.requests.length;
  for (let i = 0; i < 50; i++) assert.ok(await first.admits(key));
  assert.deepEqual(await first.counts(), before);
  assert.equal(upstream.requests.length, reached + 50);
});

test("a denial asks nobody, a flood of unknown keys the relay once a second at most", async () => {
  const reached = upstream.requests.length;
  const before = await first.counts();
  for (let i = 0; i < 30; i++) assert.equal((await first.fetch("/v1/hello")).status, 401);
  assert.deepEqual(await first.counts(), before);
  const started = Date.now();
  for (let i = 0; i < 60; i++) assert.ok(!(await first.admits({ token: newToken() })));
  const asked = (await first.counts()).relay - before.relay;
  assert.ok(asked <= 1 + (Date.now() - started) / 1_000, `asked ${asked} times`);
  assert.equal(upstream.requests.length, reached);
});

test("another isolate learns of a revocation by asking the relay, and says so", async () => {
  const doomed = publisher.addKey();
  await first.publish();
  await eventually(() => second.admits(doomed));
  publisher.revoke(doomed);
  await first.publish();
  await eventually(async () => !(await second.admits(doomed)));
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
  assert.ok(await second.admits(key));
  const fresh = publisher.addKey();
  await first.publish();
  // The unknown key itself makes the isolate ask; a miss a moment ago may hold that back for a second.
  await eventually(() => second.admits(fresh));
});

test("the relay copies bodies to KV, and then the head", async () => {
  const { head, bodies } = publisher.next();
  await first.push(bundle(head, bodies));
  await eventually(async () => (await pair.stored(publisher.headName))?.equals(head));
  for (const body of bodies) assert.ok((await pair.stored(objectName(body))).equals(body));
});

test("heads are copied to KV at most once a second, the last one always", async () => {
  const { kv_put: before } = await first.counts();
  const started = Date.now();
  for (let i = 0; i < 12; i++) await first.publish();
  await eventually(async () => (await pair.storedSeq()) === publisher.seq);
  const puts = (await first.counts()).kv_put - before;
  assert.ok(puts <= 2 + (Date.now() - started) / 1_000, `${puts} writes`);
});

test("with the relay down, a cold isolate starts from KV and refuses revoked keys", async () => {
  const doomed = publisher.addKey();
  publisher.revoke(doomed);
  await first.publish();
  await eventually(async () => (await pair.storedSeq()) === publisher.seq);
  const { isolate } = await second.status();
  await pair.restart("second");
  await second.break({ relay: true });
  await eventually(() => second.admits(key));
  assert.ok(!(await second.admits(doomed)));
  const status = await second.status();
  assert.equal(status.relay, null);
  assert.notEqual(status.isolate, isolate);
});

test("with relay and KV down, a gate decides from what it has", async () => {
  await eventually(() => second.admits(key));
  await pair.breakDown({ relay: true, kv: true });
  const until = Date.now() + 5 * INTERVAL;
  while (Date.now() < until) assert.ok(await second.admits(key));
  await pair.breakDown({ relay: false, kv: false });
  await sleep(INTERVAL);
  await eventually(async () => (await second.admits(key)) && (await second.status()).refreshed_seconds_ago < 1);
});

test("with relay and KV hanging, requests do not wait for them", async () => {
  await eventually(() => second.admits(key));
  await pair.breakDown({ relay: "hangs", kv: "hangs" });
  // The first refresh has to find out, for as long as its own limits say.
  await eventually(async () => {
    assert.ok(await second.admits(key));
    return (await second.counts()).kv_get > 0 && (await second.status()).refreshed_seconds_ago > 3.5;
  });
  const until = Date.now() + 5 * INTERVAL;
  while (Date.now() < until) {
    const started = Date.now();
    assert.ok(await second.admits(key));
    assert.ok(Date.now() - started < RELAY_LIMIT_MS, "it waited for the relay");
  }
});

test("KV cannot feed a gate anything that is not signed", async () => {
  await eventually(() => second.admits(key));
  const stranger = new Publisher();
  stranger.keyspace = publisher.keyspace;
  stranger.seq = 1_000_000;
  const planted = stranger.addKey();
  const { head, bodies } = stranger.next();
  await pair.kv.put(publisher.headName, head);
  for (const body of bodies) await pair.kv.put(objectName(body), body);
  await second.break({ relay: true });
  const before = (await second.counts()).kv_get;
  await eventually(async () => {
    assert.ok(!(await second.admits(planted)));
    assert.ok(await second.admits(key));
    return (await second.counts()).kv_get > before + 1;
  });
  // The relay hears of the refusal once it can be reached, and its next head replaces the planted one.
  await pair.breakDown({ relay: false });
  await first.publish();
  await eventually(async () => (await pair.storedSeq()) === publisher.seq);
});

test("no export of the Worker can be called by another Worker", async () => {
  const exports = [
    "decide", "configure", "denial", "refresh", "follow", "load_needed", "wasm_memory", "input_at", "output_at", "warm_up", "credential_header",
    "upstream_origin", "__wbg_reset_state", "__worker_init_state", "Relay", "Ledger",
  ];
  const ask = async (body) =>
    (await pair.workers.harness.getWorker("stranger").fetch("http://stranger/", { method: "POST", body: JSON.stringify(body) })).json();
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
