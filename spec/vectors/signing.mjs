// Makes spec/vectors/signing.json from spec/signing.md and RFC 9421, without the Rust code:
//   node spec/vectors/signing.mjs           writes the file
//   node spec/vectors/signing.mjs --check   fails if the file differs
import { readFileSync, writeFileSync } from "node:fs";
import { contentDigest, keyPairFromSeed, listText, sign, signatureBase } from "../../tests/support/signing.mjs";

// RFC 9421 appendix B.1.4: a key pair that everybody has.
const RFC_PAIR = keyPairFromSeed(Buffer.from("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU", "base64url"));
const OTHER_PAIR = keyPairFromSeed(Buffer.alloc(32, 7));
const KEY_ID = "test-key-ed25519";
const CREATED = 1618884473;
const NOW = CREATED + 10;
// The neutral element of the curve: with it as the public key, one signature is valid over most messages for a lenient verifier.
const SMALL_ORDER = "0100000000000000000000000000000000000000000000000000000000000000";

// RFC 9421 appendix B.2, the test request.
const BODY = '{"hello": "world"}';
const RFC_REQUEST = {
  method: "POST", scheme: "https", authority: "example.com", target: "/foo?param=Value&Pet=dog",
  fields: [
    ["date", "Tue, 20 Apr 2021 02:07:55 GMT"],
    ["content-type", "application/json"],
    ["content-digest", "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"],
    ["content-length", "18"],
  ],
  body: BODY,
};
const B26_INPUT = '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"';
const B26_FIELDS = [
  ["signature-input", `sig-b26=${B26_INPUT}`],
  ["signature", "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"],
];

/** What the RFC prints, word for word. */
const printed = (source, name, request, list, lines) => ({
  name, source, request: { ...request, body: null }, signature_input: `sig1=${list}`,
  base: [...lines, `"@signature-params": ${list}`].join("\n"),
});
const derived = (name, source, request, component, line) =>
  printed(source, name, { method: "POST", scheme: "https", authority: "www.example.com", fields: [], ...request }, `(${component});created=1`, [line]);

const fields21 = {
  method: "GET", scheme: "https", authority: "www.example.com", target: "/",
  fields: [
    ["date", "Tue, 20 Apr 2021 02:07:56 GMT"], ["x-ows-header", "  Leading and trailing whitespace.   "],
    ["cache-control", "max-age=60"], ["cache-control", "   must-revalidate"],
    ["example-dict", " a=1,    b=2;x=1;y=2,   c=(a   b   c)"], ["x-empty-header", ""],
  ],
};

