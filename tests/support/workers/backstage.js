// Stands between a gate and what it asks, to count and to fail on command: a relay that passes calls on to the real one, and a KV namespace.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

const zero = () => ({ relay: 0, sync: 0, kv_get: 0, kv_put: 0 });
let counts = zero();
let broken = { relay: false, kv: false };
const store = new Map();

// Whom to ask, and what to change: GET /counts, POST /break {relay, kv}, POST /kv {name, base64}, GET /kv.
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/break") broken = { ...broken, ...(await request.json()) };
    if (pathname === "/reset") counts = zero();
    if (pathname === "/kv" && request.method === "POST") {
      const { name, base64 } = await request.json();
      store.set(name, Uint8Array.fromBase64(base64).buffer);
    }
    if (pathname === "/kv") return Response.json(Object.fromEntries([...store].map(([name, value]) => [name, value.byteLength])));
    return Response.json({ counts, broken });
  },
};

/** The methods of a KV namespace that the gate uses. */
export class Kv extends WorkerEntrypoint {
  async get(name) {
    counts.kv_get++;
    if (broken.kv) throw new Error("KV is down");
    return store.get(name) ?? null;
  }

  async put(name, value) {
    counts.kv_put++;
    if (broken.kv) throw new Error("KV is down");
    store.set(name, value instanceof ArrayBuffer ? value : value.buffer);
  }

  async delete(name) {
    store.delete(name);
  }
}

export class RelayProxy extends DurableObject {
  async fetch(request) {
    counts.relay++;
    if (new URL(request.url).pathname === "/sync") counts.sync++;
    if (broken.relay) throw new Error("the relay is down");
    const { REAL } = this.env;
    return REAL.get(REAL.idFromName(this.ctx.id.name)).fetch(request);
  }
}
