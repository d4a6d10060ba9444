// An entry around the gate's own (`gate-entry.js`, beside it) that makes an isolate suffer on command. POST /__fault:
// {ledger: false | "throws" | "hangs" | "loses answers" | "slow"}: what becomes of calls to ledgers; {panic: true}: the isolate dies, as a Wasm panic ends it, and a
// fresh one takes over; {rate: {…}}: a fake rate-limit binding for each name, that lets so many pass; {relay: false | "hangs" | "swallows waits" | "never waits"}: what
// becomes of calls to the relay, where the last is a relay, asked by a gate, of before there was waiting. Answers with how often ledgers and the relay were called, and how many calls of
// the relay have no answer yet.
import gate from "./gate-entry.js";

export { Ledger, Relay } from "./gate-entry.js";
import { recover } from "./instance.js";

let ledger = false;
let calls = 0;
let relay = false;
let asked = 0;
let waiting = 0;
const rate = {};
let wrapped;

async function call(stub, request) {
  calls++;
  if (ledger === "throws") throw new Error("the ledger is down");
  if (ledger === "hangs") return new Promise(() => scheduler.wait(60_000));
  if (ledger === "slow") await scheduler.wait(300);
  const answer = await stub.fetch(request);
  if (ledger !== "loses answers") return answer;
  await answer.arrayBuffer();
  throw new Error("the answer was lost");
}

async function ask(stub, request) {
  asked++;
  waiting++;
  try {
    return await answerOf(stub, request);
  } finally {
    waiting--;
  }
}

async function answerOf(stub, request) {
  const isSync = request.url.endsWith("/sync");
  const question = isSync ? await request.clone().json() : {};
  if (relay === "hangs" || (relay === "swallows waits" && question.wait_ms > 0)) return new Promise(() => scheduler.wait(60_000));
  if (relay !== "never waits" || !isSync) return stub.fetch(request);
  delete question.wait_ms;
  const answer = await stub.fetch(request.url, { method: "POST", body: JSON.stringify(question) });
  const headers = new Headers(answer.headers);
  headers.delete("latchkey-waited-ms");
  return new Response(answer.body, { status: answer.status, headers });
}

/** A namespace of objects whose calls go through `call`. */
const through = (namespace, call) =>
  new Proxy(namespace, {
    get(target, name) {
      if (name === "getByName") {
        return (key) => {
          const stub = target.getByName(key);
          return { fetch: (request) => call(stub, request) };
        };
      }
      const value = target[name];
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });

function wrap(env) {
  if (wrapped !== undefined) return wrapped;
  const names = ["LATCHKEY_RATE_3_PER_86400"];
  const limiter = (name) => ({ limit: async ({ key }) => {
    rate[name] ??= {};
    if (rate[name].throws) throw new Error("the binding is down");
    rate[name][key] = (rate[name][key] ?? 0) + 1;
    return { success: rate[name].allowed === undefined || rate[name][key] <= rate[name].allowed };
  } });
  wrapped = { ...env, LEDGER: through(env.LEDGER, call), RELAY: through(env.RELAY, ask), ...(env.FAKE_RATE_BINDINGS ? Object.fromEntries(names.map((name) => [name, limiter(name)])) : {}) };
  return wrapped;
}

export default {
  async fetch(request, env, ctx) {
    if (!request.url.endsWith("/__fault")) return gate.fetch(request, wrap(env), ctx);
    if (request.method === "POST") {
      const fault = await request.json();
      if (fault.ledger !== undefined) ledger = fault.ledger;
      if (fault.relay !== undefined) relay = fault.relay;
      if (fault.rate !== undefined) Object.assign(rate, fault.rate);
      // What a trap does to the instance: all that the isolate knew is gone, and what it was doing never ends.
      if (fault.panic) recover(new WebAssembly.RuntimeError("unreachable"));
    }
    return Response.json({ calls, asked, waiting, rate });
  },
};
