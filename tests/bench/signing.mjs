// What verifying a signed request costs in Wasm, beside what the host's own Ed25519 takes and beside a library that does the same in JavaScript.
import { execFileSync } from "node:child_process";
import { createVerifier, httpbis } from "http-message-signatures";
import { createPublicKey, sign as signBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { keyPairFromSeed, sign } from "../support/signing.mjs";

const ROUNDS = 11;
const CALLS = 300;
const MEGABYTES = 5;
const MODULE = join(resolve("target/wasm32-unknown-unknown/wasm"), "latchkey_bench_signing.wasm");

const report = (name, value, unit, note) => console.log(JSON.stringify({ name, value, unit, note }));

/** Microseconds a call. */
async function time(run, calls) {
  const start = process.hrtime.bigint();
  const right = await run(calls);
  if (right !== calls) throw new Error(`${right} of ${calls} verified`);
  return Number(process.hrtime.bigint() - start) / 1_000 / calls;
}

async function host() {
  const pair = keyPairFromSeed(Buffer.alloc(32, 1));
  const message = Buffer.alloc(250, 7);
  const signature = signBytes(null, message, pair.privateKey);
  const key = await crypto.subtle.importKey("raw", pair.publicKey, "Ed25519", false, ["verify"]);
  return async (calls) => {
    let right = 0;
    for (let i = 0; i < calls; i++) right += Number(await crypto.subtle.verify("Ed25519", key, signature, message));
    return right;
  };
}

function library() {
  const pair = keyPairFromSeed(Buffer.alloc(32, 1));
  const request = {
    method: "POST", scheme: "https", authority: "api.example.com", target: "/v1/networks/mainnet/items?page=2&order=asc",
    fields: [["content-type", "application/json"]],
  };
  const signed = sign(request, {
    pair, components: ["@method", "@authority", "@path", "@query", "content-type"],
    parameters: { created: Math.floor(Date.now() / 1000), keyid: "sk_0000000000001" },
  });
  const headers = Object.fromEntries([...request.fields, ...signed]);
  const message = { method: request.method, url: `https://${request.authority}${request.target}`, headers };
  const verifier = { id: "sk_0000000000001", algs: ["ed25519"], verify: createVerifier(createPublicKey(pair.privateKey), "ed25519") };
  return async (calls) => {
    let right = 0;
    for (let i = 0; i < calls; i++) right += Number(await httpbis.verifyMessage({ keyLookup: async () => verifier }, message));
    return right;
  };
}

execFileSync("cargo", ["build", "--quiet", "--package", "latchkey-bench-signing", "--target", "wasm32-unknown-unknown", "--profile", "wasm"], { stdio: "inherit" });
const { verify_requests, verify_bytes, digest_megabytes } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(MODULE))).exports;
const [webcrypto, javascript] = [await host(), library()];
// The first round warms everything up.
for (let round = 0; round <= ROUNDS; round++) {
  const request = await time(verify_requests, CALLS);
  const bytes = await time(verify_bytes, CALLS);
  const hosts = await time(webcrypto, CALLS);
  const libraries = await time(javascript, CALLS);
  const digest = await time(digest_megabytes, MEGABYTES);
  if (round === 0) continue;
  report("signing.request.wasm_us", request, "us", "parse, build what was signed, verify; in Node's Wasm");
  report("signing.ed25519.wasm_us", bytes, "us", "the strict Ed25519 verification in it, alone");
  report("signing.ed25519.webcrypto_us", hosts, "us", "the host's verification, not strict, one await each");
  report("signing.library_us", libraries, "us", "http-message-signatures with node:crypto");
  report("signing.ratio_webcrypto", request / hosts, "x", "ours, all of it, over the host's verification");
  report("signing.sha256_mebibyte.wasm_ms", digest / 1_000, "ms", "a body's digest without the host's help");
}
