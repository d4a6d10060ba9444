// What the gate reports of the requests that it decided, rows L4 and L5, and what reporting may never do to them.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { bearer, eventually, startGate } from "../support/gate.mjs";
import { Publisher } from "../support/publisher.mjs";
import { newToken } from "../support/token.mjs";
import { eventually as untilTrue } from "../support/processes.mjs";
import { startServer } from "../support/server.mjs";
import { System, reporting } from "../support/system.mjs";

const USAGE_KEY = "lkadm_test_key_of_this_test";
/** Records that an isolate keeps; edge/src/usage/ring.rs. */
const CAPACITY = 2_048;

const taken = (response) => response.writeHead(200, { "content-type": "application/json" }).end('{"repeated":false}');

/** A control plane that keeps what it is told. `answer` may be replaced by a test. */
async function startReceiver() {
  const receiver = { reports: [], answer: taken };
  const { url, close } = await startServer(async (request, response) => {
    let text = "";
    for await (const part of request.setEncoding("utf8")) text += part;
    receiver.reports.push({ url: request.url, headers: request.headers, text, body: JSON.parse(text) });
    receiver.answer(response, receiver.reports.at(-1).body);
  });
  const requests = () => receiver.reports.flatMap(({ body }) => body.requests);
  return Object.assign(receiver, { url, close, requests });
}

describe("reports", () => {
  let gate, receiver, publisher, key, revoked;

  const start = async (url, vars = { LATCHKEY_USAGE_KEY: USAGE_KEY }) => {
    publisher = new Publisher();
    [key, revoked] = [publisher.addKey(), publisher.addKey()];
    gate = await startGate(publisher, { vars: { LATCHKEY_CONTROL_PLANE_URL: url, ...vars } });
    await gate.publish();
    publisher.revoke(revoked);
    await gate.publish();
  };
  before(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => gate?.close());
  after(() => receiver.close());

  const hello = async (token, init) => {
    const response = await gate.fetch("/v1/hello?secret=query", { headers: bearer(token), ...init });
    await response.arrayBuffer();
    return response;
  };
  const sideBySide = async (count, work) => {
    for (let number = 0; number < count; number += 32) await Promise.all(Array.from({ length: 32 }, work));
  };

  test("l5_every_decision_is_reported_with_its_outcome_and_none_with_a_token_or_a_query", async () => {
    Object.assign(receiver, { reports: [], answer: taken });
    await start(receiver.url);
    const stranger = newToken();
    const answers = {
      VALID: await hello(key),
      NOT_FOUND: await hello(stranger),
      REVOKED: await hello(revoked),
      MISSING_KEY: await gate.fetch("/v1/hello"),
      ROUTE_NOT_FOUND: await gate.fetch(`/v1/${key.token}/x`, { headers: bearer(key) }),
    };
    await eventually(() => receiver.requests().length >= 5);
    const { url, headers } = receiver.reports[0];
    assert.equal(url, `/v1/keyspaces/${publisher.settings.LATCHKEY_KEYSPACE}/usage`);
    assert.equal(headers.authorization, `Bearer ${USAGE_KEY}`);
    const requests = receiver.requests();
    // The last, as whoever started the gate has asked it before.
    const of = (code) => requests.findLast((request) => request.code === code);
    for (const [code, answer] of Object.entries(answers)) {
      const noted = of(code);
      assert.ok(noted, `${code} in ${JSON.stringify(requests)}`);
      assert.equal(noted.status, answer.status);
      if (code !== "VALID") assert.equal(noted.request_id, answer.headers.get("x-request-id"));
      assert.ok(Math.abs(Date.parse(noted.at) - Date.now()) < 60_000, noted.at);
      assert.equal(noted.method, "GET");
      assert.ok(noted.seq > 0);
    }
    assert.equal(of("VALID").key, key.id);
    assert.equal(of("VALID").path, "/v1/hello");
    assert.equal(of("VALID").request_id, gate.upstream.last().headers["x-request-id"]);
    assert.ok(of("VALID").route.startsWith("/v1/"));
    assert.equal(of("REVOKED").tag, revoked.tag.subarray(0, 8).toString("hex"));
    assert.ok(!("key" in of("NOT_FOUND")) && !("tag" in of("MISSING_KEY")));
    const everything = receiver.reports.map(({ text }) => text).join("") + gate.logs();
    for (const secret of [key.token, revoked.token, stranger, "secret=query", USAGE_KEY]) {
      assert.ok(!everything.includes(secret), "a secret was reported or logged");
    }
  });

  test("l4_a_report_that_got_no_answer_is_sent_again_as_it_was", async () => {
    let failures = 2;
    Object.assign(receiver, { reports: [], answer: (response) => (failures-- > 0 ? response.writeHead(503).end() : taken(response)) });
    await start(receiver.url);
    await hello(key);
    await eventually(() => receiver.reports.length >= 3);
    const [first, second, third] = receiver.reports;
    assert.equal(second.text, first.text);
    assert.equal(third.text, first.text);
    // What is noted before the gate has read the answer waits for the next request.
    await eventually(async () => {
      await hello(key);
      return receiver.reports.length >= 4;
    }, { every: 100 });
    assert.notEqual(receiver.reports[3].body.batch_id, first.body.batch_id);
  });

  const usage = async () => (await gate.status()).usage;
  const allAllowed = (count) => sideBySide(count, async () => assert.equal((await hello(key)).status, 200));

  for (const [name, answer] of Object.entries({
    is_down: undefined,
    answers_500: (response) => response.writeHead(500).end(),
    finds_everything_too_large: (response) => response.writeHead(413).end(),
  })) {
    test(`l5_requests_are_not_concerned_when_the_control_plane_${name}`, async () => {
      Object.assign(receiver, { reports: [], answer });
      await start(answer === undefined ? "http://127.0.0.1:9" : receiver.url);
      await allAllowed(64);
      // What is too large in any size is given up, and counted; the rest is tried again.
      await eventually(async () => (await usage())[name === "finds_everything_too_large" ? "dropped" : "failures"] > 0);
      await allAllowed(64);
    });
  }

  test("l5_memory_is_bounded_and_what_is_forgotten_is_counted_when_the_control_plane_never_answers", async () => {
    Object.assign(receiver, { reports: [], answer: () => {} });
    await start(receiver.url);
    // A batch may be under way with half of what the isolate keeps.
    await allAllowed(2 * CAPACITY);
    const { held, dropped } = await usage();
    assert.ok(held <= CAPACITY && dropped > 0, `${held} held, ${dropped} dropped`);
  });

  test("l5_what_had_to_be_forgotten_is_told_once_reports_get_through", async () => {
    let isDown = true;
    Object.assign(receiver, { reports: [], answer: (response) => (isDown ? response.writeHead(500).end() : taken(response)) });
    await start(receiver.url);
    const sent = CAPACITY + 1_500;
    await sideBySide(sent, () => hello(key));
    await eventually(() => receiver.reports.length > 0);
    isDown = false;
    const from = receiver.reports.length;
    const told = () => {
      const bodies = new Map(receiver.reports.slice(from).map(({ body }) => [body.batch_id, body]));
      const all = [...bodies.values()];
      return all.reduce((sum, body) => sum + body.requests.length + body.dropped, 0);
    };
    const total = Math.ceil(sent / 32) * 32;
    let asked = 0;
    await eventually(async () => {
      await hello(key);
      asked++;
      return told() >= total;
    }, { within: 60_000, every: 500 });
    assert.ok(told() <= total + asked, `${told()} of ${total} and ${asked}`);
  });

  test("without the settings nothing is noted", async () => {
    Object.assign(receiver, { reports: [], answer: taken });
    await start(receiver.url, {});
    await hello(key);
    assert.ok(!("usage" in (await gate.status())));
  });
});

