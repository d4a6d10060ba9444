// A client in the types of a public generator: made of the running server's document, compiled strictly, and used.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { ControlPlane, temporaryFolder } from "../support/processes.mjs";

const GENERATOR = resolve("node_modules/openapi-typescript/bin/cli.js");
const COMPILER = resolve("node_modules/typescript/bin/tsc");
/** Below the repository, so that the compiled program finds `openapi-fetch`. */
const BUILT = resolve("target/latchkey/client");
const TOOL_TIMEOUT_MS = 120_000;

let folder, plane;
before(async () => {
  folder = await temporaryFolder();
  plane = await ControlPlane.start({ folder: folder.path });
  await rm(BUILT, { recursive: true, force: true });
  await mkdir(BUILT, { recursive: true });
});
after(async () => {
  await plane?.stop();
  await folder?.remove();
});

/** Runs a Node program; what it wrote is part of the failure. */
async function node(args, env = {}) {
  const options = { env: { ...process.env, ...env }, timeout: TOOL_TIMEOUT_MS };
  const { stdout } = await promisify(execFile)(process.execPath, args, options).catch((error) => {
    throw new Error(`${args[0]}: ${error.stdout}${error.stderr}`);
  });
  return stdout;
}

test("a generated client compiles, and creates, lists, rotates and revokes a key", async () => {
  const document = join(BUILT, "openapi.json");
  await writeFile(document, await (await fetch(`${plane.url}/openapi.json`)).text());
  await node([GENERATOR, document, "--output", join(BUILT, "api.d.ts")]);
  await node([COMPILER, "--project", "tests/client"]);

  const program = join(BUILT, "out/tests/client/lifecycle.js");
  const seen = JSON.parse(await node([program, plane.url], { LATCHKEY_ADMIN_KEY: plane.adminKey }));
  assert.deepEqual(seen, {
    id: seen.id,
    listed: [seen.id],
    tokens: [true, true, true],
    liveTokens: 2,
    status: ["active", "revoked"],
    reason: "admin",
    refused: "NOT_FOUND",
  });
  assert.match(seen.id, /^key_/);
});

test("the generated types refuse a field that the API does not know", async () => {
  const wrong = join(BUILT, "wrong.ts");
  await writeFile(wrong, 'import type { components } from "./api.js";\nexport const key: components["schemas"]["KeyInput"] = { nmae: "reader" };\n');
  await assert.rejects(node([COMPILER, "--noEmit", "--strict", wrong]), /nmae/);
});
