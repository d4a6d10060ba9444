// The real parts as processes: control plane, gate in workerd, and an upstream that remembers what reached it. Everything lives in a
// folder of the test's own, and stops with the test.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "./ports.mjs";
import { startServer } from "./server.mjs";

const WRANGLER = resolve("node_modules/wrangler/wrangler-dist/cli.js");
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;

/** Asks `check` until it answers with something true, and returns that. */
export async function eventually(what, check, withinMs = 30_000, everyMs = 10) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await check();
    if (answer) return answer;
    assert(performance.now() < deadline, `not within ${withinMs} ms: ${what}`);
    await pause(everyMs);
  }
}

export async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-test-"));
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A child process whose output goes to a log in the test's folder. */
class Part {
  #child;
  #ended;

  run(command, args, { env = {}, log }) {
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    this.#ended = once(this.#child, "exit");
    this.stdout = "";
    this.stderr = "";
    const file = createWriteStream(log, { flags: "a" });
    this.#child.stdout.on("data", (text) => (this.stdout += text)).pipe(file);
    this.#child.stderr.on("data", (text) => (this.stderr += text)).pipe(file);
  }

  get hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  assertRuns() {
    assert(!this.hasEnded, `ended early:\n${this.stderr.slice(-2_000)}${this.stdout.slice(-2_000)}`);
  }

  async stop(signal = "SIGTERM") {
    if (this.hasEnded) return;
    this.#child.kill(signal);
    const late = pause(STOP_WITHIN_MS, "late", { ref: false });
    if ((await Promise.race([this.#ended, late])) === "late") {
      this.#child.kill("SIGKILL");
      await this.#ended;
    }
  }
}

export class ControlPlane extends Part {
  /**
   * `env` overrides the program's own settings; the admin key of an earlier start in the same folder can be handed on. `ready` is the path that
   * tells when it can be asked.
   */
  static async start({ folder, port, env = {}, adminKey, ready = "/readyz" }) {
    const plane = new ControlPlane();
    plane.port = port ?? (await freePort());
    plane.url = `http://127.0.0.1:${plane.port}`;
    const settings = { LATCHKEY_DATA_DIR: join(folder, "control-plane"), LATCHKEY_LISTEN: `127.0.0.1:${plane.port}`, ...env };
    plane.run(resolve(process.env.LATCHKEY_BIN), ["serve"], { env: settings, log: join(folder, "control-plane.log") });
    await eventually("the control plane is ready", () => {
      plane.assertRuns();
      return answers(plane.url + ready, (response) => response.status < 500);
    }, READY_WITHIN_MS);
    plane.adminKey = adminKey ?? /admin key: (\S+)/.exec(plane.stdout)?.[1];
    assert(plane.adminKey, "the first start prints an admin key");
    return plane;
  }

  /** Calls the API; throws on anything but success, with the problem that came back. */
  async api(method, path, body) {
    const { status, json, headers } = await this.call(method, path, body);
    assert(status < 300, `${method} ${path}: ${status} ${JSON.stringify(json)}`);
    return { ...json, headers };
  }

  async call(method, path, body) {
    const headers = { authorization: `Bearer ${this.adminKey}` };
    if (body !== undefined) headers["content-type"] = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const response = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, headers: response.headers, json: text ? JSON.parse(text) : undefined, text };
  }
}

export class Gate extends Part {
  /** `vars` as in wrangler.toml; `persist` keeps Durable Objects and KV over restarts. */
  static async start({ folder, port, vars, config = "wrangler.toml" }) {
    const gate = new Gate();
    gate.port = port ?? (await freePort());
    gate.url = `http://127.0.0.1:${gate.port}`;
    const args = [WRANGLER, "dev", "--config", config, "--ip", "127.0.0.1", "--port", String(gate.port)];
    args.push("--inspector-port", "0", "--show-interactive-dev-session=false", "--persist-to", join(folder, "wrangler"));
    for (const [name, value] of Object.entries(vars)) args.push("--var", `${name}:${value}`);
    gate.run(process.execPath, args, { env: quiet, log: join(folder, "gate.log") });
    await eventually("the gate answers", () => {
      gate.assertRuns();
      return answers(`${gate.url}/.well-known/latchkey/status`, isStatusOfGate);
    }, READY_WITHIN_MS);
    return gate;
  }

  async stop(signal) {
    await super.stop(signal);
    await eventually("workerd has let go of the port", async () => !(await isOpen(this.port)), STOP_WITHIN_MS);
  }

  request(path, token, options = {}) {
    const headers = { ...options.headers };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    return fetch(this.url + path, { ...options, headers });
  }

  /** Status and code of a request; the code of one that the upstream answered is VALID. */
  async decision(path, token, options) {
    const response = await this.request(path, token, options);
    const { status, headers } = response;
    if (isProblem(response)) {
      const body = await response.json();
      return { status, code: body.code, body, headers };
    }
    const body = await response.text();
    assert(response.ok, `neither the gate nor the upstream answered ${path}: ${status} ${body.slice(0, 2_000)}`);
    return { status, code: "VALID", body, headers };
  }
}

const quiet = {
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CI: "true",
};

/** An upstream that answers 200 and remembers the requests that reached it. */
export class Upstream {
  requests = [];

  static async start() {
    const upstream = new Upstream();
    const { url, close } = await startServer((request, response) => {
      upstream.requests.push({ method: request.method, url: request.url, headers: request.headers });
      response.setHeader("content-type", "text/plain");
      request.resume().on("end", () => response.end("hello from the upstream\n"));
    });
    return Object.assign(upstream, { url, stop: close });
  }
}

/** A keyspace whose gate will be at `gateUrl`, with a policy of two routes. */
export async function createKeyspace(plane, gateUrl, settings = {}) {
  const keyspace = await plane.api("POST", "/v1/keyspaces", { name: "stories", prefix: "story", gates: [{ url: gateUrl }], ...settings });
  await plane.api("PUT", `/v1/keyspaces/${keyspace.id}/policy`, {
    default: "deny",
    routes: [
      { method: "GET", path: "/v1/hello", permission: "hello:read" },
      { method: "POST", path: "/v1/hello", permission: "hello:write" },
    ],
  });
  return keyspace;
}

export function createKey(plane, keyspace, settings = {}) {
  return plane.api("POST", `/v1/keyspaces/${keyspace.id}/keys`, { permissions: ["hello:read"], ...settings });
}

/** What a gate of this keyspace is configured with. */
export async function gateVars(plane, keyspace, upstream) {
  const snapshot = await plane.api("GET", `/v1/keyspaces/${keyspace.id}/snapshot`);
  const [id, environment] = snapshot.audience.split("/");
  return {
    LATCHKEY_KEYSPACE: id,
    LATCHKEY_ENVIRONMENT: environment,
    LATCHKEY_TRUSTED_KEYS: snapshot.trusted_keys.join(","),
    UPSTREAM_URL: upstream.url,
  };
}

async function answers(url, check) {
  try {
    const response = await fetch(url);
    const text = await response.text();
    return check(response, text);
  } catch {
    return false;
  }
}

/** A gate says which keyspace it is for, or what is wrong with its settings. Whatever else answers at its port is something else. */
function isStatusOfGate(response, text) {
  return isProblem(response) || "audience" in JSON.parse(text);
}

const isProblem = (response) => (response.headers.get("content-type") ?? "").startsWith("application/problem+json");

async function isOpen(port) {
  const socket = connect(port, "127.0.0.1");
  try {
    await Promise.race([once(socket, "connect"), once(socket, "error").then(([error]) => Promise.reject(error))]);
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
