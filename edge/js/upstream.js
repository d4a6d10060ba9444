// An allowed request on its way to the upstream. Bodies stream through in both directions without being looked at.

import * as instance from "./instance.js";
import { refuse } from "./problem.js";
import { target } from "./facts.js";

// See edge/src/gate/mod.rs.
const STRIP_AUTHORIZATION = 1 << 11;
const RESERVED = "latchkey-";

const MANUAL = { redirect: "manual" };
// Not through the platform's cache: answers may differ from key to key, and the credential that says so has been removed.
const MANUAL_UNCACHED = { redirect: "manual", cache: "no-store" };

/** `about`: what the upstream is told of the key, as edge/src/gate/output.rs wrote it. */
export function forward(request, env, verdict, about, id) {
  const origin = instance.upstreamOrigin();
  return (origin === null ? toBinding(request, env, verdict, about, id) : toOrigin(request, origin, verdict, about, id)).catch((error) => {
    console.error("The upstream could not be reached:", error);
    return refuse(request, instance.upstreamUnreachable(), id);
  });
}

// A request made from another one is the cheapest way to headers that may be changed: they are copied once, and not by JavaScript.

function toBinding(request, env, verdict, about, id) {
  const outgoing = new Request(request, MANUAL);
  setHeaders(outgoing.headers, request.headers, verdict, about, id);
  return env.UPSTREAM.fetch(outgoing);
}

function toOrigin(request, origin, verdict, about, id) {
  const outgoing = new Request(origin + target(request.url), request);
  setHeaders(outgoing.headers, request.headers, verdict, about, id);
  return fetch(outgoing, MANUAL_UNCACHED);
}

function setHeaders(headers, incoming, verdict, about, id) {
  // By prefix, so that a caller cannot forge a header that a later version sets either.
  for (const name of incoming.keys()) {
    if (name.startsWith(RESERVED)) headers.delete(name);
  }
  if ((verdict & STRIP_AUTHORIZATION) !== 0) headers.delete("authorization");
  headers.delete("x-api-key");
  const own = instance.credentialHeader();
  if (own !== null) headers.delete(own);

  const [keyId, environment, owner, metadata, added, value] = about;
  headers.set("latchkey-key-id", keyId);
  headers.set("latchkey-environment", environment);
  if (owner !== "") headers.set("latchkey-owner", owner);
  if (metadata !== "") headers.set("latchkey-meta", metadata);
  headers.set("x-request-id", id);
  // The upstream's credential, in place of whatever the caller sent under that name.
  if (added !== "") headers.set(added, value);
}
