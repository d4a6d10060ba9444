// What the holder of a key can do with it at the gate: ask about it (row K11) and revoke it (row K14).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { bearer, startGate } from "../support/gate.mjs";
import { Publisher } from "../support/publisher.mjs";
import { startServer } from "../support/server.mjs";
import { newToken } from "../support/token.mjs";
import * as parts from "../support/processes.mjs";
import { System } from "../support/system.mjs";

const KEY = "/.well-known/latchkey/key";
const REVOKE = "/.well-known/latchkey/revoke";

const publisher = new Publisher();
const keys = {
  good: publisher.addKey({ owner: "Zoë", grants: ["items:read", "hello:*"] }),
  expiring: publisher.addKey({ expiresAt: 4_000_000_000 }),
  expired: publisher.addKey({ expiresAt: 1_000_000_000 }),
  disabled: publisher.addKey({ disabled: true }),
  revoked: publisher.addKey(),
};

describe("a key's status", () => {
  let gate;
  before(async () => {
    gate = await startGate(publisher);
    await gate.publish();
    publisher.revoke(keys.revoked);
    await gate.publish();
  });
  after(() => gate?.close());

  const ask = (key, init) => gate.fetch(KEY, { headers: bearer(key), ...init });
  const answer = async (key) => {
    const response = await ask(key);
    assert.equal(response.status, 200, await response.clone().text());
    assert.equal(response.headers.get("cache-control"), "no-store");
    return response.json();
  };

  test("k11_a_holder_learns_what_its_key_is_worth_and_the_upstream_hears_nothing_of_it", async () => {
    assert.deepEqual(await answer(keys.good), {
      id: keys.good.id, environment: "test", status: "active", code: "VALID", expires_at: null, owner: "Zoë",
      permissions: ["hello:*", "items:read"], constraints: {}, address_rules: false, signature_required: false,
      rate_limits: [], usage_limited: false, credits: null,
    });
    assert.equal((await answer(keys.expiring)).expires_at, "2096-10-02T07:06:40.000Z");
    for (const [key, status, code] of [[keys.expired, "expired", "EXPIRED"], [keys.disabled, "disabled", "DISABLED"]]) {
      const shown = await answer(key);
      assert.deepEqual([shown.status, shown.code], [status, code]);
    }
    const inOtherHeader = await gate.fetch(KEY, { headers: { "x-api-key": keys.good.token } });
    assert.equal((await inOtherHeader.json()).id, keys.good.id);
    assert.equal(gate.upstream.requests.length, 0);
  });

  test("k11_unknown_revoked_and_malformed_keys_look_the_same", async () => {
    const without = ({ request_id, ...rest }) => rest;
    const seen = [];
    for (const token of [newToken(), keys.revoked, "x".repeat(20), `${keys.good.token}x`]) {
      const response = await ask(token);
      assert.equal(response.status, 401);
      seen.push(JSON.stringify([without(await response.json()), response.headers.get("www-authenticate")]));
    }
    assert.equal(new Set(seen).size, 1, seen.join("\n"));
    assert.equal((await (await gate.fetch(KEY)).json()).code, "MISSING_KEY");
    const two = { ...bearer(keys.good), "x-api-key": keys.expiring.token };
    assert.equal((await gate.fetch(KEY, { headers: two })).status, 401);
    assert.equal((await ask(keys.good, { method: "POST" })).status, 405);
  });
});

