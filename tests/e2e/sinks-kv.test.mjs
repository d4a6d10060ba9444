// Snapshots in Workers KV, written through Cloudflare's API: a gate that reads nothing else decides by them, and a write that is cut short anywhere is gone on
// with. The API is a stand-in that keeps to what Cloudflare documents; workerd reads the very values that were written to it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startCloudflare } from "../support/cloudflare.mjs";
import { bearer, edgeDir } from "../support/gate.mjs";
import { startKv } from "../support/kv.mjs";
import { ControlPlane, Upstream, createKey, createKeyspace, eventually, gateVars, temporaryFolder } from "../support/processes.mjs";
import { WRITTEN_WITHIN_MS, assertHashes, bodiesOf, importKeys, untilSettled, untilSink, writeTo } from "../support/sinks.mjs";
import { startWorkerd } from "../support/workerd.mjs";

const ACCOUNT = "0123456789abcdef0123456789abcdef";
/** A base that takes the sink two calls. */
const KEYS = 30_000;
const TOKEN = "cf-S3CRET-token";

let folder, plane, cloudflare, spaces = 0;
before(async () => {
  folder = await temporaryFolder();
  cloudflare = await startCloudflare({ accountId: ACCOUNT, token: TOKEN });
  plane = await ControlPlane.start({ folder: folder.path, env: { LATCHKEY_RETRY_MAX_SECONDS: "1" } });
});
after(async () => {
  await plane?.stop();
  cloudflare?.close();
  await folder?.remove();
});

/** A sink in a namespace of its own. */
function newSink(settings = {}) {
  const namespace_id = (++spaces).toString(16).padStart(32, "0");
  return { type: "kv", name: `kv-${spaces}`, account_id: ACCOUNT, namespace_id, api_base: cloudflare.base, secret: TOKEN, ...settings };
}

/** A keyspace that no gate is pushed to. */
const newKeyspace = (sinks) => createKeyspace(plane, "http://127.0.0.1:9", { gates: [], sinks });

test("a gate that has nothing but KV admits and refuses by what the sink wrote", async () => {
  const sink = newSink();
  const keyspace = await newKeyspace([sink]);
  const upstream = await Upstream.start();
  const kv = await startKv({ read: (name) => cloudflare.values(sink.namespace_id).get(name) });
  const bindings = { ...(await gateVars(plane, keyspace, upstream)), LATCHKEY_KV: { kv: kv.address }, LATCHKEY_REFRESH_AFTER_MS: "100" };
  const workerd = await startWorkerd([{ name: "gate", dir: edgeDir, bindings }], { cold: true });
  const status = async (key) => (await fetch(`${workerd.url("gate")}/v1/hello`, { headers: bearer(key.secret) })).status;
  try {
    const key = await createKey(plane, keyspace);
    await eventually("the key is admitted", async () => (await status(key)) === 200, WRITTEN_WITHIN_MS);
    const revoked = await plane.call("DELETE", `/v1/keys/${key.id}`);
    await eventually("the key is refused", async () => (await status(key)) === 401, WRITTEN_WITHIN_MS);
    const wanted = Number(revoked.headers.get("latchkey-change-seq"));
    const shown = await untilSink(plane, keyspace, sink.name, "it shows", (sink) => sink.applied_change_seq >= wanted && sink.lag_ms === 0);
    assert.equal(shown.last_error, null);
  } finally {
    await workerd.close();
    kv.close();
    await upstream.stop();
  }
});

test("many changes at once keep to the bounds of Cloudflare's API", async () => {
  const keyspace = await newKeyspace([newSink()]);
  const { name } = keyspace.sinks[0];
  let wanted;
  for (let i = 0; i < 60; i += 1) wanted = Number((await createKey(plane, keyspace)).headers.get("latchkey-change-seq"));
  await untilSink(plane, keyspace, name, "the sink has all", (sink) => sink.applied_change_seq >= wanted);
  assert.deepEqual(cloudflare.violations, []);
});

test("a token that is refused is told of without being shown, and another one goes on", async () => {
  const sink = newSink({ secret: "wrong-S3CRET" });
  const keyspace = await newKeyspace([sink]);
  const shown = await untilSink(plane, keyspace, sink.name, "it is refused", ({ last_error }) => last_error !== null);
  assert.deepEqual(shown.last_error, { code: "NOT_PERMITTED", message: "Authentication error (10000)" });
  assert.equal(shown.applied_seq, null);
  await writeTo(plane, keyspace, { ...sink, secret: TOKEN });
  const { text } = await plane.call("GET", `/v1/keyspaces/${keyspace.id}`);
  assert.ok(!text.includes("S3CRET") && !(plane.stderr + plane.stdout).includes("S3CRET"));
});

