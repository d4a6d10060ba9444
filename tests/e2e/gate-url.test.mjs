// A gate that reads snapshots at a web address, as a control plane's sink writes them to a bucket: what the address may do to it, and what not. On raw
// workerd without a relay, so that nothing else brings the gate up to date.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { objectName } from "../support/encode.mjs";
import { bearer, edgeDir, eventually, startUpstream } from "../support/gate.mjs";
import { startKv } from "../support/kv.mjs";
import { Publisher } from "../support/publisher.mjs";
import { startServer } from "../support/server.mjs";
import { startWorkerd } from "../support/workerd.mjs";

/** A refresh gives up after 4 s. */
const ANSWERED_WITHIN_MS = 6_000;
const TOKEN = "cdn-token";

let publisher, key, bucket, kv, upstream, workerd;

beforeEach(async () => {
  publisher = new Publisher();
  key = publisher.addKey();
  upstream = await startUpstream();
  bucket = await startBucket();
  kv = await startKv();
});
afterEach(async () => {
  await workerd?.close();
  for (const part of [bucket, kv, upstream]) part?.close();
});

/** Objects by their names under /snapshots. `answer` may take a request over. */
async function startBucket() {
  const bucket = { objects: new Map(), requests: [], answer: () => false };
  const { url, close } = await startServer((request, response) => {
    const name = request.url.replace("/snapshots/", "");
    bucket.requests.push({ name, headers: request.headers });
    if (bucket.answer(name, response)) return;
    const found = bucket.objects.get(name);
    response.writeHead(found === undefined ? 404 : 200).end(found);
  });
  return Object.assign(bucket, { url: `${url}/snapshots`, close });
}

/** Puts what is newest into a bucket or KV. */
function write(put, { head, bodies } = publisher.next()) {
  for (const body of bodies) put(objectName(body), body);
  put(publisher.headName, head);
}
const toBucket = (next) => write((name, bytes) => bucket.objects.set(name, bytes), next);
const toKv = (next) => write(kv.put, next);

async function startGate({ withKv = false, vars = {} } = {}) {
  const bindings = { ...publisher.settings, UPSTREAM_URL: upstream.url, LATCHKEY_SNAPSHOT_URL: bucket.url, LATCHKEY_REFRESH_AFTER_MS: "100" };
  if (withKv) bindings.LATCHKEY_KV = { kv: kv.address };
  workerd = await startWorkerd([{ name: "gate", dir: edgeDir, bindings: { ...bindings, ...vars } }], { cold: true });
}

async function ask(asked = key) {
  const started = Date.now();
  const response = await fetch(`${workerd.url("gate")}/v1/hello`, { headers: bearer(asked) });
  await response.arrayBuffer();
  assert.ok(Date.now() - started < ANSWERED_WITHIN_MS, `answered after ${Date.now() - started} ms`);
  return response.status;
}

test("the address alone brings keys and revocations to a gate", async () => {
  toBucket();
  await startGate();
  assert.equal(await ask(), 200, workerd.logs());
  const other = publisher.addKey();
  publisher.revoke(key);
  toBucket();
  await eventually(async () => (await ask()) === 401 && (await ask(other)) === 200);
});

test("of KV and the address, what is newer counts", async () => {
  toKv();
  await startGate({ withKv: true });
  assert.equal(await ask(), 200);
  publisher.revoke(key);
  toBucket();
  await eventually(async () => (await ask()) === 401);
  publisher.addKey();
  const newest = publisher.addKey();
  toKv();
  await eventually(async () => (await ask(newest)) === 200);
});

test("an older head at the address takes nothing back", async () => {
  const old = publisher.next();
  toBucket(old);
  await startGate();
  assert.equal(await ask(), 200);
  publisher.revoke(key);
  toBucket();
  await eventually(async () => (await ask()) === 401);
  toBucket(old);
  const before = bucket.requests.length;
  await eventually(async () => (await ask()) === 401 && bucket.requests.length > before + 2);
});

test("bytes that are not what the head leads to are refused, and taken from KV if they are there", async () => {
  const next = publisher.next();
  toBucket(next);
  for (const body of next.bodies) bucket.objects.set(objectName(body), Buffer.from(body).fill(7));
  await startGate({ withKv: true });
  assert.equal(await ask(), 503);
  toKv(next);
  await eventually(async () => (await ask()) === 200);
});

for (const [what, answer] of [
  ["an endless body", (response) => pour(response, 65_536, 0)],
  ["a body that comes drop by drop", (response) => pour(response, 1, 100)],
  ["a body that announces little and brings much", (response) => response.writeHead(200, { connection: "close" }) && response.end(Buffer.alloc(4 << 20))],
  ["no answer at all", () => {}],
  ["a redirect", (response) => response.writeHead(302, { location: `${bucket.url}/elsewhere` }).end()],
  ["an error", (response) => response.writeHead(500).end("no")],
]) {
  test(`${what} costs a gate no more than a moment, and nothing that KV can give`, async () => {
    const next = publisher.next();
    toBucket(next);
    toKv(next);
    bucket.answer = (name, response) => (name.startsWith("obj/") || name.startsWith("head/") ? (answer(response), true) : false);
    await startGate({ withKv: true });
    await eventually(async () => (await ask()) === 200);
    // And by itself it is as if it were not there.
    kv.broken = true;
    publisher.revoke(key);
    toBucket();
    assert.equal(await ask(), 200, "it goes on from what it has");
    bucket.answer = () => false;
    await eventually(async () => (await ask()) === 401);
    assert.ok(!bucket.requests.some(({ name }) => name.includes("elsewhere")));
  });
}

/** Writes until the other side has had enough. */
function pour(response, bytes, everyMs) {
  const more = () => {
    if (response.destroyed) return;
    if (response.write(Buffer.alloc(bytes))) setTimeout(more, everyMs);
    else response.once("drain", more);
  };
  response.writeHead(200);
  more();
}

test("a token opens an address that is not open to everybody, and goes nowhere else", async () => {
  toBucket();
  bucket.answer = (name, response) => {
    const { authorization } = bucket.requests.at(-1).headers;
    if (authorization === `Bearer ${TOKEN}`) return false;
    response.writeHead(401).end();
    return true;
  };
  await startGate();
  assert.equal(await ask(), 503);
  await workerd.close();
  await startGate({ vars: { LATCHKEY_SNAPSHOT_TOKEN: TOKEN } });
  assert.equal(await ask(), 200);
  assert.ok(upstream.requests.every(({ headers }) => !JSON.stringify(headers).includes(TOKEN)));
  assert.ok(!workerd.logs().includes(TOKEN));
});
