// What a request shows of itself, written into Wasm's memory: headers, the method, the target.

const OWN_ROUTES = "/.well-known/latchkey/";

// Everything is cut, so that nobody chooses how much is copied; edge/src/gate/input.rs has the same bounds, and the reason why no cut text
// passes for a shorter one.

// Longer than any token with its scheme; the rest cannot make a bad token good.
const MOST_HEADER = 512;
const MOST_METHOD = 32;
// One more than the validator matches, so that it sees what is too long.
const MOST_PATH = 2_049;
// The path, the question mark, and one more than the validator reads of a query.
const MOST_TARGET = MOST_PATH + 4_097;
const MOST_ADDRESS = 512;
// One more than a value that a key can be limited to.
const MOST_VALUE = 65;
const ABSENT = 0xff;

const facts = { authorization: -1, apiKey: -1, own: -1, address: -1, method: -1, target: -1, values: 0 };

/**
 * Writes the facts one behind the other and returns their lengths, -1 for a header that is not there. Valid until the next call.
 * `wanted` says what to look at: see `instance.wanted`.
 */
export function writeFacts(request, { bytes, at }, wanted) {
  const { headers, method, url } = request;
  const own = wanted.own === null ? null : headers.get(wanted.own);
  at = afterwards(at, (facts.authorization = write(bytes, at, headers.get("authorization"), MOST_HEADER)));
  at = afterwards(at, (facts.apiKey = write(bytes, at, headers.get("x-api-key"), MOST_HEADER)));
  at = afterwards(at, (facts.own = write(bytes, at, own, MOST_HEADER)));
  at = afterwards(at, (facts.address = writeEnd(bytes, at, headers.get(wanted.address), MOST_ADDRESS)));
  at = afterwards(at, (facts.method = write(bytes, at, method, MOST_METHOD)));
  at = afterwards(at, (facts.target = writeTarget(bytes, at, url, wanted.query)));
  facts.values = wanted.headers.length === 0 ? 0 : writeValues(bytes, at, headers, wanted.headers);
  return facts;
}

function afterwards(at, length) {
  return length < 0 ? at : at + length;
}

/** Whether the gate answers this itself. */
export function isOwnRoute(url) {
  return url.startsWith(OWN_ROUTES, pathStart(url));
}

/** Path and query, as they came. */
export function target(url) {
  return url.slice(pathStart(url));
}

// Behind `https://` and at least one character of a host name; `http://` is shorter.
function pathStart(url) {
  return url.indexOf("/", 8);
}

function pathEnd(url) {
  const query = url.indexOf("?", 8);
  return query < 0 ? url.length : query;
}

// Most policies read no query, so it is not copied for them.
function writeTarget(bytes, at, url, withQuery) {
  if (withQuery) return writeRange(bytes, at, url, pathStart(url), url.length, MOST_TARGET);
  return writeRange(bytes, at, url, pathStart(url), pathEnd(url), MOST_PATH);
}

// The headers that routes read: for each a length in one byte, then the value.
function writeValues(bytes, from, headers, names) {
  let at = from;
  for (const name of names) {
    const length = write(bytes, at + 1, headers.get(name), MOST_VALUE);
    bytes[at] = length < 0 ? ABSENT : length;
    at += 1 + Math.max(length, 0);
  }
  return at - from;
}

function write(bytes, at, text, most) {
  return text === null ? -1 : writeRange(bytes, at, text, 0, text.length, most);
}

// Of a list to which every proxy adds at the end, the end is what can be trusted.
function writeEnd(bytes, at, text, most) {
  return text === null ? -1 : writeRange(bytes, at, text, Math.max(text.length - most, 0), text.length, most);
}

// A loop: for texts of this length it is several times faster than TextEncoder. What is not ASCII must not turn into ASCII by being cut to
// eight bits, so it becomes a byte that no token, method, path or value holds.
function writeRange(bytes, at, text, start, end, most) {
  const length = Math.min(end - start, most);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(start + i);
    bytes[at + i] = unit < 0x80 ? unit : 0xff;
  }
  return length;
}
