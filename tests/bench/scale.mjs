// What a large keyspace costs a gate, in real workerd: memory of an isolate after random hits, what a cold key takes, and what unknown keys cause. The base
// comes from the example `bench_scale`, over KV, without a relay: every call that the gate makes is seen.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, openSync, closeSync, readFileSync, readSync, rmSync, statSync } from "node:fs";
import { Agent, request } from "node:http";
import { join, resolve } from "node:path";
import { startKv } from "../support/kv.mjs";
import { behind } from "../support/isolates.mjs";
import { newToken } from "../support/token.mjs";
import { startWorkerd } from "../support/workerd.mjs";
import { processorTime } from "./load.mjs";

const SIZES = (process.env.LATCHKEY_BENCH_KEYS ?? "1000000,10000000").split(",").map(Number);
const HITS = Number(process.env.LATCHKEY_BENCH_HITS ?? 100_000);
const UNKNOWN = Math.min(HITS, 10_000);
const WARM = 5_000;
const COLD = 200;
const AT_ONCE = 16;
const RETRIES = 10;

const target = resolve(import.meta.dirname, "../../target");
const example = join(target, "release/examples/bench_scale");

/** Bodies by their names in KV, read from the file when they are asked for. */
function openBodies(file) {
  const fd = openSync(file, "r");
  const places = new Map();
  const read = (at, length) => {
    const bytes = Buffer.allocUnsafe(length);
    readSync(fd, bytes, 0, length, at);
    return bytes;
  };
  for (let at = 0, end = statSync(file).size; at < end; ) {
    const length = read(at, 4).readUInt32LE();
    const name = `obj/${createHash("sha256").update(read(at + 4, length)).digest("hex")}`;
    places.set(name, { at: at + 4, length });
    at += 4 + length;
  }
  return {
    read: (name) => places.has(name) ? read(places.get(name).at, places.get(name).length) : undefined,
    close: () => closeSync(fd),
  };
}

class Gate {
  retries = 0;
  #agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

  static async start(folder, kv) {
    const gate = new Gate();
    gate.kv = kv;
    const { audience, key } = JSON.parse(readFileSync(join(folder, "trust.json"), "utf8"));
    const [keyspace, environment] = audience.split("/");
    const policy = readFileSync(join(folder, "policy.bin"));
    kv.put(`head/${audience}`, readFileSync(join(folder, "head.bin")));
    kv.put(`obj/${createHash("sha256").update(policy).digest("hex")}`, policy);
    mkdirSync(join(folder, "hello"), { recursive: true });
    cpSync(join(import.meta.dirname, "gate/hello.js"), join(folder, "hello/entry.js"));
    const dir = behind(join(import.meta.dirname, "scale/entry.js"), join(folder, "gate"));
    gate.workerd = await startWorkerd([{ name: "hello", dir: join(folder, "hello") }, {
      name: "gate", dir,
      bindings: {
        LATCHKEY_KEYSPACE: keyspace, LATCHKEY_ENVIRONMENT: environment, LATCHKEY_TRUSTED_KEYS: key,
        UPSTREAM: { service: "hello" }, LATCHKEY_KV: { kv: kv.address },
      },
    }]);
    return gate;
  }

  get(path, headers) {
    return new Promise((done, fail) => {
      const options = { agent: this.#agent, headers };
      const asked = request(this.workerd.url("gate") + path, options, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => done({ status: response.statusCode, body: Buffer.concat(chunks).toString() }));
      });
      asked.on("error", fail).end();
    });
  }

  ask(token, from = "192.0.2.1") {
    return this.get("/v1/hello", { authorization: `Bearer ${token}`, "cf-connecting-ip": from });
  }

  async admitted(token) {
    let { status, body } = await this.ask(token);
    // On a machine that is busy with other things KV may not answer in time; how often is told.
    for (let again = 0; status === 503 && again < RETRIES; again++) {
      this.retries++;
      await new Promise((done) => setTimeout(done, 600));
      ({ status, body } = await this.ask(token));
    }
    if (status !== 200) throw new Error(`a good key got ${status}: ${body}\n${this.workerd.logs().slice(-2_000)}`);
  }

  /** Several requests at a time; `make(i)` sends the one of that number. Returns microseconds of workerd's processor time. */
  async each(count, make) {
    const before = processorTime(this.workerd.pid());
    let next = 0;
    const lane = async () => {
      while (next < count) await make(next++);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    return processorTime(this.workerd.pid()) - before;
  }

  calls() {
    return this.kv.count("obj/");
  }

  /** Bytes: of the Wasm instance, and of the whole process, which grows by whatever the runtime has not cleared away yet. */
  async memory() {
    const { wasm } = JSON.parse((await this.get("/__memory")).body);
    const resident = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.workerd.pid()}/status`, "utf8"))?.[1]) * 1_024;
    return { wasm, resident };
  }
}

async function measure(count) {
  const started = performance.now();
  const name = `scale.${count / 1e6}m`;
  const report = (figure, value, unit, note = "") => console.log(JSON.stringify({ name: `${name}.${figure}`, value, unit, note }));
  const folder = join(target, `latchkey/bench/scale-${count}`);
  rmSync(folder, { recursive: true, force: true });
  console.log(`making a base of ${count} keys`);
  execFileSync(example, [String(count), folder], { stdio: "inherit" });
  const bodies = openBodies(join(folder, "bodies.bin"));
  const kv = await startKv({ read: bodies.read });
  const gate = await Gate.start(folder, kv);
  try {
    const tokens = readFileSync(join(folder, "tokens.txt"), "utf8").split("\n");
    console.log("cold keys");
    await coldKeys(gate, tokens, report);
    await gate.workerd.restart();
    console.log(`${HITS} hits of random keys`);
    await hits(gate, tokens, report);
    console.log("missed changes, and unknown keys");
    await missedChanges(gate, folder, tokens, report);
    await unknownKeys(gate, tokens[0], report);
  } finally {
    await gate.workerd.close();
    kv.close();
    bodies.close();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${count} keys took ${((performance.now() - started) / 1_000).toFixed(0)} s`);
}

