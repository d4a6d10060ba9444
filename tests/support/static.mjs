// A web server that only has files, such as people put copies of the key preview on.
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { startServer } from "./server.mjs";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm" };

export async function serveFolder(folder) {
  const asked = [];
  const { url, close } = await startServer(async (request, response) => {
    asked.push(request.url);
    const path = normalize(new URL(request.url, "http://x").pathname);
    try {
      const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(await readFile(file));
    } catch {
      response.writeHead(404).end();
    }
  });
  return { url, asked, stop: close };
}
