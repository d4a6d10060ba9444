// An entry around the gate's own (`gate-entry.js`, beside it) that lets a test write to the gate's bucket: PUT or DELETE /__r2/<name>.
import gate from "./gate-entry.js";

export { Ledger, Relay } from "./gate-entry.js";

export default {
  async fetch(request, env, ctx) {
    const [, name] = /\/__r2\/(.+)$/.exec(new URL(request.url).pathname) ?? [];
    if (name === undefined) return gate.fetch(request, env, ctx);
    if (request.method === "PUT") await env.LATCHKEY_R2.put(name, await request.arrayBuffer());
    if (request.method === "DELETE") await env.LATCHKEY_R2.delete(name);
    return new Response();
  },
};
