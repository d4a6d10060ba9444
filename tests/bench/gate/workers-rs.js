// A hello world in the worker crate, with the least entry that it can have.
import * as wasm from "./index.js";

export default {
  fetch(request, env, ctx) {
    return wasm.fetch(request, env, ctx);
  },
};
