// What a decision costs in Wasm: in Node at 1k, 100k and 1M keys, in workerd at 1M. Beside it one SHA-256 block in Wasm (the floor), and what one would
// use without Latchkey: the WebCrypto recipe, and signed tokens. Interleaved: each round times every contender.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startWorkerd } from "../support/workerd.mjs";
import { wasm } from "../vectors/load.mjs";
import { floor, latchkey, load } from "./decide/contenders.js";
import { joseEddsa, webcryptoRecipe } from "./decide/peers.js";

const ROUNDS = 15;
const SIZES = { "1k": 1_000, "100k": 100_000, "1m": 1_000_000 };
/** Address rules of each key where a decision makes every check that it can: 50 routes, roles, a constraint in the path and one in the query. */
const RESTRICTED = { few_rules_1m: 4, full_1m: 256 };
const CALLS = 20_000;
/** Signed tokens take a hundred times as long as anything else here. */
const JOSE_CALLS = 500;
/** Enough that a request to workerd is short beside them. */
const WORKERD_CALLS = 100_000;
const BUILT = resolve("target/wasm32-unknown-unknown/wasm");

const cargo = (...args) => execFileSync("cargo", args, { stdio: ["ignore", "ignore", "inherit"] });
const report = (name, value, unit, note) => console.log(JSON.stringify({ name, value, unit, note }));

function build() {
  cargo("build", "--quiet", "--release", "--package", "latchkey-snapshot", "--example", "write_snapshot");
  cargo("build", "--quiet", "--package", "latchkey-bench-floor", "--target", "wasm32-unknown-unknown", "--profile", "wasm");
}

/** A snapshot of this many keys, as the bytes of its files. */
function snapshot(count, folder, ...rules) {
  execFileSync(resolve("target/release/examples/write_snapshot"), [count, folder, ...rules].map(String));
  const names = { trust: "trust.json", bundle: "bundle.bin", bodies: "bodies.bin", tokens: "tokens.txt", request: "request.json" };
  return Object.fromEntries(Object.entries(names).map(([name, file]) => [name, readFileSync(join(folder, file))]));
}

/** Starts workerd with the Wasm and the snapshots, by contender, in memory. */
async function inWorkerd(folder, snapshots) {
  cargo("run", "--quiet", "--package", "latchkey-bindgen", "--", "--target", "web", "--out", folder, join(BUILT, "latchkey_wasm.wasm"));
  copyFileSync(join(BUILT, "latchkey_bench_floor.wasm"), join(folder, "floor.wasm"));
  copyFileSync(join(import.meta.dirname, "decide/contenders.js"), join(folder, "contenders.js"));
  copyFileSync(join(import.meta.dirname, "decide/worker.js"), join(folder, "entry.js"));
  const workerd = await startWorkerd([{ name: "bench", dir: folder }]);
  const request = async (path, init) => {
    const answer = await fetch(workerd.url("bench") + path, init);
    if ((await answer.text()) !== "done\n") throw new Error(`workerd failed: ${workerd.logs()}`);
  };
  for (const [contender, files] of Object.entries(snapshots)) {
    const body = new FormData();
    for (const [name, bytes] of Object.entries(files)) body.set(name, new Blob([bytes]));
    await request(`/?contender=${contender}`, { method: "POST", body });
  }
  const run = (contender, calls) => request(`/?contender=${contender}&calls=${calls}`);
  return { run, close: workerd.close };
}

/** Microseconds a call. */
async function time(run, calls) {
  const start = process.hrtime.bigint();
  await run(calls);
  return Number(process.hrtime.bigint() - start) / 1_000 / calls;
}

/** Microseconds a call, without what is spent once a run: twice as many calls take so much longer. */
async function slope(run, calls) {
  const once = (await time(run, calls)) * calls;
  const twice = (await time(run, 2 * calls)) * 2 * calls;
  return (twice - once) / calls;
}

/** What each round times: by name, microseconds a call. */
async function contenders(snapshots, workerd) {
  const runs = { floor: floor(new WebAssembly.Module(readFileSync(join(BUILT, "latchkey_bench_floor.wasm")))) };
  for (const [name, files] of Object.entries(snapshots)) runs[name] = latchkey(wasm, load(wasm, files));
  const few = load(wasm, snapshots["1k"]);
  runs.webcrypto = await webcryptoRecipe(few);
  const jose = await joseEddsa(few);
  const timed = Object.entries(runs).map(([name, run]) => [name, () => time(run, CALLS)]);
  return {
    ...Object.fromEntries(timed),
    jose: () => time(jose, JOSE_CALLS),
    workerdFloor: () => slope((calls) => workerd.run("floor", calls), 4 * WORKERD_CALLS),
    workerd: () => slope((calls) => workerd.run("1m", calls), WORKERD_CALLS),
    workerdFull: () => slope((calls) => workerd.run("full_1m", calls), WORKERD_CALLS),
  };
}

function reportRound(cost) {
  report("floor.sha256_block.wasm_us", cost.floor, "us", "one SHA-256 block in Wasm, alone");
  report("floor.sha256_block.workerd_us", cost.workerdFloor, "us", "the same in workerd");
  for (const [name, count] of Object.entries(SIZES)) {
    report(`decide.node.${name}_us`, cost[name], "us", `${count.toLocaleString("en")} keys, all in memory`);
  }
  report("decide.workerd.1m_us", cost.workerd, "us", "1,000,000 keys, all in memory, in workerd");
  const all = "50 routes, roles, 2 constraints, address rules:";
  for (const [name, rules] of Object.entries(RESTRICTED)) report(`decide.node.${name}_us`, cost[name], "us", `1,000,000 keys, ${all} ${rules}`);
  report("decide.workerd.full_1m_us", cost.workerdFull, "us", `1,000,000 keys in workerd, ${all} ${RESTRICTED.full_1m}`);
  report("decide.full_ratio_floor", cost.full_1m / cost.floor, "x", "cost of all checks at 1M keys over the floor");
  report("decide.full_workerd_ratio_floor", cost.workerdFull / cost.workerdFloor, "x", "the same in workerd");
  report("decide.ratio_address_rules", cost.full_1m / cost.few_rules_1m, "x", "256 address rules over 4");
  report("decide.ratio_floor", cost["1m"] / cost.floor, "x", "cost at 1M keys over the floor");
  report("decide.ratio_webcrypto_recipe", cost.webcrypto / cost["1m"], "x", "WebCrypto and a Map of 512 keys, over ours at 1M");
  report("decide.ratio_jose_eddsa", cost.jose / cost["1m"], "x", "jose verifying an EdDSA token, key imported, over ours at 1M");
}

async function main() {
  build();
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  let workerd;
  try {
    const snapshots = {};
    for (const [name, count] of Object.entries(SIZES)) snapshots[name] = snapshot(count, join(folder, name));
    for (const [name, rules] of Object.entries(RESTRICTED)) snapshots[name] = snapshot(1_000_000, join(folder, name), rules);
    workerd = await inWorkerd(join(folder, "workerd"), { "1m": snapshots["1m"], full_1m: snapshots.full_1m });
    const timed = Object.entries(await contenders(snapshots, workerd));
    // The first round warms everything up.
    for (let round = 0; round <= ROUNDS; round++) {
      const cost = {};
      for (const [name, measure] of timed) cost[name] = await measure();
      if (round > 0) reportRound(cost);
    }
  } finally {
    await workerd?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
