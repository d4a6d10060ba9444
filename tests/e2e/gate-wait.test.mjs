// Isolates that let a question wait at the relay learn of a revocation at once; those that only ask every two seconds do not. In workerd: several isolates, one relay.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bearer, eventually } from "../support/gate.mjs";
import { startIsolates } from "../support/isolates.mjs";
import { Publisher } from "../support/publisher.mjs";

const ROUNDS = 3;
/** Milliseconds between two requests of light traffic. */
const TRAFFIC_MS = 100;
/** Questions that may wait at the relay: `PLACES` in edge/src/relay/waiters.rs. */
const PLACES = 1_024;
/** Questions that are asked at once. */
const GROUP = 32;
/** So long an isolate waits for a relay that hangs, and the longest that a question may wait there. */
const RELAY_LIMIT_MS = 1_500;
const LONGEST_WAIT_MS = 10_000;
const SETTINGS = [
  // Takes the pushes, and asks nobody by itself.
  { LATCHKEY_REFRESH_AFTER_MS: "60000" },
  {},
  {},
  { LATCHKEY_RELAY_WAIT_MS: "0" },
];

const publisher = new Publisher();
const key = publisher.addKey();
let isolates, pushed, watching, other, polling;

before(async () => {
  isolates = await startIsolates(publisher, SETTINGS.length, { varsOf: (i) => SETTINGS[i] });
  [pushed, watching, other, polling] = isolates.gates;
  await pushed.publish();
  for (const gate of isolates.gates) await eventually(() => admits(gate, key));
});
after(() => isolates?.close());

const admits = async (gate, who) => {
  const answer = await gate.hello(who);
  await answer.arrayBuffer();
  return answer.status === 200;
};

/** Runs `work` while each gate has light traffic. Returns how long the slowest request of it took; none may be refused. */
async function withTraffic(gates, work) {
  let hasEnded = false;
  let slowest = 0;
  const traffic = gates.map(async (gate) => {
    while (!hasEnded) {
      const started = performance.now();
      assert.ok(await admits(gate, key));
      slowest = Math.max(slowest, performance.now() - started);
      await sleep(TRAFFIC_MS);
    }
  });
  try {
    await work();
  } finally {
    hasEnded = true;
    await Promise.all(traffic);
  }
  return slowest;
}

async function publishDoomed(gates) {
  const doomed = publisher.addKey();
  await pushed.publish();
  for (const gate of gates) await eventually(() => admits(gate, doomed));
  return doomed;
}

/** Milliseconds from `started` until the gate refuses the key. */
async function untilRefused(gate, doomed, started = performance.now()) {
  await eventually(async () => !(await admits(gate, doomed)));
  return performance.now() - started;
}

const refreshedAgo = async (gate) => (await gate.status()).refreshed_seconds_ago ?? Infinity;
const asked = async (gate) => (await gate.fault({})).asked;
const waiting = async (gate) => (await gate.fault({})).waiting;

/** With nothing new: one question in two seconds, and two in all for where the time begins and for an answer that was late. */
async function assertSeldomAsked(gate) {
  const started = performance.now();
  const before = await asked(gate);
  await sleep(4_300);
  const count = (await asked(gate)) - before;
  const most = 2 + (performance.now() - started) / 2_000;
  assert.ok(count >= 1 && count <= most, `${count} questions`);
}

test("with light traffic every isolate refuses a revoked key within a second, and one that only polls does not", async () => {
  const gates = [watching, other, polling];
  const took = { watching: [], polling: [] };
  const slowest = await withTraffic(gates, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const doomed = await publishDoomed(gates);
      // From here on it asks nobody for most of two seconds.
      await eventually(async () => (await refreshedAgo(polling)) < 0.3);
      const revokedAt = performance.now();
      publisher.revoke(doomed);
      await pushed.publish();
      const pushedAt = performance.now();
      const [first, second, late] = await Promise.all(gates.map((gate) => untilRefused(gate, doomed, gate === polling ? revokedAt : pushedAt)));
      took.watching.push(first, second);
      took.polling.push(late);
    }
  });
  // What a busy machine adds to each of the calls on the way is seen at the requests that wait for nothing.
  assert.ok(Math.max(...took.watching) < 1_000 + 4 * slowest, `${took.watching}, with requests of ${slowest} ms`);
  assert.ok(Math.max(...took.polling) > 1_000, `polling took ${took.polling} only: the test shows nothing`);
});

test("waiting takes no more questions than asking every two seconds", async () => {
  await withTraffic([watching], async () => {
    await sleep(1_000);
    await assertSeldomAsked(watching);
  });
});

test("news all the time is asked for at a pace", async () => {
  await withTraffic([watching], async () => {
    const before = await asked(watching);
    const started = performance.now();
    while (performance.now() - started < 3_000) {
      await pushed.publish();
      await sleep(20);
    }
    const seconds = (performance.now() - started) / 1_000;
    const count = (await asked(watching)) - before;
    assert.ok(count <= 2 + seconds / 0.5, `${count} questions in ${seconds} s`);
  });
});

