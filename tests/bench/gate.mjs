// Requests per second through the gate on raw workerd, beside what a Worker costs without it. Each round loads every contender in turn, so a
// ratio compares neighbours in time; a ratio above 1 means that the gate is faster.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { ingest } from "../support/gate.mjs";
import { Publisher } from "../support/publisher.mjs";
import { newToken } from "../support/token.mjs";
import { startWorkerd } from "../support/workerd.mjs";
import { load, requireWrk } from "./load.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
const KEYS = 1_000;

const root = resolve(import.meta.dirname, "../..");
const target = join(root, "target");
const folder = join(target, "latchkey/bench/gate");
const edge = process.env.EDGE_DIR ?? join(target, "latchkey/edge");

const report = (name, value, unit, note) => console.log(JSON.stringify({ name, value, unit, note }));

/** The worker crate's hello world, built and bound as the gate is. */
function buildWorkersRs(dir) {
  const cargo = (...args) => execFileSync("cargo", args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  cargo("build", "--package", "latchkey-bench-hello", "--target", "wasm32-unknown-unknown", "--profile", "wasm");
  const wasm = join(target, "wasm32-unknown-unknown/wasm/latchkey_bench_hello.wasm");
  cargo("run", "--quiet", "--package", "latchkey-bindgen", "--", "--target", "worker", "--out", dir, wasm);
  // Of the hand-written modules it needs none.
  for (const name of readdirSync(join(root, "edge/js"))) rmSync(join(dir, name), { force: true });
  cpSync(join(import.meta.dirname, "gate/workers-rs.js"), join(dir, "entry.js"));
}

/** A refusal as the gate makes it, for a Worker that makes nothing else. */
const REFUSAL = {
  status: 401,
  headers: {
    "cache-control": "no-store",
    "content-type": "application/problem+json",
    "www-authenticate": 'Bearer realm="latchkey", error="invalid_token"',
    "x-request-id": "req_0123456789abcdef0123000000000000",
  },
  body: JSON.stringify({
    type: "https://latchkey.dev/problems/not-found",
    title: "API Key Not Valid",
    status: 401,
    detail: "The API key is not valid.",
    code: "NOT_FOUND",
    request_id: "req_0123456789abcdef0123000000000000",
  }),
};

function assemble(publisher, key) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of ["hello", "refusal", "passthrough", "recipe"]) {
    cpSync(join(import.meta.dirname, `gate/${name}.js`), join(folder, name, "entry.js"));
  }
  buildWorkersRs(join(folder, "workers-rs"));
  cpSync(edge, join(folder, "gate"), { recursive: true });
  const UPSTREAM = { service: "hello" };
  const KEY_DIGEST = createHash("sha256").update(key.token).digest("hex");
  return [
    { name: "hello" },
    { name: "refusal", bindings: { ANSWER: JSON.stringify(REFUSAL) } },
    { name: "passthrough", bindings: { UPSTREAM } },
    { name: "recipe", bindings: { UPSTREAM, KEY_DIGEST } },
    { name: "workers-rs" },
    // An hour between refreshes: what is measured is a warm gate.
    { name: "gate", bindings: { UPSTREAM, ...publisher.settings, LATCHKEY_REFRESH_AFTER_MS: "60000" }, relay: true },
  ].map((contender) => ({ dir: join(folder, contender.name), ...contender }));
}

/** What is measured: a name, where, with which credential, and what every answer must be. */
function runs(at, key) {
  const good = { authorization: `Bearer ${key.token}` };
  const unknown = { authorization: `Bearer ${newToken()}` };
  return [
    { name: "js_hello", url: at("hello"), headers: good, expect: "allOk" },
    { name: "js_refusal", url: at("refusal"), headers: unknown, expect: "allRefused" },
    { name: "workers_rs_hello", url: at("workers-rs"), headers: good, expect: "allOk" },
    { name: "js_passthrough", url: at("passthrough"), headers: good, expect: "allOk" },
    { name: "recipe_allowed", url: at("recipe"), headers: good, expect: "allOk" },
    { name: "gate_allowed", url: at("gate"), headers: good, expect: "allOk" },
    { name: "gate_denied", url: at("gate"), headers: unknown, expect: "allRefused" },
  ];
}

const RATIOS = [
  ["gate.rps_ratio_js_hello", "gate_denied", "js_hello", "denials: the gate beside a JavaScript hello world"],
  ["gate.rps_ratio_js_refusal", "gate_denied", "js_refusal", "denials: the gate beside JavaScript that answers the same to everybody"],
  ["gate.rps_ratio_js_passthrough", "gate_allowed", "js_passthrough", "allowed requests, both with one call to the upstream"],
  ["gate.rps_ratio_webcrypto_recipe", "gate_allowed", "recipe_allowed", "allowed requests; the recipe knows no routes and permissions"],
  ["gate.rps_ratio_workers_rs", "gate_denied", "workers_rs_hello", "denials: the gate beside a hello world in the worker crate"],
];

async function measure(pid, at, key) {
  const list = runs(at, key);
  for (let round = -1; round < ROUNDS; round++) {
    const rates = {};
    const costs = {};
    for (const { name, url, headers, expect } of list) {
      const result = await load(pid, url, headers);
      if (!result[expect]) throw new Error(`${name}: not every answer was as expected (${expect})`);
      rates[name] = result.rate;
      costs[name] = result.cost;
    }
    // The first round warms everything up.
    if (round < 0) continue;
    console.log(`round ${round + 1}: ${Object.entries(rates).map(([name, rate]) => `${name} ${Math.round(rate)}`).join(", ")}`);
    for (const [name, one, other, note] of RATIOS) report(name, rates[one] / rates[other], "x", note);
    for (const [name, rate] of Object.entries(rates)) report(`gate.rps.${name}`, rate, "1/s", "");
    for (const [name, cost] of Object.entries(costs)) {
      if (Number.isFinite(cost)) report(`gate.cpu_us.${name}`, cost, "us", "processor time of workerd for one request");
    }
  }
}

async function main() {
  requireWrk();
  const publisher = new Publisher();
  const keys = Array.from({ length: KEYS }, () => publisher.addKey({ owner: "acme", metadata: { plan: "gold" } }));
  const contenders = assemble(publisher, keys[0]);
  const workerd = await startWorkerd(contenders);
  try {
    const answer = await ingest(workerd.url("gate"), publisher.bundle());
    if (answer.status !== 200) throw new Error(`the gate took no bundle: ${JSON.stringify(answer.body)}\n${workerd.logs()}`);
    await measure(workerd.pid(), (name) => `${workerd.url(name)}/v1/hello`, keys[0]);
  } finally {
    await workerd.close();
  }
}

await main();
