// Another Worker of the same account, with bindings to the gate: tries to call methods on it. POST / {target: "gate" | "relay" | "ledger", method}.
export default {
  async fetch(request, env) {
    const { target, method } = await request.json();
    const object = (namespace) => namespace.get(namespace.idFromName("x"));
    const stub = { gate: () => env.GATE, relay: () => object(env.RELAY), ledger: () => object(env.LEDGER) }[target]();
    try {
      const result = await stub[method]();
      return Response.json({ called: true, result: String(result) });
    } catch (error) {
      return Response.json({ called: false, message: error.message });
    }
  },
};
