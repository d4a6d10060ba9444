// Another Worker of the same account, with bindings to the gate: tries to call methods on it. POST / {target: "gate" | "relay", method}.
export default {
  async fetch(request, env) {
    const { target, method } = await request.json();
    const stub = target === "gate" ? env.GATE : env.RELAY.get(env.RELAY.idFromName("x"));
    try {
      const result = await stub[method]();
      return Response.json({ called: true, result: String(result) });
    } catch (error) {
      return Response.json({ called: false, message: error.message });
    }
  },
};
