// A Workers KV namespace as workerd's binding speaks to it: the value of a name by GET, PUT and DELETE. Counts what it is asked, can be slow, down or
// hanging, and can cache as a Cloudflare location does: what was read, present or not, is answered alike for as long as the reader's `cacheTtl` says.
import { startServer } from "./server.mjs";

/** Seconds that a location caches if the reader does not say. */
const DEFAULT_TTL = 60;

/** `read(name)`: where values come from that nobody has put. */
export async function startKv({ read = () => undefined, caches = false } = {}) {
  const values = new Map();
  const cached = new Map();
  const kv = {
    /** By name, how often it was asked for. */
    asked: new Map(),
    /** true: every answer is an error; "hangs": there is none. */
    broken: false,
    latencyMs: 0,
    put: (name, value) => values.set(name, Buffer.from(value)),
    get: (name) => values.get(name) ?? read(name),
    /** How many reads of names that begin so. */
    count: (prefix = "") => [...kv.asked].reduce((sum, [name, count]) => sum + (name.startsWith(prefix) ? count : 0), 0),
    forget: () => kv.asked.clear(),
  };
  const answerGet = (name, query, response) => {
    kv.asked.set(name, (kv.asked.get(name) ?? 0) + 1);
    const now = Date.now();
    let entry = caches ? cached.get(name) : undefined;
    if (entry === undefined || entry.until <= now) {
      entry = { value: kv.get(name), until: now + Number(query.get("cache_ttl") ?? DEFAULT_TTL) * 1_000 };
      if (caches) cached.set(name, entry);
    }
    response.writeHead(entry.value === undefined ? 404 : 200).end(entry.value);
  };
  const { url, close } = await startServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://kv");
    const name = decodeURIComponent(pathname.slice(1));
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (kv.latencyMs > 0) await new Promise((done) => setTimeout(done, kv.latencyMs));
    if (kv.broken === "hangs") return;
    if (kv.broken) return void response.writeHead(500).end();
    if (request.method === "GET") return void answerGet(name, searchParams, response);
    if (request.method === "PUT") values.set(name, Buffer.concat(chunks));
    if (request.method === "DELETE") values.delete(name);
    response.end();
  });
  return Object.assign(kv, { address: new URL(url).host, close });
}
