// The numbered cases of spec/vectors, and the Wasm build that has to agree with them.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const folder = process.env.WASM_NODE_DIR;
if (!folder) throw new Error("WASM_NODE_DIR is not set; run this by `cargo xtask test vectors`");

export const wasm = createRequire(import.meta.url)(join(resolve(folder), "latchkey_wasm.js"));

export function vectors(name) {
  return JSON.parse(readFileSync(new URL(`../../spec/vectors/${name}.json`, import.meta.url), "utf8"));
}

export const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
