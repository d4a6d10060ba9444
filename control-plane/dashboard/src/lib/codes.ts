/** What the codes of decisions mean, in few words; spec/decision.md has all of it. A code that is newer than this page has none. */
const MEANINGS: Record<string, string> = {
  VALID: "let through",
  MISSING_KEY: "no key was sent",
  MALFORMED_KEY: "what was sent is no key",
  NOT_FOUND: "no such key in this keyspace",
  REVOKED: "the key is revoked",
  DISABLED: "the key is off",
  EXPIRED: "the key has expired",
  ENVIRONMENT_MISMATCH: "a key of the other environment",
  IP_DENIED: "not from this address",
  ROUTE_NOT_FOUND: "no route matches",
  INSUFFICIENT_PERMISSIONS: "a permission is lacking",
  CONSTRAINT_DENIED: "outside the networks or other values of the key",
  SIGNATURE_REQUIRED: "the request is not signed",
  SIGNATURE_INVALID: "the signature does not verify",
  RATE_LIMITED: "too many requests",
  CREDITS_EXHAUSTED: "the credits are used up",
  SNAPSHOT_UNAVAILABLE: "the gate had no snapshot",
  SNAPSHOT_EXPIRED: "the gate's snapshot was too old",
  RESTRICTION_UNSUPPORTED: "the gate is too old for what restricts the key",
  LIMITS_UNAVAILABLE: "what counts requests did not answer",
  UNKNOWN: "the gate had to forget what was decided",
};

export function meaningOf(code: string): string | undefined {
  return MEANINGS[code];
}
