import * as wasm from "./index.js";
export default { fetch(request, env, ctx) { return wasm.fetch(request, env, ctx); } };
