// The gate's objects open to a test: POST /<key>/<path> is what the gate sends to that key's ledger, POST /__sync?audience=… what it asks the relay. POST /__evict makes the objects
// forget all that is in memory, as an eviction does; what was under way never ends.
export { Ledger, Relay } from "./gate-entry.js";
import { recover } from "./instance.js";

export default {
  fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/__sync") return env.RELAY.getByName(searchParams.get("audience")).fetch(new Request("https://relay/sync", request));
    if (pathname === "/__evict") recover(new WebAssembly.RuntimeError("unreachable"));
    const [, key, path] = /^\/(key_[^/]+)(\/.*)$/.exec(pathname) ?? [];
    if (key === undefined) return new Response("ready");
    return env.LEDGER.getByName(key).fetch(new Request(`https://ledger${path}`, request));
  },
};
