// spec/vectors/token.json, read by the Wasm that browsers and JavaScript Workers use.
import assert from "node:assert/strict";
import { test } from "node:test";
import { vectors, wasm } from "./load.mjs";

const { inspectToken, tagWithPepper } = wasm;
const cases = vectors("token");
const pepper = Buffer.from(cases.pepper.key, "hex");

// Each character of an input stands for one byte.
const latin1 = (text) => Buffer.from(text, "latin1");

function takesApart(vector, allowForeign) {
  const found = inspectToken(latin1(vector.input), allowForeign);
  for (const field of ["kind", "prefix", "environment", "start", "digest", "tag"]) {
    assert.equal(found[field], vector[field], field);
  }
  assert.equal(tagWithPepper(latin1(vector.input), cases.pepper.version, pepper), vector.tag_with_pepper);
}

for (const vector of cases.tokens) {
  test(`token ${vector.number}: ${vector.name}`, () => {
    if (vector.error === undefined) {
      takesApart(vector, false);
      return;
    }
    assert.deepEqual(inspectToken(latin1(vector.input), false), { error: vector.error });
    const foreign = inspectToken(latin1(vector.input), true);
    assert.equal(foreign.error, vector.foreign_error);
    assert.equal(foreign.kind, vector.foreign_error === undefined ? "foreign" : undefined);
  });
}

for (const vector of cases.foreign) {
  test(`foreign token ${vector.number}: ${vector.name}`, () => {
    takesApart(vector, true);
    assert.notEqual(inspectToken(latin1(vector.input), false).error, undefined, "refused where only our own are taken");
  });
}
