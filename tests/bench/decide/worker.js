// The contenders in workerd, run on request. Its clock stands still while it computes, so whoever asks has to take the time.
import { floor, latchkey, load } from "./contenders.js";
import floorModule from "./floor.wasm";
import * as wasm from "./latchkey_wasm.js";
import module from "./latchkey_wasm_bg.wasm";

wasm.initSync({ module });
const contenders = { floor: floor(floorModule) };

/** Takes the files of a snapshot. */
async function take(request) {
  const files = {};
  for (const [name, file] of await request.formData()) files[name] = new Uint8Array(await file.arrayBuffer());
  contenders.latchkey = latchkey(wasm, load(wasm, files));
}

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    if (request.method === "POST") await take(request);
    else contenders[searchParams.get("contender") ?? "floor"](Number(searchParams.get("calls")));
    return new Response("done\n");
  },
};
