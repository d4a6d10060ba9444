// A keyspace that is too large to be loaded whole: an isolate fetches the parts of it that requests need, from KV, and each part once. On raw
// workerd without a relay, so that everything that the gate asks for is asked of one place.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { objectName } from "../support/encode.mjs";
import { bearer, edgeDir, eventually, startUpstream } from "../support/gate.mjs";
import { startKv } from "../support/kv.mjs";
import { Publisher } from "../support/publisher.mjs";
import { newToken } from "../support/token.mjs";
import { startWorkerd } from "../support/workerd.mjs";

/** As many shards as 512,000 to a million keys would have. */
const SHARD_BITS = 9;
/** What an address may cause to be loaded for nothing at once, and again each second. */
const BURST = 64;
/** So long a request waits for a part that another one fetches, and what could not be had is not asked for again. */
const GIVEN_UP_MS = 2_500;
const FAILURE_PAUSE_MS = 500;

const publisher = new Publisher();
publisher.shardBits = SHARD_BITS;
const keys = Array.from({ length: 1_000 }, () => publisher.addKey());
let kv, upstream, workerd;

beforeEach(async () => {
  upstream = await startUpstream();
  kv = await startKv();
  const { head, bodies } = publisher.next();
  kv.put(publisher.headName, head);
  for (const body of bodies) kv.put(objectName(body), body);
  // Heads are asked for at the start and by unknown keys alone, however long a test takes.
  const bindings = { ...publisher.settings, UPSTREAM_URL: upstream.url, LATCHKEY_KV: { kv: kv.address }, LATCHKEY_REFRESH_AFTER_MS: "60000" };
  workerd = await startWorkerd([{ name: "gate", dir: edgeDir, bindings }], { cold: true });
});
afterEach(async () => {
  await workerd?.close();
  kv?.close();
  upstream?.close();
});

async function ask(key, { from = "192.0.2.1", signal } = {}) {
  const headers = { ...bearer(key), "cf-connecting-ip": from };
  const response = await fetch(`${workerd.url("gate")}/v1/hello`, { headers, signal });
  const isProblem = response.headers.get("content-type")?.includes("problem") ?? false;
  const body = isProblem ? await response.json() : await response.text();
  return { status: response.status, code: isProblem ? body.code : "VALID", headers: response.headers };
}

const admits = async (key, options) => (await ask(key, options)).status === 200;
const mostAsked = () => Math.max(...[...kv.asked].filter(([name]) => name.startsWith("obj/")).map(([, count]) => count));

test("200 first requests at once fetch each part once, and all are answered", async () => {
  kv.latencyMs = 60;
  const some = keys.slice(0, 200);
  const answers = await Promise.all(some.map((key) => ask(key)));
  assert.deepEqual(answers.filter(({ status }) => status !== 200), [], workerd.logs());
  assert.equal(mostAsked(), 1);
  assert.equal(kv.count("head/"), 1);
});

test("200 first requests for one key fetch its page and its shard", async () => {
  kv.latencyMs = 60;
  assert.ok((await Promise.all(Array.from({ length: 200 }, () => admits(keys[0])))).every(Boolean));
  // And the policy and the root.
  assert.equal(kv.count("obj/"), 4);
});

test("a warm isolate fetches what a cold key needs in three calls at most", async () => {
  assert.ok(await admits(keys[0]));
  const before = kv.count("obj/");
  assert.ok(await admits(keys[1]));
  assert.ok(kv.count("obj/") - before <= 3);
});

test("those who wait for a part get it also if the caller for whom it is fetched hangs up", async () => {
  assert.ok(await admits(keys[0]));
  kv.latencyMs = 300;
  const impatient = new AbortController();
  const first = ask(keys[1], { signal: impatient.signal }).catch(() => "hung up");
  await eventually(() => kv.count("obj/") > 0);
  const started = Date.now();
  const others = Array.from({ length: 20 }, () => admits(keys[1]));
  impatient.abort();
  assert.equal(await first, "hung up");
  assert.ok((await Promise.all(others)).every(Boolean));
  assert.ok(Date.now() - started < GIVEN_UP_MS, "nobody waited until it was given up");
  assert.equal(mostAsked(), 1);
});

test("a part that cannot be had denies, costs few calls, and is had once it is there", async () => {
  assert.ok(await admits(keys[0]));
  kv.broken = true;
  kv.forget();
  const started = Date.now();
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask(keys[1])));
  assert.ok(answers.every(({ code }) => code === "SNAPSHOT_UNAVAILABLE"));
  const most = 2 + (Date.now() - started) / FAILURE_PAUSE_MS;
  assert.ok(mostAsked() <= most, `asked ${mostAsked()} times`);
  kv.broken = false;
  await eventually(() => admits(keys[1]));
});

test("a flood of unknown keys from one address costs a bounded number of calls, and takes nothing from real keys", async () => {
  assert.ok(await admits(keys[0]));
  const warm = kv.count();
  const started = Date.now();
  const codes = new Map();
  const atOnce = 4;
  for (let round = 0; round < 600 / atOnce; round++) {
    for (const { code } of await Promise.all(Array.from({ length: atOnce }, () => ask(newToken())))) {
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  }
  // The head once a second too.
  const seconds = Math.ceil((Date.now() - started) / 1_000);
  assert.ok(kv.count() - warm <= BURST + atOnce + 3 * seconds, `${kv.count() - warm} calls in ${seconds} s for 600 unknown keys`);
  assert.ok(codes.get("TOO_MANY_UNKNOWN_KEYS") > 300, JSON.stringify([...codes]));
  assert.ok(codes.get("NOT_FOUND") >= BURST, JSON.stringify([...codes]));
  assert.ok(await admits(keys[0]), "a key in memory, from the same address");
  assert.ok(await admits(keys[1], { from: "198.51.100.7" }), "a cold key, from another address");
  const refused = await eventually(async () => {
    const answer = await ask(newToken());
    return answer.code === "TOO_MANY_UNKNOWN_KEYS" && answer;
  });
  assert.equal(refused.status, 429);
  assert.match(refused.headers.get("retry-after"), /^\d+$/);
});

test("a dead key that comes again and again is looked up once", async () => {
  const dead = newToken();
  assert.equal((await ask(dead)).status, 401);
  const before = kv.count("obj/");
  for (let i = 0; i < 50; i++) assert.equal((await ask(dead)).status, 401);
  assert.equal(kv.count("obj/"), before);
});