const bases = [
  printed("RFC 9421 section 2.1", "fields: white space around them is dropped, lines are joined, empty ones stay", fields21,
    '("date" "x-ows-header" "cache-control" "example-dict" "x-empty-header");created=1', [
      '"date": Tue, 20 Apr 2021 02:07:56 GMT', '"x-ows-header": Leading and trailing whitespace.',
      '"cache-control": max-age=60, must-revalidate', '"example-dict": a=1,    b=2;x=1;y=2,   c=(a   b   c)', '"x-empty-header": ',
    ]),
  derived("@method", "RFC 9421 section 2.2.1", { target: "/path?param=value" }, '"@method"', '"@method": POST'),
  derived("@target-uri", "RFC 9421 section 2.2.2", { target: "/path?param=value" }, '"@target-uri"', '"@target-uri": https://www.example.com/path?param=value'),
  derived("@authority", "RFC 9421 section 2.2.3", { target: "/path?param=value" }, '"@authority"', '"@authority": www.example.com'),
  derived("@authority in lower case and without the scheme's own port", "RFC 9421 section 2.2.3 in words", { target: "/", authority: "WWW.Example.com:443" }, '"@authority"', '"@authority": www.example.com'),
  derived("@authority with another port", "RFC 9421 section 2.2.3 in words", { target: "/", authority: "www.example.com:80" }, '"@authority"', '"@authority": www.example.com:80'),
  derived("@scheme", "RFC 9421 section 2.2.4", { target: "/path?param=value", scheme: "http" }, '"@scheme"', '"@scheme": http'),
  derived("@request-target", "RFC 9421 section 2.2.5", { target: "/path?param=value" }, '"@request-target"', '"@request-target": /path?param=value'),
  derived("@path", "RFC 9421 section 2.2.6", { target: "/path?param=value" }, '"@path"', '"@path": /path'),
  derived("@query", "RFC 9421 section 2.2.7", { target: "/path?param=value&foo=bar&baz=bat%2Dman" }, '"@query"', '"@query": ?param=value&foo=bar&baz=bat%2Dman'),
  derived("@query without an equals sign", "RFC 9421 section 2.2.7", { target: "/path?queryString" }, '"@query"', '"@query": ?queryString'),
  derived("@query of a target without one", "RFC 9421 section 2.2.7", { target: "/path" }, '"@query"', '"@query": ?'),
  printed("RFC 9421 section 2.2.8", "@query-param",
    { method: "GET", scheme: "https", authority: "www.example.com", target: "/path?param=value&foo=bar&baz=batman&qux=", fields: [] },
    '("@query-param";name="baz" "@query-param";name="qux" "@query-param";name="param");created=1',
    ['"@query-param";name="baz": batman', '"@query-param";name="qux": ', '"@query-param";name="param": value']),
  printed("RFC 9421 section 2.2.8", "@query-param with escapes",
    { method: "GET", scheme: "https", authority: "www.example.com", fields: [],
      target: "/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something" },
    '("@query-param";name="var" "@query-param";name="bar" "@query-param";name="fa%C3%A7ade%22%3A%20");created=1',
    ['"@query-param";name="var": this%20is%20a%20big%0Amultiline%20value', '"@query-param";name="bar": with%20plus%20whitespace',
      '"@query-param";name="fa%C3%A7ade%22%3A%20": something']),
  printed("RFC 9421 section B.2.1", "nothing covered", RFC_REQUEST, '();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"', []),
  printed("RFC 9421 section B.2.2", "selective covered components", RFC_REQUEST,
    '("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example"',
    ['"@authority": example.com', `"content-digest": ${RFC_REQUEST.fields[2][1]}`, '"@query-param";name="Pet": dog']),
  printed("RFC 9421 section B.2.3", "full coverage", RFC_REQUEST,
    '("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss"',
    ['"date": Tue, 20 Apr 2021 02:07:55 GMT', '"@method": POST', '"@path": /foo', '"@query": ?param=Value&Pet=dog', '"@authority": example.com',
      '"content-type": application/json', `"content-digest": ${RFC_REQUEST.fields[2][1]}`, '"content-length": 18']),
  printed("RFC 9421 section B.2.6", "with Ed25519", RFC_REQUEST, B26_INPUT,
    ['"date": Tue, 20 Apr 2021 02:07:55 GMT', '"@method": POST', '"@path": /foo', '"@authority": example.com', '"content-type": application/json', '"content-length": 18']),
];

const POLICY = { asked: "always", max_age_seconds: 300, needs_nonce: false, components: [] };
const KEYS = [{ id: KEY_ID, public_key: RFC_PAIR.publicKey.toString("hex") }];
const USUAL = ["@method", "@target-uri"];
const PARAMETERS = { created: CREATED, keyid: KEY_ID };

const GET = { method: "GET", scheme: "https", authority: "api.example.com", target: "/v1/items?page=2", fields: [], body: null };
const POST = {
  ...GET, method: "POST", target: "/v1/items", body: BODY,
  fields: [["content-type", "application/json"], ["content-digest", contentDigest(BODY)]],
};

/** A request signed as `signing` says, then changed by `after`; the rest is what differs from the defaults. */
function signed(name, expected, { request = GET, pair = RFC_PAIR, components = USUAL, parameters = {}, label, after = (r) => r, ...rest } = {}) {
  const all = Object.fromEntries(Object.entries({ ...PARAMETERS, ...parameters }).filter(([, value]) => value !== undefined));
  const added = sign(request, { pair, components, parameters: all, label });
  return { name, request: after({ ...request, fields: [...request.fields, ...added] }), expected, ...rest };
}
const raw = (name, expected, fields, rest = {}) => ({ name, request: { ...GET, ...rest.request, fields }, expected, ...rest.more });

