// What the gate takes in, and what it refuses without changing anything.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as encode from "../support/encode.mjs";
import { bearer, startGate } from "../support/gate.mjs";
import { Publisher, SigningKey } from "../support/publisher.mjs";

const MIB = 1_048_576;
const publisher = new Publisher();
const key = publisher.addKey();
let gate;

before(async () => {
  gate = await startGate(publisher);
  await gate.publish();
});
after(() => gate?.close());

const passes = async (who) => (await gate.fetch("/v1/hello", { headers: bearer(who) })).status === 200;

/** Pushes bytes that must be refused with `code`, and sees that nothing has changed. */
async function assertRefused(bytes, status, code, headers) {
  const before = await gate.status();
  const answer = await gate.push(bytes, headers);
  assert.equal(answer.body.code, code, JSON.stringify(answer.body));
  assert.equal(answer.status, status);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  const after = await gate.status();
  assert.deepEqual([after.seq, after.relay.seq], [before.seq, before.relay.seq]);
  assert.ok(await passes(key));
}

test("a pushed key is admitted and a revoked one refused by the very next request", async () => {
  const late = publisher.addKey();
  assert.ok(!(await passes(late)));
  const answer = await gate.publish();
  assert.deepEqual([answer.seq, answer.change_seq], [publisher.seq, publisher.changeSeq]);
  assert.ok(await passes(late));
  publisher.revoke(late);
  await gate.publish();
  assert.ok(!(await passes(late)));
});

test("a head without a trusted signature is refused", async () => {
  const { fields, bodies } = publisher.next();
  await assertRefused(encode.bundle(encode.head(fields, [new SigningKey()]), bodies), 403, "KEY_NOT_TRUSTED");
  await assertRefused(encode.bundle(encode.head(fields, []), bodies), 400, "NOT_CANONICAL");
  const forged = encode.head(fields, [{ ...publisher.signer, id: publisher.signer.id, privateKey: new SigningKey().privateKey }]);
  await assertRefused(encode.bundle(forged, bodies), 403, "SIGNATURE_INVALID");
});

test("every single flipped bit of a head is refused", async () => {
  const { head, bodies } = publisher.next();
  const accepted = [];
  const all = Array.from({ length: head.length * 8 }, (_, bit) => bit);
  const flip = async (bit) => {
    const spoiled = Buffer.from(head);
    spoiled[bit >> 3] ^= 1 << (bit & 7);
    const answer = await gate.push(encode.bundle(spoiled, bodies));
    if (answer.status < 400 || !answer.body.code) accepted.push(bit);
  };
  for (let at = 0; at < all.length; at += 32) await Promise.all(all.slice(at, at + 32).map(flip));
  assert.deepEqual(accepted, []);
  assert.equal((await gate.push(encode.bundle(head, bodies))).status, 200);
});

test("a head for another keyspace or another environment is refused", async () => {
  const other = new Publisher();
  other.signer = publisher.signer;
  other.seq = 10_000;
  await assertRefused(other.bundle(), 403, "AUDIENCE_MISMATCH");
  await assertRefused(publisher.bundle({ environment: "live" }), 403, "AUDIENCE_MISMATCH");
});

test("a head that is not newer is refused, byte for byte the same one included", async () => {
  const bundle = publisher.bundle();
  assert.equal((await gate.push(bundle)).status, 200);
  await assertRefused(bundle, 409, "NOT_NEWER");
  await assertRefused(publisher.bundle({ seq: 1 }), 409, "NOT_NEWER");
  await assertRefused(publisher.bundle({ epoch: 0, seq: 1_000_000 }), 409, "NOT_NEWER");
});

test("an operator's higher epoch outranks any seq", async () => {
  publisher.epoch = 2;
  publisher.seq = 0;
  await gate.publish();
  assert.equal((await gate.status()).epoch, 2);
});

test("heads with impossible times are refused", async () => {
  const now = Math.floor(Date.now() / 1_000);
  await assertRefused(publisher.bundle({ issuedAt: now - 100, freshUntil: now - 50, validUntil: now - 10 }), 422, "EXPIRED");
  await assertRefused(publisher.bundle({ issuedAt: now + 3_600, freshUntil: now + 3_700, validUntil: now + 3_800 }), 422, "ISSUED_IN_FUTURE");
  await assertRefused(publisher.bundle({ freshUntil: now + 60, validUntil: now + 30 }), 422, "TIMES_INVALID");
  await assertRefused(publisher.bundle({ validUntil: now + 400 * 86_400 }), 422, "TIMES_INVALID");
});

test("a truncated bundle is refused wherever it is cut", async () => {
  const bundle = publisher.bundle();
  for (const length of [0, 1, 4, 7, 100, bundle.length >> 1, bundle.length - 1]) {
    await assertRefused(bundle.subarray(0, length), 400, "TRUNCATED");
  }
  await assertRefused(Buffer.concat([bundle, Buffer.of(0)]), 400, "TRAILING_BYTES");
  await assertRefused(Buffer.concat([Buffer.from("JUNK"), bundle]), 400, "BAD_MAGIC");
});

