// What the admin API does in a second with 64 clients: creates, reads, lists, look-ups by token and changes, with 1,000, 100,000 and 1,000,000
// keys in the database. Every answered mutation is on disk, so the disk's own rate of flushes is measured in the same rounds.
//
// The load comes from wrk, which costs a few per cent of a core. The notes say how busy it and the control plane were, and what a create costs is
// reported by itself: on a machine with few cores all of them share these with whatever else runs, and processor time for a create says what
// the control plane does with a machine of its own. The thread that writes is one, so what it takes bounds the rate on any number of cores.
import { execFile, execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { ControlPlane, createKeyspace, eventually, temporaryFolder } from "../support/processes.mjs";
import { Disk } from "./control-plane/disk.mjs";
import { fill } from "./control-plane/fill.mjs";
import { processorTime } from "./processor.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 1);
const CLIENTS = 64;
const SIZES = [["1k", 1_000], ["100k", 100_000], ["1m", 1_000_000]];
const PUBLISHED_WITHIN_MS = 60_000;
const DISK_MS = 500;

/** The rate bound is out of the way, and no line is logged for each request. */
const SETTINGS = { LATCHKEY_REQUESTS_PER_SECOND: "1000000", LATCHKEY_LOG: "warn" };

const LOAD = resolve(import.meta.dirname, "control-plane/load.lua");

const report = (name, value, unit, note) => console.log(JSON.stringify({ name: `control_plane.${name}`, value, unit, note }));

/** A control plane with a keyspace, stopped and started as it is filled. */
class Bench {
  known = [];

  static async prepare(folder) {
    const bench = new Bench();
    bench.folder = folder;
    bench.data = join(folder, "control-plane");
    bench.disk = new Disk(join(folder, "disk"));
    await bench.start();
    bench.keyspace = (await createKeyspace(bench.plane, undefined, { gates: [] })).id;
    return bench;
  }

  async start() {
    this.plane = await ControlPlane.start({ folder: this.folder, env: SETTINGS, adminKey: this.plane?.adminKey });
    this.pid = Number(readFileSync(join(this.data, "latchkey.lock"), "utf8"));
  }

  async stop() {
    await this.plane.stop();
  }

  /** Afterwards the control plane runs with `total` keys, all of them published. */
  async fillUpTo(total) {
    await this.stop();
    const started = performance.now();
    const { known, lastChange } = fill({ database: join(this.data, "latchkey.db"), keyspace: this.keyspace, prefix: "story", total });
    this.known.push(...known);
    const filled = performance.now();
    await this.start();
    await eventually("the keys are published", async () => {
      const { change_seq } = await this.plane.api("GET", `/v1/keyspaces/${this.keyspace}/snapshot`);
      return BigInt(change_seq) >= lastChange;
    }, PUBLISHED_WITHIN_MS, 100);
    const took = (from, to) => ((to - from) / 1_000).toFixed(1);
    console.log(`${total} keys: filled in ${took(started, filled)} s, published in ${took(filled, performance.now())} s`);
  }

  /** The cursor half-way down the list. */
  async deepCursor(total) {
    let cursor = "";
    for (let seen = 0; seen < total / 2; seen += 100) {
      const page = await this.plane.api("GET", `/v1/keyspaces/${this.keyspace}/keys?limit=100${cursor && `&cursor=${cursor}`}`);
      cursor = page.next_cursor;
    }
    return cursor;
  }

  /** Requests by the name of what is measured. */
  async loads(total) {
    const list = `/v1/keyspaces/${this.keyspace}/keys`;
    const cursor = await this.deepCursor(total);
    return {
      get: this.known.map(({ id }) => ["GET", `/v1/keys/${id}`]),
      list: [["GET", list]],
      list_deep: [["GET", `${list}?cursor=${cursor}`]],
      lookup: this.known.map(({ token }) => ["POST", "/v1/keys:lookup", JSON.stringify({ token })]),
      patch: this.known.map(({ id }, i) => ["PATCH", `/v1/keys/${id}`, JSON.stringify({ description: `changed ${i}` })]),
      create: [["POST", list, JSON.stringify({ permissions: ["hello:read"] })]],
    };
  }

  /** Requests per second, percentiles in milliseconds, and who was how busy. */
  async run(name, requests) {
    const file = join(this.folder, "load");
    writeFileSync(file, requests.map(([method, path, body = ""]) => `${method}\t${path}\t${body}\n`).join(""), { mode: 0o600 });
    const type = name === "patch" ? "application/merge-patch+json" : "application/json";
    const env = { ...process.env, LATCHKEY_LOAD: file, LATCHKEY_ADMIN_KEY: this.plane.adminKey, LATCHKEY_CONTENT_TYPE: type };
    const before = this.processorTimes();
    const { stdout } = await promisify(execFile)("wrk", ["-t1", `-c${CLIENTS}`, `-d${SECONDS}s`, "-s", LOAD, this.plane.url], { env });
    const after = this.processorTimes();
    const { requests: count, micros, p50, p99, refused, broken } = JSON.parse(stdout.trim().split("\n").at(-1));
    if (count === 0 || refused + broken > 0) throw new Error(`${name}: ${refused} of ${count} refused, ${broken} broken\n${stdout}`);
    const used = after.map((time, i) => time - before[i]);
    const [plane, writer, load] = used.map((time) => Math.round((100 * time) / micros));
    const note = Number.isFinite(plane) ? `control plane ${plane} % of a core, of which the writer ${writer} %; wrk ${load} %` : "";
    const [planeMicros, writerMicros, loadMicros] = used.map((time) => time / count);
    return { rate: (count / micros) * 1e6, p50: p50 / 1_000, p99: p99 / 1_000, note, planeMicros, writerMicros, loadMicros };
  }

  /** Microseconds of processor time that the control plane, its thread that writes, and the loads that have ended have used. */
  processorTimes() {
    if (process.platform !== "linux") return [Number.NaN, Number.NaN, Number.NaN];
    const threads = readdirSync(`/proc/${this.pid}/task`).map((id) => processorTime(`${this.pid}/task/${id}`));
    const writer = threads.find(({ name }) => name === "sqlite-writer");
    return [processorTime(this.pid).own, writer?.own ?? Number.NaN, processorTime("self").children];
  }
}

function reportRun(name, { rate, p50, p99, note }) {
  report(`${name}_per_s`, rate, "1/s", note);
  report(`${name}_p50_ms`, p50, "ms", note);
  report(`${name}_p99_ms`, p99, "ms", note);
}

/** Everything that leaves the number of keys as it is. */
async function measureInPlace(bench, size, { create, ...loads }) {
  // The first round warms everything up.
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, requests] of Object.entries(loads)) {
      const result = await bench.run(name, requests);
      if (round >= 0) reportRun(`${size}.${name}`, result);
    }
  }
}

