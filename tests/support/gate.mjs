// The built Worker in real workerd, with a recording upstream behind it.
import { createRequire } from "node:module";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { startServer } from "./server.mjs";
import { startWorkerd } from "./workerd.mjs";

const root = resolve(import.meta.dirname, "../..");
const scratch = join(root, "target/latchkey");
mkdirSync(join(scratch, "logs"), { recursive: true });
Object.assign(process.env, {
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_LOG: process.env.WRANGLER_LOG ?? "none",
  WRANGLER_LOG_PATH: join(scratch, "logs/wrangler"),
  WRANGLER_REGISTRY_PATH: join(scratch, "wrangler-registry"),
  WRANGLER_CACHE_DIR: join(scratch, "wrangler-cache"),
});
const { createTestHarness } = createRequire(import.meta.url)("wrangler");

export const edgeDir = process.env.EDGE_DIR ?? join(root, "target/latchkey/edge");
export const INGEST = "/.well-known/latchkey/ingest";
export const STATUS = "/.well-known/latchkey/status";
export const BUNDLE = "application/vnd.latchkey.bundle";

/** The Worker's configuration as wrangler.toml has it, with a test's own settings. */
export function gateConfig({ name = "gate", vars = {}, dir = edgeDir, kv = true, ...rest } = {}) {
  assertBuilt(dir);
  return {
    name,
    main: join(dir, "entry.js"),
    compatibility_date: "2026-07-15",
    no_bundle: true,
    rules: [
      { type: "ESModule", globs: ["**/*.js"] },
      { type: "CompiledWasm", globs: ["**/*.wasm"] },
    ],
    vars,
    durable_objects: { bindings: [{ name: "RELAY", class_name: "Relay" }, { name: "LEDGER", class_name: "Ledger" }] },
    migrations: [{ tag: "v1", new_sqlite_classes: ["Relay"] }, { tag: "v2", new_sqlite_classes: ["Ledger"] }],
    ...(kv ? { kv_namespaces: [{ binding: "LATCHKEY_KV", id: "latchkey" }] } : {}),
    ...rest,
  };
}

function assertBuilt(dir) {
  if (!existsSync(join(dir, "entry.js"))) throw new Error(`${dir} is missing; run \`cargo xtask build edge\``);
}

/** Starts Workers by their configurations, under wrangler: with KV, and with several Workers that share a relay. The first one is the primary. */
export async function startWorkers(...configs) {
  const harness = createTestHarness({ root, workers: configs.map((config) => ({ config })) });
  const { url } = await harness.listen();
  return { harness, url: url.href.replace(/\/$/, ""), close: () => harness.close() };
}

/** A gate for `publisher` on raw workerd, with a recording upstream and without KV. */
export async function startGate(publisher, { vars = {}, dir = edgeDir } = {}) {
  assertBuilt(dir);
  const upstream = await startUpstream();
  const bindings = { ...publisher.settings, UPSTREAM_URL: upstream.url, ...vars };
  const workerd = await startWorkerd([{ name: "gate", dir, bindings, relay: true }]);
  const url = workerd.url("gate");
  return {
    ...gateAt(url, publisher),
    upstream,
    logs: workerd.logs,
    restart: workerd.restart,
    close: async () => {
      await workerd.close();
      upstream.close();
    },
  };
}

/** What tests do with a gate, wherever it runs. */
export function gateAt(url, publisher) {
  const push = (bytes, headers) => ingest(url, bytes, headers);
  return {
    url,
    push,
    publish: async (overrides) => {
      const answer = await push(publisher.bundle(overrides));
      if (answer.status !== 200) throw new Error(`ingest: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    fetch: (path, init) => fetch(url + path, { redirect: "manual", ...init }),
    status: async () => (await fetch(url + STATUS)).json(),
  };
}

export async function ingest(url, bytes, headers = {}) {
  const response = await fetch(url + INGEST, { method: "POST", headers: { "content-type": BUNDLE, ...headers }, body: bytes });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

export const bearer = (key) => ({ authorization: `Bearer ${key.token ?? key}` });

/** What takes a machine its time has come by then, however slow and busy it is. Tests that claim a time measure it. */
const PATIENCE_MS = 30_000;

/** Asks until `check` returns something true, or the deadline passes. */
export async function eventually(check, { within = PATIENCE_MS, every = 20 } = {}) {
  const deadline = Date.now() + within;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${within} ms: ${check}`);
    await new Promise((done) => setTimeout(done, every));
  }
}

/** An HTTP server that keeps every request it got. `answer` may be replaced by a test. */
export async function startUpstream() {
  const upstream = { requests: [], answer: (request, response) => response.end("hello from upstream") };
  const { server, url, close } = await startServer((request, response) => {
    upstream.requests.push({ method: request.method, url: request.url, headers: request.headers });
    upstream.answer(request, response);
  });
  // Only where a test has set it; else Node refuses the upgrade.
  server.on("upgrade", (request, socket) => (upstream.upgrade ? upstream.upgrade(request, socket) : socket.destroy()));
  return Object.assign(upstream, { url, close, last: () => upstream.requests.at(-1) });
}
