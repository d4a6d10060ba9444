// A token that ends at a moment, asked for until it has.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

/** The clocks of two processes on one machine lie apart by less. */
const CLOCKS_MS = 100;

/**
 * Asks with `code` until the token has ended: what is answered before `end`, in milliseconds, must be VALID, and what is asked after it EXPIRED. However
 * slow the machine is, nothing else is right; only a request that is under way at `end` may be answered either way. Returns how many passed.
 */
export async function assertEndsAt(end, code) {
  for (let passed = 0; ; ) {
    const askedAt = Date.now();
    const answer = await code();
    if (Date.now() < end - CLOCKS_MS) {
      assert.equal(answer, "VALID", `${end - Date.now()} ms before its end`);
      passed += 1;
    } else if (askedAt > end + CLOCKS_MS) {
      assert.equal(answer, "EXPIRED", `asked ${askedAt - end} ms after its end`);
      return passed;
    }
    await pause(10);
  }
}
