import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The key preview: a page of its own, whose addresses are all relative, so that its folder can be served from anywhere. */
export default defineConfig({
  root: join(import.meta.dirname, "preview"),
  base: "./",
  publicDir: join(import.meta.dirname, "public"),
  plugins: [react()],
  resolve: { alias: { "latchkey-wasm": join(import.meta.dirname, "../../target/latchkey/wasm-web/latchkey_wasm.js") } },
  build: {
    outDir: join(import.meta.dirname, "dist/preview"),
    emptyOutDir: false,
    target: "es2022",
    // The content security policy knows no data: scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
