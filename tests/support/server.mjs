// HTTP servers that tests put in the place of others.
import { once } from "node:events";
import { createServer } from "node:http";

/** Starts a server of this machine alone. Returns it, its address, and `close()`, which ends its connections too. */
export async function startServer(answer) {
  const server = createServer(answer);
  // Node ends connections that were idle for 5 s: on a slow machine under the hands of a client that is about to use one, which then finds nobody there.
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { server, url: `http://127.0.0.1:${server.address().port}`, close };
}
