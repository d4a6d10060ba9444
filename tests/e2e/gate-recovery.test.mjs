// A gate that panics, whose data is too old, or that is set up wrongly or lacks a secret: it denies, says so, and comes back by itself where it can.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { bearer, eventually, startGate } from "../support/gate.mjs";
import { Publisher, SigningKey } from "../support/publisher.mjs";

const root = resolve(import.meta.dirname, "../..");

/** Starts a gate for one test. */
async function withGate(publisher, options, work) {
  const gate = await startGate(publisher, options);
  try {
    await work(gate);
  } finally {
    await gate.close();
  }
}

async function codeOf(response) {
  return [response.status, (await response.json()).code];
}

/**
 * The Worker with paths that panic: the same crate, with a feature that is never deployed. Built with the dev profile, into a folder of its own, since other
 * tests may be building the real one.
 */
function buildWithFaults() {
  const dir = join(root, "target/latchkey/edge-with-faults");
  const cargo = (...args) => execFileSync("cargo", args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  cargo("build", "--quiet", "--package", "latchkey-edge", "--features", "fault-injection", "--target", "wasm32-unknown-unknown");
  const wasm = join(root, "target/wasm32-unknown-unknown/debug/latchkey_edge.wasm");
  cargo("run", "--quiet", "--package", "latchkey-bindgen", "--", "--target", "worker", "--out", dir, wasm);
  return dir;
}

let faulty;
const withFaults = () => (faulty ??= buildWithFaults());

test("a panic denies its request; the next one is decided by a fresh instance from the relay's data", async () => {
  const publisher = new Publisher();
  const key = publisher.addKey();
  await withGate(publisher, { dir: withFaults() }, async (gate) => {
    await gate.publish();
    for (let round = 0; round < 3; round++) {
      assert.equal((await gate.fetch("/v1/hello", { headers: bearer(key) })).status, 200);
      const { isolate } = await gate.status();
      assert.deepEqual(await codeOf(await gate.fetch("/__fault/decide", { headers: bearer(key) })), [503, "SNAPSHOT_UNAVAILABLE"]);
      assert.equal((await gate.fetch("/v1/hello", { headers: bearer(key) })).status, 200);
      assert.notEqual((await gate.status()).isolate, isolate);
    }
    // The relay lives in the same instance here, and so has been made again too.
    const late = publisher.addKey();
    await gate.publish();
    assert.equal((await gate.fetch("/v1/hello", { headers: bearer(late) })).status, 200);
  });
});

test("a panic in a route of the gate's own, or in the relay, does not stay either", async () => {
  const publisher = new Publisher();
  const key = publisher.addKey();
  await withGate(publisher, { dir: withFaults() }, async (gate) => {
    await gate.publish();
    for (const path of ["/.well-known/latchkey/__fault", "/.well-known/latchkey/__fault-in-relay"]) {
      assert.equal((await gate.fetch(path)).status, 503, path);
      assert.equal((await gate.fetch("/v1/hello", { headers: bearer(key) })).status, 200, path);
      await gate.publish();
    }
  });
});

test("requests in flight when another one panics are answered, and none passes undecided", async () => {
  const publisher = new Publisher();
  const key = publisher.addKey();
  await withGate(publisher, { dir: withFaults() }, async (gate) => {
    await gate.publish();
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async (_, i) =>
        (await gate.fetch(i % 10 === 5 ? "/__fault/decide" : "/v1/hello", { headers: bearer(key) })).status,
      ),
    );
    assert.equal(statuses.filter((status) => status !== 200 && status !== 503).length, 0, statuses.join());
    await eventually(async () => (await gate.fetch("/v1/hello", { headers: bearer(key) })).status === 200);
  });
});

test("the deployed module has no path that panics", async () => {
  const publisher = new Publisher();
  const key = publisher.addKey();
  await withGate(publisher, {}, async (gate) => {
    await gate.publish();
    assert.deepEqual(await codeOf(await gate.fetch("/__fault/decide", { headers: bearer(key) })), [404, "ROUTE_NOT_FOUND"]);
    assert.deepEqual(await codeOf(await gate.fetch("/.well-known/latchkey/__fault")), [404, "ROUTE_NOT_FOUND"]);
  });
});

test("past valid_until every key is denied, and a newer head ends that", async () => {
  const publisher = new Publisher();
  publisher.validSeconds = 4;
  const key = publisher.addKey();
  await withGate(publisher, {}, async (gate) => {
    await gate.publish();
    assert.equal((await gate.fetch("/v1/hello", { headers: bearer(key) })).status, 200);
    const denial = await eventually(async () => {
      const response = await gate.fetch("/v1/hello", { headers: bearer(key) });
      return response.status !== 200 && response;
    });
    assert.equal(denial.headers.get("retry-after"), "2");
    assert.deepEqual(await codeOf(denial), [503, "SNAPSHOT_EXPIRED"]);
    assert.equal((await gate.status()).fresh, false);
    await gate.publish();
    assert.equal((await gate.fetch("/v1/hello", { headers: bearer(key) })).status, 200);
  });
});

