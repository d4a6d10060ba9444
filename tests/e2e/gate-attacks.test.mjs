// What somebody gets out of a gate who writes to KV as they like, sends what they like, or keeps everybody from talking to it. What is wrong in single bytes is
// in gate-ingest.test.mjs, and what each safeguard stops in crates/latchkey-snapshot/tests/it/attacks.rs.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { bundle, objectName } from "../support/encode.mjs";
import { BUNDLE, INGEST, bearer, eventually, startGate } from "../support/gate.mjs";
import { Pair } from "../support/pair.mjs";
import { Publisher } from "../support/publisher.mjs";

const DAY = 86_400;

describe("whoever writes to KV", () => {
  const publisher = new Publisher();
  const [key, doomed] = [publisher.addKey(), publisher.addKey()];
  let pair, first, second, early;

  /** Publishes, waits until KV has all of it, and returns it. */
  const published = async () => {
    const sent = publisher.next();
    assert.equal((await first.push(bundle(sent.head, sent.bodies))).status, 200);
    await eventually(async () => (await pair.storedSeq()) === publisher.seq);
    return sent;
  };
  /** A new second isolate, with or without the relay. */
  const cold = async ({ relay }) => {
    await pair.restart("second");
    await second.break({ relay: !relay });
  };
  before(async () => {
    pair = await Pair.start(publisher, 300);
    ({ first, second } = pair);
    early = await published();
    publisher.revoke(doomed);
    await published();
  });
  beforeEach(async () => {
    await pair.breakDown({ relay: false });
    await published();
  });
  after(() => pair?.close());

  test("takes a warm isolate back to no older head, with the relay cut off too", async () => {
    await eventually(() => second.admits(key));
    await pair.breakDown({ relay: true });
    const { seq } = await second.status();
    await pair.kv.put(publisher.headName, early.head);
    const { kv_get: before } = await second.counts();
    await eventually(async () => {
      assert.ok(!(await second.admits(doomed)));
      return (await second.counts()).kv_get > before + 2;
    });
    assert.equal((await second.status()).seq, seq);
  });

  test("holds a cold isolate back only where the relay cannot be reached", async () => {
    await pair.kv.put(publisher.headName, early.head);
    await cold({ relay: true });
    await eventually(() => second.admits(key));
    assert.ok(!(await second.admits(doomed)));
    // The one thing that is got: a genuine head, until its valid_until, for who has never heard of another (SECURITY.md).
    await cold({ relay: false });
    await eventually(() => second.admits(doomed));
    assert.equal((await second.status()).seq, 1);
    await second.break({ relay: false });
    await eventually(async () => !(await second.admits(doomed)));
  });

  test("gets nothing admitted with bodies under the names of others, cut, changed, endless or gone", async () => {
    const genuine = await published();
    const spoilt = {
      "of another head": () => early.bodies.at(-1),
      cut: (body) => body.subarray(0, -1),
      changed: (body) => Buffer.concat([body.subarray(0, -1), Buffer.from([body.at(-1) ^ 1])]),
      longer: (body) => Buffer.concat([body, Buffer.alloc(1)]),
      endless: () => Buffer.alloc(20 << 20, 1),
      empty: () => Buffer.alloc(0),
      gone: () => null,
    };
    for (const [how, spoil] of Object.entries(spoilt)) {
      for (const body of genuine.bodies) {
        const wrong = spoil(body);
        await (wrong === null ? pair.kv.delete(objectName(body)) : pair.kv.put(objectName(body), wrong));
      }
      await cold({ relay: true });
      await eventually(() => second.admits(key));
      assert.ok(!(await second.admits(doomed)), how);
      // Without the relay there is nobody to ask for the right ones, so nothing is decided at all.
      await cold({ relay: false });
      const response = await second.fetch("/v1/hello", { headers: bearer(key) });
      assert.deepEqual([response.status, (await response.json()).code], [503, "SNAPSHOT_UNAVAILABLE"], how);
    }
    for (const body of genuine.bodies) await pair.kv.put(objectName(body), body);
  });

  test("gets nothing admitted with heads that are noise, endless, or of a stranger", async () => {
    const stranger = new Publisher();
    Object.assign(stranger, { keyspace: publisher.keyspace, seq: 1_000_000 });
    const planted = stranger.addKey();
    const foreign = stranger.next();
    for (const body of foreign.bodies) await pair.kv.put(objectName(body), body);
    for (const head of [foreign.head, Buffer.alloc(600, 7), Buffer.alloc(20 << 20), Buffer.alloc(0)]) {
      await pair.kv.put(publisher.headName, head);
      await cold({ relay: false });
      for (const who of [planted, key]) assert.equal((await second.fetch("/v1/hello", { headers: bearer(who) })).status, 503);
      await second.break({ relay: false });
      await eventually(() => second.admits(key));
      assert.ok(!(await second.admits(planted)));
    }
  });
});

