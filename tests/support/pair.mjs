// Two isolates of one gate under wrangler: the first has the relay and takes the pushes, the second asks it, as isolates elsewhere do. Both share KV, and fail
// on command (workers/counting-entry.js).
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bearer, gateAt, gateConfig, startUpstream, startWorkers } from "./gate.mjs";
import { behind } from "./isolates.mjs";

const WORKERS = join(import.meta.dirname, "workers");
const objectsOfFirst = ["Relay", "Ledger"].map((name) => ({ name: name.toUpperCase(), class_name: name, script_name: "first" }));

export class Pair {
  /** `interval`: milliseconds after which the second isolate asks for news; the first never does by itself. */
  static async start(publisher, interval) {
    const pair = new Pair();
    pair.publisher = publisher;
    pair.upstream = await startUpstream();
    pair.dir = behind("counting-entry.js", mkdtempSync(join(tmpdir(), "latchkey-counting-")));
    const vars = { ...publisher.settings, UPSTREAM_URL: pair.upstream.url };
    pair.workers = await startWorkers(
      gateConfig({ name: "first", dir: pair.dir, vars: { ...vars, LATCHKEY_REFRESH_AFTER_MS: "60000" } }),
      gateConfig({
        name: "second", dir: pair.dir, vars: { ...vars, LATCHKEY_REFRESH_AFTER_MS: String(interval) },
        durable_objects: { bindings: objectsOfFirst },
        migrations: undefined,
      }),
      {
        name: "stranger", main: join(WORKERS, "stranger.js"), compatibility_date: "2026-07-15", no_bundle: true,
        services: [{ binding: "GATE", service: "first" }],
        durable_objects: { bindings: objectsOfFirst },
      },
    );
    [pair.first, pair.second] = [pair.#gate("first"), pair.#gate("second")];
    await pair.#openKv();
    return pair;
  }

  #gate(name) {
    const worker = () => this.workers.harness.getWorker(name);
    const fetch = (path, init) => worker().fetch(`http://gate${path}`, { redirect: "manual", ...init });
    const json = async (path, body) => (await fetch(path, body && { method: "POST", body: JSON.stringify(body) })).json();
    return {
      ...gateAt(this.workers.url, this.publisher),
      fetch,
      status: () => json("/.well-known/latchkey/status"),
      counts: () => json("/__counts"),
      break: (which) => json("/__break", which),
      admits: async (key) => (await fetch("/v1/hello", { headers: bearer(key) })).status === 200,
    };
  }

  /** What fails, of both isolates: {relay, kv}. */
  breakDown(which) {
    return Promise.all([this.first.break(which), this.second.break(which)]);
  }

  /** What KV has under a name, or null. */
  async stored(name) {
    const value = await this.kv.get(name, "arrayBuffer");
    return value === null ? null : Buffer.from(value);
  }

  /** The seq of the head in KV. */
  async storedSeq() {
    const head = await this.stored(this.publisher.headName);
    return head === null ? null : Number(head.readBigUInt64LE(20));
  }

  /** Gives a Worker a new isolate, by a setting that it does not know. */
  async restart(name) {
    await this.workers.harness.update((options) => ({
      ...options,
      workers: options.workers.map(({ config }) => ({
        config: config.name === name ? { ...config, vars: { ...config.vars, RESTARTED: String(Date.now()) } } : config,
      })),
    }));
    await this.#openKv();
  }

  // A restart of any Worker makes earlier handles useless.
  async #openKv() {
    this.kv = (await this.workers.harness.getWorker("first").getEnv()).LATCHKEY_KV;
  }

  async close() {
    await this.workers?.close();
    this.upstream?.close();
    rmSync(this.dir, { recursive: true });
  }
}
