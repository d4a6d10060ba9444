// Signed requests (A8) at the gate in workerd, signed by node:crypto: what passes, and what somebody who has seen a signed request cannot do with it.
import assert from "node:assert/strict";
import { get, request as startRequest } from "node:http";
import { after, before, test } from "node:test";
import { createSigner, httpbis } from "http-message-signatures";
import { bearer, eventually, startGate } from "../support/gate.mjs";
import { startIsolates } from "../support/isolates.mjs";
import { Publisher } from "../support/publisher.mjs";
import { contentDigest, newKeyPair, parts, sign } from "../support/signing.mjs";

const MEBIBYTE = 1 << 20;
const publisher = new Publisher();
publisher.routes = [
  { method: "*", path: "/open/*" },
  { method: "*", path: "/signed/*", signature: {} },
  { method: "*", path: "/once/*", signature: { nonce: true } },
  { method: "*", path: "/bodies/*", signature: { components: ["content-digest"] } },
  { method: "*", path: "/brief/*", signature: { maxAge: 5 } },
  { method: "*", path: "/typed/*", signature: { components: ["content-type"] } },
];
const pairs = { one: newKeyPair(), other: newKeyPair(), second: newKeyPair() };
const signing = (required, keys) => ({ required, keys });
const keys = {
  /** May sign; two pairs. */
  one: publisher.addKey({ signing: signing(false, { sk_one: pairs.one.publicKey, sk_second: pairs.second.publicKey }) }),
  /** Must sign everything. */
  strict: publisher.addKey({ signing: signing(true, { sk_one: pairs.one.publicKey }) }),
  other: publisher.addKey({ signing: signing(false, { sk_other: pairs.other.publicKey }) }),
  none: publisher.addKey(),
};
let gate;

before(async () => {
  gate = await startGate(publisher);
  await gate.publish();
  gate.upstream.answer = (request, response) => {
    const bytes = [];
    request.on("data", (chunk) => bytes.push(chunk)).on("end", () => {
      gate.upstream.last().body = Buffer.concat(bytes);
      response.end("hello from upstream");
    });
  };
});
after(() => gate?.close());

const seconds = () => Math.floor(Date.now() / 1_000);
let nonces = 0;
const newNonce = () => `n-${nonces++}`;

/** What is sent for a request that is signed as `options` say; tests then change it. */
function signed(path, options = {}) {
  const { method = "GET", body, key = keys.one, pair = pairs.one, keyid = "sk_one", parameters, headers = {} } = options;
  const withDigest = options.digest ?? body !== undefined;
  const fields = [...Object.entries(headers), ...(withDigest ? [["content-digest", contentDigest(body ?? "")]] : [])];
  const components = options.components ?? ["@method", "@target-uri", ...fields.map(([name]) => name)];
  const added = sign(parts({ method, url: gate.url + path, fields }), { pair, components, parameters: { created: seconds(), keyid, ...parameters } });
  return { path, method, body, headers: { ...bearer(key), ...Object.fromEntries([...fields, ...added]) } };
}

const send = ({ path, ...init }) => gate.fetch(path, init);

async function passes(request) {
  const response = await send(request);
  assert.equal(response.status, 200, await response.clone().text());
  await response.arrayBuffer();
  return gate.upstream.last();
}

async function refused(request, code, status = 401) {
  const before = gate.upstream.requests.length;
  const response = await send(request);
  const problem = await response.json();
  assert.deepEqual([response.status, problem.code], [status, code]);
  assert.equal(gate.upstream.requests.length, before, "nothing reached the upstream");
  return { response, problem };
}

test("a8_a_signed_request_passes_and_reaches_the_upstream_as_it_came", async () => {
  const request = signed("/signed/items?page=2&q=a%20b");
  const { url, headers } = await passes(request);
  assert.equal(url, "/signed/items?page=2&q=a%20b");
  assert.equal(headers["latchkey-key-id"], keys.one.id);
  assert.equal(headers["signature-input"], request.headers["signature-input"]);
  assert.equal(headers.authorization, undefined);
});

test("a8_either_of_a_keys_pairs_signs_for_it", async () => {
  await passes(signed("/signed/x", { pair: pairs.second, keyid: "sk_second" }));
});