describe("whoever sends to a gate", () => {
  const publisher = new Publisher();
  const key = publisher.addKey();
  let gate;
  const admits = async (who) => (await gate.fetch("/v1/hello", { headers: bearer(who) })).status === 200;
  before(async () => {
    gate = await startGate(publisher);
    await gate.publish();
  });
  after(() => gate?.close());

  test("two heads with one seq: the first one counts, also for isolates that have neither", async () => {
    const sent = publisher.next();
    const late = publisher.addKey();
    publisher.seq -= 1;
    const twin = publisher.next();
    assert.equal((await gate.push(bundle(sent.head, sent.bodies))).status, 200);
    const refused = await gate.push(bundle(twin.head, twin.bodies));
    assert.deepEqual([refused.status, refused.body.code], [409, "NOT_NEWER"]);
    assert.ok(!(await admits(late)));
    await gate.restart();
    assert.ok(await admits(key));
    assert.ok(!(await admits(late)));
    assert.equal((await gate.push(bundle(twin.head, twin.bodies))).status, 409);
  });

  test("pushes that never end hold up neither requests nor other pushes", async () => {
    const { port } = new URL(gate.url);
    const slow = await Promise.all(Array.from({ length: 20 }, async () => {
      const socket = connect(Number(port), "127.0.0.1");
      await once(socket, "connect");
      socket.on("error", () => {});
      socket.write(`POST ${INGEST} HTTP/1.1\r\nhost: gate\r\ncontent-type: ${BUNDLE}\r\ncontent-length: 100000\r\n\r\nLK`);
      return socket;
    }));
    try {
      for (let round = 0; round < 20; round++) {
        for (const socket of slow) socket.write("x");
        assert.ok(await admits(key));
        await gate.publish();
      }
    } finally {
      for (const socket of slow) socket.destroy();
    }
  });
});

describe("a control plane that is silent for a day", () => {
  test("its keys pass until the last second of it, revoked ones never, and then nobody does", async () => {
    const publisher = new Publisher();
    const [key, revoked] = [publisher.addKey(), publisher.addKey()];
    const gate = await startGate(publisher);
    const status = async (who) => (await gate.fetch("/v1/hello", { headers: bearer(who) })).status;
    try {
      await gate.publish();
      publisher.revoke(revoked);
      // As it was signed a day ago: the clock is moved by moving what it is compared with.
      const issuedAt = Math.floor(Date.now() / 1_000) - DAY + 10;
      await gate.publish({ issuedAt, freshUntil: issuedAt + 90, validUntil: issuedAt + DAY });
      assert.equal((await gate.status()).fresh, false);
      assert.deepEqual([await status(key), await status(revoked)], [200, 401]);
      await gate.restart();
      assert.deepEqual([await status(key), await status(revoked)], [200, 401]);
      await eventually(async () => (await status(key)) === 503);
      assert.ok(Date.now() / 1_000 > issuedAt + DAY);
      assert.equal(await status(revoked), 503);
    } finally {
      await gate.close();
    }
  });
});
