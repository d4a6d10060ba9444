import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `npm run dev` finds the API: the control plane that `cargo xtask up` starts. */
const CONTROL_PLANE = process.env["LATCHKEY_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/dashboard/",
  plugins: [react()],
  build: {
    target: "es2022",
    // The content security policy knows no data: scripts, and inlined files cannot be cached by themselves.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/v1": CONTROL_PLANE, "/openapi.json": CONTROL_PLANE } },
});
