// An allowed request on its way to the upstream. Bodies stream through in both directions without being looked at.

import * as instance from "./instance.js";
import { refuse, requestId } from "./problem.js";
import { target } from "./facts.js";

// See edge/src/gate/mod.rs.
const STRIP_AUTHORIZATION = 1 << 11;
const RESERVED = "latchkey-";

export function forward(request, env, verdict) {
  const headers = headersFor(request, verdict);
  const origin = instance.upstreamOrigin();
  const answer =
    origin === null
      ? env.UPSTREAM.fetch(request, { headers, redirect: "manual" })
      : // Not through the platform's cache: answers may differ from key to key, and the credential that says so has been removed.
        fetch(new Request(origin + target(request.url), request), { headers, redirect: "manual", cache: "no-store" });
  return answer.catch((error) => {
    console.error("The upstream could not be reached:", error);
    return refuse(request, instance.upstreamUnreachable());
  });
}

function headersFor(request, verdict) {
  const incoming = request.headers;
  const headers = new Headers(incoming);
  // By prefix, so that a caller cannot forge a header that a later version sets either.
  for (const name of incoming.keys()) {
    if (name.startsWith(RESERVED)) headers.delete(name);
  }
  if ((verdict & STRIP_AUTHORIZATION) !== 0) headers.delete("authorization");
  headers.delete("x-api-key");
  const own = instance.credentialHeader();
  if (own !== null) headers.delete(own);

  const [keyId, environment, owner, metadata] = instance.output(verdict >>> 16).split("\n");
  headers.set("latchkey-key-id", keyId);
  headers.set("latchkey-environment", environment);
  if (owner !== "") headers.set("latchkey-owner", owner);
  if (metadata !== "") headers.set("latchkey-meta", metadata);
  headers.set("x-request-id", requestId(incoming));
  return headers;
}
