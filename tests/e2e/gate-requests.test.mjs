// What a caller and an upstream see of the gate: who passes, what the upstream is told, how refusals look.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { bearer, startGate } from "../support/gate.mjs";
import { Publisher } from "../support/publisher.mjs";
import { newToken } from "../support/token.mjs";

const publisher = new Publisher();
const now = Math.floor(Date.now() / 1_000);
const keys = {
  reader: publisher.addKey({ owner: "Zoë & Söhne", metadata: { plan: "gold", name: "Łukasz 😀" } }),
  plain: publisher.addKey({ grants: [] }),
  live: publisher.addKey({ environment: "live", grants: ["hello:read"] }),
  disabled: publisher.addKey({ disabled: true }),
  expired: publisher.addKey({ expiresAt: now - 1 }),
  revoked: publisher.addKey(),
};
let gate;

before(async () => {
  gate = await startGate(publisher, { vars: { LATCHKEY_CREDENTIAL_HEADER: "X-Gateway-Token" } });
  await gate.publish();
  publisher.revoke(keys.revoked);
  await gate.publish();
});
after(() => gate?.close());

const hello = (headers, init) => gate.fetch("/v1/hello", { headers, ...init });

async function assertRefused(response, status, code) {
  const body = await response.json();
  assert.equal(response.status, status, JSON.stringify(body));
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(body.code, code);
  assert.equal(body.status, status);
  assert.equal(body.type, `https://latchkey.dev/problems/${code.toLowerCase().replaceAll("_", "-")}`);
  assert.ok(body.title && body.detail);
  assert.equal(body.request_id, response.headers.get("x-request-id"));
  assert.equal(response.headers.has("www-authenticate"), status === 401);
  return body;
}

test("e4_an_allowed_request_reaches_the_upstream_with_the_keys_facts_and_without_the_credential", async () => {
  const response = await gate.fetch("/v1/hello?page=2&q=a%20b", { headers: { ...bearer(keys.reader), "x-own": "kept" } });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "hello from upstream");
  const { method, url, headers } = gate.upstream.last();
  assert.deepEqual([method, url], ["GET", "/v1/hello?page=2&q=a%20b"]);
  assert.equal(headers["latchkey-key-id"], keys.reader.id);
  assert.equal(headers["latchkey-environment"], "test");
  assert.equal(decodeURIComponent(headers["latchkey-owner"]), "Zoë & Söhne");
  assert.deepEqual(JSON.parse(headers["latchkey-meta"]), { plan: "gold", name: "Łukasz 😀" });
  assert.match(headers["x-request-id"], /^req_[0-9a-f]{32}$/);
  assert.equal(headers["x-own"], "kept");
  assert.ok(!JSON.stringify(headers).includes(keys.reader.token));
});

test("e4_each_of_the_three_headers_carries_a_credential_and_none_of_them_goes_further", async () => {
  const token = keys.reader.token;
  for (const headers of [
    { authorization: `Bearer ${token}` },
    { authorization: `bEARER   ${token}` },
    { "x-api-key": token },
    { "x-gateway-token": token },
    { authorization: `Bearer ${token}`, "x-api-key": token, "x-gateway-token": token },
  ]) {
    assert.equal((await hello(headers)).status, 200, JSON.stringify(Object.keys(headers)));
    const seen = gate.upstream.last().headers;
    for (const name of ["authorization", "x-api-key", "x-gateway-token"]) assert.ok(!(name in seen), name);
  }
});

test("an Authorization header of another scheme belongs to the upstream", async () => {
  assert.equal((await hello({ authorization: "Basic dTpw", "x-api-key": keys.reader.token })).status, 200);
  assert.equal(gate.upstream.last().headers.authorization, "Basic dTpw");
});

test("e4_two_different_credentials_are_refused", async () => {
  const before = gate.upstream.requests.length;
  const token = keys.reader.token;
  await assertRefused(await hello({ authorization: `Bearer ${token}`, "x-api-key": keys.plain.token }), 401, "NOT_FOUND");
  await assertRefused(await hello({ "x-api-key": token, "x-gateway-token": keys.plain.token }), 401, "NOT_FOUND");
  await assertRefused(await hello({ authorization: `Bearer ${token}, Bearer ${token}` }), 401, "NOT_FOUND");
  assert.equal(gate.upstream.requests.length, before);
});

test("e4_a_key_in_the_query_string_is_no_credential", async () => {
  for (const name of ["key", "api_key", "access_token", "token"]) {
    await assertRefused(await gate.fetch(`/v1/hello?${name}=${keys.reader.token}`), 401, "MISSING_KEY");
  }
});

