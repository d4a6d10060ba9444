// A sink that is slow with the objects of a new base: who is shut out meanwhile is refused at once by a gate that reads nothing but that sink. The head that says so
// stands over the base that the sink has, and the upload goes on where it was.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startCloudflare } from "../support/cloudflare.mjs";
import { bearer, edgeDir } from "../support/gate.mjs";
import { startKv } from "../support/kv.mjs";
import { ControlPlane, Upstream, createKey, createKeyspace, eventually, gateVars, temporaryFolder } from "../support/processes.mjs";
import { startS3 } from "../support/s3.mjs";
import { WRITTEN_WITHIN_MS, assertHashes, bodiesOf, importKeys, untilSettled, untilSink } from "../support/sinks.mjs";
import { startWorkerd } from "../support/workerd.mjs";

const ACCOUNT = "0123456789abcdef0123456789abcdef";
const TOKEN = "cf-S3CRET-token";
const BUCKET = "snapshots";
/** More than segments hold: they make a base of several shards. */
const KEYS = 6_000;
const ENV = { LATCHKEY_RETRY_MAX_SECONDS: "1" };
/** Far below what the upload of a base may take, and far above what a busy machine takes for a small change. */
const AT_ONCE_MS = 30_000;

let folder, plane, cloudflare, s3, upstream;
before(async () => {
  folder = await temporaryFolder();
  upstream = await Upstream.start();
  cloudflare = await startCloudflare({ accountId: ACCOUNT, token: TOKEN });
  s3 = await startS3(BUCKET);
  await s3.askForSignatures(false);
  await s3.makePublic(BUCKET);
  plane = await ControlPlane.start({ folder: folder.path, env: ENV });
});
after(async () => {
  await plane?.stop();
  cloudflare?.close();
  await s3?.stop();
  await upstream?.stop();
  await folder?.remove();
});

const places = [
  {
    name: "KV",
    async begin() {
      const namespace_id = "1".repeat(32);
      const kv = await startKv({ read: (name) => cloudflare.values(namespace_id).get(name) });
      return {
        service: cloudflare,
        sink: { type: "kv", name: "slow", account_id: ACCOUNT, namespace_id, api_base: cloudflare.base, secret: TOKEN },
        bindings: { LATCHKEY_KV: { kv: kv.address } },
        values: () => cloudflare.values(namespace_id),
        end: () => kv.close(),
      };
    },
  },
  {
    name: "S3",
    async begin() {
      const start = `/${BUCKET}/slow/`;
      const place = { bucket: BUCKET, prefix: "slow", endpoint: s3.endpoint, region: "us-east-1", access_key_id: s3.accessKeyId };
      return {
        service: s3,
        sink: { type: "s3", name: "slow", ...place, secret: s3.secretAccessKey },
        bindings: { LATCHKEY_SNAPSHOT_URL: `${s3.origin}/${BUCKET}/slow` },
        values: () => new Map([...s3.objects].filter(([path]) => path.startsWith(start)).map(([path, bytes]) => [path.slice(start.length), bytes])),
        end: () => {},
      };
    },
  },
];

/** Spec/snapshot.md, section 3. */
const seqOf = (head) => Number(head.readBigUInt64LE(20));
const begins = (magic) => (body) => body.subarray(0, 4).toString() === magic;
const [isHead, isShard] = [begins("LKHD"), begins("LKSH")];

/** From now on the service takes no shard in until `release` is called; `heads` has those that arrived, in order. */
function slowDown(service) {
  const heads = [];
  let release;
  const released = new Promise((done) => (release = done));
  const slow = { heads, waiting: 0, release };
  service.hold = async (call, brought) => {
    const values = [brought].flat();
    heads.push(...values.filter(isHead));
    if (!values.some(isShard)) return;
    slow.waiting += 1;
    await released;
  };
  return slow;
}

