// One key's ledger in workerd: what it answers, and what of it outlasts the object. What holds of the protocol is searched by the model in crates/latchkey-ledger.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { eventually } from "../support/gate.mjs";
import { behind } from "../support/isolates.mjs";
import { startWorkerd } from "../support/workerd.mjs";

let dir, workerd;
let number = 0;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "latchkey-ledger-"));
  workerd = await startWorkerd([{ name: "gate", dir: behind("ledger-entry.js", dir), relay: true }]);
});
after(async () => {
  await workerd?.close();
  if (dir !== undefined) rmSync(dir, { recursive: true });
});

/** A ledger of the test's own. */
function ledger() {
  const key = `key_${(number++).toString().padStart(13, "0")}`;
  const post = async (path, body) => {
    const response = await fetch(`${workerd.url("gate")}/${key}${path}`, { method: "POST", body: JSON.stringify(body) });
    assert.equal(response.status, 200, await response.clone().text());
    return response.json();
  };
  const standing = async () => (await post("/status", { grants: { seq: 0, granted: {} } })).credits.request;
  const nonce = (nonce, counts_until) => post("/nonce", { nonce, counts_until });
  return { key, nonce, take: (credits, rate = null) => post("/take", { credits, rate }), standing };
}

const message = (number, { granted = 100, seq = 1, ...rest } = {}) => ({
  session: "isolate-1", number, grants: { seq, granted: { request: granted } }, spent: {}, release: false, need: {}, ask: {}, ...rest,
});
const WINDOW_SECONDS = 5;
const minute = { name: "minute", limit: 3, window_seconds: 60 };

test("l1_credits_are_leased_spent_and_given_back", async () => {
  const one = ledger();
  const { credits } = await one.take(message(1, { need: { request: 1 }, ask: { request: 10 } }));
  assert.equal(credits.answer.leased.request, 10);
  assert.ok(credits.answer.lease_ms > 9_000);
  assert.deepEqual(await one.standing(), { granted: 100, consumed: 0, written_off: 0, leased: 10 });
  await one.take(message(2, { spent: { request: 4 }, release: true }));
  assert.deepEqual(await one.standing(), { granted: 100, consumed: 4, written_off: 0, leased: 0 });
});

test("l1_a_repeated_message_changes_nothing_and_an_overtaken_one_is_void", async () => {
  const one = ledger();
  const second = message(2, { ask: { request: 8 } });
  const first = await one.take(second);
  const again = await one.take(second);
  assert.deepEqual(again.credits.answer.leased, first.credits.answer.leased);
  assert.deepEqual((await one.take(message(1, { ask: { request: 8 } }))).credits, "stale");
  assert.equal((await one.standing()).leased, 8);
});

test("l1_a_ledger_that_is_evicted_in_mid_lease_goes_on_where_it_was", async () => {
  const one = ledger();
  await one.take(message(1, { ask: { request: 20 } }));
  await workerd.restart();
  assert.deepEqual(await one.standing(), { granted: 100, consumed: 0, written_off: 0, leased: 20 });
  await one.take(message(2, { spent: { request: 7 }, release: true }));
  assert.deepEqual(await one.standing(), { granted: 100, consumed: 7, written_off: 0, leased: 0 });
});

test("l1_what_nobody_reports_is_written_off_when_the_lease_ends_and_found_again_if_its_holder_comes_back", async () => {
  const one = ledger();
  await one.take(message(1, { ask: { request: 20 } }));
  await workerd.restart();
  const written = await eventually(async () => {
    const standing = await one.standing();
    return standing.written_off > 0 && standing;
  }, { every: 200 });
  assert.deepEqual(written, { granted: 100, consumed: 20, written_off: 20, leased: 0 });
  // Not on its word that it goes on, only on its word that it has stopped.
  const late = await one.take(message(2, { spent: { request: 3 } }));
  assert.equal(late.credits.answer.lease_ms, 0);
  assert.deepEqual(await one.standing(), { granted: 100, consumed: 20, written_off: 17, leased: 0 });
  await one.take(message(3, { spent: { request: 5 }, release: true }));
  assert.deepEqual(await one.standing(), { granted: 100, consumed: 5, written_off: 0, leased: 0 });
});