test("a8_an_unsigned_request_is_told_what_to_sign", async () => {
  const { response } = await refused({ path: "/signed/x", headers: bearer(keys.one) }, "SIGNATURE_REQUIRED");
  assert.equal(response.headers.get("accept-signature"), 'latchkey=("@method" "@target-uri");created;alg="ed25519";tag="latchkey"');
  assert.ok(response.headers.has("www-authenticate"));
  const bodies = await refused({ path: "/bodies/x", headers: bearer(keys.one) }, "SIGNATURE_REQUIRED");
  assert.match(bodies.response.headers.get("accept-signature"), /"content-digest"/);
});

test("a8_a_key_can_ask_for_it_on_every_route_and_a_key_without_a_pair_does_not_pass_where_the_route_asks", async () => {
  await refused({ path: "/open/x", headers: bearer(keys.strict) }, "SIGNATURE_REQUIRED");
  await passes(signed("/open/x", { key: keys.strict }));
  await passes({ path: "/open/x", headers: bearer(keys.one) });
  await passes({ path: "/open/x", headers: bearer(keys.none) });
  await refused({ path: "/signed/x", headers: bearer(keys.none) }, "SIGNATURE_REQUIRED");
  await refused(signed("/signed/x", { key: keys.none }), "SIGNATURE_REQUIRED");
});

test("a8_a_signature_that_nobody_asked_for_is_refused_if_it_is_wrong", async () => {
  const request = signed("/open/x");
  await passes(request);
  await refused({ ...request, path: "/open/y" }, "SIGNATURE_INVALID");
  // Other parties' signatures are theirs.
  await passes(signed("/open/x", { keyid: "sk_proxy" }));
});

test("a8_a_signed_request_counts_for_no_other_path_query_or_method", async () => {
  const request = signed("/signed/items?page=2");
  await passes(request);
  for (const path of ["/signed/items?page=3", "/signed/items", "/signed/items?page=2&admin=1", "/signed/items/7?page=2", "/signed/items/?page=2"]) {
    await refused({ ...request, path }, "SIGNATURE_INVALID");
  }
  await refused({ ...request, method: "DELETE" }, "SIGNATURE_INVALID");
});

test("a8_another_keys_pair_never_signs", async () => {
  await refused(signed("/signed/x", { pair: pairs.other, keyid: "sk_other" }), "SIGNATURE_REQUIRED");
  await refused(signed("/signed/x", { pair: pairs.other, keyid: "sk_one" }), "SIGNATURE_INVALID");
  // Its own key's it does, and a signature put beside another token is nobody's.
  const request = signed("/signed/x", { key: keys.other, pair: pairs.other, keyid: "sk_other" });
  await passes(request);
  await refused({ ...request, headers: { ...request.headers, ...bearer(keys.one) } }, "SIGNATURE_REQUIRED");
});

test("a8_a_signature_counts_only_while_it_is_young", async () => {
  await passes(signed("/brief/x", { parameters: { created: seconds() - 2 } }));
  await refused(signed("/brief/x", { parameters: { created: seconds() - 8 } }), "SIGNATURE_INVALID");
  await refused(signed("/signed/x", { parameters: { created: seconds() - 310 } }), "SIGNATURE_INVALID");
  await refused(signed("/signed/x", { parameters: { created: seconds() + 60 } }), "SIGNATURE_INVALID");
  await refused(signed("/signed/x", { parameters: { expires: seconds() - 1 } }), "SIGNATURE_INVALID");
});

test("a8_a_nonce_counts_once_however_many_try_at_once", async () => {
  await refused(signed("/once/x"), "SIGNATURE_INVALID");
  const request = signed("/once/x", { parameters: { nonce: newNonce() } });
  const answers = await Promise.all(Array.from({ length: 6 }, () => send(request)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401, 401, 401, 401, 401]);
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  await refused(request, "SIGNATURE_INVALID");
  // The other pair may use the same nonce, and where nobody asks for one it may come again.
  const nonce = newNonce();
  await passes(signed("/once/x", { parameters: { nonce } }));
  await passes(signed("/once/x", { pair: pairs.second, keyid: "sk_second", parameters: { nonce } }));
  const again = signed("/signed/x", { parameters: { nonce } });
  await passes(again);
  await passes(again);
});

test("a8_a_nonce_is_not_used_up_by_a_request_that_does_not_count", async () => {
  const request = signed("/once/x", { parameters: { nonce: newNonce() } });
  await refused({ ...request, path: "/once/y" }, "SIGNATURE_INVALID");
  await passes(request);
});

test("a8_a_nonce_is_remembered_when_gate_and_ledger_are_started_again", async () => {
  const request = signed("/once/x", { parameters: { nonce: newNonce() } });
  await passes(request);
  await gate.restart();
  await gate.publish();
  await refused(request, "SIGNATURE_INVALID");
});

