// What a decision costs in Wasm, in Node: Latchkey at 1k, 100k and 1M keys, beside one SHA-256 block in Wasm (its floor) and the
// recipe that a Worker would use without it (WebCrypto digest, then a Map). Interleaved: each round times every contender.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { wasm } from "../vectors/load.mjs";

const ROUNDS = 15;
const SIZES = { "1k": 1_000, "100k": 100_000, "1m": 1_000_000 };
const CALLS = 20_000;

const cargo = (...args) => execFileSync("cargo", args, { stdio: ["ignore", "ignore", "inherit"] });
const report = (name, value, unit, note) => console.log(JSON.stringify({ name, value, unit, note }));

/** A validator with a whole snapshot in memory, and inputs that are ready to be copied. */
function load(folder) {
  const trust = JSON.parse(readFileSync(join(folder, "trust.json"), "utf8"));
  const validator = new wasm.Validator(trust.audience, trust.trusted_keys);
  must(validator.load(readFileSync(join(folder, "bundle.bin")), trust.issued_at));
  const bodies = readFileSync(join(folder, "bodies.bin"));
  for (let at = 0; at < bodies.length; ) {
    const length = bodies.readUInt32LE(at);
    must(validator.supply(bodies.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  const tokens = readFileSync(join(folder, "tokens.txt"), "utf8").split("\n");
  // A power of two, so that picking one costs a mask and not a division.
  const sample = tokens.slice(0, 2 ** Math.floor(Math.log2(tokens.length)));
  return { validator, tokens: sample, now: trust.issued_at };
}

function must(refusal) {
  if (refusal !== undefined) throw new Error(`the snapshot was refused: ${refusal}`);
}

/** The hot path as a Worker runs it: header to Wasm memory by charCodeAt, a number comes back. */
function latchkey({ validator, tokens, now }) {
  const headers = tokens.map((token) => `Bearer ${token}`);
  const method = "GET";
  const path = "/v1/orders/1234";
  const memory = wasm.wasmMemory();
  let input = new Uint8Array(0);
  const write = (text, at) => {
    for (let i = 0; i < text.length; i++) input[at + i] = text.charCodeAt(i);
    return at + text.length;
  };
  const run = (calls) => {
    for (let i = 0; i < calls; i++) {
      const header = headers[i & (headers.length - 1)];
      // The buffer is another one after the memory has grown.
      if (input.buffer !== memory.buffer) input = new Uint8Array(memory.buffer, validator.inputOffset(), 16_384);
      write(path, write(method, write(header, 0)));
      if (validator.decidePacked(header.length, method.length, path.length, now) !== 1) {
        throw new Error("a key of the snapshot was denied");
      }
    }
  };
  return timed(run);
}

async function floor() {
  cargo("build", "--quiet", "--package", "latchkey-bench-floor", "--target", "wasm32-unknown-unknown", "--profile", "wasm");
  const module = readFileSync("target/wasm32-unknown-unknown/wasm/latchkey_bench_floor.wasm");
  const { instance } = await WebAssembly.instantiate(module, {});
  const { memory, input_offset, sha256_block } = instance.exports;
  const input = new Uint8Array(memory.buffer, input_offset(), 55);
  let sum = 0;
  return timed((calls) => {
    for (let i = 0; i < calls; i++) {
      input[0] = i;
      sum ^= sha256_block();
    }
    return sum;
  });
}

/** What one would write by hand: hash with WebCrypto, look the hex digest up in a Map, compare permission and expiry. */
function webcryptoRecipe({ tokens, now }) {
  const encoder = new TextEncoder();
  const keys = new Map();
  const digest = async (token) =>
    Buffer.from(await crypto.subtle.digest("SHA-256", encoder.encode(token))).toString("hex");
  return async () => {
    for (const token of tokens) {
      keys.set(await digest(token), { expiresAt: now + 86_400, permissions: new Set(["orders:read"]) });
    }
    return timed(async (calls) => {
      for (let i = 0; i < calls; i++) {
        const key = keys.get(await digest(tokens[i & (tokens.length - 1)]));
        if (!key || key.expiresAt <= now || !key.permissions.has("orders:read")) throw new Error("denied");
      }
    });
  };
}

/** Microseconds a call. */
function timed(run) {
  return async (calls) => {
    const start = process.hrtime.bigint();
    await run(calls);
    return Number(process.hrtime.bigint() - start) / 1_000 / calls;
  };
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  try {
    const writer = ["--quiet", "--release", "--package", "latchkey-snapshot", "--example", "write_snapshot"];
    cargo("build", ...writer);
    const contenders = { floor: await floor() };
    for (const [name, count] of Object.entries(SIZES)) {
      const into = join(folder, name);
      execFileSync(resolve("target/release/examples/write_snapshot"), [String(count), into]);
      contenders[name] = latchkey(load(into));
      if (name === "1m") contenders.webcrypto = await webcryptoRecipe(load(join(folder, "1k")))();
    }
    for (const contender of Object.values(contenders)) await contender(CALLS);
    for (let round = 0; round < ROUNDS; round++) {
      const cost = {};
      for (const [name, contender] of Object.entries(contenders)) cost[name] = await contender(CALLS);
      report("floor.sha256_block.wasm_us", cost.floor, "us", "one SHA-256 block in Wasm, alone");
      for (const [name, count] of Object.entries(SIZES)) {
        report(`decide.node.${name}_us`, cost[name], "us", `${count.toLocaleString("en")} keys, all in memory`);
      }
      report("decide.ratio_floor", cost["1m"] / cost.floor, "x", "cost at 1M keys over the floor");
      report("decide.ratio_webcrypto_recipe", cost.webcrypto / cost["1m"], "x", "WebCrypto and a Map of 512 keys, over ours at 1M");
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
