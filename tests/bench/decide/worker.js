// The contenders in workerd, run on request. Its clock stands still while it computes, so whoever asks has to take the time.
import { floor, latchkey, load } from "./contenders.js";
import floorModule from "./floor.wasm";
import * as wasm from "./latchkey_wasm.js";
import module from "./latchkey_wasm_bg.wasm";

wasm.initSync({ module });
const contenders = { floor: floor(floorModule) };

/** Takes the files of a snapshot for a contender. */
async function take(request, contender) {
  const files = {};
  for (const [name, file] of await request.formData()) files[name] = new Uint8Array(await file.arrayBuffer());
  contenders[contender] = latchkey(wasm, load(wasm, files));
}

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const contender = searchParams.get("contender") ?? "floor";
    if (request.method === "POST") await take(request, contender);
    else contenders[contender](Number(searchParams.get("calls")));
    return new Response("done\n");
  },
};
