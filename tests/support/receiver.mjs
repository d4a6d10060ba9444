// Takes webhooks: remembers every delivery as it came, and answers as it is told.
import { Webhook } from "standardwebhooks";
import { startServer } from "./server.mjs";

/** Whether the library of the Standard Webhooks takes a delivery as signed with this secret. */
export function isSigned({ body, headers }, secret) {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

export class Receiver {
  #server;
  /** What came: `id`, `headers`, `body` as the text that was signed, `event`, that text read, and `at`, when. */
  received = [];
  /** A function of a delivery to the status it gets. */
  answer = () => 200;

  static async start() {
    const receiver = new Receiver();
    receiver.#server = await startServer((request, response) => receiver.#take(request, response));
    receiver.url = `${receiver.#server.url}/hook`;
    return receiver;
  }

  async #take(request, response) {
    const parts = [];
    try {
      for await (const part of request) parts.push(part);
    } catch {
      return; // The sender was killed in the middle of it.
    }
    const body = Buffer.concat(parts).toString("utf8");
    const delivery = { id: request.headers["webhook-id"], headers: request.headers, body, event: JSON.parse(body), at: Date.now() };
    this.received.push(delivery);
    response.writeHead(this.answer(delivery)).end("thanks");
  }

  stop() {
    return this.#server.close();
  }
}