test("after a restart, with nobody to push, the relay's data holds until valid_until", async () => {
  const publisher = new Publisher();
  publisher.validSeconds = 8;
  const key = publisher.addKey();
  const doomed = publisher.addKey();
  await withGate(publisher, {}, async (gate) => {
    await gate.publish();
    publisher.revoke(doomed);
    await gate.publish();
    const { valid_until } = await gate.status();
    await gate.restart();
    assert.equal((await gate.fetch("/v1/hello", { headers: bearer(key) })).status, 200);
    assert.equal((await gate.fetch("/v1/hello", { headers: bearer(doomed) })).status, 401);
    await eventually(async () => (await gate.fetch("/v1/hello", { headers: bearer(key) })).status === 503);
    assert.ok(Date.now() >= Date.parse(valid_until));
    await gate.restart();
    assert.deepEqual(await codeOf(await gate.fetch("/v1/hello", { headers: bearer(key) })), [503, "SNAPSHOT_EXPIRED"]);
  });
});

test("after a restart the relay still refuses what it has had before", async () => {
  const publisher = new Publisher();
  await withGate(publisher, {}, async (gate) => {
    const old = publisher.bundle();
    await gate.publish();
    await gate.restart();
    const answer = await gate.push(old);
    assert.deepEqual([answer.status, answer.body.code], [409, "NOT_NEWER"]);
  });
});

test("a gate that has never had a snapshot denies with 503", async () => {
  await withGate(new Publisher(), {}, async (gate) => {
    const response = await gate.fetch("/v1/hello", { headers: bearer(new Publisher().addKey()) });
    assert.deepEqual(await codeOf(response), [503, "SNAPSHOT_UNAVAILABLE"]);
  });
});

test("a setting that is missing or wrong is named in the answer and in the log, and nothing passes", async () => {
  const wrong = {
    LATCHKEY_KEYSPACE: "ks_1", LATCHKEY_ENVIRONMENT: "prod", LATCHKEY_TRUSTED_KEYS: "ed25519:AAAA", UPSTREAM_URL: "api.example.com",
    LATCHKEY_REFRESH_AFTER_MS: "soon", LATCHKEY_PEPPERS: '{"1":"bm90IDMyIGJ5dGVz"}', LATCHKEY_CREDENTIAL_HEADER: "cookie",
  };
  for (const [name, value] of [...Object.entries(wrong), ["LATCHKEY_KEYSPACE", ""]]) {
    const publisher = new Publisher();
    await withGate(publisher, { vars: { [name]: value } }, async (gate) => {
      for (const path of ["/v1/hello", "/.well-known/latchkey/status"]) {
        const response = await gate.fetch(path, { headers: bearer(publisher.addKey()) });
        const body = await response.json();
        assert.deepEqual([response.status, body.code], [500, "GATE_MISCONFIGURED"]);
        assert.ok(body.detail.includes(name), body.detail);
        assert.ok(!body.detail.includes("bm90IDMyIGJ5dGVz"));
      }
      assert.ok(gate.logs().includes(name));
      assert.equal((await gate.push(publisher.bundle())).status, 500);
    });
  }
});

test("tags under a pepper are found by a gate that has it, and by no other", async () => {
  const publisher = new Publisher();
  publisher.pepper = { version: 3, key: randomBytes(32) };
  const key = publisher.addKey();
  const secret = (version) => ({ LATCHKEY_PEPPERS: JSON.stringify({ [version]: publisher.pepper.key.toString("base64") }) });
  for (const [vars, expected] of [[secret(3), 200], [secret(4), 503], [{}, 503]]) {
    await withGate(publisher, { vars }, async (gate) => {
      await gate.publish();
      assert.equal((await gate.fetch("/v1/hello", { headers: bearer(key) })).status, expected);
    });
  }
});

test("e2 a thief's head of the last epoch binds a gate for as long as it trusts the thief's key, and no longer", async () => {
  const publisher = new Publisher();
  const key = publisher.addKey();
  await withGate(publisher, {}, async (gate) => {
    const pushed = async (overrides) => codeOrStatus(await gate.push(publisher.bundle(overrides)));
    await gate.publish();
    assert.equal(await pushed({ epoch: 0xffff_ffff, seq: 2n ** 64n - 1n }), 200);
    // Nothing outranks it, and while the key is trusted the gate cannot tell us from the thief.
    publisher.epoch = 2;
    assert.equal(await pushed(), "NOT_NEWER");

    const stolen = publisher.signer;
    publisher.signer = new SigningKey();
    assert.equal(await pushed(), "KEY_NOT_TRUSTED");
    await gate.restart({ LATCHKEY_TRUSTED_KEYS: publisher.signer.text });
    assert.equal((await gate.fetch("/v1/hello", { headers: bearer(key) })).status, 503, "what the thief signed counts for nothing");
    await gate.publish();
    assert.equal((await gate.fetch("/v1/hello", { headers: bearer(key) })).status, 200);

    assert.equal(await pushed({ epoch: 1 }), "NOT_NEWER", "from here on it binds as ever");
    publisher.signer = stolen;
    assert.equal(await pushed({ epoch: 0xffff_ffff, seq: 2n ** 64n - 1n }), "KEY_NOT_TRUSTED");
  });
});

const codeOrStatus = ({ status, body }) => (status === 200 ? status : body.code);
