// Webhooks as their receivers see them: rows W1 and W2, verified by the Standard Webhooks libraries for JavaScript and Python.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { ControlPlane, eventually, temporaryFolder } from "../support/processes.mjs";
import { Receiver, isSigned } from "../support/receiver.mjs";

// Made by `cargo xtask setup`.
const PYTHON = resolve("target/latchkey/python/bin/python");
const VERIFY = resolve("tests/support/verify_webhooks.py");
/** A delivery has come by then, on a slow machine too. */
const WITHIN_MS = 30_000;

/** Whether the library for Python accepts each of the deliveries. */
function acceptedByPython(deliveries) {
  const names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
  const lines = deliveries.map(({ secret, body, headers }) => {
    return JSON.stringify({ secret, body, headers: Object.fromEntries(names.map((name) => [name, headers[name]])) });
  });
  const output = execFileSync(PYTHON, [VERIFY], { input: lines.join("\n") + "\n", encoding: "utf8" });
  return output.trim().split("\n").map((line) => line === "ok");
}

describe("webhooks", () => {
  let folder, plane, keyspace;
  const receivers = [];

  before(async () => {
    folder = await temporaryFolder();
    plane = await ControlPlane.start({ folder: folder.path, env: { LATCHKEY_ALLOW_HTTP_LOOPBACK: "true" } });
    keyspace = await plane.api("POST", "/v1/keyspaces", { name: "Webhooks" });
  });
  after(async () => {
    await plane?.stop();
    for (const receiver of receivers) await receiver.stop();
    await folder?.remove();
  });

  async function hook(settings) {
    const receiver = await Receiver.start();
    receivers.push(receiver);
    const webhook = await plane.api("POST", "/v1/webhooks", { url: receiver.url, events: ["key.created"], ...settings });
    return { receiver, webhook, path: `/v1/webhooks/${webhook.id}` };
  }

  const makeKey = () => plane.api("POST", `/v1/keyspaces/${keyspace.id}/keys`, {});
  const come = (receiver, count) => eventually(`${count} deliveries`, () => receiver.received.length >= count, WITHIN_MS);

  test("w1_libraries_of_two_languages_accept_what_is_sent_and_nothing_that_was_changed", async () => {
    const { receiver, webhook } = await hook({});
    for (let made = 0; made < 5; made++) await makeKey();
    await come(receiver, 5);
    const good = receiver.received.map((delivery) => ({ ...delivery, secret: webhook.secret }));
    const changed = (change) => ({ ...good[0], ...change });
    const bad = [
      changed({ body: good[0].body.replace("key.created", "key.revoked") }),
      changed({ headers: { ...good[0].headers, "webhook-id": "evt_0000000000001" } }),
      changed({ headers: { ...good[0].headers, "webhook-timestamp": String(Number(good[0].headers["webhook-timestamp"]) - 1) } }),
      changed({ secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}` }),
    ];
    assert.deepEqual(good.map((one) => isSigned(one, one.secret)), good.map(() => true));
    assert.deepEqual(bad.map((one) => isSigned(one, one.secret)), bad.map(() => false));
    assert.deepEqual(acceptedByPython([...good, ...bad]), [...good.map(() => true), ...bad.map(() => false)]);
  });

  test("w1_while_secrets_overlap_both_are_good_and_afterwards_only_the_new_one", async () => {
    const { receiver, webhook, path } = await hook({});
    const { secret } = await plane.api("POST", `${path}:rotate-secret`, { overlap_seconds: 3_600 });
    await makeKey();
    await come(receiver, 1);
    const { secret: last } = await plane.api("POST", `${path}:rotate-secret`, { overlap_seconds: 0 });
    await makeKey();
    await come(receiver, 2);
    const secrets = [webhook.secret, secret, last];
    const wanted = [[true, true, false], [false, false, true]];
    const [during, behind] = receiver.received;
    assert.deepEqual([during, behind].map((one) => secrets.map((text) => isSigned(one, text))), wanted);
    const both = [during, behind].flatMap((one) => secrets.map((text) => ({ ...one, secret: text })));
    assert.deepEqual(acceptedByPython(both), wanted.flat());
  });

  test("w1_an_ed25519_signature_is_verified_by_the_public_key_alone", async () => {
    const { receiver, webhook } = await hook({ signature: "ed25519" });
    assert.equal(webhook.secret, undefined);
    await makeKey();
    await come(receiver, 1);
    const [{ id, headers, body }] = receiver.received;
    const raw = Buffer.from(webhook.public_key.replace("whpk_", ""), "base64");
    const key = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") } });
    const [version, signature] = headers["webhook-signature"].split(",");
    const verifies = (text) => verify(null, Buffer.from(text), key, Buffer.from(signature, "base64"));
    assert.equal(version, "v1a");
    assert.ok(verifies(`${id}.${headers["webhook-timestamp"]}.${body}`));
    assert.ok(!verifies(`${id}.${headers["webhook-timestamp"]}.${body} `));
  });

  test("w2_the_log_tells_of_a_failure_and_what_is_sent_again_is_the_same_event", async () => {
    const { receiver, path } = await hook({});
    receiver.answer = () => 500;
    await makeKey();
    await come(receiver, 1);
    const failed = await eventually("the log has it", async () => {
      const { data } = await plane.api("GET", `${path}/deliveries`);
      return data.find(({ attempts }) => attempts > 0);
    }, WITHIN_MS);
    assert.deepEqual([failed.status, failed.last_response_status], ["pending", 500]);
    receiver.answer = () => 200;
    await plane.api("POST", `${path}/deliveries/${failed.id}:resend`);
    await come(receiver, 2);
    assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 1);
    const record = await eventually("it is delivered", async () => {
      const found = await plane.api("GET", `${path}/deliveries/${failed.id}`);
      return found.status === "delivered" && found;
    }, WITHIN_MS);
    const statuses = record.attempts_made.map(({ response_status }) => response_status);
    // On a slow machine it is tried again by itself meanwhile.
    assert.deepEqual([...new Set(statuses)], [500, 200], `${statuses}`);
    assert.equal(record.attempts_made[0].response_body, "thanks");
  });
});
