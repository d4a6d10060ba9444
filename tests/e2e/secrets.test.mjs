// No secret that a run makes may be found afterwards anywhere but in the one response that showed it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createKey, eventually } from "../support/processes.mjs";
import { System } from "../support/system.mjs";

const HELLO = "/v1/hello";
/** A change has reached the gate by then, on a slow machine too. */
const WITHIN_MS = 20_000;

/** Every file below a folder, with its bytes. */
function files(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return { path, bytes: readFileSync(path) };
  });
}

/** The files that hold `wanted`, in any encoding that a database or a log may use. */
function holding(all, wanted) {
  const forms = Buffer.isBuffer(wanted)
    ? [wanted, Buffer.from(wanted.toString("hex")), Buffer.from(wanted.toString("base64"))]
    : [Buffer.from(wanted), Buffer.from(wanted, "utf16le"), Buffer.from(Buffer.from(wanted).toString("base64")), Buffer.from(encodeURIComponent(wanted))];
  return all.filter(({ bytes }) => forms.some((form) => bytes.includes(form))).map(({ path }) => path);
}

describe("secrets of a run", () => {
  let system, upstream, plane, keyspace, gate;
  const secrets = [];
  const responses = [];
  before(async () => {
    system = await System.start({ env: { LATCHKEY_LOG: "debug" } });
    ({ upstream, plane, keyspace, gate } = system);
  });
  after(() => system?.stop());

  async function call(...args) {
    const answer = await plane.call(...args);
    responses.push(answer.text);
    return answer;
  }

  test("a run makes, uses, misuses, changes and revokes keys", async () => {
    secrets.push(plane.adminKey);
    const keys = [];
    for (let n = 0; n < 5; n++) {
      const key = await createKey(plane, keyspace, { owner: `owner ${n}`, metadata: { plan: "pro" } });
      keys.push(key);
      secrets.push(key.secret);
    }
    const [used, revoked] = keys;
    await eventually("admitted", async () => (await gate.decision(HELLO, used.secret)).code === "VALID", WITHIN_MS);
    await gate.decision("/v1/nowhere", used.secret);
    await gate.decision(HELLO, used.secret, { method: "POST" });
    await gate.decision(HELLO, `${used.secret}x`);
    await gate.request(HELLO, undefined, { headers: { "x-api-key": used.secret, authorization: `Bearer ${revoked.secret}` } });
    await gate.request(HELLO, undefined, { headers: { authorization: `Basic ${used.secret}` } });
    await call("PATCH", `/v1/keys/${used.id}`, { name: "renamed", enabled: false });
    await call("DELETE", `/v1/keys/${revoked.id}`);
    const rotated = await plane.api("POST", `/v1/keys/${keys[2].id}:rotate`, {});
    secrets.push(rotated.secret);
    await eventually("admitted by the new token", async () => (await gate.decision(HELLO, rotated.secret)).code === "VALID", WITHIN_MS);
    for (const verb of ["lookup", "verify"]) await call("POST", `/v1/keys:${verb}`, { token: rotated.secret });
    await call("POST", "/v1/keys:revoke-leaked", { tokens: [{ token: keys[3].secret, source: "a scanner" }] });
    // A caller's mistakes: secrets where they do not belong. None of them may be kept or said back.
    for (const path of [`/v1/keys/${used.secret}`, `/v1/keyspaces/${used.secret}`, `/v1/${used.secret}`, `/v1/keys?${used.secret}=1`]) {
      await call("GET", path);
      await call("PUT", path);
    }
    await call("POST", `/v1/keyspaces/${keyspace.id}/keys`, { [used.secret]: 1 });
    await call("POST", `/v1/keyspaces/${keyspace.id}/keys`, { expires_at: used.secret });
    const mistaken = await fetch(`${plane.url}/v1/whoami`, { headers: { authorization: `Bearer ${used.secret}` } });
    responses.push(await mistaken.text());
    for (const path of ["", "/policy", "/snapshot", "/propagation", "/keys?limit=100"]) {
      await call("GET", `/v1/keyspaces/${keyspace.id}${path}`);
    }
    for (const key of keys) await call("GET", `/v1/keys/${key.id}`);
    await eventually("refused", async () => (await gate.decision(HELLO, revoked.secret)).code !== "VALID", WITHIN_MS);
    responses.push(await (await gate.request("/.well-known/latchkey/status")).text());
  });

  test("no response but the one that issued it shows a secret", () => {
    assert(responses.length > 15);
    for (const secret of secrets) {
      const showing = responses.filter((text) => text.includes(secret));
      assert.equal(showing.length, 0, showing[0]?.replaceAll(secret, "<secret>"));
    }
  });

  test("the upstream never sees a credential", () => {
    assert(upstream.requests.length > 0);
    for (const request of upstream.requests) {
      for (const secret of secrets) assert(!JSON.stringify(request).includes(secret));
    }
  });

  test("no database, log, snapshot, KV or Durable Object storage holds a secret", async () => {
    await gate.stop();
    await plane.stop();
    const all = files(system.folder.path);
    const control = holding(all, keyspace.id);
    assert(control.some((path) => path.includes("control-plane")), "the search reads the control plane's files");
    const tag = createHash("sha256").update(secrets[1]).digest().subarray(0, 16);
    assert(holding(all, tag).some((path) => path.includes("wrangler")), "the search reads the edge's storage");
    // The line that shows the first admin key is its one response; the test keeps it in a log as a terminal would.
    const log = join(system.folder.path, "control-plane.log");
    for (const secret of secrets) {
      const found = holding(all, secret).filter((path) => !(path === log && secret === plane.adminKey));
      assert.deepEqual(found, []);
    }
  });

  test("the edge holds no whole digest of a token", () => {
    const edge = files(join(system.folder.path, "wrangler"));
    for (const secret of secrets) assert.deepEqual(holding(edge, createHash("sha256").update(secret).digest()), []);
  });
});
