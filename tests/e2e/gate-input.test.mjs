// What callers send that no honest client does, and clocks that are off: the table of spec/decision.md section 11, in real workerd.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { bearer, eventually, startGate } from "../support/gate.mjs";
import { Publisher } from "../support/publisher.mjs";
import { newToken } from "../support/token.mjs";

const publisher = new Publisher();
publisher.routes = [{ method: "*", path: "/open/*" }];
const key = publisher.addKey();
const revoked = publisher.addKey();
let gate;

before(async () => {
  gate = await startGate(publisher);
  await gate.publish();
  publisher.revoke(revoked);
  await gate.publish();
});
after(() => gate?.close());

/** Sends bytes as they are; resolves to the status, or to null if the connection was closed without one. */
function raw(lines, ending = "\r\n\r\n") {
  const { hostname, port } = new URL(gate.url);
  return new Promise((done) => {
    const socket = connect(Number(port), hostname, () => socket.write(Buffer.from(lines.join("\r\n") + ending, "latin1")));
    let answer = "";
    const finish = () => done(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? Number.NaN) || null);
    socket.setEncoding("latin1").on("data", (piece) => (answer += piece));
    socket.on("error", finish);
    socket.on("close", finish);
    socket.setTimeout(20_000, () => socket.destroy());
  });
}

const request = (path, ...headers) => [`GET ${path} HTTP/1.1`, "Host: gate", "Connection: close", ...headers];
const authorization = `Authorization: Bearer ${key.token}`;

/** Runs `work`, and makes sure that the upstream saw this many requests of it and that the gate still works. */
async function forwarding(count, work) {
  const seen = gate.upstream.requests.length;
  await work();
  assert.equal(gate.upstream.requests.length - seen, count);
  assert.equal((await gate.fetch("/open/x", { headers: bearer(key) })).status, 200);
}

test("a credential header of any length is denied unless it is a token", () =>
  forwarding(0, async () => {
    for (const length of [511, 512, 513, 4_000, 30_000]) {
      assert.equal(await raw(request("/open/x", `X-API-Key: ${"x".repeat(length)}`)), 401, `${length}`);
      // The token stands where the copy ends: a cut must not make one.
      assert.equal(await raw(request("/open/x", `X-API-Key: ${key.token}${"x".repeat(length)}`)), 401, `${length}`);
    }
  }));

test("many credential headers are not one credential", () =>
  forwarding(0, async () => {
    const many = Array.from({ length: 50 }, () => `X-API-Key: ${key.token}`);
    assert.equal(await raw(request("/open/x", ...many)), 401);
    assert.equal(await raw(request("/open/x", authorization, authorization)), 401);
    assert.equal(await raw(request("/open/x", authorization, `X-API-Key: ${newToken()}`)), 401);
  }));

test("a flood of other headers is refused or carried, and denies nobody else", async () => {
  for (const count of [100, 400]) {
    const flood = Array.from({ length: count }, (_, index) => `X-Flood-${index}: ${"y".repeat(20)}`);
    assert.equal(await raw(request("/open/x", authorization, ...flood)), 200, `${count} headers`);
  }
  await forwarding(0, async () => {
    const bomb = Array.from({ length: 60 }, (_, index) => `X-Bomb-${index}: ${"z".repeat(8_000)}`);
    const status = await raw(request("/open/x", authorization, ...bomb));
    assert.ok(status === null || status >= 400, `480 KB of headers: ${status}`);
  });
});

test("a path is matched up to its bound and not found past it", async () => {
  const longest = `/open/${"a".repeat(2_048 - "/open/".length)}`;
  assert.equal(await raw(request(longest, authorization)), 200);
  assert.equal(gate.upstream.last().url, longest);
  await forwarding(0, async () => {
    for (const more of [1, 2, 10, 5_000]) assert.equal(await raw(request(longest + "a".repeat(more), authorization)), 404, `${more} more`);
    assert.equal(await raw(request(`/${"/".repeat(3_000)}open/x`, authorization)), 404);
  });
});

test("a long query is not copied and goes through as it is", async () => {
  const path = `/open/x?${"q".repeat(6_000)}`;
  assert.equal(await raw(request(path, authorization)), 200);
  assert.equal(gate.upstream.last().url, path);
});

