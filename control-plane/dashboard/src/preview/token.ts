import { inspectToken } from "latchkey-wasm";

/** What the text of a key says by itself, without a snapshot. */
export interface TokenReport {
  error?: string;
  kind?: "latchkey" | "foreign";
  prefix?: string;
  environment?: string;
  start?: string;
  digest?: string;
}

/** Why a text is no key of Latchkey's own form. */
const FAULTS: Record<string, string> = {
  length: "It is too short or too long for a key.",
  structure: "It does not have the parts of a key: a prefix, test or live, and a secret, with _ between them.",
  prefix: "A key begins with a prefix of at most 11 small letters and digits.",
  environment: "The middle part must be test or live.",
  alphabet: "The secret part may hold only letters and digits.",
  checksum: "The checksum does not match: a character was probably lost or changed.",
  not_visible_ascii: "A key holds only visible ASCII characters.",
};

export function bytesOf(token: string): Uint8Array {
  return new TextEncoder().encode(token);
}

/** Takes a key apart. One that was imported from elsewhere has no parts; then `fault` says why it is none of Latchkey's own. */
export function readToken(token: string): { report: TokenReport; fault: string | undefined } {
  const own = inspectToken(bytesOf(token), false) as TokenReport;
  if (!own.error) return { report: own, fault: undefined };
  const any = inspectToken(bytesOf(token), true) as TokenReport;
  return { report: any.error ? own : any, fault: FAULTS[own.error] ?? own.error };
}
