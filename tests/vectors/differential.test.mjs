// The Wasm build and the native one decide the same requests alike: good ones, and thousands that were made of them by small changes.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { bytes, wasm } from "./load.mjs";

const REQUESTS = Number(process.env.LATCHKEY_FUZZ_RUNS ?? 20_000);
const INPUT_BYTES = 16_384;

test(`${REQUESTS} requests are decided natively as in Wasm`, () => {
  const args = ["run", "--quiet", "--package", "latchkey-fuzz-targets", "--example", "write_decisions", "--", String(REQUESTS)];
  const output = execFileSync("cargo", args, { encoding: "latin1", maxBuffer: 1 << 30 });
  const [deployment, ...cases] = output.trim().split("\n").map((line) => line.split(" "));
  const [audience, trustedKey, now, bundle] = deployment;
  const validator = new wasm.Validator(audience, [trustedKey]);
  assert.equal(validator.load(bytes(bundle), Number(now)), undefined);
  const codes = new Set();
  for (const [code, request] of cases) {
    // Credential, method, address, target; the last one may hold line breaks.
    const [authorization, method, address, ...rest] = Buffer.from(request ?? "", "hex").toString("latin1").split("\n");
    const parts = [authorization, method ?? "", rest.join("\n"), address ?? ""].map((part) => Buffer.from(part, "latin1"));
    const all = Buffer.concat(parts);
    if (all.length > INPUT_BYTES) continue;
    new Uint8Array(wasm.wasmMemory().buffer, validator.inputOffset()).set(all);
    const [a, m, t, from] = parts.map((part) => part.length);
    assert.equal(validator.decidePacked(a, m, t, Number(now), from), Number(code), request);
    codes.add(code);
  }
  assert.ok(codes.size > 4, `only ${[...codes]}`);
});
