// Signing keys from the admin API to a request that passes: made or brought, used with the command line and with node:crypto, taken away again.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { createKey, eventually } from "../support/processes.mjs";
import { contentDigest, newKeyPair, parts, sign } from "../support/signing.mjs";
import { System } from "../support/system.mjs";

const HELLO = "/v1/hello";
const PAY = "/v1/payments";
/** A change has reached the gate by then, on a slow machine too. */
const WITHIN_MS = 20_000;

const POLICY = {
  default: "deny",
  routes: [
    { method: "GET", path: HELLO, permission: "hello:read" },
    {
      method: "POST", path: PAY, permission: "hello:read",
      signature: { required: true, nonce: true, max_age_seconds: 120, components: ["content-digest"] },
    },
  ],
};

let system, upstream, plane, keyspace, gate;
before(async () => {
  system = await System.start({ policy: POLICY });
  ({ upstream, plane, keyspace, gate } = system);
});
after(() => system?.stop());

const decision = async (path, key, options) => (await gate.decision(path, key.secret, options)).code;
const becomes = (wanted, ask) => eventually(`${wanted} at the gate`, async () => (await ask()) === wanted, WITHIN_MS);

/** The headers that `latchkey sign` writes. */
function signedByProgram(method, path, id, pem, more = []) {
  const args = ["sign", method, gate.url + path, "--id", id, "--private-key", "-", ...more];
  const text = execFileSync(resolve(process.env.LATCHKEY_BIN), args, { input: pem, encoding: "utf8" });
  return Object.fromEntries(text.trim().split("\n").map((line) => line.split(/: (.*)/s)));
}

test("a8 a key whose requests must all be signed passes with the pair that the control plane made, and with nothing else", async () => {
  const key = await createKey(plane, keyspace, { signature_required: true });
  await becomes("SIGNATURE_REQUIRED", () => decision(HELLO, key));
  const { id, private_key: pem } = await plane.api("POST", `/v1/keys/${key.id}/signing-keys`, {});
  const headers = () => signedByProgram("GET", `${HELLO}?page=1`, id, pem);
  await becomes("VALID", () => decision(`${HELLO}?page=1`, key, { headers: headers() }));
  assert.equal(await decision(`${HELLO}?page=2`, key, { headers: headers() }), "SIGNATURE_INVALID");
  const unsigned = await gate.decision(HELLO, key.secret);
  assert.equal(unsigned.code, "SIGNATURE_REQUIRED");
  assert.match(unsigned.headers.get("accept-signature"), /^latchkey=\("@method" "@target-uri"\);created;/);

  // The private half is with its holder alone.
  const secret = pem.split("\n")[1];
  for (const name of readdirSync(system.folder.path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())) {
    assert.ok(!readFileSync(join(name.parentPath, name.name)).includes(secret), name.name);
  }

  await plane.api("DELETE", `/v1/keys/${key.id}/signing-keys/${id}`);
  await becomes("SIGNATURE_REQUIRED", () => decision(`${HELLO}?page=1`, key, { headers: headers() }));
});

test("a8 a route asks for a signed body and a nonce of a pair that the client made", async () => {
  const pair = newKeyPair();
  const key = await createKey(plane, keyspace);
  const { id, private_key: none } = await plane.api("POST", `/v1/keys/${key.id}/signing-keys`, { public_key: pair.publicKey.toString("base64url") });
  assert.equal(none, undefined);
  await becomes("VALID", () => decision(HELLO, key));

  let nonces = 0;
  const signed = (body, parameters = { nonce: `n-${nonces++}` }) => {
    const fields = [["content-digest", contentDigest(body)]];
    const components = ["@method", "@authority", "@path", "content-digest"];
    const all = { created: Math.floor(Date.now() / 1_000), keyid: id, ...parameters };
    const added = sign(parts({ method: "POST", url: gate.url + PAY, fields }), { pair, components, parameters: all });
    return { method: "POST", body, headers: Object.fromEntries([...fields, ...added]) };
  };
  // Until the gate has heard of the pair, nothing is signed by it.
  await becomes("VALID", () => decision(PAY, key, signed('{"amount":1}')));
  const request = signed('{"amount":1}');
  assert.equal(await decision(PAY, key, request), "VALID");
  assert.equal(await decision(PAY, key, request), "SIGNATURE_INVALID");
  assert.equal(await decision(PAY, key, { ...signed('{"amount":1}'), body: '{"amount":9}' }), "SIGNATURE_INVALID");
  assert.equal(await decision(PAY, key, signed('{"amount":1}', {})), "SIGNATURE_INVALID");
  assert.equal(await decision(PAY, key, { method: "POST", body: '{"amount":1}' }), "SIGNATURE_REQUIRED");

  const stranger = await createKey(plane, keyspace);
  await becomes("VALID", () => decision(HELLO, stranger));
  assert.equal(await decision(PAY, stranger, signed('{"amount":1}')), "SIGNATURE_REQUIRED");
});

test("a8 the command line signs a body with a nonce", async () => {
  const key = await createKey(plane, keyspace);
  const { id, private_key: pem } = await plane.api("POST", `/v1/keys/${key.id}/signing-keys`, {});
  const file = join(system.folder.path, "body.json");
  writeFileSync(file, '{"amount":3}');
  const headers = () => signedByProgram("POST", PAY, id, pem, ["--body", file, "--nonce"]);
  await becomes("VALID", () => decision(PAY, key, { method: "POST", body: '{"amount":3}', headers: headers() }));
});