for (const { name, begin } of places) {
  describe(name, () => {
    let place, keyspace, gate, slow, leaked, copied, stolen, kept, fresh;
    const status = async (key) => (await fetch(`${gate.url("gate")}/v1/hello`, { headers: bearer(key.secret) })).status;
    const until = (key, wanted, within = AT_ONCE_MS) => eventually(`${wanted}`, async () => (await status(key)) === wanted, within, 50);
    const shown = (check) => untilSink(plane, keyspace, "slow", "the sink is so far", check);
    const headSeq = () => seqOf([...place.values()].find(([name]) => name.includes("head/"))[1]);

    before(async () => {
      place = await begin();
      keyspace = await createKeyspace(plane, "http://127.0.0.1:9", { gates: [], sinks: [place.sink] });
      [leaked, copied, kept] = [await createKey(plane, keyspace), await createKey(plane, keyspace), await createKey(plane, keyspace)];
      stolen = await createKey(plane, keyspace, { owner: "acme" });
      const bindings = { ...(await gateVars(plane, keyspace, upstream)), ...place.bindings, LATCHKEY_REFRESH_AFTER_MS: "100" };
      gate = await startWorkerd([{ name: "gate", dir: edgeDir, bindings }], { cold: true });
      for (const key of [leaked, copied, kept, stolen]) await until(key, 200, WRITTEN_WITHIN_MS);
      slow = slowDown(place.service);
      await importKeys(plane, keyspace, KEYS);
      await untilSettled(plane, keyspace, KEYS);
      fresh = await createKey(plane, keyspace);
      await eventually("the base is being written", () => slow.waiting > 0, WRITTEN_WITHIN_MS);
    });
    after(async () => {
      slow?.release();
      if (place) place.service.hold = () => undefined;
      await gate?.close();
      await place?.end();
    });

    test("a key that is revoked while the base is written is refused before it is there", async () => {
      const revoked = await plane.call("DELETE", `/v1/keys/${leaked.id}`);
      await until(leaked, 401);
      assert.equal(await status(kept), 200, "no one else is shut out");
      assert.equal(await status(fresh), 401, "that one has to wait for the base");
      const change = Number(revoked.headers.get("latchkey-change-seq"));
      const sink = await shown(({ revoked_through }) => revoked_through >= change);
      assert.ok(sink.applied_change_seq < change && sink.lag_ms > 0, JSON.stringify(sink));
    });

    test("a service that asks for time is given it, and then gets the head that it refused", async () => {
      const isHead = ({ what, method, names, path }) => (what ?? method).startsWith("PUT") && (names ?? [path]).some((name) => name.includes("head/"));
      let refusedAt;
      place.service.fault = (call) => {
        if (refusedAt !== undefined || !isHead(call)) return undefined;
        refusedAt = call.at;
        return { status: 503, retryAfter: 2 };
      };
      await plane.api("DELETE", `/v1/keys/${copied.id}`);
      await until(copied, 401);
      place.service.fault = () => undefined;
      const later = place.service.calls.filter((call) => (call.what ?? call.method).startsWith("PUT") && call.at > refusedAt);
      assert.ok(later[0].at - refusedAt >= 2_000, `it came back after ${later[0].at - refusedAt} ms`);
    });

    test("so are the keys of an owner, by a gate that knows nothing yet", async () => {
      await plane.api("POST", `/v1/keyspaces/${keyspace.id}/owners:revoke`, { owner: "acme", reason: "fraud" });
      await until(stolen, 401);
      await gate.restart();
      await until(kept, 200);
      for (const key of [leaked, copied, stolen]) await until(key, 401);
    });

    test("after a restart the upload goes on, and the head that shuts them out stays until there is a newer one", async () => {
      const before = headSeq();
      await plane.stop();
      const { port, adminKey } = plane;
      plane = await ControlPlane.start({ folder: folder.path, port, adminKey, env: ENV });
      assert.equal(headSeq(), before);
      slow.release();
      await until(fresh, 200, WRITTEN_WITHIN_MS);
      for (const key of [leaked, copied, stolen]) assert.equal(await status(key), 401);
      assert.equal(await status(kept), 200);
    });

    test("no head is older than the one before, and the base is whole", async () => {
      const seqs = slow.heads.map(seqOf);
      assert.ok(seqs.length > 2 && seqs.every((seq, index) => index === 0 || seq >= seqs[index - 1]), seqs.join());
      assert.ok(bodiesOf(place.values().keys()).length > 2);
      assertHashes(place.values());
      assert.deepEqual(cloudflare.violations, []);
    });
  });
}