test("a8_a_body_whose_digest_is_signed_is_checked_and_forwarded_unchanged", async () => {
  for (const body of ["{}", "x".repeat(100_000), Buffer.alloc(MEBIBYTE, 7)]) {
    const request = signed("/bodies/x", { method: "POST", body });
    const seen = await passes(request);
    assert.equal(seen.body.length, body.length);
    assert.ok(seen.body.equals(Buffer.from(body)));
    assert.equal(seen.headers["content-length"], `${body.length}`);
    assert.equal(seen.headers["content-digest"], request.headers["content-digest"]);
  }
});

test("a8_another_body_is_refused", async () => {
  const request = signed("/bodies/x", { method: "POST", body: '{"amount":1}' });
  await refused({ ...request, body: '{"amount":9}' }, "SIGNATURE_INVALID");
  await refused({ ...request, body: "" }, "SIGNATURE_INVALID");
  await refused({ ...request, body: undefined }, "SIGNATURE_INVALID");
  const forged = { ...request.headers, "content-digest": contentDigest("{}") };
  await refused({ ...request, body: "{}", headers: forged }, "SIGNATURE_INVALID");
  // Where nobody asks for it, but it was signed.
  await refused({ ...signed("/open/x", { method: "POST", body: "a" }), body: "b" }, "SIGNATURE_INVALID");
});

test("a8_a_body_without_a_signed_digest_is_refused_where_the_route_asks_and_no_body_needs_none", async () => {
  await refused(signed("/bodies/x", { method: "POST", body: "a", components: ["@method", "@target-uri"] }), "SIGNATURE_INVALID");
  await passes(signed("/bodies/x"));
  await passes(signed("/bodies/x", { method: "POST" }));
  const unasked = await passes(signed("/signed/x", { method: "POST", body: "a", components: ["@method", "@target-uri"] }));
  assert.equal(unasked.body.toString(), "a");
});

test("a8_a_body_that_is_too_long_to_check_is_refused_whatever_its_announced_length", async () => {
  const body = Buffer.alloc(MEBIBYTE + 1, 7);
  await refused(signed("/bodies/x", { method: "POST", body }), "SIGNATURE_INVALID");
  // In chunks, of no announced length.
  const request = signed("/bodies/x", { method: "POST", body });
  const stream = new ReadableStream({
    start(controller) {
      for (let at = 0; at < body.length; at += 65_536) controller.enqueue(body.subarray(at, at + 65_536));
      controller.close();
    },
  });
  await refused({ ...request, body: stream, duplex: "half" }, "SIGNATURE_INVALID");
  // Without a digest its length is the upstream's matter.
  const seen = await passes(signed("/signed/x", { method: "POST", body, components: ["@method", "@target-uri"] }));
  assert.equal(seen.body.length, body.length);
});

test("a8_fields_that_are_signed_cannot_be_changed_added_or_taken_away", async () => {
  const headers = { "content-type": "application/json" };
  const request = signed("/typed/x", { method: "POST", body: "{}", headers });
  await passes(request);
  await refused({ ...request, headers: { ...request.headers, "content-type": "text/plain" } }, "SIGNATURE_INVALID");
  await refused(signed("/typed/x"), "SIGNATURE_INVALID");
});

test("a8_what_is_no_signature_is_refused_quickly_and_in_a_bounded_way", async () => {
  const created = seconds();
  const inputs = [
    "nonsense", "sig1=(", 'sig1=("@method"', `sig1=("@method" "@target-uri");created=${created};keyid="sk_one"`,
    `sig1=();created=${created};keyid="sk_one", sig1=();created=${created};keyid="sk_one"`, `a=("${"x".repeat(9_000)}")`,
    `sig1=("@status" "@method" "@target-uri");created=${created};keyid="sk_one"`,
  ];
  for (const input of inputs) {
    await refused({ path: "/signed/x", headers: { ...bearer(keys.one), "signature-input": input, signature: "sig1=:AAAA:" } }, "SIGNATURE_INVALID");
  }
});

test("a8_a_request_signed_by_a_library_passes", async () => {
  const body = '{"hello":"world"}';
  const message = {
    method: "POST", url: `${gate.url}/bodies/x?q=1`, headers: { "content-type": "application/json", "content-digest": contentDigest(body, "sha-512") },
  };
  const { headers } = await httpbis.signMessage(
    {
      key: { ...createSigner(pairs.one.privateKey, "ed25519", "sk_one") },
      fields: ["@method", "@authority", "@path", "@query", "content-type", "content-digest"],
      params: ["created", "keyid", "alg", "expires", "nonce", "tag"], paramValues: { nonce: newNonce(), tag: "latchkey" },
    },
    message,
  );
  const { body: seen } = await passes({ path: "/bodies/x?q=1", method: "POST", body, headers: { ...headers, ...bearer(keys.one) } });
  assert.equal(seen.toString(), body);
});

