// Refusals of requests that do not count as signed.

import * as instance from "./instance.js";
import { refuse, withHeaders } from "./problem.js";

/** Says what to sign, if that would help: `accept` is the value of Accept-Signature (RFC 9421 section 5). */
export function refuseUnsigned(request, code, accept, id) {
  const template = instance.denial(code);
  if (accept === null) return refuse(request, template, id);
  return refuse(request, withHeaders(template, { "accept-signature": accept }), id);
}
