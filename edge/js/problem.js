// Refusals. What they say comes from edge/src/problem.rs, once for each kind; here only the request's id is put in.

const USABLE_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Reads what `Problem::template` wrote. */
export function template(text) {
  const { status, headers, before, after } = JSON.parse(text);
  return { init: { status, headers: new Headers(headers) }, before, after };
}

/** The same refusal with headers of its own besides. */
export function withHeaders({ init, before, after }, more) {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(more)) headers.set(name, value);
  return { init: { ...init, headers }, before, after };
}

export function refuse(request, { init, before, after }, id = requestId(request.headers)) {
  // A response copies its headers, which is cheaper than making them of texts; so all refusals of a kind share one object.
  init.headers.set("x-request-id", id);
  return new Response(before + id + after, init);
}

/** The caller's own id for the request if it has a usable one, else a new one. */
export function requestId(headers) {
  const given = headers.get("x-request-id");
  return given !== null && USABLE_ID.test(given) ? given : newId();
}

// Ids must be unique, not secret: randomness once for the isolate and a count, since asking for it each time costs more than a decision. Not
// at start-up, where there is none to be had.
let isolate;
let count = 0;

function newId() {
  isolate ??= "req_" + crypto.randomUUID().replaceAll("-", "").slice(0, 20);
  return isolate + (count++).toString(16).padStart(12, "0");
}