const field = (request, name, change) => ({
  ...request, fields: request.fields.map(([known, value]) => [known, known === name ? change(value) : value]),
});
const without = (request, name) => ({ ...request, fields: request.fields.filter(([known]) => known !== name) });
const also = (request, ...fields) => ({ ...request, fields: [...request.fields, ...fields] });
const policy = (changes) => ({ policy: { ...POLICY, ...changes } });
const digestAsked = policy({ components: ["content-digest"] });
const BODIES = [...USUAL, "content-digest"];

/** Two signatures in one request: the fields of `one` and `other` joined. */
function both(one, other) {
  const joined = (name) => [name, [...one, ...other].filter(([known]) => known === name).map(([, value]) => value).join(", ")];
  return [joined("signature-input"), joined("signature")];
}
const usual = (changes = {}) => sign(GET, { pair: RFC_PAIR, components: USUAL, parameters: PARAMETERS, ...changes });

const cases = [
  { name: "RFC 9421 B.2.6 as printed: its query is not covered", source: "RFC 9421 section B.2.6", request: also(RFC_REQUEST, ...B26_FIELDS), expected: "COMPONENT_NOT_COVERED" },
  { name: "RFC 9421 B.2.6 without a query, which its signature is over as well", source: "RFC 9421 section B.2.6", request: also({ ...RFC_REQUEST, target: "/foo" }, ...B26_FIELDS), expected: "VERIFIED" },
  signed("method and target", "VERIFIED"),
  signed("host, path and query one by one", "VERIFIED", { components: ["@method", "@authority", "@path", "@query"] }),
  signed("host and request target", "VERIFIED", { components: ["@request-target", "@authority", "@method"] }),
  signed("host and path, where there is no query", "VERIFIED", { request: { ...GET, target: "/v1/items" }, components: ["@method", "@authority", "@path"] }),
  signed("every parameter", "VERIFIED", { parameters: { expires: CREATED + 60, nonce: "n-1", alg: "ed25519", tag: "latchkey" }, ...policy({ needs_nonce: true }) }),
  signed("the credential may be covered", "VERIFIED", { request: also(GET, ["authorization", "Bearer demo_test_x"]), components: [...USUAL, "authorization"] }),
  signed("a body by SHA-256", "VERIFIED", { request: POST, components: BODIES, ...digestAsked }),
  signed("a body by SHA-512", "VERIFIED", { request: field(POST, "content-digest", () => contentDigest(BODY, "sha-512")), components: BODIES, ...digestAsked }),
  signed("a body by both", "VERIFIED", { request: field(POST, "content-digest", (d) => `${d}, ${contentDigest(BODY, "sha-512")}`), components: BODIES, ...digestAsked }),
  signed("no body, so no digest either", "VERIFIED", digestAsked),
  signed("a body whose digest nobody asks for", "VERIFIED", { request: POST }),
  { name: "other parties' signatures beside ours", expected: "VERIFIED", request: also(GET, ...both(usual({ pair: OTHER_PAIR, parameters: { created: CREATED, keyid: "proxy", alg: "rsa-pss-sha512" }, label: "proxy" }), usual())) },
  { name: "a pair being replaced: the first signature is wrong, the second is not", expected: "VERIFIED", request: also(GET, ...both(usual({ pair: OTHER_PAIR, label: "old" }), usual())) },
  { name: "white space in Signature-Input is not signed", expected: "VERIFIED", request: field(also(GET, ...usual()), "signature-input", (value) => value.replace("(", "(  ").replace('" "', '"   "')) },
  { name: "unsigned where nobody asks", expected: "UNSIGNED", request: GET, ...policy({ asked: "if-present" }) },
  signed("signed by others only where nobody asks", "UNSIGNED", { parameters: { keyid: "proxy" }, ...policy({ asked: "if-present" }) }),

  { name: "unsigned", expected: "NOT_SIGNED", request: GET },
  signed("the id of another key's pair", "NOT_SIGNED", { pair: OTHER_PAIR, parameters: { keyid: "sk_other" } }),
  signed("no keyid", "NOT_SIGNED", { parameters: { keyid: undefined } }),
  signed("tagged for another application", "NOT_SIGNED", { parameters: { tag: "web-bot-auth" } }),
  signed("another pair under our id", "SIGNATURE_WRONG", { pair: OTHER_PAIR }),
  signed("wrong, where nobody asks for a signature", "SIGNATURE_WRONG", { pair: OTHER_PAIR, ...policy({ asked: "if-present" }) }),
  signed("replayed to another path", "SIGNATURE_WRONG", { after: (r) => ({ ...r, target: "/v1/items/7?page=2" }) }),
  signed("replayed to another query", "SIGNATURE_WRONG", { after: (r) => ({ ...r, target: "/v1/items?page=3" }) }),
  signed("replayed with another method", "SIGNATURE_WRONG", { after: (r) => ({ ...r, method: "DELETE" }) }),
  signed("replayed in lower case", "SIGNATURE_WRONG", { after: (r) => ({ ...r, method: "get" }) }),
  signed("replayed to another host", "SIGNATURE_WRONG", { after: (r) => ({ ...r, authority: "staging.example.com" }) }),
  signed("replayed over plain HTTP", "SIGNATURE_WRONG", { after: (r) => ({ ...r, scheme: "http" }) }),
  signed("a query where none was", "COMPONENT_NOT_COVERED", { request: { ...GET, target: "/v1/items" }, components: ["@method", "@authority", "@path"], after: (r) => ({ ...r, target: "/v1/items?admin=1" }) }),
  signed("a bare question mark, which @query cannot tell from nothing", "COMPONENT_NOT_COVERED", { request: { ...GET, target: "/v1/items" }, components: ["@method", "@authority", "@path", "@query"], after: (r) => ({ ...r, target: "/v1/items?" }) }),
  signed("a bare question mark that is covered", "VERIFIED", { request: { ...GET, target: "/v1/items?" } }),
  signed("@query-param does not cover the rest of a query", "COMPONENT_NOT_COVERED", { components: ["@method", "@authority", "@path", ["@query-param", { name: "page" }]] }),
  signed("the method is not covered", "COMPONENT_NOT_COVERED", { components: ["@target-uri"] }),
  signed("the host is not covered", "COMPONENT_NOT_COVERED", { components: ["@method", "@path", "@query"] }),
  signed("nothing is covered", "COMPONENT_NOT_COVERED", { components: [] }),
  signed("a component that the route asks for is not covered", "COMPONENT_NOT_COVERED", { request: POST, ...policy({ components: ["content-type"] }) }),
  signed("a body without a covered digest where the route asks", "COMPONENT_NOT_COVERED", { request: POST, ...digestAsked }),
  signed("a covered field was taken away", "COMPONENT_ABSENT", { request: POST, components: [...USUAL, "content-type"], after: (r) => without(r, "content-type") }),
  signed("a covered field was changed", "SIGNATURE_WRONG", { request: POST, components: [...USUAL, "content-type"], after: (r) => field(r, "content-type", () => "text/plain") }),
  signed("a second line of a covered field", "SIGNATURE_WRONG", { request: POST, components: [...USUAL, "content-type"], after: (r) => also(r, ["content-type", "text/plain"]) }),
  signed("a query parameter twice has no one value", "COMPONENT_ABSENT", { components: [...USUAL, ["@query-param", { name: "page" }]], after: (r) => ({ ...r, target: "/v1/items?page=2&page=3" }) }),
  signed("another body", "DIGEST_WRONG", { request: POST, components: BODIES, after: (r) => ({ ...r, body: '{"hello": "World"}' }) }),
  signed("no body any more", "DIGEST_WRONG", { request: POST, components: BODIES, after: (r) => ({ ...r, body: null }) }),
  signed("another body with its own digest", "SIGNATURE_WRONG", { request: POST, components: BODIES, after: (r) => ({ ...field(r, "content-digest", () => contentDigest("x")), body: "x" }) }),
  signed("one right digest and one wrong one", "DIGEST_WRONG", { request: field(POST, "content-digest", (d) => `${d}, ${contentDigest("x", "sha-512")}`), components: BODIES }),
  signed("a digest that nobody checks any more", "DIGEST_UNUSABLE", { request: field(POST, "content-digest", () => "md5=:Sd/dVLAcvNLSq16eXua5uQ==:"), components: BODIES }),
  signed("a digest that is too short", "DIGEST_UNUSABLE", { request: field(POST, "content-digest", () => "sha-256=:AAAA:"), components: BODIES }),
  signed("a digest twice", "DIGEST_UNUSABLE", { request: field(POST, "content-digest", (d) => `${d}, ${contentDigest("x")}`), components: BODIES }),

  signed("as old as the policy takes", "VERIFIED", { now: CREATED + 300 }),
  signed("too old by a second", "TOO_OLD", { now: CREATED + 301 }),
  signed("from before there was time", "TOO_OLD", { parameters: { created: -1 } }),
  signed("ahead as far as clocks differ", "VERIFIED", { now: CREATED - 30 }),
  signed("ahead by a second more", "CREATED_IN_FUTURE", { now: CREATED - 31 }),
  signed("no creation time", "CREATED_MISSING", { parameters: { created: undefined } }),
  signed("in its last second", "VERIFIED", { parameters: { expires: NOW + 1 } }),
  signed("expired", "EXPIRED", { parameters: { expires: NOW } }),
  signed("expired before it was made", "EXPIRED", { parameters: { expires: -5 } }),
  signed("no nonce where one is asked for", "NONCE_MISSING", policy({ needs_nonce: true })),
  signed("an empty nonce", "NONCE_UNUSABLE", { parameters: { nonce: "" } }),
  signed("a nonce that is too long", "NONCE_UNUSABLE", { parameters: { nonce: "n".repeat(129) } }),

  signed("another algorithm's name", "ALGORITHM_UNSUPPORTED", { parameters: { alg: "hmac-sha256" } }),
  signed("an algorithm in other letters", "ALGORITHM_UNSUPPORTED", { parameters: { alg: "Ed25519" } }),
  signed("a parameter that the RFC does not know", "PARAMETER_UNSUPPORTED", { parameters: { scope: "all" } }),
  signed("a creation time as a text", "PARAMETER_UNSUPPORTED", { parameters: { created: "1618884473" } }),
  signed("a small-order public key", "SIGNATURE_WRONG", { keys: [{ id: KEY_ID, public_key: SMALL_ORDER }] }),
  raw("a small-order public key and the signature that fits it", "SIGNATURE_WRONG",
    [["signature-input", `sig1=${listText(USUAL, PARAMETERS)}`], ["signature", `sig1=:${Buffer.concat([Buffer.from(SMALL_ORDER, "hex"), Buffer.alloc(32)]).toString("base64")}:`]],
    { more: { keys: [{ id: KEY_ID, public_key: SMALL_ORDER }] } }),
  signed("a signature cut short", "SIGNATURE_WRONG", { after: (r) => field(r, "signature", () => "sig1=:AAAA:") }),
  signed("no signature under the label", "SIGNATURE_MISSING", { after: (r) => field(r, "signature", (value) => value.replace("sig1", "sig2")) }),
  signed("no Signature field", "SIGNATURE_MISSING", { after: (r) => without(r, "signature") }),
  signed("a signature that is a text", "SIGNATURE_MISSING", { after: (r) => field(r, "signature", () => 'sig1="AAAA"') }),
  { name: "one label twice in Signature-Input", expected: "FIELD_MALFORMED", request: field(also(GET, ...usual()), "signature-input", (value) => `sig1=();created=1;keyid="x", ${value}`) },
  { name: "one label twice in Signature", expected: "FIELD_MALFORMED", request: field(also(GET, ...usual()), "signature", (value) => `sig1=:AAAA:, ${value}`) },
  { name: "Signature-Input in two lines with one label", expected: "FIELD_MALFORMED", request: also(GET, ...usual(), ["signature-input", 'sig1=();created=1;keyid="x"']) },
  { name: "a parameter twice", expected: "FIELD_MALFORMED", request: field(also(GET, ...usual()), "signature-input", (value) => `${value};created=${CREATED + 5}`) },
  { name: "a member that is no list", expected: "FIELD_MALFORMED", request: field(also(GET, ...usual()), "signature-input", (value) => `${value}, other=1`) },
  raw("not a dictionary", "FIELD_MALFORMED", [["signature-input", "sig1=("], ["signature", "sig1=:AAAA:"]]),
  raw("components that are tokens", "FIELD_MALFORMED", [["signature-input", `sig1=(method);keyid="${KEY_ID}"`], ["signature", "sig1=:AAAA:"]]),
  raw("malformed, where nobody asks for a signature", "FIELD_MALFORMED", [["signature-input", "sig1"]], { more: policy({ asked: "if-present" }) }),
  raw("a giant Signature-Input", "FIELD_TOO_LONG", [["signature-input", `a=("${"x".repeat(8192)}")`]]),
  raw("33 components", "FIELD_MALFORMED", [["signature-input", `sig1=(${Array.from({ length: 33 }, (_, i) => `"x-${i}"`).join(" ")});keyid="${KEY_ID}"`]]),
  raw("17 signatures", "FIELD_MALFORMED", [["signature-input", Array.from({ length: 17 }, (_, i) => `s${i}=()`).join(", ")]]),
  { name: "three signatures by the key's own pairs", expected: "TOO_MANY_SIGNATURES", request: also(GET, ...both(both(usual({ label: "a" }), usual({ label: "b" })), usual({ label: "c" }))) },
  signed("a component twice", "COMPONENT_REPEATED", { components: [...USUAL, "@method"] }),
  signed("one query parameter twice", "COMPONENT_REPEATED", { components: [...USUAL, ["@query-param", { name: "page" }], ["@query-param", { name: "page" }]] }),
  ...["@status", "@signature-params", "@unknown", "Content-Type", ""].map((name) =>
    raw(`a component that no request has: "${name}"`, "COMPONENT_UNSUPPORTED",
      [["signature-input", `sig1=${listText([...USUAL, name], PARAMETERS)}`], ["signature", "sig1=:AAAA:"]])),
  ...["req", "sf", "bs", "tr"].map((name) =>
    raw(`a component with ;${name}`, "COMPONENT_UNSUPPORTED",
      [["content-type", "a"], ["signature-input", `sig1=${listText([...USUAL, ["content-type", { [name]: true }]], PARAMETERS)}`], ["signature", "sig1=:AAAA:"]])),
  raw("a member of a dictionary field", "COMPONENT_UNSUPPORTED",
    [["content-digest", "sha-256=:AA==:"], ["signature-input", `sig1=${listText([...USUAL, ["content-digest", { key: "sha-256" }]], PARAMETERS)}`], ["signature", "sig1=:AAAA:"]]),
  raw("a query parameter without its name", "COMPONENT_UNSUPPORTED", [["signature-input", `sig1=${listText([...USUAL, "@query-param"], PARAMETERS)}`], ["signature", "sig1=:AAAA:"]]),
  raw("a field with a character above ASCII", "VALUE_UNUSABLE",
    [["x-name", "é"], ["signature-input", `sig1=${listText([...USUAL, "x-name"], PARAMETERS)}`], ["signature", "sig1=:AAAA:"]]),
  raw("a folded field", "VALUE_UNUSABLE",
    [["x-name", 'a\n"@path": /admin'], ["signature-input", `sig1=${listText([...USUAL, "x-name"], PARAMETERS)}`], ["signature", "sig1=:AAAA:"]]),
];

// The RFC's own text must come out of this implementation too, or it is no second opinion.
for (const { name, request, signature_input, base } of bases) {
  const list = signature_input.slice("sig1=".length);
  const components = [...list.slice(1, list.indexOf(")")).matchAll(/"([^"]*)"(?:;name="([^"]*)")?/g)].map(([, component, of]) =>
    of === undefined ? component : [component, { name: of }]);
  const plain = { ...request, authority: request.authority.toLowerCase().replace(/:443$/, "") };
  if (signatureBase(plain, components, list) !== base) throw new Error(`the base of "${name}" is not what the RFC prints`);
}

const numbered = (list) => list.map((each, index) => ({ number: index + 1, ...each }));
const text = JSON.stringify({ defaults: { keys: KEYS, policy: POLICY, now: NOW }, bases: numbered(bases), cases: numbered(cases) }, null, 2) + "\n";
const file = new URL("signing.json", import.meta.url);
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== text) {
    console.error("spec/vectors/signing.json is out of date: run `node spec/vectors/signing.mjs`");
    process.exit(1);
  }
} else {
  writeFileSync(file, text);
}
