// One gate in several isolates, as Cloudflare runs it: Workers of their own in one workerd, with one relay and the same ledgers. The objects have a Worker of
// their own too, so that nothing done to an isolate is done to them.
import { cpSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { bearer, edgeDir, gateAt, startUpstream } from "./gate.mjs";
import { startWorkerd } from "./workerd.mjs";

const WORKERS = join(import.meta.dirname, "workers");

/**
 * Starts `count` isolates of a gate for `publisher`, called gate-1 and so on. Each takes faults on command: see workers/faulty-entry.js. `varsOf(i)`: settings of
 * the one at place i alone. Returns
 * what the tests do with each, the upstream, the address of the objects' Worker, and `restart()`, which kills everything but keeps storage.
 */
export async function startIsolates(publisher, count, { vars = {}, varsOf = () => ({}), dir = edgeDir } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-isolates-"));
  const faulty = behind("faulty-entry.js", join(folder, "gate"), dir);
  const open = behind("ledger-entry.js", join(folder, "objects"), dir);
  const upstream = await startUpstream();
  const bindings = { ...publisher.settings, UPSTREAM_URL: upstream.url, ...vars };
  const names = Array.from({ length: count }, (_, i) => `gate-${i + 1}`);
  const workerd = await startWorkerd([
    { name: "objects", dir: open, bindings, relay: true },
    ...names.map((name, i) => ({ name, dir: faulty, bindings: { ...bindings, ...varsOf(i) }, relay: "objects" })),
  ]);
  const gates = names.map((name) => {
    const url = workerd.url(name);
    const fault = (which) => fetch(`${url}/__fault`, { method: "POST", body: JSON.stringify(which) }).then((answer) => answer.json());
    const hello = (key, path = "/v1/hello") => fetch(url + path, { headers: bearer(key) });
    return { ...gateAt(url, publisher), fault, hello };
  });
  return {
    gates,
    upstream,
    logs: workerd.logs,
    restart: workerd.restart,
    /** Makes the relay and the ledgers forget what is in memory. */
    evictObjects: () => fetch(`${workerd.url("objects")}/__evict`, { method: "POST" }),
    /** Asks the relay, as an isolate does. */
    ask: (question, options) =>
      fetch(`${workerd.url("objects")}/__sync?audience=${publisher.keyspaceId}/any`, { method: "POST", body: JSON.stringify(question), ...options }),
    /** A key's credits, as its ledger has them. */
    standing: async (key) => {
      const grants = { seq: 0, granted: {} };
      const answer = await fetch(`${workerd.url("objects")}/${key.id}/status`, { method: "POST", body: JSON.stringify({ grants }) });
      return (await answer.json()).credits;
    },
    /** Sends a message to a key's ledger, as an isolate does. */
    take: (key, credits) =>
      fetch(`${workerd.url("objects")}/${key.id}/take`, { method: "POST", body: JSON.stringify({ credits, rate: null }) }),
    close: async () => {
      await workerd.close();
      upstream.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The gate's modules with another entry in front of theirs, which becomes gate-entry.js. */
export function behind(entry, folder, dir = edgeDir) {
  cpSync(dir, folder, { recursive: true });
  renameSync(join(folder, "entry.js"), join(folder, "gate-entry.js"));
  cpSync(resolve(WORKERS, entry), join(folder, "entry.js"));
  return folder;
}
