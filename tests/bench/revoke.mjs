// How long it takes from the API's answer to a revocation until gates refuse the key, while 10,000 other changes a minute go on: in the isolate that took the
// push, in isolates that learn of it from the relay (one lets a question wait there, as by default; one only asks, every 2 s), and in one that has KV alone, of
// which its location caches what was read for as long as the gate lets it. Also, from a create to the first admission in the isolate that takes pushes.
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { edgeDir } from "../support/gate.mjs";
import { startKv } from "../support/kv.mjs";
import { ControlPlane, createKey, createKeyspace, eventually, gateVars, temporaryFolder } from "../support/processes.mjs";
import { startWorkerd } from "../support/workerd.mjs";

/** The aim is at least 1,000; so many are enough to see whether anything has changed. */
const REVOCATIONS = Number(process.env.LATCHKEY_BENCH_ROUNDS ?? 200);
const REVOCATIONS_PER_SECOND = 20;
const CHANGES_PER_SECOND = 10_000 / 60 - REVOCATIONS_PER_SECOND;
const CREATORS = 8;
const ADMISSIONS = 50;
const LATE_MS = 120_000;
const SETTINGS = { LATCHKEY_REQUESTS_PER_SECOND: "1000000", LATCHKEY_LOG: "warn" };

const report = (name, value, extra) => console.log(JSON.stringify({ name, value, unit: "ms", ...extra }));

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

function reportTimes(name, values, note) {
  values.sort((a, b) => a - b);
  const spread = { low: values[0], high: values.at(-1), note };
  report(`${name}.p50_ms`, percentile(values, 0.5), spread);
  report(`${name}.p99_ms`, percentile(values, 0.99), spread);
}

/** Who is watched: by the name of its figure, its Worker, and how often it is asked. */
const WATCHED = [
  { figure: "revoke", worker: "pushed", everyMs: 5 },
  { figure: "revoke.elsewhere", worker: "elsewhere", everyMs: 20 },
  { figure: "revoke.elsewhere_polling", worker: "polling", everyMs: 20 },
  { figure: "revoke.kv_only", worker: "kv", everyMs: 100 },
];

async function startGates(folder, vars, kv, location) {
  mkdirSync(join(folder, "hello"));
  cpSync(join(import.meta.dirname, "gate/hello.js"), join(folder, "hello/entry.js"));
  const bindings = { ...vars, UPSTREAM: { service: "hello" }, LATCHKEY_KV: { kv: kv.address } };
  const gate = (name, relay, settings) => ({ name, dir: edgeDir, bindings: { ...bindings, ...settings }, relay });
  return startWorkerd([
    { name: "hello", dir: join(folder, "hello") },
    gate("objects", true),
    gate("pushed", "objects"),
    gate("elsewhere", "objects"),
    gate("polling", "objects", { LATCHKEY_RELAY_WAIT_MS: "0" }),
    gate("kv", false, { LATCHKEY_KV: { kv: location.address } }),
  ]);
}

class Bench {
  revoked = [];
  hasEnded = false;
  changes = 0;

  async code(worker, secret) {
    const response = await fetch(`${this.gates.url(worker)}/v1/hello`, { headers: { authorization: `Bearer ${secret}` } });
    const text = await response.text();
    return response.status === 200 ? "VALID" : JSON.parse(text).code;
  }

  /** Changes that are nobody's concern, at an even pace. */
  async createOthers() {
    const started = performance.now();
    const creator = async () => {
      while (!this.hasEnded) {
        const due = (this.changes++ / CHANGES_PER_SECOND) * 1_000 - (performance.now() - started);
        if (due > 0) await pause(due);
        await createKey(this.plane, this.keyspace);
      }
    };
    await Promise.all(Array.from({ length: CREATORS }, creator));
    return ((this.changes + this.revoked.length) / (performance.now() - started)) * 60_000;
  }

  async revoke(keys) {
    const started = performance.now();
    for (const [i, key] of keys.entries()) {
      await pause(Math.max(0, (i / REVOCATIONS_PER_SECOND) * 1_000 - (performance.now() - started)));
      await this.plane.api("DELETE", `/v1/keys/${key.id}`);
      this.revoked.push({ ...key, at: performance.now() });
    }
  }

  /** Heads contain all changes before them, so the keys are refused in the order of their revocation, and the first that is not is asked for. */
  async watch({ worker, everyMs }) {
    const took = [];
    while (took.length < REVOCATIONS) {
      const key = this.revoked[took.length];
      const isRefused = key !== undefined && (await this.code(worker, key.secret)) !== "VALID";
      if (isRefused) took.push(performance.now() - key.at);
      else if (key !== undefined && performance.now() - key.at > LATE_MS) throw new Error(`${worker} still admits a key after ${LATE_MS} ms`);
      else await pause(everyMs);
    }
    return took;
  }

  async admit() {
    const took = [];
    for (let i = 0; i < ADMISSIONS; i++) {
      const key = await createKey(this.plane, this.keyspace);
      const at = performance.now();
      await eventually("admitted", async () => (await this.code("pushed", key.secret)) === "VALID", 10_000, 1);
      took.push(performance.now() - at);
    }
    return took;
  }
}

async function main() {
  const folder = await temporaryFolder();
  const kv = await startKv();
  const location = await startKv({ read: kv.get, caches: true });
  const bench = new Bench();
  bench.plane = await ControlPlane.start({ folder: folder.path, env: SETTINGS });
  try {
    bench.keyspace = await createKeyspace(bench.plane, undefined, { gates: [] });
    const vars = await gateVars(bench.plane, bench.keyspace, { url: "http://127.0.0.1:9" });
    delete vars.UPSTREAM_URL;
    bench.gates = await startGates(folder.path, vars, kv, location);
    await bench.plane.api("PATCH", `/v1/keyspaces/${bench.keyspace.id}`, { gates: [{ url: bench.gates.url("pushed") }] });
    const keys = [];
    for (let i = 0; i < REVOCATIONS; i++) keys.push(await createKey(bench.plane, bench.keyspace));
    for (const { worker } of WATCHED) {
      await eventually(`${worker} admits`, async () => (await bench.code(worker, keys.at(-1).secret)) === "VALID", LATE_MS, 100);
    }
    const others = bench.createOthers();
    const [admitted, , ...refused] = await Promise.all([bench.admit(), bench.revoke(keys), ...WATCHED.map((watched) => bench.watch(watched))]);
    bench.hasEnded = true;
    const note = `${REVOCATIONS} revocations, ${Math.round(await others)} changes a minute`;
    reportTimes("admit", admitted, note);
    for (const [i, { figure }] of WATCHED.entries()) reportTimes(figure, refused[i], note);
  } finally {
    bench.hasEnded = true;
    await bench.gates?.close();
    await bench.plane.stop();
    kv.close();
    location.close();
    await folder.remove();
  }
}

await main();
