// Snapshots in a bucket, against a real S3 server: every request signed, a write that is cut short gone on with, and a gate that reads the bucket's address.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { bearer, edgeDir } from "../support/gate.mjs";
import { ControlPlane, Upstream, createKey, createKeyspace, eventually, gateVars, temporaryFolder } from "../support/processes.mjs";
import { startS3 } from "../support/s3.mjs";
import { WRITTEN_WITHIN_MS, assertHashes, bodiesOf, importKeys, untilSettled, untilSink, writeTo } from "../support/sinks.mjs";
import { startWorkerd } from "../support/workerd.mjs";

const KEYS = 14_000;
const BUCKET = "snapshots";
/** Whose requests must be signed. moto computes other signatures than everybody else where a prefix is asked for, so this one is used without. */
const SIGNED = "signed";

let folder, plane, s3, prefixes = 0;
before(async () => {
  folder = await temporaryFolder();
  s3 = await startS3(BUCKET, SIGNED);
  await s3.askForSignatures(false);
  plane = await ControlPlane.start({ folder: folder.path, env: { LATCHKEY_RETRY_MAX_SECONDS: "1" } });
});
after(async () => {
  await plane?.stop();
  await s3?.stop();
  await folder?.remove();
});

/** A sink below a prefix of its own. */
function newSink(settings = {}) {
  const prefix = `gates/p${++prefixes}`;
  const place = { bucket: BUCKET, prefix, endpoint: s3.endpoint, region: "us-east-1", access_key_id: s3.accessKeyId };
  return { type: "s3", name: `s3-${prefixes}`, ...place, secret: s3.secretAccessKey, ...settings };
}

/** A keyspace that no gate is pushed to. */
const newKeyspace = (sinks) => createKeyspace(plane, "http://127.0.0.1:9", { gates: [], sinks });
const below = (prefix) => [...s3.objects].filter(([path]) => path.startsWith(`/${BUCKET}/${prefix}/`));
const namesBelow = (prefix) => bodiesOf(below(prefix).map(([path]) => path));

test("a secret that does not sign as it should is told of without being shown, and the right one goes on", async () => {
  await s3.askForSignatures(true);
  const sink = newSink({ bucket: SIGNED, prefix: "", secret: "wrong-S3CRET" });
  const keyspace = await newKeyspace([sink]);
  const shown = await untilSink(plane, keyspace, sink.name, "it is refused", ({ last_error }) => last_error !== null);
  assert.equal(shown.last_error.code, "NOT_PERMITTED", JSON.stringify(shown));
  await writeTo(plane, keyspace, { ...sink, secret: s3.secretAccessKey });
  assert.ok([...s3.objects.keys()].some((path) => path.startsWith(`/${SIGNED}/head/${keyspace.id}`)));
  await s3.askForSignatures(false);
  const { text } = await plane.call("GET", `/v1/keyspaces/${keyspace.id}`);
  const said = text + plane.stderr + plane.stdout + JSON.stringify(shown);
  assert.ok(!said.includes("S3CRET") && !said.includes(s3.secretAccessKey));
});

test("a store that asks to be left alone is left alone for that long", async () => {
  const sink = newSink();
  const keyspace = await newKeyspace([sink]);
  await writeTo(plane, keyspace, sink);
  let refusedAt, before;
  s3.fault = ({ method, at }) => {
    if (method !== "PUT" || refusedAt !== undefined) return undefined;
    [refusedAt, before] = [at, s3.calls.length];
    return { status: 503, retryAfter: 3 };
  };
  const { headers } = await createKey(plane, keyspace);
  const wanted = Number(headers.get("latchkey-change-seq"));
  await untilSink(plane, keyspace, sink.name, "it catches up", (sink) => sink.applied_change_seq >= wanted);
  s3.fault = () => undefined;
  const later = s3.calls.slice(before).filter(({ path }) => path.includes(sink.prefix));
  assert.ok(later[0].at - refusedAt >= 3_000, `it came back after ${later[0].at - refusedAt} ms`);
});

test("a write that is cut at any request is finished, complete, and repeats only what did not arrive", async () => {
  const keyspace = await newKeyspace([]);
  await importKeys(plane, keyspace, KEYS);
  await untilSettled(plane, keyspace);
  const first = newSink();
  await writeTo(plane, keyspace, first);
  const reference = namesBelow(first.prefix);
  const requests = s3.calls.filter(({ url }) => decodeURIComponent(url).includes(first.prefix)).length;
  assert.ok(reference.length > 8 && requests > reference.length, `${requests} requests for ${reference.length} bodies`);
  for (let at = 0; at < requests; at += 1) {
    for (const fault of ["cut", "lost"]) {
      const sink = newSink();
      const [puts, torn] = [[], []];
      let seen = 0;
      s3.fault = ({ method, path, url }) => {
        if (!decodeURIComponent(url).includes(sink.prefix)) return undefined;
        if (method === "PUT") puts.push(path);
        return seen++ === at ? fault : undefined;
      };
      // The head is written only where all that it leads to is.
      s3.onWrite = (path) => {
        const there = new Set(namesBelow(sink.prefix));
        if (path.includes(`/${sink.prefix}/head/`)) torn.push(...reference.filter((body) => !there.has(body)));
      };
      await writeTo(plane, keyspace, sink);
      s3.fault = () => undefined;
      s3.onWrite = () => {};
      assert.deepEqual(torn, [], `request ${at} was ${fault}`);
      assert.deepEqual(namesBelow(sink.prefix), reference, `request ${at} was ${fault}`);
      assertHashes(below(sink.prefix));
      const bodies = puts.filter((path) => path.includes("/obj/"));
      // What was under way beside the one that was cut may be repeated too.
      assert.ok(bodies.length <= reference.length + 8, `request ${at}: ${bodies.length} writes of ${reference.length} bodies`);
    }
  }
});

test("what S3 holds, read at the bucket's address, is what a gate decides by", async () => {
  const sink = newSink();
  const keyspace = await newKeyspace([sink]);
  await s3.makePublic(BUCKET);
  const upstream = await Upstream.start();
  const vars = { LATCHKEY_SNAPSHOT_URL: `${s3.origin}/${BUCKET}/${sink.prefix}`, LATCHKEY_REFRESH_AFTER_MS: "100" };
  const bindings = { ...(await gateVars(plane, keyspace, upstream)), ...vars };
  const workerd = await startWorkerd([{ name: "gate", dir: edgeDir, bindings }], { cold: true });
  const status = async (key) => (await fetch(`${workerd.url("gate")}/v1/hello`, { headers: bearer(key.secret) })).status;
  try {
    const key = await createKey(plane, keyspace);
    await eventually("the key is admitted", async () => (await status(key)) === 200, WRITTEN_WITHIN_MS);
    await plane.api("DELETE", `/v1/keys/${key.id}`);
    await eventually("the key is refused", async () => (await status(key)) === 401, WRITTEN_WITHIN_MS);
    const [head] = below(sink.prefix).filter(([path]) => path.includes("/head/"));
    const caching = async (path) => (await fetch(s3.origin + path)).headers.get("cache-control");
    assert.equal(await caching(head[0]), "no-cache");
    assert.match(await caching(below(sink.prefix).find(([path]) => path.includes("/obj/"))[0]), /immutable/);
  } finally {
    await workerd.close();
    await upstream.stop();
  }
});
