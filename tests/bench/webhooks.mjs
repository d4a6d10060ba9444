// Deliveries of webhooks to a receiver on this machine: how many in a second, and how late, alone and beside 50 receivers that are dead. Half of these refuse
// connections, half take them and never answer. Each round measures both, one after the other and in turn each first, so a ratio compares neighbours in
// time and neither gains by its place. What an event costs the control plane in processor time is reported too, where the system counts it: rates on a
// machine that does other things beside say little.
import { once } from "node:events";
import { createServer } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../support/ports.mjs";
import { ControlPlane, eventually, temporaryFolder } from "../support/processes.mjs";
import { Receiver } from "../support/receiver.mjs";
import { processorTime } from "./processor.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7);
const DEAD = 50;
/** Keys that are imported at once: each is an event. */
const BURST = 5_000;
/** Keys that are made one after the other, and the milliseconds between them. */
const PACED = 200;
const EVERY_MS = 20;

const report = (name, value, unit, note) => console.log(JSON.stringify({ name, value, unit, note }));

/** Takes connections and says nothing. */
async function silentPort(closing) {
  const server = createServer(() => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  return server.address().port;
}

async function deadWebhooks(plane, closing) {
  const webhooks = [];
  for (let made = 0; made < DEAD; made++) {
    const port = made % 2 ? await silentPort(closing) : await freePort();
    const settings = { url: `http://127.0.0.1:${port}/`, events: ["key.created"], enabled: false };
    webhooks.push(await plane.api("POST", "/v1/webhooks", settings));
  }
  return webhooks;
}

const createdKeys = (receiver) => receiver.received.filter(({ event }) => event.type === "key.created");

/** Microseconds of processor time that the control plane has used, or NaN. */
function timeOf(folder) {
  if (process.platform !== "linux") return Number.NaN;
  return processorTime(Number(readFileSync(join(folder, "control-plane/latchkey.lock"), "utf8"))).own;
}

async function burst(plane, keyspace, receiver) {
  receiver.received = [];
  const digest = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");
  const lines = Array.from({ length: BURST }, () => JSON.stringify({ external_id: crypto.randomUUID(), digest: digest() }));
  const headers = { authorization: `Bearer ${plane.adminKey}`, "content-type": "application/x-ndjson" };
  const response = await fetch(`${plane.url}/v1/keyspaces/${keyspace.id}/keys:import`, { method: "POST", headers, body: lines.join("\n") });
  if (!response.ok) throw new Error(`the import failed: ${await response.text()}`);
  await response.text();
  await eventually("the whole burst has come", () => createdKeys(receiver).length >= BURST, 120_000, 5);
  const times = receiver.received.map(({ at }) => at);
  return ((BURST - 1) / (Math.max(...times) - Math.min(...times))) * 1_000;
}

async function paced(plane, keyspace, receiver) {
  receiver.received = [];
  for (let made = 0; made < PACED; made++) {
    const next = performance.now() + EVERY_MS;
    await plane.api("POST", `/v1/keyspaces/${keyspace.id}/keys`, {});
    await pause(Math.max(0, next - performance.now()));
  }
  await eventually("all of it has come", () => createdKeys(receiver).length >= PACED, 60_000, 5);
  const late = receiver.received.map(({ at, event }) => at - Date.parse(event.timestamp)).sort((one, other) => one - other);
  return { median: late[Math.floor(late.length / 2)], p99: late[Math.floor(late.length * 0.99)] };
}

const folder = await temporaryFolder();
const closing = [];
const receiver = await Receiver.start();
const env = { LATCHKEY_ALLOW_HTTP_LOOPBACK: "true", LATCHKEY_LOG: "error" };
const plane = await ControlPlane.start({ folder: folder.path, env });
try {
  await plane.api("POST", "/v1/webhooks", { url: receiver.url, events: ["key.created"] });
  const dead = await deadWebhooks(plane, closing);
  const enable = async (enabled) => {
    for (const { id } of dead) await plane.api("PATCH", `/v1/webhooks/${id}`, { enabled });
  };
  for (let round = -1; round < ROUNDS; round++) {
    const measured = {};
    for (const beside of round % 2 ? [false, true] : [true, false]) {
      await enable(beside);
      // A new one each time: what publishing costs grows with the keys.
      const keyspace = await plane.api("POST", "/v1/keyspaces", { name: "Bench", foreign_tokens: true });
      const late = await paced(plane, keyspace, receiver);
      const before = timeOf(folder.path);
      const rate = await burst(plane, keyspace, receiver);
      measured[beside] = { late, rate, cost: (timeOf(folder.path) - before) / BURST };
    }
    await enable(false);
    // The first round warms everything up.
    if (round < 0) continue;
    const { true: with50, false: alone } = measured;
    const said = ({ rate, cost }) => `${Math.round(rate)}/s (${Math.round(cost)} us each)`;
    console.log(`round ${round + 1}: ${said(alone)} alone, ${said(with50)} beside ${DEAD} dead`);
    report("webhooks.deliveries_per_s", alone.rate, "1/s", `a burst of ${BURST} events to one receiver`);
    report("webhooks.beside_dead_per_s", with50.rate, "1/s", `the same beside ${DEAD} dead receivers of the same events`);
    report("webhooks.ratio_dead", with50.rate / alone.rate, "x", "beside dead receivers, of alone");
    if (Number.isFinite(alone.cost)) {
      report("webhooks.event_cpu_us", alone.cost, "us", "processor time of the control plane for an event: importing, publishing and delivering");
      report("webhooks.beside_dead_event_cpu_us", with50.cost, "us", `the same beside ${DEAD} dead receivers`);
      report("webhooks.ratio_dead_cpu", alone.cost / with50.cost, "x", "alone, of beside dead receivers");
    }
    report("webhooks.late_median_ms", alone.late.median, "ms", `from commit to receiver, at ${1_000 / EVERY_MS} events/s`);
    report("webhooks.late_p99_ms", alone.late.p99, "ms", "the same");
    report("webhooks.beside_dead_late_median_ms", with50.late.median, "ms", `the same beside ${DEAD} dead receivers`);
    report("webhooks.beside_dead_late_p99_ms", with50.late.p99, "ms", "the same");
  }
} finally {
  await plane.stop();
  await receiver.stop();
  for (const close of closing) close();
  await folder.remove();
}
process.exit(0);