/** Creates, each round beside the disk's flushes. Returns the rounds. */
async function measureCreates(bench, size, requests) {
  const rounds = [];
  await bench.run("create", requests);
  for (let round = 0; round < ROUNDS; round++) {
    const flushes = bench.disk.flushFor(DISK_MS);
    const result = await bench.run("create", requests);
    reportRun(`${size}.create`, result);
    rounds.push({ ...result, flushes });
  }
  return rounds;
}

/** The figures of the largest database are the ones that are quoted, so they have short names too. */
function reportQuoted(rounds, size) {
  for (const { rate, p99, note, flushes, planeMicros, writerMicros, loadMicros } of rounds) {
    const perSecond = (1_000 * flushes.length) / flushes.reduce((sum, took) => sum + took, 0);
    report("creates_per_s", rate, "1/s", `${size} keys, ${CLIENTS} clients; ${note}`);
    report("create_p99_ms", p99, "ms", `${size} keys, ${CLIENTS} clients`);
    if (Number.isFinite(planeMicros)) {
      report("create_cpu_us", planeMicros, "us", "processor time of the whole control plane, publishing and the building of bases included");
      report("create_writer_cpu_us", writerMicros, "us", "of that, the one thread that writes");
      report("create_load_cpu_us", loadMicros, "us", "processor time of wrk, beside it");
    }
    report("disk_flushes_per_s", perSecond, "1/s", "4 KiB written and flushed by one thread, nothing else asked of the disk");
    report("disk_flush_p99_ms", flushes[Math.ceil(0.99 * flushes.length) - 1], "ms", "");
    report("creates_per_disk_flush", rate / perSecond, "x", "above 1: creates share flushes");
  }
}

async function main() {
  try {
    execFileSync("wrk", ["--version"], { stdio: "ignore" });
  } catch (error) {
    if (error.code === "ENOENT") throw new Error("wrk is missing; install it (Debian: apt-get install wrk)");
  }
  const folder = await temporaryFolder();
  const bench = await Bench.prepare(folder.path);
  try {
    for (const [size, total] of SIZES) {
      await bench.fillUpTo(total);
      const loads = await bench.loads(total);
      await measureInPlace(bench, size, loads);
      const rounds = await measureCreates(bench, size, loads.create);
      if (size === SIZES.at(-1)[0]) reportQuoted(rounds, total.toLocaleString("en"));
    }
  } finally {
    await bench.stop();
    bench.disk.close();
    await folder.remove();
  }
}

await main();
