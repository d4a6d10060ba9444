// `cargo xtask up`, used as a person would: start it, paste its lines, stop it.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { freePorts } from "../support/ports.mjs";
import { eventually, temporaryFolder } from "../support/processes.mjs";

const XTASK = process.env.LATCHKEY_XTASK;
const START_WITHIN_MS = 120_000;
const REFUSED_WITHIN_MS = 20_000;

/** Runs `xtask up` until it says that it is up, or has ended. */
async function up(...options) {
  const child = spawn(XTASK, ["up", ...options], { stdio: ["ignore", "pipe", "pipe"] });
  const run = { child, stdout: "", stderr: "", code: undefined };
  child.stdout.on("data", (text) => (run.stdout += text));
  child.stderr.on("data", (text) => (run.stderr += text));
  run.ended = new Promise((resolve) => child.on("close", (code, signal) => resolve((run.code = code ?? signal))));
  await eventually("up", () => run.stdout.includes("Ctrl-C stops everything") || run.code !== undefined, START_WITHIN_MS, 50);
  return run;
}

async function stop(run, signal) {
  const processes = descendants(run.child.pid);
  run.child.kill(signal);
  const code = await run.ended;
  return { code, processes };
}

/** Every process below `root`, with its start time: a process id alone may be given to another one. */
function descendants(root) {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(readProcess).filter(Boolean);
  const found = new Set([root]);
  for (let size = 0; size !== found.size; ) {
    size = found.size;
    for (const { id, parent } of all) if (found.has(parent)) found.add(id);
  }
  return all.filter(({ id }) => found.has(id));
}

function readProcess(name) {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { id: Number(name), state: fields[0], parent: Number(fields[1]), started: fields[19], name: stat.split(/[()]/)[1] };
  } catch {
    return undefined; // It ended while we looked.
  }
}

function stillRunning(processes) {
  return processes.filter(({ id, started }) => {
    const now = readProcess(id);
    return now && now.started === started && now.state !== "Z";
  });
}

/** The lines to paste, run by a shell as they are printed. Answers with their status codes. */
function paste(stdout) {
  const lines = stdout.split("\n").filter((line) => line.startsWith("  curl "));
  return lines.map((line) => () => Number(/^HTTP\S+ (\d+)/.exec(execFileSync("sh", ["-c", `${line} --silent`], { encoding: "utf8" }))[1]));
}

describe("cargo xtask up", { skip: process.platform !== "linux" && "looks at /proc" }, () => {
  let folder, base, options;
  before(async () => {
    folder = await temporaryFolder();
    base = await freePorts(3);
    options = ["--folder", folder.path, "--port-base", String(base)];
  });
  after(() => folder.remove());

  const facts = () => JSON.parse(readFileSync(join(folder.path, "up.json"), "utf8"));

  test("its lines work when pasted, and SIGTERM leaves no process behind", async () => {
    const run = await up(...options);
    try {
      const fields = ["control_plane_url", "gate_url", "upstream_url", "admin_key", "keyspace_id", "key_id", "key_secret"];
      assert.deepEqual(Object.keys(facts()), fields);
      assert.equal(statSync(join(folder.path, "up.json")).mode & 0o777, 0o600);

      const [allowed, denied, revoke, deniedAgain] = paste(run.stdout);
      assert.equal(allowed(), 200);
      assert.equal(denied(), 403);
      assert.match(String(revoke()), /^20[04]$/);
      await eventually("the revoked key is denied", () => deniedAgain() === 401, REFUSED_WITHIN_MS, 50);
    } finally {
      const { code, processes } = await stop(run, "SIGTERM");
      assert.equal(code, 0, run.stderr);
      assert(processes.some(({ name }) => name === "workerd"), "the gate runs in workerd");
      assert.deepEqual(stillRunning(processes), []);
    }
  });

  test("--keep starts again on the same keyspace, with a fresh key for the revoked one", async () => {
    const before = facts();
    const run = await up("--keep", ...options);
    try {
      assert.equal(facts().keyspace_id, before.keyspace_id, run.stderr);
      assert.equal(facts().admin_key, before.admin_key);
      assert.notEqual(facts().key_id, before.key_id);
      const old = await fetch(`${facts().gate_url}/v1/hello`, { headers: { authorization: `Bearer ${before.key_secret}` } });
      assert.equal(old.status, 401);
    } finally {
      const { code, processes } = await stop(run, "SIGINT");
      assert.equal(code, 0, run.stderr);
      assert.deepEqual(stillRunning(processes), []);
    }
  });

  test("a busy port is named together with the option that moves it", async () => {
    const taken = createServer();
    await new Promise((resolve) => taken.listen(base + 1, "127.0.0.1", resolve));
    try {
      const run = await up(...options);
      assert.equal(await run.ended, 1);
      assert.match(run.stderr, new RegExp(`port ${base + 1} .*--port-base`, "s"));
    } finally {
      taken.close();
    }
  });

  test("a signal while it starts stops what has been started", async () => {
    const child = spawn(XTASK, ["up", ...options], { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (text) => (stderr += text));
    const ended = new Promise((resolve) => child.on("close", resolve));
    await eventually("started", () => stderr.includes("control plane starts"), START_WITHIN_MS);
    const processes = descendants(child.pid);
    child.kill("SIGTERM");
    assert.equal(await ended, 130, stderr);
    assert.deepEqual(stillRunning(processes), []);
  });
});