test("a8_a_nonce_counts_once_in_all_isolates_and_not_at_all_while_the_ledger_gives_no_answer", async () => {
  const isolates = await startIsolates(publisher, 2);
  try {
    for (const each of isolates.gates) await each.publish();
    const [first, second] = isolates.gates;
    const at = ({ url }, nonce) => {
      const created = seconds();
      const added = sign(parts({ url: `${url}/once/x` }), { pair: pairs.one, components: ["@method", "@authority", "@path"], parameters: { created, keyid: "sk_one", nonce } });
      return fetch(`${url}/once/x`, { headers: { ...bearer(keys.one), ...Object.fromEntries(added) } });
    };
    const ends = async (answer, status, code) => {
      const text = await (await answer).text();
      assert.equal((await answer).status, status, text);
      if (code !== undefined) assert.equal(JSON.parse(text).code, code);
    };
    const nonce = newNonce();
    await ends(at(first, nonce), 200);
    await ends(at(second, nonce), 401, "SIGNATURE_INVALID");
    for (const ledger of ["throws", "hangs", "loses answers"]) {
      await first.fault({ ledger });
      const answer = await at(first, newNonce());
      assert.ok(answer.headers.has("retry-after"));
      await ends(answer, 503, "LIMITS_UNAVAILABLE");
      await first.fault({ ledger: false });
    }
    await ends(at(first, newNonce()), 200);
  } finally {
    await isolates.close();
  }
});

test("a8_a_signed_request_counts_for_no_other_host", async () => {
  const request = signed("/signed/x");
  const { hostname, port } = new URL(gate.url);
  const to = (host) =>
    new Promise((done, fail) => {
      const options = { hostname, port, path: request.path, headers: { ...request.headers, host } };
      get(options, (answer) => done(answer.resume().statusCode)).on("error", fail);
    });
  assert.equal(await to(`${hostname}:${port}`), 200);
  assert.equal(await to(`elsewhere.example:${port}`), 401);
  assert.equal(await to(hostname), 401);
});

/** Sends all but the last byte of a signed mebibyte. The answer is then waited for by `status`; `end` sends the byte. */
function upload(gate) {
  const body = Buffer.alloc(MEBIBYTE, 7);
  const { headers, path } = signedFor(gate.url, body);
  const outgoing = startRequest(gate.url + path, { method: "POST", headers: { ...headers, "content-length": body.length } });
  const status = new Promise((done, fail) => outgoing.on("response", (answer) => done(answer.resume().statusCode)).on("error", fail));
  // Some hang up on purpose.
  status.catch(() => {});
  outgoing.write(body.subarray(1));
  return { status, end: () => outgoing.end(body.subarray(0, 1)), hangUp: () => outgoing.destroy() };
}

function signedFor(url, body) {
  const fields = [["content-digest", contentDigest(body)]];
  const added = sign(parts({ method: "POST", url: `${url}/bodies/x`, fields }), {
    pair: pairs.one, components: ["@method", "@target-uri", "content-digest"], parameters: { created: seconds(), keyid: "sk_one" },
  });
  return { path: "/bodies/x", headers: { ...bearer(keys.one), ...Object.fromEntries([...fields, ...added]) } };
}

test("a8_bodies_that_wait_for_their_end_are_bounded_together_and_let_go_when_their_callers_hang_up", async () => {
  const small = async () => {
    const answer = await send(signed("/bodies/x", { method: "POST", body: "x".repeat(100) }));
    await answer.arrayBuffer();
    return answer.status;
  };
  const uploads = Array.from({ length: 16 }, () => upload(gate));
  await eventually(async () => (await small()) === 503);
  // Whoever signs no body does not suffer.
  await passes(signed("/signed/x"));
  await passes({ path: "/open/x", headers: bearer(keys.none) });
  for (const each of uploads.slice(0, 8)) each.hangUp();
  await eventually(async () => (await small()) === 200);
  for (const each of uploads.slice(8)) each.end();
  assert.deepEqual(await Promise.all(uploads.slice(8).map(({ status }) => status)), Array(8).fill(200));
});
