// Something between the control plane and a gate that damages what is pushed, always in the same place, as a broken machine does: the gate gets whole, well signed
// heads whose bodies are not what they say. Everything else passes as it is.
import { startServer } from "./server.mjs";

/** Forwards to the gate at `url`. One bit of every body for which `damages(body)` says so is turned over; none before it is set. */
export async function startDamage(url) {
  const damage = { damages: () => false, count: 0 };
  const server = await startServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    for (const sent of bodiesOf(body).filter((sent) => damage.damages(sent))) {
      sent[sent.length - 1] ^= 1;
      damage.count += 1;
    }
    const { host, connection, "content-length": length, ...headers } = request.headers;
    const init = { method: request.method, headers, body: body.length > 0 ? body : undefined };
    try {
      const answer = await fetch(url + request.url, init);
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/plain" });
      response.end(Buffer.from(await answer.arrayBuffer()));
    } catch {
      request.socket.destroy();
    }
  });
  return Object.assign(damage, { url: server.url, close: server.close });
}

/** The bodies of a bundle, as views into it: spec/snapshot.md, section 8. */
function bodiesOf(bundle) {
  if (bundle.subarray(0, 4).toString() !== "LKBU") return [];
  let at = 8 + bundle.readUInt16LE(6);
  const count = bundle.readUInt16LE(at);
  at += 2;
  return Array.from({ length: count }, () => {
    const length = bundle.readUInt32LE(at);
    at += 4 + length;
    return bundle.subarray(at - length, at);
  });
}