test("the relay hears at once what an isolate has applied, if no request comes after the push too", async () => {
  const gates = [watching, other];
  const ids = await Promise.all(gates.map(async (gate) => (await gate.status()).isolate));
  const heard = async (seq) => {
    const { relay } = await pushed.status();
    return ids.every((id) => relay.isolates.some((one) => one.id === id && one.seq === seq && one.change_seq === publisher.changeSeq));
  };
  await eventually(async () => {
    // The questions of before are over; the first request brings what is new, the next one has a question wait.
    await sleep(2_500);
    await Promise.all(gates.map(async (gate) => {
      assert.ok(await admits(gate, key));
      await eventually(async () => (await waiting(gate)) === 0 && (await refreshedAgo(gate)) < 1);
    }));
    const askedAt = performance.now();
    assert.deepEqual(await Promise.all(gates.map((gate) => admits(gate, key))), [true, true]);
    const areWaiting = (await Promise.all(gates.map(waiting))).every((count) => count === 1);
    await pushed.publish();
    // On a busy machine a call may have failed, or a question may be over when the push comes; then nobody asks again.
    return areWaiting && performance.now() - askedAt < 1_500 && (await eventually(() => heard(publisher.seq)));
  }, { within: 90_000 });
});

test("a relay that swallows what it is asked to wait with makes no revocation late and no request slow", async () => {
  const gates = [watching, other];
  const doomed = await publishDoomed(gates);
  await watching.fault({ relay: "swallows waits" });
  const slowest = await withTraffic(gates, async () => {
    // What it has asked before is still answered.
    await sleep(2_500);
    for (let round = 0; round < 2; round++) {
      const next = round === 0 ? doomed : await publishDoomed(gates);
      publisher.revoke(next);
      await pushed.publish();
      assert.ok((await untilRefused(watching, next)) < 5_000);
    }
  });
  await watching.fault({ relay: false });
  assert.ok(slowest < RELAY_LIMIT_MS, `a request took ${slowest} ms, as if it had waited for the relay`);
});

test("a relay that hangs ends no decisions, and each is made in time", async () => {
  await watching.fault({ relay: "hangs" });
  const slowest = await withTraffic([watching], () => sleep(6_500));
  // Once, when what the isolate knows is 4 s old, requests wait until a question has failed.
  assert.ok(slowest < 2 * RELAY_LIMIT_MS, `a request took ${slowest} ms, as if it had waited for two questions`);
  assert.ok((await refreshedAgo(watching)) > 4);
  await watching.fault({ relay: false });
  await withTraffic([watching], () => eventually(async () => (await refreshedAgo(watching)) < 2));
});

test("gates and relays from before there was waiting work with those of today, and are asked no more than then", async () => {
  const doomed = await publishDoomed([watching]);
  await watching.fault({ relay: "never waits" });
  await withTraffic([watching], async () => {
    await sleep(2_500);
    await assertSeldomAsked(watching);
    publisher.revoke(doomed);
    await pushed.publish();
    assert.ok((await untilRefused(watching, doomed)) < 5_000);
  });
  await watching.fault({ relay: false });
});

test("so many questions wait and are all answered at once; who finds no place, or has gone, holds up nobody", async () => {
  // Nobody else waits any more.
  await sleep(2_500);
  const held = { epoch: publisher.epoch, seq: publisher.seq, change_seq: publisher.changeSeq, head: "", policy: "", segments: [], base_root: "" };
  const question = (wait_ms) => ({ isolate: "crowd", colo: "", held, refused: null, wait_ms });
  const ask = async (wait_ms, options) => {
    const answer = await isolates.ask(question(wait_ms), options);
    await answer.arrayBuffer();
    return { status: answer.status, waited: Number(answer.headers.get("latchkey-waited-ms")) };
  };
  // In groups: what is looked into is how many can wait, not how fast connections are made.
  const askMany = async (count, options) => {
    const asked = [];
    while (asked.length < count) {
      for (let more = Math.min(GROUP, count - asked.length); more > 0; more--) asked.push(ask(LONGEST_WAIT_MS, options));
      await sleep(10);
    }
    return asked;
  };
  const isFull = async () => (await ask(100)).waited < 100;
  const becomesFull = () => eventually(isFull, { within: LONGEST_WAIT_MS - 1_000 }).then(() => true, () => false);
  // A busy machine may take so long to ask so much that the first questions are over before the last are asked. Then it is done again.
  const answers = await eventually(async () => {
    const started = performance.now();
    const crowd = await askMany(PLACES + 50);
    const isCrowded = await becomesFull();
    await pushed.publish();
    const isInTime = performance.now() - started < LONGEST_WAIT_MS;
    const answers = await Promise.all(crowd);
    held.seq = publisher.seq;
    return isCrowded && isInTime && answers;
  }, { within: 240_000 });
  const woken = answers.filter(({ status }) => status === 200);
  assert.ok(woken.length >= PLACES - 1 && woken.length <= PLACES, `${woken.length} were woken`);
  assert.deepEqual(woken.filter(({ waited }) => waited >= LONGEST_WAIT_MS), [], "they were woken, and did not wait to the end");
  const others = answers.filter(({ status, waited }) => status !== 200 && (status !== 204 || waited > 100));
  assert.deepEqual(others, [], "the others were answered at once, within what a clock moves while it is read twice");

  await eventually(async () => {
    const gone = new AbortController();
    const dropped = await askMany(PLACES, { signal: gone.signal });
    const wasFull = await becomesFull();
    gone.abort();
    await Promise.allSettled(dropped);
    return wasFull;
  }, { within: 240_000 });
  await eventually(async () => !(await isFull()));
});