test("e4_headers_that_only_the_gate_may_set_are_taken_from_callers_whatever_their_name", async () => {
  const forged = {
    "Latchkey-Key-Id": "key_forged", "latchkey-owner": "forged", "LATCHKEY-ENVIRONMENT": "live",
    "Latchkey-Meta": "{}", "Latchkey-Anything": "forged", "latchkey-": "forged",
  };
  assert.equal((await hello({ ...bearer(keys.plain), ...forged })).status, 403);
  assert.equal((await gate.fetch("/open/x", { headers: { ...bearer(keys.plain), ...forged } })).status, 200);
  const seen = Object.entries(gate.upstream.last().headers).filter(([name]) => name.startsWith("latchkey-"));
  assert.deepEqual(Object.fromEntries(seen), { "latchkey-key-id": keys.plain.id, "latchkey-environment": "test" });
});

test("e5_every_refusal_has_its_status_its_code_and_its_headers", async () => {
  const before = gate.upstream.requests.length;
  const cases = [
    [{}, 401, "MISSING_KEY"],
    [{ authorization: "Bearer " }, 401, "MISSING_KEY"],
    [bearer("nonsense"), 401, "NOT_FOUND"],
    [bearer(newToken()), 401, "NOT_FOUND"],
    [bearer(keys.revoked), 401, "NOT_FOUND"],
    [bearer(keys.disabled), 401, "DISABLED"],
    [bearer(keys.expired), 401, "EXPIRED"],
    [bearer(keys.plain), 403, "INSUFFICIENT_PERMISSIONS"],
  ];
  for (const [headers, status, code] of cases) await assertRefused(await hello(headers), status, code);
  await assertRefused(await gate.fetch("/live", { headers: bearer(keys.reader) }), 403, "ENVIRONMENT_MISMATCH");
  await assertRefused(await gate.fetch("/nowhere", { headers: bearer(keys.reader) }), 404, "ROUTE_NOT_FOUND");
  await assertRefused(await gate.fetch("/v1/hello", { method: "DELETE", headers: bearer(keys.reader) }), 404, "ROUTE_NOT_FOUND");
  assert.equal((await gate.fetch("/live", { headers: bearer(keys.live) })).status, 200);
  assert.equal(gate.upstream.requests.length, before + 1);
});

test("e5_unknown_revoked_and_malformed_keys_look_the_same_to_a_stranger", async () => {
  const seen = [];
  for (const credential of [newToken(), keys.revoked.token, "nonsense", keys.reader.token.slice(0, -1) + "?"]) {
    const response = await hello({ ...bearer(credential), "x-request-id": "same" });
    const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== "date"));
    seen.push(JSON.stringify([response.status, headers, await response.text()]));
  }
  assert.equal(new Set(seen).size, 1, seen.join("\n"));
});

test("no cut, changed or lengthened token passes", async () => {
  const token = keys.reader.token;
  const last = token.at(-1);
  const bad = [
    token.slice(0, -1), token.slice(1), token + "0", ` ${token}x`, token.toUpperCase(), token.slice(0, -1) + (last === "0" ? "1" : "0"),
    `${token}\u0161`.slice(0, -1) + "%20", "x".repeat(5_000), token.replace("test", "live"),
  ];
  for (const credential of bad) assert.equal((await hello({ "x-api-key": credential })).status, 401, credential);
  // U+0141 has the low byte of `A`; a gate that cut characters to bytes would take it for one.
  const raw = await rawRequest(["GET /v1/hello HTTP/1.1", "Host: gate", `X-API-Key: ${token.replace(/[A-Za-z]$/, "\u0141")}\u00e9`, "Connection: close"]);
  assert.match(raw, /^HTTP\/1\.1 401/);
});

test("a usable request id is kept, another is replaced", async () => {
  assert.equal((await hello({ "x-request-id": "trace-1_A" })).headers.get("x-request-id"), "trace-1_A");
  for (const bad of ['a"b', "a b", "x".repeat(65)]) {
    assert.match((await hello({ "x-request-id": bad })).headers.get("x-request-id"), /^req_/);
  }
  await hello({ ...bearer(keys.reader), "x-request-id": "trace-2" });
  assert.equal(gate.upstream.last().headers["x-request-id"], "trace-2");
});

test("a path is forwarded as it was decided, and one that could be read as another is not", async () => {
  const before = gate.upstream.requests.length;
  const paths = [
    "/open/../admin", "/open/%2e%2e/admin", "/open/..%2fadmin", "//admin", "/open//x", "/open/%2e", "/open/a;b", "/open/a\\..\\b", "/open/%61",
  ];
  for (const path of paths) {
    const raw = await rawRequest([`GET ${path} HTTP/1.1`, "Host: gate", `Authorization: Bearer ${keys.plain.token}`, "Connection: close"]);
    assert.match(raw, /^HTTP\/1\.1 (200|400|403|404)/, path);
  }
  // What passed was tidied up before the gate saw it; the upstream must see the same.
  for (const { url } of gate.upstream.requests.slice(before)) assert.match(url, /^\/open\/[a-z]*$/);
});

