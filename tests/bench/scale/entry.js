// The gate's own entry (`gate-entry.js`, beside it), and GET /__memory: bytes of its Wasm instance's memory, which never shrinks.
import gate from "./gate-entry.js";
import { wasm_memory as memory } from "./index.js";

export { Ledger, Relay } from "./gate-entry.js";

export default {
  fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/__memory") return Response.json({ wasm: memory().buffer.byteLength });
    return gate.fetch(request, env, ctx);
  },
};
