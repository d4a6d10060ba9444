// The gate's objects with their ledgers open to a test: POST /<key>/<path> is what the gate sends to that key's ledger.
export { Ledger, Relay } from "./gate-entry.js";

export default {
  fetch(request, env) {
    const [, key, path] = /^\/([^/]+)(\/.*)$/.exec(new URL(request.url).pathname) ?? [];
    if (key === undefined) return new Response("ready");
    return env.LEDGER.getByName(key).fetch(new Request(`https://ledger${path}`, request));
  },
};
