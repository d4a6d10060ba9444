// Writes a workerd configuration with every contender behind a socket of its own. Raw workerd, because `wrangler dev` puts a proxy in front that
// takes longer than what is measured.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

const DATE = "2026-07-15";

/** `contenders`: {name, port, dir, bindings, relay}; `dir` is a folder of modules inside `folder`. Returns the file's path. */
export function writeConfig(folder, contenders) {
  // SQLite needs a disk.
  const storage = join(folder, "storage");
  mkdirSync(storage);
  const services = contenders.map((contender) => `    (name = "${contender.name}", worker = ${worker(folder, contender)}),`);
  const sockets = contenders.map(
    ({ name, port }) => `    (name = "${name}", address = "127.0.0.1:${port}", http = (), service = "${name}"),`,
  );
  const file = join(folder, "config.capnp");
  writeFileSync(file, `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
${services.join("\n")}
    (name = "storage", disk = (path = ${JSON.stringify(storage)}, writable = true)),
  ],
  sockets = [
${sockets.join("\n")}
  ],
);
`);
  return file;
}

function worker(folder, { dir, bindings = {}, relay = false }) {
  const list = Object.entries(bindings).map(([name, value]) =>
    value.service ? `(name = "${name}", service = "${value.service}")` : `(name = "${name}", text = ${JSON.stringify(value)})`,
  );
  if (relay) list.push(`(name = "RELAY", durableObjectNamespace = "Relay")`);
  const objects = relay
    ? `durableObjectNamespaces = [(className = "Relay", uniqueKey = "relay", enableSql = true)], durableObjectStorage = (localDisk = "storage"),`
    : "";
  return `(modules = [${modules(folder, dir).join(", ")}], compatibilityDate = "${DATE}", ${objects} bindings = [${list.join(", ")}])`;
}

// The first module is the entry; every folder has one called entry.js.
function modules(folder, dir) {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && /\.(js|wasm)$/.test(file.name))
    .map((file) => relative(dir, join(file.parentPath, file.name)).split(sep).join("/"));
  files.sort((one, other) => Number(other === "entry.js") - Number(one === "entry.js"));
  return files.map((name) => {
    const kind = name.endsWith(".wasm") ? "wasm" : "esModule";
    return `(name = "${name}", ${kind} = embed "${relative(folder, join(dir, name)).split(sep).join("/")}")`;
  });
}