describe("self-revocation", () => {
  let receiver, gate, status, seen;
  before(async () => {
    seen = [];
    receiver = await startServer((request, response) => {
      seen.push({ method: request.method, url: request.url, headers: request.headers });
      if (status === undefined) request.socket.destroy();
      else response.writeHead(status).end();
    });
    gate = await startGate(publisher, { vars: { LATCHKEY_CONTROL_PLANE_URL: receiver.url } });
    await gate.publish();
  });
  after(async () => {
    await gate?.close();
    await receiver?.close();
  });

  const revoke = async (headers) => {
    const response = await gate.fetch(REVOKE, { method: "POST", headers });
    return { status: response.status, body: await response.json() };
  };

  test("k14_the_key_goes_to_the_control_plane_in_a_header_and_nowhere_else", async () => {
    status = 200;
    const token = keys.good.token;
    for (const headers of [bearer(token), { "x-api-key": token }]) {
      assert.deepEqual(await revoke(headers), { status: 200, body: { revoked: true } });
    }
    assert.equal(seen.length, 2);
    for (const request of seen) {
      assert.deepEqual([request.method, request.url], ["POST", "/v1/keys:revoke-self"]);
      assert.equal(request.headers.authorization, `Bearer ${token}`);
      assert.ok(!("x-api-key" in request.headers));
    }
    assert.equal(gate.upstream.requests.length, 0);
    assert.ok(!gate.logs().includes(token));
  });

  test("k14_an_unknown_key_a_failure_and_silence_are_told_apart", async () => {
    status = 401;
    assert.equal((await revoke(bearer(newToken()))).body.code, "NOT_FOUND");
    for (status of [500, 404, 302, undefined]) {
      const { status: answered, body } = await revoke(bearer(keys.good));
      assert.deepEqual([answered, body.code], [503, "CONTROL_PLANE_UNAVAILABLE"], String(status));
    }
  });

  test("k14_what_is_no_key_is_refused_without_a_call", async () => {
    const before = seen.length;
    assert.equal((await revoke({})).body.code, "MISSING_KEY");
    assert.equal((await revoke(bearer("short"))).status, 401);
    assert.equal((await revoke({ ...bearer(keys.good), "x-api-key": newToken() })).status, 401);
    assert.equal((await gate.fetch(REVOKE, { headers: bearer(keys.good) })).status, 405);
    assert.equal(seen.length, before);
  });

  test("k14_without_a_control_plane_the_answer_names_the_setting", async () => {
    const alone = await startGate(publisher);
    try {
      const response = await alone.fetch(REVOKE, { method: "POST", headers: bearer(keys.good) });
      assert.equal(response.status, 501);
      assert.match((await response.json()).detail, /LATCHKEY_CONTROL_PLANE_URL/);
    } finally {
      await alone.close();
    }
  });
});

describe("the holder's routes with a real control plane", () => {
  let system, plane, keyspace, gate;
  before(async () => {
    system = await System.start({ vars: ({ plane }) => ({ LATCHKEY_CONTROL_PLANE_URL: plane.url }) });
    ({ plane, keyspace, gate } = system);
  });
  after(() => system?.stop());

  test("k11_permissions_are_those_of_the_key_and_of_its_roles", async () => {
    await plane.api("POST", `/v1/keyspaces/${keyspace.id}/roles`, { name: "Reader", grants: ["items:read"] });
    const key = await parts.createKey(plane, keyspace, { roles: ["Reader"], permissions: ["hello:*"], owner: "acme" });
    const shown = await parts.eventually("the gate knows the key and its role", async () => {
      const response = await gate.request(KEY, key.secret);
      const body = await response.json();
      return response.status === 200 && body.permissions.length === 2 && body;
    }, 20_000);
    assert.deepEqual([shown.id, shown.status, shown.owner], [key.id, "active", "acme"]);
    assert.deepEqual(shown.permissions, ["hello:*", "items:read"]);
    assert.ok(shown.expires_at > new Date().toISOString());
  });

  test("k14_a_holder_ends_its_own_key_and_everybody_sees_by_whom", async () => {
    const key = await system.admittedKey();
    const revoked = await gate.request(REVOKE, key.secret, { method: "POST" });
    assert.deepEqual([revoked.status, await revoked.json()], [200, { revoked: true }]);
    await parts.eventually("refused", async () => (await gate.decision("/v1/hello", key.secret)).code === "NOT_FOUND", 20_000);
    const shown = await plane.api("GET", `/v1/keys/${key.id}`);
    assert.deepEqual([shown.status, shown.revoked_reason], ["revoked", "holder"]);
    // Again, or with a key that never was: no difference to whoever looks on.
    const { prefix } = keyspace;
    const unknown = key.secret.replace(/.{38}$/, "A".repeat(38));
    assert.ok(unknown.startsWith(prefix));
    assert.equal((await gate.request(REVOKE, unknown, { method: "POST" })).status, 401);
  });
});
