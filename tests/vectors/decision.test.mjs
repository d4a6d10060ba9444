import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytes, vectors, wasm } from "./load.mjs";

const { cases, codes, snapshots } = vectors("decision");
const ISSUED_AT = 1_800_000_000;

const validators = new Map();
for (const [name, { audience, trusted_keys, bundle }] of Object.entries(snapshots)) {
  const validator = new wasm.Validator(audience, trusted_keys);
  assert.equal(validator.load(bytes(bundle), ISSUED_AT), undefined);
  validators.set(name, validator);
}
const { audience, trusted_keys } = snapshots.usual;
const empty = new wasm.Validator(audience, trusted_keys);

const latin1 = (text) => Buffer.from(text, "latin1");

/** The way of a Worker: everything is written into the module's memory, a number comes back. */
function decidePacked(validator, { credential, method, path, now }) {
  const parts = [credential.authorization ?? "", method, path].map(latin1);
  let input = new Uint8Array(wasm.wasmMemory().buffer, validator.inputOffset());
  for (const part of parts) {
    input.set(part);
    input = input.subarray(part.length);
  }
  return validator.decidePacked(...parts.map((part) => part.length), now);
}

describe("decision vectors in Wasm", () => {
  // The binding takes one credential.
  for (const vector of cases.filter((vector) => !vector.credential.conflicting)) {
    test(`${vector.number}: ${vector.name}`, () => {
      const { credential, method, path, now, expected } = vector;
      const validator = vector.snapshot === null ? empty : validators.get(vector.snapshot);
      if (credential.token === undefined) {
        assert.equal(decidePacked(validator, vector), codes[expected.code]);
        return;
      }
      const answer = validator.decide(latin1(credential.token), method, latin1(path), now);
      assert.equal(answer.code, expected.code);
      assert.equal(answer.keyId ?? null, expected.key_id);
      const header = { ...vector, credential: { authorization: `Bearer ${credential.token}` } };
      if (credential.token !== "") assert.equal(decidePacked(validator, header), codes[expected.code]);
    });
  }
});

describe("restriction vectors in Wasm", () => {
  const restrictions = vectors("restrictions");
  const validator = new wasm.Validator(restrictions.audience, restrictions.trusted_keys);
  assert.equal(validator.load(bytes(restrictions.bundle), ISSUED_AT), undefined);

  for (const { number, key, target, address, headers, expected } of restrictions.cases) {
    test(`${number}: ${key} ${target} ${address ?? ""}`, () => {
      const request = { headers, ...(address === null ? {} : { address }) };
      const asked = [latin1(restrictions.keys[key]), "GET", latin1(target), restrictions.now, request];
      const answer = validator.decide(...asked);
      assert.deepEqual(answer.code === "CONDITIONAL" ? answer.conditions : answer.code, expected);

      const { checks, seq, ...explained } = validator.explain(...asked);
      assert.deepEqual(explained, answer);
      assert.equal(seq, validator.seq);
      const passes = answer.code === "CONDITIONAL" || answer.code === "VALID";
      assert.deepEqual(checks.filter(({ passed }) => !passed).length, passes ? 0 : 1);
      assert.equal(checks.at(-1).passed, passes);
      assert.ok(!JSON.stringify(checks).includes(restrictions.keys[key]), "no token in an explanation");
    });
  }

  test("a request of another shape is an error of its caller", () => {
    assert.throws(() => validator.decide(latin1("x"), "GET", latin1("/"), restrictions.now, { headers: "x-network: Mainnet" }));
  });
});

describe("input that no request has, in Wasm", () => {
  const { credential } = cases.find((vector) => vector.expected.code === "VALID" && vector.credential.authorization);
  const request = { credential, path: "/hello", now: ISSUED_AT };

  test("a method that is not UTF-8 is one that no route lists", () => {
    const decided = (snapshot, path) => decidePacked(validators.get(snapshot), { ...request, path, method: "\xff" });
    assert.equal(decided("usual", "/hello"), codes.ROUTE_NOT_FOUND);
    // A route for any method guards its path from this one too, whatever the default is.
    assert.equal(decided("default allow", "/admin/x"), codes.INSUFFICIENT_PERMISSIONS);
  });

  test("lengths that exceed the input are a malformed key", () => {
    assert.equal(validators.get("usual").decidePacked(16_384, 1, 0, ISSUED_AT), codes.MALFORMED_KEY);
    assert.equal(validators.get("usual").decidePacked(20_000, 0, 0, ISSUED_AT), codes.MALFORMED_KEY);
  });
});
