// An entry around the gate's own (`gate-entry.js`, beside it): counts what the gate asks of its bindings, and makes them fail on command.
// GET /__counts; POST /__break {relay, kv}: true makes it fail, "hangs" leaves it without an answer. Everything else goes to the gate as it is.
import gate, { Relay as GateRelay } from "./gate-entry.js";

export { Ledger } from "./gate-entry.js";

const counts = { relay: 0, kv_get: 0, kv_put: 0 };
const broken = { relay: false, kv: false };

function call(count, group, work) {
  counts[count]++;
  if (broken[group] === "hangs") return new Promise(() => scheduler.wait(60_000));
  return broken[group] ? Promise.reject(new Error(`${group} is down`)) : work();
}

/** The object with some of its methods replaced. A proxy, so that it still is what it was to whoever looks. */
const replace = (object, methods) =>
  new Proxy(object, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return methods[name];
      const value = target[name];
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });

const countedKv = (kv) =>
  replace(kv, {
    get: (...args) => call("kv_get", "kv", () => kv.get(...args)),
    put: (...args) => call("kv_put", "kv", () => kv.put(...args)),
  });

const countedRelay = (namespace) =>
  replace(namespace, {
    getByName: (name) => {
      const stub = namespace.getByName(name);
      return { fetch: (request) => call("relay", "relay", () => stub.fetch(request)) };
    },
  });

const wrapped = new WeakMap();
function counted(env) {
  if (!wrapped.has(env)) {
    const { LATCHKEY_KV, RELAY } = env;
    wrapped.set(env, { ...env, LATCHKEY_KV: countedKv(LATCHKEY_KV), RELAY: countedRelay(RELAY) });
  }
  return wrapped.get(env);
}

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/__break") Object.assign(broken, await request.json());
    if (pathname === "/__break" || pathname === "/__counts") return Response.json(counts);
    return gate.fetch(request, counted(env), ctx);
  },
};

export class Relay extends GateRelay {
  constructor(ctx, env) {
    super(ctx, counted(env));
  }
}
