// The Worker's entry: the hot path, and nothing else. Rust decides; here a request is read, forwarded or answered.
//
// A plain object and not a WorkerEntrypoint class: whatever other Workers may call on the gate is in this object.

import * as instance from "./instance.js";
import { isOwnRoute, writeFacts } from "./facts.js";
import { forward } from "./upstream.js";
import { refuse, requestId } from "./problem.js";
import { parseOutcome, refuseByLimit, tell } from "./limits.js";
import { refuseUnsigned } from "./signature.js";

export { Ledger, Relay } from "./objects.js";

// What `decide` returns; edge/src/gate/mod.rs has the same list.
const CODE = 0xff;
const VALID = 1;
const REFRESH = 1 << 8;
const REFRESH_FIRST = 1 << 9;
const NEEDS_OBJECT = 1 << 10;
const SETTLE = 1 << 12;
const KEEP = 1 << 14;
const WANTS_OTHER_FACTS = 1 << 13;
const VERIFY = 1 << 15;
const REPORT = 1 << 30;
const LENGTH = 0x3fff;
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
      return finish(request, env, ctx, verdict);
    } catch (error) {
      return failClosed(request, error);
    }
  },
};

/** `pass`: what `verify` gave, for a request whose signature was verified already. `hasLoaded`: a part of the base was loaded for it. */
function decide(request, pass, hasLoaded = false) {
  const verdict = decideOnce(request, pass, hasLoaded);
  if ((verdict & WANTS_OTHER_FACTS) === 0) return verdict;
  instance.readWanted();
  return decideOnce(request, pass, hasLoaded);
}

function decideOnce(request, pass, hasLoaded) {
  if (pass !== undefined) instance.present(pass);
  if (hasLoaded) instance.noteLoaded();
  return instance.decide(Date.now(), writeFacts(request, instance.input(), instance.wanted()));
}

function finish(request, env, ctx, verdict) {
  if ((verdict & REFRESH) !== 0) ctx.waitUntil(instance.follow(env, colo(request)));
  if ((verdict & KEEP) !== 0) ctx.waitUntil(instance.keep(env));
  if ((verdict & REPORT) !== 0) ctx.waitUntil(instance.reportUsage(env));
  // Both read before anything is awaited: the next request writes over them.
  const text = instance.output((verdict >>> 16) & LENGTH);
  const record = instance.recorded();
  const id = requestId(request.headers);
  if ((verdict & VERIFY) !== 0) return verifyFirst(request, env, ctx, record, id);
  if ((verdict & SETTLE) !== 0) return settleLater(request, env, ctx, verdict, text, record, id);
  const code = verdict & CODE;
  if (code === VALID) {
    const answer = admit(request, env, verdict, text, id);
    return record < 0 ? answer : answer.then((response) => noted(record, code, response, id));
  }
  const refusal = text === "" ? refuse(request, instance.denial(code), id) : refuseByLimit(request, parseOutcome(text), id);
  return noted(record, code, refusal, id);
}

// The first six lines are for the upstream; two more, which most keys do not have, for the caller.
function admit(request, env, verdict, text, id) {
  const about = text.split("\n");
  const answer = forward(request, env, verdict, about, id);
  return about.length === 6 ? answer : answer.then((response) => tell(response, { policy: about[6], state: about[7] }));
}

async function settleLater(request, env, ctx, verdict, text, record, id) {
  try {
    const settled = instance.settle(env);
    // Other requests may be waiting for the same answer, so it is taken in even if this caller hangs up.
    ctx.waitUntil(settled.catch(() => {}));
    const outcome = parseOutcome(await settled);
    if (instance.hasChores()) ctx.waitUntil(instance.keep(env));
    if (outcome.code !== VALID) return noted(record, outcome.code, refuseByLimit(request, outcome, id), id);
    return noted(record, VALID, tell(await forward(request, env, verdict, text.split("\n"), id), outcome), id);
  } catch (error) {
    return failClosed(request, error);
  }
}

async function verifyFirst(request, env, ctx, record, id) {
  try {
    const verified = instance.verify(env, request);
    // So that it ends, and lets go of what it holds, if this caller hangs up.
    ctx.waitUntil(verified.catch(() => {}));
    const { code, pass, accept } = await verified;
    if (code !== VALID) return noted(record, code, refuseUnsigned(request, code, accept, id), id);
    // The decision that follows leaves a record of its own.
    if (record >= 0) instance.withdraw(record);
    const verdict = decide(request, pass);
    if ((verdict & ASK_AGAIN) !== 0) return decideLater(request, env, ctx, verdict, pass);
    return finishVerified(request, env, ctx, verdict);
  } catch (error) {
    return failClosed(request, error);
  }
}

// What a signature must be like has changed while this one was verified: whoever tries again is asked for the new one.
function finishVerified(request, env, ctx, verdict) {
  return (verdict & VERIFY) !== 0 ? refuse(request, instance.unavailable()) : finish(request, env, ctx, verdict);
}

/** Notes what was answered, where usage is reported. */
function noted(record, code, response, id) {
  if (record >= 0) instance.answered(record, code, response.status, id);
  return response;
}

async function decideLater(request, env, ctx, verdict, pass) {
  try {
    let hasLoaded = false;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const needsObject = (verdict & NEEDS_OBJECT) !== 0;
      const work = needsObject ? instance.loadNeeded(env) : instance.refresh(env, colo(request));
      // Other requests wait until it has ended, so it goes on if this caller hangs up.
      ctx.waitUntil(work.catch(() => {}));
      await work;
      hasLoaded ||= needsObject;
      verdict = decide(request, pass, hasLoaded);
      if ((verdict & ASK_AGAIN) !== 0) continue;
      return pass === undefined ? finish(request, env, ctx, verdict) : finishVerified(request, env, ctx, verdict);
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
