// Ports for programs that have to be told theirs, and told it before they listen.
import { once } from "node:events";
import { createServer } from "node:net";

// Below those that a system gives to whoever asks for any (Linux 32768, macOS and Windows 49152, both up): a port of those may be given away again
// before its program listens, and whoever has it then answers in the program's place.
const FIRST = 10_240;
const LAST = 32_767;

// Test files that run side by side are processes with neighbouring numbers, and begin far from one another.
const STRIDE = 509;
let next = FIRST + ((process.pid * STRIDE) % (LAST - FIRST));

/** The first of `count` neighbouring ports that nobody listens on. None is given twice. */
export async function freePorts(count) {
  for (;;) {
    if (next + count > LAST) next = FIRST;
    const ports = Array.from({ length: count }, () => next++);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return ports[0];
  }
}

export const freePort = () => freePorts(1);

async function isFree(port) {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
