import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytes, vectors, wasm } from "./load.mjs";

const { cases } = vectors("snapshot");

function validatorFor(vector) {
  const validator = new wasm.Validator(vector.audience, vector.trusted_keys);
  if (vector.held) validator.requireNewerThan(vector.held.epoch, vector.held.seq);
  return validator;
}

describe("snapshot vectors in Wasm", () => {
  for (const vector of cases) {
    test(`${vector.number}: ${vector.name}`, () => {
      const validator = validatorFor(vector);
      assert.equal(validator.load(bytes(vector.bundle), vector.now) ?? "OK", vector.expected);
      assert.equal(validator.seq !== undefined, vector.expected === "OK", "a refused bundle is not adopted");
    });
  }
});

describe("damage, in Wasm", () => {
  const good = cases[0];
  const bundle = bytes(good.bundle);
  const headAt = 8;
  const headLength = bundle[6] | (bundle[7] << 8);

  test("every single-bit flip of the head is refused and leaves the adopted snapshot in place", () => {
    const validator = validatorFor(good);
    assert.equal(validator.load(bundle, good.now), undefined);
    const fresh = validatorFor(good);
    for (let bit = headAt * 8; bit < (headAt + headLength) * 8; bit++) {
      const bad = bundle.slice();
      bad[bit >> 3] ^= 1 << (bit & 7);
      assert.notEqual(fresh.load(bad, good.now), undefined, `bit ${bit}`);
      assert.notEqual(validator.load(bad, good.now), undefined, `bit ${bit}`);
    }
    assert.equal(fresh.seq, undefined);
    assert.equal(validator.seq, 7);
  });

  test("flips sampled over the bodies are refused", () => {
    const fresh = validatorFor(good);
    for (let bit = (headAt + headLength) * 8; bit < bundle.length * 8; bit += 13) {
      const bad = bundle.slice();
      bad[bit >> 3] ^= 1 << (bit & 7);
      assert.notEqual(fresh.load(bad, good.now), undefined, `bit ${bit}`);
    }
    assert.equal(fresh.seq, undefined);
  });

  test("every truncation is refused", () => {
    const fresh = validatorFor(good);
    for (let length = 0; length < bundle.length; length += 3) {
      assert.notEqual(fresh.load(bundle.slice(0, length), good.now), undefined, `${length} bytes`);
    }
  });
});
