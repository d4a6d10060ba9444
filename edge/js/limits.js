// What answers tell of a key's rate limits and credits. Texts come from edge/src/gate/conditions.rs.

import * as instance from "./instance.js";
import { refuse, withHeaders } from "./problem.js";

/** Reads what a settled request, or one that memory alone refused, left. A text that is not as expected lets nothing pass. */
export function parseOutcome(text) {
  const [code, policy, state, retryAfter, unit] = text.split("\n");
  return { code: Number(code), policy, state, retryAfter, unit };
}

export function refuseByLimit(request, { code, policy, state, retryAfter, unit }, id) {
  const template = unit ? instance.creditsExhausted(unit) : instance.denial(code);
  const headers = {};
  if (policy) Object.assign(headers, { "ratelimit-policy": policy, ratelimit: state });
  if (retryAfter) headers["retry-after"] = retryAfter;
  return refuse(request, withHeaders(template, headers), id);
}

/** The upstream's response, which also tells how the key's limits stand if it has any. What the upstream says of limits of its own stays. */
export function tell(response, { policy, state }) {
  // A socket's response has no headers that anybody could still change.
  if (!policy || response.webSocket) return response;
  const told = new Response(response.body, response);
  told.headers.append("ratelimit-policy", policy);
  told.headers.append("ratelimit", state);
  return told;
}
