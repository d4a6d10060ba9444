// L1: credits, leased from a key's ledger to the isolates that spend them. What must hold is in spec/credits.md section 5.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { bearer, eventually } from "../support/gate.mjs";
import { startIsolates } from "../support/isolates.mjs";
import { Publisher } from "../support/publisher.mjs";

/** So long an isolate asks no more for what is used up: `EXHAUSTED_MS` in crates/latchkey-ledger. */
const EXHAUSTED_MS = 1_000;
/** After so long a call to a ledger is given up: `IN_FLIGHT_MS` there. */
const IN_FLIGHT_MS = 2_000;
/** How often something is killed while credits are spent, and the answers that come before each time. */
const KILLS = 24;
const ANSWERS_BETWEEN_KILLS = 40;

const publisher = new Publisher();
publisher.routes = [
  { method: "GET", path: "/v1/hello", cost: { request: 1 } },
  { method: "GET", path: "/v1/costly", cost: { request: 1, token: 5 } },
  { method: "GET", path: "/v1/image", cost: { image: 1 } },
  { method: "GET", path: "/v1/free" },
  { method: "*", path: "/open/*" },
];
const granted = (units, seq = 1) => publisher.addKey({ credits: { seq, granted: units } });

const keys = {
  small: granted({ request: 7 }),
  unused: granted({ request: 1_000 }),
  units: granted({ request: 100, token: 12 }),
  changing: granted({ request: 3 }),
  crowd: granted({ request: 3_000 }),
  killed: granted({ request: 1_000 }),
  down: granted({ request: 1_000 }),
  lost: granted({ request: 1_000 }),
  held: granted({ request: 5 }),
  left: granted({ request: 1_000 }),
  evicted: granted({ request: 1_000 }),
  free: publisher.addKey(),
};

let isolates, first, second, third;
before(async () => {
  isolates = await startIsolates(publisher, 3, { vars: { LATCHKEY_REFRESH_AFTER_MS: "200" } });
  [first, second, third] = isolates.gates;
  await first.publish();
  for (const gate of isolates.gates) await gate.hello(keys.free, "/v1/free");
});
after(() => isolates?.close());

const standing = async (key, unit = "request") => (await isolates.standing(key))[unit];
/** When every lease was given back or has ended. */
const settled = (key, unit) => eventually(async () => {
  const now = await standing(key, unit);
  return now?.leased === 0 && now;
}, { every: 100 });
const calls = async (gate) => (await gate.fault({})).calls;

/** Asks `count` times, so many at once, and counts the answers by status. */
async function ask(count, atOnce, send) {
  let left = count;
  return askWhile(() => left-- > 0, atOnce, () => send(left));
}

