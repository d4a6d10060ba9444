// What a request shows of itself, written into Wasm's memory: three headers, the method, the path.

const OWN_ROUTES = "/.well-known/latchkey/";

// Longer than any token with its scheme; the rest cannot make a bad token good.
const MOST_HEADER = 512;
const MOST_METHOD = 32;
// One more than the validator matches, so that it sees what is too long.
const MOST_PATH = 2_049;

const facts = { authorization: -1, apiKey: -1, own: -1, method: -1, path: -1 };

/** Writes the facts one behind the other and returns their lengths, -1 for a header that is not there. Valid until the next call. */
export function writeFacts(request, { bytes, at }, ownHeader) {
  const { headers, method, url } = request;
  const own = ownHeader === null ? null : headers.get(ownHeader);
  at = afterwards(at, (facts.authorization = write(bytes, at, headers.get("authorization"), MOST_HEADER)));
  at = afterwards(at, (facts.apiKey = write(bytes, at, headers.get("x-api-key"), MOST_HEADER)));
  at = afterwards(at, (facts.own = write(bytes, at, own, MOST_HEADER)));
  at = afterwards(at, (facts.method = write(bytes, at, method, MOST_METHOD)));
  facts.path = writeRange(bytes, at, url, pathStart(url), pathEnd(url), MOST_PATH);
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

function write(bytes, at, text, most) {
  return text === null ? -1 : writeRange(bytes, at, text, 0, text.length, most);
}

// A loop: for texts of this length it is several times faster than TextEncoder. What is not ASCII must not turn into ASCII by being cut to
// eight bits, so it becomes a byte that no token, method or path holds.
function writeRange(bytes, at, text, start, end, most) {
  const length = Math.min(end - start, most);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(start + i);
    bytes[at + i] = unit < 0x80 ? unit : 0xff;
  }
  return length;
}
