// What the stories about sinks share: a keyspace that is large enough to be written in several parts, and what a sink of it must end up with.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { eventually } from "./processes.mjs";

/** Time for a debug build on a busy machine to build a base and to write it. */
export const WRITTEN_WITHIN_MS = 120_000;

/** Half of what the segments of a head may have; control-plane/src/publisher/keyspace/bases.rs. */
const REBASE_BYTES = 262_144;

/** Imports keys that are known to nobody. Each has a profile of its own, so that a few thousand make a base of megabytes. */
export async function importKeys(plane, keyspace, count) {
  const sha256 = (text) => createHash("sha256").update(text).digest("hex");
  const line = (_, n) => JSON.stringify({ external_id: `e${n}`, digest: sha256(`${keyspace.id} e${n}`), metadata: { note: sha256(`note ${n}`).repeat(3) } });
  const response = await fetch(`${plane.url}/v1/keyspaces/${keyspace.id}/keys:import`, {
    method: "POST",
    headers: { authorization: `Bearer ${plane.adminKey}`, "content-type": "application/x-ndjson" },
    body: Array.from({ length: count }, line).join("\n"),
  });
  const last = JSON.parse((await response.text()).trim().split("\n").at(-1));
  assert.equal(last.created, count, JSON.stringify(last));
}

/** Waits until everything is in a head whose base nothing is about to replace: a new one is built only behind this many bytes of segments. */
export async function untilSettled(plane, keyspace) {
  const { headers } = await plane.api("PATCH", `/v1/keyspaces/${keyspace.id}`, { name: "Settled" });
  const wanted = Number(headers.get("latchkey-change-seq"));
  await eventually("all is in a base or close behind it", async () => {
    const { change_seq, segments } = await plane.api("GET", `/v1/keyspaces/${keyspace.id}/snapshot`);
    return change_seq >= wanted && segments.reduce((sum, { bytes }) => sum + bytes, 0) <= REBASE_BYTES;
  }, WRITTEN_WITHIN_MS, 100);
}

/** The progress of a sink, once `check` likes it. */
export function untilSink(plane, keyspace, name, what, check) {
  return eventually(what, async () => {
    const { sinks } = await plane.api("GET", `/v1/keyspaces/${keyspace.id}/propagation`);
    const sink = sinks.find((sink) => sink.name === name);
    return sink && check(sink) ? sink : undefined;
  }, WRITTEN_WITHIN_MS, 50);
}

/** Puts `sink` in the place of all sinks and waits until it holds everything. */
export async function writeTo(plane, keyspace, sink) {
  const changed = await plane.api("PATCH", `/v1/keyspaces/${keyspace.id}`, { sinks: [sink] });
  const wanted = Number(changed.headers.get("latchkey-change-seq"));
  return untilSink(plane, keyspace, sink.name, "the sink holds everything", (sink) => sink.applied_change_seq >= wanted);
}

export const bodiesOf = (names) => [...names].filter((name) => name.includes("obj/")).map((name) => name.slice(name.indexOf("obj/"))).sort();

/** Every body stands under the hash of what it is. */
export function assertHashes(values) {
  for (const [name, bytes] of values) {
    if (name.includes("obj/")) assert.equal(createHash("sha256").update(bytes).digest("hex"), name.split("obj/")[1]);
  }
}
