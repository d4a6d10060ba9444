// Raw workerd: Workers behind sockets of their own, without the proxy that `wrangler dev` and its test harness put in front and behind (it compresses,
// follows redirects, and takes longer than the gate).
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { freePort } from "./ports.mjs";

const DATE = "2026-07-15";
const STARTS_WITHIN_MS = 60_000;

/**
 * Starts `workers`: {name, dir, bindings, relay}. `dir` holds modules, entry.js first among them; a binding is a text, {service} or {kv}, the
 * address of a KV namespace; `relay` gives
 * the Worker its Durable Objects; the name of another Worker instead of `true` makes it use those, as another isolate of the same gate does. With
 * `cold`, no request is sent to find out whether they answer. Returns `url(name)`, `logs()`, `pid()`, `restart(bindings)`, which keeps storage and ports and all bindings that are not
 * given, and `close()`.
 */
export async function startWorkerd(workers, { cold = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-workerd-"));
  const listening = await Promise.all(workers.map(async (worker) => ({ ...worker, port: await freePort() })));
  const url = (name) => `http://127.0.0.1:${listening.find((worker) => worker.name === name).port}`;
  const config = writeConfig(folder, listening);
  const logs = [];
  let child;
  const start = async () => {
    // The program itself, not the script around it, which would leave it behind.
    child = spawn(createRequire(import.meta.url)("workerd").default, ["serve", config], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => logs.push(text));
    await untilListening(url(workers[0].name), child, cold ? connected : answered);
  };
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    // Not SIGTERM, on which it waits for open connections.
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  const close = async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw new Error(`workerd did not start: ${logs.join("")}`, { cause: error });
  }
  const restart = async (bindings) => {
    await stop();
    if (bindings) writeConfig(folder, listening.map((worker) => ({ ...worker, bindings: { ...worker.bindings, ...bindings } })));
    await start();
  };
  return { url, close, restart, storage: join(folder, "storage"), pid: () => child.pid, logs: () => logs.join("") };
}

async function untilListening(url, child, reached) {
  const deadline = Date.now() + STARTS_WITHIN_MS;
  for (;;) {
    try {
      return await reached(url);
    } catch (error) {
      if (Date.now() > deadline || child.exitCode !== null) throw error;
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

const answered = async (url) => (await fetch(url)).arrayBuffer();

async function connected(url) {
  const socket = connect(new URL(url).port, "127.0.0.1");
  try {
    await once(socket, "connect");
  } finally {
    socket.destroy();
  }
}

function writeConfig(folder, workers) {
  // SQLite needs a disk.
  const storage = join(folder, "storage");
  mkdirSync(storage, { recursive: true });
  const services = workers.map((each) => `    (name = "${each.name}", worker = ${worker(folder, each)}),`);
  const sockets = workers.map(
    ({ name, port }) => `    (name = "${name}", address = "127.0.0.1:${port}", http = (), service = "${name}"),`,
  );
  const namespaces = workers.flatMap(({ bindings = {} }) => Object.values(bindings).flatMap(({ kv }) => kv ?? []));
  const externals = [...new Set(namespaces)].map((address) => `    (name = "${address}", external = (address = "${address}", http = ())),`);
  const file = join(folder, "config.capnp");
  writeFileSync(file, `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
${services.join("\n")}
${externals.join("\n")}
    (name = "storage", disk = (path = ${JSON.stringify(storage)}, writable = true)),
    (name = "internet", network = (allow = ["private", "local"])),
  ],
  sockets = [
${sockets.join("\n")}
  ],
);
`);
  return file;
}

function worker(folder, { dir, bindings = {}, relay = false }) {
  const list = Object.entries(bindings).map(([name, value]) => `(name = "${name}", ${bound(value)})`);
  const classes = ["Relay", "Ledger"];
  const isOwner = relay === true;
  const namespaceOf = (name) => (isOwner ? `"${name}"` : `(className = "${name}", serviceName = "${relay}")`);
  if (relay) list.push(...classes.map((name) => `(name = "${name.toUpperCase()}", durableObjectNamespace = ${namespaceOf(name)})`));
  const namespaces = classes.map((name) => `(className = "${name}", uniqueKey = "${name.toLowerCase()}", enableSql = true)`);
  const objects = isOwner ? `durableObjectNamespaces = [${namespaces.join(", ")}], durableObjectStorage = (localDisk = "storage"),` : "";
  return `(modules = [${modules(folder, dir).join(", ")}], compatibilityDate = "${DATE}", ${objects} bindings = [${list.join(", ")}])`;
}

function bound(value) {
  if (value.service) return `service = "${value.service}"`;
  return value.kv ? `kvNamespace = "${value.kv}"` : `text = ${JSON.stringify(value)}`;
}

function modules(folder, dir) {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && /\.(js|wasm)$/.test(file.name))
    .map((file) => relative(dir, join(file.parentPath, file.name)).split(sep).join("/"));
  files.sort((one, other) => Number(other === "entry.js") - Number(one === "entry.js"));
  return files.map((name) => {
    const kind = name.endsWith(".wasm") ? "wasm" : "esModule";
    return `(name = "${name}", ${kind} = embed "${relative(folder, join(dir, name)).split(sep).join("/")}")`;
  });
}
