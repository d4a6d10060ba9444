// A sample upstream: answers with what the gate let through, so that a person or a test can see it.
// Usage: node server.mjs [--port N]   (0, the default, takes a free port; the first line printed says which)
import { createServer } from "node:http";

const CREDENTIAL_HEADERS = ["authorization", "x-api-key", "cookie"];

let requests = 0;

function summary(request) {
  const headers = Object.entries(request.headers);
  return {
    method: request.method,
    path: request.url,
    latchkey: Object.fromEntries(headers.filter(([name]) => name.startsWith("latchkey-"))),
    credential_headers: CREDENTIAL_HEADERS.filter((name) => name in request.headers),
    requests,
  };
}

// Piece by piece as it arrives: a gate that buffered the body would hold the first piece back.
function echo(request, response) {
  const { credential_headers, latchkey } = summary(request);
  response.writeHead(200, {
    "content-type": request.headers["content-type"] ?? "application/octet-stream",
    "x-upstream-credential-headers": credential_headers.join(","),
    "x-upstream-latchkey-headers": JSON.stringify(latchkey),
  });
  request.pipe(response);
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://upstream");
  // Asked by tests, straight and not through the gate: it must not count itself.
  if (pathname === "/requests") {
    response.end(JSON.stringify({ requests }));
    return;
  }
  requests += 1;
  if (pathname === "/echo" && request.method === "POST") {
    echo(request, response);
    return;
  }
  request.resume();
  response.writeHead(200, { "content-type": "application/json" });
  response.end(`${JSON.stringify(summary(request), null, 2)}\n`);
});

const wanted = process.argv.indexOf("--port");
const port = wanted === -1 ? 0 : Number(process.argv[wanted + 1]);
server.listen(port, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
