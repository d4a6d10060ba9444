// Requests per second through the gate on raw workerd, beside what a Worker costs without it. Each round loads every contender in turn, so a
// ratio compares neighbours in time; a ratio above 1 means that the gate is faster.
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { ingest } from "../support/gate.mjs";
import { Publisher } from "../support/publisher.mjs";
import { newToken } from "../support/token.mjs";
import { startWorkerd } from "../support/workerd.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const CONNECTIONS = 16;
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
  for (const name of ["facts", "instance", "limits", "objects", "problem", "upstream"]) rmSync(join(dir, `${name}.js`), { force: true });
  cpSync(join(import.meta.dirname, "gate/workers-rs.js"), join(dir, "entry.js"));
}

function assemble(publisher, key) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of ["hello", "passthrough", "recipe"]) {
    cpSync(join(import.meta.dirname, `gate/${name}.js`), join(folder, name, "entry.js"));
  }
  buildWorkersRs(join(folder, "workers-rs"));
  cpSync(edge, join(folder, "gate"), { recursive: true });
  const UPSTREAM = { service: "hello" };
  const KEY_DIGEST = createHash("sha256").update(key.token).digest("hex");
  return [
    { name: "hello" },
    { name: "passthrough", bindings: { UPSTREAM } },
    { name: "recipe", bindings: { UPSTREAM, KEY_DIGEST } },
    { name: "workers-rs" },
    // An hour between refreshes: what is measured is a warm gate.
    { name: "gate", bindings: { UPSTREAM, ...publisher.settings, LATCHKEY_REFRESH_AFTER_MS: "60000" }, relay: true },
  ].map((contender) => ({ dir: join(folder, contender.name), ...contender }));
}

/** Microseconds of processor time that a process has used. Unlike requests per second it does not change with what else the machine does. */
function processorTime(pid) {
  if (process.platform !== "linux") return Number.NaN;
  // Fields 14 and 15 of proc(5), counted from behind the name, in ticks of 10 ms.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Requests per second, processor time of each, and whether the answers were all good or all refusals. */
async function load(pid, url, headers) {
  const before = processorTime(pid);
  const args = ["-t1", `-c${CONNECTIONS}`, `-d${SECONDS}s`, ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]), url];
  const { stdout } = await promisify(execFile)("wrk", args);
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  const total = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  if (!Number.isFinite(rate) || /Socket errors/.test(stdout)) throw new Error(`wrk against ${url}:\n${stdout}`);
  return { rate, cost: (processorTime(pid) - before) / total, allOk: refused === 0, allRefused: refused === total };
}

/** What is measured: a name, where, with which credential, and what every answer must be. */
function runs(at, key) {
  const good = { authorization: `Bearer ${key.token}` };
  const unknown = { authorization: `Bearer ${newToken()}` };
  return [
    { name: "js_hello", url: at("hello"), headers: good, expect: "allOk" },
    { name: "workers_rs_hello", url: at("workers-rs"), headers: good, expect: "allOk" },
    { name: "js_passthrough", url: at("passthrough"), headers: good, expect: "allOk" },
    { name: "recipe_allowed", url: at("recipe"), headers: good, expect: "allOk" },
    { name: "gate_allowed", url: at("gate"), headers: good, expect: "allOk" },
    { name: "gate_denied", url: at("gate"), headers: unknown, expect: "allRefused" },
  ];
}

const RATIOS = [
  ["gate.rps_ratio_js_hello", "gate_denied", "js_hello", "denials: the gate beside a JavaScript hello world"],
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
  try {
    execFileSync("wrk", ["--version"], { stdio: "ignore" });
  } catch (error) {
    if (error.code === "ENOENT") throw new Error("wrk is missing; install it (Debian: apt-get install wrk)");
  }
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