/** One after the other, each in a shard of its own. */
async function coldKeys(gate, tokens, report) {
  await gate.admitted(tokens[0]);
  const calls = [];
  for (const token of tokens.slice(1, COLD + 1)) {
    const before = gate.calls();
    await gate.admitted(token);
    calls.push(gate.calls() - before);
  }
  report("cold_key_calls_max", Math.max(...calls), "calls", `to KV, of ${COLD} keys; besides the first, which brings policy and root`);
}

async function hits(gate, tokens, report) {
  await gate.admitted(tokens[0]);
  const { resident } = await gate.memory();
  const warm = await gate.each(WARM, () => gate.admitted(tokens[0])) / WARM;
  const before = gate.calls();
  const spent = await gate.each(HITS, (i) => gate.admitted(tokens[i % tokens.length]));
  const calls = gate.calls() - before;
  const memory = await gate.memory();
  const after = `after ${HITS} hits of ${tokens.length} keys`;
  report("isolate_wasm_mb", memory.wasm / 1e6, "MB", after);
  report("isolate_growth_mb", (memory.resident - resident) / 1e6, "MB", `of the whole process, ${after}, garbage included`);
  report("calls_per_hit", calls / HITS, "calls", `${calls} calls, ${gate.retries} hits tried again`);
  report("warm_key_cpu_us", warm, "us", "processor time of workerd for an allowed request, the upstream's included");
  report("cold_call_cpu_us", (spent - HITS * warm) / Math.max(calls, 1), "us", "what a part that is loaded adds");
}

/** Revocations that the isolate has not heard of, all at once, as after an hour without any source. */
async function missedChanges(gate, folder, tokens, report) {
  const [head, segment] = ["later-head.bin", "later-segment.bin"].map((name) => readFileSync(join(folder, name)));
  const name = `obj/${createHash("sha256").update(segment).digest("hex")}`;
  const { audience } = JSON.parse(readFileSync(join(folder, "trust.json"), "utf8"));
  gate.kv.put(name, segment);
  gate.kv.put(`head/${audience}`, head);
  const deadline = Date.now() + 30_000;
  while ((await gate.ask(tokens.at(-1))).status !== 401) {
    if (Date.now() > deadline) throw new Error("20,000 revocations did not arrive");
    await new Promise((done) => setTimeout(done, 100));
  }
  await gate.admitted(tokens[0]);
  const bodies = [...gate.kv.asked].filter(([asked]) => asked === name).reduce((sum, [, count]) => sum + count, 0);
  report("missed_20k_bytes", segment.length + head.length, "B", `head and segment, ${bodies} call for the segment; the base stays`);
}

/** Random tokens with a correct checksum. */
async function unknownKeys(gate, token, report) {
  for (const [what, from] of [["one_address", () => "192.0.2.1"], ["everywhere", (i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`]]) {
    await gate.workerd.restart();
    await gate.admitted(token);
    const before = gate.calls();
    const codes = new Map();
    await gate.each(UNKNOWN, async (i) => {
      const { body } = await gate.ask(newToken(), from(i));
      const { code } = JSON.parse(body);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    });
    report(`unknown_keys_calls.${what}`, gate.calls() - before, "calls", `for ${UNKNOWN} unknown keys: ${[...codes].map((pair) => pair.join(" ")).join(", ")}`);
    await gate.admitted(token);
  }
}

for (const count of SIZES) await measure(count);