test("l1_of_two_grants_the_newer_one_counts_whoever_brings_it", async () => {
  const one = ledger();
  await one.take(message(1, { seq: 5, granted: 10, need: { request: 8 } }));
  const other = await one.take({ ...message(1, { seq: 4, granted: 1_000, need: { request: 8 } }), session: "isolate-2" });
  assert.deepEqual(other.credits.answer.leased, {});
  await one.take({ ...message(2, { seq: 6, granted: 20, need: { request: 8 } }), session: "isolate-2" });
  assert.equal((await one.standing()).leased, 16);
});

test("l3_an_exact_limit_outlasts_the_object", async () => {
  const one = ledger();
  const limits = [{ ...minute, window_seconds: 86_400 }];
  const take = async () => (await one.take(null, { limits, cost: 1 })).rate;
  assert.deepEqual([(await take()).is_allowed, (await take()).windows[0].remaining], [true, 1]);
  await workerd.restart();
  assert.deepEqual([(await take()).is_allowed, (await take()).is_allowed], [true, false]);
});

test("a ledger with nothing in it deletes itself, and one that is only looked at stores nothing", async () => {
  const folder = join(workerd.storage, "ledger");
  const before = new Set(readdirSync(folder));
  const tables = () =>
    readdirSync(folder).filter((name) => name.endsWith(".sqlite") && !before.has(name)).flatMap((name) => tablesIn(join(folder, name)));
  const [looked, counted] = [ledger(), ledger()];
  await looked.standing();
  await eventually(() => tables().length === 0);
  // Windows begin at multiples of their length: one that has just begun leaves time to look.
  await eventually(() => (Date.now() / 1_000) % WINDOW_SECONDS < 1);
  await counted.take(null, { limits: [{ ...minute, window_seconds: WINDOW_SECONDS }], cost: 1 });
  await eventually(() => tables().includes("part"), { every: 5 });
  await eventually(() => tables().length === 0, { every: 100 });
});

/** What a ledger's database has of tables; that it is locked while somebody writes. */
function tablesIn(file) {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database.prepare("SELECT name FROM sqlite_master WHERE name = 'part'").all().map(({ name }) => name);
  } catch (error) {
    if (error.errstr === "database is locked") return ["locked"];
    throw error;
  } finally {
    database.close();
  }
}

test("a8_a_nonce_is_new_once_for_each_key_also_for_a_ledger_that_was_evicted", async () => {
  const [one, other] = [ledger(), ledger()];
  const soon = Math.floor(Date.now() / 1_000) + 300;
  assert.deepEqual(await Promise.all(Array.from({ length: 8 }, () => one.nonce("sk_1 a", soon))).then((replies) => replies.sort()), [
    "new", ...Array(7).fill("used"),
  ]);
  assert.equal(await one.nonce("sk_2 a", soon), "new");
  assert.equal(await other.nonce("sk_1 a", soon), "new");
  // What else the ledger does leaves them alone.
  await one.take(null, { limits: [minute], cost: 1 });
  await workerd.restart();
  assert.equal(await one.nonce("sk_1 a", soon), "used");
});

test("a8_nonces_are_forgotten_when_their_signatures_no_longer_count", async () => {
  const one = ledger();
  // The margin for clocks is a minute, so it counts for some seconds more.
  const past = Math.floor(Date.now() / 1_000) - 55;
  assert.equal(await one.nonce("sk_1 a", past), "new");
  assert.equal(await one.nonce("sk_1 a", past), "used");
  await eventually(async () => (await one.nonce("sk_1 a", past)) === "new", { every: 500 });
});
