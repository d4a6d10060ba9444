// The Worker's entry: the hot path, and nothing else. Rust decides; here a request is read, forwarded or answered.
//
// A plain object and not a WorkerEntrypoint class: whatever other Workers may call on the gate is in this object.

import * as instance from "./instance.js";
import { isOwnRoute, writeFacts } from "./facts.js";
import { forward } from "./upstream.js";
import { refuse } from "./problem.js";

export { Ledger, Relay } from "./objects.js";

// What `decide` returns; edge/src/gate/mod.rs has the same list.
const CODE = 0xff;
const VALID = 1;
const REFRESH = 1 << 8;
const REFRESH_FIRST = 1 << 9;
const NEEDS_OBJECT = 1 << 10;
const WANTS_OTHER_FACTS = 1 << 13;
const ASK_AGAIN = REFRESH_FIRST | NEEDS_OBJECT;

// A refresh, then an index page and a shard, each perhaps dropped again by another request. A gate that is not done then denies.
const MOST_TRIES = 6;

export default {
  fetch(request, env, ctx) {
    try {
      const fault = instance.prepare(env);
      if (fault !== null) return refuse(request, fault);
      if (isOwnRoute(request.url)) return ownRoute(request, env, ctx);
      const verdict = decide(request);
      if ((verdict & ASK_AGAIN) !== 0) return decideLater(request, env, ctx, verdict);
      return settle(request, env, ctx, verdict);
    } catch (error) {
      return failClosed(request, error);
    }
  },
};

function decide(request) {
  const verdict = decideOnce(request);
  if ((verdict & WANTS_OTHER_FACTS) === 0) return verdict;
  instance.readWanted();
  return decideOnce(request);
}

function decideOnce(request) {
  return instance.decide(Date.now(), writeFacts(request, instance.input(), instance.wanted()));
}

function settle(request, env, ctx, verdict) {
  if ((verdict & REFRESH) !== 0) ctx.waitUntil(instance.refresh(env, colo(request)));
  const code = verdict & CODE;
  if (code === VALID) return forward(request, env, verdict);
  return refuse(request, instance.denial(code));
}

async function decideLater(request, env, ctx, verdict) {
  try {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      if ((verdict & NEEDS_OBJECT) !== 0) await instance.loadNeeded(env);
      else await instance.refresh(env, colo(request));
      verdict = decide(request);
      if ((verdict & ASK_AGAIN) === 0) return settle(request, env, ctx, verdict);
    }
    return refuse(request, instance.unavailable());
  } catch (error) {
    return failClosed(request, error);
  }
}

async function ownRoute(request, env, ctx) {
  try {
    return await instance.ownRoute(request, env, ctx);
  } catch (error) {
    return failClosed(request, error);
  }
}

function failClosed(request, error) {
  console.error("The gate failed and denied a request:", error);
  instance.recover(error);
  return refuse(request, instance.unavailable());
}

function colo(request) {
  return request.cf?.colo ?? "";
}
