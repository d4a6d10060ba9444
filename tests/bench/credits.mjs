// Spends per second through leases, beside one Durable Object call for each request, on raw workerd with the objects' storage on disk. Each round loads every contender
// in turn, so a ratio compares neighbours in time; a ratio above 1 means that leases are faster.
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { ingest } from "../support/gate.mjs";
import { Publisher } from "../support/publisher.mjs";
import { startWorkerd } from "../support/workerd.mjs";
import { load, requireWrk } from "./load.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
const GRANTED = 1_000_000_000_000;

const root = resolve(import.meta.dirname, "../..");
const folder = join(root, "target/latchkey/bench/credits");
const edge = process.env.EDGE_DIR ?? join(root, "target/latchkey/edge");

const report = (name, value, unit, note) => console.log(JSON.stringify({ name, value, unit, note }));

function assemble(publisher) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(import.meta.dirname, "gate/hello.js"), join(folder, "hello/entry.js"));
  cpSync(join(import.meta.dirname, "credits/object.js"), join(folder, "object/entry.js"));
  cpSync(edge, join(folder, "gate"), { recursive: true });
  const UPSTREAM = { service: "hello" };
  return [
    { name: "hello" },
    { name: "object", bindings: { UPSTREAM }, relay: true },
    { name: "gate", bindings: { UPSTREAM, ...publisher.settings, LATCHKEY_REFRESH_AFTER_MS: "60000" }, relay: true },
  ].map((contender) => ({ dir: join(folder, contender.name), ...contender }));
}

/** What is measured: a name, where, and as whom. */
function runs(at, keys) {
  return [
    { name: "spends", url: at("gate"), key: keys.limited, note: "usage-limited key, spending from a lease" },
    { name: "object_calls", url: at("object"), key: keys.limited, note: "JavaScript: one Durable Object call for each request, no key and route checked" },
    { name: "exact_limits", url: at("gate"), key: keys.exact, note: "the gate with an exact rate limit: one call to the ledger for each request" },
    { name: "free", url: at("gate"), key: keys.free, note: "a key that is not usage-limited, the floor" },
  ];
}

async function measure(pid, list) {
  for (let round = -1; round < ROUNDS; round++) {
    const rates = {};
    const costs = {};
    for (const { name, url, key } of list) {
      const result = await load(pid, url, { authorization: `Bearer ${key.token}` });
      if (!result.allOk) throw new Error(`${name}: not every request passed`);
      rates[name] = result.rate;
      costs[name] = result.cost;
    }
    // The first round warms everything up.
    if (round < 0) continue;
    console.log(`round ${round + 1}: ${Object.entries(rates).map(([name, rate]) => `${name} ${Math.round(rate)}`).join(", ")}`);
    report("credits.spends_per_s", rates.spends, "1/s", list[0].note);
    report("credits.ratio_object_calls", rates.spends / rates.object_calls, "x", "leases beside one Durable Object call for each request");
    report("credits.ratio_free", rates.spends / rates.free, "x", "what counting costs: beside keys that spend freely");
    for (const { name, note } of list.slice(1)) report(`credits.${name}_per_s`, rates[name], "1/s", note);
    for (const { name } of list) {
      if (Number.isFinite(costs[name])) report(`credits.cpu_us.${name}`, costs[name], "us", "processor time of workerd for one request");
    }
  }
}

async function main() {
  requireWrk();
  const publisher = new Publisher();
  publisher.routes = [{ method: "GET", path: "/v1/hello", cost: { request: 1 } }];
  const keys = {
    limited: publisher.addKey({ credits: { seq: 1, granted: { request: GRANTED } } }),
    exact: publisher.addKey({ rateLimits: { day: { limit: 4_000_000_000, window: 86_400, mode: "exact" } } }),
    free: publisher.addKey(),
  };
  const workerd = await startWorkerd(assemble(publisher));
  try {
    const answer = await ingest(workerd.url("gate"), publisher.bundle());
    if (answer.status !== 200) throw new Error(`the gate took no bundle: ${JSON.stringify(answer.body)}\n${workerd.logs()}`);
    await measure(workerd.pid(), runs((name) => `${workerd.url(name)}/v1/hello`, keys));
  } finally {
    await workerd.close();
  }
}

await main();
