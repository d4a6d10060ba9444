// Computes spec/vectors/token.json from spec/token.md, without the Rust code:
//   node spec/vectors/token.mjs           writes the file
//   node spec/vectors/token.mjs --check   fails if the file differs
import { createHash, createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PEPPER = { version: 7, key: Buffer.from(Array.from({ length: 32 }, (_, i) => i)) };
// Made up, and visibly so: 32 characters each.
const SECRET = "TestVectorTestVectorTestVector00";
const ZEROS = "0".repeat(32);
const LAST = "z".repeat(32);

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function check(body) {
  let rest = crc32(Buffer.from(body, "latin1"));
  let digits = "";
  for (let i = 0; i < 6; i++) {
    digits = DIGITS[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

const make = (prefix, environment, secret = SECRET) => {
  const body = `${prefix}_${environment}_${secret}`;
  return body + check(body);
};

function hashes(input) {
  const digest = createHash("sha256").update(input, "latin1").digest();
  const mac = createHmac("sha256", PEPPER.key).update(digest).digest();
  return {
    digest: digest.toString("hex"),
    tag: digest.subarray(0, 16).toString("hex"),
    tag_with_pepper: mac.subarray(0, 16).toString("hex"),
  };
}

const good = (name, prefix, environment, secret = SECRET) => {
  const input = make(prefix, environment, secret);
  return {
    name, input, kind: "latchkey", prefix, environment, secret,
    check: input.slice(-6), start: `${prefix}_${environment}_${secret.slice(0, 4)}`, ...hashes(input),
  };
};
const foreign = (name, input) => ({ name, input, kind: "foreign", start: input.slice(0, 4), ...hashes(input) });
const bad = (name, input, reason) => ({ name, input, error: reason });
const worse = (name, input, reason, foreign_reason) => ({ name, input, error: reason, foreign_error: foreign_reason });

const token = make("demo", "test");
const replaced = (index, character) => token.slice(0, index) + character + token.slice(index + 1);
// A checksum that starts with zeros shows the padding; this secret was searched for.
const padded = (() => {
  for (let n = 0; ; n++) {
    const secret = `Padding${String(n).padStart(25, "x")}`;
    if (check(`demo_test_${secret}`).startsWith("00")) return secret;
  }
})();
// The same checksum value plus 2^32 still fits in six digits: a second spelling, if numbers were compared.
const respelled = (() => {
  let value = crc32(Buffer.from(token.slice(0, -6), "latin1")) + 2 ** 32;
  let digits = "";
  for (let i = 0; i < 6; i++) {
    digits = DIGITS[value % 62] + digits;
    value = Math.floor(value / 62);
  }
  return token.slice(0, -6) + digits;
})();

const tokens = [
  good("default prefix, live", "lk", "live"),
  good("test environment", "demo", "test"),
  good("shortest prefix", "a", "test"),
  good("longest prefix, 55 bytes, still one SHA-256 block", "abcdefghij9", "live"),
  good("digits in the prefix", "k8s2", "live"),
  good("all zero secret", "demo", "test", ZEROS),
  good("all z secret", "demo", "live", LAST),
  good("prefix that is itself an environment", "live", "test"),
  good("checksum padded with zeros", "demo", "test", padded),
  worse("empty", "", "length", "length"),
  worse("15 bytes", "demo_test_ThisI", "length", "length"),
  bad("44 bytes", token.slice(0, 44), "length"),
  bad("56 bytes", make("abcdefghijkl", "live"), "length"),
  worse("256 bytes", "x".repeat(256), "length", "length"),
  bad("one character lost", token.slice(0, -1), "structure"),
  bad("one character too many", `${token}0`, "structure"),
  bad("no underscores", "NotATokenNotATokenNotATokenNotATokenNotATokenNotAT", "structure"),
  bad("dashes for underscores", token.replaceAll("_", "-"), "structure"),
  bad("upper-case prefix", make("Demo", "test"), "prefix"),
  bad("prefix starts with a digit", make("1demo", "test"), "prefix"),
  bad("underscore in the prefix", make("de_mo", "test"), "prefix"),
  bad("unknown environment", make("demo", "prod"), "environment"),
  bad("upper-case environment", make("demo", "LIVE"), "environment"),
  bad("dash in the secret", make("demo", "test", `${SECRET.slice(0, 31)}-`), "alphabet"),
  bad("underscore in the checksum", `${token.slice(0, -1)}_`, "alphabet"),
  worse("line feed at the end", `${token.slice(0, -1)}\n`, "alphabet", "not_visible_ascii"),
  worse("leading space", ` ${token}`, "prefix", "not_visible_ascii"),
  worse("null byte in the secret", replaced(20, "\0"), "alphabet", "not_visible_ascii"),
  worse("byte above ASCII in the secret", replaced(20, "\u00e9"), "alphabet", "not_visible_ascii"),
  worse("byte above ASCII in the prefix", replaced(1, "\u00e9"), "prefix", "not_visible_ascii"),
  bad("one character of the secret changed", replaced(20, "X"), "checksum"),
  bad("one character of the checksum changed", replaced(token.length - 1, token.endsWith("0") ? "1" : "0"), "checksum"),
  bad("two neighbours of the secret swapped", replaced(10, token[11]).slice(0, 11) + token[10] + token.slice(12), "checksum"),
  bad("environment exchanged", token.replace("_test_", "_live_"), "checksum"),
  bad("prefix exchanged", token.replace("demo", "acme"), "checksum"),
  bad("checksum spelled as its value plus 2^32", respelled, "checksum"),
  bad("checksum in lower case", token.slice(0, -6) + token.slice(-6).toLowerCase(), "checksum"),
].map((entry, index) => ({ number: index + 1, ...entry }));

const foreigners = [
  foreign("shortest foreign token, 16 bytes", "made-up-key-0016"),
  foreign("UUID", "00000000-1111-2222-3333-444444444444"),
  foreign("every kind of visible byte", "!made~up/key+with=signs.and:more"),
  foreign("longest foreign token, 255 bytes", "made-up-".repeat(32).slice(0, 255)),
].map((entry, index) => ({ number: 101 + index, ...entry }));

const bearer = (name, value, result) => ({ name, value, ...result });
const authorization = [
  bearer("usual form", `Bearer ${token}`, { token }),
  bearer("lower-case scheme", `bearer ${token}`, { token }),
  bearer("mixed-case scheme", `bEARER ${token}`, { token }),
  bearer("several spaces", `Bearer   ${token}`, { token }),
  bearer("a token of one byte is left to the parser", "Bearer x", { token: "x" }),
  bearer("empty value", "", { error: "other_scheme" }),
  bearer("another scheme", "Basic bWFkZTp1cA==", { error: "other_scheme" }),
  bearer("no scheme", token, { error: "other_scheme" }),
  bearer("longer scheme name", `BearerX ${token}`, { error: "other_scheme" }),
  bearer("tab for a space", `Bearer\t${token}`, { error: "other_scheme" }),
  bearer("scheme alone", "Bearer", { error: "no_token" }),
  bearer("scheme and spaces", "Bearer  ", { error: "no_token" }),
  bearer("two tokens", `Bearer ${token} ${token}`, { error: "junk" }),
  bearer("joined headers", `Bearer ${token}, Bearer ${token}`, { error: "junk" }),
  bearer("trailing space", `Bearer ${token} `, { error: "junk" }),
  bearer("control byte", `Bearer ${token}\u0001`, { error: "junk" }),
  bearer("256 bytes", `Bearer ${"x".repeat(256)}`, { error: "too_long" }),
].map((entry, index) => ({ number: 201 + index, ...entry }));

const document = {
  format: "spec/token.md",
  note: "Inputs are byte strings: each character stands for one byte (Latin-1). A case with `error` must be refused for that reason by the parser of our own tokens; under the shape that also takes foreign ones it is refused for `foreign_error`, or read as foreign where there is none.",
  pepper: { version: PEPPER.version, key: PEPPER.key.toString("hex") },
  tokens, foreign: foreigners, authorization,
};

const file = new URL("token.json", import.meta.url);
const text = `${JSON.stringify(document, null, 2)}\n`;
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== text) {
    console.error("spec/vectors/token.json is out of date: run `node spec/vectors/token.mjs`");
    process.exit(1);
  }
} else {
  writeFileSync(file, text);
}
