// Builds the dashboard into dist/: types from the committed OpenAPI document, type check, bundle, and its weight.
//   node build.mjs            all of it; nothing to do while the sources are those of the last build
//   node build.mjs --types    the types alone
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { gzipSync } from "node:zlib";

/** What a first visit may download, compressed: about a second on a slow phone connection. */
const FIRST_LOAD_LIMIT_BYTES = 300 * 1024;
/** What the validator may weigh that the key preview loads, compressed. */
const WASM_LIMIT_BYTES = 250 * 1024;
/** What is smaller in gzip. */
const SQUEEZABLE = /\.(css|html|js|svg|wasm)$/;

const here = import.meta.dirname;
const document = join(here, "../openapi.json");
const types = join(here, "src/api/schema.d.ts");
/** The validator for browsers, as `cargo xtask build dashboard` makes it. */
const wasm = join(here, "../../target/latchkey/wasm-web");
const stamp = join(here, "dist/.built-from");
const require = createRequire(import.meta.url);

if (process.argv.includes("--types")) {
  makeTypes();
} else if (read(join(wasm, "latchkey_wasm.js")) === undefined) {
  console.error("The validator is missing that the key preview needs: `cargo xtask build dashboard` builds both.");
  process.exit(1);
} else {
  const sources = hashOfSources();
  if (sources === read(stamp)) {
    console.log("unchanged");
  } else {
    rmSync(join(here, "dist"), { recursive: true, force: true });
    makeTypes();
    run("typescript/bin/tsc", "--noEmit");
    run("vite/bin/vite.js", "build", "--logLevel", "warn");
    run("vite/bin/vite.js", "build", "--config", "vite.preview.config.ts", "--logLevel", "warn");
    weigh();
    weighWasm();
    squeeze();
    writeFileSync(stamp, sources);
  }
}

function makeTypes() {
  mkdirSync(dirname(types), { recursive: true });
  run("openapi-typescript/bin/cli.js", document, "--output", types);
}

function run(tool, ...args) {
  const program = join(dirname(require.resolve(`${tool.split("/")[0]}/package.json`)), tool.split("/").slice(1).join("/"));
  const { status, error } = spawnSync(process.execPath, [program, ...args], { cwd: here, stdio: ["ignore", "inherit", "inherit"] });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function hashOfSources() {
  const hash = createHash("sha256");
  const files = ["../openapi.json", "../../package-lock.json", ...readdirSync(here).filter((name) => /\.(html|json|mjs|ts)$/.test(name))];
  for (const folder of ["src", "public", "preview", wasm]) files.push(...filesIn(folder));
  const made = relative(here, types);
  for (const file of files.filter((file) => file !== made).sort()) hash.update(file).update("\0").update(readFileSync(join(here, file))).update("\0");
  return hash.digest("hex");
}

/** Below a folder, by their paths from here. */
function filesIn(folder) {
  const inside = readdirSync(resolve(here, folder), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return inside.map((entry) => relative(here, join(entry.parentPath, entry.name)));
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Fails when the key preview's Wasm weighs more than its limit. */
function weighWasm() {
  const file = filesIn("dist/preview").find((file) => file.endsWith(".wasm"));
  if (!file) throw new Error("the key preview has no Wasm: has the form of its bindings changed?");
  const bytes = gzipSync(readFileSync(join(here, file)), { level: 9 }).length;
  console.log(`${(bytes / 1024).toFixed(1).padStart(7)} KB gzip  Wasm of the key preview (limit ${WASM_LIMIT_BYTES / 1024})`);
  if (bytes > WASM_LIMIT_BYTES) {
    console.error("The Wasm of the key preview is over its limit.");
    process.exit(1);
  }
}

/** Puts a file in gzip beside each that gets smaller by it, so that the server need not squeeze anything. */
function squeeze() {
  for (const file of filesIn("dist").filter((file) => SQUEEZABLE.test(file))) {
    const plain = readFileSync(join(here, file));
    const squeezed = gzipSync(plain, { level: 9 });
    if (squeezed.length < plain.length * 0.9) writeFileSync(join(here, `${file}.gz`), squeezed);
  }
}

/** Fails when the page and what it loads at once weigh more than the limit. */
function weigh() {
  const page = readFileSync(join(here, "dist/index.html"), "utf8");
  const loaded = [...page.matchAll(/(?:src|href)="\/dashboard\/([^"]+)"/g)].map(([, file]) => file);
  if (!loaded.some((file) => file.endsWith(".js"))) throw new Error("dist/index.html loads no script: has its form changed?");
  const weights = ["index.html", ...loaded].map((file) => [file, gzipSync(readFileSync(join(here, "dist", file))).length]);
  const total = weights.reduce((sum, [, bytes]) => sum + bytes, 0);
  for (const [file, bytes] of weights) console.log(`${(bytes / 1024).toFixed(1).padStart(7)} KB gzip  ${file}`);
  console.log(`${(total / 1024).toFixed(1).padStart(7)} KB gzip  first load (limit ${FIRST_LOAD_LIMIT_BYTES / 1024})`);
  if (total > FIRST_LOAD_LIMIT_BYTES) {
    console.error("The first load is over its limit: load what few pages need with lazy(), or do without it.");
    process.exit(1);
  }
}