for (const status of [429, 503]) {
  test(`after a ${status} with Retry-After the sink leaves the API alone for that long, whatever changes`, async () => {
    const sink = newSink();
    const keyspace = await newKeyspace([sink]);
    await writeTo(plane, keyspace, sink);
    let refusedAt;
    cloudflare.fault = ({ what, namespace, at }) => {
      if (namespace !== sink.namespace_id || what !== "PUT bulk" || refusedAt !== undefined) return undefined;
      refusedAt = at;
      return { status, retryAfter: 3 };
    };
    await createKey(plane, keyspace);
    await eventually("it was refused", () => refusedAt !== undefined, WRITTEN_WITHIN_MS);
    const { headers } = await createKey(plane, keyspace);
    const wanted = Number(headers.get("latchkey-change-seq"));
    const lagging = await untilSink(plane, keyspace, sink.name, "it lags", ({ lag_ms }) => lag_ms > 500);
    assert.equal(lagging.last_error.code, status === 429 ? "RATE_LIMITED" : "UNAVAILABLE");
    await untilSink(plane, keyspace, sink.name, "it catches up", (sink) => sink.applied_change_seq >= wanted && sink.last_error === null);
    cloudflare.fault = () => undefined;
    const later = cloudflare.calls.filter(({ namespace, at }) => namespace === sink.namespace_id && at > refusedAt);
    assert.ok(later[0].at - refusedAt >= 3_000, `it came back after ${later[0].at - refusedAt} ms`);
  });
}

describe("a write that is cut short", () => {
  let keyspace, reference, calls;
  before(async () => {
    keyspace = await newKeyspace([]);
    await importKeys(plane, keyspace, KEYS);
    await untilSettled(plane, keyspace);
    // What a sync that nobody cuts writes, and in how many calls.
    const sink = newSink();
    await writeTo(plane, keyspace, sink);
    reference = bodiesOf(cloudflare.values(sink.namespace_id).keys());
    calls = cloudflare.calls.filter(({ namespace }) => namespace === sink.namespace_id).map(({ what }) => what);
  });

  test("takes several calls", () => {
    assert.ok(calls.filter((what) => what === "PUT bulk").length >= 4, calls.join());
  });

  for (const fault of ["cut", "half", "lost"]) {
    test(`is finished, complete, and repeats only the call that was ${fault}`, async () => {
      for (let at = 0; at < calls.length; at += 1) {
        const sink = newSink();
        const [seen, torn] = [[], []];
        cloudflare.fault = ({ namespace, names }) => {
          if (namespace !== sink.namespace_id) return undefined;
          seen.push(names);
          return seen.length - 1 === at ? fault : undefined;
        };
        // The head is written only where all that it leads to is.
        cloudflare.onWrite = (namespace, name, values) => {
          if (namespace === sink.namespace_id && name.startsWith("head/")) {
            torn.push(...reference.filter((body) => !values.has(body)));
          }
        };
        await writeTo(plane, keyspace, sink);
        cloudflare.fault = () => undefined;
        cloudflare.onWrite = () => {};
        assert.deepEqual(torn, [], `call ${at} was ${fault}`);
        const values = cloudflare.values(sink.namespace_id);
        assert.deepEqual(bodiesOf(values.keys()), reference, `call ${at} was ${fault}`);
        assertHashes(values);
        const written = seen.flat().filter((name) => name.startsWith("obj/"));
        const twice = written.filter((name, index) => written.indexOf(name) !== index);
        assert.ok(twice.every((name) => seen[at]?.includes(name)), `call ${at}: ${twice.length} bodies were written twice`);
      }
      assert.deepEqual(cloudflare.violations, []);
    });
  }

  test("is gone on with after a restart, with only what is missing", async () => {
    const sink = newSink();
    // Everything after the first two writes fails until the restart.
    let writes = 0;
    cloudflare.fault = ({ namespace, what }) => (namespace === sink.namespace_id && what === "PUT bulk" && ++writes > 2 ? "cut" : undefined);
    await plane.api("PATCH", `/v1/keyspaces/${keyspace.id}`, { sinks: [sink] });
    await eventually("half of it is there", () => writes > 3, WRITTEN_WITHIN_MS);
    const there = new Set(cloudflare.values(sink.namespace_id).keys());
    assert.ok(there.size > 0 && there.size < reference.length, `${there.size} of ${reference.length}`);
    await plane.stop();
    cloudflare.fault = () => undefined;
    const before = cloudflare.calls.length;
    const { port, adminKey } = plane;
    plane = await ControlPlane.start({ folder: folder.path, port, adminKey, env: { LATCHKEY_RETRY_MAX_SECONDS: "1" } });
    await untilSink(plane, keyspace, sink.name, "the rest is there", ({ applied_seq }) => applied_seq !== null);
    assert.deepEqual(bodiesOf(cloudflare.values(sink.namespace_id).keys()), reference);
    const again = cloudflare.calls.slice(before).filter(({ namespace }) => namespace === sink.namespace_id).flatMap(({ names }) => names);
    assert.deepEqual(again.filter((name) => there.has(name)), []);
  });
});