test("a bundle that is too long is refused, announced or not", async () => {
  await assertRefused(Buffer.alloc(4 * MIB + 1), 413, "TOO_LONG");
  const answer = await fetch(`${gate.url}/.well-known/latchkey/ingest`, {
    method: "POST",
    headers: { "content-type": "application/vnd.latchkey.bundle" },
    body: new Blob([Buffer.alloc(4 * MIB + 1)]).stream(),
    duplex: "half",
  });
  assert.deepEqual([answer.status, (await answer.json()).code], [413, "TOO_LONG"]);
});

test("a body that does not match its hash is refused", async () => {
  const { head, bodies } = publisher.next();
  for (let position = 0; position < bodies.length; position++) {
    const spoiled = bodies.map((body) => Buffer.from(body));
    spoiled[position][spoiled[position].length - 1] ^= 1;
    await assertRefused(encode.bundle(head, spoiled), 422, "BODY_HASH_MISMATCH");
  }
});

test("flipped bits anywhere in policy, segments, index and shards are refused", async () => {
  publisher.revoke(publisher.addKey());
  const { head, bodies } = publisher.next();
  const accepted = [];
  for (let position = 0; position < bodies.length; position++) {
    const bits = bodies[position].length * 8;
    // About forty for each body, at a stride that meets every kind of field.
    for (let bit = position; bit < bits; bit += Math.max(1, Math.floor(bits / 40))) {
      const spoiled = bodies.map((body) => Buffer.from(body));
      spoiled[position][bit >> 3] ^= 1 << (bit & 7);
      const answer = await gate.push(encode.bundle(head, spoiled));
      if (answer.status < 400 || !answer.body.code) accepted.push([position, bit]);
    }
  }
  assert.deepEqual(accepted, []);
  assert.equal((await gate.push(encode.bundle(head, bodies))).status, 200);
});

test("a body that nothing signed leads to is refused, and so is a head whose bodies nobody has", async () => {
  const { head, bodies } = publisher.next();
  await assertRefused(encode.bundle(head, [...bodies, encode.policy({ keyspace: publisher.keyspace, routes: [{ method: "GET", path: "/x" }] })]), 422, "BODY_UNEXPECTED");
  publisher.compact();
  publisher.addKey();
  const next = publisher.next();
  await assertRefused(encode.bundle(next.head, []), 422, "BODY_MISSING");
  // Order matters: a shard is reached by the page before it.
  await assertRefused(encode.bundle(next.head, [...next.bodies].reverse()), 422, "BODY_UNEXPECTED");
});

test("a head with a segment of another head is refused", async () => {
  publisher.revoke(publisher.addKey());
  const old = publisher.next();
  publisher.revoke(publisher.addKey());
  const { fields, bodies } = publisher.next();
  const swapped = { ...fields, segments: old.fields.segments };
  await assertRefused(encode.bundle(encode.head(swapped, [new SigningKey()]), bodies), 403, "KEY_NOT_TRUSTED");
});

test("bodies may come first and their head later", async () => {
  publisher.compact();
  const late = publisher.addKey();
  const { head, fields, bodies } = publisher.next();
  const before = (await gate.status()).seq;
  assert.equal((await gate.push(encode.bundle(head, bodies, { commit: false }))).status, 200);
  assert.equal((await gate.status()).seq, before);
  assert.ok(!(await passes(late)));
  assert.equal((await gate.push(encode.bundle(head, []))).status, 200);
  assert.equal((await gate.status()).seq, fields.seq);
  assert.ok(await passes(late));
});

test("a base of many shards is loaded by the shard", async () => {
  publisher.compact();
  publisher.shardBits = 6;
  const many = Array.from({ length: 300 }, () => publisher.addKey());
  await gate.publish();
  for (const one of many.slice(0, 40)) assert.ok(await passes(one));
  assert.equal((await gate.fetch("/v1/hello", { headers: bearer(new Publisher().addKey()) })).status, 401);
});

test("a request that is no push is told what is expected", async () => {
  await assertRefused(publisher.bundle(), 415, "UNSUPPORTED_MEDIA_TYPE", { "content-type": "application/json" });
  const get = await gate.fetch("/.well-known/latchkey/ingest");
  assert.deepEqual([get.status, get.headers.get("allow"), (await get.json()).code], [405, "POST", "METHOD_NOT_ALLOWED"]);
  const other = await gate.fetch("/.well-known/latchkey/nothing", { headers: bearer(key) });
  assert.deepEqual([other.status, (await other.json()).code], [404, "ROUTE_NOT_FOUND"]);
});

test("two signatures of a rotation are as good as one", async () => {
  const { fields, bodies } = publisher.next();
  const rotated = encode.head(fields, [publisher.signer, new SigningKey()]);
  assert.equal((await gate.push(encode.bundle(rotated, bodies))).status, 200);
});

test("the status page holds no token and no tag", async () => {
  const text = JSON.stringify(await gate.status());
  assert.ok(!text.includes(key.token) && !text.includes(key.tag.toString("hex")));
});
