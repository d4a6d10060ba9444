// The Wasm instance: views into its memory, and a fresh one after a panic.

import * as wasm from "./index.js";
import { template } from "./problem.js";

// `criticalError` is set by the worker crate's panic hook, before the trap.
const state = wasm.__worker_init_state();

// Longer than the limits that the work sets itself.
const REFRESH_LIMIT_MS = 6_000;
// The longest wait that can be set, with the calls around it and what they bring in.
const FOLLOW_LIMIT_MS = 25_000;
const OWN_ROUTE_LIMIT_MS = 25_000;
const SETTLE_LIMIT_MS = 8_000;
// A mebibyte from a slow caller.
const VERIFY_LIMIT_MS = 30_000;
// The platform ends what goes on after an answer at 30 s.
const KEEP_LIMIT_MS = 29_000;
const REPORT_LIMIT_MS = 28_000;
const LOOK_MS = 50;
const SELDOM_LOOK_MS = 1_000;

let memory, bytes, inputAt, outputAt;
let isConfigured = false;
let recordsUsage = false;
// Kept, because settings do not change while an isolate lives, and a log line for each request helps nobody.
let fault = null;
/** What to look at in a request: see `wanted` in edge/src/gate/mod.rs. */
let wantedFacts;
let origin = null;
let denials = [];
const latin1 = new TextDecoder("latin1");
// Kept from start-up, because it is the answer when nothing else works any more.
const closed = template(wasm.unavailable());

/** Rises with every instance. What was made by an earlier one must not be used any more. */
export let generation = 0;

bind();
wasm.warm_up();

function bind() {
  memory = wasm.wasm_memory();
  bytes = new Uint8Array(memory.buffer);
  inputAt = wasm.input_at();
  outputAt = wasm.output_at();
  isConfigured = false;
  denials = [];
  readWanted();
}

/** Reads the settings once. Returns the answer for every request while they are wrong, else null. */
export function prepare(env) {
  if (state.criticalError) rebuild();
  if (isConfigured) return fault;
  const message = wasm.configure(env);
  fault = message === undefined ? null : template(message);
  readWanted();
  origin = wasm.upstream_origin() ?? null;
  recordsUsage = wasm.records_usage();
  isConfigured = true;
  return fault;
}

/** Builds a new instance if `error` says that the old one is done for. */
export function recover(error) {
  if (state.criticalError || error instanceof WebAssembly.RuntimeError) rebuild();
}

function rebuild() {
  console.log("The Wasm instance panicked; building a new one.");
  wasm.__wbg_reset_state();
  state.criticalError = false;
  generation++;
  bind();
}

export const wanted = () => wantedFacts;
export const credentialHeader = () => wantedFacts.own;
export const upstreamOrigin = () => origin;
export const unavailable = () => closed;
export const upstreamUnreachable = () => (denials[0] ??= template(wasm.upstream_unreachable()));
export const creditsExhausted = (unit) => template(wasm.credits_exhausted(unit));
export const denial = (code) => (denials[code] ??= template(wasm.denial(code)));

/** Where a request's facts are written: `at` in `bytes`. */
export function input() {
  refreshView();
  return { bytes, at: inputAt };
}

export function decide(now, facts) {
  const { authorization, apiKey, own, address, method, target, values } = facts;
  return wasm.decide(now, wantedFacts.version, authorization, apiKey, own, address, method, target, values);
}

/** After another policy has come in. */
export function readWanted() {
  wantedFacts = JSON.parse(wasm.wanted());
}

/** The text that the last decision left: `length` ASCII characters. */
export function output(length) {
  if (length === 0) return "";
  refreshView();
  return latin1.decode(bytes.subarray(outputAt, outputAt + length));
}

// Wasm memory that has grown leaves the old view with no bytes.
function refreshView() {
  if (bytes.byteLength === 0) bytes = new Uint8Array(memory.buffer);
}

