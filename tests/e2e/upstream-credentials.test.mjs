// Credentials that the upstream gets and callers never see: row U1, from the admin API to the upstream through a gate in real workerd.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually } from "../support/processes.mjs";
import { System } from "../support/system.mjs";

const VALUES = { "chain-mainnet": "mainnetPlainOfThisTest7Q", "chain-preprod": "preprodPlainOfThisTest8R" };
const ROUTES = [
  { method: "GET", path: "/v1/hello", permission: "hello:read" },
  {
    method: "GET", path: "/v1/{network}/blocks", permission: "hello:read",
    constraints: { network: { in: "path", name: "network" } }, upstream_credential: "chain-{network}",
  },
];

function gateKey() {
  const jwk = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
  return { private: jwk.d, public: jwk.x };
}

describe("upstream credentials", () => {
  const pair = gateKey();
  let system, upstream, plane, keyspace, gate, key;

  before(async () => {
    system = await System.start({ keyspace: { gate_encryption_key: pair.public }, vars: { LATCHKEY_GATE_KEY: pair.private } });
    ({ upstream, plane, keyspace, gate } = system);
    for (const [name, value] of Object.entries(VALUES)) {
      const body = { name, value, ...(name === "chain-preprod" ? { header: "x-project-id", prefix: "" } : {}) };
      await plane.api("POST", `/v1/keyspaces/${keyspace.id}/upstream-credentials`, body);
    }
    await plane.api("PUT", `/v1/keyspaces/${keyspace.id}/policy`, { default: "deny", routes: ROUTES });
    key = await system.admittedKey();
  });
  after(() => system?.stop());

  test("u1_the_upstream_gets_the_credential_of_the_network_and_not_what_the_caller_sent_under_that_name", async () => {
    const forged = { headers: { "x-project-id": "forged" } };
    const mainnet = await gate.decision("/v1/mainnet/blocks", key.secret, forged);
    assert.equal(mainnet.code, "VALID");
    assert.equal(upstream.requests.at(-1).headers.authorization, `Bearer ${VALUES["chain-mainnet"]}`);
    assert.equal(upstream.requests.at(-1).headers["x-project-id"], "forged", "that route adds no such header");
    assert.equal((await gate.decision("/v1/preprod/blocks", key.secret, forged)).code, "VALID");
    assert.equal(upstream.requests.at(-1).headers["x-project-id"], VALUES["chain-preprod"]);
    assert.ok(!("authorization" in upstream.requests.at(-1).headers), "the caller's own key goes no further");
    assert.equal((await gate.decision("/v1/hello", key.secret)).code, "VALID");
    assert.ok(!("authorization" in upstream.requests.at(-1).headers) && !("x-project-id" in upstream.requests.at(-1).headers));
    assert.equal((await gate.decision("/v1/nowhere/blocks", key.secret)).status, 403);
  });

  test("u1_a_changed_value_reaches_the_upstream", async () => {
    const { data } = await plane.api("GET", `/v1/keyspaces/${keyspace.id}/upstream-credentials`);
    const { id } = data.find(({ name }) => name === "chain-mainnet");
    VALUES["chain-mainnet"] = "mainnetOtherOfThisTest9S";
    await plane.api("PATCH", `/v1/keyspaces/${keyspace.id}/upstream-credentials/${id}`, { value: VALUES["chain-mainnet"] });
    await eventually("the upstream gets the new one", async () => {
      await gate.decision("/v1/mainnet/blocks", key.secret);
      return upstream.requests.at(-1).headers.authorization === `Bearer ${VALUES["chain-mainnet"]}`;
    }, 20_000);
  });

  test("u1_the_plain_value_is_in_no_file_and_no_log_of_gate_relay_kv_or_control_plane", async () => {
    const files = (await readdir(system.folder.path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    assert.ok(files.length >= 5, "there is something to search");
    const parts = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name))));
    const everything = Buffer.concat([...parts, Buffer.from(gate.stdout + gate.stderr + plane.stdout + plane.stderr)]);
    assert.ok(everything.includes("chain-mainnet"), "the search finds what is there");
    for (const plain of [...Object.values(VALUES), "mainnetPlainOfThisTest7Q", pair.private]) assert.ok(!everything.includes(plain));
  });

  test("u1_without_the_gates_key_or_with_another_one_nothing_passes_and_nothing_is_named", async () => {
    const { LATCHKEY_GATE_KEY: _, ...without } = system.vars;
    for (const vars of [without, { ...without, LATCHKEY_GATE_KEY: gateKey().private }]) {
      await gate.stop();
      system.vars = vars;
      await system.startGate();
      ({ gate } = system);
      await eventually("the gate decides again", async () => (await gate.decision("/v1/hello", key.secret)).code === "VALID", 20_000);
      const seen = upstream.requests.length;
      const { status, body } = await gate.decision("/v1/mainnet/blocks", key.secret);
      assert.deepEqual([status, body.code], [503, "UPSTREAM_CREDENTIAL_UNAVAILABLE"]);
      assert.ok(!JSON.stringify(body).includes("chain"));
      assert.equal(upstream.requests.length, seen);
    }
  });
});
