import { describeBundle, Validator } from "latchkey-wasm";

/** The head of a bundle as it says itself; times in seconds since the epoch. */
export interface Head {
  audience: string;
  epoch: number;
  seq: number;
  issuedAt: number;
  freshUntil: number;
  validUntil: number;
  /** Rows in the base. */
  keys: number;
  /** Other than this, gates mix a secret of their own into what they look keys up by. */
  tagScheme: "sha256" | "hmac-sha256";
}

/** A snapshot whose signature and content were checked against trusted keys. */
export interface Verified {
  head: Head;
  validator: Validator;
  /** How many parts of its base are not here: keys in them cannot be looked up. */
  missing: number;
}

/** What a snapshot says of a key. */
export interface KeyReport {
  status: "active" | "disabled" | "expired" | "revoked" | "unknown" | "no-token" | "no-snapshot" | "pepper-needed" | "object-needed";
  reason?: string;
  key?: {
    id: string;
    environment: string;
    owner?: string;
    metadata?: string;
    expiresAt?: number;
    roles: { number: number; grants: string[] }[];
    grants: string[];
    addresses?: { first: string; last: string }[];
    constraints: { name: string; values: string[] }[];
    rateLimits: { name: string; limit: number; windowSeconds: number; isExact: boolean }[];
    credits?: { unit: string; granted: number }[];
    signingKeys: number;
    mustSign: boolean;
    hasUnknownRestriction: boolean;
  };
}

/** Where a bundle says what it is for, and what it says if its head is to be taken up (spec/snapshot.md section 8). */
const INTENT_AT = 5;
const COMMIT = 1;

const REFUSALS: Record<string, string> = {
  BAD_MAGIC: "This file is no snapshot bundle.",
  TRUNCATED: "The file ends too early: it was not copied whole.",
  TOO_LONG: "The file is larger than a bundle can be, which has at most 4 MiB.",
  KEY_NOT_TRUSTED: "It is not signed by any of the trusted keys.",
  SIGNATURE_INVALID: "Its signature does not verify: it was changed after it was signed.",
  BODY_HASH_MISMATCH: "Part of it is not what was signed.",
  BODY_UNEXPECTED: "It holds a part that nothing signed leads to.",
  BODY_MISSING: "It is not a whole snapshot. If it was exported in parts, choose all of its files together.",
  EXPIRED: "It is past the time until which it is valid.",
  ISSUED_IN_FUTURE: "It was issued in the future: one of the clocks is wrong.",
};

export function now(): number {
  return Math.floor(Date.now() / 1_000);
}

/**
 * Verifies a bundle as a gate would, with those that bring the rest of a large snapshot, in any order.
 *
 * @throws {Error} with a sentence for people.
 */
export function verify(bundles: Uint8Array[], trustedKeys: string[]): Verified {
  if (trustedKeys.length === 0) throw new Error("Give the key that signs the keyspace's snapshots: without one, anybody could have made the file.");
  const bundle = bundles.find((one) => one[INTENT_AT] === COMMIT) ?? bundles[0] ?? new Uint8Array();
  let head: Head;
  try {
    head = describeBundle(bundle) as Head;
  } catch (error) {
    throw new Error(inWords((error as Error).message));
  }
  let validator: Validator;
  try {
    validator = new Validator(head.audience, trustedKeys);
  } catch {
    throw new Error("A trusted key is a line that begins with ed25519: as latchkey snapshot get shows it.");
  }
  for (const other of bundles.filter((one) => one !== bundle)) validator.keep(other);
  const refusal = validator.load(bundle, now());
  if (refusal === undefined) return { head, validator, missing: validator.missing().length };
  validator.free();
  throw new Error(inWords(refusal));
}

function inWords(code: string): string {
  return `${REFUSALS[code] ?? "A gate would refuse it."} (${code})`;
}