describe("usage from the gate to the API", () => {
  let system, plane, keyspace, gate;
  before(async () => {
    system = await System.start({ vars: reporting });
    ({ plane, keyspace, gate } = system);
  });
  after(() => system?.stop());

  test("l4_l5_the_api_shows_when_a_key_was_used_its_counts_and_each_request", async () => {
    const key = await system.admittedKey();
    const denied = await gate.decision("/v1/elsewhere", key.secret);
    assert.equal(denied.code, "ROUTE_NOT_FOUND");
    await untilTrue("the key shows its use", async () => {
      const { secrets } = await plane.api("GET", `/v1/keys/${key.id}`);
      return secrets[0].last_used_at !== null;
    }, 20_000);
    const usage = await plane.api("GET", `/v1/keys/${key.id}/usage`);
    assert.ok(Math.abs(Date.parse(usage.last_used.at) - Date.now()) < 60_000);
    assert.deepEqual(usage.hours.map(({ code }) => code).sort(), ["ROUTE_NOT_FOUND", "VALID"]);
    const { data } = await plane.api("GET", `/v1/keyspaces/${keyspace.id}/requests?key=${key.id}&code=ROUTE_NOT_FOUND`);
    assert.equal(data.length, 1);
    assert.equal(data[0].path, "/v1/elsewhere");
    assert.equal(data[0].status, 404);
    assert.equal(data[0].request_id, denied.body.request_id);
    assert.equal(data[0].secret_id, (await plane.api("GET", `/v1/keys/${key.id}`)).secrets[0].id);
    await plane.api("DELETE", `/v1/keys/${key.id}`);
    await untilTrue("refused", async () => (await gate.decision("/v1/hello", key.secret)).code !== "VALID", 10_000);
    await untilTrue("the denial is logged with the revoked key", async () => {
      const path = `/v1/keyspaces/${keyspace.id}/requests?key=${key.id}&code=REVOKED`;
      return (await plane.api("GET", path)).data.length > 0;
    }, 20_000);
  });
});