/** Resolves when the isolate is as up to date as it can be. Never rejects, and never hangs. */
export const refresh = (env, colo) => unfailing("A refresh", () => wasm.refresh(env, colo), REFRESH_LIMIT_MS);

/** Brings the isolate up to date behind an answer, or waits for news, for some seconds. Never rejects. */
export const follow = (env, colo) => unfailing("A refresh", () => wasm.follow(env, colo), FOLLOW_LIMIT_MS, SELDOM_LOOK_MS);

/** Verifies the signature that the last decision asked for: {code, pass, accept}. Ask before anything else runs. */
export const verify = async (env, request) => JSON.parse(await watched(wasm.verify(env, request), VERIFY_LIMIT_MS));

/** For the next call of `decide`, and no other: something was loaded for it. */
export const noteLoaded = () => wasm.note_loaded();

/** For the next call of `decide`, and no other. */
export const present = (pass) => wasm.present(pass);

/** The record that the last decision left, -1 if usage is not reported. Ask before anything else runs. */
export const recorded = () => (recordsUsage ? wasm.recorded() : -1);

/** Notes what was answered to a recorded request. */
export function answered(record, code, status, id) {
  refreshView();
  for (let i = 0; i < id.length; i++) bytes[inputAt + i] = id.charCodeAt(i);
  wasm.answered(record, code, status, id.length);
}

/** Forgets a record. */
export const withdraw = (record) => wasm.withdraw(record);

/** Resolves when what was recorded is reported, or cannot be now. Never rejects. */
export const reportUsage = (env) => unfailing("A report of usage", () => wasm.report_usage(env), REPORT_LIMIT_MS, SELDOM_LOOK_MS);

/** What the last decision has left open, settled: a text for `parseOutcome`. Ask before anything else runs. */
export const settle = (env) => watched(wasm.settle(env), SETTLE_LIMIT_MS);

/** Whether `keep` has something to do. */
export const hasChores = () => wasm.has_chores();

/** Renews leases and gives back what is not used. Never rejects. */
export const keep = (env) => unfailing("Keeping leases", () => wasm.keep(env), KEEP_LIMIT_MS, SELDOM_LOOK_MS);

export const loadNeeded = (env) => watched(wasm.load_needed(env), REFRESH_LIMIT_MS);
export const ownRoute = (request, env, ctx) => watched(wasm.fetch(request, env, ctx), OWN_ROUTE_LIMIT_MS);

// A Durable Object's Rust half, for as long as this instance lives; see objects.js.
const newObject = (name) => (ctx, env) => {
  if (state.criticalError) rebuild();
  const object = new wasm[name](ctx, env);
  return {
    fetch: (request) => watched(object.fetch(request), OWN_ROUTE_LIMIT_MS),
    alarm: () => watched(object.alarm(), OWN_ROUTE_LIMIT_MS),
  };
};

export const newRelay = newObject("Relay");
export const newLedger = newObject("Ledger");

/** For work that nobody can do anything about when it fails. A thunk, since the call itself throws if the instance is done for. */
async function unfailing(what, work, limitMs, lookMs) {
  try {
    await watched(work(), limitMs, lookMs);
  } catch (error) {
    console.error(`${what} failed:`, error);
    recover(error);
  }
}

// A panic in the middle of asynchronous work leaves its promise pending for ever, so somebody has to look: less and less often, since a relay has a thousand
// questions waiting at a time.
async function watched(work, limitMs, lookMs = LOOK_MS) {
  const made = generation;
  const watch = new AbortController();
  const lookOut = async () => {
    for (let waited = 0, look = lookMs; waited < limitMs; waited += look, look = Math.min(2 * look, SELDOM_LOOK_MS)) {
      await scheduler.wait(look, { signal: watch.signal });
      if (state.criticalError || generation !== made) throw new Error("the Wasm instance panicked");
    }
    throw new Error(`no end after ${limitMs} ms`);
  };
  try {
    return await Promise.race([work, lookOut()]);
  } finally {
    watch.abort();
  }
}
