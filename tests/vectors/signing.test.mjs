// spec/vectors/signing.json, read by a library that other people sign with: what it accepts and what we accept is the same, where our policy has no say.
import assert from "node:assert/strict";
import { createPublicKey, sign as signBytes } from "node:crypto";
import { test } from "node:test";
import { createVerifier, httpbis } from "http-message-signatures";
import { keyPairFromSeed, sign } from "../support/signing.mjs";
import { vectors } from "./load.mjs";

const { cases, defaults } = vectors("signing");
const FOR_EVER = 1e10;
// It signs `get` as `GET`, though methods are case-sensitive.
const ITS_OWN_OPINION = ["replayed in lower case"];

function message({ method, scheme, authority, target, fields }) {
  const headers = {};
  for (const [name, value] of fields) (headers[name] ??= []).push(value);
  return { method, url: `${scheme}://${authority}${target}`, headers };
}

const keyLookup = (keys) => async ({ keyid }) => {
  const found = keys.find(({ id }) => id === keyid);
  if (found === undefined) return null;
  const x = Buffer.from(found.public_key, "hex").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return { id: keyid, algs: ["ed25519"], verify: createVerifier(key, "ed25519") };
};

const decided = cases.filter(({ name, expected, keys }) =>
  ["VERIFIED", "SIGNATURE_WRONG"].includes(expected) && keys === undefined && !ITS_OWN_OPINION.includes(name));

for (const { number, name, request, expected } of decided) {
  test(`signing ${number}: ${name}`, async () => {
    const lookup = keyLookup(defaults.keys);
    const verified = await httpbis.verifyMessage({ keyLookup: lookup, tolerance: FOR_EVER }, message(request));
    assert.equal(verified, expected === "VERIFIED");
  });
}

test("what the library signs is what the tests' own signer signs, byte for byte", async () => {
  const pair = keyPairFromSeed(Buffer.alloc(32, 9));
  const request = {
    method: "POST", scheme: "https", authority: "api.example.com", target: "/v1/items?page=2&q=a%20b",
    fields: [["content-type", "application/json"], ["content-digest", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"]],
  };
  const components = ["@method", "@target-uri", "@authority", "@path", "@query", "content-type", "content-digest"];
  const own = sign(request, { pair, components, parameters: { created: 1700000000, keyid: "sk_1", nonce: "n-1" }, label: "sig1" });
  const signed = await httpbis.signMessage(
    {
      name: "sig1", fields: components, params: ["created", "keyid", "nonce"],
      paramValues: { created: new Date(1700000000_000), nonce: "n-1" },
      key: { id: "sk_1", alg: "ed25519", sign: async (data) => signBytes(null, data, pair.privateKey) },
    },
    message(request),
  );
  assert.deepEqual([["signature-input", signed.headers["Signature-Input"]], ["signature", signed.headers["Signature"]]], own);
});
