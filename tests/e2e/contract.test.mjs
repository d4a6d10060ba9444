// The control plane against its own document: schemathesis makes requests of it, right and wrong ones, and judges every answer.
// LATCHKEY_CONTRACT_EXAMPLES: examples for each operation, in place of the few that are enough for every day.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { ControlPlane, createKey, temporaryFolder } from "../support/processes.mjs";

const EXAMPLES = process.env.LATCHKEY_CONTRACT_EXAMPLES ?? "10";
const CONFIG = resolve("tests/contract/schemathesis.toml");
const HOOKS = resolve("tests/contract/hooks.py");
// Made by `cargo xtask setup`.
const SCHEMATHESIS = resolve("target/latchkey/python/bin/schemathesis");
const RUN_TIMEOUT_MS = 840_000;
const execute = promisify(execFile);

let folder, plane;
before(async () => {
  folder = await temporaryFolder();
  // As many requests as the fuzzer can make; the rate bound has a test of its own.
  plane = await ControlPlane.start({ folder: folder.path, env: { LATCHKEY_REQUESTS_PER_SECOND: "1000000" } });
});
after(async () => {
  await plane?.stop();
  await folder?.remove();
});

/** Objects for the fuzzer to find; `spare` ones are for the operations that end what they are told to. */
async function makeObjects() {
  const keyspace = () => plane.api("POST", "/v1/keyspaces", { name: "contract", preset: "read-pay-admin", foreign_tokens: true });
  const role = ({ id }, name) => plane.api("POST", `/v1/keyspaces/${id}/roles`, { name, grants: ["a:*"] });
  const adminKey = () => plane.api("POST", "/v1/admin-keys", { name: "contract", scopes: ["keys:read"] });
  const ids = (objects) => objects.map(({ id }) => id);
  const main = await keyspace();
  const keys = [await createKey(plane, main), await createKey(plane, main, { owner: "me", roles: ["Read"] })];
  return {
    keyspace_id: [main.id],
    key_id: ids(keys),
    role_id: [(await role(main, "one")).id],
    admin_key_id: [(await adminKey()).id],
    tokens: keys.map(({ secret }) => secret),
    ends: ["delete_keyspace", "revoke_key", "delete_role", "revoke_admin_key"],
    spare: {
      keyspace_id: ids([await keyspace(), await keyspace()]),
      key_id: ids([await createKey(plane, main), await createKey(plane, main)]),
      role_id: ids([await role(main, "two"), await role(main, "three")]),
      admin_key_id: ids([await adminKey(), await adminKey()]),
    },
  };
}

test("every answer of the control plane is one that its document promises", async () => {
  const args = ["--config-file", CONFIG, "run", `${plane.url}/openapi.json`, "--checks", "all", "--max-examples", EXAMPLES];
  args.push("--seed", "1", "--generation-database", "none", "--request-timeout", "20", "--no-color");
  // Secrets go in the environment: arguments are for everyone on the machine to read.
  const known = JSON.stringify(await makeObjects());
  const env = { ...process.env, SCHEMATHESIS_HOOKS: HOOKS, LATCHKEY_ADMIN_KEY: plane.adminKey, LATCHKEY_CONTRACT_KNOWN: known };
  const options = { env, cwd: folder.path, timeout: RUN_TIMEOUT_MS, maxBuffer: 1 << 28 };
  const { stdout } = await execute(SCHEMATHESIS, args, options).catch((error) => {
    if (error.code === "ENOENT") throw new Error("schemathesis is missing: cargo xtask setup installs it");
    throw new Error(`schemathesis: ${error.code ?? error.signal}\n${error.stdout?.slice(-40_000)}${error.stderr}`);
  });
  console.log(/Test cases:\n.*/.exec(stdout)?.[0]);
  const [, selected, tested] = /Selected: \d+\/(\d+)\s+Tested: (\d+)/.exec(stdout) ?? [];
  assert(selected > 0 && tested === selected, `${tested} of ${selected} operations were tested`);
  assert.equal((await plane.call("GET", "/v1/whoami")).status, 200, "the run's own admin key lasted until its end");
});