/** As `ask`, as long as `goesOn` says. Connections that break count as `broken`; `seen` may be looked at meanwhile. */
async function askWhile(goesOn, atOnce, send, seen = { 200: 0 }) {
  const client = async () => {
    while (goesOn()) {
      const status = await send().then(statusOf).catch(() => "broken");
      seen[status] = (seen[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  return seen;
}

async function statusOf(response) {
  await response.arrayBuffer();
  return response.status;
}

test("l1_a_key_spends_what_it_was_granted_and_then_is_told_which_unit_is_used_up", async () => {
  assert.deepEqual(await ask(7, 1, () => first.hello(keys.small)), { 200: 7 });
  const denied = await first.hello(keys.small);
  const body = await denied.json();
  assert.deepEqual([denied.status, body.code], [402, "CREDITS_EXHAUSTED"]);
  assert.match(body.detail, /`request`/);
  // The others learn it from the ledger, and then ask no more for a while.
  assert.equal((await second.hello(keys.small)).status, 402);
  const [before, started] = [await calls(second), Date.now()];
  assert.deepEqual(await ask(20, 1, () => second.hello(keys.small)), { 200: 0, 402: 20 });
  const asked = (await calls(second)) - before;
  assert.ok(asked <= 1 + (Date.now() - started) / EXHAUSTED_MS, `asked ${asked} times`);
  assert.deepEqual(await settled(keys.small), { granted: 7, consumed: 7, written_off: 0, leased: 0 });
});

test("l1_credits_that_another_isolate_holds_are_worth_another_try", async () => {
  const lease = (release) => isolates.take(keys.held, {
    session: "elsewhere", number: release ? 2 : 1, grants: { seq: 1, granted: { request: 5 } }, spent: {}, release, need: release ? {} : { request: 5 }, ask: {},
  });
  await lease(false);
  const denied = await third.hello(keys.held);
  assert.deepEqual([denied.status, denied.headers.get("retry-after")], [402, "1"]);
  assert.equal((await third.hello(keys.held)).headers.get("retry-after"), "1");
  await lease(true);
  await eventually(async () => (await third.hello(keys.held)).status === 200);
  await ask(4, 1, () => third.hello(keys.held));
  await eventually(async () => {
    const gone = await third.hello(keys.held);
    return gone.status === 402 && gone.headers.get("retry-after") === null;
  });
});

test("l1_keys_without_credits_and_routes_without_a_cost_spend_freely_and_ask_nobody", async () => {
  const before = await calls(first);
  assert.deepEqual(await ask(20, 4, () => first.hello(keys.free)), { 200: 20 });
  assert.deepEqual(await ask(20, 4, () => first.hello(keys.small, "/v1/free")), { 200: 20 });
  assert.equal(await calls(first), before);
});

test("l1_a_unit_that_was_never_granted_is_used_up_without_asking", async () => {
  const before = await calls(first);
  const denied = await first.hello(keys.unused, "/v1/image");
  assert.deepEqual([denied.status, (await denied.json()).code], [402, "CREDITS_EXHAUSTED"]);
  assert.equal(await calls(first), before);
});

test("l1_a_busy_key_is_leased_ahead_and_what_it_does_not_spend_comes_back", async () => {
  const before = await calls(first);
  assert.deepEqual(await ask(300, 20, () => first.hello(keys.unused)), { 200: 300 });
  const asked = (await calls(first)) - before;
  assert.ok(asked <= 100, `${asked} calls for 300 requests`);
  assert.deepEqual(await settled(keys.unused), { granted: 1_000, consumed: 300, written_off: 0, leased: 0 });
});

test("l1_several_units_are_spent_together_or_not_at_all", async () => {
  assert.deepEqual(await ask(2, 1, () => first.hello(keys.units, "/v1/costly")), { 200: 2 });
  const denied = await first.hello(keys.units, "/v1/costly");
  assert.equal(denied.status, 402);
  assert.match((await denied.json()).detail, /`token`/);
  assert.equal((await settled(keys.units, "token")).consumed, 10);
  assert.equal((await settled(keys.units)).consumed, 2);
});

test("l1_credits_that_are_added_count_at_once_and_taken_away_ones_no_more", async () => {
  assert.deepEqual(await ask(4, 1, () => first.hello(keys.changing)), { 200: 3, 402: 1 });
  const change = async (request, seq) => {
    publisher.change(keys.changing, { credits: { seq, granted: { request } } });
    await first.publish();
  };
  await change(5, 2);
  assert.deepEqual(await ask(3, 1, () => first.hello(keys.changing)), { 200: 2, 402: 1 });
  await change(4, 3);
  assert.equal((await first.hello(keys.changing)).status, 402);
  // Eight were granted by then, five are spent.
  await change(8, 4);
  assert.deepEqual(await ask(4, 1, () => first.hello(keys.changing)), { 200: 3, 402: 1 });
});

test("l1_200_clients_over_several_isolates_spend_exactly_what_was_granted", async () => {
  const before = isolates.upstream.requests.length;
  const seen = await ask(4_000, 200, (i) => isolates.gates[i % 3].hello(keys.crowd));
  const early = isolates.upstream.requests.length - before;
  assert.equal(seen[200], early);
  assert.ok(early <= 3_000, `${early} of 3000`);
  assert.deepEqual(Object.keys(seen).filter((status) => !["200", "402", "503"].includes(status)), []);
  // What leases held back at the end comes back, and can be spent to the last credit.
  const left = 3_000 - (await settled(keys.crowd)).consumed;
  assert.equal(left, 3_000 - early);
  await pause(1_100);
  assert.equal((await ask(left + 50, 1, () => first.hello(keys.crowd)))[200], left);
  assert.deepEqual(await settled(keys.crowd), { granted: 3_000, consumed: 3_000, written_off: 0, leased: 0 });
});

test("l1_however_often_isolates_are_killed_no_more_is_spent_than_granted_and_the_rest_comes_back", async () => {
  const before = isolates.upstream.requests.length;
  const spent = () => isolates.upstream.requests.length - before;
  const seen = { 200: 0 };
  const answered = () => Object.entries(seen).reduce((sum, [status, count]) => sum + (status === "broken" ? 0 : count), 0);
  let [isOver, i] = [false, 0];
  const clients = askWhile(() => !isOver, 200, async () => {
    const turn = i++;
    await pause(turn % 20);
    return isolates.gates[turn % 3].hello(keys.killed);
  }, seen);
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const enough = answered() + ANSWERS_BETWEEN_KILLS;
      await pause(120);
      await eventually(() => answered() >= enough);
      // Isolates die one by one; now and then everything does, the ledger's object included.
      if (kill % 8 === 7) await isolates.restart();
      else await isolates.gates[kill % 3].fault({ panic: true }).catch(() => {});
    }
  } finally {
    isOver = true;
    await clients;
  }
  for (const gate of isolates.gates) await gate.hello(keys.free, "/v1/free");
  assert.ok(spent() <= 1_000, `${spent()} of 1000`);
  assert.ok(spent() > 50, "hardly anything was spent, so nothing was shown");
  const then = await settled(keys.killed);
  assert.ok(then.consumed >= spent() && then.consumed - then.written_off <= spent(), `${spent()} spent, ${JSON.stringify(then)}`);
  assert.ok(then.written_off > 0, "no isolate died with a lease");
  // Whatever nobody held when it died is there to be spent.
  const left = 1_000 - then.consumed;
  await pause(1_100);
  const rest = await ask(left + 20, 1, () => first.hello(keys.killed));
  assert.equal(rest[200], left);
  assert.ok(spent() <= 1_000);
  assert.equal((await settled(keys.killed)).consumed, 1_000);
});

test("l1_while_the_ledger_is_down_a_lease_is_spent_and_then_requests_are_denied", async () => {
  for (const fault of ["throws", "hangs"]) {
    // The last request before the fault may have spent the last of a lease.
    await eventually(async () => {
      await third.fault({ ledger: false });
      await ask(40, 10, () => third.hello(keys.down));
      await third.fault({ ledger: fault });
      return (await third.hello(keys.down)).status === 200;
    }, { every: 300 });
    const started = Date.now();
    const denied = await eventually(async () => {
      const response = await third.hello(keys.down);
      return response.status !== 200 && response;
    }, { within: 15_000 });
    assert.deepEqual([denied.status, (await denied.json()).code, denied.headers.get("retry-after")], [503, "LIMITS_UNAVAILABLE", "1"]);
    assert.ok(Date.now() - started < 14_000);
    await third.fault({ ledger: false });
    await eventually(async () => (await third.hello(keys.down)).status === 200);
  }
});

test("l1_leases_whose_answers_are_lost_are_not", async () => {
  await second.fault({ ledger: "loses answers" });
  assert.deepEqual(await ask(3, 1, () => second.hello(keys.lost)), { 200: 0, 503: 3 });
  assert.ok((await standing(keys.lost)).leased > 0);
  await second.fault({ ledger: false });
  await eventually(async () => (await second.hello(keys.lost)).status === 200);
  const now = await settled(keys.lost);
  assert.deepEqual([now.consumed, now.written_off], [1, 0]);
});

test("l1_a_caller_that_hangs_up_takes_nobody_else_with_it", async () => {
  await second.fault({ ledger: "slow" });
  const before = await calls(second);
  const leaver = new AbortController();
  const left = fetch(`${second.url}/v1/hello`, { headers: bearer(keys.left), signal: leaver.signal }).catch((error) => error.name);
  await eventually(async () => (await calls(second)) > before);
  const stays = second.hello(keys.left);
  await pause(100);
  leaver.abort();
  assert.equal(await left, "AbortError");
  const started = Date.now();
  assert.equal((await stays).status, 200);
  assert.ok(Date.now() - started < IN_FLIGHT_MS, "nobody waited until the call was given up");
  await second.fault({ ledger: false });
  const { consumed, written_off } = await settled(keys.left);
  assert.ok(consumed >= 1 && consumed <= 2);
  assert.equal(written_off, 0);
});

test("l1_a_ledger_that_is_evicted_in_mid_lease_loses_nothing", async () => {
  for (let round = 1; round <= 3; round++) {
    assert.deepEqual(await ask(50, 10, () => first.hello(keys.evicted)), { 200: 50 });
    await isolates.evictObjects();
  }
  assert.deepEqual(await settled(keys.evicted), { granted: 1_000, consumed: 150, written_off: 0, leased: 0 });
});
