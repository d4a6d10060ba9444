// Cloudflare's REST API for Workers KV, as far as a sink uses it and the documentation describes it. A stand-in, because tests reach nothing but their own
// machine; it follows these pages of developers.cloudflare.com:
//   api/resources/kv/subresources/namespaces/methods/bulk_update, …/bulk_delete, …/subresources/keys/methods/list, …/subresources/values/methods/get
//   kv/platform/limits, kv/api/write-key-value-pairs, fundamentals/api/reference/limits
// Whoever breaks a bound is refused as Cloudflare would, and it is noted in `violations`.
import { startServer } from "./server.mjs";

const MAX_PAIRS = 10_000;
const MAX_BODY_BYTES = 100_000_000;
const MAX_NAME_BYTES = 512;
const MAX_VALUE_BYTES = 25 * 1024 * 1024;
const SAME_NAME_EVERY_MS = 1_000;
const MAX_CALLS = 1_200;
const CALLS_WINDOW_MS = 300_000;

/** Any namespace of this account exists. */
export async function startCloudflare({ accountId, token }) {
  const spaces = new Map();
  const calls = [];
  let blockedUntil = 0;
  const api = {
    /** Bounds that were broken. */
    violations: [],
    /** Every call: {namespace, what, names, at}. */
    calls,
    token,
    /**
     * What to do to a call instead of answering it: {status, retryAfter} refuses it, "cut" drops it unread, "half" drops it with half of its pairs
     * written, "lost" with all of them.
     */
    fault: () => undefined,
    /** Called with a call and the values that it brings; it is answered once what this returns has come. */
    hold: () => undefined,
    /** Called after a name was written, with all names that are there. */
    onWrite: () => {},
    /** The values of a namespace, by their names. */
    values: (namespace) => {
      if (!spaces.has(namespace)) spaces.set(namespace, { values: new Map(), writtenAt: new Map() });
      return spaces.get(namespace).values;
    },
  };

  const refuse = (status, code, message, headers = {}) => ({ status, headers, body: { success: false, errors: [{ code, message }], messages: [], result: null } });
  const broken = (status, code, message, headers) => {
    api.violations.push(message);
    return refuse(status, code, message, headers);
  };
  const done = (result, info) => ({ status: 200, body: { success: true, errors: [], messages: [], result, result_info: info } });

  function rateLimit(now) {
    const recent = calls.filter(({ at }) => now - at < CALLS_WINDOW_MS).length;
    if (recent > MAX_CALLS) blockedUntil = Math.max(blockedUntil, now + CALLS_WINDOW_MS);
    if (now >= blockedUntil) return undefined;
    return broken(429, 971, "rate limited", { "retry-after": String(Math.ceil((blockedUntil - now) / 1_000)) });
  }

  function put(namespace, pairs, fault) {
    const values = api.values(namespace);
    const { writtenAt } = spaces.get(namespace);
    if (pairs.length > MAX_PAIRS) return broken(400, 10_026, `${pairs.length} pairs in one call`);
    for (const { key, value, base64 } of pairs) {
      const bytes = Buffer.from(value, base64 ? "base64" : "utf8");
      if (key === "" || key === "." || key === "..") return broken(400, 10_033, `the name ${JSON.stringify(key)}`);
      if (Buffer.byteLength(key) > MAX_NAME_BYTES) return broken(414, 10_033, "a name of more than 512 bytes");
      if (bytes.length > MAX_VALUE_BYTES) return broken(413, 10_022, "a value of more than 25 MiB");
    }
    const now = Date.now();
    const tooSoon = pairs.find(({ key }) => now - (writtenAt.get(key) ?? -Infinity) < SAME_NAME_EVERY_MS && values.has(key));
    if (tooSoon !== undefined && fault === undefined) {
      const isAgain = values.get(tooSoon.key).equals(Buffer.from(tooSoon.value, "base64"));
      // A body whose first answer was lost is written again at once; Cloudflare may refuse that, and the sink comes back.
      const answer = [429, 10_048, `${tooSoon.key} was written less than a second ago`];
      return isAgain ? refuse(...answer) : broken(...answer);
    }
    for (const { key, value } of fault === "half" ? pairs.slice(0, pairs.length >> 1) : pairs) {
      values.set(key, Buffer.from(value, "base64"));
      writtenAt.set(key, now);
      api.onWrite(namespace, key, values);
    }
    return done({ successful_key_count: pairs.length, unsuccessful_keys: [] });
  }

  function list(namespace, query) {
    const limit = Number(query.get("limit") ?? 1_000);
    if (!(limit >= 10 && limit <= 1_000)) return broken(400, 10_028, `a page of ${limit} names`);
    const names = [...api.values(namespace).keys()].sort().filter((name) => name > (query.get("cursor") ?? ""));
    const page = names.slice(0, limit);
    const cursor = names.length > limit ? page.at(-1) : "";
    return done(page.map((name) => ({ name })), { count: page.length, cursor });
  }

  function answer({ method, namespace, rest, query, body, fault }) {
    if (method === "GET" && rest === "keys") return list(namespace, query);
    if (method === "GET" && rest.startsWith("values/")) {
      const value = api.values(namespace).get(decodeURIComponent(rest.slice("values/".length)));
      return value === undefined ? refuse(404, 10_009, "get: 'key not found'") : { status: 200, body: value };
    }
    if (method === "PUT" && rest === "bulk") return put(namespace, JSON.parse(body), fault);
    if (method === "POST" && rest === "bulk/delete") {
      const names = JSON.parse(body);
      if (names.length > MAX_PAIRS) return broken(400, 10_026, `${names.length} names in one call`);
      for (const name of names) api.values(namespace).delete(name);
      return done({ successful_key_count: names.length, unsuccessful_keys: [] });
    }
    return broken(404, 7_003, `no route for ${method} ${rest}`);
  }

  const { url, close } = await startServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { pathname, searchParams } = new URL(request.url, "http://cloudflare");
    const [, account, namespace, rest] = /^\/client\/v4\/accounts\/([^/]+)\/storage\/kv\/namespaces\/([^/]+)\/(.*)$/.exec(pathname) ?? [];
    const pairs = request.method === "PUT" ? JSON.parse(body) : [];
    const call = { namespace, what: `${request.method} ${rest}`, names: pairs.map(({ key }) => key), at: Date.now() };
    calls.push(call);
    await api.hold(call, pairs.map(({ value }) => Buffer.from(value, "base64")));
    const fault = api.fault(call);
    if (fault === "cut") return void request.socket.destroy();
    const judge = () => {
      if (request.headers.authorization !== `Bearer ${api.token}`) return refuse(401, 10_000, "Authentication error");
      if (account !== accountId) return refuse(404, 7_003, "no such account");
      if (body.length > MAX_BODY_BYTES) return broken(413, 10_022, `a body of ${body.length} bytes`);
      if (fault?.status) return refuse(fault.status, 10_001, "made to fail", fault.retryAfter ? { "retry-after": String(fault.retryAfter) } : {});
      return rateLimit(call.at) ?? answer({ method: request.method, namespace, rest, query: searchParams, body, fault });
    };
    const { status, headers, body: told } = judge();
    if (fault === "half" || fault === "lost") return void request.socket.destroy();
    const isRaw = Buffer.isBuffer(told);
    response.writeHead(status, { "content-type": isRaw ? "application/octet-stream" : "application/json", ...headers });
    response.end(isRaw ? told : JSON.stringify(told));
  });
  return Object.assign(api, { base: `${url}/client/v4`, close });
}