test("a large binary body arrives unchanged, in both directions", async () => {
  const body = Buffer.alloc(5_000_000);
  for (let i = 0; i < body.length; i++) body[i] = (i * 31) ^ (i >> 8);
  gate.upstream.answer = (request, response) => {
    response.writeHead(200, { "content-type": "application/x-own", "content-length": request.headers["content-length"] ?? "" });
    request.pipe(response);
  };
  const response = await gate.fetch("/open/echo", { method: "POST", headers: { ...bearer(keys.plain), "content-type": "application/x-own" }, body });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/x-own");
  assert.equal(gate.upstream.last().headers["content-length"], String(body.length));
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(body));
});

test("bodies stream: the upstream's first piece is out before its last is in", async () => {
  let finish;
  gate.upstream.answer = (request, response) => {
    response.write("first;");
    finish = () => response.end("last");
  };
  const response = await gate.fetch("/open/stream", { headers: bearer(keys.plain) });
  const reader = response.body.getReader();
  const first = await reader.read();
  assert.equal(Buffer.from(first.value).toString(), "first;");
  finish();
  assert.equal(Buffer.from((await reader.read()).value).toString(), "last");
});

test("a chunked upload streams to the upstream before it is complete", async () => {
  const pieces = [];
  gate.upstream.answer = (request, response) => {
    request.on("data", (piece) => pieces.push(piece.toString()));
    request.on("end", () => response.end(pieces.join("")));
  };
  const sent = (async function* () {
    yield "one;";
    while (pieces.length === 0) await sleep(5);
    yield "two";
  })();
  const response = await gate.fetch("/open/upload", { method: "PUT", headers: bearer(keys.plain), body: ReadableStream.from(sent).pipeThrough(new TextEncoderStream()), duplex: "half" });
  assert.equal(await response.text(), "one;two");
});

test("statuses, redirects and headers of the upstream come back as they are", async () => {
  gate.upstream.answer = (request, response) => {
    response.writeHead(302, { location: "https://elsewhere.example/", "set-cookie": ["a=1", "b=2"], "x-up": "yes" });
    response.end();
  };
  const response = await gate.fetch("/open/r", { headers: bearer(keys.plain) });
  assert.equal(response.status, 302);
  assert.equal(response.headers.get("location"), "https://elsewhere.example/");
  assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assert.equal(response.headers.get("x-up"), "yes");
});

test("a compressed answer is passed on as it is", async () => {
  const body = gzipSync("compressed by the upstream");
  gate.upstream.answer = (request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(body);
  const raw = await rawRequest(["GET /open/z HTTP/1.1", "Host: gate", `X-API-Key: ${keys.plain.token}`, "Accept-Encoding: gzip", "Connection: close"]);
  assert.ok(raw.includes(body.toString("latin1")));
});

test("a WebSocket is let through with a key, and only with one", async () => {
  const handshakes = [];
  gate.upstream.upgrade = (request, socket) => {
    handshakes.push(request.headers);
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    // A text frame, then a close frame.
    socket.end(Buffer.from([0x81, 2, 0x68, 0x69, 0x88, 0]));
  };
  const upgrade = ["GET /open/ws HTTP/1.1", "Host: gate", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"];
  assert.match(await rawRequest([...upgrade, "Connection: close"], /request_id/), /^HTTP\/1\.1 401/);
  const answer = await rawRequest([...upgrade, `Authorization: Bearer ${keys.plain.token}`], /hi/);
  assert.match(answer, /^HTTP\/1\.1 101[^]*hi/);
  assert.equal(handshakes.length, 1);
  assert.equal(handshakes[0]["latchkey-key-id"], keys.plain.id);
  assert.ok(!("authorization" in handshakes[0]));
});

test("an upstream that is gone is a 502 with a code", async () => {
  gate.upstream.answer = (request) => request.destroy();
  await assertRefused(await gate.fetch("/open/gone", { headers: bearer(keys.plain) }), 502, "UPSTREAM_UNREACHABLE");
});

/** Sends lines as they are and returns the whole answer, or as much of it as ends with `enough`. */
function rawRequest(lines, enough) {
  const { hostname, port } = new URL(gate.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(`${lines.join("\r\n")}\r\n\r\n`));
    const pieces = [];
    socket.on("data", (piece) => {
      pieces.push(piece);
      if (enough?.test(Buffer.concat(pieces).toString("latin1"))) socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(pieces).toString("latin1")));
  });
}
