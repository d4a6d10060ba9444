// Tokens and ids as spec/token.md and spec/snapshot.md section 11 define them.
import { createHash, createHmac, randomInt } from "node:crypto";
import { crc32 } from "node:zlib";

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";

function digits(number, radix, alphabet, count) {
  let out = "";
  for (let i = 0; i < count; i++) {
    out = alphabet[Number(number % radix)] + out;
    number /= radix;
  }
  return out;
}

export function newToken(prefix = "demo", environment = "test") {
  const secret = Array.from({ length: 32 }, () => BASE62[randomInt(62)]).join("");
  const body = `${prefix}_${environment}_${secret}`;
  return body + digits(BigInt(crc32(body)), 62n, BASE62, 6);
}

/** With a pepper (32 bytes) or without. */
export function tagOf(token, pepper) {
  const digest = createHash("sha256").update(token).digest();
  return (pepper ? createHmac("sha256", pepper).update(digest).digest() : digest).subarray(0, 16);
}

export const idText = (kind, number) => `${kind}_${digits(BigInt(number), 32n, CROCKFORD, 13)}`;
