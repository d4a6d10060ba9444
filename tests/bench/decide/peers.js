// What one would use without Latchkey. A contender is a function that makes so many calls, one after the other.
import { SignJWT, generateKeyPair, importJWK, exportJWK, jwtVerify } from "jose";

const PERMISSION = "orders:read";

/** What one would write by hand: hash with WebCrypto, look the hex digest up in a Map, compare permission and expiry. */
export async function webcryptoRecipe({ tokens, now }) {
  const encoder = new TextEncoder();
  const keys = new Map();
  const digest = async (token) =>
    Buffer.from(await crypto.subtle.digest("SHA-256", encoder.encode(token))).toString("hex");
  for (const token of tokens) {
    keys.set(await digest(token), { expiresAt: now + 86_400, permissions: new Set([PERMISSION]) });
  }
  return async (calls) => {
    for (let i = 0; i < calls; i++) {
      const key = keys.get(await digest(tokens[i & (tokens.length - 1)]));
      if (!key || key.expiresAt <= now || !key.permissions.has(PERMISSION)) throw new Error("denied");
    }
  };
}

/**
 * The usual self-contained credential: a signed token that says what its holder may. The public key is imported once. Nothing is looked up, so
 * nothing can be revoked.
 */
export async function joseEddsa({ tokens, now }) {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  const key = await importJWK(await exportJWK(publicKey), "EdDSA");
  const claims = { issuer: "bench", audience: "orders", currentDate: new Date(now * 1_000), algorithms: ["EdDSA"] };
  const sign = (_, number) =>
    new SignJWT({ permissions: [PERMISSION] })
      .setProtectedHeader({ alg: "EdDSA" })
      .setSubject(`key-${number}`)
      .setIssuer(claims.issuer)
      .setAudience(claims.audience)
      .setExpirationTime(now + 86_400)
      .sign(privateKey);
  const signed = await Promise.all(tokens.map(sign));
  return async (calls) => {
    for (let i = 0; i < calls; i++) {
      const { payload } = await jwtVerify(signed[i & (signed.length - 1)], key, claims);
      if (!payload.permissions.includes(PERMISSION)) throw new Error("denied");
    }
  };
}
