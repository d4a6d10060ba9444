// An entry around the gate's own (`gate-entry.js`, beside it) with a clock that can be moved, for the gate and for its objects.
// POST /__clock {ahead_ms}: how far it is ahead of the machine's from now on.
import gate from "./gate-entry.js";

export { Ledger, Relay } from "./gate-entry.js";

const now = Date.now;
let ahead = 0;
Date.now = () => now() + ahead;

export default {
  async fetch(request, env, ctx) {
    if (!request.url.endsWith("/__clock")) return gate.fetch(request, env, ctx);
    ahead = (await request.json()).ahead_ms;
    return Response.json({ now: Date.now() });
  },
};