test("bytes that are no ASCII stand for nothing in tokens, and in paths are forwarded only as they were matched", async () => {
  await forwarding(0, async () => {
    for (const bytes of ["\xff", "\xc3\x28", "\xe2\x82", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xc0\xaf"]) {
      const status = await raw(request("/open/x", `X-API-Key: ${key.token.slice(0, -1)}${bytes}`));
      assert.ok([400, 401].includes(status), `a token with ${Buffer.from(bytes, "latin1").toString("hex")}: ${status}`);
      // Overlong and broken sequences must not turn into a slash or a dot.
      assert.ok([400, 404].includes(await raw(request(`/open/..${bytes.replace("\xc0", "%c0")}%2f`, authorization))), bytes);
    }
    assert.equal(await raw(request("/open/x", authorization, "X-API-Key: \xff")), 401);
  });
  for (const bytes of ["\xff", "\xc0\xaf", "\xc3\xa9"]) {
    const seen = gate.upstream.requests.length;
    const status = await raw(request(`/open/${bytes}`, authorization));
    assert.ok([200, 400, 404].includes(status), `${status}`);
    for (const { url } of gate.upstream.requests.slice(seen)) assert.match(url, /^\/open\/(%[0-9A-F]{2})+$/);
  }
});

test("methods that nobody knows are carried only where any method is", () =>
  forwarding(0, async () => {
    const status = await raw([`${"X".repeat(200)} /open/x HTTP/1.1`, "Host: gate", "Connection: close", authorization]);
    assert.ok(status === null || status >= 400, `${status}`);
  }));

test("a head from the future is refused beyond the clocks' tolerance, and the gate goes on from what it has", async () => {
  const now = Math.floor(Date.now() / 1_000);
  const head = (issuedAt) => publisher.bundle({ issuedAt, freshUntil: issuedAt + 90, validUntil: issuedAt + 3_600 });
  const refused = await gate.push(head(now + 330));
  assert.deepEqual([refused.status, refused.body.code], [422, "ISSUED_IN_FUTURE"]);
  assert.equal((await gate.fetch("/open/x", { headers: bearer(key) })).status, 200);
  assert.equal((await gate.push(head(now + 290))).status, 200);
  assert.equal((await gate.fetch("/open/x", { headers: bearer(key) })).status, 200);
});

test("unknown and revoked keys take the same time", async () => {
  const unknown = newToken();
  const kinds = { unknown: [], again: [], revoked: [] };
  const tokens = { unknown, again: newToken(), revoked: revoked.token };
  for (let round = 0; round < 400; round++) {
    for (const [kind, token] of Object.entries(tokens)) {
      const start = process.hrtime.bigint();
      const response = await gate.fetch("/open/x", { headers: { "x-api-key": token } });
      await response.arrayBuffer();
      kinds[kind].push(Number(process.hrtime.bigint() - start) / 1_000);
      assert.equal(response.status, 401);
    }
  }
  const at = (list, share) => [...list].sort((a, b) => a - b)[Math.floor(list.length * share)];
  const median = (list) => at(list, 0.5);
  // The noise: how far half of the answers to one and the same request lie apart.
  const noise = at(kinds.unknown, 0.75) - at(kinds.unknown, 0.25);
  const difference = Math.abs(median(kinds.revoked) - median(kinds.unknown));
  console.log(`unknown ${median(kinds.unknown).toFixed(0)} us, revoked ${median(kinds.revoked).toFixed(0)} us, noise ${noise.toFixed(0)} us`);
  assert.ok(difference < noise, `${difference} us apart, with ${noise} us of noise`);
});

test("a gate whose clock is past a snapshot's time denies, and says that it is the snapshot", async () => {
  const now = Math.floor(Date.now() / 1_000);
  await gate.publish({ freshUntil: now + 3, validUntil: now + 3 });
  const ask = async () => {
    const response = await gate.fetch("/open/x", { headers: bearer(key) });
    return response.status === 200 ? null : [response.status, (await response.json()).code];
  };
  assert.deepEqual(await eventually(ask), [503, "SNAPSHOT_EXPIRED"]);
});
